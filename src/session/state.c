/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of operations as bytes for the application to keep.
 *
 * The key is the token's for whoever is logged in, so that another process with the same login can
 * go on; without a login it is the process's. Nobody can make a state or look into one: it holds
 * chaining values and data that is not yet through. A key is not in it, but its uuid, by which it
 * is found again, and a keyed hash of its value, by which the one that a caller hands in is known.
 */
#include "session/operation_internal.h"

#include <string.h>

#include "base/memory.h"
#include "session/audit.h"
#include "session/objects.h"
#include "session/session.h"
#include "token/state_seal.h"

#include "base/banned.h"

#define SAVEABLE_KINDS 3
static const enum kk_op_kind saveable[SAVEABLE_KINDS] = {KK_OP_ENCRYPT, KK_OP_DECRYPT,
                                                         KK_OP_DIGEST};

static KK_RV seal_for(struct kk_call *call, struct kk_state_seal **ret_seal)
{
    bool user = false;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = kk_session_unlock(call->session, &user);
    return kk_state_seal_new(call->session->token, unlock, kk_session_state(call->session),
                             ret_seal);
}

/* --- saving ----------------------------------------------------------------------------------- */

static KK_RV save_family(struct kk_operation *operation, struct kk_buffer *out)
{
    struct kk_op *op = &operation->op;
    CK_RV (*save)(struct kk_op *, struct kk_buffer *) =
        op->kind == KK_OP_DIGEST ? op->mechanism->digest->save : op->mechanism->cipher->save;
    KK_ENSURE(save != NULL && operation->pending == NULL && !operation->needs_login,
              CKR_STATE_UNSAVEABLE);
    return save(op, out);
}

static KK_RV save_operation(const struct kk_state_seal *seal, struct kk_operation *operation,
                            struct kk_buffer *out)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer family = {.wipe = true};
    uint8_t print[KK_STATE_PRINT];
    KK_TRY(save_family(operation, &family));
    KK_TRY(kk_buffer_check(&family));
    kk_buffer_put_u8(out, (uint8_t)operation->op.kind);
    kk_buffer_put_u8(out, operation->multi);
    kk_buffer_put_u64(out, operation->op.mechanism->type);
    if (operation->object != NULL) {
        KK_TRY(kk_state_seal_print(seal, kk_key_secret(operation->op.key), print));
        kk_buffer_put(out, operation->object->uuid.bytes, sizeof operation->object->uuid.bytes);
        kk_buffer_put(out, print, sizeof print);
    }
    kk_buffer_put_u32(out, (uint32_t)family.len);
    kk_buffer_put_span(out, kk_buffer_span(&family));
    return CKR_OK;
}

/*= pkcs11-3.2 C_GetOperationState: CKR_OPERATION_NOT_INITIALIZED without an operation that could be
 * saved, CKR_STATE_UNSAVEABLE where one that is active cannot be */
static KK_RV which_are_active(struct kk_call *call, struct kk_operation *ret_found[KK_OP_COUNT])
{
    bool any = false;
    bool other = false;
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        enum kk_op_kind kind = (enum kk_op_kind)i;
        ret_found[i] = NULL;
        KK_IGNORE(kk_operation_find(call, kind, &ret_found[i])); /* not active: NULL */
        bool signs = kind == KK_OP_SIGN || kind == KK_OP_VERIFY;
        bool saves = kind == KK_OP_ENCRYPT || kind == KK_OP_DECRYPT || kind == KK_OP_DIGEST;
        any = any || (ret_found[i] != NULL && (signs || saves));
        other = other || (ret_found[i] != NULL && !saves);
    }
    KK_ENSURE(any, CKR_OPERATION_NOT_INITIALIZED);
    /* One handle is given back for both: they would have to share a key. */
    KK_ENSURE(!other && (ret_found[KK_OP_ENCRYPT] == NULL || ret_found[KK_OP_DECRYPT] == NULL),
              CKR_STATE_UNSAVEABLE);
    return CKR_OK;
}

KK_RV kk_call_save_state(struct kk_call *call, const struct kk_output *out)
{
    struct kk_operation *found[KK_OP_COUNT];
    KK_CLEANUP(kk_state_seal_freep) struct kk_state_seal *seal = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer plain = {.wipe = true};
    KK_TRY(which_are_active(call, found));
    KK_TRY(seal_for(call, &seal));
    for (size_t i = 0; i < SAVEABLE_KINDS; i++) {
        if (found[saveable[i]] != NULL) {
            KK_TRY(save_operation(seal, found[saveable[i]], &plain));
        }
    }
    KK_TRY(kk_buffer_check(&plain));
    CK_ULONG room = *out->len;
    size_t len = plain.len + kk_state_seal_overhead();
    *out->len = len;
    if (out->data == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(room >= len, CKR_BUFFER_TOO_SMALL);
    return kk_state_seal_close(seal, kk_buffer_span(&plain), out->data);
}

/* --- restoring -------------------------------------------------------------------------------- */

/* One operation of a state. */
struct saved {
    enum kk_op_kind kind;
    bool multi;
    const struct kk_mechanism *mechanism;
    struct kk_uuid uuid;   /* of the key; ciphers */
    struct kk_span print;  /* of the key; ciphers */
    struct kk_span family; /* the family's own */
    struct kk_object *object;
    struct kk_key *key;
};

struct saved_all {
    struct saved saved[SAVEABLE_KINDS];
    size_t count;
};

static void saved_all_clear(struct saved_all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        kk_object_unref(all->saved[i].object);
        kk_key_unref(all->saved[i].key);
    }
}

static KK_RV parse_operation(struct kk_call *call, struct kk_reader *reader, struct saved *saved)
{
    saved->kind = (enum kk_op_kind)kk_reader_u8(reader);
    saved->multi = kk_reader_u8(reader) != 0;
    CK_MECHANISM_TYPE type = (CK_MECHANISM_TYPE)kk_reader_u64(reader);
    if (saved->kind == KK_OP_ENCRYPT || saved->kind == KK_OP_DECRYPT) {
        struct kk_span uuid = kk_reader_take(reader, sizeof saved->uuid.bytes);
        saved->print = kk_reader_take(reader, KK_STATE_PRINT);
        KK_ENSURE(!reader->failed, CKR_SAVED_STATE_INVALID);
        memcpy(saved->uuid.bytes, uuid.data, uuid.len);
    }
    saved->family = kk_reader_take(reader, kk_reader_u32(reader));
    saved->mechanism = kk_registry_find(call->app->engine->registry, type);
    KK_ENSURE(!reader->failed && saved->mechanism != NULL, CKR_SAVED_STATE_INVALID);
    bool restores =
        saved->kind == KK_OP_DIGEST
            ? saved->mechanism->digest != NULL && saved->mechanism->digest->restore != NULL
            : saved->mechanism->cipher != NULL && saved->mechanism->cipher->restore != NULL;
    KK_ENSURE(restores && saved->kind <= KK_OP_DIGEST, CKR_SAVED_STATE_INVALID);
    return CKR_OK;
}

static KK_RV parse(struct kk_call *call, struct kk_span plain, struct saved_all *ret_all)
{
    struct kk_reader reader = kk_reader_new(plain);
    while (!kk_reader_done(&reader)) {
        KK_ENSURE(ret_all->count < SAVEABLE_KINDS, CKR_SAVED_STATE_INVALID);
        KK_TRY(parse_operation(call, &reader, &ret_all->saved[ret_all->count]));
        ret_all->count++;
    }
    return CKR_OK;
}

/*= pkcs11-3.2 C_SetOperationState: CKR_KEY_NEEDED, CKR_KEY_CHANGED. A key that is not handed in is
 * the one of then, as long as it is there (CKF_RESTORE_KEY_NOT_NEEDED) */
static KK_RV find_key(struct kk_call *call, const struct kk_state_seal *seal,
                      CK_OBJECT_HANDLE handle, struct saved *saved)
{
    uint8_t print[KK_STATE_PRINT];
    bool given = handle != CK_INVALID_HANDLE;
    CK_RV rv = CKR_OK;
    if (!given) {
        rv = kk_call_handle_of(call, &saved->uuid, &handle);
        KK_TRY(rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN ? CKR_KEY_NEEDED
                                                                               : rv);
    }
    rv = kk_operation_take_key(call, saved->mechanism, saved->kind, handle, &saved->object,
                               &saved->key);
    KK_ENSURE(rv != CKR_KEY_HANDLE_INVALID && rv != CKR_KEY_TYPE_INCONSISTENT &&
                  rv != CKR_KEY_FUNCTION_NOT_PERMITTED && rv != CKR_MECHANISM_INVALID,
              CKR_KEY_CHANGED);
    KK_TRY(rv);
    KK_ENSURE(kk_key_kind(saved->key) == KK_KEY_SECRET, CKR_KEY_CHANGED);
    KK_TRY(kk_state_seal_print(seal, kk_key_secret(saved->key), print));
    KK_ENSURE(kk_ct_equal(print, saved->print.data, sizeof print), CKR_KEY_CHANGED);
    return kk_call_audit_use(call, saved->kind, saved->object, saved->mechanism->type);
}

static KK_RV find_keys(struct kk_call *call, const struct kk_state_seal *seal,
                       CK_OBJECT_HANDLE handle, struct saved_all *all)
{
    bool needed = false;
    for (size_t i = 0; i < all->count; i++) {
        if (all->saved[i].kind != KK_OP_DIGEST) {
            needed = true;
            KK_TRY(find_key(call, seal, handle, &all->saved[i]));
        }
    }
    KK_ENSURE(needed || handle == CK_INVALID_HANDLE, CKR_KEY_NOT_NEEDED);
    return CKR_OK;
}

static KK_RV restore_operation(struct kk_call *call, struct saved *saved)
{
    struct kk_operation *operation = NULL;
    KK_TRY(kk_operation_room(call->session, saved->kind, &operation));
    struct kk_reader reader = kk_reader_new(saved->family);
    kk_operation_adopt(call, saved->kind, saved->mechanism, KK_STEAL(saved->object),
                       KK_STEAL(saved->key));
    CK_RV rv = saved->kind == KK_OP_DIGEST
                   ? saved->mechanism->digest->restore(&operation->op, &reader)
                   : saved->mechanism->cipher->restore(&operation->op, &reader);
    if (rv == CKR_OK && !kk_reader_done(&reader)) {
        rv = CKR_SAVED_STATE_INVALID;
    }
    if (rv != CKR_OK) {
        kk_operation_clear(operation);
        return rv;
    }
    operation->active = true;
    operation->multi = saved->multi;
    return CKR_OK;
}

/*= pkcs11-3.2 C_SetOperationState: ongoing operations are cancelled */
KK_RV kk_call_restore_state(struct kk_call *call, struct kk_span state,
                            CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_CLEANUP(kk_state_seal_freep) struct kk_state_seal *seal = NULL;
    KK_CLEANUP(saved_all_clear) struct saved_all all = {0};
    KK_TRY(seal_for(call, &seal));
    KK_TRY(kk_state_seal_open(seal, state, &plain));
    KK_TRY(parse(call, kk_secret_span(plain), &all));
    KK_ENSURE(authentication_key == CK_INVALID_HANDLE, CKR_KEY_NOT_NEEDED);
    KK_TRY(find_keys(call, seal, encryption_key, &all));
    for (size_t i = 0; i < KK_OP_COUNT; i++) {
        kk_operation_end(call->session->operations[i]);
    }
    kk_find_clear(&call->session->find);
    for (size_t i = 0; i < all.count; i++) {
        KK_TRY(restore_operation(call, &all.saved[i]));
    }
    return CKR_OK;
}
