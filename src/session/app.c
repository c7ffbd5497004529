/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An application and its slots.
 */
#include "session/app.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "session/async.h"
#include "session/builtin.h"
#include "session/handles.h"
#include "session/session.h"
#include "session/workers.h"
#include "token/wait.h"

#include "base/banned.h"

static void slot_free(struct kk_slot *slot)
{
    if (slot == NULL) {
        return;
    }
    kk_index_free(slot->session_objects);
    kk_builtins_free(slot->builtins);
    if (slot->token != NULL) {
        kk_token_logout(slot->token, slot->unlock);
        kk_token_unref(slot->token);
    }
    kk_free(slot);
}
KK_DEFINE_CLEANUP(struct kk_slot *, slot_free);

static KK_RV slot_new(CK_SLOT_ID id, struct kk_token *token, struct kk_slot **ret_slot)
{
    KK_CLEANUP(slot_freep) struct kk_slot *slot = NULL;
    KK_TRY(kk_alloc(sizeof *slot, &slot));
    KK_TRY(kk_index_new(&slot->session_objects));
    slot->id = id;
    slot->token = token != NULL ? kk_token_ref(token) : NULL;
    slot->plug = token != NULL ? kk_token_plug(token) : 0;
    *ret_slot = KK_STEAL(slot);
    return CKR_OK;
}

/* Caller holds the state lock. */
static struct kk_slot *find_slot(const struct kk_app *app, CK_SLOT_ID id)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        if (app->slots[i]->id == id && !app->slots[i]->gone) {
            return app->slots[i];
        }
    }
    return NULL;
}

static struct kk_slot *slot_of_token(const struct kk_app *app, const struct kk_token *token)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        if (app->slots[i]->token == token) {
            return app->slots[i];
        }
    }
    return NULL;
}

static struct kk_slot *empty_slot(const struct kk_app *app)
{
    return app->slot_count > 0 && app->slots[app->slot_count - 1]->token == NULL
               ? app->slots[app->slot_count - 1]
               : NULL;
}

/* Where a slot goes: by rising id, and the empty one behind all. */
static size_t place_of(const struct kk_app *app, const struct kk_slot *slot)
{
    size_t i = 0;
    while (i < app->slot_count && app->slots[i]->token != NULL &&
           (slot->token == NULL || app->slots[i]->id < slot->id)) {
        i++;
    }
    return i;
}

static KK_RV insert_slot(struct kk_app *app, CK_SLOT_ID id, struct kk_token *token,
                         struct kk_slot **ret_slot)
{
    KK_CLEANUP(slot_freep) struct kk_slot *slot = NULL;
    while (find_slot(app, id) != NULL) {
        id = (id + 1) & 0x7fffffff; /* 31 bits of a serial may coincide with another's */
    }
    KK_TRY(slot_new(id, token, &slot));
    KK_TRY(kk_realloc_array(&app->slots, app->slot_count + 1, sizeof(struct kk_slot *)));
    size_t place = place_of(app, slot);
    memmove(app->slots + place + 1, app->slots + place,
            (app->slot_count - place) * sizeof(struct kk_slot *));
    *ret_slot = slot;
    app->slots[place] = KK_STEAL(slot);
    app->slot_count++;
    return CKR_OK;
}

/* The empty slot's number is the number of tokens, as SoftHSM has it; it is made when there is
 * none. */
static KK_RV ensure_empty_slot(struct kk_app *app)
{
    size_t tokens = 0;
    if (empty_slot(app) != NULL) {
        return CKR_OK;
    }
    for (size_t i = 0; i < app->slot_count; i++) {
        tokens += !app->slots[i]->gone;
    }
    struct kk_slot *made = NULL;
    return insert_slot(app, tokens, NULL, &made);
}

/* A slot whose token went is listed until the caller looks anew, unless its id is wanted. */
static void retire(struct kk_slot *slot, struct kk_slot *heir)
{
    slot->gone = true;
    if (heir != NULL) {
        heir->event = true;
        slot->event = false;
    }
}

/* Looks which slots have lost their tokens. `tokens` may be older than what another thread brought
 * in meanwhile: whether a token is gone is asked of the token itself. */
static void take_losses(struct kk_app *app)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        struct kk_slot *slot = app->slots[i];
        if (!slot->left && slot->token != NULL && kk_token_is_dropped(slot->token)) {
            slot->left = true;
            slot->event = true;
        }
    }
}

/* Looks whose tokens were taken out, or put back. */
static void take_plugs(struct kk_app *app)
{
    for (size_t i = 0; i < app->slot_count; i++) {
        struct kk_slot *slot = app->slots[i];
        uint64_t plug = slot->token != NULL ? kk_token_plug(slot->token) : 0;
        slot->event = slot->event || plug != slot->plug;
        slot->plug = plug;
    }
}

static KK_RV take_token(struct kk_app *app, struct kk_token *token)
{
    CK_SLOT_ID id = kk_token_slot_id(token);
    if (slot_of_token(app, token) != NULL || kk_token_is_dropped(token)) {
        return CKR_OK;
    }
    struct kk_slot *made = NULL;
    struct kk_slot *present = find_slot(app, id);
    bool replaces = present != NULL && present->left;
    if (replaces) {
        present->gone = true;
    }
    KK_TRY(insert_slot(app, id, token, &made));
    made->event = true;
    made->unlisted = !replaces;
    if (replaces) {
        retire(present, made);
    }
    return CKR_OK;
}

/* Makes the application's slots agree with the engine's tokens. For an event new ones are left
 * alone while a call of this application makes one: it gives its token a slot itself, and wakes the
 * waiters then. Caller holds the state lock. */
static KK_RV take_tokens(struct kk_app *app, bool for_event, struct kk_token **tokens, size_t count)
{
    KK_ASSERT_HELD(&app->state_lock);
    take_losses(app);
    take_plugs(app);
    for (size_t i = 0; i < count && !(for_event && app->making > 0); i++) {
        KK_TRY(take_token(app, tokens[i]));
    }
    return CKR_OK;
}

static KK_RV refresh(struct kk_app *app, bool for_event)
{
    struct kk_token **tokens = NULL;
    size_t count = 0;
    CK_RV rv = CKR_OK;
    KK_TRY(kk_engine_refresh(app->engine));
    KK_TRY(kk_engine_tokens(app->engine, &tokens, &count));
    KK_WITH_LOCK(&app->state_lock)
    {
        rv = take_tokens(app, for_event, tokens, count);
    }
    for (size_t i = 0; i < count; i++) {
        kk_token_unref(tokens[i]);
    }
    kk_free(tokens);
    return rv;
}

/* What the caller sees from now on. */
static KK_RV relist(struct kk_app *app)
{
    KK_LOCK_SCOPE(&app->state_lock);
    for (size_t i = 0; i < app->slot_count; i++) {
        struct kk_slot *slot = app->slots[i];
        slot->gone = slot->gone || slot->left;
        slot->unlisted = false;
    }
    return ensure_empty_slot(app);
}

/*= pkcs11-3.2 C_WaitForSlotEvent: C_Initialize clears every slot's event flag */
static void clear_events(struct kk_app *app)
{
    KK_LOCK_SCOPE(&app->state_lock);
    for (size_t i = 0; i < app->slot_count; i++) {
        app->slots[i]->event = false;
    }
}

KK_RV kk_app_new(struct kk_engine *engine, struct kk_app **ret_app)
{
    struct kk_app *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    kk_mutex_init(&made->lock, KK_RANK_SESSIONS);
    kk_mutex_init(&made->state_lock, KK_RANK_STATE);
    KK_CLEANUP(kk_app_freep) struct kk_app *app = made;
    app->engine = engine;
    KK_TRY(kk_handle_map_new(&app->counter, &app->sessions));
    KK_TRY(kk_handle_map_new(&app->counter, &app->objects));
    KK_TRY(kk_uuid_map_new(&app->handles));
    KK_TRY(kk_workers_new(&app->workers));
    KK_TRY(refresh(app, false));
    KK_TRY(relist(app));
    clear_events(app);
    *ret_app = KK_STEAL(app);
    return CKR_OK;
}

void kk_app_free(struct kk_app *app)
{
    if (app == NULL) {
        return;
    }
    if (app->sessions != NULL) {
        kk_session_close_all(app);
    }
    if (app->workers != NULL) {
        kk_async_end(app);
        kk_workers_free(app->workers);
    }
    if (app->objects != NULL) {
        kk_handles_forget_all(app);
    }
    for (size_t i = 0; i < app->slot_count; i++) {
        slot_free(app->slots[i]);
    }
    kk_free(app->slots);
    kk_free(app->ring.entries);
    kk_uuid_map_free(app->handles);
    kk_handle_map_free(app->objects);
    kk_handle_map_free(app->sessions);
    kk_mutex_destroy(&app->state_lock);
    kk_mutex_destroy(&app->lock);
    kk_free(app);
}

static bool is_present(const struct kk_slot *slot)
{
    return !slot->left && (slot->token == NULL || !kk_token_is_out(slot->token));
}

KK_RV kk_app_slots(struct kk_app *app, bool look, bool present_only, CK_SLOT_ID **ret_ids,
                   size_t *ret_count)
{
    if (look) {
        KK_TRY(refresh(app, false));
        KK_TRY(relist(app));
    }
    if (present_only) {
        kk_engine_look_plugs(app->engine);
    }
    KK_LOCK_SCOPE(&app->state_lock);
    CK_SLOT_ID *ids = NULL;
    size_t count = 0;
    KK_TRY(kk_alloc_array(app->slot_count, sizeof *ids, &ids));
    for (size_t i = 0; i < app->slot_count; i++) {
        const struct kk_slot *slot = app->slots[i];
        if (!slot->gone && !slot->unlisted && (!present_only || is_present(slot))) {
            ids[count++] = slot->id;
        }
    }
    *ret_ids = ids;
    *ret_count = count;
    return CKR_OK;
}

KK_RV kk_app_slot(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_slot **ret_slot)
{
    KK_ASSERT_HELD(&app->state_lock);
    *ret_slot = find_slot(app, slot_id);
    return *ret_slot != NULL ? CKR_OK : CKR_SLOT_ID_INVALID;
}

KK_RV kk_app_slot_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_token **ret_token)
{
    KK_LOCK_SCOPE(&app->state_lock);
    const struct kk_slot *slot = find_slot(app, slot_id);
    KK_ENSURE(slot != NULL, CKR_SLOT_ID_INVALID);
    *ret_token = slot->token != NULL ? kk_token_ref(slot->token) : NULL;
    return CKR_OK;
}

KK_RV kk_app_slot_sessions(struct kk_app *app, CK_SLOT_ID slot_id, size_t *ret_sessions,
                           size_t *ret_rw_sessions)
{
    kk_session_close_void(app, slot_id);
    KK_LOCK_SCOPE(&app->state_lock);
    const struct kk_slot *slot = find_slot(app, slot_id);
    KK_ENSURE(slot != NULL, CKR_SLOT_ID_INVALID);
    *ret_sessions = slot->sessions;
    *ret_rw_sessions = slot->rw_sessions;
    return CKR_OK;
}

/* The new token takes the empty slot, under the number that it has; C_GetSlotList makes another. */
static KK_RV fill_empty_slot(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_token *token)
{
    KK_LOCK_SCOPE(&app->state_lock);
    struct kk_slot *slot = find_slot(app, slot_id);
    if (slot == NULL || slot->token != NULL) {
        return CKR_OK; /* another thread was quicker: the token has a slot by its own number */
    }
    struct kk_slot *shown = slot_of_token(app, token);
    if (shown != NULL) {
        retire(shown, slot);
    }
    slot->token = kk_token_ref(token);
    slot->plug = kk_token_plug(token);
    slot->event = true;
    app->slot_count--; /* and in again at its place among the others */
    size_t place = place_of(app, slot);
    memmove(app->slots + place + 1, app->slots + place,
            (app->slot_count - place) * sizeof(struct kk_slot *));
    app->slots[place] = slot;
    app->slot_count++;
    return CKR_OK;
}

static void count_making(struct kk_app *app, int by)
{
    KK_LOCK_SCOPE(&app->state_lock);
    app->making = by > 0 ? app->making + 1 : app->making - 1;
}

static KK_RV make_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_span so_pin,
                        const char label[32])
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    count_making(app, 1);
    CK_RV rv = kk_engine_create_token(app->engine, so_pin, label, &token);
    if (rv == CKR_OK) {
        rv = fill_empty_slot(app, slot_id, token);
    }
    count_making(app, -1);
    kk_wait_wake(app->engine);
    return rv;
}

KK_RV kk_app_init_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_span so_pin,
                        const char label[32])
{
    size_t sessions = 0;
    size_t rw_sessions = 0;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_TRY(kk_app_slot_token(app, slot_id, &token));
    KK_TRY(kk_app_slot_sessions(app, slot_id, &sessions, &rw_sessions));
    KK_ENSURE(sessions == 0, CKR_SESSION_EXISTS);
    if (token != NULL) {
        return kk_token_reinitialise(token, so_pin, label);
    }
    KK_ENSURE(so_pin.len >= app->engine->settings.pin_min_length, CKR_PIN_INCORRECT);
    return make_token(app, slot_id, so_pin, label);
}

KK_RV kk_app_slot_is_present(struct kk_app *app, CK_SLOT_ID slot_id, bool *ret_present)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_TRY(kk_app_slot_token(app, slot_id, &token));
    if (token != NULL) {
        kk_token_look_plug(token);
    }
    KK_LOCK_SCOPE(&app->state_lock);
    const struct kk_slot *slot = find_slot(app, slot_id);
    KK_ENSURE(slot != NULL, CKR_SLOT_ID_INVALID);
    *ret_present = is_present(slot);
    return CKR_OK;
}

/* ---- events ---- */

static bool take_event(struct kk_app *app, CK_SLOT_ID *ret_slot_id)
{
    KK_LOCK_SCOPE(&app->state_lock);
    for (size_t i = 0; i < app->slot_count; i++) {
        struct kk_slot *slot = app->slots[i];
        if (slot->event) {
            slot->event = false;
            *ret_slot_id = slot->id;
            return true;
        }
    }
    return false;
}

static KK_RV look_for_event(struct kk_app *app, bool *ret_found, CK_SLOT_ID *ret_slot_id)
{
    KK_TRY(refresh(app, true));
    *ret_found = take_event(app, ret_slot_id);
    return CKR_OK;
}

KK_RV kk_app_slot_event(struct kk_app *app, bool block, CK_SLOT_ID *ret_slot_id)
{
    bool found = false;
    KK_CLEANUP(kk_wait_end) struct kk_wait wait = {0};
    if (!block) {
        KK_TRY(look_for_event(app, &found, ret_slot_id));
        return found ? CKR_OK : CKR_NO_EVENT;
    }
    KK_TRY(kk_wait_begin(app->engine, &wait));
    while (!found) {
        KK_ENSURE(!atomic_load(&app->ending), CKR_CRYPTOKI_NOT_INITIALIZED);
        KK_TRY(look_for_event(app, &found, ret_slot_id));
        if (!found) {
            kk_wait_next(&wait);
        }
    }
    return CKR_OK;
}

void kk_app_end_waits(struct kk_app *app)
{
    atomic_store(&app->ending, true);
    kk_wait_wake(app->engine);
}
