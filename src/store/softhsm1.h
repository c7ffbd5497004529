/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the token database of SoftHSM 1: an SQLite file with the tables Token, Objects and
 * Attributes, its keys in clear. For softhsm2-migrate; the module does not use this.
 */
#pragma once

#include "base/secret.h"

enum kk_softhsm1_result {
    KK_SOFTHSM1_OK,
    KK_SOFTHSM1_NOT_OPENED,  /* it is not there, may not be read, or is being written to */
    KK_SOFTHSM1_NO_DATABASE, /* not SQLite's, or damaged */
    KK_SOFTHSM1_WRONG_VERSION,
    KK_SOFTHSM1_NO_TOKEN_TABLE,
    KK_SOFTHSM1_NO_OBJECTS_TABLE,
    KK_SOFTHSM1_NO_ATTRIBUTES_TABLE,
    KK_SOFTHSM1_NO_MEMORY
};

struct kk_softhsm1;

/* Opens the file for reading only; makes none. What is not said by the result is in the log. `path`
 * must outlive the database. */
enum kk_softhsm1_result kk_softhsm1_open(const char *path, struct kk_softhsm1 **ret_database);

void kk_softhsm1_close(struct kk_softhsm1 *database);
KK_DEFINE_CLEANUP(struct kk_softhsm1 *, kk_softhsm1_close);

/* The numbers of all objects, in rising order; free *ret_ids with kk_free(). CKR_DEVICE_ERROR: the
 * database cannot be read. */
KK_RV kk_softhsm1_objects(struct kk_softhsm1 *database, uint64_t **ret_ids, size_t *ret_count);

/* The value of an object's attribute, as SoftHSM 1 had it in memory: CK_ULONG and CK_BBOOL as the
 * machine has them, numbers big-endian. CKR_ATTRIBUTE_TYPE_INVALID: the object has no such
 * attribute. CKR_DEVICE_ERROR: the database cannot be read. */
KK_RV kk_softhsm1_value(struct kk_softhsm1 *database, uint64_t id, CK_ATTRIBUTE_TYPE type,
                        struct kk_secret **ret_value);
