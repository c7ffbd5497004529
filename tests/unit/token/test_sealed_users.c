/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_users.c: users with names, what they may, and what becomes of them.
 */
#include "sealed_test.h"

static CK_RV add(struct kk_repository *repo, struct kk_unlock *actor, const char *name,
                 const char *pin)
{
    return repo->ops->user_add(repo, actor, text_span(name), text_span(pin));
}

static CK_RV drop(struct kk_repository *repo, struct kk_unlock *actor, const char *name)
{
    return repo->ops->user_remove(repo, actor, text_span(name));
}

static CK_RV named(struct kk_repository *repo, const char *name, const char *pin,
                   struct kk_unlock **ret_unlock)
{
    return repo->ops->unlock(repo, KK_ROLE_USER, text_span(name), text_span(pin), NULL, ret_unlock);
}

static CK_RV try_named(struct kk_repository *repo, const char *name, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return named(repo, name, pin, &unlock);
}

struct joined {
    char text[512];
    size_t len;
};

static CK_RV join(const struct kk_user *user, void *context)
{
    struct joined *joined = context;
    int len = snprintf(joined->text + joined->len, sizeof joined->text - joined->len, "%.*s:%lu%s ",
                       (int)user->name.len, (const char *)user->name.data, user->failed,
                       user->locked ? "!" : "");
    assert_true(len > 0);
    joined->len += (size_t)len;
    return CKR_OK;
}

static const char *users_of(struct kk_repository *repo)
{
    static struct joined joined;
    joined = (struct joined){.len = 0};
    assert_ok(repo->ops->users(repo, join, &joined));
    return joined.text;
}

/* A token with a user, alice and bob. */
static struct kk_unlock *with_two(struct rig *rig)
{
    rig_user(rig);
    struct kk_unlock *so = login_so(rig->repo);
    assert_ok(add(rig->repo, so, "alice", "alice's PIN"));
    assert_ok(add(rig->repo, so, "bob", "bob's PIN"));
    return so;
}

static void test_a_named_user_sees_what_the_user_sees(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *alice = NULL;
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    assert_ok(named(rig->repo, "alice", "alice's PIN", &alice));
    assert_ok(read_code(rig->repo, alice, &uuid));
    uuid = put_data(rig->repo, alice, true, "of alice", "v");
    assert_ok(read_code(rig->repo, user, &uuid));
    rig_reopen(rig);
    assert_ok(try_named(rig->repo, "bob", "bob's PIN"));
    assert_string_equal(users_of(rig->repo), "alice:0 bob:0 ");
    assert_false(rig_log_has(rig, "tampered"));
    assert_false(rig_log_has(rig, "key row"));
}

static void test_names_and_pins_belong_together(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    assert_rv(try_named(rig->repo, "alice", "bob's PIN"), CKR_PIN_INCORRECT);
    assert_rv(try_named(rig->repo, "alice", "user-secret"), CKR_PIN_INCORRECT);
    assert_rv(try_named(rig->repo, "", "alice's PIN"), CKR_PIN_INCORRECT);
    assert_rv(try_named(rig->repo, "carol", "alice's PIN"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_rv(try_named(rig->repo, "alic", "alice's PIN"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_ok(try_named(rig->repo, "alice", "alice's PIN"));
}

static void test_each_has_tries_of_their_own(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    for (int i = 0; i < 10; i++) {
        assert_rv(try_named(rig->repo, "alice", "wrong"), CKR_PIN_INCORRECT);
    }
    assert_rv(try_named(rig->repo, "alice", "alice's PIN"), CKR_PIN_LOCKED);
    assert_string_equal(users_of(rig->repo), "alice:10! bob:0 ");
    assert_ok(try_named(rig->repo, "bob", "bob's PIN"));
    assert_ok(try_named(rig->repo, "", "user-secret"));
    assert_ok(drop(rig->repo, so, "alice"));
    assert_ok(add(rig->repo, so, "alice", "a new PIN"));
    assert_ok(try_named(rig->repo, "alice", "a new PIN"));
    assert_rv(try_named(rig->repo, "alice", "alice's PIN"), CKR_PIN_INCORRECT);
}

static void test_a_named_user_changes_their_own_pin(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    assert_ok(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, text_span("bob"),
                                      text_span("bob's PIN"), text_span("another")));
    assert_rv(try_named(rig->repo, "bob", "bob's PIN"), CKR_PIN_INCORRECT);
    assert_ok(try_named(rig->repo, "bob", "another"));
    assert_ok(try_named(rig->repo, "", "user-secret"));
    assert_ok(try_named(rig->repo, "alice", "alice's PIN"));
}

static void test_removed_users_are_gone_and_numbers_are_used_again(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_ok(drop(rig->repo, so, "alice"));
    assert_rv(try_named(rig->repo, "alice", "alice's PIN"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_rv(drop(rig->repo, so, "alice"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_rv(raw_row_get(rig, KK_TABLE_KEYS, 2, &row, &blob), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(add(rig->repo, so, "carol", "carol's PIN"));
    assert_ok(raw_row_get(rig, KK_TABLE_KEYS, 2, &row, &blob));
    assert_string_equal(users_of(rig->repo), "carol:0 bob:0 ");
    rig_reopen(rig);
    assert_ok(try_named(rig->repo, "carol", "carol's PIN"));
    assert_false(rig_log_has(rig, "key row"));
}

static void test_who_may_add_and_what(void **state)
{
    struct rig *rig = *state;
    char name[KK_USER_NAME_MAX + 2];
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *alice = NULL;
    assert_ok(named(rig->repo, "alice", "alice's PIN", &alice));
    assert_rv(add(rig->repo, NULL, "carol", "1234"), CKR_USER_NOT_LOGGED_IN);
    assert_rv(add(rig->repo, user, "carol", "1234"), CKR_USER_NOT_LOGGED_IN);
    assert_rv(add(rig->repo, alice, "carol", "1234"), CKR_USER_NOT_LOGGED_IN);
    assert_rv(drop(rig->repo, alice, "bob"), CKR_USER_NOT_LOGGED_IN);
    assert_rv(add(rig->repo, so, "alice", "1234"), CKR_FUNCTION_REJECTED);
    assert_rv(add(rig->repo, so, "", "1234"), CKR_ARGUMENTS_BAD);
    assert_rv(add(rig->repo, so, "a\nb", "1234"), CKR_ARGUMENTS_BAD);
    assert_rv(add(rig->repo, so, "\xff", "1234"), CKR_ARGUMENTS_BAD);
    memset(name, 'n', sizeof name);
    name[KK_USER_NAME_MAX + 1] = '\0';
    assert_rv(add(rig->repo, so, name, "1234"), CKR_ARGUMENTS_BAD);
    name[KK_USER_NAME_MAX] = '\0';
    assert_ok(add(rig->repo, so, name, "1234"));
    assert_ok(add(rig->repo, so, "J\xc3\xbcrgen", "1234"));
    assert_ok(try_named(rig->repo, name, "1234"));
}

static void test_without_so_recovery_the_user_adds(void **state)
{
    struct rig *rig = *state;
    static const char label[32] = "new                             ";
    rig->settings.so_recovery = false;
    rig_reopen(rig);
    assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *alice = NULL;
    assert_rv(add(rig->repo, so, "alice", "1234"), CKR_USER_NOT_LOGGED_IN);
    assert_ok(add(rig->repo, user, "alice", "1234"));
    assert_ok(add(rig->repo, user, "bob", "1234"));
    assert_ok(named(rig->repo, "alice", "1234", &alice));
    assert_rv(add(rig->repo, alice, "carol", "1234"), CKR_USER_NOT_LOGGED_IN);
    assert_ok(drop(rig->repo, so, "bob"));
    assert_ok(drop(rig->repo, user, "alice"));
    assert_ok(add(rig->repo, user, "alice", "1234"));
    /* A new DMK takes along what held the old one. */
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("fresh")));
    assert_string_equal(users_of(rig->repo), "");
    assert_rv(try_named(rig->repo, "alice", "1234"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_rv(add(rig->repo, user, "alice", "1234"), CKR_USER_NOT_LOGGED_IN);
}

static void test_the_sos_reset_leaves_named_users(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("fresh")));
    assert_ok(try_named(rig->repo, "alice", "alice's PIN"));
    assert_ok(try_named(rig->repo, "", "fresh"));
}

static void count_finding(void *context, KK_UNUSED const struct kk_finding *finding)
{
    ++*(size_t *)context;
}

static size_t findings(struct kk_repository *repo)
{
    size_t count = 0;
    struct kk_check_result result;
    const struct kk_check check = {
        .so_pin = text_span("so-secret"), .found = count_finding, .context = &count};
    assert_ok(repo->ops->check(repo, &check, &result));
    assert_int_equal(count, result.findings);
    return count;
}

static void test_a_check_holds_their_rows_against_the_root(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_int_equal(findings(rig->repo), 0);
    assert_ok(raw_row_get(rig, KK_TABLE_KEYS, 3, &row, &blob));
    raw_row_delete(rig, KK_TABLE_KEYS, 3);
    assert_int_equal(findings(rig->repo), 1);
    row.no = 4; /* bob under another number */
    raw_row_put(rig, &row);
    assert_true(findings(rig->repo) >= 1);
    assert_int_not_equal(try_named(rig->repo, "bob", "bob's PIN"), CKR_OK);
    assert_ok(try_named(rig->repo, "alice", "alice's PIN"));
}

static void test_a_removed_users_row_put_back_opens_nothing(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_ok(raw_row_get(rig, KK_TABLE_KEYS, 2, &row, &blob));
    assert_ok(drop(rig->repo, so, "alice"));
    raw_row_put(rig, &row);
    assert_rv(try_named(rig->repo, "alice", "alice's PIN"), CKR_DEVICE_ERROR);
    assert_ok(try_named(rig->repo, "bob", "bob's PIN"));
}

static void test_a_rekey_leaves_them_out(void **state)
{
    struct rig *rig = *state;
    KK_UNUSED KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = with_two(rig);
    const struct kk_rekey request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret")};
    assert_ok(rig->repo->ops->rekey(rig->repo, &request));
    assert_string_equal(users_of(rig->repo), "");
    assert_rv(try_named(rig->repo, "alice", "alice's PIN"), CKR_USER_PIN_NOT_INITIALIZED);
    assert_ok(try_named(rig->repo, "", "user-secret"));
    assert_int_equal(findings(rig->repo), 0);
    /* Who was logged in as SO before is not any more. */
    assert_rv(add(rig->repo, so, "alice", "1234"), CKR_SESSION_HANDLE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_a_named_user_sees_what_the_user_sees),
        ON_ENGINES(test_names_and_pins_belong_together),
        ON_ENGINES(test_each_has_tries_of_their_own),
        ON_ENGINES(test_a_named_user_changes_their_own_pin),
        ON_ENGINES(test_removed_users_are_gone_and_numbers_are_used_again),
        ON_ENGINES(test_who_may_add_and_what),
        ON_ENGINES(test_without_so_recovery_the_user_adds),
        ON_ENGINES(test_the_sos_reset_leaves_named_users),
        ON_ENGINES(test_a_check_holds_their_rows_against_the_root),
        ON_ENGINES(test_a_removed_users_row_put_back_opens_nothing),
        ON_ENGINES(test_a_rekey_leaves_them_out),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
