/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys on groups modulo a prime: DSA, Diffie-Hellman of PKCS #3 and of X9.42. The numbers are
 * checked against each other; that p and q are primes is not, for it would cost more than it gives:
 * who chooses the group can choose a bad one in any case.
 */
#include "crypto/key_internal.h"

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/error.h"

#define MIN_BITS 512
#define MAX_BITS 10000 /* OpenSSL's */
#define MAX_BYTES ((MAX_BITS + 7) / 8)

/* FIPS 186-4, B.1.1: so many bits more make the remainder's bias unnoticeable. */
#define EXTRA_BYTES 8

struct numbers {
    BIGNUM *p;
    BIGNUM *q; /* NULL: PKCS #3 */
    BIGNUM *g;
    BIGNUM *x; /* NULL: public */
    BIGNUM *y;
    BIGNUM *last; /* p - 1 */
    BN_CTX *ctx;
};

static void numbers_clear(struct numbers *numbers)
{
    BN_free(numbers->p);
    BN_free(numbers->q);
    BN_free(numbers->g);
    BN_clear_free(numbers->x);
    BN_free(numbers->y);
    BN_free(numbers->last);
    BN_CTX_free(numbers->ctx);
}

/* Arithmetic that fails for want of memory, or for numbers that are no key's. */
#define BN_TRY(call) KK_ENSURE((call) == 1, kk_crypto_error(#call, CKR_ATTRIBUTE_VALUE_INVALID))
#define FITS(condition) KK_ENSURE(condition, CKR_ATTRIBUTE_VALUE_INVALID)

static const char *name_of(enum kk_key_kind kind)
{
    static const char *const names[] = {
        [KK_KEY_DSA] = "DSA",
        [KK_KEY_DH] = "DH",
        [KK_KEY_X942_DH] = "DHX",
    };
    return names[kind];
}

/* NULL when the part is not there. */
static KK_RV read_number(const struct kk_key_parts *parts, enum kk_part part, BIGNUM **ret_number)
{
    struct kk_span bytes = kk_strip_zeros(kk_key_parts_get(parts, part));
    FITS(bytes.len <= MAX_BYTES);
    if (bytes.len == 0) {
        return CKR_OK;
    }
    *ret_number = BN_new();
    KK_ENSURE(*ret_number != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(BN_bin2bn(bytes.data, (int)bytes.len, *ret_number) != NULL, CKR_HOST_MEMORY);
    return CKR_OK;
}

/*= pkcs11-3.2 DSA public key objects: q of 160, 224 or 256 bits */
static KK_RV check_subprime(enum kk_key_kind kind, const struct numbers *numbers)
{
    int bits = BN_num_bits(numbers->q);
    FITS(BN_is_odd(numbers->q) && BN_cmp(numbers->q, numbers->p) < 0);
    FITS(kind == KK_KEY_DSA ? bits == 160 || bits == 224 || bits == 256 : bits >= 160);
    return CKR_OK;
}

/* 2 <= number <= p - 2, and of order q where q is known. */
static KK_RV check_element(const struct numbers *numbers, const BIGNUM *number)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *power = BN_new();
    KK_ENSURE(power != NULL, CKR_HOST_MEMORY);
    FITS(!BN_is_zero(number) && !BN_is_one(number) && BN_cmp(number, numbers->last) < 0);
    if (numbers->q != NULL) {
        BN_TRY(BN_mod_exp(power, number, numbers->q, numbers->p, numbers->ctx));
        FITS(BN_is_one(power));
    }
    return CKR_OK;
}

static KK_RV read_domain(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                         struct numbers *numbers)
{
    numbers->ctx = BN_CTX_new_ex(crypto->libctx);
    numbers->last = BN_new();
    KK_ENSURE(numbers->ctx != NULL && numbers->last != NULL, CKR_HOST_MEMORY);
    KK_TRY(read_number(parts, KK_PART_PRIME, &numbers->p));
    KK_TRY(read_number(parts, KK_PART_BASE, &numbers->g));
    FITS(numbers->p != NULL && numbers->g != NULL && BN_is_odd(numbers->p));
    FITS(BN_num_bits(numbers->p) >= MIN_BITS && BN_num_bits(numbers->p) <= MAX_BITS);
    BN_TRY(BN_sub(numbers->last, numbers->p, BN_value_one()));
    if (parts->kind != KK_KEY_DH) {
        KK_TRY(read_number(parts, KK_PART_SUBPRIME, &numbers->q));
        FITS(numbers->q != NULL);
        KK_TRY(check_subprime(parts->kind, numbers));
    }
    return check_element(numbers, numbers->g);
}

/* Below q, or below p - 1. */
static const BIGNUM *bound_of(const struct numbers *numbers)
{
    return numbers->q != NULL ? numbers->q : numbers->last;
}

static KK_RV compute_public(struct numbers *numbers, BIGNUM **ret_y)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *y = BN_new();
    KK_ENSURE(y != NULL, CKR_HOST_MEMORY);
    BN_set_flags(numbers->x, BN_FLG_CONSTTIME);
    int ok = BN_mod_exp(y, numbers->g, numbers->x, numbers->p, numbers->ctx);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("BN_mod_exp", CKR_FUNCTION_FAILED));
    *ret_y = KK_STEAL(y);
    return CKR_OK;
}

/* The public number of a private key: computed, and equal to the one given, if any. */
static KK_RV settle_public(struct numbers *numbers)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *computed = NULL;
    FITS(BN_cmp(numbers->x, bound_of(numbers)) < 0);
    KK_TRY(compute_public(numbers, &computed));
    FITS(numbers->y == NULL || BN_cmp(numbers->y, computed) == 0);
    BN_free(numbers->y);
    numbers->y = KK_STEAL(computed);
    return CKR_OK;
}

static KK_RV numbers_read(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                          struct numbers *numbers)
{
    KK_TRY(read_domain(crypto, parts, numbers));
    KK_TRY(read_number(parts, KK_PART_PUBLIC, &numbers->y));
    if (!parts->is_private) {
        FITS(numbers->y != NULL);
        return check_element(numbers, numbers->y);
    }
    KK_TRY(read_number(parts, KK_PART_VALUE, &numbers->x));
    FITS(numbers->x != NULL);
    return settle_public(numbers);
}

static KK_RV group_load(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                        struct kk_key *key)
{
    KK_CLEANUP(numbers_clear) struct numbers numbers = {0};
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    KK_TRY(numbers_read(crypto, parts, &numbers));
    KK_TRY(kk_pkey_params_bn(&params, OSSL_PKEY_PARAM_FFC_P, numbers.p));
    KK_TRY(kk_pkey_params_bn(&params, OSSL_PKEY_PARAM_FFC_G, numbers.g));
    KK_TRY(kk_pkey_params_bn(&params, OSSL_PKEY_PARAM_PUB_KEY, numbers.y));
    if (numbers.q != NULL) {
        KK_TRY(kk_pkey_params_bn(&params, OSSL_PKEY_PARAM_FFC_Q, numbers.q));
        key->order_bytes = (size_t)BN_num_bytes(numbers.q);
    }
    if (parts->is_private) {
        KK_TRY(kk_pkey_params_bn(&params, OSSL_PKEY_PARAM_PRIV_KEY, numbers.x));
    }
    key->bits = (size_t)BN_num_bits(numbers.p);
    key->bytes = (key->bits + 7) / 8;
    return kk_pkey_new(crypto, name_of(parts->kind), parts->is_private, &params,
                       CKR_ATTRIBUTE_VALUE_INVALID, &key->pkey);
}

static KK_RV group_complete(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(numbers_clear) struct numbers numbers = {0};
    KK_TRY(numbers_read(crypto, parts, &numbers));
    return kk_part_from_bn(parts, KK_PART_PUBLIC, numbers.y, 0);
}

KK_RV kk_random_below(struct kk_crypto *crypto, const BIGNUM *bound, BN_CTX *ctx,
                      BIGNUM **ret_number)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *drawn = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *number = BN_new();
    KK_CLEANUP(kk_bn_freep) BIGNUM *less = BN_new();
    KK_ENSURE(number != NULL && less != NULL, CKR_HOST_MEMORY);
    KK_TRY(kk_secret_new((size_t)BN_num_bytes(bound) + EXTRA_BYTES, &drawn));
    KK_TRY(kk_crypto_random_secret(crypto, kk_secret_data(drawn), kk_secret_len(drawn)));
    BN_set_flags(number, BN_FLG_CONSTTIME);
    KK_ENSURE(BN_bin2bn(kk_secret_data(drawn), (int)kk_secret_len(drawn), number) != NULL,
              CKR_HOST_MEMORY);
    bool ok = BN_sub(less, bound, BN_value_one()) == 1 && BN_mod(number, number, less, ctx) == 1 &&
              BN_add_word(number, 1) == 1;
    kk_wipe_stack();
    KK_ENSURE(ok, kk_crypto_error("BN_mod", CKR_FUNCTION_FAILED));
    *ret_number = KK_STEAL(number);
    return CKR_OK;
}

/*= pkcs11-3.2 PKCS #3 key pair generation: CKA_VALUE_BITS limits the length of the private value,
 * as in PKCS #3: 2^(bits - 1) <= x < 2^bits */
static KK_RV random_of_length(struct kk_crypto *crypto, CK_ULONG bits, BIGNUM **ret_number)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *drawn = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *number = BN_new();
    KK_ENSURE(number != NULL, CKR_HOST_MEMORY);
    KK_TRY(kk_secret_new((bits + 7) / 8, &drawn));
    uint8_t *bytes = kk_secret_data(drawn);
    unsigned top = (unsigned)((bits - 1) % 8);
    KK_TRY(kk_crypto_random_secret(crypto, bytes, kk_secret_len(drawn)));
    bytes[0] = (uint8_t)((bytes[0] & ((1U << top) - 1)) | 1U << top);
    KK_ENSURE(BN_bin2bn(bytes, (int)kk_secret_len(drawn), number) != NULL, CKR_HOST_MEMORY);
    *ret_number = KK_STEAL(number);
    return CKR_OK;
}

static KK_RV new_private(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                         struct numbers *numbers)
{
    if (numbers->q != NULL || parts->order_bits == 0) {
        return kk_random_below(crypto, bound_of(numbers), numbers->ctx, &numbers->x);
    }
    KK_ENSURE(parts->order_bits >= 2 && parts->order_bits < (CK_ULONG)BN_num_bits(numbers->p),
              CKR_ATTRIBUTE_VALUE_INVALID);
    return random_of_length(crypto, parts->order_bits, &numbers->x);
}

/*= pkcs11-3.2 CKR_DOMAIN_PARAMS_INVALID: invalid or unsupported domain parameters */
static KK_RV group_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(numbers_clear) struct numbers numbers = {0};
    CK_RV rv = read_domain(crypto, parts, &numbers);
    KK_ENSURE(rv != CKR_ATTRIBUTE_VALUE_INVALID, CKR_DOMAIN_PARAMS_INVALID);
    KK_TRY(rv);
    KK_TRY(new_private(crypto, parts, &numbers));
    KK_TRY(compute_public(&numbers, &numbers.y));
    KK_TRY(kk_part_from_bn(parts, KK_PART_VALUE, numbers.x, 0));
    KK_TRY(kk_part_from_bn(parts, KK_PART_PUBLIC, numbers.y, 0));
    parts->is_private = true;
    return CKR_OK;
}

const struct kk_key_family kk_key_family_group = {
    .load = group_load,
    .generate = group_generate,
    .complete = group_complete,
};
