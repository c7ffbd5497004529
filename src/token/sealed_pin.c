/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs: a try, what is verified with the keys that it opened, logging in, and changing one's own.
 */
#include <inttypes.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

static const char *const role_names[] = {"SO", "user"};

void kk_opened_clear(struct kk_opened *opened)
{
    if (opened->attempt.book != NULL) {
        kk_attempt_release(&opened->attempt);
    }
    kk_identity_unref(opened->identity);
    kk_side_keys_clear(&opened->keys);
    *opened = (struct kk_opened){0};
}

/* ---- which row ---- */

struct name_search {
    struct kk_span name;
    bool found;
    uint32_t no;
};

static CK_RV compare_name(const struct kk_store_row *stored, void *context)
{
    struct name_search *search = context;
    struct kk_key_row row;
    if (kk_key_row_decode(stored, &row) == CKR_OK && row.role == KK_ROLE_USER &&
        kk_mem_equal(row.name, row.name_len, search->name.data, search->name.len)) {
        search->found = true;
        search->no = row.no;
        return CKR_CANCEL;
    }
    return CKR_OK;
}

static KK_RV row_number(struct kk_sealed_op *op, enum kk_role role, struct kk_span name,
                        uint32_t *ret_no)
{
    if (role == KK_ROLE_SO || name.len == 0) {
        *ret_no = role == KK_ROLE_SO ? KK_KEY_ROW_SO : KK_KEY_ROW_USER;
        return CKR_OK;
    }
    struct name_search search = {.name = name};
    KK_TRY(op->tx->ops->row_each(op->tx, KK_TABLE_KEYS, 0, true, compare_name, &search));
    KK_ENSURE(search.found, CKR_USER_PIN_NOT_INITIALIZED);
    *ret_no = search.no;
    return CKR_OK;
}

/* What else there is when the unnamed user's row is not where it belongs. */
struct other_rows {
    unsigned int users;
    unsigned int damaged; /* also: under another number than its own */
};

static CK_RV note_row(const struct kk_store_row *stored, void *context)
{
    struct other_rows *rows = context;
    struct kk_key_row row;
    if (kk_key_row_decode(stored, &row) != CKR_OK) {
        rows->damaged++;
    } else if (row.role == KK_ROLE_USER) {
        rows->users++;
    }
    return CKR_OK;
}

/* Without a row the user has no PIN yet; unless it may be one that is damaged, or there are private
 * objects and nobody who could have made them. The SO can set a PIN either way. */
static KK_RV tell_of_user_row(const struct kk_sealed_op *op)
{
    struct other_rows rows = {0};
    uint64_t count = 0;
    KK_TRY(op->tx->ops->row_each(op->tx, KK_TABLE_KEYS, 0, true, note_row, &rows));
    KK_TRY(op->tx->ops->object_count(op->tx, KK_STORE_PRIVATE_ONLY, &count));
    if (rows.damaged > 0 || (count > 0 && rows.users == 0)) {
        kk_log_error("token %s: the user's key row is missing, though the user seems to have had "
                     "a PIN: %u key rows are damaged, and there are %" PRIu64 " private objects",
                     kk_sealed_path(op->sealed), rows.damaged, count);
    }
    return CKR_USER_PIN_NOT_INITIALIZED;
}

static KK_RV find_row(struct kk_sealed_op *op, enum kk_role role, uint32_t no,
                      struct kk_key_row *ret_row, uint8_t ret_hash[KK_HASH_LEN])
{
    CK_RV rv = kk_key_row_get(op, no, ret_row, ret_hash);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        if (role == KK_ROLE_USER && no == KK_KEY_ROW_USER) {
            return tell_of_user_row(op);
        }
        KK_ENSURE(role == KK_ROLE_SO, CKR_USER_PIN_NOT_INITIALIZED);
        kk_log_error("token %s: the SO's key row is missing", kk_sealed_path(op->sealed));
        return CKR_DEVICE_ERROR;
    }
    KK_TRY(rv);
    if (ret_row->role != role) {
        kk_log_error("token %s: key row %u is not the %s's", kk_sealed_path(op->sealed), no,
                     role_names[role]);
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

/* ---- verifying what a right PIN opened ---- */

struct row_check {
    const struct kk_sealed_op *op;
    const struct kk_root *root;
    size_t seen;
};

static CK_RV check_row(const struct kk_store_row *stored, void *context)
{
    struct row_check *check = context;
    uint8_t hash[KK_HASH_LEN];
    const struct kk_row_hash *wanted = kk_root_row(check->root, stored->no);
    KK_TRY(kk_row_hash_of(check->op->sealed->crypto, stored, hash));
    check->seen += wanted != NULL ? 1 : 0;
    if (wanted == NULL || !kk_ct_equal(wanted->hash, hash, sizeof hash)) {
        kk_log_error("token %s: key row %u is not the one that the token's root knows: somebody "
                     "put another one there, or an old one back",
                     kk_sealed_path(check->op->sealed), stored->no);
    }
    return CKR_OK;
}

static KK_RV check_pub_row(const struct kk_sealed_op *op, const struct kk_root *root)
{
    struct kk_store_row stored = {0};
    uint8_t hash[KK_HASH_LEN] = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_PUB, 0, &stored, &blob);
    blob.wipe = true;
    if (rv == CKR_OK) {
        KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, hash));
    }
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    if (!kk_ct_equal(hash, root->pub_hash, sizeof hash)) {
        kk_log_error("token %s: the row of the public objects' key is missing or another one",
                     kk_sealed_path(op->sealed));
    }
    return CKR_OK;
}

static KK_RV check_rekey_row(const struct kk_sealed_op *op, const struct kk_root *root)
{
    struct kk_store_row stored = {0};
    uint8_t hash[KK_HASH_LEN] = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    const struct kk_row_hash *wanted = kk_root_row(root, KK_ROOT_REKEY);
    CK_RV rv = op->tx->ops->row_get(op->tx, KK_TABLE_REKEY, 0, &stored, &blob);
    if (rv == CKR_OK) {
        KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, hash));
    }
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    bool agrees = wanted == NULL ? rv == CKR_OBJECT_HANDLE_INVALID
                                 : kk_ct_equal(hash, wanted->hash, sizeof hash);
    if (!agrees) {
        kk_log_error("token %s: the row of the keys from before the rekey is missing or another "
                     "one",
                     kk_sealed_path(op->sealed));
    }
    return CKR_OK;
}

/* The others' rows: each bad one is said, none stands in this login's way. */
static KK_RV check_other_rows(const struct kk_sealed_op *op, const struct kk_root *root)
{
    struct row_check check = {.op = op, .root = root};
    size_t wanted = kk_root_key_rows(root);
    KK_TRY(op->tx->ops->row_each(op->tx, KK_TABLE_KEYS, 0, true, check_row, &check));
    if (check.seen < wanted) {
        kk_log_error("token %s: %zu of its %zu key rows are missing", kk_sealed_path(op->sealed),
                     wanted - check.seen, wanted);
    }
    KK_TRY(check_rekey_row(op, root));
    return check_pub_row(op, root);
}

static KK_RV check_token_row(const struct kk_sealed_op *op, const struct kk_root *root)
{
    uint8_t hash[KK_HASH_LEN];
    const struct kk_store_row stored = {.table = KK_TABLE_TOKEN,
                                        .blob = KK_SPAN_ARRAY(op->identity->row)};
    KK_TRY(kk_row_hash_of(op->sealed->crypto, &stored, hash));
    if (!kk_ct_equal(hash, root->token_hash, sizeof hash)) {
        kk_log_error("token %s: its label, serial number or settings were tampered with",
                     kk_sealed_path(op->sealed));
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

static KK_RV check_rows(struct kk_sealed *sealed, const struct kk_opened *opened)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    KK_ENSURE(kk_mem_equal(op.identity->epoch, KK_EPOCH_LEN, opened->identity->epoch, KK_EPOCH_LEN),
              CKR_FUNCTION_FAILED);
    op.keys[KK_SIDE_PRIVATE] = &opened->keys;
    KK_TRY(kk_root_read(&op, KK_SIDE_PRIVATE, &root));
    KK_TRY(check_token_row(&op, &root));
    KK_TRY(check_other_rows(&op, &root));
    const struct kk_row_hash *own = kk_root_row(&root, opened->row.no);
    KK_ENSURE(own != NULL && kk_ct_equal(own->hash, opened->row_hash, KK_HASH_LEN),
              CKR_DEVICE_ERROR);
    return CKR_OK;
}

/* ---- a try ---- */

/* The row under the lock of the try; nobody changes it until the lock is given back. */
static KK_RV load_row(struct kk_sealed *sealed, enum kk_role role, struct kk_opened *opened)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    KK_TRY(find_row(&op, role, opened->attempt.row_no, &opened->row, opened->row_hash));
    opened->identity = kk_identity_ref(op.identity);
    return kk_key_row_usable(sealed, op.identity->serial, &opened->row);
}

static KK_RV number_of(struct kk_sealed *sealed, enum kk_role role, struct kk_span name,
                       uint32_t *ret_no)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_key_row row;
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    KK_TRY(row_number(&op, role, name, ret_no));
    return find_row(&op, role, *ret_no, &row, hash);
}

static KK_RV try_pin(struct kk_sealed *sealed, struct kk_sealed_try *try, struct kk_span pin,
                     bool trusting, struct kk_opened *ret_opened)
{
    KK_CLEANUP(kk_opened_clear) struct kk_opened opened = {0};
    uint32_t no = 0;
    KK_TRY(number_of(sealed, try->role, try->name, &no));
    KK_TRY(kk_attempt_lock(&sealed->book, try->role, no, &opened.attempt));
    KK_TRY(load_row(sealed, try->role, &opened));
    KK_TRY(kk_attempt_mark(&opened.attempt));
    CK_RV rv = kk_key_row_open(sealed, opened.identity->serial, &opened.row, pin, &opened.keys);
    if (rv == CKR_PIN_LOCKED) {
        try->failed = KK_AUDIT_GUARD_LOCKED;
    }
    if (rv == CKR_PIN_INCORRECT) {
        KK_TRY(kk_attempt_settle(&opened.attempt, false));
    }
    KK_TRY(rv);
    if (!trusting) {
        KK_TRY(check_rows(sealed, &opened));
    }
    KK_TRY(kk_attempt_settle(&opened.attempt, true));
    *ret_opened = opened;
    opened = (struct kk_opened){0};
    return CKR_OK;
}

KK_RV kk_sealed_try(struct kk_sealed *sealed, enum kk_role role, struct kk_span name,
                    struct kk_span pin, bool trusting, struct kk_opened *ret_opened)
{
    struct kk_sealed_try try = {.role = role, .name = name, .failed = KK_AUDIT_PIN_FAILED};
    CK_RV rv = try_pin(sealed, &try, pin, trusting, ret_opened);
    return kk_sealed_audit_try(sealed, &try, rv);
}

/* ---- rewriting rows ---- */

KK_RV kk_sealed_begin_admin(struct kk_sealed *sealed, const uint8_t epoch[KK_EPOCH_LEN],
                            const struct kk_side_keys *keys, struct kk_sealed_op *ret_op,
                            struct kk_root *ret_root)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_WRITE, &op));
    KK_ENSURE(kk_mem_equal(op.identity->epoch, KK_EPOCH_LEN, epoch, KK_EPOCH_LEN),
              CKR_SESSION_HANDLE_INVALID);
    op.keys[KK_SIDE_PRIVATE] = keys;
    KK_TRY(kk_root_read(&op, KK_SIDE_PRIVATE, &root));
    KK_TRY(check_token_row(&op, &root));
    root.generation++;
    *ret_op = op;
    *ret_root = root;
    op = (struct kk_sealed_op){0};
    root = (struct kk_root){0};
    return CKR_OK;
}

/* The K_pub row, wrapped by the pepper that came with the settings, unless it is not the root's. */
static KK_RV rewrap_pub(struct kk_sealed_op *op, struct kk_root *root)
{
    const struct kk_identity *identity = op->identity;
    if (!kk_ct_equal(identity->pub_hash, root->pub_hash, sizeof root->pub_hash)) {
        return CKR_OK;
    }
    return kk_pub_row_put(op, &identity->pub, root->pub_hash);
}

/* Puts `row` in place of the one that was opened: one row and the root, as a whole. */
static KK_RV replace_row(struct kk_sealed *sealed, struct kk_opened *opened,
                         const struct kk_key_row *row, bool with_pub, enum kk_audit_kind kind)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_sealed_begin_admin(sealed, opened->identity->epoch, &opened->keys, &op, &root));
    const struct kk_row_hash *old = kk_root_row(&root, row->no);
    KK_ENSURE(old != NULL && kk_ct_equal(old->hash, opened->row_hash, KK_HASH_LEN),
              CKR_DEVICE_ERROR);
    KK_TRY(kk_key_row_put(&op, row, root.generation, hash));
    KK_TRY(kk_root_set_row(&root, row->no, hash));
    if (with_pub) {
        KK_TRY(rewrap_pub(&op, &root));
    }
    KK_TRY(kk_root_write(&op, KK_SIDE_PRIVATE, &root));
    const struct kk_sealed_actor actor = {
        .role = row->role, .name = KK_SPAN(row->name, row->name_len), .keys = &opened->keys};
    const struct kk_audit_event event = {.kind = kind};
    KK_TRY(kk_sealed_commit_audited(&op, &actor, &event));
    opened->row = *row;
    memcpy(opened->row_hash, hash, sizeof opened->row_hash);
    return CKR_OK;
}

/* A row that was made with another KDF, or without the pepper, is made anew while the PIN is here.
 * Not being able to is no reason to refuse the login. */
static void renew_row(struct kk_sealed *sealed, struct kk_opened *opened, struct kk_span pin)
{
    bool wrap = sealed->settings.pepper != NULL && !opened->identity->pub_is_wrapped &&
                opened->identity->pub.present != 0;
    if (kk_sealed_read_only(sealed) || sealed->settings.pepper_missing ||
        (!wrap && kk_key_row_is_current(sealed, &opened->row))) {
        return;
    }
    struct kk_key_row row = opened->row;
    CK_RV rv = kk_key_row_seal(sealed, opened->identity->serial, &opened->keys, pin, &row);
    if (rv == CKR_OK) {
        rv = replace_row(sealed, opened, &row, wrap, KK_AUDIT_NONE);
    }
    if (rv == CKR_OK && wrap) {
        rv = kk_sealed_reload(sealed);
    }
    if (rv != CKR_OK) {
        kk_log_warning("token %s: key row %u could not be rewritten with the present settings "
                       "(0x%lx)",
                       kk_sealed_path(sealed), opened->row.no, rv);
    }
}

KK_RV kk_sealed_set_pin(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                        struct kk_span old_pin, struct kk_span new_pin)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(kk_opened_clear) struct kk_opened opened = {0};
    KK_ENSURE(!kk_sealed_read_only(sealed), CKR_TOKEN_WRITE_PROTECTED);
    KK_TRY(kk_sealed_try(sealed, role, name, old_pin, false, &opened));
    struct kk_key_row row = opened.row;
    row.guarded = false; /* a new PIN goes by the settings */
    KK_TRY(kk_key_row_seal(sealed, opened.identity->serial, &opened.keys, new_pin, &row));
    return replace_row(sealed, &opened, &row, false, KK_AUDIT_PIN_CHANGE);
}

/* ---- logging in ---- */

static void unlock_free(struct kk_unlock *unlock)
{
    struct kk_sealed_unlock *mine = (struct kk_sealed_unlock *)unlock;
    kk_side_keys_clear(&mine->keys);
    kk_side_keys_clear(&mine->old);
    kk_secret_free(mine->verifier);
    kk_free(mine);
}

static KK_RV verifier_mac(struct kk_sealed *sealed, const struct kk_secret *verifier,
                          struct kk_span pin, uint8_t ret_mac[KK_SHA256_SIZE])
{
    return kk_hmac_sha256(sealed->crypto, KK_SPAN(kk_secret_span(verifier).data, KK_KEY_LEN), &pin,
                          1, ret_mac);
}

/* A random key, and behind it the PIN's HMAC under it. */
static KK_RV verifier_new(struct kk_sealed *sealed, struct kk_span pin,
                          struct kk_secret **ret_verifier)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *verifier = NULL;
    KK_TRY(kk_secret_new(KK_KEY_LEN + KK_SHA256_SIZE, &verifier));
    KK_TRY(kk_crypto_random_secret(sealed->crypto, kk_secret_data(verifier), KK_KEY_LEN));
    KK_TRY(verifier_mac(sealed, verifier, pin, kk_secret_data(verifier) + KK_KEY_LEN));
    *ret_verifier = KK_STEAL(verifier);
    return CKR_OK;
}

static KK_RV verifier_fits(struct kk_sealed *sealed, const struct kk_sealed_unlock *known,
                           struct kk_span pin, bool *ret_fits)
{
    KK_SECRET_ARRAY(mac, KK_SHA256_SIZE);
    KK_TRY(verifier_mac(sealed, known->verifier, pin, mac));
    *ret_fits = kk_ct_equal(mac, kk_secret_span(known->verifier).data + KK_KEY_LEN, sizeof mac);
    return CKR_OK;
}

/* Takes the keys out of `opened`. */
static KK_RV unlock_new(struct kk_sealed *sealed, struct kk_opened *opened, struct kk_span pin,
                        struct kk_unlock **ret_unlock)
{
    struct kk_sealed_unlock *unlock = NULL;
    KK_TRY(kk_alloc(sizeof *unlock, &unlock));
    unlock->head.refs = 1;
    unlock->head.free = unlock_free;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *owned = &unlock->head;
    KK_TRY(verifier_new(sealed, pin, &unlock->verifier));
    unlock->head.role = opened->row.role;
    memcpy(unlock->head.epoch, opened->identity->epoch, sizeof unlock->head.epoch);
    unlock->row_no = opened->row.no;
    unlock->name_len = opened->row.name_len;
    memcpy(unlock->name, opened->row.name, opened->row.name_len);
    unlock->key_epoch = opened->identity->key_epoch[KK_SIDE_PRIVATE];
    memcpy(unlock->row_hash, opened->row_hash, sizeof unlock->row_hash);
    KK_TRY(kk_rekey_open_private(sealed, opened->identity, &opened->keys, &unlock->old));
    unlock->keys = opened->keys;
    opened->keys = (struct kk_side_keys){0};
    *ret_unlock = KK_STEAL(owned);
    return CKR_OK;
}

static KK_RV refuse_login(const struct kk_sealed *sealed)
{
    kk_log_error("token %s: token.integrity = strict: the login is refused",
                 kk_sealed_path(sealed));
    return CKR_DEVICE_ERROR;
}

static KK_RV check_store(const struct kk_sealed_op *op, bool strict)
{
    bool sound = true;
    if (op->tx->ops->check != NULL) {
        KK_TRY(op->tx->ops->check(op->tx, strict, &sound));
    }
    return sound || !strict ? CKR_OK : refuse_login(op->sealed);
}

/* The lists, against the root and what is there. With strict integrity damage refuses the login. */
static KK_RV check_lists(struct kk_sealed *sealed, struct kk_unlock *unlock)
{
    bool strict = sealed->settings.integrity == KK_INTEGRITY_STRICT;
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    KK_TRY(kk_sealed_begin(sealed, unlock, KK_STORE_READ, &op));
    KK_TRY(check_store(&op, strict));
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        bool sound = false;
        KK_TRY(kk_manifest_check(&op, side, strict, &sound));
        if (!sound && strict) {
            return refuse_login(sealed);
        }
    }
    return CKR_OK;
}

static KK_RV unlock_cold(struct kk_sealed *sealed, struct kk_sealed_try *try, struct kk_span pin,
                         struct kk_unlock **ret_unlock)
{
    KK_CLEANUP(kk_opened_clear) struct kk_opened opened = {0};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    CK_RV rv = try_pin(sealed, try, pin, false, &opened);
    KK_TRY(kk_sealed_audit_try(sealed, try, rv));
    renew_row(sealed, &opened, pin);
    kk_attempt_release(&opened.attempt);
    KK_TRY(unlock_new(sealed, &opened, pin, &unlock));
    KK_TRY(check_lists(sealed, unlock));
    KK_TRY(kk_sealed_audit_login(sealed, unlock, true, try->is_context));
    *ret_unlock = KK_STEAL(unlock);
    return CKR_OK;
}

/* Whether `known` is a login of this row as it stands, and how its tries stand. */
static KK_RV is_known(struct kk_sealed *sealed, const struct kk_sealed_unlock *known,
                      enum kk_role role, struct kk_span name, bool *ret_known,
                      struct kk_tries *ret_tries)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_key_row row;
    uint8_t hash[KK_HASH_LEN];
    uint32_t no = 0;
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    KK_TRY(row_number(&op, role, name, &no));
    KK_TRY(find_row(&op, role, no, &row, hash));
    KK_TRY(kk_tries_peek(&op, role, no, ret_tries));
    *ret_known = known->row_no == no &&
                 kk_mem_equal(known->head.epoch, KK_EPOCH_LEN, op.identity->epoch, KK_EPOCH_LEN) &&
                 known->key_epoch == op.identity->key_epoch[KK_SIDE_PRIVATE] &&
                 kk_ct_equal(known->row_hash, hash, sizeof hash);
    return CKR_OK;
}

/* A further login of a row that is open already. */
static KK_RV unlock_known(struct kk_sealed *sealed, struct kk_sealed_unlock *known,
                          const struct kk_tries *tries, struct kk_span pin)
{
    KK_CLEANUP(kk_attempt_release) struct kk_attempt attempt = {.book = &sealed->book};
    bool fits = false;
    if (tries->failed == 0 && !tries->pending) {
        KK_TRY(verifier_fits(sealed, known, pin, &fits));
        if (fits) {
            return CKR_OK;
        }
    }
    KK_TRY(kk_attempt_lock(&sealed->book, known->head.role, known->row_no, &attempt));
    KK_TRY(kk_attempt_mark(&attempt));
    KK_TRY(verifier_fits(sealed, known, pin, &fits));
    KK_TRY(kk_attempt_settle(&attempt, fits));
    return fits ? CKR_OK : CKR_PIN_INCORRECT;
}

static KK_RV unlock_again(struct kk_sealed *sealed, struct kk_unlock *known,
                          const struct kk_sealed_try *try, const struct kk_tries *tries,
                          struct kk_span pin, struct kk_unlock **ret_unlock)
{
    CK_RV rv = unlock_known(sealed, (struct kk_sealed_unlock *)known, tries, pin);
    KK_TRY(kk_sealed_audit_try(sealed, try, rv));
    KK_TRY(kk_sealed_audit_login(sealed, known, false, try->is_context));
    *ret_unlock = kk_unlock_ref(known);
    return CKR_OK;
}

static KK_RV unlock_as(struct kk_sealed *sealed, struct kk_sealed_try *try, struct kk_span pin,
                       struct kk_unlock *known, struct kk_unlock **ret_unlock)
{
    struct kk_tries tries = {0};
    bool is_same = false;
    if (known != NULL && known->role == try->role) {
        KK_TRY(is_known(sealed, (struct kk_sealed_unlock *)known, try->role, try->name, &is_same,
                        &tries));
    }
    if (!is_same) {
        return unlock_cold(sealed, try, pin, ret_unlock);
    }
    return unlock_again(sealed, known, try, &tries, pin, ret_unlock);
}

KK_RV kk_sealed_unlock(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                       struct kk_span pin, struct kk_unlock *known, struct kk_unlock **ret_unlock)
{
    struct kk_sealed_try try = {.role = role, .name = name, .failed = KK_AUDIT_PIN_FAILED};
    return unlock_as((struct kk_sealed *)repository, &try, pin, known, ret_unlock);
}

KK_RV kk_sealed_verify_pin(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                           struct kk_span pin, struct kk_unlock *known)
{
    struct kk_sealed_try try = {
        .role = role, .name = name, .is_context = true, .failed = KK_AUDIT_PIN_FAILED};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *proof = NULL;
    return unlock_as((struct kk_sealed *)repository, &try, pin, known, &proof);
}
