/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diffie-Hellman.
 */
#include "crypto/dh.h"

#include <string.h>

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/der.h"
#include "crypto/error.h"
#include "crypto/own_keys.h"

static KK_RV get_group(const struct kk_key *key, struct kk_key_parts *parts)
{
    KK_TRY(kk_pkey_get_number(key->pkey, OSSL_PKEY_PARAM_FFC_P, key->bytes, true, parts,
                              KK_PART_PRIME));
    KK_TRY(kk_pkey_get_number(key->pkey, OSSL_PKEY_PARAM_FFC_G, key->bytes, true, parts,
                              KK_PART_BASE));
    if (key->kind == KK_KEY_X942_DH) {
        KK_TRY(kk_pkey_get_number(key->pkey, OSSL_PKEY_PARAM_FFC_Q, key->bytes, true, parts,
                                  KK_PART_SUBPRIME));
    }
    return CKR_OK;
}

KK_RV kk_dh_peer(struct kk_crypto *crypto, const struct kk_key *key, struct kk_span peer,
                 struct kk_key **ret_peer)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = key->kind};
    KK_TRY(get_group(key, &parts));
    KK_TRY(kk_key_parts_set(&parts, KK_PART_PUBLIC, peer));
    CK_RV rv = kk_key_new(crypto, &parts, ret_peer);
    return rv == CKR_ATTRIBUTE_VALUE_INVALID ? CKR_MECHANISM_PARAM_INVALID : rv;
}

KK_RV kk_dh_derive(struct kk_crypto *crypto, struct kk_key *key, struct kk_span peer,
                   struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_key_unrefp) struct kk_key *other = NULL;
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    unsigned int pad = 1;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad),
                           OSSL_PARAM_construct_end()};
    KK_ENSURE(key->is_private && (key->kind == KK_KEY_DH || key->kind == KK_KEY_X942_DH),
              CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(kk_dh_peer(crypto, key, peer, &other));
    ctx = kk_own_keys_operation(crypto->libctx, key->pkey);
    KK_ENSURE(ctx != NULL && EVP_PKEY_derive_init_ex(ctx, params) == 1,
              kk_crypto_error("EVP_PKEY_derive_init_ex", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_derive_set_peer_ex(ctx, other->pkey, 0) == 1,
              kk_crypto_error("EVP_PKEY_derive_set_peer_ex", CKR_MECHANISM_PARAM_INVALID));
    size_t len = key->bytes;
    KK_TRY(kk_secret_new(len, &secret));
    int ok = EVP_PKEY_derive(ctx, kk_secret_data(secret), &len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_derive", CKR_MECHANISM_PARAM_INVALID));
    KK_ENSURE(len == kk_secret_len(secret), CKR_FUNCTION_FAILED);
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

size_t kk_dh_length(const struct kk_key *key)
{
    return key->bytes;
}

KK_RV kk_dh_ephemeral(struct kk_crypto *crypto, const struct kk_key *peer, uint8_t *number,
                      struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = peer->kind};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts other = {.kind = peer->kind};
    KK_CLEANUP(kk_key_unrefp) struct kk_key *ephemeral = NULL;
    KK_ENSURE(peer->kind == KK_KEY_DH || peer->kind == KK_KEY_X942_DH, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(get_group(peer, &parts));
    KK_TRY(kk_pkey_get_number(peer->pkey, OSSL_PKEY_PARAM_PUB_KEY, peer->bytes, true, &other,
                              KK_PART_PUBLIC));
    KK_TRY(kk_key_generate(crypto, &parts));
    KK_TRY(kk_key_new(crypto, &parts, &ephemeral));
    struct kk_span own = kk_key_parts_get(&parts, KK_PART_PUBLIC);
    KK_ENSURE(own.len <= peer->bytes, CKR_FUNCTION_FAILED);
    KK_TRY(kk_dh_derive(crypto, ephemeral, kk_key_parts_get(&other, KK_PART_PUBLIC), ret_secret));
    memset(number, 0, peer->bytes - own.len);
    memcpy(number + (peer->bytes - own.len), own.data, own.len);
    return CKR_OK;
}

/* OtherInfo is a SEQUENCE that begins with a SEQUENCE of an OID and the counter of four bytes. */
static KK_RV find_counter(struct kk_span info, size_t *ret_offset)
{
    struct kk_reader whole = kk_reader_new(info);
    struct kk_reader outer = kk_der_enter(&whole, KK_DER_SEQUENCE);
    struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
    (void)kk_der_take(&inner, KK_DER_OID);
    struct kk_span counter = kk_der_take(&inner, KK_DER_OCTET_STRING);
    KK_ENSURE(kk_reader_done(&inner) && !outer.failed && kk_reader_done(&whole) && counter.len == 4,
              CKR_MECHANISM_PARAM_INVALID);
    *ret_offset = (size_t)(counter.data - info.data);
    return CKR_OK;
}

KK_RV kk_x942_kdf(struct kk_crypto *crypto, struct kk_span secret, struct kk_span info, size_t len,
                  struct kk_secret **ret_value)
{
    KK_SECRET_ARRAY(block, EVP_MAX_MD_SIZE);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_CLEANUP(kk_prehash_close) struct kk_prehash hash = {0};
    uint8_t count[4];
    size_t offset = 0;
    size_t block_len = 0;
    uint32_t counter = 1;
    KK_TRY(find_counter(info, &offset));
    KK_TRY(kk_prehash_open(crypto, "SHA1", &hash));
    KK_TRY(kk_secret_new(len, &value));
    size_t behind = offset + sizeof count;
    for (size_t at = 0; at < len; at += block_len) {
        kk_store_u32(count, counter++);
        KK_TRY(kk_prehash_start(&hash));
        KK_TRY(kk_prehash_update(&hash, secret));
        KK_TRY(kk_prehash_update(&hash, KK_SPAN(info.data, offset)));
        KK_TRY(kk_prehash_update(&hash, KK_SPAN_ARRAY(count)));
        KK_TRY(kk_prehash_update(&hash, KK_SPAN(info.data + behind, info.len - behind)));
        KK_TRY(kk_prehash_finish(&hash, block, &block_len));
        memcpy(kk_secret_data(value) + at, block, KK_MIN(len - at, block_len));
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}
