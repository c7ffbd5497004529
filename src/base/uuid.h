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

int kk_uuid_compare(const struct kk_uuid *a, const struct kk_uuid *b);
bool kk_uuid_equal(const struct kk_uuid *a, const struct kk_uuid *b);
