/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing and reading flat JSON objects of one form.
 */
#include "base/json_line.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

#include "base/banned.h"

static const char digits[] = "0123456789abcdef";

/* ---- writing ---- */

static void put(struct kk_json_line *line, const char *text, size_t len)
{
    if (line->failed || len > line->room - line->len) {
        line->failed = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_name(struct kk_json_line *line, const char *name)
{
    put(line, line->len == 0 ? "{\"" : ",\"", 2);
    put(line, name, strlen(name));
    put(line, "\":", 2);
}

void kk_json_line_number(struct kk_json_line *line, const char *name, uint64_t value)
{
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = digits[value % 10];
        value /= 10;
    } while (value > 0);
    put_name(line, name);
    put(line, text + at, sizeof text - at);
}

static void put_unit(struct kk_json_line *line, uint32_t unit)
{
    char text[6] = {'\\', 'u'};
    for (size_t i = 0; i < 4; i++) {
        text[2 + i] = digits[unit >> (12 - 4 * i) & 15];
    }
    put(line, text, sizeof text);
}

static bool is_plain(uint32_t point)
{
    return point >= 0x20 && point < 0x7f;
}

static void put_point(struct kk_json_line *line, uint32_t point)
{
    if (is_plain(point)) {
        char text[2] = {'\\', (char)point};
        bool quoted = point == '"' || point == '\\';
        put(line, quoted ? text : text + 1, quoted ? 2 : 1);
    } else if (point < 0x10000) {
        put_unit(line, point);
    } else {
        put_unit(line, 0xd800 + ((point - 0x10000) >> 10));
        put_unit(line, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
}

void kk_json_line_text(struct kk_json_line *line, const char *name, struct kk_span value)
{
    put_name(line, name);
    put(line, "\"", 1);
    while (value.len > 0) {
        uint32_t point = 0;
        size_t len = kk_utf8_decode(value, &point);
        put_point(line, len > 0 ? point : 0xfffd);
        value = KK_SPAN(value.data + KK_MAX(len, (size_t)1), value.len - KK_MAX(len, (size_t)1));
    }
    put(line, "\"", 1);
}

void kk_json_line_hex(struct kk_json_line *line, const char *name, struct kk_span bytes)
{
    put_name(line, name);
    put(line, "\"", 1);
    for (size_t i = 0; i < bytes.len; i++) {
        char pair[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
        put(line, pair, sizeof pair);
    }
    put(line, "\"", 1);
}

void kk_json_line_end(struct kk_json_line *line)
{
    put(line, line->len == 0 ? "{}" : "}", line->len == 0 ? 2 : 1);
}

/* ---- reading ---- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take(struct kk_span *rest, char c)
{
    if (rest->len == 0 || rest->data[0] != (uint8_t)c) {
        return false;
    }
    *rest = KK_SPAN(rest->data + 1, rest->len - 1);
    return true;
}

/* One 16-bit unit behind "\u". */
static bool take_unit(struct kk_span *rest, uint32_t *ret_unit)
{
    *ret_unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = rest->len > i ? hex_digit(rest->data[i]) : -1;
        if (digit < 0) {
            return false;
        }
        *ret_unit = *ret_unit << 4 | (uint32_t)digit;
    }
    *rest = KK_SPAN(rest->data + 4, rest->len - 4);
    return true;
}

static bool take_escape(struct kk_span *rest, uint32_t *ret_point)
{
    uint32_t low = 0;
    if (take(rest, '"') || take(rest, '\\')) {
        *ret_point = rest->data[-1];
        return true;
    }
    if (!take(rest, 'u') || !take_unit(rest, ret_point)) {
        return false;
    }
    if (*ret_point >= 0xd800 && *ret_point < 0xdc00) {
        if (!take(rest, '\\') || !take(rest, 'u') || !take_unit(rest, &low) || low < 0xdc00 ||
            low > 0xdfff) {
            return false;
        }
        *ret_point = 0x10000 + ((*ret_point - 0xd800) << 10) + (low - 0xdc00);
        return true;
    }
    return !is_plain(*ret_point) && (*ret_point < 0xdc00 || *ret_point > 0xdfff);
}

/* The next character of a text; false at its closing quote and where it is wrong. */
static bool take_point(struct kk_span *rest, uint32_t *ret_point)
{
    struct kk_span before = *rest;
    if (take(rest, '\\')) {
        bool sound = take_escape(rest, ret_point);
        *rest = sound ? *rest : before;
        return sound;
    }
    if (rest->len == 0 || rest->data[0] == '"' || !is_plain(rest->data[0])) {
        return false;
    }
    *ret_point = rest->data[0];
    return take(rest, (char)rest->data[0]);
}

static bool take_text(struct kk_span *rest, struct kk_json_member *member)
{
    uint32_t point = 0;
    const uint8_t *begin = rest->data;
    while (take_point(rest, &point)) {
    }
    member->is_text = true;
    member->value = KK_SPAN(begin, (size_t)(rest->data - begin));
    return take(rest, '"');
}

static bool take_number(struct kk_span *rest, struct kk_json_member *member)
{
    size_t len = 0;
    uint64_t number = 0;
    while (len < rest->len && rest->data[len] >= '0' && rest->data[len] <= '9') {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, rest->data[len] - '0', &number)) {
            return false;
        }
        len++;
    }
    member->is_text = false;
    member->number = number;
    member->value = KK_SPAN(rest->data, len);
    bool canonical = len == 1 || (len > 1 && rest->data[0] != '0');
    *rest = KK_SPAN(rest->data + len, rest->len - len);
    return canonical;
}

static bool take_name(struct kk_span *rest, struct kk_span *ret_name)
{
    size_t len = 0;
    if (!take(rest, '"')) {
        return false;
    }
    while (len < rest->len &&
           ((rest->data[len] >= 'a' && rest->data[len] <= 'z') || rest->data[len] == '_')) {
        len++;
    }
    *ret_name = KK_SPAN(rest->data, len);
    *rest = KK_SPAN(rest->data + len, rest->len - len);
    return len > 0 && take(rest, '"') && take(rest, ':');
}

static bool take_member(struct kk_span *rest, struct kk_json_member *member)
{
    if (!take_name(rest, &member->name)) {
        return false;
    }
    member->number = 0;
    return take(rest, '"') ? take_text(rest, member) : take_number(rest, member);
}

bool kk_json_line_next(struct kk_json_line_reader *reader, struct kk_json_member *ret_member)
{
    if (reader->failed || reader->ended) {
        return false;
    }
    if (reader->begun && take(&reader->rest, '}')) {
        reader->ended = reader->rest.len == 0;
        reader->failed = !reader->ended;
        return false;
    }
    bool sound =
        take(&reader->rest, reader->begun ? ',' : '{') && take_member(&reader->rest, ret_member);
    reader->begun = true;
    reader->failed = !sound;
    return sound;
}

bool kk_json_member_is(const struct kk_json_member *member, const char *name)
{
    return kk_mem_equal(member->name.data, member->name.len, name, strlen(name));
}

void kk_json_member_put(const struct kk_json_member *member, struct kk_buffer *buffer)
{
    struct kk_span rest = member->value;
    uint32_t point = 0;
    while (take_point(&rest, &point)) {
        uint8_t bytes[KK_UTF8_MAX];
        kk_buffer_put(buffer, bytes, kk_utf8_encode(point, bytes));
    }
}

bool kk_json_member_bytes(const struct kk_json_member *member, uint8_t *ret_bytes, size_t len)
{
    if (!member->is_text || member->value.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(member->value.data[2 * i]);
        int low = hex_digit(member->value.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
