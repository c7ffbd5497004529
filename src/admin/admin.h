/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a token's administrator needs and PKCS#11 has no call for (cryptoki/vendor.h), each with the
 * application it is called for.
 */
#pragma once

#include "cryptoki/vendor.h"
#include "session/app.h"

CK_RV kk_admin_token_path(struct kk_app *app, CK_SLOT_ID slot_id, CK_UTF8CHAR *path, CK_ULONG *len);
CK_RV kk_admin_delete_token(struct kk_app *app, CK_SLOT_ID slot_id);
CK_RV kk_admin_token_info(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_TOKEN_INFO *info);

CK_RV kk_admin_audit_read(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_AUDIT_PLACE *place,
                          CK_BYTE *text, CK_ULONG *len);
CK_RV kk_admin_audit_verify(struct kk_app *app, CK_SESSION_HANDLE session,
                            CK_KEYKIST_AUDIT_REPORT *report);

CK_RV kk_admin_check_token(struct kk_app *app, CK_SLOT_ID slot_id,
                           const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result);
CK_RV kk_admin_repair_token(struct kk_app *app, CK_SLOT_ID slot_id,
                            const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result);
CK_RV kk_admin_rekey_token(struct kk_app *app, CK_SLOT_ID slot_id,
                           const CK_KEYKIST_REQUEST *request);

CK_RV kk_admin_convert_token(struct kk_app *app, CK_SLOT_ID slot_id, const CK_UTF8CHAR kind[16],
                             const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result);
CK_RV kk_admin_purge_token(struct kk_app *app, CK_SLOT_ID slot_id, CK_ULONG *count);
CK_RV kk_admin_health(struct kk_app *app, CK_KEYKIST_HEALTH *health);

/* ---- slot.c ---- */

CK_RV kk_admin_slot_info(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_SLOT_INFO *info);
CK_RV kk_admin_slot_plug(struct kk_app *app, CK_SLOT_ID slot_id, CK_BBOOL in);

/* ---- users.c ---- */

CK_RV kk_admin_user_add(struct kk_app *app, CK_SESSION_HANDLE session, const CK_UTF8CHAR *name,
                        CK_ULONG name_len, const CK_UTF8CHAR *pin, CK_ULONG pin_len);
CK_RV kk_admin_user_remove(struct kk_app *app, CK_SESSION_HANDLE session, const CK_UTF8CHAR *name,
                           CK_ULONG name_len);
CK_RV kk_admin_users(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_USER *users,
                     CK_ULONG *count);

/* The token in a slot, with a reference. CKR_SLOT_ID_INVALID, CKR_TOKEN_NOT_RECOGNIZED for the
 * empty slot, CKR_TOKEN_NOT_PRESENT for a token that was taken out of its slot. */
KK_RV kk_admin_token(struct kk_app *app, CK_SLOT_ID slot_id, struct kk_token **ret_token);

/* CKR_SESSION_EXISTS when the application has a session open there. */
KK_RV kk_admin_no_sessions(struct kk_app *app, CK_SLOT_ID slot_id);

/* ---- backup.c ---- */

CK_RV kk_admin_backup(struct kk_app *app, CK_SLOT_ID slot_id, const CK_KEYKIST_BACKUP_KEY *key,
                      const CK_KEYKIST_STREAM *to, CK_KEYKIST_BACKUP_INFO *info);
CK_RV kk_admin_backup_check(struct kk_app *app, const CK_KEYKIST_STREAM *from,
                            const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_RESTORE *how,
                            CK_KEYKIST_BACKUP_INFO *info);
CK_RV kk_admin_restore(struct kk_app *app, const CK_KEYKIST_STREAM *from,
                       const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_RESTORE *how,
                       CK_KEYKIST_BACKUP_INFO *info);

CK_RV kk_admin_create_objects(struct kk_app *app, CK_SESSION_HANDLE session,
                              const CK_KEYKIST_TEMPLATE *templates, CK_ULONG count,
                              CK_OBJECT_HANDLE *objects, CK_ULONG *refused);
