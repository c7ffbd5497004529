/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain parameters of DSA in two steps: the primes and the seed that they come from, then the
 * base.
 */
#include "crypto/dsa_domain.h"

#include "crypto/der.h"
#include "mechanism/asym.h"

#include "base/banned.h"

/*= pkcs11-3.2 CK_DSA_PARAMETER_GEN_PARAM: the hashes */
static const struct {
    CK_MECHANISM_TYPE type;
    const char *name;
} hashes[] = {
    {CKM_SHA_1, "SHA1"},    {CKM_SHA224, "SHA224"}, {CKM_SHA256, "SHA256"},
    {CKM_SHA384, "SHA384"}, {CKM_SHA512, "SHA512"},
};

static const char *hash_of(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].type == type) {
            return hashes[i].name;
        }
    }
    return NULL;
}

/* What is generated is within the row's bounds. */
static KK_RV check_parts(const struct kk_mechanism *mechanism, const struct kk_param *param,
                         const struct kk_key_parts *parts)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(parts->kind == KK_KEY_DSA, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(parts->bits >= mechanism->min_key && parts->bits <= mechanism->max_key,
              CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

/*= pkcs11-3.2 DSA domain parameter objects: the default of CKA_SUBPRIME_BITS by CKA_PRIME_BITS */
static CK_ULONG usual_order(CK_ULONG bits)
{
    if (bits <= 1024) {
        return 160;
    }
    return bits < 3072 ? 224 : 256;
}

/*= pkcs11-3.2 CK_DSA_PARAMETER_GEN_PARAM: the seed is returned in pSeed, its length in ulSeedLen */
/* FIPS 186-4 has the length of the seed as an input: the caller's room is it, and all of it is
 * filled. */
static KK_RV generate_primes(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             const struct kk_param *param, struct kk_key_parts *parts)
{
    const CK_DSA_PARAMETER_GEN_PARAM *params = param->data;
    enum kk_dsa_primes how = (enum kk_dsa_primes)mechanism->detail;
    KK_TRY(check_parts(mechanism, param, parts));
    const char *hash = hash_of(params->hash);
    size_t one = kk_dsa_seeds_length(how, 1);
    KK_ENSURE(hash != NULL && params->ulSeedLen % one == 0, CKR_MECHANISM_PARAM_INVALID);
    if (parts->order_bits == 0) {
        parts->order_bits = usual_order(parts->bits);
    }
    return kk_dsa_primes_generate(crypto, how, hash, (size_t)params->ulSeedLen / one, params->pSeed,
                                  parts);
}

const struct kk_generate_ops kk_dsa_primes_ops = {.generate = generate_primes, .domain = true};

static CK_ULONG bits_of(struct kk_span number)
{
    struct kk_span bare = kk_strip_zeros(number);
    CK_ULONG bits = (CK_ULONG)bare.len * 8;
    for (unsigned top = bare.len > 0 ? bare.data[0] : 0x80; top < 0x80; top <<= 1) {
        bits--;
    }
    return bits;
}

/* Lengths that the template has beside the numbers are theirs. */
static KK_RV check_lengths(const struct kk_key_parts *parts)
{
    CK_ULONG bits = bits_of(kk_key_parts_get(parts, KK_PART_PRIME));
    CK_ULONG order_bits = bits_of(kk_key_parts_get(parts, KK_PART_SUBPRIME));
    KK_ENSURE(parts->bits == bits && (parts->order_bits == 0 || parts->order_bits == order_bits),
              CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/*= pkcs11-3.2 DSA base domain parameter generation: from CKA_PRIME and CKA_SUBPRIME of the template
 */
/* FIPS 186-4, A.2.3 has an index of 8 bits. */
static KK_RV generate_base(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           const struct kk_param *param, struct kk_key_parts *parts)
{
    const CK_DSA_PARAMETER_GEN_PARAM *params = param->data;
    KK_TRY(check_lengths(parts));
    KK_TRY(check_parts(mechanism, param, parts));
    const char *hash = hash_of(params->hash);
    KK_ENSURE(hash != NULL && params->ulSeedLen > 0 && params->ulIndex <= UINT8_MAX,
              CKR_MECHANISM_PARAM_INVALID);
    return kk_dsa_base(crypto, hash, KK_SPAN(params->pSeed, params->ulSeedLen),
                       (uint8_t)params->ulIndex, parts);
}

const struct kk_generate_ops kk_dsa_base_ops = {
    .generate = generate_base,
    .domain = true,
    .completes = CKA_BASE,
    .gives_nothing_back = true,
};
