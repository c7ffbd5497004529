/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failure.c: the code of each kind of error, and the line in the log.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "store/failure.h"
#include "store_unit.h"

static void test_codes_of_errno(void **state)
{
    (void)state;
    assert_int_equal(kk_failure_code_of_errno(ENOSPC), CKR_DEVICE_MEMORY);
    assert_int_equal(kk_failure_code_of_errno(EDQUOT), CKR_DEVICE_MEMORY);
    assert_int_equal(kk_failure_code_of_errno(EROFS), CKR_TOKEN_WRITE_PROTECTED);
    assert_int_equal(kk_failure_code_of_errno(EACCES), CKR_TOKEN_WRITE_PROTECTED);
    assert_int_equal(kk_failure_code_of_errno(EPERM), CKR_TOKEN_WRITE_PROTECTED);
    assert_int_equal(kk_failure_code_of_errno(EIO), CKR_DEVICE_ERROR);
    assert_int_equal(kk_failure_code_of_errno(ENOMEM), CKR_HOST_MEMORY);
    assert_int_equal(kk_failure_code_of_errno(ENOENT), CKR_DEVICE_REMOVED);
    assert_int_equal(kk_failure_code_of_errno(99999), CKR_DEVICE_ERROR);
}

static void test_codes_of_sqlite(void **state)
{
    (void)state;
    static const struct {
        int result;
        int error;
        CK_RV rv;
    } rows[] = {
        {SQLITE_OK, 0, CKR_OK},
        {SQLITE_FULL, 0, CKR_DEVICE_MEMORY},
        {SQLITE_IOERR_WRITE, ENOSPC, CKR_DEVICE_MEMORY},
        {SQLITE_IOERR_WRITE, EIO, CKR_DEVICE_ERROR},
        {SQLITE_IOERR_READ, EACCES, CKR_DEVICE_ERROR},
        {SQLITE_IOERR_SHORT_READ, ENOSPC, CKR_DEVICE_ERROR},
        {SQLITE_IOERR_FSYNC, ENOSPC, CKR_DEVICE_MEMORY},
        {SQLITE_IOERR_WRITE, EROFS, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_IOERR_DELETE, EACCES, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_IOERR_WRITE, ENOENT, CKR_DEVICE_ERROR},
        {SQLITE_IOERR_SHMMAP, ENOMEM, CKR_HOST_MEMORY},
        {SQLITE_IOERR_NOMEM, 0, CKR_HOST_MEMORY},
        {SQLITE_READONLY, 0, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_READONLY_DIRECTORY, 0, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_PERM, 0, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_CANTOPEN, EACCES, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_CANTOPEN, EROFS, CKR_TOKEN_WRITE_PROTECTED},
        {SQLITE_CANTOPEN, ENOENT, CKR_DEVICE_REMOVED},
        {SQLITE_CANTOPEN, EMFILE, CKR_HOST_MEMORY},
        {SQLITE_CORRUPT, 0, CKR_DEVICE_ERROR},
        {SQLITE_CORRUPT_INDEX, 0, CKR_DEVICE_ERROR},
        {SQLITE_NOTADB, 0, CKR_DEVICE_ERROR},
        {SQLITE_CONSTRAINT, 0, CKR_DEVICE_ERROR},
        {SQLITE_ERROR, 0, CKR_DEVICE_ERROR},
        {SQLITE_NOMEM, 0, CKR_HOST_MEMORY},
        {SQLITE_BUSY, 0, CKR_FUNCTION_FAILED},
        {SQLITE_BUSY_RECOVERY, 0, CKR_FUNCTION_FAILED},
        {SQLITE_PROTOCOL, 0, CKR_FUNCTION_FAILED},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        assert_int_equal(kk_failure_code_of_sqlite(rows[i].result, rows[i].error), rows[i].rv);
    }
}

static void test_line_names_path_and_cause(void **state)
{
    (void)state;
    char *dir = unit_new_dir();
    const char *log = unit_path(dir, "log");
    unit_log_to(log);
    assert_int_equal(kk_failure_errno(ENOSPC, "/some/where", "cannot write"), CKR_DEVICE_MEMORY);
    assert_int_equal(kk_failure_sqlite(NULL, SQLITE_NOTADB, "/else/where", "cannot open"),
                     CKR_DEVICE_ERROR);
    assert_true(unit_file_holds(log, "/some/where: cannot write: No space left on device"));
    assert_true(unit_file_holds(log, "/else/where: cannot open: file is not a database (26)"));
    unit_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_of_errno),
        cmocka_unit_test(test_codes_of_sqlite),
        cmocka_unit_test(test_line_names_path_and_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
