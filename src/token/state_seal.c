/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealing states of operations.
 *
 *   state = version || nonce || AES-256-GCM(key, plain, aad) || tag
 *   aad   = label || version || serial of the token || state of the session
 */
#include "token/state_seal.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/kdf.h"

#include "base/banned.h"

#define VERSION 1
#define HEAD (1 + KK_AEAD_NONCE)
#define OVERHEAD (HEAD + KK_AEAD_TAG)
#define SERIAL 16
#define AAD_MAX 64

KK_STATIC_ASSERT(KK_STATE_PRINT == KK_SHA256_SIZE, "a print is an HMAC");

struct kk_state_seal {
    struct kk_crypto *crypto;
    struct kk_secret *key;
    uint8_t aad[AAD_MAX];
    size_t aad_len;
};

KK_RV kk_state_seal_new(struct kk_token *token, struct kk_unlock *unlock, CK_STATE session_state,
                        struct kk_state_seal **ret_seal)
{
    static const char label[] = "keykist/operation-state";
    struct kk_state_seal *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    KK_CLEANUP(kk_state_seal_freep) struct kk_state_seal *seal = made;
    seal->crypto = kk_token_engine(token)->crypto;
    KK_TRY(kk_secret_new(KK_AEAD_KEY, &seal->key));
    KK_TRY(kk_token_state_key(token, unlock, seal->key));
    uint8_t *at = seal->aad;
    memcpy(at, label, sizeof label);
    at += sizeof label;
    *at++ = VERSION;
    memcpy(at, kk_token_serial(token), SERIAL);
    at += SERIAL;
    *at++ = (uint8_t)session_state;
    seal->aad_len = (size_t)(at - seal->aad);
    *ret_seal = KK_STEAL(seal);
    return CKR_OK;
}

void kk_state_seal_free(struct kk_state_seal *seal)
{
    if (seal != NULL) {
        kk_secret_free(seal->key);
        kk_free(seal);
    }
}

size_t kk_state_seal_overhead(void)
{
    return OVERHEAD;
}

KK_RV kk_state_seal_close(const struct kk_state_seal *seal, struct kk_span plain, uint8_t *out)
{
    out[0] = VERSION;
    KK_TRY(kk_crypto_random(seal->crypto, out + 1, KK_AEAD_NONCE));
    return kk_aead_seal(seal->crypto, kk_secret_span(seal->key), KK_SPAN(out + 1, KK_AEAD_NONCE),
                        KK_SPAN(seal->aad, seal->aad_len), plain, out + HEAD,
                        out + HEAD + plain.len);
}

KK_RV kk_state_seal_open(const struct kk_state_seal *seal, struct kk_span state,
                         struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_ENSURE(state.len > OVERHEAD && state.data[0] == VERSION, CKR_SAVED_STATE_INVALID);
    size_t len = state.len - OVERHEAD;
    KK_TRY(kk_secret_new(len, &plain));
    CK_RV rv = kk_aead_open(seal->crypto, kk_secret_span(seal->key),
                            KK_SPAN(state.data + 1, KK_AEAD_NONCE),
                            KK_SPAN(seal->aad, seal->aad_len), KK_SPAN(state.data + HEAD, len),
                            state.data + HEAD + len, kk_secret_data(plain));
    KK_TRY(rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_SAVED_STATE_INVALID : rv);
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

KK_RV kk_state_seal_print(const struct kk_state_seal *seal, struct kk_span value,
                          uint8_t ret_print[KK_STATE_PRINT])
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/operation-key"), value};
    return kk_hmac_sha256(seal->crypto, kk_secret_span(seal->key), pieces, KK_ARRAY_LEN(pieces),
                          ret_print);
}
