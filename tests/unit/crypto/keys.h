/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of keys share: making them.
 */
#pragma once

#include "fixture.h"

#include "crypto/ec.h"
#include "crypto/key.h"

#define OID_P256 "06082a8648ce3d030107"
#define OID_P384 "06052b81040022"
#define OID_ED25519 "06032b6570"
#define OID_ED448 "06032b6571"
#define OID_X25519 "06032b656e"
#define OID_X448 "06032b656f"

static inline struct kk_key_parts rsa_parts(CK_ULONG bits)
{
    struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = bits};
    assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
    return parts;
}

static inline struct kk_key_parts curve_parts(enum kk_key_kind kind, const char *oid)
{
    struct kk_key_parts parts = {.kind = kind};
    assert_rv(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(oid)), CKR_OK);
    assert_rv(kk_key_generate(crypto, &parts), CKR_OK);
    return parts;
}

/* Only these parts of another key. */
static inline struct kk_key_parts some_parts(const struct kk_key_parts *all, bool is_private,
                                             const enum kk_part *which, size_t count)
{
    struct kk_key_parts parts = {.kind = all->kind, .is_private = is_private};
    for (size_t i = 0; i < count; i++) {
        assert_rv(kk_key_parts_set(&parts, which[i], kk_key_parts_get(all, which[i])), CKR_OK);
    }
    return parts;
}

static inline struct kk_key_parts public_half(const struct kk_key_parts *all)
{
    static const enum kk_part rsa[] = {KK_PART_MODULUS, KK_PART_PUBLIC_EXPONENT};
    static const enum kk_part curve[] = {KK_PART_EC_PARAMS, KK_PART_EC_POINT};
    return some_parts(all, false, all->kind == KK_KEY_RSA ? rsa : curve, 2);
}

static inline struct kk_key *new_key(const struct kk_key_parts *parts)
{
    struct kk_key *key = NULL;
    assert_rv(kk_key_new(crypto, parts, &key), CKR_OK);
    return key;
}

static inline void assert_refused(const struct kk_key_parts *parts, CK_RV rv)
{
    struct kk_key *key = NULL;
    assert_rv(kk_key_new(crypto, parts, &key), rv);
    assert_null(key);
}

static inline void assert_same_part(const struct kk_key_parts *a, const struct kk_key_parts *b,
                                    enum kk_part part)
{
    assert_true(kk_span_equal(kk_key_parts_get(a, part), kk_key_parts_get(b, part)));
}
