/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys from passwords: PBKDF2 of PKCS #5.
 */
#include "base/memory.h"
#include "crypto/pbkdf2.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* More than any machine does in a minute: a parameter must not hang a token. */
#define ROUNDS_MAX 100000000UL

/* Both structures of the standard, which differ in how they say the password's length. */
struct pbkdf2 {
    CK_ULONG salt_source;
    struct kk_span salt;
    CK_ULONG rounds;
    CK_ULONG prf;
    CK_ULONG prf_data_len;
    struct kk_span password;
};

static const struct {
    CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE prf;
    const char *hash;
} prfs[] = {
    {CKP_PKCS5_PBKD2_HMAC_SHA1, "SHA1"},
    {CKP_PKCS5_PBKD2_HMAC_SHA224, "SHA224"},
    {CKP_PKCS5_PBKD2_HMAC_SHA256, "SHA256"},
    {CKP_PKCS5_PBKD2_HMAC_SHA384, "SHA384"},
    {CKP_PKCS5_PBKD2_HMAC_SHA512, "SHA512"},
    {CKP_PKCS5_PBKD2_HMAC_SHA512_224, "SHA512-224"},
    {CKP_PKCS5_PBKD2_HMAC_SHA512_256, "SHA512-256"},
};

static struct pbkdf2 pbkdf2_of(const struct kk_param *param)
{
    if (param->shape == KK_PARAM_PKCS5_PBKD2) {
        const CK_PKCS5_PBKD2_PARAMS *old = param->data;
        size_t len = old->ulPasswordLen == NULL ? 0 : *old->ulPasswordLen;
        return (struct pbkdf2){
            old->saltSource,   KK_SPAN(old->pSaltSourceData, old->ulSaltSourceDataLen),
            old->iterations,   old->prf,
            old->ulPrfDataLen, KK_SPAN(old->pPassword, len)};
    }
    const CK_PKCS5_PBKD2_PARAMS2 *params = param->data;
    return (struct pbkdf2){
        params->saltSource,   KK_SPAN(params->pSaltSourceData, params->ulSaltSourceDataLen),
        params->iterations,   params->prf,
        params->ulPrfDataLen, KK_SPAN(params->pPassword, params->ulPasswordLen)};
}

static KK_RV hash_of(CK_ULONG prf, const char **ret_hash)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(prfs); i++) {
        if (prfs[i].prf == prf) {
            *ret_hash = prfs[i].hash;
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

static KK_RV generate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      const struct kk_param *param, struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    const char *hash = NULL;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    struct pbkdf2 pbkdf2 = pbkdf2_of(param);
    KK_ENSURE(pbkdf2.salt_source == CKZ_SALT_SPECIFIED, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(pbkdf2.rounds >= 1 && pbkdf2.rounds <= ROUNDS_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(hash_of(pbkdf2.prf, &hash));
    /*= pkcs11-3.2 PKCS #5 PBKDF2: pPrfData must be NULL and ulPrfDataLen must be zero */
    KK_ENSURE(pbkdf2.prf_data_len == 0, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(parts->bits > 0 && parts->bits % 8 == 0 && parts->bits / 8 <= mechanism->max_key,
              CKR_KEY_SIZE_RANGE);
    parts->kind = KK_KEY_SECRET;
    KK_TRY(kk_secret_new(parts->bits / 8, &value));
    KK_TRY(kk_pbkdf2(crypto, hash, pbkdf2.password, pbkdf2.salt, pbkdf2.rounds, value));
    return kk_key_parts_set(parts, KK_PART_VALUE, kk_secret_span(value));
}

const struct kk_generate_ops kk_pbkdf2_ops = {.generate = generate, .any_type = true};
