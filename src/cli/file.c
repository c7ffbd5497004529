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
#include "base/platform.h"

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

static KK_RV begin_in_place(const char *path, struct kk_cli_out *out)
{
    out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    out->open = out->fd >= 0;
    return out->open ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* mkostemp() makes it 0600. */
static KK_RV begin_beside(const char *path, struct kk_cli_out *out)
{
    size_t len = strlen(path);
    if (kk_strdup(path, &out->path) != CKR_OK ||
        kk_alloc(len + sizeof TEMPORARY_SUFFIX, &out->temporary) != CKR_OK) {
        errno = ENOMEM;
        return CKR_FUNCTION_FAILED;
    }
    memcpy(out->temporary, path, len);
    memcpy(out->temporary + len, TEMPORARY_SUFFIX, sizeof TEMPORARY_SUFFIX);
    out->fd = mkostemp(out->temporary, O_CLOEXEC);
    out->open = out->fd >= 0;
    return out->open ? CKR_OK : CKR_FUNCTION_FAILED;
}

static KK_RV begin(const char *path, struct kk_cli_out *out)
{
    struct stat status;
    KK_CLEANUP(kk_freep) char *real = NULL;
    if (stat(path, &status) != 0) {
        return errno == ENOENT ? begin_beside(path, out) : CKR_FUNCTION_FAILED;
    }
    if (!S_ISREG(status.st_mode)) {
        return begin_in_place(path, out);
    }
    /* Behind a symbolic link lies the file that is meant. */
    real = realpath(path, NULL);
    return real == NULL ? CKR_FUNCTION_FAILED : begin_beside(real, out);
}

/* Does not change errno. */
void kk_cli_out_abandon(struct kk_cli_out *out)
{
    int error = errno;
    if (out->open) {
        (void)close(out->fd);
        if (out->temporary != NULL) {
            (void)unlink(out->temporary);
        }
    }
    kk_free(out->path);
    kk_free(out->temporary);
    *out = (struct kk_cli_out){0};
    errno = error;
}

KK_RV kk_cli_out_begin(const char *path, struct kk_cli_out *out)
{
    CK_RV rv = begin(path, out);
    if (rv != CKR_OK) {
        kk_cli_out_abandon(out);
    }
    return rv;
}

KK_RV kk_cli_out_standard(struct kk_cli_out *out)
{
    out->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    out->open = out->fd >= 0;
    return out->open ? CKR_OK : CKR_FUNCTION_FAILED;
}

KK_RV kk_cli_out_write(struct kk_cli_out *out, struct kk_span content)
{
    return write_all(out->fd, content) ? CKR_OK : CKR_FUNCTION_FAILED;
}

KK_RV kk_cli_out_end(struct kk_cli_out *out)
{
    bool is_synced = out->temporary == NULL || fsync(out->fd) == 0;
    if (!close_after(out->fd, is_synced) ||
        (out->temporary != NULL && !(out->is_new ? put_where_nothing_is(out->temporary, out->path)
                                                 : rename(out->temporary, out->path) == 0))) {
        int error = errno;
        if (out->temporary != NULL) {
            (void)unlink(out->temporary);
        }
        out->open = false;
        kk_cli_out_abandon(out);
        errno = error;
        return CKR_FUNCTION_FAILED;
    }
    if (out->temporary != NULL) {
        sync_directory(out->temporary);
    }
    out->open = false;
    kk_cli_out_abandon(out);
    return CKR_OK;
}

KK_RV kk_cli_file_write(const char *path, struct kk_span content)
{
    KK_CLEANUP(kk_cli_out_abandon) struct kk_cli_out out = {0};
    KK_TRY(kk_cli_out_begin(path, &out));
    KK_TRY(kk_cli_out_write(&out, content));
    return kk_cli_out_end(&out);
}

KK_RV kk_cli_file_create(const char *path, struct kk_span content)
{
    KK_CLEANUP(kk_cli_out_abandon) struct kk_cli_out out = {.is_new = true};
    CK_RV rv = begin_beside(path, &out);
    if (rv == CKR_OK) {
        rv = kk_cli_out_write(&out, content);
    }
    KK_TRY(rv);
    return kk_cli_out_end(&out);
}
