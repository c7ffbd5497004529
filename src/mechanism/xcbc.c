/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-XCBC-MAC and AES-XCBC-MAC-96 of RFC 3566: a CBC-MAC under a key made from the key, with a
 * second and third one for a last block that is whole or padded.
 */
#include "base/memory.h"
#include "crypto/cipher.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define BLOCK KK_CIPHER_BLOCK
#define PIECE ((size_t)256)

enum { FOR_CBC, FOR_WHOLE, FOR_PADDED, SUBKEYS };

struct xcbc_context {
    struct kk_op_context head;
    struct kk_cipher *cipher;
    struct kk_secret *subkeys; /* SUBKEYS blocks */
    uint8_t last[BLOCK];       /* what may be the last block is kept back */
    size_t filled;
};

static void xcbc_free(void *context)
{
    struct xcbc_context *self = context;
    kk_cipher_free(self->cipher);
    kk_secret_free(self->subkeys);
    kk_op_context_clear(&self->head);
    kk_wipe(self->last, sizeof self->last);
    kk_free(self);
}

/* RFC 3566, section 4, step 1: blocks of ones, twos and threes, encrypted. */
static KK_RV make_subkeys(struct kk_op *op, struct kk_span key, struct kk_secret **ret_subkeys)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *subkeys = NULL;
    size_t len = 0;
    KK_TRY(kk_cipher_new(op->crypto, "AES-128-ECB", key, true, KK_PADDING_NONE, &cipher));
    KK_TRY(kk_secret_new((size_t)SUBKEYS * BLOCK, &subkeys));
    for (size_t i = 0; i < SUBKEYS; i++) {
        memset(kk_secret_data(subkeys) + i * BLOCK, (int)i + 1, BLOCK);
    }
    KK_TRY(kk_cipher_update(cipher, kk_secret_span(subkeys), kk_secret_data(subkeys), &len));
    *ret_subkeys = KK_STEAL(subkeys);
    return CKR_OK;
}

static KK_RV install_context(struct kk_op *op)
{
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *subkeys = NULL;
    struct xcbc_context *context = NULL;
    struct kk_span key = {0};
    char name[KK_ALGORITHM_NAME];
    KK_TRY(kk_secret_of(op->key, &key));
    KK_ENSURE(key.len == BLOCK, CKR_KEY_SIZE_RANGE);
    KK_TRY(make_subkeys(op, key, &subkeys));
    kk_mechanism_algorithm(op->mechanism, key.len * 8, name);
    KK_TRY(kk_cipher_new(op->crypto, name, KK_SPAN(kk_secret_data(subkeys), BLOCK), true,
                         KK_PADDING_NONE, &cipher));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->cipher = KK_STEAL(cipher);
    context->subkeys = KK_STEAL(subkeys);
    kk_op_install(op, &context->head, xcbc_free);
    return CKR_OK;
}

static KK_RV xcbc_init(struct kk_op *op)
{
    static const uint8_t zeros[BLOCK];
    struct xcbc_context *context = kk_op_reuse(op, xcbc_free);
    if (context == NULL) {
        KK_TRY(install_context(op));
        context = op->context;
    }
    context->filled = 0;
    return kk_cipher_start(context->cipher, KK_SPAN_ARRAY(zeros));
}

static size_t xcbc_length(const struct kk_op *op)
{
    return op->mechanism->detail;
}

/* Whole blocks that are not the last. */
static KK_RV chain(struct xcbc_context *context, struct kk_span in)
{
    KK_SECRET_ARRAY(out, PIECE);
    for (size_t at = 0; at < in.len; at += PIECE) {
        size_t len = 0;
        struct kk_span piece = KK_SPAN(in.data + at, KK_MIN(in.len - at, PIECE));
        KK_TRY(kk_cipher_update(context->cipher, piece, out, &len));
    }
    return CKR_OK;
}

static KK_RV xcbc_update(struct kk_op *op, struct kk_span in)
{
    struct xcbc_context *context = op->context;
    if (in.len > BLOCK - context->filled) {
        size_t rest = BLOCK - context->filled;
        memcpy(context->last + context->filled, in.data, rest);
        KK_TRY(chain(context, KK_SPAN_ARRAY(context->last)));
        in = KK_SPAN(in.data + rest, in.len - rest);
        size_t whole = (in.len - 1) / BLOCK * BLOCK;
        KK_TRY(chain(context, KK_SPAN(in.data, whole)));
        in = KK_SPAN(in.data + whole, in.len - whole);
        context->filled = 0;
    }
    if (in.len > 0) {
        memcpy(context->last + context->filled, in.data, in.len);
        context->filled += in.len;
    }
    return CKR_OK;
}

static KK_RV xcbc_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(mac, BLOCK);
    struct xcbc_context *context = op->context;
    bool whole = context->filled == BLOCK;
    size_t len = 0;
    if (!whole) {
        memset(context->last + context->filled, 0, BLOCK - context->filled);
        context->last[context->filled] = 0x80;
    }
    const uint8_t *subkey =
        kk_secret_data(context->subkeys) + (whole ? FOR_WHOLE : FOR_PADDED) * BLOCK;
    for (size_t i = 0; i < BLOCK; i++) {
        context->last[i] ^= subkey[i];
    }
    KK_TRY(kk_cipher_update(context->cipher, KK_SPAN_ARRAY(context->last), mac, &len));
    kk_wipe(context->last, sizeof context->last);
    memcpy(out, mac, op->mechanism->detail);
    *ret_len = op->mechanism->detail;
    return CKR_OK;
}

static KK_RV xcbc_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(xcbc_update(op, in));
    return xcbc_final(op, out, ret_len);
}

const struct kk_sign_ops kk_xcbc_ops = {
    .init = xcbc_init,
    .length = xcbc_length,
    .update = xcbc_update,
    .final = xcbc_final,
    .single = xcbc_single,
};
