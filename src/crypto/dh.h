/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diffie-Hellman of PKCS #3 and X9.42.
 */
#pragma once

#include "crypto/key.h"

/* The shared number at the length of the prime, leading zeros kept. `peer` is the other side's
 * public number; one outside 2 to p - 2, or outside the subgroup where there is one:
 * CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_dh_derive(struct kk_crypto *crypto, struct kk_key *key, struct kk_span peer,
                   struct kk_secret **ret_secret);

/* RFC 2631, 2.1.2 (X9.42's ASN.1 derivation) with SHA-1: `info` is the DER of an OtherInfo whose
 * counter stands for all of its values. CKR_MECHANISM_PARAM_INVALID when it is none. */
KK_RV kk_x942_kdf(struct kk_crypto *crypto, struct kk_span secret, struct kk_span info, size_t len,
                  struct kk_secret **ret_value);
