/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every mechanism that signs, against OpenSSL's opinion: what the module signs OpenSSL verifies
 * and the other way round, and nothing else verifies.
 */
#include <string.h>

#include "keys.h"
#include "keys_data.h"
#include "ossl.h"

enum kind { KIND_HMAC, KIND_CMAC, KIND_RSA, KIND_CURVE };

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    enum kind kind;
    const char *digest;     /* of the mechanism itself; NULL where it takes a hash */
    const char *padding;    /* RSA */
    const char *pss_digest; /* RSA-PSS */
    CK_RSA_PKCS_PSS_PARAMS pss;
    const struct curve *curve;
    CK_ULONG input; /* how much data it takes, 0 for any amount */
    CK_ULONG length;
    bool parts;
};

/* clang-format off */
static const struct row rows[] = {
    { .name = "CKM_MD5_HMAC", .type = CKM_MD5_HMAC, .kind = KIND_HMAC, .digest = "MD5", .length = 16, .parts = true },
    { .name = "CKM_SHA_1_HMAC", .type = CKM_SHA_1_HMAC, .kind = KIND_HMAC, .digest = "SHA1", .length = 20, .parts = true },
    { .name = "CKM_SHA224_HMAC", .type = CKM_SHA224_HMAC, .kind = KIND_HMAC, .digest = "SHA2-224", .length = 28, .parts = true },
    { .name = "CKM_SHA256_HMAC", .type = CKM_SHA256_HMAC, .kind = KIND_HMAC, .digest = "SHA2-256", .length = 32, .parts = true },
    { .name = "CKM_SHA384_HMAC", .type = CKM_SHA384_HMAC, .kind = KIND_HMAC, .digest = "SHA2-384", .length = 48, .parts = true },
    { .name = "CKM_SHA512_HMAC", .type = CKM_SHA512_HMAC, .kind = KIND_HMAC, .digest = "SHA2-512", .length = 64, .parts = true },
    { .name = "CKM_SHA512_224_HMAC", .type = CKM_SHA512_224_HMAC, .kind = KIND_HMAC, .digest = "SHA2-512/224", .length = 28, .parts = true },
    { .name = "CKM_SHA512_256_HMAC", .type = CKM_SHA512_256_HMAC, .kind = KIND_HMAC, .digest = "SHA2-512/256", .length = 32, .parts = true },
    { .name = "CKM_SHA3_224_HMAC", .type = CKM_SHA3_224_HMAC, .kind = KIND_HMAC, .digest = "SHA3-224", .length = 28, .parts = true },
    { .name = "CKM_SHA3_256_HMAC", .type = CKM_SHA3_256_HMAC, .kind = KIND_HMAC, .digest = "SHA3-256", .length = 32, .parts = true },
    { .name = "CKM_SHA3_384_HMAC", .type = CKM_SHA3_384_HMAC, .kind = KIND_HMAC, .digest = "SHA3-384", .length = 48, .parts = true },
    { .name = "CKM_SHA3_512_HMAC", .type = CKM_SHA3_512_HMAC, .kind = KIND_HMAC, .digest = "SHA3-512", .length = 64, .parts = true },
    { .name = "CKM_AES_CMAC", .type = CKM_AES_CMAC, .kind = KIND_CMAC, .length = 16, .parts = true },
    { .name = "CKM_RSA_PKCS", .type = CKM_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .input = 51, .length = 256 },
    { .name = "CKM_RSA_X_509", .type = CKM_RSA_X_509, .kind = KIND_RSA, .padding = "none", .input = 256, .length = 256 },
    { .name = "CKM_MD5_RSA_PKCS", .type = CKM_MD5_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "MD5", .length = 256, .parts = true },
    { .name = "CKM_SHA1_RSA_PKCS", .type = CKM_SHA1_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA1", .length = 256, .parts = true },
    { .name = "CKM_SHA224_RSA_PKCS", .type = CKM_SHA224_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA2-224", .length = 256, .parts = true },
    { .name = "CKM_SHA256_RSA_PKCS", .type = CKM_SHA256_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA2-256", .length = 256, .parts = true },
    { .name = "CKM_SHA384_RSA_PKCS", .type = CKM_SHA384_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA2-384", .length = 256, .parts = true },
    { .name = "CKM_SHA512_RSA_PKCS", .type = CKM_SHA512_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA2-512", .length = 256, .parts = true },
    { .name = "CKM_SHA3_224_RSA_PKCS", .type = CKM_SHA3_224_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA3-224", .length = 256, .parts = true },
    { .name = "CKM_SHA3_256_RSA_PKCS", .type = CKM_SHA3_256_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA3-256", .length = 256, .parts = true },
    { .name = "CKM_SHA3_384_RSA_PKCS", .type = CKM_SHA3_384_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA3-384", .length = 256, .parts = true },
    { .name = "CKM_SHA3_512_RSA_PKCS", .type = CKM_SHA3_512_RSA_PKCS, .kind = KIND_RSA, .padding = "pkcs1", .digest = "SHA3-512", .length = 256, .parts = true },
    { .name = "CKM_RSA_PKCS_PSS/SHA1", .type = CKM_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .pss_digest = "SHA1", .pss = { CKM_SHA_1, CKG_MGF1_SHA1, 20 }, .input = 20, .length = 256 },
    { .name = "CKM_RSA_PKCS_PSS/SHA256", .type = CKM_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .pss_digest = "SHA2-256", .pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 }, .input = 32, .length = 256 },
    { .name = "CKM_RSA_PKCS_PSS/SHA512", .type = CKM_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .pss_digest = "SHA2-512", .pss = { CKM_SHA512, CKG_MGF1_SHA512, 64 }, .input = 64, .length = 256 },
    { .name = "CKM_RSA_PKCS_PSS/SHA256-without-salt", .type = CKM_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .pss_digest = "SHA2-256", .pss = { CKM_SHA256, CKG_MGF1_SHA256, 0 }, .input = 32, .length = 256 },
    { .name = "CKM_SHA1_RSA_PKCS_PSS", .type = CKM_SHA1_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA1", .pss_digest = "SHA1", .pss = { CKM_SHA_1, CKG_MGF1_SHA1, 20 }, .length = 256, .parts = true },
    { .name = "CKM_SHA224_RSA_PKCS_PSS", .type = CKM_SHA224_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA2-224", .pss_digest = "SHA2-224", .pss = { CKM_SHA224, CKG_MGF1_SHA224, 28 }, .length = 256, .parts = true },
    { .name = "CKM_SHA256_RSA_PKCS_PSS", .type = CKM_SHA256_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA2-256", .pss_digest = "SHA2-256", .pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 }, .length = 256, .parts = true },
    { .name = "CKM_SHA384_RSA_PKCS_PSS", .type = CKM_SHA384_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA2-384", .pss_digest = "SHA2-384", .pss = { CKM_SHA384, CKG_MGF1_SHA384, 48 }, .length = 256, .parts = true },
    { .name = "CKM_SHA512_RSA_PKCS_PSS", .type = CKM_SHA512_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA2-512", .pss_digest = "SHA2-512", .pss = { CKM_SHA512, CKG_MGF1_SHA512, 64 }, .length = 256, .parts = true },
    { .name = "CKM_SHA3_224_RSA_PKCS_PSS", .type = CKM_SHA3_224_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA3-224", .pss_digest = "SHA3-224", .pss = { CKM_SHA3_224, CKG_MGF1_SHA3_224, 28 }, .length = 256, .parts = true },
    { .name = "CKM_SHA3_256_RSA_PKCS_PSS", .type = CKM_SHA3_256_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA3-256", .pss_digest = "SHA3-256", .pss = { CKM_SHA3_256, CKG_MGF1_SHA3_256, 32 }, .length = 256, .parts = true },
    { .name = "CKM_SHA3_384_RSA_PKCS_PSS", .type = CKM_SHA3_384_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA3-384", .pss_digest = "SHA3-384", .pss = { CKM_SHA3_384, CKG_MGF1_SHA3_384, 48 }, .length = 256, .parts = true },
    { .name = "CKM_SHA3_512_RSA_PKCS_PSS", .type = CKM_SHA3_512_RSA_PKCS_PSS, .kind = KIND_RSA, .padding = "pss", .digest = "SHA3-512", .pss_digest = "SHA3-512", .pss = { CKM_SHA3_512, CKG_MGF1_SHA3_512, 64 }, .length = 256, .parts = true },
    { .name = "CKM_ECDSA/P256", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[P256], .input = 32, .length = 64 },
    { .name = "CKM_ECDSA/P384", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[P384], .input = 48, .length = 96 },
    { .name = "CKM_ECDSA/P521", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[P521], .input = 64, .length = 132 },
    { .name = "CKM_ECDSA/K256", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[K256], .input = 32, .length = 64 },
    { .name = "CKM_ECDSA/BP256", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[BP256], .input = 32, .length = 64 },
    { .name = "CKM_ECDSA/long-hash", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[P256], .input = 64, .length = 64 },
    { .name = "CKM_ECDSA/short-hash", .type = CKM_ECDSA, .kind = KIND_CURVE, .curve = &curves[P384], .input = 20, .length = 96 },
    { .name = "CKM_ECDSA_SHA1", .type = CKM_ECDSA_SHA1, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA1", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA224", .type = CKM_ECDSA_SHA224, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA2-224", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA256", .type = CKM_ECDSA_SHA256, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA2-256", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA384", .type = CKM_ECDSA_SHA384, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA2-384", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA512", .type = CKM_ECDSA_SHA512, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA2-512", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA3_224", .type = CKM_ECDSA_SHA3_224, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA3-224", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA3_256", .type = CKM_ECDSA_SHA3_256, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA3-256", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA3_384", .type = CKM_ECDSA_SHA3_384, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA3-384", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA3_512", .type = CKM_ECDSA_SHA3_512, .kind = KIND_CURVE, .curve = &curves[P256], .digest = "SHA3-512", .length = 64, .parts = true },
    { .name = "CKM_ECDSA_SHA384/P384", .type = CKM_ECDSA_SHA384, .kind = KIND_CURVE, .curve = &curves[P384], .digest = "SHA2-384", .length = 96, .parts = true },
    { .name = "CKM_ECDSA_SHA512/P521", .type = CKM_ECDSA_SHA512, .kind = KIND_CURVE, .curve = &curves[P521], .digest = "SHA2-512", .length = 132, .parts = true },
    { .name = "CKM_EDDSA/ED25519", .type = CKM_EDDSA, .kind = KIND_CURVE, .curve = &curves[ED25519], .length = 64, .parts = true },
    { .name = "CKM_EDDSA/ED448", .type = CKM_EDDSA, .kind = KIND_CURVE, .curve = &curves[ED448], .length = 114, .parts = true },
};
/* clang-format on */

/* ---- a row's mechanism, keys and data ---- */

static CK_BYTE data[256], signature[512];
static CK_ULONG data_length, signature_length;

static CK_MECHANISM *mechanism_of(const struct row *row)
{
    static CK_MECHANISM mechanism;
    static CK_RSA_PKCS_PSS_PARAMS pss;
    pss = row->pss;
    mechanism = (CK_MECHANISM){row->type, NULL, 0};
    if (row->pss_digest != NULL)
        mechanism = (CK_MECHANISM){row->type, &pss, sizeof pss};
    return &mechanism;
}

static CK_OBJECT_HANDLE secret_of(const struct row *row)
{
    return row->kind == KIND_CMAC ? key_aes(32, ANY_LABEL) : key_hmac(70, CK_TRUE);
}

static CK_OBJECT_HANDLE signing_key(const struct row *row)
{
    if (row->kind == KIND_RSA)
        return key_rsa_private(ANY_LABEL);
    return row->kind == KIND_CURVE ? key_curve_private(row->curve, ANY_LABEL) : secret_of(row);
}

static CK_OBJECT_HANDLE verifying_key(const struct row *row)
{
    if (row->kind == KIND_RSA)
        return key_rsa_public(ANY_LABEL);
    return row->kind == KIND_CURVE ? key_curve_public(row->curve, ANY_LABEL) : secret_of(row);
}

static void prepare(const struct row *row)
{
    require_mechanism(row->type, CKF_SIGN | CKF_VERIFY);
    data_length = row->input == 0 ? 200 : row->input;
    fill_bytes(data, sizeof data, 11);
    if (row->input == RSA_BYTES)
        data[0] = 0; /* less than the modulus */
}

static void module_signs(const struct row *row)
{
    prepare(row);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, mechanism_of(row), signing_key(row)));
    EXPECT_OK(F->C_Sign(S, data, data_length, signature, &signature_length));
    EXPECT_EQUAL(signature_length, row->length);
}

static CK_RV module_verifies(const struct row *row)
{
    EXPECT_OK(F->C_VerifyInit(S, mechanism_of(row), verifying_key(row)));
    return F->C_Verify(S, data, data_length, signature, signature_length);
}

/* ---- OpenSSL's opinion ---- */

static CK_ULONG hashed(const struct row *row, CK_BYTE *out)
{
    if (row->digest != NULL)
        return ossl_digest(row->digest, data, data_length, out);
    memcpy(out, data, data_length);
    return data_length;
}

static CK_ULONG ossl_mac(const struct row *row, CK_BYTE *out)
{
    if (row->kind == KIND_CMAC)
        return ossl_cmac(key_value(), 32, data, data_length, out);
    return ossl_hmac(row->digest, key_value(), 70, data, data_length, out);
}

static struct ossl_rsa rsa_of(const struct row *row)
{
    bool pss = row->pss_digest != NULL;
    return (struct ossl_rsa){.padding = row->padding,
                             .digest = pss ? row->pss_digest : row->digest,
                             .mgf = row->pss_digest,
                             .salt = (int)row->pss.sLen};
}

static bool ossl_verifies(const struct row *row)
{
    CK_BYTE hash[256], mac[128];
    struct ossl_rsa rsa = rsa_of(row);
    CK_ULONG length = hashed(row, hash);
    if (row->kind == KIND_RSA)
        return ossl_rsa_verify(&rsa, hash, length, signature, signature_length);
    if (row->kind == KIND_CURVE)
        return ossl_curve_verify(row->curve, hash, length, signature, signature_length);
    return ossl_mac(row, mac) == signature_length && memcmp(mac, signature, signature_length) == 0;
}

static void ossl_signs(const struct row *row)
{
    CK_BYTE hash[256];
    struct ossl_rsa rsa = rsa_of(row);
    CK_ULONG length = hashed(row, hash);
    if (row->kind == KIND_RSA)
        signature_length = ossl_rsa_sign(&rsa, hash, length, signature);
    else if (row->kind == KIND_CURVE)
        signature_length = ossl_curve_sign(row->curve, hash, length, signature);
    else
        signature_length = ossl_mac(row, signature);
}

/* ---- the checks of every row ---- */

static void signs_rightly(const void *argument)
{
    const struct row *row = argument;
    module_signs(row);
    EXPECT_TRUE(ossl_verifies(row));
    EXPECT_OK(module_verifies(row));
}

static void verifies_rightly(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    EXPECT_OK(module_verifies(row));
}

static void signs_in_parts(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, mechanism_of(row), signing_key(row)));
    EXPECT_OK(F->C_SignUpdate(S, data, 1));
    EXPECT_OK(F->C_SignUpdate(S, data + 1, 0));
    EXPECT_OK(F->C_SignUpdate(S, data + 1, 77));
    EXPECT_OK(F->C_SignUpdate(S, data + 78, data_length - 78));
    EXPECT_OK(F->C_SignFinal(S, signature, &signature_length));
    EXPECT_EQUAL(signature_length, row->length);
    EXPECT_TRUE(ossl_verifies(row));
}

static void verifies_in_parts(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    EXPECT_OK(F->C_VerifyInit(S, mechanism_of(row), verifying_key(row)));
    EXPECT_OK(F->C_VerifyUpdate(S, data, 100));
    EXPECT_OK(F->C_VerifyUpdate(S, data + 100, data_length - 100));
    EXPECT_OK(F->C_VerifyFinal(S, signature, signature_length));
}

/* The signature first, then the data. */
static CK_RV given_rv(const struct row *row)
{
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    return F->C_VerifySignatureInit(S, mechanism_of(row), verifying_key(row), signature,
                                    signature_length);
}

static void given_rightly(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    EXPECT_OK(given_rv(row));
    EXPECT_OK(F->C_VerifySignature(S, data, data_length));
}

static void given_in_parts(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    EXPECT_OK(given_rv(row));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 100));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data + 100, data_length - 100));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
}

static void given_other(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    signature[row->length - 1] ^= 1;
    EXPECT_OK(given_rv(row));
    EXPECT(F->C_VerifySignature(S, data, data_length), CKR_SIGNATURE_INVALID);
}

static void other_data(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    data[data_length - 1] ^= 1;
    /* ECDSA looks at the leading bits of a long hash only. */
    data[1] ^= 0x80;
    EXPECT(module_verifies(row), CKR_SIGNATURE_INVALID);
}

static void other_signature(const void *argument)
{
    const struct row *row = argument;
    const CK_ULONG places[] = {1, row->length / 2, row->length - 1};
    for (size_t i = 0; i < COUNT(places); i++) {
        prepare(row);
        ossl_signs(row);
        signature[places[i]] ^= 1;
        EXPECT(module_verifies(row), CKR_SIGNATURE_INVALID);
    }
}

static void other_length(const void *argument)
{
    const struct row *row = argument;
    prepare(row);
    ossl_signs(row);
    signature_length++;
    EXPECT(module_verifies(row), CKR_SIGNATURE_LEN_RANGE);
    /* An ECDSA signature may be shorter, but of even length. */
    signature_length -= 2;
    EXPECT(module_verifies(row), CKR_SIGNATURE_LEN_RANGE);
    signature_length = 0;
    EXPECT(module_verifies(row), CKR_SIGNATURE_LEN_RANGE);
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = 0;
    prepare(row);
    EXPECT_OK(F->C_SignInit(S, mechanism_of(row), signing_key(row)));
    EXPECT_OK(F->C_Sign(S, data, data_length, NULL, &length));
    EXPECT_TRUE(length >= row->length && length <= row->length + 64);
    length = row->length - 1;
    EXPECT(F->C_Sign(S, data, data_length, signature, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= row->length);
    signature_length = row->length;
    EXPECT_OK(F->C_Sign(S, data, data_length, signature, &signature_length));
    EXPECT_TRUE(ossl_verifies(row));
}

static void parameter_wrong(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE junk[64] = {0xff, 0xff, 0xff};
    prepare(row);
    EXPECT(F->C_SignInit(S, MECHANISM_X(row->type, junk, 5), signing_key(row)),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_VerifyInit(S, MECHANISM_X(row->type, junk, 5), verifying_key(row)),
           CKR_MECHANISM_PARAM_INVALID);
}

/* ---- many messages with one key ---- */

static void message_signs(const void *argument)
{
    const struct row *row = argument;
    REQUIRE_FUNCTION(C_MessageSignInit);
    require_mechanism(row->type, CKF_MESSAGE_SIGN);
    prepare(row);
    EXPECT_OK(F->C_MessageSignInit(S, mechanism_of(row), signing_key(row)));
    for (CK_BYTE i = 0; i < 3; i++) {
        data[data_length - 1] = i;
        signature_length = sizeof signature;
        EXPECT_OK(F->C_SignMessage(S, NULL, 0, data, data_length, signature, &signature_length));
        EXPECT_EQUAL(signature_length, row->length);
        EXPECT_TRUE(ossl_verifies(row));
    }
    EXPECT_OK(F->C_MessageSignFinal(S));
}

static void message_verifies(const void *argument)
{
    const struct row *row = argument;
    REQUIRE_FUNCTION(C_MessageVerifyInit);
    require_mechanism(row->type, CKF_MESSAGE_VERIFY);
    prepare(row);
    EXPECT_OK(F->C_MessageVerifyInit(S, mechanism_of(row), verifying_key(row)));
    for (CK_BYTE i = 0; i < 3; i++) {
        data[data_length - 1] = i;
        ossl_signs(row);
        EXPECT_OK(F->C_VerifyMessage(S, NULL, 0, data, data_length, signature, signature_length));
        signature[row->length / 2] ^= 1;
        EXPECT(F->C_VerifyMessage(S, NULL, 0, data, data_length, signature, signature_length),
               CKR_SIGNATURE_INVALID);
    }
    EXPECT_OK(F->C_MessageVerifyFinal(S));
}

/* Three parts, an empty one among them. */
static void message_in_parts(const void *argument)
{
    const struct row *row = argument;
    REQUIRE_FUNCTION(C_MessageSignInit);
    require_mechanism(row->type, CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY);
    require_mechanism(row->type, CKF_MULTI_MESSAGE);
    prepare(row);
    EXPECT_OK(F->C_MessageSignInit(S, mechanism_of(row), signing_key(row)));
    EXPECT_OK(F->C_MessageVerifyInit(S, mechanism_of(row), verifying_key(row)));
    for (CK_BYTE i = 0; i < 2; i++) {
        data[data_length - 1] = i;
        signature_length = sizeof signature;
        EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
        EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data, 13, NULL, NULL));
        EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, NULL, 0, NULL, NULL));
        EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data + 13, data_length - 13, signature,
                                       &signature_length));
        EXPECT_EQUAL(signature_length, row->length);
        EXPECT_TRUE(ossl_verifies(row));
        EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
        EXPECT_OK(F->C_VerifyMessageNext(S, NULL, 0, data, data_length, NULL, 0));
        EXPECT_OK(F->C_VerifyMessageNext(S, NULL, 0, NULL, 0, signature, signature_length));
    }
}

/* ---- RSA by itself ---- */

static CK_RV rsa_sign_rv(CK_MECHANISM *mechanism, CK_ULONG length)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    fill_bytes(data, sizeof data, 11);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, mechanism, key));
    return F->C_Sign(S, data, length, signature, &signature_length);
}

static void rsa_data_lengths(void)
{
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN);
    EXPECT_OK(rsa_sign_rv(MECHANISM(CKM_RSA_PKCS), RSA_BYTES - 11));
    EXPECT(rsa_sign_rv(MECHANISM(CKM_RSA_PKCS), RSA_BYTES - 10), CKR_DATA_LEN_RANGE);
}

static void rsa_raw_too_large(void)
{
    require_mechanism(CKM_RSA_X_509, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    memset(data, 0xff, sizeof data);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT_ANY(F->C_Sign(S, data, RSA_BYTES, signature, &signature_length), CKR_DATA_INVALID,
               CKR_DATA_LEN_RANGE);
}

static void rsa_raw_too_long(void)
{
    static CK_BYTE long_data[RSA_BYTES + 1];
    require_mechanism(CKM_RSA_X_509, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_RSA_X_509), key));
    EXPECT(F->C_Sign(S, long_data, sizeof long_data, signature, &signature_length),
           CKR_DATA_LEN_RANGE);
}

static void pss_parameters(void)
{
    static const CK_RSA_PKCS_PSS_PARAMS wrong[] = {
        {CKM_AES_ECB, CKG_MGF1_SHA256, 32},
        {CKM_SHA256, 0x4711, 32},
        {CKM_SHA256, CKG_MGF1_SHA256, 4096},
        {CKM_SHA_1, CKG_MGF1_SHA1, 20}, /* not the hash of the mechanism */
    };
    require_mechanism(CKM_SHA256_RSA_PKCS_PSS, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    for (size_t i = 0; i < COUNT(wrong); i++)
        EXPECT(F->C_SignInit(S, MECHANISM_P(CKM_SHA256_RSA_PKCS_PSS, wrong[i]), key),
               CKR_MECHANISM_PARAM_INVALID);
}

static void pss_parameter_missing(void)
{
    require_mechanism(CKM_RSA_PKCS_PSS, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_RSA_PKCS_PSS), key), CKR_MECHANISM_PARAM_INVALID);
}

static void pss_data_length(void)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    require_mechanism(CKM_RSA_PKCS_PSS, CKF_SIGN);
    EXPECT(rsa_sign_rv(MECHANISM_P(CKM_RSA_PKCS_PSS, pss), 31), CKR_DATA_LEN_RANGE);
    EXPECT(rsa_sign_rv(MECHANISM_P(CKM_RSA_PKCS_PSS, pss), 33), CKR_DATA_LEN_RANGE);
}

static void pss_salted(void)
{
    CK_BYTE first[RSA_BYTES];
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    require_mechanism(CKM_RSA_PKCS_PSS, CKF_SIGN);
    EXPECT_OK(rsa_sign_rv(MECHANISM_P(CKM_RSA_PKCS_PSS, pss), 32));
    memcpy(first, signature, sizeof first);
    EXPECT_OK(rsa_sign_rv(MECHANISM_P(CKM_RSA_PKCS_PSS, pss), 32));
    EXPECT_TRUE(memcmp(first, signature, sizeof first) != 0);
}

static void pss_mixed_hashes(void)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA1, 20};
    struct ossl_rsa rsa = {.padding = "pss", .digest = "SHA2-256", .mgf = "SHA1", .salt = 20};
    require_mechanism(CKM_RSA_PKCS_PSS, CKF_SIGN);
    CK_RV rv = F->C_SignInit(S, MECHANISM_P(CKM_RSA_PKCS_PSS, pss), key_rsa_private(ANY_LABEL));
    if (rv == CKR_MECHANISM_PARAM_INVALID)
        check_skip("hash and MGF must use the same digest");
    EXPECT_OK(rv);
    fill_bytes(data, sizeof data, 11);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_Sign(S, data, 32, signature, &signature_length));
    EXPECT_TRUE(ossl_rsa_verify(&rsa, data, 32, signature, signature_length));
}

/* ---- curves by themselves ---- */

static void ecdsa_short_signature(void)
{
    const struct curve *curve = &curves[P256];
    CK_BYTE short_data[sizeof p256_short_hash], short_signature[sizeof p256_short_signature];
    require_mechanism(CKM_ECDSA, CKF_VERIFY);
    memcpy(short_data, p256_short_hash, sizeof short_data);
    memcpy(short_signature, p256_short_signature, sizeof short_signature);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_ECDSA), key_curve_public(curve, ANY_LABEL)));
    EXPECT_OK(
        F->C_Verify(S, short_data, sizeof short_data, short_signature, sizeof short_signature));
}

static void ecdsa_zero_signature(void)
{
    CK_BYTE zeros[64] = {0};
    require_mechanism(CKM_ECDSA, CKF_VERIFY);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_ECDSA), key_curve_public(&curves[P256], ANY_LABEL)));
    EXPECT(F->C_Verify(S, data, 32, zeros, sizeof zeros), CKR_SIGNATURE_INVALID);
}

static void ecdsa_randomized(void)
{
    CK_BYTE first[64];
    CK_ULONG length = sizeof first;
    require_mechanism(CKM_ECDSA, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_curve_private(&curves[P256], ANY_LABEL);
    data_length = 32;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_ECDSA), key));
    EXPECT_OK(F->C_Sign(S, data, 32, first, &length));
    data[5] ^= 1;
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_ECDSA), key));
    EXPECT_OK(F->C_Sign(S, data, 32, signature, &signature_length));
    /* The same nonce for other data would give the key away: r must differ. */
    EXPECT_TRUE(memcmp(first, signature, 32) != 0);
}

/* RFC 8032 section 7.1, TEST 2; 7.2, the context "foo"; 7.3, TEST abc. */
struct eddsa_vector {
    const char *name;
    const char *secret, *public, *message, *signature, *context;
    bool parameters, prehash;
};

/* clang-format off */
static const struct eddsa_vector eddsa_vectors[] = {
    { "Ed25519",
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      "", false, false },
    { "Ed25519ctx",
      "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
      "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292", "f726936d19c800494e3fdaff20b276a8",
      "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
      "666f6f", true, false },
    { "Ed25519ph",
      "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
      "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", "616263",
      "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
      "", true, true },
};
/* clang-format on */

static void eddsa_known_answer(const void *argument)
{
    const struct eddsa_vector *vector = argument;
    CK_BYTE secret[32], public[32], message[32], right[64], context[8], out[64];
    CK_ULONG length = sizeof out, message_length = from_hex(vector->message, message);
    struct curve curve = curves[ED25519];
    from_hex(vector->secret, secret);
    from_hex(vector->public, public);
    curve.private = secret;
    curve.public = public;
    /* Only keys whose parameters are RFC 8032's curve name have contexts and prehashing. */
    if (vector->parameters) {
        curve.params = (const CK_BYTE *)"\x13\x0c"
                                        "edwards25519";
        curve.params_length = 14;
    }
    CK_EDDSA_PARAMS params = {vector->prehash, from_hex(vector->context, context), context};
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    if (vector->parameters)
        mechanism = (CK_MECHANISM){CKM_EDDSA, &params, sizeof params};
    require_mechanism(CKM_EDDSA, CKF_SIGN | CKF_VERIFY);
    EXPECT_OK(F->C_SignInit(S, &mechanism, key_curve_private(&curve, ANY_LABEL)));
    EXPECT_OK(F->C_Sign(S, message, message_length, out, &length));
    EXPECT_BYTES(out, length, right, from_hex(vector->signature, right));
    EXPECT_OK(F->C_VerifyInit(S, &mechanism, key_curve_public(&curve, ANY_LABEL)));
    EXPECT_OK(F->C_Verify(S, message, message_length, right, 64));
}

/* ---- MACs by themselves ---- */

static void hmac_key_types(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = key_secret_rv(CKK_SHA256_HMAC, key_value(), 32, NO_ATTRIBUTES, &key);
    if (rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT)
        check_skip("no CKK_SHA256_HMAC keys");
    EXPECT_OK(rv);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
}

static void hmac_short_key(void)
{
    /* RFC 4231, test case 2 */
    CK_BYTE mac[64], right[64];
    CK_ULONG length = sizeof mac;
    CK_MECHANISM_INFO info = {0};
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, CKM_SHA256_HMAC, &info));
    if (info.ulMinKeySize > 4)
        check_skip("ulMinKeySize is above 4");
    CK_OBJECT_HANDLE key = key_secret(CKK_GENERIC_SECRET, (const CK_BYTE *)"Jefe", 4, ANY_LABEL);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT_OK(F->C_Sign(S, (CK_BYTE_PTR) "what do ya want for nothing?", 28, mac, &length));
    from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", right);
    EXPECT_BYTES(mac, length, right, 32);
}

static void cmac_known_answers(void)
{
    /* RFC 4493, examples 1 and 2 */
    CK_BYTE key_bytes[16], message[16], right[16], mac[16];
    CK_ULONG length = sizeof mac;
    require_mechanism(CKM_AES_CMAC, CKF_SIGN);
    from_hex("2b7e151628aed2a6abf7158809cf4f3c", key_bytes);
    from_hex("6bc1bee22e409f96e93d7e117393172a", message);
    CK_OBJECT_HANDLE key = key_secret(CKK_AES, key_bytes, 16, ANY_LABEL);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_AES_CMAC), key));
    EXPECT_OK(F->C_Sign(S, message, 0, mac, &length));
    from_hex("bb1d6929e95937287fa37d129b756746", right);
    EXPECT_BYTES(mac, length, right, 16);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_AES_CMAC), key));
    EXPECT_OK(F->C_Sign(S, message, 16, mac, &length));
    from_hex("070a16b46b4d4144f79bdd9dd04a287c", right);
    EXPECT_BYTES(mac, length, right, 16);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, rsa_data_lengths, "PKCS #1 v1.5 RSA", "signs up to k-11 bytes, CKR_DATA_LEN_RANGE above"),
    CHECK(FIX_USER, rsa_raw_too_large, "X.509 (raw) RSA", "refuses a number not less than the modulus"),
    CHECK(FIX_USER, rsa_raw_too_long, "X.509 (raw) RSA", "CKR_DATA_LEN_RANGE for more than k bytes"),
    CHECK(FIX_USER, pss_parameters, "PKCS #1 RSA PSS", "CKR_MECHANISM_PARAM_INVALID for hash, MGF or salt that can't be"),
    CHECK(FIX_USER, pss_parameter_missing, "PKCS #1 RSA PSS", "CKR_MECHANISM_PARAM_INVALID without a parameter"),
    CHECK(FIX_USER, pss_data_length, "PKCS #1 RSA PSS", "CKR_DATA_LEN_RANGE for what is not as long as the hash"),
    CHECK(FIX_USER, pss_salted, "PKCS #1 RSA PSS", "two signatures of the same data differ"),
    CHECK(FIX_USER, pss_mixed_hashes, "PKCS #1 RSA PSS", "hash and MGF may use different digests"),
    CHECK(FIX_USER, ecdsa_short_signature, "EC signatures", "a signature may be given without leading zeros"),
    CHECK(FIX_USER, ecdsa_zero_signature, "ECDSA", "CKR_SIGNATURE_INVALID for r = s = 0"),
    CHECK(FIX_USER, ecdsa_randomized, "ECDSA", "no nonce twice"),
    CHECK(FIX_USER, hmac_key_types, "HMAC mechanisms", "a key of the digest's own HMAC type"),
    CHECK(FIX_USER, hmac_short_key, "HMAC mechanisms", "a key of 4 bytes, as RFC 4231 has one"),
    CHECK(FIX_USER, cmac_known_answers, "AES-CMAC", "the answers of RFC 4493"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, signs_rightly, "C_Sign", "the signature has the right length and verifies, with OpenSSL and here"),
    CHECK_ROW(FIX_USER, verifies_rightly, "C_Verify", "OpenSSL's signature verifies"),
    CHECK_ROW(FIX_USER, other_data, "C_Verify", "CKR_SIGNATURE_INVALID for other data"),
    CHECK_ROW(FIX_USER, other_signature, "C_Verify", "CKR_SIGNATURE_INVALID for one bit changed in the signature"),
    CHECK_ROW(FIX_USER, other_length, "C_Verify", "CKR_SIGNATURE_LEN_RANGE for a byte more, a byte less, or none"),
    CHECK_ROW(FIX_USER, given_rightly, "C_VerifySignature", "OpenSSL's signature verifies when it is given first"),
    CHECK_ROW(FIX_USER, given_other, "C_VerifySignature", "CKR_SIGNATURE_INVALID for one bit changed in the signature"),
    CHECK_ROW(FIX_USER, lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, then it works"),
    CHECK_ROW(FIX_USER, message_signs, "C_SignMessage", "OpenSSL verifies each message of a process"),
    CHECK_ROW(FIX_USER, message_verifies, "C_VerifyMessage", "OpenSSL's signatures verify, others don't, one after the other"),
    CHECK_ROW(FIX_USER, message_in_parts, "C_SignMessageNext", "messages in parts are signed and verified"),
};

static const struct check part_checks[] = {
    CHECK_ROW(FIX_USER, signs_in_parts, "C_SignFinal", "OpenSSL verifies what was signed in parts"),
    CHECK_ROW(FIX_USER, verifies_in_parts, "C_VerifyFinal", "OpenSSL's signature verifies in parts"),
    CHECK_ROW(FIX_USER, given_in_parts, "C_VerifySignatureFinal", "OpenSSL's signature, given first, verifies in parts"),
};

static const struct check parameter_checks[] = {
    CHECK_ROW(FIX_USER, parameter_wrong, "C_SignInit", "CKR_MECHANISM_PARAM_INVALID for a parameter that is none"),
};

static const struct check eddsa_check =
    CHECK_ROW(FIX_USER, eddsa_known_answer, "EdDSA", "the answers of RFC 8032");
/* clang-format on */

void chapter_signature(void)
{
    check_add_table("signature", checks);
    for (size_t i = 0; i < COUNT(eddsa_vectors); i++)
        check_add_row("signature", &eddsa_check, eddsa_vectors[i].name, &eddsa_vectors[i]);
    check_add_rows("signature", row_checks, rows);
    check_add_rows_if("signature", part_checks, rows, row->parts);
    check_add_rows_if("signature", parameter_checks, rows, row->pss_digest != NULL);
}
