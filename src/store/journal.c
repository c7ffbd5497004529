/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Journals. The lock is kept open between entries, so that an entry costs four system calls: lock,
 * look at the length, write, unlock.
 */
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform.h"
#include "store/failure.h"
#include "store/gate.h"

#include "base/banned.h"

#define NUMBER_DIGITS 20
#define PATIENT_TURNS 100 /* of giving the processor away before it sleeps */
#define PAUSE_FIRST_US 50
#define PAUSE_LAST_US 2000
#define LIMIT_MS 30000
#define FREE_TRIES 1000 /* numbers that are taken; none is, but in a damaged log */

struct kk_journal {
    struct kk_journal *next, *previous; /* of those with an open lock; under kk_gate_mutex */
    bool is_listed;
    char *dir;
    char *name; /* "audit.log" */
    char *path;
    char *lock_path;
    unsigned int mode;
    struct kk_mutex lock; /* KK_RANK_JOURNAL; held from kk_journal_lock() to unlock() */
    int lock_fd;
    int fd;
    uint64_t size; /* as this journal left it */
    bool is_known; /* it has left it */
};

/* Every journal whose lock file is open, for the child of a fork to close. */
static struct kk_journal *all;

/* Whatever is wrong with the files of a log, the caller's token is not write-protected by it. */
static CK_RV failed(int error, const char *path, const char *what)
{
    CK_RV rv = kk_failure_errno(error, path, what);
    return rv == CKR_DEVICE_MEMORY || rv == CKR_HOST_MEMORY ? rv : CKR_DEVICE_ERROR;
}

/* ---- making ---- */

static KK_RV join(const char *dir, const char *name, const char *end, char **ret_path)
{
    size_t size = strlen(dir) + strlen(name) + strlen(end) + 2;
    char *path = NULL;
    KK_TRY(kk_alloc(size, &path));
    (void)snprintf(path, size, "%s%s%s%s", dir, dir[0] == '\0' ? "" : "/", name, end);
    *ret_path = path;
    return CKR_OK;
}

KK_RV kk_journal_new(const char *dir, const char *name, unsigned int mode,
                     struct kk_journal **ret_journal)
{
    struct kk_journal *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    made->lock_fd = -1;
    made->fd = -1;
    made->mode = mode;
    kk_mutex_init(&made->lock, KK_RANK_JOURNAL);
    KK_CLEANUP(kk_journal_freep) struct kk_journal *journal = made;
    KK_TRY(kk_strdup(dir, &journal->dir));
    KK_TRY(join("", name, ".log", &journal->name));
    KK_TRY(join(dir, journal->name, "", &journal->path));
    KK_TRY(join(dir, name, ".lock", &journal->lock_path));
    kk_gate_start();
    *ret_journal = KK_STEAL(journal);
    return CKR_OK;
}

const char *kk_journal_path(const struct kk_journal *journal)
{
    return journal->path;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* ---- the list for forks ---- */

static void list(struct kk_journal *journal)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    journal->is_listed = true;
    journal->next = all;
    journal->previous = NULL;
    if (all != NULL) {
        all->previous = journal;
    }
    all = journal;
}

static void unlist(struct kk_journal *journal)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    if (!journal->is_listed) {
        return;
    }
    if (journal->previous != NULL) {
        journal->previous->next = journal->next;
    } else {
        all = journal->next;
    }
    if (journal->next != NULL) {
        journal->next->previous = journal->previous;
    }
    journal->is_listed = false;
}

void kk_journal_close_all(void)
{
    while (all != NULL) {
        struct kk_journal *journal = all;
        all = journal->next;
        journal->is_listed = false;
        close_fd(&journal->lock_fd); /* without an unlock: the parent goes on holding it */
        close_fd(&journal->fd);
        journal->is_known = false;
    }
}

static void close_lock(struct kk_journal *journal)
{
    kk_gate_enter(); /* no fork between the list and the close */
    unlist(journal);
    close_fd(&journal->lock_fd);
    kk_gate_leave();
}

void kk_journal_free(struct kk_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    close_lock(journal);
    close_fd(&journal->fd);
    kk_mutex_destroy(&journal->lock);
    kk_free(journal->dir);
    kk_free(journal->name);
    kk_free(journal->path);
    kk_free(journal->lock_path);
    kk_free(journal);
}

/* ---- the lock ---- */

static KK_RV open_lock(struct kk_journal *journal)
{
    if (journal->lock_fd >= 0) {
        return CKR_OK;
    }
    kk_gate_enter(); /* no fork between the open and the list */
    journal->lock_fd = kk_fd_above_standard(
        open(journal->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, journal->mode));
    int error = errno;
    if (journal->lock_fd >= 0) {
        list(journal);
    }
    kk_gate_leave();
    return journal->lock_fd >= 0 ? CKR_OK
                                 : failed(error, journal->lock_path, "cannot open the lock file");
}

static int set_lock(int fd, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* An entry takes microseconds: whoever waits gives the processor away some times before it sleeps.
 */
static int wait_for_lock(int fd)
{
    struct timespec since;
    (void)clock_gettime(CLOCK_MONOTONIC, &since);
    long pause = PAUSE_FIRST_US;
    for (int turn = 0; elapsed_ms(&since) < LIMIT_MS; turn++) {
        int error = set_lock(fd, F_WRLCK);
        if (error != EAGAIN && error != EACCES && error != EINTR) {
            return error;
        }
        if (turn < PATIENT_TURNS) {
            (void)sched_yield();
        } else {
            (void)nanosleep(&(struct timespec){.tv_nsec = pause * 1000}, NULL);
            pause = KK_MIN(pause * 2, PAUSE_LAST_US);
        }
    }
    return EAGAIN;
}

static KK_RV take_lock(struct kk_journal *journal)
{
    int error = set_lock(journal->lock_fd, F_WRLCK);
    if (KK_UNLIKELY(error != 0)) {
        error = wait_for_lock(journal->lock_fd);
    }
    if (error == EAGAIN) {
        kk_log_error("%s: not free for %d ms, another process holds it", journal->lock_path,
                     LIMIT_MS);
        return CKR_FUNCTION_FAILED;
    }
    return error == 0 ? CKR_OK : failed(error, journal->lock_path, "cannot lock");
}

static bool is_named(int fd, const char *path)
{
    struct stat named;
    struct stat opened;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

static void give_lock(struct kk_journal *journal)
{
    if (journal->lock_fd >= 0) {
        (void)set_lock(journal->lock_fd, F_UNLCK);
    }
}

/* The lock of the file that has the name now. */
static KK_RV lock_named(struct kk_journal *journal, bool by_name)
{
    for (;;) {
        bool was_open = journal->lock_fd >= 0;
        KK_TRY(open_lock(journal));
        KK_TRY(take_lock(journal));
        if ((was_open && !by_name) || is_named(journal->lock_fd, journal->lock_path)) {
            return CKR_OK;
        }
        close_lock(journal);
    }
}

/* ---- the present part ---- */

static void sync_dir(const struct kk_journal *journal)
{
    int fd = open(journal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems refuse it for directories */
        (void)close(fd);
    }
}

static KK_RV open_present(struct kk_journal *journal)
{
    int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    journal->is_known = false;
    journal->fd = kk_fd_above_standard(open(journal->path, flags));
    if (journal->fd < 0 && errno == ENOENT) {
        journal->fd =
            kk_fd_above_standard(open(journal->path, flags | O_CREAT | O_EXCL, journal->mode));
        sync_dir(journal);
    }
    return journal->fd >= 0 ? CKR_OK : failed(errno, journal->path, "cannot open the audit log");
}

static KK_RV look(struct kk_journal *journal, bool by_name, bool *ret_moved)
{
    struct stat status = {0};
    if (journal->fd >= 0 && by_name && !is_named(journal->fd, journal->path)) {
        close_fd(&journal->fd);
    }
    if (journal->fd < 0) {
        KK_TRY(open_present(journal));
    }
    int result = fstat(journal->fd, &status);
    if (result == 0 && status.st_nlink == 0) { /* somebody deleted it */
        close_fd(&journal->fd);
        KK_TRY(open_present(journal));
        result = fstat(journal->fd, &status);
    }
    if (result != 0 || !S_ISREG(status.st_mode)) {
        return failed(EINVAL, journal->path, "is not a file that can be written to");
    }
    *ret_moved = !journal->is_known || (uint64_t)status.st_size != journal->size;
    journal->size = (uint64_t)status.st_size;
    journal->is_known = true;
    return CKR_OK;
}

/* The gate is entered before the lock is taken: who holds it must never wait for a fork, which may
 * wait for somebody who waits for the lock. */
KK_RV kk_journal_lock(struct kk_journal *journal, bool by_name, bool *ret_moved)
{
    kk_gate_enter();
    kk_mutex_lock(&journal->lock);
    CK_RV rv = lock_named(journal, by_name);
    if (rv == CKR_OK) {
        rv = look(journal, by_name, ret_moved);
    }
    if (rv != CKR_OK) {
        give_lock(journal);
        kk_mutex_unlock(&journal->lock);
        kk_gate_leave();
        return rv;
    }
    return CKR_OK;
}

KK_RV kk_journal_unlock(struct kk_journal *journal, bool sync)
{
    int fd = -1;
    int error = 0;
    if (sync && journal->fd >= 0) {
        fd = fcntl(journal->fd, F_DUPFD_CLOEXEC, 0);
        error = fd < 0 ? errno : 0;
    }
    give_lock(journal);
    kk_mutex_unlock(&journal->lock);
    kk_gate_leave();
    if (fd >= 0) {
        error = fdatasync(fd) == 0 ? 0 : errno;
        (void)close(fd);
    }
    return error == 0 ? CKR_OK : failed(error, journal->path, "cannot sync");
}

uint64_t kk_journal_size(const struct kk_journal *journal)
{
    return journal->size;
}

static KK_RV read_at(int fd, const char *path, uint64_t offset, void *data, size_t len,
                     size_t *ret_len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, (uint8_t *)data + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed(errno, path, "cannot read");
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_len = done;
    return CKR_OK;
}

struct kk_journal_part kk_journal_present(const struct kk_journal *journal)
{
    return (struct kk_journal_part){.fd = journal->fd, .size = journal->size};
}

KK_RV kk_journal_look(struct kk_journal *journal, bool *ret_moved)
{
    return look(journal, true, ret_moved);
}

/* What could not be written as a whole is cut off again. */
KK_RV kk_journal_append(struct kk_journal *journal, struct kk_span bytes)
{
    ssize_t wrote = -1;
    do {
        wrote = write(journal->fd, bytes.data, bytes.len);
    } while (wrote < 0 && errno == EINTR);
    if (wrote == (ssize_t)bytes.len) {
        journal->size += bytes.len;
        return CKR_OK;
    }
    int error = wrote < 0 ? errno : ENOSPC;
    if (wrote > 0 && ftruncate(journal->fd, (off_t)journal->size) != 0) {
        journal->is_known = false; /* the next one finds a torn line */
    }
    return failed(error, journal->path, "cannot write an entry");
}

/* ---- older parts ---- */

static KK_RV part_path(const struct kk_journal *journal, uint64_t number, char **ret_path)
{
    char end[NUMBER_DIGITS + 2];
    (void)snprintf(end, sizeof end, ".%0*llu", NUMBER_DIGITS, (unsigned long long)number);
    return join(journal->dir, journal->name, end, ret_path);
}

static int rename_new(const char *from, const char *to)
{
    int result = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
        result = link(from, to); /* refuses a name that is taken, too */
        if (result == 0) {
            (void)unlink(from);
        }
    }
    return result;
}

static KK_RV rename_free(const struct kk_journal *journal, uint64_t number)
{
    for (uint64_t i = 0;; i++) {
        KK_CLEANUP(kk_freep) char *path = NULL;
        KK_TRY(part_path(journal, number + i, &path));
        if (rename_new(journal->path, path) == 0) {
            return CKR_OK;
        }
        if (errno != EEXIST || i == FREE_TRIES) {
            return failed(errno, path, "cannot give the full audit log this name");
        }
    }
}

KK_RV kk_journal_turn(struct kk_journal *journal, uint64_t number)
{
    bool moved = false;
    if (fdatasync(journal->fd) != 0) {
        return failed(errno, journal->path, "cannot sync");
    }
    KK_TRY(rename_free(journal, number));
    close_fd(&journal->fd);
    return look(journal, false, &moved);
}

KK_RV kk_journal_drop(struct kk_journal *journal, uint64_t number)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(part_path(journal, number, &path));
    if (unlink(path) != 0 && errno != ENOENT) {
        return failed(errno, path, "cannot delete");
    }
    return CKR_OK;
}

/* "<name>.<20 digits>" */
static bool parse_part(const struct kk_journal *journal, const char *entry, uint64_t *ret_number)
{
    size_t len = strlen(journal->name);
    if (strncmp(entry, journal->name, len) != 0 || entry[len] != '.' ||
        strlen(entry + len + 1) != NUMBER_DIGITS ||
        strspn(entry + len + 1, "0123456789") != NUMBER_DIGITS) {
        return false;
    }
    errno = 0;
    *ret_number = strtoull(entry + len + 1, NULL, 10);
    return errno == 0 && *ret_number != KK_JOURNAL_PRESENT;
}

static int by_number(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a;
    uint64_t two = *(const uint64_t *)b;
    return one < two ? -1 : one > two ? 1 : 0;
}

KK_RV kk_journal_parts(const struct kk_journal *journal, uint64_t **ret_numbers, size_t *ret_count)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer numbers = {0};
    DIR *dir = opendir(journal->dir);
    if (dir == NULL) {
        return failed(errno, journal->dir, "cannot list the audit log's files");
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        uint64_t number = 0;
        if (parse_part(journal, entry->d_name, &number)) {
            kk_buffer_put(&numbers, &number, sizeof number);
        }
    }
    (void)closedir(dir);
    KK_TRY(kk_buffer_check(&numbers));
    size_t count = numbers.len / sizeof(uint64_t);
    if (count > 0) {
        qsort(numbers.data, count, sizeof(uint64_t), by_number);
    }
    KK_TRY(kk_memdup(numbers.data, numbers.len, ret_numbers));
    *ret_count = count;
    return CKR_OK;
}

KK_RV kk_journal_part_open(const struct kk_journal *journal, uint64_t number,
                           struct kk_journal_part *ret_part)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    struct stat status = {0};
    if (number == KK_JOURNAL_PRESENT) {
        KK_TRY(kk_strdup(journal->path, &path));
    } else {
        KK_TRY(part_path(journal, number, &path));
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? CKR_DEVICE_REMOVED : failed(errno, path, "cannot open");
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)close(fd);
        return failed(EINVAL, path, "is not a file that can be read");
    }
    *ret_part = (struct kk_journal_part){.fd = fd, .size = (uint64_t)status.st_size};
    return CKR_OK;
}

KK_RV kk_journal_part_read(const struct kk_journal *journal, const struct kk_journal_part *part,
                           uint64_t offset, void *data, size_t len, size_t *ret_len)
{
    size_t left = offset < part->size ? (size_t)KK_MIN(part->size - offset, (uint64_t)len) : 0;
    return read_at(part->fd, journal->path, offset, data, left, ret_len);
}

void kk_journal_part_close(struct kk_journal_part *part)
{
    close_fd(&part->fd);
}

void kk_journal_discard(struct kk_journal *journal)
{
    struct stat status = {0};
    KK_LOCK_SCOPE(&journal->lock);
    if (stat(journal->path, &status) == 0 && status.st_size == 0) {
        (void)unlink(journal->path);
        (void)unlink(journal->lock_path);
    }
}
