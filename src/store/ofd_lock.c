/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file description locks. Waiting with a limit is asking again and again, with growing pauses:
 * the kernel offers no wait with a time.
 */
#include "store/ofd_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/failure.h"
#include "store/gate.h"

#include "base/banned.h"

#define PAUSE_FIRST_US 500
#define PAUSE_LAST_US 20000

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
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
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
        struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
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

/* 0, or an errno; EAGAIN after the limit. */
static int wait_limited(int fd, long limit_ms)
{
    struct timespec since;
    (void)clock_gettime(CLOCK_MONOTONIC, &since);
    for (long pause = PAUSE_FIRST_US;; pause = KK_MIN(pause * 2, PAUSE_LAST_US)) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLK, &whole) == 0) {
            return 0;
        }
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
            return errno;
        }
        if (elapsed_ms(&since) >= limit_ms) {
            return EAGAIN;
        }
        struct timespec nap = {.tv_nsec = pause * 1000};
        (void)nanosleep(&nap, NULL);
    }
}

static int wait_for_ever(int fd)
{
    for (;;) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLKW, &whole) == 0) {
            return 0;
        }
        if (errno != EINTR) {
            return errno;
        }
    }
}

static bool is_still_named(int fd, const char *path)
{
    struct stat named;
    struct stat opened;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

KK_RV kk_ofd_lock_take(const char *path, unsigned int mode, long limit_ms,
                       struct kk_ofd_lock **ret_lock)
{
    for (;;) {
        KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
        KK_TRY(lock_open(path, mode, &lock));
        int error = limit_ms < 0 ? wait_for_ever(lock->fd) : wait_limited(lock->fd, limit_ms);
        if (error == EAGAIN) {
            kk_log_error("%s: not free for %ld ms, another process or thread holds it", path,
                         limit_ms);
            return CKR_FUNCTION_FAILED;
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
