/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows and objects of the memory engine. Each change is whole: when memory runs out in the middle,
 * the transaction's state is what it was before.
 */
#include "base/memory.h"
#include "store/memory_internal.h"

#include "base/banned.h"

/* The pseudo column under which every object of a kind stands in the index. */
#define COLUMN_ALL KK_STORE_COLUMNS

static struct kk_memory_tx *tx_of(struct kk_store_tx *tx)
{
    return (struct kk_memory_tx *)tx;
}

static struct kk_memory_key row_key(uint32_t table, uint32_t no)
{
    return (struct kk_memory_key){{table, no, 0, 0}};
}

static struct kk_memory_key object_key(const struct kk_uuid *uuid)
{
    return (struct kk_memory_key){{kk_load_u64(uuid->bytes), kk_load_u64(uuid->bytes + 8), 0, 0}};
}

static struct kk_memory_key index_key(bool is_private, uint32_t column, uint64_t value,
                                      const struct kk_uuid *uuid)
{
    return (struct kk_memory_key){{(uint64_t)is_private << 32 | column, value,
                                   kk_load_u64(uuid->bytes), kk_load_u64(uuid->bytes + 8)}};
}

static KK_RV record_new(struct kk_span blob, struct kk_memory_record **ret_record)
{
    KK_ENSURE(blob.len <= KK_STORE_BLOB_MAX, CKR_DEVICE_MEMORY);
    struct kk_memory_record *record = NULL;
    KK_TRY(kk_alloc(sizeof *record + blob.len, &record));
    atomic_init(&record->refs, 1);
    if (blob.len > 0) {
        memcpy(record->blob, blob.data, blob.len);
    }
    *ret_record = record;
    return CKR_OK;
}

static CK_RV end_of_visits(CK_RV rv)
{
    return rv == CKR_CANCEL ? CKR_OK : rv;
}

/* ---- rows ---- */

KK_RV kk_memory_row_get(struct kk_store_tx *tx, uint32_t table, uint32_t no,
                        struct kk_store_row *ret_row, struct kk_buffer *ret_blob)
{
    kk_buffer_clear(ret_blob);
    struct kk_memory_key key = row_key(table, no);
    const struct kk_memory_record *record = kk_memory_tree_get(tx_of(tx)->state.rows, &key);
    if (record == NULL) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    kk_buffer_put_span(ret_blob, record->row.blob);
    KK_TRY(kk_buffer_check(ret_blob));
    *ret_row = record->row;
    ret_row->blob = kk_buffer_span(ret_blob);
    return CKR_OK;
}

KK_RV kk_memory_row_put(struct kk_store_tx *tx, const struct kk_store_row *row)
{
    KK_ENSURE(tx_of(tx)->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_memory_record_unrefp) struct kk_memory_record *record = NULL;
    KK_TRY(record_new(row->blob, &record));
    record->row = *row;
    record->row.blob = KK_SPAN(record->blob, row->blob.len);
    struct kk_memory_key key = row_key(row->table, row->no);
    return kk_memory_tree_put(&tx_of(tx)->state.rows, &key, record);
}

KK_RV kk_memory_row_delete(struct kk_store_tx *tx, uint32_t table, uint32_t no)
{
    KK_ENSURE(tx_of(tx)->writes, CKR_GENERAL_ERROR);
    struct kk_memory_key key = row_key(table, no);
    return kk_memory_tree_delete(&tx_of(tx)->state.rows, &key);
}

struct row_walk {
    uint64_t since;
    bool with_blobs;
    kk_store_row_visit *visit;
    void *context;
};

static CK_RV visit_row(const struct kk_memory_record *record, void *context)
{
    const struct row_walk *walk = context;
    if (record->row.generation <= walk->since) {
        return CKR_OK;
    }
    struct kk_store_row row = record->row;
    row.blob = walk->with_blobs ? row.blob : (struct kk_span){0};
    return walk->visit(&row, walk->context);
}

KK_RV kk_memory_row_each(struct kk_store_tx *tx, uint32_t table, uint64_t since, bool with_blobs,
                         kk_store_row_visit *visit, void *context)
{
    /* The walk keeps a reference: a visit may write. */
    KK_CLEANUP(kk_memory_tree_unrefp) struct kk_memory_node *rows =
        kk_memory_tree_ref(tx_of(tx)->state.rows);
    struct row_walk walk = {since, with_blobs, visit, context};
    struct kk_memory_key from = row_key(table, 0);
    struct kk_memory_key to = row_key(table, UINT32_MAX);
    return end_of_visits(kk_memory_tree_walk(rows, &from, &to, visit_row, &walk));
}

/* ---- objects ---- */

static KK_RV index_change(struct kk_memory_state *state, struct kk_memory_record *record, bool add)
{
    const struct kk_store_object *object = &record->object;
    for (uint32_t column = 0; column <= COLUMN_ALL; column++) {
        bool is_all = column == COLUMN_ALL;
        if (!is_all && (object->columns_set >> column & 1) == 0) {
            continue;
        }
        uint64_t value = is_all ? 0 : object->columns[column];
        struct kk_memory_key key = index_key(object->is_private, column, value, &object->uuid);
        KK_TRY(add ? kk_memory_tree_put(&state->index, &key, record)
                   : kk_memory_tree_delete(&state->index, &key));
    }
    state->counts[object->is_private] += add ? 1 : UINT64_MAX;
    return CKR_OK;
}

static KK_RV remove_object(struct kk_memory_state *state, struct kk_memory_record *record)
{
    struct kk_memory_key key = object_key(&record->object.uuid);
    KK_TRY(index_change(state, record, false));
    return kk_memory_tree_delete(&state->objects, &key);
}

/* A copy of the transaction's state to work on, put in its place when all went well. */
static void take_over(struct kk_memory_tx *tx, struct kk_memory_state *changed)
{
    struct kk_memory_state old = tx->state;
    tx->state = *changed;
    *changed = old;
}

KK_RV kk_memory_object_get(struct kk_store_tx *tx, const struct kk_uuid *uuid,
                           struct kk_store_object *ret_object, struct kk_buffer *ret_blob)
{
    kk_buffer_clear(ret_blob);
    struct kk_memory_key key = object_key(uuid);
    const struct kk_memory_record *record = kk_memory_tree_get(tx_of(tx)->state.objects, &key);
    if (record == NULL) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    kk_buffer_put_span(ret_blob, record->object.blob);
    KK_TRY(kk_buffer_check(ret_blob));
    *ret_object = record->object;
    ret_object->blob = kk_buffer_span(ret_blob);
    return CKR_OK;
}

static KK_RV object_record_new(const struct kk_store_object *object,
                               struct kk_memory_record **ret_record)
{
    KK_TRY(record_new(object->blob, ret_record));
    struct kk_store_object *kept = &(*ret_record)->object;
    *kept = *object;
    kept->blob = KK_SPAN((*ret_record)->blob, object->blob.len);
    kept->columns_set &= (1u << KK_STORE_COLUMNS) - 1;
    for (size_t i = 0; i < KK_STORE_COLUMNS; i++) {
        kept->columns[i] = (kept->columns_set >> i & 1) != 0 ? kept->columns[i] : 0;
    }
    return CKR_OK;
}

KK_RV kk_memory_object_put(struct kk_store_tx *tx, const struct kk_store_object *object)
{
    KK_ENSURE(tx_of(tx)->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_memory_record_unrefp) struct kk_memory_record *record = NULL;
    KK_TRY(object_record_new(object, &record));

    KK_CLEANUP(kk_memory_state_clear) struct kk_memory_state state;
    kk_memory_state_ref(&tx_of(tx)->state, &state);
    struct kk_memory_key key = object_key(&object->uuid);
    struct kk_memory_record *old = kk_memory_tree_get(state.objects, &key);
    if (old != NULL) {
        KK_TRY(remove_object(&state, old));
    }
    KK_TRY(kk_memory_tree_put(&state.objects, &key, record));
    KK_TRY(index_change(&state, record, true));
    take_over(tx_of(tx), &state);
    return CKR_OK;
}

KK_RV kk_memory_object_delete(struct kk_store_tx *tx, const struct kk_uuid *uuid)
{
    KK_ENSURE(tx_of(tx)->writes, CKR_GENERAL_ERROR);
    KK_CLEANUP(kk_memory_state_clear) struct kk_memory_state state;
    kk_memory_state_ref(&tx_of(tx)->state, &state);
    struct kk_memory_key key = object_key(uuid);
    struct kk_memory_record *record = kk_memory_tree_get(state.objects, &key);
    if (record == NULL) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    KK_TRY(remove_object(&state, record));
    take_over(tx_of(tx), &state);
    return CKR_OK;
}

KK_RV kk_memory_object_count(struct kk_store_tx *tx, enum kk_store_private which,
                             uint64_t *ret_count)
{
    *ret_count = tx_of(tx)->state.counts[which == KK_STORE_PRIVATE_ONLY];
    return CKR_OK;
}

static CK_RV clear_one(const struct kk_memory_record *record, void *context)
{
    return remove_object(context, (struct kk_memory_record *)record);
}

static const struct kk_uuid lowest = {{0}};
static const struct kk_uuid highest = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

KK_RV kk_memory_object_clear(struct kk_store_tx *tx, enum kk_store_private which)
{
    KK_ENSURE(tx_of(tx)->writes, CKR_GENERAL_ERROR);
    bool is_private = which == KK_STORE_PRIVATE_ONLY;
    KK_CLEANUP(kk_memory_state_clear) struct kk_memory_state state;
    kk_memory_state_ref(&tx_of(tx)->state, &state);
    struct kk_memory_key from = index_key(is_private, COLUMN_ALL, 0, &lowest);
    struct kk_memory_key to = index_key(is_private, COLUMN_ALL, 0, &highest);
    KK_TRY(kk_memory_tree_walk(tx_of(tx)->state.index, &from, &to, clear_one, &state));
    take_over(tx_of(tx), &state);
    return CKR_OK;
}

/* ---- finding ---- */

struct search {
    const struct kk_memory_node *index;
    bool is_private;
    const struct kk_store_condition *conditions;
    size_t count;
    struct kk_buffer found; /* records, as pointers; the transaction's tree keeps them */
};

static bool is_met(const struct kk_store_condition *condition, const struct kk_store_object *object)
{
    if (condition->column == COLUMN_ALL) {
        return true;
    }
    uint64_t value = object->columns[condition->column];
    return (object->columns_set >> condition->column & 1) != 0 &&
           (value == condition->value || (condition->alt_set && value == condition->alt));
}

static CK_RV collect(const struct kk_memory_record *record, void *context)
{
    struct search *search = context;
    for (size_t i = 0; i < search->count; i++) {
        if (!is_met(&search->conditions[i], &record->object)) {
            return CKR_OK;
        }
    }
    kk_buffer_put(&search->found, &record, sizeof record);
    return kk_buffer_check(&search->found);
}

static KK_RV walk_value(const struct search *search, uint32_t column, uint64_t value,
                        kk_memory_visit *visit, void *context)
{
    struct kk_memory_key from = index_key(search->is_private, column, value, &lowest);
    struct kk_memory_key to = index_key(search->is_private, column, value, &highest);
    return kk_memory_tree_walk(search->index, &from, &to, visit, context);
}

static KK_RV walk_condition(const struct search *search, const struct kk_store_condition *condition,
                            kk_memory_visit *visit, void *context)
{
    KK_TRY(walk_value(search, condition->column, condition->value, visit, context));
    if (!condition->alt_set || condition->alt == condition->value) {
        return CKR_OK;
    }
    return walk_value(search, condition->column, condition->alt, visit, context);
}

/* How many candidates it is worth counting before a condition counts as a wide one. */
#define COUNT_LIMIT 256

static CK_RV count_one(const struct kk_memory_record *record, void *context)
{
    (void)record;
    size_t *count = context;
    return ++*count < COUNT_LIMIT ? CKR_OK : CKR_CANCEL;
}

/* The condition that fewest objects meet leads the search; the others are checked on those. */
static const struct kk_store_condition *choose(const struct search *search)
{
    size_t best = 0;
    size_t best_count = COUNT_LIMIT;
    for (size_t i = 0; i < search->count && search->count > 1; i++) {
        size_t count = 0;
        CK_RV rv = walk_condition(search, &search->conditions[i], count_one, &count);
        if (rv == CKR_OK && count < best_count) {
            best = i;
            best_count = count;
        }
    }
    return &search->conditions[best];
}

static int by_uuid(const void *a, const void *b)
{
    const struct kk_memory_record *left = NULL;
    const struct kk_memory_record *right = NULL;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return kk_uuid_compare(&left->object.uuid, &right->object.uuid);
}

/* Search results carry no columns and no blob: so do those of engines that read an index alone. */
static struct kk_store_object without_body(const struct kk_store_object *object)
{
    struct kk_store_object bare = {
        .uuid = object->uuid, .generation = object->generation, .is_private = object->is_private};
    memcpy(bare.tag, object->tag, sizeof bare.tag);
    return bare;
}

static CK_RV visit_found(const struct search *search, kk_store_object_visit *visit, void *context)
{
    for (size_t at = 0; at < search->found.len; at += sizeof(struct kk_memory_record *)) {
        const struct kk_memory_record *record = NULL;
        memcpy(&record, search->found.data + at, sizeof record);
        struct kk_store_object object = without_body(&record->object);
        KK_TRY(visit(&object, context));
    }
    return CKR_OK;
}

static void search_clear(struct search *search)
{
    kk_buffer_clear(&search->found);
}

KK_RV kk_memory_object_find(struct kk_store_tx *tx, enum kk_store_private which,
                            const struct kk_store_condition *conditions, size_t count,
                            kk_store_object_visit *visit, void *context)
{
    static const struct kk_store_condition everything = {.column = COLUMN_ALL};
    for (size_t i = 0; i < count; i++) {
        KK_ENSURE(conditions[i].column < KK_STORE_COLUMNS, CKR_GENERAL_ERROR);
    }
    KK_CLEANUP(kk_memory_tree_unrefp) struct kk_memory_node *index =
        kk_memory_tree_ref(tx_of(tx)->state.index);
    KK_CLEANUP(search_clear) struct search search = {.index = index,
                                                     .is_private = which == KK_STORE_PRIVATE_ONLY,
                                                     .conditions =
                                                         count == 0 ? &everything : conditions,
                                                     .count = count == 0 ? 1 : count};
    KK_TRY(walk_condition(&search, choose(&search), collect, &search));
    if (search.found.len > 0) {
        qsort(search.found.data, search.found.len / sizeof(struct kk_memory_record *),
              sizeof(struct kk_memory_record *), by_uuid);
    }
    return end_of_visits(visit_found(&search, visit, context));
}

struct presence {
    uint32_t with, without;
    bool found;
};

static CK_RV look_for(const struct kk_memory_record *record, void *context)
{
    struct presence *presence = context;
    uint32_t set = record->object.columns_set;
    presence->found = (set & presence->with) == presence->with && (set & presence->without) == 0;
    return presence->found ? CKR_CANCEL : CKR_OK;
}

/* Among those that have the last column of `with`. */
KK_RV kk_memory_object_any(struct kk_store_tx *tx, enum kk_store_private which, uint32_t with,
                           uint32_t without, bool *ret_any)
{
    KK_ENSURE(with != 0 && (with | without) >> KK_STORE_COLUMNS == 0, CKR_GENERAL_ERROR);
    bool is_private = which == KK_STORE_PRIVATE_ONLY;
    uint32_t lead = 31 - (uint32_t)__builtin_clz(with);
    struct presence presence = {.with = with, .without = without};
    struct kk_memory_key from = index_key(is_private, lead, 0, &lowest);
    struct kk_memory_key to = index_key(is_private, lead, UINT64_MAX, &highest);
    KK_TRY(end_of_visits(
        kk_memory_tree_walk(tx_of(tx)->state.index, &from, &to, look_for, &presence)));
    *ret_any = presence.found;
    return CKR_OK;
}
