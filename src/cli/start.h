/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a program that works on a token begins: a module that has started, a session, a login. What
 * goes wrong is said here.
 */
#pragma once

#include "base/secret.h"
#include "cli/module.h"

/* Loads and initialises the module at `path` (NULL: the default one) after looking at the
 * configuration, if it is ours. */
KK_RV kk_cli_start_module(const char *path, struct kk_module *ret_module);

/* A read-write session. */
KK_RV kk_cli_open_session(CK_FUNCTION_LIST_PTR p11, CK_SLOT_ID slot,
                          CK_SESSION_HANDLE *ret_session);

/* Logs the user in. */
KK_RV kk_cli_log_in(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, struct kk_secret *pin);
