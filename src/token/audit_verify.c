/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verifying the audit log: every line against the one before, every MAC, the files against each
 * other, and the end against the anchor. Ends at the first thing that does not fit.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "token/audit_internal.h"

#include "base/banned.h"

#define CHUNK 65536u
#define AGAIN 3 /* times that a file that grows meanwhile is read */

/* Lines of one part. */
struct lines {
    struct kk_audit *audit;
    struct kk_journal_part part;
    uint64_t offset; /* of what is read next */
    size_t begin, end;
    uint8_t bytes[CHUNK];
};

struct check {
    struct kk_audit *audit;
    struct kk_span key;
    const struct kk_audit_mark *anchor;
    struct kk_audit_report *report;
    struct kk_digest *line_digest;
    struct kk_digest *torn_digest;
    uint8_t before[KK_AUDIT_LINE_MAX]; /* the last whole line; its length is 0 at a file's begin */
    size_t before_len;
    uint8_t end_hash[KK_AUDIT_HASH]; /* SHA-256 of the last line of the file before */
    enum kk_audit_kind last_kind;
    bool is_first_of_file;
    bool saw_key;      /* a MAC of the present key */
    uint64_t strange;  /* the first entry with a MAC of another key */
    uint64_t oldest;   /* as the last CONTINUE says; 0: none did */
    uint64_t torn;     /* bytes that are no entry, since the last one */
    size_t torn_lines; /* and how many newlines are among them */
    bool anchor_fits;
};

static void lines_close(struct lines **lines)
{
    if (*lines != NULL) {
        kk_journal_part_close(&(*lines)->part);
        kk_free(*lines);
    }
}

static void check_clear(struct check *check)
{
    kk_digest_free(check->line_digest);
    kk_digest_free(check->torn_digest);
}

/* ---- what is wrong ---- */

static void broken(struct check *check, uint64_t at, const char *what)
{
    struct kk_audit_report *report = check->report;
    if (report->verdict == KK_AUDIT_SOUND) {
        report->verdict = KK_AUDIT_BROKEN;
        report->break_at = at;
        (void)snprintf(report->what, sizeof report->what, "%s", what);
    }
}

static bool is_broken(const struct check *check)
{
    return check->report->verdict != KK_AUDIT_SOUND;
}

/* ---- lines ---- */

static KK_RV refill(struct lines *lines)
{
    size_t got = 0;
    memmove(lines->bytes, lines->bytes + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    KK_TRY(kk_journal_part_read(lines->audit->journal, &lines->part, lines->offset,
                                lines->bytes + lines->end, CHUNK - lines->end, &got));
    lines->offset += got;
    lines->end += got;
    return CKR_OK;
}

/* The next line, or a piece of one that is longer than any entry or has no end. An empty span
 * without newline is the end. */
static KK_RV next_line(struct lines *lines, struct kk_span *ret_line, bool *ret_has_newline)
{
    size_t len = lines->end - lines->begin;
    const uint8_t *newline = len > 0 ? memchr(lines->bytes + lines->begin, '\n', len) : NULL;
    if (newline == NULL) {
        KK_TRY(refill(lines));
        len = lines->end;
        newline = len > 0 ? memchr(lines->bytes, '\n', len) : NULL;
    }
    *ret_has_newline = newline != NULL;
    size_t line_len = newline != NULL ? (size_t)(newline - lines->bytes) - lines->begin : len;
    *ret_line = KK_SPAN(lines->bytes + lines->begin, line_len);
    lines->begin += line_len + (newline != NULL ? 1 : 0);
    return CKR_OK;
}

/* ---- what is no entry ---- */

static KK_RV add_torn(struct check *check, struct kk_span bytes, bool has_newline)
{
    if (check->torn == 0) {
        KK_TRY(kk_digest_start(check->torn_digest));
    }
    if (check->torn_lines > 0) {
        check->torn_lines++; /* a second line: no torn one, whatever its bytes */
        return CKR_OK;
    }
    KK_TRY(kk_digest_update(check->torn_digest, bytes));
    check->torn += bytes.len;
    check->torn_lines += has_newline ? 1 : 0;
    return CKR_OK;
}

/* Bytes that are no entry are fine when they are one unfinished line that the next entry tells of.
 */
static KK_RV settle_torn(struct check *check, const struct kk_audit_line *line)
{
    uint8_t sum[KK_AUDIT_HASH];
    bool told = check->torn > 0 && check->torn_lines == 1 && line->kind == KK_AUDIT_TORN &&
                line->has_bytes && line->number == check->torn;
    if (told) {
        KK_TRY(kk_digest_finish(check->torn_digest, sum));
        told = kk_mem_equal(sum, sizeof sum, line->bytes, sizeof line->bytes);
    }
    bool nothing = check->torn == 0 && check->torn_lines == 0;
    if (!told && !nothing) {
        broken(check, line->seq, "before it stand bytes that are no entry");
    } else if (nothing && line->kind == KK_AUDIT_TORN) {
        broken(check, line->seq, "it tells of a torn line before it that is not there");
    }
    check->report->torn += told ? 1 : 0;
    check->torn = 0;
    check->torn_lines = 0;
    return CKR_OK;
}

/* ---- entries ---- */

static void check_number(struct check *check, const struct kk_audit_line *line)
{
    struct kk_audit_report *report = check->report;
    if (report->entries == 0) {
        report->first = line->seq;
        if (line->seq != 1 && line->kind != KK_AUDIT_CONTINUE) {
            broken(check, line->seq, "the entries before it are missing");
        }
    } else if (line->seq <= report->last) {
        broken(check, line->seq, "its number was there before: it was added, copied or moved");
    } else if (line->seq != report->last + 1) {
        broken(check, line->seq, "the entries before it are missing");
    }
}

/* The first entry of a file that follows another names the other's last line. */
static void check_joint(struct check *check, const struct kk_audit_line *line)
{
    if (!check->is_first_of_file || check->report->entries == 0) {
        if (!check->is_first_of_file && line->kind == KK_AUDIT_CONTINUE) {
            broken(check, line->seq, "a file's first entry stands within a file");
        }
        return;
    }
    if (line->kind != KK_AUDIT_CONTINUE || !line->has_bytes ||
        !kk_mem_equal(line->bytes, KK_AUDIT_HASH, check->end_hash, KK_AUDIT_HASH)) {
        broken(check, line->seq, "its file does not go on where the file before it ends");
    }
}

static KK_RV check_hash(struct check *check, struct kk_span text, const struct kk_audit_line *line)
{
    uint8_t hash[KK_AUDIT_HASH];
    KK_TRY(kk_audit_hash(check->line_digest, KK_SPAN(check->before, check->before_len),
                         KK_SPAN(text.data, line->body_len), hash));
    if (!kk_mem_equal(hash, sizeof hash, line->hash, sizeof line->hash)) {
        broken(check, line->seq, "its hash does not fit: it or the entry before it was changed");
    }
    return CKR_OK;
}

/* MACs of older keys may stand before the first EPOCH that the present key made, and nowhere else.
 */
static KK_RV check_mac(struct check *check, const struct kk_audit_line *line)
{
    uint8_t mac[KK_AUDIT_HASH];
    if (!line->is_public && !line->has_mac) {
        broken(check, line->seq, "it was made with a login and has no MAC");
    }
    if (check->key.len == 0 || !line->has_mac || is_broken(check)) {
        return CKR_OK;
    }
    KK_TRY(kk_audit_mac(check->audit->crypto, check->key, check->audit->serial, line->hash, mac));
    bool fits = kk_ct_equal(mac, line->mac, sizeof mac);
    if (!fits && line->kind == KK_AUDIT_EPOCH) {
        return CKR_OK; /* of an older epoch, or of a C_InitToken that was not committed */
    }
    if (!fits) {
        check->strange = check->strange == 0 ? line->seq : check->strange;
        if (check->saw_key) {
            broken(check, line->seq, "its MAC is wrong");
        }
        return CKR_OK;
    }
    if (!check->saw_key && check->strange != 0 && line->kind != KK_AUDIT_EPOCH) {
        broken(check, check->strange, "its MAC is wrong");
        return CKR_OK;
    }
    check->saw_key = true;
    check->report->sealed = line->seq;
    return CKR_OK;
}

static KK_RV check_anchor(struct check *check, struct kk_span text,
                          const struct kk_audit_line *line)
{
    uint8_t hash[KK_AUDIT_HASH];
    if (check->anchor == NULL || check->anchor->seq != line->seq) {
        return CKR_OK;
    }
    KK_TRY(kk_audit_line_hash(check->line_digest, text, hash));
    check->anchor_fits = kk_mem_equal(hash, sizeof hash, check->anchor->hash, sizeof hash);
    if (!check->anchor_fits) {
        broken(check, line->seq, "it is not the entry of this number that the token knows");
    }
    return CKR_OK;
}

static void check_own(struct check *check, const struct kk_audit_line *line)
{
    if (line->kind == KK_AUDIT_GAP) {
        char what[sizeof check->report->what];
        (void)snprintf(what, sizeof what,
                       "it tells that the log was cut or replaced before it: entry %llu was gone",
                       (unsigned long long)line->number);
        broken(check, line->seq, what);
    }
    if (line->kind == KK_AUDIT_CONTINUE) {
        check->oldest = line->number;
    }
    check->report->missed += line->kind == KK_AUDIT_MISSED ? line->number : 0;
}

static KK_RV check_entry(struct check *check, struct kk_span text, const struct kk_audit_line *line)
{
    KK_TRY(settle_torn(check, line));
    check_joint(check, line);
    check_number(check, line);
    KK_TRY(check_hash(check, text, line));
    KK_TRY(check_mac(check, line));
    KK_TRY(check_anchor(check, text, line));
    check_own(check, line);
    if (is_broken(check)) {
        return CKR_OK;
    }
    check->report->entries++;
    check->report->last = line->seq;
    check->last_kind = line->kind;
    check->is_first_of_file = false;
    memcpy(check->before, text.data, text.len);
    check->before_len = text.len;
    return CKR_OK;
}

/* ---- files ---- */

static void name_file(struct check *check, uint64_t number)
{
    struct kk_audit_report *report = check->report;
    if (number == KK_JOURNAL_PRESENT) {
        (void)snprintf(report->file, sizeof report->file, KK_AUDIT_NAME ".log");
    } else {
        (void)snprintf(report->file, sizeof report->file, KK_AUDIT_NAME ".log.%020llu",
                       (unsigned long long)number);
    }
}

static KK_RV check_lines(struct check *check, struct lines *lines)
{
    for (;;) {
        struct kk_span text = {0};
        struct kk_audit_line line = {0};
        bool has_newline = false;
        KK_TRY(next_line(lines, &text, &has_newline));
        if (text.len == 0 && !has_newline) {
            return CKR_OK;
        }
        if (has_newline && kk_audit_line_parse(text, &line)) {
            KK_TRY(check_entry(check, text, &line));
        } else {
            KK_TRY(add_torn(check, text, has_newline));
        }
        if (is_broken(check)) {
            return CKR_OK;
        }
    }
}

/* An older file is whole: it ends with ROTATE. */
static KK_RV end_part(struct check *check, bool is_present)
{
    if (check->torn_lines > 0) {
        broken(check, check->report->last, "behind it stand bytes that are no entry");
    } else if (!is_present && (check->torn > 0 || check->last_kind != KK_AUDIT_ROTATE)) {
        broken(check, check->report->last, "its file was cut behind it");
    } else if (is_present) {
        check->report->torn_tail = check->torn;
    }
    return kk_audit_line_hash(check->line_digest, KK_SPAN(check->before, check->before_len),
                              check->end_hash);
}

static KK_RV check_part(struct check *check, uint64_t number, bool *ret_found)
{
    KK_CLEANUP(lines_close) struct lines *lines = NULL;
    KK_TRY(kk_alloc(sizeof *lines, &lines));
    lines->audit = check->audit;
    lines->part.fd = -1;
    CK_RV rv = kk_journal_part_open(check->audit->journal, number, &lines->part);
    *ret_found = rv != CKR_DEVICE_REMOVED;
    if (!*ret_found) {
        return CKR_OK;
    }
    KK_TRY(rv);
    name_file(check, number);
    check->report->has_log = true;
    check->report->files++;
    check->before_len = 0;
    check->is_first_of_file = true;
    KK_TRY(check_lines(check, lines));
    return is_broken(check) ? CKR_OK : end_part(check, number == KK_JOURNAL_PRESENT);
}

/* ---- the end ---- */

static void check_end(struct check *check)
{
    struct kk_audit_report *report = check->report;
    char what[sizeof report->what];
    if (check->strange != 0 && !check->saw_key) {
        broken(check, check->strange, "its MAC is wrong, or of a key that the token has no more");
    }
    if (check->oldest != 0 && report->first > check->oldest) {
        (void)snprintf(what, sizeof what, "the entries from %llu on before it are missing",
                       (unsigned long long)check->oldest);
        broken(check, report->first, what);
    }
    if (check->anchor != NULL && !check->anchor_fits && check->anchor->seq > report->last) {
        (void)snprintf(what, sizeof what,
                       "the entries behind it are missing: the token knows of entry %llu",
                       (unsigned long long)check->anchor->seq);
        broken(check, report->last, what);
    }
}

static KK_RV check_all(struct check *check)
{
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    size_t count = 0;
    bool found = false;
    KK_TRY(kk_journal_parts(check->audit->journal, &numbers, &count));
    for (size_t i = 0; i < count && !is_broken(check); i++) {
        KK_TRY(check_part(check, numbers[i], &found));
    }
    if (!is_broken(check)) {
        KK_TRY(check_part(check, KK_JOURNAL_PRESENT, &found));
    }
    if (!is_broken(check) && !found && count > 0) {
        name_file(check, KK_JOURNAL_PRESENT);
        broken(check, check->report->last, "the file that follows it is missing");
    }
    if (!is_broken(check)) {
        check_end(check);
    }
    return CKR_OK;
}

static KK_RV verify_once(struct kk_audit *audit, struct kk_span key,
                         const struct kk_audit_mark *anchor, struct kk_audit_report *report)
{
    KK_CLEANUP(check_clear) struct check check = {
        .audit = audit, .key = key, .anchor = anchor, .report = report};
    *report = (struct kk_audit_report){.has_key = key.len > 0};
    KK_TRY(kk_digest_new(audit->crypto, "SHA256", &check.line_digest));
    KK_TRY(kk_digest_new(audit->crypto, "SHA256", &check.torn_digest));
    return check_all(&check);
}

/* Others append and rotate meanwhile: what looks broken is looked at again. */
KK_RV kk_audit_verify(struct kk_audit *audit, struct kk_span key,
                      const struct kk_audit_mark *anchor, struct kk_audit_report *ret_report)
{
    struct kk_audit_report report = {0};
    for (int i = 0; i < AGAIN; i++) {
        KK_TRY(verify_once(audit, key, anchor, &report));
        if (report.verdict == KK_AUDIT_SOUND && report.torn_tail == 0) {
            break;
        }
    }
    *ret_report = report;
    return CKR_OK;
}
