/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For crypto/ alone: what RSA and ECDSA operations share. A context is made once for a key, a use
 * and a scheme, and then serves any number of operations without an allocation.
 */
#pragma once

#include "crypto/asym.h"
#include "crypto/key_internal.h"

/* The hash before a signature. md NULL: the data is signed as it comes. */
struct kk_prehash {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

KK_RV kk_prehash_open(struct kk_crypto *crypto, const char *name, struct kk_prehash *ret_hash);
KK_RV kk_prehash_start(struct kk_prehash *hash);
KK_RV kk_prehash_update(struct kk_prehash *hash, struct kk_span in);
KK_RV kk_prehash_finish(struct kk_prehash *hash, uint8_t out[EVP_MAX_MD_SIZE], size_t *ret_len);
void kk_prehash_close(struct kk_prehash *hash);

/* A public use wants any key with public numbers, a private use a private one. */
KK_RV kk_asym_check_key(const struct kk_key *key, enum kk_key_kind kind, enum kk_asym_use use);

/* EVP_PKEY_CTX_new_from_pkey() and the init function of this use. */
KK_RV kk_asym_open(struct kk_crypto *crypto, const struct kk_key *key, enum kk_asym_use use,
                   const OSSL_PARAM *params, EVP_PKEY_CTX **ret_ctx);
