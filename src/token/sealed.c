/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sealed repository: every object is one authenticated record, on any store. This file has the
 * operations table, making, opening and closing, and what a token says of itself.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* How often a token may become another one while a transaction begins. */
#define BEGIN_TRIES 8

const char *kk_sealed_path(const struct kk_sealed *sealed)
{
    return sealed->store->ops->path(sealed->store);
}

bool kk_sealed_read_only(const struct kk_sealed *sealed)
{
    return sealed->store->ops->read_only(sealed->store);
}

/* ---- who the token is ---- */

KK_RV kk_identity_new(struct kk_identity **ret_identity)
{
    KK_TRY(kk_alloc(sizeof **ret_identity, ret_identity));
    (*ret_identity)->refs = 1;
    return CKR_OK;
}

struct kk_identity *kk_identity_ref(struct kk_identity *identity)
{
    atomic_fetch_add_explicit(&identity->refs, 1, memory_order_relaxed);
    return identity;
}

void kk_identity_unref(struct kk_identity *identity)
{
    if (identity != NULL &&
        atomic_fetch_sub_explicit(&identity->refs, 1, memory_order_acq_rel) == 1) {
        kk_side_keys_clear(&identity->pub);
        kk_side_keys_clear(&identity->old_pub);
        kk_free(identity);
    }
}

void kk_sealed_identify(struct kk_sealed *sealed, struct kk_identity *identity)
{
    struct kk_identity *old = NULL;
    KK_WITH_LOCK(&sealed->lock)
    {
        old = sealed->identity;
        sealed->identity = identity;
        sealed->state_stamp.stable = false;
        kk_bucket_cache_forget(sealed);
    }
    atomic_store_explicit(&sealed->public_checked, false, memory_order_relaxed);
    kk_identity_unref(old);
}

static KK_RV say_bad_row(const struct kk_sealed *sealed, CK_RV rv, const char *what)
{
    kk_log_error("token %s: its first row is %s", kk_sealed_path(sealed), what);
    return rv;
}

/* What is wrong with the row itself; a store that cannot be read says so on its own. */
static KK_RV read_token_row(const struct kk_sealed *sealed, struct kk_store_tx *tx,
                            struct kk_identity *identity)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row = {0};
    CK_RV rv = tx->ops->row_get(tx, KK_TABLE_TOKEN, 0, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return say_bad_row(sealed, CKR_TOKEN_NOT_RECOGNIZED, "missing");
    }
    KK_TRY(rv);
    rv = kk_token_row_decode(row.blob, identity);
    if (rv == CKR_TOKEN_NOT_RECOGNIZED) {
        return say_bad_row(sealed, rv, "damaged or of a newer format");
    }
    return rv == CKR_OK ? CKR_OK : say_bad_row(sealed, rv, "damaged");
}

static KK_RV read_identity(struct kk_sealed *sealed, struct kk_identity **ret_identity)
{
    struct kk_store *store = sealed->store;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    KK_TRY(store->ops->begin(store, KK_STORE_READ, &tx));
    KK_TRY(kk_identity_new(&identity));
    KK_TRY(read_token_row(sealed, tx, identity));
    KK_TRY(kk_pub_row_get(sealed, tx, identity));
    KK_TRY(kk_rekey_row_get(sealed, tx, identity));
    *ret_identity = KK_STEAL(identity);
    return CKR_OK;
}

KK_RV kk_sealed_reload(struct kk_sealed *sealed)
{
    struct kk_identity *identity = NULL;
    KK_TRY(read_identity(sealed, &identity));
    kk_sealed_identify(sealed, identity);
    return CKR_OK;
}

/* ---- operations ---- */

void kk_sealed_finish(struct kk_sealed_op *op)
{
    struct kk_store_tx *tx = KK_STEAL(op->tx);
    if (tx != NULL) {
        tx->ops->rollback(tx);
    }
}

void kk_sealed_end(struct kk_sealed_op *op)
{
    kk_sealed_finish(op);
    kk_identity_unref(op->identity);
    *op = (struct kk_sealed_op){0};
}

KK_RV kk_sealed_commit(struct kk_sealed_op *op)
{
    return kk_store_tx_commit(&op->tx);
}

KK_RV kk_sealed_commit_scrubbed(struct kk_sealed_op *op)
{
    if (op->tx->ops->scrub != NULL) {
        op->tx->ops->scrub(op->tx);
    }
    return kk_sealed_commit(op);
}

static struct kk_identity *present_identity(struct kk_sealed *sealed)
{
    KK_LOCK_SCOPE(&sealed->lock);
    return kk_identity_ref(sealed->identity);
}

/* Whether the transaction sees the token that the operation's identity describes. */
static KK_RV is_same_token(const struct kk_sealed_op *op, bool *ret_same)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_TOKEN, 0, &row, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    *ret_same = rv == CKR_OK && kk_mem_equal(row.blob.data, row.blob.len, op->identity->row,
                                             sizeof op->identity->row);
    return CKR_OK;
}

static KK_RV use_keys(struct kk_sealed_op *op, struct kk_unlock *unlock)
{
    const struct kk_sealed_unlock *mine = (const struct kk_sealed_unlock *)unlock;
    const struct kk_identity *identity = op->identity;
    op->keys[KK_SIDE_PUBLIC] = identity->pub.present != 0 ? &identity->pub : NULL;
    op->old_keys[KK_SIDE_PUBLIC] = identity->old_pub.present != 0 ? &identity->old_pub : NULL;
    if (mine == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(kk_mem_equal(mine->head.epoch, KK_EPOCH_LEN, identity->epoch, KK_EPOCH_LEN),
              CKR_SESSION_HANDLE_INVALID);
    op->keys[KK_SIDE_PRIVATE] = &mine->keys;
    op->old_keys[KK_SIDE_PRIVATE] = mine->old.present != 0 ? &mine->old : NULL;
    op->opens_private = kk_side_keys_has(&mine->keys, KK_SLOT_OBJ) &&
                        mine->key_epoch == identity->key_epoch[KK_SIDE_PRIVATE];
    return CKR_OK;
}

KK_RV kk_sealed_begin(struct kk_sealed *sealed, struct kk_unlock *unlock,
                      enum kk_store_access access, struct kk_sealed_op *ret_op)
{
    for (size_t i = 0; i < BEGIN_TRIES; i++) {
        KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {.sealed = sealed};
        bool same = false;
        op.identity = present_identity(sealed);
        KK_TRY(sealed->store->ops->begin(sealed->store, access, &op.tx));
        KK_TRY(is_same_token(&op, &same));
        if (same) {
            KK_TRY(use_keys(&op, unlock));
            *ret_op = op;
            op = (struct kk_sealed_op){0};
            return CKR_OK;
        }
        kk_sealed_finish(&op);
        KK_TRY(kk_sealed_reload(sealed));
    }
    return CKR_FUNCTION_FAILED;
}

/* ---- what it says of itself ---- */

static KK_RV read_state(struct kk_sealed *sealed, struct kk_token_state *state)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row = {0};
    struct kk_tries user = {0};
    struct kk_tries so = {0};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    memcpy(state->label, op.identity->label, sizeof state->label);
    memcpy(state->serial, op.identity->serial, sizeof state->serial);
    memcpy(state->epoch, op.identity->epoch, sizeof state->epoch);
    CK_RV rv = op.tx->ops->row_get(op.tx, KK_TABLE_KEYS, KK_KEY_ROW_USER, &row, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    state->user_pin_set = rv == CKR_OK;
    rv = op.tx->ops->row_get(op.tx, KK_TABLE_REKEY, 0, &row, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    state->rekey_pending = rv == CKR_OK;
    KK_TRY(kk_tries_peek(&op, KK_ROLE_USER, KK_KEY_ROW_USER, &user));
    KK_TRY(kk_tries_peek(&op, KK_ROLE_SO, KK_KEY_ROW_SO, &so));
    state->user_failed = user.failed;
    state->so_failed = so.failed;
    state->user_locked = kk_tries_locked(&sealed->book, KK_ROLE_USER, &user);
    state->read_only = kk_sealed_read_only(sealed);
    state->reset_empties = !op.identity->so_recovery;
    return CKR_OK;
}

static KK_RV sealed_state(struct kk_repository *repository, struct kk_token_state *ret_state)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    struct kk_token_state state = {0};
    struct kk_store_stamp stamp = {0};
    KK_TRY(sealed->store->ops->fresh(sealed->store, &stamp));
    KK_WITH_LOCK(&sealed->lock)
    {
        if (stamp.stable && sealed->state_stamp.stable &&
            sealed->state_stamp.value == stamp.value) {
            *ret_state = sealed->state;
            return CKR_OK;
        }
    }
    KK_TRY(read_state(sealed, &state));
    KK_WITH_LOCK(&sealed->lock)
    {
        sealed->state = state;
        /* Tries of a read-only store move no stamp. */
        sealed->state_stamp.stable = stamp.stable && !state.read_only;
        sealed->state_stamp.value = stamp.value;
    }
    *ret_state = state;
    return CKR_OK;
}

static KK_RV sealed_fresh(struct kk_repository *repository, struct kk_store_stamp *ret_stamp)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    return sealed->store->ops->fresh(sealed->store, ret_stamp);
}

/* A transaction that writes nothing steps the change counter. */
static KK_RV sealed_nudge(struct kk_repository *repository)
{
    struct kk_store *store = ((struct kk_sealed *)repository)->store;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &tx));
    return kk_store_tx_commit(&tx);
}

static KK_RV sealed_remove(struct kk_repository *repository)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    const struct kk_audit_event event = {.kind = KK_AUDIT_TOKEN_DELETE};
    KK_TRY(kk_sealed_audit(sealed, KK_ROLE_USER, NULL, &event, NULL));
    return sealed->store->ops->remove(sealed->store);
}

static KK_RV sealed_set_aside(struct kk_repository *repository, const char *path)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    struct kk_store *store = sealed->store;
    const struct kk_audit_event event = {.kind = KK_AUDIT_SET_ASIDE};
    KK_ENSURE(store->ops->set_aside != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    KK_TRY(kk_sealed_audit(sealed, KK_ROLE_USER, NULL, &event, NULL));
    return kk_sealed_audit_failed(sealed, KK_ROLE_USER, NULL, KK_AUDIT_SET_ASIDE,
                                  store->ops->set_aside(store, path));
}

static const char *sealed_path(const struct kk_repository *repository)
{
    return kk_sealed_path((const struct kk_sealed *)repository);
}

/* ---- making, opening, closing ---- */

void kk_sealed_free(struct kk_sealed *sealed)
{
    if (sealed == NULL) {
        return;
    }
    kk_bucket_cache_forget(sealed);
    kk_identity_unref(sealed->identity);
    kk_tries_book_destroy(&sealed->book);
    kk_audit_free(sealed->audit);
    kk_mutex_destroy(&sealed->lock);
    kk_free(sealed);
}

static void sealed_close(struct kk_repository *repository)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    if (sealed != NULL) {
        sealed->store->ops->close(sealed->store);
        kk_sealed_free(sealed);
    }
}

static CK_RV sealed_state_key(struct kk_repository *repository, struct kk_unlock *unlock,
                              struct kk_secret *key)
{
    const struct kk_sealed *sealed = (const struct kk_sealed *)repository;
    const struct kk_sealed_unlock *own = (const struct kk_sealed_unlock *)unlock;
    return kk_hkdf_sha512(sealed->crypto, kk_side_key(&own->keys, KK_SLOT_SET), KK_SPAN(NULL, 0),
                          KK_SPAN_TEXT("keykist/operation-state"), key);
}

/* What was tried and failed would stand in the audit log. */
static bool sealed_joins(const struct kk_repository *repository)
{
    return !((const struct kk_sealed *)repository)->audits;
}

static uint64_t sealed_losses(const struct kk_repository *repository)
{
    const struct kk_store *store = ((const struct kk_sealed *)repository)->store;
    return store->ops->losses != NULL ? store->ops->losses(store) : 0;
}

static const struct kk_repository_ops sealed_ops = {
    .name = "sealed",
    .keeps_states = true,
    .losses = sealed_losses,
    .close = sealed_close,
    .state = sealed_state,
    .fresh = sealed_fresh,
    .reinitialise = kk_sealed_reinitialise,
    .unlock = kk_sealed_unlock,
    .verify_pin = kk_sealed_verify_pin,
    .set_pin = kk_sealed_set_pin,
    .init_pin = kk_sealed_init_pin,
    .find = kk_sealed_find,
    .hidden = kk_sealed_hidden,
    .read = kk_sealed_read,
    .change = kk_sealed_change,
    .joins = sealed_joins,
    .check = kk_sealed_check,
    .repair = kk_sealed_repair,
    .rekey = kk_sealed_rekey,
    .set_aside = sealed_set_aside,
    .backup = kk_sealed_backup,
    .audit = kk_sealed_audit_event,
    .audit_read = kk_sealed_audit_read,
    .audit_verify = kk_sealed_audit_verify,
    .user_add = kk_sealed_user_add,
    .user_remove = kk_sealed_user_remove,
    .users = kk_sealed_users,
    .state_key = sealed_state_key,
    .counter = kk_sealed_counter,
    .nudge = sealed_nudge,
    .remove = sealed_remove,
    .path = sealed_path,
};

KK_RV kk_sealed_new(struct kk_crypto *crypto, struct kk_store *store,
                    const struct kk_repository_settings *settings, struct kk_sealed **ret_sealed)
{
    struct kk_sealed *sealed = NULL;
    KK_TRY(kk_alloc(sizeof *sealed, &sealed));
    sealed->head.ops = &sealed_ops;
    sealed->crypto = crypto;
    sealed->store = store;
    sealed->settings = *settings;
    kk_mutex_init(&sealed->lock, KK_RANK_INDEX);
    kk_tries_book_init(&sealed->book, &kk_sealed_tries_ops, sealed, settings->pin_max_tries,
                       &sealed->lock);
    *ret_sealed = sealed;
    return CKR_OK;
}

KK_RV kk_sealed_create(struct kk_crypto *crypto, struct kk_store *store,
                       const struct kk_repository_settings *settings, struct kk_span so_pin,
                       const char label[KK_LABEL_LEN], const char serial[KK_SERIAL_LEN],
                       struct kk_repository **ret_repository)
{
    KK_CLEANUP(kk_sealed_freep) struct kk_sealed *sealed = NULL;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_key_row row = {.no = KK_KEY_ROW_SO, .role = KK_ROLE_SO};
    KK_TRY(kk_sealed_new(crypto, store, settings, &sealed));
    KK_TRY(kk_sealed_new_keys(sealed, serial, label, &sealed->identity, &keys));
    KK_TRY(kk_key_row_seal(sealed, serial, &keys, so_pin, &row));
    op.sealed = sealed;
    op.identity = kk_identity_ref(sealed->identity);
    op.keys[KK_SIDE_PRIVATE] = &keys;
    op.keys[KK_SIDE_PUBLIC] = &sealed->identity->pub;
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &op.tx));
    KK_TRY(kk_sealed_establish(&op, &row));
    KK_TRY(kk_sealed_commit(&op));
    KK_TRY(kk_sealed_reload(sealed)); /* what was written, as it will be read */
    KK_TRY(kk_sealed_audit_start(sealed));
    KK_TRY(kk_sealed_audit_birth(sealed, &keys, KK_AUDIT_TOKEN_INIT));
    *ret_repository = &KK_STEAL(sealed)->head;
    return CKR_OK;
}

KK_RV kk_sealed_open(struct kk_crypto *crypto, struct kk_store *store,
                     const struct kk_repository_settings *settings,
                     struct kk_repository **ret_repository)
{
    KK_CLEANUP(kk_sealed_freep) struct kk_sealed *sealed = NULL;
    KK_TRY(kk_sealed_new(crypto, store, settings, &sealed));
    KK_TRY(kk_sealed_reload(sealed));
    KK_TRY(kk_sealed_audit_start(sealed));
    *ret_repository = &KK_STEAL(sealed)->head;
    return CKR_OK;
}
