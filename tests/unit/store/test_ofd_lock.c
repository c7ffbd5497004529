/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ofd_lock.c: one holder at a time, among threads and processes; limits; files that change their
 * name; forks.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/gate.h"
#include "store/ofd_lock.h"
#include "store_unit.h"

struct fixture {
    char *dir;
    const char *path;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.dir = unit_new_dir();
    fixture.path = strdup(unit_path(fixture.dir, "a.lock"));
    *state = &fixture;
    kk_gate_start();
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unit_remove_dir(fixture->dir);
    free((void *)fixture->path);
    return 0;
}

static long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0 when the lock could be had at once, 1 when somebody else has it. */
static int try_lock(void *context)
{
    struct kk_ofd_lock *lock = NULL;
    CK_RV rv = kk_ofd_lock_take(context, 0600, 0, &lock);
    kk_ofd_lock_release(lock);
    return rv == CKR_OK ? 0 : rv == CKR_FUNCTION_FAILED ? 1 : 2;
}

static void *try_lock_in_thread(void *context)
{
    static int results[3] = {0, 1, 2};
    return &results[try_lock(context)];
}

static void test_lock_excludes_threads_and_processes(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    pthread_t thread;
    void *result = NULL;
    assert_ok(kk_ofd_lock_take(fixture->path, 0600, 0, &lock));
    assert_int_equal(try_lock((void *)fixture->path), 1); /* not even this thread again */
    assert_int_equal(pthread_create(&thread, NULL, try_lock_in_thread, (void *)fixture->path), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(*(int *)result, 1);
    assert_int_equal(unit_in_child(try_lock, (void *)fixture->path), 1);
    kk_ofd_lock_release(lock);
    assert_int_equal(try_lock((void *)fixture->path), 0);
    assert_int_equal(unit_in_child(try_lock, (void *)fixture->path), 0);
}

static void test_wait_ends_at_the_limit(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    struct kk_ofd_lock *second = NULL;
    assert_ok(kk_ofd_lock_take(fixture->path, 0600, 0, &lock));
    long begin = now_ms();
    assert_int_equal(kk_ofd_lock_take(fixture->path, 0600, 120, &second), CKR_FUNCTION_FAILED);
    long took = now_ms() - begin;
    assert_true(took >= 110 && took < 5000);
    assert_null(second);
    kk_ofd_lock_release(lock);
    kk_ofd_lock_release(NULL);
}

static int die_holding(void *context)
{
    struct kk_ofd_lock *lock = NULL;
    if (kk_ofd_lock_take(context, 0600, 0, &lock) == CKR_OK) {
        (void)raise(SIGKILL);
    }
    return 3;
}

static void test_lock_ends_with_its_process(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(unit_in_child(die_holding, (void *)fixture->path), -1);
    assert_int_equal(try_lock((void *)fixture->path), 0);
}

static int release_inherited(void *context)
{
    kk_ofd_lock_release(context); /* the child's copy: closed already, and frees nothing of the
                                     parent's */
    return 0;
}

static int stay_alive(void *context)
{
    (void)context;
    (void)pause();
    return 0;
}

static void test_forked_child_neither_ends_nor_prolongs_the_lock(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    assert_ok(kk_ofd_lock_take(fixture->path, 0600, 0, &lock));
    assert_int_equal(unit_in_child(release_inherited, lock), 0);
    assert_int_equal(try_lock((void *)fixture->path), 1);
    pid_t child = unit_start_child(stay_alive, NULL);
    kk_ofd_lock_release(lock);
    assert_int_equal(try_lock((void *)fixture->path), 0);
    (void)kill(child, SIGKILL);
    assert_int_equal(unit_wait(child), -1);
}

static int hold_and_fork(void *context)
{
    struct kk_ofd_lock *lock = NULL;
    if (kk_ofd_lock_take(context, 0600, 0, &lock) != CKR_OK) {
        return 3;
    }
    if (fork() == 0) {
        for (int fd = 0; fd < 3; fd++) {
            (void)close(fd); /* who reads the test's output need not wait for this process */
        }
        (void)alarm(3);
        (void)pause();
    }
    (void)raise(SIGKILL); /* without an unlock; the grandchild lives on */
    return 4;
}

static void test_child_of_a_dead_holder_does_not_keep_the_lock(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(unit_in_child(hold_and_fork, (void *)fixture->path), -1);
    struct kk_ofd_lock *lock = NULL;
    assert_ok(kk_ofd_lock_take(fixture->path, 0600, 1500, &lock));
    kk_ofd_lock_release(lock);
}

static void *release_later(void *context)
{
    (void)usleep(60000);
    kk_ofd_lock_release(context);
    return NULL;
}

static void test_file_replaced_while_waiting_is_not_the_lock(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    struct kk_ofd_lock *second = NULL;
    pthread_t thread;
    assert_ok(kk_ofd_lock_take(fixture->path, 0600, 0, &lock));
    assert_int_equal(pthread_create(&thread, NULL, release_later, lock), 0);
    assert_int_equal(rename(fixture->path, unit_path(fixture->dir, "old.lock")), 0);
    assert_ok(kk_ofd_lock_take(fixture->path, 0600, -1, &second)); /* a new file of that name */
    assert_int_equal(try_lock((void *)fixture->path), 1);
    kk_ofd_lock_release(second);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_directory_gone_is_device_removed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    const char *path = unit_path(fixture->dir, "nowhere/a.lock");
    assert_int_equal(kk_ofd_lock_take(path, 0600, 0, &lock), CKR_DEVICE_REMOVED);
}

static void test_symbolic_link_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    const char *target = unit_path(fixture->dir, "precious");
    assert_int_equal(symlink(target, fixture->path), 0);
    assert_int_equal(kk_ofd_lock_take(fixture->path, 0600, 0, &lock), CKR_DEVICE_ERROR);
    assert_int_not_equal(access(target, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

static void test_trying_does_not_wait(void **state)
{
    struct fixture *fixture = *state;
    struct kk_ofd_lock *lock = NULL;
    struct kk_ofd_lock *other = NULL;
    assert_ok(kk_ofd_lock_try(fixture->path, 0600, &lock));
    assert_non_null(lock);
    long begin = now_ms();
    assert_ok(kk_ofd_lock_try(fixture->path, 0600, &other));
    assert_null(other);
    assert_true(now_ms() - begin < 1000);
    kk_ofd_lock_release(lock);
    assert_ok(kk_ofd_lock_try(fixture->path, 0600, &other));
    assert_non_null(other);
    kk_ofd_lock_release(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lock_excludes_threads_and_processes),
        TEST(wait_ends_at_the_limit),
        TEST(lock_ends_with_its_process),
        TEST(forked_child_neither_ends_nor_prolongs_the_lock),
        TEST(child_of_a_dead_holder_does_not_keep_the_lock),
        TEST(file_replaced_while_waiting_is_not_the_lock),
        TEST(directory_gone_is_device_removed),
        TEST(symbolic_link_is_not_followed),
        TEST(trying_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
