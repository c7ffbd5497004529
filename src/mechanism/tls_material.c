/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys and IVs of a connection, cut from one key block.
 */
#include "base/memory.h"
#include "mechanism/operation.h"
#include "mechanism/tls.h"

#include "base/banned.h"

/* Bytes; no cipher suite has more. */
#define PART_MAX 512
#define IV_MAX 16

/* What the parameter says, of whichever version; bytes. */
struct material {
    struct kk_tls_prf prf;
    size_t mac;
    size_t key;
    size_t iv;
    const CK_SSL3_RANDOM_DATA *randoms;
    CK_SSL3_KEY_MAT_OUT *out;
};

/* The structure of TLS 1.2 is that of SSL 3.0 with one member more. */
KK_STATIC_ASSERT(offsetof(CK_SSL3_KEY_MAT_PARAMS, RandomInfo) ==
                         offsetof(CK_TLS12_KEY_MAT_PARAMS, RandomInfo) &&
                     offsetof(CK_SSL3_KEY_MAT_PARAMS, bIsExport) ==
                         offsetof(CK_TLS12_KEY_MAT_PARAMS, bIsExport) &&
                     offsetof(CK_SSL3_KEY_MAT_PARAMS, pReturnedKeyMaterial) ==
                         offsetof(CK_TLS12_KEY_MAT_PARAMS, pReturnedKeyMaterial),
                 "the two key material structures begin alike");

static KK_RV prf_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                    struct kk_tls_prf *ret_prf)
{
    if (mechanism->shape == KK_PARAM_SSL3_KEY_MAT) {
        ret_prf->function = (enum kk_tls_function)mechanism->detail;
        return CKR_OK;
    }
    const CK_TLS12_KEY_MAT_PARAMS *params = param->data;
    return kk_tls_prf_of(params->prfHashMechanism, false, ret_prf);
}

static KK_RV bytes_of(CK_ULONG bits, size_t most, size_t *ret_bytes)
{
    KK_ENSURE(bits % 8 == 0 && bits / 8 <= most, CKR_MECHANISM_PARAM_INVALID);
    *ret_bytes = bits / 8;
    return CKR_OK;
}

/* Bytes of the key block that are IVs leave the token in clear. The standard warns that whoever
 * asks for shorter keys gets key bytes as IVs; an IV without a key has no use at all. */
static KK_RV sizes_of(const struct kk_mechanism *mechanism, const CK_SSL3_KEY_MAT_PARAMS *params,
                      struct material *material)
{
    KK_TRY(bytes_of(params->ulMacSizeInBits, PART_MAX, &material->mac));
    KK_TRY(bytes_of(params->ulKeySizeInBits, PART_MAX, &material->key));
    /*= pkcs11-3.2 CKM_TLS12_KEY_SAFE_DERIVE: ulIvSizeInBits is ignored and treated as 0 */
    if (mechanism->shape != KK_PARAM_TLS12_KEY_SAFE) {
        KK_TRY(bytes_of(params->ulIVSizeInBits, IV_MAX, &material->iv));
    }
    KK_ENSURE(material->key > 0 || (material->mac > 0 && material->iv == 0),
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV material_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                         struct material *ret_material)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    const CK_SSL3_KEY_MAT_PARAMS *params = param->data;
    KK_TRY(prf_of(mechanism, param, &ret_material->prf));
    KK_TRY(sizes_of(mechanism, params, ret_material));
    /*= pkcs11-3.2 CK_TLS12_KEY_MAT_PARAMS: bIsExport must be set to CK_FALSE */
    KK_ENSURE(params->bIsExport == CK_FALSE, CKR_MECHANISM_PARAM_INVALID);
    ret_material->randoms = &params->RandomInfo;
    KK_ENSURE(params->RandomInfo.ulClientRandomLen > 0 && params->RandomInfo.ulServerRandomLen > 0,
              CKR_MECHANISM_PARAM_INVALID);
    ret_material->out = params->pReturnedKeyMaterial;
    KK_ENSURE(ret_material->out != NULL, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/*= pkcs11-3.2 Key and MAC derivation: four keys; those for MACs of SSL 3.0 are flagged as valid for
 * derivation too, those of TLS 1.2 are not */
static KK_RV keys(const struct kk_mechanism *mechanism, const struct kk_param *param,
                  struct kk_material *ret_material)
{
    struct material material = {0};
    KK_TRY(material_of(mechanism, param, &material));
    CK_SSL3_KEY_MAT_OUT *out = material.out;
    *ret_material = (struct kk_material){.keys = {{&out->hClientMacSecret, material.mac, true},
                                                  {&out->hServerMacSecret, material.mac, true},
                                                  {&out->hClientKey, material.key, false},
                                                  {&out->hServerKey, material.key, false}},
                                         .count = 4,
                                         .macs_derive = mechanism->shape == KK_PARAM_SSL3_KEY_MAT};
    return CKR_OK;
}

/* RFC 5246, 6.3: the server's random number comes first here. */
static KK_RV key_block(struct kk_crypto *crypto, const struct material *material,
                       struct kk_span secret, struct kk_secret **ret_block)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *block = NULL;
    const CK_SSL3_RANDOM_DATA *randoms = material->randoms;
    const struct kk_span seed[] = {KK_SPAN(randoms->pServerRandom, randoms->ulServerRandomLen),
                                   KK_SPAN(randoms->pClientRandom, randoms->ulClientRandomLen)};
    size_t len = 2 * (material->mac + material->key + material->iv);
    KK_TRY(kk_secret_new(len, &block));
    CK_RV rv = kk_tls_expand(crypto, &material->prf, secret, KK_SPAN_TEXT("key expansion"), seed,
                             KK_ARRAY_LEN(seed), kk_secret_data(block), len);
    KK_ENSURE(rv != CKR_KEY_SIZE_RANGE, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(rv);
    *ret_block = KK_STEAL(block);
    return CKR_OK;
}

static void take_ivs(const struct material *material, struct kk_reader *block)
{
    if (material->iv > 0) {
        memcpy(material->out->pIVClient, kk_reader_take(block, material->iv).data, material->iv);
        memcpy(material->out->pIVServer, kk_reader_take(block, material->iv).data, material->iv);
    }
}

static KK_RV take_keys(struct kk_reader *block, const size_t *lengths, size_t count,
                       struct kk_secret **ret_values)
{
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < count && rv == CKR_OK; i++) {
        rv = kk_secret_from(kk_reader_take(block, lengths[i]), &ret_values[i]);
    }
    for (size_t i = 0; i < count && rv != CKR_OK; i++) {
        kk_secret_free(KK_STEAL(ret_values[i]));
    }
    return rv;
}

/* The lengths are what keys() said. */
static KK_RV derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                    size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *block = NULL;
    struct material material = {0};
    struct kk_span secret = {0};
    size_t wanted = 0;
    KK_TRY(material_of(mechanism, param, &material));
    for (size_t i = 0; i < count; i++) {
        wanted += lengths[i];
    }
    KK_ENSURE(wanted == 2 * (material.mac + material.key), CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_of(base, &secret));
    KK_ENSURE(secret.len == KK_TLS_MASTER, CKR_KEY_SIZE_RANGE);
    KK_TRY(key_block(crypto, &material, secret, &block));
    struct kk_reader reader = kk_reader_new(kk_secret_span(block));
    KK_TRY(take_keys(&reader, lengths, count, ret_values));
    take_ivs(&material, &reader);
    return CKR_OK;
}

const struct kk_derive_ops kk_tls_material_ops = {
    .derive = derive, .material = keys, .inherit = KK_INHERIT_SAME, .makes = KK_DERIVED_MATERIAL};
