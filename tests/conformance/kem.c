/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encapsulating and decapsulating keys.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define NEW_AES ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)
#define NEW_SECRET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_BYTE ciphertext[4096];
static CK_ULONG ciphertext_length;

/* ---- every mechanism that encapsulates ---- */

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    const struct curve *curve; /* ECDH */
    CK_EC_KDF_TYPE kdf;        /* ECDH */
    const char *padding;       /* RSA */
    CK_ULONG parameter_set;    /* ML-KEM */
    CK_ULONG length;           /* of the ciphertext */
    CK_ULONG secret;           /* its one length; 0: what the template says */
    bool rejects_in_secret;    /* a damaged ciphertext may give another key */
};

/* clang-format off */
static const struct row rows[] = {
    { .name = "CKM_RSA_PKCS", .type = CKM_RSA_PKCS, .padding = "pkcs1", .length = RSA_BYTES, .rejects_in_secret = true },
    { .name = "CKM_RSA_PKCS_OAEP", .type = CKM_RSA_PKCS_OAEP, .padding = "oaep", .length = RSA_BYTES },
    { .name = "CKM_RSA_X_509", .type = CKM_RSA_X_509, .padding = "none", .length = RSA_BYTES, .secret = RSA_BYTES, .rejects_in_secret = true },
    { .name = "CKM_ECDH1_DERIVE/P256", .type = CKM_ECDH1_DERIVE, .curve = &curves[P256], .kdf = CKD_NULL, .length = 65 },
    { .name = "CKM_ECDH1_DERIVE/P384", .type = CKM_ECDH1_DERIVE, .curve = &curves[P384], .kdf = CKD_SHA256_KDF, .length = 97 },
    { .name = "CKM_ECDH1_DERIVE/P521", .type = CKM_ECDH1_DERIVE, .curve = &curves[P521], .kdf = CKD_SHA512_KDF, .length = 133 },
    { .name = "CKM_ECDH1_DERIVE/X25519", .type = CKM_ECDH1_DERIVE, .curve = &curves[X25519], .kdf = CKD_NULL, .length = 32, .rejects_in_secret = true },
    { .name = "CKM_ECDH1_DERIVE/X448", .type = CKM_ECDH1_DERIVE, .curve = &curves[X448], .kdf = CKD_SHA1_KDF, .length = 56, .rejects_in_secret = true },
    { .name = "CKM_ECDH1_COFACTOR_DERIVE/P256", .type = CKM_ECDH1_COFACTOR_DERIVE, .curve = &curves[P256], .kdf = CKD_NULL, .length = 65 },
    { .name = "CKM_ML_KEM/512", .type = CKM_ML_KEM, .parameter_set = CKP_ML_KEM_512, .length = 768, .secret = 32, .rejects_in_secret = true },
    { .name = "CKM_ML_KEM/768", .type = CKM_ML_KEM, .parameter_set = CKP_ML_KEM_768, .length = 1088, .secret = 32, .rejects_in_secret = true },
    { .name = "CKM_ML_KEM/1024", .type = CKM_ML_KEM, .parameter_set = CKP_ML_KEM_1024, .length = 1568, .secret = 32, .rejects_in_secret = true },
};
/* clang-format on */

#define OAEP (&rows[1])
#define P256_ROW (&rows[3])

static CK_MECHANISM *mechanism_of(const struct row *row)
{
    static CK_MECHANISM mechanism;
    static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    static CK_ECDH1_DERIVE_PARAMS ecdh;
    mechanism = (CK_MECHANISM){row->type, NULL, 0};
    if (row->type == CKM_RSA_PKCS_OAEP)
        mechanism = (CK_MECHANISM){row->type, &oaep, sizeof oaep};
    if (row->curve != NULL) {
        ecdh = (CK_ECDH1_DERIVE_PARAMS){row->kdf, 0, NULL, 0, NULL};
        mechanism = (CK_MECHANISM){row->type, &ecdh, sizeof ecdh};
    }
    return &mechanism;
}

struct pair {
    CK_OBJECT_HANDLE public, private;
};

/* A pair that may do this; the extra attributes are for both halves. */
static struct pair make_ml_kem(CK_ULONG set, struct template public_extra,
                               struct template private_extra)
{
    struct pair pair = {0, 0};
    struct template public = TEMPLATE(ATTR_U(CKA_PARAMETER_SET, set));
    struct template private = TEMPLATE(ATTR_B(CKA_PRIVATE, CK_TRUE));
    struct merged public_merged = merge_templates(public, public_extra);
    struct merged private_merged = merge_templates(private, private_extra);
    EXPECT_OK(generate_pair_rv(CKM_ML_KEM_KEY_PAIR_GEN,
                               (struct template){public_merged.attributes, public_merged.count},
                               (struct template){private_merged.attributes, private_merged.count},
                               &pair.public, &pair.private));
    return pair;
}

static struct pair pair_with(const struct row *row, struct template public_extra,
                             struct template private_extra)
{
    require_mechanism(row->type, CKF_ENCAPSULATE | CKF_DECAPSULATE);
    REQUIRE_FUNCTION(C_EncapsulateKey);
    if (row->parameter_set != 0)
        return make_ml_kem(row->parameter_set, public_extra, private_extra);
    if (row->curve != NULL)
        return (struct pair){key_curve_public_with(HERE, row->curve, public_extra),
                             key_curve_private_with(HERE, row->curve, private_extra)};
    return (struct pair){key_rsa_public_with(HERE, public_extra),
                         key_rsa_private_with(HERE, private_extra)};
}

static struct pair pair_of(const struct row *row)
{
    return pair_with(row, TEMPLATE(ATTR_B(CKA_ENCAPSULATE, CK_TRUE)),
                     TEMPLATE(ATTR_B(CKA_DECAPSULATE, CK_TRUE)));
}

/* A new secret of the length that the mechanism has, or of 32 bytes. */
static CK_ULONG secret_length(const struct row *row)
{
    return row->secret != 0 ? row->secret : 32;
}

static CK_RV encapsulate_rv(const struct row *row, CK_OBJECT_HANDLE key, struct template template,
                            CK_OBJECT_HANDLE *ret_key)
{
    ciphertext_length = sizeof ciphertext;
    return F->C_EncapsulateKey(S, mechanism_of(row), key, template.attributes, template.count,
                               ciphertext, &ciphertext_length, ret_key);
}

static CK_RV decapsulate_rv(const struct row *row, CK_OBJECT_HANDLE key, struct template template,
                            CK_OBJECT_HANDLE *ret_key)
{
    return F->C_DecapsulateKey(S, mechanism_of(row), key, template.attributes, template.count,
                               ciphertext, ciphertext_length, ret_key);
}

#define SECRET_OF(row) TEMPLATE(NEW_SECRET, READABLE, ATTR_U(CKA_VALUE_LEN, secret_length(row)))

static void expect_same(CK_OBJECT_HANDLE one, CK_OBJECT_HANDLE other, CK_ULONG length)
{
    CK_BYTE value[512], right[512];
    CK_ULONG right_length = get_bytes(other, CKA_VALUE, right, sizeof right);
    EXPECT_EQUAL(right_length, length);
    EXPECT_BYTES(value, get_bytes(one, CKA_VALUE, value, sizeof value), right, right_length);
}

static void comes_back(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE sent = 0, received = 0;
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &sent));
    EXPECT_EQUAL(ciphertext_length, row->length);
    EXPECT_OK(decapsulate_rv(row, pair.private, SECRET_OF(row), &received));
    EXPECT_TRUE(sent != received);
    EXPECT_EQUAL(get_ulong(sent, CKA_CLASS), CKO_SECRET_KEY);
    EXPECT_EQUAL(get_ulong(received, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    expect_same(received, sent, secret_length(row));
}

static void is_fresh(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE first[4096], value[512], other[512];
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE one = 0, two = 0;
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &one));
    memcpy(first, ciphertext, row->length);
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &two));
    EXPECT_TRUE(memcmp(first, ciphertext, row->length) != 0);
    CK_ULONG length = get_bytes(one, CKA_VALUE, value, sizeof value);
    EXPECT_EQUAL(get_bytes(two, CKA_VALUE, other, sizeof other), length);
    EXPECT_TRUE(memcmp(value, other, length) != 0);
}

static void history(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE keys[2] = {0, 0};
    struct template template =
        TEMPLATE(NEW_SECRET, ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_S(CKA_LABEL, "encapsulated"),
                 ATTR_U(CKA_VALUE_LEN, secret_length(row)));
    EXPECT_OK(encapsulate_rv(row, pair.public, template, &keys[0]));
    EXPECT_OK(decapsulate_rv(row, pair.private, template, &keys[1]));
    for (size_t i = 0; i < 2; i++) {
        CK_BYTE text[64];
        EXPECT_EQUAL(get_bool(keys[i], CKA_LOCAL), CK_FALSE);
        EXPECT_EQUAL(get_bool(keys[i], CKA_ALWAYS_SENSITIVE), CK_FALSE);
        EXPECT_EQUAL(get_bool(keys[i], CKA_NEVER_EXTRACTABLE), CK_FALSE);
        EXPECT_EQUAL(get_bool(keys[i], CKA_EXTRACTABLE), CK_TRUE);
        EXPECT_EQUAL(get_ulong(keys[i], CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
        EXPECT_BYTES(text, get_bytes(keys[i], CKA_LABEL, text, sizeof text), "encapsulated", 12);
        EXPECT_TRUE(get_bytes(keys[i], CKA_UNIQUE_ID, text, sizeof text) > 0);
        expect_secret(keys[i], CKA_VALUE);
    }
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    struct template template = SECRET_OF(row);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG length = 0, before = FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY));
    EXPECT_OK(F->C_EncapsulateKey(S, mechanism_of(row), pair.public, template.attributes,
                                  template.count, NULL, &length, &key));
    EXPECT_TRUE(length >= row->length && length <= row->length + 64);
    length = row->length - 1;
    ciphertext[0] = 0x77;
    EXPECT(F->C_EncapsulateKey(S, mechanism_of(row), pair.public, template.attributes,
                               template.count, ciphertext, &length, &key),
           CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= row->length);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY)), before);
    length = row->length;
    ciphertext[row->length] = 0x77;
    EXPECT_OK(F->C_EncapsulateKey(S, mechanism_of(row), pair.public, template.attributes,
                                  template.count, ciphertext, &length, &key));
    EXPECT_EQUAL(length, row->length);
    EXPECT_EQUAL(ciphertext[row->length], 0x77);
}

static void not_permitted(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    struct pair other = pair_with(row, TEMPLATE(ATTR_B(CKA_ENCAPSULATE, CK_FALSE)),
                                  TEMPLATE(ATTR_B(CKA_DECAPSULATE, CK_FALSE)));
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &key));
    EXPECT(decapsulate_rv(row, other.private, SECRET_OF(row), &key),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT(encapsulate_rv(row, other.public, SECRET_OF(row), &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void wrong_halves(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE key = 0;
    EXPECT_FAILURE(encapsulate_rv(row, pair.private, SECRET_OF(row), &key));
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &key));
    EXPECT_FAILURE(decapsulate_rv(row, pair.public, SECRET_OF(row), &key));
}

static void other_keys(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE key = 0, aes = key_aes(32, ANY_LABEL);
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &key));
    EXPECT(decapsulate_rv(row, aes, SECRET_OF(row), &key), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
    EXPECT(decapsulate_rv(row, 0x7fff4711, SECRET_OF(row), &key),
           CKR_UNWRAPPING_KEY_HANDLE_INVALID);
    EXPECT(encapsulate_rv(row, aes, SECRET_OF(row), &key), CKR_KEY_TYPE_INCONSISTENT);
    EXPECT(encapsulate_rv(row, 0x7fff4711, SECRET_OF(row), &key), CKR_KEY_HANDLE_INVALID);
}

static void wrong_length(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &key));
    ciphertext_length--;
    EXPECT_ANY(decapsulate_rv(row, pair.private, SECRET_OF(row), &key), CKR_WRAPPED_KEY_LEN_RANGE,
               CKR_WRAPPED_KEY_INVALID);
    ciphertext_length += 2;
    EXPECT_ANY(decapsulate_rv(row, pair.private, SECRET_OF(row), &key), CKR_WRAPPED_KEY_LEN_RANGE,
               CKR_WRAPPED_KEY_INVALID);
}

static void damaged(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE sent = 0, received = 0;
    CK_BYTE value[512], other[512];
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &sent));
    ciphertext[row->length - 5] ^= 1;
    CK_RV rv = decapsulate_rv(row, pair.private, SECRET_OF(row), &received);
    if (rv != CKR_OK || !row->rejects_in_secret) {
        EXPECT_ANY(rv, CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE);
        return;
    }
    CK_ULONG length = get_bytes(sent, CKA_VALUE, value, sizeof value);
    EXPECT_EQUAL(get_bytes(received, CKA_VALUE, other, sizeof other), length);
    EXPECT_TRUE(memcmp(value, other, length) != 0);
}

/* ---- against OpenSSL ---- */

static void rsa_is_encryption(const void *argument)
{
    const struct row *row = argument;
    struct ossl_rsa rsa = {.padding = row->padding, .digest = NULL};
    CK_BYTE value[512], right[512];
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE key = 0;
    if (row->type == CKM_RSA_PKCS_OAEP)
        rsa.digest = rsa.mgf = "SHA1";
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &key));
    CK_ULONG length = ossl_rsa_decrypt(&rsa, ciphertext, ciphertext_length, right);
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), right, length);
}

static void curve_is_agreement(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE secret[128];
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE key = 0, derived = 0;
    CK_BYTE value[128];
    CK_ECDH1_DERIVE_PARAMS ecdh = {row->kdf, 0, NULL, 0, ciphertext};
    CK_ATTRIBUTE template[] = {NEW_SECRET, READABLE, ATTR_U(CKA_VALUE_LEN, 32)};
    CK_ULONG length = ossl_peer(row->curve, ciphertext, &ciphertext_length, secret);
    if (row->kdf == CKD_NULL) {
        EXPECT_OK(decapsulate_rv(row, pair.private, SECRET_OF(row), &key));
        EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), secret + length - 32,
                     32);
    }
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &key));
    ecdh.ulPublicDataLen = ciphertext_length;
    EXPECT_OK(F->C_DeriveKey(S, MECHANISM_P(row->type, ecdh), pair.private, template,
                             COUNT(template), &derived));
    expect_same(derived, key, 32);
}

/* ---- the new key ---- */

static void aes_key(void)
{
    CK_BYTE plain[16] = "sixteen bytes ..", out[16], right[16];
    CK_ULONG length = sizeof out;
    struct pair pair = pair_of(OAEP);
    CK_OBJECT_HANDLE sent = 0, received = 0;
    require_mechanism(CKM_AES_ECB, CKF_ENCRYPT);
    EXPECT_OK(
        encapsulate_rv(OAEP, pair.public, TEMPLATE(NEW_AES, ATTR_U(CKA_VALUE_LEN, 24)), &sent));
    EXPECT_OK(decapsulate_rv(OAEP, pair.private, TEMPLATE(NEW_AES), &received));
    EXPECT_EQUAL(get_ulong(sent, CKA_VALUE_LEN), 24);
    EXPECT_EQUAL(get_ulong(received, CKA_VALUE_LEN), 24);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_AES_ECB), sent));
    EXPECT_OK(F->C_Encrypt(S, plain, sizeof plain, right, &length));
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_AES_ECB), received));
    EXPECT_OK(F->C_Encrypt(S, plain, sizeof plain, out, &length));
    EXPECT_BYTES(out, sizeof out, right, sizeof right);
}

static void class_may_be_left_out(void)
{
    struct pair pair = pair_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = encapsulate_rv(P256_ROW, pair.public,
                              TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)), &key);
    EXPECT_ANY(rv, CKR_OK, CKR_TEMPLATE_INCOMPLETE);
    if (rv == CKR_OK)
        EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_SECRET_KEY);
}

static void other_class(void)
{
    struct pair pair = pair_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    struct template template =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC));
    EXPECT(encapsulate_rv(P256_ROW, pair.public, template, &key), CKR_TEMPLATE_INCONSISTENT);
    EXPECT_OK(encapsulate_rv(P256_ROW, pair.public, SECRET_OF(P256_ROW), &key));
    EXPECT(decapsulate_rv(P256_ROW, pair.private, template, &key), CKR_TEMPLATE_INCONSISTENT);
}

static void length_needed(void)
{
    struct pair pair = pair_of(OAEP);
    CK_OBJECT_HANDLE key = 0;
    EXPECT(encapsulate_rv(OAEP, pair.public, TEMPLATE(NEW_AES), &key), CKR_TEMPLATE_INCOMPLETE);
}

static void length_out_of_reach(void)
{
    struct pair pair = pair_of(OAEP);
    CK_OBJECT_HANDLE key = 0;
    EXPECT(
        encapsulate_rv(OAEP, pair.public, TEMPLATE(NEW_SECRET, ATTR_U(CKA_VALUE_LEN, 250)), &key),
        CKR_KEY_SIZE_RANGE);
    EXPECT(encapsulate_rv(P256_ROW, pair_of(P256_ROW).public,
                          TEMPLATE(NEW_SECRET, ATTR_U(CKA_VALUE_LEN, 33)), &key),
           CKR_KEY_SIZE_RANGE);
}

static void length_conflict(void)
{
    struct pair pair = pair_of(OAEP);
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(encapsulate_rv(OAEP, pair.public, SECRET_OF(OAEP), &key));
    EXPECT(
        decapsulate_rv(OAEP, pair.private, TEMPLATE(NEW_SECRET, ATTR_U(CKA_VALUE_LEN, 16)), &key),
        CKR_WRAPPED_KEY_LEN_RANGE);
}

static void value_given(void)
{
    struct pair pair = pair_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    EXPECT_ANY(encapsulate_rv(P256_ROW, pair.public,
                              TEMPLATE(NEW_SECRET, ATTR_X(CKA_VALUE, key_value(), 32)), &key),
               CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
    EXPECT(encapsulate_rv(P256_ROW, pair.public, TEMPLATE(NEW_SECRET, ATTR_B(CKA_LOCAL, CK_TRUE)),
                          &key),
           CKR_ATTRIBUTE_READ_ONLY);
}

static void read_only_session(void)
{
    struct pair pair = pair_of(P256_ROW);
    struct template template = TEMPLATE(NEW_SECRET, ATTR_B(CKA_TOKEN, CK_TRUE));
    CK_OBJECT_HANDLE key = 0;
    CK_SESSION_HANDLE session = open_session(0);
    ciphertext_length = sizeof ciphertext;
    EXPECT(F->C_EncapsulateKey(session, mechanism_of(P256_ROW), pair.public, template.attributes,
                               template.count, ciphertext, &ciphertext_length, &key),
           CKR_SESSION_READ_ONLY);
    EXPECT_OK(encapsulate_rv(P256_ROW, pair.public, SECRET_OF(P256_ROW), &key));
    EXPECT(F->C_DecapsulateKey(session, mechanism_of(P256_ROW), pair.private, template.attributes,
                               template.count, ciphertext, ciphertext_length, &key),
           CKR_SESSION_READ_ONLY);
}

static void to_token(void)
{
    struct pair pair = pair_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    token_objects_made();
    EXPECT_OK(encapsulate_rv(
        P256_ROW, pair.public,
        TEMPLATE(NEW_SECRET, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "kept")), &key));
    EXPECT_OK(F->C_CloseSession(S));
    env.session = open_session(0);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "kept")), 1);
}

/* ---- parameters and arguments ---- */

static void ecdh_public_data(void)
{
    CK_BYTE point[65];
    struct pair pair = pair_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    CK_ECDH1_DERIVE_PARAMS ecdh = {CKD_NULL, 0, NULL, sizeof point, point};
    struct template template = SECRET_OF(P256_ROW);
    memcpy(point, curves[P256].public, sizeof point);
    ciphertext_length = sizeof ciphertext;
    EXPECT(F->C_EncapsulateKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, ecdh), pair.public,
                               template.attributes, template.count, ciphertext, &ciphertext_length,
                               &key),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DecapsulateKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, ecdh), pair.private,
                               template.attributes, template.count, point, sizeof point, &key),
           CKR_MECHANISM_PARAM_INVALID);
}

static void null_arguments(void)
{
    struct pair pair = pair_of(P256_ROW);
    struct template t = SECRET_OF(P256_ROW);
    CK_MECHANISM *mechanism = mechanism_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG length = sizeof ciphertext;
    EXPECT(
        F->C_EncapsulateKey(S, NULL, pair.public, t.attributes, t.count, ciphertext, &length, &key),
        CKR_ARGUMENTS_BAD);
    EXPECT(F->C_EncapsulateKey(S, mechanism, pair.public, NULL, 2, ciphertext, &length, &key),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_EncapsulateKey(S, mechanism, pair.public, t.attributes, t.count, ciphertext, NULL,
                               &key),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_EncapsulateKey(S, mechanism, pair.public, t.attributes, t.count, ciphertext,
                               &length, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_DecapsulateKey(S, NULL, pair.private, t.attributes, t.count, ciphertext, 65, &key),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_DecapsulateKey(S, mechanism, pair.private, t.attributes, t.count, NULL, 65, &key),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_DecapsulateKey(S, mechanism, pair.private, t.attributes, t.count, ciphertext, 65,
                               NULL),
           CKR_ARGUMENTS_BAD);
}

static void other_mechanism(void)
{
    static CK_MECHANISM_TYPE allowed[] = {CKM_RSA_PKCS};
    struct template t = SECRET_OF(OAEP);
    struct pair pair = pair_of(OAEP);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG length = sizeof ciphertext;
    static const CK_MECHANISM_TYPE wrong[] = {0x7fff4711, CKM_SHA256_RSA_PKCS};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        EXPECT(F->C_EncapsulateKey(S, MECHANISM(wrong[i]), pair.public, t.attributes, t.count,
                                   ciphertext, &length, &key),
               CKR_MECHANISM_INVALID);
        EXPECT(F->C_DecapsulateKey(S, MECHANISM(wrong[i]), pair.private, t.attributes, t.count,
                                   ciphertext, RSA_BYTES, &key),
               CKR_MECHANISM_INVALID);
    }
    pair = pair_with(OAEP,
                     TEMPLATE(ATTR_B(CKA_ENCAPSULATE, CK_TRUE),
                              ATTR_X(CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed)),
                     TEMPLATE(ATTR_B(CKA_DECAPSULATE, CK_TRUE),
                              ATTR_X(CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed)));
    EXPECT_FAILURE(encapsulate_rv(OAEP, pair.public, t, &key));
    ciphertext_length = RSA_BYTES;
    EXPECT_FAILURE(decapsulate_rv(OAEP, pair.private, t, &key));
}

static void invalid_session(void)
{
    struct template t = SECRET_OF(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG length = sizeof ciphertext;
    REQUIRE_FUNCTION(C_EncapsulateKey);
    EXPECT(F->C_EncapsulateKey(0x7fff4711, mechanism_of(P256_ROW), 1, t.attributes, t.count,
                               ciphertext, &length, &key),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_DecapsulateKey(0x7fff4711, mechanism_of(P256_ROW), 1, t.attributes, t.count,
                               ciphertext, 65, &key),
           CKR_SESSION_HANDLE_INVALID);
}

/* ---- templates on the keys ---- */

static struct pair pair_with_templates(CK_ATTRIBUTE *inner, CK_ULONG size)
{
    return pair_with(
        P256_ROW,
        TEMPLATE(ATTR_B(CKA_ENCAPSULATE, CK_TRUE), ATTR_X(CKA_ENCAPSULATE_TEMPLATE, inner, size)),
        TEMPLATE(ATTR_B(CKA_DECAPSULATE, CK_TRUE), ATTR_X(CKA_DECAPSULATE_TEMPLATE, inner, size)));
}

static void encapsulate_template(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    struct pair pair = pair_with_templates(inner, sizeof inner);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG before = FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY));
    memset(ciphertext, 0x77, sizeof ciphertext);
    EXPECT(encapsulate_rv(
               P256_ROW, pair.public,
               TEMPLATE(NEW_AES, ATTR_U(CKA_VALUE_LEN, 32), ATTR_B(CKA_SENSITIVE, CK_FALSE)), &key),
           CKR_KEY_HANDLE_INVALID);
    EXPECT(encapsulate_rv(P256_ROW, pair.public,
                          TEMPLATE(NEW_SECRET, ATTR_B(CKA_SENSITIVE, CK_TRUE)), &key),
           CKR_KEY_HANDLE_INVALID);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY)), before);
    EXPECT_EQUAL(ciphertext[7], 0x77);
    EXPECT_OK(encapsulate_rv(
        P256_ROW, pair.public,
        TEMPLATE(NEW_AES, ATTR_U(CKA_VALUE_LEN, 32), ATTR_B(CKA_SENSITIVE, CK_TRUE)), &key));
}

static void decapsulate_template_added(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_S(CKA_LABEL, "imposed"),
                            ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)};
    struct pair pair = pair_with_templates(inner, sizeof inner), plain = pair_of(P256_ROW);
    CK_BYTE text[32];
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(encapsulate_rv(P256_ROW, plain.public, SECRET_OF(P256_ROW), &key));
    EXPECT_OK(decapsulate_rv(P256_ROW, pair.private,
                             TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                                      ATTR_S(CKA_LABEL, "imposed"), ATTR_X(CKA_ID, "\x5", 1)),
                             &key));
    expect_secret(key, CKA_VALUE);
    EXPECT_BYTES(text, get_bytes(key, CKA_LABEL, text, sizeof text), "imposed", 7);
    EXPECT_BYTES(text, get_bytes(key, CKA_ID, text, sizeof text), "\x5", 1);
}

static void decapsulate_template_conflict(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_B(CKA_SENSITIVE, CK_TRUE)};
    struct pair pair = pair_with_templates(inner, sizeof inner), plain = pair_of(P256_ROW);
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(encapsulate_rv(P256_ROW, plain.public, SECRET_OF(P256_ROW), &key));
    EXPECT(decapsulate_rv(P256_ROW, pair.private, SECRET_OF(P256_ROW), &key),
           CKR_TEMPLATE_INCONSISTENT);
}

/* ---- RSASVE, ML-KEM ---- */

static void rsasve_fixed_points(void)
{
    const struct row *row = &rows[2];
    struct pair pair = pair_of(row);
    CK_OBJECT_HANDLE key = 0;
    ciphertext_length = RSA_BYTES;
    for (CK_BYTE last = 0; last < 2; last++) {
        memset(ciphertext, 0, RSA_BYTES);
        ciphertext[RSA_BYTES - 1] = last;
        EXPECT_ANY(decapsulate_rv(row, pair.private, SECRET_OF(row), &key),
                   CKR_WRAPPED_KEY_INVALID);
    }
    memset(ciphertext, 0xff, RSA_BYTES);
    EXPECT_ANY(decapsulate_rv(row, pair.private, SECRET_OF(row), &key), CKR_WRAPPED_KEY_INVALID);
}

static void ml_kem_pair(void)
{
    static const struct {
        CK_ULONG set, public_length, private_length;
    } sizes[] = {
        {CKP_ML_KEM_512, 800, 1632}, {CKP_ML_KEM_768, 1184, 2400}, {CKP_ML_KEM_1024, 1568, 3168}};
    CK_BYTE value[4096], right[4096];
    require_mechanism(CKM_ML_KEM_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct pair pair = make_ml_kem(sizes[i].set, TEMPLATE(ANY_LABEL), TEMPLATE(READABLE));
        EXPECT_EQUAL(get_ulong(pair.private, CKA_PARAMETER_SET), sizes[i].set);
        EXPECT_EQUAL(get_ulong(pair.public, CKA_KEY_TYPE), CKK_ML_KEM);
        EXPECT_EQUAL(get_bytes(pair.public, CKA_VALUE, right, sizeof right),
                     sizes[i].public_length);
        EXPECT_EQUAL(get_bytes(pair.private, CKA_VALUE, value, sizeof value),
                     sizes[i].private_length);
        EXPECT_EQUAL(get_bool(pair.public, CKA_LOCAL), CK_TRUE);
        EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_GEN_MECHANISM), CKM_ML_KEM_KEY_PAIR_GEN);
        /* FIPS 203: dk holds ek behind its first 384 k bytes. */
        CK_ULONG at = sizes[i].private_length - 64 - sizes[i].public_length;
        EXPECT_BYTES(value + at, sizes[i].public_length, right, sizes[i].public_length);
        EXPECT_EQUAL(get_bytes(pair.private, CKA_SEED, value, sizeof value), 64);
    }
}

static void ml_kem_pair_refused(void)
{
    CK_OBJECT_HANDLE public = 0, private = 0;
    require_mechanism(CKM_ML_KEM_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT(
        generate_pair_rv(CKM_ML_KEM_KEY_PAIR_GEN, NO_ATTRIBUTES, NO_ATTRIBUTES, &public, &private),
        CKR_TEMPLATE_INCOMPLETE);
    EXPECT_ANY(generate_pair_rv(CKM_ML_KEM_KEY_PAIR_GEN,
                                TEMPLATE(ATTR_U(CKA_PARAMETER_SET, 0x4711)), NO_ATTRIBUTES, &public,
                                &private),
               CKR_PARAMETER_SET_NOT_SUPPORTED, CKR_ATTRIBUTE_VALUE_INVALID);
}

/* By its seed, by its expanded form, by both: the same key. */
static void ml_kem_imported(void)
{
    CK_BYTE seed[64], value[1632];
    require_mechanism(CKM_ML_KEM, CKF_DECAPSULATE);
    struct pair pair = make_ml_kem(CKP_ML_KEM_512, TEMPLATE(ANY_LABEL), TEMPLATE(READABLE));
    const struct row *row = &rows[9];
    CK_OBJECT_HANDLE sent = 0, received = 0;
    EXPECT_EQUAL(get_bytes(pair.private, CKA_SEED, seed, sizeof seed), sizeof seed);
    EXPECT_EQUAL(get_bytes(pair.private, CKA_VALUE, value, sizeof value), sizeof value);
    EXPECT_OK(encapsulate_rv(row, pair.public, SECRET_OF(row), &sent));
    for (int forms = 1; forms <= 3; forms++) {
        CK_ATTRIBUTE template[8] = {ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY),
                                    ATTR_U(CKA_KEY_TYPE, CKK_ML_KEM),
                                    ATTR_U(CKA_PARAMETER_SET, CKP_ML_KEM_512), READABLE};
        CK_ULONG count = 5;
        CK_OBJECT_HANDLE key = 0;
        if ((forms & 1) != 0)
            template[count++] = (CK_ATTRIBUTE)ATTR_A(CKA_SEED, seed);
        if ((forms & 2) != 0)
            template[count++] = (CK_ATTRIBUTE)ATTR_A(CKA_VALUE, value);
        CK_RV rv = create_rv((struct template){template, count}, &key);
        if (forms < 3 && rv == CKR_TEMPLATE_INCOMPLETE)
            continue; /* a token may want both */
        EXPECT_OK(rv);
        EXPECT_OK(decapsulate_rv(row, key, SECRET_OF(row), &received));
        expect_same(received, sent, 32);
    }
}

static void ml_kem_imported_wrongly(void)
{
    CK_BYTE seed[64], value[1632];
    require_mechanism(CKM_ML_KEM, CKF_DECAPSULATE);
    struct pair pair = make_ml_kem(CKP_ML_KEM_512, TEMPLATE(ANY_LABEL), TEMPLATE(READABLE));
    struct pair other = make_ml_kem(CKP_ML_KEM_512, TEMPLATE(ANY_LABEL), TEMPLATE(READABLE));
    EXPECT_EQUAL(get_bytes(pair.private, CKA_SEED, seed, sizeof seed), sizeof seed);
    EXPECT_EQUAL(get_bytes(other.private, CKA_VALUE, value, sizeof value), sizeof value);
#define IMPORT(...)                                                                                \
    CREATE_RV(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_ML_KEM), READABLE,      \
              ATTR_U(CKA_PARAMETER_SET, CKP_ML_KEM_512), __VA_ARGS__)
    EXPECT_ANY(IMPORT(ATTR_A(CKA_SEED, seed), ATTR_A(CKA_VALUE, value)),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
    EXPECT_FAILURE(IMPORT(ATTR_X(CKA_SEED, seed, 63)));
    EXPECT_FAILURE(IMPORT(ATTR_X(CKA_VALUE, value, sizeof value - 1)));
    EXPECT_FAILURE(IMPORT(ANY_LABEL));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, aes_key, "C_EncapsulateKey", "makes a key of the type and length asked for"),
    CHECK(FIX_USER, class_may_be_left_out, "C_EncapsulateKey", "the new key is a secret key"),
    CHECK(FIX_USER, other_class, "C_EncapsulateKey", "CKR_TEMPLATE_INCONSISTENT for another class"),
    CHECK(FIX_USER, length_needed, "C_EncapsulateKey", "CKR_TEMPLATE_INCOMPLETE where nothing says the length"),
    CHECK(FIX_USER, length_out_of_reach, "C_EncapsulateKey", "CKR_KEY_SIZE_RANGE for a length that the mechanism can't give"),
    CHECK(FIX_USER, length_conflict, "C_DecapsulateKey", "CKR_WRAPPED_KEY_LEN_RANGE for a length that is not the key's"),
    CHECK(FIX_USER, value_given, "C_EncapsulateKey", "the template gives neither value nor history"),
    CHECK(FIX_USER, read_only_session, "C_EncapsulateKey", "CKR_SESSION_READ_ONLY for a token object in such a session"),
    CHECK(FIX_USER, to_token, "C_EncapsulateKey", "makes token objects"),
    CHECK(FIX_USER, ecdh_public_data, "Elliptic curve Diffie-Hellman key derivation", "pPublicData must be NULL"),
    CHECK(FIX_USER, null_arguments, "C_EncapsulateKey", "CKR_ARGUMENTS_BAD for NULL pointers, both functions"),
    CHECK(FIX_USER, other_mechanism, "C_EncapsulateKey", "refuses a mechanism that does not encapsulate or is not allowed"),
    CHECK(FIX_USER, invalid_session, "C_DecapsulateKey", "CKR_SESSION_HANDLE_INVALID, both functions"),
    CHECK(FIX_USER, encapsulate_template, "CKA_ENCAPSULATE_TEMPLATE", "CKR_KEY_HANDLE_INVALID and no key for one that does not match"),
    CHECK(FIX_USER, decapsulate_template_added, "CKA_DECAPSULATE_TEMPLATE", "its attributes are added to the key"),
    CHECK(FIX_USER, decapsulate_template_conflict, "CKA_DECAPSULATE_TEMPLATE", "CKR_TEMPLATE_INCONSISTENT for a conflict"),
    CHECK(FIX_USER, rsasve_fixed_points, "X.509 (raw) RSA", "refuses numbers that are their own ciphertext, and those that are too large"),
    CHECK(FIX_USER, ml_kem_pair, "ML-KEM key pair generation", "a pair of the set asked for, with seed and value"),
    CHECK(FIX_USER, ml_kem_pair_refused, "ML-KEM key pair generation", "CKA_PARAMETER_SET is needed, and must be one"),
    CHECK(FIX_USER, ml_kem_imported, "ML-KEM private key objects", "seed, value, or both make the same key"),
    CHECK(FIX_USER, ml_kem_imported_wrongly, "ML-KEM private key objects", "seed and value must be of one key and of their length"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, comes_back, "C_DecapsulateKey", "the key is the one that C_EncapsulateKey made"),
    CHECK_ROW(FIX_USER, is_fresh, "C_EncapsulateKey", "no key and no ciphertext twice"),
    CHECK_ROW(FIX_USER, history, "C_EncapsulateKey", "the new keys' attributes, on both sides"),
    CHECK_ROW(FIX_USER, lengths, "C_EncapsulateKey", "the length; CKR_BUFFER_TOO_SMALL and no key for one byte less, then it works"),
    CHECK_ROW(FIX_USER, not_permitted, "C_EncapsulateKey", "CKA_ENCAPSULATE and CKA_DECAPSULATE must be CK_TRUE"),
    CHECK_ROW(FIX_USER, wrong_halves, "C_EncapsulateKey", "the public key encapsulates, the private one decapsulates"),
    CHECK_ROW(FIX_USER, other_keys, "C_DecapsulateKey", "the codes for what is no such key"),
    CHECK_ROW(FIX_USER, wrong_length, "C_DecapsulateKey", "CKR_WRAPPED_KEY_LEN_RANGE for a byte more or less"),
    CHECK_ROW(FIX_USER, damaged, "C_DecapsulateKey", "a changed ciphertext never gives the key"),
};

static const struct check rsa_check = CHECK_ROW(FIX_USER, rsa_is_encryption, "PKCS #1 v1.5 RSA", "OpenSSL decrypts the ciphertext to the key");
static const struct check curve_check = CHECK_ROW(FIX_USER, curve_is_agreement, "Elliptic curve Diffie-Hellman key derivation", "the ciphertext is a public key, the key what OpenSSL and C_DeriveKey agree on");
/* clang-format on */

void chapter_kem(void)
{
    check_add_table("kem", checks);
    check_add_rows("kem", row_checks, rows);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].padding != NULL)
            check_add_row("kem", &rsa_check, rows[i].name, &rows[i]);
        if (rows[i].curve != NULL)
            check_add_row("kem", &curve_check, rows[i].name, &rows[i]);
    }
}
