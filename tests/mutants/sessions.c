/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of tokens' PINs, sessions and logins.
 */
#include <string.h>

#include "mutant.h"

/* ---- PINs ---- */

static CK_RV init_token_keeps(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG length,
                              CK_UTF8CHAR_PTR label)
{
    /* A token that is already initialised keeps what it has. */
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE session = 0;
    if (pin == NULL || label == NULL || REAL->C_GetTokenInfo(slot, &info) != CKR_OK ||
        (info.flags & CKF_TOKEN_INITIALIZED) == 0)
        return REAL->C_InitToken(slot, pin, length, label);
    if (REAL->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) !=
        CKR_OK)
        return CKR_FUNCTION_FAILED;
    CK_RV rv = REAL->C_Login(session, CKU_SO, pin, length);
    REAL->C_CloseSession(session);
    return rv;
}

static void spoil_init_token(void)
{
    USED->C_InitToken = init_token_keeps;
}

static CK_RV init_pin_cut(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
    return REAL->C_InitPIN(session, pin, length > 8 ? 8 : length);
}

static CK_RV login_cut(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                       CK_ULONG length)
{
    return REAL->C_Login(session, user, pin, user == CKU_USER && length > 8 ? 8 : length);
}

static void spoil_pin_length(void)
{
    USED->C_InitPIN = init_pin_cut;
    USED->C_Login = login_cut;
}

static CK_RV set_pin_nothing(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR old, CK_ULONG old_length,
                             CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
    /* Says OK, and the old PIN stays. */
    CK_RV rv = REAL->C_SetPIN(session, old, old_length, pin, length);
    if (rv == CKR_OK)
        REAL->C_SetPIN(session, pin, length, old, old_length);
    return rv;
}

static void spoil_set_pin(void)
{
    USED->C_SetPIN = set_pin_nothing;
}

/* ---- sessions ---- */

static CK_RV open_read_write(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application,
                             CK_NOTIFY notify, CK_SESSION_HANDLE_PTR ret_session)
{
    return REAL->C_OpenSession(slot, flags | CKF_RW_SESSION, application, notify, ret_session);
}

static void spoil_read_only(void)
{
    USED->C_OpenSession = open_read_write;
}

static CK_RV open_parallel(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application,
                           CK_NOTIFY notify, CK_SESSION_HANDLE_PTR ret_session)
{
    return REAL->C_OpenSession(slot, flags | CKF_SERIAL_SESSION, application, notify, ret_session);
}

static void spoil_serial(void)
{
    USED->C_OpenSession = open_parallel;
}

static CK_RV session_info_public(CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetSessionInfo(session, info);
    if (rv == CKR_OK && info->state == CKS_RO_USER_FUNCTIONS)
        info->state = CKS_RO_PUBLIC_SESSION;
    return rv;
}

static void spoil_state(void)
{
    USED->C_GetSessionInfo = session_info_public;
}

static CK_RV session_info_slot(CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetSessionInfo(session, info);
    if (rv == CKR_OK)
        info->slotID ^= 1;
    return rv;
}

static void spoil_session_slot(void)
{
    USED->C_GetSessionInfo = session_info_slot;
}

static CK_RV session_info_flags(CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetSessionInfo(session, info);
    if (rv == CKR_OK)
        info->flags &= ~CKF_SERIAL_SESSION;
    return rv;
}

static void spoil_session_flags(void)
{
    USED->C_GetSessionInfo = session_info_flags;
}

static CK_RV close_nothing(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info;
    return REAL->C_GetSessionInfo(session, &info);
}

static void spoil_close(void)
{
    USED->C_CloseSession = close_nothing;
}

static CK_RV close_all_nothing(CK_SLOT_ID slot)
{
    CK_SLOT_INFO info;
    return REAL->C_GetSlotInfo(slot, &info);
}

static void spoil_close_all(void)
{
    USED->C_CloseAllSessions = close_all_nothing;
}

/* Session objects belong to a session that nobody closes. */
static CK_RV create_elsewhere(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR ret_object)
{
    static CK_SESSION_HANDLE keeper;
    CK_SESSION_INFO info;
    CK_RV rv = REAL->C_GetSessionInfo(session, &info);
    if (rv != CKR_OK || (info.flags & CKF_RW_SESSION) == 0)
        return REAL->C_CreateObject(session, template, count, ret_object);
    if (keeper == 0 || REAL->C_GetSessionInfo(keeper, &info) != CKR_OK)
        rv = REAL->C_OpenSession(info.slotID, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                 &keeper);
    return rv == CKR_OK ? REAL->C_CreateObject(keeper, template, count, ret_object) : rv;
}

static void spoil_session_objects(void)
{
    USED->C_CreateObject = create_elsewhere;
}

static CK_RV init_token_label(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG length,
                              CK_UTF8CHAR_PTR label)
{
    CK_UTF8CHAR cut[32];
    if (label == NULL)
        return REAL->C_InitToken(slot, pin, length, label);
    memcpy(cut, label, sizeof cut);
    cut[31] = ' ';
    return REAL->C_InitToken(slot, pin, length, cut);
}

static void spoil_token_label(void)
{
    USED->C_InitToken = init_token_label;
}

/* A session that is closed takes the login with it, though others are open. */
static CK_RV close_logs_out(CK_SESSION_HANDLE session)
{
    REAL->C_Logout(session);
    return REAL->C_CloseSession(session);
}

static void spoil_close_login(void)
{
    USED->C_CloseSession = close_logs_out;
}

/* ---- logins ---- */

static CK_RV logout_nothing(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info;
    return REAL->C_GetSessionInfo(session, &info);
}

static void spoil_logout(void)
{
    USED->C_Logout = logout_nothing;
}

static CK_RV login_prefix(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                          CK_ULONG length)
{
    /* One byte too many does not matter. */
    CK_RV rv = REAL->C_Login(session, user, pin, length);
    if (rv == CKR_PIN_INCORRECT && length > 1)
        rv = REAL->C_Login(session, user, pin, length - 1);
    return rv;
}

static void spoil_pin_prefix(void)
{
    USED->C_Login = login_prefix;
}

static CK_RV login_null(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                        CK_ULONG length)
{
    static CK_UTF8CHAR empty[1];
    return REAL->C_Login(session, user, pin == NULL ? empty : pin, pin == NULL ? 0 : length);
}

static void spoil_null_pin(void)
{
    USED->C_Login = login_null;
}

static CK_RV login_again(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                         CK_ULONG length)
{
    /* Who is logged in is logged out first. */
    CK_RV rv = REAL->C_Login(session, user, pin, length);
    if (rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN) {
        REAL->C_Logout(session);
        rv = REAL->C_Login(session, user, pin, length);
    }
    return rv;
}

static void spoil_another(void)
{
    USED->C_Login = login_again;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("init-token-keeps-objects", "tokens", spoil_init_token),
    HOOK_FAULT("pin-cut-to-eight", "tokens,login", spoil_pin_length),
    HOOK_FAULT("set-pin-does-nothing", "tokens", spoil_set_pin),
    HOOK_FAULT("read-only-ignored", "sessions,objects", spoil_read_only),
    HOOK_FAULT("serial-flag-ignored", "sessions", spoil_serial),
    HOOK_FAULT("state-wrong-read-only-user", "sessions,login", spoil_state),
    HOOK_FAULT("session-slot-wrong", "sessions", spoil_session_slot),
    HOOK_FAULT("session-flags-wrong", "sessions", spoil_session_flags),
    HOOK_FAULT("close-does-nothing", "sessions", spoil_close),
    HOOK_FAULT("close-all-does-nothing", "sessions", spoil_close_all),
    HOOK_FAULT("close-logs-out", "sessions", spoil_close_login),
    HOOK_FAULT("session-objects-outlive-session", "sessions", spoil_session_objects),
    HOOK_FAULT("token-label-cut", "tokens", spoil_token_label),
    HOOK_FAULT("logout-does-nothing", "login", spoil_logout),
    HOOK_FAULT("pin-last-byte-ignored", "login", spoil_pin_prefix),
    HOOK_FAULT("null-pin-is-empty", "login", spoil_null_pin),
    HOOK_FAULT("login-replaces-another", "login", spoil_another),
};
/* clang-format on */

const struct mutant_table mutant_sessions = {faults, sizeof faults / sizeof faults[0]};
