/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A proxy PKCS#11 module with one fault. It loads the module that MUTANT_MODULE names and forwards
 * every call to it, but for what the fault named by MUTANT_FAULT spoils.
 */
#pragma once

#include "cryptoki/functions.h"
#include "cryptoki/pkcs11.h"

#include <stdbool.h>
#include <stddef.h>

/* Function tables: of the module behind, NULL where it has none, and what the proxy calls. */
extern CK_FUNCTION_LIST_3_2 mutant_real, mutant_used;
#define REAL (&mutant_real)
#define USED (&mutant_used)

enum mutant_function {
#define MUTANT_NUMBER(name, ...) MUTANT_##name,
    KK_FUNCTIONS(MUTANT_NUMBER)
#undef MUTANT_NUMBER
        MUTANT_FUNCTION_COUNT
};

/* One fault: a function answers one code with another, or install changes mutant_used. */
struct mutant_fault {
    const char *name;
    const char *chapters; /* of the runner: these should catch it */
    void (*install)(void);
    enum mutant_function function;
    CK_RV from, to;
};

#define CODE_FAULT(name, chapters, function, from, to)                                             \
    {name, chapters, NULL, MUTANT_##function, from, to}
#define HOOK_FAULT(name, chapters, install) {name, chapters, install, 0, CKR_OK, CKR_OK}

struct mutant_table {
    const struct mutant_fault *faults;
    size_t count;
};

extern const struct mutant_table mutant_codes, mutant_lists, mutant_sessions, mutant_objects,
    mutant_operations, mutant_keys, mutant_tokens, mutant_verify, mutant_kem, mutant_templates,
    mutant_wrapauth, mutant_messages, mutant_kdf, mutant_provoked, mutant_tls, mutant_profiles,
    mutant_pairs, mutant_stateful, mutant_secrets;

/* All tables one after the other, NULL after the last. */
extern const struct mutant_table *const mutant_tables[];
const struct mutant_fault *mutant_find(const char *name);

/* The lists that C_GetFunctionList and C_GetInterface give: faults may spoil them. */
extern CK_FUNCTION_LIST mutant_list_2_40;
extern CK_FUNCTION_LIST_3_0 mutant_list_3_0;
extern CK_FUNCTION_LIST_3_2 mutant_list_3_2;

/* A template with some attributes changed. Values live in the copy. */
struct mutant_template {
    CK_ATTRIBUTE attributes[64];
    CK_ULONG count;
};
struct mutant_template mutant_without(CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                      CK_ATTRIBUTE_TYPE type);
struct mutant_template mutant_with_bool(CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                        CK_ATTRIBUTE_TYPE type, CK_BBOOL value);
