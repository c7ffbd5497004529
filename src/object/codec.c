/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record codec. The length is computed first, so that a record is written once, into secret
 * memory of its exact size; the decoder believes nothing.
 */
#include "object/codec.h"

#include "base/memory.h"
#include "object/attr_type.h"

#include "base/banned.h"

#define RECORD_VERSION 1
#define HEADER_BYTES 8     /* version, flags, count */
#define NESTED_HEADER 4    /* count */
#define ROW_HEADER_BYTES 9 /* type, kind, length */

/* The bytes that one set takes behind its header; 0 when that is too much. */
static size_t rows_size(const struct kk_attrs *attrs, unsigned int depth);

static size_t value_size(const struct kk_attr *attr, unsigned int depth)
{
    switch (attr->kind) {
    case KK_ATTR_BOOL:
        return 1;
    case KK_ATTR_ULONG:
        return 8;
    case KK_ATTR_MECHANISMS:
        return attr->len * 8;
    case KK_ATTR_TEMPLATE:
        return NESTED_HEADER + rows_size(attr->value.nested, depth + 1);
    default:
        return attr->len;
    }
}

/* Sizes add up without overflow: at most KK_ATTRS_COUNT_MAX rows a set, each of which is cut at a
 * little more than KK_RECORD_MAX, KK_ATTRS_DEPTH sets deep. */
static size_t rows_size(const struct kk_attrs *attrs, unsigned int depth)
{
    if (depth > KK_ATTRS_DEPTH) {
        return KK_RECORD_MAX;
    }
    size_t size = 0;
    for (size_t i = 0; i < attrs->count && size <= KK_RECORD_MAX; i++) {
        size_t value = value_size(&attrs->rows[i], depth);
        size += ROW_HEADER_BYTES + KK_MIN(value, KK_RECORD_MAX);
    }
    return KK_MIN(size, KK_RECORD_MAX);
}

size_t kk_record_size(const struct kk_attrs *attrs)
{
    return HEADER_BYTES + rows_size(attrs, 0);
}

/* A cursor in memory that is known to be large enough. */
struct writer {
    uint8_t *at;
};

static void put_u32(struct writer *writer, uint32_t value)
{
    kk_store_u32(writer->at, value);
    writer->at += 4;
}

static void put_u64(struct writer *writer, uint64_t value)
{
    kk_store_u64(writer->at, value);
    writer->at += 8;
}

static void put_u8(struct writer *writer, uint8_t value)
{
    *writer->at++ = value;
}

static void put_bytes(struct writer *writer, const uint8_t *data, size_t len)
{
    if (len > 0) {
        memcpy(writer->at, data, len);
        writer->at += len;
    }
}

static void put_rows(struct writer *writer, const struct kk_attrs *attrs, unsigned int depth);

static void put_value(struct writer *writer, const struct kk_attr *attr, unsigned int depth)
{
    switch (attr->kind) {
    case KK_ATTR_BOOL:
        put_u8(writer, attr->value.flag ? 1 : 0);
        return;
    case KK_ATTR_ULONG:
        put_u64(writer, attr->value.number);
        return;
    case KK_ATTR_MECHANISMS:
        for (size_t i = 0; i < attr->len; i++) {
            put_u64(writer, attr->value.mechanisms[i]);
        }
        return;
    case KK_ATTR_TEMPLATE:
        put_u32(writer, (uint32_t)attr->value.nested->count);
        put_rows(writer, attr->value.nested, depth + 1);
        return;
    case KK_ATTR_BYTES:
        put_bytes(writer, kk_attr_bytes(attr).data, attr->len);
        return;
    default:
        put_bytes(writer, attr->value.bytes, attr->len);
        return;
    }
}

static void put_rows(struct writer *writer, const struct kk_attrs *attrs, unsigned int depth)
{
    for (size_t i = 0; i < attrs->count; i++) {
        const struct kk_attr *attr = &attrs->rows[i];
        put_u32(writer, (uint32_t)attr->type);
        put_u8(writer, attr->kind);
        put_u32(writer, (uint32_t)value_size(attr, depth));
        put_value(writer, attr, depth);
    }
}

/* What the format has no room for. The policy lets none of it in. */
static bool attrs_are_encodable(const struct kk_attrs *attrs, unsigned int depth)
{
    if (depth > KK_ATTRS_DEPTH) {
        return false;
    }
    for (size_t i = 0; i < attrs->count; i++) {
        const struct kk_attr *attr = &attrs->rows[i];
        uint64_t type = attr->type; /* CK_ULONG has 32 bits on some systems */
        if (type > UINT32_MAX) {
            return false;
        }
        if (attr->kind == KK_ATTR_TEMPLATE && !attrs_are_encodable(attr->value.nested, depth + 1)) {
            return false;
        }
    }
    return true;
}

KK_RV kk_record_encode(const struct kk_attrs *attrs, struct kk_secret **ret_record)
{
    KK_ENSURE(attrs_are_encodable(attrs, 0), CKR_TEMPLATE_INCONSISTENT);
    size_t size = kk_record_size(attrs);
    KK_ENSURE(size <= KK_RECORD_MAX, CKR_DEVICE_MEMORY);
    struct kk_secret *record = NULL;
    KK_TRY(kk_secret_new(size, &record));

    struct writer writer = {kk_secret_data(record)};
    put_u32(&writer, (uint32_t)RECORD_VERSION << 16);
    put_u32(&writer, (uint32_t)attrs->count);
    put_rows(&writer, attrs, 0);
    KK_ASSERT(writer.at == kk_secret_data(record) + size);
    *ret_record = record;
    return CKR_OK;
}

/* One set being read: its class decides which of its bytes are secret. */
struct decoding {
    struct kk_reader reader;
    struct kk_attrs *attrs;
    unsigned int depth;
};

static KK_RV take_rows(struct decoding *decoding, uint32_t count);

static KK_RV take_nested(struct decoding *outer, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(outer->depth < KK_ATTRS_DEPTH, CKR_DEVICE_ERROR);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *nested = NULL;
    KK_TRY(kk_attrs_new(&nested));
    struct decoding inner = {kk_reader_new(value), nested, outer->depth + 1};
    uint32_t count = kk_reader_u32(&inner.reader);
    KK_TRY(take_rows(&inner, count));
    return kk_attrs_set_template(outer->attrs, type, nested);
}

static KK_RV take_mechanisms(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(value.len % 8 == 0, CKR_DEVICE_ERROR);
    size_t count = value.len / 8;
    KK_CLEANUP(kk_freep) uint64_t *values = NULL;
    KK_TRY(kk_alloc_array(count, sizeof(uint64_t), &values));
    for (size_t i = 0; i < count; i++) {
        values[i] = kk_load_u64(value.data + 8 * i);
    }
    return kk_attrs_set_mechanisms(attrs, type, values, count);
}

static KK_RV take_bytes(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    uint64_t object_class = kk_attrs_number(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    if (kk_attr_type_is_secret_of((CK_OBJECT_CLASS)object_class, type)) {
        return kk_attrs_set_secret(attrs, type, value);
    }
    return kk_attrs_set_bytes(attrs, type, value);
}

static KK_RV take_value(struct decoding *decoding, CK_ATTRIBUTE_TYPE type, uint8_t kind,
                        struct kk_span value)
{
    struct kk_attrs *attrs = decoding->attrs;
    switch (kind) {
    case KK_ATTR_BOOL:
        KK_ENSURE(value.len == 1 && value.data[0] <= 1, CKR_DEVICE_ERROR);
        return kk_attrs_set_flag(attrs, type, value.data[0] == 1);
    case KK_ATTR_ULONG:
        KK_ENSURE(value.len == 8, CKR_DEVICE_ERROR);
        return kk_attrs_set_number(attrs, type, kk_load_u64(value.data));
    case KK_ATTR_BYTES:
        return take_bytes(attrs, type, value);
    case KK_ATTR_TEMPLATE:
        return take_nested(decoding, type, value);
    case KK_ATTR_MECHANISMS:
        return take_mechanisms(attrs, type, value);
    default:
        return kk_attrs_set_raw(attrs, type, kind, value);
    }
}

static KK_RV take_rows(struct decoding *decoding, uint32_t count)
{
    struct kk_reader *reader = &decoding->reader;
    KK_ENSURE(count <= KK_ATTRS_COUNT_MAX, CKR_DEVICE_ERROR);
    uint32_t least = 0; /* the lowest type that may come next */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t type = kk_reader_u32(reader);
        uint8_t kind = kk_reader_u8(reader);
        struct kk_span value = kk_reader_take(reader, kk_reader_u32(reader));
        KK_ENSURE(!reader->failed && type >= least, CKR_DEVICE_ERROR);
        KK_ENSURE(type < UINT32_MAX || i + 1 == count, CKR_DEVICE_ERROR);
        KK_TRY(take_value(decoding, type, kind, value));
        least = type + 1;
    }
    KK_ENSURE(kk_reader_done(reader), CKR_DEVICE_ERROR);
    return CKR_OK;
}

KK_RV kk_record_decode(struct kk_span record, struct kk_attrs **ret_attrs)
{
    KK_ENSURE(record.len <= KK_RECORD_MAX, CKR_DEVICE_ERROR);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_new(&attrs));
    struct decoding decoding = {kk_reader_new(record), attrs, 0};
    uint16_t version = kk_reader_u16(&decoding.reader);
    uint16_t flags = kk_reader_u16(&decoding.reader);
    uint32_t count = kk_reader_u32(&decoding.reader);
    KK_ENSURE(version == RECORD_VERSION && flags == 0, CKR_DEVICE_ERROR);
    KK_TRY(take_rows(&decoding, count));
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}
