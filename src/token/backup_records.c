/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in a backup: the rows and objects of a store in one order, behind a record that names the
 * token, before one that counts them.
 *
 * A record is u8 kind, u32 length, payload; the payloads stand in docs/design/backup.md.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "token/backup_file.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

enum record_kind { RECORD_TOKEN = 1, RECORD_ROW = 2, RECORD_OBJECT = 3, RECORD_END = 4 };

#define BODY_VERSION 1
#define FLAG_NEEDS_PEPPER 1
#define FLAG_NEEDS_TPM 2
#define FRAME_LEN 5
#define OBJECT_HEAD_LEN (16 + 1 + 8 + KK_STORE_TAG + 4 + 8 * KK_STORE_COLUMNS)
#define PAYLOAD_MAX (KK_STORE_BLOB_MAX + OBJECT_HEAD_LEN)

/* row_each() gives rows whose generation is more than 0. Rows of generation 0 are single ones: the
 * only one of their table, number 0. The anchor is left out: the log that it stands in does not
 * come along. */
static KK_RV each_row(struct kk_store_tx *tx, kk_store_row_visit *visit, void *context)
{
    for (uint32_t table = 1; table < KK_BACKUP_TABLES; table++) {
        struct kk_store_row row = {0};
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
        if (table == KK_TABLE_AUDIT) {
            continue;
        }
        CK_RV rv = tx->ops->row_get(tx, table, 0, &row, &blob);
        blob.wipe = true;
        KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
        if (rv == CKR_OK && row.generation == 0) {
            KK_TRY(visit(&row, context));
        }
        KK_TRY(tx->ops->row_each(tx, table, 0, true, visit, context));
    }
    return CKR_OK;
}

static const enum kk_store_private sides[] = {KK_STORE_PRIVATE_ONLY, KK_STORE_PUBLIC_ONLY};

/* ---- writing ---- */

struct writing {
    struct kk_store_tx *tx;
    struct kk_backup_chunks *chunks;
    struct kk_backup_info *info;
    struct kk_digest *digest;
    struct kk_buffer head; /* of one record */
    struct kk_buffer blob;
};

static void writing_clear(struct writing *writing)
{
    kk_digest_free(writing->digest);
    kk_buffer_clear(&writing->head);
    kk_buffer_clear(&writing->blob);
}

/* `head` holds the payload's beginning, `rest` is the rest of it. */
static KK_RV put_record(struct writing *writing, enum record_kind kind, struct kk_span rest)
{
    uint8_t frame[FRAME_LEN] = {(uint8_t)kind};
    KK_TRY(kk_buffer_check(&writing->head));
    kk_store_u32(frame + 1, (uint32_t)(writing->head.len + rest.len));
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(frame), kk_buffer_span(&writing->head), rest};
    for (size_t i = 0; i < KK_ARRAY_LEN(pieces); i++) {
        if (kind != RECORD_END && pieces[i].len > 0) {
            KK_TRY(kk_digest_update(writing->digest, pieces[i]));
        }
        KK_TRY(kk_backup_chunks_put(writing->chunks, pieces[i]));
    }
    writing->head.len = 0;
    return CKR_OK;
}

static KK_RV put_token(struct writing *writing)
{
    const struct kk_backup_info *info = writing->info;
    kk_buffer_put_u16(&writing->head, BODY_VERSION);
    kk_buffer_put(&writing->head, info->serial, sizeof info->serial);
    kk_buffer_put(&writing->head, info->label, sizeof info->label);
    kk_buffer_put_u64(&writing->head, info->made_at);
    kk_buffer_put_u8(&writing->head, (info->needs_pepper ? FLAG_NEEDS_PEPPER : 0) |
                                         (info->needs_tpm ? FLAG_NEEDS_TPM : 0));
    return put_record(writing, RECORD_TOKEN, KK_SPAN(NULL, 0));
}

static CK_RV put_row(const struct kk_store_row *row, void *context)
{
    struct writing *writing = context;
    kk_buffer_put_u32(&writing->head, row->table);
    kk_buffer_put_u32(&writing->head, row->no);
    kk_buffer_put_u64(&writing->head, row->generation);
    kk_buffer_put(&writing->head, row->tag, sizeof row->tag);
    writing->info->rows++;
    return put_record(writing, RECORD_ROW, row->blob);
}

static CK_RV put_object(const struct kk_store_object *found, void *context)
{
    struct writing *writing = context;
    struct kk_store_object object = {0};
    KK_TRY(writing->tx->ops->object_get(writing->tx, &found->uuid, &object, &writing->blob));
    kk_buffer_put(&writing->head, object.uuid.bytes, sizeof object.uuid.bytes);
    kk_buffer_put_u8(&writing->head, object.is_private ? 1 : 0);
    kk_buffer_put_u64(&writing->head, object.generation);
    kk_buffer_put(&writing->head, object.tag, sizeof object.tag);
    kk_buffer_put_u32(&writing->head, object.columns_set);
    for (size_t i = 0; i < KK_STORE_COLUMNS; i++) {
        bool is_set = (object.columns_set >> i & 1) != 0;
        kk_buffer_put_u64(&writing->head, is_set ? object.columns[i] : 0);
    }
    *(object.is_private ? &writing->info->private_objects : &writing->info->public_objects) += 1;
    return put_record(writing, RECORD_OBJECT, object.blob);
}

static KK_RV put_end(struct writing *writing)
{
    uint8_t digest[KK_SHA256_SIZE];
    KK_TRY(kk_digest_finish(writing->digest, digest));
    kk_buffer_put_u64(&writing->head, writing->info->rows);
    kk_buffer_put_u64(&writing->head, writing->info->private_objects);
    kk_buffer_put_u64(&writing->head, writing->info->public_objects);
    kk_buffer_put(&writing->head, digest, sizeof digest);
    return put_record(writing, RECORD_END, KK_SPAN(NULL, 0));
}

KK_RV kk_backup_records_put(struct kk_store_tx *tx, struct kk_backup_chunks *chunks,
                            struct kk_backup_info *info)
{
    KK_CLEANUP(writing_clear) struct writing writing = {
        .tx = tx, .chunks = chunks, .info = info, .blob = {.wipe = true}, .head = {.wipe = true}};
    KK_TRY(kk_digest_new(chunks->crypto, "SHA256", &writing.digest));
    KK_TRY(kk_digest_start(writing.digest));
    KK_TRY(put_token(&writing));
    KK_TRY(each_row(tx, put_row, &writing));
    for (size_t i = 0; i < KK_ARRAY_LEN(sides); i++) {
        KK_TRY(tx->ops->object_find(tx, sides[i], NULL, 0, put_object, &writing));
    }
    KK_TRY(put_end(&writing));
    return kk_backup_chunks_finish(chunks);
}

/* ---- reading ---- */

struct reading {
    struct kk_store_tx *tx;
    struct kk_backup_chunks *chunks;
    struct kk_backup_info *info;
    struct kk_digest *digest;
    struct kk_buffer payload;
    enum record_kind kind;
    uint32_t table, no;  /* of the last row */
    struct kk_uuid uuid; /* of the last object */
    bool has_row, has_object, is_public;
};

static void reading_clear(struct reading *reading)
{
    kk_digest_free(reading->digest);
    kk_buffer_clear(&reading->payload);
}

/* Copies `len` bytes; nothing after the reader failed. */
static void take(struct kk_reader *reader, void *out, size_t len)
{
    struct kk_span span = kk_reader_take(reader, len);
    if (span.len == len) {
        memcpy(out, span.data, len);
    }
}

/* The next record, into `kind` and `payload`. A record claims no more memory than a store's record
 * may have, and gets it as its bytes come. */
static KK_RV take_record(struct reading *reading)
{
    uint8_t frame[FRAME_LEN];
    KK_TRY(kk_backup_chunks_take(reading->chunks, frame, sizeof frame));
    size_t len = kk_load_u32(frame + 1);
    KK_ENSURE(frame[0] >= RECORD_TOKEN && frame[0] <= RECORD_END && len <= PAYLOAD_MAX,
              CKR_ENCRYPTED_DATA_INVALID);
    reading->kind = (enum record_kind)frame[0];
    reading->payload.len = 0;
    for (size_t done = 0; done < len;) {
        size_t piece = KK_MIN(len - done, KK_BACKUP_CHUNK);
        uint8_t *to = kk_buffer_extend(&reading->payload, piece);
        KK_TRY(kk_buffer_check(&reading->payload));
        KK_TRY(kk_backup_chunks_take(reading->chunks, to, piece));
        done += piece;
    }
    if (reading->kind != RECORD_END) {
        KK_TRY(kk_digest_update(reading->digest, KK_SPAN_ARRAY(frame)));
        KK_TRY(kk_digest_update(reading->digest, kk_buffer_span(&reading->payload)));
    }
    return CKR_OK;
}

static KK_RV take_token(struct reading *reading)
{
    struct kk_reader reader = {0};
    KK_TRY(take_record(reading));
    reader = kk_reader_new(kk_buffer_span(&reading->payload));
    uint16_t version = kk_reader_u16(&reader);
    KK_ENSURE(reading->kind == RECORD_TOKEN && !reader.failed, CKR_ENCRYPTED_DATA_INVALID);
    KK_ENSURE(version == BODY_VERSION, CKR_TOKEN_NOT_RECOGNIZED);
    take(&reader, reading->info->serial, sizeof reading->info->serial);
    take(&reader, reading->info->label, sizeof reading->info->label);
    reading->info->made_at = kk_reader_u64(&reader);
    uint8_t flags = kk_reader_u8(&reader);
    reading->info->needs_pepper = (flags & FLAG_NEEDS_PEPPER) != 0;
    reading->info->needs_tpm = (flags & FLAG_NEEDS_TPM) != 0;
    KK_ENSURE(kk_reader_done(&reader), CKR_ENCRYPTED_DATA_INVALID);
    return CKR_OK;
}

/* Rows come first, by table and number. */
static bool row_is_next(const struct reading *reading, const struct kk_store_row *row)
{
    bool follows = !reading->has_row || row->table > reading->table ||
                   (row->table == reading->table && row->no > reading->no);
    return follows && !reading->has_object && row->table > 0 && row->table < KK_BACKUP_TABLES;
}

static KK_RV take_row(struct reading *reading)
{
    struct kk_store_row row = {0};
    struct kk_reader reader = kk_reader_new(kk_buffer_span(&reading->payload));
    row.table = kk_reader_u32(&reader);
    row.no = kk_reader_u32(&reader);
    row.generation = kk_reader_u64(&reader);
    take(&reader, row.tag, sizeof row.tag);
    row.blob = reader.rest;
    KK_ENSURE(!reader.failed && row_is_next(reading, &row), CKR_ENCRYPTED_DATA_INVALID);
    reading->has_row = true;
    reading->table = row.table;
    reading->no = row.no;
    reading->info->rows++;
    return reading->tx->ops->row_put(reading->tx, &row);
}

/* Private ones before public ones, each by uuid. */
static bool object_is_next(const struct reading *reading, const struct kk_store_object *object)
{
    bool is_public = !object->is_private;
    if (!reading->has_object || (is_public && !reading->is_public)) {
        return true;
    }
    return is_public == reading->is_public && kk_uuid_compare(&reading->uuid, &object->uuid) < 0;
}

static KK_RV take_object(struct reading *reading)
{
    struct kk_store_object object = {0};
    struct kk_reader reader = kk_reader_new(kk_buffer_span(&reading->payload));
    take(&reader, object.uuid.bytes, sizeof object.uuid.bytes);
    uint8_t is_private = kk_reader_u8(&reader);
    object.is_private = is_private == 1;
    object.generation = kk_reader_u64(&reader);
    take(&reader, object.tag, sizeof object.tag);
    object.columns_set = kk_reader_u32(&reader);
    for (size_t i = 0; i < KK_STORE_COLUMNS; i++) {
        object.columns[i] = kk_reader_u64(&reader);
    }
    object.blob = reader.rest;
    KK_ENSURE(!reader.failed && is_private <= 1 && object_is_next(reading, &object) &&
                  object.columns_set >> KK_STORE_COLUMNS == 0,
              CKR_ENCRYPTED_DATA_INVALID);
    reading->has_object = true;
    reading->is_public = !object.is_private;
    reading->uuid = object.uuid;
    *(object.is_private ? &reading->info->private_objects : &reading->info->public_objects) += 1;
    return reading->tx->ops->object_put(reading->tx, &object);
}

static KK_RV take_end(struct reading *reading)
{
    uint8_t wanted[KK_SHA256_SIZE];
    uint8_t digest[KK_SHA256_SIZE] = {0};
    struct kk_reader reader = kk_reader_new(kk_buffer_span(&reading->payload));
    uint64_t rows = kk_reader_u64(&reader);
    uint64_t private_objects = kk_reader_u64(&reader);
    uint64_t public_objects = kk_reader_u64(&reader);
    take(&reader, digest, sizeof digest);
    KK_TRY(kk_digest_finish(reading->digest, wanted));
    KK_ENSURE(kk_reader_done(&reader) && rows == reading->info->rows &&
                  private_objects == reading->info->private_objects &&
                  public_objects == reading->info->public_objects &&
                  kk_mem_equal(digest, sizeof digest, wanted, sizeof wanted),
              CKR_ENCRYPTED_DATA_INVALID);
    return kk_backup_chunks_done(reading->chunks);
}

/* A uuid may stand on one side only: two objects of one uuid would be one in the store. */
static KK_RV check_counts(const struct reading *reading)
{
    uint64_t counts[KK_ARRAY_LEN(sides)] = {0};
    for (size_t i = 0; i < KK_ARRAY_LEN(sides); i++) {
        KK_TRY(reading->tx->ops->object_count(reading->tx, sides[i], &counts[i]));
    }
    KK_ENSURE(counts[0] == reading->info->private_objects &&
                  counts[1] == reading->info->public_objects,
              CKR_ENCRYPTED_DATA_INVALID);
    return CKR_OK;
}

static KK_RV take_all(struct reading *reading)
{
    KK_TRY(take_token(reading));
    for (;;) {
        KK_TRY(take_record(reading));
        switch (reading->kind) {
        case RECORD_ROW:
            KK_TRY(take_row(reading));
            break;
        case RECORD_OBJECT:
            KK_TRY(take_object(reading));
            break;
        case RECORD_END:
            KK_TRY(take_end(reading));
            return check_counts(reading);
        case RECORD_TOKEN:
            return CKR_ENCRYPTED_DATA_INVALID;
        }
    }
}

KK_RV kk_backup_records_take(struct kk_backup_chunks *chunks, struct kk_store_tx *tx,
                             struct kk_backup_info *info)
{
    KK_CLEANUP(reading_clear) struct reading reading = {
        .tx = tx, .chunks = chunks, .info = info, .payload = {.wipe = true}};
    KK_TRY(kk_digest_new(chunks->crypto, "SHA256", &reading.digest));
    KK_TRY(kk_digest_start(reading.digest));
    CK_RV rv = take_all(&reading);
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        kk_log_error("backup: it is not whole, or not what a backup holds");
    }
    return rv;
}

/* ---- copying ---- */

struct copying {
    struct kk_store_tx *from, *to;
    struct kk_buffer blob;
};

static void copying_clear(struct copying *copying)
{
    kk_buffer_clear(&copying->blob);
}

static CK_RV copy_row(const struct kk_store_row *row, void *context)
{
    struct copying *copying = context;
    return copying->to->ops->row_put(copying->to, row);
}

static CK_RV copy_object(const struct kk_store_object *found, void *context)
{
    struct copying *copying = context;
    struct kk_store_object object = {0};
    KK_TRY(copying->from->ops->object_get(copying->from, &found->uuid, &object, &copying->blob));
    return copying->to->ops->object_put(copying->to, &object);
}

KK_RV kk_backup_copy(struct kk_store_tx *from, struct kk_store_tx *to)
{
    KK_CLEANUP(copying_clear) struct copying copying = {.from = from, .to = to};
    KK_TRY(each_row(from, copy_row, &copying));
    for (size_t i = 0; i < KK_ARRAY_LEN(sides); i++) {
        KK_TRY(from->ops->object_find(from, sides[i], NULL, 0, copy_object, &copying));
    }
    return CKR_OK;
}
