/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change_file.c: the counter's protocol.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/change_file.h"
#include "store_unit.h"

struct fixture {
    char *dir;
    char path[4096];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/change", fixture.dir);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    unit_remove_dir(((struct fixture *)*state)->dir);
    return 0;
}

static struct kk_change_file mapped(const char *path, bool writable)
{
    struct kk_change_file change = {0};
    bool is_sound = false;
    assert_ok(kk_change_file_map(&change, path, writable, &is_sound));
    assert_true(is_sound);
    return change;
}

static void test_step_is_seen_through_every_mapping(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(kk_change_file_create(fixture->path, 0600));
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_size, KK_CHANGE_SIZE);
    struct kk_change_file writer = mapped(fixture->path, true);
    struct kk_change_file reader = mapped(fixture->path, false);
    assert_int_equal(kk_change_file_read(&reader), 0);
    kk_change_file_step(&writer);
    assert_int_equal(kk_change_file_read(&reader), 1);
    kk_change_file_step(&writer);
    assert_int_equal(kk_change_file_read(&reader), 2);
    kk_change_file_unmap(&writer);
    kk_change_file_unmap(&reader);
    reader = mapped(fixture->path, false); /* and kept */
    assert_int_equal(kk_change_file_read(&reader), 2);
    kk_change_file_unmap(&reader);
}

static void test_settle_makes_odd_even_and_leaves_even(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(kk_change_file_create(fixture->path, 0600));
    struct kk_change_file change = mapped(fixture->path, true);
    kk_change_file_step(&change);
    kk_change_file_settle(&change);
    assert_int_equal(kk_change_file_read(&change), 2);
    kk_change_file_settle(&change);
    assert_int_equal(kk_change_file_read(&change), 2);
    kk_change_file_unmap(&change);
}

static void test_gone_stays_gone(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(kk_change_file_create(fixture->path, 0600));
    struct kk_change_file change = mapped(fixture->path, true);
    kk_change_file_mark_gone(&change);
    kk_change_file_step(&change);
    kk_change_file_settle(&change);
    assert_true(kk_change_file_read(&change) == KK_CHANGE_GONE);
    kk_change_file_unmap(&change);
}

static void test_losses_are_counted_for_every_mapping(void **state)
{
    struct fixture *fixture = *state;
    struct kk_change_file none = {0};
    assert_ok(kk_change_file_create(fixture->path, 0600));
    struct kk_change_file writer = mapped(fixture->path, true);
    struct kk_change_file reader = mapped(fixture->path, false);
    assert_int_equal(kk_change_file_losses(&reader), 0);
    kk_change_file_add_loss(&writer);
    kk_change_file_step(&writer);
    kk_change_file_set_generation(&writer, 7);
    assert_int_equal(kk_change_file_losses(&reader), 1);
    assert_true(kk_change_file_losses(&none) == UINT64_MAX);
    kk_change_file_unmap(&writer);
    kk_change_file_unmap(&reader);
    assert_ok(kk_change_file_repair(fixture->path, 0600));
    reader = mapped(fixture->path, false);
    assert_true(kk_change_file_losses(&reader) > 1000); /* a random number */
    kk_change_file_unmap(&reader);
}

static void test_counter_never_becomes_the_mark_by_counting(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(kk_change_file_create(fixture->path, 0600));
    struct kk_change_file change = mapped(fixture->path, true);
    atomic_store(change.counter, KK_CHANGE_GONE - 1);
    kk_change_file_step(&change);
    assert_int_equal(kk_change_file_read(&change), 1);
    kk_change_file_unmap(&change);
}

static void test_wrong_size_is_not_mapped_and_repaired_odd(void **state)
{
    struct fixture *fixture = *state;
    static const off_t sizes[] = {0, 8, 4095, 4097};
    for (size_t i = 0; i < KK_ARRAY_LEN(sizes); i++) {
        struct kk_change_file change = {0};
        bool is_sound = true;
        unit_write_file(fixture->path, "", 0);
        assert_int_equal(truncate(fixture->path, sizes[i]), 0);
        assert_ok(kk_change_file_map(&change, fixture->path, true, &is_sound));
        assert_false(is_sound);
        assert_null(change.counter);
        assert_int_equal(kk_change_file_read(&change) % 2, 1); /* not mapped reads as odd */
        assert_ok(kk_change_file_repair(fixture->path, 0600));
        change = mapped(fixture->path, true);
        assert_int_equal(kk_change_file_read(&change) % 2, 1);
        assert_true(kk_change_file_read(&change) != KK_CHANGE_GONE);
        kk_change_file_unmap(&change);
    }
}

static void test_missing_file_and_directory_in_its_place(void **state)
{
    struct fixture *fixture = *state;
    struct kk_change_file change = {0};
    bool is_sound = true;
    assert_ok(kk_change_file_map(&change, fixture->path, true, &is_sound));
    assert_false(is_sound);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_int_equal(kk_change_file_map(&change, fixture->path, true, &is_sound), CKR_DEVICE_ERROR);
    assert_ok(kk_change_file_map(&change, fixture->path, false, &is_sound));
    assert_false(is_sound);
}

static void test_create_refuses_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(kk_change_file_create(fixture->path, 0600));
    assert_int_equal(kk_change_file_create(fixture->path, 0600), CKR_DEVICE_ERROR);
}

static int map_it(void *context)
{
    const struct fixture *fixture = context;
    struct kk_change_file change = {0};
    bool is_sound = true;
    (void)alarm(10);
    return kk_change_file_map(&change, fixture->path, false, &is_sound) == CKR_OK && !is_sound ? 0
                                                                                               : 1;
}

static void test_pipe_in_its_place_holds_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(unit_in_child(map_it, fixture), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(step_is_seen_through_every_mapping),
        TEST(settle_makes_odd_even_and_leaves_even),
        TEST(gone_stays_gone),
        TEST(losses_are_counted_for_every_mapping),
        TEST(counter_never_becomes_the_mark_by_counting),
        TEST(wrong_size_is_not_mapped_and_repaired_odd),
        TEST(missing_file_and_directory_in_its_place),
        TEST(create_refuses_what_is_there),
        TEST(pipe_in_its_place_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
