/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ChaCha20, Salsa20 and Poly1305. Sizes are bytes for generation and bits for the ciphers, as the
 * standard has them.
 */
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* clang-format off */
#define GENERATED(key_type_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = 32, .max_key = 32, \
    .shape = KK_PARAM_NONE, .generate = &kk_generate_secret_ops
#define CIPHER(key_type_) \
    .key_type = (key_type_), .key_type2 = KK_NO_KEY_TYPE, .min_key = 256, .max_key = 256
#define AEAD(key_type_) \
    CIPHER(key_type_), .shape = KK_PARAM_SALSA20_CHACHA20_POLY1305, .param_required = true, \
    .cipher = &kk_stream_aead_ops, .message = &kk_stream_message_ops
#define NEEDS_CHACHA20 .needs = KK_ALGORITHM_CIPHER, .algorithm = "ChaCha20"

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_CHACHA20_KEY_GEN), GENERATED(CKK_CHACHA20), NEEDS_CHACHA20},
    {KK_MECHANISM(CKM_CHACHA20), CIPHER(CKK_CHACHA20), .shape = KK_PARAM_CHACHA20, .param_required = true,
     .cipher = &kk_stream_ops, .wrap = &kk_stream_wrap_ops, NEEDS_CHACHA20},
    {KK_MECHANISM(CKM_POLY1305_KEY_GEN), GENERATED(CKK_POLY1305)},
    /* The standard's table says that it encrypts, its text that it signs. */
    {KK_MECHANISM(CKM_POLY1305), CIPHER(CKK_POLY1305), .shape = KK_PARAM_NONE, .sign = &kk_poly1305_ops},
    {KK_MECHANISM(CKM_SALSA20), CIPHER(CKK_SALSA20), .shape = KK_PARAM_SALSA20, .param_required = true,
     .cipher = &kk_stream_ops, .wrap = &kk_stream_wrap_ops, .detail = KK_STREAM_DETAIL_SALSA20},
    {KK_MECHANISM(CKM_CHACHA20_POLY1305), AEAD(CKK_CHACHA20), NEEDS_CHACHA20},
    {KK_MECHANISM(CKM_SALSA20_POLY1305), AEAD(CKK_SALSA20), .detail = KK_STREAM_DETAIL_SALSA20},
    {KK_MECHANISM(CKM_SALSA20_KEY_GEN), GENERATED(CKK_SALSA20)},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_stream = {rows, KK_ARRAY_LEN(rows)};
