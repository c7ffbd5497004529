/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repairing a sealed token: what is sound goes into a new one, in one transaction of the new
 * token's store. The old one is read only.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* ---- the old token ---- */

struct source {
    struct kk_sealed *sealed;
    const struct kk_check *check;
    struct kk_opened opened[2]; /* by role; without keys where the PIN opened nothing */
    CK_RV failed[2];            /* why not */
    struct kk_side_keys keys;   /* what both opened together */
    struct kk_side_keys old;
    struct kk_sealed_op op;
};

static void source_clear(struct source *source)
{
    kk_sealed_end(&source->op);
    kk_side_keys_clear(&source->keys);
    kk_side_keys_clear(&source->old);
    kk_opened_clear(&source->opened[KK_ROLE_SO]);
    kk_opened_clear(&source->opened[KK_ROLE_USER]);
}

static struct kk_span pin_of(const struct source *source, enum kk_role role)
{
    return role == KK_ROLE_SO ? source->check->so_pin : source->check->user_pin;
}

static bool has_opened(const struct source *source, enum kk_role role)
{
    return source->opened[role].keys.present != 0;
}

static KK_RV try_pin(struct source *source, enum kk_role role)
{
    struct kk_opened *opened = &source->opened[role];
    if (pin_of(source, role).data == NULL) {
        return CKR_OK;
    }
    CK_RV rv =
        kk_sealed_try(source->sealed, role, KK_SPAN(NULL, 0), pin_of(source, role), true, opened);
    KK_ENSURE(rv == CKR_OK || rv == CKR_PIN_INCORRECT || rv == CKR_DEVICE_ERROR ||
                  rv == CKR_USER_PIN_NOT_INITIALIZED,
              rv);
    source->failed[role] = rv;
    if (rv == CKR_OK) {
        kk_attempt_release(&opened->attempt); /* the other try needs the lock */
    }
    return CKR_OK;
}

static void add_key(struct source *source, enum kk_role role, enum kk_key_slot slot)
{
    const struct kk_side_keys *from = &source->opened[role].keys;
    if (has_opened(source, role) && kk_side_keys_has(from, slot)) {
        memcpy(kk_side_key_set(&source->keys, slot), kk_side_key(from, slot).data, KK_KEY_LEN);
    }
}

static KK_RV open_source(struct source *source)
{
    KK_TRY(try_pin(source, KK_ROLE_SO));
    KK_TRY(try_pin(source, KK_ROLE_USER));
    if (!has_opened(source, KK_ROLE_SO) && !has_opened(source, KK_ROLE_USER)) {
        return source->failed[KK_ROLE_SO];
    }
    KK_TRY(kk_side_keys_new(&source->keys));
    for (enum kk_role role = KK_ROLE_SO; role <= KK_ROLE_USER; role++) {
        add_key(source, role, KK_SLOT_AMK);
        add_key(source, role, KK_SLOT_DMK);
    }
    KK_TRY(kk_side_keys_derive(source->sealed->crypto, &source->keys, KK_SIDE_PRIVATE));
    KK_TRY(kk_sealed_begin(source->sealed, NULL, KK_STORE_READ, &source->op));
    KK_TRY(kk_rekey_open_private(source->sealed, source->op.identity, &source->keys, &source->old));
    source->op.keys[KK_SIDE_PRIVATE] = &source->keys;
    source->op.old_keys[KK_SIDE_PRIVATE] = source->old.present != 0 ? &source->old : NULL;
    source->op.opens_private = kk_side_keys_has(&source->keys, KK_SLOT_OBJ);
    return CKR_OK;
}

/* A PIN that opened nothing is taken for the new token only where its row is damaged. */
static KK_RV judge_pins(const struct source *source)
{
    static const uint32_t numbers[] = {
        [KK_ROLE_SO] = KK_KEY_ROW_SO, [KK_ROLE_USER] = KK_KEY_ROW_USER};
    for (enum kk_role role = KK_ROLE_SO; role <= KK_ROLE_USER; role++) {
        bool genuine = false;
        if (pin_of(source, role).data == NULL || has_opened(source, role)) {
            continue;
        }
        KK_TRY(kk_sealed_row_is_genuine(&source->op, numbers[role], &genuine));
        KK_ENSURE(!genuine, source->failed[role]);
    }
    uint64_t of_private = 0;
    KK_TRY(source->op.tx->ops->object_count(source->op.tx, KK_STORE_PRIVATE_ONLY, &of_private));
    KK_ENSURE(of_private == 0 || source->op.opens_private, CKR_USER_NOT_LOGGED_IN);
    return CKR_OK;
}

/* ---- the new token ---- */

struct target {
    struct kk_sealed *sealed;
    struct kk_side_keys keys; /* all of them */
    struct kk_side_keys so_keys;
    struct kk_key_row so_row, user_row;
    bool has_user;
    bool keeps_keys; /* the old token's AMK and DMK: key rows of named users hold them */
    struct kk_sealed_op op;
    struct kk_manifest_edit edits[KK_SIDES];
};

static void target_clear(struct target *target)
{
    for (size_t side = 0; side < KK_SIDES; side++) {
        kk_manifest_edit_clear(&target->edits[side]);
    }
    kk_sealed_end(&target->op);
    kk_side_keys_clear(&target->keys);
    kk_side_keys_clear(&target->so_keys);
    kk_sealed_free(target->sealed);
}

static void keep_key(const struct source *source, enum kk_key_slot slot, struct kk_side_keys *keys)
{
    memcpy(kk_side_key_set(keys, slot), kk_side_key(&source->keys, slot).data, KK_KEY_LEN);
}

/* A repair mends, it is no rekey: where named users can stay with their PINs, which are not here,
 * they do. Their rows are bound to serial number, AMK and DMK. */
static KK_RV judge_users(const struct source *source, const char serial[KK_SERIAL_LEN],
                         struct target *target)
{
    const struct kk_side_keys *keys = &source->keys;
    if (kk_mem_equal(serial, KK_SERIAL_LEN, source->op.identity->serial, KK_SERIAL_LEN) &&
        kk_side_keys_has(keys, KK_SLOT_AMK) && kk_side_keys_has(keys, KK_SLOT_DMK)) {
        return kk_sealed_has_users(&source->op, &target->keeps_keys);
    }
    return CKR_OK;
}

/* In place of those that were made for the new token. */
static KK_RV keep_keys(const struct source *source, struct target *target)
{
    if (!target->keeps_keys) {
        return CKR_OK;
    }
    keep_key(source, KK_SLOT_AMK, &target->so_keys);
    if (kk_side_keys_has(&target->so_keys, KK_SLOT_DMK)) {
        keep_key(source, KK_SLOT_DMK, &target->so_keys);
    }
    return kk_side_keys_derive(source->sealed->crypto, &target->so_keys, KK_SIDE_PRIVATE);
}

static KK_RV make_keys(const struct source *source, const char serial[KK_SERIAL_LEN],
                       struct target *target)
{
    struct kk_sealed *sealed = target->sealed;
    struct kk_crypto *crypto = sealed->crypto;
    KK_TRY(kk_sealed_new_keys(sealed, serial, source->op.identity->label, &sealed->identity,
                              &target->so_keys));
    KK_TRY(keep_keys(source, target));
    KK_TRY(kk_side_keys_new(&target->keys));
    memcpy(kk_side_key_set(&target->keys, KK_SLOT_AMK),
           kk_side_key(&target->so_keys, KK_SLOT_AMK).data, KK_KEY_LEN);
    if (kk_side_keys_has(&target->so_keys, KK_SLOT_DMK)) {
        memcpy(kk_side_key_set(&target->keys, KK_SLOT_DMK),
               kk_side_key(&target->so_keys, KK_SLOT_DMK).data, KK_KEY_LEN);
    } else if (target->keeps_keys) {
        keep_key(source, KK_SLOT_DMK, &target->keys);
    } else if (target->has_user) {
        KK_TRY(kk_side_keys_random(crypto, &target->keys, KK_SLOT_DMK));
    }
    return kk_side_keys_derive(crypto, &target->keys, KK_SIDE_PRIVATE);
}

/* A PIN that opened a guarded row keeps its guard. */
static KK_RV make_rows(const struct source *source, const char serial[KK_SERIAL_LEN],
                       struct target *target)
{
    target->so_row = (struct kk_key_row){
        .no = KK_KEY_ROW_SO, .role = KK_ROLE_SO, .guarded = source->opened[KK_ROLE_SO].row.guarded};
    KK_TRY(kk_key_row_seal(target->sealed, serial, &target->so_keys, source->check->so_pin,
                           &target->so_row));
    if (!target->has_user) {
        return CKR_OK;
    }
    target->user_row = (struct kk_key_row){.no = KK_KEY_ROW_USER,
                                           .role = KK_ROLE_USER,
                                           .guarded = source->opened[KK_ROLE_USER].row.guarded};
    return kk_key_row_seal(target->sealed, serial, &target->keys, source->check->user_pin,
                           &target->user_row);
}

static KK_RV put_user_row(struct target *target)
{
    struct kk_sealed_op *op = &target->op;
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_root_read(op, KK_SIDE_PRIVATE, &root));
    root.generation++;
    KK_TRY(kk_key_row_put(op, &target->user_row, root.generation, hash));
    KK_TRY(kk_root_set_row(&root, target->user_row.no, hash));
    return kk_root_write(op, KK_SIDE_PRIVATE, &root);
}

static KK_RV begin_target(const struct source *source, struct kk_store *store,
                          const char serial[KK_SERIAL_LEN], struct target *target)
{
    struct kk_repository_settings settings = source->sealed->settings;
    settings.so_recovery = source->op.identity->so_recovery;
    KK_TRY(kk_sealed_new(source->sealed->crypto, store, &settings, &target->sealed));
    target->has_user = source->check->user_pin.data != NULL;
    KK_TRY(judge_users(source, serial, target));
    KK_TRY(make_keys(source, serial, target));
    KK_TRY(make_rows(source, serial, target));
    struct kk_sealed_op *op = &target->op;
    op->sealed = target->sealed;
    op->identity = kk_identity_ref(target->sealed->identity);
    op->keys[KK_SIDE_PRIVATE] = &target->keys;
    op->keys[KK_SIDE_PUBLIC] = &target->sealed->identity->pub;
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &op->tx));
    KK_TRY(kk_sealed_establish(op, &target->so_row));
    return target->has_user ? put_user_row(target) : CKR_OK;
}

static CK_RV take_object(void *context, const struct kk_object *object)
{
    struct target *target = context;
    const struct kk_sealed_op *op = &target->op;
    enum kk_side side = object->is_private ? KK_SIDE_PRIVATE : KK_SIDE_PUBLIC;
    struct kk_manifest_edit *edit = &target->edits[side];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_TRY(kk_manifest_edit_load(op, side, edit));
    struct kk_store_object made = {.uuid = object->uuid,
                                   .generation = edit->root.generation,
                                   .is_private = object->is_private};
    KK_TRY(kk_sealed_columns(op, side, object->attrs, made.columns, &made.columns_set));
    KK_TRY(kk_sealed_object_seal(op, object->attrs, &made, &blob));
    KK_TRY(op->tx->ops->object_put(op->tx, &made));
    struct kk_manifest_entry entry = {.uuid = object->uuid, .generation = made.generation};
    memcpy(entry.tag, made.tag, sizeof entry.tag);
    return kk_manifest_edit_set(op, side, edit, &entry);
}

static KK_RV fill_target(struct source *source, struct target *target,
                         struct kk_check_result *result)
{
    const struct kk_salvage salvage = {.take = take_object, .context = target};
    const struct kk_users_repair users = {
        .from = &source->op, .check = source->check, .keeps = target->keeps_keys};
    KK_TRY(kk_sealed_verify_rows(&source->op, source->check, result));
    KK_TRY(kk_sealed_repair_users(&users, &target->op, result));
    KK_TRY(kk_sealed_verify(&source->op, source->check, &salvage, result));
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        KK_TRY(kk_manifest_edit_write(&target->op, side, &target->edits[side]));
    }
    return kk_sealed_commit(&target->op);
}

KK_RV kk_sealed_repair(struct kk_repository *repository, const struct kk_check *check,
                       struct kk_store *store, const char serial[KK_SERIAL_LEN],
                       struct kk_check_result *ret_result, struct kk_repository **ret_repository)
{
    KK_CLEANUP(source_clear) struct source source = {.sealed = (struct kk_sealed *)repository,
                                                     .check = check};
    KK_CLEANUP(target_clear) struct target target = {0};
    struct kk_check_result result = {0};
    KK_ENSURE(check->so_pin.data != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(open_source(&source));
    KK_TRY(judge_pins(&source));
    KK_TRY(begin_target(&source, store, serial, &target));
    KK_TRY(fill_target(&source, &target, &result));
    result.private_checked = source.op.opens_private;
    KK_TRY(kk_sealed_reload(target.sealed));
    KK_TRY(kk_sealed_audit_start(target.sealed));
    KK_TRY(kk_sealed_audit_birth(target.sealed, &target.keys, KK_AUDIT_REPAIR));
    *ret_result = result;
    struct kk_sealed *made = KK_STEAL(target.sealed);
    *ret_repository = &made->head;
    return CKR_OK;
}
