/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One entry of the audit log: an event as a line, and what a line says.
 */
#pragma once

#include "base/json_line.h"
#include "crypto/digest.h"
#include "token/audit.h"

/* How an event of a kind is treated. */
struct kk_audit_row {
    const char *name;        /* as it is written */
    bool is_synced;          /* on the disk before the operation is answered */
    bool is_use;             /* left out with audit.log = no-use */
    const char *number_name; /* what `number` and `bytes` are called; NULL: it has none */
    const char *bytes_name;
};
const struct kk_audit_row *kk_audit_row(enum kk_audit_kind kind);

/* What is the same in all entries of a process, and what a moment gives. */
struct kk_audit_process {
    struct kk_span program; /* UTF-8, cut already */
    uint64_t pid;
};

/* Everything up to the hash. */
void kk_audit_entry_body(struct kk_json_line *line, uint64_t seq,
                         const struct kk_audit_writer *writer, const struct kk_audit_event *event,
                         const struct kk_audit_process *process);

/* A line that was read: what verifying needs. */
struct kk_audit_line {
    uint64_t seq;
    enum kk_audit_kind kind; /* KK_AUDIT_NONE: one that this version does not know */
    bool is_public;
    bool has_mac;
    bool has_bytes;
    uint64_t number;
    uint8_t bytes[KK_AUDIT_HASH];
    size_t body_len;
    uint8_t hash[KK_AUDIT_HASH];
    uint8_t mac[KK_AUDIT_HASH];
};

/* False when it is no entry. `line` without its newline. */
bool kk_audit_line_parse(struct kk_span line, struct kk_audit_line *ret_line);

/* The chain's hash of a body behind the line before (empty: the first one of a file). */
KK_RV kk_audit_hash(struct kk_digest *digest, struct kk_span before, struct kk_span body,
                    uint8_t ret_hash[KK_AUDIT_HASH]);
KK_RV kk_audit_mac(struct kk_crypto *crypto, struct kk_span key, const char serial[16],
                   const uint8_t hash[KK_AUDIT_HASH], uint8_t ret_mac[KK_AUDIT_HASH]);
/* SHA-256 of a line. */
KK_RV kk_audit_line_hash(struct kk_digest *digest, struct kk_span line,
                         uint8_t ret_hash[KK_AUDIT_HASH]);
