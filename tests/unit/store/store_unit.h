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
