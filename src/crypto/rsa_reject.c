/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#1 v1.5 unpadding with implicit rejection (draft-irtf-cfrg-rsa-guidance, as OpenSSL 3.2 does
 * it). Nothing here branches on, or indexes by, what the block holds.
 */
#include "crypto/rsa_reject.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/kdf.h"

#define LENGTH_TRIES 128
#define LEAST_PADDING 8
#define HEADER (2 + LEAST_PADDING + 1)

/* All ones or all zeros. */
typedef size_t mask;

static mask mask_top(size_t x)
{
    return (mask)0 - (x >> (sizeof x * 8 - 1));
}

static mask mask_less(size_t a, size_t b)
{
    return mask_top(a ^ ((a ^ b) | ((a - b) ^ b)));
}

static mask mask_zero(size_t x)
{
    return mask_top(~x & (x - 1));
}

static mask mask_equal(size_t a, size_t b)
{
    return mask_zero(a ^ b);
}

/* Keeps the compiler from finding out that a mask has two values and branching on it. */
static size_t choose(mask which, size_t yes, size_t no)
{
    __asm__("" : "+r"(which));
    return (which & yes) | (~which & no);
}

/* HMAC-SHA256 in counter mode: counter, label, wanted bits. */
static KK_RV expand(struct kk_crypto *crypto, struct kk_span key, struct kk_span label,
                    uint8_t *out, size_t len)
{
    KK_SECRET_ARRAY(block, KK_SHA256_SIZE);
    size_t bits = len * 8;
    for (size_t at = 0, counter = 0; at < len; at += KK_SHA256_SIZE, counter++) {
        uint8_t head[2] = {(uint8_t)(counter >> 8), (uint8_t)counter};
        uint8_t tail[2] = {(uint8_t)(bits >> 8), (uint8_t)bits};
        struct kk_span pieces[] = {KK_SPAN_ARRAY(head), label, KK_SPAN_ARRAY(tail)};
        KK_TRY(kk_hmac_sha256(crypto, key, pieces, KK_ARRAY_LEN(pieces), block));
        memcpy(out + at, block, KK_MIN(len - at, (size_t)KK_SHA256_SIZE));
    }
    return CKR_OK;
}

/* How long the message is that a wrong block gives: the last of 128 candidates that fits. */
static KK_RV false_length(struct kk_crypto *crypto, struct kk_span key, size_t block_len,
                          size_t *ret_len)
{
    KK_SECRET_ARRAY(candidates, LENGTH_TRIES * 2);
    size_t most = block_len - 2 - LEAST_PADDING;
    size_t bits = most;
    size_t length = 0;
    KK_TRY(expand(crypto, key, KK_SPAN_TEXT("length"), candidates, sizeof candidates));
    for (size_t shift = 1; shift < 16; shift *= 2) {
        bits |= bits >> shift;
    }
    for (size_t i = 0; i < LENGTH_TRIES; i++) {
        size_t candidate = ((size_t)candidates[2 * i] << 8 | candidates[2 * i + 1]) & bits;
        length = choose(mask_less(candidate, most), candidate, length);
    }
    *ret_len = length;
    return CKR_OK;
}

/* Where the message of a right block begins; *ret_good tells whether it is one. */
static size_t true_start(struct kk_span block, mask *ret_good)
{
    mask good = mask_zero(block.data[0]) & mask_equal(block.data[1], 2);
    mask found = 0;
    size_t zero_at = 0;
    for (size_t i = 2; i < block.len; i++) {
        mask is_zero = mask_zero(block.data[i]);
        zero_at = choose(~found & is_zero, i, zero_at);
        found |= is_zero;
    }
    *ret_good = good & found & ~mask_less(zero_at, 2 + LEAST_PADDING);
    return zero_at + 1;
}

/* Moves the bytes from `start` on to the front, touching all of them each time: a shift by each
 * power of two that is in `start`. */
static void shift_down(uint8_t *bytes, size_t len, size_t start)
{
    for (size_t step = 1; step < len; step *= 2) {
        mask wanted = ~mask_zero(start & step);
        for (size_t i = 0; i < len; i++) {
            uint8_t from = i + step < len ? bytes[i + step] : 0;
            bytes[i] = (uint8_t)choose(wanted, from, bytes[i]);
        }
    }
}

KK_RV kk_rsa_unpad(struct kk_crypto *crypto, struct kk_span exponent_hash, struct kk_span cipher,
                   struct kk_span block, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(key, KK_SHA256_SIZE);
    KK_SECRET_ARRAY(message, KK_RSA_MAX_BYTES);
    size_t len = block.len;
    size_t fake_len = 0;
    mask good = 0;
    KK_ENSURE(len > HEADER && len <= sizeof message && cipher.len == len, CKR_FUNCTION_FAILED);
    KK_TRY(kk_hmac_sha256(crypto, exponent_hash, &cipher, 1, key));
    KK_TRY(expand(crypto, KK_SPAN_ARRAY(key), KK_SPAN_TEXT("message"), message, len));
    KK_TRY(false_length(crypto, KK_SPAN_ARRAY(key), len, &fake_len));
    size_t start = true_start(block, &good);
    start = choose(good, start, len - fake_len);
    for (size_t i = 0; i < len; i++) {
        message[i] = (uint8_t)choose(good, block.data[i], message[i]);
    }
    shift_down(message, len, start);
    memcpy(out, message, len - HEADER);
    *ret_len = len - start;
    return CKR_OK;
}
