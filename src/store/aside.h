/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens that were set aside: whole directories beside the tokens, under names that no token has,
 * kept until somebody wants them gone.
 */
#pragma once

#include "base/macros.h"

/* Where the token `name` goes: "<location>/.backup-<serial>-<name>". */
KK_RV kk_aside_path(const char *location, const char serial[16], const char *name, char **ret_path);

/* Deletes what was set aside of the tokens with this serial number, and counts it. A directory with
 * something in it that no engine wrote is left, with a log line: CKR_DEVICE_ERROR. */
KK_RV kk_aside_remove(const char *location, const char serial[16], size_t *ret_count);
