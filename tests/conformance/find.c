/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searching for objects.
 */
#include <string.h>

#include "keys.h"

static CK_OBJECT_HANDLE data(const char *label, CK_BBOOL token, CK_BBOOL private)
{
    return CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_X(CKA_LABEL, label, strlen(label)),
                  ATTR_B(CKA_TOKEN, token), ATTR_B(CKA_PRIVATE, private),
                  ATTR_S(CKA_APPLICATION, "find"));
}

#define OURS ATTR_S(CKA_APPLICATION, "find")

static void finds_exactly(void)
{
    CK_OBJECT_HANDLE one = data("one", CK_FALSE, CK_FALSE);
    CK_OBJECT_HANDLE other = data("other", CK_TRUE, CK_FALSE);
    EXPECT_EQUAL(FIND_ONE(S, OURS, ATTR_S(CKA_LABEL, "one")), one);
    EXPECT_EQUAL(FIND_ONE(S, OURS, ATTR_S(CKA_LABEL, "other")), other);
}

static void finds_all(void)
{
    CK_ULONG before = find_count(S, NO_ATTRIBUTES);
    data("one", CK_FALSE, CK_FALSE);
    data("two", CK_TRUE, CK_TRUE);
    data("three", CK_FALSE, CK_TRUE);
    EXPECT_EQUAL(find_count(S, NO_ATTRIBUTES), before + 3);
}

static void finds_nothing(void)
{
    data("one", CK_FALSE, CK_FALSE);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "no such label")), 0);
}

static void matches_whole_values(void)
{
    data("label", CK_FALSE, CK_FALSE);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "labe")), 0);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "label ")), 0);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "Label")), 0);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "")), 0);
}

static void matches_all_attributes(void)
{
    data("label", CK_FALSE, CK_FALSE);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "label"), ATTR_B(CKA_TOKEN, CK_TRUE)), 0);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "label"), ATTR_B(CKA_TOKEN, CK_FALSE),
                            ATTR_U(CKA_CLASS, CKO_DATA)),
                 1);
}

static void matches_empty_value(void)
{
    data("", CK_FALSE, CK_FALSE);
    data("x", CK_FALSE, CK_FALSE);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_X(CKA_LABEL, NULL, 0)), 1);
}

static void by_class(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_S(CKA_LABEL, "by class"));
    data("by class", CK_FALSE, CK_FALSE);
    EXPECT_EQUAL(FIND_ONE(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_S(CKA_LABEL, "by class")),
                 key);
}

static void by_key_type_and_id(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_X(CKA_ID, "\x47\x11", 2));
    key_secret(CKK_GENERIC_SECRET, key_value(), 16, ATTR_X(CKA_ID, "\x47\x11", 2));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_X(CKA_ID, "\x47\x11", 2)), 2);
    EXPECT_EQUAL(FIND_ONE(S, ATTR_X(CKA_ID, "\x47\x11", 2), ATTR_U(CKA_KEY_TYPE, CKK_AES)), key);
}

static void by_modulus(void)
{
    CK_BYTE modulus[RSA_BYTES];
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    get_bytes(key, CKA_MODULUS, modulus, sizeof modulus);
    EXPECT_EQUAL(FIND_ONE(S, ATTR_X(CKA_MODULUS, modulus, sizeof modulus)), key);
}

static void by_unknown_attribute(void)
{
    CK_ATTRIBUTE unknown = ATTR_S(0x4711, "?");
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 9;
    CK_RV rv = F->C_FindObjectsInit(S, &unknown, 1);
    EXPECT_ANY(rv, CKR_OK, CKR_ATTRIBUTE_TYPE_INVALID);
    if (rv == CKR_OK) {
        EXPECT_OK(F->C_FindObjects(S, &found, 1, &count));
        EXPECT_EQUAL(count, 0);
    }
}

static void in_batches(void)
{
    CK_OBJECT_HANDLE found[3], seen[16];
    CK_ULONG count = 0, total = 0;
    CK_ATTRIBUTE ours = OURS;
    for (int i = 0; i < 10; i++)
        data("batch", CK_FALSE, CK_FALSE);
    EXPECT_OK(F->C_FindObjectsInit(S, &ours, 1));
    do {
        EXPECT_OK(F->C_FindObjects(S, found, COUNT(found), &count));
        EXPECT_TRUE(count <= COUNT(found) && total + count <= COUNT(seen));
        for (CK_ULONG i = 0; i < count; i++) {
            for (CK_ULONG k = 0; k < total; k++)
                EXPECT_TRUE(seen[k] != found[i]);
            seen[total++] = found[i];
        }
    } while (count != 0);
    EXPECT_EQUAL(total, 10);
    EXPECT_OK(F->C_FindObjects(S, found, COUNT(found), &count));
    EXPECT_EQUAL(count, 0);
    EXPECT_OK(F->C_FindObjectsFinal(S));
}

static void full_batch(void)
{
    CK_OBJECT_HANDLE found[8] = {0};
    CK_ULONG count = 0;
    CK_ATTRIBUTE ours = OURS;
    for (int i = 0; i < 5; i++)
        data("batch", CK_FALSE, CK_FALSE);
    found[4] = 0xdeadbeef;
    EXPECT_OK(F->C_FindObjectsInit(S, &ours, 1));
    EXPECT_OK(F->C_FindObjects(S, found, 4, &count));
    EXPECT_EQUAL(count, 4);
    EXPECT_EQUAL(found[4], 0xdeadbeef);
    EXPECT_OK(F->C_FindObjects(S, found, 4, &count));
    EXPECT_EQUAL(count, 1);
}

static void many(void)
{
    for (int i = 0; i < 200; i++)
        data("many", CK_FALSE, CK_FALSE);
    EXPECT_EQUAL(FIND_COUNT(S, OURS), 200);
}

static void active(void)
{
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT(F->C_FindObjectsInit(S, NULL, 0), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_FindObjectsFinal(S));
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
}

static void final_twice(void)
{
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT_OK(F->C_FindObjectsFinal(S));
    EXPECT(F->C_FindObjectsFinal(S), CKR_OPERATION_NOT_INITIALIZED);
}

static void final_early(void)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    data("one", CK_FALSE, CK_FALSE);
    data("two", CK_FALSE, CK_FALSE);
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT_OK(F->C_FindObjects(S, &found, 1, &count));
    EXPECT_OK(F->C_FindObjectsFinal(S));
    EXPECT(F->C_FindObjects(S, &found, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
}

static void sessions_are_independent(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    CK_OBJECT_HANDLE one = data("one", CK_FALSE, CK_FALSE), two = data("two", CK_FALSE, CK_FALSE);
    CK_ATTRIBUTE first = ATTR_S(CKA_LABEL, "one"), second = ATTR_S(CKA_LABEL, "two");
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    EXPECT_OK(F->C_FindObjectsInit(S, &first, 1));
    EXPECT_OK(F->C_FindObjectsInit(other, &second, 1));
    EXPECT_OK(F->C_FindObjects(S, &found, 1, &count));
    EXPECT_TRUE(count == 1 && found == one);
    EXPECT_OK(F->C_FindObjects(other, &found, 1, &count));
    EXPECT_TRUE(count == 1 && found == two);
    EXPECT_OK(F->C_FindObjectsFinal(other));
    EXPECT_OK(F->C_FindObjects(S, &found, 1, &count));
    EXPECT_EQUAL(count, 0);
    EXPECT_OK(F->C_FindObjectsFinal(S));
}

static void null_arguments(void)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    EXPECT(F->C_FindObjectsInit(S, NULL, 1), CKR_ARGUMENTS_BAD);
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT(F->C_FindObjects(S, NULL, 1, &count), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_FindObjects(S, &found, 1, NULL), CKR_ARGUMENTS_BAD);
}

static void beside_other_operations(void)
{
    /* The text lets a token refuse a search beside another operation. */
    CK_BYTE out[32], right[32];
    CK_ULONG length = sizeof out, right_length = sizeof right;
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_Digest(S, (CK_BYTE_PTR) "abc", 3, right, &right_length));
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_DigestUpdate(S, (CK_BYTE_PTR) "abc", 3));
    CK_RV rv = F->C_FindObjectsInit(S, NULL, 0);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_ACTIVE);
    if (rv == CKR_OK)
        EXPECT_OK(F->C_FindObjectsFinal(S));
    EXPECT_OK(F->C_DigestFinal(S, out, &length));
    EXPECT_BYTES(out, length, right, right_length);
}

static void hidden_when_private(void)
{
    data("hidden", CK_TRUE, CK_TRUE);
    data("shown", CK_TRUE, CK_FALSE);
    logout(S);
    EXPECT_EQUAL(FIND_COUNT(S, OURS), 1);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_B(CKA_PRIVATE, CK_TRUE)), 0);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "hidden")), 0);
}

static void read_only_sees_all(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    data("one", CK_TRUE, CK_TRUE);
    data("two", CK_FALSE, CK_TRUE);
    EXPECT_EQUAL(FIND_COUNT(other, OURS), 2);
}

static void same_handle_each_time(void)
{
    data("one", CK_TRUE, CK_FALSE);
    CK_OBJECT_HANDLE first = FIND_ONE(S, OURS), second = FIND_ONE(S, OURS);
    EXPECT_TRUE(object_is_alive(S, first) && object_is_alive(S, second));
}

static void changed_objects(void)
{
    CK_OBJECT_HANDLE object = data("before", CK_TRUE, CK_FALSE);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "before")), 1);
    EXPECT_OK(SET_RV(object, ATTR_S(CKA_LABEL, "after")));
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "before")), 0);
    EXPECT_EQUAL(FIND_COUNT(S, OURS, ATTR_S(CKA_LABEL, "after")), 1);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, finds_exactly, "C_FindObjectsInit", "finds session and token objects by label"),
    CHECK(FIX_USER, finds_all, "C_FindObjectsInit", "an empty template finds all objects"),
    CHECK(FIX_USER, finds_nothing, "C_FindObjects", "the count is 0 when nothing matches"),
    CHECK(FIX_USER, matches_whole_values, "C_FindObjectsInit", "the match is byte for byte and of whole values"),
    CHECK(FIX_USER, matches_all_attributes, "C_FindObjectsInit", "all attributes of the template must match"),
    CHECK(FIX_USER, matches_empty_value, "C_FindObjectsInit", "an empty value matches an empty value only"),
    CHECK(FIX_USER, by_class, "C_FindObjectsInit", "by class"),
    CHECK(FIX_USER, by_key_type_and_id, "C_FindObjectsInit", "by key type and id"),
    CHECK(FIX_USER, by_modulus, "C_FindObjectsInit", "by modulus"),
    CHECK(FIX_USER, by_unknown_attribute, "C_FindObjectsInit", "an unknown attribute is refused or matches nothing"),
    CHECK(FIX_USER, in_batches, "C_FindObjects", "gives each object once, some at a time, then 0"),
    CHECK(FIX_USER, full_batch, "C_FindObjects", "fills the array as far as it can and no further"),
    CHECK(FIX_USER, many, "C_FindObjects", "200 matches"),
    CHECK(FIX_USER, active, "C_FindObjectsInit", "CKR_OPERATION_ACTIVE while a search is active"),
    CHECK(FIX_USER, final_twice, "C_FindObjectsFinal", "CKR_OPERATION_NOT_INITIALIZED the second time"),
    CHECK(FIX_USER, final_early, "C_FindObjectsFinal", "ends a search that has more to give"),
    CHECK(FIX_USER, sessions_are_independent, "C_FindObjectsInit", "each session has a search of its own"),
    CHECK(FIX_USER, null_arguments, "C_FindObjects", "CKR_ARGUMENTS_BAD for NULL template, array or count"),
    CHECK(FIX_USER, beside_other_operations, "CKR_OPERATION_ACTIVE", "a search and a digest don't disturb each other"),
    CHECK(FIX_USER, hidden_when_private, "C_FindObjectsInit", "private objects are not found in a public session"),
    CHECK(FIX_USER, read_only_sees_all, "C_FindObjectsInit", "a R/O session finds what the application has"),
    CHECK(FIX_USER, same_handle_each_time, "C_FindObjects", "handles of an earlier search stay valid"),
    CHECK(FIX_USER, changed_objects, "C_FindObjectsInit", "finds an object by its present value"),
};
/* clang-format on */

void chapter_find(void)
{
    check_add_table("find", checks);
}
