/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole files into secret memory, and out of it. A secret grows by doubling; what it leaves behind
 * is wiped. A new file is made beside the one whose place it takes.
 */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#include "base/banned.h"

#define FIRST_SIZE 4096

static void close_fd(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* Fills the secret from *len on. False on a read error; *ret_end tells whether the file is at an
 * end. */
static bool fill(int fd, struct kk_secret *content, size_t *len, bool *ret_end)
{
    while (*len < kk_secret_len(content)) {
        ssize_t got = read(fd, kk_secret_data(content) + *len, kk_secret_len(content) - *len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            *ret_end = true;
            return got == 0;
        }
        *len += (size_t)got;
    }
    *ret_end = false;
    return true;
}

/* The same bytes in a secret of twice the length. */
static KK_RV grow(struct kk_secret **content, size_t max)
{
    struct kk_span old = kk_secret_span(*content);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *larger = NULL;
    KK_ENSURE(old.len < max, CKR_DATA_LEN_RANGE);
    KK_TRY(kk_secret_new(old.len * 2, &larger));
    memcpy(kk_secret_data(larger), old.data, old.len);
    kk_secret_free(*content);
    *content = KK_STEAL(larger);
    return CKR_OK;
}

enum kk_cli_file_result kk_cli_file_read_long(const char *path, size_t max,
                                              struct kk_secret **ret_content)
{
    KK_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return KK_CLI_FILE_NOT_OPENED;
    }
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    if (kk_secret_new(FIRST_SIZE, &content) != CKR_OK) {
        return KK_CLI_FILE_NOT_READ;
    }
    size_t len = 0;
    bool end = false;
    for (;;) {
        if (!fill(fd, content, &len, &end)) {
            return KK_CLI_FILE_NOT_READ;
        }
        if (end) {
            break;
        }
        if (grow(&content, max) != CKR_OK) {
            return KK_CLI_FILE_NOT_READ;
        }
    }
    kk_secret_truncate(content, len);
    *ret_content = KK_STEAL(content);
    return KK_CLI_FILE_OK;
}

enum kk_cli_file_result kk_cli_file_read(const char *path, struct kk_secret **ret_content)
{
    return kk_cli_file_read_long(path, KK_CLI_FILE_MAX, ret_content);
}

static bool write_all(int fd, struct kk_span content)
{
    while (content.len > 0) {
        ssize_t done = write(fd, content.data, content.len);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            content.data += done;
            content.len -= (size_t)done;
        }
    }
    return true;
}

/* close() after what matters has been checked; it may change errno. */
static bool close_after(int fd, bool done)
{
    int error = errno;
    bool closed = close(fd) == 0;
    if (!done) {
        errno = error;
    }
    return done && closed;
}

static KK_RV write_in_place(const char *path, struct kk_span content)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return CKR_FUNCTION_FAILED;
    }
    return close_after(fd, write_all(fd, content)) ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* The name is safe on the disk too. That a directory cannot be synced changes nothing about the
 * file. */
static void sync_directory(char *path)
{
    KK_CLEANUP(close_fd) int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
    }
}

#define TEMPORARY_SUFFIX ".XXXXXX"

/* Leaves a file alone that came meanwhile, unlike rename(). Not every file system has both ways. */
static bool put_where_nothing_is(const char *temporary, const char *path)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if ((errno != EINVAL && errno != ENOSYS) || link(temporary, path) != 0) {
        return false;
    }
    (void)unlink(temporary);
    return true;
}

/* mkostemp() makes it 0600. */
static KK_RV write_and_rename(const char *path, struct kk_span content, bool replace)
{
    KK_CLEANUP(kk_freep) char *temporary = NULL;
    size_t len = strlen(path);
    if (kk_alloc(len + sizeof TEMPORARY_SUFFIX, &temporary) != CKR_OK) {
        errno = ENOMEM;
        return CKR_FUNCTION_FAILED;
    }
    memcpy(temporary, path, len);
    memcpy(temporary + len, TEMPORARY_SUFFIX, sizeof TEMPORARY_SUFFIX);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return CKR_FUNCTION_FAILED;
    }
    bool done = close_after(fd, write_all(fd, content) && fsync(fd) == 0);
    done = done && (replace ? rename(temporary, path) == 0 : put_where_nothing_is(temporary, path));
    if (!done) {
        int error = errno;
        (void)unlink(temporary);
        errno = error;
        return CKR_FUNCTION_FAILED;
    }
    sync_directory(temporary);
    return CKR_OK;
}

KK_RV kk_cli_file_write(const char *path, struct kk_span content)
{
    struct stat status;
    KK_CLEANUP(kk_freep) char *real = NULL;
    if (stat(path, &status) != 0) {
        return errno == ENOENT ? write_and_rename(path, content, true) : CKR_FUNCTION_FAILED;
    }
    if (!S_ISREG(status.st_mode)) {
        return write_in_place(path, content);
    }
    /* Behind a symbolic link lies the file that is meant. */
    real = realpath(path, NULL);
    if (real == NULL) {
        return CKR_FUNCTION_FAILED;
    }
    return write_and_rename(real, content, true);
}

KK_RV kk_cli_file_create(const char *path, struct kk_span content)
{
    return write_and_rename(path, content, false);
}
