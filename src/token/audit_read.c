/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the audit log line by line, for people and programs. Nothing is judged here.
 */
#include <string.h>

#include "base/memory.h"
#include "token/audit_internal.h"

#include "base/banned.h"

/* The file that a place is in: by its number, or the first that follows. KK_JOURNAL_PRESENT when
 * that is the present one. */
static KK_RV find_part(struct kk_audit *audit, uint64_t file, uint64_t *ret_number)
{
    KK_CLEANUP(kk_freep) uint64_t *numbers = NULL;
    size_t count = 0;
    KK_TRY(kk_journal_parts(audit->journal, &numbers, &count));
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] >= file) {
            *ret_number = numbers[i];
            return CKR_OK;
        }
    }
    *ret_number = KK_JOURNAL_PRESENT;
    return CKR_OK;
}

/* How much of it is whole lines. */
static size_t whole_lines(const uint8_t *text, size_t len)
{
    const uint8_t *last = len > 0 ? memrchr(text, '\n', len) : NULL;
    return last != NULL ? (size_t)(last - text) + 1 : 0;
}

/* Reads from one file. At its end *ret_len is 0. */
static KK_RV read_lines(struct kk_audit *audit, const struct kk_journal_part *part,
                        uint64_t *offset, uint8_t *text, size_t room, size_t *ret_len)
{
    size_t whole = 0;
    size_t got = room;
    while (whole == 0 && got == room) { /* else a line that is longer than the room: left out */
        KK_TRY(kk_journal_part_read(audit->journal, part, *offset, text, room, &got));
        whole = whole_lines(text, got);
        *offset += whole > 0 ? whole : got;
    }
    *ret_len = whole;
    return CKR_OK;
}

KK_RV kk_audit_read(struct kk_audit *audit, struct kk_audit_place *place, uint8_t *text,
                    size_t room, size_t *ret_len)
{
    *ret_len = 0;
    while (*ret_len == 0) {
        KK_CLEANUP(kk_journal_part_close) struct kk_journal_part part = {.fd = -1};
        uint64_t number = place->file;
        if (number != KK_JOURNAL_PRESENT) {
            KK_TRY(find_part(audit, place->file, &number));
        }
        if (number != place->file) {
            *place = (struct kk_audit_place){.file = number};
        }
        CK_RV rv = kk_journal_part_open(audit->journal, number, &part);
        if (rv == CKR_DEVICE_REMOVED && number == KK_JOURNAL_PRESENT) {
            return CKR_OK;
        }
        if (rv != CKR_DEVICE_REMOVED) {
            KK_TRY(rv);
            KK_TRY(read_lines(audit, &part, &place->offset, text, room, ret_len));
        }
        if (*ret_len == 0 && number == KK_JOURNAL_PRESENT) {
            return CKR_OK;
        }
        if (*ret_len == 0) {
            *place = (struct kk_audit_place){.file = number + 1};
        }
    }
    return CKR_OK;
}
