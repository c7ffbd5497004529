/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM's token directories in the tokens' directory: which there are, and making one.
 *
 * A new token lies in ".new-softhsm-<name>" until all its files are there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/path.h"
#include "store/softhsm_internal.h"

#include "base/banned.h"

/* A token whose maker died is deleted after this time. */
#define STALE_SECONDS 3600

/* SoftHSM makes the directory first: one without a token in it is looked at again for so long. */
#define UNFINISHED_SECONDS 60

static const char *const new_files[] = {"token.object", "token.lock", "generation"};

/* Whether the directory of that name has a token's file in it. Without memory of its own: what
 * could not be looked at would pass for a token that is gone. */
static bool is_token(DIR *stream, const char *name)
{
    char path[KK_UUID_TEXT + sizeof "/token.object"];
    struct stat status;
    int len = snprintf(path, sizeof path, "%s/token.object", name);
    return len > 0 && (size_t)len < sizeof path &&
           fstatat(dirfd(stream), path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode);
}

/* ---- listing ---- */

static bool is_young(const struct stat *status, int seconds)
{
    return status->st_mtime > time(NULL) - seconds;
}

static void close_dir(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* That directory itself, and not what a link in its place leads to. -1 when it is none. */
static int open_dir(const char *dir)
{
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static void delete_files(int fd, const char *dir)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(new_files); i++) {
        (void)unlinkat(fd, new_files[i], 0);
    }
    (void)rmdir(dir);
}

static void remove_stale(const char *location, const char *name)
{
    static const size_t prefix = sizeof KK_SOFTHSM_NEW_PREFIX - 1;
    struct kk_uuid uuid;
    struct stat status;
    KK_CLEANUP(kk_freep) char *dir = NULL;
    if (strncmp(name, KK_SOFTHSM_NEW_PREFIX, prefix) != 0 || !kk_uuid_parse(name + prefix, &uuid) ||
        kk_path_join(location, "", name, &dir) != CKR_OK) {
        return;
    }
    KK_CLEANUP(close_dir) int fd = open_dir(dir);
    if (fd >= 0 && fstat(fd, &status) == 0 && !is_young(&status, STALE_SECONDS)) {
        kk_log_info("%s: a token that was never finished, deleted", dir);
        delete_files(fd, dir);
    }
}

/* A directory that may be on its way to a token. */
static bool is_unfinished(DIR *stream, const char *name)
{
    struct stat status;
    return fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(status.st_mode) && is_young(&status, UNFINISHED_SECONDS);
}

KK_RV kk_softhsm_list(const char *location, kk_softhsm_name_visit *visit, void *context,
                      bool *ret_unfinished)
{
    KK_CLEANUP(kk_path_dir_close) DIR *stream = NULL;
    KK_TRY(kk_path_open_tokens(location, &stream));
    const struct dirent *entry = NULL;
    while ((entry = readdir(stream)) != NULL) {
        struct kk_uuid uuid;
        const char *name = entry->d_name;
        if (name[0] == '.') {
            remove_stale(location, name);
        } else if (kk_uuid_parse(name, &uuid)) {
            bool token = is_token(stream, name);
            *ret_unfinished = *ret_unfinished || (!token && is_unfinished(stream, name));
            KK_TRY(token ? visit(name, context) : CKR_OK);
        }
    }
    return CKR_OK;
}

/* ---- making ---- */

static KK_RV make_file(const char *dir, const char *name, unsigned int mode, struct kk_span content)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(kk_path_join(dir, "", name, &path));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    int error = fd < 0 ? errno : kk_softhsm_write_at(fd, content, 0);
    if (error == 0 && fsync(fd) != 0) {
        error = errno;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error == 0 ? CKR_OK : kk_failure_errno(error, path, "cannot write");
}

static KK_RV fill(const char *dir, unsigned int mode, struct kk_span token_body)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer content = {.wipe = true};
    uint8_t generation[8];
    kk_store_u64(generation, 1);
    kk_buffer_put_u64(&content, kk_softhsm_next_version(0));
    kk_buffer_put_span(&content, token_body);
    KK_TRY(kk_buffer_check(&content));
    KK_TRY(make_file(dir, "generation", mode, KK_SPAN_ARRAY(generation)));
    KK_TRY(make_file(dir, "token.lock", mode, KK_SPAN(NULL, 0)));
    KK_TRY(make_file(dir, "token.object", mode, kk_buffer_span(&content)));
    int error = kk_path_sync(dir);
    return error == 0 ? CKR_OK : kk_failure_errno(error, dir, "cannot sync");
}

/* The name is on the disk, or the token loses it again. */
static KK_RV give_name(const char *location, const char *from, const char *to)
{
    if (kk_path_rename_new(from, to) != 0) {
        return kk_failure_errno(errno, to, "cannot give the new token its name");
    }
    int error = kk_path_sync(location);
    if (error != 0) {
        (void)kk_path_rename_new(to, from);
        return kk_failure_errno(error, location, "cannot sync");
    }
    return CKR_OK;
}

static KK_RV make_and_rename(const char *location, const char *from, const char *to,
                             unsigned int umask, struct kk_span token_body)
{
    if (mkdir(from, 0777 & ~umask) != 0) {
        return kk_failure_errno(errno, from, "cannot create");
    }
    CK_RV rv = fill(from, 0666 & ~umask, token_body);
    rv = rv == CKR_OK ? give_name(location, from, to) : rv;
    KK_CLEANUP(close_dir) int fd = rv != CKR_OK ? open_dir(from) : -1;
    if (fd >= 0) {
        delete_files(fd, from);
    }
    return rv;
}

KK_RV kk_softhsm_make(const char *location, const char *name, unsigned int umask,
                      struct kk_span token_body)
{
    KK_CLEANUP(kk_freep) char *from = NULL;
    KK_CLEANUP(kk_freep) char *to = NULL;
    KK_TRY(kk_path_join(location, KK_SOFTHSM_NEW_PREFIX, name, &from));
    KK_TRY(kk_path_join(location, "", name, &to));
    kk_gate_start();
    kk_gate_enter();
    CK_RV rv = make_and_rename(location, from, to, umask, token_body);
    kk_gate_leave();
    return rv;
}
