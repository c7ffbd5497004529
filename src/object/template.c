/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A caller's template, copied and typed. The only place where CK_ATTRIBUTE is read: every element
 * is read once, into a copy of its own, so that a caller who changes it meanwhile gains nothing.
 */
#include "object/attr_type.h"
#include "object/policy.h"

#include "base/memory.h"
#include "crypto/der.h"

#include "base/banned.h"

/* What one call may copy in all: nested arrays may point at one another, so that bounds per level
 * are none. */
#define ELEMENTS_MAX 4096u

struct budget {
    size_t elements;
    size_t bytes;
};

/* One template on its way into a set. */
struct copying {
    struct budget *budget;
    const CK_ATTRIBUTE *from;
    size_t count;
    enum kk_verb verb;
    unsigned int depth;
    CK_OBJECT_CLASS object_class; /* decides where CKA_VALUE goes; unknown is unavailable */
};

/* Arrays inside a template need not be aligned. */
static CK_ATTRIBUTE element_at(const struct copying *copying, size_t i)
{
    CK_ATTRIBUTE element;
    memcpy(&element, (const uint8_t *)copying->from + i * sizeof element, sizeof element);
    return element;
}

static uint64_t widen(CK_ULONG number)
{
    return number == CK_UNAVAILABLE_INFORMATION ? UINT64_MAX : number;
}

static CK_ULONG load_ulong(const uint8_t *data)
{
    CK_ULONG number = 0;
    memcpy(&number, data, sizeof number);
    return number;
}

/* Any byte but zero is true: that is how the field reads CK_BBOOL. */
static KK_RV set_bool(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(value.len == sizeof(CK_BBOOL), CKR_ATTRIBUTE_VALUE_INVALID);
    return kk_attrs_set_flag(attrs, type, value.data[0] != 0);
}

static KK_RV set_ulong(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(value.len == sizeof(CK_ULONG), CKR_ATTRIBUTE_VALUE_INVALID);
    return kk_attrs_set_number(attrs, type, widen(load_ulong(value.data)));
}

static KK_RV set_ulong_list(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(value.len % sizeof(CK_ULONG) == 0, CKR_ATTRIBUTE_VALUE_INVALID);
    size_t count = value.len / sizeof(CK_ULONG);
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    KK_TRY(kk_alloc_array(count, sizeof(uint64_t), &numbers));
    for (size_t i = 0; i < count; i++) {
        numbers[i] = widen(load_ulong(value.data + i * sizeof(CK_ULONG)));
    }
    return kk_attrs_set_mechanisms(attrs, type, numbers, count);
}

static KK_RV set_bytes(const struct copying *copying, struct kk_attrs *attrs,
                       CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    if (kk_attr_type_is_secret_of(copying->object_class, type)) {
        return kk_attrs_set_secret(attrs, type, value);
    }
    return kk_attrs_set_bytes(attrs, type, value);
}

static KK_RV set_date(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(value.len == 0 || value.len == sizeof(CK_DATE), CKR_ATTRIBUTE_VALUE_INVALID);
    return kk_attrs_set_bytes(attrs, type, value);
}

static KK_RV copy_elements(const struct copying *copying, struct kk_attrs *attrs);

static KK_RV set_template(const struct copying *outer, struct kk_attrs *attrs,
                          CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    KK_ENSURE(value.len % sizeof(CK_ATTRIBUTE) == 0, CKR_ATTRIBUTE_VALUE_INVALID);
    KK_ENSURE(outer->depth < KK_ATTRS_DEPTH, CKR_TEMPLATE_INCONSISTENT);
    struct copying inner = *outer;
    inner.from = (const CK_ATTRIBUTE *)(const void *)value.data;
    inner.count = value.len / sizeof(CK_ATTRIBUTE);
    inner.depth = outer->depth + 1;
    inner.object_class = CK_UNAVAILABLE_INFORMATION;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *nested = NULL;
    KK_TRY(kk_attrs_new(&nested));
    KK_TRY(copy_elements(&inner, nested));
    return kk_attrs_set_template(attrs, type, nested);
}

static KK_RV set_typed(const struct copying *copying, struct kk_attrs *attrs,
                       const struct kk_attr_type *row, struct kk_span value)
{
    switch (row->data) {
    case KK_DATA_BOOL:
        return set_bool(attrs, row->type, value);
    case KK_DATA_ULONG:
        return set_ulong(attrs, row->type, value);
    case KK_DATA_NUMBER:
        return set_bytes(copying, attrs, row->type, kk_strip_zeros(value));
    case KK_DATA_DATE:
        return set_date(attrs, row->type, value);
    case KK_DATA_TEMPLATE:
        return set_template(copying, attrs, row->type, value);
    case KK_DATA_ULONG_LIST:
        return set_ulong_list(attrs, row->type, value);
    case KK_DATA_BYTES:
        break;
    }
    return set_bytes(copying, attrs, row->type, value);
}

/* The element's value as bytes, its length checked. */
static KK_RV element_value(const CK_ATTRIBUTE *element, struct kk_span *ret_value)
{
    size_t len = 0;
    KK_TRY(kk_ulong_to_size(element->ulValueLen, CKR_ATTRIBUTE_VALUE_INVALID, &len));
    KK_ENSURE(len <= KK_RECORD_MAX, CKR_ATTRIBUTE_VALUE_INVALID);
    KK_ENSURE(len == 0 || element->pValue != NULL, CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_value = KK_SPAN(len == 0 ? NULL : element->pValue, len);
    return CKR_OK;
}

static KK_RV spend(struct budget *budget, size_t bytes)
{
    KK_ENSURE(budget->elements > 0 && budget->bytes >= bytes, CKR_TEMPLATE_INCONSISTENT);
    budget->elements--;
    budget->bytes -= bytes;
    return CKR_OK;
}

static KK_RV set_element(const struct copying *copying, const CK_ATTRIBUTE *element,
                         struct kk_attrs *attrs)
{
    struct kk_span value = {0};
    const struct kk_attr_type *row = kk_attr_type_find(element->type);
    KK_ENSURE(row != NULL || copying->verb == KK_VERB_FIND, CKR_ATTRIBUTE_TYPE_INVALID);
    KK_TRY(element_value(element, &value));
    KK_TRY(spend(copying->budget, value.len));
    if (row == NULL) {
        return kk_attrs_set_bytes(attrs, element->type, value);
    }
    return set_typed(copying, attrs, row, value);
}

/*= pkcs11-3.2 Creating objects: the same value twice counts once, two values are inconsistent */
static KK_RV set_again(const struct copying *copying, const CK_ATTRIBUTE *element,
                       struct kk_attrs *attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *again = NULL;
    KK_TRY(kk_attrs_new(&again));
    KK_TRY(set_element(copying, element, again));
    KK_ENSURE(kk_attrs_match(attrs, again), CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

static KK_RV copy_elements(const struct copying *copying, struct kk_attrs *attrs)
{
    KK_ENSURE(copying->count <= KK_ATTRS_COUNT_MAX, CKR_TEMPLATE_INCONSISTENT);
    for (size_t i = 0; i < copying->count; i++) {
        CK_ATTRIBUTE element = element_at(copying, i);
        if (kk_attrs_has(attrs, element.type)) {
            KK_TRY(set_again(copying, &element, attrs));
        } else {
            KK_TRY(set_element(copying, &element, attrs));
        }
    }
    return CKR_OK;
}

/* CKA_CLASS may stand anywhere in a template. A wrong one is found when it is copied. */
static CK_OBJECT_CLASS class_in(const struct copying *copying)
{
    for (size_t i = 0; i < copying->count && i < KK_ATTRS_COUNT_MAX; i++) {
        CK_ATTRIBUTE element = element_at(copying, i);
        bool is_class = element.type == CKA_CLASS && element.pValue != NULL;
        if (is_class && element.ulValueLen == sizeof(CK_ULONG)) {
            return load_ulong(element.pValue);
        }
    }
    return CK_UNAVAILABLE_INFORMATION;
}

KK_RV kk_template_copy(const CK_ATTRIBUTE *attributes, CK_ULONG count, enum kk_verb verb,
                       struct kk_attrs **ret_template)
{
    KK_ENSURE(attributes != NULL || count == 0, CKR_ARGUMENTS_BAD);
    struct budget budget = {.elements = ELEMENTS_MAX, .bytes = KK_RECORD_MAX};
    struct copying copying = {.budget = &budget, .from = attributes, .verb = verb};
    KK_TRY(kk_ulong_to_size(count, CKR_TEMPLATE_INCONSISTENT, &copying.count));
    copying.object_class = class_in(&copying);

    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_new(&attrs));
    KK_TRY(copy_elements(&copying, attrs));
    *ret_template = KK_STEAL(attrs);
    return CKR_OK;
}
