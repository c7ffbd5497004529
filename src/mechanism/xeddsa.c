/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XEdDSA. Single-part: the message is hashed twice.
 */
#include "crypto/xeddsa.h"

#include "mechanism/asym.h"

#include "base/banned.h"

/*= pkcs11-3.2 CK_XEDDSA_HASH_TYPE: the hashes */
static const struct {
    CK_XEDDSA_HASH_TYPE type;
    const char *name;
} hashes[] = {
    {CKM_BLAKE2B_256, "BLAKE2B-256"}, {CKM_BLAKE2B_512, "BLAKE2B-512"}, {CKM_SHA3_256, "SHA3-256"},
    {CKM_SHA3_512, "SHA3-512"},       {CKM_SHA256, "SHA256"},           {CKM_SHA512, "SHA512"},
};

static KK_RV hash_of(const struct kk_op *op, const char **ret_name)
{
    const CK_XEDDSA_PARAMS *params = op->param.data;
    KK_ENSURE(op->param.present, CKR_MECHANISM_PARAM_INVALID);
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].type == params->hash) {
            *ret_name = hashes[i].name;
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

static KK_RV xeddsa_init(struct kk_op *op)
{
    const char *hash = NULL;
    KK_TRY(kk_asym_check(op->mechanism, op->key, KK_KEY_MONTGOMERY));
    KK_TRY(kk_xeddsa_check(op->key, kk_asym_use_of(op->kind)));
    return hash_of(op, &hash);
}

static size_t xeddsa_length(const struct kk_op *op)
{
    (void)op;
    return KK_XEDDSA_SIGNATURE;
}

static KK_RV xeddsa_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(random, KK_XEDDSA_RANDOM);
    const char *hash = NULL;
    KK_TRY(hash_of(op, &hash));
    KK_TRY(kk_crypto_random_secret(op->crypto, random, sizeof random));
    KK_TRY(kk_xeddsa_sign(op->crypto, op->key, hash, in, random, out));
    *ret_len = KK_XEDDSA_SIGNATURE;
    return CKR_OK;
}

static KK_RV xeddsa_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    const char *hash = NULL;
    KK_TRY(hash_of(op, &hash));
    return kk_xeddsa_verify(op->crypto, op->key, hash, in, signature);
}

const struct kk_sign_ops kk_xeddsa_ops = {
    .init = xeddsa_init,
    .length = xeddsa_length,
    .single = xeddsa_single,
    .verify_single = xeddsa_verify_single,
};
