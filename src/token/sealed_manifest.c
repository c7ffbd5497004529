/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The manifest: which objects there are. A bucket lists the objects whose uuid begins with its 12
 * bits; the root holds a keyed sum over the buckets, which one changed bucket changes in place.
 *
 *   bucket  u16 version, nonce 12, sealed list of { uuid 16, u64 generation, tag 16 }, by uuid
 *   root    u16 version, salt 16, sealed { u64 generation, u64 count, sum 32, and on the private
 *           side: token row's hash 32, K_pub row's hash 32, u32 rows, rows times { u32 number,
 *           hash 32 } }
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define ENTRY_LEN 40
#define KEY_ROWS_MAX 65536

static const char *const side_names[] = {"private", "public"};

uint32_t kk_bucket_no(const struct kk_uuid *uuid)
{
    return (uint32_t)uuid->bytes[0] << 4 | uuid->bytes[1] >> 4;
}

enum kk_sealed_table kk_bucket_table(enum kk_side side)
{
    return side == KK_SIDE_PRIVATE ? KK_TABLE_BUCKETS : KK_TABLE_BUCKETS_PUBLIC;
}

struct kk_bucket *kk_bucket_ref(struct kk_bucket *bucket)
{
    atomic_fetch_add_explicit(&bucket->refs, 1, memory_order_relaxed);
    return bucket;
}

void kk_bucket_unref(struct kk_bucket *bucket)
{
    if (bucket != NULL && atomic_fetch_sub_explicit(&bucket->refs, 1, memory_order_acq_rel) == 1) {
        kk_free(bucket);
    }
}

const struct kk_manifest_entry *kk_bucket_find(const struct kk_bucket *bucket,
                                               const struct kk_uuid *uuid)
{
    size_t low = 0;
    size_t high = bucket == NULL ? 0 : bucket->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = kk_uuid_compare(&bucket->entries[middle].uuid, uuid);
        if (order == 0) {
            return &bucket->entries[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* ---- sums ---- */

void kk_sum_add(uint8_t sum[KK_HASH_LEN], const uint8_t term[KK_HASH_LEN])
{
    unsigned int carry = 0;
    for (size_t i = KK_HASH_LEN; i-- > 0;) {
        carry += (unsigned int)sum[i] + term[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void kk_sum_subtract(uint8_t sum[KK_HASH_LEN], const uint8_t term[KK_HASH_LEN])
{
    unsigned int borrow = 0;
    for (size_t i = KK_HASH_LEN; i-- > 0;) {
        unsigned int difference = 0x100u + sum[i] - term[i] - borrow;
        sum[i] = (uint8_t)difference;
        borrow = difference < 0x100u ? 1 : 0;
    }
}

/* Where a bucket stands: side, number, generation. */
struct bucket_place {
    uint8_t bytes[1 + 4 + 8];
};

static struct bucket_place place_of(enum kk_side side, uint32_t no, uint64_t generation)
{
    struct bucket_place place = {{(uint8_t)side}};
    kk_store_u32(place.bytes + 1, no);
    kk_store_u64(place.bytes + 5, generation);
    return place;
}

KK_RV kk_bucket_term(const struct kk_sealed_op *op, enum kk_side side, uint32_t no,
                     uint64_t generation, const uint8_t tag[KK_STORE_TAG],
                     uint8_t ret_term[KK_HASH_LEN])
{
    struct bucket_place place = place_of(side, no, generation);
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/sum"), KK_SPAN_ARRAY(place.bytes),
                                     KK_SPAN(tag, KK_STORE_TAG)};
    return kk_hmac_sha256(op->sealed->crypto, kk_side_key(op->keys[side], KK_SLOT_SET), pieces,
                          KK_ARRAY_LEN(pieces), ret_term);
}

/* ---- buckets ---- */

static KK_RV bucket_key(const struct kk_sealed_op *op, enum kk_side side,
                        const struct bucket_place *place, uint8_t ret_key[KK_KEY_LEN])
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/bucket"), KK_SPAN_ARRAY(place->bytes)};
    return kk_hmac_sha256(op->sealed->crypto, kk_side_key(op->keys[side], KK_SLOT_SET), pieces,
                          KK_ARRAY_LEN(pieces), ret_key);
}

static bool parse_entries(struct kk_span list, struct kk_bucket *bucket)
{
    struct kk_reader reader = kk_reader_new(list);
    for (size_t i = 0; i < bucket->count; i++) {
        struct kk_manifest_entry *entry = &bucket->entries[i];
        memcpy(entry->uuid.bytes, kk_reader_take(&reader, sizeof entry->uuid.bytes).data,
               sizeof entry->uuid.bytes);
        entry->generation = kk_reader_u64(&reader);
        memcpy(entry->tag, kk_reader_take(&reader, sizeof entry->tag).data, sizeof entry->tag);
        if (kk_bucket_no(&entry->uuid) != bucket->no ||
            (i > 0 && kk_uuid_compare(&bucket->entries[i - 1].uuid, &entry->uuid) >= 0)) {
            return false;
        }
    }
    return kk_reader_done(&reader);
}

static KK_RV bucket_unseal(const struct kk_sealed_op *op, enum kk_side side,
                           const struct kk_store_row *row, struct kk_bucket **ret_bucket)
{
    KK_SECRET_ARRAY(key, KK_KEY_LEN);
    KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
    KK_CLEANUP(kk_freep) uint8_t *list = NULL;
    struct kk_reader reader = kk_reader_new(row->blob);
    uint16_t version = kk_reader_u16(&reader);
    struct kk_span nonce = kk_reader_take(&reader, KK_AEAD_NONCE);
    size_t count = reader.rest.len / ENTRY_LEN;
    KK_ENSURE(!reader.failed && version == KK_SEALED_VERSION &&
                  reader.rest.len == count * ENTRY_LEN && row->no < KK_BUCKETS,
              CKR_ENCRYPTED_DATA_INVALID);
    struct bucket_place place = place_of(side, row->no, row->generation);
    KK_TRY(bucket_key(op, side, &place, key));
    KK_TRY(kk_alloc(reader.rest.len, &list));
    KK_TRY(kk_aead_open(op->sealed->crypto, KK_SPAN_ARRAY(key), nonce, KK_SPAN_ARRAY(place.bytes),
                        reader.rest, row->tag, list));
    KK_TRY(kk_alloc(sizeof *bucket + count * sizeof bucket->entries[0], &bucket));
    bucket->refs = 1;
    bucket->stamp = KK_NO_STAMP;
    bucket->no = row->no;
    bucket->generation = row->generation;
    bucket->count = count;
    memcpy(bucket->tag, row->tag, sizeof bucket->tag);
    KK_ENSURE(parse_entries(KK_SPAN(list, count * ENTRY_LEN), bucket), CKR_ENCRYPTED_DATA_INVALID);
    *ret_bucket = KK_STEAL(bucket);
    return CKR_OK;
}

KK_RV kk_bucket_open(const struct kk_sealed_op *op, enum kk_side side,
                     const struct kk_store_row *row, struct kk_bucket **ret_bucket)
{
    CK_RV rv = bucket_unseal(op, side, row, ret_bucket);
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        kk_log_error("token %s: bucket %u of the %s objects' list was tampered with",
                     kk_sealed_path(op->sealed), row->no, side_names[side]);
        rv = CKR_DEVICE_ERROR;
    }
    return rv;
}

KK_RV kk_bucket_read(const struct kk_sealed_op *op, enum kk_side side, uint32_t no,
                     struct kk_bucket **ret_bucket)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, kk_bucket_table(side), no, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        *ret_bucket = NULL;
        return CKR_OK;
    }
    KK_TRY(rv);
    return kk_bucket_open(op, side, &row, ret_bucket);
}

KK_RV kk_bucket_write(const struct kk_sealed_op *op, enum kk_side side, struct kk_bucket *bucket)
{
    KK_SECRET_ARRAY(key, KK_KEY_LEN);
    uint8_t nonce[KK_AEAD_NONCE];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer list = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct bucket_place place = place_of(side, bucket->no, bucket->generation);
    for (size_t i = 0; i < bucket->count; i++) {
        kk_buffer_put(&list, bucket->entries[i].uuid.bytes, sizeof bucket->entries[i].uuid.bytes);
        kk_buffer_put_u64(&list, bucket->entries[i].generation);
        kk_buffer_put(&list, bucket->entries[i].tag, sizeof bucket->entries[i].tag);
    }
    KK_TRY(kk_buffer_check(&list));
    KK_TRY(bucket_key(op, side, &place, key));
    KK_TRY(kk_crypto_random(op->sealed->crypto, nonce, sizeof nonce));
    kk_buffer_put_u16(&blob, KK_SEALED_VERSION);
    kk_buffer_put(&blob, nonce, sizeof nonce);
    uint8_t *to = kk_buffer_extend(&blob, list.len);
    KK_TRY(kk_buffer_check(&blob));
    KK_TRY(kk_aead_seal(op->sealed->crypto, KK_SPAN_ARRAY(key), KK_SPAN_ARRAY(nonce),
                        KK_SPAN_ARRAY(place.bytes), kk_buffer_span(&list), to, bucket->tag));
    struct kk_store_row row = {.table = kk_bucket_table(side),
                               .no = bucket->no,
                               .generation = bucket->generation,
                               .blob = kk_buffer_span(&blob)};
    memcpy(row.tag, bucket->tag, sizeof row.tag);
    return op->tx->ops->row_put(op->tx, &row);
}

/* ---- roots ---- */

void kk_root_clear(struct kk_root *root)
{
    kk_free(root->rows);
    *root = (struct kk_root){0};
}

const struct kk_row_hash *kk_root_row(const struct kk_root *root, uint32_t no)
{
    for (size_t i = 0; i < root->row_count; i++) {
        if (root->rows[i].no == no) {
            return &root->rows[i];
        }
    }
    return NULL;
}

KK_RV kk_root_set_row(struct kk_root *root, uint32_t no, const uint8_t hash[KK_HASH_LEN])
{
    struct kk_row_hash *row = (struct kk_row_hash *)kk_root_row(root, no);
    if (row == NULL) {
        KK_ENSURE(root->row_count < KEY_ROWS_MAX, CKR_DEVICE_MEMORY);
        KK_TRY(kk_realloc_array(&root->rows, root->row_count + 1, sizeof *root->rows));
        row = &root->rows[root->row_count++];
        row->no = no;
    }
    memcpy(row->hash, hash, KK_HASH_LEN);
    return CKR_OK;
}

void kk_root_remove_row(struct kk_root *root, uint32_t no)
{
    struct kk_row_hash *row = (struct kk_row_hash *)kk_root_row(root, no);
    if (row != NULL) {
        *row = root->rows[--root->row_count];
    }
}

static bool is_key_row(uint32_t no)
{
    return no != KK_ROOT_REKEY && no != KK_ROOT_AUDIT;
}

size_t kk_root_key_rows(const struct kk_root *root)
{
    size_t count = 0;
    for (size_t i = 0; i < root->row_count; i++) {
        count += is_key_row(root->rows[i].no) ? 1 : 0;
    }
    return count;
}

/* The key is used once (its salt is new each time), so the nonce may be fixed. */
static const uint8_t root_nonce[KK_AEAD_NONCE];

static KK_RV root_key(const struct kk_sealed_op *op, enum kk_side side, struct kk_span salt,
                      uint8_t ret_key[KK_KEY_LEN])
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/root"), salt};
    return kk_hmac_sha256(op->sealed->crypto, kk_side_key(op->keys[side], KK_SLOT_SET), pieces,
                          KK_ARRAY_LEN(pieces), ret_key);
}

static KK_RV root_encode(const struct kk_root *root, enum kk_side side, struct kk_buffer *plain)
{
    kk_buffer_put_u64(plain, root->generation);
    kk_buffer_put_u64(plain, root->count);
    kk_buffer_put(plain, root->sum, sizeof root->sum);
    if (side == KK_SIDE_PRIVATE) {
        kk_buffer_put(plain, root->token_hash, sizeof root->token_hash);
        kk_buffer_put(plain, root->pub_hash, sizeof root->pub_hash);
        kk_buffer_put_u32(plain, (uint32_t)root->row_count);
        for (size_t i = 0; i < root->row_count; i++) {
            kk_buffer_put_u32(plain, root->rows[i].no);
            kk_buffer_put(plain, root->rows[i].hash, sizeof root->rows[i].hash);
        }
    }
    return kk_buffer_check(plain);
}

static void take(struct kk_reader *reader, uint8_t out[KK_HASH_LEN])
{
    struct kk_span span = kk_reader_take(reader, KK_HASH_LEN);
    if (span.len == KK_HASH_LEN) {
        memcpy(out, span.data, KK_HASH_LEN);
    }
}

static KK_RV root_decode(struct kk_span plain, enum kk_side side, struct kk_root *root)
{
    struct kk_reader reader = kk_reader_new(plain);
    root->generation = kk_reader_u64(&reader);
    root->count = kk_reader_u64(&reader);
    take(&reader, root->sum);
    if (side == KK_SIDE_PRIVATE) {
        take(&reader, root->token_hash);
        take(&reader, root->pub_hash);
        uint32_t rows = kk_reader_u32(&reader);
        KK_ENSURE(rows <= KEY_ROWS_MAX, CKR_ENCRYPTED_DATA_INVALID);
        KK_TRY(kk_alloc_array(rows, sizeof *root->rows, &root->rows));
        root->row_count = rows;
        for (size_t i = 0; i < rows; i++) {
            root->rows[i].no = kk_reader_u32(&reader);
            take(&reader, root->rows[i].hash);
        }
    }
    KK_ENSURE(kk_reader_done(&reader), CKR_ENCRYPTED_DATA_INVALID);
    return CKR_OK;
}

static KK_RV root_unseal(const struct kk_sealed_op *op, enum kk_side side,
                         const struct kk_store_row *row, struct kk_root *root)
{
    KK_SECRET_ARRAY(key, KK_KEY_LEN);
    KK_CLEANUP(kk_freep) uint8_t *plain = NULL;
    uint8_t aad = (uint8_t)side;
    struct kk_reader reader = kk_reader_new(row->blob);
    uint16_t version = kk_reader_u16(&reader);
    struct kk_span salt = kk_reader_take(&reader, KK_SALT_LEN);
    struct kk_span cipher = reader.rest;
    KK_ENSURE(!reader.failed && version == KK_SEALED_VERSION, CKR_ENCRYPTED_DATA_INVALID);
    KK_TRY(root_key(op, side, salt, key));
    KK_TRY(kk_alloc(cipher.len, &plain));
    KK_TRY(kk_aead_open(op->sealed->crypto, KK_SPAN_ARRAY(key), KK_SPAN_ARRAY(root_nonce),
                        KK_SPAN(&aad, 1), cipher, row->tag, plain));
    KK_TRY(root_decode(KK_SPAN(plain, cipher.len), side, root));
    KK_ENSURE(root->generation == row->generation, CKR_ENCRYPTED_DATA_INVALID);
    return CKR_OK;
}

KK_RV kk_root_read(const struct kk_sealed_op *op, enum kk_side side, struct kk_root *ret_root)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_ROOTS, (uint32_t)side, &row, &blob);
    if (rv == CKR_OK) {
        rv = root_unseal(op, side, &row, &root);
    }
    if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_ENCRYPTED_DATA_INVALID) {
        kk_log_error("token %s: the root of the %s objects' list is %s", kk_sealed_path(op->sealed),
                     side_names[side],
                     rv == CKR_OBJECT_HANDLE_INVALID ? "missing" : "of other keys, or damaged");
        return CKR_DEVICE_ERROR;
    }
    KK_TRY(rv);
    *ret_root = root;
    root = (struct kk_root){0};
    return CKR_OK;
}

KK_RV kk_root_write(const struct kk_sealed_op *op, enum kk_side side, const struct kk_root *root)
{
    KK_SECRET_ARRAY(key, KK_KEY_LEN);
    uint8_t salt[KK_SALT_LEN];
    uint8_t aad = (uint8_t)side;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer plain = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row = {
        .table = KK_TABLE_ROOTS, .no = (uint32_t)side, .generation = root->generation};
    KK_TRY(root_encode(root, side, &plain));
    KK_TRY(kk_crypto_random(op->sealed->crypto, salt, sizeof salt));
    KK_TRY(root_key(op, side, KK_SPAN_ARRAY(salt), key));
    kk_buffer_put_u16(&blob, KK_SEALED_VERSION);
    kk_buffer_put(&blob, salt, sizeof salt);
    uint8_t *to = kk_buffer_extend(&blob, plain.len);
    KK_TRY(kk_buffer_check(&blob));
    KK_TRY(kk_aead_seal(op->sealed->crypto, KK_SPAN_ARRAY(key), KK_SPAN_ARRAY(root_nonce),
                        KK_SPAN(&aad, 1), kk_buffer_span(&plain), to, row.tag));
    row.blob = kk_buffer_span(&blob);
    return op->tx->ops->row_put(op->tx, &row);
}
