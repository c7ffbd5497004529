/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the configuration is one that our module can start with, said in words.
 */
#pragma once

#include "base/macros.h"

/* C_Initialize has one code for everything that may be wrong with a configuration. This looks at it
 * first, and says which it is. */
KK_RV kk_cli_setup_check(void);
