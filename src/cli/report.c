/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error lines and the exit status.
 */
#include "cli/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/colour.h"
#include "cli/progress.h"

#include "base/banned.h"

static const char *program;
static bool failed;
static int failure_status = 1;

void kk_cli_report_as(const char *name)
{
    program = name;
}

bool kk_cli_gives_reasons(void)
{
    return program != NULL;
}

bool kk_cli_has_failed(void)
{
    return failed;
}

CK_RV kk_cli_error(const char *format, ...)
{
    static const char prefix[] = "ERROR: ";
    va_list arguments;
    bool first = !failed;
    failed = true;
    if (program != NULL && !first) {
        return CKR_FUNCTION_FAILED;
    }
    fflush(stdout);
    kk_progress_clear();
    if (program != NULL) {
        bool is_coloured = kk_colour_is_on(stderr);
        fprintf(stderr, "%s%s:%s ", is_coloured ? KK_COLOUR_RED : "", program,
                is_coloured ? KK_COLOUR_END : "");
        format += strncmp(format, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    }
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

void kk_cli_set_status(int status)
{
    failure_status = status;
}

int kk_cli_exit_status(CK_RV rv)
{
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    return rv == CKR_OK && written ? 0 : failure_status;
}
