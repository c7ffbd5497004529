/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The row that is there while a rekey is under way: the old keys, each sealed under the new key of
 * its kind, so that whoever opens the new ones opens the old ones too.
 *
 *   rekey   u16 version, per side (private, public): u32 old key epoch, u32 new one, u64 generation
 *           of the commit that began it; u8 holds a DMK, then three times (AMK, DMK, K_pub)
 *           { nonce 12, sealed 32, tag 16 }
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

static void row_head(const struct kk_rekey_row *row, struct kk_buffer *buffer)
{
    kk_buffer_put_u16(buffer, KK_SEALED_VERSION);
    for (size_t side = 0; side < KK_SIDES; side++) {
        kk_buffer_put_u32(buffer, row->from[side]);
        kk_buffer_put_u32(buffer, row->to[side]);
        kk_buffer_put_u64(buffer, row->generation[side]);
    }
    kk_buffer_put_u8(buffer, row->has_dmk ? 1 : 0);
}

/* The key that seals a part, and what is authenticated with it. */
static KK_RV part_wrapping(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                           const struct kk_rekey_row *row, enum kk_rekey_key which,
                           struct kk_span new_key, uint8_t ret_key[KK_SHA256_SIZE],
                           struct kk_buffer *ret_aad)
{
    uint8_t number = (uint8_t)which;
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/rekey"), KK_SPAN(&number, 1)};
    kk_buffer_put_span(ret_aad, KK_SPAN_TEXT("keykist/rekey"));
    kk_buffer_put(ret_aad, serial, KK_SERIAL_LEN);
    kk_buffer_put_u8(ret_aad, number);
    row_head(row, ret_aad);
    KK_TRY(kk_buffer_check(ret_aad));
    return kk_hmac_sha256(sealed->crypto, new_key, pieces, KK_ARRAY_LEN(pieces), ret_key);
}

static KK_RV part_seal(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                       struct kk_rekey_row *row, enum kk_rekey_key which, struct kk_span old_key,
                       struct kk_span new_key)
{
    KK_SECRET_ARRAY(key, KK_SHA256_SIZE);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer aad = {0};
    struct kk_rekey_part *part = &row->parts[which];
    KK_TRY(part_wrapping(sealed, serial, row, which, new_key, key, &aad));
    KK_TRY(kk_crypto_random(sealed->crypto, part->nonce, sizeof part->nonce));
    return kk_aead_seal(sealed->crypto, KK_SPAN_ARRAY(key), KK_SPAN_ARRAY(part->nonce),
                        kk_buffer_span(&aad), old_key, part->sealed, part->tag);
}

static KK_RV part_open(const struct kk_sealed *sealed, const struct kk_identity *identity,
                       enum kk_rekey_key which, struct kk_span new_key, uint8_t *ret_old)
{
    KK_SECRET_ARRAY(key, KK_SHA256_SIZE);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer aad = {0};
    const struct kk_rekey_part *part = &identity->rekey.parts[which];
    KK_TRY(part_wrapping(sealed, identity->serial, &identity->rekey, which, new_key, key, &aad));
    return kk_aead_open(sealed->crypto, KK_SPAN_ARRAY(key), KK_SPAN_ARRAY(part->nonce),
                        kk_buffer_span(&aad), KK_SPAN_ARRAY(part->sealed), part->tag, ret_old);
}

KK_RV kk_rekey_row_seal(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                        const struct kk_side_keys *const old_keys[KK_SIDES],
                        const struct kk_side_keys *const new_keys[KK_SIDES],
                        struct kk_rekey_row *row)
{
    const struct kk_side_keys *old = old_keys[KK_SIDE_PRIVATE];
    const struct kk_side_keys *new = new_keys[KK_SIDE_PRIVATE];
    row->has_dmk = kk_side_keys_has(old, KK_SLOT_DMK) && kk_side_keys_has(new, KK_SLOT_DMK);
    KK_TRY(part_seal(sealed, serial, row, KK_REKEY_AMK, kk_side_key(old, KK_SLOT_AMK),
                     kk_side_key(new, KK_SLOT_AMK)));
    if (row->has_dmk) {
        KK_TRY(part_seal(sealed, serial, row, KK_REKEY_DMK, kk_side_key(old, KK_SLOT_DMK),
                         kk_side_key(new, KK_SLOT_DMK)));
    }
    return part_seal(sealed, serial, row, KK_REKEY_PUB,
                     kk_side_key(old_keys[KK_SIDE_PUBLIC], KK_SLOT_OBJ),
                     kk_side_key(new_keys[KK_SIDE_PUBLIC], KK_SLOT_OBJ));
}

KK_RV kk_rekey_row_put(struct kk_sealed_op *op, const struct kk_rekey_row *row,
                       uint8_t ret_hash[KK_HASH_LEN])
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row stored = {.table = KK_TABLE_REKEY,
                                  .generation = row->generation[KK_SIDE_PRIVATE]};
    row_head(row, &blob);
    for (size_t i = 0; i < KK_REKEY_KEYS; i++) {
        kk_buffer_put(&blob, row->parts[i].nonce, sizeof row->parts[i].nonce);
        kk_buffer_put(&blob, row->parts[i].sealed, sizeof row->parts[i].sealed);
        kk_buffer_put(&blob, row->parts[i].tag, sizeof row->parts[i].tag);
    }
    KK_TRY(kk_buffer_check(&blob));
    stored.blob = kk_buffer_span(&blob);
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, ret_hash));
    return op->tx->ops->row_put(op->tx, &stored);
}

/* Copies `len` bytes; nothing after the reader failed. */
static void take(struct kk_reader *reader, uint8_t *out, size_t len)
{
    struct kk_span span = kk_reader_take(reader, len);
    if (span.len == len) {
        memcpy(out, span.data, len);
    }
}

static bool row_decode(struct kk_span blob, struct kk_rekey_row *row)
{
    struct kk_reader reader = kk_reader_new(blob);
    uint16_t version = kk_reader_u16(&reader);
    for (size_t side = 0; side < KK_SIDES; side++) {
        row->from[side] = kk_reader_u32(&reader);
        row->to[side] = kk_reader_u32(&reader);
        row->generation[side] = kk_reader_u64(&reader);
    }
    row->has_dmk = kk_reader_u8(&reader) != 0;
    for (size_t i = 0; i < KK_REKEY_KEYS; i++) {
        take(&reader, row->parts[i].nonce, sizeof row->parts[i].nonce);
        take(&reader, row->parts[i].sealed, sizeof row->parts[i].sealed);
        take(&reader, row->parts[i].tag, sizeof row->parts[i].tag);
    }
    return kk_reader_done(&reader) && version == KK_SEALED_VERSION;
}

static void say_damaged(const struct kk_sealed *sealed)
{
    kk_log_error("token %s: the row of the keys from before the rekey is damaged: objects that "
                 "were not sealed anew yet cannot be opened",
                 kk_sealed_path(sealed));
}

/* Only failures that say nothing about the row are returned; without it there are no old keys. */
KK_RV kk_rekey_row_get(const struct kk_sealed *sealed, struct kk_store_tx *tx,
                       struct kk_identity *identity)
{
    struct kk_store_row stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys old = {0};
    CK_RV rv = tx->ops->row_get(tx, KK_TABLE_REKEY, 0, &stored, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return CKR_OK;
    }
    KK_TRY(rv);
    if (!row_decode(stored.blob, &identity->rekey)) {
        say_damaged(sealed);
        return CKR_OK;
    }
    identity->rekeying = true;
    if (identity->pub.present == 0) {
        return CKR_OK; /* said already */
    }
    KK_TRY(kk_side_keys_new(&old));
    rv = part_open(sealed, identity, KK_REKEY_PUB, kk_side_key(&identity->pub, KK_SLOT_OBJ),
                   kk_side_key_set(&old, KK_SLOT_OBJ));
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        say_damaged(sealed);
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_side_keys_derive(sealed->crypto, &old, KK_SIDE_PUBLIC));
    identity->old_pub = old;
    old = (struct kk_side_keys){0};
    return CKR_OK;
}

/* The user's PIN may have been reset since, and the private objects emptied: then the old DMK is
 * sealed under one that is no more, and opens nothing that is left. */
static bool has_old_dmk(const struct kk_identity *identity, const struct kk_side_keys *keys)
{
    return identity->rekey.has_dmk && kk_side_keys_has(keys, KK_SLOT_DMK) &&
           identity->rekey.to[KK_SIDE_PRIVATE] == identity->key_epoch[KK_SIDE_PRIVATE];
}

KK_RV kk_rekey_open_private(const struct kk_sealed *sealed, const struct kk_identity *identity,
                            const struct kk_side_keys *keys, struct kk_side_keys *ret_old)
{
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys old = {0};
    if (!identity->rekeying) {
        return CKR_OK;
    }
    KK_TRY(kk_side_keys_new(&old));
    CK_RV rv = part_open(sealed, identity, KK_REKEY_AMK, kk_side_key(keys, KK_SLOT_AMK),
                         kk_side_key_set(&old, KK_SLOT_AMK));
    if (rv == CKR_OK && has_old_dmk(identity, keys)) {
        rv = part_open(sealed, identity, KK_REKEY_DMK, kk_side_key(keys, KK_SLOT_DMK),
                       kk_side_key_set(&old, KK_SLOT_DMK));
    }
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        say_damaged(sealed);
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_side_keys_derive(sealed->crypto, &old, KK_SIDE_PRIVATE));
    *ret_old = old;
    old = (struct kk_side_keys){0};
    return CKR_OK;
}
