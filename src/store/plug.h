/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <token>/keykist.slot: how often the token was taken out of its slot or put back. Odd: it is out.
 * The file is there once it was; what is not eight bytes says nothing. Changed under a lock on
 * itself. Tokens of every kind that lie in directories may have one; SoftHSM does not look at it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

#define KK_PLUG_FILE "keykist.slot"

static inline bool kk_plug_is_out(uint64_t count)
{
    return count % 2 != 0;
}

/* 0 where there is none, or none that can be read. */
uint64_t kk_plug_read(const char *path);

/* Takes the token out of its slot, or puts it back; *ret_changed is false where that was so
 * already. On the disk when it returns. CKR_TOKEN_WRITE_PROTECTED, CKR_DEVICE_REMOVED (the token is
 * gone), CKR_DEVICE_MEMORY, CKR_FUNCTION_FAILED, each with a log line. */
KK_RV kk_plug_write(const char *path, unsigned int mode, bool out, bool *ret_changed);

/* Ends the waits of those who watch the tokens' directory (watch.h), and moves its stamp. */
void kk_plug_tell(const char *location);
