/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DES keys: parity, weak ones, generation, and how block ciphers take their keys.
 */
#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define PART 8 /* bytes of a single DES key */

size_t kk_mechanism_block(const struct kk_mechanism *mechanism)
{
    static const CK_KEY_TYPE of_eight[] = {CKK_DES, CKK_DES3, CKK_BLOWFISH, CKK_CAST128, CKK_RC2};
    for (size_t i = 0; i < KK_ARRAY_LEN(of_eight); i++) {
        if (mechanism->key_type == of_eight[i]) {
            return 8;
        }
    }
    return KK_CIPHER_BLOCK;
}

/*= pkcs11-3.2 Double-length DES key generation: the same as a triple-length key with K1=K3 */
/* With all three parts the same it is single DES. */
static struct kk_span triple_of(struct kk_span value, uint8_t room[KK_BLOCK_KEY_ROOM])
{
    for (size_t i = 0; i < KK_BLOCK_KEY_ROOM; i++) {
        room[i] = value.data[i % value.len];
    }
    return KK_SPAN(room, KK_BLOCK_KEY_ROOM);
}

KK_RV kk_block_key_of(const struct kk_mechanism *mechanism, const struct kk_key *key,
                      uint8_t room[KK_BLOCK_KEY_ROOM], struct kk_span *ret_value)
{
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    KK_TRY(kk_secret_of(key, ret_value));
    bool each = mechanism->key_type2 == KK_ANY_DES;
    if (mechanism->key_type == CKK_DES3 || each) {
        KK_ENSURE(ret_value->len == 2 * PART || ret_value->len == 3 * PART ||
                      (each && ret_value->len == PART),
                  CKR_KEY_SIZE_RANGE);
        *ret_value = triple_of(*ret_value, room);
        return CKR_OK;
    }
    KK_ENSURE(kk_key_type_lengths(mechanism->key_type, &min, &max, &step),
              CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(ret_value->len >= min && ret_value->len <= max && (ret_value->len - min) % step == 0,
              CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

/* The lowest bit of each byte makes the number of its bits odd. */
static void set_parity(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t upper = bytes[i] & 0xfe;
        bytes[i] = (uint8_t)(upper | (__builtin_parity(upper) ^ 1));
    }
}

void kk_key_value_settle(CK_KEY_TYPE key_type, struct kk_secret *value)
{
    if (value != NULL && (key_type == CKK_DES || key_type == CKK_DES2 || key_type == CKK_DES3)) {
        set_parity(kk_secret_data(value), kk_secret_len(value));
    }
}

/* SP 800-67, 3.3.2: the weak keys and the semi-weak ones, with parity. */
static const uint8_t weak_keys[][PART] = {
    {0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01},
    {0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe},
    {0xe0, 0xe0, 0xe0, 0xe0, 0xf1, 0xf1, 0xf1, 0xf1},
    {0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0e, 0x0e, 0x0e},
    {0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe},
    {0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01},
    {0x1f, 0xe0, 0x1f, 0xe0, 0x0e, 0xf1, 0x0e, 0xf1},
    {0xe0, 0x1f, 0xe0, 0x1f, 0xf1, 0x0e, 0xf1, 0x0e},
    {0x01, 0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1},
    {0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1, 0x01},
    {0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e, 0xfe},
    {0xfe, 0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e},
    {0x01, 0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e},
    {0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e, 0x01},
    {0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1, 0xfe},
    {0xfe, 0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1},
};

/* A weak part, or one that is there twice, which would undo a step of triple DES. */
static bool is_weak(const uint8_t *bytes, size_t len)
{
    bool weak = false;
    for (size_t at = 0; at < len; at += PART) {
        for (size_t i = 0; i < KK_ARRAY_LEN(weak_keys); i++) {
            weak |= kk_ct_equal(bytes + at, weak_keys[i], PART);
        }
        for (size_t other = 0; other < at; other += PART) {
            weak |= kk_ct_equal(bytes + at, bytes + other, PART);
        }
    }
    return weak;
}

static KK_RV generate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      const struct kk_param *param, struct kk_key_parts *parts)
{
    size_t len = 0;
    size_t max = 0;
    size_t step = 0;
    (void)param;
    KK_ENSURE(kk_key_type_lengths(mechanism->key_type, &len, &max, &step),
              CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(parts->bits == len * 8, CKR_KEY_SIZE_RANGE);
    parts->kind = KK_KEY_SECRET;
    do {
        KK_TRY(kk_key_generate(crypto, parts));
        set_parity(kk_secret_data(parts->part[KK_PART_VALUE]), len);
    } while (is_weak(kk_secret_data(parts->part[KK_PART_VALUE]), len));
    return CKR_OK;
}

const struct kk_generate_ops kk_generate_des_ops = {.generate = generate};
