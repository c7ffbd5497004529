/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_find.c: candidates by blind columns, which say nothing to who reads the store.
 */
#include "sealed_test.h"

static struct kk_uuid put_id(struct rig *rig, struct kk_unlock *unlock, bool is_private,
                             const char *label, const char *id)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(is_private, label, "x");
    struct kk_uuid uuid = new_uuid();
    assert_ok(kk_attrs_set_bytes(attrs, CKA_ID, text_span(id)));
    assert_ok(put_attrs(rig->repo, unlock, &uuid, attrs, 0, NULL));
    return uuid;
}

static uint64_t column(struct rig *rig, const struct kk_uuid *uuid, CK_ATTRIBUTE_TYPE type)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_object row;
    raw_get(rig, uuid, &row, &blob);
    for (uint32_t i = 0; i < KK_INDEX_COLUMNS; i++) {
        if (kk_index_types[i] == type) {
            assert_true((row.columns_set >> i & 1) != 0);
            return row.columns[i];
        }
    }
    fail();
    return 0;
}

static void test_equal_values_have_equal_columns_and_no_others(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid one = put_id(rig, user, true, "same", "same");
    struct kk_uuid two = put_id(rig, user, true, "same", "other");
    struct kk_uuid open = put_id(rig, user, false, "same", "same");
    uint64_t label = column(rig, &one, CKA_LABEL);
    assert_true(label == column(rig, &two, CKA_LABEL));
    assert_true(label != column(rig, &one, CKA_ID));     /* the same bytes in another attribute */
    assert_true(label != column(rig, &open, CKA_LABEL)); /* nor on the other side */
    assert_true(column(rig, &one, CKA_ID) != column(rig, &two, CKA_ID));
}

static void test_another_token_has_other_columns(void **state)
{
    struct rig *rig = *state;
    static const char text[32] = "anew                            ";
    struct kk_uuid before = put_id(rig, NULL, false, "same", "same");
    uint64_t label = column(rig, &before, CKA_LABEL);
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), text));
    struct kk_uuid after = put_id(rig, NULL, false, "same", "same");
    assert_true(label != column(rig, &after, CKA_LABEL));
}

static size_t find(struct rig *rig, struct kk_unlock *unlock, struct kk_attrs *tmpl)
{
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    assert_ok(rig->repo->ops->find(rig->repo, unlock, true, tmpl, &uuids, &count));
    return count;
}

static void test_every_named_column_narrows(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    (void)put_id(rig, user, true, "a", "1");
    (void)put_id(rig, user, false, "a", "2");
    (void)put_id(rig, user, true, "b", "1");
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_DATA));
    assert_int_equal(find(rig, user, tmpl), 3);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_LABEL, text_span("a")));
    assert_int_equal(find(rig, user, tmpl), 2);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_ID, text_span("1")));
    assert_int_equal(find(rig, user, tmpl), 1);
    assert_ok(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_CERTIFICATE));
    assert_int_equal(find(rig, user, tmpl), 0);
}

/* What has no column is compared by who opens the candidates. */
static void test_an_attribute_without_a_column_does_not_narrow(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    (void)put_id(rig, user, true, "a", "1");
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_VALUE, text_span("something else")));
    assert_ok(kk_attrs_set_raw(tmpl, CKA_LABEL, 77, text_span("a kind of the future")));
    assert_int_equal(find(rig, user, tmpl), 1);
}

static void test_nothing_of_a_private_object_lies_open(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (int side = 0; side < 2; side++) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
        struct kk_store_object row;
        struct kk_uuid uuid = put_data(rig->repo, user, side == 0, "a-label", "a-value");
        raw_get(rig, &uuid, &row, &blob);
        assert_null(memmem(blob.data, blob.len, "label", 5));
        assert_null(memmem(blob.data, blob.len, "value", 5));
    }
}

static void put_class(struct rig *rig, struct kk_unlock *user, bool is_private,
                      CK_OBJECT_CLASS object_class, const CK_ATTRIBUTE_TYPE *types, size_t count)
{
    struct kk_uuid uuid = new_uuid();
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, object_class));
    assert_ok(kk_attrs_set_flag(attrs, CKA_PRIVATE, is_private));
    for (size_t i = 0; i < count; i++) {
        assert_ok(kk_attrs_set_bytes(attrs, types[i], KK_SPAN(NULL, 0)));
    }
    assert_ok(put_attrs(rig->repo, user, &uuid, attrs, 0, NULL));
}

/* Without a login it shows whether there are private certificates and keys, not which. */
static void test_hidden_tells_kinds_of_private_objects(void **state)
{
    static const CK_ATTRIBUTE_TYPE of_key[] = {CKA_KEY_TYPE, CKA_ID};
    static const CK_ATTRIBUTE_TYPE of_private_key[] = {CKA_KEY_TYPE, CKA_ID, CKA_SUBJECT};
    static const CK_ATTRIBUTE_TYPE of_certificate[] = {CKA_ID, CKA_SUBJECT, CKA_SERIAL_NUMBER};
    struct rig *rig = *state;
    struct kk_hidden hidden = {.certificates = true, .private_keys = true};
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    put_class(rig, user, false, CKO_CERTIFICATE, of_certificate, KK_ARRAY_LEN(of_certificate));
    put_class(rig, user, true, CKO_SECRET_KEY, of_key, KK_ARRAY_LEN(of_key));
    (void)put_data(rig->repo, user, true, "label", "value");
    assert_ok(rig->repo->ops->hidden(rig->repo, &hidden));
    assert_false(hidden.certificates);
    assert_false(hidden.private_keys);
    put_class(rig, user, true, CKO_PRIVATE_KEY, of_private_key, KK_ARRAY_LEN(of_private_key));
    assert_ok(rig->repo->ops->hidden(rig->repo, &hidden));
    assert_false(hidden.certificates);
    assert_true(hidden.private_keys);
    put_class(rig, user, true, CKO_CERTIFICATE, of_certificate, 2); /* one without serial number */
    assert_ok(rig->repo->ops->hidden(rig->repo, &hidden));
    assert_true(hidden.certificates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ENGINES(test_equal_values_have_equal_columns_and_no_others),
        ON_ENGINES(test_another_token_has_other_columns),
        ON_ENGINES(test_every_named_column_narrows),
        ON_ENGINES(test_an_attribute_without_a_column_does_not_narrow),
        ON_ENGINES(test_nothing_of_a_private_object_lies_open),
        ON_ENGINES(test_hidden_tells_kinds_of_private_objects),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
