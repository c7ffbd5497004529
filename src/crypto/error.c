/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From OpenSSL's error queue to one CKR_ code. The latest error says what went wrong; those before
 * it are usually its causes, of less use to who reads the log.
 */
#include "crypto/error.h"

#include <openssl/err.h>

#include "base/log.h"
#include "crypto/provider.h"

#include "base/banned.h"

static CK_RV code_of(unsigned long error, CK_RV otherwise)
{
    if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
        return CKR_HOST_MEMORY;
    }
    if (ERR_GET_LIB(error) == ERR_LIB_RAND) {
        return CKR_RANDOM_NO_RNG;
    }
    return otherwise;
}

CK_RV kk_crypto_error(const char *what, CK_RV otherwise)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long error = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
    char text[160] = "no further reason";
    if (error != 0) {
        ERR_error_string_n(error, text, sizeof text);
    }
    CK_RV rv = code_of(error, otherwise);
    kk_log_debug("%s: %s%s%s", what, text, data != NULL && *data != '\0' ? ": " : "",
                 data != NULL && (flags & ERR_TXT_STRING) != 0 ? data : "");
    kk_crypto_drop_errors();
    return rv;
}
