/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of names, in the order of their first note, with one column per look that is under way.
 */
#include "book.h"

#include <string.h>

#define ROWS_MAX 20000u
#define SAID_MAX 10u

struct row {
    char name[THING_NAME];
    uint16_t asked;
    uint16_t acked;
    uint16_t floor[BOOK_LOOKERS]; /* acknowledged when the look began */
    bool seen[BOOK_LOOKERS];
};

static struct row rows[ROWS_MAX];
static size_t row_count;
static bool looks[BOOK_LOOKERS];
static struct book_result result;

static struct row *find(const char name[THING_NAME])
{
    for (size_t i = row_count; i-- > 0;) {
        if (memcmp(rows[i].name, name, THING_NAME) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

void book_begin(void)
{
    row_count = 0;
    memset(looks, 0, sizeof looks);
    result = (struct book_result){0};
}

unsigned book_acked(const char name[THING_NAME])
{
    const struct row *row = find(name);
    return row != NULL ? row->acked : THING_ABSENT;
}

unsigned book_asked(const char name[THING_NAME])
{
    const struct row *row = find(name);
    return row != NULL ? row->asked : THING_ABSENT;
}

struct book_result book_result(void)
{
    return result;
}

bool book_is_good(void)
{
    return result.broken + result.wrong + result.lost == 0;
}

/* The first few are said. */
static void complain(const char *name, const char *what, unsigned version, const struct row *row)
{
    if (result.broken + result.wrong + result.lost <= SAID_MAX) {
        guest_note("%.16s: %s (version %u, acknowledged %u, asked for %u)", name, what, version,
                   row != NULL ? row->acked : 0u, row != NULL ? row->asked : 0u);
    }
}

/* Objects that were destroyed before any look that is under way are of no interest any more. */
static void forget_gone(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < row_count; i++) {
        bool is_wanted = rows[i].acked != THING_GONE;
        for (size_t j = 0; j < BOOK_LOOKERS; j++) {
            is_wanted = is_wanted || (looks[j] && rows[i].floor[j] != THING_GONE);
        }
        if (is_wanted) {
            rows[kept++] = rows[i];
        }
    }
    row_count = kept;
}

static struct row *row_of(const char name[THING_NAME])
{
    struct row *row = find(name);
    if (row == NULL) {
        if (row_count == ROWS_MAX) {
            guest_bail("the book is full");
        }
        row = &rows[row_count++];
        *row = (struct row){.asked = THING_ABSENT};
        memcpy(row->name, name, THING_NAME);
    }
    return row;
}

static void begin_look(unsigned writer)
{
    forget_gone();
    looks[writer] = true;
    for (size_t i = 0; i < row_count; i++) {
        rows[i].floor[writer] = rows[i].acked;
        rows[i].seen[writer] = false;
    }
}

static void take_found(const struct note *note)
{
    struct row *row = find(note->name);
    result.found++;
    if (!note->whole) {
        result.broken++;
        complain(note->name, "is not whole", note->version, row);
    }
    if (row == NULL || row->seen[note->writer] || note->version < row->floor[note->writer] ||
        note->version > row->asked) {
        result.wrong++;
        complain(note->name, "cannot be of this version, or is there twice", note->version, row);
    }
    if (row != NULL) {
        row->seen[note->writer] = true;
    }
}

/* What was not found must be allowed not to be there. */
static void end_look(unsigned writer)
{
    for (size_t i = 0; i < row_count; i++) {
        const struct row *row = &rows[i];
        if (!row->seen[writer] && row->floor[writer] != THING_ABSENT && row->asked != THING_GONE) {
            result.lost++;
            complain(row->name, "is lost", row->floor[writer], row);
        }
    }
    looks[writer] = false;
    result.looks++;
}

void book_drop_look(unsigned writer)
{
    looks[writer] = false;
}

void book_take(const struct note *note)
{
    struct row *row = NULL;
    switch ((enum note_step)note->step) {
    case NOTE_ASK:
        row_of(note->name)->asked = note->version;
        break;
    case NOTE_ACK:
        row = row_of(note->name);
        row->acked = note->version;
        result.acked++;
        break;
    case NOTE_LOOK:
        begin_look(note->writer);
        break;
    case NOTE_FOUND:
        take_found(note);
        break;
    case NOTE_DONE:
        end_look(note->writer);
        break;
    }
}
