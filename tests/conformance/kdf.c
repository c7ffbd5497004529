/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deriving keys from secret keys: what the new keys inherit, keys that parameters name, several
 * keys at once, and keys from passwords. What comes out is checked in tests/vectors.
 */
#include <string.h>

#include "keys.h"

#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)
#define HIDDEN ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE)

static CK_BYTE data[] = {0x89, 0xab, 0xcd, 0xef};

static CK_RV derive_rv(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, struct template template,
                       CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(mechanism->mechanism, CKF_DERIVE);
    return F->C_DeriveKey(S, mechanism, base, template.attributes, template.count, ret_key);
}

static CK_OBJECT_HANDLE derive_with(const char *where, CK_MECHANISM_PTR mechanism,
                                    CK_OBJECT_HANDLE base, struct template template)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = derive_rv(mechanism, base, template, &key);
    if (rv != CKR_OK)
        check_fail(where, "C_DeriveKey gives 0x%lx", rv);
    return key;
}

#define DERIVE(mechanism, base, ...) derive_with(HERE, mechanism, base, TEMPLATE(__VA_ARGS__))

static CK_OBJECT_HANDLE secret_of(CK_BYTE first, struct template extra)
{
    const CK_BYTE value[4] = {first, 0x23, 0x45, 0x67};
    return key_secret_with(HERE, CKK_GENERIC_SECRET, value, sizeof value, extra);
}

static CK_OBJECT_HANDLE generated(struct template extra)
{
    require_mechanism(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE);
    struct template base = TEMPLATE(ATTR_U(CKA_VALUE_LEN, 32), ATTR_B(CKA_DERIVE, CK_TRUE));
    struct merged all = merge_templates(base, extra);
    CK_MECHANISM mechanism = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(F->C_GenerateKey(S, &mechanism, all.attributes, all.count, &key));
    return key;
}

static void expect_value(CK_OBJECT_HANDLE key, const char *right, CK_ULONG length)
{
    CK_BYTE value[256];
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), (const CK_BYTE *)right,
                 length);
}

/* ---- concatenation, XOR, extraction ---- */

static CK_MECHANISM string_mechanism(CK_MECHANISM_TYPE type)
{
    static CK_KEY_DERIVATION_STRING_DATA params = {data, sizeof data};
    return (CK_MECHANISM){type, &params, sizeof params};
}

static void concatenate_keys(void)
{
    CK_OBJECT_HANDLE other = secret_of(0x89, TEMPLATE(ANY_LABEL));
    CK_OBJECT_HANDLE key = DERIVE(MECHANISM_P(CKM_CONCATENATE_BASE_AND_KEY, other),
                                  secret_of(0x01, TEMPLATE(ANY_LABEL)), READABLE);
    expect_value(key, "\x01\x23\x45\x67\x89\x23\x45\x67", 8);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
}

static void other_key_unknown(void)
{
    CK_OBJECT_HANDLE other = 0x7fff4711, key = 0;
    EXPECT(derive_rv(MECHANISM_P(CKM_CONCATENATE_BASE_AND_KEY, other),
                     secret_of(1, TEMPLATE(ANY_LABEL)), TEMPLATE(READABLE), &key),
           CKR_KEY_HANDLE_INVALID);
}

static void other_key_not_for_deriving(void)
{
    CK_OBJECT_HANDLE key = 0;
    CK_OBJECT_HANDLE other = secret_of(2, TEMPLATE(ATTR_B(CKA_DERIVE, CK_FALSE)));
    EXPECT(derive_rv(MECHANISM_P(CKM_CONCATENATE_BASE_AND_KEY, other),
                     secret_of(1, TEMPLATE(ANY_LABEL)), TEMPLATE(READABLE), &key),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void other_key_not_for_this(void)
{
    const CK_MECHANISM_TYPE allowed = CKM_SHA256_HMAC;
    const CK_ATTRIBUTE only = {CKA_ALLOWED_MECHANISMS, (void *)&allowed, sizeof allowed};
    CK_OBJECT_HANDLE key = 0;
    CK_OBJECT_HANDLE other = secret_of(2, TEMPLATE(only));
    EXPECT(derive_rv(MECHANISM_P(CKM_CONCATENATE_BASE_AND_KEY, other),
                     secret_of(1, TEMPLATE(ANY_LABEL)), TEMPLATE(READABLE), &key),
           CKR_MECHANISM_INVALID);
}

/* Either key hides the new one; the template cannot undo it. */
static void hidden_keys_hide(void)
{
    for (int i = 0; i < 2; i++) {
        CK_OBJECT_HANDLE open = secret_of(1, TEMPLATE(ANY_LABEL)), key = 0;
        CK_OBJECT_HANDLE hidden = secret_of(2, TEMPLATE(HIDDEN));
        CK_OBJECT_HANDLE base = i == 0 ? open : hidden, other = i == 0 ? hidden : open;
        CK_MECHANISM_PTR mechanism = MECHANISM_P(CKM_CONCATENATE_BASE_AND_KEY, other);
        EXPECT(derive_rv(mechanism, base, TEMPLATE(READABLE), &key), CKR_TEMPLATE_INCONSISTENT);
        EXPECT(derive_rv(mechanism, base, TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_FALSE)), &key),
               CKR_TEMPLATE_INCONSISTENT);
        EXPECT(derive_rv(mechanism, base, TEMPLATE(ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), &key),
               CKR_TEMPLATE_INCONSISTENT);
        key = DERIVE(mechanism, base, ANY_LABEL);
        EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_TRUE);
        EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), CK_FALSE);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    }
}

static void history_of_both(void)
{
    for (int i = 0; i < 2; i++) {
        CK_OBJECT_HANDLE base = generated(TEMPLATE(HIDDEN));
        CK_OBJECT_HANDLE other =
            i == 0 ? generated(TEMPLATE(HIDDEN)) : secret_of(1, TEMPLATE(HIDDEN));
        CK_OBJECT_HANDLE key =
            DERIVE(MECHANISM_P(CKM_CONCATENATE_BASE_AND_KEY, other), base, ANY_LABEL);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), i == 0);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), i == 0);
    }
}

struct simple {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *value;
    CK_ULONG length;
};

#define SIMPLE(type, value) {#type, type, value, sizeof(value) - 1}
static const struct simple simple[] = {
    SIMPLE(CKM_CONCATENATE_BASE_AND_DATA, "\x01\x23\x45\x67\x89\xab\xcd\xef"),
    SIMPLE(CKM_CONCATENATE_DATA_AND_BASE, "\x89\xab\xcd\xef\x01\x23\x45\x67"),
    SIMPLE(CKM_XOR_BASE_AND_DATA, "\x88\x88\x88\x88"),
};

static void simple_value(const void *argument)
{
    const struct simple *row = argument;
    CK_MECHANISM mechanism = string_mechanism(row->type);
    expect_value(DERIVE(&mechanism, secret_of(1, TEMPLATE(ANY_LABEL)), READABLE), row->value,
                 row->length);
}

static void simple_hides(const void *argument)
{
    const struct simple *row = argument;
    CK_MECHANISM mechanism = string_mechanism(row->type);
    CK_OBJECT_HANDLE key = 0, base = secret_of(1, TEMPLATE(HIDDEN));
    EXPECT(derive_rv(&mechanism, base, TEMPLATE(READABLE), &key), CKR_TEMPLATE_INCONSISTENT);
    key = DERIVE(&mechanism, base, ANY_LABEL);
    EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), CK_FALSE);
}

static void simple_needs_length(const void *argument)
{
    const struct simple *row = argument;
    CK_MECHANISM mechanism = string_mechanism(row->type);
    CK_OBJECT_HANDLE key = 0, base = secret_of(1, TEMPLATE(ANY_LABEL));
    EXPECT_FAILURE(
        derive_rv(&mechanism, base, TEMPLATE(READABLE, ATTR_U(CKA_KEY_TYPE, CKK_AES)), &key));
    EXPECT_FAILURE(derive_rv(&mechanism, base, TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, 9)), &key));
}

static void extract_hides(void)
{
    CK_EXTRACT_PARAMS first = 21;
    CK_MECHANISM_PTR mechanism = MECHANISM_P(CKM_EXTRACT_KEY_FROM_KEY, first);
    CK_OBJECT_HANDLE key = 0, base = secret_of(1, TEMPLATE(HIDDEN));
    EXPECT(derive_rv(mechanism, base, TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, 2)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_FAILURE(derive_rv(mechanism, base, TEMPLATE(HIDDEN), &key));
    key = DERIVE(mechanism, base, ATTR_U(CKA_VALUE_LEN, 2));
    EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_TRUE);
}

/* ---- hashes ---- */

static void hash_is_free(void)
{
    CK_MECHANISM mechanism = {CKM_SHA256_KEY_DERIVATION, NULL, 0};
    for (int i = 0; i < 4; i++) {
        CK_BBOOL sensitive = (i & 1) != 0, extractable = (i & 2) != 0;
        CK_OBJECT_HANDLE key =
            DERIVE(&mechanism, generated(TEMPLATE(HIDDEN)), ATTR_B(CKA_SENSITIVE, sensitive),
                   ATTR_B(CKA_EXTRACTABLE, extractable));
        EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 32);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), !extractable);
    }
}

/* ---- HKDF ---- */

static CK_HKDF_PARAMS hkdf(void)
{
    return (CK_HKDF_PARAMS){.bExtract = CK_TRUE,
                            .bExpand = CK_TRUE,
                            .prfHashMechanism = CKM_SHA256,
                            .ulSaltType = CKF_HKDF_SALT_DATA,
                            .pSalt = data,
                            .ulSaltLen = sizeof data,
                            .hSaltKey = 0x7fff4711,
                            .pInfo = data,
                            .ulInfoLen = sizeof data};
}

static void hkdf_salt_key(void)
{
    CK_HKDF_PARAMS by_data = hkdf(), by_key = hkdf();
    CK_BYTE one[32], other[32];
    CK_OBJECT_HANDLE base = secret_of(1, TEMPLATE(ANY_LABEL));
    by_key.ulSaltType = CKF_HKDF_SALT_KEY;
    by_key.pSalt = NULL;
    by_key.ulSaltLen = 0;
    by_key.hSaltKey = key_secret(CKK_GENERIC_SECRET, data, sizeof data, ANY_LABEL);
    CK_OBJECT_HANDLE key =
        DERIVE(MECHANISM_P(CKM_HKDF_DERIVE, by_data), base, READABLE, ATTR_U(CKA_VALUE_LEN, 32));
    get_bytes(key, CKA_VALUE, one, sizeof one);
    key = DERIVE(MECHANISM_P(CKM_HKDF_DERIVE, by_key), base, READABLE, ATTR_U(CKA_VALUE_LEN, 32));
    get_bytes(key, CKA_VALUE, other, sizeof other);
    EXPECT_BYTES(one, sizeof one, other, sizeof other);
    by_key.hSaltKey = 0x7fff4711;
    EXPECT(derive_rv(MECHANISM_P(CKM_HKDF_DERIVE, by_key), base,
                     TEMPLATE(ATTR_U(CKA_VALUE_LEN, 32)), &key),
           CKR_KEY_HANDLE_INVALID);
}

static void hkdf_data(void)
{
    CK_HKDF_PARAMS params = hkdf();
    CK_BYTE one[32], other[64];
    CK_OBJECT_HANDLE base = secret_of(1, TEMPLATE(ANY_LABEL)), object = 0;
    CK_OBJECT_HANDLE key =
        DERIVE(MECHANISM_P(CKM_HKDF_DERIVE, params), base, READABLE, ATTR_U(CKA_VALUE_LEN, 32));
    get_bytes(key, CKA_VALUE, one, sizeof one);
    object = DERIVE(MECHANISM_P(CKM_HKDF_DATA, params), base, ATTR_U(CKA_CLASS, CKO_DATA),
                    ATTR_U(CKA_VALUE_LEN, 32), ANY_LABEL);
    EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_DATA);
    EXPECT_BYTES(other, get_bytes(object, CKA_VALUE, other, sizeof other), one, sizeof one);
    EXPECT(derive_rv(MECHANISM_P(CKM_HKDF_DATA, params), base,
                     TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_VALUE_LEN, 32)),
                     &object),
           CKR_TEMPLATE_INCONSISTENT);
}

/* ---- SP 800-108 ---- */

struct counter_kdf {
    CK_SP800_108_COUNTER_FORMAT format;
    CK_PRF_DATA_PARAM parts[2];
    CK_SP800_108_KDF_PARAMS params;
};

static struct counter_kdf *counter_kdf(CK_DERIVED_KEY_PTR further, CK_ULONG count)
{
    static struct counter_kdf kdf;
    kdf.format = (CK_SP800_108_COUNTER_FORMAT){CK_FALSE, 32};
    kdf.parts[0] =
        (CK_PRF_DATA_PARAM){CK_SP800_108_ITERATION_VARIABLE, &kdf.format, sizeof kdf.format};
    kdf.parts[1] = (CK_PRF_DATA_PARAM){CK_SP800_108_BYTE_ARRAY, data, sizeof data};
    kdf.params = (CK_SP800_108_KDF_PARAMS){CKM_SHA256_HMAC, 2, kdf.parts, count, further};
    return &kdf;
}

#define COUNTER_KDF(further, count)                                                                \
    MECHANISM_P(CKM_SP800_108_COUNTER_KDF, counter_kdf(further, count)->params)

static void several_keys(void)
{
    CK_ATTRIBUTE first[] = {READABLE, ATTR_U(CKA_VALUE_LEN, 5)};
    CK_ATTRIBUTE second[] = {READABLE, ATTR_U(CKA_VALUE_LEN, 16), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    CK_OBJECT_HANDLE handles[2] = {0};
    CK_DERIVED_KEY further[] = {{first, COUNT(first), &handles[0]},
                                {second, COUNT(second), &handles[1]}};
    CK_OBJECT_HANDLE base = secret_of(1, TEMPLATE(ANY_LABEL));
    CK_BYTE whole[128], part[64];
    CK_OBJECT_HANDLE all = DERIVE(COUNTER_KDF(NULL, 0), base, READABLE, ATTR_U(CKA_VALUE_LEN, 128));
    get_bytes(all, CKA_VALUE, whole, sizeof whole);
    CK_OBJECT_HANDLE key =
        DERIVE(COUNTER_KDF(further, 2), base, READABLE, ATTR_U(CKA_VALUE_LEN, 40));
    EXPECT_BYTES(part, get_bytes(key, CKA_VALUE, part, sizeof part), whole, 40);
    EXPECT_BYTES(part, get_bytes(handles[0], CKA_VALUE, part, sizeof part), whole + 64, 5);
    EXPECT_BYTES(part, get_bytes(handles[1], CKA_VALUE, part, sizeof part), whole + 96, 16);
    EXPECT_EQUAL(get_ulong(handles[1], CKA_KEY_TYPE), CKK_AES);
}

static void all_or_none(void)
{
    CK_ATTRIBUTE good[] = {READABLE, ATTR_U(CKA_VALUE_LEN, 16), ATTR_S(CKA_LABEL, "ghost")};
    CK_ATTRIBUTE bad[] = {ATTR_U(CKA_VALUE_LEN, 17), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    CK_OBJECT_HANDLE handles[3] = {77, 77, 77}, key = 0;
    CK_DERIVED_KEY further[] = {{good, COUNT(good), &handles[0]},
                                {bad, COUNT(bad), &handles[1]},
                                {good, COUNT(good), &handles[2]}};
    EXPECT_FAILURE(derive_rv(COUNTER_KDF(further, 3), secret_of(1, TEMPLATE(ANY_LABEL)),
                             TEMPLATE(READABLE, ATTR_S(CKA_LABEL, "ghost")), &key));
    EXPECT_EQUAL(handles[0], 77);
    EXPECT_EQUAL(handles[1], CK_INVALID_HANDLE);
    EXPECT_EQUAL(handles[2], 77);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "ghost")), 0);
}

static void no_place_for_a_handle(void)
{
    CK_ATTRIBUTE good[] = {READABLE, ATTR_U(CKA_VALUE_LEN, 16)};
    CK_DERIVED_KEY further[] = {{good, COUNT(good), NULL}};
    CK_OBJECT_HANDLE key = 0;
    EXPECT(derive_rv(COUNTER_KDF(further, 1), secret_of(1, TEMPLATE(ANY_LABEL)), TEMPLATE(READABLE),
                     &key),
           CKR_MECHANISM_PARAM_INVALID);
}

/* What the template leaves out is the base key's. */
static void flags_of_the_base(void)
{
    for (int i = 0; i < 4; i++) {
        CK_BBOOL sensitive = (i & 1) != 0, extractable = (i & 2) != 0;
        CK_OBJECT_HANDLE base = secret_of(
            1, TEMPLATE(ATTR_B(CKA_SENSITIVE, sensitive), ATTR_B(CKA_EXTRACTABLE, extractable)));
        CK_OBJECT_HANDLE key = DERIVE(COUNTER_KDF(NULL, 0), base, ATTR_U(CKA_VALUE_LEN, 16));
        EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), extractable);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
        key = DERIVE(COUNTER_KDF(NULL, 0), base, ATTR_U(CKA_VALUE_LEN, 16), READABLE);
        EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_FALSE);
    }
}

static void history_of_the_base(void)
{
    CK_OBJECT_HANDLE base = generated(TEMPLATE(HIDDEN));
    CK_OBJECT_HANDLE key = DERIVE(COUNTER_KDF(NULL, 0), base, ATTR_U(CKA_VALUE_LEN, 16));
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_TRUE);
    key = DERIVE(COUNTER_KDF(NULL, 0), base, ATTR_U(CKA_VALUE_LEN, 16), READABLE);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
}

/* ---- passwords ---- */

/* RFC 6070: the second case. */
static const char pbkdf2_value[] =
    "\xea\x6c\x01\x4d\xc7\x2d\x6f\x8c\xcd\x1e\xd9\x2a\xce\x1d\x41\xf0\xd8\xde\x89\x57";

static CK_RV pbkdf2_rv(void *params, CK_ULONG length, struct template template,
                       CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(CKM_PKCS5_PBKD2, CKF_GENERATE);
    CK_MECHANISM mechanism = {CKM_PKCS5_PBKD2, params, length};
    return F->C_GenerateKey(S, &mechanism, template.attributes, template.count, ret_key);
}

#define GENERIC_20 ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_U(CKA_VALUE_LEN, 20), READABLE

static void pbkdf2_new_structure(void)
{
    CK_UTF8CHAR password[] = "password", salt[] = "salt";
    CK_OBJECT_HANDLE key = 0;
    CK_PKCS5_PBKD2_PARAMS2 params = {
        CKZ_SALT_SPECIFIED, salt, 4, 2, CKP_PKCS5_PBKD2_HMAC_SHA1, NULL, 0, password, 8};
    EXPECT_OK(pbkdf2_rv(&params, sizeof params, TEMPLATE(GENERIC_20), &key));
    expect_value(key, pbkdf2_value, 20);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), CKM_PKCS5_PBKD2);
}

static void pbkdf2_old_structure(void)
{
    CK_UTF8CHAR password[] = "password", salt[] = "salt";
    CK_ULONG length = 8;
    CK_OBJECT_HANDLE key = 0;
    CK_PKCS5_PBKD2_PARAMS params = {
        CKZ_SALT_SPECIFIED, salt, 4, 2, CKP_PKCS5_PBKD2_HMAC_SHA1, NULL, 0, password, &length};
    EXPECT_OK(pbkdf2_rv(&params, sizeof params, TEMPLATE(GENERIC_20), &key));
    expect_value(key, pbkdf2_value, 20);
}

static void pbkdf2_template(void)
{
    CK_UTF8CHAR password[] = "password", salt[] = "salt";
    CK_OBJECT_HANDLE key = 0;
    CK_PKCS5_PBKD2_PARAMS2 params = {
        CKZ_SALT_SPECIFIED, salt, 4, 2, CKP_PKCS5_PBKD2_HMAC_SHA1, NULL, 0, password, 8};
    EXPECT_FAILURE(pbkdf2_rv(&params, sizeof params, TEMPLATE(ATTR_U(CKA_VALUE_LEN, 16)), &key));
    EXPECT_FAILURE(pbkdf2_rv(&params, sizeof params,
                             TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_U(CKA_VALUE_LEN, 17)),
                             &key));
    EXPECT_OK(pbkdf2_rv(
        &params, sizeof params,
        TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_U(CKA_VALUE_LEN, 16), READABLE), &key));
    expect_value(key, pbkdf2_value, 16);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, concatenate_keys, "Concatenation of a base key and another key", "the values stand one after the other"),
    CHECK(FIX_USER, other_key_unknown, "CKR_KEY_HANDLE_INVALID", "for a parameter that names no key"),
    CHECK(FIX_USER, other_key_not_for_deriving, "CKR_KEY_FUNCTION_NOT_PERMITTED", "for a key in the parameter without CKA_DERIVE"),
    CHECK(FIX_USER, other_key_not_for_this, "CKA_ALLOWED_MECHANISMS", "holds for a key in the parameter too"),
    CHECK(FIX_USER, hidden_keys_hide, "Concatenation of a base key and another key", "either key that is sensitive or not extractable makes the new one so"),
    CHECK(FIX_USER, history_of_both, "Concatenation of a base key and another key", "both keys must have a history of secrecy to give it"),
    CHECK(FIX_USER, extract_hides, "Extraction of one key from another key", "a sensitive key gives a sensitive one, and a length is needed"),
    CHECK(FIX_USER, hash_is_free, "Hash-based key derivation", "the template decides, a history of secrecy goes on"),
    CHECK(FIX_USER, hkdf_salt_key, "HKDF derive", "the salt may be a key; its handle counts only then"),
    CHECK(FIX_USER, hkdf_data, "HKDF Data", "makes a data object with the same value"),
    CHECK(FIX_USER, several_keys, "Deriving Additional Keys", "in their order, from segments of their own"),
    CHECK(FIX_USER, all_or_none, "Deriving Additional Keys", "none is made when one fails, whose handle is then CK_INVALID_HANDLE"),
    CHECK(FIX_USER, no_place_for_a_handle, "CK_DERIVED_KEY", "CKR_MECHANISM_PARAM_INVALID without a place for the handle"),
    CHECK(FIX_USER, flags_of_the_base, "SP800-108 Key Derivation Attribute Rules", "omitted flags are those of the base key"),
    CHECK(FIX_USER, history_of_the_base, "SP800-108 Key Derivation Attribute Rules", "a history of secrecy goes on as the template allows"),
    CHECK(FIX_USER, pbkdf2_new_structure, "CK_PKCS5_PBKD2_PARAMS2", "the key of RFC 6070"),
    CHECK(FIX_USER, pbkdf2_old_structure, "CK_PKCS5_PBKD2_PARAMS", "of version 2.40, whose password length is a pointer, works too"),
    CHECK(FIX_USER, pbkdf2_template, "PKCS #5 PBKD2 key generation", "the template says type and length"),
};

static const struct check simple_checks[] = {
    CHECK_ROW(FIX_USER, simple_value, "Miscellaneous simple key derivation mechanisms", "the value of the example"),
    CHECK_ROW(FIX_USER, simple_hides, "Miscellaneous simple key derivation mechanisms", "a hidden base key makes a hidden key"),
    CHECK_ROW(FIX_USER, simple_needs_length, "Miscellaneous simple key derivation mechanisms", "a type without a length, or more bytes than there are, are errors"),
};
/* clang-format on */

void chapter_kdf(void)
{
    check_add_table("kdf", checks);
    check_add_rows("kdf", simple_checks, simple);
}
