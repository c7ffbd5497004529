/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles to objects, and making, changing and destroying them.
 */
#include "session/objects.h"

#include <time.h>

#include "base/memory.h"
#include "mechanism/mechanism.h"
#include "session/audit.h"
#include "session/guarded.h"
#include "session/handles.h"

#include "base/banned.h"

#define STORE_MAX 100000 /* objects made by one call */
#define RETRY_SECONDS 30 /* of a change that others' changes overtook, as a busy store's */
#define PAUSE_STEPS 20

KK_RV kk_call_uuid(struct kk_call *call, struct kk_uuid *ret_uuid)
{
    return kk_crypto_random(call->app->engine->crypto, ret_uuid->bytes, sizeof ret_uuid->bytes);
}

/* What a handle says without asking the token. */
struct lookup {
    struct kk_object *object; /* the version seen last, a reference; may be NULL */
    uint64_t epoch;
    struct kk_uuid uuid;
    bool is_token;
    bool user;
    /* The object is the present version. Asked once: a change by another thread may come at any
     * time after, and without a login's keys nobody can ask the token for the new version. */
    bool present;
    struct kk_unlock *unlock; /* a reference, fetched only when the token has to be asked */
};

static void lookup_clear(struct lookup *lookup)
{
    kk_object_unref(lookup->object);
    kk_unlock_unref(lookup->unlock);
}

static bool is_present(const struct lookup *lookup, uint64_t epoch)
{
    return lookup->object != NULL &&
           !atomic_load_explicit(&lookup->object->superseded, memory_order_acquire) &&
           (!lookup->is_token || lookup->epoch == epoch);
}

static KK_RV look_up(struct kk_call *call, CK_OBJECT_HANDLE handle, struct lookup *ret)
{
    struct kk_slot *slot = call->session->slot;
    KK_LOCK_SCOPE(&call->app->state_lock);
    struct kk_handle *entry = kk_handles_find(call->app, handle);
    KK_ENSURE(entry != NULL && entry->slot == slot, CKR_OBJECT_HANDLE_INVALID);
    KK_ENSURE(!entry->is_private || slot->login == KK_LOGIN_USER, CKR_OBJECT_HANDLE_INVALID);
    ret->object = entry->object != NULL ? kk_object_ref(entry->object) : NULL;
    ret->epoch = entry->epoch;
    ret->uuid = entry->uuid;
    ret->is_token = entry->is_token;
    ret->user = slot->login == KK_LOGIN_USER;
    ret->present = is_present(ret, call->epoch);
    if (!ret->present && slot->unlock != NULL) {
        ret->unlock = kk_unlock_ref(slot->unlock);
    }
    return CKR_OK;
}

/* Tells the handle what the token said: a newer version, or that the object is gone. */
static void update_handle(struct kk_call *call, CK_OBJECT_HANDLE handle, struct kk_object *object,
                          uint64_t epoch)
{
    KK_LOCK_SCOPE(&call->app->state_lock);
    struct kk_handle *entry = kk_handles_find(call->app, handle);
    if (entry == NULL) {
        return;
    }
    if (object != NULL) {
        kk_handles_update(call->app, entry, object, epoch);
    } else {
        kk_handles_forget(call->app, entry);
    }
}

/* A token object may have been rewritten by somebody who tells nobody. Then the epoch is another
 * one, and the lookup is made again. */
static KK_RV look_up_present(struct kk_call *call, CK_OBJECT_HANDLE handle, struct lookup *found)
{
    KK_TRY(look_up(call, handle, found));
    if (!found->is_token || !found->present) {
        return CKR_OK;
    }
    KK_TRY(kk_token_look(call->session->token, &found->uuid, &call->epoch));
    if (KK_LIKELY(is_present(found, call->epoch))) {
        return CKR_OK;
    }
    lookup_clear(found);
    *found = (struct lookup){0};
    return look_up(call, handle, found);
}

KK_RV kk_call_object(struct kk_call *call, CK_OBJECT_HANDLE handle, struct kk_object **ret_object)
{
    KK_CLEANUP(lookup_clear) struct lookup found = {0};
    KK_TRY(look_up_present(call, handle, &found));
    if (KK_LIKELY(found.present)) {
        *ret_object = KK_STEAL(found.object);
        return CKR_OK;
    }
    KK_ENSURE(found.is_token, CKR_OBJECT_HANDLE_INVALID);
    struct kk_object *object = NULL;
    CK_RV rv = kk_token_get(call->session->token, found.unlock, found.user, &found.uuid, &object);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        update_handle(call, handle, NULL, 0);
    }
    KK_TRY(rv);
    update_handle(call, handle, object, call->epoch);
    *ret_object = object;
    return CKR_OK;
}

KK_RV kk_call_key_object(struct kk_call *call, CK_OBJECT_HANDLE handle, CK_RV invalid,
                         struct kk_object **ret_object)
{
    struct kk_object *object = NULL;
    CK_RV rv = kk_call_object(call, handle, &object);
    KK_TRY(rv == CKR_OBJECT_HANDLE_INVALID ? invalid : rv);
    if (object->key_type == CK_UNAVAILABLE_INFORMATION) {
        kk_object_unref(object);
        return invalid;
    }
    *ret_object = object;
    return CKR_OK;
}

KK_RV kk_call_parsed_key(struct kk_call *call, struct kk_object *object, struct kk_key **ret_key)
{
    if (object->is_token) {
        return kk_token_key(call->session->token, object, ret_key);
    }
    return kk_object_key(object, call->app->engine->crypto, ret_key);
}

KK_RV kk_call_resolve_param(struct kk_call *call, struct kk_param *param)
{
    for (size_t i = 0; i < param->key_count; i++) {
        if (param->handles[i] == CK_INVALID_HANDLE || param->keys[i] != NULL) {
            continue;
        }
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        kk_crypto_mark();
        KK_TRY(kk_call_key_object(call, param->handles[i], CKR_KEY_HANDLE_INVALID, &object));
        KK_ENSURE((object->usage & KK_USAGE_DERIVE) != 0, CKR_KEY_FUNCTION_NOT_PERMITTED);
        KK_TRY(kk_call_guard(call, object));
        KK_TRY(kk_call_parsed_key(call, object, &param->keys[i]));
    }
    return CKR_OK;
}

/* Session objects live in the slot's index, known to all sessions of the application there, and
 * have a handle as long as they live: by it they go with the session or the login. */
static KK_RV add_session_object(struct kk_call *call, struct kk_object *object,
                                CK_OBJECT_HANDLE *ret_handle)
{
    struct kk_session *session = call->session;
    struct kk_index *index = session->slot->session_objects;
    KK_LOCK_SCOPE(&call->app->state_lock);
    KK_ENSURE(!atomic_load(&session->dead), CKR_SESSION_CLOSED);
    KK_ENSURE(!object->is_private || session->slot->login == KK_LOGIN_USER, CKR_USER_NOT_LOGGED_IN);
    KK_TRY(kk_index_add(index, object));
    CK_RV rv = kk_handles_give(call->app, session->slot, session, object, call->epoch, ret_handle);
    if (rv != CKR_OK) {
        (void)kk_index_remove(index, &object->uuid);
    }
    return rv;
}

/* The objects of one call on their way from sets to handles. */
struct making {
    struct kk_attrs **sets;
    const struct kk_uuid *uuids;
    size_t count;
    CK_OBJECT_HANDLE *handles;
    /* of token objects: which they are, and what they are before and after they are stored */
    size_t *places;
    struct kk_new_object *fresh;
    struct kk_object **stored;
};

static void making_clear(struct making *making)
{
    kk_free(making->handles);
    kk_free(making->places);
    kk_free(making->fresh);
    kk_free(making->stored);
}

static KK_RV making_begin(struct kk_attrs **sets, const struct kk_uuid *uuids, size_t count,
                          struct making *ret_making)
{
    KK_ENSURE(count <= STORE_MAX, CKR_FUNCTION_FAILED);
    ret_making->sets = sets;
    ret_making->uuids = uuids;
    ret_making->count = count;
    KK_TRY(kk_alloc_array(count, sizeof *ret_making->handles, &ret_making->handles));
    KK_TRY(kk_alloc_array(count, sizeof *ret_making->places, &ret_making->places));
    KK_TRY(kk_alloc_array(count, sizeof *ret_making->fresh, &ret_making->fresh));
    return kk_alloc_array(count, sizeof(struct kk_object *), &ret_making->stored);
}

static KK_RV make_session_object(struct kk_call *call, struct making *making, size_t i)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(kk_object_new(&making->uuids[i], 0, making->sets[i], &object));
    making->sets[i] = NULL;
    KK_TRY(kk_call_audit_session_object(call, KK_AUDIT_CREATE, object));
    return add_session_object(call, object, &making->handles[i]);
}

/* Before a token object is stored: afterwards nothing may fail any more. */
static KK_RV reserve_handle(struct kk_call *call, struct making *making, size_t i)
{
    bool is_private = kk_attrs_flag(making->sets[i], CKA_PRIVATE, false);
    KK_LOCK_SCOPE(&call->app->state_lock);
    return kk_handles_give_uuid(call->app, call->session->slot, &making->uuids[i], is_private,
                                &making->handles[i]);
}

/* In one transaction. */
static KK_RV store_token_objects(struct kk_call *call, const struct making *making, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t place = making->places[i];
        making->fresh[i] = (struct kk_new_object){
            .uuid = making->uuids[place], .attrs = making->sets[place], .note = &call->note};
    }
    bool user = false;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    KK_TRY(kk_token_create(call->session->token, unlock, making->fresh, count, making->stored));
    for (size_t i = 0; i < count; i++) {
        update_handle(call, making->handles[making->places[i]], making->stored[i], call->epoch);
        kk_object_unref(making->stored[i]);
    }
    return CKR_OK;
}

static KK_RV make_all(struct kk_call *call, struct making *making)
{
    size_t count = 0;
    for (size_t i = 0; i < making->count; i++) {
        if (kk_attrs_flag(making->sets[i], CKA_TOKEN, false)) {
            KK_TRY(reserve_handle(call, making, i));
            making->places[count++] = i;
        } else {
            KK_TRY(make_session_object(call, making, i));
        }
    }
    return count > 0 ? store_token_objects(call, making, count) : CKR_OK;
}

KK_RV kk_call_store(struct kk_call *call, struct kk_attrs **sets, const struct kk_uuid *uuids,
                    size_t count, CK_OBJECT_HANDLE *ret_handles)
{
    KK_CLEANUP(making_clear) struct making making = {0};
    KK_ENSURE(call->abandoned == NULL || !atomic_load(call->abandoned), CKR_FUNCTION_CANCELED);
    KK_TRY(making_begin(sets, uuids, count, &making));
    CK_RV rv = make_all(call, &making);
    for (size_t i = 0; i < count; i++) {
        if (rv == CKR_OK && ret_handles != NULL) {
            ret_handles[i] = making.handles[i];
        } else {
            update_handle(call, making.handles[i], NULL, 0);
        }
    }
    return rv;
}

/* A new object's attributes, by the caller's template and the rules. */
static KK_RV make_set(struct kk_call *call, const struct kk_attrs *tmpl, struct kk_uuid *ret_uuid,
                      struct kk_attrs **ret_attrs)
{
    struct kk_begin begin = {.verb = KK_VERB_CREATE,
                             .object_class = CK_UNAVAILABLE_INFORMATION,
                             .key_type = CK_UNAVAILABLE_INFORMATION};
    struct kk_finish finish = {.verb = KK_VERB_CREATE};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    kk_session_actor(call->session, &begin.actor);
    KK_TRY(kk_policy_begin(&begin, tmpl, &attrs));
    KK_TRY(kk_call_uuid(call, &finish.uuid));
    KK_TRY(kk_policy_finish(call->app->engine->crypto, &finish, attrs));
    *ret_uuid = finish.uuid;
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}

KK_RV kk_call_create_object(struct kk_call *call, const struct kk_attrs *tmpl,
                            CK_OBJECT_HANDLE *ret_handle)
{
    struct kk_uuid uuid;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(make_set(call, tmpl, &uuid, &attrs));
    return kk_call_store(call, &attrs, &uuid, 1, ret_handle);
}

/* The attribute sets of many objects. */
struct sets {
    struct kk_attrs **sets;
    struct kk_uuid *uuids;
    size_t count;
};

static void sets_clear(struct sets *sets)
{
    for (size_t i = 0; sets->sets != NULL && i < sets->count; i++) {
        kk_attrs_free(sets->sets[i]);
    }
    kk_free(sets->sets);
    kk_free(sets->uuids);
}

KK_RV kk_call_create_objects(struct kk_call *call, struct kk_attrs *const *tmpls, size_t count,
                             CK_OBJECT_HANDLE *ret_handles, size_t *ret_refused)
{
    KK_CLEANUP(sets_clear) struct sets made = {.count = count};
    *ret_refused = count;
    KK_ENSURE(count <= STORE_MAX, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_alloc_array(count, sizeof(struct kk_attrs *), &made.sets));
    KK_TRY(kk_alloc_array(count, sizeof *made.uuids, &made.uuids));
    for (size_t i = 0; i < count; i++) {
        *ret_refused = i;
        KK_TRY(make_set(call, tmpls[i], &made.uuids[i], &made.sets[i]));
    }
    *ret_refused = count;
    return kk_call_store(call, made.sets, made.uuids, count, ret_handles);
}

/*= pkcs11-3.2 C_CopyObject: private or token copies need what creating them needs */
KK_RV kk_call_copy_object(struct kk_call *call, CK_OBJECT_HANDLE handle,
                          const struct kk_attrs *tmpl, CK_OBJECT_HANDLE *ret_handle)
{
    struct kk_actor actor;
    struct kk_uuid uuid;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_call_object(call, handle, &object));
    KK_ENSURE(!object->by_token, CKR_ACTION_PROHIBITED);
    KK_TRY(kk_call_uuid(call, &uuid));
    kk_session_actor(call->session, &actor);
    KK_TRY(kk_policy_copy(call->app->engine->crypto, object->attrs, tmpl, &actor, &uuid, &attrs));
    kk_call_note(call, KK_AUDIT_COPY, CK_UNAVAILABLE_INFORMATION, object);
    return kk_call_store(call, &attrs, &uuid, 1, ret_handle);
}

static KK_RV set_session_object(struct kk_call *call, CK_OBJECT_HANDLE handle,
                                struct kk_object *old, struct kk_attrs **attrs)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = NULL;
    KK_TRY(kk_object_new(&old->uuid, 0, *attrs, &changed));
    *attrs = NULL;
    KK_TRY(kk_call_audit_session_object(call, KK_AUDIT_MODIFY, changed));
    KK_LOCK_SCOPE(&call->app->state_lock);
    struct kk_handle *entry = kk_handles_find(call->app, handle);
    KK_ENSURE(entry != NULL, CKR_OBJECT_HANDLE_INVALID);
    KK_ENSURE(entry->object == old, CKR_FUNCTION_REJECTED); /* changed meanwhile: once more */
    KK_TRY(kk_index_add(entry->slot->session_objects, changed));
    atomic_store(&old->superseded, true);
    kk_handles_update(call->app, entry, changed, 0);
    return CKR_OK;
}

/* How a change is made anew from a version that another change made meanwhile. */
struct anew {
    struct kk_crypto *crypto;
    struct kk_actor actor;
    const struct kk_attrs *tmpl;
};

static CK_RV set_anew(void *context, const struct kk_object *present, struct kk_attrs **ret_attrs)
{
    const struct anew *anew = context;
    return kk_policy_set(anew->crypto, present->attrs, anew->tmpl, &anew->actor, ret_attrs);
}

static CK_RV destroy_anew(KK_UNUSED void *context, const struct kk_object *present,
                          KK_UNUSED struct kk_attrs **ret_attrs)
{
    return kk_policy_destroy(present->attrs);
}

static KK_RV set_token_object(struct kk_call *call, CK_OBJECT_HANDLE handle, struct anew *anew,
                              struct kk_object *old, struct kk_attrs *attrs)
{
    bool user = false;
    const struct kk_from_version from = {.old = old, .rebase = set_anew, .context = anew};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    KK_TRY(kk_token_replace(call->session->token, unlock, &from, attrs, &changed));
    update_handle(call, handle, changed, call->epoch);
    return CKR_OK;
}

/* CKR_FUNCTION_REJECTED when another change came between reading and writing. */
static KK_RV set_once(struct kk_call *call, CK_OBJECT_HANDLE handle, const struct kk_attrs *tmpl)
{
    struct anew anew = {.crypto = call->app->engine->crypto, .tmpl = tmpl};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_call_object(call, handle, &object));
    /*= pkcs11-3.2 Mechanism objects: unmodifiable by applications; the same for the others that the
     * token makes */
    KK_ENSURE(!object->by_token, CKR_ACTION_PROHIBITED);
    /*= pkcs11-3.2 C_SetAttributeValue: only session objects can be modified in a read-only session
     */
    KK_ENSURE(call->session->rw || !object->is_token, CKR_SESSION_READ_ONLY);
    kk_session_actor(call->session, &anew.actor);
    KK_TRY(set_anew(&anew, object, &attrs));
    if (!object->is_token) {
        return set_session_object(call, handle, object, &attrs);
    }
    return set_token_object(call, handle, &anew, object, attrs);
}

/*= pkcs11-3.2 C_DestroyObject: a token object needs a read-write session */
static KK_RV destroy_once(struct kk_call *call, CK_OBJECT_HANDLE handle,
                          KK_UNUSED const struct kk_attrs *tmpl)
{
    struct kk_session *session = call->session;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(kk_call_object(call, handle, &object));
    KK_ENSURE(!object->by_token, CKR_ACTION_PROHIBITED);
    KK_ENSURE(session->rw || !object->is_token, CKR_SESSION_READ_ONLY);
    KK_TRY(kk_policy_destroy(object->attrs));
    if (object->is_token) {
        bool user = false;
        const struct kk_from_version from = {.old = object, .rebase = destroy_anew};
        KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(session, &user);
        KK_TRY(kk_token_destroy(session->token, unlock, &from));
    } else {
        KK_TRY(kk_call_audit_session_object(call, KK_AUDIT_DESTROY, object));
    }
    update_handle(call, handle, NULL, 0);
    kk_operation_forget_destroyed(session);
    call->others_hold_it = atomic_load(&object->refs) > 1;
    return CKR_OK;
}

typedef CK_RV change_fn(struct kk_call *call, CK_OBJECT_HANDLE handle, const struct kk_attrs *tmpl);

/* Pauses of changing length, so that of many who change one object at once all come to their turn.
 */
static void wait_for_others(long retry)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = retry % PAUSE_STEPS * 50000}, NULL);
}

static time_t seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Once more from the start when another change came between. */
static KK_RV retry(struct kk_call *call, CK_OBJECT_HANDLE handle, const struct kk_attrs *tmpl,
                   change_fn *change)
{
    CK_RV rv = change(call, handle, tmpl);
    if (rv != CKR_FUNCTION_REJECTED) {
        return rv;
    }
    time_t end = seconds() + RETRY_SECONDS;
    for (long i = 0; rv == CKR_FUNCTION_REJECTED && seconds() < end; i++) {
        wait_for_others(i);
        KK_TRY(kk_token_fresh(call->session->token, &call->epoch));
        rv = change(call, handle, tmpl);
    }
    return rv == CKR_FUNCTION_REJECTED ? CKR_FUNCTION_FAILED : rv;
}

KK_RV kk_call_destroy_object(struct kk_call *call, CK_OBJECT_HANDLE handle)
{
    return retry(call, handle, NULL, destroy_once);
}

KK_RV kk_call_set_attributes(struct kk_call *call, CK_OBJECT_HANDLE handle,
                             const struct kk_attrs *tmpl)
{
    return retry(call, handle, tmpl, set_once);
}
