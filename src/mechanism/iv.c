/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generators of initialisation vectors.
 */
#include "mechanism/iv.h"

#include "base/log.h"
#include "base/memory.h"

#include "base/banned.h"

#define RANDOM_MAX ((uint64_t)1 << 32)

/* The bits of byte i that are fixed. */
static uint8_t fixed_mask(size_t fixed_bits, size_t i)
{
    size_t before = KK_MIN(fixed_bits, i * 8);
    size_t bits = KK_MIN(fixed_bits - before, (size_t)8);
    return (uint8_t)(0xff00u >> bits);
}

/* 2^bits, as far as it goes. */
static uint64_t power(size_t bits)
{
    return bits >= 64 ? UINT64_MAX : (uint64_t)1 << bits;
}

static uint64_t messages(CK_GENERATOR_FUNCTION generator, size_t free_bits)
{
    if (generator == CKG_GENERATE_RANDOM) {
        return free_bits <= 32 ? 1 : KK_MIN(power((free_bits - 32) / 2), RANDOM_MAX);
    }
    return power(free_bits);
}

static bool agrees(const struct kk_iv *self, const uint8_t *iv)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < self->len; i++) {
        difference |= (uint8_t)((self->base[i] ^ iv[i]) & ~fixed_mask(self->fixed_bits, i));
    }
    return difference == 0;
}

/* What the counter is xored to. */
static KK_RV take_base(struct kk_iv *self, struct kk_crypto *crypto, const uint8_t *iv)
{
    memset(self->base, 0, sizeof self->base);
    if (self->generator == CKG_GENERATE_COUNTER_XOR) {
        memcpy(self->base, iv, self->len);
    }
    if (self->generator == CKG_GENERATE) {
        return kk_crypto_random(crypto, self->base, self->len);
    }
    return CKR_OK;
}

static KK_RV start(struct kk_iv *self, struct kk_crypto *crypto, CK_GENERATOR_FUNCTION generator,
                   size_t fixed_bits, const uint8_t *iv, size_t len)
{
    KK_ENSURE(generator == CKG_GENERATE || generator == CKG_GENERATE_COUNTER ||
                  generator == CKG_GENERATE_RANDOM || generator == CKG_GENERATE_COUNTER_XOR,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(len <= KK_GCM_IV_MAX && fixed_bits <= len * 8, CKR_MECHANISM_PARAM_INVALID);
    *self = (struct kk_iv){.generator = generator, .len = len, .fixed_bits = fixed_bits};
    KK_TRY(take_base(self, crypto, iv));
    self->started = true;
    return CKR_OK;
}

/* base, xored with the counter. */
static void count_on(const struct kk_iv *self, uint8_t value[KK_GCM_IV_MAX])
{
    uint8_t counter[8];
    memcpy(value, self->base, self->len);
    kk_store_u64(counter, self->count);
    for (size_t i = 0; i < KK_MIN(self->len, sizeof counter); i++) {
        value[self->len - 1 - i] ^= counter[sizeof counter - 1 - i];
    }
}

KK_RV kk_iv_next(struct kk_iv *self, struct kk_crypto *crypto, CK_GENERATOR_FUNCTION generator,
                 size_t fixed_bits, uint8_t *iv, size_t len)
{
    uint8_t value[KK_GCM_IV_MAX];
    if (generator == CKG_NO_GENERATE) {
        return CKR_OK;
    }
    if (!self->started) {
        KK_TRY(start(self, crypto, generator, fixed_bits, iv, len));
    }
    KK_ENSURE(self->generator == generator && self->len == len && self->fixed_bits == fixed_bits,
              CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 CKG_GENERATE_COUNTER_XOR: the non-fixed portion must not vary from call to call
     */
    KK_ENSURE(generator != CKG_GENERATE_COUNTER_XOR || agrees(self, iv),
              CKR_MECHANISM_PARAM_INVALID);
    if (self->count >= messages(generator, len * 8 - fixed_bits)) {
        kk_log_warning("a message encryption with generated IVs is out of IVs: it needs a new key, "
                       "or other fixed bits in a new operation");
        return CKR_MECHANISM_PARAM_INVALID;
    }
    if (generator == CKG_GENERATE_RANDOM) {
        KK_TRY(kk_crypto_random(crypto, value, len));
    } else {
        count_on(self, value);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t mask = fixed_mask(fixed_bits, i);
        iv[i] = (uint8_t)((iv[i] & mask) | (value[i] & ~mask));
    }
    self->count++;
    return CKR_OK;
}
