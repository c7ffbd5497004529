/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects: reference counting, the facts read once, and the parsed key.
 */
#include "object/object.h"

#include "base/memory.h"
#include "object/codec.h"
#include "object/policy.h"

#include "base/banned.h"

static unsigned int usage_of(const struct kk_attrs *attrs)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        enum kk_usage usage;
    } usages[] = {
        {CKA_ENCRYPT, KK_USAGE_ENCRYPT},
        {CKA_DECRYPT, KK_USAGE_DECRYPT},
        {CKA_SIGN, KK_USAGE_SIGN},
        {CKA_VERIFY, KK_USAGE_VERIFY},
        {CKA_SIGN_RECOVER, KK_USAGE_SIGN_RECOVER},
        {CKA_VERIFY_RECOVER, KK_USAGE_VERIFY_RECOVER},
        {CKA_WRAP, KK_USAGE_WRAP},
        {CKA_UNWRAP, KK_USAGE_UNWRAP},
        {CKA_DERIVE, KK_USAGE_DERIVE},
        {CKA_ENCAPSULATE, KK_USAGE_ENCAPSULATE},
        {CKA_DECAPSULATE, KK_USAGE_DECAPSULATE},
    };
    unsigned int usage = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(usages); i++) {
        if (kk_attrs_flag(attrs, usages[i].type, false)) {
            usage |= usages[i].usage;
        }
    }
    return usage;
}

/* An empty list is what SoftHSM writes for none: it allows all. */
static const struct kk_attr *allowed_of(const struct kk_attrs *attrs)
{
    const struct kk_attr *attr = kk_attrs_find(attrs, CKA_ALLOWED_MECHANISMS);
    bool is_list = attr != NULL && attr->kind == KK_ATTR_MECHANISMS && attr->len > 0;
    return is_list ? attr : NULL;
}

KK_RV kk_object_new(const struct kk_uuid *uuid, uint64_t generation, struct kk_attrs *attrs,
                    struct kk_object **ret_object)
{
    uint64_t object_class = kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
    KK_ENSURE(object_class != UINT64_MAX, CKR_DEVICE_ERROR);
    struct kk_object *object = NULL;
    KK_TRY(kk_alloc(sizeof *object, &object));
    atomic_init(&object->refs, 1);
    kk_mutex_init(&object->key_lock, KK_RANK_OBJECT);
    object->uuid = *uuid;
    object->generation = generation;
    object->object_class = (CK_OBJECT_CLASS)object_class;
    object->key_type =
        (CK_KEY_TYPE)kk_attrs_number(attrs, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    object->usage = usage_of(attrs);
    object->is_token = kk_attrs_flag(attrs, CKA_TOKEN, false);
    object->is_private = kk_attrs_flag(attrs, CKA_PRIVATE, false);
    object->always_authenticate = kk_attrs_flag(attrs, CKA_ALWAYS_AUTHENTICATE, false);
    object->allowed_mechanisms = allowed_of(attrs);
    object->attrs = attrs;
    *ret_object = object;
    return CKR_OK;
}

struct kk_object *kk_object_ref(struct kk_object *object)
{
    if (object != NULL) {
        atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
    }
    return object;
}

void kk_object_unref(struct kk_object *object)
{
    if (object == NULL) {
        return;
    }
    unsigned int before = atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel);
    KK_ASSERT(before > 0);
    if (before > 1) {
        return;
    }
    kk_key_unref(object->key);
    kk_attrs_free(object->attrs);
    kk_mutex_destroy(&object->key_lock);
    kk_free(object);
}

struct kk_key *kk_object_present_key(struct kk_object *object)
{
    struct kk_key *key = NULL;
    KK_WITH_LOCK(&object->key_lock)
    {
        key = object->key == NULL ? NULL : kk_key_ref(object->key);
    }
    return key;
}

/* Keeps `key` unless another thread was first; gives back a reference to the one that stays. */
static struct kk_key *keep_key(struct kk_object *object, struct kk_key *key)
{
    struct kk_key *kept = NULL;
    KK_WITH_LOCK(&object->key_lock)
    {
        if (object->key == NULL) {
            object->key = kk_key_ref(key);
        }
        kept = kk_key_ref(object->key);
    }
    return kept;
}

KK_RV kk_object_key(struct kk_object *object, struct kk_crypto *crypto, struct kk_key **ret_key)
{
    struct kk_key *present = kk_object_present_key(object);
    if (present != NULL) {
        *ret_key = present;
        return CKR_OK;
    }
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
    kk_crypto_mark();
    KK_TRY(kk_key_parts_of(crypto, object->attrs, &parts));
    KK_TRY(kk_key_new(crypto, &parts, &key));
    *ret_key = keep_key(object, key);
    return CKR_OK;
}

void kk_object_drop_key(struct kk_object *object)
{
    struct kk_key *key = NULL;
    KK_WITH_LOCK(&object->key_lock)
    {
        key = KK_STEAL(object->key);
    }
    kk_key_unref(key);
}

bool kk_object_matches(const struct kk_object *object, const struct kk_attrs *tmpl)
{
    return kk_policy_matches(object->attrs, tmpl);
}

bool kk_object_allows(const struct kk_object *object, CK_MECHANISM_TYPE mechanism)
{
    const struct kk_attr *allowed = object->allowed_mechanisms;
    for (size_t i = 0; allowed != NULL && i < allowed->len; i++) {
        if (allowed->value.mechanisms[i] == mechanism) {
            return true;
        }
    }
    return allowed == NULL;
}

size_t kk_object_size(const struct kk_object *object)
{
    return kk_record_size(object->attrs);
}
