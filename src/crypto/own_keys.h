/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For crypto/ alone: keys out of the reach of the application's ENGINEs. Every EVP_PKEY and
 * EVP_PKEY_CTX of ours is made here.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/types.h>

#include "base/macros.h"

/* Once per library context, after the provider whose keys they are: the default one, or the FIPS
 * one. */
KK_RV kk_own_keys_load(OSSL_LIB_CTX *libctx, OSSL_PROVIDER *main_provider, bool is_fips,
                       OSSL_PROVIDER **ret_provider);

/* To make keys of a type by OpenSSL's name ("RSA", "EC", "ED25519"); NULL as OpenSSL's own, or for
 * a type that is not in the table. */
EVP_PKEY_CTX *kk_own_keys_context(OSSL_LIB_CTX *libctx, const char *type);

/* To use one. */
EVP_PKEY_CTX *kk_own_keys_operation(OSSL_LIB_CTX *libctx, EVP_PKEY *pkey);

/* The property query for functions of OpenSSL's that make the context themselves. */
const char *kk_own_keys_preference(void);
