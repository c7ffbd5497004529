/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public key object of a private key: what it takes over, what a template may say, who may make
 * it. No memory, at any point, leaves nothing behind.
 */
#include "object_test.h"

#include "base/memory.h"
#include "object/object.h"

static const uint8_t x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};

static const uint8_t scalar[] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};

/* In the key type that SoftHSM gives such keys. */
static struct kk_attrs *private_key(CK_KEY_TYPE key_type)
{
    return create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_PRIVATE_KEY),
                           ULONG_ATTR(CKA_KEY_TYPE, key_type), ARRAY_ATTR(CKA_EC_PARAMS, x25519),
                           ARRAY_ATTR(CKA_VALUE, scalar), TEXT_ATTR(CKA_ID, "id"),
                           BOOL_ATTR(CKA_SIGN, CK_FALSE), BOOL_ATTR(CKA_DECRYPT, CK_TRUE),
                           BOOL_ATTR(CKA_DERIVE, CK_TRUE)));
}

static CK_RV publish(const struct kk_attrs *key, const struct kk_attrs *imposed,
                     const struct kk_actor *actor, const struct kk_attrs *tmpl,
                     struct kk_attrs **ret_attrs)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    struct kk_public_half half = {.private_key = key,
                                  .parts = &parts,
                                  .imposed = imposed,
                                  .actor = *actor,
                                  .uuid = {{4, 5, 6}}};
    KK_TRY(kk_key_parts_of(crypto, key, &parts));
    KK_TRY(kk_key_complete(crypto, &parts));
    return kk_policy_public_half(crypto, &half, tmpl, ret_attrs);
}

/* The code; frees what was made, and the template. */
static CK_RV code_of(const struct kk_attrs *key, const struct kk_actor *actor,
                     struct kk_attrs *tmpl)
{
    struct kk_attrs *attrs = NULL;
    CK_RV rv = publish(key, NULL, actor, tmpl, &attrs);
    assert_int_equal(attrs != NULL, rv == CKR_OK);
    kk_attrs_free(attrs);
    kk_attrs_free(tmpl);
    return rv;
}

static struct kk_attrs *empty(void)
{
    struct kk_attrs *tmpl = NULL;
    assert_ok(kk_attrs_new(&tmpl));
    return tmpl;
}

static void test_the_public_key_is_that_of_the_private_one(void **state)
{
    static const CK_KEY_TYPE types[] = {CKK_EC_MONTGOMERY, CKK_EC_EDWARDS};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        struct kk_attrs *key = private_key(types[i]);
        struct kk_attrs *tmpl = empty();
        struct kk_attrs *made = NULL;
        assert_ok(publish(key, NULL, &nobody, tmpl, &made));
        assert_int_equal(kk_attrs_number(made, CKA_CLASS, 0), CKO_PUBLIC_KEY);
        assert_int_equal(kk_attrs_number(made, CKA_KEY_TYPE, 0),
                         kk_attrs_number(key, CKA_KEY_TYPE, 1));
        assert_true(kk_span_equal(kk_attrs_bytes(made, CKA_PUBLIC_KEY_INFO),
                                  kk_attrs_bytes(key, CKA_PUBLIC_KEY_INFO)));
        assert_true(kk_span_equal(kk_attrs_bytes(made, CKA_ID), KK_SPAN_TEXT("id")));
        assert_false(kk_attrs_has(made, CKA_VALUE));
        assert_false(kk_attrs_flag(made, CKA_VERIFY, true));
        assert_true(kk_attrs_flag(made, CKA_ENCRYPT, false));
        assert_true(kk_attrs_flag(made, CKA_DERIVE, false));
        assert_true(kk_attrs_has(made, CKA_UNIQUE_ID));
        assert_int_equal(kk_attrs_number(made, CKA_KEY_GEN_MECHANISM, 0), UINT64_MAX);
        kk_attrs_free(made);
        kk_attrs_free(tmpl);
        kk_attrs_free(key);
    }
}

static void test_other_material_and_other_types_are_refused(void **state)
{
    static const uint8_t point[34] = {0x04, 0x20, 1, 2, 3};
    struct kk_attrs *key = private_key(CKK_EC_MONTGOMERY);
    struct kk_span own = kk_attrs_bytes(key, CKA_EC_PARAMS);
    (void)state;
    assert_ok(code_of(key, &user, TEMPLATE(KK_VERB_DERIVE, SPAN_ATTR(CKA_EC_PARAMS, own))));
    assert_int_equal(code_of(key, &user, TEMPLATE(KK_VERB_DERIVE, ARRAY_ATTR(CKA_EC_POINT, point))),
                     CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(
        code_of(key, &user, TEMPLATE(KK_VERB_DERIVE, ULONG_ATTR(CKA_KEY_TYPE, CKK_EC))),
        CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(
        code_of(key, &user, TEMPLATE(KK_VERB_DERIVE, TEXT_ATTR(CKA_PUBLIC_KEY_INFO, "another"))),
        CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_free(key);
}

static void test_what_is_imposed_comes_before_what_is_taken_over(void **state)
{
    struct kk_attrs *key = private_key(CKK_EC_MONTGOMERY);
    struct kk_attrs *imposed =
        TEMPLATE(KK_VERB_DERIVE, TEXT_ATTR(CKA_ID, "imposed"), BOOL_ATTR(CKA_ENCRYPT, CK_FALSE));
    struct kk_attrs *tmpl = empty();
    struct kk_attrs *made = NULL;
    (void)state;
    assert_ok(publish(key, imposed, &user, tmpl, &made));
    assert_true(kk_span_equal(kk_attrs_bytes(made, CKA_ID), KK_SPAN_TEXT("imposed")));
    assert_false(kk_attrs_flag(made, CKA_ENCRYPT, true));
    kk_attrs_free(made);
    made = NULL;
    kk_attrs_free(tmpl);
    tmpl = TEMPLATE(KK_VERB_DERIVE, TEXT_ATTR(CKA_ID, "other"));
    assert_int_equal(publish(key, imposed, &user, tmpl, &made), CKR_TEMPLATE_INCONSISTENT);
    kk_attrs_free(tmpl);
    kk_attrs_free(imposed);
    kk_attrs_free(key);
}

static void test_who_may_make_it(void **state)
{
    static const struct kk_actor reader = {.user_logged_in = true};
    struct kk_attrs *key = private_key(CKK_EC_MONTGOMERY);
    (void)state;
    assert_int_equal(
        code_of(key, &nobody, TEMPLATE(KK_VERB_DERIVE, BOOL_ATTR(CKA_PRIVATE, CK_TRUE))),
        CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(code_of(key, &reader, TEMPLATE(KK_VERB_DERIVE, BOOL_ATTR(CKA_TOKEN, CK_TRUE))),
                     CKR_SESSION_READ_ONLY);
    assert_int_equal(code_of(key, &user, TEMPLATE(KK_VERB_DERIVE, BOOL_ATTR(CKA_TRUSTED, CK_TRUE))),
                     CKR_ATTRIBUTE_READ_ONLY);
    assert_ok(code_of(key, &so, TEMPLATE(KK_VERB_DERIVE, BOOL_ATTR(CKA_TRUSTED, CK_TRUE))));
    kk_attrs_free(key);
}

static void test_no_memory_is_said(void **state)
{
    struct kk_attrs *key = private_key(CKK_EC_MONTGOMERY);
    struct kk_attrs *tmpl = empty();
    struct kk_attrs *made = NULL;
    unsigned long n = 1;
    (void)state;
    for (;; n++) {
        kk_alloc_fail_at(n);
        CK_RV rv = publish(key, NULL, &user, tmpl, &made);
        kk_alloc_fail_at(0);
        if (rv == CKR_OK) {
            break;
        }
        assert_int_equal(rv, CKR_HOST_MEMORY);
        assert_null(made);
    }
    assert_true(n > 10);
    kk_attrs_free(made);
    kk_attrs_free(tmpl);
    kk_attrs_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_public_key_is_that_of_the_private_one),
        cmocka_unit_test(test_other_material_and_other_types_are_refused),
        cmocka_unit_test(test_what_is_imposed_comes_before_what_is_taken_over),
        cmocka_unit_test(test_who_may_make_it),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests_name("public_half", tests, open_crypto, close_crypto);
}
