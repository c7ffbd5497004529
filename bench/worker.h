/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process in which one module (or raw OpenSSL) lives, and what the parent and it say to each
 * other through two pipes: one command, one answer.
 */
#pragma once

#include "crew.h"
#include "options.h"

enum kk_bench_order {
    KK_BENCH_OPEN,  /* load the module and see to its token */
    KK_BENCH_START, /* set up a row and warm up */
    KK_BENCH_RUN,   /* measure it for a while */
    KK_BENCH_STOP,  /* give the row up */
    KK_BENCH_QUIT   /* finalize and exit */
};

struct kk_bench_command {
    enum kk_bench_order order;
    unsigned row;                /* of START: its index */
    struct kk_bench_round round; /* of RUN */
};

/* `failure.rv` is CKR_OK when all went well; `result` is that of a RUN. */
struct kk_bench_answer {
    struct kk_bench_failure failure;
    struct kk_bench_result result;
};

struct kk_bench_worker {
    const struct kk_bench_options *options;
    size_t objects;
    size_t sessions;
    const char *module;    /* NULL: raw OpenSSL */
    const char *directory; /* shared by the processes of one module */
    const char *label;     /* of the token */
    int commands;
    int answers;
};

/* Whole structures through a pipe; false at its end or on an error. */
bool kk_bench_read(int fd, void *data, size_t len);
bool kk_bench_write(int fd, const void *data, size_t len);

/* Answers commands until told to quit; never returns. */
_Noreturn void kk_bench_worker_main(const struct kk_bench_worker *worker);
