/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vendor interface's calls for a whole token: check, repair, rekey, convert.
 */
#include <string.h>

#include "admin/admin.h"
#include "token/convert.h"
#include "token/repair.h"

#include "base/banned.h"

#define REKEY_FLAGS (CKF_KEYKIST_RECOVERY_ON | CKF_KEYKIST_RECOVERY_OFF)

static KK_RV pin_span(const CK_UTF8CHAR *pin, CK_ULONG len, struct kk_span *ret_span)
{
    *ret_span = KK_SPAN(NULL, 0);
    if (pin == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(len <= KK_PIN_MAX, CKR_PIN_LEN_RANGE);
    *ret_span = KK_SPAN(pin, len);
    return CKR_OK;
}

/* The caller's request, looked at once. `flags` are those that the call takes. */
static KK_RV take_request(const CK_KEYKIST_REQUEST *request, CK_FLAGS flags,
                          CK_KEYKIST_REQUEST *ret_request, struct kk_check *ret_check)
{
    KK_ENSURE(request != NULL, CKR_ARGUMENTS_BAD);
    *ret_request = *request;
    KK_ENSURE((ret_request->flags & ~flags) == 0, CKR_ARGUMENTS_BAD);
    KK_TRY(pin_span(ret_request->so_pin, ret_request->so_pin_len, &ret_check->so_pin));
    return pin_span(ret_request->pin, ret_request->pin_len, &ret_check->user_pin);
}

static CK_RV pass_progress(void *context, CK_ULONG done, CK_ULONG total)
{
    const CK_KEYKIST_REQUEST *request = context;
    return request->progress(request->context, done, total);
}

static void pass_finding(void *context, const struct kk_finding *finding)
{
    const CK_KEYKIST_REQUEST *request = context;
    char uuid[KK_UUID_TEXT] = "";
    CK_KEYKIST_FINDING told = {.what = (const CK_UTF8CHAR *)finding->what,
                               .what_len = (CK_ULONG)strlen(finding->what),
                               .label_len = CK_UNAVAILABLE_INFORMATION};
    if (finding->uuid != NULL) {
        kk_uuid_format(finding->uuid, uuid);
        told.uuid = (const CK_UTF8CHAR *)uuid;
    }
    if (finding->label.data != NULL) {
        told.label = finding->label.data;
        told.label_len = (CK_ULONG)finding->label.len;
    }
    request->found(request->context, &told);
}

static void watch(CK_KEYKIST_REQUEST *request, struct kk_check *check)
{
    check->found = request->found != NULL ? pass_finding : NULL;
    check->progress = request->progress != NULL ? pass_progress : NULL;
    check->context = request;
}

static void give_result(const struct kk_check_result *from, CK_KEYKIST_RESULT *result)
{
    memset(result, 0, sizeof *result);
    result->private_objects = (CK_ULONG)from->private_objects;
    result->public_objects = (CK_ULONG)from->public_objects;
    result->findings = (CK_ULONG)from->findings;
    result->private_checked = from->private_checked ? CK_TRUE : CK_FALSE;
}

CK_RV kk_admin_check_token(struct kk_app *app, CK_SLOT_ID slot_id,
                           const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    CK_KEYKIST_REQUEST mine = {0};
    struct kk_check check = {0};
    struct kk_check_result found = {0};
    KK_ENSURE(result != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(take_request(request, 0, &mine, &check));
    watch(&mine, &check);
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_token_check(token, &check, &found));
    give_result(&found, result);
    return CKR_OK;
}

CK_RV kk_admin_repair_token(struct kk_app *app, CK_SLOT_ID slot_id,
                            const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    CK_KEYKIST_REQUEST mine = {0};
    struct kk_check check = {0};
    struct kk_check_result found = {0};
    char serial[16];
    KK_ENSURE(result != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(take_request(request, CKF_KEYKIST_REPLACE, &mine, &check));
    watch(&mine, &check);
    bool replace = (mine.flags & CKF_KEYKIST_REPLACE) != 0;
    KK_TRY(kk_admin_token(app, slot_id, &token));
    if (replace) {
        KK_TRY(kk_admin_no_sessions(app, slot_id));
    }
    KK_TRY(kk_token_repair(token, &check, replace, &found, serial));
    give_result(&found, result);
    memcpy(result->serial, serial, sizeof result->serial);
    return CKR_OK;
}

static enum kk_so_recovery recovery_of(CK_FLAGS flags)
{
    if ((flags & CKF_KEYKIST_RECOVERY_ON) != 0) {
        return KK_SO_RECOVERY_ON;
    }
    return (flags & CKF_KEYKIST_RECOVERY_OFF) != 0 ? KK_SO_RECOVERY_OFF : KK_SO_RECOVERY_KEEP;
}

CK_RV kk_admin_rekey_token(struct kk_app *app, CK_SLOT_ID slot_id,
                           const CK_KEYKIST_REQUEST *request)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    CK_KEYKIST_REQUEST mine = {0};
    struct kk_check check = {0};
    KK_TRY(take_request(request, REKEY_FLAGS, &mine, &check));
    KK_ENSURE((mine.flags & REKEY_FLAGS) != REKEY_FLAGS, CKR_ARGUMENTS_BAD);
    watch(&mine, &check);
    const struct kk_rekey rekey = {.so_pin = check.so_pin,
                                   .user_pin = check.user_pin,
                                   .so_recovery = recovery_of(mine.flags),
                                   .found = check.found,
                                   .progress = check.progress,
                                   .context = check.context};
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_admin_no_sessions(app, slot_id));
    return kk_token_rekey(token, &rekey);
}

/* The name of a kind, out of its blanks. */
static KK_RV kind_name(const CK_UTF8CHAR kind[16], char ret_name[17])
{
    size_t len = 0;
    KK_ENSURE(kind != NULL, CKR_ARGUMENTS_BAD);
    while (len < 16 && kind[len] != ' ' && kind[len] != '\0') {
        ret_name[len] = (char)kind[len];
        len++;
    }
    ret_name[len] = '\0';
    return CKR_OK;
}

CK_RV kk_admin_convert_token(struct kk_app *app, CK_SLOT_ID slot_id, const CK_UTF8CHAR kind[16],
                             const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    CK_KEYKIST_REQUEST mine;
    struct kk_check check = {0};
    struct kk_convert_result made = {0};
    char name[17];
    KK_ENSURE(result != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kind_name(kind, name));
    KK_TRY(take_request(request, CKF_KEYKIST_NO_TRUST, &mine, &check));
    KK_ENSURE(check.so_pin.data != NULL, CKR_ARGUMENTS_BAD);
    watch(&mine, &check);
    const struct kk_convert convert = {.kind = name,
                                       .so_pin = check.so_pin,
                                       .user_pin = check.user_pin,
                                       .drops_trust = (mine.flags & CKF_KEYKIST_NO_TRUST) != 0,
                                       .found = check.found,
                                       .progress = check.progress,
                                       .context = check.context};
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_admin_no_sessions(app, slot_id));
    KK_TRY(kk_engine_convert(app->engine, token, &convert, &made));
    memset(result, 0, sizeof *result);
    result->private_objects = (CK_ULONG)made.private_objects;
    result->public_objects = (CK_ULONG)made.public_objects;
    result->private_checked = CK_TRUE;
    memcpy(result->serial, kk_token_serial(token), sizeof result->serial);
    return CKR_OK;
}

CK_RV kk_admin_purge_token(struct kk_app *app, CK_SLOT_ID slot_id, CK_ULONG *count)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    size_t removed = 0;
    KK_ENSURE(count != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_engine_purge(app->engine, token, &removed));
    *count = (CK_ULONG)removed;
    return CKR_OK;
}
