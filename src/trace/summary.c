/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters per function, and the table that is made of them.
 */
#include "trace/summary.h"

#include <stdatomic.h>
#include <string.h>

#include "cryptoki/functions.h"
#include "cryptoki/names.h"
#include "trace/calls.h"
#include "trace/text.h"

#include "base/banned.h"

#define CODES 6 /* kinds of failure that are told apart per function */

static struct counts {
    _Atomic uint64_t calls, failures, total, max; /* total, max: nanoseconds */
    struct {
        _Atomic CK_RV code; /* CKR_OK: free */
        _Atomic uint64_t count;
    } codes[CODES];
} counts[KK_FUNCTIONS_3_2];

static void count_code(struct counts *of, CK_RV rv)
{
    for (size_t i = 0; i < CODES; i++) {
        CK_RV expected = CKR_OK;
        if (atomic_compare_exchange_strong(&of->codes[i].code, &expected, rv) || expected == rv) {
            (void)atomic_fetch_add(&of->codes[i].count, 1);
            return;
        }
    }
}

void kk_trace_count(unsigned int function, CK_RV rv, uint64_t nanoseconds)
{
    struct counts *of = &counts[function];
    (void)atomic_fetch_add(&of->calls, 1);
    (void)atomic_fetch_add(&of->total, nanoseconds);
    uint64_t max = atomic_load(&of->max);
    while (max < nanoseconds && !atomic_compare_exchange_weak(&of->max, &max, nanoseconds)) {
    }
    if (rv != CKR_OK) {
        (void)atomic_fetch_add(&of->failures, 1);
        count_code(of, rv);
    }
}

bool kk_trace_has_counts(void)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(counts); i++) {
        if (atomic_load(&counts[i].calls) > 0) {
            return true;
        }
    }
    return false;
}

static void put_codes(struct kk_buffer *out, struct counts *of)
{
    uint64_t named = 0;
    const char *before = "  (";
    for (size_t i = 0; i < CODES; i++) {
        CK_RV code = atomic_exchange(&of->codes[i].code, CKR_OK);
        uint64_t count = atomic_exchange(&of->codes[i].count, 0);
        if (count == 0) {
            continue;
        }
        kk_trace_put(out, before);
        kk_trace_put_word(out, kk_names_find(KK_NAMES_CKR, code), code);
        kk_trace_put(out, " ");
        kk_trace_put_number(out, count);
        before = ", ";
        named += count;
    }
    kk_trace_put(out, named > 0 ? ")" : "");
}

static void put_row(struct kk_buffer *out, const char *name, struct counts *of)
{
    char text[160];
    uint64_t calls = atomic_exchange(&of->calls, 0);
    uint64_t total = atomic_exchange(&of->total, 0);
    uint64_t max = atomic_exchange(&of->max, 0);
    uint64_t failures = atomic_exchange(&of->failures, 0);
    if (calls == 0) {
        return;
    }
    (void)snprintf(text, sizeof text, "#   %-28s %8llu %8llu %12.3f %12.1f %12.1f", name,
                   (unsigned long long)calls, (unsigned long long)failures, (double)total / 1e6,
                   (double)total / 1e3 / (double)calls, (double)max / 1e3);
    kk_trace_put(out, text);
    put_codes(out, of);
    kk_trace_put(out, "\n");
}

void kk_trace_put_summary(struct kk_buffer *out, long pid)
{
    uint64_t calls = 0, failures = 0, total = 0;
    char text[200];
    for (size_t i = 0; i < KK_ARRAY_LEN(counts); i++) {
        calls += atomic_load(&counts[i].calls);
        failures += atomic_load(&counts[i].failures);
        total += atomic_load(&counts[i].total);
    }
    (void)snprintf(text, sizeof text,
                   "# summary of process %ld: %llu calls, %llu failed, %.3f ms\n"
                   "#   %-28s %8s %8s %12s %12s %12s\n",
                   pid, (unsigned long long)calls, (unsigned long long)failures,
                   (double)total / 1e6, "function", "calls", "failed", "total ms", "mean us",
                   "max us");
    kk_trace_put(out, text);
    for (size_t i = 0; i < KK_ARRAY_LEN(counts); i++) {
        put_row(out, kk_trace_functions[i].name, &counts[i]);
    }
}

void kk_trace_forget_counts(void)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(counts); i++) {
        atomic_store(&counts[i].calls, 0);
        atomic_store(&counts[i].failures, 0);
        atomic_store(&counts[i].total, 0);
        atomic_store(&counts[i].max, 0);
        for (size_t k = 0; k < CODES; k++) {
            atomic_store(&counts[i].codes[k].code, CKR_OK);
            atomic_store(&counts[i].codes[k].count, 0);
        }
    }
}
