/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing objects with C_SetAttributeValue and copying them with C_CopyObject.
 */
#include <string.h>

#include "keys.h"

#define DATA_BASE ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_FALSE)

static void expect_label(CK_OBJECT_HANDLE object, const char *label)
{
    CK_BYTE value[64];
    CK_ULONG length = get_bytes(object, CKA_LABEL, value, sizeof value);
    EXPECT_BYTES(value, length, label, strlen(label));
}

static CK_OBJECT_HANDLE sample(void)
{
    return CREATE(DATA_BASE, ATTR_S(CKA_LABEL, "before"));
}

/* ---- C_SetAttributeValue: what may be changed ---- */

static void set_label(void)
{
    CK_OBJECT_HANDLE object = sample();
    EXPECT_OK(SET_RV(object, ATTR_S(CKA_LABEL, "after a while")));
    expect_label(object, "after a while");
    EXPECT_OK(SET_RV(object, ATTR_S(CKA_LABEL, "")));
    expect_label(object, "");
}

static void set_lasts(void)
{
    CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "before"),
           ATTR_S(CKA_APPLICATION, "set_lasts"));
    CK_OBJECT_HANDLE object = FIND_ONE(S, ATTR_S(CKA_APPLICATION, "set_lasts"));
    EXPECT_OK(SET_RV(object, ATTR_S(CKA_LABEL, "after")));
    env_reset();
    env.session = open_session(0);
    expect_label(FIND_ONE(S, ATTR_S(CKA_APPLICATION, "set_lasts")), "after");
}

static void set_seen_by_others(void)
{
    CK_OBJECT_HANDLE object = sample();
    EXPECT_OK(SET_RV(object, ATTR_S(CKA_LABEL, "after")));
    env.session = open_session(0);
    expect_label(object, "after");
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "before")), 0);
    EXPECT_EQUAL(FIND_ONE(S, ATTR_S(CKA_LABEL, "after")), object);
}

static void set_several(void)
{
    CK_BYTE id[8];
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT_OK(SET_RV(key, ATTR_S(CKA_LABEL, "new"), ATTR_X(CKA_ID, "\1\2\3", 3),
                     ATTR_S(CKA_START_DATE, "20250101"), ATTR_B(CKA_ENCRYPT, CK_FALSE)));
    expect_label(key, "new");
    EXPECT_BYTES(id, get_bytes(key, CKA_ID, id, sizeof id), "\1\2\3", 3);
    EXPECT_EQUAL(get_bool(key, CKA_ENCRYPT), CK_FALSE);
}

static void set_usage_flags(void)
{
    static const CK_ATTRIBUTE_TYPE flags[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN,  CKA_VERIFY,
                                              CKA_WRAP,    CKA_UNWRAP,  CKA_DERIVE};
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    for (size_t i = 0; i < COUNT(flags); i++) {
        EXPECT_OK(SET_RV(key, ATTR_B(flags[i], CK_FALSE)));
        EXPECT_EQUAL(get_bool(key, flags[i]), CK_FALSE);
        EXPECT_OK(SET_RV(key, ATTR_B(flags[i], CK_TRUE)));
        EXPECT_EQUAL(get_bool(key, flags[i]), CK_TRUE);
    }
}

static void set_flag_takes_effect(void)
{
    CK_OBJECT_HANDLE key = key_hmac(32, CK_TRUE);
    EXPECT_OK(SET_RV(key, ATTR_B(CKA_SIGN, CK_FALSE)));
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void set_sensitive(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT_OK(SET_RV(key, ATTR_B(CKA_SENSITIVE, CK_TRUE)));
    EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    expect_secret(key, CKA_VALUE);
}

static void set_unextractable(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT_OK(SET_RV(key, ATTR_B(CKA_EXTRACTABLE, CK_FALSE)));
    EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    expect_secret(key, CKA_VALUE);
}

static void set_wrap_with_trusted(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    CK_RV rv = SET_RV(key, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE));
    EXPECT_ANY(rv, CKR_OK, CKR_ATTRIBUTE_READ_ONLY);
    if (rv == CKR_OK)
        EXPECT(SET_RV(key, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_FALSE)), CKR_ATTRIBUTE_READ_ONLY);
}

static void set_certificate(void)
{
    CK_BYTE id[8];
    CK_OBJECT_HANDLE object =
        CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
               ATTR_X(CKA_SUBJECT, certificate.subject, certificate.subject_length),
               ATTR_X(CKA_VALUE, certificate.value, certificate.value_length));
    EXPECT_OK(SET_RV(object, ATTR_X(CKA_ID, "\7\7", 2)));
    EXPECT_BYTES(id, get_bytes(object, CKA_ID, id, sizeof id), "\7\7", 2);
    EXPECT_OK(SET_RV(object, ATTR_X(CKA_ISSUER, certificate.subject, certificate.subject_length)));
    EXPECT_OK(
        SET_RV(object, ATTR_X(CKA_SERIAL_NUMBER, certificate.serial, certificate.serial_length)));
    EXPECT(SET_RV(object, ATTR_X(CKA_VALUE, key_value(), 100)), CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(SET_RV(object, ATTR_X(CKA_SUBJECT, "\x30\0", 2)), CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(SET_RV(object, ATTR_U(CKA_CERTIFICATE_TYPE, CKC_WTLS)), CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(SET_RV(object, ATTR_U(CKA_CERTIFICATE_CATEGORY, CK_CERTIFICATE_CATEGORY_AUTHORITY)),
           CKR_ATTRIBUTE_READ_ONLY);
}

/* ---- C_SetAttributeValue: what may not ---- */

static void one_way_sensitive(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_SENSITIVE, CK_TRUE));
    EXPECT(SET_RV(key, ATTR_B(CKA_SENSITIVE, CK_FALSE)), CKR_ATTRIBUTE_READ_ONLY);
    expect_secret(key, CKA_VALUE);
}

static void one_way_extractable(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    EXPECT(SET_RV(key, ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY);
    expect_secret(key, CKA_VALUE);
}

static void one_way_private_key(void)
{
    CK_OBJECT_HANDLE key =
        key_rsa_private(ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    EXPECT(SET_RV(key, ATTR_B(CKA_SENSITIVE, CK_FALSE)), CKR_ATTRIBUTE_READ_ONLY);
    EXPECT(SET_RV(key, ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY);
    expect_secret(key, CKA_PRIVATE_EXPONENT);
}

static void one_way_wrap_with_trusted(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE));
    EXPECT(SET_RV(key, ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_FALSE)), CKR_ATTRIBUTE_READ_ONLY);
}

static void one_way_copyable(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_COPYABLE, CK_FALSE));
    EXPECT_FAILURE(SET_RV(object, ATTR_B(CKA_COPYABLE, CK_TRUE)));
    EXPECT_EQUAL(get_bool(object, CKA_COPYABLE), CK_FALSE);
}

static void not_modifiable(void)
{
    CK_OBJECT_HANDLE object =
        CREATE(DATA_BASE, ATTR_B(CKA_MODIFIABLE, CK_FALSE), ATTR_S(CKA_LABEL, "before"));
    EXPECT(SET_RV(object, ATTR_S(CKA_LABEL, "after")), CKR_ACTION_PROHIBITED);
    expect_label(object, "before");
}

static void set_read_only_session(void)
{
    CK_ATTRIBUTE label = ATTR_S(CKA_LABEL, "after");
    CK_OBJECT_HANDLE object =
        CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "before"));
    EXPECT(F->C_SetAttributeValue(open_session(0), object, &label, 1), CKR_SESSION_READ_ONLY);
    expect_label(object, "before");
}

static void set_session_object_read_only(void)
{
    CK_ATTRIBUTE label = ATTR_S(CKA_LABEL, "after");
    CK_OBJECT_HANDLE object = sample();
    EXPECT_OK(F->C_SetAttributeValue(open_session(0), object, &label, 1));
    expect_label(object, "after");
}

static void set_unknown_attribute(void)
{
    EXPECT(SET_RV(sample(), ATTR_S(0x4711, "?")), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void set_wrong_size(void)
{
    EXPECT(SET_RV(key_aes(16, ANY_LABEL), ATTR_X(CKA_ENCRYPT, "\0\0", 2)),
           CKR_ATTRIBUTE_VALUE_INVALID);
}

static void set_null_template(void)
{
    EXPECT(F->C_SetAttributeValue(S, sample(), NULL, 1), CKR_ARGUMENTS_BAD);
}

static void set_invalid_handle(void)
{
    EXPECT(SET_RV(CK_INVALID_HANDLE, ATTR_S(CKA_LABEL, "x")), CKR_OBJECT_HANDLE_INVALID);
    EXPECT(SET_RV(0x7fff4711, ATTR_S(CKA_LABEL, "x")), CKR_OBJECT_HANDLE_INVALID);
}

static void set_all_or_nothing(void)
{
    CK_OBJECT_HANDLE object = sample();
    EXPECT_FAILURE(SET_RV(object, ATTR_S(CKA_LABEL, "after"), ATTR_U(CKA_CLASS, CKO_SECRET_KEY)));
    expect_label(object, "before");
}

static void set_trusted_by_user(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT_FAILURE(SET_RV(key, ATTR_B(CKA_TRUSTED, CK_TRUE)));
    EXPECT_EQUAL(get_bool(key, CKA_TRUSTED), CK_FALSE);
}

/* Attributes of an AES key that no table lets C_SetAttributeValue change. */
struct fixed {
    const char *name;
    CK_ATTRIBUTE attribute;
};

static const struct fixed fixed[] = {
    {"CKA_CLASS", ATTR_U(CKA_CLASS, CKO_DATA)},
    {"CKA_KEY_TYPE", ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)},
    {"CKA_TOKEN", ATTR_B(CKA_TOKEN, CK_TRUE)},
    {"CKA_PRIVATE", ATTR_B(CKA_PRIVATE, CK_FALSE)},
    {"CKA_MODIFIABLE", ATTR_B(CKA_MODIFIABLE, CK_FALSE)},
    {"CKA_LOCAL", ATTR_B(CKA_LOCAL, CK_TRUE)},
    {"CKA_ALWAYS_SENSITIVE", ATTR_B(CKA_ALWAYS_SENSITIVE, CK_TRUE)},
    {"CKA_NEVER_EXTRACTABLE", ATTR_B(CKA_NEVER_EXTRACTABLE, CK_TRUE)},
    {"CKA_KEY_GEN_MECHANISM", ATTR_U(CKA_KEY_GEN_MECHANISM, CKM_AES_KEY_GEN)},
    {"CKA_VALUE", ATTR_S(CKA_VALUE, "0123456789abcdef")},
    {"CKA_VALUE_LEN", ATTR_U(CKA_VALUE_LEN, 32)},
};

static void fixed_attribute(const void *argument)
{
    const struct fixed *row = argument;
    CK_ATTRIBUTE attribute = row->attribute;
    EXPECT(set_rv(key_aes(16, ANY_LABEL), (struct template){&attribute, 1}),
           CKR_ATTRIBUTE_READ_ONLY);
}

/* ---- C_CopyObject ---- */

static void copy_same(void)
{
    CK_BYTE value[16];
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_X(CKA_ID, "\1\2", 2), ANY_LABEL);
    CK_OBJECT_HANDLE copy = copy_object(HERE, key, NO_ATTRIBUTES);
    expect_label(copy, "conformance");
    EXPECT_BYTES(value, get_bytes(copy, CKA_VALUE, value, sizeof value), key_value(), 16);
    EXPECT_BYTES(value, get_bytes(copy, CKA_ID, value, sizeof value), "\1\2", 2);
    EXPECT_EQUAL(get_ulong(copy, CKA_KEY_TYPE), CKK_AES);
}

static void copy_is_independent(void)
{
    CK_OBJECT_HANDLE object = sample(), copy = COPY(object, ATTR_S(CKA_LABEL, "copy"));
    expect_label(object, "before");
    expect_label(copy, "copy");
    EXPECT_OK(F->C_DestroyObject(S, object));
    EXPECT_TRUE(object_is_alive(S, copy));
}

static void copy_to_token(void)
{
    CK_OBJECT_HANDLE copy =
        COPY(sample(), ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "kept copy"));
    EXPECT_EQUAL(get_bool(copy, CKA_TOKEN), CK_TRUE);
    env_reset();
    env.session = open_session(0);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "kept copy")), 1);
}

static void copy_to_session(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE));
    CK_OBJECT_HANDLE copy = COPY(object, ATTR_B(CKA_TOKEN, CK_FALSE), ATTR_S(CKA_LABEL, "brief"));
    EXPECT_EQUAL(get_bool(copy, CKA_TOKEN), CK_FALSE);
    EXPECT_OK(F->C_CloseSession(S));
    EXPECT_EQUAL(FIND_COUNT(open_session(0), ATTR_S(CKA_LABEL, "brief")), 0);
}

static void copy_to_private(void)
{
    CK_OBJECT_HANDLE copy = COPY(sample(), ATTR_B(CKA_PRIVATE, CK_TRUE));
    EXPECT_EQUAL(get_bool(copy, CKA_PRIVATE), CK_TRUE);
}

static void copy_not_copyable(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_COPYABLE, CK_FALSE));
    EXPECT(COPY_RV(object, ATTR_S(CKA_LABEL, "copy")), CKR_ACTION_PROHIBITED);
}

static void copy_becomes_unextractable(void)
{
    CK_OBJECT_HANDLE copy = COPY(key_aes(16, ANY_LABEL), ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    EXPECT_EQUAL(get_bool(copy, CKA_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(copy, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    expect_secret(copy, CKA_VALUE);
}

static void copy_becomes_sensitive(void)
{
    CK_OBJECT_HANDLE copy = COPY(key_aes(16, ANY_LABEL), ATTR_B(CKA_SENSITIVE, CK_TRUE));
    EXPECT_EQUAL(get_bool(copy, CKA_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(copy, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    expect_secret(copy, CKA_VALUE);
}

static void copy_stays_sensitive(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_SENSITIVE, CK_TRUE));
    EXPECT_ANY(COPY_RV(key, ATTR_B(CKA_SENSITIVE, CK_FALSE)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
    expect_secret(COPY(key, ANY_LABEL), CKA_VALUE);
}

static void copy_stays_unextractable(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    EXPECT_ANY(COPY_RV(key, ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
}

static void copy_keeps_history(void)
{
    CK_OBJECT_HANDLE key =
        GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 16), ATTR_B(CKA_SENSITIVE, CK_TRUE),
                 ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    CK_OBJECT_HANDLE copy = COPY(key, ANY_LABEL);
    EXPECT_EQUAL(get_bool(copy, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_bool(copy, CKA_ALWAYS_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(copy, CKA_NEVER_EXTRACTABLE), CK_TRUE);
    EXPECT_EQUAL(get_ulong(copy, CKA_KEY_GEN_MECHANISM), CKM_AES_KEY_GEN);
}

static void copy_fixed_attributes(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    EXPECT_ANY(COPY_RV(key, ATTR_U(CKA_CLASS, CKO_DATA)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(COPY_RV(key, ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(COPY_RV(key, ATTR_S(CKA_VALUE, "0123456789abcdef")), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(COPY_RV(key, ATTR_B(CKA_LOCAL, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
}

static void copy_unique_id(void)
{
    CK_BYTE one[256], other[256];
    CK_OBJECT_HANDLE object = sample(), copy = COPY(object, ANY_LABEL);
    CK_ULONG length = get_bytes(object, CKA_UNIQUE_ID, one, sizeof one);
    CK_ULONG other_length = get_bytes(copy, CKA_UNIQUE_ID, other, sizeof other);
    EXPECT_TRUE(length != other_length || memcmp(one, other, length) != 0);
}

static void copy_given_unique_id(void)
{
    EXPECT(COPY_RV(sample(), ATTR_S(CKA_UNIQUE_ID, "mine")), CKR_ATTRIBUTE_READ_ONLY);
}

static void copy_unknown_attribute(void)
{
    EXPECT(COPY_RV(sample(), ATTR_S(0x4711, "?")), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void copy_null_arguments(void)
{
    CK_OBJECT_HANDLE copy = 0;
    EXPECT(F->C_CopyObject(S, sample(), NULL, 1, &copy), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_CopyObject(S, sample(), NULL, 0, NULL), CKR_ARGUMENTS_BAD);
}

static void copy_invalid_handle(void)
{
    EXPECT(COPY_RV(CK_INVALID_HANDLE, ANY_LABEL), CKR_OBJECT_HANDLE_INVALID);
    EXPECT(COPY_RV(0x7fff4711, ANY_LABEL), CKR_OBJECT_HANDLE_INVALID);
}

static void copy_read_only_session(void)
{
    CK_ATTRIBUTE token = ATTR_B(CKA_TOKEN, CK_TRUE);
    CK_OBJECT_HANDLE copy = 0;
    EXPECT(F->C_CopyObject(open_session(0), sample(), &token, 1, &copy), CKR_SESSION_READ_ONLY);
}

static void copy_private_public_session(void)
{
    CK_OBJECT_HANDLE copy = 0;
    EXPECT(copy_rv(sample(), TEMPLATE(ATTR_B(CKA_PRIVATE, CK_TRUE)), &copy),
           CKR_USER_NOT_LOGGED_IN);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, set_label, "C_SetAttributeValue", "changes CKA_LABEL"),
    CHECK(FIX_USER, set_lasts, "C_SetAttributeValue", "the change of a token object lasts"),
    CHECK(FIX_USER, set_seen_by_others, "C_SetAttributeValue", "other sessions see and find the change"),
    CHECK(FIX_USER, set_several, "C_SetAttributeValue", "changes several attributes in one call"),
    CHECK(FIX_USER, set_usage_flags, "Footnote 8", "usage flags can be cleared and set"),
    CHECK(FIX_USER, set_flag_takes_effect, "Footnote 8", "a cleared usage flag forbids the use"),
    CHECK(FIX_USER, set_sensitive, "CKA_SENSITIVE", "can become CK_TRUE; CKA_ALWAYS_SENSITIVE stays CK_FALSE"),
    CHECK(FIX_USER, set_unextractable, "CKA_EXTRACTABLE", "can become CK_FALSE; CKA_NEVER_EXTRACTABLE stays CK_FALSE"),
    CHECK(FIX_USER, set_wrap_with_trusted, "CKA_WRAP_WITH_TRUSTED", "once set CK_TRUE it stays"),
    CHECK(FIX_USER, set_certificate, "X.509 certificates", "only CKA_ID, CKA_ISSUER and CKA_SERIAL_NUMBER change"),
    CHECK(FIX_USER, one_way_sensitive, "Footnote 11", "CKA_SENSITIVE: CKR_ATTRIBUTE_READ_ONLY back to CK_FALSE"),
    CHECK(FIX_USER, one_way_extractable, "Footnote 12", "CKA_EXTRACTABLE: CKR_ATTRIBUTE_READ_ONLY back to CK_TRUE"),
    CHECK(FIX_USER, one_way_private_key, "Footnotes 11 and 12", "the same on a private key"),
    CHECK(FIX_USER, one_way_wrap_with_trusted, "Footnote 11", "CKA_WRAP_WITH_TRUSTED: CKR_ATTRIBUTE_READ_ONLY back to CK_FALSE"),
    CHECK(FIX_USER, one_way_copyable, "CKA_COPYABLE", "can't be set to CK_TRUE once CK_FALSE"),
    CHECK(FIX_USER, not_modifiable, "C_SetAttributeValue", "CKR_ACTION_PROHIBITED when CKA_MODIFIABLE is CK_FALSE"),
    CHECK(FIX_USER, set_read_only_session, "C_SetAttributeValue", "CKR_SESSION_READ_ONLY for a token object in a R/O session"),
    CHECK(FIX_USER, set_session_object_read_only, "C_SetAttributeValue", "session objects can be modified in a R/O session"),
    CHECK(FIX_USER, set_unknown_attribute, "C_SetAttributeValue", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute"),
    CHECK(FIX_USER, set_wrong_size, "C_SetAttributeValue", "CKR_ATTRIBUTE_VALUE_INVALID for a CK_BBOOL of the wrong size"),
    CHECK(FIX_USER, set_null_template, "C_SetAttributeValue", "CKR_ARGUMENTS_BAD for a NULL template"),
    CHECK(FIX_USER, set_invalid_handle, "C_SetAttributeValue", "CKR_OBJECT_HANDLE_INVALID for what is no handle"),
    CHECK(FIX_USER, set_all_or_nothing, "Functions", "a failed call changes no attribute"),
    CHECK(FIX_USER, set_trusted_by_user, "CKA_TRUSTED", "can't be set to CK_TRUE by the user"),
    CHECK(FIX_USER, copy_same, "C_CopyObject", "copies the attributes; the template may be empty"),
    CHECK(FIX_USER, copy_is_independent, "C_CopyObject", "the copy is an object of its own"),
    CHECK(FIX_USER, copy_to_token, "C_CopyObject", "a session object can become a token object"),
    CHECK(FIX_USER, copy_to_session, "C_CopyObject", "a token object can become a session object"),
    CHECK(FIX_USER, copy_to_private, "C_CopyObject", "a public object can become a private one"),
    CHECK(FIX_USER, copy_not_copyable, "C_CopyObject", "CKR_ACTION_PROHIBITED when CKA_COPYABLE is CK_FALSE"),
    CHECK(FIX_USER, copy_becomes_unextractable, "C_CopyObject", "CKA_EXTRACTABLE may become CK_FALSE, CKA_NEVER_EXTRACTABLE stays CK_FALSE"),
    CHECK(FIX_USER, copy_becomes_sensitive, "C_CopyObject", "CKA_SENSITIVE may become CK_TRUE, CKA_ALWAYS_SENSITIVE is the original's"),
    CHECK(FIX_USER, copy_stays_sensitive, "C_CopyObject", "CKA_SENSITIVE can't become CK_FALSE"),
    CHECK(FIX_USER, copy_stays_unextractable, "C_CopyObject", "CKA_EXTRACTABLE can't become CK_TRUE"),
    CHECK(FIX_USER, copy_keeps_history, "C_CopyObject", "CKA_LOCAL and its like are the original's"),
    CHECK(FIX_USER, copy_fixed_attributes, "C_CopyObject", "refuses attributes that can't be modified"),
    CHECK(FIX_USER, copy_unique_id, "C_CopyObject", "the copy has a CKA_UNIQUE_ID of its own"),
    CHECK(FIX_USER, copy_given_unique_id, "CKA_UNIQUE_ID", "CKR_ATTRIBUTE_READ_ONLY in C_CopyObject's template"),
    CHECK(FIX_USER, copy_unknown_attribute, "C_CopyObject", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute"),
    CHECK(FIX_USER, copy_null_arguments, "C_CopyObject", "CKR_ARGUMENTS_BAD for a NULL template or phNewObject"),
    CHECK(FIX_USER, copy_invalid_handle, "C_CopyObject", "CKR_OBJECT_HANDLE_INVALID for what is no handle"),
    CHECK(FIX_USER, copy_read_only_session, "C_CopyObject", "CKR_SESSION_READ_ONLY for a token copy in a R/O session"),
    CHECK(FIX_PUBLIC, copy_private_public_session, "C_CopyObject", "CKR_USER_NOT_LOGGED_IN for a private copy in a public session"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, fixed_attribute, "Modifying objects", "CKR_ATTRIBUTE_READ_ONLY for what no footnote lets change"),
};
/* clang-format on */

void chapter_modify(void)
{
    check_add_table("modify", checks);
    check_add_rows("modify", row_checks, fixed);
}
