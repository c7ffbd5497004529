/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the functions answered, and which of these answers a check asked for. The checks call the
 * module through wrappers that keep the last answers; an expectation that holds looks among them
 * for the function that gave the code.
 */
#pragma once

#include "runner.h"

/* Puts a wrapper in the place of every function that is there. */
void seen_wrap(CK_FUNCTION_LIST_3_2 *functions);

/* Forgets what was seen: a check begins. */
void seen_begin(void);

/* An expectation held: rv was among the codes that it allows. */
void seen_expected(CK_RV rv);

/* The pairs of the check that ended. */
struct seen_pair {
    unsigned function; /* its place in the function list */
    CK_RV rv;
};
size_t seen_pairs(const struct seen_pair **ret_pairs);

/* The function at a place; NULL beyond the last one. */
const char *seen_name(unsigned function);
