/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading what an application's pointers point to, without believing them: memory that is not there
 * is no crash. A call with a wrong handle never looks at its template, so a trace of it must not
 * fall over the template either.
 */
#pragma once

#include "base/macros.h"

/* `len` bytes; false: they cannot be read, or the kernel does not let us try. errno stays. */
bool kk_trace_peek(const void *from, void *to, size_t len);

/* One CK_ULONG. */
bool kk_trace_peek_ulong(const void *from, CK_ULONG *ret_value);
