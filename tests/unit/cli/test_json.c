/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/json.c: what the writer writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/json.h"

static void assert_document(struct kk_json *json, const char *want)
{
    kk_buffer_put_u8(&json->text, 0);
    assert_int_equal(kk_buffer_check(&json->text), CKR_OK);
    assert_string_equal((const char *)json->text.data, want);
    kk_json_clear(json);
}

static void test_values(void **state)
{
    (void)state;
    struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_json_text(&json, "text", "a");
    kk_json_number(&json, "number", 4294967295ul);
    kk_json_bool(&json, "yes", true);
    kk_json_bool(&json, "no", false);
    kk_json_null(&json, "none");
    kk_json_end(&json);
    assert_document(&json, "{\n  \"text\": \"a\",\n  \"number\": 4294967295,\n  \"yes\": true,\n"
                           "  \"no\": false,\n  \"none\": null\n}");
}

static void test_nesting(void **state)
{
    (void)state;
    struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_json_array(&json, "empty");
    kk_json_end(&json);
    kk_json_array(&json, "list");
    kk_json_number(&json, NULL, 1);
    kk_json_object(&json, NULL);
    kk_json_end(&json);
    kk_json_end(&json);
    kk_json_end(&json);
    assert_document(&json, "{\n  \"empty\": [],\n  \"list\": [\n    1,\n    {}\n  ]\n}");
}

static void test_strings_are_escaped(void **state)
{
    (void)state;
    struct kk_json json = {0};
    kk_json_bytes(&json, NULL, KK_SPAN_TEXT("\"\\/\b\f\n\r\t\0\x1f\x7f\xc3\xa4\xff"));
    assert_document(&json, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\xc3\xa4\xef\xbf\xbd\"");
    kk_json_bytes(&json, NULL, KK_SPAN(NULL, 0));
    assert_document(&json, "\"\"");
    kk_json_object(&json, NULL);
    kk_json_null(&json, "a\"key");
    kk_json_end(&json);
    assert_document(&json, "{\n  \"a\\\"key\": null\n}");
}

static void test_no_memory_is_remembered(void **state)
{
    (void)state;
    struct kk_json json = {0};
    kk_alloc_fail_at(1);
    kk_json_object(&json, NULL);
    kk_alloc_fail_at(0);
    kk_json_end(&json);
    assert_int_equal(kk_json_print(&json), CKR_HOST_MEMORY);
    kk_json_clear(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_strings_are_escaped),
        cmocka_unit_test(test_no_memory_is_remembered),
    };
    return cmocka_run_group_tests_name("cli_json", tests, NULL, NULL);
}
