/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of words.
 */
#include "trace/words.h"

#include <string.h>

#include "cryptoki/shapes.h"

#include "base/banned.h"

#define FLAG(name) {name, #name}

static const struct kk_trace_flag session_flags[] = {FLAG(CKF_RW_SESSION), FLAG(CKF_SERIAL_SESSION),
                                                     FLAG(CKF_ASYNC_SESSION)};
static const struct kk_trace_flag wait_flags[] = {FLAG(CKF_DONT_BLOCK)};
static const struct kk_trace_flag initialize_flags[] = {FLAG(CKF_LIBRARY_CANT_CREATE_OS_THREADS),
                                                        FLAG(CKF_OS_LOCKING_OK)};
static const struct kk_trace_flag slot_flags[] = {FLAG(CKF_TOKEN_PRESENT),
                                                  FLAG(CKF_REMOVABLE_DEVICE), FLAG(CKF_HW_SLOT)};
static const struct kk_trace_flag token_flags[] = {
    FLAG(CKF_RNG),
    FLAG(CKF_WRITE_PROTECTED),
    FLAG(CKF_LOGIN_REQUIRED),
    FLAG(CKF_USER_PIN_INITIALIZED),
    FLAG(CKF_RESTORE_KEY_NOT_NEEDED),
    FLAG(CKF_CLOCK_ON_TOKEN),
    FLAG(CKF_PROTECTED_AUTHENTICATION_PATH),
    FLAG(CKF_DUAL_CRYPTO_OPERATIONS),
    FLAG(CKF_TOKEN_INITIALIZED),
    FLAG(CKF_SECONDARY_AUTHENTICATION),
    FLAG(CKF_USER_PIN_COUNT_LOW),
    FLAG(CKF_USER_PIN_FINAL_TRY),
    FLAG(CKF_USER_PIN_LOCKED),
    FLAG(CKF_USER_PIN_TO_BE_CHANGED),
    FLAG(CKF_SO_PIN_COUNT_LOW),
    FLAG(CKF_SO_PIN_FINAL_TRY),
    FLAG(CKF_SO_PIN_LOCKED),
    FLAG(CKF_SO_PIN_TO_BE_CHANGED),
    FLAG(CKF_ERROR_STATE),
    FLAG(CKF_SEED_RANDOM_REQUIRED),
    FLAG(CKF_ASYNC_SESSION_SUPPORTED),
};
static const struct kk_trace_flag mechanism_flags[] = {
    FLAG(CKF_HW),
    FLAG(CKF_MESSAGE_ENCRYPT),
    FLAG(CKF_MESSAGE_DECRYPT),
    FLAG(CKF_MESSAGE_SIGN),
    FLAG(CKF_MESSAGE_VERIFY),
    FLAG(CKF_MULTI_MESSAGE),
    FLAG(CKF_FIND_OBJECTS),
    FLAG(CKF_ENCRYPT),
    FLAG(CKF_DECRYPT),
    FLAG(CKF_DIGEST),
    FLAG(CKF_SIGN),
    FLAG(CKF_SIGN_RECOVER),
    FLAG(CKF_VERIFY),
    FLAG(CKF_VERIFY_RECOVER),
    FLAG(CKF_GENERATE),
    FLAG(CKF_GENERATE_KEY_PAIR),
    FLAG(CKF_WRAP),
    FLAG(CKF_UNWRAP),
    FLAG(CKF_DERIVE),
    FLAG(CKF_EC_F_P),
    FLAG(CKF_EC_F_2M),
    FLAG(CKF_EC_ECPARAMETERS),
    FLAG(CKF_EC_OID),
    FLAG(CKF_EC_UNCOMPRESS),
    FLAG(CKF_EC_COMPRESS),
    FLAG(CKF_EC_CURVENAME),
    FLAG(CKF_ENCAPSULATE),
    FLAG(CKF_DECAPSULATE),
    FLAG(CKF_EXTENSION),
};
static const struct kk_trace_flag message_flags[] = {FLAG(CKF_END_OF_MESSAGE)};
static const struct kk_trace_flag interface_flags[] = {FLAG(CKF_INTERFACE_FORK_SAFE)};

static const struct {
    const struct kk_trace_flag *flags;
    size_t count;
} flag_kinds[KK_TRACE_FLAGS_COUNT] = {
    [KK_TRACE_FLAGS_SESSION] = {session_flags, KK_ARRAY_LEN(session_flags)},
    [KK_TRACE_FLAGS_WAIT] = {wait_flags, KK_ARRAY_LEN(wait_flags)},
    [KK_TRACE_FLAGS_INITIALIZE] = {initialize_flags, KK_ARRAY_LEN(initialize_flags)},
    [KK_TRACE_FLAGS_SLOT] = {slot_flags, KK_ARRAY_LEN(slot_flags)},
    [KK_TRACE_FLAGS_TOKEN] = {token_flags, KK_ARRAY_LEN(token_flags)},
    [KK_TRACE_FLAGS_MECHANISM] = {mechanism_flags, KK_ARRAY_LEN(mechanism_flags)},
    [KK_TRACE_FLAGS_MESSAGE] = {message_flags, KK_ARRAY_LEN(message_flags)},
    [KK_TRACE_FLAGS_INTERFACE] = {interface_flags, KK_ARRAY_LEN(interface_flags)},
};

const struct kk_trace_flag *kk_trace_flag_names(enum kk_trace_flags kind, size_t *ret_count)
{
    *ret_count = flag_kinds[kind].count;
    return flag_kinds[kind].flags;
}

const char *kk_trace_word(enum kk_name_space space, const char *prefix, CK_ULONG value)
{
    size_t count = 0;
    const struct kk_name *names = kk_names_table(space, &count);
    for (size_t i = 0; i < count; i++) {
        if (names[i].value == value && strncmp(names[i].name, prefix, strlen(prefix)) == 0) {
            return names[i].name;
        }
    }
    return NULL;
}

/* ---- attributes ---- */

#define BOOL(type_) {type_, .value = KK_TRACE_VALUE_BOOL}
#define ULONG(type_) {type_, .value = KK_TRACE_VALUE_ULONG}
#define WORD(type_, space_)                                                                        \
    {type_, .value = KK_TRACE_VALUE_WORD, .space = KK_NAMES_##space_, .prefix = #space_ "_"}
#define TEXT(type_) {type_, .value = KK_TRACE_VALUE_TEXT}
#define BYTES(type_) {type_, .value = KK_TRACE_VALUE_BYTES}

/* clang-format off */
static const struct kk_trace_attribute attributes[] = {
    WORD(CKA_CLASS, CKO),
    BOOL(CKA_TOKEN),
    BOOL(CKA_PRIVATE),
    TEXT(CKA_LABEL),
    TEXT(CKA_UNIQUE_ID),
    TEXT(CKA_APPLICATION),
    {CKA_VALUE, .value = KK_TRACE_VALUE_OPEN},
    BYTES(CKA_OBJECT_ID),
    WORD(CKA_CERTIFICATE_TYPE, CKC),
    BYTES(CKA_ISSUER),
    BYTES(CKA_SERIAL_NUMBER),
    BYTES(CKA_AC_ISSUER),
    BYTES(CKA_OWNER),
    BYTES(CKA_ATTR_TYPES),
    BOOL(CKA_TRUSTED),
    ULONG(CKA_CERTIFICATE_CATEGORY),
    ULONG(CKA_JAVA_MIDP_SECURITY_DOMAIN),
    TEXT(CKA_URL),
    BYTES(CKA_HASH_OF_SUBJECT_PUBLIC_KEY),
    BYTES(CKA_HASH_OF_ISSUER_PUBLIC_KEY),
    WORD(CKA_NAME_HASH_ALGORITHM, CKM),
    WORD(CKA_KEY_TYPE, CKK),
    BYTES(CKA_SUBJECT),
    BYTES(CKA_ID),
    BOOL(CKA_SENSITIVE),
    BOOL(CKA_ENCRYPT),
    BOOL(CKA_DECRYPT),
    BOOL(CKA_WRAP),
    BOOL(CKA_UNWRAP),
    BOOL(CKA_SIGN),
    BOOL(CKA_SIGN_RECOVER),
    BOOL(CKA_VERIFY),
    BOOL(CKA_VERIFY_RECOVER),
    BOOL(CKA_DERIVE),
    TEXT(CKA_START_DATE),
    TEXT(CKA_END_DATE),
    BYTES(CKA_MODULUS),
    ULONG(CKA_MODULUS_BITS),
    BYTES(CKA_PUBLIC_EXPONENT),
    BYTES(CKA_PUBLIC_KEY_INFO),
    BYTES(CKA_PRIME),
    BYTES(CKA_SUBPRIME),
    BYTES(CKA_BASE),
    ULONG(CKA_PRIME_BITS),
    ULONG(CKA_SUBPRIME_BITS),
    ULONG(CKA_VALUE_BITS),
    ULONG(CKA_VALUE_LEN),
    BOOL(CKA_EXTRACTABLE),
    BOOL(CKA_LOCAL),
    BOOL(CKA_NEVER_EXTRACTABLE),
    BOOL(CKA_ALWAYS_SENSITIVE),
    WORD(CKA_KEY_GEN_MECHANISM, CKM),
    BOOL(CKA_MODIFIABLE),
    BOOL(CKA_COPYABLE),
    BOOL(CKA_DESTROYABLE),
    BYTES(CKA_EC_PARAMS),
    BYTES(CKA_EC_POINT),
    BOOL(CKA_SECONDARY_AUTH),
    ULONG(CKA_AUTH_PIN_FLAGS),
    BOOL(CKA_ALWAYS_AUTHENTICATE),
    BOOL(CKA_WRAP_WITH_TRUSTED),
    ULONG(CKA_OTP_FORMAT),
    ULONG(CKA_OTP_LENGTH),
    ULONG(CKA_OTP_TIME_INTERVAL),
    BOOL(CKA_OTP_USER_FRIENDLY_MODE),
    ULONG(CKA_OTP_CHALLENGE_REQUIREMENT),
    ULONG(CKA_OTP_TIME_REQUIREMENT),
    ULONG(CKA_OTP_COUNTER_REQUIREMENT),
    ULONG(CKA_OTP_PIN_REQUIREMENT),
    TEXT(CKA_OTP_USER_IDENTIFIER),
    TEXT(CKA_OTP_SERVICE_IDENTIFIER),
    {CKA_HW_FEATURE_TYPE, .value = KK_TRACE_VALUE_ULONG},
    BOOL(CKA_RESET_ON_INIT),
    BOOL(CKA_HAS_RESET),
    BOOL(CKA_COLOR),
    WORD(CKA_MECHANISM_TYPE, CKM),
    ULONG(CKA_PROFILE_ID),
    ULONG(CKA_X2RATCHET_BAGSIZE),
    BOOL(CKA_X2RATCHET_BOBS1STMSG),
    BOOL(CKA_X2RATCHET_ISALICE),
    ULONG(CKA_HSS_LEVELS),
    ULONG(CKA_HSS_LMS_TYPE),
    ULONG(CKA_HSS_LMOTS_TYPE),
    {CKA_HSS_LMS_TYPES, .value = KK_TRACE_VALUE_NUMBERS},
    {CKA_HSS_LMOTS_TYPES, .value = KK_TRACE_VALUE_NUMBERS},
    ULONG(CKA_HSS_KEYS_REMAINING),
    ULONG(CKA_PARAMETER_SET),
    ULONG(CKA_OBJECT_VALIDATION_FLAGS),
    ULONG(CKA_VALIDATION_TYPE),
    ULONG(CKA_VALIDATION_LEVEL),
    ULONG(CKA_VALIDATION_FLAG),
    ULONG(CKA_VALIDATION_AUTHORITY_TYPE),
    WORD(CKA_TRUST_SERVER_AUTH, CKT),
    WORD(CKA_TRUST_CLIENT_AUTH, CKT),
    WORD(CKA_TRUST_CODE_SIGNING, CKT),
    WORD(CKA_TRUST_EMAIL_PROTECTION, CKT),
    WORD(CKA_TRUST_IPSEC_IKE, CKT),
    WORD(CKA_TRUST_TIME_STAMPING, CKT),
    WORD(CKA_TRUST_OCSP_SIGNING, CKT),
    BOOL(CKA_ENCAPSULATE),
    BOOL(CKA_DECAPSULATE),
    BYTES(CKA_HASH_OF_CERTIFICATE),
    {CKA_WRAP_TEMPLATE, .value = KK_TRACE_VALUE_TEMPLATE},
    {CKA_UNWRAP_TEMPLATE, .value = KK_TRACE_VALUE_TEMPLATE},
    {CKA_DERIVE_TEMPLATE, .value = KK_TRACE_VALUE_TEMPLATE},
    {CKA_ENCAPSULATE_TEMPLATE, .value = KK_TRACE_VALUE_TEMPLATE},
    {CKA_DECAPSULATE_TEMPLATE, .value = KK_TRACE_VALUE_TEMPLATE},
    {CKA_ALLOWED_MECHANISMS, .value = KK_TRACE_VALUE_MECHANISMS},
};
/* clang-format on */

struct kk_trace_attribute kk_trace_attribute(CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(attributes); i++) {
        if (attributes[i].type == type) {
            return attributes[i];
        }
    }
    return (struct kk_trace_attribute){.type = type, .value = KK_TRACE_VALUE_SECRET};
}

bool kk_trace_class_is_open(CK_ULONG object_class)
{
    return object_class == CKO_CERTIFICATE || object_class == CKO_PUBLIC_KEY ||
           object_class == CKO_DOMAIN_PARAMETERS;
}

/* ---- parameters ---- */

const struct kk_param_layout *kk_trace_layout(CK_MECHANISM_TYPE type, size_t len)
{
    size_t count = 0;
    const struct kk_param_shape_row *shapes = kk_param_shape_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct kk_param_layout *layout = kk_param_layout(shapes[i].shape);
        if (shapes[i].type == type && layout != NULL && layout->size == len) {
            return layout;
        }
    }
    return NULL;
}

bool kk_trace_takes_bytes(CK_MECHANISM_TYPE type)
{
    size_t count = 0;
    const struct kk_param_shape_row *shapes = kk_param_shape_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (shapes[i].type == type && shapes[i].shape == KK_PARAM_BYTES) {
            return true;
        }
    }
    return false;
}

const struct kk_param_layout *kk_trace_message_layout(size_t len)
{
    static const enum kk_param_shape kinds[] = {KK_PARAM_GCM_MESSAGE, KK_PARAM_CCM_MESSAGE,
                                                KK_PARAM_SALSA20_CHACHA20_POLY1305_MSG};
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        const struct kk_param_layout *layout = kk_param_layout(kinds[i]);
        if (layout->size == len) {
            return layout;
        }
    }
    return NULL;
}

#define NUMBER(name_, space_, prefix_)                                                             \
    {.name = #name_, .space = KK_NAMES_##space_, .prefix = #prefix_}
#define OPEN(name_) {.name = #name_, .is_open = true}

/* clang-format off */
static const struct kk_trace_member members[] = {
    NUMBER(hashAlg, CKM, CKM_),
    NUMBER(mgf, CKG, CKG_MGF1_),
    NUMBER(source, CKZ, CKZ_DATA_),
    NUMBER(kdf, CKD, CKD_),
    NUMBER(prf, CKP, CKP_PKCS5_),
    NUMBER(saltSource, CKZ, CKZ_SALT_),
    NUMBER(ivGenerator, CKG, CKG_GENERATE),
    NUMBER(nonceGenerator, CKG, CKG_GENERATE),
    NUMBER(hedgeVariant, CKH, CKH_HEDGE_),
    NUMBER(hash, CKM, CKM_),
    NUMBER(prfHashMechanism, CKM, CKM_),
    NUMBER(prfMechanism, CKM, CKM_),
    NUMBER(prfType, CKM, CKM_),
    NUMBER(DigestMechanism, CKM, CKM_),
    NUMBER(aeadMechanism, CKM, CKM_),
    NUMBER(kdfMechanism, CKM, CKM_),
    OPEN(iv),
    OPEN(pIv),
    OPEN(pIV),
    OPEN(cb),
    OPEN(pNonce),
    OPEN(pBlockCounter),
    OPEN(pTag),
    OPEN(pMAC),
    OPEN(pPublicData),
    OPEN(pPublicData2),
    OPEN(major),
    OPEN(minor),
    OPEN(keyNumber),
};
/* clang-format on */

struct kk_trace_member kk_trace_member(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(members); i++) {
        if (strcmp(members[i].name, name) == 0) {
            return members[i];
        }
    }
    return (struct kk_trace_member){0};
}
