/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appending to the audit log: the chain's head, what the log says of itself, full files, failures.
 */
#include "token/audit.h"

#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "token/audit_internal.h"

#include "base/banned.h"

/* ---- making ---- */

/* The end of the program's path: its last bytes, from the beginning of a character on. */
static void find_program(struct kk_audit *audit)
{
    char path[4096];
    ssize_t got = readlink("/proc/self/exe", path, sizeof path);
    size_t len = got > 0 ? (size_t)got : 0;
    size_t from = len > KK_AUDIT_PROGRAM_MAX ? len - KK_AUDIT_PROGRAM_MAX : 0;
    while (from < len && ((uint8_t)path[from] & 0xc0) == 0x80) {
        from++;
    }
    memcpy(audit->program, path + from, len - from);
    audit->process.program = KK_SPAN(audit->program, len - from);
    audit->process.pid = (uint64_t)getpid();
}

KK_RV kk_audit_new(struct kk_crypto *crypto, const char *dir, const char serial[KK_AUDIT_SERIAL],
                   const struct kk_audit_settings *settings, struct kk_audit **ret_audit)
{
    KK_CLEANUP(kk_audit_freep) struct kk_audit *audit = NULL;
    KK_TRY(kk_alloc(sizeof *audit, &audit));
    audit->crypto = crypto;
    audit->settings = *settings;
    memcpy(audit->serial, serial, sizeof audit->serial);
    find_program(audit);
    KK_TRY(kk_digest_new(crypto, "SHA256", &audit->digest));
    KK_TRY(kk_journal_new(dir, KK_AUDIT_NAME, settings->file_mode, &audit->journal));
    *ret_audit = KK_STEAL(audit);
    return CKR_OK;
}

void kk_audit_free(struct kk_audit *audit)
{
    if (audit != NULL) {
        kk_journal_free(audit->journal);
        kk_digest_free(audit->digest);
        kk_free(audit);
    }
}

void kk_audit_discard(struct kk_audit *audit)
{
    kk_journal_discard(audit->journal);
}

/* ---- one entry ---- */

static KK_RV seal(struct kk_audit *audit, const struct kk_audit_writer *writer,
                  struct kk_json_line *line)
{
    uint8_t hash[KK_AUDIT_HASH];
    uint8_t mac[KK_AUDIT_HASH];
    bool is_first = kk_journal_size(audit->journal) == 0;
    struct kk_span before = KK_SPAN(audit->head.line, audit->head.len);
    before.len = is_first || before.len == 0 ? 0 : before.len - 1; /* without its newline */
    KK_TRY(kk_audit_hash(audit->digest, before, KK_SPAN(line->text, line->len), hash));
    kk_json_line_hex(line, "hash", KK_SPAN_ARRAY(hash));
    if (writer->key.len > 0) {
        KK_TRY(kk_audit_mac(audit->crypto, writer->key, audit->serial, hash, mac));
        kk_json_line_hex(line, "mac", KK_SPAN_ARRAY(mac));
    }
    kk_json_line_end(line);
    return CKR_OK;
}

static KK_RV append(struct kk_audit *audit, const struct kk_audit_writer *writer,
                    const struct kk_audit_event *event)
{
    struct kk_audit_head *head = &audit->head;
    char text[KK_AUDIT_LINE_MAX + 1];
    struct kk_json_line line = kk_json_line_new(text, KK_AUDIT_LINE_MAX);
    uint64_t offset = kk_journal_size(audit->journal);
    kk_audit_entry_body(&line, head->seq + 1, writer, event, &audit->process);
    KK_TRY(seal(audit, writer, &line));
    KK_ENSURE(!line.failed, CKR_FUNCTION_FAILED); /* text is cut so that an entry always fits */
    text[line.len] = '\n';
    KK_TRY(kk_journal_append(audit->journal, KK_SPAN(text, line.len + 1)));
    head->seq++;
    head->file = offset == 0 ? head->seq : head->file;
    head->offset = offset;
    head->len = line.len + 1;
    memcpy(head->line, text, head->len);
    head->is_rotate = event->kind == KK_AUDIT_ROTATE;
    if (event->kind == KK_AUDIT_EPOCH) {
        audit->epoch_seq = head->seq;
        atomic_fetch_add(&audit->generation, 1);
    }
    return CKR_OK;
}

/* ---- full files ---- */

/* Deletes what audit.keep does not let stay; which entry is the oldest then. */
static KK_RV oldest_kept(struct kk_audit *audit, uint64_t *ret_oldest, uint64_t **ret_numbers,
                         size_t *ret_dropped)
{
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    size_t count = 0;
    KK_TRY(kk_journal_parts(audit->journal, &numbers, &count));
    size_t keep = audit->settings.keep;
    size_t dropped = keep > 0 && count > keep ? count - keep : 0;
    *ret_oldest = count > 0 ? numbers[dropped] : audit->head.seq + 1;
    *ret_numbers = KK_STEAL(numbers);
    *ret_dropped = dropped;
    return CKR_OK;
}

/* The first entry of a file that follows another. */
static KK_RV go_on(struct kk_audit *audit, const struct kk_audit_writer *writer)
{
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    uint8_t last[KK_AUDIT_HASH];
    size_t dropped = 0;
    struct kk_audit_event event = {.kind = KK_AUDIT_CONTINUE, .bytes = KK_SPAN_ARRAY(last)};
    size_t len = audit->head.len > 0 ? audit->head.len - 1 : 0;
    KK_TRY(kk_audit_line_hash(audit->digest, KK_SPAN(audit->head.line, len), last));
    KK_TRY(oldest_kept(audit, &event.number, &numbers, &dropped));
    KK_TRY(append(audit, writer, &event));
    for (size_t i = 0; i < dropped; i++) {
        KK_TRY(kk_journal_drop(audit->journal, numbers[i]));
    }
    return CKR_OK;
}

static KK_RV rotate(struct kk_audit *audit, const struct kk_audit_writer *writer)
{
    const struct kk_audit_event event = {.kind = KK_AUDIT_ROTATE};
    if (!audit->head.is_rotate) {
        KK_TRY(append(audit, writer, &event));
    }
    KK_TRY(kk_journal_turn(audit->journal, audit->head.file));
    return go_on(audit, writer);
}

static bool is_full(const struct kk_audit *audit)
{
    return kk_journal_size(audit->journal) + 2 * (uint64_t)KK_AUDIT_LINE_MAX >
           (uint64_t)audit->settings.max_size_kib * 1024;
}

/* ---- what the log says of itself ---- */

static KK_RV append_torn(struct kk_audit *audit, const struct kk_audit_writer *writer,
                         const struct kk_audit_tail *tail)
{
    const struct kk_audit_event event = {
        .kind = KK_AUDIT_TORN, .number = tail->torn, .bytes = KK_SPAN_ARRAY(tail->sum)};
    if (tail->needs_newline) {
        KK_TRY(kk_journal_append(audit->journal, KK_SPAN_TEXT("\n")));
    }
    if (tail->torn == 0) {
        return CKR_OK;
    }
    kk_log_warning("%s: %llu bytes behind the last whole entry, of one that was not finished",
                   kk_journal_path(audit->journal), (unsigned long long)tail->torn);
    return append(audit, writer, &event);
}

static KK_RV append_gap(struct kk_audit *audit, const struct kk_audit_writer *writer,
                        const struct kk_audit_mark *mark, bool *ret_gap)
{
    const struct kk_audit_event event = {.kind = KK_AUDIT_GAP, .number = mark->seq};
    bool is_there = false;
    if (mark->seq > 0) {
        KK_TRY(kk_audit_mark_is_there(audit, mark, &is_there));
    }
    if (is_there) {
        return CKR_OK;
    }
    kk_log_error("%s: entry %llu is not there any more: somebody cut or replaced the audit log",
                 kk_journal_path(audit->journal), (unsigned long long)mark->seq);
    *ret_gap = true;
    return append(audit, writer, &event);
}

/* Finds the end of the chain, in the file that has the name now; finishes a rotation that somebody
 * died in. */
static KK_RV find_end(struct kk_audit *audit, const struct kk_audit_writer *writer)
{
    static const struct kk_audit_event begin = {.kind = KK_AUDIT_BEGIN};
    struct kk_audit_tail tail = {0};
    bool moved = false;
    KK_TRY(kk_audit_head_read(audit, &tail));
    if (audit->head.is_rotate) {
        KK_TRY(kk_journal_look(audit->journal, &moved));
    }
    if (moved) {
        KK_TRY(kk_audit_head_read(audit, &tail));
    }
    if (kk_journal_size(audit->journal) == 0) {
        return audit->head.seq > 0 ? go_on(audit, writer) : append(audit, writer, &begin);
    }
    return audit->head.is_rotate ? rotate(audit, writer) : append_torn(audit, writer, &tail);
}

/* Somebody else wrote to the log since this process did, or it is the first time. */
static KK_RV catch_up(struct kk_audit *audit, const struct kk_audit_writer *caller, bool *ret_gap)
{
    bool done = false;
    /* The caller's key may be one of before an EPOCH that is yet to be found. */
    const struct kk_audit_writer as_public = {.who = KK_AUDIT_PUBLIC};
    const struct kk_audit_writer *writer = caller->has_generation ? &as_public : caller;
    KK_TRY(kk_audit_head_follow(audit, &done));
    if (done) {
        return CKR_OK;
    }
    if (audit->head.is_known) {
        KK_TRY(kk_audit_head_mark(audit, &audit->known));
    }
    KK_TRY(find_end(audit, writer));
    if (audit->known.seq > 0) {
        KK_TRY(append_gap(audit, writer, &audit->known, ret_gap));
        audit->known = (struct kk_audit_mark){0};
    }
    audit->head.is_known = true;
    return CKR_OK;
}

static KK_RV append_missed(struct kk_audit *audit, const struct kk_audit_writer *writer)
{
    uint64_t missed = atomic_load(&audit->missed);
    const struct kk_audit_event event = {.kind = KK_AUDIT_MISSED, .number = missed};
    if (KK_LIKELY(missed == 0)) {
        return CKR_OK;
    }
    KK_TRY(append(audit, writer, &event));
    atomic_fetch_sub(&audit->missed, missed);
    return CKR_OK;
}

/* ---- writing ---- */

uint64_t kk_audit_generation(const struct kk_audit *audit)
{
    return atomic_load(&audit->generation);
}

/* Caller holds the journal's lock. */
static KK_RV write_all(struct kk_audit *audit, const struct kk_audit_writer *writer,
                       const struct kk_audit_event *event, bool moved,
                       struct kk_audit_mark *ret_mark)
{
    bool gap = false;
    if (KK_UNLIKELY(moved || !audit->head.is_known)) {
        KK_TRY(catch_up(audit, writer, &gap));
    }
    if (writer->anchor != NULL) {
        KK_TRY(append_gap(audit, writer, writer->anchor, &gap));
    }
    KK_ENSURE(!writer->has_generation || writer->generation == kk_audit_generation(audit),
              CKR_SESSION_HANDLE_INVALID);
    KK_TRY(append_missed(audit, writer));
    if (KK_UNLIKELY(is_full(audit))) {
        KK_TRY(rotate(audit, writer));
    }
    KK_TRY(append(audit, writer, event));
    if (ret_mark != NULL) {
        KK_TRY(kk_audit_head_mark(audit, ret_mark));
        ret_mark->after_gap = gap;
    }
    return CKR_OK;
}

static KK_RV write_locked(struct kk_audit *audit, const struct kk_audit_writer *writer,
                          const struct kk_audit_event *event, struct kk_audit_mark *ret_mark)
{
    bool moved = false;
    bool sync = kk_audit_row(event->kind)->is_synced && !writer->is_quick;
    KK_TRY(kk_journal_lock(audit->journal, sync, &moved));
    CK_RV rv = write_all(audit, writer, event, moved, ret_mark);
    CK_RV unlocked = kk_journal_unlock(audit->journal, sync && rv == CKR_OK);
    return rv != CKR_OK ? rv : unlocked;
}

/* With audit.on_error = continue a failure is counted and told later. */
static KK_RV take_failure(struct kk_audit *audit, const struct kk_audit_event *event, CK_RV rv,
                          struct kk_audit_mark *ret_mark)
{
    bool goes_on = audit->settings.on_error == KK_AUDIT_GO_ON;
    if (rv == CKR_SESSION_HANDLE_INVALID) {
        return rv; /* the token was initialised anew */
    }
    kk_log_error("%s: an entry (%s) could not be written; %s", kk_journal_path(audit->journal),
                 kk_audit_row(event->kind)->name,
                 goes_on ? "audit.on_error = continue: the operation goes on without it"
                         : "audit.on_error = refuse: the operation is refused");
    if (!goes_on) {
        return rv;
    }
    atomic_fetch_add(&audit->missed, 1);
    if (ret_mark != NULL) {
        *ret_mark = (struct kk_audit_mark){0};
    }
    return CKR_OK;
}

KK_RV kk_audit_write(struct kk_audit *audit, const struct kk_audit_writer *writer,
                     const struct kk_audit_event *event, struct kk_audit_mark *ret_mark)
{
    bool wanted =
        audit->settings.mode == KK_AUDIT_LOG_ON ||
        (audit->settings.mode == KK_AUDIT_LOG_NO_USE && !kk_audit_row(event->kind)->is_use);
    if (ret_mark != NULL) {
        *ret_mark = (struct kk_audit_mark){0};
    }
    if (!wanted) {
        return CKR_OK;
    }
    CK_RV rv = write_locked(audit, writer, event, ret_mark);
    return KK_LIKELY(rv == CKR_OK) ? CKR_OK : take_failure(audit, event, rv, ret_mark);
}
