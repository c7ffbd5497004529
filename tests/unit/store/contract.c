/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract of store.h, on the engine that the first argument names: sqlite, memory,
 * slow-sqlite, slow-memory, fault-sqlite (which fails nothing here: the decorators must be
 * invisible).
 */
#include <stdio.h>

#include "base/memory.h"
#include "store/busy.h"
#include "store_fault.h"
#include "store_slow.h"
#include "store_unit.h"

#include <pthread.h>
#include <unistd.h>

static const struct kk_store_ops *ops;

struct fixture {
    char *dir;
    struct kk_store_env *env;
    struct kk_store *store; /* TOKEN_A, with row (1, 1) "one" */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->dir = unit_new_dir();
    assert_ok(ops->env_new(fixture->dir, 0077, &fixture->env));
    fixture->store = unit_new_token(fixture->env, TOKEN_A, "one");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ops->close(fixture->store);
    ops->env_free(fixture->env);
    unit_remove_dir(fixture->dir);
    free(fixture);
    return 0;
}

/* ---- environments ---- */

struct names {
    char text[4096];
    CK_RV answer;
};

static CK_RV note_name(const char *name, void *context)
{
    struct names *names = context;
    size_t len = strlen(names->text);
    (void)snprintf(names->text + len, sizeof names->text - len, "%s ", name);
    return names->answer;
}

static void assert_listed(struct kk_store_env *env, const char *expected)
{
    struct names names = {.answer = CKR_OK};
    assert_ok(ops->env_list(env, note_name, &names));
    assert_string_equal(names.text, expected);
}

static void test_token_is_listed_after_first_commit_only(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    struct kk_store *other = NULL;
    assert_ok(ops->create(fixture->env, TOKEN_B, &store));
    assert_listed(fixture->env, TOKEN_A " ");
    assert_int_equal(ops->open(fixture->env, TOKEN_B, &other), CKR_TOKEN_NOT_PRESENT);

    struct kk_store_tx *tx = unit_begin(store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 1, 1, "half");
    ops->rollback(tx);
    assert_listed(fixture->env, TOKEN_A " ");

    unit_commit_row(store, 1, "whole");
    assert_listed(fixture->env, TOKEN_A " " TOKEN_B " ");
    assert_true(unit_reads_row(store, 1, "whole"));
    assert_ok(ops->open(fixture->env, TOKEN_B, &other));
    assert_true(unit_reads_row(other, 1, "whole"));
    ops->close(other);
    ops->close(store);
    assert_listed(fixture->env, TOKEN_A " " TOKEN_B " ");
}

static void test_token_closed_before_its_first_commit_was_never_there(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    assert_ok(ops->create(fixture->env, TOKEN_B, &store));
    ops->close(store);
    assert_listed(fixture->env, TOKEN_A " ");
    store = unit_new_token(fixture->env, TOKEN_B, "again"); /* the name is free */
    ops->close(store);
}

static void test_env_stamp_differs_when_a_token_came_or_went(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = 0;
    uint64_t with_b = 0;
    uint64_t after = 0;
    assert_ok(ops->env_stamp(fixture->env, &before));
    struct kk_store *store = unit_new_token(fixture->env, TOKEN_B, "b");
    assert_ok(ops->env_stamp(fixture->env, &with_b));
    assert_ok(ops->remove(store));
    assert_ok(ops->env_stamp(fixture->env, &after));
    ops->close(store);
    assert_true(before != with_b);
    assert_true(with_b != after);
}

static void test_env_stamp_settles(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = 0;
    uint64_t second = 0;
    (void)usleep(300000);
    assert_ok(ops->env_stamp(fixture->env, &first));
    unit_commit_row(fixture->store, 2, "two"); /* a commit is no coming or going */
    assert_ok(ops->env_stamp(fixture->env, &second));
    assert_true(first == second);
}

static void test_list_ends_with_the_visits_code(void **state)
{
    struct fixture *fixture = *state;
    ops->close(unit_new_token(fixture->env, TOKEN_B, "b"));
    struct names names = {.answer = CKR_CANCEL};
    assert_ok(ops->env_list(fixture->env, note_name, &names));
    assert_string_equal(names.text, TOKEN_A " ");
    names = (struct names){.answer = CKR_PIN_EXPIRED};
    assert_int_equal(ops->env_list(fixture->env, note_name, &names), CKR_PIN_EXPIRED);
}

static void test_create_refuses_a_name_that_is_taken_or_no_uuid(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    assert_int_equal(ops->create(fixture->env, TOKEN_A, &store), CKR_DEVICE_ERROR);
    assert_int_equal(ops->create(fixture->env, "../" TOKEN_B, &store), CKR_ARGUMENTS_BAD);
    assert_int_equal(ops->create(fixture->env, "", &store), CKR_ARGUMENTS_BAD);
    assert_null(store);
}

static void test_open_of_nothing_is_token_not_present(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    assert_int_equal(ops->open(fixture->env, TOKEN_B, &store), CKR_TOKEN_NOT_PRESENT);
    assert_int_equal(ops->open(fixture->env, "..", &store), CKR_TOKEN_NOT_PRESENT);
    assert_null(store);
}

static void test_path_names_the_token(void **state)
{
    struct fixture *fixture = *state;
    assert_non_null(strstr(ops->path(fixture->store), TOKEN_A));
    assert_false(ops->read_only(fixture->store));
}

/* ---- rows ---- */

static void test_row_comes_back_as_it_was_put(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_row row = {.table = UINT32_MAX, .no = UINT32_MAX, .generation = INT64_MAX};
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    memcpy(row.tag, bytes + 100, sizeof row.tag);
    row.blob = KK_SPAN_ARRAY(bytes);
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    assert_ok(ops->row_put(tx, &row));
    assert_ok(ops->commit(tx));

    struct kk_store_row found;
    struct kk_buffer blob = {0};
    kk_buffer_put(&blob, "old", 3);
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_ok(ops->row_get(tx, UINT32_MAX, UINT32_MAX, &found, &blob));
    ops->rollback(tx);
    assert_true(found.generation == INT64_MAX);
    assert_int_equal(found.table, UINT32_MAX);
    assert_int_equal(found.no, UINT32_MAX);
    assert_memory_equal(found.tag, row.tag, sizeof row.tag);
    assert_true(kk_span_equal(found.blob, row.blob));
    assert_true(kk_span_equal(kk_buffer_span(&blob), row.blob));
    kk_buffer_clear(&blob);
}

static void test_row_put_replaces(void **state)
{
    struct fixture *fixture = *state;
    unit_commit_row(fixture->store, 1, "two, which is longer than one");
    assert_true(unit_reads_row(fixture->store, 1, "two, which is longer than one"));
    unit_commit_row(fixture->store, 1, "");
    assert_true(unit_reads_row(fixture->store, 1, ""));
}

static void test_row_get_of_none(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_row row = {.no = 77};
    struct kk_buffer blob = {0};
    kk_buffer_put(&blob, "old", 3);
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_int_equal(ops->row_get(tx, 1, 2, &row, &blob), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(ops->row_get(tx, 2, 1, &row, &blob), CKR_OBJECT_HANDLE_INVALID);
    ops->rollback(tx);
    assert_int_equal(blob.len, 0);
    assert_int_equal(row.no, 77); /* written only on success */
    kk_buffer_clear(&blob);
}

static void test_row_delete(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    assert_ok(ops->row_delete(tx, 1, 1));
    assert_false(unit_row_is(tx, 1, 1, "one"));
    assert_ok(ops->row_delete(tx, 1, 1));
    assert_ok(ops->row_delete(tx, 9, 9));
    assert_ok(ops->commit(tx));
    assert_false(unit_reads_row(fixture->store, 1, "one"));
}

struct seen {
    char text[4096];
    CK_RV answer;
    size_t limit; /* the answer is given at this visit */
    size_t count;
    struct kk_store_tx *tx; /* visits write when set */
};

static CK_RV note_row(const struct kk_store_row *row, void *context)
{
    struct seen *seen = context;
    size_t len = strlen(seen->text);
    (void)snprintf(seen->text + len, sizeof seen->text - len, "%u:%u@%llu=%.*s/%u ", row->table,
                   row->no, (unsigned long long)row->generation, (int)row->blob.len,
                   row->blob.len == 0 ? "" : (const char *)row->blob.data, row->tag[15]);
    return ++seen->count == seen->limit ? seen->answer : CKR_OK;
}

static void put_some_rows(struct kk_store_tx *tx)
{
    unit_put_row(tx, 7, 30, 5, "c");
    unit_put_row(tx, 7, 10, 9, "a");
    unit_put_row(tx, 7, 20, 2, "b");
    unit_put_row(tx, 8, 10, 9, "x");
    unit_put_row(tx, 6, 10, 9, "y");
}

static void test_row_each_gives_newer_rows_by_number(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    put_some_rows(tx);
    struct seen all = {0};
    assert_ok(ops->row_each(tx, 7, 0, true, note_row, &all));
    assert_string_equal(all.text, "7:10@9=a/10 7:20@2=b/20 7:30@5=c/30 ");
    struct seen newer = {0};
    assert_ok(ops->row_each(tx, 7, 2, false, note_row, &newer));
    assert_string_equal(newer.text, "7:10@9=/10 7:30@5=/30 ");
    struct seen none = {0};
    assert_ok(ops->row_each(tx, 7, 9, true, note_row, &none));
    assert_ok(ops->row_each(tx, 99, 0, true, note_row, &none));
    assert_int_equal(none.count, 0);
    ops->rollback(tx);
}

static void test_row_each_ends_with_the_visits_code(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    put_some_rows(tx);
    struct seen cancelled = {.answer = CKR_CANCEL, .limit = 2};
    assert_ok(ops->row_each(tx, 7, 0, true, note_row, &cancelled));
    assert_int_equal(cancelled.count, 2);
    struct seen failed = {.answer = CKR_PIN_LOCKED, .limit = 1};
    assert_int_equal(ops->row_each(tx, 7, 0, false, note_row, &failed), CKR_PIN_LOCKED);
    assert_int_equal(failed.count, 1);
    assert_ok(ops->commit(tx)); /* a visit's code is no failure of the transaction */
}

static CK_RV rewrite_row(const struct kk_store_row *row, void *context)
{
    struct seen *seen = context;
    assert_true(++seen->count < 100); /* or it goes round in circles */
    assert_true(unit_row_is(seen->tx, row->table, row->no, "a") ||
                unit_row_is(seen->tx, row->table, row->no, "b") ||
                unit_row_is(seen->tx, row->table, row->no, "c"));
    unit_put_row(seen->tx, row->table, row->no, row->generation + 100, "rewritten");
    return seen->tx->ops->row_each(seen->tx, 8, 0, true, note_row, seen);
}

static void test_row_each_may_write_and_read_in_a_visit(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    put_some_rows(tx);
    struct seen seen = {.tx = tx};
    assert_ok(ops->row_each(tx, 7, 0, false, rewrite_row, &seen));
    assert_ok(ops->commit(tx));
    tx = unit_begin(fixture->store, KK_STORE_READ);
    for (uint32_t no = 10; no <= 30; no += 10) {
        assert_true(unit_row_is(tx, 7, no, "rewritten"));
    }
    ops->rollback(tx);
}

/* ---- objects ---- */

static const int64_t no_columns[KK_STORE_COLUMNS] = {-1, -1, -1, -1, -1, -1, -1, -1};

static void test_object_comes_back_as_it_was_put(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_object object = {.uuid = unit_uuid(5), .generation = 12, .is_private = true};
    memset(object.tag, 0xa5, sizeof object.tag);
    object.columns_set = 0x81;
    object.columns[0] = UINT64_MAX;
    object.columns[7] = 0;
    object.blob = KK_SPAN_TEXT("sealed");
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    assert_ok(ops->object_put(tx, &object));
    assert_ok(ops->commit(tx));

    struct kk_store_object found;
    struct kk_buffer blob = {0};
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_ok(ops->object_get(tx, &object.uuid, &found, &blob));
    ops->rollback(tx);
    assert_true(kk_uuid_equal(&found.uuid, &object.uuid));
    assert_true(found.generation == 12);
    assert_true(found.is_private);
    assert_int_equal(found.columns_set, 0x81);
    assert_true(found.columns[0] == UINT64_MAX);
    assert_true(found.columns[7] == 0);
    assert_memory_equal(found.tag, object.tag, sizeof object.tag);
    assert_true(kk_span_equal(found.blob, object.blob));
    kk_buffer_clear(&blob);
}

static void test_object_get_and_delete_of_none(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_object found;
    struct kk_buffer blob = {0};
    struct kk_uuid uuid = unit_uuid(6);
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    assert_int_equal(ops->object_get(tx, &uuid, &found, &blob), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(ops->object_delete(tx, &uuid), CKR_OBJECT_HANDLE_INVALID);
    unit_put_object(tx, 6, false, no_columns);
    assert_ok(ops->object_delete(tx, &uuid));
    assert_int_equal(ops->object_delete(tx, &uuid), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(ops->commit(tx));
    kk_buffer_clear(&blob);
}

static uint64_t count_objects(struct kk_store_tx *tx, enum kk_store_private which)
{
    uint64_t count = 999;
    assert_ok(ops->object_count(tx, which, &count));
    return count;
}

static void test_object_count_and_clear_by_kind(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    for (uint32_t i = 0; i < 10; i++) {
        unit_put_object(tx, i, i % 3 == 0, no_columns);
    }
    unit_put_object(tx, 0, true, no_columns); /* a replacement is not one more */
    assert_true(count_objects(tx, KK_STORE_PRIVATE_ONLY) == 4);
    assert_true(count_objects(tx, KK_STORE_PUBLIC_ONLY) == 6);
    unit_put_object(tx, 1, true, no_columns); /* a change of kind moves it */
    assert_true(count_objects(tx, KK_STORE_PRIVATE_ONLY) == 5);
    assert_true(count_objects(tx, KK_STORE_PUBLIC_ONLY) == 5);
    assert_ok(ops->object_clear(tx, KK_STORE_PRIVATE_ONLY));
    assert_true(count_objects(tx, KK_STORE_PRIVATE_ONLY) == 0);
    assert_true(count_objects(tx, KK_STORE_PUBLIC_ONLY) == 5);
    assert_ok(ops->commit(tx));
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_true(count_objects(tx, KK_STORE_PRIVATE_ONLY) == 0);
    ops->rollback(tx);
}

struct found {
    uint32_t numbers[8192];
    size_t count;
    size_t limit;
    CK_RV answer;
    struct kk_store_tx *tx;
};

static CK_RV note_object(const struct kk_store_object *object, void *context)
{
    struct found *found = context;
    uint32_t number = kk_load_u32(object->uuid.bytes + 4);
    assert_true(found->count < KK_ARRAY_LEN(found->numbers));
    assert_true(object->generation == number);
    assert_int_equal(object->tag[0], number & 0xff);
    assert_int_equal(object->columns_set, 0);
    assert_int_equal(object->blob.len, 0);
    found->numbers[found->count++] = number;
    return found->count == found->limit ? found->answer : CKR_OK;
}

/* What a search finds must be what going through all objects finds. */
#define MANY 3000

static bool is_private_number(uint32_t number)
{
    return number % 5 == 0;
}

static void columns_of(uint32_t number, int64_t columns[KK_STORE_COLUMNS])
{
    memcpy(columns, no_columns, sizeof no_columns);
    columns[0] = number % 3; /* as a class: few values */
    columns[1] = number;     /* as an id: each its own */
    columns[2] = number % 7 == 0 ? 42 : -1;
    columns[7] = number % 50;
}

static bool meets(uint32_t number, const struct kk_store_condition *conditions, size_t count)
{
    int64_t columns[KK_STORE_COLUMNS];
    columns_of(number, columns);
    for (size_t i = 0; i < count; i++) {
        int64_t value = columns[conditions[i].column];
        bool is_met =
            value >= 0 && ((uint64_t)value == conditions[i].value ||
                           (conditions[i].alt_set && (uint64_t)value == conditions[i].alt));
        if (!is_met) {
            return false;
        }
    }
    return true;
}

static void check_search(struct kk_store_tx *tx, const struct kk_store_condition *conditions,
                         size_t count)
{
    for (int is_private = 0; is_private < 2; is_private++) {
        struct found found = {0};
        assert_ok(ops->object_find(tx, is_private ? KK_STORE_PRIVATE_ONLY : KK_STORE_PUBLIC_ONLY,
                                   conditions, count, note_object, &found));
        size_t at = 0;
        for (uint32_t number = 0; number < MANY; number++) {
            if (is_private_number(number) == is_private && meets(number, conditions, count)) {
                assert_true(at < found.count);
                assert_int_equal(found.numbers[at++], number);
            }
        }
        assert_int_equal(at, found.count);
    }
}

static void put_many_objects(struct kk_store *store)
{
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_WRITE);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t number = (uint32_t)((uint64_t)i * 1789 % MANY);
        int64_t columns[KK_STORE_COLUMNS];
        columns_of(number, columns);
        unit_put_object(tx, number, is_private_number(number), columns);
    }
    assert_ok(ops->commit(tx));
}

static void test_object_find_gives_what_meets_every_condition(void **state)
{
    struct fixture *fixture = *state;
    put_many_objects(fixture->store);
    static const struct {
        size_t count;
        struct kk_store_condition conditions[3];
    } searches[] = {
        {0, {{0}}},
        {1, {{.column = 0, .value = 1}}},
        {1, {{.column = 1, .value = 1234}}},
        {1, {{.column = 2, .value = 42}}},
        {1, {{.column = 3, .value = 0}}},
        {1, {{.column = 0, .value = 77}}},
        {1, {{.column = 0, .value = 1, .alt_set = true, .alt = 2}}},
        {1, {{.column = 0, .value = 2, .alt_set = true, .alt = 2}}},
        {1, {{.column = 1, .value = 9999, .alt_set = true, .alt = 5}}},
        {2, {{.column = 0, .value = 1}, {.column = 7, .value = 13}}},
        {2, {{.column = 0, .value = 1}, {.column = 1, .value = 100}}},
        {2, {{.column = 0, .value = 0}, {.column = 2, .value = 42}}},
        {2, {{.column = 0, .value = 0}, {.column = 0, .value = 1}}},
        {3,
         {{.column = 0, .value = 0, .alt_set = true, .alt = 1},
          {.column = 2, .value = 42},
          {.column = 7, .value = 7, .alt_set = true, .alt = 21}}},
    };
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    for (size_t i = 0; i < KK_ARRAY_LEN(searches); i++) {
        check_search(tx, searches[i].conditions, searches[i].count);
    }
    ops->rollback(tx);
}

static void test_object_find_follows_changed_columns(void **state)
{
    struct fixture *fixture = *state;
    int64_t columns[KK_STORE_COLUMNS];
    memcpy(columns, no_columns, sizeof columns);
    columns[3] = 8;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_object(tx, 1, false, columns);
    unit_put_object(tx, 2, false, columns);
    columns[3] = 9;
    unit_put_object(tx, 1, false, columns);
    assert_ok(ops->commit(tx));
    const struct kk_store_condition eight = {.column = 3, .value = 8};
    const struct kk_store_condition nine = {.column = 3, .value = 9};
    struct found with_eight = {0};
    struct found with_nine = {0};
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_ok(ops->object_find(tx, KK_STORE_PUBLIC_ONLY, &eight, 1, note_object, &with_eight));
    assert_ok(ops->object_find(tx, KK_STORE_PUBLIC_ONLY, &nine, 1, note_object, &with_nine));
    ops->rollback(tx);
    assert_int_equal(with_eight.count, 1);
    assert_int_equal(with_eight.numbers[0], 2);
    assert_int_equal(with_nine.count, 1);
    assert_int_equal(with_nine.numbers[0], 1);
}

static bool any_object(struct kk_store_tx *tx, enum kk_store_private which, uint32_t with,
                       uint32_t without)
{
    bool any = false;
    assert_ok(ops->object_any(tx, which, with, without, &any));
    return any;
}

static void test_object_any_tells_which_columns_are_set(void **state)
{
    struct fixture *fixture = *state;
    const int64_t one_four[KK_STORE_COLUMNS] = {-1, 7, -1, -1, INT64_MAX, -1, -1, -1};
    const int64_t four_six[KK_STORE_COLUMNS] = {-1, -1, -1, -1, 0, -1, 9, -1};
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_object(tx, 1, true, one_four);
    unit_put_object(tx, 2, false, four_six);
    assert_ok(ops->commit(tx));
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_true(any_object(tx, KK_STORE_PRIVATE_ONLY, 1u << 4, 0));
    assert_true(any_object(tx, KK_STORE_PRIVATE_ONLY, 1u << 4 | 1u << 1, 1u << 6));
    assert_false(any_object(tx, KK_STORE_PRIVATE_ONLY, 1u << 4, 1u << 1));
    assert_false(any_object(tx, KK_STORE_PRIVATE_ONLY, 1u << 6, 0));
    assert_false(any_object(tx, KK_STORE_PRIVATE_ONLY, 1u << 4 | 1u << 6, 0));
    assert_true(any_object(tx, KK_STORE_PUBLIC_ONLY, 1u << 4 | 1u << 6, 1u << 1));
    assert_false(any_object(tx, KK_STORE_PUBLIC_ONLY, 1u << 1, 0));
    ops->rollback(tx);
    tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_object(tx, 2, true, four_six); /* a change of kind */
    assert_ok(ops->commit(tx));
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_true(any_object(tx, KK_STORE_PRIVATE_ONLY, 1u << 4, 1u << 1));
    assert_false(any_object(tx, KK_STORE_PUBLIC_ONLY, 1u << 4, 0));
    ops->rollback(tx);
}

static void test_object_find_ends_with_the_visits_code(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    for (uint32_t i = 0; i < 5; i++) {
        unit_put_object(tx, i, true, no_columns);
    }
    struct found cancelled = {.limit = 2, .answer = CKR_CANCEL};
    assert_ok(ops->object_find(tx, KK_STORE_PRIVATE_ONLY, NULL, 0, note_object, &cancelled));
    assert_int_equal(cancelled.count, 2);
    struct found failed = {.limit = 3, .answer = CKR_HOST_MEMORY};
    assert_int_equal(ops->object_find(tx, KK_STORE_PRIVATE_ONLY, NULL, 0, note_object, &failed),
                     CKR_HOST_MEMORY);
    ops->rollback(tx);
}

static CK_RV rewrite_object(const struct kk_store_object *object, void *context)
{
    struct found *found = context;
    assert_true(++found->count < 100);
    struct kk_store_object fresh = *object;
    fresh.generation += 1000;
    fresh.columns_set = 1;
    fresh.columns[0] = 2;
    assert_ok(found->tx->ops->object_put(found->tx, &fresh));
    struct found inner = {0};
    const struct kk_store_condition other = {.column = 1, .value = 1};
    return found->tx->ops->object_find(found->tx, KK_STORE_PUBLIC_ONLY, &other, 1, note_object,
                                       &inner);
}

static void test_object_find_may_write_and_search_in_a_visit(void **state)
{
    struct fixture *fixture = *state;
    int64_t columns[KK_STORE_COLUMNS];
    memcpy(columns, no_columns, sizeof columns);
    columns[0] = 1;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    for (uint32_t i = 0; i < 20; i++) {
        unit_put_object(tx, i, false, columns);
    }
    const struct kk_store_condition condition = {
        .column = 0, .value = 1, .alt_set = true, .alt = 2};
    struct found found = {.tx = tx};
    assert_ok(ops->object_find(tx, KK_STORE_PUBLIC_ONLY, &condition, 1, rewrite_object, &found));
    assert_int_equal(found.count, 20);
    assert_ok(ops->commit(tx));
}

static void test_blob_of_the_largest_size_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = malloc(KK_STORE_BLOB_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 0x5a, KK_STORE_BLOB_MAX + 1);
    struct kk_store_object object = {.uuid = unit_uuid(1)};
    object.blob = KK_SPAN(bytes, KK_STORE_BLOB_MAX + 1);
    struct kk_store_row row = {.table = 1, .no = 9, .blob = object.blob};
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    assert_int_equal(ops->object_put(tx, &object), CKR_DEVICE_MEMORY);
    assert_int_equal(ops->row_put(tx, &row), CKR_DEVICE_MEMORY);
    object.blob.len = KK_STORE_BLOB_MAX;
    assert_ok(ops->object_put(tx, &object));
    assert_ok(ops->commit(tx));

    struct kk_store_object found;
    struct kk_buffer blob = {0};
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_ok(ops->object_get(tx, &object.uuid, &found, &blob));
    ops->rollback(tx);
    assert_true(kk_span_equal(found.blob, object.blob));
    kk_buffer_clear(&blob);
    free(bytes);
}

/* ---- transactions ---- */

static void test_rollback_undoes_everything(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 1, 2, "changed");
    unit_put_row(tx, 1, 2, 2, "new");
    unit_put_object(tx, 1, false, no_columns);
    assert_true(unit_row_is(tx, 1, 1, "changed")); /* seen by itself */
    ops->rollback(tx);
    assert_true(unit_reads_row(fixture->store, 1, "one"));
    tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_false(unit_row_is(tx, 1, 2, "new"));
    assert_true(count_objects(tx, KK_STORE_PUBLIC_ONLY) == 0);
    ops->rollback(tx);
    ops->rollback(NULL);
}

static void test_write_in_a_read_transaction_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct kk_uuid uuid = unit_uuid(1);
    struct kk_store_row row = {.table = 1, .no = 1};
    struct kk_store_object object = {.uuid = uuid};
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_int_equal(ops->row_put(tx, &row), CKR_GENERAL_ERROR);
    assert_int_equal(ops->row_delete(tx, 1, 1), CKR_GENERAL_ERROR);
    assert_int_equal(ops->object_put(tx, &object), CKR_GENERAL_ERROR);
    assert_int_equal(ops->object_delete(tx, &uuid), CKR_GENERAL_ERROR);
    assert_int_equal(ops->object_clear(tx, KK_STORE_PUBLIC_ONLY), CKR_GENERAL_ERROR);
    assert_ok(ops->commit(tx));
    assert_true(unit_reads_row(fixture->store, 1, "one"));
}

struct other_thread {
    struct kk_store *store;
    const char *text;
    uint32_t no;
    CK_RV rv;
    long delay_us;
    _Atomic bool is_done;
};

static void *commit_in_thread(void *context)
{
    struct other_thread *other = context;
    struct kk_store_tx *tx = NULL;
    other->rv = other->store->ops->begin(other->store, KK_STORE_WRITE, &tx);
    if (other->rv == CKR_OK) {
        struct kk_store_row row = {.table = 1, .no = other->no, .generation = 1};
        row.blob = KK_SPAN(other->text, strlen(other->text));
        other->rv = other->store->ops->row_put(tx, &row);
        (void)usleep((useconds_t)other->delay_us);
        CK_RV rv = other->store->ops->commit(tx);
        other->rv = other->rv == CKR_OK ? rv : other->rv;
    }
    atomic_store(&other->is_done, true);
    return NULL;
}

static void test_reader_sees_one_moment(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    pthread_t thread;
    struct other_thread other = {.store = fixture->store, .text = "later", .no = 1};
    assert_int_equal(pthread_create(&thread, NULL, commit_in_thread, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0); /* a reader keeps no writer waiting */
    assert_ok(other.rv);
    assert_true(unit_row_is(tx, 1, 1, "one"));
    ops->rollback(tx);
    assert_true(unit_reads_row(fixture->store, 1, "later"));
}

static void test_writers_wait_for_each_other(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    pthread_t thread;
    struct other_thread other = {.store = fixture->store, .text = "second", .no = 1};
    assert_int_equal(pthread_create(&thread, NULL, commit_in_thread, &other), 0);
    (void)usleep(100000);
    assert_false(atomic_load(&other.is_done));
    unit_put_row(tx, 1, 1, 1, "first");
    unit_put_row(tx, 1, 2, 1, "first");
    assert_ok(ops->commit(tx));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(other.rv);
    assert_true(unit_reads_row(fixture->store, 1, "second"));
    assert_true(unit_reads_row(fixture->store, 2, "first"));
}

static void test_writer_gives_up_after_the_limit(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    atomic_store(&kk_store_busy_ms, 150);
    pthread_t thread;
    struct other_thread other = {.store = fixture->store, .text = "second", .no = 1};
    assert_int_equal(pthread_create(&thread, NULL, commit_in_thread, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    atomic_store(&kk_store_busy_ms, KK_STORE_BUSY_MS);
    assert_int_equal(other.rv, CKR_FUNCTION_FAILED);
    unit_put_row(tx, 1, 1, 1, "first");
    assert_ok(ops->commit(tx)); /* the one that had it is not disturbed */
    assert_true(unit_reads_row(fixture->store, 1, "first"));
}

#define ADDERS 4
#define ADDITIONS 25

static void *add_in_thread(void *context)
{
    struct kk_store *store = context;
    for (int i = 0; i < ADDITIONS; i++) {
        struct kk_store_tx *tx = NULL;
        struct kk_store_row row;
        struct kk_buffer blob = {0};
        if (store->ops->begin(store, KK_STORE_WRITE, &tx) != CKR_OK) {
            return store;
        }
        CK_RV rv = store->ops->row_get(tx, 1, 50, &row, &blob);
        if (rv == CKR_OBJECT_HANDLE_INVALID) {
            row = (struct kk_store_row){.table = 1, .no = 50, .generation = 0};
            rv = CKR_OK;
        }
        row.generation++;
        rv = rv == CKR_OK ? store->ops->row_put(tx, &row) : rv;
        CK_RV committed = store->ops->commit(tx);
        kk_buffer_clear(&blob);
        if (rv != CKR_OK || committed != CKR_OK) {
            return store;
        }
    }
    return NULL;
}

static void test_no_update_is_lost_among_threads(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[ADDERS];
    for (size_t i = 0; i < ADDERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_in_thread, fixture->store), 0);
    }
    for (size_t i = 0; i < ADDERS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    struct kk_store_row row;
    struct kk_buffer blob = {0};
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_READ);
    assert_ok(ops->row_get(tx, 1, 50, &row, &blob));
    ops->rollback(tx);
    kk_buffer_clear(&blob);
    assert_true(row.generation == ADDERS * ADDITIONS);
}

/* ---- freshness ---- */

static struct kk_store_stamp stamp_of(struct kk_store *store)
{
    struct kk_store_stamp stamp = {0};
    assert_ok(store->ops->fresh(store, &stamp));
    return stamp;
}

static void test_stamp_moves_by_two_with_each_commit_and_only_then(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store_stamp before = stamp_of(fixture->store);
    assert_true(before.stable);
    struct kk_store_tx *tx = unit_begin(fixture->store, KK_STORE_WRITE);
    unit_put_row(tx, 1, 1, 2, "x");
    assert_true(stamp_of(fixture->store).value == before.value);
    ops->rollback(tx);
    assert_true(unit_reads_row(fixture->store, 1, "one"));
    assert_true(stamp_of(fixture->store).value == before.value);

    unit_commit_row(fixture->store, 1, "x");
    struct kk_store_stamp after = stamp_of(fixture->store);
    assert_true(after.stable);
    assert_true(after.value == before.value + 2);

    tx = unit_begin(fixture->store, KK_STORE_WRITE);
    assert_ok(ops->commit(tx)); /* of nothing */
    assert_true(stamp_of(fixture->store).value == before.value + 4);
}

static void test_stamp_is_the_same_through_another_store(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *other = NULL;
    assert_ok(ops->open(fixture->env, TOKEN_A, &other));
    struct kk_store_stamp before = stamp_of(other);
    unit_commit_row(fixture->store, 1, "x");
    assert_true(stamp_of(other).value == before.value + 2);
    assert_true(unit_reads_row(other, 1, "x"));
    ops->close(other);
}

/* ---- removal ---- */

static void test_removed_token_is_gone_for_everybody(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *other = NULL;
    struct kk_store *third = NULL;
    struct kk_store_stamp stamp;
    struct kk_store_tx *tx = NULL;
    assert_ok(ops->open(fixture->env, TOKEN_A, &other));
    assert_ok(ops->remove(fixture->store));
    assert_int_equal(ops->fresh(fixture->store, &stamp), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->fresh(other, &stamp), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->begin(other, KK_STORE_READ, &tx), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->begin(other, KK_STORE_WRITE, &tx), CKR_DEVICE_REMOVED);
    assert_int_equal(ops->remove(other), CKR_DEVICE_REMOVED);
    assert_null(tx);
    assert_listed(fixture->env, "");
    assert_int_equal(ops->open(fixture->env, TOKEN_A, &third), CKR_TOKEN_NOT_PRESENT);
    ops->close(other);

    struct kk_store *anew = unit_new_token(fixture->env, TOKEN_A, "anew");
    assert_int_equal(ops->fresh(fixture->store, &stamp), CKR_DEVICE_REMOVED);
    assert_true(unit_reads_row(anew, 1, "anew"));
    ops->close(anew);
}

static void test_remove_of_a_token_never_committed(void **state)
{
    struct fixture *fixture = *state;
    struct kk_store *store = NULL;
    assert_ok(ops->create(fixture->env, TOKEN_B, &store));
    assert_ok(ops->remove(store));
    ops->close(store);
    assert_listed(fixture->env, TOKEN_A " ");
}

static void test_close_and_free_of_null(void **state)
{
    (void)state;
    ops->close(NULL);
    ops->env_free(NULL);
}

/* ---- the lock round a PIN try ---- */

struct trier {
    struct kk_store *store;
    _Atomic bool has_it;
};

static void *try_in_thread(void *context)
{
    struct trier *trier = context;
    void *lock = NULL;
    if (trier->store->ops->tries_lock(trier->store, &lock) != CKR_OK) {
        return trier;
    }
    atomic_store(&trier->has_it, true);
    trier->store->ops->tries_unlock(trier->store, lock);
    return NULL;
}

static void test_tries_lock_is_one_at_a_time_and_no_transactions(void **state)
{
    struct fixture *fixture = *state;
    void *lock = NULL;
    assert_ok(ops->tries_lock(fixture->store, &lock));
    struct trier trier = {.store = fixture->store};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, try_in_thread, &trier), 0);
    unit_commit_row(fixture->store, 1, "while trying");
    (void)usleep(50000);
    assert_false(atomic_load(&trier.has_it));
    ops->tries_unlock(fixture->store, lock);
    void *failed = NULL;
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_true(atomic_load(&trier.has_it));
}

#define CONTRACT(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

static const struct kk_store_ops *engine_named(const char *name)
{
    static const struct {
        const char *name;
        const struct kk_store_ops *inner;
    } engines[] = {{"sqlite", &kk_store_sqlite}, {"memory", &kk_store_memory}};
    for (size_t i = 0; i < KK_ARRAY_LEN(engines); i++) {
        if (strcmp(name, engines[i].name) == 0) {
            return engines[i].inner;
        }
        if (strncmp(name, "slow-", 5) == 0 && strcmp(name + 5, engines[i].name) == 0) {
            return kk_store_slow(engines[i].inner, 200, false);
        }
        if (strncmp(name, "fault-", 6) == 0 && strcmp(name + 6, engines[i].name) == 0) {
            return kk_store_fault(engines[i].inner);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(token_is_listed_after_first_commit_only),
        CONTRACT(token_closed_before_its_first_commit_was_never_there),
        CONTRACT(env_stamp_differs_when_a_token_came_or_went),
        CONTRACT(env_stamp_settles),
        CONTRACT(list_ends_with_the_visits_code),
        CONTRACT(create_refuses_a_name_that_is_taken_or_no_uuid),
        CONTRACT(open_of_nothing_is_token_not_present),
        CONTRACT(path_names_the_token),
        CONTRACT(row_comes_back_as_it_was_put),
        CONTRACT(row_put_replaces),
        CONTRACT(row_get_of_none),
        CONTRACT(row_delete),
        CONTRACT(row_each_gives_newer_rows_by_number),
        CONTRACT(row_each_ends_with_the_visits_code),
        CONTRACT(row_each_may_write_and_read_in_a_visit),
        CONTRACT(object_comes_back_as_it_was_put),
        CONTRACT(object_get_and_delete_of_none),
        CONTRACT(object_count_and_clear_by_kind),
        CONTRACT(object_find_gives_what_meets_every_condition),
        CONTRACT(object_find_follows_changed_columns),
        CONTRACT(object_any_tells_which_columns_are_set),
        CONTRACT(object_find_ends_with_the_visits_code),
        CONTRACT(object_find_may_write_and_search_in_a_visit),
        CONTRACT(blob_of_the_largest_size_and_no_more),
        CONTRACT(rollback_undoes_everything),
        CONTRACT(write_in_a_read_transaction_is_refused),
        CONTRACT(reader_sees_one_moment),
        CONTRACT(writers_wait_for_each_other),
        CONTRACT(writer_gives_up_after_the_limit),
        CONTRACT(no_update_is_lost_among_threads),
        CONTRACT(stamp_moves_by_two_with_each_commit_and_only_then),
        CONTRACT(stamp_is_the_same_through_another_store),
        CONTRACT(removed_token_is_gone_for_everybody),
        CONTRACT(remove_of_a_token_never_committed),
        CONTRACT(close_and_free_of_null),
        CONTRACT(tries_lock_is_one_at_a_time_and_no_transactions),
    };
    ops = argc > 1 ? engine_named(argv[1]) : NULL;
    if (ops == NULL) {
        (void)fprintf(stderr, "%s: which engine?\n", argv[0]);
        return 2;
    }
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
