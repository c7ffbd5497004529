/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking for damage: the root against its buckets and the number of objects (one pass over an
 * index), and where these do not agree, or when it is asked for, every bucket against the objects,
 * so that each is named.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* Objects that are named in the log, one line each; the rest is counted. */
#define NAMED_MAX 100

struct check {
    const struct kk_sealed_op *op;
    enum kk_side side;
    uint8_t sum[KK_HASH_LEN];
    struct kk_manifest_entry *entries; /* of all buckets, by uuid since buckets come by number */
    size_t entry_count, at;
    size_t damaged_buckets, wrong;
};

static const char *const side_names[] = {"private", "public"};

static CK_RV add_term(const struct kk_store_row *row, void *context)
{
    struct check *check = context;
    uint8_t term[KK_HASH_LEN];
    KK_TRY(kk_bucket_term(check->op, check->side, row->no, row->generation, row->tag, term));
    kk_sum_add(check->sum, term);
    return CKR_OK;
}

static CK_RV add_entries(const struct kk_store_row *row, void *context)
{
    struct check *check = context;
    KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
    CK_RV rv = kk_bucket_open(check->op, check->side, row, &bucket);
    if (rv == CKR_DEVICE_ERROR) {
        check->damaged_buckets++;
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_realloc_array(&check->entries, check->entry_count + bucket->count + 1,
                            sizeof *check->entries));
    memcpy(check->entries + check->entry_count, bucket->entries,
           bucket->count * sizeof *bucket->entries);
    check->entry_count += bucket->count;
    return CKR_OK;
}

static void report(struct check *check, const struct kk_uuid *uuid, const char *what)
{
    if (check->wrong++ < NAMED_MAX) {
        kk_sealed_say_damaged(check->op, uuid, what);
    }
}

/* Objects come by uuid, as the entries do. */
static CK_RV compare_object(const struct kk_store_object *object, void *context)
{
    struct check *check = context;
    while (check->at < check->entry_count &&
           kk_uuid_compare(&check->entries[check->at].uuid, &object->uuid) < 0) {
        report(check, &check->entries[check->at++].uuid, "it is missing");
    }
    if (check->at == check->entry_count ||
        !kk_uuid_equal(&check->entries[check->at].uuid, &object->uuid)) {
        report(check, &object->uuid, "it is not in the token's list");
        return CKR_OK;
    }
    const struct kk_manifest_entry *entry = &check->entries[check->at++];
    if (entry->generation != object->generation ||
        !kk_mem_equal(entry->tag, sizeof entry->tag, object->tag, sizeof object->tag)) {
        report(check, &object->uuid, "it is another version than the token's list has");
    }
    return CKR_OK;
}

static KK_RV compare_all(struct check *check)
{
    struct kk_store_tx *tx = check->op->tx;
    KK_TRY(tx->ops->row_each(tx, kk_bucket_table(check->side), 0, true, add_entries, check));
    KK_TRY(tx->ops->object_find(
        tx, check->side == KK_SIDE_PRIVATE ? KK_STORE_PRIVATE_ONLY : KK_STORE_PUBLIC_ONLY, NULL, 0,
        compare_object, check));
    while (check->at < check->entry_count) {
        report(check, &check->entries[check->at++].uuid, "it is missing");
    }
    if (check->wrong > 0 || check->damaged_buckets > 0) {
        kk_log_error("token %s: %zu of the %s objects and %zu buckets of their list are damaged",
                     kk_sealed_path(check->op->sealed), check->wrong, side_names[check->side],
                     check->damaged_buckets);
    }
    return CKR_OK;
}

static KK_RV compare_root(struct check *check, bool *ret_agrees)
{
    const struct kk_sealed_op *op = check->op;
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    uint64_t count = 0;
    KK_TRY(kk_root_read(op, check->side, &root));
    KK_TRY(op->tx->ops->row_each(op->tx, kk_bucket_table(check->side), 0, false, add_term, check));
    KK_TRY(op->tx->ops->object_count(
        op->tx, check->side == KK_SIDE_PRIVATE ? KK_STORE_PRIVATE_ONLY : KK_STORE_PUBLIC_ONLY,
        &count));
    bool same_sum = kk_ct_equal(root.sum, check->sum, sizeof root.sum);
    if (!same_sum) {
        kk_log_error("token %s: the list of the %s objects was tampered with: a part of it is "
                     "missing, or old",
                     kk_sealed_path(op->sealed), side_names[check->side]);
    }
    if (root.count != count) {
        kk_log_error("token %s: there are %llu %s objects, and there should be %llu",
                     kk_sealed_path(op->sealed), (unsigned long long)count, side_names[check->side],
                     (unsigned long long)root.count);
    }
    *ret_agrees = same_sum && root.count == count;
    return CKR_OK;
}

KK_RV kk_manifest_check(const struct kk_sealed_op *op, enum kk_side side, bool deep,
                        bool *ret_sound)
{
    struct check check = {.op = op, .side = side};
    bool agrees = false;
    CK_RV rv = op->keys[side] != NULL ? compare_root(&check, &agrees) : CKR_DEVICE_ERROR;
    if (rv == CKR_DEVICE_ERROR) { /* whoever found out has logged it */
        *ret_sound = false;
        return CKR_OK;
    }
    if (rv == CKR_OK && (deep || !agrees)) {
        rv = compare_all(&check);
    }
    kk_free(check.entries);
    KK_TRY(rv);
    *ret_sound = agrees && check.wrong == 0 && check.damaged_buckets == 0;
    return CKR_OK;
}

void kk_manifest_check_public(const struct kk_sealed_op *op)
{
    bool sound = false;
    if (op->keys[KK_SIDE_PUBLIC] == NULL ||
        atomic_exchange_explicit(&op->sealed->public_checked, true, memory_order_relaxed)) {
        return;
    }
    if (kk_manifest_check(op, KK_SIDE_PUBLIC, false, &sound) != CKR_OK) {
        atomic_store_explicit(&op->sealed->public_checked, false, memory_order_relaxed);
    }
}
