/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The softhsm2 repository's own types, shared by the softhsm_*.c files and by their tests.
 */
#pragma once

#include "object/policy.h"
#include "store/softhsm.h"
#include "token/index.h"
#include "token/repository.h"
#include "token/tries.h"
#include "token/uuid_map.h"

/* Attributes of token.object. */
#define KK_SOFTHSM_TOKEN_LABEL ((CK_ATTRIBUTE_TYPE)0x80005349)
#define KK_SOFTHSM_TOKEN_SERIAL ((CK_ATTRIBUTE_TYPE)0x8000534a)
#define KK_SOFTHSM_TOKEN_FLAGS ((CK_ATTRIBUTE_TYPE)0x8000534b)
#define KK_SOFTHSM_TOKEN_SO ((CK_ATTRIBUTE_TYPE)0x8000534c)
#define KK_SOFTHSM_TOKEN_USER ((CK_ATTRIBUTE_TYPE)0x8000534d)

#define KK_SOFTHSM_BLOB_LEN 72
#define KK_SOFTHSM_MASTER_LEN 32

/* ---- softhsm_crypt.c ---- */

/* What opens private byte strings; `master` is empty when nobody is logged in. */
struct kk_softhsm_keys {
    struct kk_crypto *crypto;
    struct kk_span master;
};

/* The master key in a PIN blob. CKR_PIN_INCORRECT. */
KK_RV kk_softhsm_blob_open(struct kk_crypto *crypto, struct kk_span blob, struct kk_span pin,
                           struct kk_secret **ret_master);
KK_RV kk_softhsm_blob_seal(struct kk_crypto *crypto, struct kk_span master, struct kk_span pin,
                           uint8_t ret_blob[KK_SOFTHSM_BLOB_LEN]);

/* One byte string: IV 16, AES-256-CBC. CKR_ENCRYPTED_DATA_INVALID: not under this key. */
KK_RV kk_softhsm_decrypt(const struct kk_softhsm_keys *keys, struct kk_span sealed,
                         struct kk_secret **ret_plain);
KK_RV kk_softhsm_encrypt(const struct kk_softhsm_keys *keys, struct kk_span plain,
                         struct kk_buffer *ret_sealed);

/* ---- softhsm_codec.c: a file's body and attributes ---- */

/* What a body says without a key. */
struct kk_softhsm_head {
    bool is_whole; /* class, CKA_TOKEN true, and the material that its class must have */
    bool is_private;
    uint64_t object_class; /* UINT64_MAX: none is said */
};

/* CKR_DEVICE_ERROR: it is no body. */
KK_RV kk_softhsm_head(struct kk_span body, struct kk_softhsm_head *ret_head);

/* Attributes as they are stored, byte strings of private objects opened. CKR_USER_NOT_LOGGED_IN:
 * private and no key; CKR_DEVICE_ERROR. */
KK_RV kk_softhsm_decode(struct kk_span body, const struct kk_softhsm_keys *keys,
                        struct kk_attrs **ret_attrs);

/* The bytes are to be wiped (ret_body says so). CKR_ATTRIBUTE_VALUE_INVALID: a template inside a
 * template, for which the format has no room. */
KK_RV kk_softhsm_encode(const struct kk_attrs *attrs, const struct kk_softhsm_keys *keys,
                        struct kk_buffer *ret_body);

/* ---- softhsm_object.c: SoftHSM's objects and ours ---- */

/* From attributes as stored to attributes as the policy knows them; the set may be replaced. */
KK_RV kk_softhsm_import(struct kk_crypto *crypto, const struct kk_uuid *uuid,
                        struct kk_attrs **attrs);
/* The other way, in a set of its own, with all that SoftHSM expects to find. */
KK_RV kk_softhsm_export(const struct kk_attrs *attrs, struct kk_attrs **ret_stored);

/* ---- the repository ---- */

/* What token.object says. */
struct kk_softhsm_identity {
    char label[32], serial[16];
    uint64_t flags;
    bool has_so, has_user;
    uint8_t so[KK_SOFTHSM_BLOB_LEN], user[KK_SOFTHSM_BLOB_LEN];
};

enum kk_softhsm_kind {
    KK_SOFTHSM_UNFINISHED, /* empty, or half made: by a SoftHSM at work or one that died */
    KK_SOFTHSM_DAMAGED,
    KK_SOFTHSM_PUBLIC,
    KK_SOFTHSM_PRIVATE,
};

/* One object's file, as it was seen last. */
struct kk_softhsm_entry {
    struct kk_softhsm_seen seen;
    enum kk_softhsm_kind kind;
    uint64_t object_class;
    uint64_t survey; /* the last one that found it */
    bool told;       /* that it is unfinished */
};

/* Objects to look at before the next search. */
#define KK_SOFTHSM_MARKS 64
struct kk_softhsm_marks {
    uint64_t number; /* of the last mark */
    uint64_t all;    /* the mark of all objects; 0: these only */
    size_t count;
    struct {
        struct kk_uuid uuid;
        uint64_t number;
    } of[KK_SOFTHSM_MARKS];
};

struct kk_softhsm {
    struct kk_repository head;
    struct kk_crypto *crypto;
    struct kk_softhsm_dir *dir;
    struct kk_repository_settings settings;
    struct kk_mutex lock; /* KK_RANK_INDEX; never held across I/O; covers what follows */
    struct kk_tries_book book;
    bool identified;
    struct kk_softhsm_identity identity;
    uint64_t identity_version;
    uint64_t incarnations;  /* C_InitToken by SoftHSM that was noticed */
    uint8_t made_epoch[16]; /* C_InitToken by Keykist: in keykist.tries */
    struct kk_softhsm_stamp stamp;
    uint64_t version; /* what fresh() gives; moves by two with each change that is noticed */
    struct kk_uuid_map *entries;
    struct kk_index *public_objects;
    uint64_t survey;
    uint64_t private_round; /* moves with each private object that is new or another version */
    struct kk_watch *watch; /* NULL: none */
    bool watch_tried;
    struct kk_softhsm_marks marks;
};

/* A login: the master key, and the private objects that it opened. */
struct kk_softhsm_unlock {
    struct kk_unlock head;
    struct kk_secret *master;
    struct kk_index *objects; /* under the repository's lock */
    uint64_t opened;          /* the private round whose objects are all there; likewise */
};

/* The version of an object, never 0. */
uint64_t kk_softhsm_generation(uint64_t version);

/* CKR_SESSION_HANDLE_INVALID: the login is of another epoch. */
KK_RV kk_softhsm_check_login(struct kk_softhsm *repo, const struct kk_unlock *unlock);
struct kk_softhsm_keys kk_softhsm_keys_of(const struct kk_softhsm *repo,
                                          const struct kk_unlock *unlock);

/* ---- softhsm_token.c: token.object ---- */

/* False: it is none. */
bool kk_softhsm_identity_of(const struct kk_attrs *attrs, struct kk_softhsm_identity *identity);

/* Rereads it when it changed. CKR_DEVICE_ERROR: damaged, logged. */
KK_RV kk_softhsm_identify(struct kk_softhsm *repo, struct kk_softhsm_identity *ret_identity);

/* The same; damaged is CKR_TOKEN_NOT_RECOGNIZED, so that it is not taken for a failing disk. */
KK_RV kk_softhsm_recognise(struct kk_softhsm *repo, struct kk_softhsm_identity *ret_identity);
KK_RV kk_softhsm_epoch(struct kk_softhsm *repo, uint8_t ret_epoch[16]);

/* Changes token.object: `set` in, `gone` (0: none) out, flags on and off; and sees to it that a
 * SoftHSM that was just writing what it had read before does not undo it. */
struct kk_softhsm_token_change {
    const struct kk_attrs *set;
    CK_ATTRIBUTE_TYPE gone;
    uint64_t flags_on, flags_off;
};
KK_RV kk_softhsm_token_write(struct kk_softhsm *repo, const struct kk_softhsm_token_change *change);

KK_RV kk_softhsm_fresh_op(struct kk_repository *repository, struct kk_store_stamp *ret_stamp);
KK_RV kk_softhsm_state(struct kk_repository *repository, struct kk_token_state *ret_state);

/* ---- softhsm_tries.c ---- */

extern const struct kk_tries_ops kk_softhsm_tries_ops; /* the context is the kk_softhsm */
KK_RV kk_softhsm_tries_epoch(struct kk_softhsm *repo, uint8_t ret_epoch[16]);
/* No failures, and a new epoch. */
KK_RV kk_softhsm_tries_reset(struct kk_softhsm *repo);

/* ---- softhsm_pin.c ---- */

/* Takes the master key over. */
KK_RV kk_softhsm_unlock_new(enum kk_role role, const uint8_t epoch[16], struct kk_secret **master,
                            struct kk_unlock **ret_unlock);

KK_RV kk_softhsm_unlock_op(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                           struct kk_span pin, struct kk_unlock *known,
                           struct kk_unlock **ret_unlock);
KK_RV kk_softhsm_set_pin(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                         struct kk_span old_pin, struct kk_span new_pin);
KK_RV kk_softhsm_init_pin(struct kk_repository *repository, struct kk_unlock *unlock,
                          struct kk_span new_pin);
KK_RV kk_softhsm_reinitialise(struct kk_repository *repository, struct kk_span so_pin,
                              const char label[32]);

/* ---- softhsm_index.c: objects as they are on the disk ---- */

/* Of a body that was just read or written: entry, index, and (not NULL) the snapshot. Caller has
 * checked the login. */
KK_RV kk_softhsm_learn(struct kk_softhsm *repo, struct kk_unlock *unlock,
                       const struct kk_uuid *uuid, struct kk_span body,
                       const struct kk_softhsm_seen *seen, struct kk_object **ret_object);
void kk_softhsm_forget(struct kk_softhsm *repo, const struct kk_uuid *uuid);
KK_RV kk_softhsm_find(struct kk_repository *repository, struct kk_unlock *unlock, bool with_private,
                      const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count);
KK_RV kk_softhsm_hidden(struct kk_repository *repository, struct kk_hidden *ret_hidden);
KK_RV kk_softhsm_read_op(struct kk_repository *repository, struct kk_unlock *unlock,
                         const struct kk_uuid *uuid, struct kk_object **ret_object);

/* Looks at one file. Public parts are read anew; private ones when they are asked for. */
KK_RV kk_softhsm_look_at(struct kk_softhsm *repo, const struct kk_uuid *uuid);

/* Says in the log why an object is not there. */
void kk_softhsm_left_out(const struct kk_softhsm *repo, const struct kk_uuid *uuid,
                         const char *what);

/* ---- softhsm_survey.c: looking before a search ---- */

KK_RV kk_softhsm_look(struct kk_repository *repository, const struct kk_uuid *uuid);

/* The next search looks at the object, whatever is told. */
void kk_softhsm_look_again(struct kk_softhsm *repo, const struct kk_uuid *uuid);

/* ---- softhsm_change.c ---- */

KK_RV kk_softhsm_change(struct kk_repository *repository, struct kk_unlock *unlock,
                        const struct kk_stored_change *changes, size_t count,
                        struct kk_object **ret_objects);
/* All objects, whatever they are (C_InitToken). */
KK_RV kk_softhsm_clear(struct kk_softhsm *repo);
