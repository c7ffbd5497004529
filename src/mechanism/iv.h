/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generators of initialisation vectors (CKG_..., PKCS#11 3.2 Additional AES Mechanisms) for the
 * messages of one operation: no two messages get the same IV.
 *
 * The fixed bits stand in front and are the caller's; of the r bits behind them
 *   CKG_GENERATE_COUNTER      is a counter from zero,
 *   CKG_GENERATE_COUNTER_XOR  is what the caller gave, xored with that counter,
 *   CKG_GENERATE              is a random number of the operation's, xored with that counter,
 *   CKG_GENERATE_RANDOM       is random each time.
 * The first three give 2^r messages. Random ones give as many as keep the chance that any two
 * agree below 2^-32 (SP 800-38D 8.3): 2^((r - 32) / 2), at least one, at most 2^32.
 */
#pragma once

#include "base/bytes.h"
#include "crypto/cipher.h"

/* Zeroed at first. The first IV that is generated settles generator, length and fixed bits. */
struct kk_iv {
    bool started;
    CK_GENERATOR_FUNCTION generator;
    size_t len;
    size_t fixed_bits;
    uint64_t count; /* of messages */
    uint8_t base[KK_GCM_IV_MAX];
};

/* The next IV, in place: `iv` comes with the fixed bits (with CKG_GENERATE_COUNTER_XOR and
 * CKG_NO_GENERATE: whole). CKR_MECHANISM_PARAM_INVALID: an unknown generator; more fixed bits than
 * bits; another generator, length or number of fixed bits than before; with
 * CKG_GENERATE_COUNTER_XOR another number than before; no IV is left, which is logged. `len` is at
 * most KK_GCM_IV_MAX. */
KK_RV kk_iv_next(struct kk_iv *self, struct kk_crypto *crypto, CK_GENERATOR_FUNCTION generator,
                 size_t fixed_bits, uint8_t *iv, size_t len);
