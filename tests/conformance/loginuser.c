/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_LoginUser: without a name it is C_Login; a name is somebody's or nobody's. How users get their
 * names is each token's own, so no check has one.
 */
#include <string.h>

#include "env.h"

static CK_RV login_user(CK_SESSION_HANDLE session, CK_USER_TYPE type, const char *pin,
                        const char *name)
{
    REQUIRE_FUNCTION(C_LoginUser);
    CK_RV rv = F->C_LoginUser(session, type, (CK_UTF8CHAR_PTR)pin, strlen(pin),
                              (CK_UTF8CHAR_PTR)name, name == NULL ? 0 : strlen(name));
    if (rv == CKR_FUNCTION_NOT_SUPPORTED)
        check_skip("C_LoginUser is a stub");
    return rv;
}

static void user_without_name(void)
{
    EXPECT_OK(login_user(S, CKU_USER, USER_PIN, NULL));
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
    EXPECT_OK(F->C_Logout(S));
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

static void user_with_empty_name(void)
{
    EXPECT_OK(login_user(S, CKU_USER, USER_PIN, ""));
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void so_without_name(void)
{
    EXPECT_OK(login_user(S, CKU_SO, SO_PIN, NULL));
    EXPECT_EQUAL(session_state(S), CKS_RW_SO_FUNCTIONS);
}

static void wrong_pin(void)
{
    EXPECT(login_user(S, CKU_USER, "not the PIN", NULL), CKR_PIN_INCORRECT);
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
    EXPECT_OK(login_user(S, CKU_USER, USER_PIN, NULL));
}

static void unknown_name(void)
{
    EXPECT_ANY(login_user(S, CKU_USER, USER_PIN, "nobody of this name"), CKR_PIN_INCORRECT,
               CKR_USER_PIN_NOT_INITIALIZED);
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

static void unknown_name_counts_for_nobody(void)
{
    for (int i = 0; i < 12; i++)
        EXPECT_FAILURE(login_user(S, CKU_USER, "not the PIN", "nobody of this name"));
    EXPECT_EQUAL(token_info().flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_COUNT_LOW), 0);
    EXPECT_OK(login_user(S, CKU_USER, USER_PIN, NULL));
}

static void long_name(void)
{
    static char name[4096];
    memset(name, 'n', sizeof name - 1);
    EXPECT_FAILURE(login_user(S, CKU_USER, USER_PIN, name));
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

static void null_name(void)
{
    REQUIRE_FUNCTION(C_LoginUser);
    CK_RV rv = F->C_LoginUser(S, CKU_USER, PIN(USER_PIN), NULL, 5);
    if (rv == CKR_FUNCTION_NOT_SUPPORTED)
        check_skip("C_LoginUser is a stub");
    EXPECT(rv, CKR_ARGUMENTS_BAD);
}

static void type_invalid(void)
{
    EXPECT(login_user(S, 0x4711, USER_PIN, NULL), CKR_USER_TYPE_INVALID);
}

static void context_without_operation(void)
{
    login(S, CKU_USER);
    EXPECT(login_user(S, CKU_CONTEXT_SPECIFIC, USER_PIN, NULL), CKR_OPERATION_NOT_INITIALIZED);
}

static void twice(void)
{
    EXPECT_OK(login_user(S, CKU_USER, USER_PIN, NULL));
    EXPECT(login_user(S, CKU_USER, USER_PIN, NULL), CKR_USER_ALREADY_LOGGED_IN);
    EXPECT(login_user(S, CKU_SO, SO_PIN, NULL), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

static void another_name(void)
{
    EXPECT_OK(login_user(S, CKU_USER, USER_PIN, NULL));
    EXPECT_ANY(login_user(S, CKU_USER, USER_PIN, "nobody of this name"),
               CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_ALREADY_LOGGED_IN);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void so_read_only(void)
{
    open_session(0);
    EXPECT(login_user(S, CKU_SO, SO_PIN, NULL), CKR_SESSION_READ_ONLY_EXISTS);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_PUBLIC, user_without_name, "C_LoginUser", "without a name: the user that C_Login logs in"),
    CHECK(FIX_PUBLIC, user_with_empty_name, "C_LoginUser", "an empty name is no name"),
    CHECK(FIX_PUBLIC, so_without_name, "C_LoginUser", "CKU_SO: the sessions enter R/W SO Functions"),
    CHECK(FIX_PUBLIC, wrong_pin, "C_LoginUser", "CKR_PIN_INCORRECT"),
    CHECK(FIX_PUBLIC, unknown_name, "C_LoginUser", "a name of nobody's logs nobody in, whatever the PIN"),
    CHECK(FIX_PUBLIC, unknown_name_counts_for_nobody, "C_LoginUser", "tries for a name of nobody's do not lock the user"),
    CHECK(FIX_PUBLIC, long_name, "C_LoginUser", "a name of any length is no trouble"),
    CHECK(FIX_PUBLIC, null_name, "C_LoginUser", "CKR_ARGUMENTS_BAD for a NULL name with a length"),
    CHECK(FIX_PUBLIC, type_invalid, "C_LoginUser", "CKR_USER_TYPE_INVALID"),
    CHECK(FIX_PUBLIC, context_without_operation, "C_LoginUser", "CKU_CONTEXT_SPECIFIC without an operation that wants it: CKR_OPERATION_NOT_INITIALIZED"),
    CHECK(FIX_PUBLIC, twice, "C_LoginUser", "CKR_USER_ALREADY_LOGGED_IN, CKR_USER_ANOTHER_ALREADY_LOGGED_IN"),
    CHECK(FIX_PUBLIC, another_name, "C_LoginUser", "CKR_USER_ANOTHER_ALREADY_LOGGED_IN for another name"),
    CHECK(FIX_PUBLIC, so_read_only, "C_LoginUser", "CKR_SESSION_READ_ONLY_EXISTS"),
};
/* clang-format on */

void chapter_loginuser(void)
{
    check_add_table("loginuser", checks);
}
