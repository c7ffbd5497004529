/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist backup: what its two files share.
 */
#pragma once

#include "cli/keykist.h"

/* A key for a backup, as the vendor interface takes it. Zero-initialise. */
struct kk_keykist_backup_key {
    CK_KEYKIST_BACKUP_KEY key;
    CK_KEYKIST_BYTES recipients[KK_OPTION_LIST_MAX];
    struct kk_secret *spkis[KK_OPTION_LIST_MAX];
    struct kk_secret *passphrase;
    struct kk_secret *identity;
};
void kk_keykist_backup_key_clear(struct kk_keykist_backup_key *key);

/* What is to seal a new backup: the recipients that were given, or a passphrase. */
KK_RV kk_keykist_backup_sealer(const struct kk_keykist *keykist, struct kk_keykist_backup_key *key);

/* What is to open one. *ret_given false: nothing was given, and nothing is to be asked for
 * (`must`: there has to be something). */
KK_RV kk_keykist_backup_opener(const struct kk_keykist *keykist, bool must,
                               struct kk_keykist_backup_key *key, bool *ret_given);
