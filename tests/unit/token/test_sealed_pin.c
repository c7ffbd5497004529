/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_pin.c, sealed_keys.c and sealed_rows.c: logins, PIN changes, KDFs and peppers,
 * and key rows that somebody changed.
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

static CK_RV set_pin(struct rig *rig, enum kk_role role, const char *old_pin, const char *new_pin)
{
    return rig->repo->ops->set_pin(rig->repo, role, KK_SPAN(NULL, 0), text_span(old_pin),
                                   text_span(new_pin));
}

static unsigned long user_failed(struct rig *rig)
{
    struct kk_token_state told;
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    return told.user_failed;
}

static CK_RV try_user(struct rig *rig, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(rig->repo, KK_ROLE_USER, pin, &unlock);
}

static CK_RV try_so(struct rig *rig, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(rig->repo, KK_ROLE_SO, pin, &unlock);
}

static void test_a_changed_pin_opens_the_same_objects(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    assert_rv(set_pin(rig, KK_ROLE_USER, "wrong", "another"), CKR_PIN_INCORRECT);
    assert_int_equal(user_failed(rig), 1);
    assert_ok(set_pin(rig, KK_ROLE_USER, "user-secret", "another"));
    assert_int_equal(user_failed(rig), 0);
    assert_ok(read_code(rig->repo, user, &uuid)); /* a login outlives it */
    assert_rv(try_user(rig, "user-secret"), CKR_PIN_INCORRECT);
    kk_unlock_unref(user);
    rig_reopen(rig);
    assert_ok(login(rig->repo, KK_ROLE_USER, "another", &user));
    assert_ok(read_code(rig->repo, user, &uuid));
    kk_unlock_unref(user);
    assert_ok(set_pin(rig, KK_ROLE_SO, "so-secret", "so-another"));
    assert_rv(try_so(rig, "so-secret"), CKR_PIN_INCORRECT);
    assert_ok(try_so(rig, "so-another"));
    assert_false(rig_log_has(rig, "ERROR"));
}

static void test_no_pin_is_found_in_the_store_or_the_log(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    assert_rv(try_user(rig, "mistyped-secret"), CKR_PIN_INCORRECT);
    for (uint32_t no = 0; no < 2; no++) {
        KK_CLEANUP(row_copy_clear) struct row_copy row;
        row_out(rig, KK_TABLE_KEYS, no, &row);
        assert_null(memmem(row.blob.data, row.blob.len, "secret", 6));
    }
    assert_false(rig_log_has(rig, "secret"));
}

static void test_an_old_key_row_is_refused_and_counts_no_try(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(row_copy_clear) struct row_copy old;
    row_out(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER, &old);
    assert_ok(set_pin(rig, KK_ROLE_USER, "user-secret", "another"));
    raw_row_put(rig, &old.row);
    assert_rv(try_user(rig, "user-secret"), CKR_DEVICE_ERROR);
    assert_int_equal(user_failed(rig), 0);
    assert_rv(set_pin(rig, KK_ROLE_USER, "user-secret", "third"), CKR_DEVICE_ERROR);
    assert_true(rig_log_has(rig, "key row 1 is not the one that the token's root knows"));
    rig_log_clear(rig);
    assert_ok(try_so(rig, "so-secret")); /* another role's bad row does not stand in the way */
    assert_true(rig_log_has(rig, "key row 1 is not the one that the token's root knows"));
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("mended")));
    rig_log_clear(rig);
    assert_ok(try_user(rig, "mended"));
    assert_false(rig_log_has(rig, "ERROR"));
}

static void test_key_rows_of_others_are_watched(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(row_copy_clear) struct row_copy row;
    row_out(rig, KK_TABLE_KEYS, KK_KEY_ROW_SO, &row);
    raw_row_delete(rig, KK_TABLE_KEYS, KK_KEY_ROW_SO);
    assert_ok(try_user(rig, "user-secret"));
    assert_true(rig_log_has(rig, "1 of its 2 key rows are missing"));
    assert_rv(try_so(rig, "so-secret"), CKR_DEVICE_ERROR);
    raw_row_put(rig, &row.row);
    assert_ok(try_so(rig, "so-secret"));
    row.row.no = 7; /* one more than there should be */
    rig_log_clear(rig);
    raw_row_put(rig, &row.row);
    assert_ok(try_user(rig, "user-secret"));
    assert_true(rig_log_has(rig, "key row 7 is not the one"));
    row.row.no = KK_KEY_ROW_USER; /* the SO's in the user's place */
    raw_row_put(rig, &row.row);
    assert_rv(try_user(rig, "so-secret"), CKR_DEVICE_ERROR);
}

/* Every byte of a key row: never opened, never a crash, and nothing that takes hours. */
static void test_a_changed_key_row_opens_nothing(void **state)
{
    struct rig *rig = *state;
    rig->settings.pin_max_tries = 0;
    rig_reopen(rig);
    rig_user(rig);
    KK_CLEANUP(row_copy_clear) struct row_copy row;
    row_out(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER, &row);
    for (size_t i = 0; i < row.blob.len; i++) {
        row.blob.data[i] ^= 0x40;
        raw_row_put(rig, &row.row);
        CK_RV rv = try_user(rig, "user-secret");
        assert_true(rv == CKR_PIN_INCORRECT || rv == CKR_DEVICE_ERROR || rv == CKR_HOST_MEMORY);
        row.blob.data[i] ^= 0x40;
    }
    row.row.blob.len--;
    raw_row_put(rig, &row.row);
    assert_rv(try_user(rig, "user-secret"), CKR_DEVICE_ERROR);
    row.row.blob.len++;
    row.row.tag[0] ^= 1;
    raw_row_put(rig, &row.row);
    assert_rv(try_user(rig, "user-secret"), CKR_PIN_INCORRECT);
    row.row.tag[0] ^= 1;
    raw_row_put(rig, &row.row);
    assert_ok(try_user(rig, "user-secret"));
}

static void test_a_changed_k_pub_row_is_said_at_login(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_uuid uuid = put_data(rig->repo, NULL, false, "l", "v");
    KK_CLEANUP(row_copy_clear) struct row_copy row;
    row_out(rig, KK_TABLE_PUB, 0, &row);
    row.blob.data[row.blob.len - 1] ^= 1;
    raw_row_put(rig, &row.row);
    rig_reopen(rig);
    rig_log_clear(rig);
    assert_rv(read_code(rig->repo, NULL, &uuid), CKR_DEVICE_ERROR);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_true(rig_log_has(rig, "the row of the public objects' key is missing or another one"));
    struct kk_uuid mine = put_data(rig->repo, user, true, "l", "v"); /* the private side works */
    assert_ok(read_code(rig->repo, user, &mine));
    raw_row_delete(rig, KK_TABLE_PUB, 0);
    rig_reopen(rig);
    assert_rv(read_code(rig->repo, NULL, &uuid), CKR_DEVICE_ERROR);
}

/* ---- further logins ---- */

static CK_RV again(struct rig *rig, const char *pin, struct kk_unlock *known, bool *ret_same)
{
    struct kk_unlock *unlock = NULL;
    CK_RV rv = rig->repo->ops->unlock(rig->repo, known->role, KK_SPAN(NULL, 0), text_span(pin),
                                      known, &unlock);
    *ret_same = unlock == known;
    kk_unlock_unref(unlock);
    return rv;
}

static void test_a_further_login_costs_no_kdf_but_counts(void **state)
{
    struct rig *rig = *state;
    bool same = false;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(again(rig, "user-secret", user, &same));
    assert_true(same);
    assert_rv(again(rig, "wrong", user, &same), CKR_PIN_INCORRECT);
    assert_int_equal(user_failed(rig), 1);
    assert_ok(again(rig, "user-secret", user, &same));
    assert_int_equal(user_failed(rig), 0);
    for (int i = 0; i < 10; i++) {
        assert_rv(again(rig, "wrong", user, &same), CKR_PIN_INCORRECT);
    }
    assert_rv(again(rig, "user-secret", user, &same), CKR_PIN_LOCKED);
}

static void test_a_further_login_notices_a_changed_pin(void **state)
{
    struct rig *rig = *state;
    bool same = false;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(set_pin(rig, KK_ROLE_USER, "user-secret", "another"));
    assert_rv(again(rig, "user-secret", user, &same), CKR_PIN_INCORRECT);
    assert_ok(again(rig, "another", user, &same));
    assert_false(same);
}

/* ---- named users ---- */

/* A row as `keykist user` will write it: by somebody who holds all keys. */
static void add_named(struct rig *rig, struct kk_unlock *holder, uint32_t no, const char *name,
                      const char *pin)
{
    struct kk_sealed *sealed = (struct kk_sealed *)rig->repo;
    const struct kk_sealed_unlock *mine = (const struct kk_sealed_unlock *)holder;
    struct kk_key_row row = {.no = no, .role = KK_ROLE_USER, .name_len = strlen(name)};
    uint8_t hash[KK_HASH_LEN];
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    memcpy(row.name, name, row.name_len);
    assert_ok(kk_key_row_seal(sealed, RIG_SERIAL, &mine->keys, text_span(pin), &row));
    assert_ok(kk_sealed_begin_admin(sealed, holder->epoch, &mine->keys, &op, &root));
    assert_ok(kk_key_row_put(&op, &row, root.generation, hash));
    assert_ok(kk_root_set_row(&root, no, hash));
    assert_ok(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    assert_ok(kk_sealed_commit(&op));
}

static CK_RV try_named(struct rig *rig, const char *name, const char *pin,
                       const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    KK_TRY(rig->repo->ops->unlock(rig->repo, KK_ROLE_USER, text_span(name), text_span(pin), NULL,
                                  &unlock));
    return read_code(rig->repo, unlock, uuid);
}

static void test_named_users_have_pins_and_tries_of_their_own(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    add_named(rig, user, 2, "ann", "pin-of-ann");
    add_named(rig, user, 3, "bob", "pin-of-bob");
    kk_unlock_unref(user);
    assert_ok(try_named(rig, "ann", "pin-of-ann", &uuid));
    assert_rv(try_named(rig, "bob", "pin-of-ann", &uuid), CKR_PIN_INCORRECT);
    assert_rv(try_named(rig, "cid", "pin-of-ann", &uuid), CKR_USER_PIN_NOT_INITIALIZED);
    for (int i = 0; i < 9; i++) {
        assert_rv(try_named(rig, "bob", "wrong", &uuid), CKR_PIN_INCORRECT);
    }
    assert_rv(try_named(rig, "bob", "pin-of-bob", &uuid), CKR_PIN_LOCKED);
    assert_ok(try_named(rig, "ann", "pin-of-ann", &uuid));
    assert_int_equal(user_failed(rig), 0);
    assert_ok(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, text_span("ann"),
                                      text_span("pin-of-ann"), text_span("another")));
    assert_ok(try_named(rig, "ann", "another", &uuid));
    assert_ok(try_user(rig, "user-secret"));
    assert_false(rig_log_has(rig, "ERROR"));
}

static void test_without_recovery_a_reset_removes_named_users(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "no recovery                     ";
    rig->settings.so_recovery = false;
    rig_reopen(rig);
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, false, "l", "v");
    add_named(rig, user, 2, "ann", "pin-of-ann");
    kk_unlock_unref(user);
    assert_ok(try_named(rig, "ann", "pin-of-ann", &uuid));
    rig_user(rig);
    assert_rv(try_named(rig, "ann", "pin-of-ann", &uuid), CKR_USER_PIN_NOT_INITIALIZED);
    assert_ok(try_user(rig, "user-secret"));
    assert_false(rig_log_has(rig, "ERROR"));
}

/* ---- KDFs and peppers ---- */

static uint32_t kib_of(struct rig *rig, uint32_t no)
{
    struct kk_key_row parsed;
    KK_CLEANUP(row_copy_clear) struct row_copy row;
    row_out(rig, KK_TABLE_KEYS, no, &row);
    assert_ok(kk_key_row_decode(&row.row, &parsed));
    return parsed.mem_kib;
}

static void test_another_kdf_is_used_from_the_next_login_on(void **state)
{
    struct rig *rig = *state;
    bool same = false;
    rig_user(rig);
    assert_int_equal(kib_of(rig, KK_KEY_ROW_USER), 8192);
    rig->settings.pin_kdf = KK_KDF_DEFAULT;
    rig_reopen(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_int_equal(kib_of(rig, KK_KEY_ROW_USER), 19456);
    assert_int_equal(kib_of(rig, KK_KEY_ROW_SO), 8192);
    assert_ok(again(rig, "user-secret", user, &same));
    assert_true(same);
    kk_unlock_unref(login_user(rig->repo));
    assert_false(rig_log_has(rig, "ERROR"));
}

static const uint8_t pepper_bytes[32] = "pepper that came later, no more.";

static void test_a_pepper_is_taken_up_at_the_next_login(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    struct kk_uuid uuid = put_data(rig->repo, NULL, false, "l", "v");
    KK_CLEANUP(row_copy_clear) struct row_copy before;
    row_out(rig, KK_TABLE_PUB, 0, &before);
    assert_int_equal(before.blob.data[2], 0);
    assert_ok(kk_secret_from(KK_SPAN_ARRAY(pepper_bytes), &rig->pepper));
    rig->settings.pepper = rig->pepper;
    rig_reopen(rig);
    assert_ok(read_code(rig->repo, NULL, &uuid)); /* rows without pepper open */
    kk_unlock_unref(login_user(rig->repo));
    KK_CLEANUP(row_copy_clear) struct row_copy after;
    row_out(rig, KK_TABLE_PUB, 0, &after);
    assert_int_equal(after.blob.data[2], 1);
    assert_ok(read_code(rig->repo, NULL, &uuid));
    rig_reopen(rig);
    assert_ok(read_code(rig->repo, NULL, &uuid));
    kk_unlock_unref(login_user(rig->repo));
    assert_ok(try_so(rig, "so-secret"));
    assert_false(rig_log_has(rig, "ERROR"));
    /* and from now on nothing opens without it */
    rig->settings.pepper = NULL;
    rig_reopen(rig);
    assert_rv(try_user(rig, "user-secret"), CKR_DEVICE_ERROR);
    assert_int_equal(user_failed(rig), 0);
    assert_rv(read_code(rig->repo, NULL, &uuid), CKR_DEVICE_ERROR);
}

/* A K_pub that somebody put there is not wrapped as if it were ours. */
static void test_a_foreign_k_pub_is_not_taken_up_with_the_pepper(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    KK_CLEANUP(row_copy_clear) struct row_copy row;
    KK_CLEANUP(row_copy_clear) struct row_copy after;
    row_out(rig, KK_TABLE_PUB, 0, &row);
    row.blob.data[row.blob.len - 1] ^= 1;
    raw_row_put(rig, &row.row);
    assert_ok(kk_secret_from(KK_SPAN_ARRAY(pepper_bytes), &rig->pepper));
    rig->settings.pepper = rig->pepper;
    for (int i = 0; i < 2; i++) {
        rig_reopen(rig);
        rig_log_clear(rig);
        kk_unlock_unref(login_user(rig->repo));
        assert_true(rig_log_has(rig, "the row of the public objects' key is missing or another"));
    }
    row_out(rig, KK_TABLE_PUB, 0, &after);
    assert_true(kk_span_equal(kk_buffer_span(&row.blob), kk_buffer_span(&after.blob)));
}

static void test_a_wrong_or_missing_pepper_counts_no_try(void **state)
{
    struct rig *rig = *state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *wrong = NULL;
    rig_user(rig);
    struct kk_uuid uuid = put_data(rig->repo, NULL, false, "l", "v");
    assert_ok(kk_secret_from(KK_SPAN_ARRAY(pepper_bytes), &wrong));
    for (int i = 0; i < 2; i++) {
        rig->settings.pepper = i == 0 ? wrong : NULL;
        rig->settings.pepper_missing = i == 1;
        rig_reopen(rig);
        rig_log_clear(rig);
        assert_rv(try_user(rig, "user-secret"), CKR_DEVICE_ERROR);
        assert_true(rig_log_has(rig, "needs a pepper"));
        assert_int_equal(user_failed(rig), 0);
        assert_rv(read_code(rig->repo, NULL, &uuid), CKR_DEVICE_ERROR);
    }
    rig->settings.pepper = rig->pepper;
    rig->settings.pepper_missing = false;
    rig_reopen(rig);
    kk_unlock_unref(login_user(rig->repo));
    assert_ok(read_code(rig->repo, NULL, &uuid));
}

static void test_nothing_is_sealed_while_the_pepper_is_missing(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    rig->settings.pepper_missing = true;
    rig_reopen(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(try_user(rig, "user-secret")); /* a row without pepper opens */
    assert_rv(set_pin(rig, KK_ROLE_USER, "user-secret", "another"), CKR_DEVICE_ERROR);
    assert_rv(rig->repo->ops->init_pin(rig->repo, so, text_span("another")), CKR_DEVICE_ERROR);
    assert_ok(try_user(rig, "user-secret"));
}

/* The number of the row is its place in a table that somebody may edit, or a disk may damage. */
static void test_a_user_row_that_is_gone_is_told(void **state)
{
    struct rig *rig = *state;
    KK_CLEANUP(row_copy_clear) struct row_copy copy = {0};
    rig_log_clear(rig);
    assert_rv(try_user(rig, "user-secret"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_false(rig_log_has(rig, "key row is missing")); /* there never was one */
    rig_user(rig);
    row_out(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER, &copy);
    raw_row_delete(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER);
    copy.row.no = 77;
    raw_row_put(rig, &copy.row);
    rig_reopen(rig);
    rig_log_clear(rig);
    assert_rv(try_user(rig, "user-secret"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_true(rig_log_has(rig, "the user's key row is missing"));
    raw_row_delete(rig, KK_TABLE_KEYS, 77);
    copy.row.no = KK_KEY_ROW_USER;
    raw_row_put(rig, &copy.row);
    rig_reopen(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    put_data(rig->repo, user, true, "l", "v");
    raw_row_delete(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER);
    rig_reopen(rig);
    rig_log_clear(rig);
    assert_rv(try_user(rig, "user-secret"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_true(rig_log_has(rig, "1 private objects"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_a_changed_pin_opens_the_same_objects),
        ON_ENGINES(test_no_pin_is_found_in_the_store_or_the_log),
        ON_ALL(test_an_old_key_row_is_refused_and_counts_no_try),
        ON_ENGINES(test_key_rows_of_others_are_watched),
        ON(test_a_changed_key_row_opens_nothing, rig_memory),
        ON(test_a_changed_key_row_opens_nothing, rig_memory_pepper),
        ON_ALL(test_a_changed_k_pub_row_is_said_at_login),
        ON_ENGINES(test_a_further_login_costs_no_kdf_but_counts),
        ON_ENGINES(test_a_further_login_notices_a_changed_pin),
        ON_ENGINES(test_named_users_have_pins_and_tries_of_their_own),
        ON_ENGINES(test_without_recovery_a_reset_removes_named_users),
        ON_ENGINES(test_another_kdf_is_used_from_the_next_login_on),
        ON_ENGINES(test_a_pepper_is_taken_up_at_the_next_login),
        ON_ENGINES(test_a_foreign_k_pub_is_not_taken_up_with_the_pepper),
        ON(test_a_wrong_or_missing_pepper_counts_no_try, rig_memory_pepper),
        ON(test_a_wrong_or_missing_pepper_counts_no_try, rig_sqlite_pepper),
        ON_ENGINES(test_nothing_is_sealed_while_the_pepper_is_missing),
        ON_ENGINES(test_a_user_row_that_is_gone_is_told),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
