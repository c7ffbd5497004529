/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much DER as keys need.
 */
#include "crypto/der.h"

#include <string.h>

#include "base/banned.h"

#define LONGEST_LENGTH 5 /* 0x84 and four bytes */

static size_t length_encode(size_t len, uint8_t out[LONGEST_LENGTH])
{
    if (len < 0x80) {
        out[0] = (uint8_t)len;
        return 1;
    }
    size_t bytes = len < 0x100 ? 1 : len < 0x10000 ? 2 : len < 0x1000000 ? 3 : 4;
    out[0] = (uint8_t)(0x80 | bytes);
    for (size_t i = 0; i < bytes; i++) {
        out[1 + i] = (uint8_t)(len >> (8 * (bytes - 1 - i)));
    }
    return bytes + 1;
}

size_t kk_der_begin(struct kk_buffer *buffer, uint8_t tag)
{
    kk_buffer_put_u8(buffer, tag);
    return buffer->len;
}

void kk_der_end(struct kk_buffer *buffer, size_t mark)
{
    if (buffer->failed) {
        return;
    }
    uint8_t length[LONGEST_LENGTH];
    size_t content = buffer->len - mark;
    size_t bytes = length_encode(content, length);
    if (content > UINT32_MAX || kk_buffer_extend(buffer, bytes) == NULL) {
        buffer->failed = true;
        return;
    }
    memmove(buffer->data + mark + bytes, buffer->data + mark, content);
    memcpy(buffer->data + mark, length, bytes);
}

void kk_der_put(struct kk_buffer *buffer, uint8_t tag, struct kk_span content)
{
    size_t mark = kk_der_begin(buffer, tag);
    kk_buffer_put_span(buffer, content);
    kk_der_end(buffer, mark);
}

struct kk_span kk_strip_zeros(struct kk_span number)
{
    while (number.len > 0 && number.data[0] == 0) {
        number.data++;
        number.len--;
    }
    return number;
}

void kk_der_put_integer(struct kk_buffer *buffer, struct kk_span number)
{
    struct kk_span bare = kk_strip_zeros(number);
    size_t mark = kk_der_begin(buffer, KK_DER_INTEGER);
    if (bare.len == 0 || (bare.data[0] & 0x80) != 0) {
        kk_buffer_put_u8(buffer, 0);
    }
    kk_buffer_put_span(buffer, bare);
    kk_der_end(buffer, mark);
}

void kk_der_put_bits(struct kk_buffer *buffer, struct kk_span bytes)
{
    size_t mark = kk_der_begin(buffer, KK_DER_BIT_STRING);
    kk_buffer_put_u8(buffer, 0);
    kk_buffer_put_span(buffer, bytes);
    kk_der_end(buffer, mark);
}

bool kk_der_next_is(const struct kk_reader *reader, uint8_t tag)
{
    return !reader->failed && reader->rest.len > 0 && reader->rest.data[0] == tag;
}

/* Definite lengths in their shortest form only. */
static size_t take_length(struct kk_reader *reader)
{
    uint8_t first = kk_reader_u8(reader);
    if (first < 0x80) {
        return first;
    }
    size_t bytes = first & 0x7fU;
    size_t len = 0;
    if (bytes == 0 || bytes > 4) {
        reader->failed = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) {
        len = len << 8 | kk_reader_u8(reader);
    }
    uint8_t shortest[LONGEST_LENGTH];
    if (length_encode(len, shortest) != bytes + 1) {
        reader->failed = true;
    }
    return len;
}

struct kk_span kk_der_take(struct kk_reader *reader, uint8_t tag)
{
    if (!kk_der_next_is(reader, tag)) {
        reader->failed = true;
        return KK_SPAN(NULL, 0);
    }
    (void)kk_reader_u8(reader);
    size_t len = take_length(reader);
    return kk_reader_take(reader, len);
}

struct kk_span kk_der_take_any(struct kk_reader *reader)
{
    const uint8_t *start = reader->rest.data;
    (void)kk_reader_u8(reader);
    size_t len = take_length(reader);
    (void)kk_reader_take(reader, len);
    if (reader->failed) {
        return KK_SPAN(NULL, 0);
    }
    return KK_SPAN(start, (size_t)(reader->rest.data - start));
}

struct kk_reader kk_der_enter(struct kk_reader *reader, uint8_t tag)
{
    struct kk_reader inner = kk_reader_new(kk_der_take(reader, tag));
    inner.failed = reader->failed;
    return inner;
}

struct kk_span kk_der_take_integer(struct kk_reader *reader)
{
    struct kk_span number = kk_der_take(reader, KK_DER_INTEGER);
    bool is_negative = number.len > 0 && (number.data[0] & 0x80) != 0;
    bool is_longer = number.len > 1 && number.data[0] == 0 && (number.data[1] & 0x80) == 0;
    if (number.len == 0 || is_negative || is_longer) {
        reader->failed = true;
        return KK_SPAN(NULL, 0);
    }
    return kk_strip_zeros(number);
}

struct kk_span kk_der_take_bits(struct kk_reader *reader)
{
    struct kk_span bits = kk_der_take(reader, KK_DER_BIT_STRING);
    if (bits.len == 0 || bits.data[0] != 0) {
        reader->failed = true;
        return KK_SPAN(NULL, 0);
    }
    return KK_SPAN(bits.data + 1, bits.len - 1);
}
