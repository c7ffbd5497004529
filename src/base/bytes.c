/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that grow and readers that do not overrun.
 */
#include "base/bytes.h"

#include "base/memory.h"

#include "base/banned.h"

#define BUFFER_FIRST_CAPACITY 64

bool kk_span_equal(struct kk_span a, struct kk_span b)
{
    return kk_mem_equal(a.data, a.len, b.data, b.len);
}

int kk_span_compare(struct kk_span a, struct kk_span b)
{
    size_t len = KK_MIN(a.len, b.len);
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Moves the bytes to a bigger place. Not realloc(), which would leave a copy of them unwiped. */
static KK_RV buffer_grow(struct kk_buffer *buffer, size_t needed)
{
    size_t capacity = KK_MAX(buffer->capacity, BUFFER_FIRST_CAPACITY);
    while (capacity < needed) {
        KK_ENSURE(kk_mul(capacity, 2, &capacity), CKR_HOST_MEMORY);
    }

    uint8_t *data = NULL;
    KK_TRY(kk_alloc(capacity, &data));
    if (buffer->len > 0) {
        memcpy(data, buffer->data, buffer->len);
    }
    if (buffer->wipe) {
        kk_wipe(buffer->data, buffer->capacity);
    }
    kk_free(buffer->data);
    buffer->data = data;
    buffer->capacity = capacity;
    return CKR_OK;
}

uint8_t *kk_buffer_extend(struct kk_buffer *buffer, size_t len)
{
    size_t needed = 0;
    if (buffer->failed || !kk_add(buffer->len, len, &needed)) {
        buffer->failed = true;
        return NULL;
    }
    bool is_to_grow = buffer->data == NULL || needed > buffer->capacity;
    if (is_to_grow && buffer_grow(buffer, needed) != CKR_OK) {
        buffer->failed = true;
        return NULL;
    }
    uint8_t *room = buffer->data + buffer->len;
    buffer->len = needed;
    return room;
}

void kk_buffer_put(struct kk_buffer *buffer, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }
    uint8_t *room = kk_buffer_extend(buffer, len);
    if (room != NULL) {
        memcpy(room, data, len);
    }
}

void kk_buffer_put_span(struct kk_buffer *buffer, struct kk_span span)
{
    kk_buffer_put(buffer, span.data, span.len);
}

/* The last `len` bytes of `value`, the high one first. */
static void put_number(struct kk_buffer *buffer, uint64_t value, size_t len)
{
    uint8_t bytes[8];
    kk_store_u64(bytes, value);
    kk_buffer_put(buffer, bytes + sizeof bytes - len, len);
}

void kk_buffer_put_u8(struct kk_buffer *buffer, uint8_t value)
{
    put_number(buffer, value, 1);
}

void kk_buffer_put_u16(struct kk_buffer *buffer, uint16_t value)
{
    put_number(buffer, value, 2);
}

void kk_buffer_put_u32(struct kk_buffer *buffer, uint32_t value)
{
    put_number(buffer, value, 4);
}

void kk_buffer_put_u64(struct kk_buffer *buffer, uint64_t value)
{
    put_number(buffer, value, 8);
}

KK_RV kk_buffer_check(const struct kk_buffer *buffer)
{
    KK_ENSURE(!buffer->failed, CKR_HOST_MEMORY);
    return CKR_OK;
}

struct kk_span kk_buffer_span(const struct kk_buffer *buffer)
{
    return KK_SPAN(buffer->data, buffer->len);
}

void kk_buffer_clear(struct kk_buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    if (buffer->wipe) {
        kk_wipe(buffer->data, buffer->capacity);
    }
    kk_free(buffer->data);
    *buffer = (struct kk_buffer){.wipe = buffer->wipe};
}

struct kk_span kk_reader_take(struct kk_reader *reader, size_t len)
{
    if (reader->failed || len > reader->rest.len) {
        reader->failed = true;
        return KK_SPAN(NULL, 0);
    }
    struct kk_span taken = {reader->rest.data, len};
    if (len > 0) {
        reader->rest.data += len;
        reader->rest.len -= len;
    }
    return taken;
}

static uint64_t take_number(struct kk_reader *reader, size_t len)
{
    struct kk_span bytes = kk_reader_take(reader, len);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.data[i];
    }
    return value;
}

uint8_t kk_reader_u8(struct kk_reader *reader)
{
    return (uint8_t)take_number(reader, 1);
}

uint16_t kk_reader_u16(struct kk_reader *reader)
{
    return (uint16_t)take_number(reader, 2);
}

uint32_t kk_reader_u32(struct kk_reader *reader)
{
    return (uint32_t)take_number(reader, 4);
}

uint64_t kk_reader_u64(struct kk_reader *reader)
{
    return take_number(reader, 8);
}

bool kk_reader_done(const struct kk_reader *reader)
{
    return !reader->failed && reader->rest.len == 0;
}
