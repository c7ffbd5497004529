/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing objects: all changes of a call in one transaction, together with the buckets that list
 * them and the root.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

struct commit {
    struct kk_sealed_op op;
    struct kk_manifest_edit edits[KK_SIDES];
    const struct kk_stored_change *changes;
    struct kk_object **made; /* a snapshot per PUT */
    size_t count;
    struct kk_stored_change rebased; /* what `changes` is then */
    struct kk_attrs *rebased_attrs;
};

static void commit_clear(struct commit *commit)
{
    for (size_t side = 0; side < KK_SIDES; side++) {
        kk_manifest_edit_clear(&commit->edits[side]);
    }
    for (size_t i = 0; commit->made != NULL && i < commit->count; i++) {
        kk_object_unref(commit->made[i]);
    }
    kk_free(commit->made);
    kk_attrs_free(commit->rebased_attrs);
    kk_sealed_end(&commit->op);
}

/* May this login write on that side? */
static KK_RV check_side(const struct commit *commit, enum kk_side side)
{
    if (side == KK_SIDE_PRIVATE) {
        KK_ENSURE(commit->op.opens_private, CKR_USER_NOT_LOGGED_IN);
        return CKR_OK;
    }
    KK_ENSURE(commit->op.keys[KK_SIDE_PUBLIC] != NULL, CKR_DEVICE_ERROR);
    return CKR_OK;
}

/* Another version is there than the one that the change started from: once more from that one, now
 * that nobody can come between. */
static KK_RV rebase(struct commit *commit, const struct kk_stored_change *change,
                    const struct kk_store_object *present)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_ENSURE(change->rebase != NULL && commit->count == 1 && commit->rebased_attrs == NULL,
              CKR_FUNCTION_REJECTED);
    KK_TRY(kk_sealed_object_open(&commit->op, present, &object));
    KK_TRY(change->rebase(change->context, object, &commit->rebased_attrs));
    commit->rebased = *change;
    commit->rebased.expected_generation = present->generation;
    if (commit->rebased_attrs != NULL) {
        commit->rebased.attrs = commit->rebased_attrs;
    }
    commit->changes = &commit->rebased;
    return CKR_OK;
}

/* Somebody destroyed it, unless the manifest still has it. */
static KK_RV check_gone(struct commit *commit, const struct kk_uuid *uuid)
{
    const struct kk_sealed_op *op = &commit->op;
    for (int side = 0; side < KK_SIDES; side++) {
        const struct kk_manifest_entry *entry = NULL;
        if (check_side(commit, (enum kk_side)side) != CKR_OK) {
            continue; /* it is not this commit's to look at */
        }
        KK_TRY(kk_manifest_edit_find(op, (enum kk_side)side, &commit->edits[side], uuid, &entry));
        if (entry != NULL) {
            return kk_sealed_damaged(op, uuid, "it is missing");
        }
    }
    return CKR_OBJECT_HANDLE_INVALID;
}

/* The version that the change started from must be the present one, and the manifest's. */
static KK_RV check_present(struct commit *commit, const struct kk_stored_change *change,
                           enum kk_side *ret_side)
{
    const struct kk_sealed_op *op = &commit->op;
    const struct kk_manifest_entry *entry = NULL;
    struct kk_store_object present = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->object_get(op->tx, &change->uuid, &present, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return check_gone(commit, &change->uuid);
    }
    KK_TRY(rv);
    enum kk_side side = present.is_private ? KK_SIDE_PRIVATE : KK_SIDE_PUBLIC;
    KK_TRY(check_side(commit, side));
    KK_TRY(kk_manifest_edit_find(op, side, &commit->edits[side], &change->uuid, &entry));
    if (entry == NULL || entry->generation != present.generation ||
        !kk_mem_equal(entry->tag, sizeof entry->tag, present.tag, sizeof present.tag)) {
        return kk_sealed_damaged(op, &change->uuid, "it is not the one of the token's list");
    }
    *ret_side = side;
    return present.generation == change->expected_generation ? CKR_OK
                                                             : rebase(commit, change, &present);
}

static KK_RV snapshot(const struct commit *commit, const struct kk_stored_change *change,
                      const struct kk_store_object *stored, struct kk_object **ret_object)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *copy = NULL;
    struct kk_object *made = NULL;
    KK_TRY(kk_attrs_dup(change->attrs, &copy));
    KK_TRY(kk_object_new(&change->uuid, stored->generation, copy, &made));
    (void)KK_STEAL(copy);
    made->trust_proven =
        commit->op.keys[KK_SIDE_PRIVATE] != NULL && kk_attrs_flag(made->attrs, CKA_TRUSTED, false);
    *ret_object = made;
    return CKR_OK;
}

static KK_RV put(struct commit *commit, size_t i)
{
    const struct kk_sealed_op *op = &commit->op;
    enum kk_side old_side = KK_SIDES;
    if (commit->changes[i].expected_generation != 0) {
        KK_TRY(check_present(commit, &commit->changes[i], &old_side));
    }
    const struct kk_stored_change *change = &commit->changes[i];
    bool is_private = kk_attrs_flag(change->attrs, CKA_PRIVATE, false);
    enum kk_side side = is_private ? KK_SIDE_PRIVATE : KK_SIDE_PUBLIC;
    struct kk_manifest_edit *edit = &commit->edits[side];
    KK_ENSURE(old_side == KK_SIDES || old_side == side, CKR_TEMPLATE_INCONSISTENT);
    KK_TRY(check_side(commit, side));
    KK_TRY(kk_manifest_edit_load(op, side, edit));
    struct kk_store_object stored = {
        .uuid = change->uuid, .generation = edit->root.generation, .is_private = is_private};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_TRY(kk_sealed_columns(op, side, change->attrs, stored.columns, &stored.columns_set));
    KK_TRY(kk_sealed_object_seal(op, change->attrs, &stored, &blob));
    KK_TRY(op->tx->ops->object_put(op->tx, &stored));
    struct kk_manifest_entry entry = {.uuid = change->uuid, .generation = stored.generation};
    memcpy(entry.tag, stored.tag, sizeof entry.tag);
    KK_TRY(kk_manifest_edit_set(op, side, edit, &entry));
    return snapshot(commit, change, &stored, &commit->made[i]);
}

static KK_RV erase(struct commit *commit, size_t i)
{
    const struct kk_sealed_op *op = &commit->op;
    const struct kk_uuid uuid = commit->changes[i].uuid;
    enum kk_side side = KK_SIDE_PRIVATE;
    KK_TRY(check_present(commit, &commit->changes[i], &side));
    KK_TRY(op->tx->ops->object_delete(op->tx, &uuid));
    return kk_manifest_edit_remove(op, side, &commit->edits[side], &uuid);
}

static KK_RV apply(struct commit *commit)
{
    for (size_t i = 0; i < commit->count; i++) {
        KK_TRY(commit->changes[i].kind == KK_CHANGE_PUT ? put(commit, i) : erase(commit, i));
    }
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        KK_TRY(kk_manifest_edit_write(&commit->op, side, &commit->edits[side]));
    }
    return CKR_OK;
}

/* What was just written is verified by that. */
static void remember_buckets(struct kk_sealed *sealed, const struct commit *commit)
{
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        for (size_t i = 0; i < commit->edits[side].bucket_count; i++) {
            kk_bucket_cache_put(sealed, side, commit->edits[side].buckets[i].result);
        }
    }
}

KK_RV kk_sealed_change(struct kk_repository *repository, struct kk_unlock *unlock,
                       const struct kk_stored_change *changes, size_t count,
                       struct kk_object **ret_objects)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(commit_clear) struct commit commit = {.changes = changes, .count = count};
    KK_ENSURE(!sealed->store->ops->read_only(sealed->store), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(kk_alloc_array(count, sizeof *commit.made, &commit.made));
    KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_WRITE, &commit.op));
    KK_TRY(apply(&commit));
    CK_RV rv = kk_sealed_audit_changes(&commit.op, unlock, commit.changes, count, CKR_OK);
    rv = rv == CKR_OK ? kk_sealed_commit(&commit.op) : rv;
    if (rv != CKR_OK) {
        KK_IGNORE(kk_sealed_audit_changes(&commit.op, unlock, commit.changes, count, rv));
        return rv;
    }
    remember_buckets(sealed, &commit);
    for (size_t i = 0; ret_objects != NULL && i < count; i++) {
        ret_objects[i] = KK_STEAL(commit.made[i]);
    }
    return CKR_OK;
}
