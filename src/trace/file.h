/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file that a trace goes to. It is made with mode 0600, or is a plain file of the same user's
 * already; symbolic links are not followed. One write per line, at the end of the file, so that the
 * lines of several threads and processes stay whole.
 *
 * No locks: a child of fork() goes on at once. The descriptor may be closed by the application, or
 * mean another file by now, and is looked at before each write.
 */
#pragma once

#include "base/bytes.h"

struct kk_trace_file;

/* The file at `path`, which is made absolute; nothing is opened yet.
 * CKR_HOST_MEMORY, CKR_GENERAL_ERROR (a path that is too long, no working directory). */
KK_RV kk_trace_file_new(const char *path, struct kk_trace_file **ret_file);

/* Closes and frees what nobody writes to any more (tests; the module's own stay). NULL is fine. */
void kk_trace_file_free(struct kk_trace_file *file);

/* Whether it is the file that `path` means now. */
bool kk_trace_file_is(const struct kk_trace_file *file, const char *path);

const char *kk_trace_file_path(const struct kk_trace_file *file);

/* Appends; opens the file where it is not open. False, with errno: it could not. */
bool kk_trace_file_write(struct kk_trace_file *file, struct kk_span lines);
