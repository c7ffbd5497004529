/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening with care, and appending.
 */
#include "trace/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#include "base/banned.h"

/* One open descriptor and what it was when it was opened. An older one, which the application took
 * away, stays in the list: another thread may be looking at it. */
struct descriptor {
    int fd;
    dev_t device;
    ino_t inode;
    struct descriptor *older;
};

struct kk_trace_file {
    _Atomic(struct descriptor *) open;
    char path[];
};

static bool make_absolute(const char *path, char absolute[PATH_MAX])
{
    char directory[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(directory, sizeof directory) == NULL) {
        return false;
    }
    int len = snprintf(absolute, PATH_MAX, "%s%s%s", directory, path[0] != '/' ? "/" : "", path);
    return len > 0 && len < PATH_MAX;
}

KK_RV kk_trace_file_new(const char *path, struct kk_trace_file **ret_file)
{
    char absolute[PATH_MAX];
    struct kk_trace_file *file = NULL;
    KK_ENSURE(make_absolute(path, absolute), CKR_GENERAL_ERROR);
    size_t size = strlen(absolute) + 1;
    KK_TRY(kk_alloc(sizeof *file + size, &file));
    memcpy(file->path, absolute, size);
    *ret_file = file;
    return CKR_OK;
}

bool kk_trace_file_is(const struct kk_trace_file *file, const char *path)
{
    char absolute[PATH_MAX];
    return make_absolute(path, absolute) && strcmp(file->path, absolute) == 0;
}

const char *kk_trace_file_path(const struct kk_trace_file *file)
{
    return file->path;
}

/* A plain file of ours: nobody else laid it there to read it, nor as a second name of another file
 * of ours. */
static bool is_ours(int fd, struct stat *ret_stat)
{
    if (fstat(fd, ret_stat) != 0) {
        return false;
    }
    errno = EPERM;
    return S_ISREG(ret_stat->st_mode) && ret_stat->st_uid == geteuid() && ret_stat->st_nlink <= 1;
}

/* O_NONBLOCK: a FIFO in its place must not hang the application. */
static int open_file(const char *path, struct stat *ret_stat)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
    int fd = kk_fd_above_standard(open(path, flags, 0600));
    if (fd >= 0 && !is_ours(fd, ret_stat)) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool is_still(const struct descriptor *descriptor)
{
    struct stat now;
    return descriptor != NULL && fstat(descriptor->fd, &now) == 0 &&
           now.st_dev == descriptor->device && now.st_ino == descriptor->inode;
}

/* The descriptor to write to; another thread may be first, then it is that one's. */
static int open_again(struct kk_trace_file *file, struct descriptor *old)
{
    struct stat status;
    struct descriptor *descriptor = NULL;
    int fd = open_file(file->path, &status);
    if (fd < 0) {
        return -1;
    }
    if (kk_alloc(sizeof *descriptor, &descriptor) != CKR_OK) {
        (void)close(fd);
        errno = ENOMEM;
        return -1;
    }
    *descriptor = (struct descriptor){
        .fd = fd, .device = status.st_dev, .inode = status.st_ino, .older = old};
    if (!atomic_compare_exchange_strong(&file->open, &old, descriptor)) {
        (void)close(fd);
        kk_free(descriptor);
        return old->fd;
    }
    return fd;
}

/* Past the limit that a process has for its files there is a signal that ends it. */
static bool has_room(int fd, size_t len)
{
    struct stat now;
    struct rlimit limit;
    if (fstat(fd, &now) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return false;
    }
    errno = EFBIG;
    return limit.rlim_cur == RLIM_INFINITY ||
           (now.st_size >= 0 && (rlim_t)now.st_size <= limit.rlim_cur &&
            len <= limit.rlim_cur - (rlim_t)now.st_size);
}

bool kk_trace_file_write(struct kk_trace_file *file, struct kk_span lines)
{
    struct descriptor *descriptor = atomic_load(&file->open);
    int fd = is_still(descriptor) ? descriptor->fd : open_again(file, descriptor);
    ssize_t written = -1;
    if (fd >= 0 && !has_room(fd, lines.len)) {
        return false;
    }
    while (fd >= 0 && written < 0) {
        written = write(fd, lines.data, lines.len);
        if (written < 0 && errno != EINTR) {
            break;
        }
    }
    return written >= 0;
}

void kk_trace_file_free(struct kk_trace_file *file)
{
    if (file == NULL) {
        return;
    }
    struct descriptor *descriptor = atomic_load(&file->open);
    if (is_still(descriptor)) {
        (void)close(descriptor->fd);
    }
    while (descriptor != NULL) {
        struct descriptor *older = descriptor->older;
        kk_free(descriptor);
        descriptor = older;
    }
    kk_free(file);
}
