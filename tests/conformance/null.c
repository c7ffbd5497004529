/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKM_NULL: what goes in comes out, but no key that could not be read anyway. Whoever is logged in
 * tries to have a sensitive key, one that is not extractable, or one that only trusted keys wrap,
 * in clear.
 */
#include <string.h>

#include "keys.h"

enum { LENGTH = 100 };

static CK_BYTE data[LENGTH], out[512];
static CK_ULONG out_length;

#define NULL_MECHANISM MECHANISM(CKM_NULL)
#define SECRET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_OBJECT_HANDLE start(CK_FLAGS flags)
{
    require_mechanism(CKM_NULL, flags);
    fill_bytes(data, sizeof data, 77);
    memset(out, 0xcc, sizeof out);
    out_length = sizeof out;
    return key_aes(16, ANY_LABEL);
}

/* The data, and no byte behind it. */
static void expect_data(CK_ULONG length)
{
    EXPECT_BYTES(out, out_length, data, length);
    EXPECT_EQUAL(out[length], 0xcc);
}

/* ---- data ---- */

static void encrypts(void)
{
    CK_OBJECT_HANDLE key = start(CKF_ENCRYPT | CKF_DECRYPT);
    EXPECT_OK(F->C_EncryptInit(S, NULL_MECHANISM, key));
    EXPECT_OK(F->C_Encrypt(S, data, LENGTH, out, &out_length));
    expect_data(LENGTH);
    EXPECT_OK(F->C_DecryptInit(S, NULL_MECHANISM, key));
    EXPECT_OK(F->C_Decrypt(S, out, LENGTH, out, &out_length));
    expect_data(LENGTH);
}

static void encrypts_in_parts(void)
{
    CK_ULONG part = 30, last = sizeof out;
    EXPECT_OK(F->C_EncryptInit(S, NULL_MECHANISM, start(CKF_ENCRYPT)));
    EXPECT_OK(F->C_EncryptUpdate(S, data, 30, out, &part));
    EXPECT_EQUAL(part, 30);
    out_length = sizeof out - 30;
    EXPECT_OK(F->C_EncryptUpdate(S, data + 30, LENGTH - 30, out + 30, &out_length));
    EXPECT_OK(F->C_EncryptFinal(S, out + LENGTH, &last));
    EXPECT_EQUAL(last, 0);
    out_length += part;
    expect_data(LENGTH);
}

static void digests(void)
{
    (void)start(CKF_DIGEST);
    EXPECT_OK(F->C_DigestInit(S, NULL_MECHANISM));
    EXPECT_OK(F->C_Digest(S, data, LENGTH, NULL, &out_length));
    EXPECT_EQUAL(out_length, LENGTH);
    out_length = LENGTH - 1;
    EXPECT(F->C_Digest(S, data, LENGTH, out, &out_length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(out_length, LENGTH);
    EXPECT_OK(F->C_Digest(S, data, LENGTH, out, &out_length));
    expect_data(LENGTH);
}

static void digests_in_parts(void)
{
    (void)start(CKF_DIGEST);
    EXPECT_OK(F->C_DigestInit(S, NULL_MECHANISM));
    EXPECT_OK(F->C_DigestUpdate(S, data, 1));
    EXPECT_OK(F->C_DigestUpdate(S, data + 1, LENGTH - 1));
    out_length = LENGTH - 1;
    EXPECT(F->C_DigestFinal(S, out, &out_length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(out_length, LENGTH);
    EXPECT_OK(F->C_DigestFinal(S, out, &out_length));
    expect_data(LENGTH);
}

static void signs(void)
{
    CK_OBJECT_HANDLE key = start(CKF_SIGN | CKF_VERIFY);
    EXPECT_OK(F->C_SignInit(S, NULL_MECHANISM, key));
    out_length = LENGTH - 1;
    EXPECT(F->C_Sign(S, data, LENGTH, out, &out_length), CKR_BUFFER_TOO_SMALL);
    EXPECT_OK(F->C_Sign(S, data, LENGTH, out, &out_length));
    expect_data(LENGTH);
    EXPECT_OK(F->C_VerifyInit(S, NULL_MECHANISM, key));
    EXPECT_OK(F->C_Verify(S, data, LENGTH, out, out_length));
    out[LENGTH / 2] ^= 1;
    EXPECT_OK(F->C_VerifyInit(S, NULL_MECHANISM, key));
    EXPECT(F->C_Verify(S, data, LENGTH, out, out_length), CKR_SIGNATURE_INVALID);
    EXPECT_OK(F->C_VerifyInit(S, NULL_MECHANISM, key));
    EXPECT(F->C_Verify(S, data, LENGTH, data, LENGTH - 1), CKR_SIGNATURE_INVALID);
}

static void signs_in_parts(void)
{
    CK_OBJECT_HANDLE key = start(CKF_SIGN | CKF_VERIFY);
    EXPECT_OK(F->C_SignInit(S, NULL_MECHANISM, key));
    EXPECT_OK(F->C_SignUpdate(S, data, 99));
    EXPECT_OK(F->C_SignUpdate(S, data + 99, LENGTH - 99));
    EXPECT_OK(F->C_SignFinal(S, out, &out_length));
    expect_data(LENGTH);
    EXPECT_OK(F->C_VerifyInit(S, NULL_MECHANISM, key));
    EXPECT_OK(F->C_VerifyUpdate(S, data, 50));
    EXPECT_OK(F->C_VerifyUpdate(S, data + 50, LENGTH - 50));
    EXPECT_OK(F->C_VerifyFinal(S, out, out_length));
}

static void recovers(void)
{
    (void)start(CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER);
    EXPECT_OK(F->C_SignRecoverInit(S, NULL_MECHANISM, key_rsa_private(ANY_LABEL)));
    EXPECT_OK(F->C_SignRecover(S, data, LENGTH, out, &out_length));
    expect_data(LENGTH);
    EXPECT_OK(F->C_VerifyRecoverInit(S, NULL_MECHANISM, key_rsa_public(ANY_LABEL)));
    EXPECT_OK(F->C_VerifyRecover(S, data, LENGTH, out, &out_length));
    expect_data(LENGTH);
}

static void signs_messages(void)
{
    CK_OBJECT_HANDLE key = start(CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY);
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, NULL_MECHANISM, key));
    out_length = LENGTH - 1;
    EXPECT(F->C_SignMessage(S, NULL, 0, data, LENGTH, out, &out_length), CKR_BUFFER_TOO_SMALL);
    EXPECT_OK(F->C_SignMessage(S, NULL, 0, data, LENGTH, out, &out_length));
    expect_data(LENGTH);
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data, 60, NULL, NULL));
    out_length = LENGTH - 1;
    EXPECT(F->C_SignMessageNext(S, NULL, 0, data + 60, LENGTH - 60, out, &out_length),
           CKR_BUFFER_TOO_SMALL);
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data + 60, LENGTH - 60, out, &out_length));
    expect_data(LENGTH);
    EXPECT_OK(F->C_MessageSignFinal(S));
}

/* ---- keys that may be seen ---- */

static void readable_key_is_wrapped(void)
{
    CK_OBJECT_HANDLE by = start(CKF_WRAP | CKF_UNWRAP), key = 0;
    CK_ATTRIBUTE template[] = {SECRET, READABLE};
    EXPECT_OK(F->C_WrapKey(S, NULL_MECHANISM, by, key_aes(32, ANY_LABEL), out, &out_length));
    EXPECT_BYTES(out, out_length, key_value(), 32);
    EXPECT_OK(
        F->C_UnwrapKey(S, NULL_MECHANISM, by, out, out_length, template, COUNT(template), &key));
    EXPECT_BYTES(data, get_bytes(key, CKA_VALUE, data, sizeof data), key_value(), 32);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
}

static CK_RV derive_rv(CK_OBJECT_HANDLE base, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(CKM_NULL, CKF_DERIVE);
    return F->C_DeriveKey(S, NULL_MECHANISM, base, template.attributes, template.count, ret_key);
}

static void derived_key_is_the_base_key(void)
{
    CK_OBJECT_HANDLE key = 0, base = key_secret(CKK_GENERIC_SECRET, key_value(), 24, ANY_LABEL);
    EXPECT_OK(derive_rv(base, TEMPLATE(SECRET, READABLE), &key));
    EXPECT_BYTES(out, get_bytes(key, CKA_VALUE, out, sizeof out), key_value(), 24);
    EXPECT_ANY(derive_rv(base, TEMPLATE(SECRET, ATTR_U(CKA_VALUE_LEN, 8)), &key),
               CKR_KEY_SIZE_RANGE, CKR_TEMPLATE_INCONSISTENT);
}

/* ---- keys that may not ---- */

/* It has no value to give. */
static void private_key_derives_nothing(void)
{
    CK_OBJECT_HANDLE key = 0, base = key_curve_private(&curves[P256], ATTR_B(CKA_DERIVE, CK_TRUE));
    EXPECT(derive_rv(base, TEMPLATE(SECRET, READABLE), &key), CKR_KEY_TYPE_INCONSISTENT);
}

struct hidden {
    const char *name;
    CK_ATTRIBUTE_TYPE type;
    CK_BBOOL value;
};

static const struct hidden hidden[] = {
    {"sensitive", CKA_SENSITIVE, CK_TRUE},
    {"unextractable", CKA_EXTRACTABLE, CK_FALSE},
};

static CK_OBJECT_HANDLE hidden_key(const struct hidden *row)
{
    return key_secret(CKK_GENERIC_SECRET, key_value(), 32, ATTR_B(row->type, row->value));
}

static void expect_nothing_of_it(void)
{
    for (size_t i = 0; i + 4 < sizeof out; i++)
        EXPECT_TRUE(memcmp(out + i, key_value(), 4) != 0);
}

static void is_not_wrapped(const void *argument)
{
    CK_OBJECT_HANDLE by = start(CKF_WRAP), key = hidden_key(argument);
    EXPECT_ANY(F->C_WrapKey(S, NULL_MECHANISM, by, key, out, &out_length), CKR_KEY_NOT_WRAPPABLE,
               CKR_KEY_UNEXTRACTABLE);
    EXPECT_ANY(F->C_WrapKey(S, NULL_MECHANISM, key, key, out, &out_length), CKR_KEY_NOT_WRAPPABLE,
               CKR_KEY_UNEXTRACTABLE);
    expect_nothing_of_it();
}

static void private_key_is_not_wrapped(const void *argument)
{
    const struct hidden *row = argument;
    CK_OBJECT_HANDLE by = start(CKF_WRAP);
    CK_BYTE wrapped[2048];
    CK_ULONG length = sizeof wrapped;
    CK_OBJECT_HANDLE key = key_curve_private(&curves[P256], ATTR_B(row->type, row->value));
    EXPECT_ANY(F->C_WrapKey(S, NULL_MECHANISM, by, key, wrapped, &length), CKR_KEY_NOT_WRAPPABLE,
               CKR_KEY_UNEXTRACTABLE);
}

static void is_not_wrapped_with_data(const void *argument)
{
    CK_OBJECT_HANDLE by = start(CKF_WRAP), key = hidden_key(argument);
    REQUIRE_FUNCTION(C_WrapKeyAuthenticated);
    EXPECT_FAILURE(
        F->C_WrapKeyAuthenticated(S, NULL_MECHANISM, by, key, data, 4, out, &out_length));
    expect_nothing_of_it();
}

static void is_not_digested(const void *argument)
{
    (void)start(CKF_DIGEST);
    EXPECT_OK(F->C_DigestInit(S, NULL_MECHANISM));
    EXPECT(F->C_DigestKey(S, hidden_key(argument)), CKR_KEY_INDIGESTIBLE);
    EXPECT_FAILURE(F->C_DigestFinal(S, out, &out_length));
    expect_nothing_of_it();
}

static void stays_hidden(const void *argument)
{
    const struct hidden *row = argument;
    CK_OBJECT_HANDLE base = hidden_key(row), key = 0;
    EXPECT(derive_rv(base, TEMPLATE(SECRET, ATTR_B(row->type, !row->value)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_OK(derive_rv(base, TEMPLATE(SECRET), &key));
    EXPECT_EQUAL(get_bool(key, row->type), row->value);
    expect_secret(key, CKA_VALUE);
    EXPECT_ANY(F->C_WrapKey(S, NULL_MECHANISM, start(CKF_WRAP), key, out, &out_length),
               CKR_KEY_NOT_WRAPPABLE, CKR_KEY_UNEXTRACTABLE);
}

/* A copy without the attribute would leave under any wrapping key. */
static void trust_is_still_needed(void)
{
    CK_OBJECT_HANDLE key = 0, base = key_secret(CKK_GENERIC_SECRET, key_value(), 32,
                                                ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE));
    EXPECT(derive_rv(base, TEMPLATE(SECRET, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_FALSE)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_OK(derive_rv(base, TEMPLATE(SECRET, READABLE), &key));
    EXPECT_EQUAL(get_bool(key, CKA_WRAP_WITH_TRUSTED), CK_TRUE);
    EXPECT(F->C_WrapKey(S, NULL_MECHANISM, start(CKF_WRAP), key, out, &out_length),
           CKR_KEY_NOT_WRAPPABLE);
    expect_nothing_of_it();
}

static void wrap_template_holds(void)
{
    CK_ATTRIBUTE demanded = ATTR_S(CKA_LABEL, "may leave");
    CK_OBJECT_HANDLE by = key_aes(32, ATTR_X(CKA_WRAP_TEMPLATE, &demanded, sizeof demanded));
    (void)start(CKF_WRAP);
    EXPECT(F->C_WrapKey(S, NULL_MECHANISM, by, key_aes(16, ATTR_S(CKA_LABEL, "stays")), out,
                        &out_length),
           CKR_KEY_HANDLE_INVALID);
    EXPECT_OK(F->C_WrapKey(S, NULL_MECHANISM, by, key_aes(16, ATTR_S(CKA_LABEL, "may leave")), out,
                           &out_length));
}

static void allowed_mechanisms_hold(void)
{
    CK_MECHANISM_TYPE allowed[] = {CKM_AES_ECB};
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_A(CKA_ALLOWED_MECHANISMS, allowed));
    (void)start(CKF_ENCRYPT);
    EXPECT(F->C_EncryptInit(S, NULL_MECHANISM, key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_SignInit(S, NULL_MECHANISM, key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_WrapKey(S, NULL_MECHANISM, key, key_aes(16, ANY_LABEL), out, &out_length),
           CKR_MECHANISM_INVALID);
    EXPECT(derive_rv(key, TEMPLATE(SECRET), &key), CKR_MECHANISM_INVALID);
}

/* A hash or a PRF it is not. */
static void is_no_hash(void)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_NULL, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_HKDF_PARAMS hkdf = {CK_TRUE, CK_TRUE, CKM_NULL, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0};
    CK_OBJECT_HANDLE key = 0, base = key_secret(CKK_GENERIC_SECRET, key_value(), 32, ANY_LABEL);
    CK_ATTRIBUTE template[] = {SECRET, ATTR_U(CKA_VALUE_LEN, 16)};
    require_mechanism(CKM_NULL, 0);
    require_mechanism(CKM_HKDF_DERIVE, CKF_DERIVE);
    EXPECT(F->C_EncryptInit(S, MECHANISM_P(CKM_RSA_PKCS_OAEP, oaep), key_rsa_public(ANY_LABEL)),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DeriveKey(S, MECHANISM_P(CKM_HKDF_DERIVE, hkdf), base, template, COUNT(template),
                          &key),
           CKR_MECHANISM_PARAM_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, encrypts, "NULL Mechanism", "encryption and decryption copy the data, in place too"),
    CHECK(FIX_USER, encrypts_in_parts, "NULL Mechanism", "in parts as at once"),
    CHECK(FIX_USER, digests, "NULL Mechanism", "the digest is the data; output conventions"),
    CHECK(FIX_USER, digests_in_parts, "NULL Mechanism", "the digest of parts is all of them"),
    CHECK(FIX_USER, signs, "NULL Mechanism", "the signature is the data, any other is CKR_SIGNATURE_INVALID"),
    CHECK(FIX_USER, signs_in_parts, "NULL Mechanism", "the signature of parts is all of them"),
    CHECK(FIX_USER, recovers, "NULL Mechanism", "recovery copies"),
    CHECK(FIX_USER, signs_messages, "C_SignMessage", "a message's signature is the message"),
    CHECK(FIX_USER, readable_key_is_wrapped, "NULL Mechanism", "a key that can be read is wrapped in clear, and unwrapped without a history of secrecy"),
    CHECK(FIX_USER, derived_key_is_the_base_key, "NULL Mechanism", "the derived key has the base key's value, all of it"),
    CHECK(FIX_USER, private_key_derives_nothing, "C_DeriveKey", "CKR_KEY_TYPE_INCONSISTENT from a private key"),
    CHECK(FIX_USER, trust_is_still_needed, "CKA_WRAP_WITH_TRUSTED", "holds for what is derived by copying, too: CKR_KEY_NOT_WRAPPABLE"),
    CHECK(FIX_USER, wrap_template_holds, "CKA_WRAP_TEMPLATE", "CKR_KEY_HANDLE_INVALID for a key that it does not allow"),
    CHECK(FIX_USER, allowed_mechanisms_hold, "CKA_ALLOWED_MECHANISMS", "CKR_MECHANISM_INVALID for a key that does not allow it"),
    CHECK(FIX_USER, is_no_hash, "CKR_MECHANISM_PARAM_INVALID", "for parameters that name CKM_NULL as hash"),
};

static const struct check hidden_checks[] = {
    CHECK_ROW(FIX_USER, is_not_wrapped, "CKR_KEY_NOT_WRAPPABLE", "or CKR_KEY_UNEXTRACTABLE: it does not leave in clear"),
    CHECK_ROW(FIX_USER, private_key_is_not_wrapped, "CKR_KEY_NOT_WRAPPABLE", "or CKR_KEY_UNEXTRACTABLE, for private keys"),
    CHECK_ROW(FIX_USER, is_not_wrapped_with_data, "C_WrapKeyAuthenticated", "nor with associated data"),
    CHECK_ROW(FIX_USER, is_not_digested, "C_DigestKey", "CKR_KEY_INDIGESTIBLE: the digest would be the key"),
    CHECK_ROW(FIX_USER, stays_hidden, "NULL Mechanism", "what is derived is as hidden as its base key"),
};
/* clang-format on */

void chapter_null(void)
{
    check_add_table("null", checks);
    check_add_rows("null", hidden_checks, hidden);
}
