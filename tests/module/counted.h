/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc() and its kin with a counter: a program that is linked with this (export_dynamic) stands
 * before the C library for the module that it loads. What libcrypto allocates is told from all else
 * by the address of the call.
 */
#pragma once

#include <stdbool.h>

/* Of this thread, since it began. */
extern _Thread_local unsigned long counted_ours;
extern _Thread_local unsigned long counted_theirs;

/* Not beside a sanitizer, nor without glibc. */
bool counted_is_there(void);

/* After the module was loaded. */
void counted_find_libcrypto(void);
