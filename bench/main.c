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

enum { SUBJECTS = KK_BENCH_MODULES + 1, CROWDS = KK_BENCH_LIST_MAX * KK_BENCH_LIST_MAX };

struct bench {
    const struct kk_bench_options *options;
    struct kk_bench_report *report;
    struct kk_bench_subject subject[SUBJECTS];
    struct kk_bench_figures *figures; /* of crowd 0, of crowd 1, ... */
    bool takes_part[SUBJECTS];        /* in the present row */
    size_t count;
    struct kk_bench_crowd crowds[CROWDS];
    size_t crowd_count;
    unsigned tables; /* begun: each has tokens of its own */
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

static void list_crowds(struct bench *bench)
{
    const struct kk_bench_options *options = bench->options;
    for (size_t p = 0; p < options->processes.count; p++) {
        for (size_t t = 0; t < options->threads.count; t++) {
            bench->crowds[bench->crowd_count++] =
                (struct kk_bench_crowd){options->processes.values[p], options->threads.values[t]};
        }
    }
}

/* A folder for its tokens, a name that no other has. */
static bool name_subject(struct bench *bench, size_t i, const char *root)
{
    char path[256];
    struct kk_bench_subject *subject = &bench->subject[i];
    const char *module = i > 0 ? bench->options->module[i - 1] : NULL;
    snprintf(path, sizeof(path), "%.180s/%u-%zu", root, bench->tables, i);
    if (!kk_bench_subject_init(subject, bench->options, module, path)) {
        return false;
    }
    for (size_t j = 0; j < i; j++) {
        if (strcmp(bench->subject[j].name, subject->name) == 0) {
            size_t len = strnlen(subject->name, sizeof(subject->name) - 8);
            snprintf(subject->name + len, sizeof(subject->name) - len, " #%zu", i);
        }
    }
    return true;
}

static bool name_subjects(struct bench *bench, const char *root)
{
    bench->count = bench->options->module_count + 1;
    bench->tables++;
    for (size_t i = 0; i < bench->count; i++) {
        if (!name_subject(bench, i, root)) {
            return false;
        }
    }
    return true;
}

static bool take_figures(struct bench *bench)
{
    size_t count = bench->count * bench->crowd_count;
    bench->figures = calloc(count, sizeof(*bench->figures));
    for (size_t i = 0; bench->figures != NULL && i < count; i++) {
        bench->figures[i].subject = bench->subject[i % bench->count].name;
        bench->figures[i].rates = calloc(bench->options->rounds, sizeof(double));
        if (bench->figures[i].rates == NULL) {
            return false;
        }
    }
    return bench->figures != NULL;
}

static void free_figures(struct bench *bench)
{
    for (size_t i = 0; bench->figures != NULL && i < bench->count * bench->crowd_count; i++) {
        free(bench->figures[i].rates);
    }
    free(bench->figures);
}

static void clear_figures(struct bench *bench, size_t i)
{
    for (size_t c = 0; c < bench->crowd_count; c++) {
        bench->figures[c * bench->count + i].rounds = 0;
        bench->figures[c * bench->count + i].latency = (struct kk_bench_histogram){0};
    }
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
    clear_figures(bench, i);
    if (!kk_bench_interrupted) {
        kk_bench_report_note(bench->report, bench->subject[i].name, row->name,
                             bench->subject[i].note);
    }
}

static void start_row(struct bench *bench, const struct kk_bench_row *row)
{
    for (size_t i = 0; i < bench->count; i++) {
        struct kk_bench_subject *subject = &bench->subject[i];
        clear_figures(bench, i);
        bench->takes_part[i] = subject->usable && (i > 0 || row->raw != NULL);
        if (bench->takes_part[i] &&
            !(kk_bench_subject_open(subject) &&
              kk_bench_subject_start(subject, (unsigned)(row - kk_bench_rows)))) {
            drop_out(bench, i, row);
        }
    }
}

static void run_round(struct bench *bench, const struct kk_bench_row *row, unsigned round,
                      size_t crowd)
{
    static struct kk_bench_result result;
    for (size_t turn = 0; turn < bench->count && !kk_bench_interrupted; turn++) {
        size_t i = (turn + round) % bench->count;
        struct kk_bench_figures *figures = &bench->figures[crowd * bench->count + i];
        if (!bench->takes_part[i]) {
            continue;
        }
        if (!kk_bench_subject_run(&bench->subject[i], bench->crowds[crowd].processes,
                                  bench->crowds[crowd].threads, &result)) {
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
        for (size_t crowd = 0; crowd < bench->crowd_count; crowd++) {
            run_round(bench, row, round, crowd);
        }
    }
    for (size_t i = 0; i < bench->count; i++) {
        if (bench->takes_part[i]) {
            kk_bench_subject_stop(&bench->subject[i]);
        }
    }
    if (!kk_bench_interrupted) {
        const struct kk_bench_rowful rowful = {
            row,           bench->subject[0].objects, bench->subject[0].sessions,
            bench->crowds, bench->crowd_count,        bench->figures,
            bench->count,
        };
        kk_bench_report_row(bench->report, &rowful);
    }
}

/* All rows with so many objects and sessions. The number of modules that could be used. */
static size_t run_table(struct bench *bench, unsigned objects, unsigned sessions)
{
    for (size_t i = 0; i < bench->count; i++) {
        bench->subject[i].objects = objects;
        bench->subject[i].sessions = sessions;
    }
    size_t usable = open_subjects(bench);
    for (size_t i = 0; i < kk_bench_row_count && !kk_bench_interrupted; i++) {
        if (kk_bench_options_include(bench->options, &kk_bench_rows[i])) {
            run_row(bench, &kk_bench_rows[i]);
        }
    }
    for (size_t i = 0; i < bench->count; i++) {
        kk_bench_subject_clear(&bench->subject[i]);
    }
    return usable;
}

/* One table after the other; the first one's subjects are named already. */
static bool run_tables(struct bench *bench, const char *root, size_t *ret_usable)
{
    const struct kk_bench_options *options = bench->options;
    for (size_t o = 0; o < options->objects.count; o++) {
        for (size_t s = 0; s < options->sessions.count && !kk_bench_interrupted; s++) {
            if ((o > 0 || s > 0) && !name_subjects(bench, root)) {
                perror("keykist-bench");
                return false;
            }
            *ret_usable +=
                run_table(bench, options->objects.values[o], options->sessions.values[s]);
        }
    }
    return true;
}

static int compare_all(struct bench *bench, const char *root)
{
    size_t usable = 0;
    list_crowds(bench);
    if (!name_subjects(bench, root) || !take_figures(bench)) {
        perror("keykist-bench");
        return 1;
    }
    bench->report = kk_bench_report_begin(bench->options, bench->figures, bench->count);
    if (bench->report == NULL) {
        return 1;
    }
    bool good = run_tables(bench, root, &usable);
    good = kk_bench_report_end(bench->report) && good;
    free_figures(bench);
    return good && (usable > 0 || bench->options->module_count == 0) ? 0 : 1;
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
