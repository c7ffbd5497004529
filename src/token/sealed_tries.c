/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a sealed token writes its PIN tries down.
 *
 *   row    u16 version, u32 failed, u8 pending, u64 not before (ms of the wall clock)
 */
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

static KK_RV tries_get(struct kk_store_tx *tx, uint32_t row_no, struct kk_tries *ret_tries)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = tx->ops->row_get(tx, KK_TABLE_TRIES, row_no, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        *ret_tries = (struct kk_tries){0};
        return CKR_OK;
    }
    KK_TRY(rv);
    struct kk_reader reader = kk_reader_new(row.blob);
    uint16_t version = kk_reader_u16(&reader);
    struct kk_tries tries = {.failed = kk_reader_u32(&reader)};
    tries.pending = kk_reader_u8(&reader) != 0;
    tries.not_before_ms = kk_reader_u64(&reader);
    if (!kk_reader_done(&reader) || version != KK_SEALED_VERSION) {
        kk_log_error("token %s: the count of PIN tries (row %u) is damaged",
                     tx->store->ops->path(tx->store), row_no);
        return CKR_DEVICE_ERROR;
    }
    *ret_tries = tries;
    return CKR_OK;
}

static KK_RV tries_put(struct kk_store_tx *tx, uint32_t row_no, const struct kk_tries *tries)
{
    uint8_t blob[2 + 4 + 1 + 8] = {0, KK_SEALED_VERSION};
    kk_store_u32(blob + 2, tries->failed);
    blob[6] = tries->pending ? 1 : 0;
    kk_store_u64(blob + 7, tries->not_before_ms);
    const struct kk_store_row row = {
        .table = KK_TABLE_TRIES, .no = row_no, .generation = 1, .blob = KK_SPAN_ARRAY(blob)};
    return tx->ops->row_put(tx, &row);
}

KK_RV kk_tries_reset(struct kk_sealed_op *op, uint32_t row_no)
{
    return tries_put(op->tx, row_no, &(struct kk_tries){0});
}

KK_RV kk_tries_peek(const struct kk_sealed_op *op, enum kk_role role, uint32_t row_no,
                    struct kk_tries *ret_tries)
{
    KK_TRY(tries_get(op->tx, row_no, ret_tries));
    kk_tries_add_memory(&op->sealed->book, role, ret_tries);
    return CKR_OK;
}

/* ---- for the rules ---- */

static KK_RV load(void *context, uint32_t row_no, struct kk_tries *ret_tries)
{
    struct kk_store *store = ((struct kk_sealed *)context)->store;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(store->ops->begin(store, KK_STORE_READ, &tx));
    return tries_get(tx, row_no, ret_tries);
}

static KK_RV save(void *context, uint32_t row_no, const struct kk_tries *tries)
{
    struct kk_store *store = ((struct kk_sealed *)context)->store;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &tx));
    KK_TRY(tries_put(tx, row_no, tries));
    return kk_store_tx_commit(&tx);
}

static KK_RV lock(void *context, void **ret_lock)
{
    struct kk_store *store = ((struct kk_sealed *)context)->store;
    return store->ops->tries_lock(store, ret_lock);
}

static void unlock(void *context, void *held)
{
    struct kk_store *store = ((struct kk_sealed *)context)->store;
    store->ops->tries_unlock(store, held);
}

static bool read_only(void *context)
{
    return kk_sealed_read_only(context);
}

static const char *path(void *context)
{
    return kk_sealed_path(context);
}

const struct kk_tries_ops kk_sealed_tries_ops = {
    .load = load,
    .save = save,
    .lock = lock,
    .unlock = unlock,
    .read_only = read_only,
    .path = path,
};
