/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/engine.c: tokens that come and go, the pepper, and what cannot be opened.
 */
#include "engine_test.h"

#include <unistd.h>

static void test_tokens_come_and_go(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = house_engine(&house);
    assert_int_equal(token_count(engine), 0);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *one = NULL;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *two = NULL;
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &one));
    assert_int_equal(token_count(engine), 1);
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &two));
    assert_int_equal(token_count(engine), 2);
    assert_true(kk_token_slot_id(one) != kk_token_slot_id(two));
    assert_memory_not_equal(kk_token_serial(one), kk_token_serial(two), 16);
    assert_ok(kk_engine_delete_token(engine, one));
    assert_true(kk_token_is_dropped(one));
    assert_int_equal(token_count(engine), 1);
    assert_false(kk_token_is_dropped(two));
    struct kk_token_state told;
    assert_rv(kk_token_state(one, &told), CKR_TOKEN_NOT_PRESENT);
    house_close(&house);
}

/* Two engines on one directory, as two processes. */
static void test_another_engine_sees_the_same_tokens(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *mine = house_engine(&house);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *theirs = house_engine(&house);
    assert_int_equal(token_count(theirs), 0);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *made = NULL;
    assert_ok(kk_engine_create_token(mine, SO_PIN, label_one, &made));
    KK_CLEANUP(kk_token_unrefp) struct kk_token *seen = only_token(theirs);
    assert_memory_equal(kk_token_serial(seen), kk_token_serial(made), 16);
    assert_int_equal(kk_token_slot_id(seen), kk_token_slot_id(made));
    assert_string_equal(kk_token_path(seen), kk_token_path(made));
    assert_ok(kk_engine_delete_token(mine, made));
    uint64_t epoch = 0;
    assert_rv(kk_token_fresh(seen, &epoch), CKR_DEVICE_REMOVED);
    assert_int_equal(token_count(theirs), 0);
    assert_true(kk_token_is_dropped(seen));
    house_close(&house);
}

static void test_a_refreshed_list_keeps_its_tokens(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = house_engine(&house);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *made = NULL;
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &made));
    engine->listed = false;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *seen = only_token(engine);
    assert_ptr_equal(made, seen);
    house_close(&house);
}

static void test_the_slot_id_is_the_end_of_the_serial(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = house_engine(&house);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    char text[9] = {0};
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &token));
    memcpy(text, kk_token_serial(token) + 8, 8);
    assert_int_equal(kk_token_slot_id(token), strtoul(text, NULL, 16) & 0x7fffffff);
    house_close(&house);
}

static void test_what_cannot_be_opened_is_left_out_and_said(void **state)
{
    (void)state;
    struct house house;
    char command[256];
    house_open(&house);
    struct kk_engine *engine = house_engine(&house);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *good = NULL;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *bad = NULL;
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &good));
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &bad));
    char *name = NULL;
    assert_ok(kk_strdup(kk_token_name(bad), &name));
    kk_token_unref(KK_STEAL(good));
    kk_token_unref(KK_STEAL(bad));
    kk_engine_free(engine);
    (void)snprintf(command, sizeof command,
                   "rm -f %s/%s/keykist.db-wal && echo nonsense > %s/%s/keykist.db", house.dir,
                   name, house.dir, name);
    assert_int_equal(system(command), 0);
    engine = house_engine(&house);
    assert_int_equal(token_count(engine), 1);
    assert_true(house_log_has(&house, name));
    kk_engine_free(engine);
    kk_free(name);
    house_close(&house);
}

static void test_a_copied_token_is_reported_and_left_out(void **state)
{
    (void)state;
    struct house house;
    char command[256];
    house_open(&house);
    struct kk_engine *engine = house_engine(&house);
    struct kk_token *token = NULL;
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &token));
    (void)snprintf(command, sizeof command, "cp -r %s %s/ffffffff-ffff-4fff-8fff-ffffffffffff",
                   kk_token_path(token), house.dir);
    kk_token_unref(token);
    kk_engine_free(engine);
    assert_int_equal(system(command), 0);
    engine = house_engine(&house);
    assert_int_equal(token_count(engine), 1);
    assert_true(house_log_has(&house, "has the serial number"));
    kk_engine_free(engine);
    house_close(&house);
}

static void test_a_missing_directory_is_an_error(void **state)
{
    (void)state;
    struct house house;
    struct kk_engine *engine = NULL;
    house_open(&house);
    struct kk_config *config = house_config(&house);
    assert_int_equal(rmdir(house.dir), 0);
    assert_rv(kk_engine_new(config, &engine), CKR_GENERAL_ERROR);
    assert_true(house_log_has(&house, house.dir));
    house_close(&house);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_a_pepper_is_read_from_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* NULL: no file */
        bool is_good;
    } files[] = {
        {"0123456789abcdef0123456789abcdef", true},
        {"3031323334353637383961626364656630313233343536373839616263646566\n", true},
        {"30313233343536373839616263646566303132333435363738396162636465660a", false},
        {"zz31323334353637383961626364656630313233343536373839616263646566\n", false},
        {"short", false},
        {"", false},
        {NULL, false},
    };
    struct house house;
    char path[128];
    char setting[140];
    house_open(&house);
    (void)snprintf(path, sizeof path, "%s.pepper", house.dir);
    (void)snprintf(setting, sizeof setting, "file:%s", path);
    for (size_t i = 0; i < KK_ARRAY_LEN(files); i++) {
        struct kk_engine *engine = NULL;
        struct kk_config *config = house_config(&house);
        kk_free(config->pepper);
        assert_ok(kk_strdup(setting, &config->pepper));
        (void)unlink(path);
        if (files[i].text != NULL) {
            write_file(path, files[i].text);
        }
        assert_ok(kk_engine_new(config, &engine));
        assert_int_equal(engine->settings.pepper_missing, !files[i].is_good);
        assert_int_equal(engine->settings.pepper != NULL, files[i].is_good);
        if (files[i].is_good) {
            assert_true(kk_span_equal(kk_secret_span(engine->settings.pepper),
                                      text_span("0123456789abcdef0123456789abcdef")));
        }
        kk_engine_free(engine);
    }
    (void)unlink(path);
    house_close(&house);
}

/* As systemd gives it to a service: a file of that name in a directory that a variable names. */
static void test_a_pepper_comes_as_a_credential(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        const char *directory; /* NULL: the right one */
        bool is_good;
        const char *said;
    } cases[] = {
        {"credential:keykist.pepper", NULL, true, NULL},
        {"credential:another", NULL, false, "another: No such file"},
        {"credential:", NULL, false, "cannot be a credential's name"},
        {"credential:..", NULL, false, "cannot be a credential's name"},
        {"credential:../keykist.pepper", NULL, false, "cannot be a credential's name"},
        {"credential:keykist.pepper", "", false, "CREDENTIALS_DIRECTORY is not set"},
        {"credential:keykist.pepper", "relative", false, "CREDENTIALS_DIRECTORY is not set"},
        {"tpm3", NULL, false, "does not know \"tpm3\""},
    };
    struct house house;
    char path[128];
    house_open(&house);
    (void)snprintf(path, sizeof path, "%s/keykist.pepper", house.dir);
    write_file(path, "0123456789abcdef0123456789abcdef");
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_engine *engine = NULL;
        struct kk_config *config = house_config(&house);
        const char *directory = cases[i].directory != NULL ? cases[i].directory : house.dir;
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
        kk_free(config->pepper);
        assert_ok(kk_strdup(cases[i].setting, &config->pepper));
        write_file(house.log, "");
        assert_ok(kk_engine_new(config, &engine));
        assert_int_equal(engine->settings.pepper_missing, !cases[i].is_good);
        assert_int_equal(engine->settings.pepper != NULL, cases[i].is_good);
        assert_true(cases[i].said == NULL || house_log_has(&house, cases[i].said));
        kk_engine_free(engine);
    }
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_come_and_go),
        cmocka_unit_test(test_another_engine_sees_the_same_tokens),
        cmocka_unit_test(test_a_refreshed_list_keeps_its_tokens),
        cmocka_unit_test(test_the_slot_id_is_the_end_of_the_serial),
        cmocka_unit_test(test_what_cannot_be_opened_is_left_out_and_said),
        cmocka_unit_test(test_a_copied_token_is_reported_and_left_out),
        cmocka_unit_test(test_a_missing_directory_is_an_error),
        cmocka_unit_test(test_a_pepper_is_read_from_its_file),
        cmocka_unit_test(test_a_pepper_comes_as_a_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
