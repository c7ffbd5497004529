/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log's own structures, shared by the audit_*.c files.
 */
#pragma once

#include <stdatomic.h>

#include "store/journal.h"
#include "token/audit_entry.h"

#define KK_AUDIT_NAME "audit"
#define KK_AUDIT_SERIAL 16
#define KK_AUDIT_PROGRAM_MAX 128

/* The chain as this process saw it last. */
struct kk_audit_head {
    bool is_known;
    uint64_t seq;
    uint64_t file;   /* the number of the present file's first entry */
    uint64_t offset; /* of the last line */
    size_t len;
    uint8_t line[KK_AUDIT_LINE_MAX + 1]; /* the last line, with its newline */
    bool is_rotate;                      /* it is a ROTATE */
};

struct kk_audit {
    struct kk_crypto *crypto;
    struct kk_journal *journal;
    struct kk_audit_settings settings;
    char serial[KK_AUDIT_SERIAL];
    char program[KK_AUDIT_PROGRAM_MAX];
    struct kk_audit_process process;
    _Atomic uint64_t missed;
    _Atomic uint64_t generation;
    /* under the journal's lock: */
    struct kk_digest *digest;
    struct kk_audit_head head;
    uint64_t epoch_seq;         /* of the last EPOCH that is known */
    struct kk_audit_mark known; /* what is to be looked for, while catching up did not succeed */
};

/* ---- audit_head.c; caller holds the journal's lock ---- */

/* What stands behind the last whole line of the present file. */
struct kk_audit_tail {
    uint64_t torn;      /* bytes */
    bool needs_newline; /* with torn 0: the last whole line lacks nothing else */
    uint8_t sum[KK_AUDIT_HASH];
};

/* Reads the head anew: the last whole line of the present file, or, where that is empty, of the
 * newest older one. head.seq is 0 when there is none at all. */
KK_RV kk_audit_head_read(struct kk_audit *audit, struct kk_audit_tail *ret_tail);

/* Where others have only added some lines behind the head: takes the last of them as the head.
 * False, and nothing changed, when that is not all that there is to it. */
KK_RV kk_audit_head_follow(struct kk_audit *audit, bool *ret_done);

/* Whether the marked line stands where it stood. A file that audit.keep may have deleted counts as
 * there. */
KK_RV kk_audit_mark_is_there(struct kk_audit *audit, const struct kk_audit_mark *mark,
                             bool *ret_there);

/* The mark of the head; seq 0 when there is none. */
KK_RV kk_audit_head_mark(struct kk_audit *audit, struct kk_audit_mark *ret_mark);
