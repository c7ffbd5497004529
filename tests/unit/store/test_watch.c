/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c: what ends a wait, and what a forked child inherits of it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/watch.h"
#include "store_unit.h"

static int set_up(void **state)
{
    *state = unit_new_dir();
    return 0;
}

static int tear_down(void **state)
{
    unit_remove_dir(*state);
    return 0;
}

static void test_nothing_ends_no_wait(void **state)
{
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_ok(kk_watch_new(*state, &watch));
    assert_false(kk_watch_wait(watch, 30));
}

static void test_what_comes_goes_or_moves_ends_the_wait_once(void **state)
{
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_ok(kk_watch_new(*state, &watch));
    assert_int_equal(mkdir(unit_path(*state, "a"), 0700), 0);
    assert_true(kk_watch_wait(watch, -1));
    assert_false(kk_watch_wait(watch, 0));
    assert_int_equal(rename(unit_path(*state, "a"), unit_path(*state, "b")), 0);
    assert_true(kk_watch_wait(watch, -1));
    assert_int_equal(rmdir(unit_path(*state, "b")), 0);
    assert_true(kk_watch_wait(watch, -1));
    assert_false(kk_watch_wait(watch, 0));
}

struct taken {
    size_t count;
    char last[64];
};

static void take_one(const char *name, void *context)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->last, sizeof taken->last, "%s", name);
}

/* The events are there when the calls return that made them. */
static void test_what_happens_to_files_is_told_at_once(void **state)
{
    struct taken taken = {0};
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    int directory = open(*state, O_RDONLY | O_DIRECTORY);
    int file = open(unit_path(*state, "file"), O_WRONLY | O_CREAT, 0600);
    CK_RV rv = kk_watch_new_files(directory, &watch);
    if (rv != CKR_OK) { /* whoever asks then looks for himself */
        assert_int_equal(rv, CKR_FUNCTION_NOT_SUPPORTED);
        (void)close(file);
        (void)close(directory);
        return;
    }
    assert_true(kk_watch_take(watch, take_one, &taken));
    assert_int_equal(taken.count, 0);
    assert_int_equal(write(file, "x", 1), 1);
    assert_true(kk_watch_take(watch, take_one, &taken));
    assert_int_equal(taken.count, 1);
    assert_string_equal(taken.last, "file");
    assert_int_equal(ftruncate(file, 0), 0);
    assert_true(kk_watch_take(watch, take_one, &taken));
    assert_int_equal(taken.count, 2);
    assert_int_equal(rename(unit_path(*state, "file"), unit_path(*state, "other")), 0);
    assert_true(kk_watch_take(watch, take_one, &taken));
    assert_int_equal(taken.count, 4);
    assert_string_equal(taken.last, "other");
    assert_int_equal(unlink(unit_path(*state, "other")), 0);
    assert_true(kk_watch_take(watch, take_one, &taken));
    assert_true(taken.count > 4);
    (void)close(file);
    (void)close(directory);
}

static void test_a_directory_that_is_gone_tells_nothing_any_more(void **state)
{
    struct taken taken = {0};
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_int_equal(mkdir(unit_path(*state, "inner"), 0700), 0);
    int directory = open(unit_path(*state, "inner"), O_RDONLY | O_DIRECTORY);
    CK_RV rv = kk_watch_new_files(directory, &watch);
    (void)close(directory);
    assert_int_equal(rmdir(unit_path(*state, "inner")), 0);
    assert_true(rv == CKR_OK || rv == CKR_FUNCTION_NOT_SUPPORTED);
    for (int i = 0; rv == CKR_OK && i < 2; i++) {
        assert_false(kk_watch_take(watch, take_one, &taken));
    }
}

static void *wake(void *watch)
{
    (void)usleep(20000);
    kk_watch_wake(watch);
    return NULL;
}

static void test_another_thread_wakes(void **state)
{
    pthread_t thread;
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_ok(kk_watch_new(*state, &watch));
    assert_int_equal(pthread_create(&thread, NULL, wake, watch), 0);
    assert_true(kk_watch_wait(watch, -1));
    assert_int_equal(pthread_join(thread, NULL), 0);
    kk_watch_wake(watch);
    kk_watch_wake(watch);
    assert_true(kk_watch_wait(watch, -1));
    assert_false(kk_watch_wait(watch, 0));
}

static void test_without_a_directory_there_is_the_wake(void **state)
{
    (void)state;
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_ok(kk_watch_new(NULL, &watch));
    assert_false(kk_watch_wait(watch, 10));
    kk_watch_wake(watch);
    assert_true(kk_watch_wait(watch, -1));
}

/* A directory that cannot be watched is looked at: the wait ends without a limit. */
static void test_a_directory_that_cannot_be_watched_ends_the_wait_by_itself(void **state)
{
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    assert_ok(kk_watch_new(unit_path(*state, "missing"), &watch));
    assert_false(kk_watch_wait(watch, -1));
}

/* Another layer of an overlay may be written to past it. */
static int watch_overlay(void *context)
{
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    char options[512], merged[256];
    (void)snprintf(merged, sizeof merged, "%s/merged", (const char *)context);
    (void)snprintf(options, sizeof options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
                   (const char *)context, (const char *)context, (const char *)context);
    int spaces = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    if (unshare(spaces) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", context, "tmpfs", 0, NULL) != 0 ||
        mkdir(unit_path(context, "lower"), 0700) != 0 ||
        mkdir(unit_path(context, "upper"), 0700) != 0 ||
        mkdir(unit_path(context, "work"), 0700) != 0 || mkdir(merged, 0700) != 0 ||
        mount("none", merged, "overlay", 0, options) != 0) {
        return 0; /* a system may let nobody do this */
    }
    int directory = open(merged, O_RDONLY | O_DIRECTORY);
    return kk_watch_new_files(directory, &watch) == CKR_FUNCTION_NOT_SUPPORTED ? 0 : 1;
}

static void test_files_that_others_write_to_past_the_kernels_view_are_not_watched(void **state)
{
    assert_int_equal(unit_in_child(watch_overlay, *state), 0);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *stream = opendir("/proc/self/fd");
    while (stream != NULL && readdir(stream) != NULL) {
        count++;
    }
    (void)closedir(stream);
    return count;
}

/* The number that the next descriptor gets. */
static int next_number(void)
{
    int number = dup(STDERR_FILENO);
    (void)close(number);
    return number;
}

/* An application closes whatever there is, and opens a file of its own by the number. */
static void replace(const char *directory, int number)
{
    assert_int_equal(close(number), 0);
    assert_int_equal(open(unit_path(directory, "theirs"), O_RDWR | O_CREAT | O_TRUNC, 0600),
                     number);
    assert_int_equal(write(number, "theirs", 6), 6);
    assert_int_equal(lseek(number, 0, SEEK_SET), 0);
}

/* Neither read nor written nor closed. */
static void assert_untouched(int number)
{
    char bytes[32];
    assert_int_equal(lseek(number, 0, SEEK_CUR), 0);
    assert_int_equal(read(number, bytes, sizeof bytes), 6);
    assert_memory_equal(bytes, "theirs", 6);
    assert_int_equal(close(number), 0);
}

static void test_a_file_by_the_number_of_the_events_is_left_alone(void **state)
{
    struct taken taken = {0};
    struct kk_watch *watch = NULL;
    int directory = open(*state, O_RDONLY | O_DIRECTORY);
    int number = next_number();
    CK_RV rv = kk_watch_new_files(directory, &watch);
    if (rv == CKR_OK) { /* a system may have none */
        replace(*state, number);
        assert_false(kk_watch_take(watch, take_one, &taken));
        kk_watch_free(watch);
        assert_untouched(number);
    }
    (void)close(directory);
}

static void test_files_by_the_numbers_of_a_wait_are_left_alone(void **state)
{
    for (int which = 0; which < 2; which++) {
        struct kk_watch *watch = NULL;
        int number = next_number();
        assert_ok(kk_watch_new(*state, &watch));
        replace(*state, number + which);
        kk_watch_wake(watch);
        (void)kk_watch_wait(watch, -1); /* and it ends */
        (void)kk_watch_wait(watch, -1);
        kk_watch_free(watch);
        assert_untouched(number + which);
    }
}

static void test_a_watch_whose_number_another_one_got_tells_that_it_lost_its_events(void **state)
{
    struct taken taken = {0};
    KK_CLEANUP(kk_watch_freep) struct kk_watch *first = NULL;
    KK_CLEANUP(kk_watch_freep) struct kk_watch *second = NULL;
    int directory = open(*state, O_RDONLY | O_DIRECTORY);
    int number = next_number();
    if (kk_watch_new_files(directory, &first) == CKR_OK) {
        assert_int_equal(close(number), 0);
        assert_ok(kk_watch_new_files(directory, &second));
        assert_int_equal(mkdir(unit_path(*state, "d"), 0700), 0);
        assert_false(kk_watch_take(first, take_one, &taken));
        assert_int_equal(taken.count, 0);
        assert_true(kk_watch_take(second, take_one, &taken));
        assert_int_equal(taken.count, 1);
    }
    (void)close(directory);
}

static int count_in_child(KK_UNUSED void *context)
{
    return open_descriptors();
}

static void test_child_inherits_no_descriptor_and_the_parent_waits_on(void **state)
{
    struct kk_watch *first = NULL;
    struct kk_watch *second = NULL;
    int before = unit_in_child(count_in_child, NULL);
    int mine = open_descriptors();
    assert_ok(kk_watch_new(*state, &first));
    assert_ok(kk_watch_new(*state, &second));
    assert_int_equal(open_descriptors(), mine + 4);
    assert_int_equal(unit_in_child(count_in_child, NULL), before);
    kk_watch_free(first);
    assert_int_equal(mkdir(unit_path(*state, "c"), 0700), 0);
    assert_true(kk_watch_wait(second, -1));
    kk_watch_free(second);
    assert_int_equal(open_descriptors(), mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_ends_no_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_comes_goes_or_moves_ends_the_wait_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_another_thread_wakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_happens_to_files_is_told_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_directory_that_is_gone_tells_nothing_any_more,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_directory_there_is_the_wake, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_directory_that_cannot_be_watched_ends_the_wait_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_files_that_others_write_to_past_the_kernels_view_are_not_watched, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_by_the_number_of_the_events_is_left_alone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_by_the_numbers_of_a_wait_are_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_watch_whose_number_another_one_got_tells_that_it_lost_its_events, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_child_inherits_no_descriptor_and_the_parent_waits_on,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
