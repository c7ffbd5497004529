/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All the faults, and what their hooks share.
 */
#include "mutant.h"

#include <string.h>

CK_FUNCTION_LIST_3_2 mutant_real, mutant_used;

CK_FUNCTION_LIST mutant_list_2_40;
CK_FUNCTION_LIST_3_0 mutant_list_3_0;
CK_FUNCTION_LIST_3_2 mutant_list_3_2;

/* clang-format off */
const struct mutant_table *const mutant_tables[] = {
    &mutant_codes,
    &mutant_lists,
    &mutant_sessions,
    &mutant_objects,
    &mutant_operations,
    &mutant_keys,
    &mutant_tokens,
    &mutant_verify,
    &mutant_kem,
    &mutant_stateful,
    &mutant_templates,
    &mutant_wrapauth,
    &mutant_messages,
    &mutant_kdf,
    &mutant_provoked,
    &mutant_pairs,
    &mutant_secrets,
    &mutant_profiles,
    &mutant_tls,
    NULL,
};
/* clang-format on */

const struct mutant_fault *mutant_find(const char *name)
{
    for (size_t i = 0; mutant_tables[i] != NULL; i++) {
        for (size_t k = 0; k < mutant_tables[i]->count; k++) {
            if (strcmp(mutant_tables[i]->faults[k].name, name) == 0)
                return &mutant_tables[i]->faults[k];
        }
    }
    return NULL;
}

struct mutant_template mutant_without(CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                      CK_ATTRIBUTE_TYPE type)
{
    struct mutant_template changed = {.count = 0};
    for (CK_ULONG i = 0; template != NULL && i < count && i < 64; i++) {
        if (template[i].type != type)
            changed.attributes[changed.count++] = template[i];
    }
    return changed;
}

struct mutant_template mutant_with_bool(CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                        CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
    static const CK_BBOOL values[] = {CK_FALSE, CK_TRUE};
    struct mutant_template changed = {.count = 0};
    for (CK_ULONG i = 0; template != NULL && i < count && i < 64; i++) {
        CK_ATTRIBUTE *attribute = &changed.attributes[changed.count++];
        *attribute = template[i];
        if (attribute->type == type)
            attribute->pValue = (CK_VOID_PTR)&values[value != CK_FALSE];
    }
    return changed;
}
