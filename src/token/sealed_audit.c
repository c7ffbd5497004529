/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log of a sealed token: whose key an entry is sealed with, and the anchor, the row by
 * which a cut log is found.
 */
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define ANCHOR_VERSION 1

KK_RV kk_sealed_audit_start(struct kk_sealed *sealed)
{
    const char *path = kk_sealed_path(sealed);
    const struct kk_audit_settings *settings = &sealed->settings.audit;
    bool wanted = settings->mode != KK_AUDIT_LOG_OFF;
    if (path == NULL || path[0] != '/') {
        if (wanted) {
            kk_log_warning("token %s: audit.log is not heeded: the token is in no directory",
                           path != NULL ? path : "in memory");
        }
        return CKR_OK;
    }
    if (wanted && kk_sealed_read_only(sealed)) {
        kk_log_warning("token %s: audit.log is not heeded: the token is read-only", path);
    }
    sealed->audits = wanted && !kk_sealed_read_only(sealed);
    return kk_audit_new(sealed->crypto, path, sealed->identity->serial, settings, &sealed->audit);
}

/* ---- the anchor ---- */

static void put_mark(struct kk_buffer *buffer, const struct kk_identity *identity,
                     const struct kk_audit_mark *mark)
{
    kk_buffer_put_u16(buffer, ANCHOR_VERSION);
    kk_buffer_put(buffer, identity->epoch, KK_EPOCH_LEN);
    kk_buffer_put_u64(buffer, mark->seq);
    kk_buffer_put_u64(buffer, mark->file);
    kk_buffer_put_u64(buffer, mark->offset);
    kk_buffer_put(buffer, mark->hash, sizeof mark->hash);
}

static KK_RV anchor_mac(const struct kk_sealed_op *op, const struct kk_side_keys *keys,
                        struct kk_span bytes, uint8_t ret_mac[KK_SHA256_SIZE])
{
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/anchor"),
                                     KK_SPAN(op->identity->serial, KK_SERIAL_LEN), bytes};
    return kk_hmac_sha256(op->sealed->crypto, kk_side_key(keys, KK_SLOT_AUDIT), pieces,
                          KK_ARRAY_LEN(pieces), ret_mac);
}

static bool decode(struct kk_span blob, const struct kk_identity *identity,
                   struct kk_audit_mark *ret_mark, struct kk_span *ret_body)
{
    struct kk_reader reader = kk_reader_new(blob);
    struct kk_audit_mark mark = {0};
    uint16_t version = kk_reader_u16(&reader);
    struct kk_span epoch = kk_reader_take(&reader, KK_EPOCH_LEN);
    mark.seq = kk_reader_u64(&reader);
    mark.file = kk_reader_u64(&reader);
    mark.offset = kk_reader_u64(&reader);
    struct kk_span hash = kk_reader_take(&reader, sizeof mark.hash);
    struct kk_span mac = kk_reader_take(&reader, KK_SHA256_SIZE);
    if (!kk_reader_done(&reader) || version != ANCHOR_VERSION || mark.seq == 0 ||
        !kk_mem_equal(epoch.data, epoch.len, identity->epoch, KK_EPOCH_LEN)) {
        return false;
    }
    memcpy(mark.hash, hash.data, sizeof mark.hash);
    *ret_body = KK_SPAN(blob.data, blob.len - mac.len);
    *ret_mark = mark;
    return true;
}

/* Whether it is the row that the root lists. A root that lists none is of a store of format 1, or
 * the token has no anchor. */
static KK_RV is_roots(const struct kk_sealed_op *op, const struct kk_root *root,
                      const struct kk_store_row *row, bool *ret_is)
{
    uint8_t hash[KK_HASH_LEN];
    const struct kk_row_hash *wanted = kk_root_row(root, KK_ROOT_AUDIT);
    KK_TRY(kk_row_hash_of(op->sealed->crypto, row, hash));
    *ret_is = wanted == NULL || kk_ct_equal(hash, wanted->hash, sizeof hash);
    return CKR_OK;
}

/* What the row says; `keys` (NULL: not asked) must have made it, and `root` (NULL: not asked) must
 * list it. *ret_sound is false for a row that somebody else wrote, put back or took away; a token
 * without one has seq 0. */
static KK_RV anchor_read(const struct kk_sealed_op *op, const struct kk_side_keys *keys,
                         const struct kk_root *root, struct kk_audit_mark *ret_mark,
                         bool *ret_sound)
{
    struct kk_store_row row = {0};
    uint8_t mac[KK_SHA256_SIZE];
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_audit_mark mark = {0};
    struct kk_span body = {0};
    *ret_mark = mark;
    *ret_sound = true;
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_AUDIT, 0, &row, &blob);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        *ret_sound = root == NULL || kk_root_row(root, KK_ROOT_AUDIT) == NULL;
        return CKR_OK;
    }
    KK_TRY(rv);
    *ret_sound = decode(row.blob, op->identity, &mark, &body);
    if (*ret_sound && root != NULL) {
        KK_TRY(is_roots(op, root, &row, ret_sound));
    }
    if (*ret_sound && keys != NULL) {
        KK_TRY(anchor_mac(op, keys, body, mac));
        *ret_sound = kk_ct_equal(mac, body.data + body.len, sizeof mac);
    }
    *ret_mark = *ret_sound ? mark : *ret_mark;
    return CKR_OK;
}

/* The row, and its hash in the root. */
static KK_RV anchor_write(struct kk_sealed_op *op, const struct kk_side_keys *keys,
                          const struct kk_audit_mark *mark, struct kk_root *root)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    uint8_t mac[KK_SHA256_SIZE];
    uint8_t hash[KK_HASH_LEN];
    put_mark(&blob, op->identity, mark);
    KK_TRY(kk_buffer_check(&blob));
    KK_TRY(anchor_mac(op, keys, kk_buffer_span(&blob), mac));
    kk_buffer_put(&blob, mac, sizeof mac);
    KK_TRY(kk_buffer_check(&blob));
    const struct kk_store_row row = {
        .table = KK_TABLE_AUDIT, .generation = mark->seq, .blob = kk_buffer_span(&blob)};
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &row, hash));
    KK_TRY(kk_root_set_row(root, KK_ROOT_AUDIT, hash));
    root->generation++;
    KK_TRY(op->tx->ops->row_put(op->tx, &row));
    return kk_root_write(op, KK_SIDE_PRIVATE, root);
}

/* The anchor never moves back, unless what it stood on is gone and the log says so. Comes after all
 * that the operation writes to the private root. */
static KK_RV anchor_put(struct kk_sealed_op *op, const struct kk_side_keys *keys,
                        const struct kk_audit_mark *mark)
{
    struct kk_audit_mark present = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    bool sound = false;
    if (mark->seq == 0) {
        return CKR_OK;
    }
    KK_TRY(kk_root_read(op, KK_SIDE_PRIVATE, &root));
    KK_TRY(anchor_read(op, keys, &root, &present, &sound));
    if (present.seq >= mark->seq && !mark->after_gap) {
        return CKR_OK;
    }
    if (op->tx->ops->need_writer != NULL && kk_root_row(&root, KK_ROOT_AUDIT) == NULL) {
        KK_TRY(op->tx->ops->need_writer(op->tx, KK_FORMAT_ROOT_AUDIT));
    }
    return anchor_write(op, keys, mark, &root);
}

/* ---- entries ---- */

static struct kk_audit_writer writer_of(enum kk_role role, const struct kk_side_keys *keys)
{
    struct kk_audit_writer writer = {.who = KK_AUDIT_PUBLIC};
    if (keys != NULL) {
        writer.who = role == KK_ROLE_SO ? KK_AUDIT_SO : KK_AUDIT_USER;
        writer.key = kk_side_key(keys, KK_SLOT_AUDIT);
    }
    return writer;
}

struct kk_sealed_actor kk_sealed_actor_of(const struct kk_sealed_unlock *unlock)
{
    return (struct kk_sealed_actor){.role = unlock->head.role,
                                    .name = KK_SPAN(unlock->name, unlock->name_len),
                                    .keys = &unlock->keys};
}

static struct kk_audit_writer writer_as(const struct kk_sealed_actor *actor)
{
    struct kk_audit_writer writer = writer_of(actor->role, actor->keys);
    writer.name = actor->name;
    return writer;
}

/* NULL: nobody is logged in. */
static struct kk_audit_writer writer_with(struct kk_unlock *unlock)
{
    if (unlock == NULL) {
        return writer_of(KK_ROLE_USER, NULL);
    }
    const struct kk_sealed_actor actor =
        kk_sealed_actor_of((const struct kk_sealed_unlock *)unlock);
    return writer_as(&actor);
}

static KK_RV write_as(struct kk_sealed *sealed, const struct kk_audit_writer *writer,
                      const struct kk_audit_event *event, struct kk_audit_mark *ret_mark)
{
    if (ret_mark != NULL) {
        *ret_mark = (struct kk_audit_mark){0};
    }
    if (!sealed->audits) {
        return CKR_OK;
    }
    return kk_audit_write(sealed->audit, writer, event, ret_mark);
}

KK_RV kk_sealed_audit(struct kk_sealed *sealed, enum kk_role role, const struct kk_side_keys *keys,
                      const struct kk_audit_event *event, struct kk_audit_mark *ret_mark)
{
    const struct kk_audit_writer writer = writer_of(role, keys);
    return write_as(sealed, &writer, event, ret_mark);
}

KK_RV kk_sealed_audit_try(struct kk_sealed *sealed, const struct kk_sealed_try *try, CK_RV rv)
{
    const struct kk_audit_event event = {
        .kind = try->failed,
        .tried = try->role == KK_ROLE_SO ? KK_AUDIT_SO : KK_AUDIT_USER,
        .of = try->name,
        .is_context = try->is_context,
        .result = rv,
    };
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED) {
        KK_TRY(kk_sealed_audit(sealed, try->role, NULL, &event, NULL));
    }
    return rv;
}

KK_RV kk_sealed_audit_anchored(struct kk_sealed_op *op, enum kk_role role,
                               const struct kk_side_keys *keys, const struct kk_audit_event *event)
{
    struct kk_audit_mark mark = {0};
    KK_TRY(kk_sealed_audit(op->sealed, role, keys, event, &mark));
    return anchor_put(op, keys, &mark);
}

KK_RV kk_sealed_audit_failed(struct kk_sealed *sealed, enum kk_role role,
                             const struct kk_side_keys *keys, enum kk_audit_kind kind, CK_RV result)
{
    const struct kk_audit_event event = {.kind = kind, .result = result};
    if (result != CKR_OK) {
        KK_IGNORE(kk_sealed_audit(sealed, role, keys, &event, NULL)); /* the result says more */
    }
    return result;
}

KK_RV kk_sealed_commit_audited(struct kk_sealed_op *op, const struct kk_sealed_actor *actor,
                               const struct kk_audit_event *event)
{
    const struct kk_audit_writer writer = writer_as(actor);
    struct kk_audit_mark mark = {0};
    if (event->kind == KK_AUDIT_NONE) {
        return kk_sealed_commit_scrubbed(op);
    }
    CK_RV rv = write_as(op->sealed, &writer, event, &mark);
    rv = rv == CKR_OK ? anchor_put(op, actor->keys, &mark) : rv;
    rv = rv == CKR_OK ? kk_sealed_commit_scrubbed(op) : rv;
    if (rv != CKR_OK) {
        struct kk_audit_event failed = *event;
        failed.result = rv;
        KK_IGNORE(write_as(op->sealed, &writer, &failed, NULL)); /* the result says more */
    }
    return rv;
}

KK_RV kk_sealed_audit_epoch(struct kk_sealed_op *op, enum kk_audit_kind kind,
                            const struct kk_side_keys *old, const struct kk_side_keys *keys)
{
    const struct kk_audit_event last = {.kind = kind};
    const struct kk_audit_event epoch = {.kind = KK_AUDIT_EPOCH,
                                         .bytes = KK_SPAN(op->identity->epoch, KK_EPOCH_LEN)};
    KK_TRY(kk_sealed_clear_table(op, KK_TABLE_AUDIT, 0)); /* the old key's anchor */
    KK_TRY(kk_sealed_audit(op->sealed, KK_ROLE_SO, old, &last, NULL));
    return kk_sealed_audit_anchored(op, KK_ROLE_SO, keys, &epoch);
}

/* Its log's files, unless something was written in them, go with the token. */
static KK_RV discard_on(struct kk_sealed *sealed, CK_RV rv)
{
    if (rv != CKR_OK) {
        kk_audit_discard(sealed->audit);
    }
    return rv;
}

KK_RV kk_sealed_audit_birth(struct kk_sealed *sealed, const struct kk_side_keys *keys,
                            enum kk_audit_kind kind)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    const struct kk_audit_event event = {.kind = kind};
    if (!sealed->audits) {
        return CKR_OK;
    }
    if (keys == NULL) {
        return discard_on(sealed, kk_sealed_audit(sealed, KK_ROLE_SO, NULL, &event, NULL));
    }
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_WRITE, &op));
    op.keys[KK_SIDE_PRIVATE] = keys;
    KK_TRY(discard_on(sealed, kk_sealed_audit_anchored(&op, KK_ROLE_SO, keys, &event)));
    return kk_sealed_commit(&op);
}

KK_RV kk_sealed_audit_anchor_check(const struct kk_sealed_op *op, const struct kk_root *root,
                                   bool *ret_sound)
{
    struct kk_audit_mark mark = {0};
    return anchor_read(op, op->keys[KK_SIDE_PRIVATE], root, &mark, ret_sound);
}

/* What a change is when nobody says how it came about. */
static enum kk_audit_kind kind_of(const struct kk_stored_change *change)
{
    if (change->note != NULL && change->note->kind != KK_AUDIT_NONE) {
        return change->note->kind;
    }
    if (change->kind == KK_CHANGE_DELETE) {
        return KK_AUDIT_DESTROY;
    }
    return change->expected_generation == 0 ? KK_AUDIT_CREATE : KK_AUDIT_MODIFY;
}

static const struct kk_side_keys *keys_of(struct kk_unlock *unlock)
{
    return unlock != NULL ? &((struct kk_sealed_unlock *)unlock)->keys : NULL;
}

KK_RV kk_sealed_audit_changes(struct kk_sealed_op *op, struct kk_unlock *unlock,
                              const struct kk_stored_change *changes, size_t count, CK_RV result)
{
    const struct kk_side_keys *keys = keys_of(unlock);
    struct kk_audit_writer writer = writer_with(unlock);
    struct kk_audit_mark mark = {0};
    bool gap = false;
    for (size_t i = 0; op->sealed->audits && i < count; i++) {
        const struct kk_audit_event event = {.kind = kind_of(&changes[i]),
                                             .object = &changes[i].uuid,
                                             .attrs = changes[i].attrs,
                                             .note = changes[i].note,
                                             .result = result};
        writer.is_quick = i + 1 < count; /* the last one's sync is for all */
        KK_TRY(kk_audit_write(op->sealed->audit, &writer, &event, &mark));
        gap = gap || mark.after_gap;
    }
    mark.after_gap = gap;
    return keys != NULL && result == CKR_OK ? anchor_put(op, keys, &mark) : CKR_OK;
}

/* ---- logins ---- */

static KK_RV move_anchor(struct kk_sealed *sealed, struct kk_unlock *unlock,
                         const struct kk_audit_mark *mark)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_WRITE, &op));
    KK_TRY(anchor_put(&op, keys_of(unlock), mark));
    return kk_sealed_commit(&op);
}

/* A token without an anchor has not sealed this log yet: what is there may be of keys that it had
 * before, made anew while nothing was audited. */
static KK_RV begin_epoch(struct kk_sealed_op *op, const struct kk_audit_writer *writer)
{
    const struct kk_audit_event event = {.kind = KK_AUDIT_EPOCH,
                                         .bytes = KK_SPAN(op->identity->epoch, KK_EPOCH_LEN)};
    return kk_audit_write(op->sealed->audit, writer, &event, NULL);
}

/* In a write transaction, so that no C_InitToken comes between the key and the entry. */
static KK_RV login_cold(struct kk_sealed *sealed, struct kk_unlock *unlock, bool is_context)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_audit_event event = {.kind = KK_AUDIT_LOGIN, .is_context = is_context};
    struct kk_audit_mark anchor = {0};
    struct kk_audit_mark mark = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    bool sound = false;
    struct kk_audit_writer writer = writer_with(unlock);
    KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_WRITE, &op));
    KK_TRY(kk_root_read(&op, KK_SIDE_PRIVATE, &root));
    KK_TRY(anchor_read(&op, keys_of(unlock), &root, &anchor, &sound));
    if (!sound) {
        kk_log_error("token %s: what it knows of its audit log was tampered with",
                     kk_sealed_path(sealed));
    }
    /* An anchor of somebody else's is one that the log does not have. */
    writer.anchor = anchor.seq > 0 || !sound ? &anchor : NULL;
    if (anchor.seq == 0 && sound) {
        KK_TRY(begin_epoch(&op, &writer));
    }
    KK_TRY(kk_audit_write(sealed->audit, &writer, &event, &mark));
    CK_RV rv = anchor_put(&op, keys_of(unlock), &mark);
    rv = rv == CKR_OK ? kk_sealed_commit(&op) : rv;
    if (rv != CKR_OK) {
        event.result = rv;
        writer.anchor = NULL;
        KK_IGNORE(kk_audit_write(sealed->audit, &writer, &event, NULL)); /* rv says more */
    }
    return rv;
}

static KK_RV login_again(struct kk_sealed *sealed, struct kk_sealed_unlock *unlock, bool is_context)
{
    const struct kk_audit_event event = {.kind = KK_AUDIT_LOGIN, .is_context = is_context};
    struct kk_audit_writer writer = writer_with(&unlock->head);
    writer.is_quick = true;
    writer.has_generation = true;
    writer.generation = atomic_load(&unlock->audit_generation);
    return kk_audit_write(sealed->audit, &writer, &event, NULL);
}

KK_RV kk_sealed_audit_login(struct kk_sealed *sealed, struct kk_unlock *unlock, bool cold,
                            bool is_context)
{
    struct kk_sealed_unlock *mine = (struct kk_sealed_unlock *)unlock;
    if (!sealed->audits) {
        return CKR_OK;
    }
    if (!cold) {
        return login_again(sealed, mine, is_context);
    }
    KK_TRY(login_cold(sealed, unlock, is_context));
    atomic_store(&mine->audit_generation, kk_audit_generation(sealed->audit));
    return CKR_OK;
}

/* ---- what the layers above call ---- */

/* A logout moves the anchor; that it could not is no reason not to log out. */
static void anchor_logout(struct kk_sealed *sealed, struct kk_unlock *unlock,
                          const struct kk_audit_mark *mark)
{
    CK_RV rv = mark->seq > 0 ? move_anchor(sealed, unlock, mark) : CKR_OK;
    if (rv != CKR_OK && rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_DEVICE_REMOVED) {
        kk_log_warning("token %s: the audit log's anchor could not be moved (0x%lx)",
                       kk_sealed_path(sealed), rv);
    }
}

KK_RV kk_sealed_audit_event(struct kk_repository *repository, struct kk_unlock *unlock,
                            const struct kk_audit_event *event)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    struct kk_audit_mark mark = {0};
    bool is_logout = event->kind == KK_AUDIT_LOGOUT;
    if (!sealed->audits) {
        return CKR_OK;
    }
    struct kk_audit_writer writer = writer_with(unlock);
    if (unlock != NULL) {
        writer.has_generation = true;
        writer.generation = atomic_load(&((struct kk_sealed_unlock *)unlock)->audit_generation);
    }
    KK_TRY(kk_audit_write(sealed->audit, &writer, event, is_logout ? &mark : NULL));
    if (is_logout) {
        anchor_logout(sealed, unlock, &mark);
    }
    return CKR_OK;
}

KK_RV kk_sealed_audit_read(struct kk_repository *repository, struct kk_audit_place *place,
                           uint8_t *text, size_t room, size_t *ret_len)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_ENSURE(sealed->audit != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return kk_audit_read(sealed->audit, place, text, room, ret_len);
}

KK_RV kk_sealed_audit_verify(struct kk_repository *repository, struct kk_unlock *unlock,
                             struct kk_audit_report *ret_report)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    const struct kk_side_keys *keys = keys_of(unlock);
    struct kk_audit_mark anchor = {0};
    bool sound = false;
    KK_ENSURE(sealed->audit != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    {
        KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
        KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
        KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_READ, &op));
        if (keys != NULL) {
            KK_TRY(kk_root_read(&op, KK_SIDE_PRIVATE, &root));
        }
        KK_TRY(anchor_read(&op, keys, keys != NULL ? &root : NULL, &anchor, &sound));
    }
    struct kk_span key = keys != NULL ? kk_side_key(keys, KK_SLOT_AUDIT) : KK_SPAN(NULL, 0);
    KK_TRY(kk_audit_verify(sealed->audit, key, anchor.seq > 0 ? &anchor : NULL, ret_report));
    ret_report->anchor_is_damaged = !sound;
    return CKR_OK;
}
