/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backup and restore for the vendor interface: the caller's structures are checked and become the
 * token layer's.
 */
#include <string.h>

#include "admin/admin.h"
#include "base/memory.h"
#include "token/backup.h"

#include "base/banned.h"

KK_STATIC_ASSERT(CK_KEYKIST_RECIPIENTS_MAX == KK_BACKUP_RECIPIENTS_MAX, "one limit");

/* ---- what the caller gave ---- */

static CK_RV stream_read(void *context, uint8_t *data, size_t room, size_t *ret_len)
{
    const CK_KEYKIST_STREAM *stream = context;
    CK_ULONG len = room;
    KK_TRY(stream->read(stream->context, data, &len));
    KK_ENSURE(len <= room, CKR_ARGUMENTS_BAD);
    *ret_len = len;
    return CKR_OK;
}

static CK_RV stream_write(void *context, struct kk_span data)
{
    const CK_KEYKIST_STREAM *stream = context;
    return stream->write(stream->context, data.data, data.len);
}

/* `copy` holds the caller's structure as it was at the beginning. */
static struct kk_backup_stream stream_of(CK_KEYKIST_STREAM *copy)
{
    return (struct kk_backup_stream){.context = copy, .read = stream_read, .write = stream_write};
}

static KK_RV take_bytes(const CK_KEYKIST_BYTES *bytes, struct kk_span *ret_span)
{
    size_t len = 0;
    if (bytes->data == NULL) {
        KK_ENSURE(bytes->len == 0, CKR_ARGUMENTS_BAD);
        *ret_span = KK_SPAN(NULL, 0);
        return CKR_OK;
    }
    KK_TRY(kk_ulong_to_size(bytes->len, CKR_ARGUMENTS_BAD, &len));
    *ret_span = KK_SPAN(bytes->data, len);
    return CKR_OK;
}

struct taken_key {
    struct kk_backup_key key;
    struct kk_span recipients[KK_BACKUP_RECIPIENTS_MAX];
};

static KK_RV take_key(const CK_KEYKIST_BACKUP_KEY *given, struct taken_key *taken)
{
    KK_TRY(take_bytes(&given->passphrase, &taken->key.passphrase));
    KK_TRY(take_bytes(&given->identity, &taken->key.identity));
    KK_ENSURE(given->recipient_count <= KK_BACKUP_RECIPIENTS_MAX &&
                  (given->recipients != NULL || given->recipient_count == 0),
              CKR_ARGUMENTS_BAD);
    for (size_t i = 0; i < given->recipient_count; i++) {
        KK_TRY(take_bytes(&given->recipients[i], &taken->recipients[i]));
    }
    taken->key.recipients = taken->recipients;
    taken->key.recipient_count = given->recipient_count;
    return CKR_OK;
}

static KK_RV take_pin(const CK_KEYKIST_RESTORE *how, struct kk_backup_pin *pin)
{
    if (how == NULL || how->pin.data == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(how->user == CKU_SO || how->user == CKU_USER, CKR_USER_TYPE_INVALID);
    KK_TRY(take_bytes(&how->pin, &pin->pin));
    KK_ENSURE(pin->pin.len > 0 && pin->pin.len <= KK_PIN_MAX, CKR_PIN_INCORRECT);
    pin->given = true;
    pin->role = how->user == CKU_SO ? KK_ROLE_SO : KK_ROLE_USER;
    return CKR_OK;
}

static bool has_flag(const CK_KEYKIST_RESTORE *how, CK_FLAGS flag)
{
    return how != NULL && (how->flags & flag) != 0;
}

/* ---- what the caller gets ---- */

static void put_sealing(const struct kk_backup_sealing *sealing, CK_KEYKIST_BACKUP_INFO *info)
{
    memset(info, 0, sizeof *info);
    info->flags = sealing->by_passphrase ? CKF_KEYKIST_BACKUP_PASSPHRASE : 0;
    info->kdf_passes = sealing->ops;
    info->kdf_kib = sealing->mem_kib;
    info->recipient_count = sealing->recipient_count;
    memcpy(info->recipients, sealing->recipients, sizeof info->recipients);
}

static void put_info(const struct kk_backup_info *from, bool checked, CK_KEYKIST_BACKUP_INFO *info)
{
    put_sealing(&from->sealing, info);
    info->flags |= CKF_KEYKIST_BACKUP_OPENED;
    info->flags |= from->needs_pepper ? CKF_KEYKIST_BACKUP_NEEDS_PEPPER : 0;
    info->flags |= from->needs_tpm ? CKF_KEYKIST_BACKUP_NEEDS_TPM : 0;
    info->flags |= checked ? CKF_KEYKIST_BACKUP_CHECKED : 0;
    memcpy(info->label, from->label, sizeof info->label);
    memcpy(info->serial, from->serial, sizeof info->serial);
    info->made_at = (CK_ULONG)from->made_at;
    info->rows = (CK_ULONG)from->rows;
    info->private_objects = (CK_ULONG)from->private_objects;
    info->public_objects = (CK_ULONG)from->public_objects;
}

/* ---- the functions ---- */

CK_RV kk_admin_backup(struct kk_app *app, CK_SLOT_ID slot_id, const CK_KEYKIST_BACKUP_KEY *key,
                      const CK_KEYKIST_STREAM *to, CK_KEYKIST_BACKUP_INFO *info)
{
    struct taken_key taken = {0};
    struct kk_backup_info made = {0};
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_ENSURE(key != NULL && to != NULL && to->write != NULL && info != NULL, CKR_ARGUMENTS_BAD);
    CK_KEYKIST_STREAM copy = *to;
    struct kk_backup_stream stream = stream_of(&copy);
    KK_TRY(take_key(key, &taken));
    KK_TRY(kk_admin_token(app, slot_id, &token));
    KK_TRY(kk_backup_write(token, &taken.key, &stream, &made));
    put_info(&made, false, info);
    return CKR_OK;
}

static KK_RV read_backup(struct kk_app *app, const CK_KEYKIST_STREAM *from,
                         const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_RESTORE *how,
                         struct kk_restore **ret_restore)
{
    struct taken_key taken = {0};
    struct kk_backup_pin pin = {0};
    CK_KEYKIST_STREAM copy = *from;
    struct kk_backup_stream stream = stream_of(&copy);
    KK_TRY(take_key(key, &taken));
    KK_TRY(take_pin(how, &pin));
    return kk_restore_read(app->engine, &stream, &taken.key, &pin,
                           has_flag(how, CKF_KEYKIST_RESTORE_DAMAGED), ret_restore);
}

static KK_RV look(const CK_KEYKIST_STREAM *from, CK_KEYKIST_BACKUP_INFO *info)
{
    struct kk_backup_sealing sealing;
    CK_KEYKIST_STREAM copy = *from;
    struct kk_backup_stream stream = stream_of(&copy);
    KK_TRY(kk_backup_look(&stream, &sealing));
    put_sealing(&sealing, info);
    return CKR_OK;
}

CK_RV kk_admin_backup_check(struct kk_app *app, const CK_KEYKIST_STREAM *from,
                            const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_RESTORE *how,
                            CK_KEYKIST_BACKUP_INFO *info)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restore = NULL;
    KK_ENSURE(from != NULL && from->read != NULL && info != NULL, CKR_ARGUMENTS_BAD);
    if (key == NULL) {
        return look(from, info);
    }
    KK_TRY(read_backup(app, from, key, how, &restore));
    put_info(kk_restore_info(restore), how != NULL && how->pin.data != NULL, info);
    return CKR_OK;
}

/* This application's sessions with a token that would be replaced. */
static KK_RV check_sessions(struct kk_app *app, const char serial[16])
{
    KK_CLEANUP(kk_freep) CK_SLOT_ID *ids = NULL;
    size_t count = 0;
    KK_TRY(kk_app_slots(app, false, false, &ids, &count));
    for (size_t i = 0; i < count; i++) {
        KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
        size_t sessions = 0;
        size_t rw_sessions = 0;
        if (kk_app_slot_token(app, ids[i], &token) != CKR_OK || token == NULL ||
            !kk_mem_equal(kk_token_serial(token), 16, serial, 16)) {
            continue;
        }
        KK_TRY(kk_app_slot_sessions(app, ids[i], &sessions, &rw_sessions));
        KK_ENSURE(sessions == 0, CKR_SESSION_EXISTS);
    }
    return CKR_OK;
}

/* PINs for new master keys; what a rekey would refuse is refused before the file is read. */
static KK_RV take_rekey(const CK_KEYKIST_RESTORE *how, struct kk_rekey *rekey)
{
    if (!has_flag(how, CKF_KEYKIST_RESTORE_REKEY)) {
        return CKR_OK;
    }
    KK_ENSURE(!has_flag(how, CKF_KEYKIST_RESTORE_DAMAGED), CKR_ARGUMENTS_BAD);
    KK_ENSURE(how->user == CKU_SO, CKR_USER_TYPE_INVALID);
    KK_TRY(take_bytes(&how->pin, &rekey->so_pin));
    KK_TRY(take_bytes(&how->user_pin, &rekey->user_pin));
    KK_ENSURE(rekey->user_pin.data == NULL ||
                  (rekey->user_pin.len > 0 && rekey->user_pin.len <= KK_PIN_MAX),
              CKR_PIN_INCORRECT);
    return CKR_OK;
}

CK_RV kk_admin_restore(struct kk_app *app, const CK_KEYKIST_STREAM *from,
                       const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_RESTORE *how,
                       CK_KEYKIST_BACKUP_INFO *info)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restore = NULL;
    struct kk_rekey rekey = {.so_recovery = KK_SO_RECOVERY_KEEP};
    KK_ENSURE(from != NULL && from->read != NULL && key != NULL && how != NULL && info != NULL,
              CKR_ARGUMENTS_BAD);
    KK_ENSURE(how->pin.data != NULL, CKR_USER_NOT_LOGGED_IN);
    KK_TRY(take_rekey(how, &rekey));
    KK_TRY(read_backup(app, from, key, how, &restore));
    KK_TRY(check_sessions(app, kk_restore_info(restore)->serial));
    if (rekey.so_pin.data != NULL) {
        KK_TRY(kk_restore_rekey(restore, &rekey));
    }
    KK_TRY(kk_restore_write(restore, has_flag(how, CKF_KEYKIST_RESTORE_REPLACE)));
    put_info(kk_restore_info(restore), true, info);
    return CKR_OK;
}
