/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of a SoftHSM token as they were seen last: what each file looked like, the public
 * ones in an index, and the private ones in one that belongs to the login that opened them.
 *
 * SoftHSM rewrites an object without telling anybody: so a file is looked at before what is known
 * of it is used; softhsm_survey.c looks before a search.
 */
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* An object that has been unfinished for so long will not be finished any more. */
#define UNFINISHED_NS INT64_C(5000000000)

uint64_t kk_softhsm_generation(uint64_t version)
{
    return version == 0 ? UINT64_MAX : version;
}

/* ---- the map; caller holds the lock ---- */

static struct kk_softhsm_entry *entry_of(struct kk_softhsm *repo, const struct kk_uuid *uuid)
{
    KK_ASSERT_HELD(&repo->lock);
    return kk_uuid_map_get(repo->entries, uuid);
}

static KK_RV entry_put(struct kk_softhsm *repo, const struct kk_uuid *uuid,
                       const struct kk_softhsm_seen *seen, enum kk_softhsm_kind kind,
                       uint64_t object_class)
{
    KK_ASSERT_HELD(&repo->lock);
    struct kk_softhsm_entry *entry = kk_uuid_map_get(repo->entries, uuid);
    if (entry == NULL) {
        KK_CLEANUP(kk_freep) struct kk_softhsm_entry *made = NULL;
        KK_TRY(kk_alloc(sizeof *made, &made));
        KK_TRY(kk_uuid_map_put(repo->entries, uuid, made, NULL));
        entry = KK_STEAL(made);
    }
    if (kind == KK_SOFTHSM_PRIVATE &&
        (entry->kind != kind || entry->seen.version != seen->version)) {
        repo->private_round++;
    }
    entry->seen = *seen;
    entry->kind = kind;
    entry->object_class = object_class;
    entry->survey = repo->survey;
    entry->told = false;
    return CKR_OK;
}

void kk_softhsm_forget(struct kk_softhsm *repo, const struct kk_uuid *uuid)
{
    KK_LOCK_SCOPE(&repo->lock);
    (void)kk_index_remove(repo->public_objects, uuid);
    kk_free(kk_uuid_map_remove(repo->entries, uuid));
    repo->version += 2;
}

/* The snapshot of this version, with a reference; NULL when there is none. */
static struct kk_object *known_object(struct kk_softhsm *repo, struct kk_unlock *unlock,
                                      const struct kk_uuid *uuid)
{
    KK_ASSERT_HELD(&repo->lock);
    const struct kk_softhsm_entry *entry = entry_of(repo, uuid);
    struct kk_index *index = NULL;
    if (entry != NULL && entry->kind == KK_SOFTHSM_PUBLIC) {
        index = repo->public_objects;
    } else if (entry != NULL && entry->kind == KK_SOFTHSM_PRIVATE && unlock != NULL) {
        index = ((struct kk_softhsm_unlock *)unlock)->objects;
    }
    struct kk_object *object = index != NULL ? kk_index_get(index, uuid) : NULL;
    bool present =
        object != NULL && object->generation == kk_softhsm_generation(entry->seen.version);
    return present ? kk_object_ref(object) : NULL;
}

/* ---- learning what a file says ---- */

void kk_softhsm_left_out(const struct kk_softhsm *repo, const struct kk_uuid *uuid,
                         const char *what)
{
    char text[KK_UUID_TEXT];
    kk_uuid_format(uuid, text);
    kk_log_warning("token %s: object %s %s: it is left out", kk_softhsm_path(repo->dir), text,
                   what);
}

static KK_RV kind_of(const struct kk_softhsm *repo, const struct kk_uuid *uuid, struct kk_span body,
                     enum kk_softhsm_kind *ret_kind, uint64_t *ret_class)
{
    struct kk_softhsm_head head = {.object_class = UINT64_MAX};
    CK_RV rv = kk_softhsm_head(body, &head);
    if (rv == CKR_DEVICE_ERROR) {
        kk_softhsm_left_out(repo, uuid, "is damaged");
        *ret_kind = KK_SOFTHSM_DAMAGED;
        return CKR_OK;
    }
    KK_TRY(rv);
    *ret_kind = !head.is_whole    ? KK_SOFTHSM_UNFINISHED
                : head.is_private ? KK_SOFTHSM_PRIVATE
                                  : KK_SOFTHSM_PUBLIC;
    *ret_class = head.object_class;
    return CKR_OK;
}

/* CKA_TRUSTED counts as it is stored: the format has nothing that proves it. */
static KK_RV snapshot(struct kk_softhsm *repo, const struct kk_unlock *unlock,
                      const struct kk_uuid *uuid, struct kk_span body, uint64_t version,
                      struct kk_object **ret_object)
{
    const struct kk_softhsm_keys keys = kk_softhsm_keys_of(repo, unlock);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    struct kk_object *object = NULL;
    KK_TRY(kk_softhsm_decode(body, &keys, &attrs));
    KK_TRY(kk_softhsm_import(repo->crypto, uuid, &attrs));
    KK_TRY(kk_object_new(uuid, kk_softhsm_generation(version), attrs, &object));
    (void)KK_STEAL(attrs);
    object->trust_proven = kk_attrs_flag(object->attrs, CKA_TRUSTED, false);
    *ret_object = object;
    return CKR_OK;
}

static KK_RV remember(struct kk_softhsm *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid,
                      const struct kk_softhsm_seen *seen, enum kk_softhsm_kind kind,
                      uint64_t object_class, struct kk_object *object)
{
    KK_LOCK_SCOPE(&repo->lock);
    KK_TRY(entry_put(repo, uuid, seen, kind, object_class));
    if (kind != KK_SOFTHSM_PUBLIC) {
        (void)kk_index_remove(repo->public_objects, uuid);
    } else {
        return kk_index_add(repo->public_objects, object);
    }
    struct kk_softhsm_unlock *login = (struct kk_softhsm_unlock *)unlock;
    return object != NULL && login != NULL ? kk_index_add(login->objects, object) : CKR_OK;
}

KK_RV kk_softhsm_learn(struct kk_softhsm *repo, struct kk_unlock *unlock,
                       const struct kk_uuid *uuid, struct kk_span body,
                       const struct kk_softhsm_seen *seen, struct kk_object **ret_object)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    enum kk_softhsm_kind kind = KK_SOFTHSM_UNFINISHED;
    uint64_t object_class = UINT64_MAX;
    KK_TRY(kind_of(repo, uuid, body, &kind, &object_class));
    bool opens = kind == KK_SOFTHSM_PUBLIC || (kind == KK_SOFTHSM_PRIVATE && unlock != NULL);
    if (opens) {
        CK_RV rv = snapshot(repo, unlock, uuid, body, seen->version, &object);
        if (rv == CKR_DEVICE_ERROR) {
            kk_softhsm_left_out(repo, uuid, "is damaged");
            kind = KK_SOFTHSM_DAMAGED;
        } else {
            KK_TRY(rv);
        }
    }
    CK_RV rv = remember(repo, unlock, uuid, seen, kind, object_class, object);
    if (rv != CKR_OK) {
        kk_softhsm_forget(repo, uuid); /* half remembered, it would pass for seen */
        kk_softhsm_look_again(repo, uuid);
        return rv;
    }
    if (ret_object != NULL && object != NULL) {
        *ret_object = KK_STEAL(object);
    }
    return CKR_OK;
}

/* Reads the file. One that is gone is forgotten. */
static KK_RV load(struct kk_softhsm *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_seen seen;
    CK_RV rv = kk_softhsm_read(repo->dir, uuid, &body, &seen);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        kk_softhsm_forget(repo, uuid);
        return rv;
    }
    KK_TRY(rv);
    return kk_softhsm_learn(repo, unlock, uuid, kk_buffer_span(&body), &seen, NULL);
}

/* ---- looking ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Says once that an object was left unfinished. */
static void tell_unfinished(struct kk_softhsm *repo, const struct kk_uuid *uuid)
{
    bool tell = false;
    KK_WITH_LOCK(&repo->lock)
    {
        struct kk_softhsm_entry *entry = entry_of(repo, uuid);
        tell = entry != NULL && entry->kind == KK_SOFTHSM_UNFINISHED && !entry->told &&
               now_ns() - entry->seen.modified_ns > UNFINISHED_NS;
        if (tell) {
            entry->told = true;
        }
    }
    if (tell) {
        kk_softhsm_left_out(repo, uuid, "is empty or was never finished");
    }
}

/* Whether the file is as it was seen last; an object that was never seen is another one. */
static KK_RV is_same(struct kk_softhsm *repo, const struct kk_uuid *uuid, bool *ret_same)
{
    struct kk_softhsm_entry copy = {0};
    bool known = false;
    *ret_same = false;
    KK_WITH_LOCK(&repo->lock)
    {
        struct kk_softhsm_entry *entry = entry_of(repo, uuid);
        if (entry != NULL) {
            known = true;
            copy = *entry;
            entry->survey = repo->survey;
        }
    }
    if (!known) {
        return CKR_OK;
    }
    KK_TRY(kk_softhsm_is_same(repo->dir, uuid, &copy.seen, ret_same));
    KK_LOCK_SCOPE(&repo->lock);
    struct kk_softhsm_entry *entry = entry_of(repo, uuid);
    if (*ret_same && entry != NULL && entry->seen.version == copy.seen.version) {
        entry->seen = copy.seen; /* it may have settled */
    }
    return CKR_OK;
}

KK_RV kk_softhsm_look_at(struct kk_softhsm *repo, const struct kk_uuid *uuid)
{
    bool same = false;
    CK_RV rv = is_same(repo, uuid, &same);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        kk_softhsm_forget(repo, uuid);
        return CKR_OK;
    }
    KK_TRY(rv);
    if (same) {
        tell_unfinished(repo, uuid);
        return CKR_OK;
    }
    rv = load(repo, NULL, uuid);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    KK_LOCK_SCOPE(&repo->lock);
    repo->version += 2;
    return CKR_OK;
}

/* ---- reading ---- */

static enum kk_softhsm_kind kind_now(struct kk_softhsm *repo, const struct kk_uuid *uuid,
                                     bool *ret_known)
{
    KK_LOCK_SCOPE(&repo->lock);
    const struct kk_softhsm_entry *entry = entry_of(repo, uuid);
    *ret_known = entry != NULL;
    return entry != NULL ? entry->kind : KK_SOFTHSM_UNFINISHED;
}

KK_RV kk_softhsm_read_op(struct kk_repository *repository, struct kk_unlock *unlock,
                         const struct kk_uuid *uuid, struct kk_object **ret_object)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    struct kk_object *object = NULL;
    bool known = false;
    KK_TRY(kk_softhsm_look_at(repo, uuid));
    KK_WITH_LOCK(&repo->lock)
    {
        object = known_object(repo, unlock, uuid);
    }
    if (object == NULL && kind_now(repo, uuid, &known) == KK_SOFTHSM_PRIVATE) {
        KK_ENSURE(unlock != NULL, CKR_USER_NOT_LOGGED_IN);
        KK_TRY(load(repo, unlock, uuid));
        KK_WITH_LOCK(&repo->lock)
        {
            object = known_object(repo, unlock, uuid);
        }
    }
    if (object == NULL) {
        bool damaged = kind_now(repo, uuid, &known) == KK_SOFTHSM_DAMAGED;
        return damaged ? CKR_DEVICE_ERROR : CKR_OBJECT_HANDLE_INVALID;
    }
    *ret_object = object;
    return CKR_OK;
}

/* ---- searching ---- */

struct uuid_list {
    struct kk_uuid *uuids;
    size_t count, room;
};

static void uuid_list_clear(struct uuid_list *list)
{
    kk_free(list->uuids);
}

static KK_RV add(struct uuid_list *list, const struct kk_uuid *uuid)
{
    if (list->count == list->room) {
        size_t room = KK_MAX(list->room * 2, (size_t)16);
        KK_TRY(kk_realloc_array(&list->uuids, room, sizeof *list->uuids));
        list->room = room;
    }
    list->uuids[list->count++] = *uuid;
    return CKR_OK;
}

struct missing {
    struct kk_softhsm *repo;
    struct kk_unlock *unlock;
    struct uuid_list list;
    CK_RV rv;
};

static void missing_clear(struct missing *missing)
{
    uuid_list_clear(&missing->list);
}

static bool add_missing(const struct kk_uuid *uuid, void *value, void *context)
{
    struct missing *missing = context;
    const struct kk_softhsm_entry *entry = value;
    if (entry->kind == KK_SOFTHSM_PRIVATE && missing->rv == CKR_OK) {
        struct kk_object *object = known_object(missing->repo, missing->unlock, uuid);
        if (object == NULL) {
            missing->rv = add(&missing->list, uuid);
        }
        kk_object_unref(object);
    }
    return true;
}

/* Opens the private objects that this login has not opened yet. */
static KK_RV open_private(struct kk_softhsm *repo, struct kk_unlock *unlock)
{
    KK_CLEANUP(missing_clear) struct missing missing = {.repo = repo, .unlock = unlock};
    struct kk_softhsm_unlock *login = (struct kk_softhsm_unlock *)unlock;
    bool is_whole = true;
    uint64_t before = 0;
    KK_WITH_LOCK(&repo->lock)
    {
        before = repo->private_round;
        if (login->opened == before) {
            return CKR_OK;
        }
        kk_uuid_map_each(repo->entries, add_missing, &missing);
    }
    KK_TRY(missing.rv);
    for (size_t i = 0; i < missing.list.count; i++) {
        CK_RV rv = load(repo, unlock, &missing.list.uuids[i]);
        KK_ENSURE(rv != CKR_HOST_MEMORY, rv); /* others concern this object alone */
        if (rv != CKR_OK) {
            kk_softhsm_forget(repo, &missing.list.uuids[i]);
            kk_softhsm_look_again(repo, &missing.list.uuids[i]);
            is_whole = false;
        }
    }
    KK_LOCK_SCOPE(&repo->lock);
    if (is_whole) {
        login->opened = before;
    }
    return CKR_OK;
}

struct finding {
    struct kk_softhsm *repo;
    struct uuid_list list;
};

static void finding_clear(struct finding *finding)
{
    uuid_list_clear(&finding->list);
}

/* A login's index may still have what is gone or another version by now. */
static CK_RV add_found(struct kk_object *object, void *context)
{
    struct finding *finding = context;
    const struct kk_softhsm_entry *entry = entry_of(finding->repo, &object->uuid);
    bool present =
        entry != NULL && kk_softhsm_generation(entry->seen.version) == object->generation;
    return present ? add(&finding->list, &object->uuid) : CKR_OK;
}

static int by_uuid(const void *a, const void *b)
{
    return kk_uuid_compare(a, b);
}

KK_RV kk_softhsm_find(struct kk_repository *repository, struct kk_unlock *unlock, bool with_private,
                      const struct kk_attrs *tmpl, struct kk_uuid **ret_uuids, size_t *ret_count)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    KK_CLEANUP(finding_clear) struct finding finding = {.repo = repo};
    bool opens = with_private && unlock != NULL;
    if (opens) {
        KK_TRY(open_private(repo, unlock));
    }
    KK_WITH_LOCK(&repo->lock)
    {
        KK_TRY(kk_index_find(repo->public_objects, tmpl, add_found, &finding));
        if (opens) {
            KK_TRY(kk_index_find(((struct kk_softhsm_unlock *)unlock)->objects, tmpl, add_found,
                                 &finding));
        }
    }
    if (finding.list.count > 0) {
        qsort(finding.list.uuids, finding.list.count, sizeof *finding.list.uuids, by_uuid);
    }
    *ret_uuids = KK_STEAL(finding.list.uuids);
    *ret_count = finding.list.count;
    return CKR_OK;
}

static bool note_hidden(KK_UNUSED const struct kk_uuid *uuid, void *value, void *context)
{
    const struct kk_softhsm_entry *entry = value;
    struct kk_hidden *hidden = context;
    if (entry->kind == KK_SOFTHSM_PRIVATE) {
        hidden->certificates = hidden->certificates || entry->object_class == CKO_CERTIFICATE;
        hidden->private_keys = hidden->private_keys || entry->object_class == CKO_PRIVATE_KEY;
    }
    return true;
}

/* The class of a private object lies in its file in clear. */
KK_RV kk_softhsm_hidden(struct kk_repository *repository, struct kk_hidden *ret_hidden)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    *ret_hidden = (struct kk_hidden){0};
    KK_LOCK_SCOPE(&repo->lock);
    kk_uuid_map_each(repo->entries, note_hidden, ret_hidden);
    return CKR_OK;
}
