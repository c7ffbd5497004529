/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA mechanisms: from a row and a parameter to a scheme of crypto/rsa.h, and its operations.
 */
#include "crypto/rsa.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/kw.h"
#include "mechanism/asym.h"
#include "mechanism/operation.h"

/* --- parameters ------------------------------------------------------------------------------- */

/* The hashes that parameters can name. */
static const struct {
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf; /* 0: the standard has none */
    const char *name;
} hashes[] = {
    {CKM_SHA_1, CKG_MGF1_SHA1, "SHA1"},
    {CKM_SHA224, CKG_MGF1_SHA224, "SHA224"},
    {CKM_SHA256, CKG_MGF1_SHA256, "SHA256"},
    {CKM_SHA384, CKG_MGF1_SHA384, "SHA384"},
    {CKM_SHA512, CKG_MGF1_SHA512, "SHA512"},
    {CKM_SHA3_224, CKG_MGF1_SHA3_224, "SHA3-224"},
    {CKM_SHA3_256, CKG_MGF1_SHA3_256, "SHA3-256"},
    {CKM_SHA3_384, CKG_MGF1_SHA3_384, "SHA3-384"},
    {CKM_SHA3_512, CKG_MGF1_SHA3_512, "SHA3-512"},
    {CKM_SHA512_224, 0, "SHA512-224"},
    {CKM_SHA512_256, 0, "SHA512-256"},
};

static KK_RV hash_of(CK_MECHANISM_TYPE type, const char **ret_name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].hash == type) {
            *ret_name = hashes[i].name;
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

static KK_RV mgf_of(CK_RSA_PKCS_MGF_TYPE type, const char **ret_name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].mgf == type && type != 0) {
            *ret_name = hashes[i].name;
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

/*= pkcs11-3.2 CK_RSA_PKCS_PSS_PARAMS: with hashing, hashAlg must be the mechanism's own hash */
static KK_RV read_pss(const struct kk_mechanism *mechanism, const void *data,
                      struct kk_rsa_scheme *scheme)
{
    const CK_RSA_PKCS_PSS_PARAMS *params = data;
    KK_TRY(hash_of(params->hashAlg, &scheme->hash));
    KK_TRY(mgf_of(params->mgf, &scheme->mgf_hash));
    KK_TRY(kk_ulong_to_size(params->sLen, CKR_MECHANISM_PARAM_INVALID, &scheme->salt_len));
    KK_ENSURE(mechanism->hash == NULL || strcmp(mechanism->hash, scheme->hash) == 0,
              CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

/*= pkcs11-3.2 CK_RSA_PKCS_OAEP_PARAMS: source must be CKZ_DATA_SPECIFIED. Clients (pkcs11-tool)
 * leave it 0 when they have no label, which says the same */
static KK_RV read_oaep(const CK_RSA_PKCS_OAEP_PARAMS *params, struct kk_rsa_scheme *scheme)
{
    size_t len = 0;
    KK_TRY(hash_of(params->hashAlg, &scheme->hash));
    KK_TRY(mgf_of(params->mgf, &scheme->mgf_hash));
    KK_TRY(kk_ulong_to_size(params->ulSourceDataLen, CKR_MECHANISM_PARAM_INVALID, &len));
    KK_ENSURE(params->source == CKZ_DATA_SPECIFIED || (params->source == 0 && len == 0),
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->pSourceData != NULL || len == 0, CKR_MECHANISM_PARAM_INVALID);
    scheme->padding = KK_RSA_OAEP;
    scheme->label = KK_SPAN(params->pSourceData, len);
    return CKR_OK;
}

static KK_RV scheme_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                       struct kk_rsa_scheme *ret_scheme)
{
    *ret_scheme = (struct kk_rsa_scheme){
        .padding = (enum kk_rsa_padding)mechanism->detail,
        .hash = mechanism->hash,
        .prehash = mechanism->hash != NULL,
    };
    if (ret_scheme->padding == KK_RSA_PSS) {
        KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
        return read_pss(mechanism, param->data, ret_scheme);
    }
    if (ret_scheme->padding == KK_RSA_OAEP) {
        KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
        return read_oaep(param->data, ret_scheme);
    }
    return CKR_OK;
}

static KK_RV check_size(const struct kk_mechanism *mechanism, const struct kk_key *key)
{
    return kk_asym_check(mechanism, key, KK_KEY_RSA);
}

/* --- operations ------------------------------------------------------------------------------- */

static void context_free(void *context)
{
    kk_rsa_free(context);
}

static KK_RV op_init(struct kk_op *op)
{
    struct kk_rsa_scheme scheme;
    KK_TRY(check_size(op->mechanism, op->key));
    KK_TRY(scheme_of(op->mechanism, &op->param, &scheme));
    struct kk_rsa_op *rsa = kk_asym_context(op, context_free);
    CK_RV rv = kk_rsa_begin(op->crypto, op->key, kk_asym_use_of(op->kind), &scheme, &rsa);
    kk_asym_context_keep(op, rsa, context_free);
    return rv;
}

static size_t cipher_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    (void)phase;
    (void)in_len;
    return kk_rsa_length(op->key);
}

static KK_RV cipher_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    return kk_rsa_crypt(op->context, in, out, ret_len);
}

static size_t sign_length(const struct kk_op *op)
{
    return kk_rsa_length(op->key);
}

static KK_RV sign_update(struct kk_op *op, struct kk_span in)
{
    return kk_rsa_update(op->context, in);
}

static KK_RV sign_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    return kk_rsa_sign(op->context, in, out, ret_len);
}

static KK_RV sign_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    return kk_rsa_sign(op->context, KK_SPAN(NULL, 0), out, ret_len);
}

static KK_RV verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    return kk_rsa_verify(op->context, in, signature);
}

static KK_RV verify_final(struct kk_op *op, struct kk_span signature)
{
    return kk_rsa_verify(op->context, KK_SPAN(NULL, 0), signature);
}

static KK_RV recover(struct kk_op *op, struct kk_span signature, uint8_t *out, size_t *ret_len)
{
    return kk_rsa_recover(op->context, signature, out, ret_len);
}

const struct kk_cipher_ops kk_rsa_cipher_ops = {
    .init = op_init,
    .bound = cipher_bound,
    .single = cipher_single,
};

const struct kk_sign_ops kk_rsa_block_ops = {
    .init = op_init,
    .length = sign_length,
    .single = sign_single,
    .verify_single = verify_single,
    .recover = recover,
};

const struct kk_sign_ops kk_rsa_pss_ops = {
    .init = op_init,
    .length = sign_length,
    .single = sign_single,
    .verify_single = verify_single,
};

const struct kk_sign_ops kk_rsa_hash_ops = {
    .init = op_init,
    .length = sign_length,
    .update = sign_update,
    .final = sign_final,
    .single = sign_single,
    .verify_single = verify_single,
    .verify_final = verify_final,
};

/* --- wrapping --------------------------------------------------------------------------------- */

static KK_RV wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                         const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct kk_rsa_scheme scheme;
    KK_TRY(check_size(mechanism, key));
    KK_TRY(scheme_of(mechanism, param, &scheme));
    KK_ENSURE(plain_len <= kk_rsa_room(key, &scheme), CKR_KEY_SIZE_RANGE);
    *ret_len = kk_rsa_length(key);
    return CKR_OK;
}

static KK_RV wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                  struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                  uint8_t *out, size_t *ret_len)
{
    struct kk_rsa_scheme scheme;
    KK_TRY(check_size(mechanism, key));
    KK_TRY(scheme_of(mechanism, param, &scheme));
    return kk_wrap_code(
        kk_rsa_crypt_once(crypto, key, KK_ASYM_ENCRYPT, &scheme, plain, out, ret_len));
}

static KK_RV decrypt_to_secret(struct kk_crypto *crypto, struct kk_key *key,
                               const struct kk_rsa_scheme *scheme, struct kk_span wrapped,
                               struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    size_t len = 0;
    KK_TRY(kk_secret_new(kk_rsa_length(key), &plain));
    KK_TRY(kk_wrap_code(kk_rsa_crypt_once(crypto, key, KK_ASYM_DECRYPT, scheme, wrapped,
                                          kk_secret_data(plain), &len)));
    kk_secret_truncate(plain, len);
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

static KK_RV unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                    struct kk_secret **ret_plain)
{
    struct kk_rsa_scheme scheme;
    KK_TRY(check_size(mechanism, key));
    KK_TRY(scheme_of(mechanism, param, &scheme));
    return decrypt_to_secret(crypto, key, &scheme, wrapped, ret_plain);
}

const struct kk_wrap_ops kk_rsa_wrap_ops = {
    .length = wrap_length,
    .wrap = wrap,
    .unwrap = unwrap,
};

const struct kk_wrap_ops kk_rsa_raw_wrap_ops = {
    .length = wrap_length,
    .wrap = wrap,
    .unwrap = unwrap,
    .trailing = true,
};

/* --- encapsulation ---------------------------------------------------------------------------- */

static size_t kem_length(const struct kk_mechanism *mechanism, struct kk_key *key)
{
    (void)mechanism;
    return kk_rsa_length(key);
}

/*= pkcs11-3.2 PKCS #1 v1.5 RSA, PKCS #1 RSA OAEP: the secret key is generated in C_EncapsulateKey
 * and then wrapped */
static KK_RV kem_encapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             struct kk_key *key, const struct kk_param *param, size_t value_len,
                             uint8_t *out, size_t *ret_len, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    struct kk_rsa_scheme scheme;
    KK_TRY(check_size(mechanism, key));
    KK_TRY(scheme_of(mechanism, param, &scheme));
    KK_ENSURE(value_len > 0, CKR_TEMPLATE_INCOMPLETE);
    KK_ENSURE(value_len <= kk_rsa_room(key, &scheme), CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(value_len, &value));
    KK_TRY(kk_crypto_random_secret(crypto, kk_secret_data(value), value_len));
    KK_TRY(wrap(crypto, mechanism, key, param, kk_secret_span(value), out, ret_len));
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

/*= pkcs11-3.2 PKCS #1 v1.5 RSA, PKCS #1 RSA OAEP: C_DecapsulateKey is equivalent to C_UnwrapKey */
static KK_RV kem_decapsulate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                             struct kk_key *key, const struct kk_param *param, size_t value_len,
                             struct kk_span in, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_TRY(unwrap(crypto, mechanism, key, param, in, &value));
    KK_ENSURE(value_len == 0 || value_len == kk_secret_len(value), CKR_WRAPPED_KEY_LEN_RANGE);
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

const struct kk_kem_ops kk_rsa_kem_ops = {
    .length = kem_length,
    .encapsulate = kem_encapsulate,
    .decapsulate = kem_decapsulate,
};

/* --- RSA_AES_KEY_WRAP: OAEP around a fresh AES key, KWP with that key around the target ------- */

static KK_RV read_aes_wrap(const struct kk_mechanism *mechanism, struct kk_key *key,
                           const struct kk_param *param, struct kk_rsa_scheme *ret_scheme,
                           size_t *ret_key_len)
{
    KK_TRY(check_size(mechanism, key));
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    const CK_RSA_AES_KEY_WRAP_PARAMS *params = param->data;
    KK_ENSURE(params->ulAESKeyBits == 128 || params->ulAESKeyBits == 192 ||
                  params->ulAESKeyBits == 256,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(params->pOAEPParams != NULL, CKR_MECHANISM_PARAM_INVALID);
    *ret_scheme = (struct kk_rsa_scheme){0};
    *ret_key_len = (size_t)params->ulAESKeyBits / 8;
    KK_TRY(read_oaep(params->pOAEPParams, ret_scheme));
    KK_ENSURE(*ret_key_len <= kk_rsa_room(key, ret_scheme), CKR_KEY_SIZE_RANGE);
    return CKR_OK;
}

static KK_RV aes_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                             const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    struct kk_rsa_scheme scheme;
    size_t key_len = 0;
    size_t target_len = 0;
    KK_TRY(read_aes_wrap(mechanism, key, param, &scheme, &key_len));
    KK_TRY(kk_wrap_code(kk_kw_length(KK_KWP, plain_len, &target_len)));
    *ret_len = kk_rsa_length(key) + target_len;
    return CKR_OK;
}

static KK_RV aes_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                      uint8_t *out, size_t *ret_len)
{
    KK_SECRET_ARRAY(aes, 32);
    struct kk_rsa_scheme scheme;
    size_t key_len = 0;
    size_t first = 0;
    size_t second = 0;
    KK_TRY(read_aes_wrap(mechanism, key, param, &scheme, &key_len));
    KK_TRY(kk_crypto_random_secret(crypto, aes, key_len));
    KK_TRY(kk_wrap_code(kk_rsa_crypt_once(crypto, key, KK_ASYM_ENCRYPT, &scheme,
                                          KK_SPAN(aes, key_len), out, &first)));
    KK_TRY(kk_wrap_code(kk_kw_wrap(crypto, KK_KWP, KK_SPAN(aes, key_len), KK_SPAN(NULL, 0), plain,
                                   out + first, &second)));
    *ret_len = first + second;
    return CKR_OK;
}

static KK_RV aes_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                        struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *aes = NULL;
    struct kk_rsa_scheme scheme;
    size_t key_len = 0;
    size_t first = key != NULL ? kk_rsa_length(key) : 0;
    KK_TRY(read_aes_wrap(mechanism, key, param, &scheme, &key_len));
    KK_ENSURE(wrapped.len > first, CKR_WRAPPED_KEY_LEN_RANGE);
    KK_TRY(decrypt_to_secret(crypto, key, &scheme, KK_SPAN(wrapped.data, first), &aes));
    /* Who wrapped it chose the size; a parameter that says another is no reason to fail. */
    size_t len = kk_secret_len(aes);
    KK_ENSURE(len == 16 || len == 24 || len == 32, CKR_WRAPPED_KEY_INVALID);
    return kk_wrap_code(kk_kw_unwrap(crypto, KK_KWP, kk_secret_span(aes), KK_SPAN(NULL, 0),
                                     KK_SPAN(wrapped.data + first, wrapped.len - first),
                                     ret_plain));
}

const struct kk_wrap_ops kk_rsa_aes_wrap_ops = {
    .length = aes_wrap_length,
    .wrap = aes_wrap,
    .unwrap = aes_unwrap,
    .private_keys = true,
};
