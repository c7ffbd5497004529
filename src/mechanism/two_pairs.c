/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key derivation where each side has two key pairs. The first ones, of the base key and of
 * pPublicData, are those for good; the second ones, of hPrivateData and pPublicData2, are those for
 * the occasion, as publicKey is.
 */
#include "crypto/two_pairs.h"

#include "mechanism/asym.h"

#include "base/banned.h"

/* The parameter's handles, in the order of its members. */
enum { PRIVATE_DATA, PUBLIC_KEY };

/* What the three structures have in common. */
struct given {
    struct kk_span peer_static;
    struct kk_span peer_ephemeral;
};

/*= pkcs11-3.2 C_DeriveKey: CKR_KEY_HANDLE_INVALID where a private key has to be */
static KK_RV make_pairs(const struct kk_mechanism *mechanism, struct kk_key *base,
                        const struct kk_param *param, const struct given *given,
                        struct kk_two_pairs *ret_pairs)
{
    *ret_pairs = (struct kk_two_pairs){
        .own_static = base,
        .own_ephemeral = kk_param_key(param, PRIVATE_DATA),
        .own_public = kk_param_key(param, PUBLIC_KEY),
        .peer_static = given->peer_static,
        .peer_ephemeral = given->peer_ephemeral,
    };
    KK_TRY(kk_asym_check(mechanism, base, kk_key_kind_of(mechanism->key_type)));
    KK_ENSURE(ret_pairs->own_ephemeral != NULL, CKR_KEY_HANDLE_INVALID);
    return CKR_OK;
}

/* --- X9.42 ------------------------------------------------------------------------------------ */

typedef KK_RV agree_fn(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                       struct kk_secret **ret_secret);

static KK_RV x942_derive(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                         agree_fn *agree, const CK_X9_42_DH1_DERIVE_PARAMS *params, size_t length,
                         struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_TRY(kk_x942_check(params, length));
    KK_TRY(agree(crypto, pairs, &secret));
    return kk_x942_value(crypto, params, secret, length, ret_value);
}

static KK_RV hybrid_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                           size_t count, struct kk_secret **ret_values)
{
    const CK_X9_42_DH2_DERIVE_PARAMS *params = param->data;
    struct kk_two_pairs pairs;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    struct given given = {KK_SPAN(params->pPublicData, params->ulPublicDataLen),
                          KK_SPAN(params->pPublicData2, params->ulPublicDataLen2)};
    const CK_X9_42_DH1_DERIVE_PARAMS one = {
        .kdf = params->kdf,
        .ulOtherInfoLen = params->ulOtherInfoLen,
        .pOtherInfo = params->pOtherInfo,
    };
    KK_TRY(make_pairs(mechanism, base, param, &given, &pairs));
    return x942_derive(crypto, &pairs, kk_dh_hybrid, &one, lengths[0], &ret_values[0]);
}

static KK_RV mqv_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                        size_t count, struct kk_secret **ret_values)
{
    const CK_X9_42_MQV_DERIVE_PARAMS *params = param->data;
    struct kk_two_pairs pairs;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    struct given given = {KK_SPAN(params->pPublicData, params->ulPublicDataLen),
                          KK_SPAN(params->pPublicData2, params->ulPublicDataLen2)};
    const CK_X9_42_DH1_DERIVE_PARAMS one = {
        .kdf = params->kdf,
        .ulOtherInfoLen = params->ulOtherInfoLen,
        .pOtherInfo = params->pOtherInfo,
    };
    KK_TRY(make_pairs(mechanism, base, param, &given, &pairs));
    return x942_derive(crypto, &pairs, kk_dh_mqv, &one, lengths[0], &ret_values[0]);
}

const struct kk_derive_ops kk_x942_hybrid_ops = {.derive = hybrid_derive};
const struct kk_derive_ops kk_x942_mqv_ops = {.derive = mqv_derive};

/* --- elliptic curves -------------------------------------------------------------------------- */

static KK_RV ecmqv_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                          size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    const CK_ECMQV_DERIVE_PARAMS *params = param->data;
    struct kk_two_pairs pairs;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    struct given given = {KK_SPAN(params->pPublicData, params->ulPublicDataLen),
                          KK_SPAN(params->pPublicData2, params->ulPublicDataLen2)};
    const CK_ECDH1_DERIVE_PARAMS one = {
        .kdf = params->kdf,
        .ulSharedDataLen = params->ulSharedDataLen,
        .pSharedData = params->pSharedData,
    };
    KK_TRY(make_pairs(mechanism, base, param, &given, &pairs));
    KK_TRY(kk_ecdh_check(&one, lengths[0]));
    KK_TRY(kk_ec_mqv(crypto, &pairs, &secret));
    return kk_ecdh_value(crypto, &one, secret, lengths[0], &ret_values[0]);
}

const struct kk_derive_ops kk_ecmqv_ops = {.derive = ecmqv_derive};
