/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 URIs, by one table row per attribute.
 */
#include "cli/uri.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

#include "base/banned.h"

#define SCHEME "pkcs11:"

/* ---- what an attribute may be ---- */

static bool is_text(const struct kk_uri_value *value)
{
    struct kk_span rest = KK_SPAN(value->text, value->len);
    uint32_t point = 0;
    while (rest.len > 0) {
        size_t len = kk_utf8_decode(rest, &point);
        if (len == 0 || point == 0) {
            return false;
        }
        rest = KK_SPAN(rest.data + len, rest.len - len);
    }
    return true;
}

static bool is_bytes(const struct kk_uri_value *value)
{
    return value->len > 0;
}

static bool is_number(const struct kk_uri_value *value)
{
    return value->len > 0 && value->len < 20 && strspn(value->text, "0123456789") == value->len;
}

/* "3", "3.2" */
static bool is_version(const struct kk_uri_value *value)
{
    static const char digits[] = "0123456789";
    size_t major = strspn(value->text, digits);
    size_t minor = value->text[major] == '.' ? strspn(value->text + major + 1, digits) : 0;
    return major > 0 && value->len == (minor > 0 ? major + 1 + minor : major);
}

/* clang-format off */
static const struct {
    const char *word;
    CK_OBJECT_CLASS object_class;
} types[] = {
    {"private",    CKO_PRIVATE_KEY},
    {"public",     CKO_PUBLIC_KEY},
    {"secret-key", CKO_SECRET_KEY},
    {"cert",       CKO_CERTIFICATE},
    {"data",       CKO_DATA},
};
/* clang-format on */

static bool is_type(const struct kk_uri_value *value)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        if (strcmp(types[i].word, value->text) == 0 && value->len == strlen(value->text)) {
            return true;
        }
    }
    return false;
}

const char *kk_uri_type(CK_OBJECT_CLASS object_class)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        if (types[i].object_class == object_class) {
            return types[i].word;
        }
    }
    return NULL;
}

/* clang-format off */
static const struct row {
    const char *name;
    bool (*is_valid)(const struct kk_uri_value *value);
    const char *takes; /* for a message */
} rows[KK_URI_PART_COUNT] = {
    [KK_URI_TOKEN]                = {"token",                is_text,    "UTF-8"},
    [KK_URI_MANUFACTURER]         = {"manufacturer",         is_text,    "UTF-8"},
    [KK_URI_SERIAL]               = {"serial",               is_text,    "UTF-8"},
    [KK_URI_MODEL]                = {"model",                is_text,    "UTF-8"},
    [KK_URI_LIBRARY_MANUFACTURER] = {"library-manufacturer", is_text,    "UTF-8"},
    [KK_URI_LIBRARY_VERSION]      = {"library-version",      is_version, "a number like 3.2"},
    [KK_URI_LIBRARY_DESCRIPTION]  = {"library-description",  is_text,    "UTF-8"},
    [KK_URI_OBJECT]               = {"object",               is_text,    "UTF-8"},
    [KK_URI_TYPE]                 = {"type",                 is_type,    "private, public, secret-key, cert or data"},
    [KK_URI_ID]                   = {"id",                   is_bytes,   "at least one byte"},
    [KK_URI_SLOT_MANUFACTURER]    = {"slot-manufacturer",    is_text,    "UTF-8"},
    [KK_URI_SLOT_DESCRIPTION]     = {"slot-description",     is_text,    "UTF-8"},
    [KK_URI_SLOT_ID]              = {"slot-id",              is_number,  "a number"},
    [KK_URI_PIN_SOURCE]           = {"pin-source",           is_text,    "UTF-8"},
    [KK_URI_PIN_VALUE]            = {"pin-value",            is_text,    "UTF-8"},
    [KK_URI_MODULE_NAME]          = {"module-name",          is_text,    "UTF-8"},
    [KK_URI_MODULE_PATH]          = {"module-path",          is_text,    "UTF-8"},
};
/* clang-format on */

const char *kk_uri_name(enum kk_uri_part part)
{
    return rows[part].name;
}

/* ---- reading ---- */

bool kk_uri_is(const char *text)
{
    return strncmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static KK_RV wrong(struct kk_uri_why *why, const char *what, struct kk_span name,
                   const char *behind)
{
    (void)snprintf(why->text, sizeof why->text, "%s\"%.*s\"%s", what, (int)KK_MIN(name.len, 40U),
                   (const char *)name.data, behind);
    return CKR_DATA_INVALID;
}

static int hex_digit(uint8_t c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* Unreserved characters and those that the RFC lets stand for themselves. A query may have some
 * more; that a path has them too hurts nobody. */
static bool stands_for_itself(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:[]@!$'()*+,=&/?|", c) != NULL);
}

/* The value of `attribute` without its percent signs. */
static KK_RV decode(struct kk_span attribute, struct kk_span raw, struct kk_uri_value *value,
                    struct kk_uri_why *why)
{
    KK_TRY(kk_alloc(raw.len + 1, &value->text));
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t c = raw.data[i];
        if (c == '%') {
            int high = raw.len - i > 2 ? hex_digit(raw.data[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.data[i + 2]) : -1;
            if (low < 0) {
                return wrong(why, "a % without two hexadecimal digits behind it in ", attribute,
                             "");
            }
            c = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (!stands_for_itself(c)) {
            return wrong(why, "a character in ", attribute,
                         " that is to be written as %XX (a blank as %20)");
        }
        value->text[value->len++] = (char)c;
    }
    return CKR_OK;
}

static size_t find_row(struct kk_span name, bool in_query)
{
    size_t end = in_query ? KK_URI_PART_COUNT : KK_URI_PIN_SOURCE;
    for (size_t i = in_query ? KK_URI_PIN_SOURCE : 0; i < end; i++) {
        if (kk_span_equal(name, KK_SPAN(rows[i].name, strlen(rows[i].name)))) {
            return i;
        }
    }
    return KK_URI_PART_COUNT;
}

static KK_RV parse_attribute(struct kk_span text, bool in_query, struct kk_uri *uri,
                             struct kk_uri_why *why)
{
    const uint8_t *equals = memchr(text.data, '=', text.len);
    if (equals == NULL) {
        return wrong(why, "no = in ", text, "");
    }
    struct kk_span name = KK_SPAN(text.data, (size_t)(equals - text.data));
    struct kk_span raw = KK_SPAN(equals + 1, text.len - name.len - 1);
    size_t part = find_row(name, in_query);
    if (part == KK_URI_PART_COUNT) {
        return in_query && name.len > 0 ? CKR_OK : wrong(why, "an unknown attribute ", name, "");
    }
    struct kk_uri_value *value = &uri->parts[part];
    if (value->text != NULL) {
        return wrong(why, "", name, " is there twice");
    }
    KK_TRY(decode(name, raw, value, why));
    if (!rows[part].is_valid(value)) {
        (void)snprintf(why->text, sizeof why->text, "\"%s\" takes %s", rows[part].name,
                       rows[part].takes);
        return CKR_DATA_INVALID;
    }
    return CKR_OK;
}

/* Attributes with `separator` between them; there may be none. */
static KK_RV parse_attributes(struct kk_span text, char separator, struct kk_uri *uri,
                              struct kk_uri_why *why)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, separator, text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        size_t step = end != NULL ? len + 1 : len;
        if (len > 0) {
            KK_TRY(parse_attribute(KK_SPAN(text.data, len), separator == '&', uri, why));
        }
        text = KK_SPAN(text.data + step, text.len - step);
    }
    return CKR_OK;
}

KK_RV kk_uri_parse(const char *text, struct kk_uri *uri, struct kk_uri_why *ret_why)
{
    if (!kk_uri_is(text)) {
        (void)snprintf(ret_why->text, sizeof ret_why->text, "it does not begin with " SCHEME);
        return CKR_DATA_INVALID;
    }
    const char *path = text + strlen(SCHEME);
    size_t path_len = strcspn(path, "?");
    const char *query = path + path_len + (path[path_len] == '?' ? 1 : 0);
    KK_TRY(parse_attributes(KK_SPAN(path, path_len), ';', uri, ret_why));
    return parse_attributes(KK_SPAN(query, strlen(query)), '&', uri, ret_why);
}

void kk_uri_clear(struct kk_uri *uri)
{
    for (size_t i = 0; i < KK_URI_PART_COUNT; i++) {
        struct kk_uri_value *value = &uri->parts[i];
        kk_wipe(value->text, value->len);
        kk_free(value->text);
        *value = (struct kk_uri_value){0};
    }
}

/* ---- writing ---- */

void kk_uri_begin(struct kk_buffer *out)
{
    kk_buffer_put(out, SCHEME, strlen(SCHEME));
}

/* An id is written with each byte as %XX, as the RFC recommends. */
void kk_uri_put(struct kk_buffer *out, enum kk_uri_part part, struct kk_span value)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "-._~:[]@!$'()*+,=";
    if (value.len == 0) {
        return;
    }
    if (out->len > strlen(SCHEME)) {
        kk_buffer_put_u8(out, ';');
    }
    kk_buffer_put(out, rows[part].name, strlen(rows[part].name));
    kk_buffer_put_u8(out, '=');
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != '\0' && strchr(plain, c) != NULL);
        if (is_plain && part != KK_URI_ID) {
            kk_buffer_put_u8(out, c);
        } else {
            const uint8_t escaped[] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 0xf]};
            kk_buffer_put(out, escaped, sizeof escaped);
        }
    }
}
