/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions of the sqlite engine.
 *
 * A write transaction has the token's write lock from its begin to its end, so that commits and
 * checkpoints of all processes come one after the other, and SQLite's own lock inside that. The
 * lock is waited for outside the gate: a fork does not wait for other processes.
 */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/busy.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/pool.h"

#include "base/banned.h"

/* A connection that saw a failure is not used again. */
static void end_in_db(struct kk_sqlite_tx *tx)
{
    struct kk_connection *connection = KK_STEAL(tx->connection);
    int result = SQLITE_OK;
    bool is_sound = tx->failure == CKR_OK;
    if (!kk_pool_is_own(connection)) {
        return; /* begun before a fork: the parent's, not to be touched */
    }
    if (tx->has_begun && sqlite3_get_autocommit(connection->db) == 0) {
        is_sound = kk_connection_run(connection, KK_SQL_ROLLBACK, &result) == CKR_OK &&
                   result == SQLITE_OK && is_sound;
    }
    if (is_sound) {
        kk_pool_give(tx->store, connection);
    } else {
        kk_connection_close(connection);
    }
}

static void give_turn(struct kk_sqlite_store *store)
{
    KK_LOCK_SCOPE(&kk_gate_mutex);
    kk_turn_give(&store->writing);
}

/* Ends a transaction in whatever state it is. */
static void tx_end(struct kk_sqlite_tx *tx)
{
    if (tx == NULL) {
        return;
    }
    if (tx->connection != NULL) {
        end_in_db(tx);
    }
    kk_ofd_lock_release(tx->lock);
    if (tx->has_turn) {
        give_turn(tx->store);
    }
    if (tx->is_inside) {
        kk_gate_leave();
    }
    kk_free(tx);
}
KK_DEFINE_CLEANUP(struct kk_sqlite_tx *, tx_end);

static KK_RV say_removed(const struct kk_sqlite_store *store)
{
    kk_log_info("%s: the token was removed", store->paths->dir);
    return CKR_DEVICE_REMOVED;
}

/* The token must be the one that was opened: not marked as gone, not deleted or replaced by hand.
 */
static KK_RV check_present(const struct kk_sqlite_store *store)
{
    struct stat status;
    if (kk_change_file_read(&store->change) == KK_CHANGE_GONE) {
        return say_removed(store);
    }
    if (stat(store->paths->db, &status) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? say_removed(store)
                   : kk_failure_errno(errno, store->paths->db, "cannot look at");
    }
    if (status.st_ino != store->inode || status.st_dev != store->device) {
        return say_removed(store);
    }
    return CKR_OK;
}

/* A log beside a database on a read-only mount: somebody writes to it by another way after all. */
static void recheck_immutable(struct kk_sqlite_store *store)
{
    if (atomic_load(&store->immutable) && !kk_sqlite_dir_is_immutable(store->paths)) {
        atomic_store(&store->immutable, false);
        kk_pool_close_idle(store);
    }
}

/* In line with the store's other threads first, then with other stores and processes. */
static KK_RV wait_for_lock(struct kk_sqlite_tx *tx, long limit_ms)
{
    struct kk_sqlite_store *store = tx->store;
    KK_WITH_LOCK(&kk_gate_mutex)
    {
        tx->has_turn = kk_turn_take(&store->writing, &kk_gate_mutex, limit_ms);
    }
    if (!tx->has_turn) {
        kk_log_error("%s: other threads wrote for longer than %ld ms", store->paths->dir, limit_ms);
        return CKR_FUNCTION_FAILED;
    }
    return kk_ofd_lock_take(store->paths->write_lock, store->file_mode, limit_ms, &tx->lock);
}

static KK_RV take_write_lock(struct kk_sqlite_tx *tx)
{
    struct kk_sqlite_store *store = tx->store;
    if (atomic_load(&store->read_only)) {
        kk_log_warning("%s: is read-only", store->paths->dir);
        return CKR_TOKEN_WRITE_PROTECTED;
    }
    return wait_for_lock(tx, atomic_load(&kk_store_busy_ms));
}

static KK_RV run(struct kk_sqlite_tx *tx, enum kk_sql sql, const char *what)
{
    int result = SQLITE_OK;
    KK_TRY(kk_connection_run(tx->connection, sql, &result));
    return result == SQLITE_OK
               ? CKR_OK
               : kk_failure_sqlite(tx->connection->db, result, tx->store->paths->db, what);
}

static KK_RV read_numbers(struct kk_sqlite_tx *tx, enum kk_sql sql, int64_t *ret_first,
                          int64_t *ret_second)
{
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_connection_fixed(tx->connection, sql, &statement));
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        return kk_failure_sqlite(tx->connection->db,
                                 result == SQLITE_DONE ? SQLITE_CORRUPT : result,
                                 tx->store->paths->db, "cannot read its format");
    }
    *ret_first = sqlite3_column_int64(statement, 0);
    if (ret_second != NULL) {
        *ret_second = sqlite3_column_int64(statement, 1);
    }
    return CKR_OK;
}

static KK_RV check_application(struct kk_sqlite_tx *tx)
{
    int64_t application = 0;
    KK_TRY(read_numbers(tx, KK_SQL_APPLICATION_ID, &application, NULL));
    if (application == KK_SQLITE_APPLICATION_ID) {
        return CKR_OK;
    }
    kk_log_error("%s: not a database of Keykist's, or a damaged one (application id %lld)",
                 tx->store->paths->db, (long long)application);
    return application == 0 ? CKR_DEVICE_ERROR : CKR_TOKEN_NOT_RECOGNIZED;
}

/* A newer program may have changed the format since the last transaction. */
static KK_RV check_format(struct kk_sqlite_tx *tx)
{
    const char *path = tx->store->paths->db;
    int64_t min_reader = 0;
    int64_t min_writer = 0;
    int64_t version = 0;
    KK_TRY(check_application(tx));
    KK_TRY(read_numbers(tx, KK_SQL_FORMAT, &min_reader, &min_writer));
    if (min_reader > KK_STORE_FORMAT) {
        KK_TRY(read_numbers(tx, KK_SQL_USER_VERSION, &version, NULL));
        kk_log_error("%s: of a newer format (%lld, readable from %lld on): this program knows %d",
                     path, (long long)version, (long long)min_reader, KK_STORE_FORMAT);
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    if (tx->writes && min_writer > KK_STORE_FORMAT) {
        kk_log_error("%s: of a newer format (writable from %lld on): read-only for this program, "
                     "which knows %d",
                     path, (long long)min_writer, KK_STORE_FORMAT);
        atomic_store(&tx->store->read_only, true);
        return CKR_TOKEN_WRITE_PROTECTED;
    }
    return CKR_OK;
}

/* The log, too, is opened for reading where it cannot be for writing (pool.h). */
static KK_RV begin_to_write(struct kk_sqlite_tx *tx)
{
    int result = SQLITE_OK;
    KK_TRY(kk_connection_run(tx->connection, KK_SQL_BEGIN_WRITE, &result));
    if ((result & 0xff) != SQLITE_READONLY) {
        return result == SQLITE_OK ? CKR_OK
                                   : kk_failure_sqlite(tx->connection->db, result,
                                                       tx->store->paths->db, "cannot begin");
    }
    kk_connection_close(KK_STEAL(tx->connection));
    kk_pool_close_idle(tx->store);
    KK_TRY(kk_pool_take_to_write(tx->store, &tx->connection));
    return run(tx, KK_SQL_BEGIN_WRITE, "cannot begin");
}

/* Which is also the read that begins the snapshot. */
static KK_RV begin_in_db(struct kk_sqlite_tx *tx)
{
    KK_TRY(tx->writes ? begin_to_write(tx) : run(tx, KK_SQL_BEGIN_READ, "cannot begin"));
    tx->has_begun = true;
    return check_format(tx);
}

KK_RV kk_sqlite_begin(struct kk_store *base, enum kk_store_access access,
                      struct kk_store_tx **ret_tx)
{
    struct kk_sqlite_store *store = kk_sqlite_store_of(base);
    KK_CLEANUP(tx_endp) struct kk_sqlite_tx *tx = NULL;
    KK_TRY(kk_alloc(sizeof *tx, &tx));
    tx->base = (struct kk_store_tx){.ops = &kk_store_sqlite, .store = base};
    tx->store = store;
    tx->writes = access == KK_STORE_WRITE;

    if (tx->writes) {
        KK_TRY(take_write_lock(tx));
    }
    KK_TRY(check_present(store));
    if (tx->writes) {
        kk_change_file_settle(&store->change);
    }
    kk_gate_enter();
    tx->is_inside = true;
    recheck_immutable(store);
    KK_TRY(tx->writes ? kk_pool_take_to_write(store, &tx->connection)
                      : kk_pool_take(store, &tx->connection));
    tx->failure = begin_in_db(tx);
    KK_TRY(tx->failure);
    *ret_tx = &KK_STEAL(tx)->base;
    return CKR_OK;
}

/* The log is brought into the database now and then, and emptied: what lies in it afterwards would
 * be taken for the truth by who opens it next. A reader in its way is not waited for. That it did
 * not work out shows up at the next commit, if it matters: this commit stands. */
static int checkpoint(struct kk_sqlite_store *store, struct kk_connection *connection)
{
    (void)sqlite3_busy_timeout(connection->db, 0);
    int result =
        sqlite3_wal_checkpoint_v2(connection->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    (void)sqlite3_busy_timeout(connection->db, (int)atomic_load(&kk_store_busy_ms));
    if (result == SQLITE_OK) {
        atomic_store(&store->log_pages, 0);
    } else if (result != SQLITE_BUSY) {
        (void)kk_failure_sqlite(connection->db, result, store->paths->db, "cannot checkpoint");
    }
    return result;
}

static void checkpoint_now_and_then(struct kk_sqlite_tx *tx)
{
    atomic_store(&tx->store->log_pages, tx->connection->wal_pages);
    if (tx->connection->wal_pages >= KK_SQLITE_CHECKPOINT_PAGES) {
        (void)checkpoint(tx->store, tx->connection);
    }
}

static bool is_worth_it(const struct kk_sqlite_store *store)
{
    return store->paths == &store->place && !atomic_load(&store->read_only) &&
           atomic_load(&store->log_pages) >= KK_SQLITE_CLOSE_PAGES;
}

void kk_sqlite_bring_in_log(struct kk_sqlite_store *store)
{
    struct kk_connection *connection = NULL;
    KK_CLEANUP(kk_ofd_lock_releasep) struct kk_ofd_lock *lock = NULL;
    if (!is_worth_it(store) ||
        kk_ofd_lock_try(store->paths->write_lock, store->file_mode, &lock) != CKR_OK ||
        lock == NULL || check_present(store) != CKR_OK) {
        return;
    }
    kk_gate_enter();
    if (kk_pool_take_to_write(store, &connection) == CKR_OK) {
        (void)checkpoint(store, connection);
        kk_connection_close(connection);
    }
    kk_gate_leave();
}

/* Readers hold parts of the log for the time of a transaction: some patience gets past them. */
#define SCRUB_TRIES 200
#define SCRUB_PAUSE_NS 10000000

/* The log is full of pages as they were. Free space in the database itself is always wiped
 * (secure_delete). */
static void empty_log(struct kk_sqlite_tx *tx)
{
    static const struct timespec pause = {.tv_nsec = SCRUB_PAUSE_NS};
    int result = checkpoint(tx->store, tx->connection);
    for (int i = 1; result == SQLITE_BUSY && i < SCRUB_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        result = checkpoint(tx->store, tx->connection);
    }
    if (result == SQLITE_BUSY) {
        kk_log_warning("%s: somebody reads it all the time: what was replaced stays in its log for "
                       "a while",
                       tx->store->paths->db);
    }
}

void kk_sqlite_scrub(struct kk_store_tx *base)
{
    kk_sqlite_tx_of(base)->scrubs = true;
}

/* The first commit: SQLite must not have files of the old path open when the directory moves. */
static KK_RV publish(struct kk_sqlite_tx *tx)
{
    struct kk_sqlite_store *store = tx->store;
    if (store->paths == &store->place) {
        return CKR_OK;
    }
    kk_connection_close(KK_STEAL(tx->connection));
    kk_pool_close_idle(store);
    KK_TRY(kk_sqlite_dir_publish(&store->birthplace, &store->place, store->location));
    store->paths = &store->place;
    return CKR_OK;
}

uint64_t kk_sqlite_losses(const struct kk_store *base)
{
    const struct kk_sqlite_store *store = (const struct kk_sqlite_store *)base;
    uint64_t known = kk_change_file_losses(&store->change);
    bool is_new = atomic_load(&store->behind) != 0 && atomic_load(&store->losses) == known;
    return known + (is_new ? 1 : 0);
}

/* What was lost is told until something new is committed. */
static void note_generation(struct kk_sqlite_tx *tx)
{
    struct kk_change_file *change = &tx->store->change;
    uint64_t behind = atomic_load(&tx->store->behind);
    if (tx->generation > kk_change_file_generation(change) ||
        (behind != 0 && tx->generation > behind)) {
        if (kk_sqlite_losses(&tx->store->base) != kk_change_file_losses(change)) {
            kk_change_file_add_loss(change);
        }
        kk_change_file_set_generation(change, tx->generation);
        atomic_store(&tx->store->behind, 0);
    }
}

KK_RV kk_sqlite_check_generation(struct kk_sqlite_store *store)
{
    int64_t present = 0;
    uint64_t committed = kk_change_file_generation(&store->change); /* before the snapshot */
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(kk_sqlite_begin(&store->base, KK_STORE_READ, &tx));
    if (committed == 0) {
        return CKR_OK;
    }
    KK_TRY(read_numbers(kk_sqlite_tx_of(tx), KK_SQL_GENERATION, &present, NULL));
    if ((uint64_t)present < committed) {
        atomic_store(&store->losses, kk_change_file_losses(&store->change));
        atomic_store(&store->behind, (uint64_t)present);
        kk_log_error("%s: the last changes are missing (it has generation %lld, and %llu was "
                     "committed): its log, " KK_SQLITE_DB
                     "-wal, is damaged, or an old copy was put "
                     "in its place",
                     store->paths->db, (long long)present, (unsigned long long)committed);
    }
    return CKR_OK;
}

/* Odd before what others can see, even after it, whatever became of it. */
static KK_RV commit_in_db(struct kk_sqlite_tx *tx)
{
    struct kk_change_file *change = &tx->store->change;
    kk_change_file_step(change);
    CK_RV rv = run(tx, KK_SQL_COMMIT, "cannot commit");
    if (rv == CKR_OK) {
        note_generation(tx);
    }
    kk_change_file_step(change);
    tx->failure = rv; /* what is left of it is rolled back with the connection */
    return rv;
}

KK_RV kk_sqlite_commit(struct kk_store_tx *base)
{
    KK_CLEANUP(tx_endp) struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    KK_TRY(tx->failure);
    KK_ENSURE(kk_pool_is_own(tx->connection), CKR_FUNCTION_FAILED);
    if (!tx->writes) {
        return CKR_OK;
    }
    KK_TRY(commit_in_db(tx));
    if (tx->scrubs) {
        empty_log(tx);
    } else {
        checkpoint_now_and_then(tx);
    }
    return publish(tx);
}

void kk_sqlite_rollback(struct kk_store_tx *base)
{
    tx_end(kk_sqlite_tx_of(base));
}
