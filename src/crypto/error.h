/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From OpenSSL's error queue to one CKR_ code.
 */
#pragma once

#include "base/macros.h"

/* After an OpenSSL call that failed: writes its latest error to the debug log under the name `what`
 * (a literal, such as "EVP_PKEY_sign"), drops from the queue what came since the entry, and
 * returns `otherwise`, unless the queue says that memory (CKR_HOST_MEMORY) or the random generator
 * (CKR_RANDOM_NO_RNG) was the trouble. */
CK_RV kk_crypto_error(const char *what, CK_RV otherwise) __attribute__((cold));
