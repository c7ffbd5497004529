/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of tokens that were set aside.
 */
#include "store/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/failure.h"
#include "store/path.h"

#include "base/banned.h"

#define FOLDER ".backup"
#define SERIAL_LEN 16
#define PREFIX_SIZE (SERIAL_LEN + 2) /* "<serial>-" and a zero */

static void prefix_of(const char serial[16], char ret_prefix[PREFIX_SIZE])
{
    (void)snprintf(ret_prefix, PREFIX_SIZE, "%.16s-", serial);
}

/* A directory of that name itself: whoever may write to the tokens' directory can put a link there
 * that leads to another one of the caller's. -1 with errno. */
static int open_dir(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* What is no directory is not taken for one that went away. */
static KK_RV not_opened(int error, const char *path)
{
    CK_RV rv = kk_failure_errno(error, path, "cannot open");
    return rv == CKR_DEVICE_REMOVED ? CKR_DEVICE_ERROR : rv;
}

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

/* Who may put a token into the tokens' directory may set one aside: group and mode are that one's.
 * A group that cannot be given gets nothing. */
static KK_RV share(int fd, const char *location, const char *folder)
{
    struct stat status;
    struct stat parent;
    if (fstat(fd, &status) != 0 || stat(location, &parent) != 0) {
        return kk_failure_errno(errno, folder, "cannot look at");
    }
    bool same_group = status.st_gid == parent.st_gid || fchown(fd, (uid_t)-1, parent.st_gid) == 0;
    mode_t mode = parent.st_mode & 07777 & ~(mode_t)(same_group ? 0 : 02070);
    return fchmod(fd, mode | 0700) == 0 ? CKR_OK
                                        : kk_failure_errno(errno, folder, "cannot set the mode");
}

KK_RV kk_aside_path(const char *location, const char serial[16], const char *name, char **ret_path)
{
    char prefix[PREFIX_SIZE];
    KK_CLEANUP(kk_freep) char *folder = NULL;
    prefix_of(serial, prefix);
    KK_TRY(kk_path_join(location, "", FOLDER, &folder));
    bool is_new = mkdir(folder, 0700) == 0;
    if (!is_new && errno != EEXIST) {
        return kk_failure_errno(errno, folder, "cannot create");
    }
    KK_CLEANUP(fd_close) int fd = open_dir(AT_FDCWD, folder);
    if (fd < 0) {
        return not_opened(errno, folder);
    }
    KK_TRY(is_new ? share(fd, location, folder) : CKR_OK);
    return kk_path_join(folder, prefix, name, ret_path);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The audit log says what was done with the keys that go. */
static bool outlives(const char *name)
{
    return strncmp(name, "audit.log", strlen("audit.log")) == 0;
}

struct emptied {
    size_t deleted, kept;
};

/* A directory to be read, or NULL with errno. Takes the descriptor over. */
static DIR *stream_of(int fd)
{
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL && fd >= 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
    }
    return dir;
}

/* The directories of all engines are flat. */
static KK_RV empty_dir(int parent, const char *name, const char *path, struct emptied *emptied)
{
    KK_CLEANUP(kk_path_dir_close) DIR *dir = stream_of(open_dir(parent, name));
    if (dir == NULL) {
        return not_opened(errno, path);
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (is_dot(entry->d_name)) {
            continue;
        }
        if (outlives(entry->d_name)) {
            emptied->kept++;
        } else if (unlinkat(dirfd(dir), entry->d_name, 0) == 0) {
            emptied->deleted++;
        } else {
            (void)kk_failure_errno(errno, path, "cannot delete what is in it");
            return CKR_DEVICE_ERROR;
        }
    }
    return CKR_OK;
}

/* True in *ret_was_there unless an earlier call left its audit log only. */
static KK_RV remove_dir(int parent, const char *name, const char *path, bool *ret_was_there)
{
    struct emptied emptied = {0};
    KK_TRY(empty_dir(parent, name, path, &emptied));
    *ret_was_there = emptied.deleted > 0 || emptied.kept == 0;
    if (emptied.kept == 0 && unlinkat(parent, name, AT_REMOVEDIR) != 0) {
        return kk_failure_errno(errno, path, "cannot delete");
    }
    if (*ret_was_there) {
        kk_log_info("%s: a token that was set aside, deleted%s", path,
                    emptied.kept > 0 ? "; the audit log stays" : "");
    }
    return CKR_OK;
}

static KK_RV remove_all(DIR *dir, const char *folder, const char *prefix, size_t *ret_count)
{
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            KK_CLEANUP(kk_freep) char *path = NULL;
            bool was_there = false;
            KK_TRY(kk_path_join(folder, "", entry->d_name, &path));
            KK_TRY(remove_dir(dirfd(dir), entry->d_name, path, &was_there));
            *ret_count += was_there ? 1 : 0;
        }
    }
    return CKR_OK;
}

KK_RV kk_aside_remove(const char *location, const char serial[16], size_t *ret_count)
{
    char prefix[PREFIX_SIZE];
    KK_CLEANUP(kk_freep) char *folder = NULL;
    prefix_of(serial, prefix);
    *ret_count = 0;
    KK_TRY(kk_path_join(location, "", FOLDER, &folder));
    KK_CLEANUP(kk_path_dir_close) DIR *dir = stream_of(open_dir(AT_FDCWD, folder));
    if (dir == NULL) {
        return errno == ENOENT ? CKR_OK : not_opened(errno, folder);
    }
    KK_TRY(remove_all(dir, folder, prefix, ret_count));
    (void)rmdir(folder); /* when nothing else is in it */
    kk_path_sync_dir(location);
    return CKR_OK;
}
