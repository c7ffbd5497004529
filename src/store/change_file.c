/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mapped change counter. Its blocks are written, not left as a hole: a store to a hole on a
 * full disk would end the process.
 */
#include "store/change_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "store/failure.h"

#include "base/banned.h"

KK_STATIC_ASSERT(ATOMIC_LLONG_LOCK_FREE == 2, "the counter is shared among processes");
KK_STATIC_ASSERT(sizeof(_Atomic uint64_t) == 8, "the counter is eight bytes in the file");

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

enum { COUNTER, GENERATION, LOSSES, NUMBERS };

static KK_RV write_all(int fd, const char *path, uint64_t counter, uint64_t losses)
{
    union {
        uint64_t numbers[NUMBERS];
        uint8_t bytes[KK_CHANGE_SIZE];
    } page = {.bytes = {0}};
    page.numbers[COUNTER] = counter;
    page.numbers[LOSSES] = losses;
    size_t done = 0;
    while (done < sizeof page.bytes) {
        ssize_t wrote = pwrite(fd, page.bytes + done, sizeof page.bytes - done, (off_t)done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return kk_failure_errno(wrote == 0 ? EIO : errno, path, "cannot write");
        }
        done += (size_t)wrote;
    }
    if (fsync(fd) != 0) {
        return kk_failure_errno(errno, path, "cannot sync");
    }
    return CKR_OK;
}

KK_RV kk_change_file_create(const char *path, unsigned int mode)
{
    KK_CLEANUP(fd_close) int fd =
        kk_fd_above_standard(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (fd < 0) {
        return kk_failure_errno(errno, path, "cannot create");
    }
    return write_all(fd, path, 0, 0);
}

KK_RV kk_change_file_map(struct kk_change_file *change, const char *path, bool writable,
                         bool *ret_sound)
{
    *ret_sound = false;
    KK_CLEANUP(fd_close) int fd = kk_fd_above_standard(
        open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd < 0 && (errno == ENOENT || !writable)) {
        return CKR_OK;
    }
    if (fd < 0) {
        return kk_failure_errno(errno, path, "cannot open");
    }
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return kk_failure_errno(errno, path, "cannot look at");
    }
    if (!S_ISREG(status.st_mode) || status.st_size != KK_CHANGE_SIZE) {
        return CKR_OK;
    }
    void *map = mmap(NULL, KK_CHANGE_SIZE, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                     MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return kk_failure_errno(errno, path, "cannot map");
    }
    change->counter = map;
    change->writable = writable;
    *ret_sound = true;
    return CKR_OK;
}

/* A number that no process remembers, so that what it cached before can't look fresh. */
static uint64_t some_odd_number(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        number = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
    }
    return (number >> 2) | 1;
}

KK_RV kk_change_file_repair(const char *path, unsigned int mode)
{
    KK_CLEANUP(fd_close) int fd =
        kk_fd_above_standard(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
    if (fd < 0) {
        return kk_failure_errno(errno, path, "cannot open");
    }
    kk_log_warning("%s: not a change counter of %d bytes: made anew", path, KK_CHANGE_SIZE);
    if (ftruncate(fd, KK_CHANGE_SIZE) != 0) {
        return kk_failure_errno(errno, path, "cannot set the size");
    }
    return write_all(fd, path, some_odd_number(), some_odd_number());
}

void kk_change_file_unmap(struct kk_change_file *change)
{
    if (change->counter != NULL) {
        (void)munmap((void *)change->counter, KK_CHANGE_SIZE);
    }
    *change = (struct kk_change_file){0};
}

uint64_t kk_change_file_read(const struct kk_change_file *change)
{
    return change->counter == NULL ? 1 : atomic_load(change->counter);
}

void kk_change_file_step(struct kk_change_file *change)
{
    KK_ASSERT(change->writable);
    uint64_t value = atomic_load(change->counter);
    if (value != KK_CHANGE_GONE) {
        /* Wraps where it would become the mark. */
        atomic_store(change->counter, value + 1 == KK_CHANGE_GONE ? 1 : value + 1);
    }
}

void kk_change_file_settle(struct kk_change_file *change)
{
    if (kk_change_file_read(change) % 2 != 0) {
        kk_change_file_step(change);
    }
}

uint64_t kk_change_file_generation(const struct kk_change_file *change)
{
    return change->counter == NULL ? 0 : atomic_load(&change->counter[GENERATION]);
}

void kk_change_file_set_generation(struct kk_change_file *change, uint64_t generation)
{
    KK_ASSERT(change->writable);
    atomic_store(&change->counter[GENERATION], generation);
}

uint64_t kk_change_file_losses(const struct kk_change_file *change)
{
    return change->counter == NULL ? UINT64_MAX : atomic_load(&change->counter[LOSSES]);
}

void kk_change_file_add_loss(struct kk_change_file *change)
{
    KK_ASSERT(change->writable);
    atomic_fetch_add(&change->counter[LOSSES], 1);
}

void kk_change_file_mark_gone(struct kk_change_file *change)
{
    KK_ASSERT(change->writable);
    atomic_store(change->counter, KK_CHANGE_GONE);
}
