/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of Cryptoki's constants: number to name and name to number, per prefix.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#include <stdbool.h>

enum kk_name_space {
    KK_NAMES_CKM,
    KK_NAMES_CKA,
    KK_NAMES_CKR,
    KK_NAMES_CKO,
    KK_NAMES_CKK,
    KK_NAMES_CKU,
    KK_NAMES_CKS,
    KK_NAMES_CKC,
    KK_NAMES_CKD,
    KK_NAMES_CKG,
    KK_NAMES_CKP,
    KK_NAMES_CKH,
    KK_NAMES_CKZ,
    KK_NAMES_CKT,
    KK_NAMES_CKV,
    KK_NAMES_COUNT
};

/* One name. In a table, rows are sorted by value; where the standard has two names for one value,
 * the first one is its present name and the others follow it. */
struct kk_name {
    CK_ULONG value;
    const char *name;
};

/* The table of one prefix; *ret_count gets its number of rows. Never NULL. */
const struct kk_name *kk_names_table(enum kk_name_space space, size_t *ret_count);

/* The name of a value ("CKM_AES_GCM"), NULL when the standard has none for it. */
const char *kk_names_find(enum kk_name_space space, CK_ULONG value);

/* The value of a full name ("CKM_AES_GCM"); false when there is no such name. Case matters. */
bool kk_names_lookup(enum kk_name_space space, const char *name, CK_ULONG *ret_value);
