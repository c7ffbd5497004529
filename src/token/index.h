/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An index over objects in memory: which of them may match a template. Session objects use it, and
 * repositories whose store has no columns of its own. Sealed repositories answer from blind
 * columns.
 */
#pragma once

#include "object/object.h"

struct kk_index;

KK_RV kk_index_new(struct kk_index **ret_index);
void kk_index_free(struct kk_index *index);
KK_DEFINE_CLEANUP(struct kk_index *, kk_index_free);

/* The index holds a reference while the object is in it. A uuid that is there already is replaced.
 */
KK_RV kk_index_add(struct kk_index *index, struct kk_object *object);
/* The object that was there goes; false when there was none. */
bool kk_index_remove(struct kk_index *index, const struct kk_uuid *uuid);
/* Borrowed: valid while the caller's lock is held and the object is in the index. */
struct kk_object *kk_index_get(const struct kk_index *index, const struct kk_uuid *uuid);
size_t kk_index_count(const struct kk_index *index);

/* Visits the objects that match the template, opened and compared, in the order in which they were
 * added. A code other than CKR_OK ends it and is returned. */
typedef CK_RV kk_index_visit(struct kk_object *object, void *context);
KK_RV kk_index_find(const struct kk_index *index, const struct kk_attrs *tmpl,
                    kk_index_visit *visit, void *context);
