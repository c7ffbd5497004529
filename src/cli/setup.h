/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting a module. C_Initialize has one code for everything that may be wrong with a
 * configuration: when the module is ours, the configuration is looked at first, so that what is
 * wrong is said in words.
 */
#pragma once

#include "cli/module.h"

/* Loads and initialises the module of that path (NULL: the default one, which is ours). The caller
 * unloads it, also after a failure, which has been said. */
KK_RV kk_cli_start_module(const char *path, struct kk_module *ret_module);
