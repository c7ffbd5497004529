/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a class and a key type to the rows that hold, and the policy as text.
 */
#include "object/policy_rules.h"

#include <stdio.h>

#include "cryptoki/names.h"

#include "base/banned.h"

bool kk_schema_is_by_token(CK_OBJECT_CLASS object_class)
{
    return object_class == CKO_HW_FEATURE || object_class == CKO_MECHANISM ||
           object_class == CKO_PROFILE || object_class == CKO_VALIDATION;
}

bool kk_schema_subtype(CK_OBJECT_CLASS object_class, CK_ATTRIBUTE_TYPE *ret_type)
{
    static const struct {
        CK_OBJECT_CLASS object_class;
        CK_ATTRIBUTE_TYPE type;
    } subtypes[] = {
        {CKO_DATA, CK_UNAVAILABLE_INFORMATION},
        {CKO_CERTIFICATE, CKA_CERTIFICATE_TYPE},
        {CKO_PUBLIC_KEY, CKA_KEY_TYPE},
        {CKO_PRIVATE_KEY, CKA_KEY_TYPE},
        {CKO_SECRET_KEY, CKA_KEY_TYPE},
        {CKO_DOMAIN_PARAMETERS, CKA_KEY_TYPE},
        {CKO_HW_FEATURE, CKA_HW_FEATURE_TYPE},
        {CKO_MECHANISM, CK_UNAVAILABLE_INFORMATION},
        {CKO_OTP_KEY, CKA_KEY_TYPE},
        {CKO_PROFILE, CK_UNAVAILABLE_INFORMATION},
        {CKO_VALIDATION, CK_UNAVAILABLE_INFORMATION},
        {CKO_TRUST, CK_UNAVAILABLE_INFORMATION},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(subtypes); i++) {
        if (subtypes[i].object_class == object_class) {
            *ret_type = subtypes[i].type;
            return true;
        }
    }
    return false;
}

const struct kk_schema *kk_schema_find(CK_OBJECT_CLASS object_class, CK_ULONG subtype)
{
    for (size_t i = 0; i < kk_schemas_count; i++) {
        if (kk_schemas[i].object_class == object_class && kk_schemas[i].subtype == subtype) {
            return &kk_schemas[i];
        }
    }
    return NULL;
}

const struct kk_schema *kk_schema_of(const struct kk_attrs *attrs)
{
    uint64_t object_class = kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
    CK_ATTRIBUTE_TYPE subtype_at = CK_UNAVAILABLE_INFORMATION;
    if (!kk_schema_subtype((CK_OBJECT_CLASS)object_class, &subtype_at)) {
        return NULL;
    }
    uint64_t subtype = kk_attrs_number(attrs, subtype_at, UINT64_MAX);
    return kk_schema_find((CK_OBJECT_CLASS)object_class, (CK_ULONG)subtype);
}

static const struct kk_attr_rule *table_rule(const struct kk_rule_table *table,
                                             CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].type == type) {
            return &table->rows[i];
        }
    }
    return NULL;
}

const struct kk_attr_rule *kk_schema_rule(const struct kk_schema *schema, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = KK_SCHEMA_TABLES; i > 0; i--) {
        const struct kk_rule_table *table = schema->tables[i - 1];
        const struct kk_attr_rule *rule = table == NULL ? NULL : table_rule(table, type);
        if (rule != NULL) {
            return rule;
        }
    }
    return NULL;
}

bool kk_schema_replaces(const struct kk_schema *schema, size_t table, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = table + 1; i < KK_SCHEMA_TABLES && schema->tables[i] != NULL; i++) {
        if (table_rule(schema->tables[i], type) != NULL) {
            return true;
        }
    }
    return false;
}

KK_RV kk_schema_check(const struct kk_schema *schema, const struct kk_attrs *attrs)
{
    for (size_t i = 0; i < KK_SCHEMA_TABLES && schema->tables[i] != NULL; i++) {
        if (schema->tables[i]->check != NULL) {
            KK_TRY(schema->tables[i]->check(attrs));
        }
    }
    return CKR_OK;
}

/* A line that grows; what does not fit is cut, which the snapshot would show. */
struct line {
    char text[256];
    size_t len;
};

static void line_add(struct line *line, const char *separator, const char *word)
{
    size_t room = sizeof line->text - line->len;
    int written = snprintf(line->text + line->len, room, "%s%s", separator, word);
    if (written > 0) {
        line->len += KK_MIN((size_t)written, room - 1);
    }
}

static void add_footnotes(struct line *line, uint16_t footnotes)
{
    const char *separator = "\t";
    for (unsigned int number = 1; number <= 13; number++) {
        if ((footnotes & FN(number)) != 0) {
            char digits[8];
            snprintf(digits, sizeof digits, "%u", number);
            line_add(line, separator, digits);
            separator = ",";
        }
    }
    if (footnotes == 0) {
        line_add(line, separator, "-");
    }
}

static void add_rules(struct line *line, uint16_t rules)
{
    static const char *const names[] = {"copy-only", "settable", "sticky-false", "optional",
                                        "computed",  "extra",    "no-store"};
    const char *separator = "\t";
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        if ((rules & 1u << i) != 0) {
            line_add(line, separator, names[i]);
            separator = ",";
        }
    }
    if (rules == 0) {
        line_add(line, separator, "-");
    }
}

static void add_default(struct line *line, const struct kk_default *def)
{
    static const char *const names[] = {"-", "false", "true", "false/true", "", "empty"};
    char number[32] = "unavailable";
    if (def->kind != KK_DEFAULT_NUMBER) {
        line_add(line, "\t", names[def->kind]);
        return;
    }
    if (def->number != UINT64_MAX) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)def->number);
    }
    line_add(line, "\t", number);
}

static const char *data_name(CK_ATTRIBUTE_TYPE type)
{
    static const char *const names[] = {"bool", "ulong",    "bytes",     "number",
                                        "date", "template", "ulong-list"};
    const struct kk_attr_type *row = kk_attr_type_find(type);
    return row == NULL ? "?" : names[row->data];
}

static void print_table(const struct kk_rule_table *table,
                        void (*put)(const char *text, void *context), void *context)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct kk_attr_rule *rule = &table->rows[i];
        struct line line = {0};
        line_add(&line, "", table->name);
        line_add(&line, "\t", kk_names_find(KK_NAMES_CKA, rule->type));
        line_add(&line, "\t", data_name(rule->type));
        add_footnotes(&line, rule->footnotes);
        add_rules(&line, rule->rules);
        add_default(&line, &rule->def);
        line_add(&line, "\t", rule->check != NULL ? "checked" : "-");
        put(line.text, context);
    }
}

/* Whether a schema before this one has the table too: each is printed once. */
static bool is_printed(const struct kk_rule_table *table, size_t schema)
{
    for (size_t i = 0; i < schema; i++) {
        for (size_t j = 0; j < KK_SCHEMA_TABLES; j++) {
            if (kk_schemas[i].tables[j] == table) {
                return true;
            }
        }
    }
    return false;
}

static void print_chain(const struct kk_schema *schema,
                        void (*put)(const char *text, void *context), void *context)
{
    CK_ATTRIBUTE_TYPE subtype_at = CK_UNAVAILABLE_INFORMATION;
    bool is_known = kk_schema_subtype(schema->object_class, &subtype_at);
    KK_ASSERT(is_known);
    struct line line = {0};
    line_add(&line, "", "schema");
    line_add(&line, "\t", kk_names_find(KK_NAMES_CKO, schema->object_class));
    if (subtype_at == CKA_CERTIFICATE_TYPE) {
        line_add(&line, "\t", kk_names_find(KK_NAMES_CKC, schema->subtype));
    } else if (subtype_at == CKA_KEY_TYPE) {
        line_add(&line, "\t", kk_names_find(KK_NAMES_CKK, schema->subtype));
    } else if (subtype_at == CKA_HW_FEATURE_TYPE) {
        line_add(&line, "\t", schema->subtype == CKH_CLOCK ? "CKH_CLOCK" : "CKH_MONOTONIC_COUNTER");
    } else {
        line_add(&line, "\t", "-");
    }
    for (size_t i = 0; i < KK_SCHEMA_TABLES && schema->tables[i] != NULL; i++) {
        line_add(&line, i == 0 ? "\t" : " > ", schema->tables[i]->name);
    }
    put(line.text, context);
}

void kk_policy_print(void (*line)(const char *text, void *context), void *context)
{
    for (size_t i = 0; i < kk_schemas_count; i++) {
        for (size_t j = 0; j < KK_SCHEMA_TABLES && kk_schemas[i].tables[j] != NULL; j++) {
            if (!is_printed(kk_schemas[i].tables[j], i)) {
                print_table(kk_schemas[i].tables[j], line, context);
            }
        }
    }
    for (size_t i = 0; i < kk_schemas_count; i++) {
        print_chain(&kk_schemas[i], line, context);
    }
}
