/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys from passwords as PKCS #12 makes them: for triple DES and RC2, with an IV, for RC4 and for
 * HMAC.
 */
#include "base/memory.h"
#include "crypto/pkcs12_kdf.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* As with PBKDF2: a parameter must not hang a token. */
#define ROUNDS_MAX 100000000UL
#define IV_LEN 8

static KK_RV compute(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     const struct kk_param *param, enum kk_pkcs12_id id, struct kk_secret *out)
{
    const CK_PBE_PARAMS *params = param->data;
    KK_ENSURE(params->ulIteration >= 1 && params->ulIteration <= ROUNDS_MAX,
              CKR_MECHANISM_PARAM_INVALID);
    /* A key of nothing at all is no secret, and OpenSSL makes none. */
    KK_ENSURE(params->ulPasswordLen > 0 || params->ulSaltLen > 0, CKR_MECHANISM_PARAM_INVALID);
    return kk_pkcs12_kdf(crypto, mechanism->hash, id,
                         KK_SPAN(params->pPassword, params->ulPasswordLen),
                         KK_SPAN(params->pSalt, params->ulSaltLen), params->ulIteration, out);
}

static KK_RV make_key(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      const struct kk_param *param, enum kk_pkcs12_id id,
                      struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_ENSURE(parts->bits == mechanism->detail * 8, CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(mechanism->detail, &value));
    KK_TRY(compute(crypto, mechanism, param, id, value));
    kk_key_value_settle(mechanism->key_type, value);
    parts->kind = KK_KEY_SECRET;
    return kk_key_parts_set(parts, KK_PART_VALUE, kk_secret_span(value));
}

/*= pkcs11-3.2 CK_PBE_PARAMS: pInitVector receives the 8-byte initialization vector */
static KK_RV generate_with_iv(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                              const struct kk_param *param, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *iv = NULL;
    const CK_PBE_PARAMS *params = param->data;
    KK_ENSURE(param->present && params->pInitVector != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(make_key(crypto, mechanism, param, KK_PKCS12_KEY, parts));
    KK_TRY(kk_secret_new(IV_LEN, &iv));
    KK_TRY(compute(crypto, mechanism, param, KK_PKCS12_IV, iv));
    memcpy(params->pInitVector, kk_secret_data(iv), IV_LEN);
    return CKR_OK;
}

static KK_RV generate_without_iv(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                                 const struct kk_param *param, struct kk_key_parts *parts)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    return make_key(crypto, mechanism, param, KK_PKCS12_KEY, parts);
}

static KK_RV generate_for_mac(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                              const struct kk_param *param, struct kk_key_parts *parts)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    return make_key(crypto, mechanism, param, KK_PKCS12_MAC_KEY, parts);
}

const struct kk_generate_ops kk_pkcs12_des_ops = {.generate = generate_with_iv};
const struct kk_generate_ops kk_pkcs12_rc2_128_ops = {.generate = generate_with_iv, .length = 16};
const struct kk_generate_ops kk_pkcs12_rc2_40_ops = {.generate = generate_with_iv, .length = 5};
const struct kk_generate_ops kk_pkcs12_rc4_128_ops = {.generate = generate_without_iv,
                                                      .length = 16};
const struct kk_generate_ops kk_pkcs12_rc4_40_ops = {.generate = generate_without_iv, .length = 5};
const struct kk_generate_ops kk_pkcs12_mac_ops = {.generate = generate_for_mac, .length = 20};
