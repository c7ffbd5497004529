/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading attributes: the five cases of C_GetAttributeValue, secrets, and the attributes that the
 * token computes.
 */
#include <string.h>
#include <sys/mman.h>

#include "keys.h"
#include "ossl.h"

#define DATA_BASE ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_FALSE)
#define SENSITIVE ATTR_B(CKA_SENSITIVE, CK_TRUE)
#define UNEXTRACTABLE ATTR_B(CKA_EXTRACTABLE, CK_FALSE)

/* ---- the five cases ---- */

static CK_OBJECT_HANDLE sample(void)
{
    return CREATE(DATA_BASE, ATTR_S(CKA_LABEL, "sample label"), ATTR_S(CKA_VALUE, "value"));
}

static void length_query(void)
{
    CK_ULONG length = 4711;
    EXPECT_OK(get_rv(sample(), CKA_LABEL, NULL, &length));
    EXPECT_EQUAL(length, 12);
}

static void exact_room(void)
{
    CK_BYTE value[13];
    CK_ULONG length = 12;
    memset(value, 0xa5, sizeof value);
    EXPECT_OK(get_rv(sample(), CKA_LABEL, value, &length));
    EXPECT_BYTES(value, length, "sample label", 12);
    EXPECT_EQUAL(value[12], 0xa5);
}

static void more_room(void)
{
    CK_BYTE value[64];
    CK_ULONG length = sizeof value;
    memset(value, 0xa5, sizeof value);
    EXPECT_OK(get_rv(sample(), CKA_LABEL, value, &length));
    EXPECT_BYTES(value, length, "sample label", 12);
    EXPECT_EQUAL(value[12], 0xa5);
}

static void too_small(void)
{
    CK_BYTE value[12];
    CK_ULONG length = 11;
    memset(value, 0xa5, sizeof value);
    EXPECT(get_rv(sample(), CKA_LABEL, value, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
    EXPECT_EQUAL(value[11], 0xa5);
}

static void bool_too_small(void)
{
    CK_BBOOL value = 0x5a;
    CK_ULONG length = 0;
    EXPECT(get_rv(sample(), CKA_TOKEN, &value, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
    EXPECT_EQUAL(value, 0x5a);
}

static void ulong_too_small(void)
{
    CK_BYTE value[8] = {0};
    CK_ULONG length = sizeof(CK_ULONG) - 1;
    EXPECT(get_rv(sample(), CKA_CLASS, value, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
}

static void not_possessed(void)
{
    CK_BYTE value[64];
    CK_ULONG length = sizeof value;
    EXPECT(get_rv(sample(), CKA_MODULUS, value, &length), CKR_ATTRIBUTE_TYPE_INVALID);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
}

static void not_possessed_query(void)
{
    CK_ULONG length = 0;
    EXPECT(get_rv(sample(), 0x4711, NULL, &length), CKR_ATTRIBUTE_TYPE_INVALID);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
}

static void secret_query(void)
{
    CK_ULONG length = 0;
    EXPECT(get_rv(key_aes(16, SENSITIVE), CKA_VALUE, NULL, &length), CKR_ATTRIBUTE_SENSITIVE);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
}

/* One call with all five cases: those that can be answered are. */
static void all_cases(void)
{
    CK_BYTE value[16], label[64], small[2], id[8];
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE template[] = {
        {CKA_VALUE, value, sizeof value}, {CKA_CLASS, &class, sizeof class},
        {0x4711, id, sizeof id},          {CKA_LABEL, label, sizeof label},
        {CKA_LABEL, small, sizeof small}, {CKA_LABEL, NULL, 0},
        {CKA_KEY_TYPE, NULL, 0},
    };
    CK_OBJECT_HANDLE key = key_aes(16, SENSITIVE, ANY_LABEL);
    memset(value, 0xa5, sizeof value);
    EXPECT_ANY(F->C_GetAttributeValue(S, key, template, COUNT(template)), CKR_ATTRIBUTE_SENSITIVE,
               CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(template[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    EXPECT_EQUAL(value[0], 0xa5);
    EXPECT_EQUAL(template[1].ulValueLen, sizeof(CK_ULONG));
    EXPECT_EQUAL(class, CKO_SECRET_KEY);
    EXPECT_EQUAL(template[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    EXPECT_BYTES(label, template[3].ulValueLen, "conformance", 11);
    EXPECT_EQUAL(template[4].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    EXPECT_EQUAL(template[5].ulValueLen, 11);
    EXPECT_EQUAL(template[6].ulValueLen, sizeof(CK_ULONG));
}

static void several_at_once(void)
{
    CK_BBOOL token = 9, private = 9;
    CK_BYTE value[8];
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &token, sizeof token},
        {CKA_VALUE, value, sizeof value},
        {CKA_PRIVATE, &private, sizeof private},
    };
    EXPECT_OK(F->C_GetAttributeValue(S, sample(), template, COUNT(template)));
    EXPECT_EQUAL(token, CK_FALSE);
    EXPECT_EQUAL(private, CK_FALSE);
    EXPECT_BYTES(value, template[1].ulValueLen, "value", 5);
}

static void empty_value(void)
{
    CK_BYTE value[4] = {0xa5};
    CK_ULONG length = 4711;
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE);
    EXPECT_OK(get_rv(object, CKA_LABEL, NULL, &length));
    EXPECT_EQUAL(length, 0);
    length = sizeof value;
    EXPECT_OK(get_rv(object, CKA_LABEL, value, &length));
    EXPECT_EQUAL(length, 0);
    EXPECT_EQUAL(value[0], 0xa5);
}

static void null_template(void)
{
    EXPECT(F->C_GetAttributeValue(S, sample(), NULL, 1), CKR_ARGUMENTS_BAD);
}

/* The caller's memory really is that long, but cannot be written to. */
static void impossible_count(void)
{
    CK_ULONG count = (CK_ULONG)1 << (sizeof(CK_ULONG) * 4);
    size_t size = count * sizeof(CK_ATTRIBUTE);
    void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        check_skip("no address space for the template");
    }
    CK_RV rv = F->C_GetAttributeValue(S, sample(), memory, count);
    munmap(memory, size);
    EXPECT_FAILURE(rv);
}

static void invalid_handle(void)
{
    CK_ULONG length = 0;
    EXPECT(get_rv(CK_INVALID_HANDLE, CKA_CLASS, NULL, &length), CKR_OBJECT_HANDLE_INVALID);
    EXPECT(get_rv(0x7fff4711, CKA_CLASS, NULL, &length), CKR_OBJECT_HANDLE_INVALID);
}

static void text_may_be_utf8(void)
{
    CK_BYTE label[64];
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_S(CKA_LABEL, "\xc3\xa4\xe2\x82\xac"));
    EXPECT_BYTES(label, get_bytes(object, CKA_LABEL, label, sizeof label), "\xc3\xa4\xe2\x82\xac",
                 5);
}

static void private_object_public_session(void)
{
    CK_OBJECT_HANDLE object = CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_TRUE),
                                     ATTR_B(CKA_TOKEN, CK_TRUE));
    CK_ULONG length = 0;
    logout(S);
    EXPECT_ANY(get_rv(object, CKA_CLASS, NULL, &length), CKR_OBJECT_HANDLE_INVALID,
               CKR_USER_NOT_LOGGED_IN);
}

/* ---- secrets ---- */

static void secret_key_sensitive(void)
{
    expect_secret(key_aes(16, SENSITIVE), CKA_VALUE);
}

static void secret_key_unextractable(void)
{
    expect_secret(key_aes(16, UNEXTRACTABLE), CKA_VALUE);
}

static void secret_key_readable(void)
{
    CK_BYTE value[32];
    EXPECT_BYTES(value, get_bytes(key_aes(32, ANY_LABEL), CKA_VALUE, value, sizeof value),
                 key_value(), 32);
}

static void generic_secret_sensitive(void)
{
    expect_secret(key_secret(CKK_GENERIC_SECRET, key_value(), 20, SENSITIVE), CKA_VALUE);
}

static void rsa_private(CK_OBJECT_HANDLE key)
{
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_PRIVATE_EXPONENT, CKA_PRIME_1,    CKA_PRIME_2,
        CKA_EXPONENT_1,       CKA_EXPONENT_2, CKA_COEFFICIENT,
    };
    CK_BYTE value[256];
    for (size_t i = 0; i < COUNT(types); i++)
        expect_secret(key, types[i]);
    EXPECT_EQUAL(get_bytes(key, CKA_MODULUS, value, sizeof value), RSA_BYTES);
    EXPECT_EQUAL(get_bytes(key, CKA_PUBLIC_EXPONENT, value, sizeof value), 3);
}

static void rsa_sensitive(void)
{
    rsa_private(key_rsa_private(SENSITIVE));
}

static void rsa_unextractable(void)
{
    rsa_private(key_rsa_private(UNEXTRACTABLE));
}

static void rsa_readable(void)
{
    CK_BYTE value[256];
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    EXPECT_EQUAL(get_bytes(key, CKA_PRIVATE_EXPONENT, value, sizeof value), RSA_BYTES);
    EXPECT_EQUAL(get_bytes(key, CKA_PRIME_1, value, sizeof value), RSA_BYTES / 2);
}

static void ec_sensitive(void)
{
    expect_secret(key_curve_private(&curves[P256], SENSITIVE), CKA_VALUE);
}

static void ec_unextractable(void)
{
    expect_secret(key_curve_private(&curves[P256], UNEXTRACTABLE), CKA_VALUE);
}

static void edwards_sensitive(void)
{
    require_mechanism(CKM_EDDSA, 0);
    expect_secret(key_curve_private(&curves[ED25519], SENSITIVE), CKA_VALUE);
}

static void secret_of_token_object(void)
{
    expect_secret(key_aes(32, SENSITIVE, ATTR_B(CKA_TOKEN, CK_TRUE)), CKA_VALUE);
}

/* ---- CKA_UNIQUE_ID ---- */

static void unique_id_there(void)
{
    CK_BYTE id[256];
    EXPECT_TRUE(get_bytes(sample(), CKA_UNIQUE_ID, id, sizeof id) > 0);
    EXPECT_TRUE(get_bytes(key_aes(16, ANY_LABEL), CKA_UNIQUE_ID, id, sizeof id) > 0);
}

static void unique_id_differs(void)
{
    CK_BYTE one[256], other[256];
    CK_ULONG length = get_bytes(sample(), CKA_UNIQUE_ID, one, sizeof one);
    CK_ULONG other_length = get_bytes(sample(), CKA_UNIQUE_ID, other, sizeof other);
    EXPECT_TRUE(length != other_length || memcmp(one, other, length) != 0);
}

static void unique_id_stays(void)
{
    CK_BYTE before[256], after[256];
    CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "identified"));
    CK_OBJECT_HANDLE object = FIND_ONE(S, ATTR_S(CKA_LABEL, "identified"));
    CK_ULONG length = get_bytes(object, CKA_UNIQUE_ID, before, sizeof before);
    env_reset();
    env.session = open_session(0);
    object = FIND_ONE(S, ATTR_S(CKA_LABEL, "identified"));
    EXPECT_BYTES(after, get_bytes(object, CKA_UNIQUE_ID, after, sizeof after), before, length);
}

static void unique_id_read_only(void)
{
    EXPECT(SET_RV(sample(), ATTR_S(CKA_UNIQUE_ID, "other")), CKR_ATTRIBUTE_READ_ONLY);
}

static void unique_id_found(void)
{
    CK_BYTE id[256];
    CK_OBJECT_HANDLE object = sample();
    sample();
    CK_ULONG length = get_bytes(object, CKA_UNIQUE_ID, id, sizeof id);
    EXPECT_EQUAL(FIND_ONE(S, ATTR_X(CKA_UNIQUE_ID, id, length)), object);
}

/* ---- CKA_CHECK_VALUE ---- */

static void right_check_value(const struct ossl_cipher *cipher, CK_BYTE *out)
{
    static const CK_BYTE zero[16];
    CK_BYTE block[64];
    ossl_encrypt(cipher, zero, sizeof zero, block);
    memcpy(out, block, 3);
}

static void check_value_or_skip(CK_OBJECT_HANDLE object, const CK_BYTE *right)
{
    CK_BYTE value[8];
    CK_ULONG length = sizeof value;
    CK_RV rv = get_rv(object, CKA_CHECK_VALUE, value, &length);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
        check_skip("CKA_CHECK_VALUE is not supported");
    EXPECT_OK(rv);
    EXPECT_BYTES(value, length, right, 3);
}

static void check_value_aes(void)
{
    CK_BYTE right[3];
    right_check_value(&(struct ossl_cipher){.name = "AES-128-ECB", .key = key_value()}, right);
    check_value_or_skip(key_aes(16, ANY_LABEL), right);
}

static void check_value_sensitive(void)
{
    CK_BYTE right[3];
    right_check_value(&(struct ossl_cipher){.name = "AES-256-ECB", .key = key_value()}, right);
    check_value_or_skip(key_aes(32, SENSITIVE, ATTR_B(CKA_ENCRYPT, CK_FALSE)), right);
}

static void check_value_generic(void)
{
    CK_BYTE right[64];
    ossl_digest("SHA1", key_value(), 24, right);
    check_value_or_skip(key_hmac(24, CK_TRUE), right);
}

static CK_OBJECT_HANDLE make_certificate(void)
{
    return CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
                  ATTR_X(CKA_SUBJECT, certificate.subject, certificate.subject_length),
                  ATTR_X(CKA_VALUE, certificate.value, certificate.value_length));
}

static void check_value_certificate(void)
{
    CK_BYTE right[64];
    ossl_digest("SHA1", certificate.value, certificate.value_length, right);
    check_value_or_skip(make_certificate(), right);
}

static void check_value_given(void)
{
    CK_BYTE right[3];
    right_check_value(&(struct ossl_cipher){.name = "AES-128-ECB", .key = key_value()}, right);
    check_value_or_skip(key_aes(16, ATTR_X(CKA_CHECK_VALUE, right, 3)), right);
}

static void check_value_wrong(void)
{
    CK_BYTE right[3];
    right_check_value(&(struct ossl_cipher){.name = "AES-128-ECB", .key = key_value()}, right);
    check_value_or_skip(key_aes(16, ANY_LABEL), right);
    right[2] ^= 1;
    EXPECT(key_secret_rv(CKK_AES, key_value(), 16, TEMPLATE(ATTR_X(CKA_CHECK_VALUE, right, 3)),
                         &(CK_OBJECT_HANDLE){0}),
           CKR_ATTRIBUTE_VALUE_INVALID);
}

static void check_value_none(void)
{
    CK_BYTE value[8];
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_X(CKA_CHECK_VALUE, "", 0));
    CK_ULONG length = sizeof value;
    CK_RV rv = get_rv(key, CKA_CHECK_VALUE, value, &length);
    EXPECT_ANY(rv, CKR_OK, CKR_ATTRIBUTE_TYPE_INVALID);
    if (rv == CKR_OK)
        EXPECT_EQUAL(length, 0);
}

/* ---- CKA_PUBLIC_KEY_INFO ---- */

static CK_ULONG public_key_info(CK_OBJECT_HANDLE object, CK_BYTE *info, CK_ULONG room)
{
    CK_ULONG length = room;
    CK_RV rv = get_rv(object, CKA_PUBLIC_KEY_INFO, info, &length);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && length == 0))
        check_skip("CKA_PUBLIC_KEY_INFO may be empty");
    EXPECT_OK(rv);
    return length;
}

static void info_rsa(void)
{
    CK_BYTE info[1024];
    CK_ULONG length = public_key_info(key_rsa_public(ANY_LABEL), info, sizeof info);
    EXPECT_TRUE(ossl_is_rsa_info(info, length));
    length = public_key_info(key_rsa_private(SENSITIVE), info, sizeof info);
    EXPECT_TRUE(ossl_is_rsa_info(info, length));
}

static void info_ec(void)
{
    CK_BYTE info[1024];
    CK_ULONG length =
        public_key_info(key_curve_public(&curves[P384], ANY_LABEL), info, sizeof info);
    EXPECT_TRUE(ossl_is_curve_info(&curves[P384], info, length));
    length = public_key_info(key_curve_private(&curves[P384], SENSITIVE), info, sizeof info);
    EXPECT_TRUE(ossl_is_curve_info(&curves[P384], info, length));
}

static void info_edwards(void)
{
    CK_BYTE info[1024];
    require_mechanism(CKM_EDDSA, 0);
    CK_ULONG length =
        public_key_info(key_curve_public(&curves[ED25519], ANY_LABEL), info, sizeof info);
    EXPECT_TRUE(ossl_is_curve_info(&curves[ED25519], info, length));
    length = public_key_info(key_curve_private(&curves[ED25519], SENSITIVE), info, sizeof info);
    EXPECT_TRUE(ossl_is_curve_info(&curves[ED25519], info, length));
}

static void info_mismatch(void)
{
    CK_BYTE info[1024];
    CK_ULONG length =
        public_key_info(key_curve_public(&curves[P384], ANY_LABEL), info, sizeof info);
    EXPECT_ANY(key_curve_private_rv(&curves[P256],
                                    TEMPLATE(ATTR_X(CKA_PUBLIC_KEY_INFO, info, length)),
                                    &(CK_OBJECT_HANDLE){0}),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID);
}

/* ---- arrays ---- */

static void allowed_mechanisms(void)
{
    CK_MECHANISM_TYPE allowed[] = {CKM_AES_CBC, CKM_AES_ECB}, back[4] = {0};
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_X(CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed));
    CK_ULONG length = get_bytes(key, CKA_ALLOWED_MECHANISMS, back, sizeof back);
    EXPECT_EQUAL(length, sizeof allowed);
    bool same = back[0] == allowed[0] && back[1] == allowed[1];
    bool swapped = back[0] == allowed[1] && back[1] == allowed[0];
    EXPECT_TRUE(same || swapped);
}

static CK_OBJECT_HANDLE with_template(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ANY_LABEL};
    return key_aes(16, ATTR_X(CKA_WRAP_TEMPLATE, inner, sizeof inner));
}

static void template_length(void)
{
    CK_ULONG length = 0;
    EXPECT_OK(get_rv(with_template(), CKA_WRAP_TEMPLATE, NULL, &length));
    EXPECT_EQUAL(length, 2 * sizeof(CK_ATTRIBUTE));
}

static void template_read(void)
{
    CK_BYTE values[2][16];
    CK_ATTRIBUTE inner[2] = {{CK_UNAVAILABLE_INFORMATION, NULL, 0},
                             {CK_UNAVAILABLE_INFORMATION, NULL, 0}};
    CK_ULONG length = sizeof inner;
    CK_OBJECT_HANDLE key = with_template();
    EXPECT_OK(get_rv(key, CKA_WRAP_TEMPLATE, inner, &length));
    EXPECT_EQUAL(length, sizeof inner);
    for (size_t i = 0; i < 2; i++) {
        EXPECT_TRUE(inner[i].type == CKA_CLASS || inner[i].type == CKA_LABEL);
        EXPECT_EQUAL(inner[i].ulValueLen, inner[i].type == CKA_CLASS ? sizeof(CK_ULONG) : 11);
        inner[i].pValue = values[i];
        inner[i].ulValueLen = sizeof values[i];
    }
    EXPECT_OK(get_rv(key, CKA_WRAP_TEMPLATE, inner, &length));
    size_t label = inner[0].type == CKA_LABEL ? 0 : 1;
    EXPECT_BYTES(values[label], inner[label].ulValueLen, "conformance", 11);
}

static void template_too_small(void)
{
    CK_ATTRIBUTE inner[1] = {{CK_UNAVAILABLE_INFORMATION, NULL, 0}};
    CK_ULONG length = sizeof inner - 1;
    EXPECT_ANY(get_rv(with_template(), CKA_WRAP_TEMPLATE, inner, &length), CKR_BUFFER_TOO_SMALL,
               CKR_TEMPLATE_INCONSISTENT);
}

static void dates(void)
{
    CK_BYTE value[16];
    CK_OBJECT_HANDLE key =
        key_aes(16, ATTR_S(CKA_START_DATE, "20240131"), ATTR_S(CKA_END_DATE, "20301231"));
    EXPECT_BYTES(value, get_bytes(key, CKA_START_DATE, value, sizeof value), "20240131", 8);
    EXPECT_BYTES(value, get_bytes(key, CKA_END_DATE, value, sizeof value), "20301231", 8);
}

static void date_of_wrong_size(void)
{
    EXPECT_ANY(key_secret_rv(CKK_AES, key_value(), 16, TEMPLATE(ATTR_S(CKA_START_DATE, "2024")),
                             &(CK_OBJECT_HANDLE){0}),
               CKR_ATTRIBUTE_VALUE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, length_query, "C_GetAttributeValue", "a NULL pValue gets the exact length"),
    CHECK(FIX_USER, exact_room, "C_GetAttributeValue", "just enough room is enough"),
    CHECK(FIX_USER, more_room, "C_GetAttributeValue", "ulValueLen becomes the exact length, nothing more is written"),
    CHECK(FIX_USER, too_small, "C_GetAttributeValue", "CKR_BUFFER_TOO_SMALL and CK_UNAVAILABLE_INFORMATION for one byte less"),
    CHECK(FIX_USER, bool_too_small, "C_GetAttributeValue", "CKR_BUFFER_TOO_SMALL for a CK_BBOOL without room"),
    CHECK(FIX_USER, ulong_too_small, "C_GetAttributeValue", "CKR_BUFFER_TOO_SMALL for a CK_ULONG with too little room"),
    CHECK(FIX_USER, not_possessed, "C_GetAttributeValue", "CKR_ATTRIBUTE_TYPE_INVALID for an attribute of other objects"),
    CHECK(FIX_USER, not_possessed_query, "C_GetAttributeValue", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute, NULL pValue"),
    CHECK(FIX_USER, secret_query, "C_GetAttributeValue", "CKR_ATTRIBUTE_SENSITIVE, no length, for a NULL pValue too"),
    CHECK(FIX_USER, all_cases, "C_GetAttributeValue", "answers what it can when others of the template fail"),
    CHECK(FIX_USER, several_at_once, "C_GetAttributeValue", "several attributes in one call"),
    CHECK(FIX_USER, empty_value, "C_GetAttributeValue", "an empty value has length 0"),
    CHECK(FIX_USER, null_template, "C_GetAttributeValue", "CKR_ARGUMENTS_BAD for a NULL template"),
    CHECK(FIX_USER, impossible_count, "C_GetAttributeValue", "a template of 2^32 attributes is refused unread"),
    CHECK(FIX_USER, invalid_handle, "C_GetAttributeValue", "CKR_OBJECT_HANDLE_INVALID for what is no handle"),
    CHECK(FIX_USER, text_may_be_utf8, "CKA_LABEL", "holds UTF-8"),
    CHECK(FIX_USER, private_object_public_session, "CKA_PRIVATE", "no access before the user has logged in"),
    CHECK(FIX_USER, secret_key_sensitive, "Footnote 7", "a sensitive AES key's value is not revealed"),
    CHECK(FIX_USER, secret_key_unextractable, "Footnote 7", "an unextractable AES key's value is not revealed"),
    CHECK(FIX_USER, secret_key_readable, "Footnote 7", "a key neither sensitive nor unextractable is revealed"),
    CHECK(FIX_USER, generic_secret_sensitive, "Footnote 7", "a sensitive generic secret's value is not revealed"),
    CHECK(FIX_USER, rsa_sensitive, "Footnote 7", "a sensitive RSA key reveals its public parts only"),
    CHECK(FIX_USER, rsa_unextractable, "Footnote 7", "an unextractable RSA key reveals its public parts only"),
    CHECK(FIX_USER, rsa_readable, "Footnote 7", "an RSA key neither sensitive nor unextractable is revealed"),
    CHECK(FIX_USER, ec_sensitive, "Footnote 7", "a sensitive EC key's value is not revealed"),
    CHECK(FIX_USER, ec_unextractable, "Footnote 7", "an unextractable EC key's value is not revealed"),
    CHECK(FIX_USER, edwards_sensitive, "Footnote 7", "a sensitive Edwards key's value is not revealed"),
    CHECK(FIX_USER, secret_of_token_object, "Footnote 7", "a sensitive token object's value is not revealed"),
    CHECK(FIX_USER, unique_id_there, "CKA_UNIQUE_ID", "is generated for each new object"),
    CHECK(FIX_USER, unique_id_differs, "CKA_UNIQUE_ID", "differs from object to object"),
    CHECK(FIX_USER, unique_id_stays, "CKA_UNIQUE_ID", "stays with a token object"),
    CHECK(FIX_USER, unique_id_read_only, "CKA_UNIQUE_ID", "CKR_ATTRIBUTE_READ_ONLY when it is set"),
    CHECK(FIX_USER, unique_id_found, "C_FindObjectsInit", "finds one object by its CKA_UNIQUE_ID"),
    CHECK(FIX_USER, check_value_aes, "CKA_CHECK_VALUE", "of AES: the first 3 bytes of an encrypted block of zeros"),
    CHECK(FIX_USER, check_value_sensitive, "CKA_CHECK_VALUE", "is there though the key is sensitive and may not encrypt"),
    CHECK(FIX_USER, check_value_generic, "CKA_CHECK_VALUE", "of a generic secret: the first 3 bytes of its SHA-1"),
    CHECK(FIX_USER, check_value_certificate, "CKA_CHECK_VALUE", "of a certificate: the first 3 bytes of its SHA-1"),
    CHECK(FIX_USER, check_value_given, "CKA_CHECK_VALUE", "the right one may be in the template"),
    CHECK(FIX_USER, check_value_wrong, "CKA_CHECK_VALUE", "CKR_ATTRIBUTE_VALUE_INVALID for a wrong one in the template"),
    CHECK(FIX_USER, check_value_none, "CKA_CHECK_VALUE", "an empty one in the template prevents it"),
    CHECK(FIX_USER, info_rsa, "CKA_PUBLIC_KEY_INFO", "of RSA keys is their SubjectPublicKeyInfo"),
    CHECK(FIX_USER, info_ec, "CKA_PUBLIC_KEY_INFO", "of EC keys is their SubjectPublicKeyInfo"),
    CHECK(FIX_USER, info_edwards, "CKA_PUBLIC_KEY_INFO", "of Edwards keys is their SubjectPublicKeyInfo"),
    CHECK(FIX_USER, info_mismatch, "CKA_PUBLIC_KEY_INFO", "CKR_ATTRIBUTE_VALUE_INVALID when it is another key's"),
    CHECK(FIX_USER, allowed_mechanisms, "CKA_ALLOWED_MECHANISMS", "reads back as the list that was set"),
    CHECK(FIX_USER, template_length, "Template attributes", "the length is that of the array of CK_ATTRIBUTE"),
    CHECK(FIX_USER, template_read, "Template attributes", "types and lengths first, values into given buffers then"),
    CHECK(FIX_USER, template_too_small, "Template attributes", "refused when the array has too little room"),
    CHECK(FIX_USER, dates, "CKA_START_DATE", "and CKA_END_DATE read back"),
    CHECK(FIX_USER, date_of_wrong_size, "CKA_START_DATE", "CKR_ATTRIBUTE_VALUE_INVALID for what is no CK_DATE"),
};
/* clang-format on */

void chapter_attributes(void)
{
    check_add_table("attributes", checks);
}
