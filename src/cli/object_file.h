/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM's object files (<uuid>.object, token.object), printed.
 */
#pragma once

#include <stdio.h>

#include "base/bytes.h"

/* Where a file is not as it should be, and how. */
struct kk_object_damage {
    size_t offset;
    char what[200];
};

/* Prints what the file holds, as far as it can be read. Any bytes may be given.
 * CKR_DATA_INVALID: the file is damaged; *ret_damage says where and how. */
KK_RV kk_object_file_print(struct kk_span content, FILE *out, struct kk_object_damage *ret_damage);
