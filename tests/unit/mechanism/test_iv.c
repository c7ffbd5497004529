/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IV generators: what each puts where, and that none gives an IV twice.
 */
#include "fixture.h"
#include "mechanism/iv.h"

#define LEN 12

static uint8_t given[LEN] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5,
                             0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb};

/* The next IV from `given`. */
static CK_RV next(struct kk_iv *self, CK_GENERATOR_FUNCTION generator, size_t fixed_bits,
                  uint8_t iv[LEN])
{
    memcpy(iv, given, LEN);
    return kk_iv_next(self, crypto, generator, fixed_bits, iv, LEN);
}

static void test_without_a_generator_the_iv_is_the_callers(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[LEN];
    (void)state;
    assert_ok(next(&self, CKG_NO_GENERATE, 999, iv));
    assert_memory_equal(iv, given, LEN);
    assert_false(self.started);
}

static void test_a_counter_counts_behind_the_fixed_bits(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[LEN];
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        assert_ok(next(&self, CKG_GENERATE_COUNTER, 20, iv));
        assert_memory_equal(iv, given, 2);
        assert_int_equal(iv[2], 0xf0); /* 4 bits of 0xf2 */
        assert_true(kk_mem_equal(iv + 3, 7, (uint8_t[7]){0}, 7));
        assert_int_equal(iv[10] << 8 | iv[11], i);
    }
}

static void test_a_counter_is_xored_to_what_was_given(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[LEN];
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        assert_ok(next(&self, CKG_GENERATE_COUNTER_XOR, 32, iv));
        assert_memory_equal(iv, given, 10);
        assert_int_equal((iv[10] ^ given[10]) << 8 | (iv[11] ^ given[11]), i);
    }
    given[7] ^= 1;
    assert_rv(next(&self, CKG_GENERATE_COUNTER_XOR, 32, iv), CKR_MECHANISM_PARAM_INVALID);
    given[7] ^= 1;
    given[3] ^= 1; /* a fixed one */
    assert_ok(next(&self, CKG_GENERATE_COUNTER_XOR, 32, iv));
    given[3] ^= 1;
}

static void test_random_bits_leave_the_fixed_ones(void **state)
{
    static const CK_GENERATOR_FUNCTION generators[] = {CKG_GENERATE, CKG_GENERATE_RANDOM};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(generators); i++) {
        struct kk_iv self = {0};
        uint8_t first[LEN];
        uint8_t second[LEN];
        assert_ok(next(&self, generators[i], 12, first));
        assert_ok(next(&self, generators[i], 12, second));
        assert_int_equal(first[0], given[0]);
        assert_int_equal(first[1] & 0xf0, given[1] & 0xf0);
        assert_int_equal(second[1] & 0xf0, given[1] & 0xf0);
        assert_false(kk_mem_equal(first, LEN, second, LEN));
        /* Not the other way round: what is not fixed does not stay. */
        assert_false(kk_mem_equal(first + 2, LEN - 2, given + 2, LEN - 2));
    }
}

/* With 9 bits left all 512 come, each once, and then none. */
static void test_counters_end_when_every_iv_was_used(void **state)
{
    static const CK_GENERATOR_FUNCTION generators[] = {CKG_GENERATE, CKG_GENERATE_COUNTER,
                                                       CKG_GENERATE_COUNTER_XOR};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(generators); i++) {
        struct kk_iv self = {0};
        bool seen[512] = {false};
        uint8_t iv[LEN];
        for (unsigned k = 0; k < 512; k++) {
            assert_ok(next(&self, generators[i], LEN * 8 - 9, iv));
            unsigned number = (iv[10] & 1u) << 8 | iv[11];
            assert_int_equal(iv[10] & 0xfe, given[10] & 0xfe);
            assert_false(seen[number]);
            seen[number] = true;
        }
        assert_rv(next(&self, generators[i], LEN * 8 - 9, iv), CKR_MECHANISM_PARAM_INVALID);
        assert_memory_equal(iv, given, LEN);
    }
}

static void test_random_ivs_end_before_two_are_likely_to_agree(void **state)
{
    static const struct {
        size_t fixed_bits;
        uint64_t messages;
    } cases[] = {
        {96, 1}, {88, 1}, {64, 1}, {62, 2}, {48, 256}, {32, 65536}, {0, (uint64_t)1 << 32}};
    uint8_t iv[LEN];
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_iv self = {0};
        assert_ok(next(&self, CKG_GENERATE_RANDOM, cases[i].fixed_bits, iv));
        self.count = cases[i].messages - 1;
        if (self.count > 0) {
            assert_ok(next(&self, CKG_GENERATE_RANDOM, cases[i].fixed_bits, iv));
        }
        self.count = cases[i].messages;
        assert_rv(next(&self, CKG_GENERATE_RANDOM, cases[i].fixed_bits, iv),
                  CKR_MECHANISM_PARAM_INVALID);
    }
}

static void test_a_counter_of_64_bits_ends_too(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[LEN];
    (void)state;
    assert_ok(next(&self, CKG_GENERATE_COUNTER, 0, iv));
    self.count = UINT64_MAX - 1;
    assert_ok(next(&self, CKG_GENERATE_COUNTER, 0, iv));
    assert_int_equal(iv[4], 0xff);
    assert_int_equal(iv[3], 0);
    assert_rv(next(&self, CKG_GENERATE_COUNTER, 0, iv), CKR_MECHANISM_PARAM_INVALID);
}

static void test_the_first_iv_settles_how_they_are_made(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[LEN] = {0};
    (void)state;
    assert_ok(next(&self, CKG_GENERATE_COUNTER, 32, iv));
    assert_rv(next(&self, CKG_GENERATE, 32, iv), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(next(&self, CKG_GENERATE_COUNTER, 33, iv), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(kk_iv_next(&self, crypto, CKG_GENERATE_COUNTER, 32, iv, LEN - 1),
              CKR_MECHANISM_PARAM_INVALID);
    assert_ok(next(&self, CKG_NO_GENERATE, 0, iv));
    assert_ok(next(&self, CKG_GENERATE_COUNTER, 32, iv));
    assert_int_equal(iv[11], 1);
}

static void test_what_is_no_generator_starts_none(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[LEN];
    (void)state;
    assert_rv(next(&self, CKG_GENERATE_COUNTER_XOR + 1, 0, iv), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(next(&self, CKG_GENERATE, LEN * 8 + 1, iv), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(next(&self, CKG_GENERATE, SIZE_MAX, iv), CKR_MECHANISM_PARAM_INVALID);
    assert_ok(next(&self, CKG_GENERATE, LEN * 8, iv));
    assert_memory_equal(iv, given, LEN);
}

static void test_short_ivs_are_counted_too(void **state)
{
    struct kk_iv self = {0};
    uint8_t iv[3] = {1, 2, 3};
    (void)state;
    for (unsigned i = 0; i < 700; i++) {
        assert_ok(kk_iv_next(&self, crypto, CKG_GENERATE_COUNTER, 0, iv, sizeof iv));
        assert_int_equal(iv[0] << 16 | iv[1] << 8 | iv[2], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_generator_the_iv_is_the_callers),
        cmocka_unit_test(test_a_counter_counts_behind_the_fixed_bits),
        cmocka_unit_test(test_a_counter_is_xored_to_what_was_given),
        cmocka_unit_test(test_random_bits_leave_the_fixed_ones),
        cmocka_unit_test(test_counters_end_when_every_iv_was_used),
        cmocka_unit_test(test_random_ivs_end_before_two_are_likely_to_agree),
        cmocka_unit_test(test_a_counter_of_64_bits_ends_too),
        cmocka_unit_test(test_the_first_iv_settles_how_they_are_made),
        cmocka_unit_test(test_what_is_no_generator_starts_none),
        cmocka_unit_test(test_short_ivs_are_counted_too),
    };
    return cmocka_run_group_tests_name("iv", tests, set_up, tear_down);
}
