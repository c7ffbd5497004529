/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs: from the command line, a file, an environment variable, a file descriptor, or the terminal.
 */
#pragma once

#include "base/secret.h"

#define KK_CLI_PIN_MIN 4
#define KK_CLI_PIN_MAX 255

/* Where a PIN may come from. At most one of the four is set; none means the terminal. */
struct kk_cli_pin_source {
    struct kk_secret *value;
    const char *file; /* its first line */
    const char *env;
    const char *fd; /* the next line of this one; keykist only */
};

void kk_cli_pin_source_clear(struct kk_cli_pin_source *source);

/* Keeps a PIN of the command line in secret memory, in place of what *member held, and takes it out
 * of the process's list of arguments. */
KK_RV kk_cli_pin_take(char *value, struct kk_secret **member);

/* What was given without asking; NULL when nothing was. `option` is the name of its option, for
 * what is said when that goes wrong ("--pin"). */
KK_RV kk_cli_pin_given(const struct kk_cli_pin_source *source, const char *option,
                       struct kk_secret **ret_pin);

enum kk_cli_pin_role { KK_CLI_PIN_SO, KK_CLI_PIN_USER };

/* The PIN of `source`; when there is none, or its length is out of range, the terminal is asked
 * until two equal PINs of a good length come. Says what went wrong. */
KK_RV kk_cli_pin_get(const struct kk_cli_pin_source *source, enum kk_cli_pin_role role,
                     struct kk_secret **ret_pin);
