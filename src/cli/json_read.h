/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading one JSON document, RFC 8259 to the letter: UTF-8, no member twice in an object, nothing
 * behind the end. Strings lie in secret memory. Depth, size and count are bounded.
 */
#pragma once

#include "base/secret.h"

#define KK_JSON_READ_DEPTH 16
#define KK_JSON_READ_MEMBERS 1000 /* of one object */
#define KK_JSON_READ_VALUES 4000000

enum kk_json_kind {
    KK_JSON_NULL,
    KK_JSON_FALSE,
    KK_JSON_TRUE,
    KK_JSON_NUMBER,
    KK_JSON_STRING,
    KK_JSON_ARRAY,
    KK_JSON_OBJECT
};

struct kk_json_value {
    enum kk_json_kind kind;
    struct kk_span name; /* of a member of an object */
    struct kk_span text; /* a string's, unescaped; a number's as it is written */
    size_t end;          /* the index behind the value and all that is in it */
};

/* The values in the order of the document; the first one is the document itself. What is in an
 * array or object begins at its index + 1, and the next one beside a value is at its `end`. */
struct kk_json_tree {
    struct kk_json_value *values;
    size_t count;
    struct kk_secret *strings;
};

/* CKR_DATA_INVALID: no JSON, or beyond the bounds; *ret_offset (may be NULL) says where. */
KK_RV kk_json_read(struct kk_span text, size_t *ret_offset, struct kk_json_tree **ret_tree);
void kk_json_tree_free(struct kk_json_tree *tree);
KK_DEFINE_CLEANUP(struct kk_json_tree *, kk_json_tree_free);

/* The member of that name in the object at `object`; NULL when there is none. */
const struct kk_json_value *kk_json_member(const struct kk_json_tree *tree, size_t object,
                                           const char *name);
