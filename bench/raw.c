/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit: the same work on OpenSSL alone. Keys are parsed, algorithms fetched, contexts and
 * buffers allocated in setup; an op contains the calls that remain for one operation and nothing
 * else, so that what it allocates or fetches is what OpenSSL itself does inside them.
 */
#include "bench.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE = 1024, GCM_IV = 12, GCM_TAG = 16, SHA256_LEN = 32, P256_POINT = 65 };

struct raw {
    EVP_PKEY *key;
    EVP_PKEY *peer;
    EVP_PKEY_CTX *key_ctx;
    EVP_MD *md;
    EVP_MD_CTX *md_ctx;
    EVP_MAC_CTX *mac_ctx;
    EVP_CIPHER_CTX *cipher_ctx;
    BIGNUM *number;
    unsigned char iv[16];
    unsigned char point[P256_POINT];
    uint64_t counter;
    unsigned char *in;
    unsigned char *out;
    size_t in_len;
    size_t out_size;
    size_t signature_len;
};

/* Returns from the caller unless the OpenSSL call gave 1. */
#define TRY(task, call)                                                                            \
    do {                                                                                           \
        if (__builtin_expect((call) != 1, 0)) {                                                    \
            return kk_bench_fail(&(task)->failure, #call, CKR_GENERAL_ERROR);                      \
        }                                                                                          \
    } while (0)

const char *kk_bench_raw_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

static CK_RV setup(struct kk_bench_task *task)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    TRY(task, raw != NULL);
    task->state = raw;
    raw->in_len = task->row->size;
    raw->out_size = raw->in_len + SPARE;
    raw->in = malloc(raw->in_len + 1);
    raw->out = malloc(raw->out_size);
    TRY(task, raw->in != NULL && raw->out != NULL);
    memset(raw->in, 0x61, raw->in_len);
    memset(raw->out, 0, raw->out_size);
    raw->iv[0] = (unsigned char)task->thread;
    return CKR_OK;
}

static void teardown(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    if (raw == NULL) {
        return;
    }
    EVP_PKEY_free(raw->key);
    EVP_PKEY_free(raw->peer);
    EVP_PKEY_CTX_free(raw->key_ctx);
    EVP_MD_free(raw->md);
    EVP_MD_CTX_free(raw->md_ctx);
    EVP_MAC_CTX_free(raw->mac_ctx);
    EVP_CIPHER_CTX_free(raw->cipher_ctx);
    BN_free(raw->number);
    free(raw->in);
    free(raw->out);
    free(raw);
    task->state = NULL;
}

static EVP_PKEY *make_key(enum kk_bench_key key)
{
    static const char *const curves[KK_BENCH_KEY_COUNT] = {
        [KK_BENCH_KEY_P256] = "P-256", [KK_BENCH_KEY_P384] = "P-384"};
    if (key == KK_BENCH_KEY_RSA2048) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    }
    if (key == KK_BENCH_KEY_ED25519) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[key]);
}

/* The state with the row's key and a context on it. */
static CK_RV setup_key(struct kk_bench_task *task)
{
    CK_RV rv = setup(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    raw->key = make_key(task->row->key);
    TRY(task, raw->key != NULL);
    raw->key_ctx = EVP_PKEY_CTX_new_from_pkey(NULL, raw->key, NULL);
    TRY(task, raw->key_ctx != NULL);
    return CKR_OK;
}

static CK_RV take_sha256(struct kk_bench_task *task, struct raw *raw)
{
    raw->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    raw->md_ctx = EVP_MD_CTX_new();
    TRY(task, raw->md != NULL && raw->md_ctx != NULL);
    TRY(task, EVP_DigestInit_ex2(raw->md_ctx, raw->md, NULL));
    return CKR_OK;
}

/* ---- RSA: the digest, then the signature of it ---- */

static CK_RV set_pkcs1_sha256(struct kk_bench_task *task, struct raw *raw)
{
    TRY(task, EVP_PKEY_CTX_set_rsa_padding(raw->key_ctx, RSA_PKCS1_PADDING));
    TRY(task, EVP_PKEY_CTX_set_signature_md(raw->key_ctx, raw->md));
    return CKR_OK;
}

static CK_RV setup_rsa_sign(struct kk_bench_task *task)
{
    CK_RV rv = setup_key(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    rv = take_sha256(task, raw);
    if (rv != CKR_OK) {
        return rv;
    }
    TRY(task, EVP_PKEY_sign_init(raw->key_ctx));
    return set_pkcs1_sha256(task, raw);
}

static CK_RV op_rsa_sign(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    unsigned char digest[SHA256_LEN];
    raw->signature_len = raw->out_size;
    TRY(task, EVP_DigestInit_ex2(raw->md_ctx, NULL, NULL));
    TRY(task, EVP_DigestUpdate(raw->md_ctx, raw->in, raw->in_len));
    TRY(task, EVP_DigestFinal_ex(raw->md_ctx, digest, NULL));
    TRY(task, EVP_PKEY_sign(raw->key_ctx, raw->out, &raw->signature_len, digest, sizeof(digest)));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_rsa_sign = {setup_rsa_sign, op_rsa_sign, teardown};

static CK_RV setup_rsa_verify(struct kk_bench_task *task)
{
    CK_RV rv = setup_rsa_sign(task);
    rv = rv != CKR_OK ? rv : op_rsa_sign(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    TRY(task, EVP_PKEY_verify_init(raw->key_ctx));
    return set_pkcs1_sha256(task, raw);
}

static CK_RV op_rsa_verify(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    unsigned char digest[SHA256_LEN];
    TRY(task, EVP_DigestInit_ex2(raw->md_ctx, NULL, NULL));
    TRY(task, EVP_DigestUpdate(raw->md_ctx, raw->in, raw->in_len));
    TRY(task, EVP_DigestFinal_ex(raw->md_ctx, digest, NULL));
    TRY(task, EVP_PKEY_verify(raw->key_ctx, raw->out, raw->signature_len, digest, sizeof(digest)));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_rsa_verify = {setup_rsa_verify, op_rsa_verify, teardown};

/* ---- ECDSA of a digest, Ed25519 ---- */

static CK_RV setup_ec_sign(struct kk_bench_task *task)
{
    CK_RV rv = setup_key(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    TRY(task, EVP_PKEY_sign_init(raw->key_ctx));
    return CKR_OK;
}

static CK_RV op_ec_sign(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    raw->signature_len = raw->out_size;
    TRY(task, EVP_PKEY_sign(raw->key_ctx, raw->out, &raw->signature_len, raw->in, raw->in_len));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_ec_sign = {setup_ec_sign, op_ec_sign, teardown};

static CK_RV setup_ec_verify(struct kk_bench_task *task)
{
    CK_RV rv = setup_ec_sign(task);
    rv = rv != CKR_OK ? rv : op_ec_sign(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    TRY(task, EVP_PKEY_verify_init(raw->key_ctx));
    return CKR_OK;
}

static CK_RV op_ec_verify(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    TRY(task, EVP_PKEY_verify(raw->key_ctx, raw->out, raw->signature_len, raw->in, raw->in_len));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_ec_verify = {setup_ec_verify, op_ec_verify, teardown};

static CK_RV setup_ed_sign(struct kk_bench_task *task)
{
    CK_RV rv = setup_key(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    raw->md_ctx = EVP_MD_CTX_new();
    TRY(task, raw->md_ctx != NULL);
    return CKR_OK;
}

/* OpenSSL 3.5 signs once per initialisation, so every version is initialised anew. */
static CK_RV op_ed_sign(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    raw->signature_len = raw->out_size;
    TRY(task, EVP_DigestSignInit(raw->md_ctx, NULL, NULL, NULL, raw->key));
    TRY(task, EVP_DigestSign(raw->md_ctx, raw->out, &raw->signature_len, raw->in, raw->in_len));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_ed_sign = {setup_ed_sign, op_ed_sign, teardown};

/* ---- ECDH and key pairs ---- */

static CK_RV setup_ecdh(struct kk_bench_task *task)
{
    CK_RV rv = setup_key(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    size_t len = 0;
    raw->peer = make_key(task->row->key);
    TRY(task, raw->peer != NULL);
    TRY(task, EVP_PKEY_get_octet_string_param(raw->peer, OSSL_PKEY_PARAM_PUB_KEY, raw->point,
                                              sizeof(raw->point), &len));
    EVP_PKEY_free(raw->peer);
    raw->peer = EVP_PKEY_new();
    TRY(task, raw->peer != NULL && len == sizeof(raw->point));
    TRY(task, EVP_PKEY_copy_parameters(raw->peer, raw->key));
    TRY(task, EVP_PKEY_derive_init(raw->key_ctx));
    return CKR_OK;
}

/* Reads the peer's point, validates it (set_peer does) and derives. */
static CK_RV op_ecdh(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    size_t len = raw->out_size;
    TRY(task, EVP_PKEY_set1_encoded_public_key(raw->peer, raw->point, sizeof(raw->point)));
    TRY(task, EVP_PKEY_derive_set_peer(raw->key_ctx, raw->peer));
    TRY(task, EVP_PKEY_derive(raw->key_ctx, raw->out, &len));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_ecdh = {setup_ecdh, op_ecdh, teardown};

static CK_RV setup_ec_pair(struct kk_bench_task *task)
{
    CK_RV rv = setup(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    raw->key_ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    raw->number = BN_new();
    TRY(task, raw->key_ctx != NULL && raw->number != NULL);
    TRY(task, EVP_PKEY_keygen_init(raw->key_ctx));
    TRY(task, EVP_PKEY_CTX_set_group_name(raw->key_ctx, "P-256"));
    return CKR_OK;
}

/* A token has to know both halves, so they are read out here too. */
static CK_RV op_ec_pair(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    size_t len = 0;
    EVP_PKEY_free(raw->key);
    raw->key = NULL;
    TRY(task, EVP_PKEY_generate(raw->key_ctx, &raw->key));
    TRY(task, EVP_PKEY_get_octet_string_param(raw->key, OSSL_PKEY_PARAM_PUB_KEY, raw->point,
                                              sizeof(raw->point), &len));
    TRY(task, EVP_PKEY_get_bn_param(raw->key, OSSL_PKEY_PARAM_PRIV_KEY, &raw->number));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_ec_pair = {setup_ec_pair, op_ec_pair, teardown};

/* ---- MAC, ciphers, digest, random ---- */

static const unsigned char symmetric_key[32] = {0x4b};

static CK_RV setup_hmac(struct kk_bench_task *task)
{
    CK_RV rv = setup(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    raw->mac_ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    TRY(task, raw->mac_ctx != NULL);
    TRY(task, EVP_MAC_init(raw->mac_ctx, symmetric_key, sizeof(symmetric_key), params));
    return CKR_OK;
}

static CK_RV op_hmac(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    size_t len = 0;
    TRY(task, EVP_MAC_init(raw->mac_ctx, NULL, 0, NULL));
    TRY(task, EVP_MAC_update(raw->mac_ctx, raw->in, raw->in_len));
    TRY(task, EVP_MAC_final(raw->mac_ctx, raw->out, &len, raw->out_size));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_hmac = {setup_hmac, op_hmac, teardown};

static CK_RV setup_cipher(struct kk_bench_task *task, const char *name)
{
    CK_RV rv = setup(task);
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    raw->cipher_ctx = EVP_CIPHER_CTX_new();
    int done = cipher != NULL && raw->cipher_ctx != NULL &&
               EVP_EncryptInit_ex2(raw->cipher_ctx, cipher, symmetric_key, raw->iv, NULL) == 1;
    EVP_CIPHER_free(cipher);
    TRY(task, done);
    return CKR_OK;
}

static CK_RV setup_gcm(struct kk_bench_task *task)
{
    return setup_cipher(task, "AES-256-GCM");
}

static CK_RV op_gcm(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    int len = 0;
    int last = 0;
    raw->counter++;
    memcpy(raw->iv + GCM_IV - sizeof(raw->counter), &raw->counter, sizeof(raw->counter));
    TRY(task, EVP_EncryptInit_ex2(raw->cipher_ctx, NULL, NULL, raw->iv, NULL));
    TRY(task, EVP_EncryptUpdate(raw->cipher_ctx, raw->out, &len, raw->in, (int)raw->in_len));
    TRY(task, EVP_EncryptFinal_ex(raw->cipher_ctx, raw->out + len, &last));
    TRY(task, EVP_CIPHER_CTX_ctrl(raw->cipher_ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, raw->out + len));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_gcm = {setup_gcm, op_gcm, teardown};

static CK_RV setup_cbc(struct kk_bench_task *task)
{
    CK_RV rv = setup_cipher(task, "AES-256-CBC");
    if (rv != CKR_OK) {
        return rv;
    }
    struct raw *raw = task->state;
    TRY(task, EVP_CIPHER_CTX_set_padding(raw->cipher_ctx, 0));
    return CKR_OK;
}

static CK_RV op_cbc(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    int len = 0;
    int last = 0;
    TRY(task, EVP_EncryptInit_ex2(raw->cipher_ctx, NULL, NULL, raw->iv, NULL));
    TRY(task, EVP_EncryptUpdate(raw->cipher_ctx, raw->out, &len, raw->in, (int)raw->in_len));
    TRY(task, EVP_EncryptFinal_ex(raw->cipher_ctx, raw->out + len, &last));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_cbc = {setup_cbc, op_cbc, teardown};

static CK_RV setup_digest(struct kk_bench_task *task)
{
    CK_RV rv = setup(task);
    return rv != CKR_OK ? rv : take_sha256(task, task->state);
}

static CK_RV op_digest(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    TRY(task, EVP_DigestInit_ex2(raw->md_ctx, NULL, NULL));
    TRY(task, EVP_DigestUpdate(raw->md_ctx, raw->in, raw->in_len));
    TRY(task, EVP_DigestFinal_ex(raw->md_ctx, raw->out, NULL));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_digest = {setup_digest, op_digest, teardown};

static CK_RV op_random(struct kk_bench_task *task)
{
    struct raw *raw = task->state;
    TRY(task, RAND_bytes(raw->out, (int)raw->in_len));
    return CKR_OK;
}

const struct kk_bench_work kk_bench_raw_random = {setup, op_random, teardown};
