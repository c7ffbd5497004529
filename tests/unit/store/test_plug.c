/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plug.c: the file that says whether a token is in its slot.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/plug.h"
#include "store/watch.h"
#include "store_unit.h"

struct fixture {
    char *dir;
    char path[4096];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/" KK_PLUG_FILE, fixture.dir);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    unit_remove_dir(((struct fixture *)*state)->dir);
    return 0;
}

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void write_text(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void test_out_and_back_are_counted(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    assert_int_equal(kk_plug_read(fixture->path), 0);
    for (uint64_t round = 0; round < 3; round++) {
        assert_ok(kk_plug_write(fixture->path, 0600, true, &changed));
        assert_true(changed);
        assert_int_equal(kk_plug_read(fixture->path), 2 * round + 1);
        assert_true(kk_plug_is_out(kk_plug_read(fixture->path)));
        assert_ok(kk_plug_write(fixture->path, 0600, false, &changed));
        assert_true(changed);
        assert_false(kk_plug_is_out(kk_plug_read(fixture->path)));
    }
}

static void test_what_is_so_already_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    bool changed = true;
    assert_ok(kk_plug_write(fixture->path, 0600, false, &changed));
    assert_false(changed);
    assert_false(is_there(fixture->path));
    assert_ok(kk_plug_write(fixture->path, 0600, true, &changed));
    assert_ok(kk_plug_write(fixture->path, 0600, true, &changed));
    assert_false(changed);
    assert_int_equal(kk_plug_read(fixture->path), 1);
}

static void test_what_is_no_count_says_nothing(void **state)
{
    static const char text[] = "\0\0\0\0\0\0\0\1\1";
    static const size_t lengths[] = {0, 1, 7, 9};
    struct fixture *fixture = *state;
    bool changed = false;
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        write_text(fixture->path, text, lengths[i]);
        assert_int_equal(kk_plug_read(fixture->path), 0);
    }
    assert_ok(kk_plug_write(fixture->path, 0600, true, &changed)); /* and is mended */
    assert_int_equal(kk_plug_read(fixture->path), 1);
}

static void test_a_link_or_a_pipe_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    char other[4200];
    bool changed = false;
    (void)snprintf(other, sizeof other, "%s/other", fixture->dir);
    write_text(other, "\0\0\0\0\0\0\0\1", 8);
    assert_int_equal(symlink(other, fixture->path), 0);
    assert_int_equal(kk_plug_read(fixture->path), 0);
    assert_int_not_equal(kk_plug_write(fixture->path, 0600, true, &changed), CKR_OK);
    assert_int_equal(kk_plug_read(other), 1);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(kk_plug_read(fixture->path), 0);
}

static void test_a_directory_that_is_gone_is_said(void **state)
{
    struct fixture *fixture = *state;
    char path[4200];
    bool changed = false;
    (void)snprintf(path, sizeof path, "%s/gone/" KK_PLUG_FILE, fixture->dir);
    assert_int_equal(kk_plug_write(path, 0600, true, &changed), CKR_DEVICE_REMOVED);
}

static void test_who_watches_the_directory_is_told(void **state)
{
    struct fixture *fixture = *state;
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_ok(kk_watch_new(fixture->dir, &watch));
    assert_false(kk_watch_wait(watch, 0));
    kk_plug_tell(fixture->dir);
    assert_true(kk_watch_wait(watch, 2000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_out_and_back_are_counted),         TEST(test_what_is_so_already_changes_nothing),
        TEST(test_what_is_no_count_says_nothing),    TEST(test_a_link_or_a_pipe_is_not_followed),
        TEST(test_a_directory_that_is_gone_is_said), TEST(test_who_watches_the_directory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
