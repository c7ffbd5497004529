/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sqlite engine: tokens as directories, one database each.
 *
 * A new token lies in ".new-<name>" until its first commit, which renames the directory
 * (sqlite_tx.c): nobody lists half a token, and the parent's time tells that one came.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "store/busy.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/path.h"
#include "store/pool.h"

#include "base/banned.h"

static struct kk_sqlite_env *env_of(struct kk_store_env *env)
{
    return (struct kk_sqlite_env *)env;
}

/* ---- making and freeing ---- */

/* A store that no list knows yet. */
static void store_free(struct kk_sqlite_store *store)
{
    if (store == NULL) {
        return;
    }
    kk_change_file_unmap(&store->change);
    kk_sqlite_paths_clear(&store->place);
    kk_sqlite_paths_clear(&store->birthplace);
    kk_free(store->location);
    kk_free(store->name);
    kk_free(store);
}
KK_DEFINE_CLEANUP(struct kk_sqlite_store *, store_free);

static KK_RV store_new(const struct kk_sqlite_env *env, const char *name,
                       struct kk_sqlite_store **ret_store)
{
    KK_CLEANUP(store_freep) struct kk_sqlite_store *store = NULL;
    KK_TRY(kk_alloc(sizeof *store, &store));
    store->base.ops = &kk_store_sqlite;
    store->file_mode = 0666 & ~env->umask;
    KK_TRY(kk_strdup(env->location, &store->location));
    KK_TRY(kk_strdup(name, &store->name));
    KK_TRY(kk_sqlite_paths_new(env->location, "", name, &store->place));
    KK_TRY(kk_sqlite_paths_new(env->location, KK_SQLITE_NEW_PREFIX, name, &store->birthplace));
    *ret_store = KK_STEAL(store);
    return CKR_OK;
}

static void sqlite_close(struct kk_store *base)
{
    if (base == NULL) {
        return;
    }
    struct kk_sqlite_store *store = kk_sqlite_store_of(base);
    kk_sqlite_bring_in_log(store);
    kk_gate_enter();
    kk_pool_drop_store(store);
    if (store->paths == &store->birthplace) {
        kk_sqlite_dir_discard(store->birthplace.dir, store->location);
    }
    kk_gate_leave();
    store_free(store);
}
KK_DEFINE_CLEANUP(struct kk_store *, sqlite_close);

/* The database is remembered by its inode, which a change of the directory's name leaves. */
static KK_RV remember_inode(struct kk_sqlite_store *store)
{
    struct stat status;
    const char *path = store->paths->db;
    if (stat(path, &status) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? CKR_DEVICE_REMOVED
                   : kk_failure_errno(errno, path, "cannot look at");
    }
    store->inode = status.st_ino;
    store->device = status.st_dev;
    return CKR_OK;
}

static KK_RV repair_change_file(struct kk_sqlite_store *store)
{
    const struct kk_sqlite_paths *paths = store->paths;
    KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
    KK_TRY(kk_ofd_lock_take(paths->write_lock, store->file_mode, atomic_load(&kk_store_busy_ms),
                            &lock));
    bool is_sound = false; /* another process may have been first */
    KK_TRY(kk_change_file_map(&store->change, paths->change, true, &is_sound));
    if (is_sound) {
        return CKR_OK;
    }
    KK_TRY(kk_change_file_repair(paths->change, store->file_mode));
    KK_TRY(kk_change_file_map(&store->change, paths->change, true, &is_sound));
    return is_sound ? CKR_OK : kk_failure_errno(EIO, paths->change, "cannot map");
}

static KK_RV map_change_file(struct kk_sqlite_store *store)
{
    bool is_writable = !atomic_load(&store->read_only);
    bool is_sound = false;
    KK_TRY(kk_change_file_map(&store->change, store->paths->change, is_writable, &is_sound));
    return is_sound || !is_writable ? CKR_OK : repair_change_file(store);
}

/* ---- create ---- */

static KK_RV make_schema(struct kk_sqlite_store *store)
{
    struct kk_connection *connection = NULL;
    KK_TRY(kk_pool_take_to_write(store, &connection));
    CK_RV rv = kk_connection_create_schema(connection, store->paths->db);
    kk_pool_give(store, connection);
    return rv;
}

static KK_RV make_content(struct kk_sqlite_store *store)
{
    KK_TRY(remember_inode(store));
    KK_TRY(map_change_file(store));
    kk_gate_enter();
    CK_RV rv = make_schema(store);
    kk_gate_leave();
    return rv;
}

static KK_RV sqlite_create(struct kk_store_env *base, const char *name, struct kk_store **ret_store)
{
    const struct kk_sqlite_env *env = env_of(base);
    struct kk_uuid uuid;
    KK_ENSURE(kk_uuid_parse(name, &uuid), CKR_ARGUMENTS_BAD);
    KK_CLEANUP(store_freep) struct kk_sqlite_store *store = NULL;
    KK_TRY(store_new(env, name, &store));
    if (access(store->place.dir, F_OK) == 0) {
        kk_log_error("%s: there is one of that name already", store->place.dir);
        return CKR_DEVICE_ERROR;
    }
    KK_TRY(kk_sqlite_dir_check_kind(env->location));
    KK_TRY(kk_sqlite_dir_make(&store->birthplace, env->umask));
    store->paths = &store->birthplace;
    kk_pool_add_store(store);
    KK_CLEANUP(sqlite_closep) struct kk_store *made = &KK_STEAL(store)->base;
    KK_TRY(make_content(kk_sqlite_store_of(made)));
    *ret_store = KK_STEAL(made);
    return CKR_OK;
}

/* ---- open ---- */

/* Its remover died before it was done. */
static KK_RV finish_removal(struct kk_sqlite_store *store)
{
    if (!atomic_load(&store->read_only)) {
        kk_log_info("%s: was marked as removed, deleted", store->paths->dir);
        KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
        KK_TRY(kk_ofd_lock_take(store->paths->write_lock, store->file_mode,
                                atomic_load(&kk_store_busy_ms), &lock));
        KK_TRY(kk_sqlite_dir_remove(store->paths->dir, store->location));
    }
    return CKR_TOKEN_NOT_PRESENT;
}

/* What can be said of a token without its database. */
static KK_RV look_at(struct kk_sqlite_store *store)
{
    KK_TRY(remember_inode(store));
    KK_TRY(kk_sqlite_dir_check_kind(store->paths->dir));
    KK_ENSURE(kk_path_beside_is_sound(store->paths->db), CKR_TOKEN_NOT_RECOGNIZED);
    atomic_store(&store->read_only, !kk_sqlite_dir_is_writable(store->paths));
    atomic_store(&store->immutable, kk_sqlite_dir_is_immutable(store->paths));
    return map_change_file(store);
}

static KK_RV open_present(const struct kk_sqlite_env *env, const char *name,
                          struct kk_store **ret_store)
{
    KK_CLEANUP(store_freep) struct kk_sqlite_store *store = NULL;
    KK_TRY(store_new(env, name, &store));
    store->paths = &store->place;
    KK_TRY(look_at(store));
    if (kk_change_file_read(&store->change) == KK_CHANGE_GONE) {
        return finish_removal(store);
    }
    kk_pool_add_store(store);
    KK_CLEANUP(sqlite_closep) struct kk_store *opened = &KK_STEAL(store)->base;
    /* A first transaction, which tells whether this program can read the token. */
    KK_TRY(kk_sqlite_check_generation(kk_sqlite_store_of(opened)));
    *ret_store = KK_STEAL(opened);
    return CKR_OK;
}

static KK_RV sqlite_open(struct kk_store_env *base, const char *name, struct kk_store **ret_store)
{
    struct kk_uuid uuid;
    if (!kk_uuid_parse(name, &uuid)) {
        return CKR_TOKEN_NOT_PRESENT;
    }
    CK_RV rv = open_present(env_of(base), name, ret_store);
    return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}

/* ---- remove ---- */

/* From here on every process finds the token gone, and no connection is open in this one. */
static KK_RV mark_gone(struct kk_sqlite_store *store)
{
    if (kk_change_file_read(&store->change) == KK_CHANGE_GONE) {
        return CKR_DEVICE_REMOVED;
    }
    kk_change_file_mark_gone(&store->change);
    kk_gate_enter();
    kk_pool_close_idle(store);
    kk_gate_leave();
    return CKR_OK;
}

/* The lock that nobody can write without. */
static KK_RV lock_for_the_end(struct kk_sqlite_store *store, struct kk_ofd_lock **ret_lock)
{
    if (atomic_load(&store->read_only)) {
        kk_log_warning("%s: is read-only, not removed", store->paths->dir);
        return CKR_TOKEN_WRITE_PROTECTED;
    }
    return kk_ofd_lock_take(store->paths->write_lock, store->file_mode,
                            atomic_load(&kk_store_busy_ms), ret_lock);
}

static KK_RV sqlite_set_aside(struct kk_store *base, const char *path)
{
    struct kk_sqlite_store *store = kk_sqlite_store_of(base);
    KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
    KK_TRY(lock_for_the_end(store, &lock));
    kk_gate_enter();
    kk_pool_close_idle(store);
    kk_gate_leave();
    /* The mark comes after: a marked token in its place is deleted by who finds it. */
    KK_TRY(kk_sqlite_dir_move(store->paths->dir, path, store->location));
    KK_TRY(mark_gone(store));
    return kk_sqlite_dir_unmark(path);
}

static KK_RV sqlite_remove(struct kk_store *base)
{
    struct kk_sqlite_store *store = kk_sqlite_store_of(base);
    KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
    KK_TRY(lock_for_the_end(store, &lock));
    KK_TRY(mark_gone(store));
    KK_TRY(kk_sqlite_dir_remove(store->paths->dir, store->location));
    if (store->paths == &store->birthplace) {
        store->paths = &store->place; /* nothing is left for close() to delete */
    }
    return CKR_OK;
}

/* ---- what a store is ---- */

static const char *sqlite_path(const struct kk_store *store)
{
    return ((const struct kk_sqlite_store *)store)->place.dir;
}

static bool sqlite_read_only(const struct kk_store *store)
{
    return atomic_load(&((const struct kk_sqlite_store *)store)->read_only);
}

static KK_RV sqlite_fresh(struct kk_store *store, struct kk_store_stamp *ret_stamp)
{
    uint64_t value = kk_change_file_read(&kk_sqlite_store_of(store)->change);
    if (value == KK_CHANGE_GONE) {
        return CKR_DEVICE_REMOVED;
    }
    *ret_stamp = (struct kk_store_stamp){.value = value, .stable = value % 2 == 0};
    return CKR_OK;
}

/* ---- the lock round a PIN try ---- */

/* A read-only store's lock file can't be locked; its tries are counted in memory, so that threads
 * are all there is to keep apart. */
static void lock_among_threads(struct kk_sqlite_store *store)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    (void)kk_turn_take(&store->trying, &kk_gate_mutex, -1);
}

static void unlock_among_threads(struct kk_sqlite_store *store)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    kk_turn_give(&store->trying);
}

static KK_RV sqlite_tries_lock(struct kk_store *base, void **ret_lock)
{
    struct kk_sqlite_store *store = kk_sqlite_store_of(base);
    if (atomic_load(&store->read_only)) {
        lock_among_threads(store);
        *ret_lock = store;
        return CKR_OK;
    }
    struct kk_ofd_lock *lock = NULL;
    KK_TRY(kk_ofd_lock_take(store->paths->tries_lock, store->file_mode, -1, &lock));
    *ret_lock = lock;
    return CKR_OK;
}

static void sqlite_tries_unlock(struct kk_store *base, void *lock)
{
    struct kk_sqlite_store *store = kk_sqlite_store_of(base);
    if (lock == store) {
        unlock_among_threads(store);
    } else {
        kk_ofd_lock_release(lock);
    }
}

const struct kk_store_ops kk_store_sqlite = {
    .name = "sqlite",
    .env_new = kk_sqlite_env_new,
    .env_free = kk_sqlite_env_free,
    .env_list = kk_sqlite_env_list,
    .env_stamp = kk_sqlite_env_stamp,
    .create = sqlite_create,
    .open = sqlite_open,
    .close = sqlite_close,
    .remove = sqlite_remove,
    .set_aside = sqlite_set_aside,
    .path = sqlite_path,
    .read_only = sqlite_read_only,
    .losses = kk_sqlite_losses,
    .fresh = sqlite_fresh,
    .begin = kk_sqlite_begin,
    .commit = kk_sqlite_commit,
    .rollback = kk_sqlite_rollback,
    .row_get = kk_sqlite_row_get,
    .row_put = kk_sqlite_row_put,
    .row_delete = kk_sqlite_row_delete,
    .row_each = kk_sqlite_row_each,
    .object_get = kk_sqlite_object_get,
    .object_put = kk_sqlite_object_put,
    .object_delete = kk_sqlite_object_delete,
    .object_count = kk_sqlite_object_count,
    .object_find = kk_sqlite_object_find,
    .object_any = kk_sqlite_object_any,
    .object_clear = kk_sqlite_object_clear,
    .check = kk_sqlite_check,
    .scrub = kk_sqlite_scrub,
    .need_writer = kk_sqlite_need_writer,
    .tries_lock = sqlite_tries_lock,
    .tries_unlock = sqlite_tries_unlock,
};
