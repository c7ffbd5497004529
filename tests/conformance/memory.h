/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is refused: the runner's malloc() and its kin stand between the module and the C
 * library.
 */
#pragma once

#include <stdbool.h>

/* Whether this build of the runner can refuse memory: not beside a sanitizer, nor without glibc. */
bool memory_can_fail(void);

/* The n-th allocation of this thread from now on fails; 0: none. */
void memory_fail_at(unsigned n);

/* Whether it came to that. */
bool memory_has_failed(void);
