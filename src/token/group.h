/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commits put together: what several threads want to write at one moment goes into one durable
 * transaction, because what a disk takes for one is the same for many. A thread alone waits for
 * nobody.
 */
#pragma once

#include "token/repository.h"

struct kk_group;

KK_RV kk_group_new(struct kk_group **ret_group);
void kk_group_free(struct kk_group *group);

/* The repository's change(), maybe in one transaction with those of other threads that hold the
 * same unlock. Each gets its own result: when the transaction fails, each is tried alone. Lengths,
 * ownership and codes as change(). */
KK_RV kk_group_change(struct kk_group *group, struct kk_repository *repository,
                      struct kk_unlock *unlock, const struct kk_stored_change *changes,
                      size_t count, struct kk_object **ret_objects);
