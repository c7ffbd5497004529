/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the configuration together with what its reader says of it, which else goes to the log.
 */
#pragma once

#include "base/config.h"

/* One line each, with file and line where there is one. Free with kk_config_notes_clear(). */
struct kk_config_notes {
    char **lines;
    size_t count;
};

/* As kk_config_load(), with its codes; *notes gets its warnings and errors, also when it fails. The
 * log is the system's afterwards, and nothing of this is in it. */
KK_RV kk_config_read(struct kk_config **ret_config, struct kk_config_notes *notes);
void kk_config_notes_clear(struct kk_config_notes *notes);
