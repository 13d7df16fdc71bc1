// Loaded into a process with LD_PRELOAD: makes its writes and flushes of chosen files fail, end short, take long, or kill it.
// What to do stands in a file that is mapped here and written by io-shim.ts, so that it can change at any moment, also while
// a thread sits in a native call. Without a rule that is switched on, a call costs one test of a mapped word.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The names of io-shim.ts, in its order.
enum { WRITE = 1, SYNCHRONOUS_WRITE = 2, FLUSH = 4, EXTEND = 8, RENAME = 16 };
enum { RULES = 16, RULE_BYTES = 256, PATH_BYTES = 216 };

struct rule {
  uint32_t calls;  // which calls it is about; 0: switched off. Written last, and cleared first.
  uint32_t error;  // errno; 0: the call is carried out
  uint32_t delay_ms;
  uint32_t skip;   // so many matching calls pass first
  uint32_t times;  // and it acts on so many
  uint32_t torn;   // per mille of the bytes that are written before the error
  uint32_t kill;   // 1: the process dies before the call, 2: after it
  uint32_t spare;
  uint32_t seen;   // matching calls
  uint32_t hit;    // of them acted on
  char path[PATH_BYTES];
};
_Static_assert(sizeof(struct rule) == RULE_BYTES, "io-shim.ts knows the size");

static struct rule *rules;

__attribute__((constructor)) static void map_rules(void) {
  const char *path = getenv("IO_SHIM_RULES");
  if (path == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, RULES * RULE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) rules = mapped;
}

static int path_of(int fd, char *out, size_t size) {
  char link[32] = "/proc/self/fd/";
  char digits[12];
  int length = 0;
  unsigned number = (unsigned)fd;
  do digits[length++] = '0' + number % 10; while ((number /= 10) > 0);
  char *at = link + strlen(link);
  while (length > 0) *at++ = digits[--length];
  *at = 0;
  ssize_t got = readlink(link, out, size - 1);
  if (got < 0) return 0;
  out[got] = 0;
  // Sockets and pipes have names that are no paths.
  return out[0] == '/';
}

// The rule that is to act on this call, if there is one.
static struct rule *match(uint32_t call, int fd, const char *path) {
  if (rules == NULL) return NULL;
  char own[4096];
  uint32_t kinds = 0;
  for (int i = 0; i < RULES; i++) {
    struct rule *rule = &rules[i];
    uint32_t calls = __atomic_load_n(&rule->calls, __ATOMIC_ACQUIRE);
    if (calls == 0) continue;
    if (kinds == 0) {
      int saved = errno;
      if (path == NULL && !path_of(fd, own, sizeof own)) own[0] = 0;
      kinds = call;
      if (call == WRITE && (fcntl(fd, F_GETFL) & O_DSYNC) != 0) kinds = SYNCHRONOUS_WRITE;
      errno = saved;
    }
    const char *name = path == NULL ? own : path;
    if ((calls & kinds) == 0 || name[0] == 0 || strstr(name, rule->path) == NULL) continue;
    uint32_t seen = __atomic_fetch_add(&rule->seen, 1, __ATOMIC_SEQ_CST);
    if (seen < rule->skip || seen - rule->skip >= rule->times) continue;
    __atomic_fetch_add(&rule->hit, 1, __ATOMIC_SEQ_CST);
    return rule;
  }
  return NULL;
}

static void wait_ms(uint32_t ms) {
  struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static void before(struct rule *rule) {
  if (rule->delay_ms > 0) wait_ms(rule->delay_ms);
  if (rule->kill == 1) kill(getpid(), SIGKILL);
}

static void after(struct rule *rule) {
  if (rule->kill == 2) kill(getpid(), SIGKILL);
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

// A function of a call on a descriptor that writes no bytes.
#define GUARD(kind, descriptor, name_of, carried_out) \
  struct rule *rule = match(kind, descriptor, name_of); \
  if (rule == NULL) return carried_out; \
  before(rule); \
  if (rule->error != 0) { \
    after(rule); \
    errno = (int)rule->error; \
    return -1; \
  } \
  __typeof__(carried_out) result = carried_out; \
  int failed_with = errno; \
  after(rule); \
  errno = failed_with; \
  return result

// Writes the part of the bytes that a torn write leaves, at `offset`, or where the descriptor stands if that is negative.
static void tear(int fd, const struct iovec *parts, int count, off_t offset, uint32_t per_mille) {
  size_t total = 0;
  for (int i = 0; i < count; i++) total += parts[i].iov_len;
  size_t left = total / 1000 * per_mille + total % 1000 * per_mille / 1000;
  static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
  static ssize_t (*real_write)(int, const void *, size_t);
  if (real_pwrite == NULL) {
    real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  }
  for (int i = 0; i < count && left > 0; i++) {
    size_t length = parts[i].iov_len < left ? parts[i].iov_len : left;
    ssize_t done = offset < 0 ? real_write(fd, parts[i].iov_base, length) : real_pwrite(fd, parts[i].iov_base, length, offset);
    if (done < 0) return;
    if (offset >= 0) offset += done;
    left -= (size_t)done;
  }
}

#define GUARD_WRITE(parts, count, offset, carried_out) \
  struct rule *rule = match(WRITE, fd, NULL); \
  if (rule == NULL) return carried_out; \
  before(rule); \
  if (rule->error != 0) { \
    if (rule->torn > 0) tear(fd, parts, count, offset, rule->torn); \
    after(rule); \
    errno = (int)rule->error; \
    return -1; \
  } \
  ssize_t result = carried_out; \
  int failed_with = errno; \
  after(rule); \
  errno = failed_with; \
  return result

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  struct iovec part = {(void *)bytes, length};
  GUARD_WRITE(&part, 1, -1, real(fd, bytes, length));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  GUARD_WRITE(parts, count, -1, real(fd, parts, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  REAL(pwrite);
  struct iovec part = {(void *)bytes, length};
  GUARD_WRITE(&part, 1, offset, real(fd, bytes, length, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  REAL(pwrite64);
  struct iovec part = {(void *)bytes, length};
  GUARD_WRITE(&part, 1, offset, real(fd, bytes, length, offset));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  REAL(pwritev);
  GUARD_WRITE(parts, count, offset, real(fd, parts, count, offset));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  REAL(pwritev64);
  GUARD_WRITE(parts, count, offset, real(fd, parts, count, offset));
}

int fdatasync(int fd) {
  REAL(fdatasync);
  GUARD(FLUSH, fd, NULL, real(fd));
}

int fsync(int fd) {
  REAL(fsync);
  GUARD(FLUSH, fd, NULL, real(fd));
}

// A mapping has no name here: the rule's path is compared with "/msync".
int msync(void *address, size_t length, int flags) {
  REAL(msync);
  GUARD(FLUSH, -1, "/msync", real(address, length, flags));
}

int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  GUARD(EXTEND, fd, NULL, real(fd, length));
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  GUARD(EXTEND, fd, NULL, real(fd, length));
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  REAL(fallocate);
  GUARD(EXTEND, fd, NULL, real(fd, mode, offset, length));
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  REAL(fallocate64);
  GUARD(EXTEND, fd, NULL, real(fd, mode, offset, length));
}

int rename(const char *from, const char *to) {
  REAL(rename);
  GUARD(RENAME, -1, to, real(from, to));
}
