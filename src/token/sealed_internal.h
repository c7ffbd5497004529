/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sealed repository's own types, shared by the sealed_*.c files and by their tests.
 *
 * A token has two sides: private objects under keys that a PIN opens, and public ones under K_pub.
 * Both are built alike: objects, buckets that list them, and a root over the buckets.
 */
#pragma once

#include "base/lock.h"
#include "crypto/kdf.h"
#include "object/policy.h"
#include "token/repository.h"
#include "token/tries.h"

/* The store's tables. Numbers never change. */
enum kk_sealed_table {
    KK_TABLE_TOKEN = 1, /* row 0: who the token is, in clear */
    KK_TABLE_KEYS = 2,  /* by row number: 0 the SO's, 1 the user's, from 2 on named users' */
    KK_TABLE_TRIES = 3, /* by the key row's number: failed tries, covered by no hash */
    KK_TABLE_PUB = 4,   /* row 0: K_pub, wrapped by the pepper when there is one */
    KK_TABLE_BUCKETS = 5,
    KK_TABLE_BUCKETS_PUBLIC = 6,
    KK_TABLE_ROOTS = 7, /* by side */
    KK_TABLE_REKEY = 8, /* row 0, while a rekey is under way: the old keys, sealed under the new */
    KK_TABLE_AUDIT = 9, /* row 0: the anchor of the audit log */
    /* From 16 on: what no backup takes along. */
    KK_TABLE_COUNTER = 16, /* row 0: the monotonic counter, covered by no hash */
};

enum kk_side { KK_SIDE_PRIVATE = 0, KK_SIDE_PUBLIC = 1 };
#define KK_SIDES 2

#define KK_SEALED_VERSION 1
#define KK_KEY_ROW_GUARDED_VERSION 2 /* of key rows with a guard */
#define KK_KEY_ROW_SO 0
#define KK_KEY_ROW_USER 1
#define KK_ROOT_REKEY UINT32_MAX /* the number of the rekey row's hash among the root's rows */
#define KK_ROOT_AUDIT (UINT32_MAX - 1) /* ... and of the audit log's anchor's */
#define KK_FORMAT_ROOT_AUDIT 2         /* of stores that have that one */
#define KK_KEY_LEN 32
#define KK_HASH_LEN KK_SHA256_SIZE
#define KK_SALT_LEN 16
#define KK_SERIAL_LEN 16
#define KK_EPOCH_LEN 16
#define KK_LABEL_LEN 32
#define KK_PEPPER_ID_LEN 8
#define KK_TOKEN_ROW_LEN 76
#define KK_BUCKETS 4096
#define KK_NO_STAMP UINT64_MAX

/* The keys of one side, in one piece of secret memory. On the public side OBJ is K_pub itself and
 * there are no master keys; on the private side OBJ and IDX are there only with the DMK. */
enum kk_key_slot {
    KK_SLOT_AMK,
    KK_SLOT_DMK,
    KK_SLOT_SET,
    KK_SLOT_TRUST,
    KK_SLOT_OBJ,
    KK_SLOT_IDX,
    KK_SLOT_AUDIT,
    KK_SLOTS_COUNT
};

struct kk_side_keys {
    struct kk_secret *bytes;
    unsigned int present; /* bit per slot */
};

/* One of the old keys, sealed under the new key of the same kind. */
enum kk_rekey_key { KK_REKEY_AMK, KK_REKEY_DMK, KK_REKEY_PUB, KK_REKEY_KEYS };
struct kk_rekey_part {
    uint8_t nonce[KK_AEAD_NONCE];
    uint8_t sealed[KK_KEY_LEN];
    uint8_t tag[KK_AEAD_TAG];
};

/* The rekey row. Objects of a generation below that of the commit that began it, side by side, are
 * sealed with the old keys; they say so by their key epoch. */
struct kk_rekey_row {
    uint32_t from[KK_SIDES], to[KK_SIDES]; /* key epochs */
    uint64_t generation[KK_SIDES];
    bool has_dmk;
    struct kk_rekey_part parts[KK_REKEY_KEYS];
};

/* What the token row and the K_pub row say; immutable, shared by reference. */
struct kk_identity {
    atomic_uint refs;
    uint8_t row[KK_TOKEN_ROW_LEN]; /* the token row as it is stored */
    uint8_t epoch[KK_EPOCH_LEN];
    char serial[KK_SERIAL_LEN];
    char label[KK_LABEL_LEN];
    bool so_recovery;
    uint32_t key_epoch[KK_SIDES]; /* which keys objects of that side are sealed with */
    struct kk_side_keys pub;      /* empty when K_pub could not be unwrapped */
    bool pub_is_wrapped;
    uint8_t pub_hash[KK_HASH_LEN];
    bool rekeying; /* there is a rekey row */
    struct kk_rekey_row rekey;
    struct kk_side_keys old_pub; /* empty when there is none, or it could not be opened */
};

/* One key row, parsed. */
struct kk_key_row {
    uint32_t no;
    enum kk_role role;
    uint8_t name[KK_USER_NAME_MAX];
    size_t name_len;
    bool by_pbkdf2;        /* with HMAC-SHA-512; otherwise Argon2id */
    uint32_t ops, mem_kib; /* passes and memory, or rounds and 0 */
    uint8_t salt[KK_SALT_LEN];
    bool has_pepper;
    uint8_t pepper_id[KK_PEPPER_ID_LEN];
    bool has_dmk;
    bool guarded; /* by a TPM, which holds a part of the key */
    struct kk_tpm_blob guard;
    uint8_t nonce[KK_AEAD_NONCE];
    uint8_t sealed[2 * KK_KEY_LEN];
    uint8_t tag[KK_AEAD_TAG];
};

struct kk_manifest_entry {
    struct kk_uuid uuid;
    uint64_t generation;
    uint8_t tag[KK_STORE_TAG];
};

/* A verified bucket: which objects it lists, by uuid. Immutable, shared by reference. */
struct kk_bucket {
    atomic_uint refs;
    uint32_t no;
    uint64_t generation;
    uint8_t tag[KK_STORE_TAG];
    _Atomic uint64_t stamp; /* the row was this one when the store said so; KK_NO_STAMP */
    size_t count;
    struct kk_manifest_entry entries[];
};

struct kk_row_hash {
    uint32_t no;
    uint8_t hash[KK_HASH_LEN];
};

struct kk_root {
    uint64_t generation;
    uint64_t count; /* objects */
    uint8_t sum[KK_HASH_LEN];
    /* the private side's only */
    uint8_t token_hash[KK_HASH_LEN], pub_hash[KK_HASH_LEN];
    struct kk_row_hash *rows; /* key rows, by number */
    size_t row_count;
};

struct kk_sealed_unlock {
    struct kk_unlock head;
    struct kk_side_keys keys;
    struct kk_side_keys old; /* while a rekey is under way; empty otherwise */
    uint32_t row_no;
    uint8_t name[KK_USER_NAME_MAX]; /* a named user's */
    size_t name_len;
    uint32_t key_epoch; /* of the private side, when it was opened */
    uint8_t row_hash[KK_HASH_LEN];
    _Atomic uint64_t audit_generation;
    struct kk_secret *verifier; /* a random key and the PIN's HMAC: a further login costs no KDF */
};

/* Verified buckets that were used; a full cache forgets all. */
struct kk_bucket_cache {
    struct kk_bucket **buckets; /* KK_BUCKETS; NULL while there is none */
    size_t entries;
};

struct kk_sealed {
    struct kk_repository head;
    struct kk_crypto *crypto;
    struct kk_store *store;
    struct kk_repository_settings settings;
    struct kk_audit *audit;     /* NULL: the store is in no directory */
    bool audits;                /* entries are written */
    atomic_bool public_checked; /* the public root against its buckets, since the last new epoch */
    struct kk_mutex lock; /* KK_RANK_INDEX; never held in a transaction; covers what follows */
    struct kk_identity *identity;
    struct kk_token_state state;
    struct kk_store_stamp state_stamp;
    struct kk_bucket_cache cache[KK_SIDES];
    struct kk_tries_book book;
};

/* One operation: a transaction on the token that `identity` describes. */
struct kk_sealed_op {
    struct kk_sealed *sealed;
    struct kk_identity *identity;
    struct kk_store_tx *tx;
    const struct kk_side_keys *keys[KK_SIDES];     /* NULL: not opened */
    const struct kk_side_keys *old_keys[KK_SIDES]; /* of before the rekey; NULL: none */
    bool opens_private; /* keys[KK_SIDE_PRIVATE] are those of the present private objects */
};

/* ---- sealed.c ---- */

/* An empty frame on a store, which is left to its owner when the frame is freed. */
KK_RV kk_sealed_new(struct kk_crypto *crypto, struct kk_store *store,
                    const struct kk_repository_settings *settings, struct kk_sealed **ret_sealed);
void kk_sealed_free(struct kk_sealed *sealed);
KK_DEFINE_CLEANUP(struct kk_sealed *, kk_sealed_free);

/* Begins a transaction, with an identity that holds in it. CKR_SESSION_HANDLE_INVALID: `unlock`
 * (may be NULL) is of another epoch. */
KK_RV kk_sealed_begin(struct kk_sealed *sealed, struct kk_unlock *unlock,
                      enum kk_store_access access, struct kk_sealed_op *ret_op);
/* Ends the transaction of reading; identity and keys stay. */
void kk_sealed_finish(struct kk_sealed_op *op);
void kk_sealed_end(struct kk_sealed_op *op);
KK_RV kk_sealed_commit(struct kk_sealed_op *op);
/* The same, and what was replaced is not left in the store's files: key rows that a PIN opens. */
KK_RV kk_sealed_commit_scrubbed(struct kk_sealed_op *op);
const char *kk_sealed_path(const struct kk_sealed *sealed);
bool kk_sealed_read_only(const struct kk_sealed *sealed);
KK_RV kk_identity_new(struct kk_identity **ret_identity);
struct kk_identity *kk_identity_ref(struct kk_identity *identity);
void kk_identity_unref(struct kk_identity *identity);
KK_DEFINE_CLEANUP(struct kk_identity *, kk_identity_unref);

/* Puts another identity in place (takes the reference over) and forgets what the old one gave. */
void kk_sealed_identify(struct kk_sealed *sealed, struct kk_identity *identity);
/* Reads the identity anew, although the token row may be the same. */
KK_RV kk_sealed_reload(struct kk_sealed *sealed);

/* ---- sealed_keys.c ---- */

KK_RV kk_side_keys_new(struct kk_side_keys *ret_keys);
void kk_side_keys_clear(struct kk_side_keys *keys);
bool kk_side_keys_has(const struct kk_side_keys *keys, enum kk_key_slot slot);
struct kk_span kk_side_key(const struct kk_side_keys *keys, enum kk_key_slot slot);
uint8_t *kk_side_key_set(struct kk_side_keys *keys, enum kk_key_slot slot);
KK_RV kk_side_keys_random(struct kk_crypto *crypto, struct kk_side_keys *keys,
                          enum kk_key_slot slot);

/* Fills what follows from AMK and DMK, or (public side) from K_pub in OBJ. */
KK_RV kk_side_keys_derive(struct kk_crypto *crypto, struct kk_side_keys *keys, enum kk_side side);

/* The pepper to be used for what is sealed anew. CKR_DEVICE_ERROR, logged: it is not there. */
KK_RV kk_sealed_pepper(const struct kk_sealed *sealed, const struct kk_secret **ret_pepper);

/* A pepper's name, so that a wrong one is told from a wrong PIN. */
KK_RV kk_pepper_id(struct kk_crypto *crypto, const struct kk_secret *pepper,
                   const char serial[KK_SERIAL_LEN], uint8_t ret_id[KK_PEPPER_ID_LEN]);

/* Seals the keys under a new salt and the settings' KDF, pepper and guard; a row that is guarded
 * already stays so. The KDF runs here, and the TPM's part: CKR_DEVICE_ERROR, logged. */
KK_RV kk_key_row_seal(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                      const struct kk_side_keys *keys, struct kk_span pin, struct kk_key_row *row);

/* CKR_DEVICE_ERROR: it needs a pepper that is not there, or names figures no one would use. */
KK_RV kk_key_row_usable(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                        const struct kk_key_row *row);
/* CKR_PIN_INCORRECT. The KDF runs here. A guarded row: CKR_PIN_LOCKED when the TPM refuses every
 * PIN, CKR_DEVICE_ERROR when it cannot be used; both logged, and neither says anything about the
 * PIN. */
KK_RV kk_key_row_open(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                      const struct kk_key_row *row, struct kk_span pin,
                      struct kk_side_keys *ret_keys);
/* Made with the KDF, the pepper and the guard that the settings ask for. */
bool kk_key_row_is_current(const struct kk_sealed *sealed, const struct kk_key_row *row);

/* ---- sealed_guard.c: the TPM behind a key row ---- */

/* What the TPM holds for this row: made anew and put into the row, or asked for. `stretched` is
 * what the PIN gave. *ret_secret is NULL when the row has no guard. Codes of kk_key_row_seal() and
 * kk_key_row_open(). */
KK_RV kk_guard_make(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                    struct kk_key_row *row, const struct kk_secret *stretched,
                    struct kk_secret **ret_secret);
KK_RV kk_guard_open(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                    const struct kk_key_row *row, const struct kk_secret *stretched,
                    struct kk_secret **ret_secret);

/* ---- sealed_rows.c: the bytes of rows ---- */

void kk_token_row_encode(struct kk_identity *identity);
KK_RV kk_token_row_decode(struct kk_span row, struct kk_identity *identity);

/* `ret_head` (may be NULL) gets the part that is authenticated, to be kept with the row. */
void kk_key_row_head(const struct kk_key_row *row, struct kk_buffer *buffer);
KK_RV kk_key_row_put(struct kk_sealed_op *op, const struct kk_key_row *row, uint64_t generation,
                     uint8_t ret_hash[KK_HASH_LEN]);
/* CKR_OBJECT_HANDLE_INVALID: there is none. CKR_DEVICE_ERROR: it is no key row. */
KK_RV kk_key_row_get(struct kk_sealed_op *op, uint32_t no, struct kk_key_row *ret_row,
                     uint8_t ret_hash[KK_HASH_LEN]);
KK_RV kk_key_row_decode(const struct kk_store_row *stored, struct kk_key_row *ret_row);
KK_RV kk_row_hash_of(struct kk_crypto *crypto, const struct kk_store_row *stored,
                     uint8_t ret_hash[KK_HASH_LEN]);

KK_RV kk_pub_row_put(struct kk_sealed_op *op, const struct kk_side_keys *pub,
                     uint8_t ret_hash[KK_HASH_LEN]);
/* Fills identity->pub when it can; what is wrong is logged. */
KK_RV kk_pub_row_get(const struct kk_sealed *sealed, struct kk_store_tx *tx,
                     struct kk_identity *identity);
KK_RV kk_token_row_put(struct kk_sealed_op *op, uint8_t ret_hash[KK_HASH_LEN]);

/* ---- sealed_rekey_row.c ---- */

/* Seals the old keys of both sides under the new ones: AMK under AMK, DMK under DMK (where both
 * have one), K_pub under K_pub. The numbers in `row` are set. */
KK_RV kk_rekey_row_seal(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                        const struct kk_side_keys *const old_keys[KK_SIDES],
                        const struct kk_side_keys *const new_keys[KK_SIDES],
                        struct kk_rekey_row *row);
KK_RV kk_rekey_row_put(struct kk_sealed_op *op, const struct kk_rekey_row *row,
                       uint8_t ret_hash[KK_HASH_LEN]);
/* Whether there is one, in identity->rekeying; what is wrong with it is logged. */
KK_RV kk_rekey_row_get(const struct kk_sealed *sealed, struct kk_store_tx *tx,
                       struct kk_identity *identity);
/* The old keys of the private side, as far as `keys` open them; empty when they do not, logged. */
KK_RV kk_rekey_open_private(const struct kk_sealed *sealed, const struct kk_identity *identity,
                            const struct kk_side_keys *keys, struct kk_side_keys *ret_old);

/* ---- sealed_verify.c, sealed_verify_rows.c ---- */

/* Counts a finding and tells it. `uuid` and `object` may be NULL. */
void kk_check_found(const struct kk_check *check, struct kk_check_result *result,
                    const struct kk_uuid *uuid, const struct kk_object *object, const char *what);
/* The token's own rows; against the root where `op` has the keys for it. */
KK_RV kk_sealed_verify_rows(const struct kk_sealed_op *op, const struct kk_check *check,
                            struct kk_check_result *result);

KK_RV kk_sealed_check(struct kk_repository *repository, const struct kk_check *check,
                      struct kk_check_result *ret_result);
/* Gets each object that may be taken into another token: it opens, and no list that can be trusted
 * has another version, or none, of it. */
struct kk_salvage {
    CK_RV (*take)(void *context, const struct kk_object *object);
    void *context;
};

/* The objects of both sides, as far as `op` opens them, against their lists. Adds to *result; with
 * `salvage` (may be NULL) it counts what was taken. */
KK_RV kk_sealed_verify(const struct kk_sealed_op *op, const struct kk_check *check,
                       const struct kk_salvage *salvage, struct kk_check_result *result);

/* ---- sealed_repair_users.c ---- */

/* Named users of a damaged token in the one that a repair makes of it. */
struct kk_users_repair {
    const struct kk_sealed_op *from; /* reading, with the root's keys */
    const struct kk_check *check;
    bool keeps; /* the new token has the serial number and the master keys of the old one */
};

/* Whether a key row is the one that the token's root knows. Without a root nobody can tell: then it
 * is not. */
KK_RV kk_sealed_row_is_genuine(const struct kk_sealed_op *op, uint32_t no, bool *ret_genuine);
/* Whether there is a named user whose row is genuine. */
KK_RV kk_sealed_has_users(const struct kk_sealed_op *op, bool *ret_has);
/* Puts the rows of those who can be kept, with their tries, into the new token; the others are told
 * and counted. */
KK_RV kk_sealed_repair_users(const struct kk_users_repair *repair, struct kk_sealed_op *to,
                             struct kk_check_result *result);

/* ---- sealed_repair.c ---- */

KK_RV kk_sealed_repair(struct kk_repository *repository, const struct kk_check *check,
                       struct kk_store *store, const char serial[KK_SERIAL_LEN],
                       struct kk_check_result *ret_result, struct kk_repository **ret_repository);

/* ---- sealed_users.c ---- */

KK_RV kk_sealed_user_add(struct kk_repository *repository, struct kk_unlock *unlock,
                         struct kk_span name, struct kk_span pin);
KK_RV kk_sealed_user_remove(struct kk_repository *repository, struct kk_unlock *unlock,
                            struct kk_span name);
KK_RV kk_sealed_users(struct kk_repository *repository, kk_user_visit *visit, void *context);

/* Somebody who is to be told of users by name; both may be NULL. */
struct kk_user_watch {
    kk_finding_visit *found;
    void *context;
};
/* Says in the log, and to who watches, what becomes of a named user. */
void kk_sealed_tell_user(const struct kk_sealed_op *op, const struct kk_user_watch *watch,
                         const struct kk_key_row *row, const char *what);
/* The same of every named user of the token. */
KK_RV kk_sealed_tell_users(const struct kk_sealed_op *op, const struct kk_user_watch *watch,
                           const char *what);

/* ---- sealed_counter.c ---- */

KK_RV kk_sealed_counter(struct kk_repository *repository, uint64_t least, uint64_t *ret_value);

/* ---- sealed_rekey.c ---- */

KK_RV kk_sealed_rekey(struct kk_repository *repository, const struct kk_rekey *rekey);

/* ---- sealed_manifest.c ---- */

uint32_t kk_bucket_no(const struct kk_uuid *uuid);
struct kk_bucket *kk_bucket_ref(struct kk_bucket *bucket);
void kk_bucket_unref(struct kk_bucket *bucket);
KK_DEFINE_CLEANUP(struct kk_bucket *, kk_bucket_unref);
const struct kk_manifest_entry *kk_bucket_find(const struct kk_bucket *bucket,
                                               const struct kk_uuid *uuid);
enum kk_sealed_table kk_bucket_table(enum kk_side side);

/* A bucket row opened. CKR_DEVICE_ERROR, logged: it was tampered with. */
KK_RV kk_bucket_open(const struct kk_sealed_op *op, enum kk_side side,
                     const struct kk_store_row *row, struct kk_bucket **ret_bucket);
/* *ret_bucket is NULL when there is no such row. */
KK_RV kk_bucket_read(const struct kk_sealed_op *op, enum kk_side side, uint32_t no,
                     struct kk_bucket **ret_bucket);
/* Seals the list of bucket->generation and sets bucket->tag. */
KK_RV kk_bucket_write(const struct kk_sealed_op *op, enum kk_side side, struct kk_bucket *bucket);
KK_RV kk_bucket_term(const struct kk_sealed_op *op, enum kk_side side, uint32_t no,
                     uint64_t generation, const uint8_t tag[KK_STORE_TAG],
                     uint8_t ret_term[KK_HASH_LEN]);
void kk_sum_add(uint8_t sum[KK_HASH_LEN], const uint8_t term[KK_HASH_LEN]);
void kk_sum_subtract(uint8_t sum[KK_HASH_LEN], const uint8_t term[KK_HASH_LEN]);

void kk_root_clear(struct kk_root *root);
/* CKR_DEVICE_ERROR, logged: missing or tampered with. */
KK_RV kk_root_read(const struct kk_sealed_op *op, enum kk_side side, struct kk_root *ret_root);
KK_RV kk_root_write(const struct kk_sealed_op *op, enum kk_side side, const struct kk_root *root);
const struct kk_row_hash *kk_root_row(const struct kk_root *root, uint32_t no);
KK_RV kk_root_set_row(struct kk_root *root, uint32_t no, const uint8_t hash[KK_HASH_LEN]);
void kk_root_remove_row(struct kk_root *root, uint32_t no);
/* How many of its rows are key rows. */
size_t kk_root_key_rows(const struct kk_root *root);

/* ---- sealed_edit.c: a commit's changes to one manifest ---- */

struct kk_bucket_edit {
    uint32_t no;
    bool existed;
    uint64_t old_generation;
    uint8_t old_tag[KK_STORE_TAG];
    struct kk_bucket *result; /* after kk_manifest_edit_write() */
    struct kk_manifest_entry *entries;
    size_t count;
};

struct kk_manifest_edit {
    bool loaded;
    struct kk_root root; /* its generation is the commit's */
    struct kk_bucket_edit *buckets;
    size_t bucket_count;
};

KK_RV kk_manifest_edit_load(const struct kk_sealed_op *op, enum kk_side side,
                            struct kk_manifest_edit *edit);
/* The entry as it stands in this edit; NULL when there is none. */
KK_RV kk_manifest_edit_find(const struct kk_sealed_op *op, enum kk_side side,
                            struct kk_manifest_edit *edit, const struct kk_uuid *uuid,
                            const struct kk_manifest_entry **ret_entry);
KK_RV kk_manifest_edit_set(const struct kk_sealed_op *op, enum kk_side side,
                           struct kk_manifest_edit *edit, const struct kk_manifest_entry *entry);
KK_RV kk_manifest_edit_remove(const struct kk_sealed_op *op, enum kk_side side,
                              struct kk_manifest_edit *edit, const struct kk_uuid *uuid);
KK_RV kk_manifest_edit_write(const struct kk_sealed_op *op, enum kk_side side,
                             struct kk_manifest_edit *edit);
void kk_manifest_edit_clear(struct kk_manifest_edit *edit);

/* ---- sealed_check.c ---- */

/* The root against its buckets and the number of objects; when they do not agree (or `deep`) every
 * bucket against the objects. What is wrong is logged and makes *ret_sound false. */
KK_RV kk_manifest_check(const struct kk_sealed_op *op, enum kk_side side, bool deep,
                        bool *ret_sound);
/* The public side's, once after each new epoch. */
void kk_manifest_check_public(const struct kk_sealed_op *op);

/* ---- sealed_cache.c ---- */

/* A reference, or NULL. */
struct kk_bucket *kk_bucket_cache_get(struct kk_sealed *sealed, enum kk_side side, uint32_t no);
void kk_bucket_cache_put(struct kk_sealed *sealed, enum kk_side side, struct kk_bucket *bucket);
/* Caller holds sealed->lock, or nobody else knows `sealed`. */
void kk_bucket_cache_forget(struct kk_sealed *sealed);

/* ---- sealed_object.c ---- */

/* Seals `attrs` into `object`, whose blob will be that of `buffer`. */
KK_RV kk_sealed_object_seal(const struct kk_sealed_op *op, const struct kk_attrs *attrs,
                            struct kk_store_object *object, struct kk_buffer *buffer);
/* CKR_DEVICE_ERROR, logged. The row is trusted to be the one of the manifest. */
KK_RV kk_sealed_object_open(const struct kk_sealed_op *op, const struct kk_store_object *object,
                            struct kk_object **ret_object);
/* Says in the log what is wrong with an object; the second gives CKR_DEVICE_ERROR. */
void kk_sealed_say_damaged(const struct kk_sealed_op *op, const struct kk_uuid *uuid,
                           const char *what);
KK_RV kk_sealed_damaged(const struct kk_sealed_op *op, const struct kk_uuid *uuid,
                        const char *what);
KK_RV kk_sealed_read(struct kk_repository *repository, struct kk_unlock *unlock,
                     const struct kk_uuid *uuid, struct kk_object **ret_object);

/* ---- sealed_find.c ---- */

KK_RV kk_sealed_columns(const struct kk_sealed_op *op, enum kk_side side,
                        const struct kk_attrs *attrs, uint64_t ret_columns[KK_STORE_COLUMNS],
                        uint32_t *ret_set);
KK_RV kk_sealed_find(struct kk_repository *repository, struct kk_unlock *unlock, bool with_private,
                     const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count);
KK_RV kk_sealed_hidden(struct kk_repository *repository, struct kk_hidden *ret_hidden);

/* ---- sealed_change.c ---- */

KK_RV kk_sealed_change(struct kk_repository *repository, struct kk_unlock *unlock,
                       const struct kk_stored_change *changes, size_t count,
                       struct kk_object **ret_objects);

/* ---- sealed_tries.c ---- */

extern const struct kk_tries_ops kk_sealed_tries_ops; /* the context is the kk_sealed */

/* Writes a tries row with no failures in a transaction of the caller's (who holds the lock). */
KK_RV kk_tries_reset(struct kk_sealed_op *op, uint32_t row_no);
/* What was counted, wherever this store's tries are counted. */
KK_RV kk_tries_peek(const struct kk_sealed_op *op, enum kk_role role, uint32_t row_no,
                    struct kk_tries *ret_tries);

/* ---- sealed_audit.c ---- */

/* The audit log of a token that has its name and its identity. */
KK_RV kk_sealed_audit_start(struct kk_sealed *sealed);

/* An entry of who holds `keys` (NULL: nobody). */
KK_RV kk_sealed_audit(struct kk_sealed *sealed, enum kk_role role, const struct kk_side_keys *keys,
                      const struct kk_audit_event *event, struct kk_audit_mark *ret_mark);
/* A PIN that is shown, as the log tells of it. */
struct kk_sealed_try {
    enum kk_role role;
    struct kk_span name;       /* a named user's */
    bool is_context;           /* C_Login with CKU_CONTEXT_SPECIFIC */
    enum kk_audit_kind failed; /* what is written when it is not taken */
};
/* Its entry for CKR_PIN_INCORRECT and CKR_PIN_LOCKED. Gives `rv`, or why that may not be answered.
 */
KK_RV kk_sealed_audit_try(struct kk_sealed *sealed, const struct kk_sealed_try *try, CK_RV rv);
/* LOGIN; for a cold one the log is compared with the anchor, and the anchor moves. */
KK_RV kk_sealed_audit_login(struct kk_sealed *sealed, struct kk_unlock *unlock, bool cold,
                            bool is_context);
/* An entry, and the anchor moves to it in the operation's transaction. */
KK_RV kk_sealed_audit_anchored(struct kk_sealed_op *op, enum kk_role role,
                               const struct kk_side_keys *keys, const struct kk_audit_event *event);
/* The second entry of a change that was written first and failed with `result`, which is returned;
 * none for CKR_OK. */
KK_RV kk_sealed_audit_failed(struct kk_sealed *sealed, enum kk_role role,
                             const struct kk_side_keys *keys, enum kk_audit_kind kind,
                             CK_RV result);
/* Who does something. */
struct kk_sealed_actor {
    enum kk_role role;
    struct kk_span name; /* a named user's */
    const struct kk_side_keys *keys;
};
struct kk_sealed_actor kk_sealed_actor_of(const struct kk_sealed_unlock *unlock);
/* An entry, the anchor, and kk_sealed_commit_scrubbed(); a commit that fails has a second entry. */
KK_RV kk_sealed_commit_audited(struct kk_sealed_op *op, const struct kk_sealed_actor *actor,
                               const struct kk_audit_event *event);
/* In a transaction that gives the token new keys, op->identity being the new one: the last entry
 * of the old keys, of that kind, EPOCH as the new ones' first, and the anchor on that. The commit
 * is the caller's, and kk_sealed_audit_failed() with the old keys behind the two. */
KK_RV kk_sealed_audit_epoch(struct kk_sealed_op *op, enum kk_audit_kind kind,
                            const struct kk_side_keys *old, const struct kk_side_keys *keys);
/* The first entry of a token that is there, and of which nobody was told yet (`keys` NULL: made by
 * nobody who is logged in). Where it cannot be written the caller removes the token. */
KK_RV kk_sealed_audit_birth(struct kk_sealed *sealed, const struct kk_side_keys *keys,
                            enum kk_audit_kind kind);
/* Whether the anchor's row is as the token wrote it, as far as the operation's keys and the private
 * root (NULL: not known) can tell. */
KK_RV kk_sealed_audit_anchor_check(const struct kk_sealed_op *op, const struct kk_root *root,
                                   bool *ret_sound);
/* Entries of changes, about to be committed; or of a commit that failed with `result`. */
KK_RV kk_sealed_audit_changes(struct kk_sealed_op *op, struct kk_unlock *unlock,
                              const struct kk_stored_change *changes, size_t count, CK_RV result);

KK_RV kk_sealed_audit_event(struct kk_repository *repository, struct kk_unlock *unlock,
                            const struct kk_audit_event *event);
KK_RV kk_sealed_audit_read(struct kk_repository *repository, struct kk_audit_place *place,
                           uint8_t *text, size_t room, size_t *ret_len);
KK_RV kk_sealed_audit_verify(struct kk_repository *repository, struct kk_unlock *unlock,
                             struct kk_audit_report *ret_report);

/* ---- sealed_pin.c, sealed_admin.c ---- */

/* A PIN try that was right: what it opened, with the attempt still locked. */
struct kk_opened {
    struct kk_attempt attempt;
    struct kk_identity *identity;
    struct kk_key_row row;
    uint8_t row_hash[KK_HASH_LEN];
    struct kk_side_keys keys;
};

/* `trusting`: the row need not be the root's (C_InitToken replaces all of it anyway). */
KK_RV kk_sealed_try(struct kk_sealed *sealed, enum kk_role role, struct kk_span name,
                    struct kk_span pin, bool trusting, struct kk_opened *ret_opened);
void kk_opened_clear(struct kk_opened *opened);

/* Begins a write transaction of who holds `keys` on the token of that epoch; the root is verified
 * and stands for the token row. */
KK_RV kk_sealed_begin_admin(struct kk_sealed *sealed, const uint8_t epoch[KK_EPOCH_LEN],
                            const struct kk_side_keys *keys, struct kk_sealed_op *ret_op,
                            struct kk_root *ret_root);

/* Deletes the rows of a table from number `first` on. */
KK_RV kk_sealed_clear_table(struct kk_sealed_op *op, uint32_t table, uint32_t first);

/* Writes a token with this identity, these keys and this SO row where another one was, or none. */
KK_RV kk_sealed_establish(struct kk_sealed_op *op, const struct kk_key_row *so_row);
/* A new identity with new keys of both sides. */
KK_RV kk_sealed_new_keys(struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                         const char label[KK_LABEL_LEN], struct kk_identity **ret_identity,
                         struct kk_side_keys *ret_keys);

KK_RV kk_sealed_verify_pin(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                           struct kk_span pin, struct kk_unlock *known);
KK_RV kk_sealed_unlock(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                       struct kk_span pin, struct kk_unlock *known, struct kk_unlock **ret_unlock);
KK_RV kk_sealed_set_pin(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                        struct kk_span old_pin, struct kk_span new_pin);
KK_RV kk_sealed_init_pin(struct kk_repository *repository, struct kk_unlock *unlock,
                         struct kk_span new_pin);
KK_RV kk_sealed_reinitialise(struct kk_repository *repository, struct kk_span so_pin,
                             const char label[KK_LABEL_LEN]);

/* ---- sealed_backup.c ---- */

struct kk_backup_pin;

KK_RV kk_sealed_backup(struct kk_repository *repository, struct kk_backup_chunks *chunks,
                       struct kk_backup_info *info);
/* Checks a token that came out of a backup, with a PIN all of it, and gives it a new epoch then.
 * Codes of a login; CKR_DEVICE_ERROR: it is damaged, and damage of objects, lists and others' rows
 * is not to be taken. */
KK_RV kk_sealed_adopt(struct kk_repository *repository, const struct kk_backup_pin *pin,
                      bool take_damaged);
