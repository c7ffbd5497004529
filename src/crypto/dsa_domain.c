/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain parameters of DSA that can be verified. OpenSSL has neither the provable primes nor a way
 * to say how long a seed is; the numbers are public, so nothing here need be constant in time.
 */
#include "crypto/dsa_domain.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"

#define MAX_BITS 3072
#define SMALL_FACTORS 1000
#define SMALL_BITS 32 /* C.6: primes of so many bits are tried by division */
#define BN_TRY(call) KK_ENSURE((call) == 1, kk_crypto_error(#call, CKR_FUNCTION_FAILED))

static const struct {
    CK_ULONG bits;
    CK_ULONG order_bits;
} sizes[] = {{1024, 160}, {2048, 224}, {2048, 256}, {3072, 256}};

/* A search: the seed as it stands, the counter of C.6, and what computing takes. */
struct search {
    struct kk_digest *digest;
    size_t hash_len;
    uint8_t *seed;
    size_t seed_len;
    unsigned counter;
    BN_CTX *ctx;
};

static void search_clear(struct search *search)
{
    kk_digest_free(search->digest);
    BN_CTX_free(search->ctx);
}

static KK_RV search_open(struct kk_crypto *crypto, const char *hash, uint8_t *seed, size_t seed_len,
                         struct search *search)
{
    KK_TRY(kk_digest_new(crypto, hash, &search->digest));
    search->hash_len = kk_digest_size(search->digest);
    search->seed = seed;
    search->seed_len = seed_len;
    search->ctx = BN_CTX_new_ex(crypto->libctx);
    KK_ENSURE(search->ctx != NULL, CKR_HOST_MEMORY);
    return CKR_OK;
}

static KK_RV new_number(BIGNUM **ret_number)
{
    *ret_number = BN_new();
    KK_ENSURE(*ret_number != NULL, CKR_HOST_MEMORY);
    return CKR_OK;
}

/* Seeds are numbers. One that runs over begins again at 0, as A.1.1.2 has it; C.6 lets it grow,
 * which no seed drawn at random ever does. */
static void step_seed(struct search *search)
{
    for (size_t i = search->seed_len; i > 0; i--) {
        search->seed[i - 1]++;
        if (search->seed[i - 1] != 0) {
            return;
        }
    }
}

/* The seed's digest; the seed goes on by one. */
static KK_RV hash_seed(struct search *search, uint8_t *out)
{
    KK_TRY(kk_digest_start(search->digest));
    KK_TRY(kk_digest_update(search->digest, KK_SPAN(search->seed, search->seed_len)));
    KK_TRY(kk_digest_finish(search->digest, out));
    step_seed(search);
    return CKR_OK;
}

/* As many digests as make `bits`, the first one the lowest part of the number. */
static KK_RV expand(struct search *search, size_t bits, BIGNUM *ret_number)
{
    uint8_t bytes[MAX_BITS / 8 + KK_DIGEST_MAX];
    size_t blocks = (bits + search->hash_len * 8 - 1) / (search->hash_len * 8);
    size_t len = blocks * search->hash_len;
    KK_ENSURE(len <= sizeof bytes, CKR_FUNCTION_FAILED);
    for (size_t i = 1; i <= blocks; i++) {
        KK_TRY(hash_seed(search, bytes + len - i * search->hash_len));
    }
    KK_ENSURE(BN_bin2bn(bytes, (int)len, ret_number) != NULL, CKR_HOST_MEMORY);
    return CKR_OK;
}

/* 2^(bits - 1) + number mod 2^(bits - 1) */
static KK_RV fit(BIGNUM *number, int bits)
{
    if (BN_num_bits(number) >= bits) {
        BN_TRY(BN_mask_bits(number, bits - 1));
    }
    BN_TRY(BN_set_bit(number, bits - 1));
    return CKR_OK;
}

static KK_RV is_prime(struct search *search, const BIGNUM *number, bool *ret_is_prime)
{
    KK_ENSURE(!kk_crypto_is_stopped(), CKR_FUNCTION_CANCELED);
    int answer = BN_check_prime(number, search->ctx, NULL);
    KK_ENSURE(answer >= 0, kk_crypto_error("BN_check_prime", CKR_FUNCTION_FAILED));
    *ret_is_prime = answer == 1;
    return CKR_OK;
}

/* --- probable primes: A.1.1.2 ----------------------------------------------------------------- */

/* q = 2^(N - 1) + U + 1 - U mod 2, U the seed's digest mod 2^(N - 1). */
static KK_RV probable_subprime(struct search *search, int bits, BIGNUM *q)
{
    uint8_t hash[KK_DIGEST_MAX];
    KK_TRY(hash_seed(search, hash));
    KK_ENSURE(BN_bin2bn(hash, (int)search->hash_len, q) != NULL, CKR_HOST_MEMORY);
    KK_TRY(fit(q, bits));
    BN_TRY(BN_set_bit(q, 0));
    return CKR_OK;
}

/* The next candidate: X - (X mod 2q - 1). */
static KK_RV probable_candidate(struct search *search, int bits, const BIGNUM *q, BIGNUM *p)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *rest = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *twice = NULL;
    KK_TRY(new_number(&rest));
    KK_TRY(new_number(&twice));
    KK_TRY(expand(search, (size_t)bits, p));
    KK_TRY(fit(p, bits));
    BN_TRY(BN_lshift1(twice, q));
    BN_TRY(BN_mod(rest, p, twice, search->ctx));
    BN_TRY(BN_sub(p, p, rest));
    BN_TRY(BN_add_word(p, 1));
    return CKR_OK;
}

static KK_RV probable_primes(struct search *search, int bits, int order_bits, BIGNUM *p, BIGNUM *q,
                             bool *ret_found)
{
    *ret_found = false;
    KK_TRY(probable_subprime(search, order_bits, q));
    KK_TRY(is_prime(search, q, ret_found));
    if (!*ret_found) {
        return CKR_OK;
    }
    *ret_found = false;
    for (int counter = 0; counter < 4 * bits && !*ret_found; counter++) {
        KK_TRY(probable_candidate(search, bits, q, p));
        if (BN_num_bits(p) == bits) {
            KK_TRY(is_prime(search, p, ret_found));
        }
    }
    return CKR_OK;
}

/* --- provable primes: A.1.2.1.2 and C.6 ------------------------------------------------------- */

/* Odd, and no odd number up to its root divides it. */
static bool is_small_prime(uint64_t number)
{
    for (uint64_t divisor = 3; divisor * divisor <= number; divisor += 2) {
        if (number % divisor == 0) {
            return false;
        }
    }
    return number > 2;
}

/* C.6, steps 3 to 13 */
static KK_RV small_prime(struct search *search, int bits, BIGNUM *ret_prime, bool *ret_found)
{
    uint8_t first[KK_DIGEST_MAX];
    uint8_t second[KK_DIGEST_MAX];
    uint64_t mask = (UINT64_C(1) << (bits - 1)) - 1;
    *ret_found = false;
    for (int tries = 0; tries <= 4 * bits && !*ret_found; tries++) {
        KK_TRY(hash_seed(search, first));
        KK_TRY(hash_seed(search, second));
        uint64_t number =
            kk_load_u64(first + search->hash_len - 8) ^ kk_load_u64(second + search->hash_len - 8);
        number = (number & mask) | (mask + 1) | 1;
        search->counter++;
        *ret_found = is_small_prime(number);
        BN_TRY(BN_set_word(ret_prime, (BN_ULONG)number));
    }
    return CKR_OK;
}

/* What leads from a prime that is known to one twice as long: 2 t q p0 + 1. */
struct lift {
    int bits;
    const BIGNUM *q; /* 1 in C.6 */
    const BIGNUM *p0;
    BIGNUM *step; /* 2 q p0 */
    BIGNUM *t;
};

static void lift_clear(struct lift *lift)
{
    BN_free(lift->step);
    BN_free(lift->t);
}

/* number / step, rounded up. */
static KK_RV divide_up(struct search *search, struct lift *lift, const BIGNUM *number)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *rest = NULL;
    KK_TRY(new_number(&rest));
    BN_TRY(BN_div(lift->t, rest, number, lift->step, search->ctx));
    if (!BN_is_zero(rest)) {
        BN_TRY(BN_add_word(lift->t, 1));
    }
    return CKR_OK;
}

static KK_RV lift_begin(struct search *search, struct lift *lift)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *number = NULL;
    KK_TRY(new_number(&number));
    KK_TRY(new_number(&lift->step));
    KK_TRY(new_number(&lift->t));
    KK_TRY(expand(search, (size_t)lift->bits, number));
    KK_TRY(fit(number, lift->bits));
    BN_TRY(BN_mul(lift->step, lift->q, lift->p0, search->ctx));
    BN_TRY(BN_lshift1(lift->step, lift->step));
    return divide_up(search, lift, number);
}

static KK_RV lift_candidate(struct search *search, struct lift *lift, BIGNUM *p)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *least = NULL;
    BN_TRY(BN_mul(p, lift->step, lift->t, search->ctx));
    BN_TRY(BN_add_word(p, 1));
    if (BN_num_bits(p) <= lift->bits) {
        return CKR_OK;
    }
    KK_TRY(new_number(&least));
    BN_TRY(BN_set_bit(least, lift->bits - 1));
    KK_TRY(divide_up(search, lift, least));
    BN_TRY(BN_mul(p, lift->step, lift->t, search->ctx));
    BN_TRY(BN_add_word(p, 1));
    return CKR_OK;
}

/* What no proof can be found for; to see it costs little. */
static bool has_small_factor(const BIGNUM *number)
{
    for (BN_ULONG divisor = 3; divisor < SMALL_FACTORS; divisor += 2) {
        if (BN_mod_word(number, divisor) == 0) {
            return true;
        }
    }
    return false;
}

/* a mod (p - 3) + 2, 2 to p - 2; z is its power 2 t q modulo p. */
static KK_RV witness(struct search *search, const struct lift *lift, const BIGNUM *p, BIGNUM *a,
                     BIGNUM *z)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *number = BN_dup(p);
    KK_ENSURE(number != NULL, CKR_HOST_MEMORY);
    BN_TRY(BN_sub_word(number, 3));
    BN_TRY(BN_mod(a, a, number, search->ctx));
    BN_TRY(BN_add_word(a, 2));
    BN_TRY(BN_mul(number, lift->t, lift->q, search->ctx));
    BN_TRY(BN_lshift1(number, number));
    BN_TRY(BN_mod_exp(z, a, number, p, search->ctx));
    return CKR_OK;
}

/* Pocklington's: z - 1 has nothing in common with p, and z^p0 is 1. */
static KK_RV is_proven(struct search *search, const struct lift *lift, const BIGNUM *p,
                       bool *ret_is_proven)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *z = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *number = NULL;
    KK_ENSURE(!kk_crypto_is_stopped(), CKR_FUNCTION_CANCELED);
    KK_TRY(new_number(&z));
    KK_TRY(new_number(&number));
    /* The seed goes on, whatever comes of it. */
    KK_TRY(expand(search, (size_t)lift->bits, number));
    *ret_is_proven = false;
    if (has_small_factor(p)) {
        return CKR_OK;
    }
    KK_TRY(witness(search, lift, p, number, z));
    BN_TRY(BN_mod_exp(number, z, lift->p0, p, search->ctx));
    *ret_is_proven = BN_is_one(number);
    BN_TRY(BN_sub(z, z, BN_value_one()));
    BN_TRY(BN_gcd(number, z, p, search->ctx));
    *ret_is_proven = *ret_is_proven && BN_is_one(number);
    return CKR_OK;
}

static KK_RV lift_prime(struct search *search, int bits, const BIGNUM *q, const BIGNUM *p0,
                        BIGNUM *p, bool *ret_found)
{
    KK_CLEANUP(lift_clear) struct lift lift = {.bits = bits, .q = q, .p0 = p0};
    unsigned last = search->counter + 4 * (unsigned)bits;
    KK_TRY(lift_begin(search, &lift));
    *ret_found = false;
    while (!*ret_found && search->counter < last) {
        KK_TRY(lift_candidate(search, &lift, p));
        search->counter++;
        KK_TRY(is_proven(search, &lift, p, ret_found));
        BN_TRY(BN_add_word(lift.t, 1));
    }
    return CKR_OK;
}

/* C.6. The lengths on the way are halves, so that there are few. */
static KK_RV proven_prime(struct search *search, int bits, BIGNUM *prime, bool *ret_found)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *known = NULL;
    int lengths[16];
    size_t count = 0;
    for (lengths[0] = bits; lengths[count] > SMALL_BITS; count++) {
        lengths[count + 1] = (lengths[count] + 1) / 2 + 1;
    }
    search->counter = 0;
    KK_TRY(new_number(&known));
    KK_TRY(small_prime(search, lengths[count], prime, ret_found));
    while (count > 0 && *ret_found) {
        KK_ENSURE(BN_copy(known, prime) != NULL, CKR_HOST_MEMORY);
        KK_TRY(lift_prime(search, lengths[--count], BN_value_one(), known, prime, ret_found));
    }
    return CKR_OK;
}

/* `seeds` are three: the search goes on on the third for q, from there on the second for p. */
static KK_RV provable_primes(struct search *search, int bits, int order_bits, BIGNUM *p, BIGNUM *q,
                             bool *ret_found)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *p0 = NULL;
    size_t len = search->seed_len;
    uint8_t *first = search->seed;
    KK_TRY(new_number(&p0));
    search->seed = first + 2 * len;
    memcpy(search->seed, first, len);
    KK_TRY(proven_prime(search, order_bits, q, ret_found));
    search->seed = first + len;
    memcpy(search->seed, first + 2 * len, len);
    if (*ret_found) {
        KK_TRY(proven_prime(search, (bits + 1) / 2 + 1, p0, ret_found));
    }
    return *ret_found ? lift_prime(search, bits, q, p0, p, ret_found) : CKR_OK;
}

/* --- both ------------------------------------------------------------------------------------- */

size_t kk_dsa_seeds_length(enum kk_dsa_primes how, size_t len)
{
    return how == KK_DSA_PROVABLE ? 3 * len : len;
}

/* FIPS 186-4, 4.2 and A.1: the pairs of lengths; digest and seed are as long as q at least. */
static KK_RV check_sizes(const struct kk_key_parts *parts, size_t hash_len, size_t seed_len)
{
    bool is_pair = false;
    for (size_t i = 0; i < KK_ARRAY_LEN(sizes); i++) {
        is_pair =
            is_pair || (sizes[i].bits == parts->bits && sizes[i].order_bits == parts->order_bits);
    }
    KK_ENSURE(is_pair, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(hash_len * 8 >= parts->order_bits, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(seed_len * 8 >= parts->order_bits && seed_len <= KK_DSA_SEED_MAX,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

KK_RV kk_dsa_primes_from(struct kk_crypto *crypto, enum kk_dsa_primes how, const char *hash,
                         size_t len, uint8_t *seeds, struct kk_key_parts *parts, bool *ret_found)
{
    KK_CLEANUP(search_clear) struct search search = {0};
    KK_CLEANUP(kk_bn_freep) BIGNUM *p = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *q = NULL;
    uint8_t seed[KK_DSA_SEED_MAX];
    bool is_probable = how == KK_DSA_PROBABLE;
    int bits = (int)parts->bits;
    int order_bits = (int)parts->order_bits;
    KK_TRY(search_open(crypto, hash, is_probable ? seed : seeds, len, &search));
    KK_TRY(check_sizes(parts, search.hash_len, len));
    KK_TRY(new_number(&p));
    KK_TRY(new_number(&q));
    if (is_probable) {
        memcpy(seed, seeds, len);
        KK_TRY(probable_primes(&search, bits, order_bits, p, q, ret_found));
    } else {
        KK_TRY(provable_primes(&search, bits, order_bits, p, q, ret_found));
    }
    if (!*ret_found) {
        return CKR_OK;
    }
    KK_TRY(kk_part_from_bn(parts, KK_PART_PRIME, p, 0));
    return kk_part_from_bn(parts, KK_PART_SUBPRIME, q, 0);
}

/* One seed in about a hundred makes a probable q; a seed of provable primes is good at once, if its
 * first bit is set (A.1.2.1.1). */
KK_RV kk_dsa_primes_generate(struct kk_crypto *crypto, enum kk_dsa_primes how, const char *hash,
                             size_t len, uint8_t *seeds, struct kk_key_parts *parts)
{
    bool found = false;
    for (unsigned tries = 0; tries < 100000 && !found; tries++) {
        KK_TRY(kk_crypto_random(crypto, seeds, KK_MIN(len, (size_t)KK_DSA_SEED_MAX)));
        if (how == KK_DSA_PROVABLE && len > 0) {
            seeds[0] |= 0x80;
        }
        KK_TRY(kk_dsa_primes_from(crypto, how, hash, len, seeds, parts, &found));
    }
    KK_ENSURE(found, CKR_FUNCTION_FAILED);
    return CKR_OK;
}

/* --- the base: A.2.3 -------------------------------------------------------------------------- */

static KK_RV read_primes(struct search *search, const struct kk_key_parts *parts, BIGNUM *p,
                         BIGNUM *cofactor)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *q = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *rest = NULL;
    struct kk_span prime = kk_strip_zeros(kk_key_parts_get(parts, KK_PART_PRIME));
    struct kk_span subprime = kk_strip_zeros(kk_key_parts_get(parts, KK_PART_SUBPRIME));
    KK_ENSURE(prime.len > 0 && prime.len <= MAX_BITS / 8, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(subprime.len > 0 && subprime.len < prime.len, CKR_DOMAIN_PARAMS_INVALID);
    KK_TRY(new_number(&q));
    KK_TRY(new_number(&rest));
    KK_ENSURE(BN_bin2bn(prime.data, (int)prime.len, p) != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(BN_bin2bn(subprime.data, (int)subprime.len, q) != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(BN_is_odd(p) && BN_is_odd(q) && !BN_is_one(q), CKR_DOMAIN_PARAMS_INVALID);
    BN_TRY(BN_sub(rest, p, BN_value_one()));
    BN_TRY(BN_div(cofactor, rest, rest, q, search->ctx));
    KK_ENSURE(BN_is_zero(rest), CKR_DOMAIN_PARAMS_INVALID);
    return CKR_OK;
}

/* The digest of seed || "ggen" || index || count. */
static KK_RV hash_base(struct search *search, struct kk_span seed, uint8_t index, uint16_t count,
                       BIGNUM *ret_number)
{
    uint8_t hash[KK_DIGEST_MAX];
    uint8_t tail[] = {'g', 'g', 'e', 'n', index, (uint8_t)(count >> 8), (uint8_t)count};
    KK_TRY(kk_digest_start(search->digest));
    KK_TRY(kk_digest_update(search->digest, seed));
    KK_TRY(kk_digest_update(search->digest, KK_SPAN_ARRAY(tail)));
    KK_TRY(kk_digest_finish(search->digest, hash));
    KK_ENSURE(BN_bin2bn(hash, (int)search->hash_len, ret_number) != NULL, CKR_HOST_MEMORY);
    return CKR_OK;
}

KK_RV kk_dsa_base(struct kk_crypto *crypto, const char *hash, struct kk_span seed, uint8_t index,
                  struct kk_key_parts *parts)
{
    KK_CLEANUP(search_clear) struct search search = {0};
    KK_CLEANUP(kk_bn_freep) BIGNUM *p = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *cofactor = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *g = NULL;
    KK_TRY(search_open(crypto, hash, NULL, 0, &search));
    KK_TRY(new_number(&p));
    KK_TRY(new_number(&cofactor));
    KK_TRY(new_number(&g));
    KK_TRY(read_primes(&search, parts, p, cofactor));
    for (unsigned count = 1; count <= UINT16_MAX && (BN_is_zero(g) || BN_is_one(g)); count++) {
        KK_TRY(hash_base(&search, seed, index, (uint16_t)count, g));
        BN_TRY(BN_mod_exp(g, g, cofactor, p, search.ctx));
    }
    KK_ENSURE(!BN_is_zero(g) && !BN_is_one(g), CKR_DOMAIN_PARAMS_INVALID);
    return kk_part_from_bn(parts, KK_PART_BASE, g, 0);
}
