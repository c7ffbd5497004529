/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library context: what it has, its random bytes, and that the application's OpenSSL stays as
 * it was.
 */
#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include <pthread.h>
#include <semaphore.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

static void test_has_finds_algorithms_of_each_kind(void **state)
{
    (void)state;
    assert_true(kk_crypto_has(crypto, KK_ALGORITHM_NONE, NULL));
    assert_true(kk_crypto_has(crypto, KK_ALGORITHM_DIGEST, "SHA256"));
    assert_true(kk_crypto_has(crypto, KK_ALGORITHM_CIPHER, "AES-128-GCM"));
    assert_true(kk_crypto_has(crypto, KK_ALGORITHM_MAC, "HMAC"));
    assert_true(kk_crypto_has(crypto, KK_ALGORITHM_KEY, "ED25519"));
}

static void test_has_refuses_unknown_names_and_other_kinds(void **state)
{
    (void)state;
    assert_false(kk_crypto_has(crypto, KK_ALGORITHM_DIGEST, "SHA-257"));
    assert_false(kk_crypto_has(crypto, KK_ALGORITHM_CIPHER, "SHA256"));
    assert_false(kk_crypto_has(crypto, KK_ALGORITHM_MAC, "AES-128-GCM"));
    assert_false(kk_crypto_has(crypto, KK_ALGORITHM_KEY, "HMAC-MD1"));
}

static void test_has_leaves_the_error_queue_empty(void **state)
{
    (void)state;
    ERR_clear_error();
    assert_false(kk_crypto_has(crypto, KK_ALGORITHM_DIGEST, "no such digest"));
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_random_bytes_differ(void **state)
{
    uint8_t a[64] = {0};
    uint8_t b[64] = {0};
    uint8_t zeros[64] = {0};
    (void)state;
    assert_ok(kk_crypto_random(crypto, a, sizeof a));
    assert_ok(kk_crypto_random(crypto, b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zeros, sizeof a);
    assert_ok(kk_crypto_random_secret(crypto, b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_ok(kk_crypto_random(crypto, a, 0));
}

static void test_random_fills_more_than_one_request_of_openssl(void **state)
{
    enum { SIZE = 200000, TAIL = 32 };
    static uint8_t bytes[SIZE];
    uint8_t zeros[TAIL] = {0};
    (void)state;
    assert_ok(kk_crypto_random(crypto, bytes, sizeof bytes));
    assert_memory_not_equal(bytes, zeros, TAIL);
    assert_memory_not_equal(bytes + SIZE - TAIL, zeros, TAIL);
}

static void test_forked_child_has_other_random_bytes(void **state)
{
    uint8_t mine[32];
    uint8_t childs[32];
    int ends[2];
    int status = 0;
    (void)state;
    assert_ok(kk_crypto_random(crypto, mine, sizeof mine));
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        CK_RV rv = kk_crypto_random(crypto, mine, sizeof mine);
        ssize_t done = write(ends[1], mine, sizeof mine);
        _exit(rv == CKR_OK && done == (ssize_t)sizeof mine ? 0 : 1);
    }
    assert_true(child > 0);
    assert_ok(kk_crypto_random(crypto, mine, sizeof mine));
    assert_int_equal(read(ends[0], childs, sizeof childs), sizeof childs);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(mine, childs, sizeof mine);
    close(ends[0]);
    close(ends[1]);
}

static void test_errors_of_the_application_survive_an_entry(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 77);
    unsigned long before = ERR_peek_last_error();
    kk_crypto_enter();
    ERR_raise(ERR_LIB_USER, 78);
    kk_crypto_leave();
    assert_int_equal(ERR_peek_last_error(), before);
    assert_int_equal(ERR_get_error(), before);
    assert_int_equal(ERR_get_error(), 0);
}

static void test_entry_with_an_empty_queue_leaves_it_empty(void **state)
{
    (void)state;
    ERR_clear_error();
    kk_crypto_enter();
    ERR_raise(ERR_LIB_USER, 78);
    kk_crypto_leave();
    assert_int_equal(ERR_peek_error(), 0);
}

/* Without a mark nothing is dropped; from kk_crypto_mark() on all that comes is. */
static void test_light_calls_drop_what_comes_after_a_mark(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 77);
    unsigned long before = ERR_peek_last_error();
    struct kk_crypto_call outer = kk_crypto_enter_call(true);
    kk_crypto_leave_call(outer);
    assert_int_equal(ERR_peek_last_error(), before);
    outer = kk_crypto_enter_call(true);
    kk_crypto_mark();
    ERR_raise(ERR_LIB_USER, 78);
    kk_crypto_mark();
    ERR_raise(ERR_LIB_USER, 79);
    kk_crypto_leave_call(outer);
    assert_int_equal(ERR_get_error(), before);
    assert_int_equal(ERR_get_error(), 0);
}

/* A call within a call: OpenSSL asks this module while it works for it. */
static void test_calls_may_be_nested(void **state)
{
    (void)state;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 77);
    unsigned long before = ERR_peek_last_error();
    struct kk_crypto_call outer = kk_crypto_enter_call(false);
    ERR_raise(ERR_LIB_USER, 78);
    struct kk_crypto_call inner = kk_crypto_enter_call(true);
    kk_crypto_leave_call(inner);
    ERR_raise(ERR_LIB_USER, 79);
    kk_crypto_leave_call(outer);
    assert_int_equal(ERR_get_error(), before);
    assert_int_equal(ERR_get_error(), 0);
}

static void test_default_context_is_not_ours(void **state)
{
    (void)state;
    /* The legacy provider, which we may have loaded, is not the application's. */
    assert_int_equal(OSSL_PROVIDER_available(NULL, "legacy"), 0);
}

static void test_two_contexts_live_side_by_side(void **state)
{
    struct kk_crypto *second = NULL;
    uint8_t out[16];
    (void)state;
    assert_ok(kk_crypto_new(&second));
    assert_ok(kk_crypto_random(second, out, sizeof out));
    kk_crypto_free(second);
    assert_ok(kk_crypto_random(crypto, out, sizeof out));
}

static void test_no_memory_is_said(void **state)
{
    struct kk_crypto *second = NULL;
    struct kk_crypto *spare = NULL;
    (void)state;
    assert_ok(kk_crypto_new(&spare)); /* so that none is left over */
    kk_alloc_fail_at(1);
    assert_rv(kk_crypto_new(&second), CKR_HOST_MEMORY);
    kk_alloc_fail_at(0);
    assert_null(second);
    kk_crypto_free(spare);
}

static void *draw(void *context)
{
    uint8_t out[16];
    assert_ok(kk_crypto_random(context, out, sizeof out));
    assert_ok(kk_crypto_random_secret(context, out, sizeof out));
    return NULL;
}

static sem_t drawn;
static sem_t freed;

static void *draw_and_outlive(void *context)
{
    (void)draw(context);
    (void)sem_post(&drawn);
    while (sem_wait(&freed) != 0) {
    }
    return NULL;
}

/* OpenSSL's generators of a thread end with the thread, whenever that is. */
static void test_a_thread_may_end_after_the_context(void **state)
{
    struct kk_crypto *second = NULL;
    pthread_t thread;
    (void)state;
    assert_int_equal(sem_init(&drawn, 0, 0) | sem_init(&freed, 0, 0), 0);
    assert_ok(kk_crypto_new(&second));
    assert_int_equal(pthread_create(&thread, NULL, draw_and_outlive, second), 0);
    while (sem_wait(&drawn) != 0) {
    }
    kk_crypto_free(second);
    (void)sem_post(&freed);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static struct kk_crypto *left_over;

static void free_left_over(void)
{
    if (!kk_crypto_is_over()) {
        _exit(3);
    }
    kk_crypto_free(left_over);
    _exit(0);
}

/* OpenSSL's handler runs before one that was registered earlier: ours must free nothing then. */
static void test_free_after_openssl_has_gone_is_harmless(void **state)
{
    int status = 0;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        OPENSSL_cleanup();
        left_over = crypto;
        free_left_over();
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(kk_crypto_is_over());
}

static void test_new_after_openssl_has_gone_is_refused(void **state)
{
    int status = 0;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct kk_crypto *late = NULL;
        OPENSSL_cleanup();
        _exit(kk_crypto_new(&late) == CKR_FUNCTION_FAILED ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_version_names_openssl(void **state)
{
    (void)state;
    assert_non_null(strstr(kk_crypto_version(), "OpenSSL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has_finds_algorithms_of_each_kind),
        cmocka_unit_test(test_has_refuses_unknown_names_and_other_kinds),
        cmocka_unit_test(test_has_leaves_the_error_queue_empty),
        cmocka_unit_test(test_random_bytes_differ),
        cmocka_unit_test(test_random_fills_more_than_one_request_of_openssl),
        cmocka_unit_test(test_forked_child_has_other_random_bytes),
        cmocka_unit_test(test_errors_of_the_application_survive_an_entry),
        cmocka_unit_test(test_entry_with_an_empty_queue_leaves_it_empty),
        cmocka_unit_test(test_light_calls_drop_what_comes_after_a_mark),
        cmocka_unit_test(test_calls_may_be_nested),
        cmocka_unit_test(test_default_context_is_not_ours),
        cmocka_unit_test(test_two_contexts_live_side_by_side),
        cmocka_unit_test(test_no_memory_is_said),
        cmocka_unit_test(test_a_thread_may_end_after_the_context),
        cmocka_unit_test(test_free_after_openssl_has_gone_is_harmless),
        cmocka_unit_test(test_new_after_openssl_has_gone_is_refused),
        cmocka_unit_test(test_version_names_openssl),
    };
    return cmocka_run_group_tests_name("provider", tests, make_crypto, free_crypto);
}
