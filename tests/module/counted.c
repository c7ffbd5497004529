/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counter.
 */
#include "counted.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/sanitizers.h"

struct range {
    uintptr_t start;
    uintptr_t end;
};

static struct range libcrypto;
_Thread_local unsigned long counted_ours;
_Thread_local unsigned long counted_theirs;

#if defined(__GLIBC__) && !KK_SANITIZED
#define CAN_COUNT true

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

static void count(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (from >= libcrypto.start && from < libcrypto.end) {
        counted_theirs++;
    } else {
        counted_ours++;
    }
}

#define EXPORTED(name) __asm__(name) __attribute__((visibility("default"), used))

void *counted_malloc(size_t size) EXPORTED("malloc");
void *counted_malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *counted_calloc(size_t count_, size_t size) EXPORTED("calloc");
void *counted_calloc(size_t count_, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(count_, size);
}

void *counted_realloc(void *pointer, size_t size) EXPORTED("realloc");
void *counted_realloc(void *pointer, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(pointer, size);
}

#else
#define CAN_COUNT false
#endif

static int note_range(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct range *range = context;
    if (strstr(info->dlpi_name, "libcrypto.so") == NULL) {
        return 0;
    }
    range->start = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = (uintptr_t)info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD) {
            range->start = start < range->start ? start : range->start;
            range->end =
                start + header->p_memsz > range->end ? start + header->p_memsz : range->end;
        }
    }
    return 1;
}

bool counted_is_there(void)
{
    return CAN_COUNT;
}

void counted_find_libcrypto(void)
{
    dl_iterate_phdr(note_range, &libcrypto);
}
