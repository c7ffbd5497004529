/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-DSA and SLH-DSA: from a row and a parameter to a scheme of crypto/pq_sign.h. row->hash is the
 * hash of the mechanisms that hash the message; row->detail is 1 where the data is a hash already
 * and the parameter names it.
 */
#include "crypto/pq_sign.h"

#include "base/memory.h"
#include "mechanism/asym.h"

static const struct {
    CK_MECHANISM_TYPE hash;
    const char *name;
} hashes[] = {
    {CKM_SHA224, "SHA224"},         {CKM_SHA256, "SHA256"},     {CKM_SHA384, "SHA384"},
    {CKM_SHA512, "SHA512"},         {CKM_SHA3_224, "SHA3-224"}, {CKM_SHA3_256, "SHA3-256"},
    {CKM_SHA3_384, "SHA3-384"},     {CKM_SHA3_512, "SHA3-512"}, {CKM_SHA512_224, "SHA512-224"},
    {CKM_SHA512_256, "SHA512-256"},
};

static KK_RV hash_of(CK_MECHANISM_TYPE type, const char **ret_name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].hash == type) {
            *ret_name = hashes[i].name;
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

/*= pkcs11-3.2 ML-DSA Signature: on verification the hedgeVariant parameter is ignored */
static KK_RV read_hedge(const struct kk_op *op, CK_HEDGE_TYPE hedge, struct kk_pq_scheme *scheme)
{
    bool is_one = hedge == CKH_HEDGE_PREFERRED || hedge == CKH_HEDGE_REQUIRED ||
                  hedge == CKH_DETERMINISTIC_REQUIRED;
    KK_ENSURE(is_one || op->kind == KK_OP_VERIFY, CKR_MECHANISM_PARAM_INVALID);
    scheme->is_deterministic = hedge == CKH_DETERMINISTIC_REQUIRED;
    return CKR_OK;
}

static KK_RV read_context(const CK_BYTE *context, CK_ULONG context_len, struct kk_pq_scheme *scheme)
{
    size_t len = 0;
    KK_TRY(kk_ulong_to_size(context_len, CKR_MECHANISM_PARAM_INVALID, &len));
    KK_ENSURE(context != NULL || len == 0, CKR_MECHANISM_PARAM_INVALID);
    scheme->context = KK_SPAN(context, len);
    return CKR_OK;
}

static KK_RV scheme_of(const struct kk_op *op, struct kk_pq_scheme *ret_scheme)
{
    *ret_scheme =
        (struct kk_pq_scheme){.hash = op->mechanism->hash, .is_hashed = op->mechanism->detail != 0};
    if (ret_scheme->is_hashed) {
        KK_ENSURE(op->param.present, CKR_MECHANISM_PARAM_INVALID);
        const CK_HASH_SIGN_ADDITIONAL_CONTEXT *params = op->param.data;
        KK_TRY(hash_of(params->hash, &ret_scheme->hash));
        KK_TRY(read_hedge(op, params->hedgeVariant, ret_scheme));
        return read_context(params->pContext, params->ulContextLen, ret_scheme);
    }
    if (!op->param.present) {
        return CKR_OK;
    }
    const CK_SIGN_ADDITIONAL_CONTEXT *params = op->param.data;
    KK_TRY(read_hedge(op, params->hedgeVariant, ret_scheme));
    return read_context(params->pContext, params->ulContextLen, ret_scheme);
}

static void context_free(void *context)
{
    kk_pq_free(context);
}

static KK_RV pq_init(struct kk_op *op)
{
    struct kk_pq_scheme scheme;
    KK_ENSURE(kk_key_kind(op->key) == kk_key_kind_of(op->mechanism->key_type),
              CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(scheme_of(op, &scheme));
    struct kk_pq_op *pq = kk_asym_context(op, context_free);
    CK_RV rv = kk_pq_begin(op->crypto, op->key, kk_asym_use_of(op->kind), &scheme, &pq);
    kk_asym_context_keep(op, pq, context_free);
    return rv;
}

static size_t pq_length(const struct kk_op *op)
{
    return kk_pq_length(op->key);
}

static KK_RV pq_update(struct kk_op *op, struct kk_span in)
{
    return kk_pq_update(op->context, in);
}

static KK_RV pq_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    return kk_pq_sign(op->context, in, out, ret_len);
}

static KK_RV pq_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    return kk_pq_sign(op->context, KK_SPAN(NULL, 0), out, ret_len);
}

static KK_RV pq_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    return kk_pq_verify(op->context, in, signature);
}

static KK_RV pq_verify_final(struct kk_op *op, struct kk_span signature)
{
    return kk_pq_verify(op->context, KK_SPAN(NULL, 0), signature);
}

const struct kk_sign_ops kk_pq_ops = {
    .init = pq_init,
    .length = pq_length,
    .update = pq_update,
    .final = pq_final,
    .single = pq_single,
    .verify_single = pq_verify_single,
    .verify_final = pq_verify_final,
};

const struct kk_sign_ops kk_pq_hashed_ops = {
    .init = pq_init,
    .length = pq_length,
    .single = pq_single,
    .verify_single = pq_verify_single,
};
