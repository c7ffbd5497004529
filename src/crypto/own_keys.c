/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default provider's keys and what is done with them, under names of our own.
 *
 * Whoever makes an EVP_PKEY_CTX for "RSA" or "EC" gets the ENGINE that the application has made the
 * default for such keys, whatever the library context. `openssl -engine pkcs11` does that with
 * libp11's, which asks this module in turn and can do nothing with our keys. Names that OpenSSL
 * itself does not know have no ENGINE. The implementations are the default provider's and run in
 * its context; only the names are ours.
 */
#include "crypto/own_keys.h"

#include <string.h>
#include <strings.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "base/macros.h"
#include "crypto/error.h"

#include "base/banned.h"

#define OWN "kk-"
#define PROVIDER "keykist"

/* clang-format off */
/* Keys have our names alone. OpenSSL looks for an operation under the key's name, or under the one
 * that the key type says (EC: ECDSA and ECDH; others in some versions): both are here. */
static const struct {
    int operation;
    const char *theirs;
    const char *ours;
} names[] = {
    {OSSL_OP_KEYMGMT,     "RSA",     OWN "RSA"},
    {OSSL_OP_KEYMGMT,     "EC",      OWN "EC"},
    {OSSL_OP_KEYMGMT,     "ED25519", OWN "ED25519"},
    {OSSL_OP_KEYMGMT,     "ED448",   OWN "ED448"},
    {OSSL_OP_KEYMGMT,     "X25519",  OWN "X25519"},
    {OSSL_OP_KEYMGMT,     "X448",    OWN "X448"},
    {OSSL_OP_KEYMGMT,     "DSA",     OWN "DSA"},
    {OSSL_OP_KEYMGMT,     "DH",      OWN "DH"},
    {OSSL_OP_KEYMGMT,     "DHX",     OWN "DHX"},
    {OSSL_OP_SIGNATURE,   "RSA",     OWN "RSA"},
    {OSSL_OP_SIGNATURE,   "RSA",     "RSA"},
    {OSSL_OP_SIGNATURE,   "ECDSA",   "ECDSA"},
    {OSSL_OP_SIGNATURE,   "ED25519", OWN "ED25519"},
    {OSSL_OP_SIGNATURE,   "ED25519", "ED25519"},
    {OSSL_OP_SIGNATURE,   "ED448",   OWN "ED448"},
    {OSSL_OP_SIGNATURE,   "ED448",   "ED448"},
    {OSSL_OP_SIGNATURE,   "DSA",     OWN "DSA"},
    {OSSL_OP_SIGNATURE,   "DSA",     "DSA"},
    {OSSL_OP_ASYM_CIPHER, "RSA",     OWN "RSA"},
    {OSSL_OP_ASYM_CIPHER, "RSA",     "RSA"},
    {OSSL_OP_KEYEXCH,     "ECDH",    "ECDH"},
    {OSSL_OP_KEYEXCH,     "X25519",  OWN "X25519"},
    {OSSL_OP_KEYEXCH,     "X25519",  "X25519"},
    {OSSL_OP_KEYEXCH,     "X448",    OWN "X448"},
    {OSSL_OP_KEYEXCH,     "X448",    "X448"},
    {OSSL_OP_KEYEXCH,     "DH",      OWN "DH"},
    {OSSL_OP_KEYEXCH,     "DH",      OWN "DHX"},
    {OSSL_OP_KEYEXCH,     "DH",      "DH"},
    {OSSL_OP_KEYMGMT,     "ML-KEM-512", OWN "ML-KEM-512"},
    {OSSL_OP_KEYMGMT,     "ML-KEM-768", OWN "ML-KEM-768"},
    {OSSL_OP_KEYMGMT,     "ML-KEM-1024", OWN "ML-KEM-1024"},
    {OSSL_OP_KEYMGMT,     "ML-DSA-44", OWN "ML-DSA-44"},
    {OSSL_OP_KEYMGMT,     "ML-DSA-65", OWN "ML-DSA-65"},
    {OSSL_OP_KEYMGMT,     "ML-DSA-87", OWN "ML-DSA-87"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHA2-128s", OWN "SLH-DSA-SHA2-128s"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHA2-128f", OWN "SLH-DSA-SHA2-128f"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHA2-192s", OWN "SLH-DSA-SHA2-192s"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHA2-192f", OWN "SLH-DSA-SHA2-192f"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHA2-256s", OWN "SLH-DSA-SHA2-256s"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHA2-256f", OWN "SLH-DSA-SHA2-256f"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHAKE-128s", OWN "SLH-DSA-SHAKE-128s"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHAKE-128f", OWN "SLH-DSA-SHAKE-128f"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHAKE-192s", OWN "SLH-DSA-SHAKE-192s"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHAKE-192f", OWN "SLH-DSA-SHAKE-192f"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHAKE-256s", OWN "SLH-DSA-SHAKE-256s"},
    {OSSL_OP_KEYMGMT,     "SLH-DSA-SHAKE-256f", OWN "SLH-DSA-SHAKE-256f"},
    {OSSL_OP_KEM,         "RSA",     OWN "RSA"},
    {OSSL_OP_KEM,         "RSA",     "RSA"},
    {OSSL_OP_KEM,         "ML-KEM-512", OWN "ML-KEM-512"},
    {OSSL_OP_KEM,         "ML-KEM-512", "ML-KEM-512"},
    {OSSL_OP_KEM,         "ML-KEM-768", OWN "ML-KEM-768"},
    {OSSL_OP_KEM,         "ML-KEM-768", "ML-KEM-768"},
    {OSSL_OP_KEM,         "ML-KEM-1024", OWN "ML-KEM-1024"},
    {OSSL_OP_KEM,         "ML-KEM-1024", "ML-KEM-1024"},
    {OSSL_OP_SIGNATURE,   "ML-DSA-44", OWN "ML-DSA-44"},
    {OSSL_OP_SIGNATURE,   "ML-DSA-44", "ML-DSA-44"},
    {OSSL_OP_SIGNATURE,   "ML-DSA-65", OWN "ML-DSA-65"},
    {OSSL_OP_SIGNATURE,   "ML-DSA-65", "ML-DSA-65"},
    {OSSL_OP_SIGNATURE,   "ML-DSA-87", OWN "ML-DSA-87"},
    {OSSL_OP_SIGNATURE,   "ML-DSA-87", "ML-DSA-87"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-128s", OWN "SLH-DSA-SHA2-128s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-128s", "SLH-DSA-SHA2-128s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-128f", OWN "SLH-DSA-SHA2-128f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-128f", "SLH-DSA-SHA2-128f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-192s", OWN "SLH-DSA-SHA2-192s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-192s", "SLH-DSA-SHA2-192s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-192f", OWN "SLH-DSA-SHA2-192f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-192f", "SLH-DSA-SHA2-192f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-256s", OWN "SLH-DSA-SHA2-256s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-256s", "SLH-DSA-SHA2-256s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-256f", OWN "SLH-DSA-SHA2-256f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHA2-256f", "SLH-DSA-SHA2-256f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-128s", OWN "SLH-DSA-SHAKE-128s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-128s", "SLH-DSA-SHAKE-128s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-128f", OWN "SLH-DSA-SHAKE-128f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-128f", "SLH-DSA-SHAKE-128f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-192s", OWN "SLH-DSA-SHAKE-192s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-192s", "SLH-DSA-SHAKE-192s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-192f", OWN "SLH-DSA-SHAKE-192f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-192f", "SLH-DSA-SHAKE-192f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-256s", OWN "SLH-DSA-SHAKE-256s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-256s", "SLH-DSA-SHAKE-256s"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-256f", OWN "SLH-DSA-SHAKE-256f"},
    {OSSL_OP_SIGNATURE,   "SLH-DSA-SHAKE-256f", "SLH-DSA-SHAKE-256f"},
};
/* clang-format on */

static const int operations[] = {OSSL_OP_KEYMGMT, OSSL_OP_SIGNATURE, OSSL_OP_ASYM_CIPHER,
                                 OSSL_OP_KEYEXCH, OSSL_OP_KEM};

/* For the default provider and for the FIPS one, one list per operation, each closed by a row of
 * zeros. A provider's functions are the same in every library context. */
enum { OF_DEFAULT, OF_FIPS, ORIGINALS };
static OSSL_ALGORITHM lists[ORIGINALS][KK_ARRAY_LEN(operations)][KK_ARRAY_LEN(names) + 1];

static CRYPTO_ONCE default_once = CRYPTO_ONCE_STATIC_INIT;
static CRYPTO_ONCE fips_once = CRYPTO_ONCE_STATIC_INIT;
static __thread OSSL_PROVIDER *original; /* while own_init() runs */

/* Whether `name` is the first of the names that colons part. */
static bool is_first(const char *list, const char *name)
{
    size_t len = strlen(name);
    return strncmp(list, name, len) == 0 && (list[len] == ':' || list[len] == '\0');
}

/* What the FIPS provider has and calls not approved is none of ours. */
static const OSSL_ALGORITHM *find(const OSSL_ALGORITHM *algorithms, const char *name)
{
    for (; algorithms != NULL && algorithms->algorithm_names != NULL; algorithms++) {
        if (is_first(algorithms->algorithm_names, name) &&
            strstr(algorithms->property_definition, "fips=no") == NULL) {
            return algorithms;
        }
    }
    return NULL;
}

static void fill(OSSL_ALGORITHM *rows, int operation, const char *properties)
{
    int no_cache = 0;
    const OSSL_ALGORITHM *theirs = OSSL_PROVIDER_query_operation(original, operation, &no_cache);
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        const OSSL_ALGORITHM *found =
            names[i].operation == operation ? find(theirs, names[i].theirs) : NULL;
        if (found != NULL) {
            *rows++ = (OSSL_ALGORITHM){names[i].ours, properties, found->implementation, ""};
        }
    }
}

static void fill_default(void)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(operations); i++) {
        fill(lists[OF_DEFAULT][i], operations[i], "provider=" PROVIDER);
    }
}

static void fill_fips(void)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(operations); i++) {
        fill(lists[OF_FIPS][i], operations[i], "fips=yes,provider=" PROVIDER);
    }
}

static const OSSL_ALGORITHM *query(size_t of, int operation, int *no_cache)
{
    *no_cache = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(operations); i++) {
        if (operations[i] == operation) {
            return lists[of][i];
        }
    }
    return NULL;
}

static const OSSL_ALGORITHM *query_default(void *context, int operation, int *no_cache)
{
    (void)context;
    return query(OF_DEFAULT, operation, no_cache);
}

static const OSSL_ALGORITHM *query_fips(void *context, int operation, int *no_cache)
{
    (void)context;
    return query(OF_FIPS, operation, no_cache);
}

static int init_default(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                        const OSSL_DISPATCH **out, void **ret_context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_default}, {0, NULL}};
    (void)handle;
    (void)in;
    *out = functions;
    *ret_context = OSSL_PROVIDER_get0_provider_ctx(original);
    return 1;
}

static int init_fips(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                     const OSSL_DISPATCH **out, void **ret_context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_fips}, {0, NULL}};
    (void)handle;
    (void)in;
    *out = functions;
    *ret_context = OSSL_PROVIDER_get0_provider_ctx(original);
    return 1;
}

KK_RV kk_own_keys_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER *main_provider, bool is_fips,
                       OSSL_PROVIDER **ret_provider)
{
    OSSL_PROVIDER *provider = NULL;
    original = main_provider;
    int filled = is_fips ? CRYPTO_THREAD_run_once(&fips_once, fill_fips)
                         : CRYPTO_THREAD_run_once(&default_once, fill_default);
    if (filled == 1 &&
        OSSL_PROVIDER_add_builtin(libctx, PROVIDER, is_fips ? init_fips : init_default) == 1) {
        provider = OSSL_PROVIDER_load(libctx, PROVIDER);
    }
    original = NULL;
    KK_ENSURE(provider != NULL, kk_crypto_error("OSSL_PROVIDER_load", CKR_FUNCTION_FAILED));
    *ret_provider = provider;
    return CKR_OK;
}

/* Operations that the default provider has under the same name are to be ours, for they take our
 * keys; what they fetch themselves (digests) comes from wherever it is. */
#define PREFERENCE "?provider=" PROVIDER

EVP_PKEY_CTX *kk_own_keys_context(OSSL_LIB_CTX *libctx, const char *type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        if (names[i].operation == OSSL_OP_KEYMGMT && strcasecmp(names[i].theirs, type) == 0) {
            return EVP_PKEY_CTX_new_from_name(libctx, names[i].ours, PREFERENCE);
        }
    }
    return NULL;
}

EVP_PKEY_CTX *kk_own_keys_operation(OSSL_LIB_CTX *libctx, EVP_PKEY *pkey)
{
    return EVP_PKEY_CTX_new_from_pkey(libctx, pkey, PREFERENCE);
}

const char *kk_own_keys_preference(void)
{
    return PREFERENCE;
}
