/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A journal: a file in a token's directory that many processes append to, with older parts beside
 * it. This file knows bytes, names and locks; what is written is the caller's.
 *
 *   <name>.log               the present part
 *   <name>.log.<20 digits>   older parts, by a number that rises
 *   <name>.lock              open file description lock
 *
 * Codes: CKR_DEVICE_MEMORY full disk; CKR_DEVICE_ERROR any other trouble with the files;
 * CKR_FUNCTION_FAILED the lock was not free for 30 s; CKR_HOST_MEMORY. Each with one log line.
 */
#pragma once

#include "base/bytes.h"
#include "base/lock.h"

struct kk_journal;

/* Opens nothing yet. `mode` is that of new files. */
KK_RV kk_journal_new(const char *dir, const char *name, unsigned int mode,
                     struct kk_journal **ret_journal);
void kk_journal_free(struct kk_journal *journal);
KK_DEFINE_CLEANUP(struct kk_journal *, kk_journal_free);

const char *kk_journal_path(const struct kk_journal *journal); /* of the present part */

/* Takes the lock among threads and processes, and opens the present part, which is made when it is
 * missing. `by_name`: looks whether the files that are open still have their names. *ret_moved: the
 * part is another one, or of another length, than when this journal gave the lock back. */
KK_RV kk_journal_lock(struct kk_journal *journal, bool by_name, bool *ret_moved);
/* `sync`: all that was appended is on the disk when it returns; waits for that without the lock. */
KK_RV kk_journal_unlock(struct kk_journal *journal, bool sync);

/* ---- under the lock ---- */

uint64_t kk_journal_size(const struct kk_journal *journal);
/* Looks at the names, as kk_journal_lock() with by_name does. */
KK_RV kk_journal_look(struct kk_journal *journal, bool *ret_moved);
/* All of it or nothing. */
KK_RV kk_journal_append(struct kk_journal *journal, struct kk_span bytes);
/* The present part gets this number, or the next one that is free, and a new part is begun. */
KK_RV kk_journal_turn(struct kk_journal *journal, uint64_t number);
/* Deletes an older part. */
KK_RV kk_journal_drop(struct kk_journal *journal, uint64_t number);

/* ---- with or without the lock ---- */

/* The numbers of the older parts, rising; kk_free() them. */
KK_RV kk_journal_parts(const struct kk_journal *journal, uint64_t **ret_numbers, size_t *ret_count);

#define KK_JOURNAL_PRESENT UINT64_MAX

/* A part opened for reading, with its length at that time. */
struct kk_journal_part {
    int fd;
    uint64_t size;
};
/* The present part as it is open for writing, to be read under the lock and not to be closed. */
struct kk_journal_part kk_journal_present(const struct kk_journal *journal);
/* CKR_DEVICE_REMOVED, not logged: there is none. */
KK_RV kk_journal_part_open(const struct kk_journal *journal, uint64_t number,
                           struct kk_journal_part *ret_part);
KK_RV kk_journal_part_read(const struct kk_journal *journal, const struct kk_journal_part *part,
                           uint64_t offset, void *data, size_t len, size_t *ret_len);
void kk_journal_part_close(struct kk_journal_part *part);

/* Removes the present part and the lock file when nothing was ever written. */
void kk_journal_discard(struct kk_journal *journal);

/* In a forked child: these files are the parent's. */
void kk_journal_close_all(void);
