/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key management: generation, wrapping, derivation (chapter 5.18 of PKCS#11 3.2).
 */
#pragma once

#include "session/objects.h"

KK_RV kk_call_generate_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                           struct kk_param *param, const struct kk_attrs *tmpl,
                           CK_OBJECT_HANDLE *ret_key);

KK_RV kk_call_generate_pair(struct kk_call *call, const struct kk_mechanism *mechanism,
                            struct kk_param *param, const struct kk_attrs *public_tmpl,
                            const struct kk_attrs *private_tmpl, CK_OBJECT_HANDLE *ret_public,
                            CK_OBJECT_HANDLE *ret_private);

/* C_WrapKey. CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_UNEXTRACTABLE, CKR_KEY_NOT_WRAPPABLE, CKR_KEY_SIZE_RANGE,
 * CKR_BUFFER_TOO_SMALL. */
KK_RV kk_call_wrap(struct kk_call *call, const struct kk_mechanism *mechanism,
                   struct kk_param *param, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
                   const struct kk_output *out);

KK_RV kk_call_unwrap(struct kk_call *call, const struct kk_mechanism *mechanism,
                     struct kk_param *param, CK_OBJECT_HANDLE unwrapping_key,
                     struct kk_span wrapped, const struct kk_attrs *tmpl,
                     CK_OBJECT_HANDLE *ret_key);

KK_RV kk_call_derive(struct kk_call *call, const struct kk_mechanism *mechanism,
                     struct kk_param *param, CK_OBJECT_HANDLE base_key, const struct kk_attrs *tmpl,
                     CK_OBJECT_HANDLE *ret_key);

/* C_EncapsulateKey: the ciphertext into `out` and a new secret key. A length query makes no key.
 * CKR_KEY_HANDLE_INVALID (also: not as CKA_ENCAPSULATE_TEMPLATE says), CKR_KEY_TYPE_INCONSISTENT,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_SIZE_RANGE, CKR_BUFFER_TOO_SMALL. */
KK_RV kk_call_encapsulate(struct kk_call *call, const struct kk_mechanism *mechanism,
                          struct kk_param *param, CK_OBJECT_HANDLE public_key,
                          const struct kk_attrs *tmpl, const struct kk_output *out,
                          CK_OBJECT_HANDLE *ret_key);

/* C_DecapsulateKey. CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE. */
KK_RV kk_call_decapsulate(struct kk_call *call, const struct kk_mechanism *mechanism,
                          struct kk_param *param, CK_OBJECT_HANDLE private_key,
                          struct kk_span ciphertext, const struct kk_attrs *tmpl,
                          CK_OBJECT_HANDLE *ret_key);
