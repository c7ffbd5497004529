/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For crypto/ alone: the library context, what was fetched once from it, and the destructors of
 * OpenSSL's types. The tables are filled when the context is made and never change after that, so
 * that no lock guards them.
 *
 * OpenSSL's exit handler may run before ours does: whoever frees something of OpenSSL's asks
 * kk_crypto_is_over() first (the KK_CLEANUP destructors here run inside a call and need not).
 */
#pragma once

#include "crypto/provider.h"

#include <openssl/evp.h>

#define KK_CRYPTO_DIGESTS 24
#define KK_CRYPTO_CIPHERS 24

struct kk_crypto {
    OSSL_LIB_CTX *libctx;
    char *fips_config;              /* not NULL: the FIPS provider, and nothing else */
    OSSL_PROVIDER *main_provider;   /* the default one, or that */
    OSSL_PROVIDER *own_provider;    /* see own_keys.h */
    OSSL_PROVIDER *legacy_provider; /* NULL where it cannot be had */
    EVP_MD *digests[KK_CRYPTO_DIGESTS];
    EVP_CIPHER *ciphers[KK_CRYPTO_CIPHERS];
    EVP_MAC *hmac;
    EVP_MAC *cmac;
    struct kk_crypto *next;             /* while it is spare */
    _Atomic(struct kk_keygen *) keygen; /* the last EC generation's context, see key_ec.c */
};

struct kk_keygen;
void kk_keygen_free(struct kk_keygen *keygen);

/* Without AES instructions the generator of secrets keeps the last 16 bytes that it gave, in its
 * cipher's context: draws and drops a block more. After keys were made. */
void kk_crypto_forget_drawn(struct kk_crypto *crypto);

/* The algorithm of this OpenSSL name, as a reference of the caller's (EVP_MD_free,
 * EVP_CIPHER_free). The usual ones cost no fetch. CKR_MECHANISM_INVALID when it is not there. */
KK_RV kk_crypto_fetch_digest(struct kk_crypto *crypto, const char *name, EVP_MD **ret_digest);
KK_RV kk_crypto_fetch_cipher(struct kk_crypto *crypto, const char *name, EVP_CIPHER **ret_cipher);

KK_DEFINE_CLEANUP(EVP_MD *, EVP_MD_free);
KK_DEFINE_CLEANUP(EVP_CIPHER *, EVP_CIPHER_free);
KK_DEFINE_CLEANUP(EVP_MAC *, EVP_MAC_free);
KK_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);
KK_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
KK_DEFINE_CLEANUP(EVP_MAC_CTX *, EVP_MAC_CTX_free);
