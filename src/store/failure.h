/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Codes of what files and SQLite answer, each with its one log line. A path that is not there is
 * CKR_DEVICE_REMOVED here: who opens a token turns that into CKR_TOKEN_NOT_PRESENT.
 */
#pragma once

#include "base/macros.h"

struct sqlite3;

/* Behind the database's path: a file that is made, and deleted, to learn why none can be made. */
#define KK_FAILURE_PROBE "-probe"

/* The code for errno, the line "<path>: <what>: <the system's words>". */
CK_RV kk_failure_errno(int error, const char *path, const char *what);

/* The code of a result of SQLite's; `db` (may be NULL) adds its own words and the system's error.
 */
CK_RV kk_failure_sqlite(struct sqlite3 *db, int result, const char *path, const char *what);

/* The code alone (tests). */
CK_RV kk_failure_code_of_errno(int error);
CK_RV kk_failure_code_of_sqlite(int result, int error);
