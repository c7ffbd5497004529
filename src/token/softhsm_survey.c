/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at the objects of a SoftHSM token before a search.
 *
 * Where the kernel tells of each change before the one who makes it goes on (store/watch.h), only
 * what was told of is looked at: the marks. Taking what the kernel has and marking it is one step
 * under the lock, and a mark stays until its object was looked at: so a thread that finds nothing
 * told any more finds the marks of another one that is still looking. Without a watch, and after
 * more than there are marks for, all files are looked at.
 */
#include "base/memory.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* A token of fewer objects is not worth one of the user's inotify instances. */
#define WATCH_LEAST 32

/* ---- marks; caller holds the lock ---- */

static void mark(struct kk_softhsm *repo, const struct kk_uuid *uuid)
{
    KK_ASSERT_HELD(&repo->lock);
    struct kk_softhsm_marks *marks = &repo->marks;
    uint64_t number = ++marks->number;
    size_t i = 0;
    while (i < marks->count && !kk_uuid_equal(&marks->of[i].uuid, uuid)) {
        i++;
    }
    if (i == KK_SOFTHSM_MARKS) {
        marks->all = number;
        return;
    }
    marks->count = KK_MAX(marks->count, i + 1);
    marks->of[i].uuid = *uuid;
    marks->of[i].number = number;
}

void kk_softhsm_look_again(struct kk_softhsm *repo, const struct kk_uuid *uuid)
{
    KK_LOCK_SCOPE(&repo->lock);
    mark(repo, uuid);
}

static void mark_name(const char *name, void *context)
{
    struct kk_uuid uuid;
    if (kk_softhsm_object_of(name, &uuid)) {
        mark(context, &uuid);
    }
}

/* What nobody tells of: that an object stays unfinished, and what comes by another name. */
static bool is_watched(const struct kk_softhsm_entry *entry)
{
    bool waits = entry->kind == KK_SOFTHSM_UNFINISHED && !entry->told;
    return !waits && !entry->seen.linked;
}

/* It was looked at; what it was marked for after `number` is still to be seen. */
static void unmark(struct kk_softhsm *repo, const struct kk_uuid *uuid, uint64_t number)
{
    struct kk_softhsm_marks *marks = &repo->marks;
    const struct kk_softhsm_entry *entry = kk_uuid_map_get(repo->entries, uuid);
    for (size_t i = 0; i < marks->count; i++) {
        if (kk_uuid_equal(&marks->of[i].uuid, uuid)) {
            if (marks->of[i].number <= number && (entry == NULL || is_watched(entry))) {
                marks->of[i] = marks->of[--marks->count];
            }
            return;
        }
    }
}

/* ---- the watch ---- */

static KK_RV start_watch(struct kk_softhsm *repo)
{
    KK_CLEANUP(kk_watch_freep) struct kk_watch *watch = NULL;
    KK_WITH_LOCK(&repo->lock)
    {
        if (repo->watch_tried || kk_uuid_map_count(repo->entries) < WATCH_LEAST) {
            return CKR_OK;
        }
        repo->watch_tried = true;
    }
    CK_RV rv = kk_softhsm_watch(repo->dir, &watch);
    KK_ENSURE(rv != CKR_HOST_MEMORY, rv);
    KK_LOCK_SCOPE(&repo->lock);
    repo->watch = KK_STEAL(watch);
    repo->marks.all = ++repo->marks.number; /* what happened before it was there */
    return CKR_OK;
}

/* What is to be looked at now. Reading what the kernel has waits for nobody, under the lock too. */
static void take_marks(struct kk_softhsm *repo, struct kk_softhsm_marks *ret_marks)
{
    KK_LOCK_SCOPE(&repo->lock);
    if (repo->watch == NULL || !kk_watch_take(repo->watch, mark_name, repo)) {
        repo->marks.all = ++repo->marks.number;
    }
    *ret_marks = repo->marks;
}

/* ---- looking ---- */

struct survey {
    struct kk_softhsm *repo;
    struct kk_uuid *gone;
    size_t count;
    uint64_t number;
    bool failed;
};

static void survey_clear(struct survey *survey)
{
    kk_free(survey->gone);
}

/* A file that cannot be read now does not hide the others. */
static CK_RV survey_one(const struct kk_uuid *uuid, void *context)
{
    struct survey *survey = context;
    CK_RV rv = kk_softhsm_look_at(survey->repo, uuid);
    if (rv != CKR_OK && rv != CKR_HOST_MEMORY) {
        kk_softhsm_left_out(survey->repo, uuid, "cannot be read");
        survey->failed = true;
        return CKR_OK;
    }
    return rv;
}

static bool collect_gone(const struct kk_uuid *uuid, void *value, void *context)
{
    struct survey *survey = context;
    const struct kk_softhsm_entry *entry = value;
    if (entry->survey < survey->number) {
        survey->gone[survey->count++] = *uuid;
    } else if (!is_watched(entry)) {
        mark(survey->repo, uuid);
    }
    return true;
}

static KK_RV forget_gone(struct survey *survey)
{
    struct kk_softhsm *repo = survey->repo;
    KK_WITH_LOCK(&repo->lock)
    {
        KK_TRY(
            kk_alloc_array(kk_uuid_map_count(repo->entries), sizeof *survey->gone, &survey->gone));
        kk_uuid_map_each(repo->entries, collect_gone, survey);
    }
    for (size_t i = 0; i < survey->count; i++) {
        kk_softhsm_forget(repo, &survey->gone[i]);
    }
    return CKR_OK;
}

static KK_RV look_at_all(struct kk_softhsm *repo, const struct kk_softhsm_marks *marks)
{
    KK_CLEANUP(survey_clear) struct survey survey = {.repo = repo};
    KK_WITH_LOCK(&repo->lock)
    {
        survey.number = ++repo->survey;
    }
    KK_TRY(kk_softhsm_each(repo->dir, survey_one, &survey));
    KK_WITH_LOCK(&repo->lock)
    {
        for (size_t i = 0; i < marks->count && !survey.failed; i++) {
            unmark(repo, &marks->of[i].uuid, marks->number);
        }
        if (!survey.failed && repo->marks.all <= marks->number) {
            repo->marks.all = 0;
        }
    }
    return forget_gone(&survey);
}

static KK_RV look_at_marks(struct kk_softhsm *repo, const struct kk_softhsm_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        struct survey survey = {.repo = repo};
        KK_TRY(survey_one(&marks->of[i].uuid, &survey));
        KK_LOCK_SCOPE(&repo->lock);
        if (!survey.failed) {
            unmark(repo, &marks->of[i].uuid, marks->number);
        }
    }
    return CKR_OK;
}

KK_RV kk_softhsm_look(struct kk_repository *repository, const struct kk_uuid *uuid)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    struct kk_softhsm_marks marks;
    if (uuid != NULL) {
        return kk_softhsm_look_at(repo, uuid);
    }
    KK_TRY(start_watch(repo));
    take_marks(repo, &marks);
    return marks.all != 0 ? look_at_all(repo, &marks) : look_at_marks(repo, &marks);
}
