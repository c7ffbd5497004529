/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON writer: two blanks per level, one member per line.
 */
#include "cli/json.h"

#include <stdio.h>
#include <string.h>

#include "cli/text.h"

#include "base/banned.h"

static void put(struct kk_json *json, const char *text)
{
    kk_buffer_put(&json->text, text, strlen(text));
}

static void new_line(struct kk_json *json)
{
    put(json, "\n");
    for (size_t i = 0; i < json->depth; i++) {
        put(json, "  ");
    }
}

static void put_character(struct kk_json *json, struct kk_span character)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    char text[8] = "";
    uint8_t first = character.data[0];
    const char *at = first != '\0' ? strchr(escaped, first) : NULL;
    if (at != NULL) {
        (void)snprintf(text, sizeof text, "\\%c", letters[at - escaped]);
        put(json, text);
    } else if (first < 0x20 || first == 0x7f) {
        (void)snprintf(text, sizeof text, "\\u%04x", first);
        put(json, text);
    } else {
        kk_buffer_put_span(&json->text, character);
    }
}

static void put_string(struct kk_json *json, struct kk_span value)
{
    put(json, "\"");
    while (value.len > 0) {
        put_character(json, kk_text_next(&value));
    }
    put(json, "\"");
}

/* What stands before a value: the comma, the line, the key. */
static void begin_value(struct kk_json *json, const char *key)
{
    if (json->depth > 0) {
        put(json, json->has_members ? "," : "");
        new_line(json);
    }
    json->has_members = true;
    if (key != NULL) {
        put_string(json, KK_SPAN(key, strlen(key)));
        put(json, ": ");
    }
}

static void open_value(struct kk_json *json, const char *key, const char *opening, char closing)
{
    begin_value(json, key);
    put(json, opening);
    KK_ASSERT(json->depth < KK_JSON_DEPTH);
    json->closing[json->depth++] = closing;
    json->has_members = false;
}

void kk_json_object(struct kk_json *json, const char *key)
{
    open_value(json, key, "{", '}');
}

void kk_json_array(struct kk_json *json, const char *key)
{
    open_value(json, key, "[", ']');
}

void kk_json_end(struct kk_json *json)
{
    KK_ASSERT(json->depth > 0);
    json->depth--;
    if (json->has_members) {
        new_line(json);
    }
    kk_buffer_put(&json->text, &json->closing[json->depth], 1);
    json->has_members = true;
}

void kk_json_bytes(struct kk_json *json, const char *key, struct kk_span value)
{
    begin_value(json, key);
    put_string(json, value);
}

void kk_json_text(struct kk_json *json, const char *key, const char *value)
{
    kk_json_bytes(json, key, KK_SPAN(value, strlen(value)));
}

void kk_json_number(struct kk_json *json, const char *key, unsigned long value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lu", value);
    begin_value(json, key);
    put(json, text);
}

void kk_json_bool(struct kk_json *json, const char *key, bool value)
{
    begin_value(json, key);
    put(json, value ? "true" : "false");
}

void kk_json_null(struct kk_json *json, const char *key)
{
    begin_value(json, key);
    put(json, "null");
}

KK_RV kk_json_print(const struct kk_json *json)
{
    KK_ASSERT(json->depth == 0);
    KK_TRY(kk_buffer_check(&json->text));
    (void)fwrite(json->text.data, 1, json->text.len, stdout);
    (void)fputc('\n', stdout);
    return CKR_OK; /* whether it could be written is the exit status's matter */
}

void kk_json_clear(struct kk_json *json)
{
    kk_buffer_clear(&json->text);
}
