/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Schemas, and the policy as printed against tests/snapshot/attributes.txt. With KK_SNAPSHOT_WRITE
 * set the file is written instead.
 */
#include "object_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "object/policy_rules.h"

static FILE *open_snapshot(const char *mode)
{
    char path[4096];
    const char *root = getenv("KK_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/snapshot/attributes.txt", root == NULL ? "." : root);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

static void write_line(const char *text, void *context)
{
    fprintf(context, "%s\n", text);
}

static void compare_line(const char *text, void *context)
{
    char line[512] = "";
    if (fgets(line, sizeof line, context) == NULL) {
        fail_msg("the snapshot ends before: %s", text);
    }
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, text);
}

static void test_the_policy_is_the_committed_one(void **state)
{
    (void)state;
    bool writes = getenv("KK_SNAPSHOT_WRITE") != NULL;
    FILE *file = open_snapshot(writes ? "we" : "re");
    kk_policy_print(writes ? write_line : compare_line, file);
    if (!writes) {
        assert_int_equal(fgetc(file), EOF);
    }
    fclose(file);
}

static void test_schemas_are_sorted_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        const struct kk_schema *schema = &kk_schemas[i];
        assert_ptr_equal(kk_schema_find(schema->object_class, schema->subtype), schema);
        if (i > 0) {
            const struct kk_schema *before = schema - 1;
            assert_true(before->object_class < schema->object_class ||
                        (before->object_class == schema->object_class &&
                         before->subtype < schema->subtype));
        }
    }
    assert_null(kk_schema_find(CKO_SECRET_KEY, CKK_RSA));
    assert_null(kk_schema_find(CKO_HW_FEATURE, CK_UNAVAILABLE_INFORMATION));
}

static void test_a_later_table_replaces_a_row(void **state)
{
    (void)state;
    const struct kk_schema *secret = kk_schema_find(CKO_SECRET_KEY, CKK_AES);
    const struct kk_schema *public = kk_schema_find(CKO_PUBLIC_KEY, CKK_RSA);
    assert_int_equal(kk_schema_rule(secret, CKA_PRIVATE)->def.kind, KK_DEFAULT_TRUE);
    assert_int_equal(kk_schema_rule(public, CKA_PRIVATE)->def.kind, KK_DEFAULT_FALSE);
    assert_null(kk_schema_rule(public, CKA_DECRYPT));
}

static void test_classes_of_nobody_have_no_schema(void **state)
{
    (void)state;
    static const CK_OBJECT_CLASS others[] = {CKO_VENDOR_DEFINED, CK_UNAVAILABLE_INFORMATION};
    CK_ATTRIBUTE_TYPE type = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(others); i++) {
        assert_false(kk_schema_subtype(others[i], &type));
    }
}

static void test_the_tokens_own_classes_have_schemas(void **state)
{
    (void)state;
    size_t own = 0;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        own += kk_schema_is_by_token(kk_schemas[i].object_class);
    }
    assert_int_equal(own, 5); /* two hardware features, mechanism, profile, validation */
    assert_false(kk_schema_is_by_token(CKO_OTP_KEY));
    assert_false(kk_schema_is_by_token(CKO_TRUST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_policy_is_the_committed_one),
        cmocka_unit_test(test_schemas_are_sorted_and_found),
        cmocka_unit_test(test_a_later_table_replaces_a_row),
        cmocka_unit_test(test_classes_of_nobody_have_no_schema),
        cmocka_unit_test(test_the_tokens_own_classes_have_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
