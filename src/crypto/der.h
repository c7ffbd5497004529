/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much DER as keys need: a writer on struct kk_buffer and a strict reader on struct kk_reader.
 * A failure stays in the buffer or the reader, so that one check at the end is enough.
 */
#pragma once

#include "base/bytes.h"

#define KK_DER_INTEGER 0x02
#define KK_DER_BIT_STRING 0x03
#define KK_DER_OCTET_STRING 0x04
#define KK_DER_NULL 0x05
#define KK_DER_OID 0x06
#define KK_DER_PRINTABLE_STRING 0x13
#define KK_DER_SEQUENCE 0x30
#define KK_DER_CONTEXT(number) ((uint8_t)(0xa0 + (number))) /* constructed */

/* Opens an element; what is put until kk_der_end() is its content. */
size_t kk_der_begin(struct kk_buffer *buffer, uint8_t tag);
void kk_der_end(struct kk_buffer *buffer, size_t mark);

/* An element with this content. */
void kk_der_put(struct kk_buffer *buffer, uint8_t tag, struct kk_span content);

/* A number that is not negative, from big-endian bytes. */
void kk_der_put_integer(struct kk_buffer *buffer, struct kk_span number);

/* A BIT STRING of whole bytes. */
void kk_der_put_bits(struct kk_buffer *buffer, struct kk_span bytes);

/* Whether the next element has this tag. */
bool kk_der_next_is(const struct kk_reader *reader, uint8_t tag);

/* The content of the next element, which must have this tag. */
struct kk_span kk_der_take(struct kk_reader *reader, uint8_t tag);

/* The next element, whatever its tag, with tag and length. */
struct kk_span kk_der_take_any(struct kk_reader *reader);

/* A reader over the next element's content; failed when the tag is another. */
struct kk_reader kk_der_enter(struct kk_reader *reader, uint8_t tag);

/* An INTEGER that is not negative, given out without its leading zero (0 is an empty span). More
 * bytes than the number needs are not DER. */
struct kk_span kk_der_take_integer(struct kk_reader *reader);

/* A BIT STRING of whole bytes. */
struct kk_span kk_der_take_bits(struct kk_reader *reader);

/* `number` without leading zeros. */
struct kk_span kk_strip_zeros(struct kk_span number);
