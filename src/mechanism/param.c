/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying a caller's parameter by its layout. Each byte of the caller's memory is read once, and
 * every length is taken from our copy, so that a caller who changes its memory meanwhile changes
 * nothing here. What does not fit into the parameter itself lies in a chain of chunks, which never
 * move; only pointers into the inline part are mended when a parameter moves.
 */
#include "mechanism/param.h"

#include "base/memory.h"

#include "base/banned.h"

#define ALIGNMENT ((size_t)16)
#define TEXT_MAX 4096

struct chunk {
    struct chunk *next;
    size_t size; /* all of it */
    _Alignas(16) uint8_t bytes[];
};

/* What is to be written back. */
struct out {
    struct out *next;
    uint8_t *theirs;
    const uint8_t *ours;
    size_t len;
};

/* What a pointer points to: bytes, which are `count` structures when `nested` is set. */
struct target {
    size_t len;
    size_t count;
    const struct kk_param_layout *nested;
};

typedef CK_RV target_fn(const struct kk_param_field *field, const uint8_t *self,
                        const uint8_t *outer, const void *pointer, struct target *ret_target);

/* clang-format off */
static const struct kk_param_field mechanism_fields[] = {
    {.kind = KK_FIELD_ULONG, .offset = offsetof(CK_MECHANISM, mechanism), .size = sizeof(CK_ULONG), .name = "mechanism"},
    {.kind = KK_FIELD_POINTER, .offset = offsetof(CK_MECHANISM, pParameter), .size = sizeof(void *), .length_offset = offsetof(CK_MECHANISM, ulParameterLen), .name = "pParameter"},
    {.kind = KK_FIELD_LENGTH, .offset = offsetof(CK_MECHANISM, ulParameterLen), .size = sizeof(CK_ULONG), .name = "ulParameterLen"},
};
static const struct kk_param_field attribute_fields[] = {
    {.kind = KK_FIELD_ULONG, .offset = offsetof(CK_ATTRIBUTE, type), .size = sizeof(CK_ULONG), .name = "type"},
    {.kind = KK_FIELD_POINTER, .offset = offsetof(CK_ATTRIBUTE, pValue), .size = sizeof(void *), .length_offset = offsetof(CK_ATTRIBUTE, ulValueLen), .name = "pValue"},
    {.kind = KK_FIELD_LENGTH, .offset = offsetof(CK_ATTRIBUTE, ulValueLen), .size = sizeof(CK_ULONG), .name = "ulValueLen"},
};
/* clang-format on */
static const struct kk_param_layout mechanism_layout = {
    "CK_MECHANISM", sizeof(CK_MECHANISM), mechanism_fields, KK_ARRAY_LEN(mechanism_fields)};
static const struct kk_param_layout attribute_layout = {
    "CK_ATTRIBUTE", sizeof(CK_ATTRIBUTE), attribute_fields, KK_ARRAY_LEN(attribute_fields)};

/* Members are read and written by memcpy: a caller's structures may lie anywhere. */
static CK_ULONG ulong_at(const uint8_t *self, size_t offset)
{
    CK_ULONG value;
    memcpy(&value, self + offset, sizeof value);
    return value;
}

static void *pointer_at(const uint8_t *self, size_t offset)
{
    void *value;
    memcpy(&value, self + offset, sizeof value);
    return value;
}

static void set_pointer(uint8_t *self, size_t offset, const void *value)
{
    memcpy(self + offset, &value, sizeof value);
}

/* No length in the standard goes beyond 2^32 - 1. */
static KK_RV size_of(CK_ULONG value, size_t *ret_size)
{
    uint64_t wide = value; /* CK_ULONG may have 32 bits */
    KK_ENSURE(wide <= UINT32_MAX, CKR_MECHANISM_PARAM_INVALID);
    return kk_ulong_to_size(value, CKR_MECHANISM_PARAM_INVALID, ret_size);
}

static CK_RV target_counted(const struct kk_param_field *field, const uint8_t *self,
                            const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)outer;
    (void)pointer;
    return size_of(ulong_at(self, field->length_offset), &ret_target->len);
}

static CK_RV target_bits(const struct kk_param_field *field, const uint8_t *self,
                         const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    size_t bits = 0;
    (void)outer;
    (void)pointer;
    KK_TRY(size_of(ulong_at(self, field->length_offset), &bits));
    ret_target->len = bits / 8 + (bits % 8 != 0);
    return CKR_OK;
}

/* The standard counts bits here, programs that know it from elsewhere count bytes; nonces have 8
 * bytes or more, and fewer than 64. */
static CK_RV target_nonce(const struct kk_param_field *field, const uint8_t *self,
                          const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    if (ulong_at(self, field->length_offset) < 64) {
        return target_counted(field, self, outer, pointer, ret_target);
    }
    return target_bits(field, self, outer, pointer, ret_target);
}

static CK_RV target_outer(const struct kk_param_field *field, const uint8_t *self,
                          const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)self;
    KK_ENSURE(outer != NULL, CKR_MECHANISM_PARAM_INVALID);
    return target_bits(field, outer, NULL, pointer, ret_target);
}

static CK_RV target_indirect(const struct kk_param_field *field, const uint8_t *self,
                             const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    const uint8_t *length = pointer_at(self, field->length_offset);
    (void)outer;
    if (length == NULL) {
        KK_ENSURE(pointer == NULL, CKR_MECHANISM_PARAM_INVALID);
        return CKR_OK;
    }
    return size_of(ulong_at(length, 0), &ret_target->len);
}

static CK_RV target_fixed(const struct kk_param_field *field, const uint8_t *self,
                          const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)self;
    (void)outer;
    ret_target->len = pointer == NULL ? 0 : field->size;
    return CKR_OK;
}

static CK_RV target_ulong(const struct kk_param_field *field, const uint8_t *self,
                          const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)field;
    (void)self;
    (void)outer;
    ret_target->len = pointer == NULL ? 0 : sizeof(CK_ULONG);
    return CKR_OK;
}

static CK_RV target_text(const struct kk_param_field *field, const uint8_t *self,
                         const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)field;
    (void)self;
    (void)outer;
    if (pointer == NULL) {
        return CKR_OK;
    }
    size_t len = strnlen(pointer, TEXT_MAX);
    KK_ENSURE(len < TEXT_MAX, CKR_MECHANISM_PARAM_INVALID);
    ret_target->len = len + 1;
    return CKR_OK;
}

/* The standard does not say how many bytes these are: they cannot be copied, nor used. */
static CK_RV target_open(const struct kk_param_field *field, const uint8_t *self,
                         const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)field;
    (void)self;
    (void)outer;
    (void)pointer;
    ret_target->len = 0;
    return CKR_OK;
}

static CK_RV structures(const struct kk_param_layout *nested, size_t count,
                        struct target *ret_target)
{
    KK_ENSURE(kk_mul(count, nested->size, &ret_target->len), CKR_MECHANISM_PARAM_INVALID);
    ret_target->nested = nested;
    ret_target->count = count;
    return CKR_OK;
}

static CK_RV target_nested(const struct kk_param_field *field, const uint8_t *self,
                           const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)self;
    (void)outer;
    return structures(field->nested, pointer == NULL ? 0 : 1, ret_target);
}

static CK_RV target_mechanism(const struct kk_param_field *field, const uint8_t *self,
                              const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    (void)field;
    (void)self;
    (void)outer;
    return structures(&mechanism_layout, pointer == NULL ? 0 : 1, ret_target);
}

static CK_RV target_array(const struct kk_param_field *field, const uint8_t *self,
                          const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    size_t count = 0;
    (void)outer;
    (void)pointer;
    KK_TRY(size_of(ulong_at(self, field->length_offset), &count));
    return structures(field->nested, count, ret_target);
}

static CK_RV target_template(const struct kk_param_field *field, const uint8_t *self,
                             const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    size_t count = 0;
    (void)outer;
    (void)pointer;
    KK_TRY(size_of(ulong_at(self, field->length_offset), &count));
    return structures(&attribute_layout, count, ret_target);
}

static CK_RV target_variant(const struct kk_param_field *field, const uint8_t *self,
                            const uint8_t *outer, const void *pointer, struct target *ret_target)
{
    const struct kk_param_layout *layout =
        kk_param_variant_layout(field, ulong_at(self, field->type_offset));
    KK_TRY(target_counted(field, self, outer, pointer, ret_target));
    if (layout != NULL && ret_target->len != 0) {
        KK_ENSURE(ret_target->len == layout->size, CKR_MECHANISM_PARAM_INVALID);
        return structures(layout, 1, ret_target);
    }
    return CKR_OK;
}

/* By kind; NULL where the member is no pointer. */
static target_fn *const targets[] = {
    [KK_FIELD_POINTER] = target_counted,
    [KK_FIELD_POINTER_BITS] = target_bits,
    [KK_FIELD_POINTER_NONCE] = target_nonce,
    [KK_FIELD_POINTER_FIXED] = target_fixed,
    [KK_FIELD_POINTER_INDIRECT] = target_indirect,
    [KK_FIELD_POINTER_OUTER] = target_outer,
    [KK_FIELD_POINTER_OPEN] = target_open,
    [KK_FIELD_POINTER_MAYBE] = target_counted,
    [KK_FIELD_TEXT] = target_text,
    [KK_FIELD_ULONG_POINTER] = target_ulong,
    [KK_FIELD_NESTED] = target_nested,
    [KK_FIELD_ARRAY] = target_array,
    [KK_FIELD_VARIANT] = target_variant,
    [KK_FIELD_MECHANISM] = target_mechanism,
    [KK_FIELD_TEMPLATE] = target_template,
    [KK_FIELD_HANDLE_POINTER] = target_ulong,
};

/* Zeroed when it comes from a chunk; inline memory is zeroed here. */
static KK_RV take(struct kk_param *param, size_t len, uint8_t **ret_bytes)
{
    size_t start = (param->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (start <= KK_PARAM_INLINE && len <= KK_PARAM_INLINE - start) {
        *ret_bytes = param->inline_ + start;
        memset(*ret_bytes, 0, len);
        param->used = start + len;
        return CKR_OK;
    }
    struct chunk *chunk = NULL;
    size_t size = 0;
    KK_ENSURE(kk_add(sizeof *chunk, len, &size), CKR_HOST_MEMORY);
    KK_TRY(kk_alloc(size, &chunk));
    chunk->size = size;
    chunk->next = param->heap;
    param->heap = chunk;
    *ret_bytes = chunk->bytes;
    return CKR_OK;
}

/* A structure of the caller's, and our copy of it. */
struct copy {
    uint8_t *ours;
    const uint8_t *theirs;
};

static KK_RV copy_fields(struct kk_param *param, const struct kk_param_layout *layout,
                         const struct copy *copy, const uint8_t *outer);

static KK_RV add_out(struct kk_param *param, const uint8_t *theirs, const uint8_t *ours, size_t len)
{
    uint8_t *bytes = NULL;
    KK_TRY(take(param, sizeof(struct out), &bytes));
    struct out *out = (struct out *)(void *)bytes;
    /* The caller's memory, which it gave to be written. */
    *out = (struct out){param->outs, (uint8_t *)(uintptr_t)theirs, ours, len};
    param->outs = out;
    return CKR_OK;
}

/* Whether members of the structure say themselves that they go back. */
static bool has_outs(const struct kk_param_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->fields[i].direction != KK_PARAM_IN) {
            return true;
        }
    }
    return false;
}

/* What stands for a pointer to no bytes. */
static const void *nothing_at(const struct kk_param_field *field, const void *theirs)
{
    static const uint8_t nothing[1];
    bool is_told_apart = field->kind == KK_FIELD_POINTER_MAYBE && theirs != NULL;
    return is_told_apart ? nothing : NULL;
}

static KK_RV copy_pointer(struct kk_param *param, const struct kk_param_field *field, uint8_t *self,
                          const uint8_t *outer)
{
    const uint8_t *from = pointer_at(self, field->offset);
    struct target target = {0};
    uint8_t *to = NULL;
    KK_TRY(targets[field->kind](field, self, outer, from, &target));
    if (target.len == 0) {
        set_pointer(self, field->offset, nothing_at(field, from));
        return CKR_OK;
    }
    KK_ENSURE(from != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(take(param, target.len, &to));
    if (field->direction != KK_PARAM_OUT || target.nested != NULL) {
        memcpy(to, from, target.len);
    }
    set_pointer(self, field->offset, to);
    if (field->direction != KK_PARAM_IN && (target.nested == NULL || !has_outs(target.nested))) {
        KK_TRY(add_out(param, from, to, target.len));
    }
    for (size_t i = 0; i < target.count; i++) {
        struct copy copy = {to + i * target.nested->size, from + i * target.nested->size};
        KK_TRY(copy_fields(param, target.nested, &copy, self));
    }
    return CKR_OK;
}

static KK_RV add_handle(struct kk_param *param, CK_OBJECT_HANDLE handle)
{
    KK_ENSURE(param->key_count < KK_PARAM_KEYS, CKR_MECHANISM_PARAM_INVALID);
    param->handles[param->key_count] = handle;
    param->keys[param->key_count] = NULL;
    param->facts[param->key_count] = (struct kk_key_facts){0};
    param->key_count++;
    return CKR_OK;
}

static KK_RV copy_field(struct kk_param *param, const struct kk_param_field *field,
                        const struct copy *copy, const uint8_t *outer)
{
    uint8_t *at = copy->ours + field->offset;
    if (field->kind == KK_FIELD_STRUCT) {
        struct copy inner = {at, copy->theirs + field->offset};
        return copy_fields(param, field->nested, &inner, copy->ours);
    }
    if (field->kind == KK_FIELD_HANDLE && field->direction != KK_PARAM_OUT) {
        return add_handle(param, ulong_at(copy->ours, field->offset));
    }
    if (targets[field->kind] != NULL) {
        return copy_pointer(param, field, copy->ours, outer);
    }
    if (field->direction != KK_PARAM_IN) {
        return add_out(param, copy->theirs + field->offset, at, field->size);
    }
    return CKR_OK;
}

/* A number or bytes of the caller's: they came with the structure. */
static bool is_plain(const struct kk_param_field *field)
{
    return field->kind <= KK_FIELD_BYTES && field->direction == KK_PARAM_IN;
}

/* Lengths that are pointed to come first: other members are measured by them. Layouts nest at most
 * four deep and never hold themselves. */
static KK_RV copy_fields(struct kk_param *param, const struct kk_param_layout *layout,
                         const struct copy *copy, const uint8_t *outer)
{
    const struct kk_param_field *end = layout->fields + layout->count;
    for (const struct kk_param_field *field = layout->fields; field < end; field++) {
        if (KK_UNLIKELY(field->kind == KK_FIELD_ULONG_POINTER)) {
            KK_TRY(copy_field(param, field, copy, outer));
        }
    }
    for (const struct kk_param_field *field = layout->fields; field < end; field++) {
        if (field->kind != KK_FIELD_ULONG_POINTER && !is_plain(field)) {
            KK_TRY(copy_field(param, field, copy, outer));
        }
    }
    return CKR_OK;
}

static KK_RV copy_all(struct kk_param *param, const void *parameter, size_t len)
{
    const struct kk_param_layout *layout = kk_param_layout(param->shape);
    uint8_t *self = NULL;
    KK_ENSURE(layout == NULL || len == layout->size, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(take(param, len, &self));
    memcpy(self, parameter, len);
    param->data = self;
    param->len = len;
    struct copy copy = {self, parameter};
    return layout == NULL ? CKR_OK : copy_fields(param, layout, &copy, NULL);
}

/* PKCS #5 parameters have had two structures of one size: in the older one ulPasswordLen is a
 * pointer. No page below 64 KiB can be pointed to, nor can what is not aligned or lies above every
 * address that a process has; and no password is that long. */
static bool may_be_pointer(CK_ULONG value)
{
    return value >= 0x10000 && value % sizeof(CK_ULONG) == 0 && (uint64_t)value >> 56 == 0;
}

static enum kk_param_shape shape_of(enum kk_param_shape shape, const void *parameter, size_t len)
{
    size_t at = offsetof(CK_PKCS5_PBKD2_PARAMS2, ulPasswordLen);
    bool both = shape == KK_PARAM_PKCS5_PBKD2_PARAMS2 && len == sizeof(CK_PKCS5_PBKD2_PARAMS2);
    bool is_pointer = both && may_be_pointer(ulong_at(parameter, at));
    return is_pointer ? KK_PARAM_PKCS5_PBKD2 : shape;
}

KK_STATIC_ASSERT(sizeof(CK_PKCS5_PBKD2_PARAMS) == sizeof(CK_PKCS5_PBKD2_PARAMS2) &&
                     offsetof(CK_PKCS5_PBKD2_PARAMS, ulPasswordLen) ==
                         offsetof(CK_PKCS5_PBKD2_PARAMS2, ulPasswordLen),
                 "the two structures differ in one member's type");

KK_RV kk_param_copy(enum kk_param_shape shape, const void *parameter, CK_ULONG parameter_len,
                    struct kk_param *ret_param)
{
    size_t len = 0;
    kk_param_init(ret_param);
    ret_param->shape = shape;
    if (shape == KK_PARAM_NONE || parameter_len == 0) {
        return CKR_OK;
    }
    KK_ENSURE(parameter != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(size_of(parameter_len, &len));
    ret_param->shape = shape_of(shape, parameter, len);
    CK_RV rv = copy_all(ret_param, parameter, len);
    if (rv != CKR_OK) {
        kk_param_clear(ret_param);
        return rv;
    }
    ret_param->present = true;
    return CKR_OK;
}

void kk_param_give_back(const struct kk_param *param)
{
    for (const struct out *out = param->outs; out != NULL; out = out->next) {
        memcpy(out->theirs, out->ours, out->len);
    }
}

void kk_param_give_back_one(const struct kk_param *param, const void *ours)
{
    for (const struct out *out = param->outs; out != NULL; out = out->next) {
        if (out->ours == ours) {
            memcpy(out->theirs, out->ours, out->len);
        }
    }
}

/* From the old inline part to the new one. */
struct move {
    const struct kk_param *from;
    struct kk_param *to;
};

static void *mended(const struct move *move, void *pointer)
{
    uintptr_t at = (uintptr_t)pointer;
    uintptr_t start = (uintptr_t)move->from->inline_;
    if (at < start || at >= start + KK_PARAM_INLINE) {
        return pointer;
    }
    return move->to->inline_ + (at - start);
}

static KK_RV mend_fields(const struct move *move, const struct kk_param_layout *layout,
                         uint8_t *self, const uint8_t *outer)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        struct target target = {0};
        if (field->kind == KK_FIELD_STRUCT) {
            KK_TRY(mend_fields(move, field->nested, self + field->offset, self));
        }
        if (targets[field->kind] == NULL) {
            continue;
        }
        uint8_t *pointer = mended(move, pointer_at(self, field->offset));
        set_pointer(self, field->offset, pointer);
        if (pointer == NULL) {
            continue;
        }
        KK_TRY(targets[field->kind](field, self, outer, pointer, &target));
        for (size_t j = 0; j < target.count; j++) {
            KK_TRY(mend_fields(move, target.nested, pointer + j * target.nested->size, self));
        }
    }
    return CKR_OK;
}

void kk_param_move(struct kk_param *to, struct kk_param *from)
{
    const struct kk_param_layout *layout = kk_param_layout(from->shape);
    struct move move = {.from = from, .to = to};
    memcpy(to, from, offsetof(struct kk_param, handles));
    if (KK_UNLIKELY(from->key_count > 0)) {
        memcpy(to->handles, from->handles, sizeof to->handles);
        memcpy(to->keys, from->keys, sizeof to->keys);
        memcpy(to->facts, from->facts, sizeof to->facts);
    }
    memcpy(to->inline_, from->inline_, from->used);
    to->outs = NULL;
    if (to->present) {
        uint8_t *self = mended(&move, (void *)(uintptr_t)from->data);
        to->data = self;
        /* Every length was good when the parameter was copied. */
        KK_ASSERT(layout == NULL || mend_fields(&move, layout, self, NULL) == CKR_OK);
    }
    kk_wipe(from->inline_, from->used);
    kk_param_init(from);
}

static void clear_chunks(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        kk_wipe(chunk, chunk->size);
        kk_free(chunk);
        chunk = next;
    }
}

void kk_param_clear(struct kk_param *param)
{
    clear_chunks(param->heap);
    for (size_t i = 0; i < param->key_count; i++) {
        kk_key_unref(param->keys[i]);
    }
    kk_wipe(param->inline_, param->used);
    kk_param_init(param);
}
