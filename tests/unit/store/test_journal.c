/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.c: one writer at a time, what others did is noticed, parts come in their order.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/gate.h"
#include "store/journal.h"
#include "store_unit.h"

static char *dir;
static struct kk_journal *one;
static struct kk_journal *two;

static struct kk_journal *open_journal(void)
{
    struct kk_journal *journal = NULL;
    assert_ok(kk_journal_new(dir, "audit", 0600, &journal));
    return journal;
}

static int set_up(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    dir = unit_new_dir();
    one = open_journal();
    two = open_journal();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kk_journal_free(one);
    kk_journal_free(two);
    unit_remove_dir(dir);
    return 0;
}

/* Appends one line; whether the file was as it was left. */
static bool put(struct kk_journal *journal, const char *text, bool by_name)
{
    bool moved = false;
    assert_ok(kk_journal_lock(journal, by_name, &moved));
    assert_ok(kk_journal_append(journal, KK_SPAN(text, strlen(text))));
    assert_ok(kk_journal_unlock(journal, by_name));
    return !moved;
}

static void assert_content(uint64_t number, const char *want)
{
    KK_CLEANUP(kk_journal_part_close) struct kk_journal_part part = {.fd = -1};
    char text[256];
    size_t len = 0;
    assert_ok(kk_journal_part_open(one, number, &part));
    assert_ok(kk_journal_part_read(one, &part, 0, text, sizeof text, &len));
    assert_int_equal(len, strlen(want));
    assert_memory_equal(text, want, len);
    assert_int_equal(part.size, len);
}

static void test_what_others_append_is_noticed(void **state)
{
    (void)state;
    assert_false(put(one, "a", false)); /* the first look */
    assert_true(put(one, "b", false));
    assert_false(put(two, "c", false));
    assert_false(put(one, "d", false));
    assert_true(put(one, "e", false));
    assert_content(KK_JOURNAL_PRESENT, "abcde");
}

static void test_a_file_that_was_replaced_is_noticed(void **state)
{
    (void)state;
    put(one, "a", false);
    assert_int_equal(unlink(kk_journal_path(one)), 0);
    assert_false(put(one, "b", false)); /* a deleted file at once */
    assert_content(KK_JOURNAL_PRESENT, "b");
    assert_int_equal(rename(kk_journal_path(one), unit_path(dir, "moved")), 0);
    assert_true(put(one, "c", false)); /* one that was moved, when the name is looked at */
    assert_false(put(one, "d", true));
    assert_content(KK_JOURNAL_PRESENT, "d");
}

static void test_parts_are_listed_in_their_order(void **state)
{
    (void)state;
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    size_t count = 9;
    bool moved = false;
    assert_ok(kk_journal_parts(one, &numbers, &count));
    assert_int_equal(count, 0);
    kk_freep(&numbers);
    static const uint64_t given[] = {9, 10, 2, 9};
    for (size_t i = 0; i < KK_ARRAY_LEN(given); i++) {
        char text[2] = {(char)('a' + (int)i), '\0'};
        put(one, text, false);
        assert_ok(kk_journal_lock(one, false, &moved));
        assert_ok(kk_journal_turn(one, given[i]));
        assert_int_equal(kk_journal_size(one), 0);
        assert_ok(kk_journal_unlock(one, false));
    }
    assert_ok(kk_journal_parts(one, &numbers, &count));
    assert_int_equal(count, 4);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[1], 9);
    assert_int_equal(numbers[2], 10);
    assert_int_equal(numbers[3], 11); /* 9 and 10 were taken: nothing is overwritten */
    assert_content(9, "a");
    assert_content(11, "d");
    assert_ok(kk_journal_drop(one, 9));
    struct kk_journal_part part = {.fd = -1};
    assert_int_equal(kk_journal_part_open(one, 9, &part), CKR_DEVICE_REMOVED);
}

static void test_other_names_are_no_parts(void **state)
{
    (void)state;
    static const char *const names[] = {"audit.log.1",
                                        "audit.log.0000000000000000000x",
                                        "audit.log.000000000000000000001",
                                        "audit.log.18446744073709551615",
                                        "audit.log.99999999999999999999",
                                        "other.log.00000000000000000001"};
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    size_t count = 9;
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        FILE *file = fopen(unit_path(dir, names[i]), "we");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    assert_ok(kk_journal_parts(one, &numbers, &count));
    assert_int_equal(count, 0);
}

/* Whoever dies with the lock leaves it to others, also when a child of it lives on. */
static void test_the_lock_of_the_dead_is_free(void **state)
{
    (void)state;
    int ends[2];
    bool moved = false;
    assert_int_equal(pipe(ends), 0);
    put(one, "a", false); /* the lock file is open */
    pid_t holder = fork();
    assert_true(holder >= 0);
    if (holder == 0) {
        struct kk_journal *mine = NULL;
        bool mine_moved = false;
        bool good = kk_journal_new(dir, "audit", 0600, &mine) == CKR_OK &&
                    kk_journal_lock(mine, false, &mine_moved) == CKR_OK;
        pid_t heir = good ? fork() : -1;
        if (heir == 0) {
            (void)sleep(20);
            _exit(0);
        }
        good = good && write(ends[1], &heir, sizeof heir) == (ssize_t)sizeof heir;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    pid_t heir = 0;
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], &heir, sizeof heir), sizeof heir);
    assert_ok(kk_journal_lock(one, false, &moved)); /* at once, not after 30 seconds */
    assert_ok(kk_journal_unlock(one, false));
    assert_int_equal(kill(heir, SIGKILL), 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static atomic_bool is_over;
static atomic_uint appended;

static void *append_on(void *argument)
{
    (void)argument;
    for (int i = 0; !atomic_load(&is_over); i++) {
        struct kk_journal *fresh = open_journal(); /* opens the lock file each time */
        put(i % 2 == 0 ? fresh : one, "x", i % 8 == 0);
        kk_journal_free(fresh);
        atomic_fetch_add(&appended, 1);
    }
    return NULL;
}

static int nothing(void *argument)
{
    (void)argument;
    return 0;
}

static void test_threads_append_while_others_fork(void **state)
{
    (void)state;
    pthread_t threads[3];
    struct stat status;
    put(one, "", false);
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_on, NULL), 0);
    }
    for (int i = 0; i < 50; i++) {
        assert_int_equal(unit_in_child(nothing, NULL), 0);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(stat(kk_journal_path(one), &status), 0);
    assert_int_equal(status.st_size, atomic_load(&appended));
}

static void test_what_was_never_written_to_is_discarded(void **state)
{
    (void)state;
    bool moved = false;
    assert_ok(kk_journal_lock(one, false, &moved));
    assert_ok(kk_journal_unlock(one, false));
    assert_int_equal(access(kk_journal_path(one), F_OK), 0);
    kk_journal_discard(one);
    assert_int_equal(access(kk_journal_path(one), F_OK), -1);
    put(two, "a", false);
    kk_journal_discard(two);
    assert_int_equal(access(kk_journal_path(two), F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_others_append_is_noticed),
        TEST(test_a_file_that_was_replaced_is_noticed),
        TEST(test_parts_are_listed_in_their_order),
        TEST(test_other_names_are_no_parts),
        TEST(test_the_lock_of_the_dead_is_free),
        TEST(test_threads_append_while_others_fork),
        TEST(test_what_was_never_written_to_is_discarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
