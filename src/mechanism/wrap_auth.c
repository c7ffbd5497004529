/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrapping with associated data. The row's own wrapping puts the tag behind the ciphertext; here
 * the two are parted and put together again.
 */
#include "mechanism/wrap_auth.h"

#include <string.h>

#include "base/memory.h"
#include "mechanism/iv.h"

#include "base/banned.h"

/* So many bits of a random IV must not be fixed, unless none is. */
#define FREE_BITS_MIN 64

union inner_params {
    CK_GCM_PARAMS gcm;
    CK_CCM_PARAMS ccm;
};

/* A row's own parameter, on the stack. */
struct inner {
    struct kk_param param;
    union inner_params params;
};

static KK_RV read_message(const struct kk_mechanism *mechanism, const struct kk_param *param,
                          struct kk_wrap_message *ret_message)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    return mechanism->wrap->auth->read(param->data, ret_message);
}

static void make_inner(const struct kk_mechanism *mechanism, const struct kk_wrap_message *message,
                       struct kk_span aad, struct inner *ret_inner)
{
    kk_param_init(&ret_inner->param);
    memset(&ret_inner->params, 0, sizeof ret_inner->params);
    mechanism->wrap->auth->inner(message, aad, &ret_inner->params);
    ret_inner->param.shape = mechanism->shape;
    ret_inner->param.present = true;
    ret_inner->param.data = &ret_inner->params;
    ret_inner->param.len = sizeof ret_inner->params;
}

/*= pkcs11-3.2 AES-GCM Authenticated Wrap / Unwrap: modules must implement CKG_GENERATE, zero fixed
 * bits are always acceptable, too many may be rejected */
static KK_RV generate_iv(struct kk_crypto *crypto, const struct kk_wrap_message *message)
{
    struct kk_iv once = {0};
    size_t bits = message->iv_len * 8;
    if (message->generator == CKG_NO_GENERATE) {
        return CKR_OK;
    }
    KK_ENSURE(message->generator == CKG_GENERATE || message->generator == CKG_GENERATE_RANDOM,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(message->iv_len > 0 && message->iv_len <= KK_GCM_IV_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(message->fixed_bits == 0 ||
                  (message->fixed_bits <= bits && bits - message->fixed_bits >= FREE_BITS_MIN),
              CKR_MECHANISM_PARAM_INVALID);
    return kk_iv_next(&once, crypto, message->generator, message->fixed_bits, message->iv,
                      message->iv_len);
}

KK_RV kk_wrap_auth_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                          const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct kk_wrap_message message;
    struct inner inner;
    size_t len = 0;
    KK_TRY(read_message(mechanism, param, &message));
    make_inner(mechanism, &message, KK_SPAN(NULL, 0), &inner);
    KK_TRY(mechanism->wrap->length(mechanism, key, &inner.param, plain_len, &len));
    *ret_len = len - message.tag_len;
    return CKR_OK;
}

KK_RV kk_wrap_auth(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                   struct kk_key *key, const struct kk_param *param, struct kk_span aad,
                   struct kk_span plain, uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer sealed = {0};
    struct kk_wrap_message message;
    struct inner inner;
    size_t len = 0;
    KK_TRY(read_message(mechanism, param, &message));
    KK_TRY(generate_iv(crypto, &message));
    make_inner(mechanism, &message, aad, &inner);
    KK_TRY(mechanism->wrap->length(mechanism, key, &inner.param, plain.len, &len));
    uint8_t *bytes = kk_buffer_extend(&sealed, len);
    KK_ENSURE(bytes != NULL, CKR_HOST_MEMORY);
    KK_TRY(mechanism->wrap->wrap(crypto, mechanism, key, &inner.param, plain, bytes, &len));
    KK_ENSURE(len > message.tag_len, CKR_FUNCTION_FAILED);
    *ret_len = len - message.tag_len;
    memcpy(out, bytes, *ret_len);
    memcpy(message.tag, bytes + *ret_len, message.tag_len);
    return CKR_OK;
}

KK_RV kk_unwrap_auth(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key *key, const struct kk_param *param, struct kk_span aad,
                     struct kk_span wrapped, struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer sealed = {0};
    struct kk_wrap_message message;
    struct inner inner;
    KK_TRY(read_message(mechanism, param, &message));
    make_inner(mechanism, &message, aad, &inner);
    kk_buffer_put_span(&sealed, wrapped);
    kk_buffer_put(&sealed, message.tag, message.tag_len);
    KK_TRY(kk_buffer_check(&sealed));
    return mechanism->wrap->unwrap(crypto, mechanism, key, &inner.param, kk_buffer_span(&sealed),
                                   ret_plain);
}

/* --- GCM -------------------------------------------------------------------------------------- */

static KK_RV read_gcm(const void *params, struct kk_wrap_message *ret_message)
{
    const CK_GCM_MESSAGE_PARAMS *gcm = params;
    KK_ENSURE(gcm->ulTagBits % 8 == 0, CKR_MECHANISM_PARAM_INVALID);
    *ret_message = (struct kk_wrap_message){.iv = gcm->pIv,
                                            .iv_len = gcm->ulIvLen,
                                            .generator = gcm->ivGenerator,
                                            .fixed_bits = gcm->ulIvFixedBits,
                                            .tag = gcm->pTag,
                                            .tag_len = gcm->ulTagBits / 8};
    return CKR_OK;
}

static void inner_gcm(const struct kk_wrap_message *message, struct kk_span aad, void *ret_params)
{
    CK_GCM_PARAMS *gcm = ret_params;
    gcm->pIv = message->iv;
    gcm->ulIvLen = message->iv_len;
    gcm->ulIvBits = message->iv_len * 8;
    gcm->pAAD = (CK_BYTE_PTR)(uintptr_t)aad.data;
    gcm->ulAADLen = aad.len;
    gcm->ulTagBits = message->tag_len * 8;
}

const struct kk_wrap_auth_ops kk_gcm_wrap_auth_ops = {
    .shape = KK_PARAM_GCM_MESSAGE,
    .read = read_gcm,
    .inner = inner_gcm,
};

/* --- CCM -------------------------------------------------------------------------------------- */

static KK_RV read_ccm(const void *params, struct kk_wrap_message *ret_message)
{
    const CK_CCM_MESSAGE_PARAMS *ccm = params;
    *ret_message = (struct kk_wrap_message){.iv = ccm->pNonce,
                                            .iv_len = ccm->ulNonceLen,
                                            .generator = ccm->nonceGenerator,
                                            .fixed_bits = ccm->ulNonceFixedBits,
                                            .tag = ccm->pMAC,
                                            .tag_len = ccm->ulMACLen};
    return CKR_OK;
}

/* ulDataLen stays 0: the wrapping knows the length. */
static void inner_ccm(const struct kk_wrap_message *message, struct kk_span aad, void *ret_params)
{
    CK_CCM_PARAMS *ccm = ret_params;
    ccm->pNonce = message->iv;
    ccm->ulNonceLen = message->iv_len;
    ccm->pAAD = (CK_BYTE_PTR)(uintptr_t)aad.data;
    ccm->ulAADLen = aad.len;
    ccm->ulMACLen = message->tag_len;
}

const struct kk_wrap_auth_ops kk_ccm_wrap_auth_ops = {
    .shape = KK_PARAM_CCM_MESSAGE,
    .read = read_ccm,
    .inner = inner_ccm,
};
