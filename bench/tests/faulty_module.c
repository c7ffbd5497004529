/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module for the benchmark's own test: the one named by FAULTY_MODULE_OF, except that C_Digest
 * kills the process (by a signal that no sanitizer catches), C_GenerateRandom fails, and C_SignInit
 * of ECDSA knows no such mechanism.
 */
#include "cryptoki/pkcs11.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>

static CK_FUNCTION_LIST list;
static CK_C_SignInit true_sign_init;

static CK_RV crash(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG len, CK_BYTE_PTR digest,
                   CK_ULONG_PTR digest_len)
{
    (void)session;
    (void)data;
    (void)len;
    (void)digest;
    (void)digest_len;
    raise(SIGKILL);
    return CKR_GENERAL_ERROR;
}

static CK_RV fail(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG len)
{
    (void)session;
    (void)data;
    (void)len;
    return CKR_DEVICE_ERROR;
}

static CK_RV lack_ecdsa(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    return mechanism->mechanism == CKM_ECDSA ? CKR_MECHANISM_INVALID
                                             : true_sign_init(session, mechanism, key);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret_list)
{
    const char *path = getenv("FAULTY_MODULE_OF");
    void *library = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList get_list = NULL;
    CK_FUNCTION_LIST *true_list = NULL;
    if (library != NULL) {
        *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    }
    if (get_list == NULL || get_list(&true_list) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    list = *true_list;
    true_sign_init = list.C_SignInit;
    list.C_Digest = crash;
    list.C_GenerateRandom = fail;
    list.C_SignInit = lack_ecdsa;
    *ret_list = &list;
    return CKR_OK;
}
