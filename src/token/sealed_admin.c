/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the SO does: making a token, making it anew, and setting the user's PIN.
 */
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* A PIN shorter than this, or of less than so many digits, is guessed in no time by who copies the
 * store. */
#define WEAK_LEN 6
#define WEAK_DIGITS 8

/* ---- new tokens ---- */

KK_RV kk_sealed_new_keys(struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                         const char label[KK_LABEL_LEN], struct kk_identity **ret_identity,
                         struct kk_side_keys *ret_keys)
{
    struct kk_crypto *crypto = sealed->crypto;
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    KK_TRY(kk_identity_new(&identity));
    memcpy(identity->serial, serial, KK_SERIAL_LEN);
    memcpy(identity->label, label, KK_LABEL_LEN);
    KK_TRY(kk_crypto_random(crypto, identity->epoch, KK_EPOCH_LEN));
    identity->so_recovery = sealed->settings.so_recovery;
    identity->key_epoch[KK_SIDE_PRIVATE] = 1;
    identity->key_epoch[KK_SIDE_PUBLIC] = 1;
    kk_token_row_encode(identity);
    KK_TRY(kk_side_keys_new(&identity->pub));
    KK_TRY(kk_side_keys_random(crypto, &identity->pub, KK_SLOT_OBJ));
    KK_TRY(kk_side_keys_derive(crypto, &identity->pub, KK_SIDE_PUBLIC));
    KK_TRY(kk_side_keys_new(&keys));
    KK_TRY(kk_side_keys_random(crypto, &keys, KK_SLOT_AMK));
    if (identity->so_recovery) {
        KK_TRY(kk_side_keys_random(crypto, &keys, KK_SLOT_DMK));
    }
    KK_TRY(kk_side_keys_derive(crypto, &keys, KK_SIDE_PRIVATE));
    *ret_identity = KK_STEAL(identity);
    *ret_keys = keys;
    keys = (struct kk_side_keys){0};
    return CKR_OK;
}

struct row_numbers {
    uint32_t *numbers;
    size_t count;
};

static void row_numbers_clear(struct row_numbers *list)
{
    kk_free(list->numbers);
}

static CK_RV add_number(const struct kk_store_row *row, void *context)
{
    struct row_numbers *list = context;
    KK_TRY(kk_realloc_array(&list->numbers, list->count + 1, sizeof *list->numbers));
    list->numbers[list->count++] = row->no;
    return CKR_OK;
}

KK_RV kk_sealed_clear_table(struct kk_sealed_op *op, uint32_t table, uint32_t first)
{
    KK_CLEANUP(row_numbers_clear) struct row_numbers list = {0};
    KK_TRY(op->tx->ops->row_each(op->tx, table, 0, false, add_number, &list));
    for (size_t i = 0; i < list.count; i++) {
        if (list.numbers[i] >= first) {
            KK_TRY(op->tx->ops->row_delete(op->tx, table, list.numbers[i]));
        }
    }
    return CKR_OK;
}

/* Generations never go back, so that what other processes remember is seen to be old. */
static KK_RV next_generation(struct kk_sealed_op *op, enum kk_side side, uint64_t *ret_generation)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_ROOTS, (uint32_t)side, &row, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    *ret_generation = row.generation + 1;
    return CKR_OK;
}

static KK_RV clear_all(struct kk_sealed_op *op)
{
    static const uint32_t tables[] = {KK_TABLE_KEYS,           KK_TABLE_TRIES, KK_TABLE_BUCKETS,
                                      KK_TABLE_BUCKETS_PUBLIC, KK_TABLE_REKEY, KK_TABLE_AUDIT};
    KK_TRY(op->tx->ops->object_clear(op->tx, KK_STORE_PRIVATE_ONLY));
    KK_TRY(op->tx->ops->object_clear(op->tx, KK_STORE_PUBLIC_ONLY));
    for (size_t i = 0; i < KK_ARRAY_LEN(tables); i++) {
        KK_TRY(kk_sealed_clear_table(op, tables[i], 0));
    }
    return CKR_OK;
}

KK_RV kk_sealed_establish(struct kk_sealed_op *op, const struct kk_key_row *so_row)
{
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    struct kk_root public_root = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(clear_all(op));
    KK_TRY(next_generation(op, KK_SIDE_PRIVATE, &root.generation));
    KK_TRY(next_generation(op, KK_SIDE_PUBLIC, &public_root.generation));
    KK_TRY(kk_token_row_put(op, root.token_hash));
    KK_TRY(kk_pub_row_put(op, &op->identity->pub, root.pub_hash));
    KK_TRY(kk_key_row_put(op, so_row, root.generation, hash));
    KK_TRY(kk_root_set_row(&root, so_row->no, hash));
    KK_TRY(kk_root_write(op, KK_SIDE_PRIVATE, &root));
    return kk_root_write(op, KK_SIDE_PUBLIC, &public_root);
}

KK_RV kk_sealed_reinitialise(struct kk_repository *repository, struct kk_span so_pin,
                             const char label[KK_LABEL_LEN])
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(kk_opened_clear) struct kk_opened opened = {0};
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {.sealed = sealed};
    struct kk_key_row row = {.no = KK_KEY_ROW_SO, .role = KK_ROLE_SO};
    KK_ENSURE(!kk_sealed_read_only(sealed), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(kk_sealed_try(sealed, KK_ROLE_SO, KK_SPAN(NULL, 0), so_pin, true, &opened));
    KK_TRY(kk_sealed_new_keys(sealed, opened.identity->serial, label, &identity, &keys));
    KK_TRY(kk_key_row_seal(sealed, identity->serial, &keys, so_pin, &row));
    KK_TRY(sealed->store->ops->begin(sealed->store, KK_STORE_WRITE, &op.tx));
    op.identity = kk_identity_ref(identity);
    op.keys[KK_SIDE_PRIVATE] = &keys;
    op.keys[KK_SIDE_PUBLIC] = &identity->pub;
    KK_TRY(kk_sealed_establish(&op, &row));
    CK_RV rv = kk_sealed_audit_epoch(&op, KK_AUDIT_TOKEN_INIT, &opened.keys, &keys);
    rv = rv == CKR_OK ? kk_sealed_commit_scrubbed(&op) : rv;
    KK_TRY(kk_sealed_audit_failed(sealed, KK_ROLE_SO, &opened.keys, KK_AUDIT_TOKEN_INIT, rv));
    return kk_sealed_reload(sealed);
}

/* ---- the user's PIN ---- */

static void warn_if_weak(const struct kk_sealed *sealed, struct kk_span pin)
{
    bool digits = true;
    for (size_t i = 0; i < pin.len; i++) {
        digits = digits && pin.data[i] >= '0' && pin.data[i] <= '9';
    }
    if (sealed->settings.pepper == NULL && sealed->settings.pin_guard == KK_GUARD_NONE &&
        (pin.len < WEAK_LEN || (digits && pin.len < WEAK_DIGITS))) {
        kk_log_warning("token %s: the user's new PIN is weak: who copies the store can try all "
                       "such PINs in minutes or hours; a longer one or token.pepper prevents it",
                       kk_sealed_path(sealed));
    }
}

/* The keys that go into the user's row: the SO's own, or with a new DMK where the SO has none. */
static KK_RV user_keys(struct kk_sealed *sealed, const struct kk_side_keys *so,
                       struct kk_side_keys *ret_keys)
{
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    KK_TRY(kk_side_keys_new(&keys));
    memcpy(kk_side_key_set(&keys, KK_SLOT_AMK), kk_side_key(so, KK_SLOT_AMK).data, KK_KEY_LEN);
    if (kk_side_keys_has(so, KK_SLOT_DMK)) {
        memcpy(kk_side_key_set(&keys, KK_SLOT_DMK), kk_side_key(so, KK_SLOT_DMK).data, KK_KEY_LEN);
    } else {
        KK_TRY(kk_side_keys_random(sealed->crypto, &keys, KK_SLOT_DMK));
    }
    *ret_keys = keys;
    keys = (struct kk_side_keys){0};
    return CKR_OK;
}

/* so_recovery = off: what the old DMK sealed is lost with it, and so are the rows that held it. */
static KK_RV drop_private(struct kk_sealed_op *op, struct kk_root *root)
{
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    KK_TRY(op->tx->ops->object_clear(op->tx, KK_STORE_PRIVATE_ONLY));
    KK_TRY(kk_sealed_clear_table(op, KK_TABLE_BUCKETS, 0));
    KK_TRY(kk_sealed_clear_table(op, KK_TABLE_KEYS, KK_KEY_ROW_USER));
    KK_TRY(kk_sealed_clear_table(op, KK_TABLE_TRIES, KK_KEY_ROW_USER));
    root->count = 0;
    memset(root->sum, 0, sizeof root->sum);
    for (size_t i = root->row_count; i-- > 0;) {
        uint32_t no = root->rows[i].no;
        if (no != KK_KEY_ROW_SO && no != KK_ROOT_REKEY && no != KK_ROOT_AUDIT) {
            kk_root_remove_row(root, no);
        }
    }
    KK_TRY(kk_identity_new(&identity));
    KK_TRY(kk_token_row_decode(KK_SPAN_ARRAY(op->identity->row), identity));
    identity->key_epoch[KK_SIDE_PRIVATE]++;
    kk_token_row_encode(identity);
    kk_identity_unref(op->identity);
    op->identity = KK_STEAL(identity);
    op->keys[KK_SIDE_PUBLIC] = NULL; /* were the old identity's */
    return kk_token_row_put(op, root->token_hash);
}

static KK_RV write_user_row(struct kk_sealed *sealed, const struct kk_sealed_unlock *so,
                            const struct kk_key_row *row)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_sealed_begin_admin(sealed, so->head.epoch, &so->keys, &op, &root));
    if (!kk_side_keys_has(&so->keys, KK_SLOT_DMK)) {
        KK_TRY(drop_private(&op, &root));
    }
    KK_TRY(kk_key_row_put(&op, row, root.generation, hash));
    KK_TRY(kk_root_set_row(&root, row->no, hash));
    KK_TRY(kk_tries_reset(&op, row->no));
    KK_TRY(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    const struct kk_sealed_actor actor = kk_sealed_actor_of(so);
    const struct kk_audit_event event = {.kind = KK_AUDIT_PIN_INIT};
    return kk_sealed_commit_audited(&op, &actor, &event);
}

/* The lock of the tries, without a try. */
struct tries_hold {
    struct kk_store *store;
    void *lock;
};

static void tries_hold_end(struct tries_hold *hold)
{
    if (hold->lock != NULL) {
        hold->store->ops->tries_unlock(hold->store, hold->lock);
    }
}

KK_RV kk_sealed_init_pin(struct kk_repository *repository, struct kk_unlock *unlock,
                         struct kk_span new_pin)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    const struct kk_sealed_unlock *so = (const struct kk_sealed_unlock *)unlock;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    KK_CLEANUP(tries_hold_end) struct tries_hold hold = {.store = sealed->store};
    struct kk_key_row row = {.no = KK_KEY_ROW_USER, .role = KK_ROLE_USER};
    char serial[KK_SERIAL_LEN];
    KK_ENSURE(unlock != NULL && unlock->role == KK_ROLE_SO, CKR_USER_NOT_LOGGED_IN);
    KK_ENSURE(!kk_sealed_read_only(sealed), CKR_TOKEN_WRITE_PROTECTED);
    KK_WITH_LOCK(&sealed->lock)
    {
        memcpy(serial, sealed->identity->serial, sizeof serial); /* it never changes */
    }
    KK_TRY(user_keys(sealed, &so->keys, &keys));
    KK_TRY(kk_key_row_seal(sealed, serial, &keys, new_pin, &row));
    KK_TRY(sealed->store->ops->tries_lock(sealed->store, &hold.lock));
    KK_TRY(write_user_row(sealed, so, &row));
    warn_if_weak(sealed, new_pin);
    return CKR_OK;
}
