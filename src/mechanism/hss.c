/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS. What is signed is hashed behind the number of the leaf, which is taken last: a message that
 * comes in parts is kept until its end.
 *
 * Each signature makes a new version of the key's object, with a parsed key of its own. The context
 * keeps the key of the first one, and with it the trees.
 */
#include "crypto/hss.h"

#include "base/memory.h"
#include "mechanism/asym.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct hss_context {
    struct kk_op_context head; /* its key is the one that computes */
    struct kk_buffer held;
};

static void context_free(void *context)
{
    struct hss_context *self = context;
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static bool may_serve(const struct kk_op *op)
{
    const struct kk_op_context *context = op->context;
    return context != NULL && op->context_free == context_free && context->kind == op->kind &&
           (context->key == op->key || kk_hss_is_same(context->key, op->key));
}

static KK_RV hss_init(struct kk_op *op)
{
    struct hss_context *context = op->context;
    KK_ENSURE(kk_key_kind(op->key) == KK_KEY_HSS &&
                  kk_key_is_private(op->key) == (op->kind == KK_OP_SIGN),
              CKR_KEY_TYPE_INCONSISTENT);
    if (may_serve(op)) {
        kk_held_start(&context->held);
        return CKR_OK;
    }
    if (op->context != NULL) {
        op->context_free(op->context);
        op->context = NULL;
    }
    KK_TRY(kk_alloc(sizeof *context, &context));
    kk_op_install(op, &context->head, context_free);
    return CKR_OK;
}

static size_t hss_length(const struct kk_op *op)
{
    return kk_hss_length(op->key);
}

static KK_RV hss_update(struct kk_op *op, struct kk_span in)
{
    struct hss_context *context = op->context;
    return kk_held_put(&context->held, in, KK_HELD_MAX, CKR_DATA_LEN_RANGE);
}

static KK_RV hss_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct hss_context *context = op->context;
    KK_ENSURE(op->has_turn, CKR_FUNCTION_FAILED);
    op->has_turn = false;
    return kk_hss_sign(op->crypto, context->head.key, op->turn, in, out, ret_len);
}

static KK_RV hss_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct hss_context *context = op->context;
    return hss_single(op, kk_buffer_span(&context->held), out, ret_len);
}

static KK_RV hss_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    return kk_hss_verify(op->crypto, op->key, in, signature);
}

static KK_RV hss_verify_final(struct kk_op *op, struct kk_span signature)
{
    struct hss_context *context = op->context;
    return hss_verify_single(op, kk_buffer_span(&context->held), signature);
}

static bool hss_takes_turn(const struct kk_op *op)
{
    return op->kind == KK_OP_SIGN;
}

static KK_RV hss_prepare(struct kk_op *op, uint64_t next, struct kk_buffer *ret_kept)
{
    struct hss_context *context = op->context;
    return kk_hss_prepare(op->crypto, context->head.key, next, ret_kept);
}

static const struct kk_turn_ops turns = {.needed = hss_takes_turn, .prepare = hss_prepare};

const struct kk_sign_ops kk_hss_ops = {
    .init = hss_init,
    .length = hss_length,
    .update = hss_update,
    .final = hss_final,
    .single = hss_single,
    .verify_single = hss_verify_single,
    .verify_final = hss_verify_final,
    .turns = &turns,
};

static KK_RV generate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      const struct kk_param *param, struct kk_key_parts *parts)
{
    (void)mechanism;
    (void)param;
    return kk_key_generate(crypto, parts);
}

const struct kk_generate_ops kk_generate_hss_ops = {.generate = generate, .pair = true};
