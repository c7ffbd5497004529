/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checking a whole token, and naming what is wrong, object by object: rows against the root, the
 * root against the lists, the lists against the objects, and every object opened.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* How often the watcher hears of it: every so many objects. */
#define TELL_EVERY 256

struct verify {
    const struct kk_sealed_op *op;
    const struct kk_check *check;
    const struct kk_salvage *salvage; /* NULL: a check only */
    struct kk_check_result *result;
    enum kk_side side;
    uint64_t seen, total;
    /* of one side */
    struct kk_manifest_entry *entries; /* of all sound buckets, by uuid */
    size_t entry_count, at;
    uint8_t sum[KK_HASH_LEN];
    enum { BUCKET_NONE, BUCKET_SOUND, BUCKET_DAMAGED } buckets[KK_BUCKETS];
    bool lists_agree; /* with the root: no bucket is missing */
};

void kk_check_found(const struct kk_check *check, struct kk_check_result *result,
                    const struct kk_uuid *uuid, const struct kk_object *object, const char *what)
{
    struct kk_finding finding = {.what = what, .uuid = uuid};
    if (object != NULL) {
        finding.label = kk_attrs_bytes(object->attrs, CKA_LABEL);
    }
    result->findings++;
    if (check->found != NULL) {
        check->found(check->context, &finding);
    }
}

static void found(struct verify *verify, const struct kk_uuid *uuid, const struct kk_object *object,
                  const char *what)
{
    kk_check_found(verify->check, verify->result, uuid, object, what);
}

static KK_RV tell(const struct verify *verify)
{
    const struct kk_check *check = verify->check;
    uint64_t seen = KK_MIN(verify->seen, verify->total);
    return check->progress == NULL
               ? CKR_OK
               : check->progress(check->context, (CK_ULONG)seen, (CK_ULONG)verify->total);
}

/* ---- lists ---- */

static const char *const bucket_texts[] = {"a part of the list of private objects is damaged",
                                           "a part of the list of public objects is damaged"};
static const char *const root_texts[] = {"the root of the private objects' list is damaged",
                                         "the root of the public objects' list is damaged"};
static const char *const sum_texts[] = {
    "a part of the list of private objects is missing, or an old one",
    "a part of the list of public objects is missing, or an old one"};

static CK_RV add_bucket(const struct kk_store_row *row, void *context)
{
    struct verify *verify = context;
    uint8_t term[KK_HASH_LEN];
    KK_CLEANUP(kk_bucket_unrefp) struct kk_bucket *bucket = NULL;
    KK_TRY(kk_bucket_term(verify->op, verify->side, row->no, row->generation, row->tag, term));
    kk_sum_add(verify->sum, term);
    CK_RV rv = kk_bucket_open(verify->op, verify->side, row, &bucket);
    if (rv == CKR_DEVICE_ERROR) {
        if (row->no < KK_BUCKETS) {
            verify->buckets[row->no] = BUCKET_DAMAGED;
        }
        found(verify, NULL, NULL, bucket_texts[verify->side]);
        return CKR_OK;
    }
    KK_TRY(rv);
    verify->buckets[row->no] = BUCKET_SOUND;
    KK_TRY(kk_realloc_array(&verify->entries, verify->entry_count + bucket->count + 1,
                            sizeof *verify->entries));
    memcpy(verify->entries + verify->entry_count, bucket->entries,
           bucket->count * sizeof *bucket->entries);
    verify->entry_count += bucket->count;
    return CKR_OK;
}

static KK_RV read_lists(struct verify *verify)
{
    const struct kk_sealed_op *op = verify->op;
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    CK_RV rv = kk_root_read(op, verify->side, &root);
    bool has_root = rv == CKR_OK;
    KK_ENSURE(rv == CKR_OK || rv == CKR_DEVICE_ERROR, rv);
    KK_TRY(
        op->tx->ops->row_each(op->tx, kk_bucket_table(verify->side), 0, true, add_bucket, verify));
    if (!has_root) {
        found(verify, NULL, NULL, root_texts[verify->side]);
        return CKR_OK;
    }
    verify->lists_agree = kk_ct_equal(root.sum, verify->sum, sizeof root.sum);
    if (!verify->lists_agree) {
        found(verify, NULL, NULL, sum_texts[verify->side]);
    }
    return CKR_OK;
}

/* ---- objects ---- */

/* Whether the part of the list where the object would stand cannot be asked. */
static bool list_is_lost(const struct verify *verify, const struct kk_uuid *uuid)
{
    uint32_t no = kk_bucket_no(uuid);
    return verify->buckets[no] == BUCKET_DAMAGED ||
           (verify->buckets[no] == BUCKET_NONE && !verify->lists_agree);
}

static const char list_lost[] = "the part of the token's list that it stood in is damaged or "
                                "missing: it may be an old version";

/* What its list has against the object; NULL: nothing. */
static const char *against_list(const struct verify *verify, const struct kk_manifest_entry *entry,
                                const struct kk_store_object *object)
{
    if (entry == NULL) {
        return list_is_lost(verify, &object->uuid) ? list_lost : "it is not in the token's list";
    }
    bool same = entry->generation == object->generation &&
                kk_mem_equal(entry->tag, sizeof entry->tag, object->tag, sizeof object->tag);
    return same ? NULL : "it is another version than the token's list has";
}

static bool can_open(const struct verify *verify)
{
    return verify->side == KK_SIDE_PUBLIC || verify->op->opens_private;
}

static KK_RV count_one(struct verify *verify, const struct kk_object *object, const char *unlisted)
{
    if (verify->salvage != NULL) {
        if (object == NULL || (unlisted != NULL && unlisted != list_lost)) {
            return CKR_OK;
        }
        KK_TRY(verify->salvage->take(verify->salvage->context, object));
    } else if (unlisted != NULL) {
        return CKR_OK;
    }
    if (verify->side == KK_SIDE_PRIVATE) {
        verify->result->private_objects++;
    } else {
        verify->result->public_objects++;
    }
    return CKR_OK;
}

static KK_RV open_one(struct verify *verify, const struct kk_uuid *uuid, const char *unlisted)
{
    const struct kk_sealed_op *op = verify->op;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    struct kk_store_object stored = {0};
    CK_RV rv = CKR_OK;
    if (can_open(verify)) {
        KK_TRY(op->tx->ops->object_get(op->tx, uuid, &stored, &blob));
        rv = kk_sealed_object_open(op, &stored, &object);
        KK_ENSURE(rv == CKR_OK || rv == CKR_DEVICE_ERROR, rv);
    }
    if (unlisted != NULL) {
        found(verify, uuid, object, unlisted);
    } else if (rv != CKR_OK) {
        found(verify, uuid, NULL, "its bytes were changed");
    }
    return rv == CKR_OK ? count_one(verify, object, unlisted) : CKR_OK;
}

/* Objects come by uuid, as the entries do. */
static CK_RV check_object(const struct kk_store_object *object, void *context)
{
    struct verify *verify = context;
    const struct kk_manifest_entry *entry = NULL;
    while (verify->at < verify->entry_count &&
           kk_uuid_compare(&verify->entries[verify->at].uuid, &object->uuid) < 0) {
        found(verify, &verify->entries[verify->at++].uuid, NULL, "it is missing");
    }
    if (verify->at < verify->entry_count &&
        kk_uuid_equal(&verify->entries[verify->at].uuid, &object->uuid)) {
        entry = &verify->entries[verify->at++];
    }
    if (verify->seen++ % TELL_EVERY == 0) {
        KK_TRY(tell(verify));
    }
    struct kk_uuid uuid = object->uuid;
    return open_one(verify, &uuid, against_list(verify, entry, object));
}

static enum kk_store_private kind_of(enum kk_side side)
{
    return side == KK_SIDE_PRIVATE ? KK_STORE_PRIVATE_ONLY : KK_STORE_PUBLIC_ONLY;
}

static KK_RV verify_side(struct verify *verify)
{
    struct kk_store_tx *tx = verify->op->tx;
    KK_TRY(read_lists(verify));
    KK_TRY(tx->ops->object_find(tx, kind_of(verify->side), NULL, 0, check_object, verify));
    while (verify->at < verify->entry_count) {
        found(verify, &verify->entries[verify->at++].uuid, NULL, "it is missing");
    }
    return CKR_OK;
}

static void verify_next(struct verify *verify, enum kk_side side)
{
    kk_free(verify->entries);
    verify->entries = NULL;
    verify->entry_count = 0;
    verify->at = 0;
    memset(verify->sum, 0, sizeof verify->sum);
    memset(verify->buckets, 0, sizeof verify->buckets);
    verify->lists_agree = false;
    verify->side = side;
}

static void verify_clear(struct verify *verify)
{
    kk_free(verify->entries);
    kk_free(verify);
}
KK_DEFINE_CLEANUP(struct verify *, verify_clear);

static KK_RV verify_new(const struct kk_sealed_op *op, const struct kk_check *check,
                        struct kk_check_result *result, struct verify **ret_verify)
{
    KK_CLEANUP(verify_clearp) struct verify *verify = NULL;
    KK_TRY(kk_alloc(sizeof *verify, &verify));
    verify->op = op;
    verify->check = check;
    verify->result = result;
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        uint64_t count = 0;
        KK_TRY(op->tx->ops->object_count(op->tx, kind_of(side), &count));
        verify->total += op->keys[side] != NULL ? count : 0;
    }
    *ret_verify = KK_STEAL(verify);
    return CKR_OK;
}

KK_RV kk_sealed_verify(const struct kk_sealed_op *op, const struct kk_check *check,
                       const struct kk_salvage *salvage, struct kk_check_result *result)
{
    KK_CLEANUP(verify_clearp) struct verify *verify = NULL;
    KK_TRY(verify_new(op, check, result, &verify));
    verify->salvage = salvage;
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        verify_next(verify, side);
        if (op->keys[side] != NULL) {
            KK_TRY(verify_side(verify));
        } else if (side == KK_SIDE_PUBLIC) {
            found(verify, NULL, NULL, "the key of the public objects cannot be opened");
        }
    }
    return tell(verify);
}
