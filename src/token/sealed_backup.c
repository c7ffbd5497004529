/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sealed token into a backup, and what is checked of one that comes out of it: the rows and lists
 * against the root, every object opened that the keys at hand open. Such a token gets a new epoch
 * before anybody else sees it.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/backup_file.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* A row that is damaged needs nothing that anybody could say. */
static CK_RV note_guard(const struct kk_store_row *stored, void *context)
{
    struct kk_backup_info *info = context;
    struct kk_key_row row;
    if (kk_key_row_decode(stored, &row) == CKR_OK && row.guarded) {
        info->needs_tpm = true;
    }
    return CKR_OK;
}

KK_RV kk_sealed_backup(struct kk_repository *repository, struct kk_backup_chunks *chunks,
                       struct kk_backup_info *info)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    const struct kk_audit_event event = {.kind = KK_AUDIT_BACKUP};
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_audit(sealed, KK_ROLE_USER, NULL, &event, NULL));
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    memcpy(info->serial, op.identity->serial, sizeof info->serial);
    memcpy(info->label, op.identity->label, sizeof info->label);
    info->needs_pepper = op.identity->pub_is_wrapped;
    KK_TRY(op.tx->ops->row_each(op.tx, KK_TABLE_KEYS, 0, true, note_guard, info));
    return kk_backup_records_put(op.tx, chunks, info);
}

/* ---- objects ---- */

struct opening {
    const struct kk_sealed_op *op;
    struct kk_buffer blob;
    size_t damaged;
};

static void opening_clear(struct opening *opening)
{
    kk_buffer_clear(&opening->blob);
}

static CK_RV open_one(const struct kk_store_object *found, void *context)
{
    struct opening *opening = context;
    struct kk_store_tx *tx = opening->op->tx;
    struct kk_store_object stored = {0};
    struct kk_object *object = NULL;
    KK_TRY(tx->ops->object_get(tx, &found->uuid, &stored, &opening->blob));
    CK_RV rv = kk_sealed_object_open(opening->op, &stored, &object);
    if (rv == CKR_DEVICE_ERROR) {
        opening->damaged++;
        return CKR_OK;
    }
    KK_TRY(rv);
    kk_object_unref(object);
    return CKR_OK;
}

static KK_RV check_side(const struct kk_sealed_op *op, enum kk_side side, bool opens, bool *sound)
{
    KK_CLEANUP(opening_clear) struct opening opening = {.op = op};
    bool lists_agree = false;
    KK_TRY(kk_manifest_check(op, side, true, &lists_agree));
    if (opens) {
        KK_TRY(op->tx->ops->object_find(
            op->tx, side == KK_SIDE_PRIVATE ? KK_STORE_PRIVATE_ONLY : KK_STORE_PUBLIC_ONLY, NULL, 0,
            open_one, &opening));
    }
    *sound = *sound && lists_agree && opening.damaged == 0;
    return CKR_OK;
}

/* ---- rows ---- */

struct row_check {
    const struct kk_sealed_op *op;
    const struct kk_root *root;
    size_t good;
};

static CK_RV check_row(const struct kk_store_row *stored, void *context)
{
    struct row_check *check = context;
    uint8_t hash[KK_HASH_LEN];
    const struct kk_row_hash *wanted = kk_root_row(check->root, stored->no);
    KK_TRY(kk_row_hash_of(check->op->sealed->crypto, stored, hash));
    if (wanted != NULL && kk_ct_equal(wanted->hash, hash, sizeof hash)) {
        check->good++;
    }
    return CKR_OK;
}

/* The row of the keys from before a rekey counts as one of the root's too. */
static KK_RV check_rekey_row(struct row_check *check)
{
    struct kk_store_row stored = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    const struct kk_row_hash *wanted = kk_root_row(check->root, KK_ROOT_REKEY);
    struct kk_store_tx *tx = check->op->tx;
    CK_RV rv = tx->ops->row_get(tx, KK_TABLE_REKEY, 0, &stored, &blob);
    if (wanted == NULL || rv == CKR_OBJECT_HANDLE_INVALID) {
        return CKR_OK;
    }
    KK_TRY(rv);
    KK_TRY(kk_row_hash_of(check->op->sealed->crypto, &stored, hash));
    check->good += kk_ct_equal(wanted->hash, hash, sizeof hash) ? 1 : 0;
    return CKR_OK;
}

/* The login said which row is wrong, and its own is right. */
static KK_RV check_rows(const struct kk_sealed_op *op, bool *sound)
{
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    struct row_check check = {.op = op, .root = &root};
    KK_TRY(kk_root_read(op, KK_SIDE_PRIVATE, &root));
    KK_TRY(op->tx->ops->row_each(op->tx, KK_TABLE_KEYS, 0, true, check_row, &check));
    KK_TRY(check_rekey_row(&check));
    *sound = *sound && check.good == root.row_count &&
             kk_ct_equal(op->identity->pub_hash, root.pub_hash, sizeof root.pub_hash);
    return CKR_OK;
}

/* ---- the whole token ---- */

/* `opened` is NULL without a PIN: then the public side is all that can be looked at. */
static KK_RV check_token(struct kk_sealed *sealed, const struct kk_opened *opened, bool *sound)
{
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys old = {0};
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    if (opened != NULL) {
        KK_TRY(kk_rekey_open_private(sealed, op.identity, &opened->keys, &old));
        op.keys[KK_SIDE_PRIVATE] = &opened->keys;
        op.old_keys[KK_SIDE_PRIVATE] = old.present != 0 ? &old : NULL;
        op.opens_private = kk_side_keys_has(&opened->keys, KK_SLOT_OBJ);
        KK_TRY(check_rows(&op, sound));
        KK_TRY(check_side(&op, KK_SIDE_PRIVATE, op.opens_private, sound));
    }
    bool has_public = op.keys[KK_SIDE_PUBLIC] != NULL;
    if (has_public || !op.identity->pub_is_wrapped) {
        KK_TRY(check_side(&op, KK_SIDE_PUBLIC, has_public, sound));
    }
    return CKR_OK;
}

static KK_RV renew_epoch(struct kk_sealed *sealed, const struct kk_opened *opened)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    KK_TRY(kk_sealed_begin_admin(sealed, opened->identity->epoch, &opened->keys, &op, &root));
    KK_TRY(kk_identity_new(&identity));
    KK_TRY(kk_token_row_decode(KK_SPAN_ARRAY(op.identity->row), identity));
    KK_TRY(kk_crypto_random(sealed->crypto, identity->epoch, sizeof identity->epoch));
    kk_token_row_encode(identity);
    kk_identity_unref(op.identity);
    op.identity = KK_STEAL(identity);
    op.keys[KK_SIDE_PUBLIC] = NULL; /* were the old identity's */
    KK_TRY(kk_token_row_put(&op, root.token_hash));
    KK_TRY(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    KK_TRY(kk_sealed_commit(&op));
    return kk_sealed_reload(sealed);
}

static KK_RV judge(const struct kk_sealed *sealed, bool sound, bool take_damaged)
{
    if (sound) {
        return CKR_OK;
    }
    if (take_damaged) {
        kk_log_warning("token %s: it was damaged when its backup was made; taken as it is",
                       kk_sealed_path(sealed));
        return CKR_OK;
    }
    kk_log_error("token %s: it was damaged when its backup was made", kk_sealed_path(sealed));
    return CKR_DEVICE_ERROR;
}

KK_RV kk_sealed_adopt(struct kk_repository *repository, const struct kk_backup_pin *pin,
                      bool take_damaged)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(kk_opened_clear) struct kk_opened opened = {0};
    bool sound = true;
    if (!pin->given) {
        KK_TRY(check_token(sealed, NULL, &sound));
        return judge(sealed, sound, take_damaged);
    }
    KK_TRY(kk_sealed_try(sealed, pin->role, KK_SPAN(NULL, 0), pin->pin, false, &opened));
    KK_TRY(check_token(sealed, &opened, &sound));
    KK_TRY(judge(sealed, sound, take_damaged));
    return renew_epoch(sealed, &opened);
}
