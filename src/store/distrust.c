/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A schema is a program: a view may go on for ever.
 */
#include "store/distrust.h"

#include "base/banned.h"

static const struct {
    int option;
    int value;
} options[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
};

void kk_sqlite_distrust(sqlite3 *db, int longest)
{
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, longest);
    for (size_t i = 0; i < KK_ARRAY_LEN(options); i++) {
        (void)sqlite3_db_config(db, options[i].option, options[i].value, NULL);
    }
}
