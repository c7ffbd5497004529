/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attribute sets: a sorted array of typed rows, each of which owns its value.
 */
#include "object/attrs.h"

#include "base/memory.h"

#include "base/banned.h"

#define FIRST_CAPACITY 8

KK_RV kk_attrs_new(struct kk_attrs **ret_attrs)
{
    return kk_alloc(sizeof(struct kk_attrs), ret_attrs);
}

/* Gives the value's memory back; the row is to be overwritten or dropped. */
static void attr_clear(struct kk_attr *attr)
{
    if (attr->is_secret) {
        kk_secret_free(attr->value.secret);
    } else if (attr->kind == KK_ATTR_TEMPLATE) {
        kk_attrs_free(attr->value.nested);
    } else if (attr->kind == KK_ATTR_MECHANISMS) {
        kk_free(attr->value.mechanisms);
    } else if (attr->kind != KK_ATTR_BOOL && attr->kind != KK_ATTR_ULONG) {
        kk_free(attr->value.bytes);
    }
    *attr = (struct kk_attr){0};
}

void kk_attrs_free(struct kk_attrs *attrs)
{
    if (attrs == NULL) {
        return;
    }
    for (size_t i = 0; i < attrs->count; i++) {
        attr_clear(&attrs->rows[i]);
    }
    kk_free(attrs->rows);
    kk_free(attrs);
}

/* Where the type is, or would have to stand. */
static size_t attrs_position(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    size_t low = 0;
    size_t high = attrs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (attrs->rows[middle].type < type) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool attrs_is_at(const struct kk_attrs *attrs, size_t position, CK_ATTRIBUTE_TYPE type)
{
    return position < attrs->count && attrs->rows[position].type == type;
}

static KK_RV attrs_grow(struct kk_attrs *attrs)
{
    if (attrs->count < attrs->capacity) {
        return CKR_OK;
    }
    size_t capacity = attrs->capacity == 0 ? FIRST_CAPACITY : attrs->capacity * 2;
    KK_TRY(kk_realloc_array(&attrs->rows, capacity, sizeof(struct kk_attr)));
    attrs->capacity = capacity;
    return CKR_OK;
}

/* Puts a finished row into its place; on success the set owns its value. */
static KK_RV attrs_put(struct kk_attrs *attrs, const struct kk_attr *attr)
{
    size_t position = attrs_position(attrs, attr->type);
    if (attrs_is_at(attrs, position, attr->type)) {
        attr_clear(&attrs->rows[position]);
        attrs->rows[position] = *attr;
        return CKR_OK;
    }
    KK_ENSURE(attrs->count < KK_ATTRS_COUNT_MAX, CKR_DEVICE_MEMORY);
    KK_TRY(attrs_grow(attrs));
    memmove(&attrs->rows[position + 1], &attrs->rows[position],
            (attrs->count - position) * sizeof(struct kk_attr));
    attrs->rows[position] = *attr;
    attrs->count++;
    return CKR_OK;
}

/* The same for a row whose value was made for this call: freed when it finds no place. */
static KK_RV attrs_give(struct kk_attrs *attrs, struct kk_attr attr)
{
    CK_RV rv = attrs_put(attrs, &attr);
    if (rv != CKR_OK) {
        attr_clear(&attr);
    }
    return rv;
}

const struct kk_attr *kk_attrs_find(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    if (attrs == NULL) {
        return NULL;
    }
    size_t position = attrs_position(attrs, type);
    return attrs_is_at(attrs, position, type) ? &attrs->rows[position] : NULL;
}

bool kk_attrs_has(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    return kk_attrs_find(attrs, type) != NULL;
}

bool kk_attrs_flag(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, bool absent)
{
    const struct kk_attr *attr = kk_attrs_find(attrs, type);
    return attr != NULL && attr->kind == KK_ATTR_BOOL ? attr->value.flag : absent;
}

uint64_t kk_attrs_number(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, uint64_t absent)
{
    const struct kk_attr *attr = kk_attrs_find(attrs, type);
    return attr != NULL && attr->kind == KK_ATTR_ULONG ? attr->value.number : absent;
}

struct kk_span kk_attr_bytes(const struct kk_attr *attr)
{
    if (attr == NULL || attr->kind != KK_ATTR_BYTES) {
        return KK_SPAN(NULL, 0);
    }
    if (attr->is_secret) {
        return kk_secret_span(attr->value.secret);
    }
    return KK_SPAN(attr->value.bytes, attr->len);
}

struct kk_span kk_attrs_bytes(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    return kk_attr_bytes(kk_attrs_find(attrs, type));
}

KK_RV kk_attrs_set_flag(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, bool value)
{
    struct kk_attr attr = {.type = type, .kind = KK_ATTR_BOOL, .value.flag = value};
    return attrs_put(attrs, &attr);
}

KK_RV kk_attrs_set_number(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, uint64_t value)
{
    struct kk_attr attr = {.type = type, .kind = KK_ATTR_ULONG, .value.number = value};
    return attrs_put(attrs, &attr);
}

KK_RV kk_attrs_set_raw(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, uint8_t kind,
                       struct kk_span value)
{
    struct kk_attr attr = {.type = type, .kind = kind, .len = value.len};
    KK_TRY(kk_memdup(value.data, value.len, &attr.value.bytes));
    return attrs_give(attrs, attr);
}

KK_RV kk_attrs_set_bytes(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    return kk_attrs_set_raw(attrs, type, KK_ATTR_BYTES, value);
}

KK_RV kk_attrs_set_secret(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    struct kk_attr attr = {
        .type = type, .kind = KK_ATTR_BYTES, .is_secret = true, .len = value.len};
    KK_TRY(kk_secret_from(value, &attr.value.secret));
    return attrs_give(attrs, attr);
}

KK_RV kk_attrs_set_template(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type,
                            const struct kk_attrs *nested)
{
    struct kk_attr attr = {.type = type, .kind = KK_ATTR_TEMPLATE};
    KK_TRY(kk_attrs_dup(nested, &attr.value.nested));
    return attrs_give(attrs, attr);
}

KK_RV kk_attrs_set_mechanisms(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type,
                              const uint64_t *values, size_t count)
{
    struct kk_attr attr = {.type = type, .kind = KK_ATTR_MECHANISMS, .len = count};
    KK_TRY(kk_alloc_array(count, sizeof(uint64_t), &attr.value.mechanisms));
    if (count > 0) {
        memcpy(attr.value.mechanisms, values, count * sizeof(uint64_t));
    }
    return attrs_give(attrs, attr);
}

KK_RV kk_attrs_set_copy(struct kk_attrs *attrs, const struct kk_attr *attr)
{
    switch (attr->kind) {
    case KK_ATTR_BOOL:
    case KK_ATTR_ULONG:
        return attrs_put(attrs, attr);
    case KK_ATTR_TEMPLATE:
        return kk_attrs_set_template(attrs, attr->type, attr->value.nested);
    case KK_ATTR_MECHANISMS:
        return kk_attrs_set_mechanisms(attrs, attr->type, attr->value.mechanisms, attr->len);
    default: /* bytes, and kinds of a newer writer, which are kept as bytes */
        break;
    }
    if (attr->is_secret) {
        return kk_attrs_set_secret(attrs, attr->type, kk_secret_span(attr->value.secret));
    }
    return kk_attrs_set_raw(attrs, attr->type, attr->kind, KK_SPAN(attr->value.bytes, attr->len));
}

void kk_attrs_remove(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    size_t position = attrs_position(attrs, type);
    if (!attrs_is_at(attrs, position, type)) {
        return;
    }
    attr_clear(&attrs->rows[position]);
    attrs->count--;
    memmove(&attrs->rows[position], &attrs->rows[position + 1],
            (attrs->count - position) * sizeof(struct kk_attr));
}

KK_RV kk_attrs_dup(const struct kk_attrs *attrs, struct kk_attrs **ret_attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *copy = NULL;
    KK_TRY(kk_attrs_new(&copy));
    for (size_t i = 0; i < attrs->count; i++) {
        KK_TRY(kk_attrs_set_copy(copy, &attrs->rows[i]));
    }
    *ret_attrs = KK_STEAL(copy);
    return CKR_OK;
}

/* Bytes of either memory; in constant time as soon as one of them is a secret. */
static bool bytes_equal(const struct kk_attr *a, const struct kk_attr *b)
{
    struct kk_span left = kk_attr_bytes(a);
    struct kk_span right = kk_attr_bytes(b);
    if (left.len != right.len) {
        return false;
    }
    if (a->is_secret || b->is_secret) {
        return kk_ct_equal(left.data, right.data, left.len);
    }
    return kk_span_equal(left, right);
}

static bool nested_equal(const struct kk_attrs *a, const struct kk_attrs *b)
{
    return a->count == b->count && kk_attrs_match(a, b);
}

bool kk_attr_equal(const struct kk_attr *a, const struct kk_attr *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case KK_ATTR_BOOL:
        return a->value.flag == b->value.flag;
    case KK_ATTR_ULONG:
        return a->value.number == b->value.number;
    case KK_ATTR_BYTES:
        return bytes_equal(a, b);
    case KK_ATTR_TEMPLATE:
        return nested_equal(a->value.nested, b->value.nested);
    case KK_ATTR_MECHANISMS:
        return kk_mem_equal(a->value.mechanisms, a->len * sizeof(uint64_t), b->value.mechanisms,
                            b->len * sizeof(uint64_t));
    default: /* of a newer writer */
        return kk_mem_equal(a->value.bytes, a->len, b->value.bytes, b->len);
    }
}

bool kk_attrs_match(const struct kk_attrs *attrs, const struct kk_attrs *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const struct kk_attr *attr = kk_attrs_find(attrs, wanted->rows[i].type);
        if (attr == NULL || !kk_attr_equal(attr, &wanted->rows[i])) {
            return false;
        }
    }
    return true;
}
