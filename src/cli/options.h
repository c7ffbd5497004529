/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command lines of the programs. A program is a table with one row per action and per option;
 * getopt's table and the help are made from these rows.
 */
#pragma once

#include "base/macros.h"

enum kk_cli_row_kind {
    KK_CLI_ROW_ACTION,  /* an action; its value, if it has one, is a text */
    KK_CLI_ROW_HELP,    /* prints, and that is all */
    KK_CLI_ROW_VERSION, /* the same */
    KK_CLI_ROW_TEXT,    /* an option with a text */
    KK_CLI_ROW_PIN,     /* an option with a text that is wiped from the command line */
    KK_CLI_ROW_FLAG
};

struct kk_cli_row {
    const char *name;
    const char *value; /* what the help calls its value; NULL: it has none */
    enum kk_cli_row_kind kind;
    size_t member;      /* where the value goes in the program's options: a const char *, a
                           struct kk_secret * or a bool. KK_CLI_NO_MEMBER: nowhere */
    const void *action; /* the program's own, for an action */
    const char *help;   /* lines separated by \n */
};

#define KK_CLI_NO_MEMBER SIZE_MAX

struct kk_cli_program {
    const char *title;
    const char *usage; /* what stands behind "Usage: " */
    const struct kk_cli_row *rows;
    size_t row_count;
    int bare_status; /* the exit status when there are no arguments at all */
};

/*
 * Reads the command line into `options`, where the rows say. A program that has actions wants
 * exactly one; *ret_action is its row's.
 *
 * False when there is nothing left to do: then *ret_status is the exit status, and the usage, the
 * version or an error has been printed. What `options` got stays the caller's to free either way.
 */
bool kk_cli_options_parse(const struct kk_cli_program *program, int argc, char **argv,
                          void *options, const void **ret_action, int *ret_status);
