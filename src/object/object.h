/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An object: an immutable snapshot of one version, shared by reference. A change makes a new one.
 */
#pragma once

#include <stdatomic.h>

#include "base/lock.h"
#include "crypto/key.h"
#include "object/attrs.h"

/* Usage flags, read once when the snapshot is made. */
enum kk_usage {
    KK_USAGE_ENCRYPT = 1 << 0,
    KK_USAGE_DECRYPT = 1 << 1,
    KK_USAGE_SIGN = 1 << 2,
    KK_USAGE_VERIFY = 1 << 3,
    KK_USAGE_SIGN_RECOVER = 1 << 4,
    KK_USAGE_VERIFY_RECOVER = 1 << 5,
    KK_USAGE_WRAP = 1 << 6,
    KK_USAGE_UNWRAP = 1 << 7,
    KK_USAGE_DERIVE = 1 << 8,
    KK_USAGE_ENCAPSULATE = 1 << 9,
    KK_USAGE_DECAPSULATE = 1 << 10,
};

struct kk_object {
    atomic_uint refs;
    struct kk_uuid uuid;
    uint64_t generation; /* of the version, from the repository; 0 for session objects */
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE key_type; /* CK_UNAVAILABLE_INFORMATION when it is no key */
    unsigned int usage;   /* enum kk_usage bits */
    bool is_token;
    bool is_private;
    bool always_authenticate;
    bool by_token;          /* the token made it itself: nobody changes or destroys it */
    bool trust_proven;      /* CKA_TRUSTED with the tag of security.md; the repository says so */
    struct kk_attrs *attrs; /* never changed after kk_object_new() */
    const struct kk_attr *allowed_mechanisms; /* NULL: all */
    struct kk_mutex key_lock; /* for the moments of taking and leaving a reference */
    struct kk_key *key;       /* parsed on first use, dropped with the object */
    atomic_bool key_touched;  /* used since the cache last looked (token/) */
    atomic_bool superseded;   /* this process changed or destroyed it */
    atomic_bool destroyed;    /* this process destroyed it */
};

/* Takes over `attrs` (on success only). */
KK_RV kk_object_new(const struct kk_uuid *uuid, uint64_t generation, struct kk_attrs *attrs,
                    struct kk_object **ret_object);

struct kk_object *kk_object_ref(struct kk_object *object);
void kk_object_unref(struct kk_object *object);
KK_DEFINE_CLEANUP(struct kk_object *, kk_object_unref);

/* The parsed key, with a reference for the caller. CKR_KEY_TYPE_INCONSISTENT when the object is no
 * key that crypto/ knows. Two threads may parse at once; one result is kept. */
KK_RV kk_object_key(struct kk_object *object, struct kk_crypto *crypto, struct kk_key **ret_key);

/* The same when it was parsed before; else NULL. */
struct kk_key *kk_object_present_key(struct kk_object *object);

/* It was used, says this to the cache. */
static inline void kk_object_touch_key(struct kk_object *object)
{
    if (!atomic_load_explicit(&object->key_touched, memory_order_relaxed)) {
        atomic_store_explicit(&object->key_touched, true, memory_order_relaxed);
    }
}

/* Forgets the parsed key (cache pressure); operations under way keep their reference. */
void kk_object_drop_key(struct kk_object *object);

/* Whether a caller who sees the object finds it by this template. Key material that may not be read
 * does not match either: find is no oracle for it. */
bool kk_object_matches(const struct kk_object *object, const struct kk_attrs *tmpl);

/* Whether CKA_ALLOWED_MECHANISMS lets the mechanism through. */
bool kk_object_allows(const struct kk_object *object, CK_MECHANISM_TYPE mechanism);

/* Parts of a key object's attributes and back (key_attrs.c): what kk_key_new(), PKCS#8 and
 * SubjectPublicKeyInfo start from. */
KK_RV kk_key_parts_of(struct kk_crypto *crypto, const struct kk_attrs *attrs,
                      struct kk_key_parts *ret_parts);
KK_RV kk_key_parts_to(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                      CK_OBJECT_CLASS object_class, struct kk_attrs *attrs);

/* The size C_GetObjectSize reports: the encoded record's length. */
size_t kk_object_size(const struct kk_object *object);
