/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy: loads the module behind, installs the fault, exports every function.
 */
#include "cryptoki/vendor.h"
#include "mutant.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mutant_fault *fault;
static bool has_3_0, has_3_2;
static CK_FLAGS flags_3_0, flags_3_2;

/* ---- forwarding ---- */

static CK_RV spoil(enum mutant_function function, CK_RV rv)
{
    if (fault != NULL && fault->install == NULL && fault->function == function && fault->from == rv)
        return fault->to;
    return rv;
}

#define WITHOUT_APP(app, ...) (__VA_ARGS__)
#define FORWARD(name, parameters, app_parameters, app_arguments)                                   \
    __attribute__((visibility("default"))) CK_RV name parameters                                   \
    {                                                                                              \
        if (mutant_used.name == NULL)                                                              \
            return CKR_FUNCTION_NOT_SUPPORTED;                                                     \
        return spoil(MUTANT_##name, mutant_used.name WITHOUT_APP app_arguments);                   \
    }
KK_FUNCTIONS(FORWARD)

/* ---- the lists ---- */

static CK_INTERFACE_PTR vendor;
static CK_INTERFACE interfaces[3];
static CK_ULONG interface_count;

static CK_RV get_function_list(CK_FUNCTION_LIST_PTR_PTR ret_list)
{
    if (ret_list == NULL)
        return CKR_ARGUMENTS_BAD;
    *ret_list = &mutant_list_2_40;
    return CKR_OK;
}

static CK_RV get_interface_list(CK_INTERFACE_PTR list, CK_ULONG_PTR count)
{
    if (count == NULL)
        return CKR_ARGUMENTS_BAD;
    CK_ULONG room = *count;
    *count = interface_count;
    if (list == NULL)
        return CKR_OK;
    if (room < interface_count)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(list, interfaces, interface_count * sizeof *list);
    return CKR_OK;
}

static bool fits(const CK_INTERFACE *interface, const CK_UTF8CHAR *name, const CK_VERSION *version,
                 CK_FLAGS flags)
{
    const CK_VERSION *own = interface->pFunctionList;
    if (name != NULL && strcmp((const char *)name, (const char *)interface->pInterfaceName) != 0)
        return false;
    if (version != NULL && (version->major != own->major || version->minor != own->minor))
        return false;
    return (interface->flags & flags) == flags;
}

static CK_RV get_interface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version,
                           CK_INTERFACE_PTR_PTR ret_interface, CK_FLAGS flags)
{
    if (ret_interface == NULL)
        return CKR_ARGUMENTS_BAD;
    /* The module's own one, unspoilt: checks that take tokens out of their slots need it. */
    if (vendor != NULL && name != NULL && fits(vendor, name, version, flags)) {
        *ret_interface = vendor;
        return CKR_OK;
    }
    for (CK_ULONG i = interface_count; i > 0; i--) {
        if (fits(&interfaces[i - 1], name, version, flags)) {
            *ret_interface = &interfaces[i - 1];
            return CKR_OK;
        }
    }
    return CKR_ARGUMENTS_BAD;
}

static void add_interface(void *list, CK_FLAGS flags)
{
    static CK_UTF8CHAR name[] = "PKCS 11";
    interfaces[interface_count++] = (CK_INTERFACE){name, list, flags};
}

/* A 3.2 list begins with a 3.0 list, which begins with a 2.40 list. */
static void make_lists(void)
{
#define TAKE(name, ...) mutant_list_3_2.name = name;
    KK_FUNCTIONS(TAKE)
#undef TAKE
    mutant_list_3_2.version = (CK_VERSION){3, 2};
    memcpy(&mutant_list_3_0, &mutant_list_3_2, sizeof mutant_list_3_0);
    mutant_list_3_0.version = (CK_VERSION){3, 0};
    memcpy(&mutant_list_2_40, &mutant_list_3_2, sizeof mutant_list_2_40);
    mutant_list_2_40.version = (CK_VERSION){2, 40};
    add_interface(&mutant_list_2_40, 0);
    if (has_3_0)
        add_interface(&mutant_list_3_0, flags_3_0);
    if (has_3_2)
        add_interface(&mutant_list_3_2, flags_3_2);
}

/* ---- loading ---- */

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "mutant: %s: %s\n", what, detail == NULL ? "" : detail);
    abort();
}

static bool take_interface(CK_C_GetInterface get, CK_BYTE minor, size_t size, CK_FLAGS *ret_flags)
{
    CK_UTF8CHAR name[] = "PKCS 11";
    CK_INTERFACE_PTR found = NULL;
    CK_VERSION version = {3, minor};
    if (get(name, &version, &found, 0) != CKR_OK || found == NULL)
        return false;
    memcpy(&mutant_real, found->pFunctionList, size);
    *ret_flags = found->flags;
    return true;
}

static void take_real(void *library)
{
    CK_C_GetFunctionList get_list = NULL;
    CK_C_GetInterface get_interface_of = NULL;
    CK_FUNCTION_LIST_PTR list = NULL;
    *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    *(void **)&get_interface_of = dlsym(library, "C_GetInterface");
    if (get_list == NULL || get_list(&list) != CKR_OK)
        die("no C_GetFunctionList", NULL);
    memcpy(&mutant_real, list, sizeof *list);
    if (get_interface_of != NULL) {
        has_3_0 = take_interface(get_interface_of, 0, sizeof(CK_FUNCTION_LIST_3_0), &flags_3_0);
        has_3_2 = take_interface(get_interface_of, 2, sizeof(CK_FUNCTION_LIST_3_2), &flags_3_2);
        CK_UTF8CHAR name[] = KK_VENDOR_INTERFACE;
        if (get_interface_of(name, NULL, &vendor, 0) != CKR_OK)
            vendor = NULL;
    }
}

static void install_fault(const char *name)
{
    if (name == NULL || strcmp(name, "none") == 0)
        return;
    fault = mutant_find(name);
    if (fault == NULL)
        die("no such fault", name);
    if (fault->install != NULL)
        fault->install();
}

__attribute__((constructor)) static void load(void)
{
    const char *path = getenv("MUTANT_MODULE");
    void *library = dlopen(path == NULL ? "" : path, RTLD_NOW | RTLD_LOCAL);
    if (path == NULL || library == NULL)
        die("MUTANT_MODULE", dlerror());
    take_real(library);
    mutant_used = mutant_real;
    mutant_used.C_GetFunctionList = get_function_list;
    mutant_used.C_GetInterfaceList = get_interface_list;
    mutant_used.C_GetInterface = get_interface;
    make_lists();
    install_fault(getenv("MUTANT_FAULT"));
}
