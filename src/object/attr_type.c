/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dictionary of attribute types.
 */
#include "object/attr_type.h"

#include "base/banned.h"

/* clang-format off */
static const struct kk_attr_type types[] = {
    { CKA_CLASS, KK_DATA_ULONG, false },
    { CKA_TOKEN, KK_DATA_BOOL, false },
    { CKA_PRIVATE, KK_DATA_BOOL, false },
    { CKA_LABEL, KK_DATA_BYTES, false },
    { CKA_UNIQUE_ID, KK_DATA_BYTES, false },
    { CKA_APPLICATION, KK_DATA_BYTES, false },
    { CKA_VALUE, KK_DATA_BYTES, true },
    { CKA_OBJECT_ID, KK_DATA_BYTES, false },
    { CKA_CERTIFICATE_TYPE, KK_DATA_ULONG, false },
    { CKA_ISSUER, KK_DATA_BYTES, false },
    { CKA_SERIAL_NUMBER, KK_DATA_BYTES, false },
    { CKA_AC_ISSUER, KK_DATA_BYTES, false },
    { CKA_OWNER, KK_DATA_BYTES, false },
    { CKA_ATTR_TYPES, KK_DATA_BYTES, false },
    { CKA_TRUSTED, KK_DATA_BOOL, false },
    { CKA_CERTIFICATE_CATEGORY, KK_DATA_ULONG, false },
    { CKA_JAVA_MIDP_SECURITY_DOMAIN, KK_DATA_ULONG, false },
    { CKA_URL, KK_DATA_BYTES, false },
    { CKA_HASH_OF_SUBJECT_PUBLIC_KEY, KK_DATA_BYTES, false },
    { CKA_HASH_OF_ISSUER_PUBLIC_KEY, KK_DATA_BYTES, false },
    { CKA_NAME_HASH_ALGORITHM, KK_DATA_ULONG, false },
    { CKA_CHECK_VALUE, KK_DATA_BYTES, false },
    { CKA_KEY_TYPE, KK_DATA_ULONG, false },
    { CKA_SUBJECT, KK_DATA_BYTES, false },
    { CKA_ID, KK_DATA_BYTES, false },
    { CKA_SENSITIVE, KK_DATA_BOOL, false },
    { CKA_ENCRYPT, KK_DATA_BOOL, false },
    { CKA_DECRYPT, KK_DATA_BOOL, false },
    { CKA_WRAP, KK_DATA_BOOL, false },
    { CKA_UNWRAP, KK_DATA_BOOL, false },
    { CKA_SIGN, KK_DATA_BOOL, false },
    { CKA_SIGN_RECOVER, KK_DATA_BOOL, false },
    { CKA_VERIFY, KK_DATA_BOOL, false },
    { CKA_VERIFY_RECOVER, KK_DATA_BOOL, false },
    { CKA_DERIVE, KK_DATA_BOOL, false },
    { CKA_START_DATE, KK_DATA_DATE, false },
    { CKA_END_DATE, KK_DATA_DATE, false },
    { CKA_MODULUS, KK_DATA_NUMBER, false },
    { CKA_MODULUS_BITS, KK_DATA_ULONG, false },
    { CKA_PUBLIC_EXPONENT, KK_DATA_NUMBER, false },
    { CKA_PRIVATE_EXPONENT, KK_DATA_NUMBER, true },
    { CKA_PRIME_1, KK_DATA_NUMBER, true },
    { CKA_PRIME_2, KK_DATA_NUMBER, true },
    { CKA_EXPONENT_1, KK_DATA_NUMBER, true },
    { CKA_EXPONENT_2, KK_DATA_NUMBER, true },
    { CKA_COEFFICIENT, KK_DATA_NUMBER, true },
    { CKA_PUBLIC_KEY_INFO, KK_DATA_BYTES, false },
    { CKA_PRIME, KK_DATA_NUMBER, false },
    { CKA_SUBPRIME, KK_DATA_NUMBER, false },
    { CKA_BASE, KK_DATA_NUMBER, false },
    { CKA_PRIME_BITS, KK_DATA_ULONG, false },
    { CKA_SUBPRIME_BITS, KK_DATA_ULONG, false },
    { CKA_VALUE_BITS, KK_DATA_ULONG, false },
    { CKA_VALUE_LEN, KK_DATA_ULONG, false },
    { CKA_EXTRACTABLE, KK_DATA_BOOL, false },
    { CKA_LOCAL, KK_DATA_BOOL, false },
    { CKA_NEVER_EXTRACTABLE, KK_DATA_BOOL, false },
    { CKA_ALWAYS_SENSITIVE, KK_DATA_BOOL, false },
    { CKA_KEY_GEN_MECHANISM, KK_DATA_ULONG, false },
    { CKA_MODIFIABLE, KK_DATA_BOOL, false },
    { CKA_COPYABLE, KK_DATA_BOOL, false },
    { CKA_DESTROYABLE, KK_DATA_BOOL, false },
    { CKA_EC_PARAMS, KK_DATA_BYTES, false },
    { CKA_EC_POINT, KK_DATA_BYTES, false },
    { CKA_SECONDARY_AUTH, KK_DATA_BOOL, false },
    { CKA_AUTH_PIN_FLAGS, KK_DATA_ULONG, false },
    { CKA_ALWAYS_AUTHENTICATE, KK_DATA_BOOL, false },
    { CKA_WRAP_WITH_TRUSTED, KK_DATA_BOOL, false },
    { CKA_OTP_FORMAT, KK_DATA_ULONG, false },
    { CKA_OTP_LENGTH, KK_DATA_ULONG, false },
    { CKA_OTP_TIME_INTERVAL, KK_DATA_ULONG, false },
    { CKA_OTP_USER_FRIENDLY_MODE, KK_DATA_BOOL, false },
    { CKA_OTP_CHALLENGE_REQUIREMENT, KK_DATA_ULONG, false },
    { CKA_OTP_TIME_REQUIREMENT, KK_DATA_ULONG, false },
    { CKA_OTP_COUNTER_REQUIREMENT, KK_DATA_ULONG, false },
    { CKA_OTP_PIN_REQUIREMENT, KK_DATA_ULONG, false },
    { CKA_OTP_USER_IDENTIFIER, KK_DATA_BYTES, false },
    { CKA_OTP_SERVICE_IDENTIFIER, KK_DATA_BYTES, false },
    { CKA_OTP_SERVICE_LOGO, KK_DATA_BYTES, false },
    { CKA_OTP_SERVICE_LOGO_TYPE, KK_DATA_BYTES, false },
    { CKA_OTP_COUNTER, KK_DATA_BYTES, false },
    { CKA_OTP_TIME, KK_DATA_BYTES, false },
    { CKA_GOSTR3410_PARAMS, KK_DATA_BYTES, false },
    { CKA_GOSTR3411_PARAMS, KK_DATA_BYTES, false },
    { CKA_GOST28147_PARAMS, KK_DATA_BYTES, false },
    { CKA_HW_FEATURE_TYPE, KK_DATA_ULONG, false },
    { CKA_RESET_ON_INIT, KK_DATA_BOOL, false },
    { CKA_HAS_RESET, KK_DATA_BOOL, false },
    { CKA_PIXEL_X, KK_DATA_ULONG, false },
    { CKA_PIXEL_Y, KK_DATA_ULONG, false },
    { CKA_RESOLUTION, KK_DATA_ULONG, false },
    { CKA_CHAR_ROWS, KK_DATA_ULONG, false },
    { CKA_CHAR_COLUMNS, KK_DATA_ULONG, false },
    { CKA_COLOR, KK_DATA_BOOL, false },
    { CKA_BITS_PER_PIXEL, KK_DATA_ULONG, false },
    { CKA_CHAR_SETS, KK_DATA_BYTES, false },
    { CKA_ENCODING_METHODS, KK_DATA_BYTES, false },
    { CKA_MIME_TYPES, KK_DATA_BYTES, false },
    { CKA_MECHANISM_TYPE, KK_DATA_ULONG, false },
    { CKA_REQUIRED_CMS_ATTRIBUTES, KK_DATA_BYTES, false },
    { CKA_DEFAULT_CMS_ATTRIBUTES, KK_DATA_BYTES, false },
    { CKA_SUPPORTED_CMS_ATTRIBUTES, KK_DATA_BYTES, false },
    { CKA_PROFILE_ID, KK_DATA_ULONG, false },
    { CKA_X2RATCHET_BAG, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_BAGSIZE, KK_DATA_ULONG, false },
    { CKA_X2RATCHET_BOBS1STMSG, KK_DATA_BOOL, false },
    { CKA_X2RATCHET_CKR, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_CKS, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_DHP, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_DHR, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_DHS, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_HKR, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_HKS, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_ISALICE, KK_DATA_BOOL, false },
    { CKA_X2RATCHET_NHKR, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_NHKS, KK_DATA_BYTES, true },
    { CKA_X2RATCHET_NR, KK_DATA_ULONG, false },
    { CKA_X2RATCHET_NS, KK_DATA_ULONG, false },
    { CKA_X2RATCHET_PNS, KK_DATA_ULONG, false },
    { CKA_X2RATCHET_RK, KK_DATA_BYTES, true },
    { CKA_HSS_LEVELS, KK_DATA_ULONG, false },
    { CKA_HSS_LMS_TYPE, KK_DATA_ULONG, false },
    { CKA_HSS_LMOTS_TYPE, KK_DATA_ULONG, false },
    { CKA_HSS_LMS_TYPES, KK_DATA_ULONG_LIST, false },
    { CKA_HSS_LMOTS_TYPES, KK_DATA_ULONG_LIST, false },
    { CKA_HSS_KEYS_REMAINING, KK_DATA_ULONG, false },
    { CKA_PARAMETER_SET, KK_DATA_ULONG, false },
    { CKA_OBJECT_VALIDATION_FLAGS, KK_DATA_ULONG, false },
    { CKA_VALIDATION_TYPE, KK_DATA_ULONG, false },
    { CKA_VALIDATION_VERSION, KK_DATA_BYTES, false },
    { CKA_VALIDATION_LEVEL, KK_DATA_ULONG, false },
    { CKA_VALIDATION_MODULE_ID, KK_DATA_BYTES, false },
    { CKA_VALIDATION_FLAG, KK_DATA_ULONG, false },
    { CKA_VALIDATION_AUTHORITY_TYPE, KK_DATA_ULONG, false },
    { CKA_VALIDATION_COUNTRY, KK_DATA_BYTES, false },
    { CKA_VALIDATION_CERTIFICATE_IDENTIFIER, KK_DATA_BYTES, false },
    { CKA_VALIDATION_CERTIFICATE_URI, KK_DATA_BYTES, false },
    { CKA_VALIDATION_VENDOR_URI, KK_DATA_BYTES, false },
    { CKA_VALIDATION_PROFILE, KK_DATA_BYTES, false },
    { CKA_ENCAPSULATE_TEMPLATE, KK_DATA_TEMPLATE, false },
    { CKA_DECAPSULATE_TEMPLATE, KK_DATA_TEMPLATE, false },
    { CKA_TRUST_SERVER_AUTH, KK_DATA_ULONG, false },
    { CKA_TRUST_CLIENT_AUTH, KK_DATA_ULONG, false },
    { CKA_TRUST_CODE_SIGNING, KK_DATA_ULONG, false },
    { CKA_TRUST_EMAIL_PROTECTION, KK_DATA_ULONG, false },
    { CKA_TRUST_IPSEC_IKE, KK_DATA_ULONG, false },
    { CKA_TRUST_TIME_STAMPING, KK_DATA_ULONG, false },
    { CKA_TRUST_OCSP_SIGNING, KK_DATA_ULONG, false },
    { CKA_ENCAPSULATE, KK_DATA_BOOL, false },
    { CKA_DECAPSULATE, KK_DATA_BOOL, false },
    { CKA_HASH_OF_CERTIFICATE, KK_DATA_BYTES, false },
    { CKA_PUBLIC_CRC64_VALUE, KK_DATA_BYTES, false },
    { CKA_SEED, KK_DATA_BYTES, true },
    { CKA_WRAP_TEMPLATE, KK_DATA_TEMPLATE, false },
    { CKA_UNWRAP_TEMPLATE, KK_DATA_TEMPLATE, false },
    { CKA_DERIVE_TEMPLATE, KK_DATA_TEMPLATE, false },
    { CKA_ALLOWED_MECHANISMS, KK_DATA_ULONG_LIST, false },
};
/* clang-format on */

const struct kk_attr_type *kk_attr_types(size_t *ret_count)
{
    *ret_count = KK_ARRAY_LEN(types);
    return types;
}

const struct kk_attr_type *kk_attr_type_find(CK_ATTRIBUTE_TYPE type)
{
    size_t low = 0;
    size_t high = KK_ARRAY_LEN(types);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (types[middle].type == type) {
            return &types[middle];
        }
        if (types[middle].type < type) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Classes on which no value is anybody's secret. */
static bool class_is_open(CK_OBJECT_CLASS object_class)
{
    return object_class == CKO_CERTIFICATE || object_class == CKO_PUBLIC_KEY ||
           object_class == CKO_DOMAIN_PARAMETERS || object_class == CKO_HW_FEATURE;
}

bool kk_attr_type_is_secret_of(CK_OBJECT_CLASS object_class, CK_ATTRIBUTE_TYPE type)
{
    const struct kk_attr_type *row = kk_attr_type_find(type);
    return row != NULL && row->is_secret && !class_is_open(object_class);
}

enum kk_attr_kind kk_attr_data_kind(enum kk_attr_data data)
{
    switch (data) {
    case KK_DATA_BOOL:
        return KK_ATTR_BOOL;
    case KK_DATA_ULONG:
        return KK_ATTR_ULONG;
    case KK_DATA_TEMPLATE:
        return KK_ATTR_TEMPLATE;
    case KK_DATA_ULONG_LIST:
        return KK_ATTR_MECHANISMS;
    case KK_DATA_BYTES:
    case KK_DATA_NUMBER:
    case KK_DATA_DATE:
        break;
    }
    return KK_ATTR_BYTES;
}
