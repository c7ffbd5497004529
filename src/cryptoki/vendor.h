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

/* What verifying a token's audit log gave. Numbers are those of entries; 0: there is none. */
typedef struct CK_KEYKIST_AUDIT_REPORT {
    CK_FLAGS flags;   /* CKF_KEYKIST_AUDIT_... */
    CK_ULONG files;   /* that were read */
    CK_ULONG entries; /* that fit together, up to the break if there is one */
    CK_ULONG first;   /* of these */
    CK_ULONG last;
    CK_ULONG sealed;   /* the last one with a MAC that is right: all up to it are sealed by it */
    CK_ULONG torn;     /* lines that were not finished, of which later entries tell */
    CK_ULONG tail;     /* bytes behind the last whole line */
    CK_ULONG missed;   /* entries that could not be written (audit.on_error = continue) */
    CK_ULONG break_at; /* the first entry that does not fit */
    CK_UTF8CHAR what[160]; /* what is wrong with it; blank-padded */
    CK_UTF8CHAR file[40];  /* in which file; blank-padded */
} CK_KEYKIST_AUDIT_REPORT;

#define CKF_KEYKIST_AUDIT_PRESENT 0x00000001UL /* there is a log */
#define CKF_KEYKIST_AUDIT_KEYED 0x00000002UL   /* MACs were verified: somebody is logged in */
#define CKF_KEYKIST_AUDIT_BROKEN 0x00000004UL  /* something does not fit */
/* The token's own record of how far its log goes was not written by the token. */
#define CKF_KEYKIST_AUDIT_ANCHOR 0x00000008UL

/* How far a log was read; zeros at the beginning. */
typedef struct CK_KEYKIST_AUDIT_PLACE {
    CK_BYTE state[16];
} CK_KEYKIST_AUDIT_PLACE;

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

    /* The next lines of the audit log, whole ones with their newlines, as many as fit into *len
     * bytes (2,049 at least, else CKR_BUFFER_TOO_SMALL); *len is 0 at the end. `place` moves.
     * CKR_FUNCTION_NOT_SUPPORTED when the token can have no such log. */
    CK_RV (*audit_read)(CK_SLOT_ID slot, CK_KEYKIST_AUDIT_PLACE *place, CK_BYTE_PTR text,
                        CK_ULONG_PTR len);

    /* Verifies the audit log of the session's token: with the login that the session has, MACs
     * too. What is wrong stands in the report, and the answer is CKR_OK. */
    CK_RV (*audit_verify)(CK_SESSION_HANDLE session, CK_KEYKIST_AUDIT_REPORT *report);
} CK_KEYKIST_FUNCTIONS;

typedef CK_KEYKIST_FUNCTIONS *CK_KEYKIST_FUNCTIONS_PTR;
