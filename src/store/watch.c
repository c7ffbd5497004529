/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A watch is an inotify instance and an eventfd, and waiting is a poll() of both. Both are closed
 * in the child of a fork, which has no thread that could wait.
 */
#include "store/watch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/gate.h"

#include "base/banned.h"

#define LOOK_MS 500 /* without inotify */

struct kk_watch {
    struct kk_watch *next;
    struct kk_watch *previous;
    bool looks; /* there is a directory, and nobody tells when it changes */
    int changes;
    int wakes;
};

/* All there are, for the child of a fork to close. */
static struct kk_watch *all;

static void add(struct kk_watch *watch)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    watch->next = all;
    if (all != NULL) {
        all->previous = watch;
    }
    all = watch;
}

static void take_off(struct kk_watch *watch)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else if (all == watch) {
        all = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
}

static int watch_directory(const char *directory)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch(fd, directory,
                                     IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                         IN_ATTRIB | IN_ONLYDIR) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static void open_both(struct kk_watch *watch, const char *directory)
{
    watch->wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch->changes = directory != NULL && watch->wakes >= 0 ? watch_directory(directory) : -1;
    watch->looks = directory != NULL && watch->changes < 0;
}

KK_RV kk_watch_new(const char *directory, struct kk_watch **ret_watch)
{
    KK_CLEANUP(kk_freep) struct kk_watch *watch = NULL;
    KK_TRY(kk_alloc(sizeof *watch, &watch));
    kk_gate_start();
    kk_gate_enter(); /* no fork between the opening and the list */
    open_both(watch, directory);
    int error = errno;
    if (watch->wakes >= 0) {
        add(watch);
    }
    kk_gate_leave();
    if (watch->wakes < 0) {
        kk_log_error("cannot wait for slot events: %s", strerrordesc_np(error));
        return CKR_FUNCTION_FAILED;
    }
    *ret_watch = KK_STEAL(watch);
    return CKR_OK;
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

void kk_watch_free(struct kk_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    kk_gate_enter();
    if (watch->wakes >= 0) {
        take_off(watch);
    }
    close_one(&watch->changes);
    close_one(&watch->wakes);
    kk_gate_leave();
    kk_free(watch);
}

void kk_watch_wake(struct kk_watch *watch)
{
    uint64_t one = 1;
    KK_UNUSED ssize_t written = write(watch->wakes, &one, sizeof one);
}

/* What it was about is seen by looking at the directory. */
static void drain(int fd)
{
    _Alignas(struct inotify_event) char bytes[4096];
    while (fd >= 0 && read(fd, bytes, sizeof bytes) > 0) {
    }
}

bool kk_watch_wait(struct kk_watch *watch, int limit_ms)
{
    struct pollfd both[] = {{.fd = watch->wakes, .events = POLLIN},
                            {.fd = watch->changes, .events = POLLIN}};
    int limit = watch->looks && (limit_ms < 0 || limit_ms > LOOK_MS) ? LOOK_MS : limit_ms;
    if (poll(both, KK_ARRAY_LEN(both), limit) <= 0) {
        return false;
    }
    drain(watch->wakes);
    drain(watch->changes);
    return true;
}

void kk_watch_close_all(void)
{
    while (all != NULL) {
        struct kk_watch *watch = all;
        all = watch->next;
        close_one(&watch->changes);
        close_one(&watch->wakes);
        watch->next = NULL;
        watch->previous = NULL;
    }
}
