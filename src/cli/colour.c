/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether there are colours.
 */
#include "cli/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

bool kk_colour_is_on(FILE *file)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (no_color == NULL || no_color[0] == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0 && isatty(fileno(file)) != 0;
}
