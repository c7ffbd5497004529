/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bar on the terminal for what takes long. Nothing is drawn where stderr is no terminal.
 */
#pragma once

#include "base/macros.h"

struct kk_progress_bar {
    const char *what;  /* "Sealing anew" */
    unsigned int last; /* the tenth of a percent that is drawn */
    bool drawn;
};

/* A CK_KEYKIST_PROGRESS; `context` is the bar. */
CK_RV kk_progress_draw(void *context, CK_ULONG done, CK_ULONG total);

/* Takes the bar off the terminal again. */
void kk_progress_end(struct kk_progress_bar *bar);

/* The same for whatever bar there is: before an error is said. */
void kk_progress_clear(void);
