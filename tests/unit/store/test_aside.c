/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/store/aside.c: what was set aside of a token goes, and nothing else, whoever may write to the
 * tokens' directory.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/aside.h"
#include "store_unit.h"

#define SERIAL "0123456789abcdef"
#define OTHER "fedcba9876543210"

struct fixture {
    char *dir;
    char *tokens;  /* where tokens lie */
    char *foreign; /* a directory of somebody's, elsewhere */
    char *log;
};

static char *copy(const char *text)
{
    char *made = NULL;
    assert_ok(kk_strdup(text, &made));
    return made;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    fixture.tokens = copy(unit_path(fixture.dir, "tokens"));
    fixture.foreign = copy(unit_path(fixture.dir, "foreign"));
    fixture.log = copy(unit_path(fixture.dir, "log"));
    assert_int_equal(mkdir(fixture.tokens, 0700), 0);
    assert_int_equal(mkdir(fixture.foreign, 0700), 0);
    unit_write_file(unit_path(fixture.foreign, "letter"), "x", 1);
    unit_log_to(fixture.log);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kk_free(fixture->tokens);
    kk_free(fixture->foreign);
    kk_free(fixture->log);
    unit_remove_dir(fixture->dir);
    return 0;
}

static const char *aside(const struct fixture *fixture, const char *name)
{
    return unit_path(unit_path(fixture->tokens, ".backup"), name);
}

static void make_aside(const struct fixture *fixture, const char *name, const char *file)
{
    (void)mkdir(unit_path(fixture->tokens, ".backup"), 0700);
    assert_int_equal(mkdir(aside(fixture, name), 0700), 0);
    unit_write_file(unit_path(aside(fixture, name), file), "x", 1);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void test_only_the_tokens_own_goes(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 9;
    assert_ok(kk_aside_remove(fixture->tokens, SERIAL, &count));
    assert_int_equal(count, 0);
    make_aside(fixture, SERIAL "-one", "keykist.db");
    make_aside(fixture, SERIAL "-two", "audit.log");
    make_aside(fixture, OTHER "-one", "keykist.db");
    unit_write_file(unit_path(aside(fixture, SERIAL "-two"), "keykist.db"), "x", 1);
    assert_ok(kk_aside_remove(fixture->tokens, SERIAL, &count));
    assert_int_equal(count, 2);
    assert_false(is_there(aside(fixture, SERIAL "-one")));
    assert_false(is_there(unit_path(aside(fixture, SERIAL "-two"), "keykist.db")));
    assert_true(is_there(unit_path(aside(fixture, SERIAL "-two"), "audit.log")));
    assert_true(is_there(unit_path(aside(fixture, OTHER "-one"), "keykist.db")));
    assert_ok(kk_aside_remove(fixture->tokens, SERIAL, &count));
    assert_int_equal(count, 0);
}

/* Somebody who may write to the tokens' directory names another one. */
static void test_a_link_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    make_aside(fixture, OTHER "-one", "keykist.db");
    assert_int_equal(symlink(fixture->foreign, aside(fixture, SERIAL "-one")), 0);
    assert_int_equal(kk_aside_remove(fixture->tokens, SERIAL, &count), CKR_DEVICE_ERROR);
    assert_true(is_there(unit_path(fixture->foreign, "letter")));
    assert_true(unit_file_holds(fixture->log, SERIAL "-one"));
}

static void test_a_link_in_place_of_the_folder_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    char *path = NULL;
    const char *there = unit_path(fixture->foreign, SERIAL "-one");
    assert_int_equal(mkdir(there, 0700), 0);
    unit_write_file(unit_path(there, "letter"), "x", 1);
    assert_int_equal(symlink(fixture->foreign, unit_path(fixture->tokens, ".backup")), 0);
    assert_int_equal(kk_aside_remove(fixture->tokens, SERIAL, &count), CKR_DEVICE_ERROR);
    assert_true(is_there(unit_path(unit_path(fixture->foreign, SERIAL "-one"), "letter")));
    assert_int_equal(kk_aside_path(fixture->tokens, SERIAL, TOKEN_A, &path), CKR_DEVICE_ERROR);
    assert_null(path);
}

static void test_the_folder_is_made_once(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 2; i++) {
        KK_CLEANUP(kk_freep) char *path = NULL;
        struct stat status;
        assert_ok(kk_aside_path(fixture->tokens, SERIAL, TOKEN_A, &path));
        assert_string_equal(path, aside(fixture, SERIAL "-" TOKEN_A));
        assert_int_equal(stat(unit_path(fixture->tokens, ".backup"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
    }
}

/* Who may put tokens into the tokens' directory may set them aside, whoever did so first. */
static void test_the_folder_is_for_those_whom_the_tokens_directory_is_for(void **state)
{
    static const mode_t modes[] = {0700, 0770, 02770, 01777, 0750, 0500};
    struct fixture *fixture = *state;
    mode_t before = umask(0077);
    for (size_t i = 0; i < KK_ARRAY_LEN(modes); i++) {
        KK_CLEANUP(kk_freep) char *path = NULL;
        struct stat status;
        assert_int_equal(chmod(fixture->tokens, 0700), 0);
        (void)rmdir(unit_path(fixture->tokens, ".backup"));
        assert_int_equal(chmod(fixture->tokens, modes[i]), 0);
        if (geteuid() == 0 || (modes[i] & 0200) != 0) {
            assert_ok(kk_aside_path(fixture->tokens, SERIAL, TOKEN_A, &path));
            assert_int_equal(stat(unit_path(fixture->tokens, ".backup"), &status), 0);
            assert_int_equal(status.st_mode & 07777, modes[i] | 0700);
        }
    }
    (void)umask(before);
    assert_int_equal(chmod(fixture->tokens, 0700), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_folder_is_for_those_whom_the_tokens_directory_is_for),
        TEST(test_only_the_tokens_own_goes),
        TEST(test_a_link_is_not_followed),
        TEST(test_a_link_in_place_of_the_folder_is_not_followed),
        TEST(test_the_folder_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
