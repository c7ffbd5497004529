/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The progress bar: one line, drawn over itself.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

#define WIDTH 30

static bool is_on_terminal; /* a bar */

CK_RV kk_progress_draw(void *context, CK_ULONG done, CK_ULONG total)
{
    static const char full[] = "##############################";
    struct kk_progress_bar *bar = context;
    if (total == 0 || isatty(STDERR_FILENO) == 0) {
        return CKR_OK;
    }
    double part = (double)done / (double)total;
    unsigned int now = (unsigned int)(part * 1000);
    if (bar->drawn && now == bar->last) {
        return CKR_OK;
    }
    fprintf(stderr, "\r%s [%-*.*s] %lu of %lu", bar->what, WIDTH, (int)(part * WIDTH), full, done,
            total);
    fflush(stderr);
    bar->last = now;
    bar->drawn = true;
    is_on_terminal = true;
    return CKR_OK;
}

void kk_progress_clear(void)
{
    if (is_on_terminal) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        is_on_terminal = false;
    }
}

void kk_progress_end(struct kk_progress_bar *bar)
{
    kk_progress_clear();
    bar->drawn = false;
}
