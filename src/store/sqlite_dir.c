/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Token directories: their files, how they come, go, and can be opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/failure.h"
#include "store/path.h"
#include "store/plug.h"
#include "store/sqlite_internal.h"

#include "base/banned.h"

/* Older kernel headers do not name them all. */
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif
#ifndef CEPH_SUPER_MAGIC
#define CEPH_SUPER_MAGIC 0x00c36400
#endif

#define CHANGE "change"

/* In the order they are deleted: a directory without its database is no token any more, and the
 * lock goes last. */
#define REMOVE_TRIES 40u
#define REMOVE_PAUSE_NS 5000000

static const char *const known_files[] = {KK_SQLITE_DB,
                                          KK_SQLITE_DB "-wal",
                                          KK_SQLITE_DB "-shm",
                                          KK_SQLITE_DB "-journal",
                                          KK_SQLITE_DB KK_FAILURE_PROBE,
                                          CHANGE,
                                          KK_PLUG_FILE,
                                          "audit.lock",
                                          "tries.lock",
                                          "write.lock"};

KK_RV kk_sqlite_paths_new(const char *parent, const char *prefix, const char *name,
                          struct kk_sqlite_paths *ret_paths)
{
    KK_CLEANUP(kk_sqlite_paths_clear) struct kk_sqlite_paths paths = {0};
    KK_TRY(kk_path_join(parent, prefix, name, &paths.dir));
    KK_TRY(kk_path_join(paths.dir, "", KK_SQLITE_DB, &paths.db));
    KK_TRY(kk_path_join(paths.dir, "", CHANGE, &paths.change));
    KK_TRY(kk_path_join(paths.dir, "", "write.lock", &paths.write_lock));
    KK_TRY(kk_path_join(paths.dir, "", "tries.lock", &paths.tries_lock));
    *ret_paths = paths;
    paths = (struct kk_sqlite_paths){0};
    return CKR_OK;
}

void kk_sqlite_paths_clear(struct kk_sqlite_paths *paths)
{
    kk_free(paths->dir);
    kk_free(paths->db);
    kk_free(paths->change);
    kk_free(paths->write_lock);
    kk_free(paths->tries_lock);
    *paths = (struct kk_sqlite_paths){0};
}

/* ---- coming and going ---- */

static KK_RV make_empty(const char *path, unsigned int mode)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return kk_failure_errno(errno, path, "cannot create");
    }
    (void)close(fd);
    return CKR_OK;
}

/* The database is made here, empty, for the sake of its mode: SQLite gives the mode to its other
 * files, and takes an empty file for an empty database. */
static KK_RV make_files(const struct kk_sqlite_paths *paths, unsigned int mode)
{
    KK_TRY(make_empty(paths->db, mode));
    KK_TRY(make_empty(paths->write_lock, mode));
    KK_TRY(make_empty(paths->tries_lock, mode));
    return kk_change_file_create(paths->change, mode);
}

KK_RV kk_sqlite_dir_publish(const struct kk_sqlite_paths *from, const struct kk_sqlite_paths *to,
                            const char *parent)
{
    kk_path_sync_dir(from->dir);
    if (kk_path_rename_new(from->dir, to->dir) != 0) {
        return kk_failure_errno(errno, to->dir, "cannot give the new token its name");
    }
    kk_path_sync_dir(parent);
    return CKR_OK;
}

KK_RV kk_sqlite_dir_move(const char *dir, const char *path, const char *parent)
{
    if (kk_path_rename_new(dir, path) != 0) {
        return errno == ENOENT ? CKR_DEVICE_REMOVED : kk_failure_errno(errno, path, "cannot move");
    }
    kk_path_sync_parent(path);
    kk_path_sync_dir(parent);
    return CKR_OK;
}

KK_RV kk_sqlite_dir_unmark(const char *dir)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(kk_path_join(dir, "", CHANGE, &path));
    if (unlink(path) != 0 && errno != ENOENT) {
        return kk_failure_errno(errno, path, "cannot delete");
    }
    return CKR_OK;
}

static void say_what_is_left(const char *dir)
{
    DIR *stream = opendir(dir);
    if (stream == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(stream)) != NULL) {
        if (strncmp(entry->d_name, "audit.log", 9) == 0) {
            kk_log_info("%s/%s: the audit log stays", dir, entry->d_name);
        } else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            kk_log_warning("%s/%s: not a file of the removed token's: left", dir, entry->d_name);
        }
    }
    (void)closedir(stream);
}

static KK_RV unlink_known(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return kk_failure_errno(errno, dir, "cannot open");
    }
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < KK_ARRAY_LEN(known_files) && rv == CKR_OK; i++) {
        if (unlinkat(fd, known_files[i], 0) != 0 && errno != ENOENT) {
            rv = kk_failure_errno(errno, dir, "cannot delete what is in it");
        }
    }
    (void)close(fd);
    return rv;
}

static bool has_known(const char *dir)
{
    struct stat status;
    bool found = false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    for (size_t i = 0; fd >= 0 && i < KK_ARRAY_LEN(known_files) && !found; i++) {
        found = fstatat(fd, known_files[i], &status, AT_SYMLINK_NOFOLLOW) == 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return found;
}

/* Who opened the token before its database went may still make a log or a lock file beside it: the
 * next time round there is nobody left who can. 0 or an errno. */
static KK_RV empty_and_delete(const char *dir, int *ret_error)
{
    for (unsigned i = 0; i < REMOVE_TRIES; i++) {
        KK_TRY(unlink_known(dir));
        *ret_error = rmdir(dir) == 0 || errno == ENOENT ? 0 : errno;
        if ((*ret_error != ENOTEMPTY && *ret_error != EEXIST) || !has_known(dir)) {
            return CKR_OK;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = REMOVE_PAUSE_NS}, NULL);
    }
    return CKR_OK;
}

/* The parent's time moves even if the directory stays, so that every process looks anew. */
KK_RV kk_sqlite_dir_remove(const char *dir, const char *parent)
{
    int error = 0;
    KK_TRY(empty_and_delete(dir, &error));
    if (error != 0) {
        if (error != ENOTEMPTY && error != EEXIST) {
            return kk_failure_errno(error, dir, "cannot delete");
        }
        say_what_is_left(dir);
        (void)utimensat(AT_FDCWD, parent, NULL, 0);
    }
    kk_path_sync_dir(parent);
    return CKR_OK;
}

void kk_sqlite_dir_discard(const char *dir, const char *parent)
{
    CK_RV rv = kk_sqlite_dir_remove(dir, parent);
    if (rv != CKR_OK) {
        kk_log_debug("%s: left half deleted", dir);
    }
}

KK_RV kk_sqlite_dir_make(const struct kk_sqlite_paths *paths, unsigned int umask)
{
    if (mkdir(paths->dir, 0777 & ~umask) != 0) {
        return kk_failure_errno(errno, paths->dir, "cannot create");
    }
    CK_RV rv = make_files(paths, 0666 & ~umask);
    if (rv != CKR_OK) {
        kk_sqlite_dir_discard(paths->dir, paths->dir);
    }
    return rv;
}

/* ---- what a directory allows ---- */

bool kk_sqlite_dir_is_network(long type)
{
    static const uint32_t network[] = {
        NFS_SUPER_MAGIC,         SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
        SMB2_SUPER_MAGIC,        AFS_SUPER_MAGIC, AFS_FS_MAGIC,
        CODA_SUPER_MAGIC,        NCP_SUPER_MAGIC, CEPH_SUPER_MAGIC,
        0x0bd00bd0 /* Lustre */,
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(network); i++) {
        if ((uint32_t)type == network[i]) {
            return true;
        }
    }
    return false;
}

KK_RV kk_sqlite_dir_check_kind(const char *dir)
{
    struct statfs status;
    if (statfs(dir, &status) != 0) {
        return kk_failure_errno(errno, dir, "cannot look at the file system");
    }
    if (kk_sqlite_dir_is_network((long)status.f_type)) {
        kk_log_error("%s: lies on a network file system, where processes on two machines would "
                     "damage the token: not opened",
                     dir);
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    return CKR_OK;
}

static bool may_write(const char *path)
{
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

bool kk_sqlite_dir_is_writable(const struct kk_sqlite_paths *paths)
{
    return may_write(paths->dir) && may_write(paths->db) &&
           (may_write(paths->write_lock) || errno == ENOENT);
}

static bool is_there(const char *dir, const char *name)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    return kk_path_join(dir, "", name, &path) != CKR_OK || access(path, F_OK) == 0;
}

/* SQLite reads a database whose log it can't have open only under the promise that nobody writes.
 */
bool kk_sqlite_dir_is_immutable(const struct kk_sqlite_paths *paths)
{
    struct statvfs status;
    return statvfs(paths->dir, &status) == 0 && (status.f_flag & ST_RDONLY) != 0 &&
           !is_there(paths->dir, KK_SQLITE_DB "-wal") && !is_there(paths->dir, KK_SQLITE_DB "-shm");
}
