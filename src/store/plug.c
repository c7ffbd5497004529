/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a token is in its slot: eight bytes beside its own files.
 */
#include "store/plug.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "store/failure.h"
#include "store/ofd_lock.h"
#include "store/path.h"

#include "base/banned.h"

#define LOCK_MS 10000

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

static uint64_t read_count(int fd)
{
    struct stat status;
    uint8_t bytes[8];
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size != (off_t)sizeof bytes ||
        pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return 0;
    }
    return kk_load_u64(bytes);
}

uint64_t kk_plug_read(const char *path)
{
    KK_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return read_count(fd);
}

static KK_RV write_count(int fd, const char *path, uint64_t count)
{
    uint8_t bytes[8];
    kk_store_u64(bytes, count);
    ssize_t wrote = pwrite(fd, bytes, sizeof bytes, 0);
    if (wrote != (ssize_t)sizeof bytes) {
        return kk_failure_errno(wrote < 0 ? errno : EIO, path, "cannot write");
    }
    if (ftruncate(fd, (off_t)sizeof bytes) != 0 || fsync(fd) != 0) {
        return kk_failure_errno(errno, path, "cannot write");
    }
    kk_path_sync_parent(path);
    return CKR_OK;
}

KK_RV kk_plug_write(const char *path, unsigned int mode, bool out, bool *ret_changed)
{
    KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
    *ret_changed = kk_plug_is_out(kk_plug_read(path)) != out;
    if (!*ret_changed) {
        return CKR_OK; /* without making a file that says nothing */
    }
    KK_TRY(kk_ofd_lock_take(path, mode, LOCK_MS, &lock));
    KK_CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return kk_failure_errno(errno, path, "cannot open");
    }
    uint64_t count = read_count(fd);
    *ret_changed = kk_plug_is_out(count) != out;
    return *ret_changed ? write_count(fd, path, count + 1) : CKR_OK;
}

void kk_plug_tell(const char *location)
{
    if (utimensat(AT_FDCWD, location, NULL, 0) != 0) {
        (void)kk_failure_errno(errno, location, "cannot tell those who wait for slot events");
    }
}
