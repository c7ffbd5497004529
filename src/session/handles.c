/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of object handles.
 */
#include "session/handles.h"

#include <string.h>

#include "base/memory.h"
#include "session/session.h"

#include "base/banned.h"

static void entry_free(struct kk_handle *entry)
{
    if (entry != NULL) {
        kk_object_unref(entry->object);
        kk_free(entry);
    }
}
KK_DEFINE_CLEANUP(struct kk_handle *, entry_free);

struct kk_handle *kk_handles_find(struct kk_app *app, CK_OBJECT_HANDLE handle)
{
    KK_ASSERT_HELD(&app->state_lock);
    return kk_handle_map_find(app->objects, handle);
}

struct kk_handle *kk_handles_find_uuid(struct kk_app *app, const struct kk_uuid *uuid)
{
    KK_ASSERT_HELD(&app->state_lock);
    return kk_uuid_map_get(app->handles, uuid);
}

/* Puts a new entry into both maps; on success it is theirs. */
static KK_RV enter(struct kk_app *app, struct kk_handle **entry)
{
    struct kk_handle *mine = *entry;
    KK_TRY(kk_uuid_map_put(app->handles, &mine->uuid, mine, NULL));
    CK_RV rv = kk_handle_map_add(app->objects, mine, &mine->handle);
    if (rv != CKR_OK) {
        kk_uuid_map_remove(app->handles, &mine->uuid);
        return rv;
    }
    *entry = NULL;
    return CKR_OK;
}

KK_RV kk_handles_give_uuid(struct kk_app *app, struct kk_slot *slot, const struct kk_uuid *uuid,
                           bool is_private, CK_OBJECT_HANDLE *ret_handle)
{
    struct kk_handle *known = kk_handles_find_uuid(app, uuid);
    if (known != NULL) {
        *ret_handle = known->handle;
        return CKR_OK;
    }
    KK_CLEANUP(entry_freep) struct kk_handle *entry = NULL;
    KK_TRY(kk_alloc(sizeof *entry, &entry));
    struct kk_handle *made = entry;
    made->uuid = *uuid;
    made->slot = slot;
    made->is_token = true;
    made->is_private = is_private;
    KK_TRY(enter(app, &entry));
    *ret_handle = made->handle;
    return CKR_OK;
}

/* ---- how many token objects are held ---- */

#define RING_LEAST ((size_t)16)

static void leave_ring(struct kk_app *app, struct kk_handle *entry)
{
    if (entry->place != 0) {
        app->ring.entries[entry->place - 1] = NULL;
        entry->place = 0;
    }
}

static KK_RV grow_ring(struct kk_handle_ring *ring, size_t most)
{
    size_t capacity = KK_MIN(KK_MAX(ring->capacity * 2, RING_LEAST), most);
    KK_TRY(kk_realloc_array(&ring->entries, capacity, sizeof(struct kk_handle *)));
    memset(ring->entries + ring->capacity, 0,
           (capacity - ring->capacity) * sizeof(struct kk_handle *));
    ring->capacity = capacity;
    return CKR_OK;
}

/* Having no memory is no failure: then the ring stays as large as it is. False: there is none. */
static bool enter_ring(struct kk_app *app, struct kk_handle *entry)
{
    struct kk_handle_ring *ring = &app->ring;
    size_t most = KK_MAX((size_t)app->engine->config->cache_objects, RING_LEAST);
    if (entry->place != 0) {
        return true;
    }
    if (ring->next == ring->capacity &&
        (ring->capacity == most || grow_ring(ring, most) != CKR_OK)) {
        ring->next = 0;
    }
    if (ring->capacity == 0) {
        return false;
    }
    struct kk_handle *first = ring->entries[ring->next];
    if (first != NULL) {
        kk_object_unref(first->object);
        first->object = NULL;
        first->place = 0;
    }
    ring->entries[ring->next++] = entry;
    entry->place = ring->next;
    return true;
}

void kk_handles_update(struct kk_app *app, struct kk_handle *entry, struct kk_object *object,
                       uint64_t epoch)
{
    KK_ASSERT_HELD(&app->state_lock);
    bool is_held = !object->is_token || object->by_token || enter_ring(app, entry);
    kk_object_unref(entry->object);
    entry->object = is_held ? kk_object_ref(object) : NULL;
    entry->epoch = epoch;
    entry->is_private = object->is_private;
}

/* ---- giving and forgetting ---- */

static void disown(struct kk_handle *entry)
{
    if (entry->owner == NULL) {
        return;
    }
    *(entry->prev != NULL ? &entry->prev->next : &entry->owner->owned) = entry->next;
    if (entry->next != NULL) {
        entry->next->prev = entry->prev;
    }
    entry->owner = NULL;
    entry->prev = NULL;
    entry->next = NULL;
}

static void own(struct kk_session *owner, struct kk_handle *entry)
{
    disown(entry);
    if (owner == NULL) {
        return;
    }
    entry->owner = owner;
    entry->next = owner->owned;
    if (entry->next != NULL) {
        entry->next->prev = entry;
    }
    owner->owned = entry;
}

KK_RV kk_handles_give(struct kk_app *app, struct kk_slot *slot, struct kk_session *owner,
                      struct kk_object *object, uint64_t epoch, CK_OBJECT_HANDLE *ret_handle)
{
    KK_TRY(kk_handles_give_uuid(app, slot, &object->uuid, object->is_private, ret_handle));
    struct kk_handle *entry = kk_handles_find(app, *ret_handle);
    kk_handles_update(app, entry, object, epoch);
    entry->is_token = object->is_token;
    own(object->is_token ? NULL : owner, entry);
    return CKR_OK;
}

/* What an entry leaves behind when it goes: its uuid, and the session object itself. */
static void leave(struct kk_app *app, struct kk_handle *entry)
{
    kk_uuid_map_remove(app->handles, &entry->uuid);
    leave_ring(app, entry);
    disown(entry);
    if (!entry->is_token && entry->object != NULL && !entry->object->by_token) {
        atomic_store(&entry->object->superseded, true);
        atomic_store(&entry->object->destroyed, true);
        kk_object_drop_key(entry->object);
        kk_index_remove(entry->slot->session_objects, &entry->uuid);
    }
    entry_free(entry);
}

void kk_handles_forget(struct kk_app *app, struct kk_handle *entry)
{
    KK_ASSERT_HELD(&app->state_lock);
    kk_handle_map_remove(app->objects, entry->handle);
    leave(app, entry);
}

struct filter {
    struct kk_app *app;
    const struct kk_slot *slot; /* NULL: any */
    bool private_only;
};

static bool filter_entry(KK_UNUSED CK_ULONG handle, void *value, void *context)
{
    const struct filter *filter = context;
    struct kk_handle *entry = value;
    bool goes = (filter->slot == NULL || entry->slot == filter->slot) &&
                (!filter->private_only || entry->is_private);
    if (goes) {
        leave(filter->app, entry);
    }
    return !goes;
}

static void forget(struct kk_app *app, const struct filter *filter)
{
    KK_ASSERT_HELD(&app->state_lock);
    struct filter copy = *filter;
    kk_handle_map_each(app->objects, filter_entry, &copy);
}

void kk_handles_forget_private(struct kk_app *app, struct kk_slot *slot)
{
    forget(app, &(struct filter){.app = app, .slot = slot, .private_only = true});
}

void kk_handles_forget_session(struct kk_app *app, struct kk_session *owner)
{
    while (owner->owned != NULL) {
        kk_handles_forget(app, owner->owned);
    }
}

void kk_handles_forget_slot(struct kk_app *app, struct kk_slot *slot)
{
    forget(app, &(struct filter){.app = app, .slot = slot});
}

void kk_handles_forget_all(struct kk_app *app)
{
    KK_LOCK_SCOPE(&app->state_lock);
    forget(app, &(struct filter){.app = app});
}
