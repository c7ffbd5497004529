/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012) over what an application's pointer points to.
 */
#include "trace/tag.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"
#include "trace/peek.h"

#include "base/banned.h"

#define TAGGED_MAX (1u << 20)

static struct {
    pthread_once_t once;
    bool is_there;
    uint64_t key[2];
} state = {.once = PTHREAD_ONCE_INIT};

static void make_key(void)
{
    state.is_there = getrandom(state.key, sizeof state.key, 0) == (ssize_t)sizeof state.key;
}

bool kk_trace_tag_start(void)
{
    (void)pthread_once(&state.once, make_key);
    return state.is_there;
}

static uint64_t rotate(uint64_t value, unsigned int by)
{
    return value << by | value >> (64 - by);
}

static void mix(uint64_t v[4], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

/* Up to eight bytes as a little-endian number. */
static uint64_t load(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

uint64_t kk_trace_siphash(const uint64_t key[2], struct kk_span span)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t at = 0; at + 8 <= span.len; at += 8) {
        uint64_t word = load(span.data + at, 8);
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
    }
    size_t rest = span.len % 8;
    uint64_t last = (rest > 0 ? load(span.data + (span.len - rest), rest) : 0) |
                    (uint64_t)(span.len & 0xff) << 56;
    v[3] ^= last;
    mix(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool kk_trace_tag(const void *from, size_t len, uint64_t *ret_tag)
{
    KK_CLEANUP(kk_freep) uint8_t *bytes = NULL;
    if (len == 0 || len > TAGGED_MAX || !kk_trace_tag_start() || kk_alloc(len, &bytes) != CKR_OK ||
        !kk_trace_peek(from, bytes, len)) {
        return false;
    }
    *ret_tag = kk_trace_siphash(state.key, KK_SPAN(bytes, len));
    kk_wipe(bytes, len);
    return true;
}
