/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "cryptoki/names.h"

#include "header.h"

#include <string.h>

static const char *const prefixes[KK_NAMES_COUNT] = {
    [KK_NAMES_CKM] = "CKM_", [KK_NAMES_CKA] = "CKA_", [KK_NAMES_CKR] = "CKR_",
    [KK_NAMES_CKO] = "CKO_", [KK_NAMES_CKK] = "CKK_", [KK_NAMES_CKU] = "CKU_",
    [KK_NAMES_CKS] = "CKS_", [KK_NAMES_CKC] = "CKC_", [KK_NAMES_CKD] = "CKD_",
    [KK_NAMES_CKG] = "CKG_", [KK_NAMES_CKP] = "CKP_", [KK_NAMES_CKH] = "CKH_",
    [KK_NAMES_CKZ] = "CKZ_", [KK_NAMES_CKT] = "CKT_", [KK_NAMES_CKV] = "CKV_",
};

static void test_tables_are_sorted_by_value(void **state)
{
    (void)state;
    for (enum kk_name_space space = 0; space < KK_NAMES_COUNT; space++) {
        size_t count = 0;
        const struct kk_name *rows = kk_names_table(space, &count);
        assert_non_null(rows);
        assert_true(count > 0);
        for (size_t i = 1; i < count; i++) {
            assert_true(rows[i - 1].value <= rows[i].value);
        }
    }
}

static void test_names_are_unique_and_have_their_prefix(void **state)
{
    (void)state;
    for (enum kk_name_space space = 0; space < KK_NAMES_COUNT; space++) {
        size_t count = 0;
        const struct kk_name *rows = kk_names_table(space, &count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(strncmp(rows[i].name, prefixes[space], 4), 0);
            for (size_t j = i + 1; j < count; j++) {
                assert_string_not_equal(rows[i].name, rows[j].name);
            }
        }
    }
}

static void test_every_row_is_found_both_ways(void **state)
{
    (void)state;
    for (enum kk_name_space space = 0; space < KK_NAMES_COUNT; space++) {
        size_t count = 0;
        const struct kk_name *rows = kk_names_table(space, &count);
        const struct kk_name *first = rows;
        for (size_t i = 0; i < count; i++) {
            CK_ULONG value = ~rows[i].value;
            assert_true(kk_names_lookup(space, rows[i].name, &value));
            assert_int_equal(value, rows[i].value);
            first = rows[i].value == first->value ? first : &rows[i];
            assert_string_equal(kk_names_find(space, rows[i].value), first->name);
        }
    }
}

static void test_present_names_stand_before_old_ones(void **state)
{
    (void)state;
    assert_string_equal(kk_names_find(KK_NAMES_CKK, CKK_EC), "CKK_EC");
    assert_string_equal(kk_names_find(KK_NAMES_CKM, CKM_EC_KEY_PAIR_GEN), "CKM_EC_KEY_PAIR_GEN");
    assert_string_equal(kk_names_find(KK_NAMES_CKM, CKM_AES_GCM), "CKM_AES_GCM");
    assert_string_equal(kk_names_find(KK_NAMES_CKA, CKA_EC_PARAMS), "CKA_EC_PARAMS");
    assert_string_equal(kk_names_find(KK_NAMES_CKR, CKR_OK), "CKR_OK");
    CK_ULONG value = 0;
    assert_true(kk_names_lookup(KK_NAMES_CKM, "CKM_ECDSA_KEY_PAIR_GEN", &value));
    assert_int_equal(value, CKM_EC_KEY_PAIR_GEN);
}

static void test_what_is_not_there_is_not_found(void **state)
{
    (void)state;
    CK_ULONG value = 77;
    assert_null(kk_names_find(KK_NAMES_CKM, 0x7fffffff));
    assert_null(kk_names_find(KK_NAMES_CKM, CK_UNAVAILABLE_INFORMATION));
    assert_null(kk_names_find(KK_NAMES_CKR, 4));
    assert_false(kk_names_lookup(KK_NAMES_CKM, "CKM_AES_gcm", &value));
    assert_false(kk_names_lookup(KK_NAMES_CKM, "AES_GCM", &value));
    assert_false(kk_names_lookup(KK_NAMES_CKM, "CKM_AES_GC", &value));
    assert_false(kk_names_lookup(KK_NAMES_CKM, "CKM_AES_GCMX", &value));
    assert_false(kk_names_lookup(KK_NAMES_CKM, "", &value));
    assert_false(kk_names_lookup(KK_NAMES_CKA, "CKM_AES_GCM", &value));
    assert_int_equal(value, 77);
}

static enum kk_name_space space_of(const char *name)
{
    enum kk_name_space space = 0;
    while (space < KK_NAMES_COUNT && strncmp(name, prefixes[space], 4) != 0) {
        space++;
    }
    return space;
}

/* Each #define of the header whose prefix has a table; the marks that open a vendor's range are no
 * names of anything. */
static void test_tables_hold_every_constant_of_the_header(void **state)
{
    (void)state;
    size_t seen = 0;
    for (const char *at = header_text(); (at = strstr(at, "#define CK")) != NULL; at++) {
        char name[80] = {0};
        CK_ULONG value = 0;
        assert_int_equal(sscanf(at, "#define %79[A-Za-z0-9_]", name), 1);
        enum kk_name_space space = space_of(name);
        if (space == KK_NAMES_COUNT || strstr(name, "_VENDOR_DEFINED") != NULL) {
            continue;
        }
        if (!kk_names_lookup(space, name, &value)) {
            fail_msg("%s stands in no table", name);
        }
        char text[80] = {0};
        if (sscanf(at, "#define %*s %79[0-9a-fxUL]", text) == 1) {
            assert_int_equal(value, strtoul(text, NULL, 16));
        }
        seen++;
    }
    size_t rows = 0;
    for (enum kk_name_space space = 0; space < KK_NAMES_COUNT; space++) {
        size_t count = 0;
        const struct kk_name *table = kk_names_table(space, &count);
        for (size_t i = 0; i < count; i++) {
            rows += strstr(table[i].name, "_VENDOR_DEFINED") == NULL;
        }
    }
    assert_true(seen > 800);
    assert_int_equal(rows, seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_sorted_by_value),
        cmocka_unit_test(test_names_are_unique_and_have_their_prefix),
        cmocka_unit_test(test_every_row_is_found_both_ways),
        cmocka_unit_test(test_present_names_stand_before_old_ones),
        cmocka_unit_test(test_what_is_not_there_is_not_found),
        cmocka_unit_test(test_tables_hold_every_constant_of_the_header),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
