/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agreement where each side has two key pairs, one for good and one for the occasion: hybrid
 * Diffie-Hellman and MQV of X9.42, and MQV on elliptic curves (X9.63; SP 800-56A, 5.7.2, 6.1.1).
 *
 * All keys are of one group or curve (CKR_DOMAIN_PARAMS_INVALID) and of the kind of the function
 * (CKR_KEY_TYPE_INCONSISTENT). A number or point of the other side's that is none of the group's,
 * or that leads to the neutral element: CKR_MECHANISM_PARAM_INVALID.
 */
#pragma once

#include "crypto/key.h"

struct kk_two_pairs {
    struct kk_key *own_static;    /* private */
    struct kk_key *own_ephemeral; /* private */
    struct kk_key *own_public;    /* of own_ephemeral, to be checked against it; may be NULL */
    struct kk_span peer_static;   /* numbers, or points in any form of kk_point_parse() */
    struct kk_span peer_ephemeral;
};

/* dhHybrid1: the ephemeral secret and behind it the static one, each as long as the prime. */
KK_RV kk_dh_hybrid(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                   struct kk_secret **ret_secret);

/* MQV2: a number as long as the prime. */
KK_RV kk_dh_mqv(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                struct kk_secret **ret_secret);

/* Full MQV with the cofactor: the x coordinate at the field's length. */
KK_RV kk_ec_mqv(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                struct kk_secret **ret_secret);
