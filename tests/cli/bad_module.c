/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module for the tests of the programs whose list of functions has a hole (all of it is one).
 */
#include "cryptoki/pkcs11.h"

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    static CK_FUNCTION_LIST empty;
    *list = &empty;
    return CKR_OK;
}
