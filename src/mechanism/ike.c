/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of IKE: SKEYID and SKEYSEED, what follows from SKEYID (RFC 2409), prf+ (RFC 7296), and the
 * longer keys of RFC 2409, section 5.5 and appendix B.
 *
 * The pseudo-random function is a MAC, named by its mechanism: an HMAC, AES-XCBC-MAC (RFC 4434) or
 * AES-CMAC (RFC 4615). The last two take keys of 16 bytes and make such a key of every other one.
 */
#include "base/memory.h"
#include "crypto/mac.h"
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define AES_KEY ((size_t)16)
#define ROUNDS_MAX ((size_t)255)

/* A pseudo-random function at work. */
struct prf {
    struct kk_op op;
    size_t size;
};

static void prf_close(struct prf *prf)
{
    if (prf->op.context != NULL) {
        prf->op.context_free(prf->op.context);
    }
    kk_key_unref(prf->op.key);
}

static bool is_aes(CK_MECHANISM_TYPE type)
{
    return type == CKM_AES_XCBC_MAC || type == CKM_AES_CMAC;
}

/* The row of the MAC; NULL for what IKE has not as pseudo-random function. */
static const struct kk_mechanism *row_of(CK_MECHANISM_TYPE type)
{
    const struct kk_mechanism_family *family = is_aes(type) ? &kk_family_aes : &kk_family_hmac;
    for (size_t i = 0; i < family->count; i++) {
        const struct kk_mechanism *row = &family->rows[i];
        if (row->type == type && row->shape == KK_PARAM_NONE) {
            return row;
        }
    }
    return NULL;
}

/* With a key of a length that the MAC takes. */
static KK_RV prf_open_with(struct kk_crypto *crypto, const struct kk_mechanism *row,
                           struct kk_span key, struct prf *prf)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    KK_TRY(kk_key_parts_set(&parts, KK_PART_VALUE, key));
    prf->op.mechanism = row;
    prf->op.kind = KK_OP_SIGN;
    prf->op.crypto = crypto;
    prf->size = row->detail;
    return kk_key_new(crypto, &parts, &prf->op.key);
}

/* The pieces one after the other; `out` has room for prf->size bytes. */
static KK_RV prf_compute(struct prf *prf, const struct kk_span *pieces, size_t count, uint8_t *out)
{
    const struct kk_sign_ops *mac = prf->op.mechanism->sign;
    size_t len = 0;
    CK_RV rv = mac->init(&prf->op);
    /* A hash that OpenSSL does not have. */
    KK_ENSURE(rv != CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(rv);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0) {
            KK_TRY(mac->update(&prf->op, pieces[i]));
        }
    }
    return mac->final(&prf->op, out, &len);
}

/* RFC 4434, 2 and RFC 4615, 3: AES-XCBC fills short keys up with zeros; what is too long, and with
 * AES-CMAC what is too short, goes through the function itself with a key of zeros. */
static KK_RV fit_aes_key(struct kk_crypto *crypto, const struct kk_mechanism *row,
                         struct kk_span key, uint8_t room[AES_KEY])
{
    static const uint8_t zeros[AES_KEY];
    KK_CLEANUP(prf_close) struct prf prf = {0};
    if (row->type == CKM_AES_XCBC_MAC && key.len < AES_KEY) {
        memset(room, 0, AES_KEY);
        memcpy(room, key.data, key.len);
        return CKR_OK;
    }
    KK_TRY(prf_open_with(crypto, row, KK_SPAN_ARRAY(zeros), &prf));
    return prf_compute(&prf, &key, 1, room);
}

static KK_RV prf_open(struct kk_crypto *crypto, CK_MECHANISM_TYPE type, struct kk_span key,
                      struct prf *prf)
{
    KK_SECRET_ARRAY(room, AES_KEY);
    const struct kk_mechanism *row = row_of(type);
    KK_ENSURE(row != NULL && key.len > 0, CKR_MECHANISM_PARAM_INVALID);
    if (!is_aes(type) || key.len == AES_KEY) {
        return prf_open_with(crypto, row, key, prf);
    }
    KK_TRY(fit_aes_key(crypto, row, key, room));
    return prf_open_with(crypto, row, KK_SPAN(room, AES_KEY), prf);
}

/* The value of the key that the parameter names at `i`. */
static KK_RV named_key(const struct kk_param *param, size_t i, struct kk_span *ret_value)
{
    KK_ENSURE(kk_param_key(param, i) != NULL, CKR_KEY_HANDLE_INVALID);
    return kk_secret_of(param->keys[i], ret_value);
}

/* What the function makes of the pieces, cut to `len` bytes; 0: all of it. */
static KK_RV once(struct prf *prf, const struct kk_span *pieces, size_t count, size_t len,
                  struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_ENSURE(len <= prf->size, CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(prf->size, &value));
    KK_TRY(prf_compute(prf, pieces, count, kk_secret_data(value)));
    if (len > 0) {
        kk_secret_truncate(value, len);
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

/* Blocks that each begin with the one before. What comes behind the seed is the number of the block
 * in IKEv2; in IKEv1 nothing, but a first block without any seed is made of a zero. */
static KK_RV expand(struct prf *prf, const struct kk_span seed[2], bool is_counted, size_t len,
                    struct kk_secret **ret_value)
{
    KK_SECRET_ARRAY(block, KK_MAC_MAX);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    /*= pkcs11-3.2 IKEv2 PRF PLUS DERIVE, IKEv1 Extended Derive: CKA_VALUE_LEN must be set, at most
     * to 255 times the size of the prf */
    KK_ENSURE(len > 0, CKR_TEMPLATE_INCOMPLETE);
    KK_ENSURE(len <= ROUNDS_MAX * prf->size, CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(len, &value));
    bool has_seed = seed[0].len > 0 || seed[1].len > 0;
    uint8_t tail = is_counted ? 1 : 0;
    for (size_t done = 0; done < len; done += prf->size) {
        bool has_tail = is_counted || (done == 0 && !has_seed);
        struct kk_span pieces[] = {KK_SPAN(block, done == 0 ? 0 : prf->size), seed[0], seed[1],
                                   KK_SPAN(&tail, has_tail ? 1 : 0)};
        KK_TRY(prf_compute(prf, pieces, KK_ARRAY_LEN(pieces), block));
        memcpy(kk_secret_data(value) + done, block, KK_MIN(prf->size, len - done));
        tail++;
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

/* --- what keys go in -------------------------------------------------------------------------- */

/* Whether the MAC takes keys of this type. A MAC that is none is refused later, by its name. */
static bool is_key_of(CK_MECHANISM_TYPE prf, CK_KEY_TYPE key_type)
{
    const struct kk_mechanism *row = row_of(prf);
    return row == NULL || kk_mechanism_takes(row, key_type);
}

/* --- CKM_IKE_PRF_DERIVE ----------------------------------------------------------------------- */

/* The nonces, one behind the other, as key. */
static KK_RV prf_open_with_nonces(struct kk_crypto *crypto, const CK_IKE_PRF_DERIVE_PARAMS *params,
                                  struct prf *prf)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer key = {.wipe = true};
    kk_buffer_put_span(&key, KK_SPAN(params->pNi, params->ulNiLen));
    kk_buffer_put_span(&key, KK_SPAN(params->pNr, params->ulNrLen));
    KK_TRY(kk_buffer_check(&key));
    return prf_open(crypto, params->prfMechanism, kk_buffer_span(&key), prf);
}

/* prf(Ni | Nr, g^ir), prf(pre-shared key, Ni | Nr), or prf(SK_d, g^ir (new) | Ni | Nr). */
static KK_RV ike_prf(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                     size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(prf_close) struct prf prf = {0};
    const CK_IKE_PRF_DERIVE_PARAMS *params = param->data;
    struct kk_span pieces[3] = {0};
    struct kk_span key = {0};
    (void)mechanism;
    KK_ENSURE(count == 1 && param->present, CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 IKE PRF DERIVE: if both are set, CKR_ARGUMENTS_BAD is returned */
    KK_ENSURE(!params->bDataAsKey || !params->bRekey, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_secret_of(base, &key));
    if (params->bDataAsKey) {
        KK_TRY(prf_open_with_nonces(crypto, params, &prf));
        pieces[0] = key;
    } else {
        KK_TRY(prf_open(crypto, params->prfMechanism, key, &prf));
        if (params->bRekey) {
            KK_TRY(named_key(param, 0, &pieces[0]));
        }
        pieces[1] = KK_SPAN(params->pNi, params->ulNiLen);
        pieces[2] = KK_SPAN(params->pNr, params->ulNrLen);
    }
    /*= pkcs11-3.2 IKE PRF DERIVE: CKA_VALUE_LEN must equal the underlying prf */
    KK_ENSURE(lengths[0] == 0 || lengths[0] == prf.size, CKR_KEY_SIZE_RANGE);
    return once(&prf, pieces, KK_ARRAY_LEN(pieces), 0, &ret_values[0]);
}

static bool ike_prf_uses_key(const struct kk_param *param, size_t i)
{
    const CK_IKE_PRF_DERIVE_PARAMS *params = param->data;
    (void)i;
    return params->bRekey != CK_FALSE;
}

/*= pkcs11-3.2 IKE PRF DERIVE: hNewKey is a CKK_GENERIC_SECRET, and so is baseKey where the nonces
 * are the key */
static bool ike_prf_key_fits(const struct kk_param *param, size_t i, CK_KEY_TYPE key_type)
{
    const CK_IKE_PRF_DERIVE_PARAMS *params = param->data;
    if (i == KK_BASE_KEY && !params->bDataAsKey) {
        return is_key_of(params->prfMechanism, key_type);
    }
    return key_type == CKK_GENERIC_SECRET;
}

/*= pkcs11-3.2 IKE PRF DERIVE: without CKA_KEY_TYPE it is the underlying key type of the prf */
static CK_KEY_TYPE ike_prf_type(const struct kk_param *param)
{
    const CK_IKE_PRF_DERIVE_PARAMS *params = param->data;
    const struct kk_mechanism *row = row_of(params->prfMechanism);
    return row == NULL ? CKK_GENERIC_SECRET : row->key_type;
}

/* --- CKM_IKE1_PRF_DERIVE ---------------------------------------------------------------------- */

/* The handles in the parameter, in their order. */
enum { IKE1_GXY, IKE1_PREVIOUS };

/* prf(SKEYID, previous key | g^xy | CKY-I | CKY-R | number). */
static KK_RV ike1_prf(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                      size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(prf_close) struct prf prf = {0};
    const CK_IKE1_PRF_DERIVE_PARAMS *params = param->data;
    struct kk_span key = {0};
    (void)mechanism;
    KK_ENSURE(count == 1 && param->present, CKR_MECHANISM_PARAM_INVALID);
    struct kk_span pieces[] = {
        {0},
        {0},
        KK_SPAN(params->pCKYi, params->ulCKYiLen),
        KK_SPAN(params->pCKYr, params->ulCKYrLen),
        KK_SPAN(&params->keyNumber, 1),
    };
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(prf_open(crypto, params->prfMechanism, key, &prf));
    if (params->bHasPrevKey) {
        KK_TRY(named_key(param, IKE1_PREVIOUS, &pieces[0]));
    }
    KK_TRY(named_key(param, IKE1_GXY, &pieces[1]));
    return once(&prf, pieces, KK_ARRAY_LEN(pieces), lengths[0], &ret_values[0]);
}

static bool ike1_prf_uses_key(const struct kk_param *param, size_t i)
{
    const CK_IKE1_PRF_DERIVE_PARAMS *params = param->data;
    return i == IKE1_GXY || params->bHasPrevKey != CK_FALSE;
}

/*= pkcs11-3.2 IKEv1 PRF DERIVE: hKeygxy is a CKK_GENERIC_SECRET, hPrevKey of any type */
static bool ike1_prf_key_fits(const struct kk_param *param, size_t i, CK_KEY_TYPE key_type)
{
    const CK_IKE1_PRF_DERIVE_PARAMS *params = param->data;
    if (i == KK_BASE_KEY) {
        return is_key_of(params->prfMechanism, key_type);
    }
    return i == IKE1_PREVIOUS || key_type == CKK_GENERIC_SECRET;
}

/*= pkcs11-3.2 IKEv1 PRF DERIVE: CKA_KEY_TYPE must be specified in the template */
static CK_KEY_TYPE ike1_prf_type(const struct kk_param *param)
{
    (void)param;
    return KK_NO_KEY_TYPE;
}

/* --- CKM_IKE2_PRF_PLUS_DERIVE ----------------------------------------------------------------- */

static KK_RV ike2_prf_plus(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                           size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(prf_close) struct prf prf = {0};
    const CK_IKE2_PRF_PLUS_DERIVE_PARAMS *params = param->data;
    struct kk_span key = {0};
    (void)mechanism;
    KK_ENSURE(count == 1 && param->present, CKR_MECHANISM_PARAM_INVALID);
    struct kk_span seed[2] = {{0}, KK_SPAN(params->pSeedData, params->ulSeedDataLen)};
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(prf_open(crypto, params->prfMechanism, key, &prf));
    if (params->bHasSeedKey) {
        KK_TRY(named_key(param, 0, &seed[0]));
    }
    return expand(&prf, seed, true, lengths[0], &ret_values[0]);
}

static bool ike2_uses_key(const struct kk_param *param, size_t i)
{
    const CK_IKE2_PRF_PLUS_DERIVE_PARAMS *params = param->data;
    (void)i;
    return params->bHasSeedKey != CK_FALSE;
}

static bool ike2_key_fits(const struct kk_param *param, size_t i, CK_KEY_TYPE key_type)
{
    const CK_IKE2_PRF_PLUS_DERIVE_PARAMS *params = param->data;
    return i != KK_BASE_KEY || is_key_of(params->prfMechanism, key_type);
}

/* --- CKM_IKE1_EXTENDED_DERIVE ----------------------------------------------------------------- */

/* RFC 2409, appendix B: a key as it is, made longer or shorter. */
static bool is_appendix_b(const struct kk_param *param)
{
    const CK_IKE1_EXTENDED_DERIVE_PARAMS *params = param->data;
    return !params->bHasKeygxy && params->ulExtraDataLen == 0;
}

static KK_RV ike1_extended(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                           size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(prf_close) struct prf prf = {0};
    const CK_IKE1_EXTENDED_DERIVE_PARAMS *params = param->data;
    struct kk_span key = {0};
    (void)mechanism;
    KK_ENSURE(count == 1 && param->present, CKR_MECHANISM_PARAM_INVALID);
    struct kk_span seed[2] = {{0}, KK_SPAN(params->pExtraData, params->ulExtraDataLen)};
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(prf_open(crypto, params->prfMechanism, key, &prf));
    if (params->bHasKeygxy) {
        KK_TRY(named_key(param, 0, &seed[0]));
    }
    /*= pkcs11-3.2 IKEv1 Extended Derive: at most the prf's length, and no hKeygxy: the base key,
     * truncated */
    if (is_appendix_b(param) && lengths[0] > 0 && lengths[0] <= prf.size) {
        KK_ENSURE(lengths[0] <= key.len, CKR_KEY_SIZE_RANGE);
        return kk_secret_from(KK_SPAN(key.data, lengths[0]), &ret_values[0]);
    }
    return expand(&prf, seed, false, lengths[0], &ret_values[0]);
}

static bool ike1_extended_uses_key(const struct kk_param *param, size_t i)
{
    const CK_IKE1_EXTENDED_DERIVE_PARAMS *params = param->data;
    (void)i;
    return params->bHasKeygxy != CK_FALSE;
}

static bool ike1_extended_key_fits(const struct kk_param *param, size_t i, CK_KEY_TYPE key_type)
{
    const CK_IKE1_EXTENDED_DERIVE_PARAMS *params = param->data;
    return i == KK_BASE_KEY ? is_key_of(params->prfMechanism, key_type)
                            : key_type == CKK_GENERIC_SECRET;
}

const struct kk_derive_ops kk_ike_prf_ops = {
    .derive = ike_prf,
    .uses_key = ike_prf_uses_key,
    .key_fits = ike_prf_key_fits,
    .type = ike_prf_type,
};

const struct kk_derive_ops kk_ike1_prf_ops = {
    .derive = ike1_prf,
    .uses_key = ike1_prf_uses_key,
    .key_fits = ike1_prf_key_fits,
    .type = ike1_prf_type,
};

const struct kk_derive_ops kk_ike2_prf_plus_ops = {
    .derive = ike2_prf_plus,
    .uses_key = ike2_uses_key,
    .key_fits = ike2_key_fits,
};

const struct kk_derive_ops kk_ike1_extended_ops = {
    .derive = ike1_extended,
    .uses_key = ike1_extended_uses_key,
    .key_fits = ike1_extended_key_fits,
    .gives_base = is_appendix_b,
};
