/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects: what is read once, references, the parsed key.
 */
#include "object_test.h"

#include <pthread.h>

#include "object/codec.h"
#include "object/object.h"

static const struct kk_uuid uuid = {{9, 8, 7}};

static struct kk_object *object_of(struct kk_attrs *attrs)
{
    struct kk_object *object = NULL;
    assert_ok(kk_object_new(&uuid, 42, attrs, &object));
    return object;
}

static struct kk_attrs *aes_key(void)
{
    return create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                           ULONG_ATTR(CKA_KEY_TYPE, CKK_AES),
                           TEXT_ATTR(CKA_VALUE, "0123456789abcdef"), BOOL_ATTR(CKA_TOKEN, CK_TRUE),
                           BOOL_ATTR(CKA_SIGN, CK_FALSE)));
}

static void test_facts_are_read_once(void **state)
{
    (void)state;
    struct kk_object *object = object_of(aes_key());
    assert_true(kk_uuid_equal(&object->uuid, &uuid));
    assert_int_equal(object->generation, 42);
    assert_int_equal(object->object_class, CKO_SECRET_KEY);
    assert_int_equal(object->key_type, CKK_AES);
    assert_true(object->is_token && object->is_private && !object->always_authenticate);
    unsigned int usage =
        KK_USAGE_ENCRYPT | KK_USAGE_DECRYPT | KK_USAGE_VERIFY | KK_USAGE_WRAP | KK_USAGE_UNWRAP;
    assert_int_equal(object->usage, usage);
    assert_int_equal(kk_object_size(object), kk_record_size(object->attrs));
    kk_object_unref(object);
}

static void test_attributes_without_a_class_are_no_object(void **state)
{
    (void)state;
    struct kk_attrs *attrs = NULL;
    struct kk_object *object = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_int_equal(kk_object_new(&uuid, 0, attrs, &object), CKR_DEVICE_ERROR);
    assert_null(object);
    kk_attrs_free(attrs);
}

static void test_a_data_object_is_no_key(void **state)
{
    (void)state;
    struct kk_object *object =
        object_of(create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_DATA))));
    struct kk_key *key = NULL;
    assert_true(object->key_type == CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(kk_object_key(object, crypto, &key), CKR_KEY_TYPE_INCONSISTENT);
    kk_object_unref(object);
}

static void test_a_key_is_parsed_once_and_dropped(void **state)
{
    (void)state;
    struct kk_object *object = object_of(aes_key());
    struct kk_key *first = NULL;
    struct kk_key *second = NULL;
    struct kk_key *third = NULL;
    assert_ok(kk_object_key(object, crypto, &first));
    assert_ok(kk_object_key(object, crypto, &second));
    assert_ptr_equal(first, second);
    assert_true(kk_span_equal(kk_key_secret(first), KK_SPAN_TEXT("0123456789abcdef")));
    kk_object_drop_key(object);
    kk_object_drop_key(object);
    assert_ok(kk_object_key(object, crypto, &third));
    assert_ptr_not_equal(first, third);
    assert_int_equal(kk_key_bits(first), 128);
    kk_key_unref(first);
    kk_key_unref(second);
    kk_object_unref(object);
    assert_int_equal(kk_key_bits(third), 128);
    kk_key_unref(third);
}

static void *use_key(void *context)
{
    struct kk_object *object = context;
    for (int i = 0; i < 2000; i++) {
        struct kk_key *key = NULL;
        if (kk_object_key(object, crypto, &key) != CKR_OK || kk_key_bits(key) != 128) {
            return context;
        }
        if (i % 7 == 0) {
            kk_object_drop_key(object);
        }
        kk_key_unref(key);
    }
    kk_object_unref(object);
    return NULL;
}

static void test_threads_share_and_drop_a_key(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct kk_object *object = object_of(aes_key());
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_key, kk_object_ref(object)), 0);
    }
    kk_object_unref(object);
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void test_allowed_mechanisms(void **state)
{
    (void)state;
    static const uint64_t list[] = {1, 5};
    struct kk_attrs *attrs = aes_key();
    assert_ok(kk_attrs_set_mechanisms(attrs, CKA_ALLOWED_MECHANISMS, list, 2));
    struct kk_object *some = object_of(attrs);
    attrs = aes_key();
    assert_ok(kk_attrs_set_mechanisms(attrs, CKA_ALLOWED_MECHANISMS, NULL, 0));
    struct kk_object *empty = object_of(attrs);
    struct kk_object *unset = object_of(aes_key());
    assert_true(kk_object_allows(some, 5));
    assert_false(kk_object_allows(some, 6));
    assert_true(kk_object_allows(empty, 6));
    assert_true(kk_object_allows(unset, 6));
    kk_object_unref(some);
    kk_object_unref(empty);
    kk_object_unref(unset);
}

static void test_null_is_fine(void **state)
{
    (void)state;
    kk_object_unref(NULL);
    assert_null(kk_object_ref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_are_read_once),
        cmocka_unit_test(test_attributes_without_a_class_are_no_object),
        cmocka_unit_test(test_a_data_object_is_no_key),
        cmocka_unit_test(test_a_key_is_parsed_once_and_dropped),
        cmocka_unit_test(test_threads_share_and_drop_a_key),
        cmocka_unit_test(test_allowed_mechanisms),
        cmocka_unit_test(test_null_is_fine),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
