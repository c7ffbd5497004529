/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the families share: keeping a context from one operation to the next, the OpenSSL name of a
 * row, secret keys as bytes, and the operations that several tables point to.
 */
#pragma once

#include "crypto/cipher.h"
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

/* Frees the context that is there. */
void kk_op_drop(struct kk_op *op);

/* Gives the operation a new context. */
void kk_op_install(struct kk_op *op, struct kk_op_context *context, void (*context_free)(void *));

/* For context_free functions: drops what the first member holds. */
void kk_op_context_clear(struct kk_op_context *context);

#define KK_ALGORITHM_NAME 64

/* row->algorithm with %u replaced by `bits`. */
void kk_mechanism_algorithm(const struct kk_mechanism *mechanism, size_t bits,
                            char ret_name[KK_ALGORITHM_NAME]);

/* The same for rows of SHA-512/t, whose parameter is t: CKR_MECHANISM_PARAM_INVALID for what FIPS
 * 180-4 does not allow. Other rows' names stay as they are. */
KK_RV kk_sha512_t_name(const struct kk_mechanism *mechanism, const struct kk_param *param,
                       char ret_name[KK_ALGORITHM_NAME]);

/* The value of a secret key; CKR_KEY_TYPE_INCONSISTENT for any other. */
KK_RV kk_secret_of(const struct kk_key *key, struct kk_span *ret_value);

/* The same for AES keys: 16, 24 or 32 bytes, else CKR_KEY_SIZE_RANGE. */
KK_RV kk_aes_key_of(const struct kk_key *key, struct kk_span *ret_value);

/* Bytes of a block of the row's cipher. */
size_t kk_mechanism_block(const struct kk_mechanism *mechanism);

/* The key as the row's block cipher takes it, of a length that its type has; triple DES of 24
 * bytes, made in `room` from a double-length key. CKR_KEY_SIZE_RANGE. */
#define KK_BLOCK_KEY_ROOM 24
KK_RV kk_block_key_of(const struct kk_mechanism *mechanism, const struct kk_key *key,
                      uint8_t room[KK_BLOCK_KEY_ROOM], struct kk_span *ret_value);

/* The row's cipher with this key (as kk_block_key_of() has it) and, with RC2, the effective bits
 * that the parameter says: CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_block_cipher_new(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          const struct kk_key *key, const struct kk_param *param, bool encrypt,
                          enum kk_padding padding, struct kk_cipher **ret_cipher);

/* Whether the cipher must be made anew for each operation: RC2, by its parameter, and RC4, whose
 * key is the state. */
static inline bool kk_block_cipher_is_of_one_use(const struct kk_mechanism *mechanism)
{
    return mechanism->key_type == CKK_RC2 || mechanism->key_type == CKK_RC4;
}

/* The length of a MAC: row->detail, or what the parameter of a _GENERAL mechanism asks for, 1 to
 * row->detail; else CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_mac_length_of(const struct kk_op *op, size_t *ret_length);

/* Data codes as C_WrapKey and C_UnwrapKey say them. */
CK_RV kk_wrap_code(CK_RV rv);

/* What row->detail means where several mechanisms share operations. */
enum kk_block_detail {
    KK_BLOCK_PLAIN,
    KK_BLOCK_PADS,
    KK_BLOCK_STREAM,
    KK_BLOCK_CFB64,
    KK_BLOCK_OFB8
};
enum kk_size_detail { KK_SIZE_BYTES, KK_SIZE_BITS }; /* of kk_generate_secret_ops */
enum kk_whole_detail { KK_WHOLE_CTS, KK_WHOLE_XTS };
enum kk_stream_detail { KK_STREAM_DETAIL_CHACHA20, KK_STREAM_DETAIL_SALSA20 };
enum kk_kw_detail { KK_KW_DETAIL_KW, KK_KW_DETAIL_KWP, KK_KW_DETAIL_PKCS7, KK_KW_DETAIL_BY_IV };

/* Random keys: any secret key type; row's min_key and max_key are bytes. */
extern const struct kk_generate_ops kk_generate_secret_ops;

/* Keys for one-time passwords, likewise. */
extern const struct kk_generate_ops kk_generate_otp_ops;
extern const struct kk_sign_ops kk_hotp_ops;

/* HMAC and CMAC; row->detail is the full length, the parameter (a CK_ULONG) a shorter one. */
extern const struct kk_sign_ops kk_hmac_ops;
extern const struct kk_sign_ops kk_cmac_ops;
extern const struct kk_sign_ops kk_sha512_t_hmac_ops; /* the parameter is t */

/* CBC-MAC of FIPS 113: zeros fill the last block up; row->algorithm is a CBC mode. */
extern const struct kk_sign_ops kk_cbc_mac_ops;

/* GMAC; AES-XCBC-MAC of RFC 3566, row->detail is its length. */
extern const struct kk_sign_ops kk_gmac_ops;
extern const struct kk_sign_ops kk_xcbc_ops;

/* DES keys of one, two and three parts, with odd parity and without weak parts. */
extern const struct kk_generate_ops kk_generate_des_ops;

/* Modes of block ciphers. */
extern const struct kk_cipher_ops kk_block_ops;     /* ECB, CBC, CTR, OFB, CFB */
extern const struct kk_cipher_ops kk_block_pad_ops; /* CBC with padding */
extern const struct kk_cipher_ops kk_gcm_ops;
extern const struct kk_message_ops kk_gcm_message_ops;
extern const struct kk_message_ops kk_ccm_message_ops;
extern const struct kk_message_ops kk_stream_message_ops;
extern const struct kk_cipher_ops kk_whole_ops; /* messages that are ciphered whole: XTS, CTS */
extern const struct kk_cipher_ops kk_ccm_ops;
extern const struct kk_cipher_ops kk_kw_ops;     /* output length known beforehand */
extern const struct kk_cipher_ops kk_kw_pad_ops; /* padded: decryption tells the length */
extern const struct kk_wrap_ops kk_block_wrap_ops;
extern const struct kk_wrap_ops kk_block_pad_wrap_ops;
extern const struct kk_wrap_ops kk_gcm_wrap_ops;
extern const struct kk_wrap_ops kk_whole_wrap_ops;
extern const struct kk_wrap_ops kk_ccm_wrap_ops;
extern const struct kk_wrap_ops kk_kw_wrap_ops;
extern const struct kk_derive_ops kk_encrypt_data_ops;

/* ChaCha20 and Salsa20, with Poly1305, and Poly1305 alone. */
extern const struct kk_cipher_ops kk_stream_ops;
extern const struct kk_wrap_ops kk_stream_wrap_ops;
extern const struct kk_cipher_ops kk_stream_aead_ops;
extern const struct kk_sign_ops kk_poly1305_ops;

/* Derivations. row->detail of the concatenations says which part comes first, of SP 800-108 the
 * mode, of the hashed keys the length. */
enum kk_concatenate_detail { KK_CONCATENATE_BASE_FIRST, KK_CONCATENATE_DATA_FIRST };
enum kk_sp800_108_detail {
    KK_SP800_108_COUNTER_MODE,
    KK_SP800_108_FEEDBACK_MODE,
    KK_SP800_108_PIPELINE_MODE,
};
extern const struct kk_derive_ops kk_base_and_key_ops;
extern const struct kk_derive_ops kk_base_and_data_ops;
extern const struct kk_derive_ops kk_xor_data_ops;
extern const struct kk_derive_ops kk_cut_out_ops;
extern const struct kk_derive_ops kk_hashed_ops;
extern const struct kk_derive_ops kk_expanded_ops; /* by a function of any length */
extern const struct kk_derive_ops kk_hkdf_ops;
extern const struct kk_derive_ops kk_hkdf_data_ops;
extern const struct kk_derive_ops kk_sp800_108_ops;

extern const struct kk_derive_ops kk_public_key_ops;
extern const struct kk_derive_ops kk_ike_prf_ops;
extern const struct kk_derive_ops kk_ike1_prf_ops;
extern const struct kk_derive_ops kk_ike2_prf_plus_ops;
extern const struct kk_derive_ops kk_ike1_extended_ops;

/* PBKDF2: a key of the template's type from a password. PKCS #12: of the row's type, row->detail
 * bytes; for DES and RC2, with an IV, for RC4, or for a MAC. */
extern const struct kk_generate_ops kk_pbkdf2_ops;
extern const struct kk_generate_ops kk_pkcs12_des_ops;
extern const struct kk_generate_ops kk_pkcs12_rc2_128_ops;
extern const struct kk_generate_ops kk_pkcs12_rc2_40_ops;
extern const struct kk_generate_ops kk_pkcs12_rc4_128_ops;
extern const struct kk_generate_ops kk_pkcs12_rc4_40_ops;
extern const struct kk_generate_ops kk_pkcs12_mac_ops;
