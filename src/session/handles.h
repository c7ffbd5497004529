/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object handles of one application: a number that is never given out twice, for a uuid. Each
 * object has one handle per application; those of private objects die at logout for good.
 *
 * All functions but kk_handles_forget_all() want the application's state lock held.
 */
#pragma once

#include "session/app.h"

struct kk_handle {
    CK_OBJECT_HANDLE handle;
    struct kk_uuid uuid;
    struct kk_slot *slot;
    bool is_token;
    bool is_private;
    struct kk_session *owner; /* session objects: the session that made it; borrowed */
    struct kk_handle *prev;   /* of the owner's others */
    struct kk_handle *next;
    struct kk_object *object; /* the version that was seen last, a reference; NULL: none is held */
    uint64_t epoch;           /* of the token, when it was the present version */
    size_t place;             /* in the application's ring, counted from 1; 0: not there */
};

/* The handle of an object, made when there is none yet. */
KK_RV kk_handles_give(struct kk_app *app, struct kk_slot *slot, struct kk_session *owner,
                      struct kk_object *object, uint64_t epoch, CK_OBJECT_HANDLE *ret_handle);

/* For a find result whose object was not opened (token objects by uuid only). */
KK_RV kk_handles_give_uuid(struct kk_app *app, struct kk_slot *slot, const struct kk_uuid *uuid,
                           bool is_private, CK_OBJECT_HANDLE *ret_handle);

/* NULL when the application does not know the handle. */
struct kk_handle *kk_handles_find(struct kk_app *app, CK_OBJECT_HANDLE handle);
struct kk_handle *kk_handles_find_uuid(struct kk_app *app, const struct kk_uuid *uuid);

/* A newer version of the same object. Of token objects the application holds at most cache.objects
 * (at least 16) by their handles. */
void kk_handles_update(struct kk_app *app, struct kk_handle *entry, struct kk_object *object,
                       uint64_t epoch);

void kk_handles_forget(struct kk_app *app, struct kk_handle *entry);

/* At logout: handles of private objects of the slot, and its private session objects. */
void kk_handles_forget_private(struct kk_app *app, struct kk_slot *slot);

/* When a session closes: its session objects and their handles. */
void kk_handles_forget_session(struct kk_app *app, struct kk_session *owner);

/* When a token was initialised anew: every handle of the slot, and its session objects. */
void kk_handles_forget_slot(struct kk_app *app, struct kk_slot *slot);

/* C_Finalize; takes the lock itself. */
void kk_handles_forget_all(struct kk_app *app);
