/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searches: a snapshot at the start, handles for what is still there.
 */
#include "support.h"

#include <string.h>

#include "session/question.h"

static struct world world;
static CK_SESSION_HANDLE session;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static CK_OBJECT_HANDLE data(const char *label, bool token, bool is_private)
{
    CK_OBJECT_HANDLE handle = 0;
    assert_ok(data_create(world.app, session, label, token, is_private, &handle));
    return handle;
}

static CK_RV find_init(const CK_ATTRIBUTE *attributes, size_t count)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(world.app, session, &call));
    KK_TRY(kk_template_copy(attributes, count, KK_VERB_FIND, &tmpl));
    return kk_call_find_init(&call, tmpl);
}

/* As the api does it: a template that was asked for before is not copied. */
static CK_RV find_again(const CK_ATTRIBUTE *attributes, size_t count, bool *ret_kept)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *own = NULL;
    const struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(world.app, session, &call));
    KK_TRY(kk_call_find_template(&call, attributes, count, &own, &tmpl));
    *ret_kept = own == NULL;
    return kk_call_find_init(&call, tmpl);
}

static CK_RV find(CK_OBJECT_HANDLE *handles, size_t max, size_t *ret_count)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_find(&call, handles, max, ret_count);
}

static CK_RV find_final(void)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_call_find_final(&call);
}

static void test_without_an_init_there_is_no_search(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handle = 0;
    size_t count = 0;
    assert_int_equal(find(&handle, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(find_final(), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(find_init(NULL, 0));
    assert_int_equal(find_init(NULL, 0), CKR_OPERATION_ACTIVE);
    assert_ok(find_final());
    assert_ok(find_init(NULL, 0));
}

static void test_results_come_in_portions_and_then_no_more(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[8] = {0};
    size_t count = 0;
    for (int i = 0; i < 5; i++) {
        (void)data("portion", i % 2 == 0, false);
    }
    assert_ok(find_init(NULL, 0));
    assert_ok(find(handles, 0, &count));
    assert_int_equal(count, 0);
    assert_ok(find(handles, 3, &count));
    assert_int_equal(count, 3);
    assert_ok(find(handles + 3, 5, &count));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(handles[i], handles[j]);
        }
    }
    assert_ok(find(handles, 8, &count));
    assert_int_equal(count, 0);
    assert_ok(find_final());
}

static void test_what_went_since_the_start_is_left_out_and_what_came_too(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[8] = {0};
    size_t count = 0;
    CK_OBJECT_HANDLE stays = data("stays", true, false);
    CK_OBJECT_HANDLE goes[2] = {data("goes", true, false), data("goes", false, false)};
    assert_ok(find_init(NULL, 0));
    assert_ok(object_destroy(world.app, session, goes[0]));
    assert_ok(object_destroy(world.app, session, goes[1]));
    (void)data("comes", false, false);
    assert_ok(find(handles, 8, &count));
    assert_int_equal(count, 1);
    assert_int_equal(handles[0], stays);
}

static void test_private_objects_of_a_search_are_left_out_after_a_logout(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[8] = {0};
    size_t count = 0;
    (void)data("private", true, true);
    (void)data("private", false, true);
    CK_OBJECT_HANDLE open = data("open", true, false);
    assert_ok(find_init(NULL, 0));
    assert_ok(session_logout(world.app, session));
    assert_ok(find(handles, 8, &count));
    assert_int_equal(count, 1);
    assert_int_equal(handles[0], open);
}

static void test_token_and_session_objects_are_told_apart(void **state)
{
    (void)state;
    static CK_BBOOL flags[2] = {CK_FALSE, CK_TRUE};
    CK_OBJECT_HANDLE made[2] = {data("same", false, false), data("same", true, false)};
    for (size_t i = 0; i < 2; i++) {
        CK_OBJECT_HANDLE handles[8] = {0};
        size_t count = 0;
        CK_ATTRIBUTE attributes[] = {{CKA_TOKEN, &flags[i], 1},
                                     {CKA_LABEL, (void *)(uintptr_t)"same", 4}};
        assert_ok(find_init(attributes, 2));
        assert_ok(find(handles, 8, &count));
        assert_ok(find_final());
        assert_int_equal(count, 1);
        assert_int_equal(handles[0], made[i]);
    }
}

static void test_a_search_finds_no_secret_value(void **state)
{
    (void)state;
    static CK_BBOOL yes = CK_TRUE;
    static CK_BBOOL no = CK_FALSE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_VALUE, (void *)(uintptr_t)"guess", 5},
                                 {CKA_SENSITIVE, &yes, 1},
                                 {CKA_EXTRACTABLE, &no, 1}};
    size_t count = 0;
    assert_ok(object_create(world.app, session, attributes, KK_ARRAY_LEN(attributes), &key));
    assert_ok(find_init(&attributes[2], 1));
    assert_ok(find(&key, 1, &count));
    assert_int_equal(count, 0);
}

static size_t matches(const CK_ATTRIBUTE *attributes, size_t count, bool *ret_kept)
{
    CK_OBJECT_HANDLE handles[8];
    size_t found = 0;
    assert_ok(find_again(attributes, count, ret_kept));
    assert_ok(find(handles, 8, &found));
    assert_ok(find_final());
    return found;
}

static void test_the_same_question_again(void **state)
{
    (void)state;
    bool kept = false;
    char label[] = "again one";
    CK_ATTRIBUTE wanted[] = {{CKA_LABEL, label, sizeof label - 1}, {CKA_LABEL, label, 0}};
    data("again one", true, false);
    data("again two", true, false);
    assert_int_equal(matches(wanted, 1, &kept), 1);
    assert_true(kept);
    assert_int_equal(matches(wanted, 1, &kept), 1);
    data("again one", false, false);
    assert_int_equal(matches(wanted, 1, &kept), 2); /* the question is kept, not the answer */
    memcpy(label, "again two", 9);                  /* at the same address */
    assert_int_equal(matches(wanted, 1, &kept), 1);
    wanted[0].ulValueLen = 5;
    assert_int_equal(matches(wanted, 1, &kept), 0);
    wanted[0].type = CKA_APPLICATION;
    assert_int_equal(matches(wanted, 1, &kept), 0);
    assert_int_equal(find_again(NULL, 1, &kept), CKR_ARGUMENTS_BAD);
    wanted[0] = (CK_ATTRIBUTE){CKA_LABEL, NULL, 3};
    assert_int_equal(find_again(wanted, 1, &kept), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(find_again(wanted, 1, &kept), CKR_ATTRIBUTE_VALUE_INVALID);
    wanted[0] = (CK_ATTRIBUTE){CKA_LABEL, label, 9};
    assert_int_equal(find_again(wanted, 2, &kept), CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(find_again(wanted, 2, &kept), CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(matches(wanted, 1, &kept), 1);
}

static void test_what_is_not_kept_of_a_question(void **state)
{
    (void)state;
    bool kept = true;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BYTE value[300] = {7};
    CK_ATTRIBUTE secret[] = {{CKA_CLASS, &class, sizeof class}, {CKA_VALUE, value, 16}};
    CK_ATTRIBUTE longer = {CKA_LABEL, value, sizeof value};
    CK_ATTRIBUTE many[9];
    for (size_t i = 0; i < 9; i++) {
        many[i] = (CK_ATTRIBUTE){CKA_VENDOR_DEFINED + i, value, 1};
    }
    assert_int_equal(matches(secret, 2, &kept), 0);
    assert_false(kept);
    assert_int_equal(matches(&longer, 1, &kept), 0);
    assert_false(kept);
    assert_int_equal(matches(many, 9, &kept), 0);
    assert_false(kept);
    assert_int_equal(matches(many, 8, &kept), 0);
    assert_true(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_without_an_init_there_is_no_search),
        TEST(test_results_come_in_portions_and_then_no_more),
        TEST(test_what_went_since_the_start_is_left_out_and_what_came_too),
        TEST(test_private_objects_of_a_search_are_left_out_after_a_logout),
        TEST(test_token_and_session_objects_are_told_apart),
        TEST(test_a_search_finds_no_secret_value),
        TEST(test_the_same_question_again),
        TEST(test_what_is_not_kept_of_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
