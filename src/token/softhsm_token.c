/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.object: who the token is, and changing it.
 *
 * The format has no epoch that tells a token from what it was before C_InitToken. A C_InitToken by
 * Keykist writes a random one into keykist.tries. One by SoftHSM is noticed by what it leaves: the
 * user's PIN is gone, or the label is another, or the user's PIN is another and no object that was
 * there is there any more.
 */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* SoftHSM writes token.object at each login, from what it read a few milliseconds before. */
#define SETTLE_NS 30000000
#define WATCH_NS 50000
#define GIVE_UP_NS INT64_C(5000000000)

/* ---- reading ---- */

static bool take_fixed(const struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, void *out, size_t len)
{
    struct kk_span value = kk_attrs_bytes(attrs, type);
    if (value.len != len) {
        return false;
    }
    memcpy(out, value.data, len);
    return true;
}

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit && (text[i] < 'a' || text[i] > 'f')) {
            return false;
        }
    }
    return true;
}

bool kk_softhsm_identity_of(const struct kk_attrs *attrs, struct kk_softhsm_identity *identity)
{
    *identity =
        (struct kk_softhsm_identity){.flags = kk_attrs_number(attrs, KK_SOFTHSM_TOKEN_FLAGS, 0)};
    identity->has_so = take_fixed(attrs, KK_SOFTHSM_TOKEN_SO, identity->so, sizeof identity->so);
    identity->has_user =
        take_fixed(attrs, KK_SOFTHSM_TOKEN_USER, identity->user, sizeof identity->user);
    return take_fixed(attrs, KK_SOFTHSM_TOKEN_LABEL, identity->label, sizeof identity->label) &&
           take_fixed(attrs, KK_SOFTHSM_TOKEN_SERIAL, identity->serial, sizeof identity->serial) &&
           is_hex(identity->serial, sizeof identity->serial);
}

/* CKR_TOKEN_NOT_RECOGNIZED: what was read says nothing. */
static KK_RV read_identity(struct kk_softhsm *repo, struct kk_softhsm_identity *identity,
                           uint64_t *ret_version)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    struct kk_softhsm_seen seen;
    KK_TRY(kk_softhsm_read(repo->dir, NULL, &body, &seen));
    CK_RV rv = kk_softhsm_decode(kk_buffer_span(&body), NULL, &attrs);
    if (rv == CKR_DEVICE_ERROR || (rv == CKR_OK && !kk_softhsm_identity_of(attrs, identity))) {
        kk_log_error("token %s: token.object is damaged or not finished",
                     kk_softhsm_path(repo->dir));
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    KK_TRY(rv);
    *ret_version = seen.version;
    return CKR_OK;
}

/* ---- noticing C_InitToken by SoftHSM ---- */

struct known_objects {
    struct kk_uuid *uuids;
    size_t count;
};

static void known_objects_clear(struct known_objects *known)
{
    kk_free(known->uuids);
}

static bool add_known(const struct kk_uuid *uuid, KK_UNUSED void *value, void *context)
{
    struct known_objects *known = context;
    known->uuids[known->count++] = *uuid;
    return true;
}

static KK_RV list_known(struct kk_softhsm *repo, struct known_objects *known)
{
    KK_LOCK_SCOPE(&repo->lock);
    KK_TRY(kk_alloc_array(kk_uuid_map_count(repo->entries), sizeof *known->uuids, &known->uuids));
    kk_uuid_map_each(repo->entries, add_known, known);
    return CKR_OK;
}

/* There were objects, and none of them is there. */
static KK_RV all_are_gone(struct kk_softhsm *repo, bool *ret_gone)
{
    KK_CLEANUP(known_objects_clear) struct known_objects known = {0};
    bool gone = true;
    KK_TRY(list_known(repo, &known));
    for (size_t i = 0; gone && i < known.count; i++) {
        struct kk_softhsm_seen seen = {0};
        bool same = false;
        CK_RV rv = kk_softhsm_is_same(repo->dir, &known.uuids[i], &seen, &same);
        gone = rv == CKR_OBJECT_HANDLE_INVALID;
    }
    *ret_gone = gone && known.count > 0;
    return CKR_OK;
}

static KK_RV is_reborn(struct kk_softhsm *repo, const struct kk_softhsm_identity *old,
                       const struct kk_softhsm_identity *now, bool *ret_reborn)
{
    bool lost_user = old->has_user && !now->has_user;
    bool other_user = old->has_user && now->has_user &&
                      !kk_mem_equal(old->user, sizeof old->user, now->user, sizeof now->user);
    bool other_label = !kk_mem_equal(old->label, sizeof old->label, now->label, sizeof now->label);
    bool gone = false;
    if (other_user) {
        KK_TRY(all_are_gone(repo, &gone));
    }
    *ret_reborn = lost_user || other_label || gone;
    return CKR_OK;
}

static KK_RV adopt_identity(struct kk_softhsm *repo, const struct kk_softhsm_identity *now,
                            uint64_t version)
{
    struct kk_softhsm_identity old;
    bool had = false;
    bool reborn = false;
    KK_WITH_LOCK(&repo->lock)
    {
        had = repo->identified;
        old = repo->identity;
    }
    if (had) {
        KK_TRY(is_reborn(repo, &old, now, &reborn));
    }
    KK_LOCK_SCOPE(&repo->lock);
    repo->identified = true;
    repo->identity = *now;
    repo->identity_version = version;
    repo->incarnations += reborn ? 1 : 0;
    return CKR_OK;
}

KK_RV kk_softhsm_recognise(struct kk_softhsm *repo, struct kk_softhsm_identity *ret_identity)
{
    struct kk_softhsm_stamp stamp;
    struct kk_softhsm_identity identity;
    uint64_t version = 0;
    KK_TRY(kk_softhsm_fresh(repo->dir, &stamp));
    KK_WITH_LOCK(&repo->lock)
    {
        if (repo->identified && stamp.stable && repo->identity_version == stamp.token_version) {
            *ret_identity = repo->identity;
            return CKR_OK;
        }
    }
    KK_TRY(read_identity(repo, &identity, &version));
    KK_TRY(adopt_identity(repo, &identity, version));
    *ret_identity = identity;
    return CKR_OK;
}

KK_RV kk_softhsm_identify(struct kk_softhsm *repo, struct kk_softhsm_identity *ret_identity)
{
    CK_RV rv = kk_softhsm_recognise(repo, ret_identity);
    return rv == CKR_TOKEN_NOT_RECOGNIZED ? CKR_DEVICE_ERROR : rv;
}

KK_RV kk_softhsm_epoch(struct kk_softhsm *repo, uint8_t ret_epoch[16])
{
    struct kk_softhsm_identity identity;
    uint8_t made[16];
    uint8_t counter[16];
    uint8_t hash[KK_SHA256_SIZE];
    KK_TRY(kk_softhsm_identify(repo, &identity));
    KK_TRY(kk_softhsm_tries_epoch(repo, made));
    KK_WITH_LOCK(&repo->lock)
    {
        kk_store_u64(counter, repo->incarnations);
    }
    kk_store_u64(counter + 8, kk_softhsm_inode(repo->dir));
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(made), KK_SPAN_ARRAY(counter),
                                     KK_SPAN_ARRAY(identity.serial)};
    KK_TRY(kk_sha256(repo->crypto, pieces, KK_ARRAY_LEN(pieces), hash));
    memcpy(ret_epoch, hash, 16);
    return CKR_OK;
}

/* ---- what the token layer asks ---- */

KK_RV kk_softhsm_fresh_op(struct kk_repository *repository, struct kk_store_stamp *ret_stamp)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    struct kk_softhsm_stamp stamp;
    KK_TRY(kk_softhsm_fresh(repo->dir, &stamp));
    KK_LOCK_SCOPE(&repo->lock);
    if (stamp.generation != repo->stamp.generation ||
        stamp.token_version != repo->stamp.token_version) {
        repo->stamp = stamp;
        repo->version += 2;
    }
    *ret_stamp = (struct kk_store_stamp){.value = repo->version, .stable = stamp.stable};
    return CKR_OK;
}

KK_RV kk_softhsm_state(struct kk_repository *repository, struct kk_token_state *ret_state)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    struct kk_softhsm_identity identity;
    struct kk_token_state state = {.read_only = kk_softhsm_read_only(repo->dir)};
    struct kk_tries user = {0};
    struct kk_tries so = {0};
    KK_TRY(kk_softhsm_identify(repo, &identity));
    KK_TRY(repo->book.ops->load(repo, KK_ROLE_USER, &user));
    KK_TRY(repo->book.ops->load(repo, KK_ROLE_SO, &so));
    kk_tries_add_memory(&repo->book, KK_ROLE_USER, &user);
    kk_tries_add_memory(&repo->book, KK_ROLE_SO, &so);
    memcpy(state.label, identity.label, sizeof state.label);
    memcpy(state.serial, identity.serial, sizeof state.serial);
    state.user_pin_set = identity.has_user;
    state.user_failed = user.failed;
    state.so_failed = so.failed;
    state.user_locked = kk_tries_locked(&repo->book, KK_ROLE_USER, &user);
    KK_TRY(kk_softhsm_epoch(repo, state.epoch));
    *ret_state = state;
    return CKR_OK;
}

/* ---- changing ---- */

static KK_RV apply(const struct kk_softhsm_token_change *change, struct kk_attrs *attrs)
{
    uint64_t flags = kk_attrs_number(attrs, KK_SOFTHSM_TOKEN_FLAGS, 0);
    for (size_t i = 0; i < change->set->count; i++) {
        KK_TRY(kk_attrs_set_copy(attrs, &change->set->rows[i]));
    }
    if (change->gone != 0) {
        kk_attrs_remove(attrs, change->gone);
    }
    return kk_attrs_set_number(attrs, KK_SOFTHSM_TOKEN_FLAGS,
                               (flags | change->flags_on) & ~change->flags_off);
}

/* Whether everything that is to be changed is what it was before. */
static bool is_undone(const struct kk_softhsm_token_change *change, const struct kk_attrs *before,
                      const struct kk_attrs *now)
{
    bool undone = change->gone == 0 || kk_attrs_has(now, change->gone);
    for (size_t i = 0; i < change->set->count; i++) {
        CK_ATTRIBUTE_TYPE type = change->set->rows[i].type;
        const struct kk_attr *old = kk_attrs_find(before, type);
        const struct kk_attr *present = kk_attrs_find(now, type);
        undone = undone &&
                 (old == NULL ? present == NULL : present != NULL && kk_attr_equal(old, present));
    }
    return undone;
}

/* What one look at the file found, or one write made. */
struct round {
    bool stands; /* the change is there: nothing was written */
    uint64_t version;
};

/* `before` gets what was there at first; later it tells whether the change still stands. */
static KK_RV write_unless_it_stands(struct kk_softhsm *repo,
                                    const struct kk_softhsm_token_change *change,
                                    struct kk_attrs **before, struct round *round)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_identity identity;
    struct kk_softhsm_seen seen;
    KK_TRY(kk_softhsm_edit_begin(repo->dir, NULL, &edit));
    KK_TRY(kk_softhsm_decode(kk_softhsm_edit_body(&edit), NULL, &attrs));
    if (!kk_softhsm_identity_of(attrs, &identity)) {
        kk_log_error("token %s: token.object is damaged: it is not written over",
                     kk_softhsm_path(repo->dir));
        return CKR_DEVICE_ERROR;
    }
    round->version = edit.version;
    round->stands = *before != NULL && !is_undone(change, *before, attrs);
    if (round->stands) {
        return CKR_OK;
    }
    if (*before == NULL) {
        KK_TRY(kk_attrs_dup(attrs, before));
    }
    KK_TRY(apply(change, attrs));
    KK_TRY(kk_softhsm_encode(attrs, NULL, &body));
    KK_TRY(kk_softhsm_edit_write(&edit, kk_buffer_span(&body), &seen));
    round->version = seen.version;
    return CKR_OK;
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Until then, or until somebody writes: right after its writing a SoftHSM is not between reading
 * and writing, and a second change stands. */
static KK_RV watch(struct kk_softhsm *repo, uint64_t version, int64_t until, bool *ret_written)
{
    struct kk_softhsm_stamp stamp = {.stable = true, .token_version = version};
    while (stamp.stable && stamp.token_version == version && now_ns() < until) {
        (void)nanosleep(&(struct timespec){.tv_nsec = WATCH_NS}, NULL);
        KK_TRY(kk_softhsm_fresh(repo->dir, &stamp));
    }
    *ret_written = !stamp.stable || stamp.token_version != version;
    return CKR_OK;
}

KK_RV kk_softhsm_token_write(struct kk_softhsm *repo, const struct kk_softhsm_token_change *change)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *before = NULL;
    int64_t end = now_ns() + GIVE_UP_NS;
    int64_t settled = 0;
    while (now_ns() < end) {
        struct round round = {0};
        bool written = false;
        KK_TRY(write_unless_it_stands(repo, change, &before, &round));
        settled = round.stands ? settled : now_ns() + SETTLE_NS;
        if (now_ns() < settled) {
            KK_TRY(watch(repo, round.version, settled, &written));
        }
        if (!written) {
            return CKR_OK;
        }
    }
    kk_log_error("token %s: a change of the token is undone by another program again and again",
                 kk_softhsm_path(repo->dir));
    return CKR_FUNCTION_FAILED;
}
