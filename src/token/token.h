/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One token: a repository, and the snapshots of objects that were read from it.
 *
 * Snapshots and query results are trusted while the store's stamp is stable and unchanged. Private
 * ones are there only while somebody is logged in, and only for those who are.
 */
#pragma once

#include "token/engine.h"

struct kk_token;

struct kk_token *kk_token_ref(struct kk_token *token);
void kk_token_unref(struct kk_token *token);
KK_DEFINE_CLEANUP(struct kk_token *, kk_token_unref);

/* Takes the repository over. */
KK_RV kk_token_new(struct kk_engine *engine, const char *name, struct kk_repository *repository,
                   struct kk_token **ret_token);

const char *kk_token_name(const struct kk_token *token);   /* the directory's */
const char *kk_token_path(const struct kk_token *token);   /* the whole path */
const char *kk_token_kind(const struct kk_token *token);   /* its repository's name */
const char *kk_token_serial(const struct kk_token *token); /* 16 characters, no zero behind them */

/* The slot id that the serial gives: its last 8 hex digits, 31 bits. */
CK_SLOT_ID kk_token_slot_id(const struct kk_token *token);

/* The engine's list has it no more, for good: a token that comes back under the same name is
 * another one. */
void kk_token_drop(struct kk_token *token);
bool kk_token_is_dropped(const struct kk_token *token);

/* Everything but objects; CKR_TOKEN_NOT_PRESENT when it was deleted or is out of its slot. */
KK_RV kk_token_state(struct kk_token *token, struct kk_token_state *ret_state);

/* The simulated slot (store/plug.h): a token can be taken out of it and put back, which all
 * processes see at their next call. Its sessions, logins and handles end with that. look_plug asks
 * the disk; the others say what it said last. set_plug: CKR_FUNCTION_NOT_SUPPORTED for a token that
 * is only read or lies in no directory; codes of kk_plug_write(). */
void kk_token_look_plug(struct kk_token *token);
uint64_t kk_token_plug(const struct kk_token *token); /* moves with each of both */
bool kk_token_is_out(const struct kk_token *token);
KK_RV kk_token_set_plug(struct kk_token *token, bool out);

/* The same as kk_token_state() for a token that may be out of its slot. */
KK_RV kk_token_describe(struct kk_token *token, struct kk_token_state *ret_state);
KK_RV kk_token_reinitialise(struct kk_token *token, struct kk_span so_pin, const char label[32]);
KK_RV kk_token_set_pin(struct kk_token *token, enum kk_role role, struct kk_span name,
                       struct kk_span old_pin, struct kk_span new_pin);
KK_RV kk_token_init_pin(struct kk_token *token, struct kk_unlock *unlock, struct kk_span pin);

/* A login gives an unlock to its application; logging out gives it back. The last one out takes all
 * private snapshots and parsed private keys along. */
KK_RV kk_token_login(struct kk_token *token, enum kk_role role, struct kk_span name,
                     struct kk_span pin, struct kk_unlock **ret_unlock);
void kk_token_logout(struct kk_token *token, struct kk_unlock *unlock);

/* Context-specific: the PIN of the user who holds `unlock`, checked; nothing else changes. */
KK_RV kk_token_verify_pin(struct kk_token *token, struct kk_unlock *unlock, enum kk_role role,
                          struct kk_span name, struct kk_span pin);

/*
 * Looks whether other processes changed the token. Snapshots taken at one epoch are the present
 * versions as long as the epoch stays the same and they are not marked superseded. Costs an atomic
 * load when nothing happened. CKR_DEVICE_REMOVED when the token is gone or out of its slot.
 */
KK_RV kk_token_fresh(struct kk_token *token, uint64_t *ret_epoch);

/* For repositories whose objects others change without telling: looks at one (a stat), and gives
 * the epoch anew. Leaves `epoch` as it is for all others. */
KK_RV kk_token_look(struct kk_token *token, const struct kk_uuid *uuid, uint64_t *epoch);

/* Changes when the token was initialised anew or left its slot (by any process): logins, handles
 * and sessions from before are void. As of the last kk_token_fresh(). */
uint64_t kk_token_incarnation(const struct kk_token *token);

/* Token objects that match, for somebody with this unlock (NULL: public objects). `user`: the
 * unlock is a user's, who sees private objects. */
KK_RV kk_token_find(struct kk_token *token, struct kk_unlock *unlock, bool user,
                    const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count);

/* The same in place of what `list` has, for somebody who opens the objects afterwards: of very many
 * that all match there may be some that cannot be read. */
KK_RV kk_token_list(struct kk_token *token, struct kk_unlock *unlock, bool user,
                    const struct kk_attrs *tmpl, struct kk_uuid_list *list);

/* What there may be among the token's private objects, for somebody without a login. */
KK_RV kk_token_hidden(struct kk_token *token, struct kk_hidden *ret_hidden);

/* The present version. Codes of repository read; CKR_OBJECT_HANDLE_INVALID when it is gone. */
KK_RV kk_token_get(struct kk_token *token, struct kk_unlock *unlock, bool user,
                   const struct kk_uuid *uuid, struct kk_object **ret_object);

/* Moves the token's directory to `path`: it is gone for every process. CKR_FUNCTION_NOT_SUPPORTED
 * when it lies in none. */
KK_RV kk_token_set_aside(struct kk_token *token, const char *path);

/* Named users (repository.h). */
KK_RV kk_token_user_add(struct kk_token *token, struct kk_unlock *unlock, struct kk_span name,
                        struct kk_span pin);
KK_RV kk_token_user_remove(struct kk_token *token, struct kk_unlock *unlock, struct kk_span name);
KK_RV kk_token_users(struct kk_token *token, kk_user_visit *visit, void *context);

/* The next value of the monotonic counter (repository.h). CKR_FUNCTION_NOT_SUPPORTED: its
 * repository has none. */
bool kk_token_has_counter(struct kk_token *token);
KK_RV kk_token_counter(struct kk_token *token, uint64_t *ret_value);

/* Puts the token into a backup (backup.h). CKR_FUNCTION_NOT_SUPPORTED: its repository has none. */
KK_RV kk_token_backup(struct kk_token *token, struct kk_backup_chunks *chunks,
                      struct kk_backup_info *info);

/* Deletes the token from its store; every process's sessions on it end. */
KK_RV kk_token_remove(struct kk_token *token);

/* Changes, in one durable transaction. The attributes stay the caller's. */
struct kk_new_object {
    struct kk_uuid uuid;
    struct kk_attrs *attrs;
    const struct kk_audit_note *note; /* how it came about, for the audit log; may be NULL */
};
KK_RV kk_token_create(struct kk_token *token, struct kk_unlock *unlock,
                      const struct kk_new_object *objects, size_t count,
                      struct kk_object **ret_objects);
/* A change of one object that started from a version of it, and how to start anew when that is not
 * the present one any more (repository.h; may be NULL: CKR_FUNCTION_REJECTED then). */
struct kk_from_version {
    struct kk_object *old;
    kk_rebase *rebase;
    void *context;
};
KK_RV kk_token_replace(struct kk_token *token, struct kk_unlock *unlock,
                       const struct kk_from_version *from, struct kk_attrs *attrs,
                       struct kk_object **ret_object);
KK_RV kk_token_destroy(struct kk_token *token, struct kk_unlock *unlock,
                       const struct kk_from_version *from);

/* A parsed key was used: keeps the token's list of parsed keys under cache.keys. */
KK_RV kk_token_key(struct kk_token *token, struct kk_object *object, struct kk_key **ret_key);

/* The repository under it, borrowed: for what concerns no snapshots (repair.h). */
struct kk_repository *kk_token_repository(struct kk_token *token);

/* Where states of keys belong: the token's directory, as long as it has lost nothing. */
KK_RV kk_token_home(const struct kk_token *token, struct kk_uuid *ret_home);

/* Whether private keys with one-time signatures may be stored (repository.h). */
bool kk_token_keeps_states(const struct kk_token *token);

/* The audit log: an entry of who holds `unlock` (NULL: nobody), and reading it. Codes of
 * token/audit.h; CKR_FUNCTION_NOT_SUPPORTED where the token can have none. Changes of objects and
 * PIN tries write their entries themselves. */
KK_RV kk_token_audit(struct kk_token *token, struct kk_unlock *unlock,
                     const struct kk_audit_event *event);
KK_RV kk_token_audit_read(struct kk_token *token, struct kk_audit_place *place, uint8_t *text,
                          size_t room, size_t *ret_len);
KK_RV kk_token_audit_verify(struct kk_token *token, struct kk_unlock *unlock,
                            struct kk_audit_report *ret_report);

/* The key that seals states of operations: who holds `unlock` has it in every process; nobody
 * (NULL), or a token without keys of its own, has the process's. 32 bytes. */
KK_RV kk_token_state_key(struct kk_token *token, struct kk_unlock *unlock, struct kk_secret *key);

struct kk_engine *kk_token_engine(struct kk_token *token);
