/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrapping and unwrapping keys with associated data.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define TARGET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_BYTE wrapped[4096], iv[32], tag[32], aad[] = "associated data";
static CK_ULONG wrapped_length;

/* ---- both mechanisms, in some sizes ---- */

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *openssl; /* NULL: the second opinion does not compute it */
    CK_ULONG iv_length, tag_length;
};

static const struct row rows[] = {
    {"CKM_AES_GCM", CKM_AES_GCM, "AES-256-GCM", 12, 16},
    {"CKM_AES_GCM/short-tag", CKM_AES_GCM, "AES-256-GCM", 12, 12},
    {"CKM_AES_GCM/long-iv", CKM_AES_GCM, "AES-256-GCM", 16, 16},
    {"CKM_AES_CCM", CKM_AES_CCM, NULL, 12, 16},
    {"CKM_AES_CCM/short-nonce", CKM_AES_CCM, NULL, 7, 8},
};

#define GCM (&rows[0])

static CK_MECHANISM *mechanism_with(const struct row *row, CK_GENERATOR_FUNCTION generator,
                                    CK_ULONG fixed_bits)
{
    static CK_MECHANISM mechanism;
    static CK_GCM_MESSAGE_PARAMS gcm;
    static CK_CCM_MESSAGE_PARAMS ccm;
    REQUIRE_FUNCTION(C_WrapKeyAuthenticated);
    require_mechanism(row->type, CKF_WRAP | CKF_UNWRAP);
    gcm = (CK_GCM_MESSAGE_PARAMS){iv,  row->iv_length,     fixed_bits, generator,
                                  tag, row->tag_length * 8};
    ccm =
        (CK_CCM_MESSAGE_PARAMS){0, iv, row->iv_length, fixed_bits, generator, tag, row->tag_length};
    mechanism = row->type == CKM_AES_GCM ? (CK_MECHANISM){row->type, &gcm, sizeof gcm}
                                         : (CK_MECHANISM){row->type, &ccm, sizeof ccm};
    return &mechanism;
}

static CK_MECHANISM *mechanism_of(const struct row *row)
{
    return mechanism_with(row, CKG_NO_GENERATE, 0);
}

static CK_RV wrap_rv(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    wrapped_length = sizeof wrapped;
    return F->C_WrapKeyAuthenticated(S, mechanism, key_aes(32, ANY_LABEL), key, aad, sizeof aad,
                                     wrapped, &wrapped_length);
}

static CK_RV unwrap_rv(CK_MECHANISM *mechanism, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    return F->C_UnwrapKeyAuthenticated(S, mechanism, key_aes(32, ANY_LABEL), wrapped,
                                       wrapped_length, template.attributes, template.count, aad,
                                       sizeof aad, ret_key);
}

static void wrap_one(const struct row *row)
{
    fill_bytes(iv, sizeof iv, 3);
    EXPECT_OK(wrap_rv(mechanism_of(row), key_aes(24, ANY_LABEL)));
}

static void expect_value(CK_OBJECT_HANDLE key, CK_ULONG length)
{
    CK_BYTE value[256];
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), key_value(), length);
}

static void comes_back(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = 0;
    wrap_one(row);
    EXPECT_EQUAL(wrapped_length, 24);
    EXPECT_OK(unwrap_rv(mechanism_of(row), TEMPLATE(TARGET, READABLE), &key));
    expect_value(key, 24);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
}

static void private_key(const void *argument)
{
    const struct row *row = argument;
    const struct curve *curve = &curves[P256];
    CK_BYTE value[64];
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(wrap_rv(mechanism_of(row), key_curve_private(curve, ANY_LABEL)));
    EXPECT_OK(unwrap_rv(
        mechanism_of(row),
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC), READABLE),
        &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), curve->private,
                 curve->private_length);
}

static void is_encryption(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE right[64];
    struct ossl_cipher cipher = {.name = row->openssl,
                                 .key = key_value(),
                                 .iv = iv,
                                 .iv_length = row->iv_length,
                                 .aad = aad,
                                 .aad_length = sizeof aad,
                                 .tag_length = row->tag_length};
    wrap_one(row);
    EXPECT_EQUAL(ossl_encrypt(&cipher, key_value(), 24, right), 24 + row->tag_length);
    EXPECT_BYTES(wrapped, wrapped_length, right, 24);
    EXPECT_BYTES(tag, row->tag_length, right + 24, row->tag_length);
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = 0;
    CK_OBJECT_HANDLE by = key_aes(32, ANY_LABEL), key = key_aes(24, ANY_LABEL), made = 0;
    memset(tag, 0x77, sizeof tag);
    EXPECT_OK(
        F->C_WrapKeyAuthenticated(S, mechanism_of(row), by, key, aad, sizeof aad, NULL, &length));
    EXPECT_TRUE(length >= 24 && length <= 24 + 64);
    length = 23;
    EXPECT(
        F->C_WrapKeyAuthenticated(S, mechanism_of(row), by, key, aad, sizeof aad, wrapped, &length),
        CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 24);
    EXPECT_EQUAL(tag[0], 0x77);
    wrapped_length = 24;
    EXPECT_OK(F->C_WrapKeyAuthenticated(S, mechanism_of(row), by, key, aad, sizeof aad, wrapped,
                                        &wrapped_length));
    EXPECT_OK(unwrap_rv(mechanism_of(row), TEMPLATE(TARGET), &made));
    /* Nothing behind the tag is written. */
    EXPECT_EQUAL(tag[row->tag_length], 0x77);
}

static void generated_iv(const void *argument)
{
    const struct row *row = argument;
    static const CK_GENERATOR_FUNCTION generators[] = {CKG_GENERATE, CKG_GENERATE_RANDOM};
    for (size_t i = 0; i < COUNT(generators); i++) {
        CK_BYTE first[32];
        CK_OBJECT_HANDLE key = 0;
        memset(iv, 0x77, sizeof iv);
        CK_RV rv = wrap_rv(mechanism_with(row, generators[i], 0), key_aes(24, ANY_LABEL));
        if (rv == CKR_MECHANISM_PARAM_INVALID && generators[i] != CKG_GENERATE)
            continue; /* only CKG_GENERATE must be there */
        EXPECT_OK(rv);
        memcpy(first, iv, sizeof first);
        EXPECT_EQUAL(iv[row->iv_length], 0x77);
        EXPECT_OK(unwrap_rv(mechanism_with(row, CKG_NO_GENERATE, 4711), TEMPLATE(TARGET, READABLE),
                            &key));
        expect_value(key, 24);
        EXPECT_OK(wrap_rv(mechanism_with(row, generators[i], 0), key_aes(24, ANY_LABEL)));
        EXPECT_TRUE(memcmp(iv, first, row->iv_length) != 0);
    }
}

/* A tag, an IV, associated data or a wrapped key with one bit changed. */
static void damaged(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE *places[] = {&tag[1], &iv[1], &aad[1], &wrapped[1]};
    for (size_t i = 0; i < COUNT(places); i++) {
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG before = FIND_COUNT(S, ATTR_U(CKA_KEY_TYPE, CKK_AES));
        wrap_one(row);
        *places[i] ^= 0x10;
        CK_RV rv = unwrap_rv(mechanism_of(row), TEMPLATE(TARGET), &key);
        *places[i] ^= 0x10;
        EXPECT_ANY(rv, CKR_WRAPPED_KEY_INVALID, CKR_AEAD_DECRYPT_FAILED);
        EXPECT_TRUE(FIND_COUNT(S, ATTR_U(CKA_KEY_TYPE, CKK_AES)) > before);
        EXPECT_EQUAL(key, 0);
    }
}

static void without_data(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE by = key_aes(32, ANY_LABEL), key = 0;
    struct template template = TEMPLATE(TARGET, READABLE);
    wrapped_length = sizeof wrapped;
    EXPECT_OK(
        F->C_WrapKeyAuthenticated(S, mechanism_of(row), by, by, NULL, 0, wrapped, &wrapped_length));
    EXPECT_FAILURE(unwrap_rv(mechanism_of(row), template, &key));
    EXPECT_OK(F->C_UnwrapKeyAuthenticated(S, mechanism_of(row), by, wrapped, wrapped_length,
                                          template.attributes, template.count, NULL, 0, &key));
    expect_value(key, 32);
}

static void wrong_lengths(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE key = 0;
    struct row other = *row;
    wrap_one(row);
    wrapped_length--;
    EXPECT_ANY(unwrap_rv(mechanism_of(row), TEMPLATE(TARGET), &key), CKR_WRAPPED_KEY_INVALID,
               CKR_WRAPPED_KEY_LEN_RANGE);
    other.iv_length = 0;
    EXPECT(wrap_rv(mechanism_of(&other), key_aes(24, ANY_LABEL)), CKR_MECHANISM_PARAM_INVALID);
    other = *row;
    other.tag_length = 3;
    EXPECT(wrap_rv(mechanism_of(&other), key_aes(24, ANY_LABEL)), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- generators ---- */

static void fixed_bits_stay(void)
{
    CK_BYTE fixed[4] = {0x12, 0x34, 0x56, 0x78};
    memset(iv, 0, sizeof iv);
    memcpy(iv, fixed, 4);
    CK_RV rv = wrap_rv(mechanism_with(GCM, CKG_GENERATE, 30), key_aes(24, ANY_LABEL));
    if (rv == CKR_MECHANISM_PARAM_INVALID)
        check_skip("30 fixed bits are too many");
    EXPECT_OK(rv);
    EXPECT_BYTES(iv, 3, fixed, 3);
    EXPECT_EQUAL(iv[3] & 0xfc, 0x78);
}

static void fixed_bits_too_many(void)
{
    EXPECT(wrap_rv(mechanism_with(GCM, CKG_GENERATE, 97), key_aes(24, ANY_LABEL)),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(wrap_rv(mechanism_with(GCM, 0x4711, 0), key_aes(24, ANY_LABEL)),
           CKR_MECHANISM_PARAM_INVALID);
}

/* A counter that begins at zero with every call would give one IV twice. */
static void counter_never_repeats(void)
{
    static const CK_GENERATOR_FUNCTION generators[] = {CKG_GENERATE_COUNTER,
                                                       CKG_GENERATE_COUNTER_XOR};
    for (size_t i = 0; i < COUNT(generators); i++) {
        CK_BYTE first[12];
        memset(iv, 0, sizeof iv);
        CK_RV rv = wrap_rv(mechanism_with(GCM, generators[i], 0), key_aes(24, ANY_LABEL));
        if (rv == CKR_MECHANISM_PARAM_INVALID)
            continue;
        EXPECT_OK(rv);
        memcpy(first, iv, sizeof first);
        memset(iv, 0, sizeof iv);
        EXPECT_OK(wrap_rv(mechanism_with(GCM, generators[i], 0), key_aes(24, ANY_LABEL)));
        EXPECT_TRUE(memcmp(first, iv, sizeof first) != 0);
    }
}

/* ---- keys ---- */

static void not_permitted(void)
{
    CK_MECHANISM *mechanism = mechanism_of(GCM);
    struct template template = TEMPLATE(TARGET);
    CK_OBJECT_HANDLE key = 0,
                     by = key_aes(32, ATTR_B(CKA_WRAP, CK_FALSE), ATTR_B(CKA_UNWRAP, CK_FALSE));
    wrap_one(GCM);
    wrapped_length = 24;
    EXPECT(F->C_UnwrapKeyAuthenticated(S, mechanism, by, wrapped, wrapped_length,
                                       template.attributes, template.count, aad, sizeof aad, &key),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
    wrapped_length = sizeof wrapped;
    EXPECT(F->C_WrapKeyAuthenticated(S, mechanism, by, key_aes(16, ANY_LABEL), aad, sizeof aad,
                                     wrapped, &wrapped_length),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void not_wrappable(void)
{
    EXPECT(wrap_rv(mechanism_of(GCM), key_aes(16, ATTR_B(CKA_EXTRACTABLE, CK_FALSE))),
           CKR_KEY_UNEXTRACTABLE);
    EXPECT(wrap_rv(mechanism_of(GCM), key_aes(16, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE))),
           CKR_KEY_NOT_WRAPPABLE);
    EXPECT(wrap_rv(mechanism_of(GCM), 0x7fff4711), CKR_KEY_HANDLE_INVALID);
}

static void key_templates(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_S(CKA_LABEL, "bound")};
    CK_MECHANISM *mechanism = mechanism_of(GCM);
    struct template template = TEMPLATE(TARGET),
                    other = TEMPLATE(TARGET, ATTR_S(CKA_LABEL, "else"));
    CK_BYTE text[16];
    CK_OBJECT_HANDLE key = 0;
    CK_OBJECT_HANDLE by =
        key_aes(32, ATTR_A(CKA_WRAP_TEMPLATE, inner), ATTR_A(CKA_UNWRAP_TEMPLATE, inner));
    wrapped_length = sizeof wrapped;
    EXPECT(F->C_WrapKeyAuthenticated(S, mechanism, by, key_aes(16, ANY_LABEL), aad, sizeof aad,
                                     wrapped, &wrapped_length),
           CKR_KEY_HANDLE_INVALID);
    wrap_one(GCM);
    EXPECT(F->C_UnwrapKeyAuthenticated(S, mechanism, by, wrapped, wrapped_length, other.attributes,
                                       other.count, aad, sizeof aad, &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_OK(F->C_UnwrapKeyAuthenticated(S, mechanism, by, wrapped, wrapped_length,
                                          template.attributes, template.count, aad, sizeof aad,
                                          &key));
    EXPECT_BYTES(text, get_bytes(key, CKA_LABEL, text, sizeof text), "bound", 5);
}

/* ---- arguments ---- */

static void other_mechanism(void)
{
    struct template template = TEMPLATE(TARGET);
    CK_OBJECT_HANDLE key = 0, by = key_aes(32, ANY_LABEL);
    wrap_one(GCM);
    EXPECT_ANY(wrap_rv(MECHANISM(CKM_AES_GCM), by), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(wrap_rv(MECHANISM_X(CKM_AES_GCM, iv, 3), by), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(wrap_rv(MECHANISM(0x7fff4711), by), CKR_MECHANISM_INVALID);
    EXPECT(wrap_rv(MECHANISM(CKM_SHA256), by), CKR_MECHANISM_INVALID);
    EXPECT(F->C_UnwrapKeyAuthenticated(S, MECHANISM(CKM_SHA256), by, wrapped, 24,
                                       template.attributes, template.count, aad, sizeof aad, &key),
           CKR_MECHANISM_INVALID);
}

static void null_arguments(void)
{
    struct template t = TEMPLATE(TARGET);
    CK_MECHANISM *m = mechanism_of(GCM);
    CK_OBJECT_HANDLE key = 0, by = key_aes(32, ANY_LABEL);
    CK_ULONG length = sizeof wrapped;
    EXPECT(F->C_WrapKeyAuthenticated(S, NULL, by, by, aad, 4, wrapped, &length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_WrapKeyAuthenticated(S, m, by, by, NULL, 4, wrapped, &length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_WrapKeyAuthenticated(S, m, by, by, aad, 4, wrapped, NULL), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKeyAuthenticated(S, m, by, NULL, 24, t.attributes, t.count, aad, 4, &key),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKeyAuthenticated(S, m, by, wrapped, 24, t.attributes, t.count, NULL, 4, &key),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_UnwrapKeyAuthenticated(S, m, by, wrapped, 24, t.attributes, t.count, aad, 4, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_WrapKeyAuthenticated(0x7fff4711, m, by, by, aad, 4, wrapped, &length),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_UnwrapKeyAuthenticated(0x7fff4711, m, by, wrapped, 24, t.attributes, t.count, aad,
                                       4, &key),
           CKR_SESSION_HANDLE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, fixed_bits_stay, "CKG_GENERATE", "the fixed bits stay in front of the generated IV"),
    CHECK(FIX_USER, fixed_bits_too_many, "CK_GCM_MESSAGE_PARAMS", "CKR_MECHANISM_PARAM_INVALID for more fixed bits than bits, and an unknown generator"),
    CHECK(FIX_USER, counter_never_repeats, "CKG_GENERATE_COUNTER", "no two keys are wrapped with one IV"),
    CHECK(FIX_USER, not_permitted, "C_WrapKeyAuthenticated", "CKA_WRAP and CKA_UNWRAP must be CK_TRUE"),
    CHECK(FIX_USER, not_wrappable, "C_WrapKeyAuthenticated", "the codes for keys that may not leave"),
    CHECK(FIX_USER, key_templates, "C_UnwrapKeyAuthenticated", "CKA_WRAP_TEMPLATE and CKA_UNWRAP_TEMPLATE bind"),
    CHECK(FIX_USER, other_mechanism, "C_WrapKeyAuthenticated", "refuses other mechanisms and parameters"),
    CHECK(FIX_USER, null_arguments, "C_WrapKeyAuthenticated", "CKR_ARGUMENTS_BAD, CKR_SESSION_HANDLE_INVALID, both functions"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, comes_back, "C_UnwrapKeyAuthenticated", "the key comes back, with an unwrapped key's history"),
    CHECK_ROW(FIX_USER, private_key, "C_WrapKeyAuthenticated", "wraps private keys"),
    CHECK_ROW(FIX_USER, lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, and no tag; then it works"),
    CHECK_ROW(FIX_USER, generated_iv, "CKG_GENERATE", "the IV is given back, and never twice; unwrapping ignores the generator"),
    CHECK_ROW(FIX_USER, damaged, "C_UnwrapKeyAuthenticated", "no key when tag, IV, associated data or wrapped key are changed"),
    CHECK_ROW(FIX_USER, without_data, "C_WrapKeyAuthenticated", "without associated data, which is another thing than some"),
    CHECK_ROW(FIX_USER, wrong_lengths, "C_UnwrapKeyAuthenticated", "refuses lengths that can't be"),
};

static const struct check openssl_check = CHECK_ROW(FIX_USER, is_encryption, "AES-GCM Authenticated Wrap / Unwrap", "wrapped key and tag are OpenSSL's ciphertext and tag");
/* clang-format on */

void chapter_wrapauth(void)
{
    check_add_table("wrapauth", checks);
    check_add_rows("wrapauth", row_checks, rows);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].openssl != NULL)
            check_add_row("wrapauth", &openssl_check, rows[i].name, &rows[i]);
    }
}
