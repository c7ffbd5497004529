/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ciphers of rows, by their names, and the effective bits of RC2.
 */
#include "mechanism/operation.h"

#include "base/banned.h"

/* RFC 2268: a key of up to 128 bytes, used with up to 1024 bits. */
#define EFFECTIVE_BITS_MAX 1024UL

/* Each of RC2's parameters begins with them. */
KK_STATIC_ASSERT(offsetof(CK_RC2_CBC_PARAMS, ulEffectiveBits) == 0 &&
                     offsetof(CK_RC2_MAC_GENERAL_PARAMS, ulEffectiveBits) == 0,
                 "the effective bits come first");

static KK_RV effective_bits(const struct kk_param *param, size_t *ret_bits)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    CK_ULONG bits = *(const CK_ULONG *)param->data;
    KK_ENSURE(bits >= 1 && bits <= EFFECTIVE_BITS_MAX, CKR_MECHANISM_PARAM_INVALID);
    *ret_bits = bits;
    return CKR_OK;
}

KK_RV kk_block_cipher_new(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          const struct kk_key *key, const struct kk_param *param, bool encrypt,
                          enum kk_padding padding, struct kk_cipher **ret_cipher)
{
    KK_SECRET_ARRAY(room, KK_BLOCK_KEY_ROOM);
    char name[KK_ALGORITHM_NAME];
    struct kk_span value = {0};
    size_t bits = 0;
    KK_TRY(kk_block_key_of(mechanism, key, room, &value));
    kk_mechanism_algorithm(mechanism, value.len * 8, name);
    if (mechanism->key_type != CKK_RC2) {
        return kk_cipher_new(crypto, name, value, encrypt, padding, ret_cipher);
    }
    KK_TRY(effective_bits(param, &bits));
    return kk_cipher_new_rc2(crypto, name, value, bits, encrypt, padding, ret_cipher);
}
