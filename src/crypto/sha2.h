/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-2 with a state that can be taken out and put back: libsodium's, whose structures are public.
 * OpenSSL's digests are two to eight times as fast and keep their states to themselves; these are
 * for C_GetOperationState alone.
 */
#pragma once

#include "base/bytes.h"
#include "base/macros.h"

struct kk_sha2;

/* Whether there is one of this OpenSSL name ("SHA256"). */
bool kk_sha2_has(const char *name);

KK_RV kk_sha2_new(const char *name, struct kk_sha2 **ret_sha2);
void kk_sha2_free(struct kk_sha2 *sha2); /* wipes */
KK_DEFINE_CLEANUP(struct kk_sha2 *, kk_sha2_free);

KK_RV kk_sha2_update(struct kk_sha2 *sha2, struct kk_span in);
/* `out` has room for the digest. Ends it. */
KK_RV kk_sha2_finish(struct kk_sha2 *sha2, uint8_t *out);

/* The state behind what is in the buffer, and one read back: CKR_SAVED_STATE_INVALID. */
void kk_sha2_save(const struct kk_sha2 *sha2, struct kk_buffer *out);
KK_RV kk_sha2_restore(struct kk_sha2 *sha2, struct kk_reader *in);
