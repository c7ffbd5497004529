/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation, with a counter that tests use to make the n-th one fail.
 *
 * Pointers go in and out through void *, which may be the address of a pointer of any type: they
 * are read and written with memcpy, because a struct x * is not a void * to the aliasing rules.
 */
#include "base/memory.h"

#include <stdatomic.h>

#include "base/banned.h"

/* Nothing is counted while fail_at is 0, so that threads share no cache line they write to. */
static _Atomic unsigned long fail_at;
static _Atomic unsigned long counted;

void kk_alloc_fail_at(unsigned long nth)
{
    if (nth != 0) {
        atomic_store(&counted, 0);
    }
    atomic_store(&fail_at, nth);
}

unsigned long kk_alloc_count(void)
{
    return atomic_load(&counted);
}

static bool is_to_fail(void)
{
    unsigned long nth = atomic_load_explicit(&fail_at, memory_order_relaxed);
    return KK_UNLIKELY(nth != 0) && atomic_fetch_add(&counted, 1) + 1 == nth;
}

KK_RV kk_alloc(size_t size, void *ret_pointer)
{
    KK_ENSURE(size <= PTRDIFF_MAX && !is_to_fail(), CKR_HOST_MEMORY);
    void *fresh = calloc(1, KK_MAX(size, 1));
    KK_ENSURE(fresh != NULL, CKR_HOST_MEMORY);
    memcpy(ret_pointer, &fresh, sizeof fresh);
    return CKR_OK;
}

KK_RV kk_alloc_array(size_t count, size_t size, void *ret_pointer)
{
    size_t bytes = 0;
    KK_ENSURE(kk_mul(count, size, &bytes), CKR_HOST_MEMORY);
    return kk_alloc(bytes, ret_pointer);
}

KK_RV kk_realloc_array(void *pointer, size_t count, size_t size)
{
    size_t bytes = 0;
    KK_ENSURE(kk_mul(count, size, &bytes) && bytes <= PTRDIFF_MAX, CKR_HOST_MEMORY);
    KK_ENSURE(!is_to_fail(), CKR_HOST_MEMORY);

    void *present = NULL;
    memcpy(&present, pointer, sizeof present);
    void *moved = realloc(present, KK_MAX(bytes, 1));
    KK_ENSURE(moved != NULL, CKR_HOST_MEMORY);
    memcpy(pointer, &moved, sizeof moved);
    return CKR_OK;
}

KK_RV kk_memdup(const void *data, size_t len, void *ret_pointer)
{
    size_t size = 0;
    KK_ENSURE(kk_add(len, 1, &size), CKR_HOST_MEMORY);

    uint8_t *copy = NULL;
    KK_TRY(kk_alloc(size, &copy));
    if (len > 0) {
        memcpy(copy, data, len);
    }
    memcpy(ret_pointer, &copy, sizeof copy);
    return CKR_OK;
}

KK_RV kk_strdup(const char *text, char **ret_text)
{
    return kk_memdup(text, strlen(text), ret_text);
}

void kk_free(void *pointer)
{
    free(pointer);
}

void kk_freep(void *pointer)
{
    void *owned = NULL;
    memcpy(&owned, pointer, sizeof owned);
    free(owned);
}

KK_RV kk_ulong_to_size(CK_ULONG value, CK_RV rv, size_t *ret_size)
{
    KK_ENSURE(value <= KK_MEMORY_MAX, rv);
    *ret_size = value;
    return CKR_OK;
}

bool kk_ct_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference |= (uint8_t)(left[i] ^ right[i]);
    }
    return difference == 0;
}

void kk_wipe(void *data, size_t len)
{
    if (len > 0) {
        explicit_bzero(data, len);
    }
}

bool kk_mem_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

#define STACK_WIPED 16384

void __attribute__((noinline)) kk_wipe_stack(void)
{
    uint8_t below[STACK_WIPED];
    kk_wipe(below, sizeof below);
}
