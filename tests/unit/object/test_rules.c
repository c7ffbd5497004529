/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy's rows against the standard's tables, whose footnotes stand in footnotes.tsv.
 */
#include "object_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cryptoki/names.h"
#include "object/policy_rules.h"

#define COLUMNS 6
#define LINES_MAX 400

struct fact {
    char *line;
    char *column[COLUMNS]; /* table, caption, attribute, footnotes, ours, reason */
};

static struct fact facts[LINES_MAX];
static size_t fact_count;

static void split(struct fact *fact, const char *line)
{
    fact->line = strdup(line);
    char *rest = fact->line;
    for (size_t i = 0; i < COLUMNS; i++) {
        fact->column[i] = strsep(&rest, "\t");
        assert_non_null(fact->column[i]);
    }
    assert_null(rest);
}

static int read_facts(void **state)
{
    (void)state;
    char path[4096];
    char line[1024];
    const char *root = getenv("KK_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/unit/object/footnotes.tsv", root == NULL ? "." : root);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#') {
            assert_true(fact_count < LINES_MAX);
            split(&facts[fact_count++], line);
        }
    }
    fclose(file);
    return 0;
}

static int free_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < fact_count; i++) {
        free(facts[i].line);
    }
    return 0;
}

static uint16_t parse_footnotes(const char *text)
{
    uint16_t footnotes = 0;
    while (*text != '\0' && *text != '-') {
        char *end = NULL;
        footnotes |= (uint16_t)FN(strtoul(text, &end, 10));
        assert_true(end > text);
        text = *end == ',' ? end + 1 : end;
    }
    return footnotes;
}

static bool has_table(const struct kk_schema *schema, const char *name)
{
    for (size_t i = 0; i < KK_SCHEMA_TABLES && schema->tables[i] != NULL; i++) {
        if (strcmp(schema->tables[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The first schema with this table. */
static const struct kk_schema *schema_with(const char *table)
{
    for (size_t i = 0; i < kk_schemas_count; i++) {
        if (has_table(&kk_schemas[i], table)) {
            return &kk_schemas[i];
        }
    }
    return NULL;
}

static void test_every_row_of_the_standard_is_ours_with_its_footnotes(void **state)
{
    (void)state;
    assert_true(fact_count > 200);
    for (size_t i = 0; i < fact_count; i++) {
        char **column = facts[i].column;
        CK_ULONG type = 0;
        const struct kk_schema *schema = schema_with(column[0]);
        if (schema == NULL || !kk_names_lookup(KK_NAMES_CKA, column[2], &type)) {
            fail_msg("%s %s: no such table or attribute", column[0], column[2]);
            return;
        }
        const struct kk_attr_rule *rule = kk_schema_rule(schema, type);
        const char *wanted = strcmp(column[4], "=") == 0 ? column[3] : column[4];
        if (rule == NULL || rule->footnotes != parse_footnotes(wanted)) {
            fail_msg("%s %s: footnotes are not %s", column[0], column[2], wanted);
        }
    }
}

static void test_every_difference_is_a_difference_and_has_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < fact_count; i++) {
        char **column = facts[i].column;
        bool differs = strcmp(column[4], "=") != 0;
        assert_int_equal(differs, strcmp(column[5], "-") != 0);
        assert_true(!differs || strcmp(column[3], column[4]) != 0);
    }
}

static bool is_fact(const char *table, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < fact_count; i++) {
        CK_ULONG value = 0;
        bool is_attribute = kk_names_lookup(KK_NAMES_CKA, facts[i].column[2], &value);
        if (is_attribute && value == type && strcmp(facts[i].column[0], table) == 0) {
            return true;
        }
    }
    return false;
}

/* The tables up to this one have the attribute: then it only replaces a row. */
static bool is_replacement(const struct kk_schema *schema, size_t table, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < table; i++) {
        for (size_t j = 0; j < schema->tables[i]->count; j++) {
            if (schema->tables[i]->rows[j].type == type) {
                return true;
            }
        }
    }
    return false;
}

static void test_every_row_of_ours_is_the_standard_s_or_marked_extra(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        const struct kk_schema *schema = &kk_schemas[i];
        for (size_t j = 0; j < KK_SCHEMA_TABLES && schema->tables[j] != NULL; j++) {
            const struct kk_rule_table *table = schema->tables[j];
            for (size_t k = 0; k < table->count; k++) {
                CK_ATTRIBUTE_TYPE type = table->rows[k].type;
                bool is_extra = (table->rows[k].rules & KK_RULE_EXTRA) != 0;
                bool is_known = is_fact(table->name, type) || is_replacement(schema, j, type);
                assert_int_not_equal(is_extra, is_known);
            }
        }
    }
}

static void test_tables_are_sorted_and_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        const struct kk_schema *schema = &kk_schemas[i];
        for (size_t j = 0; j < KK_SCHEMA_TABLES && schema->tables[j] != NULL; j++) {
            const struct kk_rule_table *table = schema->tables[j];
            for (size_t k = 0; k < table->count; k++) {
                assert_true(k == 0 || table->rows[k - 1].type < table->rows[k].type);
                assert_non_null(kk_attr_type_find(table->rows[k].type));
            }
        }
    }
}

/* A default has the kind of its attribute. */
static void test_defaults_fit_their_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        const struct kk_schema *schema = &kk_schemas[i];
        for (size_t j = 0; j < KK_SCHEMA_TABLES && schema->tables[j] != NULL; j++) {
            for (size_t k = 0; k < schema->tables[j]->count; k++) {
                const struct kk_attr_rule *rule = &schema->tables[j]->rows[k];
                enum kk_attr_kind kind = kk_attr_data_kind(kk_attr_type_find(rule->type)->data);
                bool is_bool = rule->def.kind == KK_DEFAULT_TRUE ||
                               rule->def.kind == KK_DEFAULT_FALSE ||
                               rule->def.kind == KK_DEFAULT_EXTRACTABLE;
                assert_true(!is_bool || kind == KK_ATTR_BOOL);
                assert_true(rule->def.kind != KK_DEFAULT_NUMBER || kind == KK_ATTR_ULONG);
                assert_true(rule->def.kind != KK_DEFAULT_EMPTY || kind == KK_ATTR_BYTES);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_of_the_standard_is_ours_with_its_footnotes),
        cmocka_unit_test(test_every_difference_is_a_difference_and_has_a_reason),
        cmocka_unit_test(test_every_row_of_ours_is_the_standard_s_or_marked_extra),
        cmocka_unit_test(test_tables_are_sorted_and_typed),
        cmocka_unit_test(test_defaults_fit_their_type),
    };
    return cmocka_run_group_tests(tests, read_facts, free_facts);
}
