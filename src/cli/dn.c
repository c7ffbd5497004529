/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Distinguished and alternative names.
 */
#include "cli/dn.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "crypto/der.h"

#include "base/banned.h"

#define DER_UTF8_STRING 0x0c
#define DER_IA5_STRING 0x16
#define DER_SET 0x31
#define PARTS_MAX 32
#define VALUE_MAX 512

/* clang-format off */
static const struct attribute {
    const char *name;
    uint8_t oid[10];
    size_t oid_len;
    uint8_t tag;
} attributes[] = {
    {"CN",           {0x55, 4, 3},  3, DER_UTF8_STRING},
    {"SN",           {0x55, 4, 4},  3, DER_UTF8_STRING},
    {"serialNumber", {0x55, 4, 5},  3, KK_DER_PRINTABLE_STRING},
    {"C",            {0x55, 4, 6},  3, KK_DER_PRINTABLE_STRING},
    {"L",            {0x55, 4, 7},  3, DER_UTF8_STRING},
    {"ST",           {0x55, 4, 8},  3, DER_UTF8_STRING},
    {"STREET",       {0x55, 4, 9},  3, DER_UTF8_STRING},
    {"O",            {0x55, 4, 10}, 3, DER_UTF8_STRING},
    {"OU",           {0x55, 4, 11}, 3, DER_UTF8_STRING},
    {"title",        {0x55, 4, 12}, 3, DER_UTF8_STRING},
    {"GN",           {0x55, 4, 42}, 3, DER_UTF8_STRING},
    {"UID",          {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1},  10, DER_UTF8_STRING},
    {"DC",           {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25}, 10, DER_IA5_STRING},
    {"emailAddress", {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1}, 9, DER_IA5_STRING},
};
/* clang-format on */

static const struct attribute *find_name(struct kk_span name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(attributes); i++) {
        if (strlen(attributes[i].name) == name.len &&
            strncasecmp(attributes[i].name, (const char *)name.data, name.len) == 0) {
            return &attributes[i];
        }
    }
    return NULL;
}

/* ---- reading text ---- */

struct part {
    struct kk_span name;
    struct kk_buffer value;
};

struct parts {
    struct part items[PARTS_MAX];
    size_t count;
};

static void parts_clear(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        kk_buffer_clear(&parts->items[i].value);
    }
}

static KK_RV wrong(struct kk_dn_why *why, const char *what, const char *text, size_t len)
{
    (void)snprintf(why->text, sizeof why->text, "%s\"%.*s\"", what, (int)KK_MIN(len, (size_t)60),
                   text);
    return CKR_DATA_INVALID;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* One character of a value, or what a backslash and what follows stand for; how many were taken. */
static size_t take_character(const char *at, struct kk_buffer *value)
{
    if (at[0] != '\\' || at[1] == '\0') {
        kk_buffer_put(value, at, 1);
        return 1;
    }
    int high = hex_digit(at[1]);
    int low = high >= 0 ? hex_digit(at[2]) : -1;
    if (low >= 0) {
        kk_buffer_put_u8(value, (uint8_t)(high * 16 + low));
        return 3;
    }
    kk_buffer_put(value, at + 1, 1);
    return 2;
}

/* "CN=web", up to the separator; *text is behind it then. */
static KK_RV take_part(const char **text, char separator, struct parts *parts,
                       struct kk_dn_why *why)
{
    const char *at = *text + strspn(*text, " ");
    size_t name_len = strcspn(at, "=,/+\\");
    if (at[name_len] != '=' || name_len == 0) {
        return wrong(why, "no NAME=VALUE in ", at, strlen(at));
    }
    if (parts->count == PARTS_MAX) {
        return wrong(why, "too many parts in ", at, strlen(at));
    }
    struct part *part = &parts->items[parts->count++];
    *part = (struct part){.name = KK_SPAN(at, name_len)};
    const char *value = at + name_len + 1;
    while (*value != '\0' && *value != separator) {
        if (*value == '+' && separator == ',') {
            return wrong(why, "a + (write it \\+) in ", at, strlen(at));
        }
        value += take_character(value, &part->value);
    }
    *text = *value == '\0' ? value : value + 1;
    return kk_buffer_check(&part->value);
}

/* What a string type holds; and what RFC 5280 makes of a country. */
static bool fits(const struct attribute *attribute, struct kk_span value)
{
    static const char printable[] = " '()+,-./:=?";
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == 0 || (attribute->tag != DER_UTF8_STRING && c >= 0x80) ||
            (attribute->tag == KK_DER_PRINTABLE_STRING && !is_letter &&
             strchr(printable, c) == NULL)) {
            return false;
        }
    }
    struct kk_span rest = value;
    while (rest.len > 0) {
        uint32_t point = 0;
        size_t len = kk_utf8_decode(rest, &point);
        if (len == 0) {
            return false;
        }
        rest = KK_SPAN(rest.data + len, rest.len - len);
    }
    return value.len > 0 && value.len <= VALUE_MAX &&
           (strcmp(attribute->name, "C") != 0 || value.len == 2);
}

static KK_RV put_part(const struct part *part, struct kk_buffer *der, struct kk_dn_why *why)
{
    const struct attribute *attribute = find_name(part->name);
    struct kk_span value = kk_buffer_span(&part->value);
    if (attribute == NULL) {
        return wrong(why,
                     "the names are CN, O, OU, C, ST, L, STREET, SN, GN, title, serialNumber, "
                     "UID, DC and emailAddress, not ",
                     (const char *)part->name.data, part->name.len);
    }
    if (!fits(attribute, value)) {
        (void)snprintf(why->text, sizeof why->text, "%s cannot be \"%.*s\"", attribute->name,
                       (int)KK_MIN(value.len, (size_t)60), (const char *)value.data);
        return CKR_DATA_INVALID;
    }
    size_t set = kk_der_begin(der, DER_SET);
    size_t sequence = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put(der, KK_DER_OID, KK_SPAN(attribute->oid, attribute->oid_len));
    kk_der_put(der, attribute->tag, value);
    kk_der_end(der, sequence);
    kk_der_end(der, set);
    return CKR_OK;
}

KK_RV kk_dn_parse(const char *text, struct kk_buffer *der, struct kk_dn_why *ret_why)
{
    KK_CLEANUP(parts_clear) struct parts parts = {0};
    bool in_order = text[0] == '/';
    const char *at = text + (in_order ? 1 : 0);
    if (*at == '\0') {
        return wrong(ret_why, "nothing in ", text, strlen(text));
    }
    if (strchr(text, '=') == NULL) {
        parts.items[0].name = KK_SPAN_TEXT("CN");
        parts.count = 1;
        kk_buffer_put(&parts.items[0].value, text, strlen(text));
        at += strlen(at);
    }
    while (*at != '\0') {
        KK_TRY(take_part(&at, in_order ? '/' : ',', &parts, ret_why));
    }
    size_t name = kk_der_begin(der, KK_DER_SEQUENCE);
    for (size_t i = 0; i < parts.count; i++) {
        KK_TRY(put_part(&parts.items[in_order ? i : parts.count - 1 - i], der, ret_why));
    }
    kk_der_end(der, name);
    return kk_buffer_check(der);
}

/* ---- writing text ---- */

static void put_text(struct kk_buffer *text, const char *value)
{
    kk_buffer_put(text, value, strlen(value));
}

/* "1.2.840": numbers of 7 bits per byte, the first one two in one. */
static KK_RV put_oid(struct kk_span oid, struct kk_buffer *text)
{
    char number[32];
    uint64_t arc = 0;
    bool first = true;
    KK_ENSURE(oid.len > 0 && (oid.data[oid.len - 1] & 0x80) == 0, CKR_DATA_INVALID);
    for (size_t i = 0; i < oid.len; i++) {
        KK_ENSURE(arc < UINT64_MAX >> 8, CKR_DATA_INVALID);
        arc = arc << 7 | (oid.data[i] & 0x7fu);
        if ((oid.data[i] & 0x80) != 0) {
            continue;
        }
        uint64_t root = first ? (arc < 80 ? arc / 40 : 2) : 0;
        (void)snprintf(number, sizeof number, first ? "%llu.%llu" : ".%llu",
                       (unsigned long long)(first ? root : arc),
                       (unsigned long long)(first ? arc - 40 * root : 0));
        put_text(text, number);
        first = false;
        arc = 0;
    }
    return CKR_OK;
}

static const struct attribute *find_oid(struct kk_span oid)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(attributes); i++) {
        if (kk_span_equal(oid, KK_SPAN(attributes[i].oid, attributes[i].oid_len))) {
            return &attributes[i];
        }
    }
    return NULL;
}

static void put_value(struct kk_span value, struct kk_buffer *text)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool at_end = i == 0 || i + 1 == value.len;
        if ((c != 0 && strchr(",+\"\\<>;=", c) != NULL) || (at_end && c == ' ') ||
            (i == 0 && c == '#')) {
            kk_buffer_put_u8(text, '\\');
        }
        kk_buffer_put_u8(text, c);
    }
}

static KK_RV print_attribute(struct kk_reader *set, struct kk_buffer *text)
{
    struct kk_reader pair = kk_der_enter(set, KK_DER_SEQUENCE);
    struct kk_span oid = kk_der_take(&pair, KK_DER_OID);
    uint8_t tag = pair.rest.len > 0 ? pair.rest.data[0] : 0;
    struct kk_span value = kk_der_take(&pair, tag);
    const struct attribute *attribute = find_oid(oid);
    KK_ENSURE(kk_reader_done(&pair), CKR_DATA_INVALID);
    if (attribute != NULL) {
        put_text(text, attribute->name);
    } else {
        KK_TRY(put_oid(oid, text));
    }
    put_text(text, "=");
    put_value(value, text);
    return CKR_OK;
}

static KK_RV print_set(struct kk_span der, struct kk_buffer *text)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader set = kk_der_enter(&outer, DER_SET);
    const char *between = "";
    KK_ENSURE(!set.failed && kk_reader_done(&outer), CKR_DATA_INVALID);
    while (set.rest.len > 0) {
        put_text(text, between);
        KK_TRY(print_attribute(&set, text));
        KK_ENSURE(!set.failed, CKR_DATA_INVALID);
        between = "+";
    }
    return CKR_OK;
}

KK_RV kk_dn_print(struct kk_span der, struct kk_buffer *text)
{
    struct kk_span sets[PARTS_MAX];
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader name = kk_der_enter(&outer, KK_DER_SEQUENCE);
    size_t count = 0;
    KK_ENSURE(!name.failed && kk_reader_done(&outer), CKR_DATA_INVALID);
    while (name.rest.len > 0) {
        KK_ENSURE(count < PARTS_MAX, CKR_DATA_INVALID);
        sets[count++] = kk_der_take_any(&name);
        KK_ENSURE(!name.failed, CKR_DATA_INVALID);
    }
    for (size_t i = count; i > 0; i--) {
        KK_TRY(print_set(sets[i - 1], text));
        put_text(text, i > 1 ? "," : "");
    }
    return kk_buffer_check(text);
}

/* ---- alternative names ---- */

/* clang-format off */
static const struct general_name {
    const char *prefix;
    uint8_t tag; /* [n] IMPLICIT */
} general_names[] = {
    {"dns:",   0x82},
    {"email:", 0x81},
    {"uri:",   0x86},
    {"ip:",    0x87},
};
/* clang-format on */

static KK_RV put_address(const char *text, struct kk_buffer *der, struct kk_dn_why *why)
{
    uint8_t address[16];
    size_t len = 0;
    if (inet_pton(AF_INET, text, address) == 1) {
        len = 4;
    } else if (inet_pton(AF_INET6, text, address) == 1) {
        len = 16;
    } else {
        return wrong(why, "this is no address: ", text, strlen(text));
    }
    kk_der_put(der, 0x87, KK_SPAN(address, len));
    return kk_buffer_check(der);
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

KK_RV kk_san_parse(const char *text, struct kk_buffer *der, struct kk_dn_why *ret_why)
{
    const struct general_name *found = &general_names[0];
    const char *value = text;
    for (size_t i = 0; i < KK_ARRAY_LEN(general_names); i++) {
        size_t len = strlen(general_names[i].prefix);
        if (strncasecmp(text, general_names[i].prefix, len) == 0) {
            found = &general_names[i];
            value = text + len;
        }
    }
    if (*value == '\0' || !is_ascii(value)) {
        return wrong(ret_why, "a name is ASCII without blanks, not ", value, strlen(value));
    }
    if (found->tag == 0x87) {
        return put_address(value, der, ret_why);
    }
    kk_der_put(der, found->tag, KK_SPAN(value, strlen(value)));
    return kk_buffer_check(der);
}

static void print_general(uint8_t tag, struct kk_span value, struct kk_buffer *text)
{
    char address[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < KK_ARRAY_LEN(general_names); i++) {
        if (general_names[i].tag != tag) {
            continue;
        }
        put_text(text, general_names[i].prefix);
        if (tag != 0x87) {
            kk_buffer_put_span(text, value);
        } else if ((value.len == 4 || value.len == 16) &&
                   inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.data, address,
                             sizeof address) != NULL) {
            put_text(text, address);
        }
        return;
    }
    put_text(text, "other");
}

KK_RV kk_san_print(struct kk_span der, struct kk_buffer *text)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader names = kk_der_enter(&outer, KK_DER_SEQUENCE);
    KK_ENSURE(!names.failed && kk_reader_done(&outer), CKR_DATA_INVALID);
    while (names.rest.len > 0) {
        uint8_t tag = names.rest.data[0];
        struct kk_span value = kk_der_take(&names, tag);
        KK_ENSURE(!names.failed, CKR_DATA_INVALID);
        print_general(tag, value, text);
        put_text(text, names.rest.len > 0 ? "," : "");
    }
    return kk_buffer_check(text);
}
