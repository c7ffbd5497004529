/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LM-OTS and LMS of RFC 8554 with SHA-256 and 32 bytes: one-time signatures, and the hashes of one
 * tree. Which one-time keys were used is nobody's business here: signing twice with one leaf gives
 * the key away, and who calls sees to it (hss.h).
 */
#pragma once

#include "crypto/digest.h"

#define KK_LMS_N 32
#define KK_LMS_ID 16
#define KK_LMS_HEIGHT_MAX 25
#define KK_LMS_PUBLIC (4 + 4 + KK_LMS_ID + KK_LMS_N)
#define KK_LMS_SIGNATURE_MAX (4 + 4 + KK_LMS_N * (1 + 265) + 4 + KK_LMS_N * KK_LMS_HEIGHT_MAX)

/* The parameters of one tree: RFC 8554, tables 1 and 2. */
struct kk_lms_set {
    uint32_t lms, lmots; /* the types' numbers */
    unsigned height;
    unsigned width;    /* w: bits of a digit */
    unsigned digits;   /* p */
    unsigned checksum; /* ls: the left shift of the checksum */
};

/* false: no such type with SHA-256 and 32 bytes. */
bool kk_lms_set_find(uint32_t lms, uint32_t lmots, struct kk_lms_set *ret_set);

/* Of a signature of one tree. */
size_t kk_lms_signature_len(const struct kk_lms_set *set);

/* Two running hashes. Zero-initialise. */
struct kk_lms_hash {
    struct kk_digest *chain;
    struct kk_digest *whole;
};

KK_RV kk_lms_hash_begin(struct kk_crypto *crypto, struct kk_lms_hash *hash);
void kk_lms_hash_clear(struct kk_lms_hash *hash);

/* One tree; what the pointers point to is the caller's. */
struct kk_lms_tree {
    const struct kk_lms_set *set;
    const uint8_t *id;   /* I, KK_LMS_ID bytes */
    const uint8_t *seed; /* KK_LMS_N bytes; NULL where only the public key is known */
};

/* RFC 8554, appendix A: the secret of leaf `q` and number `i`; the numbers above all digits are
 * free for other uses. */
KK_RV kk_lms_secret(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                    uint16_t i, uint8_t out[KK_LMS_N]);

/* The node of leaf q, and an inner node `r` from its two children. */
KK_RV kk_lms_leaf(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                  uint8_t out[KK_LMS_N]);
KK_RV kk_lms_inner(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t r,
                   const uint8_t children[2 * KK_LMS_N], uint8_t out[KK_LMS_N]);

/* A signature of the tree with the one-time key of leaf q; `path` are the neighbours on the way up,
 * `random` is C. `out` has room for kk_lms_signature_len(). */
KK_RV kk_lms_sign(struct kk_lms_hash *hash, const struct kk_lms_tree *tree, uint32_t q,
                  const uint8_t *path, const uint8_t random[KK_LMS_N], struct kk_span message,
                  uint8_t *out);

/* The root that a signature leads to; the signature has the length of the set.
 * CKR_SIGNATURE_INVALID: it is of other types, or its leaf is none of the tree. */
KK_RV kk_lms_root_of(struct kk_lms_hash *hash, const struct kk_lms_tree *tree,
                     struct kk_span message, struct kk_span signature, uint8_t out[KK_LMS_N]);

/* The public key of a tree with this root: KK_LMS_PUBLIC bytes. */
void kk_lms_public(const struct kk_lms_tree *tree, const uint8_t root[KK_LMS_N],
                   uint8_t out[KK_LMS_PUBLIC]);
