/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_tree.c against an array: the same content after thousands of changes, in order, and every
 * snapshot as it was.
 */
#include "base/memory.h"
#include "store/memory_tree.h"
#include "store_unit.h"

#define KEYS 512

static uint64_t seed = 12345;

static uint32_t number_below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

static struct kk_memory_record *new_record(uint32_t no)
{
    struct kk_memory_record *record = NULL;
    assert_ok(kk_alloc(sizeof *record, &record));
    atomic_init(&record->refs, 1);
    record->row.no = no;
    return record;
}

static struct kk_memory_key key_of(uint32_t no)
{
    return (struct kk_memory_key){{1, no / 16, no % 16, 0}};
}

struct walk {
    const bool *present;
    uint32_t next;
};

static CK_RV check_next(const struct kk_memory_record *record, void *context)
{
    struct walk *walk = context;
    while (walk->next < KEYS && !walk->present[walk->next]) {
        walk->next++;
    }
    assert_int_equal(record->row.no, walk->next);
    walk->next++;
    return CKR_OK;
}

static void assert_same(const struct kk_memory_node *root, const bool present[KEYS])
{
    const struct kk_memory_key from = {{0}};
    const struct kk_memory_key to = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    struct walk walk = {.present = present};
    assert_ok(kk_memory_tree_walk(root, &from, &to, check_next, &walk));
    for (; walk.next < KEYS; walk.next++) {
        assert_false(present[walk.next]);
    }
}

static void change_some(struct kk_memory_node **root, bool present[KEYS])
{
    uint32_t no = number_below(KEYS);
    struct kk_memory_key key = key_of(no);
    present[no] = number_below(3) != 0;
    if (present[no]) {
        struct kk_memory_record *record = new_record(no);
        assert_ok(kk_memory_tree_put(root, &key, record));
        kk_memory_record_unref(record);
    } else {
        assert_ok(kk_memory_tree_delete(root, &key));
    }
    assert_true((kk_memory_tree_get(*root, &key) != NULL) == present[no]);
}

static void test_changes_give_the_same_as_an_array(void **state)
{
    (void)state;
    struct kk_memory_node *root = NULL;
    bool present[KEYS] = {false};
    for (int i = 0; i < 20000; i++) {
        change_some(&root, present);
        if (i % 500 == 0) {
            assert_same(root, present);
        }
    }
    assert_same(root, present);
    kk_memory_tree_unref(root);
}

static void test_snapshots_stay_as_they_were(void **state)
{
    (void)state;
    struct kk_memory_node *root = NULL;
    struct kk_memory_node *snapshots[20];
    bool present[KEYS] = {false};
    bool then[20][KEYS];
    for (size_t at = 0; at < KK_ARRAY_LEN(snapshots); at++) {
        for (int i = 0; i < 200; i++) {
            change_some(&root, present);
        }
        snapshots[at] = kk_memory_tree_ref(root);
        memcpy(then[at], present, sizeof present);
    }
    kk_memory_tree_unref(root);
    for (size_t at = 0; at < KK_ARRAY_LEN(snapshots); at++) {
        assert_same(snapshots[at], then[at]);
        kk_memory_tree_unref(snapshots[at]);
    }
}

static CK_RV count_visit(const struct kk_memory_record *record, void *context)
{
    (void)record;
    return ++*(size_t *)context == 5 ? CKR_CANCEL : CKR_OK;
}

static void test_walk_keeps_to_its_range_and_ends_when_told(void **state)
{
    (void)state;
    struct kk_memory_node *root = NULL;
    for (uint32_t no = 0; no < KEYS; no++) {
        struct kk_memory_record *record = new_record(no);
        struct kk_memory_key key = key_of(no);
        assert_ok(kk_memory_tree_put(&root, &key, record));
        kk_memory_record_unref(record);
    }
    struct kk_memory_key from = key_of(100);
    struct kk_memory_key to = key_of(103);
    size_t count = 0;
    assert_ok(kk_memory_tree_walk(root, &from, &to, count_visit, &count));
    assert_int_equal(count, 4); /* both ends included */
    to = key_of(200);
    count = 0;
    assert_int_equal(kk_memory_tree_walk(root, &from, &to, count_visit, &count), CKR_CANCEL);
    assert_int_equal(count, 5);
    kk_memory_tree_unref(root);
}

static void test_failed_allocation_leaves_the_tree(void **state)
{
    (void)state;
    struct kk_memory_node *root = NULL;
    bool present[KEYS] = {false};
    for (int i = 0; i < 1000; i++) {
        change_some(&root, present);
    }
    struct kk_memory_record *record = new_record(7);
    struct kk_memory_key key = key_of(7);
    present[7] = true;
    CK_RV rv = CKR_HOST_MEMORY;
    assert_ok(kk_memory_tree_put(&root, &key, record));
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        kk_alloc_fail_at(n);
        rv = kk_memory_tree_put(&root, &key, record);
        kk_alloc_fail_at(0);
        assert_same(root, present);
    }
    rv = CKR_HOST_MEMORY;
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        kk_alloc_fail_at(n);
        rv = kk_memory_tree_delete(&root, &key);
        kk_alloc_fail_at(0);
        present[7] = rv != CKR_OK;
        assert_same(root, present);
    }
    kk_memory_record_unref(record);
    kk_memory_tree_unref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_give_the_same_as_an_array),
        cmocka_unit_test(test_snapshots_stay_as_they_were),
        cmocka_unit_test(test_walk_keeps_to_its_range_and_ends_when_told),
        cmocka_unit_test(test_failed_allocation_leaves_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
