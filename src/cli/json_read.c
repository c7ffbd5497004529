/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON reader: one pass, no recursion. What is open stands on a stack of bounded depth.
 */
#include "cli/json_read.h"

#include <string.h>

#include "base/memory.h"
#include "cli/text.h"

#include "base/banned.h"

struct parser {
    struct kk_span text;
    size_t at;
    struct kk_json_tree *tree;
    size_t string_len; /* of tree->strings that is in use */
    size_t open[KK_JSON_READ_DEPTH];
    size_t members[KK_JSON_READ_DEPTH];
    size_t depth;
};

void kk_json_tree_free(struct kk_json_tree *tree)
{
    if (tree != NULL) {
        kk_free(tree->values);
        kk_secret_free(tree->strings);
        kk_free(tree);
    }
}

/* ---- characters ---- */

#define AT_END (-1)

static int peek(const struct parser *parser)
{
    return parser->at < parser->text.len ? parser->text.data[parser->at] : AT_END;
}

static void skip_blanks(struct parser *parser)
{
    for (int c = peek(parser); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(parser)) {
        parser->at++;
    }
}

static bool take(struct parser *parser, int c)
{
    bool there = peek(parser) == c;
    parser->at += there ? 1 : 0;
    return there;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* ---- strings ---- */

static void put_byte(struct parser *parser, uint8_t byte)
{
    /* What stands in the text is never shorter than what it stands for. */
    KK_ASSERT(parser->string_len < kk_secret_len(parser->tree->strings));
    kk_secret_data(parser->tree->strings)[parser->string_len] = byte;
    parser->string_len++;
}

static void put_code_point(struct parser *parser, uint32_t code)
{
    if (code < 0x80) {
        put_byte(parser, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        put_byte(parser, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            put_byte(parser, (uint8_t)(0xe0 | code >> 12));
        } else {
            put_byte(parser, (uint8_t)(0xf0 | code >> 18));
            put_byte(parser, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        put_byte(parser, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    }
    put_byte(parser, (uint8_t)(0x80 | (code & 0x3f)));
}

static int hex_digit(int c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : AT_END;
}

static KK_RV take_hex4(struct parser *parser, uint32_t *ret_code)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(parser));
        KK_ENSURE(digit != AT_END, CKR_DATA_INVALID);
        code = code << 4 | (uint32_t)digit;
        parser->at++;
    }
    *ret_code = code;
    return CKR_OK;
}

/* Behind "\u": one unit, or two that make a pair. */
static KK_RV take_unicode(struct parser *parser)
{
    uint32_t code = 0;
    uint32_t low = 0;
    KK_TRY(take_hex4(parser, &code));
    KK_ENSURE(code < 0xdc00 || code > 0xdfff, CKR_DATA_INVALID);
    if (code >= 0xd800 && code <= 0xdbff) {
        KK_ENSURE(take(parser, '\\') && take(parser, 'u'), CKR_DATA_INVALID);
        KK_TRY(take_hex4(parser, &low));
        KK_ENSURE(low >= 0xdc00 && low <= 0xdfff, CKR_DATA_INVALID);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    put_code_point(parser, code);
    return CKR_OK;
}

static KK_RV take_escape(struct parser *parser)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    int c = peek(parser);
    KK_ENSURE(c > 0, CKR_DATA_INVALID);
    parser->at++;
    if (c == 'u') {
        return take_unicode(parser);
    }
    const char *found = strchr(letters, c);
    KK_ENSURE(found != NULL, CKR_DATA_INVALID);
    put_byte(parser, (uint8_t)values[found - letters]);
    return CKR_OK;
}

static KK_RV take_character(struct parser *parser)
{
    struct kk_span rest = KK_SPAN(parser->text.data + parser->at, parser->text.len - parser->at);
    const uint8_t *start = rest.data;
    KK_ENSURE(rest.len > 0 && *start >= 0x20, CKR_DATA_INVALID);
    struct kk_span character = kk_text_next(&rest);
    KK_ENSURE(character.data == start, CKR_DATA_INVALID); /* else: no UTF-8 */
    for (size_t i = 0; i < character.len; i++) {
        put_byte(parser, character.data[i]);
    }
    parser->at += character.len;
    return CKR_OK;
}

/* From its opening quote on. */
static KK_RV take_string(struct parser *parser, struct kk_span *ret_text)
{
    size_t start = parser->string_len;
    KK_ENSURE(take(parser, '"'), CKR_DATA_INVALID);
    while (!take(parser, '"')) {
        if (take(parser, '\\')) {
            KK_TRY(take_escape(parser));
        } else {
            KK_TRY(take_character(parser));
        }
    }
    *ret_text = KK_SPAN(kk_secret_data(parser->tree->strings) + start, parser->string_len - start);
    return CKR_OK;
}

/* ---- values ---- */

static KK_RV take_digits(struct parser *parser)
{
    KK_ENSURE(is_digit(peek(parser)), CKR_DATA_INVALID);
    while (is_digit(peek(parser))) {
        parser->at++;
    }
    return CKR_OK;
}

static KK_RV take_number(struct parser *parser, struct kk_span *ret_text)
{
    size_t start = parser->at;
    (void)take(parser, '-');
    if (!take(parser, '0')) {
        KK_TRY(take_digits(parser));
    }
    if (take(parser, '.')) {
        KK_TRY(take_digits(parser));
    }
    if (take(parser, 'e') || take(parser, 'E')) {
        if (!take(parser, '+')) {
            (void)take(parser, '-');
        }
        KK_TRY(take_digits(parser));
    }
    *ret_text = KK_SPAN(parser->text.data + start, parser->at - start);
    return CKR_OK;
}

static KK_RV take_word(struct parser *parser, const char *word)
{
    for (; *word != '\0'; word++) {
        KK_ENSURE(take(parser, *word), CKR_DATA_INVALID);
    }
    return CKR_OK;
}

static KK_RV add(struct parser *parser, struct kk_span name, struct kk_json_value **ret_value)
{
    struct kk_json_tree *tree = parser->tree;
    KK_ENSURE(tree->count < KK_JSON_READ_VALUES, CKR_DATA_INVALID);
    if ((tree->count & (tree->count - 1)) == 0) { /* full at each power of two */
        KK_TRY(kk_realloc_array(&tree->values, KK_MAX(tree->count * 2, (size_t)1),
                                sizeof *tree->values));
    }
    *ret_value = &tree->values[tree->count++];
    **ret_value = (struct kk_json_value){.name = name, .end = tree->count};
    return CKR_OK;
}

static KK_RV open_value(struct parser *parser, struct kk_json_value *value, enum kk_json_kind kind)
{
    KK_ENSURE(parser->depth < KK_JSON_READ_DEPTH, CKR_DATA_INVALID);
    parser->at++;
    value->kind = kind;
    parser->open[parser->depth] = parser->tree->count - 1;
    parser->members[parser->depth] = 0;
    parser->depth++;
    return CKR_OK;
}

/* A value, or the beginning of an array or object. */
static KK_RV take_value(struct parser *parser, struct kk_span name)
{
    struct kk_json_value *value = NULL;
    KK_TRY(add(parser, name, &value));
    switch (peek(parser)) {
    case '{':
        return open_value(parser, value, KK_JSON_OBJECT);
    case '[':
        return open_value(parser, value, KK_JSON_ARRAY);
    case '"':
        value->kind = KK_JSON_STRING;
        return take_string(parser, &value->text);
    case 'n':
        value->kind = KK_JSON_NULL;
        return take_word(parser, "null");
    case 'f':
        value->kind = KK_JSON_FALSE;
        return take_word(parser, "false");
    case 't':
        value->kind = KK_JSON_TRUE;
        return take_word(parser, "true");
    default:
        value->kind = KK_JSON_NUMBER;
        return take_number(parser, &value->text);
    }
}

/* ---- arrays and objects ---- */

static bool has_member(const struct kk_json_tree *tree, size_t object, struct kk_span name)
{
    for (size_t i = object + 1; i < tree->count; i = tree->values[i].end) {
        if (kk_span_equal(tree->values[i].name, name)) {
            return true;
        }
    }
    return false;
}

static KK_RV take_member(struct parser *parser, size_t object)
{
    struct kk_span name = {0};
    KK_TRY(take_string(parser, &name));
    KK_ENSURE(!has_member(parser->tree, object, name), CKR_DATA_INVALID);
    skip_blanks(parser);
    KK_ENSURE(take(parser, ':'), CKR_DATA_INVALID);
    skip_blanks(parser);
    return take_value(parser, name);
}

/* The next thing in what was opened last: a value, or its end. */
static KK_RV take_next(struct parser *parser)
{
    size_t index = parser->open[parser->depth - 1];
    bool is_object = parser->tree->values[index].kind == KK_JSON_OBJECT;
    bool is_first = parser->tree->count == index + 1;
    skip_blanks(parser);
    if (take(parser, is_object ? '}' : ']')) {
        parser->tree->values[index].end = parser->tree->count;
        parser->depth--;
        return CKR_OK;
    }
    if (!is_first) {
        KK_ENSURE(take(parser, ','), CKR_DATA_INVALID);
        skip_blanks(parser);
    }
    if (!is_object) {
        return take_value(parser, (struct kk_span){0});
    }
    parser->members[parser->depth - 1]++;
    KK_ENSURE(parser->members[parser->depth - 1] <= KK_JSON_READ_MEMBERS, CKR_DATA_INVALID);
    return take_member(parser, index);
}

static KK_RV parse(struct parser *parser)
{
    skip_blanks(parser);
    KK_TRY(take_value(parser, (struct kk_span){0}));
    while (parser->depth > 0) {
        KK_TRY(take_next(parser));
    }
    skip_blanks(parser);
    KK_ENSURE(parser->at == parser->text.len, CKR_DATA_INVALID);
    return CKR_OK;
}

KK_RV kk_json_read(struct kk_span text, size_t *ret_offset, struct kk_json_tree **ret_tree)
{
    KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree = NULL;
    KK_TRY(kk_alloc(sizeof *tree, &tree));
    KK_TRY(kk_secret_new(text.len, &tree->strings));
    struct parser parser = {.text = text, .tree = tree};
    CK_RV rv = parse(&parser);
    if (rv != CKR_OK) {
        if (ret_offset != NULL) {
            *ret_offset = parser.at;
        }
        return rv;
    }
    *ret_tree = KK_STEAL(tree);
    return CKR_OK;
}

const struct kk_json_value *kk_json_member(const struct kk_json_tree *tree, size_t object,
                                           const char *name)
{
    const struct kk_json_value *values = tree->values;
    struct kk_span wanted = KK_SPAN(name, strlen(name));
    for (size_t i = object + 1; i < values[object].end; i = values[i].end) {
        if (kk_span_equal(values[i].name, wanted)) {
            return &values[i];
        }
    }
    return NULL;
}
