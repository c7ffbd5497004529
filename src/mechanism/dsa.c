/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DSA without hashing. With hashing it is ECDSA's operations on another kind of key.
 */
#include "mechanism/asym.h"

/*= pkcs11-3.2 DSA without hashing: data of 20, 28, 32, 48 or 64 bytes */
static KK_RV check_length(struct kk_span in)
{
    KK_ENSURE(in.len == 20 || in.len == 28 || in.len == 32 || in.len == 48 || in.len == 64,
              CKR_DATA_LEN_RANGE);
    return CKR_OK;
}

static KK_RV dsa_init(struct kk_op *op)
{
    return kk_ecdsa_ops.init(op);
}

static size_t dsa_length(const struct kk_op *op)
{
    return kk_ecdsa_ops.length(op);
}

static KK_RV dsa_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_TRY(check_length(in));
    return kk_ecdsa_ops.single(op, in, out, ret_len);
}

static KK_RV dsa_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    KK_TRY(check_length(in));
    return kk_ecdsa_ops.verify_single(op, in, signature);
}

const struct kk_sign_ops kk_dsa_ops = {
    .init = dsa_init,
    .length = dsa_length,
    .single = dsa_single,
    .verify_single = dsa_verify_single,
};
