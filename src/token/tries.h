/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of PIN tries, the same for every repository: one try at a time per token; each is on
 * the disk as failed before it is made, so that who is killed in the middle has used it up; the
 * user is locked after so many, the SO waits. Where nothing can be written the process itself keeps
 * count. Where a repository writes the counts down is its own business (struct kk_tries_ops).
 */
#pragma once

#include "base/lock.h"
#include "token/repository.h"

struct kk_tries {
    uint32_t failed;
    bool pending;
    uint64_t not_before_ms; /* of the wall clock; the SO's next try waits for it */
};

struct kk_tries_ops {
    KK_RV (*load)(void *context, uint32_t row_no, struct kk_tries *ret_tries);
    /* On the disk when it returns. */
    KK_RV (*save)(void *context, uint32_t row_no, const struct kk_tries *tries);
    /* Among all processes and threads; waits as long as it takes. */
    KK_RV (*lock)(void *context, void **ret_lock);
    void (*unlock)(void *context, void *lock);
    bool (*read_only)(void *context);
    const char *(*path)(void *context);
};

/* One token's. `lock` is the repository's own, never held during a load or a save. */
struct kk_tries_book {
    const struct kk_tries_ops *ops;
    void *context;
    unsigned long max_tries;
    struct kk_mutex *lock; /* covers what follows: tries that are counted in memory */
    pthread_cond_t ended;
    bool under_way;
    struct kk_tries memory[2];
};

void kk_tries_book_init(struct kk_tries_book *book, const struct kk_tries_ops *ops, void *context,
                        unsigned long max_tries, struct kk_mutex *lock);
void kk_tries_book_destroy(struct kk_tries_book *book);

/* Adds what this process counted in memory. */
void kk_tries_add_memory(struct kk_tries_book *book, enum kk_role role, struct kk_tries *tries);
bool kk_tries_locked(const struct kk_tries_book *book, enum kk_role role,
                     const struct kk_tries *tries);

/* One PIN try. After lock() and mark() it counts as failed unless settle() says otherwise; a try
 * that ends for another reason than the PIN is taken back by release(). */
struct kk_attempt {
    struct kk_tries_book *book;
    enum kk_role role;
    uint32_t row_no;
    void *lock;
    bool locked, marked, in_memory;
    struct kk_tries tries;
    uint64_t not_before_ms; /* as it was before the try */
};

/* Waits for its turn (and for the SO's delay). CKR_PIN_LOCKED. */
KK_RV kk_attempt_lock(struct kk_tries_book *book, enum kk_role role, uint32_t row_no,
                      struct kk_attempt *ret_attempt);
KK_RV kk_attempt_mark(struct kk_attempt *attempt);
KK_RV kk_attempt_settle(struct kk_attempt *attempt, bool right);
void kk_attempt_release(struct kk_attempt *attempt);
