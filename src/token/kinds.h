/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of repositories that lie in the tokens' directory: one row each. A token is opened as
 * what it is; the configuration says only what a new one becomes.
 */
#pragma once

#include "token/engine.h"

struct kk_repository_kind {
    const char *name;
    /* Whether one engine on a store of its own (memory) has this kind. */
    bool on_any_store;
    /* Names of what may be tokens of this kind, in any order. *ret_again: something is on its way,
     * look again next time. */
    KK_RV (*list)(struct kk_engine *engine, kk_store_name_visit *visit, void *context,
                  bool *ret_again);
    KK_RV (*open)(struct kk_engine *engine, const char *name,
                  struct kk_repository **ret_repository);
    /* NULL: none are made. */
    KK_RV (*create)(struct kk_engine *engine, const char *name, const char serial[16],
                    struct kk_span so_pin, const char label[32],
                    struct kk_repository **ret_repository);
};

/* In the order of precedence: a directory that could be two kinds is the first. */
extern const struct kk_repository_kind kk_repository_kinds[];
extern const size_t kk_repository_kinds_count;

/* The kind of this name, of which tokens are made; NULL. */
const struct kk_repository_kind *kk_repository_kind_of(const char *name);

/* What a new token becomes. */
const struct kk_repository_kind *kk_repository_kind_new(const struct kk_engine *engine);
