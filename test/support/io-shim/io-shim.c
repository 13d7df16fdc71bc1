// Loaded into a process with LD_PRELOAD: makes its calls for chosen files fail, end short or take long, and bends its clocks.
//
//   IO_SHIM_RULE            a file that holds one `struct rule`. It is mapped here and written by io-shim.ts, so that it can
//                           change at any moment, also while a thread sits in a native call
//   IO_SHIM_CLOCK_PERMILLE  how fast the monotonic clock runs; 1000 is as it should
//   IO_SHIM_CLOCK_OFFSET    seconds that the time of day is off
//
// Everything else passes; without a rule that is switched on, a call costs one look at a mapped word.
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

// The names of io-shim.ts, in its order.
enum { WRITE = 1, SYNCHRONOUS_WRITE = 2, FLUSH = 4, RENAME = 8 };

struct rule {
  _Atomic uint32_t calls;  // which calls it is about; 0: switched off. Written last, and cleared first
  uint32_t error;          // errno; 0: the call is carried out
  uint32_t delay_ms;
  uint32_t skip;           // so many matching calls pass first
  uint32_t one_in;         // of those that follow it acts on the last of each so many
  uint32_t times;          // and it acts so many times
  uint32_t torn;           // per mille of the bytes that a failing write leaves
  _Atomic uint32_t seen;   // matching calls
  _Atomic uint32_t hit;    // of them acted on
  char path[220];
};
_Static_assert(sizeof(struct rule) == 256, "io-shim.ts knows the size");
// What is defined below for `pwrite` stands for `pwrite64` as well.
_Static_assert(sizeof(off_t) == sizeof(off64_t), "one kind of offset");

static struct rule *rule;
static int64_t permille = 1000;
static int64_t offset_seconds;
static int64_t base_nanos;

// Looked up at the first call, which may come before `start`: from what else is being loaded.
#define REAL(name) \
  ({ \
    static __typeof__(name) *found; \
    if (found == NULL) found = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
    found; \
  })

static int64_t nanos(const struct timespec *t) { return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec; }

static struct timespec timespec_of(int64_t n) {
  struct timespec t = {.tv_sec = n / 1000000000, .tv_nsec = n % 1000000000};
  return t;
}

__attribute__((constructor)) static void start(void) {
  const char *rate = getenv("IO_SHIM_CLOCK_PERMILLE");
  const char *offset = getenv("IO_SHIM_CLOCK_OFFSET");
  const char *path = getenv("IO_SHIM_RULE");
  struct timespec now;
  REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
  base_nanos = nanos(&now);
  if (offset != NULL) offset_seconds = atoll(offset);
  if (rate != NULL && atoll(rate) > 0) permille = atoll(rate);
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof *rule, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) rule = mapped;
}

static int is_about(uint32_t calls) { return rule != NULL && (atomic_load(&rule->calls) & calls) != 0; }

// True: the call fails, and errno is set. False: it is carried out, and is late by now if the rule says so.
static int fails_at(uint32_t call, const char *path) {
  if (!is_about(call) || strstr(path, rule->path) == NULL) return 0;
  uint32_t seen = atomic_fetch_add(&rule->seen, 1);
  if (seen < rule->skip) return 0;
  uint32_t turn = seen - rule->skip;
  if (turn % rule->one_in != rule->one_in - 1 || turn / rule->one_in >= rule->times) return 0;
  // Taken before the delay: the rule may be another one after it.
  int error = (int)rule->error;
  struct timespec delay = timespec_of((int64_t)rule->delay_ms * 1000000);
  atomic_fetch_add(&rule->hit, 1);
  if (nanos(&delay) > 0) {
    while (nanosleep(&delay, &delay) != 0 && errno == EINTR) {
    }
  }
  errno = error;
  return error != 0;
}

static int fails(uint32_t call, int fd) {
  if (!is_about(call)) return 0;
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails_at(call, path);
}

// Writes the part of the bytes that a torn write leaves, at `at`, or where the descriptor stands if that is negative.
static void tear(int fd, const struct iovec *parts, int count, off_t at, uint32_t per_mille) {
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  size_t left = total * per_mille / 1000;
  for (int i = 0; i < count && left > 0; i++) {
    size_t length = parts[i].iov_len < left ? parts[i].iov_len : left;
    const void *bytes = parts[i].iov_base;
    ssize_t done = at < 0 ? REAL(write)(fd, bytes, length) : REAL(pwrite)(fd, bytes, length, at);
    if (done < 0) return;
    if (at >= 0) at += done;
    left -= (size_t)done;
  }
}

static int write_fails(int fd, const struct iovec *parts, int count, off_t at) {
  if (!is_about(WRITE | SYNCHRONOUS_WRITE)) return 0;
  int flags = fcntl(fd, F_GETFL);
  uint32_t torn = rule->torn;
  if (!fails(flags >= 0 && (flags & O_DSYNC) != 0 ? SYNCHRONOUS_WRITE : WRITE, fd)) return 0;
  int error = errno;
  tear(fd, parts, count, at, torn);
  errno = error;
  return 1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  return write_fails(fd, &part, 1, -1) ? -1 : REAL(write)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return write_fails(fd, parts, count, -1) ? -1 : REAL(writev)(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  struct iovec part = {(void *)bytes, length};
  return write_fails(fd, &part, 1, at) ? -1 : REAL(pwrite)(fd, bytes, length, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  return write_fails(fd, parts, count, at) ? -1 : REAL(pwritev)(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

int fdatasync(int fd) { return fails(FLUSH, fd) ? -1 : REAL(fdatasync)(fd); }
int fsync(int fd) { return fails(FLUSH, fd) ? -1 : REAL(fsync)(fd); }
int rename(const char *from, const char *to) { return fails_at(RENAME, to) ? -1 : REAL(rename)(from, to); }

static int64_t bent(int64_t real) { return base_nanos + (real - base_nanos) / 1000 * permille; }
static int64_t straight(int64_t seen) { return base_nanos + (seen - base_nanos) / permille * 1000; }
static int is_monotonic(clockid_t clock) { return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE; }

int clock_gettime(clockid_t clock, struct timespec *t) {
  int result = REAL(clock_gettime)(clock, t);
  if (result != 0) return result;
  if (is_monotonic(clock) && permille != 1000) *t = timespec_of(bent(nanos(t)));
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) t->tv_sec += offset_seconds;
  return 0;
}

int gettimeofday(struct timeval *t, void *zone) {
  int result = REAL(gettimeofday)(t, zone);
  if (result == 0) t->tv_sec += offset_seconds;
  return result;
}

// A deadline that was computed from a bent clock, by the kernel's clock.
static struct timespec deadline(clockid_t clock, const struct timespec *seen) {
  if (is_monotonic(clock)) return permille == 1000 ? *seen : timespec_of(straight(nanos(seen)));
  struct timespec t = *seen;
  t.tv_sec -= offset_seconds;
  return t;
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until) {
  struct timespec t = deadline(clock, until);
  return REAL(pthread_cond_clockwait)(cond, mutex, clock, &t);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
  // On x86-64 the name alone may find the function of an older layout of conditions.
  static __typeof__(pthread_cond_timedwait) *real;
  if (real == NULL) real = (__typeof__(real))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (real == NULL) real = REAL(pthread_cond_timedwait);
  // Which clock the condition has cannot be asked, but no machine has been up for thirty years.
  struct timespec t = deadline(until->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC, until);
  return real(cond, mutex, &t);
}
