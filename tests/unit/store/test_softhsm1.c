/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM 1's databases: what is in them is read, what is not one is told apart, and no bytes do
 * more than be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/softhsm1.h"

#define TOKEN "CREATE TABLE Token (variableID INTEGER PRIMARY KEY, value TEXT);"
#define OBJECTS "CREATE TABLE Objects (objectID INTEGER PRIMARY KEY);"
#define ATTRIBUTES                                                                                 \
    "CREATE TABLE Attributes (attributeID INTEGER PRIMARY KEY, objectID INTEGER, type INTEGER, "   \
    "value BLOB, length INTEGER);"
#define VERSION "PRAGMA user_version = 100;"
#define WHOLE VERSION TOKEN OBJECTS ATTRIBUTES
#define ATTRIBUTE(object, type, value)                                                             \
    "INSERT INTO Attributes (objectID, type, value, length) VALUES (" #object ", " #type           \
    ", " value ", 1);"

static char folder[] = "/tmp/kk-test-softhsm1.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/db", folder);
    return 0;
}

static int remove_database(void **state)
{
    (void)state;
    return access(path, F_OK) == 0 ? unlink(path) : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void make(const char *sql)
{
    sqlite3 *db = NULL;
    remove_database(NULL);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static enum kk_softhsm1_result open_it(void)
{
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = NULL;
    enum kk_softhsm1_result result = kk_softhsm1_open(path, &database);
    assert_int_equal(result == KK_SOFTHSM1_OK, database != NULL);
    return result;
}

static void test_what_is_none_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum kk_softhsm1_result result;
    } rows[] = {
        {WHOLE, KK_SOFTHSM1_OK},
        {TOKEN OBJECTS ATTRIBUTES, KK_SOFTHSM1_WRONG_VERSION},
        {"PRAGMA user_version = 101;" TOKEN OBJECTS ATTRIBUTES, KK_SOFTHSM1_WRONG_VERSION},
        {VERSION OBJECTS ATTRIBUTES, KK_SOFTHSM1_NO_TOKEN_TABLE},
        {VERSION TOKEN ATTRIBUTES, KK_SOFTHSM1_NO_OBJECTS_TABLE},
        {VERSION TOKEN OBJECTS, KK_SOFTHSM1_NO_ATTRIBUTES_TABLE},
        {VERSION TOKEN OBJECTS "CREATE TABLE Attributes (attributeID INTEGER)",
         KK_SOFTHSM1_NO_ATTRIBUTES_TABLE},
        /* A view may be made of anything. */
        {VERSION TOKEN ATTRIBUTES "CREATE VIEW Objects AS SELECT 1 AS objectID",
         KK_SOFTHSM1_NO_OBJECTS_TABLE},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        make(rows[i].sql);
        assert_int_equal(open_it(), rows[i].result);
    }
}

static void put_file(const char *text, mode_t mode)
{
    remove_database(NULL);
    int fd = open(path, O_CREAT | O_WRONLY, mode);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_no_database(void **state)
{
    (void)state;
    struct kk_softhsm1 *database = NULL;
    assert_int_equal(open_it(), KK_SOFTHSM1_NOT_OPENED);
    assert_int_equal(access(path, F_OK), -1); /* none was made */
    assert_int_equal(kk_softhsm1_open(folder, &database), KK_SOFTHSM1_NOT_OPENED);
    assert_null(database);
    put_file("", 0600);
    assert_int_equal(open_it(), KK_SOFTHSM1_WRONG_VERSION);
    put_file("This is no database, however long it may be: SQLite begins with its name, and "
             "that is not here.",
             0600);
    assert_int_equal(open_it(), KK_SOFTHSM1_NO_DATABASE);
    kk_softhsm1_close(NULL);
}

static struct kk_softhsm1 *opened(void)
{
    struct kk_softhsm1 *database = NULL;
    assert_int_equal(kk_softhsm1_open(path, &database), KK_SOFTHSM1_OK);
    return database;
}

static void test_objects_come_in_order(void **state)
{
    (void)state;
    make(WHOLE "INSERT INTO Objects VALUES (7), (2), (4294967296), (3);");
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = opened();
    KK_CLEANUP(kk_freep) uint64_t *ids = NULL;
    static const uint64_t expected[] = {2, 3, 7, 4294967296};
    size_t count = 0;
    assert_int_equal(kk_softhsm1_objects(database, &ids, &count), CKR_OK);
    assert_int_equal(count, 4);
    assert_memory_equal(ids, expected, sizeof expected);
}

static void test_many_objects(void **state)
{
    (void)state;
    make(WHOLE "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
               "INSERT INTO Objects SELECT i FROM n;");
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = opened();
    KK_CLEANUP(kk_freep) uint64_t *ids = NULL;
    size_t count = 0;
    assert_int_equal(kk_softhsm1_objects(database, &ids, &count), CKR_OK);
    assert_int_equal(count, 1000);
    assert_int_equal(ids[999], 1000);
}

static void assert_value(struct kk_softhsm1 *database, uint64_t id, CK_ATTRIBUTE_TYPE type,
                         struct kk_span expected)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    assert_int_equal(kk_softhsm1_value(database, id, type, &value), CKR_OK);
    assert_true(kk_span_equal(kk_secret_span(value), expected));
}

static void test_values(void **state)
{
    (void)state;
    make(WHOLE "INSERT INTO Objects VALUES (1), (2);" ATTRIBUTE(1, 3, "x'6c6162656c'")
             ATTRIBUTE(1, 288, "x'0001ff'") ATTRIBUTE(1, 258, "NULL") ATTRIBUTE(1, 257, "x''")
                 ATTRIBUTE(2, 3, "'text'") ATTRIBUTE(2, 0, "17"));
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = opened();
    struct kk_secret *none = NULL;
    assert_value(database, 1, CKA_LABEL, KK_SPAN_TEXT("label"));
    assert_value(database, 1, CKA_MODULUS, KK_SPAN("\0\1\xff", 3));
    assert_value(database, 1, CKA_ID, KK_SPAN(NULL, 0));
    assert_value(database, 1, CKA_SUBJECT, KK_SPAN(NULL, 0));
    assert_value(database, 2, CKA_LABEL, KK_SPAN_TEXT("text"));
    assert_value(database, 2, CKA_CLASS, KK_SPAN_TEXT("17"));
    assert_value(database, 1, CKA_LABEL, KK_SPAN_TEXT("label"));
    assert_int_equal(kk_softhsm1_value(database, 1, CKA_CLASS, &none), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_int_equal(kk_softhsm1_value(database, 3, CKA_LABEL, &none), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_null(none);
}

static void test_a_value_of_no_measure(void **state)
{
    (void)state;
    make(WHOLE ATTRIBUTE(1, 3, "zeroblob(2000000)"));
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = opened();
    struct kk_secret *value = NULL;
    assert_int_equal(kk_softhsm1_value(database, 1, CKA_LABEL, &value), CKR_DEVICE_ERROR);
    assert_null(value);
}

static CK_RV count_objects(size_t *ret_count)
{
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = NULL;
    KK_CLEANUP(kk_freep) uint64_t *ids = NULL;
    enum kk_softhsm1_result result = kk_softhsm1_open(path, &database);
    if (result != KK_SOFTHSM1_OK) {
        assert_int_equal(result, KK_SOFTHSM1_NO_MEMORY);
        return CKR_HOST_MEMORY;
    }
    return kk_softhsm1_objects(database, &ids, ret_count);
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    make(WHOLE "INSERT INTO Objects VALUES (1);");
    unsigned long nth = 0;
    size_t count = 0;
    CK_RV rv = CKR_HOST_MEMORY;
    while (rv == CKR_HOST_MEMORY) {
        nth++;
        kk_alloc_fail_at(nth);
        rv = count_objects(&count);
        kk_alloc_fail_at(0);
    }
    assert_int_equal(rv, CKR_OK);
    assert_int_equal(count, 1);
    assert_in_range(nth, 3, 10); /* the database, its list */
}

/* Reads whatever there is to be read. */
static void read_all(void)
{
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = NULL;
    KK_CLEANUP(kk_freep) uint64_t *ids = NULL;
    size_t count = 0;
    if (kk_softhsm1_open(path, &database) != KK_SOFTHSM1_OK ||
        kk_softhsm1_objects(database, &ids, &count) != CKR_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
        CK_RV rv = kk_softhsm1_value(database, ids[i], CKA_LABEL, &value);
        assert_true(rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_DEVICE_ERROR);
    }
}

static void test_damage_does_no_harm(void **state)
{
    (void)state;
    struct stat status;
    make(WHOLE "INSERT INTO Objects VALUES (1), (2);" ATTRIBUTE(1, 3, "x'6c6162656c'")
             ATTRIBUTE(2, 3, "zeroblob(9000)"));
    assert_int_equal(stat(path, &status), 0);
    int fd = open(path, O_RDWR);
    for (off_t at = 0; at < status.st_size; at += at < 200 ? 1 : 61) {
        uint8_t byte = 0;
        uint8_t other = 0;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        other = byte ^ 0xff;
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        read_all();
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    for (off_t len = status.st_size; len > 0; len -= 509) {
        assert_int_equal(ftruncate(fd, len), 0);
        read_all();
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_is_none_is_told_apart, remove_database),
        cmocka_unit_test_teardown(test_no_database, remove_database),
        cmocka_unit_test_teardown(test_objects_come_in_order, remove_database),
        cmocka_unit_test_teardown(test_many_objects, remove_database),
        cmocka_unit_test_teardown(test_values, remove_database),
        cmocka_unit_test_teardown(test_a_value_of_no_measure, remove_database),
        cmocka_unit_test_teardown(test_no_memory_is_an_error, remove_database),
        cmocka_unit_test_teardown(test_damage_does_no_harm, remove_database),
    };
    return cmocka_run_group_tests_name("softhsm1", tests, make_folder, remove_folder);
}
