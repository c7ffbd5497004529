/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cryptoki/pkcs11.h as text, so that tables made by hand can be compared with all of it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

/* The whole header, zero-terminated, for the life of the program. KK_PKCS11_H is its path. */
static inline char *header_text(void)
{
    static char text[256 * 1024];
    if (text[0] == '\0') {
        FILE *file = fopen(KK_PKCS11_H, "re");
        size_t got = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
        if (got == 0 || got == sizeof text - 1) {
            abort();
        }
        (void)fclose(file);
    }
    return text;
}
