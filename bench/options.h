/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line.
 */
#pragma once

#include "bench.h"

enum { KK_BENCH_MODULES = 16 };

struct kk_bench_options {
    const char *module[KK_BENCH_MODULES];
    size_t module_count;
    const char *rows;      /* names or patterns, separated by commas; NULL: all */
    const char *json;      /* a file, or NULL */
    const char *directory; /* where token folders are made */
    const char *solo;      /* one row in this process, or NULL */
    unsigned rounds;
    unsigned round_ms;
    unsigned threads;
    unsigned processes;
    unsigned objects;
    unsigned sessions;
    unsigned count; /* operations with --solo */
    bool list;
    bool help;
};

/* The defaults, and then what the arguments say. False after a message to standard error. */
bool kk_bench_options_read(int argc, char **argv, struct kk_bench_options *ret_options);

void kk_bench_options_usage(void);

/* Whether --rows includes the row. */
bool kk_bench_options_include(const struct kk_bench_options *options,
                              const struct kk_bench_row *row);
