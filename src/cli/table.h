/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command shows, collected first and printed as a whole: as columns, as one line per field,
 * or as JSON.
 */
#pragma once

#include "base/bytes.h"
#include "cli/json.h"

struct kk_column {
    const char *title;
    const char *key; /* in JSON */
};

struct kk_cell {
    enum { KK_CELL_NONE, KK_CELL_TEXT, KK_CELL_NUMBER, KK_CELL_BOOL } kind;
    char *text; /* KK_CELL_TEXT */
    size_t len;
    unsigned long number; /* the others */
};

/* The colour of a word of a table's first column, on a terminal. */
struct kk_table_colour {
    const char *word;
    const char *colour; /* colour.h */
};

/* Zero-initialise with its columns; free with kk_table_clear(). A failure is remembered. */
struct kk_table {
    const struct kk_column *columns;
    size_t column_count;
    size_t only_json; /* so many of the last columns are in JSON and in records only */
    const struct kk_table_colour *colours; /* ends with a NULL word; NULL: none */
    struct kk_cell *cells;                 /* row by row */
    size_t count;
    bool failed;
};

/* The next cell. Text is copied; bytes of any kind are taken. */
void kk_table_bytes(struct kk_table *table, struct kk_span value);
void kk_table_text(struct kk_table *table, const char *value);
void kk_table_number(struct kk_table *table, unsigned long value);
void kk_table_bool(struct kk_table *table, bool value);
void kk_table_none(struct kk_table *table);

/* Sorts the rows by these columns, the first of them first. */
void kk_table_sort(struct kk_table *table, const size_t *columns, size_t count);

/* With titles, one line per row; nothing but the titles when there are none. CKR_HOST_MEMORY. */
KK_RV kk_table_print(const struct kk_table *table);

/* The one row that there is, a line per column. */
KK_RV kk_table_print_record(const struct kk_table *table);

/* An array of objects, or the one row as an object, in a document that is being written. */
void kk_table_json(const struct kk_table *table, struct kk_json *json, const char *key);
void kk_table_json_record(const struct kk_table *table, struct kk_json *json, const char *key);

void kk_table_clear(struct kk_table *table);
