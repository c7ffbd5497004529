/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key derivation by Diffie-Hellman: PKCS #3 and X9.42.
 */
#include "crypto/dh.h"

#include "crypto/ecdh.h"
#include "mechanism/asym.h"

#define HASH_LEN 20 /* SHA-1, the only hash here */

static KK_RV agree(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                   struct kk_key *base, struct kk_span peer, struct kk_secret **ret_secret)
{
    KK_TRY(kk_asym_check(mechanism, base, kk_key_kind_of(mechanism->key_type)));
    KK_ENSURE(peer.data != NULL && peer.len > 0, CKR_MECHANISM_PARAM_INVALID);
    return kk_dh_derive(crypto, base, peer, ret_secret);
}

static KK_RV dh_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                       struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                       size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(agree(crypto, mechanism, base, KK_SPAN(param->data, param->len), &secret));
    return kk_agreed_truncate(secret, lengths[0], &ret_values[0]);
}

/*= pkcs11-3.2 CK_X9_42_DH1_DERIVE_PARAMS: with CKD_NULL there is no other info, with
 * CKD_SHA1_KDF_ASN1 there must be, with CKD_SHA1_KDF_CONCATENATE there may be */
static KK_RV check_info(const CK_X9_42_DH1_DERIVE_PARAMS *params)
{
    bool has_info = params->ulOtherInfoLen != 0;
    switch (params->kdf) {
    case CKD_NULL:
        KK_ENSURE(!has_info, CKR_MECHANISM_PARAM_INVALID);
        return CKR_OK;
    case CKD_SHA1_KDF_ASN1:
        KK_ENSURE(has_info, CKR_MECHANISM_PARAM_INVALID);
        return CKR_OK;
    case CKD_SHA1_KDF_CONCATENATE:
        return CKR_OK;
    default:
        return CKR_MECHANISM_PARAM_INVALID;
    }
}

KK_RV kk_x942_value(struct kk_crypto *crypto, const CK_X9_42_DH1_DERIVE_PARAMS *params,
                    const struct kk_secret *secret, size_t value_len, struct kk_secret **ret_value)
{
    size_t len = value_len != 0 ? value_len : HASH_LEN;
    struct kk_span info = KK_SPAN(params->pOtherInfo, params->ulOtherInfoLen);
    if (params->kdf == CKD_NULL) {
        return kk_agreed_truncate(secret, value_len, ret_value);
    }
    if (params->kdf == CKD_SHA1_KDF_ASN1) {
        return kk_x942_kdf(crypto, kk_secret_span(secret), info, len, ret_value);
    }
    return kk_agreement_kdf(crypto, KK_KDF_X963, "SHA1", kk_secret_span(secret), info, len,
                            ret_value);
}

KK_RV kk_x942_check(const CK_X9_42_DH1_DERIVE_PARAMS *params, size_t value_len)
{
    KK_TRY(check_info(params));
    KK_ENSURE(value_len <= KK_AGREED_MAX, CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static KK_RV check_x942(const struct kk_param *param, size_t value_len)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    return kk_x942_check(param->data, value_len);
}

static KK_RV x942_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                         size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    const CK_X9_42_DH1_DERIVE_PARAMS *params = param->data;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_TRY(check_x942(param, lengths[0]));
    KK_TRY(agree(crypto, mechanism, base, KK_SPAN(params->pPublicData, params->ulPublicDataLen),
                 &secret));
    return kk_x942_value(crypto, params, secret, lengths[0], &ret_values[0]);
}

const struct kk_derive_ops kk_dh_ops = {.derive = dh_derive};
const struct kk_derive_ops kk_x942_ops = {.derive = x942_derive};

/* --- As KEMs: the ciphertext is the public number of a key pair made for it --------------------
 */

static size_t kem_length(const struct kk_mechanism *mechanism, struct kk_key *key)
{
    (void)mechanism;
    return kk_dh_length(key);
}

/* The other side's number goes in the ciphertext and not in the parameter, which PKCS #3 is then
 * without. */
static KK_RV check_kem(const struct kk_mechanism *mechanism, const struct kk_key *key,
                       const struct kk_param *param, size_t value_len)
{
    const CK_X9_42_DH1_DERIVE_PARAMS *params = param->data;
    KK_TRY(kk_asym_check(mechanism, key, kk_key_kind_of(mechanism->key_type)));
    if (mechanism->key_type == CKK_DH) {
        KK_ENSURE(!param->present, CKR_MECHANISM_PARAM_INVALID);
        return CKR_OK;
    }
    KK_TRY(check_x942(param, value_len));
    KK_ENSURE(params->pPublicData == NULL && params->ulPublicDataLen == 0,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV kem_key(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     const struct kk_param *param, struct kk_secret *secret, size_t value_len,
                     struct kk_secret **ret_value)
{
    return mechanism->key_type == CKK_DH
               ? kk_agreed_truncate(secret, value_len, ret_value)
               : kk_x942_value(crypto, param->data, secret, value_len, ret_value);
}

static KK_RV kem_encapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             struct kk_key *key, const struct kk_param *param, size_t value_len,
                             uint8_t *out, size_t *ret_len, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_TRY(check_kem(mechanism, key, param, value_len));
    KK_TRY(kk_dh_ephemeral(crypto, key, out, &secret));
    *ret_len = kk_dh_length(key);
    return kem_key(crypto, mechanism, param, secret, value_len, ret_value);
}

/* A ciphertext made elsewhere may come without the number's leading zeros. */
static KK_RV kem_decapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             struct kk_key *key, const struct kk_param *param, size_t value_len,
                             struct kk_span in, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_TRY(check_kem(mechanism, key, param, value_len));
    KK_ENSURE(in.len > 0 && in.len <= kk_dh_length(key), CKR_WRAPPED_KEY_LEN_RANGE);
    CK_RV rv = kk_dh_derive(crypto, key, in, &secret);
    KK_TRY(rv == CKR_MECHANISM_PARAM_INVALID ? CKR_WRAPPED_KEY_INVALID : rv);
    rv = kem_key(crypto, mechanism, param, secret, value_len, ret_value);
    return rv == CKR_KEY_SIZE_RANGE ? CKR_WRAPPED_KEY_LEN_RANGE : rv;
}

const struct kk_kem_ops kk_dh_kem_ops = {
    .length = kem_length,
    .encapsulate = kem_encapsulate,
    .decapsulate = kem_decapsulate,
};
