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

int kk_cli_exit_status(CK_RV rv)
{
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    return rv == CKR_OK && written ? 0 : 1;
}
