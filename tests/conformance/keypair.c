/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generating key pairs: RSA, and every kind of curve.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

struct pair {
    CK_OBJECT_HANDLE public, private;
};

#define RSA_1024 ATTR_U(CKA_MODULUS_BITS, 1024)

static void need_rsa(void)
{
    CK_MECHANISM_INFO info = {0};
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, CKM_RSA_PKCS_KEY_PAIR_GEN, &info));
    if (info.ulMinKeySize > 1024)
        check_skip("no 1024-bit keys");
}

static CK_RV rsa_rv(struct template public, struct template private, struct pair *ret_pair)
{
    *ret_pair = (struct pair){0, 0};
    return generate_pair_rv(CKM_RSA_PKCS_KEY_PAIR_GEN, public, private, &ret_pair->public,
                            &ret_pair->private);
}

static struct pair rsa_pair(struct template public, struct template private)
{
    struct pair pair;
    need_rsa();
    EXPECT_OK(rsa_rv(public, private, &pair));
    EXPECT_TRUE(pair.public != 0 && pair.private != 0 && pair.public != pair.private);
    return pair;
}

/* ---- RSA ---- */

static void rsa_2048(void)
{
    CK_BYTE modulus[512], other[512], exponent[16];
    struct pair pair;
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(
        rsa_rv(TEMPLATE(ATTR_U(CKA_MODULUS_BITS, 2048), ATTR_X(CKA_PUBLIC_EXPONENT, "\1\0\1", 3)),
               TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE)), &pair));
    EXPECT_EQUAL(get_bytes(pair.public, CKA_MODULUS, modulus, sizeof modulus), 256);
    EXPECT_TRUE((modulus[0] & 0x80) != 0 && (modulus[255] & 1) != 0);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_MODULUS_BITS), 2048);
    EXPECT_BYTES(exponent, get_bytes(pair.public, CKA_PUBLIC_EXPONENT, exponent, 16), "\1\0\1", 3);
    EXPECT_BYTES(other, get_bytes(pair.private, CKA_MODULUS, other, sizeof other), modulus, 256);
    EXPECT_BYTES(exponent, get_bytes(pair.private, CKA_PUBLIC_EXPONENT, exponent, 16), "\1\0\1", 3);
}

static void rsa_class_and_type(void)
{
    struct pair pair = rsa_pair(TEMPLATE(RSA_1024), NO_ATTRIBUTES);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_CLASS), CKO_PUBLIC_KEY);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_KEY_TYPE), CKK_RSA);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_CLASS), CKO_PRIVATE_KEY);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_TYPE), CKK_RSA);
}

static void rsa_history(void)
{
    struct pair pair = rsa_pair(TEMPLATE(RSA_1024), TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE),
                                                             ATTR_B(CKA_EXTRACTABLE, CK_FALSE)));
    EXPECT_EQUAL(get_bool(pair.public, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_KEY_GEN_MECHANISM), CKM_RSA_PKCS_KEY_PAIR_GEN);
    EXPECT_EQUAL(get_bool(pair.private, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_GEN_MECHANISM), CKM_RSA_PKCS_KEY_PAIR_GEN);
    EXPECT_EQUAL(get_bool(pair.private, CKA_ALWAYS_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_NEVER_EXTRACTABLE), CK_TRUE);
    expect_secret(pair.private, CKA_PRIVATE_EXPONENT);
    expect_secret(pair.private, CKA_PRIME_1);
}

static void rsa_history_open(void)
{
    CK_BYTE value[256];
    struct pair pair = rsa_pair(TEMPLATE(RSA_1024), TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_FALSE),
                                                             ATTR_B(CKA_EXTRACTABLE, CK_TRUE)));
    EXPECT_EQUAL(get_bool(pair.private, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    EXPECT_TRUE(get_bytes(pair.private, CKA_PRIVATE_EXPONENT, value, sizeof value) > 0);
    EXPECT_EQUAL(get_bytes(pair.private, CKA_PRIME_1, value, sizeof value), 64);
}

static void rsa_templates_kept(void)
{
    CK_BYTE value[32];
    struct pair pair =
        rsa_pair(TEMPLATE(RSA_1024, ATTR_S(CKA_LABEL, "public"), ATTR_B(CKA_VERIFY, CK_TRUE),
                          ATTR_B(CKA_ENCRYPT, CK_FALSE), ATTR_X(CKA_ID, "\1", 1)),
                 TEMPLATE(ATTR_S(CKA_LABEL, "private"), ATTR_B(CKA_SIGN, CK_TRUE),
                          ATTR_B(CKA_DECRYPT, CK_FALSE), ATTR_X(CKA_ID, "\2", 1)));
    EXPECT_BYTES(value, get_bytes(pair.public, CKA_LABEL, value, 32), "public", 6);
    EXPECT_BYTES(value, get_bytes(pair.private, CKA_LABEL, value, 32), "private", 7);
    EXPECT_BYTES(value, get_bytes(pair.public, CKA_ID, value, 32), "\1", 1);
    EXPECT_BYTES(value, get_bytes(pair.private, CKA_ID, value, 32), "\2", 1);
    EXPECT_EQUAL(get_bool(pair.public, CKA_VERIFY), CK_TRUE);
    EXPECT_EQUAL(get_bool(pair.public, CKA_ENCRYPT), CK_FALSE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_SIGN), CK_TRUE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_DECRYPT), CK_FALSE);
}

static void rsa_default_exponent(void)
{
    CK_BYTE exponent[16];
    struct pair pair;
    need_rsa();
    CK_RV rv = rsa_rv(TEMPLATE(RSA_1024), NO_ATTRIBUTES, &pair);
    EXPECT_ANY(rv, CKR_OK, CKR_TEMPLATE_INCOMPLETE);
    if (rv == CKR_OK)
        EXPECT_BYTES(exponent, get_bytes(pair.public, CKA_PUBLIC_EXPONENT, exponent, 16), "\1\0\1",
                     3);
}

static void rsa_pair_matches(void)
{
    CK_BYTE signature[128];
    CK_ULONG length = sizeof signature;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN | CKF_VERIFY);
    struct pair pair = rsa_pair(TEMPLATE(RSA_1024, ATTR_B(CKA_VERIFY, CK_TRUE)),
                                TEMPLATE(ATTR_B(CKA_SIGN, CK_TRUE)));
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), pair.private));
    EXPECT_OK(F->C_Sign(S, (CK_BYTE_PTR) "data", 4, signature, &length));
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), pair.public));
    EXPECT_OK(F->C_Verify(S, (CK_BYTE_PTR) "data", 4, signature, length));
}

static void rsa_bits_missing(void)
{
    struct pair pair;
    need_rsa();
    EXPECT(rsa_rv(TEMPLATE(ATTR_X(CKA_PUBLIC_EXPONENT, "\1\0\1", 3)), NO_ATTRIBUTES, &pair),
           CKR_TEMPLATE_INCOMPLETE);
}

static void rsa_bits_out_of_range(void)
{
    struct pair pair;
    CK_MECHANISM_INFO info = {0};
    need_rsa();
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, CKM_RSA_PKCS_KEY_PAIR_GEN, &info));
    EXPECT_ANY(
        rsa_rv(TEMPLATE(ATTR_U(CKA_MODULUS_BITS, info.ulMaxKeySize + 8)), NO_ATTRIBUTES, &pair),
        CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(
        rsa_rv(TEMPLATE(ATTR_U(CKA_MODULUS_BITS, info.ulMinKeySize - 8)), NO_ATTRIBUTES, &pair),
        CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

static void rsa_bad_exponent(void)
{
    static const CK_BYTE exponents[] = {4, 2, 1, 0};
    need_rsa();
    for (size_t i = 0; i < sizeof exponents; i++) {
        struct pair pair;
        EXPECT_ANY(rsa_rv(TEMPLATE(RSA_1024, ATTR_X(CKA_PUBLIC_EXPONENT, &exponents[i], 1)),
                          NO_ATTRIBUTES, &pair),
                   CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_FUNCTION_FAILED);
    }
}

static void rsa_modulus_given(void)
{
    struct pair pair;
    need_rsa();
    EXPECT_ANY(
        rsa_rv(TEMPLATE(RSA_1024, ATTR_X(CKA_MODULUS, key_value(), 128)), NO_ATTRIBUTES, &pair),
        CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(rsa_rv(TEMPLATE(RSA_1024), TEMPLATE(ATTR_X(CKA_PRIME_1, key_value(), 64)), &pair),
               CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
}

static void rsa_inconsistent(void)
{
    struct pair pair;
    need_rsa();
    EXPECT(rsa_rv(TEMPLATE(RSA_1024, ATTR_U(CKA_KEY_TYPE, CKK_EC)), NO_ATTRIBUTES, &pair),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(rsa_rv(TEMPLATE(RSA_1024), TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_EC)), &pair),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(rsa_rv(TEMPLATE(RSA_1024, ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY)), NO_ATTRIBUTES, &pair),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(rsa_rv(TEMPLATE(RSA_1024), TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY)), &pair),
           CKR_TEMPLATE_INCONSISTENT);
}

static void rsa_read_only_attributes(void)
{
    struct pair pair;
    need_rsa();
    EXPECT(rsa_rv(TEMPLATE(RSA_1024, ATTR_B(CKA_LOCAL, CK_TRUE)), NO_ATTRIBUTES, &pair),
           CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(rsa_rv(TEMPLATE(RSA_1024), TEMPLATE(ATTR_B(CKA_ALWAYS_SENSITIVE, CK_TRUE)), &pair),
           CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(rsa_rv(TEMPLATE(RSA_1024), TEMPLATE(ATTR_B(CKA_NEVER_EXTRACTABLE, CK_TRUE)), &pair),
           CKR_ATTRIBUTE_READ_ONLY);
}

static void both_or_none(void)
{
    struct pair pair;
    need_rsa();
    EXPECT_FAILURE(
        rsa_rv(TEMPLATE(RSA_1024, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "half a pair")),
               TEMPLATE(ATTR_S(CKA_LABEL, "half a pair"), ATTR_S(0x4711, "?")), &pair));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "half a pair")), 0);
}

static void null_arguments(void)
{
    CK_ATTRIBUTE bits = RSA_1024;
    CK_OBJECT_HANDLE one = 0, other = 0;
    CK_MECHANISM_PTR mechanism = MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN);
    need_rsa();
    EXPECT(F->C_GenerateKeyPair(S, NULL, &bits, 1, NULL, 0, &one, &other), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GenerateKeyPair(S, mechanism, NULL, 1, NULL, 0, &one, &other), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GenerateKeyPair(S, mechanism, &bits, 1, NULL, 1, &one, &other), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GenerateKeyPair(S, mechanism, &bits, 1, NULL, 0, NULL, &other), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GenerateKeyPair(S, mechanism, &bits, 1, NULL, 0, &one, NULL), CKR_ARGUMENTS_BAD);
}

static void private_without_login(void)
{
    struct pair pair;
    need_rsa();
    EXPECT(rsa_rv(TEMPLATE(RSA_1024, ATTR_B(CKA_PRIVATE, CK_FALSE)),
                  TEMPLATE(ATTR_B(CKA_PRIVATE, CK_TRUE)), &pair),
           CKR_USER_NOT_LOGGED_IN);
}

static void token_pair_read_only(void)
{
    CK_ATTRIBUTE public[] = {RSA_1024}, private[] = {ATTR_B(CKA_TOKEN, CK_TRUE)};
    CK_OBJECT_HANDLE one = 0, other = 0;
    need_rsa();
    EXPECT(F->C_GenerateKeyPair(open_session(0), MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), public, 1,
                                private, 1, &one, &other),
           CKR_SESSION_READ_ONLY);
}

static void token_pair_lasts(void)
{
    need_rsa();
    rsa_pair(TEMPLATE(RSA_1024, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "lasting pair"),
                      ATTR_B(CKA_PRIVATE, CK_FALSE)),
             TEMPLATE(ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "lasting pair"),
                      ATTR_B(CKA_PRIVATE, CK_TRUE)));
    env_reset();
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "lasting pair")), 1);
    login(S, CKU_USER);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "lasting pair")), 2);
}

/* ---- curves ---- */

static CK_MECHANISM_TYPE generation(const struct curve *curve)
{
    if (curve->type == CKK_EC_EDWARDS)
        return CKM_EC_EDWARDS_KEY_PAIR_GEN;
    return curve->type == CKK_EC_MONTGOMERY ? CKM_EC_MONTGOMERY_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
}

static CK_RV curve_rv(const struct curve *curve, struct template private, struct pair *ret_pair)
{
    struct template public = TEMPLATE(ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
                                      ATTR_B(CKA_VERIFY, curve->type != CKK_EC_MONTGOMERY));
    *ret_pair = (struct pair){0, 0};
    return generate_pair_rv(generation(curve), public, private, &ret_pair->public,
                            &ret_pair->private);
}

static struct pair curve_pair(const struct curve *curve, struct template private)
{
    struct pair pair;
    require_mechanism(generation(curve), CKF_GENERATE_KEY_PAIR);
    CK_RV rv = curve_rv(curve, private, &pair);
    if (rv == CKR_CURVE_NOT_SUPPORTED)
        check_skip("%s is not supported", curve->name);
    EXPECT_OK(rv);
    return pair;
}

static void curve_attributes(const void *argument)
{
    const struct curve *curve = argument;
    CK_BYTE value[256];
    CK_ULONG length = 0;
    struct pair pair = curve_pair(curve, TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE)));
    EXPECT_EQUAL(get_ulong(pair.public, CKA_KEY_TYPE), curve->type);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_TYPE), curve->type);
    EXPECT_BYTES(value, get_bytes(pair.public, CKA_EC_PARAMS, value, sizeof value), curve->params,
                 curve->params_length);
    EXPECT_BYTES(value, get_bytes(pair.private, CKA_EC_PARAMS, value, sizeof value), curve->params,
                 curve->params_length);
    length = get_bytes(pair.public, CKA_EC_POINT, value, sizeof value);
    if (curve->type == CKK_EC)
        der_contents(value, length, &length);
    EXPECT_EQUAL(length, curve->public_length);
    EXPECT_EQUAL(get_bool(pair.private, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_GEN_MECHANISM), generation(curve));
    expect_secret(pair.private, CKA_VALUE);
}

static void curve_value(const void *argument)
{
    const struct curve *curve = argument;
    CK_BYTE value[256];
    struct pair pair = curve_pair(
        curve, TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)));
    CK_ULONG length = get_bytes(pair.private, CKA_VALUE, value, sizeof value);
    EXPECT_TRUE(length <= curve->private_length && length + 4 >= curve->private_length);
    EXPECT_EQUAL(get_bool(pair.private, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_NEVER_EXTRACTABLE), CK_FALSE);
}

static void curve_signs(const void *argument)
{
    const struct curve *curve = argument;
    CK_BYTE signature[256], hash[32], point[256];
    CK_ULONG length = sizeof signature, point_length = 0;
    CK_MECHANISM_TYPE type = curve->type == CKK_EC ? CKM_ECDSA : CKM_EDDSA;
    require_mechanism(type, CKF_SIGN);
    struct pair pair = curve_pair(curve, TEMPLATE(ATTR_B(CKA_SIGN, CK_TRUE)));
    fill_bytes(hash, sizeof hash, 1);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(type), pair.private));
    EXPECT_OK(F->C_Sign(S, hash, sizeof hash, signature, &length));
    EXPECT_EQUAL(length, 2 * curve->order);
    CK_ULONG raw = get_bytes(pair.public, CKA_EC_POINT, point, sizeof point);
    const CK_BYTE *inner = der_contents(point, raw, &point_length);
    EXPECT_TRUE(
        ossl_point_verify(curve, inner, point_length, hash, sizeof hash, signature, length));
}

static void curve_params_missing(void)
{
    CK_OBJECT_HANDLE one = 0, other = 0;
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT(generate_pair_rv(CKM_EC_KEY_PAIR_GEN, TEMPLATE(ANY_LABEL), NO_ATTRIBUTES, &one, &other),
           CKR_TEMPLATE_INCOMPLETE);
}

static void curve_params_garbage(void)
{
    CK_OBJECT_HANDLE one = 0, other = 0;
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_ANY(generate_pair_rv(CKM_EC_KEY_PAIR_GEN,
                                TEMPLATE(ATTR_S(CKA_EC_PARAMS, "no DER at all")), NO_ATTRIBUTES,
                                &one, &other),
               CKR_DOMAIN_PARAMS_INVALID, CKR_ATTRIBUTE_VALUE_INVALID);
}

static void curve_params_unknown(void)
{
    CK_OBJECT_HANDLE one = 0, other = 0;
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_ANY(generate_pair_rv(CKM_EC_KEY_PAIR_GEN,
                                TEMPLATE(ATTR_X(CKA_EC_PARAMS, "\x06\x03\x2a\x03\x04", 5)),
                                NO_ATTRIBUTES, &one, &other),
               CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID);
}

static void curve_point_given(void)
{
    CK_OBJECT_HANDLE one = 0, other = 0;
    const struct curve *curve = &curves[P256];
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_ANY(generate_pair_rv(CKM_EC_KEY_PAIR_GEN,
                                TEMPLATE(ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
                                         ATTR_X(CKA_EC_POINT, key_value(), 67)),
                                NO_ATTRIBUTES, &one, &other),
               CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
}

static void curve_for_other_mechanism(void)
{
    CK_OBJECT_HANDLE one = 0, other = 0;
    const struct curve *curve = &curves[P256];
    require_mechanism(CKM_EC_EDWARDS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_ANY(
        generate_pair_rv(CKM_EC_EDWARDS_KEY_PAIR_GEN,
                         TEMPLATE(ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length)),
                         NO_ATTRIBUTES, &one, &other),
        CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
        CKR_TEMPLATE_INCONSISTENT);
}

static void curve_keys_differ(void)
{
    CK_BYTE one[256], other[256];
    struct pair first = curve_pair(&curves[P256], NO_ATTRIBUTES);
    struct pair second = curve_pair(&curves[P256], NO_ATTRIBUTES);
    CK_ULONG length = get_bytes(first.public, CKA_EC_POINT, one, sizeof one);
    get_bytes(second.public, CKA_EC_POINT, other, sizeof other);
    EXPECT_TRUE(memcmp(one, other, length) != 0);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, rsa_2048, "PKCS #1 RSA key pair generation", "modulus and exponent as asked for, in both keys"),
    CHECK(FIX_USER, rsa_class_and_type, "PKCS #1 RSA key pair generation", "contributes classes and key types"),
    CHECK(FIX_USER, rsa_history, "C_GenerateKeyPair", "CKA_LOCAL and its like on both keys; secrets stay in"),
    CHECK(FIX_USER, rsa_history_open, "C_GenerateKeyPair", "a readable private key has no history of secrecy"),
    CHECK(FIX_USER, rsa_templates_kept, "C_GenerateKeyPair", "each key has what its template says"),
    CHECK(FIX_USER, rsa_default_exponent, "PKCS #1 RSA key pair generation", "without CKA_PUBLIC_EXPONENT 65537, or CKR_TEMPLATE_INCOMPLETE"),
    CHECK(FIX_USER, rsa_pair_matches, "C_GenerateKeyPair", "what one key signs the other verifies"),
    CHECK(FIX_USER, rsa_bits_missing, "Footnote 3", "CKR_TEMPLATE_INCOMPLETE without CKA_MODULUS_BITS"),
    CHECK(FIX_USER, rsa_bits_out_of_range, "CK_MECHANISM_INFO", "no key outside of ulMinKeySize and ulMaxKeySize"),
    CHECK(FIX_USER, rsa_bad_exponent, "PKCS #1 RSA key pair generation", "an even exponent is refused, and 1 and 0"),
    CHECK(FIX_USER, rsa_modulus_given, "Footnote 4", "modulus and primes must not be given"),
    CHECK(FIX_USER, rsa_inconsistent, "C_GenerateKeyPair", "CKR_TEMPLATE_INCONSISTENT for another key type or class"),
    CHECK(FIX_USER, rsa_read_only_attributes, "Footnote 4", "CKR_ATTRIBUTE_READ_ONLY for what only the token sets"),
    CHECK(FIX_USER, both_or_none, "C_GenerateKeyPair", "never makes just one key"),
    CHECK(FIX_USER, null_arguments, "C_GenerateKeyPair", "CKR_ARGUMENTS_BAD for NULL mechanism, template or handles"),
    CHECK(FIX_PUBLIC, private_without_login, "C_GenerateKeyPair", "CKR_USER_NOT_LOGGED_IN for a private key in a public session"),
    CHECK(FIX_USER, token_pair_read_only, "C_GenerateKeyPair", "CKR_SESSION_READ_ONLY for a token key in a R/O session"),
    CHECK(FIX_USER, token_pair_lasts, "C_GenerateKeyPair", "token keys are there after the sessions are closed, the private one hidden"),
    CHECK(FIX_USER, curve_params_missing, "Footnote 3", "CKR_TEMPLATE_INCOMPLETE without CKA_EC_PARAMS"),
    CHECK(FIX_USER, curve_params_garbage, "Elliptic curves", "CKR_DOMAIN_PARAMS_INVALID for what are no parameters"),
    CHECK(FIX_USER, curve_params_unknown, "Elliptic curves", "CKR_CURVE_NOT_SUPPORTED for an unknown curve"),
    CHECK(FIX_USER, curve_point_given, "Footnote 4", "CKA_EC_POINT must not be given"),
    CHECK(FIX_USER, curve_for_other_mechanism, "Edwards EC key pair generation", "refuses P-256"),
    CHECK(FIX_USER, curve_keys_differ, "C_GenerateKeyPair", "no key pair twice"),
};

static const struct check curve_checks[] = {
    CHECK_ROW(FIX_USER, curve_attributes, "EC key pair generation", "key type, parameters and point of both keys"),
    CHECK_ROW(FIX_USER, curve_value, "EC key pair generation", "a readable private key has its value and no history of secrecy"),
};

static const struct check signing_checks[] = {
    CHECK_ROW(FIX_USER, curve_signs, "EC key pair generation", "what the private key signs OpenSSL verifies with the public key"),
};
/* clang-format on */

void chapter_keypair(void)
{
    check_add_table("keypair", checks);
    check_add_rows("keypair", curve_checks, curves);
    check_add_rows_if("keypair", signing_checks, curves, row->type != CKK_EC_MONTGOMERY);
}
