/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MACs: HMAC and CMAC differ in how the first context is made, and in nothing else. Verification is
 * session/'s: it signs and compares in constant time.
 */
#include "crypto/mac.h"

#include "base/memory.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct mac_context {
    struct kk_op_context head;
    struct kk_mac *mac;
    size_t length; /* asked for this time */
};

static void mac_context_free(void *context)
{
    struct mac_context *self = context;
    kk_mac_free(self->mac);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

/* The parameter of the _GENERAL mechanisms: 1 to the full length. */
KK_RV kk_mac_length_of(const struct kk_op *op, size_t *ret_length)
{
    size_t full = op->mechanism->detail;
    bool is_rc2 = op->mechanism->key_type == CKK_RC2; /* its number is another one */
    bool is_rc2_general = op->mechanism->shape == KK_PARAM_RC2_MAC_GENERAL;
    if ((op->mechanism->shape != KK_PARAM_ULONG || is_rc2) && !is_rc2_general) {
        *ret_length = full;
        return CKR_OK;
    }
    KK_ENSURE(op->param.present, CKR_MECHANISM_PARAM_INVALID);
    const CK_RC2_MAC_GENERAL_PARAMS *rc2 = op->param.data;
    CK_ULONG asked = is_rc2_general ? rc2->ulMacLength : *(const CK_ULONG *)op->param.data;
    /*= pkcs11-3.2 General-length HMAC: the length should be in the range 1-n */
    KK_ENSURE(asked >= 1 && asked <= full, CKR_MECHANISM_PARAM_INVALID);
    *ret_length = asked;
    return CKR_OK;
}

static KK_RV start(struct mac_context *context, size_t length)
{
    context->length = length;
    return kk_mac_start(context->mac);
}

static KK_RV hmac_init(struct kk_op *op)
{
    size_t length = 0;
    struct kk_span key = {0};
    KK_TRY(kk_mac_length_of(op, &length));
    struct mac_context *context = kk_op_reuse(op, mac_context_free);
    if (context != NULL) {
        return start(context, length);
    }
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_TRY(kk_secret_of(op->key, &key));
    KK_TRY(kk_mac_new_hmac(op->crypto, op->mechanism->algorithm, key, &mac));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->mac = KK_STEAL(mac);
    kk_op_install(op, &context->head, mac_context_free);
    return start(context, length);
}

/* The parameter is t, and the hash is made for it: there is nothing to be kept. */
static KK_RV sha512_t_init(struct kk_op *op)
{
    char name[KK_ALGORITHM_NAME];
    struct kk_span key = {0};
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    struct mac_context *context = NULL;
    KK_TRY(kk_sha512_t_name(op->mechanism, &op->param, name));
    KK_TRY(kk_secret_of(op->key, &key));
    KK_TRY(kk_mac_new_hmac(op->crypto, name, key, &mac));
    KK_TRY(kk_alloc(sizeof *context, &context));
    if (op->context != NULL) {
        op->context_free(op->context);
    }
    context->length = kk_mac_size(mac);
    context->mac = KK_STEAL(mac);
    kk_op_install(op, &context->head, mac_context_free);
    return CKR_OK;
}

static KK_RV cmac_init(struct kk_op *op)
{
    KK_SECRET_ARRAY(room, KK_BLOCK_KEY_ROOM);
    size_t length = 0;
    struct kk_span key = {0};
    char name[KK_ALGORITHM_NAME];
    KK_TRY(kk_mac_length_of(op, &length));
    struct mac_context *context = kk_op_reuse(op, mac_context_free);
    if (context != NULL) {
        return start(context, length);
    }
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_TRY(kk_block_key_of(op->mechanism, op->key, room, &key));
    kk_mechanism_algorithm(op->mechanism, key.len * 8, name);
    KK_TRY(kk_mac_new_cmac(op->crypto, name, key, &mac));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->mac = KK_STEAL(mac);
    kk_op_install(op, &context->head, mac_context_free);
    return start(context, length);
}

static size_t mac_length(const struct kk_op *op)
{
    const struct mac_context *context = op->context;
    return context->length;
}

static KK_RV mac_update(struct kk_op *op, struct kk_span in)
{
    struct mac_context *context = op->context;
    return kk_mac_update(context->mac, in);
}

static KK_RV mac_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct mac_context *context = op->context;
    uint8_t full[KK_MAC_MAX];
    KK_TRY(kk_mac_finish(context->mac, full));
    memcpy(out, full, context->length);
    kk_wipe(full, sizeof full);
    *ret_len = context->length;
    return CKR_OK;
}

static KK_RV mac_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(mac_update(op, in));
    return mac_final(op, out, ret_len);
}

const struct kk_sign_ops kk_hmac_ops = {
    .init = hmac_init,
    .length = mac_length,
    .update = mac_update,
    .final = mac_final,
    .single = mac_single,
    .quiet = true,
};

const struct kk_sign_ops kk_sha512_t_hmac_ops = {
    .init = sha512_t_init,
    .length = mac_length,
    .update = mac_update,
    .final = mac_final,
    .single = mac_single,
};

const struct kk_sign_ops kk_cmac_ops = {
    .init = cmac_init,
    .length = mac_length,
    .update = mac_update,
    .final = mac_final,
    .single = mac_single,
};
