/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of functions and codes. A pair is listed by the standard, or not; it was provoked, or
 * not; and it is among those that nothing can provoke, or not.
 */
#include "codes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki/names.h"
#include "seen.h"

enum { FUNCTIONS = 128, CODES = 160 };

/* Of one function and one code. */
struct pair {
    bool listed;
    bool unreachable;
    bool depends;            /* on the build: reached or not */
    const char *provoked_by; /* a check's id; NULL: by none */
};

static CK_RV codes[CODES];
static size_t code_count;
static struct pair table[FUNCTIONS][CODES];
static unsigned judged[FUNCTIONS]; /* each row of these checks is one of its places */

static void die(const char *file, const char *what, const char *detail)
{
    fprintf(stderr, "conformance: %s: %s %s\n", file, what, detail);
    exit(2);
}

/* The place of a code in the table. */
static size_t code_number(CK_RV rv)
{
    for (size_t i = 0; i < code_count; i++) {
        if (codes[i] == rv)
            return i;
    }
    if (code_count == CODES)
        die("codes", "too many of them", "");
    codes[code_count] = rv;
    return code_count++;
}

static unsigned function_number(const char *file, const char *name)
{
    for (unsigned i = 0; seen_name(i) != NULL; i++) {
        if (strcmp(seen_name(i), name) == 0)
            return i;
    }
    die(file, "no such function:", name);
    return 0;
}

static size_t named_code(const char *file, const char *name)
{
    CK_ULONG rv = 0;
    if (!kk_names_lookup(KK_NAMES_CKR, name, &rv))
        die(file, "no such code:", name);
    return code_number(rv);
}

/* ---- the standard's lists: a function and some of its codes in each line ---- */

static void read_listed(const char *file)
{
    static struct lines lines;
    report_read_lines(file, &lines);
    for (size_t i = 0; i < lines.count; i++) {
        char *save = NULL;
        unsigned function = function_number(file, strtok_r(lines.line[i], " ", &save));
        for (char *name = NULL; (name = strtok_r(NULL, " ", &save)) != NULL;)
            table[function][named_code(file, name)].listed = true;
    }
}

/* ---- what cannot be reached: rows "| codes | functions | reason |" below a heading ---- */

/* Every function that lists the code, or those that the cell names. */
static void mark_functions(const char *file, size_t code, const char *cell, bool depends)
{
    char copy[4096];
    char *save = NULL;
    bool every = strstr(cell, "every function") != NULL;
    for (unsigned i = 0; every && seen_name(i) != NULL; i++) {
        table[i][code].unreachable |= table[i][code].listed && !depends;
        table[i][code].depends |= table[i][code].listed && depends;
    }
    snprintf(copy, sizeof copy, "%s", every ? "" : cell);
    for (char *name = strtok_r(copy, " ,`", &save); name != NULL;
         name = strtok_r(NULL, " ,`", &save)) {
        struct pair *pair = &table[function_number(file, name)][code];
        if (!pair->listed)
            die(file, "a code that the standard does not list for", name);
        if (pair->unreachable || pair->depends)
            die(file, "twice:", name);
        *(depends ? &pair->depends : &pair->unreachable) = true;
    }
}

static void take_row(const char *file, char *row, bool depends)
{
    char *cells[3] = {NULL}, *save = NULL, *more = NULL;
    char *rest = row;
    for (size_t i = 0; i < COUNT(cells); i++) {
        cells[i] = strtok_r(rest, "|\n", &save);
        rest = NULL;
        if (cells[i] == NULL)
            die(file, "a row with too few cells:", row);
    }
    if (strstr(cells[0], "CKR_") == NULL)
        return; /* the head of a table */
    if (strspn(cells[2], " ") == strlen(cells[2]))
        die(file, "no reason for", cells[0]);
    for (char *name = strtok_r(cells[0], " ,`", &more); name != NULL;
         name = strtok_r(NULL, " ,`", &more))
        mark_functions(file, named_code(file, name), cells[1], depends);
}

static void read_unreachable(const char *path)
{
    char line[8192];
    bool depends = false;
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    if (path != NULL && file == NULL)
        die(path, strerror(errno), "");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            depends = strstr(line, "build") != NULL;
        if (line[0] == '|')
            take_row(path, line, depends);
    }
    if (file != NULL)
        fclose(file);
}

/* ---- judging ---- */

/* Never run: codes_judge() is asked. */
static void provoked(const void *row)
{
    (void)row;
}

static const struct check check = CHECK_ROW(FIX_LIBRARY, provoked, "Function return values",
                                            "each code that is listed is provoked, or can't be");

static bool is_listed(unsigned function)
{
    for (size_t i = 0; i < code_count; i++) {
        if (table[function][i].listed)
            return true;
    }
    return false;
}

void codes_register(const char *listed, const char *unreachable)
{
    if (listed == NULL)
        return;
    read_listed(listed);
    read_unreachable(unreachable);
    for (unsigned i = 0; seen_name(i) != NULL; i++) {
        judged[i] = i;
        if (is_listed(i))
            check_add_row("codes", &check, seen_name(i), &judged[i]);
    }
}

bool codes_is_one(const struct registered_check *entry)
{
    return entry->check == &check;
}

void codes_note(unsigned function, CK_RV rv, const char *check_id)
{
    if (seen_name(function) == NULL)
        return;
    struct pair *pair = &table[function][code_number(rv)];
    if (pair->provoked_by == NULL)
        pair->provoked_by = check_id;
}

static const char *fault_of(const struct pair *pair)
{
    if (!pair->listed || pair->depends)
        return NULL;
    if (pair->unreachable)
        return pair->provoked_by == NULL ? NULL : "provoked, but said to be unreachable";
    return pair->provoked_by == NULL ? "not provoked" : NULL;
}

enum result codes_judge(const struct registered_check *entry, char *detail, size_t size)
{
    const unsigned *function = entry->row;
    size_t used = 0;
    for (size_t i = 0; i < code_count; i++) {
        const char *fault = fault_of(&table[*function][i]);
        if (fault != NULL && used < size)
            used += (size_t)snprintf(detail + used, size - used, "%s%s: %s", used > 0 ? "; " : "",
                                     rv_name(codes[i]), fault);
    }
    return used == 0 ? RESULT_OK : RESULT_FAIL;
}

void codes_summary(void)
{
    size_t listed = 0, provoked = 0, unreachable = 0;
    for (unsigned i = 0; seen_name(i) != NULL; i++) {
        for (size_t k = 0; k < code_count; k++) {
            const struct pair *pair = &table[i][k];
            listed += pair->listed;
            provoked += pair->listed && pair->provoked_by != NULL;
            unreachable += pair->unreachable;
        }
    }
    if (listed > 0)
        printf("# of %zu codes of functions %zu were provoked, %zu can't be\n", listed, provoked,
               unreachable);
}

bool codes_write(const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fprintf(stderr, "conformance: %s: %s\n", path, strerror(errno));
        return false;
    }
    for (unsigned i = 0; seen_name(i) != NULL; i++) {
        for (size_t k = 0; k < code_count; k++) {
            const struct pair *pair = &table[i][k];
            if (pair->provoked_by != NULL)
                fprintf(out, "%s %s %s%s\n", seen_name(i), rv_name(codes[k]), pair->provoked_by,
                        pair->listed ? "" : " (not listed)");
        }
    }
    return fclose(out) == 0;
}
