/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsed keys: reference counting, and the families behind one interface.
 */
#include "crypto/key_internal.h"

#include "base/memory.h"
#include "crypto/hss_internal.h"

/* Secrets of any length that a template can ask for (SoftHSM's bound). */
#define LONGEST_SECRET ((size_t)1 << 27)

static KK_RV secret_load(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                         struct kk_key *key)
{
    (void)crypto;
    KK_ENSURE(kk_key_parts_has(parts, KK_PART_VALUE), CKR_ATTRIBUTE_VALUE_INVALID);
    KK_TRY(kk_secret_dup(parts->part[KK_PART_VALUE], &key->secret));
    key->bytes = kk_secret_len(key->secret);
    key->bits = key->bytes * 8;
    return CKR_OK;
}

static KK_RV secret_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_ENSURE(parts->bits > 0 && parts->bits % 8 == 0 && parts->bits / 8 <= LONGEST_SECRET,
              CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(parts->bits / 8, &secret));
    KK_TRY(kk_crypto_random_secret(crypto, kk_secret_data(secret), kk_secret_len(secret)));
    kk_key_parts_give(parts, KK_PART_VALUE, KK_STEAL(secret));
    return CKR_OK;
}

static const struct kk_key_family family_secret = {
    .load = secret_load,
    .generate = secret_generate,
};

/* The kinds that are not here yet are refused. */
static const struct kk_key_family *family_of(enum kk_key_kind kind)
{
    static const struct kk_key_family *const families[] = {
        [KK_KEY_SECRET] = &family_secret,         [KK_KEY_RSA] = &kk_key_family_rsa,
        [KK_KEY_EC] = &kk_key_family_ec,          [KK_KEY_EDWARDS] = &kk_key_family_ecx,
        [KK_KEY_MONTGOMERY] = &kk_key_family_ecx, [KK_KEY_DSA] = &kk_key_family_group,
        [KK_KEY_DH] = &kk_key_family_group,       [KK_KEY_X942_DH] = &kk_key_family_group,
        [KK_KEY_ML_DSA] = &kk_key_family_pq,      [KK_KEY_ML_KEM] = &kk_key_family_pq,
        [KK_KEY_SLH_DSA] = &kk_key_family_pq,     [KK_KEY_HSS] = &kk_key_family_hss,
    };
    return (size_t)kind < KK_ARRAY_LEN(families) ? families[kind] : NULL;
}

static void destroy(struct kk_key *key)
{
    kk_secret_free(key->secret);
    kk_secret_free(key->rejection);
    kk_hss_free(key->hss);
    if (!kk_crypto_is_over()) {
        EVP_PKEY_free(key->pkey);
    }
    kk_free(key);
}

struct kk_key *kk_key_ref(struct kk_key *key)
{
    if (key != NULL) {
        atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    }
    return key;
}

void kk_key_unref(struct kk_key *key)
{
    if (key == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel);
    KK_ASSERT(before > 0);
    if (before == 1) {
        destroy(key);
    }
}

KK_RV kk_key_new(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                 struct kk_key **ret_key)
{
    const struct kk_key_family *family = family_of(parts->kind);
    KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
    KK_ENSURE(family != NULL, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(kk_alloc(sizeof *key, &key));
    atomic_init(&key->references, 1);
    key->kind = parts->kind;
    key->is_private = parts->is_private;
    KK_TRY(family->load(crypto, parts, key));
    *ret_key = KK_STEAL(key);
    return CKR_OK;
}

KK_RV kk_key_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    const struct kk_key_family *family = family_of(parts->kind);
    KK_ENSURE(family != NULL, CKR_KEY_TYPE_INCONSISTENT);
    return family->generate(crypto, parts);
}

KK_RV kk_key_complete(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    const struct kk_key_family *family = family_of(parts->kind);
    KK_ENSURE(family != NULL, CKR_KEY_TYPE_INCONSISTENT);
    return parts->is_private && family->complete != NULL ? family->complete(crypto, parts) : CKR_OK;
}

enum kk_key_kind kk_key_kind(const struct kk_key *key)
{
    return key->kind;
}

bool kk_key_is_private(const struct kk_key *key)
{
    return key->is_private;
}

size_t kk_key_bits(const struct kk_key *key)
{
    return key->bits;
}

struct kk_span kk_key_secret(const struct kk_key *key)
{
    return key->secret != NULL ? kk_secret_span(key->secret) : KK_SPAN(NULL, 0);
}
