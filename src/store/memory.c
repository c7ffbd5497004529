/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory engine: tokens that live as long as their environment, in one process.
 *
 * A transaction works on a snapshot of its own (memory_tree.h): readers see one moment, a rollback
 * drops the snapshot, a commit puts it in the token's place.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/busy.h"
#include "store/memory_internal.h"

#include "base/banned.h"

static struct kk_memory_env *env_of(struct kk_store_env *env)
{
    return (struct kk_memory_env *)env;
}

static struct kk_memory_token *token_of(const struct kk_store *store)
{
    return ((const struct kk_memory_store *)store)->token;
}

void kk_memory_state_ref(const struct kk_memory_state *from, struct kk_memory_state *ret_state)
{
    *ret_state = *from;
    (void)kk_memory_tree_ref(from->rows);
    (void)kk_memory_tree_ref(from->objects);
    (void)kk_memory_tree_ref(from->index);
}

void kk_memory_state_clear(struct kk_memory_state *state)
{
    kk_memory_tree_unref(state->rows);
    kk_memory_tree_unref(state->objects);
    kk_memory_tree_unref(state->index);
    *state = (struct kk_memory_state){0};
}

/* ---- environments ---- */

static KK_RV memory_env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    (void)location; /* the tokens lie in the environment itself */
    (void)umask;
    struct kk_memory_env *env = NULL;
    KK_TRY(kk_alloc(sizeof *env, &env));
    env->base.ops = &kk_store_memory;
    kk_mutex_init(&env->mutex, KK_RANK_STORE);
    *ret_env = &env->base;
    return CKR_OK;
}

static void token_free(struct kk_memory_token *token)
{
    if (token != NULL) {
        kk_memory_state_clear(&token->state);
        kk_free(token->name);
        kk_free(token->path);
        kk_free(token);
    }
}
KK_DEFINE_CLEANUP(struct kk_memory_token *, token_free);

static void memory_env_free(struct kk_store_env *base)
{
    struct kk_memory_env *env = env_of(base);
    if (env == NULL) {
        return;
    }
    while (env->tokens != NULL) {
        struct kk_memory_token *token = env->tokens;
        env->tokens = token->next;
        token_free(token);
    }
    kk_mutex_destroy(&env->mutex);
    kk_free(env);
}

/* The listed names, copied one after the other, so that no lock is held during the visits. */
static KK_RV copy_names(struct kk_memory_env *env, struct kk_buffer *ret_names)
{
    KK_LOCK_SCOPE(&env->mutex);
    for (const struct kk_memory_token *token = env->tokens; token != NULL; token = token->next) {
        if (token->listed) {
            kk_buffer_put(ret_names, token->name, strlen(token->name) + 1);
        }
    }
    return kk_buffer_check(ret_names);
}

static KK_RV memory_env_list(struct kk_store_env *base, kk_store_name_visit *visit, void *context)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer names = {0};
    KK_TRY(copy_names(env_of(base), &names));
    const char *at = (const char *)names.data;
    for (size_t left = names.len; left > 0;) {
        CK_RV rv = visit(at, context);
        if (rv != CKR_OK) {
            return rv == CKR_CANCEL ? CKR_OK : rv;
        }
        size_t len = strlen(at) + 1;
        at += len;
        left -= len;
    }
    return CKR_OK;
}

static KK_RV memory_env_stamp(struct kk_store_env *base, uint64_t *ret_stamp)
{
    struct kk_memory_env *env = env_of(base);
    KK_LOCK_SCOPE(&env->mutex);
    *ret_stamp = env->stamp;
    return CKR_OK;
}

/* ---- tokens ---- */

/* Caller holds the environment's lock. */
static struct kk_memory_token *find_token(struct kk_memory_env *env, const char *name)
{
    KK_ASSERT_HELD(&env->mutex);
    struct kk_memory_token *token = env->tokens;
    while (token != NULL && strcmp(token->name, name) != 0) {
        token = token->next;
    }
    return token;
}

/* In the order of names, which env_list() gives. Caller holds the environment's lock. */
static void insert_token(struct kk_memory_env *env, struct kk_memory_token *token)
{
    KK_ASSERT_HELD(&env->mutex);
    struct kk_memory_token **at = &env->tokens;
    while (*at != NULL && strcmp((*at)->name, token->name) < 0) {
        at = &(*at)->next;
    }
    token->next = *at;
    *at = token;
}

static void detach_token(struct kk_memory_token *token)
{
    KK_ASSERT_HELD(&token->env->mutex);
    for (struct kk_memory_token **at = &token->env->tokens; *at != NULL; at = &(*at)->next) {
        if (*at == token) {
            *at = token->next;
            token->next = NULL;
            return;
        }
    }
}

static KK_RV token_new(struct kk_memory_env *env, const char *name,
                       struct kk_memory_token **ret_token)
{
    static const char prefix[] = "memory:";
    KK_CLEANUP(token_freep) struct kk_memory_token *token = NULL;
    KK_TRY(kk_alloc(sizeof *token, &token));
    token->env = env;
    KK_TRY(kk_strdup(name, &token->name));
    KK_TRY(kk_alloc(sizeof prefix + strlen(name), &token->path));
    (void)snprintf(token->path, sizeof prefix + strlen(name), "%s%s", prefix, name);
    *ret_token = KK_STEAL(token);
    return CKR_OK;
}

static KK_RV store_new(struct kk_memory_store **ret_store)
{
    KK_TRY(kk_alloc(sizeof **ret_store, ret_store));
    (*ret_store)->base.ops = &kk_store_memory;
    return CKR_OK;
}

static KK_RV memory_create(struct kk_store_env *base, const char *name, struct kk_store **ret_store)
{
    struct kk_memory_env *env = env_of(base);
    struct kk_uuid uuid;
    KK_ENSURE(kk_uuid_parse(name, &uuid), CKR_ARGUMENTS_BAD);
    KK_CLEANUP(token_freep) struct kk_memory_token *token = NULL;
    KK_TRY(token_new(env, name, &token));
    KK_CLEANUP(kk_freep) struct kk_memory_store *store = NULL;
    KK_TRY(store_new(&store));

    KK_LOCK_SCOPE(&env->mutex);
    if (find_token(env, name) != NULL) {
        kk_log_error("memory:%s: there is a token of that name already", name);
        return CKR_DEVICE_ERROR;
    }
    token->refs = 1;
    insert_token(env, token);
    store->token = KK_STEAL(token);
    *ret_store = &KK_STEAL(store)->base;
    return CKR_OK;
}

static KK_RV memory_open(struct kk_store_env *base, const char *name, struct kk_store **ret_store)
{
    struct kk_memory_env *env = env_of(base);
    KK_CLEANUP(kk_freep) struct kk_memory_store *store = NULL;
    KK_TRY(store_new(&store));

    KK_LOCK_SCOPE(&env->mutex);
    struct kk_memory_token *token = find_token(env, name);
    if (token == NULL || !token->listed) {
        return CKR_TOKEN_NOT_PRESENT;
    }
    token->refs++;
    store->token = token;
    *ret_store = &KK_STEAL(store)->base;
    return CKR_OK;
}

/* A token that was never committed, or was removed, ends with its last store. */
static void memory_close(struct kk_store *base)
{
    if (base == NULL) {
        return;
    }
    struct kk_memory_token *token = token_of(base);
    struct kk_memory_env *env = token->env;
    bool is_last = false;
    KK_WITH_LOCK(&env->mutex)
    {
        is_last = --token->refs == 0 && !token->listed;
        if (is_last) {
            detach_token(token);
        }
    }
    if (is_last) {
        token_free(token);
    }
    kk_free(base);
}

static KK_RV memory_remove(struct kk_store *base)
{
    struct kk_memory_token *token = token_of(base);
    struct kk_memory_env *env = token->env;
    KK_LOCK_SCOPE(&env->mutex);
    KK_ENSURE(atomic_load(&token->counter) != UINT64_MAX, CKR_DEVICE_REMOVED);
    atomic_store(&token->counter, UINT64_MAX);
    env->stamp += token->listed ? 1 : 0;
    token->listed = false;
    detach_token(token); /* the name is free again; the stores keep the token itself */
    return CKR_OK;
}

static const char *memory_path(const struct kk_store *store)
{
    return token_of(store)->path;
}

static bool memory_read_only(const struct kk_store *store)
{
    (void)store;
    return false;
}

static KK_RV memory_fresh(struct kk_store *store, struct kk_store_stamp *ret_stamp)
{
    uint64_t value = atomic_load(&token_of(store)->counter);
    if (value == UINT64_MAX) {
        return CKR_DEVICE_REMOVED;
    }
    *ret_stamp = (struct kk_store_stamp){.value = value, .stable = value % 2 == 0};
    return CKR_OK;
}

/* ---- transactions ---- */

static void tx_free(struct kk_memory_tx *tx)
{
    if (tx != NULL) {
        kk_memory_state_clear(&tx->state);
        kk_free(tx);
    }
}
KK_DEFINE_CLEANUP(struct kk_memory_tx *, tx_free);

/* Caller holds the environment's lock. */
static KK_RV wait_for_turn(struct kk_memory_token *token)
{
    long limit = atomic_load(&kk_store_busy_ms);
    if (!kk_turn_take(&token->writing, &token->env->mutex, limit)) {
        kk_log_error("%s: other write transactions took longer than %ld ms", token->path, limit);
        return CKR_FUNCTION_FAILED;
    }
    return CKR_OK;
}

static KK_RV memory_begin(struct kk_store *store, enum kk_store_access access,
                          struct kk_store_tx **ret_tx)
{
    struct kk_memory_token *token = token_of(store);
    KK_CLEANUP(tx_freep) struct kk_memory_tx *tx = NULL;
    KK_TRY(kk_alloc(sizeof *tx, &tx));
    tx->base = (struct kk_store_tx){.ops = &kk_store_memory, .store = store};
    tx->token = token;
    tx->writes = access == KK_STORE_WRITE;

    KK_LOCK_SCOPE(&token->env->mutex);
    if (tx->writes) {
        KK_TRY(wait_for_turn(token));
    }
    if (atomic_load(&token->counter) == UINT64_MAX) {
        if (tx->writes) {
            kk_turn_give(&token->writing);
        }
        return CKR_DEVICE_REMOVED;
    }
    kk_memory_state_ref(&token->state, &tx->state);
    *ret_tx = &KK_STEAL(tx)->base;
    return CKR_OK;
}

/* The old state goes out in `state`, for the caller to drop without the lock. */
static CK_RV put_in_place(struct kk_memory_token *token, struct kk_memory_state *state)
{
    uint64_t value = atomic_load(&token->counter);
    if (value == UINT64_MAX) {
        return CKR_DEVICE_REMOVED;
    }
    struct kk_memory_state old = token->state;
    atomic_store(&token->counter, value + 1);
    token->state = *state;
    atomic_store(&token->counter, value + 2);
    *state = old;
    token->env->stamp += token->listed ? 0 : 1;
    token->listed = true;
    return CKR_OK;
}

static KK_RV memory_commit(struct kk_store_tx *base)
{
    KK_CLEANUP(tx_freep) struct kk_memory_tx *tx = (struct kk_memory_tx *)base;
    if (!tx->writes) {
        return CKR_OK;
    }
    struct kk_memory_token *token = tx->token;
    KK_LOCK_SCOPE(&token->env->mutex);
    kk_turn_give(&token->writing);
    return put_in_place(token, &tx->state);
}

static void memory_rollback(struct kk_store_tx *base)
{
    KK_CLEANUP(tx_freep) struct kk_memory_tx *tx = (struct kk_memory_tx *)base;
    if (tx == NULL || !tx->writes) {
        return;
    }
    KK_LOCK_SCOPE(&tx->token->env->mutex);
    kk_turn_give(&tx->token->writing);
}

/* ---- the lock round a PIN try ---- */

static KK_RV memory_tries_lock(struct kk_store *store, void **ret_lock)
{
    struct kk_memory_token *token = token_of(store);
    KK_LOCK_SCOPE(&token->env->mutex);
    (void)kk_turn_take(&token->trying, &token->env->mutex, -1);
    *ret_lock = token;
    return CKR_OK;
}

static void memory_tries_unlock(struct kk_store *store, void *lock)
{
    (void)store;
    struct kk_memory_token *token = lock;
    if (token == NULL) {
        return;
    }
    KK_LOCK_SCOPE(&token->env->mutex);
    kk_turn_give(&token->trying);
}

const struct kk_store_ops kk_store_memory = {
    .name = "memory",
    .env_new = memory_env_new,
    .env_free = memory_env_free,
    .env_list = memory_env_list,
    .env_stamp = memory_env_stamp,
    .create = memory_create,
    .open = memory_open,
    .close = memory_close,
    .remove = memory_remove,
    .path = memory_path,
    .read_only = memory_read_only,
    .fresh = memory_fresh,
    .begin = memory_begin,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .row_get = kk_memory_row_get,
    .row_put = kk_memory_row_put,
    .row_delete = kk_memory_row_delete,
    .row_each = kk_memory_row_each,
    .object_get = kk_memory_object_get,
    .object_put = kk_memory_object_put,
    .object_delete = kk_memory_object_delete,
    .object_count = kk_memory_object_count,
    .object_find = kk_memory_object_find,
    .object_any = kk_memory_object_any,
    .object_clear = kk_memory_object_clear,
    .tries_lock = memory_tries_lock,
    .tries_unlock = memory_tries_unlock,
};
