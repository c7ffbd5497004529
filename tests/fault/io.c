/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's functions, under their own names, passed on to it. Those with two names (on
 * systems with 64-bit file offsets all of them) are defined under both.
 */
#include "io.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sanitizers.h"

#define EXPORTED(name) __asm__(name) __attribute__((visibility("default"), used))

static __thread const struct io_hooks *hooks;
static __thread bool is_inside;

void io_hook(const struct io_hooks *wanted)
{
    hooks = wanted;
}

/* True: the call has failed, with errno set. */
static bool fails(const struct io_call *call)
{
    if (hooks == NULL || hooks->before == NULL || is_inside) {
        return false;
    }
    is_inside = true;
    int error = hooks->before(call);
    is_inside = false;
    if (error != 0) {
        errno = error;
    }
    return error != 0;
}

static long done(const struct io_call *call, long result)
{
    if (hooks != NULL && !is_inside && hooks->after != NULL) {
        int error = errno;
        is_inside = true;
        hooks->after(call, result);
        is_inside = false;
        errno = error;
    }
    return result;
}

/* The next definition behind ours. */
#define NEXT(type, name)                                                                           \
    static __typeof__(type) *next;                                                                 \
    if (next == NULL) {                                                                            \
        *(void **)&next = dlsym(RTLD_NEXT, name);                                                  \
    }

/* --- files ------------------------------------------------------------------------------------ */

#define PATH_ROOM 4600

/* The path from the root on of a name in an open directory; the name itself where that says it all,
 * or nobody asks. */
static const char *path_at(int dir, const char *name, char room[PATH_ROOM])
{
    char link[64];
    if (hooks == NULL || is_inside || dir == AT_FDCWD || name[0] == '/') {
        return name;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t len = readlink(link, room, PATH_ROOM / 2);
    if (len <= 0) {
        return name;
    }
    (void)snprintf(room + len, (size_t)(PATH_ROOM - len), "/%s", name);
    return room;
}

static bool is_there(const char *path)
{
    struct stat status;
    bool was_inside = is_inside;
    is_inside = true;
    bool there = lstat(path, &status) == 0;
    is_inside = was_inside;
    return there;
}

static struct io_call open_call(const char *name, const char *path, int flags)
{
    struct io_call call = {.kind = IO_OPEN, .name = name, .fd = -1, .path = path, .flags = flags};
    if ((flags & O_CREAT) != 0 && !is_there(path)) {
        call.kind = IO_CREATE;
    } else if ((flags & O_ACCMODE) != O_RDONLY) {
        call.kind = IO_CHANGE;
    }
    return call;
}

typedef int open_type(const char *path, int flags, ...);
static int pass_open(const char *name, const char *path, int flags, mode_t mode)
{
    NEXT(open_type, "open64")
    const struct io_call call = open_call(name, path, flags);
    return fails(&call) ? -1 : (int)done(&call, next(path, flags, mode));
}

int io_openat(int dir, const char *name, int flags, ...) EXPORTED("openat64");
int io_openat(int dir, const char *name, int flags, ...)
{
    NEXT(int(int, const char *, int, ...), "openat64")
    char room[PATH_ROOM];
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    const struct io_call call = open_call("openat", path_at(dir, name, room), flags);
    return fails(&call) ? -1 : (int)done(&call, next(dir, name, flags, mode));
}

#define DEFINE_OPEN(function, name)                                                                \
    int function(const char *path, int flags, ...) EXPORTED(name);                                 \
    int function(const char *path, int flags, ...)                                                 \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;                           \
        va_end(args);                                                                              \
        return pass_open("open", path, flags, mode);                                               \
    }
DEFINE_OPEN(io_open, "open")
DEFINE_OPEN(io_open64, "open64")
DEFINE_OPEN(io_open64_2, "__open64_2")

DIR *io_opendir(const char *path) EXPORTED("opendir");
DIR *io_opendir(const char *path)
{
    NEXT(DIR * (const char *), "opendir")
    struct io_call call = {.kind = IO_OPEN, .name = "opendir", .fd = -1, .path = path};
    return fails(&call) ? NULL : next(path);
}

ssize_t io_read(int fd, void *data, size_t len) EXPORTED("read");
ssize_t io_read(int fd, void *data, size_t len)
{
    NEXT(ssize_t(int, void *, size_t), "read")
    struct io_call call = {.kind = IO_READ, .name = "read", .fd = fd, .len = len};
    return fails(&call) ? -1 : next(fd, data, len);
}

ssize_t io_pread(int fd, void *data, size_t len, off_t offset) EXPORTED("pread64");
ssize_t io_pread(int fd, void *data, size_t len, off_t offset)
{
    NEXT(ssize_t(int, void *, size_t, off_t), "pread64")
    struct io_call call = {
        .kind = IO_READ, .name = "pread", .fd = fd, .len = len, .offset = offset};
    return fails(&call) ? -1 : next(fd, data, len, offset);
}

ssize_t io_write(int fd, const void *data, size_t len) EXPORTED("write");
ssize_t io_write(int fd, const void *data, size_t len)
{
    NEXT(ssize_t(int, const void *, size_t), "write")
    struct io_call call = {
        .kind = IO_WRITE, .name = "write", .fd = fd, .data = data, .len = len, .offset = -1};
    return fails(&call) ? -1 : done(&call, next(fd, data, len));
}

ssize_t io_pwrite(int fd, const void *data, size_t len, off_t offset) EXPORTED("pwrite64");
ssize_t io_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    NEXT(ssize_t(int, const void *, size_t, off_t), "pwrite64")
    struct io_call call = {
        .kind = IO_WRITE, .name = "pwrite", .fd = fd, .data = data, .len = len, .offset = offset};
    return fails(&call) ? -1 : done(&call, next(fd, data, len, offset));
}

int io_ftruncate(int fd, off_t len) EXPORTED("ftruncate64");
int io_ftruncate(int fd, off_t len)
{
    NEXT(int(int, off_t), "ftruncate64")
    struct io_call call = {.kind = IO_SIZE, .name = "ftruncate", .fd = fd, .len = (size_t)len};
    return fails(&call) ? -1 : (int)done(&call, next(fd, len));
}

#define DEFINE_SYNC(function, text)                                                                \
    int function(int fd) EXPORTED(text);                                                           \
    int function(int fd)                                                                           \
    {                                                                                              \
        NEXT(int(int), text)                                                                       \
        struct io_call call = {.kind = IO_SYNC, .name = text, .fd = fd};                           \
        if (fails(&call)) {                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        return hooks != NULL && hooks->syncs_nothing ? 0 : (int)done(&call, next(fd));             \
    }
DEFINE_SYNC(io_fsync, "fsync")
DEFINE_SYNC(io_fdatasync, "fdatasync")

int io_fcntl(int fd, int command, ...) EXPORTED("fcntl64");
int io_fcntl(int fd, int command, ...)
{
    NEXT(int(int, int, ...), "fcntl64")
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    bool locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK ||
                 command == F_OFD_SETLK || command == F_OFD_SETLKW;
    struct io_call call = {.kind = IO_LOCK, .name = "fcntl", .fd = fd, .flags = command};
    return locks && fails(&call) ? -1 : next(fd, command, argument);
}

/* --- names ------------------------------------------------------------------------------------ */

int io_rename(const char *from, const char *to) EXPORTED("rename");
int io_rename(const char *from, const char *to)
{
    NEXT(int(const char *, const char *), "rename")
    struct io_call call = {.kind = IO_NAME, .name = "rename", .fd = -1, .path = from, .to = to};
    return fails(&call) ? -1 : (int)done(&call, next(from, to));
}

/* Ours names nothing but AT_FDCWD. */
int io_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
    EXPORTED("renameat2");
int io_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    NEXT(int(int, const char *, int, const char *, unsigned), "renameat2")
    struct io_call call = {.kind = IO_NAME, .name = "rename", .fd = -1, .path = from, .to = to};
    return fails(&call) ? -1 : (int)done(&call, next(from_dir, from, to_dir, to, flags));
}

int io_renameat(int from_dir, const char *from, int to_dir, const char *to) EXPORTED("renameat");
int io_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    NEXT(int(int, const char *, int, const char *), "renameat")
    char from_room[PATH_ROOM];
    char to_room[PATH_ROOM];
    struct io_call call = {.kind = IO_NAME,
                           .name = "rename",
                           .fd = -1,
                           .path = path_at(from_dir, from, from_room),
                           .to = path_at(to_dir, to, to_room)};
    return fails(&call) ? -1 : (int)done(&call, next(from_dir, from, to_dir, to));
}

int io_unlink(const char *path) EXPORTED("unlink");
int io_unlink(const char *path)
{
    NEXT(int(const char *), "unlink")
    struct io_call call = {.kind = IO_REMOVE, .name = "unlink", .fd = -1, .path = path};
    return fails(&call) ? -1 : (int)done(&call, next(path));
}

int io_unlinkat(int dir, const char *path, int flags) EXPORTED("unlinkat");
int io_unlinkat(int dir, const char *path, int flags)
{
    NEXT(int(int, const char *, int), "unlinkat")
    struct io_call call = {.kind = IO_REMOVE, .name = "unlink", .fd = dir, .path = path};
    return fails(&call) ? -1 : (int)done(&call, next(dir, path, flags));
}

int io_mkdir(const char *path, mode_t mode) EXPORTED("mkdir");
int io_mkdir(const char *path, mode_t mode)
{
    NEXT(int(const char *, mode_t), "mkdir")
    struct io_call call = {.kind = IO_NAME, .name = "mkdir", .fd = -1, .path = path};
    return fails(&call) ? -1 : (int)done(&call, next(path, mode));
}

int io_rmdir(const char *path) EXPORTED("rmdir");
int io_rmdir(const char *path)
{
    NEXT(int(const char *), "rmdir")
    struct io_call call = {.kind = IO_REMOVE, .name = "unlink", .fd = -1, .path = path};
    return fails(&call) ? -1 : (int)done(&call, next(path));
}

/* --- looking ---------------------------------------------------------------------------------- */

#define DEFINE_STAT(function, text)                                                                \
    int function(const char *path, struct stat *status) EXPORTED(text);                            \
    int function(const char *path, struct stat *status)                                            \
    {                                                                                              \
        NEXT(int(const char *, struct stat *), text)                                               \
        struct io_call call = {.kind = IO_LOOK, .name = "stat", .fd = -1, .path = path};           \
        return fails(&call) ? -1 : next(path, status);                                             \
    }
DEFINE_STAT(io_stat, "stat64")
DEFINE_STAT(io_lstat, "lstat64")

int io_fstat(int fd, struct stat *status) EXPORTED("fstat64");
int io_fstat(int fd, struct stat *status)
{
    NEXT(int(int, struct stat *), "fstat64")
    struct io_call call = {.kind = IO_LOOK, .name = "fstat", .fd = fd};
    return fails(&call) ? -1 : next(fd, status);
}

int io_fstatat(int dir, const char *name, struct stat *status, int flags) EXPORTED("fstatat64");
int io_fstatat(int dir, const char *name, struct stat *status, int flags)
{
    NEXT(int(int, const char *, struct stat *, int), "fstatat64")
    struct io_call call = {.kind = IO_LOOK, .name = "fstatat", .fd = -1, .path = name};
    return fails(&call) ? -1 : next(dir, name, status, flags);
}

int io_faccessat(int dir, const char *name, int mode, int flags) EXPORTED("faccessat");
int io_faccessat(int dir, const char *name, int mode, int flags)
{
    NEXT(int(int, const char *, int, int), "faccessat")
    struct io_call call = {.kind = IO_LOOK, .name = "faccessat", .fd = -1, .path = name};
    return fails(&call) ? -1 : next(dir, name, mode, flags);
}

/* --- memory ----------------------------------------------------------------------------------- */

void *io_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
    EXPORTED("mmap64");
void *io_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    NEXT(void *(void *, size_t, int, int, int, off_t), "mmap64")
    struct io_call call = {
        .kind = fd >= 0 ? IO_MAP : IO_PAGES, .name = "mmap", .fd = fd, .len = len};
    return fails(&call) ? MAP_FAILED : next(at, len, protection, flags, fd, offset);
}

#if KK_SANITIZED || !defined(__GLIBC__)
bool io_sees_memory(void)
{
    return false;
}
#else
bool io_sees_memory(void)
{
    return true;
}

/* The C library's own, under names that nobody else defines. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

#define RANGES_MAX 64

/* Where the code lies that we let run out of memory. */
static struct {
    uintptr_t from;
    uintptr_t to;
} ranges[RANGES_MAX];
static size_t range_count;

static int note_ranges(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    bool is_ours = strstr(info->dlpi_name, "keykist") != NULL ||
                   strstr(info->dlpi_name, "libsqlite3") != NULL ||
                   strstr(info->dlpi_name, "libsodium") != NULL;
    for (size_t i = 0; is_ours && i < info->dlpi_phnum && range_count < RANGES_MAX; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0) {
            ranges[range_count].from = info->dlpi_addr + part->p_vaddr;
            ranges[range_count].to = ranges[range_count].from + part->p_memsz;
            range_count++;
        }
    }
    return 0;
}

static bool memory_fails(const char *name, size_t size, const void *caller)
{
    if (hooks == NULL || is_inside) {
        return false;
    }
    if (range_count == 0) {
        is_inside = true;
        (void)dl_iterate_phdr(note_ranges, NULL);
        is_inside = false;
    }
    for (size_t i = 0; i < range_count; i++) {
        if ((uintptr_t)caller >= ranges[i].from && (uintptr_t)caller < ranges[i].to) {
            struct io_call call = {.kind = IO_MEMORY, .name = name, .fd = -1, .len = size};
            return fails(&call);
        }
    }
    return false;
}

void *io_malloc(size_t size) EXPORTED("malloc");
void *io_malloc(size_t size)
{
    return memory_fails("malloc", size, __builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *io_calloc(size_t count, size_t size) EXPORTED("calloc");
void *io_calloc(size_t count, size_t size)
{
    return memory_fails("calloc", size, __builtin_return_address(0)) ? NULL
                                                                     : __libc_calloc(count, size);
}

void *io_realloc(void *pointer, size_t size) EXPORTED("realloc");
void *io_realloc(void *pointer, size_t size)
{
    return memory_fails("realloc", size, __builtin_return_address(0))
               ? NULL
               : __libc_realloc(pointer, size);
}
#endif
