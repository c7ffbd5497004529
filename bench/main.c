/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist-bench: PKCS#11 modules side by side with raw OpenSSL. The subjects take turns, round by
 * round, and another one begins each round, so that a machine that speeds up or slows down does so
 * for all of them.
 */
#include "report.h"
#include "solo.h"
#include "subject.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUBJECTS = KK_BENCH_MODULES + 1 };

struct bench {
    const struct kk_bench_options *options;
    struct kk_bench_report *report;
    struct kk_bench_subject subject[SUBJECTS];
    struct kk_bench_figures figures[SUBJECTS];
    bool takes_part[SUBJECTS]; /* in the present row */
    size_t count;
};

static void on_signal(int signal)
{
    kk_bench_interrupted = signal;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static bool name_subjects(struct bench *bench, const char *root)
{
    char path[256];
    bench->count = bench->options->module_count + 1;
    for (size_t i = 0; i < bench->count; i++) {
        struct kk_bench_subject *subject = &bench->subject[i];
        const char *module = i > 0 ? bench->options->module[i - 1] : NULL;
        snprintf(path, sizeof(path), "%.180s/%zu", root, i);
        if (!kk_bench_subject_init(subject, bench->options, module, path)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(bench->subject[j].name, subject->name) == 0) {
                snprintf(subject->name, sizeof(subject->name), "%.40s #%zu", bench->subject[j].name,
                         i);
            }
        }
        bench->figures[i].subject = subject->name;
        bench->figures[i].rates = calloc(bench->options->rounds, sizeof(double));
        if (bench->figures[i].rates == NULL) {
            return false;
        }
    }
    return true;
}

/* The number of modules that can be used. */
static size_t open_subjects(struct bench *bench)
{
    size_t usable = 0;
    for (size_t i = 0; i < bench->count; i++) {
        struct kk_bench_subject *subject = &bench->subject[i];
        if (kk_bench_subject_open(subject)) {
            usable += i > 0;
        } else {
            kk_bench_report_note(bench->report, subject->name, NULL, subject->note);
        }
    }
    return usable;
}

static void drop_out(struct bench *bench, size_t i, const struct kk_bench_row *row)
{
    bench->takes_part[i] = false;
    bench->figures[i].rounds = 0;
    if (!kk_bench_interrupted) {
        kk_bench_report_note(bench->report, bench->subject[i].name, row->name,
                             bench->subject[i].note);
    }
}

static void start_row(struct bench *bench, const struct kk_bench_row *row)
{
    for (size_t i = 0; i < bench->count; i++) {
        struct kk_bench_subject *subject = &bench->subject[i];
        bench->figures[i].rounds = 0;
        bench->figures[i].latency = (struct kk_bench_histogram){0};
        bench->takes_part[i] = subject->usable && (i > 0 || row->raw != NULL);
        if (bench->takes_part[i] &&
            !(kk_bench_subject_open(subject) &&
              kk_bench_subject_start(subject, (unsigned)(row - kk_bench_rows)))) {
            drop_out(bench, i, row);
        }
    }
}

static void run_round(struct bench *bench, const struct kk_bench_row *row, unsigned round)
{
    static struct kk_bench_result result;
    for (size_t turn = 0; turn < bench->count && !kk_bench_interrupted; turn++) {
        size_t i = (turn + round) % bench->count;
        struct kk_bench_figures *figures = &bench->figures[i];
        if (!bench->takes_part[i]) {
            continue;
        }
        if (!kk_bench_subject_run(&bench->subject[i], &result)) {
            drop_out(bench, i, row);
            continue;
        }
        figures->rates[figures->rounds++] = result.rate;
        kk_bench_histogram_merge(&figures->latency, &result.latency);
    }
}

static void run_row(struct bench *bench, const struct kk_bench_row *row)
{
    start_row(bench, row);
    for (unsigned round = 0; round < bench->options->rounds; round++) {
        run_round(bench, row, round);
    }
    for (size_t i = 0; i < bench->count; i++) {
        if (bench->takes_part[i]) {
            kk_bench_subject_stop(&bench->subject[i]);
        }
    }
    if (!kk_bench_interrupted) {
        kk_bench_report_row(bench->report, row, bench->figures, bench->count);
    }
}

static int compare_all(struct bench *bench, const char *root)
{
    if (!name_subjects(bench, root)) {
        perror("keykist-bench");
        return 1;
    }
    bench->report = kk_bench_report_begin(bench->options);
    if (bench->report == NULL) {
        return 1;
    }
    size_t usable = open_subjects(bench);
    for (size_t i = 0; i < kk_bench_row_count && !kk_bench_interrupted; i++) {
        if (kk_bench_options_include(bench->options, &kk_bench_rows[i])) {
            run_row(bench, &kk_bench_rows[i]);
        }
    }
    bool written = kk_bench_report_end(bench->report);
    for (size_t i = 0; i < bench->count; i++) {
        kk_bench_subject_clear(&bench->subject[i]);
        free(bench->figures[i].rates);
    }
    return written && (usable > 0 || bench->options->module_count == 0) ? 0 : 1;
}

static int run_in(const struct kk_bench_options *options, const char *root)
{
    static struct bench bench;
    if (options->solo != NULL) {
        return kk_bench_solo(options, root) ? 0 : 1;
    }
    bench.options = options;
    int status = compare_all(&bench, root);
    return kk_bench_interrupted ? 128 + kk_bench_interrupted : status;
}

int main(int argc, char **argv)
{
    struct kk_bench_options options;
    if (!kk_bench_options_read(argc, argv, &options)) {
        return 2;
    }
    if (options.help || options.list) {
        options.help ? kk_bench_options_usage() : kk_bench_report_list();
        return 0;
    }
    char root[180];
    snprintf(root, sizeof(root), "%.140s/keykist-bench-XXXXXX", options.directory);
    if (mkdtemp(root) == NULL) {
        fprintf(stderr, "keykist-bench: %s: %s\n", root, strerror(errno));
        return 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int status = run_in(&options, root);
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}
