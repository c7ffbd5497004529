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

/* An option's value goes to the member at `offset`: a number within the limits, or a text. */
enum kind { TEXT, NUMBER, FLAG, MODULE };

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
    { "rows", TEXT, AT(rows), 0, 0, "LIST", "only these rows: names or patterns, separated by commas" },
    { "rounds", NUMBER, AT(rounds), 1, 1000, "N", "rounds per row (15)" },
    { "round-ms", NUMBER, AT(round_ms), 1, 600000, "N", "milliseconds that each measures in a round (200)" },
    { "threads", NUMBER, AT(threads), 1, 256, "N", "threads in each process, each with a session (1)" },
    { "processes", NUMBER, AT(processes), 1, 64, "N", "processes that share a token (1)" },
    { "objects", NUMBER, AT(objects), 0, 10000000, "N", "private token objects made first (10)" },
    { "sessions", NUMBER, AT(sessions), 0, 1000000, "N", "idle sessions opened first, per process (0)" },
    { "json", TEXT, AT(json), 0, 0, "FILE", "write the figures there too" },
    { "directory", TEXT, AT(directory), 0, 0, "DIR", "where token folders are made (TMPDIR, or /var/tmp)" },
    { "list", FLAG, AT(list), 0, 0, NULL, "list the rows" },
    { "solo", TEXT, AT(solo), 0, 0, "ROW", "run one row in this process, for a profiler" },
    { "count", NUMBER, AT(count), 1, 1000000000, "N", "operations with --solo (100)" },
    { "help", FLAG, AT(help), 0, 0, NULL, "this text" },
};
/* clang-format on */

enum { OPTION_COUNT = KK_BENCH_ARRAY_LEN(option_rows), PATTERN_SIZE = 64 };

static bool read_number(const struct option_row *row, const char *text, unsigned *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < row->least ||
        number > row->most) {
        fprintf(stderr, "keykist-bench: --%s wants a number from %u to %u, not '%s'\n", row->name,
                row->least, row->most, text);
        return false;
    }
    *ret_number = (unsigned)number;
    return true;
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
        .rounds = 15, .round_ms = 200, .threads = 1, .processes = 1, .objects = 10, .count = 100};
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
