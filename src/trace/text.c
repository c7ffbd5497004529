/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small pieces of text.
 */
#include "trace/text.h"

#include <string.h>

#include "base/banned.h"

static const char digits[] = "0123456789abcdef";

void kk_trace_put(struct kk_buffer *out, const char *text)
{
    kk_buffer_put(out, text, strlen(text));
}

static void put_in_base(struct kk_buffer *out, uint64_t value, unsigned int base)
{
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value > 0);
    kk_buffer_put(out, text + at, sizeof text - at);
}

void kk_trace_put_number(struct kk_buffer *out, uint64_t value)
{
    put_in_base(out, value, 10);
}

void kk_trace_put_hex_number(struct kk_buffer *out, uint64_t value)
{
    kk_trace_put(out, "0x");
    put_in_base(out, value, 16);
}

static void put_pair(struct kk_buffer *out, uint8_t byte)
{
    kk_buffer_put_u8(out, (uint8_t)digits[byte >> 4]);
    kk_buffer_put_u8(out, (uint8_t)digits[byte & 15]);
}

void kk_trace_put_text(struct kk_buffer *out, struct kk_span text)
{
    kk_trace_put(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\') {
            kk_buffer_put_u8(out, '\\');
            kk_buffer_put_u8(out, byte);
        } else if (byte >= 0x20 && byte < 0x7f) {
            kk_buffer_put_u8(out, byte);
        } else {
            kk_trace_put(out, "\\x");
            put_pair(out, byte);
        }
    }
    kk_trace_put(out, "\"");
}

void kk_trace_put_hex(struct kk_buffer *out, struct kk_span bytes)
{
    kk_trace_put(out, "x'");
    for (size_t i = 0; i < bytes.len; i++) {
        put_pair(out, bytes.data[i]);
    }
    kk_trace_put(out, "'");
}

void kk_trace_put_length(struct kk_buffer *out, uint64_t len, const char *more)
{
    kk_trace_put(out, "<");
    kk_trace_put_number(out, len);
    kk_trace_put(out, len == 1 ? " byte" : " bytes");
    kk_trace_put(out, more);
    kk_trace_put(out, ">");
}

void kk_trace_put_word(struct kk_buffer *out, const char *name, CK_ULONG value)
{
    if (name != NULL) {
        kk_trace_put(out, name);
    } else {
        kk_trace_put_hex_number(out, value);
    }
}
