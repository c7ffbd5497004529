/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy rows of trust objects and OTP keys, and of what the token makes itself: hardware features,
 * mechanism, profile and validation objects.
 *
 * The chapters on trust and validation objects number footnotes of their own; they stand here in
 * the common numbers, with the rest in the tables' checks.
 */
#include "object/policy_rules.h"

#include "base/banned.h"

#define OTP_TIME_LEN 14 /* YYYYMMDDhhmmss */

static KK_RV check_trust(const struct kk_attr *attr)
{
    KK_ENSURE(attr->value.number <= CKT_TRUST_MUST_VERIFY_TRUST, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static KK_RV check_format(const struct kk_attr *attr)
{
    KK_ENSURE(attr->value.number <= CK_OTP_FORMAT_BINARY, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static KK_RV check_requirement(const struct kk_attr *attr)
{
    KK_ENSURE(attr->value.number <= CK_OTP_PARAM_MANDATORY, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static KK_RV check_otp_time(const struct kk_attr *attr)
{
    struct kk_span time = kk_attr_bytes(attr);
    KK_ENSURE(time.len == 0 || time.len == OTP_TIME_LEN, CKR_ATTRIBUTE_VALUE_INVALID);
    for (size_t i = 0; i < time.len; i++) {
        KK_ENSURE(time.data[i] >= '0' && time.data[i] <= '9', CKR_ATTRIBUTE_VALUE_INVALID);
    }
    return CKR_OK;
}

/*= pkcs11-3.2 HOTP secret key objects: 8 bytes, big-endian */
static KK_RV check_counter(const struct kk_attr *attr)
{
    KK_ENSURE(attr->len == 0 || attr->len == 8, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/* clang-format off */
static const struct kk_attr_rule trust[] = {
    { CKA_ISSUER, FN(1), 0, DEF_NONE, NULL },
    { CKA_SERIAL_NUMBER, FN(1), 0, DEF_NONE, NULL },
    { CKA_NAME_HASH_ALGORITHM, 0, 0, DEF_NONE, NULL },
    { CKA_TRUST_SERVER_AUTH, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_TRUST_CLIENT_AUTH, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_TRUST_CODE_SIGNING, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_TRUST_EMAIL_PROTECTION, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_TRUST_IPSEC_IKE, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_TRUST_TIME_STAMPING, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_TRUST_OCSP_SIGNING, 0, KK_RULE_SETTABLE, DEF_NUMBER(CKT_TRUST_UNKNOWN), check_trust },
    { CKA_HASH_OF_CERTIFICATE, 0, 0, DEF_EMPTY, NULL },
};

/* Counter and time are the key's own and move; the text lets an application resynchronise them. */
static const struct kk_attr_rule otp_key[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_VALUE_LEN, FN(2) | FN(3), 0, DEF_NONE, NULL },
    { CKA_OTP_FORMAT, 0, 0, DEF_NUMBER(CK_OTP_FORMAT_DECIMAL), check_format },
    { CKA_OTP_LENGTH, FN(9), 0, DEF_NUMBER(6), NULL },
    { CKA_OTP_USER_FRIENDLY_MODE, FN(9), 0, DEF_FALSE, NULL },
    { CKA_OTP_CHALLENGE_REQUIREMENT, FN(9), 0, DEF_NUMBER(CK_OTP_PARAM_IGNORED), check_requirement },
    { CKA_OTP_TIME_REQUIREMENT, FN(9), 0, DEF_NUMBER(CK_OTP_PARAM_IGNORED), check_requirement },
    { CKA_OTP_COUNTER_REQUIREMENT, FN(9), 0, DEF_NUMBER(CK_OTP_PARAM_IGNORED), check_requirement },
    { CKA_OTP_PIN_REQUIREMENT, FN(9), 0, DEF_NUMBER(CK_OTP_PARAM_IGNORED), check_requirement },
    { CKA_OTP_USER_IDENTIFIER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_OTP_SERVICE_IDENTIFIER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_OTP_SERVICE_LOGO, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_OTP_SERVICE_LOGO_TYPE, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_OTP_COUNTER, 0, KK_RULE_SETTABLE, DEF_EMPTY, check_counter },
    { CKA_OTP_TIME, 0, KK_RULE_SETTABLE, DEF_EMPTY, check_otp_time },
};

/* The step of TOTP, of which the standard does not tell: such keys have CKA_OTP_TIME_REQUIREMENT. */
static const struct kk_attr_rule hotp[] = {
    { CKA_OTP_TIME_INTERVAL, FN(9), KK_RULE_EXTRA, DEF_NONE, NULL },
};

static const struct kk_attr_rule securid[] = {
    { CKA_OTP_TIME_INTERVAL, FN(9), 0, DEF_NUMBER(60), NULL },
};

/* No template makes or changes the objects of these tables. */
static const struct kk_attr_rule hw_feature[] = {
    { CKA_HW_FEATURE_TYPE, FN(1), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule hw_clock[] = {
    { CKA_VALUE, 0, 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule hw_counter[] = {
    { CKA_VALUE, 0, 0, DEF_NONE, NULL },
    { CKA_RESET_ON_INIT, 0, 0, DEF_NONE, NULL },
    { CKA_HAS_RESET, 0, 0, DEF_NONE, NULL },
};

/* CKA_SUPPORTED_PARAMETER_SETS and CKA_FLAGS of the working text have no number in 3.2. */
static const struct kk_attr_rule mechanism[] = {
    { CKA_MECHANISM_TYPE, 0, 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule profile[] = {
    { CKA_PROFILE_ID, 0, 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule validation[] = {
    { CKA_VALIDATION_TYPE, 0, 0, DEF_NONE, NULL },
    { CKA_VALIDATION_VERSION, 0, 0, DEF_NONE, NULL },
    { CKA_VALIDATION_LEVEL, 0, 0, DEF_NONE, NULL },
    { CKA_VALIDATION_MODULE_ID, 0, 0, DEF_NONE, NULL },
    { CKA_VALIDATION_FLAG, 0, 0, DEF_NONE, NULL },
    { CKA_VALIDATION_AUTHORITY_TYPE, 0, 0, DEF_NONE, NULL },
    { CKA_VALIDATION_COUNTRY, 0, 0, DEF_EMPTY, NULL },
    { CKA_VALIDATION_CERTIFICATE_IDENTIFIER, 0, 0, DEF_EMPTY, NULL },
    { CKA_VALIDATION_CERTIFICATE_URI, 0, 0, DEF_EMPTY, NULL },
    { CKA_VALIDATION_VENDOR_URI, 0, 0, DEF_EMPTY, NULL },
    { CKA_VALIDATION_PROFILE, 0, 0, DEF_EMPTY, NULL },
};
/* clang-format on */

/*= pkcs11-3.2 Trust objects, footnote 2: hash and algorithm must be specified unless all trust
 * attributes are CKT_TRUST_UNKNOWN or CKT_NOT_TRUSTED */
static KK_RV check_hash(const struct kk_attrs *attrs)
{
    bool has_hash = kk_attrs_bytes(attrs, CKA_HASH_OF_CERTIFICATE).len > 0 &&
                    kk_attrs_has(attrs, CKA_NAME_HASH_ALGORITHM);
    for (size_t i = 0; i < KK_ARRAY_LEN(trust); i++) {
        uint64_t value = kk_attrs_number(attrs, trust[i].type, CKT_TRUST_UNKNOWN);
        bool needs_hash =
            trust[i].check == check_trust && value != CKT_TRUST_UNKNOWN && value != CKT_NOT_TRUSTED;
        KK_ENSURE(!needs_hash || has_hash, CKR_TEMPLATE_INCOMPLETE);
    }
    return CKR_OK;
}

const struct kk_rule_table kk_rules_trust = KK_RULE_TABLE("trust", trust, check_hash);
const struct kk_rule_table kk_rules_otp_key = KK_RULE_TABLE("otp-key", otp_key, NULL);
const struct kk_rule_table kk_rules_hotp = KK_RULE_TABLE("hotp", hotp, NULL);
const struct kk_rule_table kk_rules_securid = KK_RULE_TABLE("securid", securid, NULL);
const struct kk_rule_table kk_rules_hw_feature = KK_RULE_TABLE("hw-feature", hw_feature, NULL);
const struct kk_rule_table kk_rules_hw_clock = KK_RULE_TABLE("hw-clock", hw_clock, NULL);
const struct kk_rule_table kk_rules_hw_counter = KK_RULE_TABLE("hw-counter", hw_counter, NULL);
const struct kk_rule_table kk_rules_mechanism = KK_RULE_TABLE("mechanism", mechanism, NULL);
const struct kk_rule_table kk_rules_profile = KK_RULE_TABLE("profile", profile, NULL);
const struct kk_rule_table kk_rules_validation = KK_RULE_TABLE("validation", validation, NULL);
