/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs of a SoftHSM token. The SO's and the user's blob hold the same master key; a change of a PIN
 * writes one blob, with a salt of its own.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* What SoftHSM's flags say of each PIN. */
static const struct {
    CK_ATTRIBUTE_TYPE blob;
    uint64_t on, off;
} roles[] = {
    [KK_ROLE_SO] = {KK_SOFTHSM_TOKEN_SO, 0,
                    CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED |
                        CKF_SO_PIN_TO_BE_CHANGED},
    [KK_ROLE_USER] = {KK_SOFTHSM_TOKEN_USER, CKF_USER_PIN_INITIALIZED,
                      CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED |
                          CKF_USER_PIN_TO_BE_CHANGED},
};

/* ---- a try ---- */

/* The role's blob. CKR_USER_PIN_NOT_INITIALIZED. */
static KK_RV blob_of(struct kk_softhsm *repo, enum kk_role role,
                     uint8_t ret_blob[KK_SOFTHSM_BLOB_LEN])
{
    struct kk_softhsm_identity identity;
    KK_TRY(kk_softhsm_identify(repo, &identity));
    if (role == KK_ROLE_USER) {
        KK_ENSURE(identity.has_user, CKR_USER_PIN_NOT_INITIALIZED);
        memcpy(ret_blob, identity.user, KK_SOFTHSM_BLOB_LEN);
        return CKR_OK;
    }
    if (!identity.has_so) {
        kk_log_error("token %s: the SO's PIN is missing in token.object",
                     kk_softhsm_path(repo->dir));
        return CKR_DEVICE_ERROR;
    }
    memcpy(ret_blob, identity.so, KK_SOFTHSM_BLOB_LEN);
    return CKR_OK;
}

/* A PIN try that was right: the master key, with the attempt still locked. */
struct opened {
    struct kk_attempt attempt;
    struct kk_secret *master;
};

static void opened_clear(struct opened *opened)
{
    if (opened->attempt.book != NULL) {
        kk_attempt_release(&opened->attempt);
    }
    kk_secret_free(opened->master);
}

static KK_RV try_pin(struct kk_softhsm *repo, enum kk_role role, struct kk_span pin,
                     struct opened *opened)
{
    uint8_t blob[KK_SOFTHSM_BLOB_LEN];
    KK_TRY(blob_of(repo, role, blob));
    KK_TRY(kk_attempt_lock(&repo->book, role, (uint32_t)role, &opened->attempt));
    KK_TRY(blob_of(repo, role, blob)); /* as it is now that it is our turn */
    KK_TRY(kk_attempt_mark(&opened->attempt));
    CK_RV rv = kk_softhsm_blob_open(repo->crypto, KK_SPAN_ARRAY(blob), pin, &opened->master);
    if (rv == CKR_PIN_INCORRECT) {
        KK_TRY(kk_attempt_settle(&opened->attempt, false));
    }
    KK_TRY(rv);
    return kk_attempt_settle(&opened->attempt, true);
}

/* ---- logging in ---- */

static void unlock_free(struct kk_unlock *unlock)
{
    struct kk_softhsm_unlock *mine = (struct kk_softhsm_unlock *)unlock;
    kk_index_free(mine->objects);
    kk_secret_free(mine->master);
    kk_free(mine);
}

KK_RV kk_softhsm_unlock_new(enum kk_role role, const uint8_t epoch[16], struct kk_secret **master,
                            struct kk_unlock **ret_unlock)
{
    struct kk_softhsm_unlock *unlock = NULL;
    KK_TRY(kk_alloc(sizeof *unlock, &unlock));
    unlock->head.refs = 1;
    unlock->head.free = unlock_free;
    unlock->head.role = role;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *owned = &unlock->head;
    KK_TRY(kk_index_new(&unlock->objects));
    memcpy(unlock->head.epoch, epoch, sizeof unlock->head.epoch);
    unlock->master = KK_STEAL(*master);
    *ret_unlock = KK_STEAL(owned);
    return CKR_OK;
}

/* Whether the PIN is right for somebody who is logged in already: nothing is written then. A wrong
 * one goes the counted way. */
static KK_RV is_known(struct kk_softhsm *repo, const struct kk_softhsm_unlock *known,
                      enum kk_role role, struct kk_span pin, bool *ret_known)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *master = NULL;
    uint8_t blob[KK_SOFTHSM_BLOB_LEN];
    uint8_t epoch[16];
    struct kk_tries tries = {0};
    KK_TRY(blob_of(repo, role, blob));
    KK_TRY(kk_softhsm_epoch(repo, epoch));
    KK_TRY(repo->book.ops->load(repo, (uint32_t)role, &tries));
    kk_tries_add_memory(&repo->book, role, &tries);
    bool clean = tries.failed == 0 && !tries.pending;
    bool same = kk_mem_equal(epoch, sizeof epoch, known->head.epoch, sizeof known->head.epoch);
    if (!clean || !same ||
        kk_softhsm_blob_open(repo->crypto, KK_SPAN_ARRAY(blob), pin, &master) != CKR_OK) {
        return CKR_OK;
    }
    *ret_known = kk_secret_equal(master, known->master);
    return CKR_OK;
}

KK_RV kk_softhsm_unlock_op(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                           struct kk_span pin, struct kk_unlock *known,
                           struct kk_unlock **ret_unlock)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    KK_CLEANUP(opened_clear) struct opened opened = {0};
    uint8_t epoch[16];
    bool same = false;
    KK_ENSURE(name.len == 0, CKR_USER_PIN_NOT_INITIALIZED); /* the format has no named users */
    if (known != NULL && known->role == role) {
        KK_TRY(is_known(repo, (struct kk_softhsm_unlock *)known, role, pin, &same));
    }
    if (same) {
        *ret_unlock = kk_unlock_ref(known);
        return CKR_OK;
    }
    KK_TRY(try_pin(repo, role, pin, &opened));
    KK_TRY(kk_softhsm_epoch(repo, epoch));
    return kk_softhsm_unlock_new(role, epoch, &opened.master, ret_unlock);
}

/* ---- changing PINs ---- */

static KK_RV write_pin(struct kk_softhsm *repo, enum kk_role role, struct kk_span master,
                       struct kk_span pin)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *set = NULL;
    uint8_t blob[KK_SOFTHSM_BLOB_LEN];
    KK_TRY(kk_softhsm_blob_seal(repo->crypto, master, pin, blob));
    KK_TRY(kk_attrs_new(&set));
    KK_TRY(kk_attrs_set_bytes(set, roles[role].blob, KK_SPAN_ARRAY(blob)));
    const struct kk_softhsm_token_change change = {
        .set = set, .flags_on = roles[role].on, .flags_off = roles[role].off};
    return kk_softhsm_token_write(repo, &change);
}

KK_RV kk_softhsm_set_pin(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                         struct kk_span old_pin, struct kk_span new_pin)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    KK_CLEANUP(opened_clear) struct opened opened = {0};
    KK_ENSURE(name.len == 0, CKR_USER_PIN_NOT_INITIALIZED);
    KK_ENSURE(!kk_softhsm_read_only(repo->dir), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(try_pin(repo, role, old_pin, &opened));
    return write_pin(repo, role, kk_secret_span(opened.master), new_pin);
}

/* The lock of the tries, without a try. */
struct tries_hold {
    struct kk_softhsm *repo;
    void *lock;
};

static void tries_hold_end(struct tries_hold *hold)
{
    if (hold->lock != NULL) {
        kk_softhsm_tries_unlock(hold->repo->dir, hold->lock);
    }
}

KK_RV kk_softhsm_init_pin(struct kk_repository *repository, struct kk_unlock *unlock,
                          struct kk_span new_pin)
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    const struct kk_softhsm_unlock *so = (const struct kk_softhsm_unlock *)unlock;
    KK_CLEANUP(tries_hold_end) struct tries_hold hold = {.repo = repo};
    KK_ENSURE(unlock != NULL && unlock->role == KK_ROLE_SO, CKR_USER_NOT_LOGGED_IN);
    KK_ENSURE(!kk_softhsm_read_only(repo->dir), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(kk_softhsm_check_login(repo, unlock));
    KK_TRY(kk_softhsm_tries_lock(repo->dir, &hold.lock));
    KK_TRY(write_pin(repo, KK_ROLE_USER, kk_secret_span(so->master), new_pin));
    return repo->book.ops->save(repo, KK_ROLE_USER, &(struct kk_tries){0});
}

/* ---- C_InitToken on a token that exists ---- */

/* The master key stays, as in SoftHSM: a SoftHSM that has the token open would go on writing under
 * the old one. The SO's blob is made anew. */
static KK_RV write_fresh(struct kk_softhsm *repo, struct kk_span master, struct kk_span so_pin,
                         const char label[32])
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *set = NULL;
    uint8_t blob[KK_SOFTHSM_BLOB_LEN];
    KK_TRY(kk_softhsm_blob_seal(repo->crypto, master, so_pin, blob));
    KK_TRY(kk_attrs_new(&set));
    KK_TRY(kk_attrs_set_bytes(set, KK_SOFTHSM_TOKEN_LABEL, KK_SPAN(label, 32)));
    KK_TRY(kk_attrs_set_bytes(set, KK_SOFTHSM_TOKEN_SO, KK_SPAN_ARRAY(blob)));
    const struct kk_softhsm_token_change change = {
        .set = set,
        .gone = KK_SOFTHSM_TOKEN_USER,
        .flags_off = roles[KK_ROLE_SO].off | roles[KK_ROLE_USER].off | CKF_USER_PIN_INITIALIZED};
    return kk_softhsm_token_write(repo, &change);
}

KK_RV kk_softhsm_reinitialise(struct kk_repository *repository, struct kk_span so_pin,
                              const char label[32])
{
    struct kk_softhsm *repo = (struct kk_softhsm *)repository;
    KK_CLEANUP(opened_clear) struct opened opened = {0};
    uint64_t before = 0;
    uint64_t after = 0;
    KK_ENSURE(!kk_softhsm_read_only(repo->dir), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(try_pin(repo, KK_ROLE_SO, so_pin, &opened));
    KK_TRY(kk_softhsm_tries_reset(repo)); /* from here on it is another token to everybody */
    KK_TRY(kk_softhsm_clear(repo));
    KK_TRY(write_fresh(repo, kk_secret_span(opened.master), so_pin, label));
    return kk_softhsm_bump(repo->dir, &before, &after);
}
