/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions: opening, closing, their states, what they own, cancelling and saving operations.
 */
#include <string.h>

#include "env.h"

static CK_RV open_rv(CK_FLAGS flags)
{
    CK_SESSION_HANDLE session = 0;
    return F->C_OpenSession(env.slot, flags, NULL, NULL, &session);
}

/* ---- opening ---- */

static void open_not_serial(void)
{
    EXPECT(open_rv(0), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    EXPECT(open_rv(CKF_RW_SESSION), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void open_null_argument(void)
{
    EXPECT(F->C_OpenSession(env.slot, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void open_unknown_slot(void)
{
    CK_SESSION_HANDLE session = 0;
    EXPECT(F->C_OpenSession(absent_slot(), CKF_SERIAL_SESSION, NULL, NULL, &session),
           CKR_SLOT_ID_INVALID);
}

static void open_free_slot(void)
{
    CK_SESSION_HANDLE session = 0;
    CK_SLOT_ID slot = require_free_slot();
    EXPECT_ANY(F->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session),
               CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_NOT_INITIALIZED);
}

static void open_handles(void)
{
    CK_SESSION_HANDLE sessions[20];
    for (size_t i = 0; i < COUNT(sessions); i++) {
        sessions[i] = open_session(i % 2 == 0 ? CKF_RW_SESSION : 0);
        EXPECT_TRUE(sessions[i] != CK_INVALID_HANDLE);
        for (size_t k = 0; k < i; k++)
            EXPECT_TRUE(sessions[k] != sessions[i]);
    }
}

static void open_async(void)
{
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) != 0)
        check_skip("the token supports asynchronous sessions");
    EXPECT(open_rv(CKF_SERIAL_SESSION | CKF_ASYNC_SESSION), CKR_SESSION_ASYNC_NOT_SUPPORTED);
}

static CK_RV count_notification(CK_SESSION_HANDLE session, CK_NOTIFICATION event, CK_VOID_PTR data)
{
    (void)session;
    (void)event;
    ++*(int *)data;
    return CKR_OK;
}

static void open_with_callback(void)
{
    int called = 0;
    CK_SESSION_HANDLE session = 0;
    EXPECT_OK(
        F->C_OpenSession(env.slot, CKF_SERIAL_SESSION, &called, count_notification, &session));
    EXPECT_EQUAL(session_state(session), CKS_RO_PUBLIC_SESSION);
}

static void open_many(void)
{
    for (int i = 0; i < 300; i++)
        EXPECT_OK(open_rv(CKF_SERIAL_SESSION));
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
    EXPECT_EQUAL(session_state(open_session(0)), CKS_RO_PUBLIC_SESSION);
}

/* ---- C_GetSessionInfo ---- */

static void info_null_argument(void)
{
    EXPECT(F->C_GetSessionInfo(S, NULL), CKR_ARGUMENTS_BAD);
}

static void info_read_write(void)
{
    CK_SESSION_INFO info;
    memset(&info, 0xa5, sizeof info);
    EXPECT_OK(F->C_GetSessionInfo(S, &info));
    EXPECT_EQUAL(info.slotID, env.slot);
    EXPECT_EQUAL(info.state, CKS_RW_PUBLIC_SESSION);
    EXPECT_EQUAL(info.flags, CKF_RW_SESSION | CKF_SERIAL_SESSION);
    EXPECT_TRUE(info.ulDeviceError != 0xa5a5a5a5a5a5a5a5);
}

static void info_read_only(void)
{
    CK_SESSION_INFO info;
    EXPECT_OK(F->C_GetSessionInfo(open_session(0), &info));
    EXPECT_EQUAL(info.slotID, env.slot);
    EXPECT_EQUAL(info.state, CKS_RO_PUBLIC_SESSION);
    EXPECT_EQUAL(info.flags, CKF_SERIAL_SESSION);
}

/* ---- closing ---- */

static void close_invalidates(void)
{
    CK_SESSION_HANDLE session = open_session(0);
    EXPECT_OK(F->C_CloseSession(session));
    EXPECT(F->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

static void close_leaves_others(void)
{
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
    EXPECT_OK(F->C_CloseSession(session));
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

static void close_all(void)
{
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE other = open_session(0);
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
    EXPECT(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_GetSessionInfo(other, &info), CKR_SESSION_HANDLE_INVALID);
}

static void close_all_unknown_slot(void)
{
    EXPECT(F->C_CloseAllSessions(absent_slot()), CKR_SLOT_ID_INVALID);
}

static void close_all_none_open(void)
{
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
}

static void close_last_logs_out(void)
{
    env_reset();
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
    login(session, CKU_USER);
    EXPECT_OK(F->C_CloseSession(session));
    EXPECT_EQUAL(session_state(open_session(CKF_RW_SESSION)), CKS_RW_PUBLIC_SESSION);
}

static void close_other_keeps_login(void)
{
    env_reset();
    CK_SESSION_HANDLE first = open_session(CKF_RW_SESSION), second = open_session(0);
    login(first, CKU_USER);
    EXPECT_OK(F->C_CloseSession(first));
    EXPECT_EQUAL(session_state(second), CKS_RO_USER_FUNCTIONS);
}

static void close_all_logs_out(void)
{
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
    EXPECT_EQUAL(session_state(open_session(CKF_RW_SESSION)), CKS_RW_PUBLIC_SESSION);
}

/* ---- states ---- */

static void states_of_user(void)
{
    CK_SESSION_HANDLE rw = open_session(CKF_RW_SESSION), ro = open_session(0);
    EXPECT_EQUAL(session_state(rw), CKS_RW_PUBLIC_SESSION);
    EXPECT_EQUAL(session_state(ro), CKS_RO_PUBLIC_SESSION);
    login(ro, CKU_USER);
    EXPECT_EQUAL(session_state(rw), CKS_RW_USER_FUNCTIONS);
    EXPECT_EQUAL(session_state(ro), CKS_RO_USER_FUNCTIONS);
    logout(rw);
    EXPECT_EQUAL(session_state(rw), CKS_RW_PUBLIC_SESSION);
    EXPECT_EQUAL(session_state(ro), CKS_RO_PUBLIC_SESSION);
}

static void states_of_so(void)
{
    CK_SESSION_HANDLE other = open_session(CKF_RW_SESSION);
    login(S, CKU_SO);
    EXPECT_EQUAL(session_state(S), CKS_RW_SO_FUNCTIONS);
    EXPECT_EQUAL(session_state(other), CKS_RW_SO_FUNCTIONS);
    logout(other);
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

static void states_of_new_sessions(void)
{
    EXPECT_EQUAL(session_state(open_session(CKF_RW_SESSION)), CKS_RW_USER_FUNCTIONS);
    EXPECT_EQUAL(session_state(open_session(0)), CKS_RO_USER_FUNCTIONS);
}

static void states_new_under_so(void)
{
    EXPECT_EQUAL(session_state(open_session(CKF_RW_SESSION)), CKS_RW_SO_FUNCTIONS);
}

static void read_only_under_so(void)
{
    EXPECT(open_rv(CKF_SERIAL_SESSION), CKR_SESSION_READ_WRITE_SO_EXISTS);
    logout(S);
    EXPECT_OK(open_rv(CKF_SERIAL_SESSION));
}

/* ---- what a session owns ---- */

#define SESSION_OBJECT(text)                                                                       \
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_FALSE), ATTR_S(CKA_LABEL, text),      \
           ATTR_B(CKA_PRIVATE, CK_FALSE))

static void objects_seen_by_others(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    CK_OBJECT_HANDLE object = SESSION_OBJECT("shared");
    EXPECT_TRUE(object_is_alive(other, object));
    EXPECT_EQUAL(FIND_COUNT(other, ATTR_S(CKA_LABEL, "shared")), 1);
}

static void objects_die_with_session(void)
{
    CK_SESSION_HANDLE other = open_session(0);
    CK_OBJECT_HANDLE object = SESSION_OBJECT("mortal");
    EXPECT_OK(F->C_CloseSession(S));
    EXPECT_TRUE(!object_is_alive(other, object));
    EXPECT_EQUAL(FIND_COUNT(other, ATTR_S(CKA_LABEL, "mortal")), 0);
}

static void objects_survive_other_session(void)
{
    CK_SESSION_HANDLE other = open_session(CKF_RW_SESSION);
    CK_OBJECT_HANDLE object = SESSION_OBJECT("alive");
    EXPECT_OK(F->C_CloseSession(other));
    EXPECT_TRUE(object_is_alive(S, object));
}

static void objects_die_with_all(void)
{
    SESSION_OBJECT("mortal");
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
    EXPECT_EQUAL(FIND_COUNT(open_session(0), ATTR_S(CKA_LABEL, "mortal")), 0);
}

static void objects_of_token_stay(void)
{
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_S(CKA_LABEL, "lasting"),
           ATTR_B(CKA_PRIVATE, CK_FALSE), ATTR_S(CKA_VALUE, "v"));
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT_OK(F->C_Initialize(&(CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK}));
    EXPECT_EQUAL(FIND_COUNT(open_session(0), ATTR_S(CKA_LABEL, "lasting")), 1);
}

/* ---- C_SessionCancel ---- */

static void cancel_nothing(void)
{
    REQUIRE_FUNCTION(C_SessionCancel);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_SessionCancel(S, 0));
    EXPECT(F->C_DigestInit(S, MECHANISM(CKM_SHA256)), CKR_OPERATION_ACTIVE);
}

static void cancel_inactive(void)
{
    REQUIRE_FUNCTION(C_SessionCancel);
    EXPECT_OK(F->C_SessionCancel(S, CKF_SIGN | CKF_ENCRYPT | CKF_DIGEST | CKF_FIND_OBJECTS));
}

static void cancel_digest(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    REQUIRE_FUNCTION(C_SessionCancel);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    CK_RV rv = F->C_SessionCancel(S, CKF_DIGEST);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK) {
        EXPECT(F->C_Digest(S, out, 4, out, &length), CKR_OPERATION_NOT_INITIALIZED);
        EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    }
}

static void cancel_other_operation(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    REQUIRE_FUNCTION(C_SessionCancel);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_SessionCancel(S, CKF_SIGN | CKF_VERIFY));
    EXPECT_OK(F->C_Digest(S, (CK_BYTE_PTR) "abc", 3, out, &length));
}

static void cancel_search(void)
{
    REQUIRE_FUNCTION(C_SessionCancel);
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    CK_RV rv = F->C_SessionCancel(S, CKF_FIND_OBJECTS);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        EXPECT(F->C_FindObjectsFinal(S), CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- operation state ---- */

static void state_without_operation(void)
{
    CK_BYTE state[4096];
    CK_ULONG length = sizeof state;
    EXPECT(F->C_GetOperationState(S, state, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void state_garbage(void)
{
    CK_BYTE state[64] = {1, 2, 3};
    EXPECT(F->C_SetOperationState(S, state, sizeof state, 0, 0), CKR_SAVED_STATE_INVALID);
}

static void state_of_digest(void)
{
    CK_BYTE state[4096], out[32], right[32];
    CK_ULONG length = sizeof state, out_length = sizeof out, right_length = sizeof right;
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_DigestUpdate(S, (CK_BYTE_PTR) "abc", 3));
    CK_RV rv = F->C_GetOperationState(S, state, &length);
    EXPECT_ANY(rv, CKR_OK, CKR_STATE_UNSAVEABLE);
    if (rv == CKR_STATE_UNSAVEABLE)
        check_skip("the token does not save digest states");
    EXPECT_OK(F->C_DigestFinal(S, right, &right_length));
    EXPECT_OK(F->C_SetOperationState(S, state, length, 0, 0));
    EXPECT_OK(F->C_DigestFinal(S, out, &out_length));
    EXPECT_BYTES(out, out_length, right, right_length);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, open_not_serial, "C_OpenSession", "CKR_SESSION_PARALLEL_NOT_SUPPORTED without CKF_SERIAL_SESSION"),
    CHECK(FIX_INITIALIZED, open_null_argument, "C_OpenSession", "CKR_ARGUMENTS_BAD for a NULL phSession"),
    CHECK(FIX_INITIALIZED, open_unknown_slot, "C_OpenSession", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_INITIALIZED, open_free_slot, "C_OpenSession", "a token that was never initialised has no sessions"),
    CHECK(FIX_INITIALIZED, open_handles, "C_OpenSession", "gives a handle of its own to each session, never 0"),
    CHECK(FIX_INITIALIZED, open_async, "C_OpenSession", "CKR_SESSION_ASYNC_NOT_SUPPORTED without CKF_ASYNC_SESSION_SUPPORTED"),
    CHECK(FIX_INITIALIZED, open_with_callback, "C_OpenSession", "takes a notification callback"),
    CHECK(FIX_INITIALIZED, open_many, "C_OpenSession", "300 sessions at once"),
    CHECK(FIX_PUBLIC, info_null_argument, "C_GetSessionInfo", "CKR_ARGUMENTS_BAD for a NULL pointer"),
    CHECK(FIX_PUBLIC, info_read_write, "CK_SESSION_INFO", "slot, state and flags of a R/W session"),
    CHECK(FIX_INITIALIZED, info_read_only, "CK_SESSION_INFO", "slot, state and flags of a R/O session"),
    CHECK(FIX_INITIALIZED, close_invalidates, "C_CloseSession", "the handle is invalid afterwards"),
    CHECK(FIX_PUBLIC, close_leaves_others, "C_CloseSession", "other sessions stay open"),
    CHECK(FIX_PUBLIC, close_all, "C_CloseAllSessions", "all handles are invalid afterwards"),
    CHECK(FIX_INITIALIZED, close_all_unknown_slot, "C_CloseAllSessions", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_INITIALIZED, close_all_none_open, "C_CloseAllSessions", "CKR_OK when none is open"),
    CHECK(FIX_INITIALIZED, close_last_logs_out, "C_CloseSession", "the last session takes the login with it"),
    CHECK(FIX_INITIALIZED, close_other_keeps_login, "C_CloseSession", "the login outlives the session it was made in"),
    CHECK(FIX_USER, close_all_logs_out, "C_CloseAllSessions", "takes the login with it"),
    CHECK(FIX_INITIALIZED, states_of_user, "Session states", "login and logout of the user change all sessions"),
    CHECK(FIX_PUBLIC, states_of_so, "Session states", "login and logout of the SO change all sessions"),
    CHECK(FIX_USER, states_of_new_sessions, "Session states", "new sessions are the logged-in user's"),
    CHECK(FIX_SO, states_new_under_so, "Session states", "new R/W sessions are the SO's"),
    CHECK(FIX_SO, read_only_under_so, "C_OpenSession", "CKR_SESSION_READ_WRITE_SO_EXISTS for a R/O session while the SO is logged in"),
    CHECK(FIX_PUBLIC, objects_seen_by_others, "Session objects", "are seen by all sessions of the application"),
    CHECK(FIX_PUBLIC, objects_die_with_session, "C_CloseSession", "destroys the session's objects, though others use them"),
    CHECK(FIX_PUBLIC, objects_survive_other_session, "C_CloseSession", "leaves the objects of other sessions"),
    CHECK(FIX_PUBLIC, objects_die_with_all, "C_CloseAllSessions", "destroys all session objects"),
    CHECK(FIX_USER, objects_of_token_stay, "Token objects", "are there after C_Finalize and C_Initialize"),
    CHECK(FIX_PUBLIC, cancel_nothing, "C_SessionCancel", "without flags nothing is cancelled"),
    CHECK(FIX_PUBLIC, cancel_inactive, "C_SessionCancel", "ignores flags of operations that are not active"),
    CHECK(FIX_PUBLIC, cancel_digest, "C_SessionCancel", "ends a digest operation"),
    CHECK(FIX_PUBLIC, cancel_other_operation, "C_SessionCancel", "leaves operations whose flag is not set"),
    CHECK(FIX_PUBLIC, cancel_search, "C_SessionCancel", "ends a search"),
    CHECK(FIX_PUBLIC, state_without_operation, "C_GetOperationState", "CKR_OPERATION_NOT_INITIALIZED without an operation"),
    CHECK(FIX_PUBLIC, state_garbage, "C_SetOperationState", "CKR_SAVED_STATE_INVALID for what is no saved state"),
    CHECK(FIX_PUBLIC, state_of_digest, "C_GetOperationState", "a saved digest goes on where it was"),
};
/* clang-format on */

void chapter_sessions(void)
{
    check_add_table("sessions", checks);
}
