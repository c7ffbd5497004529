/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that came from a token or a user, made fit for a terminal and for JSON.
 */
#pragma once

#include "base/bytes.h"

/* Takes the next UTF-8 character off *text, which is not empty; the three bytes of U+FFFD for one
 * byte that begins none (also: overlong forms, surrogates, beyond U+10FFFF). */
struct kk_span kk_text_next(struct kk_span *text);

/* `text` without the blanks it is padded with. */
struct kk_span kk_text_trim(struct kk_span text);

/* Appends `text` as a terminal may see it: control characters become '?'. Returns how many columns
 * it takes, at one per character. */
size_t kk_text_put(struct kk_buffer *buffer, struct kk_span text);

/* How many single-character changes make one word of the other. */
size_t kk_text_distance(const char *a, const char *b);
