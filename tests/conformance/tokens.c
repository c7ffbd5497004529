/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_InitToken, C_InitPIN, C_SetPIN. The checks leave the chapter's token with the PINs it had.
 */
#include <string.h>

#include "env.h"

#define OTHER_PIN "another-pin"

/* The label of a token, padded as C_InitToken wants it. */
static CK_UTF8CHAR *padded(const char *text)
{
    static CK_UTF8CHAR label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, text, strlen(text));
    return label;
}

static CK_UTF8CHAR *own_label(void)
{
    static CK_TOKEN_INFO info;
    info = token_info();
    return info.label;
}

static CK_RV init_token(const char *pin, CK_UTF8CHAR *label)
{
    return F->C_InitToken(env.slot, (CK_UTF8CHAR_PTR)pin, strlen(pin), label);
}

static void restore_user_pin(void)
{
    env_reset();
    env.session = open_session(CKF_RW_SESSION);
    login(S, CKU_SO);
    EXPECT_OK(F->C_InitPIN(S, PIN(USER_PIN)));
    logout(S);
}

static CK_RV init_pin(const char *pin)
{
    return F->C_InitPIN(S, (CK_UTF8CHAR_PTR)pin, strlen(pin));
}

static CK_RV set_pin(CK_SESSION_HANDLE session, const char *old, const char *new)
{
    return F->C_SetPIN(session, (CK_UTF8CHAR_PTR)old, strlen(old), (CK_UTF8CHAR_PTR) new,
                       strlen(new));
}

/* A PIN of some length, NUL-terminated. */
static const char *pin_of(CK_ULONG length)
{
    static char pin[4096];
    EXPECT_TRUE(length < sizeof pin);
    memset(pin, 'p', length);
    pin[length] = '\0';
    return pin;
}

static const char *too_short(void)
{
    CK_ULONG least = token_info().ulMinPinLen;
    if (least < 2)
        check_skip("any PIN is long enough");
    return pin_of(least - 1);
}

static const char *too_long(void)
{
    CK_ULONG most = token_info().ulMaxPinLen;
    if (most > 4000)
        check_skip("no PIN is too long");
    return pin_of(most + 1);
}

/* ---- C_InitToken ---- */

static void init_null_pin(void)
{
    if ((token_info().flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
        check_skip("the token has a protected authentication path");
    EXPECT_ANY(F->C_InitToken(env.slot, NULL, 0, own_label()), CKR_ARGUMENTS_BAD,
               CKR_PIN_INCORRECT);
    EXPECT(F->C_InitToken(env.slot, NULL, 8, own_label()), CKR_ARGUMENTS_BAD);
}

static void init_null_label(void)
{
    EXPECT(F->C_InitToken(env.slot, PIN(SO_PIN), NULL), CKR_ARGUMENTS_BAD);
}

static void init_unknown_slot(void)
{
    EXPECT(F->C_InitToken(absent_slot(), PIN(SO_PIN), padded("nowhere")), CKR_SLOT_ID_INVALID);
}

static void init_session_exists(void)
{
    CK_UTF8CHAR *label = own_label();
    EXPECT(init_token(SO_PIN, label), CKR_SESSION_EXISTS);
}

static void init_wrong_pin(void)
{
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "survivor"),
           ATTR_B(CKA_PRIVATE, CK_FALSE));
    env_reset();
    EXPECT(init_token("wrong-so-pin", padded("stolen")), CKR_PIN_INCORRECT);
    EXPECT_TRUE(memcmp(token_info().label, "conf tokens", 11) == 0);
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "survivor")), 1);
    EXPECT_OK(login_rv(S, CKU_SO, SO_PIN));
}

static void init_again(void)
{
    CK_UTF8CHAR *label = own_label();
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "victim"),
           ATTR_B(CKA_PRIVATE, CK_FALSE));
    env_reset();
    EXPECT_OK(init_token(SO_PIN, label));
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "victim")), 0);
    restore_user_pin();
}

static void init_again_private(void)
{
    CK_UTF8CHAR *label = own_label();
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "secret"),
           ATTR_B(CKA_PRIVATE, CK_TRUE));
    env_reset();
    EXPECT_OK(init_token(SO_PIN, label));
    restore_user_pin();
    login(S, CKU_USER);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "secret")), 0);
}

static void init_disables_user(void)
{
    CK_UTF8CHAR *label = own_label();
    EXPECT_OK(init_token(SO_PIN, label));
    EXPECT_EQUAL(token_info().flags & CKF_USER_PIN_INITIALIZED, 0);
    EXPECT_TRUE((token_info().flags & CKF_TOKEN_INITIALIZED) != 0);
    env.session = open_session(CKF_RW_SESSION);
    EXPECT(login_rv(S, CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
    restore_user_pin();
    EXPECT_TRUE((token_info().flags & CKF_USER_PIN_INITIALIZED) != 0);
}

static void init_keeps_so_pin(void)
{
    CK_UTF8CHAR *label = own_label();
    EXPECT_OK(init_token(SO_PIN, label));
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_OK(login_rv(S, CKU_SO, SO_PIN));
    EXPECT_OK(init_pin(USER_PIN));
}

static void init_changes_label(void)
{
    CK_UTF8CHAR old[32];
    memcpy(old, own_label(), sizeof old);
    EXPECT_OK(init_token(SO_PIN, padded("conf tokens renamed")));
    CK_TOKEN_INFO info = token_info();
    EXPECT_OK(init_token(SO_PIN, old));
    restore_user_pin();
    EXPECT_BYTES(info.label, sizeof info.label, padded("conf tokens renamed"), 32);
}

static void init_label_bytes(void)
{
    /* All 32 bytes, no blank, no NUL; UTF-8 in it. */
    static CK_UTF8CHAR full[33] = "conf tokens \xc3\xa4\xc3\xb6\xc3\xbc 89012345678x!";
    CK_UTF8CHAR old[32];
    memcpy(old, own_label(), sizeof old);
    EXPECT_OK(init_token(SO_PIN, full));
    CK_TOKEN_INFO info = token_info();
    EXPECT_OK(init_token(SO_PIN, old));
    restore_user_pin();
    EXPECT_BYTES(info.label, sizeof info.label, full, 32);
}

static void init_short_pin(void)
{
    CK_SLOT_ID slot = require_free_slot();
    CK_TOKEN_INFO info = {0};
    const char *pin = too_short();
    EXPECT_FAILURE(F->C_InitToken(slot, (CK_UTF8CHAR_PTR)pin, strlen(pin), padded("too short")));
    EXPECT_OK(F->C_GetTokenInfo(slot, &info));
    EXPECT_EQUAL(info.flags & CKF_TOKEN_INITIALIZED, 0);
}

static void init_long_pin(void)
{
    CK_SLOT_ID slot = require_free_slot();
    CK_TOKEN_INFO info = {0};
    const char *pin = too_long();
    EXPECT_FAILURE(F->C_InitToken(slot, (CK_UTF8CHAR_PTR)pin, strlen(pin), padded("too long")));
    EXPECT_OK(F->C_GetTokenInfo(slot, &info));
    EXPECT_EQUAL(info.flags & CKF_TOKEN_INITIALIZED, 0);
}

static void init_fresh(void)
{
    CK_SLOT_ID slot = require_free_slot();
    CK_TOKEN_INFO info = {0};
    EXPECT_OK(F->C_InitToken(slot, PIN(OTHER_PIN), padded("fresh")));
    EXPECT_OK(F->C_GetTokenInfo(slot, &info));
    EXPECT_TRUE((info.flags & CKF_TOKEN_INITIALIZED) != 0);
    EXPECT_EQUAL(info.flags & CKF_USER_PIN_INITIALIZED, 0);
    EXPECT_BYTES(info.label, sizeof info.label, padded("fresh"), 32);
    EXPECT(F->C_InitToken(slot, PIN(SO_PIN), padded("stolen")), CKR_PIN_INCORRECT);
}

/* ---- C_InitPIN ---- */

static void initpin_public(void)
{
    EXPECT(init_pin(OTHER_PIN), CKR_USER_NOT_LOGGED_IN);
}

static void initpin_user(void)
{
    EXPECT(init_pin(OTHER_PIN), CKR_USER_NOT_LOGGED_IN);
}

static void initpin_read_only(void)
{
    CK_SESSION_HANDLE session = open_session(0);
    EXPECT_ANY(F->C_InitPIN(session, PIN(OTHER_PIN)), CKR_USER_NOT_LOGGED_IN,
               CKR_SESSION_READ_ONLY);
}

static void initpin_null(void)
{
    EXPECT(F->C_InitPIN(S, NULL, 8), CKR_ARGUMENTS_BAD);
}

static void initpin_too_short(void)
{
    EXPECT(init_pin(too_short()), CKR_PIN_LEN_RANGE);
}

static void initpin_too_long(void)
{
    EXPECT(init_pin(too_long()), CKR_PIN_LEN_RANGE);
}

static void expect_user_pin(const char *pin)
{
    logout(S);
    CK_RV rv = login_rv(S, CKU_USER, pin);
    if (rv == CKR_OK)
        logout(S);
    CK_RV old = strcmp(pin, USER_PIN) == 0 ? CKR_PIN_INCORRECT : login_rv(S, CKU_USER, USER_PIN);
    restore_user_pin();
    EXPECT_OK(rv);
    EXPECT(old, CKR_PIN_INCORRECT);
}

static void initpin_replaces(void)
{
    EXPECT_OK(init_pin(OTHER_PIN));
    expect_user_pin(OTHER_PIN);
}

static void initpin_shortest(void)
{
    CK_ULONG least = token_info().ulMinPinLen;
    const char *pin = pin_of(least == 0 ? 1 : least);
    EXPECT_OK(init_pin(pin));
    expect_user_pin(pin);
}

static void initpin_longest(void)
{
    CK_ULONG most = token_info().ulMaxPinLen;
    const char *pin = pin_of(most > 4000 ? 4000 : most);
    EXPECT_OK(init_pin(pin));
    expect_user_pin(pin);
}

static void initpin_utf8(void)
{
    EXPECT_OK(init_pin("\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91pin"));
    expect_user_pin("\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91pin");
}

static void initpin_not_terminated(void)
{
    static CK_UTF8CHAR pin[] = "another-pin-and-more";
    EXPECT_OK(F->C_InitPIN(S, pin, sizeof OTHER_PIN - 1));
    expect_user_pin(OTHER_PIN);
}

static void initpin_keeps_state(void)
{
    EXPECT_OK(init_pin(USER_PIN));
    EXPECT_EQUAL(session_state(S), CKS_RW_SO_FUNCTIONS);
}

/* ---- C_SetPIN ---- */

static void setpin_read_only(void)
{
    CK_SESSION_HANDLE session = open_session(0);
    EXPECT(set_pin(session, USER_PIN, OTHER_PIN), CKR_SESSION_READ_ONLY);
}

static void setpin_read_only_user(void)
{
    CK_SESSION_HANDLE session = open_session(0);
    EXPECT_EQUAL(session_state(session), CKS_RO_USER_FUNCTIONS);
    EXPECT(set_pin(session, USER_PIN, OTHER_PIN), CKR_SESSION_READ_ONLY);
}

static void setpin_wrong_old(void)
{
    EXPECT(set_pin(S, "wrong-old-pin", OTHER_PIN), CKR_PIN_INCORRECT);
    logout(S);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void setpin_null(void)
{
    EXPECT(F->C_SetPIN(S, NULL, 8, PIN(OTHER_PIN)), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_SetPIN(S, PIN(USER_PIN), NULL, 8), CKR_ARGUMENTS_BAD);
}

static void setpin_too_short(void)
{
    EXPECT(set_pin(S, USER_PIN, too_short()), CKR_PIN_LEN_RANGE);
    logout(S);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void setpin_too_long(void)
{
    EXPECT(set_pin(S, USER_PIN, too_long()), CKR_PIN_LEN_RANGE);
    logout(S);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void setpin_user(void)
{
    EXPECT_OK(set_pin(S, USER_PIN, OTHER_PIN));
    CK_STATE after = session_state(S);
    expect_user_pin(OTHER_PIN);
    EXPECT_EQUAL(after, CKS_RW_USER_FUNCTIONS);
}

static void setpin_public(void)
{
    EXPECT_OK(set_pin(S, USER_PIN, OTHER_PIN));
    CK_STATE after = session_state(S);
    login(S, CKU_SO);
    expect_user_pin(OTHER_PIN);
    EXPECT_EQUAL(after, CKS_RW_PUBLIC_SESSION);
}

static void setpin_so(void)
{
    EXPECT_OK(set_pin(S, SO_PIN, OTHER_PIN));
    logout(S);
    CK_RV old = login_rv(S, CKU_SO, SO_PIN);
    EXPECT_OK(login_rv(S, CKU_SO, OTHER_PIN));
    EXPECT_OK(set_pin(S, OTHER_PIN, SO_PIN));
    logout(S);
    EXPECT(old, CKR_PIN_INCORRECT);
    EXPECT_OK(login_rv(S, CKU_SO, SO_PIN));
    logout(S);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
}

static void setpin_so_not_with_user_pin(void)
{
    EXPECT(set_pin(S, USER_PIN, OTHER_PIN), CKR_PIN_INCORRECT);
}

static void setpin_objects_stay(void)
{
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, CK_TRUE),
           ATTR_S(CKA_LABEL, "kept"), ATTR_S(CKA_VALUE, "contents"));
    EXPECT_OK(set_pin(S, USER_PIN, OTHER_PIN));
    logout(S);
    EXPECT_OK(login_rv(S, CKU_USER, OTHER_PIN));
    CK_BYTE value[32];
    CK_OBJECT_HANDLE object = FIND_ONE(S, ATTR_S(CKA_LABEL, "kept"));
    CK_ULONG length = get_bytes(object, CKA_VALUE, value, sizeof value);
    EXPECT_OK(set_pin(S, OTHER_PIN, USER_PIN));
    EXPECT_BYTES(value, length, "contents", 8);
}

/* ---- the flags of wrong PINs ---- */

static void flags_of_wrong_user_pin(void)
{
    CK_FLAGS before = token_info().flags & CKF_SO_PIN_COUNT_LOW;
    EXPECT(login_rv(S, CKU_USER, "wrong-user-pin"), CKR_PIN_INCORRECT);
    EXPECT_EQUAL(token_info().flags & CKF_SO_PIN_COUNT_LOW, before);
    EXPECT_OK(login_rv(S, CKU_USER, USER_PIN));
    EXPECT_EQUAL(token_info().flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED), 0);
}

static void flags_of_wrong_so_pin(void)
{
    CK_FLAGS before = token_info().flags & CKF_USER_PIN_COUNT_LOW;
    EXPECT(login_rv(S, CKU_SO, "wrong-so-pin-"), CKR_PIN_INCORRECT);
    EXPECT_EQUAL(token_info().flags & CKF_USER_PIN_COUNT_LOW, before);
    EXPECT_OK(login_rv(S, CKU_SO, SO_PIN));
    EXPECT_EQUAL(token_info().flags & (CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_LOCKED), 0);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, init_null_pin, "C_InitToken", "a NULL PIN is refused without a protected authentication path"),
    CHECK(FIX_INITIALIZED, init_null_label, "C_InitToken", "CKR_ARGUMENTS_BAD for a NULL label"),
    CHECK(FIX_INITIALIZED, init_unknown_slot, "C_InitToken", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_PUBLIC, init_session_exists, "C_InitToken", "CKR_SESSION_EXISTS while a session is open"),
    CHECK(FIX_USER, init_wrong_pin, "C_InitToken", "CKR_PIN_INCORRECT for another than the SO PIN, and nothing is changed"),
    CHECK(FIX_USER, init_again, "C_InitToken", "destroys the objects"),
    CHECK(FIX_USER, init_again_private, "C_InitToken", "destroys private objects"),
    CHECK(FIX_INITIALIZED, init_disables_user, "C_InitToken", "the user has no access until C_InitPIN"),
    CHECK(FIX_INITIALIZED, init_keeps_so_pin, "C_InitToken", "the SO PIN is the one that authorised it"),
    CHECK(FIX_INITIALIZED, init_changes_label, "C_InitToken", "sets the label"),
    CHECK(FIX_INITIALIZED, init_label_bytes, "C_InitToken", "a label may fill all 32 bytes, in UTF-8"),
    CHECK(FIX_INITIALIZED, init_short_pin, "C_InitToken", "refuses an SO PIN shorter than ulMinPinLen"),
    CHECK(FIX_INITIALIZED, init_long_pin, "C_InitToken", "refuses an SO PIN longer than ulMaxPinLen"),
    CHECK(FIX_INITIALIZED, init_fresh, "C_InitToken", "initialises a new token; its PIN is then needed to do it again"),
    CHECK(FIX_PUBLIC, initpin_public, "C_InitPIN", "CKR_USER_NOT_LOGGED_IN in a public session"),
    CHECK(FIX_USER, initpin_user, "C_InitPIN", "CKR_USER_NOT_LOGGED_IN with the user logged in"),
    CHECK(FIX_INITIALIZED, initpin_read_only, "C_InitPIN", "refused in a read-only session"),
    CHECK(FIX_SO, initpin_null, "C_InitPIN", "CKR_ARGUMENTS_BAD for a NULL PIN"),
    CHECK(FIX_SO, initpin_too_short, "C_InitPIN", "CKR_PIN_LEN_RANGE below ulMinPinLen"),
    CHECK(FIX_SO, initpin_too_long, "C_InitPIN", "CKR_PIN_LEN_RANGE above ulMaxPinLen"),
    CHECK(FIX_SO, initpin_replaces, "C_InitPIN", "the new PIN logs in, the old one does not"),
    CHECK(FIX_SO, initpin_shortest, "C_InitPIN", "a PIN of ulMinPinLen works"),
    CHECK(FIX_SO, initpin_longest, "C_InitPIN", "a PIN of ulMaxPinLen works"),
    CHECK(FIX_SO, initpin_utf8, "C_InitPIN", "a PIN may contain any UTF-8 character"),
    CHECK(FIX_SO, initpin_not_terminated, "C_InitPIN", "the PIN's length counts, not a NUL"),
    CHECK(FIX_SO, initpin_keeps_state, "C_InitPIN", "the SO stays logged in"),
    CHECK(FIX_INITIALIZED, setpin_read_only, "C_SetPIN", "CKR_SESSION_READ_ONLY in a R/O public session"),
    CHECK(FIX_USER, setpin_read_only_user, "C_SetPIN", "CKR_SESSION_READ_ONLY in a R/O user session"),
    CHECK(FIX_USER, setpin_wrong_old, "C_SetPIN", "CKR_PIN_INCORRECT for a wrong old PIN, which stays"),
    CHECK(FIX_USER, setpin_null, "C_SetPIN", "CKR_ARGUMENTS_BAD for NULL PINs"),
    CHECK(FIX_USER, setpin_too_short, "C_SetPIN", "CKR_PIN_LEN_RANGE below ulMinPinLen, the old PIN stays"),
    CHECK(FIX_USER, setpin_too_long, "C_SetPIN", "CKR_PIN_LEN_RANGE above ulMaxPinLen, the old PIN stays"),
    CHECK(FIX_USER, setpin_user, "C_SetPIN", "changes the PIN of the user who is logged in"),
    CHECK(FIX_PUBLIC, setpin_public, "C_SetPIN", "changes the user's PIN when nobody is logged in"),
    CHECK(FIX_SO, setpin_so, "C_SetPIN", "changes the SO's PIN while the SO is logged in, and no other"),
    CHECK(FIX_SO, setpin_so_not_with_user_pin, "C_SetPIN", "CKR_PIN_INCORRECT for the user's PIN while the SO is logged in"),
    CHECK(FIX_USER, setpin_objects_stay, "C_SetPIN", "private objects stay readable after it"),
    CHECK(FIX_PUBLIC, flags_of_wrong_user_pin, "CK_TOKEN_INFO", "CKF_USER_PIN_COUNT_LOW ends with a good login"),
    CHECK(FIX_PUBLIC, flags_of_wrong_so_pin, "CK_TOKEN_INFO", "CKF_SO_PIN_COUNT_LOW ends with a good login"),
};
/* clang-format on */

void chapter_tokens(void)
{
    check_add_table("tokens", checks);
}
