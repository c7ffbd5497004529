/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agreement with two key pairs on each side. Private numbers are exponents, scalars and factors
 * here: OpenSSL's functions that are constant in time are the only ones that see them.
 */
#include "crypto/two_pairs.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/dh.h"
#include "crypto/error.h"

#define BN_TRY(call) KK_ENSURE((call) == 1, kk_crypto_error(#call, CKR_FUNCTION_FAILED))

KK_DEFINE_CLEANUP(BN_MONT_CTX *, BN_MONT_CTX_free);

static KK_RV new_number(BIGNUM **ret_number)
{
    *ret_number = BN_new();
    KK_ENSURE(*ret_number != NULL, CKR_HOST_MEMORY);
    return CKR_OK;
}

static KK_RV number_from(struct kk_span bytes, BIGNUM **ret_number)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *number = BN_new();
    KK_ENSURE(number != NULL, CKR_HOST_MEMORY);
    BN_set_flags(number, BN_FLG_CONSTTIME);
    KK_ENSURE(BN_bin2bn(bytes.data, (int)bytes.len, number) != NULL, CKR_HOST_MEMORY);
    *ret_number = KK_STEAL(number);
    return CKR_OK;
}

/* One number of a key. */
static KK_RV number_of(const struct kk_key *key, const char *name, BIGNUM **ret_number)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    size_t len = KK_MAX(key->bytes, key->order_bytes);
    KK_TRY(kk_pkey_get_number(key->pkey, name, len, false, &parts, KK_PART_VALUE));
    return number_from(kk_key_parts_get(&parts, KK_PART_VALUE), ret_number);
}

/* The keys are there, of this kind, and private where they have to be. */
static KK_RV check_keys(const struct kk_two_pairs *pairs, enum kk_key_kind kind)
{
    const struct kk_key *one = pairs->own_static;
    const struct kk_key *two = pairs->own_ephemeral;
    KK_ENSURE(one != NULL && one->kind == kind && one->is_private, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(two != NULL && two->kind == kind && two->is_private, CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(pairs->own_public == NULL || pairs->own_public->kind == kind,
              CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(pairs->peer_static.len > 0 && pairs->peer_ephemeral.len > 0,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/* The half of a number that goes into the scheme: the low half of `bits`, and a bit above it. */
static KK_RV associate(const BIGNUM *number, int bits, BIGNUM **ret_half)
{
    int half = (bits + 1) / 2;
    KK_CLEANUP(kk_bn_freep) BIGNUM *value = BN_dup(number);
    KK_ENSURE(value != NULL, CKR_HOST_MEMORY);
    if (BN_num_bits(value) > half) {
        BN_TRY(BN_mask_bits(value, half));
    }
    BN_TRY(BN_set_bit(value, half));
    *ret_half = KK_STEAL(value);
    return CKR_OK;
}

/* The implicit signature: (ephemeral + half * static) mod order. */
static KK_RV implicit_signature(const BIGNUM *ephemeral, const BIGNUM *half,
                                const BIGNUM *static_number, const BIGNUM *order, BN_CTX *ctx,
                                BIGNUM **ret_signature)
{
    KK_CLEANUP(BN_MONT_CTX_freep) BN_MONT_CTX *mont = BN_MONT_CTX_new();
    KK_CLEANUP(kk_bn_freep) BIGNUM *product = NULL;
    KK_ENSURE(mont != NULL, CKR_HOST_MEMORY);
    KK_TRY(new_number(&product));
    BN_set_flags(product, BN_FLG_CONSTTIME);
    BN_TRY(BN_MONT_CTX_set(mont, order, ctx));
    BN_TRY(BN_to_montgomery(product, static_number, mont, ctx));
    BN_TRY(BN_mod_mul_montgomery(product, product, half, mont, ctx));
    BN_TRY(BN_mod_add_quick(product, product, ephemeral, order));
    *ret_signature = KK_STEAL(product);
    return CKR_OK;
}

/* --- groups modulo a prime -------------------------------------------------------------------- */

static KK_RV same_number(const struct kk_key *a, const struct kk_key *b, const char *name,
                         bool *ret_is_same)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *first = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *second = NULL;
    KK_TRY(number_of(a, name, &first));
    KK_TRY(number_of(b, name, &second));
    *ret_is_same = BN_cmp(first, second) == 0;
    return CKR_OK;
}

static KK_RV check_group(const struct kk_key *a, const struct kk_key *b)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_FFC_P, OSSL_PKEY_PARAM_FFC_Q,
                                        OSSL_PKEY_PARAM_FFC_G};
    bool is_same = a->bytes == b->bytes;
    for (size_t i = 0; i < KK_ARRAY_LEN(names) && is_same; i++) {
        KK_TRY(same_number(a, b, names[i], &is_same));
    }
    KK_ENSURE(is_same, CKR_DOMAIN_PARAMS_INVALID);
    return CKR_OK;
}

static KK_RV check_groups(const struct kk_two_pairs *pairs)
{
    bool is_same = true;
    KK_TRY(check_keys(pairs, KK_KEY_X942_DH));
    KK_TRY(check_group(pairs->own_static, pairs->own_ephemeral));
    if (pairs->own_public != NULL) {
        KK_TRY(check_group(pairs->own_static, pairs->own_public));
        KK_TRY(same_number(pairs->own_ephemeral, pairs->own_public, OSSL_PKEY_PARAM_PUB_KEY,
                           &is_same));
    }
    KK_ENSURE(is_same, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

KK_RV kk_dh_hybrid(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                   struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *first = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *second = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *both = NULL;
    KK_TRY(check_groups(pairs));
    KK_TRY(kk_dh_derive(crypto, pairs->own_ephemeral, pairs->peer_ephemeral, &first));
    KK_TRY(kk_dh_derive(crypto, pairs->own_static, pairs->peer_static, &second));
    size_t len = kk_secret_len(first);
    KK_TRY(kk_secret_new(len + kk_secret_len(second), &both));
    memcpy(kk_secret_data(both), kk_secret_data(first), len);
    memcpy(kk_secret_data(both) + len, kk_secret_data(second), kk_secret_len(second));
    *ret_secret = KK_STEAL(both);
    return CKR_OK;
}

/* A public number of the other side's, which is of the group. */
static KK_RV peer_number(struct kk_crypto *crypto, const struct kk_key *key, struct kk_span peer,
                         BIGNUM **ret_number)
{
    KK_CLEANUP(kk_key_unrefp) struct kk_key *other = NULL;
    KK_TRY(kk_dh_peer(crypto, key, peer, &other));
    return number_from(peer, ret_number);
}

/* T * Y^half(T) mod p of the other side's numbers. All of it is public. */
static KK_RV peer_base(struct kk_crypto *crypto, const struct kk_two_pairs *pairs, const BIGNUM *p,
                       int order_bits, BN_CTX *ctx, BIGNUM **ret_base)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *fixed = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *ephemeral = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *half = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *base = NULL;
    KK_TRY(peer_number(crypto, pairs->own_static, pairs->peer_static, &fixed));
    KK_TRY(peer_number(crypto, pairs->own_static, pairs->peer_ephemeral, &ephemeral));
    KK_TRY(associate(ephemeral, order_bits, &half));
    KK_TRY(new_number(&base));
    BN_TRY(BN_mod_exp(base, fixed, half, p, ctx));
    BN_TRY(BN_mod_mul(base, base, ephemeral, p, ctx));
    *ret_base = KK_STEAL(base);
    return CKR_OK;
}

static KK_RV own_signature(const struct kk_two_pairs *pairs, const BIGNUM *order,
                           const BIGNUM *public_number, BN_CTX *ctx, BIGNUM **ret_signature)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *fixed = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *ephemeral = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *half = NULL;
    KK_TRY(number_of(pairs->own_static, OSSL_PKEY_PARAM_PRIV_KEY, &fixed));
    KK_TRY(number_of(pairs->own_ephemeral, OSSL_PKEY_PARAM_PRIV_KEY, &ephemeral));
    KK_TRY(associate(public_number, BN_num_bits(order), &half));
    return implicit_signature(ephemeral, half, fixed, order, ctx, ret_signature);
}

static KK_RV mqv_secret(const BIGNUM *base, const BIGNUM *exponent, const BIGNUM *p, BN_CTX *ctx,
                        size_t len, struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_bn_freep) BIGNUM *shared = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_TRY(new_number(&shared));
    BN_TRY(BN_mod_exp_mont_consttime(shared, base, exponent, p, ctx, NULL));
    KK_ENSURE(!BN_is_zero(shared) && !BN_is_one(shared), CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_secret_new(len, &secret));
    KK_ENSURE(BN_bn2binpad(shared, kk_secret_data(secret), (int)len) >= 0, CKR_FUNCTION_FAILED);
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

KK_RV kk_dh_mqv(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                struct kk_secret **ret_secret)
{
    KK_CLEANUP(BN_CTX_freep) BN_CTX *ctx = BN_CTX_new_ex(crypto->libctx);
    KK_CLEANUP(kk_bn_freep) BIGNUM *p = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *q = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *own = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *base = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *signature = NULL;
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    KK_TRY(check_groups(pairs));
    KK_TRY(number_of(pairs->own_static, OSSL_PKEY_PARAM_FFC_P, &p));
    KK_TRY(number_of(pairs->own_static, OSSL_PKEY_PARAM_FFC_Q, &q));
    KK_TRY(number_of(pairs->own_ephemeral, OSSL_PKEY_PARAM_PUB_KEY, &own));
    KK_TRY(peer_base(crypto, pairs, p, BN_num_bits(q), ctx, &base));
    KK_TRY(own_signature(pairs, q, own, ctx, &signature));
    CK_RV rv = mqv_secret(base, signature, p, ctx, pairs->own_static->bytes, ret_secret);
    kk_wipe_stack();
    return rv;
}

/* --- elliptic curves -------------------------------------------------------------------------- */

/* A curve at work. */
struct field {
    EC_GROUP *group;
    BN_CTX *ctx;
    const struct kk_curve *curve;
};

static void field_clear(struct field *field)
{
    EC_GROUP_free(field->group);
    BN_CTX_free(field->ctx);
}

static KK_RV field_open(struct kk_crypto *crypto, const struct kk_curve *curve, struct field *field)
{
    field->curve = curve;
    field->ctx = BN_CTX_new_ex(crypto->libctx);
    field->group = EC_GROUP_new_by_curve_name_ex(crypto->libctx, NULL, OBJ_sn2nid(curve->name));
    KK_ENSURE(field->ctx != NULL && field->group != NULL,
              kk_crypto_error("EC_GROUP_new_by_curve_name_ex", CKR_HOST_MEMORY));
    return CKR_OK;
}

/* An uncompressed point as a point of OpenSSL's (NULL: not wanted), and its half of x. */
static KK_RV read_point(const struct field *field, struct kk_span raw, EC_POINT **ret_point,
                        BIGNUM **ret_half)
{
    KK_CLEANUP(EC_POINT_freep) EC_POINT *point = EC_POINT_new(field->group);
    KK_CLEANUP(kk_bn_freep) BIGNUM *x = NULL;
    KK_ENSURE(point != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(raw.len == 1 + 2 * field->curve->field_bytes, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(EC_POINT_oct2point(field->group, point, raw.data, raw.len, field->ctx) == 1,
              kk_crypto_error("EC_POINT_oct2point", CKR_MECHANISM_PARAM_INVALID));
    KK_TRY(number_from(KK_SPAN(raw.data + 1, field->curve->field_bytes), &x));
    KK_TRY(associate(x, (int)field->curve->order_bits, ret_half));
    *ret_point = KK_STEAL(point);
    return CKR_OK;
}

static KK_RV parse_peer(struct kk_crypto *crypto, const struct field *field, struct kk_span given,
                        EC_POINT **ret_point, BIGNUM **ret_half)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer raw = {0};
    CK_RV rv = kk_point_parse(crypto, field->curve, given, &raw);
    KK_ENSURE(rv != CKR_ATTRIBUTE_VALUE_INVALID, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(rv);
    return read_point(field, kk_buffer_span(&raw), ret_point, ret_half);
}

/* The ephemeral point of the other side's, and half of its x times the other one. Public. */
static KK_RV peer_point(struct kk_crypto *crypto, const struct field *field,
                        const struct kk_two_pairs *pairs, EC_POINT **ret_point)
{
    KK_CLEANUP(EC_POINT_freep) EC_POINT *fixed = NULL;
    KK_CLEANUP(EC_POINT_freep) EC_POINT *ephemeral = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *half = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *unused = NULL;
    KK_TRY(parse_peer(crypto, field, pairs->peer_static, &fixed, &unused));
    KK_TRY(parse_peer(crypto, field, pairs->peer_ephemeral, &ephemeral, &half));
    BN_TRY(EC_POINT_mul(field->group, fixed, NULL, fixed, half, field->ctx));
    BN_TRY(EC_POINT_add(field->group, ephemeral, ephemeral, fixed, field->ctx));
    *ret_point = KK_STEAL(ephemeral);
    return CKR_OK;
}

/* A key's public point, uncompressed. */
static KK_RV public_point(const struct kk_key *key, uint8_t out[KK_EC_MAX_POINT_BYTES],
                          struct kk_span *ret_point)
{
    size_t len = 0;
    KK_ENSURE(EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, out,
                                              KK_EC_MAX_POINT_BYTES, &len) == 1,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    *ret_point = KK_SPAN(out, len);
    return CKR_OK;
}

static KK_RV check_curves(const struct kk_two_pairs *pairs)
{
    uint8_t own[KK_EC_MAX_POINT_BYTES];
    uint8_t given[KK_EC_MAX_POINT_BYTES];
    struct kk_span own_point;
    struct kk_span given_point;
    KK_TRY(check_keys(pairs, KK_KEY_EC));
    const char *name = pairs->own_static->curve.name;
    KK_ENSURE(strcmp(name, pairs->own_ephemeral->curve.name) == 0, CKR_DOMAIN_PARAMS_INVALID);
    if (pairs->own_public == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(strcmp(name, pairs->own_public->curve.name) == 0, CKR_DOMAIN_PARAMS_INVALID);
    KK_TRY(public_point(pairs->own_ephemeral, own, &own_point));
    KK_TRY(public_point(pairs->own_public, given, &given_point));
    KK_ENSURE(kk_span_equal(own_point, given_point), CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV own_scalar(const struct field *field, const struct kk_two_pairs *pairs,
                        BIGNUM **ret_scalar)
{
    KK_CLEANUP(EC_POINT_freep) EC_POINT *point = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *fixed = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *ephemeral = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *half = NULL;
    uint8_t own[KK_EC_MAX_POINT_BYTES];
    struct kk_span own_point;
    KK_TRY(public_point(pairs->own_ephemeral, own, &own_point));
    KK_TRY(read_point(field, own_point, &point, &half));
    KK_TRY(number_of(pairs->own_static, OSSL_PKEY_PARAM_PRIV_KEY, &fixed));
    KK_TRY(number_of(pairs->own_ephemeral, OSSL_PKEY_PARAM_PRIV_KEY, &ephemeral));
    return implicit_signature(ephemeral, half, fixed, EC_GROUP_get0_order(field->group), field->ctx,
                              ret_scalar);
}

/* The cofactor comes last: it takes away what a point outside the subgroup adds. */
static KK_RV shared_point(const struct field *field, EC_POINT *point, const BIGNUM *scalar)
{
    BN_TRY(EC_POINT_mul(field->group, point, NULL, point, scalar, field->ctx));
    if (field->curve->cofactor != 1) {
        BN_TRY(EC_POINT_mul(field->group, point, NULL, point, EC_GROUP_get0_cofactor(field->group),
                            field->ctx));
    }
    KK_ENSURE(!EC_POINT_is_at_infinity(field->group, point), CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static void point_free(EC_POINT *point)
{
    EC_POINT_clear_free(point);
}
KK_DEFINE_CLEANUP(EC_POINT *, point_free);

KK_RV kk_ec_mqv(struct kk_crypto *crypto, const struct kk_two_pairs *pairs,
                struct kk_secret **ret_secret)
{
    KK_CLEANUP(field_clear) struct field field = {0};
    KK_CLEANUP(point_freep) EC_POINT *point = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *scalar = NULL;
    KK_SECRET_ARRAY(raw, KK_EC_MAX_POINT_BYTES);
    KK_TRY(check_curves(pairs));
    KK_TRY(field_open(crypto, &pairs->own_static->curve, &field));
    KK_TRY(peer_point(crypto, &field, pairs, &point));
    KK_TRY(own_scalar(&field, pairs, &scalar));
    CK_RV rv = shared_point(&field, point, scalar);
    kk_wipe_stack();
    KK_TRY(rv);
    size_t len = EC_POINT_point2oct(field.group, point, POINT_CONVERSION_UNCOMPRESSED, raw,
                                    sizeof raw, field.ctx);
    KK_ENSURE(len == 1 + 2 * field.curve->field_bytes,
              kk_crypto_error("EC_POINT_point2oct", CKR_FUNCTION_FAILED));
    return kk_secret_from(KK_SPAN(raw + 1, field.curve->field_bytes), ret_secret);
}
