/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layouts against the structures as pkcs11.h writes them.
 */
#include "unit.h"

#include "cryptoki/params.h"

#include "header.h"

#include <stdbool.h>
#include <string.h>

#define MEMBERS_MAX 20

struct member {
    char type[64];
    char name[64];
};

/* The members of `struct name` in the header, none when it is not there. */
static size_t header_members(const char *name, struct member members[MEMBERS_MAX])
{
    char opening[100];
    (void)snprintf(opening, sizeof opening, "\nstruct %s {\n", name);
    const char *at = strstr(header_text(), opening);
    if (at == NULL) {
        return 0;
    }
    at += strlen(opening);
    size_t count = 0;
    while (sscanf(at, " %63[A-Za-z0-9_] %63[A-Za-z0-9_]", members[count].type,
                  members[count].name) == 2) {
        assert_true(++count < MEMBERS_MAX);
        at = strchr(at, '\n') + 1;
    }
    return count;
}

/* Calls `check` for every layout: those of the shapes and all that they refer to. */
static void each_nested(const struct kk_param_layout *layout,
                        void (*check)(const struct kk_param_layout *layout))
{
    check(layout);
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->fields[i].nested != NULL) {
            each_nested(layout->fields[i].nested, check);
        }
        for (const struct kk_param_variant *variant = layout->fields[i].variants;
             variant != NULL && variant->layout != NULL; variant++) {
            each_nested(variant->layout, check);
        }
    }
}

static void each_layout(void (*check)(const struct kk_param_layout *layout))
{
    for (enum kk_param_shape shape = KK_PARAM_ULONG; shape < KK_PARAM_COUNT; shape++) {
        const struct kk_param_layout *layout = kk_param_layout(shape);
        assert_non_null(layout);
        each_nested(layout, check);
    }
}

static bool is_pointer(const struct kk_param_field *field)
{
    return field->kind >= KK_FIELD_POINTER;
}

static bool is_inline_bytes(const struct kk_param_field *field)
{
    return field->kind == KK_FIELD_BYTES || field->kind == KK_FIELD_BOOL;
}

static size_t own_size(const struct kk_param_field *field)
{
    return is_pointer(field) ? sizeof(void *) : field->size;
}

static size_t alignment(const struct kk_param_layout *layout)
{
    size_t most = 1;
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        size_t needed = field->kind == KK_FIELD_STRUCT ? alignment(field->nested)
                        : is_inline_bytes(field)       ? 1
                                                       : sizeof(CK_ULONG);
        most = needed > most ? needed : most;
    }
    return most;
}

static size_t round_up(size_t value, size_t to)
{
    return (value + to - 1) / to * to;
}

static void check_offsets(const struct kk_param_layout *layout)
{
    size_t end = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_layout one = {layout->name, 0, &layout->fields[i], 1};
        assert_int_equal(layout->fields[i].offset, round_up(end, alignment(&one)));
        end = layout->fields[i].offset + own_size(&layout->fields[i]);
    }
    assert_int_equal(layout->size, round_up(end, alignment(layout)));
}

static void test_fields_fill_their_structure(void **state)
{
    (void)state;
    each_layout(check_offsets);
}

static void check_members(const struct kk_param_layout *layout)
{
    struct member members[MEMBERS_MAX];
    if (strcmp(layout->name, "CK_ULONG") == 0 || strcmp(layout->name, "CK_OBJECT_HANDLE") == 0) {
        assert_int_equal(layout->count, 1);
        return;
    }
    assert_int_equal(header_members(layout->name, members), layout->count);
    for (size_t i = 0; i < layout->count; i++) {
        assert_string_equal(layout->fields[i].name, members[i].name);
    }
}

static void test_each_member_of_the_header_has_one_field(void **state)
{
    (void)state;
    each_layout(check_members);
}

/* Which kinds a member of a type can be; other types are numbers. */
static const struct {
    const char *type;
    uint32_t kinds;
} types[] = {
    {"CK_BYTE", 1U << KK_FIELD_BYTES},
    {"CK_BBOOL", 1U << KK_FIELD_BOOL},
    {"CK_OBJECT_HANDLE", 1U << KK_FIELD_HANDLE},
    {"CK_OBJECT_HANDLE_PTR", 1U << KK_FIELD_HANDLE_POINTER},
    {"CK_MECHANISM_PTR", 1U << KK_FIELD_MECHANISM},
    {"CK_ATTRIBUTE_PTR", 1U << KK_FIELD_TEMPLATE},
    {"CK_ULONG_PTR", 1U << KK_FIELD_ULONG_POINTER},
    {"CK_VERSION_PTR", 1U << KK_FIELD_NESTED},
    {"CK_SSL3_KEY_MAT_OUT_PTR", 1U << KK_FIELD_NESTED},
    {"CK_WTLS_KEY_MAT_OUT_PTR", 1U << KK_FIELD_NESTED},
    {"CK_RSA_PKCS_OAEP_PARAMS_PTR", 1U << KK_FIELD_NESTED},
    {"CK_OTP_PARAM_PTR", 1U << KK_FIELD_ARRAY},
    {"CK_PRF_DATA_PARAM_PTR", 1U << KK_FIELD_ARRAY},
    {"CK_DERIVED_KEY_PTR", 1U << KK_FIELD_ARRAY},
    {"CK_SSL3_RANDOM_DATA", 1U << KK_FIELD_STRUCT},
    {"CK_WTLS_RANDOM_DATA", 1U << KK_FIELD_STRUCT},
    {"CK_UTF8CHAR_PTR",
     1U << KK_FIELD_POINTER | 1U << KK_FIELD_POINTER_INDIRECT | 1U << KK_FIELD_TEXT},
    {"CK_VOID_PTR", 1U << KK_FIELD_POINTER | 1U << KK_FIELD_VARIANT},
    {"CK_BYTE_PTR", 1U << KK_FIELD_POINTER | 1U << KK_FIELD_POINTER_BITS |
                        1U << KK_FIELD_POINTER_FIXED | 1U << KK_FIELD_POINTER_INDIRECT |
                        1U << KK_FIELD_POINTER_OUTER | 1U << KK_FIELD_POINTER_OPEN |
                        1U << KK_FIELD_POINTER_NONCE | 1U << KK_FIELD_POINTER_MAYBE},
};

static uint32_t kinds_of(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i].type, type) == 0) {
            return types[i].kinds;
        }
    }
    assert_null(strstr(type, "_PTR"));
    return 1U << KK_FIELD_ULONG | 1U << KK_FIELD_LENGTH;
}

static void check_kinds(const struct kk_param_layout *layout)
{
    struct member members[MEMBERS_MAX];
    size_t count = header_members(layout->name, members);
    for (size_t i = 0; i < count; i++) {
        if ((kinds_of(members[i].type) & 1U << layout->fields[i].kind) == 0) {
            fail_msg("%s.%s is no %s", layout->name, members[i].name, members[i].type);
        }
    }
}

static void test_each_field_is_of_its_members_type(void **state)
{
    (void)state;
    each_layout(check_kinds);
}

static const struct kk_param_field *field_at(const struct kk_param_layout *layout, size_t offset)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->fields[i].offset == offset) {
            return &layout->fields[i];
        }
    }
    fail_msg("%s has no member at %zu", layout->name, offset);
    abort();
}

static bool has_length(const struct kk_param_field *field)
{
    return field->kind == KK_FIELD_POINTER || field->kind == KK_FIELD_POINTER_BITS ||
           field->kind == KK_FIELD_POINTER_NONCE || field->kind == KK_FIELD_POINTER_MAYBE ||
           field->kind == KK_FIELD_ARRAY || field->kind == KK_FIELD_VARIANT ||
           field->kind == KK_FIELD_TEMPLATE;
}

static void check_lengths(const struct kk_param_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        if (has_length(field)) {
            assert_int_equal(field_at(layout, field->length_offset)->kind, KK_FIELD_LENGTH);
        }
        if (field->kind == KK_FIELD_POINTER_BITS) {
            assert_non_null(strstr(field_at(layout, field->length_offset)->name, "Bits"));
        }
        bool is_indirect = field->kind == KK_FIELD_POINTER_INDIRECT;
        if (is_indirect) {
            assert_int_equal(field_at(layout, field->length_offset)->kind, KK_FIELD_ULONG_POINTER);
        }
        bool is_outer = field->kind == KK_FIELD_POINTER_OUTER;
        assert_true(has_length(field) || is_indirect || is_outer || field->length_offset == 0);
    }
}

static void test_lengths_are_numbers_of_the_same_structure(void **state)
{
    (void)state;
    each_layout(check_lengths);
}

/* A length is somebody's length. */
static void check_length_is_used(const struct kk_param_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        size_t users = 0;
        for (size_t j = 0; j < layout->count; j++) {
            users += has_length(&layout->fields[j]) &&
                     layout->fields[j].length_offset == layout->fields[i].offset;
        }
        assert_int_equal(users > 0, layout->fields[i].kind == KK_FIELD_LENGTH);
    }
}

static void test_each_length_is_used(void **state)
{
    (void)state;
    each_layout(check_length_is_used);
}

static void check_references(const struct kk_param_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        bool is_nested = field->kind == KK_FIELD_STRUCT || field->kind == KK_FIELD_NESTED ||
                         field->kind == KK_FIELD_ARRAY;
        assert_int_equal(field->nested != NULL, is_nested);
        assert_int_equal(field->variants != NULL, field->kind == KK_FIELD_VARIANT);
        if (field->kind == KK_FIELD_STRUCT) {
            assert_int_equal(field->size, field->nested->size);
        }
        if (field->kind == KK_FIELD_VARIANT) {
            assert_string_equal(field_at(layout, field->type_offset)->name, "type");
        }
        /* What encloses a structure with OUTER lengths has a number there. */
        for (size_t j = 0; field->kind == KK_FIELD_NESTED && j < field->nested->count; j++) {
            const struct kk_param_field *inner = &field->nested->fields[j];
            if (inner->kind == KK_FIELD_POINTER_OUTER) {
                assert_string_equal(field_at(layout, inner->length_offset)->name, "ulIVSizeInBits");
            }
        }
    }
}

static void test_references_lead_somewhere(void **state)
{
    (void)state;
    each_layout(check_references);
}

static void test_every_params_structure_has_a_shape(void **state)
{
    (void)state;
    size_t found = 0;
    for (const char *at = header_text(); (at = strstr(at, "\nstruct CK_")) != NULL; at++) {
        char name[80] = {0};
        assert_int_equal(sscanf(at, "\nstruct %79[A-Z0-9_a-z]", name), 1);
        if (strstr(name, "_PARAMS") == NULL) {
            continue;
        }
        size_t shapes = 0;
        for (enum kk_param_shape shape = KK_PARAM_ULONG; shape < KK_PARAM_COUNT; shape++) {
            shapes += strcmp(kk_param_layout(shape)->name, name) == 0;
        }
        /* With IVs, and without. */
        size_t wanted = strcmp(name, "CK_TLS12_KEY_MAT_PARAMS") == 0 ? 2 : 1;
        if (shapes != wanted) {
            fail_msg("%s has %zu shapes", name, shapes);
        }
        found++;
    }
    assert_true(found > 65);
}

static void test_shapes_without_layout(void **state)
{
    (void)state;
    assert_null(kk_param_layout(KK_PARAM_NONE));
    assert_null(kk_param_layout(KK_PARAM_BYTES));
    assert_null(kk_param_layout(KK_PARAM_COUNT));
    assert_null(kk_param_layout((enum kk_param_shape) - 1));
    assert_int_equal(kk_param_layout(KK_PARAM_ULONG)->size, sizeof(CK_ULONG));
    assert_int_equal(kk_param_layout(KK_PARAM_HANDLE)->fields[0].kind, KK_FIELD_HANDLE);
    assert_int_equal(kk_param_layout(KK_PARAM_VERSION)->size, sizeof(CK_VERSION));
}

static void test_variants(void **state)
{
    (void)state;
    const struct kk_param_layout *kdf = kk_param_layout(KK_PARAM_SP800_108_KDF);
    const struct kk_param_field *data =
        field_at(kdf, offsetof(CK_SP800_108_KDF_PARAMS, pDataParams));
    const struct kk_param_field *value =
        field_at(data->nested, offsetof(CK_PRF_DATA_PARAM, pValue));
    assert_string_equal(kk_param_variant_layout(value, CK_SP800_108_KEY_HANDLE)->name,
                        "CK_OBJECT_HANDLE");
    assert_string_equal(kk_param_variant_layout(value, CK_SP800_108_DKM_LENGTH)->name,
                        "CK_SP800_108_DKM_LENGTH_FORMAT");
    assert_string_equal(kk_param_variant_layout(value, CK_SP800_108_COUNTER)->name,
                        "CK_SP800_108_COUNTER_FORMAT");
    assert_null(kk_param_variant_layout(value, CK_SP800_108_BYTE_ARRAY));
    assert_null(kk_param_variant_layout(value, 0));
    assert_null(kk_param_variant_layout(data, CK_SP800_108_KEY_HANDLE));
}

static unsigned int direction_of(enum kk_param_shape shape, const char *name)
{
    const struct kk_param_layout *layout = kk_param_layout(shape);
    for (size_t i = 0; i < layout->count; i++) {
        if (strcmp(layout->fields[i].name, name) == 0) {
            return layout->fields[i].direction;
        }
    }
    fail_msg("%s has no %s", layout->name, name);
    return KK_PARAM_IN;
}

static void test_what_the_module_writes(void **state)
{
    (void)state;
    assert_int_equal(direction_of(KK_PARAM_GCM, "pIv"), KK_PARAM_IN);
    assert_int_equal(direction_of(KK_PARAM_GCM_MESSAGE, "pIv"), KK_PARAM_INOUT);
    assert_int_equal(direction_of(KK_PARAM_GCM_MESSAGE, "pTag"), KK_PARAM_INOUT);
    assert_int_equal(direction_of(KK_PARAM_CCM_MESSAGE, "pMAC"), KK_PARAM_INOUT);
    assert_int_equal(direction_of(KK_PARAM_GCM_WRAP, "pIv"), KK_PARAM_INOUT);
    assert_int_equal(direction_of(KK_PARAM_TLS_PRF, "pOutput"), KK_PARAM_OUT);
    assert_int_equal(direction_of(KK_PARAM_TLS_PRF, "pulOutputLen"), KK_PARAM_INOUT);
    assert_int_equal(direction_of(KK_PARAM_SSL3_KEY_MAT, "pReturnedKeyMaterial"), KK_PARAM_OUT);
    assert_int_equal(direction_of(KK_PARAM_TLS12_MASTER_KEY_DERIVE, "pVersion"), KK_PARAM_OUT);
    assert_int_equal(direction_of(KK_PARAM_TLS12_KEY_SAFE, "pReturnedKeyMaterial"), KK_PARAM_OUT);
    assert_int_equal(direction_of(KK_PARAM_PBE, "pInitVector"), KK_PARAM_OUT);
    assert_int_equal(direction_of(KK_PARAM_PBE, "pPassword"), KK_PARAM_IN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_fill_their_structure),
        cmocka_unit_test(test_each_member_of_the_header_has_one_field),
        cmocka_unit_test(test_each_field_is_of_its_members_type),
        cmocka_unit_test(test_lengths_are_numbers_of_the_same_structure),
        cmocka_unit_test(test_each_length_is_used),
        cmocka_unit_test(test_references_lead_somewhere),
        cmocka_unit_test(test_every_params_structure_has_a_shape),
        cmocka_unit_test(test_shapes_without_layout),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_what_the_module_writes),
    };
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
