/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of cells, printed in three ways.
 */
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/colour.h"
#include "cli/text.h"

#include "base/banned.h"

static struct kk_cell *add(struct kk_table *table)
{
    if (!table->failed &&
        kk_realloc_array(&table->cells, table->count + 1, sizeof *table->cells) != CKR_OK) {
        table->failed = true;
    }
    if (table->failed) {
        return NULL;
    }
    struct kk_cell *cell = &table->cells[table->count++];
    *cell = (struct kk_cell){.kind = KK_CELL_NONE};
    return cell;
}

void kk_table_bytes(struct kk_table *table, struct kk_span value)
{
    struct kk_cell *cell = add(table);
    if (cell == NULL) {
        return;
    }
    if (kk_memdup(value.len > 0 ? (const void *)value.data : "", value.len, &cell->text) !=
        CKR_OK) {
        table->failed = true;
        return;
    }
    cell->kind = KK_CELL_TEXT;
    cell->len = value.len;
}

void kk_table_text(struct kk_table *table, const char *value)
{
    kk_table_bytes(table, KK_SPAN(value, strlen(value)));
}

void kk_table_number(struct kk_table *table, unsigned long value)
{
    struct kk_cell *cell = add(table);
    if (cell != NULL) {
        cell->kind = KK_CELL_NUMBER;
        cell->number = value;
    }
}

void kk_table_bool(struct kk_table *table, bool value)
{
    struct kk_cell *cell = add(table);
    if (cell != NULL) {
        cell->kind = KK_CELL_BOOL;
        cell->number = value ? 1 : 0;
    }
}

void kk_table_none(struct kk_table *table)
{
    (void)add(table);
}

/* ---- order ---- */

static int compare_cells(const struct kk_cell *a, const struct kk_cell *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind != KK_CELL_TEXT) {
        return a->number == b->number ? 0 : a->number < b->number ? -1 : 1;
    }
    /* Byte by byte: the same order in every locale. */
    for (size_t i = 0; i < a->len && i < b->len; i++) {
        if (a->text[i] != b->text[i]) {
            return (uint8_t)a->text[i] < (uint8_t)b->text[i] ? -1 : 1;
        }
    }
    return a->len == b->len ? 0 : a->len < b->len ? -1 : 1;
}

struct order {
    const size_t *columns;
    size_t count;
};

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct order *order = context;
    int result = 0;
    for (size_t i = 0; result == 0 && i < order->count; i++) {
        result = compare_cells((const struct kk_cell *)a + order->columns[i],
                               (const struct kk_cell *)b + order->columns[i]);
    }
    return result;
}

void kk_table_sort(struct kk_table *table, const size_t *columns, size_t count)
{
    struct order order = {.columns = columns, .count = count};
    if (!table->failed && table->count > 0) {
        qsort_r(table->cells, table->count / table->column_count,
                table->column_count * sizeof *table->cells, compare_rows, &order);
    }
}

/* ---- printing ---- */

/* Appends the cell and returns how wide it is. */
static size_t put_cell(struct kk_buffer *out, const struct kk_cell *cell)
{
    char number[24] = "-";
    if (cell->kind == KK_CELL_TEXT) {
        return kk_text_put(out, KK_SPAN(cell->text, cell->len));
    }
    if (cell->kind == KK_CELL_NUMBER) {
        (void)snprintf(number, sizeof number, "%lu", cell->number);
    } else if (cell->kind == KK_CELL_BOOL) {
        (void)snprintf(number, sizeof number, "%s", cell->number != 0 ? "yes" : "no");
    }
    kk_buffer_put(out, number, strlen(number));
    return strlen(number);
}

static void put_blanks(struct kk_buffer *out, size_t count)
{
    for (; count > 0; count--) {
        kk_buffer_put_u8(out, ' ');
    }
}

static KK_RV column_width(const struct kk_table *table, size_t column, size_t *ret_width)
{
    *ret_width = strlen(table->columns[column].title);
    for (size_t i = column; i < table->count; i += table->column_count) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
        size_t width = put_cell(&text, &table->cells[i]);
        KK_TRY(kk_buffer_check(&text));
        *ret_width = KK_MAX(*ret_width, width);
    }
    return CKR_OK;
}

#define GAP 2

/* The colour of a row's first cell, or of the titles; "": none. */
static const char *colour_of(const struct kk_table *table, const struct kk_cell *cells)
{
    if (!kk_colour_is_on(stdout)) {
        return "";
    }
    for (const struct kk_table_colour *row = table->colours;
         cells != NULL && row != NULL && row->word != NULL; row++) {
        if (cells->kind == KK_CELL_TEXT && strcmp(cells->text, row->word) == 0) {
            return row->colour;
        }
    }
    return cells == NULL ? KK_COLOUR_BOLD : "";
}

static void put_text(struct kk_buffer *out, const char *text)
{
    kk_buffer_put(out, text, strlen(text));
}

/* `cells` NULL: the titles. The last column is not padded. */
static void put_row(const struct kk_table *table, const struct kk_cell *cells, const size_t *widths,
                    struct kk_buffer *out)
{
    const char *colour = colour_of(table, cells);
    bool is_coloured = colour[0] != '\0';
    size_t shown = table->column_count - table->only_json;
    put_text(out, colour);
    for (size_t i = 0; i < shown; i++) {
        const char *title = table->columns[i].title;
        size_t width = strlen(title);
        if (cells != NULL) {
            width = put_cell(out, &cells[i]);
        } else {
            put_text(out, title);
        }
        if (i == 0 && cells != NULL && is_coloured) {
            put_text(out, KK_COLOUR_END);
        }
        if (i + 1 < shown) {
            put_blanks(out, widths[i] - width + GAP);
        }
    }
    put_text(out, cells == NULL && is_coloured ? KK_COLOUR_END "\n" : "\n");
}

static KK_RV print(const struct kk_buffer *out)
{
    KK_TRY(kk_buffer_check(out));
    (void)fwrite(out->data, 1, out->len, stdout);
    return CKR_OK;
}

KK_RV kk_table_print(const struct kk_table *table)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {0};
    KK_CLEANUP(kk_freep) size_t *widths = NULL;
    KK_ENSURE(!table->failed, CKR_HOST_MEMORY);
    KK_TRY(kk_alloc_array(table->column_count, sizeof *widths, &widths));
    for (size_t i = 0; i < table->column_count; i++) {
        KK_TRY(column_width(table, i, &widths[i]));
    }
    put_row(table, NULL, widths, &out);
    for (size_t i = 0; i < table->count; i += table->column_count) {
        put_row(table, &table->cells[i], widths, &out);
    }
    return print(&out);
}

KK_RV kk_table_print_record(const struct kk_table *table)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {0};
    size_t widest = 0;
    KK_ENSURE(!table->failed, CKR_HOST_MEMORY);
    for (size_t i = 0; i < table->column_count; i++) {
        widest = KK_MAX(widest, strlen(table->columns[i].title));
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const char *title = table->columns[i].title;
        put_text(&out, colour_of(table, NULL));
        put_text(&out, title);
        put_text(&out, kk_colour_is_on(stdout) ? KK_COLOUR_END : "");
        put_blanks(&out, widest - strlen(title) + GAP);
        (void)put_cell(&out, &table->cells[i]);
        kk_buffer_put_u8(&out, '\n');
    }
    return print(&out);
}

static void json_cell(struct kk_json *json, const char *key, const struct kk_cell *cell)
{
    switch (cell->kind) {
    case KK_CELL_TEXT:
        kk_json_bytes(json, key, KK_SPAN(cell->text, cell->len));
        break;
    case KK_CELL_NUMBER:
        kk_json_number(json, key, cell->number);
        break;
    case KK_CELL_BOOL:
        kk_json_bool(json, key, cell->number != 0);
        break;
    case KK_CELL_NONE:
        kk_json_null(json, key);
        break;
    }
}

static void json_row(const struct kk_table *table, size_t first, struct kk_json *json,
                     const char *key)
{
    kk_json_object(json, key);
    for (size_t i = 0; i < table->column_count; i++) {
        json_cell(json, table->columns[i].key, &table->cells[first + i]);
    }
    kk_json_end(json);
}

void kk_table_json(const struct kk_table *table, struct kk_json *json, const char *key)
{
    json->text.failed |= table->failed;
    kk_json_array(json, key);
    for (size_t i = 0; !table->failed && i < table->count; i += table->column_count) {
        json_row(table, i, json, NULL);
    }
    kk_json_end(json);
}

void kk_table_json_record(const struct kk_table *table, struct kk_json *json, const char *key)
{
    json->text.failed |= table->failed;
    if (!table->failed) {
        json_row(table, 0, json, key);
    }
}

void kk_table_clear(struct kk_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        kk_free(table->cells[i].text);
    }
    kk_free(table->cells);
    table->cells = NULL;
    table->count = 0;
}
