/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token out of a backup. It is read into a store in memory and checked there; only then the place
 * of the tokens is touched, where it becomes a new token, as a whole or not at all.
 */
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "crypto/provider.h"
#include "token/backup_file.h"
#include "token/beside.h"
#include "token/kinds.h"
#include "token/restore_try.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define SERIAL_LEN 16

struct kk_restore {
    struct kk_engine *engine;
    struct kk_backup_info info;
    bool is_renewed; /* with a new epoch: read with a PIN */
    struct kk_store_env *env;
    struct kk_store *store; /* until the repository has it */
    struct kk_repository *copy;
};

void kk_restore_free(struct kk_restore *restore)
{
    if (restore == NULL) {
        return;
    }
    if (restore->copy != NULL) {
        restore->copy->ops->close(restore->copy);
    } else if (restore->store != NULL) {
        restore->store->ops->close(restore->store);
    }
    if (restore->env != NULL) {
        kk_store_memory.env_free(restore->env);
    }
    kk_free(restore);
}

const struct kk_backup_info *kk_restore_info(const struct kk_restore *restore)
{
    return &restore->info;
}

/* A name that ends in the serial number, as every token's does: a random one, or one beside `old`.
 */
static KK_RV choose_name(struct kk_crypto *crypto, const char serial[SERIAL_LEN], const char *old,
                         char ret_name[KK_UUID_TEXT])
{
    struct kk_uuid uuid;
    KK_TRY(kk_crypto_random(crypto, uuid.bytes, sizeof uuid.bytes));
    kk_uuid_format(&uuid, ret_name);
    if (old != NULL) {
        KK_TRY(kk_beside_name(crypto, old, ret_name));
    }
    memcpy(ret_name + 19, serial, 4);
    memcpy(ret_name + 24, serial + 4, 12);
    KK_ENSURE(kk_uuid_parse(ret_name, &uuid), CKR_ENCRYPTED_DATA_INVALID); /* no serial number */
    return CKR_OK;
}

/* ---- reading ---- */

static KK_RV take_records(struct kk_restore *restore, struct kk_backup_chunks *chunks)
{
    char name[KK_UUID_TEXT];
    struct kk_uuid uuid;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_TRY(kk_crypto_random(restore->engine->crypto, uuid.bytes, sizeof uuid.bytes));
    kk_uuid_format(&uuid, name);
    KK_TRY(kk_store_memory.env_new("", 0, &restore->env));
    KK_TRY(kk_store_memory.create(restore->env, name, &restore->store));
    KK_TRY(kk_store_memory.begin(restore->store, KK_STORE_WRITE, &tx));
    KK_TRY(kk_backup_records_take(chunks, tx, &restore->info));
    return kk_store_tx_commit(&tx);
}

static KK_RV read_all(struct kk_restore *restore, const struct kk_backup_stream *from,
                      const struct kk_backup_key *key)
{
    struct kk_crypto *crypto = restore->engine->crypto;
    KK_CLEANUP(kk_backup_header_clear) struct kk_backup_header header = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file_key = NULL;
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    KK_TRY(kk_backup_header_read(from, &header));
    restore->info.sealing = header.sealing;
    KK_TRY(kk_backup_header_open(crypto, &header, key, &file_key));
    KK_TRY(kk_backup_chunks_begin(crypto, file_key, from, &chunks));
    return take_records(restore, &chunks);
}

/* The copy as a token that says of itself what the file says of it. */
static KK_RV open_copy(struct kk_restore *restore)
{
    struct kk_token_state state;
    const struct kk_backup_info *info = &restore->info;
    struct kk_repository_settings settings = restore->engine->settings;
    settings.audit.mode = KK_AUDIT_LOG_OFF; /* nobody uses the copy */
    KK_TRY(kk_sealed_open(restore->engine->crypto, restore->store, &settings, &restore->copy));
    KK_TRY(restore->copy->ops->state(restore->copy, &state));
    if (!kk_mem_equal(state.serial, sizeof state.serial, info->serial, sizeof info->serial) ||
        !kk_mem_equal(state.label, sizeof state.label, info->label, sizeof info->label)) {
        kk_log_error("backup: it holds another token than it says");
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    return CKR_OK;
}

static KK_RV adopt(struct kk_restore *restore, const struct kk_backup_pin *pin, bool take_damaged)
{
    KK_CLEANUP(kk_restore_try_clear) struct kk_restore_try try = {0};
    if (pin->given) {
        KK_TRY(kk_restore_try_begin(restore->engine, restore->info.serial, pin->role, &try));
    }
    return kk_restore_try_end(&try, kk_sealed_adopt(restore->copy, pin, take_damaged));
}

KK_RV kk_restore_read(struct kk_engine *engine, const struct kk_backup_stream *from,
                      const struct kk_backup_key *key, const struct kk_backup_pin *pin,
                      bool take_damaged, struct kk_restore **ret_restore)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restore = NULL;
    KK_TRY(kk_alloc(sizeof *restore, &restore));
    restore->engine = engine;
    KK_TRY(read_all(restore, from, key));
    KK_TRY(open_copy(restore));
    KK_TRY(adopt(restore, pin, take_damaged));
    restore->is_renewed = pin->given;
    *ret_restore = KK_STEAL(restore);
    return CKR_OK;
}

/* ---- new keys ---- */

static KK_RV rekey_copy(struct kk_restore *restore, const struct kk_rekey *rekey, bool is_pending)
{
    if (is_pending) {
        KK_TRY(kk_sealed_rekey(restore->copy, rekey));
    }
    return kk_sealed_rekey(restore->copy, rekey);
}

/* The SO's PIN was right when the backup was read: a wrong one is the user's. */
KK_RV kk_restore_rekey(struct kk_restore *restore, const struct kk_rekey *rekey)
{
    struct kk_token_state state;
    KK_CLEANUP(kk_restore_try_clear) struct kk_restore_try try = {0};
    KK_ENSURE(restore->is_renewed, CKR_USER_NOT_LOGGED_IN);
    KK_TRY(restore->copy->ops->state(restore->copy, &state));
    KK_ENSURE(!state.user_pin_set || rekey->user_pin.data != NULL, CKR_USER_NOT_LOGGED_IN);
    if (rekey->user_pin.data != NULL) {
        KK_TRY(kk_restore_try_begin(restore->engine, restore->info.serial, KK_ROLE_USER, &try));
    }
    return kk_restore_try_end(&try, rekey_copy(restore, rekey, state.rekey_pending));
}

/* ---- tokens that there are ---- */

/* A token of the backup's serial number. */
struct same_token {
    const struct kk_repository_kind *kind;
    char name[KK_UUID_TEXT];
};

struct same_serial {
    const struct kk_restore *restore;
    const struct kk_repository_kind *kind; /* being listed */
    struct kk_buffer seen; /* names, KK_UUID_TEXT bytes each: a directory is of one kind only */
    struct same_token *tokens;
    size_t count;
};

static void same_serial_clear(struct same_serial *same)
{
    kk_buffer_clear(&same->seen);
    kk_free(same->tokens);
}

static bool has_token(const struct same_serial *same, const char *name)
{
    for (size_t i = 0; i < same->count; i++) {
        if (strcmp(same->tokens[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static KK_RV has_serial(struct kk_store *store, const char serial[SERIAL_LEN], bool *ret_has)
{
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row = {0};
    KK_TRY(kk_identity_new(&identity));
    KK_TRY(store->ops->begin(store, KK_STORE_READ, &tx));
    KK_TRY(tx->ops->row_get(tx, KK_TABLE_TOKEN, 0, &row, &blob));
    KK_TRY(kk_token_row_decode(row.blob, identity));
    *ret_has = kk_mem_equal(identity->serial, SERIAL_LEN, serial, SERIAL_LEN);
    return CKR_OK;
}

/* A sealed token is looked at below its repository: one whose rows are damaged counts too. */
static KK_RV look_at_sealed(const struct same_serial *same, const char *name, bool *ret_same)
{
    const struct kk_engine *engine = same->restore->engine;
    struct kk_store *store = NULL;
    KK_TRY(engine->store_ops->open(engine->env, name, &store));
    CK_RV rv = has_serial(store, same->restore->info.serial, ret_same);
    store->ops->close(store);
    return rv;
}

static KK_RV look_at_other(const struct same_serial *same, const char *name, bool *ret_same)
{
    struct kk_repository *repository = NULL;
    struct kk_token_state state;
    KK_TRY(same->kind->open(same->restore->engine, name, &repository));
    CK_RV rv = repository->ops->state(repository, &state);
    *ret_same = rv == CKR_OK && kk_mem_equal(state.serial, sizeof state.serial,
                                             same->restore->info.serial, SERIAL_LEN);
    repository->ops->close(repository);
    return rv;
}

static bool was_seen(const struct same_serial *same, const char *name)
{
    for (size_t at = 0; at < same->seen.len; at += KK_UUID_TEXT) {
        if (strcmp((const char *)same->seen.data + at, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What cannot be opened is no token that a slot could have: the engine says so when it lists. */
static CK_RV look_at(const char *name, void *context)
{
    struct same_serial *same = context;
    bool is_same = false;
    if (strlen(name) != KK_UUID_TEXT - 1 || was_seen(same, name)) {
        return CKR_OK;
    }
    kk_buffer_put(&same->seen, name, KK_UUID_TEXT);
    KK_TRY(kk_buffer_check(&same->seen));
    CK_RV rv = same->kind->on_any_store ? look_at_sealed(same, name, &is_same)
                                        : look_at_other(same, name, &is_same);
    if (rv != CKR_OK || !is_same) {
        return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
    }
    KK_TRY(kk_realloc_array(&same->tokens, same->count + 1, sizeof *same->tokens));
    struct same_token *token = &same->tokens[same->count++];
    token->kind = same->kind;
    memcpy(token->name, name, KK_UUID_TEXT);
    return CKR_OK;
}

/* Of every kind: two tokens of one serial number cannot both have a slot. */
static KK_RV find_same(struct same_serial *same)
{
    struct kk_engine *engine = same->restore->engine;
    bool again = false;
    for (size_t i = 0; i < kk_repository_kinds_count; i++) {
        same->kind = &kk_repository_kinds[i];
        if (same->kind->on_any_store || engine->location != NULL) {
            KK_TRY(same->kind->list(engine, look_at, same, &again));
        }
    }
    return CKR_OK;
}

/* Audited, as a token, which has an entry in its log; where it is none any more, as a store. */
static KK_RV remove_store(const struct kk_engine *engine, struct kk_store *store)
{
    struct kk_repository *repository = NULL;
    if (engine->settings.audit.mode == KK_AUDIT_LOG_OFF ||
        kk_sealed_open(engine->crypto, store, &engine->settings, &repository) != CKR_OK) {
        return store->ops->remove(store);
    }
    CK_RV rv = repository->ops->remove(repository);
    kk_sealed_free((struct kk_sealed *)repository);
    return rv;
}

static KK_RV removed(CK_RV rv, const char *path, const char *why)
{
    rv = rv == CKR_DEVICE_REMOVED ? CKR_OK : rv;
    if (rv == CKR_OK) {
        kk_log_info("token %s: %s, deleted", path, why);
    } else {
        kk_log_error("token %s: it could not be deleted (0x%lx); its backup stands beside it", path,
                     rv);
    }
    return rv;
}

static KK_RV remove_sealed(const struct kk_engine *engine, const char *name, const char *why)
{
    struct kk_store *store = NULL;
    CK_RV rv = engine->store_ops->open(engine->env, name, &store);
    if (rv == CKR_TOKEN_NOT_PRESENT) {
        return CKR_OK; /* somebody else was first */
    }
    KK_TRY(rv);
    rv = removed(remove_store(engine, store), store->ops->path(store), why);
    store->ops->close(store);
    return rv;
}

static KK_RV remove_other(struct kk_engine *engine, const struct same_token *token, const char *why)
{
    struct kk_repository *repository = NULL;
    CK_RV rv = token->kind->open(engine, token->name, &repository);
    if (rv == CKR_TOKEN_NOT_PRESENT) {
        return CKR_OK; /* somebody else was first */
    }
    KK_TRY(rv);
    rv = removed(repository->ops->remove(repository), repository->ops->path(repository), why);
    repository->ops->close(repository);
    return rv;
}

/* The first by name is the one that is in use; NULL when there is none. */
static const struct same_token *first_of(const struct same_serial *same)
{
    const struct same_token *first = NULL;
    for (size_t i = 0; i < same->count; i++) {
        const struct same_token *token = &same->tokens[i];
        first = first == NULL || strcmp(token->name, first->name) < 0 ? token : first;
    }
    return first;
}

static KK_RV remove_same(const struct same_serial *same, const struct same_token *token)
{
    static const char why[] = "replaced by its backup";
    struct kk_engine *engine = same->restore->engine;
    return token->kind->on_any_store ? remove_sealed(engine, token->name, why)
                                     : remove_other(engine, token, why);
}

/* The one that is in use goes last: none of the others comes in its place. */
static KK_RV remove_all(const struct same_serial *same)
{
    const struct same_token *last = first_of(same);
    for (size_t i = 0; i < same->count; i++) {
        const struct same_token *token = &same->tokens[i];
        KK_TRY(token == last ? CKR_OK : remove_same(same, token));
    }
    return last == NULL ? CKR_OK : remove_same(same, last);
}

/* ---- writing ---- */

static KK_RV copy_into(struct kk_restore *restore, struct kk_store *store)
{
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *from = NULL;
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *to = NULL;
    KK_TRY(kk_store_memory.begin(restore->store, KK_STORE_READ, &from));
    KK_TRY(store->ops->begin(store, KK_STORE_WRITE, &to));
    KK_TRY(kk_backup_copy(from, to));
    return kk_store_tx_commit(&to);
}

/* Nobody was told of the token yet: without an entry in its audit log it goes again. */
static KK_RV audit_made(const struct kk_engine *engine, struct kk_store *store)
{
    struct kk_repository *repository = NULL;
    if (engine->settings.audit.mode == KK_AUDIT_LOG_OFF) {
        return CKR_OK;
    }
    CK_RV rv = kk_sealed_open(engine->crypto, store, &engine->settings, &repository);
    if (rv == CKR_OK) {
        rv = kk_sealed_audit_birth((struct kk_sealed *)repository, NULL, KK_AUDIT_RESTORE);
        kk_sealed_free((struct kk_sealed *)repository);
    }
    if (rv != CKR_OK) {
        KK_IGNORE(store->ops->remove(store));
    }
    return rv;
}

/* What was written is a token. */
static KK_RV look_again(const struct kk_restore *restore, const char *name)
{
    const struct kk_engine *engine = restore->engine;
    struct kk_store *store = NULL;
    bool has = false;
    KK_TRY(engine->store_ops->open(engine->env, name, &store));
    CK_RV rv = has_serial(store, restore->info.serial, &has);
    rv = rv == CKR_OK && !has ? CKR_DEVICE_ERROR : rv;
    rv = rv == CKR_OK ? audit_made(engine, store) : rv;
    store->ops->close(store);
    return rv;
}

/* `old`: the token that it takes the place of; NULL. */
static KK_RV make_token(struct kk_restore *restore, const char *old, char name[KK_UUID_TEXT])
{
    const struct kk_engine *engine = restore->engine;
    struct kk_store *store = NULL;
    KK_TRY(choose_name(engine->crypto, restore->info.serial, old, name));
    KK_TRY(engine->store_ops->create(engine->env, name, &store));
    CK_RV rv = copy_into(restore, store);
    if (rv == CKR_OK) {
        kk_log_info("token %s: made from a backup", store->ops->path(store));
    }
    store->ops->close(store); /* before its first commit it was never there */
    KK_TRY(rv);
    return look_again(restore, name);
}

/* Somebody else may have restored the same token meanwhile. Who sees the other one's withdraws: of
 * two at once, one or none is left, and what was there before is still there. */
static KK_RV withdraw_from_others(struct kk_restore *restore, const char *own,
                                  const struct same_serial *before)
{
    KK_CLEANUP(same_serial_clear) struct same_serial now = {.restore = restore};
    KK_TRY(find_same(&now));
    for (size_t i = 0; i < now.count; i++) {
        const char *name = now.tokens[i].name;
        if (strcmp(name, own) != 0 && !has_token(before, name)) {
            KK_TRY(
                remove_sealed(restore->engine, own, "somebody else restored it at the same time"));
            return CKR_FUNCTION_REJECTED;
        }
    }
    return CKR_OK;
}

/* Whether those that are there can make way. */
static KK_RV check_same(const struct same_serial *same, bool replace)
{
    const char *serial = same->restore->info.serial;
    if (same->count > 0 && !replace) {
        kk_log_error("a token of the serial number %.16s is there already", serial);
        return CKR_FUNCTION_REJECTED;
    }
    for (size_t i = 0; i < same->count; i++) {
        if (same->tokens[i].kind->create == NULL) {
            kk_log_error("the token of the serial number %.16s that is there is of the kind %s, "
                         "which is only read: it cannot be replaced",
                         serial, same->tokens[i].kind->name);
            return CKR_TOKEN_WRITE_PROTECTED;
        }
    }
    return CKR_OK;
}

KK_RV kk_restore_write(struct kk_restore *restore, bool replace)
{
    KK_CLEANUP(same_serial_clear) struct same_serial same = {.restore = restore};
    char name[KK_UUID_TEXT];
    KK_ENSURE(restore->is_renewed, CKR_USER_NOT_LOGGED_IN);
    KK_TRY(find_same(&same));
    KK_TRY(check_same(&same, replace));
    const struct same_token *old = first_of(&same);
    KK_TRY(make_token(restore, old != NULL ? old->name : NULL, name));
    KK_TRY(withdraw_from_others(restore, name, &same));
    return remove_all(&same);
}
