/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mechanisms with key pairs share.
 */
#include "mechanism/asym.h"

#include "crypto/der.h"
#include "crypto/domain.h"
#include "crypto/ec.h"

void *kk_asym_context(struct kk_op *op, void (*context_free)(void *))
{
    if (op->context != NULL && op->context_free != context_free) {
        op->context_free(op->context);
        op->context = NULL;
        op->context_free = NULL;
    }
    return op->context;
}

void kk_asym_context_keep(struct kk_op *op, void *context, void (*context_free)(void *))
{
    op->context = context;
    op->context_free = context != NULL ? context_free : NULL;
}

enum kk_asym_use kk_asym_use_of(enum kk_op_kind kind)
{
    static const enum kk_asym_use uses[KK_OP_COUNT] = {
        [KK_OP_ENCRYPT] = KK_ASYM_ENCRYPT,   [KK_OP_DECRYPT] = KK_ASYM_DECRYPT,
        [KK_OP_SIGN] = KK_ASYM_SIGN,         [KK_OP_VERIFY] = KK_ASYM_VERIFY,
        [KK_OP_SIGN_RECOVER] = KK_ASYM_SIGN, [KK_OP_VERIFY_RECOVER] = KK_ASYM_RECOVER,
    };
    return uses[kind];
}

KK_RV kk_asym_check(const struct kk_mechanism *mechanism, const struct kk_key *key,
                    enum kk_key_kind kind)
{
    KK_ENSURE(key != NULL && kk_key_kind(key) == kind, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(kk_key_bits(key) >= mechanism->min_key && kk_key_bits(key) <= mechanism->max_key,
              CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

/*= pkcs11-3.2 EC_EDWARDS_KEY_PAIR_GEN: curves of another kind are CKR_CURVE_NOT_SUPPORTED */
static CK_RV wrong_kind(const struct kk_key_parts *parts)
{
    return kk_key_parts_get(parts, KK_PART_EC_PARAMS).len > 0 ? CKR_CURVE_NOT_SUPPORTED
                                                              : CKR_KEY_TYPE_INCONSISTENT;
}

/* A curve below what the policy in force has. */
static KK_RV check_curve(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         const struct kk_key_parts *parts)
{
    struct kk_curve curve = {0};
    if (parts->kind != KK_KEY_EC || mechanism->floor_bits == 0) {
        return CKR_OK;
    }
    KK_TRY(kk_curve_parse(crypto, kk_key_parts_get(parts, KK_PART_EC_PARAMS), &curve));
    KK_ENSURE(curve.field_bits >= mechanism->floor_bits, CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static KK_RV generate_pair(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           const struct kk_param *param, struct kk_key_parts *parts)
{
    (void)param;
    KK_ENSURE(parts->kind == kk_key_kind_of(mechanism->key_type), wrong_kind(parts));
    bool is_sized = parts->kind == KK_KEY_RSA || parts->kind == KK_KEY_DSA ||
                    parts->kind == KK_KEY_DH || parts->kind == KK_KEY_X942_DH;
    KK_ENSURE(!is_sized || (parts->bits >= mechanism->min_key && parts->bits <= mechanism->max_key),
              CKR_KEY_SIZE_RANGE);
    KK_TRY(check_curve(crypto, mechanism, parts));
    return kk_key_generate(crypto, parts);
}

static KK_RV generate_extra_bits(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                                 const struct kk_param *param, struct kk_key_parts *parts)
{
    (void)param;
    KK_ENSURE(parts->kind == kk_key_kind_of(mechanism->key_type), wrong_kind(parts));
    KK_TRY(check_curve(crypto, mechanism, parts));
    return kk_key_generate_extra_bits(crypto, parts);
}

const struct kk_generate_ops kk_generate_extra_bits_ops = {.generate = generate_extra_bits,
                                                           .pair = true};

/*= pkcs11-3.2 RSA_X9_31_KEY_PAIR_GEN: p and q meet the strong primes requirement of X9.31 */
/* From 2,048 bits on, with an exponent above 2^16, OpenSSL takes FIPS 186-4, B.3.6, whose primes
 * are those. X9.31 has moduli of whole 256 bits. */
static KK_RV generate_x931(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           const struct kk_param *param, struct kk_key_parts *parts)
{
    struct kk_span e = kk_strip_zeros(kk_key_parts_get(parts, KK_PART_PUBLIC_EXPONENT));
    KK_ENSURE(parts->bits % 256 == 0, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(e.len == 0 || e.len > 2, CKR_TEMPLATE_INCONSISTENT);
    return generate_pair(crypto, mechanism, param, parts);
}

const struct kk_generate_ops kk_generate_x931_ops = {.generate = generate_x931, .pair = true};

const struct kk_generate_ops kk_generate_pair_ops = {.generate = generate_pair, .pair = true};

static KK_RV generate_domain(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             const struct kk_param *param, struct kk_key_parts *parts)
{
    (void)param;
    KK_ENSURE(parts->kind == kk_key_kind_of(mechanism->key_type), CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(parts->bits >= mechanism->min_key && parts->bits <= mechanism->max_key,
              CKR_KEY_SIZE_RANGE);
    return kk_domain_generate(crypto, parts);
}

const struct kk_generate_ops kk_generate_domain_ops = {.generate = generate_domain, .domain = true};

/*= pkcs11-3.2 ECDH1_DERIVE: the truncation removes bytes from the leading end of the value */
KK_RV kk_agreed_truncate(const struct kk_secret *secret, size_t len, struct kk_secret **ret_value)
{
    struct kk_span whole = kk_secret_span(secret);
    KK_ENSURE(len <= whole.len, CKR_KEY_SIZE_RANGE);
    size_t kept = len != 0 ? len : whole.len;
    return kk_secret_from(KK_SPAN(whole.data + (whole.len - kept), kept), ret_value);
}
