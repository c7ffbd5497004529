/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as an object file of SoftHSM: it is printed, whole or up to the damage. The bytes in
 * the first column are those of the file, in their order; all of them when it is not damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/object_file.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* Takes the bytes of one line off the input. */
static void compare_line(const char *line, struct kk_span *rest)
{
    for (size_t column = 0; column < 24; column += 3) {
        int high = digit(line[column]);
        if (high < 0) {
            FUZZ_CHECK(line[column] == ' ' && column > 0);
            return;
        }
        int low = digit(line[column + 1]);
        FUZZ_CHECK(low >= 0 && rest->len > 0 && rest->data[0] == high * 16 + low);
        *rest = KK_SPAN(rest->data + 1, rest->len - 1);
        if (line[column + 2] == '\n') {
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = NULL;
    size_t text_len = 0;
    struct kk_object_damage damage = {.offset = SIZE_MAX};
    struct kk_span rest = KK_SPAN(data, size);
    FILE *out = open_memstream(&text, &text_len);
    FUZZ_CHECK(out != NULL);
    CK_RV rv = kk_object_file_print(rest, out, &damage);
    FUZZ_CHECK(fclose(out) == 0);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        compare_line(line, &rest);
    }
    if (rv == CKR_OK) {
        FUZZ_CHECK(rest.len == 0 && size >= 8);
    } else {
        FUZZ_CHECK(rv == CKR_DATA_INVALID && damage.offset <= size);
        FUZZ_CHECK(damage.what[0] != '\0' && memchr(damage.what, 0, sizeof damage.what) != NULL);
    }
    free(text);
    return 0;
}
