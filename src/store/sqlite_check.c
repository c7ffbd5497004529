/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damage that who reads objects by their uuid does not meet: a bad page of an index hides objects
 * from a search, or from all of them.
 */
#include "base/log.h"
#include "store/failure.h"
#include "store/sqlite_records.h"

#include "base/banned.h"

/* Up to so much (1 MiB) in it, it costs a few milliseconds at most. */
#define QUICK_PAGES 256

static KK_RV number(struct kk_sqlite_tx *tx, const char *sql, int64_t *ret_number)
{
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(kk_connection_search(tx->connection, sql, &statement));
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        return kk_sqlite_tx_fail(tx, result, "cannot read its size");
    }
    *ret_number = sqlite3_column_int64(statement, 0);
    return CKR_OK;
}

/* Those that hold something. Where big objects were, free pages stay, and no check reads them. */
static KK_RV count_pages(struct kk_sqlite_tx *tx, int64_t *ret_pages)
{
    int64_t all = 0;
    int64_t unused = 0;
    KK_TRY(number(tx, "PRAGMA page_count", &all));
    KK_TRY(number(tx, "PRAGMA freelist_count", &unused));
    *ret_pages = all - unused;
    return CKR_OK;
}

static KK_RV check_pages(struct kk_sqlite_tx *tx, bool *ret_sound)
{
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    bool is_sound = true;
    KK_TRY(kk_connection_search(tx->connection, "PRAGMA integrity_check(20)", &statement));
    int result = sqlite3_step(statement);
    for (; result == SQLITE_ROW; result = sqlite3_step(statement)) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        KK_ENSURE(text != NULL, CKR_HOST_MEMORY);
        if (strcmp(text, "ok") != 0) {
            kk_log_error("%s: damaged: %s", tx->store->paths->db, text);
            is_sound = false;
        }
    }
    if (result != SQLITE_DONE) {
        CK_RV rv = kk_sqlite_tx_fail(tx, result, "cannot be checked");
        KK_ENSURE(rv == CKR_DEVICE_ERROR, rv);
        is_sound = false;
    }
    *ret_sound = is_sound;
    return CKR_OK;
}

KK_RV kk_sqlite_check(struct kk_store_tx *base, bool thorough, bool *ret_sound)
{
    struct kk_sqlite_tx *tx = kk_sqlite_tx_of(base);
    int64_t pages = 0;
    KK_TRY(count_pages(tx, &pages));
    if (!thorough && pages > QUICK_PAGES) {
        *ret_sound = true;
        return CKR_OK;
    }
    return check_pages(tx, ret_sound);
}
