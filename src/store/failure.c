/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of errors to codes.
 */
#include "store/failure.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "base/log.h"

#include "base/banned.h"

struct code_row {
    int error;
    CK_RV rv;
};

static CK_RV look_up(const struct code_row *rows, size_t count, int error, CK_RV otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].error == error) {
            return rows[i].rv;
        }
    }
    return otherwise;
}

CK_RV kk_failure_code_of_errno(int error)
{
    static const struct code_row rows[] = {
        {ENOSPC, CKR_DEVICE_MEMORY},         {EDQUOT, CKR_DEVICE_MEMORY},
        {EFBIG, CKR_DEVICE_MEMORY},          {EROFS, CKR_TOKEN_WRITE_PROTECTED},
        {EACCES, CKR_TOKEN_WRITE_PROTECTED}, {EPERM, CKR_TOKEN_WRITE_PROTECTED},
        {ENOMEM, CKR_HOST_MEMORY},           {EMFILE, CKR_HOST_MEMORY},
        {ENFILE, CKR_HOST_MEMORY},           {ENOLCK, CKR_HOST_MEMORY},
        {ENOENT, CKR_DEVICE_REMOVED},        {ENOTDIR, CKR_DEVICE_REMOVED},
    };
    return look_up(rows, KK_ARRAY_LEN(rows), error, CKR_DEVICE_ERROR);
}

CK_RV kk_failure_errno(int error, const char *path, const char *what)
{
    kk_log_error("%s: %s: %s", path, what, strerrordesc_np(error));
    return kk_failure_code_of_errno(error);
}

/* SQLite's primary code says what kind of failure it is; only for failures to open or write a file
 * does the system's error say more. */
CK_RV kk_failure_code_of_sqlite(int result, int error)
{
    static const struct code_row rows[] = {
        {SQLITE_OK, CKR_OK},
        {SQLITE_FULL, CKR_DEVICE_MEMORY},
        {SQLITE_TOOBIG, CKR_DEVICE_MEMORY},
        {SQLITE_READONLY, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_PERM, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_AUTH, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_NOMEM, CKR_HOST_MEMORY},
        {SQLITE_BUSY, CKR_FUNCTION_FAILED},
        {SQLITE_LOCKED, CKR_FUNCTION_FAILED},
        {SQLITE_PROTOCOL, CKR_FUNCTION_FAILED},
    };
    int primary = result & 0xff;
    if (result == SQLITE_IOERR_NOMEM) {
        return CKR_HOST_MEMORY;
    }
    if (primary == SQLITE_CANTOPEN) {
        return error == 0 ? CKR_TOKEN_WRITE_PROTECTED : kk_failure_code_of_errno(error);
    }
    if (primary == SQLITE_IOERR) {
        CK_RV rv = kk_failure_code_of_errno(error);
        return rv == CKR_DEVICE_MEMORY ? rv : CKR_DEVICE_ERROR;
    }
    return look_up(rows, KK_ARRAY_LEN(rows), primary, CKR_DEVICE_ERROR);
}

CK_RV kk_failure_sqlite(struct sqlite3 *db, int result, const char *path, const char *what)
{
    int error = db == NULL ? 0 : sqlite3_system_errno(db);
    bool is_system = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN ||
                     (result & 0xff) == SQLITE_FULL;
    const char *words = is_system && error != 0 ? strerrordesc_np(error) : NULL;
    kk_log_error("%s: %s: %s (%d)%s%s", path, what,
                 db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db), result,
                 words == NULL ? "" : ": ", words == NULL ? "" : words);
    return kk_failure_code_of_sqlite(result, is_system ? error : 0);
}
