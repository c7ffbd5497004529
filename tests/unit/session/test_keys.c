/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generating, wrapping, unwrapping and deriving keys.
 */
#include "support.h"

#include <string.h>

static struct world world;
static CK_SESSION_HANDLE session;

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE aes_type = CKK_AES;
static CK_KEY_TYPE generic_type = CKK_GENERIC_SECRET;
static uint8_t iv[16];
static const CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
static const CK_MECHANISM cbc_pad = {CKM_AES_CBC_PAD, iv, sizeof iv};
static const CK_MECHANISM kw = {CKM_AES_KEY_WRAP, NULL, 0};
static const CK_MECHANISM kwp = {CKM_AES_KEY_WRAP_KWP, NULL, 0};

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

/* A call with its mechanism and template, as api/ prepares them. */
struct prepared {
    struct kk_call call;
    struct kk_param param;
    struct kk_attrs *tmpl;
    const struct kk_mechanism *row;
};

static void prepared_clear(struct prepared *prepared)
{
    kk_attrs_free(prepared->tmpl);
    kk_param_clear(&prepared->param);
    kk_call_end(&prepared->call);
}

static void prepare(struct prepared *ret, const CK_MECHANISM *mechanism, enum kk_verb verb,
                    const CK_ATTRIBUTE *attributes, size_t count)
{
    kk_param_init(&ret->param);
    ret->row = kk_registry_find(world.engine->registry, mechanism->mechanism);
    assert_non_null(ret->row);
    assert_ok(kk_param_copy(ret->row->shape, mechanism->pParameter, mechanism->ulParameterLen,
                            &ret->param));
    assert_ok(kk_template_copy(attributes, count, verb, &ret->tmpl));
    assert_ok(kk_call_begin(world.app, session, &ret->call));
}

static CK_RV generate(CK_MECHANISM_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret_key)
{
    const CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE attribute = {CKA_VALUE_LEN, &len, sizeof len};
    KK_CLEANUP(prepared_clear) struct prepared prepared = {0};
    prepare(&prepared, &mechanism, KK_VERB_GENERATE, &attribute, 1);
    return kk_call_generate_key(&prepared.call, prepared.row, &prepared.param, prepared.tmpl,
                                ret_key);
}

static CK_RV wrap(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
                  uint8_t *out, CK_ULONG *len)
{
    KK_CLEANUP(prepared_clear) struct prepared prepared = {0};
    prepare(&prepared, mechanism, KK_VERB_FIND, NULL, 0);
    return kk_call_wrap(&prepared.call, prepared.row, &prepared.param, wrapping, key,
                        &(struct kk_output){out, len});
}

static CK_RV unwrap(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
                    struct kk_span wrapped, CK_KEY_TYPE type, CK_ULONG len,
                    CK_OBJECT_HANDLE *ret_key)
{
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_SENSITIVE, &no, 1},
                                 {CKA_VALUE_LEN, &len, sizeof len}};
    KK_CLEANUP(prepared_clear) struct prepared prepared = {0};
    prepare(&prepared, mechanism, KK_VERB_UNWRAP, attributes, len == 0 ? 3 : 4);
    return kk_call_unwrap(&prepared.call, prepared.row, &prepared.param, unwrapping, wrapped,
                          prepared.tmpl, ret_key);
}

static CK_OBJECT_HANDLE generic(const char *value, size_t len, CK_BBOOL *extractable)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                                 {CKA_KEY_TYPE, &generic_type, sizeof generic_type},
                                 {CKA_VALUE, (void *)(uintptr_t)value, len},
                                 {CKA_EXTRACTABLE, extractable, 1}};
    assert_ok(object_create(world.app, session, attributes, KK_ARRAY_LEN(attributes), &key));
    return key;
}

static void check_value(CK_OBJECT_HANDLE key, const char *value, size_t len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_key_unrefp) struct kk_key *parsed = NULL;
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_call_object(&call, key, &object));
    assert_ok(kk_call_parsed_key(&call, object, &parsed));
    struct kk_span have = kk_key_secret(parsed);
    assert_int_equal(have.len, len);
    assert_memory_equal(have.data, value, len);
}

static void test_lengths_that_no_key_has_are_refused(void **state)
{
    (void)state;
    enum { WRAPPED = 3 }; /* in bits, the length wraps round to that of a small one */
    static const CK_ULONG lengths[] = {
        0, 1UL << 28, ~(~0UL >> WRAPPED) + 2, ~(~0UL >> WRAPPED) + 16, ~(~0UL >> 1), ~0UL - 7, ~0UL,
    };
    CK_OBJECT_HANDLE key = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        assert_int_not_equal(generate(CKM_GENERIC_SECRET_KEY_GEN, lengths[i], &key), CKR_OK);
        assert_int_not_equal(generate(CKM_AES_KEY_GEN, lengths[i], &key), CKR_OK);
    }
    assert_int_equal(find_count(world.app, session, NULL, NULL), 0);
    assert_int_equal(generate(CKM_AES_KEY_GEN, 17, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(generate(CKM_AES_KEY_GEN, 24, &key));
}

static void test_a_wrapped_key_comes_back(void **state)
{
    (void)state;
    static const CK_MECHANISM *const mechanisms[] = {&ecb, &cbc_pad, &kw, &kwp};
    CK_OBJECT_HANDLE wrapping = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE key = generic("twenty bytes of key.", 20, &yes);
    for (size_t i = 0; i < KK_ARRAY_LEN(mechanisms); i++) {
        uint8_t wrapped[64];
        CK_ULONG len = 0;
        CK_OBJECT_HANDLE again = 0;
        assert_ok(wrap(mechanisms[i], wrapping, key, NULL, &len));
        CK_ULONG small = len - 1;
        assert_int_equal(wrap(mechanisms[i], wrapping, key, wrapped, &small), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(small, len);
        assert_ok(wrap(mechanisms[i], wrapping, key, wrapped, &len));
        assert_ok(
            unwrap(mechanisms[i], wrapping, KK_SPAN(wrapped, len), CKK_GENERIC_SECRET, 20, &again));
        check_value(again, "twenty bytes of key.", 20);
    }
}

static void test_nothing_but_zeros_is_cut_off_an_unwrapped_key(void **state)
{
    (void)state;
    static const CK_MECHANISM *const mechanisms[] = {&ecb, &cbc_pad, &kw, &kwp};
    CK_OBJECT_HANDLE wrapping = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE key = generic("sixteen bytes ..", 16, &yes);
    for (size_t i = 0; i < KK_ARRAY_LEN(mechanisms); i++) {
        uint8_t wrapped[64];
        CK_ULONG len = sizeof wrapped;
        CK_OBJECT_HANDLE shorter = 0;
        assert_ok(wrap(mechanisms[i], wrapping, key, wrapped, &len));
        assert_int_equal(
            unwrap(mechanisms[i], wrapping, KK_SPAN(wrapped, len), CKK_GENERIC_SECRET, 1, &shorter),
            CKR_WRAPPED_KEY_LEN_RANGE);
        assert_int_equal(unwrap(mechanisms[i], wrapping, KK_SPAN(wrapped, len), CKK_GENERIC_SECRET,
                                17, &shorter),
                         CKR_WRAPPED_KEY_LEN_RANGE);
    }
}

static void test_what_may_not_be_wrapped(void **state)
{
    (void)state;
    uint8_t wrapped[64];
    CK_ULONG len = sizeof wrapped;
    CK_OBJECT_HANDLE wrapping = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE closed = generic("closed", 6, &no);
    CK_OBJECT_HANDLE data = 0;
    assert_ok(data_create(world.app, session, "data", false, false, &data));
    assert_int_equal(wrap(&kw, wrapping, closed, wrapped, &len), CKR_KEY_UNEXTRACTABLE);
    assert_int_equal(wrap(&kw, wrapping, data, wrapped, &len), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(wrap(&kw, wrapping, 4711, wrapped, &len), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(wrap(&kw, data, wrapping, wrapped, &len), CKR_WRAPPING_KEY_HANDLE_INVALID);
    assert_int_equal(wrap(&kw, closed, wrapping, wrapped, &len),
                     CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
}

static void test_a_public_key_is_not_wrappable(void **state)
{
    (void)state;
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    const CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, p256, sizeof p256};
    uint8_t wrapped[256];
    CK_ULONG len = sizeof wrapped;
    CK_OBJECT_HANDLE wrapping = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE keys[2] = {0};
    {
        KK_CLEANUP(prepared_clear) struct prepared prepared = {0};
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *none = NULL;
        prepare(&prepared, &mechanism, KK_VERB_GENERATE, &curve, 1);
        assert_ok(kk_attrs_new(&none));
        assert_ok(kk_call_generate_pair(&prepared.call, prepared.row, &prepared.param,
                                        prepared.tmpl, none, &keys[0], &keys[1]));
    }
    assert_int_equal(wrap(&kwp, wrapping, keys[0], wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
    assert_int_equal(wrap(&kwp, wrapping, keys[1], wrapped, &len), CKR_KEY_UNEXTRACTABLE);
}

static void test_a_damaged_wrapped_key_makes_no_object(void **state)
{
    (void)state;
    uint8_t wrapped[64];
    CK_ULONG len = sizeof wrapped;
    CK_OBJECT_HANDLE wrapping = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE made = 0;
    assert_ok(wrap(&kwp, wrapping, wrapping, wrapped, &len));
    size_t before = find_count(world.app, session, NULL, NULL);
    wrapped[3] ^= 1;
    assert_int_equal(unwrap(&kwp, wrapping, KK_SPAN(wrapped, len), CKK_AES, 0, &made),
                     CKR_WRAPPED_KEY_INVALID);
    assert_int_not_equal(unwrap(&kwp, wrapping, KK_SPAN(wrapped, 3), CKK_AES, 0, &made), CKR_OK);
    assert_int_equal(find_count(world.app, session, NULL, NULL), before);
}

static void test_an_unwrapped_value_must_fit_its_type(void **state)
{
    (void)state;
    uint8_t wrapped[64];
    CK_ULONG len = sizeof wrapped;
    CK_OBJECT_HANDLE made = 0;
    CK_OBJECT_HANDLE wrapping = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE odd = generic("seventeen bytes..", 17, &yes);
    assert_ok(wrap(&kwp, wrapping, odd, wrapped, &len));
    assert_int_not_equal(unwrap(&kwp, wrapping, KK_SPAN(wrapped, len), CKK_AES, 0, &made), CKR_OK);
    assert_ok(unwrap(&kwp, wrapping, KK_SPAN(wrapped, len), CKK_GENERIC_SECRET, 0, &made));
}

static CK_RV derive(CK_OBJECT_HANDLE base, CK_ULONG len, CK_OBJECT_HANDLE *ret_key)
{
    static uint8_t data[32] = "what is encrypted to be the key";
    CK_KEY_DERIVATION_STRING_DATA string = {data, sizeof data};
    const CK_MECHANISM mechanism = {CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof string};
    CK_ATTRIBUTE attributes[] = {{CKA_KEY_TYPE, &aes_type, sizeof aes_type},
                                 {CKA_VALUE_LEN, &len, sizeof len}};
    KK_CLEANUP(prepared_clear) struct prepared prepared = {0};
    prepare(&prepared, &mechanism, KK_VERB_DERIVE, attributes, 2);
    return kk_call_derive(&prepared.call, prepared.row, &prepared.param, base, prepared.tmpl,
                          ret_key);
}

static void test_a_derived_key_has_the_length_asked_for(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE base = aes_create(world.app, session, false, false);
    CK_OBJECT_HANDLE derived = 0;
    CK_OBJECT_HANDLE none = 0;
    assert_ok(derive(base, 16, &derived));
    assert_int_not_equal(derive(base, 33, &none), CKR_OK);
    assert_int_not_equal(derive(base, ~0UL - 1, &none), CKR_OK);
    assert_int_equal(derive(derived, 16, &none), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(derive(4711, 16, &none), CKR_KEY_HANDLE_INVALID);
}

static CK_OBJECT_HANDLE master_secret(void)
{
    CK_OBJECT_HANDLE key = 0;
    uint8_t value[48] = {3, 3};
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &secret_class, sizeof secret_class},
                                 {CKA_KEY_TYPE, &generic_type, sizeof generic_type},
                                 {CKA_VALUE, value, sizeof value},
                                 {CKA_DERIVE, &yes, 1}};
    assert_ok(object_create(world.app, session, attributes, KK_ARRAY_LEN(attributes), &key));
    return key;
}

/* The keys and IVs of a connection; the n-th allocation fails, with 0 none. */
static CK_RV derive_material(CK_OBJECT_HANDLE base, CK_SSL3_KEY_MAT_OUT *out, unsigned long nth)
{
    static uint8_t random[32] = {1};
    CK_TLS12_KEY_MAT_PARAMS params = {160, 128,       64, CK_FALSE, {random, 32, random, 32},
                                      out, CKM_SHA256};
    const CK_MECHANISM mechanism = {CKM_TLS12_KEY_AND_MAC_DERIVE, &params, sizeof params};
    CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &aes_type, sizeof aes_type};
    KK_CLEANUP(prepared_clear) struct prepared prepared = {0};
    CK_OBJECT_HANDLE unused = 77;
    prepare(&prepared, &mechanism, KK_VERB_DERIVE, &attribute, 1);
    kk_alloc_fail_at(nth);
    CK_RV rv =
        kk_call_derive(&prepared.call, prepared.row, &prepared.param, base, prepared.tmpl, &unused);
    kk_alloc_fail_at(0);
    assert_int_equal(unused, 77);
    return rv;
}

static void test_key_material_comes_whole_or_not_at_all(void **state)
{
    (void)state;
    uint8_t ivs[2][8] = {{0}};
    const uint8_t zeros[8] = {0};
    CK_SSL3_KEY_MAT_OUT out = {0, 0, 0, 0, ivs[0], ivs[1]};
    CK_OBJECT_HANDLE base = master_secret();
    size_t before = find_count(world.app, session, NULL, NULL);
    CK_RV rv = CKR_HOST_MEMORY;
    unsigned long n = 0;
    while (rv == CKR_HOST_MEMORY && n < 1000) {
        rv = derive_material(base, &out, ++n);
        bool is_done = rv == CKR_OK;
        assert_int_equal(find_count(world.app, session, NULL, NULL), before + (is_done ? 4 : 0));
        assert_int_equal(out.hServerKey != 0, is_done);
        assert_int_equal(!kk_mem_equal(ivs[1], 8, zeros, 8), is_done);
    }
    assert_int_equal(rv, CKR_OK);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_lengths_that_no_key_has_are_refused),
        TEST(test_a_wrapped_key_comes_back),
        TEST(test_nothing_but_zeros_is_cut_off_an_unwrapped_key),
        TEST(test_what_may_not_be_wrapped),
        TEST(test_a_public_key_is_not_wrappable),
        TEST(test_a_damaged_wrapped_key_makes_no_object),
        TEST(test_an_unwrapped_value_must_fit_its_type),
        TEST(test_a_derived_key_has_the_length_asked_for),
        TEST(test_key_material_comes_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
