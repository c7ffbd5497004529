/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/memory.h"
#include "base/secret.h"

#include "child.h"
#include "tests/sanitizers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static const size_t lengths[] = {0,     1,     15,    16,    17,    31,     32,     33,   48,
                                 49,    64,    100,   240,   256,   1000,   4080,   4096, 4097,
                                 65519, 65520, 65521, 65536, 65537, 100000, 1000000};

static bool is_all(const uint8_t *bytes, size_t len, uint8_t value)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static void test_secrets_of_every_length_are_zeroed_and_writable(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
            struct kk_secret *secret = NULL;
            assert_int_equal(kk_secret_new(lengths[i], &secret), CKR_OK);
            assert_int_equal(kk_secret_len(secret), lengths[i]);
            assert_true(is_all(kk_secret_data(secret), lengths[i], 0));
            memset(kk_secret_data(secret), 0xaa, lengths[i]);
            kk_secret_free(secret);
        }
    }
}

static void test_views_show_the_bytes(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *copy = NULL;
    assert_int_equal(kk_secret_from(KK_SPAN_TEXT("my secret"), &secret), CKR_OK);
    const uint8_t *data = NULL;
    size_t len = 0;
    kk_secret_view(secret, &data, &len);
    assert_int_equal(len, 9);
    assert_memory_equal(data, "my secret", 9);
    assert_true(kk_span_equal(kk_secret_span(secret), KK_SPAN_TEXT("my secret")));

    assert_int_equal(kk_secret_dup(secret, &copy), CKR_OK);
    assert_ptr_not_equal(kk_secret_data(copy), kk_secret_data(secret));
    assert_true(kk_secret_equal(copy, secret));
    kk_secret_data(copy)[0] ^= 1;
    assert_false(kk_secret_equal(copy, secret));
}

static void test_an_empty_secret(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *other = NULL;
    assert_int_equal(kk_secret_from(KK_SPAN(NULL, 0), &secret), CKR_OK);
    assert_int_equal(kk_secret_new(0, &other), CKR_OK);
    assert_int_equal(kk_secret_len(secret), 0);
    assert_true(kk_secret_equal(secret, other));
    kk_secret_free(NULL);
}

static void test_truncate_wipes_what_is_cut_off(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_from(KK_SPAN_TEXT("0123456789"), &secret), CKR_OK);
    kk_secret_truncate(secret, 4);
    assert_int_equal(kk_secret_len(secret), 4);
    assert_memory_equal(kk_secret_data(secret), "0123\0\0\0\0\0\0", 10);
    kk_secret_truncate(secret, 4);
    kk_secret_truncate(secret, 0);
    assert_int_equal(kk_secret_len(secret), 0);
}

/* The slot keeps its place in the arena, so that it can be looked at after the free. */
static void test_free_wipes(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *keeps_the_region = NULL;
    struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_new(40, &keeps_the_region), CKR_OK);
    assert_int_equal(
        kk_secret_from(KK_SPAN_TEXT("0123456789012345678901234567890123456789"), &secret), CKR_OK);
    const uint8_t *data = kk_secret_data(secret);
    kk_secret_free(secret);
    assert_true(is_all(data, 64, 0));
}

static void test_many_secrets_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    KK_CLEANUP(kk_freep) struct kk_secret **secrets = NULL;
    assert_int_equal(kk_alloc_array(COUNT, sizeof(struct kk_secret *), &secrets), CKR_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(kk_secret_new(i % 200, &secrets[i]), CKR_OK);
        memset(kk_secret_data(secrets[i]), (int)(i % 251), i % 200);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        kk_secret_free(secrets[i]);
        assert_int_equal(kk_secret_new(i % 200, &secrets[i]), CKR_OK);
        assert_true(is_all(kk_secret_data(secrets[i]), i % 200, 0));
        memset(kk_secret_data(secrets[i]), (int)(i % 251), i % 200);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(is_all(kk_secret_data(secrets[i]), i % 200, (uint8_t)(i % 251)));
        kk_secret_free(secrets[i]);
    }
}

static void test_memory_goes_back(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct kk_secret *secrets[COUNT];
    struct kk_secret_stats before;
    struct kk_secret_stats during;
    struct kk_secret_stats after;
    kk_secret_stats(&before);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(kk_secret_new(8000, &secrets[i]), CKR_OK);
        }
        kk_secret_stats(&during);
        assert_int_equal(during.in_use, before.in_use + COUNT);
        assert_true(during.mapped >= before.mapped + (size_t)8000 * COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            kk_secret_free(secrets[i]);
        }
        kk_secret_stats(&after);
        assert_int_equal(after.in_use, before.in_use);
        assert_true(after.mapped <= before.mapped + (size_t)1024 * 1024);
    }
}

static void test_impossible_lengths_are_refused(void **state)
{
    (void)state;
    struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_new(SIZE_MAX, &secret), CKR_HOST_MEMORY);
    assert_int_equal(kk_secret_new(SIZE_MAX - 16, &secret), CKR_HOST_MEMORY);
    assert_int_equal(kk_secret_new(PTRDIFF_MAX, &secret), CKR_HOST_MEMORY);
    assert_int_equal(kk_secret_new(SIZE_MAX / 2 - 4096, &secret), CKR_HOST_MEMORY);
    assert_null(secret);
}

static void test_without_memory_nothing_leaks(void **state)
{
    (void)state;
    struct kk_secret_stats before;
    struct kk_secret_stats after;
    kk_secret_stats(&before);
    for (unsigned long nth = 1; nth <= 2; nth++) {
        struct kk_secret *secret = NULL;
        kk_alloc_fail_at(nth);
        CK_RV rv = kk_secret_new(200000, &secret);
        kk_alloc_fail_at(0);
        assert_int_equal(rv, CKR_HOST_MEMORY);
        assert_null(secret);
    }
    kk_secret_stats(&after);
    assert_int_equal(after.in_use, before.in_use);
    assert_int_equal(after.mapped, before.mapped);
}

/* One byte behind the secret's last. */
static int overrun(void *context)
{
    struct kk_secret *secret = NULL;
    if (kk_secret_new(*(const size_t *)context, &secret) != CKR_OK) {
        return 1;
    }
    kk_secret_data(secret)[*(const size_t *)context] ^= 1;
    kk_secret_free(secret);
    return 0;
}

static void test_an_overrun_ends_the_process(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        size_t len = lengths[i];
        assert_true(child_dies_by(SIGABRT, overrun, &len));
    }
}

struct walk {
    size_t len;
    int step;
};

/* Reads on from a secret until something stops it: at most the largest region. */
static int walk_off(void *context)
{
    const struct walk *walk = context;
    struct kk_secret *secret = NULL;
    if (kk_secret_new(walk->len, &secret) != CKR_OK) {
        return 1;
    }
    const volatile uint8_t *at = kk_secret_data(secret);
    for (size_t i = 0; i < (size_t)4 * 1024 * 1024; i++) {
        (void)*at;
        at += walk->step;
    }
    return 0;
}

static void test_guard_pages_stand_at_both_ends(void **state)
{
    (void)state;
    static const size_t sample[] = {1, 5000, 65000, 300000};
    for (size_t i = 0; i < KK_ARRAY_LEN(sample); i++) {
        struct walk forwards = {sample[i], 1};
        struct walk backwards = {sample[i], -1};
        assert_true(child_dies_by(SIGSEGV, walk_off, &forwards));
        assert_true(child_dies_by(SIGSEGV, walk_off, &backwards));
    }
}

static int look_at_inherited(void *context)
{
    struct kk_secret **secrets = context;
    if (!is_all(kk_secret_data(secrets[0]), 100, 0) ||
        !is_all(kk_secret_data(secrets[1]), 70000, 0)) {
        return 1;
    }
    kk_secret_free(secrets[0]);
    kk_secret_free(secrets[1]);
    struct kk_secret *fresh = NULL;
    if (kk_secret_from(KK_SPAN_TEXT("child"), &fresh) != CKR_OK ||
        !kk_span_equal(kk_secret_span(fresh), KK_SPAN_TEXT("child"))) {
        return 2;
    }
    kk_secret_free(fresh);
    return 0;
}

static int overrun_in_child(void *context)
{
    (void)context;
    size_t len = 100;
    return overrun(&len);
}

static void test_a_forked_child_reads_zeroes_and_goes_on(void **state)
{
    (void)state;
    struct kk_secret *secrets[2] = {NULL, NULL};
    assert_int_equal(kk_secret_new(100, &secrets[0]), CKR_OK);
    assert_int_equal(kk_secret_new(70000, &secrets[1]), CKR_OK);
    memset(kk_secret_data(secrets[0]), 0x5a, 100);
    memset(kk_secret_data(secrets[1]), 0x5a, 70000);
    assert_int_equal(child_exit(look_at_inherited, secrets), 0);
    assert_true(child_dies_by(SIGABRT, overrun_in_child, NULL));
    assert_true(is_all(kk_secret_data(secrets[0]), 100, 0x5a));
    assert_true(is_all(kk_secret_data(secrets[1]), 70000, 0x5a));
    kk_secret_free(secrets[0]);
    kk_secret_free(secrets[1]);
}

static int fork_again(void *context)
{
    struct kk_secret *own = NULL;
    if (kk_secret_from(KK_SPAN_TEXT("of the child"), &own) != CKR_OK) {
        return 9;
    }
    int code = child_exit(look_at_inherited, context);
    bool is_kept = kk_span_equal(kk_secret_span(own), KK_SPAN_TEXT("of the child"));
    kk_secret_free(own);
    return is_kept ? code : 8;
}

static void test_a_grandchild_reads_zeroes_too(void **state)
{
    (void)state;
    struct kk_secret *secrets[2] = {NULL, NULL};
    assert_int_equal(kk_secret_new(100, &secrets[0]), CKR_OK);
    assert_int_equal(kk_secret_new(70000, &secrets[1]), CKR_OK);
    memset(kk_secret_data(secrets[0]), 0x5a, 100);
    assert_int_equal(child_exit(fork_again, secrets), 0);
    kk_secret_free(secrets[0]);
    kk_secret_free(secrets[1]);
}

/* A process made by the system call alone, which runs no fork handlers. */
static void test_a_child_without_fork_handlers_may_free(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_from(KK_SPAN_TEXT("parent"), &secret), CKR_OK);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        int code = is_all(kk_secret_data(secret), 6, 0) ? 0 : 1;
        kk_secret_free(secret);
        _exit(code);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void *make_and_free(void *context)
{
    unsigned int seed = *(const unsigned int *)context;
    for (int i = 0; i < 5000; i++) {
        struct kk_secret *secret = NULL;
        seed = seed * 1103515245 + 12345;
        size_t len = seed >> 16 & 0x1ff;
        if (kk_secret_new(len, &secret) != CKR_OK || !is_all(kk_secret_data(secret), len, 0)) {
            return context;
        }
        memset(kk_secret_data(secret), (int)seed, len);
        if (!is_all(kk_secret_data(secret), len, (uint8_t)seed)) {
            return context;
        }
        kk_secret_free(secret);
    }
    return NULL;
}

static int make_one(void *context)
{
    (void)context;
    struct kk_secret *secret = NULL;
    CK_RV rv = kk_secret_new(32, &secret);
    kk_secret_free(secret);
    return rv == CKR_OK ? 0 : 1;
}

static void test_threads_share_the_arena_and_may_fork(void **state)
{
    (void)state;
    struct kk_secret_stats before;
    struct kk_secret_stats after;
    kk_secret_stats(&before);
    pthread_t threads[4];
    unsigned int seeds[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_and_free, &seeds[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(child_exit(make_one, NULL), 0);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    kk_secret_stats(&after);
    assert_int_equal(after.in_use, before.in_use);
}

static int stats_without_lock_limit(void *context)
{
    (void)context;
    const struct rlimit none = {0, 0};
    struct kk_secret *secret = NULL;
    struct kk_secret_stats stats;
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || kk_secret_new(5000, &secret) != CKR_OK) {
        return 9;
    }
    kk_secret_stats(&stats);
    kk_secret_free(secret);
    return stats.locked ? 1 : 0;
}

static void test_pages_that_cannot_be_locked_are_no_error(void **state)
{
    (void)state;
    int expected = geteuid() == 0 ? 1 : 0; /* the limit does not bind root */
    int code = child_exit(stats_without_lock_limit, NULL);
    assert_true(code == expected || code == 0);
}

/* The flags that /proc/self/smaps gives for the mapping that holds `address`. */
static bool mapping_flags(const void *address, char flags[200])
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    char line[512];
    bool is_here = false;
    bool is_found = false;
    while (smaps != NULL && !is_found && fgets(line, sizeof line, smaps) != NULL) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            is_here = (uintptr_t)address >= from && (uintptr_t)address < to;
        } else if (is_here && strncmp(line, "VmFlags:", 8) == 0) {
            is_found = snprintf(flags, 200, "%s", line) > 0;
        }
    }
    if (smaps != NULL) {
        (void)fclose(smaps);
    }
    return is_found;
}

static void test_pages_are_kept_out_of_dumps_and_children(void **state)
{
    (void)state;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    assert_int_equal(kk_secret_new(50, &secret), CKR_OK);
    char flags[200] = {0};
    if (!mapping_flags(kk_secret_data(secret), flags)) {
        return; /* this kernel does not say */
    }
    assert_non_null(strstr(flags, " dd"));
    assert_non_null(strstr(flags, " wf"));
#if !KK_SANITIZED /* they disable mlock() */
    struct kk_secret_stats stats;
    kk_secret_stats(&stats);
    assert_int_equal(strstr(flags, " lo") != NULL, stats.locked);
#endif
}

static const uint8_t *leave_array(void)
{
    KK_SECRET_ARRAY(array, 64);
    memset(array, 0x77, sizeof array);
    struct kk_wipe_range range = {array, 32};
    kk_wipe_range(&range);
    assert_true(is_all(array, 32, 0));
    assert_true(is_all(array + 32, 32, 0x77));
    return NULL;
}

static void test_arrays_are_wiped(void **state)
{
    (void)state;
    assert_null(leave_array());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_of_every_length_are_zeroed_and_writable),
        cmocka_unit_test(test_views_show_the_bytes),
        cmocka_unit_test(test_an_empty_secret),
        cmocka_unit_test(test_truncate_wipes_what_is_cut_off),
        cmocka_unit_test(test_free_wipes),
        cmocka_unit_test(test_many_secrets_do_not_overlap),
        cmocka_unit_test(test_memory_goes_back),
        cmocka_unit_test(test_impossible_lengths_are_refused),
        cmocka_unit_test(test_without_memory_nothing_leaks),
        cmocka_unit_test(test_an_overrun_ends_the_process),
        cmocka_unit_test(test_guard_pages_stand_at_both_ends),
        cmocka_unit_test(test_a_forked_child_reads_zeroes_and_goes_on),
        cmocka_unit_test(test_a_grandchild_reads_zeroes_too),
        cmocka_unit_test(test_a_child_without_fork_handlers_may_free),
        cmocka_unit_test(test_threads_share_the_arena_and_may_fork),
        cmocka_unit_test(test_pages_that_cannot_be_locked_are_no_error),
        cmocka_unit_test(test_pages_are_kept_out_of_dumps_and_children),
        cmocka_unit_test(test_arrays_are_wiped),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
