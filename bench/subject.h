/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is measured, as the parent sees it: a module or raw OpenSSL, in one process or several. A
 * process that dies or hangs costs the row it was at; the next row begins with a new one.
 */
#pragma once

#include "worker.h"

#include <signal.h>
#include <sys/types.h>

/* Set by the handler of a signal that ends the benchmark: nothing is waited for any longer. */
extern volatile sig_atomic_t kk_bench_interrupted;

enum { KK_BENCH_NAME_SIZE = 64, KK_BENCH_NOTE_SIZE = 128 };

struct kk_bench_process {
    pid_t pid;
    int commands;
    int answers;
};

struct kk_bench_subject {
    const struct kk_bench_options *options;
    const char *module; /* NULL: raw OpenSSL */
    unsigned objects;   /* on its token, */
    unsigned sessions;  /* and idle in each process */
    char name[KK_BENCH_NAME_SIZE];
    char root[256];      /* a folder for all its tokens */
    char directory[300]; /* of the present token */
    char label[33];
    unsigned incarnation;
    bool usable; /* it came up at least once, or has not been tried */
    unsigned running;
    struct kk_bench_process *process;
    char note[KK_BENCH_NOTE_SIZE]; /* why the last call gave false */
};

/* Names the subject and allocates; starts nothing. */
bool kk_bench_subject_init(struct kk_bench_subject *subject, const struct kk_bench_options *options,
                           const char *module, const char *root);

/* Starts the processes unless they run. False when the module cannot be used. */
bool kk_bench_subject_open(struct kk_bench_subject *subject);

/* Each process sets up the row. */
bool kk_bench_subject_start(struct kk_bench_subject *subject, unsigned row);

/* One round of it, in the first `processes` of its processes with so many threads in each; the
 * results together. */
bool kk_bench_subject_run(struct kk_bench_subject *subject, unsigned processes, unsigned threads,
                          struct kk_bench_result *ret_result);

void kk_bench_subject_stop(struct kk_bench_subject *subject);

/* Ends the processes, whatever they do. */
void kk_bench_subject_close(struct kk_bench_subject *subject);

void kk_bench_subject_clear(struct kk_bench_subject *subject);
