/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one allocator of ordinary memory, overflow-checked sizes, and the comparison and wiping of
 * bytes that matter. Secrets live in base/secret.h.
 */
#pragma once

#include "base/macros.h"

#include <string.h>

/* Zeroed memory. CKR_HOST_MEMORY when there is none. A size of 0 gives one byte. */
KK_RV kk_alloc(size_t size, void *ret_pointer);

/* Zeroed array of `count` elements of `size` bytes each; CKR_HOST_MEMORY on overflow too. */
KK_RV kk_alloc_array(size_t count, size_t size, void *ret_pointer);

/* Grows or shrinks *pointer (a pointer variable's address) to `count` elements of `size` bytes.
 * New bytes are not zeroed. On failure *pointer is as it was. */
KK_RV kk_realloc_array(void *pointer, size_t count, size_t size);

/* A copy of `len` bytes (with one zero byte behind them, so that text stays text). */
KK_RV kk_memdup(const void *data, size_t len, void *ret_pointer);

/* A copy of a zero-terminated text. */
KK_RV kk_strdup(const char *text, char **ret_text);

/* NULL is fine. Does not wipe. */
void kk_free(void *pointer);

/* For KK_CLEANUP on pointers of any type from kk_alloc(). */
void kk_freep(void *pointer);

/* Counts allocations from here on and fails the n-th one (tests; ULONG_MAX only counts); 0 switches
 * both off. The count stays readable until the next start. Not thread safe. */
void kk_alloc_fail_at(unsigned long nth);
unsigned long kk_alloc_count(void);

/* a + b and a * b; false on overflow, *ret untouched. */
static inline bool kk_add(size_t a, size_t b, size_t *ret)
{
    size_t result = 0;
    if (__builtin_add_overflow(a, b, &result)) {
        return false;
    }
    *ret = result;
    return true;
}

static inline bool kk_mul(size_t a, size_t b, size_t *ret)
{
    size_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) {
        return false;
    }
    *ret = result;
    return true;
}

/* No process has more memory than that: 56 bits of address are a user's at the most. */
#define KK_MEMORY_MAX (SIZE_MAX > UINT32_MAX ? SIZE_MAX >> 8 : (size_t)PTRDIFF_MAX)

/* A caller's CK_ULONG as a size. CK_UNAVAILABLE_INFORMATION and what exceeds KK_MEMORY_MAX is
 * refused with `rv`. */
KK_RV kk_ulong_to_size(CK_ULONG value, CK_RV rv, size_t *ret_size);

/* Equal, in time that depends on `len` only. */
bool kk_ct_equal(const void *a, const void *b, size_t len);

/* Zeroes memory in a way that the compiler keeps. NULL with 0 is fine. */
void kk_wipe(void *data, size_t len);

/* Zeroes the stack below the caller: what functions that have returned left there, of libraries
 * that do not wipe their own. */
void kk_wipe_stack(void);

/* Equal bytes, for data that is no secret (labels, ids). */
bool kk_mem_equal(const void *a, size_t a_len, const void *b, size_t b_len);
