/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON objects of one line, flat and canonical: {"name":"text","name":123}. Names are lower-case
 * letters and _; numbers are whole and not negative; text is ASCII, what is not is \uXXXX; no
 * blanks between. One object has one form, so that a hash over its bytes means its content.
 */
#pragma once

#include "base/bytes.h"

/* Writing into a caller's array. What does not fit is remembered as a failure. */
struct kk_json_line {
    char *text;
    size_t room;
    size_t len;
    bool failed;
};

static inline struct kk_json_line kk_json_line_new(char *text, size_t room)
{
    return (struct kk_json_line){.text = text, .room = room};
}

void kk_json_line_number(struct kk_json_line *line, const char *name, uint64_t value);
/* Any bytes: what is not UTF-8 becomes U+FFFD. */
void kk_json_line_text(struct kk_json_line *line, const char *name, struct kk_span value);
void kk_json_line_hex(struct kk_json_line *line, const char *name, struct kk_span bytes);
void kk_json_line_end(struct kk_json_line *line);

/* Reading. */
struct kk_json_member {
    struct kk_span name;
    struct kk_span value; /* the digits, or what is between the quotes, as it is written */
    uint64_t number;
    bool is_text;
};

struct kk_json_line_reader {
    struct kk_span rest;
    bool begun;
    bool ended;  /* the object was read to its end, which is the line's */
    bool failed; /* it is none of these */
};

static inline struct kk_json_line_reader kk_json_line_reader_new(struct kk_span line)
{
    return (struct kk_json_line_reader){.rest = line};
}

/* The next member; false at the end and after a failure. */
bool kk_json_line_next(struct kk_json_line_reader *reader, struct kk_json_member *ret_member);

/* Whether a member has this name. */
bool kk_json_member_is(const struct kk_json_member *member, const char *name);

/* A text's value as UTF-8. */
void kk_json_member_put(const struct kk_json_member *member, struct kk_buffer *buffer);

/* Exactly `len` bytes of lower-case hex; false when it is none. */
bool kk_json_member_bytes(const struct kk_json_member *member, uint8_t *ret_bytes, size_t len);
