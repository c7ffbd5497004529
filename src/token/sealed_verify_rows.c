/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checking a token: its own rows, and the call that does all of it. What the keys of a PIN open is
 * looked at even where the root does not vouch for that PIN's row: a check is there to say so.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

struct rows {
    const struct kk_sealed_op *op;
    const struct kk_check *check;
    struct kk_check_result *result;
    const struct kk_root *root; /* NULL: no keys, or it cannot be opened */
    bool seen_so;
    size_t seen; /* rows that the root knows */
};

static void found(const struct rows *rows, const char *what)
{
    kk_check_found(rows->check, rows->result, NULL, NULL, what);
}

/* What is said of a key row, by whose it is: the SO's, the user's, a named user's. */
static const char *const bad_rows[] = {"the SO's key row is damaged",
                                       "the user's key row is damaged",
                                       "a named user's key row is damaged"};
static const char *const strange_rows[] = {
    "the SO's key row is not the one that the token's root knows",
    "the user's key row is not the one that the token's root knows",
    "a named user's key row is not the one that the token's root knows"};
static const char *const missing_rows[] = {"the SO's key row is missing",
                                           "the user's key row is missing",
                                           "a named user's key row is missing"};

static size_t whose(uint32_t no)
{
    return KK_MIN(no, KK_KEY_ROW_USER + 1);
}

static KK_RV same_hash(const struct rows *rows, const struct kk_store_row *stored,
                       const uint8_t wanted[KK_HASH_LEN], bool *ret_same)
{
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_row_hash_of(rows->op->sealed->crypto, stored, hash));
    *ret_same = kk_ct_equal(hash, wanted, sizeof hash);
    return CKR_OK;
}

static CK_RV check_key_row(const struct kk_store_row *stored, void *context)
{
    struct rows *rows = context;
    struct kk_key_row row;
    bool same = true;
    rows->seen_so = rows->seen_so || stored->no == KK_KEY_ROW_SO;
    if (rows->root != NULL) {
        const struct kk_row_hash *wanted = kk_root_row(rows->root, stored->no);
        rows->seen += wanted != NULL ? 1 : 0;
        same = wanted != NULL;
        if (same) {
            KK_TRY(same_hash(rows, stored, wanted->hash, &same));
        }
    }
    if (kk_key_row_decode(stored, &row) != CKR_OK) {
        found(rows, bad_rows[whose(stored->no)]);
    } else if (!same) {
        found(rows, strange_rows[whose(stored->no)]);
    }
    return CKR_OK;
}

static KK_RV check_key_rows(struct rows *rows)
{
    struct kk_store_tx *tx = rows->op->tx;
    KK_TRY(tx->ops->row_each(tx, KK_TABLE_KEYS, 0, true, check_key_row, rows));
    if (rows->root == NULL) {
        if (!rows->seen_so) {
            found(rows, missing_rows[KK_KEY_ROW_SO]);
        }
        return CKR_OK;
    }
    for (size_t i = 0; i < rows->root->row_count; i++) {
        struct kk_store_row stored = {0};
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
        uint32_t no = rows->root->rows[i].no;
        if (no == KK_ROOT_REKEY || no == KK_ROOT_AUDIT) {
            continue;
        }
        CK_RV rv = tx->ops->row_get(tx, KK_TABLE_KEYS, no, &stored, &blob);
        KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
        if (rv != CKR_OK) {
            found(rows, missing_rows[whose(no)]);
        }
    }
    return CKR_OK;
}

/* A row that there is one of. `wanted` NULL: the root knows none. */
static KK_RV check_single(const struct rows *rows, uint32_t table,
                          const uint8_t wanted[KK_HASH_LEN], const char *what)
{
    struct kk_store_row stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {.wipe = true};
    CK_RV rv = rows->op->tx->ops->row_get(rows->op->tx, table, 0, &stored, &blob);
    KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
    bool same = rv == CKR_OK && wanted != NULL;
    if (same) {
        KK_TRY(same_hash(rows, &stored, wanted, &same));
    }
    if (!same && (rv == CKR_OK || wanted != NULL)) {
        found(rows, what);
    }
    return CKR_OK;
}

static KK_RV check_against_root(const struct rows *rows)
{
    const struct kk_row_hash *rekey = kk_root_row(rows->root, KK_ROOT_REKEY);
    KK_TRY(check_single(rows, KK_TABLE_TOKEN, rows->root->token_hash,
                        "the label, serial number or settings were tampered with"));
    KK_TRY(check_single(rows, KK_TABLE_PUB, rows->root->pub_hash,
                        "the row of the public objects' key is missing or another one"));
    return check_single(rows, KK_TABLE_REKEY, rekey != NULL ? rekey->hash : NULL,
                        "the row of the keys from before the rekey is missing or another one");
}

/* Whether the log is what the row says, verifying the log tells. */
static KK_RV check_anchor(const struct rows *rows)
{
    bool sound = true;
    KK_TRY(kk_sealed_audit_anchor_check(rows->op, rows->root, &sound));
    if (!sound) {
        found(rows, "the row of the audit log's anchor is missing, damaged or another one");
    }
    return CKR_OK;
}

KK_RV kk_sealed_verify_rows(const struct kk_sealed_op *op, const struct kk_check *check,
                            struct kk_check_result *result)
{
    struct rows rows = {.op = op, .check = check, .result = result};
    KK_CLEANUP(kk_root_clear) struct kk_root root = {0};
    if (op->keys[KK_SIDE_PRIVATE] != NULL) {
        CK_RV rv = kk_root_read(op, KK_SIDE_PRIVATE, &root);
        KK_ENSURE(rv == CKR_OK || rv == CKR_DEVICE_ERROR, rv); /* that is found with the lists */
        rows.root = rv == CKR_OK ? &root : NULL;
    }
    KK_TRY(check_key_rows(&rows));
    KK_TRY(check_anchor(&rows));
    return rows.root != NULL ? check_against_root(&rows) : CKR_OK;
}

/* ---- the call ---- */

/* Whether a TPM stands behind the row: that it does not open is no damage of the token then, and
 * the log says what it is. */
static KK_RV is_guarded(struct kk_sealed *sealed, enum kk_role role, bool *ret_guarded)
{
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_key_row row = {0};
    uint8_t hash[KK_HASH_LEN];
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    uint32_t no = role == KK_ROLE_SO ? KK_KEY_ROW_SO : KK_KEY_ROW_USER;
    *ret_guarded = kk_key_row_get(&op, no, &row, hash) == CKR_OK && row.guarded;
    return CKR_OK;
}

/* Logs in with whichever PIN was given, root or not. A row that cannot be used is a finding, and
 * the check goes on without keys. */
static KK_RV open_trusting(struct kk_sealed *sealed, const struct kk_check *check,
                           struct kk_check_result *result, struct kk_opened *opened)
{
    bool by_user = check->user_pin.data != NULL;
    bool guarded = false;
    enum kk_role role = by_user ? KK_ROLE_USER : KK_ROLE_SO;
    struct kk_span pin = by_user ? check->user_pin : check->so_pin;
    if (pin.data == NULL) {
        return CKR_OK;
    }
    CK_RV rv = kk_sealed_try(sealed, role, KK_SPAN(NULL, 0), pin, true, opened);
    if (rv == CKR_DEVICE_ERROR) {
        KK_TRY(is_guarded(sealed, role, &guarded));
        KK_ENSURE(!guarded, rv);
        kk_check_found(check, result, NULL, NULL,
                       by_user ? "the user's PIN cannot be tried: its key row is damaged, or "
                                 "needs a pepper that is not there"
                               : "the SO's PIN cannot be tried: its key row is damaged, or needs "
                                 "a pepper that is not there");
        return CKR_OK;
    }
    KK_TRY(rv);
    kk_attempt_release(&opened->attempt);
    return CKR_OK;
}

KK_RV kk_sealed_check(struct kk_repository *repository, const struct kk_check *check,
                      struct kk_check_result *ret_result)
{
    struct kk_sealed *sealed = (struct kk_sealed *)repository;
    KK_CLEANUP(kk_opened_clear) struct kk_opened opened = {0};
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys old = {0};
    KK_CLEANUP(kk_sealed_end) struct kk_sealed_op op = {0};
    struct kk_check_result result = {0};
    KK_TRY(open_trusting(sealed, check, &result, &opened));
    KK_TRY(kk_sealed_begin(sealed, NULL, KK_STORE_READ, &op));
    if (opened.keys.present != 0) {
        KK_ENSURE(kk_mem_equal(op.identity->row, KK_TOKEN_ROW_LEN, opened.identity->row,
                               KK_TOKEN_ROW_LEN),
                  CKR_FUNCTION_FAILED);
        KK_TRY(kk_rekey_open_private(sealed, op.identity, &opened.keys, &old));
        op.keys[KK_SIDE_PRIVATE] = &opened.keys;
        op.old_keys[KK_SIDE_PRIVATE] = old.present != 0 ? &old : NULL;
        op.opens_private = kk_side_keys_has(&opened.keys, KK_SLOT_OBJ);
    }
    KK_TRY(kk_sealed_verify_rows(&op, check, &result));
    KK_TRY(kk_sealed_verify(&op, check, NULL, &result));
    result.private_checked = op.opens_private;
    *ret_result = result;
    return CKR_OK;
}
