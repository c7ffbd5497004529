/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine in front of another one: every callback first asks `before`, which may take its time or
 * answer with a code in the other's place, and then is the other's.
 */
#pragma once

#include "store/store.h"

struct kk_store_decorator {
    const struct kk_store_ops *ops;   /* the decorator's own */
    const struct kk_store_ops *inner; /* the engine behind it */
    /* `call` is the callback's name ("row_put"). A code other than CKR_OK is answered, the engine
     * is not asked; a commit is rolled back then. */
    CK_RV (*before)(const char *call);
};

KK_RV kk_store_decorator_env_new(const struct kk_store_decorator *decorator, const char *location,
                                 unsigned int umask, struct kk_store_env **ret_env);

/* Everything but name and env_new, for the decorator's table. */
extern const struct kk_store_ops kk_store_decorator_ops;
