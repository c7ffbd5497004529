/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A failing engine: the n-th callback answers with a given code in place of the engine behind it.
 * Callbacks that cannot fail (close, rollback, tries_unlock, path, read_only) are not counted. A
 * commit that is made to fail is rolled back.
 */
#pragma once

#include "store/store.h"

/* One failing engine in a process; fails nothing until it is told to. */
const struct kk_store_ops *kk_store_fault(const struct kk_store_ops *inner);

/* From here on the n-th call (from 1) of `call` ("commit", "begin_read", "begin_write", "row_put";
 * NULL: of any) answers `rv`, once; n = 0 switches that off. Counting begins anew. */
void kk_store_fault_at(const char *call, unsigned long n, CK_RV rv);

/* The same for every call from the n-th on. */
void kk_store_fault_from(const char *call, unsigned long n, CK_RV rv);

/* Calls counted since kk_store_fault_at() (of the named kind only, if it was given one). */
unsigned long kk_store_fault_count(void);
