/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"

#include "child.h"

#include <stdio.h>
#include <string.h>

static int cleanups;

static void count_cleanup(int **pointer)
{
    cleanups += *pointer != NULL;
}

static KK_RV try_it(CK_RV rv)
{
    KK_TRY(rv);
    return CKR_CANCEL;
}

static KK_RV ensure_it(bool condition)
{
    KK_ENSURE(condition, CKR_ARGUMENTS_BAD);
    return CKR_OK;
}

static void test_try_passes_a_failure_on(void **state)
{
    (void)state;
    assert_int_equal(try_it(CKR_DEVICE_ERROR), CKR_DEVICE_ERROR);
    assert_int_equal(try_it(CKR_OK), CKR_CANCEL);
}

static void test_ensure_makes_a_failure(void **state)
{
    (void)state;
    assert_int_equal(ensure_it(true), CKR_OK);
    assert_int_equal(ensure_it(false), CKR_ARGUMENTS_BAD);
}

static void test_cleanup_runs_unless_the_value_was_stolen(void **state)
{
    (void)state;
    static int target;
    cleanups = 0;
    {
        KK_CLEANUP(count_cleanup) int *owned = &target;
        (void)owned;
    }
    assert_int_equal(cleanups, 1);
    {
        KK_CLEANUP(count_cleanup) int *owned = &target;
        assert_ptr_equal(KK_STEAL(owned), &target);
        assert_null(owned);
    }
    assert_int_equal(cleanups, 1);
}

/* The lines that a failure leaves in a log file at the given level. */
static size_t lines_of_a_failure(enum kk_log_level level)
{
    char path[] = "/tmp/kk-macros-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    kk_log_configure(level, KK_LOG_FILE, path);
    (void)!ensure_it(false);
    kk_log_configure(KK_LOG_WARNING, KK_LOG_STDERR, NULL);

    char text[1024] = {0};
    ssize_t got = read(fd, text, sizeof text - 1);
    assert_true(got >= 0);
    (void)close(fd);
    (void)unlink(path);
    if (got > 0) {
        assert_non_null(strstr(text, "CKR_ARGUMENTS_BAD (0x7) at "));
        assert_non_null(strstr(text, "test_macros.c:"));
    }
    size_t lines = 0;
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    return lines;
}

static void test_the_origin_is_traced_at_debug_level_only(void **state)
{
    (void)state;
    assert_int_equal(lines_of_a_failure(KK_LOG_INFO), 0);
    assert_int_equal(lines_of_a_failure(KK_LOG_DEBUG), 1);
}

static int fail_an_assertion(void *context)
{
    (void)context;
    kk_log_configure(KK_LOG_ERROR, KK_LOG_STDERR, NULL);
    KK_ASSERT(cleanups == -1);
    return 0;
}

static int hold_an_assertion(void *context)
{
    (void)context;
    KK_ASSERT(cleanups != -1);
    return 7;
}

static void test_a_failed_assertion_ends_the_process(void **state)
{
    (void)state;
    assert_true(child_dies_by(SIGABRT, fail_an_assertion, NULL));
    assert_int_equal(child_exit(hold_an_assertion, NULL), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_try_passes_a_failure_on),
        cmocka_unit_test(test_ensure_makes_a_failure),
        cmocka_unit_test(test_cleanup_runs_unless_the_value_was_stolen),
        cmocka_unit_test(test_the_origin_is_traced_at_debug_level_only),
        cmocka_unit_test(test_a_failed_assertion_ends_the_process),
    };
    return cmocka_run_group_tests_name("macros", tests, NULL, NULL);
}
