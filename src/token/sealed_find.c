/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blind index columns, and the candidates that they give for a template. A column is a keyed hash
 * of one attribute cut to 8 bytes: who reads the store sees which objects share a value, not which.
 */
#include <string.h>

#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

KK_STATIC_ASSERT(KK_INDEX_COLUMNS == KK_STORE_COLUMNS, "one column per indexed attribute");

static KK_RV column_of(const struct kk_sealed_op *op, const struct kk_side_keys *keys,
                       const struct kk_attr *attr, struct kk_span value, uint64_t *ret_column)
{
    KK_SECRET_ARRAY(mac, KK_SHA256_SIZE);
    uint8_t type[8];
    kk_store_u64(type, attr->type);
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(type), value};
    KK_TRY(kk_hmac_sha256(op->sealed->crypto, kk_side_key(keys, KK_SLOT_IDX), pieces,
                          KK_ARRAY_LEN(pieces), mac));
    *ret_column = kk_load_u64(mac);
    return CKR_OK;
}

static KK_RV columns_under(const struct kk_sealed_op *op, const struct kk_side_keys *keys,
                           const struct kk_attrs *attrs, uint64_t ret_columns[KK_STORE_COLUMNS],
                           uint32_t *ret_set)
{
    uint32_t set = 0;
    for (size_t i = 0; i < KK_INDEX_COLUMNS; i++) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer value = {.wipe = true};
        const struct kk_attr *attr = kk_attrs_find(attrs, kk_index_types[i]);
        ret_columns[i] = 0;
        if (attr == NULL) {
            continue;
        }
        CK_RV rv = kk_index_value(attr, &value);
        if (rv == CKR_ATTRIBUTE_TYPE_INVALID) {
            continue; /* a kind that is not searched by column */
        }
        KK_TRY(rv);
        KK_TRY(column_of(op, keys, attr, kk_buffer_span(&value), &ret_columns[i]));
        set |= 1u << i;
    }
    *ret_set = set;
    return CKR_OK;
}

KK_RV kk_sealed_columns(const struct kk_sealed_op *op, enum kk_side side,
                        const struct kk_attrs *attrs, uint64_t ret_columns[KK_STORE_COLUMNS],
                        uint32_t *ret_set)
{
    return columns_under(op, op->keys[side], attrs, ret_columns, ret_set);
}

struct uuid_list {
    struct kk_uuid *uuids;
    size_t count, capacity;
};

static void uuid_list_clear(struct uuid_list *list)
{
    kk_free(list->uuids);
}

static CK_RV add_uuid(const struct kk_store_object *object, void *context)
{
    struct uuid_list *list = context;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        KK_TRY(kk_realloc_array(&list->uuids, capacity, sizeof *list->uuids));
        list->capacity = capacity;
    }
    list->uuids[list->count++] = object->uuid;
    return CKR_OK;
}

static KK_RV find_side(const struct kk_sealed_op *op, enum kk_side side,
                       const struct kk_attrs *tmpl, struct uuid_list *list)
{
    struct kk_store_condition conditions[KK_STORE_COLUMNS] = {0};
    uint64_t columns[KK_STORE_COLUMNS];
    uint64_t old_columns[KK_STORE_COLUMNS] = {0};
    uint32_t set = 0;
    size_t count = 0;
    const struct kk_side_keys *old = op->old_keys[side];
    bool both = old != NULL && kk_side_keys_has(old, KK_SLOT_IDX); /* a rekey is under way */
    KK_TRY(kk_sealed_columns(op, side, tmpl, columns, &set));
    if (both) {
        KK_TRY(columns_under(op, old, tmpl, old_columns, &set));
    }
    for (uint32_t i = 0; i < KK_STORE_COLUMNS; i++) {
        if ((set >> i & 1) != 0) {
            conditions[count++] = (struct kk_store_condition){
                .column = i, .value = columns[i], .alt_set = both, .alt = old_columns[i]};
        }
    }
    return op->tx->ops->object_find(
        op->tx, side == KK_SIDE_PRIVATE ? KK_STORE_PRIVATE_ONLY : KK_STORE_PUBLIC_ONLY, conditions,
        count, add_uuid, list);
}

/* Both lists are sorted. */
static KK_RV merge(const struct uuid_list *a, const struct uuid_list *b, struct kk_uuid **ret_uuids,
                   size_t *ret_count)
{
    struct kk_uuid *merged = NULL;
    size_t i = 0;
    size_t j = 0;
    KK_TRY(kk_alloc_array(a->count + b->count, sizeof *merged, &merged));
    while (i < a->count || j < b->count) {
        bool from_a =
            j == b->count || (i < a->count && kk_uuid_compare(&a->uuids[i], &b->uuids[j]) < 0);
        merged[i + j] = from_a ? a->uuids[i] : b->uuids[j];
        i += from_a ? 1 : 0;
        j += from_a ? 0 : 1;
    }
    *ret_uuids = merged;
    *ret_count = a->count + b->count;
    return CKR_OK;
}

KK_RV kk_sealed_find(struct kk_repository *repository, struct kk_unlock *unlock, bool with_private,
                     const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(uuid_list_clear) struct uuid_list of_private = {0};
    KK_CLEANUP(uuid_list_clear) struct uuid_list of_public = {0};
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_READ, &op));
    if (op.keys[KK_SIDE_PUBLIC] != NULL) {
        kk_manifest_check_public(&op);
        KK_TRY(find_side(&op, KK_SIDE_PUBLIC, tmpl, &of_public));
    }
    if (with_private && op.opens_private) {
        KK_TRY(find_side(&op, KK_SIDE_PRIVATE, tmpl, &of_private));
    }
    return merge(&of_private, &of_public, ret_uuids, ret_count);
}

static uint32_t column_bit(CK_ATTRIBUTE_TYPE type)
{
    uint32_t bit = 0;
    for (size_t i = 0; i < KK_INDEX_COLUMNS; i++) {
        bit |= kk_index_types[i] == type ? 1u << i : 0;
    }
    return bit;
}

/* Whether a column is there says what an object is, though not what it holds: keys have a key type,
 * private keys a subject beside it, certificates a subject or a serial number (trust objects, too)
 * and no key type. */
KK_RV kk_sealed_hidden(struct kk_repository *repository, struct kk_hidden *ret_hidden)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    const uint32_t key_type = column_bit(CKA_KEY_TYPE);
    const uint32_t subject = column_bit(CKA_SUBJECT);
    bool any = true;
    *ret_hidden = (struct kk_hidden){.certificates = true, .private_keys = true};
    KK_TRY(kk_sealed_begin((struct kk_sealed *)repository, NULL, KK_STORE_READ, &op));
    const struct kk_store_ops *ops = op.tx->ops;
    if (ops->object_any == NULL) {
        return CKR_OK;
    }
    KK_TRY(ops->object_any(op.tx, KK_STORE_PRIVATE_ONLY, key_type | subject, 0, &any));
    ret_hidden->private_keys = any;
    KK_TRY(ops->object_any(op.tx, KK_STORE_PRIVATE_ONLY, column_bit(CKA_SERIAL_NUMBER), key_type,
                           &any));
    if (!any) {
        KK_TRY(ops->object_any(op.tx, KK_STORE_PRIVATE_ONLY, subject, key_type, &any));
    }
    ret_hidden->certificates = any;
    return CKR_OK;
}
