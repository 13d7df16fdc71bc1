/*
 * Preloaded into a node: makes its flushes and writes fail or wait, as a control file says, and bends its clocks.
 *
 *   SHIM_CONTROL         a file of at least SHIM_BYTES bytes, written by whoever injects; the layout is `struct control`
 *   SHIM_CLOCK_PERMILLE  how fast the monotonic clock runs; 1000 is as it should
 *   SHIM_CLOCK_OFFSET    seconds that the time of day is off
 *
 * Everything else passes. Only files whose path contains `match` are hit.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FLUSH = 1, SYNCHRONOUS_WRITE = 2, OTHER_WRITE = 4 };

struct control {
  _Atomic uint32_t calls; /* which of the above; 0: none, and it is written last */
  int32_t error;          /* errno; 0: the call is carried out after the delay */
  uint32_t delay_ms;
  uint32_t one_in;        /* hits one call in so many */
  _Atomic int32_t left;   /* errors that are still to be given; below 0: without end */
  _Atomic uint32_t hits;  /* counted here */
  char match[256];
};

#define SHIM_BYTES 4096

static struct control *control;
static int64_t permille = 1000;
static int64_t offset_seconds;
static int64_t base_nanos;

static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_msync)(void *, size_t, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_gettimeofday)(struct timeval *, void *);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_clockwait)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

static int64_t nanos(const struct timespec *t) { return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec; }

static struct timespec timespec_of(int64_t n) {
  struct timespec t = {.tv_sec = n / 1000000000, .tv_nsec = n % 1000000000};
  return t;
}

static void find_functions(void) {
  if (real_clock_gettime != NULL) return;
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_msync = dlsym(RTLD_NEXT, "msync");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev");
  real_gettimeofday = dlsym(RTLD_NEXT, "gettimeofday");
  real_clockwait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  /* On x86-64 the name alone may find the functions of an older layout of conditions. */
  real_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (real_timedwait == NULL) real_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

__attribute__((constructor)) static void start(void) {
  find_functions();
  const char *rate = getenv("SHIM_CLOCK_PERMILLE");
  const char *offset = getenv("SHIM_CLOCK_OFFSET");
  const char *path = getenv("SHIM_CONTROL");
  struct timespec now;
  real_clock_gettime(CLOCK_MONOTONIC, &now);
  base_nanos = nanos(&now);
  if (offset != NULL) offset_seconds = atoll(offset);
  if (rate != NULL && atoll(rate) > 0) permille = atoll(rate);
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *map = mmap(NULL, SHIM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) control = map;
  close(fd);
}

static int concerns(int fd) {
  char link[64], path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, control->match) != NULL;
}

/* True: the call fails, and errno is set. */
static int strike(uint32_t call, int fd) {
  if (control == NULL || (atomic_load(&control->calls) & call) == 0) return 0;
  if (fd >= 0 && !concerns(fd)) return 0;
  static _Atomic uint32_t turn;
  if (control->one_in > 1 && atomic_fetch_add(&turn, 1) % control->one_in != 0) return 0;
  if (control->error != 0) {
    int32_t left = atomic_load(&control->left);
    while (left > 0 && !atomic_compare_exchange_weak(&control->left, &left, left - 1)) {
    }
    if (left == 0) return 0;
  }
  atomic_fetch_add(&control->hits, 1);
  if (control->delay_ms > 0) {
    struct timespec delay = timespec_of((int64_t)control->delay_ms * 1000000);
    while (nanosleep(&delay, &delay) != 0 && errno == EINTR) {
    }
  }
  if (control->error == 0) return 0;
  errno = control->error;
  return 1;
}

static int is_write_hit(int fd) {
  if (control == NULL || (atomic_load(&control->calls) & (SYNCHRONOUS_WRITE | OTHER_WRITE)) == 0) return 0;
  int flags = fcntl(fd, F_GETFL);
  return strike(flags >= 0 && (flags & O_DSYNC) != 0 ? SYNCHRONOUS_WRITE : OTHER_WRITE, fd);
}

int fdatasync(int fd) { return strike(FLUSH, fd) ? -1 : real_fdatasync(fd); }
int fsync(int fd) { return strike(FLUSH, fd) ? -1 : real_fsync(fd); }
int msync(void *at, size_t length, int flags) { return strike(FLUSH, -1) ? -1 : real_msync(at, length, flags); }

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  return is_write_hit(fd) ? -1 : real_pwrite(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return pwrite(fd, bytes, count, at); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  return is_write_hit(fd) ? -1 : real_pwritev(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

static int64_t bent(int64_t real) { return base_nanos + (real - base_nanos) / 1000 * permille; }
static int64_t straight(int64_t seen) { return base_nanos + (seen - base_nanos) / permille * 1000; }
static int is_monotonic(clockid_t clock) { return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE; }

int clock_gettime(clockid_t clock, struct timespec *t) {
  find_functions();
  int result = real_clock_gettime(clock, t);
  if (result != 0) return result;
  if (is_monotonic(clock) && permille != 1000) *t = timespec_of(bent(nanos(t)));
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) t->tv_sec += offset_seconds;
  return 0;
}

int gettimeofday(struct timeval *t, void *zone) {
  find_functions();
  int result = real_gettimeofday(t, zone);
  if (result == 0) t->tv_sec += offset_seconds;
  return result;
}

/* A deadline that was computed from a bent clock, by the kernel's clock. */
static struct timespec deadline(clockid_t clock, const struct timespec *seen) {
  if (is_monotonic(clock)) return permille == 1000 ? *seen : timespec_of(straight(nanos(seen)));
  struct timespec t = *seen;
  t.tv_sec -= offset_seconds;
  return t;
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until) {
  struct timespec t = deadline(clock, until);
  return real_clockwait(cond, mutex, clock, &t);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
  find_functions();
  /* Which clock the condition has cannot be asked, but no machine has been up for thirty years. */
  struct timespec t = deadline(until->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC, until);
  return real_timedwait(cond, mutex, &t);
}
