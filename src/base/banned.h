/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that do not belong in this code. base/ itself may use memcmp and the allocator.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* glibc's fortified ones are macros with some compilers. */
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef strncpy
#undef strncat

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok gets atoi atol rand srand
#pragma GCC poison gmtime localtime
