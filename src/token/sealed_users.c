/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named users: key rows from number 2 on, each with a PIN and tries of its own. Who opens one has
 * what the unnamed user has.
 *
 * They are made by who holds the DMK: the SO, or on a token without so_recovery the unnamed user. A
 * change holds the lock of the tries from the choice of the number to the commit, so that two of
 * them do not meet; the KDF runs in between, outside the write lock.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define USERS_MAX 1000
#define FIRST_ROW (KK_KEY_ROW_USER + 1)

/* The lock of the tries, without a try. */
struct hold {
    struct kk_store *store;
    void *lock;
};

static void hold_end(struct hold *hold)
{
    if (hold->lock != NULL) {
        hold->store->ops->tries_unlock(hold->store, hold->lock);
    }
}

/* A UTF-8 text without control characters. */
static KK_RV check_name(struct kk_span name)
{
    KK_ENSURE(name.len > 0 && name.len <= KK_USER_NAME_MAX, CKR_ARGUMENTS_BAD);
    while (name.len > 0) {
        uint32_t point = 0;
        size_t len = kk_utf8_decode(name, &point);
        KK_ENSURE(len > 0 && point >= 0x20 && point != 0x7f, CKR_ARGUMENTS_BAD);
        name = KK_SPAN(name.data + len, name.len - len);
    }
    return CKR_OK;
}

/* ---- looking ---- */

struct survey {
    struct kk_span name; /* looked for */
    bool found;
    uint32_t no;    /* of the one found */
    uint32_t empty; /* the lowest number that no row has; rows come by number */
    size_t count;
};

static CK_RV survey_row(const struct kk_store_row *stored, void *context)
{
    struct survey *survey = context;
    struct kk_key_row row;
    survey->empty += stored->no == survey->empty ? 1 : 0;
    if (stored->no < FIRST_ROW) {
        return CKR_OK;
    }
    survey->count++;
    if (kk_key_row_decode(stored, &row) == CKR_OK && row.role == KK_ROLE_USER &&
        kk_mem_equal(row.name, row.name_len, survey->name.data, survey->name.len)) {
        survey->found = true;
        survey->no = stored->no;
    }
    return CKR_OK;
}

static KK_RV take_survey(struct kk_sealed *sealed, struct kk_span name, struct survey *ret_survey,
                         char ret_serial[KK_SERIAL_LEN])
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct survey survey = {.name = name, .empty = FIRST_ROW};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    KK_TRY(op.tx->ops->row_each(op.tx, KK_TABLE_KEYS, 0, true, survey_row, &survey));
    memcpy(ret_serial, op.identity->serial, KK_SERIAL_LEN);
    *ret_survey = survey;
    return CKR_OK;
}

/* ---- who may ---- */

static bool has_so_recovery(struct kk_sealed *sealed)
{
    KK_LOCK_SCOPE(&sealed->lock);
    return sealed->identity->so_recovery;
}

/* Removing needs no DMK: the SO always may. */
static KK_RV check_actor(struct kk_sealed *sealed, const struct kk_unlock *unlock, bool removes)
{
    KK_ENSURE(unlock != NULL, CKR_USER_NOT_LOGGED_IN);
    const struct kk_sealed_unlock *mine = (const struct kk_sealed_unlock *)unlock;
    bool recovery = has_so_recovery(sealed);
    bool is_so = unlock->role == KK_ROLE_SO;
    bool may = is_so ? recovery || removes : !recovery && mine->row_no == KK_KEY_ROW_USER;
    KK_ENSURE(may, CKR_USER_NOT_LOGGED_IN);
    KK_ENSURE(removes || kk_side_keys_has(&mine->keys, KK_SLOT_DMK), CKR_USER_NOT_LOGGED_IN);
    KK_ENSURE(!kk_sealed_read_only(sealed), CKR_TOKEN_WRITE_PROTECTED);
    return CKR_OK;
}

/* ---- changing ---- */

static KK_RV copy_keys(const struct kk_side_keys *from, struct kk_side_keys *ret_keys)
{
    static const enum kk_key_slot slots[] = {KK_SLOT_AMK, KK_SLOT_DMK};
    KK_TRY(kk_side_keys_new(ret_keys));
    for (size_t i = 0; i < KK_ARRAY_LEN(slots); i++) {
        memcpy(kk_side_key_set(ret_keys, slots[i]), kk_side_key(from, slots[i]).data, KK_KEY_LEN);
    }
    return CKR_OK;
}

/* The entry says whom it is about. */
static KK_RV commit_for(struct kk_sealed_op *op, const struct kk_sealed_unlock *actor,
                        enum kk_audit_kind kind, struct kk_span name)
{
    const struct kk_sealed_actor who = kk_sealed_actor_of(actor);
    const struct kk_audit_event event = {.kind = kind, .of = name};
    return kk_sealed_commit_audited(op, &who, &event);
}

static KK_RV write_row(struct kk_sealed *sealed, const struct kk_sealed_unlock *actor,
                       const struct kk_key_row *row)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_sealed_begin_admin(sealed, actor->head.epoch, &actor->keys, &op, &root));
    /* A DMK of before opens nothing any more. */
    KK_ENSURE(actor->key_epoch == op.identity->key_epoch[KK_SIDE_PRIVATE], CKR_USER_NOT_LOGGED_IN);
    KK_TRY(kk_key_row_put(&op, row, root.generation, hash));
    KK_TRY(kk_root_set_row(&root, row->no, hash));
    KK_TRY(kk_tries_reset(&op, row->no));
    KK_TRY(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    return commit_for(&op, actor, KK_AUDIT_USER_ADD, KK_SPAN(row->name, row->name_len));
}

KK_RV kk_sealed_user_add(struct kk_repository *repository, struct kk_unlock *unlock,
                         struct kk_span name, struct kk_span pin)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    const struct kk_sealed_unlock *actor = (const struct kk_sealed_unlock *)unlock;
    KK_CLEANUP(hold_end) struct hold hold = {.store = sealed->store};
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    struct kk_key_row row = {.role = KK_ROLE_USER};
    struct survey survey = {0};
    char serial[KK_SERIAL_LEN];
    KK_TRY(check_name(name));
    KK_TRY(check_actor(sealed, unlock, false));
    KK_TRY(copy_keys(&actor->keys, &keys));
    KK_TRY(sealed->store->ops->tries_lock(sealed->store, &hold.lock));
    KK_TRY(take_survey(sealed, name, &survey, serial));
    KK_ENSURE(!survey.found, CKR_FUNCTION_REJECTED);
    KK_ENSURE(survey.count < USERS_MAX, CKR_DEVICE_MEMORY);
    row.no = survey.empty;
    row.name_len = name.len;
    memcpy(row.name, name.data, name.len);
    KK_TRY(kk_key_row_seal(sealed, serial, &keys, pin, &row));
    return write_row(sealed, actor, &row);
}

static KK_RV delete_row(struct kk_sealed *sealed, const struct kk_sealed_unlock *actor, uint32_t no,
                        struct kk_span name)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_TRY(kk_sealed_begin_admin(sealed, actor->head.epoch, &actor->keys, &op, &root));
    KK_TRY(op.tx->ops->row_delete(op.tx, KK_TABLE_KEYS, no));
    KK_TRY(op.tx->ops->row_delete(op.tx, KK_TABLE_TRIES, no));
    kk_root_remove_row(&root, no);
    KK_TRY(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    return commit_for(&op, actor, KK_AUDIT_USER_REMOVE, name);
}

KK_RV kk_sealed_user_remove(struct kk_repository *repository, struct kk_unlock *unlock,
                            struct kk_span name)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(hold_end) struct hold hold = {.store = sealed->store};
    struct survey survey = {0};
    char serial[KK_SERIAL_LEN];
    KK_TRY(check_name(name));
    KK_TRY(check_actor(sealed, unlock, true));
    KK_TRY(sealed->store->ops->tries_lock(sealed->store, &hold.lock));
    KK_TRY(take_survey(sealed, name, &survey, serial));
    KK_ENSURE(survey.found, CKR_USER_PIN_NOT_INITIALIZED);
    return delete_row(sealed, (const struct kk_sealed_unlock *)unlock, survey.no, name);
}

/* ---- listing ---- */

struct listing {
    const struct kk_sealed_op *op;
    kk_user_visit *visit;
    void *context;
};

static CK_RV list_row(const struct kk_store_row *stored, void *context)
{
    const struct listing *listing = context;
    struct kk_key_row row;
    struct kk_tries tries = {0};
    if (stored->no < FIRST_ROW || kk_key_row_decode(stored, &row) != CKR_OK) {
        return CKR_OK;
    }
    KK_TRY(kk_tries_peek(listing->op, KK_ROLE_USER, stored->no, &tries));
    const struct kk_user user = {
        .name = KK_SPAN(row.name, row.name_len),
        .failed = tries.failed + (tries.pending ? 1 : 0),
        .locked = kk_tries_locked(&listing->op->sealed->book, KK_ROLE_USER, &tries)};
    return listing->visit(&user, listing->context);
}

KK_RV kk_sealed_users(struct kk_repository *repository, kk_user_visit *visit, void *context)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    struct listing listing = {.op = &op, .visit = visit, .context = context};
    return op.tx->ops->row_each(op.tx, KK_TABLE_KEYS, 0, true, list_row, &listing);
}

/* ---- telling ---- */

void kk_sealed_tell_user(const struct kk_sealed_op *op, const struct kk_user_watch *watch,
                         const struct kk_key_row *row, const char *what)
{
    const struct kk_finding finding = {.what = what, .label = KK_SPAN(row->name, row->name_len)};
    kk_log_warning("token %s: named user \"%.*s\": %s", kk_sealed_path(op->sealed),
                   (int)row->name_len, (const char *)row->name, what);
    if (watch->found != NULL) {
        watch->found(watch->context, &finding);
    }
}

struct telling {
    const struct kk_sealed_op *op;
    const struct kk_user_watch *watch;
    const char *what;
};

static CK_RV tell_row(const struct kk_store_row *stored, void *context)
{
    const struct telling *telling = context;
    struct kk_key_row row;
    if (stored->no >= FIRST_ROW && kk_key_row_decode(stored, &row) == CKR_OK) {
        kk_sealed_tell_user(telling->op, telling->watch, &row, telling->what);
    }
    return CKR_OK;
}

KK_RV kk_sealed_tell_users(const struct kk_sealed_op *op, const struct kk_user_watch *watch,
                           const char *what)
{
    struct telling telling = {.op = op, .watch = watch, .what = what};
    return op->tx->ops->row_each(op->tx, KK_TABLE_KEYS, 0, true, tell_row, &telling);
}
