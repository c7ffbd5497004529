/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searches of the sqlite engine: by the index of one condition's column, the other conditions
 * checked on what it yields. Which one leads is found out by counting a little, since nothing is
 * known about the columns: the cost follows the number of results, not the number of objects.
 *
 * Results are read in pages by uuid and visited between two pages, when no statement is open.
 */
#include <stdio.h>

#include "base/memory.h"
#include "store/failure.h"
#include "store/sqlite_records.h"

#include "base/banned.h"

#define PAGE 512

struct search {
    struct kk_sqlite_tx *tx;
    bool is_private;
    const struct kk_store_condition *conditions;
    size_t count;
    size_t lead;
};

/* ?1 private, ?2 the last uuid or the limit of a count, then two for each condition. */
static int parameter_of(size_t condition)
{
    return 3 + 2 * (int)condition;
}

static void put_text(struct kk_buffer *text, const char *part)
{
    kk_buffer_put(text, part, strlen(part));
}

/* " AND +c3 IN (?5, ?6)"; a column with a plus is not looked for in an index. */
static void put_condition(struct kk_buffer *text, const struct search *search, size_t i,
                          bool is_lead)
{
    const struct kk_store_condition *condition = &search->conditions[i];
    char part[80];
    int at = parameter_of(i);
    const char *sign = is_lead ? "" : "+";
    if (condition->alt_set) {
        (void)snprintf(part, sizeof part, " AND %sc%u IN (?%d, ?%d)", sign, condition->column, at,
                       at + 1);
    } else {
        (void)snprintf(part, sizeof part, " AND %sc%u = ?%d", sign, condition->column, at);
    }
    put_text(text, part);
}

static void put_index(struct kk_buffer *text, const struct search *search, size_t i)
{
    char part[40];
    if (search->count == 0) {
        put_text(text, "objects_by_uuid");
        return;
    }
    (void)snprintf(part, sizeof part, "objects_c%u", search->conditions[i].column);
    put_text(text, part);
}

static int bind_condition(sqlite3_stmt *statement, const struct search *search, size_t i)
{
    const struct kk_store_condition *condition = &search->conditions[i];
    int result = kk_sqlite_bind_u64(statement, parameter_of(i), condition->value);
    if (condition->alt_set) {
        result |= kk_sqlite_bind_u64(statement, parameter_of(i) + 1, condition->alt);
    }
    return result;
}

static KK_RV statement_of(const struct search *search, struct kk_buffer *text,
                          sqlite3_stmt **ret_statement)
{
    kk_buffer_put_u8(text, 0);
    KK_TRY(kk_buffer_check(text));
    CK_RV rv =
        kk_connection_search(search->tx->connection, (const char *)text->data, ret_statement);
    search->tx->failure = search->tx->failure == CKR_OK ? rv : search->tx->failure;
    return rv;
}

/* How many objects meet one condition, as far as `limit`. */
static KK_RV count_condition(const struct search *search, size_t i, uint64_t limit,
                             uint64_t *ret_count)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    put_text(&text, "SELECT count(*) FROM (SELECT 1 FROM objects INDEXED BY ");
    put_index(&text, search, i);
    put_text(&text, " WHERE private = ?1");
    put_condition(&text, search, i, true);
    put_text(&text, " LIMIT ?2)");
    KK_TRY(statement_of(search, &text, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, search->is_private);
    (void)kk_sqlite_bind_u64(statement, 2, limit);
    (void)bind_condition(statement, search, i);
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        return kk_sqlite_tx_fail(search->tx, result, "cannot search");
    }
    *ret_count = (uint64_t)sqlite3_column_int64(statement, 0);
    return CKR_OK;
}

/* The first condition that comes to an end below a limit; limits grow, so that the counting costs
 * no more than the search itself. */
static KK_RV choose_lead(struct search *search)
{
    for (uint64_t limit = 32; search->count > 1 && limit <= 32768; limit *= 32) {
        uint64_t least = limit;
        for (size_t i = 0; i < search->count; i++) {
            uint64_t count = 0;
            KK_TRY(count_condition(search, i, limit, &count));
            if (count < least) {
                least = count;
                search->lead = i;
            }
        }
        if (least < limit) {
            return CKR_OK;
        }
    }
    return CKR_OK;
}

/* The statement for one page, bound but for the uuid to go on from. */
static KK_RV page_statement(const struct search *search, sqlite3_stmt **ret_statement)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    put_text(&text, "SELECT uuid, generation, tag FROM objects INDEXED BY ");
    put_index(&text, search, search->lead);
    put_text(&text, " WHERE private = ?1 AND uuid > ?2");
    for (size_t i = 0; i < search->count; i++) {
        put_condition(&text, search, i, i == search->lead);
    }
    put_text(&text, " ORDER BY uuid LIMIT 512");
    KK_STATIC_ASSERT(PAGE == 512, "the text's limit");
    KK_TRY(statement_of(search, &text, ret_statement));
    (void)kk_sqlite_bind_u64(*ret_statement, 1, search->is_private);
    int result = SQLITE_OK;
    for (size_t i = 0; i < search->count; i++) {
        result |= bind_condition(*ret_statement, search, i);
    }
    return result == SQLITE_OK ? CKR_OK : kk_sqlite_tx_fail(search->tx, result, "cannot search");
}

static KK_RV read_found(const struct search *search, sqlite3_stmt *statement,
                        struct kk_store_object *object)
{
    *object = (struct kk_store_object){.is_private = search->is_private};
    object->generation = (uint64_t)sqlite3_column_int64(statement, 1);
    if (!kk_sqlite_column_bytes(statement, 0, object->uuid.bytes, sizeof object->uuid.bytes) ||
        !kk_sqlite_column_bytes(statement, 2, object->tag, sizeof object->tag)) {
        return kk_failure_sqlite(NULL, SQLITE_CORRUPT, search->tx->store->paths->db,
                                 "an object's name or tag");
    }
    return CKR_OK;
}

/* Most searches find one or none: room for a whole page would take longer than they. */
struct page {
    struct kk_store_object *objects;
    size_t count, room;
};

static void page_clear(struct page *page)
{
    kk_free(page->objects);
}

static KK_RV page_room(struct page *page)
{
    if (page->count < page->room) {
        return CKR_OK;
    }
    size_t room = KK_MIN(KK_MAX(page->room * 8, (size_t)8), (size_t)PAGE);
    KK_TRY(kk_realloc_array(&page->objects, room, sizeof *page->objects));
    page->room = room;
    return CKR_OK;
}

static KK_RV read_page(const struct search *search, struct kk_span after, struct page *page)
{
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    KK_TRY(page_statement(search, &statement));
    (void)kk_sqlite_bind_span(statement, 2, after);
    int result = SQLITE_ROW;
    page->count = 0;
    while (page->count < PAGE && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        KK_TRY(page_room(page));
        KK_TRY(read_found(search, statement, &page->objects[page->count]));
        page->count++;
    }
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return kk_sqlite_tx_fail(search->tx, result, "cannot search");
    }
    return CKR_OK;
}

static KK_RV visit_pages(const struct search *search, kk_store_object_visit *visit, void *context)
{
    KK_CLEANUP(page_clear) struct page page = {0};
    struct kk_uuid last = {{0}};
    struct kk_span after = {0}; /* the empty blob sorts before every uuid */
    do {
        KK_TRY(read_page(search, after, &page));
        for (size_t i = 0; i < page.count; i++) {
            last = page.objects[i].uuid;
            KK_TRY(visit(&page.objects[i], context));
        }
        after = KK_SPAN_ARRAY(last.bytes);
    } while (page.count == PAGE);
    return CKR_OK;
}

KK_RV kk_sqlite_object_find(struct kk_store_tx *base, enum kk_store_private which,
                            const struct kk_store_condition *conditions, size_t count,
                            kk_store_object_visit *visit, void *context)
{
    for (size_t i = 0; i < count; i++) {
        KK_ENSURE(conditions[i].column < KK_STORE_COLUMNS, CKR_GENERAL_ERROR);
    }
    struct search search = {.tx = kk_sqlite_tx_of(base),
                            .is_private = which == KK_STORE_PRIVATE_ONLY,
                            .conditions = conditions,
                            .count = count};
    KK_TRY(choose_lead(&search));
    CK_RV rv = visit_pages(&search, visit, context);
    return rv == CKR_CANCEL ? CKR_OK : rv;
}

/* " AND +c1 IS NULL" for each column of the set. */
static void put_columns(struct kk_buffer *text, uint32_t set, const char *what)
{
    for (unsigned int i = 0; i < KK_STORE_COLUMNS; i++) {
        char part[40];
        if ((set >> i & 1) != 0) {
            (void)snprintf(part, sizeof part, " AND +c%u IS%s NULL", i, what);
            put_text(text, part);
        }
    }
}

/* By the index of the last column of `with`, which has those objects only. */
KK_RV kk_sqlite_object_any(struct kk_store_tx *base, enum kk_store_private which, uint32_t with,
                           uint32_t without, bool *ret_any)
{
    KK_ENSURE(with != 0 && (with | without) >> KK_STORE_COLUMNS == 0, CKR_GENERAL_ERROR);
    const struct search search = {.tx = kk_sqlite_tx_of(base)};
    unsigned int lead = 31 - (unsigned int)__builtin_clz(with);
    char from[96];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    KK_CLEANUP(kk_statement_done) sqlite3_stmt *statement = NULL;
    (void)snprintf(from, sizeof from,
                   "SELECT 1 FROM objects INDEXED BY objects_c%u WHERE private = ?1 AND c%u IS NOT "
                   "NULL",
                   lead, lead);
    put_text(&text, from);
    put_columns(&text, with, " NOT");
    put_columns(&text, without, "");
    put_text(&text, " LIMIT 1");
    KK_TRY(statement_of(&search, &text, &statement));
    (void)kk_sqlite_bind_u64(statement, 1, which == KK_STORE_PRIVATE_ONLY);
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return kk_sqlite_tx_fail(search.tx, result, "cannot search");
    }
    *ret_any = result == SQLITE_ROW;
    return CKR_OK;
}
