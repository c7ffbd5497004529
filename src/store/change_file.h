/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <token>/change: the counter by which every process sees that something was committed, at the
 * price of a load. Even: settled; odd: a commit is under way, or its process died in it; all ones:
 * the token is gone. 4,096 bytes, mapped shared, never truncated, never replaced.
 *
 * Behind it stands the highest generation of a row that was committed. It is written after the
 * commit is on the disk: a database that has less has lost something. How often that was so stands
 * there too: by it those know who must never see an older state.
 *
 * What is written here is written under the token's write lock.
 */
#pragma once

#include "base/macros.h"

#include <stdatomic.h>

#define KK_CHANGE_SIZE 4096
#define KK_CHANGE_GONE UINT64_MAX

struct kk_change_file {
    _Atomic uint64_t *counter; /* three numbers; NULL: not mapped, to be treated as odd */
    bool writable;
};

/* A new file, counter 0. */
KK_RV kk_change_file_create(const char *path, unsigned int mode);

/* Maps the file. *ret_sound is false, and nothing mapped, when it is missing or of a wrong size:
 * a writer then repairs it under the write lock and maps again, a reader does without. */
KK_RV kk_change_file_map(struct kk_change_file *change, const char *path, bool writable,
                         bool *ret_sound);

/* Makes the file's size right, the counter odd, and the losses a number that they never were.
 * Caller holds the write lock. */
KK_RV kk_change_file_repair(const char *path, unsigned int mode);

void kk_change_file_unmap(struct kk_change_file *change);

/* An odd value when there is no mapping. */
uint64_t kk_change_file_read(const struct kk_change_file *change);

/* Makes what a writer left odd even. Caller holds the write lock. */
void kk_change_file_settle(struct kk_change_file *change);

/* Even to odd, odd to even; a token that is gone stays gone. Caller holds the write lock. */
void kk_change_file_step(struct kk_change_file *change);

/* 0: not known. Set by who holds the write lock. */
uint64_t kk_change_file_generation(const struct kk_change_file *change);
void kk_change_file_set_generation(struct kk_change_file *change, uint64_t generation);

/* How often changes were lost; UINT64_MAX without a mapping. */
uint64_t kk_change_file_losses(const struct kk_change_file *change);
void kk_change_file_add_loss(struct kk_change_file *change);

void kk_change_file_mark_gone(struct kk_change_file *change);
