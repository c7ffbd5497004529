/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MAC of TLS's "finished" messages, which is its PRF over what is signed, and the MACs of SSL
 * 3.0's records.
 */
#include "base/memory.h"
#include "crypto/digest.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"
#include "mechanism/tls.h"

#include "base/banned.h"

/* --- "finished" ------------------------------------------------------------------------------- */

/*= pkcs11-3.2 CK_TLS_MAC_PARAMS: always 12 octets in TLS 1.0 and 1.1, 12 or more in TLS 1.2 */
#define FINISHED_MIN 12
#define FINISHED_MAX 256

struct finished_context {
    struct kk_op_context head;
    struct kk_buffer held; /* the PRF goes over its seed many times */
    struct kk_tls_prf prf;
    struct kk_span label;
    size_t length;
};

static void finished_free(void *context)
{
    struct finished_context *self = context;
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV read_finished(const struct kk_param *param, struct finished_context *context)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    const CK_TLS_MAC_PARAMS *params = param->data;
    KK_TRY(kk_tls_prf_of(params->prfHashMechanism, true, &context->prf));
    CK_ULONG most = context->prf.function == KK_TLS_10 ? FINISHED_MIN : FINISHED_MAX;
    KK_ENSURE(params->ulMacLength >= FINISHED_MIN && params->ulMacLength <= most,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->ulServerOrClient == 1 || params->ulServerOrClient == 2,
              CKR_MECHANISM_PARAM_INVALID);
    context->length = params->ulMacLength;
    context->label = params->ulServerOrClient == 1 ? KK_SPAN_TEXT("server finished")
                                                   : KK_SPAN_TEXT("client finished");
    return CKR_OK;
}

static KK_RV finished_init(struct kk_op *op)
{
    struct finished_context said = {0};
    struct kk_span key = {0};
    KK_TRY(read_finished(&op->param, &said));
    KK_TRY(kk_secret_of(op->key, &key));
    struct finished_context *context = kk_op_reuse(op, finished_free);
    if (context == NULL) {
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->held.wipe = true;
        kk_op_install(op, &context->head, finished_free);
    }
    kk_held_start(&context->held);
    context->prf = said.prf;
    context->label = said.label;
    context->length = said.length;
    return CKR_OK;
}

static size_t finished_length(const struct kk_op *op)
{
    const struct finished_context *context = op->context;
    return context->length;
}

static KK_RV finished_update(struct kk_op *op, struct kk_span in)
{
    struct finished_context *context = op->context;
    return kk_held_put(&context->held, in, KK_HELD_MAX, CKR_DATA_LEN_RANGE);
}

static KK_RV finished_of(struct kk_op *op, struct kk_span seed, uint8_t *out, size_t *ret_len)
{
    const struct finished_context *context = op->context;
    struct kk_span key = {0};
    KK_TRY(kk_secret_of(op->key, &key));
    KK_TRY(kk_tls_expand(op->crypto, &context->prf, key, context->label, &seed, 1, out,
                         context->length));
    *ret_len = context->length;
    return CKR_OK;
}

static KK_RV finished_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    const struct finished_context *context = op->context;
    return finished_of(op, kk_buffer_span(&context->held), out, ret_len);
}

static KK_RV finished_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    return finished_of(op, in, out, ret_len);
}

const struct kk_sign_ops kk_tls_mac_ops = {
    .init = finished_init,
    .length = finished_length,
    .update = finished_update,
    .final = finished_final,
    .single = finished_single,
};

/* --- records of SSL 3.0 ----------------------------------------------------------------------- */

/* The standard's table says 4 to 8 bytes; SSL 3.0 itself uses the whole hash. */
#define RECORD_MIN 4

/* RFC 6101, 5.2.3.1: as many bytes of padding as bring key and padding to a multiple of 4 below a
 * block of the hash. */
#define PAD_MAX 48

struct record_context {
    struct kk_op_context head;
    struct kk_digest *digest;
    size_t length;
};

static void record_free(void *context)
{
    struct record_context *self = context;
    kk_digest_free(self->digest);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV begin_hash(struct kk_op *op, struct kk_digest *digest, int pad)
{
    uint8_t padding[PAD_MAX];
    struct kk_span key = {0};
    size_t len = op->mechanism->detail == 16 ? 48 : 40; /* MD5, SHA-1 */
    memset(padding, pad, sizeof padding);
    KK_TRY(kk_secret_of(op->key, &key));
    KK_TRY(kk_digest_start(digest));
    KK_TRY(kk_digest_update(digest, key));
    return kk_digest_update(digest, KK_SPAN(padding, len));
}

static KK_RV record_context_new(struct kk_op *op, struct record_context **ret_context)
{
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    struct record_context *context = NULL;
    KK_TRY(kk_digest_new(op->crypto, op->mechanism->hash, &digest));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->digest = KK_STEAL(digest);
    kk_op_install(op, &context->head, record_free);
    *ret_context = context;
    return CKR_OK;
}

static KK_RV record_init(struct kk_op *op)
{
    size_t length = 0;
    struct kk_span key = {0};
    KK_TRY(kk_mac_length_of(op, &length));
    KK_ENSURE(length >= RECORD_MIN, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_secret_of(op->key, &key));
    struct record_context *context = kk_op_reuse(op, record_free);
    if (context == NULL) {
        KK_TRY(record_context_new(op, &context));
    }
    context->length = length;
    return begin_hash(op, context->digest, 0x36);
}

static size_t record_length(const struct kk_op *op)
{
    const struct record_context *context = op->context;
    return context->length;
}

static KK_RV record_update(struct kk_op *op, struct kk_span in)
{
    struct record_context *context = op->context;
    return kk_digest_update(context->digest, in);
}

static KK_RV record_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(hash, KK_DIGEST_MAX);
    struct record_context *context = op->context;
    KK_TRY(kk_digest_finish(context->digest, hash));
    KK_TRY(begin_hash(op, context->digest, 0x5c));
    KK_TRY(kk_digest_update(context->digest, KK_SPAN(hash, op->mechanism->detail)));
    KK_TRY(kk_digest_finish(context->digest, hash));
    memcpy(out, hash, context->length);
    *ret_len = context->length;
    return CKR_OK;
}

static KK_RV record_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(record_update(op, in));
    return record_final(op, out, ret_len);
}

const struct kk_sign_ops kk_ssl3_mac_ops = {
    .init = record_init,
    .length = record_length,
    .update = record_update,
    .final = record_final,
    .single = record_single,
};
