/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token: PINs go straight to the repository; objects go through the cache.
 *
 * The epoch is a number of this process: it moves whenever another process's commit is noticed.
 * What was read at the present epoch is the present version, unless this process itself superseded
 * it.
 */
#include "token/token.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "object/stateful.h"
#include "store/path.h"
#include "store/plug.h"
#include "token/cache.h"
#include "token/group.h"

#include "base/banned.h"

struct kk_token {
    atomic_uint refs;
    struct kk_engine *engine;
    struct kk_repository *repository;
    char *name;
    char serial[16];
    CK_SLOT_ID slot_id;
    char *plug_path;       /* store/plug.h; NULL: the token lies in no directory */
    _Atomic uint64_t plug; /* what it said last */
    _Atomic uint64_t seen; /* the stamp at which the epoch holds */
    _Atomic uint64_t epoch;
    _Atomic uint64_t incarnation;
    atomic_bool dropped;
    struct kk_group *group;
    struct kk_mutex lock; /* KK_RANK_TOKEN; covers what follows */
    uint8_t token_epoch[16];
    struct kk_cache *cache;
    struct kk_unlock *known[2]; /* by role: an unlock of somebody who is logged in */
    size_t logins[2];
    uint64_t round; /* moves with every commit of this process */
};

/* A stamp that no store gives: even stamps only are stable. */
#define NO_STAMP UINT64_MAX

static CK_SLOT_ID slot_id_of(const char serial[16])
{
    CK_SLOT_ID id = 0;
    for (size_t i = 8; i < 16; i++) {
        char c = serial[i];
        unsigned digit =
            c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)(c | 32) - 'a' + 10);
        id = (id << 4) | (digit & 15);
    }
    return id & 0x7fffffff;
}

static void token_free(struct kk_token *token)
{
    kk_cache_free(token->cache);
    kk_group_free(token->group);
    for (size_t i = 0; i < KK_ARRAY_LEN(token->known); i++) {
        kk_unlock_unref(token->known[i]);
    }
    if (token->repository != NULL) {
        token->repository->ops->close(token->repository);
    }
    kk_mutex_destroy(&token->lock);
    kk_free(token->plug_path);
    kk_free(token->name);
    kk_free(token);
}

static KK_RV find_plug(struct kk_token *token, const struct kk_repository *repository)
{
    if (token->engine->location == NULL) {
        return CKR_OK;
    }
    KK_TRY(kk_path_join(repository->ops->path(repository), "", KK_PLUG_FILE, &token->plug_path));
    token->plug = kk_plug_read(token->plug_path);
    return CKR_OK;
}

KK_RV kk_token_new(struct kk_engine *engine, const char *name, struct kk_repository *repository,
                   struct kk_token **ret_token)
{
    struct kk_token_state state;
    KK_TRY(repository->ops->state(repository, &state));
    struct kk_token *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    made->refs = 1;
    made->seen = NO_STAMP;
    kk_mutex_init(&made->lock, KK_RANK_TOKEN);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = made;
    KK_TRY(kk_strdup(name, &token->name));
    KK_TRY(kk_cache_new(engine->config->cache_objects, engine->config->cache_keys, &token->cache));
    KK_TRY(kk_group_new(&token->group));
    token->engine = engine;
    KK_TRY(find_plug(token, repository));
    memcpy(token->serial, state.serial, sizeof token->serial);
    memcpy(token->token_epoch, state.epoch, sizeof token->token_epoch);
    token->slot_id = slot_id_of(state.serial);
    token->repository = repository;
    *ret_token = KK_STEAL(token);
    return CKR_OK;
}

struct kk_token *kk_token_ref(struct kk_token *token)
{
    atomic_fetch_add_explicit(&token->refs, 1, memory_order_relaxed);
    return token;
}

void kk_token_unref(struct kk_token *token)
{
    if (token != NULL && atomic_fetch_sub_explicit(&token->refs, 1, memory_order_acq_rel) == 1) {
        token_free(token);
    }
}

const char *kk_token_name(const struct kk_token *token)
{
    return token->name;
}

const char *kk_token_path(const struct kk_token *token)
{
    return token->repository->ops->path(token->repository);
}

const char *kk_token_kind(const struct kk_token *token)
{
    return token->repository->ops->name;
}

const char *kk_token_serial(const struct kk_token *token)
{
    return token->serial;
}

CK_SLOT_ID kk_token_slot_id(const struct kk_token *token)
{
    return token->slot_id;
}

struct kk_repository *kk_token_repository(struct kk_token *token)
{
    return token->repository;
}

struct kk_engine *kk_token_engine(struct kk_token *token)
{
    return token->engine;
}

void kk_token_drop(struct kk_token *token)
{
    atomic_store(&token->dropped, true);
}

bool kk_token_is_dropped(const struct kk_token *token)
{
    return atomic_load(&token->dropped);
}

uint64_t kk_token_incarnation(const struct kk_token *token)
{
    return atomic_load_explicit(&token->incarnation, memory_order_acquire);
}

/* What was known of the token, and whoever had it open, is of another one now. Caller holds the
 * token's lock. */
static void become_another(struct kk_token *token)
{
    KK_ASSERT_HELD(&token->lock);
    kk_cache_forget(token->cache);
    atomic_fetch_add_explicit(&token->incarnation, 1, memory_order_release);
}

void kk_token_look_plug(struct kk_token *token)
{
    if (token->plug_path == NULL) {
        return;
    }
    uint64_t plug = kk_plug_read(token->plug_path);
    if (plug == atomic_load_explicit(&token->plug, memory_order_acquire)) {
        return;
    }
    KK_LOCK_SCOPE(&token->lock);
    if (plug == atomic_load_explicit(&token->plug, memory_order_relaxed)) {
        return; /* another thread was quicker */
    }
    atomic_store_explicit(&token->plug, plug, memory_order_release);
    become_another(token);
    atomic_fetch_add_explicit(&token->epoch, 1, memory_order_release);
}

uint64_t kk_token_plug(const struct kk_token *token)
{
    return atomic_load_explicit(&token->plug, memory_order_acquire);
}

bool kk_token_is_out(const struct kk_token *token)
{
    return kk_plug_is_out(kk_token_plug(token));
}

/* Another process committed: rereads the state, and forgets all when the token is a new one. The
 * stamp of a token that is out of its slot stays unseen, so that every call comes here. */
static KK_RV notice(struct kk_token *token, const struct kk_store_stamp *stamp)
{
    struct kk_token_state state;
    kk_crypto_mark();
    kk_token_look_plug(token);
    KK_ENSURE(!kk_token_is_out(token), CKR_DEVICE_REMOVED);
    KK_TRY(token->repository->ops->state(token->repository, &state));
    KK_WITH_LOCK(&token->lock)
    {
        if (!kk_mem_equal(token->token_epoch, sizeof token->token_epoch, state.epoch,
                          sizeof state.epoch)) {
            memcpy(token->token_epoch, state.epoch, sizeof state.epoch);
            become_another(token);
        }
        token->seen = stamp->stable ? stamp->value : NO_STAMP;
        atomic_fetch_add_explicit(&token->epoch, 1, memory_order_release);
    }
    return CKR_OK;
}

KK_RV kk_token_fresh(struct kk_token *token, uint64_t *ret_epoch)
{
    struct kk_store_stamp stamp = {0};
    KK_TRY(token->repository->ops->fresh(token->repository, &stamp));
    if (!stamp.stable || stamp.value != atomic_load_explicit(&token->seen, memory_order_acquire)) {
        KK_TRY(notice(token, &stamp));
    }
    *ret_epoch = atomic_load_explicit(&token->epoch, memory_order_acquire);
    return CKR_OK;
}

/* Looks for changes that move no stamp; the next kk_token_fresh() then sees another one. */
static KK_RV look(struct kk_token *token, const struct kk_uuid *uuid)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    if (ops->look == NULL) {
        return CKR_OK;
    }
    kk_crypto_mark();
    return ops->look(token->repository, uuid);
}

KK_RV kk_token_look(struct kk_token *token, const struct kk_uuid *uuid, uint64_t *epoch)
{
    if (token->repository->ops->look == NULL) {
        return CKR_OK;
    }
    KK_TRY(look(token, uuid));
    return kk_token_fresh(token, epoch);
}

KK_RV kk_token_state(struct kk_token *token, struct kk_token_state *ret_state)
{
    uint64_t epoch = 0;
    CK_RV rv = kk_token_fresh(token, &epoch);
    if (rv == CKR_OK) {
        rv = token->repository->ops->state(token->repository, ret_state);
    }
    return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}

KK_RV kk_token_describe(struct kk_token *token, struct kk_token_state *ret_state)
{
    return token->repository->ops->state(token->repository, ret_state);
}

static KK_RV audit_plug(struct kk_token *token, bool out)
{
    const struct kk_audit_event event = {.kind = out ? KK_AUDIT_UNPLUG : KK_AUDIT_PLUG};
    return kk_token_audit(token, NULL, &event);
}

/* The file first, the stamp behind it: who sees the stamp move looks at the file. */
KK_RV kk_token_set_plug(struct kk_token *token, bool out)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    struct kk_store_stamp stamp = {0};
    bool changed = false;
    KK_ENSURE(token->plug_path != NULL && ops->nudge != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    KK_TRY(ops->fresh(token->repository, &stamp)); /* it was not deleted */
    if (kk_plug_is_out(kk_plug_read(token->plug_path)) != out) {
        KK_TRY(audit_plug(token, out));
    }
    KK_TRY(kk_plug_write(token->plug_path, 0666 & ~token->engine->config->umask, out, &changed));
    if (changed) {
        KK_TRY(ops->nudge(token->repository));
        kk_plug_tell(token->engine->location);
    }
    kk_token_look_plug(token);
    return CKR_OK;
}

/* An unlock of this role that somebody holds, or NULL. */
static struct kk_unlock *known_unlock(struct kk_token *token, enum kk_role role)
{
    KK_LOCK_SCOPE(&token->lock);
    return token->known[role] != NULL ? kk_unlock_ref(token->known[role]) : NULL;
}

KK_RV kk_token_reinitialise(struct kk_token *token, struct kk_span so_pin, const char label[32])
{
    uint64_t epoch = 0;
    KK_TRY(token->repository->ops->reinitialise(token->repository, so_pin, label));
    return kk_token_fresh(token, &epoch);
}

KK_RV kk_token_set_pin(struct kk_token *token, enum kk_role role, struct kk_span name,
                       struct kk_span old_pin, struct kk_span new_pin)
{
    return token->repository->ops->set_pin(token->repository, role, name, old_pin, new_pin);
}

KK_RV kk_token_init_pin(struct kk_token *token, struct kk_unlock *unlock, struct kk_span pin)
{
    uint64_t epoch = 0;
    KK_TRY(token->repository->ops->init_pin(token->repository, unlock, pin));
    return kk_token_fresh(token, &epoch);
}

static size_t login_count(const struct kk_token *token)
{
    return token->logins[KK_ROLE_SO] + token->logins[KK_ROLE_USER];
}

/* What a snapshot says of CKA_TRUSTED depends on whether somebody is logged in who could prove it:
 * when that changes, everything is read anew. Caller holds the token's lock. */
static void forget_versions(struct kk_token *token)
{
    KK_ASSERT_HELD(&token->lock);
    kk_cache_forget(token->cache);
    atomic_fetch_add_explicit(&token->epoch, 1, memory_order_release);
}

KK_RV kk_token_login(struct kk_token *token, enum kk_role role, struct kk_span name,
                     struct kk_span pin, struct kk_unlock **ret_unlock)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *known =
        name.len == 0 ? known_unlock(token, role) : NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    KK_TRY(token->repository->ops->unlock(token->repository, role, name, pin, known, &unlock));
    KK_WITH_LOCK(&token->lock)
    {
        if (login_count(token) == 0) {
            forget_versions(token);
        } else { /* who logs in may hold snapshots from before, of unproven trust */
            atomic_fetch_add_explicit(&token->epoch, 1, memory_order_release);
        }
        token->logins[role]++;
        if (name.len == 0) {
            struct kk_unlock *old = token->known[role];
            token->known[role] = kk_unlock_ref(unlock);
            kk_unlock_unref(old);
        }
    }
    *ret_unlock = KK_STEAL(unlock);
    return CKR_OK;
}

void kk_token_logout(struct kk_token *token, struct kk_unlock *unlock)
{
    if (unlock == NULL) {
        return;
    }
    enum kk_role role = unlock->role;
    struct kk_unlock *last = NULL;
    KK_WITH_LOCK(&token->lock)
    {
        if (--token->logins[role] == 0) {
            last = KK_STEAL(token->known[role]);
            kk_cache_forget_private(token->cache);
        }
        if (login_count(token) == 0) {
            forget_versions(token);
        }
    }
    kk_unlock_unref(last);
    kk_unlock_unref(unlock);
}

KK_RV kk_token_verify_pin(struct kk_token *token, struct kk_unlock *unlock, enum kk_role role,
                          struct kk_span name, struct kk_span pin)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *proof = NULL;
    if (ops->verify_pin != NULL) {
        return ops->verify_pin(token->repository, role, name, pin, unlock);
    }
    return ops->unlock(token->repository, role, name, pin, unlock, &proof);
}

/* Whether what was read since `epoch` and `round` may be kept for others: nobody committed
 * meanwhile, and private things only while a user's login lasts. Caller holds the token's lock. */
static bool may_remember(const struct kk_token *token, uint64_t epoch, uint64_t round,
                         bool is_private)
{
    KK_ASSERT_HELD(&token->lock);
    return epoch == atomic_load(&token->epoch) && round == token->round &&
           (!is_private || token->logins[KK_ROLE_USER] > 0);
}

/* What was read without a login is not kept while others have one: its trust is unproven. */
static void remember(struct kk_token *token, const struct kk_unlock *unlock,
                     struct kk_object *object, uint64_t epoch, uint64_t round)
{
    if ((unlock != NULL || login_count(token) == 0) &&
        may_remember(token, epoch, round, object->is_private) &&
        !atomic_load(&object->superseded)) {
        kk_cache_put(token->cache, object, epoch);
    }
}

static bool visible(const struct kk_object *object, const struct kk_unlock *unlock, bool user)
{
    return !object->is_private || (unlock != NULL && user);
}

KK_RV kk_token_home(const struct kk_token *token, struct kk_uuid *ret_home)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    uint64_t losses = ops->losses != NULL ? ops->losses(token->repository) : 0;
    KK_ENSURE(kk_uuid_parse(token->name, ret_home), CKR_FUNCTION_FAILED);
    uint8_t *last = ret_home->bytes + sizeof ret_home->bytes - 8;
    kk_store_u64(last, kk_load_u64(last) ^ losses);
    return CKR_OK;
}

bool kk_token_keeps_states(const struct kk_token *token)
{
    return token->repository->ops->keeps_states;
}

/* Nobody else has the object yet. */
static KK_RV show(const struct kk_token *token, struct kk_object *read)
{
    struct kk_uuid home;
    if (!kk_stateful_is_one_time(read->attrs) || !kk_token_keeps_states(token)) {
        return CKR_OK;
    }
    KK_TRY(kk_token_home(token, &home));
    return kk_stateful_show(read->attrs, &home);
}

KK_RV kk_token_get(struct kk_token *token, struct kk_unlock *unlock, bool user,
                   const struct kk_uuid *uuid, struct kk_object **ret_object)
{
    uint64_t epoch = 0;
    uint64_t cached_epoch = 0;
    uint64_t round = 0;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *cached = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *read = NULL;

    kk_crypto_mark();
    KK_TRY(look(token, uuid));
    KK_TRY(kk_token_fresh(token, &epoch));
    KK_WITH_LOCK(&token->lock)
    {
        cached = kk_cache_object(token->cache, uuid, &cached_epoch);
        round = token->round;
    }
    if (cached != NULL && cached_epoch == epoch) {
        KK_ENSURE(visible(cached, unlock, user), CKR_OBJECT_HANDLE_INVALID);
        *ret_object = KK_STEAL(cached);
        return CKR_OK;
    }
    CK_RV rv = token->repository->ops->read(token->repository, unlock, uuid, &read);
    if (rv == CKR_OBJECT_HANDLE_INVALID && cached != NULL) {
        atomic_store(&cached->superseded, true);
        KK_WITH_LOCK(&token->lock)
        {
            kk_cache_remove(token->cache, uuid);
        }
    }
    KK_TRY(rv);
    KK_ENSURE(visible(read, unlock, user), CKR_OBJECT_HANDLE_INVALID);
    KK_TRY(show(token, read));
    /* The version that is known already keeps its parsed key. */
    bool same = cached != NULL && cached->generation == read->generation;
    struct kk_object *object = same ? cached : read;
    KK_WITH_LOCK(&token->lock)
    {
        remember(token, unlock, object, epoch, round);
    }
    *ret_object = kk_object_ref(object);
    return CKR_OK;
}

/* Opens and compares the candidates in place; *count shrinks to those that match. What could not be
 * read is left out, and clears *ret_whole: next time it may be readable. */
static KK_RV keep_matches(struct kk_token *token, struct kk_unlock *unlock, bool user,
                          const struct kk_attrs *tmpl, struct kk_uuid *uuids, size_t *count,
                          bool *ret_whole)
{
    size_t kept = 0;
    bool is_whole = true;
    for (size_t i = 0; i < *count; i++) {
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        CK_RV rv = kk_token_get(token, unlock, user, &uuids[i], &object);
        if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_DEVICE_ERROR ||
            rv == CKR_USER_NOT_LOGGED_IN) {
            is_whole = is_whole && rv != CKR_DEVICE_ERROR;
            continue; /* gone meanwhile, or damaged: the repository has said so in the log */
        }
        KK_TRY(rv);
        if (kk_object_matches(object, tmpl)) {
            uuids[kept++] = uuids[i];
        }
    }
    *count = kept;
    *ret_whole = is_whole;
    return CKR_OK;
}

static bool matches_all(const struct kk_attrs *tmpl)
{
    return tmpl->count == 0 || (tmpl->count == 1 && kk_attrs_flag(tmpl, CKA_TOKEN, false));
}

static KK_RV find(struct kk_token *token, struct kk_unlock *unlock, bool user,
                  const struct kk_attrs *tmpl, bool opens_later, struct kk_uuid_list *list)
{
    uint64_t epoch = 0;
    bool with_private = unlock != NULL && user;
    uint64_t round = 0;
    bool is_whole = false;
    KK_TRY(look(token, NULL));
    KK_TRY(kk_token_fresh(token, &epoch));
    KK_WITH_LOCK(&token->lock)
    {
        round = token->round;
        if (kk_cache_query(token->cache, tmpl, with_private, epoch, list)) {
            return CKR_OK;
        }
    }
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    KK_TRY(token->repository->ops->find(token->repository, unlock, with_private, tmpl, &uuids,
                                        &count));
    if (!(opens_later && count > KK_CACHE_ANSWER_MAX && matches_all(tmpl))) {
        KK_TRY(keep_matches(token, unlock, user, tmpl, uuids, &count, &is_whole));
    }
    KK_WITH_LOCK(&token->lock)
    {
        if (is_whole && may_remember(token, epoch, round, with_private)) {
            kk_cache_query_put(token->cache, tmpl, with_private, epoch, uuids, count);
        }
    }
    kk_uuid_list_clear(list);
    *list = (struct kk_uuid_list){KK_STEAL(uuids), count, count};
    return CKR_OK;
}

KK_RV kk_token_list(struct kk_token *token, struct kk_unlock *unlock, bool user,
                    const struct kk_attrs *tmpl, struct kk_uuid_list *list)
{
    return find(token, unlock, user, tmpl, true, list);
}

KK_RV kk_token_find(struct kk_token *token, struct kk_unlock *unlock, bool user,
                    const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count)
{
    KK_CLEANUP(kk_uuid_list_clear) struct kk_uuid_list list = {0};
    KK_TRY(find(token, unlock, user, tmpl, false, &list));
    *ret_uuids = KK_STEAL(list.uuids);
    *ret_count = list.count;
    return CKR_OK;
}

KK_RV kk_token_hidden(struct kk_token *token, struct kk_hidden *ret_hidden)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    uint64_t epoch = 0;
    if (ops->hidden == NULL) {
        *ret_hidden = (struct kk_hidden){.certificates = true, .private_keys = true};
        return CKR_OK;
    }
    KK_TRY(look(token, NULL));
    KK_TRY(kk_token_fresh(token, &epoch));
    return ops->hidden(token->repository, ret_hidden);
}

/* A new version of an object may have to be made anew from what is there then, alone. */
static bool may_join(const struct kk_repository *repository, const struct kk_stored_change *changes,
                     size_t count)
{
    bool replaces =
        count > 0 && changes[0].kind == KK_CHANGE_PUT && changes[0].expected_generation != 0;
    return !replaces && repository->ops->joins != NULL && repository->ops->joins(repository);
}

/*
 * One transaction through the repository. When the stamp moved by exactly this commit and nothing
 * that existed was changed, snapshots stay valid. A change of an object moves the epoch: there may
 * be snapshots of it that the cache does not know (forgotten, or read by another application), and
 * who reads at this moment may come back with the old version. Answers to queries go in either
 * case, and the round moves, so that what is being read at this moment is not remembered.
 */
static KK_RV commit(struct kk_token *token, struct kk_unlock *unlock,
                    const struct kk_stored_change *changes, size_t count,
                    struct kk_object *replaced, struct kk_object **ret_objects)
{
    struct kk_repository *repository = token->repository;
    KK_TRY(may_join(repository, changes, count)
               ? kk_group_change(token->group, repository, unlock, changes, count, ret_objects)
               : repository->ops->change(repository, unlock, changes, count, ret_objects));
    struct kk_store_stamp stamp = {0};
    CK_RV rv = token->repository->ops->fresh(token->repository, &stamp);
    KK_WITH_LOCK(&token->lock)
    {
        if (replaced != NULL) {
            atomic_store(&replaced->superseded, true);
            kk_object_drop_key(replaced);
            kk_cache_remove(token->cache, &replaced->uuid);
            atomic_fetch_add_explicit(&token->epoch, 1, memory_order_release);
        }
        uint64_t seen = atomic_load(&token->seen);
        bool only_us = rv == CKR_OK && stamp.stable && stamp.value == seen + 2;
        if (only_us) {
            token->seen = stamp.value;
        }
        token->round++;
        kk_cache_queries_clear(token->cache);
    }
    return CKR_OK;
}

KK_RV kk_token_create(struct kk_token *token, struct kk_unlock *unlock,
                      const struct kk_new_object *objects, size_t count,
                      struct kk_object **ret_objects)
{
    KK_CLEANUP(kk_freep) struct kk_stored_change *changes = NULL;
    KK_TRY(kk_alloc_array(count, sizeof *changes, &changes));
    for (size_t i = 0; i < count; i++) {
        changes[i].kind = KK_CHANGE_PUT;
        changes[i].uuid = objects[i].uuid;
        changes[i].attrs = objects[i].attrs;
        changes[i].note = objects[i].note;
    }
    return commit(token, unlock, changes, count, NULL, ret_objects);
}

KK_RV kk_token_replace(struct kk_token *token, struct kk_unlock *unlock,
                       const struct kk_from_version *from, struct kk_attrs *attrs,
                       struct kk_object **ret_object)
{
    struct kk_stored_change change = {.kind = KK_CHANGE_PUT,
                                      .uuid = from->old->uuid,
                                      .attrs = attrs,
                                      .expected_generation = from->old->generation,
                                      .rebase = from->rebase,
                                      .context = from->context};
    return commit(token, unlock, &change, 1, from->old, ret_object);
}

KK_RV kk_token_destroy(struct kk_token *token, struct kk_unlock *unlock,
                       const struct kk_from_version *from)
{
    struct kk_stored_change change = {.kind = KK_CHANGE_DELETE,
                                      .uuid = from->old->uuid,
                                      .attrs = from->old->attrs,
                                      .expected_generation = from->old->generation,
                                      .rebase = from->rebase,
                                      .context = from->context};
    KK_TRY(commit(token, unlock, &change, 1, from->old, NULL));
    atomic_store(&from->old->destroyed, true);
    return CKR_OK;
}

KK_RV kk_token_set_aside(struct kk_token *token, const char *path)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    return ops->set_aside != NULL ? ops->set_aside(token->repository, path)
                                  : CKR_FUNCTION_NOT_SUPPORTED;
}

KK_RV kk_token_user_add(struct kk_token *token, struct kk_unlock *unlock, struct kk_span name,
                        struct kk_span pin)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    KK_ENSURE(ops->user_add != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return ops->user_add(token->repository, unlock, name, pin);
}

KK_RV kk_token_user_remove(struct kk_token *token, struct kk_unlock *unlock, struct kk_span name)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    KK_ENSURE(ops->user_remove != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return ops->user_remove(token->repository, unlock, name);
}

KK_RV kk_token_users(struct kk_token *token, kk_user_visit *visit, void *context)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    KK_ENSURE(ops->users != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return ops->users(token->repository, visit, context);
}

bool kk_token_has_counter(struct kk_token *token)
{
    struct kk_token_state state;
    return token->repository->ops->counter != NULL && kk_token_state(token, &state) == CKR_OK &&
           !state.read_only;
}

/* Never less than the microseconds of the clock: a token that was put back from a backup goes on
 * above what it gave since. */
KK_RV kk_token_counter(struct kk_token *token, uint64_t *ret_value)
{
    struct timespec now;
    KK_ENSURE(token->repository->ops->counter != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t least =
        now.tv_sec <= 0 ? 1 : (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    return token->repository->ops->counter(token->repository, least, ret_value);
}

KK_RV kk_token_backup(struct kk_token *token, struct kk_backup_chunks *chunks,
                      struct kk_backup_info *info)
{
    KK_ENSURE(token->repository->ops->backup != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return token->repository->ops->backup(token->repository, chunks, info);
}

KK_RV kk_token_remove(struct kk_token *token)
{
    return token->repository->ops->remove(token->repository);
}

KK_RV kk_token_audit(struct kk_token *token, struct kk_unlock *unlock,
                     const struct kk_audit_event *event)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    kk_crypto_mark();
    return ops->audit != NULL ? ops->audit(token->repository, unlock, event) : CKR_OK;
}

KK_RV kk_token_state_key(struct kk_token *token, struct kk_unlock *unlock, struct kk_secret *key)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    if (unlock != NULL && ops->state_key != NULL) {
        return ops->state_key(token->repository, unlock, key);
    }
    uint8_t incarnation[8];
    kk_store_u64(incarnation, atomic_load(&token->incarnation));
    return kk_hkdf_sha512(token->engine->crypto, kk_secret_span(token->engine->state_key),
                          KK_SPAN_ARRAY(incarnation), KK_SPAN_TEXT("keykist/operation-state"), key);
}

KK_RV kk_token_audit_read(struct kk_token *token, struct kk_audit_place *place, uint8_t *text,
                          size_t room, size_t *ret_len)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    KK_ENSURE(ops->audit_read != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return ops->audit_read(token->repository, place, text, room, ret_len);
}

KK_RV kk_token_audit_verify(struct kk_token *token, struct kk_unlock *unlock,
                            struct kk_audit_report *ret_report)
{
    const struct kk_repository_ops *ops = token->repository->ops;
    KK_ENSURE(ops->audit_verify != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return ops->audit_verify(token->repository, unlock, ret_report);
}

/* A key that was not parsed yet counts in the cache from now on. */
static KK_RV parse_key(struct kk_token *token, struct kk_object *object, struct kk_key **ret_key)
{
    KK_TRY(kk_object_key(object, token->engine->crypto, ret_key));
    KK_LOCK_SCOPE(&token->lock);
    if (!object->is_private || token->logins[KK_ROLE_USER] > 0) {
        kk_cache_key_parsed(token->cache, object);
    } else {
        kk_object_drop_key(object); /* the last user logged out while it was parsed */
    }
    return CKR_OK;
}

KK_RV kk_token_key(struct kk_token *token, struct kk_object *object, struct kk_key **ret_key)
{
    *ret_key = kk_object_present_key(object);
    if (KK_UNLIKELY(*ret_key == NULL)) {
        KK_TRY(parse_key(token, object, ret_key));
    }
    kk_object_touch_key(object);
    return CKR_OK;
}
