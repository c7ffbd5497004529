/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanisms by the words of a command line: "sha256-rsa-pkcs-pss" or "CKM_SHA256_RSA_PKCS_PSS",
 * and families with a hash of their own: "rsa-pss" and "sha256".
 */
#pragma once

#include "base/macros.h"

struct kk_mechanism_word {
    char text[64];
};

/* The name without CKM_, in small letters with dashes; a number for one without a name. */
struct kk_mechanism_word kk_mechanism_word(CK_MECHANISM_TYPE type);

/* The same with CKM_ as the standard has it. */
struct kk_mechanism_word kk_mechanism_name(CK_MECHANISM_TYPE type);

/* Any of these forms, a few usual other names ("sha256-rsa-pss"), or a number (0x40). */
bool kk_mechanism_parse(const char *text, CK_MECHANISM_TYPE *ret_type);

/* A hash and what goes with it. */
struct kk_hash {
    const char *name; /* "sha256" */
    CK_MECHANISM_TYPE mechanism;
    CK_RSA_PKCS_MGF_TYPE mgf;
    CK_ULONG len;
    CK_MECHANISM_TYPE rsa;
    CK_MECHANISM_TYPE pss;
    CK_MECHANISM_TYPE ecdsa;
    CK_MECHANISM_TYPE hmac;
};

/* "sha256", "SHA-256", "sha3-256"; NULL: there is none. */
const struct kk_hash *kk_hash_find(const char *name);

/* The hash of a mechanism that signs with RSA, PSS, ECDSA or HMAC; NULL: another mechanism. */
const struct kk_hash *kk_hash_of(CK_MECHANISM_TYPE mechanism);

/* The names, for a message. */
#define KK_HASH_NAMES                                                                              \
    "sha1, sha224, sha256, sha384, sha512, sha3-224, sha3-256, sha3-384 or sha3-512"
