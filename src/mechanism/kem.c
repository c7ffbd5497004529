/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanisms that are key encapsulation and nothing else by nature: RSASVE (as which RSA_X_509
 * encapsulates) and ML-KEM. The secret is used whole.
 */
#include "crypto/kem.h"

#include "mechanism/asym.h"

static size_t kem_length(const struct kk_mechanism *mechanism, struct kk_key *key)
{
    (void)mechanism;
    return kk_kem_length(key);
}

static KK_RV kem_encapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             struct kk_key *key, const struct kk_param *param, size_t value_len,
                             uint8_t *out, size_t *ret_len, struct kk_secret **ret_value)
{
    (void)param;
    KK_ENSURE(kk_key_kind(key) == kk_key_kind_of(mechanism->key_type), CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(value_len == 0 || value_len == kk_kem_secret_length(key), CKR_KEY_SIZE_RANGE);
    *ret_len = kk_kem_length(key);
    return kk_kem_encapsulate(crypto, key, out, ret_value);
}

static KK_RV kem_decapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             struct kk_key *key, const struct kk_param *param, size_t value_len,
                             struct kk_span in, struct kk_secret **ret_value)
{
    (void)param;
    KK_ENSURE(kk_key_kind(key) == kk_key_kind_of(mechanism->key_type), CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(value_len == 0 || value_len == kk_kem_secret_length(key), CKR_WRAPPED_KEY_LEN_RANGE);
    return kk_kem_decapsulate(crypto, key, in, ret_value);
}

const struct kk_kem_ops kk_kem_ops = {
    .length = kem_length,
    .encapsulate = kem_encapsulate,
    .decapsulate = kem_decapsulate,
};
