/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_object.c: what becomes of an object that somebody changed in the store.
 */
#include "sealed_test.h"

/* A stored object, copied out so that it can be changed and put back. */
struct copy {
    struct kk_store_object row;
    struct kk_buffer blob;
};

static void copy_out(struct rig *rig, const struct kk_uuid *uuid, struct copy *copy)
{
    *copy = (struct copy){0};
    raw_get(rig, uuid, &copy->row, &copy->blob);
}

static void copy_clear(struct copy *copy)
{
    kk_buffer_clear(&copy->blob);
}

/* A key object with every policy flag. */
static struct kk_uuid put_key(struct kk_repository *repo, struct kk_unlock *unlock, bool is_private)
{
    static const CK_ATTRIBUTE_TYPE on[] = {CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE,
                                           CKA_NEVER_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED};
    static const CK_ATTRIBUTE_TYPE off[] = {CKA_EXTRACTABLE, CKA_TRUSTED, CKA_SIGN,
                                            CKA_DECRYPT,     CKA_WRAP,    CKA_MODIFIABLE};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(is_private, "key", "material");
    struct kk_uuid uuid = new_uuid();
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, CKK_GENERIC_SECRET));
    for (size_t i = 0; i < KK_ARRAY_LEN(on); i++) {
        assert_ok(kk_attrs_set_flag(attrs, on[i], true));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(off); i++) {
        assert_ok(kk_attrs_set_flag(attrs, off[i], false));
    }
    assert_ok(put_attrs(repo, unlock, &uuid, attrs, 0, NULL));
    return uuid;
}

static void refused(struct rig *rig, struct kk_unlock *unlock, const struct kk_uuid *uuid)
{
    char text[KK_UUID_TEXT];
    kk_uuid_format(uuid, text);
    assert_rv(read_code(rig->repo, unlock, uuid), CKR_DEVICE_ERROR);
    assert_true(rig_log_has(rig, text));
}

/* Each byte of the blob, which the flags are in, one after the other. */
static void test_every_byte_of_a_blob_counts(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (int side = 0; side < 2; side++) {
        struct kk_uuid uuid = put_key(rig->repo, user, side == 0);
        KK_CLEANUP(copy_clear) struct copy copy;
        copy_out(rig, &uuid, &copy);
        for (size_t i = 0; i < copy.blob.len; i++) {
            copy.blob.data[i] ^= 1;
            raw_put(rig, &copy.row);
            refused(rig, user, &uuid);
            copy.blob.data[i] ^= 1;
        }
        copy.row.blob.len--;
        raw_put(rig, &copy.row);
        refused(rig, user, &uuid);
        copy.row.blob.len = 0;
        raw_put(rig, &copy.row);
        refused(rig, user, &uuid);
        copy.row.blob.len = copy.blob.len;
        raw_put(rig, &copy.row);
        assert_ok(read_code(rig->repo, user, &uuid));
    }
}

static void test_every_column_of_a_row_counts(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_key(rig->repo, user, true);
    KK_CLEANUP(copy_clear) struct copy copy;
    copy_out(rig, &uuid, &copy);
    struct kk_store_object good = copy.row;
    for (size_t i = 0; i < KK_STORE_COLUMNS; i++) {
        struct kk_store_object bad = good;
        bad.columns_set |= 1u << i;
        bad.columns[i] ^= 1;
        raw_put(rig, &bad);
        refused(rig, user, &uuid);
    }
    struct kk_store_object bad = good;
    bad.columns_set = 0;
    raw_put(rig, &bad);
    refused(rig, user, &uuid);
    bad = good;
    bad.generation++;
    raw_put(rig, &bad);
    refused(rig, user, &uuid);
    bad = good;
    bad.tag[5] ^= 1;
    raw_put(rig, &bad);
    refused(rig, user, &uuid);
    bad = good;
    bad.is_private = false;
    raw_put(rig, &bad);
    refused(rig, user, &uuid);
    refused(rig, NULL, &uuid);
    raw_put(rig, &good);
    assert_ok(read_code(rig->repo, user, &uuid));
}

/* The seal itself knows the version too, not only the list. */
static void test_the_seal_holds_the_generation(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_key(rig->repo, user, true);
    KK_CLEANUP(copy_clear) struct copy copy;
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_object *object = NULL;
    copy_out(rig, &uuid, &copy);
    assert_ok(kk_sealed_begin((struct kk_sealed *)rig->repo, user, KK_STORE_READ, &op));
    copy.row.generation++;
    assert_rv(kk_sealed_object_open(&op, &copy.row, &object), CKR_DEVICE_ERROR);
    copy.row.generation--;
    assert_ok(kk_sealed_object_open(&op, &copy.row, &object));
    kk_object_unref(object);
}

static void test_swapped_blobs_are_refused(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (int side = 0; side < 2; side++) {
        struct kk_uuid one = put_data(rig->repo, user, side == 0, "one", "1");
        struct kk_uuid two = put_data(rig->repo, user, side == 0, "two", "2");
        KK_CLEANUP(copy_clear) struct copy first;
        KK_CLEANUP(copy_clear) struct copy second;
        copy_out(rig, &one, &first);
        copy_out(rig, &two, &second);
        first.row.uuid = two;
        second.row.uuid = one;
        raw_put(rig, &first.row);
        raw_put(rig, &second.row);
        refused(rig, user, &one);
        refused(rig, user, &two);
    }
}

/* The old version is genuine, but not the list's: found by who has the list in memory, and by who
 * opens the token anew. */
static void test_an_old_version_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    for (int side = 0; side < 2; side++) {
        struct kk_unlock *user = login_user(rig->repo);
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        struct kk_uuid uuid = put_data(rig->repo, user, side == 0, "old", "1");
        KK_CLEANUP(copy_clear) struct copy old;
        copy_out(rig, &uuid, &old);
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(side == 0, "new", "2");
        assert_ok(put_attrs(rig->repo, user, &uuid, attrs, old.row.generation, &object));
        assert_ok(read_code(rig->repo, user, &uuid));
        raw_put(rig, &old.row);
        refused(rig, user, &uuid);
        assert_rv(erase(rig->repo, user, &uuid, old.row.generation), CKR_DEVICE_ERROR);
        assert_rv(put_attrs(rig->repo, user, &uuid, attrs, old.row.generation, NULL),
                  CKR_DEVICE_ERROR);
        kk_unlock_unref(user);
        rig_reopen(rig);
        rig_log_clear(rig);
        user = login_user(rig->repo);
        refused(rig, user, &uuid);
        kk_unlock_unref(user);
    }
}

/* Somebody else made a new version, and the old one was put back: whose list in memory still has
 * the old one must not take it for the present one. */
static void test_an_old_version_is_refused_by_who_knew_it(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_repository *other = rig_open(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = login_user(other);
    for (int side = 0; side < 2; side++) {
        struct kk_uuid uuid = put_data(rig->repo, user, side == 0, "old", "1");
        KK_CLEANUP(copy_clear) struct copy old;
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(side == 0, "new", "2");
        copy_out(rig, &uuid, &old);
        assert_ok(read_code(rig->repo, user, &uuid));
        assert_ok(read_code(rig->repo, user, &uuid));
        assert_ok(put_attrs(other, theirs, &uuid, attrs, old.row.generation, NULL));
        raw_put(rig, &old.row);
        refused(rig, user, &uuid);
    }
    other->ops->close(other);
}

static void test_a_copy_under_another_uuid_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (int side = 0; side < 2; side++) {
        struct kk_uuid uuid = put_data(rig->repo, user, side == 0, "one", "1");
        KK_CLEANUP(copy_clear) struct copy copy;
        copy_out(rig, &uuid, &copy);
        copy.row.uuid.bytes[15] ^= 1;
        raw_put(rig, &copy.row);
        refused(rig, user, &copy.row.uuid);
        assert_ok(read_code(rig->repo, user, &uuid));
    }
}

static void test_a_deleted_row_is_missed(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuids[2];
    for (int side = 0; side < 2; side++) {
        uuids[side] = put_data(rig->repo, user, side == 0, "one", "1");
        raw_delete(rig, &uuids[side]);
        refused(rig, user, &uuids[side]);
    }
    kk_unlock_unref(user);
    rig_reopen(rig);
    rig_log_clear(rig);
    user = login_user(rig->repo);
    assert_true(rig_log_has(rig, "there are 0 private objects, and there should be 1"));
    assert_true(rig_log_has(rig, "there are 0 public objects, and there should be 1"));
    for (int side = 0; side < 2; side++) {
        char text[KK_UUID_TEXT];
        kk_uuid_format(&uuids[side], text);
        assert_true(rig_log_has(rig, text)); /* the login says which ones, too */
    }
    (void)put_data(rig->repo, user, true, "more", "2"); /* the rest stays usable */
    kk_unlock_unref(user);
}

static void test_an_object_of_another_token_is_refused(void **state)
{
    struct rig *rig = *state;
    struct rig *other = rig_new(rig->ops, rig->pepper != NULL);
    rig_user(rig);
    rig_user(other);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_unlock *theirs = login_user(other->repo);
    kk_log_configure(KK_LOG_DEBUG, KK_LOG_FILE, rig->log);
    for (int side = 0; side < 2; side++) {
        struct kk_uuid uuid = put_data(other->repo, theirs, side == 0, "one", "1");
        KK_CLEANUP(copy_clear) struct copy copy;
        copy_out(other, &uuid, &copy);
        raw_put(rig, &copy.row);
        refused(rig, user, &uuid);
    }
    kk_unlock_unref(theirs);
    rig_free(other);
    kk_log_configure(KK_LOG_DEBUG, KK_LOG_FILE, rig->log);
}

/* ---- trust ---- */

static struct kk_uuid put_trusted(struct kk_repository *repo, struct kk_unlock *unlock,
                                  struct kk_object **ret_object)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, "cert", "x");
    struct kk_uuid uuid = new_uuid();
    assert_ok(kk_attrs_set_flag(attrs, CKA_TRUSTED, true));
    assert_ok(put_attrs(repo, unlock, &uuid, attrs, 0, ret_object));
    return uuid;
}

/* Who has K_pub (everybody, without a pepper) can write a public object as well as we can. */
static void test_a_forged_trusted_certificate_is_found_at_login(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *stored = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *judged = NULL;
    struct kk_uuid uuid = put_trusted(rig->repo, NULL, NULL);
    assert_ok(rig->repo->ops->read(rig->repo, NULL, &uuid, &stored));
    assert_true(kk_attrs_flag(stored->attrs, CKA_TRUSTED, false)); /* before login: as stored */
    assert_false(stored->trust_proven);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(rig->repo->ops->read(rig->repo, user, &uuid, &judged));
    assert_false(kk_attrs_flag(judged->attrs, CKA_TRUSTED, true));
    assert_false(judged->trust_proven);
    assert_true(rig_log_has(rig, "CKA_TRUSTED is taken for false"));
}

static void test_trust_given_in_a_login_is_proven_in_another(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *made = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *read = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *unproven = NULL;
    struct kk_uuid uuid = put_trusted(rig->repo, so, &made);
    assert_true(made->trust_proven);
    assert_ok(rig->repo->ops->read(rig->repo, user, &uuid, &read));
    assert_true(read->trust_proven);
    assert_true(kk_attrs_flag(read->attrs, CKA_TRUSTED, false));
    assert_ok(rig->repo->ops->read(rig->repo, NULL, &uuid, &unproven));
    assert_false(unproven->trust_proven);
}

/* The tag of trust cut off, or one of another object put on. */
static void test_a_changed_tag_of_trust_is_damage(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_trusted(rig->repo, user, NULL);
    KK_CLEANUP(copy_clear) struct copy copy;
    copy_out(rig, &uuid, &copy);
    copy.blob.data[copy.blob.len - 1] ^= 1;
    raw_put(rig, &copy.row);
    refused(rig, user, &uuid);
    copy.row.blob.len -= KK_HASH_LEN;
    raw_put(rig, &copy.row);
    refused(rig, user, &uuid);
}

/* Destroyed or lost: the manifest knows. */
static void test_an_object_that_is_lost_is_not_taken_for_destroyed(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (int is_private = 0; is_private < 2; is_private++) {
        struct kk_store_object row;
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
        struct kk_uuid lost = put_data(rig->repo, user, is_private != 0, "lost", "v");
        struct kk_uuid gone = put_data(rig->repo, user, is_private != 0, "gone", "v");
        raw_get(rig, &gone, &row, &blob);
        assert_ok(erase(rig->repo, user, &gone, row.generation));
        assert_rv(erase(rig->repo, user, &gone, row.generation), CKR_OBJECT_HANDLE_INVALID);
        raw_get(rig, &lost, &row, &blob);
        raw_delete(rig, &lost);
        rig_log_clear(rig);
        assert_rv(erase(rig->repo, user, &lost, row.generation), CKR_DEVICE_ERROR);
        assert_true(rig_log_has(rig, "it is missing"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_every_byte_of_a_blob_counts),
        ON_ALL(test_every_column_of_a_row_counts),
        ON(test_the_seal_holds_the_generation, rig_memory),
        ON_ALL(test_swapped_blobs_are_refused),
        ON_ALL(test_an_old_version_is_refused),
        ON_ENGINES(test_an_old_version_is_refused_by_who_knew_it),
        ON_ALL(test_a_copy_under_another_uuid_is_refused),
        ON_ALL(test_a_deleted_row_is_missed),
        ON_ALL(test_an_object_of_another_token_is_refused),
        ON_ALL(test_a_forged_trusted_certificate_is_found_at_login),
        ON_ALL(test_trust_given_in_a_login_is_proven_in_another),
        ON_ENGINES(test_a_changed_tag_of_trust_is_damage),
        ON_ENGINES(test_an_object_that_is_lost_is_not_taken_for_destroyed),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
