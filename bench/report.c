/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ratio is the median of the rounds' ratios, not the ratio of the medians: raw OpenSSL of the
 * same round saw the same machine.
 */
#include "report.h"

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
};

enum { NUMBER_SIZE = 32 };

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

/* ---- the table ---- */

static void print_line(const struct kk_bench_row *row, const char *title,
                       const struct kk_bench_figures *figures, const struct kk_bench_figures *raw)
{
    char number[5][NUMBER_SIZE];
    bool measured = figures->rounds > 0;
    double rate = median(figures->rates, figures->rounds);
    double ratio = ratio_to(figures, raw);
    double p50 = kk_bench_histogram_quantile(&figures->latency, 0.5);
    double p99 = kk_bench_histogram_quantile(&figures->latency, 0.99);
    printf("%-38s %-18s %12s %10s %10s", title, figures->subject, grouped(rate, number[0]),
           measured ? duration(p50, number[1]) : "-", measured ? duration(p99, number[2]) : "-");
    if (figures != raw) {
        printf(" %7s %12s%s", share(ratio, number[3]), target_of(row, number[4]),
               measured && is_missed(row, rate, ratio) ? "  missed" : "");
    }
    printf("\n");
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

static void json_figures(FILE *file, const struct kk_bench_figures *figures,
                         const struct kk_bench_figures *raw)
{
    bool measured = figures->rounds > 0;
    fprintf(file, "{\"subject\": ");
    json_text(file, figures->subject);
    json_number(file, "per_second", median(figures->rates, figures->rounds));
    json_number(file, "median_ns",
                measured ? kk_bench_histogram_quantile(&figures->latency, 0.5) : NAN);
    json_number(file, "p99_ns",
                measured ? kk_bench_histogram_quantile(&figures->latency, 0.99) : NAN);
    json_number(file, "ratio", figures != raw ? ratio_to(figures, raw) : NAN);
    fprintf(file, ", \"rounds\": [");
    for (unsigned i = 0; i < figures->rounds; i++) {
        fprintf(file, "%s%.6g", i > 0 ? ", " : "", figures->rates[i]);
    }
    fprintf(file, "]}");
}

static void json_row(struct kk_bench_report *report, const struct kk_bench_row *row,
                     const struct kk_bench_figures *figures, size_t count)
{
    FILE *file = report->json;
    fprintf(file, "%s\n  {\"row\": ", report->rows > 0 ? "," : "");
    json_text(file, row->name);
    fprintf(file, ", \"title\": ");
    json_text(file, row->title);
    json_number(file, "target_ratio", row->target_ratio > 0 ? row->target_ratio : NAN);
    json_number(file, "target_per_second", row->target_rate > 0 ? row->target_rate : NAN);
    fprintf(file, ", \"figures\": [");
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%s\n    ", i > 0 ? "," : "");
        json_figures(file, &figures[i], &figures[0]);
    }
    fprintf(file, "]}");
}

static void json_head(FILE *file, const struct kk_bench_options *options)
{
    fprintf(file, "{\"openssl\": ");
    json_text(file, kk_bench_raw_version());
    fprintf(file,
            ", \"rounds\": %u, \"round_ms\": %u, \"threads\": %u, \"processes\": %u,"
            " \"objects\": %u, \"sessions\": %u, \"modules\": [",
            options->rounds, options->round_ms, options->threads, options->processes,
            options->objects, options->sessions);
    for (size_t i = 0; i < options->module_count; i++) {
        fprintf(file, "%s", i > 0 ? ", " : "");
        json_text(file, options->module[i]);
    }
    fprintf(file, "], \"rows\": [");
}

/* ---- public ---- */

struct kk_bench_report *kk_bench_report_begin(const struct kk_bench_options *options)
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
    printf("raw: %s. %u rounds of %u ms each; threads %u, processes %u, objects %u, sessions %u\n",
           kk_bench_raw_version(), options->rounds, options->round_ms, options->threads,
           options->processes, options->objects, options->sessions);
    printf("%-38s %-18s %12s %10s %10s %7s %12s\n", "", "", "per second", "median", "99 %",
           "to raw", "to reach");
    return report;
}

void kk_bench_report_row(struct kk_bench_report *report, const struct kk_bench_row *row,
                         const struct kk_bench_figures *figures, size_t count)
{
    const char *title = row->title;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 || row->raw != NULL) {
            print_line(row, title, &figures[i], &figures[0]);
            title = "";
        }
    }
    fflush(stdout);
    if (report->json != NULL) {
        json_row(report, row, figures, count);
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
