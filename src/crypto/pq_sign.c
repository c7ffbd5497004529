/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures of ML-DSA and SLH-DSA. FIPS 204 and 205 sign M', which is a byte for the form, the
 * context behind its length, and the message or an identifier and the hash of it. ML-DSA hashes M'
 * behind the hash of its public key first; that is done here, piece by piece, so that no message is
 * kept.
 */
#include "crypto/pq_sign.h"

#include <string.h>

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/error.h"
#include "crypto/own_keys.h"
#include "crypto/pq.h"

/* Not named in the headers of 3.0. */
#define PARAM_DETERMINISTIC "deterministic"
#define PARAM_ENCODING "message-encoding" /* 0: the message is M' */
#define PARAM_MU "mu"                     /* 1: the message is that hash */

#define MU_BYTES 64
#define HASH_OID_BYTES 11
#define PUBLIC_MAX 2592

/* The hashes of section 5.4 of FIPS 204 and 10.2 of FIPS 205; ends of their identifiers below
 * 2.16.840.1.101.3.4.2. */
static const struct pq_hash {
    const char *name;
    uint8_t oid_end;
    uint8_t len;
} hashes[] = {
    {"SHA224", 4, 28},    {"SHA256", 1, 32},    {"SHA384", 2, 48},     {"SHA512", 3, 64},
    {"SHA3-224", 7, 28},  {"SHA3-256", 8, 32},  {"SHA3-384", 9, 48},   {"SHA3-512", 10, 64},
    {"SHAKE128", 11, 32}, {"SHAKE256", 12, 64}, {"SHA512-224", 5, 28}, {"SHA512-256", 6, 32},
};

struct kk_pq_op {
    struct kk_crypto *crypto;
    struct kk_key *key;
    enum kk_asym_use use;
    const struct pq_hash *hash; /* NULL: pure */
    bool is_hashed;
    bool is_deterministic;
    size_t context_len;
    uint8_t context[KK_PQ_MAX_CONTEXT];
    EVP_MD_CTX *signer;
    EVP_MD *mu_md;            /* ML-DSA: SHAKE256 */
    EVP_MD *hash_md;          /* with `hash`, unless is_hashed */
    EVP_MD_CTX *digest;       /* of the message: mu, or the hash; NULL where neither is made */
    uint8_t tr[MU_BYTES];     /* ML-DSA: the hash of the public key */
    struct kk_buffer message; /* pure SLH-DSA: M' so far */
};

size_t kk_pq_length(const struct kk_key *key)
{
    bool signs = key->kind == KK_KEY_ML_DSA || key->kind == KK_KEY_SLH_DSA;
    return signs ? key->pq->output_len : 0;
}

static bool is_ml_dsa(const struct kk_pq_op *op)
{
    return op->key->kind == KK_KEY_ML_DSA;
}

void kk_pq_free(struct kk_pq_op *op)
{
    if (op == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_MD_CTX_free(op->signer);
        EVP_MD_CTX_free(op->digest);
        EVP_MD_free(op->mu_md);
        EVP_MD_free(op->hash_md);
    }
    kk_buffer_clear(&op->message);
    kk_key_unref(op->key);
    kk_free(op);
}
KK_DEFINE_CLEANUP(struct kk_pq_op *, kk_pq_free);

static KK_RV find_hash(const char *name, const struct pq_hash **ret_hash)
{
    *ret_hash = NULL;
    for (size_t i = 0; name != NULL && i < KK_ARRAY_LEN(hashes); i++) {
        if (strcmp(hashes[i].name, name) == 0) {
            *ret_hash = &hashes[i];
        }
    }
    KK_ENSURE(name == NULL || *ret_hash != NULL, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/* --- digests, extendable ones at the length that is asked for --------------------------------- */

static KK_RV digest_start(EVP_MD_CTX *ctx, const EVP_MD *md)
{
    KK_ENSURE(EVP_DigestInit_ex2(ctx, md, NULL) == 1,
              kk_crypto_error("EVP_DigestInit_ex2", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

static KK_RV digest_add(EVP_MD_CTX *ctx, struct kk_span in)
{
    KK_ENSURE(in.len == 0 || EVP_DigestUpdate(ctx, in.data, in.len) == 1,
              kk_crypto_error("EVP_DigestUpdate", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

static KK_RV digest_end(EVP_MD_CTX *ctx, const EVP_MD *md, uint8_t *out, size_t len)
{
    bool is_extendable = (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0;
    int ok = is_extendable ? EVP_DigestFinalXOF(ctx, out, len) : EVP_DigestFinal_ex(ctx, out, NULL);
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_DigestFinal", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* --- one operation after the other -------------------------------------------------------------
 */

static bool is_same(const struct kk_pq_op *op, const struct kk_key *key, enum kk_asym_use use,
                    const struct kk_pq_scheme *scheme)
{
    const char *hash = op == NULL || op->hash == NULL ? "" : op->hash->name;
    return op != NULL && op->key == key && op->use == use && op->is_hashed == scheme->is_hashed &&
           strcmp(hash, scheme->hash == NULL ? "" : scheme->hash) == 0;
}

/* FIPS 204: tr = H(pk, 64). */
static KK_RV make_tr(struct kk_pq_op *op)
{
    uint8_t public_key[PUBLIC_MAX];
    size_t len = 0;
    KK_ENSURE(EVP_PKEY_get_octet_string_param(op->key->pkey, OSSL_PKEY_PARAM_PUB_KEY, public_key,
                                              sizeof public_key, &len) == 1,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    KK_TRY(digest_start(op->digest, op->mu_md));
    KK_TRY(digest_add(op->digest, KK_SPAN(public_key, len)));
    return digest_end(op->digest, op->mu_md, op->tr, sizeof op->tr);
}

static KK_RV open_op(struct kk_pq_op *op)
{
    op->signer = EVP_MD_CTX_new();
    op->digest = EVP_MD_CTX_new();
    KK_ENSURE(op->signer != NULL && op->digest != NULL, CKR_HOST_MEMORY);
    if (op->hash != NULL && !op->is_hashed) {
        KK_TRY(kk_crypto_fetch_digest(op->crypto, op->hash->name, &op->hash_md));
    }
    if (is_ml_dsa(op)) {
        KK_TRY(kk_crypto_fetch_digest(op->crypto, "SHAKE256", &op->mu_md));
        return make_tr(op);
    }
    return CKR_OK;
}

static KK_RV new_op(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                    const struct kk_pq_scheme *scheme, struct kk_pq_op **ret_op)
{
    KK_CLEANUP(kk_pq_freep) struct kk_pq_op *op = NULL;
    KK_TRY(kk_alloc(sizeof *op, &op));
    KK_TRY(find_hash(scheme->hash, &op->hash));
    op->crypto = crypto;
    op->key = kk_key_ref(key);
    op->use = use;
    op->is_hashed = scheme->is_hashed;
    KK_TRY(open_op(op));
    *ret_op = KK_STEAL(op);
    return CKR_OK;
}

/* What stands before the message, or before the hash's identifier. */
static void put_head(const struct kk_pq_op *op, struct kk_buffer *buffer)
{
    kk_buffer_put_u8(buffer, op->hash != NULL ? 1 : 0);
    kk_buffer_put_u8(buffer, (uint8_t)op->context_len);
    kk_buffer_put(buffer, op->context, op->context_len);
}

/* mu begins: the public key's hash, and what of M' is known. */
static KK_RV start_mu(struct kk_pq_op *op, struct kk_span known)
{
    KK_TRY(digest_start(op->digest, op->mu_md));
    KK_TRY(digest_add(op->digest, KK_SPAN_ARRAY(op->tr)));
    return digest_add(op->digest, known);
}

static KK_RV start_message(struct kk_pq_op *op)
{
    kk_buffer_clear(&op->message);
    if (op->hash != NULL) {
        return op->is_hashed ? CKR_OK : digest_start(op->digest, op->hash_md);
    }
    put_head(op, &op->message);
    KK_TRY(kk_buffer_check(&op->message));
    return is_ml_dsa(op) ? start_mu(op, kk_buffer_span(&op->message)) : CKR_OK;
}

KK_RV kk_pq_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                  const struct kk_pq_scheme *scheme, struct kk_pq_op **op)
{
    KK_ENSURE(kk_pq_length(key) > 0, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(scheme->context.len <= KK_PQ_MAX_CONTEXT, CKR_MECHANISM_PARAM_INVALID);
    if (!is_same(*op, key, use, scheme)) {
        struct kk_pq_op *made = NULL;
        KK_TRY(kk_asym_check_key(key, key->kind, use));
        KK_TRY(new_op(crypto, key, use, scheme, &made));
        kk_pq_free(*op);
        *op = made;
    }
    (*op)->is_deterministic = scheme->is_deterministic;
    (*op)->context_len = scheme->context.len;
    if (scheme->context.len > 0) {
        memcpy((*op)->context, scheme->context.data, scheme->context.len);
    }
    return start_message(*op);
}

static bool keeps_message(const struct kk_pq_op *op)
{
    return op->hash == NULL && !is_ml_dsa(op);
}

KK_RV kk_pq_update(struct kk_pq_op *op, struct kk_span in)
{
    if (!keeps_message(op)) {
        return digest_add(op->digest, in);
    }
    kk_buffer_put_span(&op->message, in);
    return kk_buffer_check(&op->message);
}

/* --- what is signed ----------------------------------------------------------------------------
 */

/* M' of a hash. */
static KK_RV put_hash(struct kk_pq_op *op, struct kk_span in)
{
    const uint8_t oid[HASH_OID_BYTES] = {
        0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, op->hash->oid_end};
    uint8_t hash[EVP_MAX_MD_SIZE];
    if (op->is_hashed) {
        KK_ENSURE(in.len == op->hash->len, CKR_DATA_LEN_RANGE);
        memcpy(hash, in.data, in.len);
    } else {
        KK_TRY(digest_add(op->digest, in));
        KK_TRY(digest_end(op->digest, op->hash_md, hash, op->hash->len));
    }
    put_head(op, &op->message);
    kk_buffer_put(&op->message, oid, sizeof oid);
    kk_buffer_put(&op->message, hash, op->hash->len);
    return kk_buffer_check(&op->message);
}

/* Ends the message: mu for ML-DSA, M' for SLH-DSA. */
static KK_RV representative(struct kk_pq_op *op, struct kk_span in, uint8_t mu[MU_BYTES],
                            struct kk_span *ret_message)
{
    if (op->hash != NULL) {
        KK_TRY(put_hash(op, in));
    } else {
        KK_TRY(kk_pq_update(op, in));
    }
    *ret_message = kk_buffer_span(&op->message);
    if (!is_ml_dsa(op)) {
        return CKR_OK;
    }
    if (op->hash != NULL) {
        KK_TRY(start_mu(op, *ret_message));
    }
    *ret_message = KK_SPAN(mu, MU_BYTES);
    return digest_end(op->digest, op->mu_md, mu, MU_BYTES);
}

/* Each operation initialises anew: OpenSSL wants it of signatures that take the message whole. */
static KK_RV start_signer(struct kk_pq_op *op)
{
    struct kk_pkey_params params = {0};
    const int deterministic = op->is_deterministic ? 1 : 0;
    const int raw = 0;
    const int is_mu = 1;
    EVP_PKEY_CTX *ctx = NULL;
    OSSL_LIB_CTX *libctx = op->crypto->libctx;
    const char *ours = kk_own_keys_preference();
    EVP_PKEY *pkey = op->key->pkey;
    if (is_ml_dsa(op)) {
        kk_pkey_params_int(&params, PARAM_MU, &is_mu);
    } else {
        kk_pkey_params_int(&params, PARAM_ENCODING, &raw);
    }
    if (op->use == KK_ASYM_SIGN) {
        kk_pkey_params_int(&params, PARAM_DETERMINISTIC, &deterministic);
    }
    int ok =
        op->use == KK_ASYM_SIGN
            ? EVP_DigestSignInit_ex(op->signer, &ctx, NULL, libctx, ours, pkey, params.params)
            : EVP_DigestVerifyInit_ex(op->signer, &ctx, NULL, libctx, ours, pkey, params.params);
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_Digest..._init", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_pq_sign(struct kk_pq_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    uint8_t mu[MU_BYTES];
    struct kk_span message;
    size_t len = kk_pq_length(op->key);
    KK_TRY(representative(op, in, mu, &message));
    KK_TRY(start_signer(op));
    int ok = EVP_DigestSign(op->signer, out, &len, message.data, message.len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1 && len == kk_pq_length(op->key),
              kk_crypto_error("EVP_DigestSign", CKR_FUNCTION_FAILED));
    *ret_len = len;
    return CKR_OK;
}

KK_RV kk_pq_verify(struct kk_pq_op *op, struct kk_span in, struct kk_span signature)
{
    uint8_t mu[MU_BYTES];
    struct kk_span message;
    KK_TRY(representative(op, in, mu, &message));
    KK_ENSURE(signature.len == kk_pq_length(op->key), CKR_SIGNATURE_LEN_RANGE);
    KK_TRY(start_signer(op));
    KK_ENSURE(
        EVP_DigestVerify(op->signer, signature.data, signature.len, message.data, message.len) == 1,
        kk_crypto_error("EVP_DigestVerify", CKR_SIGNATURE_INVALID));
    return CKR_OK;
}
