/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrapping with associated data, the tag apart (C_WrapKeyAuthenticated): a row's own wrapping with
 * what a CK_..._MESSAGE_PARAMS says. Rows whose kk_wrap_ops have `auth`.
 */
#pragma once

#include "mechanism/mechanism.h"

/* What such a parameter says, the same for all AEADs. The pointers are the structure's own. */
struct kk_wrap_message {
    uint8_t *iv; /* or nonce */
    size_t iv_len;
    CK_GENERATOR_FUNCTION generator;
    CK_ULONG fixed_bits;
    uint8_t *tag;
    size_t tag_len;
};

/* The structures that can be a parameter. */
union kk_wrap_message_params {
    CK_GCM_MESSAGE_PARAMS gcm;
    CK_CCM_MESSAGE_PARAMS ccm;
};

struct kk_wrap_auth_ops {
    enum kk_param_shape shape; /* of the parameter */
    /* CKR_MECHANISM_PARAM_INVALID: lengths that cannot be. */
    KK_RV (*read)(const void *params, struct kk_wrap_message *ret_message);
    /* The row's own parameter for the same; `ret_params` is large enough. */
    void (*inner)(const struct kk_wrap_message *message, struct kk_span aad, void *ret_params);
};

/* Of the wrapped key without its tag. `param` is of the shape above in all of these. Codes as
 * those of kk_wrap_ops. */
KK_RV kk_wrap_auth_length(const struct kk_mechanism *mechanism, struct kk_key *key,
                          const struct kk_param *param, size_t plain_len, size_t *ret_len);

/* Generates the IV where the generator says so (CKG_GENERATE, CKG_GENERATE_RANDOM; counters would
 * begin at zero with every call, and are CKR_MECHANISM_PARAM_INVALID). IV and tag stand in the
 * parameter afterwards. */
KK_RV kk_wrap_auth(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                   struct kk_key *key, const struct kk_param *param, struct kk_span aad,
                   struct kk_span plain, uint8_t *out, size_t *ret_len);

/* CKR_WRAPPED_KEY_INVALID also when tag, IV or associated data are not those of the wrapping. */
KK_RV kk_unwrap_auth(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key *key, const struct kk_param *param, struct kk_span aad,
                     struct kk_span wrapped, struct kk_secret **ret_plain);

extern const struct kk_wrap_auth_ops kk_gcm_wrap_auth_ops;
extern const struct kk_wrap_auth_ops kk_ccm_wrap_auth_ops;
