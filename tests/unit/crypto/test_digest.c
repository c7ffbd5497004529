/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests: known answers stand in tests/vectors; here is how the class behaves.
 */
#include "fixture.h"

#include "crypto/digest.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_a_digest_is_used_again(void **state)
{
    struct kk_digest *digest = NULL;
    uint8_t out[KK_DIGEST_MAX];
    (void)state;
    assert_ok(kk_digest_new(crypto, "SHA256", &digest));
    assert_int_equal(kk_digest_size(digest), 32);
    for (int i = 0; i < 3; i++) {
        assert_ok(kk_digest_start(digest));
        assert_ok(kk_digest_update(digest, KK_SPAN_TEXT("a")));
        assert_ok(kk_digest_update(digest, KK_SPAN(NULL, 0)));
        assert_ok(kk_digest_update(digest, KK_SPAN_TEXT("bc")));
        assert_ok(kk_digest_finish(digest, out));
        assert_hex(out, 32, ABC);
    }
    kk_digest_free(digest);
}

static void test_start_forgets_what_was_begun(void **state)
{
    struct kk_digest *digest = NULL;
    uint8_t out[KK_DIGEST_MAX];
    (void)state;
    assert_ok(kk_digest_new(crypto, "SHA256", &digest));
    assert_ok(kk_digest_start(digest));
    assert_ok(kk_digest_update(digest, KK_SPAN_TEXT("something else")));
    assert_ok(kk_digest_start(digest));
    assert_ok(kk_digest_start(digest));
    assert_ok(kk_digest_finish(digest, out));
    assert_hex(out, 32, EMPTY);
    kk_digest_free(digest);
}

static void test_pieces_are_one_message(void **state)
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("a"), KK_SPAN(NULL, 0), KK_SPAN_TEXT("bc")};
    uint8_t out[32];
    (void)state;
    assert_ok(kk_digest_pieces(crypto, "SHA256", pieces, 3, out, sizeof out));
    assert_hex(out, 32, ABC);
    assert_ok(kk_digest_pieces(crypto, "SHA256", NULL, 0, out, sizeof out));
    assert_hex(out, 32, EMPTY);
    assert_rv(kk_digest_pieces(crypto, "SHA384", pieces, 3, out, sizeof out), CKR_ARGUMENTS_BAD);
}

static void test_names_that_are_not_fetched_at_the_start_work_too(void **state)
{
    struct kk_digest *digest = NULL;
    (void)state;
    assert_ok(kk_digest_new(crypto, "SHA2-256", &digest));
    assert_int_equal(kk_digest_size(digest), 32);
    kk_digest_free(digest);
}

static void test_unknown_names_are_refused(void **state)
{
    struct kk_digest *digest = NULL;
    (void)state;
    assert_rv(kk_digest_new(crypto, "SHA-257", &digest), CKR_MECHANISM_INVALID);
    assert_null(digest);
}

static void test_no_memory_is_said(void **state)
{
    struct kk_digest *digest = NULL;
    (void)state;
    kk_alloc_fail_at(1);
    assert_rv(kk_digest_new(crypto, "SHA256", &digest), CKR_HOST_MEMORY);
    kk_alloc_fail_at(0);
    assert_null(digest);
    kk_digest_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_digest_is_used_again),
        cmocka_unit_test(test_start_forgets_what_was_begun),
        cmocka_unit_test(test_pieces_are_one_message),
        cmocka_unit_test(test_names_that_are_not_fetched_at_the_start_work_too),
        cmocka_unit_test(test_unknown_names_are_refused),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("digest", tests, make_crypto, free_crypto);
}
