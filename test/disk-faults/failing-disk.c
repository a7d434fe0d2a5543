// Fails file operations below one folder, as a disk or a lack of descriptors would: loaded with LD_PRELOAD, so that everything in the process goes
// through it, threads and SQLite too, and the code under test knows nothing of it. What to fail stands in a small file that is mapped into memory:
// failing-disk.ts writes it.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, CREATE, READ, WRITE, SYNC, TRUNCATE, RENAME, LINK, UNLINK, MKDIR, LIST, STAT };

#define CALLS_MAX 8192

struct control {
  int64_t from;     // the number of the first call that may fail; 0: none does
  int64_t error;    // its errno; 0: half of what was to be read or written
  int64_t lasts_ms; // 0: one call; -1: until told otherwise
  int64_t calls;    // counted
  int64_t failed;   // of them
  int64_t first_ns; // when the first failed
  int64_t spent;
  int64_t folder_length; // 0: nothing is counted
  char folder[1024];
  char first[960]; // what failed first
  unsigned char kinds[CALLS_MAX]; // of each call; with the highest bit when it failed
};

static struct control *control;
static volatile char ours[65536]; // descriptors of files below the folder

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

#define REAL(result, name, ...) \
  static result (*real_##name)(__VA_ARGS__); \
  if (!real_##name) real_##name = real(#name)

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("VITRINE_FAILING_DISK");
  if (!path) return;
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (mapped != MAP_FAILED) control = mapped;
}

static int below(const char *path) {
  if (!control || !path) return 0;
  int64_t length = control->folder_length;
  return length > 0 && strncmp(path, control->folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int below_fd(int fd) { return control && control->folder_length > 0 && fd >= 0 && fd < 65536 && ours[fd]; }

static void track(int fd, int is_ours) {
  if (fd >= 0 && fd < 65536) ours[fd] = (char)is_ours;
}

// What can go wrong in this way in such a call.
static int may(int kind, int error) {
  switch (error) {
    case 0: return kind == READ || kind == WRITE;
    case EMFILE: return kind == OPEN || kind == CREATE || kind == LIST;
    case ENOSPC: return kind == CREATE || kind == WRITE || kind == SYNC || kind == TRUNCATE || kind == RENAME || kind == LINK || kind == MKDIR;
    case EACCES: return kind != READ && kind != WRITE && kind != SYNC && kind != TRUNCATE;
    case EBUSY: return kind == RENAME || kind == UNLINK;
    default: return 1;
  }
}

static int fails(int kind, const char *path) {
  int64_t number = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
  if (number < CALLS_MAX) control->kinds[number] = (unsigned char)kind;
  int64_t from = __atomic_load_n(&control->from, __ATOMIC_SEQ_CST);
  if (from == 0 || number < from || !may(kind, (int)control->error)) return 0;
  if (control->lasts_ms == 0 && __atomic_exchange_n(&control->spent, 1, __ATOMIC_SEQ_CST)) return 0;
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  int64_t now = at.tv_sec * 1000000000LL + at.tv_nsec;
  int64_t none = 0;
  if (__atomic_compare_exchange_n(&control->first_ns, &none, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    strncpy(control->first, path ? path : "(a descriptor)", sizeof control->first - 1);
  if (control->lasts_ms > 0 && now - control->first_ns > control->lasts_ms * 1000000LL) return 0;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  if (number < CALLS_MAX) control->kinds[number] |= 0x80;
  errno = (int)control->error;
  return 1;
}

#define FAIL_PATH(kind, path, wrong) \
  if (below(path) && fails(kind, path)) return wrong
#define FAIL_FD(kind, fd) \
  if (below_fd(fd) && fails(kind, NULL)) return -1

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, name, const char *, int, ...); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    int is_ours = below(path); \
    FAIL_PATH(flags & O_CREAT ? CREATE : OPEN, path, -1); \
    int fd = real_##name(path, flags, mode); \
    track(fd, is_ours); \
    return fd; \
  }
OPENS(open)
OPENS(open64)

int openat(int at, const char *path, int flags, ...) {
  REAL(int, openat, int, const char *, int, ...);
  va_list rest;
  va_start(rest, flags);
  mode_t mode = ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  int is_ours = below(path) || below_fd(at);
  FAIL_PATH(flags & O_CREAT ? CREATE : OPEN, path, -1);
  int fd = real_openat(at, path, flags, mode);
  track(fd, is_ours);
  return fd;
}

int close(int fd) {
  REAL(int, close, int);
  track(fd, 0);
  return real_close(fd);
}

// Half of it, but never nothing, which would mean the end of the file.
static size_t half(size_t count) { return count > 1 ? count / 2 : count; }

#define MOVES(name, kind, buffer, ...) \
  if (below_fd(fd) && fails(kind, NULL)) { \
    if (control->error != 0) return -1; \
    count = half(count); \
  }

ssize_t read(int fd, void *to, size_t count) {
  REAL(ssize_t, read, int, void *, size_t);
  MOVES(read, READ, to)
  return real_read(fd, to, count);
}

ssize_t pread64(int fd, void *to, size_t count, off64_t offset) {
  REAL(ssize_t, pread64, int, void *, size_t, off64_t);
  MOVES(pread64, READ, to)
  return real_pread64(fd, to, count, offset);
}

ssize_t write(int fd, const void *from, size_t count) {
  REAL(ssize_t, write, int, const void *, size_t);
  MOVES(write, WRITE, from)
  return real_write(fd, from, count);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t offset) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  MOVES(pwrite64, WRITE, from)
  return real_pwrite64(fd, from, count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  if (below_fd(fd) && fails(WRITE, NULL)) {
    if (control->error != 0) return -1;
    if (count > 1) count = (int)half((size_t)count);
  }
  return real_writev(fd, parts, count);
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  REAL(ssize_t, sendfile64, int, int, off64_t *, size_t);
  FAIL_FD(READ, from);
  FAIL_FD(WRITE, to);
  return real_sendfile64(to, from, offset, count);
}

int fsync(int fd) {
  REAL(int, fsync, int);
  FAIL_FD(SYNC, fd);
  return real_fsync(fd);
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  FAIL_FD(SYNC, fd);
  return real_fdatasync(fd);
}

int ftruncate64(int fd, off64_t length) {
  REAL(int, ftruncate64, int, off64_t);
  FAIL_FD(TRUNCATE, fd);
  return real_ftruncate64(fd, length);
}

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  FAIL_PATH(RENAME, below(to) ? to : from, -1);
  return real_rename(from, to);
}

int link(const char *from, const char *to) {
  REAL(int, link, const char *, const char *);
  FAIL_PATH(LINK, below(to) ? to : from, -1);
  return real_link(from, to);
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  FAIL_PATH(UNLINK, path, -1);
  return real_unlink(path);
}

int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  FAIL_PATH(UNLINK, path, -1);
  return real_rmdir(path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  FAIL_PATH(MKDIR, path, -1);
  return real_mkdir(path, mode);
}

int chmod(const char *path, mode_t mode) {
  REAL(int, chmod, const char *, mode_t);
  FAIL_PATH(STAT, path, -1);
  return real_chmod(path, mode);
}

int scandir64(const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
              int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  REAL(int, scandir64, const char *, struct dirent64 ***, int (*)(const struct dirent64 *),
       int (*)(const struct dirent64 **, const struct dirent64 **));
  FAIL_PATH(LIST, path, -1);
  return real_scandir64(path, list, filter, compare);
}

DIR *opendir(const char *path) {
  REAL(DIR *, opendir, const char *);
  FAIL_PATH(LIST, path, NULL);
  return real_opendir(path);
}

int access(const char *path, int mode) {
  REAL(int, access, const char *, int);
  FAIL_PATH(STAT, path, -1);
  return real_access(path, mode);
}

#define STATS(name) \
  int name(int version, const char *path, struct stat64 *to) { \
    REAL(int, name, int, const char *, struct stat64 *); \
    FAIL_PATH(STAT, path, -1); \
    return real_##name(version, path, to); \
  }
STATS(__xstat64)
STATS(__lxstat64)

// libuv asks for statx, and some of its other calls, by number.
long syscall(long number, ...) {
  static long (*real_syscall)(long, ...);
  if (!real_syscall) real_syscall = real("syscall");
  va_list rest;
  va_start(rest, number);
  long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long), d = va_arg(rest, long),
       e = va_arg(rest, long), f = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_close) track((int)a, 0);
#ifdef SYS_statx
  if (number == SYS_statx) {
    const char *path = (const char *)b;
    if (path && path[0] == '/') {
      FAIL_PATH(STAT, path, -1);
    } else FAIL_FD(STAT, (int)a);
  }
#endif
  return real_syscall(number, a, b, c, d, e, f);
}
