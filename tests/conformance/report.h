/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the runner prints and writes: TAP, the list of checks, the JSON report.
 */
#pragma once

#include "runner.h"

enum { REPORT_DETAIL = 512, REPORT_ID = 128, MAX_LINES = 1024 };

enum result { RESULT_OK, RESULT_FAIL, RESULT_SKIP };
enum check_state { STATE_WAITING, STATE_UNWANTED, STATE_DONE };

struct registered_check {
    const struct check *check;
    const char *chapter;
    const void *row;
    char id[REPORT_ID];
    enum check_state state;
    enum result result;
    char detail[REPORT_DETAIL];
    bool required;        /* may not be skipped */
    const char *expected; /* why it is known to fail; NULL for most */
};

struct report {
    const struct registered_check *checks;
    size_t count;
    const char *module;
    size_t number; /* the last TAP number given */
    size_t passed, failed, skipped, known;
};

/* The lines of a file without comments (#), empty ones and trailing blanks. */
struct lines {
    char *line[MAX_LINES];
    size_t count;
};

/* Ends the program when the file can't be read; a NULL path gives no lines. */
void report_read_lines(const char *path, struct lines *ret_lines);

void report_list(const struct registered_check *checks, size_t count);
void report_plan(const struct report *report);
void report_check(struct report *report, const struct registered_check *entry);
void report_summary(const struct report *report);
bool report_json(const struct report *report, const char *path);
