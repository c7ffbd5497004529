/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a line from the terminal without showing it.
 */
#pragma once

#include <stdio.h>

#include "base/secret.h"

/*
 * Prints `text` on `out` and reads a line from the terminal on stdin, showing a star for each byte.
 * Backspace takes one back, ^U all. The line is at most `max` bytes; a longer one comes out as
 * `max` + 1 bytes, so that the caller finds it too long.
 *
 * CKR_FUNCTION_CANCELED: stdin is no terminal, the line was ended by end of file, or it could not
 * be read. A signal that would end the program does so, with the terminal as it was before.
 */
KK_RV kk_cli_prompt(FILE *out, const char *text, size_t max, struct kk_secret **ret_line);
