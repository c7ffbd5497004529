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

/* The same piece by piece. Zero-initialise; kk_cli_out_abandon() leaves the file's place as it was,
 * unless kk_cli_out_end() was successful (or the file is written to as it stands). Codes and
 * errno as above. */
struct kk_cli_out {
    bool open;
    int fd;
    char *path;      /* whose place it takes; NULL: written to as it stands */
    char *temporary; /* NULL then too */
    bool is_new;     /* the file must not be there when it takes its place */
};
KK_RV kk_cli_out_begin(const char *path, struct kk_cli_out *out);
KK_RV kk_cli_out_standard(struct kk_cli_out *out); /* standard output */
KK_RV kk_cli_out_write(struct kk_cli_out *out, struct kk_span content);
KK_RV kk_cli_out_end(struct kk_cli_out *out);
void kk_cli_out_abandon(struct kk_cli_out *out);
