/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc(), calloc() and realloc() with a counter.
 */
#include "memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sanitizers.h"

#if defined(__GLIBC__) && !KK_SANITIZED

static _Thread_local unsigned fails_at, counted;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

/* What a crypto library makes of it is its own business: not every one of its failures says why. */
static bool is_counted(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) == 0 || strstr(info.dli_fname, "libcrypto") == NULL;
}

static bool fails(const void *caller)
{
    if (fails_at == 0 || !is_counted(caller) || ++counted != fails_at)
        return false;
    errno = ENOMEM;
    return true;
}

#define EXPORTED(name) __asm__(name) __attribute__((visibility("default"), used))

void *memory_malloc(size_t size) EXPORTED("malloc");
void *memory_malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *memory_calloc(size_t count, size_t size) EXPORTED("calloc");
void *memory_calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *memory_realloc(void *pointer, size_t size) EXPORTED("realloc");
void *memory_realloc(void *pointer, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(pointer, size);
}

bool memory_can_fail(void)
{
    return true;
}

void memory_fail_at(unsigned n)
{
    counted = 0;
    fails_at = n;
}

bool memory_has_failed(void)
{
    return counted >= fails_at;
}

#else

bool memory_can_fail(void)
{
    return false;
}

void memory_fail_at(unsigned n)
{
    (void)n;
}

bool memory_has_failed(void)
{
    return false;
}

#endif
