/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our own OSSL_LIB_CTX and what was fetched from it.
 */
#include "crypto/provider.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/fips.h"
#include "crypto/own_digest.h"
#include "crypto/own_keys.h"
#include "crypto/provider_internal.h"

#include "base/banned.h"

/* Fetched at the start: a fetch takes a lock of OpenSSL's and some microseconds. */
static const char *const digest_names[] = {
    "MD5",      "SHA1",       "SHA224",     "SHA256",   "SHA384",   "SHA512",
    "SHA3-224", "SHA512-224", "SHA512-256", "SHA3-256", "SHA3-384", "SHA3-512",
};
KK_STATIC_ASSERT(KK_ARRAY_LEN(digest_names) <= KK_CRYPTO_DIGESTS, "room for every digest");

static const char *const cipher_names[] = {
    "AES-128-ECB",      "AES-192-ECB",      "AES-256-ECB",      "AES-128-CBC",  "AES-192-CBC",
    "AES-256-CBC",      "AES-128-CTR",      "AES-192-CTR",      "AES-256-CTR",  "AES-128-GCM",
    "AES-192-GCM",      "AES-256-GCM",      "AES-128-WRAP",     "AES-192-WRAP", "AES-256-WRAP",
    "AES-128-WRAP-PAD", "AES-192-WRAP-PAD", "AES-256-WRAP-PAD",
};
KK_STATIC_ASSERT(KK_ARRAY_LEN(cipher_names) <= KK_CRYPTO_CIPHERS, "room for every cipher");

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static atomic_bool over;

static void openssl_exits(void)
{
    atomic_store(&over, true);
}

static void register_exit(void)
{
    OPENSSL_atexit(openssl_exits);
}

bool kk_crypto_is_over(void)
{
    return atomic_load_explicit(&over, memory_order_relaxed);
}

void kk_crypto_prepare(void)
{
    if (!kk_crypto_is_over()) {
        ERR_set_mark();
        (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL); /* it may be a bad file */
        ERR_pop_to_mark();
    }
}

static void fetch_all(struct kk_crypto *crypto)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(digest_names); i++) {
        crypto->digests[i] = EVP_MD_fetch(crypto->libctx, digest_names[i], NULL);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(cipher_names); i++) {
        crypto->ciphers[i] = EVP_CIPHER_fetch(crypto->libctx, cipher_names[i], NULL);
    }
    crypto->hmac = EVP_MAC_fetch(crypto->libctx, "HMAC", NULL);
    crypto->cmac = EVP_MAC_fetch(crypto->libctx, "CMAC", NULL);
}

/* The first digest of a process makes OpenSSL read its configuration file. */
static KK_RV first_digest(struct kk_crypto *crypto)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    KK_CLEANUP(EVP_MD_freep) EVP_MD *sha256 = EVP_MD_fetch(crypto->libctx, "SHA256", NULL);
    KK_ENSURE(sha256 != NULL, kk_crypto_error("EVP_MD_fetch", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_Digest("", 0, out, NULL, sha256, NULL) == 1,
              kk_crypto_error("EVP_Digest", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

static KK_RV load_default(struct kk_crypto *crypto)
{
    crypto->main_provider = OSSL_PROVIDER_load(crypto->libctx, "default");
    if (crypto->main_provider == NULL) {
        kk_log_error("OpenSSL's default provider does not load (%s)", kk_crypto_version());
        return kk_crypto_error("OSSL_PROVIDER_load", CKR_FUNCTION_FAILED);
    }
    crypto->legacy_provider = OSSL_PROVIDER_try_load(crypto->libctx, "legacy", 1);
    return CKR_OK;
}

static KK_RV load(struct kk_crypto *crypto)
{
    crypto->libctx = OSSL_LIB_CTX_new();
    KK_ENSURE(crypto->libctx != NULL, CKR_HOST_MEMORY);
    if (crypto->fips_config != NULL) {
        KK_TRY(kk_fips_load(crypto->libctx, crypto->fips_config, &crypto->main_provider));
    } else {
        KK_TRY(load_default(crypto));
    }
    KK_TRY(kk_own_keys_load(crypto->libctx, crypto->main_provider, crypto->fips_config != NULL,
                            &crypto->own_provider));
    KK_TRY(first_digest(crypto));
    fetch_all(crypto);
    return CKR_OK;
}

/* Contexts that nobody uses. One is never freed: every thread that drew a random number from it has
 * OpenSSL's generator of its own, which OpenSSL frees at the thread's end by way of the context,
 * and the application's threads outlive C_Finalize. */
static _Atomic(struct kk_crypto *) spares;

static void park(struct kk_crypto *crypto)
{
    crypto->next = atomic_load(&spares);
    while (!atomic_compare_exchange_weak(&spares, &crypto->next, crypto)) {
    }
}

/* Whether it was made with this configuration of the FIPS provider (NULL: with the default one). */
static bool is_of(const struct kk_crypto *crypto, const char *fips_config)
{
    return crypto->fips_config == NULL || fips_config == NULL
               ? crypto->fips_config == fips_config
               : strcmp(crypto->fips_config, fips_config) == 0;
}

static struct kk_crypto *take_spare(const char *fips_config)
{
    struct kk_crypto *found = NULL;
    struct kk_crypto *rest = atomic_exchange(&spares, NULL);
    while (rest != NULL) {
        struct kk_crypto *next = rest->next;
        if (found == NULL && is_of(rest, fips_config)) {
            found = rest;
        } else {
            park(rest);
        }
        rest = next;
    }
    return found;
}

/* One that was never handed out. */
static void unload(struct kk_crypto *crypto)
{
    if (crypto->legacy_provider != NULL) {
        OSSL_PROVIDER_unload(crypto->legacy_provider);
    }
    if (crypto->own_provider != NULL) {
        OSSL_PROVIDER_unload(crypto->own_provider);
    }
    if (crypto->main_provider != NULL) {
        OSSL_PROVIDER_unload(crypto->main_provider);
    }
    OSSL_LIB_CTX_free(crypto->libctx);
    kk_free(crypto->fips_config);
    kk_free(crypto);
}

static KK_RV make(const char *fips_config, struct kk_crypto **ret_crypto)
{
    struct kk_crypto *crypto = NULL;
    KK_TRY(kk_alloc(sizeof *crypto, &crypto));
    CK_RV rv = fips_config != NULL ? kk_strdup(fips_config, &crypto->fips_config) : CKR_OK;
    ERR_set_mark();
    rv = rv == CKR_OK ? load(crypto) : rv;
    if (rv != CKR_OK) {
        unload(crypto);
        crypto = NULL;
    }
    ERR_pop_to_mark();
    *ret_crypto = crypto;
    return rv;
}

static KK_RV new_with(const char *fips_config, struct kk_crypto **ret_crypto)
{
    KK_ENSURE(!kk_crypto_is_over(), CKR_FUNCTION_FAILED);
    pthread_once(&exit_once, register_exit);
    struct kk_crypto *spare = take_spare(fips_config);
    if (spare == NULL) {
        return make(fips_config, ret_crypto);
    }
    *ret_crypto = spare;
    return CKR_OK;
}

KK_RV kk_crypto_new(struct kk_crypto **ret_crypto)
{
    return new_with(NULL, ret_crypto);
}

KK_RV kk_crypto_new_fips(const char *config, struct kk_crypto **ret_crypto)
{
    return new_with(config, ret_crypto);
}

bool kk_crypto_is_fips(const struct kk_crypto *crypto)
{
    return crypto->fips_config != NULL;
}

KK_RV kk_crypto_fips_version(const struct kk_crypto *crypto, char ret_text[KK_FIPS_TEXT])
{
    return kk_fips_describe(crypto->main_provider, ret_text);
}

void kk_crypto_free(struct kk_crypto *crypto)
{
    if (crypto == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        kk_keygen_free(atomic_exchange(&crypto->keygen, NULL));
    }
    park(crypto);
}

KK_RV kk_crypto_fetch_digest(struct kk_crypto *crypto, const char *name, EVP_MD **ret_digest)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(digest_names); i++) {
        if (strcmp(name, digest_names[i]) == 0 && crypto->digests[i] != NULL) {
            KK_ENSURE(EVP_MD_up_ref(crypto->digests[i]) == 1, CKR_FUNCTION_FAILED);
            *ret_digest = crypto->digests[i];
            return CKR_OK;
        }
    }
    EVP_MD *digest = EVP_MD_fetch(crypto->libctx, name, NULL);
    KK_ENSURE(digest != NULL, kk_crypto_error("EVP_MD_fetch", CKR_MECHANISM_INVALID));
    *ret_digest = digest;
    return CKR_OK;
}

KK_RV kk_crypto_fetch_cipher(struct kk_crypto *crypto, const char *name, EVP_CIPHER **ret_cipher)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(cipher_names); i++) {
        if (strcmp(name, cipher_names[i]) == 0 && crypto->ciphers[i] != NULL) {
            KK_ENSURE(EVP_CIPHER_up_ref(crypto->ciphers[i]) == 1, CKR_FUNCTION_FAILED);
            *ret_cipher = crypto->ciphers[i];
            return CKR_OK;
        }
    }
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(crypto->libctx, name, NULL);
    KK_ENSURE(cipher != NULL, kk_crypto_error("EVP_CIPHER_fetch", CKR_MECHANISM_INVALID));
    *ret_cipher = cipher;
    return CKR_OK;
}

static bool has_digest(OSSL_LIB_CTX *libctx, const char *name)
{
    if (kk_own_digest_is(name)) {
        return true;
    }
    EVP_MD *digest = EVP_MD_fetch(libctx, name, NULL);
    EVP_MD_free(digest);
    return digest != NULL;
}

static bool has_cipher(OSSL_LIB_CTX *libctx, const char *name)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(libctx, name, NULL);
    EVP_CIPHER_free(cipher);
    return cipher != NULL;
}

static bool has_mac(OSSL_LIB_CTX *libctx, const char *name)
{
    EVP_MAC *mac = EVP_MAC_fetch(libctx, name, NULL);
    EVP_MAC_free(mac);
    return mac != NULL;
}

static bool has_key(OSSL_LIB_CTX *libctx, const char *name)
{
    EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(libctx, name, NULL);
    EVP_KEYMGMT_free(keymgmt);
    return keymgmt != NULL;
}

static bool has_nothing(OSSL_LIB_CTX *libctx, const char *name)
{
    (void)libctx;
    (void)name;
    return true;
}

bool kk_crypto_has(const struct kk_crypto *crypto, enum kk_algorithm_kind kind, const char *name)
{
    static bool (*const has[])(OSSL_LIB_CTX *libctx, const char *name) = {
        [KK_ALGORITHM_NONE] = has_nothing,  [KK_ALGORITHM_DIGEST] = has_digest,
        [KK_ALGORITHM_CIPHER] = has_cipher, [KK_ALGORITHM_MAC] = has_mac,
        [KK_ALGORITHM_KEY] = has_key,
    };
    ERR_set_mark();
    bool found = has[kind](crypto->libctx, name);
    ERR_pop_to_mark();
    return found;
}

/* From the generator itself: RAND_bytes_ex() asks the application's RAND_METHOD, if it has set one,
 * and that may be one that asks this module. */
static KK_RV generate(EVP_RAND_CTX *generator, void *out, size_t len)
{
    KK_ENSURE(generator != NULL && EVP_RAND_generate(generator, out, len, 0, 0, NULL, 0) == 1,
              kk_crypto_error("EVP_RAND_generate", CKR_RANDOM_NO_RNG));
    return CKR_OK;
}

KK_RV kk_crypto_random(struct kk_crypto *crypto, void *out, size_t len)
{
    return generate(RAND_get0_public(crypto->libctx), out, len);
}

void kk_crypto_forget_drawn(struct kk_crypto *crypto)
{
    uint8_t unused[16];
    (void)!generate(RAND_get0_private(crypto->libctx), unused, sizeof unused);
}

KK_RV kk_crypto_random_secret(struct kk_crypto *crypto, void *out, size_t len)
{
    KK_TRY(generate(RAND_get0_private(crypto->libctx), out, len));
    kk_crypto_forget_drawn(crypto);
    return CKR_OK;
}

KK_RV kk_crypto_seed(struct kk_crypto *crypto, struct kk_span seed)
{
    EVP_RAND_CTX *generator = RAND_get0_public(crypto->libctx);
    KK_ENSURE(generator != NULL && EVP_RAND_reseed(generator, 0, NULL, 0, seed.data, seed.len) == 1,
              kk_crypto_error("EVP_RAND_reseed", CKR_RANDOM_SEED_NOT_SUPPORTED));
    return CKR_OK;
}

const char *kk_crypto_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* Of this thread: it is in a call, and has set no mark. */
static __thread bool is_unmarked;

/* Debug builds see whether a call that set no mark needed one. */
#ifdef KK_DEBUG_LOCKS
static __thread unsigned long newest_before;
static void note_newest(void)
{
    newest_before = ERR_peek_last_error();
}
static void check_newest(void)
{
    KK_ASSERT(ERR_peek_last_error() == newest_before);
}
#else
#define note_newest() ((void)0)
#define check_newest() ((void)0)
#endif

void kk_crypto_enter(void)
{
    ERR_set_mark();
}

void kk_crypto_leave(void)
{
    ERR_pop_to_mark();
}

struct kk_crypto_call kk_crypto_enter_call(bool lightly)
{
    struct kk_crypto_call call = {&is_unmarked, is_unmarked};
    *call.is_unmarked = lightly;
    if (lightly) {
        note_newest();
    } else {
        ERR_set_mark();
    }
    return call;
}

void kk_crypto_mark(void)
{
    if (is_unmarked) {
        is_unmarked = false;
        ERR_set_mark();
    }
}

void kk_crypto_leave_call(struct kk_crypto_call call)
{
    if (*call.is_unmarked) {
        check_newest();
    } else {
        ERR_pop_to_mark();
    }
    *call.is_unmarked = call.outer;
}

void kk_crypto_drop_errors(void)
{
    ERR_pop_to_mark();
    is_unmarked = false;
    ERR_set_mark();
}

static __thread const atomic_bool *stop_flag;

void kk_crypto_stop_on(const atomic_bool *stop)
{
    stop_flag = stop;
}

bool kk_crypto_is_stopped(void)
{
    return stop_flag != NULL && atomic_load(stop_flag);
}
