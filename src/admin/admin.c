/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vendor interface's functions.
 */
#include "admin/admin.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "session/objects.h"

#include "base/banned.h"

KK_RV kk_admin_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_token **ret_token)
{
    KK_TRY(kk_app_slot_token(app, slot_id, ret_token));
    KK_ENSURE(*ret_token != NULL, CKR_TOKEN_NOT_RECOGNIZED);
    kk_token_look_plug(*ret_token);
    return kk_token_is_out(*ret_token) ? CKR_TOKEN_NOT_PRESENT : CKR_OK;
}

KK_RV kk_admin_no_sessions(struct kk_app *app, CK_SLOT_ID slot_id)
{
    size_t sessions = 0;
    size_t rw_sessions = 0;
    KK_TRY(kk_app_slot_sessions(app, slot_id, &sessions, &rw_sessions));
    KK_ENSURE(sessions == 0, CKR_SESSION_EXISTS);
    return CKR_OK;
}

CK_RV kk_admin_token_path(struct kk_app *app, CK_SLOT_ID slot_id, CK_UTF8CHAR *path, CK_ULONG *len)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_ENSURE(len != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_app_slot_token(app, slot_id, &token)); /* also of one that is out of its slot */
    KK_ENSURE(token != NULL, CKR_TOKEN_NOT_RECOGNIZED);
    const char *text = kk_token_path(token);
    KK_ENSURE(text != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    CK_ULONG room = *len;
    *len = strlen(text);
    if (path == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(room >= *len, CKR_BUFFER_TOO_SMALL);
    memcpy(path, text, *len);
    return CKR_OK;
}

CK_RV kk_admin_delete_token(struct kk_app *app, CK_SLOT_ID slot_id)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_admin_no_sessions(app, slot_id));
    KK_TRY(kk_engine_delete_token(app->engine, token));
    kk_log_info("token %.16s in %s was deleted", kk_token_serial(token), kk_token_path(token));
    return CKR_OK;
}

CK_RV kk_admin_token_info(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_TOKEN_INFO *info)
{
    struct kk_token_state state;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_ENSURE(info != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_token_state(token, &state));
    const char *kind = kk_token_kind(token);
    memset(info, 0, sizeof *info);
    memset(info->kind, ' ', sizeof info->kind);
    memcpy(info->kind, kind, KK_MIN(strlen(kind), sizeof info->kind));
    info->flags |= state.reset_empties ? 0 : CKF_KEYKIST_SO_RECOVERY;
    info->flags |= state.rekey_pending ? CKF_KEYKIST_REKEY_PENDING : 0;
    info->user_failed = state.user_failed;
    info->so_failed = state.so_failed;
    return CKR_OK;
}

CK_RV kk_admin_health(struct kk_app *app, CK_KEYKIST_HEALTH *health)
{
    const struct kk_repository_settings *settings = &app->engine->settings;
    struct kk_secret_stats secrets;
    uint64_t microseconds = 0;
    KK_ENSURE(health != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_sealed_measure_kdf(settings, &microseconds));
    kk_secret_stats(&secrets);
    memset(health, 0, sizeof *health);
    health->pin_microseconds = (CK_ULONG)microseconds;
    health->memory_locked = secrets.locked ? CK_TRUE : CK_FALSE;
    health->has_pepper = settings->pepper != NULL ? CK_TRUE : CK_FALSE;
    health->pepper_missing = settings->pepper_missing ? CK_TRUE : CK_FALSE;
    return CKR_OK;
}

/* ---- many objects ---- */

#define OBJECTS_MAX 100000

struct templates {
    struct kk_attrs **sets;
    size_t count;
};

static void templates_clear(struct templates *templates)
{
    for (size_t i = 0; templates->sets != NULL && i < templates->count; i++) {
        kk_attrs_free(templates->sets[i]);
    }
    kk_free(templates->sets);
}

static KK_RV copy_templates(const CK_KEYKIST_TEMPLATE *from, struct templates *to,
                            CK_ULONG *refused)
{
    KK_TRY(kk_alloc_array(to->count, sizeof(struct kk_attrs *), &to->sets));
    for (size_t i = 0; i < to->count; i++) {
        *refused = i;
        KK_TRY(kk_template_copy(from[i].attributes, from[i].count, KK_VERB_CREATE, &to->sets[i]));
        KK_ENSURE(kk_attrs_flag(to->sets[i], CKA_TOKEN, false), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    *refused = to->count;
    return CKR_OK;
}

CK_RV kk_admin_create_objects(struct kk_app *app, CK_SESSION_HANDLE session,
                              const CK_KEYKIST_TEMPLATE *templates, CK_ULONG count,
                              CK_OBJECT_HANDLE *objects, CK_ULONG *refused)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(templates_clear) struct templates copies = {0};
    size_t place = 0;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_ENSURE(refused != NULL && (templates != NULL || count == 0) && count <= OBJECTS_MAX,
              CKR_ARGUMENTS_BAD);
    *refused = count;
    copies.count = (size_t)count;
    KK_TRY(copy_templates(templates, &copies, refused));
    CK_RV rv = kk_call_create_objects(&call, copies.sets, copies.count, objects, &place);
    *refused = (CK_ULONG)place;
    return rv;
}
