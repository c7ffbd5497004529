/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of stores share: a directory of their own, and short words for rows and objects.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "store/store.h"

#define TOKEN_A "11111111-1111-4111-8111-111111111111"
#define TOKEN_B "22222222-2222-4222-8222-222222222222"

#define assert_ok(call) assert_int_equal((call), CKR_OK)

/* A new directory under /tmp (or TMPDIR); delete with unit_remove_dir(). */
char *unit_new_dir(void);
void unit_remove_dir(char *dir);

/* "<dir>/<name>", in one of a few static buffers. */
const char *unit_path(const char *dir, const char *name);

struct kk_uuid unit_uuid(uint32_t number);

/* Begin or fail the test. */
struct kk_store_tx *unit_begin(struct kk_store *store, enum kk_store_access access);

/* A token with one committed row (table 1, no 1, `text`). */
struct kk_store *unit_new_token(struct kk_store_env *env, const char *name, const char *text);

void unit_put_row(struct kk_store_tx *tx, uint32_t table, uint32_t no, uint64_t generation,
                  const char *text);

/* Whether that row is there with that text. */
bool unit_row_is(struct kk_store_tx *tx, uint32_t table, uint32_t no, const char *text);

/* The same in transactions of their own. */
void unit_commit_row(struct kk_store *store, uint32_t no, const char *text);
bool unit_reads_row(struct kk_store *store, uint32_t no, const char *text);

/* An object whose uuid is `number` and whose column i is set where `columns` has a value that is
 * not negative. */
void unit_put_object(struct kk_store_tx *tx, uint32_t number, bool is_private,
                     const int64_t columns[KK_STORE_COLUMNS]);

/* Runs a function in a forked child: what it returns is the child's exit code, here too; -1 when
 * the child died of a signal. */
int unit_in_child(int (*function)(void *context), void *context);

/* The same, not waited for: unit_wait() does. */
pid_t unit_start_child(int (*function)(void *context), void *context);
int unit_wait(pid_t child);

void unit_write_file(const char *path, const void *data, size_t len);

/* Sends the log to a file, and tells whether some line there holds a text. */
void unit_log_to(const char *path);
bool unit_file_holds(const char *path, const char *text);
