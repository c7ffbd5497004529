/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of the rarer mechanisms of key pairs, and of how curves are written.
 */
#include <string.h>

#include "mutant.h"

/* ---- DSA's domain parameters in two steps ---- */

static bool makes_primes(CK_MECHANISM_PTR mechanism)
{
    return mechanism != NULL && mechanism->pParameter != NULL &&
           (mechanism->mechanism == CKM_DSA_PROBABILISTIC_PARAMETER_GEN ||
            mechanism->mechanism == CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN);
}

static CK_RV generate_without_seed(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                   CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                   CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_RV rv = REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    if (rv == CKR_OK && makes_primes(mechanism)) {
        CK_DSA_PARAMETER_GEN_PARAM *params = mechanism->pParameter;
        memset(params->pSeed, 0, params->ulSeedLen);
    }
    return rv;
}

static void spoil_seed(void)
{
    USED->C_GenerateKey = generate_without_seed;
}

static CK_RV generate_base(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                           CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key)
{
    if (mechanism == NULL || mechanism->mechanism != CKM_DSA_FIPS_G_GEN)
        return REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    CK_DSA_PARAMETER_GEN_PARAM params = *(CK_DSA_PARAMETER_GEN_PARAM *)mechanism->pParameter;
    CK_MECHANISM other = {mechanism->mechanism, &params, sizeof params};
    params.ulIndex = 1;
    return REAL->C_GenerateKey(session, &other, template, count, ret_key);
}

static void spoil_index(void)
{
    USED->C_GenerateKey = generate_base;
}

/* ---- XEdDSA ---- */

/* Always the same hash, in both directions. */
static CK_MECHANISM with_one_hash(CK_MECHANISM_PTR mechanism)
{
    static CK_XEDDSA_PARAMS params = {CKM_SHA256};
    CK_MECHANISM other = *mechanism;
    if (other.mechanism == CKM_XEDDSA && other.pParameter != NULL)
        other.pParameter = &params;
    return other;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    if (mechanism == NULL)
        return REAL->C_SignInit(session, mechanism, key);
    CK_MECHANISM other = with_one_hash(mechanism);
    return REAL->C_SignInit(session, &other, key);
}

static CK_RV verify_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                         CK_OBJECT_HANDLE key)
{
    if (mechanism == NULL)
        return REAL->C_VerifyInit(session, mechanism, key);
    CK_MECHANISM other = with_one_hash(mechanism);
    return REAL->C_VerifyInit(session, &other, key);
}

static void spoil_hash(void)
{
    USED->C_SignInit = sign_init;
    USED->C_VerifyInit = verify_init;
}

/* ---- two key pairs on each side ---- */

static CK_RV derive_without_public(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                   CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                   CK_OBJECT_HANDLE_PTR ret_key)
{
    if (mechanism == NULL ||
        (mechanism->mechanism != CKM_ECMQV_DERIVE && mechanism->mechanism != CKM_X9_42_MQV_DERIVE))
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    /* Both structures are laid out alike. */
    CK_ECMQV_DERIVE_PARAMS params = *(CK_ECMQV_DERIVE_PARAMS *)mechanism->pParameter;
    CK_MECHANISM other = {mechanism->mechanism, &params, sizeof params};
    params.publicKey = CK_INVALID_HANDLE;
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

static void spoil_public(void)
{
    USED->C_DeriveKey = derive_without_public;
}

/* The second key of the other side is taken for its first one as well. */
static CK_RV derive_with_one(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                             CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                             CK_OBJECT_HANDLE_PTR ret_key)
{
    if (mechanism == NULL || mechanism->mechanism != CKM_ECMQV_DERIVE)
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    CK_ECMQV_DERIVE_PARAMS params = *(CK_ECMQV_DERIVE_PARAMS *)mechanism->pParameter;
    CK_MECHANISM other = {mechanism->mechanism, &params, sizeof params};
    params.pPublicData = params.pPublicData2;
    params.ulPublicDataLen = params.ulPublicDataLen2;
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

static void spoil_first(void)
{
    USED->C_DeriveKey = derive_with_one;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("pairs-seed-lost", "pairs", spoil_seed),
    HOOK_FAULT("pairs-index-ignored", "pairs", spoil_index),
    HOOK_FAULT("pairs-hash-ignored", "pairs", spoil_hash),
    HOOK_FAULT("pairs-public-key-ignored", "pairs", spoil_public),
    HOOK_FAULT("pairs-first-key-ignored", "pairs", spoil_first),
    CODE_FAULT("pairs-base-given-hidden", "pairs", C_GenerateKey, CKR_ATTRIBUTE_READ_ONLY, CKR_OK),
    CODE_FAULT("pairs-usage-hidden", "pairs", C_DeriveKey, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("pairs-bad-value-hidden", "pairs", C_DeriveKey, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
    CODE_FAULT("curves-params-hidden", "curves", C_GenerateKeyPair, CKR_DOMAIN_PARAMS_INVALID, CKR_OK),
    CODE_FAULT("curves-other-curve-hidden", "curves", C_CreateObject, CKR_CURVE_NOT_SUPPORTED, CKR_OK),
    CODE_FAULT("curves-point-hidden", "curves", C_DeriveKey, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
};
/* clang-format on */

const struct mutant_table mutant_pairs = {faults, sizeof faults / sizeof faults[0]};
