/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface "Vendor Keykist", found by C_GetInterface: what a token's administrator needs and
 * PKCS#11 has no call for. Programs reach it in process and through the daemon alike.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#define KK_VENDOR_INTERFACE "Vendor Keykist"
#define KK_VENDOR_VERSION_MAJOR 1
#define KK_VENDOR_VERSION_MINOR 1

/* What a token is beyond CK_TOKEN_INFO. */
typedef struct CK_KEYKIST_TOKEN_INFO {
    CK_UTF8CHAR kind[16]; /* how it is stored: "sealed"; blank-padded */
    CK_FLAGS flags;       /* CKF_KEYKIST_... */
    CK_ULONG user_failed; /* wrong PINs since the last right one */
    CK_ULONG so_failed;
} CK_KEYKIST_TOKEN_INFO;

/* A named user. */
typedef struct CK_KEYKIST_USER {
    CK_UTF8CHAR name[64];
    CK_ULONG name_len;
    CK_ULONG failed;    /* wrong PINs since the last right one */
    CK_BBOOL is_locked; /* too many: to be removed and added anew */
} CK_KEYKIST_USER;

/* What belongs to a slot, whether it is in it or not. */
typedef struct CK_KEYKIST_SLOT_INFO {
    CK_FLAGS flags;        /* CKF_KEYKIST_SLOT_... */
    CK_UTF8CHAR label[32]; /* blank-padded */
    CK_CHAR serial[16];
} CK_KEYKIST_SLOT_INFO;

/* It is an initialised token's: label and serial are set. */
#define CKF_KEYKIST_SLOT_TOKEN 0x00000001UL
/* And the token was taken out. */
#define CKF_KEYKIST_SLOT_UNPLUGGED 0x00000002UL

/* The SO can give the user a new PIN without the loss of private objects. */
#define CKF_KEYKIST_SO_RECOVERY 0x00000001UL
/* A rekey was begun and is not at its end. */
#define CKF_KEYKIST_REKEY_PENDING 0x00000002UL

/* One thing that a check or a repair found wrong; valid during the call only. */
typedef struct CK_KEYKIST_FINDING {
    const CK_UTF8CHAR *what; /* a clause: "it is missing" */
    CK_ULONG what_len;
    const CK_UTF8CHAR *uuid; /* 36 characters: the object that it is about; NULL: the token */
    const CK_UTF8CHAR *label;
    CK_ULONG label_len; /* CK_UNAVAILABLE_INFORMATION: the label is not known */
} CK_KEYKIST_FINDING;

typedef void (*CK_KEYKIST_FOUND)(CK_VOID_PTR context, const CK_KEYKIST_FINDING *finding);

/* Told now and then how far it is; a code other than CKR_OK stops it, and is what the call returns.
 * Neither callback may call the module. */
typedef CK_RV (*CK_KEYKIST_PROGRESS)(CK_VOID_PTR context, CK_ULONG done, CK_ULONG total);

/* What is asked of a whole token. A PIN that is NULL was not given. Callbacks may be NULL. */
typedef struct CK_KEYKIST_REQUEST {
    CK_UTF8CHAR_PTR so_pin;
    CK_ULONG so_pin_len;
    CK_UTF8CHAR_PTR pin;
    CK_ULONG pin_len;
    CK_FLAGS flags; /* those below that the call takes */
    CK_KEYKIST_FOUND found;
    CK_KEYKIST_PROGRESS progress;
    CK_VOID_PTR context;
} CK_KEYKIST_REQUEST;

/* repair_token: the new token takes the old one's serial number, and the old one is deleted. */
#define CKF_KEYKIST_REPLACE 0x00000001UL
/* rekey_token: from now on the SO can, or cannot, give the user a new PIN without the loss of
 * private objects. With neither it stays as it is. */
#define CKF_KEYKIST_RECOVERY_ON 0x00000002UL
#define CKF_KEYKIST_RECOVERY_OFF 0x00000004UL
/* convert_token: CKA_TRUSTED becomes CK_FALSE where nothing proves it: in all objects of a token in
 * SoftHSM's format. */
#define CKF_KEYKIST_NO_TRUST 0x00000008UL

typedef struct CK_KEYKIST_RESULT {
    CK_ULONG private_objects; /* check: that are sound; repair: that were taken along */
    CK_ULONG public_objects;
    CK_ULONG findings;
    CK_BBOOL private_checked; /* a PIN opened the private objects */
    CK_CHAR serial[16];       /* repair: of the new token */
} CK_KEYKIST_RESULT;

/* How the module fares in this process. */
typedef struct CK_KEYKIST_HEALTH {
    CK_ULONG pin_microseconds; /* what one try of a PIN costs with the present pin.kdf, measured */
    CK_BBOOL memory_locked;    /* PINs and keys of the module's own cannot be swapped out */
    CK_BBOOL has_pepper;       /* token.pepper was read */
    CK_BBOOL pepper_missing;   /* token.pepper names one that could not be read */
} CK_KEYKIST_HEALTH;

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
/* A TPM guards a PIN in it: that PIN opens it with this TPM only. */
#define CKF_KEYKIST_BACKUP_NEEDS_TPM 0x00000010UL

/* How to take a backup. `pin` is the SO's or the user's; NULL data: none. */
typedef struct CK_KEYKIST_RESTORE {
    CK_FLAGS flags; /* CKF_KEYKIST_RESTORE_... */
    CK_USER_TYPE user;
    CK_KEYKIST_BYTES pin;
    CK_KEYKIST_BYTES user_pin; /* read with CKF_KEYKIST_RESTORE_REKEY only */
} CK_KEYKIST_RESTORE;

/* A token of the same serial number is deleted, when the restored one is on the disk. */
#define CKF_KEYKIST_RESTORE_REPLACE 0x00000001UL
/* Damaged objects, lists and PINs of others are taken as they are. */
#define CKF_KEYKIST_RESTORE_DAMAGED 0x00000002UL
/* restore: the token gets new master keys, and all its objects are sealed with them, before any of
 * it is written. `pin` is the SO's, `user_pin` the user's where the token has a user. */
#define CKF_KEYKIST_RESTORE_REKEY 0x00000004UL

/* What C_CreateObject takes for one object. */
typedef struct CK_KEYKIST_TEMPLATE {
    CK_ATTRIBUTE_PTR attributes;
    CK_ULONG count;
} CK_KEYKIST_TEMPLATE;

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

    /* These three: CKR_TOKEN_NOT_RECOGNIZED when the token is uninitialised,
     * CKR_FUNCTION_NOT_SUPPORTED when a token of its kind cannot do it, CKR_PIN_INCORRECT and
     * CKR_PIN_LOCKED as C_Login. */

    /* Holds everything against everything: with a PIN (the user's sees most) also what it opens.
     * Damage is told to `found` and counted; it is no failure of the call. CKR_DEVICE_ERROR: the
     * PIN has a guard, and its TPM did not open it; the log says why. */
    CK_RV (*check_token)(CK_SLOT_ID slot, const CK_KEYKIST_REQUEST *request,
                         CK_KEYKIST_RESULT *result);

    /* Makes a new token, with the same label and the PINs given, of what is sound in this one; what
     * is left out is told to `found`. Named users stay with CKF_KEYKIST_REPLACE, where their key
     * rows are sound and the PINs given open all there is. The SO's PIN is needed, and the user's
     * where there are private objects that the SO cannot open (CKR_USER_NOT_LOGGED_IN). With
     * CKF_KEYKIST_REPLACE: CKR_SESSION_EXISTS when this application has a session open with it. */
    CK_RV (*repair_token)(CK_SLOT_ID slot, const CK_KEYKIST_REQUEST *request,
                          CK_KEYKIST_RESULT *result);

    /* Gives the token new keys, and seals its objects with them (named users go, each of whom is
     * told to `found`); or does the rest of that where it
     * was begun. To begin: both PINs (the SO's alone where there is no user). To go on: one that
     * opens the private objects (CKR_USER_NOT_LOGGED_IN). CKR_ARGUMENTS_BAD: a PIN is missing.
     * CKR_DEVICE_ERROR: the token is damaged, or a PIN needs a pepper or TPM that is not there; the
     * log says which. CKR_SESSION_EXISTS when this application has a
     * session open with it. Every login of other applications is void afterwards. */
    CK_RV (*rekey_token)(CK_SLOT_ID slot, const CK_KEYKIST_REQUEST *request);

    CK_RV (*health)(CK_KEYKIST_HEALTH *health);

    /* Makes the token one of another kind (a name of CK_KEYKIST_TOKEN_INFO: "sealed", "softhsm2"),
     * with the same serial number, slot, label, PINs, objects and unique ids. Needs the SO's PIN
     * and, where there is one, the user's; CKR_ARGUMENTS_BAD without, and when it is of that kind.
     * What it was is set aside in the tokens' directory. Objects whose CKA_TRUSTED nothing proved
     * are told to `found`. CKR_FUNCTION_REJECTED: another program
     * changed it meanwhile, or a second token with its serial number holds more than it;
     * CKR_ATTRIBUTE_VALUE_INVALID: the other kind cannot hold an object; the log names it, and
     * nothing has changed. CKR_SESSION_EXISTS as above. */
    CK_RV (*convert_token)(CK_SLOT_ID slot, const CK_UTF8CHAR kind[16],
                           const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result);

    /* Deletes for good what was set aside of the token, but for its audit logs; how many times
     * there was something. */
    CK_RV (*purge_token)(CK_SLOT_ID slot, CK_ULONG *count);

    /* Writes the token in `slot`, as it is at one moment, to a sealed file. Needs no login.
     * CKR_PIN_LEN_RANGE: a passphrase of less than 8 bytes; CKR_KEY_TYPE_INCONSISTENT,
     * CKR_KEY_SIZE_RANGE: a recipient's key is of no use. */
    CK_RV (*backup)(CK_SLOT_ID slot, const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_STREAM *to,
                    CK_KEYKIST_BACKUP_INFO *info);

    /* Says what a backup is, and changes nothing. Without a key only how it is sealed is read; with
     * one it is read to its end; with a PIN in `how` (may be NULL) all of the token in it is
     * checked. CKR_DATA_INVALID: it is no backup; CKR_TOKEN_NOT_RECOGNIZED: of a newer format;
     * CKR_WRAPPED_KEY_INVALID: the key does not open it; CKR_ENCRYPTED_DATA_INVALID: it is damaged
     * or not whole; CKR_DEVICE_ERROR: the token in it is damaged, or needs a pepper or TPM that
     * is not there; codes of C_Login for the PIN. */
    CK_RV (*backup_check)(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                          const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info);

    /* The same, and then makes the token, with a new epoch, as a whole or not at all. The PIN must
     * be there (CKR_USER_NOT_LOGGED_IN). CKR_FUNCTION_REJECTED: there is a token of this serial
     * number, of whatever kind, and CKF_KEYKIST_RESTORE_REPLACE is not set;
     * CKR_TOKEN_WRITE_PROTECTED: the one that is there is only read; CKR_SESSION_EXISTS: this
     * application has a session open with it. With CKF_KEYKIST_RESTORE_REKEY,
     * CKR_USER_NOT_LOGGED_IN: the user's PIN is needed too; CKR_USER_TYPE_INVALID: `pin` is not the
     * SO's; CKR_ARGUMENTS_BAD: not with CKF_KEYKIST_RESTORE_DAMAGED. Slots change when
     * C_GetSlotList looks for tokens. */
    CK_RV (*restore)(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                     const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info);

    /* C_CreateObject for many token objects, in one durable transaction: all of them or none. At
     * most 100,000. `objects` gets their handles; NULL: they get none, which costs less.
     * *refused is the place of the template that was refused, `count` when the failure (a code of
     * C_CreateObject) is not about one. CKR_ATTRIBUTE_VALUE_INVALID for a session object. */
    CK_RV (*create_objects)(CK_SESSION_HANDLE session, const CK_KEYKIST_TEMPLATE *templates,
                            CK_ULONG count, CK_OBJECT_HANDLE_PTR objects, CK_ULONG_PTR refused);

    /* The next lines of the audit log, whole ones with their newlines, as many as fit into *len
     * bytes (2,049 at least, else CKR_BUFFER_TOO_SMALL); *len is 0 at the end. `place` moves.
     * CKR_FUNCTION_NOT_SUPPORTED when the token can have no such log. */
    CK_RV (*audit_read)(CK_SLOT_ID slot, CK_KEYKIST_AUDIT_PLACE *place, CK_BYTE_PTR text,
                        CK_ULONG_PTR len);

    /* Verifies the audit log of the session's token: with the login that the session has, MACs
     * too. What is wrong stands in the report, and the answer is CKR_OK. */
    CK_RV (*audit_verify)(CK_SESSION_HANDLE session, CK_KEYKIST_AUDIT_REPORT *report);

    /* Named users (C_LoginUser), in a R/W session with the SO logged in; with the user where the
     * token was made with token.so_recovery = off (the SO may remove them there too). Else
     * CKR_USER_NOT_LOGGED_IN. user_add: CKR_FUNCTION_REJECTED when there is one of that name,
     * CKR_PIN_LEN_RANGE; user_remove: CKR_USER_PIN_NOT_INITIALIZED when there is none. A name is 1
     * to 64 bytes of UTF-8: CKR_ARGUMENTS_BAD. Tokens in SoftHSM's format:
     * CKR_FUNCTION_NOT_SUPPORTED.
     */
    CK_RV (*user_add)(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ULONG name_len,
                      CK_UTF8CHAR_PTR pin, CK_ULONG pin_len);
    CK_RV (*user_remove)(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ULONG name_len);
    /* Without login; the list convention of C_GetSlotList. */
    CK_RV (*users)(CK_SLOT_ID slot, CK_KEYKIST_USER *users, CK_ULONG_PTR count);

    /* Also for a slot whose token was taken out. CKR_TOKEN_NOT_PRESENT: it was deleted. */
    CK_RV (*slot_info)(CK_SLOT_ID slot, CK_KEYKIST_SLOT_INFO *info);

    /* Takes the token out of its slot, as if it were unplugged, or (`in`) puts it back: for all
     * processes, until it is put back. Asks for no PIN. Sessions with the token end, also this
     * application's; calls for the token give CKR_TOKEN_NOT_PRESENT meanwhile, those above
     * but token_path included. CKR_FUNCTION_NOT_SUPPORTED: the token is only read, or lies in no
     * directory; CKR_TOKEN_WRITE_PROTECTED. */
    CK_RV (*slot_plug)(CK_SLOT_ID slot, CK_BBOOL in);
} CK_KEYKIST_FUNCTIONS;

typedef CK_KEYKIST_FUNCTIONS *CK_KEYKIST_FUNCTIONS_PTR;
