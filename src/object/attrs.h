/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attribute sets: what a template says, and what an object is. Typed, sorted by type, no
 * duplicates. Values that a policy row calls secret (key material) lie in struct kk_secret.
 */
#pragma once

#include "base/secret.h"
#include "base/uuid.h"

/* The numbers are those of the record codec (and of SoftHSM's files) and never change. */
enum kk_attr_kind {
    KK_ATTR_BOOL = 1,
    KK_ATTR_ULONG = 2, /* 64 bits here; CK_UNAVAILABLE_INFORMATION is all ones */
    KK_ATTR_BYTES = 3,
    KK_ATTR_TEMPLATE = 4,   /* a nested set, at most KK_ATTRS_DEPTH deep */
    KK_ATTR_MECHANISMS = 5, /* array of CK_MECHANISM_TYPE, 64 bits each here */
};

#define KK_ATTRS_DEPTH 4
#define KK_ATTRS_COUNT_MAX 1024             /* attributes of one set */
#define KK_RECORD_MAX (16u * 1024u * 1024u) /* bytes of one encoded set */

struct kk_attrs;

struct kk_attr {
    CK_ATTRIBUTE_TYPE type;
    uint8_t kind;   /* an unknown kind (from a newer writer) keeps its bytes in `bytes` */
    bool is_secret; /* KK_ATTR_BYTES only: the value is in `secret` */
    size_t len;     /* BYTES: bytes; MECHANISMS: entries */
    union {
        bool flag;
        uint64_t number;
        uint8_t *bytes;
        struct kk_secret *secret;
        struct kk_attrs *nested;
        uint64_t *mechanisms;
    } value;
};

struct kk_attrs {
    struct kk_attr *rows;
    size_t count;
    size_t capacity;
};

KK_RV kk_attrs_new(struct kk_attrs **ret_attrs);
KK_RV kk_attrs_dup(const struct kk_attrs *attrs, struct kk_attrs **ret_attrs);

/* Wipes secrets, frees all. NULL is fine. */
void kk_attrs_free(struct kk_attrs *attrs);
KK_DEFINE_CLEANUP(struct kk_attrs *, kk_attrs_free);

/* The row of a type, NULL when it is not there. Binary search. */
const struct kk_attr *kk_attrs_find(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type);
bool kk_attrs_has(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type);

/* Values, with what an absent attribute (or one of another kind) counts as. */
bool kk_attrs_flag(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, bool absent);
uint64_t kk_attrs_number(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, uint64_t absent);
struct kk_span kk_attrs_bytes(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type);
struct kk_span kk_attr_bytes(const struct kk_attr *attr); /* secret or not; BYTES only */

/* Set or replace. */
KK_RV kk_attrs_set_flag(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, bool value);
KK_RV kk_attrs_set_number(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, uint64_t value);
KK_RV kk_attrs_set_bytes(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value);
KK_RV kk_attrs_set_secret(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value);
KK_RV kk_attrs_set_template(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type,
                            const struct kk_attrs *nested);
KK_RV kk_attrs_set_mechanisms(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type,
                              const uint64_t *values, size_t count);
KK_RV kk_attrs_set_copy(struct kk_attrs *attrs, const struct kk_attr *attr);

/* The bytes of a kind that only a newer writer understands (or KK_ATTR_BYTES). */
KK_RV kk_attrs_set_raw(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, uint8_t kind,
                       struct kk_span value);
void kk_attrs_remove(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type);

/* Same kind and value; in constant time for secrets. */
bool kk_attr_equal(const struct kk_attr *a, const struct kk_attr *b);

/* Every row of `wanted` is in `attrs` with the same value (C_FindObjects, WRAP_TEMPLATE). */
bool kk_attrs_match(const struct kk_attrs *attrs, const struct kk_attrs *wanted);
