/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of ML-KEM, ML-DSA and SLH-DSA, where the library has them (OpenSSL 3.5). A private key is
 * its seed, its expanded form, or both, which must then be of one key.
 */
#include "crypto/pq.h"

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"

#define PARAM_SEED "seed" /* not named in the headers of 3.0 */

#define OID_SIGNATURE(last) {0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last}
#define OID_KEM(last) {0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, last}

/* clang-format off */
static const struct kk_pq_set sets[] = {
    {KK_KEY_ML_KEM,  CKP_ML_KEM_512,         "ML-KEM-512",         64,  800, 1632,   768, OID_KEM(1)},
    {KK_KEY_ML_KEM,  CKP_ML_KEM_768,         "ML-KEM-768",         64, 1184, 2400,  1088, OID_KEM(2)},
    {KK_KEY_ML_KEM,  CKP_ML_KEM_1024,        "ML-KEM-1024",        64, 1568, 3168,  1568, OID_KEM(3)},
    {KK_KEY_ML_DSA,  CKP_ML_DSA_44,          "ML-DSA-44",          32, 1312, 2560,  2420, OID_SIGNATURE(17)},
    {KK_KEY_ML_DSA,  CKP_ML_DSA_65,          "ML-DSA-65",          32, 1952, 4032,  3309, OID_SIGNATURE(18)},
    {KK_KEY_ML_DSA,  CKP_ML_DSA_87,          "ML-DSA-87",          32, 2592, 4896,  4627, OID_SIGNATURE(19)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_128S,  "SLH-DSA-SHA2-128s",   0,   32,   64,  7856, OID_SIGNATURE(20)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_128S, "SLH-DSA-SHAKE-128s",  0,   32,   64,  7856, OID_SIGNATURE(26)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_128F,  "SLH-DSA-SHA2-128f",   0,   32,   64, 17088, OID_SIGNATURE(21)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_128F, "SLH-DSA-SHAKE-128f",  0,   32,   64, 17088, OID_SIGNATURE(27)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_192S,  "SLH-DSA-SHA2-192s",   0,   48,   96, 16224, OID_SIGNATURE(22)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_192S, "SLH-DSA-SHAKE-192s",  0,   48,   96, 16224, OID_SIGNATURE(28)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_192F,  "SLH-DSA-SHA2-192f",   0,   48,   96, 35664, OID_SIGNATURE(23)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_192F, "SLH-DSA-SHAKE-192f",  0,   48,   96, 35664, OID_SIGNATURE(29)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_256S,  "SLH-DSA-SHA2-256s",   0,   64,  128, 29792, OID_SIGNATURE(24)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_256S, "SLH-DSA-SHAKE-256s",  0,   64,  128, 29792, OID_SIGNATURE(30)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHA2_256F,  "SLH-DSA-SHA2-256f",   0,   64,  128, 49856, OID_SIGNATURE(25)},
    {KK_KEY_SLH_DSA, CKP_SLH_DSA_SHAKE_256F, "SLH-DSA-SHAKE-256f",  0,   64,  128, 49856, OID_SIGNATURE(31)},
};
/* clang-format on */

KK_RV kk_pq_set_find(enum kk_key_kind kind, CK_ULONG parameter_set,
                     const struct kk_pq_set **ret_set)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        if (sets[i].kind == kind && sets[i].parameter_set == parameter_set) {
            *ret_set = &sets[i];
            return CKR_OK;
        }
    }
    return CKR_PARAMETER_SET_NOT_SUPPORTED;
}

struct kk_span kk_pq_set_oid(const struct kk_pq_set *set)
{
    return KK_SPAN(set->oid + 2, sizeof set->oid - 2);
}

const struct kk_pq_set *kk_pq_set_by_oid(struct kk_span oid)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        if (kk_span_equal(oid, kk_pq_set_oid(&sets[i]))) {
            return &sets[i];
        }
    }
    return NULL;
}

/* A part of the length that it must have, for OpenSSL. */
static KK_RV give(const struct kk_key_parts *parts, enum kk_part part, size_t len, const char *name,
                  struct kk_pkey_params *params)
{
    struct kk_span value = kk_key_parts_get(parts, part);
    KK_ENSURE(value.len == len, CKR_ATTRIBUTE_VALUE_INVALID);
    kk_pkey_params_bytes(params, name, value);
    return CKR_OK;
}

static bool has_seed(const struct kk_key_parts *parts)
{
    return kk_key_parts_get(parts, KK_PART_SEED).len > 0;
}

static KK_RV make(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                  const struct kk_pq_set **ret_set, EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    const struct kk_pq_set *set = NULL;
    KK_TRY(kk_pq_set_find(parts->kind, parts->parameter_set, &set));
    /* Keys that this library cannot compute with are kept as they came. */
    KK_ENSURE(kk_crypto_has(crypto, KK_ALGORITHM_KEY, set->name), CKR_KEY_TYPE_INCONSISTENT);
    if (!parts->is_private) {
        KK_TRY(give(parts, KK_PART_PUBLIC, set->public_len, OSSL_PKEY_PARAM_PUB_KEY, &params));
    } else if (has_seed(parts)) {
        KK_TRY(give(parts, KK_PART_SEED, set->seed_len, PARAM_SEED, &params));
    } else {
        KK_TRY(give(parts, KK_PART_VALUE, set->private_len, OSSL_PKEY_PARAM_PRIV_KEY, &params));
    }
    *ret_set = set;
    return kk_pkey_new(crypto, set->name, parts->is_private, &params, CKR_ATTRIBUTE_VALUE_INVALID,
                       ret_pkey);
}

static KK_RV take_public(EVP_PKEY *pkey, const struct kk_pq_set *set, struct kk_key_parts *parts)
{
    return kk_pkey_get_bytes(pkey, OSSL_PKEY_PARAM_PUB_KEY, set->public_len, parts, KK_PART_PUBLIC);
}

static KK_RV take_private(EVP_PKEY *pkey, const struct kk_pq_set *set, struct kk_key_parts *parts)
{
    return kk_pkey_get_bytes(pkey, OSSL_PKEY_PARAM_PRIV_KEY, set->private_len, parts,
                             KK_PART_VALUE);
}

/* What is given beside that from which the key was made must be of the same key. */
static KK_RV agree(const struct kk_key_parts *parts, const struct kk_key_parts *computed,
                   enum kk_part part)
{
    struct kk_span given = kk_key_parts_get(parts, part);
    struct kk_span right = kk_key_parts_get(computed, part);
    KK_ENSURE(given.len == 0 ||
                  (given.len == right.len && kk_ct_equal(given.data, right.data, right.len)),
              CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static KK_RV check_private(const struct kk_key_parts *parts, const struct kk_pq_set *set,
                           EVP_PKEY *pkey)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts computed = {0};
    if (!parts->is_private) {
        return CKR_OK;
    }
    if (kk_key_parts_get(parts, KK_PART_PUBLIC).len > 0) {
        KK_TRY(take_public(pkey, set, &computed));
    }
    if (has_seed(parts) && kk_key_parts_get(parts, KK_PART_VALUE).len > 0) {
        KK_TRY(take_private(pkey, set, &computed));
        KK_TRY(agree(parts, &computed, KK_PART_VALUE));
    }
    return agree(parts, &computed, KK_PART_PUBLIC);
}

static KK_RV pq_load(struct kk_crypto *crypto, const struct kk_key_parts *parts, struct kk_key *key)
{
    KK_TRY(make(crypto, parts, &key->pq, &key->pkey));
    key->bytes = key->pq->public_len;
    key->bits = key->bytes * 8;
    return check_private(parts, key->pq, key->pkey);
}

static KK_RV pq_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    struct kk_pkey_params none = {0};
    const struct kk_pq_set *set = NULL;
    KK_TRY(kk_pq_set_find(parts->kind, parts->parameter_set, &set));
    KK_ENSURE(kk_crypto_has(crypto, KK_ALGORITHM_KEY, set->name), CKR_PARAMETER_SET_NOT_SUPPORTED);
    KK_TRY(kk_pkey_generate(crypto, set->name, &none, &pkey));
    KK_TRY(take_public(pkey, set, parts));
    KK_TRY(take_private(pkey, set, parts));
    if (set->seed_len > 0) {
        KK_TRY(kk_pkey_get_bytes(pkey, PARAM_SEED, set->seed_len, parts, KK_PART_SEED));
    }
    parts->is_private = true;
    return CKR_OK;
}

static KK_RV pq_complete(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    const struct kk_pq_set *set = NULL;
    KK_TRY(make(crypto, parts, &set, &pkey));
    KK_TRY(check_private(parts, set, pkey));
    if (kk_key_parts_get(parts, KK_PART_VALUE).len == 0) {
        KK_TRY(take_private(pkey, set, parts));
    }
    return take_public(pkey, set, parts);
}

const struct kk_key_family kk_key_family_pq = {
    .load = pq_load,
    .generate = pq_generate,
    .complete = pq_complete,
};
