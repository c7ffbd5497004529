/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EdDSA operations.
 */
#include "crypto/eddsa.h"

#include <string.h>

#include <openssl/core_names.h>

#include "base/memory.h"
#include "crypto/asym_internal.h"
#include "crypto/ed25519_variant.h"
#include "crypto/error.h"
#include "crypto/own_keys.h"

#define ED25519_BYTES 32
#define ED448_BYTES 57

enum form { FORM_PURE, FORM_CONTEXT, FORM_PREHASH };

struct kk_eddsa_op {
    struct kk_crypto *crypto;
    struct kk_key *key;
    enum kk_asym_use use;
    enum form form;
    size_t context_len;
    uint8_t context[KK_EDDSA_MAX_CONTEXT];
    EVP_MD_CTX *ctx; /* NULL: the form is computed here */
    struct kk_secret *seed;
    uint8_t public_key[ED448_BYTES];
    struct kk_buffer message;
};

size_t kk_eddsa_length(const struct kk_key *key)
{
    return 2 * key->curve.field_bytes;
}

void kk_eddsa_free(struct kk_eddsa_op *op)
{
    if (op == NULL) {
        return;
    }
    if (!kk_crypto_is_over()) {
        EVP_MD_CTX_free(op->ctx);
    }
    kk_secret_free(op->seed);
    kk_buffer_clear(&op->message);
    kk_key_unref(op->key);
    kk_free(op);
}
KK_DEFINE_CLEANUP(struct kk_eddsa_op *, kk_eddsa_free);

/* OpenSSL's name of the form. NULL for the pure ones, which every version has. */
static const char *instance_of(const struct kk_eddsa_op *op)
{
    bool is_448 = op->key->curve.field_bytes == ED448_BYTES;
    switch (op->form) {
    case FORM_PURE:
        return NULL;
    case FORM_CONTEXT:
        return is_448 ? "Ed448" : "Ed25519ctx";
    case FORM_PREHASH:
        break;
    }
    return is_448 ? "Ed448ph" : "Ed25519ph";
}

/* Every operation initialises anew: OpenSSL 3.5 wants it, and before it costs little. */
static KK_RV start(struct kk_eddsa_op *op, const OSSL_PARAM *params, EVP_PKEY_CTX **ret_ctx)
{
    OSSL_LIB_CTX *libctx = op->crypto->libctx;
    EVP_PKEY *pkey = op->key->pkey;
    const char *ours = kk_own_keys_preference();
    int ok = op->use == KK_ASYM_SIGN
                 ? EVP_DigestSignInit_ex(op->ctx, ret_ctx, NULL, libctx, ours, pkey, params)
                 : EVP_DigestVerifyInit_ex(op->ctx, ret_ctx, NULL, libctx, ours, pkey, params);
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_Digest..._init", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

static KK_RV start_form(struct kk_eddsa_op *op)
{
    const char *instance = instance_of(op);
    struct kk_pkey_params params = {0};
    EVP_PKEY_CTX *ctx = NULL;
    if (instance == NULL) {
        return start(op, NULL, &ctx);
    }
    kk_pkey_params_text(&params, "instance", instance);
    if (op->context_len > 0) {
        kk_pkey_params_bytes(&params, "context-string", KK_SPAN(op->context, op->context_len));
    }
    return start(op, params.params, &ctx);
}

/* Whether this OpenSSL has forms at all. */
static KK_RV find_out(struct kk_eddsa_op *op, bool *ret_has_forms)
{
    EVP_PKEY_CTX *ctx = NULL;
    KK_TRY(start(op, NULL, &ctx));
    const OSSL_PARAM *settable = EVP_PKEY_CTX_settable_params(ctx);
    *ret_has_forms = settable != NULL && OSSL_PARAM_locate_const(settable, "instance") != NULL;
    EVP_MD_CTX_reset(op->ctx);
    return CKR_OK;
}

/* Without OpenSSL's help the key's bytes are needed. */
static KK_RV take_bytes(struct kk_eddsa_op *op)
{
    struct kk_key_parts parts = {0};
    size_t len = 0;
    KK_ENSURE(op->key->curve.field_bytes == ED25519_BYTES && !kk_crypto_is_fips(op->crypto),
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(EVP_PKEY_get_octet_string_param(op->key->pkey, OSSL_PKEY_PARAM_PUB_KEY,
                                              op->public_key, sizeof op->public_key, &len) == 1,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    if (op->use == KK_ASYM_SIGN) {
        KK_TRY(kk_pkey_get_bytes(op->key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, ED25519_BYTES, &parts,
                                 KK_PART_VALUE));
        op->seed = KK_STEAL(parts.part[KK_PART_VALUE]);
    }
    return CKR_OK;
}

static KK_RV open_op(struct kk_eddsa_op *op)
{
    bool has_forms = true;
    op->ctx = EVP_MD_CTX_new();
    KK_ENSURE(op->ctx != NULL, CKR_HOST_MEMORY);
    /* FIPS 186-5 has no Ed25519ctx. */
    KK_ENSURE(op->form != FORM_CONTEXT || op->key->curve.field_bytes != ED25519_BYTES ||
                  !kk_crypto_is_fips(op->crypto),
              CKR_MECHANISM_PARAM_INVALID);
    if (op->form != FORM_PURE) {
        KK_TRY(find_out(op, &has_forms));
    }
    if (!has_forms) {
        EVP_MD_CTX_free(KK_STEAL(op->ctx));
        return take_bytes(op);
    }
    return CKR_OK;
}

/* Ed25519 with an empty context is Ed25519ctx only in name: RFC 8032 advises against it, OpenSSL
 * refuses it, and who passes empty parameters means plain Ed25519. */
static enum form form_of(const struct kk_eddsa_scheme *scheme)
{
    if (scheme->prehash) {
        return FORM_PREHASH;
    }
    return scheme->context.len > 0 ? FORM_CONTEXT : FORM_PURE;
}

static bool is_same(const struct kk_eddsa_op *op, const struct kk_key *key, enum kk_asym_use use,
                    const struct kk_eddsa_scheme *scheme)
{
    return op != NULL && op->key == key && op->use == use && op->form == form_of(scheme) &&
           kk_span_equal(KK_SPAN(op->context, op->context_len), scheme->context);
}

static KK_RV new_op(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                    const struct kk_eddsa_scheme *scheme, struct kk_eddsa_op **ret_op)
{
    KK_CLEANUP(kk_eddsa_freep) struct kk_eddsa_op *op = NULL;
    KK_ENSURE(scheme->context.len <= KK_EDDSA_MAX_CONTEXT, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_alloc(sizeof *op, &op));
    op->crypto = crypto;
    op->key = kk_key_ref(key);
    op->use = use;
    op->form = form_of(scheme);
    op->context_len = scheme->context.len;
    if (scheme->context.len > 0) {
        memcpy(op->context, scheme->context.data, scheme->context.len);
    }
    KK_TRY(open_op(op));
    *ret_op = KK_STEAL(op);
    return CKR_OK;
}

KK_RV kk_eddsa_begin(struct kk_crypto *crypto, struct kk_key *key, enum kk_asym_use use,
                     const struct kk_eddsa_scheme *scheme, struct kk_eddsa_op **op)
{
    if (!is_same(*op, key, use, scheme)) {
        struct kk_eddsa_op *made = NULL;
        KK_TRY(kk_asym_check_key(key, KK_KEY_EDWARDS, use));
        KK_TRY(new_op(crypto, key, use, scheme, &made));
        kk_eddsa_free(*op);
        *op = made;
    }
    kk_buffer_clear(&(*op)->message);
    return CKR_OK;
}

KK_RV kk_eddsa_update(struct kk_eddsa_op *op, struct kk_span in)
{
    kk_buffer_put_span(&op->message, in);
    return kk_buffer_check(&op->message);
}

/* The whole message: what was kept, and `in` behind it. */
static KK_RV gather(struct kk_eddsa_op *op, struct kk_span in, struct kk_span *ret_message)
{
    static const uint8_t nothing[1];
    *ret_message = in;
    if (op->message.len > 0) {
        KK_TRY(kk_eddsa_update(op, in));
        *ret_message = kk_buffer_span(&op->message);
    }
    if (ret_message->data == NULL) {
        ret_message->data = nothing;
    }
    return CKR_OK;
}

static struct kk_ed25519_variant variant_of(const struct kk_eddsa_op *op)
{
    return (struct kk_ed25519_variant){
        .prehash = op->form == FORM_PREHASH,
        .context = KK_SPAN(op->context, op->context_len),
    };
}

KK_RV kk_eddsa_sign(struct kk_eddsa_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct kk_span message;
    size_t len = kk_eddsa_length(op->key);
    KK_TRY(gather(op, in, &message));
    *ret_len = len;
    if (op->ctx == NULL) {
        struct kk_ed25519_variant variant = variant_of(op);
        return kk_ed25519_variant_sign(op->crypto, &variant, kk_secret_span(op->seed).data,
                                       op->public_key, message, out);
    }
    KK_TRY(start_form(op));
    int ok = EVP_DigestSign(op->ctx, out, &len, message.data, message.len);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_DigestSign", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

KK_RV kk_eddsa_verify(struct kk_eddsa_op *op, struct kk_span in, struct kk_span signature)
{
    struct kk_span message;
    KK_TRY(gather(op, in, &message));
    KK_ENSURE(signature.len == kk_eddsa_length(op->key), CKR_SIGNATURE_LEN_RANGE);
    if (op->ctx == NULL) {
        struct kk_ed25519_variant variant = variant_of(op);
        return kk_ed25519_variant_verify(op->crypto, &variant, op->public_key, message,
                                         signature.data);
    }
    KK_TRY(start_form(op));
    KK_ENSURE(EVP_DigestVerify(op->ctx, signature.data, signature.len, message.data, message.len) ==
                  1,
              kk_crypto_error("EVP_DigestVerify", CKR_SIGNATURE_INVALID));
    return CKR_OK;
}
