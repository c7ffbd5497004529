/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own OSSL_LIB_CTX and what was fetched from it. One per engine; OpenSSL's default context, its
 * configuration and its atexit order are never touched.
 */
#pragma once

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/macros.h"

struct kk_crypto;

/* OpenSSL reads openssl.cnf for its default context, if it has not yet: the first digest, even in a
 * context of ours, would make it do so. What the file activates may call this module: no lock may
 * be held here. */
void kk_crypto_prepare(void);

/* Takes a context that was given back, or makes one with the default provider and, where it can be
 * had, the legacy one. Takes the first digest, so that OpenSSL reads openssl.cnf for its default
 * context now, with no lock of ours held. CKR_FUNCTION_FAILED (one log line) when the default
 * provider does not load. */
KK_RV kk_crypto_new(struct kk_crypto **ret_crypto);

/* The same with OpenSSL's FIPS provider and nothing else of OpenSSL's: whatever it does not have,
 * or has as not approved, there is not. `config` is the file that `openssl fipsinstall` wrote, ""
 * its usual place (fipsmodule.cnf beside openssl.cnf). CKR_GENERAL_ERROR (one log line, which says
 * what to do) when it cannot be had. */
KK_RV kk_crypto_new_fips(const char *config, struct kk_crypto **ret_crypto);
bool kk_crypto_is_fips(const struct kk_crypto *crypto);

/* Its name and version as it says them itself: "OpenSSL FIPS Provider 3.0.9". Only for contexts of
 * kk_crypto_new_fips(). */
#define KK_FIPS_TEXT 128
KK_RV kk_crypto_fips_version(const struct kk_crypto *crypto, char ret_text[KK_FIPS_TEXT]);

/* Gives the context back, to be used again: threads that used it may end at any later time. */
void kk_crypto_free(struct kk_crypto *crypto);
KK_DEFINE_CLEANUP(struct kk_crypto *, kk_crypto_free);

enum kk_algorithm_kind {
    KK_ALGORITHM_NONE,
    KK_ALGORITHM_DIGEST,
    KK_ALGORITHM_CIPHER,
    KK_ALGORITHM_MAC,
    KK_ALGORITHM_KEY, /* key management: "RSA", "EC", "ED25519", "ML-DSA-44" */
};

/* Whether the linked library offers the algorithm of this OpenSSL name. */
bool kk_crypto_has(const struct kk_crypto *crypto, enum kk_algorithm_kind kind, const char *name);

/* Random bytes that others may see (C_GenerateRandom, nonces, salts) from the context's own
 * generator; no buffering of ours. CKR_RANDOM_NO_RNG. */
KK_RV kk_crypto_random(struct kk_crypto *crypto, void *out, size_t len);

/* The same from the generator whose output never leaves: keys. */
KK_RV kk_crypto_random_secret(struct kk_crypto *crypto, void *out, size_t len);

/* OpenSSL's own exit handler has run: nothing of OpenSSL's may be called or freed any more. */
bool kk_crypto_is_over(void);

/* Mixes a caller's bytes into this thread's public generator; never in place of its own entropy.
 * CKR_RANDOM_SEED_NOT_SUPPORTED. */
KK_RV kk_crypto_seed(struct kk_crypto *crypto, struct kk_span seed);

/* In this thread, from now on: the generation of a key that takes long ends with
 * CKR_FUNCTION_CANCELED soon after *stop is true. NULL: nothing ends it. */
void kk_crypto_stop_on(const atomic_bool *stop);
bool kk_crypto_is_stopped(void);

/* OpenSSL's version as text, for C_GetInfo's log line and `doctor`. */
const char *kk_crypto_version(void);

/* Around what uses OpenSSL: the queue of errors that this thread's application has stays its own.
 */
void kk_crypto_enter(void);
void kk_crypto_leave(void);

/* The same around a call from outside. Setting a mark in that queue and taking it away costs more
 * than some calls do: `lightly` leaves it out, for calls that put nothing there. Where they may,
 * after all, kk_crypto_mark() comes first; it does nothing when there is a mark. When OpenSSL fails
 * where that was not foreseen (random numbers, a digest), the application's errors go with ours.
 * What is returned is the leave's: calls may be nested. */
struct kk_crypto_call {
    bool *is_unmarked; /* this thread's */
    bool outer;
};
struct kk_crypto_call kk_crypto_enter_call(bool lightly);
void kk_crypto_mark(void);
void kk_crypto_leave_call(struct kk_crypto_call call);

/* After a failure: what came since the entry goes from the queue. */
void kk_crypto_drop_errors(void);
