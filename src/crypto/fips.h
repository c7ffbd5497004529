/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL's FIPS provider in a library context; for crypto/ alone.
 */
#pragma once

#include "crypto/provider_internal.h"

/* Loads it with the figures of `config` (see kk_crypto_new_fips()), makes it run its self tests,
 * and has all that is fetched from the context from now on approved. CKR_GENERAL_ERROR. */
KK_RV kk_fips_load(OSSL_LIB_CTX *libctx, const char *config, OSSL_PROVIDER **ret_provider);

/* CKR_FUNCTION_FAILED when it does not say. */
KK_RV kk_fips_describe(OSSL_PROVIDER *provider, char ret_text[KK_FIPS_TEXT]);
