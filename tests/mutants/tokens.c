/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of slot events.
 */
#include "mutant.h"

/* ---- events ---- */

static CK_RV event_again(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    /* The last event is told a second time. */
    static CK_SLOT_ID last;
    static int left;
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    if (rv == CKR_OK) {
        last = *slot;
        left = 1;
    } else if (rv == CKR_NO_EVENT && left > 0) {
        left--;
        *slot = last;
        rv = CKR_OK;
    }
    return rv;
}

static void spoil_event_flag(void)
{
    USED->C_WaitForSlotEvent = event_again;
}

static CK_RV event_elsewhere(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    if (rv == CKR_OK)
        *slot ^= 1;
    return rv;
}

static void spoil_event_slot(void)
{
    USED->C_WaitForSlotEvent = event_elsewhere;
}

static CK_RV event_only_one(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    /* One event told clears all. */
    CK_SLOT_ID other;
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    while (rv == CKR_OK && REAL->C_WaitForSlotEvent(CKF_DONT_BLOCK, &other, NULL) == CKR_OK) {
    }
    return rv;
}

static void spoil_event_others(void)
{
    USED->C_WaitForSlotEvent = event_only_one;
}

static CK_RV event_never_waits(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    return REAL->C_WaitForSlotEvent(flags | CKF_DONT_BLOCK, slot, reserved);
}

static void spoil_event_wait(void)
{
    USED->C_WaitForSlotEvent = event_never_waits;
}

static CK_RV event_lists(CK_FLAGS flags, CK_SLOT_ID_PTR slot, CK_VOID_PTR reserved)
{
    /* The list of slots changes with the event. */
    CK_ULONG count = 0;
    CK_RV rv = REAL->C_WaitForSlotEvent(flags, slot, reserved);
    if (rv == CKR_OK)
        REAL->C_GetSlotList(CK_FALSE, NULL, &count);
    return rv;
}

static void spoil_event_list(void)
{
    USED->C_WaitForSlotEvent = event_lists;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("event-arguments-code", "events", C_WaitForSlotEvent, CKR_ARGUMENTS_BAD, CKR_NO_EVENT),
    CODE_FAULT("event-end-code", "events", C_WaitForSlotEvent, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_FUNCTION_FAILED),
    HOOK_FAULT("event-told-twice", "events", spoil_event_flag),
    HOOK_FAULT("event-of-another-slot", "events", spoil_event_slot),
    HOOK_FAULT("event-clears-others", "events", spoil_event_others),
    HOOK_FAULT("event-never-waits", "events", spoil_event_wait),
    HOOK_FAULT("event-changes-list", "events", spoil_event_list),
};
/* clang-format on */

const struct mutant_table mutant_tokens = {faults, sizeof faults / sizeof faults[0]};
