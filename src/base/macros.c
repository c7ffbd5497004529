/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where failures are traced and broken assertions end.
 */
#include "base/macros.h"

#include "base/log.h"
#include "cryptoki/names.h"

#include "base/banned.h"

CK_RV kk_trace_origin(CK_RV rv, const char *file, int line)
{
    const char *name = kk_names_find(KK_NAMES_CKR, rv);
    kk_log_debug("%s (0x%lX) at %s:%d", name != NULL ? name : "CKR_?", rv, file, line);
    return rv;
}

void kk_assert_failed(const char *expression, const char *file, int line)
{
    kk_log_error("internal error at %s:%d: %s is not so; the process ends here", file, line,
                 expression);
    abort();
}
