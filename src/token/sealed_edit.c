/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A commit's changes to one manifest: the buckets of the objects concerned and the root. What is to
 * be rewritten is verified first, so that what somebody tampered with is never sealed again as
 * good; a sum that was wrong before stays wrong, since only the difference of the changed buckets
 * goes in.
 */
#include <string.h>

#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

void kk_manifest_edit_clear(struct kk_manifest_edit *edit)
{
    for (size_t i = 0; i < edit->bucket_count; i++) {
        kk_bucket_unref(edit->buckets[i].result);
        kk_free(edit->buckets[i].entries);
    }
    kk_free(edit->buckets);
    kk_root_clear(&edit->root);
    *edit = (struct kk_manifest_edit){0};
}

KK_RV kk_manifest_edit_load(const struct kk_sealed_op *op, enum kk_side side,
                            struct kk_manifest_edit *edit)
{
    if (edit->loaded) {
        return CKR_OK;
    }
    KK_ENSURE(op->keys[side] != NULL, CKR_DEVICE_ERROR);
    KK_TRY(kk_root_read(op, side, &edit->root));
    edit->root.generation++;
    edit->loaded = true;
    return CKR_OK;
}

static KK_RV load_bucket(const struct kk_sealed_op *op, enum kk_side side, uint32_t no,
                         struct kk_bucket_edit *ret_bucket)
{
    KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
    struct kk_bucket_edit loaded = {.no = no};
    KK_TRY(kk_bucket_read(op, side, no, &bucket));
    if (bucket != NULL) {
        loaded.existed = true;
        loaded.old_generation = bucket->generation;
        memcpy(loaded.old_tag, bucket->tag, sizeof loaded.old_tag);
        loaded.count = bucket->count;
        KK_TRY(
            kk_memdup(bucket->entries, bucket->count * sizeof bucket->entries[0], &loaded.entries));
    }
    *ret_bucket = loaded;
    return CKR_OK;
}

static KK_RV edit_bucket(const struct kk_sealed_op *op, enum kk_side side,
                         struct kk_manifest_edit *edit, uint32_t no,
                         struct kk_bucket_edit **ret_bucket)
{
    for (size_t i = 0; i < edit->bucket_count; i++) {
        if (edit->buckets[i].no == no) {
            *ret_bucket = &edit->buckets[i];
            return CKR_OK;
        }
    }
    KK_TRY(kk_manifest_edit_load(op, side, edit));
    KK_TRY(kk_realloc_array(&edit->buckets, edit->bucket_count + 1, sizeof *edit->buckets));
    KK_TRY(load_bucket(op, side, no, &edit->buckets[edit->bucket_count]));
    *ret_bucket = &edit->buckets[edit->bucket_count++];
    return CKR_OK;
}

/* Where the uuid stands, or would stand. */
static size_t position(const struct kk_bucket_edit *bucket, const struct kk_uuid *uuid,
                       bool *ret_there)
{
    size_t low = 0;
    size_t high = bucket->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = kk_uuid_compare(&bucket->entries[middle].uuid, uuid) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    *ret_there = low < bucket->count && kk_uuid_equal(&bucket->entries[low].uuid, uuid);
    return low;
}

KK_RV kk_manifest_edit_find(const struct kk_sealed_op *op, enum kk_side side,
                            struct kk_manifest_edit *edit, const struct kk_uuid *uuid,
                            const struct kk_manifest_entry **ret_entry)
{
    struct kk_bucket_edit *bucket = NULL;
    bool there = false;
    KK_TRY(edit_bucket(op, side, edit, kk_bucket_no(uuid), &bucket));
    size_t at = position(bucket, uuid, &there);
    *ret_entry = there ? &bucket->entries[at] : NULL;
    return CKR_OK;
}

KK_RV kk_manifest_edit_set(const struct kk_sealed_op *op, enum kk_side side,
                           struct kk_manifest_edit *edit, const struct kk_manifest_entry *entry)
{
    struct kk_bucket_edit *bucket = NULL;
    bool there = false;
    KK_TRY(edit_bucket(op, side, edit, kk_bucket_no(&entry->uuid), &bucket));
    size_t at = position(bucket, &entry->uuid, &there);
    if (!there) {
        KK_TRY(kk_realloc_array(&bucket->entries, bucket->count + 1, sizeof *bucket->entries));
        memmove(bucket->entries + at + 1, bucket->entries + at,
                (bucket->count - at) * sizeof *bucket->entries);
        bucket->count++;
        edit->root.count++;
    }
    bucket->entries[at] = *entry;
    return CKR_OK;
}

KK_RV kk_manifest_edit_remove(const struct kk_sealed_op *op, enum kk_side side,
                              struct kk_manifest_edit *edit, const struct kk_uuid *uuid)
{
    struct kk_bucket_edit *bucket = NULL;
    bool there = false;
    KK_TRY(edit_bucket(op, side, edit, kk_bucket_no(uuid), &bucket));
    size_t at = position(bucket, uuid, &there);
    KK_ENSURE(there, CKR_DEVICE_ERROR);
    bucket->count--;
    memmove(bucket->entries + at, bucket->entries + at + 1,
            (bucket->count - at) * sizeof *bucket->entries);
    edit->root.count--;
    return CKR_OK;
}

/* An empty bucket keeps its row: one that is gone could not be told from one that somebody took. */
static KK_RV write_bucket(const struct kk_sealed_op *op, enum kk_side side, struct kk_root *root,
                          struct kk_bucket_edit *edit)
{
    uint8_t term[KK_HASH_LEN];
    KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
    size_t list_len = edit->count * sizeof bucket->entries[0];
    KK_TRY(kk_alloc(sizeof *bucket + list_len, &bucket));
    bucket->refs = 1;
    bucket->stamp = KK_NO_STAMP;
    bucket->no = edit->no;
    bucket->generation = root->generation;
    bucket->count = edit->count;
    if (list_len > 0) {
        memcpy(bucket->entries, edit->entries, list_len);
    }
    KK_TRY(kk_bucket_write(op, side, bucket));
    if (edit->existed) {
        KK_TRY(kk_bucket_term(op, side, edit->no, edit->old_generation, edit->old_tag, term));
        kk_sum_subtract(root->sum, term);
    }
    KK_TRY(kk_bucket_term(op, side, edit->no, bucket->generation, bucket->tag, term));
    kk_sum_add(root->sum, term);
    edit->result = KK_STEAL(bucket);
    return CKR_OK;
}

KK_RV kk_manifest_edit_write(const struct kk_sealed_op *op, enum kk_side side,
                             struct kk_manifest_edit *edit)
{
    if (!edit->loaded) {
        return CKR_OK;
    }
    for (size_t i = 0; i < edit->bucket_count; i++) {
        KK_TRY(write_bucket(op, side, &edit->root, &edit->buckets[i]));
    }
    return kk_root_write(op, side, &edit->root);
}
