/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every function answers before C_Initialize, for a session that is closed, and for an
 * operation that was never initialised.
 */
#include "calls.h"

/* clang-format off */
/* functions that continue an operation which nobody initialised */
#define CONTINUATIONS(X) \
    X(C_FindObjects, (S, &handle, 1, &length)) \
    X(C_FindObjectsFinal, (S)) \
    X(C_Encrypt, (S, bytes, 16, bytes, &length)) \
    X(C_EncryptUpdate, (S, bytes, 16, bytes, &length)) \
    X(C_EncryptFinal, (S, bytes, &length)) \
    X(C_Decrypt, (S, bytes, 16, bytes, &length)) \
    X(C_DecryptUpdate, (S, bytes, 16, bytes, &length)) \
    X(C_DecryptFinal, (S, bytes, &length)) \
    X(C_Digest, (S, bytes, 16, bytes, &length)) \
    X(C_DigestUpdate, (S, bytes, 16)) \
    X(C_DigestFinal, (S, bytes, &length)) \
    X(C_Sign, (S, bytes, 16, bytes, &length)) \
    X(C_SignUpdate, (S, bytes, 16)) \
    X(C_SignFinal, (S, bytes, &length)) \
    X(C_SignRecover, (S, bytes, 16, bytes, &length)) \
    X(C_Verify, (S, bytes, 16, bytes, 16)) \
    X(C_VerifyUpdate, (S, bytes, 16)) \
    X(C_VerifyFinal, (S, bytes, 16)) \
    X(C_VerifyRecover, (S, bytes, 16, bytes, &length)) \
    X(C_DigestEncryptUpdate, (S, bytes, 16, bytes, &length)) \
    X(C_DecryptDigestUpdate, (S, bytes, 16, bytes, &length)) \
    X(C_SignEncryptUpdate, (S, bytes, 16, bytes, &length)) \
    X(C_DecryptVerifyUpdate, (S, bytes, 16, bytes, &length)) \
    X(C_MessageEncryptFinal, (S)) \
    X(C_MessageDecryptFinal, (S)) \
    X(C_MessageSignFinal, (S)) \
    X(C_MessageVerifyFinal, (S)) \
    X(C_VerifySignature, (S, bytes, 16)) \
    X(C_VerifySignatureUpdate, (S, bytes, 16)) \
    X(C_VerifySignatureFinal, (S))
/* clang-format on */

struct call {
    const char *name;
    CK_RV (*call)(void);
    bool takes_session;
};

#define DEFINE_CALL(name, arguments, takes_session)                                                \
    static CK_RV call_##name(void)                                                                 \
    {                                                                                              \
        REQUIRE_FUNCTION(name);                                                                    \
        length = sizeof bytes;                                                                     \
        return F->name arguments;                                                                  \
    }
CALLS(DEFINE_CALL)

#define CALL_ROW(name, arguments, takes_session) {#name, call_##name, takes_session},
static const struct call calls[] = {CALLS(CALL_ROW)};

#define DEFINE_CONTINUATION(name, arguments)                                                       \
    static CK_RV continue_##name(void)                                                             \
    {                                                                                              \
        REQUIRE_FUNCTION(name);                                                                    \
        length = sizeof bytes;                                                                     \
        return F->name arguments;                                                                  \
    }
CONTINUATIONS(DEFINE_CONTINUATION)

#define CONTINUATION_ROW(name, arguments) {#name, continue_##name, true},
static const struct call continuations[] = {CONTINUATIONS(CONTINUATION_ROW)};

static void expect_code(const struct call *call, CK_RV code)
{
    CK_RV allowed[] = {code, code};
    /* The two parallel functions "simply return" this one. */
    if (call->call == call_C_GetFunctionStatus || call->call == call_C_CancelFunction)
        allowed[1] = CKR_FUNCTION_NOT_PARALLEL;
    expect_rv(HERE, call->name, call->call(), allowed, COUNT(allowed));
}

static void before_initialize(const void *row)
{
    expect_code(row, CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void closed_session(const void *row)
{
    session = open_session(CKF_RW_SESSION);
    EXPECT_OK(F->C_CloseSession(session));
    expect_code(row, CKR_SESSION_HANDLE_INVALID);
}

static void null_session(const void *row)
{
    session = CK_INVALID_HANDLE;
    expect_code(row, CKR_SESSION_HANDLE_INVALID);
}

static void without_init(const void *row)
{
    const struct call *call = row;
    EXPECT(call->call(), CKR_OPERATION_NOT_INITIALIZED);
}

/* clang-format off */
static const struct check uninitialized =
    CHECK_ROW(FIX_LIBRARY, before_initialize, "Function return values", "CKR_CRYPTOKI_NOT_INITIALIZED before C_Initialize");
static const struct check session_checks[] = {
    CHECK_ROW(FIX_PUBLIC, closed_session, "Function return values", "CKR_SESSION_HANDLE_INVALID for a closed session"),
    CHECK_ROW(FIX_PUBLIC, null_session, "Function return values", "CKR_SESSION_HANDLE_INVALID for handle 0"),
};
static const struct check not_initialized =
    CHECK_ROW(FIX_USER, without_init, "Function return values", "CKR_OPERATION_NOT_INITIALIZED without an active operation");
/* clang-format on */

void chapter_handles(void)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        check_add_row("handles", &uninitialized, calls[i].name, &calls[i]);
    for (size_t k = 0; k < COUNT(session_checks); k++) {
        for (size_t i = 0; i < COUNT(calls); i++) {
            if (calls[i].takes_session)
                check_add_row("handles", &session_checks[k], calls[i].name, &calls[i]);
        }
    }
    for (size_t i = 0; i < COUNT(continuations); i++)
        check_add_row("handles", &not_initialized, continuations[i].name, &continuations[i]);
}
