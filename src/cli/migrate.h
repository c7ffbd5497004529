/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-migrate: the objects of a SoftHSM 1 database, made anew in a token.
 */
#pragma once

#include "base/macros.h"
#include "store/softhsm1.h"

struct kk_migration {
    struct kk_softhsm1 *database;
    CK_FUNCTION_LIST_PTR p11;
    CK_SESSION_HANDLE session; /* the user is logged in */
    bool no_public_key;
};

/* All objects of the database, whatever happens to single ones. Says what became of each; fails
 * when one of them could not be migrated, or when there are none. */
KK_RV kk_migrate_objects(const struct kk_migration *migration);
