/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy rows that all keys share, those of public, private and secret keys, and of domain
 * parameters. Usage flags default to true, CKA_DERIVE and the KEM flags to false.
 */
#include "object/policy_rules.h"

#include "base/banned.h"

static KK_RV check_check_value(const struct kk_attr *attr)
{
    KK_ENSURE(attr->len == 0 || attr->len == 3, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/* Eight bytes. */
static KK_RV check_crc64(const struct kk_attr *attr)
{
    KK_ENSURE(attr->len == 8, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/* This token has no validations that an object could be consistent with. */
static KK_RV check_validation(const struct kk_attr *attr)
{
    KK_ENSURE(attr->value.number == 0, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/*= pkcs11-3.2 Private key objects: CKA_ALWAYS_AUTHENTICATE only when CKA_PRIVATE is CK_TRUE */
static KK_RV check_private_key(const struct kk_attrs *attrs)
{
    bool needs_pin = kk_attrs_flag(attrs, CKA_ALWAYS_AUTHENTICATE, false);
    KK_ENSURE(!needs_pin || kk_attrs_flag(attrs, CKA_PRIVATE, false), CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* clang-format off */
static const struct kk_attr_rule key[] = {
    { CKA_KEY_TYPE, FN(1) | FN(5), 0, DEF_NONE, NULL },
    { CKA_ID, FN(8), 0, DEF_EMPTY, NULL },
    { CKA_DERIVE, FN(8), 0, DEF_FALSE, NULL },
    { CKA_START_DATE, FN(8), 0, DEF_EMPTY, NULL },
    { CKA_END_DATE, FN(8), 0, DEF_EMPTY, NULL },
    { CKA_LOCAL, FN(2) | FN(4) | FN(6), 0, DEF_FALSE, NULL },
    { CKA_KEY_GEN_MECHANISM, FN(2) | FN(4) | FN(6), 0, DEF_UNAVAILABLE, NULL },
    { CKA_OBJECT_VALIDATION_FLAGS, FN(4) | FN(6) | FN(9), 0, DEF_NUMBER(0), check_validation },
    { CKA_ALLOWED_MECHANISMS, 0, 0, DEF_NONE, NULL },
};

/* CKA_PUBLIC_CRC64_VALUE: nobody gives it to C_CreateObject, so footnote 1 is not enforced; a given
 * one must agree. */
static const struct kk_attr_rule public_key[] = {
    { CKA_TRUSTED, FN(10), 0, DEF_FALSE, NULL },
    { CKA_SUBJECT, FN(8), 0, DEF_EMPTY, NULL },
    { CKA_ENCRYPT, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_WRAP, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_VERIFY, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_VERIFY_RECOVER, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_PUBLIC_KEY_INFO, 0, KK_RULE_COMPUTED, DEF_NONE, NULL },
    { CKA_ENCAPSULATE_TEMPLATE, 0, 0, DEF_NONE, NULL },
    { CKA_ENCAPSULATE, FN(8) | FN(9), 0, DEF_FALSE, NULL },
    { CKA_PUBLIC_CRC64_VALUE, FN(1) | FN(4) | FN(13), KK_RULE_COMPUTED | KK_RULE_OPTIONAL, DEF_NONE, check_crc64 },
    { CKA_WRAP_TEMPLATE, 0, 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule private_key[] = {
    { CKA_SUBJECT, FN(8), 0, DEF_EMPTY, NULL },
    { CKA_SENSITIVE, FN(8) | FN(9) | FN(11), 0, DEF_FALSE, NULL },
    { CKA_DECRYPT, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_UNWRAP, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_SIGN, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_SIGN_RECOVER, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_PUBLIC_KEY_INFO, FN(8), KK_RULE_COMPUTED, DEF_NONE, NULL },
    { CKA_EXTRACTABLE, FN(8) | FN(9) | FN(12), 0, DEF_EXTRACTABLE, NULL },
    { CKA_NEVER_EXTRACTABLE, FN(2) | FN(4) | FN(6), 0, DEF_FALSE, NULL },
    { CKA_ALWAYS_SENSITIVE, FN(2) | FN(4) | FN(6), 0, DEF_FALSE, NULL },
    { CKA_ALWAYS_AUTHENTICATE, 0, 0, DEF_FALSE, NULL },
    { CKA_WRAP_WITH_TRUSTED, FN(11), 0, DEF_FALSE, NULL },
    { CKA_DECAPSULATE_TEMPLATE, 0, 0, DEF_NONE, NULL },
    { CKA_DECAPSULATE, FN(8) | FN(9), 0, DEF_FALSE, NULL },
    { CKA_PUBLIC_CRC64_VALUE, FN(1) | FN(4) | FN(13), KK_RULE_COMPUTED | KK_RULE_OPTIONAL, DEF_NONE, check_crc64 },
    { CKA_UNWRAP_TEMPLATE, 0, 0, DEF_NONE, NULL },
    { CKA_DERIVE_TEMPLATE, 0, 0, DEF_NONE, NULL },
};

/*= pkcs11-3.2 Secret key objects: C_SetAttributeValue may destroy CKA_CHECK_VALUE by no-value */
static const struct kk_attr_rule secret_key[] = {
    { CKA_TRUSTED, FN(10), 0, DEF_FALSE, NULL },
    { CKA_CHECK_VALUE, 0, KK_RULE_COMPUTED | KK_RULE_SETTABLE | KK_RULE_NO_STORE, DEF_NONE, check_check_value },
    { CKA_SENSITIVE, FN(8) | FN(11), 0, DEF_FALSE, NULL },
    { CKA_ENCRYPT, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_DECRYPT, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_WRAP, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_UNWRAP, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_SIGN, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_VERIFY, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_EXTRACTABLE, FN(8) | FN(9) | FN(12), 0, DEF_EXTRACTABLE, NULL },
    { CKA_NEVER_EXTRACTABLE, FN(2) | FN(4) | FN(6), 0, DEF_FALSE, NULL },
    { CKA_ALWAYS_SENSITIVE, FN(2) | FN(4) | FN(6), 0, DEF_FALSE, NULL },
    { CKA_WRAP_WITH_TRUSTED, FN(11), 0, DEF_FALSE, NULL },
    { CKA_WRAP_TEMPLATE, 0, 0, DEF_NONE, NULL },
    { CKA_UNWRAP_TEMPLATE, 0, 0, DEF_NONE, NULL },
    { CKA_DERIVE_TEMPLATE, 0, 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule domain[] = {
    { CKA_KEY_TYPE, FN(1), 0, DEF_NONE, NULL },
    { CKA_LOCAL, FN(2) | FN(4), 0, DEF_FALSE, NULL },
};
/* clang-format on */

const struct kk_rule_table kk_rules_key = KK_RULE_TABLE("key", key, NULL);
const struct kk_rule_table kk_rules_public_key = KK_RULE_TABLE("public-key", public_key, NULL);
const struct kk_rule_table kk_rules_private_key =
    KK_RULE_TABLE("private-key", private_key, check_private_key);
const struct kk_rule_table kk_rules_secret_key = KK_RULE_TABLE("secret-key", secret_key, NULL);
const struct kk_rule_table kk_rules_domain = KK_RULE_TABLE("domain-parameters", domain, NULL);
