/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a program that works on a token begins, with SoftHSM's words for what goes wrong: a session,
 * a login.
 */
#pragma once

#include "base/secret.h"
#include "cli/module.h"

/* A read-write session. */
KK_RV kk_cli_open_session(CK_FUNCTION_LIST_PTR p11, CK_SLOT_ID slot,
                          CK_SESSION_HANDLE *ret_session);

/* Logs the user in. */
KK_RV kk_cli_log_in(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, struct kk_secret *pin);
