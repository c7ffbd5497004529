/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects as a session handles them: by handle, token and session objects alike.
 */
#pragma once

#include "object/policy.h"
#include "session/session.h"

/* The present version behind a handle, with a reference, and the token's epoch at which it is that.
 * CKR_OBJECT_HANDLE_INVALID: unknown, destroyed, another slot's, private and not logged in. */
KK_RV kk_call_object(struct kk_call *call, CK_OBJECT_HANDLE handle, struct kk_object **ret_object);

/* The same for a key to be used: `invalid` for a bad handle or for what is no key. */
KK_RV kk_call_key_object(struct kk_call *call, CK_OBJECT_HANDLE handle, CK_RV invalid,
                         struct kk_object **ret_object);

/* The parsed key of an object, with a reference. */
KK_RV kk_call_parsed_key(struct kk_call *call, struct kk_object *object, struct kk_key **ret_key);

/* Keys that a mechanism's parameter names by handle: looked up, checked (CKA_DERIVE), parsed. */
KK_RV kk_call_resolve_param(struct kk_call *call, struct kk_param *param);

/* New objects from finished attribute sets (CKA_UNIQUE_ID is uuids[i]): token objects in one
 * transaction, session objects in the session. `sets` are taken over (NULL afterwards) on success.
 * `ret_handles` may be NULL for token objects: they get no handles then. */
KK_RV kk_call_store(struct kk_call *call, struct kk_attrs **sets, const struct kk_uuid *uuids,
                    size_t count, CK_OBJECT_HANDLE *ret_handles);

KK_RV kk_call_create_object(struct kk_call *call, const struct kk_attrs *tmpl,
                            CK_OBJECT_HANDLE *ret_handle);
/* Many at once, all or none. *ret_refused is the place of a template that the rules refuse, `count`
 * when the failure is not about one. Token objects only when `ret_handles` is NULL. */
KK_RV kk_call_create_objects(struct kk_call *call, struct kk_attrs *const *tmpls, size_t count,
                             CK_OBJECT_HANDLE *ret_handles, size_t *ret_refused);
KK_RV kk_call_copy_object(struct kk_call *call, CK_OBJECT_HANDLE handle,
                          const struct kk_attrs *tmpl, CK_OBJECT_HANDLE *ret_handle);
KK_RV kk_call_destroy_object(struct kk_call *call, CK_OBJECT_HANDLE handle);
KK_RV kk_call_set_attributes(struct kk_call *call, CK_OBJECT_HANDLE handle,
                             const struct kk_attrs *tmpl);

/* C_FindObjectsInit and its family. */
KK_RV kk_call_find_init(struct kk_call *call, const struct kk_attrs *tmpl);
KK_RV kk_call_find(struct kk_call *call, CK_OBJECT_HANDLE *handles, size_t max, size_t *ret_count);
KK_RV kk_call_find_final(struct kk_call *call);

/* A handle to the object with this uuid. CKR_OBJECT_HANDLE_INVALID: it is not there, or not to be
 * seen. */
KK_RV kk_call_handle_of(struct kk_call *call, const struct kk_uuid *uuid,
                        CK_OBJECT_HANDLE *ret_handle);

/* A random uuid. */
KK_RV kk_call_uuid(struct kk_call *call, struct kk_uuid *ret_uuid);
