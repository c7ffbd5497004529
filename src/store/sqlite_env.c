/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tokens' directory: what lies in it, and whether that changed.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/path.h"
#include "store/sqlite_internal.h"

#include "base/banned.h"

/* A token whose maker died before its first commit is deleted after this time. */
#define STALE_SECONDS 3600

/* A change within one step of the clock after a change leaves the time as it is. */
#define CLOCK_STEP_NS 100000000

static struct kk_sqlite_env *env_of(struct kk_store_env *env)
{
    return (struct kk_sqlite_env *)env;
}

void kk_sqlite_env_free(struct kk_store_env *base)
{
    if (base != NULL) {
        kk_free(env_of(base)->location);
        kk_free(base);
    }
}
KK_DEFINE_CLEANUP(struct kk_store_env *, kk_sqlite_env_free);

KK_RV kk_sqlite_env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    if (sqlite3_threadsafe() == 0 || sqlite3_libversion_number() < 3037000) {
        kk_log_error("SQLite %s: older than 3.37, or built without threads", sqlite3_libversion());
        return CKR_GENERAL_ERROR;
    }
    struct kk_sqlite_env *env = NULL;
    KK_TRY(kk_alloc(sizeof *env, &env));
    KK_CLEANUP(kk_sqlite_env_freep) struct kk_store_env *base = &env->base;
    base->ops = &kk_store_sqlite;
    env->umask = umask;
    KK_TRY(kk_path_absolute(location, &env->location));
    KK_CLEANUP(kk_path_dir_close) DIR *dir = NULL;
    KK_TRY(kk_path_open_tokens(env->location, &dir));
    kk_gate_start();
    *ret_env = KK_STEAL(base);
    return CKR_OK;
}

/* ---- listing ---- */

static bool has_file(DIR *dir, const char *name, const char *file)
{
    char path[NAME_MAX + 32];
    struct stat status;
    int len = snprintf(path, sizeof path, "%s/%s", name, file);
    return len > 0 && (size_t)len < sizeof path && fstatat(dirfd(dir), path, &status, 0) == 0 &&
           S_ISREG(status.st_mode);
}

/* A directory with a counter and no database: somebody died while deleting it, database first, or
 * the database is lost. */
static void look_at_rest(const struct kk_sqlite_env *env, DIR *dir, const char *name)
{
    struct kk_change_file change = {0};
    KK_CLEANUP(kk_sqlite_paths_clear) struct kk_sqlite_paths paths = {0};
    bool is_sound = false;
    struct kk_uuid uuid;
    if (!kk_uuid_parse(name, &uuid) || !has_file(dir, name, "change") ||
        kk_sqlite_paths_new(env->location, "", name, &paths) != CKR_OK ||
        kk_change_file_map(&change, paths.change, false, &is_sound) != CKR_OK) {
        return;
    }
    bool is_gone = kk_change_file_read(&change) == KK_CHANGE_GONE;
    kk_change_file_unmap(&change);
    if (is_sound && is_gone) {
        kk_sqlite_dir_discard(paths.dir, env->location);
    } else if (is_sound) {
        kk_log_error("%s/%s: is a token without its database, " KK_SQLITE_DB ": left out",
                     env->location, name);
    }
}

static void remove_stale(const struct kk_sqlite_env *env, const char *name)
{
    static const size_t prefix = sizeof KK_SQLITE_NEW_PREFIX - 1;
    struct kk_uuid uuid;
    struct stat status;
    KK_CLEANUP(kk_freep) char *dir = NULL;
    if (strncmp(name, KK_SQLITE_NEW_PREFIX, prefix) != 0 || !kk_uuid_parse(name + prefix, &uuid) ||
        kk_path_join(env->location, "", name, &dir) != CKR_OK || lstat(dir, &status) != 0 ||
        !S_ISDIR(status.st_mode) || status.st_mtime > time(NULL) - STALE_SECONDS) {
        return;
    }
    kk_log_info("%s: a token that was never finished, deleted", dir);
    kk_sqlite_dir_discard(dir, env->location);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Names of KK_UUID_TEXT bytes each. */
static KK_RV collect_names(struct kk_sqlite_env *env, struct kk_buffer *ret_names)
{
    bool is_to_tell = !atomic_exchange(&env->has_told, true);
    KK_CLEANUP(kk_path_dir_close) DIR *dir = NULL;
    KK_TRY(kk_path_open_tokens(env->location, &dir));
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        struct kk_uuid uuid;
        const char *name = entry->d_name;
        if (kk_uuid_parse(name, &uuid) && has_file(dir, name, KK_SQLITE_DB)) {
            kk_buffer_put(ret_names, name, KK_UUID_TEXT);
        } else if (name[0] == '.') {
            remove_stale(env, name);
        } else if (is_to_tell) {
            look_at_rest(env, dir, name);
        }
    }
    return kk_buffer_check(ret_names);
}

KK_RV kk_sqlite_env_list(struct kk_store_env *base, kk_store_name_visit *visit, void *context)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer names = {0};
    KK_TRY(collect_names(env_of(base), &names));
    if (names.len > 0) {
        qsort(names.data, names.len / KK_UUID_TEXT, KK_UUID_TEXT, by_name);
    }
    for (size_t at = 0; at < names.len; at += KK_UUID_TEXT) {
        CK_RV rv = visit((const char *)names.data + at, context);
        if (rv != CKR_OK) {
            return rv == CKR_CANCEL ? CKR_OK : rv;
        }
    }
    return CKR_OK;
}

/* ---- whether it changed ---- */

static uint64_t mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0xff51afd7ed558ccdu;
    return sum ^ (sum >> 32);
}

/* As long as a further change could leave the time as it is, no stamp is like another. */
static bool may_change_unseen(const struct timespec *changed)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t age =
        (int64_t)(now.tv_sec - changed->tv_sec) * 1000000000 + (now.tv_nsec - changed->tv_nsec);
    return now.tv_sec - changed->tv_sec < 2 && changed->tv_sec - now.tv_sec < 2 &&
           age < CLOCK_STEP_NS && age > -CLOCK_STEP_NS;
}

KK_RV kk_sqlite_env_stamp(struct kk_store_env *base, uint64_t *ret_stamp)
{
    struct kk_sqlite_env *env = env_of(base);
    struct stat status;
    if (stat(env->location, &status) != 0) {
        (void)kk_failure_errno(errno, env->location, "cannot look at the tokens' directory");
        return CKR_GENERAL_ERROR;
    }
    uint64_t sum = mix(0, status.st_ino);
    sum = mix(sum, (uint64_t)status.st_dev);
    sum = mix(sum, (uint64_t)status.st_mtim.tv_sec);
    sum = mix(sum, (uint64_t)status.st_mtim.tv_nsec);
    sum = mix(sum, (uint64_t)status.st_ctim.tv_sec);
    sum = mix(sum, (uint64_t)status.st_ctim.tv_nsec);
    if (may_change_unseen(&status.st_mtim)) {
        sum = mix(sum, atomic_fetch_add(&env->unsettled, 1) + 1);
    }
    *ret_stamp = sum;
    return CKR_OK;
}
