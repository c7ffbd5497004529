/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error lines and the exit status.
 */
#include "cli/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/banned.h"

CK_RV kk_cli_error(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return CKR_FUNCTION_FAILED;
}

/* clang-format off */
static const struct {
    CK_RV rv;
    const char *text;
} explanations[] = {
    {CKR_PIN_LOCKED,            "CKR_PIN_LOCKED: The PIN is locked after too many wrong ones."},
    {CKR_PIN_LEN_RANGE,         "CKR_PIN_LEN_RANGE: The module wants a PIN of another length."},
    {CKR_PIN_INVALID,           "CKR_PIN_INVALID: The module does not take this PIN."},
    {CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED: The token cannot be written to."},
};
/* clang-format on */

void kk_cli_explain(CK_RV rv)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(explanations); i++) {
        if (explanations[i].rv == rv) {
            (void)kk_cli_error("%s", explanations[i].text);
        }
    }
}

int kk_cli_exit_status(CK_RV rv)
{
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    return rv == CKR_OK && written ? 0 : 1;
}
