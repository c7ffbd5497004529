/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/softhsm_db.c: a token of SoftHSM's in a database is read, and only read.
 *
 * Usage: test_softhsm_db FOLDER (with the sample token, from whose files the database is made)
 */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_test.h"
#include "token/softhsm.h"
#include "token/softhsm_internal.h"

#define SAMPLE "0e56c40f-bf31-c485-73b8-7780cf2f0c90"

static const char *samples;

struct sample {
    struct house house;
    char file[160];
    struct kk_repository *repo;
};

static const char schema[] =
    "create table object (id integer primary key autoincrement);"
    "create table attribute_integer (value integer, type integer, object_id integer, id integer "
    "primary key autoincrement);"
    "create table attribute_binary (value blob, type integer, object_id integer, id integer "
    "primary key autoincrement);"
    "create table attribute_array (value blob, type integer, object_id integer, id integer "
    "primary key autoincrement);"
    "create table attribute_boolean (value boolean, type integer, object_id integer, id integer "
    "primary key autoincrement);";

static void insert(sqlite3 *db, const char *table, uint64_t type, int64_t object,
                   const int64_t *number, struct kk_span bytes)
{
    char sql[128];
    sqlite3_stmt *statement = NULL;
    (void)snprintf(sql, sizeof sql, "insert into %s (value, type, object_id) values (?, ?, ?)",
                   table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    if (number != NULL) {
        sqlite3_bind_int64(statement, 1, *number);
    } else {
        sqlite3_bind_blob(statement, 1, bytes.data, (int)bytes.len, SQLITE_TRANSIENT);
    }
    sqlite3_bind_int64(statement, 2, (int64_t)type);
    sqlite3_bind_int64(statement, 3, object);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

/* The rows that SoftHSM would have for this file. */
static void insert_file(sqlite3 *db, int64_t object, struct kk_span file)
{
    char sql[96];
    struct kk_reader reader = kk_reader_new(file);
    (void)snprintf(sql, sizeof sql, "insert into object (id) values (%lld)", (long long)object);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)kk_reader_u64(&reader);
    while (reader.rest.len > 0) {
        uint64_t type = kk_reader_u64(&reader);
        uint64_t kind = kk_reader_u64(&reader);
        int64_t number = 0;
        if (kind == KK_ATTR_BOOL) {
            number = kk_reader_u8(&reader) != 0;
            insert(db, "attribute_boolean", type, object, &number, KK_SPAN(NULL, 0));
        } else if (kind == KK_ATTR_ULONG) {
            number = (int64_t)kk_reader_u64(&reader);
            insert(db, "attribute_integer", type, object, &number, KK_SPAN(NULL, 0));
        } else {
            size_t len = (size_t)kk_reader_u64(&reader);
            struct kk_span value = kk_reader_take(&reader, len);
            insert(db, kind == KK_ATTR_TEMPLATE ? "attribute_array" : "attribute_binary", type,
                   object, NULL, value);
        }
    }
    assert_true(kk_reader_done(&reader));
}

static void insert_path(sqlite3 *db, int64_t object, const char *name)
{
    char path[512];
    uint8_t bytes[4096];
    (void)snprintf(path, sizeof path, "%s/%s/%s", samples, SAMPLE, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t len = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_true(len > 8);
    insert_file(db, object, KK_SPAN(bytes, (size_t)len));
}

static void make_database(const char *file)
{
    char folder[512];
    sqlite3 *db = NULL;
    int64_t object = 1;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, schema, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "begin", NULL, NULL, NULL), SQLITE_OK);
    insert_path(db, object++, "token.object");
    (void)snprintf(folder, sizeof folder, "%s/%s", samples, SAMPLE);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        if (len == 43 && strcmp(entry->d_name + 36, ".object") == 0) {
            insert_path(db, object++, entry->d_name);
        }
    }
    closedir(dir);
    /* Lists in the machine's own order, as SoftHSM writes them there. */
    const uint64_t mechanisms[] = {0x1081, 0x1082};
    const uint64_t inner_type = CKA_EXTRACTABLE;
    const uint32_t inner_kind = KK_ATTR_BOOL;
    uint8_t map[13];
    memcpy(map, &inner_type, 8);
    memcpy(map + 8, &inner_kind, 4);
    map[12] = 1;
    (void)sqlite3_exec(db,
                       "delete from attribute_binary where object_id = 2 and type = 1073743360;"
                       "delete from attribute_array where object_id = 2 and type = 1073742354;",
                       NULL, NULL, NULL);
    insert(db, "attribute_binary", CKA_ALLOWED_MECHANISMS, 2, NULL, KK_SPAN_ARRAY(mechanisms));
    insert(db, "attribute_array", CKA_UNWRAP_TEMPLATE, 2, NULL, KK_SPAN_ARRAY(map));
    assert_int_equal(sqlite3_exec(db, "commit", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int set_up(void **state)
{
    static struct sample sample;
    char dir[128];
    const struct kk_repository_settings settings = {.pin_max_tries = 3};
    house_open(&sample.house);
    (void)snprintf(dir, sizeof dir, "%s/%s", sample.house.dir, SAMPLE);
    assert_int_equal(mkdir(dir, 0700), 0);
    (void)snprintf(sample.file, sizeof sample.file, "%s/sqlite3.db", dir);
    make_database(sample.file);
    assert_ok(
        kk_softhsm_db_repository_open(crypto, sample.house.dir, SAMPLE, &settings, &sample.repo));
    *state = &sample;
    return 0;
}

static int tear_down(void **state)
{
    struct sample *sample = *state;
    sample->repo->ops->close(sample->repo);
    house_close(&sample->house);
    return 0;
}

static void test_it_is_a_token_that_is_only_read(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *repo = sample->repo;
    struct kk_token_state told;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, "new", "x");
    const struct kk_stored_change change = {
        .kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = attrs};
    assert_ok(repo->ops->state(repo, &told));
    assert_memory_equal(told.serial, "73b87780cf2f0c90", 16);
    assert_true(told.read_only && told.user_pin_set);
    assert_rv(login(repo, KK_ROLE_USER, "9999", &user), CKR_PIN_INCORRECT);
    assert_ok(repo->ops->state(repo, &told));
    assert_int_equal(told.user_failed, 1);
    assert_ok(login(repo, KK_ROLE_USER, "1234", &user));
    assert_rv(repo->ops->change(repo, user, &change, 1, NULL), CKR_TOKEN_WRITE_PROTECTED);
    assert_rv(repo->ops->set_pin(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span("1234"),
                                 text_span("5678")),
              CKR_TOKEN_WRITE_PROTECTED);
    assert_rv(repo->ops->reinitialise(repo, text_span("12345678"), label_one),
              CKR_TOKEN_WRITE_PROTECTED);
    assert_rv(repo->ops->remove(repo), CKR_TOKEN_WRITE_PROTECTED);
    assert_int_equal(access(sample->file, F_OK), 0);
}

static void test_every_object_is_read(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *repo = sample->repo;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    size_t keys = 0;
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(login(repo, KK_ROLE_USER, "1234", &user));
    assert_ok(repo->ops->find(repo, user, true, tmpl, &uuids, &count));
    assert_int_equal(count, 11);
    for (size_t i = 0; i < count; i++) {
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
        assert_ok(repo->ops->read(repo, user, &uuids[i], &object));
        if (object->key_type != CK_UNAVAILABLE_INFORMATION) {
            assert_ok(kk_object_key(object, crypto, &key));
            keys++;
        }
        if (i == 0) {
            const struct kk_attr *list = kk_attrs_find(object->attrs, CKA_ALLOWED_MECHANISMS);
            const struct kk_attr *nested = kk_attrs_find(object->attrs, CKA_UNWRAP_TEMPLATE);
            assert_true(list != NULL && list->len == 2 && list->value.mechanisms[1] == 0x1082);
            assert_true(nested != NULL && nested->value.nested->count == 1);
        }
    }
    assert_int_equal(keys, 9);
    struct kk_uuid none = {{9}};
    assert_rv(read_code(repo, user, &none), CKR_OBJECT_HANDLE_INVALID);
}

static void test_the_engine_lists_it(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = house_engine(&sample->house);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(engine);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_PRIVATE_KEY));
    assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, text_span("1234"), &user));
    assert_ok(kk_token_find(token, user, true, tmpl, &uuids, &count));
    assert_int_equal(count, 4);
    kk_token_logout(token, KK_STEAL(user));
}

static void test_damage_is_an_error(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *repo = NULL;
    const struct kk_repository_settings settings = {0};
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(sample->file, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "delete from attribute_binary where object_id = 1", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_rv(kk_softhsm_db_repository_open(crypto, sample->house.dir, SAMPLE, &settings, &repo),
              CKR_TOKEN_NOT_RECOGNIZED);
    assert_int_equal(truncate(sample->file, 100), 0);
    assert_int_not_equal(
        kk_softhsm_db_repository_open(crypto, sample->house.dir, SAMPLE, &settings, &repo), CKR_OK);
}

/* ---- databases that somebody made up ---- */

static void run_sql(const struct sample *sample, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(sample->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void assert_no_token(const struct sample *sample)
{
    struct kk_repository *repo = NULL;
    const struct kk_repository_settings settings = {0};
    (void)alarm(20); /* who waits for ever dies */
    assert_rv(kk_softhsm_db_repository_open(crypto, sample->house.dir, SAMPLE, &settings, &repo),
              CKR_TOKEN_NOT_RECOGNIZED);
    (void)alarm(0);
}

static void test_a_view_in_place_of_a_table_is_not_run(void **state)
{
    struct sample *sample = *state;
    run_sql(sample, "drop table attribute_boolean;"
                    "create view attribute_boolean as with recursive c(x) as (select 1 union all "
                    "select x + 1 from c) select 1 as value, 1 as type, 1 as object_id from c "
                    "where x < 0;");
    assert_no_token(sample);
}

static void test_a_value_of_any_length_is_not_made(void **state)
{
    struct sample *sample = *state;
    run_sql(sample, "drop table attribute_array;"
                    "create table attribute_array (value blob generated always as "
                    "(zeroblob(100000000)), type integer, object_id integer);"
                    "insert into attribute_array (type, object_id) values (1073742354, 1);");
    assert_no_token(sample);
    assert_true(house_log_has(&sample->house, "too big"));
}

static void test_an_object_may_not_be_endless(void **state)
{
    struct sample *sample = *state;
    run_sql(sample, "with recursive c(x) as (select 1 union all select x + 1 from c where x < 40) "
                    "insert into attribute_binary (value, type, object_id) select "
                    "zeroblob(1000000), 2147500000 + x, 1 from c;");
    assert_no_token(sample);
}

static void test_a_pipe_beside_it_holds_nobody_up(void **state)
{
    struct sample *sample = *state;
    char path[192];
    (void)snprintf(path, sizeof path, "%s-wal", sample->file);
    assert_int_equal(mkfifo(path, 0444), 0);
    assert_no_token(sample);
}

#define ON_DB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    samples = argv[1];
    const struct CMUnitTest tests[] = {
        ON_DB(test_it_is_a_token_that_is_only_read),
        ON_DB(test_every_object_is_read),
        ON_DB(test_the_engine_lists_it),
        ON_DB(test_damage_is_an_error),
        ON_DB(test_a_view_in_place_of_a_table_is_not_run),
        ON_DB(test_a_value_of_any_length_is_not_made),
        ON_DB(test_an_object_may_not_be_endless),
        ON_DB(test_a_pipe_beside_it_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
