/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_GetAttributeValue, one attribute at a time.
 */
#include "base/memory.h"
#include "object/policy_rules.h"

#include "base/banned.h"

/*= pkcs11-3.2 Common attributes, footnote 7: not revealed while CKA_SENSITIVE is CK_TRUE or
 * CKA_EXTRACTABLE is CK_FALSE. What a damaged or foreign key does not say counts as closed. */
static bool is_hidden(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    if (!kk_policy_is_secret(type)) {
        return false; /* most are not; a test holds footnote 7 and the dictionary together */
    }
    bool is_open =
        !kk_attrs_flag(attrs, CKA_SENSITIVE, true) && kk_attrs_flag(attrs, CKA_EXTRACTABLE, false);
    const struct kk_schema *schema = kk_schema_of(attrs);
    if (schema == NULL) {
        return !is_open;
    }
    const struct kk_attr_rule *rule = kk_schema_rule(schema, type);
    return rule != NULL && (rule->footnotes & FN(7)) != 0 && !is_open;
}

static KK_RV refuse(CK_ATTRIBUTE *attribute, CK_RV rv)
{
    attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return rv;
}

/*= pkcs11-3.2 C_GetAttributeValue: cases 3 to 5 */
static KK_RV give_bytes(CK_ATTRIBUTE *attribute, const void *data, size_t len)
{
    bool has_room =
        attribute->ulValueLen != CK_UNAVAILABLE_INFORMATION && attribute->ulValueLen >= len;
    if (attribute->pValue != NULL && !has_room) {
        return refuse(attribute, CKR_BUFFER_TOO_SMALL);
    }
    if (attribute->pValue != NULL && len > 0) {
        memcpy(attribute->pValue, data, len);
    }
    attribute->ulValueLen = (CK_ULONG)len;
    return CKR_OK;
}

/* A stored number as a CK_ULONG, which may be narrower. */
static CK_ULONG narrow(uint64_t number)
{
    return number > (CK_ULONG)-1 ? CK_UNAVAILABLE_INFORMATION : (CK_ULONG)number;
}

static KK_RV give_list(CK_ATTRIBUTE *attribute, const struct kk_attr *attr)
{
    KK_CLEANUP(kk_freep) CK_ULONG *numbers = NULL;
    KK_TRY(kk_alloc_array(attr->len, sizeof(CK_ULONG), &numbers));
    for (size_t i = 0; i < attr->len; i++) {
        numbers[i] = narrow(attr->value.mechanisms[i]);
    }
    return give_bytes(attribute, numbers, attr->len * sizeof(CK_ULONG));
}

static KK_RV give_value(const struct kk_attr *attr, CK_ATTRIBUTE *attribute);

/* The caller's array, which need not be aligned. */
struct elements {
    uint8_t *data;
    size_t count;
};

static CK_ATTRIBUTE element_at(const struct elements *elements, size_t i)
{
    CK_ATTRIBUTE element;
    memcpy(&element, elements->data + i * sizeof element, sizeof element);
    return element;
}

static void element_put(const struct elements *elements, size_t i, const CK_ATTRIBUTE *element)
{
    memcpy(elements->data + i * sizeof *element, element, sizeof *element);
}

/* No type is known yet: all say CK_UNAVAILABLE_INFORMATION, or, as before 3.2, all are zeros. */
static bool asks_for_types(const struct elements *elements)
{
    bool all_unknown = true;
    bool all_zero = true;
    for (size_t i = 0; i < elements->count; i++) {
        CK_ATTRIBUTE element = element_at(elements, i);
        all_unknown &= element.type == CK_UNAVAILABLE_INFORMATION;
        all_zero &= element.type == 0 && element.pValue == NULL && element.ulValueLen == 0;
    }
    return all_unknown || all_zero;
}

/* Every type is one that the stored template has, each once. */
static bool names_known_types(const struct elements *elements, const struct kk_attrs *stored)
{
    for (size_t i = 0; i < elements->count; i++) {
        CK_ATTRIBUTE_TYPE type = element_at(elements, i).type;
        if (!kk_attrs_has(stored, type)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (element_at(elements, j).type == type) {
                return false;
            }
        }
    }
    return true;
}

/* With fewer elements than there are, only nested templates may be left out. */
static bool leaves_out_templates_only(const struct elements *elements,
                                      const struct kk_attrs *stored)
{
    size_t plain = 0;
    for (size_t i = 0; i < stored->count; i++) {
        plain += stored->rows[i].kind == KK_ATTR_TEMPLATE ? 0 : 1;
    }
    return elements->count >= plain && elements->count <= stored->count;
}

/* The types and lengths, in stored order; where there is no room for nested ones, without them. */
static KK_RV give_types(const struct elements *elements, const struct kk_attrs *stored)
{
    size_t next = 0;
    size_t to_skip = stored->count - elements->count;
    for (size_t i = 0; i < stored->count; i++) {
        const struct kk_attr *row = &stored->rows[i];
        if (row->kind == KK_ATTR_TEMPLATE && to_skip > 0) {
            to_skip--;
            continue;
        }
        CK_ATTRIBUTE length = {.type = row->type};
        KK_TRY(give_value(row, &length));
        CK_ATTRIBUTE element = element_at(elements, next);
        element.type = length.type;
        element.ulValueLen = length.ulValueLen;
        element_put(elements, next++, &element);
    }
    return CKR_OK;
}

static KK_RV give_elements(const struct elements *elements, const struct kk_attrs *stored)
{
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < elements->count; i++) {
        CK_ATTRIBUTE element = element_at(elements, i);
        CK_RV one = give_value(kk_attrs_find(stored, element.type), &element);
        element_put(elements, i, &element);
        rv = one == CKR_OK ? rv : one;
    }
    return rv;
}

/*= pkcs11-3.2 Template attributes: all types unknown, or all of them right, else
 * CKR_TEMPLATE_INCONSISTENT */
static KK_RV give_template(CK_ATTRIBUTE *attribute, const struct kk_attrs *stored)
{
    size_t needed = stored->count * sizeof(CK_ATTRIBUTE);
    if (attribute->pValue == NULL || stored->count == 0) {
        attribute->ulValueLen = (CK_ULONG)needed;
        return CKR_OK;
    }
    size_t len = 0;
    if (kk_ulong_to_size(attribute->ulValueLen, CKR_BUFFER_TOO_SMALL, &len) != CKR_OK) {
        return refuse(attribute, CKR_BUFFER_TOO_SMALL);
    }
    struct elements elements = {attribute->pValue,
                                KK_MIN(len / sizeof(CK_ATTRIBUTE), stored->count)};
    bool is_short = elements.count < stored->count;
    if (is_short && !leaves_out_templates_only(&elements, stored)) {
        return refuse(attribute, CKR_BUFFER_TOO_SMALL);
    }
    attribute->ulValueLen = (CK_ULONG)(elements.count * sizeof(CK_ATTRIBUTE));
    if (asks_for_types(&elements)) {
        return give_types(&elements, stored);
    }
    if (!names_known_types(&elements, stored)) {
        return refuse(attribute, CKR_TEMPLATE_INCONSISTENT);
    }
    return give_elements(&elements, stored);
}

static KK_RV give_value(const struct kk_attr *attr, CK_ATTRIBUTE *attribute)
{
    CK_BBOOL flag = CK_FALSE;
    CK_ULONG number = 0;
    struct kk_span bytes = {0};
    switch (attr->kind) {
    case KK_ATTR_BOOL:
        flag = attr->value.flag ? CK_TRUE : CK_FALSE;
        return give_bytes(attribute, &flag, sizeof flag);
    case KK_ATTR_ULONG:
        number = narrow(attr->value.number);
        return give_bytes(attribute, &number, sizeof number);
    case KK_ATTR_BYTES:
        bytes = kk_attr_bytes(attr);
        return give_bytes(attribute, bytes.data, bytes.len);
    case KK_ATTR_TEMPLATE:
        return give_template(attribute, attr->value.nested);
    case KK_ATTR_MECHANISMS:
        return give_list(attribute, attr);
    default: /* of a newer writer: this version does not know how to show it */
        return refuse(attribute, CKR_ATTRIBUTE_TYPE_INVALID);
    }
}

/*= pkcs11-3.2 Common key attributes: every key has CKA_ALLOWED_MECHANISMS. One that says nothing of
 * it allows all, which reads as no list, as with SoftHSM: told that the attribute is not there,
 * pkcs11-provider concludes that the token does not know it, and ignores the lists of all other
 * keys. */
static bool reads_as_empty(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    const struct kk_schema *schema = type == CKA_ALLOWED_MECHANISMS ? kk_schema_of(attrs) : NULL;
    return schema != NULL && kk_schema_rule(schema, type) != NULL;
}

/*= pkcs11-3.2 C_GetAttributeValue: case 1 (sensitive) before case 2 (not there) */
KK_RV kk_policy_get(const struct kk_attrs *attrs, CK_ATTRIBUTE *attribute)
{
    if (is_hidden(attrs, attribute->type)) {
        return refuse(attribute, CKR_ATTRIBUTE_SENSITIVE);
    }
    const struct kk_attr *attr = kk_attrs_find(attrs, attribute->type);
    if (attr == NULL && reads_as_empty(attrs, attribute->type)) {
        return give_bytes(attribute, NULL, 0);
    }
    if (attr == NULL) {
        return refuse(attribute, CKR_ATTRIBUTE_TYPE_INVALID);
    }
    return give_value(attr, attribute);
}

/* A search must not be a way round: what cannot be read cannot be guessed either. */
bool kk_policy_matches(const struct kk_attrs *attrs, const struct kk_attrs *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        if (is_hidden(attrs, wanted->rows[i].type)) {
            return false;
        }
    }
    return kk_attrs_match(attrs, wanted);
}
