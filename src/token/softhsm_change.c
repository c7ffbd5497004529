/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing objects. New ones appear together; each change of one that exists is whole by itself.
 */
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "object/stateful.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* How long a SoftHSM may take from reading an object to locking it. */
#define SETTLE_NS 1000000
#define SETTLE_FOREIGN_NS 5000000

struct commit {
    struct kk_softhsm *repo;
    struct kk_unlock *unlock;
    const struct kk_stored_change *changes;
    size_t count;
    struct kk_buffer *bodies;     /* per change */
    struct kk_softhsm_new *fresh; /* the new ones among them, in order */
    size_t fresh_count;
    struct kk_object **made; /* a snapshot per PUT */
};

static void commit_clear(struct commit *commit)
{
    for (size_t i = 0; commit->bodies != NULL && i < commit->count; i++) {
        kk_buffer_clear(&commit->bodies[i]);
    }
    for (size_t i = 0; commit->made != NULL && i < commit->count; i++) {
        kk_object_unref(commit->made[i]);
    }
    kk_free(commit->bodies);
    kk_free(commit->fresh);
    kk_free(commit->made);
}

static KK_RV encode(const struct commit *commit, const struct kk_attrs *attrs,
                    struct kk_buffer *ret_body)
{
    const struct kk_softhsm_keys keys = kk_softhsm_keys_of(commit->repo, commit->unlock);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *stored = NULL;
    /* SoftHSM writes back what it read before it had the lock, and with it leaves that were used.
     */
    KK_ENSURE(!kk_stateful_is_one_time(attrs), CKR_ATTRIBUTE_VALUE_INVALID);
    KK_TRY(kk_softhsm_export(attrs, &stored));
    return kk_softhsm_encode(stored, &keys, ret_body);
}

/* All that may be refused is refused before the first byte is written. */
static KK_RV prepare(struct commit *commit)
{
    KK_TRY(kk_alloc_array(commit->count, sizeof *commit->bodies, &commit->bodies));
    KK_TRY(kk_alloc_array(commit->count, sizeof *commit->fresh, &commit->fresh));
    KK_TRY(kk_alloc_array(commit->count, sizeof *commit->made, &commit->made));
    for (size_t i = 0; i < commit->count; i++) {
        const struct kk_stored_change *change = &commit->changes[i];
        if (change->kind == KK_CHANGE_DELETE) {
            continue;
        }
        KK_TRY(encode(commit, change->attrs, &commit->bodies[i]));
        if (change->expected_generation == 0) {
            commit->fresh[commit->fresh_count++] = (struct kk_softhsm_new){
                .uuid = change->uuid, .body = kk_buffer_span(&commit->bodies[i])};
        }
    }
    return CKR_OK;
}

static KK_RV learn(struct commit *commit, size_t i, const struct kk_softhsm_seen *seen)
{
    return kk_softhsm_learn(commit->repo, commit->unlock, &commit->changes[i].uuid,
                            kk_buffer_span(&commit->bodies[i]), seen, &commit->made[i]);
}

/* Our own step of the generation is known; another's in between is not. */
static KK_RV announce(struct kk_softhsm *repo)
{
    uint64_t before = 0;
    uint64_t after = 0;
    KK_TRY(kk_softhsm_bump(repo->dir, &before, &after));
    KK_LOCK_SCOPE(&repo->lock);
    repo->version += repo->stamp.generation == before ? 2 : 4;
    repo->stamp.generation = after;
    return CKR_OK;
}

/* Takes back what its caller will not hear of. */
static void take_back(struct commit *commit)
{
    for (size_t i = 0; i < commit->fresh_count; i++) {
        kk_softhsm_discard(commit->repo->dir, &commit->fresh[i].uuid);
        kk_softhsm_forget(commit->repo, &commit->fresh[i].uuid);
    }
}

static KK_RV learn_fresh(struct commit *commit)
{
    size_t next = 0;
    for (size_t i = 0; i < commit->count; i++) {
        const struct kk_stored_change *change = &commit->changes[i];
        if (change->kind == KK_CHANGE_PUT && change->expected_generation == 0) {
            KK_TRY(learn(commit, i, &commit->fresh[next++].seen));
        }
    }
    return CKR_OK;
}

static KK_RV create(struct commit *commit)
{
    if (commit->fresh_count == 0) {
        return CKR_OK;
    }
    KK_TRY(kk_softhsm_create(commit->repo->dir, commit->fresh, commit->fresh_count));
    CK_RV rv = learn_fresh(commit);
    rv = rv == CKR_OK ? announce(commit->repo) : rv;
    if (rv != CKR_OK) {
        take_back(commit);
    }
    return rv;
}

/* The version that the change started from must be the present one. */
static KK_RV begin(const struct commit *commit, const struct kk_stored_change *change,
                   struct kk_softhsm_edit *edit)
{
    struct kk_softhsm_head head = {0};
    KK_TRY(kk_softhsm_edit_begin(commit->repo->dir, &change->uuid, edit));
    KK_ENSURE(kk_softhsm_generation(edit->version) == change->expected_generation,
              CKR_FUNCTION_REJECTED);
    KK_TRY(kk_softhsm_head(kk_softhsm_edit_body(edit), &head));
    KK_ENSURE(!head.is_private || commit->unlock != NULL, CKR_USER_NOT_LOGGED_IN);
    KK_ENSURE(change->kind == KK_CHANGE_DELETE ||
                  head.is_private == kk_attrs_flag(change->attrs, CKA_PRIVATE, false),
              CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* What one change wrote, and over what. */
struct written {
    struct kk_buffer before;
    struct kk_softhsm_seen seen;
    bool foreign;
};

static void written_clear(struct written *written)
{
    kk_buffer_clear(&written->before);
}

static KK_RV write_over(struct commit *commit, size_t i, struct written *written)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    KK_TRY(begin(commit, &commit->changes[i], &edit));
    written->before.wipe = true;
    written->foreign = edit.foreign;
    kk_buffer_put_span(&written->before, kk_softhsm_edit_body(&edit));
    KK_TRY(kk_buffer_check(&written->before));
    return kk_softhsm_edit_write(&edit, kk_buffer_span(&commit->bodies[i]), &written->seen);
}

/* Something that we changed is what it was before. */
static bool is_undone(const struct kk_attrs *before, const struct kk_attrs *ours,
                      const struct kk_attrs *now)
{
    for (size_t i = 0; i < ours->count; i++) {
        const struct kk_attr *wanted = &ours->rows[i];
        const struct kk_attr *old = kk_attrs_find(before, wanted->type);
        const struct kk_attr *present = kk_attrs_find(now, wanted->type);
        bool changed = old == NULL || !kk_attr_equal(old, wanted);
        bool reverted =
            old == NULL ? present == NULL : present != NULL && kk_attr_equal(old, present);
        if (changed && reverted) {
            return true;
        }
    }
    return false;
}

static KK_RV check_not_undone(const struct commit *commit, struct kk_span before,
                              struct kk_span ours, struct kk_span now)
{
    const struct kk_softhsm_keys keys = kk_softhsm_keys_of(commit->repo, commit->unlock);
    const struct kk_span bodies[] = {before, ours, now};
    struct kk_attrs *sets[3] = {0};
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < KK_ARRAY_LEN(sets) && rv == CKR_OK; i++) {
        rv = kk_softhsm_decode(bodies[i], &keys, &sets[i]);
    }
    if (rv == CKR_OK && is_undone(sets[0], sets[1], sets[2])) {
        rv = CKR_FUNCTION_REJECTED;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
        kk_attrs_free(sets[i]);
    }
    return rv == CKR_DEVICE_ERROR ? CKR_OK : rv; /* who damaged it came later */
}

/* A SoftHSM that had read the object before we wrote may write it back as it was. It does so within
 * moments or never. CKR_FUNCTION_REJECTED: it did, once more. */
static KK_RV check_stands(struct commit *commit, size_t i, struct written *written)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer now = {0};
    const struct kk_uuid *uuid = &commit->changes[i].uuid;
    struct kk_softhsm_seen seen = written->seen;
    bool same = false;
    long wait = written->foreign ? SETTLE_FOREIGN_NS : SETTLE_NS;
    (void)nanosleep(&(struct timespec){.tv_nsec = wait}, NULL);
    CK_RV rv = kk_softhsm_is_same(commit->repo->dir, uuid, &seen, &same);
    if (rv == CKR_OK && !same) {
        rv = kk_softhsm_read(commit->repo->dir, uuid, &now, &seen);
    }
    if (rv != CKR_OK || same || !kk_softhsm_is_foreign(seen.version)) {
        return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_OK : rv; /* destroyed since */
    }
    return check_not_undone(commit, kk_buffer_span(&written->before),
                            kk_buffer_span(&commit->bodies[i]), kk_buffer_span(&now));
}

static KK_RV replace(struct commit *commit, size_t i)
{
    KK_CLEANUP(written_clear) struct written written = {0};
    struct kk_softhsm *repo = commit->repo;
    KK_TRY(write_over(commit, i, &written));
    KK_TRY(check_stands(commit, i, &written));
    KK_TRY(learn(commit, i, &written.seen));
    KK_LOCK_SCOPE(&repo->lock);
    repo->version += 2;
    return CKR_OK;
}

/* A SoftHSM that had read the object before it went may make the file anew. */
static KK_RV erase_again(struct commit *commit, const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    (void)nanosleep(&(struct timespec){.tv_nsec = SETTLE_NS}, NULL);
    CK_RV rv = kk_softhsm_edit_begin(commit->repo->dir, uuid, &edit);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return CKR_OK;
    }
    KK_TRY(rv);
    return kk_softhsm_edit_delete(&edit);
}

static KK_RV erase_locked(struct commit *commit, size_t i)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    KK_TRY(begin(commit, &commit->changes[i], &edit));
    return kk_softhsm_edit_delete(&edit);
}

static KK_RV erase(struct commit *commit, size_t i)
{
    KK_TRY(erase_locked(commit, i));
    KK_TRY(erase_again(commit, &commit->changes[i].uuid));
    KK_TRY(announce(commit->repo));
    kk_softhsm_forget(commit->repo, &commit->changes[i].uuid);
    return CKR_OK;
}

static KK_RV change_present(struct commit *commit)
{
    for (size_t i = 0; i < commit->count; i++) {
        const struct kk_stored_change *change = &commit->changes[i];
        if (change->kind == KK_CHANGE_DELETE) {
            KK_TRY(erase(commit, i));
        } else if (change->expected_generation != 0) {
            KK_TRY(replace(commit, i));
        }
    }
    return CKR_OK;
}

KK_RV kk_softhsm_change(struct kk_repository *repository, struct kk_unlock *unlock,
                        const struct kk_stored_change *changes, size_t count,
                        struct kk_object **ret_objects)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    KK_CLEANUP(commit_clear) struct commit commit = {
        .repo = repo, .unlock = unlock, .changes = changes, .count = count};
    struct kk_softhsm_stamp stamp;
    KK_ENSURE(!kk_softhsm_read_only(repo->dir), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(kk_softhsm_fresh(repo->dir, &stamp)); /* the token is still there */
    KK_TRY(kk_softhsm_check_login(repo, unlock));
    KK_TRY(prepare(&commit));
    KK_TRY(create(&commit));
    KK_TRY(change_present(&commit));
    for (size_t i = 0; ret_objects != NULL && i < count; i++) {
        ret_objects[i] = KK_STEAL(commit.made[i]);
    }
    return CKR_OK;
}

/* ---- C_InitToken ---- */

static CK_RV clear_one(const struct kk_uuid *uuid, void *context)
{
    struct kk_softhsm *repo = context;
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    CK_RV rv = kk_softhsm_edit_begin(repo->dir, uuid, &edit);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        return CKR_OK; /* somebody was faster */
    }
    KK_TRY(rv);
    KK_TRY(kk_softhsm_edit_delete(&edit));
    kk_softhsm_forget(repo, uuid);
    return CKR_OK;
}

KK_RV kk_softhsm_clear(struct kk_softhsm *repo)
{
    return kk_softhsm_each(repo->dir, clear_one, repo);
}
