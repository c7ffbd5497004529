/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that SSL and TLS make their secrets with: the PRF of RFC 5246 (chapter 5), that of
 * RFC 2246, and what RFC 6101 (chapter 6) has in their place.
 */
#pragma once

#include "base/secret.h"
#include "mechanism/mechanism.h"

enum kk_tls_function {
    KK_TLS_P_HASH, /* TLS 1.2, WTLS: of one hash */
    KK_TLS_10,     /* TLS 1.0 and 1.1: of MD5 and SHA-1 */
    KK_TLS_SSL3,   /* SSL 3.0: it has no labels, they are passed over */
};

struct kk_tls_prf {
    enum kk_tls_function function;
    const char *hash; /* KK_TLS_P_HASH: OpenSSL's name */
};

/* The pieces of the seed at most. */
#define KK_TLS_SEED_PIECES 5

/* TLS 1.2 with the hash that a parameter names: CKM_SHA256, CKM_SHA384 or CKM_SHA512. With
 * `or_older` CKM_TLS_PRF stands for TLS 1.0. CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_tls_prf_of(CK_MECHANISM_TYPE type, bool or_older, struct kk_tls_prf *ret_prf);

/* WTLS: CKM_SHA_1 or CKM_MD5. CKR_MECHANISM_PARAM_INVALID. */
KK_RV kk_wtls_prf_of(CK_MECHANISM_TYPE type, struct kk_tls_prf *ret_prf);

/* Fills `out`. The secret has a byte or more. CKR_KEY_SIZE_RANGE for more bytes than SSL 3.0
 * gives. */
KK_RV kk_tls_expand(struct kk_crypto *crypto, const struct kk_tls_prf *prf, struct kk_span secret,
                    struct kk_span label, const struct kk_span *seed, size_t count, uint8_t *out,
                    size_t len);
