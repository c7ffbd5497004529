/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens that were set aside: whole directories, one level below the tokens' own place, where
 * neither Keykist nor SoftHSM looks for tokens (two directories with one serial number end a
 * SoftHSM), kept until somebody wants them gone.
 */
#pragma once

#include "base/macros.h"

/* Where the token `name` goes: "<location>/.backup/<serial>-<name>". The directory that it goes
 * into is made where it is not there, for those who may write to the tokens' directory: with its
 * group and mode. CKR_DEVICE_ERROR: there is something else of its name. */
KK_RV kk_aside_path(const char *location, const char serial[16], const char *name, char **ret_path);

/* Deletes what was set aside of the tokens with this serial number, and counts it; audit logs stay.
 * A directory within, which no engine makes, or a link, is left and stops it: CKR_DEVICE_ERROR,
 * with a log line. */
KK_RV kk_aside_remove(const char *location, const char serial[16], size_t *ret_count);
