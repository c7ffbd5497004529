/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA keys: the numbers checked against each other, and the missing ones computed.
 */
#include "crypto/key_internal.h"

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/kdf.h"

#define DEFAULT_EXPONENT 65537

/* SP 800-56B and OpenSSL after it: no longer ones at 2,048 bits and above. */
#define LONGEST_EXPONENT_BITS 256

enum number { N, E, D, P, Q, DP, DQ, QI, NUMBERS };

static const struct {
    enum kk_part part;
    const char *name;
} table[NUMBERS] = {
    [N] = {KK_PART_MODULUS, OSSL_PKEY_PARAM_RSA_N},
    [E] = {KK_PART_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E},
    [D] = {KK_PART_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
    [P] = {KK_PART_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
    [Q] = {KK_PART_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
    [DP] = {KK_PART_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
    [DQ] = {KK_PART_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
    [QI] = {KK_PART_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

struct numbers {
    BIGNUM *at[NUMBERS]; /* NULL: absent */
    BIGNUM *p1;          /* p - 1 */
    BIGNUM *q1;
    BN_CTX *ctx;
};

static void numbers_clear(struct numbers *numbers)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        BN_clear_free(numbers->at[i]);
    }
    BN_clear_free(numbers->p1);
    BN_clear_free(numbers->q1);
    BN_CTX_free(numbers->ctx);
}

static KK_RV bn_new(BIGNUM **ret_number)
{
    *ret_number = BN_new();
    KK_ENSURE(*ret_number != NULL, CKR_HOST_MEMORY);
    BN_set_flags(*ret_number, BN_FLG_CONSTTIME);
    return CKR_OK;
}

static KK_RV numbers_read(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                          struct numbers *numbers)
{
    size_t used = parts->is_private ? NUMBERS : D;
    numbers->ctx = BN_CTX_new_ex(crypto->libctx);
    KK_ENSURE(numbers->ctx != NULL, CKR_HOST_MEMORY);
    KK_TRY(bn_new(&numbers->p1));
    KK_TRY(bn_new(&numbers->q1));
    for (size_t i = 0; i < used; i++) {
        struct kk_span part = kk_key_parts_get(parts, table[i].part);
        KK_ENSURE(part.len <= KK_RSA_MAX_BYTES + 8, CKR_ATTRIBUTE_VALUE_INVALID);
        if (part.len == 0) {
            continue;
        }
        KK_TRY(bn_new(&numbers->at[i]));
        KK_ENSURE(BN_bin2bn(part.data, (int)part.len, numbers->at[i]) != NULL, CKR_HOST_MEMORY);
    }
    return CKR_OK;
}

/* Arithmetic that fails for want of memory, or for numbers that are no key's. */
#define BN_TRY(call) KK_ENSURE((call) == 1, kk_crypto_error(#call, CKR_ATTRIBUTE_VALUE_INVALID))
#define FITS(condition) KK_ENSURE(condition, CKR_ATTRIBUTE_VALUE_INVALID)

static KK_RV check_exponent(const BIGNUM *e, const BIGNUM *n)
{
    FITS(BN_is_odd(e) && !BN_is_one(e) && BN_cmp(e, n) < 0);
    return CKR_OK;
}

static KK_RV check_modulus(const BIGNUM *n)
{
    FITS(n != NULL && BN_is_odd(n));
    FITS(BN_num_bits(n) >= KK_RSA_MIN_BITS && BN_num_bits(n) <= KK_RSA_MAX_BITS);
    return CKR_OK;
}

/* --- primes from n, e and d ------------------------------------------------------------------- */

/* With y^2 = 1 and y neither 1 nor -1 modulo n, gcd(y - 1, n) is a prime of n. */
static KK_RV split(struct numbers *numbers, const BIGNUM *y)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *less = NULL;
    KK_TRY(bn_new(&less));
    KK_TRY(bn_new(&numbers->at[P]));
    KK_TRY(bn_new(&numbers->at[Q]));
    BN_TRY(BN_sub(less, y, BN_value_one()));
    BN_TRY(BN_gcd(numbers->at[P], less, numbers->at[N], numbers->ctx));
    FITS(!BN_is_zero(numbers->at[P]) && !BN_is_one(numbers->at[P]));
    BN_TRY(BN_div(numbers->at[Q], NULL, numbers->at[N], numbers->at[P], numbers->ctx));
    if (BN_cmp(numbers->at[P], numbers->at[Q]) < 0) {
        BN_swap(numbers->at[P], numbers->at[Q]);
    }
    return CKR_OK;
}

/* base^(de - 1) is 1 when d and e belong together; on the way there lies, for one base in two, a
 * square root of 1 that splits n. *ret_found says whether it did. */
static KK_RV try_base(struct numbers *numbers, const BIGNUM *odd, int twos, unsigned base,
                      bool *ret_found)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *y = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *square = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *minus_one = NULL;
    KK_TRY(bn_new(&y));
    KK_TRY(bn_new(&square));
    KK_TRY(bn_new(&minus_one));
    BN_TRY(BN_set_word(square, base));
    BN_TRY(BN_mod_exp(y, square, odd, numbers->at[N], numbers->ctx));
    BN_TRY(BN_sub(minus_one, numbers->at[N], BN_value_one()));
    *ret_found = false;
    if (BN_is_one(y)) {
        return CKR_OK;
    }
    for (int i = 0; i < twos; i++) {
        BN_TRY(BN_mod_sqr(square, y, numbers->at[N], numbers->ctx));
        if (BN_is_one(square)) {
            *ret_found = BN_cmp(y, minus_one) != 0;
            return *ret_found ? split(numbers, y) : CKR_OK;
        }
        BN_swap(y, square);
    }
    return CKR_ATTRIBUTE_VALUE_INVALID;
}

static KK_RV find_primes(struct numbers *numbers)
{
    static const uint8_t bases[] = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37, 41,
                                    43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97};
    KK_CLEANUP(kk_bn_freep) BIGNUM *odd = NULL;
    int twos = 0;
    bool found = false;
    KK_TRY(bn_new(&odd));
    BN_TRY(BN_mul(odd, numbers->at[D], numbers->at[E], numbers->ctx));
    BN_TRY(BN_sub_word(odd, 1));
    FITS(!BN_is_zero(odd));
    while (!BN_is_bit_set(odd, twos)) {
        twos++;
    }
    FITS(twos > 0);
    BN_TRY(BN_rshift(odd, odd, twos));
    for (size_t i = 0; i < KK_ARRAY_LEN(bases) && !found; i++) {
        KK_TRY(try_base(numbers, odd, twos, bases[i], &found));
    }
    FITS(found);
    return CKR_OK;
}

/* A key that came without e has one of the usual ones, or it can be had from d and the primes. */
static KK_RV find_exponent(struct numbers *numbers)
{
    static const BN_ULONG usual[] = {65537, 3, 17, 5, 257};
    KK_TRY(bn_new(&numbers->at[E]));
    for (size_t i = 0; i < KK_ARRAY_LEN(usual); i++) {
        BN_TRY(BN_set_word(numbers->at[E], usual[i]));
        CK_RV rv = find_primes(numbers);
        if (rv != CKR_ATTRIBUTE_VALUE_INVALID) {
            return rv;
        }
        BN_clear_free(KK_STEAL(numbers->at[P]));
        BN_clear_free(KK_STEAL(numbers->at[Q]));
    }
    return CKR_ATTRIBUTE_VALUE_INVALID;
}

/* --- all numbers from the primes -------------------------------------------------------------- */

/* p - 1, q - 1, and p q = n. */
static KK_RV use_primes(struct numbers *numbers)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *product = NULL;
    KK_TRY(bn_new(&product));
    BN_TRY(BN_mul(product, numbers->at[P], numbers->at[Q], numbers->ctx));
    FITS(BN_cmp(product, numbers->at[N]) == 0);
    FITS(!BN_is_one(numbers->at[P]) && !BN_is_one(numbers->at[Q]));
    FITS(BN_cmp(numbers->at[P], numbers->at[Q]) != 0);
    BN_TRY(BN_sub(numbers->p1, numbers->at[P], BN_value_one()));
    BN_TRY(BN_sub(numbers->q1, numbers->at[Q], BN_value_one()));
    return CKR_OK;
}

/* The inverse of `number` modulo lcm(p - 1, q - 1). */
static KK_RV inverse(struct numbers *numbers, const BIGNUM *number, BIGNUM **ret_inverse)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *gcd = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *lcm = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *result = NULL;
    KK_TRY(bn_new(&gcd));
    KK_TRY(bn_new(&lcm));
    KK_TRY(bn_new(&result));
    BN_TRY(BN_gcd(gcd, numbers->p1, numbers->q1, numbers->ctx));
    BN_TRY(BN_div(lcm, NULL, numbers->p1, gcd, numbers->ctx));
    BN_TRY(BN_mul(lcm, lcm, numbers->q1, numbers->ctx));
    FITS(BN_mod_inverse(result, number, lcm, numbers->ctx) != NULL);
    *ret_inverse = KK_STEAL(result);
    return CKR_OK;
}

/* d e = 1 modulo p - 1 (and q - 1). */
static KK_RV check_pair(struct numbers *numbers, const BIGNUM *less)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *product = NULL;
    KK_TRY(bn_new(&product));
    BN_TRY(BN_mod_mul(product, numbers->at[D], numbers->at[E], less, numbers->ctx));
    FITS(BN_is_one(product));
    return CKR_OK;
}

/* What was given must be what is computed; what was not given is computed. */
static KK_RV settle(struct numbers *numbers, enum number which, BIGNUM **computed)
{
    FITS(numbers->at[which] == NULL || BN_cmp(numbers->at[which], *computed) == 0);
    if (numbers->at[which] == NULL) {
        numbers->at[which] = KK_STEAL(*computed);
    }
    return CKR_OK;
}

static KK_RV settle_remainder(struct numbers *numbers, enum number which, const BIGNUM *less)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *remainder = NULL;
    KK_TRY(bn_new(&remainder));
    BN_TRY(BN_mod(remainder, numbers->at[D], less, numbers->ctx));
    return settle(numbers, which, &remainder);
}

static KK_RV settle_coefficient(struct numbers *numbers)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *value = NULL;
    KK_TRY(bn_new(&value));
    if (numbers->at[QI] == NULL) {
        FITS(BN_mod_inverse(value, numbers->at[Q], numbers->at[P], numbers->ctx) != NULL);
        return settle(numbers, QI, &value);
    }
    FITS(BN_cmp(numbers->at[QI], numbers->at[P]) < 0);
    BN_TRY(BN_mod_mul(value, numbers->at[QI], numbers->at[Q], numbers->at[P], numbers->ctx));
    FITS(BN_is_one(value));
    return CKR_OK;
}

/* Primes first, from whatever there is. */
static KK_RV settle_primes(struct numbers *numbers)
{
    if (numbers->at[P] != NULL && numbers->at[Q] != NULL) {
        return CKR_OK;
    }
    FITS(numbers->at[D] != NULL && BN_cmp(numbers->at[D], numbers->at[N]) < 0);
    for (size_t i = P; i <= QI; i++) { /* half a set is recomputed whole */
        BN_clear_free(KK_STEAL(numbers->at[i]));
    }
    return numbers->at[E] != NULL ? find_primes(numbers) : find_exponent(numbers);
}

static KK_RV numbers_complete(struct numbers *numbers)
{
    KK_TRY(check_modulus(numbers->at[N]));
    if (numbers->at[E] != NULL) {
        KK_TRY(check_exponent(numbers->at[E], numbers->at[N]));
    }
    KK_TRY(settle_primes(numbers));
    KK_TRY(use_primes(numbers));
    if (numbers->at[E] == NULL) {
        FITS(numbers->at[D] != NULL);
        KK_TRY(inverse(numbers, numbers->at[D], &numbers->at[E]));
        KK_TRY(check_exponent(numbers->at[E], numbers->at[N]));
    }
    if (numbers->at[D] == NULL) {
        KK_TRY(inverse(numbers, numbers->at[E], &numbers->at[D]));
    }
    FITS(BN_cmp(numbers->at[D], numbers->at[N]) < 0);
    KK_TRY(check_pair(numbers, numbers->p1));
    KK_TRY(check_pair(numbers, numbers->q1));
    KK_TRY(settle_remainder(numbers, DP, numbers->p1));
    KK_TRY(settle_remainder(numbers, DQ, numbers->q1));
    return settle_coefficient(numbers);
}

/* --- the family ------------------------------------------------------------------------------- */

/* What implicit rejection derives its answers from: the hash of d at the length of the modulus. */
static KK_RV hash_exponent(struct kk_crypto *crypto, const BIGNUM *d, struct kk_key *key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    KK_TRY(kk_secret_new(key->bytes, &bytes));
    KK_ENSURE(BN_bn2binpad(d, kk_secret_data(bytes), (int)key->bytes) >= 0, CKR_FUNCTION_FAILED);
    KK_TRY(kk_secret_new(KK_SHA256_SIZE, &key->rejection));
    struct kk_span piece = kk_secret_span(bytes);
    return kk_sha256(crypto, &piece, 1, kk_secret_data(key->rejection));
}

static KK_RV rsa_load(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                      struct kk_key *key)
{
    KK_CLEANUP(numbers_clear) struct numbers numbers = {0};
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    KK_TRY(numbers_read(crypto, parts, &numbers));
    if (parts->is_private) {
        KK_TRY(numbers_complete(&numbers));
    } else {
        KK_TRY(check_modulus(numbers.at[N]));
        FITS(numbers.at[E] != NULL);
        KK_TRY(check_exponent(numbers.at[E], numbers.at[N]));
    }
    for (size_t i = 0; i < NUMBERS && numbers.at[i] != NULL; i++) {
        KK_TRY(kk_pkey_params_bn(&params, table[i].name, numbers.at[i]));
    }
    KK_TRY(kk_pkey_new(crypto, "RSA", parts->is_private, &params, CKR_ATTRIBUTE_VALUE_INVALID,
                       &key->pkey));
    key->bits = (size_t)BN_num_bits(numbers.at[N]);
    key->bytes = (key->bits + 7) / 8;
    return parts->is_private ? hash_exponent(crypto, numbers.at[D], key) : CKR_OK;
}

static KK_RV rsa_complete(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(numbers_clear) struct numbers numbers = {0};
    KK_TRY(numbers_read(crypto, parts, &numbers));
    KK_TRY(numbers_complete(&numbers));
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!kk_key_parts_has(parts, table[i].part) ||
            kk_key_parts_get(parts, table[i].part).len == 0) {
            KK_TRY(kk_part_from_bn(parts, table[i].part, numbers.at[i], 0));
        }
    }
    return CKR_OK;
}

/*= pkcs11-3.2 RSA_PKCS_KEY_PAIR_GEN: CKR_TEMPLATE_INCONSISTENT for an exponent of no use */
static KK_RV wanted_exponent(const struct kk_key_parts *parts, BIGNUM **ret_e)
{
    struct kk_span given = kk_key_parts_get(parts, KK_PART_PUBLIC_EXPONENT);
    KK_CLEANUP(kk_bn_freep) BIGNUM *e = BN_new();
    KK_ENSURE(e != NULL, CKR_HOST_MEMORY);
    if (!kk_key_parts_has(parts, KK_PART_PUBLIC_EXPONENT)) {
        KK_ENSURE(BN_set_word(e, DEFAULT_EXPONENT) == 1, CKR_HOST_MEMORY);
    } else {
        KK_ENSURE(given.len <= KK_RSA_MAX_BYTES, CKR_TEMPLATE_INCONSISTENT);
        KK_ENSURE(BN_bin2bn(given.data, (int)given.len, e) != NULL, CKR_HOST_MEMORY);
    }
    KK_ENSURE(BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= LONGEST_EXPONENT_BITS &&
                  (size_t)BN_num_bits(e) < parts->bits,
              CKR_TEMPLATE_INCONSISTENT);
    *ret_e = KK_STEAL(e);
    return CKR_OK;
}

static KK_RV rsa_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *e = NULL;
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    int bits = (int)parts->bits;
    KK_ENSURE(parts->bits >= KK_RSA_MIN_BITS && parts->bits <= KK_RSA_MAX_BITS, CKR_KEY_SIZE_RANGE);
    KK_TRY(wanted_exponent(parts, &e));
    KK_TRY(kk_pkey_params_bn(&params, OSSL_PKEY_PARAM_RSA_E, e));
    kk_pkey_params_int(&params, OSSL_PKEY_PARAM_RSA_BITS, &bits);
    KK_TRY(kk_pkey_generate(crypto, "RSA", &params, &pkey));
    for (size_t i = 0; i < NUMBERS; i++) {
        KK_TRY(kk_pkey_get_number(pkey, table[i].name, (parts->bits + 7) / 8, true, parts,
                                  table[i].part));
    }
    parts->is_private = true;
    return CKR_OK;
}

const struct kk_key_family kk_key_family_rsa = {
    .load = rsa_load,
    .generate = rsa_generate,
    .complete = rsa_complete,
};
