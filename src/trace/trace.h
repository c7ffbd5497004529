/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The call trace: every C_ call as one line in words, to a file that log.trace or the variable
 * KEYKIST_TRACE names. A trace changes nothing: what a call returns, what it writes, errno are as
 * without it. While it is off, a call looks at one pointer.
 *
 * The one who exports the functions brackets each call with kk_trace_begin() and kk_trace_end().
 */
#pragma once

#include <stdatomic.h>
#include <time.h>

#include "base/bytes.h"
#include "cryptoki/functions.h"

/* The number of a function: its place in the function lists. */
#define KK_TRACE_ROW(name, params, app_params, args) KK_TRACE_##name,
enum kk_trace_number { KK_FUNCTIONS(KK_TRACE_ROW) };
#undef KK_TRACE_ROW

struct kk_trace_file;
extern _Atomic(struct kk_trace_file *) kk_trace_target;

static inline bool kk_trace_is_on(void)
{
    return atomic_load_explicit(&kk_trace_target, memory_order_relaxed) != NULL;
}

/* `path` is log.trace; NULL or "": off. A file that KEYKIST_TRACE names comes before it. A program
 * with raised privileges does not heed the variable. With KEYKIST_TRACE_BEGINNINGS, which may be
 * any text, a remark says when a call begins. */
void kk_trace_configure(const char *path);

/* A call that is under way. */
struct kk_trace_call {
    unsigned int number;
    const uintptr_t *words;
    struct kk_buffer line;
    uint64_t started; /* nanoseconds */
};

/* Before the call: its arguments, each as one word; they stay where they are until kk_trace_end().
 */
void kk_trace_begin(struct kk_trace_call *call, unsigned int number, const uintptr_t *words);

/* After it. Gives `rv` back. */
CK_RV kk_trace_end(struct kk_trace_call *call, CK_RV rv);

/* (app, a, b) as (a, b), and as { (uintptr_t)a, (uintptr_t)b }. */
#define KK_TRACE_ARGS(app, ...) (__VA_ARGS__)
#define KK_TRACE_W1(a) (uintptr_t)(a)
#define KK_TRACE_W2(a, ...) (uintptr_t)(a), KK_TRACE_W1(__VA_ARGS__)
#define KK_TRACE_W3(a, ...) (uintptr_t)(a), KK_TRACE_W2(__VA_ARGS__)
#define KK_TRACE_W4(a, ...) (uintptr_t)(a), KK_TRACE_W3(__VA_ARGS__)
#define KK_TRACE_W5(a, ...) (uintptr_t)(a), KK_TRACE_W4(__VA_ARGS__)
#define KK_TRACE_W6(a, ...) (uintptr_t)(a), KK_TRACE_W5(__VA_ARGS__)
#define KK_TRACE_W7(a, ...) (uintptr_t)(a), KK_TRACE_W6(__VA_ARGS__)
#define KK_TRACE_W8(a, ...) (uintptr_t)(a), KK_TRACE_W7(__VA_ARGS__)
#define KK_TRACE_W9(a, ...) (uintptr_t)(a), KK_TRACE_W8(__VA_ARGS__)
#define KK_TRACE_W10(a, ...) (uintptr_t)(a), KK_TRACE_W9(__VA_ARGS__)
#define KK_TRACE_PICK(a, b, c, d, e, f, g, h, i, j, name, ...) name
#define KK_TRACE_WORDS_(...)                                                                       \
    KK_TRACE_PICK(__VA_ARGS__, KK_TRACE_W10, KK_TRACE_W9, KK_TRACE_W8, KK_TRACE_W7, KK_TRACE_W6,   \
                  KK_TRACE_W5, KK_TRACE_W4, KK_TRACE_W3, KK_TRACE_W2, KK_TRACE_W1, 0)              \
    (__VA_ARGS__)
#define KK_TRACE_WORDS(app, ...) KK_TRACE_WORDS_(__VA_ARGS__)

/* A function `traced_<name>` that does the same as `function` and writes it down. */
#define KK_TRACE_DEFINE(name, params, app_params, args, traced, function)                          \
    static __attribute__((noinline, cold)) CK_RV traced params                                     \
    {                                                                                              \
        const uintptr_t words[] = {KK_TRACE_WORDS args};                                           \
        struct kk_trace_call call;                                                                 \
        kk_trace_begin(&call, KK_TRACE_##name, words);                                             \
        return kk_trace_end(&call, function KK_TRACE_ARGS args);                                   \
    }
