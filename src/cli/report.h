/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs say. Normal text goes to stdout, errors to stderr, one line each.
 */
#pragma once

#include "base/macros.h"

/* Prints a line on stderr, after everything that stands before it on stdout. Returns
 * CKR_FUNCTION_FAILED: a function of cli/ that returns a failure has said why. */
CK_RV kk_cli_error(const char *format, ...) KK_PRINTF(1, 2);

/* From here on a program's errors are one sentence each, "<program>: ...": the first that is said
 * after this, without "ERROR: ". What the functions of cli/ say after it is its consequence, and
 * not printed. Without this call errors are said as SoftHSM says them. */
void kk_cli_report_as(const char *program);

/* Whether that was called: then SoftHSM's words are not needed, and the reason is said. */
bool kk_cli_gives_reasons(void);

/* Whether an error was said. */
bool kk_cli_has_failed(void);

/* A second line for those results that an operator can do something about and that SoftHSM's own
 * message does not tell apart. */
void kk_cli_explain(CK_RV rv);

/* The exit status of a failure that is an answer. */
#define KK_CLI_STATUS_BAD_SIGNATURE 3
void kk_cli_set_status(int status);

/* The exit status of a program: 0 or 1, or what was set. What could not be written to stdout is a
 * failure too. */
int kk_cli_exit_status(CK_RV rv);
