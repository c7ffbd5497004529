/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Creating, destroying and sizing objects.
 */
#include <string.h>

#include "keys.h"

#define DATA_BASE ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_FALSE)
#define AES_BASE                                                                                   \
    ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES),                              \
        ATTR_X(CKA_VALUE, key_value(), 16)

/* ---- template rules ---- */

static void null_template(void)
{
    CK_OBJECT_HANDLE object = 0;
    EXPECT(F->C_CreateObject(S, NULL, 2, &object), CKR_ARGUMENTS_BAD);
}

static void null_handle(void)
{
    CK_ATTRIBUTE template[] = {DATA_BASE};
    EXPECT(F->C_CreateObject(S, template, COUNT(template), NULL), CKR_ARGUMENTS_BAD);
}

static void empty_template(void)
{
    CK_OBJECT_HANDLE object = 0;
    EXPECT_ANY(F->C_CreateObject(S, NULL, 0, &object), CKR_TEMPLATE_INCOMPLETE, CKR_ARGUMENTS_BAD);
}

static void without_class(void)
{
    EXPECT(CREATE_RV(ATTR_S(CKA_LABEL, "no class")), CKR_TEMPLATE_INCOMPLETE);
}

static void unknown_class(void)
{
    EXPECT_ANY(CREATE_RV(ATTR_U(CKA_CLASS, 0x4711)), CKR_ATTRIBUTE_VALUE_INVALID,
               CKR_TEMPLATE_INCONSISTENT);
}

static void unknown_attribute(void)
{
    EXPECT(CREATE_RV(DATA_BASE, ATTR_S(0x4711, "?")), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void class_of_wrong_size(void)
{
    EXPECT(CREATE_RV(ATTR_X(CKA_CLASS, &(CK_ULONG){CKO_DATA}, 3)), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void bool_of_wrong_size(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_X(CKA_TOKEN, "\0\0", 2)),
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_X(CKA_PRIVATE, "", 0)),
           CKR_ATTRIBUTE_VALUE_INVALID);
}

static void null_value(void)
{
    EXPECT_ANY(CREATE_RV(DATA_BASE, ATTR_X(CKA_LABEL, NULL, 5)), CKR_ATTRIBUTE_VALUE_INVALID,
               CKR_ARGUMENTS_BAD);
}

static void same_value_twice(void)
{
    EXPECT_ANY(CREATE_RV(DATA_BASE, ATTR_S(CKA_LABEL, "same"), ATTR_S(CKA_LABEL, "same")), CKR_OK,
               CKR_TEMPLATE_INCONSISTENT);
}

static void two_values(void)
{
    EXPECT(CREATE_RV(DATA_BASE, ATTR_S(CKA_LABEL, "one"), ATTR_S(CKA_LABEL, "two")),
           CKR_TEMPLATE_INCONSISTENT);
}

static void attribute_of_other_class(void)
{
    EXPECT(CREATE_RV(AES_BASE, ATTR_X(CKA_MODULUS, key_value(), 128)), CKR_TEMPLATE_INCONSISTENT);
}

static void key_attribute_on_data(void)
{
    EXPECT(CREATE_RV(DATA_BASE, ATTR_B(CKA_SIGN, CK_TRUE)), CKR_TEMPLATE_INCONSISTENT);
}

static void nothing_made_on_error(void)
{
    EXPECT_FAILURE(CREATE_RV(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "ghost"),
                             ATTR_S(0x4711, "?")));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "ghost")), 0);
}

static void mechanism_object(void)
{
    EXPECT_FAILURE(
        CREATE_RV(ATTR_U(CKA_CLASS, CKO_MECHANISM), ATTR_U(CKA_MECHANISM_TYPE, CKM_AES_ECB)));
}

static void hardware_feature(void)
{
    EXPECT_FAILURE(
        CREATE_RV(ATTR_U(CKA_CLASS, CKO_HW_FEATURE), ATTR_U(CKA_HW_FEATURE_TYPE, CKH_CLOCK)));
}

static void many_attributes(void)
{
    CK_ATTRIBUTE template[40] = {ATTR_U(CKA_CLASS, CKO_DATA)};
    CK_OBJECT_HANDLE object = 0;
    for (size_t i = 1; i < COUNT(template); i++)
        template[i] = (CK_ATTRIBUTE){CKA_LABEL, "same", 4};
    EXPECT_ANY(create_rv((struct template){template, COUNT(template)}, &object), CKR_OK,
               CKR_TEMPLATE_INCONSISTENT);
}

/* ---- data objects and certificates ---- */

static void data_defaults(void)
{
    CK_BYTE value[8];
    CK_OBJECT_HANDLE object = CREATE(ATTR_U(CKA_CLASS, CKO_DATA));
    EXPECT_EQUAL(get_bool(object, CKA_TOKEN), CK_FALSE);
    EXPECT_EQUAL(get_bool(object, CKA_MODIFIABLE), CK_TRUE);
    EXPECT_EQUAL(get_bool(object, CKA_COPYABLE), CK_TRUE);
    EXPECT_EQUAL(get_bool(object, CKA_DESTROYABLE), CK_TRUE);
    EXPECT_EQUAL(get_bytes(object, CKA_LABEL, value, sizeof value), 0);
    EXPECT_EQUAL(get_bytes(object, CKA_APPLICATION, value, sizeof value), 0);
    EXPECT_EQUAL(get_bytes(object, CKA_OBJECT_ID, value, sizeof value), 0);
    EXPECT_EQUAL(get_bytes(object, CKA_VALUE, value, sizeof value), 0);
}

static void data_contents(void)
{
    CK_BYTE value[512];
    CK_OBJECT_HANDLE object =
        CREATE(DATA_BASE, ATTR_S(CKA_LABEL, "label"), ATTR_S(CKA_APPLICATION, "application"),
               ATTR_X(CKA_OBJECT_ID, "\x06\x01\x2a", 3), ATTR_X(CKA_VALUE, key_value(), 500));
    EXPECT_BYTES(value, get_bytes(object, CKA_LABEL, value, sizeof value), "label", 5);
    EXPECT_BYTES(value, get_bytes(object, CKA_APPLICATION, value, sizeof value), "application", 11);
    EXPECT_BYTES(value, get_bytes(object, CKA_OBJECT_ID, value, sizeof value), "\x06\x01\x2a", 3);
    EXPECT_BYTES(value, get_bytes(object, CKA_VALUE, value, sizeof value), key_value(), 500);
    EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_DATA);
}

static void data_large(void)
{
    static CK_BYTE big[70000], back[70000];
    fill_bytes(big, sizeof big, 3);
    CK_OBJECT_HANDLE object =
        CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_X(CKA_VALUE, big, sizeof big));
    EXPECT_BYTES(back, get_bytes(object, CKA_VALUE, back, sizeof back), big, sizeof big);
}

#define CERTIFICATE_BASE                                                                           \
    ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),                   \
        ATTR_X(CKA_SUBJECT, certificate.subject, certificate.subject_length)
#define CERTIFICATE_VALUE ATTR_X(CKA_VALUE, certificate.value, certificate.value_length)

static void certificate_created(void)
{
    CK_BYTE value[1024];
    CK_OBJECT_HANDLE object =
        CREATE(CERTIFICATE_BASE, CERTIFICATE_VALUE,
               ATTR_X(CKA_SERIAL_NUMBER, certificate.serial, certificate.serial_length),
               ATTR_X(CKA_ISSUER, certificate.subject, certificate.subject_length));
    EXPECT_BYTES(value, get_bytes(object, CKA_VALUE, value, sizeof value), certificate.value,
                 certificate.value_length);
    EXPECT_BYTES(value, get_bytes(object, CKA_SUBJECT, value, sizeof value), certificate.subject,
                 certificate.subject_length);
    EXPECT_EQUAL(get_ulong(object, CKA_CERTIFICATE_TYPE), CKC_X_509);
    EXPECT_EQUAL(get_bool(object, CKA_TRUSTED), CK_FALSE);
    EXPECT_EQUAL(get_ulong(object, CKA_CERTIFICATE_CATEGORY), CK_CERTIFICATE_CATEGORY_UNSPECIFIED);
}

/* Who leaves it out means SHA-1; a token may say so, or have no such attribute then. */
static void certificate_name_hash(void)
{
    CK_ULONG hash = 0;
    CK_ATTRIBUTE named = {CKA_NAME_HASH_ALGORITHM, &hash, sizeof hash};
    CK_OBJECT_HANDLE object = CREATE(CERTIFICATE_BASE, CERTIFICATE_VALUE);
    CK_RV rv = F->C_GetAttributeValue(S, object, &named, 1);
    EXPECT_ANY(rv, CKR_OK, CKR_ATTRIBUTE_TYPE_INVALID);
    EXPECT_TRUE(rv != CKR_OK || hash == CKM_SHA_1);
    object =
        CREATE(CERTIFICATE_BASE, CERTIFICATE_VALUE, ATTR_U(CKA_NAME_HASH_ALGORITHM, CKM_SHA256));
    EXPECT_EQUAL(get_ulong(object, CKA_NAME_HASH_ALGORITHM), CKM_SHA256);
}

static void certificate_incomplete(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), CERTIFICATE_VALUE),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
                     CERTIFICATE_VALUE),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT(CREATE_RV(CERTIFICATE_BASE), CKR_TEMPLATE_INCOMPLETE);
}

static void certificate_unknown_type(void)
{
    EXPECT_ANY(CREATE_RV(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, 0x4711),
                         CERTIFICATE_VALUE),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

static void certificate_url(void)
{
    CK_BYTE value[64];
    CK_OBJECT_HANDLE object =
        CREATE(CERTIFICATE_BASE, ATTR_X(CKA_VALUE, "", 0), ATTR_S(CKA_URL, "https://example.org/c"),
               ATTR_X(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, key_value(), 20),
               ATTR_X(CKA_HASH_OF_ISSUER_PUBLIC_KEY, key_value(), 20));
    EXPECT_BYTES(value, get_bytes(object, CKA_URL, value, sizeof value), "https://example.org/c",
                 21);
}

static void trusted_by_user(void)
{
    EXPECT_ANY(CREATE_RV(CERTIFICATE_BASE, CERTIFICATE_VALUE, ATTR_B(CKA_TRUSTED, CK_TRUE)),
               CKR_ATTRIBUTE_READ_ONLY, CKR_USER_NOT_LOGGED_IN, CKR_TEMPLATE_INCONSISTENT,
               CKR_ATTRIBUTE_VALUE_INVALID);
}

static void trusted_by_so(void)
{
    CK_OBJECT_HANDLE object = CREATE(CERTIFICATE_BASE, CERTIFICATE_VALUE,
                                     ATTR_B(CKA_PRIVATE, CK_FALSE), ATTR_B(CKA_TRUSTED, CK_TRUE));
    EXPECT_EQUAL(get_bool(object, CKA_TRUSTED), CK_TRUE);
}

static void attribute_certificate(void)
{
    CK_OBJECT_HANDLE object = 0;
    CK_RV rv =
        create_rv(TEMPLATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE),
                           ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509_ATTR_CERT),
                           ATTR_X(CKA_OWNER, certificate.subject, certificate.subject_length),
                           ATTR_X(CKA_VALUE, key_value(), 100)),
                  &object);
    if (rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT)
        check_skip("attribute certificates are not supported");
    EXPECT_OK(rv);
    EXPECT_EQUAL(get_ulong(object, CKA_CERTIFICATE_TYPE), CKC_X_509_ATTR_CERT);
}

/* ---- keys ---- */

static void key_without_type(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_X(CKA_VALUE, key_value(), 16)),
           CKR_TEMPLATE_INCOMPLETE);
}

static void key_unknown_type(void)
{
    EXPECT_ANY(CREATE_RV(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, 0x4711),
                         ATTR_X(CKA_VALUE, key_value(), 16)),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

static void key_type_of_other_class(void)
{
    EXPECT_ANY(CREATE_RV(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
                         ATTR_X(CKA_VALUE, key_value(), 16)),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

static void key_without_value(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)),
           CKR_TEMPLATE_INCOMPLETE);
}

static void aes_of_wrong_length(void)
{
    EXPECT_ANY(key_secret_rv(CKK_AES, key_value(), 17, NO_ATTRIBUTES, &(CK_OBJECT_HANDLE){0}),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(key_secret_rv(CKK_AES, key_value(), 0, NO_ATTRIBUTES, &(CK_OBJECT_HANDLE){0}),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCOMPLETE);
}

static void aes_created(void)
{
    CK_BYTE value[32];
    for (CK_ULONG length = 16; length <= 32; length += 8) {
        CK_OBJECT_HANDLE key = key_aes(length, ANY_LABEL);
        EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
        EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), length);
        EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), key_value(), length);
    }
}

static void created_history(void)
{
    const CK_OBJECT_HANDLE keys[] = {
        key_aes(16, ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE)),
        key_rsa_private(ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE)),
    };
    for (size_t i = 0; i < COUNT(keys); i++) {
        EXPECT_EQUAL(get_bool(keys[i], CKA_LOCAL), CK_FALSE);
        EXPECT_EQUAL(get_bool(keys[i], CKA_ALWAYS_SENSITIVE), CK_FALSE);
        EXPECT_EQUAL(get_bool(keys[i], CKA_NEVER_EXTRACTABLE), CK_FALSE);
        EXPECT_EQUAL(get_ulong(keys[i], CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
    }
}

static void key_defaults(void)
{
    CK_BYTE value[8];
    CK_OBJECT_HANDLE key = CREATE(AES_BASE, ATTR_B(CKA_PRIVATE, CK_TRUE));
    EXPECT_EQUAL(get_bytes(key, CKA_ID, value, sizeof value), 0);
    EXPECT_EQUAL(get_bytes(key, CKA_START_DATE, value, sizeof value), 0);
    EXPECT_EQUAL(get_bytes(key, CKA_END_DATE, value, sizeof value), 0);
    EXPECT_EQUAL(get_bool(key, CKA_DERIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_WRAP_WITH_TRUSTED), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_TRUSTED), CK_FALSE);
}

static void rsa_public_created(void)
{
    CK_BYTE value[512];
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    EXPECT_EQUAL(get_ulong(key, CKA_MODULUS_BITS), 2048);
    EXPECT_BYTES(value, get_bytes(key, CKA_PUBLIC_EXPONENT, value, sizeof value), "\1\0\1", 3);
    EXPECT_EQUAL(get_bytes(key, CKA_MODULUS, value, sizeof value), RSA_BYTES);
}

static void rsa_public_incomplete(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
                     ATTR_X(CKA_PUBLIC_EXPONENT, "\1\0\1", 3)),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
                     ATTR_X(CKA_MODULUS, key_value(), 256)),
           CKR_TEMPLATE_INCOMPLETE);
}

static void rsa_private_incomplete(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
                     ATTR_B(CKA_PRIVATE, CK_TRUE), ATTR_X(CKA_MODULUS, key_value(), 256),
                     ATTR_X(CKA_PUBLIC_EXPONENT, "\1\0\1", 3)),
           CKR_TEMPLATE_INCOMPLETE);
}

static void ec_public_created(void)
{
    CK_BYTE value[256], der[256];
    CK_OBJECT_HANDLE key = key_curve_public(&curves[P256], ANY_LABEL);
    CK_ULONG length = der_octets(curves[P256].public, curves[P256].public_length, der);
    EXPECT_BYTES(value, get_bytes(key, CKA_EC_POINT, value, sizeof value), der, length);
    EXPECT_BYTES(value, get_bytes(key, CKA_EC_PARAMS, value, sizeof value), curves[P256].params,
                 curves[P256].params_length);
}

static void ec_public_incomplete(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC),
                     ATTR_X(CKA_EC_PARAMS, curves[P256].params, curves[P256].params_length)),
           CKR_TEMPLATE_INCOMPLETE);
}

static void ec_private_created(void)
{
    CK_BYTE value[256];
    CK_OBJECT_HANDLE key = key_curve_private(&curves[P256], ANY_LABEL);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_EC);
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), curves[P256].private,
                 curves[P256].private_length);
}

static void ec_private_incomplete(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC),
                     ATTR_B(CKA_PRIVATE, CK_TRUE),
                     ATTR_X(CKA_VALUE, curves[P256].private, curves[P256].private_length)),
           CKR_TEMPLATE_INCOMPLETE);
}

static void edwards_created(void)
{
    CK_BYTE value[256];
    require_mechanism(CKM_EDDSA, 0);
    CK_OBJECT_HANDLE key = key_curve_public(&curves[ED25519], ANY_LABEL);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_EC_EDWARDS);
    EXPECT_BYTES(value, get_bytes(key, CKA_EC_POINT, value, sizeof value), curves[ED25519].public,
                 curves[ED25519].public_length);
}

static void montgomery_created(void)
{
    CK_BYTE value[256];
    require_mechanism(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 0);
    CK_OBJECT_HANDLE key = key_curve_public(&curves[X25519], ANY_LABEL);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_EC_MONTGOMERY);
    EXPECT_BYTES(value, get_bytes(key, CKA_EC_POINT, value, sizeof value), curves[X25519].public,
                 curves[X25519].public_length);
}

/* ---- where and by whom ---- */

static void token_object_read_only(void)
{
    CK_ATTRIBUTE template[] = {DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE)};
    CK_OBJECT_HANDLE object = 0;
    EXPECT(F->C_CreateObject(open_session(0), template, COUNT(template), &object),
           CKR_SESSION_READ_ONLY);
}

static void session_object_read_only(void)
{
    CK_ATTRIBUTE template[] = {DATA_BASE, ATTR_B(CKA_TOKEN, CK_FALSE)};
    CK_OBJECT_HANDLE object = 0;
    EXPECT_OK(F->C_CreateObject(open_session(0), template, COUNT(template), &object));
}

static void private_without_login(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_TRUE)),
           CKR_USER_NOT_LOGGED_IN);
}

static void private_by_so(void)
{
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_TRUE)),
           CKR_USER_NOT_LOGGED_IN);
}

static void public_without_login(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_FALSE));
    EXPECT_EQUAL(get_bool(object, CKA_PRIVATE), CK_FALSE);
}

/* ---- read-only attributes in C_CreateObject's template ---- */

struct refused {
    const char *name;
    CK_ATTRIBUTE attribute;
};

static const struct refused refused[] = {
    {"CKA_LOCAL", ATTR_B(CKA_LOCAL, CK_TRUE)},
    {"CKA_ALWAYS_SENSITIVE", ATTR_B(CKA_ALWAYS_SENSITIVE, CK_TRUE)},
    {"CKA_NEVER_EXTRACTABLE", ATTR_B(CKA_NEVER_EXTRACTABLE, CK_TRUE)},
    {"CKA_KEY_GEN_MECHANISM", ATTR_U(CKA_KEY_GEN_MECHANISM, CKM_AES_KEY_GEN)},
    {"CKA_UNIQUE_ID", ATTR_S(CKA_UNIQUE_ID, "mine")},
    {"CKA_VALUE_LEN", ATTR_U(CKA_VALUE_LEN, 16)},
};

static void read_only_attribute(const void *argument)
{
    const struct refused *row = argument;
    CK_ATTRIBUTE template[] = {AES_BASE, row->attribute};
    EXPECT_ANY(create_rv((struct template){template, COUNT(template)}, &(CK_OBJECT_HANDLE){0}),
               CKR_ATTRIBUTE_READ_ONLY);
}

/* ---- C_DestroyObject ---- */

static void destroyed_is_gone(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_S(CKA_LABEL, "gone"));
    EXPECT_OK(F->C_DestroyObject(S, object));
    EXPECT_TRUE(!object_is_alive(S, object));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "gone")), 0);
    EXPECT(F->C_DestroyObject(S, object), CKR_OBJECT_HANDLE_INVALID);
}

static void destroyed_for_others(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE));
    EXPECT_OK(F->C_DestroyObject(S, object));
    EXPECT_TRUE(!object_is_alive(other, object));
}

static void destroy_invalid_handle(void)
{
    EXPECT(F->C_DestroyObject(S, CK_INVALID_HANDLE), CKR_OBJECT_HANDLE_INVALID);
    EXPECT(F->C_DestroyObject(S, 0x7fff4711), CKR_OBJECT_HANDLE_INVALID);
}

static void destroy_not_destroyable(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_DESTROYABLE, CK_FALSE));
    EXPECT_EQUAL(get_bool(object, CKA_DESTROYABLE), CK_FALSE);
    EXPECT(F->C_DestroyObject(S, object), CKR_ACTION_PROHIBITED);
    EXPECT_TRUE(object_is_alive(S, object));
}

static void destroy_read_only(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE));
    EXPECT(F->C_DestroyObject(open_session(0), object), CKR_SESSION_READ_ONLY);
    EXPECT_TRUE(object_is_alive(S, object));
}

static void destroy_session_object_read_only(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_FALSE));
    EXPECT_OK(F->C_DestroyObject(open_session(0), object));
}

static void destroyed_key_is_no_key(void)
{
    CK_OBJECT_HANDLE key = key_hmac(32, CK_FALSE);
    EXPECT_OK(F->C_DestroyObject(S, key));
    EXPECT_ANY(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key), CKR_KEY_HANDLE_INVALID,
               CKR_OBJECT_HANDLE_INVALID);
}

static void handle_in_other_session(void)
{
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_B(CKA_TOKEN, CK_TRUE));
    EXPECT_TRUE(object_is_alive(open_session(0), object));
}

/* ---- C_GetObjectSize ---- */

static void size_known(void)
{
    CK_ULONG size = 0;
    CK_OBJECT_HANDLE object = CREATE(DATA_BASE, ATTR_X(CKA_VALUE, key_value(), 500));
    CK_RV rv = F->C_GetObjectSize(S, object, &size);
    EXPECT_ANY(rv, CKR_OK, CKR_INFORMATION_SENSITIVE);
    if (rv == CKR_OK)
        EXPECT_TRUE(size > 0);
}

static void size_null_argument(void)
{
    EXPECT(F->C_GetObjectSize(S, CREATE(DATA_BASE), NULL), CKR_ARGUMENTS_BAD);
}

static void size_invalid_handle(void)
{
    CK_ULONG size = 0;
    EXPECT(F->C_GetObjectSize(S, 0x7fff4711, &size), CKR_OBJECT_HANDLE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, null_template, "C_CreateObject", "CKR_ARGUMENTS_BAD for a NULL template of some attributes"),
    CHECK(FIX_USER, null_handle, "C_CreateObject", "CKR_ARGUMENTS_BAD for a NULL phObject"),
    CHECK(FIX_USER, empty_template, "C_CreateObject", "refuses a template without attributes"),
    CHECK(FIX_USER, without_class, "CKA_CLASS", "CKR_TEMPLATE_INCOMPLETE without it"),
    CHECK(FIX_USER, unknown_class, "Creating objects", "an unknown class is refused"),
    CHECK(FIX_USER, unknown_attribute, "Creating objects", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute"),
    CHECK(FIX_USER, class_of_wrong_size, "Creating objects", "CKR_ATTRIBUTE_VALUE_INVALID for a number of the wrong size"),
    CHECK(FIX_USER, bool_of_wrong_size, "Creating objects", "CKR_ATTRIBUTE_VALUE_INVALID for a CK_BBOOL of the wrong size"),
    CHECK(FIX_USER, null_value, "Creating objects", "a NULL value with a length is refused"),
    CHECK(FIX_USER, same_value_twice, "Creating objects", "the same value twice works or is CKR_TEMPLATE_INCONSISTENT"),
    CHECK(FIX_USER, two_values, "Creating objects", "CKR_TEMPLATE_INCONSISTENT for two values of one attribute"),
    CHECK(FIX_USER, attribute_of_other_class, "Creating objects", "CKR_TEMPLATE_INCONSISTENT for a secret key with CKA_MODULUS"),
    CHECK(FIX_USER, key_attribute_on_data, "Creating objects", "CKR_TEMPLATE_INCONSISTENT for a data object with CKA_SIGN"),
    CHECK(FIX_USER, nothing_made_on_error, "C_CreateObject", "creates nothing when it fails"),
    CHECK(FIX_USER, mechanism_object, "Creating objects", "mechanism objects can't be created"),
    CHECK(FIX_USER, hardware_feature, "Creating objects", "hardware features can't be created"),
    CHECK(FIX_USER, many_attributes, "C_CreateObject", "a template of 40 attributes does no harm"),
    CHECK(FIX_USER, data_defaults, "Data objects", "defaults of the tables"),
    CHECK(FIX_USER, data_contents, "Data objects", "hold what was put in"),
    CHECK(FIX_USER, data_large, "Data objects", "hold 70,000 bytes"),
    CHECK(FIX_USER, certificate_created, "X.509 certificates", "hold what was put in, with the defaults"),
    CHECK(FIX_USER, certificate_name_hash, "X.509 certificates", "CKA_NAME_HASH_ALGORITHM is SHA-1 where nobody says another"),
    CHECK(FIX_USER, certificate_incomplete, "X.509 certificates", "CKR_TEMPLATE_INCOMPLETE without type, subject or value"),
    CHECK(FIX_USER, certificate_unknown_type, "Certificate objects", "an unknown certificate type is refused"),
    CHECK(FIX_USER, certificate_url, "X.509 certificates", "may have a URL in place of the value"),
    CHECK(FIX_USER, trusted_by_user, "CKA_TRUSTED", "can't be set to CK_TRUE by the user"),
    CHECK(FIX_SO, trusted_by_so, "CKA_TRUSTED", "can be set to CK_TRUE by the SO"),
    CHECK(FIX_USER, attribute_certificate, "X.509 attribute certificates", "are objects"),
    CHECK(FIX_USER, key_without_type, "CKA_KEY_TYPE", "CKR_TEMPLATE_INCOMPLETE without it"),
    CHECK(FIX_USER, key_unknown_type, "CKA_KEY_TYPE", "an unknown type is refused"),
    CHECK(FIX_USER, key_type_of_other_class, "CKA_KEY_TYPE", "a secret key of type CKK_RSA is refused"),
    CHECK(FIX_USER, key_without_value, "AES secret keys", "CKR_TEMPLATE_INCOMPLETE without CKA_VALUE"),
    CHECK(FIX_USER, aes_of_wrong_length, "AES secret keys", "a value of other than 16, 24 or 32 bytes is refused"),
    CHECK(FIX_USER, aes_created, "AES secret keys", "CKA_VALUE and CKA_VALUE_LEN read back"),
    CHECK(FIX_USER, created_history, "C_CreateObject", "CKA_LOCAL, _ALWAYS_SENSITIVE, _NEVER_EXTRACTABLE CK_FALSE, no CKA_KEY_GEN_MECHANISM"),
    CHECK(FIX_USER, key_defaults, "Key objects", "defaults of the tables"),
    CHECK(FIX_USER, rsa_public_created, "RSA public keys", "modulus, its bits and exponent read back"),
    CHECK(FIX_USER, rsa_public_incomplete, "RSA public keys", "CKR_TEMPLATE_INCOMPLETE without modulus or exponent"),
    CHECK(FIX_USER, rsa_private_incomplete, "RSA private keys", "CKR_TEMPLATE_INCOMPLETE without the private exponent"),
    CHECK(FIX_USER, ec_public_created, "EC public keys", "parameters and point read back as DER"),
    CHECK(FIX_USER, ec_public_incomplete, "EC public keys", "CKR_TEMPLATE_INCOMPLETE without CKA_EC_POINT"),
    CHECK(FIX_USER, ec_private_created, "EC private keys", "parameters and value read back"),
    CHECK(FIX_USER, ec_private_incomplete, "EC private keys", "CKR_TEMPLATE_INCOMPLETE without CKA_EC_PARAMS"),
    CHECK(FIX_USER, edwards_created, "Edwards EC public keys", "CKA_EC_POINT holds the bytes of RFC 8032"),
    CHECK(FIX_USER, montgomery_created, "Montgomery EC public keys", "CKA_EC_POINT holds the bytes of RFC 7748"),
    CHECK(FIX_USER, token_object_read_only, "C_CreateObject", "CKR_SESSION_READ_ONLY for a token object in a R/O session"),
    CHECK(FIX_USER, session_object_read_only, "C_CreateObject", "session objects can be created in a R/O session"),
    CHECK(FIX_PUBLIC, private_without_login, "C_CreateObject", "CKR_USER_NOT_LOGGED_IN for a private object in a public session"),
    CHECK(FIX_SO, private_by_so, "C_CreateObject", "CKR_USER_NOT_LOGGED_IN for a private object of the SO's"),
    CHECK(FIX_PUBLIC, public_without_login, "C_CreateObject", "public session objects can be created without login"),
    CHECK(FIX_USER, destroyed_is_gone, "C_DestroyObject", "the handle is invalid and nothing is found"),
    CHECK(FIX_USER, destroyed_for_others, "C_DestroyObject", "the object is gone for other sessions"),
    CHECK(FIX_USER, destroy_invalid_handle, "C_DestroyObject", "CKR_OBJECT_HANDLE_INVALID for what is no handle"),
    CHECK(FIX_USER, destroy_not_destroyable, "C_DestroyObject", "CKR_ACTION_PROHIBITED when CKA_DESTROYABLE is CK_FALSE"),
    CHECK(FIX_USER, destroy_read_only, "C_DestroyObject", "CKR_SESSION_READ_ONLY for a token object in a R/O session"),
    CHECK(FIX_USER, destroy_session_object_read_only, "C_DestroyObject", "session objects can be destroyed in a R/O session"),
    CHECK(FIX_USER, destroyed_key_is_no_key, "C_DestroyObject", "a destroyed key can't be used"),
    CHECK(FIX_USER, handle_in_other_session, "Object handles", "are valid in all sessions of the application"),
    CHECK(FIX_USER, size_known, "C_GetObjectSize", "gives a size or CKR_INFORMATION_SENSITIVE"),
    CHECK(FIX_USER, size_null_argument, "C_GetObjectSize", "CKR_ARGUMENTS_BAD for a NULL pulSize"),
    CHECK(FIX_USER, size_invalid_handle, "C_GetObjectSize", "CKR_OBJECT_HANDLE_INVALID for what is no handle"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, read_only_attribute, "Creating objects", "CKR_ATTRIBUTE_READ_ONLY for what only the token sets"),
};
/* clang-format on */

void chapter_objects(void)
{
    check_add_table("objects", checks);
    check_add_rows("objects", row_checks, refused);
}
