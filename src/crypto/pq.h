/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For crypto/ alone: the parameter sets of ML-KEM (FIPS 203), ML-DSA (FIPS 204) and SLH-DSA (FIPS
 * 205).
 */
#pragma once

#include "crypto/key.h"

#define KK_ML_KEM_SECRET 32

struct kk_pq_set {
    enum kk_key_kind kind;
    CK_ULONG parameter_set; /* CKP_ */
    const char *name;       /* OpenSSL's */
    uint16_t seed_len;      /* 0: keys have no seed */
    uint16_t public_len;
    uint16_t private_len;
    uint16_t output_len; /* of a ciphertext, of a signature */
    uint8_t oid[11];     /* the key's AlgorithmIdentifier, with tag and length */
};

/* CKR_PARAMETER_SET_NOT_SUPPORTED. */
KK_RV kk_pq_set_find(enum kk_key_kind kind, CK_ULONG parameter_set,
                     const struct kk_pq_set **ret_set);

/* By the content of its object identifier; NULL for any other. */
const struct kk_pq_set *kk_pq_set_by_oid(struct kk_span oid);

/* The content of a set's object identifier. */
struct kk_span kk_pq_set_oid(const struct kk_pq_set *set);
