/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * functions.h against the function lists of pkcs11.h, and the sizes and offsets that programs
 * compiled against anybody's PKCS#11 header count on.
 */
#include "unit.h"

#include "cryptoki/functions.h"

#include <string.h>

#define NAME_ROW(name, ...) #name,
static const char *const names[] = {KK_FUNCTIONS(NAME_ROW)};

#define OFFSET_ROW_3_2(name, ...) offsetof(CK_FUNCTION_LIST_3_2, name),
static const size_t offsets_3_2[] = {KK_FUNCTIONS(OFFSET_ROW_3_2)};

static size_t expected_offset(size_t row)
{
    return (row + 1) * sizeof(void *);
}

static void test_there_are_as_many_rows_as_the_lists_have(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(names), KK_FUNCTIONS_3_2);
    assert_int_equal(sizeof(CK_FUNCTION_LIST), expected_offset(KK_FUNCTIONS_2_40));
    assert_int_equal(sizeof(CK_FUNCTION_LIST_3_0), expected_offset(KK_FUNCTIONS_3_0));
    assert_int_equal(sizeof(CK_FUNCTION_LIST_3_2), expected_offset(KK_FUNCTIONS_3_2));
}

static void test_rows_are_in_the_order_of_the_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(offsets_3_2); i++) {
        assert_int_equal(offsets_3_2[i], expected_offset(i));
    }
    assert_string_equal(names[0], "C_Initialize");
    assert_string_equal(names[KK_FUNCTIONS_2_40 - 1], "C_WaitForSlotEvent");
    assert_string_equal(names[KK_FUNCTIONS_3_0 - 1], "C_MessageVerifyFinal");
    assert_string_equal(names[KK_FUNCTIONS_3_2 - 1], "C_UnwrapKeyAuthenticated");
}

static void test_each_list_begins_with_the_one_before(void **state)
{
    (void)state;
    assert_int_equal(offsetof(CK_FUNCTION_LIST, C_WaitForSlotEvent),
                     offsetof(CK_FUNCTION_LIST_3_2, C_WaitForSlotEvent));
    assert_int_equal(offsetof(CK_FUNCTION_LIST_3_0, C_WaitForSlotEvent),
                     offsetof(CK_FUNCTION_LIST_3_2, C_WaitForSlotEvent));
    assert_int_equal(offsetof(CK_FUNCTION_LIST, C_Sign), offsetof(CK_FUNCTION_LIST_3_0, C_Sign));
    assert_int_equal(offsetof(CK_FUNCTION_LIST_3_0, C_GetInterface),
                     offsetof(CK_FUNCTION_LIST_3_2, C_GetInterface));
    assert_int_equal(offsetof(CK_FUNCTION_LIST_3_0, C_MessageVerifyFinal),
                     offsetof(CK_FUNCTION_LIST_3_2, C_MessageVerifyFinal));
    assert_int_equal(offsetof(CK_FUNCTION_LIST, version), 0);
    assert_int_equal(offsetof(CK_FUNCTION_LIST_3_2, version), 0);
}

static void test_names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(strncmp(names[i], "C_", 2), 0);
        for (size_t j = i + 1; j < ARRAY_LEN(names); j++) {
            assert_string_not_equal(names[i], names[j]);
        }
    }
}

static void test_basic_types(void **state)
{
    (void)state;
    assert_int_equal(sizeof(CK_ULONG), sizeof(void *));
    assert_int_equal(sizeof(CK_BBOOL), 1);
    assert_int_equal(sizeof(CK_VERSION), 2);
    assert_int_equal(sizeof(CK_DATE), 8);
    assert_int_equal(sizeof(CK_ATTRIBUTE), 3 * sizeof(CK_ULONG));
    assert_int_equal(sizeof(CK_MECHANISM), 3 * sizeof(CK_ULONG));
    assert_true(CK_UNAVAILABLE_INFORMATION == (CK_ULONG)-1);
}

/* Natural alignment, on 64 bits. */
static void test_sizes_on_64_bits(void **state)
{
    (void)state;
    if (sizeof(CK_ULONG) != 8) {
        return;
    }
    assert_int_equal(sizeof(CK_FUNCTION_LIST), 552);
    assert_int_equal(sizeof(CK_FUNCTION_LIST_3_0), 744);
    assert_int_equal(sizeof(CK_FUNCTION_LIST_3_2), 840);
    assert_int_equal(sizeof(CK_INFO), 88);
    assert_int_equal(offsetof(CK_INFO, flags), 40);
    assert_int_equal(offsetof(CK_INFO, libraryVersion), 80);
    assert_int_equal(sizeof(CK_SLOT_INFO), 112);
    assert_int_equal(offsetof(CK_SLOT_INFO, flags), 96);
    assert_int_equal(sizeof(CK_TOKEN_INFO), 208);
    assert_int_equal(offsetof(CK_TOKEN_INFO, flags), 96);
    assert_int_equal(offsetof(CK_TOKEN_INFO, hardwareVersion), 184);
    assert_int_equal(offsetof(CK_TOKEN_INFO, utcTime), 188);
    assert_int_equal(sizeof(CK_SESSION_INFO), 32);
    assert_int_equal(sizeof(CK_MECHANISM_INFO), 24);
    assert_int_equal(sizeof(CK_C_INITIALIZE_ARGS), 48);
    assert_int_equal(sizeof(CK_INTERFACE), 24);
    assert_int_equal(sizeof(CK_RSA_PKCS_OAEP_PARAMS), 40);
    assert_int_equal(sizeof(CK_RSA_PKCS_PSS_PARAMS), 24);
    assert_int_equal(sizeof(CK_ECDH1_DERIVE_PARAMS), 40);
    assert_int_equal(sizeof(CK_AES_CTR_PARAMS), 24);
    assert_int_equal(sizeof(CK_GCM_PARAMS), 48);
    assert_int_equal(sizeof(CK_EDDSA_PARAMS), 24);
    assert_int_equal(sizeof(CK_HKDF_PARAMS), 64);
    assert_int_equal(sizeof(CK_RSA_AES_KEY_WRAP_PARAMS), 16);
    assert_int_equal(sizeof(CK_PKCS5_PBKD2_PARAMS2), 72);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_are_as_many_rows_as_the_lists_have),
        cmocka_unit_test(test_rows_are_in_the_order_of_the_list),
        cmocka_unit_test(test_each_list_begins_with_the_one_before),
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_basic_types),
        cmocka_unit_test(test_sizes_on_64_bits),
    };
    return cmocka_run_group_tests_name("functions", tests, NULL, NULL);
}
