/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Colours, where a terminal shows them and nobody asked for none (NO_COLOR, TERM=dumb).
 */
#pragma once

#include <stdio.h>

#include "base/macros.h"

#define KK_COLOUR_BOLD "\033[1m"
#define KK_COLOUR_RED "\033[31m"
#define KK_COLOUR_GREEN "\033[32m"
#define KK_COLOUR_YELLOW "\033[33m"
#define KK_COLOUR_END "\033[0m"

/* Whether what is written to `file` may have colours. */
bool kk_colour_is_on(FILE *file);
