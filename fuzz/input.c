/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choices and guarded memory.
 */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES 2048u

uint8_t input_u8(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->data++;
}

uint16_t input_u16(struct input *input)
{
    uint16_t high = input_u8(input);
    return (uint16_t)(high << 8 | input_u8(input));
}

uint64_t input_u64(struct input *input)
{
    uint64_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 16 | input_u16(input);
    }
    return value;
}

size_t input_below(struct input *input, size_t count)
{
    return (count <= 256 ? input_u8(input) : input_u16(input)) % count;
}

bool input_rarely(struct input *input, unsigned int count)
{
    return input_u8(input) % count == count - 1;
}

void input_bytes(struct input *input, void *out, size_t len)
{
    size_t given = len < input->left ? len : input->left;
    if (given > 0) {
        memcpy(out, input->data, given);
        input->data += given;
        input->left -= given;
    }
    if (given < len) {
        memset((uint8_t *)out + given, 0, len - given);
    }
}

static uint8_t *new_places(size_t page)
{
    size_t stride = GUARDED_MAX + page;
    uint8_t *start =
        mmap(NULL, stride * PLACES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FUZZ_CHECK(start != MAP_FAILED);
    for (size_t i = 0; i < PLACES; i++) {
        FUZZ_CHECK(mprotect(start + i * stride, GUARDED_MAX, PROT_READ | PROT_WRITE) == 0);
    }
    return start;
}

static uint8_t *places;
static size_t next;

void guarded_restart(void)
{
    next = 0;
}

void guarded_spoil(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < next; i++) {
        uint8_t *end = places + i * (GUARDED_MAX + page) + GUARDED_MAX;
        memset(end - page, 0x5a, page);
    }
}

void *guarded(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    FUZZ_CHECK(len <= GUARDED_MAX && GUARDED_MAX % page == 0);
    if (places == NULL) {
        places = new_places(page);
    }
    uint8_t *end = places + next * (GUARDED_MAX + page) + GUARDED_MAX;
    next = (next + 1) % PLACES;
    memset(end - len, 0xa5, len);
    return end - len;
}

void *guarded_bytes(struct input *input, size_t len)
{
    void *bytes = guarded(len);
    input_bytes(input, bytes, len);
    return bytes;
}

void fuzz_failed(const char *what, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}
