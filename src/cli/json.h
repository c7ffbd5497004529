/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing one JSON document. It is put together in memory and printed as a whole, so that whoever
 * reads it gets all of it or nothing.
 */
#pragma once

#include "base/bytes.h"

#define KK_JSON_DEPTH 16

/* Zero-initialise; free with kk_json_clear(). A failure (no memory) is remembered. */
struct kk_json {
    struct kk_buffer text;
    char closing[KK_JSON_DEPTH]; /* '}' or ']' of what is open */
    size_t depth;
    bool has_members; /* of what is open */
};

/* `key` is the name of a member of an object; NULL in an array and for the document itself. */
void kk_json_object(struct kk_json *json, const char *key);
void kk_json_array(struct kk_json *json, const char *key);
void kk_json_end(struct kk_json *json);

/* Any bytes: what is not UTF-8 becomes U+FFFD. */
void kk_json_bytes(struct kk_json *json, const char *key, struct kk_span value);
void kk_json_text(struct kk_json *json, const char *key, const char *value);
void kk_json_number(struct kk_json *json, const char *key, unsigned long value);
void kk_json_bool(struct kk_json *json, const char *key, bool value);
void kk_json_null(struct kk_json *json, const char *key);

/* Prints the document, which must be closed, and a newline on stdout. CKR_HOST_MEMORY. */
KK_RV kk_json_print(const struct kk_json *json);
void kk_json_clear(struct kk_json *json);
