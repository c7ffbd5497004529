/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/bytes.h"
#include "base/memory.h"

static void test_numbers_are_written_big_endian(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    kk_buffer_put_u8(&buffer, 0x01);
    kk_buffer_put_u16(&buffer, 0x0203);
    kk_buffer_put_u32(&buffer, 0x04050607);
    kk_buffer_put_u64(&buffer, UINT64_C(0x08090a0b0c0d0e0f));
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    assert_int_equal(kk_buffer_check(&buffer), CKR_OK);
    assert_true(kk_span_equal(kk_buffer_span(&buffer), KK_SPAN_ARRAY(expected)));
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    kk_buffer_put_u8(&buffer, UINT8_MAX);
    kk_buffer_put_u16(&buffer, UINT16_MAX - 1);
    kk_buffer_put_u32(&buffer, UINT32_MAX - 2);
    kk_buffer_put_u64(&buffer, UINT64_MAX - 3);
    kk_buffer_put_span(&buffer, KK_SPAN_TEXT("text"));

    struct kk_reader reader = kk_reader_new(kk_buffer_span(&buffer));
    assert_int_equal(kk_reader_u8(&reader), UINT8_MAX);
    assert_int_equal(kk_reader_u16(&reader), UINT16_MAX - 1);
    assert_int_equal(kk_reader_u32(&reader), UINT32_MAX - 2);
    assert_true(kk_reader_u64(&reader) == UINT64_MAX - 3);
    assert_false(kk_reader_done(&reader));
    assert_true(kk_span_equal(kk_reader_take(&reader, 4), KK_SPAN_TEXT("text")));
    assert_true(kk_reader_done(&reader));
}

static void test_a_reader_fails_at_the_end_and_stays_failed(void **state)
{
    (void)state;
    struct kk_reader reader = kk_reader_new(KK_SPAN_TEXT("\1\2\3"));
    assert_int_equal(kk_reader_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(kk_reader_u8(&reader), 0);
    assert_int_equal(kk_reader_take(&reader, 0).len, 0);
    assert_null(kk_reader_take(&reader, 1).data);
    assert_false(kk_reader_done(&reader));

    reader = kk_reader_new(KK_SPAN_TEXT("\1\2\3"));
    assert_int_equal(kk_reader_take(&reader, SIZE_MAX).len, 0);
    assert_true(reader.failed);
}

static void test_an_empty_reader_is_done(void **state)
{
    (void)state;
    struct kk_reader reader = kk_reader_new(KK_SPAN(NULL, 0));
    assert_true(kk_reader_done(&reader));
    assert_int_equal(kk_reader_take(&reader, 0).len, 0);
    assert_true(kk_reader_done(&reader));
    assert_int_equal(kk_reader_u8(&reader), 0);
    assert_false(kk_reader_done(&reader));
}

static void test_a_buffer_grows_and_keeps_its_bytes(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {.wipe = true};
    for (uint32_t i = 0; i < 10000; i++) {
        kk_buffer_put_u32(&buffer, i);
    }
    assert_int_equal(kk_buffer_check(&buffer), CKR_OK);
    assert_int_equal(buffer.len, 40000);
    struct kk_reader reader = kk_reader_new(kk_buffer_span(&buffer));
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(kk_reader_u32(&reader), i);
    }
    assert_true(kk_reader_done(&reader));
}

static void test_extend_gives_room_even_for_nothing(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    assert_non_null(kk_buffer_extend(&buffer, 0));
    uint8_t *room = kk_buffer_extend(&buffer, 300);
    assert_non_null(room);
    memset(room, 7, 300);
    assert_int_equal(buffer.len, 300);
    assert_int_equal(buffer.data[299], 7);
}

static void test_a_failed_buffer_stays_failed(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    kk_buffer_put_u8(&buffer, 1);
    kk_alloc_fail_at(1);
    uint8_t *room = kk_buffer_extend(&buffer, 1000);
    kk_alloc_fail_at(0);
    assert_null(room);
    assert_int_equal(kk_buffer_check(&buffer), CKR_HOST_MEMORY);
    kk_buffer_put_u8(&buffer, 2);
    assert_int_equal(buffer.len, 1);
    assert_int_equal(kk_buffer_check(&buffer), CKR_HOST_MEMORY);
}

static void test_a_length_that_overflows_fails(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    kk_buffer_put_u8(&buffer, 1);
    assert_null(kk_buffer_extend(&buffer, SIZE_MAX));
    assert_int_equal(kk_buffer_check(&buffer), CKR_HOST_MEMORY);

    KK_CLEANUP(kk_buffer_clear) struct kk_buffer other = {0};
    assert_null(kk_buffer_extend(&other, SIZE_MAX / 2 + 2));
    assert_int_equal(kk_buffer_check(&other), CKR_HOST_MEMORY);
}

static void test_clear_empties_for_further_use(void **state)
{
    (void)state;
    struct kk_buffer buffer = {.wipe = true};
    kk_buffer_put(&buffer, "secret", 6);
    kk_buffer_clear(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.len, 0);
    assert_int_equal(buffer.capacity, 0);
    assert_true(buffer.wipe);
    kk_buffer_clear(&buffer);
    kk_buffer_clear(NULL);
}

static void test_fixed_size_numbers(void **state)
{
    (void)state;
    uint8_t bytes[8];
    kk_store_u32(bytes, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    assert_int_equal(kk_load_u32(bytes), 0x01020304);
    kk_store_u64(bytes, UINT64_C(0xf102030405060708));
    assert_memory_equal(bytes, "\xf1\2\3\4\5\6\7\10", 8);
    assert_true(kk_load_u64(bytes) == UINT64_C(0xf102030405060708));
}

static void test_span_equality(void **state)
{
    (void)state;
    assert_true(kk_span_equal(KK_SPAN(NULL, 0), KK_SPAN_TEXT("")));
    assert_true(kk_span_equal(KK_SPAN_TEXT("ab"), KK_SPAN("abc", 2)));
    assert_false(kk_span_equal(KK_SPAN_TEXT("ab"), KK_SPAN_TEXT("abc")));
    assert_false(kk_span_equal(KK_SPAN_TEXT("ab"), KK_SPAN_TEXT("ac")));
}

static void test_span_order(void **state)
{
    (void)state;
    assert_int_equal(kk_span_compare(KK_SPAN(NULL, 0), KK_SPAN_TEXT("")), 0);
    assert_int_equal(kk_span_compare(KK_SPAN_TEXT("ab"), KK_SPAN("abc", 2)), 0);
    assert_true(kk_span_compare(KK_SPAN(NULL, 0), KK_SPAN_TEXT("a")) < 0);
    assert_true(kk_span_compare(KK_SPAN_TEXT("abc"), KK_SPAN_TEXT("ab")) > 0);
    assert_true(kk_span_compare(KK_SPAN_TEXT("ab"), KK_SPAN_TEXT("b")) < 0);
    assert_true(kk_span_compare(KK_SPAN_TEXT("\xff"), KK_SPAN_TEXT("\1\1")) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_written_big_endian),
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_a_reader_fails_at_the_end_and_stays_failed),
        cmocka_unit_test(test_an_empty_reader_is_done),
        cmocka_unit_test(test_a_buffer_grows_and_keeps_its_bytes),
        cmocka_unit_test(test_extend_gives_room_even_for_nothing),
        cmocka_unit_test(test_a_failed_buffer_stays_failed),
        cmocka_unit_test(test_a_length_that_overflows_fails),
        cmocka_unit_test(test_clear_empties_for_further_use),
        cmocka_unit_test(test_fixed_size_numbers),
        cmocka_unit_test(test_span_equality),
        cmocka_unit_test(test_span_order),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
