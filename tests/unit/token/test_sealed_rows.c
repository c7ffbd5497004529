/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_rows.c: the bytes of a token stay what they are. A token of the format's first
 * day is put into an empty store, and everything in it opens.
 */
#include "sealed_test.h"

#include "golden_token.h"

static unsigned from_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct kk_span hex(const char *text, uint8_t *out)
{
    size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(from_digit(text[2 * i]) << 4 | from_digit(text[2 * i + 1]));
    }
    return KK_SPAN(out, len);
}

/* In place of the rig's own token. */
static void put_golden(struct rig *rig)
{
    struct kk_store_tx *tx = NULL;
    uint8_t bytes[1024];
    assert_ok(rig->ops->begin(rig->raw, KK_STORE_WRITE, &tx));
    for (size_t i = 0; i < KK_ARRAY_LEN(golden_rows); i++) {
        const struct golden_row *golden = &golden_rows[i];
        struct kk_store_row row = {
            .table = golden->table, .no = golden->no, .generation = golden->generation};
        (void)hex(golden->tag, row.tag);
        row.blob = hex(golden->blob, bytes);
        assert_ok(tx->ops->row_put(tx, &row));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(golden_objects); i++) {
        const struct golden_object *golden = &golden_objects[i];
        struct kk_store_object object = {.generation = golden->generation,
                                         .is_private = golden->is_private,
                                         .columns_set = golden->columns_set};
        (void)hex(golden->uuid, object.uuid.bytes);
        (void)hex(golden->tag, object.tag);
        memcpy(object.columns, golden->columns, sizeof object.columns);
        object.blob = hex(golden->blob, bytes);
        assert_ok(tx->ops->object_put(tx, &object));
    }
    assert_ok(tx->ops->commit(tx));
}

static void holds(struct rig *rig, struct kk_unlock *unlock, size_t which, const char *label,
                  const char *value)
{
    struct kk_uuid uuid;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    (void)hex(golden_objects[which].uuid, uuid.bytes);
    assert_ok(rig->repo->ops->read(rig->repo, unlock, &uuid, &object));
    assert_true(kk_span_equal(kk_attrs_bytes(object->attrs, CKA_LABEL), text_span(label)));
    assert_true(kk_span_equal(kk_attrs_bytes(object->attrs, CKA_VALUE), text_span(value)));
    assert_int_equal(find_label(rig->repo, unlock, true, label), 1);
}

static void test_a_token_of_the_first_format_opens(void **state)
{
    struct rig *rig = *state;
    struct kk_token_state told;
    put_golden(rig);
    rig->settings.integrity = KK_INTEGRITY_STRICT;
    rig_reopen(rig);
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_memory_equal(told.label, "a label                         ", 32);
    assert_memory_equal(told.serial, RIG_SERIAL, 16);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    holds(rig, user, 0, "golden private", "first content");
    holds(rig, user, 1, "golden public", "second content");
    holds(rig, NULL, 1, "golden public", "second content");
    assert_false(rig_log_has(rig, "ERROR"));
}

/* ---- rows that are none ---- */

static void test_short_and_long_token_rows_are_refused(void **state)
{
    (void)state;
    uint8_t row[KK_TOKEN_ROW_LEN + 1] = {0, 1};
    struct kk_identity identity = {0};
    memset(row + 20, 'a', 16);
    assert_ok(kk_token_row_decode(KK_SPAN(row, KK_TOKEN_ROW_LEN), &identity));
    assert_rv(kk_token_row_decode(KK_SPAN(row, KK_TOKEN_ROW_LEN - 1), &identity), CKR_DEVICE_ERROR);
    assert_rv(kk_token_row_decode(KK_SPAN(row, KK_TOKEN_ROW_LEN + 1), &identity), CKR_DEVICE_ERROR);
    assert_rv(kk_token_row_decode(KK_SPAN(row, 0), &identity), CKR_TOKEN_NOT_RECOGNIZED);
    row[1] = 2;
    assert_rv(kk_token_row_decode(KK_SPAN(row, KK_TOKEN_ROW_LEN), &identity),
              CKR_TOKEN_NOT_RECOGNIZED);
    row[1] = 1;
    row[20] = 'G'; /* no serial number */
    assert_rv(kk_token_row_decode(KK_SPAN(row, KK_TOKEN_ROW_LEN), &identity), CKR_DEVICE_ERROR);
}

static void test_a_token_row_comes_back(void **state)
{
    (void)state;
    struct kk_identity made = {.so_recovery = true, .key_epoch = {7, 9}};
    struct kk_identity read = {0};
    memset(made.epoch, 0x5a, sizeof made.epoch);
    memset(made.label, 'l', sizeof made.label);
    memcpy(made.serial, RIG_SERIAL, sizeof made.serial);
    kk_token_row_encode(&made);
    assert_ok(kk_token_row_decode(KK_SPAN_ARRAY(made.row), &read));
    assert_memory_equal(made.epoch, read.epoch, sizeof made.epoch);
    assert_memory_equal(made.label, read.label, sizeof made.label);
    assert_memory_equal(made.serial, read.serial, sizeof made.serial);
    assert_int_equal(read.key_epoch[0], 7);
    assert_int_equal(read.key_epoch[1], 9);
    assert_true(read.so_recovery);
}

/* A key row cut at every length, and one with something behind it. */
static void test_a_cut_key_row_is_none(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct kk_key_row parsed;
    struct kk_store_row row = {.table = KK_TABLE_KEYS, .no = golden_rows[1].no};
    assert_int_equal(golden_rows[1].table, KK_TABLE_KEYS);
    struct kk_span whole = hex(golden_rows[1].blob, bytes);
    for (size_t len = 0; len <= whole.len + 1; len++) {
        row.blob = KK_SPAN(bytes, len);
        assert_rv(kk_key_row_decode(&row, &parsed), len == whole.len ? CKR_OK : CKR_DEVICE_ERROR);
    }
    row.blob = whole;
    row.no++;
    assert_rv(kk_key_row_decode(&row, &parsed), CKR_DEVICE_ERROR);
    row.no--;
    bytes[7] = KK_USER_NAME_MAX + 1; /* the name's length */
    assert_rv(kk_key_row_decode(&row, &parsed), CKR_DEVICE_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_a_token_of_the_first_format_opens, rig_memory_pepper),
        ON(test_a_token_of_the_first_format_opens, rig_sqlite_pepper),
        cmocka_unit_test(test_short_and_long_token_rows_are_refused),
        cmocka_unit_test(test_a_token_row_comes_back),
        cmocka_unit_test(test_a_cut_key_row_is_none),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
