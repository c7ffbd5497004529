/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_keys.c: what follows from what, and what a key row is bound to.
 */
#include "sealed_test.h"

static struct kk_side_keys random_keys(bool with_dmk)
{
    struct kk_side_keys keys = {0};
    assert_ok(kk_side_keys_new(&keys));
    assert_ok(kk_side_keys_random(crypto, &keys, KK_SLOT_AMK));
    if (with_dmk) {
        assert_ok(kk_side_keys_random(crypto, &keys, KK_SLOT_DMK));
    }
    assert_ok(kk_side_keys_derive(crypto, &keys, KK_SIDE_PRIVATE));
    return keys;
}

static void test_every_key_is_another(void **state)
{
    (void)state;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = random_keys(true);
    for (enum kk_key_slot a = KK_SLOT_AMK; a < KK_SLOTS_COUNT; a++) {
        assert_true(kk_side_keys_has(&keys, a));
        for (enum kk_key_slot b = KK_SLOT_AMK; b < a; b++) {
            assert_false(kk_span_equal(kk_side_key(&keys, a), kk_side_key(&keys, b)));
        }
    }
}

static void test_without_a_dmk_there_is_no_key_to_private_objects(void **state)
{
    (void)state;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = random_keys(false);
    assert_true(kk_side_keys_has(&keys, KK_SLOT_SET));
    assert_true(kk_side_keys_has(&keys, KK_SLOT_TRUST));
    assert_false(kk_side_keys_has(&keys, KK_SLOT_OBJ));
    assert_false(kk_side_keys_has(&keys, KK_SLOT_IDX));
}

static void test_a_row_opens_with_its_pin_only(void **state)
{
    struct rig *rig = *state;
    const struct kk_sealed *sealed = (const struct kk_sealed *)rig->repo;
    for (int with_dmk = 0; with_dmk < 2; with_dmk++) {
        KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = random_keys(with_dmk != 0);
        KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys opened = {0};
        struct kk_key_row row = {.no = 1, .role = KK_ROLE_USER};
        assert_ok(kk_key_row_seal(sealed, RIG_SERIAL, &keys, text_span("a-pin"), &row));
        assert_true(kk_key_row_is_current(sealed, &row));
        assert_int_equal(row.has_pepper, rig->pepper != NULL);
        assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &row, text_span("a-piN"), &opened),
                  CKR_PIN_INCORRECT);
        assert_ok(kk_key_row_open(sealed, RIG_SERIAL, &row, text_span("a-pin"), &opened));
        assert_int_equal(opened.present, keys.present);
        assert_true(kk_secret_equal(opened.bytes, keys.bytes));
    }
}

/* mechanisms.policy = fips. To an HMAC keyed with the PIN, zeros behind it would be the same PIN.
 */
static void test_a_row_by_pbkdf2_opens_with_its_pin_only(void **state)
{
    static const char *const wrong[] = {"a-piN", "a-pi", "a-pinn", ""};
    struct rig *rig = *state;
    struct kk_sealed *sealed = (struct kk_sealed *)rig->repo;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = random_keys(true);
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys opened = {0};
    struct kk_key_row row = {.no = 1, .role = KK_ROLE_USER};
    sealed->settings.pin_by_pbkdf2 = true;
    assert_ok(kk_key_row_seal(sealed, RIG_SERIAL, &keys, text_span("a-pin"), &row));
    assert_true(row.by_pbkdf2 && row.ops >= 1000 && row.mem_kib == 0);
    assert_true(kk_key_row_is_current(sealed, &row));
    assert_ok(kk_key_row_usable(sealed, RIG_SERIAL, &row));
    for (size_t i = 0; i < KK_ARRAY_LEN(wrong); i++) {
        assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &row, text_span(wrong[i]), &opened),
                  CKR_PIN_INCORRECT);
    }
    assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &row, KK_SPAN("a-pin", 6), &opened),
              CKR_PIN_INCORRECT);
    sealed->settings.pin_by_pbkdf2 = false;
    assert_false(kk_key_row_is_current(sealed, &row));
    assert_ok(kk_key_row_open(sealed, RIG_SERIAL, &row, text_span("a-pin"), &opened));
    assert_true(kk_secret_equal(opened.bytes, keys.bytes));
}

static void test_a_row_is_bound_to_token_role_name_and_number(void **state)
{
    struct rig *rig = *state;
    const struct kk_sealed *sealed = (const struct kk_sealed *)rig->repo;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = random_keys(true);
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys opened = {0};
    struct kk_key_row good = {.no = 2, .role = KK_ROLE_USER, .name = "someone", .name_len = 7};
    struct kk_span pin = text_span("a-pin");
    assert_ok(kk_key_row_seal(sealed, RIG_SERIAL, &keys, pin, &good));
    assert_rv(kk_key_row_open(sealed, "0000000000000000", &good, pin, &opened), CKR_PIN_INCORRECT);
    struct kk_key_row bad = good;
    bad.role = KK_ROLE_SO;
    assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &bad, pin, &opened), CKR_PIN_INCORRECT);
    bad = good;
    bad.no = 3;
    assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &bad, pin, &opened), CKR_PIN_INCORRECT);
    bad = good;
    bad.name[0] = 'S';
    assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &bad, pin, &opened), CKR_PIN_INCORRECT);
    bad = good;
    bad.has_dmk = false;
    assert_rv(kk_key_row_open(sealed, RIG_SERIAL, &bad, pin, &opened), CKR_PIN_INCORRECT);
    assert_ok(kk_key_row_open(sealed, RIG_SERIAL, &good, pin, &opened));
}

static void test_two_rows_of_one_pin_have_nothing_in_common(void **state)
{
    struct rig *rig = *state;
    const struct kk_sealed *sealed = (const struct kk_sealed *)rig->repo;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = random_keys(true);
    struct kk_key_row rows[2] = {{.no = 1, .role = KK_ROLE_USER}, {.no = 1, .role = KK_ROLE_USER}};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(kk_key_row_seal(sealed, RIG_SERIAL, &keys, text_span("a-pin"), &rows[i]));
    }
    assert_memory_not_equal(rows[0].salt, rows[1].salt, sizeof rows[0].salt);
    assert_memory_not_equal(rows[0].nonce, rows[1].nonce, sizeof rows[0].nonce);
    assert_memory_not_equal(rows[0].sealed, rows[1].sealed, sizeof rows[0].sealed);
}

static void test_figures_that_would_hang_us_are_refused(void **state)
{
    struct rig *rig = *state;
    const struct kk_sealed *sealed = (const struct kk_sealed *)rig->repo;
    const struct kk_key_row rows[] = {
        {.ops = 0, .mem_kib = 8192},
        {.ops = 65, .mem_kib = 8192},
        {.ops = 1, .mem_kib = 7},
        {.ops = 1, .mem_kib = 1024 * 1024 + 1},
        {.by_pbkdf2 = true, .ops = 0},
        {.by_pbkdf2 = true, .ops = 100000001},
        {.by_pbkdf2 = true, .ops = 1000, .mem_kib = 8192},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        assert_rv(kk_key_row_usable(sealed, RIG_SERIAL, &rows[i]), CKR_DEVICE_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_is_another),
        cmocka_unit_test(test_without_a_dmk_there_is_no_key_to_private_objects),
        ON(test_a_row_opens_with_its_pin_only, rig_memory),
        ON(test_a_row_opens_with_its_pin_only, rig_memory_pepper),
        ON(test_a_row_by_pbkdf2_opens_with_its_pin_only, rig_memory),
        ON(test_a_row_by_pbkdf2_opens_with_its_pin_only, rig_memory_pepper),
        ON(test_a_row_is_bound_to_token_role_name_and_number, rig_memory),
        ON(test_a_row_is_bound_to_token_role_name_and_number, rig_memory_pepper),
        ON(test_two_rows_of_one_pin_have_nothing_in_common, rig_memory),
        ON(test_figures_that_would_hang_us_are_refused, rig_memory),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
