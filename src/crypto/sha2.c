/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-2 over libsodium's states. The shorter variants differ from SHA-256 and SHA-512 in their
 * initial values (FIPS 180-4 chapter 5.3) and in how much of the result is used.
 */
#include "crypto/sha2.h"

#include <sodium.h>
#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

struct variant {
    const char *name;
    bool wide; /* 64-bit words */
    size_t size;
    uint64_t initial[8]; /* zeros: libsodium's own */
};

/* clang-format off */
static const struct variant variants[] = {
    {"SHA256", false, 32, {0}},
    {"SHA224", false, 28, {
        0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4}},
    {"SHA512", true, 64, {0}},
    {"SHA384", true, 48, {
        0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
        0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4}},
    {"SHA512-224", true, 28, {
        0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
        0x0f6d2b697bd44da8, 0x77e36f7304c48942, 0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1}},
    {"SHA512-256", true, 32, {
        0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
        0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2}},
};
/* clang-format on */

struct kk_sha2 {
    const struct variant *variant;
    union {
        crypto_hash_sha256_state narrow;
        crypto_hash_sha512_state wide;
    };
};

static const struct variant *find(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(variants); i++) {
        if (strcmp(variants[i].name, name) == 0) {
            return &variants[i];
        }
    }
    return NULL;
}

bool kk_sha2_has(const char *name)
{
    return find(name) != NULL;
}

static void start(struct kk_sha2 *sha2)
{
    const struct variant *variant = sha2->variant;
    if (variant->wide) {
        crypto_hash_sha512_init(&sha2->wide);
    } else {
        crypto_hash_sha256_init(&sha2->narrow);
    }
    for (size_t i = 0; variant->initial[0] != 0 && i < 8; i++) {
        if (variant->wide) {
            sha2->wide.state[i] = variant->initial[i];
        } else {
            sha2->narrow.state[i] = (uint32_t)variant->initial[i];
        }
    }
}

KK_RV kk_sha2_new(const char *name, struct kk_sha2 **ret_sha2)
{
    struct kk_sha2 *sha2 = NULL;
    const struct variant *variant = find(name);
    KK_ENSURE(variant != NULL, CKR_MECHANISM_INVALID);
    KK_ENSURE(sodium_init() >= 0, CKR_FUNCTION_FAILED);
    KK_TRY(kk_alloc(sizeof *sha2, &sha2));
    sha2->variant = variant;
    start(sha2);
    *ret_sha2 = sha2;
    return CKR_OK;
}

void kk_sha2_free(struct kk_sha2 *sha2)
{
    if (sha2 != NULL) {
        kk_wipe(sha2, sizeof *sha2);
        kk_free(sha2);
    }
}

KK_RV kk_sha2_update(struct kk_sha2 *sha2, struct kk_span in)
{
    if (in.len > 0) {
        int failed = sha2->variant->wide
                         ? crypto_hash_sha512_update(&sha2->wide, in.data, in.len)
                         : crypto_hash_sha256_update(&sha2->narrow, in.data, in.len);
        KK_ENSURE(failed == 0, CKR_FUNCTION_FAILED);
    }
    return CKR_OK;
}

KK_RV kk_sha2_finish(struct kk_sha2 *sha2, uint8_t *out)
{
    uint8_t whole[crypto_hash_sha512_BYTES];
    int failed = sha2->variant->wide ? crypto_hash_sha512_final(&sha2->wide, whole)
                                     : crypto_hash_sha256_final(&sha2->narrow, whole);
    KK_ENSURE(failed == 0, CKR_FUNCTION_FAILED);
    memcpy(out, whole, sha2->variant->size);
    return CKR_OK;
}

void kk_sha2_save(const struct kk_sha2 *sha2, struct kk_buffer *out)
{
    if (sha2->variant->wide) {
        for (size_t i = 0; i < 8; i++) {
            kk_buffer_put_u64(out, sha2->wide.state[i]);
        }
        kk_buffer_put_u64(out, sha2->wide.count[0]);
        kk_buffer_put_u64(out, sha2->wide.count[1]);
        kk_buffer_put(out, sha2->wide.buf, sizeof sha2->wide.buf);
        return;
    }
    for (size_t i = 0; i < 8; i++) {
        kk_buffer_put_u32(out, sha2->narrow.state[i]);
    }
    kk_buffer_put_u64(out, sha2->narrow.count);
    kk_buffer_put(out, sha2->narrow.buf, sizeof sha2->narrow.buf);
}

KK_RV kk_sha2_restore(struct kk_sha2 *sha2, struct kk_reader *in)
{
    bool wide = sha2->variant->wide;
    size_t block = wide ? sizeof sha2->wide.buf : sizeof sha2->narrow.buf;
    for (size_t i = 0; i < 8; i++) {
        if (wide) {
            sha2->wide.state[i] = kk_reader_u64(in);
        } else {
            sha2->narrow.state[i] = kk_reader_u32(in);
        }
    }
    if (wide) {
        sha2->wide.count[0] = kk_reader_u64(in);
        sha2->wide.count[1] = kk_reader_u64(in);
    } else {
        sha2->narrow.count = kk_reader_u64(in);
    }
    struct kk_span rest = kk_reader_take(in, block);
    KK_ENSURE(!in->failed, CKR_SAVED_STATE_INVALID);
    memcpy(wide ? sha2->wide.buf : sha2->narrow.buf, rest.data, block);
    return CKR_OK;
}
