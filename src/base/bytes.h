/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spans (borrowed bytes), buffers that grow, and a reader: big-endian numbers, bounds checked once,
 * here. A buffer and a reader remember their first failure, so that a codec checks once at its end.
 */
#pragma once

#include "base/macros.h"

/* Borrowed bytes. data may be NULL when len is 0. */
struct kk_span {
    const uint8_t *data;
    size_t len;
};

#define KK_SPAN(pointer, length) ((struct kk_span){(const uint8_t *)(pointer), (length)})
#define KK_SPAN_TEXT(text) ((struct kk_span){(const uint8_t *)(text), sizeof(text) - 1})
#define KK_SPAN_ARRAY(array) ((struct kk_span){(const uint8_t *)(array), sizeof(array)})

bool kk_span_equal(struct kk_span a, struct kk_span b);

/* An order of spans, byte by byte and then by length: below 0, 0, above. Not for secrets. */
int kk_span_compare(struct kk_span a, struct kk_span b);

/* Growing bytes. Zero-initialise; free with kk_buffer_clear(). With `wipe` set, memory is wiped
 * before it is given back (also when it grows). */
struct kk_buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    bool wipe;
    bool failed;
};

void kk_buffer_put(struct kk_buffer *buffer, const void *data, size_t len);
void kk_buffer_put_span(struct kk_buffer *buffer, struct kk_span span);
void kk_buffer_put_u8(struct kk_buffer *buffer, uint8_t value);
void kk_buffer_put_u16(struct kk_buffer *buffer, uint16_t value);
void kk_buffer_put_u32(struct kk_buffer *buffer, uint32_t value);
void kk_buffer_put_u64(struct kk_buffer *buffer, uint64_t value);

/* Room for `len` more bytes that the caller fills; NULL after a failure. */
uint8_t *kk_buffer_extend(struct kk_buffer *buffer, size_t len);

/* CKR_HOST_MEMORY when any put failed. */
KK_RV kk_buffer_check(const struct kk_buffer *buffer);

/* The bytes, the buffer keeps them. */
struct kk_span kk_buffer_span(const struct kk_buffer *buffer);

/* Frees the bytes (wiping them if asked) and zeroes the buffer. NULL is fine. */
void kk_buffer_clear(struct kk_buffer *buffer);

/* Reads from a span. After the first failure every read gives 0 or an empty span. */
struct kk_reader {
    struct kk_span rest;
    bool failed;
};

static inline struct kk_reader kk_reader_new(struct kk_span span)
{
    return (struct kk_reader){.rest = span, .failed = false};
}

uint8_t kk_reader_u8(struct kk_reader *reader);
uint16_t kk_reader_u16(struct kk_reader *reader);
uint32_t kk_reader_u32(struct kk_reader *reader);
uint64_t kk_reader_u64(struct kk_reader *reader);
struct kk_span kk_reader_take(struct kk_reader *reader, size_t len);

/* True when nothing failed and nothing is left over. */
bool kk_reader_done(const struct kk_reader *reader);

static inline void kk_store_u32(uint8_t out[4], uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

static inline void kk_store_u64(uint8_t out[8], uint64_t value)
{
    kk_store_u32(out, (uint32_t)(value >> 32));
    kk_store_u32(out + 4, (uint32_t)value);
}

static inline uint32_t kk_load_u32(const uint8_t in[4])
{
    return ((uint32_t)in[0] << 24) | ((uint32_t)in[1] << 16) | ((uint32_t)in[2] << 8) | in[3];
}

static inline uint64_t kk_load_u64(const uint8_t in[8])
{
    return ((uint64_t)kk_load_u32(in) << 32) | kk_load_u32(in + 4);
}
