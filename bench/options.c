/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line, from a table that is also the usage text.
 */
#include "options.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An option's value goes to the member at `offset`: a number within the limits, or a text. */
enum kind { TEXT, NUMBER, NUMBERS, FLAG, MODULE };

struct option_row {
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned least;
    unsigned most;
    const char *argument;
    const char *help;
};

#define AT(member) offsetof(struct kk_bench_options, member)

/* clang-format off */
static const struct option_row option_rows[] = {
    { "module", MODULE, 0, 0, 0, "FILE", "a PKCS#11 module; may be given up to 16 times" },
    { "softhsm", FLAG, AT(softhsm), 0, 0, NULL, "and SoftHSM's, where it is installed" },
    { "rows", TEXT, AT(rows), 0, 0, "LIST", "only these rows: names or patterns, separated by commas" },
    { "rounds", NUMBER, AT(rounds), 1, 1000, "N", "rounds per row (15)" },
    { "round-ms", NUMBER, AT(round_ms), 1, 600000, "N", "milliseconds that each measures in a round (200)" },
    { "threads", NUMBERS, AT(threads), 1, 256, "LIST", "threads in each process, each with a session (1)" },
    { "processes", NUMBERS, AT(processes), 1, 64, "LIST", "processes that share a token (1)" },
    { "objects", NUMBERS, AT(objects), 0, 10000000, "LIST", "private token objects made first (10)" },
    { "sessions", NUMBERS, AT(sessions), 0, 1000000, "LIST", "idle sessions opened first, per process (0)" },
    { "cpu-time", FLAG, AT(cpu_time), 0, 0, NULL, "rates per second of processor time: for a busy machine" },
    { "markdown", FLAG, AT(markdown), 0, 0, NULL, "print the table in Markdown" },
    { "json", TEXT, AT(json), 0, 0, "FILE", "write the figures there too" },
    { "directory", TEXT, AT(directory), 0, 0, "DIR", "where token folders are made (TMPDIR, or /var/tmp)" },
    { "list", FLAG, AT(list), 0, 0, NULL, "list the rows" },
    { "solo", TEXT, AT(solo), 0, 0, "ROW", "run one row in this process, for a profiler" },
    { "count", NUMBER, AT(count), 1, 1000000000, "N", "operations with --solo (100)" },
    { "help", FLAG, AT(help), 0, 0, NULL, "this text" },
};
/* clang-format on */

enum { OPTION_COUNT = KK_BENCH_ARRAY_LEN(option_rows), PATTERN_SIZE = 64 };

static bool complain(const struct option_row *row, const char *text)
{
    fprintf(stderr, "keykist-bench: --%s wants %s from %u to %u, not '%s'\n", row->name,
            row->kind == NUMBERS ? "numbers" : "a number", row->least, row->most, text);
    return false;
}

/* One number, up to the end or a comma; *end is where it stopped. "n" is the machine's processors.
 */
static bool read_one(const struct option_row *row, const char *text, char **end, unsigned *ret)
{
    if (row->kind == NUMBERS && text[0] == 'n') {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        *end = (char *)(uintptr_t)text + 1;
        *ret = processors < 1 ? 1 : (unsigned)processors;
    } else {
        errno = 0;
        unsigned long number = strtoul(text, end, 10);
        if (text[0] < '0' || text[0] > '9' || errno != 0 || number > row->most) {
            return false;
        }
        *ret = (unsigned)number;
    }
    return *ret >= row->least && *ret <= row->most;
}

static bool read_number(const struct option_row *row, const char *text, unsigned *ret_number)
{
    char *end = NULL;
    return (read_one(row, text, &end, ret_number) && *end == '\0') || complain(row, text);
}

static bool read_numbers(const struct option_row *row, const char *text, struct kk_bench_list *list)
{
    const char *at = text;
    char *end = NULL;
    *list = (struct kk_bench_list){0};
    do {
        if (list->count == KK_BENCH_LIST_MAX ||
            !read_one(row, at, &end, &list->values[list->count])) {
            return complain(row, text);
        }
        bool known = false;
        for (size_t i = 0; i < list->count; i++) {
            known = known || list->values[i] == list->values[list->count];
        }
        list->count += !known; /* "1,2,n" on two processors */
        at = end + 1;
    } while (*end == ',');
    return *end == '\0' || complain(row, text);
}

unsigned kk_bench_list_max(const struct kk_bench_list *list)
{
    unsigned most = 0;
    for (size_t i = 0; i < list->count; i++) {
        most = list->values[i] > most ? list->values[i] : most;
    }
    return most;
}

static bool add_module(struct kk_bench_options *options, const char *path)
{
    if (options->module_count == KK_BENCH_MODULES) {
        fprintf(stderr, "keykist-bench: more than %d modules\n", KK_BENCH_MODULES);
        return false;
    }
    options->module[options->module_count++] = path;
    return true;
}

static bool take(struct kk_bench_options *options, const struct option_row *row, const char *value)
{
    void *member = (char *)options + row->offset;
    switch (row->kind) {
    case TEXT:
        *(const char **)member = value;
        return true;
    case NUMBER:
        return read_number(row, value, member);
    case NUMBERS:
        return read_numbers(row, value, member);
    case FLAG:
        *(bool *)member = true;
        return true;
    case MODULE:
        return add_module(options, value);
    }
    return false;
}

/* Takes the next of a list of patterns; false at its end. */
static bool next_pattern(const char **list, char pattern[PATTERN_SIZE])
{
    if (*list == NULL || **list == '\0') {
        return false;
    }
    size_t len = strcspn(*list, ",");
    snprintf(pattern, PATTERN_SIZE, "%.*s", (int)len, *list);
    *list += len + ((*list)[len] == ',');
    return true;
}

/* Whether there is a pattern that no row matches. */
static bool find_unmatched(const char *list, char pattern[PATTERN_SIZE])
{
    while (next_pattern(&list, pattern)) {
        bool matched = false;
        for (size_t i = 0; i < kk_bench_row_count; i++) {
            matched = matched || fnmatch(pattern, kk_bench_rows[i].name, 0) == 0;
        }
        if (!matched) {
            return true;
        }
    }
    return false;
}

static bool check(const struct kk_bench_options *options)
{
    char pattern[PATTERN_SIZE];
    const char *missing = find_unmatched(options->rows, pattern) ? pattern : NULL;
    if (missing == NULL && options->solo != NULL && kk_bench_row_find(options->solo) == NULL) {
        missing = options->solo;
    }
    if (missing != NULL) {
        fprintf(stderr, "keykist-bench: there is no row '%s' (--list shows them)\n", missing);
        return false;
    }
    if (options->solo != NULL && options->module_count > 1) {
        fprintf(stderr, "keykist-bench: --solo runs one module\n");
        return false;
    }
    return true;
}

bool kk_bench_options_read(int argc, char **argv, struct kk_bench_options *ret_options)
{
    struct option known[OPTION_COUNT + 1] = {{0}};
    for (int i = 0; i < OPTION_COUNT; i++) {
        known[i] =
            (struct option){option_rows[i].name,
                            option_rows[i].kind == FLAG ? no_argument : required_argument, NULL, i};
    }
    const char *temporary = getenv("TMPDIR");
    *ret_options = (struct kk_bench_options){
        .rounds = 15,
        .round_ms = 200,
        .threads = {{1}, 1},
        .processes = {{1}, 1},
        .objects = {{10}, 1},
        .sessions = {{0}, 1},
        .count = 100,
    };
    /* Not /tmp: it is often in memory, where a durable write costs nothing. */
    ret_options->directory = temporary != NULL && temporary[0] != '\0' ? temporary : "/var/tmp";
    int chosen;
    while ((chosen = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (chosen == '?' || !take(ret_options, &option_rows[chosen], optarg)) {
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "keykist-bench: unexpected argument '%s'\n", argv[optind]);
        return false;
    }
    if (ret_options->softhsm) {
        kk_bench_add_softhsm(ret_options);
    }
    return check(ret_options);
}

void kk_bench_options_usage(void)
{
    printf("Usage: keykist-bench [OPTION...]\n"
           "Measures PKCS#11 modules side by side with raw OpenSSL.\n\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        char left[32];
        snprintf(left, sizeof(left), "--%s %s", option_rows[i].name,
                 option_rows[i].argument != NULL ? option_rows[i].argument : "");
        printf("  %-18s %s\n", left, option_rows[i].help);
    }
    printf("\nA LIST of numbers is like 1,2,n; n is the number of processors.\n");
}

bool kk_bench_options_include(const struct kk_bench_options *options,
                              const struct kk_bench_row *row)
{
    char pattern[PATTERN_SIZE];
    const char *list = options->rows;
    while (next_pattern(&list, pattern)) {
        if (fnmatch(pattern, row->name, 0) == 0) {
            return true;
        }
    }
    return options->rows == NULL;
}
