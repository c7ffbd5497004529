/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A proxy PKCS#11 module with one fault. It loads the module that MUTANT_MODULE names and forwards
 * every call to it, but for what the fault named by MUTANT_FAULT spoils.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#include <stdbool.h>
#include <stddef.h>

/* One table of functions, whatever the interface: its fields are named as the functions are. */
extern CK_FUNCTION_LIST_3_2 mutant_real; /* of the module behind; NULL where it has none */
extern CK_FUNCTION_LIST_3_2 mutant_used; /* what the proxy's functions call */

/* The numbers of the functions, for faults that replace a return value. */
enum mutant_function {
#define MUTANT_NUMBER(name) MUTANT_##name,
#include "mutant_functions.inc"
#undef MUTANT_NUMBER
    MUTANT_FUNCTION_COUNT
};

/* A function answers one code with another. */
struct code_fault {
    const char *name;
    const char *chapters; /* which of the runner's chapters should catch it */
    enum mutant_function function;
    CK_RV from, to;
};

/* Anything else: install changes mutant_used. */
struct hook_fault {
    const char *name;
    const char *chapters;
    void (*install)(void);
};

extern const struct code_fault mutant_code_faults[];
extern const size_t mutant_code_fault_count;

/* A file of hooks per subject. */
struct hook_table {
    const struct hook_fault *faults;
    size_t count;
};
extern const struct hook_table mutant_session_hooks, mutant_object_hooks, mutant_operation_hooks,
    mutant_key_hooks;
