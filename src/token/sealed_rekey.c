/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rekey: one transaction that gives the token new keys, new key rows and lists, and puts the old
 * keys, sealed under the new, into a row; then objects are sealed anew in batches; then that row
 * goes. Killed anywhere in between, the token works, and the rest is done by whoever comes next.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* Objects per transaction; a bucket's are never parted. */
#define BATCH 256

/* ---- what it begins with ---- */

struct start {
    struct kk_sealed *sealed;
    const struct kk_rekey *rekey;
    bool has_user;
    struct kk_opened so, user;
    struct kk_identity *identity; /* the new one */
    struct kk_side_keys keys;     /* the new ones, all of them */
    struct kk_side_keys so_keys;  /* those that the SO's row holds */
    struct kk_key_row so_row, user_row;
};

static void start_clear(struct start *start)
{
    kk_opened_clear(&start->so);
    kk_opened_clear(&start->user);
    kk_identity_unref(start->identity);
    kk_side_keys_clear(&start->keys);
    kk_side_keys_clear(&start->so_keys);
}

/* Both PINs, one after the other. The second try's lock is held from here on: nobody changes a PIN
 * until the new rows are in place. */
static KK_RV open_rows(struct start *start)
{
    const struct kk_span no_name = KK_SPAN(NULL, 0);
    struct kk_token_state state;
    struct kk_sealed *sealed = start->sealed;
    KK_TRY(sealed->head.ops->state(&sealed->head, &state));
    start->has_user = state.user_pin_set;
    KK_ENSURE(start->rekey->so_pin.data != NULL, CKR_ARGUMENTS_BAD);
    KK_ENSURE(start->rekey->user_pin.data != NULL || !start->has_user, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_sealed_try(sealed, KK_ROLE_SO, no_name, start->rekey->so_pin, false, &start->so));
    if (!start->has_user) {
        return CKR_OK;
    }
    kk_attempt_release(&start->so.attempt);
    KK_TRY(
        kk_sealed_try(sealed, KK_ROLE_USER, no_name, start->rekey->user_pin, false, &start->user));
    KK_ENSURE(kk_mem_equal(start->so.identity->epoch, KK_EPOCH_LEN, start->user.identity->epoch,
                           KK_EPOCH_LEN),
              CKR_FUNCTION_FAILED);
    return CKR_OK;
}

/* The old keys, as much of them as there is. */
static const struct kk_side_keys *old_keys(const struct start *start)
{
    return start->has_user ? &start->user.keys : &start->so.keys;
}

/* A damaged token is not rekeyed: what cannot be opened with the old keys would be lost. */
static KK_RV check_sound(const struct start *start)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    const struct kk_check check = {0};
    struct kk_check_result result = {0};
    KK_TRY(kk_sealed_begin(start->sealed, NULL, KK_STORE_READ, &op));
    op.keys[KK_SIDE_PRIVATE] = old_keys(start);
    op.opens_private = kk_side_keys_has(old_keys(start), KK_SLOT_OBJ);
    KK_TRY(kk_sealed_verify(&op, &check, NULL, &result));
    if (result.findings > 0) {
        kk_log_error("token %s: it is damaged, so it gets no new keys: keykist token check says "
                     "what is wrong, keykist token repair makes a sound one of the rest",
                     kk_sealed_path(start->sealed));
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

static bool wanted_recovery(const struct start *start)
{
    return start->rekey->so_recovery == KK_SO_RECOVERY_KEEP
               ? start->so.identity->so_recovery
               : start->rekey->so_recovery == KK_SO_RECOVERY_ON;
}

static KK_RV copy_key(struct kk_side_keys *to, const struct kk_side_keys *from,
                      enum kk_key_slot slot)
{
    if (kk_side_keys_has(from, slot)) {
        memcpy(kk_side_key_set(to, slot), kk_side_key(from, slot).data, KK_KEY_LEN);
    }
    return CKR_OK;
}

/* Private objects need somebody who opens them. */
static KK_RV make_keys(struct start *start)
{
    struct kk_crypto *crypto = start->sealed->crypto;
    bool recovery = start->identity->so_recovery;
    KK_ENSURE(recovery || start->has_user || !kk_side_keys_has(old_keys(start), KK_SLOT_DMK),
              CKR_USER_PIN_NOT_INITIALIZED);
    KK_TRY(kk_side_keys_new(&start->keys));
    KK_TRY(kk_side_keys_new(&start->so_keys));
    KK_TRY(kk_side_keys_random(crypto, &start->keys, KK_SLOT_AMK));
    if (recovery || start->has_user) {
        KK_TRY(kk_side_keys_random(crypto, &start->keys, KK_SLOT_DMK));
    }
    KK_TRY(copy_key(&start->so_keys, &start->keys, KK_SLOT_AMK));
    if (recovery) {
        KK_TRY(copy_key(&start->so_keys, &start->keys, KK_SLOT_DMK));
    }
    return kk_side_keys_derive(crypto, &start->keys, KK_SIDE_PRIVATE);
}

static KK_RV make_identity(struct start *start)
{
    struct kk_crypto *crypto = start->sealed->crypto;
    const struct kk_identity *old = start->so.identity;
    KK_TRY(kk_identity_new(&start->identity));
    struct kk_identity *new = start->identity;
    memcpy(new->serial, old->serial, sizeof new->serial);
    memcpy(new->label, old->label, sizeof new->label);
    KK_TRY(kk_crypto_random(crypto, new->epoch, sizeof new->epoch));
    new->so_recovery = wanted_recovery(start);
    for (size_t side = 0; side < KK_SIDES; side++) {
        new->key_epoch[side] = old->key_epoch[side] + 1;
    }
    kk_token_row_encode(new);
    KK_TRY(kk_side_keys_new(&new->pub));
    KK_TRY(kk_side_keys_random(crypto, &new->pub, KK_SLOT_OBJ));
    return kk_side_keys_derive(crypto, &new->pub, KK_SIDE_PUBLIC);
}

/* All of it that takes long, before anything is written. The PINs stay, and so do their guards. */
static KK_RV prepare(struct start *start)
{
    const struct kk_sealed *sealed = start->sealed;
    KK_TRY(open_rows(start));
    KK_TRY(check_sound(start));
    KK_TRY(make_identity(start));
    KK_TRY(make_keys(start));
    start->so_row = (struct kk_key_row){
        .no = KK_KEY_ROW_SO, .role = KK_ROLE_SO, .guarded = start->so.row.guarded};
    KK_TRY(kk_key_row_seal(sealed, start->identity->serial, &start->so_keys, start->rekey->so_pin,
                           &start->so_row));
    if (!start->has_user) {
        return CKR_OK;
    }
    start->user_row = (struct kk_key_row){
        .no = KK_KEY_ROW_USER, .role = KK_ROLE_USER, .guarded = start->user.row.guarded};
    return kk_key_row_seal(sealed, start->identity->serial, &start->keys, start->rekey->user_pin,
                           &start->user_row);
}

/* ---- lists under new keys ---- */

struct bucket_list {
    const struct kk_sealed_op *op;
    enum kk_side side;
    struct kk_bucket **buckets;
    size_t count;
    uint64_t objects;
    uint8_t sum[KK_HASH_LEN];
};

static void bucket_list_clear(struct bucket_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        kk_bucket_unref(list->buckets[i]);
    }
    kk_free(list->buckets);
}

static CK_RV add_bucket(const struct kk_store_row *row, void *context)
{
    struct bucket_list *list = context;
    uint8_t term[KK_HASH_LEN];
    KK_TRY(kk_realloc_array(&list->buckets, list->count + 1, sizeof(struct kk_bucket *)));
    KK_TRY(kk_bucket_open(list->op, list->side, row, &list->buckets[list->count]));
    list->objects += list->buckets[list->count]->count;
    list->count++;
    KK_TRY(kk_bucket_term(list->op, list->side, row->no, row->generation, row->tag, term));
    kk_sum_add(list->sum, term);
    return CKR_OK;
}

/* The lists as they are, verified: nothing that was tampered with gets the new keys' blessing. */
static KK_RV load_list(const struct kk_sealed_op *op, enum kk_side side, const struct kk_root *root,
                       struct bucket_list *list)
{
    list->op = op;
    list->side = side;
    KK_TRY(op->tx->ops->row_each(op->tx, kk_bucket_table(side), 0, true, add_bucket, list));
    if (list->objects != root->count || !kk_ct_equal(list->sum, root->sum, sizeof list->sum)) {
        kk_log_error("token %s: its lists of objects do not agree with their root",
                     kk_sealed_path(op->sealed));
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

/* The same lists under the keys of `op`, and their sum in the root. */
static KK_RV write_list(const struct kk_sealed_op *op, const struct bucket_list *list,
                        struct kk_root *root)
{
    uint8_t term[KK_HASH_LEN];
    memset(root->sum, 0, sizeof root->sum);
    for (size_t i = 0; i < list->count; i++) {
        struct kk_bucket *bucket = list->buckets[i];
        bucket->generation = root->generation;
        KK_TRY(kk_bucket_write(op, list->side, bucket));
        KK_TRY(kk_bucket_term(op, list->side, bucket->no, bucket->generation, bucket->tag, term));
        kk_sum_add(root->sum, term);
    }
    return CKR_OK;
}

/* ---- the one transaction ---- */

struct change {
    struct kk_sealed_op op;
    struct kk_identity *old; /* what the token was when the transaction began */
    struct kk_root roots[KK_SIDES];
    struct bucket_list lists[KK_SIDES];
};

static void change_clear(struct change *change)
{
    for (size_t side = 0; side < KK_SIDES; side++) {
        bucket_list_clear(&change->lists[side]);
        kk_root_clear(&change->roots[side]);
    }
    kk_identity_unref(change->old);
    kk_sealed_end(&change->op);
}

static KK_RV check_row_hash(const struct kk_root *root, const struct kk_opened *opened)
{
    const struct kk_row_hash *wanted = kk_root_row(root, opened->row.no);
    KK_ENSURE(wanted != NULL && kk_ct_equal(wanted->hash, opened->row_hash, KK_HASH_LEN),
              CKR_FUNCTION_FAILED); /* changed since */
    return CKR_OK;
}

static KK_RV load(const struct start *start, struct change *change)
{
    struct kk_sealed_op *op = &change->op;
    KK_TRY(kk_sealed_begin_admin(start->sealed, start->so.identity->epoch, old_keys(start), op,
                                 &change->roots[KK_SIDE_PRIVATE]));
    KK_TRY(check_row_hash(&change->roots[KK_SIDE_PRIVATE], &start->so));
    if (start->has_user) {
        KK_TRY(check_row_hash(&change->roots[KK_SIDE_PRIVATE], &start->user));
    }
    KK_ENSURE(op->keys[KK_SIDE_PUBLIC] != NULL, CKR_DEVICE_ERROR);
    KK_TRY(kk_root_read(op, KK_SIDE_PUBLIC, &change->roots[KK_SIDE_PUBLIC]));
    change->roots[KK_SIDE_PUBLIC].generation++;
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        KK_TRY(load_list(op, side, &change->roots[side], &change->lists[side]));
    }
    return CKR_OK;
}

static KK_RV put_key_row(struct change *change, const struct kk_key_row *row)
{
    struct kk_root *root = &change->roots[KK_SIDE_PRIVATE];
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_key_row_put(&change->op, row, root->generation, hash));
    return kk_root_set_row(root, row->no, hash);
}

/* All key rows are new; named users' are gone. */
static KK_RV put_rows(const struct start *start, struct change *change)
{
    struct kk_sealed_op *op = &change->op;
    struct kk_root *root = &change->roots[KK_SIDE_PRIVATE];
    const struct kk_user_watch watch = {start->rekey->found, start->rekey->context};
    KK_TRY(kk_sealed_tell_users(op, &watch,
                                "the named user goes with the old keys: to be added anew"));
    KK_TRY(kk_sealed_clear_table(op, KK_TABLE_KEYS, 0));
    KK_TRY(kk_sealed_clear_table(op, KK_TABLE_TRIES, KK_KEY_ROW_USER + 1));
    root->row_count = 0;
    KK_TRY(kk_token_row_put(op, root->token_hash));
    KK_TRY(kk_pub_row_put(op, &start->identity->pub, root->pub_hash));
    KK_TRY(put_key_row(change, &start->so_row));
    return start->has_user ? put_key_row(change, &start->user_row) : CKR_OK;
}

static KK_RV put_old_keys(const struct start *start, struct change *change)
{
    const struct kk_identity *old = change->old;
    const struct kk_side_keys *const before[KK_SIDES] = {old_keys(start), &old->pub};
    const struct kk_side_keys *const after[KK_SIDES] = {&start->keys, &start->identity->pub};
    uint8_t hash[KK_HASH_LEN];
    struct kk_rekey_row row = {0};
    for (size_t side = 0; side < KK_SIDES; side++) {
        row.from[side] = old->key_epoch[side];
        row.to[side] = start->identity->key_epoch[side];
        row.generation[side] = change->roots[side].generation;
    }
    KK_TRY(kk_rekey_row_seal(start->sealed, old->serial, before, after, &row));
    KK_TRY(kk_rekey_row_put(&change->op, &row, hash));
    return kk_root_set_row(&change->roots[KK_SIDE_PRIVATE], KK_ROOT_REKEY, hash);
}

/* From here on the operation is one on the new token. */
static void change_sides(const struct start *start, struct change *change)
{
    struct kk_sealed_op *op = &change->op;
    change->old = op->identity;
    op->identity = kk_identity_ref(start->identity);
    op->keys[KK_SIDE_PRIVATE] = &start->keys;
    op->keys[KK_SIDE_PUBLIC] = &start->identity->pub;
}

static KK_RV begin(struct kk_sealed *sealed, const struct kk_rekey *rekey)
{
    KK_CLEANUP(start_clear) struct start start = {.sealed = sealed, .rekey = rekey};
    KK_CLEANUP(change_clear) struct change change = {0};
    KK_TRY(prepare(&start));
    KK_TRY(load(&start, &change));
    change_sides(&start, &change);
    KK_TRY(put_rows(&start, &change));
    KK_TRY(put_old_keys(&start, &change));
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        KK_TRY(write_list(&change.op, &change.lists[side], &change.roots[side]));
        KK_TRY(kk_root_write(&change.op, side, &change.roots[side]));
    }
    CK_RV rv = kk_sealed_audit_epoch(&change.op, KK_AUDIT_REKEY, old_keys(&start), &start.keys);
    rv = rv == CKR_OK ? kk_sealed_commit(&change.op) : rv;
    KK_TRY(kk_sealed_audit_failed(sealed, KK_ROLE_SO, old_keys(&start), KK_AUDIT_REKEY, rv));
    kk_log_info("token %s: it has new keys; its objects are being sealed with them",
                kk_sealed_path(sealed));
    return kk_sealed_reload(sealed);
}

/* ---- sealing anew ---- */

struct reseal {
    struct kk_sealed *sealed;
    struct kk_unlock *unlock;
    const struct kk_rekey *rekey;
    size_t position; /* of 2 * KK_BUCKETS: private ones, then public ones */
    uint64_t done, total;
};

/* A batch that is being made. */
struct batch {
    struct kk_sealed_op op;
    struct kk_manifest_edit edits[KK_SIDES];
    size_t resealed;
    uint64_t seen;
};

static void batch_clear(struct batch *batch)
{
    for (size_t side = 0; side < KK_SIDES; side++) {
        kk_manifest_edit_clear(&batch->edits[side]);
    }
    kk_sealed_end(&batch->op);
}

/* Opened with the old keys, sealed with the new ones. */
static KK_RV reseal_object(struct batch *batch, enum kk_side side,
                           const struct kk_manifest_entry *entry)
{
    const struct kk_sealed_op *op = &batch->op;
    struct kk_manifest_edit *edit = &batch->edits[side];
    struct kk_store_object stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer old_blob = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    CK_RV rv = op->tx->ops->object_get(op->tx, &entry->uuid, &stored, &old_blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return kk_sealed_damaged(op, &entry->uuid, "it is missing");
    }
    KK_TRY(rv);
    if (stored.generation != entry->generation || stored.is_private != (side == KK_SIDE_PRIVATE) ||
        !kk_mem_equal(stored.tag, sizeof stored.tag, entry->tag, sizeof entry->tag)) {
        return kk_sealed_damaged(op, &entry->uuid, "it is not the one of the token's list");
    }
    KK_TRY(kk_sealed_object_open(op, &stored, &object));
    struct kk_store_object made = {
        .uuid = entry->uuid, .generation = edit->root.generation, .is_private = stored.is_private};
    KK_TRY(kk_sealed_columns(op, side, object->attrs, made.columns, &made.columns_set));
    KK_TRY(kk_sealed_object_seal(op, object->attrs, &made, &blob));
    KK_TRY(op->tx->ops->object_put(op->tx, &made));
    struct kk_manifest_entry now = {.uuid = entry->uuid, .generation = made.generation};
    memcpy(now.tag, made.tag, sizeof now.tag);
    batch->resealed++;
    return kk_manifest_edit_set(op, side, edit, &now);
}

static KK_RV reseal_bucket(struct batch *batch, enum kk_side side, uint32_t no)
{
    const struct kk_sealed_op *op = &batch->op;
    KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
    KK_ENSURE(op->keys[side] != NULL, CKR_DEVICE_ERROR);
    KK_TRY(kk_bucket_read(op, side, no, &bucket));
    for (size_t i = 0; bucket != NULL && i < bucket->count; i++) {
        if (bucket->entries[i].generation >= op->identity->rekey.generation[side]) {
            continue; /* written since */
        }
        KK_ENSURE(side == KK_SIDE_PUBLIC || op->opens_private, CKR_USER_NOT_LOGGED_IN);
        KK_TRY(kk_manifest_edit_load(op, side, &batch->edits[side]));
        KK_TRY(reseal_object(batch, side, &bucket->entries[i]));
    }
    batch->seen += bucket != NULL ? bucket->count : 0;
    return CKR_OK;
}

/* The row may be gone: another process was quicker. */
static KK_RV still_there(const struct kk_sealed_op *op, bool *ret_there)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_REKEY, 0, &row, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    *ret_there = rv == CKR_OK;
    return CKR_OK;
}

static KK_RV reseal_batch(struct reseal *reseal, bool *ret_there)
{
    KK_CLEANUP(batch_clear) struct batch batch = {0};
    KK_TRY(kk_sealed_begin(reseal->sealed, reseal->unlock, KK_STORE_WRITE, &batch.op));
    KK_TRY(still_there(&batch.op, ret_there));
    if (!*ret_there) {
        return CKR_OK;
    }
    KK_ENSURE(batch.op.identity->rekeying, CKR_DEVICE_ERROR);
    size_t position = reseal->position;
    for (; position < (size_t)KK_SIDES * KK_BUCKETS && batch.resealed < BATCH; position++) {
        enum kk_side side = position < KK_BUCKETS ? KK_SIDE_PRIVATE : KK_SIDE_PUBLIC;
        KK_TRY(reseal_bucket(&batch, side, (uint32_t)(position % KK_BUCKETS)));
    }
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        KK_TRY(kk_manifest_edit_write(&batch.op, side, &batch.edits[side]));
    }
    if (batch.resealed > 0) {
        KK_TRY(kk_sealed_commit(&batch.op));
    }
    reseal->position = position;
    reseal->done += batch.seen;
    return CKR_OK;
}

/* Everything is sealed anew: the old keys go. */
static KK_RV finish(const struct reseal *reseal)
{
    const struct kk_sealed_unlock *unlock = (const struct kk_sealed_unlock *)reseal->unlock;
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_TRY(kk_sealed_begin_admin(reseal->sealed, unlock->head.epoch, &unlock->keys, &op, &root));
    KK_TRY(op.tx->ops->row_delete(op.tx, KK_TABLE_REKEY, 0));
    kk_root_remove_row(&root, KK_ROOT_REKEY);
    KK_TRY(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    KK_TRY(kk_sealed_commit_scrubbed(&op)); /* old key rows and objects open with the old PIN */
    kk_log_info("token %s: all its objects are sealed with the new keys",
                kk_sealed_path(reseal->sealed));
    return kk_sealed_reload(reseal->sealed);
}

static KK_RV count_objects(struct reseal *reseal)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    uint64_t of_private = 0;
    uint64_t of_public = 0;
    KK_TRY(kk_sealed_begin(reseal->sealed, reseal->unlock, KK_STORE_READ, &op));
    KK_TRY(op.tx->ops->object_count(op.tx, KK_STORE_PRIVATE_ONLY, &of_private));
    KK_TRY(op.tx->ops->object_count(op.tx, KK_STORE_PUBLIC_ONLY, &of_public));
    reseal->total = of_private + of_public;
    return CKR_OK;
}

static KK_RV tell(const struct reseal *reseal)
{
    const struct kk_rekey *rekey = reseal->rekey;
    uint64_t done = KK_MIN(reseal->done, reseal->total); /* others add objects meanwhile */
    return rekey->progress == NULL
               ? CKR_OK
               : rekey->progress(rekey->context, (CK_ULONG)done, (CK_ULONG)reseal->total);
}

/* The row says which objects are old, and goes with the old keys in the end: it must be the one
 * that the root knows. One that the root does not know is no rekey's, and just goes. */
static KK_RV check_row(const struct reseal *reseal)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row stored = {0};
    uint8_t hash[KK_HASH_LEN] = {0};
    KK_TRY(kk_sealed_begin(reseal->sealed, reseal->unlock, KK_STORE_READ, &op));
    KK_TRY(kk_root_read(&op, KK_SIDE_PRIVATE, &root));
    const struct kk_row_hash *wanted = kk_root_row(&root, KK_ROOT_REKEY);
    CK_RV rv = op.tx->ops->row_get(op.tx, KK_TABLE_REKEY, 0, &stored, &blob);
    if (wanted == NULL || rv == CKR_OBJECT_HANDLE_INVALID) {
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_row_hash_of(reseal->sealed->crypto, &stored, hash));
    if (!kk_ct_equal(hash, wanted->hash, sizeof hash)) {
        kk_log_error("token %s: the row of the keys from before the rekey is another one than it "
                     "was: objects that were not sealed anew yet would be lost; keykist token "
                     "repair makes a sound token of the rest",
                     kk_sealed_path(reseal->sealed));
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

/* With the PIN that opens most: the user's, else the SO's. */
static KK_RV go_on(struct kk_sealed *sealed, const struct kk_rekey *rekey)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    bool by_user = rekey->user_pin.data != NULL;
    struct reseal reseal = {.sealed = sealed, .rekey = rekey};
    bool there = true;
    KK_ENSURE(by_user || rekey->so_pin.data != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_sealed_unlock(&sealed->head, by_user ? KK_ROLE_USER : KK_ROLE_SO, KK_SPAN(NULL, 0),
                            by_user ? rekey->user_pin : rekey->so_pin, NULL, &unlock));
    reseal.unlock = unlock;
    KK_TRY(check_row(&reseal));
    KK_TRY(count_objects(&reseal));
    while (there && reseal.position < (size_t)KK_SIDES * KK_BUCKETS) {
        KK_TRY(tell(&reseal));
        KK_TRY(reseal_batch(&reseal, &there));
    }
    if (!there) {
        return CKR_OK;
    }
    KK_TRY(tell(&reseal));
    return finish(&reseal);
}

KK_RV kk_sealed_rekey(struct kk_repository *repository, const struct kk_rekey *rekey)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    struct kk_token_state state;
    struct kk_rekey rest = *rekey;
    KK_ENSURE(!kk_sealed_read_only(sealed), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(repository->ops->state(repository, &state));
    if (!state.rekey_pending) {
        KK_TRY(begin(sealed, rekey));
        rest.user_pin = state.user_pin_set ? rekey->user_pin : KK_SPAN(NULL, 0);
    }
    return go_on(sealed, &rest);
}
