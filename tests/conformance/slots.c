/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots and tokens as they are listed and described.
 */
#include <string.h>

#include "env.h"

enum { ROOM = 256 };

static CK_SLOT_ID slots[ROOM];

static CK_ULONG count_slots(CK_BBOOL present)
{
    CK_ULONG count = 0;
    EXPECT_OK(F->C_GetSlotList(present, NULL, &count));
    return count;
}

/* Blanks to the end after the text, no NUL: both arrays and texts in them are that way. */
static void expect_padded(const char *what, const CK_UTF8CHAR *text, size_t size)
{
    size_t end = size;
    while (end > 0 && text[end - 1] == ' ')
        end--;
    for (size_t i = 0; i < end; i++) {
        if (text[i] == '\0' || text[i] == 0xa5)
            check_fail(HERE, "%s is not padded with blanks", what);
    }
}

/* ---- C_GetSlotList ---- */

static void list_null_count(void)
{
    EXPECT(F->C_GetSlotList(CK_FALSE, NULL, NULL), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GetSlotList(CK_FALSE, slots, NULL), CKR_ARGUMENTS_BAD);
}

static void list_count(void)
{
    CK_ULONG count = 4711;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, NULL, &count));
    EXPECT_TRUE(count >= 1 && count < ROOM);
}

static void list_too_small(void)
{
    CK_ULONG all = count_slots(CK_FALSE), count = all - 1;
    EXPECT(F->C_GetSlotList(CK_FALSE, slots, &count), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(count, all);
}

static void list_exact(void)
{
    CK_ULONG all = count_slots(CK_FALSE), count = all;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &count));
    EXPECT_EQUAL(count, all);
}

static void list_with_room(void)
{
    CK_ULONG all = count_slots(CK_FALSE), count = ROOM;
    slots[all] = 0xdeadbeef;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &count));
    EXPECT_EQUAL(count, all);
    EXPECT_EQUAL(slots[all], 0xdeadbeef);
}

static void list_unique(void)
{
    CK_ULONG count = ROOM;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        for (CK_ULONG k = i + 1; k < count; k++)
            EXPECT_TRUE(slots[i] != slots[k]);
    }
}

static void list_with_token(void)
{
    CK_SLOT_ID all[ROOM];
    CK_ULONG count = ROOM, all_count = ROOM;
    bool found = false;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, all, &all_count));
    EXPECT_OK(F->C_GetSlotList(CK_TRUE, slots, &count));
    EXPECT_TRUE(count <= all_count);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_SLOT_INFO info = {0};
        EXPECT_OK(F->C_GetSlotInfo(slots[i], &info));
        EXPECT_TRUE((info.flags & CKF_TOKEN_PRESENT) != 0);
        found = found || slots[i] == env.slot;
    }
    EXPECT_TRUE(found);
}

static void list_stable(void)
{
    CK_SLOT_ID again[ROOM];
    CK_ULONG count = ROOM, again_count = ROOM;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &count));
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, again, &again_count));
    EXPECT_BYTES(again, again_count * sizeof(CK_SLOT_ID), slots, count * sizeof(CK_SLOT_ID));
}

/* ---- C_GetSlotInfo ---- */

static void slot_null_argument(void)
{
    EXPECT(F->C_GetSlotInfo(env.slot, NULL), CKR_ARGUMENTS_BAD);
}

static void slot_unknown(void)
{
    CK_SLOT_INFO info;
    EXPECT(F->C_GetSlotInfo(absent_slot(), &info), CKR_SLOT_ID_INVALID);
}

static void slot_all_known(void)
{
    CK_ULONG count = ROOM;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_SLOT_INFO info;
        EXPECT_OK(F->C_GetSlotInfo(slots[i], &info));
    }
}

static void slot_fields(void)
{
    CK_SLOT_INFO info;
    memset(&info, 0xa5, sizeof info);
    EXPECT_OK(F->C_GetSlotInfo(env.slot, &info));
    expect_padded("slotDescription", info.slotDescription, sizeof info.slotDescription);
    expect_padded("manufacturerID", info.manufacturerID, sizeof info.manufacturerID);
    EXPECT_EQUAL(info.flags & ~(CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE | CKF_HW_SLOT), 0);
    EXPECT_TRUE(info.hardwareVersion.major != 0xa5 && info.firmwareVersion.major != 0xa5);
}

static void slot_not_removable(void)
{
    CK_SLOT_INFO info;
    EXPECT_OK(F->C_GetSlotInfo(env.slot, &info));
    if ((info.flags & CKF_REMOVABLE_DEVICE) == 0)
        EXPECT_TRUE((info.flags & CKF_TOKEN_PRESENT) != 0);
}

/* ---- C_GetTokenInfo ---- */

static void token_null_argument(void)
{
    EXPECT(F->C_GetTokenInfo(env.slot, NULL), CKR_ARGUMENTS_BAD);
}

static void token_unknown_slot(void)
{
    CK_TOKEN_INFO info;
    EXPECT(F->C_GetTokenInfo(absent_slot(), &info), CKR_SLOT_ID_INVALID);
}

static void token_texts(void)
{
    CK_TOKEN_INFO info;
    memset(&info, 0xa5, sizeof info);
    EXPECT_OK(F->C_GetTokenInfo(env.slot, &info));
    expect_padded("label", info.label, sizeof info.label);
    expect_padded("manufacturerID", info.manufacturerID, sizeof info.manufacturerID);
    expect_padded("model", info.model, sizeof info.model);
    expect_padded("serialNumber", info.serialNumber, sizeof info.serialNumber);
}

static void token_label(void)
{
    CK_TOKEN_INFO info = token_info();
    EXPECT_TRUE(memcmp(info.label, "conf slots ", 11) == 0);
    EXPECT_EQUAL(info.label[31], ' ');
}

static void token_initialized_flags(void)
{
    CK_FLAGS flags = token_info().flags;
    EXPECT_TRUE((flags & CKF_TOKEN_INITIALIZED) != 0);
    EXPECT_TRUE((flags & CKF_USER_PIN_INITIALIZED) != 0);
}

static void token_no_locks(void)
{
    CK_FLAGS flags = token_info().flags;
    EXPECT_EQUAL(flags & (CKF_USER_PIN_LOCKED | CKF_SO_PIN_LOCKED), 0);
    EXPECT_EQUAL(flags & (CKF_USER_PIN_FINAL_TRY | CKF_SO_PIN_FINAL_TRY), 0);
    EXPECT_EQUAL(flags & (CKF_USER_PIN_COUNT_LOW | CKF_SO_PIN_COUNT_LOW), 0);
}

static void token_deprecated_flag(void)
{
    EXPECT_EQUAL(token_info().flags & CKF_SECONDARY_AUTHENTICATION, 0);
}

static void token_not_broken(void)
{
    EXPECT_EQUAL(token_info().flags & (CKF_ERROR_STATE | CKF_WRITE_PROTECTED), 0);
}

static void token_free_flags(void)
{
    CK_TOKEN_INFO info;
    CK_RV rv = F->C_GetTokenInfo(require_free_slot(), &info);
    EXPECT_OK(rv);
    EXPECT_EQUAL(info.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED), 0);
}

static void token_rng_flag(void)
{
    CK_BYTE random[16];
    bool has = (token_info().flags & CKF_RNG) != 0;
    CK_RV rv = F->C_GenerateRandom(S, random, sizeof random);
    EXPECT_ANY(rv, CKR_OK, CKR_RANDOM_NO_RNG);
    EXPECT_EQUAL(has, rv == CKR_OK);
}

static void token_pin_lengths(void)
{
    CK_TOKEN_INFO info = token_info();
    EXPECT_TRUE(info.ulMinPinLen <= sizeof(USER_PIN) - 1);
    EXPECT_TRUE(info.ulMaxPinLen >= sizeof(USER_PIN) - 1);
}

static void token_session_counts(void)
{
    CK_TOKEN_INFO info = token_info();
    open_session(0);
    open_session(CKF_RW_SESSION);
    open_session(CKF_RW_SESSION);
    info = token_info();
    if (info.ulSessionCount != CK_UNAVAILABLE_INFORMATION)
        EXPECT_EQUAL(info.ulSessionCount, 3);
    if (info.ulRwSessionCount != CK_UNAVAILABLE_INFORMATION)
        EXPECT_EQUAL(info.ulRwSessionCount, 2);
}

static void token_memory(void)
{
    CK_TOKEN_INFO info = token_info();
    if (info.ulTotalPublicMemory != CK_UNAVAILABLE_INFORMATION &&
        info.ulFreePublicMemory != CK_UNAVAILABLE_INFORMATION)
        EXPECT_TRUE(info.ulFreePublicMemory <= info.ulTotalPublicMemory);
    if (info.ulTotalPrivateMemory != CK_UNAVAILABLE_INFORMATION &&
        info.ulFreePrivateMemory != CK_UNAVAILABLE_INFORMATION)
        EXPECT_TRUE(info.ulFreePrivateMemory <= info.ulTotalPrivateMemory);
}

static void token_clock(void)
{
    CK_TOKEN_INFO info = token_info();
    if ((info.flags & CKF_CLOCK_ON_TOKEN) == 0)
        check_skip("the token has no clock");
    for (size_t i = 0; i < sizeof info.utcTime; i++)
        EXPECT_TRUE(info.utcTime[i] >= '0' && info.utcTime[i] <= '9');
    EXPECT_TRUE(memcmp(info.utcTime, "20", 2) == 0 && memcmp(info.utcTime + 14, "00", 2) == 0);
}

static void token_serials_differ(void)
{
    CK_ULONG count = ROOM;
    CK_CHAR own[16];
    CK_TOKEN_INFO info = token_info();
    memcpy(own, info.serialNumber, sizeof own);
    EXPECT_OK(F->C_GetSlotList(CK_TRUE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        if (slots[i] != env.slot && F->C_GetTokenInfo(slots[i], &info) == CKR_OK)
            EXPECT_TRUE(memcmp(own, info.serialNumber, sizeof own) != 0);
    }
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, list_null_count, "C_GetSlotList", "CKR_ARGUMENTS_BAD without pulCount"),
    CHECK(FIX_INITIALIZED, list_count, "C_GetSlotList", "gives the number for a NULL list, whatever *pulCount was"),
    CHECK(FIX_INITIALIZED, list_too_small, "C_GetSlotList", "CKR_BUFFER_TOO_SMALL and the number needed"),
    CHECK(FIX_INITIALIZED, list_exact, "C_GetSlotList", "fills a list of just the right size"),
    CHECK(FIX_INITIALIZED, list_with_room, "C_GetSlotList", "sets *pulCount to the number, writes no more than that"),
    CHECK(FIX_INITIALIZED, list_unique, "C_GetSlotList", "no slot id twice"),
    CHECK(FIX_INITIALIZED, list_with_token, "C_GetSlotList", "tokenPresent lists the slots with CKF_TOKEN_PRESENT"),
    CHECK(FIX_INITIALIZED, list_stable, "C_GetSlotList", "the list changes with a NULL call only"),
    CHECK(FIX_INITIALIZED, slot_null_argument, "C_GetSlotInfo", "CKR_ARGUMENTS_BAD for a NULL pointer"),
    CHECK(FIX_INITIALIZED, slot_unknown, "C_GetSlotInfo", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_INITIALIZED, slot_all_known, "C_GetSlotList", "every listed slot can be queried by C_GetSlotInfo"),
    CHECK(FIX_INITIALIZED, slot_fields, "CK_SLOT_INFO", "texts are padded with blanks, only defined flags are set"),
    CHECK(FIX_INITIALIZED, slot_not_removable, "CK_SLOT_INFO", "CKF_TOKEN_PRESENT always without CKF_REMOVABLE_DEVICE"),
    CHECK(FIX_INITIALIZED, token_null_argument, "C_GetTokenInfo", "CKR_ARGUMENTS_BAD for a NULL pointer"),
    CHECK(FIX_INITIALIZED, token_unknown_slot, "C_GetTokenInfo", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_INITIALIZED, token_texts, "CK_TOKEN_INFO", "texts are padded with blanks"),
    CHECK(FIX_INITIALIZED, token_label, "CK_TOKEN_INFO", "the label is the one given to C_InitToken"),
    CHECK(FIX_INITIALIZED, token_initialized_flags, "CK_TOKEN_INFO", "CKF_TOKEN_INITIALIZED and CKF_USER_PIN_INITIALIZED after C_InitToken and C_InitPIN"),
    CHECK(FIX_INITIALIZED, token_no_locks, "CK_TOKEN_INFO", "no PIN flags on a token where no wrong PIN was tried"),
    CHECK(FIX_INITIALIZED, token_deprecated_flag, "CK_TOKEN_INFO", "CKF_SECONDARY_AUTHENTICATION is not set"),
    CHECK(FIX_INITIALIZED, token_not_broken, "CK_TOKEN_INFO", "neither CKF_ERROR_STATE nor CKF_WRITE_PROTECTED on a fresh token"),
    CHECK(FIX_INITIALIZED, token_free_flags, "CK_TOKEN_INFO", "no initialised flags before C_InitToken"),
    CHECK(FIX_PUBLIC, token_rng_flag, "CK_TOKEN_INFO", "CKF_RNG says whether C_GenerateRandom works"),
    CHECK(FIX_INITIALIZED, token_pin_lengths, "CK_TOKEN_INFO", "ulMinPinLen and ulMaxPinLen hold for a PIN that was accepted"),
    CHECK(FIX_INITIALIZED, token_session_counts, "CK_TOKEN_INFO", "the session counts are right or unavailable"),
    CHECK(FIX_INITIALIZED, token_memory, "CK_TOKEN_INFO", "no more memory free than there is"),
    CHECK(FIX_INITIALIZED, token_clock, "CK_TOKEN_INFO", "utcTime is YYYYMMDDhhmmss00 with CKF_CLOCK_ON_TOKEN"),
    CHECK(FIX_INITIALIZED, token_serials_differ, "CK_TOKEN_INFO", "each token has a serial number of its own"),
};
/* clang-format on */

void chapter_slots(void)
{
    check_add_table("slots", checks);
}
