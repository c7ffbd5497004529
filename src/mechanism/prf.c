/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo-random functions and hashes by the numbers that parameters have for them: the rows of the
 * digests and of the HMACs say the rest.
 */
#include "mechanism/prf.h"

#include <stdio.h>

#include "base/memory.h"
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* Rows with a parameter (a cut length) are none of these. */
static const struct kk_mechanism *find(const struct kk_mechanism_family *family,
                                       CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < family->count; i++) {
        if (family->rows[i].type == type && family->rows[i].shape == KK_PARAM_NONE) {
            return &family->rows[i];
        }
    }
    return NULL;
}

static KK_RV hash_in(const struct kk_mechanism_family *family, CK_MECHANISM_TYPE type,
                     const char **ret_name, size_t *ret_len)
{
    const struct kk_mechanism *row = find(family, type);
    KK_ENSURE(row != NULL && row->hash != NULL, CKR_MECHANISM_PARAM_INVALID);
    *ret_name = row->hash;
    *ret_len = row->detail;
    return CKR_OK;
}

KK_RV kk_hash_of(CK_MECHANISM_TYPE type, const char **ret_name, size_t *ret_len)
{
    return hash_in(&kk_family_digest, type, ret_name, ret_len);
}

KK_RV kk_hmac_hash_of(CK_MECHANISM_TYPE type, const char **ret_name, size_t *ret_len)
{
    return hash_in(&kk_family_hmac, type, ret_name, ret_len);
}

static KK_RV new_aes_cmac(struct kk_crypto *crypto, struct kk_span key, struct kk_mac **ret_mac)
{
    char name[32];
    KK_ENSURE(key.len == 16 || key.len == 24 || key.len == 32, CKR_KEY_SIZE_RANGE);
    snprintf(name, sizeof name, "AES-%zu-CBC", key.len * 8);
    return kk_mac_new_cmac(crypto, name, key, ret_mac);
}

/* Two parts of a double-length key stand for three. */
static KK_RV new_des3_cmac(struct kk_crypto *crypto, struct kk_span key, struct kk_mac **ret_mac)
{
    KK_SECRET_ARRAY(room, KK_BLOCK_KEY_ROOM);
    KK_ENSURE(key.len == 16 || key.len == 24, CKR_KEY_SIZE_RANGE);
    for (size_t i = 0; i < sizeof room; i++) {
        room[i] = key.data[i % key.len];
    }
    return kk_mac_new_cmac(crypto, "DES-EDE3-CBC", KK_SPAN_ARRAY(room), ret_mac);
}

KK_RV kk_prf_new(struct kk_crypto *crypto, CK_MECHANISM_TYPE type, struct kk_span key,
                 struct kk_mac **ret_mac)
{
    const char *hash = NULL;
    size_t len = 0;
    if (type == CKM_AES_CMAC) {
        return new_aes_cmac(crypto, key, ret_mac);
    }
    if (type == CKM_DES3_CMAC) {
        return new_des3_cmac(crypto, key, ret_mac);
    }
    KK_TRY(kk_hmac_hash_of(type, &hash, &len));
    CK_RV rv = kk_mac_new_hmac(crypto, hash, key, ret_mac);
    return rv == CKR_MECHANISM_INVALID ? CKR_MECHANISM_PARAM_INVALID : rv;
}

KK_RV kk_prf_compute(struct kk_mac *mac, const struct kk_span *pieces, size_t count, uint8_t *out)
{
    KK_TRY(kk_mac_start(mac));
    for (size_t i = 0; i < count; i++) {
        KK_TRY(kk_mac_update(mac, pieces[i]));
    }
    return kk_mac_finish(mac, out);
}
