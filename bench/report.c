/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ratio is the median of the rounds' ratios, not the ratio of the medians: raw OpenSSL of the
 * same round saw the same machine. So it is with how a rate grows with the number of threads.
 */
#include "report.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kk_bench_report {
    const struct kk_bench_options *options;
    FILE *json;
    char *notes;
    size_t notes_size;
    FILE *note_file;
    unsigned rows;
    const struct kk_bench_figures *figures;
    size_t subjects;
    unsigned objects; /* of the row before */
    unsigned sessions;
};

enum { NUMBER_SIZE = 32 };

#define SCALING_TARGET 0.95

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* NAN when there are none. */
static double median(const double *values, unsigned count)
{
    double *sorted = count > 0 ? malloc(count * sizeof(*sorted)) : NULL;
    if (sorted == NULL) {
        return NAN;
    }
    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare);
    double middle = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    free(sorted);
    return middle;
}

static double ratio_to(const struct kk_bench_figures *figures, const struct kk_bench_figures *raw)
{
    unsigned count = figures->rounds < raw->rounds ? figures->rounds : raw->rounds;
    double *ratios = count > 0 ? malloc(count * sizeof(*ratios)) : NULL;
    if (ratios == NULL) {
        return NAN;
    }
    for (unsigned i = 0; i < count; i++) {
        ratios[i] = figures->rates[i] / raw->rates[i];
    }
    double ratio = median(ratios, count);
    free(ratios);
    return ratio;
}

/* ---- numbers as text; what is not there is "-" ---- */

/* 1,234,567; below ten with one decimal. */
static const char *grouped(double value, char text[NUMBER_SIZE])
{
    if (isnan(value)) {
        return "-";
    }
    if (value < 10) {
        snprintf(text, NUMBER_SIZE, "%.1f", value);
        return text;
    }
    char digits[NUMBER_SIZE];
    int len = snprintf(digits, sizeof(digits), "%.0f", value);
    int at = 0;
    for (int i = 0; i < len && at < NUMBER_SIZE - 2; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

static const char *duration(double nanoseconds, char text[NUMBER_SIZE])
{
    static const struct {
        double scale;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t i = 0;
    while (i + 1 < KK_BENCH_ARRAY_LEN(units) && nanoseconds < units[i].scale) {
        i++;
    }
    double value = nanoseconds / units[i].scale;
    snprintf(text, NUMBER_SIZE, value < 10 ? "%.2f %s" : "%.1f %s", value, units[i].unit);
    return text;
}

static const char *share(double ratio, char text[NUMBER_SIZE])
{
    if (isnan(ratio)) {
        return "-";
    }
    snprintf(text, NUMBER_SIZE, ratio < 0.1 ? "%.3f" : "%.2f", ratio);
    return text;
}

static const char *target_of(const struct kk_bench_row *row, char text[NUMBER_SIZE])
{
    if (row->target_ratio > 0) {
        return share(row->target_ratio, text);
    }
    char rate[NUMBER_SIZE];
    snprintf(text, NUMBER_SIZE, "%.24s/s", grouped(row->target_rate, rate));
    return text;
}

static bool is_missed(const struct kk_bench_row *row, double rate, double ratio)
{
    return row->target_ratio > 0 ? ratio < row->target_ratio : rate < row->target_rate;
}

/* "1,2,8" */
static const char *list_of(const struct kk_bench_list *list, char text[NUMBER_SIZE * 3])
{
    int at = 0;
    for (size_t i = 0; i < list->count; i++) {
        at += snprintf(text + at, (size_t)(NUMBER_SIZE * 3 - at), "%s%u", i > 0 ? "," : "",
                       list->values[i]);
    }
    return text;
}

/* ---- one subject in one crowd ---- */

struct cell {
    const struct kk_bench_figures *figures;
    double rate;
    double ratio;   /* to raw */
    double scaling; /* of the rate from the first crowd's to this one's, by raw's; NAN: first */
    bool missed;
};

static double scaling_of(const struct kk_bench_rowful *rowful, size_t crowd, size_t subject)
{
    const struct kk_bench_figures *first = &rowful->figures[subject];
    const struct kk_bench_figures *raw_first = &rowful->figures[0];
    const struct kk_bench_figures *now = &rowful->figures[crowd * rowful->subjects + subject];
    const struct kk_bench_figures *raw = &rowful->figures[crowd * rowful->subjects];
    unsigned count = now->rounds < raw->rounds ? now->rounds : raw->rounds;
    double *values = crowd > 0 && count > 0 ? malloc(count * sizeof(*values)) : NULL;
    if (values == NULL) {
        return NAN;
    }
    for (unsigned i = 0; i < count; i++) {
        values[i] = (now->rates[i] / first->rates[i]) / (raw->rates[i] / raw_first->rates[i]);
    }
    double scaling = median(values, count);
    free(values);
    return scaling;
}

static struct cell cell_of(const struct kk_bench_rowful *rowful, size_t crowd, size_t subject)
{
    const struct kk_bench_row *row = rowful->row;
    const struct kk_bench_figures *raw = &rowful->figures[crowd * rowful->subjects];
    struct cell cell = {.figures = raw + subject, .scaling = NAN};
    cell.rate = median(cell.figures->rates, cell.figures->rounds);
    cell.ratio = ratio_to(cell.figures, raw);
    if (crowd > 0 && subject > 0 && row->raw != NULL) {
        cell.scaling = scaling_of(rowful, crowd, subject);
    }
    bool is_judged = cell.figures->rounds > 0 && subject > 0;
    cell.missed = is_judged && (crowd == 0 ? is_missed(row, cell.rate, cell.ratio)
                                           : row->scales && cell.scaling < SCALING_TARGET);
    return cell;
}

/* "2 processes of 3 threads" */
static const char *crowd_text(const struct kk_bench_crowd *crowd, char text[NUMBER_SIZE * 2])
{
    char processes[NUMBER_SIZE] = "";
    if (crowd->processes > 1) {
        snprintf(processes, sizeof(processes), "%u processes of ", crowd->processes);
    }
    snprintf(text, NUMBER_SIZE * 2, "%s%u thread%s", processes, crowd->threads,
             crowd->threads == 1 ? "" : "s");
    return text;
}

/* ---- the table ---- */

static void print_line(const struct kk_bench_rowful *rowful, const char *title, size_t crowd,
                       size_t subject)
{
    char number[6][NUMBER_SIZE];
    const struct cell cell = cell_of(rowful, crowd, subject);
    const struct kk_bench_figures *figures = cell.figures;
    bool measured = figures->rounds > 0;
    double p50 = kk_bench_histogram_quantile(&figures->latency, 0.5);
    double p99 = kk_bench_histogram_quantile(&figures->latency, 0.99);
    printf("%-38s %-18s %12s %10s %10s", title, figures->subject, grouped(cell.rate, number[0]),
           measured ? duration(p50, number[1]) : "-", measured ? duration(p99, number[2]) : "-");
    if (subject > 0 && crowd == 0) {
        printf(" %7s %12s%s", share(cell.ratio, number[3]), target_of(rowful->row, number[4]),
               cell.missed ? "  missed" : "");
    } else if (subject > 0) {
        printf(" %7s %12s%s", share(cell.ratio, number[3]), "", cell.missed ? "  missed" : "");
        printf("%s%s", isnan(cell.scaling) ? "" : "  scales ",
               isnan(cell.scaling) ? "" : share(cell.scaling, number[5]));
    }
    printf("\n");
}

static void print_rows(const struct kk_bench_rowful *rowful)
{
    char text[NUMBER_SIZE * 2 + 2] = "  ";
    for (size_t crowd = 0; crowd < rowful->crowd_count; crowd++) {
        const char *title = rowful->row->title;
        if (crowd > 0) {
            crowd_text(&rowful->crowds[crowd], text + 2);
            title = text;
        }
        for (size_t i = 0; i < rowful->subjects; i++) {
            if (i > 0 || rowful->row->raw != NULL) {
                print_line(rowful, title, crowd, i);
                title = "";
            }
        }
    }
}

/* ---- in Markdown: a line per row and crowd, a column per subject ---- */

static void markdown_head(const struct kk_bench_figures *figures, size_t subjects)
{
    printf("| operation | raw, per second |");
    for (size_t i = 1; i < subjects; i++) {
        printf(" %s |", figures[i].subject);
    }
    printf(" to reach |\n|---|---|");
    for (size_t i = 1; i < subjects; i++) {
        printf("---|");
    }
    printf("---|\n");
}

/* The ratio, or the rate where there is no raw; "scales": by raw's scaling. */
static void markdown_cell(const struct kk_bench_rowful *rowful, size_t crowd, size_t subject)
{
    char number[2][NUMBER_SIZE];
    const struct cell cell = cell_of(rowful, crowd, subject);
    const char *bold = cell.missed ? "**" : "";
    const char *value =
        rowful->row->raw != NULL ? share(cell.ratio, number[0]) : grouped(cell.rate, number[0]);
    printf(" %s%s", bold, value);
    if (!isnan(cell.scaling)) {
        printf(", scales %s", share(cell.scaling, number[1]));
    }
    printf("%s |", bold);
}

static void markdown_rows(const struct kk_bench_rowful *rowful)
{
    char number[NUMBER_SIZE];
    char crowd_name[NUMBER_SIZE * 2];
    for (size_t crowd = 0; crowd < rowful->crowd_count; crowd++) {
        const struct kk_bench_figures *raw = &rowful->figures[crowd * rowful->subjects];
        printf("| %s%s%s | %s |", rowful->row->title, crowd > 0 ? ", " : "",
               crowd > 0 ? crowd_text(&rowful->crowds[crowd], crowd_name) : "",
               grouped(median(raw->rates, raw->rounds), number));
        for (size_t i = 1; i < rowful->subjects; i++) {
            markdown_cell(rowful, crowd, i);
        }
        printf(" %s |\n", crowd == 0            ? target_of(rowful->row, number)
                          : rowful->row->scales ? "scales 0.95"
                                                : "");
    }
}

/* ---- JSON ---- */

static void json_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fprintf(file, "\\%c", c);
        } else if (c < 0x20) {
            fprintf(file, "\\u%04x", c);
        } else {
            fputc(c, file);
        }
    }
    fputc('"', file);
}

static void json_number(FILE *file, const char *name, double value)
{
    if (isfinite(value)) {
        fprintf(file, ", \"%s\": %.6g", name, value);
    } else {
        fprintf(file, ", \"%s\": null", name);
    }
}

static void json_figures(FILE *file, const struct kk_bench_rowful *rowful, size_t crowd,
                         size_t subject)
{
    const struct cell cell = cell_of(rowful, crowd, subject);
    const struct kk_bench_figures *figures = cell.figures;
    bool measured = figures->rounds > 0;
    fprintf(file, "{\"subject\": ");
    json_text(file, figures->subject);
    fprintf(file, ", \"processes\": %u, \"threads\": %u", rowful->crowds[crowd].processes,
            rowful->crowds[crowd].threads);
    json_number(file, "per_second", cell.rate);
    json_number(file, "median_ns",
                measured ? kk_bench_histogram_quantile(&figures->latency, 0.5) : NAN);
    json_number(file, "p99_ns",
                measured ? kk_bench_histogram_quantile(&figures->latency, 0.99) : NAN);
    json_number(file, "ratio", subject > 0 ? cell.ratio : NAN);
    json_number(file, "scaling", cell.scaling);
    fprintf(file, ", \"rounds\": [");
    for (unsigned i = 0; i < figures->rounds; i++) {
        fprintf(file, "%s%.6g", i > 0 ? ", " : "", figures->rates[i]);
    }
    fprintf(file, "]}");
}

static void json_row(struct kk_bench_report *report, const struct kk_bench_rowful *rowful)
{
    FILE *file = report->json;
    const struct kk_bench_row *row = rowful->row;
    fprintf(file, "%s\n  {\"row\": ", report->rows > 0 ? "," : "");
    json_text(file, row->name);
    fprintf(file, ", \"title\": ");
    json_text(file, row->title);
    fprintf(file, ", \"objects\": %u, \"sessions\": %u", rowful->objects, rowful->sessions);
    json_number(file, "target_ratio", row->target_ratio > 0 ? row->target_ratio : NAN);
    json_number(file, "target_per_second", row->target_rate > 0 ? row->target_rate : NAN);
    json_number(file, "target_scaling", row->scales ? SCALING_TARGET : NAN);
    fprintf(file, ", \"figures\": [");
    for (size_t i = 0; i < rowful->crowd_count * rowful->subjects; i++) {
        fprintf(file, "%s\n    ", i > 0 ? "," : "");
        json_figures(file, rowful, i / rowful->subjects, i % rowful->subjects);
    }
    fprintf(file, "]}");
}

/* A number, or an array of them when there are several. */
static void json_list(FILE *file, const char *name, const struct kk_bench_list *list)
{
    char text[NUMBER_SIZE * 3];
    bool several = list->count > 1;
    fprintf(file, ", \"%s\": %s%s%s", name, several ? "[" : "", list_of(list, text),
            several ? "]" : "");
}

static void json_head(FILE *file, const struct kk_bench_options *options)
{
    fprintf(file, "{\"openssl\": ");
    json_text(file, kk_bench_raw_version());
    fprintf(file, ", \"rounds\": %u, \"round_ms\": %u", options->rounds, options->round_ms);
    fprintf(file, ", \"cpu_time\": %s", options->cpu_time ? "true" : "false");
    json_list(file, "threads", &options->threads);
    json_list(file, "processes", &options->processes);
    json_list(file, "objects", &options->objects);
    json_list(file, "sessions", &options->sessions);
    fprintf(file, ", \"modules\": [");
    for (size_t i = 0; i < options->module_count; i++) {
        fprintf(file, "%s", i > 0 ? ", " : "");
        json_text(file, options->module[i]);
    }
    fprintf(file, "], \"rows\": [");
}

/* ---- public ---- */

static void print_head(const struct kk_bench_options *options)
{
    char text[4][NUMBER_SIZE * 3];
    printf(
        "raw: %s. %u rounds of %u ms each%s; threads %s, processes %s, objects %s, sessions %s\n",
        kk_bench_raw_version(), options->rounds, options->round_ms,
        options->cpu_time ? " (rates by processor time)" : "", list_of(&options->threads, text[0]),
        list_of(&options->processes, text[1]), list_of(&options->objects, text[2]),
        list_of(&options->sessions, text[3]));
    if (!options->markdown) {
        printf("%-38s %-18s %12s %10s %10s %7s %12s\n", "", "", "per second", "median", "99 %",
               "to raw", "to reach");
    }
}

/* What a table is about when there are several. */
static void print_place(const struct kk_bench_report *report, unsigned objects, unsigned sessions)
{
    const struct kk_bench_options *options = report->options;
    if (options->objects.count > 1 || options->sessions.count > 1) {
        printf("%s%u objects, %u sessions\n%s", options->markdown ? "\n" : "", objects, sessions,
               options->markdown ? "\n" : "");
    }
}

struct kk_bench_report *kk_bench_report_begin(const struct kk_bench_options *options,
                                              const struct kk_bench_figures *figures,
                                              size_t subjects)
{
    struct kk_bench_report *report = calloc(1, sizeof(*report));
    if (report == NULL) {
        return NULL;
    }
    report->options = options;
    report->note_file = open_memstream(&report->notes, &report->notes_size);
    if (options->json != NULL) {
        report->json = fopen(options->json, "we");
    }
    if (report->note_file == NULL || (options->json != NULL && report->json == NULL)) {
        perror(options->json != NULL ? options->json : "keykist-bench");
        kk_bench_report_end(report);
        return NULL;
    }
    if (report->json != NULL) {
        json_head(report->json, options);
    }
    report->figures = figures;
    report->subjects = subjects;
    report->objects = UINT_MAX;
    print_head(options);
    return report;
}

void kk_bench_report_row(struct kk_bench_report *report, const struct kk_bench_rowful *rowful)
{
    if (rowful->objects != report->objects || rowful->sessions != report->sessions) {
        report->objects = rowful->objects;
        report->sessions = rowful->sessions;
        print_place(report, rowful->objects, rowful->sessions);
        if (report->options->markdown) {
            printf("\n");
            markdown_head(report->figures, report->subjects);
        }
    }
    if (report->options->markdown) {
        markdown_rows(rowful);
    } else {
        print_rows(rowful);
    }
    fflush(stdout);
    if (report->json != NULL) {
        json_row(report, rowful);
    }
    report->rows++;
}

void kk_bench_report_note(struct kk_bench_report *report, const char *subject, const char *row,
                          const char *note)
{
    fprintf(report->note_file, "%s%s%s: %s\n", subject, row != NULL ? ", " : "",
            row != NULL ? row : "", note);
}

bool kk_bench_report_end(struct kk_bench_report *report)
{
    bool good = true;
    if (report->json != NULL) {
        fprintf(report->json, "\n]}\n");
        good = ferror(report->json) == 0;
        good = fclose(report->json) == 0 && good;
    }
    if (report->note_file != NULL) {
        fclose(report->note_file);
        printf("%s%s", report->notes_size > 0 ? "\nNo figure:\n" : "", report->notes);
        free(report->notes);
    }
    free(report);
    return good;
}

void kk_bench_report_list(void)
{
    char target[NUMBER_SIZE];
    for (size_t i = 0; i < kk_bench_row_count; i++) {
        const struct kk_bench_row *row = &kk_bench_rows[i];
        printf("%-15s %-38s %12s\n", row->name, row->title, target_of(row, target));
    }
}
