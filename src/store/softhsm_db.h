/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM tokens in a database (<token>/sqlite3.db), read only: rows, never what they mean.
 *
 * Each call opens the database and closes it again, so that none is open across a fork. Codes are
 * those of store.h.
 */
#pragma once

#include "base/bytes.h"

typedef CK_RV kk_softhsm_db_name_visit(const char *name, void *context);
KK_RV kk_softhsm_db_list(const char *location, kk_softhsm_db_name_visit *visit, void *context);

/* A number that differs when the file was written. CKR_DEVICE_REMOVED: it is gone. */
KK_RV kk_softhsm_db_stamp(const char *path, uint64_t *ret_stamp);

/* Which table a row is from. */
enum kk_softhsm_db_table {
    KK_SOFTHSM_DB_BOOLEAN = 1,
    KK_SOFTHSM_DB_INTEGER = 2,
    KK_SOFTHSM_DB_BINARY = 3,
    KK_SOFTHSM_DB_ARRAY = 4
};

/* An attribute: a number (booleans too) or bytes, valid during the visit. */
struct kk_softhsm_db_row {
    enum kk_softhsm_db_table table;
    uint64_t type;
    uint64_t number;
    struct kk_span bytes;
};
typedef CK_RV kk_softhsm_db_row_visit(const struct kk_softhsm_db_row *row, void *context);

/* The attributes of an object, by type. The token's own are those of object 1. */
KK_RV kk_softhsm_db_rows(const char *path, uint64_t object, kk_softhsm_db_row_visit *visit,
                         void *context);

typedef CK_RV kk_softhsm_db_object_visit(uint64_t object, void *context);
KK_RV kk_softhsm_db_objects(const char *path, kk_softhsm_db_object_visit *visit, void *context);
