/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters of every shape, copied and moved: the caller's memory is overwritten after the copy,
 * and then every byte that the copy points to is read.
 */
#include <string.h>

#include "mechanism/param.h"
#include "structures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void read_bytes(const void *bytes, size_t len)
{
    uint8_t all = 0;
    for (size_t i = 0; i < len; i++) {
        all ^= ((const uint8_t *)bytes)[i];
    }
    sink = all;
}

static CK_ULONG ulong_at(const uint8_t *self, size_t offset)
{
    CK_ULONG value;
    memcpy(&value, self + offset, sizeof value);
    return value;
}

static const uint8_t *pointer_at(const uint8_t *self, size_t offset)
{
    const uint8_t *value;
    memcpy(&value, self + offset, sizeof value);
    return value;
}

static void read_layout(const struct kk_param_layout *layout, const uint8_t *self);

/* What a pointer of the copy points to. */
static void read_pointer(const struct kk_param_field *field, const uint8_t *self)
{
    const uint8_t *to = pointer_at(self, field->offset);
    if (to == NULL || field->kind == KK_FIELD_POINTER_OUTER) {
        return; /* the length of an outer one lies in another structure */
    }
    CK_ULONG len = ulong_at(self, field->length_offset);
    if (field->kind == KK_FIELD_POINTER || field->kind == KK_FIELD_VARIANT) {
        read_bytes(to, len);
    } else if (field->kind == KK_FIELD_POINTER_BITS) {
        read_bytes(to, len / 8 + (len % 8 != 0));
    } else if (field->kind == KK_FIELD_POINTER_FIXED) {
        read_bytes(to, field->size);
    } else if (field->kind == KK_FIELD_ULONG_POINTER || field->kind == KK_FIELD_HANDLE_POINTER) {
        read_bytes(to, sizeof(CK_ULONG));
    } else if (field->kind == KK_FIELD_TEXT) {
        read_bytes(to, strlen((const char *)to));
    } else if (field->kind == KK_FIELD_NESTED) {
        read_layout(field->nested, to);
    } else if (field->kind == KK_FIELD_ARRAY) {
        for (CK_ULONG i = 0; i < len; i++) {
            read_layout(field->nested, to + i * field->nested->size);
        }
    }
}

static bool is_pointer(const struct kk_param_field *field)
{
    return field->kind >= KK_FIELD_POINTER && field->kind <= KK_FIELD_HANDLE_POINTER;
}

static void read_layout(const struct kk_param_layout *layout, const uint8_t *self)
{
    read_bytes(self, layout->size);
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        if (field->kind == KK_FIELD_STRUCT) {
            read_layout(field->nested, self + field->offset);
        } else if (is_pointer(field)) {
            read_pointer(field, self);
        }
    }
}

static void read_param(const struct kk_param *param)
{
    const struct kk_param_layout *layout = kk_param_layout(param->shape);
    FUZZ_CHECK(param->key_count <= KK_PARAM_KEYS);
    if (!param->present) {
        return;
    }
    FUZZ_CHECK((uintptr_t)param->data % 8 == 0);
    if (layout != NULL) {
        read_layout(layout, param->data);
    } else {
        read_bytes(param->data, param->len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    const CK_OBJECT_HANDLE handles[] = {1, 2, 3};
    const struct known_handles known = {handles, 3};
    struct kk_param first;
    struct kk_param second;
    CK_MECHANISM mechanism;
    enum kk_param_shape shape = (enum kk_param_shape)input_below(&input, KK_PARAM_COUNT);
    guarded_restart();
    make_param(&input, shape, &known, &mechanism);
    kk_param_init(&first);
    CK_RV rv = kk_param_copy(shape, mechanism.pParameter, mechanism.ulParameterLen, &first);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_HOST_MEMORY);
    guarded_spoil();
    if (rv == CKR_OK) {
        read_param(&first);
        kk_param_move(&second, &first);
        kk_param_clear(&first);
        read_param(&second);
        kk_param_clear(&second);
    }
    return 0;
}
