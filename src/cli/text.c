/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for terminals, and words that are nearly right.
 */
#include "cli/text.h"

#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

struct kk_span kk_text_next(struct kk_span *text)
{
    uint32_t point = 0;
    size_t len = kk_utf8_decode(*text, &point);
    struct kk_span character = len > 0 ? KK_SPAN(text->data, len) : KK_SPAN_TEXT("\xef\xbf\xbd");
    text->data += KK_MAX(len, (size_t)1);
    text->len -= KK_MAX(len, (size_t)1);
    return character;
}

struct kk_span kk_text_trim(struct kk_span text)
{
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\0')) {
        text.len--;
    }
    return text;
}

/* C0, DEL, and C1 as UTF-8 has it. */
static bool is_control(struct kk_span character)
{
    return (character.len == 1 && (character.data[0] < 0x20 || character.data[0] == 0x7f)) ||
           (character.len == 2 && character.data[0] == 0xc2 && character.data[1] < 0xa0);
}

size_t kk_text_put(struct kk_buffer *buffer, struct kk_span text)
{
    size_t columns = 0;
    while (text.len > 0) {
        struct kk_span character = kk_text_next(&text);
        kk_buffer_put_span(buffer, is_control(character) ? KK_SPAN_TEXT("?") : character);
        columns++;
    }
    return columns;
}

#define WORD_MAX 32

size_t kk_text_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t k = 0; k <= b_len; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            size_t changed = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);
            diagonal = row[k];
            row[k] = KK_MIN(changed, KK_MIN(row[k], row[k - 1]) + 1);
        }
    }
    return row[b_len];
}
