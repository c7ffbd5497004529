/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HKDF of RFC 5869: extract, expand, or both. The result is a key, or a data object.
 */
#include "base/memory.h"
#include "mechanism/operation.h"
#include "mechanism/prf.h"

#include "base/banned.h"

/* What CK_HKDF_PARAMS says, checked. */
struct hkdf {
    bool extract;
    bool expand;
    const char *hash;
    size_t hash_len;
    struct kk_span salt;
    struct kk_span info;
};

static KK_RV salt_of(const struct kk_param *param, struct kk_span *ret_salt)
{
    const CK_HKDF_PARAMS *params = param->data;
    if (params->ulSaltType == CKF_HKDF_SALT_NULL) {
        return CKR_OK;
    }
    if (params->ulSaltType == CKF_HKDF_SALT_DATA) {
        *ret_salt = KK_SPAN(params->pSalt, params->ulSaltLen);
        return CKR_OK;
    }
    KK_ENSURE(params->ulSaltType == CKF_HKDF_SALT_KEY, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(kk_param_key(param, 0) != NULL, CKR_KEY_HANDLE_INVALID);
    return kk_secret_of(param->keys[0], ret_salt);
}

/*= pkcs11-3.2 CK_HKDF_PARAMS: prfHashMechanism is the base hash. Java names the HMAC with that
 * hash, as NSS lets it, and can mean nothing else. */
static KK_RV base_hash(const CK_HKDF_PARAMS *params, struct hkdf *ret_hkdf)
{
    if (kk_hash_of(params->prfHashMechanism, &ret_hkdf->hash, &ret_hkdf->hash_len) == CKR_OK) {
        return CKR_OK;
    }
    return kk_hmac_hash_of(params->prfHashMechanism, &ret_hkdf->hash, &ret_hkdf->hash_len);
}

/*= pkcs11-3.2 HKDF derive: either bExtract or bExpand must be set to true; salt and info are
 * ignored where their step is left out */
static KK_RV hkdf_of(const struct kk_param *param, struct hkdf *ret_hkdf)
{
    const CK_HKDF_PARAMS *params = param->data;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    ret_hkdf->extract = params->bExtract != CK_FALSE;
    ret_hkdf->expand = params->bExpand != CK_FALSE;
    KK_ENSURE(ret_hkdf->extract || ret_hkdf->expand, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(base_hash(params, ret_hkdf));
    if (ret_hkdf->expand) {
        ret_hkdf->info = KK_SPAN(params->pInfo, params->ulInfoLen);
    }
    return ret_hkdf->extract ? salt_of(param, &ret_hkdf->salt) : CKR_OK;
}

static KK_RV extract(struct kk_crypto *crypto, const struct hkdf *hkdf, struct kk_span key,
                     struct kk_secret **ret_prk)
{
    static const uint8_t zeros[KK_MAC_MAX];
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *prk = NULL;
    struct kk_span salt = hkdf->salt.len > 0 ? hkdf->salt : KK_SPAN(zeros, hkdf->hash_len);
    KK_TRY(kk_mac_new_hmac(crypto, hkdf->hash, salt, &mac));
    KK_TRY(kk_secret_new(hkdf->hash_len, &prk));
    KK_TRY(kk_prf_compute(mac, &key, 1, kk_secret_data(prk)));
    *ret_prk = KK_STEAL(prk);
    return CKR_OK;
}

static KK_RV expand(struct kk_crypto *crypto, const struct hkdf *hkdf, struct kk_span prk,
                    size_t len, struct kk_secret **ret_value)
{
    KK_SECRET_ARRAY(block, KK_MAC_MAX);
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    uint8_t counter = 1;
    KK_ENSURE(len <= 255 * hkdf->hash_len, CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_mac_new_hmac(crypto, hkdf->hash, prk, &mac));
    KK_TRY(kk_secret_new(len, &value));
    for (size_t done = 0; done < len; done += hkdf->hash_len, counter++) {
        struct kk_span pieces[] = {KK_SPAN(block, done == 0 ? 0 : hkdf->hash_len), hkdf->info,
                                   KK_SPAN(&counter, 1)};
        KK_TRY(kk_prf_compute(mac, pieces, KK_ARRAY_LEN(pieces), block));
        memcpy(kk_secret_data(value) + done, block, KK_MIN(hkdf->hash_len, len - done));
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

static KK_RV derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                    size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *prk = NULL;
    struct hkdf hkdf = {0};
    struct kk_span key = {0};
    (void)mechanism;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_TRY(hkdf_of(param, &hkdf));
    KK_TRY(kk_secret_of(base, &key));
    if (hkdf.extract) {
        KK_TRY(extract(crypto, &hkdf, key, &prk));
        key = kk_secret_span(prk);
    }
    if (!hkdf.expand) {
        KK_ENSURE(lengths[0] == 0 || lengths[0] == hkdf.hash_len, CKR_KEY_SIZE_RANGE);
        ret_values[0] = KK_STEAL(prk);
        return CKR_OK;
    }
    /*= pkcs11-3.2 HKDF derive: with bExpand CKA_VALUE_LEN should be set to the desired length */
    KK_ENSURE(lengths[0] > 0, CKR_TEMPLATE_INCOMPLETE);
    return expand(crypto, &hkdf, key, lengths[0], &ret_values[0]);
}

/* The salt's handle, when the salt is no key, may be anything. */
static bool uses_key(const struct kk_param *param, size_t i)
{
    const CK_HKDF_PARAMS *params = param->data;
    (void)i;
    return params->bExtract != CK_FALSE && params->ulSaltType == CKF_HKDF_SALT_KEY;
}

const struct kk_derive_ops kk_hkdf_ops = {.derive = derive, .uses_key = uses_key};
const struct kk_derive_ops kk_hkdf_data_ops = {
    .derive = derive, .uses_key = uses_key, .makes = KK_DERIVED_DATA};
