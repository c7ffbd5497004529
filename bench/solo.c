/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --solo: what happens once per key or session (parsing, the first fetch) is over before the
 * operations that count begin.
 */
#include "solo.h"

#include "cryptoki/names.h"
#include "token.h"

#include <stdio.h>

#ifdef KK_BENCH_CALLGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT ((void)0)
#endif

enum { WARM_OPERATIONS = 10 };

static CK_RV run(const struct kk_bench_work *work, struct kk_bench_task *task, unsigned count)
{
    CK_RV rv = work->setup(task);
    for (unsigned i = 0; rv == CKR_OK && i < WARM_OPERATIONS; i++) {
        rv = work->op(task);
    }
    CALLGRIND_TOGGLE_COLLECT;
    for (unsigned i = 0; rv == CKR_OK && i < count; i++) {
        rv = work->op(task);
    }
    CALLGRIND_TOGGLE_COLLECT;
    work->teardown(task);
    return rv;
}

static CK_RV open_and_run(const struct kk_bench_options *options, struct kk_bench_token *token,
                          struct kk_bench_task *task)
{
    if (options->module_count == 0) {
        return task->row->raw != NULL
                   ? run(task->row->raw, task, options->count)
                   : kk_bench_fail(&task->failure, "looking for a raw counterpart",
                                   CKR_FUNCTION_NOT_SUPPORTED);
    }
    CK_RV rv = kk_bench_token_load(options->module[0], task->directory, token, &task->failure);
    if (rv == CKR_OK) {
        rv = kk_bench_token_open(token, "bench-solo", options->objects.values[0],
                                 options->sessions.values[0], &task->failure);
    }
    task->token = token;
    return rv != CKR_OK ? rv : run(task->row->module, task, options->count);
}

bool kk_bench_solo(const struct kk_bench_options *options, const char *directory)
{
    struct kk_bench_token token = {0};
    struct kk_bench_task task = {.row = kk_bench_row_find(options->solo), .directory = directory};
    CK_RV rv = open_and_run(options, &token, &task);
    kk_bench_token_close(&token);
    if (rv == CKR_OK) {
        printf("%s: %u operations\n", task.row->name, options->count);
        return true;
    }
    const char *name = kk_names_find(KK_NAMES_CKR, rv);
    fprintf(stderr, "keykist-bench: %s: %s: %s\n", task.row->name, task.failure.call,
            name != NULL ? name : "an unknown code");
    return false;
}
