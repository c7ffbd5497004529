/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of mechanism/ share: cmocka, one library context and registry per program, hex,
 * keys and operations.
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
#include "mechanism/mechanism.h"

static struct kk_crypto *crypto;
static struct kk_registry *registry;

static inline int set_up(void **state)
{
    (void)state;
    return kk_crypto_new(&crypto) == CKR_OK && kk_registry_new(crypto, "ALL", &registry) == CKR_OK
               ? 0
               : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    kk_registry_free(registry);
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

#define assert_rv(call, want) assert_int_equal((call), (want))
#define assert_ok(call) assert_rv(call, CKR_OK)

static inline struct kk_key *secret_key(struct kk_span value)
{
    struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    struct kk_key *key = NULL;
    assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, value));
    assert_ok(kk_key_new(crypto, &parts, &key));
    kk_key_parts_clear(&parts);
    return key;
}

/* A zeroed operation; the key stays the caller's. */
static inline void op_begin(struct kk_op *op, CK_MECHANISM_TYPE type, enum kk_op_kind kind,
                            struct kk_key *key, const void *param, size_t param_len)
{
    memset(op, 0, sizeof *op);
    op->mechanism = kk_registry_find(registry, type);
    assert_non_null(op->mechanism);
    op->kind = kind;
    op->crypto = crypto;
    op->key = key;
    assert_ok(kk_param_copy(op->mechanism->shape, param, param_len, &op->param));
}

/* Another parameter for the same operation. */
static inline void op_param(struct kk_op *op, const void *param, size_t param_len)
{
    kk_param_clear(&op->param);
    assert_ok(kk_param_copy(op->mechanism->shape, param, param_len, &op->param));
}

static inline void op_end(struct kk_op *op)
{
    if (op->context != NULL) {
        op->context_free(op->context);
    }
    kk_param_clear(&op->param);
    memset(op, 0, sizeof *op);
}
