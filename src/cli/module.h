/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PKCS#11 module, loaded by its file like any application does it, and its slots.
 */
#pragma once

#include "base/macros.h"
#include "cryptoki/vendor.h"

struct kk_module {
    const char *path;
    void *handle;
    CK_FUNCTION_LIST_PTR p11;
    const CK_KEYKIST_FUNCTIONS *vendor; /* NULL: not one of ours */
    bool initialized;
};

/* Loads the file; does not initialise. `path` must outlive the module. */
KK_RV kk_module_load(const char *path, struct kk_module *ret_module);

/* C_Initialize, C_Finalize. */
KK_RV kk_module_initialize(struct kk_module *module);
void kk_module_finalize(struct kk_module *module);

/* Finalises and unloads. A module that was never loaded is fine. */
void kk_module_unload(struct kk_module *module);

/* The functions of PKCS#11 3.2; NULL: the module has none. */
const CK_FUNCTION_LIST_3_2 *kk_module_functions_3_2(const struct kk_module *module);

struct kk_slot_list {
    CK_SLOT_ID *ids;
    CK_ULONG count;
};

/* The module's slots, in its order. */
KK_RV kk_slot_list_get(const struct kk_module *module, CK_BBOOL with_token,
                       struct kk_slot_list *ret_list);
void kk_slot_list_clear(struct kk_slot_list *list);

KK_RV kk_slot_info(const struct kk_module *module, CK_SLOT_ID slot, CK_SLOT_INFO *ret_info);
KK_RV kk_token_info(const struct kk_module *module, CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info);
