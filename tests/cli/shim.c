/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module for the tests of the programs: another module (KK_SHIM_MODULE) with the interface
 * "Vendor Keykist" over SoftHSM's token directories (in KK_SHIM_TOKENS), so that what the programs
 * do with that interface can be tested on any machine that has SoftHSM.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cryptoki/vendor.h"

#define EXPORT __attribute__((visibility("default")))

static CK_FUNCTION_LIST_PTR functions;

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    CK_C_GetFunctionList get_list = NULL;
    const char *path = getenv("KK_SHIM_MODULE");
    void *handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = handle != NULL ? dlsym(handle, "C_GetFunctionList") : NULL;
    memcpy(&get_list, &symbol, sizeof symbol);
    if (get_list == NULL || get_list(&functions) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    *list = functions;
    return CKR_OK;
}

/* A token directory's name ends in the serial, with a - after its first four digits. */
static int find_directory(CK_SLOT_ID slot, char *path, size_t size)
{
    CK_TOKEN_INFO info;
    const char *tokens = getenv("KK_SHIM_TOKENS");
    char end[18] = "";
    int found = 0;
    if (tokens == NULL || functions->C_GetTokenInfo(slot, &info) != CKR_OK ||
        (info.flags & CKF_TOKEN_INITIALIZED) == 0) {
        return 0;
    }
    snprintf(end, sizeof end, "%.4s-%.12s", (const char *)info.serialNumber,
             (const char *)info.serialNumber + 4);
    DIR *directory = opendir(tokens);
    for (struct dirent *entry = NULL; directory != NULL && (entry = readdir(directory)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len == 36 && strcmp(entry->d_name + 36 - 17, end) == 0) {
            snprintf(path, size, "%s/%s", tokens, entry->d_name);
            found = 1;
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return found;
}

static CK_RV token_path(CK_SLOT_ID slot, CK_UTF8CHAR_PTR path, CK_ULONG_PTR len)
{
    char text[4096];
    if (!find_directory(slot, text, sizeof text)) {
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    CK_ULONG room = *len;
    *len = (CK_ULONG)strlen(text);
    if (path == NULL) {
        return CKR_OK;
    }
    if (room < *len) {
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(path, text, *len);
    return CKR_OK;
}

static CK_RV delete_token(CK_SLOT_ID slot)
{
    char path[4096];
    char file[8192];
    if (!find_directory(slot, path, sizeof path)) {
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    DIR *directory = opendir(path);
    for (struct dirent *entry = NULL; directory != NULL && (entry = readdir(directory)) != NULL;) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        (void)unlink(file);
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return rmdir(path) == 0 ? CKR_OK : CKR_FUNCTION_FAILED;
}

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version,
                            CK_INTERFACE_PTR_PTR interface, CK_FLAGS flags)
{
    static CK_KEYKIST_FUNCTIONS vendor = {
        .version = {KK_VENDOR_VERSION_MAJOR, 0},
        .token_path = token_path,
        .delete_token = delete_token,
    };
    static CK_UTF8CHAR vendor_name[] = KK_VENDOR_INTERFACE;
    static CK_INTERFACE vendor_interface = {vendor_name, &vendor, 0};
    (void)version;
    (void)flags;
    if (name == NULL || strcmp((const char *)name, KK_VENDOR_INTERFACE) != 0) {
        return CKR_ARGUMENTS_BAD;
    }
    *interface = &vendor_interface;
    return CKR_OK;
}
