/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain parameters of DSA that can be verified: FIPS 186-4, appendix A. The primes follow from a
 * seed, the base from a seed and an index; who has these can compute them again.
 */
#pragma once

#include "crypto/key.h"

/* No seed is longer. */
#define KK_DSA_SEED_MAX 512

enum kk_dsa_primes {
    KK_DSA_PROBABLE, /* A.1.1.2 */
    KK_DSA_PROVABLE, /* A.1.2.1, Shawe and Taylor */
};

/* The bytes of all seeds that belong to primes made from a seed of `len` bytes: the seed itself, or
 * three as long, firstseed || pseed || qseed. */
size_t kk_dsa_seeds_length(enum kk_dsa_primes how, size_t len);

/* PRIME and SUBPRIME of parts->bits and parts->order_bits (1024 and 160, 2048 and 224 or 256, 3072
 * and 256; else CKR_KEY_SIZE_RANGE) from the `len` bytes at `seeds`. There all seeds are left.
 * CKR_MECHANISM_PARAM_INVALID: a digest that is shorter than SUBPRIME, or a seed that is (or longer
 * than KK_DSA_SEED_MAX). *ret_found is false for a seed that no primes come from: most are. */
KK_RV kk_dsa_primes_from(struct kk_crypto *crypto, enum kk_dsa_primes how, const char *hash,
                         size_t len, uint8_t *seeds, struct kk_key_parts *parts, bool *ret_found);

/* The same from a new seed. CKR_FUNCTION_CANCELED when stopped. Takes seconds. */
KK_RV kk_dsa_primes_generate(struct kk_crypto *crypto, enum kk_dsa_primes how, const char *hash,
                             size_t len, uint8_t *seeds, struct kk_key_parts *parts);

/* BASE from PRIME and SUBPRIME (A.2.3). `seed` is all seeds of the primes.
 * CKR_DOMAIN_PARAMS_INVALID: the one is odd and the other does not divide it but for 1. */
KK_RV kk_dsa_base(struct kk_crypto *crypto, const char *hash, struct kk_span seed, uint8_t index,
                  struct kk_key_parts *parts);
