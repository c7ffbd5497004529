/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a SoftHSM token's PIN tries stand: keykist.tries, beside SoftHSM's files.
 *
 *   magic 8, epoch 16, then for the SO and for the user: u32 failed, u32 pending, u64 not before
 *   (ms of the wall clock); 8 zeros
 *
 * SoftHSM counts no tries: those made through it are not in here.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

#define MAGIC UINT64_C(0x4b4b545249455301)
#define EPOCH_AT 8
#define ROWS_AT 24
#define ROW_LEN 16

static KK_RV read_bytes(struct kk_softhsm *repo, uint8_t bytes[KK_SOFTHSM_TRIES_LEN])
{
    KK_TRY(kk_softhsm_tries_read(repo->dir, bytes));
    if (kk_load_u64(bytes) != MAGIC && kk_load_u64(bytes) != 0) {
        kk_log_error("token %s: keykist.tries is damaged; without it the count of wrong PINs "
                     "begins anew",
                     kk_softhsm_path(repo->dir));
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

static KK_RV load(void *context, uint32_t row_no, struct kk_tries *ret_tries)
{
    uint8_t bytes[KK_SOFTHSM_TRIES_LEN];
    KK_TRY(read_bytes(context, bytes));
    const uint8_t *row = bytes + ROWS_AT + (size_t)row_no * ROW_LEN;
    *ret_tries = (struct kk_tries){.failed = kk_load_u32(row),
                                   .pending = kk_load_u32(row + 4) != 0,
                                   .not_before_ms = kk_load_u64(row + 8)};
    return CKR_OK;
}

/* Nothing to be remembered: no tries, and no epoch. */
static bool says_nothing(const uint8_t bytes[KK_SOFTHSM_TRIES_LEN])
{
    for (size_t i = EPOCH_AT; i < KK_SOFTHSM_TRIES_LEN; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Both rows are written: the lock of the tries is held. */
static KK_RV save(void *context, uint32_t row_no, const struct kk_tries *tries)
{
    struct kk_softhsm *repo = context;
    uint8_t bytes[KK_SOFTHSM_TRIES_LEN];
    KK_TRY(read_bytes(repo, bytes));
    uint8_t *row = bytes + ROWS_AT + (size_t)row_no * ROW_LEN;
    kk_store_u64(bytes, MAGIC);
    kk_store_u32(row, tries->failed);
    kk_store_u32(row + 4, tries->pending ? 1 : 0);
    kk_store_u64(row + 8, tries->not_before_ms);
    return says_nothing(bytes) ? kk_softhsm_tries_clear(repo->dir)
                               : kk_softhsm_tries_write(repo->dir, bytes);
}

static KK_RV lock(void *context, void **ret_lock)
{
    return kk_softhsm_tries_lock(((struct kk_softhsm *)context)->dir, ret_lock);
}

static void unlock(void *context, void *held)
{
    kk_softhsm_tries_unlock(((struct kk_softhsm *)context)->dir, held);
}

static bool read_only(void *context)
{
    return kk_softhsm_read_only(((struct kk_softhsm *)context)->dir);
}

static const char *path(void *context)
{
    return kk_softhsm_path(((struct kk_softhsm *)context)->dir);
}

const struct kk_tries_ops kk_softhsm_tries_ops = {
    .load = load,
    .save = save,
    .lock = lock,
    .unlock = unlock,
    .read_only = read_only,
    .path = path,
};

KK_RV kk_softhsm_tries_epoch(struct kk_softhsm *repo, uint8_t ret_epoch[16])
{
    uint8_t bytes[KK_SOFTHSM_TRIES_LEN];
    KK_TRY(read_bytes(repo, bytes));
    memcpy(ret_epoch, bytes + EPOCH_AT, 16);
    return CKR_OK;
}

KK_RV kk_softhsm_tries_reset(struct kk_softhsm *repo)
{
    uint8_t bytes[KK_SOFTHSM_TRIES_LEN] = {0};
    kk_store_u64(bytes, MAGIC);
    KK_TRY(kk_crypto_random(repo->crypto, bytes + EPOCH_AT, 16));
    return kk_softhsm_tries_write(repo->dir, bytes);
}
