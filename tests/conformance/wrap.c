/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrapping and unwrapping keys.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define TARGET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_BYTE iv[16] = "0123456789abcdef";
static CK_BYTE wrapped[4096];
static CK_ULONG wrapped_length;

/* ---- every mechanism that wraps ---- */

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    bool rsa;
    bool length_is_kept; /* the wrapped key tells its length */
    bool wraps_private;
    bool authenticates; /* CKM_RSA_PKCS may reject in secret */
};

static const struct row rows[] = {
    {"CKM_AES_KEY_WRAP", CKM_AES_KEY_WRAP, false, true, true, true},
    {"CKM_AES_KEY_WRAP_KWP", CKM_AES_KEY_WRAP_KWP, false, true, true, true},
    {"CKM_AES_KEY_WRAP_PAD", CKM_AES_KEY_WRAP_PAD, false, true, true, true},
    {"CKM_AES_CBC", CKM_AES_CBC, false, false, false, false},
    {"CKM_AES_CBC_PAD", CKM_AES_CBC_PAD, false, true, true, false},
    {"CKM_AES_ECB", CKM_AES_ECB, false, false, false, false},
    {"CKM_RSA_PKCS", CKM_RSA_PKCS, true, true, false, false},
    {"CKM_RSA_PKCS_OAEP", CKM_RSA_PKCS_OAEP, true, true, false, true},
    {"CKM_RSA_AES_KEY_WRAP", CKM_RSA_AES_KEY_WRAP, true, true, true, true},
};

static CK_MECHANISM *mechanism_of(const struct row *row)
{
    static CK_MECHANISM mechanism;
    static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    static CK_RSA_AES_KEY_WRAP_PARAMS rsa_aes = {256, &oaep};
    require_mechanism(row->type, CKF_WRAP | CKF_UNWRAP);
    mechanism = (CK_MECHANISM){row->type, NULL, 0};
    if (row->type == CKM_AES_CBC || row->type == CKM_AES_CBC_PAD)
        mechanism = (CK_MECHANISM){row->type, iv, sizeof iv};
    else if (row->type == CKM_RSA_PKCS_OAEP)
        mechanism = (CK_MECHANISM){row->type, &oaep, sizeof oaep};
    else if (row->type == CKM_RSA_AES_KEY_WRAP)
        mechanism = (CK_MECHANISM){row->type, &rsa_aes, sizeof rsa_aes};
    return &mechanism;
}

static CK_OBJECT_HANDLE wrapping_key(const struct row *row)
{
    return row->rsa ? key_rsa_public(ANY_LABEL) : key_aes(32, ANY_LABEL);
}

static CK_OBJECT_HANDLE unwrapping_key(const struct row *row)
{
    return row->rsa ? key_rsa_private(ANY_LABEL) : key_aes(32, ANY_LABEL);
}

static CK_RV wrap_rv(const struct row *row, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM *mechanism = mechanism_of(row);
    wrapped_length = sizeof wrapped;
    return F->C_WrapKey(S, mechanism, wrapping_key(row), key, wrapped, &wrapped_length);
}

static CK_RV unwrap_rv(const struct row *row, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    CK_MECHANISM *mechanism = mechanism_of(row);
    return F->C_UnwrapKey(S, mechanism, unwrapping_key(row), wrapped, wrapped_length,
                          template.attributes, template.count, ret_key);
}

static void expect_value(CK_OBJECT_HANDLE key, CK_ULONG length)
{
    CK_BYTE value[256];
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), key_value(), length);
}

static void wraps_aes_key(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(wrap_rv(row, key_aes(32, ANY_LABEL)));
    struct template template = TEMPLATE(TARGET, READABLE, ATTR_U(CKA_VALUE_LEN, 32));
    if (row->length_is_kept)
        template.count--;
    EXPECT_OK(unwrap_rv(row, template, &key));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 32);
    expect_value(key, 32);
}

static void wraps_sensitive_key(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(wrap_rv(row, key_aes(16, ATTR_B(CKA_SENSITIVE, CK_TRUE))));
    struct template template = TEMPLATE(TARGET, READABLE, ATTR_U(CKA_VALUE_LEN, 16));
    if (row->length_is_kept)
        template.count--;
    EXPECT_OK(unwrap_rv(row, template, &key));
    expect_value(key, 16);
}

static void wraps_private_key(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE value[256], right[256];
    CK_OBJECT_HANDLE key = 0, original = key_rsa_private(ATTR_B(CKA_SENSITIVE, CK_FALSE));
    EXPECT_OK(wrap_rv(row, original));
    EXPECT_OK(unwrap_rv(
        row, TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA), READABLE),
        &key));
    CK_ULONG length = get_bytes(original, CKA_PRIVATE_EXPONENT, right, sizeof right);
    EXPECT_BYTES(value, get_bytes(key, CKA_PRIVATE_EXPONENT, value, sizeof value), right, length);
    length = get_bytes(original, CKA_COEFFICIENT, right, sizeof right);
    EXPECT_BYTES(value, get_bytes(key, CKA_COEFFICIENT, value, sizeof value), right, length);
}

static void wraps_ec_key(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE value[64];
    CK_OBJECT_HANDLE key = 0;
    const struct curve *curve = &curves[P256];
    EXPECT_OK(wrap_rv(row, key_curve_private(curve, ANY_LABEL)));
    EXPECT_OK(unwrap_rv(
        row, TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC), READABLE),
        &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), curve->private,
                 curve->private_length);
    EXPECT_BYTES(value, get_bytes(key, CKA_EC_PARAMS, value, sizeof value), curve->params,
                 curve->params_length);
}

static void refuses_unextractable(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    EXPECT(wrap_rv(row, key), CKR_KEY_UNEXTRACTABLE);
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = 0;
    CK_MECHANISM *mechanism = mechanism_of(row);
    CK_OBJECT_HANDLE by = wrapping_key(row), key = key_aes(16, ANY_LABEL), made = 0;
    EXPECT_OK(wrap_rv(row, key));
    EXPECT_OK(F->C_WrapKey(S, mechanism, by, key, NULL, &length));
    EXPECT_TRUE(length >= wrapped_length && length <= wrapped_length + 64);
    length = wrapped_length - 1;
    EXPECT(F->C_WrapKey(S, mechanism, by, key, wrapped, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= wrapped_length);
    length = wrapped_length;
    EXPECT_OK(F->C_WrapKey(S, mechanism, by, key, wrapped, &length));
    EXPECT_EQUAL(length, wrapped_length);
    struct template template = TEMPLATE(TARGET, READABLE, ATTR_U(CKA_VALUE_LEN, 16));
    if (row->length_is_kept)
        template.count--;
    EXPECT_OK(unwrap_rv(row, template, &made));
}

static void damaged(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(wrap_rv(row, key_aes(16, ANY_LABEL)));
    wrapped[9] ^= 1;
    EXPECT_ANY(unwrap_rv(row, TEMPLATE(TARGET), &key), CKR_WRAPPED_KEY_INVALID,
               CKR_WRAPPED_KEY_LEN_RANGE);
}

static void wrong_length(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(wrap_rv(row, key_aes(16, ANY_LABEL)));
    wrapped_length -= 3;
    EXPECT_ANY(unwrap_rv(row, TEMPLATE(TARGET), &key), CKR_WRAPPED_KEY_LEN_RANGE,
               CKR_WRAPPED_KEY_INVALID);
}

/* ---- against OpenSSL ---- */

static void key_wrap_known_answer(void)
{
    /* RFC 3394, section 4.6: 256 bits of key data with a 256-bit key */
    CK_BYTE kek[32], value[32];
    static const CK_BYTE right[40] = {
        0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87,
        0xf8, 0x26, 0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7,
        0x1a, 0x99, 0xf4, 0x3b, 0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
    };
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP);
    for (size_t i = 0; i < 32; i++)
        kek[i] = (CK_BYTE)i;
    for (size_t i = 0; i < 16; i++) {
        value[i] = (CK_BYTE)(i * 0x11);
        value[16 + i] = (CK_BYTE)i;
    }
    CK_OBJECT_HANDLE by = key_secret(CKK_AES, kek, 32, ANY_LABEL);
    CK_OBJECT_HANDLE key = key_secret(CKK_AES, value, 32, ANY_LABEL);
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, key, wrapped, &wrapped_length));
    EXPECT_BYTES(wrapped, wrapped_length, right, sizeof right);
}

static void key_wrap_pad_is_rfc5649(void)
{
    CK_BYTE right[64];
    struct ossl_cipher cipher = {.name = "AES-256-WRAP-PAD", .key = key_value()};
    static const CK_ULONG sizes[] = {20, 7, 16};
    require_mechanism(CKM_AES_KEY_WRAP_KWP, CKF_WRAP);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        CK_OBJECT_HANDLE key = key_secret(CKK_GENERIC_SECRET, key_value(), sizes[i], ANY_LABEL);
        wrapped_length = sizeof wrapped;
        EXPECT_OK(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP_KWP), key_aes(32, ANY_LABEL), key,
                               wrapped, &wrapped_length));
        EXPECT_BYTES(wrapped, wrapped_length, right,
                     ossl_encrypt(&cipher, key_value(), sizes[i], right));
    }
}

static void oaep_wrap_is_encryption(void)
{
    CK_BYTE opened[RSA_BYTES];
    struct ossl_rsa rsa = {.padding = "oaep", .digest = "SHA1", .mgf = "SHA1"};
    EXPECT_OK(wrap_rv(&rows[7], key_aes(24, ANY_LABEL)));
    EXPECT_BYTES(opened, ossl_rsa_decrypt(&rsa, wrapped, wrapped_length, opened), key_value(), 24);
}

static void rsa_wrap_is_encryption(void)
{
    CK_BYTE opened[RSA_BYTES];
    struct ossl_rsa rsa = {.padding = "pkcs1"};
    EXPECT_OK(wrap_rv(&rows[6], key_aes(24, ANY_LABEL)));
    EXPECT_BYTES(opened, ossl_rsa_decrypt(&rsa, wrapped, wrapped_length, opened), key_value(), 24);
}

/* ---- the unwrapped key ---- */

#define UNWRAP(ret_key, ...) unwrap_rv(&rows[0], TEMPLATE(__VA_ARGS__), ret_key)

static void wrap_one(void)
{
    EXPECT_OK(wrap_rv(&rows[0], key_aes(16, ANY_LABEL)));
}

static void unwrapped_history(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT_OK(
        UNWRAP(&key, TARGET, ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE)));
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
    expect_secret(key, CKA_VALUE);
}

static void unwrapped_defaults(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT_OK(UNWRAP(&key, TARGET));
    EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), CK_TRUE);
}

static void unwrapped_template(void)
{
    CK_BYTE value[32];
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT_OK(UNWRAP(&key, TARGET, ATTR_S(CKA_LABEL, "unwrapped"), ATTR_X(CKA_ID, "\x5", 1),
                     ATTR_B(CKA_ENCRYPT, CK_TRUE), ATTR_B(CKA_SIGN, CK_FALSE)));
    EXPECT_BYTES(value, get_bytes(key, CKA_LABEL, value, sizeof value), "unwrapped", 9);
    EXPECT_BYTES(value, get_bytes(key, CKA_ID, value, sizeof value), "\x5", 1);
    EXPECT_EQUAL(get_bool(key, CKA_ENCRYPT), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_SIGN), CK_FALSE);
}

static void unwrapped_check_value(void)
{
    CK_BYTE value[8], right[8];
    CK_ULONG length = sizeof value;
    CK_OBJECT_HANDLE key = 0, original = key_aes(16, ANY_LABEL);
    CK_RV rv = get_rv(original, CKA_CHECK_VALUE, right, &length);
    if (rv != CKR_OK)
        check_skip("CKA_CHECK_VALUE is not supported");
    wrap_one();
    EXPECT_OK(UNWRAP(&key, TARGET));
    EXPECT_BYTES(value, get_bytes(key, CKA_CHECK_VALUE, value, sizeof value), right, length);
}

static void unwrap_to_token(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    token_objects_made();
    EXPECT_OK(UNWRAP(&key, TARGET, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "kept")));
    EXPECT_OK(F->C_CloseSession(S));
    env.session = open_session(0);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "kept")), 1);
}

static void unwrap_incomplete(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT(UNWRAP(&key, ATTR_U(CKA_CLASS, CKO_SECRET_KEY)), CKR_TEMPLATE_INCOMPLETE);
}

static void unwrap_value_given(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT_ANY(UNWRAP(&key, TARGET, ATTR_X(CKA_VALUE, key_value(), 16)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
}

static void unwrap_read_only_attribute(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT(UNWRAP(&key, TARGET, ATTR_B(CKA_LOCAL, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(UNWRAP(&key, TARGET, ATTR_B(CKA_ALWAYS_SENSITIVE, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY);
}

static void unwrap_given_unique_id(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT(UNWRAP(&key, TARGET, ATTR_S(CKA_UNIQUE_ID, "mine")), CKR_ATTRIBUTE_READ_ONLY);
}

static void unwrap_unknown_attribute(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT(UNWRAP(&key, TARGET, ATTR_S(0x4711, "?")), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void unwrap_length_given(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT_OK(UNWRAP(&key, TARGET, ATTR_U(CKA_VALUE_LEN, 16)));
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 16);
}

static void unwrap_length_conflict(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT(UNWRAP(&key, TARGET, ATTR_U(CKA_VALUE_LEN, 32)), CKR_WRAPPED_KEY_LEN_RANGE);
}

static void unwrap_cbc_length_needed(void)
{
    CK_OBJECT_HANDLE key = 0;
    const struct row *row = &rows[3];
    EXPECT_OK(wrap_rv(row, key_secret(CKK_GENERIC_SECRET, key_value(), 20, ANY_LABEL)));
    EXPECT_EQUAL(wrapped_length, 32);
    EXPECT_OK(unwrap_rv(row,
                        TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                                 ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET), READABLE,
                                 ATTR_U(CKA_VALUE_LEN, 20)),
                        &key));
    expect_value(key, 20);
}

static void unwrap_not_an_aes_key(void)
{
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(wrap_rv(&rows[1], key_secret(CKK_GENERIC_SECRET, key_value(), 20, ANY_LABEL)));
    EXPECT_ANY(unwrap_rv(&rows[1], TEMPLATE(TARGET), &key), CKR_WRAPPED_KEY_INVALID,
               CKR_WRAPPED_KEY_LEN_RANGE);
}

static void unwrap_private_from_secret(void)
{
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT_ANY(UNWRAP(&key, ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA)),
               CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE);
}

static void unwrap_read_only_session(void)
{
    CK_ATTRIBUTE template[] = {TARGET, ATTR_B(CKA_TOKEN, CK_TRUE)};
    CK_OBJECT_HANDLE key = 0;
    wrap_one();
    EXPECT(F->C_UnwrapKey(open_session(0), MECHANISM(CKM_AES_KEY_WRAP), key_aes(32, ANY_LABEL),
                          wrapped, wrapped_length, template, COUNT(template), &key),
           CKR_SESSION_READ_ONLY);
}

/* ---- trust and templates ---- */

static void trusted_needed(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE));
    EXPECT(wrap_rv(&rows[0], key), CKR_KEY_NOT_WRAPPABLE);
}

static void trusted_wraps(void)
{
    /* The SO makes a public trusted key, the user wraps with it. */
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP);
    CREATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES),
           ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, CK_FALSE), ATTR_B(CKA_WRAP, CK_TRUE),
           ATTR_B(CKA_TRUSTED, CK_TRUE), ATTR_S(CKA_LABEL, "trusted"),
           ATTR_X(CKA_VALUE, key_value(), 32));
    logout(S);
    login(S, CKU_USER);
    CK_OBJECT_HANDLE by = FIND_ONE(S, ATTR_S(CKA_LABEL, "trusted"));
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE));
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, key, wrapped, &wrapped_length));
}

static CK_OBJECT_HANDLE key_with_template(CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE inner)
{
    return key_aes(32, ATTR_X(type, &inner, sizeof inner));
}

static CK_RV wrap_with(CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key)
{
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP);
    wrapped_length = sizeof wrapped;
    return F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, key, wrapped, &wrapped_length);
}

static void wrap_template_matches(void)
{
    CK_ATTRIBUTE inner = ATTR_S(CKA_LABEL, "may leave");
    CK_OBJECT_HANDLE by = key_with_template(CKA_WRAP_TEMPLATE, inner);
    EXPECT_OK(wrap_with(by, key_aes(16, ATTR_S(CKA_LABEL, "may leave"))));
}

static void wrap_template_differs(void)
{
    CK_ATTRIBUTE inner = ATTR_S(CKA_LABEL, "may leave");
    CK_OBJECT_HANDLE by = key_with_template(CKA_WRAP_TEMPLATE, inner);
    EXPECT(wrap_with(by, key_aes(16, ATTR_S(CKA_LABEL, "must stay"))), CKR_KEY_HANDLE_INVALID);
}

static CK_RV unwrap_with(CK_OBJECT_HANDLE by, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    return F->C_UnwrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, wrapped, wrapped_length,
                          template.attributes, template.count, ret_key);
}

static void unwrap_template_added(void)
{
    CK_BYTE value[32];
    CK_ATTRIBUTE inner = ATTR_S(CKA_LABEL, "from template");
    CK_OBJECT_HANDLE key = 0, by = key_with_template(CKA_UNWRAP_TEMPLATE, inner);
    wrap_one();
    EXPECT_OK(unwrap_with(by, TEMPLATE(TARGET), &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_LABEL, value, sizeof value), "from template", 13);
}

static void unwrap_template_agrees(void)
{
    CK_ATTRIBUTE inner = ATTR_S(CKA_LABEL, "from template");
    CK_OBJECT_HANDLE key = 0, by = key_with_template(CKA_UNWRAP_TEMPLATE, inner);
    wrap_one();
    EXPECT_OK(unwrap_with(by, TEMPLATE(TARGET, ATTR_S(CKA_LABEL, "from template")), &key));
}

static void unwrap_template_conflict(void)
{
    CK_ATTRIBUTE inner = ATTR_B(CKA_EXTRACTABLE, CK_FALSE);
    CK_OBJECT_HANDLE key = 0, by = key_with_template(CKA_UNWRAP_TEMPLATE, inner);
    wrap_one();
    EXPECT(unwrap_with(by, TEMPLATE(TARGET, ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), &key),
           CKR_TEMPLATE_INCONSISTENT);
}

/* ---- arguments ---- */

static void null_arguments(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL), by = key_aes(32, ANY_LABEL), made = 0;
    CK_ATTRIBUTE template[] = {TARGET};
    CK_MECHANISM_PTR mechanism = MECHANISM(CKM_AES_KEY_WRAP);
    wrap_one();
    EXPECT(F->C_WrapKey(S, NULL, by, key, wrapped, &wrapped_length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_WrapKey(S, mechanism, by, key, wrapped, NULL), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKey(S, NULL, by, wrapped, 24, template, 2, &made), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKey(S, mechanism, by, NULL, 24, template, 2, &made), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKey(S, mechanism, by, wrapped, 24, NULL, 2, &made), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKey(S, mechanism, by, wrapped, 24, template, 2, NULL), CKR_ARGUMENTS_BAD);
}

static void target_invalid(void)
{
    EXPECT(wrap_rv(&rows[0], 0x7fff4711), CKR_KEY_HANDLE_INVALID);
}

static void target_public_key(void)
{
    EXPECT_ANY(wrap_rv(&rows[0], key_rsa_public(ANY_LABEL)), CKR_KEY_NOT_WRAPPABLE,
               CKR_KEY_HANDLE_INVALID, CKR_KEY_UNEXTRACTABLE, CKR_KEY_TYPE_INCONSISTENT);
}

static void target_too_long(void)
{
    EXPECT_ANY(wrap_rv(&rows[6], key_secret(CKK_GENERIC_SECRET, key_value(), 250, ANY_LABEL)),
               CKR_KEY_SIZE_RANGE);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, key_wrap_known_answer, "AES key wrap", "the answer of RFC 3394"),
    CHECK(FIX_USER, key_wrap_pad_is_rfc5649, "AES key wrap", "CKM_AES_KEY_WRAP_KWP makes what RFC 5649 makes, for any length"),
    CHECK(FIX_USER, oaep_wrap_is_encryption, "PKCS #1 RSA OAEP", "the wrapped key is the encrypted value"),
    CHECK(FIX_USER, rsa_wrap_is_encryption, "PKCS #1 v1.5 RSA", "the wrapped key is the encrypted value"),
    CHECK(FIX_USER, unwrapped_history, "C_UnwrapKey", "CKA_LOCAL, _ALWAYS_SENSITIVE and _NEVER_EXTRACTABLE are CK_FALSE"),
    CHECK(FIX_USER, unwrapped_defaults, "C_UnwrapKey", "CKA_EXTRACTABLE is CK_TRUE by default"),
    CHECK(FIX_USER, unwrapped_template, "C_UnwrapKey", "the key has what the template says"),
    CHECK(FIX_USER, unwrapped_check_value, "CKA_CHECK_VALUE", "is supplied for unwrapped keys"),
    CHECK(FIX_USER, unwrap_to_token, "C_UnwrapKey", "makes token objects"),
    CHECK(FIX_USER, unwrap_incomplete, "Footnote 5", "CKR_TEMPLATE_INCOMPLETE without CKA_KEY_TYPE"),
    CHECK(FIX_USER, unwrap_value_given, "Footnote 6", "CKA_VALUE must not be given"),
    CHECK(FIX_USER, unwrap_read_only_attribute, "Footnote 6", "CKR_ATTRIBUTE_READ_ONLY for what only the token sets"),
    CHECK(FIX_USER, unwrap_given_unique_id, "CKA_UNIQUE_ID", "CKR_ATTRIBUTE_READ_ONLY in C_UnwrapKey's template"),
    CHECK(FIX_USER, unwrap_unknown_attribute, "C_UnwrapKey", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute"),
    CHECK(FIX_USER, unwrap_length_given, "C_UnwrapKey", "CKA_VALUE_LEN may be given when it is right"),
    CHECK(FIX_USER, unwrap_length_conflict, "C_UnwrapKey", "CKR_WRAPPED_KEY_LEN_RANGE for a CKA_VALUE_LEN in conflict"),
    CHECK(FIX_USER, unwrap_cbc_length_needed, "AES-CBC", "pads with zeros, CKA_VALUE_LEN cuts them off"),
    CHECK(FIX_USER, unwrap_not_an_aes_key, "CKR_WRAPPED_KEY_INVALID", "20 bytes are no AES key"),
    CHECK(FIX_USER, unwrap_private_from_secret, "CKR_WRAPPED_KEY_INVALID", "16 bytes are no RSA key"),
    CHECK(FIX_USER, unwrap_read_only_session, "C_UnwrapKey", "CKR_SESSION_READ_ONLY for a token key in a R/O session"),
    CHECK(FIX_USER, trusted_needed, "CKA_WRAP_WITH_TRUSTED", "CKR_KEY_NOT_WRAPPABLE with a key that is not trusted"),
    CHECK(FIX_SO, trusted_wraps, "CKA_WRAP_WITH_TRUSTED", "a key that the SO made trusted wraps it"),
    CHECK(FIX_USER, wrap_template_matches, "CKA_WRAP_TEMPLATE", "a key that matches is wrapped"),
    CHECK(FIX_USER, wrap_template_differs, "CKA_WRAP_TEMPLATE", "CKR_KEY_HANDLE_INVALID for a key that does not match"),
    CHECK(FIX_USER, unwrap_template_added, "CKA_UNWRAP_TEMPLATE", "its attributes are added to the key"),
    CHECK(FIX_USER, unwrap_template_agrees, "CKA_UNWRAP_TEMPLATE", "the caller may say the same"),
    CHECK(FIX_USER, unwrap_template_conflict, "CKA_UNWRAP_TEMPLATE", "CKR_TEMPLATE_INCONSISTENT for a conflict"),
    CHECK(FIX_USER, null_arguments, "C_WrapKey", "and C_UnwrapKey: CKR_ARGUMENTS_BAD for NULL pointers"),
    CHECK(FIX_USER, target_invalid, "C_WrapKey", "CKR_KEY_HANDLE_INVALID for what is no key"),
    CHECK(FIX_USER, target_public_key, "C_WrapKey", "does not wrap public keys"),
    CHECK(FIX_USER, target_too_long, "C_WrapKey", "CKR_KEY_SIZE_RANGE for a key too long for RSA"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, wraps_aes_key, "C_UnwrapKey", "gives back an AES key"),
    CHECK_ROW(FIX_USER, wraps_sensitive_key, "C_WrapKey", "wraps sensitive keys"),
    CHECK_ROW(FIX_USER, refuses_unextractable, "C_WrapKey", "CKR_KEY_UNEXTRACTABLE when CKA_EXTRACTABLE is CK_FALSE"),
    CHECK_ROW(FIX_USER, lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, then it works"),
    CHECK_ROW(FIX_USER, wrong_length, "C_UnwrapKey", "CKR_WRAPPED_KEY_LEN_RANGE for three bytes less"),
};

static const struct check private_checks[] = {
    CHECK_ROW(FIX_USER, wraps_private_key, "Wrapping private keys", "gives back an RSA key"),
    CHECK_ROW(FIX_USER, wraps_ec_key, "Wrapping private keys", "gives back an EC key"),
};

static const struct check damage_checks[] = {
    CHECK_ROW(FIX_USER, damaged, "C_UnwrapKey", "CKR_WRAPPED_KEY_INVALID for a damaged wrapped key"),
};
/* clang-format on */

void chapter_wrap(void)
{
    check_add_table("wrap", checks);
    check_add_rows("wrap", row_checks, rows);
    check_add_rows_if("wrap", private_checks, rows, row->wraps_private);
    check_add_rows_if("wrap", damage_checks, rows, row->authenticates);
}
