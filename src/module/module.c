/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The exported C_ symbols, the function lists and the interfaces.
 */
#include <stddef.h>
#include <string.h>

#include "admin/admin.h"
#include "api/api.h"
#include "api/lifecycle.h"
#include "cryptoki/functions.h"
#include "module/instance.h"
#include "trace/trace.h"

#include "base/banned.h"

#define EXPORT __attribute__((visibility("default")))

/* The application's OpenSSL error queue and errno stay its own. */
struct entered {
    struct kk_app *app;
    _Atomic int64_t *place; /* where the call is counted */
    struct kk_crypto_call call;
};

/* After OPENSSL_cleanup (exit handlers, destructors) no call gets any further. */
static inline struct entered __attribute__((always_inline)) enter(bool lightly)
{
    struct entered entered = {.call = kk_api_enter(lightly)};
    entered.app = kk_api_is_over() ? NULL : kk_instance_enter(&entered.place);
    return entered;
}

static inline void __attribute__((always_inline)) leave(struct entered *entered)
{
    if (entered->app != NULL) {
        kk_instance_leave(entered->place);
    }
    kk_api_leave(entered->call);
}

#define ENTER_AS(lightly)                                                                          \
    KK_CLEANUP(leave) struct entered entered = enter(lightly);                                     \
    struct kk_app *app = entered.app;                                                              \
    KK_ENSURE(app != NULL, CKR_CRYPTOKI_NOT_INITIALIZED)
#define ENTER() ENTER_AS(false)

/* Calls that cost less than a mark in OpenSSL's queue does, and put nothing there or set the mark
 * themselves (quiet, mechanism/mechanism.h). IS_LIGHT is 1
 * for them and 0 for all others. */
#define LIGHT_C_OpenSession 0, 1
#define LIGHT_C_CloseSession 0, 1
#define LIGHT_C_GetSessionInfo 0, 1
#define LIGHT_C_GenerateRandom 0, 1
#define LIGHT_C_DigestInit 0, 1
#define LIGHT_C_Digest 0, 1
#define LIGHT_C_EncryptInit 0, 1
#define LIGHT_C_Encrypt 0, 1
#define LIGHT_C_DecryptInit 0, 1
#define LIGHT_C_Decrypt 0, 1
#define LIGHT_C_SignInit 0, 1
#define LIGHT_C_Sign 0, 1
#define LIGHT_C_VerifyInit 0, 1
#define LIGHT_C_Verify 0, 1
#define SECOND(first, second, ...) second
#define SECOND_OF(...) SECOND(__VA_ARGS__)
#define IS_LIGHT(name) SECOND_OF(LIGHT_##name, 0, 0)

/* While a trace is on, a call goes through traced_<name>(), which calls the same again. */
#define DEFINE_CALL(name, params, app_params, args)                                                \
    static __attribute__((noinline, cold)) CK_RV again_##name params                               \
    {                                                                                              \
        ENTER_AS(IS_LIGHT(name));                                                                  \
        return kk_api_##name args;                                                                 \
    }                                                                                              \
    KK_TRACE_DEFINE(name, params, app_params, args, traced_##name, again_##name)                   \
    EXPORT CK_RV name params                                                                       \
    {                                                                                              \
        if (KK_UNLIKELY(kk_trace_is_on())) {                                                       \
            return traced_##name KK_TRACE_ARGS args;                                               \
        }                                                                                          \
        ENTER_AS(IS_LIGHT(name));                                                                  \
        return kk_api_##name args;                                                                 \
    }
KK_CALLS(DEFINE_CALL)
#undef DEFINE_CALL

/*= pkcs11-3.2 C_Initialize: mutex functions all or none, pReserved NULL. Locking is always on and
 * always the system's, whatever the application says */
static CK_RV initialize(CK_VOID_PTR pInitArgs)
{
    const CK_C_INITIALIZE_ARGS *args = pInitArgs;
    if (args != NULL) {
        int given = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) +
                    (args->LockMutex != NULL) + (args->UnlockMutex != NULL);
        KK_ENSURE(args->pReserved == NULL, CKR_ARGUMENTS_BAD);
        KK_ENSURE(given == 0 || given == 4, CKR_ARGUMENTS_BAD);
    }
    return kk_instance_initialize();
}

/* Whether there is a trace is known at its end: it is what reads the configuration. */
EXPORT CK_RV C_Initialize(CK_VOID_PTR pInitArgs)
{
    const uintptr_t words[] = {(uintptr_t)pInitArgs};
    struct kk_trace_call call;
    kk_trace_begin(&call, KK_TRACE_C_Initialize, words);
    return kk_trace_end(&call, initialize(pInitArgs));
}

static CK_RV finalize(CK_VOID_PTR pReserved)
{
    KK_ENSURE(pReserved == NULL, CKR_ARGUMENTS_BAD);
    struct kk_crypto_call call = kk_api_enter(false);
    CK_RV rv = kk_instance_finalize();
    kk_api_leave(call);
    return rv;
}

/* The module's own functions, which no application belongs to. */
#define TRACED(name, type, parameter, function)                                                    \
    KK_TRACE_DEFINE(name, (type parameter), (), (app, parameter), traced_##function, function)     \
    static CK_RV either_##function(type parameter)                                                 \
    {                                                                                              \
        return kk_trace_is_on() ? traced_##function(parameter) : function(parameter);              \
    }

TRACED(C_Finalize, CK_VOID_PTR, pReserved, finalize)

EXPORT CK_RV C_Finalize(CK_VOID_PTR pReserved)
{
    return either_finalize(pReserved);
}

/* C_GetInfo says the version of the list through which it was reached, so that a client which
 * trusts it never reads past the end of its list. */
static CK_RV info_as(CK_INFO *info, CK_BYTE major, CK_BYTE minor)
{
    ENTER();
    return kk_api_get_info(app, (CK_VERSION){major, minor}, info);
}

static CK_RV info_3_2(CK_INFO_PTR pInfo)
{
    return info_as(pInfo, CRYPTOKI_VERSION_MAJOR, CRYPTOKI_VERSION_MINOR);
}

static CK_RV info_2_40(CK_INFO_PTR pInfo)
{
    return info_as(pInfo, 2, 40);
}

static CK_RV info_3_0(CK_INFO_PTR pInfo)
{
    return info_as(pInfo, 3, 0);
}

TRACED(C_GetInfo, CK_INFO_PTR, pInfo, info_3_2)
TRACED(C_GetInfo, CK_INFO_PTR, pInfo, info_2_40)
TRACED(C_GetInfo, CK_INFO_PTR, pInfo, info_3_0)

EXPORT CK_RV C_GetInfo(CK_INFO_PTR pInfo)
{
    return either_info_3_2(pInfo);
}

/* The lists begin with all pointers in the order of the standard; the shorter ones are the
 * beginnings of the longest. */
#define LIST_ROW(name, params, app_params, args) name,

static CK_FUNCTION_LIST_3_2 list_3_2 = {{3, 2}, KK_FUNCTIONS(LIST_ROW)};
static CK_FUNCTION_LIST_3_0 list_3_0;
static CK_FUNCTION_LIST list_2_40;
static pthread_once_t lists_once = PTHREAD_ONCE_INIT;

static void make_lists(void)
{
    memcpy(&list_3_0, &list_3_2, sizeof list_3_0);
    list_3_0.version = (CK_VERSION){3, 0};
    list_3_0.C_GetInfo = either_info_3_0;
    memcpy(&list_2_40, &list_3_2, sizeof list_2_40);
    list_2_40.version = (CK_VERSION){2, 40};
    list_2_40.C_GetInfo = either_info_2_40;
}

KK_STATIC_ASSERT(offsetof(CK_FUNCTION_LIST, C_WaitForSlotEvent) ==
                     offsetof(CK_FUNCTION_LIST_3_2, C_WaitForSlotEvent),
                 "a 2.40 list is the beginning of a 3.2 list");
KK_STATIC_ASSERT(offsetof(CK_FUNCTION_LIST_3_0, C_MessageVerifyFinal) ==
                     offsetof(CK_FUNCTION_LIST_3_2, C_MessageVerifyFinal),
                 "a 3.0 list is the beginning of a 3.2 list");

static CK_RV get_function_list(CK_FUNCTION_LIST_PTR_PTR ppFunctionList)
{
    KK_ENSURE(ppFunctionList != NULL, CKR_ARGUMENTS_BAD);
    (void)pthread_once(&lists_once, make_lists);
    *ppFunctionList = &list_2_40;
    return CKR_OK;
}

TRACED(C_GetFunctionList, CK_FUNCTION_LIST_PTR_PTR, ppFunctionList, get_function_list)

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ppFunctionList)
{
    return either_get_function_list(ppFunctionList);
}

static CK_RV vendor_token_path(CK_SLOT_ID slot, CK_UTF8CHAR_PTR path, CK_ULONG_PTR len)
{
    ENTER();
    return kk_admin_token_path(app, slot, path, len);
}

static CK_RV vendor_delete_token(CK_SLOT_ID slot)
{
    ENTER();
    return kk_admin_delete_token(app, slot);
}

static CK_RV vendor_token_info(CK_SLOT_ID slot, CK_KEYKIST_TOKEN_INFO *info)
{
    ENTER();
    return kk_admin_token_info(app, slot, info);
}

static CK_RV vendor_check_token(CK_SLOT_ID slot, const CK_KEYKIST_REQUEST *request,
                                CK_KEYKIST_RESULT *result)
{
    ENTER();
    return kk_admin_check_token(app, slot, request, result);
}

static CK_RV vendor_repair_token(CK_SLOT_ID slot, const CK_KEYKIST_REQUEST *request,
                                 CK_KEYKIST_RESULT *result)
{
    ENTER();
    return kk_admin_repair_token(app, slot, request, result);
}

static CK_RV vendor_rekey_token(CK_SLOT_ID slot, const CK_KEYKIST_REQUEST *request)
{
    ENTER();
    return kk_admin_rekey_token(app, slot, request);
}

static CK_RV vendor_convert_token(CK_SLOT_ID slot, const CK_UTF8CHAR kind[16],
                                  const CK_KEYKIST_REQUEST *request, CK_KEYKIST_RESULT *result)
{
    ENTER();
    return kk_admin_convert_token(app, slot, kind, request, result);
}

static CK_RV vendor_purge_token(CK_SLOT_ID slot, CK_ULONG *count)
{
    ENTER();
    return kk_admin_purge_token(app, slot, count);
}

static CK_RV vendor_health(CK_KEYKIST_HEALTH *health)
{
    ENTER();
    return kk_admin_health(app, health);
}

static CK_RV vendor_backup(CK_SLOT_ID slot, const CK_KEYKIST_BACKUP_KEY *key,
                           const CK_KEYKIST_STREAM *to, CK_KEYKIST_BACKUP_INFO *info)
{
    ENTER();
    return kk_admin_backup(app, slot, key, to, info);
}

static CK_RV vendor_backup_check(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                                 const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info)
{
    ENTER();
    return kk_admin_backup_check(app, from, key, how, info);
}

static CK_RV vendor_restore(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                            const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info)
{
    ENTER();
    return kk_admin_restore(app, from, key, how, info);
}

static CK_RV vendor_create_objects(CK_SESSION_HANDLE session, const CK_KEYKIST_TEMPLATE *templates,
                                   CK_ULONG count, CK_OBJECT_HANDLE_PTR objects,
                                   CK_ULONG_PTR refused)
{
    ENTER();
    return kk_admin_create_objects(app, session, templates, count, objects, refused);
}

static CK_RV vendor_audit_read(CK_SLOT_ID slot, CK_KEYKIST_AUDIT_PLACE *place, CK_BYTE_PTR text,
                               CK_ULONG_PTR len)
{
    ENTER();
    return kk_admin_audit_read(app, slot, place, text, len);
}

static CK_RV vendor_audit_verify(CK_SESSION_HANDLE session, CK_KEYKIST_AUDIT_REPORT *report)
{
    ENTER();
    return kk_admin_audit_verify(app, session, report);
}

static CK_RV vendor_user_add(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ULONG name_len,
                             CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)
{
    ENTER();
    return kk_admin_user_add(app, session, name, name_len, pin, pin_len);
}

static CK_RV vendor_user_remove(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ULONG name_len)
{
    ENTER();
    return kk_admin_user_remove(app, session, name, name_len);
}

static CK_RV vendor_users(CK_SLOT_ID slot, CK_KEYKIST_USER *users, CK_ULONG_PTR count)
{
    ENTER();
    return kk_admin_users(app, slot, users, count);
}

static CK_RV vendor_slot_info(CK_SLOT_ID slot, CK_KEYKIST_SLOT_INFO *info)
{
    ENTER();
    return kk_admin_slot_info(app, slot, info);
}

static CK_RV vendor_slot_plug(CK_SLOT_ID slot, CK_BBOOL in)
{
    ENTER();
    return kk_admin_slot_plug(app, slot, in);
}

static CK_KEYKIST_FUNCTIONS list_vendor = {
    .version = {KK_VENDOR_VERSION_MAJOR, KK_VENDOR_VERSION_MINOR},
    .token_path = vendor_token_path,
    .delete_token = vendor_delete_token,
    .token_info = vendor_token_info,
    .check_token = vendor_check_token,
    .repair_token = vendor_repair_token,
    .rekey_token = vendor_rekey_token,
    .convert_token = vendor_convert_token,
    .purge_token = vendor_purge_token,
    .health = vendor_health,
    .backup = vendor_backup,
    .backup_check = vendor_backup_check,
    .restore = vendor_restore,
    .create_objects = vendor_create_objects,
    .audit_read = vendor_audit_read,
    .audit_verify = vendor_audit_verify,
    .user_add = vendor_user_add,
    .user_remove = vendor_user_remove,
    .users = vendor_users,
    .slot_info = vendor_slot_info,
    .slot_plug = vendor_slot_plug,
};

static CK_UTF8CHAR standard_name[] = "PKCS 11";
static CK_UTF8CHAR vendor_name[] = KK_VENDOR_INTERFACE;

/* The first one is the default. */
static CK_INTERFACE interfaces[] = {
    {standard_name, &list_3_2, 0},
    {standard_name, &list_3_0, 0},
    {standard_name, &list_2_40, 0},
    {vendor_name, &list_vendor, 0},
};

static CK_RV get_interface_list(CK_INTERFACE_PTR pInterfacesList, CK_ULONG_PTR pulCount)
{
    KK_ENSURE(pulCount != NULL, CKR_ARGUMENTS_BAD);
    (void)pthread_once(&lists_once, make_lists);
    CK_ULONG room = *pulCount;
    *pulCount = KK_ARRAY_LEN(interfaces);
    if (pInterfacesList == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(room >= KK_ARRAY_LEN(interfaces), CKR_BUFFER_TOO_SMALL);
    memcpy(pInterfacesList, interfaces, sizeof interfaces);
    return CKR_OK;
}

KK_TRACE_DEFINE(C_GetInterfaceList, (CK_INTERFACE_PTR pInterfacesList, CK_ULONG_PTR pulCount), (),
                (app, pInterfacesList, pulCount), traced_get_interface_list, get_interface_list)

EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE_PTR pInterfacesList, CK_ULONG_PTR pulCount)
{
    return kk_trace_is_on() ? traced_get_interface_list(pInterfacesList, pulCount)
                            : get_interface_list(pInterfacesList, pulCount);
}

static bool interface_matches(const CK_INTERFACE *interface, const CK_UTF8CHAR *name,
                              const CK_VERSION *version, CK_FLAGS flags)
{
    const CK_VERSION *offered = interface->pFunctionList; /* every list begins with it */
    return (name == NULL ||
            strcmp((const char *)name, (const char *)interface->pInterfaceName) == 0) &&
           (version == NULL ||
            (version->major == offered->major && version->minor == offered->minor)) &&
           (flags & ~interface->flags) == 0;
}

/*= pkcs11-3.2 C_GetInterface: a NULL name or version takes the module's default; flags must all be
 * offered */
static CK_RV get_interface(CK_UTF8CHAR_PTR pInterfaceName, CK_VERSION_PTR pVersion,
                           CK_INTERFACE_PTR_PTR ppInterface, CK_FLAGS flags)
{
    KK_ENSURE(ppInterface != NULL, CKR_ARGUMENTS_BAD);
    (void)pthread_once(&lists_once, make_lists);
    for (size_t i = 0; i < KK_ARRAY_LEN(interfaces); i++) {
        if (interface_matches(&interfaces[i], pInterfaceName, pVersion, flags)) {
            *ppInterface = &interfaces[i];
            return CKR_OK;
        }
    }
    return CKR_FUNCTION_FAILED;
}

KK_TRACE_DEFINE(C_GetInterface,
                (CK_UTF8CHAR_PTR pInterfaceName, CK_VERSION_PTR pVersion,
                 CK_INTERFACE_PTR_PTR ppInterface, CK_FLAGS flags),
                (), (app, pInterfaceName, pVersion, ppInterface, flags), traced_get_interface,
                get_interface)

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR_PTR pInterfaceName, CK_VERSION_PTR pVersion,
                            CK_INTERFACE_PTR_PTR ppInterface, CK_FLAGS flags)
{
    return kk_trace_is_on() ? traced_get_interface(pInterfaceName, pVersion, ppInterface, flags)
                            : get_interface(pInterfaceName, pVersion, ppInterface, flags);
}
