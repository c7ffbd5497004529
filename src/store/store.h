/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores: records and transactions for the repositories above, on sqlite, in memory, or wherever.
 *
 * A store environment is the place where tokens lie (a directory, a process's memory); a store is
 * one token's own. The layer knows bytes, numbers and transactions, never what an attribute or a
 * PIN is.
 *
 * Callbacks are commented MUST (every engine) or MAY. Codes of every callback, beside its own:
 * CKR_DEVICE_MEMORY full disk; CKR_TOKEN_WRITE_PROTECTED read-only or no permission on a write;
 * CKR_DEVICE_ERROR I/O error or damage; CKR_HOST_MEMORY; CKR_FUNCTION_FAILED busy for 30 s;
 * CKR_DEVICE_REMOVED the token was deleted; CKR_TOKEN_NOT_RECOGNIZED a newer format. Each with one
 * log line that names the path and the cause.
 */
#pragma once

#include "base/bytes.h"
#include "base/uuid.h"

#define KK_STORE_TAG 16
#define KK_STORE_COLUMNS 8

/* A codec's record (16 MiB) sealed, with room. A put of more is CKR_DEVICE_MEMORY. */
#define KK_STORE_BLOB_MAX (20u << 20)

struct kk_store_env;
struct kk_store;
struct kk_store_tx;

/* A row of a small numbered table: token row, key rows, tries, manifest buckets, roots. The highest
 * generation of a token's rows never goes down: where it does, a store may say that something was
 * lost. */
struct kk_store_row {
    uint32_t table;
    uint32_t no;
    uint64_t generation;
    uint8_t tag[KK_STORE_TAG];
    struct kk_span blob;
};

/* An object's row. Columns are opaque; only equality is asked of them. */
struct kk_store_object {
    struct kk_uuid uuid;
    uint64_t generation;
    bool is_private;
    uint8_t tag[KK_STORE_TAG];
    uint32_t columns_set; /* bit i: columns[i] is there */
    uint64_t columns[KK_STORE_COLUMNS];
    struct kk_span blob;
};

/* A condition of a search: column `column` is one of the two values (alt_set false: just `value`).
 */
struct kk_store_condition {
    uint32_t column;
    uint64_t value;
    bool alt_set; /* both key epochs, while a rekey is under way */
    uint64_t alt;
};

/* What fresh() says. Two stamps that are stable and equal: nothing was committed between them. */
struct kk_store_stamp {
    uint64_t value;
    bool stable; /* false: cache nothing, ask each time */
};

enum kk_store_access {
    KK_STORE_READ,  /* a consistent snapshot of many reads */
    KK_STORE_WRITE, /* exclusive among all processes; commits or rolls back as a whole */
};

enum kk_store_private { KK_STORE_PUBLIC_ONLY, KK_STORE_PRIVATE_ONLY };

/* Visits; `row`/`object` and its blob are valid during the call only. A code other than CKR_OK ends
 * the iteration and is returned, but CKR_CANCEL ends it with CKR_OK. */
typedef CK_RV kk_store_row_visit(const struct kk_store_row *row, void *context);
typedef CK_RV kk_store_object_visit(const struct kk_store_object *object, void *context);
typedef CK_RV kk_store_name_visit(const char *name, void *context);

struct kk_store_ops {
    const char *name; /* "sqlite" */

    /* Environments. MUST. `location` is directories.tokendir; `umask` objectstore.umask. env_new
     * does not create the directory: CKR_GENERAL_ERROR, with path and errno in the log, when it is
     * missing or unreadable; CKR_HOST_MEMORY when there is no file descriptor left. */
    KK_RV (*env_new)(const char *location, unsigned int umask, struct kk_store_env **ret_env);
    void (*env_free)(struct kk_store_env *env);

    /* MUST. Names (directory names) of what may be tokens of this engine, in a stable order. */
    KK_RV (*env_list)(struct kk_store_env *env, kk_store_name_visit *visit, void *context);

    /* MUST. A number that differs when a token came or went; cheap (a stat of the directory). It
     * may differ without cause (sqlite: while the directory's time is younger than the clock's
     * step). */
    KK_RV (*env_stamp)(struct kk_store_env *env, uint64_t *ret_stamp);

    /* MUST. A new, empty token of that name (a uuid's text, else CKR_ARGUMENTS_BAD) that nobody can
     * list until its first commit; closed before that, it was never there. Files 0666, directories
     * 0777, both & ~umask & ~the process's. CKR_DEVICE_ERROR when there is one of that name. */
    KK_RV (*create)(struct kk_store_env *env, const char *name, struct kk_store **ret_store);
    /* CKR_TOKEN_NOT_PRESENT when there is none; opens read-only where it must. */
    KK_RV (*open)(struct kk_store_env *env, const char *name, struct kk_store **ret_store);
    void (*close)(struct kk_store *store);

    /* MUST. Deletes the token: marks it gone for every process first, then removes it. */
    KK_RV (*remove)(struct kk_store *store);

    /* MAY. Moves the token out of its place: marks it gone for every process first, then renames
     * its directory to `path`, in the same file system. Opened by hand it is a whole token there.
     */
    KK_RV (*set_aside)(struct kk_store *store, const char *path);

    /* MUST. The token's place as a person finds it (a directory's path), valid with the store. */
    const char *(*path)(const struct kk_store *store);
    bool (*read_only)(const struct kk_store *store);

    /* MUST. The freshness contract; CKR_DEVICE_REMOVED when the token is gone. No lock, no I/O
     * where the engine can (sqlite: an atomic load). */
    KK_RV (*fresh)(struct kk_store *store, struct kk_store_stamp *ret_stamp);

    /* MUST. Transactions. A write transaction waits for the others' at most 30 s. No transaction
     * outlives the C_ call that began it. rollback() of NULL is fine; after commit(), failed or
     * not, the transaction is over and must not be rolled back. A commit that returns CKR_OK is on
     * the disk. */
    KK_RV (*begin)(struct kk_store *store, enum kk_store_access access,
                   struct kk_store_tx **ret_tx);
    KK_RV (*commit)(struct kk_store_tx *tx);
    void (*rollback)(struct kk_store_tx *tx);

    /* MUST. Rows. row_get: CKR_OBJECT_HANDLE_INVALID when there is none; the blob is copied to
     * *ret_blob (cleared first), and ret_row->blob is its span. row_delete of none is fine. */
    KK_RV (*row_get)(struct kk_store_tx *tx, uint32_t table, uint32_t no,
                     struct kk_store_row *ret_row, struct kk_buffer *ret_blob);
    KK_RV (*row_put)(struct kk_store_tx *tx, const struct kk_store_row *row);
    KK_RV (*row_delete)(struct kk_store_tx *tx, uint32_t table, uint32_t no);
    /* Rows of a table with generation > since, by no; without blobs when `with_blobs` is false
     * (then from a covering index). */
    KK_RV (*row_each)(struct kk_store_tx *tx, uint32_t table, uint64_t since, bool with_blobs,
                      kk_store_row_visit *visit, void *context);

    /* MUST. Objects. object_get as row_get; object_put inserts or replaces; object_delete:
     * CKR_OBJECT_HANDLE_INVALID when there is none. */
    KK_RV (*object_get)(struct kk_store_tx *tx, const struct kk_uuid *uuid,
                        struct kk_store_object *ret_object, struct kk_buffer *ret_blob);
    KK_RV (*object_put)(struct kk_store_tx *tx, const struct kk_store_object *object);
    KK_RV (*object_delete)(struct kk_store_tx *tx, const struct kk_uuid *uuid);
    KK_RV (*object_count)(struct kk_store_tx *tx, enum kk_store_private which, uint64_t *ret_count);
    /* Objects that fulfil every condition, by uuid, without blobs and columns (columns_set 0). No
     * condition: all. A visit, here and in row_each, may read and write in the same transaction;
     * whether what it writes is visited is not said. */
    KK_RV (*object_find)(struct kk_store_tx *tx, enum kk_store_private which,
                         const struct kk_store_condition *conditions, size_t count,
                         kk_store_object_visit *visit, void *context);
    /* MAY. Whether an object of that kind has every column whose bit is set in `with` (not 0) and
     * none of those in `without`. */
    KK_RV (*object_any)(struct kk_store_tx *tx, enum kk_store_private which, uint32_t with,
                        uint32_t without, bool *ret_any);
    /* Deletes all objects of a kind (C_InitToken, so_recovery = off). */
    KK_RV (*object_clear)(struct kk_store_tx *tx, enum kk_store_private which);

    /* MAY. Looks for damage to the store itself that reading may not meet (an index that hides
     * objects), with a line in the log for each; in a big store only when `thorough`. */
    KK_RV (*check)(struct kk_store_tx *tx, bool thorough, bool *ret_sound);

    /* MAY. For a write transaction: once it is committed, nothing that was replaced or deleted, in
     * it or before, is left in the store's files, as far as other processes' reading allows; when
     * it does not, a log line says so and the commit stands. */
    void (*scrub)(struct kk_store_tx *tx);

    /* MAY. For a write transaction: from its commit on only programs that know this format may
     * write the store. */
    KK_RV (*need_writer)(struct kk_store_tx *tx, int format);

    /* MAY. How often the store turned out to have lost changes that were committed, or to be an
     * older copy of itself; a number that only ever changes with that. */
    uint64_t (*losses)(const struct kk_store *store);

    /* MUST. The lock round a PIN try: among all processes and threads, held across the KDF, taken
     * before any write transaction. Waits as long as it takes. */
    KK_RV (*tries_lock)(struct kk_store *store, void **ret_lock);
    void (*tries_unlock)(struct kk_store *store, void *lock);
};

/* Every engine starts its env and store structs with these, so that the wrappers below find the
 * engine; decorators (tests: slow, failing) put themselves in front of another engine. */
struct kk_store_env {
    const struct kk_store_ops *ops;
};
struct kk_store {
    const struct kk_store_ops *ops;
};
struct kk_store_tx {
    const struct kk_store_ops *ops;
    struct kk_store *store;
};

extern const struct kk_store_ops kk_store_sqlite;
extern const struct kk_store_ops kk_store_memory;

static inline void kk_store_tx_rollbackp(struct kk_store_tx **tx)
{
    if (*tx != NULL) {
        (*tx)->ops->rollback(*tx);
    }
}

/* Commits and forgets the variable, so that a KK_CLEANUP(kk_store_tx_rollbackp) finds nothing. */
static inline KK_RV kk_store_tx_commit(struct kk_store_tx **tx)
{
    struct kk_store_tx *mine = KK_STEAL(*tx);
    return mine->ops->commit(mine);
}

/* The format number this program writes, and what a store asks of its readers and writers; kept in
 * the database (application_id, user_version, min_reader, min_writer) and checked in every write.
 */
#define KK_STORE_FORMAT 2
/* What every store asks for from its beginning. Format 2 has the audit log's anchor in the root; a
 * store asks for it (need_writer) once there is one. */
#define KK_STORE_FORMAT_FIRST 1
