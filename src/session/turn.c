/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of signatures. A token object is changed in one write transaction, anew from whatever
 * version is there by then; a session object by whoever finds it as it was when he looked.
 */
#include "session/turn.h"

#include <time.h>

#include "base/memory.h"
#include "object/stateful.h"
#include "session/handles.h"
#include "session/objects.h"
#include "session/session.h"

#include "base/banned.h"

#define RETRY_SECONDS 30 /* as long as a busy store is waited for */

struct turn {
    const struct kk_uuid *home; /* NULL: a session object */
    struct kk_uuid home_id;
    struct kk_buffer kept;
    uint64_t number; /* of the change that was made last */
};

static void turn_clear(struct turn *turn)
{
    kk_buffer_clear(&turn->kept);
}

static KK_RV take(struct turn *turn, const struct kk_attrs *present, struct kk_attrs **ret_attrs)
{
    return kk_stateful_take(present, turn->home, kk_buffer_span(&turn->kept), &turn->number,
                            ret_attrs);
}

/* The version that the next signature starts from. */
static void go_on_with(struct kk_operation *operation, struct kk_object *object)
{
    kk_object_unref(operation->object);
    operation->object = kk_object_ref(object);
}

/* ---- token objects ---- */

static CK_RV take_anew(void *context, const struct kk_object *present, struct kk_attrs **ret_attrs)
{
    return take(context, present->attrs, ret_attrs);
}

static KK_RV take_from_token(struct kk_call *call, struct kk_operation *operation,
                             struct turn *turn)
{
    bool user = false;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    const struct kk_from_version from = {
        .old = operation->object, .rebase = take_anew, .context = turn};
    KK_TRY(take(turn, operation->object->attrs, &attrs));
    KK_TRY(kk_token_replace(call->session->token, unlock, &from, attrs, &changed));
    go_on_with(operation, changed);
    return CKR_OK;
}

/* The version that is there now. */
static KK_RV look_again(struct kk_call *call, struct kk_operation *operation)
{
    bool user = false;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *present = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    struct kk_token *token = call->session->token;
    KK_TRY(kk_token_fresh(token, &call->epoch));
    KK_TRY(kk_token_get(token, unlock, user, &operation->object->uuid, &present));
    go_on_with(operation, present);
    return CKR_OK;
}

static time_t seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Repositories that cannot start anew inside their transaction say that another change came first.
 */
static KK_RV take_token_turn(struct kk_call *call, struct kk_operation *operation,
                             struct turn *turn)
{
    CK_RV rv = take_from_token(call, operation, turn);
    for (time_t end = seconds() + RETRY_SECONDS; rv == CKR_FUNCTION_REJECTED && seconds() < end;) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        KK_TRY(look_again(call, operation));
        rv = take_from_token(call, operation, turn);
    }
    KK_ENSURE(rv != CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID);
    return rv == CKR_FUNCTION_REJECTED ? CKR_FUNCTION_FAILED : rv;
}

/* ---- session objects ---- */

/* CKR_FUNCTION_REJECTED: somebody else was first; `operation` has his version then. */
static KK_RV put_in_place(struct kk_call *call, struct kk_operation *operation,
                          struct kk_object *changed)
{
    KK_LOCK_SCOPE(&call->app->state_lock);
    struct kk_handle *entry = kk_handles_find_uuid(call->app, &changed->uuid);
    KK_ENSURE(entry != NULL && entry->object != NULL, CKR_KEY_HANDLE_INVALID);
    if (entry->object != operation->object) {
        go_on_with(operation, entry->object);
        return CKR_FUNCTION_REJECTED;
    }
    KK_TRY(kk_index_add(entry->slot->session_objects, changed));
    atomic_store(&operation->object->superseded, true);
    kk_handles_update(call->app, entry, changed, 0);
    go_on_with(operation, changed);
    return CKR_OK;
}

static KK_RV take_session_turn(struct kk_call *call, struct kk_operation *operation,
                               struct turn *turn)
{
    CK_RV rv = CKR_FUNCTION_REJECTED;
    while (rv == CKR_FUNCTION_REJECTED) { /* whoever is first goes on */
        struct kk_attrs *attrs = NULL;
        KK_CLEANUP(kk_object_unrefp) struct kk_object *changed = NULL;
        KK_TRY(take(turn, operation->object->attrs, &attrs));
        rv = kk_object_new(&operation->object->uuid, 0, attrs, &changed);
        if (rv != CKR_OK) {
            kk_attrs_free(attrs);
            return rv;
        }
        rv = put_in_place(call, operation, changed);
    }
    return rv;
}

/* ---- either ---- */

static KK_RV prepare(struct kk_op *op, const struct kk_object *object, struct turn *turn)
{
    uint64_t next = 0;
    KK_TRY(kk_stateful_next(object->attrs, &next));
    const struct kk_turn_ops *ops = op->mechanism->sign->turns;
    return ops->prepare != NULL ? ops->prepare(op, next, &turn->kept) : CKR_OK;
}

KK_RV kk_call_take_turn(struct kk_call *call, struct kk_operation *operation)
{
    KK_CLEANUP(turn_clear) struct turn turn = {0};
    struct kk_op *op = &operation->op;
    if (!op->mechanism->sign->turns->needed(op)) {
        return CKR_OK;
    }
    op->has_turn = false;
    if (operation->object->is_token) {
        KK_TRY(kk_token_home(call->session->token, &turn.home_id));
        turn.home = &turn.home_id;
    }
    KK_TRY(prepare(op, operation->object, &turn));
    KK_TRY(turn.home != NULL ? take_token_turn(call, operation, &turn)
                             : take_session_turn(call, operation, &turn));
    op->turn = turn.number;
    op->has_turn = true;
    return CKR_OK;
}
