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

/* Bytes to or from a place that the caller knows. read() fills `data`, which has room for *len
 * bytes, and sets *len, 0 at the end; write() takes all of `data`. What they return other than
 * CKR_OK ends the call and is what it returns. They are called while the token is being read: they
 * must neither call the module nor fork. */
typedef struct CK_KEYKIST_STREAM {
    void *context;
    CK_RV (*read)(void *context, CK_BYTE *data, CK_ULONG *len);
    CK_RV (*write)(void *context, const CK_BYTE *data, CK_ULONG len);
} CK_KEYKIST_STREAM;

typedef struct CK_KEYKIST_BYTES {
    const CK_BYTE *data;
    CK_ULONG len;
} CK_KEYKIST_BYTES;

/* What seals a backup: a passphrase, or recipients (their SubjectPublicKeyInfo in DER, X25519 or
 * RSA). What opens it: the passphrase, or an identity (a recipient's PrivateKeyInfo in DER). What
 * is not meant has NULL data. */
typedef struct CK_KEYKIST_BACKUP_KEY {
    CK_KEYKIST_BYTES passphrase;
    const CK_KEYKIST_BYTES *recipients;
    CK_ULONG recipient_count;
    CK_KEYKIST_BYTES identity;
} CK_KEYKIST_BACKUP_KEY;

#define CK_KEYKIST_RECIPIENTS_MAX 16

/* What a backup is. */
typedef struct CK_KEYKIST_BACKUP_INFO {
    CK_FLAGS flags; /* CKF_KEYKIST_BACKUP_... */
    CK_ULONG kdf_passes;
    CK_ULONG kdf_kib;
    CK_ULONG recipient_count;
    CK_BYTE recipients[CK_KEYKIST_RECIPIENTS_MAX][8]; /* SHA-256 of SubjectPublicKeyInfo, cut */
    /* what follows: with CKF_KEYKIST_BACKUP_OPENED */
    CK_UTF8CHAR label[32]; /* blank-padded */
    CK_CHAR serial[16];
    CK_ULONG made_at; /* seconds since 1970 */
    CK_ULONG rows;
    CK_ULONG private_objects;
    CK_ULONG public_objects;
} CK_KEYKIST_BACKUP_INFO;

/* Sealed for a passphrase; otherwise for recipients. */
#define CKF_KEYKIST_BACKUP_PASSPHRASE 0x00000001UL
/* It was read to its end and is whole. */
#define CKF_KEYKIST_BACKUP_OPENED 0x00000002UL
/* The token in it needs its pepper. */
#define CKF_KEYKIST_BACKUP_NEEDS_PEPPER 0x00000004UL
/* A PIN opened the token in it: all of it was checked. */
#define CKF_KEYKIST_BACKUP_CHECKED 0x00000008UL

/* How to take a backup. `pin` is the SO's or the user's; NULL data: none. */
typedef struct CK_KEYKIST_RESTORE {
    CK_FLAGS flags; /* CKF_KEYKIST_RESTORE_... */
    CK_USER_TYPE user;
    CK_KEYKIST_BYTES pin;
} CK_KEYKIST_RESTORE;

/* A token of the same serial number is deleted, when the restored one is on the disk. */
#define CKF_KEYKIST_RESTORE_REPLACE 0x00000001UL
/* Damaged objects, lists and PINs of others are taken as they are. */
#define CKF_KEYKIST_RESTORE_DAMAGED 0x00000002UL

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

    /* Writes the token in `slot`, as it is at one moment, to a sealed file. Needs no login.
     * CKR_PIN_LEN_RANGE: a passphrase of less than 8 bytes; CKR_KEY_TYPE_INCONSISTENT,
     * CKR_KEY_SIZE_RANGE: a recipient's key is of no use. */
    CK_RV (*backup)(CK_SLOT_ID slot, const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_STREAM *to,
                    CK_KEYKIST_BACKUP_INFO *info);

    /* Says what a backup is, and changes nothing. Without a key only how it is sealed is read; with
     * one it is read to its end; with a PIN in `how` (may be NULL) all of the token in it is
     * checked. CKR_DATA_INVALID: it is no backup; CKR_TOKEN_NOT_RECOGNIZED: of a newer format;
     * CKR_WRAPPED_KEY_INVALID: the key does not open it; CKR_ENCRYPTED_DATA_INVALID: it is damaged
     * or not whole; CKR_DEVICE_ERROR: the token in it is damaged, or needs a pepper that is not
     * there; codes of C_Login for the PIN. */
    CK_RV (*backup_check)(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                          const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info);

    /* The same, and then makes the token, with a new epoch, as a whole or not at all. The PIN must
     * be there (CKR_USER_NOT_LOGGED_IN). CKR_FUNCTION_REJECTED: there is a token of this serial
     * number, and CKF_KEYKIST_RESTORE_REPLACE is not set; CKR_SESSION_EXISTS: this application has
     * a session open with it. Slots change when C_GetSlotList looks for tokens. */
    CK_RV (*restore)(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                     const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info);
} CK_KEYKIST_FUNCTIONS;

typedef CK_KEYKIST_FUNCTIONS *CK_KEYKIST_FUNCTIONS_PTR;
