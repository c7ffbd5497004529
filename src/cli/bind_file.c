/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BIND's key files. One table row per field and per algorithm; line by line the fields are
 * collected, then the algorithm says which of them make the key.
 */
#include "cli/bind_file.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "cli/base64.h"
#include "cli/report.h"

#include "base/banned.h"

#define VERSION_MAJOR 1

enum field_kind { FIELD_VERSION, FIELD_ALGORITHM, FIELD_PART, FIELD_PASSED_OVER };

struct field {
    const char *name;
    enum field_kind kind;
    enum kk_keyfile_part part;
};

/* clang-format off */
static const struct field fields[] = {
    {"Private-key-format:", FIELD_VERSION,     0},
    {"Algorithm:",          FIELD_ALGORITHM,   0},
    {"Modulus:",            FIELD_PART,        KK_KEYPART_MODULUS},
    {"PublicExponent:",     FIELD_PART,        KK_KEYPART_PUBLIC_EXPONENT},
    {"PrivateExponent:",    FIELD_PART,        KK_KEYPART_PRIVATE_EXPONENT},
    {"Prime1:",             FIELD_PART,        KK_KEYPART_PRIME_1},
    {"Prime2:",             FIELD_PART,        KK_KEYPART_PRIME_2},
    {"Exponent1:",          FIELD_PART,        KK_KEYPART_EXPONENT_1},
    {"Exponent2:",          FIELD_PART,        KK_KEYPART_EXPONENT_2},
    {"Coefficient:",        FIELD_PART,        KK_KEYPART_COEFFICIENT},
    {"Prime(p):",           FIELD_PART,        KK_KEYPART_PRIME},
    {"Subprime(q):",        FIELD_PART,        KK_KEYPART_SUBPRIME},
    {"Base(g):",            FIELD_PART,        KK_KEYPART_BASE},
    {"Private_value(x):",   FIELD_PART,        KK_KEYPART_PRIVATE},
    {"Public_value(y):",    FIELD_PART,        KK_KEYPART_PUBLIC},
    {"PrivateKey:",         FIELD_PART,        KK_KEYPART_PRIVATE},
    /* When the key is used, not what it is. */
    {"Created:",            FIELD_PASSED_OVER, 0},
    {"Publish:",            FIELD_PASSED_OVER, 0},
    {"Activate:",           FIELD_PASSED_OVER, 0},
    {"Revoke:",             FIELD_PASSED_OVER, 0},
    {"Inactive:",           FIELD_PASSED_OVER, 0},
    {"Delete:",             FIELD_PASSED_OVER, 0},
    {"DSPublish:",          FIELD_PASSED_OVER, 0},
    {"SyncPublish:",        FIELD_PASSED_OVER, 0},
    {"SyncDelete:",         FIELD_PASSED_OVER, 0},
    {"Predecessor:",        FIELD_PASSED_OVER, 0},
    {"Successor:",          FIELD_PASSED_OVER, 0},
    {"MaxTTL:",             FIELD_PASSED_OVER, 0},
    {"RollPeriod:",         FIELD_PASSED_OVER, 0},
};

/* The parts that a file of each kind has. */
static const enum kk_keyfile_part rsa_parts[] = {
    KK_KEYPART_MODULUS, KK_KEYPART_PUBLIC_EXPONENT, KK_KEYPART_PRIVATE_EXPONENT,
    KK_KEYPART_PRIME_1, KK_KEYPART_PRIME_2, KK_KEYPART_EXPONENT_1, KK_KEYPART_EXPONENT_2,
    KK_KEYPART_COEFFICIENT,
};
static const enum kk_keyfile_part dsa_parts[] = {
    KK_KEYPART_PRIME, KK_KEYPART_SUBPRIME, KK_KEYPART_BASE, KK_KEYPART_PRIVATE, KK_KEYPART_PUBLIC,
};
static const enum kk_keyfile_part curve_parts[] = {KK_KEYPART_PRIVATE};

#define PARTS(table) table, KK_ARRAY_LEN(table)
#define CURVE(oid) oid, sizeof(oid) - 1
#define NO_CURVE NULL, 0

static const struct algorithm {
    int number; /* of DNSSEC */
    enum kk_keyfile_kind kind;
    const char *name; /* OpenSSL's */
    const enum kk_keyfile_part *parts;
    size_t part_count;
    const char *curve; /* DER: its OBJECT IDENTIFIER */
    size_t curve_len;
} algorithms[] = {
    {1,  KK_KEYFILE_RSA,     "RSA",     PARTS(rsa_parts),   NO_CURVE}, /* RSAMD5 */
    {3,  KK_KEYFILE_DSA,     "DSA",     PARTS(dsa_parts),   NO_CURVE}, /* DSA */
    {5,  KK_KEYFILE_RSA,     "RSA",     PARTS(rsa_parts),   NO_CURVE}, /* RSASHA1 */
    {6,  KK_KEYFILE_DSA,     "DSA",     PARTS(dsa_parts),   NO_CURVE}, /* NSEC3DSA */
    {7,  KK_KEYFILE_RSA,     "RSA",     PARTS(rsa_parts),   NO_CURVE}, /* NSEC3RSASHA1 */
    {8,  KK_KEYFILE_RSA,     "RSA",     PARTS(rsa_parts),   NO_CURVE}, /* RSASHA256 */
    {10, KK_KEYFILE_RSA,     "RSA",     PARTS(rsa_parts),   NO_CURVE}, /* RSASHA512 */
    {13, KK_KEYFILE_EC,      "EC",      PARTS(curve_parts), CURVE("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")}, /* P-256 */
    {14, KK_KEYFILE_EC,      "EC",      PARTS(curve_parts), CURVE("\x06\x05\x2b\x81\x04\x00\x22")},             /* P-384 */
    {15, KK_KEYFILE_EDWARDS, "ED25519", PARTS(curve_parts), CURVE("\x06\x03\x2b\x65\x70")},
    {16, KK_KEYFILE_EDWARDS, "ED448",   PARTS(curve_parts), CURVE("\x06\x03\x2b\x65\x71")},
};
/* clang-format on */

#define NO_ALGORITHM (-1)

struct parser {
    int line;
    int algorithm;
    bool seen[KK_ARRAY_LEN(fields)];
    bool failed;
    struct kk_keyfile *keyfile;
};

/* ---- lines ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct kk_span trim(struct kk_span text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Cuts the first line off *rest, without its end (also a DOS one). */
static struct kk_span next_line(struct kk_span *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    size_t skip = end != NULL ? len + 1 : len;
    struct kk_span line = KK_SPAN(rest->data, len);
    *rest = KK_SPAN(rest->data + skip, rest->len - skip);
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* BIND does not mind the case of a field's name. */
static bool begins_with(struct kk_span line, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (i >= line.len || lower(line.data[i]) != lower((uint8_t)name[i])) {
            return false;
        }
    }
    return true;
}

static const struct field *find_field(struct kk_span line)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(fields); i++) {
        if (begins_with(line, fields[i].name)) {
            return &fields[i];
        }
    }
    return NULL;
}

/* ---- values ---- */

/* A decimal number off the front of *text; 0 when there is none, INT_MAX for one too large. */
static int take_number(struct kk_span *text)
{
    int number = 0;
    while (text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        int digit = text->data[0] - '0';
        number = number > (INT_MAX - digit) / 10 ? INT_MAX : number * 10 + digit;
        text->data++;
        text->len--;
    }
    return number;
}

static bool take_char(struct kk_span *text, char c)
{
    if (text->len == 0 || text->data[0] != (uint8_t)c) {
        return false;
    }
    text->data++;
    text->len--;
    return true;
}

static bool begins_with_digit(struct kk_span text)
{
    return text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9';
}

#define PRINTED_MAX 100

/* The first bytes of `text`, those that are not printable as question marks. */
static const char *printable(struct kk_span text, char out[PRINTED_MAX + 1])
{
    size_t len = KK_MIN(text.len, (size_t)PRINTED_MAX);
    for (size_t i = 0; i < len; i++) {
        out[i] = text.data[i] >= ' ' && text.data[i] < 0x7f ? (char)text.data[i] : '?';
    }
    out[len] = '\0';
    return out;
}

/* Of a line that is not known only the name is shown: the value may be a key. */
static void report_unknown(const struct parser *parser, struct kk_span line)
{
    char out[PRINTED_MAX + 1];
    const uint8_t *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    struct kk_span name = KK_SPAN(line.data, colon != NULL ? (size_t)(colon - line.data) + 1 : 0);
    (void)kk_cli_error("ERROR: Unrecognized input line %i", parser->line);
    (void)kk_cli_error("ERROR: --> %s", printable(name, out));
}

/* "v1.3". A later minor version has fields that we do not know, and no other meaning. */
static KK_RV take_version(struct kk_span value)
{
    char out[PRINTED_MAX + 1];
    struct kk_span rest = value;
    bool is_version = take_char(&rest, 'v') && begins_with_digit(rest);
    int major = take_number(&rest);
    is_version = is_version && take_char(&rest, '.') && begins_with_digit(rest);
    int minor = take_number(&rest);
    if (!is_version || rest.len > 0) {
        return kk_cli_error("ERROR: Invalid/unknown version string (%s).", printable(value, out));
    }
    if (major != VERSION_MAJOR) {
        return kk_cli_error("ERROR: Cannot parse this version of file format, v%i.%i.", major,
                            minor);
    }
    return CKR_OK;
}

static KK_RV take_part(struct parser *parser, const struct field *field, struct kk_span value)
{
    struct kk_secret *part = NULL;
    CK_RV rv = kk_base64_decode(value, &part);
    if (rv == CKR_DATA_INVALID) {
        return kk_cli_error("ERROR: Could not parse the base64 string on line %i.", parser->line);
    }
    KK_TRY(rv);
    kk_secret_free(parser->keyfile->parts[field->part]);
    parser->keyfile->parts[field->part] = part;
    return CKR_OK;
}

static KK_RV take_value(struct parser *parser, const struct field *field, struct kk_span value)
{
    switch (field->kind) {
    case FIELD_VERSION:
        return take_version(value);
    case FIELD_ALGORITHM:
        parser->algorithm = take_number(&value);
        return CKR_OK;
    case FIELD_PART:
        return take_part(parser, field, value);
    case FIELD_PASSED_OVER:
        break;
    }
    return CKR_OK;
}

/* A failure in one line is kept, and the others are looked at. Only a foreign version ends it, or
 * no memory. */
static KK_RV take_line(struct parser *parser, struct kk_span line)
{
    const struct field *field = find_field(line);
    if (field == NULL) {
        report_unknown(parser, line);
        return CKR_OK;
    }
    bool *seen = &parser->seen[field - fields];
    if (*seen) {
        (void)kk_cli_error("ERROR: Duplicate \"%s\" field, line %i - ignored", field->name,
                           parser->line);
        return CKR_OK;
    }
    *seen = true;
    size_t name_len = strlen(field->name);
    CK_RV rv = take_value(parser, field, trim(KK_SPAN(line.data + name_len, line.len - name_len)));
    parser->failed |= rv != CKR_OK;
    return field->kind == FIELD_VERSION || rv == CKR_HOST_MEMORY ? rv : CKR_OK;
}

/* ---- the key ---- */

static const struct algorithm *find_algorithm(int number)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        if (algorithms[i].number == number) {
            return &algorithms[i];
        }
    }
    return NULL;
}

static KK_RV finish(struct parser *parser)
{
    struct kk_keyfile *keyfile = parser->keyfile;
    const struct algorithm *algorithm = find_algorithm(parser->algorithm);
    if (parser->failed) {
        return CKR_DATA_INVALID; /* said already */
    }
    if (parser->algorithm == NO_ALGORITHM) {
        return kk_cli_error("ERROR: The algorithm %i was not given in the file.", NO_ALGORITHM);
    }
    if (algorithm == NULL) {
        return kk_cli_error("ERROR: The algorithm %i is not supported.", parser->algorithm);
    }
    for (size_t i = 0; i < algorithm->part_count; i++) {
        const struct kk_secret *part = keyfile->parts[algorithm->parts[i]];
        if (part == NULL || kk_secret_len(part) == 0) {
            return kk_cli_error("ERROR: Some parts of the key material is missing in the input "
                                "file.");
        }
    }
    keyfile->kind = algorithm->kind;
    keyfile->algorithm = algorithm->name;
    if (algorithm->curve == NULL) {
        return CKR_OK;
    }
    return kk_secret_from(KK_SPAN(algorithm->curve, algorithm->curve_len),
                          &keyfile->parts[KK_KEYPART_EC_PARAMS]);
}

static KK_RV parse(struct kk_span content, struct kk_keyfile **ret_keyfile)
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
    KK_TRY(kk_alloc(sizeof *keyfile, &keyfile));
    struct parser parser = {.algorithm = NO_ALGORITHM, .keyfile = keyfile};
    while (content.len > 0) {
        struct kk_span line = next_line(&content);
        parser.line++;
        KK_TRY(take_line(&parser, line));
    }
    KK_TRY(finish(&parser));
    *ret_keyfile = KK_STEAL(keyfile);
    return CKR_OK;
}

KK_RV kk_bind_file_parse(struct kk_span content, struct kk_keyfile **ret_keyfile)
{
    CK_RV rv = parse(content, ret_keyfile);
    if (rv == CKR_HOST_MEMORY) {
        (void)kk_cli_error("ERROR: Could not allocate memory.");
    }
    return rv;
}
