/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Databases that others made.
 */
#pragma once

#include <sqlite3.h>

#include "base/macros.h"

/* Nothing in the database's schema is run, no value longer than `longest` is made, and errors come
 * with their extended codes. */
void kk_sqlite_distrust(sqlite3 *db, int longest);
