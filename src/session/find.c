/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_FindObjectsInit takes a snapshot of the uuids that match; C_FindObjects hands out handles for
 * those that are still there.
 */
#include "base/memory.h"
#include "session/builtin.h"
#include "session/handles.h"
#include "session/objects.h"
#include "session/question.h"

#include "base/banned.h"

#define KEPT_MAX 64u /* matches for which room is kept until the next search */

struct collecting {
    struct kk_uuid_list *list;
    bool user;
};

static CK_RV collect(struct kk_object *object, void *context)
{
    struct collecting *collecting = context;
    if (object->is_private && !collecting->user) {
        return CKR_OK;
    }
    return kk_uuid_list_add(collecting->list, &object->uuid);
}

/* Token objects first, then session objects, then those that the token makes itself. */
static KK_RV collect_all(struct kk_call *call, const struct kk_attrs *tmpl,
                         struct kk_uuid_list *list)
{
    struct kk_session *session = call->session;
    struct collecting collecting = {.list = list};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock =
        kk_session_unlock(session, &collecting.user);
    if (kk_attrs_flag(tmpl, CKA_TOKEN, true)) {
        KK_TRY(kk_token_list(session->token, unlock, collecting.user, tmpl, list));
    }
    if (!kk_attrs_flag(tmpl, CKA_TOKEN, false)) {
        KK_LOCK_SCOPE(&call->app->state_lock);
        if (kk_index_count(session->slot->session_objects) > 0) {
            KK_TRY(kk_index_find(session->slot->session_objects, tmpl, collect, &collecting));
        }
    }
    return kk_builtins_find(call, tmpl, collect, &collecting);
}

KK_RV kk_call_find_init(struct kk_call *call, const struct kk_attrs *tmpl)
{
    struct kk_find *find = &call->session->find;
    KK_ENSURE(!find->active, CKR_OPERATION_ACTIVE);
    kk_find_clear(find);
    KK_TRY(collect_all(call, tmpl, &find->found));
    find->active = true;
    return CKR_OK;
}

/* The handle of an object that the application knows already, if it is known to be there. */
static bool known_handle(struct kk_call *call, const struct kk_uuid *uuid,
                         CK_OBJECT_HANDLE *ret_handle)
{
    KK_LOCK_SCOPE(&call->app->state_lock);
    struct kk_slot *slot = call->session->slot;
    const struct kk_handle *entry = kk_handles_find_uuid(call->app, uuid);
    if (entry == NULL || entry->slot != slot || entry->object == NULL ||
        (entry->is_private && slot->login != KK_LOGIN_USER) ||
        atomic_load(&entry->object->superseded) ||
        (entry->is_token && entry->epoch != call->epoch)) {
        return false;
    }
    *ret_handle = entry->handle;
    return true;
}

KK_RV kk_call_handle_of(struct kk_call *call, const struct kk_uuid *uuid,
                        CK_OBJECT_HANDLE *ret_handle)
{
    if (known_handle(call, uuid, ret_handle)) {
        return CKR_OK;
    }
    bool user = false;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    if (!kk_builtins_get(call, uuid, &object)) {
        KK_TRY(kk_token_get(call->session->token, unlock, user, uuid, &object));
    }
    KK_LOCK_SCOPE(&call->app->state_lock);
    KK_ENSURE(!object->is_private || call->session->slot->login == KK_LOGIN_USER,
              CKR_OBJECT_HANDLE_INVALID);
    return kk_handles_give(call->app, call->session->slot, NULL, object, call->epoch, ret_handle);
}

/* Gone since the snapshot, or damaged, which is in the log. */
static bool is_left_out(CK_RV rv)
{
    return rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_DEVICE_ERROR ||
           rv == CKR_USER_NOT_LOGGED_IN;
}

KK_RV kk_call_find(struct kk_call *call, CK_OBJECT_HANDLE *handles, size_t max, size_t *ret_count)
{
    struct kk_find *find = &call->session->find;
    KK_ENSURE(find->active, CKR_OPERATION_NOT_INITIALIZED);
    size_t count = 0;
    size_t first = find->next;
    while (count < max && find->next < find->found.count) {
        CK_RV rv = kk_call_handle_of(call, &find->found.uuids[find->next], &handles[count]);
        if (!is_left_out(rv)) {
            find->next = rv == CKR_OK ? find->next : first; /* all to be had by the next call */
            KK_TRY(rv);
            count++;
        }
        find->next++;
    }
    *ret_count = count;
    return CKR_OK;
}

void kk_find_clear(struct kk_find *find)
{
    if (find->found.capacity > KEPT_MAX) {
        kk_uuid_list_clear(&find->found);
    }
    find->found.count = 0;
    find->next = 0;
    find->active = false;
}

void kk_find_free(struct kk_find *find)
{
    kk_uuid_list_clear(&find->found);
    kk_question_free(find->question);
    *find = (struct kk_find){0};
}

KK_RV kk_call_find_final(struct kk_call *call)
{
    struct kk_find *find = &call->session->find;
    KK_ENSURE(find->active, CKR_OPERATION_NOT_INITIALIZED);
    kk_find_clear(find);
    return CKR_OK;
}
