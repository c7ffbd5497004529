/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mechanism's parameter, copied from the caller and checked against its layout at the edge. Below
 * api/ this is all that anybody sees of it: the same CK_ structure, in our memory, every pointer in
 * it pointing into our copy.
 */
#pragma once

#include <string.h>

#include "base/bytes.h"
#include "crypto/key.h"
#include "cryptoki/params.h"

#define KK_PARAM_INLINE 512
#define KK_PARAM_KEYS 8

/* What a key that a parameter names passes on to what is derived. */
struct kk_key_facts {
    bool sensitive;
    bool extractable;
    bool always_sensitive;
    bool never_extractable;
    bool with_trusted; /* CKA_WRAP_WITH_TRUSTED */
};

struct kk_param {
    enum kk_param_shape shape;
    bool present;     /* false: the caller gave no parameter (NULL or length 0) */
    const void *data; /* the CK_ structure, the CK_ULONG, or the raw bytes; aligned */
    size_t len;       /* of the structure, or of the raw bytes */
    void *outs;       /* what goes back to the caller; lost when it moves */
    void *heap;       /* when it did not fit inline */
    size_t used;      /* bytes of inline_ or heap, wiped by kk_param_clear() */
    size_t key_count; /* handle fields of the layout, in order; beyond it nothing is set below */
    CK_OBJECT_HANDLE handles[KK_PARAM_KEYS];
    struct kk_key *keys[KK_PARAM_KEYS]; /* resolved by session/, references owned here; NULL: 0 */
    struct kk_key_facts facts[KK_PARAM_KEYS]; /* of keys[], from session/ */
    _Alignas(16) uint8_t inline_[KK_PARAM_INLINE];
};

/* Makes an empty one, without touching the room inside. */
static inline void kk_param_init(struct kk_param *param)
{
    memset(param, 0, offsetof(struct kk_param, handles));
}

/* The key of the i-th handle field; NULL when the caller named none. Borrowed. */
static inline struct kk_key *kk_param_key(const struct kk_param *param, size_t i)
{
    return i < param->key_count ? param->keys[i] : NULL;
}

/* Copies and checks: a wrong length, a NULL pointer with a length, a count that overflows:
 * CKR_MECHANISM_PARAM_INVALID. With shape KK_PARAM_NONE an absent parameter is right; a present one
 * is ignored, as SoftHSM and its clients do. */
KK_RV kk_param_copy(enum kk_param_shape shape, const void *parameter, CK_ULONG parameter_len,
                    struct kk_param *ret_param);

/* Writes the members that the standard calls outputs (handles, IVs, versions) into the caller's
 * structures, as they now stand in ours. For calls that are through with their parameter before
 * they return. */
void kk_param_give_back(const struct kk_param *param);

/* The same for the one output that lies at `ours`. */
void kk_param_give_back_one(const struct kk_param *param, const void *ours);

/* Moves a parameter: the source is left empty. Inline pointers are mended. */
void kk_param_move(struct kk_param *to, struct kk_param *from);

/* Wipes, frees, drops the keys. A zeroed one is fine. */
void kk_param_clear(struct kk_param *param);
