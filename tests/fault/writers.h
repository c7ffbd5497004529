/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that change a token until they are killed, and their killer. Each looks at everything
 * in the token before it begins: it is the judge of those that were killed before it.
 */
#pragma once

#include "book.h"

#define WRITERS_MAX BOOK_LOOKERS

/* The token under change, and its PINs: versions of the "object" whose name this is. */
#define WRITERS_LABEL "written"
extern const char writers_pin_name[THING_NAME];
const char *writers_pin(unsigned version);

/* How the writers of a run are killed. */
enum killing {
    KILL_AT_BOUNDARY, /* before or after one of its system calls, once it has begun to write */
    KILL_AT_MOMENT,   /* at any time after its start, C_Initialize and C_Login included */
};

struct killing_plan {
    enum killing how;
    unsigned writers;
    unsigned kills; /* how many at least; 0: one per boundary of a whole script */
    unsigned first; /* with kills 0: the first boundary, and the distance to the next */
    unsigned step;
    unsigned last; /* boundaries a writer lives for, or milliseconds: at most these */
    bool changes_pin;
};

/* Makes the token, in a child. */
void writers_prepare(void);

/* Runs the plan; returns how many it killed. `ret_boundaries`: those of a whole script, when one
 * came to its end. Ends the test when a writer ended by itself. */
unsigned writers_kill(const struct killing_plan *plan, unsigned *ret_boundaries);
