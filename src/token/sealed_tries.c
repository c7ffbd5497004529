/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PIN tries. One at a time per token, and each is on the disk as failed before it is made: who is
 * killed in the middle has used it up. On a read-only store the process itself keeps count.
 *
 *   row    u16 version, u32 failed, u8 pending, u64 not before (ms of the wall clock)
 */
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* The SO is never locked out, but waits: nothing for three tries, then twice as long each time. */
#define FREE_TRIES 3
#define FIRST_DELAY_MS 100
#define LONGEST_DELAY_MS 30000

static uint64_t now_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t delay_ms(uint32_t failed)
{
    if (failed < FREE_TRIES) {
        return 0;
    }
    uint32_t doubled = KK_MIN(failed - FREE_TRIES, 16u);
    return KK_MIN((uint64_t)FIRST_DELAY_MS << doubled, (uint64_t)LONGEST_DELAY_MS);
}

/* A clock that was put back must not make it longer than the rule says. */
static uint64_t wait_ms(const struct kk_tries *tries)
{
    uint64_t now = now_ms(CLOCK_REALTIME);
    uint64_t left = tries->not_before_ms > now ? tries->not_before_ms - now : 0;
    return KK_MIN(left, delay_ms(tries->failed));
}

static void sleep_ms(uint64_t ms)
{
    uint64_t end = now_ms(CLOCK_MONOTONIC) + ms;
    struct timespec until = {.tv_sec = (time_t)(end / 1000),
                             .tv_nsec = (long)(end % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0 &&
           now_ms(CLOCK_MONOTONIC) < end) {
    }
}

bool kk_tries_locked(const struct kk_sealed *sealed, enum kk_role role,
                     const struct kk_tries *tries)
{
    return role == KK_ROLE_USER && sealed->settings.pin_max_tries > 0 &&
           tries->failed >= sealed->settings.pin_max_tries;
}

/* ---- the row ---- */

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
    if (kk_sealed_read_only(op->sealed)) {
        KK_LOCK_SCOPE(&op->sealed->lock);
        ret_tries->failed += op->sealed->tries[role].failed;
    }
    return CKR_OK;
}

/* ---- tries ---- */

static KK_RV load(struct kk_attempt *attempt)
{
    struct kk_store *store = attempt->sealed->store;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(store->ops->begin(store, KK_STORE_READ, &tx));
    return tries_get(tx, attempt->row_no, &attempt->tries);
}

static KK_RV save(struct kk_attempt *attempt)
{
    struct kk_store *store = attempt->sealed->store;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    if (attempt->in_memory) {
        KK_LOCK_SCOPE(&attempt->sealed->lock);
        attempt->sealed->tries[attempt->role] = attempt->tries;
        return CKR_OK;
    }
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &tx));
    KK_TRY(tries_put(tx, attempt->row_no, &attempt->tries));
    return kk_store_tx_commit(&tx);
}

static KK_RV lock_memory(struct kk_attempt *attempt)
{
    struct kk_sealed *sealed = attempt->sealed;
    KK_LOCK_SCOPE(&sealed->lock);
    while (sealed->try_under_way) {
        (void)kk_cond_wait(&sealed->try_ended, &sealed->lock, -1);
    }
    sealed->try_under_way = true;
    attempt->tries = sealed->tries[attempt->role];
    return CKR_OK;
}

static KK_RV take_lock(struct kk_attempt *attempt)
{
    struct kk_store *store = attempt->sealed->store;
    attempt->in_memory = kk_sealed_read_only(attempt->sealed);
    KK_TRY(attempt->in_memory ? lock_memory(attempt)
                              : store->ops->tries_lock(store, &attempt->lock));
    attempt->locked = true;
    return CKR_OK;
}

static void give_lock(struct kk_attempt *attempt)
{
    struct kk_sealed *sealed = attempt->sealed;
    if (!attempt->locked) {
        return;
    }
    attempt->locked = false;
    if (!attempt->in_memory) {
        sealed->store->ops->tries_unlock(sealed->store, KK_STEAL(attempt->lock));
        return;
    }
    KK_LOCK_SCOPE(&sealed->lock);
    sealed->try_under_way = false;
    (void)pthread_cond_broadcast(&sealed->try_ended);
}

/* What was counted before the store became read-only counts too. */
static KK_RV check_memory(const struct kk_attempt *attempt)
{
    struct kk_attempt both = *attempt;
    KK_TRY(load(&both));
    both.tries.failed += attempt->tries.failed;
    KK_ENSURE(!kk_tries_locked(attempt->sealed, attempt->role, &both.tries), CKR_PIN_LOCKED);
    return CKR_OK;
}

/* The count as it is now; a try that somebody was killed in is a failed one. */
static KK_RV settle_counts(struct kk_attempt *attempt)
{
    if (attempt->in_memory) {
        return check_memory(attempt);
    }
    KK_TRY(load(attempt));
    if (attempt->tries.pending) {
        attempt->tries.pending = false;
        attempt->tries.failed++;
        if (kk_tries_locked(attempt->sealed, attempt->role, &attempt->tries)) {
            KK_TRY(save(attempt)); /* else mark() does */
        }
    }
    KK_ENSURE(!kk_tries_locked(attempt->sealed, attempt->role, &attempt->tries), CKR_PIN_LOCKED);
    return CKR_OK;
}

static bool waits(const struct kk_attempt *attempt)
{
    return attempt->role == KK_ROLE_SO || attempt->in_memory;
}

void kk_attempt_release(struct kk_attempt *attempt)
{
    if (attempt->marked) { /* it ended for a reason that says nothing about the PIN */
        attempt->tries.pending = false;
        attempt->tries.not_before_ms = attempt->not_before_ms;
        attempt->marked = false;
        if (save(attempt) != CKR_OK) {
            kk_log_warning("token %s: a PIN try that was none could not be taken back",
                           kk_sealed_path(attempt->sealed));
        }
    }
    give_lock(attempt);
}

KK_RV kk_attempt_lock(struct kk_sealed *sealed, enum kk_role role, uint32_t row_no,
                      struct kk_attempt *ret_attempt)
{
    KK_CLEANUP(kk_attempt_release) struct kk_attempt attempt = {
        .sealed = sealed, .role = role, .row_no = row_no};
    uint32_t waited_for = 0;
    for (;;) {
        KK_TRY(take_lock(&attempt));
        KK_TRY(settle_counts(&attempt));
        uint64_t left = waits(&attempt) ? wait_ms(&attempt.tries) : 0;
        if (left == 0 || waited_for == attempt.tries.failed) {
            break;
        }
        waited_for = attempt.tries.failed;
        give_lock(&attempt); /* others (the user) need not wait too */
        sleep_ms(left);
    }
    *ret_attempt = attempt;
    attempt = (struct kk_attempt){.sealed = sealed};
    return CKR_OK;
}

/* The delay after a failure is written down first, too: being killed does not save it. */
static uint64_t next_try(const struct kk_attempt *attempt)
{
    return waits(attempt) ? now_ms(CLOCK_REALTIME) + delay_ms(attempt->tries.failed + 1) : 0;
}

KK_RV kk_attempt_mark(struct kk_attempt *attempt)
{
    attempt->not_before_ms = attempt->tries.not_before_ms;
    attempt->tries.not_before_ms = next_try(attempt);
    attempt->tries.pending = true;
    KK_TRY(save(attempt));
    attempt->marked = true;
    return CKR_OK;
}

KK_RV kk_attempt_settle(struct kk_attempt *attempt, bool right)
{
    attempt->tries.pending = false;
    attempt->tries.not_before_ms = right ? 0 : next_try(attempt);
    attempt->tries.failed = right ? 0 : attempt->tries.failed + 1;
    attempt->marked = false;
    return save(attempt);
}
