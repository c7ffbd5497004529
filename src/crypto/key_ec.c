/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys on Weierstrass curves.
 */
#include "crypto/key_internal.h"

#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/error.h"

static KK_RV open_group(struct kk_crypto *crypto, const struct kk_curve *curve,
                        EC_GROUP **ret_group)
{
    *ret_group = EC_GROUP_new_by_curve_name_ex(crypto->libctx, NULL, OBJ_sn2nid(curve->name));
    KK_ENSURE(*ret_group != NULL,
              kk_crypto_error("EC_GROUP_new_by_curve_name_ex", CKR_CURVE_NOT_SUPPORTED));
    return CKR_OK;
}

/* The private number, checked: at least 1, below the order. */
static KK_RV read_scalar(const EC_GROUP *group, struct kk_span value, BIGNUM **ret_scalar)
{
    struct kk_span bare = kk_strip_zeros(value);
    KK_CLEANUP(kk_bn_freep) BIGNUM *scalar = BN_new();
    KK_ENSURE(scalar != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(bare.len > 0 && bare.len <= KK_EC_MAX_FIELD_BYTES + 1, CKR_ATTRIBUTE_VALUE_INVALID);
    BN_set_flags(scalar, BN_FLG_CONSTTIME);
    KK_ENSURE(BN_bin2bn(bare.data, (int)bare.len, scalar) != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0, CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_scalar = KK_STEAL(scalar);
    return CKR_OK;
}

/* The uncompressed public point of a private number. */
static KK_RV compute_point(struct kk_crypto *crypto, const EC_GROUP *group, const BIGNUM *scalar,
                           uint8_t out[KK_EC_MAX_POINT_BYTES], size_t *ret_len)
{
    KK_CLEANUP(BN_CTX_freep) BN_CTX *ctx = BN_CTX_new_ex(crypto->libctx);
    KK_CLEANUP(EC_POINT_freep) EC_POINT *point = EC_POINT_new(group);
    KK_ENSURE(ctx != NULL && point != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(EC_POINT_mul(group, point, scalar, NULL, NULL, ctx) == 1,
              kk_crypto_error("EC_POINT_mul", CKR_FUNCTION_FAILED));
    *ret_len = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out,
                                  KK_EC_MAX_POINT_BYTES, ctx);
    KK_ENSURE(*ret_len > 1, kk_crypto_error("EC_POINT_point2oct", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* The point of a private key: computed, and equal to the one given, if any. */
static KK_RV settle_point(struct kk_crypto *crypto, const struct kk_curve *curve,
                          const struct kk_key_parts *parts, struct kk_buffer *ret_point)
{
    KK_CLEANUP(EC_GROUP_freep) EC_GROUP *group = NULL;
    KK_CLEANUP(kk_bn_freep) BIGNUM *scalar = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer given = {0};
    uint8_t point[KK_EC_MAX_POINT_BYTES];
    size_t len = 0;
    KK_TRY(open_group(crypto, curve, &group));
    KK_TRY(read_scalar(group, kk_key_parts_get(parts, KK_PART_VALUE), &scalar));
    KK_TRY(compute_point(crypto, group, scalar, point, &len));
    if (kk_key_parts_get(parts, KK_PART_EC_POINT).len > 0) {
        KK_TRY(kk_point_parse(crypto, curve, kk_key_parts_get(parts, KK_PART_EC_POINT), &given));
        KK_ENSURE(kk_span_equal(kk_buffer_span(&given), KK_SPAN(point, len)),
                  CKR_ATTRIBUTE_VALUE_INVALID);
    }
    kk_buffer_put(ret_point, point, len);
    return kk_buffer_check(ret_point);
}

static KK_RV ec_load(struct kk_crypto *crypto, const struct kk_key_parts *parts, struct kk_key *key)
{
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer point = {0};
    KK_TRY(kk_curve_of_parts(crypto, parts, &key->curve));
    kk_pkey_params_text(&params, OSSL_PKEY_PARAM_GROUP_NAME, key->curve.name);
    if (parts->is_private) {
        KK_TRY(settle_point(crypto, &key->curve, parts, &point));
        KK_TRY(kk_pkey_params_number(&params, OSSL_PKEY_PARAM_PRIV_KEY,
                                     kk_key_parts_get(parts, KK_PART_VALUE)));
    } else {
        KK_TRY(
            kk_point_parse(crypto, &key->curve, kk_key_parts_get(parts, KK_PART_EC_POINT), &point));
    }
    kk_pkey_params_bytes(&params, OSSL_PKEY_PARAM_PUB_KEY, kk_buffer_span(&point));
    key->bits = key->curve.field_bits;
    key->bytes = key->curve.field_bytes;
    key->order_bytes = key->curve.order_bytes;
    return kk_pkey_new(crypto, "EC", parts->is_private, &params, CKR_ATTRIBUTE_VALUE_INVALID,
                       &key->pkey);
}

/* Setting up a curve costs as much as a key on it. The context of the last generation waits in the
 * kk_crypto for the next one; who takes it has it alone. It holds no key. */
struct kk_keygen {
    EVP_PKEY_CTX *ctx;
    const char *curve; /* of the table, compared by address */
};

void kk_keygen_free(struct kk_keygen *keygen)
{
    if (keygen != NULL) {
        EVP_PKEY_CTX_free(keygen->ctx);
        kk_free(keygen);
    }
}
KK_DEFINE_CLEANUP(struct kk_keygen *, kk_keygen_free);

static KK_RV keygen_new(struct kk_crypto *crypto, const char *curve, struct kk_keygen **ret_keygen)
{
    KK_CLEANUP(kk_keygen_freep) struct kk_keygen *keygen = NULL;
    struct kk_pkey_params params = {0};
    kk_pkey_params_text(&params, OSSL_PKEY_PARAM_GROUP_NAME, curve);
    KK_TRY(kk_alloc(sizeof *keygen, &keygen));
    keygen->curve = curve;
    KK_TRY(kk_pkey_generator(crypto, "EC", &params, &keygen->ctx));
    *ret_keygen = KK_STEAL(keygen);
    return CKR_OK;
}

static KK_RV generate_on(struct kk_crypto *crypto, const char *curve, EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(kk_keygen_freep) struct kk_keygen *keygen = atomic_exchange(&crypto->keygen, NULL);
    if (keygen == NULL || keygen->curve != curve) {
        kk_keygen_free(KK_STEAL(keygen));
        KK_TRY(keygen_new(crypto, curve, &keygen));
    }
    int ok = EVP_PKEY_generate(keygen->ctx, ret_pkey);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_generate", CKR_FUNCTION_FAILED));
    kk_crypto_forget_drawn(crypto);
    keygen = atomic_exchange(&crypto->keygen, keygen);
    return CKR_OK;
}

static KK_RV ec_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    struct kk_curve curve;
    KK_TRY(kk_curve_of_parts(crypto, parts, &curve));
    KK_TRY(generate_on(crypto, curve.name, &pkey));
    KK_TRY(kk_pkey_get_bytes(pkey, OSSL_PKEY_PARAM_PUB_KEY, 1 + 2 * curve.field_bytes, parts,
                             KK_PART_EC_POINT));
    KK_TRY(kk_pkey_get_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, curve.order_bytes, false, parts,
                              KK_PART_VALUE));
    parts->is_private = true;
    return CKR_OK;
}

static KK_RV ec_complete(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer point = {0};
    struct kk_curve curve;
    KK_TRY(kk_curve_of_parts(crypto, parts, &curve));
    KK_TRY(settle_point(crypto, &curve, parts, &point));
    KK_TRY(kk_key_parts_set(parts, KK_PART_EC_PARAMS, KK_SPAN(curve.oid, curve.oid_len)));
    return kk_key_parts_set(parts, KK_PART_EC_POINT, kk_buffer_span(&point));
}

const struct kk_key_family kk_key_family_ec = {
    .load = ec_load,
    .generate = ec_generate,
    .complete = ec_complete,
};
