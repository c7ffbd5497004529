/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row in this process, a fixed number of operations, for a profiler.
 */
#pragma once

#include "options.h"

/* Runs options->solo options->count times on the module (without one: on raw OpenSSL) with a token
 * in `directory`. Under valgrind only these operations are collected, if its headers were there. */
bool kk_bench_solo(const struct kk_bench_options *options, const char *directory);
