/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy rows that all objects share, and those of data objects and certificates.
 *
 * The certificate tables of the standard number footnotes of their own; they stand here in the
 * common numbers, with the rest in the tables' checks.
 */
#include "object/policy_rules.h"

#include "base/banned.h"

static KK_RV check_category(const struct kk_attr *attr)
{
    KK_ENSURE(attr->value.number <= CK_CERTIFICATE_CATEGORY_OTHER_ENTITY,
              CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static KK_RV check_domain(const struct kk_attr *attr)
{
    KK_ENSURE(attr->value.number <= CK_SECURITY_DOMAIN_THIRD_PARTY, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/* Three bytes, or none: not to be stored. */
static KK_RV check_check_value(const struct kk_attr *attr)
{
    KK_ENSURE(attr->len == 0 || attr->len == 3, CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static bool is_empty(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    return kk_attrs_bytes(attrs, type).len == 0;
}

/*= pkcs11-3.2 X.509 certificates, footnotes 2 to 4: the certificate itself or a URL with hashes */
static KK_RV check_value_or_url(const struct kk_attrs *attrs)
{
    KK_ENSURE(!is_empty(attrs, CKA_VALUE) || !is_empty(attrs, CKA_URL), CKR_TEMPLATE_INCONSISTENT);
    if (is_empty(attrs, CKA_URL)) {
        return CKR_OK;
    }
    bool has_hashes = !is_empty(attrs, CKA_HASH_OF_SUBJECT_PUBLIC_KEY) &&
                      !is_empty(attrs, CKA_HASH_OF_ISSUER_PUBLIC_KEY);
    KK_ENSURE(has_hashes, CKR_TEMPLATE_INCOMPLETE);
    return CKR_OK;
}

/*= pkcs11-3.2 WTLS certificates, footnote 1: the subject can only be empty if the value is */
static KK_RV check_wtls(const struct kk_attrs *attrs)
{
    KK_ENSURE(!is_empty(attrs, CKA_SUBJECT) || is_empty(attrs, CKA_VALUE),
              CKR_TEMPLATE_INCONSISTENT);
    return check_value_or_url(attrs);
}

/* clang-format off */
static const struct kk_attr_rule common[] = {
    { CKA_CLASS, FN(1), 0, DEF_NONE, NULL },
    { CKA_UNIQUE_ID, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
};

/* CKA_PRIVATE has a default of the token's own; CKA_LABEL is modifiable by the text below the table. */
static const struct kk_attr_rule storage[] = {
    { CKA_TOKEN, 0, KK_RULE_COPY_ONLY, DEF_FALSE, NULL },
    { CKA_PRIVATE, 0, KK_RULE_COPY_ONLY, DEF_TRUE, NULL },
    { CKA_LABEL, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_MODIFIABLE, 0, KK_RULE_COPY_ONLY, DEF_TRUE, NULL },
    { CKA_COPYABLE, 0, KK_RULE_STICKY_FALSE, DEF_TRUE, NULL },
    { CKA_DESTROYABLE, 0, KK_RULE_COPY_ONLY, DEF_TRUE, NULL },
};

/* Of classes that everybody may see. */
static const struct kk_attr_rule storage_public[] = {
    { CKA_PRIVATE, 0, KK_RULE_COPY_ONLY, DEF_FALSE, NULL },
};

static const struct kk_attr_rule data[] = {
    { CKA_APPLICATION, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_VALUE, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_OBJECT_ID, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
};

static const struct kk_attr_rule certificate[] = {
    { CKA_CERTIFICATE_TYPE, FN(1), 0, DEF_NONE, NULL },
    { CKA_TRUSTED, FN(10), 0, DEF_FALSE, NULL },
    { CKA_CERTIFICATE_CATEGORY, 0, 0, DEF_NUMBER(CK_CERTIFICATE_CATEGORY_UNSPECIFIED), check_category },
    { CKA_CHECK_VALUE, 0, KK_RULE_COMPUTED | KK_RULE_NO_STORE, DEF_NONE, check_check_value },
    { CKA_START_DATE, 0, 0, DEF_EMPTY, NULL },
    { CKA_END_DATE, 0, 0, DEF_EMPTY, NULL },
    { CKA_PUBLIC_KEY_INFO, 0, 0, DEF_EMPTY, NULL },
};

static const struct kk_attr_rule x509[] = {
    { CKA_VALUE, FN(1), 0, DEF_NONE, NULL },
    { CKA_ISSUER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_SERIAL_NUMBER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_JAVA_MIDP_SECURITY_DOMAIN, 0, 0, DEF_NUMBER(CK_SECURITY_DOMAIN_UNSPECIFIED), check_domain },
    { CKA_URL, 0, 0, DEF_EMPTY, NULL },
    { CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, 0, DEF_EMPTY, NULL },
    { CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, 0, DEF_EMPTY, NULL },
    { CKA_NAME_HASH_ALGORITHM, 0, 0, DEF_NUMBER(KK_NAME_HASH_DEFAULT), NULL },
    { CKA_SUBJECT, FN(1), 0, DEF_NONE, NULL },
    { CKA_ID, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
};

static const struct kk_attr_rule wtls[] = {
    { CKA_VALUE, FN(1), 0, DEF_NONE, NULL },
    { CKA_ISSUER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_URL, 0, 0, DEF_EMPTY, NULL },
    { CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, 0, DEF_EMPTY, NULL },
    { CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, 0, DEF_EMPTY, NULL },
    { CKA_NAME_HASH_ALGORITHM, 0, 0, DEF_NUMBER(KK_NAME_HASH_DEFAULT), NULL },
    { CKA_SUBJECT, FN(1), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule x509_attr[] = {
    { CKA_VALUE, FN(1), 0, DEF_NONE, NULL },
    { CKA_SERIAL_NUMBER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_AC_ISSUER, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
    { CKA_OWNER, FN(1), 0, DEF_NONE, NULL },
    { CKA_ATTR_TYPES, 0, KK_RULE_SETTABLE, DEF_EMPTY, NULL },
};
/* clang-format on */

const struct kk_rule_table kk_rules_common = KK_RULE_TABLE("common", common, NULL);
const struct kk_rule_table kk_rules_storage = KK_RULE_TABLE("storage", storage, NULL);
const struct kk_rule_table kk_rules_storage_public =
    KK_RULE_TABLE("storage-public", storage_public, NULL);
const struct kk_rule_table kk_rules_data = KK_RULE_TABLE("data", data, NULL);
const struct kk_rule_table kk_rules_certificate = KK_RULE_TABLE("certificate", certificate, NULL);
const struct kk_rule_table kk_rules_x509 = KK_RULE_TABLE("x509", x509, check_value_or_url);
const struct kk_rule_table kk_rules_wtls = KK_RULE_TABLE("wtls", wtls, check_wtls);
const struct kk_rule_table kk_rules_x509_attr = KK_RULE_TABLE("x509-attribute", x509_attr, NULL);
