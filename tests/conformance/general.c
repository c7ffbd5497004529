/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * General-purpose functions: C_Initialize and C_Finalize, C_GetInfo, function lists, interfaces.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "env.h"
#include "functions.h"

/* ---- function lists ---- */

static void list_null_argument(void)
{
    EXPECT(F->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}

static void list_version(void)
{
    EXPECT_EQUAL(env.list_2_40->version.major, 2);
    EXPECT_EQUAL(env.list_2_40->version.minor, 40);
}

static void list_before_initialize(void)
{
    CK_FUNCTION_LIST_PTR list = NULL;
    EXPECT_OK(F->C_GetFunctionList(&list));
    EXPECT_TRUE(list != NULL);
}

static void list_complete(void)
{
#define THERE(name) EXPECT_TRUE(env.list_2_40->name != NULL);
    FUNCTIONS_2_40(THERE)
#undef THERE
}

static void symbols_exported(void)
{
#define EXPORTED(name)                                                                             \
    if (env_symbol(#name) == NULL)                                                                 \
        check_fail(HERE, #name " is not exported");
    FUNCTIONS_2_40(EXPORTED)
    if (env.list_3_0 != NULL) {
        FUNCTIONS_3_0(EXPORTED)
    }
    if (env.list_3_2 != NULL) {
        FUNCTIONS_3_2(EXPORTED)
    }
#undef EXPORTED
}

/* ---- interfaces ---- */

static CK_UTF8CHAR standard_name[] = "PKCS 11";

static CK_C_GetInterfaceList interface_list(void)
{
    CK_C_GetInterfaceList function = (CK_C_GetInterfaceList)env_symbol("C_GetInterfaceList");
    if (function == NULL)
        check_skip("C_GetInterfaceList is not exported");
    return function;
}

static CK_C_GetInterface interface_getter(void)
{
    CK_C_GetInterface function = (CK_C_GetInterface)env_symbol("C_GetInterface");
    if (function == NULL)
        check_skip("C_GetInterface is not exported");
    return function;
}

static void interfaces_count(void)
{
    CK_ULONG count = 0;
    EXPECT(interface_list()(NULL, NULL), CKR_ARGUMENTS_BAD);
    EXPECT_OK(interface_list()(NULL, &count));
    EXPECT_TRUE(count >= 1);
}

static void interfaces_too_small(void)
{
    CK_INTERFACE room[1];
    CK_ULONG count = 0, all = 0;
    EXPECT_OK(interface_list()(NULL, &all));
    EXPECT(interface_list()(room, &count), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(count, all);
}

static void interfaces_listed(void)
{
    CK_INTERFACE found[32] = {0};
    CK_ULONG count = COUNT(found), all = 0;
    bool standard = false;
    EXPECT_OK(interface_list()(NULL, &all));
    EXPECT_OK(interface_list()(found, &count));
    EXPECT_EQUAL(count, all);
    for (CK_ULONG i = 0; i < count; i++) {
        EXPECT_TRUE(found[i].pInterfaceName != NULL && found[i].pFunctionList != NULL);
        standard = standard || strcmp((char *)found[i].pInterfaceName, "PKCS 11") == 0;
    }
    EXPECT_TRUE(standard);
}

static void interface_null_argument(void)
{
    EXPECT(interface_getter()(standard_name, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void interface_default(void)
{
    CK_INTERFACE_PTR found = NULL;
    EXPECT_OK(interface_getter()(NULL, NULL, &found, 0));
    EXPECT_TRUE(found != NULL && found->pFunctionList != NULL && found->pInterfaceName != NULL);
}

static void interface_by_name(void)
{
    CK_INTERFACE_PTR found = NULL;
    EXPECT_OK(interface_getter()(standard_name, NULL, &found, 0));
    EXPECT_TRUE(found != NULL && strcmp((char *)found->pInterfaceName, "PKCS 11") == 0);
}

static void interface_unknown_name(void)
{
    CK_UTF8CHAR name[] = "No such interface";
    CK_INTERFACE_PTR found = NULL;
    EXPECT_FAILURE(interface_getter()(name, NULL, &found, 0));
}

static void interface_unknown_version(void)
{
    CK_INTERFACE_PTR found = NULL;
    EXPECT_FAILURE(interface_getter()(standard_name, &(CK_VERSION){9, 9}, &found, 0));
}

static void interface_version_matches(void)
{
    CK_INTERFACE all[32] = {0};
    CK_ULONG count = COUNT(all);
    EXPECT_OK(interface_list()(all, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_VERSION version = *(CK_VERSION *)all[i].pFunctionList;
        CK_INTERFACE_PTR found = NULL;
        EXPECT_OK(interface_getter()(all[i].pInterfaceName, &version, &found, 0));
        EXPECT_TRUE(found != NULL);
        EXPECT_TRUE(memcmp(found->pFunctionList, &version, sizeof version) == 0);
    }
}

static void interface_flags_match(void)
{
    CK_INTERFACE_PTR found = NULL;
    CK_RV rv = interface_getter()(standard_name, NULL, &found, CKF_INTERFACE_FORK_SAFE);
    if (rv == CKR_OK)
        EXPECT_TRUE((found->flags & CKF_INTERFACE_FORK_SAFE) != 0);
}

static void interface_3_0_complete(void)
{
    if (env.list_3_0 == NULL)
        check_skip("no 3.0 interface");
    EXPECT_EQUAL(env.list_3_0->version.major, 3);
    EXPECT_EQUAL(env.list_3_0->version.minor, 0);
#define THERE(name) EXPECT_TRUE(env.list_3_0->name != NULL);
    FUNCTIONS_2_40(THERE)
    FUNCTIONS_3_0(THERE)
#undef THERE
}

static void interface_3_2_complete(void)
{
    if (env.list_3_2 == NULL)
        check_skip("no 3.2 interface");
    EXPECT_EQUAL(env.list_3_2->version.major, 3);
    EXPECT_EQUAL(env.list_3_2->version.minor, 2);
#define THERE(name) EXPECT_TRUE(env.list_3_2->name != NULL);
    FUNCTIONS_2_40(THERE)
    FUNCTIONS_3_0(THERE)
    FUNCTIONS_3_2(THERE)
#undef THERE
}

/* ---- C_Initialize and C_Finalize ---- */

static CK_RV create_mutex(CK_VOID_PTR_PTR ret_mutex)
{
    static pthread_mutex_t mutexes[4096];
    static size_t used;
    if (used == COUNT(mutexes))
        return CKR_HOST_MEMORY;
    pthread_mutex_t *mutex = &mutexes[used++];
    pthread_mutex_init(mutex, NULL);
    *ret_mutex = mutex;
    return CKR_OK;
}

static CK_RV destroy_mutex(CK_VOID_PTR mutex)
{
    return pthread_mutex_destroy(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

static CK_RV lock_mutex(CK_VOID_PTR mutex)
{
    return pthread_mutex_lock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

static CK_RV unlock_mutex(CK_VOID_PTR mutex)
{
    return pthread_mutex_unlock(mutex) == 0 ? CKR_OK : CKR_MUTEX_NOT_LOCKED;
}

static void initialize_without_arguments(void)
{
    CK_INFO info;
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT_OK(F->C_GetInfo(&info));
}

static void initialize_without_flags(void)
{
    EXPECT_OK(F->C_Initialize(&(CK_C_INITIALIZE_ARGS){.flags = 0}));
}

static void initialize_os_locking(void)
{
    EXPECT_ANY(F->C_Initialize(&(CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK}), CKR_OK,
               CKR_CANT_LOCK);
}

static void initialize_callbacks(void)
{
    CK_ULONG count = 0;
    CK_C_INITIALIZE_ARGS args = {create_mutex, destroy_mutex, lock_mutex, unlock_mutex, 0, NULL};
    CK_RV rv = F->C_Initialize(&args);
    EXPECT_ANY(rv, CKR_OK, CKR_CANT_LOCK);
    if (rv == CKR_OK)
        EXPECT_OK(F->C_GetSlotList(CK_FALSE, NULL, &count));
}

static void initialize_callbacks_or_os(void)
{
    CK_C_INITIALIZE_ARGS args = {create_mutex, destroy_mutex,     lock_mutex,
                                 unlock_mutex, CKF_OS_LOCKING_OK, NULL};
    EXPECT_ANY(F->C_Initialize(&args), CKR_OK, CKR_CANT_LOCK);
}

static void initialize_some_callbacks(void)
{
    const CK_C_INITIALIZE_ARGS some[] = {
        {create_mutex, NULL, NULL, NULL, 0, NULL},
        {NULL, destroy_mutex, NULL, NULL, 0, NULL},
        {NULL, NULL, lock_mutex, NULL, 0, NULL},
        {NULL, NULL, NULL, unlock_mutex, 0, NULL},
        {create_mutex, destroy_mutex, lock_mutex, NULL, 0, NULL},
        {NULL, destroy_mutex, lock_mutex, unlock_mutex, CKF_OS_LOCKING_OK, NULL},
    };
    for (size_t i = 0; i < COUNT(some); i++) {
        CK_C_INITIALIZE_ARGS args = some[i];
        EXPECT(F->C_Initialize(&args), CKR_ARGUMENTS_BAD);
    }
}

static void initialize_reserved(void)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK, .pReserved = &args};
    EXPECT(F->C_Initialize(&args), CKR_ARGUMENTS_BAD);
}

static void initialize_no_threads(void)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK};
    EXPECT_ANY(F->C_Initialize(&args), CKR_OK, CKR_NEED_TO_CREATE_THREADS);
}

static void initialize_twice(void)
{
    CK_INFO info;
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT(F->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    EXPECT_OK(F->C_GetInfo(&info));
}

static void initialize_failed(void)
{
    CK_INFO info;
    CK_C_INITIALIZE_ARGS args = {.pReserved = &args};
    EXPECT_FAILURE(F->C_Initialize(&args));
    EXPECT(F->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT_OK(F->C_Initialize(NULL));
}

static void finalize_reserved(void)
{
    CK_INFO info;
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT(F->C_Finalize(&info), CKR_ARGUMENTS_BAD);
    EXPECT_OK(F->C_GetInfo(&info));
}

static void finalize_uninitialized(void)
{
    EXPECT(F->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT(F->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void finalize_again_and_again(void)
{
    CK_ULONG count = 0;
    for (int i = 0; i < 10; i++) {
        EXPECT_OK(F->C_Initialize(NULL));
        EXPECT_OK(F->C_GetSlotList(CK_TRUE, NULL, &count));
        EXPECT_OK(F->C_Finalize(NULL));
    }
}

static void finalize_ends_sessions(void)
{
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE session = S;
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT_OK(F->C_Initialize(NULL));
    EXPECT(F->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
    EXPECT_EQUAL(session_state(open_session(CKF_RW_SESSION)), CKS_RW_PUBLIC_SESSION);
}

/* ---- C_GetInfo ---- */

static void info_null_argument(void)
{
    EXPECT(F->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
}

static void info_fields(void)
{
    CK_INFO info;
    memset(&info, 0xa5, sizeof info);
    EXPECT_OK(F->C_GetInfo(&info));
    EXPECT_EQUAL(info.flags, 0);
    EXPECT_TRUE(info.cryptokiVersion.major == 2 || info.cryptokiVersion.major == 3);
    EXPECT_TRUE(memchr(info.manufacturerID, '\0', sizeof info.manufacturerID) == NULL);
    EXPECT_TRUE(memchr(info.libraryDescription, '\0', sizeof info.libraryDescription) == NULL);
    EXPECT_TRUE(memchr(info.manufacturerID, 0xa5, sizeof info.manufacturerID) == NULL);
    EXPECT_TRUE(info.libraryVersion.major != 0xa5 || info.libraryVersion.minor != 0xa5);
}

/* ---- events and parallel functions ---- */

static void wait_without_event(void)
{
    CK_SLOT_ID slot = 0;
    EXPECT(F->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

static void *wait_blocking(void *argument)
{
    CK_SLOT_ID slot = 0;
    *(CK_RV *)argument = F->C_WaitForSlotEvent(0, &slot, NULL);
    return NULL;
}

static void wait_ended_by_finalize(void)
{
    pthread_t thread;
    struct timespec deadline;
    static CK_RV rv;
    EXPECT_OK(F->C_Initialize(&(CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK}));
    EXPECT_TRUE(pthread_create(&thread, NULL, wait_blocking, &rv) == 0);
    usleep(50000);
    EXPECT_OK(F->C_Finalize(NULL));
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 5;
    EXPECT_TRUE(pthread_timedjoin_np(thread, NULL, &deadline) == 0);
    EXPECT(rv, CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void parallel_status(void)
{
    EXPECT(F->C_GetFunctionStatus(S), CKR_FUNCTION_NOT_PARALLEL);
}

static void parallel_cancel(void)
{
    EXPECT(F->C_CancelFunction(S), CKR_FUNCTION_NOT_PARALLEL);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_LIBRARY, list_null_argument, "C_GetFunctionList", "CKR_ARGUMENTS_BAD for a NULL pointer"),
    CHECK(FIX_LIBRARY, list_version, "CK_FUNCTION_LIST", "the legacy list says version 2.40"),
    CHECK(FIX_LIBRARY, list_before_initialize, "C_GetFunctionList", "may be called before C_Initialize"),
    CHECK(FIX_LIBRARY, list_complete, "CK_FUNCTION_LIST", "no function pointer is NULL"),
    CHECK(FIX_LIBRARY, symbols_exported, "Function lists", "every function is a symbol of the library"),
    CHECK(FIX_LIBRARY, interfaces_count, "C_GetInterfaceList", "gives the number for a NULL list, CKR_ARGUMENTS_BAD without pulCount"),
    CHECK(FIX_LIBRARY, interfaces_too_small, "C_GetInterfaceList", "CKR_BUFFER_TOO_SMALL and the number needed"),
    CHECK(FIX_LIBRARY, interfaces_listed, "C_GetInterfaceList", "lists named interfaces, \"PKCS 11\" among them"),
    CHECK(FIX_LIBRARY, interface_null_argument, "C_GetInterface", "CKR_ARGUMENTS_BAD for a NULL ppInterface"),
    CHECK(FIX_LIBRARY, interface_default, "C_GetInterface", "gives a default interface when nothing is named"),
    CHECK(FIX_LIBRARY, interface_by_name, "C_GetInterface", "gives an interface of the name asked for"),
    CHECK(FIX_LIBRARY, interface_unknown_name, "C_GetInterface", "refuses a name it has no interface for"),
    CHECK(FIX_LIBRARY, interface_unknown_version, "C_GetInterface", "refuses a version it has no interface for"),
    CHECK(FIX_LIBRARY, interface_version_matches, "C_GetInterface", "gives every listed interface by name and version"),
    CHECK(FIX_LIBRARY, interface_flags_match, "C_GetInterface", "returns only an interface with all flags asked for"),
    CHECK(FIX_LIBRARY, interface_3_0_complete, "CK_FUNCTION_LIST_3_0", "version 3.0 and no function pointer NULL"),
    CHECK(FIX_LIBRARY, interface_3_2_complete, "CK_FUNCTION_LIST_3_2", "version 3.2 and no function pointer NULL"),
    CHECK(FIX_LIBRARY, initialize_without_arguments, "C_Initialize", "works with NULL arguments"),
    CHECK(FIX_LIBRARY, initialize_without_flags, "C_Initialize", "works with empty arguments"),
    CHECK(FIX_LIBRARY, initialize_os_locking, "C_Initialize", "CKF_OS_LOCKING_OK works or is CKR_CANT_LOCK"),
    CHECK(FIX_LIBRARY, initialize_callbacks, "C_Initialize", "mutex functions work or are CKR_CANT_LOCK"),
    CHECK(FIX_LIBRARY, initialize_callbacks_or_os, "C_Initialize", "mutex functions with CKF_OS_LOCKING_OK work or are CKR_CANT_LOCK"),
    CHECK(FIX_LIBRARY, initialize_some_callbacks, "C_Initialize", "CKR_ARGUMENTS_BAD when only some mutex functions are given"),
    CHECK(FIX_LIBRARY, initialize_reserved, "C_Initialize", "CKR_ARGUMENTS_BAD when pReserved is not NULL"),
    CHECK(FIX_LIBRARY, initialize_no_threads, "C_Initialize", "CKF_LIBRARY_CANT_CREATE_OS_THREADS works or is CKR_NEED_TO_CREATE_THREADS"),
    CHECK(FIX_LIBRARY, initialize_twice, "C_Initialize", "CKR_CRYPTOKI_ALREADY_INITIALIZED the second time"),
    CHECK(FIX_LIBRARY, initialize_failed, "C_Initialize", "a failed call leaves the library uninitialised"),
    CHECK(FIX_LIBRARY, finalize_reserved, "C_Finalize", "CKR_ARGUMENTS_BAD when pReserved is not NULL, and nothing else happens"),
    CHECK(FIX_LIBRARY, finalize_uninitialized, "C_Finalize", "CKR_CRYPTOKI_NOT_INITIALIZED without C_Initialize"),
    CHECK(FIX_LIBRARY, finalize_again_and_again, "C_Finalize", "initialise and finalise work many times"),
    CHECK(FIX_USER, finalize_ends_sessions, "C_Finalize", "ends sessions and logins"),
    CHECK(FIX_INITIALIZED, info_null_argument, "C_GetInfo", "CKR_ARGUMENTS_BAD for a NULL pointer"),
    CHECK(FIX_INITIALIZED, info_fields, "CK_INFO", "texts are padded with blanks, flags are 0"),
    CHECK(FIX_INITIALIZED, wait_without_event, "C_WaitForSlotEvent", "CKR_NO_EVENT with CKF_DONT_BLOCK"),
    CHECK(FIX_LIBRARY, wait_ended_by_finalize, "C_WaitForSlotEvent", "CKR_CRYPTOKI_NOT_INITIALIZED when C_Finalize ends the wait"),
    CHECK(FIX_PUBLIC, parallel_status, "C_GetFunctionStatus", "CKR_FUNCTION_NOT_PARALLEL"),
    CHECK(FIX_PUBLIC, parallel_cancel, "C_CancelFunction", "CKR_FUNCTION_NOT_PARALLEL"),
};
/* clang-format on */

void chapter_general(void)
{
    check_add_table("general", checks);
}
