/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-2 with a state: the same digests as OpenSSL's, wherever the state was taken out and put back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "crypto/digest.h"
#include "crypto/sha2.h"

#define assert_ok(call) assert_int_equal((call), CKR_OK)

static struct kk_crypto *crypto;
static uint8_t data[300];

static const struct {
    const char *name;
    size_t size;
} variants[] = {{"SHA224", 28}, {"SHA256", 32},     {"SHA384", 48},
                {"SHA512", 64}, {"SHA512-224", 28}, {"SHA512-256", 32}};

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + 1);
    }
    return kk_crypto_new(&crypto) == CKR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    kk_crypto_free(crypto);
    return 0;
}

static void test_states_move_at_every_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        for (size_t at = 0; at <= sizeof data; at++) {
            uint8_t want[64];
            uint8_t got[64];
            struct kk_sha2 *first = NULL;
            struct kk_sha2 *second = NULL;
            KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
            assert_ok(kk_digest_pieces(crypto, variants[i].name, &KK_SPAN_ARRAY(data), 1, want,
                                       variants[i].size));
            assert_ok(kk_sha2_new(variants[i].name, &first));
            assert_ok(kk_sha2_new(variants[i].name, &second));
            assert_ok(kk_sha2_update(first, KK_SPAN(data, at)));
            kk_sha2_save(first, &buffer);
            struct kk_reader reader = kk_reader_new(kk_buffer_span(&buffer));
            assert_ok(kk_sha2_restore(second, &reader));
            assert_true(kk_reader_done(&reader));
            assert_ok(kk_sha2_update(second, KK_SPAN(data + at, sizeof data - at)));
            assert_ok(kk_sha2_finish(second, got));
            assert_memory_equal(got, want, variants[i].size);
            assert_ok(kk_sha2_update(first, KK_SPAN(data + at, sizeof data - at)));
            assert_ok(kk_sha2_finish(first, got));
            assert_memory_equal(got, want, variants[i].size);
            kk_sha2_free(first);
            kk_sha2_free(second);
        }
    }
}

static void test_a_state_that_is_cut_is_refused(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    struct kk_sha2 *sha2 = NULL;
    assert_ok(kk_sha2_new("SHA512", &sha2));
    kk_sha2_save(sha2, &buffer);
    for (size_t len = 0; len < buffer.len; len++) {
        struct kk_reader reader = kk_reader_new(KK_SPAN(buffer.data, len));
        assert_int_equal(kk_sha2_restore(sha2, &reader), CKR_SAVED_STATE_INVALID);
    }
    kk_sha2_free(sha2);
}

static void test_others_are_not_there(void **state)
{
    (void)state;
    struct kk_sha2 *sha2 = NULL;
    assert_false(kk_sha2_has("SHA1"));
    assert_false(kk_sha2_has("SHA3-256"));
    assert_int_equal(kk_sha2_new("SHA1", &sha2), CKR_MECHANISM_INVALID);
    kk_sha2_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_move_at_every_length),
        cmocka_unit_test(test_a_state_that_is_cut_is_refused),
        cmocka_unit_test(test_others_are_not_there),
    };
    return cmocka_run_group_tests_name("sha2", tests, set_up, tear_down);
}
