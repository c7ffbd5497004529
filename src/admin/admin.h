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
CK_RV kk_admin_audit_read(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_AUDIT_PLACE *place,
                          CK_BYTE *text, CK_ULONG *len);
CK_RV kk_admin_audit_verify(struct kk_app *app, CK_SESSION_HANDLE session,
                            CK_KEYKIST_AUDIT_REPORT *report);
CK_RV kk_admin_token_info(struct kk_app *app, CK_SLOT_ID slot_id, CK_KEYKIST_TOKEN_INFO *info);
