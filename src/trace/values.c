/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values of attributes, and a walk over the layouts of parameters (cryptoki/params.h).
 */
#include "trace/values.h"

#include <string.h>

#include "base/memory.h"
#include "trace/peek.h"

#include "base/banned.h"

#define DEPTH_MAX 4       /* of templates and structures in each other */
#define ELEMENTS_MAX 256u /* of a template or an array */

/* Of a line; no sound call has more. What points to itself many times over ends there. */
#define LINE_MAX_ (4u << 20)

/* What is done where. */
struct walk {
    struct kk_buffer *out;
    enum kk_trace_when when;
    bool takes_back;
    unsigned int depth;
};

static void put_template(const struct walk *walk, const void *attributes, CK_ULONG count);
static void put_structure(const struct walk *walk, const uint8_t *base,
                          const struct kk_param_layout *layout, CK_ULONG outer_bits);
static void put_mechanism(const struct walk *walk, const void *mechanism);

static struct walk deeper(const struct walk *walk)
{
    struct walk next = *walk;
    next.depth++;
    return next;
}

/* Whether no further element is written. */
static bool is_cut(const struct walk *walk, CK_ULONG i)
{
    return i == ELEMENTS_MAX || walk->out->len > LINE_MAX_ || walk->out->failed;
}

static void put_separator(struct kk_buffer *out, bool is_first)
{
    kk_trace_put(out, is_first ? "" : ", ");
}

/* The bytes, or how many they are where they are too many or cannot be read. */
static void put_bytes(struct kk_buffer *out, const void *from, CK_ULONG len, bool is_text)
{
    KK_CLEANUP(kk_freep) uint8_t *bytes = NULL;
    if (len > KK_TRACE_SHOWN_MAX) {
        kk_trace_put_length(out, len, "");
    } else if (kk_alloc(len, &bytes) != CKR_OK || !kk_trace_peek(from, bytes, len)) {
        kk_trace_put_length(out, len, " unreadable");
    } else if (is_text) {
        kk_trace_put_text(out, KK_SPAN(bytes, len));
    } else {
        kk_trace_put_hex(out, KK_SPAN(bytes, len));
    }
}

/* ---- attributes ---- */

/* Of a truth or number that has a wrong length nothing is shown: what lies behind it in memory is
 * none of its value. */
static void put_odd(struct kk_buffer *out, const void *from, CK_ULONG len, CK_ULONG right)
{
    if (len == right) {
        put_bytes(out, from, len, false);
    } else {
        kk_trace_put_length(out, len, "");
    }
}

static void put_bool(struct kk_buffer *out, const void *from, CK_ULONG len)
{
    CK_BBOOL value = 0;
    if (len != sizeof value || !kk_trace_peek(from, &value, sizeof value) || value > CK_TRUE) {
        put_odd(out, from, len, sizeof value);
    } else {
        kk_trace_put(out, value == CK_TRUE ? "true" : "false");
    }
}

static void put_ulong(struct kk_buffer *out, const struct kk_trace_attribute *attribute,
                      const void *from, CK_ULONG len)
{
    CK_ULONG value = 0;
    if (len != sizeof value || !kk_trace_peek_ulong(from, &value)) {
        put_odd(out, from, len, sizeof value);
    } else if (attribute->value == KK_TRACE_VALUE_WORD) {
        const char *name =
            kk_trace_word((enum kk_name_space)attribute->space, attribute->prefix, value);
        kk_trace_put_word(out, name, value);
    } else {
        kk_trace_put_number(out, value);
    }
}

static void put_ulongs(struct kk_buffer *out, const uint8_t *from, CK_ULONG len, bool mechanisms)
{
    if (len % sizeof(CK_ULONG) != 0 || len / sizeof(CK_ULONG) > ELEMENTS_MAX) {
        kk_trace_put_length(out, len, "");
        return;
    }
    kk_trace_put(out, "[");
    for (CK_ULONG at = 0; at < len; at += sizeof(CK_ULONG)) {
        CK_ULONG value = 0;
        put_separator(out, at == 0);
        if (!kk_trace_peek_ulong(from + at, &value)) {
            kk_trace_put(out, "<unreadable>");
            break;
        }
        const char *name = mechanisms ? kk_trace_word(KK_NAMES_CKM, "CKM_", value) : NULL;
        kk_trace_put_word(out, name, value);
    }
    kk_trace_put(out, "]");
}

static void put_value(const struct walk *walk, const CK_ATTRIBUTE *attribute, bool is_open)
{
    struct kk_trace_attribute known = kk_trace_attribute(attribute->type);
    struct walk next = deeper(walk);
    const void *from = attribute->pValue;
    CK_ULONG len = attribute->ulValueLen;
    switch ((enum kk_trace_value)known.value) {
    case KK_TRACE_VALUE_BOOL:
        put_bool(walk->out, from, len);
        return;
    case KK_TRACE_VALUE_ULONG:
    case KK_TRACE_VALUE_WORD:
        put_ulong(walk->out, &known, from, len);
        return;
    case KK_TRACE_VALUE_MECHANISMS:
    case KK_TRACE_VALUE_NUMBERS:
        put_ulongs(walk->out, from, len, known.value == KK_TRACE_VALUE_MECHANISMS);
        return;
    case KK_TRACE_VALUE_TEMPLATE:
        put_template(&next, from, len / sizeof(CK_ATTRIBUTE));
        return;
    case KK_TRACE_VALUE_TEXT:
    case KK_TRACE_VALUE_BYTES:
        put_bytes(walk->out, from, len, known.value == KK_TRACE_VALUE_TEXT);
        return;
    case KK_TRACE_VALUE_OPEN:
    case KK_TRACE_VALUE_SECRET:
        break;
    }
    if (known.value == KK_TRACE_VALUE_OPEN && is_open) {
        put_bytes(walk->out, from, len, false);
    } else {
        kk_trace_put_length(walk->out, len, "");
    }
}

static void put_attribute(const struct walk *walk, const CK_ATTRIBUTE *attribute, bool is_open)
{
    struct kk_buffer *out = walk->out;
    kk_trace_put_word(out, kk_trace_word(KK_NAMES_CKA, "CKA_", attribute->type), attribute->type);
    kk_trace_put(out, "=");
    if (walk->when == KK_TRACE_ROOM && attribute->pValue != NULL) {
        kk_trace_put(out, "<room ");
        kk_trace_put_number(out, attribute->ulValueLen);
        kk_trace_put(out, ">");
    } else if (walk->when == KK_TRACE_ROOM) {
        kk_trace_put(out, "NULL");
    } else if (attribute->ulValueLen == CK_UNAVAILABLE_INFORMATION) {
        kk_trace_put(out, "<unavailable>");
    } else if (walk->when == KK_TRACE_LENGTHS ||
               (walk->when == KK_TRACE_BACK && attribute->pValue == NULL)) {
        kk_trace_put_length(out, attribute->ulValueLen, "");
    } else if (attribute->pValue == NULL && attribute->ulValueLen > 0) {
        kk_trace_put_length(out, attribute->ulValueLen, " at NULL");
    } else if (attribute->pValue == NULL) {
        kk_trace_put(out, "NULL");
    } else {
        put_value(walk, attribute, is_open);
    }
}

/* Whether the template says that its CKA_VALUE is anybody's, and nothing in it says otherwise. */
static bool class_is_open(const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    bool is_open = false;
    for (CK_ULONG i = 0; i < count && i < ELEMENTS_MAX; i++) {
        CK_ATTRIBUTE attribute = {0};
        CK_ULONG value = 0;
        if (!kk_trace_peek(attributes + i, &attribute, sizeof attribute)) {
            return false;
        }
        if (attribute.type != CKA_CLASS) {
            continue;
        }
        is_open = attribute.ulValueLen == sizeof value &&
                  kk_trace_peek_ulong(attribute.pValue, &value) && kk_trace_class_is_open(value);
        if (!is_open) {
            return false;
        }
    }
    return is_open;
}

static void put_attributes(const struct walk *walk, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    bool reads = walk->when == KK_TRACE_GIVEN || walk->when == KK_TRACE_BACK;
    bool is_open = reads && class_is_open(attributes, count);
    kk_trace_put(walk->out, "[");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_ATTRIBUTE attribute = {0};
        put_separator(walk->out, i == 0);
        bool cut = is_cut(walk, i);
        if (cut || !kk_trace_peek(attributes + i, &attribute, sizeof attribute)) {
            kk_trace_put(walk->out, cut ? "<more>" : "<unreadable>");
            break;
        }
        put_attribute(walk, &attribute, is_open);
    }
    kk_trace_put(walk->out, "]");
}

static void put_template(const struct walk *walk, const void *attributes, CK_ULONG count)
{
    if (attributes == NULL && count == 0) {
        kk_trace_put(walk->out, "NULL");
    } else if (attributes == NULL || walk->depth > DEPTH_MAX) {
        kk_trace_put(walk->out, "<");
        kk_trace_put_number(walk->out, count);
        kk_trace_put(walk->out, attributes == NULL ? " attributes at NULL>" : " attributes>");
    } else {
        put_attributes(walk, attributes, count);
    }
}

void kk_trace_put_template(struct kk_buffer *out, const void *attributes, CK_ULONG count,
                           enum kk_trace_when when)
{
    put_template(&(struct walk){.out = out, .when = when}, attributes, count);
}

/* ---- parameters ---- */

/* One member of a structure that was read to `base`. */
struct member {
    const struct walk *walk;
    const uint8_t *base;
    const struct kk_param_layout *layout;
    const struct kk_param_field *field;
    struct kk_trace_member known;
    CK_ULONG outer_bits; /* of the structure round this one */
};

static CK_ULONG ulong_at(const struct member *member, size_t offset)
{
    CK_ULONG value = 0;
    memcpy(&value, member->base + offset, sizeof value);
    return value;
}

static const void *pointer_of(const struct member *member)
{
    const void *pointer = NULL;
    memcpy(&pointer, member->base + member->field->offset, sizeof pointer);
    return pointer;
}

/* An IV that the module is to make is not there yet; a tag neither, where one comes out. */
static bool is_given(const struct member *member)
{
    static const char *const generators[] = {"ivGenerator", "nonceGenerator"};
    if (member->walk->when == KK_TRACE_BACK || member->field->direction == KK_PARAM_IN) {
        return true;
    }
    if (member->field->direction == KK_PARAM_OUT || member->walk->takes_back) {
        return member->field->direction != KK_PARAM_OUT;
    }
    for (size_t i = 0; i < member->layout->count; i++) {
        const struct kk_param_field *field = &member->layout->fields[i];
        for (size_t k = 0; k < KK_ARRAY_LEN(generators); k++) {
            if (strcmp(field->name, generators[k]) == 0) {
                bool is_iv = strcmp(member->field->name, "pIv") == 0 ||
                             strcmp(member->field->name, "pNonce") == 0;
                return is_iv && ulong_at(member, field->offset) == CKG_NO_GENERATE;
            }
        }
    }
    return false;
}

/* What the pointer points to, `len` bytes of it. */
static void put_pointed(const struct member *member, CK_ULONG len)
{
    struct kk_buffer *out = member->walk->out;
    const void *pointer = pointer_of(member);
    if (pointer == NULL && len == 0) {
        kk_trace_put(out, "NULL");
    } else if (pointer == NULL) {
        kk_trace_put_length(out, len, " at NULL");
    } else if (!is_given(member)) {
        kk_trace_put(out, "<room ");
        kk_trace_put_number(out, len);
        kk_trace_put(out, ">");
    } else if (member->known.is_open) {
        put_bytes(out, pointer, len, false);
    } else {
        kk_trace_put_length(out, len, "");
    }
}

static void put_number(const struct member *member)
{
    CK_ULONG value = ulong_at(member, member->field->offset);
    const char *name = NULL;
    if (member->known.prefix != NULL) {
        name = kk_trace_word((enum kk_name_space)member->known.space, member->known.prefix, value);
    }
    if (name != NULL) {
        kk_trace_put(member->walk->out, name);
    } else {
        kk_trace_put_number(member->walk->out, value);
    }
}

static void put_truth(const struct member *member)
{
    CK_BBOOL value = member->base[member->field->offset];
    if (value > CK_TRUE) {
        kk_trace_put_number(member->walk->out, value);
    } else {
        kk_trace_put(member->walk->out, value == CK_TRUE ? "true" : "false");
    }
}

static void put_inline(const struct member *member)
{
    const uint8_t *bytes = member->base + member->field->offset;
    if (member->known.is_open) {
        kk_trace_put_hex(member->walk->out, KK_SPAN(bytes, member->field->size));
    } else {
        kk_trace_put_length(member->walk->out, member->field->size, "");
    }
}

static void put_handle(const struct member *member)
{
    kk_trace_put_hex_number(member->walk->out, ulong_at(member, member->field->offset));
}

static void put_inner(const struct member *member)
{
    struct walk next = deeper(member->walk);
    put_structure(&next, member->base + member->field->offset, member->field->nested, 0);
}

static void put_sized(const struct member *member)
{
    put_pointed(member, ulong_at(member, member->field->length_offset));
}

static void put_bits(const struct member *member)
{
    CK_ULONG bits = ulong_at(member, member->field->length_offset);
    put_pointed(member, bits / 8 + (bits % 8 != 0));
}

static void put_nonce(const struct member *member)
{
    CK_ULONG bits = ulong_at(member, member->field->length_offset);
    put_pointed(member, bits < 64 ? bits : bits / 8);
}

static void put_fixed(const struct member *member)
{
    put_pointed(member, pointer_of(member) != NULL ? member->field->size : 0);
}

static void put_indirect(const struct member *member)
{
    const void *length = NULL;
    CK_ULONG len = 0;
    memcpy(&length, member->base + member->field->length_offset, sizeof length);
    if (!kk_trace_peek_ulong(length, &len)) {
        kk_trace_put(member->walk->out, pointer_of(member) != NULL ? "<pointer>" : "NULL");
    } else {
        put_pointed(member, len);
    }
}

static void put_outer(const struct member *member)
{
    put_pointed(member, pointer_of(member) != NULL ? member->outer_bits / 8 : 0);
}

static void put_opaque(const struct member *member)
{
    kk_trace_put(member->walk->out, pointer_of(member) != NULL ? "<pointer>" : "NULL");
}

static void put_ulong_pointer(const struct member *member)
{
    CK_ULONG value = 0;
    if (kk_trace_peek_ulong(pointer_of(member), &value)) {
        kk_trace_put_number(member->walk->out, value);
    } else {
        put_opaque(member);
    }
}

/* A structure behind a pointer. */
static void put_structure_at(const struct walk *walk, const void *at,
                             const struct kk_param_layout *layout, CK_ULONG outer_bits)
{
    KK_CLEANUP(kk_freep) uint8_t *copy = NULL;
    if (at == NULL) {
        kk_trace_put(walk->out, "NULL");
    } else if (walk->depth > DEPTH_MAX || kk_alloc(layout->size, &copy) != CKR_OK ||
               !kk_trace_peek(at, copy, layout->size)) {
        kk_trace_put(walk->out, "<unreadable>");
    } else {
        put_structure(walk, copy, layout, outer_bits);
    }
}

/* The two structures with a CK_SSL3_KEY_MAT_OUT say at one place how long its IVs are. */
static void put_nested(const struct member *member)
{
    struct walk next = deeper(member->walk);
    CK_ULONG bits = 0;
    if (member->layout->size > offsetof(CK_SSL3_KEY_MAT_PARAMS, ulIVSizeInBits)) {
        bits = ulong_at(member, offsetof(CK_SSL3_KEY_MAT_PARAMS, ulIVSizeInBits));
    }
    put_structure_at(&next, pointer_of(member), member->field->nested, bits);
}

static void put_array(const struct member *member)
{
    struct walk next = deeper(member->walk);
    const uint8_t *at = pointer_of(member);
    CK_ULONG count = ulong_at(member, member->field->length_offset);
    if (at == NULL) {
        kk_trace_put(next.out, "NULL");
        return;
    }
    kk_trace_put(next.out, "[");
    CK_ULONG i = 0;
    for (; i < count && !is_cut(&next, i); i++) {
        put_separator(next.out, i == 0);
        put_structure_at(&next, at + i * member->field->nested->size, member->field->nested, 0);
    }
    put_separator(next.out, i == 0 || i == count);
    kk_trace_put(next.out, i < count ? "<more>]" : "]");
}

static void put_variant(const struct member *member)
{
    struct walk next = deeper(member->walk);
    CK_ULONG type = ulong_at(member, member->field->type_offset);
    CK_ULONG len = ulong_at(member, member->field->length_offset);
    const struct kk_param_layout *layout = kk_param_variant_layout(member->field, type);
    if (layout != NULL && layout->size == len) {
        put_structure_at(&next, pointer_of(member), layout, 0);
    } else {
        put_pointed(member, len);
    }
}

static void put_inner_mechanism(const struct member *member)
{
    struct walk next = deeper(member->walk);
    put_mechanism(&next, pointer_of(member));
}

static void put_inner_template(const struct member *member)
{
    struct walk next = deeper(member->walk);
    put_template(&next, pointer_of(member), ulong_at(member, member->field->length_offset));
}

static void (*const member_kinds[])(const struct member *member) = {
    [KK_FIELD_ULONG] = put_number,
    [KK_FIELD_LENGTH] = put_number,
    [KK_FIELD_BOOL] = put_truth,
    [KK_FIELD_BYTES] = put_inline,
    [KK_FIELD_HANDLE] = put_handle,
    [KK_FIELD_STRUCT] = put_inner,
    [KK_FIELD_POINTER] = put_sized,
    [KK_FIELD_POINTER_BITS] = put_bits,
    [KK_FIELD_POINTER_NONCE] = put_nonce,
    [KK_FIELD_POINTER_FIXED] = put_fixed,
    [KK_FIELD_POINTER_INDIRECT] = put_indirect,
    [KK_FIELD_POINTER_OUTER] = put_outer,
    [KK_FIELD_POINTER_OPEN] = put_opaque,
    [KK_FIELD_POINTER_MAYBE] = put_sized,
    [KK_FIELD_TEXT] = put_opaque,
    [KK_FIELD_ULONG_POINTER] = put_ulong_pointer,
    [KK_FIELD_NESTED] = put_nested,
    [KK_FIELD_ARRAY] = put_array,
    [KK_FIELD_VARIANT] = put_variant,
    [KK_FIELD_MECHANISM] = put_inner_mechanism,
    [KK_FIELD_TEMPLATE] = put_inner_template,
    [KK_FIELD_HANDLE_POINTER] = put_opaque,
};

static void put_structure(const struct walk *walk, const uint8_t *base,
                          const struct kk_param_layout *layout, CK_ULONG outer_bits)
{
    kk_trace_put(walk->out, "{");
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        struct member member = {.walk = walk,
                                .base = base,
                                .layout = layout,
                                .field = field,
                                .known = kk_trace_member(field->name),
                                .outer_bits = outer_bits};
        put_separator(walk->out, i == 0);
        kk_trace_put(walk->out, field->name);
        kk_trace_put(walk->out, "=");
        member_kinds[field->kind](&member);
    }
    kk_trace_put(walk->out, "}");
}

/* ---- mechanisms ---- */

static void put_raw_parameter(const struct walk *walk, const CK_MECHANISM *mechanism)
{
    struct kk_buffer *out = walk->out;
    CK_ULONG len = mechanism->ulParameterLen;
    kk_trace_put(out, "{");
    if (mechanism->pParameter == NULL) {
        kk_trace_put_length(out, len, " at NULL");
    } else if (kk_trace_takes_bytes(mechanism->mechanism)) {
        put_bytes(out, mechanism->pParameter, len, false);
    } else {
        kk_trace_put_length(out, len, "");
    }
    kk_trace_put(out, "}");
}

static void put_mechanism(const struct walk *walk, const void *at)
{
    CK_MECHANISM mechanism = {0};
    if (at == NULL || walk->depth > DEPTH_MAX || !kk_trace_peek(at, &mechanism, sizeof mechanism)) {
        kk_trace_put(walk->out, at == NULL ? "NULL" : "<unreadable>");
        return;
    }
    const struct kk_param_layout *layout =
        kk_trace_layout(mechanism.mechanism, mechanism.ulParameterLen);
    kk_trace_put_word(walk->out, kk_trace_word(KK_NAMES_CKM, "CKM_", mechanism.mechanism),
                      mechanism.mechanism);
    if (mechanism.pParameter != NULL && layout != NULL) {
        struct walk next = deeper(walk);
        put_structure_at(&next, mechanism.pParameter, layout, 0);
    } else if (mechanism.pParameter != NULL || mechanism.ulParameterLen != 0) {
        put_raw_parameter(walk, &mechanism);
    }
}

void kk_trace_put_mechanism(struct kk_buffer *out, const void *mechanism, enum kk_trace_when when,
                            bool takes_back)
{
    put_mechanism(&(struct walk){.out = out, .when = when, .takes_back = takes_back}, mechanism);
}

void kk_trace_put_message(struct kk_buffer *out, const void *parameter, CK_ULONG len,
                          enum kk_trace_when when, bool takes_back)
{
    struct walk walk = {.out = out, .when = when, .takes_back = takes_back};
    const struct kk_param_layout *layout = kk_trace_message_layout(len);
    if (parameter == NULL && len == 0) {
        kk_trace_put(out, "NULL");
    } else if (parameter == NULL || layout == NULL) {
        kk_trace_put_length(out, len, parameter == NULL ? " at NULL" : "");
    } else {
        put_structure_at(&walk, parameter, layout, 0);
    }
}

bool kk_trace_mechanism_gives(const void *at)
{
    CK_MECHANISM mechanism = {0};
    if (at == NULL || !kk_trace_peek(at, &mechanism, sizeof mechanism)) {
        return false;
    }
    const struct kk_param_layout *layout =
        kk_trace_layout(mechanism.mechanism, mechanism.ulParameterLen);
    for (size_t i = 0; layout != NULL && i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        if (field->direction == KK_PARAM_INOUT && kk_trace_member(field->name).is_open) {
            return true;
        }
    }
    return false;
}
