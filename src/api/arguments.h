/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the C_ functions share in looking at their arguments.
 */
#pragma once

#include "session/operation.h"
#include "session/session.h"

/* A slot and its token, whatever the other arguments are (PKCS#11 3.2 chapter 5.1.7):
 * CKR_SLOT_ID_INVALID; CKR_TOKEN_NOT_PRESENT when the token was deleted. */
KK_RV kk_arg_slot(struct kk_app *app, CK_SLOT_ID slot_id);

/* A caller's bytes. NULL with a length, or a length beyond any memory: CKR_ARGUMENTS_BAD. */
KK_RV kk_arg_span(const void *data, CK_ULONG len, struct kk_span *ret_span);

/* A caller's mechanism: its row, and its parameter copied. CKR_ARGUMENTS_BAD (NULL),
 * CKR_MECHANISM_INVALID (not offered), CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_arg_mechanism(struct kk_app *app, const CK_MECHANISM *mechanism,
                       const struct kk_mechanism **ret_row, struct kk_param *ret_param);

/* Fills a fixed field with text and blanks; what does not fit is cut. */
void kk_arg_pad(CK_UTF8CHAR *field, size_t size, const char *text);

/* The list convention of C_GetSlotList and C_GetMechanismList: count asked for, buffer too small,
 * or copied. */
KK_RV kk_arg_list(const CK_ULONG *values, size_t count, CK_ULONG *list, CK_ULONG *list_count);
