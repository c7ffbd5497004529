/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An object file is a generation and then attributes: type, kind, value, all numbers of 64 bits and
 * big-endian. A line shows the bytes of one number, or eight of a string, and behind them what they
 * mean.
 */
#include "cli/object_file.h"

#include <inttypes.h>
#include <stdarg.h>

#include "cryptoki/names.h"

#include "base/banned.h"

#define NUMBER_BYTES 8
#define ROW_BYTES 8
#define HEX_COLUMNS (3 * ROW_BYTES)
#define NAME_MAX_LEN 64

enum kind { KIND_BOOL = 1, KIND_ULONG, KIND_BYTES, KIND_MAP, KIND_MECHANISMS };

static const char *const kind_texts[] = {
    [KIND_BOOL] = "boolean attribute",
    [KIND_ULONG] = "unsigned long attribute",
    [KIND_BYTES] = "byte string attribute",
    [KIND_MAP] = "attribute map attribute",
    [KIND_MECHANISMS] = "mechanism set attribute",
};

/* Kinds of names. */
struct name_space {
    enum kk_name_space names;
    const char *prefix;
    const char *what;
};

static const struct name_space attribute_names = {KK_NAMES_CKA, "CKA", "attribute type"};
static const struct name_space mechanism_names = {KK_NAMES_CKM, "CKM", "mechanism type"};

/* clang-format off */

/* The attributes whose value is a name. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    struct name_space space;
} named_values[] = {
    {CKA_CLASS,             {KK_NAMES_CKO, "CKO", "object class"}},
    {CKA_CERTIFICATE_TYPE,  {KK_NAMES_CKC, "CKC", "certificate type"}},
    {CKA_KEY_TYPE,          {KK_NAMES_CKK, "CKK", "key type"}},
    {CKA_KEY_GEN_MECHANISM, {KK_NAMES_CKM, "CKM", "mechanism type"}},
    {CKA_HW_FEATURE_TYPE,   {KK_NAMES_CKH, "CKH", "hw feature type"}},
};

/* SoftHSM's own numbers among those that vendors define. */
static const struct {
    enum kk_name_space names;
    uint64_t value;
    const char *name;
} softhsm_names[] = {
    {KK_NAMES_CKA, 0x80005348, "CKA_VENDOR_SOFTHSM"},
    {KK_NAMES_CKA, 0x80005349, "CKA_OS_TOKENLABEL"},
    {KK_NAMES_CKA, 0x8000534a, "CKA_OS_TOKENSERIAL"},
    {KK_NAMES_CKA, 0x8000534b, "CKA_OS_TOKENFLAGS"},
    {KK_NAMES_CKA, 0x8000534c, "CKA_OS_SOPIN"},
    {KK_NAMES_CKA, 0x8000534d, "CKA_OS_USERPIN"},
    {KK_NAMES_CKC, 0x80504750, "CKC_OPENPGP"},
};
/* clang-format on */

#define VENDOR_DEFINED UINT64_C(0x80000000)

static const char *find_name(enum kk_name_space space, uint64_t value)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(softhsm_names); i++) {
        if (softhsm_names[i].names == space && softhsm_names[i].value == value) {
            return softhsm_names[i].name;
        }
    }
    return value <= UINT32_MAX ? kk_names_find(space, (CK_ULONG)value) : NULL;
}

/* "CKA_LABEL", or what can be said of a number without a name. */
static const char *name_of(const struct name_space *space, uint64_t value, char out[NAME_MAX_LEN])
{
    const char *name = find_name(space->names, value);
    if (value > UINT32_MAX) {
        snprintf(out, NAME_MAX_LEN, "overflow %s", space->what);
    } else if (name != NULL) {
        snprintf(out, NAME_MAX_LEN, "%s", name);
    } else if (value >= VENDOR_DEFINED) {
        snprintf(out, NAME_MAX_LEN, "%s_VENDOR_DEFINED | 0x%" PRIx64, space->prefix,
                 value & ~VENDOR_DEFINED);
    } else {
        snprintf(out, NAME_MAX_LEN, "unknown 0x%" PRIx64, value);
    }
    return out;
}

struct printer {
    FILE *out;
    const uint8_t *start;
    struct kk_object_damage damage;
    bool in_map; /* meanings stand one column further right */
};

static size_t offset_of(const struct printer *printer, const struct kk_reader *in)
{
    return (size_t)(in->rest.data - printer->start);
}

KK_PRINTF(3, 4)
static CK_RV damaged(struct printer *printer, size_t offset, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(printer->damage.what, sizeof printer->damage.what, format, arguments);
    va_end(arguments);
    printer->damage.offset = offset;
    return CKR_DATA_INVALID;
}

/* ---- lines ---- */

static void print_hex(struct printer *printer, struct kk_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        fprintf(printer->out, i == 0 ? "%02x" : " %02x", bytes.data[i]);
    }
}

static void print_line(struct printer *printer, struct kk_span bytes, const char *meaning)
{
    size_t width = bytes.len > 0 ? 3 * bytes.len - 1 : 0;
    print_hex(printer, bytes);
    fprintf(printer->out, "%*s%s%s\n", (int)(HEX_COLUMNS - width), "", printer->in_map ? " " : "",
            meaning);
}

/* Bytes that nothing can be said about. */
static void print_remains(struct printer *printer, struct kk_reader *in)
{
    while (in->rest.len > 0) {
        print_hex(printer, kk_reader_take(in, KK_MIN(in->rest.len, (size_t)ROW_BYTES)));
        fputc('\n', printer->out);
    }
}

/* A number, whose line the caller prints. `whose` may be NULL. */
static KK_RV take_number(struct printer *printer, struct kk_reader *in, const char *what,
                         const char *whose, struct kk_span *ret_bytes, uint64_t *ret_number)
{
    size_t offset = offset_of(printer, in);
    size_t left = in->rest.len;
    if (left < NUMBER_BYTES) {
        print_remains(printer, in);
        return damaged(printer, offset, "%s%s%s ends after %zu of %d bytes", what,
                       whose != NULL ? " of " : "", whose != NULL ? whose : "", left, NUMBER_BYTES);
    }
    *ret_bytes = kk_reader_take(in, NUMBER_BYTES);
    *ret_number = kk_load_u64(ret_bytes->data);
    return CKR_OK;
}

/* ---- values ---- */

/* An attribute whose value comes next. */
struct attribute {
    uint64_t type;
    uint64_t kind;
    size_t kind_offset;
    char name[NAME_MAX_LEN];
};

static KK_RV print_bool(struct printer *printer, struct kk_reader *in,
                        const struct attribute *attribute)
{
    size_t offset = offset_of(printer, in);
    if (in->rest.len == 0) {
        return damaged(printer, offset, "the value of %s is missing", attribute->name);
    }
    struct kk_span byte = kk_reader_take(in, 1);
    const char *meaning = byte.data[0] == 0xff ? "TRUE" : "(invalid) TRUE";
    print_line(printer, byte, byte.data[0] == 0 ? "FALSE" : meaning);
    return CKR_OK;
}

static const char *meaning_of(const struct attribute *attribute, uint64_t value,
                              char out[NAME_MAX_LEN])
{
    if (value == UINT64_MAX) {
        return "CK_UNAVAILABLE_INFORMATION";
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(named_values); i++) {
        if (named_values[i].type == attribute->type) {
            return name_of(&named_values[i].space, value, out);
        }
    }
    snprintf(out, NAME_MAX_LEN, "CK_ULONG %" PRIu64 "(0x%" PRIx64 ")", value, value);
    return out;
}

static KK_RV print_ulong(struct printer *printer, struct kk_reader *in,
                         const struct attribute *attribute)
{
    struct kk_span bytes = {0};
    uint64_t value = 0;
    char meaning[NAME_MAX_LEN];
    KK_TRY(take_number(printer, in, "the value", attribute->name, &bytes, &value));
    print_line(printer, bytes, meaning_of(attribute, value, meaning));
    return CKR_OK;
}

/* How long a value of its own length is. */
static KK_RV print_length(struct printer *printer, struct kk_reader *in,
                          const struct attribute *attribute, uint64_t *ret_length)
{
    struct kk_span bytes = {0};
    char meaning[NAME_MAX_LEN];
    KK_TRY(take_number(printer, in, "the length", attribute->name, &bytes, ret_length));
    snprintf(meaning, sizeof meaning, "(length %" PRIu64 ")", *ret_length);
    print_line(printer, bytes, meaning);
    return CKR_OK;
}

static void print_text(struct printer *printer, struct kk_span bytes)
{
    char text[ROW_BYTES + 3] = "<        >";
    for (size_t i = 0; i < bytes.len; i++) {
        bool is_shown = bytes.data[i] > ' ' && bytes.data[i] < 0x7f;
        text[i + 1] = is_shown ? (char)bytes.data[i] : '.';
    }
    print_line(printer, bytes, text);
}

static KK_RV print_bytes(struct printer *printer, struct kk_reader *in,
                         const struct attribute *attribute)
{
    size_t offset = offset_of(printer, in);
    uint64_t length = 0;
    KK_TRY(print_length(printer, in, attribute, &length));
    size_t left = in->rest.len;
    struct kk_reader inside = kk_reader_new(kk_reader_take(in, (size_t)KK_MIN(length, left)));
    while (inside.rest.len > 0) {
        print_text(printer, kk_reader_take(&inside, KK_MIN(inside.rest.len, (size_t)ROW_BYTES)));
    }
    if (length > left) {
        return damaged(printer, offset, "%s has a length of %" PRIu64 " bytes, but %zu are left",
                       attribute->name, length, left);
    }
    return CKR_OK;
}

static KK_RV print_mechanisms(struct printer *printer, struct kk_reader *in,
                              const struct attribute *attribute)
{
    size_t offset = offset_of(printer, in);
    uint64_t count = 0;
    char meaning[NAME_MAX_LEN];
    KK_TRY(print_length(printer, in, attribute, &count));
    size_t left = in->rest.len / NUMBER_BYTES;
    for (uint64_t i = 0; i < KK_MIN(count, left); i++) {
        struct kk_span bytes = kk_reader_take(in, NUMBER_BYTES);
        print_line(printer, bytes, name_of(&mechanism_names, kk_load_u64(bytes.data), meaning));
    }
    if (count > left) {
        print_remains(printer, in);
        return damaged(printer, offset,
                       "%s has a length of %" PRIu64 " mechanisms, but %zu are left",
                       attribute->name, count, left);
    }
    return CKR_OK;
}

/* ---- attributes ---- */

typedef CK_RV print_value_fn(struct printer *printer, struct kk_reader *in,
                             const struct attribute *attribute);

/* Of a map there is none: a map holds attributes, but no maps. */
static print_value_fn *const print_value[] = {
    [KIND_BOOL] = print_bool,
    [KIND_ULONG] = print_ulong,
    [KIND_BYTES] = print_bytes,
    [KIND_MECHANISMS] = print_mechanisms,
};

/* Type and kind. */
static KK_RV print_head(struct printer *printer, struct kk_reader *in,
                        struct attribute *ret_attribute)
{
    struct kk_span bytes = {0};
    KK_TRY(take_number(printer, in, "an attribute's type", NULL, &bytes, &ret_attribute->type));
    print_line(printer, bytes, name_of(&attribute_names, ret_attribute->type, ret_attribute->name));
    ret_attribute->kind_offset = offset_of(printer, in);
    KK_TRY(take_number(printer, in, "the kind", ret_attribute->name, &bytes, &ret_attribute->kind));
    uint64_t kind = ret_attribute->kind;
    if (kind < KIND_BOOL || kind >= KK_ARRAY_LEN(kind_texts)) {
        print_line(printer, bytes, "unknown attribute format");
        print_remains(printer, in);
        return damaged(printer, ret_attribute->kind_offset,
                       "%s is of kind %" PRIu64 ", which there is not", ret_attribute->name, kind);
    }
    print_line(printer, bytes, kind_texts[kind]);
    return CKR_OK;
}

static KK_RV print_map_content(struct printer *printer, struct kk_reader *in)
{
    while (in->rest.len > 0) {
        struct attribute attribute = {0};
        KK_TRY(print_head(printer, in, &attribute));
        if (attribute.kind == KIND_MAP) {
            print_remains(printer, in);
            return damaged(printer, attribute.kind_offset, "%s is a map inside a map",
                           attribute.name);
        }
        KK_TRY(print_value[attribute.kind](printer, in, &attribute));
    }
    return CKR_OK;
}

static KK_RV print_map(struct printer *printer, struct kk_reader *in,
                       const struct attribute *attribute)
{
    size_t offset = offset_of(printer, in);
    uint64_t length = 0;
    KK_TRY(print_length(printer, in, attribute, &length));
    size_t left = in->rest.len;
    struct kk_reader inside = kk_reader_new(kk_reader_take(in, (size_t)KK_MIN(length, left)));
    printer->in_map = true;
    CK_RV rv = print_map_content(printer, &inside);
    printer->in_map = false;
    if (length > left) { /* what went wrong inside came of that */
        return damaged(printer, offset, "%s has a length of %" PRIu64 " bytes, but %zu are left",
                       attribute->name, length, left);
    }
    return rv;
}

static KK_RV print_content(struct printer *printer, struct kk_reader *in)
{
    struct kk_span bytes = {0};
    uint64_t generation = 0;
    char meaning[NAME_MAX_LEN];
    KK_TRY(take_number(printer, in, "the generation", NULL, &bytes, &generation));
    snprintf(meaning, sizeof meaning, "generation %" PRIu64, generation);
    print_line(printer, bytes, meaning);
    while (in->rest.len > 0) {
        struct attribute attribute = {0};
        KK_TRY(print_head(printer, in, &attribute));
        KK_TRY(attribute.kind == KIND_MAP ? print_map(printer, in, &attribute)
                                          : print_value[attribute.kind](printer, in, &attribute));
    }
    return CKR_OK;
}

KK_RV kk_object_file_print(struct kk_span content, FILE *out, struct kk_object_damage *ret_damage)
{
    static const uint8_t nothing[] = {0};
    struct kk_span bytes = content.len > 0 ? content : KK_SPAN(nothing, 0);
    struct printer printer = {.out = out, .start = bytes.data};
    struct kk_reader in = kk_reader_new(bytes);
    CK_RV rv =
        content.len > 0 ? print_content(&printer, &in) : damaged(&printer, 0, "the file is empty");
    if (rv != CKR_OK) {
        *ret_damage = printer.damage;
    }
    return rv;
}
