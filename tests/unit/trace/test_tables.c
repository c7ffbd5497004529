/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace's tables against those of the standard's functions, of the mechanisms and of the
 * attributes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cryptoki/functions.h"
#include "cryptoki/shapes.h"
#include "mechanism/mechanism.h"
#include "object/attr_type.h"
#include "trace/calls.h"
#include "trace/tag.h"
#include "trace/words.h"

static const struct {
    const char *name;
    const char *parameters;
} functions[] = {
#define ROW(name_, params, app_params, args) {#name_, #params},
    KK_FUNCTIONS(ROW)
#undef ROW
};

/* The word before the next comma or the end, and what follows. */
static const char *next_name(const char *at, char ret_name[64])
{
    size_t end = strcspn(at, ",)");
    size_t begin = end;
    while (begin > 0 && at[begin - 1] != ' ') {
        begin--;
    }
    (void)snprintf(ret_name, 64, "%.*s", (int)(end - begin), at + begin);
    return at[end] == ',' ? at + end + 1 : NULL;
}

static void expect(const char **at, const char *function, const char *name)
{
    char found[64];
    if (*at == NULL) {
        fail_msg("%s has no more parameters than up to %s", function, name);
    }
    *at = next_name(*at, found);
    if (strcmp(found, "pRserved") != 0) { /* the standard's own slip */
        assert_string_equal(found, name);
    }
}

static void every_parameter_has_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(functions); i++) {
        const struct kk_trace_function *row = &kk_trace_functions[i];
        const char *at = functions[i].parameters;
        char found[64];
        assert_string_equal(row->name, functions[i].name);
        for (const struct kk_trace_argument *one = row->arguments; one->name != NULL; one++) {
            expect(&at, row->name, one->name);
            if (one->words == 3) {
                at = next_name(at, found); /* the most there may be */
            }
            if (one->words > 1) {
                expect(&at, row->name, one->length);
            }
        }
        if (at != NULL) {
            fail_msg("%s has parameters that the table lacks: %s", row->name, at);
        }
    }
}

static void pins_are_pins(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_FUNCTIONS_3_2; i++) {
        for (const struct kk_trace_argument *one = kk_trace_functions[i].arguments;
             one->name != NULL; one++) {
            bool is_named = strstr(one->name, "Pin") != NULL;
            assert_int_equal(is_named, one->kind == KK_TRACE_PIN);
        }
    }
}

static void functions_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(kk_trace_function_find("C_Sign", 6), &kk_trace_functions[43]);
    assert_null(kk_trace_function_find("C_Sig", 5));
    assert_null(kk_trace_function_find("C_SignX", 7));
}

static bool has_row(CK_MECHANISM_TYPE type, enum kk_param_shape shape)
{
    size_t count = 0;
    const struct kk_param_shape_row *rows = kk_param_shape_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type == type && rows[i].shape == shape) {
            return true;
        }
    }
    return false;
}

static void every_mechanism_has_its_structure(void **state)
{
    (void)state;
    const struct kk_mechanism *row = NULL;
    for (size_t i = 0; (row = kk_registry_any(i)) != NULL; i++) {
        if (row->shape != KK_PARAM_NONE && !has_row(row->type, row->shape)) {
            fail_msg("%s lacks its row in cryptoki/shapes.c", row->name);
        }
        const struct kk_param_layout *layout = kk_param_layout(row->shape);
        if (layout != NULL) {
            assert_ptr_equal(kk_trace_layout(row->type, layout->size), layout);
            assert_null(kk_trace_layout(row->type, layout->size + 1));
        }
    }
}

static void shapes_rise(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_param_shape_row *rows = kk_param_shape_rows(&count);
    for (size_t i = 1; i < count; i++) {
        assert_true(rows[i - 1].type <= rows[i].type);
    }
}

static void no_secret_attribute_is_shown(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_attr_type *types = kk_attr_types(&count);
    for (size_t i = 0; i < count; i++) {
        enum kk_trace_value value = (enum kk_trace_value)kk_trace_attribute(types[i].type).value;
        if (types[i].is_secret) {
            assert_true(value == KK_TRACE_VALUE_SECRET || types[i].type == CKA_VALUE);
        }
        assert_int_equal(value == KK_TRACE_VALUE_BOOL, types[i].data == KK_DATA_BOOL);
        bool is_number = value == KK_TRACE_VALUE_ULONG || value == KK_TRACE_VALUE_WORD;
        assert_true(!is_number || types[i].data == KK_DATA_ULONG);
    }
    assert_int_equal(kk_trace_attribute(CKA_VALUE).value, KK_TRACE_VALUE_OPEN);
    assert_int_equal(kk_trace_attribute(CKA_VENDOR_DEFINED + 5).value, KK_TRACE_VALUE_SECRET);
}

static void classes_with_secrets_are_closed(void **state)
{
    (void)state;
    for (CK_ULONG class = 0; class < 64; class ++) {
        if (kk_trace_class_is_open(class)) {
            assert_false(kk_attr_type_is_secret_of(class, CKA_VALUE));
        }
    }
}

static void no_password_is_open(void **state)
{
    (void)state;
    static const char *const closed[] = {"pPassword",    "pSeed", "pData", "pSalt", "pSharedData",
                                         "pOldPassword", "pX",    "pInfo", "sk",    "pSourceData"};
    for (size_t i = 0; i < KK_ARRAY_LEN(closed); i++) {
        assert_false(kk_trace_member(closed[i]).is_open);
    }
    assert_true(kk_trace_member("pIv").is_open);
}

static void words_depend_on_their_place(void **state)
{
    (void)state;
    assert_string_equal(kk_trace_word(KK_NAMES_CKG, "CKG_MGF1_", 1), "CKG_MGF1_SHA1");
    assert_string_equal(kk_trace_word(KK_NAMES_CKG, "CKG_GENERATE", 1), "CKG_GENERATE");
    assert_null(kk_trace_word(KK_NAMES_CKG, "CKG_MGF1_", 0x7777));
}

/* The 15 bytes of the example in the authors' paper. */
static void siphash_is_what_its_authors_say(void **state)
{
    (void)state;
    static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t message[15];
    for (uint8_t i = 0; i < sizeof message; i++) {
        message[i] = i;
    }
    assert_true(kk_trace_siphash(key, KK_SPAN_ARRAY(message)) == UINT64_C(0xa129ca6149be45e5));
    assert_true(kk_trace_siphash(key, KK_SPAN(NULL, 0)) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(kk_trace_siphash(key, KK_SPAN(message, 8)) == UINT64_C(0x93f5f5799a932462));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_has_its_place),
        cmocka_unit_test(pins_are_pins),
        cmocka_unit_test(functions_are_found_by_name),
        cmocka_unit_test(every_mechanism_has_its_structure),
        cmocka_unit_test(shapes_rise),
        cmocka_unit_test(no_secret_attribute_is_shown),
        cmocka_unit_test(classes_with_secrets_are_closed),
        cmocka_unit_test(no_password_is_open),
        cmocka_unit_test(words_depend_on_their_place),
        cmocka_unit_test(siphash_is_what_its_authors_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
