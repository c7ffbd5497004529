/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object import: from what files hold to objects on the token.
 *
 * On our own module many objects go into one transaction; on others one by one, and those of a file
 * that fails are taken back.
 */
#pragma once

#include "cli/key_source.h"
#include "cli/keykist_object.h"

struct kk_pending;

/* Zero-initialise but for the first part; free with kk_object_store_clear(). */
struct kk_object_store {
    const struct kk_keykist_session *session;
    const CK_KEYKIST_FUNCTIONS *vendor; /* NULL: none that makes many objects at once */
    const struct kk_object_import_options *options;
    struct kk_span id; /* of --id; empty: not given */
    unsigned int uses; /* of --usage; 0: not given */
    size_t made;       /* objects on the token */
    size_t left_out;   /* that were there */
    struct kk_pending **pending;
    size_t pending_count;
    struct kk_source **sources; /* what the pending ones borrow from */
    size_t source_count;
};

void kk_object_store_clear(struct kk_object_store *store);

/* Takes a file's content over; it is stored now or with others later. `path` must live until
 * kk_object_store_flush(). What is wrong is said. */
KK_RV kk_object_store_add(struct kk_object_store *store, const char *path,
                          struct kk_source *source);

/* Stores what is waiting. */
KK_RV kk_object_store_flush(struct kk_object_store *store);
