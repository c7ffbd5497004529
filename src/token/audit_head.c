/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the end of the chain in a file that others may have written to, or damaged.
 */
#include <string.h>

#include "base/memory.h"
#include "token/audit_internal.h"

#include "base/banned.h"

/* So much of a file's end is searched for a whole line. */
#define WINDOW 65536u

/* The end of a part: where its last whole line is. */
struct window {
    uint8_t *bytes;
    size_t len;
    uint64_t offset; /* of bytes[0] in the file */
};

static void window_clear(struct window *window)
{
    kk_free(window->bytes);
}

/* The last line in [0, end) that is an entry; false when there is none. */
static bool find_last(const struct window *window, size_t *ret_begin, size_t *ret_end,
                      struct kk_audit_line *ret_line)
{
    size_t end = window->len;
    while (end > 0) {
        const uint8_t *newline = memrchr(window->bytes, '\n', end);
        if (newline == NULL) {
            return false;
        }
        end = (size_t)(newline - window->bytes);
        const uint8_t *before = end > 0 ? memrchr(window->bytes, '\n', end) : NULL;
        size_t begin = before != NULL ? (size_t)(before - window->bytes) + 1 : 0;
        if (kk_audit_line_parse(KK_SPAN(window->bytes + begin, end - begin), ret_line)) {
            *ret_begin = begin;
            *ret_end = end + 1;
            return true;
        }
    }
    return false;
}

/* A whole entry that lacks its newline only: where it begins. */
static bool find_unended(const struct window *window, size_t *ret_begin,
                         struct kk_audit_line *ret_line)
{
    const uint8_t *newline = window->len > 0 ? memrchr(window->bytes, '\n', window->len) : NULL;
    *ret_begin = newline != NULL ? (size_t)(newline - window->bytes) + 1 : 0;
    return kk_audit_line_parse(KK_SPAN(window->bytes + *ret_begin, window->len - *ret_begin),
                               ret_line);
}

static KK_RV read_window(struct kk_audit *audit, const struct kk_journal_part *part,
                         struct window *window)
{
    window->len = (size_t)KK_MIN(part->size, (uint64_t)WINDOW);
    window->offset = part->size - window->len;
    KK_TRY(kk_alloc(window->len, &window->bytes));
    return kk_journal_part_read(audit->journal, part, window->offset, window->bytes, window->len,
                                &window->len);
}

/* The number of a part's first entry; 0 when its first line is none. */
static KK_RV first_number(struct kk_audit *audit, const struct kk_journal_part *part,
                          uint64_t *ret_number)
{
    uint8_t text[KK_AUDIT_LINE_MAX + 1];
    struct kk_audit_line line = {0};
    size_t len = 0;
    KK_TRY(kk_journal_part_read(audit->journal, part, 0, text, sizeof text, &len));
    const uint8_t *newline = len > 0 ? memchr(text, '\n', len) : NULL;
    bool sound =
        newline != NULL && kk_audit_line_parse(KK_SPAN(text, (size_t)(newline - text)), &line);
    *ret_number = sound ? line.seq : 0;
    return CKR_OK;
}

static KK_RV tail_of(struct kk_audit *audit, const struct window *window, size_t end,
                     struct kk_audit_tail *ret_tail)
{
    struct kk_span torn = KK_SPAN(window->bytes + end, window->len - end);
    ret_tail->torn = torn.len;
    ret_tail->needs_newline = torn.len > 0 && torn.data[torn.len - 1] != '\n';
    return kk_audit_line_hash(audit->digest, torn, ret_tail->sum);
}

/* Whether somebody began a new epoch there since the last one that is known. */
static void look_for_epoch(struct kk_audit *audit, const struct window *window)
{
    static const char mark[] = "\"event\":\"epoch\"";
    const uint8_t *at = window->bytes;
    const uint8_t *end = window->bytes + window->len;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        const uint8_t *before = memrchr(window->bytes, '\n', (size_t)(at - window->bytes));
        const uint8_t *begin = before != NULL ? before + 1 : window->bytes;
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        struct kk_audit_line line = {0};
        at += sizeof mark - 1;
        if (newline != NULL &&
            kk_audit_line_parse(KK_SPAN(begin, (size_t)(newline - begin)), &line) &&
            line.kind == KK_AUDIT_EPOCH && line.seq > audit->epoch_seq) {
            audit->epoch_seq = line.seq;
            atomic_fetch_add(&audit->generation, 1);
        }
    }
}

static void take_line(struct kk_audit_head *head, const struct window *window, size_t begin,
                      size_t end, const struct kk_audit_line *line)
{
    head->seq = line->seq;
    head->offset = window->offset + begin;
    head->len = end - begin + 1;
    memcpy(head->line, window->bytes + begin, end - begin);
    head->line[end - begin] = '\n';
    head->is_rotate = line->kind == KK_AUDIT_ROTATE;
}

/* Takes the last whole line of a part as the head. */
static KK_RV read_part(struct kk_audit *audit, const struct kk_journal_part *part,
                       struct kk_audit_tail *ret_tail)
{
    KK_CLEANUP(window_clear) struct window window = {0};
    struct kk_audit_line line = {0};
    size_t begin = 0;
    size_t end = 0;
    KK_TRY(read_window(audit, part, &window));
    look_for_epoch(audit, &window);
    KK_TRY(first_number(audit, part, &audit->head.file));
    if (find_unended(&window, &begin, &line)) {
        take_line(&audit->head, &window, begin, window.len, &line);
        audit->head.file = audit->head.offset == 0 ? line.seq : audit->head.file;
        ret_tail->needs_newline = true;
        return CKR_OK;
    }
    if (find_last(&window, &begin, &end, &line)) {
        take_line(&audit->head, &window, begin, end - 1, &line);
    }
    return tail_of(audit, &window, end, ret_tail);
}

/* An empty file follows the newest older one, or is the first. */
static KK_RV read_newest(struct kk_audit *audit, struct kk_audit_tail *ret_tail)
{
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    KK_CLEANUP(kk_journal_part_close) struct kk_journal_part part = {.fd = -1};
    size_t count = 0;
    KK_TRY(kk_journal_parts(audit->journal, &numbers, &count));
    if (count == 0) {
        return CKR_OK;
    }
    CK_RV rv = kk_journal_part_open(audit->journal, numbers[count - 1], &part);
    KK_ENSURE(rv != CKR_DEVICE_REMOVED, CKR_DEVICE_ERROR);
    KK_TRY(rv);
    KK_TRY(read_part(audit, &part, ret_tail));
    audit->head.file = numbers[count - 1];
    *ret_tail = (struct kk_audit_tail){0}; /* of a file that nothing is appended to */
    return CKR_OK;
}

KK_RV kk_audit_head_read(struct kk_audit *audit, struct kk_audit_tail *ret_tail)
{
    struct kk_journal_part present = kk_journal_present(audit->journal);
    audit->head = (struct kk_audit_head){0};
    *ret_tail = (struct kk_audit_tail){0};
    return present.size == 0 ? read_newest(audit, ret_tail) : read_part(audit, &present, ret_tail);
}

/* The head's line must be where it was: who cut the file and wrote other lines is found by the slow
 * way. */
static bool follows(const struct kk_audit_head *head, const struct window *window, size_t end,
                    const struct kk_audit_line *line)
{
    return window->len > head->len &&
           kk_mem_equal(window->bytes, head->len, head->line, head->len) && end == window->len &&
           line->kind != KK_AUDIT_ROTATE && line->seq > head->seq;
}

KK_RV kk_audit_head_follow(struct kk_audit *audit, bool *ret_done)
{
    struct kk_audit_head *head = &audit->head;
    struct kk_journal_part part = kk_journal_present(audit->journal);
    KK_CLEANUP(window_clear) struct window window = {.offset = head->offset};
    struct kk_audit_line line = {0};
    size_t begin = 0;
    size_t end = 0;
    *ret_done = false;
    if (!head->is_known || head->offset > part.size || part.size - head->offset > WINDOW) {
        return CKR_OK;
    }
    window.len = (size_t)(part.size - head->offset);
    KK_TRY(kk_alloc(window.len, &window.bytes));
    KK_TRY(kk_journal_part_read(audit->journal, &part, window.offset, window.bytes, window.len,
                                &window.len));
    if (!find_last(&window, &begin, &end, &line) || !follows(head, &window, end, &line)) {
        return CKR_OK;
    }
    look_for_epoch(audit, &window);
    take_line(head, &window, begin, end - 1, &line);
    *ret_done = true;
    return CKR_OK;
}

/* ---- marks ---- */

KK_RV kk_audit_head_mark(struct kk_audit *audit, struct kk_audit_mark *ret_mark)
{
    const struct kk_audit_head *head = &audit->head;
    *ret_mark =
        (struct kk_audit_mark){.seq = head->seq, .file = head->file, .offset = head->offset};
    return head->seq == 0 ? CKR_OK
                          : kk_audit_line_hash(audit->digest, KK_SPAN(head->line, head->len - 1),
                                               ret_mark->hash);
}

static KK_RV compare_line(struct kk_audit *audit, const struct kk_journal_part *part,
                          const struct kk_audit_mark *mark, bool *ret_there)
{
    uint8_t text[KK_AUDIT_LINE_MAX + 1];
    uint8_t hash[KK_AUDIT_HASH];
    size_t len = 0;
    KK_TRY(kk_journal_part_read(audit->journal, part, mark->offset, text, sizeof text, &len));
    const uint8_t *newline = len > 0 ? memchr(text, '\n', len) : NULL;
    if (newline == NULL) {
        return CKR_OK;
    }
    KK_TRY(kk_audit_line_hash(audit->digest, KK_SPAN(text, (size_t)(newline - text)), hash));
    *ret_there = kk_mem_equal(hash, sizeof hash, mark->hash, sizeof mark->hash);
    return CKR_OK;
}

/* A file that is gone was to go, if files go at all and all that are left are newer. */
static KK_RV was_dropped(struct kk_audit *audit, uint64_t file, bool *ret_dropped)
{
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    size_t count = 0;
    KK_TRY(kk_journal_parts(audit->journal, &numbers, &count));
    uint64_t oldest = count > 0 ? numbers[0] : audit->head.file;
    *ret_dropped = audit->settings.keep > 0 && file < oldest;
    return CKR_OK;
}

KK_RV kk_audit_mark_is_there(struct kk_audit *audit, const struct kk_audit_mark *mark,
                             bool *ret_there)
{
    KK_CLEANUP(kk_journal_part_close) struct kk_journal_part part = {.fd = -1};
    struct kk_journal_part present = {.fd = -1};
    uint64_t number = 0;
    *ret_there = false;
    CK_RV rv = kk_journal_part_open(audit->journal, mark->file, &part);
    if (rv == CKR_OK) {
        return compare_line(audit, &part, mark, ret_there);
    }
    KK_ENSURE(rv == CKR_DEVICE_REMOVED, rv);
    rv = kk_journal_part_open(audit->journal, KK_JOURNAL_PRESENT, &present);
    KK_ENSURE(rv == CKR_OK || rv == CKR_DEVICE_REMOVED, rv);
    part = present;
    if (rv == CKR_OK) {
        KK_TRY(first_number(audit, &part, &number));
    }
    if (rv == CKR_OK && number == mark->file) {
        return compare_line(audit, &part, mark, ret_there);
    }
    return was_dropped(audit, mark->file, ret_there);
}
