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

/* The other side's public number as a key of the same group. The same code as above. */
KK_RV kk_dh_peer(struct kk_crypto *crypto, const struct kk_key *key, struct kk_span peer,
                 struct kk_key **ret_peer);

/* Of the prime and so of kk_dh_ephemeral()'s number. */
size_t kk_dh_length(const struct kk_key *key);

/* The shared number of the public key and of a key pair made for it, whose public number comes in
 * kk_dh_length() bytes. The code of a public number outside the group is that of
 * kk_dh_derive(). */
KK_RV kk_dh_ephemeral(struct kk_crypto *crypto, const struct kk_key *peer, uint8_t *number,
                      struct kk_secret **ret_secret);

/* RFC 2631, 2.1.2 (X9.42's ASN.1 derivation) with SHA-1: `info` is the DER of an OtherInfo whose
 * counter stands for all of its values. CKR_MECHANISM_PARAM_INVALID when it is none. */
KK_RV kk_x942_kdf(struct kk_crypto *crypto, struct kk_span secret, struct kk_span info, size_t len,
                  struct kk_secret **ret_value);
