/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys and IVs from passwords as PKCS #12 makes them.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

/* "smeg", as PKCS #12 has it. */
static CK_BYTE password[] = {0, 's', 0, 'm', 0, 'e', 0, 'g', 0, 0};
static CK_BYTE salt[] = {0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f};
static CK_BYTE mac_salt[] = {0x3d, 0x83, 0xc0, 0xe4, 0x54, 0x6a, 0xc1, 0x40};
static CK_BYTE iv[8];

static CK_PBE_PARAMS parameter(void)
{
    memset(iv, 0x77, sizeof iv);
    return (CK_PBE_PARAMS){iv, password, sizeof password, salt, sizeof salt, 1};
}

static CK_RV pbe_rv(CK_MECHANISM_TYPE type, CK_PBE_PARAMS params, struct template template,
                    CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(type, CKF_GENERATE);
    return F->C_GenerateKey(S, MECHANISM_P(type, params), template.attributes, template.count,
                            ret_key);
}

#define REFUSE(type, params, code, ...)                                                            \
    EXPECT(pbe_rv(type, params, TEMPLATE(__VA_ARGS__), &(CK_OBJECT_HANDLE){0}), code)

struct kind {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type;
    CK_ULONG length;
};

/* The key of RFC 7292 before its parity is set begins the same for both. */
static const CK_BYTE des_key[] = {0x8a, 0xab, 0xe6, 0x29, 0x7a, 0x6d, 0xb0, 0x46,
                                  0x43, 0xab, 0x5b, 0x07, 0x79, 0x51, 0x29, 0x4f,
                                  0xb6, 0x13, 0x8f, 0x1a, 0x2a, 0x7f, 0xbc, 0xa2};
static const CK_BYTE des_iv[] = {0x79, 0x99, 0x3d, 0xfe, 0x04, 0x8d, 0x3b, 0x76};

static const struct kind kinds[] = {
    {"CKM_PBE_SHA1_DES3_EDE_CBC", CKM_PBE_SHA1_DES3_EDE_CBC, CKK_DES3, 24},
    {"CKM_PBE_SHA1_DES2_EDE_CBC", CKM_PBE_SHA1_DES2_EDE_CBC, CKK_DES2, 16},
};

static void key_and_iv(const void *argument)
{
    const struct kind *kind = argument;
    CK_OBJECT_HANDLE key = 0;
    CK_BYTE value[24];
    EXPECT_OK(pbe_rv(kind->type, parameter(), TEMPLATE(READABLE), &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), des_key, kind->length);
    EXPECT_BYTES(iv, sizeof iv, des_iv, sizeof des_iv);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), kind->key_type);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), kind->type);
}

static void key_encrypts(const void *argument)
{
    const struct kind *kind = argument;
    CK_BYTE data[16] = "0123456789abcdef", sealed[32], plain[32];
    CK_ULONG sealed_length = sizeof sealed, plain_length = sizeof plain;
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_DES3_CBC, CKF_ENCRYPT | CKF_DECRYPT);
    EXPECT_OK(pbe_rv(kind->type, parameter(), NO_ATTRIBUTES, &key));
    CK_MECHANISM_PTR mechanism = MECHANISM_X(CKM_DES3_CBC, iv, sizeof iv);
    EXPECT_OK(F->C_EncryptInit(S, mechanism, key));
    EXPECT_OK(F->C_Encrypt(S, data, sizeof data, sealed, &sealed_length));
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key));
    EXPECT_OK(F->C_Decrypt(S, sealed, sealed_length, plain, &plain_length));
    EXPECT_BYTES(plain, plain_length, data, sizeof data);
}

static void iv_must_have_a_place(const void *argument)
{
    const struct kind *kind = argument;
    CK_PBE_PARAMS params = parameter();
    params.pInitVector = NULL;
    REFUSE(kind->type, params, CKR_MECHANISM_PARAM_INVALID, READABLE);
}

/* What fails writes nothing. */
static void iv_stays_on_failure(const void *argument)
{
    const struct kind *kind = argument;
    CK_BYTE before[sizeof iv];
    CK_PBE_PARAMS params = parameter();
    memcpy(before, iv, sizeof iv);
    params.ulIteration = 0;
    REFUSE(kind->type, params, CKR_MECHANISM_PARAM_INVALID, READABLE);
    REFUSE(kind->type, parameter(), CKR_TEMPLATE_INCONSISTENT, ATTR_U(CKA_KEY_TYPE, CKK_AES));
    EXPECT_BYTES(iv, sizeof iv, before, sizeof before);
}

static CK_PBE_PARAMS mac_parameter(void)
{
    CK_PBE_PARAMS params = parameter();
    params.pSalt = mac_salt;
    params.ulSaltLen = sizeof mac_salt;
    return params;
}

static const CK_BYTE mac_key[] = {0x8d, 0x96, 0x7d, 0x88, 0xf6, 0xca, 0xa9, 0xd7, 0x14, 0x80,
                                  0x0a, 0xb3, 0xd4, 0x80, 0x51, 0xd6, 0x3f, 0x73, 0xa3, 0x12};

static void key_for_mac(void)
{
    CK_OBJECT_HANDLE key = 0;
    CK_BYTE value[32], mac[32], right[32];
    CK_ULONG length = sizeof mac;
    EXPECT_OK(pbe_rv(CKM_PBA_SHA1_WITH_SHA1_HMAC, mac_parameter(), TEMPLATE(READABLE), &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), mac_key, sizeof mac_key);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 20);
    require_mechanism(CKM_SHA_1_HMAC, CKF_SIGN);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA_1_HMAC), key));
    EXPECT_OK(F->C_Sign(S, password, sizeof password, mac, &length));
    EXPECT_BYTES(mac, length, right,
                 ossl_hmac("SHA1", mac_key, sizeof mac_key, password, sizeof password, right));
}

/* Wherever it points. */
static void mac_has_no_iv(void)
{
    CK_BYTE before[sizeof iv];
    CK_PBE_PARAMS params = mac_parameter();
    CK_OBJECT_HANDLE key = 0;
    memcpy(before, iv, sizeof iv);
    EXPECT_OK(pbe_rv(CKM_PBA_SHA1_WITH_SHA1_HMAC, params, TEMPLATE(READABLE), &key));
    EXPECT_BYTES(iv, sizeof iv, before, sizeof before);
    params.pInitVector = (CK_BYTE_PTR)1;
    EXPECT_OK(pbe_rv(CKM_PBA_SHA1_WITH_SHA1_HMAC, params, TEMPLATE(READABLE), &key));
}

static void mac_key_length(void)
{
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(pbe_rv(CKM_PBA_SHA1_WITH_SHA1_HMAC, mac_parameter(),
                     TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, 20)), &key));
    REFUSE(CKM_PBA_SHA1_WITH_SHA1_HMAC, mac_parameter(), CKR_TEMPLATE_INCONSISTENT,
           ATTR_U(CKA_VALUE_LEN, 16));
}

static void parameters_refused(void)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_PBE_SHA1_DES3_EDE_CBC, CKM_PBE_SHA1_DES2_EDE_CBC,
                                              CKM_PBA_SHA1_WITH_SHA1_HMAC};
    CK_OBJECT_HANDLE key = 0;
    for (size_t i = 0; i < COUNT(types); i++) {
        CK_PBE_PARAMS params = parameter();
        require_mechanism(types[i], CKF_GENERATE);
        EXPECT(F->C_GenerateKey(S, MECHANISM(types[i]), NULL, 0, &key),
               CKR_MECHANISM_PARAM_INVALID);
        EXPECT(
            F->C_GenerateKey(S, MECHANISM_X(types[i], &params, sizeof params - 1), NULL, 0, &key),
            CKR_MECHANISM_PARAM_INVALID);
        params.pPassword = NULL; /* but a length */
        REFUSE(types[i], params, CKR_MECHANISM_PARAM_INVALID, READABLE);
        params = parameter();
        params.pSalt = NULL;
        REFUSE(types[i], params, CKR_MECHANISM_PARAM_INVALID, READABLE);
        params = parameter();
        params.ulIteration = 0;
        REFUSE(types[i], params, CKR_MECHANISM_PARAM_INVALID, READABLE);
        params.ulIteration = CK_UNAVAILABLE_INFORMATION; /* for ever */
        REFUSE(types[i], params, CKR_MECHANISM_PARAM_INVALID, READABLE);
    }
}

/* clang-format off */
static const struct check kind_checks[] = {
    CHECK_ROW(FIX_USER, key_and_iv, "PKCS #12 password-based encryption", "the known key, and its IV where the parameter says"),
    CHECK_ROW(FIX_USER, key_encrypts, "PKCS #12 password-based encryption", "key and IV are fit for encryption"),
    CHECK_ROW(FIX_USER, iv_must_have_a_place, "CK_PBE_PARAMS", "CKR_MECHANISM_PARAM_INVALID without a place for the IV"),
    CHECK_ROW(FIX_USER, iv_stays_on_failure, "CK_PBE_PARAMS", "what fails writes no IV"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, key_for_mac, "SHA-1-PBA for SHA-1-HMAC", "a generic secret of 20 bytes, the known one, which signs"),
    CHECK(FIX_USER, mac_has_no_iv, "SHA-1-PBA for SHA-1-HMAC", "the pointer to an IV is ignored"),
    CHECK(FIX_USER, mac_key_length, "SHA-1-PBA for SHA-1-HMAC", "the key has 160 bits"),
    CHECK(FIX_USER, parameters_refused, "CKR_MECHANISM_PARAM_INVALID", "for parameters that are none, and iterations without end"),
};
/* clang-format on */

void chapter_pbe(void)
{
    check_add_rows("pbe", kind_checks, kinds);
    check_add_table("pbe", checks);
}
