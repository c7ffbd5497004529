/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS of RFC 8554: a tree of LMS trees. The public key is KK_PART_PUBLIC as section 6.1 writes it;
 * the private one is a state (KK_PART_VALUE, docs/design/stateful.md): the parameters, one seed,
 * and the number of the next one-time key ("leaf") of the whole tree of trees. All trees follow
 * from the seed.
 *
 * kk_hss_sign() signs with the leaf that it is told. It must never be told one twice: session/
 * takes each leaf out of the stored state, durably, before it calls.
 */
#pragma once

#include "crypto/key.h"

#define KK_HSS_LEVELS_MAX 8
#define KK_HSS_HOME 16
#define KK_HSS_PUBLIC 60
#define KK_HSS_SIGNATURE_MAX 74988

/* The highest tree that is generated; higher ones are verified only. */
#define KK_HSS_HEIGHT_MADE 15

/* What a state says. */
struct kk_hss_facts {
    uint8_t home[KK_HSS_HOME]; /* where the state was made; zeros: nowhere yet */
    uint64_t next;             /* the first leaf that nobody has taken */
    uint64_t left;             /* leaves from there on */
};

/* CKR_ATTRIBUTE_VALUE_INVALID: it is no state. */
KK_RV kk_hss_state_read(struct kk_span state, struct kk_hss_facts *ret_facts);

/* The same state at home there. */
KK_RV kk_hss_state_settle(struct kk_span state, const uint8_t home[KK_HSS_HOME],
                          struct kk_secret **ret_state);

/* Takes the next leaf: the state that is left, with the nodes of kk_hss_prepare() in it.
 * CKR_KEY_EXHAUSTED. */
KK_RV kk_hss_state_take(struct kk_span state, struct kk_span nodes, uint64_t *ret_leaf,
                        struct kk_secret **ret_state);

/* Computes the trees that this leaf of a private key needs, unless the key has them, and gives
 * those nodes that spare computing them again. What takes long is done here, before the leaf is
 * taken. */
KK_RV kk_hss_prepare(struct kk_crypto *crypto, struct kk_key *key, uint64_t leaf,
                     struct kk_buffer *ret_nodes);

/* Whether two private keys are of one seed: one can sign in place of the other. */
bool kk_hss_is_same(const struct kk_key *a, const struct kk_key *b);

/* Bytes of a signature; with a public key the most that there can be. */
size_t kk_hss_length(const struct kk_key *key);

/* `out` has room for kk_hss_length(). */
KK_RV kk_hss_sign(struct kk_crypto *crypto, struct kk_key *key, uint64_t leaf,
                  struct kk_span message, uint8_t *out, size_t *ret_len);

/* CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID. */
KK_RV kk_hss_verify(struct kk_crypto *crypto, const struct kk_key *key, struct kk_span message,
                    struct kk_span signature);
