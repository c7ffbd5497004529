/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sqlite engine's own structures. A token is a directory:
 *
 *   keykist.db, -wal, -shm   the database, which nothing but SQLite ever opens
 *   change                   the counter of change_file.h
 *   write.lock, tries.lock   empty files under the locks of ofd_lock.h
 */
#pragma once

#include <sqlite3.h>
#include <sys/types.h>

#include "store/change_file.h"
#include "store/ofd_lock.h"
#include "store/path.h"
#include "store/store.h"
#include "store/turn.h"

/* "KKST" */
#define KK_SQLITE_APPLICATION_ID 0x4b4b5354
#define KK_SQLITE_NEW_PREFIX ".new-"
#define KK_SQLITE_DB "keykist.db"

/* The log is brought into the database when it has this many pages (1 MiB), and when a store that
 * wrote is closed and it has a few: damage to the log loses what was committed behind it. */
#define KK_SQLITE_CHECKPOINT_PAGES 250
#define KK_SQLITE_CLOSE_PAGES 8

/* ---- paths ---- */

struct kk_sqlite_paths {
    char *dir;
    char *db;
    char *change;
    char *write_lock;
    char *tries_lock;
};

/* "<parent>/<prefix><name>" and the files in it. */
KK_RV kk_sqlite_paths_new(const char *parent, const char *prefix, const char *name,
                          struct kk_sqlite_paths *ret_paths);
void kk_sqlite_paths_clear(struct kk_sqlite_paths *paths);

/* "<dir>/<prefix><name>" */

/* ---- environment, store, transaction ---- */

struct kk_sqlite_env {
    struct kk_store_env base;
    char *location; /* absolute, without a slash at its end */
    unsigned int umask;
    _Atomic uint64_t unsettled;
    atomic_bool has_told; /* of tokens that lost their database */
};

struct kk_connection;

struct kk_sqlite_store {
    struct kk_store base;
    char *location;
    char *name;
    unsigned int file_mode;
    struct kk_sqlite_paths place;        /* where a person finds it */
    struct kk_sqlite_paths birthplace;   /* where it is until its first commit */
    const struct kk_sqlite_paths *paths; /* one of these */
    dev_t device;
    ino_t inode; /* of the database */
    _Atomic bool read_only;
    _Atomic bool immutable;
    _Atomic int log_pages; /* after this process's last commit, or 0 */
    struct kk_change_file change;
    _Atomic uint64_t behind; /* the database's generation where it is behind the change file's */
    _Atomic uint64_t losses; /* as many were known when that was seen */

    /* pool.c; under kk_gate_mutex */
    struct kk_sqlite_store *next;
    struct kk_sqlite_store *previous;
    struct kk_connection *idle;
    struct kk_turn writing; /* the store's threads queue here, one of them at the write lock */
    struct kk_turn trying;  /* tries lock of a store whose lock files can't be locked */
};

struct kk_sqlite_tx {
    struct kk_store_tx base;
    struct kk_sqlite_store *store;
    struct kk_connection *connection;
    struct kk_ofd_lock *lock; /* of a write transaction */
    bool writes;
    bool has_turn;
    bool is_inside; /* the gate */
    bool has_begun;
    uint64_t generation; /* the highest of a row that was put */
    bool scrubs;         /* the log is emptied behind the commit */
    CK_RV failure;       /* the first one of SQLite's: the commit fails too */
};

static inline struct kk_sqlite_store *kk_sqlite_store_of(const struct kk_store *store)
{
    return (struct kk_sqlite_store *)store;
}

static inline struct kk_sqlite_tx *kk_sqlite_tx_of(struct kk_store_tx *tx)
{
    return (struct kk_sqlite_tx *)tx;
}

KK_RV kk_sqlite_begin(struct kk_store *store, enum kk_store_access access,
                      struct kk_store_tx **ret_tx);
KK_RV kk_sqlite_commit(struct kk_store_tx *tx);
/* Says so when the database has less than was committed. */
uint64_t kk_sqlite_losses(const struct kk_store *store);
KK_RV kk_sqlite_check_generation(struct kk_sqlite_store *store);
/* Brings the log into the database when that is worth it and nobody else is at work. A failure is
 * logged, and changes nothing. */
void kk_sqlite_bring_in_log(struct kk_sqlite_store *store);
void kk_sqlite_rollback(struct kk_store_tx *tx);
void kk_sqlite_scrub(struct kk_store_tx *tx);
KK_RV kk_sqlite_need_writer(struct kk_store_tx *tx, int format);

KK_RV kk_sqlite_env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env);
void kk_sqlite_env_free(struct kk_store_env *env);
KK_RV kk_sqlite_env_list(struct kk_store_env *env, kk_store_name_visit *visit, void *context);
KK_RV kk_sqlite_env_stamp(struct kk_store_env *env, uint64_t *ret_stamp);

/* ---- directories (sqlite_dir.c) ---- */

/* A new directory with its empty files. */
KK_RV kk_sqlite_dir_make(const struct kk_sqlite_paths *paths, unsigned int umask);
/* Gives the new token its name, on the disk too. */
KK_RV kk_sqlite_dir_publish(const struct kk_sqlite_paths *from, const struct kk_sqlite_paths *to,
                            const char *parent);
/* Deletes the files we know and the directory; what else lies in it stays, with a log line. */
KK_RV kk_sqlite_dir_remove(const char *dir, const char *parent);
/* The same where a failure, which stands in the log, changes nothing. */
void kk_sqlite_dir_discard(const char *dir, const char *parent);
/* Renames a token's directory where there is none of that name. */
KK_RV kk_sqlite_dir_move(const char *dir, const char *path, const char *parent);
/* Takes the change counter away, with the mark in it: it is made anew when the token is opened. */
KK_RV kk_sqlite_dir_unmark(const char *dir);
/* CKR_TOKEN_NOT_RECOGNIZED on a network file system. */
KK_RV kk_sqlite_dir_check_kind(const char *dir);
bool kk_sqlite_dir_is_network(long type);
/* How a token can be opened: for writing, or not, and whether nobody can write to it at all. */
bool kk_sqlite_dir_is_writable(const struct kk_sqlite_paths *paths);
bool kk_sqlite_dir_is_immutable(const struct kk_sqlite_paths *paths);

/* ---- rows and objects ---- */

KK_RV kk_sqlite_row_get(struct kk_store_tx *tx, uint32_t table, uint32_t no,
                        struct kk_store_row *ret_row, struct kk_buffer *ret_blob);
KK_RV kk_sqlite_row_put(struct kk_store_tx *tx, const struct kk_store_row *row);
KK_RV kk_sqlite_row_delete(struct kk_store_tx *tx, uint32_t table, uint32_t no);
KK_RV kk_sqlite_row_each(struct kk_store_tx *tx, uint32_t table, uint64_t since, bool with_blobs,
                         kk_store_row_visit *visit, void *context);
KK_RV kk_sqlite_object_get(struct kk_store_tx *tx, const struct kk_uuid *uuid,
                           struct kk_store_object *ret_object, struct kk_buffer *ret_blob);
KK_RV kk_sqlite_object_put(struct kk_store_tx *tx, const struct kk_store_object *object);
KK_RV kk_sqlite_object_delete(struct kk_store_tx *tx, const struct kk_uuid *uuid);
KK_RV kk_sqlite_object_count(struct kk_store_tx *tx, enum kk_store_private which,
                             uint64_t *ret_count);
KK_RV kk_sqlite_object_find(struct kk_store_tx *tx, enum kk_store_private which,
                            const struct kk_store_condition *conditions, size_t count,
                            kk_store_object_visit *visit, void *context);
KK_RV kk_sqlite_object_any(struct kk_store_tx *tx, enum kk_store_private which, uint32_t with,
                           uint32_t without, bool *ret_any);
KK_RV kk_sqlite_check(struct kk_store_tx *tx, bool thorough, bool *ret_sound);
KK_RV kk_sqlite_object_clear(struct kk_store_tx *tx, enum kk_store_private which);
