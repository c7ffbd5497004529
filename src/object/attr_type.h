/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dictionary of attribute types: what kind of data each one holds, whatever object it stands
 * on. All attributes of the standard are in it, also those of classes that have no policy rows yet.
 */
#pragma once

#include "object/attrs.h"

enum kk_attr_data {
    KK_DATA_BOOL,       /* CK_BBOOL */
    KK_DATA_ULONG,      /* CK_ULONG and all that is one */
    KK_DATA_BYTES,      /* byte arrays, strings, structures */
    KK_DATA_NUMBER,     /* big integers: kept without leading zeros */
    KK_DATA_DATE,       /* CK_DATE, or empty */
    KK_DATA_TEMPLATE,   /* array of CK_ATTRIBUTE */
    KK_DATA_ULONG_LIST, /* array of CK_ULONG (CK_MECHANISM_TYPE, LMS types) */
};

/*= pkcs11-3.2 X.509 public key certificate objects: the type defaults to SHA-1 */
/* What CKA_NAME_HASH_ALGORITHM of a certificate is where nobody said it: SHA-1's mechanism. */
#define KK_NAME_HASH_DEFAULT 0x220UL

struct kk_attr_type {
    CK_ATTRIBUTE_TYPE type;
    enum kk_attr_data data;
    bool is_secret; /* key material, at least on some classes */
};

/* NULL when the standard has no such attribute. */
const struct kk_attr_type *kk_attr_type_find(CK_ATTRIBUTE_TYPE type);

/* All rows, by rising type (tests, printing). */
const struct kk_attr_type *kk_attr_types(size_t *ret_count);

/* Whether the value is key material or private data on an object of this class: CKA_VALUE is that
 * of a private key, but not of a certificate. CK_UNAVAILABLE_INFORMATION: on any class. */
bool kk_attr_type_is_secret_of(CK_OBJECT_CLASS object_class, CK_ATTRIBUTE_TYPE type);

/* The kind that values of this data have in a set. */
enum kk_attr_kind kk_attr_data_kind(enum kk_attr_data data);
