/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys on Edwards and Montgomery curves: Ed25519, Ed448, X25519, X448.
 */
#include "crypto/key_internal.h"

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/error.h"

static KK_RV make(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                  struct kk_curve *ret_curve, EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer point = {0};
    struct kk_span value = kk_key_parts_get(parts, KK_PART_VALUE);
    KK_TRY(kk_curve_of_parts(crypto, parts, ret_curve));
    if (parts->is_private) {
        KK_ENSURE(value.len == ret_curve->field_bytes, CKR_ATTRIBUTE_VALUE_INVALID);
        kk_pkey_params_bytes(&params, OSSL_PKEY_PARAM_PRIV_KEY, value);
    } else {
        KK_TRY(
            kk_point_parse(crypto, ret_curve, kk_key_parts_get(parts, KK_PART_EC_POINT), &point));
        kk_pkey_params_bytes(&params, OSSL_PKEY_PARAM_PUB_KEY, kk_buffer_span(&point));
    }
    return kk_pkey_new(crypto, ret_curve->name, parts->is_private, &params,
                       CKR_ATTRIBUTE_VALUE_INVALID, ret_pkey);
}

static KK_RV public_bytes(EVP_PKEY *pkey, const struct kk_curve *curve, uint8_t *out)
{
    size_t len = 0;
    KK_ENSURE(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, out,
                                              curve->field_bytes, &len) == 1 &&
                  len == curve->field_bytes,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* A private key's public bytes, if given, are its own. */
static KK_RV check_public(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                          const struct kk_curve *curve, EVP_PKEY *pkey)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer given = {0};
    uint8_t computed[KK_EC_MAX_FIELD_BYTES];
    struct kk_span point = kk_key_parts_get(parts, KK_PART_EC_POINT);
    if (!parts->is_private || point.len == 0) {
        return CKR_OK;
    }
    KK_TRY(kk_point_parse(crypto, curve, point, &given));
    KK_TRY(public_bytes(pkey, curve, computed));
    KK_ENSURE(kk_span_equal(kk_buffer_span(&given), KK_SPAN(computed, curve->field_bytes)),
              CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

static KK_RV ecx_load(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                      struct kk_key *key)
{
    KK_TRY(make(crypto, parts, &key->curve, &key->pkey));
    key->bits = key->curve.field_bits;
    key->bytes = key->curve.field_bytes;
    return check_public(crypto, parts, &key->curve, key->pkey);
}

static KK_RV ecx_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    struct kk_pkey_params none = {0};
    struct kk_curve curve;
    KK_TRY(kk_curve_of_parts(crypto, parts, &curve));
    KK_TRY(kk_pkey_generate(crypto, curve.name, &none, &pkey));
    KK_TRY(kk_pkey_get_bytes(pkey, OSSL_PKEY_PARAM_PUB_KEY, curve.field_bytes, parts,
                             KK_PART_EC_POINT));
    KK_TRY(
        kk_pkey_get_bytes(pkey, OSSL_PKEY_PARAM_PRIV_KEY, curve.field_bytes, parts, KK_PART_VALUE));
    parts->is_private = true;
    return CKR_OK;
}

static KK_RV ecx_complete(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    struct kk_curve curve;
    uint8_t point[KK_EC_MAX_FIELD_BYTES];
    KK_TRY(make(crypto, parts, &curve, &pkey));
    KK_TRY(check_public(crypto, parts, &curve, pkey));
    KK_TRY(public_bytes(pkey, &curve, point));
    KK_TRY(kk_key_parts_set(parts, KK_PART_EC_PARAMS, KK_SPAN(curve.oid, curve.oid_len)));
    return kk_key_parts_set(parts, KK_PART_EC_POINT, KK_SPAN(point, curve.field_bytes));
}

const struct kk_key_family kk_key_family_ecx = {
    .load = ecx_load,
    .generate = ecx_generate,
    .complete = ecx_complete,
};
