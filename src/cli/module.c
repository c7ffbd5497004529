/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a module. Nothing it gives is trusted further than a program must: a list without the
 * functions that the programs call is refused here, once.
 */
#include "cli/module.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"

#include "base/banned.h"

/* What the programs of this folder call. */
#define NEEDED(function) offsetof(CK_FUNCTION_LIST, function)
static const size_t needed_functions[] = {NEEDED(C_Initialize),
                                          NEEDED(C_Finalize),
                                          NEEDED(C_GetSlotList),
                                          NEEDED(C_GetSlotInfo),
                                          NEEDED(C_GetTokenInfo),
                                          NEEDED(C_InitToken),
                                          NEEDED(C_InitPIN),
                                          NEEDED(C_SetPIN),
                                          NEEDED(C_OpenSession),
                                          NEEDED(C_CloseSession),
                                          NEEDED(C_Login),
                                          NEEDED(C_Logout),
                                          NEEDED(C_CreateObject),
                                          NEEDED(C_DestroyObject),
                                          NEEDED(C_FindObjects),
                                          NEEDED(C_FindObjectsInit),
                                          NEEDED(C_FindObjectsFinal),
                                          NEEDED(C_GetAttributeValue),
                                          NEEDED(C_GenerateKey),
                                          NEEDED(C_WrapKey),
                                          NEEDED(C_GenerateRandom),
                                          NEEDED(C_GetMechanismList),
                                          NEEDED(C_GetMechanismInfo),
                                          NEEDED(C_SetAttributeValue),
                                          NEEDED(C_GenerateKeyPair),
                                          NEEDED(C_UnwrapKey),
                                          NEEDED(C_SignInit),
                                          NEEDED(C_Sign),
                                          NEEDED(C_SignUpdate),
                                          NEEDED(C_SignFinal),
                                          NEEDED(C_VerifyInit),
                                          NEEDED(C_Verify),
                                          NEEDED(C_VerifyUpdate),
                                          NEEDED(C_VerifyFinal),
                                          NEEDED(C_EncryptInit),
                                          NEEDED(C_Encrypt),
                                          NEEDED(C_EncryptUpdate),
                                          NEEDED(C_EncryptFinal),
                                          NEEDED(C_DecryptInit),
                                          NEEDED(C_Decrypt),
                                          NEEDED(C_DecryptUpdate),
                                          NEEDED(C_DecryptFinal),
                                          NEEDED(C_DigestInit),
                                          NEEDED(C_Digest),
                                          NEEDED(C_DigestUpdate),
                                          NEEDED(C_DigestFinal)};

static bool is_complete(const CK_FUNCTION_LIST *list)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(needed_functions); i++) {
        void (*function)(void) = NULL;
        memcpy(&function, (const char *)list + needed_functions[i], sizeof function);
        if (function == NULL) {
            return false;
        }
    }
    return true;
}

/* ISO C has no conversion from dlsym()'s pointer to a function's; POSIX wants this to work. */
#define FIND_SYMBOL(handle, name, function)                                                        \
    do {                                                                                           \
        void *symbol_ = dlsym((handle), (name));                                                   \
        memcpy(&(function), &symbol_, sizeof symbol_);                                             \
    } while (0)

static const CK_KEYKIST_FUNCTIONS *find_vendor(CK_C_GetInterface get_interface)
{
    CK_UTF8CHAR name[] = KK_VENDOR_INTERFACE;
    CK_INTERFACE_PTR interface = NULL;
    if (get_interface == NULL || get_interface(name, NULL, &interface, 0) != CKR_OK ||
        interface == NULL || interface->pFunctionList == NULL) {
        return NULL;
    }
    const CK_KEYKIST_FUNCTIONS *vendor = interface->pFunctionList;
    bool usable = vendor->version.major == KK_VENDOR_VERSION_MAJOR && vendor->token_path != NULL &&
                  vendor->delete_token != NULL;
    return usable ? vendor : NULL;
}

/* The 2.40 list; a module without C_GetFunctionList may still offer its default interface, every
 * version of which begins with the functions of 2.40. */
static CK_FUNCTION_LIST_PTR find_functions(CK_C_GetFunctionList get_list,
                                           CK_C_GetInterface get_interface)
{
    CK_FUNCTION_LIST_PTR list = NULL;
    if (get_list != NULL) {
        return get_list(&list) == CKR_OK ? list : NULL;
    }
    CK_INTERFACE_PTR interface = NULL;
    if (get_interface != NULL && get_interface(NULL, NULL, &interface, 0) == CKR_OK &&
        interface != NULL) {
        list = interface->pFunctionList;
    }
    return list;
}

static KK_RV load_failed(const char *why)
{
    (void)kk_cli_error("ERROR: Could not load the PKCS#11 library/module: %s", why);
    return kk_cli_error("ERROR: Please check log files for additional information.");
}

KK_RV kk_module_load(const char *path, struct kk_module *ret_module)
{
    CK_C_GetFunctionList get_list = NULL;
    CK_C_GetInterface get_interface = NULL;
    struct kk_module module = {.path = path};
    module.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module.handle == NULL) {
        return load_failed(dlerror());
    }
    FIND_SYMBOL(module.handle, "C_GetInterface", get_interface);
    FIND_SYMBOL(module.handle, "C_GetFunctionList", get_list);
    if (get_list == NULL && get_interface == NULL) {
        CK_RV rv = load_failed(dlerror());
        dlclose(module.handle);
        return rv;
    }
    module.p11 = find_functions(get_list, get_interface);
    if (module.p11 == NULL || !is_complete(module.p11)) {
        dlclose(module.handle);
        return load_failed("it gives no complete list of functions");
    }
    module.vendor = find_vendor(get_interface);
    *ret_module = module;
    return CKR_OK;
}

KK_RV kk_module_initialize(struct kk_module *module)
{
    CK_RV rv = module->p11->C_Initialize(NULL);
    module->initialized = rv == CKR_OK;
    return rv;
}

void kk_module_finalize(struct kk_module *module)
{
    if (module->initialized) {
        (void)module->p11->C_Finalize(NULL);
        module->initialized = false;
    }
}

void kk_module_unload(struct kk_module *module)
{
    if (module->handle == NULL) {
        return;
    }
    kk_module_finalize(module);
    dlclose(module->handle);
    *module = (struct kk_module){0};
}

const CK_FUNCTION_LIST_3_2 *kk_module_functions_3_2(const struct kk_module *module)
{
    CK_UTF8CHAR name[] = "PKCS 11";
    CK_VERSION version = {3, 2};
    CK_C_GetInterface get_interface = NULL;
    CK_INTERFACE_PTR interface = NULL;
    FIND_SYMBOL(module->handle, "C_GetInterface", get_interface);
    if (get_interface == NULL || get_interface(name, &version, &interface, 0) != CKR_OK ||
        interface == NULL || interface->pFunctionList == NULL) {
        return NULL;
    }
    const CK_FUNCTION_LIST_3_2 *list = interface->pFunctionList;
    bool usable = list->version.major == 3 && list->version.minor >= 2 &&
                  list->C_EncapsulateKey != NULL && list->C_DecapsulateKey != NULL;
    return usable ? list : NULL;
}

void kk_slot_list_clear(struct kk_slot_list *list)
{
    kk_free(list->ids);
    *list = (struct kk_slot_list){0};
}

#define SLOT_LIST_TRIES 8

/* Slots may appear between the two calls of C_GetSlotList: then it is asked again. */
KK_RV kk_slot_list_get(const struct kk_module *module, CK_BBOOL with_token,
                       struct kk_slot_list *ret_list)
{
    CK_RV rv = CKR_BUFFER_TOO_SMALL;
    for (int i = 0; rv == CKR_BUFFER_TOO_SMALL && i < SLOT_LIST_TRIES; i++) {
        KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list list = {0};
        if (module->p11->C_GetSlotList(with_token, NULL, &list.count) != CKR_OK) {
            return kk_cli_error("ERROR: Could not get the number of slots.");
        }
        if (kk_alloc_array(list.count, sizeof *list.ids, &list.ids) != CKR_OK) {
            return kk_cli_error("ERROR: Could not allocate memory.");
        }
        rv = module->p11->C_GetSlotList(with_token, list.ids, &list.count);
        if (rv == CKR_OK) {
            *ret_list = list;
            list = (struct kk_slot_list){0};
        }
    }
    return rv == CKR_OK ? rv : kk_cli_error("ERROR: Could not get the slot list.");
}

KK_RV kk_slot_info(const struct kk_module *module, CK_SLOT_ID slot, CK_SLOT_INFO *ret_info)
{
    if (module->p11->C_GetSlotInfo(slot, ret_info) != CKR_OK) {
        return kk_cli_error("ERROR: Could not get info about slot %lu.", slot);
    }
    return CKR_OK;
}

KK_RV kk_token_info(const struct kk_module *module, CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info)
{
    if (module->p11->C_GetTokenInfo(slot, ret_info) != CKR_OK) {
        return kk_cli_error("ERROR: Could not get info about the token in slot %lu.", slot);
    }
    return CKR_OK;
}
