/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz targets share: a fuzzer's bytes read as choices, and memory that ends at a page
 * nobody may touch, so that a read or a write of one byte too many ends the process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *data;
    size_t left;
};

/* 0 when the input has ended. */
uint8_t input_u8(struct input *input);
uint16_t input_u16(struct input *input);
uint64_t input_u64(struct input *input);

/* A number below `count` (at least 1). */
size_t input_below(struct input *input, size_t count);

/* True once in `count` times. */
bool input_rarely(struct input *input, unsigned int count);

/* Up to `len` bytes to `out`; zeros where the input has ended. */
void input_bytes(struct input *input, void *out, size_t len);

#define GUARDED_MAX 16384u

/* `len` bytes (at most GUARDED_MAX) that end where the guard page begins, filled with 0xa5. Valid
 * until 2,048 more were taken. Length 0 gives a pointer that may not be read at all. */
void *guarded(size_t len);

/* The same with bytes from the input. */
void *guarded_bytes(struct input *input, size_t len);

/* Takes from the first place again, and overwrites all that was taken since. */
void guarded_restart(void);
void guarded_spoil(void);

/* Ends the process with a line that says what does not hold. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))
void fuzz_failed(const char *what, const char *file, int line) __attribute__((noreturn, cold));
