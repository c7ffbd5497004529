/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo-random functions and hashes that a parameter names by their mechanism.
 */
#pragma once

#include "crypto/mac.h"
#include "mechanism/mechanism.h"

/* OpenSSL's name and the length of a digest mechanism's hash. CKR_MECHANISM_PARAM_INVALID for what
 * is none. */
KK_RV kk_hash_of(CK_MECHANISM_TYPE type, const char **ret_name, size_t *ret_len);

/* The same for an HMAC mechanism's hash. */
KK_RV kk_hmac_hash_of(CK_MECHANISM_TYPE type, const char **ret_name, size_t *ret_len);

/* A MAC by its mechanism: an HMAC, CKM_AES_CMAC, CKM_DES3_CMAC. CKR_MECHANISM_PARAM_INVALID for
 * what is none, CKR_KEY_SIZE_RANGE for a key that it does not take. */
KK_RV kk_prf_new(struct kk_crypto *crypto, CK_MECHANISM_TYPE type, struct kk_span key,
                 struct kk_mac **ret_mac);

/* The pieces one after the other through a MAC that stands at its start, or is put there. */
KK_RV kk_prf_compute(struct kk_mac *mac, const struct kk_span *pieces, size_t count, uint8_t *out);
