/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Login and logout, what logout takes away, and keys that want the PIN for each use.
 */
#include <string.h>

#include "env.h"
#include "keys.h"

/* ---- C_Login ---- */

static void wrong_pin(void)
{
    EXPECT(login_rv(S, CKU_USER, "wrong-user-pin"), CKR_PIN_INCORRECT);
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void wrong_so_pin(void)
{
    EXPECT(login_rv(S, CKU_SO, USER_PIN), CKR_PIN_INCORRECT);
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
    EXPECT_OK(login_rv(S, CKU_SO, SO_PIN));
}

static void so_pin_for_user(void)
{
    EXPECT(login_rv(S, CKU_USER, SO_PIN), CKR_PIN_INCORRECT);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void pin_prefix(void)
{
    EXPECT(F->C_Login(S, CKU_USER, (CK_UTF8CHAR_PTR)USER_PIN, sizeof USER_PIN - 2),
           CKR_PIN_INCORRECT);
    EXPECT(F->C_Login(S, CKU_USER, (CK_UTF8CHAR_PTR)USER_PIN, sizeof USER_PIN), CKR_PIN_INCORRECT);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void pin_empty(void)
{
    EXPECT(F->C_Login(S, CKU_USER, (CK_UTF8CHAR_PTR) "", 0), CKR_PIN_INCORRECT);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void pin_huge(void)
{
    static CK_UTF8CHAR pin[5000];
    memset(pin, 'x', sizeof pin);
    EXPECT(F->C_Login(S, CKU_USER, pin, sizeof pin), CKR_PIN_INCORRECT);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void pin_null(void)
{
    if ((token_info().flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
        check_skip("the token has a protected authentication path");
    EXPECT(F->C_Login(S, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_Login(S, CKU_USER, NULL, 8), CKR_ARGUMENTS_BAD);
}

static void user_type_unknown(void)
{
    EXPECT(login_rv(S, 4711, USER_PIN), CKR_USER_TYPE_INVALID);
}

static void user_twice(void)
{
    EXPECT(login_rv(S, CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void user_twice_other_session(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    EXPECT(login_rv(other, CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
}

static void so_twice(void)
{
    EXPECT(login_rv(S, CKU_SO, SO_PIN), CKR_USER_ALREADY_LOGGED_IN);
    EXPECT_EQUAL(session_state(S), CKS_RW_SO_FUNCTIONS);
}

static void so_after_user(void)
{
    EXPECT(login_rv(S, CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void user_after_so(void)
{
    EXPECT(login_rv(S, CKU_USER, USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    EXPECT_EQUAL(session_state(S), CKS_RW_SO_FUNCTIONS);
}

static void so_with_read_only(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    EXPECT(login_rv(S, CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
    EXPECT_OK(F->C_CloseSession(other));
    EXPECT_OK(login_rv(S, CKU_SO, SO_PIN));
}

static void so_in_read_only(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    EXPECT_ANY(login_rv(other, CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS,
               CKR_SESSION_READ_ONLY);
}

static void read_only_user(void)
{
    CK_SESSION_HANDLE session = open_session(0);
    login(session, CKU_USER);
    EXPECT_EQUAL(session_state(session), CKS_RO_USER_FUNCTIONS);
}

static void again_after_logout(void)
{
    for (int i = 0; i < 3; i++) {
        login(S, CKU_USER);
        logout(S);
        login(S, CKU_SO);
        logout(S);
    }
}

static void context_without_operation(void)
{
    EXPECT(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void context_public(void)
{
    EXPECT_FAILURE(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

static void login_user_unknown(void)
{
    REQUIRE_FUNCTION(C_LoginUser);
    EXPECT_FAILURE(F->C_LoginUser(S, CKU_USER, PIN(USER_PIN), PIN("nobody")));
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

/* ---- C_Logout ---- */

static void logout_twice(void)
{
    logout(S);
    EXPECT(F->C_Logout(S), CKR_USER_NOT_LOGGED_IN);
}

static void logout_public(void)
{
    EXPECT(F->C_Logout(S), CKR_USER_NOT_LOGGED_IN);
}

#define DATA(private, token, label)                                                                \
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, private), ATTR_B(CKA_TOKEN, token),    \
           ATTR_S(CKA_LABEL, label))

static void logout_private_handles(void)
{
    CK_OBJECT_HANDLE object = DATA(CK_TRUE, CK_TRUE, "private token object");
    logout(S);
    EXPECT_TRUE(!object_is_alive(S, object));
    login(S, CKU_USER);
    EXPECT_TRUE(!object_is_alive(S, object));
    CK_OBJECT_HANDLE again = FIND_ONE(S, ATTR_S(CKA_LABEL, "private token object"));
    EXPECT_TRUE(object_is_alive(S, again));
}

static void logout_private_session_objects(void)
{
    CK_OBJECT_HANDLE object = DATA(CK_TRUE, CK_FALSE, "private session object");
    logout(S);
    EXPECT_TRUE(!object_is_alive(S, object));
    login(S, CKU_USER);
    EXPECT_TRUE(!object_is_alive(S, object));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "private session object")), 0);
}

static void logout_public_handles(void)
{
    CK_OBJECT_HANDLE token = DATA(CK_FALSE, CK_TRUE, "public token object");
    CK_OBJECT_HANDLE session = DATA(CK_FALSE, CK_FALSE, "public session object");
    logout(S);
    EXPECT_TRUE(object_is_alive(S, token));
    EXPECT_TRUE(object_is_alive(S, session));
}

static void logout_hides_private(void)
{
    DATA(CK_TRUE, CK_TRUE, "hidden");
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "hidden")), 1);
    logout(S);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "hidden")), 0);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_B(CKA_PRIVATE, CK_TRUE)), 0);
}

static void so_sees_no_private(void)
{
    DATA(CK_TRUE, CK_TRUE, "hidden");
    DATA(CK_FALSE, CK_TRUE, "shown");
    logout(S);
    env_reset();
    env.session = open_session(CKF_RW_SESSION);
    login(S, CKU_SO);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "hidden")), 0);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "shown")), 1);
}

static void logout_key_handle(void)
{
    CK_OBJECT_HANDLE key = key_hmac(32, CK_TRUE);
    logout(S);
    EXPECT_ANY(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key), CKR_KEY_HANDLE_INVALID,
               CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN);
}

static void logout_ends_private_operation(void)
{
    CK_BYTE out[64];
    CK_ULONG length = sizeof out;
    CK_OBJECT_HANDLE key = key_hmac(32, CK_TRUE);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    logout(S);
    /* "may or may not be the case that those operations are still active" */
    EXPECT_ANY(F->C_Sign(S, out, 4, out, &length), CKR_OK, CKR_OPERATION_NOT_INITIALIZED,
               CKR_USER_NOT_LOGGED_IN, CKR_KEY_HANDLE_INVALID);
}

/* ---- CKA_ALWAYS_AUTHENTICATE ---- */

static CK_RV sign_once(void)
{
    CK_BYTE signature[256];
    CK_ULONG length = sizeof signature;
    return F->C_Sign(S, (CK_BYTE_PTR) "data", 4, signature, &length);
}

static CK_OBJECT_HANDLE guarded_key(void)
{
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    return key_rsa_private(ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE));
}

static void begin_guarded(CK_OBJECT_HANDLE key)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
}

static void guarded_attribute(void)
{
    EXPECT_EQUAL(get_bool(guarded_key(), CKA_ALWAYS_AUTHENTICATE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key_rsa_private(ATTR_S(CKA_LABEL, "x")), CKA_ALWAYS_AUTHENTICATE),
                 CK_FALSE);
}

static void guarded_without_login(void)
{
    begin_guarded(guarded_key());
    EXPECT(sign_once(), CKR_USER_NOT_LOGGED_IN);
}

static void guarded_with_login(void)
{
    begin_guarded(guarded_key());
    EXPECT_OK(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    EXPECT_OK(sign_once());
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void guarded_each_time(void)
{
    CK_OBJECT_HANDLE key = guarded_key();
    begin_guarded(key);
    EXPECT_OK(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    EXPECT_OK(sign_once());
    begin_guarded(key);
    EXPECT(sign_once(), CKR_USER_NOT_LOGGED_IN);
}

static void guarded_wrong_pin(void)
{
    begin_guarded(guarded_key());
    EXPECT(login_rv(S, CKU_CONTEXT_SPECIFIC, "wrong-user-pin"), CKR_PIN_INCORRECT);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
    EXPECT(sign_once(), CKR_USER_NOT_LOGGED_IN);
}

static void guarded_multi_part(void)
{
    CK_BYTE signature[256];
    CK_ULONG length = sizeof signature;
    begin_guarded(guarded_key());
    EXPECT_OK(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    EXPECT_OK(F->C_SignUpdate(S, (CK_BYTE_PTR) "da", 2));
    EXPECT_OK(F->C_SignUpdate(S, (CK_BYTE_PTR) "ta", 2));
    EXPECT_OK(F->C_SignFinal(S, signature, &length));
}

static void guarded_length_query(void)
{
    CK_ULONG length = 0;
    begin_guarded(guarded_key());
    EXPECT_OK(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    EXPECT_OK(F->C_Sign(S, (CK_BYTE_PTR) "data", 4, NULL, &length));
    EXPECT_OK(sign_once());
}

static void guarded_decrypt(void)
{
    CK_BYTE in[256] = {1}, out[256];
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_RSA_X_509, CKF_DECRYPT);
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_X_509), guarded_key()));
    EXPECT(F->C_Decrypt(S, in, sizeof in, out, &length), CKR_USER_NOT_LOGGED_IN);
}

static void guarded_decrypt_with_login(void)
{
    CK_BYTE in[256] = {0, 1}, out[256];
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_RSA_X_509, CKF_DECRYPT);
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_X_509), guarded_key()));
    EXPECT_OK(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    EXPECT_OK(F->C_Decrypt(S, in, sizeof in, out, &length));
}

static void unguarded_context_login(void)
{
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    begin_guarded(key_rsa_private(ATTR_S(CKA_LABEL, "unguarded")));
    EXPECT(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(sign_once());
}

static void guarded_not_public(void)
{
    EXPECT_ANY(key_rsa_private_rv(TEMPLATE(ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE),
                                           ATTR_B(CKA_PRIVATE, CK_FALSE)),
                                  &(CK_OBJECT_HANDLE){0}),
               CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_PUBLIC, wrong_pin, "C_Login", "CKR_PIN_INCORRECT for a wrong user PIN; the state stays public"),
    CHECK(FIX_PUBLIC, wrong_so_pin, "C_Login", "CKR_PIN_INCORRECT for the user's PIN as the SO"),
    CHECK(FIX_PUBLIC, so_pin_for_user, "C_Login", "CKR_PIN_INCORRECT for the SO's PIN as the user"),
    CHECK(FIX_PUBLIC, pin_prefix, "C_Login", "CKR_PIN_INCORRECT for one byte less or more"),
    CHECK(FIX_PUBLIC, pin_empty, "C_Login", "CKR_PIN_INCORRECT for an empty PIN"),
    CHECK(FIX_PUBLIC, pin_huge, "C_Login", "CKR_PIN_INCORRECT for a PIN above ulMaxPinLen"),
    CHECK(FIX_PUBLIC, pin_null, "C_Login", "CKR_ARGUMENTS_BAD for a NULL PIN without a protected authentication path"),
    CHECK(FIX_PUBLIC, user_type_unknown, "C_Login", "CKR_USER_TYPE_INVALID for an unknown user type"),
    CHECK(FIX_USER, user_twice, "C_Login", "CKR_USER_ALREADY_LOGGED_IN for the user again"),
    CHECK(FIX_USER, user_twice_other_session, "C_Login", "CKR_USER_ALREADY_LOGGED_IN in another session too"),
    CHECK(FIX_SO, so_twice, "C_Login", "CKR_USER_ALREADY_LOGGED_IN for the SO again"),
    CHECK(FIX_USER, so_after_user, "C_Login", "CKR_USER_ANOTHER_ALREADY_LOGGED_IN for the SO after the user"),
    CHECK(FIX_SO, user_after_so, "C_Login", "CKR_USER_ANOTHER_ALREADY_LOGGED_IN for the user after the SO"),
    CHECK(FIX_PUBLIC, so_with_read_only, "C_Login", "CKR_SESSION_READ_ONLY_EXISTS for the SO while a R/O session is open"),
    CHECK(FIX_INITIALIZED, so_in_read_only, "C_Login", "the SO can't log in in a R/O session"),
    CHECK(FIX_INITIALIZED, read_only_user, "C_Login", "the user can log in in a R/O session"),
    CHECK(FIX_PUBLIC, again_after_logout, "C_Login", "user and SO in turns"),
    CHECK(FIX_USER, context_without_operation, "C_Login", "CKR_OPERATION_NOT_INITIALIZED for CKU_CONTEXT_SPECIFIC without an operation"),
    CHECK(FIX_PUBLIC, context_public, "C_Login", "CKU_CONTEXT_SPECIFIC logs nobody in"),
    CHECK(FIX_PUBLIC, login_user_unknown, "C_LoginUser", "refuses a user name that it does not know"),
    CHECK(FIX_USER, logout_twice, "C_Logout", "CKR_USER_NOT_LOGGED_IN the second time"),
    CHECK(FIX_PUBLIC, logout_public, "C_Logout", "CKR_USER_NOT_LOGGED_IN when nobody is logged in"),
    CHECK(FIX_USER, logout_private_handles, "C_Logout", "handles of private objects become invalid for good"),
    CHECK(FIX_USER, logout_private_session_objects, "C_Logout", "private session objects are destroyed"),
    CHECK(FIX_USER, logout_public_handles, "C_Logout", "handles of public objects stay"),
    CHECK(FIX_USER, logout_hides_private, "C_FindObjectsInit", "finds no private object in a public session"),
    CHECK(FIX_USER, so_sees_no_private, "Session states", "the SO sees public objects only"),
    CHECK(FIX_USER, logout_key_handle, "C_Logout", "a private key's handle can't be used any more"),
    CHECK(FIX_USER, logout_ends_private_operation, "C_Logout", "an operation under way goes on or is not initialised"),
    CHECK(FIX_USER, guarded_attribute, "CKA_ALWAYS_AUTHENTICATE", "is kept, and CK_FALSE by default"),
    CHECK(FIX_USER, guarded_without_login, "CKA_ALWAYS_AUTHENTICATE", "CKR_USER_NOT_LOGGED_IN from C_Sign without re-authentication"),
    CHECK(FIX_USER, guarded_with_login, "CKA_ALWAYS_AUTHENTICATE", "C_Sign works after CKU_CONTEXT_SPECIFIC"),
    CHECK(FIX_USER, guarded_each_time, "CKA_ALWAYS_AUTHENTICATE", "re-authentication is for one operation"),
    CHECK(FIX_USER, guarded_wrong_pin, "CKA_ALWAYS_AUTHENTICATE", "CKR_PIN_INCORRECT leaves it as if C_Login had not been called"),
    CHECK(FIX_USER, guarded_multi_part, "CKA_ALWAYS_AUTHENTICATE", "re-authentication lasts through a multiple-part operation"),
    CHECK(FIX_USER, guarded_length_query, "CKA_ALWAYS_AUTHENTICATE", "a length query does not use it up"),
    CHECK(FIX_USER, guarded_decrypt, "CKA_ALWAYS_AUTHENTICATE", "CKR_USER_NOT_LOGGED_IN from C_Decrypt without re-authentication"),
    CHECK(FIX_USER, guarded_decrypt_with_login, "CKA_ALWAYS_AUTHENTICATE", "C_Decrypt works after CKU_CONTEXT_SPECIFIC"),
    CHECK(FIX_USER, unguarded_context_login, "CKA_ALWAYS_AUTHENTICATE", "CKR_OPERATION_NOT_INITIALIZED when CK_FALSE, the operation stays"),
    CHECK(FIX_USER, guarded_not_public, "CKA_ALWAYS_AUTHENTICATE", "CK_TRUE only with CKA_PRIVATE CK_TRUE"),
};
/* clang-format on */

void chapter_login(void)
{
    check_add_table("login", checks);
}
