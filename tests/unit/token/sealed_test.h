/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of sealed tokens share: a token in a store that the test reaches too, logins,
 * objects, and what the log said. Each test runs on every engine.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#define assert_rv(call, want) assert_int_equal((call), (want))
#define assert_ok(call) assert_rv(call, CKR_OK)

#define RIG_NAME "7d1b7a52-3c1e-4bd6-9d6a-0123456789ab"
#define RIG_SERIAL "9d6a0123456789ab"

struct rig {
    const struct kk_store_ops *ops;
    char dir[64];
    char log[96];
    struct kk_store_env *env;
    struct kk_repository_settings settings;
    struct kk_secret *pepper;
    struct kk_repository *repo;
    struct kk_store *raw; /* the same token, as somebody with an editor reaches it */
};

/* One library context per program. */
extern struct kk_crypto *crypto;

struct kk_span text_span(const char *text);

/* A token with SO PIN "so-secret" and, by rig_user(), user PIN "user-secret". */
struct rig *rig_new(const struct kk_store_ops *ops, bool with_pepper);
void rig_user(struct rig *rig);
void rig_free(struct rig *rig);

/* Opens the token once more, as another process would. */
struct kk_repository *rig_open(struct rig *rig);
/* Closes and opens the rig's own. */
void rig_reopen(struct rig *rig);
/* The same token in a directory of its own, and back. */
void rig_log_clear(struct rig *rig);
bool rig_log_has(struct rig *rig, const char *text);

CK_RV login(struct kk_repository *repo, enum kk_role role, const char *pin,
            struct kk_unlock **ret_unlock);
struct kk_unlock *login_user(struct kk_repository *repo);
struct kk_unlock *login_so(struct kk_repository *repo);

/* Attributes of a data object with label and value. */
struct kk_attrs *data_attrs(bool is_private, const char *label, const char *value);
struct kk_uuid new_uuid(void);
CK_RV put_attrs(struct kk_repository *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid,
                struct kk_attrs *attrs, uint64_t expected, struct kk_object **ret_object);
/* A new data object; gives its uuid. */
struct kk_uuid put_data(struct kk_repository *repo, struct kk_unlock *unlock, bool is_private,
                        const char *label, const char *value);
CK_RV erase(struct kk_repository *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid,
            uint64_t generation);
/* Reads and drops; the code. */
CK_RV read_code(struct kk_repository *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid);
/* Number of candidates for a label (NULL: all). */
size_t find_label(struct kk_repository *repo, struct kk_unlock *unlock, bool with_private,
                  const char *label);

/* Rows and objects, past the repository. */
void raw_get(struct rig *rig, const struct kk_uuid *uuid, struct kk_store_object *ret_object,
             struct kk_buffer *ret_blob);
void raw_put(struct rig *rig, const struct kk_store_object *object);
void raw_delete(struct rig *rig, const struct kk_uuid *uuid);
CK_RV raw_row_get(struct rig *rig, uint32_t table, uint32_t no, struct kk_store_row *ret_row,
                  struct kk_buffer *ret_blob);
void raw_row_put(struct rig *rig, const struct kk_store_row *row);
void raw_row_delete(struct rig *rig, uint32_t table, uint32_t no);

/* cmocka rows: the test on each engine, without and (PEPPERED) with a pepper. */
struct rig_kind {
    const struct kk_store_ops *ops;
    bool with_pepper;
};
extern const struct rig_kind rig_memory, rig_sqlite, rig_memory_pepper, rig_sqlite_pepper;
int rig_setup(void **state);
int rig_teardown(void **state);
int crypto_setup(void **state);
int crypto_teardown(void **state);

#define ON(test, kind) {#test " on " #kind, test, rig_setup, rig_teardown, (void *)(uintptr_t)&kind}
#define ON_ENGINES(test) ON(test, rig_memory), ON(test, rig_sqlite)
#define ON_ALL(test) ON_ENGINES(test), ON(test, rig_memory_pepper), ON(test, rig_sqlite_pepper)
