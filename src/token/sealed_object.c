/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One object: sealed, opened, and held against the manifest.
 *
 *   blob   u16 version, u8 flags (1: trust tag), u32 key epoch, nonce 12, the sealed record,
 *          and the trust tag 32 that public objects written during a login carry
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "object/codec.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define FLAG_TRUST 1
#define HEAD_LEN (2 + 1 + 4)
#define TRUST_LEN KK_HASH_LEN
#define AAD_LEN                                                                                    \
    (HEAD_LEN + KK_SERIAL_LEN + sizeof(struct kk_uuid) + 1 + 8 + 4 + 8 * KK_STORE_COLUMNS)

void kk_sealed_say_damaged(const struct kk_sealed_op *op, const struct kk_uuid *uuid,
                           const char *what)
{
    char text[KK_UUID_TEXT];
    kk_uuid_format(uuid, text);
    kk_log_error("token %s: object %s is damaged: %s", kk_sealed_path(op->sealed), text, what);
}

KK_RV kk_sealed_damaged(const struct kk_sealed_op *op, const struct kk_uuid *uuid, const char *what)
{
    kk_sealed_say_damaged(op, uuid, what);
    return CKR_DEVICE_ERROR;
}

static enum kk_side side_of(const struct kk_store_object *object)
{
    return object->is_private ? KK_SIDE_PRIVATE : KK_SIDE_PUBLIC;
}

/* Everything about the row that is not in its blob is authenticated with it. */
static void object_aad(const struct kk_sealed_op *op, const struct kk_store_object *object,
                       const uint8_t head[HEAD_LEN], uint8_t aad[AAD_LEN])
{
    uint8_t *to = aad;
    memcpy(to, head, HEAD_LEN);
    to += HEAD_LEN;
    memcpy(to, op->identity->serial, KK_SERIAL_LEN);
    to += KK_SERIAL_LEN;
    memcpy(to, object->uuid.bytes, sizeof object->uuid.bytes);
    to += sizeof object->uuid.bytes;
    *to++ = object->is_private ? 1 : 0;
    kk_store_u64(to, object->generation);
    to += 8;
    kk_store_u32(to, object->columns_set);
    to += 4;
    for (size_t i = 0; i < KK_STORE_COLUMNS; i++, to += 8) {
        kk_store_u64(to, (object->columns_set >> i & 1) != 0 ? object->columns[i] : 0);
    }
}

/* Keys of `side` with which objects of `whose` side and this key epoch are sealed: the present
 * ones, or while a rekey is under way those of before it. NULL: not opened, or no such epoch. */
static const struct kk_side_keys *keys_of(const struct kk_sealed_op *op, enum kk_side whose,
                                          uint32_t key_epoch, enum kk_side side)
{
    const struct kk_identity *identity = op->identity;
    if (key_epoch == identity->key_epoch[whose]) {
        return op->keys[side];
    }
    return identity->rekeying && key_epoch == identity->rekey.from[whose] ? op->old_keys[side]
                                                                          : NULL;
}

static KK_RV object_key(const struct kk_sealed_op *op, const struct kk_side_keys *keys,
                        const struct kk_store_object *object, uint8_t ret_key[KK_KEY_LEN])
{
    const struct kk_span piece = KK_SPAN_ARRAY(object->uuid.bytes);
    return kk_hmac_sha256(op->sealed->crypto, kk_side_key(keys, KK_SLOT_OBJ), &piece, 1, ret_key);
}

static KK_RV trust_tag(const struct kk_sealed_op *op, const struct kk_side_keys *keys,
                       const struct kk_store_object *object, uint8_t ret_tag[TRUST_LEN])
{
    uint8_t generation[8];
    kk_store_u64(generation, object->generation);
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(object->uuid.bytes), KK_SPAN_ARRAY(generation),
                                     KK_SPAN_ARRAY(object->tag)};
    return kk_hmac_sha256(op->sealed->crypto, kk_side_key(keys, KK_SLOT_TRUST), pieces,
                          KK_ARRAY_LEN(pieces), ret_tag);
}

KK_RV kk_sealed_object_seal(const struct kk_sealed_op *op, const struct kk_attrs *attrs,
                            struct kk_store_object *object, struct kk_buffer *buffer)
{
    KK_SECRET_ARRAY(key, KK_KEY_LEN);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *record = NULL;
    uint8_t aad[AAD_LEN];
    uint8_t nonce[KK_AEAD_NONCE];
    uint8_t tag[TRUST_LEN];
    bool with_trust = !object->is_private && op->keys[KK_SIDE_PRIVATE] != NULL;
    KK_TRY(kk_record_encode(attrs, &record));
    KK_TRY(object_key(op, op->keys[side_of(object)], object, key));
    KK_TRY(kk_crypto_random(op->sealed->crypto, nonce, sizeof nonce));
    kk_buffer_put_u16(buffer, KK_SEALED_VERSION);
    kk_buffer_put_u8(buffer, with_trust ? FLAG_TRUST : 0);
    kk_buffer_put_u32(buffer, op->identity->key_epoch[side_of(object)]);
    kk_buffer_put(buffer, nonce, sizeof nonce);
    uint8_t *to = kk_buffer_extend(buffer, kk_secret_len(record));
    KK_TRY(kk_buffer_check(buffer));
    object_aad(op, object, buffer->data, aad);
    KK_TRY(kk_aead_seal(op->sealed->crypto, KK_SPAN_ARRAY(key), KK_SPAN_ARRAY(nonce),
                        KK_SPAN_ARRAY(aad), kk_secret_span(record), to, object->tag));
    if (with_trust) {
        KK_TRY(trust_tag(op, op->keys[KK_SIDE_PRIVATE], object, tag));
        kk_buffer_put(buffer, tag, sizeof tag);
    }
    KK_TRY(kk_buffer_check(buffer));
    object->blob = kk_buffer_span(buffer);
    return CKR_OK;
}

/* A blob's parts. */
struct sealed_blob {
    const uint8_t *head;
    uint32_t key_epoch;
    struct kk_span nonce, cipher, trust;
};

static bool blob_parse(struct kk_span blob, struct sealed_blob *ret_parts)
{
    struct sealed_blob parts = {.head = blob.data};
    struct kk_reader reader = kk_reader_new(blob);
    uint16_t version = kk_reader_u16(&reader);
    uint8_t flags = kk_reader_u8(&reader);
    parts.key_epoch = kk_reader_u32(&reader);
    parts.nonce = kk_reader_take(&reader, KK_AEAD_NONCE);
    size_t trust_len = (flags & FLAG_TRUST) != 0 ? TRUST_LEN : 0;
    size_t rest = reader.rest.len;
    if (reader.failed || version != KK_SEALED_VERSION || rest < trust_len) {
        return false;
    }
    parts.cipher = kk_reader_take(&reader, rest - trust_len);
    parts.trust = kk_reader_take(&reader, trust_len);
    *ret_parts = parts;
    return kk_reader_done(&reader);
}

static KK_RV unseal(const struct kk_sealed_op *op, const struct kk_store_object *object,
                    const struct sealed_blob *parts, struct kk_attrs **ret_attrs)
{
    KK_SECRET_ARRAY(key, KK_KEY_LEN);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *record = NULL;
    uint8_t aad[AAD_LEN];
    enum kk_side side = side_of(object);
    const struct kk_side_keys *keys = keys_of(op, side, parts->key_epoch, side);
    object_aad(op, object, parts->head, aad);
    KK_ENSURE(keys != NULL && kk_side_keys_has(keys, KK_SLOT_OBJ), CKR_ENCRYPTED_DATA_INVALID);
    KK_TRY(object_key(op, keys, object, key));
    KK_TRY(kk_secret_new(parts->cipher.len, &record));
    KK_TRY(kk_aead_open(op->sealed->crypto, KK_SPAN_ARRAY(key), parts->nonce, KK_SPAN_ARRAY(aad),
                        parts->cipher, object->tag, kk_secret_data(record)));
    return kk_record_decode(kk_secret_span(record), ret_attrs);
}

/* Whether the object may count as trusted; `attrs` loses CKA_TRUSTED when it may not. Without a
 * login nobody can tell: it reads as stored. */
static KK_RV judge_trust(const struct kk_sealed_op *op, const struct kk_store_object *object,
                         const struct sealed_blob *parts, struct kk_attrs *attrs, bool *ret_proven)
{
    const struct kk_span trust = parts->trust;
    uint8_t tag[TRUST_LEN];
    char text[KK_UUID_TEXT];
    bool trusted = kk_attrs_flag(attrs, CKA_TRUSTED, false);
    *ret_proven = trusted && object->is_private;
    if (object->is_private || op->keys[KK_SIDE_PRIVATE] == NULL) {
        return CKR_OK;
    }
    if (trust.len == sizeof tag) {
        const struct kk_side_keys *keys =
            keys_of(op, KK_SIDE_PUBLIC, parts->key_epoch, KK_SIDE_PRIVATE);
        KK_ENSURE(keys != NULL, CKR_ENCRYPTED_DATA_INVALID);
        KK_TRY(trust_tag(op, keys, object, tag));
        KK_ENSURE(kk_ct_equal(tag, trust.data, sizeof tag), CKR_ENCRYPTED_DATA_INVALID);
        *ret_proven = trusted;
        return CKR_OK;
    }
    if (!trusted) {
        return CKR_OK;
    }
    kk_uuid_format(&object->uuid, text);
    kk_log_error("token %s: object %s says that it is trusted, but nobody who was logged in wrote "
                 "it: CKA_TRUSTED is taken for false",
                 kk_sealed_path(op->sealed), text);
    return kk_attrs_set_flag(attrs, CKA_TRUSTED, false);
}

static KK_RV open_object(const struct kk_sealed_op *op, const struct kk_store_object *object,
                         struct kk_object **ret_object)
{
    struct sealed_blob parts = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    struct kk_object *made = NULL;
    bool proven = false;
    KK_ENSURE(blob_parse(object->blob, &parts), CKR_ENCRYPTED_DATA_INVALID);
    KK_TRY(unseal(op, object, &parts, &attrs));
    KK_ENSURE(kk_attrs_flag(attrs, CKA_PRIVATE, false) == object->is_private,
              CKR_ENCRYPTED_DATA_INVALID);
    KK_TRY(judge_trust(op, object, &parts, attrs, &proven));
    KK_TRY(kk_object_new(&object->uuid, object->generation, attrs, &made));
    (void)KK_STEAL(attrs);
    made->trust_proven = proven;
    *ret_object = made;
    return CKR_OK;
}

KK_RV kk_sealed_object_open(const struct kk_sealed_op *op, const struct kk_store_object *object,
                            struct kk_object **ret_object)
{
    CK_RV rv = open_object(op, object, ret_object);
    if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_DEVICE_ERROR) {
        return kk_sealed_damaged(op, &object->uuid, "its bytes were changed");
    }
    return rv;
}

/* ---- reading ---- */

static bool lists(const struct kk_bucket *bucket, const struct kk_store_object *object)
{
    const struct kk_manifest_entry *entry = kk_bucket_find(bucket, &object->uuid);
    return entry != NULL && entry->generation == object->generation &&
           kk_mem_equal(entry->tag, sizeof entry->tag, object->tag, sizeof object->tag);
}

/* Nobody committed since the bucket was last seen in the store. */
static bool is_fresh(struct kk_bucket *bucket, const struct kk_store_stamp *now)
{
    return now->stable && atomic_load_explicit(&bucket->stamp, memory_order_relaxed) == now->value;
}

/* Whether the bucket row is still the one that was opened into `bucket`; costs no decryption. */
static bool same_row(const struct kk_bucket *bucket, const struct kk_store_row *row)
{
    return bucket != NULL && bucket->generation == row->generation &&
           kk_mem_equal(bucket->tag, sizeof bucket->tag, row->tag, sizeof row->tag);
}

/* The bucket's present row, opened unless `cached` is it. NULL when there is none. */
static KK_RV present_bucket(const struct kk_sealed_op *op, enum kk_side side, uint32_t no,
                            struct kk_bucket *cached, struct kk_bucket **ret_bucket)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, kk_bucket_table(side), no, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        *ret_bucket = NULL;
        return CKR_OK;
    }
    KK_TRY(rv);
    if (same_row(cached, &row)) {
        *ret_bucket = kk_bucket_ref(cached);
        return CKR_OK;
    }
    /* What is in the cache was committed before this transaction began. */
    if (cached != NULL && cached->generation >= row.generation) {
        kk_log_error("token %s: bucket %u of the objects' list was put back to an older one",
                     kk_sealed_path(op->sealed), no);
        return CKR_DEVICE_ERROR;
    }
    return kk_bucket_open(op, side, &row, ret_bucket);
}

/* The stamps under which a bucket is known to be the present one. */
struct lookup {
    struct kk_store_stamp before; /* taken before the transaction began */
    struct kk_bucket *cached[KK_SIDES];
    struct kk_bucket *found[KK_SIDES]; /* newly read ones */
};

static void lookup_clear(struct lookup *lookup)
{
    for (size_t side = 0; side < KK_SIDES; side++) {
        kk_bucket_unref(lookup->cached[side]);
        kk_bucket_unref(lookup->found[side]);
    }
}

/* Holds the row against its bucket. */
static KK_RV check_listed(const struct kk_sealed_op *op, const struct kk_store_object *object,
                          struct lookup *lookup)
{
    enum kk_side side = side_of(object);
    struct kk_bucket *cached = lookup->cached[side];
    if (cached != NULL && is_fresh(cached, &lookup->before) && lists(cached, object)) {
        return CKR_OK;
    }
    CK_RV rv = present_bucket(op, side, kk_bucket_no(&object->uuid), cached, &lookup->found[side]);
    if (rv == CKR_DEVICE_ERROR) {
        return kk_sealed_damaged(op, &object->uuid, "the list that it stands in is damaged");
    }
    KK_TRY(rv);
    if (!lists(lookup->found[side], object)) {
        bool listed = kk_bucket_find(lookup->found[side], &object->uuid) != NULL;
        return kk_sealed_damaged(op, &object->uuid,
                                 listed ? "it is another version than the token's list has"
                                        : "it is not in the token's list");
    }
    return CKR_OK;
}

/* There is no such row: never was, was deleted, or somebody took it away. */
static KK_RV check_absent(const struct kk_sealed_op *op, const struct kk_uuid *uuid,
                          struct lookup *lookup)
{
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
        if (op->keys[side] == NULL) {
            continue;
        }
        CK_RV rv = present_bucket(op, side, kk_bucket_no(uuid), lookup->cached[side], &bucket);
        if (rv == CKR_OK && kk_bucket_find(bucket, uuid) != NULL) {
            return kk_sealed_damaged(op, uuid, "it is missing");
        }
        KK_TRY(rv);
    }
    return CKR_OBJECT_HANDLE_INVALID;
}

/* The row, verified against the manifest, in `ret_object` and `ret_blob`. */
static KK_RV get_verified(const struct kk_sealed_op *op, const struct kk_uuid *uuid,
                          struct lookup *lookup, struct kk_store_object *ret_object,
                          struct kk_buffer *ret_blob)
{
    CK_RV rv = op->tx->ops->object_get(op->tx, uuid, ret_object, ret_blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return check_absent(op, uuid, lookup);
    }
    KK_TRY(rv);
    if (ret_object->is_private) {
        KK_ENSURE(op->opens_private, CKR_USER_NOT_LOGGED_IN);
    } else {
        KK_ENSURE(op->keys[KK_SIDE_PUBLIC] != NULL, CKR_DEVICE_ERROR);
        kk_manifest_check_public(op);
    }
    return check_listed(op, ret_object, lookup);
}

static void remember_bucket(struct kk_sealed *sealed, enum kk_side side, struct lookup *lookup)
{
    struct kk_bucket *found = lookup->found[side];
    if (found != NULL && lookup->before.stable) {
        atomic_store_explicit(&found->stamp, lookup->before.value, memory_order_relaxed);
        kk_bucket_cache_put(sealed, side, found);
    }
}

KK_RV kk_sealed_read(struct kk_repository *repository, struct kk_unlock *unlock,
                     const struct kk_uuid *uuid, struct kk_object **ret_object)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(lookup_clear) struct lookup lookup = {0};
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_object object = {0};
    KK_TRY(sealed->store->ops->fresh(sealed->store, &lookup.before));
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        lookup.cached[side] = kk_bucket_cache_get(sealed, side, kk_bucket_no(uuid));
    }
    KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_READ, &op));
    KK_TRY(get_verified(&op, uuid, &lookup, &object, &blob));
    kk_sealed_finish(&op);
    remember_bucket(sealed, object.is_private ? KK_SIDE_PRIVATE : KK_SIDE_PUBLIC, &lookup);
    return kk_sealed_object_open(&op, &object, ret_object);
}
