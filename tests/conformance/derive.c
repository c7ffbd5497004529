/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deriving keys by Diffie-Hellman on curves, with every key derivation function.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define TARGET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_BYTE point[256], secret[128];
static CK_ULONG point_length, secret_length;

static CK_RV derive_rv(const struct curve *curve, CK_ECDH1_DERIVE_PARAMS params,
                       struct template base, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    if (curve->type == CKK_EC_MONTGOMERY)
        require_mechanism(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 0);
    CK_OBJECT_HANDLE private = key_curve_private_with(HERE, curve, base);
    return F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, params), private, template.attributes,
                          template.count, ret_key);
}

static CK_ECDH1_DERIVE_PARAMS plain(void)
{
    return (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, point_length, point};
}

static void new_peer(const struct curve *curve)
{
    secret_length = ossl_peer(curve, point, &point_length, secret);
}

static CK_OBJECT_HANDLE derive(const struct curve *curve, struct template template)
{
    CK_OBJECT_HANDLE key = 0;
    new_peer(curve);
    EXPECT_OK(derive_rv(curve, plain(), TEMPLATE(ANY_LABEL), template, &key));
    return key;
}

static void expect_value(CK_OBJECT_HANDLE key, const CK_BYTE *right, CK_ULONG length)
{
    CK_BYTE value[256];
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), right, length);
}

/* ---- every curve ---- */

static void whole_secret(const void *argument)
{
    const struct curve *curve = argument;
    CK_OBJECT_HANDLE key = derive(curve, TEMPLATE(TARGET, READABLE));
    expect_value(key, secret, secret_length);
}

static void truncated_secret(const void *argument)
{
    const struct curve *curve = argument;
    /* "The truncation removes bytes from the leading end of the secret value." */
    CK_OBJECT_HANDLE key = derive(curve, TEMPLATE(TARGET, READABLE, ATTR_U(CKA_VALUE_LEN, 20)));
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 20);
    expect_value(key, secret + secret_length - 20, 20);
}

/* ---- every key derivation function ---- */

struct kdf {
    const char *name;
    CK_EC_KDF_TYPE type;
    const char *digest;
    bool sp800; /* the counter comes first; in X9.63 it follows the secret */
};

#define KDF(type, digest, sp800) {#type, type, digest, sp800}
static const struct kdf kdfs[] = {
    KDF(CKD_SHA1_KDF, "SHA1", false),
    KDF(CKD_SHA224_KDF, "SHA2-224", false),
    KDF(CKD_SHA256_KDF, "SHA2-256", false),
    KDF(CKD_SHA384_KDF, "SHA2-384", false),
    KDF(CKD_SHA512_KDF, "SHA2-512", false),
    KDF(CKD_SHA3_224_KDF, "SHA3-224", false),
    KDF(CKD_SHA3_256_KDF, "SHA3-256", false),
    KDF(CKD_SHA3_384_KDF, "SHA3-384", false),
    KDF(CKD_SHA3_512_KDF, "SHA3-512", false),
    KDF(CKD_SHA1_KDF_SP800, "SHA1", true),
    KDF(CKD_SHA224_KDF_SP800, "SHA2-224", true),
    KDF(CKD_SHA256_KDF_SP800, "SHA2-256", true),
    KDF(CKD_SHA384_KDF_SP800, "SHA2-384", true),
    KDF(CKD_SHA512_KDF_SP800, "SHA2-512", true),
    KDF(CKD_SHA3_224_KDF_SP800, "SHA3-224", true),
    KDF(CKD_SHA3_256_KDF_SP800, "SHA3-256", true),
    KDF(CKD_SHA3_384_KDF_SP800, "SHA3-384", true),
    KDF(CKD_SHA3_512_KDF_SP800, "SHA3-512", true),
};

static void right_kdf(const struct kdf *kdf, const CK_BYTE *info, CK_ULONG info_length,
                      CK_BYTE *out, CK_ULONG length)
{
    CK_BYTE input[256], block[64];
    for (CK_ULONG done = 0, counter = 1; done < length; counter++) {
        const CK_BYTE number[4] = {0, 0, 0, (CK_BYTE)counter};
        CK_ULONG used = 0;
        if (kdf->sp800) {
            memcpy(input, number, 4);
            used = 4;
        }
        memcpy(input + used, secret, secret_length);
        used += secret_length;
        if (!kdf->sp800) {
            memcpy(input + used, number, 4);
            used += 4;
        }
        if (info_length != 0)
            memcpy(input + used, info, info_length);
        CK_ULONG size = ossl_digest(kdf->digest, input, used + info_length, block);
        CK_ULONG part = length - done < size ? length - done : size;
        memcpy(out + done, block, part);
        done += part;
    }
}

static void try_kdf(const struct kdf *kdf, CK_BYTE *info, CK_ULONG info_length)
{
    CK_BYTE right[100];
    CK_OBJECT_HANDLE key = 0;
    const struct curve *curve = &curves[P256];
    new_peer(curve);
    CK_ECDH1_DERIVE_PARAMS params = {kdf->type, info_length, info, point_length, point};
    CK_RV rv = derive_rv(curve, params, TEMPLATE(ANY_LABEL),
                         TEMPLATE(TARGET, READABLE, ATTR_U(CKA_VALUE_LEN, sizeof right)), &key);
    if (rv == CKR_MECHANISM_PARAM_INVALID)
        check_skip("%s is not supported", kdf->name);
    EXPECT_OK(rv);
    right_kdf(kdf, info, info_length, right, sizeof right);
    expect_value(key, right, sizeof right);
}

static void kdf_without_shared_data(const void *argument)
{
    try_kdf(argument, NULL, 0);
}

static void kdf_with_shared_data(const void *argument)
{
    CK_BYTE info[] = "shared data of the two parties";
    try_kdf(argument, info, sizeof info - 1);
}

/* ---- the derived key ---- */

static void to_aes(void)
{
    CK_OBJECT_HANDLE key = derive(&curves[P256], TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                                                          ATTR_U(CKA_KEY_TYPE, CKK_AES), READABLE,
                                                          ATTR_U(CKA_VALUE_LEN, 16)));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
    expect_value(key, secret + 16, 16);
}

static void template_kept(void)
{
    CK_BYTE value[32];
    CK_OBJECT_HANDLE key =
        derive(&curves[P256], TEMPLATE(TARGET, ATTR_S(CKA_LABEL, "derived"),
                                       ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_ENCRYPT, CK_FALSE)));
    EXPECT_BYTES(value, get_bytes(key, CKA_LABEL, value, sizeof value), "derived", 7);
    EXPECT_EQUAL(get_bool(key, CKA_SIGN), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_ENCRYPT), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
}

static void sensitive_is_secret(void)
{
    expect_secret(derive(&curves[P256], TEMPLATE(TARGET, ATTR_B(CKA_SENSITIVE, CK_TRUE))),
                  CKA_VALUE);
}

static void history_of_imported_base(void)
{
    /* A created base key has neither always been sensitive nor never been extractable. */
    CK_OBJECT_HANDLE key = derive(&curves[P256], TEMPLATE(TARGET, ATTR_B(CKA_SENSITIVE, CK_TRUE),
                                                          ATTR_B(CKA_EXTRACTABLE, CK_FALSE)));
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
}

static CK_OBJECT_HANDLE generated_base(void)
{
    CK_OBJECT_HANDLE public = 0, private = 0;
    const struct curve *curve = &curves[P256];
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(generate_pair_rv(
        CKM_EC_KEY_PAIR_GEN, TEMPLATE(ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length)),
        TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE),
                 ATTR_B(CKA_DERIVE, CK_TRUE)),
        &public, &private));
    return private;
}

static void history_of_generated_base(void)
{
    CK_OBJECT_HANDLE key = 0, base = generated_base();
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    new_peer(&curves[P256]);
    CK_ECDH1_DERIVE_PARAMS params = plain();
    for (int i = 0; i < 4; i++) {
        CK_BBOOL sensitive = (i & 1) != 0, extractable = (i & 2) != 0;
        CK_ATTRIBUTE template[] = {TARGET, ATTR_B(CKA_SENSITIVE, sensitive),
                                   ATTR_B(CKA_EXTRACTABLE, extractable)};
        EXPECT_OK(F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, params), base, template,
                                 COUNT(template), &key));
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), !extractable);
    }
}

static void point_as_der(void)
{
    CK_BYTE der[256];
    CK_OBJECT_HANDLE key = 0;
    const struct curve *curve = &curves[P256];
    new_peer(curve);
    CK_ULONG length = der_octets(point, point_length, der);
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, length, der};
    CK_RV rv = derive_rv(curve, params, TEMPLATE(ANY_LABEL), TEMPLATE(TARGET, READABLE), &key);
    if (rv != CKR_OK)
        check_skip("a token may refuse DER");
    expect_value(key, secret, secret_length);
}

static void cofactor(void)
{
    /* The cofactor of P-256 is 1: both mechanisms derive the same. */
    const struct curve *curve = &curves[P256];
    CK_ATTRIBUTE template[] = {TARGET, READABLE};
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_ECDH1_COFACTOR_DERIVE, CKF_DERIVE);
    new_peer(curve);
    CK_ECDH1_DERIVE_PARAMS params = plain();
    EXPECT_OK(F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_COFACTOR_DERIVE, params),
                             key_curve_private(curve, ANY_LABEL), template, COUNT(template), &key));
    expect_value(key, secret, secret_length);
}

static void derive_template_added(void)
{
    CK_BYTE value[32];
    CK_ATTRIBUTE inner = ATTR_S(CKA_LABEL, "from template");
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT_OK(derive_rv(&curves[P256], plain(),
                        TEMPLATE(ATTR_X(CKA_DERIVE_TEMPLATE, &inner, sizeof inner)),
                        TEMPLATE(TARGET), &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_LABEL, value, sizeof value), "from template", 13);
}

static void derive_template_conflict(void)
{
    CK_ATTRIBUTE inner = ATTR_B(CKA_EXTRACTABLE, CK_FALSE);
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT(derive_rv(&curves[P256], plain(),
                     TEMPLATE(ATTR_X(CKA_DERIVE_TEMPLATE, &inner, sizeof inner)),
                     TEMPLATE(TARGET, ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), &key),
           CKR_TEMPLATE_INCONSISTENT);
}

/* ---- what is refused ---- */

static CK_RV refused(CK_ECDH1_DERIVE_PARAMS params)
{
    CK_OBJECT_HANDLE key = 0;
    return derive_rv(&curves[P256], params, TEMPLATE(ANY_LABEL), TEMPLATE(TARGET), &key);
}

static void too_long(void)
{
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT_FAILURE(derive_rv(&curves[P256], plain(), TEMPLATE(ANY_LABEL),
                             TEMPLATE(TARGET, ATTR_U(CKA_VALUE_LEN, 33)), &key));
}

static void shared_data_without_kdf(void)
{
    CK_BYTE info[] = "shared";
    new_peer(&curves[P256]);
    EXPECT(refused((CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 6, info, point_length, point}),
           CKR_MECHANISM_PARAM_INVALID);
}

static void unknown_kdf(void)
{
    new_peer(&curves[P256]);
    EXPECT(refused((CK_ECDH1_DERIVE_PARAMS){0x4711, 0, NULL, point_length, point}),
           CKR_MECHANISM_PARAM_INVALID);
}

static void point_off_the_curve(void)
{
    new_peer(&curves[P256]);
    point[40] ^= 1;
    EXPECT_ANY(refused(plain()), CKR_PUBLIC_KEY_INVALID, CKR_MECHANISM_PARAM_INVALID);
}

static void point_of_other_curve(void)
{
    new_peer(&curves[P384]);
    EXPECT_ANY(refused(plain()), CKR_PUBLIC_KEY_INVALID, CKR_MECHANISM_PARAM_INVALID);
}

static void point_missing(void)
{
    new_peer(&curves[P256]);
    EXPECT_ANY(refused((CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, 0, NULL}),
               CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID);
    EXPECT_ANY(refused((CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, 65, NULL}),
               CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID);
}

static void point_at_infinity(void)
{
    CK_BYTE infinity[1] = {0};
    EXPECT_ANY(refused((CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, 1, infinity}),
               CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID);
}

static void parameter_missing(void)
{
    CK_ATTRIBUTE template[] = {TARGET};
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    EXPECT(F->C_DeriveKey(S, MECHANISM(CKM_ECDH1_DERIVE),
                          key_curve_private(&curves[P256], ANY_LABEL), template, COUNT(template),
                          &key),
           CKR_MECHANISM_PARAM_INVALID);
}

static void key_type_missing(void)
{
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT_ANY(derive_rv(&curves[P256], plain(), TEMPLATE(ANY_LABEL),
                         TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY)), &key),
               CKR_TEMPLATE_INCOMPLETE, CKR_OK);
    EXPECT_ANY(
        derive_rv(&curves[P256], plain(), TEMPLATE(ANY_LABEL),
                  TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA)),
                  &key),
        CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID);
}

static void value_given(void)
{
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT_ANY(derive_rv(&curves[P256], plain(), TEMPLATE(ANY_LABEL),
                         TEMPLATE(TARGET, ATTR_X(CKA_VALUE, key_value(), 32)), &key),
               CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
}

static void unknown_attribute(void)
{
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT(derive_rv(&curves[P256], plain(), TEMPLATE(ANY_LABEL),
                     TEMPLATE(TARGET, ATTR_S(0x4711, "?")), &key),
           CKR_ATTRIBUTE_TYPE_INVALID);
}

static void read_only_session(void)
{
    CK_ATTRIBUTE template[] = {TARGET, ATTR_B(CKA_TOKEN, CK_TRUE)};
    CK_OBJECT_HANDLE key = 0, base = key_curve_private(&curves[P256], ANY_LABEL);
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    new_peer(&curves[P256]);
    CK_ECDH1_DERIVE_PARAMS params = plain();
    EXPECT(F->C_DeriveKey(open_session(0), MECHANISM_P(CKM_ECDH1_DERIVE, params), base, template,
                          COUNT(template), &key),
           CKR_SESSION_READ_ONLY);
}

static void null_arguments(void)
{
    CK_ATTRIBUTE template[] = {TARGET};
    CK_OBJECT_HANDLE key = 0, base = key_curve_private(&curves[P256], ANY_LABEL);
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    new_peer(&curves[P256]);
    CK_ECDH1_DERIVE_PARAMS params = plain();
    CK_MECHANISM_PTR mechanism = MECHANISM_P(CKM_ECDH1_DERIVE, params);
    EXPECT(F->C_DeriveKey(S, NULL, base, template, 2, &key), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_DeriveKey(S, mechanism, base, NULL, 2, &key), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_DeriveKey(S, mechanism, base, template, 2, NULL), CKR_ARGUMENTS_BAD);
}

static void nothing_made_on_error(void)
{
    CK_OBJECT_HANDLE key = 0;
    new_peer(&curves[P256]);
    EXPECT_FAILURE(derive_rv(&curves[P256], plain(), TEMPLATE(ANY_LABEL),
                             TEMPLATE(TARGET, ATTR_S(CKA_LABEL, "ghost"), ATTR_S(0x4711, "?")),
                             &key));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "ghost")), 0);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, to_aes, "ECDH key derivation", "derives an AES key of CKA_VALUE_LEN bytes"),
    CHECK(FIX_USER, template_kept, "C_DeriveKey", "the key has what the template says, CKA_LOCAL is CK_FALSE"),
    CHECK(FIX_USER, sensitive_is_secret, "Footnote 7", "a sensitive derived key is not revealed"),
    CHECK(FIX_USER, history_of_imported_base, "ECDH key derivation", "a base key without a history of secrecy gives none"),
    CHECK(FIX_USER, history_of_generated_base, "ECDH key derivation", "a base key with a history of secrecy gives it as the template allows"),
    CHECK(FIX_USER, cofactor, "ECDH with cofactor", "derives the same on a curve of cofactor 1"),
    CHECK(FIX_USER, derive_template_added, "CKA_DERIVE_TEMPLATE", "its attributes are added to the key"),
    CHECK(FIX_USER, derive_template_conflict, "CKA_DERIVE_TEMPLATE", "CKR_TEMPLATE_INCONSISTENT for a conflict"),
    CHECK(FIX_USER, point_as_der, "CK_ECDH1_DERIVE_PARAMS", "a DER-encoded point is refused or understood"),
    CHECK(FIX_USER, too_long, "ECDH key derivation", "no key longer than the secret"),
    CHECK(FIX_USER, shared_data_without_kdf, "CK_ECDH1_DERIVE_PARAMS", "CKR_MECHANISM_PARAM_INVALID for shared data with CKD_NULL"),
    CHECK(FIX_USER, unknown_kdf, "CK_ECDH1_DERIVE_PARAMS", "CKR_MECHANISM_PARAM_INVALID for an unknown KDF"),
    CHECK(FIX_USER, point_off_the_curve, "CKR_PUBLIC_KEY_INVALID", "or CKR_MECHANISM_PARAM_INVALID for a point off the curve"),
    CHECK(FIX_USER, point_of_other_curve, "CKR_PUBLIC_KEY_INVALID", "or CKR_MECHANISM_PARAM_INVALID for a point of another curve"),
    CHECK(FIX_USER, point_missing, "CK_ECDH1_DERIVE_PARAMS", "no point is refused"),
    CHECK(FIX_USER, point_at_infinity, "CKR_PUBLIC_KEY_INVALID", "or CKR_MECHANISM_PARAM_INVALID for the point at infinity"),
    CHECK(FIX_USER, parameter_missing, "ECDH key derivation", "CKR_MECHANISM_PARAM_INVALID without a parameter"),
    CHECK(FIX_USER, key_type_missing, "C_DeriveKey", "no private key is derived"),
    CHECK(FIX_USER, value_given, "C_DeriveKey", "CKA_VALUE must not be given"),
    CHECK(FIX_USER, unknown_attribute, "C_DeriveKey", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute"),
    CHECK(FIX_USER, read_only_session, "C_DeriveKey", "CKR_SESSION_READ_ONLY for a token key in a R/O session"),
    CHECK(FIX_USER, null_arguments, "C_DeriveKey", "CKR_ARGUMENTS_BAD for NULL pointers"),
    CHECK(FIX_USER, nothing_made_on_error, "C_DeriveKey", "makes nothing when it fails"),
};

static const struct check curve_checks[] = {
    CHECK_ROW(FIX_USER, whole_secret, "ECDH key derivation", "without CKA_VALUE_LEN a generic secret is the whole secret"),
    CHECK_ROW(FIX_USER, truncated_secret, "ECDH key derivation", "CKA_VALUE_LEN cuts off the leading bytes"),
};

static const struct check kdf_checks[] = {
    CHECK_ROW(FIX_USER, kdf_without_shared_data, "EC key derivation functions", "100 bytes as ANSI X9.63 or SP 800-56A make them"),
    CHECK_ROW(FIX_USER, kdf_with_shared_data, "EC key derivation functions", "and with shared data"),
};
/* clang-format on */

void chapter_derive(void)
{
    check_add_table("derive", checks);
    check_add_rows_if("derive", curve_checks, curves, row->type != CKK_EC_EDWARDS);
    check_add_rows("derive", kdf_checks, kdfs);
}
