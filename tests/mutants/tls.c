/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of the SSL and TLS mechanisms.
 */
#include <string.h>

#include "mutant.h"

static bool is(CK_MECHANISM_PTR mechanism, CK_MECHANISM_TYPE type, CK_ULONG length)
{
    return mechanism != NULL && mechanism->mechanism == type && mechanism->pParameter != NULL &&
           mechanism->ulParameterLen == length;
}

static bool is_material(CK_MECHANISM_PTR mechanism)
{
    return is(mechanism, CKM_TLS12_KEY_AND_MAC_DERIVE, sizeof(CK_TLS12_KEY_MAT_PARAMS));
}

static CK_SSL3_KEY_MAT_OUT *out_of(CK_MECHANISM_PTR mechanism)
{
    return ((CK_TLS12_KEY_MAT_PARAMS *)mechanism->pParameter)->pReturnedKeyMaterial;
}

#define DERIVE_ARGUMENTS                                                                           \
    CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base,                  \
        CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key
#define DERIVE(mechanism) REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key)

/* ---- the keys of a connection ---- */

static CK_RV sides_swapped(DERIVE_ARGUMENTS)
{
    CK_RV rv = DERIVE(mechanism);
    if (rv == CKR_OK && is_material(mechanism)) {
        CK_OBJECT_HANDLE client = out_of(mechanism)->hClientKey;
        out_of(mechanism)->hClientKey = out_of(mechanism)->hServerKey;
        out_of(mechanism)->hServerKey = client;
    }
    return rv;
}

static void spoil_sides(void)
{
    USED->C_DeriveKey = sides_swapped;
}

static CK_RV ivs_left(DERIVE_ARGUMENTS)
{
    CK_BYTE room[2][512];
    if (!is_material(mechanism) || out_of(mechanism) == NULL)
        return DERIVE(mechanism);
    CK_TLS12_KEY_MAT_PARAMS params = *(CK_TLS12_KEY_MAT_PARAMS *)mechanism->pParameter;
    CK_SSL3_KEY_MAT_OUT out = *params.pReturnedKeyMaterial;
    if (params.ulIVSizeInBits > sizeof room[0] * 8)
        return DERIVE(mechanism);
    out.pIVClient = out.pIVClient != NULL ? room[0] : NULL;
    out.pIVServer = out.pIVServer != NULL ? room[1] : NULL;
    params.pReturnedKeyMaterial = &out;
    CK_MECHANISM other = {mechanism->mechanism, &params, sizeof params};
    CK_RV rv = DERIVE(&other);
    out.pIVClient = out_of(mechanism)->pIVClient;
    out.pIVServer = out_of(mechanism)->pIVServer;
    *out_of(mechanism) = out;
    return rv;
}

static void spoil_ivs(void)
{
    USED->C_DeriveKey = ivs_left;
}

static CK_RV safe_gives_ivs(DERIVE_ARGUMENTS)
{
    if (!is(mechanism, CKM_TLS12_KEY_SAFE_DERIVE, sizeof(CK_TLS12_KEY_MAT_PARAMS)))
        return DERIVE(mechanism);
    CK_MECHANISM other = *mechanism;
    other.mechanism = CKM_TLS12_KEY_AND_MAC_DERIVE;
    return DERIVE(&other);
}

static void spoil_safe(void)
{
    USED->C_DeriveKey = safe_gives_ivs;
}

/* The template's secrecy holds, not the base key's. */
static CK_RV material_opened(DERIVE_ARGUMENTS)
{
    if (!is_material(mechanism) || template == NULL)
        return DERIVE(mechanism);
    struct mutant_template less = mutant_without(template, count, CKA_SENSITIVE);
    less = mutant_without(less.attributes, less.count, CKA_EXTRACTABLE);
    return REAL->C_DeriveKey(session, mechanism, base, less.attributes, less.count, ret_key);
}

static void spoil_secrecy(void)
{
    USED->C_DeriveKey = material_opened;
}

/* A failure leaves an object behind. */
static CK_RV one_left(DERIVE_ARGUMENTS)
{
    static CK_BYTE value[20];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = DERIVE(mechanism);
    if (rv == CKR_OK || !is_material(mechanism) || template == NULL)
        return rv;
    struct mutant_template left = mutant_without(template, count, CKA_KEY_TYPE);
    left = mutant_without(left.attributes, left.count, CKA_VALUE_LEN);
    left = mutant_without(left.attributes, left.count, CKA_CLASS);
    left.attributes[left.count++] = (CK_ATTRIBUTE){CKA_CLASS, &class, sizeof class};
    left.attributes[left.count++] = (CK_ATTRIBUTE){CKA_KEY_TYPE, &type, sizeof type};
    left.attributes[left.count++] = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof value};
    (void)REAL->C_CreateObject(session, left.attributes, left.count, &key);
    return rv;
}

static void spoil_none(void)
{
    USED->C_DeriveKey = one_left;
}

/* ---- secrets ---- */

static CK_RV version_left(DERIVE_ARGUMENTS)
{
    if (!is(mechanism, CKM_TLS12_MASTER_KEY_DERIVE, sizeof(CK_TLS12_MASTER_KEY_DERIVE_PARAMS)))
        return DERIVE(mechanism);
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS params =
        *(CK_TLS12_MASTER_KEY_DERIVE_PARAMS *)mechanism->pParameter;
    params.pVersion = NULL;
    CK_MECHANISM other = {mechanism->mechanism, &params, sizeof params};
    return DERIVE(&other);
}

static void spoil_version(void)
{
    USED->C_DeriveKey = version_left;
}

static CK_RV randoms_swapped(DERIVE_ARGUMENTS)
{
    if (!is(mechanism, CKM_TLS12_MASTER_KEY_DERIVE, sizeof(CK_TLS12_MASTER_KEY_DERIVE_PARAMS)))
        return DERIVE(mechanism);
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS params =
        *(CK_TLS12_MASTER_KEY_DERIVE_PARAMS *)mechanism->pParameter;
    const CK_SSL3_RANDOM_DATA said = params.RandomInfo;
    params.RandomInfo = (CK_SSL3_RANDOM_DATA){said.pServerRandom, said.ulServerRandomLen,
                                              said.pClientRandom, said.ulClientRandomLen};
    CK_MECHANISM other = {mechanism->mechanism, &params, sizeof params};
    return DERIVE(&other);
}

static void spoil_randoms(void)
{
    USED->C_DeriveKey = randoms_swapped;
}

/* The plain master secret where the extended one is asked for. */
static CK_RV not_extended(DERIVE_ARGUMENTS)
{
    if (!is(mechanism, CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE,
            sizeof(CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS)))
        return DERIVE(mechanism);
    const CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS *said = mechanism->pParameter;
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS params = {
        {said->pSessionHash, said->ulSessionHashLen, said->pSessionHash, said->ulSessionHashLen},
        said->pVersion,
        said->prfHashMechanism};
    CK_MECHANISM other = {CKM_TLS12_MASTER_KEY_DERIVE, &params, sizeof params};
    return DERIVE(&other);
}

static void spoil_extended(void)
{
    USED->C_DeriveKey = not_extended;
}

static CK_RV version_ignored(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                             CK_ATTRIBUTE_PTR template, CK_ULONG count,
                             CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_VERSION version = {2, 0};
    CK_MECHANISM other = {CKM_TLS_PRE_MASTER_KEY_GEN, &version, sizeof version};
    bool is_ours = is(mechanism, CKM_TLS_PRE_MASTER_KEY_GEN, sizeof version);
    return REAL->C_GenerateKey(session, is_ours ? &other : mechanism, template, count, ret_key);
}

static void spoil_pre_master(void)
{
    USED->C_GenerateKey = version_ignored;
}

/* ---- exporters and MACs ---- */

/* An empty context is none. */
static CK_RV empty_is_none(DERIVE_ARGUMENTS)
{
    if (!is(mechanism, CKM_TLS_KDF, sizeof(CK_TLS_KDF_PARAMS)))
        return DERIVE(mechanism);
    CK_TLS_KDF_PARAMS params = *(CK_TLS_KDF_PARAMS *)mechanism->pParameter;
    if (params.ulContextDataLength == 0)
        params.pContextData = NULL;
    CK_MECHANISM other = {CKM_TLS_KDF, &params, sizeof params};
    return DERIVE(&other);
}

static void spoil_context(void)
{
    USED->C_DeriveKey = empty_is_none;
}

static CK_RV prf_untouched(DERIVE_ARGUMENTS)
{
    return is(mechanism, CKM_TLS_PRF, sizeof(CK_TLS_PRF_PARAMS)) ? CKR_OK : DERIVE(mechanism);
}

static void spoil_prf(void)
{
    USED->C_DeriveKey = prf_untouched;
}

/* One side's label for both. */
static CK_RV one_side(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    if (!is(mechanism, CKM_TLS_MAC, sizeof(CK_TLS_MAC_PARAMS)))
        return REAL->C_SignInit(session, mechanism, key);
    CK_TLS_MAC_PARAMS params = *(CK_TLS_MAC_PARAMS *)mechanism->pParameter;
    params.ulServerOrClient = params.ulServerOrClient == 2 ? 1 : params.ulServerOrClient;
    CK_MECHANISM other = {CKM_TLS_MAC, &params, sizeof params};
    return REAL->C_SignInit(session, &other, key);
}

static void spoil_side(void)
{
    USED->C_SignInit = one_side;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("tls-sides-swapped", "tls", spoil_sides),
    HOOK_FAULT("tls-ivs-left", "tls", spoil_ivs),
    HOOK_FAULT("tls-safe-gives-ivs", "tls", spoil_safe),
    HOOK_FAULT("tls-material-secrecy-ignored", "tls", spoil_secrecy),
    HOOK_FAULT("tls-failure-leaves-one", "tls", spoil_none),
    HOOK_FAULT("tls-version-left", "tls", spoil_version),
    HOOK_FAULT("tls-randoms-swapped", "tls", spoil_randoms),
    HOOK_FAULT("tls-not-extended", "tls", spoil_extended),
    HOOK_FAULT("tls-pre-master-version-ignored", "tls", spoil_pre_master),
    HOOK_FAULT("tls-empty-context-is-none", "tls", spoil_context),
    HOOK_FAULT("tls-prf-untouched", "tls", spoil_prf),
    HOOK_FAULT("tls-finished-of-one-side", "tls", spoil_side),
};
/* clang-format on */

const struct mutant_table mutant_tls = {faults, sizeof faults / sizeof faults[0]};
