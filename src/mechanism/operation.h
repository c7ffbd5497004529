/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the families share: keeping a context from one operation to the next, the OpenSSL name of a
 * row, secret keys as bytes, and the operations that several tables point to.
 */
#pragma once

#include "mechanism/mechanism.h"

/* The first member of every family's context: what it was made for. Holds a reference to the key,
 * so that no other key can come to lie at the same address. */
struct kk_op_context {
    const struct kk_mechanism *mechanism;
    struct kk_key *key;
    enum kk_op_kind kind;
};

/* The context of last time when `context_free` made it for the same mechanism, key and direction;
 * otherwise it is freed and the answer is NULL. */
void *kk_op_reuse(struct kk_op *op, void (*context_free)(void *));

/* Gives the operation a new context. */
void kk_op_install(struct kk_op *op, struct kk_op_context *context, void (*context_free)(void *));

/* For context_free functions: drops what the first member holds. */
void kk_op_context_clear(struct kk_op_context *context);

#define KK_ALGORITHM_NAME 64

/* row->algorithm with %u replaced by `bits`. */
void kk_mechanism_algorithm(const struct kk_mechanism *mechanism, size_t bits,
                            char ret_name[KK_ALGORITHM_NAME]);

/* The value of a secret key; CKR_KEY_TYPE_INCONSISTENT for any other. */
KK_RV kk_secret_of(const struct kk_key *key, struct kk_span *ret_value);

/* The same for AES keys: 16, 24 or 32 bytes, else CKR_KEY_SIZE_RANGE. */
KK_RV kk_aes_key_of(const struct kk_key *key, struct kk_span *ret_value);

/* Data codes as C_WrapKey and C_UnwrapKey say them. */
CK_RV kk_wrap_code(CK_RV rv);

/* What row->detail means where several mechanisms share operations. */
enum kk_block_detail { KK_BLOCK_PLAIN, KK_BLOCK_PADS };
enum kk_kw_detail { KK_KW_DETAIL_KW, KK_KW_DETAIL_KWP, KK_KW_DETAIL_PKCS7 };

/* Random keys: any secret key type; row's min_key and max_key are bytes. */
extern const struct kk_generate_ops kk_generate_secret_ops;

/* HMAC and CMAC; row->detail is the full length, the parameter (a CK_ULONG) a shorter one. */
extern const struct kk_sign_ops kk_hmac_ops;
extern const struct kk_sign_ops kk_cmac_ops;

/* AES modes. */
extern const struct kk_cipher_ops kk_block_ops;     /* ECB, CBC, CTR */
extern const struct kk_cipher_ops kk_block_pad_ops; /* CBC with padding */
extern const struct kk_cipher_ops kk_gcm_ops;
extern const struct kk_message_ops kk_gcm_message_ops;
extern const struct kk_cipher_ops kk_kw_ops;     /* output length known beforehand */
extern const struct kk_cipher_ops kk_kw_pad_ops; /* padded: decryption tells the length */
extern const struct kk_wrap_ops kk_block_wrap_ops;
extern const struct kk_wrap_ops kk_block_pad_wrap_ops;
extern const struct kk_wrap_ops kk_gcm_wrap_ops;
extern const struct kk_wrap_ops kk_kw_wrap_ops;
extern const struct kk_derive_ops kk_encrypt_data_ops;
