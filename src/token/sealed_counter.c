/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monotonic counter: a row of its own, which a read rewrites before it is answered.
 *
 *   row    u16 version, u64 value
 *
 * No hash covers it, since who reads the counter need not be logged in: it guards against
 * accidents, not against who writes the store.
 */
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

static KK_RV last_value(struct kk_store_tx *tx, uint64_t *ret_value)
{
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = tx->ops->row_get(tx, KK_TABLE_COUNTER, 0, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        *ret_value = 0;
        return CKR_OK;
    }
    KK_TRY(rv);
    struct kk_reader reader = kk_reader_new(row.blob);
    uint16_t version = kk_reader_u16(&reader);
    uint64_t value = kk_reader_u64(&reader);
    if (!kk_reader_done(&reader) || version != KK_SEALED_VERSION || value == UINT64_MAX) {
        kk_log_error("token %s: the monotonic counter is damaged", tx->store->ops->path(tx->store));
        return CKR_DEVICE_ERROR;
    }
    *ret_value = value;
    return CKR_OK;
}

static KK_RV put_value(struct kk_store_tx *tx, uint64_t value)
{
    uint8_t blob[2 + 8] = {0, KK_SEALED_VERSION};
    kk_store_u64(blob + 2, value);
    const struct kk_store_row row = {
        .table = KK_TABLE_COUNTER, .no = 0, .generation = 1, .blob = KK_SPAN_ARRAY(blob)};
    return tx->ops->row_put(tx, &row);
}

KK_RV kk_sealed_counter(struct kk_repository *repository, uint64_t least, uint64_t *ret_value)
{
    struct kk_store *store = ((struct kk_sealed *)repository)->store;
    uint64_t value = 0;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &tx));
    KK_TRY(last_value(tx, &value));
    value = KK_MAX(value + 1, least);
    KK_TRY(put_value(tx, value));
    KK_TRY(kk_store_tx_commit(&tx));
    *ret_value = value;
    return CKR_OK;
}
