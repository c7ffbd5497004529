/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths and directories.
 */
#include "store/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/platform.h"
#include "store/failure.h"

#include "base/banned.h"

KK_RV kk_path_join(const char *dir, const char *prefix, const char *name, char **ret_path)
{
    size_t size = strlen(dir) + strlen(prefix) + strlen(name) + 2;
    char *path = NULL;
    KK_TRY(kk_alloc(size, &path));
    (void)snprintf(path, size, "%s/%s%s", dir, prefix, name);
    *ret_path = path;
    return CKR_OK;
}

KK_RV kk_path_absolute(const char *location, char **ret_path)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    if (location[0] == '/') {
        KK_TRY(kk_strdup(location, &path));
    } else {
        char here[4096];
        KK_ENSURE(getcwd(here, sizeof here) != NULL, CKR_GENERAL_ERROR);
        KK_TRY(kk_path_join(here, "", location, &path));
    }
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        path[--len] = '\0';
    }
    *ret_path = KK_STEAL(path);
    return CKR_OK;
}

KK_RV kk_path_open_tokens(const char *location, DIR **ret_dir)
{
    DIR *dir = opendir(location);
    if (dir == NULL) {
        CK_RV rv = kk_failure_errno(errno, location, "cannot read the tokens' directory");
        return rv == CKR_HOST_MEMORY ? rv : CKR_GENERAL_ERROR;
    }
    *ret_dir = dir;
    return CKR_OK;
}

void kk_path_dir_close(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

int kk_path_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    (void)close(fd);
    return error;
}

void kk_path_sync_dir(const char *path)
{
    int error = kk_path_sync(path);
    if (error != 0 && error != ENOENT) {
        kk_log_warning("%s: cannot sync: %s", path, strerrordesc_np(error));
    }
}

void kk_path_sync_parent(const char *path)
{
    KK_CLEANUP(kk_freep) char *parent = NULL;
    if (kk_strdup(path, &parent) == CKR_OK) {
        *strrchr(parent, '/') = '\0';
        kk_path_sync_dir(parent);
    }
}

int kk_path_rename_new(const char *from, const char *to)
{
    int result = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
        result = rename(from, to); /* refuses a directory with anything in it, too */
    }
    return result;
}

bool kk_path_beside_is_sound(const char *db)
{
    static const char *const suffixes[] = {"-journal", "-wal", "-shm"};
    for (size_t i = 0; i < KK_ARRAY_LEN(suffixes); i++) {
        char path[4352];
        struct stat status;
        int len = snprintf(path, sizeof path, "%s%s", db, suffixes[i]);
        if (len < 0 || (size_t)len >= sizeof path) {
            return false;
        }
        if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
            kk_log_error("%s: is no file: the database beside it is not opened", path);
            return false;
        }
    }
    return true;
}
