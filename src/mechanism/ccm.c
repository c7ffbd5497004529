/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-CCM. The message's length is part of the parameter and the mode works on whole messages, so
 * parts are kept until the end, in both directions.
 */
#include "crypto/ccm.h"

#include "base/memory.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"
#include "mechanism/wrap_auth.h"

#include "base/banned.h"

struct ccm_context {
    struct kk_op_context head;
    struct kk_ccm ccm; /* spans into op->param and op->key */
    size_t data_len;   /* that the parameter promised */
    struct kk_buffer held;
};

static void ccm_context_free(void *context)
{
    struct ccm_context *self = context;
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV ccm_of(const struct kk_param *param, const struct kk_key *key, struct kk_ccm *ret_ccm)
{
    const CK_CCM_PARAMS *params = param->data;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_aes_key_of(key, &ret_ccm->key));
    ret_ccm->nonce = KK_SPAN(params->pNonce, params->ulNonceLen);
    ret_ccm->aad = KK_SPAN(params->pAAD, params->ulAADLen);
    ret_ccm->mac_len = params->ulMACLen;
    return kk_ccm_check(ret_ccm, 0);
}

static KK_RV data_len_of(const struct kk_param *param, const struct kk_ccm *ccm,
                         size_t *ret_data_len)
{
    const CK_CCM_PARAMS *params = param->data;
    KK_TRY(kk_ulong_to_size(params->ulDataLen, CKR_MECHANISM_PARAM_INVALID, ret_data_len));
    return kk_ccm_check(ccm, *ret_data_len);
}

static KK_RV ccm_init(struct kk_op *op)
{
    struct kk_ccm ccm = {0};
    size_t data_len = 0;
    KK_TRY(ccm_of(&op->param, op->key, &ccm));
    KK_TRY(data_len_of(&op->param, &ccm, &data_len));
    struct ccm_context *context = kk_op_reuse(op, ccm_context_free);
    if (context == NULL) {
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->held.wipe = op->kind == KK_OP_ENCRYPT;
        kk_op_install(op, &context->head, ccm_context_free);
    }
    context->ccm = ccm;
    context->data_len = data_len;
    kk_held_start(&context->held);
    return CKR_OK;
}

/* What the whole input must have. */
static size_t input_length(const struct kk_op *op)
{
    const struct ccm_context *context = op->context;
    return context->data_len + (op->kind == KK_OP_DECRYPT ? context->ccm.mac_len : 0);
}

static CK_RV length_code(const struct kk_op *op)
{
    return op->kind == KK_OP_ENCRYPT ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
}

static size_t ccm_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct ccm_context *context = op->context;
    size_t mac_len = context->ccm.mac_len;
    if (phase == KK_PHASE_UPDATE) {
        return 0;
    }
    size_t whole = phase == KK_PHASE_FINAL ? context->held.len : in_len;
    if (op->kind == KK_OP_ENCRYPT) {
        return whole + mac_len;
    }
    return whole < mac_len ? 0 : whole - mac_len;
}

/*= pkcs11-3.2 AES-CCM Authenticated Encryption / Decryption: the total length of data processed
 * must be ulDataLen */
static KK_RV ccm_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct ccm_context *context = op->context;
    KK_ENSURE(in.len == input_length(op), length_code(op));
    if (op->kind == KK_OP_ENCRYPT) {
        return kk_ccm_seal(op->crypto, &context->ccm, in, out, ret_len);
    }
    return kk_ccm_open(op->crypto, &context->ccm, in, out, ret_len);
}

static KK_RV ccm_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct ccm_context *context = op->context;
    (void)out;
    *ret_len = 0;
    return kk_held_put(&context->held, in, KK_MIN(input_length(op), kk_aead_most(op)),
                       length_code(op));
}

static KK_RV ccm_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct ccm_context *context = op->context;
    return ccm_single(op, kk_buffer_span(&context->held), out, ret_len);
}

/*= pkcs11-3.2 AES-CCM Authenticated Wrap / Unwrap: tokens shall ignore any value in ulDataLen */
static KK_RV ccm_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                             const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct kk_ccm ccm = {0};
    (void)mechanism;
    KK_TRY(ccm_of(param, key, &ccm));
    KK_ENSURE(plain_len > 0 && kk_ccm_check(&ccm, plain_len) == CKR_OK &&
                  kk_add(plain_len, ccm.mac_len, ret_len),
              CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static KK_RV ccm_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                      uint8_t *out, size_t *ret_len)
{
    struct kk_ccm ccm = {0};
    KK_TRY(ccm_wrap_length(mechanism, key, param, plain.len, ret_len));
    KK_TRY(ccm_of(param, key, &ccm));
    return kk_wrap_code(kk_ccm_seal(crypto, &ccm, plain, out, ret_len));
}

static KK_RV ccm_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                        struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    struct kk_ccm ccm = {0};
    size_t len = 0;
    (void)mechanism;
    KK_TRY(ccm_of(param, key, &ccm));
    KK_ENSURE(wrapped.len > ccm.mac_len && kk_ccm_check(&ccm, wrapped.len - ccm.mac_len) == CKR_OK,
              CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(kk_secret_new(wrapped.len - ccm.mac_len, &plain));
    KK_TRY(kk_wrap_code(kk_ccm_open(crypto, &ccm, wrapped, kk_secret_data(plain), &len)));
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

const struct kk_cipher_ops kk_ccm_ops = {
    .init = ccm_init,
    .bound = ccm_bound,
    .update = ccm_update,
    .final = ccm_final,
    .single = ccm_single,
    .exact = true,
};

const struct kk_wrap_ops kk_ccm_wrap_ops = {
    .length = ccm_wrap_length,
    .wrap = ccm_wrap,
    .unwrap = ccm_unwrap,
    .auth = &kk_ccm_wrap_auth_ops,
    .private_keys = true,
};
