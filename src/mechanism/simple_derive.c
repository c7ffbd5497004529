/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys from keys without much cryptography: put together, XORed, cut out, hashed.
 */
#include "base/memory.h"
#include "crypto/digest.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* Gives `value`, cut to what is asked for. The leading bytes stay. */
static KK_RV give(struct kk_secret **value, size_t asked, struct kk_secret **ret_value)
{
    size_t len = kk_secret_len(*value);
    /*= pkcs11-3.2 Miscellaneous simple key derivation mechanisms: more bytes than are available
     * are an error */
    KK_ENSURE(asked <= len, CKR_KEY_SIZE_RANGE);
    if (asked > 0) {
        kk_secret_truncate(*value, asked);
    }
    *ret_value = KK_STEAL(*value);
    return CKR_OK;
}

static KK_RV joined(struct kk_span first, struct kk_span second, size_t asked,
                    struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    size_t len = 0;
    KK_ENSURE(kk_add(first.len, second.len, &len), CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(len, &value));
    if (first.len > 0) {
        memcpy(kk_secret_data(value), first.data, first.len);
    }
    if (second.len > 0) {
        memcpy(kk_secret_data(value) + first.len, second.data, second.len);
    }
    return give(&value, asked, ret_value);
}

static KK_RV data_of(const struct kk_param *param, struct kk_span *ret_data)
{
    const CK_KEY_DERIVATION_STRING_DATA *text = param->data;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    *ret_data = KK_SPAN(text->pData, text->ulLen);
    return CKR_OK;
}

static KK_RV base_and_key(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                          size_t count, struct kk_secret **ret_values)
{
    struct kk_span first = {0};
    struct kk_span second = {0};
    (void)crypto;
    (void)mechanism;
    (void)count;
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(kk_param_key(param, 0) != NULL, CKR_KEY_HANDLE_INVALID);
    KK_TRY(kk_secret_of(base, &first));
    KK_TRY(kk_secret_of(param->keys[0], &second));
    return joined(first, second, lengths[0], &ret_values[0]);
}

static KK_RV base_and_data(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                           size_t count, struct kk_secret **ret_values)
{
    struct kk_span key = {0};
    struct kk_span data = {0};
    (void)crypto;
    (void)count;
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(data_of(param, &data));
    bool data_first = mechanism->detail == KK_CONCATENATE_DATA_FIRST;
    return joined(data_first ? data : key, data_first ? key : data, lengths[0], &ret_values[0]);
}

static KK_RV xor_data(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                      size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    struct kk_span key = {0};
    struct kk_span data = {0};
    (void)crypto;
    (void)mechanism;
    (void)count;
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(data_of(param, &data));
    KK_ENSURE(data.len > 0, CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 XORing of a key and data: the length is the minimum of both */
    KK_TRY(kk_secret_new(KK_MIN(key.len, data.len), &value));
    for (size_t i = 0; i < kk_secret_len(value); i++) {
        kk_secret_data(value)[i] = key.data[i] ^ data.data[i];
    }
    return give(&value, lengths[0], &ret_values[0]);
}

/* The eight bits from bit `at` on, round the end. */
static uint8_t byte_at(struct kk_span key, size_t at)
{
    size_t bits = key.len * 8;
    uint8_t byte = 0;
    for (size_t i = 0; i < 8; i++) {
        size_t bit = (at + i) % bits;
        byte = (uint8_t)(byte << 1 | (key.data[bit / 8] >> (7 - bit % 8) & 1));
    }
    return byte;
}

static KK_RV cut_out(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                     size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    struct kk_span key = {0};
    (void)crypto;
    (void)mechanism;
    (void)count;
    KK_TRY(kk_secret_of(base, &key));
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    CK_ULONG first = *(const CK_EXTRACT_PARAMS *)param->data;
    KK_ENSURE(first < key.len * 8, CKR_MECHANISM_PARAM_INVALID);
    /*= pkcs11-3.2 Extraction of one key from another key: without a length or a key type that has
     * one an error will be returned */
    KK_ENSURE(lengths[0] > 0, CKR_TEMPLATE_INCOMPLETE);
    KK_ENSURE(lengths[0] <= key.len, CKR_KEY_SIZE_RANGE);
    KK_TRY(kk_secret_new(lengths[0], &value));
    for (size_t i = 0; i < lengths[0]; i++) {
        kk_secret_data(value)[i] = byte_at(key, first + i * 8);
    }
    ret_values[0] = KK_STEAL(value);
    return CKR_OK;
}

static KK_RV hashed(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                    size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_CLEANUP(kk_digest_freep) struct kk_digest *digest = NULL;
    char name[KK_ALGORITHM_NAME];
    struct kk_span key = {0};
    (void)count;
    KK_TRY(kk_sha512_t_name(mechanism, param, name));
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(kk_digest_new(crypto, name, &digest));
    KK_TRY(kk_secret_new(kk_digest_size(digest), &value));
    KK_TRY(kk_digest_update(digest, key));
    KK_TRY(kk_digest_finish(digest, kk_secret_data(value)));
    return give(&value, lengths[0], &ret_values[0]);
}

static KK_RV expanded(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                      size_t count, struct kk_secret **ret_values)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    struct kk_span key = {0};
    (void)param;
    (void)count;
    KK_TRY(kk_secret_of(base, &key));
    KK_TRY(kk_secret_new(mechanism->detail, &value));
    KK_TRY(
        kk_digest_expand(crypto, mechanism->hash, key, kk_secret_data(value), mechanism->detail));
    return give(&value, lengths[0], &ret_values[0]);
}

const struct kk_derive_ops kk_base_and_key_ops = {
    .derive = base_and_key, .inherit = KK_INHERIT_FLAGS, .sized = true};
const struct kk_derive_ops kk_base_and_data_ops = {
    .derive = base_and_data, .inherit = KK_INHERIT_FLAGS, .sized = true};
const struct kk_derive_ops kk_xor_data_ops = {
    .derive = xor_data, .inherit = KK_INHERIT_FLAGS, .sized = true};
const struct kk_derive_ops kk_cut_out_ops = {
    .derive = cut_out, .inherit = KK_INHERIT_FLAGS, .sized = true};
const struct kk_derive_ops kk_hashed_ops = {.derive = hashed, .sized = true};
const struct kk_derive_ops kk_expanded_ops = {.derive = expanded, .sized = true};
