/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The callbacks, passed on.
 */
#include "store_decorator.h"

#include "base/memory.h"

#include "base/banned.h"

struct env {
    struct kk_store_env base;
    const struct kk_store_decorator *decorator;
    struct kk_store_env *inner;
};

struct store {
    struct kk_store base;
    const struct kk_store_decorator *decorator;
    struct kk_store *inner;
};

struct tx {
    struct kk_store_tx base;
    const struct kk_store_decorator *decorator;
    struct kk_store_tx *inner;
};

#define ENV(pointer) ((struct env *)(pointer))
#define STORE(pointer) ((struct store *)(pointer))
#define TX(pointer) ((struct tx *)(pointer))

KK_RV kk_store_decorator_env_new(const struct kk_store_decorator *decorator, const char *location,
                                 unsigned int umask, struct kk_store_env **ret_env)
{
    KK_TRY(decorator->before("env_new"));
    KK_CLEANUP(kk_freep) struct env *env = NULL;
    KK_TRY(kk_alloc(sizeof *env, &env));
    env->base.ops = decorator->ops;
    env->decorator = decorator;
    KK_TRY(decorator->inner->env_new(location, umask, &env->inner));
    *ret_env = &KK_STEAL(env)->base;
    return CKR_OK;
}

static void env_free(struct kk_store_env *env)
{
    if (env != NULL) {
        ENV(env)->inner->ops->env_free(ENV(env)->inner);
        kk_free(env);
    }
}

static KK_RV env_list(struct kk_store_env *env, kk_store_name_visit *visit, void *context)
{
    KK_TRY(ENV(env)->decorator->before("env_list"));
    return ENV(env)->inner->ops->env_list(ENV(env)->inner, visit, context);
}

static KK_RV env_stamp(struct kk_store_env *env, uint64_t *ret_stamp)
{
    KK_TRY(ENV(env)->decorator->before("env_stamp"));
    return ENV(env)->inner->ops->env_stamp(ENV(env)->inner, ret_stamp);
}

typedef KK_RV store_maker(struct kk_store_env *env, const char *name, struct kk_store **ret_store);

static KK_RV make_store(struct env *env, store_maker *make, const char *name,
                        struct kk_store **ret_store)
{
    KK_CLEANUP(kk_freep) struct store *store = NULL;
    KK_TRY(kk_alloc(sizeof *store, &store));
    store->base.ops = env->decorator->ops;
    store->decorator = env->decorator;
    KK_TRY(make(env->inner, name, &store->inner));
    *ret_store = &KK_STEAL(store)->base;
    return CKR_OK;
}

static KK_RV create(struct kk_store_env *env, const char *name, struct kk_store **ret_store)
{
    KK_TRY(ENV(env)->decorator->before("create"));
    return make_store(ENV(env), ENV(env)->inner->ops->create, name, ret_store);
}

static KK_RV open_store(struct kk_store_env *env, const char *name, struct kk_store **ret_store)
{
    KK_TRY(ENV(env)->decorator->before("open"));
    return make_store(ENV(env), ENV(env)->inner->ops->open, name, ret_store);
}

static void close_store(struct kk_store *store)
{
    if (store != NULL) {
        STORE(store)->inner->ops->close(STORE(store)->inner);
        kk_free(store);
    }
}

static KK_RV remove_store(struct kk_store *store)
{
    KK_TRY(STORE(store)->decorator->before("remove"));
    return STORE(store)->inner->ops->remove(STORE(store)->inner);
}

static const char *path_of(const struct kk_store *store)
{
    const struct kk_store *inner = ((const struct store *)store)->inner;
    return inner->ops->path(inner);
}

static bool is_read_only(const struct kk_store *store)
{
    const struct kk_store *inner = ((const struct store *)store)->inner;
    return inner->ops->read_only(inner);
}

static KK_RV fresh(struct kk_store *store, struct kk_store_stamp *ret_stamp)
{
    KK_TRY(STORE(store)->decorator->before("fresh"));
    return STORE(store)->inner->ops->fresh(STORE(store)->inner, ret_stamp);
}

static KK_RV begin(struct kk_store *store, enum kk_store_access access, struct kk_store_tx **ret_tx)
{
    KK_TRY(
        STORE(store)->decorator->before(access == KK_STORE_WRITE ? "begin_write" : "begin_read"));
    KK_CLEANUP(kk_freep) struct tx *tx = NULL;
    KK_TRY(kk_alloc(sizeof *tx, &tx));
    tx->base = (struct kk_store_tx){.ops = STORE(store)->decorator->ops, .store = store};
    tx->decorator = STORE(store)->decorator;
    KK_TRY(STORE(store)->inner->ops->begin(STORE(store)->inner, access, &tx->inner));
    *ret_tx = &KK_STEAL(tx)->base;
    return CKR_OK;
}

static void rollback(struct kk_store_tx *base)
{
    if (base != NULL) {
        TX(base)->inner->ops->rollback(TX(base)->inner);
        kk_free(base);
    }
}

static KK_RV commit(struct kk_store_tx *base)
{
    CK_RV rv = TX(base)->decorator->before("commit");
    if (rv != CKR_OK) {
        rollback(base);
        return rv;
    }
    KK_CLEANUP(kk_freep) struct tx *tx = TX(base);
    return tx->inner->ops->commit(tx->inner);
}

static KK_RV row_get(struct kk_store_tx *tx, uint32_t table, uint32_t no,
                     struct kk_store_row *ret_row, struct kk_buffer *ret_blob)
{
    KK_TRY(TX(tx)->decorator->before("row_get"));
    return TX(tx)->inner->ops->row_get(TX(tx)->inner, table, no, ret_row, ret_blob);
}

static KK_RV row_put(struct kk_store_tx *tx, const struct kk_store_row *row)
{
    KK_TRY(TX(tx)->decorator->before("row_put"));
    return TX(tx)->inner->ops->row_put(TX(tx)->inner, row);
}

static KK_RV row_delete(struct kk_store_tx *tx, uint32_t table, uint32_t no)
{
    KK_TRY(TX(tx)->decorator->before("row_delete"));
    return TX(tx)->inner->ops->row_delete(TX(tx)->inner, table, no);
}

static KK_RV row_each(struct kk_store_tx *tx, uint32_t table, uint64_t since, bool with_blobs,
                      kk_store_row_visit *visit, void *context)
{
    KK_TRY(TX(tx)->decorator->before("row_each"));
    return TX(tx)->inner->ops->row_each(TX(tx)->inner, table, since, with_blobs, visit, context);
}

static KK_RV object_get(struct kk_store_tx *tx, const struct kk_uuid *uuid,
                        struct kk_store_object *ret_object, struct kk_buffer *ret_blob)
{
    KK_TRY(TX(tx)->decorator->before("object_get"));
    return TX(tx)->inner->ops->object_get(TX(tx)->inner, uuid, ret_object, ret_blob);
}

static KK_RV object_put(struct kk_store_tx *tx, const struct kk_store_object *object)
{
    KK_TRY(TX(tx)->decorator->before("object_put"));
    return TX(tx)->inner->ops->object_put(TX(tx)->inner, object);
}

static KK_RV object_delete(struct kk_store_tx *tx, const struct kk_uuid *uuid)
{
    KK_TRY(TX(tx)->decorator->before("object_delete"));
    return TX(tx)->inner->ops->object_delete(TX(tx)->inner, uuid);
}

static KK_RV object_count(struct kk_store_tx *tx, enum kk_store_private which, uint64_t *ret_count)
{
    KK_TRY(TX(tx)->decorator->before("object_count"));
    return TX(tx)->inner->ops->object_count(TX(tx)->inner, which, ret_count);
}

static KK_RV object_find(struct kk_store_tx *tx, enum kk_store_private which,
                         const struct kk_store_condition *conditions, size_t count,
                         kk_store_object_visit *visit, void *context)
{
    KK_TRY(TX(tx)->decorator->before("object_find"));
    return TX(tx)->inner->ops->object_find(TX(tx)->inner, which, conditions, count, visit, context);
}

static KK_RV object_any(struct kk_store_tx *tx, enum kk_store_private which, uint32_t with,
                        uint32_t without, bool *ret_any)
{
    KK_TRY(TX(tx)->decorator->before("object_any"));
    return TX(tx)->inner->ops->object_any(TX(tx)->inner, which, with, without, ret_any);
}

static KK_RV check(struct kk_store_tx *tx, bool thorough, bool *ret_sound)
{
    KK_TRY(TX(tx)->decorator->before("check"));
    *ret_sound = true;
    return TX(tx)->inner->ops->check != NULL
               ? TX(tx)->inner->ops->check(TX(tx)->inner, thorough, ret_sound)
               : CKR_OK;
}

static KK_RV object_clear(struct kk_store_tx *tx, enum kk_store_private which)
{
    KK_TRY(TX(tx)->decorator->before("object_clear"));
    return TX(tx)->inner->ops->object_clear(TX(tx)->inner, which);
}

static KK_RV need_writer(struct kk_store_tx *tx, int format)
{
    const struct kk_store_ops *inner = TX(tx)->inner->ops;
    return inner->need_writer != NULL ? inner->need_writer(TX(tx)->inner, format) : CKR_OK;
}

static void scrub(struct kk_store_tx *tx)
{
    if (TX(tx)->inner->ops->scrub != NULL) {
        TX(tx)->inner->ops->scrub(TX(tx)->inner);
    }
}

static KK_RV tries_lock(struct kk_store *store, void **ret_lock)
{
    KK_TRY(STORE(store)->decorator->before("tries_lock"));
    return STORE(store)->inner->ops->tries_lock(STORE(store)->inner, ret_lock);
}

static void tries_unlock(struct kk_store *store, void *lock)
{
    STORE(store)->inner->ops->tries_unlock(STORE(store)->inner, lock);
}

const struct kk_store_ops kk_store_decorator_ops = {
    .env_free = env_free,
    .env_list = env_list,
    .env_stamp = env_stamp,
    .create = create,
    .open = open_store,
    .close = close_store,
    .remove = remove_store,
    .path = path_of,
    .read_only = is_read_only,
    .fresh = fresh,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .row_get = row_get,
    .row_put = row_put,
    .row_delete = row_delete,
    .row_each = row_each,
    .object_get = object_get,
    .object_put = object_put,
    .object_delete = object_delete,
    .object_count = object_count,
    .object_find = object_find,
    .object_any = object_any,
    .object_clear = object_clear,
    .check = check,
    .scrub = scrub,
    .need_writer = need_writer,
    .tries_lock = tries_lock,
    .tries_unlock = tries_unlock,
};
