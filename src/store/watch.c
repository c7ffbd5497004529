/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A watch is an inotify instance and an eventfd, and waiting is a poll() of both. Both are closed
 * in the child of a fork, which has no thread that could wait. A watch of files has no eventfd: it
 * is read when somebody asks.
 *
 * An application may close all descriptors there are and open files of its own by the same numbers.
 * So each of ours carries a mark and is looked at before it is used or closed: what has no mark is
 * left alone, and the watch has lost its events.
 */
#include "store/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform.h"
#include "store/gate.h"

#include "base/banned.h"

#define LOOK_MS 500 /* without inotify */

/* The signal that a descriptor would send if it were asked to send any (F_SETSIG): nobody wants
 * this one of a file. */
#define MARK SIGTTOU

struct kk_watch {
    struct kk_watch *next;
    struct kk_watch *previous;
    bool looks; /* there is a directory, and nobody tells (any more) when it changes */
    _Atomic int changes;
    _Atomic int wakes;
};

/* Marks what was just opened. */
static int marked(int opened)
{
    int fd = kk_fd_above_standard(opened);
    if (fd >= 0 && fcntl(fd, F_SETSIG, MARK) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The descriptor, or -1: there is none, or it was taken away. */
static int still_ours(const _Atomic int *fd)
{
    int number = atomic_load_explicit(fd, memory_order_relaxed);
    return number >= 0 && fcntl(number, F_GETSIG) == MARK ? number : -1;
}

static void lose(_Atomic int *fd, const struct kk_watch *to)
{
    if (*fd >= 0 && (*fd == to->changes || *fd == to->wakes)) {
        *fd = -1;
    }
}

/* All there are, for the child of a fork to close. */
static struct kk_watch *all;

static void add(struct kk_watch *watch)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    for (struct kk_watch *other = all; other != NULL; other = other->next) {
        lose(&other->changes, watch);
        lose(&other->wakes, watch);
    }
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
    int fd = marked(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (fd >= 0 && inotify_add_watch(fd, directory,
                                     IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                         IN_ATTRIB | IN_ONLYDIR) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* File systems that nobody reaches past this kernel's names: not those with layers (overlay), each
 * of which may be written to, nor ZFS, which goes back to a snapshot without an event. */
static bool is_told_all(int directory)
{
    static const unsigned long types[] = {
        0xef53 /* ext */,       0x58465342 /* XFS */,  0x9123683e /* Btrfs */,
        0x01021994 /* tmpfs */, 0xf2f52010 /* F2FS */, 0xca451a4e /* bcachefs */,
    };
    struct statfs status;
    if (fstatfs(directory, &status) != 0) {
        return false;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        if ((unsigned long)status.f_type == types[i]) {
            return true;
        }
    }
    return false;
}

/* By its descriptor: the name may be another directory's by now. */
static int watch_files(int directory)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
    int fd = is_told_all(directory) ? marked(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) : -1;
    if (fd >= 0 && inotify_add_watch(fd, path,
                                     IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                         IN_ATTRIB | IN_MODIFY | IN_ONLYDIR) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

KK_RV kk_watch_new_files(int directory, struct kk_watch **ret_watch)
{
    KK_CLEANUP(kk_freep) struct kk_watch *watch = NULL;
    KK_TRY(kk_alloc(sizeof *watch, &watch));
    kk_gate_start();
    kk_gate_enter();
    watch->wakes = -1;
    watch->changes = watch_files(directory);
    bool works = watch->changes >= 0;
    if (works) {
        add(watch);
    }
    kk_gate_leave();
    KK_ENSURE(works, CKR_FUNCTION_NOT_SUPPORTED);
    *ret_watch = KK_STEAL(watch);
    return CKR_OK;
}

/* Whether the events are all there are; after an unmount nothing comes any more. */
static bool take_events(struct kk_watch *watch, const char *bytes, size_t len,
                        kk_watch_visit *visit, void *context)
{
    bool is_all = true;
    struct inotify_event event;
    for (size_t at = 0; at + sizeof event <= len; at += sizeof event + event.len) {
        memcpy(&event, bytes + at, sizeof event);
        if ((event.mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT)) != 0) {
            is_all = false;
            watch->looks = watch->looks || (event.mask & IN_Q_OVERFLOW) == 0;
        } else if (event.len > 0) {
            visit(bytes + at + sizeof event, context);
        }
    }
    return is_all;
}

bool kk_watch_take(struct kk_watch *watch, kk_watch_visit *visit, void *context)
{
    char bytes[4096];
    int fd = still_ours(&watch->changes);
    bool is_all = fd >= 0;
    ssize_t len = 0;
    while (fd >= 0 && ((len = read(fd, bytes, sizeof bytes)) > 0 || (len < 0 && errno == EINTR))) {
        is_all = (len < 0 || take_events(watch, bytes, (size_t)len, visit, context)) && is_all;
    }
    return is_all && !watch->looks && len < 0 && errno == EAGAIN;
}

static void open_both(struct kk_watch *watch, const char *directory)
{
    watch->wakes = marked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
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

static void close_one(_Atomic int *fd)
{
    int number = still_ours(fd);
    if (number >= 0) {
        (void)close(number);
    }
    *fd = -1;
}

void kk_watch_free(struct kk_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    kk_gate_enter();
    take_off(watch);
    close_one(&watch->changes);
    close_one(&watch->wakes);
    kk_gate_leave();
    kk_free(watch);
}

void kk_watch_wake(struct kk_watch *watch)
{
    uint64_t one = 1;
    int fd = still_ours(&watch->wakes);
    KK_UNUSED ssize_t written = fd >= 0 ? write(fd, &one, sizeof one) : 0;
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
    struct pollfd both[] = {{.fd = still_ours(&watch->wakes), .events = POLLIN},
                            {.fd = still_ours(&watch->changes), .events = POLLIN}};
    bool looks = watch->looks || both[0].fd < 0 || (both[1].fd < 0 && watch->changes >= 0);
    int limit = looks && (limit_ms < 0 || limit_ms > LOOK_MS) ? LOOK_MS : limit_ms;
    if (poll(both, KK_ARRAY_LEN(both), limit) <= 0) {
        return false;
    }
    drain(still_ours(&watch->wakes));
    drain(still_ours(&watch->changes));
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
