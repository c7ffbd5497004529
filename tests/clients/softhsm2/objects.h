/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One object of each class, with every kind of attribute, and what a module says of them.
 */
#pragma once

#include "judge.h"

/* The certificate in this file is used. */
extern const char *objects_certificate;

/* Makes them all; labels begin with the side's letter. */
bool objects_make(CK_SESSION_HANDLE session, enum side side);
char objects_letter(enum side side);

/* Every attribute of every object of a side's, one line each, sorted; written the same whatever
 * module says it where the difference is a known one. */
#define OBJECTS_TEXT 65536
bool objects_describe(CK_SESSION_HANDLE session, enum side maker, char text[OBJECTS_TEXT]);
