/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/table.c: tables as a person and as a program see them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/table.h"

static const struct kk_column columns[] = {{"Name", "name"}, {"Number", "number"}, {"On", "on"}};

static struct kk_table new_table(void)
{
    return (struct kk_table){.columns = columns, .column_count = KK_ARRAY_LEN(columns)};
}

/* What a printing function puts on stdout. */
static void assert_prints(KK_RV (*print)(const struct kk_table *table),
                          const struct kk_table *table, const char *want)
{
    char path[] = "/tmp/keykist-table-XXXXXX";
    char got[1024] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)fflush(stdout);
    int before = dup(STDOUT_FILENO);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    CK_RV rv = print(table);
    (void)fflush(stdout);
    (void)dup2(before, STDOUT_FILENO);
    (void)close(before);
    assert_int_equal(rv, CKR_OK);
    assert_true(pread(fd, got, sizeof got - 1, 0) >= 0);
    (void)close(fd);
    (void)unlink(path);
    assert_string_equal(got, want);
}

static void put_row(struct kk_table *table, const char *name, unsigned long number, bool on)
{
    kk_table_text(table, name);
    kk_table_number(table, number);
    kk_table_bool(table, on);
}

static void test_columns_are_as_wide_as_their_widest(void **state)
{
    (void)state;
    KK_CLEANUP(kk_table_clear) struct kk_table table = new_table();
    put_row(&table, "a", 1234567890, true);
    put_row(&table, "sch\xc3\xb6n", 1, false);
    kk_table_none(&table);
    kk_table_none(&table);
    kk_table_none(&table);
    assert_prints(kk_table_print, &table,
                  "Name   Number      On\n"
                  "a      1234567890  yes\n"
                  "sch\xc3\xb6n  1           no\n"
                  "-      -           -\n");
}

static void test_an_empty_table_has_titles(void **state)
{
    (void)state;
    KK_CLEANUP(kk_table_clear) struct kk_table table = new_table();
    assert_prints(kk_table_print, &table, "Name  Number  On\n");
}

static void test_a_record(void **state)
{
    (void)state;
    KK_CLEANUP(kk_table_clear) struct kk_table table = new_table();
    put_row(&table, "a\nb", 7, true);
    assert_prints(kk_table_print_record, &table,
                  "Name    a?b\n"
                  "Number  7\n"
                  "On      yes\n");
}

static void test_json(void **state)
{
    (void)state;
    KK_CLEANUP(kk_table_clear) struct kk_table table = new_table();
    struct kk_json json = {0};
    put_row(&table, "a", 7, true);
    kk_table_json_record(&table, &json, NULL);
    kk_buffer_put_u8(&json.text, 0);
    assert_string_equal((const char *)json.text.data,
                        "{\n  \"name\": \"a\",\n  \"number\": 7,\n  \"on\": true\n}");
    kk_json_clear(&json);
}

/* Wherever memory runs out, the table says so and prints nothing. */
static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned long n = 1; n <= 4; n++) {
        KK_CLEANUP(kk_table_clear) struct kk_table table = new_table();
        kk_alloc_fail_at(n);
        put_row(&table, "a", 7, true);
        kk_alloc_fail_at(0);
        assert_int_equal(kk_table_print(&table), CKR_HOST_MEMORY);
        assert_int_equal(kk_table_print_record(&table), CKR_HOST_MEMORY);
        struct kk_json json = {0};
        kk_table_json(&table, &json, NULL);
        assert_int_equal(kk_json_print(&json), CKR_HOST_MEMORY);
        kk_json_clear(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_as_wide_as_their_widest),
        cmocka_unit_test(test_an_empty_table_has_titles),
        cmocka_unit_test(test_a_record),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("cli_table", tests, NULL, NULL);
}
