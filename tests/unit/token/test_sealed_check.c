/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_check.c and sealed_manifest.c: what becomes of a list of objects that somebody
 * changed in the store.
 */
#include "sealed_test.h"

struct row_copy {
    struct kk_store_row row;
    struct kk_buffer blob;
};

static void row_copy_clear(struct row_copy *copy)
{
    kk_buffer_clear(&copy->blob);
}

static void row_out(struct rig *rig, uint32_t table, uint32_t no, struct row_copy *copy)
{
    *copy = (struct row_copy){0};
    assert_ok(raw_row_get(rig, table, no, &copy->row, &copy->blob));
}

static CK_RV strict_login(struct rig *rig)
{
    struct kk_unlock *unlock = NULL;
    rig->settings.integrity = KK_INTEGRITY_STRICT;
    rig_reopen(rig);
    rig_log_clear(rig);
    CK_RV rv = login(rig->repo, KK_ROLE_USER, "user-secret", &unlock);
    kk_unlock_unref(unlock);
    rig->settings.integrity = KK_INTEGRITY_NORMAL;
    rig_reopen(rig);
    return rv;
}

/* A login with integrity normal: it succeeds, and the log says (or not) that all is not well. */
static bool login_complains(struct rig *rig)
{
    rig_reopen(rig);
    rig_log_clear(rig);
    kk_unlock_unref(login_user(rig->repo));
    return rig_log_has(rig, "ERROR");
}

static void fill(struct rig *rig, bool is_private, struct kk_uuid *ret_uuids, size_t count)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (size_t i = 0; i < count; i++) {
        ret_uuids[i] = put_data(rig->repo, user, is_private, "l", "v");
    }
}

static void test_a_sound_token_gives_no_complaint(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuids[30];
    rig_user(rig);
    assert_false(login_complains(rig));
    fill(rig, true, uuids, 30);
    fill(rig, false, uuids, 30);
    assert_false(login_complains(rig));
    assert_ok(strict_login(rig));
    assert_false(rig_log_has(rig, "ERROR"));
}

static void test_a_missing_object_is_named_and_strict_refuses(void **state)
{
    struct rig *rig = *state;
    for (int side = 0; side < 2; side++) {
        struct kk_uuid uuids[3];
        char text[KK_UUID_TEXT];
        if (side == 0) {
            rig_user(rig);
        }
        fill(rig, side == 0, uuids, 3);
        raw_delete(rig, &uuids[1]);
        assert_true(login_complains(rig));
        kk_uuid_format(&uuids[1], text);
        assert_true(rig_log_has(rig, text));
        assert_true(rig_log_has(rig, "it is missing"));
        kk_uuid_format(&uuids[0], text);
        assert_false(rig_log_has(rig, text));
        assert_rv(strict_login(rig), CKR_DEVICE_ERROR);
    }
}

static void test_an_added_object_is_named_and_strict_refuses(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuids[3];
    char text[KK_UUID_TEXT];
    struct kk_store_object row;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    rig_user(rig);
    fill(rig, true, uuids, 3);
    raw_get(rig, &uuids[0], &row, &blob);
    row.uuid = new_uuid();
    raw_put(rig, &row);
    assert_true(login_complains(rig));
    kk_uuid_format(&row.uuid, text);
    assert_true(rig_log_has(rig, text));
    assert_rv(strict_login(rig), CKR_DEVICE_ERROR);
}

/* A swap of versions keeps count and sum: only strict looks at every object at login. */
static void test_strict_finds_an_old_version_at_login(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuid;
    struct kk_store_object old;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    rig_user(rig);
    fill(rig, true, &uuid, 1);
    raw_get(rig, &uuid, &old, &blob);
    struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "new", "2");
    assert_ok(put_attrs(rig->repo, user, &uuid, attrs, old.generation, NULL));
    kk_unlock_unref(user);
    raw_put(rig, &old);
    assert_false(login_complains(rig));
    assert_rv(strict_login(rig), CKR_DEVICE_ERROR);
    assert_true(rig_log_has(rig, "another version"));
}

/* An old object together with its old bucket: both genuine, but the sum is not theirs. */
static void test_an_old_bucket_is_found_by_the_sum(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    for (int side = 0; side < 2; side++) {
        struct kk_uuid uuid;
        struct kk_store_object old;
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
        KK_CLEANUP(row_copy_clear) struct row_copy bucket;
        uint32_t table = side == 0 ? KK_TABLE_BUCKETS : KK_TABLE_BUCKETS_PUBLIC;
        fill(rig, side == 0, &uuid, 1);
        raw_get(rig, &uuid, &old, &blob);
        row_out(rig, table, kk_bucket_no(&uuid), &bucket);
        struct kk_unlock *user = login_user(rig->repo);
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(side == 0, "new", "2");
        assert_ok(put_attrs(rig->repo, user, &uuid, attrs, old.generation, NULL));
        assert_ok(read_code(rig->repo, user, &uuid));
        raw_put(rig, &old);
        raw_row_put(rig, &bucket.row);
        /* who knew the newer one sees it at once */
        assert_rv(read_code(rig->repo, user, &uuid), CKR_DEVICE_ERROR);
        kk_unlock_unref(user);
        assert_true(login_complains(rig));
        assert_true(rig_log_has(rig, side == 0 ? "list of the private objects was tampered with"
                                               : "list of the public objects was tampered with"));
        assert_rv(strict_login(rig), CKR_DEVICE_ERROR);
        /* A commit to that bucket does not make it good. */
        rig_reopen(rig);
        user = login_user(rig->repo);
        (void)put_attrs(rig->repo, user, &uuid, attrs, old.generation, NULL);
        kk_unlock_unref(user);
        assert_true(login_complains(rig));
        assert_rv(strict_login(rig), CKR_DEVICE_ERROR);
    }
}

static void test_a_changed_bucket_is_refused(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuids[2];
    rig_user(rig);
    fill(rig, true, uuids, 2);
    KK_CLEANUP(row_copy_clear) struct row_copy bucket;
    row_out(rig, KK_TABLE_BUCKETS, kk_bucket_no(&uuids[0]), &bucket);
    for (size_t i = 0; i < bucket.blob.len; i++) {
        KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "new", "2");
        bucket.blob.data[i] ^= 0x80;
        raw_row_put(rig, &bucket.row);
        rig_reopen(rig);
        user = login_user(rig->repo);
        assert_rv(read_code(rig->repo, user, &uuids[0]), CKR_DEVICE_ERROR);
        assert_ok(read_code(rig->repo, user, &uuids[1]));
        assert_rv(put_attrs(rig->repo, user, &uuids[0], attrs, 1, NULL), CKR_DEVICE_ERROR);
        bucket.blob.data[i] ^= 0x80;
        raw_row_put(rig, &bucket.row);
    }
    rig_reopen(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(read_code(rig->repo, user, &uuids[0]));
}

static void test_a_missing_bucket_is_refused(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuids[2];
    rig_user(rig);
    fill(rig, true, uuids, 2);
    raw_row_delete(rig, KK_TABLE_BUCKETS, kk_bucket_no(&uuids[0]));
    assert_true(login_complains(rig));
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_rv(read_code(rig->repo, user, &uuids[0]), CKR_DEVICE_ERROR);
    assert_ok(read_code(rig->repo, user, &uuids[1]));
}

/* The count stands in the root: edit each byte of it, and the generation beside it. */
static void test_a_changed_root_refuses_the_login_and_counts_no_try(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuid;
    struct kk_token_state told;
    rig_user(rig);
    fill(rig, true, &uuid, 1);
    KK_CLEANUP(row_copy_clear) struct row_copy root;
    row_out(rig, KK_TABLE_ROOTS, KK_SIDE_PRIVATE, &root);
    for (size_t i = 0; i < root.blob.len; i += 9) {
        struct kk_unlock *unlock = NULL;
        root.blob.data[i] ^= 1;
        raw_row_put(rig, &root.row);
        assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock), CKR_DEVICE_ERROR);
        root.blob.data[i] ^= 1;
    }
    root.row.generation++;
    raw_row_put(rig, &root.row);
    struct kk_unlock *unlock = NULL;
    assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock), CKR_DEVICE_ERROR);
    raw_row_delete(rig, KK_TABLE_ROOTS, KK_SIDE_PRIVATE);
    assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock), CKR_DEVICE_ERROR);
    root.row.generation--;
    raw_row_put(rig, &root.row);
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_int_equal(told.user_failed, 0);
    kk_unlock_unref(login_user(rig->repo));
}

/* An old root says of itself that it is whole, but not over these buckets. */
static void test_an_old_root_is_found(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuid;
    rig_user(rig);
    for (uint32_t side = 0; side < 2; side++) {
        KK_CLEANUP(row_copy_clear) struct row_copy root;
        row_out(rig, KK_TABLE_ROOTS, side, &root);
        fill(rig, side == KK_SIDE_PRIVATE, &uuid, 1);
        assert_false(login_complains(rig));
        KK_CLEANUP(row_copy_clear) struct row_copy present;
        row_out(rig, KK_TABLE_ROOTS, side, &present);
        raw_row_put(rig, &root.row);
        assert_true(login_complains(rig));
        assert_rv(strict_login(rig), CKR_DEVICE_ERROR);
        raw_row_put(rig, &present.row);
        assert_false(login_complains(rig));
    }
}

/* The public list is looked at without a login, too: once. */
static void test_public_damage_is_said_without_a_login(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuids[2];
    rig_user(rig);
    fill(rig, false, uuids, 2);
    raw_delete(rig, &uuids[0]);
    rig_reopen(rig);
    rig_log_clear(rig);
    assert_int_equal(find_label(rig->repo, NULL, false, NULL), 1);
    assert_true(rig_log_has(rig, "there are 1 public objects, and there should be 2"));
}

static void test_a_changed_token_row_refuses_the_login(void **state)
{
    struct rig *rig = *state;
    struct kk_unlock *unlock = NULL;
    rig_user(rig);
    KK_CLEANUP(row_copy_clear) struct row_copy row;
    row_out(rig, KK_TABLE_TOKEN, 0, &row);
    static const size_t bytes[] = {3, 4, 19, 36, 67, 71, 75}; /* flags, epoch, label, key epochs */
    for (size_t i = 0; i < KK_ARRAY_LEN(bytes); i++) {
        row.blob.data[bytes[i]] ^= 1;
        raw_row_put(rig, &row.row);
        assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock), CKR_DEVICE_ERROR);
        row.blob.data[bytes[i]] ^= 1;
    }
    assert_true(rig_log_has(rig, "its label, serial number or settings were tampered with"));
    row.blob.data[20] ^= 1; /* the serial number: no PIN fits any more */
    raw_row_put(rig, &row.row);
    assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock),
              rig->pepper != NULL ? CKR_DEVICE_ERROR : CKR_PIN_INCORRECT);
    row.blob.data[20] ^= 1;
    raw_row_put(rig, &row.row);
    kk_unlock_unref(login_user(rig->repo));
}

static void test_sums_come_and_go(void **state)
{
    (void)state;
    uint8_t sum[KK_HASH_LEN] = {0};
    uint8_t zero[KK_HASH_LEN] = {0};
    uint8_t terms[3][KK_HASH_LEN];
    memset(terms[0], 0xff, sizeof terms[0]);
    assert_ok(kk_crypto_random(crypto, terms[1], sizeof terms[1]));
    assert_ok(kk_crypto_random(crypto, terms[2], sizeof terms[2]));
    for (size_t i = 0; i < 3; i++) {
        kk_sum_add(sum, terms[i]);
    }
    assert_memory_not_equal(sum, zero, sizeof sum);
    kk_sum_subtract(sum, terms[1]);
    kk_sum_subtract(sum, terms[0]);
    assert_memory_equal(sum, terms[2], sizeof sum);
    kk_sum_subtract(sum, terms[2]);
    assert_memory_equal(sum, zero, sizeof sum);
    kk_sum_subtract(sum, terms[0]); /* 0 - (2^256 - 1) = 1 */
    assert_int_equal(sum[KK_HASH_LEN - 1], 1);
    assert_int_equal(sum[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_come_and_go),
        ON_ALL(test_a_sound_token_gives_no_complaint),
        ON_ALL(test_a_missing_object_is_named_and_strict_refuses),
        ON_ENGINES(test_an_added_object_is_named_and_strict_refuses),
        ON_ENGINES(test_strict_finds_an_old_version_at_login),
        ON_ALL(test_an_old_bucket_is_found_by_the_sum),
        ON_ENGINES(test_a_changed_bucket_is_refused),
        ON_ENGINES(test_a_missing_bucket_is_refused),
        ON_ENGINES(test_a_changed_root_refuses_the_login_and_counts_no_try),
        ON_ENGINES(test_an_old_root_is_found),
        ON_ALL(test_public_damage_is_said_without_a_login),
        ON_ALL(test_a_changed_token_row_refuses_the_login),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
