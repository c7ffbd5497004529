/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKM_NULL, which gives out what goes in. It never gives out a key that could not be read anyway:
 * digests take no keys, session/ wraps with it only what C_GetAttributeValue would show
 * (`discloses`), and what is derived with it stays as hidden as its base key.
 */
#include "base/memory.h"
#include "mechanism/families.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"

#include "base/banned.h"

static KK_RV pass(struct kk_span in, uint8_t *out, size_t *ret_len)
{
    if (in.len > 0) {
        memmove(out, in.data, in.len);
    }
    *ret_len = in.len;
    return CKR_OK;
}

/* --- encryption ------------------------------------------------------------------------------- */

/* Any key will do: it goes into nothing. */
static KK_RV null_cipher_init(struct kk_op *op)
{
    (void)op;
    return CKR_OK;
}

static size_t null_cipher_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    (void)op;
    return phase == KK_PHASE_FINAL ? 0 : in_len;
}

static KK_RV null_cipher_update(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    (void)op;
    return pass(in, out, ret_len);
}

static KK_RV null_cipher_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    (void)op;
    (void)out;
    *ret_len = 0;
    return CKR_OK;
}

/* --- signatures and digests: the message itself ----------------------------------------------- */

struct null_context {
    struct kk_op_context head;
    struct kk_buffer held;
};

static void null_context_free(void *context)
{
    struct null_context *self = context;
    kk_buffer_clear(&self->held);
    kk_op_context_clear(&self->head);
    kk_free(self);
}

static KK_RV null_init(struct kk_op *op)
{
    struct null_context *context = kk_op_reuse(op, null_context_free);
    if (context == NULL) {
        KK_TRY(kk_alloc(sizeof *context, &context));
        context->held.wipe = true;
        kk_op_install(op, &context->head, null_context_free);
    }
    kk_held_start(&context->held);
    return CKR_OK;
}

static size_t null_length(const struct kk_op *op)
{
    (void)op;
    return KK_HELD_MAX;
}

static size_t null_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    const struct null_context *context = op->context;
    (void)phase;
    return context->held.len + in_len;
}

static KK_RV null_update(struct kk_op *op, struct kk_span in)
{
    struct null_context *context = op->context;
    return kk_held_put(&context->held, in, KK_HELD_MAX, CKR_DATA_LEN_RANGE);
}

/*= pkcs11-3.2 C_DigestKey: CKR_KEY_INDIGESTIBLE */
static KK_RV null_update_key(struct kk_op *op, struct kk_span key)
{
    (void)op;
    (void)key;
    return CKR_KEY_INDIGESTIBLE;
}

static KK_RV null_final(struct kk_op *op, uint8_t *out, size_t *ret_len)
{
    struct null_context *context = op->context;
    return pass(kk_buffer_span(&context->held), out, ret_len);
}

static KK_RV null_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    (void)op;
    KK_ENSURE(in.len <= KK_HELD_MAX, CKR_DATA_LEN_RANGE);
    return pass(in, out, ret_len);
}

/*= pkcs11-3.2 CKM_NULL mechanism parameters: CKR_OK or CKR_SIGNATURE_INVALID */
static KK_RV null_verify_single(struct kk_op *op, struct kk_span in, struct kk_span signature)
{
    (void)op;
    KK_ENSURE(in.len == signature.len, CKR_SIGNATURE_INVALID);
    KK_ENSURE(in.len == 0 || kk_ct_equal(in.data, signature.data, in.len), CKR_SIGNATURE_INVALID);
    return CKR_OK;
}

static KK_RV null_verify_final(struct kk_op *op, struct kk_span signature)
{
    const struct null_context *context = op->context;
    return null_verify_single(op, kk_buffer_span(&context->held), signature);
}

static KK_RV null_recover(struct kk_op *op, struct kk_span signature, uint8_t *out, size_t *ret_len)
{
    return null_single(op, signature, out, ret_len);
}

/* --- keys ------------------------------------------------------------------------------------- */

static KK_RV null_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                              const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    (void)mechanism;
    (void)key;
    (void)param;
    KK_ENSURE(plain_len > 0, CKR_KEY_SIZE_RANGE);
    *ret_len = plain_len;
    return CKR_OK;
}

static KK_RV null_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                       struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                       uint8_t *out, size_t *ret_len)
{
    (void)crypto;
    KK_TRY(null_wrap_length(mechanism, key, param, plain.len, ret_len));
    return pass(plain, out, ret_len);
}

static KK_RV null_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                         struct kk_secret **ret_plain)
{
    (void)crypto;
    (void)mechanism;
    (void)key;
    (void)param;
    KK_ENSURE(wrapped.len > 0, CKR_WRAPPED_KEY_LEN_RANGE);
    return kk_secret_from(wrapped, ret_plain);
}

/*= pkcs11-3.2 CKM_NULL mechanism parameters: the derived key has the same value as the base key */
/* A shorter one would be another value, and could be guessed. */
static KK_RV null_derive(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                         size_t count, struct kk_secret **ret_values)
{
    struct kk_span value = {0};
    (void)crypto;
    (void)mechanism;
    (void)param;
    (void)count;
    KK_TRY(kk_secret_of(base, &value));
    KK_ENSURE(lengths[0] == 0 || lengths[0] == value.len, CKR_KEY_SIZE_RANGE);
    return kk_secret_from(value, &ret_values[0]);
}

static const struct kk_cipher_ops cipher_ops = {
    .init = null_cipher_init,
    .bound = null_cipher_bound,
    .update = null_cipher_update,
    .final = null_cipher_final,
    .exact = true,
};

static const struct kk_sign_ops sign_ops = {
    .init = null_init,
    .length = null_length,
    .bound = null_bound,
    .update = null_update,
    .final = null_final,
    .single = null_single,
    .verify_final = null_verify_final,
    .verify_single = null_verify_single,
    .recover = null_recover,
};

static const struct kk_digest_ops digest_ops = {
    .init = null_init,
    .length = null_length,
    .bound = null_bound,
    .update = null_update,
    .update_key = null_update_key,
    .final = null_final,
    .single = null_single,
};

static const struct kk_derive_ops derive_ops = {
    .derive = null_derive,
    .inherit = KK_INHERIT_FLAGS,
};

static const struct kk_wrap_ops wrap_ops = {
    .length = null_wrap_length,
    .wrap = null_wrap,
    .unwrap = null_unwrap,
    .private_keys = true,
    .discloses = true,
};

/* clang-format off */
static const struct kk_mechanism rows[] = {
    {KK_MECHANISM(CKM_NULL), .key_type = CKK_GENERIC_SECRET, .key_type2 = KK_ANY_KEY, .shape = KK_PARAM_NONE,
     .cipher = &cipher_ops, .sign = &sign_ops, .digest = &digest_ops, .derive = &derive_ops, .wrap = &wrap_ops},
};
/* clang-format on */

const struct kk_mechanism_family kk_family_null = {rows, KK_ARRAY_LEN(rows)};
