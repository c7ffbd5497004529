/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanisms on elliptic curves: ECDSA, EdDSA, ECDH.
 */
#include <string.h>

#include "base/memory.h"
#include "crypto/ecdh.h"
#include "crypto/ecdsa.h"
#include "crypto/eddsa.h"
#include "crypto/kw.h"
#include "mechanism/asym.h"
#include "mechanism/operation.h"

/* --- ECDSA and DSA ---------------------------------------------------------------------------- */

static void ecdsa_free(void *context)
{
    kk_ecdsa_free(context);
}

static KK_RV ecdsa_init(struct kk_op *op)
{
    KK_TRY(kk_asym_check(op->mechanism, op->key, kk_key_kind_of(op->mechanism->key_type)));
    struct kk_ecdsa_op *ecdsa = kk_asym_context(op, ecdsa_free);
    CK_RV rv =
        kk_ecdsa_begin(op->crypto, op->key, kk_asym_use_of(op->kind), op->mechanism->hash, &ecdsa);
    kk_asym_context_keep(op, ecdsa, ecdsa_free);
    return rv;
}

static size_t ecdsa_length(const struct kk_op *op)
{
    return kk_ecdsa_length(op->key);
}

static KK_RV ecdsa_update(struct kk_op *op, struct kk_span in)
{
    return kk_ecdsa_update(op->context, in);
}

static KK_RV ecdsa_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    return kk_ecdsa_sign(op->context, in, out, ret_len);
}

static KK_RV ecdsa_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    return kk_ecdsa_sign(op->context, KK_SPAN(NULL, 0), out, ret_len);
}

static KK_RV ecdsa_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    return kk_ecdsa_verify(op->context, in, signature);
}

static KK_RV ecdsa_verify_final(struct kk_op *op, struct kk_span signature)
{
    return kk_ecdsa_verify(op->context, KK_SPAN(NULL, 0), signature);
}

const struct kk_sign_ops kk_ecdsa_ops = {
    .init = ecdsa_init,
    .length = ecdsa_length,
    .single = ecdsa_single,
    .verify_single = ecdsa_verify_single,
};

const struct kk_sign_ops kk_ecdsa_hash_ops = {
    .init = ecdsa_init,
    .length = ecdsa_length,
    .update = ecdsa_update,
    .final = ecdsa_final,
    .single = ecdsa_single,
    .verify_single = ecdsa_verify_single,
    .verify_final = ecdsa_verify_final,
};

/* --- EdDSA ------------------------------------------------------------------------------------ */

static void eddsa_free(void *context)
{
    kk_eddsa_free(context);
}

static KK_RV eddsa_scheme(const struct kk_param *param, struct kk_eddsa_scheme *ret_scheme)
{
    *ret_scheme = (struct kk_eddsa_scheme){0};
    if (!param->present) {
        return CKR_OK;
    }
    const CK_EDDSA_PARAMS *params = param->data;
    size_t len = 0;
    KK_TRY(kk_ulong_to_size(params->ulContextDataLen, CKR_MECHANISM_PARAM_INVALID, &len));
    KK_ENSURE(params->pContextData != NULL || len == 0, CKR_MECHANISM_PARAM_INVALID);
    ret_scheme->prehash = params->phFlag != CK_FALSE;
    ret_scheme->context = KK_SPAN(params->pContextData, len);
    return CKR_OK;
}

static KK_RV eddsa_init(struct kk_op *op)
{
    struct kk_eddsa_scheme scheme;
    KK_TRY(kk_asym_check(op->mechanism, op->key, KK_KEY_EDWARDS));
    KK_TRY(eddsa_scheme(&op->param, &scheme));
    struct kk_eddsa_op *eddsa = kk_asym_context(op, eddsa_free);
    CK_RV rv = kk_eddsa_begin(op->crypto, op->key, kk_asym_use_of(op->kind), &scheme, &eddsa);
    kk_asym_context_keep(op, eddsa, eddsa_free);
    return rv;
}

static size_t eddsa_length(const struct kk_op *op)
{
    return kk_eddsa_length(op->key);
}

static KK_RV eddsa_update(struct kk_op *op, struct kk_span in)
{
    return kk_eddsa_update(op->context, in);
}

static KK_RV eddsa_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    return kk_eddsa_sign(op->context, in, out, ret_len);
}

static KK_RV eddsa_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    return kk_eddsa_sign(op->context, KK_SPAN(NULL, 0), out, ret_len);
}

static KK_RV eddsa_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    return kk_eddsa_verify(op->context, in, signature);
}

static KK_RV eddsa_verify_final(struct kk_op *op, struct kk_span signature)
{
    return kk_eddsa_verify(op->context, KK_SPAN(NULL, 0), signature);
}

const struct kk_sign_ops kk_eddsa_ops = {
    .init = eddsa_init,
    .length = eddsa_length,
    .update = eddsa_update,
    .final = eddsa_final,
    .single = eddsa_single,
    .verify_single = eddsa_verify_single,
    .verify_final = eddsa_verify_final,
};

/* --- ECDH ------------------------------------------------------------------------------------- */

/* No key is longer. */
#define LONGEST_VALUE KK_AGREED_MAX

static const struct kdf {
    CK_EC_KDF_TYPE type;
    enum kk_agreement_kdf kdf;
    const char *hash; /* NULL: the shared secret itself */
    size_t natural;   /* bytes of the hash */
} kdfs[] = {
    {CKD_NULL, KK_KDF_X963, NULL, 0},
    {CKD_SHA1_KDF, KK_KDF_X963, "SHA1", 20},
    {CKD_SHA224_KDF, KK_KDF_X963, "SHA224", 28},
    {CKD_SHA256_KDF, KK_KDF_X963, "SHA256", 32},
    {CKD_SHA384_KDF, KK_KDF_X963, "SHA384", 48},
    {CKD_SHA512_KDF, KK_KDF_X963, "SHA512", 64},
    {CKD_SHA3_224_KDF, KK_KDF_X963, "SHA3-224", 28},
    {CKD_SHA3_256_KDF, KK_KDF_X963, "SHA3-256", 32},
    {CKD_SHA3_384_KDF, KK_KDF_X963, "SHA3-384", 48},
    {CKD_SHA3_512_KDF, KK_KDF_X963, "SHA3-512", 64},
    {CKD_SHA1_KDF_SP800, KK_KDF_CONCAT, "SHA1", 20},
    {CKD_SHA224_KDF_SP800, KK_KDF_CONCAT, "SHA224", 28},
    {CKD_SHA256_KDF_SP800, KK_KDF_CONCAT, "SHA256", 32},
    {CKD_SHA384_KDF_SP800, KK_KDF_CONCAT, "SHA384", 48},
    {CKD_SHA512_KDF_SP800, KK_KDF_CONCAT, "SHA512", 64},
    {CKD_SHA3_224_KDF_SP800, KK_KDF_CONCAT, "SHA3-224", 28},
    {CKD_SHA3_256_KDF_SP800, KK_KDF_CONCAT, "SHA3-256", 32},
    {CKD_SHA3_384_KDF_SP800, KK_KDF_CONCAT, "SHA3-384", 48},
    {CKD_SHA3_512_KDF_SP800, KK_KDF_CONCAT, "SHA3-512", 64},
    {CKD_BLAKE2B_160_KDF, KK_KDF_CONCAT, "BLAKE2B-160", 20},
    {CKD_BLAKE2B_256_KDF, KK_KDF_CONCAT, "BLAKE2B-256", 32},
    {CKD_BLAKE2B_384_KDF, KK_KDF_CONCAT, "BLAKE2B-384", 48},
    {CKD_BLAKE2B_512_KDF, KK_KDF_CONCAT, "BLAKE2B-512", 64},
};

static KK_RV kdf_of(CK_EC_KDF_TYPE type, CK_ULONG shared_len, const struct kdf **ret_kdf)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(kdfs); i++) {
        if (kdfs[i].type == type) {
            /*= pkcs11-3.2 CK_ECDH1_DERIVE_PARAMS: with CKD_NULL there is no shared data */
            KK_ENSURE(kdfs[i].hash != NULL || shared_len == 0, CKR_MECHANISM_PARAM_INVALID);
            *ret_kdf = &kdfs[i];
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

/* The secret that two keys agree on, made to a key of `length` bytes. */
static KK_RV derive_agreed(struct kk_crypto *crypto, const struct kdf *kdf,
                           const CK_ECDH1_DERIVE_PARAMS *params, struct kk_secret *secret,
                           size_t length, struct kk_secret **ret_value)
{
    if (kdf->hash == NULL) {
        return kk_agreed_truncate(secret, length, ret_value);
    }
    size_t len = length != 0 ? length : kdf->natural;
    return kk_agreement_kdf(crypto, kdf->kdf, kdf->hash, kk_secret_span(secret),
                            KK_SPAN(params->pSharedData, params->ulSharedDataLen), len, ret_value);
}

KK_RV kk_ecdh_check(const CK_ECDH1_DERIVE_PARAMS *params, size_t length)
{
    const struct kdf *kdf = NULL;
    KK_TRY(kdf_of(params->kdf, params->ulSharedDataLen, &kdf));
    KK_ENSURE(length <= LONGEST_VALUE, CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

KK_RV kk_ecdh_value(struct kk_crypto *crypto, const CK_ECDH1_DERIVE_PARAMS *params,
                    struct kk_secret *secret, size_t length, struct kk_secret **ret_value)
{
    const struct kdf *kdf = NULL;
    KK_TRY(kdf_of(params->kdf, params->ulSharedDataLen, &kdf));
    return derive_agreed(crypto, kdf, params, secret, length, ret_value);
}

static KK_RV check_agreement(const struct kk_key *key, const struct kk_param *param, size_t length,
                             const struct kdf **ret_kdf)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(kk_key_kind(key) == KK_KEY_EC || kk_key_kind(key) == KK_KEY_MONTGOMERY,
              CKR_KEY_TYPE_INCONSISTENT);
    const CK_ECDH1_DERIVE_PARAMS *params = param->data;
    KK_TRY(kdf_of(params->kdf, params->ulSharedDataLen, ret_kdf));
    KK_ENSURE(length <= LONGEST_VALUE, CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static KK_RV ecdh_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                         size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    const struct kdf *kdf = NULL;
    size_t public_len = 0;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_TRY(check_agreement(base, param, lengths[0], &kdf));
    const CK_ECDH1_DERIVE_PARAMS *params = param->data;
    KK_TRY(kk_ulong_to_size(params->ulPublicDataLen, CKR_MECHANISM_PARAM_INVALID, &public_len));
    KK_ENSURE(params->pPublicData != NULL && public_len > 0, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_ecdh_derive(crypto, base, KK_SPAN(params->pPublicData, public_len),
                          mechanism->detail != 0, &secret));
    return derive_agreed(crypto, kdf, params, secret, lengths[0], &ret_values[0]);
}

const struct kk_derive_ops kk_ecdh_ops = {.derive = ecdh_derive};

/* --- ECDH_AES_KEY_WRAP: KWP under a secret agreed with a fresh pair, its point in front ------- */

/* The parameter and the key, checked. */
struct transport {
    const struct kdf *kdf;
    struct kk_span shared;
    size_t key_len;
    size_t point_len;
};

static KK_RV read_transport(const struct kk_mechanism *mechanism, const struct kk_key *key,
                            const struct kk_param *param, struct transport *ret_transport)
{
    const CK_ECDH_AES_KEY_WRAP_PARAMS *params = param->data;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulAESKeyBits == 128 || params->ulAESKeyBits == 192 ||
                  params->ulAESKeyBits == 256,
              CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kdf_of(params->kdf, params->ulSharedDataLen, &ret_transport->kdf));
    ret_transport->shared = KK_SPAN(params->pSharedData, params->ulSharedDataLen);
    ret_transport->key_len = (size_t)params->ulAESKeyBits / 8;
    KK_ENSURE(
        kk_mechanism_takes(mechanism, kk_key_kind(key) == KK_KEY_EC ? CKK_EC : CKK_EC_MONTGOMERY),
        CKR_KEY_TYPE_INCONSISTENT);
    return kk_ecdh_transport_length(key, &ret_transport->point_len);
}

/*= pkcs11-3.2 ECDH AES KEY WRAP: the first ulAESKeyBits bits of the derived key */
static KK_RV transport_key(struct kk_crypto *crypto, const struct transport *transport,
                           const struct kk_secret *secret, struct kk_secret **ret_key)
{
    struct kk_span whole = kk_secret_span(secret);
    if (transport->kdf->hash != NULL) {
        return kk_agreement_kdf(crypto, transport->kdf->kdf, transport->kdf->hash, whole,
                                transport->shared, transport->key_len, ret_key);
    }
    KK_ENSURE(whole.len >= transport->key_len, CKR_KEY_SIZE_RANGE);
    return kk_secret_from(KK_SPAN(whole.data, transport->key_len), ret_key);
}

static KK_RV ecdh_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                              const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct transport transport;
    size_t wrapped = 0;
    KK_TRY(read_transport(mechanism, key, param, &transport));
    KK_TRY(kk_wrap_code(kk_kw_length(KK_KWP, plain_len, &wrapped)));
    *ret_len = transport.point_len + wrapped;
    return CKR_OK;
}

static KK_RV ecdh_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                       struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                       uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *aes = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer point = {0};
    struct transport transport;
    size_t wrapped = 0;
    KK_TRY(read_transport(mechanism, key, param, &transport));
    KK_TRY(kk_ecdh_transport(crypto, key, mechanism->detail != 0, &point, &secret));
    KK_ENSURE(point.len == transport.point_len, CKR_FUNCTION_FAILED);
    KK_TRY(transport_key(crypto, &transport, secret, &aes));
    KK_TRY(kk_wrap_code(kk_kw_wrap(crypto, KK_KWP, kk_secret_span(aes), KK_SPAN(NULL, 0), plain,
                                   out + point.len, &wrapped)));
    memcpy(out, point.data, point.len);
    *ret_len = point.len + wrapped;
    return CKR_OK;
}

static KK_RV ecdh_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                         struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *aes = NULL;
    struct transport transport;
    KK_TRY(read_transport(mechanism, key, param, &transport));
    KK_ENSURE(wrapped.len > transport.point_len, CKR_WRAPPED_KEY_LEN_RANGE);
    CK_RV rv = kk_ecdh_derive(crypto, key, KK_SPAN(wrapped.data, transport.point_len),
                              mechanism->detail != 0, &secret);
    KK_ENSURE(rv != CKR_MECHANISM_PARAM_INVALID, CKR_WRAPPED_KEY_INVALID);
    KK_TRY(rv);
    KK_TRY(transport_key(crypto, &transport, secret, &aes));
    struct kk_span rest =
        KK_SPAN(wrapped.data + transport.point_len, wrapped.len - transport.point_len);
    return kk_wrap_code(
        kk_kw_unwrap(crypto, KK_KWP, kk_secret_span(aes), KK_SPAN(NULL, 0), rest, ret_plain));
}

const struct kk_wrap_ops kk_ecdh_wrap_ops = {
    .length = ecdh_wrap_length,
    .wrap = ecdh_wrap,
    .unwrap = ecdh_unwrap,
    .private_keys = true,
};

/* --- ECDH as a KEM: the ciphertext is the public half of a key pair made for it ----------------
 */

static size_t ecdh_kem_length(const struct kk_mechanism *mechanism, struct kk_key *key)
{
    (void)mechanism;
    return kk_ecdh_point_length(key);
}

/*= pkcs11-3.2 ECDH1_DERIVE: in C_EncapsulateKey and C_DecapsulateKey pPublicData and
 * ulPublicDataLen must be NULL and 0 */
static KK_RV check_kem(const struct kk_key *key, const struct kk_param *param, size_t length,
                       const struct kdf **ret_kdf)
{
    KK_TRY(check_agreement(key, param, length, ret_kdf));
    const CK_ECDH1_DERIVE_PARAMS *params = param->data;
    KK_ENSURE(params->pPublicData == NULL && params->ulPublicDataLen == 0,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV ecdh_encapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                              struct kk_key *key, const struct kk_param *param, size_t value_len,
                              uint8_t *out, size_t *ret_len, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    const struct kdf *kdf = NULL;
    KK_TRY(check_kem(key, param, value_len, &kdf));
    KK_TRY(kk_ecdh_ephemeral(crypto, key, mechanism->detail != 0, out, &secret));
    *ret_len = kk_ecdh_point_length(key);
    return derive_agreed(crypto, kdf, param->data, secret, value_len, ret_value);
}

/* The codes of C_DecapsulateKey for a point that is none and a length that cannot be had. */
static KK_RV ecdh_decapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                              struct kk_key *key, const struct kk_param *param, size_t value_len,
                              struct kk_span in, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    const struct kdf *kdf = NULL;
    KK_TRY(check_kem(key, param, value_len, &kdf));
    KK_ENSURE(in.len == kk_ecdh_point_length(key), CKR_WRAPPED_KEY_LEN_RANGE);
    CK_RV rv = kk_ecdh_derive(crypto, key, in, mechanism->detail != 0, &secret);
    KK_TRY(rv == CKR_MECHANISM_PARAM_INVALID ? CKR_WRAPPED_KEY_INVALID : rv);
    rv = derive_agreed(crypto, kdf, param->data, secret, value_len, ret_value);
    return rv == CKR_KEY_SIZE_RANGE ? CKR_WRAPPED_KEY_LEN_RANGE : rv;
}

const struct kk_kem_ops kk_ecdh_kem_ops = {
    .length = ecdh_kem_length,
    .encapsulate = ecdh_encapsulate,
    .decapsulate = ecdh_decapsulate,
};
