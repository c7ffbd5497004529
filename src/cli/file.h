/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the small files that programs are given, and writing those that they make: keys,
 * certificates, PINs.
 */
#pragma once

#include "base/secret.h"

#define KK_CLI_FILE_MAX (1024 * 1024)

enum kk_cli_file_result {
    KK_CLI_FILE_OK,
    KK_CLI_FILE_NOT_OPENED,
    KK_CLI_FILE_NOT_READ, /* also: longer than KK_CLI_FILE_MAX */
};

/* The whole of a file (or pipe) into secret memory. Says nothing itself: each caller has words of
 * its own. *ret_content only when KK_CLI_FILE_OK. */
enum kk_cli_file_result kk_cli_file_read(const char *path, struct kk_secret **ret_content);

/* The same for a file that may be as long as `max`. */
enum kk_cli_file_result kk_cli_file_read_long(const char *path, size_t max,
                                              struct kk_secret **ret_content);

/* Puts `content` in place of the file: all of it and on the disk, readable by its owner only, or
 * nothing is changed. What is no regular file (a pipe, a terminal) is written to as it stands.
 * CKR_FUNCTION_FAILED: not written; errno says why. Says nothing itself. */
KK_RV kk_cli_file_write(const char *path, struct kk_span content);

/* The same for a file that must not be there: CKR_FUNCTION_FAILED with errno EEXIST when it is. */
KK_RV kk_cli_file_create(const char *path, struct kk_span content);
