/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token that is removed from its slot and put back. Hands are not at hand: it is done where the
 * module has an interface for it, else these checks are skipped.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cryptoki/vendor.h"
#include "env.h"

enum { ROOM = 256, PATIENCE_MS = 5000 };

static const CK_KEYKIST_FUNCTIONS *vendor(void)
{
    CK_INTERFACE_PTR found = NULL;
    if (F->C_GetInterface == NULL ||
        F->C_GetInterface((CK_UTF8CHAR_PTR)KK_VENDOR_INTERFACE, NULL, &found, 0) != CKR_OK)
        check_skip("tokens cannot be removed by a call");
    return found->pFunctionList;
}

static void take_out(void)
{
    EXPECT_OK(vendor()->slot_plug(env.slot, CK_FALSE));
}

static void put_back(void)
{
    EXPECT_OK(vendor()->slot_plug(env.slot, CK_TRUE));
}

static void take_all_events(void)
{
    CK_SLOT_ID slot = 0;
    CK_RV rv = CKR_OK;
    for (int i = 0; i < ROOM && rv == CKR_OK; i++)
        rv = F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
    EXPECT(rv, CKR_NO_EVENT);
}

static void expect_event(void)
{
    CK_SLOT_ID slot = 0;
    EXPECT_OK(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
    EXPECT_EQUAL(slot, env.slot);
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

static bool is_listed(CK_BBOOL present)
{
    CK_SLOT_ID slots[ROOM];
    CK_ULONG count = ROOM;
    bool found = false;
    EXPECT_OK(F->C_GetSlotList(present, slots, &count));
    for (CK_ULONG i = 0; i < count; i++)
        found = found || slots[i] == env.slot;
    return found;
}

static CK_FLAGS slot_flags(void)
{
    CK_SLOT_INFO info;
    EXPECT_OK(F->C_GetSlotInfo(env.slot, &info));
    return info.flags;
}

/* A process of its own does it after a pause. */
static pid_t start_other_process(CK_BBOOL in, useconds_t pause)
{
    const CK_KEYKIST_FUNCTIONS *functions = vendor();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    alarm(30);
    usleep(pause);
    if (F->C_Initialize(NULL) != CKR_OK)
        _exit(1);
    _exit(functions->slot_plug(env.slot, in) == CKR_OK ? 0 : 2);
}

static void expect_success(pid_t pid)
{
    int status = 0;
    EXPECT_TRUE(pid > 0 && waitpid(pid, &status, 0) == pid);
    EXPECT_EQUAL(status, 0);
}

static void in_other_process(CK_BBOOL in)
{
    expect_success(start_other_process(in, 0));
}

/* ---- what is seen of it ---- */

static void removed_not_present(void)
{
    take_out();
    EXPECT_EQUAL(slot_flags() & (CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE), CKF_REMOVABLE_DEVICE);
    put_back();
    EXPECT_TRUE((slot_flags() & CKF_TOKEN_PRESENT) != 0);
}

static void removed_not_listed(void)
{
    take_out();
    EXPECT_TRUE(!is_listed(CK_TRUE));
    EXPECT_TRUE(is_listed(CK_FALSE));
    put_back();
    EXPECT_TRUE(is_listed(CK_TRUE));
}

static void removed_calls(void)
{
    CK_TOKEN_INFO info;
    CK_MECHANISM_INFO mechanism;
    CK_SESSION_HANDLE session = 0;
    CK_ULONG count = 0;
    CK_UTF8CHAR label[32] = "conf-removal                    ";
    take_out();
    EXPECT(F->C_GetTokenInfo(env.slot, &info), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_OpenSession(env.slot, CKF_SERIAL_SESSION, NULL, NULL, &session),
           CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_GetMechanismList(env.slot, NULL, &count), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_GetMechanismInfo(env.slot, CKM_AES_CBC, &mechanism), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_InitToken(env.slot, PIN(SO_PIN), label), CKR_TOKEN_NOT_PRESENT);
    put_back();
    EXPECT_OK(F->C_GetTokenInfo(env.slot, &info));
}

/* ---- sessions ---- */

static void removed_ends_sessions(void)
{
    CK_SESSION_INFO info;
    CK_BYTE bytes[8];
    CK_SESSION_HANDLE other = open_session(0);
    take_out();
    EXPECT_ANY(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED);
    EXPECT_ANY(F->C_GenerateRandom(other, bytes, sizeof bytes), CKR_SESSION_HANDLE_INVALID,
               CKR_DEVICE_REMOVED);
    put_back();
    EXPECT(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_GenerateRandom(other, bytes, sizeof bytes), CKR_SESSION_HANDLE_INVALID);
}

static void removed_ends_idle_sessions(void)
{
    CK_SESSION_INFO info;
    take_out();
    put_back();
    EXPECT(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID);
}

static void removed_counts_no_sessions(void)
{
    CK_TOKEN_INFO info;
    open_session(0);
    open_session(CKF_RW_SESSION);
    take_out();
    put_back();
    EXPECT_OK(F->C_GetTokenInfo(env.slot, &info));
    EXPECT_EQUAL(info.ulSessionCount, 0);
    EXPECT_EQUAL(info.ulRwSessionCount, 0);
}

static void removed_logs_out(void)
{
    take_out();
    put_back();
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(session_state(session), CKS_RW_PUBLIC_SESSION);
    login(session, CKU_USER);
}

static void removed_keeps_objects(void)
{
    CK_OBJECT_HANDLE of_session =
        CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_S(CKA_LABEL, "conf-removal-session"));
    CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_S(CKA_LABEL, "conf-removal"),
           ATTR_B(CKA_TOKEN, CK_TRUE));
    take_out();
    put_back();
    S = open_session(CKF_RW_SESSION);
    login(S, CKU_USER);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "conf-removal")), 1);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "conf-removal-session")), 0);
    EXPECT_TRUE(!object_is_alive(S, of_session));
}

static void removed_by_other_process(void)
{
    CK_SESSION_INFO info;
    in_other_process(CK_FALSE);
    EXPECT_ANY(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED);
    EXPECT_TRUE((slot_flags() & CKF_TOKEN_PRESENT) == 0);
    in_other_process(CK_TRUE);
    EXPECT(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID);
    EXPECT_TRUE((slot_flags() & CKF_TOKEN_PRESENT) != 0);
}

static void removed_unseen_by_other_process(void)
{
    CK_SESSION_INFO info;
    in_other_process(CK_FALSE);
    in_other_process(CK_TRUE);
    EXPECT(F->C_GetSessionInfo(S, &info), CKR_SESSION_HANDLE_INVALID);
}

static void removed_survives(void)
{
    take_out();
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT_TRUE((slot_flags() & CKF_TOKEN_PRESENT) == 0);
    EXPECT_TRUE(!is_listed(CK_TRUE));
    put_back();
    EXPECT_TRUE(is_listed(CK_TRUE));
}

/* ---- events ---- */

static void removed_event(void)
{
    take_all_events();
    take_out();
    expect_event();
    put_back();
    expect_event();
}

static void removed_event_of_process(void)
{
    take_all_events();
    in_other_process(CK_FALSE);
    expect_event();
    in_other_process(CK_TRUE);
    expect_event();
}

struct waiter {
    pthread_t thread;
    CK_RV rv;
    CK_SLOT_ID slot;
};

static void *wait_for_event(void *argument)
{
    struct waiter *waiter = argument;
    waiter->rv = F->C_WaitForSlotEvent(0, &waiter->slot, NULL);
    return NULL;
}

static void expect_woken(struct waiter *waiter)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_MS / 1000;
    EXPECT_TRUE(pthread_timedjoin_np(waiter->thread, NULL, &deadline) == 0);
    EXPECT_OK(waiter->rv);
    EXPECT_EQUAL(waiter->slot, env.slot);
}

static void removed_wakes(void)
{
    static struct waiter waiters[2];
    take_all_events();
    EXPECT_TRUE(pthread_create(&waiters[0].thread, NULL, wait_for_event, &waiters[0]) == 0);
    usleep(100000);
    take_out();
    expect_woken(&waiters[0]);
    EXPECT_TRUE(pthread_create(&waiters[1].thread, NULL, wait_for_event, &waiters[1]) == 0);
    usleep(100000);
    put_back();
    expect_woken(&waiters[1]);
}

static void removed_wakes_others(void)
{
    static struct waiter waiter;
    take_all_events();
    pid_t other = start_other_process(CK_FALSE, 200000);
    EXPECT_TRUE(pthread_create(&waiter.thread, NULL, wait_for_event, &waiter) == 0);
    expect_success(other);
    expect_woken(&waiter);
    put_back();
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, removed_not_present, "CK_SLOT_INFO", "CKF_TOKEN_PRESENT is set while the token is in the slot only"),
    CHECK(FIX_INITIALIZED, removed_not_listed, "C_GetSlotList", "with tokenPresent, slots with a token only"),
    CHECK(FIX_INITIALIZED, removed_calls, "CKR_TOKEN_NOT_PRESENT", "the token was not present in its slot when the function was invoked"),
    CHECK(FIX_USER, removed_ends_sessions, "CKR_SESSION_HANDLE_INVALID", "removing a token closes all sessions with it"),
    CHECK(FIX_USER, removed_ends_idle_sessions, "CKR_SESSION_HANDLE_INVALID", "also those that made no call meanwhile"),
    CHECK(FIX_INITIALIZED, removed_counts_no_sessions, "CK_TOKEN_INFO", "sessions that were closed so are not counted"),
    CHECK(FIX_USER, removed_logs_out, "C_Login", "a token that comes back has nobody logged in"),
    CHECK(FIX_USER, removed_keeps_objects, "Objects", "token objects stay when the token is removed, session objects do not"),
    CHECK(FIX_USER, removed_by_other_process, "CKR_SESSION_HANDLE_INVALID", "whoever removed it"),
    CHECK(FIX_USER, removed_unseen_by_other_process, "CKR_SESSION_HANDLE_INVALID", "and whether it is back before the next call"),
    CHECK(FIX_INITIALIZED, removed_survives, "C_Initialize", "a slot may be without its token from the beginning"),
    CHECK(FIX_INITIALIZED, removed_event, "C_WaitForSlotEvent", "removal and insertion are events of the slot"),
    CHECK(FIX_INITIALIZED, removed_event_of_process, "C_WaitForSlotEvent", "whoever removed it"),
    CHECK(FIX_INITIALIZED, removed_wakes, "C_WaitForSlotEvent", "a blocking call waits for removal and insertion"),
    CHECK(FIX_INITIALIZED, removed_wakes_others, "C_WaitForSlotEvent", "a blocking call is woken by another process's removal"),
};
/* clang-format on */

void chapter_removal(void)
{
    check_add_table("removal", checks);
}
