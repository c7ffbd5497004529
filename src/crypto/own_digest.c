/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BLAKE2b of any length and SHA-512/t. libsodium's SHA-512 state is public, so that the initial
 * value of FIPS 180-4, 5.3.6, can be put into it.
 */
#include "crypto/own_digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/memory.h"

#include "base/banned.h"

#define ALIGNMENT 64 /* that libsodium wants for its BLAKE2b state */
#define SHA512_SIZE 64
#define SHA512_WORDS 8

enum own { BLAKE2B, SHA512_T };

struct kk_own_digest {
    crypto_generichash_blake2b_state *blake2b; /* aligned inside of `room` */
    uint8_t room[sizeof(crypto_generichash_blake2b_state) + ALIGNMENT];
    crypto_hash_sha512_state sha512;
    uint64_t initial[SHA512_WORDS];
    enum own kind;
    size_t bits;
};

static bool number_behind(const char *name, const char *prefix, size_t *ret_number)
{
    size_t len = strlen(prefix);
    char *end = NULL;
    if (strncmp(name, prefix, len) != 0 || name[len] < '1' || name[len] > '9') {
        return false;
    }
    *ret_number = strtoul(name + len, &end, 10);
    return *end == '\0';
}

static bool parse(const char *name, enum own *ret_kind, size_t *ret_bits)
{
    if (number_behind(name, "BLAKE2B-", ret_bits)) {
        *ret_kind = BLAKE2B;
        return *ret_bits <= 512 && *ret_bits % 8 == 0;
    }
    *ret_kind = SHA512_T;
    /*= pkcs11-3.2 Truncated Digest: 0 < t < 512, and t <> 384 */
    return number_behind(name, "SHA512/", ret_bits) && *ret_bits < 512 && *ret_bits != 384;
}

bool kk_own_digest_is(const char *name)
{
    enum own kind = BLAKE2B;
    size_t bits = 0;
    return parse(name, &kind, &bits);
}

/* FIPS 180-4, 5.3.6: SHA-512 with its initial value changed, over the new function's name. */
static void make_initial(struct kk_own_digest *digest)
{
    uint8_t hash[SHA512_SIZE];
    char name[16];
    int len = snprintf(name, sizeof name, "SHA-512/%zu", digest->bits);
    crypto_hash_sha512_init(&digest->sha512);
    for (size_t i = 0; i < SHA512_WORDS; i++) {
        digest->sha512.state[i] ^= UINT64_C(0xa5a5a5a5a5a5a5a5);
    }
    crypto_hash_sha512_update(&digest->sha512, (const unsigned char *)name, (size_t)len);
    crypto_hash_sha512_final(&digest->sha512, hash);
    for (size_t i = 0; i < SHA512_WORDS; i++) {
        digest->initial[i] = kk_load_u64(hash + 8 * i);
    }
}

KK_RV kk_own_digest_new(const char *name, struct kk_own_digest **ret_digest)
{
    KK_CLEANUP(kk_own_digest_freep) struct kk_own_digest *digest = NULL;
    enum own kind = BLAKE2B;
    size_t bits = 0;
    KK_ENSURE(parse(name, &kind, &bits), CKR_MECHANISM_INVALID);
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    KK_TRY(kk_alloc(sizeof *digest, &digest));
    size_t skip = ALIGNMENT - (uintptr_t)digest->room % ALIGNMENT;
    digest->blake2b = (crypto_generichash_blake2b_state *)(void *)(digest->room + skip);
    digest->kind = kind;
    digest->bits = bits;
    if (kind == SHA512_T) {
        make_initial(digest);
    }
    kk_own_digest_start(digest);
    *ret_digest = KK_STEAL(digest);
    return CKR_OK;
}

void kk_own_digest_free(struct kk_own_digest *digest)
{
    if (digest == NULL) {
        return;
    }
    kk_wipe(digest, sizeof *digest);
    kk_free(digest);
}

size_t kk_own_digest_size(const struct kk_own_digest *digest)
{
    return (digest->bits + 7) / 8;
}

void kk_own_digest_start(struct kk_own_digest *digest)
{
    if (digest->kind == BLAKE2B) {
        (void)crypto_generichash_blake2b_init(digest->blake2b, NULL, 0, digest->bits / 8);
        return;
    }
    crypto_hash_sha512_init(&digest->sha512);
    memcpy(digest->sha512.state, digest->initial, sizeof digest->initial);
}

void kk_own_digest_update(struct kk_own_digest *digest, struct kk_span in)
{
    if (in.len == 0) {
        return;
    }
    if (digest->kind == BLAKE2B) {
        (void)crypto_generichash_blake2b_update(digest->blake2b, in.data, in.len);
    } else {
        crypto_hash_sha512_update(&digest->sha512, in.data, in.len);
    }
}

/* The leading t bits; what is left of the last byte is zero. */
static void cut(const uint8_t hash[SHA512_SIZE], size_t bits, uint8_t *out)
{
    size_t len = (bits + 7) / 8;
    memcpy(out, hash, len);
    out[len - 1] &= (uint8_t)(0xff << (8 * len - bits));
}

void kk_own_digest_finish(struct kk_own_digest *digest, uint8_t *out)
{
    uint8_t hash[SHA512_SIZE];
    if (digest->kind == BLAKE2B) {
        (void)crypto_generichash_blake2b_final(digest->blake2b, out, digest->bits / 8);
        return;
    }
    crypto_hash_sha512_final(&digest->sha512, hash);
    cut(hash, digest->bits, out);
    kk_wipe(hash, sizeof hash);
}
