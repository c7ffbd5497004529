/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the error queue to a code.
 */
#include "fixture.h"

#include <openssl/err.h>

#include "crypto/error.h"

static void test_code_is_the_callers_where_the_queue_says_nothing_better(void **state)
{
    (void)state;
    ERR_clear_error();
    assert_int_equal(kk_crypto_error("call", CKR_DATA_INVALID), CKR_DATA_INVALID);
    ERR_raise(ERR_LIB_EVP, 100);
    assert_int_equal(kk_crypto_error("call", CKR_SIGNATURE_INVALID), CKR_SIGNATURE_INVALID);
}

static void test_no_memory_and_no_random_have_their_codes(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    assert_int_equal(kk_crypto_error("call", CKR_DATA_INVALID), CKR_HOST_MEMORY);
    ERR_raise(ERR_LIB_RAND, 100);
    assert_int_equal(kk_crypto_error("call", CKR_DATA_INVALID), CKR_RANDOM_NO_RNG);
}

static void test_our_part_of_the_queue_is_dropped_and_no_more(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 77);
    unsigned long before = ERR_peek_last_error();
    kk_crypto_enter();
    for (int i = 0; i < 3; i++) {
        ERR_raise(ERR_LIB_EVP, 100 + i);
        assert_int_equal(kk_crypto_error("call", CKR_DATA_INVALID), CKR_DATA_INVALID);
        assert_int_equal(ERR_peek_last_error(), before);
    }
    ERR_raise(ERR_LIB_EVP, 100);
    kk_crypto_leave();
    assert_int_equal(ERR_get_error(), before);
    assert_int_equal(ERR_get_error(), 0);
}

static void test_an_error_with_text_is_taken(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise_data(ERR_LIB_EVP, 100, "%s", "a text that goes with it");
    assert_int_equal(kk_crypto_error("call", CKR_DATA_INVALID), CKR_DATA_INVALID);
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_the_callers_where_the_queue_says_nothing_better),
        cmocka_unit_test(test_no_memory_and_no_random_have_their_codes),
        cmocka_unit_test(test_our_part_of_the_queue_is_dropped_and_no_more),
        cmocka_unit_test(test_an_error_with_text_is_taken),
    };
    return cmocka_run_group_tests_name("error", tests, make_crypto, free_crypto);
}
