/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole files into secret memory. The secret grows by doubling; what it leaves behind is wiped.
 */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
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
static KK_RV grow(struct kk_secret **content)
{
    struct kk_span old = kk_secret_span(*content);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *larger = NULL;
    KK_ENSURE(old.len < KK_CLI_FILE_MAX, CKR_DATA_LEN_RANGE);
    KK_TRY(kk_secret_new(old.len * 2, &larger));
    memcpy(kk_secret_data(larger), old.data, old.len);
    kk_secret_free(*content);
    *content = KK_STEAL(larger);
    return CKR_OK;
}

enum kk_cli_file_result kk_cli_file_read(const char *path, struct kk_secret **ret_content)
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
        if (grow(&content) != CKR_OK) {
            return KK_CLI_FILE_NOT_READ;
        }
    }
    kk_secret_truncate(content, len);
    *ret_content = KK_STEAL(content);
    return KK_CLI_FILE_OK;
}
