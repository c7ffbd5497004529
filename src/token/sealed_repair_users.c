/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named users in a repair. Their PINs are not here, so that their key rows cannot be made anew:
 * they can be taken along as they are, where serial number and master keys stay, and where the root
 * knows them.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define FIRST_ROW (KK_KEY_ROW_USER + 1)

KK_RV kk_sealed_row_is_genuine(const struct kk_sealed_op *op, uint32_t no, bool *ret_genuine)
{
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row stored = {0};
    uint8_t hash[KK_HASH_LEN] = {0};
    *ret_genuine = false;
    CK_RV rv = kk_root_read(op, KK_SIDE_PRIVATE, &root);
    KK_ENSURE(rv == CKR_OK || rv == CKR_DEVICE_ERROR, rv);
    if (rv != CKR_OK) {
        return CKR_OK;
    }
    const struct kk_row_hash *wanted = kk_root_row(&root, no);
    rv = op->tx->ops->row_get(op->tx, KK_TABLE_KEYS, no, &stored, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    if (rv != CKR_OK) {
        *ret_genuine = wanted == NULL; /* there never was one */
        return CKR_OK;
    }
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, hash));
    *ret_genuine = wanted != NULL && kk_ct_equal(wanted->hash, hash, sizeof hash);
    return CKR_OK;
}

/* ---- which there are ---- */

struct listing {
    struct kk_key_row *rows;
    size_t count;
};

static void listing_clear(struct listing *listing)
{
    kk_free(listing->rows);
}

/* What does not decode has no name: the check of the rows tells of it. */
static CK_RV list_row(const struct kk_store_row *stored, void *context)
{
    struct listing *listing = context;
    struct kk_key_row row;
    if (stored->no < FIRST_ROW || kk_key_row_decode(stored, &row) != CKR_OK) {
        return CKR_OK;
    }
    KK_TRY(kk_realloc_array(&listing->rows, listing->count + 1, sizeof *listing->rows));
    listing->rows[listing->count++] = row;
    return CKR_OK;
}

static KK_RV list_rows(const struct kk_sealed_op *op, struct listing *listing)
{
    return op->tx->ops->row_each(op->tx, KK_TABLE_KEYS, 0, true, list_row, listing);
}

KK_RV kk_sealed_has_users(const struct kk_sealed_op *op, bool *ret_has)
{
    KK_CLEANUP(listing_clear) struct listing listing = {0};
    *ret_has = false;
    KK_TRY(list_rows(op, &listing));
    for (size_t i = 0; i < listing.count && !*ret_has; i++) {
        KK_TRY(kk_sealed_row_is_genuine(op, listing.rows[i].no, ret_has));
    }
    return CKR_OK;
}

/* ---- taking them along ---- */

/* A count that cannot be read begins anew: the SO is here. */
static KK_RV copy_tries(const struct kk_sealed_op *from, struct kk_sealed_op *to, uint32_t no)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row stored = {0};
    CK_RV rv = from->tx->ops->row_get(from->tx, KK_TABLE_TRIES, no, &stored, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return CKR_OK;
    }
    KK_TRY(rv);
    stored.generation = 1;
    return to->tx->ops->row_put(to->tx, &stored);
}

static KK_RV take_row(const struct kk_users_repair *repair, struct kk_sealed_op *to,
                      const struct kk_key_row *row, struct kk_root *root)
{
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_key_row_put(to, row, root->generation, hash));
    KK_TRY(kk_root_set_row(root, row->no, hash));
    return copy_tries(repair->from, to, row->no);
}

static KK_RV judge_row(const struct kk_users_repair *repair, struct kk_sealed_op *to,
                       const struct kk_key_row *row, struct kk_root *root,
                       struct kk_check_result *result)
{
    const struct kk_user_watch watch = {repair->check->found, repair->check->context};
    bool genuine = false;
    KK_TRY(kk_sealed_row_is_genuine(repair->from, row->no, &genuine));
    if (genuine && repair->keeps) {
        return take_row(repair, to, row, root);
    }
    result->findings++;
    kk_sealed_tell_user(repair->from, &watch, row,
                        genuine ? "the named user is not in the new token, to be added there anew"
                                : "the named user's key row is damaged: to be added anew");
    return CKR_OK;
}

KK_RV kk_sealed_repair_users(const struct kk_users_repair *repair, struct kk_sealed_op *to,
                             struct kk_check_result *result)
{
    KK_CLEANUP(listing_clear) struct listing listing = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_TRY(list_rows(repair->from, &listing));
    if (listing.count == 0) {
        return CKR_OK;
    }
    KK_TRY(kk_root_read(to, KK_SIDE_PRIVATE, &root));
    root.generation++;
    for (size_t i = 0; i < listing.count; i++) {
        KK_TRY(judge_row(repair, to, &listing.rows[i], &root, result));
    }
    return kk_root_write(to, KK_SIDE_PRIVATE, &root);
}
