/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line.
 */
#pragma once

#include "bench.h"

enum { KK_BENCH_MODULES = 16, KK_BENCH_LIST_MAX = 8 };

/* "1,2,n": what is measured one after the other. */
struct kk_bench_list {
    unsigned values[KK_BENCH_LIST_MAX];
    size_t count;
};

/* The largest one. */
unsigned kk_bench_list_max(const struct kk_bench_list *list);

struct kk_bench_options {
    const char *module[KK_BENCH_MODULES];
    size_t module_count;
    const char *rows;      /* names or patterns, separated by commas; NULL: all */
    const char *json;      /* a file, or NULL */
    const char *directory; /* where token folders are made */
    const char *solo;      /* one row in this process, or NULL */
    unsigned rounds;
    unsigned round_ms;
    struct kk_bench_list threads;   /* per process; each with each number of processes, */
    struct kk_bench_list processes; /* in every round */
    struct kk_bench_list objects;   /* each with each number of sessions, */
    struct kk_bench_list sessions;  /* on new tokens */
    unsigned count;                 /* operations with --solo */
    bool softhsm;                   /* beside the modules SoftHSM's, where it is installed */
    bool cpu_time;
    bool markdown;
    bool list;
    bool help;
};

/* The defaults, and then what the arguments say. False after a message to standard error. */
bool kk_bench_options_read(int argc, char **argv, struct kk_bench_options *ret_options);

/* softhsm.c: adds the module of an installed SoftHSM, if there is one and room for it. Keykist
 * under SoftHSM's name is none. */
void kk_bench_add_softhsm(struct kk_bench_options *options);

void kk_bench_options_usage(void);

/* Whether --rows includes the row. */
bool kk_bench_options_include(const struct kk_bench_options *options,
                              const struct kk_bench_row *row);
