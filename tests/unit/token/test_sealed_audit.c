/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_audit.c: which events of a token leave an entry, what seals them, and what the
 * token remembers of its log.
 */
#include "backup_test.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_fault.h"
#include "token/convert.h"
#include "token/repair.h"

struct home {
    struct house house;
    struct kk_engine *engine;
    struct kk_token *token;
    char path[160];
    bool is_plain;     /* the next engine is on the store as it is */
    const char *guard; /* the TPM behind its PINs; NULL: none */
};

static struct kk_engine *audited_engine(struct home *home, int mode)
{
    struct kk_engine *engine = NULL;
    struct kk_config *config = house_config(&home->house);
    config->audit_log = mode;
    if (home->guard != NULL) {
        assert_int_equal(setenv("KEYKIST_TPM2_PLUGIN", getenv("KK_FAKE_PLUGIN"), 1), 0);
        config->pin_guard = KK_GUARD_TPM2;
        kk_free(config->tcti);
        assert_ok(kk_strdup(home->guard, &config->tcti));
    }
    if (home->is_plain) {
        assert_ok(kk_engine_new(config, &engine));
    } else {
        assert_ok(kk_engine_new_on(config, kk_store_fault(&kk_store_sqlite), &engine));
    }
    crypto = engine->crypto;
    return engine;
}

static int setup(void **state)
{
    struct home *home = NULL;
    assert_ok(kk_alloc(sizeof *home, &home));
    house_open(&home->house);
    home->engine = audited_engine(home, KK_AUDIT_LOG_ON);
    home->token = token_with_user(home->engine);
    (void)snprintf(home->path, sizeof home->path, "%s/audit.log", kk_token_path(home->token));
    *state = home;
    return 0;
}

static int teardown(void **state)
{
    struct home *home = *state;
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    house_close(&home->house);
    kk_free(home);
    return 0;
}

static void reopen(struct home *home)
{
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    home->engine = audited_engine(home, KK_AUDIT_LOG_ON);
    home->token = only_token(home->engine);
}

static struct kk_unlock *log_in(struct home *home)
{
    struct kk_unlock *unlock = NULL;
    assert_ok(kk_token_login(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, &unlock));
    return unlock;
}

static struct kk_audit_report verify(struct home *home, struct kk_unlock *unlock)
{
    struct kk_audit_report report;
    assert_ok(kk_token_audit_verify(home->token, unlock, &report));
    return report;
}

/* The events since the begin, "begin token-init ...". */
static void events(struct home *home, char *names, size_t room)
{
    static uint8_t text[1 << 18];
    struct kk_audit_place place = {0};
    size_t len = 0;
    names[0] = '\0';
    assert_ok(kk_token_audit_read(home->token, &place, text, sizeof text, &len));
    text[len] = '\0';
    for (const char *at = (const char *)text; (at = strstr(at, "\"event\":\"")) != NULL;) {
        at += 9;
        size_t used = strlen(names);
        (void)snprintf(names + used, room - used, "%s%.*s", used > 0 ? " " : "",
                       (int)strcspn(at, "\""), at);
    }
}

static void cut_to_lines(struct home *home, size_t lines)
{
    static char text[1 << 18];
    FILE *file = fopen(home->path, "re");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    assert_int_equal(fclose(file), 0);
    const char *at = text;
    while (lines-- > 0) {
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(truncate(home->path, at - text), 0);
}

static struct kk_object *create(struct home *home, struct kk_unlock *unlock, const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, label, "x");
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    struct kk_object *object = NULL;
    assert_ok(kk_token_create(home->token, unlock, &fresh, 1, &object));
    return object;
}

/* How many lines of the log have this in them. */
static size_t count_lines(struct home *home, const char *part)
{
    static char text[1 << 18];
    size_t count = 0;
    FILE *file = fopen(home->path, "re");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    assert_int_equal(fclose(file), 0);
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_named_users_are_named(void **state)
{
    struct home *home = *state;
    struct kk_span name = text_span("al\"ice");
    struct kk_unlock *so = NULL;
    struct kk_unlock *alice = NULL;
    assert_ok(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    assert_ok(kk_token_user_add(home->token, so, name, text_span("alice's PIN")));
    assert_int_equal(count_lines(home, "\"user-add\",\"user\":\"so\",\"of\":\"al\\\"ice\","), 1);
    assert_rv(kk_token_login(home->token, KK_ROLE_USER, name, text_span("wrong"), &alice),
              CKR_PIN_INCORRECT);
    assert_int_equal(count_lines(home, "\"pin-failed\",\"user\":\"public\",\"tried\":\"user\","
                                       "\"of\":\"al\\\"ice\","),
                     1);
    assert_ok(kk_token_login(home->token, KK_ROLE_USER, name, text_span("alice's PIN"), &alice));
    assert_ok(
        kk_token_verify_pin(home->token, alice, KK_ROLE_USER, name, text_span("alice's PIN")));
    assert_int_equal(count_lines(home, "\"login\",\"user\":\"user\",\"name\":\"al\\\"ice\","), 2);
    kk_object_unref(create(home, alice, "hers"));
    assert_int_equal(count_lines(home, "\"create\",\"user\":\"user\",\"name\":\"al\\\"ice\","), 1);
    const struct kk_audit_event use = {.kind = KK_AUDIT_SIGN};
    assert_ok(kk_token_audit(home->token, alice, &use));
    assert_int_equal(count_lines(home, "\"sign\",\"user\":\"user\",\"name\":\"al\\\"ice\","), 1);
    assert_ok(kk_token_set_pin(home->token, KK_ROLE_USER, name, text_span("alice's PIN"),
                               text_span("another PIN")));
    assert_int_equal(count_lines(home, "\"pin-change\",\"user\":\"user\",\"name\":\"al\\\"ice\","),
                     1);
    kk_token_logout(home->token, alice);
    assert_ok(kk_token_user_remove(home->token, so, name));
    assert_int_equal(count_lines(home, "\"user-remove\",\"user\":\"so\",\"of\":\"al\\\"ice\","), 1);
    struct kk_audit_report report = verify(home, so);
    assert_string_equal(report.what, "");
    kk_token_logout(home->token, so);
    kk_token_logout(home->token, log_in(home)); /* the unnamed user has no name there */
    assert_int_equal(count_lines(home, "\"login\",\"user\":\"user\",\"uid\""), 1);
}

static void test_each_event_leaves_an_entry(void **state)
{
    struct home *home = *state;
    char names[500];
    struct kk_unlock *unlock = log_in(home);
    struct kk_object *object = create(home, unlock, "one");
    assert_ok(kk_token_destroy(home->token, unlock, &(struct kk_from_version){.old = object}));
    kk_object_unref(object);
    kk_token_logout(home->token, unlock);
    assert_rv(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, text_span("wrong"), &unlock),
              CKR_PIN_INCORRECT);
    assert_ok(kk_token_set_pin(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, text_span("new-one")));
    assert_rv(kk_token_set_pin(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, text_span("newer")),
              CKR_PIN_INCORRECT);
    events(home, names, sizeof names);
    assert_string_equal(names, "begin token-init login pin-init login create destroy pin-failed "
                               "pin-change pin-failed");
}

/* How many lines have all of these in them. */
static size_t lines_with(struct home *home, const char *one, const char *two)
{
    char line[KK_AUDIT_LINE_MAX + 2];
    size_t count = 0;
    FILE *file = fopen(home->path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, one) != NULL && strstr(line, two) != NULL ? 1 : 0;
    }
    assert_int_equal(fclose(file), 0);
    return count;
}

static void test_a_login_of_one_operation_says_so(void **state)
{
    struct home *home = *state;
    const char *as = "\"as\":\"CKU_CONTEXT_SPECIFIC\"";
    struct kk_unlock *unlock = log_in(home);
    assert_int_equal(lines_with(home, as, ""), 0);
    assert_ok(kk_token_verify_pin(home->token, unlock, KK_ROLE_USER, NO_NAME, USER_PIN));
    assert_int_equal(lines_with(home, "\"event\":\"login\",\"user\":\"user\"", as), 1);
    assert_rv(kk_token_verify_pin(home->token, unlock, KK_ROLE_USER, NO_NAME, text_span("wrong")),
              CKR_PIN_INCORRECT);
    assert_int_equal(lines_with(home, "\"event\":\"pin-failed\"", as), 1);
    /* The PIN changed meanwhile, so that its row is opened anew. */
    assert_ok(kk_token_set_pin(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, text_span("newer")));
    assert_rv(kk_token_verify_pin(home->token, unlock, KK_ROLE_USER, NO_NAME, USER_PIN),
              CKR_PIN_INCORRECT);
    assert_int_equal(lines_with(home, "\"event\":\"pin-failed\"", as), 2);
    assert_ok(kk_token_verify_pin(home->token, unlock, KK_ROLE_USER, NO_NAME, text_span("newer")));
    assert_int_equal(lines_with(home, "\"event\":\"login\"", as), 2);
    assert_int_equal(lines_with(home, as, ""), 4);
    assert_int_equal(verify(home, unlock).verdict, KK_AUDIT_SOUND);
    kk_token_logout(home->token, unlock);
}

/* The TPM's lockout counts no try: it is no failed PIN. */
static void test_a_tpms_lockout_is_an_event_of_its_own(void **state)
{
    struct home *home = *state;
    struct kk_token_state told;
    struct kk_unlock *unlock = NULL;
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    home->guard = "fake:locked";
    home->engine = audited_engine(home, KK_AUDIT_LOG_ON);
    home->token = only_token(home->engine);
    kk_token_logout(home->token, log_in(home)); /* which brings the guard */
    assert_rv(kk_token_login(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, &unlock),
              CKR_PIN_LOCKED);
    assert_int_equal(lines_with(home,
                                "\"event\":\"guard-locked\",\"user\":\"public\","
                                "\"tried\":\"user\"",
                                "\"result\":\"CKR_PIN_LOCKED\""),
                     1);
    assert_int_equal(lines_with(home, "pin-failed", ""), 0);
    assert_ok(kk_token_state(home->token, &told));
    assert_int_equal(told.user_failed, 0);
    assert_int_equal(verify(home, NULL).verdict, KK_AUDIT_SOUND);
}

static void test_a_counted_lockout_stays_a_failed_pin(void **state)
{
    struct home *home = *state;
    struct kk_token_state told;
    struct kk_unlock *unlock = NULL;
    CK_RV rv = CKR_PIN_INCORRECT;
    while (rv == CKR_PIN_INCORRECT) {
        rv = kk_token_login(home->token, KK_ROLE_USER, NO_NAME, text_span("wrong"), &unlock);
    }
    assert_rv(rv, CKR_PIN_LOCKED);
    assert_ok(kk_token_state(home->token, &told));
    assert_true(told.user_locked);
    assert_int_equal(lines_with(home, "pin-failed", "CKR_PIN_LOCKED"), 1);
    assert_int_equal(lines_with(home, "guard-locked", ""), 0);
}

static void test_logins_seal_what_came_before(void **state)
{
    struct home *home = *state;
    struct kk_unlock *unlock = NULL;
    assert_rv(kk_token_login(home->token, KK_ROLE_USER, NO_NAME, text_span("wrong"), &unlock),
              CKR_PIN_INCORRECT);
    unlock = log_in(home);
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, report.last);
    assert_rv(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, text_span("wrong"),
                             &(struct kk_unlock *){NULL}),
              CKR_PIN_INCORRECT);
    report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, report.last - 1);
    kk_token_logout(home->token, unlock);
    report = verify(home, NULL);
    assert_string_equal(report.what, "");
    assert_false(report.has_key);
}

static void test_no_secret_is_written(void **state)
{
    struct home *home = *state;
    static char text[1 << 18];
    struct kk_unlock *unlock = log_in(home);
    kk_object_unref(create(home, unlock, "label-of-mine"));
    kk_token_logout(home->token, unlock);
    FILE *file = fopen(home->path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_non_null(strstr(text, "label-of-mine"));
    assert_null(strstr(text, "user-secret"));
    assert_null(strstr(text, "so-secret"));
}

static void test_a_cut_log_is_found_by_verify_and_by_the_next_login(void **state)
{
    struct home *home = *state;
    struct kk_unlock *unlock = log_in(home);
    kk_object_unref(create(home, unlock, "one"));
    kk_token_logout(home->token, unlock);
    cut_to_lines(home, 5); /* the login stays, the creation goes */
    reopen(home);
    assert_int_equal(verify(home, NULL).verdict, KK_AUDIT_BROKEN);
    unlock = log_in(home);
    assert_true(house_log_has(&home->house, "entry 6 is not there any more"));
    struct kk_audit_report report = verify(home, unlock);
    assert_int_equal(report.verdict, KK_AUDIT_BROKEN);
    assert_int_equal(report.break_at, 6); /* the gap's own entry */
    kk_token_logout(home->token, unlock);
    /* Cutting off the gap as well is found just so. */
    cut_to_lines(home, 5);
    reopen(home);
    unlock = log_in(home);
    assert_int_equal(verify(home, unlock).break_at, 6);
    kk_token_logout(home->token, unlock);
}

static void test_a_removed_log_is_found(void **state)
{
    struct home *home = *state;
    assert_int_equal(unlink(home->path), 0);
    reopen(home);
    struct kk_unlock *unlock = log_in(home);
    assert_int_equal(verify(home, unlock).verdict, KK_AUDIT_BROKEN);
    kk_token_logout(home->token, unlock);
}

static void test_a_new_token_goes_on_in_the_old_ones_log(void **state)
{
    struct home *home = *state;
    struct kk_unlock *unlock = NULL;
    char names[500];
    assert_ok(kk_token_reinitialise(home->token, SO_PIN, label_one));
    assert_ok(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, SO_PIN, &unlock));
    events(home, names, sizeof names);
    assert_string_equal(names, "begin token-init login pin-init token-init epoch login");
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, 7);
    kk_token_logout(home->token, unlock);
}

/* Made anew while nothing was audited: the first login with an audit log tells of its new key. */
static void test_an_epoch_that_began_unaudited(void **state)
{
    struct home *home = *state;
    struct kk_unlock *unlock = NULL;
    char names[500];
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    home->engine = audited_engine(home, KK_AUDIT_LOG_OFF);
    home->token = only_token(home->engine);
    assert_ok(kk_token_reinitialise(home->token, SO_PIN, label_one));
    reopen(home);
    assert_ok(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, SO_PIN, &unlock));
    events(home, names, sizeof names);
    assert_string_equal(names, "begin token-init login pin-init epoch login");
    assert_string_equal(verify(home, unlock).what, "");
    kk_token_logout(home->token, unlock);
    reopen(home); /* and once only */
    assert_ok(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, SO_PIN, &unlock));
    assert_int_equal(verify(home, unlock).last, 7);
    kk_token_logout(home->token, unlock);
}

static void test_who_holds_the_old_key_writes_no_more(void **state)
{
    struct home *home = *state;
    struct home other = {.house = home->house};
    const struct kk_audit_event event = {.kind = KK_AUDIT_SIGN};
    struct kk_unlock *unlock = log_in(home);
    assert_ok(kk_token_audit(home->token, unlock, &event));
    other.engine = audited_engine(&other, KK_AUDIT_LOG_ON);
    other.token = only_token(other.engine);
    assert_ok(kk_token_reinitialise(other.token, SO_PIN, label_one));
    assert_rv(kk_token_audit(home->token, unlock, &event), CKR_SESSION_HANDLE_INVALID);
    kk_token_logout(home->token, unlock);
    struct kk_unlock *so = NULL;
    assert_ok(kk_token_login(other.token, KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    assert_string_equal(verify(&other, so).what, "");
    kk_token_logout(other.token, so);
    kk_token_unref(other.token);
    kk_engine_free(other.engine);
}

static void test_a_log_outlives_its_token(void **state)
{
    struct home *home = *state;
    assert_ok(kk_engine_delete_token(home->engine, home->token));
    assert_int_equal(access(home->path, F_OK), 0);
    assert_true(house_log_has(&home->house, "the audit log stays"));
    assert_int_equal(token_count(home->engine), 0);
}

/* What cannot be logged does not happen. */
static void test_what_cannot_be_logged_is_refused(void **state)
{
    struct home *home = *state;
    struct kk_token_state token_state;
    struct kk_unlock *unlock = log_in(home);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "l", "x");
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    struct kk_object *object = NULL;
    assert_int_equal(unlink(home->path), 0);
    assert_int_equal(mkdir(home->path, 0700), 0);
    assert_rv(kk_token_create(home->token, unlock, &fresh, 1, &object), CKR_DEVICE_ERROR);
    assert_rv(kk_token_get(home->token, unlock, true, &fresh.uuid, &object),
              CKR_OBJECT_HANDLE_INVALID);
    kk_token_logout(home->token, unlock);
    assert_rv(kk_token_login(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, &unlock),
              CKR_DEVICE_ERROR);
    assert_rv(kk_token_login(home->token, KK_ROLE_USER, NO_NAME, text_span("wrong"), &unlock),
              CKR_DEVICE_ERROR); /* says nothing about the PIN, and counts */
    assert_ok(kk_token_state(home->token, &token_state));
    assert_int_equal(token_state.user_failed, 1);
    assert_rv(
        kk_token_set_pin(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, text_span("other-pin")),
        CKR_DEVICE_ERROR);
    assert_int_equal(rmdir(home->path), 0);
    unlock = log_in(home); /* with the old PIN */
    kk_token_logout(home->token, unlock);
}

/* What was written first and is not committed has a second entry. */
static void test_a_change_that_fails_has_its_second_entry(void **state)
{
    struct home *home = *state;
    static char text[1 << 18];
    struct kk_unlock *unlock = log_in(home);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "unlucky", "x");
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    struct kk_object *object = NULL;
    char names[500];
    kk_store_fault_at("commit", 1, CKR_DEVICE_MEMORY);
    assert_rv(kk_token_create(home->token, unlock, &fresh, 1, &object), CKR_DEVICE_MEMORY);
    kk_store_fault_at("commit", 0, CKR_OK);
    events(home, names, sizeof names);
    assert_string_equal(names, "begin token-init login pin-init login create create");
    FILE *file = fopen(home->path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_non_null(strstr(text, "\"label\":\"unlucky\",\"result\":\"CKR_DEVICE_MEMORY\""));
    assert_string_equal(verify(home, unlock).what, "");
    kk_token_logout(home->token, unlock);
}

/* Nothing but a code comes of a store that fails at any call of an audited login or change. */
static void test_a_store_that_fails_anywhere(void **state)
{
    struct home *home = *state;
    for (unsigned long n = 1; n < 60; n++) {
        struct kk_unlock *unlock = NULL;
        struct kk_object *object = NULL;
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "l", "x");
        struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
        kk_store_fault_at(NULL, n, CKR_DEVICE_ERROR);
        CK_RV rv = kk_token_login(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, &unlock);
        if (rv == CKR_OK && kk_token_create(home->token, unlock, &fresh, 1, &object) == CKR_OK) {
            kk_object_unref(object);
        }
        kk_store_fault_at(NULL, 0, CKR_OK);
        if (rv == CKR_OK) {
            kk_token_logout(home->token, unlock);
        }
        unlock = log_in(home);
        assert_string_equal(verify(home, unlock).what, "");
        kk_token_logout(home->token, unlock);
    }
}

static void test_a_token_that_cannot_be_logged_is_not_made(void **state)
{
    struct home *home = *state;
    struct kk_token *token = NULL;
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    struct kk_config *config = house_config(&home->house);
    config->audit_log = KK_AUDIT_LOG_ON;
    config->umask = 0777; /* files that nobody may open */
    home->token = NULL;
    assert_ok(kk_engine_new(config, &home->engine));
    if (geteuid() != 0) {
        assert_int_not_equal(kk_engine_create_token(home->engine, SO_PIN, label_one, &token),
                             CKR_OK);
    }
    assert_null(token);
    kk_engine_free(home->engine);
    home->engine = audited_engine(home, KK_AUDIT_LOG_ON);
    home->token = only_token(home->engine);
}

static void test_off_writes_nothing(void **state)
{
    struct home *home = *state;
    struct kk_token *token = NULL;
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    home->engine = audited_engine(home, KK_AUDIT_LOG_OFF);
    home->token = only_token(home->engine);
    uint64_t before = verify(home, NULL).last;
    struct kk_unlock *unlock = log_in(home);
    kk_object_unref(create(home, unlock, "one"));
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, ""); /* and what is there is verified all the same */
    assert_int_equal(report.last, before);
    kk_token_logout(home->token, unlock);
    assert_ok(kk_engine_create_token(home->engine, SO_PIN, label_one, &token));
    struct kk_audit_report none;
    assert_ok(kk_token_audit_verify(token, NULL, &none));
    assert_false(none.has_log);
    kk_token_unref(token);
}

static void test_tokens_in_memory_have_none(void **state)
{
    struct home *home = *state;
    struct kk_engine *engine = NULL;
    struct kk_token *token = NULL;
    struct kk_audit_report report;
    struct kk_config *config = house_config(&home->house);
    config->audit_log = KK_AUDIT_LOG_ON;
    assert_ok(kk_engine_new_on(config, &kk_store_memory, &engine));
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &token));
    assert_true(house_log_has(&home->house, "audit.log is not heeded"));
    assert_rv(kk_token_audit_verify(token, NULL, &report), CKR_FUNCTION_NOT_SUPPORTED);
    kk_token_unref(token);
    kk_engine_free(engine);
}

/* ---- rekey, check, repair, restore, convert ---- */

static struct kk_rekey both_pins(void)
{
    return (struct kk_rekey){.so_pin = SO_PIN, .user_pin = USER_PIN};
}

static void test_the_log_goes_on_across_a_rekey(void **state)
{
    struct home *home = *state;
    char names[500];
    const struct kk_rekey rekey = both_pins();
    kk_token_logout(home->token, log_in(home));
    assert_ok(kk_token_rekey(home->token, &rekey));
    struct kk_unlock *unlock = log_in(home);
    kk_object_unref(create(home, unlock, "one"));
    events(home, names, sizeof names);
    assert_string_equal(names,
                        "begin token-init login pin-init login rekey epoch login login create");
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, report.last);
    assert_false(report.anchor_is_damaged);
    kk_token_logout(home->token, unlock);
    /* What stands before the epoch is sealed by it, and what stands behind it by the new key. */
    cut_to_lines(home, 6);
    reopen(home);
    unlock = log_in(home);
    assert_int_equal(verify(home, unlock).verdict, KK_AUDIT_BROKEN);
    kk_token_logout(home->token, unlock);
}

static void test_a_rekey_that_was_not_audited_begins_an_epoch(void **state)
{
    struct home *home = *state;
    char names[500];
    const struct kk_rekey rekey = both_pins();
    kk_token_unref(home->token);
    kk_engine_free(home->engine);
    home->engine = audited_engine(home, KK_AUDIT_LOG_OFF);
    home->token = only_token(home->engine);
    assert_ok(kk_token_rekey(home->token, &rekey));
    reopen(home);
    struct kk_unlock *unlock = log_in(home);
    events(home, names, sizeof names);
    assert_string_equal(names, "begin token-init login pin-init epoch login");
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, report.last);
    kk_token_logout(home->token, unlock);
}

static void test_the_old_key_writes_no_more_behind_a_rekey(void **state)
{
    struct home *home = *state;
    struct home other = {.house = home->house};
    const struct kk_audit_event event = {.kind = KK_AUDIT_SIGN};
    const struct kk_rekey rekey = both_pins();
    struct kk_unlock *unlock = log_in(home);
    assert_ok(kk_token_audit(home->token, unlock, &event));
    other.engine = audited_engine(&other, KK_AUDIT_LOG_ON);
    other.token = only_token(other.engine);
    assert_ok(kk_token_rekey(other.token, &rekey));
    assert_rv(kk_token_audit(home->token, unlock, &event), CKR_SESSION_HANDLE_INVALID);
    kk_token_logout(home->token, unlock);
    unlock = log_in(&other);
    assert_string_equal(verify(&other, unlock).what, "");
    kk_token_logout(other.token, unlock);
    kk_token_unref(other.token);
    kk_engine_free(other.engine);
}

static void test_a_rekey_that_cannot_be_logged_is_refused(void **state)
{
    struct home *home = *state;
    struct kk_token_state before;
    struct kk_token_state after;
    const struct kk_rekey rekey = both_pins();
    assert_ok(kk_token_state(home->token, &before));
    assert_int_equal(unlink(home->path), 0);
    assert_int_equal(mkdir(home->path, 0700), 0);
    assert_rv(kk_token_rekey(home->token, &rekey), CKR_DEVICE_ERROR);
    assert_ok(kk_token_state(home->token, &after));
    assert_memory_equal(before.epoch, after.epoch, sizeof before.epoch);
    assert_false(after.rekey_pending);
    assert_int_equal(rmdir(home->path), 0);
    kk_token_logout(home->token, log_in(home));
}

/* Wherever it fails, the log says what happened, and is sound with the keys that the token has. */
static void test_a_rekey_that_fails_has_its_second_entry(void **state)
{
    struct home *home = *state;
    char names[2000];
    const struct kk_rekey rekey = both_pins();
    CK_RV rv = CKR_DEVICE_MEMORY;
    for (int n = 1; rv != CKR_OK; n++) {
        assert_true(n < 20);
        kk_store_fault_at("commit", n, CKR_DEVICE_MEMORY);
        rv = kk_token_rekey(home->token, &rekey);
        kk_store_fault_at("commit", 0, CKR_OK);
        struct kk_unlock *unlock = log_in(home);
        assert_string_equal(verify(home, unlock).what, "");
        kk_token_logout(home->token, unlock);
    }
    events(home, names, sizeof names);
    assert_non_null(strstr(names, "rekey epoch rekey"));
}

/* The anchor's bytes as somebody without the token's keys would leave them. */
static void spoil_anchor(struct home *home)
{
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_ok(home->engine->store_ops->open(home->engine->env, kk_token_name(home->token), &store));
    assert_ok(store->ops->begin(store, KK_STORE_WRITE, &tx));
    assert_ok(tx->ops->row_get(tx, KK_TABLE_AUDIT, 0, &row, &blob));
    uint8_t bytes[256];
    assert_true(row.blob.len <= sizeof bytes);
    memcpy(bytes, row.blob.data, row.blob.len);
    bytes[row.blob.len - 1] ^= 1;
    row.blob.data = bytes;
    assert_ok(tx->ops->row_put(tx, &row));
    assert_ok(kk_store_tx_commit(&tx));
    store->ops->close(store);
}

/* The token's store, as somebody with an editor reaches it. */
static struct kk_store *raw_store(struct home *home)
{
    struct kk_store *store = NULL;
    const struct kk_store_ops *ops = home->engine->store_ops;
    assert_ok(ops->open(home->engine->env, kk_token_name(home->token), &store));
    return store;
}

/* Copies the anchor's row; without room, deletes it. */
static void take_anchor(struct home *home, struct kk_store_row *ret_row, struct kk_buffer *ret_blob)
{
    struct kk_store *store = raw_store(home);
    struct kk_store_tx *tx = NULL;
    assert_ok(store->ops->begin(store, KK_STORE_WRITE, &tx));
    if (ret_row != NULL) {
        assert_ok(tx->ops->row_get(tx, KK_TABLE_AUDIT, 0, ret_row, ret_blob));
    } else {
        assert_ok(tx->ops->row_delete(tx, KK_TABLE_AUDIT, 0));
    }
    assert_ok(kk_store_tx_commit(&tx));
    store->ops->close(store);
}

static void put_back_anchor(struct home *home, const struct kk_store_row *row)
{
    struct kk_store *store = raw_store(home);
    struct kk_store_tx *tx = NULL;
    assert_ok(store->ops->begin(store, KK_STORE_WRITE, &tx));
    assert_ok(tx->ops->row_put(tx, row));
    assert_ok(kk_store_tx_commit(&tx));
    store->ops->close(store);
}

/* The next login says so and leaves a gap, after which all is well again. */
static void assert_anchor_is_missed(struct home *home)
{
    char names[800];
    reopen(home);
    struct kk_unlock *unlock = log_in(home);
    assert_true(house_log_has(&home->house, "what it knows of its audit log was tampered with"));
    events(home, names, sizeof names);
    assert_non_null(strstr(names, "gap login"));
    kk_token_logout(home->token, unlock);
    assert_int_equal(lines_with(home, "\"event\":\"gap\"", ""), 1);
    reopen(home);
    kk_token_logout(home->token, log_in(home));
    assert_int_equal(lines_with(home, "\"event\":\"gap\"", ""), 1);
}

static void test_a_deleted_anchor_is_missed(void **state)
{
    struct home *home = *state;
    struct kk_unlock *unlock = log_in(home);
    take_anchor(home, NULL, NULL);
    assert_true(verify(home, unlock).anchor_is_damaged);
    assert_false(verify(home, NULL).anchor_is_damaged); /* without keys nobody can tell */
    kk_token_logout(home->token, unlock);
    take_anchor(home, NULL, NULL); /* the logout made one */
    cut_to_lines(home, 3);         /* and the log, as it was before the login */
    assert_anchor_is_missed(home);
}

static void test_an_old_anchor_put_back_is_found(void **state)
{
    struct home *home = *state;
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    kk_token_logout(home->token, log_in(home));
    take_anchor(home, &row, &blob);
    kk_token_logout(home->token, log_in(home));
    put_back_anchor(home, &row);
    cut_to_lines(home, (size_t)row.generation);
    assert_anchor_is_missed(home);
}

/* A token of the time when the root listed no anchor. */
static void forget_in_root(struct home *home)
{
    struct kk_repository *repo = NULL;
    struct kk_unlock *unlock = NULL;
    struct kk_repository_settings settings = home->engine->settings;
    settings.audit.mode = KK_AUDIT_LOG_OFF;
    assert_ok(kk_sealed_open(crypto, raw_store(home), &settings, &repo));
    assert_ok(repo->ops->unlock(repo, KK_ROLE_USER, NO_NAME, USER_PIN, NULL, &unlock));
    {
        KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
        KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
        const struct kk_sealed_unlock *mine = (const struct kk_sealed_unlock *)unlock;
        assert_ok(kk_sealed_begin_admin((struct kk_sealed *)repo, unlock->epoch, &mine->keys, &op,
                                        &root));
        assert_non_null(kk_root_row(&root, KK_ROOT_AUDIT));
        kk_root_remove_row(&root, KK_ROOT_AUDIT);
        assert_ok(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
        assert_ok(kk_sealed_commit(&op));
    }
    kk_unlock_unref(unlock);
    repo->ops->close(repo);
}

static void test_an_anchor_from_before_gets_into_the_root(void **state)
{
    struct home *home = *state;
    kk_token_logout(home->token, log_in(home));
    forget_in_root(home);
    reopen(home);
    struct kk_unlock *unlock = log_in(home);
    assert_false(house_log_has(&home->house, "tampered"));
    assert_int_equal(lines_with(home, "\"event\":\"gap\"", ""), 0);
    take_anchor(home, NULL, NULL);
    assert_true(verify(home, unlock).anchor_is_damaged);
    kk_token_logout(home->token, unlock);
}

/* Every kind of commit that a login makes leaves a root that fits the anchor. */
static void test_root_and_anchor_go_together(void **state)
{
    struct home *home = *state;
    struct kk_unlock *unlock = log_in(home);
    struct kk_unlock *so = NULL;
    struct kk_object *object = create(home, unlock, "one");
    assert_false(verify(home, unlock).anchor_is_damaged);
    assert_ok(kk_token_destroy(home->token, unlock, &(struct kk_from_version){.old = object}));
    kk_object_unref(object);
    assert_false(verify(home, unlock).anchor_is_damaged);
    kk_token_logout(home->token, unlock);
    assert_ok(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    assert_ok(kk_token_init_pin(home->token, so, USER_PIN));
    assert_false(verify(home, so).anchor_is_damaged);
    kk_token_logout(home->token, so);
    assert_ok(kk_token_set_pin(home->token, KK_ROLE_USER, NO_NAME, USER_PIN, text_span("newer")));
    assert_ok(kk_token_set_pin(home->token, KK_ROLE_USER, NO_NAME, text_span("newer"), USER_PIN));
    reopen(home);
    unlock = log_in(home);
    struct kk_audit_report report = verify(home, unlock);
    assert_int_equal(report.verdict, KK_AUDIT_SOUND);
    assert_false(report.anchor_is_damaged);
    kk_token_logout(home->token, unlock);
    assert_false(house_log_has(&home->house, "tampered"));
    assert_false(house_log_has(&home->house, "missing"));
}

/* so_recovery = off: a new user's PIN drops all that was private, and not the anchor. */
static void test_the_anchor_outlives_what_a_pin_reset_drops(void **state)
{
    struct home *home = *state;
    const struct kk_rekey rekey = {
        .so_pin = SO_PIN, .user_pin = USER_PIN, .so_recovery = KK_SO_RECOVERY_OFF};
    struct kk_unlock *so = NULL;
    assert_ok(kk_token_rekey(home->token, &rekey));
    kk_token_logout(home->token, log_in(home));
    assert_ok(kk_token_login(home->token, KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    assert_ok(kk_token_init_pin(home->token, so, USER_PIN));
    kk_token_logout(home->token, so);
    reopen(home);
    struct kk_unlock *unlock = log_in(home);
    assert_false(verify(home, unlock).anchor_is_damaged);
    take_anchor(home, NULL, NULL);
    assert_true(verify(home, unlock).anchor_is_damaged);
    kk_token_logout(home->token, unlock);
    assert_false(house_log_has(&home->house, "tampered"));
}

static void note_anchor(void *context, const struct kk_finding *finding)
{
    *(bool *)context = *(bool *)context || strstr(finding->what, "audit log's anchor") != NULL;
}

static void test_check_knows_the_anchor(void **state)
{
    struct home *home = *state;
    bool told = false;
    struct kk_check_result result = {0};
    const struct kk_check check = {.user_pin = USER_PIN, .found = note_anchor, .context = &told};
    kk_token_logout(home->token, log_in(home));
    assert_ok(kk_token_check(home->token, &check, &result));
    assert_int_equal(result.findings, 0);
    spoil_anchor(home);
    assert_ok(kk_token_check(home->token, &check, &result));
    assert_int_equal(result.findings, 1);
    assert_true(told);
    told = false;
    take_anchor(home, NULL, NULL);
    assert_ok(kk_token_check(home->token, &check, &result));
    assert_int_equal(result.findings, 1);
    assert_true(told);
}

static void test_a_repaired_token_begins_its_own_log(void **state)
{
    struct home *home = *state;
    char names[500];
    char serial[16];
    struct kk_check_result result = {0};
    const struct kk_check check = {.so_pin = SO_PIN, .user_pin = USER_PIN};
    struct kk_unlock *unlock = log_in(home);
    kk_object_unref(create(home, unlock, "one"));
    kk_token_logout(home->token, unlock);
    spoil_anchor(home);
    assert_ok(kk_token_repair(home->token, &check, true, &result, serial));
    assert_int_equal(result.private_objects, 1);
    events(home, names, sizeof names); /* of the old one, which is deleted */
    assert_non_null(strstr(names, "create token-delete"));
    assert_true(house_log_has(&home->house, "the audit log stays"));
    reopen(home);
    unlock = log_in(home);
    events(home, names, sizeof names);
    assert_string_equal(names, "begin repair login");
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, 3);
    assert_false(report.anchor_is_damaged);
    kk_token_logout(home->token, unlock);
}

static void backup_and_restore(struct home *home)
{
    struct tape tape = {0};
    struct kk_backup_info info;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin pin = {.given = true, .role = KK_ROLE_SO, .pin = SO_PIN};
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restore = NULL;
    struct kk_backup_stream stream = stream_of(&tape);
    assert_ok(kk_backup_write(home->token, &key, &stream, &info));
    kk_token_logout(home->token, log_in(home)); /* the log goes on behind the backup */
    stream = stream_of(&tape);
    assert_ok(kk_restore_read(home->engine, &stream, &key, &pin, false, &restore));
    assert_false(house_log_has(&home->house, "audit.log is not heeded"));
    assert_ok(kk_restore_write(restore, true));
    tape_clear(&tape);
}

static void test_a_restored_token_begins_its_own_log(void **state)
{
    struct home *home = *state;
    char names[500];
    kk_token_logout(home->token, log_in(home));
    backup_and_restore(home);
    events(home, names, sizeof names); /* of the one that was replaced */
    assert_string_equal(names, "begin token-init login pin-init login backup login token-delete");
    reopen(home);
    assert_string_equal(verify(home, NULL).what, "");
    struct kk_unlock *unlock = log_in(home);
    events(home, names, sizeof names);
    assert_string_equal(names, "begin restore epoch login");
    struct kk_audit_report report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, 4);
    assert_false(report.anchor_is_damaged);
    kk_token_logout(home->token, unlock);
}

/* The log's path of the one token that was set aside. */
static void find_aside(struct home *home, char *path, size_t room)
{
    char folder[160];
    (void)snprintf(folder, sizeof folder, "%s/.backup", home->house.dir);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    const struct dirent *entry = NULL;
    path[0] = '\0';
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, room, "%s/%s/audit.log", folder, entry->d_name);
        }
    }
    (void)closedir(dir);
}

static void test_a_log_outlives_a_conversion_and_its_purge(void **state)
{
    struct home *home = *state;
    char path[512];
    size_t count = 0;
    struct kk_audit_report report;
    struct kk_convert_result result = {0};
    struct kk_convert convert = {.kind = "softhsm2", .so_pin = SO_PIN, .user_pin = USER_PIN};
    home->is_plain = true;
    reopen(home);
    assert_ok(kk_engine_convert(home->engine, home->token, &convert, &result));
    assert_true(house_log_has(&home->house, "tokens in SoftHSM's format have no audit log"));
    find_aside(home, path, sizeof path);
    assert_int_equal(access(path, F_OK), 0);
    reopen(home);
    assert_rv(kk_token_audit_verify(home->token, NULL, &report), CKR_FUNCTION_NOT_SUPPORTED);
    assert_ok(kk_engine_purge(home->engine, home->token, &count));
    assert_int_equal(count, 1);
    assert_int_equal(access(path, F_OK), 0);
    assert_ok(kk_engine_purge(home->engine, home->token, &count));
    assert_int_equal(count, 0);
    /* And back: a new sealed token, with a log of its own. */
    convert.kind = "sealed";
    assert_ok(kk_engine_convert(home->engine, home->token, &convert, &result));
    reopen(home);
    struct kk_unlock *unlock = log_in(home);
    report = verify(home, unlock);
    assert_string_equal(report.what, "");
    assert_int_equal(report.sealed, report.last);
    kk_token_logout(home->token, unlock);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_named_users_are_named),
        TEST(test_each_event_leaves_an_entry),
        TEST(test_a_login_of_one_operation_says_so),
        TEST(test_a_tpms_lockout_is_an_event_of_its_own),
        TEST(test_a_counted_lockout_stays_a_failed_pin),
        TEST(test_logins_seal_what_came_before),
        TEST(test_no_secret_is_written),
        TEST(test_a_cut_log_is_found_by_verify_and_by_the_next_login),
        TEST(test_a_removed_log_is_found),
        TEST(test_a_new_token_goes_on_in_the_old_ones_log),
        TEST(test_an_epoch_that_began_unaudited),
        TEST(test_who_holds_the_old_key_writes_no_more),
        TEST(test_a_log_outlives_its_token),
        TEST(test_what_cannot_be_logged_is_refused),
        TEST(test_a_change_that_fails_has_its_second_entry),
        TEST(test_a_store_that_fails_anywhere),
        TEST(test_a_token_that_cannot_be_logged_is_not_made),
        TEST(test_off_writes_nothing),
        TEST(test_tokens_in_memory_have_none),
        TEST(test_the_log_goes_on_across_a_rekey),
        TEST(test_a_rekey_that_was_not_audited_begins_an_epoch),
        TEST(test_the_old_key_writes_no_more_behind_a_rekey),
        TEST(test_a_rekey_that_cannot_be_logged_is_refused),
        TEST(test_a_rekey_that_fails_has_its_second_entry),
        TEST(test_check_knows_the_anchor),
        TEST(test_a_deleted_anchor_is_missed),
        TEST(test_an_old_anchor_put_back_is_found),
        TEST(test_an_anchor_from_before_gets_into_the_root),
        TEST(test_root_and_anchor_go_together),
        TEST(test_the_anchor_outlives_what_a_pin_reset_drops),
        TEST(test_a_repaired_token_begins_its_own_log),
        TEST(test_a_restored_token_begins_its_own_log),
        TEST(test_a_log_outlives_a_conversion_and_its_purge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
