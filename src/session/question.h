/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The template of a session's last search. Many programs ask for the same thing again and again:
 * then nothing is copied. Templates with key material in them, with nested ones or longer than
 * usual are not kept.
 */
#pragma once

#include "session/session.h"

struct kk_question;

/* C_FindObjectsInit's template, *ret_template. It is the session's until the next search or logout,
 * or the caller's to free: then *ret_own is it, too, else NULL. Codes of kk_template_copy(). */
KK_RV kk_call_find_template(struct kk_call *call, const CK_ATTRIBUTE *attributes, CK_ULONG count,
                            struct kk_attrs **ret_own, const struct kk_attrs **ret_template);

/* Wipes and frees. NULL is fine. */
void kk_question_free(struct kk_question *question);
