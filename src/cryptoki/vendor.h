/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface "Vendor Keykist", found by C_GetInterface: what a token's administrator needs and
 * PKCS#11 has no call for. Programs reach it in process and through the daemon alike.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#define KK_VENDOR_INTERFACE "Vendor Keykist"
#define KK_VENDOR_VERSION_MAJOR 1
#define KK_VENDOR_VERSION_MINOR 2

/* What a token is beyond CK_TOKEN_INFO. */
typedef struct CK_KEYKIST_TOKEN_INFO {
    CK_UTF8CHAR kind[16]; /* how it is stored: "sealed"; blank-padded */
    CK_FLAGS flags;       /* CKF_KEYKIST_... */
    CK_ULONG user_failed; /* wrong PINs since the last right one */
    CK_ULONG so_failed;
} CK_KEYKIST_TOKEN_INFO;

/* The SO can give the user a new PIN without the loss of private objects. */
#define CKF_KEYKIST_SO_RECOVERY 0x00000001UL
/* A rekey was begun and is not at its end. */
#define CKF_KEYKIST_REKEY_PENDING 0x00000002UL

/* What C_CreateObject takes for one object. */
typedef struct CK_KEYKIST_TEMPLATE {
    CK_ATTRIBUTE_PTR attributes;
    CK_ULONG count;
} CK_KEYKIST_TEMPLATE;

typedef struct CK_KEYKIST_FUNCTIONS {
    /* First, as in every list that C_GetInterface gives out. */
    CK_VERSION version;

    /* The full path of the directory that holds the token in `slot`: UTF-8, no zero at its end. The
     * length convention of section 5.2 holds: with a NULL `path` only *len is set, and
     * CKR_BUFFER_TOO_SMALL sets it too. CKR_TOKEN_NOT_RECOGNIZED when the token is uninitialised,
     * CKR_FUNCTION_NOT_SUPPORTED when it does not live in a directory. */
    CK_RV (*token_path)(CK_SLOT_ID slot, CK_UTF8CHAR_PTR path, CK_ULONG_PTR len);

    /* Removes the token in `slot` and everything in it; asks for no PIN. CKR_SESSION_EXISTS when
     * this application has a session open with it. */
    CK_RV (*delete_token)(CK_SLOT_ID slot);

    /* ---- since 1.1 ---- */

    /* CKR_TOKEN_NOT_RECOGNIZED when the token is uninitialised. */
    CK_RV (*token_info)(CK_SLOT_ID slot, CK_KEYKIST_TOKEN_INFO *info);

    /* ---- since 1.2 ---- */

    /* C_CreateObject for many token objects, in one durable transaction: all of them or none. At
     * most 100,000. `objects` gets their handles; NULL: they get none, which costs less.
     * *refused is the place of the template that was refused, `count` when the failure (a code of
     * C_CreateObject) is not about one. CKR_ATTRIBUTE_VALUE_INVALID for a session object. */
    CK_RV (*create_objects)(CK_SESSION_HANDLE session, const CK_KEYKIST_TEMPLATE *templates,
                            CK_ULONG count, CK_OBJECT_HANDLE_PTR objects, CK_ULONG_PTR refused);
} CK_KEYKIST_FUNCTIONS;

typedef CK_KEYKIST_FUNCTIONS *CK_KEYKIST_FUNCTIONS_PTR;
