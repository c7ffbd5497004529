/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the families share, above all when a context of last time is used again.
 */
#include "fixture.h"

#include "mechanism/operation.h"

struct context {
    struct kk_op_context head;
    int number;
};

static int freed;

static void context_free(void *context)
{
    struct context *self = context;
    kk_op_context_clear(&self->head);
    kk_free(self);
    freed++;
}

static void other_free(void *context)
{
    context_free(context);
}

static void give_context(struct kk_op *op)
{
    struct context *context = NULL;
    assert_ok(kk_alloc(sizeof *context, &context));
    kk_op_install(op, &context->head, context_free);
}

static void test_the_same_again_is_reused(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT("0123456789abcdef"));
    (void)state;
    op_begin(&op, CKM_AES_ECB, KK_OP_ENCRYPT, key, NULL, 0);
    assert_null(kk_op_reuse(&op, context_free));
    give_context(&op);
    assert_ptr_equal(kk_op_reuse(&op, context_free), op.context);
    kk_key_unref(key);
    /* The context still holds the key. */
    assert_int_equal(kk_key_secret(op.key).len, 16);
    op_end(&op);
}

static void expect_dropped(struct kk_op *op, void (*reuser)(void *))
{
    int before = freed;
    assert_null(kk_op_reuse(op, reuser));
    assert_null(op->context);
    assert_int_equal(freed, before + 1);
}

static void test_another_key_direction_mechanism_or_family_is_not(void **state)
{
    struct kk_op op;
    struct kk_key *key = secret_key(KK_SPAN_TEXT("0123456789abcdef"));
    struct kk_key *same_value = secret_key(KK_SPAN_TEXT("0123456789abcdef"));
    (void)state;
    op_begin(&op, CKM_AES_ECB, KK_OP_ENCRYPT, key, NULL, 0);
    give_context(&op);
    op.key = same_value;
    expect_dropped(&op, context_free);
    give_context(&op);
    op.kind = KK_OP_DECRYPT;
    expect_dropped(&op, context_free);
    give_context(&op);
    op.mechanism = kk_registry_find(registry, CKM_AES_CBC);
    expect_dropped(&op, context_free);
    give_context(&op);
    expect_dropped(&op, other_free);
    op_end(&op);
    kk_key_unref(key);
    kk_key_unref(same_value);
}

static void test_names_with_the_bits_in_them(void **state)
{
    const struct kk_mechanism sized = {.algorithm = "AES-%u-WRAP-PAD"};
    const struct kk_mechanism plain = {.algorithm = "SHA256"};
    char name[KK_ALGORITHM_NAME];
    (void)state;
    kk_mechanism_algorithm(&sized, 192, name);
    assert_string_equal(name, "AES-192-WRAP-PAD");
    kk_mechanism_algorithm(&plain, 192, name);
    assert_string_equal(name, "SHA256");
}

static void test_aes_keys_are_secrets_of_three_sizes(void **state)
{
    uint8_t bytes[40] = {0};
    struct kk_span value = {0};
    (void)state;
    for (size_t len = 1; len <= sizeof bytes; len++) {
        struct kk_key *key = secret_key(KK_SPAN(bytes, len));
        CK_RV want = len == 16 || len == 24 || len == 32 ? CKR_OK : CKR_KEY_SIZE_RANGE;
        assert_rv(kk_aes_key_of(key, &value), want);
        assert_ok(kk_secret_of(key, &value));
        assert_int_equal(value.len, len);
        kk_key_unref(key);
    }
    assert_rv(kk_aes_key_of(NULL, &value), CKR_KEY_TYPE_INCONSISTENT);
}

static void test_codes_of_wrapping(void **state)
{
    (void)state;
    assert_rv(kk_wrap_code(CKR_OK), CKR_OK);
    assert_rv(kk_wrap_code(CKR_DATA_LEN_RANGE), CKR_KEY_SIZE_RANGE);
    assert_rv(kk_wrap_code(CKR_ENCRYPTED_DATA_INVALID), CKR_WRAPPED_KEY_INVALID);
    assert_rv(kk_wrap_code(CKR_ENCRYPTED_DATA_LEN_RANGE), CKR_WRAPPED_KEY_LEN_RANGE);
    assert_rv(kk_wrap_code(CKR_HOST_MEMORY), CKR_HOST_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_again_is_reused),
        cmocka_unit_test(test_another_key_direction_mechanism_or_family_is_not),
        cmocka_unit_test(test_names_with_the_bits_in_them),
        cmocka_unit_test(test_aes_keys_are_secrets_of_three_sizes),
        cmocka_unit_test(test_codes_of_wrapping),
    };
    return cmocka_run_group_tests_name("operation", tests, set_up, tear_down);
}
