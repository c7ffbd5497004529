/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module as a guest in a process: loading and unloading, forking, exiting with everything open,
 * threads, and an application that uses OpenSSL itself. argv[1] is the module; the environment
 * comes from run_process.sh.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "cryptoki/pkcs11.h"
#include "tests/sanitizers.h"

static const char *module_path;
static CK_FUNCTION_LIST *p11;
static int number;

static void report(int good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
    (void)fflush(stdout);
}

static CK_FUNCTION_LIST *load(void **ret_library)
{
    CK_FUNCTION_LIST *list = NULL;
    void *library = dlopen(module_path, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    if (library != NULL) {
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    }
    if (get == NULL || get(&list) != CKR_OK) {
        printf("Bail out! cannot load %s\n", module_path);
        exit(1);
    }
    *ret_library = library;
    return list;
}

static CK_SLOT_ID first_slot(void)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    if (p11->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK || count > 16 ||
        p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK || count == 0) {
        return (CK_SLOT_ID)-1;
    }
    return slots[0];
}

static CK_SESSION_HANDLE open_session(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    return session;
}

static void make_token(void)
{
    CK_UTF8CHAR so_pin[] = "56785678";
    CK_UTF8CHAR pin[] = "1234";
    CK_UTF8CHAR label[] = "process                         ";
    CK_SLOT_ID slot = first_slot();
    CK_RV rv = p11->C_InitToken(slot, so_pin, 8, label);
    CK_SESSION_HANDLE session = open_session(slot);
    rv = rv == CKR_OK ? p11->C_Login(session, CKU_SO, so_pin, 8) : rv;
    rv = rv == CKR_OK ? p11->C_InitPIN(session, pin, 4) : rv;
    rv = rv == CKR_OK ? p11->C_Logout(session) : rv;
    rv = rv == CKR_OK ? p11->C_CloseSession(session) : rv;
    report(rv == CKR_OK, "a token is made");
}

static long resident_pages(void)
{
    long size = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2) {
        resident = -1;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return resident;
}

static void load_many_times(void)
{
    long before = 0;
    int good = 1;
    for (int i = 0; i < 200; i++) {
        void *library = NULL;
        CK_FUNCTION_LIST *list = load(&library);
        good = good && list->C_Initialize(NULL) == CKR_OK && list->C_Finalize(NULL) == CKR_OK;
        (void)dlclose(library);
        if (i == 20) {
            before = resident_pages();
        }
    }
    long grown = resident_pages() - before;
    printf("# grown by %ld pages in 180 rounds\n", grown);
    report(good, "two hundred times loaded, initialised, finalized, unloaded");
#if !KK_SANITIZED /* with books of their own */
    report(grown < 256, "without growth");
#endif
}

/* Runs `body` in a child; true when it exits with 0. */
static int in_child(int (*body)(void))
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(body());
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static CK_SESSION_HANDLE parent_session;
static CK_SLOT_ID parent_slot;

static int child_is_uninitialised(void)
{
    CK_SESSION_INFO info;
    CK_INFO library;
    if (p11->C_GetInfo(&library) != CKR_CRYPTOKI_NOT_INITIALIZED ||
        p11->C_GetSessionInfo(parent_session, &info) != CKR_CRYPTOKI_NOT_INITIALIZED) {
        return 1;
    }
    return p11->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : 2;
}

static int child_may_initialise(void)
{
    CK_UTF8CHAR pin[] = "1234";
    CK_SESSION_INFO info;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 1;
    }
    CK_SESSION_HANDLE session = open_session(first_slot()); /* its own number by now */
    if (p11->C_GetSessionInfo(session, &info) != CKR_OK || info.state != CKS_RW_PUBLIC_SESSION) {
        return 2; /* the parent's login must not be here */
    }
    if (p11->C_Login(session, CKU_USER, pin, 4) != CKR_OK) {
        return 3;
    }
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

static void fork_rules(void)
{
    CK_UTF8CHAR pin[] = "1234";
    CK_SESSION_INFO info;
    parent_slot = first_slot();
    parent_session = open_session(parent_slot);
    report(p11->C_Login(parent_session, CKU_USER, pin, 4) == CKR_OK, "the parent logs in");
    report(in_child(child_is_uninitialised), "a forked child is uninitialised");
    report(in_child(child_may_initialise), "a forked child may initialise and log in by itself");
    report(p11->C_GetSessionInfo(parent_session, &info) == CKR_OK &&
               info.state == CKS_RW_USER_FUNCTIONS,
           "the parent's login is untouched");
}

static int exit_with_open_sessions(void)
{
    CK_UTF8CHAR pin[] = "1234";
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 1;
    }
    CK_SESSION_HANDLE session = open_session(first_slot());
    if (p11->C_Login(session, CKU_USER, pin, 4) != CKR_OK ||
        p11->C_DigestInit(session, &mechanism) != CKR_OK) {
        return 2;
    }
    exit(0); /* handlers of everybody run */
}

static int is_writable_file(int fd)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, &status) == 0 &&
           S_ISREG(status.st_mode);
}

/* What an application without standard descriptors writes there must not land in a token. */
static int no_standard_descriptors(void)
{
    CK_UTF8CHAR pin[] = "1234";
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &data, sizeof data}, {CKA_TOKEN, &yes, sizeof yes}};
    CK_OBJECT_HANDLE object = 0;
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    (void)close(STDERR_FILENO);
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 1;
    }
    CK_SESSION_HANDLE session = open_session(first_slot());
    if (p11->C_Login(session, CKU_USER, pin, 4) != CKR_OK ||
        p11->C_CreateObject(session, template, 2, &object) != CKR_OK ||
        p11->C_DestroyObject(session, object) != CKR_OK) {
        return 2;
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (is_writable_file(fd)) {
            return 3;
        }
    }
    return 0;
}

static void *digest_much(void *argument)
{
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    CK_SESSION_HANDLE session = open_session(parent_slot);
    CK_BYTE out[32];
    (void)argument;
    for (int i = 0; i < 2000; i++) {
        CK_ULONG len = sizeof out;
        if (p11->C_DigestInit(session, &mechanism) != CKR_OK ||
            p11->C_Digest(session, (CK_BYTE *)"abc", 3, out, &len) != CKR_OK) {
            return (void *)1;
        }
    }
    return p11->C_CloseSession(session) == CKR_OK ? NULL : (void *)2;
}

/* C_Initialize(NULL) is thread-safe all the same. */
static void threads(void)
{
    pthread_t ids[4];
    int good = 1;
    for (int i = 0; i < 4; i++) {
        good = pthread_create(&ids[i], NULL, digest_much, NULL) == 0 && good;
    }
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        (void)pthread_join(ids[i], &result);
        good = good && result == NULL;
    }
    report(good, "four threads in sessions of their own");
}

/* The calls that set no mark in the queue, in a thread whose generator is not made yet. */
static void *light_calls(void *context)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_SHA256, CKM_SHA3_256, CKM_SHA512, CKM_SHA256};
    CK_BYTE out[64];
    CK_SESSION_INFO info;
    bool *good = context;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    CK_SESSION_HANDLE session = open_session(parent_slot);
    *good = p11->C_GenerateRandom(session, out, sizeof out) == CKR_OK &&
            p11->C_GenerateRandom(session, NULL, 8) == CKR_ARGUMENTS_BAD &&
            p11->C_GetSessionInfo(session, &info) == CKR_OK;
    for (size_t i = 0; *good && i < sizeof types / sizeof types[0]; i++) {
        CK_MECHANISM mechanism = {types[i], NULL, 0};
        CK_ULONG len = sizeof out;
        *good = p11->C_DigestInit(session, &mechanism) == CKR_OK &&
                p11->C_Digest(session, out, 10, out, &len) == CKR_OK;
    }
    CK_MECHANISM none = {CKM_VENDOR_DEFINED, NULL, 0};
    *good = *good && p11->C_DigestInit(session, &none) == CKR_MECHANISM_INVALID &&
            p11->C_CloseSession(session) == CKR_OK &&
            p11->C_CloseSession(session) == CKR_SESSION_HANDLE_INVALID &&
            ERR_GET_REASON(ERR_get_error()) == 42 && ERR_get_error() == 0;
    return NULL;
}

static void light_calls_leave_the_queue(void)
{
    pthread_t thread;
    bool good = false;
    bool runs =
        pthread_create(&thread, NULL, light_calls, &good) == 0 && pthread_join(thread, NULL) == 0;
    report(runs && good, "so it is in calls that do not mark it");
}

static void openssl_guest(void)
{
    unsigned char out[32];
    unsigned int len = 0;
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 42);
    CK_SESSION_HANDLE session = open_session(parent_slot);
    CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
    (void)p11->C_EncryptInit(session, &mechanism, 4711);
    (void)p11->C_CloseSession(session);
    report(ERR_GET_REASON(ERR_peek_last_error()) == 42, "the application's error queue is its own");
    ERR_clear_error();
    light_calls_leave_the_queue();
    report(EVP_Digest("abc", 3, out, &len, EVP_sha256(), NULL) == 1 && len == 32,
           "the application's OpenSSL works beside the module");
}

static CK_RV no_mutex(CK_VOID_PTR_PTR mutex)
{
    (void)mutex;
    return CKR_MUTEX_BAD;
}

static void initialize_rules(void)
{
    CK_C_INITIALIZE_ARGS args;
    memset(&args, 0, sizeof args);
    report(p11->C_Initialize(NULL) == CKR_CRYPTOKI_ALREADY_INITIALIZED, "initialised once only");
    report(p11->C_Finalize((void *)&args) == CKR_ARGUMENTS_BAD, "C_Finalize wants NULL");
    report(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize with open sessions");
    report(p11->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED, "finalized once only");
    args.pReserved = &args;
    report(p11->C_Initialize(&args) == CKR_ARGUMENTS_BAD, "pReserved must be NULL");
    args.pReserved = NULL;
    args.CreateMutex = no_mutex;
    report(p11->C_Initialize(&args) == CKR_ARGUMENTS_BAD, "mutex functions all or none");
    args.CreateMutex = NULL;
    args.flags = CKF_OS_LOCKING_OK;
    report(p11->C_Initialize(&args) == CKR_OK, "CKF_OS_LOCKING_OK");
}

int main(int argc, char **argv)
{
    void *library = NULL;
    if (argc != 2) {
        return 2;
    }
    module_path = argv[1];
    load_many_times();
    p11 = load(&library);
    report(p11->C_Initialize(NULL) == CKR_OK, "C_Initialize(NULL)");
    make_token();
    fork_rules();
    report(in_child(exit_with_open_sessions), "exit with open sessions and a login");
    report(in_child(no_standard_descriptors), "no file of a token becomes a standard descriptor");
    threads();
    openssl_guest();
    initialize_rules();
    printf("1..%d\n", number);
    return 0;
}
