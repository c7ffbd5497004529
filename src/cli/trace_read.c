/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recursive descent over one line.
 */
#include "cli/trace_read.h"

#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

#define DEPTH_MAX 12u
#define NODES_MAX 65536u
#define LINE_MAX_ (1u << 24)

struct parse {
    struct kk_trace_line *line;
    const char *at;
    const char *end;
    unsigned int depth;
};

static KK_RV read_value(struct parse *parse, size_t *ret_node);

static bool is_at(const struct parse *parse, char c)
{
    return parse->at < parse->end && *parse->at == c;
}

static bool skip(struct parse *parse, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(parse->end - parse->at) < len || strncmp(parse->at, text, len) != 0) {
        return false;
    }
    parse->at += len;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static KK_RV add_node(struct parse *parse, enum kk_trace_node_kind kind, size_t *ret_node)
{
    struct kk_trace_line *line = parse->line;
    KK_ENSURE(line->node_count < NODES_MAX, CKR_DATA_INVALID);
    if ((line->node_count & (line->node_count - 1)) == 0) { /* full at every power of 2 */
        KK_TRY(kk_realloc_array(&line->nodes, line->node_count * 2, sizeof *line->nodes));
    }
    *ret_node = line->node_count++;
    line->nodes[*ret_node] = (struct kk_trace_node){.kind = kind};
    return CKR_OK;
}

/* Decimal, or hexadecimal behind 0x. */
static KK_RV read_number(struct parse *parse, uint64_t *ret_number)
{
    uint64_t base = skip(parse, "0x") ? 16 : 10;
    uint64_t number = 0;
    const char *begin = parse->at;
    for (; parse->at < parse->end; parse->at++) {
        int digit = hex_value(*parse->at);
        if (digit < 0 || (uint64_t)digit >= base) {
            break;
        }
        KK_ENSURE(number <= (UINT64_MAX - (uint64_t)digit) / base, CKR_DATA_INVALID);
        number = number * base + (uint64_t)digit;
    }
    KK_ENSURE(parse->at > begin, CKR_DATA_INVALID);
    *ret_number = number;
    return CKR_OK;
}

static struct kk_span read_name(struct parse *parse)
{
    const char *begin = parse->at;
    while (parse->at < parse->end && is_name(*parse->at)) {
        parse->at++;
    }
    return KK_SPAN(begin, (size_t)(parse->at - begin));
}

static KK_RV read_pair(struct parse *parse, uint8_t *ret_byte)
{
    KK_ENSURE(parse->end - parse->at >= 2, CKR_DATA_INVALID);
    int high = hex_value(parse->at[0]);
    int low = hex_value(parse->at[1]);
    KK_ENSURE(high >= 0 && low >= 0, CKR_DATA_INVALID);
    *ret_byte = (uint8_t)(high << 4 | low);
    parse->at += 2;
    return CKR_OK;
}

static KK_RV read_hex(struct parse *parse, size_t *ret_node)
{
    struct kk_buffer *bytes = &parse->line->bytes;
    size_t begin = bytes->len;
    while (!is_at(parse, '\'')) {
        uint8_t byte = 0;
        KK_TRY(read_pair(parse, &byte));
        kk_buffer_put_u8(bytes, byte);
    }
    parse->at++;
    KK_TRY(add_node(parse, KK_NODE_HEX, ret_node));
    parse->line->nodes[*ret_node].bytes_at = begin;
    parse->line->nodes[*ret_node].bytes_len = bytes->len - begin;
    return kk_buffer_check(bytes);
}

static KK_RV read_escape(struct parse *parse, uint8_t *ret_byte)
{
    if (skip(parse, "x")) {
        return read_pair(parse, ret_byte);
    }
    KK_ENSURE(is_at(parse, '"') || is_at(parse, '\\'), CKR_DATA_INVALID);
    *ret_byte = (uint8_t)*parse->at++;
    return CKR_OK;
}

static KK_RV read_text(struct parse *parse, size_t *ret_node)
{
    struct kk_buffer *bytes = &parse->line->bytes;
    size_t begin = bytes->len;
    while (!skip(parse, "\"")) {
        KK_ENSURE(parse->at < parse->end, CKR_DATA_INVALID);
        uint8_t byte = (uint8_t)*parse->at++;
        if (byte == '\\') {
            KK_TRY(read_escape(parse, &byte));
        }
        kk_buffer_put_u8(bytes, byte);
    }
    KK_TRY(add_node(parse, KK_NODE_TEXT, ret_node));
    parse->line->nodes[*ret_node].bytes_at = begin;
    parse->line->nodes[*ret_node].bytes_len = bytes->len - begin;
    return kk_buffer_check(bytes);
}

/* Behind "<7": " bytes", and what comes then. */
static KK_RV read_length(struct parse *parse, struct kk_trace_node *node)
{
    KK_TRY(read_number(parse, &node->number));
    if (skip(parse, " attributes at NULL") || skip(parse, " attributes")) {
        node->kind = parse->at[-1] == 'L' ? KK_NODE_AT_NULL : KK_NODE_OTHER;
        return CKR_OK;
    }
    KK_ENSURE(skip(parse, " bytes") || skip(parse, " byte"), CKR_DATA_INVALID);
    node->kind = KK_NODE_LENGTH;
    if (skip(parse, " at NULL")) {
        node->kind = KK_NODE_AT_NULL;
    } else if (skip(parse, " #")) {
        node->text = read_name(parse);
    } else {
        (void)skip(parse, " unreadable");
    }
    return CKR_OK;
}

static KK_RV read_angle(struct parse *parse, size_t *ret_node)
{
    struct kk_trace_node node = {.kind = KK_NODE_OTHER};
    if (skip(parse, "room ")) {
        node.kind = KK_NODE_ROOM;
        KK_TRY(read_number(parse, &node.number));
    } else if (skip(parse, "room")) {
        node.kind = KK_NODE_ROOM;
    } else if (parse->at < parse->end && is_digit(*parse->at)) {
        KK_TRY(read_length(parse, &node));
    } else {
        node.text = read_name(parse);
        KK_ENSURE(node.text.len > 0, CKR_DATA_INVALID);
    }
    KK_ENSURE(skip(parse, ">"), CKR_DATA_INVALID);
    KK_TRY(add_node(parse, node.kind, ret_node));
    parse->line->nodes[*ret_node] = node;
    return CKR_OK;
}

/* "name=value" or "value". */
static KK_RV read_member(struct parse *parse, size_t *ret_node)
{
    const char *begin = parse->at;
    struct kk_span name = read_name(parse);
    if (name.len == 0 || !skip(parse, "=")) {
        parse->at = begin;
        name.len = 0;
    }
    KK_TRY(read_value(parse, ret_node));
    parse->line->nodes[*ret_node].name = name;
    return CKR_OK;
}

/* Up to `close`, with `separator` between. */
static KK_RV read_members(struct parse *parse, const char *close, const char *separator,
                          size_t *ret_first)
{
    size_t last = 0;
    *ret_first = 0;
    while (!skip(parse, close)) {
        size_t node = 0;
        KK_ENSURE(last == 0 || skip(parse, separator), CKR_DATA_INVALID);
        KK_TRY(read_member(parse, &node));
        if (last == 0) {
            *ret_first = node;
        } else {
            parse->line->nodes[last].next = node;
        }
        last = node;
    }
    return CKR_OK;
}

static KK_RV read_inner(struct parse *parse, enum kk_trace_node_kind kind, size_t *ret_node)
{
    size_t first = 0;
    KK_ENSURE(parse->depth < DEPTH_MAX, CKR_DATA_INVALID);
    KK_TRY(add_node(parse, kind, ret_node));
    parse->depth++;
    KK_TRY(read_members(parse, kind == KK_NODE_LIST ? "]" : "}", ", ", &first));
    parse->depth--;
    parse->line->nodes[*ret_node].child = first;
    return CKR_OK;
}

/* Words, and the parameter of a mechanism behind its name. A version is a number and its minor one.
 */
static KK_RV read_words(struct parse *parse, size_t *ret_node)
{
    const char *begin = parse->at;
    while (parse->at < parse->end &&
           (is_name(*parse->at) || *parse->at == '|' || (*parse->at == '.' && parse->at > begin))) {
        parse->at++;
    }
    struct kk_span text = KK_SPAN(begin, (size_t)(parse->at - begin));
    KK_ENSURE(text.len > 0, CKR_DATA_INVALID);
    KK_TRY(add_node(parse, KK_NODE_WORDS, ret_node));
    parse->line->nodes[*ret_node].text = text;
    struct parse again = {.at = begin, .end = parse->at};
    uint64_t number = 0;
    if (kk_span_equal(text, KK_SPAN_TEXT("NULL"))) {
        parse->line->nodes[*ret_node].kind = KK_NODE_NULL;
    } else if (is_digit(*begin) && read_number(&again, &number) == CKR_OK &&
               again.at == again.end) {
        parse->line->nodes[*ret_node].kind = KK_NODE_NUMBER;
        parse->line->nodes[*ret_node].number = number;
    }
    if (skip(parse, "{")) {
        size_t inner = 0;
        KK_TRY(read_inner(parse, KK_NODE_STRUCTURE, &inner));
        parse->line->nodes[*ret_node].child = inner;
    }
    return CKR_OK;
}

static KK_RV read_value(struct parse *parse, size_t *ret_node)
{
    if (skip(parse, "\"")) {
        return read_text(parse, ret_node);
    }
    if (skip(parse, "x'")) {
        return read_hex(parse, ret_node);
    }
    if (skip(parse, "<")) {
        return read_angle(parse, ret_node);
    }
    if (skip(parse, "[")) {
        return read_inner(parse, KK_NODE_LIST, ret_node);
    }
    if (skip(parse, "{")) {
        return read_inner(parse, KK_NODE_STRUCTURE, ret_node);
    }
    return read_words(parse, ret_node);
}

/* "2026-11-23 01:52:03.123456 [4711.4712] " */
static KK_RV read_head(struct parse *parse)
{
    static const char form[] = "0000-00-00 00:00:00.000000 [";
    uint64_t pid = 0, tid = 0;
    for (size_t i = 0; i < sizeof form - 1; i++, parse->at++) {
        KK_ENSURE(parse->at < parse->end, CKR_DATA_INVALID);
        bool fits = form[i] == '0' ? is_digit(*parse->at) : *parse->at == form[i];
        KK_ENSURE(fits, CKR_DATA_INVALID);
    }
    KK_TRY(read_number(parse, &pid));
    KK_ENSURE(skip(parse, "."), CKR_DATA_INVALID);
    KK_TRY(read_number(parse, &tid));
    KK_ENSURE(skip(parse, "] ") && pid <= UINT32_MAX, CKR_DATA_INVALID);
    parse->line->pid = (unsigned long)pid;
    return CKR_OK;
}

static KK_RV read_duration(struct parse *parse)
{
    uint64_t whole = 0, tenth = 0;
    KK_TRY(read_number(parse, &whole));
    KK_ENSURE(skip(parse, "."), CKR_DATA_INVALID);
    KK_TRY(read_number(parse, &tenth));
    KK_ENSURE(whole < UINT64_MAX / 1000 - 1 && tenth < 10, CKR_DATA_INVALID);
    parse->line->nanoseconds = whole * 1000 + tenth * 100;
    KK_ENSURE(skip(parse, " us)") && parse->at == parse->end, CKR_DATA_INVALID);
    return CKR_OK;
}

/* " = CKR_OK phKey=0x1 (12.3 us)" */
static KK_RV read_results(struct parse *parse)
{
    KK_ENSURE(skip(parse, " = "), CKR_DATA_INVALID);
    parse->line->code = read_name(parse);
    KK_ENSURE(parse->line->code.len > 0 && skip(parse, " "), CKR_DATA_INVALID);
    if (!skip(parse, "(")) {
        KK_TRY(read_members(parse, " (", " ", &parse->line->results));
    }
    return read_duration(parse);
}

static KK_RV read_call(struct parse *parse)
{
    KK_TRY(kk_alloc_array(1, sizeof *parse->line->nodes, &parse->line->nodes));
    parse->line->node_count = 1; /* 0 is none */
    KK_TRY(read_head(parse));
    struct kk_span name = read_name(parse);
    parse->line->function = kk_trace_function_find((const char *)name.data, name.len);
    KK_ENSURE(parse->line->function != NULL && skip(parse, "("), CKR_DATA_INVALID);
    KK_TRY(read_members(parse, ")", ", ", &parse->line->arguments));
    return read_results(parse);
}

bool kk_trace_line_is_remark(struct kk_span line)
{
    return line.len == 0 || line.data[0] == '#';
}

KK_RV kk_trace_line_read(struct kk_span line, struct kk_trace_line *ret_line)
{
    KK_CLEANUP(kk_trace_line_clear) struct kk_trace_line result = {0};
    struct parse parse = {
        .line = &result, .at = (const char *)line.data, .end = (const char *)line.data + line.len};
    KK_ENSURE(line.len < LINE_MAX_, CKR_DATA_INVALID);
    KK_TRY(read_call(&parse));
    *ret_line = result;
    result = (struct kk_trace_line){0};
    return CKR_OK;
}

void kk_trace_line_clear(struct kk_trace_line *line)
{
    kk_free(line->nodes);
    kk_buffer_clear(&line->bytes);
    *line = (struct kk_trace_line){0};
}

const struct kk_trace_node *kk_trace_node_find(const struct kk_trace_line *line, size_t first,
                                               const char *name)
{
    for (size_t i = first; i != 0; i = line->nodes[i].next) {
        if (kk_span_equal(line->nodes[i].name, KK_SPAN(name, strlen(name)))) {
            return &line->nodes[i];
        }
    }
    return NULL;
}

struct kk_span kk_trace_node_bytes(const struct kk_trace_line *line,
                                   const struct kk_trace_node *node)
{
    return KK_SPAN(node->bytes_len > 0 ? line->bytes.data + node->bytes_at : NULL, node->bytes_len);
}
