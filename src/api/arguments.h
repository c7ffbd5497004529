/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the C_ functions share in looking at their arguments.
 */
#pragma once

#include "session/operation.h"
#include "session/session.h"

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
