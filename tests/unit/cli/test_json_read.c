/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON reader: what RFC 8259 allows is read, and nothing else; the bounds hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/json_read.h"

static CK_RV read_text(const char *text, size_t *ret_offset, struct kk_json_tree **ret_tree)
{
    return kk_json_read(KK_SPAN(text, strlen(text)), ret_offset, ret_tree);
}

static struct kk_json_tree *parsed(const char *text)
{
    struct kk_json_tree *tree = NULL;
    if (read_text(text, NULL, &tree) != CKR_OK) {
        fail_msg("not read: %s", text);
    }
    return tree;
}

static void assert_text(const struct kk_json_value *value, struct kk_span expected)
{
    assert_non_null(value);
    assert_int_equal(value->kind, KK_JSON_STRING);
    assert_true(kk_span_equal(value->text, expected));
}

static void test_every_kind(void **state)
{
    (void)state;
    KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree =
        parsed(" {\"s\": \"x\", \"n\":-0.5e+10,\"t\":true,\t\"f\":false,\r\n"
               "\"z\":null, \"a\":[1,[],{}], \"o\":{\"s\":\"y\"}} \n");
    assert_int_equal(tree->count, 12);
    assert_int_equal(tree->values[0].kind, KK_JSON_OBJECT);
    assert_int_equal(tree->values[0].end, 12);
    assert_text(kk_json_member(tree, 0, "s"), KK_SPAN_TEXT("x"));
    assert_int_equal(kk_json_member(tree, 0, "n")->kind, KK_JSON_NUMBER);
    assert_true(kk_span_equal(kk_json_member(tree, 0, "n")->text, KK_SPAN_TEXT("-0.5e+10")));
    assert_int_equal(kk_json_member(tree, 0, "t")->kind, KK_JSON_TRUE);
    assert_int_equal(kk_json_member(tree, 0, "f")->kind, KK_JSON_FALSE);
    assert_int_equal(kk_json_member(tree, 0, "z")->kind, KK_JSON_NULL);
    const struct kk_json_value *array = kk_json_member(tree, 0, "a");
    assert_int_equal(array->kind, KK_JSON_ARRAY);
    assert_int_equal(array->end - (size_t)(array - tree->values), 4);
    size_t inner = (size_t)(kk_json_member(tree, 0, "o") - tree->values);
    assert_text(kk_json_member(tree, inner, "s"), KK_SPAN_TEXT("y"));
    assert_null(kk_json_member(tree, 0, "absent"));
    assert_null(kk_json_member(tree, inner, "n"));
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        struct kk_span text;
    } rows[] = {
        {"\"\"", {NULL, 0}},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", {(const uint8_t *)"\"\\/\b\f\n\r\t", 8}},
        {"\"\\u0000\"", {(const uint8_t *)"\0", 1}},
        {"\"\\u00e9\\u20AC\"", {(const uint8_t *)"\xc3\xa9\xe2\x82\xac", 5}},
        {"\"\\ud83d\\ude00\"", {(const uint8_t *)"\xf0\x9f\x98\x80", 4}},
        {"\"\xf0\x9f\x98\x80\x7f\"", {(const uint8_t *)"\xf0\x9f\x98\x80\x7f", 5}},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree = parsed(rows[i].json);
        assert_text(&tree->values[0], rows[i].text);
    }
}

static void test_what_is_no_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":1]",
        "{,}",
        "{\"a\" 1}",
        "{1:1}",
        "tru",
        "truth",
        "nul",
        "falsee",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "NaN",
        "1 1",
        "\"",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\n\"",
        "\"\x1f\"",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "'a'",
        "[1]//",
        "/**/1",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_json_tree *tree = NULL;
        size_t offset = SIZE_MAX;
        if (read_text(bad[i], &offset, &tree) != CKR_DATA_INVALID) {
            fail_msg("read: %s", bad[i]);
        }
        assert_null(tree);
        assert_true(offset <= strlen(bad[i]));
    }
}

/* `depth` arrays in each other. */
static CK_RV nested(size_t depth)
{
    char text[2 * KK_JSON_READ_DEPTH + 8] = "";
    KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree = NULL;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return kk_json_read(KK_SPAN(text, 2 * depth), NULL, &tree);
}

/* An object with so many members, each of them an object with one. */
static CK_RV wide(size_t count)
{
    char member[40];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree = NULL;
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(member, sizeof member, "%c\"%zu\":{\"a\":1}", i == 0 ? '{' : ',', i);
        kk_buffer_put(&text, member, (size_t)len);
    }
    kk_buffer_put(&text, "}", 1);
    return kk_json_read(kk_buffer_span(&text), NULL, &tree);
}

static void test_the_bounds(void **state)
{
    (void)state;
    assert_int_equal(nested(KK_JSON_READ_DEPTH), CKR_OK);
    assert_int_equal(nested(KK_JSON_READ_DEPTH + 1), CKR_DATA_INVALID);
    assert_int_equal(wide(KK_JSON_READ_MEMBERS), CKR_OK);
    assert_int_equal(wide(KK_JSON_READ_MEMBERS + 1), CKR_DATA_INVALID);
}

static void test_no_memory(void **state)
{
    (void)state;
    unsigned long nth = 1;
    CK_RV rv = CKR_HOST_MEMORY;
    for (; rv == CKR_HOST_MEMORY && nth < 100; nth++) {
        KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree = NULL;
        kk_alloc_fail_at(nth);
        rv = read_text("[1,2,{\"a\":\"b\"}]", NULL, &tree);
        kk_alloc_fail_at(0);
    }
    assert_int_equal(rv, CKR_OK);
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),      cmocka_unit_test(test_strings),
        cmocka_unit_test(test_what_is_no_json), cmocka_unit_test(test_the_bounds),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
