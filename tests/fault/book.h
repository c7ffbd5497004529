/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book of what was asked for and what was acknowledged. Who changes something says so before
 * and after; who looks, what was found. The book says whether that may be: at least what was
 * acknowledged before the look began, at most what was asked for.
 */
#pragma once

#include "things.h"

enum note_step {
    NOTE_ASK,   /* a change to `version` begins */
    NOTE_ACK,   /* its call has returned CKR_OK */
    NOTE_LOOK,  /* a look at everything begins */
    NOTE_FOUND, /* it met this version, whole or not */
    NOTE_DONE,  /* it is over; without it nothing is said of what was not found */
};

/* What processes tell the judge, by a pipe that keeps the order of all of them. */
struct note {
    uint8_t step;
    uint8_t writer; /* who looks */
    uint16_t version;
    bool whole;
    char name[THING_NAME];
};

#define BOOK_LOOKERS 16

/* Empties the book. */
void book_begin(void);

/* Writes a note down. What cannot be is said with guest_note() and counted. */
void book_take(const struct note *note);

/* The highest version that was acknowledged, and that was asked for (THING_ABSENT when none). */
unsigned book_acked(const char name[THING_NAME]);
unsigned book_asked(const char name[THING_NAME]);

/* Kills the look of this writer: it will not be finished. */
void book_drop_look(unsigned writer);

struct book_result {
    unsigned long looks;  /* that were finished */
    unsigned long found;  /* objects that they met */
    unsigned long acked;  /* changes */
    unsigned long broken; /* objects that were not whole */
    unsigned long wrong;  /* of a version that cannot be, or unknown */
    unsigned long lost;
};
struct book_result book_result(void);
bool book_is_good(void);
