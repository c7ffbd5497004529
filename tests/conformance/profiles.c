/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What "PKCS #11 Profiles" asks of a token that claims a profile by an object of CKO_PROFILE:
 * functions, attributes, objects, and for public certificates what lies on the token. A profile
 * that is not claimed is skipped.
 */
#include <string.h>

#include "oasis_data.h"
#include "ossl.h"

static bool claims(CK_SESSION_HANDLE session, CK_PROFILE_ID id)
{
    return FIND_COUNT(session, ATTR_U(CKA_CLASS, CKO_PROFILE), ATTR_U(CKA_PROFILE_ID, id)) > 0;
}

static void need_profile(CK_PROFILE_ID id)
{
    if (!claims(S, id))
        check_skip("the profile is not claimed");
}

/* ---- functions ---- */

/* Calls with a session that there is not: they say what they are, and change nothing. */
static CK_ULONG number;
static CK_ATTRIBUTE none;
static CK_SLOT_ID slots[1];
static union {
    CK_INFO library;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    CK_SESSION_INFO session;
    CK_MECHANISM_INFO mechanism;
    CK_FUNCTION_LIST_PTR list;
    CK_INTERFACE_PTR interface;
    CK_BYTE bytes[64];
} out;

#define PROBE(name, ...)                                                                           \
    static CK_RV probe_##name(void)                                                                \
    {                                                                                              \
        return F->name == NULL ? CKR_FUNCTION_NOT_SUPPORTED : F->name(__VA_ARGS__);                \
    }
#define NOBODY CK_INVALID_HANDLE

/* clang-format off */
PROBE(C_GetFunctionList, &out.list)
PROBE(C_GetInterfaceList, NULL, &number)
PROBE(C_GetInterface, NULL, NULL, &out.interface, 0)
PROBE(C_Initialize, NULL)
PROBE(C_Finalize, &out)
PROBE(C_GetInfo, &out.library)
PROBE(C_GetSlotList, CK_TRUE, NULL, &number)
PROBE(C_GetSlotInfo, env.slot, &out.slot)
PROBE(C_GetTokenInfo, env.slot, &out.token)
PROBE(C_OpenSession, env.slot, 0, NULL, NULL, &number)
PROBE(C_CloseSession, NOBODY)
PROBE(C_GetSessionInfo, NOBODY, &out.session)
PROBE(C_FindObjectsInit, NOBODY, NULL, 0)
PROBE(C_FindObjects, NOBODY, slots, 1, &number)
PROBE(C_FindObjectsFinal, NOBODY)
PROBE(C_GetAttributeValue, NOBODY, NOBODY, &none, 1)
PROBE(C_GetMechanismList, env.slot, NULL, &number)
PROBE(C_GetMechanismInfo, env.slot, CKM_SHA512, &out.mechanism)
PROBE(C_Login, NOBODY, CKU_USER, out.bytes, 4)
PROBE(C_LoginUser, NOBODY, CKU_USER, out.bytes, 4, out.bytes, 4)
PROBE(C_Logout, NOBODY)
PROBE(C_SignInit, NOBODY, MECHANISM(CKM_RSA_PKCS), NOBODY)
PROBE(C_Sign, NOBODY, out.bytes, 4, out.bytes, &number)
PROBE(C_SignUpdate, NOBODY, out.bytes, 4)
PROBE(C_SignFinal, NOBODY, out.bytes, &number)
PROBE(C_DeriveKey, NOBODY, MECHANISM(CKM_HKDF_DATA), NOBODY, NULL, 0, &number)

struct function {
    const char *name;
    CK_PROFILE_ID profile;
    CK_RV (*call)(void);
    CK_RV wanted;
};
#define FUNCTION(profile, name, wanted) {#profile "/" #name, CKP_##profile, probe_##name, wanted}

static const struct function functions[] = {
    FUNCTION(BASELINE_PROVIDER, C_GetFunctionList, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_GetInterfaceList, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_GetInterface, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_Initialize, CKR_CRYPTOKI_ALREADY_INITIALIZED),
    FUNCTION(BASELINE_PROVIDER, C_Finalize, CKR_ARGUMENTS_BAD),
    FUNCTION(BASELINE_PROVIDER, C_GetInfo, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_GetSlotList, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_GetSlotInfo, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_GetTokenInfo, CKR_OK),
    FUNCTION(BASELINE_PROVIDER, C_OpenSession, CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    FUNCTION(BASELINE_PROVIDER, C_CloseSession, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(BASELINE_PROVIDER, C_GetSessionInfo, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(BASELINE_PROVIDER, C_FindObjectsInit, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(BASELINE_PROVIDER, C_FindObjects, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(BASELINE_PROVIDER, C_FindObjectsFinal, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(BASELINE_PROVIDER, C_GetAttributeValue, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(EXTENDED_PROVIDER, C_GetMechanismList, CKR_OK),
    FUNCTION(EXTENDED_PROVIDER, C_GetMechanismInfo, CKR_OK),
    FUNCTION(EXTENDED_PROVIDER, C_Login, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(EXTENDED_PROVIDER, C_LoginUser, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(EXTENDED_PROVIDER, C_Logout, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_Login, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_LoginUser, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_Logout, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_SignInit, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_Sign, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_SignUpdate, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(AUTHENTICATION_TOKEN, C_SignFinal, CKR_SESSION_HANDLE_INVALID),
    FUNCTION(HKDF_TLS_TOKEN, C_DeriveKey, CKR_SESSION_HANDLE_INVALID),
};
/* clang-format on */

static void function_answers(const void *row)
{
    const struct function *function = row;
    need_profile(function->profile);
    CK_RV rv = function->call();
    if (rv == CKR_FUNCTION_NOT_SUPPORTED)
        check_fail(HERE, "the profile is claimed without the function");
    EXPECT(rv, function->wanted);
}

/* ---- profile objects ---- */

struct profile {
    const char *name;
    CK_PROFILE_ID id;
};
#define PROFILE(name) {#name, CKP_##name}

static const struct profile profiles[] = {
    PROFILE(BASELINE_PROVIDER), PROFILE(EXTENDED_PROVIDER),         PROFILE(AUTHENTICATION_TOKEN),
    PROFILE(COMPLETE_PROVIDER), PROFILE(PUBLIC_CERTIFICATES_TOKEN), PROFILE(HKDF_TLS_TOKEN),
};

/* In a read-only session, before anybody logs in: once, with all that makes it an object. */
static void claimed_once(const void *row)
{
    const struct profile *profile = row;
    CK_BYTE id[64];
    need_profile(profile->id);
    env.session = open_session(0);
    CK_OBJECT_HANDLE object =
        FIND_ONE(S, ATTR_U(CKA_CLASS, CKO_PROFILE), ATTR_U(CKA_PROFILE_ID, profile->id));
    EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_PROFILE);
    EXPECT_EQUAL(get_ulong(object, CKA_PROFILE_ID), profile->id);
    CK_ULONG length = get_bytes(object, CKA_UNIQUE_ID, id, sizeof id);
    EXPECT_TRUE(length > 0);
    EXPECT_TRUE(FIND_ONE(S, ATTR_X(CKA_UNIQUE_ID, id, length)) == object);
}

static void claimed_by_baseline(const void *row)
{
    const struct profile *profile = row;
    need_profile(profile->id);
    EXPECT_TRUE(claims(S, CKP_BASELINE_PROVIDER));
}

static void no_profile_is_invalid(void)
{
    need_profile(CKP_BASELINE_PROVIDER);
    EXPECT_TRUE(!claims(S, CKP_INVALID_ID));
}

/* ---- Baseline Provider ---- */

static void baseline_attributes(void)
{
    CK_BYTE id[64];
    CK_ULONG length = sizeof id;
    need_profile(CKP_BASELINE_PROVIDER);
    CK_OBJECT_HANDLE object =
        CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
               ATTR_A(CKA_VALUE, p256_certificate), ATTR_A(CKA_SUBJECT, p256_certificate_subject),
               ATTR_B(CKA_PRIVATE, CK_FALSE), ATTR_B(CKA_MODIFIABLE, CK_FALSE),
               ATTR_S(CKA_ID, "id"), ATTR_S(CKA_LABEL, "label"));
    EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_CERTIFICATE);
    EXPECT_EQUAL(get_bool(object, CKA_TOKEN), CK_FALSE);
    EXPECT_EQUAL(get_bool(object, CKA_PRIVATE), CK_FALSE);
    EXPECT_EQUAL(get_bool(object, CKA_MODIFIABLE), CK_FALSE);
    EXPECT_BYTES(id, get_bytes(object, CKA_ID, id, sizeof id), "id", 2);
    EXPECT_BYTES(id, get_bytes(object, CKA_LABEL, id, sizeof id), "label", 5);
    EXPECT_OK(get_rv(object, CKA_UNIQUE_ID, id, &length));
    EXPECT_TRUE(length > 0);
    length = 0;
    EXPECT_OK(get_rv(object, CKA_VALUE, NULL, &length));
    EXPECT_EQUAL(length, sizeof p256_certificate);
}

/* ---- Complete Provider ---- */

/* From the sections of chapter 6 that a token leaves out most easily. */
static const CK_MECHANISM_TYPE rare[] = {
    CKM_RSA_9796,
    CKM_ECMQV_DERIVE,
    CKM_XEDDSA,
    CKM_X9_42_MQV_DERIVE,
    CKM_DSA_FIPS_G_GEN,
    CKM_AES_XCBC_MAC_96,
    CKM_WTLS_PRE_MASTER_KEY_GEN,
    CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE,
    CKM_CMS_SIG,
    CKM_KIP_MAC,
    CKM_GOSTR3410,
    CKM_GOST28147,
    CKM_HOTP,
    CKM_X3DH_INITIALIZE,
    CKM_X2RATCHET_INITIALIZE,
    CKM_IKE2_PRF_PLUS_DERIVE,
    CKM_HSS,
    CKM_XMSSMT,
    CKM_NULL,
    CKM_PUB_KEY_FROM_PRIV_KEY,
};

static void complete_is_complete(void)
{
    CK_MECHANISM_INFO info;
    need_profile(CKP_BASELINE_PROVIDER);
    if (!claims(S, CKP_COMPLETE_PROVIDER))
        return;
    EXPECT_TRUE(claims(S, CKP_EXTENDED_PROVIDER) && claims(S, CKP_AUTHENTICATION_TOKEN));
    for (size_t i = 0; i < COUNT(rare); i++)
        EXPECT_OK(F->C_GetMechanismInfo(env.slot, rare[i], &info));
}

/* ---- Authentication Token ---- */

static void authenticates(bool in_parts)
{
    CK_BYTE data[100], signature[RSA_BYTES];
    CK_ULONG length = sizeof signature;
    need_profile(CKP_AUTHENTICATION_TOKEN);
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    fill_bytes(data, sizeof data, 3);
    CK_OBJECT_HANDLE key = key_rsa_private(ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "auth"));
    logout(S);
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key), CKR_KEY_HANDLE_INVALID);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "auth")), 0);
    login(S, CKU_USER);
    key = FIND_ONE(S, ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_S(CKA_LABEL, "auth"));
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    if (in_parts) {
        EXPECT_OK(F->C_SignUpdate(S, data, 60));
        EXPECT_OK(F->C_SignUpdate(S, data + 60, sizeof data - 60));
        EXPECT_OK(F->C_SignFinal(S, signature, &length));
    } else {
        EXPECT_OK(F->C_Sign(S, data, sizeof data, signature, &length));
    }
    EXPECT_TRUE(ossl_rsa_verify_sha256(data, sizeof data, signature, length));
}

static void authenticates_at_once(void)
{
    authenticates(false);
}

static void authenticates_in_parts(void)
{
    authenticates(true);
}

/* ---- Public Certificates Token ---- */

enum { ABSENT, WITH_ID, WITH_OTHER_ID, WITH_NO_ID, OTHER_KEY };
enum { NO, YES, EITHER };

/* What lies on the token, and whether it may then claim the profile: before and in a login. */
struct contents {
    const char *name;
    struct {
        int what;
        CK_BBOOL private;
    } certificate, private_key, public_key;
    int before, within;
};

/* clang-format off */
static const struct contents contents[] = {
    {"nothing", {ABSENT, 0}, {ABSENT, 0}, {ABSENT, 0}, YES, YES},
    {"certificate", {WITH_ID, 0}, {ABSENT, 0}, {ABSENT, 0}, YES, YES},
    {"private-certificate", {WITH_ID, 1}, {ABSENT, 0}, {ABSENT, 0}, NO, NO},
    {"private-certificate-of-pair", {WITH_ID, 1}, {WITH_ID, 1}, {WITH_ID, 0}, NO, NO},
    {"certificate-and-pair", {WITH_ID, 0}, {WITH_ID, 1}, {WITH_ID, 0}, YES, YES},
    {"certificate-and-private-key", {WITH_ID, 0}, {WITH_ID, 1}, {ABSENT, 0}, NO, NO},
    {"certificate-and-open-private-key", {WITH_ID, 0}, {WITH_ID, 0}, {ABSENT, 0}, EITHER, YES},
    {"certificate-and-public-key", {WITH_ID, 0}, {ABSENT, 0}, {WITH_ID, 0}, YES, YES},
    {"hidden-public-key", {WITH_ID, 0}, {WITH_ID, 1}, {WITH_ID, 1}, NO, NO},
    {"private-key-with-other-id", {WITH_ID, 0}, {WITH_OTHER_ID, 1}, {WITH_ID, 0}, EITHER, NO},
    {"public-key-with-other-id", {WITH_ID, 0}, {WITH_ID, 1}, {WITH_OTHER_ID, 0}, NO, NO},
    {"certificate-without-id", {WITH_NO_ID, 0}, {WITH_ID, 1}, {WITH_ID, 0}, NO, NO},
    {"nothing-with-id", {WITH_NO_ID, 0}, {WITH_NO_ID, 1}, {WITH_NO_ID, 0}, NO, NO},
    {"certificate-and-other-key", {WITH_ID, 0}, {OTHER_KEY, 1}, {ABSENT, 0}, EITHER, YES},
    {"pair-without-certificate", {ABSENT, 0}, {WITH_ID, 1}, {ABSENT, 0}, YES, YES},
};
/* clang-format on */

static CK_ATTRIBUTE id_for(int what)
{
    CK_ATTRIBUTE id = ATTR_S(CKA_ID, "certified");
    CK_ATTRIBUTE other = ATTR_S(CKA_ID, "something else");
    id.ulValueLen = what == WITH_NO_ID ? 0 : id.ulValueLen;
    return what == WITH_OTHER_ID ? other : id;
}

static void put_certificate(int what, CK_BBOOL private)
{
    if (what != ABSENT)
        CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
               ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, private),
               ATTR_A(CKA_VALUE, p256_certificate), ATTR_A(CKA_SUBJECT, p256_certificate_subject),
               ATTR_A(CKA_SERIAL_NUMBER, p256_certificate_serial), id_for(what), ANY_LABEL);
}

static void put_private_key(int what, CK_BBOOL private)
{
    if (what == OTHER_KEY)
        key_rsa_private(ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, private), id_for(WITH_ID));
    else if (what != ABSENT)
        key_curve_private(&curves[P256], ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, private),
                          id_for(what));
}

static void put_public_key(int what, CK_BBOOL private)
{
    if (what != ABSENT)
        key_curve_public(&curves[P256], ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, private),
                         id_for(what));
}

static void expect_claim(int wanted)
{
    if (wanted != EITHER)
        EXPECT_EQUAL(claims(S, CKP_PUBLIC_CERTIFICATES_TOKEN), wanted);
}

/* Both orders: what a login has shown must not be remembered wrongly, nor forgotten. */
static void certificates_claim(const void *row)
{
    const struct contents *on = row;
    need_profile(CKP_PUBLIC_CERTIFICATES_TOKEN);
    put_certificate(on->certificate.what, on->certificate.private);
    put_private_key(on->private_key.what, on->private_key.private);
    put_public_key(on->public_key.what, on->public_key.private);
    expect_claim(on->within);
    logout(S);
    expect_claim(on->before);
    login(S, CKU_USER);
    expect_claim(on->within);
}

/* The claim goes with the object that speaks against it, and comes back when that is destroyed. */
static void claim_comes_back(void)
{
    need_profile(CKP_PUBLIC_CERTIFICATES_TOKEN);
    CK_OBJECT_HANDLE object =
        CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
               ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, CK_TRUE),
               ATTR_A(CKA_VALUE, p256_certificate), ATTR_A(CKA_SUBJECT, p256_certificate_subject));
    CK_SESSION_HANDLE other = open_session(0);
    EXPECT_TRUE(!claims(other, CKP_PUBLIC_CERTIFICATES_TOKEN));
    EXPECT_OK(F->C_DestroyObject(S, object));
    EXPECT_TRUE(claims(other, CKP_PUBLIC_CERTIFICATES_TOKEN));
    logout(S);
    EXPECT_TRUE(claims(other, CKP_PUBLIC_CERTIFICATES_TOKEN));
}

/* Session objects are not on the token. */
static void session_certificates_count_not(void)
{
    need_profile(CKP_PUBLIC_CERTIFICATES_TOKEN);
    CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
           ATTR_B(CKA_PRIVATE, CK_TRUE), ATTR_A(CKA_VALUE, p256_certificate),
           ATTR_A(CKA_SUBJECT, p256_certificate_subject));
    EXPECT_TRUE(claims(S, CKP_PUBLIC_CERTIFICATES_TOKEN));
}

/* What the profile is for: all of it without a login, in a session that cannot write. */
static void certificates_are_read(void)
{
    CK_BYTE value[sizeof p256_certificate], id[16];
    need_profile(CKP_PUBLIC_CERTIFICATES_TOKEN);
    put_certificate(WITH_ID, CK_FALSE);
    put_private_key(WITH_ID, CK_TRUE);
    put_public_key(WITH_ID, CK_FALSE);
    env_reset();
    env.session = open_session(0);
    EXPECT_EQUAL(session_state(S), CKS_RO_PUBLIC_SESSION);
    need_profile(CKP_PUBLIC_CERTIFICATES_TOKEN);
    CK_OBJECT_HANDLE object = FIND_ONE(S, ATTR_U(CKA_CLASS, CKO_CERTIFICATE));
    EXPECT_BYTES(value, get_bytes(object, CKA_VALUE, value, sizeof value), p256_certificate,
                 sizeof p256_certificate);
    CK_ULONG length = get_bytes(object, CKA_ID, id, sizeof id);
    object = FIND_ONE(S, ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_X(CKA_ID, id, length));
    EXPECT_EQUAL(get_ulong(object, CKA_KEY_TYPE), CKK_EC);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_X(CKA_ID, id, length)), 2);
}

/* ---- HKDF TLS Token ---- */

struct info {
    const char *name;
    const char *label; /* the zero behind it is a part of it */
    CK_ULONG label_length;
    CK_ULONG length;
};

static const struct info infos[] = {
    {"tls-iv", "tls iv", sizeof "tls iv", 12},
    {"tls-quic-iv", "tls quic iv", sizeof "tls quic iv", 12},
    {"tls-iv-8", "tls iv", sizeof "tls iv", 8},
};

/* HKDF-Expand of one block, by way of its HMAC. */
static void expand(const CK_BYTE *key, CK_ULONG key_length, const CK_BYTE *info, CK_ULONG length,
                   CK_BYTE block[64])
{
    CK_BYTE text[64];
    memcpy(text, info, length);
    text[length] = 1;
    EXPECT_EQUAL(ossl_hmac("SHA2-256", key, key_length, text, length + 1, block), 32);
}

static void hkdf_takes_info(const void *row)
{
    const struct info *info = row;
    CK_BYTE text[32] = {(CK_BYTE)(info->length >> 8), (CK_BYTE)info->length}, wanted[64], got[64];
    CK_OBJECT_HANDLE object = 0;
    need_profile(CKP_HKDF_TLS_TOKEN);
    memcpy(text + 2, info->label, info->label_length);
    CK_HKDF_PARAMS params = {.bExpand = CK_TRUE,
                             .prfHashMechanism = CKM_SHA256,
                             .ulSaltType = CKF_HKDF_SALT_NULL,
                             .pInfo = text,
                             .ulInfoLen = 2 + info->label_length};
    CK_OBJECT_HANDLE base = key_secret(CKK_HKDF, key_value(), 32, ATTR_B(CKA_SENSITIVE, CK_TRUE));
    struct template template =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_U(CKA_VALUE_LEN, info->length), ANY_LABEL);
    CK_RV rv = F->C_DeriveKey(S, MECHANISM_P(CKM_HKDF_DATA, params), base, template.attributes,
                              template.count, &object);
    EXPECT_TRUE(rv != CKR_FUNCTION_NOT_SUPPORTED);
    EXPECT_OK(rv);
    expand(key_value(), 32, text, params.ulInfoLen, wanted);
    EXPECT_BYTES(got, get_bytes(object, CKA_VALUE, got, sizeof got), wanted, info->length);
    EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_DATA);
}

/* clang-format off */
static const struct check function_checks[] = {
    CHECK_ROW(FIX_PUBLIC, function_answers, "Profiles 5.1 to 5.6", "a profile that is claimed has its functions"),
};

static const struct check profile_checks[] = {
    CHECK_ROW(FIX_PUBLIC, claimed_once, "Profiles 5.1 to 5.6", "one object says so, to everybody"),
    CHECK_ROW(FIX_PUBLIC, claimed_by_baseline, "Profiles 5.1 to 5.6", "profiles include those that they build on"),
};

static const struct check contents_checks[] = {
    CHECK_ROW(FIX_USER, certificates_claim, "Profiles 5.5", "claimed only while what lies on the token allows it"),
};

static const struct check info_checks[] = {
    CHECK_ROW(FIX_USER, hkdf_takes_info, "Profiles 5.6", "CKM_HKDF_DATA takes the pInfo of TLS and QUIC"),
};

static const struct check checks[] = {
    CHECK(FIX_PUBLIC, no_profile_is_invalid, "Profiles 2.3", "CKP_INVALID_ID is no profile"),
    CHECK(FIX_USER, baseline_attributes, "Profiles 5.1", "the Baseline Provider's attributes"),
    CHECK(FIX_PUBLIC, complete_is_complete, "Profiles 5.2", "claimed by nobody who lacks a mechanism of the standard"),
    CHECK(FIX_USER, authenticates_at_once, "Profiles 5.4", "a private key signs after a login, not before"),
    CHECK(FIX_USER, authenticates_in_parts, "Profiles 5.4", "the same in parts"),
    CHECK(FIX_USER, claim_comes_back, "Profiles 5.5", "a private certificate takes the claim away as long as it is there"),
    CHECK(FIX_USER, session_certificates_count_not, "Profiles 5.5", "certificates on the token alone are meant"),
    CHECK(FIX_USER, certificates_are_read, "Profiles 5.5", "certificates and their public keys are found without a login"),
};
/* clang-format on */

void chapter_profiles(void)
{
    check_add_rows("profiles", function_checks, functions);
    check_add_rows("profiles", profile_checks, profiles);
    check_add_rows("profiles", contents_checks, contents);
    check_add_rows("profiles", info_checks, infos);
    check_add_table("profiles", checks);
}
