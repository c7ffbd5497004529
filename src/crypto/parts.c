/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of keys, and the way of numbers into and out of OpenSSL.
 */
#include "crypto/key_internal.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/error.h"
#include "crypto/own_keys.h"

void kk_key_parts_clear(struct kk_key_parts *parts)
{
    if (parts == NULL) {
        return;
    }
    for (size_t i = 0; i < KK_PART_COUNT; i++) {
        kk_secret_free(parts->part[i]);
    }
    *parts = (struct kk_key_parts){0};
}

void kk_key_parts_give(struct kk_key_parts *parts, enum kk_part part, struct kk_secret *secret)
{
    kk_secret_free(parts->part[part]);
    parts->part[part] = secret;
}

KK_RV kk_key_parts_set(struct kk_key_parts *parts, enum kk_part part, struct kk_span value)
{
    struct kk_secret *secret = NULL;
    KK_TRY(kk_secret_from(value, &secret));
    kk_key_parts_give(parts, part, secret);
    return CKR_OK;
}

struct kk_span kk_key_parts_get(const struct kk_key_parts *parts, enum kk_part part)
{
    return parts->part[part] != NULL ? kk_secret_span(parts->part[part]) : KK_SPAN(NULL, 0);
}

/* OSSL_PARAM's numbers lie in the machine's own order. */
static void to_native(uint8_t *bytes, size_t len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t swapped = bytes[i];
        bytes[i] = bytes[len - 1 - i];
        bytes[len - 1 - i] = swapped;
    }
#else
    (void)bytes;
    (void)len;
#endif
}

void kk_pkey_params_clear(struct kk_pkey_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        kk_secret_free(params->held[i]);
    }
    params->count = 0;
}

static OSSL_PARAM *next_param(struct kk_pkey_params *params)
{
    KK_ASSERT(params->count < KK_PKEY_PARAMS);
    params->params[params->count + 1] = OSSL_PARAM_construct_end();
    return &params->params[params->count++];
}

KK_RV kk_pkey_params_number(struct kk_pkey_params *params, const char *name, struct kk_span number)
{
    struct kk_span bare = kk_strip_zeros(number);
    struct kk_secret *native = NULL;
    KK_TRY(kk_secret_new(KK_MAX(bare.len, (size_t)1), &native));
    uint8_t *data = kk_secret_data(native);
    if (bare.len > 0) {
        memcpy(data, bare.data, bare.len);
        to_native(data, bare.len);
    }
    params->held[params->count] = native;
    *next_param(params) = OSSL_PARAM_construct_BN(name, data, kk_secret_len(native));
    return CKR_OK;
}

KK_RV kk_pkey_params_bn(struct kk_pkey_params *params, const char *name, const BIGNUM *number)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *native = NULL;
    KK_TRY(kk_secret_new((size_t)KK_MAX(BN_num_bytes(number), 1), &native));
    uint8_t *data = kk_secret_data(native);
    size_t len = kk_secret_len(native);
    KK_ENSURE(BN_bn2nativepad(number, data, (int)len) >= 0, CKR_FUNCTION_FAILED);
    params->held[params->count] = KK_STEAL(native);
    *next_param(params) = OSSL_PARAM_construct_BN(name, data, len);
    return CKR_OK;
}

void kk_pkey_params_bytes(struct kk_pkey_params *params, const char *name, struct kk_span bytes)
{
    params->held[params->count] = NULL;
    /* OpenSSL's constructor wants a writable pointer; it is only read. */
    union {
        const void *in;
        void *out;
    } data = {.in = bytes.data};
    *next_param(params) = OSSL_PARAM_construct_octet_string(name, data.out, bytes.len);
}

void kk_pkey_params_text(struct kk_pkey_params *params, const char *name, const char *text)
{
    params->held[params->count] = NULL;
    union {
        const char *in;
        char *out;
    } data = {.in = text};
    *next_param(params) = OSSL_PARAM_construct_utf8_string(name, data.out, 0);
}

void kk_pkey_params_int(struct kk_pkey_params *params, const char *name, const int *value)
{
    params->held[params->count] = NULL;
    union {
        const int *in;
        int *out;
    } data = {.in = value};
    *next_param(params) = OSSL_PARAM_construct_int(name, data.out);
}

KK_RV kk_pkey_new(struct kk_crypto *crypto, const char *type, bool is_private,
                  struct kk_pkey_params *params, CK_RV otherwise, EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = kk_own_keys_context(crypto->libctx, type);
    EVP_PKEY *pkey = NULL;
    KK_ENSURE(ctx != NULL, kk_crypto_error("EVP_PKEY_CTX_new_from_name", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_fromdata_init(ctx) == 1,
              kk_crypto_error("EVP_PKEY_fromdata_init", CKR_FUNCTION_FAILED));
    int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    int ok = EVP_PKEY_fromdata(ctx, &pkey, selection, params->params);
    kk_wipe_stack();
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_fromdata", otherwise));
    *ret_pkey = pkey;
    return CKR_OK;
}

KK_RV kk_pkey_generator(struct kk_crypto *crypto, const char *type, struct kk_pkey_params *params,
                        EVP_PKEY_CTX **ret_ctx)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = kk_own_keys_context(crypto->libctx, type);
    KK_ENSURE(ctx != NULL, kk_crypto_error("EVP_PKEY_CTX_new_from_name", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_keygen_init(ctx) == 1,
              kk_crypto_error("EVP_PKEY_keygen_init", CKR_FUNCTION_FAILED));
    KK_ENSURE(params->count == 0 || EVP_PKEY_CTX_set_params(ctx, params->params) == 1,
              kk_crypto_error("EVP_PKEY_CTX_set_params", CKR_FUNCTION_FAILED));
    *ret_ctx = KK_STEAL(ctx);
    return CKR_OK;
}

static int goes_on(KK_UNUSED EVP_PKEY_CTX *ctx)
{
    return !kk_crypto_is_stopped();
}

KK_RV kk_pkey_generate(struct kk_crypto *crypto, const char *type, struct kk_pkey_params *params,
                       EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    KK_TRY(kk_pkey_generator(crypto, type, params, &ctx));
    EVP_PKEY_CTX_set_cb(ctx, goes_on);
    int ok = EVP_PKEY_generate(ctx, ret_pkey);
    kk_wipe_stack();
    KK_ENSURE(ok == 1 || !kk_crypto_is_stopped(), CKR_FUNCTION_CANCELED);
    KK_ENSURE(ok == 1, kk_crypto_error("EVP_PKEY_generate", CKR_FUNCTION_FAILED));
    kk_crypto_forget_drawn(crypto);
    return CKR_OK;
}

KK_RV kk_pkey_get_number(EVP_PKEY *pkey, const char *name, size_t len, bool strip,
                         struct kk_key_parts *parts, enum kk_part part)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    KK_TRY(kk_secret_new(len, &secret));
    uint8_t *data = kk_secret_data(secret);
    OSSL_PARAM params[2] = {OSSL_PARAM_construct_BN(name, data, len), OSSL_PARAM_construct_end()};
    KK_ENSURE(EVP_PKEY_get_params(pkey, params) == 1 && OSSL_PARAM_modified(&params[0]),
              kk_crypto_error("EVP_PKEY_get_params", CKR_FUNCTION_FAILED));
    size_t got = params[0].return_size;
    KK_ENSURE(got <= len, CKR_FUNCTION_FAILED);
    to_native(data, got);
    if (got < len) {
        memmove(data + (len - got), data, got);
        memset(data, 0, len - got);
    }
    if (!strip) {
        kk_key_parts_give(parts, part, KK_STEAL(secret));
        return CKR_OK;
    }
    return kk_key_parts_set(parts, part, kk_strip_zeros(kk_secret_span(secret)));
}

KK_RV kk_pkey_get_bytes(EVP_PKEY *pkey, const char *name, size_t len, struct kk_key_parts *parts,
                        enum kk_part part)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    size_t got = 0;
    KK_TRY(kk_secret_new(len, &secret));
    KK_ENSURE(EVP_PKEY_get_octet_string_param(pkey, name, kk_secret_data(secret), len, &got) == 1,
              kk_crypto_error("EVP_PKEY_get_octet_string_param", CKR_FUNCTION_FAILED));
    kk_secret_truncate(secret, got);
    kk_key_parts_give(parts, part, KK_STEAL(secret));
    return CKR_OK;
}

KK_RV kk_part_from_bn(struct kk_key_parts *parts, enum kk_part part, const BIGNUM *number,
                      size_t len)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    size_t size = len != 0 ? len : (size_t)BN_num_bytes(number);
    KK_TRY(kk_secret_new(size, &secret));
    KK_ENSURE(BN_bn2binpad(number, kk_secret_data(secret), (int)size) >= 0, CKR_FUNCTION_FAILED);
    kk_key_parts_give(parts, part, KK_STEAL(secret));
    return CKR_OK;
}
