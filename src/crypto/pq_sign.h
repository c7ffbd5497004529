/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-DSA (FIPS 204) and SLH-DSA (FIPS 205): pure and of a hash, with a context, hedged or
 * deterministic. The message representative is put together here, and OpenSSL signs it.
 */
#pragma once

#include "crypto/asym.h"

#define KK_PQ_MAX_CONTEXT 255

struct kk_pq_scheme {
    const char *hash;       /* of the forms that sign a hash: OpenSSL's name; NULL: pure */
    bool is_hashed;         /* what comes is the hash itself */
    bool is_deterministic;  /* signing; hedged otherwise */
    struct kk_span context; /* copied */
};

struct kk_pq_op;

/* See asym.h. CKR_MECHANISM_PARAM_INVALID for a context that is too long or a hash that has no
 * place there. The use is KK_ASYM_SIGN or KK_ASYM_VERIFY. */
KK_RV kk_pq_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                  const struct kk_pq_scheme *scheme, struct kk_pq_op **op);
void kk_pq_free(struct kk_pq_op *op);

/* Bytes of a signature with this key; 0 for keys of another kind. */
size_t kk_pq_length(const struct kk_key *key);

/* More of the message. Pure SLH-DSA goes over it twice and keeps it. Not with is_hashed. */
KK_RV kk_pq_update(struct kk_pq_op *op, struct kk_span in);

/* `in` is the rest of the message. CKR_DATA_LEN_RANGE for a hash of another length. */
KK_RV kk_pq_sign(struct kk_pq_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
KK_RV kk_pq_verify(struct kk_pq_op *op, struct kk_span in, struct kk_span signature);
