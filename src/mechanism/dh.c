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

static KK_RV x942_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                         size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    const CK_X9_42_DH1_DERIVE_PARAMS *params = param->data;
    size_t len = lengths[0] != 0 ? lengths[0] : HASH_LEN;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(check_info(params));
    KK_ENSURE(len <= KK_AGREED_MAX, CKR_KEY_SIZE_RANGE);
    KK_TRY(agree(crypto, mechanism, base, KK_SPAN(params->pPublicData, params->ulPublicDataLen),
                 &secret));
    struct kk_span info = KK_SPAN(params->pOtherInfo, params->ulOtherInfoLen);
    if (params->kdf == CKD_NULL) {
        return kk_agreed_truncate(secret, lengths[0], &ret_values[0]);
    }
    if (params->kdf == CKD_SHA1_KDF_ASN1) {
        return kk_x942_kdf(crypto, kk_secret_span(secret), info, len, &ret_values[0]);
    }
    return kk_agreement_kdf(crypto, KK_KDF_X963, "SHA1", kk_secret_span(secret), info, len,
                            &ret_values[0]);
}

const struct kk_derive_ops kk_dh_ops = {.derive = dh_derive};
const struct kk_derive_ops kk_x942_ops = {.derive = x942_derive};
