/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
#pragma once

#include "base/bytes.h"

#define KK_UTF8_MAX 4

/* How many bytes the character takes that `text` begins with, and its number. 0: there is none. */
size_t kk_utf8_decode(struct kk_span text, uint32_t *ret_point);

/* The bytes of a character; how many. */
size_t kk_utf8_encode(uint32_t point, uint8_t ret_bytes[KK_UTF8_MAX]);
