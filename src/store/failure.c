/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of errors to codes.
 */
#include "store/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/platform.h"

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

/* A short read is damage, whatever error the system had last. */
static bool is_of_reading(int result)
{
    return result == SQLITE_IOERR || result == SQLITE_IOERR_READ ||
           result == SQLITE_IOERR_SHORT_READ || result == SQLITE_IOERR_CORRUPTFS ||
           result == SQLITE_IOERR_DATA;
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
        CK_RV rv = is_of_reading(result) ? CKR_DEVICE_ERROR : kk_failure_code_of_errno(error);
        return rv == CKR_DEVICE_REMOVED ? CKR_DEVICE_ERROR : rv;
    }
    return look_up(rows, KK_ARRAY_LEN(rows), primary, CKR_DEVICE_ERROR);
}

/* SQLite could not make a file beside the database, and what it says of that is that the file is
 * not there: it tries to open it for reading then. Making another one tells the cause. */
static int why_no_file(const char *path)
{
    char probe[4352];
    int len = snprintf(probe, sizeof probe, "%s" KK_FAILURE_PROBE, path);
    if (len < 0 || (size_t)len >= sizeof probe) {
        return EIO;
    }
    int fd = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    (void)unlink(probe);
    return EIO; /* it went by */
}

/* Not every SQLite keeps the system's error; the thread's own is the last one then, since whoever
 * asked for a statement began with none. */
static int error_of(struct sqlite3 *db, int result, const char *path)
{
    int last = errno;
    int error = db == NULL ? 0 : sqlite3_system_errno(db);
    error = error == 0 && db != NULL ? last : error;
    bool is_missing = (result & 0xff) == SQLITE_CANTOPEN && error == ENOENT;
    return is_missing && access(path, F_OK) == 0 ? why_no_file(path) : error;
}

CK_RV kk_failure_sqlite(struct sqlite3 *db, int result, const char *path, const char *what)
{
    int error = error_of(db, result, path);
    bool is_system = (result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN ||
                     (result & 0xff) == SQLITE_FULL;
    const char *words = is_system && error != 0 ? strerrordesc_np(error) : NULL;
    kk_log_error("%s: %s: %s (%d)%s%s", path, what,
                 db == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db), result,
                 words == NULL ? "" : ": ", words == NULL ? "" : words);
    return kk_failure_code_of_sqlite(result, is_system ? error : 0);
}
