/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret memory: PINs, keys and the plaintext of private objects.
 *
 * A secret's bytes lie in an arena of the process: pages locked where the limit allows it, a guard
 * page before and behind, left out of core dumps, wiped in a forked child, with a canary behind
 * each slot and no bookkeeping inside the pages. A secret has a fixed length, is zeroed when it is
 * made and wiped when it is freed. Secrets over 64 KiB get a mapping of their own.
 */
#pragma once

#include "base/bytes.h"
#include "base/macros.h"

struct kk_secret;

/* Zeroed. CKR_HOST_MEMORY when there is no room. Length 0 is allowed. */
KK_RV kk_secret_new(size_t len, struct kk_secret **ret_secret);

/* A copy of `span`; the source stays the caller's to wipe. */
KK_RV kk_secret_from(struct kk_span span, struct kk_secret **ret_secret);

/* A further copy, in a slot of its own. */
KK_RV kk_secret_dup(const struct kk_secret *secret, struct kk_secret **ret_secret);

/* Wipes and frees. NULL is fine. A damaged canary ends the process. */
void kk_secret_free(struct kk_secret *secret);
KK_DEFINE_CLEANUP(struct kk_secret *, kk_secret_free);

/* The bytes, valid until the secret is freed. */
void kk_secret_view(const struct kk_secret *secret, const uint8_t **ret_data, size_t *ret_len);
struct kk_span kk_secret_span(const struct kk_secret *secret);
uint8_t *kk_secret_data(struct kk_secret *secret);
size_t kk_secret_len(const struct kk_secret *secret);

/* Makes it shorter, wiping what is cut off. `len` is at most the present length. */
void kk_secret_truncate(struct kk_secret *secret, size_t len);

/* Same length and bytes, in constant time for one length. */
bool kk_secret_equal(const struct kk_secret *a, const struct kk_secret *b);

/* What the arena is doing: slots in use, and whether every page of it could be locked. */
struct kk_secret_stats {
    size_t in_use;
    size_t mapped;
    bool locked;
};
void kk_secret_stats(struct kk_secret_stats *ret_stats);

/* A small array on the stack, wiped at the end of its scope. */
struct kk_wipe_range {
    void *data;
    size_t len;
};
void kk_wipe_range(struct kk_wipe_range *range);

#define KK_SECRET_ARRAY(name, size)                                                                \
    uint8_t name[size] = {0};                                                                      \
    KK_CLEANUP(kk_wipe_range) KK_UNUSED struct kk_wipe_range name##_wipe_ = {name, sizeof name}
