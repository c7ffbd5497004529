/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block ciphers in their modes, with a key and a direction that stay: start with an IV, update,
 * finish, and again. The class keeps count of what it holds back, so that callers know the exact
 * length of what comes next.
 *
 * Input and output may be the same or overlap in any way.
 */
#pragma once

#include "base/bytes.h"
#include "crypto/provider.h"

/* Bytes of one AES block, and the longest IV that OpenSSL's GCM takes. */
#define KK_CIPHER_BLOCK 16
#define KK_GCM_IV_MAX 128

enum kk_padding {
    KK_PADDING_NONE, /* stream modes; block modes refuse what is left over at the end */
    KK_PADDING_PKCS7,
    KK_PADDING_CFB64, /* no padding: the algorithm is an ECB mode with blocks of 16 bytes, run with
                         64 bits of feedback, which OpenSSL does not have for them */
    KK_PADDING_OFB8,  /* no padding: an ECB mode, run with 8 bits of output feedback (FIPS 81),
                         which OpenSSL has for none */
};

struct kk_cipher;

/* `algorithm` is OpenSSL's full name, "AES-256-CBC". CKR_KEY_SIZE_RANGE when the key's length is
 * not the algorithm's. */
KK_RV kk_cipher_new(struct kk_crypto *crypto, const char *algorithm, struct kk_span key,
                    bool encrypt, enum kk_padding padding, struct kk_cipher **ret_cipher);

/* The same for RC2, whose keys are used with so many effective bits, 1 to 1024. */
KK_RV kk_cipher_new_rc2(struct kk_crypto *crypto, const char *algorithm, struct kk_span key,
                        size_t effective_bits, bool encrypt, enum kk_padding padding,
                        struct kk_cipher **ret_cipher);

void kk_cipher_free(struct kk_cipher *cipher);
KK_DEFINE_CLEANUP(struct kk_cipher *, kk_cipher_free);

/* Forgets what was going on. The IV is empty for ECB; CKR_MECHANISM_PARAM_INVALID when its length
 * is not the mode's (GCM: 1 to KK_GCM_IV_MAX). */
KK_RV kk_cipher_start(struct kk_cipher *cipher, struct kk_span iv);

/* GCM: authenticated data, before the first update. */
KK_RV kk_cipher_aad(struct kk_cipher *cipher, struct kk_span aad);

/* What kk_cipher_update() will put out for in_len bytes now, exactly. */
size_t kk_cipher_output(const struct kk_cipher *cipher, size_t in_len);

KK_RV kk_cipher_update(struct kk_cipher *cipher, struct kk_span in, uint8_t *out, size_t *ret_len);

/* At most one block. Without padding, bytes left over are CKR_DATA_LEN_RANGE (encryption) or
 * CKR_ENCRYPTED_DATA_LEN_RANGE; bad padding or a wrong tag is CKR_ENCRYPTED_DATA_INVALID. */
KK_RV kk_cipher_finish(struct kk_cipher *cipher, uint8_t *out, size_t *ret_len);

/* GCM: the tag after encryption, and the tag to check before kk_cipher_finish(). */
KK_RV kk_cipher_tag(struct kk_cipher *cipher, uint8_t *out, size_t len);
KK_RV kk_cipher_set_tag(struct kk_cipher *cipher, struct kk_span tag);

/* What an operation in ECB or CBC stands at: the IV of the next block, and what was taken in and
 * not yet put out. Started with that IV and fed that rest, which puts nothing out, another cipher
 * with the same key goes on as this one would. CKR_STATE_UNSAVEABLE for other modes. */
struct kk_cipher_state {
    uint8_t iv[KK_CIPHER_BLOCK];
    size_t iv_len;
    uint8_t rest[KK_CIPHER_BLOCK];
    size_t rest_len;
};
KK_RV kk_cipher_state(const struct kk_cipher *cipher, struct kk_cipher_state *ret_state);
