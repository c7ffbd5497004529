/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of the codes that the standard lists for a function some check provoked, and which no check
 * can: --codes FILE and --unreachable FILE.
 */
#pragma once

#include "report.h"

/* Reads both files and registers one check per function of the first. Ends the program when a file
 * can't be read or names what there is not. */
void codes_register(const char *listed, const char *unreachable);

/* A check that passed asked for this code and got it. */
void codes_note(unsigned function, CK_RV rv, const char *check_id);

/* Whether this is one of the registered checks; the others have all been run then. */
bool codes_is_one(const struct registered_check *entry);
enum result codes_judge(const struct registered_check *entry, char *detail, size_t size);

/* How many there are of each kind, as a line of TAP; nothing without --codes. */
void codes_summary(void);

/* --seen FILE: function, code and the first check that provoked it. */
bool codes_write(const char *path);
