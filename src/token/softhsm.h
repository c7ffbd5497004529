/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The softhsm2 repository: SoftHSM's own token directories, read and written in place, so that
 * SoftHSM 2.x and Keykist can work on one at the same time. docs/design/softhsm2.md.
 */
#pragma once

#include "token/repository.h"

/* CKR_TOKEN_NOT_RECOGNIZED: no such token, or a damaged one (one log line). */
KK_RV kk_softhsm_repository_open(struct kk_crypto *crypto, const char *location, const char *name,
                                 unsigned int umask, const struct kk_repository_settings *settings,
                                 struct kk_repository **ret_repository);

/* A new token with an SO PIN and no user. */
KK_RV kk_softhsm_repository_create(struct kk_crypto *crypto, const char *location, const char *name,
                                   unsigned int umask,
                                   const struct kk_repository_settings *settings,
                                   struct kk_span so_pin, const char label[32],
                                   const char serial[16], struct kk_repository **ret_repository);

/* A SoftHSM token in a database, to be read only: every change is CKR_TOKEN_WRITE_PROTECTED. */
KK_RV kk_softhsm_db_repository_open(struct kk_crypto *crypto, const char *location,
                                    const char *name, const struct kk_repository_settings *settings,
                                    struct kk_repository **ret_repository);
