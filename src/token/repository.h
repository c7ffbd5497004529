/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A repository is one token's storage as the token layer sees it: identity, PINs, and objects that
 * open with a login. `sealed` is ours (security.md section 1), `softhsm2` SoftHSM's own
 * directories (token/softhsm.h).
 *
 * An unlock is the proof of a login: the keys it opened. It is refcounted, belongs to one
 * application's login, and is passed to every call that reads or writes objects (NULL: nobody is
 * logged in). Codes are those of store.h and those named below.
 */
#pragma once

#include "crypto/provider.h"
#include "object/object.h"
#include "store/store.h"
#include "token/audit.h"
#include "tpm/tpm.h"

#define KK_PIN_MAX 255
#define KK_USER_NAME_MAX 64

struct kk_repository;
struct kk_unlock;
struct kk_backup_chunks; /* backup_file.h */
struct kk_backup_info;   /* backup.h */

enum kk_role { KK_ROLE_SO = 0, KK_ROLE_USER = 1 };

/* Settings that a repository needs, copied out of the configuration. */
struct kk_repository_settings {
    int pin_kdf;                 /* enum kk_config_kdf */
    bool pin_by_pbkdf2;          /* mechanisms.policy = fips: no Argon2id in new key rows */
    unsigned long pin_max_tries; /* 0: never locks */
    unsigned long pin_min_length;
    bool so_recovery;               /* for new tokens */
    int integrity;                  /* enum kk_config_integrity */
    int pin_guard;                  /* enum kk_config_guard, of PINs that are set anew */
    struct kk_tpm *tpm;             /* borrowed from the engine; NULL: guarded rows do not open */
    const struct kk_secret *pepper; /* NULL: none; borrowed from the engine */
    struct kk_audit_settings audit;
    bool pepper_missing; /* the configuration names one that could not be read: nothing is
                            sealed anew (CKR_DEVICE_ERROR), rows without pepper open */
};

/* What a token says of itself without login. */
struct kk_token_state {
    char label[32];  /* blank-padded */
    char serial[16]; /* lower-case hex */
    bool user_pin_set;
    unsigned long user_failed, so_failed; /* tries since the last success */
    bool user_locked;
    bool read_only;
    bool reset_empties; /* a user PIN that the SO resets takes the private objects along */
    bool rekey_pending; /* new keys are in use, and old objects wait to be sealed with them */
    uint8_t epoch[16];  /* changes with C_InitToken, rekey and restore: logins and handles die */
};

/* A named user. */
struct kk_user {
    struct kk_span name;
    unsigned long failed; /* tries since the last success */
    bool locked;
};
typedef CK_RV kk_user_visit(const struct kk_user *user, void *context);

/* Makes a change anew from the version that is there. *ret_attrs: what a PUT then writes (the
 * repository's to free); stays NULL for a DELETE. A code other than CKR_OK: there is no change. It
 * may be called with the repository's write lock held: it must not call back into it. */
typedef CK_RV kk_rebase(void *context, const struct kk_object *present,
                        struct kk_attrs **ret_attrs);

struct kk_stored_change {
    enum { KK_CHANGE_PUT, KK_CHANGE_DELETE } kind;
    struct kk_uuid uuid;
    const struct kk_attrs *attrs;     /* PUT; DELETE (may be NULL): what goes, for the audit log */
    const struct kk_audit_note *note; /* for the audit log; NULL: as it looks */
    uint64_t expected_generation;     /* 0: new; else the version that the change started from */
    /* For one change alone in its call: what to do when another version is there. NULL: nothing. */
    kk_rebase *rebase;
    void *context;
};

/* Tells how far something long is; a code other than CKR_OK stops it there. */
typedef CK_RV kk_progress(void *context, CK_ULONG done, CK_ULONG total);

enum kk_so_recovery { KK_SO_RECOVERY_KEEP, KK_SO_RECOVERY_ON, KK_SO_RECOVERY_OFF };

/* One thing that a check found wrong. */
struct kk_finding {
    const char *what;           /* a clause: "it is missing" */
    const struct kk_uuid *uuid; /* of the object that it is about; NULL: about the token */
    struct kk_span label;       /* the object's; data NULL: not known */
};
typedef void kk_finding_visit(void *context, const struct kk_finding *finding);

/* What a rekey needs. A PIN without data was not given: to begin, the SO's is needed, and the
 * user's where there is a user; to go on, one that opens the private objects. */
struct kk_rekey {
    struct kk_span so_pin, user_pin;
    enum kk_so_recovery so_recovery; /* taken when it begins */
    kk_finding_visit *found;         /* gets each named user, who goes; may be NULL */
    kk_progress *progress;           /* NULL: nobody watches */
    void *context;                   /* of both */
};

/* What a check needs. Without a PIN (data NULL) it sees what can be seen without login. With both,
 * the user's is taken. */
struct kk_check {
    struct kk_span so_pin, user_pin;
    kk_finding_visit *found;
    kk_progress *progress; /* NULL: nobody watches */
    void *context;         /* of both */
};

struct kk_check_result {
    uint64_t private_objects, public_objects; /* that are as they should be */
    uint64_t findings;
    bool private_checked; /* the private objects were opened */
};

/* What there may be among the private objects. */
struct kk_hidden {
    bool certificates, private_keys;
};

struct kk_repository_ops {
    const char *name;  /* "sealed" */
    bool keeps_states; /* no other program puts an older version of an object back: private keys
                          with one-time signatures may be stored */

    void (*close)(struct kk_repository *repository);

    /* MUST. Rereads what is needed when the store's stamp moved. CKR_DEVICE_REMOVED: gone. */
    KK_RV (*state)(struct kk_repository *repository, struct kk_token_state *ret_state);
    KK_RV (*fresh)(struct kk_repository *repository, struct kk_store_stamp *ret_stamp);

    /* MAY. For stores that others change without moving the stamp: looks at one object, or (NULL)
     * at all of them before a search. When something changed, the stamp is another one after it. */
    KK_RV (*look)(struct kk_repository *repository, const struct kk_uuid *uuid);

    /* MUST. C_InitToken on a token that exists: checks the SO's PIN (CKR_PIN_INCORRECT; the SO's
     * delay), then new epoch, new master keys, no objects, no user PIN; serial stays. */
    KK_RV (*reinitialise)(struct kk_repository *repository, struct kk_span so_pin,
                          const char label[32]);

    /* MUST. A PIN try. CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED,
     * CKR_DEVICE_ERROR (a bad key row, a missing pepper, strict integrity). `name` is empty for the
     * unnamed user. `known` (may be NULL) is an unlock of the same role and name in this process: a
     * right PIN then costs little; a wrong one counts all the same. */
    KK_RV (*unlock)(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                    struct kk_span pin, struct kk_unlock *known, struct kk_unlock **ret_unlock);

    /* MAY. The same try for C_Login with CKU_CONTEXT_SPECIFIC; without it unlock() is taken. */
    KK_RV (*verify_pin)(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                        struct kk_span pin, struct kk_unlock *known);

    /* MUST. C_SetPIN: the old PIN is a try; CKR_PIN_INCORRECT, CKR_PIN_LOCKED. Lengths are checked
     * above. */
    KK_RV (*set_pin)(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                     struct kk_span old_pin, struct kk_span new_pin);

    /* MUST. C_InitPIN by the SO who holds `unlock`: sets or resets the user's PIN and its counter.
     * With so_recovery off the private objects go. */
    KK_RV (*init_pin)(struct kk_repository *repository, struct kk_unlock *unlock,
                      struct kk_span new_pin);

    /* MUST. Uuids of objects that may match, by uuid: candidates of the index, opened and compared
     * by the token layer. `unlock` without the private keys (SO with so_recovery on has them but
     * sees public objects only: `with_private` says) or NULL: public ones. */
    KK_RV (*find)(struct kk_repository *repository, struct kk_unlock *unlock, bool with_private,
                  const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count);

    /* MAY. What private objects there are, as far as it shows without a login: nothing may be there
     * that it denies. Without it there may be all. */
    KK_RV (*hidden)(struct kk_repository *repository, struct kk_hidden *ret_hidden);

    /* MUST. One object, opened and verified. CKR_OBJECT_HANDLE_INVALID: there is none.
     * CKR_USER_NOT_LOGGED_IN: private and no key. CKR_DEVICE_ERROR: damaged (one log line that
     * names the object). */
    KK_RV (*read)(struct kk_repository *repository, struct kk_unlock *unlock,
                  const struct kk_uuid *uuid, struct kk_object **ret_object);

    /* MUST. All changes in one durable transaction. CKR_OBJECT_HANDLE_INVALID when an expected
     * version is gone, CKR_FUNCTION_REJECTED when it is another one and there is no rebase, or the
     * repository cannot do that (the caller reads anew and tries again). ret_objects (may be NULL)
     * gets a snapshot per PUT, in order; NULL for a DELETE. */
    KK_RV (*change)(struct kk_repository *repository, struct kk_unlock *unlock,
                    const struct kk_stored_change *changes, size_t count,
                    struct kk_object **ret_objects);

    /* MAY. Whether many changes in one call cost hardly more than one, and fail without a trace:
     * then those of several threads are put together. */
    bool (*joins)(const struct kk_repository *repository);

    /* MAY. Everything held against everything. CKR_PIN_INCORRECT and the like: the PIN's try;
     * damage is no failure. */
    KK_RV (*check)(struct kk_repository *repository, const struct kk_check *check,
                   struct kk_check_result *ret_result);

    /* MAY. What is sound goes into a new token of that serial, with the same label and the PINs of
     * `check` (the SO's is needed; the user's where there are private objects that the SO cannot
     * open); the old one stays as it is. A PIN must open its key row, unless that row is damaged
     * and the other PIN is right. Named users stay where serial number is the old one's, their key
     * rows are sound and the PINs open AMK and DMK; the new token then keeps these. `store` is
     * empty, and taken over on success only; the new token is there as a whole or not at all.
     * *ret_result counts the objects that were taken along. */
    KK_RV (*repair)(struct kk_repository *repository, const struct kk_check *check,
                    struct kk_store *store, const char serial[16],
                    struct kk_check_result *ret_result, struct kk_repository **ret_repository);

    /* MAY. New keys for the whole token, or the rest of a change that was begun. Ends every login.
     * CKR_PIN_INCORRECT, CKR_PIN_LOCKED; CKR_ARGUMENTS_BAD: a PIN that it needs is not given;
     * CKR_USER_PIN_NOT_INITIALIZED: so_recovery cannot be taken away where there is no user;
     * CKR_DEVICE_ERROR: the token is damaged, nothing was done; what the watcher answered. */
    KK_RV (*rekey)(struct kk_repository *repository, const struct kk_rekey *rekey);

    /* MAY. Renames the token's directory to `path`: every process finds it gone. */
    KK_RV (*set_aside)(struct kk_repository *repository, const char *path);

    /* MAY (else CKR_FUNCTION_NOT_SUPPORTED). Puts the token, as one transaction sees it, into a
     * backup, and says in `info` what it is. */
    KK_RV (*backup)(struct kk_repository *repository, struct kk_backup_chunks *chunks,
                    struct kk_backup_info *info);

    /* MAY, all three (CKR_FUNCTION_NOT_SUPPORTED without). Writes an entry of the audit log for who
     * holds `unlock` (NULL: nobody); codes of kk_audit_write(). The others: kk_audit_read() and
     * kk_audit_verify(). Changes and PIN tries write their entries themselves. */
    KK_RV (*audit)(struct kk_repository *repository, struct kk_unlock *unlock,
                   const struct kk_audit_event *event);
    KK_RV (*audit_read)(struct kk_repository *repository, struct kk_audit_place *place,
                        uint8_t *text, size_t room, size_t *ret_len);
    KK_RV (*audit_verify)(struct kk_repository *repository, struct kk_unlock *unlock,
                          struct kk_audit_report *ret_report);

    /* MAY, all three (CKR_FUNCTION_NOT_SUPPORTED without). Named users: `unlock` is the SO's, or on
     * a token without so_recovery the unnamed user's (the SO may remove users there too), else
     * CKR_USER_NOT_LOGGED_IN. user_add: CKR_FUNCTION_REJECTED when there is one of that name;
     * user_remove: CKR_USER_PIN_NOT_INITIALIZED when there is none. Names are UTF-8, 1 to
     * KK_USER_NAME_MAX bytes: CKR_ARGUMENTS_BAD. users: each of them, without login; the visit must
     * not call back. */
    KK_RV (*user_add)(struct kk_repository *repository, struct kk_unlock *unlock,
                      struct kk_span name, struct kk_span pin);
    KK_RV (*user_remove)(struct kk_repository *repository, struct kk_unlock *unlock,
                         struct kk_span name);
    KK_RV (*users)(struct kk_repository *repository, kk_user_visit *visit, void *context);
    /* MAY. A key that only those have who hold such an unlock, in any process, for as long as the
     * token has its keys: seals states of operations. 32 bytes. */
    KK_RV (*state_key)(struct kk_repository *repository, struct kk_unlock *unlock,
                       struct kk_secret *key);

    /* MAY. The next value of the token's monotonic counter: at least `least`, more than any that it
     * gave before, in whatever process, and on the disk when it is returned. */
    KK_RV (*counter)(struct kk_repository *repository, uint64_t least, uint64_t *ret_value);

    /* MAY. Moves the stamp for every process, and changes nothing. */
    KK_RV (*nudge)(struct kk_repository *repository);
    /* MAY. The store's number of losses (store.h). */
    uint64_t (*losses)(const struct kk_repository *repository);

    /* MUST. Deletes the token. */
    KK_RV (*remove)(struct kk_repository *repository);
    const char *(*path)(const struct kk_repository *repository);
};

struct kk_repository {
    const struct kk_repository_ops *ops;
};

/* The head of every repository's own unlock. */
struct kk_unlock {
    atomic_uint refs;
    enum kk_role role;
    uint8_t epoch[16]; /* the token's when it was opened: another one now means that it is void */
    void (*free)(struct kk_unlock *unlock); /* wipes */
};

struct kk_unlock *kk_unlock_ref(struct kk_unlock *unlock);
void kk_unlock_unref(struct kk_unlock *unlock); /* the last one wipes the keys */
KK_DEFINE_CLEANUP(struct kk_unlock *, kk_unlock_unref);

/* Sealed tokens. create() makes a token with an SO PIN and no user in a new store of that name;
 * the store is taken over, on success only. */
KK_RV kk_sealed_create(struct kk_crypto *crypto, struct kk_store *store,
                       const struct kk_repository_settings *settings, struct kk_span so_pin,
                       const char label[32], const char serial[16],
                       struct kk_repository **ret_repository);

/* CKR_TOKEN_NOT_RECOGNIZED: not a sealed token, or a newer format. */
KK_RV kk_sealed_open(struct kk_crypto *crypto, struct kk_store *store,
                     const struct kk_repository_settings *settings,
                     struct kk_repository **ret_repository);

/* How long the settings' KDF takes for one PIN here. */
KK_RV kk_sealed_measure_kdf(struct kk_crypto *crypto, const struct kk_repository_settings *settings,
                            uint64_t *ret_microseconds);
