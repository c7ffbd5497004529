/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous sessions. A module may answer any call at once; what these checks hold is what
 * follows when it says CKR_PENDING.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys.h"
#include "tests/sanitizers.h"

enum { BITS = 2048, SIGNATURE = BITS / 8, PATIENCE_MS = 60000 };

#define NAME(function) ((CK_UTF8CHAR_PTR)(function))

__attribute__((unused)) static CK_RV open_async(CK_SESSION_HANDLE *ret_session)
{
    return F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION | CKF_ASYNC_SESSION, NULL,
                            NULL, ret_session);
}

static CK_SESSION_HANDLE async_session(void)
{
    REQUIRE_FUNCTION(C_AsyncComplete);
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) == 0)
        check_skip("the token has no asynchronous sessions");
    return open_session(CKF_RW_SESSION | CKF_ASYNC_SESSION);
}

/* Asks until the call is over. */
static CK_RV complete(CK_SESSION_HANDLE session, const char *function, CK_ASYNC_DATA *result)
{
    CK_RV rv = CKR_PENDING;
    for (int ms = 0; rv == CKR_PENDING && ms < PATIENCE_MS; ms += 5) {
        *result = (CK_ASYNC_DATA){.ulValue = 4711};
        rv = F->C_AsyncComplete(session, NAME(function), result);
        if (rv == CKR_PENDING) {
            EXPECT_EQUAL(result->ulValue, 4711);
            usleep(5000);
        }
    }
    return rv;
}

static CK_RV start_pair(CK_SESSION_HANDLE session, CK_ULONG bits, CK_BBOOL token,
                        CK_OBJECT_HANDLE keys[2])
{
    CK_ATTRIBUTE public_template[] = {ATTR_U(CKA_MODULUS_BITS, bits), ATTR_B(CKA_TOKEN, token),
                                      ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_S(CKA_LABEL, "async")};
    CK_ATTRIBUTE private_template[] = {ATTR_B(CKA_TOKEN, token), ATTR_B(CKA_SIGN, CK_TRUE),
                                       ATTR_S(CKA_LABEL, "async")};
    return F->C_GenerateKeyPair(session, MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), public_template,
                                COUNT(public_template), private_template, COUNT(private_template),
                                &keys[0], &keys[1]);
}

/* Skips the check where the module does it at once. */
static void need_pending(CK_RV rv)
{
    if (rv == CKR_OK)
        check_skip("the token answers at once");
    EXPECT(rv, CKR_PENDING);
}

static CK_OBJECT_HANDLE rsa_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret_public)
{
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE keys[2] = {0};
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    CK_RV rv = start_pair(session, BITS, CK_FALSE, keys);
    if (rv == CKR_PENDING) {
        EXPECT_OK(complete(session, "C_GenerateKeyPair", &result));
        keys[0] = result.hObject;
        keys[1] = result.hAdditionalObject;
        rv = CKR_OK;
    }
    EXPECT_OK(rv);
    if (ret_public != NULL)
        *ret_public = keys[0];
    return keys[1];
}

static CK_BYTE signature[SIGNATURE + 16];

static CK_RV start_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    static CK_ULONG length;
    length = SIGNATURE;
    EXPECT_OK(F->C_SignInit(session, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    return F->C_Sign(session, (CK_BYTE_PTR) "data", 4, signature, &length);
}

static void expect_signature(CK_OBJECT_HANDLE public_key)
{
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), public_key));
    EXPECT_OK(F->C_Verify(S, (CK_BYTE_PTR) "data", 4, signature, SIGNATURE));
}

/* ---- results ---- */

static void session_flag(void)
{
    CK_SESSION_INFO info;
    EXPECT_OK(F->C_GetSessionInfo(async_session(), &info));
    EXPECT_TRUE((info.flags & CKF_ASYNC_SESSION) != 0);
    EXPECT_OK(F->C_GetSessionInfo(S, &info));
    EXPECT_TRUE((info.flags & CKF_ASYNC_SESSION) == 0);
}

static void pair_generated(void)
{
    CK_OBJECT_HANDLE public_key = 0;
    CK_SESSION_HANDLE session = async_session();
    CK_OBJECT_HANDLE private_key = rsa_key(session, &public_key);
    EXPECT_EQUAL(get_ulong(public_key, CKA_CLASS), CKO_PUBLIC_KEY);
    EXPECT_EQUAL(get_ulong(private_key, CKA_CLASS), CKO_PRIVATE_KEY);
}

static void key_generated(void)
{
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_VALUE_LEN, 16), ATTR_B(CKA_TOKEN, CK_FALSE)};
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_AES_KEY_GEN, CKF_GENERATE);
    need_pending(F->C_GenerateKey(session, MECHANISM(CKM_AES_KEY_GEN), template, 2, &key));
    EXPECT_OK(complete(session, "C_GenerateKey", &result));
    EXPECT_EQUAL(get_ulong(result.hObject, CKA_CLASS), CKO_SECRET_KEY);
    EXPECT_EQUAL(get_ulong(result.hObject, CKA_VALUE_LEN), 16);
}

static void error_arrives(void)
{
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_VALUE_LEN, 7)};
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_AES_KEY_GEN, CKF_GENERATE);
    CK_RV rv = F->C_GenerateKey(session, MECHANISM(CKM_AES_KEY_GEN), template, 1, &key);
    if (rv == CKR_PENDING)
        rv = complete(session, "C_GenerateKey", &result);
    EXPECT_ANY(rv, CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_SIZE_RANGE, CKR_TEMPLATE_INCONSISTENT);
}

static void signed_in_place(void)
{
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE public_key = 0;
    CK_SESSION_HANDLE session = async_session();
    CK_OBJECT_HANDLE key = rsa_key(session, &public_key);
    memset(signature, 0xa5, sizeof signature);
    need_pending(start_sign(session, key));
    EXPECT_OK(complete(session, "C_Sign", &result));
    EXPECT_TRUE(result.pValue == signature);
    EXPECT_EQUAL(result.ulValue, SIGNATURE);
    EXPECT_EQUAL(signature[SIGNATURE], 0xa5);
    expect_signature(public_key);
}

static void signed_by_parts(void)
{
    CK_ASYNC_DATA result = {0};
    CK_ULONG length = SIGNATURE;
    CK_OBJECT_HANDLE public_key = 0;
    CK_SESSION_HANDLE session = async_session();
    CK_OBJECT_HANDLE key = rsa_key(session, &public_key);
    EXPECT_OK(F->C_SignInit(session, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    EXPECT_OK(F->C_SignUpdate(session, (CK_BYTE_PTR) "da", 2));
    EXPECT_OK(F->C_SignUpdate(session, (CK_BYTE_PTR) "ta", 2));
    need_pending(F->C_SignFinal(session, signature, &length));
    EXPECT_OK(complete(session, "C_SignFinal", &result));
    expect_signature(public_key);
}

static void too_small_at_once(void)
{
    CK_ULONG length = SIGNATURE - 1;
    CK_SESSION_HANDLE session = async_session();
    EXPECT_OK(F->C_SignInit(session, MECHANISM(CKM_SHA256_RSA_PKCS), rsa_key(session, NULL)));
    EXPECT(F->C_Sign(session, (CK_BYTE_PTR) "data", 4, signature, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, SIGNATURE);
    length = 0;
    EXPECT_OK(F->C_Sign(session, (CK_BYTE_PTR) "data", 4, NULL, &length));
    EXPECT_EQUAL(length, SIGNATURE);
}

static void input_is_free(void)
{
    CK_ASYNC_DATA result;
    CK_ULONG length = SIGNATURE;
    CK_BYTE data[] = "data";
    CK_OBJECT_HANDLE public_key = 0;
    CK_SESSION_HANDLE session = async_session();
    CK_OBJECT_HANDLE key = rsa_key(session, &public_key);
    EXPECT_OK(F->C_SignInit(session, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    need_pending(F->C_Sign(session, data, 4, signature, &length));
    EXPECT_OK(complete(session, "C_Sign", &result));
    expect_signature(public_key);
    EXPECT(F->C_Sign(session, data, 4, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void fetched_once(void)
{
    CK_ASYNC_DATA result = {0};
    CK_SESSION_HANDLE session = async_session();
    need_pending(start_sign(session, rsa_key(session, NULL)));
    EXPECT_OK(complete(session, "C_Sign", &result));
    EXPECT(F->C_AsyncComplete(session, NAME("C_Sign"), &result), CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- while it is pending ---- */

static void nothing_pending(void)
{
    CK_ULONG id = 0;
    CK_ASYNC_DATA result = {0};
    CK_SESSION_HANDLE session = async_session();
    EXPECT(F->C_AsyncComplete(session, NAME("C_Sign"), &result), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_AsyncGetID(session, NAME("C_Sign"), &id), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_FAILURE(F->C_AsyncJoin(session, NAME("C_Sign"), 4711, signature, SIGNATURE));
}

static void other_function(void)
{
    CK_ASYNC_DATA result = {0};
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    need_pending(start_pair(session, BITS, CK_FALSE, keys));
    EXPECT(F->C_AsyncComplete(session, NAME("C_Sign"), &result), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(complete(session, "C_GenerateKeyPair", &result));
}

static void null_arguments(void)
{
    CK_ULONG id = 0;
    CK_ASYNC_DATA result = {0};
    CK_SESSION_HANDLE session = async_session();
    EXPECT(F->C_AsyncComplete(session, NULL, &result), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_AsyncGetID(session, NULL, &id), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_AsyncGetID(session, NAME("C_Sign"), NULL), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_AsyncJoin(session, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void session_is_busy(void)
{
    CK_ASYNC_DATA result;
    CK_SESSION_INFO info;
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    need_pending(start_pair(session, BITS, CK_FALSE, keys));
    EXPECT_ANY(F->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE, CKR_PENDING);
    EXPECT_ANY(start_pair(session, BITS, CK_FALSE, keys), CKR_OPERATION_ACTIVE, CKR_PENDING);
    EXPECT_ANY(F->C_GetSessionInfo(session, &info), CKR_OK, CKR_OPERATION_ACTIVE, CKR_PENDING);
    EXPECT_OK(F->C_GetSessionInfo(S, &info)); /* the others are not */
    EXPECT_OK(complete(session, "C_GenerateKeyPair", &result));
    EXPECT_OK(F->C_FindObjectsInit(session, NULL, 0));
    EXPECT_OK(F->C_FindObjectsFinal(session));
}

static void id_is_refused_or_joined(void)
{
    CK_ULONG id = 0;
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    need_pending(start_pair(session, BITS, CK_FALSE, keys));
    EXPECT_ANY(F->C_AsyncGetID(session, NAME("C_GenerateKeyPair"), &id), CKR_OK,
               CKR_STATE_UNSAVEABLE);
    EXPECT_OK(complete(session, "C_GenerateKeyPair", &result));
}

static void join_unknown_id(void)
{
    EXPECT_ANY(F->C_AsyncJoin(async_session(), NAME("C_Sign"), 0x4711, signature, SIGNATURE),
               CKR_SAVED_STATE_INVALID, CKR_STATE_UNSAVEABLE);
}

/* ---- what ends it ---- */

static CK_ULONG count_keys(void)
{
    return FIND_COUNT(S, ATTR_S(CKA_LABEL, "async"), ATTR_B(CKA_TOKEN, CK_TRUE));
}

static void expect_untouched(void)
{
    usleep(300000);
    for (size_t i = 0; i < sizeof signature; i++)
        EXPECT_EQUAL(signature[i], 0xa5);
}

static void closed(void)
{
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    token_objects_made();
    need_pending(start_pair(session, 4096, CK_TRUE, keys));
    EXPECT_OK(F->C_CloseSession(session));
    usleep(100000);
    EXPECT_EQUAL(count_keys(), 0);
}

static void closed_while_signing(void)
{
    CK_OBJECT_HANDLE public_key = 0;
    CK_SESSION_HANDLE session = async_session(), other = async_session();
    CK_OBJECT_HANDLE key = rsa_key(other, &public_key);
    memset(signature, 0xa5, sizeof signature);
    need_pending(start_sign(session, key));
    EXPECT_OK(F->C_CloseSession(session));
    expect_untouched();
}

static void cancelled(void)
{
    CK_ASYNC_DATA result = {0};
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    REQUIRE_FUNCTION(C_SessionCancel);
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    token_objects_made();
    need_pending(start_pair(session, 4096, CK_TRUE, keys));
    EXPECT_OK(F->C_SessionCancel(session, CKF_GENERATE_KEY_PAIR));
    EXPECT(F->C_AsyncComplete(session, NAME("C_GenerateKeyPair"), &result),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_FindObjectsInit(session, NULL, 0)); /* the session is free again */
    EXPECT_OK(F->C_FindObjectsFinal(session));
    EXPECT_EQUAL(count_keys(), 0);
}

static void cancelled_signature(void)
{
    CK_SESSION_HANDLE session = async_session();
    REQUIRE_FUNCTION(C_SessionCancel);
    CK_OBJECT_HANDLE key = rsa_key(session, NULL);
    memset(signature, 0xa5, sizeof signature);
    need_pending(start_sign(session, key));
    EXPECT_OK(F->C_SessionCancel(session, CKF_SIGN));
    expect_untouched();
    EXPECT_OK(F->C_SignInit(session, MECHANISM(CKM_SHA256_RSA_PKCS), key));
}

static void cancel_of_others(void)
{
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    REQUIRE_FUNCTION(C_SessionCancel);
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    need_pending(start_pair(session, BITS, CK_FALSE, keys));
    EXPECT_OK(F->C_SessionCancel(session, CKF_SIGN | CKF_DIGEST));
    EXPECT_OK(complete(session, "C_GenerateKeyPair", &result));
}

static void logged_out(void)
{
    CK_ASYNC_DATA result;
    CK_SESSION_HANDLE session = async_session();
    CK_OBJECT_HANDLE key = rsa_key(session, NULL);
    memset(signature, 0xa5, sizeof signature);
    need_pending(start_sign(session, key));
    logout(S);
    EXPECT_FAILURE(complete(session, "C_Sign", &result));
    EXPECT_TRUE(result.pValue == signature);
    expect_untouched();
}

static void finalized(void)
{
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE first = async_session(), second = async_session();
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    need_pending(start_pair(first, 4096, CK_FALSE, keys));
    need_pending(start_pair(second, 4096, CK_FALSE, keys));
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT_OK(F->C_Initialize(NULL));
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(session_state(S), CKS_RW_PUBLIC_SESSION);
}

/* The sanitizers' runtimes stop a child of a threaded process that makes threads itself, or have
 * their own locks in any state there: built with one, the runner does without this check. */
#if !KK_SANITIZED
static void child_goes_on(void)
{
    int status = 0;
    CK_ASYNC_DATA result;
    CK_OBJECT_HANDLE keys[2];
    CK_SESSION_HANDLE session = async_session();
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    need_pending(start_pair(session, BITS, CK_FALSE, keys));
    pid_t pid = fork();
    if (pid == 0) {
        CK_SESSION_HANDLE own = 0;
        alarm(60);
        if (F->C_Initialize(NULL) != CKR_OK || open_async(&own) != CKR_OK)
            _exit(1);
        if (F->C_Login(own, CKU_USER, PIN(USER_PIN)) != CKR_OK ||
            start_pair(own, BITS, CK_FALSE, keys) != CKR_PENDING)
            _exit(2);
        if (complete(own, "C_GenerateKeyPair", &result) != CKR_OK)
            _exit(3);
        _exit(F->C_Finalize(NULL) == CKR_OK ? 0 : 4);
    }
    EXPECT_OK(complete(session, "C_GenerateKeyPair", &result));
    EXPECT_TRUE(pid > 0 && waitpid(pid, &status, 0) == pid);
    EXPECT_EQUAL(status, 0);
}
#endif

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, session_flag, "CK_SESSION_INFO", "CKF_ASYNC_SESSION for asynchronous sessions and no others"),
    CHECK(FIX_USER, pair_generated, "C_AsyncComplete", "hObject and hAdditionalObject are the keys of a pair"),
    CHECK(FIX_USER, key_generated, "C_AsyncComplete", "hObject is the generated key"),
    CHECK(FIX_USER, error_arrives, "C_AsyncComplete", "returns what the function would have returned"),
    CHECK(FIX_USER, signed_in_place, "C_AsyncComplete", "pValue is the buffer of the first call, ulValue the result's size"),
    CHECK(FIX_USER, signed_by_parts, "C_AsyncComplete", "C_SignFinal too may be pending"),
    CHECK(FIX_USER, too_small_at_once, "C_AsyncComplete", "CKR_BUFFER_TOO_SMALL comes at once, never CKR_PENDING"),
    CHECK(FIX_USER, input_is_free, "C_AsyncComplete", "the operation has ended when its result is fetched"),
    CHECK(FIX_USER, fetched_once, "C_AsyncComplete", "a result is fetched once"),
    CHECK(FIX_USER, nothing_pending, "C_AsyncGetID", "CKR_OPERATION_NOT_INITIALIZED when the function is not pending"),
    CHECK(FIX_USER, other_function, "C_AsyncComplete", "asks about the function that it names"),
    CHECK(FIX_USER, null_arguments, "C_AsyncComplete", "CKR_ARGUMENTS_BAD for NULL pointers"),
    CHECK(FIX_USER, session_is_busy, "CKR_OPERATION_ACTIVE", "other calls in the session while one is pending"),
    CHECK(FIX_USER, id_is_refused_or_joined, "C_AsyncGetID", "an id, or CKR_STATE_UNSAVEABLE"),
    CHECK(FIX_USER, join_unknown_id, "C_AsyncJoin", "CKR_SAVED_STATE_INVALID for an id that nobody got"),
    CHECK(FIX_USER, closed, "C_CloseSession", "cancels pending operations"),
    CHECK(FIX_USER, closed_while_signing, "C_CloseSession", "the caller's buffers may be freed afterwards"),
    CHECK(FIX_USER, cancelled, "C_SessionCancel", "cancels a pending operation that the flags name"),
    CHECK(FIX_USER, cancelled_signature, "C_SessionCancel", "the caller's buffers may be freed afterwards"),
    CHECK(FIX_USER, cancel_of_others, "C_SessionCancel", "leaves operations that the flags do not name"),
    CHECK(FIX_USER, logged_out, "C_Logout", "no signature of a private key after the logout"),
    CHECK(FIX_USER, finalized, "C_Finalize", "ends pending operations"),
#if !KK_SANITIZED
    CHECK(FIX_USER, child_goes_on, "Applications and processes", "a forked child has asynchronous sessions of its own"),
#endif
};
/* clang-format on */

void chapter_async(void)
{
    check_add_table("async", checks);
}
