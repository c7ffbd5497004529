/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of PIN tries.
 */
#include "token/tries.h"

#include <time.h>

#include "base/log.h"

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

bool kk_tries_locked(const struct kk_tries_book *book, enum kk_role role,
                     const struct kk_tries *tries)
{
    return role == KK_ROLE_USER && book->max_tries > 0 && tries->failed >= book->max_tries;
}

/* ---- tries ---- */

void kk_tries_book_init(struct kk_tries_book *book, const struct kk_tries_ops *ops, void *context,
                        unsigned long max_tries, struct kk_mutex *lock)
{
    *book = (struct kk_tries_book){
        .ops = ops, .context = context, .max_tries = max_tries, .lock = lock};
    (void)pthread_cond_init(&book->ended, NULL);
}

void kk_tries_book_destroy(struct kk_tries_book *book)
{
    (void)pthread_cond_destroy(&book->ended);
}

void kk_tries_add_memory(struct kk_tries_book *book, enum kk_role role, struct kk_tries *tries)
{
    if (book->ops->read_only(book->context)) {
        KK_LOCK_SCOPE(book->lock);
        tries->failed += book->memory[role].failed;
    }
}

static KK_RV load(struct kk_attempt *attempt)
{
    struct kk_tries_book *book = attempt->book;
    return book->ops->load(book->context, attempt->row_no, &attempt->tries);
}

static KK_RV save(struct kk_attempt *attempt)
{
    struct kk_tries_book *book = attempt->book;
    if (attempt->in_memory) {
        KK_LOCK_SCOPE(book->lock);
        book->memory[attempt->role] = attempt->tries;
        return CKR_OK;
    }
    return book->ops->save(book->context, attempt->row_no, &attempt->tries);
}

static KK_RV lock_memory(struct kk_attempt *attempt)
{
    struct kk_tries_book *book = attempt->book;
    KK_LOCK_SCOPE(book->lock);
    while (book->under_way) {
        (void)kk_cond_wait(&book->ended, book->lock, -1);
    }
    book->under_way = true;
    attempt->tries = book->memory[attempt->role];
    return CKR_OK;
}

static KK_RV take_lock(struct kk_attempt *attempt)
{
    struct kk_tries_book *book = attempt->book;
    attempt->in_memory = book->ops->read_only(book->context);
    KK_TRY(attempt->in_memory ? lock_memory(attempt)
                              : book->ops->lock(book->context, &attempt->lock));
    attempt->locked = true;
    return CKR_OK;
}

static void give_lock(struct kk_attempt *attempt)
{
    struct kk_tries_book *book = attempt->book;
    if (!attempt->locked) {
        return;
    }
    attempt->locked = false;
    if (!attempt->in_memory) {
        book->ops->unlock(book->context, KK_STEAL(attempt->lock));
        return;
    }
    KK_LOCK_SCOPE(book->lock);
    book->under_way = false;
    (void)pthread_cond_broadcast(&book->ended);
}

/* What was counted before the store became read-only counts too. */
static KK_RV check_memory(const struct kk_attempt *attempt)
{
    struct kk_attempt both = *attempt;
    KK_TRY(load(&both));
    both.tries.failed += attempt->tries.failed;
    KK_ENSURE(!kk_tries_locked(attempt->book, attempt->role, &both.tries), CKR_PIN_LOCKED);
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
        if (kk_tries_locked(attempt->book, attempt->role, &attempt->tries)) {
            KK_TRY(save(attempt)); /* else mark() does */
        }
    }
    KK_ENSURE(!kk_tries_locked(attempt->book, attempt->role, &attempt->tries), CKR_PIN_LOCKED);
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
                           attempt->book->ops->path(attempt->book->context));
        }
    }
    give_lock(attempt);
}

KK_RV kk_attempt_lock(struct kk_tries_book *book, enum kk_role role, uint32_t row_no,
                      struct kk_attempt *ret_attempt)
{
    KK_CLEANUP(kk_attempt_release) struct kk_attempt attempt = {
        .book = book, .role = role, .row_no = row_no};
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
    attempt = (struct kk_attempt){.book = book};
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
