/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of the attribute policy and how they are chained. Only the policy's own files and its
 * tests include this.
 *
 * A schema is one class with one key type (or certificate type): a chain of tables from the common
 * ones to its own. A row of a later table replaces a row of the same attribute in an earlier one.
 */
#pragma once

#include "object/attr_type.h"
#include "object/policy.h"

/* The standard's common footnotes, by their own numbers. */
#define FN(number) (1u << (number))

enum kk_attr_rules {
    KK_RULE_COPY_ONLY = 1 << 0, /* may change in a copy, not by C_SetAttributeValue */
    KK_RULE_SETTABLE = 1 << 1,  /* may change, though no footnote 8 says so: the text does */
    KK_RULE_STICKY_FALSE =
        1 << 2,                /* never true again once false: the text's footnote 12 in words */
    KK_RULE_OPTIONAL = 1 << 3, /* footnotes 1 and 3 are not enforced; the row says why */
    KK_RULE_COMPUTED = 1 << 4, /* follows from the rest; a given value must agree */
    KK_RULE_EXTRA = 1 << 5,    /* in none of the standard's tables for this class */
    KK_RULE_NO_STORE = 1 << 6, /* an empty value removes it for good (CKA_CHECK_VALUE) */
};

enum kk_default_kind {
    KK_DEFAULT_NONE,
    KK_DEFAULT_FALSE,
    KK_DEFAULT_TRUE,
    KK_DEFAULT_EXTRACTABLE, /* false, but true for unwrapped, encapsulated and decapsulated keys */
    KK_DEFAULT_NUMBER,
    KK_DEFAULT_EMPTY,
};

struct kk_default {
    enum kk_default_kind kind;
    uint64_t number;
};

#define DEF_NONE {KK_DEFAULT_NONE, 0}
#define DEF_FALSE {KK_DEFAULT_FALSE, 0}
#define DEF_TRUE {KK_DEFAULT_TRUE, 0}
#define DEF_EXTRACTABLE {KK_DEFAULT_EXTRACTABLE, 0}
#define DEF_EMPTY {KK_DEFAULT_EMPTY, 0}
#define DEF_NUMBER(number) {KK_DEFAULT_NUMBER, number}
#define DEF_UNAVAILABLE {KK_DEFAULT_NUMBER, UINT64_MAX}

/* Whether a value is one that the attribute may have; CKR_ATTRIBUTE_VALUE_INVALID. */
typedef KK_RV kk_attr_check(const struct kk_attr *attr);

struct kk_attr_rule {
    CK_ATTRIBUTE_TYPE type;
    uint16_t footnotes;
    uint16_t rules;
    struct kk_default def;
    kk_attr_check *check;
};

struct kk_rule_table {
    const char *name;
    const struct kk_attr_rule *rows;
    size_t count;
    /* What the attributes must be together, whenever an object of this table is made or changed;
     * NULL: nothing. CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT. */
    KK_RV (*check)(const struct kk_attrs *attrs);
};

#define KK_RULE_TABLE(name_, rows_, check_)                                                        \
    {.name = (name_), .rows = (rows_), .count = KK_ARRAY_LEN(rows_), .check = (check_)}

#define KK_SCHEMA_TABLES 6

struct kk_schema {
    CK_OBJECT_CLASS object_class;
    CK_ULONG
    subtype; /* key type, certificate type; CK_UNAVAILABLE_INFORMATION: the class has none */
    const struct kk_rule_table *tables[KK_SCHEMA_TABLES]; /* common first; NULL behind the last */
};

/* The tables that more than one file needs. */
extern const struct kk_rule_table kk_rules_common;
extern const struct kk_rule_table kk_rules_storage;
extern const struct kk_rule_table kk_rules_storage_public;
extern const struct kk_rule_table kk_rules_data;
extern const struct kk_rule_table kk_rules_certificate;
extern const struct kk_rule_table kk_rules_x509;
extern const struct kk_rule_table kk_rules_wtls;
extern const struct kk_rule_table kk_rules_x509_attr;
extern const struct kk_rule_table kk_rules_key;
extern const struct kk_rule_table kk_rules_public_key;
extern const struct kk_rule_table kk_rules_private_key;
extern const struct kk_rule_table kk_rules_secret_key;
extern const struct kk_rule_table kk_rules_domain;
extern const struct kk_rule_table kk_rules_trust;
extern const struct kk_rule_table kk_rules_otp_key;
extern const struct kk_rule_table kk_rules_hotp;
extern const struct kk_rule_table kk_rules_securid;
extern const struct kk_rule_table kk_rules_hw_feature;
extern const struct kk_rule_table kk_rules_hw_clock;
extern const struct kk_rule_table kk_rules_hw_counter;
extern const struct kk_rule_table kk_rules_mechanism;
extern const struct kk_rule_table kk_rules_profile;
extern const struct kk_rule_table kk_rules_validation;

/* The attribute that tells the schemas of a class apart: CKA_KEY_TYPE, CKA_CERTIFICATE_TYPE,
 * CKA_HW_FEATURE_TYPE or, where there is one schema only, CK_UNAVAILABLE_INFORMATION. False for a
 * class that has none. */
bool kk_schema_subtype(CK_OBJECT_CLASS object_class, CK_ATTRIBUTE_TYPE *ret_type);

/* Whether the token makes the objects of a class itself; no template does. */
bool kk_schema_is_by_token(CK_OBJECT_CLASS object_class);

/* NULL when there is none. */
const struct kk_schema *kk_schema_find(CK_OBJECT_CLASS object_class, CK_ULONG subtype);

/* The schema of a finished set. */
const struct kk_schema *kk_schema_of(const struct kk_attrs *attrs);

/* All of them, by class and subtype (rules_key_types.c). */
extern const struct kk_schema kk_schemas[];
extern const size_t kk_schemas_count;

/* The row that holds for an attribute; NULL when objects of this schema do not have it. */
const struct kk_attr_rule *kk_schema_rule(const struct kk_schema *schema, CK_ATTRIBUTE_TYPE type);

/* Whether a table behind this one has a row for the attribute, which then holds. */
bool kk_schema_replaces(const struct kk_schema *schema, size_t table, CK_ATTRIBUTE_TYPE type);

/* All checks of all tables of the chain. */
KK_RV kk_schema_check(const struct kk_schema *schema, const struct kk_attrs *attrs);

/* Sets what an attribute is when nobody gives it; nothing when the row has no default. */
KK_RV kk_policy_set_default(const struct kk_attr_rule *rule, enum kk_verb verb,
                            struct kk_attrs *attrs);
