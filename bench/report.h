/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is printed: the table, row by row as it is measured, and the same figures as JSON.
 */
#pragma once

#include "crew.h"
#include "options.h"
#include "subject.h"

/* One subject's figures for one row. */
struct kk_bench_figures {
    const char *subject;
    unsigned rounds; /* measured; 0: none */
    double *rates;   /* per round */
    struct kk_bench_histogram latency;
};

/* How many worked on it. */
struct kk_bench_crowd {
    unsigned processes;
    unsigned threads; /* in each */
};

/* What was measured of one row: figures[c * subjects] and on are those of crowd c, raw first. */
struct kk_bench_rowful {
    const struct kk_bench_row *row;
    unsigned objects;
    unsigned sessions;
    const struct kk_bench_crowd *crowds;
    size_t crowd_count;
    const struct kk_bench_figures *figures;
    size_t subjects;
};

struct kk_bench_report;

/* Opens the JSON file, if one is wanted, and prints the table's head. The figures name the
 * subjects. NULL after a message. */
struct kk_bench_report *kk_bench_report_begin(const struct kk_bench_options *options,
                                              const struct kk_bench_figures *figures,
                                              size_t subjects);

/* A subject that did not measure all the rounds gets "-". */
void kk_bench_report_row(struct kk_bench_report *report, const struct kk_bench_rowful *rowful);

/* A line for the end of the table: why a subject has no figure. */
void kk_bench_report_note(struct kk_bench_report *report, const char *subject, const char *row,
                          const char *note);

/* Prints the notes, closes, frees. False when the JSON file could not be written. */
bool kk_bench_report_end(struct kk_bench_report *report);

void kk_bench_report_list(void);
