/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules for every function: a call that must succeed, one that gets no memory, one in a session
 * that waits for a pending call, and the order among return values where several would fit.
 */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "goodcalls.h"
#include "keys.h"
#include "memory.h"

enum { MOST_ALLOCATIONS = 30 };

/* ---- calls that succeed, and without memory ---- */

static void works(const void *row)
{
    const struct good_call *call = row;
    call->prepare();
    EXPECT(call->call(), call->rv);
    good_call_end();
}

/* Whether there was an n-th allocation. */
static bool fails_at(const struct good_call *call, unsigned n)
{
    call->prepare();
    memory_fail_at(n);
    CK_RV rv = call->call();
    bool failed = memory_has_failed();
    memory_fail_at(0);
    EXPECT_ANY(rv, call->rv, CKR_HOST_MEMORY);
    good_call_end();
    return failed;
}

static void need_memory(void)
{
    if (getenv("CONFORMANCE_MEMORY") == NULL)
        check_skip("CONFORMANCE_MEMORY is not set");
    if (!memory_can_fail())
        check_skip("this build of the runner can't refuse memory");
}

static void no_memory(const void *row)
{
    need_memory();
    for (unsigned n = 1; n <= MOST_ALLOCATIONS && fails_at(row, n); n++) {
        env_end(false);
        env_begin(FIX_USER);
    }
}

/* ---- parts that a token may keep until the end ---- */

static CK_BYTE part[5000], room[5000];
static CK_BYTE part_iv[12], part_tag[16];
static CK_GCM_MESSAGE_PARAMS part_message;

static CK_OBJECT_HANDLE part_key(CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
    good_call_session(CKF_RW_SESSION);
    require_mechanism(type, flags);
    return key_aes(16, ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_VERIFY, CK_TRUE));
}

static void keep_encrypting(void)
{
    CK_CCM_PARAMS ccm = {sizeof part, part_iv, sizeof part_iv, NULL, 0, 16};
    CK_OBJECT_HANDLE key = part_key(CKM_AES_CCM, CKF_ENCRYPT);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CCM, ccm), key));
}

static void keep_decrypting(void)
{
    CK_GCM_PARAMS gcm = {part_iv, sizeof part_iv, 96, NULL, 0, 128};
    CK_OBJECT_HANDLE key = part_key(CKM_AES_GCM, CKF_DECRYPT);
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM_P(CKM_AES_GCM, gcm), key));
}

static void keep_decrypting_message(void)
{
    part_message =
        (CK_GCM_MESSAGE_PARAMS){part_iv, sizeof part_iv, 0, CKG_NO_GENERATE, part_tag, 128};
    CK_OBJECT_HANDLE key = part_key(CKM_AES_GCM, CKF_MESSAGE_DECRYPT);
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
    EXPECT_OK(F->C_DecryptMessageBegin(S, &part_message, sizeof part_message, NULL, 0));
}

static void keep_signing(void)
{
    CK_OBJECT_HANDLE key = part_key(CKM_NULL, CKF_SIGN);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_NULL), key));
}

static void keep_verifying(void)
{
    CK_OBJECT_HANDLE key = part_key(CKM_NULL, CKF_VERIFY);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_NULL), key));
}

#define KEEPING(X)                                                                                 \
    X(C_EncryptUpdate, keep_encrypting, (S, part, sizeof part, room, &part_length))                \
    X(C_DecryptUpdate, keep_decrypting, (S, part, sizeof part, room, &part_length))                \
    X(C_DecryptMessageNext, keep_decrypting_message,                                               \
      (S, &part_message, sizeof part_message, part, sizeof part, room, &part_length, 0))           \
    X(C_SignUpdate, keep_signing, (S, part, sizeof part))                                          \
    X(C_VerifyUpdate, keep_verifying, (S, part, sizeof part))

static CK_ULONG part_length;

#define DEFINE_KEEPING(name, prepare, arguments)                                                   \
    static CK_RV keep_##name(void)                                                                 \
    {                                                                                              \
        part_length = sizeof room;                                                                 \
        return F->name arguments;                                                                  \
    }
KEEPING(DEFINE_KEEPING)

#define KEEPING_ROW(name, prepare, arguments) {#name, prepare, keep_##name, CKR_OK},
static const struct good_call keeping[] = {KEEPING(KEEPING_ROW)};

static void keeps(const void *row)
{
    const struct good_call *call = row;
    need_memory();
    call->prepare();
    memory_fail_at(1);
    CK_RV rv = call->call();
    bool failed = memory_has_failed();
    memory_fail_at(0);
    EXPECT(rv, failed ? CKR_HOST_MEMORY : call->rv);
}

/* A token that could not be looked at is not gone: who is logged in stays so. The list is looked
 * through anew while it has just changed. */
static void slots_without_memory(void)
{
    CK_UTF8CHAR label[32];
    CK_ULONG count = 0;
    bool failed = true;
    need_memory();
    memset(label, ' ', sizeof label);
    EXPECT_OK(F->C_InitToken(require_free_slot(), PIN(SO_PIN), label));
    for (unsigned n = 1; failed && n <= MOST_ALLOCATIONS; n++) {
        memory_fail_at(n);
        CK_RV rv = F->C_GetSlotList(CK_FALSE, NULL, &count);
        failed = memory_has_failed();
        memory_fail_at(0);
        EXPECT_ANY(rv, CKR_OK, CKR_HOST_MEMORY);
        EXPECT_EQUAL(session_state(open_session(CKF_RW_SESSION)), CKS_RW_USER_FUNCTIONS);
        EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
    }
}

/* ---- a session with a pending call ---- */

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

static void start_pending(void)
{
    CK_OBJECT_HANDLE keys[2] = {0};
    CK_ATTRIBUTE public_template[] = {ATTR_U(CKA_MODULUS_BITS, 4096)};
    REQUIRE_FUNCTION(C_AsyncComplete);
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) == 0)
        check_skip("the token has no asynchronous sessions");
    session = open_session(CKF_RW_SESSION | CKF_ASYNC_SESSION);
    CK_RV rv = F->C_GenerateKeyPair(session, MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), public_template,
                                    1, NULL, 0, &keys[0], &keys[1]);
    if (rv == CKR_OK)
        check_skip("the token answers at once");
    EXPECT(rv, CKR_PENDING);
}

static void busy(const void *row)
{
    const struct call *call = row;
    start_pending();
    EXPECT(call->call(), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_CloseSession(session));
}

/* These say what goes on in a session, or end it. */
static bool is_answered_when_busy(const char *name)
{
    static const char *const answered[] = {
        "C_AsyncComplete",  "C_AsyncGetID", "C_AsyncJoin",     "C_CloseSession",
        "C_GetSessionInfo", "C_Logout",     "C_SessionCancel",
    };
    for (size_t i = 0; i < COUNT(answered); i++) {
        if (strcmp(answered[i], name) == 0)
            return true;
    }
    return false;
}

/* ---- the order of return values ---- */

/* clang-format off */
/* calls in which all but the session is wrong */
#define BAD_CALLS(X) \
    X(C_InitPIN, (session, NULL, 0)) \
    X(C_SetPIN, (session, NULL, 0, NULL, 0)) \
    X(C_CloseSession, (session)) \
    X(C_GetSessionInfo, (session, NULL)) \
    X(C_GetOperationState, (session, NULL, NULL)) \
    X(C_SetOperationState, (session, NULL, 0, 0, 0)) \
    X(C_Login, (session, 0, NULL, 0)) \
    X(C_Logout, (session)) \
    X(C_CreateObject, (session, NULL, 0, NULL)) \
    X(C_CopyObject, (session, 0, NULL, 0, NULL)) \
    X(C_DestroyObject, (session, 0)) \
    X(C_GetObjectSize, (session, 0, NULL)) \
    X(C_GetAttributeValue, (session, 0, NULL, 0)) \
    X(C_SetAttributeValue, (session, 0, NULL, 0)) \
    X(C_FindObjectsInit, (session, NULL, 0)) \
    X(C_FindObjects, (session, NULL, 0, NULL)) \
    X(C_FindObjectsFinal, (session)) \
    X(C_EncryptInit, (session, NULL, 0)) \
    X(C_Encrypt, (session, NULL, 0, NULL, NULL)) \
    X(C_EncryptUpdate, (session, NULL, 0, NULL, NULL)) \
    X(C_EncryptFinal, (session, NULL, NULL)) \
    X(C_DecryptInit, (session, NULL, 0)) \
    X(C_Decrypt, (session, NULL, 0, NULL, NULL)) \
    X(C_DecryptUpdate, (session, NULL, 0, NULL, NULL)) \
    X(C_DecryptFinal, (session, NULL, NULL)) \
    X(C_DigestInit, (session, NULL)) \
    X(C_Digest, (session, NULL, 0, NULL, NULL)) \
    X(C_DigestUpdate, (session, NULL, 0)) \
    X(C_DigestKey, (session, 0)) \
    X(C_DigestFinal, (session, NULL, NULL)) \
    X(C_SignInit, (session, NULL, 0)) \
    X(C_Sign, (session, NULL, 0, NULL, NULL)) \
    X(C_SignUpdate, (session, NULL, 0)) \
    X(C_SignFinal, (session, NULL, NULL)) \
    X(C_SignRecoverInit, (session, NULL, 0)) \
    X(C_SignRecover, (session, NULL, 0, NULL, NULL)) \
    X(C_VerifyInit, (session, NULL, 0)) \
    X(C_Verify, (session, NULL, 0, NULL, 0)) \
    X(C_VerifyUpdate, (session, NULL, 0)) \
    X(C_VerifyFinal, (session, NULL, 0)) \
    X(C_VerifyRecoverInit, (session, NULL, 0)) \
    X(C_VerifyRecover, (session, NULL, 0, NULL, NULL)) \
    X(C_DigestEncryptUpdate, (session, NULL, 0, NULL, NULL)) \
    X(C_DecryptDigestUpdate, (session, NULL, 0, NULL, NULL)) \
    X(C_SignEncryptUpdate, (session, NULL, 0, NULL, NULL)) \
    X(C_DecryptVerifyUpdate, (session, NULL, 0, NULL, NULL)) \
    X(C_GenerateKey, (session, NULL, NULL, 0, NULL)) \
    X(C_GenerateKeyPair, (session, NULL, NULL, 0, NULL, 0, NULL, NULL)) \
    X(C_WrapKey, (session, NULL, 0, 0, NULL, NULL)) \
    X(C_UnwrapKey, (session, NULL, 0, NULL, 0, NULL, 0, NULL)) \
    X(C_DeriveKey, (session, NULL, 0, NULL, 0, NULL)) \
    X(C_SeedRandom, (session, NULL, 0)) \
    X(C_GenerateRandom, (session, NULL, 0)) \
    X(C_GetFunctionStatus, (session)) \
    X(C_CancelFunction, (session)) \
    X(C_LoginUser, (session, 0, NULL, 0, NULL, 0)) \
    X(C_SessionCancel, (session, 0)) \
    X(C_MessageEncryptInit, (session, NULL, 0)) \
    X(C_EncryptMessage, (session, NULL, 0, NULL, 0, NULL, 0, NULL, NULL)) \
    X(C_EncryptMessageBegin, (session, NULL, 0, NULL, 0)) \
    X(C_EncryptMessageNext, (session, NULL, 0, NULL, 0, NULL, NULL, 0)) \
    X(C_MessageEncryptFinal, (session)) \
    X(C_MessageDecryptInit, (session, NULL, 0)) \
    X(C_DecryptMessage, (session, NULL, 0, NULL, 0, NULL, 0, NULL, NULL)) \
    X(C_DecryptMessageBegin, (session, NULL, 0, NULL, 0)) \
    X(C_DecryptMessageNext, (session, NULL, 0, NULL, 0, NULL, NULL, 0)) \
    X(C_MessageDecryptFinal, (session)) \
    X(C_MessageSignInit, (session, NULL, 0)) \
    X(C_SignMessage, (session, NULL, 0, NULL, 0, NULL, NULL)) \
    X(C_SignMessageBegin, (session, NULL, 0)) \
    X(C_SignMessageNext, (session, NULL, 0, NULL, 0, NULL, NULL)) \
    X(C_MessageSignFinal, (session)) \
    X(C_MessageVerifyInit, (session, NULL, 0)) \
    X(C_VerifyMessage, (session, NULL, 0, NULL, 0, NULL, 0)) \
    X(C_VerifyMessageBegin, (session, NULL, 0)) \
    X(C_VerifyMessageNext, (session, NULL, 0, NULL, 0, NULL, 0)) \
    X(C_MessageVerifyFinal, (session)) \
    X(C_EncapsulateKey, (session, NULL, 0, NULL, 0, NULL, NULL, NULL)) \
    X(C_DecapsulateKey, (session, NULL, 0, NULL, 0, NULL, 0, NULL)) \
    X(C_VerifySignatureInit, (session, NULL, 0, NULL, 0)) \
    X(C_VerifySignature, (session, NULL, 0)) \
    X(C_VerifySignatureUpdate, (session, NULL, 0)) \
    X(C_VerifySignatureFinal, (session)) \
    X(C_GetSessionValidationFlags, (session, 0, NULL)) \
    X(C_AsyncComplete, (session, NULL, NULL)) \
    X(C_AsyncGetID, (session, NULL, NULL)) \
    X(C_AsyncJoin, (session, NULL, 0, NULL, 0)) \
    X(C_WrapKeyAuthenticated, (session, NULL, 0, 0, NULL, 0, NULL, NULL)) \
    X(C_UnwrapKeyAuthenticated, (session, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL))
/* clang-format on */

#define DEFINE_BAD_CALL(name, arguments)                                                           \
    static CK_RV bad_##name(void)                                                                  \
    {                                                                                              \
        REQUIRE_FUNCTION(name);                                                                    \
        return F->name arguments;                                                                  \
    }
BAD_CALLS(DEFINE_BAD_CALL)

#define BAD_CALL_ROW(name, arguments) {#name, bad_##name, true},
static const struct call bad_calls[] = {BAD_CALLS(BAD_CALL_ROW)};

static void session_before_arguments(const void *row)
{
    const struct call *call = row;
    session = open_session(CKF_RW_SESSION);
    EXPECT_OK(F->C_CloseSession(session));
    EXPECT(call->call(), CKR_SESSION_HANDLE_INVALID);
}

/* ---- a token that is deleted ---- */

#define LOST_LABEL "conf lost"

static void run_delete(void)
{
    char command[1024];
    const char *delete = getenv("CONFORMANCE_DELETE");
    if (delete == NULL)
        check_skip("CONFORMANCE_DELETE does not say how a token is deleted");
    snprintf(command, sizeof command, "%s '" LOST_LABEL "' >/dev/null 2>&1", delete);
    EXPECT_EQUAL(system(command), 0);
}

/* A slot with a token of its own. */
static CK_SLOT_ID token_to_lose(void)
{
    CK_UTF8CHAR label[32];
    CK_SLOT_ID slot = require_free_slot();
    if (getenv("CONFORMANCE_DELETE") == NULL)
        check_skip("CONFORMANCE_DELETE does not say how a token is deleted");
    memset(label, ' ', sizeof label);
    memcpy(label, LOST_LABEL, strlen(LOST_LABEL));
    EXPECT_OK(F->C_InitToken(slot, PIN(SO_PIN), label));
    return slot;
}

/* Each call has a session of its own: the first one after the deletion closes its session. */
static void removed_sessions(void)
{
    CK_SESSION_HANDLE sessions[COUNT(bad_calls)];
    CK_SLOT_ID slot = token_to_lose();
    for (size_t i = 0; i < COUNT(bad_calls); i++)
        EXPECT_OK(
            F->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &sessions[i]));
    run_delete();
    for (size_t i = 0; i < COUNT(bad_calls); i++) {
        session = sessions[i];
        CK_RV rv = bad_calls[i].call();
        bool closes = strcmp(bad_calls[i].name, "C_CloseSession") == 0;
        CK_RV allowed[] = {CKR_SESSION_HANDLE_INVALID,
                           closes ? CKR_OK : CKR_SESSION_HANDLE_INVALID};
        expect_rv(HERE, bad_calls[i].name, rv, allowed, COUNT(allowed));
    }
}

static void removed_token(void)
{
    CK_SLOT_ID slot = token_to_lose();
    CK_SLOT_INFO info;
    run_delete();
    EXPECT(F->C_GetTokenInfo(slot, NULL), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_GetMechanismList(slot, NULL, NULL), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_GetMechanismInfo(slot, CKM_SHA256, NULL), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_InitToken(slot, NULL, 0, NULL), CKR_TOKEN_NOT_PRESENT);
    EXPECT(F->C_OpenSession(slot, 0, NULL, NULL, NULL), CKR_TOKEN_NOT_PRESENT);
    EXPECT_OK(F->C_GetSlotInfo(slot, &info));
}

/* clang-format off */
static const struct check good_checks[] = {
    CHECK_ROW(FIX_USER, works, "Function return values", "the code of a call that can be done"),
    CHECK_ROW(FIX_USER, no_memory, "Universal Cryptoki function return values", "CKR_HOST_MEMORY, or all is well, when an allocation fails"),
};

static const struct check keeping_check =
    CHECK_ROW(FIX_USER, keeps, "Universal Cryptoki function return values", "CKR_HOST_MEMORY for a part that there is no memory to keep");

static const struct check null_check =
    CHECK_ROW(FIX_USER, works, "All other Cryptoki function return values", "CKR_ARGUMENTS_BAD for a NULL pointer that is needed");

static const struct check busy_check =
    CHECK_ROW(FIX_USER, busy, "All other Cryptoki function return values", "CKR_OPERATION_ACTIVE while another call is pending in the session");

static const struct check bad_checks[] = {
    CHECK_ROW(FIX_INITIALIZED, session_before_arguments, "More on relative priorities of Cryptoki errors", "CKR_SESSION_HANDLE_INVALID before what is wrong with the arguments"),
};

static const struct check gone_checks[] = {
    CHECK(FIX_USER, slots_without_memory, "C_GetSlotList", "CKR_HOST_MEMORY loses no token, and logs nobody out"),
    CHECK(FIX_INITIALIZED, removed_sessions, "Cryptoki function return values for functions that use a session handle", "CKR_SESSION_HANDLE_INVALID when the token was removed, never CKR_TOKEN_NOT_PRESENT"),
    CHECK(FIX_INITIALIZED, removed_token, "Cryptoki function return values for functions that use a token", "CKR_TOKEN_NOT_PRESENT before what is wrong with the arguments"),
};
/* clang-format on */

void chapter_every(void)
{
    for (size_t i = 0; i < COUNT(good_checks); i++) {
        for (size_t k = 0; k < good_call_count; k++)
            check_add_row("every", &good_checks[i], good_calls[k].name, &good_calls[k]);
    }
    for (size_t i = 0; i < COUNT(keeping); i++)
        check_add_row("every", &keeping_check, keeping[i].name, &keeping[i]);
    for (size_t i = 0; i < null_call_count; i++)
        check_add_row("every", &null_check, null_calls[i].name, &null_calls[i]);
    for (size_t i = 0; i < COUNT(calls); i++) {
        if (calls[i].takes_session && !is_answered_when_busy(calls[i].name))
            check_add_row("every", &busy_check, calls[i].name, &calls[i]);
    }
    check_add_rows("every", bad_checks, bad_calls);
    check_add_table("every", gone_checks);
}
