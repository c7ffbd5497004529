/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16-byte names of tokens and objects, and their text form (8-4-4-4-12, lower case).
 */
#pragma once

#include "base/macros.h"

#define KK_UUID_TEXT 37 /* 36 characters and the zero */

struct kk_uuid {
    uint8_t bytes[16];
};

void kk_uuid_format(const struct kk_uuid *uuid, char ret_text[KK_UUID_TEXT]);

/* False unless `text` is exactly one uuid; either case is taken. */
bool kk_uuid_parse(const char *text, struct kk_uuid *ret_uuid);

/* A list that keeps its room when it is emptied. Zeros are an empty one. */
struct kk_uuid_list {
    struct kk_uuid *uuids;
    size_t count;
    size_t capacity;
};

/* Room for `count` in all. CKR_HOST_MEMORY; the list is then as it was. */
KK_RV kk_uuid_list_room(struct kk_uuid_list *list, size_t count);
KK_RV kk_uuid_list_add(struct kk_uuid_list *list, const struct kk_uuid *uuid);

/* Frees it. */
void kk_uuid_list_clear(struct kk_uuid_list *list);

int kk_uuid_compare(const struct kk_uuid *a, const struct kk_uuid *b);
bool kk_uuid_equal(const struct kk_uuid *a, const struct kk_uuid *b);
