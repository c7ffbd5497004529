/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file description locks: byte 0 of the file is the lock, byte 1 the place at the head of the
 * queue, which everybody must pass through. Who releases the lock and wants it again finds the
 * place taken by one that waits, so that a process in a tight loop keeps no other out.
 *
 * Waiting with a limit is asking again and again: the kernel offers no wait with a time. The one at
 * the head asks often, those behind it with growing pauses.
 */
#include "store/ofd_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/failure.h"
#include "store/gate.h"

#include "base/banned.h"

enum { BYTE_LOCK = 0, BYTE_HEAD = 1 };

#define PAUSE_FIRST_US 100
#define PAUSE_LAST_US 20000
#define PAUSE_LAST_AT_HEAD_US 1000

struct kk_ofd_lock {
    struct kk_ofd_lock *next;
    struct kk_ofd_lock *previous;
    int fd;
};

/* Every lock that is held or waited for, for the child of a fork to close. */
static struct kk_ofd_lock *all;

static KK_RV lock_open(const char *path, unsigned int mode, struct kk_ofd_lock **ret_lock)
{
    KK_CLEANUP(kk_freep) struct kk_ofd_lock *lock = NULL;
    KK_TRY(kk_alloc(sizeof *lock, &lock));
    kk_gate_enter(); /* no fork between the open and the list */
    lock->fd = kk_fd_above_standard(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
    int error = errno;
    if (lock->fd >= 0) {
        KK_LOCK_SCOPE(&kk_gate_mutex);
        lock->next = all;
        if (all != NULL) {
            all->previous = lock;
        }
        all = lock;
    }
    kk_gate_leave();
    if (lock->fd < 0) {
        return kk_failure_errno(error, path, "cannot open the lock file");
    }
    *ret_lock = KK_STEAL(lock);
    return CKR_OK;
}

static void take_off_list(struct kk_ofd_lock *lock)
{
    KK_ASSERT_HELD(&kk_gate_mutex);
    if (lock->previous != NULL) {
        lock->previous->next = lock->next;
    } else if (all == lock) {
        all = lock->next;
    }
    if (lock->next != NULL) {
        lock->next->previous = lock->previous;
    }
}

void kk_ofd_lock_release(struct kk_ofd_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    kk_gate_enter();
    if (lock->fd >= 0) {
        KK_WITH_LOCK(&kk_gate_mutex)
        {
            take_off_list(lock);
        }
        struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET}; /* from 0 to the end */
        (void)fcntl(lock->fd, F_OFD_SETLK, &whole);
        (void)close(lock->fd);
    }
    kk_gate_leave();
    kk_free(lock);
}

void kk_ofd_lock_close_all(void)
{
    while (all != NULL) {
        struct kk_ofd_lock *lock = all;
        all = lock->next;
        (void)close(lock->fd); /* without an unlock: the parent goes on holding it */
        *lock = (struct kk_ofd_lock){.fd = -1};
    }
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static int set_byte(int fd, int command, short type, int byte)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, command, &range) == 0 ? 0 : errno;
}

/* 0, or an errno; EAGAIN after the limit. */
static int wait_limited(int fd, int byte, const struct timespec *since, long limit_ms)
{
    long longest = byte == BYTE_HEAD ? PAUSE_LAST_US : PAUSE_LAST_AT_HEAD_US;
    for (long pause = PAUSE_FIRST_US;; pause = KK_MIN(pause * 2, longest)) {
        int error = set_byte(fd, F_OFD_SETLK, F_WRLCK, byte);
        if (error != EAGAIN && error != EACCES && error != EINTR) {
            return error;
        }
        if (elapsed_ms(since) >= limit_ms) {
            return EAGAIN;
        }
        struct timespec nap = {.tv_nsec = pause * 1000};
        (void)nanosleep(&nap, NULL);
    }
}

static int wait_for_ever(int fd, int byte)
{
    int error = EINTR;
    while (error == EINTR) {
        error = set_byte(fd, F_OFD_SETLKW, F_WRLCK, byte);
    }
    return error;
}

static int wait_in_queue(int fd, long limit_ms)
{
    struct timespec since;
    (void)clock_gettime(CLOCK_MONOTONIC, &since);
    int error = 0;
    for (int byte = BYTE_HEAD; byte >= BYTE_LOCK && error == 0; byte--) {
        error = limit_ms < 0 ? wait_for_ever(fd, byte) : wait_limited(fd, byte, &since, limit_ms);
    }
    (void)set_byte(fd, F_OFD_SETLK, F_UNLCK, BYTE_HEAD);
    return error;
}

static bool is_still_named(int fd, const char *path)
{
    struct stat named;
    struct stat opened;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

/* *ret_lock is NULL when it was not free in time. */
static KK_RV take(const char *path, unsigned int mode, long limit_ms, struct kk_ofd_lock **ret_lock)
{
    for (;;) {
        KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
        KK_TRY(lock_open(path, mode, &lock));
        KK_ASSERT(lock != NULL);
        int error = wait_in_queue(lock->fd, limit_ms);
        if (error == EAGAIN) {
            *ret_lock = NULL;
            return CKR_OK;
        }
        if (error != 0) {
            return kk_failure_errno(error, path, "cannot lock");
        }
        if (is_still_named(lock->fd, path)) {
            *ret_lock = KK_STEAL(lock);
            return CKR_OK;
        }
    }
}

KK_RV kk_ofd_lock_try(const char *path, unsigned int mode, struct kk_ofd_lock **ret_lock)
{
    return take(path, mode, 0, ret_lock);
}

KK_RV kk_ofd_lock_take(const char *path, unsigned int mode, long limit_ms,
                       struct kk_ofd_lock **ret_lock)
{
    struct kk_ofd_lock *lock = NULL;
    KK_TRY(take(path, mode, limit_ms, &lock));
    if (lock == NULL) {
        kk_log_error("%s: not free for %ld ms, another process or thread holds it", path, limit_ms);
        return CKR_FUNCTION_FAILED;
    }
    *ret_lock = lock;
    return CKR_OK;
}
