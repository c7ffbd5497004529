/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key derivations of SP 800-108: counter, feedback and double pipeline, with the input put
 * together as the parameter says, for one key or several.
 */
#include "base/memory.h"
#include "mechanism/operation.h"
#include "mechanism/prf.h"

#include "base/banned.h"

/* What both structures say. */
struct kdf {
    CK_MECHANISM_TYPE prf;
    const CK_PRF_DATA_PARAM *params;
    size_t param_count;
    struct kk_span iv;
    const CK_DERIVED_KEY *further;
    size_t further_count;
};

/* A run of the loop. */
struct run {
    const struct kk_mechanism *mechanism;
    const struct kk_param *param;
    const struct kdf *kdf;
    struct kk_mac *mac;
    uint64_t length_bits[2]; /* of all keys, of all segments */
    uint64_t counter;
    uint64_t counter_max;
    struct kk_span iteration; /* feedback: K(i-1); double pipeline: A(i) */
};

static struct kdf kdf_of(const struct kk_param *param)
{
    if (param->shape == KK_PARAM_SP800_108_FEEDBACK_KDF) {
        const CK_SP800_108_FEEDBACK_KDF_PARAMS *params = param->data;
        return (struct kdf){params->prfType,
                            params->pDataParams,
                            params->ulNumberOfDataParams,
                            KK_SPAN(params->pIV, params->ulIVLen),
                            params->pAdditionalDerivedKeys,
                            params->ulAdditionalDerivedKeys};
    }
    const CK_SP800_108_KDF_PARAMS *params = param->data;
    return (struct kdf){params->prfType,
                        params->pDataParams,
                        params->ulNumberOfDataParams,
                        KK_SPAN(NULL, 0),
                        params->pAdditionalDerivedKeys,
                        params->ulAdditionalDerivedKeys};
}

/* --- checks ----------------------------------------------------------------------------------- */

static KK_RV check_width(CK_ULONG bits)
{
    KK_ENSURE(bits >= 8 && bits <= 64 && bits % 8 == 0, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV check_counter(const CK_PRF_DATA_PARAM *param, uint64_t *ret_max)
{
    const CK_SP800_108_COUNTER_FORMAT *format = param->pValue;
    KK_ENSURE(format != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(check_width(format->ulWidthInBits));
    /*= pkcs11-3.2 Counter Mode KDF: the counter goes to 2^r - 1; the others' to 2^32 - 1 */
    CK_ULONG bits = KK_MIN(format->ulWidthInBits, 32UL);
    *ret_max = ((uint64_t)1 << bits) - 1;
    return CKR_OK;
}

static KK_RV check_length(const CK_PRF_DATA_PARAM *param)
{
    const CK_SP800_108_DKM_LENGTH_FORMAT *format = param->pValue;
    KK_ENSURE(format != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(format->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS ||
                  format->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS,
              CKR_MECHANISM_PARAM_INVALID);
    return check_width(format->ulWidthInBits);
}

/*= pkcs11-3.2 CK_PRF_DATA_PARAM: a format with the iteration variable of the counter mode, nothing
 * with the others'; the example of the feedback mode gives it one, which is not looked at */
static KK_RV check_iteration(const struct run *run, const CK_PRF_DATA_PARAM *param,
                             uint64_t *ret_max)
{
    if (run->mechanism->detail == KK_SP800_108_COUNTER_MODE) {
        return check_counter(param, ret_max);
    }
    return CKR_OK;
}

static KK_RV check_param(const struct run *run, const CK_PRF_DATA_PARAM *param, uint64_t *ret_max)
{
    switch (param->type) {
    case CK_SP800_108_ITERATION_VARIABLE:
        return check_iteration(run, param, ret_max);
    case CK_SP800_108_COUNTER:
        KK_ENSURE(run->mechanism->detail != KK_SP800_108_COUNTER_MODE, CKR_MECHANISM_PARAM_INVALID);
        return check_counter(param, ret_max);
    case CK_SP800_108_DKM_LENGTH:
        return check_length(param);
    case CK_SP800_108_BYTE_ARRAY:
        KK_ENSURE(param->ulValueLen > 0, CKR_MECHANISM_PARAM_INVALID);
        return CKR_OK;
    case CK_SP800_108_KEY_HANDLE:
        KK_ENSURE(param->pValue != NULL, CKR_MECHANISM_PARAM_INVALID);
        return CKR_OK;
    default:
        return CKR_MECHANISM_PARAM_INVALID;
    }
}

/*= pkcs11-3.2 SP800-108: the iteration variable is mandatory, once; counter and length are
 * optional, once. The example of the double pipeline leaves the iteration variable out: A(i) comes
 * first then */
static KK_RV check_params(struct run *run)
{
    size_t seen[CK_SP800_108_KEY_HANDLE + 1] = {0};
    run->counter_max = UINT32_MAX;
    for (size_t i = 0; i < run->kdf->param_count; i++) {
        const CK_PRF_DATA_PARAM *param = &run->kdf->params[i];
        KK_TRY(check_param(run, param, &run->counter_max));
        seen[param->type]++;
    }
    bool may_lack = run->mechanism->detail == KK_SP800_108_PIPELINE_MODE;
    KK_ENSURE(seen[CK_SP800_108_ITERATION_VARIABLE] == 1 ||
                  (may_lack && seen[CK_SP800_108_ITERATION_VARIABLE] == 0),
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(seen[CK_SP800_108_COUNTER] <= 1 && seen[CK_SP800_108_DKM_LENGTH] <= 1,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/* --- the input of the PRF --------------------------------------------------------------------- */

static KK_RV put_number(struct run *run, uint64_t number, CK_ULONG bits, bool little_endian)
{
    uint8_t bytes[8];
    size_t len = bits / 8;
    for (size_t i = 0; i < len; i++) {
        bytes[little_endian ? i : len - 1 - i] = (uint8_t)(number >> (8 * i));
    }
    return kk_mac_update(run->mac, KK_SPAN(bytes, len));
}

static KK_RV put_counter(struct run *run, const CK_PRF_DATA_PARAM *param)
{
    const CK_SP800_108_COUNTER_FORMAT *format = param->pValue;
    return put_number(run, run->counter, format->ulWidthInBits, format->bLittleEndian != CK_FALSE);
}

static KK_RV put_length(struct run *run, const CK_PRF_DATA_PARAM *param)
{
    const CK_SP800_108_DKM_LENGTH_FORMAT *format = param->pValue;
    bool segments = format->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS;
    return put_number(run, run->length_bits[segments ? 1 : 0], format->ulWidthInBits,
                      format->bLittleEndian != CK_FALSE);
}

static KK_RV put_iteration(struct run *run, const CK_PRF_DATA_PARAM *param)
{
    return run->mechanism->detail == KK_SP800_108_COUNTER_MODE
               ? put_counter(run, param)
               : kk_mac_update(run->mac, run->iteration);
}

static KK_RV put_key(struct run *run, size_t i)
{
    struct kk_span value = {0};
    KK_ENSURE(kk_param_key(run->param, i) != NULL, CKR_KEY_HANDLE_INVALID);
    KK_TRY(kk_secret_of(run->param->keys[i], &value));
    return kk_mac_update(run->mac, value);
}

/* `fixed`: without what changes from one round to the next. */
static KK_RV put_input(struct run *run, bool fixed)
{
    size_t keys = 0;
    bool has_iteration = fixed;
    for (size_t i = 0; i < run->kdf->param_count && !has_iteration; i++) {
        has_iteration = run->kdf->params[i].type == CK_SP800_108_ITERATION_VARIABLE;
    }
    if (!has_iteration) {
        KK_TRY(kk_mac_update(run->mac, run->iteration));
    }
    for (size_t i = 0; i < run->kdf->param_count; i++) {
        const CK_PRF_DATA_PARAM *param = &run->kdf->params[i];
        if (param->type == CK_SP800_108_BYTE_ARRAY) {
            KK_TRY(kk_mac_update(run->mac, KK_SPAN(param->pValue, param->ulValueLen)));
        } else if (param->type == CK_SP800_108_DKM_LENGTH) {
            KK_TRY(put_length(run, param));
        } else if (param->type == CK_SP800_108_KEY_HANDLE) {
            KK_TRY(put_key(run, keys++));
        } else if (!fixed && param->type == CK_SP800_108_COUNTER) {
            KK_TRY(put_counter(run, param));
        } else if (!fixed) {
            KK_TRY(put_iteration(run, param));
        }
    }
    return CKR_OK;
}

/* --- the loop --------------------------------------------------------------------------------- */

/* A(i) from A(i-1), the first one from the fixed input, which is A(0). */
static KK_RV next_pipeline(struct run *run, uint8_t *a)
{
    KK_TRY(kk_mac_start(run->mac));
    if (run->counter == 1) {
        KK_TRY(put_input(run, true));
    } else {
        KK_TRY(kk_mac_update(run->mac, run->iteration));
    }
    KK_TRY(kk_mac_finish(run->mac, a));
    run->iteration = KK_SPAN(a, kk_mac_size(run->mac));
    return CKR_OK;
}

static KK_RV next_segment(struct run *run, uint8_t *a, uint8_t *segment)
{
    run->counter++;
    if (run->mechanism->detail == KK_SP800_108_PIPELINE_MODE) {
        KK_TRY(next_pipeline(run, a));
    }
    KK_TRY(kk_mac_start(run->mac));
    KK_TRY(put_input(run, false));
    KK_TRY(kk_mac_finish(run->mac, segment));
    if (run->mechanism->detail == KK_SP800_108_FEEDBACK_MODE) {
        run->iteration = KK_SPAN(segment, kk_mac_size(run->mac));
    }
    return CKR_OK;
}

static size_t segments_of(size_t len, size_t segment)
{
    return len / segment + (len % segment != 0);
}

/*= pkcs11-3.2 Deriving Additional Keys: no key can be created using part of a segment that was used
 * for another key */
static KK_RV make_keys(struct run *run, const size_t *lengths, size_t count,
                       struct kk_secret **ret_values)
{
    KK_SECRET_ARRAY(segment, KK_MAC_MAX);
    KK_SECRET_ARRAY(a, KK_MAC_MAX);
    size_t size = kk_mac_size(run->mac);
    for (size_t i = 0; i < count; i++) {
        size_t len = lengths[i] != 0 ? lengths[i] : size;
        KK_TRY(kk_secret_new(len, &ret_values[i]));
        for (size_t done = 0; done < len; done += size) {
            KK_TRY(next_segment(run, a, segment));
            memcpy(kk_secret_data(ret_values[i]) + done, segment, KK_MIN(size, len - done));
        }
    }
    return CKR_OK;
}

static KK_RV measure(struct run *run, const size_t *lengths, size_t count)
{
    size_t size = kk_mac_size(run->mac);
    uint64_t keys = 0;
    uint64_t segments = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = lengths[i] != 0 ? lengths[i] : size;
        KK_ENSURE(len <= UINT32_MAX, CKR_KEY_SIZE_RANGE);
        keys += len;
        segments += segments_of(len, size);
    }
    KK_ENSURE(segments <= run->counter_max, CKR_KEY_SIZE_RANGE);
    run->length_bits[0] = keys * 8;
    run->length_bits[1] = segments * size * 8;
    return CKR_OK;
}

static void give_up(struct kk_secret **values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kk_secret_free(KK_STEAL(values[i]));
    }
}

static KK_RV derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                    size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    struct kk_span key = {0};
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    struct kdf kdf = kdf_of(param);
    struct run run = {.mechanism = mechanism, .param = param, .kdf = &kdf, .iteration = kdf.iv};
    KK_TRY(check_params(&run));
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(kk_prf_new(crypto, kdf.prf, key, &mac));
    run.mac = mac;
    KK_TRY(measure(&run, lengths, count));
    CK_RV rv = make_keys(&run, lengths, count, ret_values);
    if (rv != CKR_OK) {
        give_up(ret_values, count);
    }
    return rv;
}

static void further(const struct kk_param *param, const CK_DERIVED_KEY **ret_keys,
                    size_t *ret_count)
{
    struct kdf kdf = {0};
    if (param->present) {
        kdf = kdf_of(param);
    }
    *ret_keys = kdf.further;
    *ret_count = kdf.further_count;
}

const struct kk_derive_ops kk_sp800_108_ops = {
    .derive = derive, .further = further, .inherit = KK_INHERIT_DEFAULTS};
