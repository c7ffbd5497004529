/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AES key wraps as mechanisms: KW, KWP and KW after PKCS#7 padding to half blocks. As
 * encryption they are single-part; as wrapping, KW fills a key up with zeros.
 */
#include "crypto/kw.h"

#include "base/memory.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* KW's longest input is a GiB; padding must not overflow on the way to that check. */
#define LONGEST ((size_t)1 << 30)
#define KW_IV 8
#define KWP_IV 4

/* CKM_AES_KEY_WRAP_PAD is KWP, as with SoftHSM; with KW's IV of 8 bytes it is what PKCS#11 2.40 had
 * under this name, and Java uses: KW after PKCS#7 padding. No IV serves both. */
static enum kk_kw_detail form_of(const struct kk_mechanism *mechanism, const struct kk_param *param)
{
    if (mechanism->detail == KK_KW_DETAIL_BY_IV) {
        return param->present && param->len == KW_IV ? KK_KW_DETAIL_PKCS7 : KK_KW_DETAIL_KWP;
    }
    return (enum kk_kw_detail)mechanism->detail;
}

static enum kk_kw kind_of(enum kk_kw_detail form)
{
    return form == KK_KW_DETAIL_KWP ? KK_KWP : KK_KW;
}

/* What goes into the algorithm: as it is, or with PKCS#7 padding. */
static size_t inner_length(enum kk_kw_detail form, size_t len)
{
    return form == KK_KW_DETAIL_PKCS7 ? (len / KK_KW_STEP + 1) * KK_KW_STEP : len;
}

/*= pkcs11-3.2 CKM_AES_KEY_WRAP: a key whose length is not a multiple of 8 will be zero padded */
static size_t zero_filled(enum kk_kw_detail form, size_t len)
{
    return form == KK_KW_DETAIL_KW ? (len + KK_KW_STEP - 1) / KK_KW_STEP * KK_KW_STEP : len;
}

static struct kk_span iv_of(const struct kk_param *param)
{
    return param->present ? KK_SPAN(param->data, param->len) : KK_SPAN(NULL, 0);
}

static KK_RV output_length(enum kk_kw_detail form, size_t len, size_t *ret_len)
{
    KK_ENSURE(len <= LONGEST, CKR_DATA_LEN_RANGE);
    return kk_kw_length(kind_of(form), inner_length(form, len), ret_len);
}

/* `zeros` bytes of zero stand behind `in`, then the padding, if the mechanism has one. */
static KK_RV wrap_bytes(struct kk_crypto *crypto, enum kk_kw_detail form, struct kk_span key,
                        struct kk_span iv, struct kk_span in, size_t zeros, uint8_t *out,
                        size_t *ret_len)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *inner = NULL;
    size_t want = 0;
    KK_TRY(output_length(form, in.len + zeros, &want));
    size_t len = inner_length(form, in.len + zeros);
    if (len == in.len) {
        return kk_kw_wrap(crypto, kind_of(form), key, iv, in, out, ret_len);
    }
    KK_TRY(kk_secret_new(len, &inner));
    uint8_t *bytes = kk_secret_data(inner);
    if (form == KK_KW_DETAIL_PKCS7) {
        memset(bytes, (int)(len - in.len), len);
    }
    if (in.len > 0) {
        memcpy(bytes, in.data, in.len);
    }
    return kk_kw_wrap(crypto, kind_of(form), key, iv, kk_secret_span(inner), out, ret_len);
}

static KK_RV take_padding_off(struct kk_secret *plain)
{
    struct kk_span bytes = kk_secret_span(plain);
    uint8_t pad = bytes.data[bytes.len - 1];
    KK_ENSURE(pad >= 1 && pad <= KK_KW_STEP, CKR_ENCRYPTED_DATA_INVALID);
    for (size_t i = 1; i <= pad; i++) {
        KK_ENSURE(bytes.data[bytes.len - i] == pad, CKR_ENCRYPTED_DATA_INVALID);
    }
    kk_secret_truncate(plain, bytes.len - pad);
    return CKR_OK;
}

static KK_RV unwrap_bytes(struct kk_crypto *crypto, enum kk_kw_detail form, struct kk_span key,
                          struct kk_span iv, struct kk_span in, struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_TRY(kk_kw_unwrap(crypto, kind_of(form), key, iv, in, &plain));
    if (form == KK_KW_DETAIL_PKCS7) {
        KK_TRY(take_padding_off(plain));
    }
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

static KK_RV check_iv(const struct kk_mechanism *mechanism, const struct kk_param *param)
{
    size_t want = kind_of(form_of(mechanism, param)) == KK_KW ? KW_IV : KWP_IV;
    KK_ENSURE(!param->present || param->len == want, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static KK_RV kw_init(struct kk_op *op)
{
    struct kk_span key = {0};
    KK_TRY(check_iv(op->mechanism, &op->param));
    return kk_aes_key_of(op->key, &key);
}

static size_t kw_bound(const struct kk_op *op, enum kk_phase phase, size_t in_len)
{
    size_t len = 0;
    if (phase != KK_PHASE_SINGLE) {
        return 0;
    }
    if (op->kind == KK_OP_DECRYPT) {
        return in_len > KK_KW_STEP ? in_len - KK_KW_STEP : 0;
    }
    return output_length(form_of(op->mechanism, &op->param), in_len, &len) == CKR_OK ? len : 0;
}

static KK_RV kw_single(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    struct kk_span key = {0};
    struct kk_span iv = iv_of(&op->param);
    enum kk_kw_detail form = form_of(op->mechanism, &op->param);
    KK_TRY(kk_aes_key_of(op->key, &key));
    if (op->kind == KK_OP_ENCRYPT) {
        return wrap_bytes(op->crypto, form, key, iv, in, 0, out, ret_len);
    }
    KK_TRY(unwrap_bytes(op->crypto, form, key, iv, in, &plain));
    struct kk_span bytes = kk_secret_span(plain);
    if (bytes.len > 0) {
        memcpy(out, bytes.data, bytes.len);
    }
    *ret_len = bytes.len;
    return CKR_OK;
}

static KK_RV kw_wrap_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                            const struct kk_param *param, size_t plain_len, size_t *ret_len)
{
    (void)key;
    enum kk_kw_detail form = form_of(mechanism, param);
    KK_TRY(check_iv(mechanism, param));
    KK_ENSURE(plain_len > 0 && plain_len <= LONGEST, CKR_KEY_SIZE_RANGE);
    return kk_wrap_code(output_length(form, zero_filled(form, plain_len), ret_len));
}

static KK_RV kw_wrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                     uint8_t *out, size_t *ret_len)
{
    struct kk_span value = {0};
    size_t want = 0;
    KK_TRY(kw_wrap_length(mechanism, key, param, plain.len, &want));
    KK_TRY(kk_aes_key_of(key, &value));
    enum kk_kw_detail form = form_of(mechanism, param);
    size_t zeros = zero_filled(form, plain.len) - plain.len;
    return kk_wrap_code(wrap_bytes(crypto, form, value, iv_of(param), plain, zeros, out, ret_len));
}

static KK_RV kw_unwrap(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                       struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                       struct kk_secret **ret_plain)
{
    struct kk_span value = {0};
    KK_TRY(check_iv(mechanism, param));
    KK_TRY(kk_aes_key_of(key, &value));
    return kk_wrap_code(
        unwrap_bytes(crypto, form_of(mechanism, param), value, iv_of(param), wrapped, ret_plain));
}

const struct kk_cipher_ops kk_kw_ops = {
    .init = kw_init,
    .bound = kw_bound,
    .single = kw_single,
    .exact = true,
};

const struct kk_cipher_ops kk_kw_pad_ops = {
    .init = kw_init,
    .bound = kw_bound,
    .single = kw_single,
    .exact = false,
};

const struct kk_wrap_ops kk_kw_wrap_ops = {
    .length = kw_wrap_length,
    .wrap = kw_wrap,
    .unwrap = kw_unwrap,
    .private_keys = true,
};
