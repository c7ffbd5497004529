/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES key wrapping: RFC 3394 (KW), which takes whole half-blocks, and RFC 5649 (KWP), which pads.
 */
#pragma once

#include "base/secret.h"
#include "crypto/provider.h"

enum kk_kw {
    KK_KW,  /* input: a multiple of 8 bytes, 16 at least; IV 8 bytes */
    KK_KWP, /* input: any length from 1 on; IV 4 bytes */
};

/* Half a block: the unit of both. */
#define KK_KW_STEP 8

/* The wrapped length; CKR_DATA_LEN_RANGE when this many bytes cannot be wrapped. */
KK_RV kk_kw_length(enum kk_kw kind, size_t plain_len, size_t *ret_len);

/* The key has 16, 24 or 32 bytes, else CKR_KEY_SIZE_RANGE. An empty IV is the RFC's own; one of a
 * wrong length is CKR_MECHANISM_PARAM_INVALID. `out` has room for kk_kw_length(). */
KK_RV kk_kw_wrap(struct kk_crypto *crypto, enum kk_kw kind, struct kk_span key, struct kk_span iv,
                 struct kk_span plain, uint8_t *out, size_t *ret_len);

/* CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID. */
KK_RV kk_kw_unwrap(struct kk_crypto *crypto, enum kk_kw kind, struct kk_span key, struct kk_span iv,
                   struct kk_span wrapped, struct kk_secret **ret_plain);
