/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_WaitForSlotEvent: a token that comes is an event of its slot. Where new tokens are no events
 * the module has none to wait for, and these checks are skipped.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "env.h"

enum { ROOM = 256, PATIENCE_MS = 5000 };

static void take_all_events(void)
{
    CK_SLOT_ID slot = 0;
    CK_RV rv = CKR_OK;
    for (int i = 0; i < ROOM && rv == CKR_OK; i++)
        rv = F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
    EXPECT(rv, CKR_NO_EVENT);
}

static CK_UTF8CHAR *label_of_event(void)
{
    static CK_UTF8CHAR label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, "conf-event", 10);
    return label;
}

/* Asks again for a while: another process's token need not be noticed at once. */
static CK_RV event_within(CK_SLOT_ID *ret_slot, int limit_ms)
{
    CK_RV rv = CKR_NO_EVENT;
    for (int ms = 0; rv == CKR_NO_EVENT && ms <= limit_ms; ms += 20) {
        rv = F->C_WaitForSlotEvent(CKF_DONT_BLOCK, ret_slot, NULL);
        if (rv == CKR_NO_EVENT)
            usleep(20000);
    }
    return rv;
}

static CK_SLOT_ID own_event(void)
{
    CK_SLOT_ID slot = 0, free_slot = require_free_slot();
    take_all_events();
    EXPECT_OK(F->C_InitToken(free_slot, PIN(SO_PIN), label_of_event()));
    CK_RV rv = event_within(&slot, 1000);
    if (rv == CKR_NO_EVENT)
        check_skip("a new token is no event");
    EXPECT_OK(rv);
    return slot;
}

/* A process of its own makes a token after a pause. */
static pid_t start_other_process(useconds_t pause)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    CK_SLOT_ID slots[ROOM];
    CK_ULONG count = ROOM, none = 0;
    alarm(30);
    usleep(pause);
    if (F->C_Initialize(NULL) != CKR_OK || F->C_GetSlotList(CK_FALSE, NULL, &none) != CKR_OK ||
        F->C_GetSlotList(CK_FALSE, slots, &count) != CKR_OK)
        _exit(1);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (F->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) == 0)
            _exit(F->C_InitToken(slots[i], PIN(SO_PIN), label_of_event()) == CKR_OK ? 0 : 2);
    }
    _exit(3);
}

static void expect_success(pid_t pid)
{
    int status = 0;
    EXPECT_TRUE(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        check_skip("a forked child has no tokens");
    EXPECT_EQUAL(status, 0);
}

static CK_SLOT_ID foreign_event(void)
{
    CK_SLOT_ID slot = 0;
    require_free_slot();
    take_all_events();
    expect_success(start_other_process(0));
    CK_RV rv = event_within(&slot, 1000);
    if (rv == CKR_NO_EVENT)
        check_skip("another process's token is no event");
    EXPECT_OK(rv);
    return slot;
}

/* ---- without blocking ---- */

static void event_null_slot(void)
{
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void event_reserved(void)
{
    CK_SLOT_ID slot = 0;
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot), CKR_ARGUMENTS_BAD);
}

static void expect_new_token(CK_SLOT_ID slot)
{
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO info;
    EXPECT_OK(F->C_GetSlotInfo(slot, &slot_info));
    EXPECT_TRUE((slot_info.flags & CKF_TOKEN_PRESENT) != 0);
    EXPECT_OK(F->C_GetTokenInfo(slot, &info));
    EXPECT_BYTES(info.label, sizeof info.label, label_of_event(), sizeof info.label);
}

static void event_names_slot(void)
{
    expect_new_token(own_event());
}

static void event_of_other_process(void)
{
    expect_new_token(foreign_event());
}

static void event_told_once(void)
{
    CK_SLOT_ID slot = 0;
    own_event();
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

static void events_one_by_one(void)
{
    CK_SLOT_ID first = 0, second = 0;
    CK_ULONG count = 0;
    own_event();
    EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), label_of_event()));
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, NULL, &count));
    EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), label_of_event()));
    EXPECT_OK(event_within(&first, PATIENCE_MS));
    EXPECT_OK(event_within(&second, PATIENCE_MS));
    EXPECT_TRUE(first != second);
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &first, NULL), CKR_NO_EVENT);
}

static void initialize_clears_events(void)
{
    CK_SLOT_ID slot = 0;
    own_event();
    EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), label_of_event()));
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

static void event_leaves_list(void)
{
    CK_ULONG before = ROOM, after = ROOM, anew = 0;
    CK_SLOT_ID slots[ROOM];
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, NULL, &anew));
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &before));
    CK_SLOT_ID slot = foreign_event();
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &after));
    EXPECT_EQUAL(after, before);
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, NULL, &anew));
    EXPECT_TRUE(anew > before);
    after = ROOM;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &after));
    bool listed = false;
    for (CK_ULONG i = 0; i < after; i++)
        listed = listed || slots[i] == slot;
    EXPECT_TRUE(listed);
}

/* ---- blocking ---- */

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

static bool ends_within(struct waiter *waiter, int limit_ms)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += limit_ms / 1000;
    deadline.tv_nsec += limit_ms % 1000 * 1000000L;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_nsec -= 1000000000;
        deadline.tv_sec++;
    }
    return pthread_timedjoin_np(waiter->thread, NULL, &deadline) == 0;
}

static void need_events(void)
{
    static bool known;
    if (!known)
        foreign_event();
    known = true;
    take_all_events();
}

static void wait_returns_event(void)
{
    static struct waiter waiter;
    need_events();
    EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), label_of_event()));
    EXPECT_TRUE(pthread_create(&waiter.thread, NULL, wait_for_event, &waiter) == 0);
    EXPECT_TRUE(ends_within(&waiter, PATIENCE_MS));
    EXPECT_OK(waiter.rv);
    expect_new_token(waiter.slot);
}

static void wait_blocks(void)
{
    static struct waiter waiter;
    need_events();
    EXPECT_TRUE(pthread_create(&waiter.thread, NULL, wait_for_event, &waiter) == 0);
    bool ended = ends_within(&waiter, 200);
    if (!ended) {
        EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), label_of_event()));
        EXPECT_TRUE(ends_within(&waiter, PATIENCE_MS));
    }
    EXPECT_TRUE(!ended);
    EXPECT_OK(waiter.rv);
    expect_new_token(waiter.slot);
}

static void wait_woken_by_process(void)
{
    static struct waiter waiter;
    need_events();
    pid_t other = start_other_process(200000);
    EXPECT_TRUE(pthread_create(&waiter.thread, NULL, wait_for_event, &waiter) == 0);
    expect_success(other);
    EXPECT_TRUE(ends_within(&waiter, PATIENCE_MS));
    EXPECT_OK(waiter.rv);
    expect_new_token(waiter.slot);
}

static void waits_ended_by_finalize(void)
{
    static struct waiter waiters[3];
    EXPECT_OK(F->C_Initialize(&(CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK}));
    need_events();
    for (size_t i = 0; i < COUNT(waiters); i++)
        EXPECT_TRUE(pthread_create(&waiters[i].thread, NULL, wait_for_event, &waiters[i]) == 0);
    usleep(100000);
    EXPECT_OK(F->C_Finalize(NULL));
    for (size_t i = 0; i < COUNT(waiters); i++) {
        EXPECT_TRUE(ends_within(&waiters[i], PATIENCE_MS));
        EXPECT(waiters[i].rv, CKR_CRYPTOKI_NOT_INITIALIZED);
    }
    EXPECT_OK(F->C_Initialize(NULL)); /* nothing of the waits is left in the way */
    EXPECT_OK(F->C_Finalize(NULL));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, event_null_slot, "C_WaitForSlotEvent", "CKR_ARGUMENTS_BAD without pSlot"),
    CHECK(FIX_INITIALIZED, event_reserved, "C_WaitForSlotEvent", "pReserved is NULL_PTR, else CKR_ARGUMENTS_BAD"),
    CHECK(FIX_INITIALIZED, event_names_slot, "C_WaitForSlotEvent", "gives the slot that the event occurred in; C_GetSlotInfo knows it"),
    CHECK(FIX_INITIALIZED, event_of_other_process, "C_WaitForSlotEvent", "a token that another process made is an event"),
    CHECK(FIX_INITIALIZED, event_told_once, "C_WaitForSlotEvent", "the slot's flag is cleared by the call that gives its id"),
    CHECK(FIX_INITIALIZED, events_one_by_one, "C_WaitForSlotEvent", "of several slots with events one is chosen, the others keep theirs"),
    CHECK(FIX_INITIALIZED, initialize_clears_events, "C_WaitForSlotEvent", "C_Initialize clears every slot's event flag"),
    CHECK(FIX_INITIALIZED, event_leaves_list, "C_GetSlotList", "a changed list is visible after C_GetSlotList with a NULL list only"),
    CHECK(FIX_INITIALIZED, wait_returns_event, "C_WaitForSlotEvent", "a blocking call returns at once when a flag is set"),
    CHECK(FIX_INITIALIZED, wait_blocks, "C_WaitForSlotEvent", "a blocking call waits until a flag is set"),
    CHECK(FIX_INITIALIZED, wait_woken_by_process, "C_WaitForSlotEvent", "a blocking call is woken by another process's token"),
    CHECK(FIX_LIBRARY, waits_ended_by_finalize, "C_WaitForSlotEvent", "every blocking call ends with CKR_CRYPTOKI_NOT_INITIALIZED at C_Finalize"),
};
/* clang-format on */

void chapter_events(void)
{
    check_add_table("events", checks);
}
