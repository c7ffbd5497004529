/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain parameters of DSA and Diffie-Hellman.
 */
#pragma once

#include "crypto/key.h"

/* The bits of a prime for which PKCS #3 parameters can be had: 512 to KK_DH_SEARCH_BITS, and
 * beyond that those of the groups that RFC 7919 and RFC 3526 name. */
#define KK_DH_SEARCH_BITS 2048

/* Makes parameters from parts->kind, ->bits and ->order_bits (the bits of q; 0: as the size of the
 * prime says); fills in PRIME, BASE and, but for PKCS #3, SUBPRIME. PKCS #3: the group of RFC 7919
 * of this size (or of RFC 3526), a new safe prime where there is none. CKR_KEY_SIZE_RANGE for sizes
 * that cannot be. Takes seconds for long primes. */
KK_RV kk_domain_generate(struct kk_crypto *crypto, struct kk_key_parts *parts);
