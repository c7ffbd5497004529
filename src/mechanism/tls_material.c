/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys and IVs of a connection, cut from one key block; in WTLS those of one side.
 */
#include "base/memory.h"
#include "mechanism/operation.h"
#include "mechanism/tls.h"

#include "base/banned.h"

/* Bytes; no cipher suite has more. */
#define PART_MAX 512
#define IV_MAX 16

/* What the parameter says, of whichever version. */
struct material {
    struct kk_tls_prf prf;
    struct kk_span label;
    uint8_t sequence[2]; /* WTLS: in front of the random numbers */
    size_t sequence_size;
    struct kk_span server;
    struct kk_span client;
    size_t master; /* bytes of the base key */
    struct kk_material keys;
    uint8_t *ivs[2];
    size_t iv_count;
    size_t iv; /* bytes of one */
};

/* The structure of TLS 1.2 is that of SSL 3.0 with one member more. */
KK_STATIC_ASSERT(offsetof(CK_SSL3_KEY_MAT_PARAMS, RandomInfo) ==
                         offsetof(CK_TLS12_KEY_MAT_PARAMS, RandomInfo) &&
                     offsetof(CK_SSL3_KEY_MAT_PARAMS, bIsExport) ==
                         offsetof(CK_TLS12_KEY_MAT_PARAMS, bIsExport) &&
                     offsetof(CK_SSL3_KEY_MAT_PARAMS, pReturnedKeyMaterial) ==
                         offsetof(CK_TLS12_KEY_MAT_PARAMS, pReturnedKeyMaterial),
                 "the two key material structures begin alike");

static KK_RV bytes_of(CK_ULONG bits, size_t most, size_t *ret_bytes)
{
    KK_ENSURE(bits % 8 == 0 && bits / 8 <= most, CKR_MECHANISM_PARAM_INVALID);
    *ret_bytes = bits / 8;
    return CKR_OK;
}

/* Bytes of the key block that are IVs leave the token in clear. The standard warns that whoever
 * asks for shorter keys gets key bytes as IVs; an IV without a key has no use at all. */
static KK_RV use_sizes(CK_ULONG mac_bits, CK_ULONG key_bits, CK_ULONG iv_bits,
                       struct material *material)
{
    size_t mac = 0;
    size_t key = 0;
    KK_TRY(bytes_of(mac_bits, PART_MAX, &mac));
    KK_TRY(bytes_of(key_bits, PART_MAX, &key));
    KK_TRY(bytes_of(iv_bits, IV_MAX, &material->iv));
    KK_ENSURE(key > 0 || (mac > 0 && material->iv == 0), CKR_MECHANISM_PARAM_INVALID);
    for (size_t i = 0; i < material->keys.count; i++) {
        material->keys.keys[i].len = material->keys.keys[i].is_mac ? mac : key;
    }
    return CKR_OK;
}

static KK_RV prf_of(const struct kk_mechanism *mechanism, const void *data,
                    struct kk_tls_prf *ret_prf)
{
    if (mechanism->shape == KK_PARAM_SSL3_KEY_MAT) {
        ret_prf->function = (enum kk_tls_function)mechanism->detail;
        return CKR_OK;
    }
    const CK_TLS12_KEY_MAT_PARAMS *params = data;
    return kk_tls_prf_of(params->prfHashMechanism, false, ret_prf);
}

/*= pkcs11-3.2 Key and MAC derivation: four keys; those for MACs of SSL 3.0 are flagged as valid for
 * derivation too, those of TLS 1.2 are not */
static KK_RV read_tls(const struct kk_mechanism *mechanism, const void *data,
                      struct material *material)
{
    const CK_SSL3_KEY_MAT_PARAMS *params = data;
    const CK_SSL3_RANDOM_DATA *randoms = &params->RandomInfo;
    CK_SSL3_KEY_MAT_OUT *out = params->pReturnedKeyMaterial;
    KK_ENSURE(out != NULL, CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 CK_TLS12_KEY_MAT_PARAMS: bIsExport must be set to CK_FALSE */
    KK_ENSURE(params->bIsExport == CK_FALSE, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(prf_of(mechanism, data, &material->prf));
    material->label = KK_SPAN_TEXT("key expansion");
    material->server = KK_SPAN(randoms->pServerRandom, randoms->ulServerRandomLen);
    material->client = KK_SPAN(randoms->pClientRandom, randoms->ulClientRandomLen);
    material->master = KK_TLS_MASTER;
    material->keys = (struct kk_material){.keys = {{&out->hClientMacSecret, 0, true},
                                                   {&out->hServerMacSecret, 0, true},
                                                   {&out->hClientKey, 0, false},
                                                   {&out->hServerKey, 0, false}},
                                          .count = 4,
                                          .macs_derive = mechanism->shape == KK_PARAM_SSL3_KEY_MAT};
    /*= pkcs11-3.2 CKM_TLS12_KEY_SAFE_DERIVE: ulIvSizeInBits is ignored and treated as 0 */
    bool has_ivs = mechanism->shape != KK_PARAM_TLS12_KEY_SAFE;
    material->ivs[0] = out->pIVClient;
    material->ivs[1] = out->pIVServer;
    material->iv_count = 2;
    return use_sizes(params->ulMacSizeInBits, params->ulKeySizeInBits,
                     has_ivs ? params->ulIVSizeInBits : 0, material);
}

/*= pkcs11-3.2 Server Key and MAC derivation: two keys and one IV */
/* WTLS, 11.2: the sequence number has 16 bits. */
static KK_RV read_wtls(const struct kk_mechanism *mechanism, const void *data,
                       struct material *material)
{
    const CK_WTLS_KEY_MAT_PARAMS *params = data;
    const CK_WTLS_RANDOM_DATA *randoms = &params->RandomInfo;
    CK_WTLS_KEY_MAT_OUT *out = params->pReturnedKeyMaterial;
    KK_ENSURE(out != NULL && params->bIsExport == CK_FALSE, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulSequenceNumber <= UINT16_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_wtls_prf_of(params->DigestMechanism, &material->prf));
    material->label = mechanism->detail == KK_WTLS_SERVER ? KK_SPAN_TEXT("server expansion")
                                                          : KK_SPAN_TEXT("client expansion");
    material->sequence[0] = (uint8_t)(params->ulSequenceNumber >> 8);
    material->sequence[1] = (uint8_t)params->ulSequenceNumber;
    material->sequence_size = 2;
    material->server = KK_SPAN(randoms->pServerRandom, randoms->ulServerRandomLen);
    material->client = KK_SPAN(randoms->pClientRandom, randoms->ulClientRandomLen);
    material->master = KK_WTLS_MASTER;
    material->keys =
        (struct kk_material){.keys = {{&out->hMacSecret, 0, true}, {&out->hKey, 0, false}},
                             .count = 2,
                             .macs_derive = true};
    material->ivs[0] = out->pIV;
    material->iv_count = 1;
    return use_sizes(params->ulMacSizeInBits, params->ulKeySizeInBits, params->ulIVSizeInBits,
                     material);
}

static KK_RV material_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                         struct material *ret_material)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    bool is_wtls = mechanism->shape == KK_PARAM_WTLS_KEY_MAT;
    KK_TRY(is_wtls ? read_wtls(mechanism, param->data, ret_material)
                   : read_tls(mechanism, param->data, ret_material));
    KK_ENSURE(ret_material->client.len > 0 && ret_material->server.len > 0,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV keys(const struct kk_mechanism *mechanism, const struct kk_param *param,
                  struct kk_material *ret_material)
{
    struct material material = {0};
    KK_TRY(material_of(mechanism, param, &material));
    *ret_material = material.keys;
    return CKR_OK;
}

static size_t keys_size(const struct material *material)
{
    size_t size = 0;
    for (size_t i = 0; i < material->keys.count; i++) {
        size += material->keys.keys[i].len;
    }
    return size;
}

/* RFC 5246, 6.3: the server's random number comes first here. */
static KK_RV key_block(struct kk_crypto *crypto, const struct material *material,
                       struct kk_span secret, struct kk_secret **ret_block)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *block = NULL;
    const struct kk_span seed[] = {KK_SPAN(material->sequence, material->sequence_size),
                                   material->server, material->client};
    size_t len = keys_size(material) + material->iv_count * material->iv;
    KK_TRY(kk_secret_new(len, &block));
    CK_RV rv = kk_tls_expand(crypto, &material->prf, secret, material->label, seed,
                             KK_ARRAY_LEN(seed), kk_secret_data(block), len);
    KK_ENSURE(rv != CKR_KEY_SIZE_RANGE, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(rv);
    *ret_block = KK_STEAL(block);
    return CKR_OK;
}

static void take_ivs(const struct material *material, struct kk_reader *block)
{
    for (size_t i = 0; i < material->iv_count && material->iv > 0; i++) {
        memcpy(material->ivs[i], kk_reader_take(block, material->iv).data, material->iv);
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
    KK_ENSURE(wanted == keys_size(&material), CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_of(base, &secret));
    KK_ENSURE(secret.len == material.master, CKR_KEY_SIZE_RANGE);
    KK_TRY(key_block(crypto, &material, secret, &block));
    struct kk_reader reader = kk_reader_new(kk_secret_span(block));
    KK_TRY(take_keys(&reader, lengths, count, ret_values));
    take_ivs(&material, &reader);
    return CKR_OK;
}

const struct kk_derive_ops kk_tls_material_ops = {
    .derive = derive, .material = keys, .inherit = KK_INHERIT_SAME, .makes = KK_DERIVED_MATERIAL};
