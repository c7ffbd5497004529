/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uuids to text and back. The text is the hex digits with a hyphen before bytes 4, 6, 8 and 10.
 */
#include "base/uuid.h"

#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

static bool is_hyphen_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void kk_uuid_format(const struct kk_uuid *uuid, char ret_text[KK_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *out = ret_text;
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (is_hyphen_before(i)) {
            *out++ = '-';
        }
        *out++ = digits[uuid->bytes[i] >> 4];
        *out++ = digits[uuid->bytes[i] & 15];
    }
    *out = '\0';
}

bool kk_uuid_parse(const char *text, struct kk_uuid *ret_uuid)
{
    if (strnlen(text, KK_UUID_TEXT) != KK_UUID_TEXT - 1) {
        return false;
    }
    struct kk_uuid uuid;
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        if (is_hyphen_before(i) && *text++ != '-') {
            return false;
        }
        int high = hex_digit(text[0]);
        int low = hex_digit(text[1]);
        if (high < 0 || low < 0) {
            return false;
        }
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    *ret_uuid = uuid;
    return true;
}

int kk_uuid_compare(const struct kk_uuid *a, const struct kk_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool kk_uuid_equal(const struct kk_uuid *a, const struct kk_uuid *b)
{
    return kk_uuid_compare(a, b) == 0;
}

KK_RV kk_uuid_list_room(struct kk_uuid_list *list, size_t count)
{
    if (count > list->capacity) {
        KK_TRY(kk_realloc_array(&list->uuids, count, sizeof *list->uuids));
        list->capacity = count;
    }
    return CKR_OK;
}

KK_RV kk_uuid_list_add(struct kk_uuid_list *list, const struct kk_uuid *uuid)
{
    if (list->count == list->capacity) {
        KK_TRY(kk_uuid_list_room(list, KK_MAX(list->capacity * 2, (size_t)16)));
    }
    list->uuids[list->count++] = *uuid;
    return CKR_OK;
}

void kk_uuid_list_clear(struct kk_uuid_list *list)
{
    kk_free(list->uuids);
    *list = (struct kk_uuid_list){0};
}
