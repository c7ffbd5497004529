/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log, for who administers a token.
 */
#include <string.h>

#include "admin/admin.h"
#include "base/memory.h"
#include "session/session.h"

#include "base/banned.h"

/* A number that a CK_ULONG of 32 bits cannot hold is its greatest. */
static CK_ULONG narrow(uint64_t number)
{
    return number > (CK_ULONG)-1 ? (CK_ULONG)-1 : (CK_ULONG)number;
}

static void put_padded(CK_UTF8CHAR *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, KK_MIN(strlen(text), size));
}

CK_RV kk_admin_audit_read(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_AUDIT_PLACE *place,
                          CK_BYTE *text, CK_ULONG *len)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    struct kk_audit_place at;
    size_t room = 0;
    size_t got = 0;
    KK_STATIC_ASSERT(sizeof at == sizeof place->state, "a place is what the caller keeps");
    KK_ENSURE(place != NULL && text != NULL && len != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_ulong_to_size(*len, CKR_ARGUMENTS_BAD, &room));
    KK_ENSURE(room > KK_AUDIT_LINE_MAX, CKR_BUFFER_TOO_SMALL);
    KK_TRY(kk_admin_token(app, slot_id, &token));
    memcpy(&at, place->state, sizeof at);
    KK_TRY(kk_token_audit_read(token, &at, text, room, &got));
    memcpy(place->state, &at, sizeof at);
    *len = (CK_ULONG)got;
    return CKR_OK;
}

static CK_FLAGS flags_of(const struct kk_audit_report *found)
{
    CK_FLAGS flags = 0;
    flags |= found->has_log ? CKF_KEYKIST_AUDIT_PRESENT : 0;
    flags |= found->has_key ? CKF_KEYKIST_AUDIT_KEYED : 0;
    flags |= found->verdict == KK_AUDIT_BROKEN ? CKF_KEYKIST_AUDIT_BROKEN : 0;
    flags |= found->anchor_is_damaged ? CKF_KEYKIST_AUDIT_ANCHOR : 0;
    return flags;
}

CK_RV kk_admin_audit_verify(struct kk_app *app, CK_SESSION_HANDLE session,
                            CK_KEYKIST_AUDIT_REPORT *report)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    struct kk_audit_report found = {0};
    bool user = false;
    KK_ENSURE(report != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_call_begin(app, session, &call));
    unlock = kk_session_unlock(call.session, &user);
    KK_TRY(kk_token_audit_verify(call.session->token, unlock, &found));
    *report = (CK_KEYKIST_AUDIT_REPORT){
        .flags = flags_of(&found),
        .files = narrow(found.files),
        .entries = narrow(found.entries),
        .first = narrow(found.first),
        .last = narrow(found.last),
        .sealed = narrow(found.sealed),
        .torn = narrow(found.torn),
        .tail = narrow(found.torn_tail),
        .missed = narrow(found.missed),
        .break_at = narrow(found.break_at),
    };
    put_padded(report->what, sizeof report->what, found.what);
    put_padded(report->file, sizeof report->file, found.file);
    return CKR_OK;
}
