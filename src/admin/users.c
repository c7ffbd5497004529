/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named users: adding, removing and listing them.
 */
#include <string.h>

#include "admin/admin.h"
#include "base/memory.h"
#include "session/session.h"

#include "base/banned.h"

/* NULL with a length is nobody's text. */
static KK_RV text_of(const CK_UTF8CHAR *text, CK_ULONG len, struct kk_span *ret_span)
{
    size_t size = 0;
    KK_TRY(kk_ulong_to_size(len, CKR_ARGUMENTS_BAD, &size));
    KK_ENSURE(text != NULL, CKR_ARGUMENTS_BAD);
    *ret_span = KK_SPAN(text, size);
    return CKR_OK;
}

CK_RV kk_admin_user_add(struct kk_app *app, CK_SESSION_HANDLE session, const CK_UTF8CHAR *name,
                        CK_ULONG name_len, const CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span name_span;
    struct kk_span pin_span;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(text_of(name, name_len, &name_span));
    KK_TRY(text_of(pin, pin_len, &pin_span));
    return kk_session_user_add(&call, name_span, pin_span);
}

CK_RV kk_admin_user_remove(struct kk_app *app, CK_SESSION_HANDLE session, const CK_UTF8CHAR *name,
                           CK_ULONG name_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span name_span;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(text_of(name, name_len, &name_span));
    return kk_session_user_remove(&call, name_span);
}

struct listing {
    CK_KEYKIST_USER *users; /* NULL: they are counted only */
    CK_ULONG room;
    CK_ULONG count;
};

static CK_RV add(const struct kk_user *user, void *context)
{
    struct listing *listing = context;
    if (listing->users != NULL && listing->count < listing->room) {
        CK_KEYKIST_USER *row = &listing->users[listing->count];
        *row = (CK_KEYKIST_USER){.name_len = user->name.len,
                                 .failed = user->failed,
                                 .is_locked = user->locked ? CK_TRUE : CK_FALSE};
        memcpy(row->name, user->name.data, KK_MIN(user->name.len, sizeof row->name));
    }
    listing->count++;
    return CKR_OK;
}

CK_RV kk_admin_users(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_USER *users,
                     CK_ULONG *count)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_ENSURE(count != NULL, CKR_ARGUMENTS_BAD);
    struct listing listing = {.users = users, .room = *count};
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_token_users(token, add, &listing));
    *count = listing.count;
    return users == NULL || listing.count <= listing.room ? CKR_OK : CKR_BUFFER_TOO_SMALL;
}
