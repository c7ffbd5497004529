/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of a sealed token's own rows: the token row, key rows, the K_pub row.
 *
 *   token   u16 version, u16 flags (1: so_recovery), epoch 16, serial 16, label 32,
 *           u32 key epoch of private objects, u32 key epoch of public objects
 *   key     u16 version, u32 number, u8 role, u8 name length, name, u8 kdf (1: Argon2id, 2:
 *           PBKDF2 with HMAC-SHA-512), u32 passes or rounds, u32 KiB or 0, salt 16, u8 has pepper,
 * pepper id 8, u8 holds (1: AMK, 2: DMK), nonce 12, then the sealed keys. Version 2 has behind the
 * nonce: u8 guard (1: TPM 2), u16 length and the TPM's blob K_pub   u16 version, u8 wrapped, pepper
 * id 8, nonce 12, then 32 bytes, sealed or plain
 *
 * Tags of what is sealed stand in the rows' tag column. A row's hash is over number, tag and bytes.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define KDF_ARGON2ID 1
#define KDF_PBKDF2 2
#define GUARD_TPM2 1
#define HOLDS_AMK 1
#define HOLDS_DMK 2
#define TOKEN_SO_RECOVERY 1

KK_RV kk_row_hash_of(struct kk_crypto *crypto, const struct kk_store_row *stored,
                     uint8_t ret_hash[KK_HASH_LEN])
{
    uint8_t no[4];
    kk_store_u32(no, stored->no);
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(no), KK_SPAN_ARRAY(stored->tag), stored->blob};
    return kk_sha256(crypto, pieces, KK_ARRAY_LEN(pieces), ret_hash);
}

/* ---- the token row ---- */

void kk_token_row_encode(struct kk_identity *identity)
{
    uint8_t *row = identity->row;
    memset(row, 0, KK_TOKEN_ROW_LEN);
    row[1] = KK_SEALED_VERSION;
    row[3] = identity->so_recovery ? TOKEN_SO_RECOVERY : 0;
    memcpy(row + 4, identity->epoch, KK_EPOCH_LEN);
    memcpy(row + 20, identity->serial, KK_SERIAL_LEN);
    memcpy(row + 36, identity->label, KK_LABEL_LEN);
    kk_store_u32(row + 68, identity->key_epoch[KK_SIDE_PRIVATE]);
    kk_store_u32(row + 72, identity->key_epoch[KK_SIDE_PUBLIC]);
}

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return true;
}

KK_RV kk_token_row_decode(struct kk_span row, struct kk_identity *identity)
{
    struct kk_reader reader = kk_reader_new(row);
    uint16_t version = kk_reader_u16(&reader);
    KK_ENSURE(!reader.failed && version == KK_SEALED_VERSION, CKR_TOKEN_NOT_RECOGNIZED);
    KK_ENSURE(row.len == KK_TOKEN_ROW_LEN, CKR_DEVICE_ERROR);
    uint16_t flags = kk_reader_u16(&reader);
    memcpy(identity->row, row.data, KK_TOKEN_ROW_LEN);
    memcpy(identity->epoch, kk_reader_take(&reader, KK_EPOCH_LEN).data, KK_EPOCH_LEN);
    memcpy(identity->serial, kk_reader_take(&reader, KK_SERIAL_LEN).data, KK_SERIAL_LEN);
    memcpy(identity->label, kk_reader_take(&reader, KK_LABEL_LEN).data, KK_LABEL_LEN);
    identity->key_epoch[KK_SIDE_PRIVATE] = kk_reader_u32(&reader);
    identity->key_epoch[KK_SIDE_PUBLIC] = kk_reader_u32(&reader);
    identity->so_recovery = (flags & TOKEN_SO_RECOVERY) != 0;
    KK_ENSURE(is_hex(identity->serial, KK_SERIAL_LEN), CKR_DEVICE_ERROR);
    return CKR_OK;
}

KK_RV kk_token_row_put(struct kk_sealed_op *op, uint8_t ret_hash[KK_HASH_LEN])
{
    const struct kk_store_row stored = {.table = KK_TABLE_TOKEN,
                                        .blob = KK_SPAN_ARRAY(op->identity->row)};
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, ret_hash));
    return op->tx->ops->row_put(op->tx, &stored);
}

/* ---- key rows ---- */

void kk_key_row_head(const struct kk_key_row *row, struct kk_buffer *buffer)
{
    kk_buffer_put_u16(buffer, row->guarded ? KK_KEY_ROW_GUARDED_VERSION : KK_SEALED_VERSION);
    kk_buffer_put_u32(buffer, row->no);
    kk_buffer_put_u8(buffer, (uint8_t)row->role);
    kk_buffer_put_u8(buffer, (uint8_t)row->name_len);
    kk_buffer_put(buffer, row->name, row->name_len);
    kk_buffer_put_u8(buffer, row->by_pbkdf2 ? KDF_PBKDF2 : KDF_ARGON2ID);
    kk_buffer_put_u32(buffer, row->ops);
    kk_buffer_put_u32(buffer, row->mem_kib);
    kk_buffer_put(buffer, row->salt, sizeof row->salt);
    kk_buffer_put_u8(buffer, row->has_pepper ? 1 : 0);
    kk_buffer_put(buffer, row->pepper_id, sizeof row->pepper_id);
    kk_buffer_put_u8(buffer, (uint8_t)(HOLDS_AMK | (row->has_dmk ? HOLDS_DMK : 0)));
    kk_buffer_put(buffer, row->nonce, sizeof row->nonce);
    if (row->guarded) {
        kk_buffer_put_u8(buffer, GUARD_TPM2);
        kk_buffer_put_u16(buffer, (uint16_t)row->guard.len);
        kk_buffer_put(buffer, row->guard.data, row->guard.len);
    }
}

static size_t sealed_len(const struct kk_key_row *row)
{
    return row->has_dmk ? 2 * KK_KEY_LEN : KK_KEY_LEN;
}

KK_RV kk_key_row_put(struct kk_sealed_op *op, const struct kk_key_row *row, uint64_t generation,
                     uint8_t ret_hash[KK_HASH_LEN])
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    kk_key_row_head(row, &blob);
    kk_buffer_put(&blob, row->sealed, sealed_len(row));
    KK_TRY(kk_buffer_check(&blob));
    struct kk_store_row stored = {.table = KK_TABLE_KEYS,
                                  .no = row->no,
                                  .generation = generation,
                                  .blob = kk_buffer_span(&blob)};
    memcpy(stored.tag, row->tag, sizeof stored.tag);
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, ret_hash));
    return op->tx->ops->row_put(op->tx, &stored);
}

/* Copies `len` bytes; nothing after the reader failed. */
static void take(struct kk_reader *reader, void *out, size_t len)
{
    struct kk_span span = kk_reader_take(reader, len);
    if (span.len == len && len > 0) {
        memcpy(out, span.data, len);
    }
}

/* A guard of another kind fails the reader. */
static void take_guard(struct kk_reader *reader, struct kk_key_row *row)
{
    uint8_t kind = kk_reader_u8(reader);
    uint16_t len = kk_reader_u16(reader);
    if (kind != GUARD_TPM2 || len > sizeof row->guard.data) {
        reader->failed = true;
        return;
    }
    row->guarded = true;
    row->guard.len = len;
    take(reader, row->guard.data, len);
}

KK_RV kk_key_row_decode(const struct kk_store_row *stored, struct kk_key_row *ret_row)
{
    struct kk_key_row row = {0};
    struct kk_reader reader = kk_reader_new(stored->blob);
    uint16_t version = kk_reader_u16(&reader);
    KK_ENSURE(version == KK_SEALED_VERSION || version == KK_KEY_ROW_GUARDED_VERSION,
              CKR_DEVICE_ERROR);
    row.no = kk_reader_u32(&reader);
    uint8_t role = kk_reader_u8(&reader);
    row.name_len = kk_reader_u8(&reader);
    KK_ENSURE(row.name_len <= sizeof row.name, CKR_DEVICE_ERROR);
    take(&reader, row.name, row.name_len);
    uint8_t kdf = kk_reader_u8(&reader);
    row.ops = kk_reader_u32(&reader);
    row.mem_kib = kk_reader_u32(&reader);
    take(&reader, row.salt, sizeof row.salt);
    row.has_pepper = kk_reader_u8(&reader) != 0;
    take(&reader, row.pepper_id, sizeof row.pepper_id);
    uint8_t holds = kk_reader_u8(&reader);
    row.has_dmk = (holds & HOLDS_DMK) != 0;
    take(&reader, row.nonce, sizeof row.nonce);
    if (version == KK_KEY_ROW_GUARDED_VERSION) {
        take_guard(&reader, &row);
    }
    take(&reader, row.sealed, sealed_len(&row));
    KK_ENSURE(kk_reader_done(&reader) && row.no == stored->no &&
                  (kdf == KDF_ARGON2ID || kdf == KDF_PBKDF2) &&
                  (role == KK_ROLE_SO || role == KK_ROLE_USER),
              CKR_DEVICE_ERROR);
    row.by_pbkdf2 = kdf == KDF_PBKDF2;
    row.role = (enum kk_role)role;
    memcpy(row.tag, stored->tag, sizeof row.tag);
    *ret_row = row;
    return CKR_OK;
}

KK_RV kk_key_row_get(struct kk_sealed_op *op, uint32_t no, struct kk_key_row *ret_row,
                     uint8_t ret_hash[KK_HASH_LEN])
{
    struct kk_store_row stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_TRY(op->tx->ops->row_get(op->tx, KK_TABLE_KEYS, no, &stored, &blob));
    CK_RV rv = kk_key_row_decode(&stored, ret_row);
    if (rv != CKR_OK) {
        kk_log_error("token %s: key row %u is damaged", kk_sealed_path(op->sealed), no);
        return rv;
    }
    return kk_row_hash_of(op->sealed->crypto, &stored, ret_hash);
}

/* ---- the K_pub row ---- */

struct pub_row {
    uint8_t wrapped;
    uint8_t pepper_id[KK_PEPPER_ID_LEN];
    uint8_t nonce[KK_AEAD_NONCE];
    uint8_t key[KK_KEY_LEN];
};

static void pub_row_wipe(struct pub_row *row)
{
    kk_wipe(row, sizeof *row);
}

static void pub_row_head(const struct pub_row *row, struct kk_buffer *buffer)
{
    kk_buffer_put_u16(buffer, KK_SEALED_VERSION);
    kk_buffer_put_u8(buffer, row->wrapped);
    kk_buffer_put(buffer, row->pepper_id, sizeof row->pepper_id);
    kk_buffer_put(buffer, row->nonce, sizeof row->nonce);
}

/* The key that wraps K_pub, and what is authenticated with it. */
static KK_RV pub_wrapping(const struct kk_sealed *sealed, const struct kk_identity *identity,
                          const struct pub_row *row, const struct kk_secret *pepper,
                          struct kk_secret **ret_key, struct kk_buffer *ret_aad)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer info = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    kk_buffer_put_span(&info, KK_SPAN_TEXT("keykist/pub"));
    kk_buffer_put(&info, identity->serial, KK_SERIAL_LEN);
    KK_TRY(kk_buffer_check(&info));
    KK_TRY(kk_secret_new(KK_AEAD_KEY, &key));
    KK_TRY(kk_hkdf_sha512(sealed->crypto, kk_secret_span(pepper), KK_SPAN(NULL, 0),
                          kk_buffer_span(&info), key));
    kk_buffer_put_span(ret_aad, kk_buffer_span(&info));
    pub_row_head(row, ret_aad);
    KK_TRY(kk_buffer_check(ret_aad));
    *ret_key = KK_STEAL(key);
    return CKR_OK;
}

static KK_RV pub_row_seal(const struct kk_sealed *sealed, const struct kk_identity *identity,
                          struct kk_span key, struct pub_row *row, uint8_t tag[KK_STORE_TAG])
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *wrapping = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer aad = {0};
    const struct kk_secret *pepper = NULL;
    KK_TRY(kk_sealed_pepper(sealed, &pepper));
    if (pepper == NULL) {
        memcpy(row->key, key.data, key.len);
        return CKR_OK;
    }
    row->wrapped = 1;
    KK_TRY(kk_pepper_id(sealed->crypto, pepper, identity->serial, row->pepper_id));
    KK_TRY(kk_crypto_random(sealed->crypto, row->nonce, sizeof row->nonce));
    KK_TRY(pub_wrapping(sealed, identity, row, pepper, &wrapping, &aad));
    return kk_aead_seal(sealed->crypto, kk_secret_span(wrapping), KK_SPAN_ARRAY(row->nonce),
                        kk_buffer_span(&aad), key, row->key, tag);
}

KK_RV kk_pub_row_put(struct kk_sealed_op *op, const struct kk_side_keys *pub,
                     uint8_t ret_hash[KK_HASH_LEN])
{
    KK_CLEANUP(pub_row_wipe) struct pub_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {.wipe = true};
    struct kk_store_row stored = {.table = KK_TABLE_PUB};
    KK_TRY(pub_row_seal(op->sealed, op->identity, kk_side_key(pub, KK_SLOT_OBJ), &row, stored.tag));
    pub_row_head(&row, &blob);
    kk_buffer_put(&blob, row.key, sizeof row.key);
    KK_TRY(kk_buffer_check(&blob));
    stored.blob = kk_buffer_span(&blob);
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, ret_hash));
    return op->tx->ops->row_put(op->tx, &stored);
}

static bool pub_row_decode(struct kk_span blob, struct pub_row *row)
{
    struct kk_reader reader = kk_reader_new(blob);
    uint16_t version = kk_reader_u16(&reader);
    row->wrapped = kk_reader_u8(&reader);
    take(&reader, row->pepper_id, sizeof row->pepper_id);
    take(&reader, row->nonce, sizeof row->nonce);
    take(&reader, row->key, sizeof row->key);
    return kk_reader_done(&reader) && version == KK_SEALED_VERSION && row->wrapped <= 1;
}

static KK_RV pub_row_open(const struct kk_sealed *sealed, const struct kk_identity *identity,
                          const struct pub_row *row, const uint8_t tag[KK_STORE_TAG],
                          uint8_t *ret_key)
{
    const struct kk_secret *pepper = sealed->settings.pepper;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *wrapping = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer aad = {0};
    uint8_t id[KK_PEPPER_ID_LEN] = {0};
    if (row->wrapped == 0) {
        memcpy(ret_key, row->key, KK_KEY_LEN);
        return CKR_OK;
    }
    if (pepper != NULL) {
        KK_TRY(kk_pepper_id(sealed->crypto, pepper, identity->serial, id));
    }
    if (pepper == NULL || !kk_mem_equal(id, sizeof id, row->pepper_id, sizeof row->pepper_id)) {
        kk_log_error("token %s: its public objects need a pepper that token.pepper does not give",
                     kk_sealed_path(sealed));
        return CKR_DEVICE_ERROR;
    }
    KK_TRY(pub_wrapping(sealed, identity, row, pepper, &wrapping, &aad));
    CK_RV rv = kk_aead_open(sealed->crypto, kk_secret_span(wrapping), KK_SPAN_ARRAY(row->nonce),
                            kk_buffer_span(&aad), KK_SPAN_ARRAY(row->key), tag, ret_key);
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        kk_log_error("token %s: the row of the public objects' key was tampered with",
                     kk_sealed_path(sealed));
        rv = CKR_DEVICE_ERROR;
    }
    return rv;
}

/* Only failures that say nothing about the row are returned; without it there are no keys. */
KK_RV kk_pub_row_get(const struct kk_sealed *sealed, struct kk_store_tx *tx,
                     struct kk_identity *identity)
{
    KK_CLEANUP(pub_row_wipe) struct pub_row row = {0};
    struct kk_store_row stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    CK_RV rv = tx->ops->row_get(tx, KK_TABLE_PUB, 0, &stored, &blob);
    blob.wipe = true;
    if (rv == CKR_OBJECT_HANDLE_INVALID || (rv == CKR_OK && !pub_row_decode(stored.blob, &row))) {
        kk_log_error("token %s: the row of the public objects' key is missing or damaged",
                     kk_sealed_path(sealed));
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_row_hash_of(sealed->crypto, &stored, identity->pub_hash));
    identity->pub_is_wrapped = row.wrapped != 0;
    KK_TRY(kk_side_keys_new(&keys));
    rv = pub_row_open(sealed, identity, &row, stored.tag, kk_side_key_set(&keys, KK_SLOT_OBJ));
    if (rv == CKR_DEVICE_ERROR) {
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_side_keys_derive(sealed->crypto, &keys, KK_SIDE_PUBLIC));
    identity->pub = keys;
    keys = (struct kk_side_keys){0};
    return CKR_OK;
}
