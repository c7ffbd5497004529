/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of the keys of IKE and PKCS #12, and of public keys made from private ones.
 */
#include <string.h>

#include "mutant.h"

/* ---- IKE ---- */

#define DERIVE_ARGUMENTS                                                                           \
    CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base,                  \
        CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key

static bool is_of(CK_MECHANISM_PTR mechanism, CK_MECHANISM_TYPE type, CK_ULONG length)
{
    return mechanism != NULL && mechanism->mechanism == type &&
           mechanism->ulParameterLen == length && mechanism->pParameter != NULL;
}

static CK_RV derive_one_cookie(DERIVE_ARGUMENTS)
{
    CK_IKE1_PRF_DERIVE_PARAMS params;
    if (!is_of(mechanism, CKM_IKE1_PRF_DERIVE, sizeof params))
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&params, mechanism->pParameter, sizeof params);
    params.ulCKYrLen = 0;
    CK_MECHANISM other = {CKM_IKE1_PRF_DERIVE, &params, sizeof params};
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

static void spoil_cookie(void)
{
    USED->C_DeriveKey = derive_one_cookie;
}

static CK_RV derive_without_seed_key(DERIVE_ARGUMENTS)
{
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS params;
    if (!is_of(mechanism, CKM_IKE2_PRF_PLUS_DERIVE, sizeof params))
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&params, mechanism->pParameter, sizeof params);
    params.bHasSeedKey = CK_FALSE;
    CK_MECHANISM other = {CKM_IKE2_PRF_PLUS_DERIVE, &params, sizeof params};
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

static void spoil_seed_key(void)
{
    USED->C_DeriveKey = derive_without_seed_key;
}

/* What is quick mode's is made like appendix B's: a piece of the base key. */
static CK_RV derive_without_extra(DERIVE_ARGUMENTS)
{
    CK_IKE1_EXTENDED_DERIVE_PARAMS params;
    if (!is_of(mechanism, CKM_IKE1_EXTENDED_DERIVE, sizeof params))
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&params, mechanism->pParameter, sizeof params);
    params.ulExtraDataLen = 0;
    CK_MECHANISM other = {CKM_IKE1_EXTENDED_DERIVE, &params, sizeof params};
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

static void spoil_extra(void)
{
    USED->C_DeriveKey = derive_without_extra;
}

/* ---- public keys ---- */

static CK_RV publish_all_flags(DERIVE_ARGUMENTS)
{
    bool publishes = mechanism != NULL && mechanism->mechanism == CKM_PUB_KEY_FROM_PRIV_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE verify = {CKA_VERIFY, &yes, sizeof yes};
    if (!publishes || count != 0)
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    return REAL->C_DeriveKey(session, mechanism, base, &verify, 1, ret_key);
}

static void spoil_flags(void)
{
    USED->C_DeriveKey = publish_all_flags;
}

static CK_RV publish_without_id(DERIVE_ARGUMENTS)
{
    bool publishes = mechanism != NULL && mechanism->mechanism == CKM_PUB_KEY_FROM_PRIV_KEY;
    CK_ATTRIBUTE id = {CKA_ID, NULL, 0};
    if (!publishes || count != 0)
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    return REAL->C_DeriveKey(session, mechanism, base, &id, 1, ret_key);
}

static void spoil_id(void)
{
    USED->C_DeriveKey = publish_without_id;
}

/* ---- PKCS #12 ---- */

static bool is_pbe(CK_MECHANISM_PTR mechanism)
{
    return is_of(mechanism, CKM_PBE_SHA1_DES3_EDE_CBC, sizeof(CK_PBE_PARAMS)) ||
           is_of(mechanism, CKM_PBE_SHA1_DES2_EDE_CBC, sizeof(CK_PBE_PARAMS));
}

static CK_RV generate_zero_iv(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_RV rv = REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    CK_PBE_PARAMS params;
    if (rv == CKR_OK && is_pbe(mechanism)) {
        memcpy(&params, mechanism->pParameter, sizeof params);
        memset(params.pInitVector, 0, 8);
    }
    return rv;
}

static void spoil_iv(void)
{
    USED->C_GenerateKey = generate_zero_iv;
}

static CK_RV generate_iv_anyway(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_RV rv = REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    CK_PBE_PARAMS params;
    if (rv != CKR_OK && is_pbe(mechanism)) {
        memcpy(&params, mechanism->pParameter, sizeof params);
        if (params.pInitVector != NULL)
            memset(params.pInitVector, 0, 8);
    }
    return rv;
}

static void spoil_iv_on_failure(void)
{
    USED->C_GenerateKey = generate_iv_anyway;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("ike-cookie-ignored", "ike", spoil_cookie),
    HOOK_FAULT("ike-seed-key-ignored", "ike", spoil_seed_key),
    HOOK_FAULT("ike-extra-data-ignored", "ike", spoil_extra),
    CODE_FAULT("ike-both-code", "ike", C_DeriveKey, CKR_ARGUMENTS_BAD, CKR_MECHANISM_PARAM_INVALID),
    CODE_FAULT("ike-type-hidden", "ike", C_DeriveKey, CKR_KEY_TYPE_INCONSISTENT, CKR_OK),
    CODE_FAULT("ike-secrecy-hidden", "ike", C_DeriveKey, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    CODE_FAULT("ike-parameter-hidden", "ike", C_DeriveKey, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
    HOOK_FAULT("public-key-verifies-always", "pubkey", spoil_flags),
    HOOK_FAULT("public-key-id-left-out", "pubkey", spoil_id),
    CODE_FAULT("public-key-conflict-hidden", "pubkey", C_DeriveKey, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    CODE_FAULT("public-key-read-only-hidden", "pubkey", C_DeriveKey, CKR_ATTRIBUTE_READ_ONLY, CKR_OK),
    CODE_FAULT("public-key-login-hidden", "pubkey", C_DeriveKey, CKR_USER_NOT_LOGGED_IN, CKR_OK),
    HOOK_FAULT("pbe-iv-zero", "pbe", spoil_iv),
    HOOK_FAULT("pbe-iv-on-failure", "pbe", spoil_iv_on_failure),
    CODE_FAULT("pbe-conflict-hidden", "pbe", C_GenerateKey, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    CODE_FAULT("pbe-parameter-hidden", "pbe", C_GenerateKey, CKR_MECHANISM_PARAM_INVALID, CKR_OK),
};
/* clang-format on */

const struct mutant_table mutant_secrets = {faults, sizeof faults / sizeof faults[0]};
