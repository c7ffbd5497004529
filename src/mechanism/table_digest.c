/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests.
 *
 * OpenSSL hashes, and keeps the state of a digest to itself. So that C_GetOperationState has
 * something to save at no cost, data that comes in parts is collected first, up to HELD_MAX bytes:
 * then it is its own state, and hashing it at once later costs no more than hashing it part by
 * part. Beyond that OpenSSL has it, and the state is lost. SHA-2 whose state was asked for in time
 * goes on in crypto/sha2.h, whose state can be had ever after; nobody else pays for that being
 * slower.
 */
#include "base/memory.h"
#include "crypto/digest.h"
#include "crypto/sha2.h"
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define HELD_MAX ((size_t)8192)

enum form { FORM_DATA, FORM_SHA2 }; /* of a saved state */

struct digest_context {
    struct kk_op_context head;
    struct kk_digest *digest;
    uint8_t *held;        /* HELD_MAX bytes, once there were parts */
    size_t held_len;      /* of data that `digest` has not seen */
    bool is_direct;       /* `digest` sees the data as it comes */
    bool has_key;         /* a key is in it: it does not leave */
    struct kk_sha2 *sha2; /* in place of `digest` */
};

/* Forgets the data of before. */
static void digest_reset(struct digest_context *context)
{
    kk_wipe(context->held, context->held_len);
    context->held_len = 0;
    context->is_direct = false;
    context->has_key = false;
    kk_sha2_free(KK_STEAL(context->sha2));
}

static void digest_context_free(void *context)
{
    struct digest_context *self = context;
    digest_reset(self);
    kk_free(self->held);
    kk_digest_free(self->digest);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV digest_init(struct kk_op *op)
{
    char name[KK_ALGORITHM_NAME];
    bool varies = op->mechanism->shape == KK_PARAM_ULONG;
    struct digest_context *context = kk_op_reuse(op, digest_context_free);
    if (context != NULL && !varies) {
        digest_reset(context);
        return kk_digest_start(context->digest);
    }
    KK_TRY(kk_sha512_t_name(op->mechanism, &op->param, name));
    if (context != NULL) {
        op->context = NULL;
        digest_context_free(context);
    }
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    KK_TRY(kk_digest_new(op->crypto, name, &digest));
    KK_TRY(kk_alloc(sizeof *context, &context));
    context->digest = KK_STEAL(digest);
    kk_op_install(op, &context->head, digest_context_free);
    return CKR_OK;
}

static size_t digest_length(const struct kk_op *op)
{
    const struct digest_context *context = op->context;
    return kk_digest_size(context->digest);
}

/* Whoever computes sees all that was held. */
static KK_RV digest_feed(struct digest_context *context, struct kk_span in)
{
    return context->sha2 != NULL ? kk_sha2_update(context->sha2, in)
                                 : kk_digest_update(context->digest, in);
}

static KK_RV digest_let_go(struct digest_context *context)
{
    struct kk_span held = KK_SPAN(context->held, context->held_len);
    context->held_len = 0;
    CK_RV rv = held.len > 0 ? digest_feed(context, held) : CKR_OK;
    kk_wipe(context->held, held.len);
    return rv;
}

static KK_RV digest_hold(struct digest_context *context, struct kk_span in)
{
    if (context->held == NULL) {
        KK_TRY(kk_alloc(HELD_MAX, &context->held));
    }
    if (in.len > 0) {
        memcpy(context->held + context->held_len, in.data, in.len);
        context->held_len += in.len;
    }
    return CKR_OK;
}

static KK_RV digest_update(struct kk_op *op, struct kk_span in)
{
    struct digest_context *context = op->context;
    bool feeds = context->is_direct || context->sha2 != NULL;
    if (!feeds && in.len <= HELD_MAX - context->held_len) {
        return digest_hold(context, in);
    }
    if (!feeds) {
        KK_TRY(digest_let_go(context));
        context->is_direct = true;
    }
    return digest_feed(context, in);
}

static KK_RV digest_update_key(struct kk_op *op, struct kk_span key)
{
    struct digest_context *context = op->context;
    KK_TRY(digest_let_go(context));
    context->is_direct = true;
    context->has_key = true;
    return digest_feed(context, key);
}

static KK_RV digest_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct digest_context *context = op->context;
    KK_TRY(digest_let_go(context));
    KK_TRY(context->sha2 != NULL ? kk_sha2_finish(context->sha2, out)
                                 : kk_digest_finish(context->digest, out));
    *ret_len = kk_digest_size(context->digest);
    return CKR_OK;
}

static KK_RV digest_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(digest_feed(op->context, in));
    return digest_final(op, out, ret_len);
}

/* The digests whose state can be had are libsodium's, and in no validated module. */
static bool has_sha2(const struct kk_op *op)
{
    return kk_sha2_has(op->mechanism->algorithm) && !kk_crypto_is_fips(op->crypto);
}

/* Turns to the digest whose state can be had, where there is one. */
static KK_RV digest_turn(struct kk_op *op, struct digest_context *context)
{
    if (context->sha2 == NULL && has_sha2(op)) {
        KK_TRY(kk_sha2_new(op->mechanism->algorithm, &context->sha2));
        return digest_let_go(context);
    }
    return CKR_OK;
}

static KK_RV digest_save(struct kk_op *op, struct kk_buffer *out)
{
    struct digest_context *context = op->context;
    KK_ENSURE(!context->is_direct && !context->has_key, CKR_STATE_UNSAVEABLE);
    KK_TRY(digest_turn(op, context));
    kk_buffer_put_u8(out, context->sha2 != NULL ? FORM_SHA2 : FORM_DATA);
    if (context->sha2 != NULL) {
        kk_sha2_save(context->sha2, out);
    } else {
        kk_buffer_put_u32(out, (uint32_t)context->held_len);
        kk_buffer_put(out, context->held, context->held_len);
    }
    return CKR_OK;
}

static KK_RV digest_restore(struct kk_op *op, struct kk_reader *in)
{
    KK_TRY(digest_init(op));
    struct digest_context *context = op->context;
    if (kk_reader_u8(in) == FORM_SHA2) {
        KK_ENSURE(has_sha2(op), CKR_SAVED_STATE_INVALID);
        KK_TRY(kk_sha2_new(op->mechanism->algorithm, &context->sha2));
        return kk_sha2_restore(context->sha2, in);
    }
    struct kk_span held = kk_reader_take(in, kk_reader_u32(in));
    KK_ENSURE(!in->failed && held.len <= HELD_MAX, CKR_SAVED_STATE_INVALID);
    return digest_hold(context, held);
}

static const struct kk_digest_ops digest_ops = {
    .init = digest_init,
    .length = digest_length,
    .update = digest_update,
    .update_key = digest_update_key,
    .final = digest_final,
    .single = digest_single,
    .save = digest_save,
    .restore = digest_restore,
};

/* clang-format off */
#define DIGEST(name_, size_) \
    .key_type = KK_NO_KEY_TYPE, .key_type2 = KK_NO_KEY_TYPE, .digest = &digest_ops, \
     .needs = KK_ALGORITHM_DIGEST, .algorithm = (name_), .hash = (name_), .detail = (size_)

static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_SHA512_224), DIGEST("SHA512-224", 28)},
    {KK_MECHANISM(CKM_SHA512_256), DIGEST("SHA512-256", 32)},
    {KK_MECHANISM(CKM_SHA512_T), DIGEST("SHA512/%u", 64), .shape = KK_PARAM_ULONG, .param_required = true},
    {KK_MECHANISM(CKM_MD5), DIGEST("MD5", 16)},
    {KK_MECHANISM(CKM_SHA_1), DIGEST("SHA1", 20)},
    {KK_MECHANISM(CKM_RIPEMD160), DIGEST("RIPEMD160", 20)},
    {KK_MECHANISM(CKM_SHA256), DIGEST("SHA256", 32)},
    {KK_MECHANISM(CKM_SHA224), DIGEST("SHA224", 28)},
    {KK_MECHANISM(CKM_SHA384), DIGEST("SHA384", 48)},
    {KK_MECHANISM(CKM_SHA512), DIGEST("SHA512", 64)},
    {KK_MECHANISM(CKM_SHA3_256), DIGEST("SHA3-256", 32)},
    {KK_MECHANISM(CKM_SHA3_224), DIGEST("SHA3-224", 28)},
    {KK_MECHANISM(CKM_SHA3_384), DIGEST("SHA3-384", 48)},
    {KK_MECHANISM(CKM_SHA3_512), DIGEST("SHA3-512", 64)},
    {KK_MECHANISM(CKM_BLAKE2B_160), DIGEST("BLAKE2B-160", 20)},
    {KK_MECHANISM(CKM_BLAKE2B_256), DIGEST("BLAKE2B-256", 32)},
    {KK_MECHANISM(CKM_BLAKE2B_384), DIGEST("BLAKE2B-384", 48)},
    {KK_MECHANISM(CKM_BLAKE2B_512), DIGEST("BLAKE2B-512", 64)},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_digest = {rows, KK_ARRAY_LEN(rows)};
