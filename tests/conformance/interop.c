/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes between the token and the world outside: wrapped keys in the standard's formats, keys
 * that come in with less or more than usual, and keys that are wrong.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)
#define SECRET(type) ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, type)
#define PRIVATE(type) ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, type)

static CK_BYTE iv[16] = "0123456789abcdef";
static CK_BYTE wrapped[4096], opened[4096];
static CK_ULONG wrapped_length, opened_length;

static const struct ossl_cipher cbc = {.name = "AES-256-CBC", .iv = iv};
static const struct ossl_cipher cbc_pad = {.name = "AES-256-CBC", .iv = iv, .padded = true};
static const struct ossl_cipher kwp = {.name = "AES-256-WRAP-PAD"};

static struct ossl_cipher keyed(struct ossl_cipher cipher)
{
    cipher.key = key_value();
    return cipher;
}

static void wrap(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    require_mechanism(mechanism->mechanism, CKF_WRAP);
    wrapped_length = sizeof wrapped;
    CK_RV rv = F->C_WrapKey(S, mechanism, key_aes(32, ANY_LABEL), key, wrapped, &wrapped_length);
    /* "Tokens vary in which types of keys can actually be wrapped with which mechanisms." */
    if (rv == CKR_KEY_NOT_WRAPPABLE || rv == CKR_KEY_SIZE_RANGE)
        check_skip("the token does not wrap such a key with this mechanism");
    EXPECT_OK(rv);
}

static CK_RV unwrap_rv(CK_MECHANISM *mechanism, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(mechanism->mechanism, CKF_UNWRAP);
    return F->C_UnwrapKey(S, mechanism, key_aes(32, ANY_LABEL), wrapped, wrapped_length,
                          template.attributes, template.count, ret_key);
}

static void open_with(const struct ossl_cipher *cipher)
{
    struct ossl_cipher own = keyed(*cipher);
    opened_length = ossl_decrypt(&own, wrapped, wrapped_length, opened);
    EXPECT_TRUE(opened_length != CK_UNAVAILABLE_INFORMATION);
}

static void seal_with(const struct ossl_cipher *cipher, const CK_BYTE *plain, CK_ULONG length)
{
    struct ossl_cipher own = keyed(*cipher);
    wrapped_length = ossl_encrypt(&own, plain, length, wrapped);
}

/* ---- secret keys ---- */

static void cbc_wraps_value(void)
{
    CK_BYTE padded[32] = {0};
    memcpy(padded, key_value(), 20);
    wrap(MECHANISM_X(CKM_AES_CBC, iv, sizeof iv),
         key_secret(CKK_GENERIC_SECRET, key_value(), 20, ANY_LABEL));
    open_with(&cbc);
    EXPECT_BYTES(opened, opened_length, padded, sizeof padded);
}

static void cbc_pad_wraps_value(void)
{
    wrap(MECHANISM_X(CKM_AES_CBC_PAD, iv, sizeof iv),
         key_secret(CKK_GENERIC_SECRET, key_value(), 20, ANY_LABEL));
    open_with(&cbc_pad);
    EXPECT_BYTES(opened, opened_length, key_value(), 20);
}

static void cbc_pad_unwraps_value(void)
{
    CK_BYTE value[64];
    CK_OBJECT_HANDLE key = 0;
    seal_with(&cbc_pad, key_value() + 5, 33);
    EXPECT_OK(unwrap_rv(MECHANISM_X(CKM_AES_CBC_PAD, iv, sizeof iv),
                        TEMPLATE(SECRET(CKK_GENERIC_SECRET), READABLE), &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), key_value() + 5, 33);
}

static void kwp_unwraps_value(void)
{
    CK_BYTE value[64];
    CK_OBJECT_HANDLE key = 0;
    seal_with(&kwp, key_value() + 5, 21);
    EXPECT_OK(unwrap_rv(MECHANISM(CKM_AES_KEY_WRAP_KWP),
                        TEMPLATE(SECRET(CKK_GENERIC_SECRET), READABLE), &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), key_value() + 5, 21);
}

static void key_wrap_initial_value(void)
{
    CK_BYTE initial[8] = "initial", right[64];
    CK_OBJECT_HANDLE key = 0;
    struct ossl_cipher cipher = {.name = "AES-256-WRAP", .key = key_value(), .iv = initial};
    CK_MECHANISM *mechanism = MECHANISM_X(CKM_AES_KEY_WRAP, initial, sizeof initial);
    wrap(mechanism, key_aes(16, ANY_LABEL));
    EXPECT_BYTES(wrapped, wrapped_length, right, ossl_encrypt(&cipher, key_value(), 16, right));
    EXPECT_ANY(unwrap_rv(MECHANISM(CKM_AES_KEY_WRAP), TEMPLATE(SECRET(CKK_AES)), &key),
               CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE);
    EXPECT_OK(unwrap_rv(mechanism, TEMPLATE(SECRET(CKK_AES)), &key));
}

static void rsa_aes_wraps_value(void)
{
    CK_BYTE inner[64], plain[64];
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_RSA_AES_KEY_WRAP_PARAMS params = {256, &oaep};
    struct ossl_rsa rsa = {.padding = "oaep", .digest = "SHA2-256", .mgf = "SHA2-256"};
    struct ossl_cipher cipher = kwp;
    require_mechanism(CKM_RSA_AES_KEY_WRAP, CKF_WRAP);
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, MECHANISM_P(CKM_RSA_AES_KEY_WRAP, params), key_rsa_public(ANY_LABEL),
                           key_aes(24, ANY_LABEL), wrapped, &wrapped_length));
    EXPECT_EQUAL(wrapped_length, RSA_BYTES + 32);
    EXPECT_EQUAL(ossl_rsa_decrypt(&rsa, wrapped, RSA_BYTES, inner), 32);
    cipher.key = inner;
    EXPECT_BYTES(plain, ossl_decrypt(&cipher, wrapped + RSA_BYTES, 32, plain), key_value(), 24);
}

/* ---- private keys, as PKCS #8 ---- */

static void wraps_rsa_as_pkcs8(void)
{
    wrap(MECHANISM(CKM_AES_KEY_WRAP_KWP), key_rsa_private(ANY_LABEL));
    open_with(&kwp);
    EXPECT_TRUE(ossl_is_rsa_pkcs8(opened, opened_length));
    wrap(MECHANISM_X(CKM_AES_CBC_PAD, iv, sizeof iv), key_rsa_private(ANY_LABEL));
    open_with(&cbc_pad);
    EXPECT_TRUE(ossl_is_rsa_pkcs8(opened, opened_length));
}

static void need_curve(const struct curve *curve)
{
    if (curve->type == CKK_EC_EDWARDS)
        require_mechanism(CKM_EDDSA, 0);
    else if (curve->type == CKK_EC_MONTGOMERY)
        require_mechanism(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 0);
}

static void wraps_curve_as_pkcs8(const void *row)
{
    const struct curve *curve = row;
    CK_OBJECT_HANDLE key = 0;
    need_curve(curve);
    CK_RV rv = key_curve_private_rv(curve, TEMPLATE(ANY_LABEL), &key);
    if (rv == CKR_CURVE_NOT_SUPPORTED)
        check_skip("%s is not supported", curve->name);
    EXPECT_OK(rv);
    wrap(MECHANISM(CKM_AES_KEY_WRAP_KWP), key);
    open_with(&kwp);
    EXPECT_TRUE(ossl_is_curve_pkcs8(curve, opened, opened_length));
}

static void unwraps_rsa_pkcs8(void)
{
    CK_BYTE value[RSA_BYTES], right[RSA_BYTES], pkcs8[2048];
    CK_OBJECT_HANDLE key = 0;
    seal_with(&kwp, pkcs8, ossl_rsa_pkcs8(pkcs8));
    EXPECT_OK(
        unwrap_rv(MECHANISM(CKM_AES_KEY_WRAP_KWP), TEMPLATE(PRIVATE(CKK_RSA), READABLE), &key));
    CK_ULONG length =
        get_bytes(key_rsa_private(ANY_LABEL), CKA_PRIVATE_EXPONENT, right, sizeof right);
    EXPECT_BYTES(value, get_bytes(key, CKA_PRIVATE_EXPONENT, value, sizeof value), right, length);
}

static void unwraps_curve_pkcs8(const void *row)
{
    const struct curve *curve = row;
    CK_BYTE value[128], pkcs8[512];
    CK_OBJECT_HANDLE key = 0;
    need_curve(curve);
    seal_with(&kwp, pkcs8, ossl_curve_pkcs8(curve, pkcs8));
    CK_RV rv =
        unwrap_rv(MECHANISM(CKM_AES_KEY_WRAP_KWP), TEMPLATE(PRIVATE(curve->type), READABLE), &key);
    if (rv == CKR_CURVE_NOT_SUPPORTED)
        check_skip("%s is not supported", curve->name);
    EXPECT_OK(rv);
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), curve->private,
                 curve->private_length);
    EXPECT_BYTES(value, get_bytes(key, CKA_EC_PARAMS, value, sizeof value), curve->params,
                 curve->params_length);
}

static void unwraps_other_type(void)
{
    CK_BYTE pkcs8[2048];
    CK_OBJECT_HANDLE key = 0;
    seal_with(&kwp, pkcs8, ossl_rsa_pkcs8(pkcs8));
    EXPECT_ANY(unwrap_rv(MECHANISM(CKM_AES_KEY_WRAP_KWP), TEMPLATE(PRIVATE(CKK_EC)), &key),
               CKR_WRAPPED_KEY_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

static void unwraps_cut_pkcs8(void)
{
    CK_BYTE pkcs8[2048];
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG length = ossl_rsa_pkcs8(pkcs8);
    for (CK_ULONG cut = 1; cut < length; cut += 97) {
        seal_with(&kwp, pkcs8, length - cut);
        EXPECT_ANY(unwrap_rv(MECHANISM(CKM_AES_KEY_WRAP_KWP), TEMPLATE(PRIVATE(CKK_RSA)), &key),
                   CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE);
    }
}

/* ---- keys with less than usual ---- */

/* The attributes of the fixed RSA key without those of the Chinese remainder. */
static CK_RV plain_rsa_rv(CK_OBJECT_HANDLE *ret_key)
{
    static CK_BYTE modulus[RSA_BYTES], exponent[RSA_BYTES];
    CK_OBJECT_HANDLE full = key_rsa_private(ANY_LABEL);
    CK_ULONG length = get_bytes(full, CKA_PRIVATE_EXPONENT, exponent, sizeof exponent);
    get_bytes(full, CKA_MODULUS, modulus, sizeof modulus);
    return create_rv(TEMPLATE(PRIVATE(CKK_RSA), ATTR_B(CKA_PRIVATE, CK_TRUE),
                              ATTR_B(CKA_SIGN, CK_TRUE), ATTR_A(CKA_MODULUS, modulus),
                              ATTR_X(CKA_PUBLIC_EXPONENT, "\1\0\1", 3),
                              ATTR_X(CKA_PRIVATE_EXPONENT, exponent, length)),
                     ret_key);
}

static CK_RV rsa_sign_rv(CK_OBJECT_HANDLE key, CK_BYTE *signature, CK_ULONG *length)
{
    CK_RV rv = F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key);
    return rv == CKR_OK ? F->C_Sign(S, (CK_BYTE_PTR) "data", 4, signature, length) : rv;
}

static bool rsa_signature_is_right(const CK_BYTE *signature, CK_ULONG length)
{
    CK_BYTE hash[64];
    struct ossl_rsa rsa = {.padding = "pkcs1", .digest = "SHA2-256"};
    CK_ULONG hash_length = ossl_digest("SHA2-256", (const CK_BYTE *)"data", 4, hash);
    return ossl_rsa_verify(&rsa, hash, hash_length, signature, length);
}

static void rsa_without_primes(void)
{
    CK_BYTE signature[RSA_BYTES];
    CK_ULONG length = sizeof signature;
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    CK_RV rv = plain_rsa_rv(&key);
    EXPECT_ANY(rv, CKR_OK, CKR_TEMPLATE_INCOMPLETE);
    if (rv == CKR_TEMPLATE_INCOMPLETE)
        check_skip("the token wants the primes");
    EXPECT_OK(rsa_sign_rv(key, signature, &length));
    EXPECT_TRUE(rsa_signature_is_right(signature, length));
}

/* ---- keys that are wrong ---- */

/* A signature made with one right and one wrong prime gives the key away: none may leave. */
static void rsa_wrong_parts(void)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_PRIME_1, CKA_EXPONENT_1, CKA_COEFFICIENT};
    CK_BYTE part[RSA_BYTES], signature[RSA_BYTES];
    CK_OBJECT_HANDLE good = key_rsa_private(ANY_LABEL), key = 0;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    for (size_t i = 0; i < COUNT(types); i++) {
        CK_ULONG length = get_bytes(good, types[i], part, sizeof part);
        CK_ULONG signature_length = sizeof signature;
        part[length / 2] ^= 4;
        if (key_rsa_private_rv(TEMPLATE(ATTR_X(types[i], part, length)), &key) != CKR_OK)
            continue;
        if (rsa_sign_rv(key, signature, &signature_length) == CKR_OK)
            EXPECT_TRUE(rsa_signature_is_right(signature, signature_length));
    }
}

static void rsa_modulus_zero(void)
{
    static const CK_BYTE zero[1] = {0};
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = create_rv(TEMPLATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
                                  ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_A(CKA_MODULUS, zero),
                                  ATTR_X(CKA_PUBLIC_EXPONENT, "\1\0\1", 3)),
                         &key);
    require_mechanism(CKM_RSA_PKCS, CKF_VERIFY);
    if (rv == CKR_OK && F->C_VerifyInit(S, MECHANISM(CKM_RSA_PKCS), key) == CKR_OK)
        EXPECT_FAILURE(F->C_Verify(S, (CK_BYTE_PTR) "data", 4, wrapped, 1));
}

static void ec_value_out_of_range(void)
{
    CK_BYTE values[2][32], signature[64];
    struct curve curve = curves[P256];
    require_mechanism(CKM_ECDSA, CKF_SIGN);
    memset(values[0], 0, sizeof values[0]);
    memset(values[1], 0xff, sizeof values[1]);
    for (size_t i = 0; i < 2; i++) {
        CK_ULONG length = sizeof signature;
        CK_OBJECT_HANDLE key = 0;
        curve.private = values[i];
        if (key_curve_private_rv(&curve, TEMPLATE(ANY_LABEL), &key) != CKR_OK)
            continue;
        if (F->C_SignInit(S, MECHANISM(CKM_ECDSA), key) == CKR_OK)
            EXPECT_FAILURE(F->C_Sign(S, values[1], 32, signature, &length));
    }
}

static void ec_point_off_the_curve(void)
{
    CK_BYTE point[80], der[96], signature[64], hash[32];
    const struct curve *curve = &curves[P256];
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_ECDSA, CKF_VERIFY);
    memcpy(point, curve->public, curve->public_length);
    point[50] ^= 1;
    fill_bytes(hash, sizeof hash, 1);
    ossl_curve_sign(curve, hash, sizeof hash, signature);
    CK_ULONG length = der_octets(point, curve->public_length, der);
    CK_RV rv = create_rv(TEMPLATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC),
                                  ATTR_B(CKA_VERIFY, CK_TRUE),
                                  ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
                                  ATTR_X(CKA_EC_POINT, der, length)),
                         &key);
    if (rv == CKR_OK)
        rv = F->C_VerifyInit(S, MECHANISM(CKM_ECDSA), key);
    if (rv == CKR_OK)
        EXPECT_FAILURE(F->C_Verify(S, hash, sizeof hash, signature, sizeof signature));
}

static void montgomery_low_order(void)
{
    /* RFC 7748 lets either side refuse the secret of a point of small order; zeros never leave
     * as a key that looks like one. */
    CK_BYTE point[32] = {1}, value[64];
    CK_ATTRIBUTE template[] = {SECRET(CKK_GENERIC_SECRET), READABLE};
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    require_mechanism(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 0);
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, sizeof point, point};
    CK_RV rv = F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, params),
                              key_curve_private(&curves[X25519], ANY_LABEL), template,
                              COUNT(template), &key);
    if (rv != CKR_OK)
        EXPECT_ANY(rv, CKR_PUBLIC_KEY_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_FUNCTION_FAILED);
    else
        EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), 32);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, cbc_wraps_value, "AES-CBC", "the wrapped key is the encrypted value, padded with zeros"),
    CHECK(FIX_USER, cbc_pad_wraps_value, "AES-CBC with PKCS padding", "the wrapped key is the encrypted value"),
    CHECK(FIX_USER, cbc_pad_unwraps_value, "AES-CBC with PKCS padding", "unwraps what OpenSSL encrypted"),
    CHECK(FIX_USER, kwp_unwraps_value, "AES key wrap", "CKM_AES_KEY_WRAP_KWP unwraps what OpenSSL wrapped"),
    CHECK(FIX_USER, key_wrap_initial_value, "AES key wrap", "takes another initial value as its parameter"),
    CHECK(FIX_USER, rsa_aes_wraps_value, "RSA AES key wrap", "an OAEP-encrypted AES key, then the key wrapped with it"),
    CHECK(FIX_USER, wraps_rsa_as_pkcs8, "Wrapping private keys", "OpenSSL reads the PrivateKeyInfo of an RSA key"),
    CHECK(FIX_USER, unwraps_rsa_pkcs8, "Wrapping private keys", "an RSA key of OpenSSL's is unwrapped"),
    CHECK(FIX_USER, unwraps_other_type, "CKR_WRAPPED_KEY_INVALID", "an RSA key is no EC key"),
    CHECK(FIX_USER, unwraps_cut_pkcs8, "CKR_WRAPPED_KEY_INVALID", "for a PrivateKeyInfo cut short anywhere"),
    CHECK(FIX_USER, rsa_without_primes, "RSA private keys", "modulus and exponents are enough to sign, or CKR_TEMPLATE_INCOMPLETE"),
    CHECK(FIX_USER, rsa_wrong_parts, "RSA private keys", "no wrong signature leaves when prime, exponent or coefficient is wrong"),
    CHECK(FIX_USER, rsa_modulus_zero, "RSA public keys", "a modulus of 0 verifies nothing"),
    CHECK(FIX_USER, ec_value_out_of_range, "EC private keys", "0 and more than the order sign nothing"),
    CHECK(FIX_USER, ec_point_off_the_curve, "CKR_PUBLIC_KEY_INVALID", "a point off the curve verifies nothing"),
    CHECK(FIX_USER, montgomery_low_order, "ECDH key derivation", "a point of small order is refused, or its secret derived"),
};

static const struct check curve_checks[] = {
    CHECK_ROW(FIX_USER, wraps_curve_as_pkcs8, "Wrapping private keys", "OpenSSL reads the PrivateKeyInfo"),
    CHECK_ROW(FIX_USER, unwraps_curve_pkcs8, "Wrapping private keys", "a key of OpenSSL's is unwrapped"),
};
/* clang-format on */

void chapter_interop(void)
{
    check_add_table("interop", checks);
    check_add_rows("interop", curve_checks, curves);
}
