/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all work on the files of a SoftHSM token needs: names, versions, times, locks, bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform.h"
#include "store/busy.h"
#include "store/failure.h"
#include "store/softhsm_internal.h"

#include "base/banned.h"

#define PAUSE_FIRST_NS 100000
#define PAUSE_LAST_NS 5000000

/* A change within one step of the clock after a change leaves the time as it is. */
#define CLOCK_STEP_NS 100000000

/* ---- names, versions, times ---- */

int64_t kk_softhsm_ns_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int64_t kk_softhsm_now_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return kk_softhsm_ns_of(&now);
}

void kk_softhsm_pause_ns(long ns)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

void kk_softhsm_name(const struct kk_uuid *uuid, const char *suffix,
                     char ret_name[KK_SOFTHSM_NAME_MAX])
{
    static const char token[] = "token";
    char text[KK_UUID_TEXT];
    const char *stem = token;
    if (uuid != NULL) {
        kk_uuid_format(uuid, text);
        stem = text;
    }
    size_t len = strlen(stem);
    KK_ASSERT(len + strlen(suffix) < KK_SOFTHSM_NAME_MAX);
    memcpy(ret_name, stem, len);
    memcpy(ret_name + len, suffix, strlen(suffix) + 1);
}

bool kk_softhsm_is_foreign(uint64_t version)
{
    return version % KK_SOFTHSM_RECENT_STEP != 0;
}

uint64_t kk_softhsm_next_version(uint64_t version)
{
    uint64_t recent = version / KK_SOFTHSM_RECENT_STEP % (KK_SOFTHSM_RECENT_MAX + 1);
    recent = kk_softhsm_is_foreign(version) ? KK_SOFTHSM_RECENT_MAX : recent - (recent > 0 ? 1 : 0);
    uint64_t next = (version / KK_SOFTHSM_VERSION_STEP + 1) * KK_SOFTHSM_VERSION_STEP;
    next = next == 0 ? KK_SOFTHSM_VERSION_STEP : next;
    return next + recent * KK_SOFTHSM_RECENT_STEP;
}

KK_RV kk_softhsm_failure(const struct kk_softhsm_dir *dir, const char *name, int error,
                         const char *what)
{
    kk_log_error("%s/%s: %s: %s", dir->path, name, what, strerrordesc_np(error));
    return kk_failure_code_of_errno(error);
}

void kk_softhsm_seen_of(const struct stat *status, uint64_t version,
                        struct kk_softhsm_seen *ret_seen)
{
    int64_t changed = kk_softhsm_ns_of(&status->st_ctim);
    int64_t age = kk_softhsm_now_ns(CLOCK_REALTIME) - changed;
    *ret_seen = (struct kk_softhsm_seen){.version = version,
                                         .inode = status->st_ino,
                                         .size = (uint64_t)status->st_size,
                                         .modified_ns = kk_softhsm_ns_of(&status->st_mtim),
                                         .changed_ns = changed,
                                         .settled = age > CLOCK_STEP_NS,
                                         .linked = status->st_nlink > 1};
}

/* ---- locks ---- */

static int set_lock(int fd, short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &whole) == 0 ? 0 : errno;
}

bool kk_softhsm_trylock(int fd)
{
    return set_lock(fd, F_WRLCK) == 0;
}

void kk_softhsm_unlock(int fd)
{
    (void)set_lock(fd, F_UNLCK);
}

static bool is_busy(int error)
{
    return error == EAGAIN || error == EACCES || error == EINTR;
}

KK_RV kk_softhsm_lock(const struct kk_softhsm_dir *dir, int fd, short type, const char *name)
{
    int64_t end =
        kk_softhsm_now_ns(CLOCK_MONOTONIC) + atomic_load(&kk_store_busy_ms) * INT64_C(1000000);
    int error = set_lock(fd, type);
    for (long pause = PAUSE_FIRST_NS; is_busy(error); pause = KK_MIN(pause * 2, PAUSE_LAST_NS)) {
        if (kk_softhsm_now_ns(CLOCK_MONOTONIC) >= end) {
            kk_log_error("%s/%s: not free in time, another process holds its lock", dir->path,
                         name);
            return CKR_FUNCTION_FAILED;
        }
        kk_softhsm_pause_ns(pause);
        error = set_lock(fd, type);
    }
    return error == 0 ? CKR_OK : kk_softhsm_failure(dir, name, error, "cannot lock");
}

/* ---- writing ---- */

int kk_softhsm_write_at(int fd, struct kk_span bytes, size_t offset)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t put = pwrite(fd, bytes.data + at, bytes.len - at, (off_t)(offset + at));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put == 0 ? EIO : errno;
        }
        at += (size_t)put;
    }
    return 0;
}

int kk_softhsm_write_pieces(int fd, const struct kk_span *pieces, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        int error = kk_softhsm_write_at(fd, pieces[i], at);
        if (error != 0) {
            return error;
        }
        at += pieces[i].len;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

int kk_softhsm_sync_names(const struct kk_softhsm_dir *dir)
{
    return fsync(dir->fd) == 0 || errno == EINVAL ? 0 : errno;
}

KK_RV kk_softhsm_sync(const struct kk_softhsm_dir *dir, const char *name)
{
    int error = kk_softhsm_sync_names(dir);
    return error == 0 ? CKR_OK : kk_softhsm_failure(dir, name, error, "cannot sync its directory");
}

KK_RV kk_softhsm_write_new(const struct kk_softhsm_dir *dir, const char *name,
                           const struct kk_span *pieces, size_t count)
{
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = kk_fd_above_standard(openat(dir->fd, name, flags, dir->file_mode));
    if (fd < 0) {
        return kk_softhsm_failure(dir, name, errno, "cannot create");
    }
    int error = kk_softhsm_write_pieces(fd, pieces, count);
    (void)close(fd);
    if (error != 0) {
        (void)unlinkat(dir->fd, name, 0);
        return kk_softhsm_failure(dir, name, error, "cannot write");
    }
    return CKR_OK;
}
