/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Digests.
 */
#include "base/memory.h"
#include "crypto/digest.h"
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

struct digest_context {
    struct kk_op_context head;
    struct kk_digest *digest;
};

static void digest_context_free(void *context)
{
    struct digest_context *self = context;
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

static KK_RV digest_update(struct kk_op *op, struct kk_span in)
{
    struct digest_context *context = op->context;
    return kk_digest_update(context->digest, in);
}

static KK_RV digest_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct digest_context *context = op->context;
    KK_TRY(kk_digest_finish(context->digest, out));
    *ret_len = kk_digest_size(context->digest);
    return CKR_OK;
}

static KK_RV digest_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(digest_update(op, in));
    return digest_final(op, out, ret_len);
}

static const struct kk_digest_ops digest_ops = {
    .init = digest_init,
    .length = digest_length,
    .update = digest_update,
    .final = digest_final,
    .single = digest_single,
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
