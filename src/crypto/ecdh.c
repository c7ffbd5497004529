/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key agreement.
 */
#include "crypto/ecdh.h"

#include <string.h>

#include <openssl/core_names.h>
#include <sodium.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/error.h"
#include "crypto/own_keys.h"

/* The private key's group, copied: to make it anew of its name takes longer than all the rest. */
static KK_RV make_point(const struct kk_key *key, struct kk_span raw, EVP_PKEY **ret_peer)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *peer = EVP_PKEY_new();
    KK_ENSURE(peer != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(EVP_PKEY_copy_parameters(peer, key->pkey) == 1,
              kk_crypto_error("EVP_PKEY_copy_parameters", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_set1_encoded_public_key(peer, raw.data, raw.len) == 1,
              kk_crypto_error("EVP_PKEY_set1_encoded_public_key", CKR_MECHANISM_PARAM_INVALID));
    *ret_peer = KK_STEAL(peer);
    return CKR_OK;
}

static KK_RV make_peer(struct kk_crypto *crypto, const struct kk_key *key, struct kk_span point,
                       EVP_PKEY **ret_peer)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer raw = {0};
    struct kk_pkey_params params = {0};
    CK_RV rv = kk_point_parse(crypto, &key->curve, point, &raw);
    KK_ENSURE(rv != CKR_ATTRIBUTE_VALUE_INVALID, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(rv);
    if (key->kind == KK_KEY_EC) {
        return make_point(key, kk_buffer_span(&raw), ret_peer);
    }
    kk_pkey_params_bytes(&params, OSSL_PKEY_PARAM_PUB_KEY, kk_buffer_span(&raw));
    return kk_pkey_new(crypto, key->curve.name, false, &params, CKR_MECHANISM_PARAM_INVALID,
                       ret_peer);
}

static KK_RV open_derive(struct kk_crypto *crypto, const struct kk_key *key, bool cofactor,
                         EVP_PKEY_CTX **ret_ctx)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
        kk_own_keys_operation(crypto->libctx, key->pkey);
    int mode = cofactor ? 1 : 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &mode),
        OSSL_PARAM_construct_end()};
    KK_ENSURE(ctx != NULL, kk_crypto_error("EVP_PKEY_CTX_new_from_pkey", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_derive_init_ex(
                  ctx, key->curve.cofactor != 1 && key->kind == KK_KEY_EC ? params : NULL) == 1,
              kk_crypto_error("EVP_PKEY_derive_init_ex", CKR_FUNCTION_FAILED));
    *ret_ctx = KK_STEAL(ctx);
    return CKR_OK;
}

KK_RV kk_ecdh_derive(struct kk_crypto *crypto, struct kk_key *key, struct kk_span peer,
                     bool cofactor, struct kk_secret **ret_secret)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *peer_key = NULL;
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_ENSURE(key->is_private && (key->kind == KK_KEY_EC || key->kind == KK_KEY_MONTGOMERY),
              CKR_KEY_TYPE_INCONSISTENT);
    size_t len = key->curve.field_bytes;
    KK_TRY(make_peer(crypto, key, peer, &peer_key));
    KK_TRY(open_derive(crypto, key, cofactor, &ctx));
    /* Reading the point has checked that it is on the curve and not at infinity; where the cofactor
     * is 1 that is all there is to check. */
    int validate = key->kind == KK_KEY_EC && key->curve.cofactor != 1 ? 1 : 0;
    KK_ENSURE(EVP_PKEY_derive_set_peer_ex(ctx, peer_key, validate) == 1,
              kk_crypto_error("EVP_PKEY_derive_set_peer_ex", CKR_MECHANISM_PARAM_INVALID));
    KK_TRY(kk_secret_new(len, &secret));
    int ok = EVP_PKEY_derive(ctx, kk_secret_data(secret), &len);
    kk_wipe_stack(); /* X25519 leaves the agreed secret there */
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_derive", CKR_MECHANISM_PARAM_INVALID));
    KK_ENSURE(len == kk_secret_len(secret), CKR_FUNCTION_FAILED);
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

size_t kk_ecdh_point_length(const struct kk_key *key)
{
    size_t field = key->curve.field_bytes;
    return key->kind == KK_KEY_EC ? 1 + 2 * field : field;
}

/* A key's public point, as bytes. */
static KK_RV point_of(const struct kk_key *key, uint8_t out[KK_EC_MAX_POINT_BYTES],
                      struct kk_span *ret_point)
{
    size_t len = 0;
    KK_ENSURE(EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, out,
                                              KK_EC_MAX_POINT_BYTES, &len) == 1,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    *ret_point = KK_SPAN(out, len);
    return CKR_OK;
}

KK_RV kk_ecdh_ephemeral(struct kk_crypto *crypto, const struct kk_key *peer, bool cofactor,
                        uint8_t *point, struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = peer->kind};
    KK_CLEANUP(kk_key_unrefp) struct kk_key *ephemeral = NULL;
    uint8_t bytes[KK_EC_MAX_POINT_BYTES];
    struct kk_span peer_point;
    KK_ENSURE(peer->kind == KK_KEY_EC || peer->kind == KK_KEY_MONTGOMERY,
              CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(point_of(peer, bytes, &peer_point));
    KK_TRY(
        kk_key_parts_set(&parts, KK_PART_EC_PARAMS, KK_SPAN(peer->curve.oid, peer->curve.oid_len)));
    KK_TRY(kk_key_generate(crypto, &parts));
    KK_TRY(kk_key_new(crypto, &parts, &ephemeral));
    struct kk_span own = kk_key_parts_get(&parts, KK_PART_EC_POINT);
    KK_ENSURE(own.len == kk_ecdh_point_length(peer), CKR_FUNCTION_FAILED);
    KK_TRY(kk_ecdh_derive(crypto, ephemeral, peer_point, cofactor, ret_secret));
    memcpy(point, own.data, own.len);
    return CKR_OK;
}

KK_RV kk_ecdh_transport(struct kk_crypto *crypto, const struct kk_key *peer, bool cofactor,
                        struct kk_buffer *ret_point, struct kk_secret **ret_secret)
{
    uint8_t raw[KK_EC_MAX_POINT_BYTES];
    KK_TRY(kk_ecdh_ephemeral(crypto, peer, cofactor, raw, ret_secret));
    return kk_point_format(&peer->curve, KK_SPAN(raw, kk_ecdh_point_length(peer)), ret_point);
}

KK_RV kk_ecdh_transport_length(const struct kk_key *key, size_t *ret_len)
{
    static const uint8_t any[KK_EC_MAX_POINT_BYTES];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer point = {0};
    KK_ENSURE(key->kind == KK_KEY_EC || key->kind == KK_KEY_MONTGOMERY, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(kk_point_format(&key->curve, KK_SPAN(any, kk_ecdh_point_length(key)), &point));
    *ret_len = point.len;
    return CKR_OK;
}

/* BLAKE2b of any length is libsodium's: OpenSSL before 3.2 has one length only. 0: another hash. */
static size_t blake2b_length(const char *name)
{
    static const struct {
        const char *name;
        size_t length;
    } lengths[] = {
        {"BLAKE2B-160", 20}, {"BLAKE2B-256", 32}, {"BLAKE2B-384", 48}, {"BLAKE2B-512", 64}};
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        if (strcmp(name, lengths[i].name) == 0) {
            return lengths[i].length;
        }
    }
    return 0;
}

static void blake2b_block(enum kk_agreement_kdf kdf, uint32_t counter, struct kk_span secret,
                          struct kk_span info, uint8_t *out, size_t len)
{
    crypto_generichash_blake2b_state state;
    uint8_t count[4];
    kk_store_u32(count, counter);
    struct kk_span number = KK_SPAN_ARRAY(count);
    struct kk_span first = kdf == KK_KDF_CONCAT ? number : secret;
    struct kk_span second = kdf == KK_KDF_CONCAT ? secret : number;
    crypto_generichash_blake2b_init(&state, NULL, 0, len);
    crypto_generichash_blake2b_update(&state, first.data, first.len);
    crypto_generichash_blake2b_update(&state, second.data, second.len);
    crypto_generichash_blake2b_update(&state, info.data, info.len);
    crypto_generichash_blake2b_final(&state, out, len);
    kk_wipe(&state, sizeof state);
}

static KK_RV blake2b_kdf(enum kk_agreement_kdf kdf, size_t block_len, struct kk_span secret,
                         struct kk_span info, size_t len, struct kk_secret **ret_value)
{
    KK_SECRET_ARRAY(block, EVP_MAX_MD_SIZE);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    uint32_t counter = 1;
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    KK_TRY(kk_secret_new(len, &value));
    for (size_t at = 0; at < len; at += block_len) {
        blake2b_block(kdf, counter++, secret, info, block, block_len);
        memcpy(kk_secret_data(value) + at, block, KK_MIN(len - at, block_len));
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

/* One block of the derivation. */
static KK_RV derive_block(struct kk_prehash *hash, enum kk_agreement_kdf kdf, uint32_t counter,
                          struct kk_span secret, struct kk_span info, uint8_t out[EVP_MAX_MD_SIZE],
                          size_t *ret_len)
{
    uint8_t count[4];
    kk_store_u32(count, counter);
    bool first = kdf == KK_KDF_CONCAT;
    KK_TRY(kk_prehash_start(hash));
    KK_TRY(kk_prehash_update(hash, first ? KK_SPAN_ARRAY(count) : secret));
    KK_TRY(kk_prehash_update(hash, first ? secret : KK_SPAN_ARRAY(count)));
    KK_TRY(kk_prehash_update(hash, info));
    return kk_prehash_finish(hash, out, ret_len);
}

KK_RV kk_agreement_kdf(struct kk_crypto *crypto, enum kk_agreement_kdf kdf, const char *hash_name,
                       struct kk_span secret, struct kk_span info, size_t len,
                       struct kk_secret **ret_value)
{
    KK_SECRET_ARRAY(block, EVP_MAX_MD_SIZE);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_CLEANUP(kk_prehash_close) struct kk_prehash hash = {0};
    size_t block_len = blake2b_length(hash_name);
    uint32_t counter = 1;
    if (block_len != 0) {
        return blake2b_kdf(kdf, block_len, secret, info, len, ret_value);
    }
    KK_TRY(kk_prehash_open(crypto, hash_name, &hash));
    KK_TRY(kk_secret_new(len, &value));
    for (size_t at = 0; at < len; at += block_len) {
        KK_TRY(derive_block(&hash, kdf, counter++, secret, info, block, &block_len));
        memcpy(kk_secret_data(value) + at, block, KK_MIN(len - at, block_len));
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}
