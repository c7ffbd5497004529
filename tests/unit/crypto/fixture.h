/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of crypto/ share: cmocka, one library context per program, and hex.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/secret.h"
#include "crypto/provider.h"

static struct kk_crypto *crypto;

static inline int make_crypto(void **state)
{
    (void)state;
    return kk_crypto_new(&crypto) == CKR_OK ? 0 : -1;
}

static inline int free_crypto(void **state)
{
    (void)state;
    kk_crypto_free(crypto);
    return 0;
}

static inline unsigned from_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* Bytes of a literal of lower-case hex, in memory that lasts until the next eight calls. */
static inline struct kk_span hex(const char *text)
{
    static uint8_t ring[8][512];
    static unsigned next;
    uint8_t *out = ring[next++ % 8];
    size_t len = strlen(text) / 2;
    assert_true(len <= sizeof ring[0]);
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(from_digit(text[2 * i]) << 4 | from_digit(text[2 * i + 1]));
    }
    return KK_SPAN(out, len);
}

#define assert_hex(got, got_len, text)                                                             \
    do {                                                                                           \
        struct kk_span want_ = hex(text);                                                          \
        assert_int_equal((got_len), want_.len);                                                    \
        assert_memory_equal((got), want_.data, want_.len);                                         \
    } while (0)

#define assert_rv(call, want) assert_int_equal((call), (want))
#define assert_ok(call) assert_rv(call, CKR_OK)
