/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrapping with associated data: ciphertext and tag are those of the plain wrapping, whatever is
 * changed is noticed, and IVs are generated as the parameter says.
 */
#include "fixture.h"
#include "mechanism/wrap_auth.h"

#define KEY "0123456789abcdef"
#define TAG 16

static const uint8_t plain[40] = "a key that is to be wrapped";
static uint8_t iv[256];
static uint8_t tag[TAG];

struct wrapping {
    struct kk_param param;
    union kk_wrap_message_params params;
    const struct kk_mechanism *row;
    struct kk_key *key;
};

static struct wrapping gcm(CK_GENERATOR_FUNCTION generator, CK_ULONG iv_len, CK_ULONG fixed_bits)
{
    struct wrapping made = {.row = kk_registry_find(registry, CKM_AES_GCM),
                            .key = secret_key(KK_SPAN_TEXT(KEY))};
    made.params.gcm =
        (CK_GCM_MESSAGE_PARAMS){iv, iv_len, fixed_bits, generator, tag, (CK_ULONG)TAG * 8};
    return made;
}

static struct wrapping ccm(CK_GENERATOR_FUNCTION generator, CK_ULONG iv_len, CK_ULONG fixed_bits)
{
    struct wrapping made = {.row = kk_registry_find(registry, CKM_AES_CCM),
                            .key = secret_key(KK_SPAN_TEXT(KEY))};
    made.params.ccm =
        (CK_CCM_MESSAGE_PARAMS){sizeof plain, iv, iv_len, fixed_bits, generator, tag, TAG};
    return made;
}

typedef struct wrapping make(CK_GENERATOR_FUNCTION generator, CK_ULONG iv_len, CK_ULONG fixed_bits);
static make *const makes[] = {gcm, ccm};

/* The parameter is borrowed from the test, as C_WrapKeyAuthenticated borrows its caller's. */
static const struct kk_param *param_of(struct wrapping *wrapping)
{
    kk_param_init(&wrapping->param);
    wrapping->param.shape = wrapping->row->wrap->auth->shape;
    wrapping->param.present = true;
    wrapping->param.data = &wrapping->params;
    wrapping->param.len = sizeof wrapping->params;
    return &wrapping->param;
}

static CK_RV wrap(struct wrapping *wrapping, const char *aad, uint8_t out[sizeof plain])
{
    size_t len = 0;
    CK_RV rv = kk_wrap_auth(crypto, wrapping->row, wrapping->key, param_of(wrapping),
                            KK_SPAN(aad, strlen(aad)), KK_SPAN_ARRAY(plain), out, &len);
    assert_true(rv != CKR_OK || len == sizeof plain);
    return rv;
}

static CK_RV unwrap(struct wrapping *wrapping, const char *aad, const uint8_t wrapped[sizeof plain])
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *back = NULL;
    CK_RV rv = kk_unwrap_auth(crypto, wrapping->row, wrapping->key, param_of(wrapping),
                              KK_SPAN(aad, strlen(aad)), KK_SPAN(wrapped, sizeof plain), &back);
    if (rv == CKR_OK) {
        assert_int_equal(kk_secret_len(back), sizeof plain);
        assert_memory_equal(kk_secret_data(back), plain, sizeof plain);
    }
    return rv;
}

static void end(struct wrapping *wrapping)
{
    kk_key_unref(wrapping->key);
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(makes); i++) {
        struct wrapping wrapping = makes[i](CKG_NO_GENERATE, 12, 0);
        uint8_t out[sizeof plain];
        size_t len = 0;
        assert_ok(kk_wrap_auth_length(wrapping.row, wrapping.key, param_of(&wrapping), sizeof plain,
                                      &len));
        assert_int_equal(len, sizeof plain);
        assert_ok(wrap(&wrapping, "aad", out));
        assert_memory_not_equal(out, plain, sizeof plain);
        assert_ok(unwrap(&wrapping, "aad", out));
        end(&wrapping);
    }
}

/* The row's own wrapping has the tag behind the ciphertext. */
static void test_it_is_the_plain_wrapping_in_two_parts(void **state)
{
    (void)state;
    struct wrapping wrapping = gcm(CKG_NO_GENERATE, 12, 0);
    uint8_t out[sizeof plain];
    uint8_t whole[sizeof plain + TAG];
    size_t len = 0;
    struct kk_param param;
    CK_GCM_PARAMS inner = {iv, 12, 96, (CK_BYTE_PTR) "aad", 3, (CK_ULONG)TAG * 8};
    assert_ok(wrap(&wrapping, "aad", out));
    assert_ok(kk_param_copy(wrapping.row->shape, &inner, sizeof inner, &param));
    assert_ok(wrapping.row->wrap->wrap(crypto, wrapping.row, wrapping.key, &param,
                                       KK_SPAN_ARRAY(plain), whole, &len));
    assert_int_equal(len, sizeof whole);
    assert_memory_equal(out, whole, sizeof plain);
    assert_memory_equal(tag, whole + sizeof plain, TAG);
    kk_param_clear(&param);
    end(&wrapping);
}

static void test_whatever_is_changed_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(makes); i++) {
        struct wrapping wrapping = makes[i](CKG_NO_GENERATE, 12, 0);
        uint8_t out[sizeof plain];
        uint8_t *const places[] = {out, out + sizeof plain - 1, tag, tag + TAG - 1, iv, iv + 11};
        assert_ok(wrap(&wrapping, "aad", out));
        assert_rv(unwrap(&wrapping, "aae", out), CKR_WRAPPED_KEY_INVALID);
        assert_rv(unwrap(&wrapping, "", out), CKR_WRAPPED_KEY_INVALID);
        for (size_t k = 0; k < KK_ARRAY_LEN(places); k++) {
            *places[k] ^= 1;
            assert_rv(unwrap(&wrapping, "aad", out), CKR_WRAPPED_KEY_INVALID);
            *places[k] ^= 1;
        }
        assert_ok(unwrap(&wrapping, "aad", out));
        end(&wrapping);
    }
}

static void test_ivs_are_made_behind_the_fixed_bits(void **state)
{
    static const CK_GENERATOR_FUNCTION generators[] = {CKG_GENERATE, CKG_GENERATE_RANDOM};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(makes) * KK_ARRAY_LEN(generators); i++) {
        struct wrapping wrapping = makes[i / 2](generators[i % 2], 12, 12);
        uint8_t out[sizeof plain];
        uint8_t first[12];
        memset(iv, 0xa5, sizeof iv);
        assert_ok(wrap(&wrapping, "aad", out));
        memcpy(first, iv, sizeof first);
        assert_ok(unwrap(&wrapping, "aad", out));
        assert_memory_equal(iv, first, sizeof first); /* unwrapping makes none */
        assert_ok(wrap(&wrapping, "aad", out));
        assert_int_equal(iv[0], 0xa5);
        assert_int_equal(iv[1] & 0xf0, 0xa0);
        assert_memory_not_equal(iv, first, sizeof first);
        assert_memory_not_equal(iv + 2, first + 2, sizeof first - 2);
        assert_int_equal(iv[12], 0xa5);
        end(&wrapping);
    }
}

static void test_what_generates_no_iv_is_refused(void **state)
{
    static const struct {
        CK_GENERATOR_FUNCTION generator;
        CK_ULONG len, fixed_bits;
        CK_RV rv;
    } cases[] = {
        {CKG_GENERATE_COUNTER, 12, 0, CKR_MECHANISM_PARAM_INVALID},
        {CKG_GENERATE_COUNTER_XOR, 12, 0, CKR_MECHANISM_PARAM_INVALID},
        {99, 12, 0, CKR_MECHANISM_PARAM_INVALID},
        {CKG_GENERATE, 0, 0, CKR_MECHANISM_PARAM_INVALID},
        {CKG_GENERATE, 129, 0, CKR_MECHANISM_PARAM_INVALID},
        {CKG_GENERATE, 128, 0, CKR_OK},
        {CKG_GENERATE, 12, 97, CKR_MECHANISM_PARAM_INVALID},
        {CKG_GENERATE, 12, 33, CKR_MECHANISM_PARAM_INVALID}, /* 63 free bits */
        {CKG_GENERATE, 12, 32, CKR_OK},
        {CKG_GENERATE, 4, 0, CKR_OK}, /* no fixed bits are always fine */
        {CKG_GENERATE, 4, 1, CKR_MECHANISM_PARAM_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct wrapping wrapping = gcm(cases[i].generator, cases[i].len, cases[i].fixed_bits);
        uint8_t out[sizeof plain];
        memset(iv, 0xa5, sizeof iv);
        assert_rv(wrap(&wrapping, "aad", out), cases[i].rv);
        assert_true(cases[i].rv == CKR_OK || iv[0] == 0xa5);
        end(&wrapping);
    }
}

static void test_parameters_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct wrapping wrapping = gcm(CKG_NO_GENERATE, 12, 0);
    uint8_t out[sizeof plain];
    size_t len = 0;
    wrapping.params.gcm.ulTagBits = 127;
    assert_rv(wrap(&wrapping, "aad", out), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(kk_wrap_auth_length(wrapping.row, wrapping.key, param_of(&wrapping), 16, &len),
              CKR_MECHANISM_PARAM_INVALID);
    const struct kk_param none = {0};
    assert_rv(kk_wrap_auth_length(wrapping.row, wrapping.key, &none, 16, &len),
              CKR_MECHANISM_PARAM_INVALID);
    end(&wrapping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_it_is_the_plain_wrapping_in_two_parts),
        cmocka_unit_test(test_whatever_is_changed_is_noticed),
        cmocka_unit_test(test_ivs_are_made_behind_the_fixed_bits),
        cmocka_unit_test(test_what_generates_no_iv_is_refused),
        cmocka_unit_test(test_parameters_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
