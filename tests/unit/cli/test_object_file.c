/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM's object files: what is printed of each kind of value, and what is said of every kind of
 * damage. tests/cli compares with SoftHSM's own program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/object_file.h"

/* Files are written as numbers of 64 bits and bytes. */
struct file {
    struct kk_buffer bytes;
};

static void put(struct file *file, uint64_t number)
{
    kk_buffer_put_u64(&file->bytes, number);
}

static void put_head(struct file *file, uint64_t type, uint64_t kind)
{
    put(file, type);
    put(file, kind);
}

static void put_bytes(struct file *file, uint64_t type, const char *text)
{
    put_head(file, type, 3);
    put(file, strlen(text));
    kk_buffer_put(&file->bytes, text, strlen(text));
}

static void put_bool(struct file *file, uint64_t type, uint8_t value)
{
    put_head(file, type, 1);
    kk_buffer_put_u8(&file->bytes, value);
}

/* An attribute of each kind, and in a map each kind again. Where each attribute ends is noted. */
#define ENDS 7
static void make_whole(struct file *file, size_t ends[ENDS])
{
    put(file, 28);
    ends[0] = file->bytes.len;
    put_head(file, CKA_CLASS, 2);
    put(file, CKO_SECRET_KEY);
    ends[1] = file->bytes.len;
    put_bool(file, CKA_TOKEN, 0xff);
    ends[2] = file->bytes.len;
    put_bool(file, CKA_PRIVATE, 0);
    ends[3] = file->bytes.len;
    put_bytes(file, CKA_LABEL, "a label of\n19 bytes");
    ends[4] = file->bytes.len;
    put_head(file, CKA_WRAP_TEMPLATE, 4);
    put(file, 17 + 24 + 27 + 32);
    put_bool(file, CKA_ENCRYPT, 2);
    put_head(file, CKA_VALUE_LEN, 2);
    put(file, 16);
    put_bytes(file, CKA_ID, "abc");
    put_head(file, CKA_ALLOWED_MECHANISMS, 5);
    put(file, 1);
    put(file, CKM_RSA_PKCS);
    ends[5] = file->bytes.len;
    put_head(file, CKA_ALLOWED_MECHANISMS, 5);
    put(file, 0);
    ends[6] = file->bytes.len;
}

static const char whole_text[] = "00 00 00 00 00 00 00 1c generation 28\n"
                                 "00 00 00 00 00 00 00 00 CKA_CLASS\n"
                                 "00 00 00 00 00 00 00 02 unsigned long attribute\n"
                                 "00 00 00 00 00 00 00 04 CKO_SECRET_KEY\n"
                                 "00 00 00 00 00 00 00 01 CKA_TOKEN\n"
                                 "00 00 00 00 00 00 00 01 boolean attribute\n"
                                 "ff                      TRUE\n"
                                 "00 00 00 00 00 00 00 02 CKA_PRIVATE\n"
                                 "00 00 00 00 00 00 00 01 boolean attribute\n"
                                 "00                      FALSE\n"
                                 "00 00 00 00 00 00 00 03 CKA_LABEL\n"
                                 "00 00 00 00 00 00 00 03 byte string attribute\n"
                                 "00 00 00 00 00 00 00 13 (length 19)\n"
                                 "61 20 6c 61 62 65 6c 20 <a.label.>\n"
                                 "6f 66 0a 31 39 20 62 79 <of.19.by>\n"
                                 "74 65 73                <tes     >\n"
                                 "00 00 00 00 40 00 02 11 CKA_WRAP_TEMPLATE\n"
                                 "00 00 00 00 00 00 00 04 attribute map attribute\n"
                                 "00 00 00 00 00 00 00 64 (length 100)\n"
                                 "00 00 00 00 00 00 01 04  CKA_ENCRYPT\n"
                                 "00 00 00 00 00 00 00 01  boolean attribute\n"
                                 "02                       (invalid) TRUE\n"
                                 "00 00 00 00 00 00 01 61  CKA_VALUE_LEN\n"
                                 "00 00 00 00 00 00 00 02  unsigned long attribute\n"
                                 "00 00 00 00 00 00 00 10  CK_ULONG 16(0x10)\n"
                                 "00 00 00 00 00 00 01 02  CKA_ID\n"
                                 "00 00 00 00 00 00 00 03  byte string attribute\n"
                                 "00 00 00 00 00 00 00 03  (length 3)\n"
                                 "61 62 63                 <abc     >\n"
                                 "00 00 00 00 40 00 06 00  CKA_ALLOWED_MECHANISMS\n"
                                 "00 00 00 00 00 00 00 05  mechanism set attribute\n"
                                 "00 00 00 00 00 00 00 01  (length 1)\n"
                                 "00 00 00 00 00 00 00 01  CKM_RSA_PKCS\n"
                                 "00 00 00 00 40 00 06 00 CKA_ALLOWED_MECHANISMS\n"
                                 "00 00 00 00 00 00 00 05 mechanism set attribute\n"
                                 "00 00 00 00 00 00 00 00 (length 0)\n";

static CK_RV print(struct kk_span content, char **ret_text, struct kk_object_damage *ret_damage)
{
    size_t len = 0;
    FILE *out = open_memstream(ret_text, &len);
    assert_non_null(out);
    CK_RV rv = kk_object_file_print(content, out, ret_damage);
    assert_int_equal(fclose(out), 0);
    return rv;
}

static void file_clear(struct file *file)
{
    kk_buffer_clear(&file->bytes);
}

static void test_every_kind(void **state)
{
    (void)state;
    size_t ends[ENDS];
    char *text = NULL;
    struct kk_object_damage damage;
    KK_CLEANUP(file_clear) struct file file = {0};
    make_whole(&file, ends);
    assert_int_equal(print(kk_buffer_span(&file.bytes), &text, &damage), CKR_OK);
    assert_string_equal(text, whole_text);
    free(text);
}

/* Cut between two attributes it is a shorter file, cut anywhere else it is damaged there. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    size_t ends[ENDS];
    KK_CLEANUP(file_clear) struct file file = {0};
    make_whole(&file, ends);
    size_t end = 0;
    for (size_t len = 0; len < file.bytes.len; len++) {
        char *text = NULL;
        struct kk_object_damage damage = {0};
        CK_RV rv = print(KK_SPAN(file.bytes.data, len), &text, &damage);
        end += end < ENDS && len >= ends[end] ? 1 : 0;
        bool is_whole = end > 0 && len == ends[end - 1];
        assert_int_equal(rv, is_whole ? CKR_OK : CKR_DATA_INVALID);
        if (!is_whole) {
            assert_in_range(damage.offset, end > 0 ? ends[end - 1] : 0, len);
            assert_int_not_equal(damage.what[0], '\0');
        }
        free(text);
    }
}

static void assert_damage(const struct file *file, size_t offset, const char *what)
{
    char *text = NULL;
    struct kk_object_damage damage = {0};
    assert_int_equal(print(kk_buffer_span(&file->bytes), &text, &damage), CKR_DATA_INVALID);
    assert_string_equal(damage.what, what);
    assert_int_equal(damage.offset, offset);
    free(text);
}

static void test_damage_is_named(void **state)
{
    (void)state;
    struct file file = {0};
    assert_damage(&file, 0, "the file is empty");
    put(&file, 1);
    kk_buffer_put_u8(&file.bytes, 0);
    assert_damage(&file, 8, "an attribute's type ends after 1 of 8 bytes");
    file.bytes.len = 8;
    put(&file, CKA_LABEL);
    assert_damage(&file, 16, "the kind of CKA_LABEL ends after 0 of 8 bytes");
    put(&file, 6);
    assert_damage(&file, 16, "CKA_LABEL is of kind 6, which there is not");
    file.bytes.len = 16;
    put(&file, 0);
    assert_damage(&file, 16, "CKA_LABEL is of kind 0, which there is not");
    file.bytes.len = 16;
    put(&file, 1);
    assert_damage(&file, 24, "the value of CKA_LABEL is missing");
    file.bytes.len = 16;
    put(&file, 2);
    assert_damage(&file, 24, "the value of CKA_LABEL ends after 0 of 8 bytes");
    file.bytes.len = 16;
    put(&file, 3);
    assert_damage(&file, 24, "the length of CKA_LABEL ends after 0 of 8 bytes");
    put(&file, UINT64_MAX);
    put(&file, 0);
    assert_damage(&file, 24,
                  "CKA_LABEL has a length of 18446744073709551615 bytes, but 8 are left");
    file.bytes.len = 16;
    put(&file, 5);
    put(&file, UINT64_MAX);
    put(&file, CKM_AES_CBC);
    assert_damage(&file, 24,
                  "CKA_LABEL has a length of 18446744073709551615 mechanisms, but 1 are left");
    file.bytes.len = 16;
    put(&file, 4);
    put(&file, UINT64_MAX);
    assert_damage(&file, 24,
                  "CKA_LABEL has a length of 18446744073709551615 bytes, but 0 are left");
    file.bytes.len = 24;
    put(&file, 24);
    put_head(&file, CKA_UNWRAP_TEMPLATE, 4);
    put(&file, 0);
    assert_damage(&file, 40, "CKA_UNWRAP_TEMPLATE is a map inside a map");
    file_clear(&file);
}

/* Numbers without a name, too large ones, and those of vendors. */
static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t type;
        uint64_t value;
        const char *type_text;
        const char *value_text;
    } rows[] = {
        {CKA_CLASS, 0x99, "CKA_CLASS", "unknown 0x99"},
        {CKA_CLASS, 0x80000007, "CKA_CLASS", "CKO_VENDOR_DEFINED | 0x7"},
        {CKA_CLASS, 0x100000000, "CKA_CLASS", "overflow object class"},
        {CKA_CLASS, UINT64_MAX, "CKA_CLASS", "CK_UNAVAILABLE_INFORMATION"},
        {CKA_KEY_TYPE, CKK_AES, "CKA_KEY_TYPE", "CKK_AES"},
        {CKA_KEY_GEN_MECHANISM, CKM_AES_KEY_GEN, "CKA_KEY_GEN_MECHANISM", "CKM_AES_KEY_GEN"},
        {CKA_CERTIFICATE_TYPE, 0x80504750, "CKA_CERTIFICATE_TYPE", "CKC_OPENPGP"},
        {CKA_HW_FEATURE_TYPE, CKH_CLOCK, "CKA_HW_FEATURE_TYPE", "CKH_CLOCK"},
        {0x7fffffff, 3, "unknown 0x7fffffff", "CK_ULONG 3(0x3)"},
        {0x8000534b, 0x42d, "CKA_OS_TOKENFLAGS", "CK_ULONG 1069(0x42d)"},
        {0x80000001, 0, "CKA_VENDOR_DEFINED | 0x1", "CK_ULONG 0(0x0)"},
        {0x100000000, 0, "overflow attribute type", "CK_ULONG 0(0x0)"},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        char *text = NULL;
        struct kk_object_damage damage;
        KK_CLEANUP(file_clear) struct file file = {0};
        put(&file, 0);
        put_head(&file, rows[i].type, 2);
        put(&file, rows[i].value);
        assert_int_equal(print(kk_buffer_span(&file.bytes), &text, &damage), CKR_OK);
        char *line = strchr(text, '\n') + 1;
        assert_memory_equal(line + 24, rows[i].type_text, strlen(rows[i].type_text));
        line = strchr(strchr(line, '\n') + 1, '\n') + 1;
        assert_memory_equal(line + 24, rows[i].value_text, strlen(rows[i].value_text));
        assert_int_equal(line[24 + strlen(rows[i].value_text)], '\n');
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests_name("object_file", tests, NULL, NULL);
}
