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

KK_RV kk_restore_read(struct kk_engine *engine, const struct kk_backup_stream *from,
                      const struct kk_backup_key *key, const struct kk_backup_pin *pin,
                      bool take_damaged, struct kk_restore **ret_restore)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restore = NULL;
    KK_TRY(kk_alloc(sizeof *restore, &restore));
    restore->engine = engine;
    KK_TRY(read_all(restore, from, key));
    KK_TRY(open_copy(restore));
    KK_TRY(kk_sealed_adopt(restore->copy, pin, take_damaged));
    restore->is_renewed = pin->given;
    *ret_restore = KK_STEAL(restore);
    return CKR_OK;
}

/* ---- tokens that there are ---- */

/* Names, KK_UUID_TEXT bytes each, of the tokens of one serial number. */
struct same_serial {
    const struct kk_restore *restore;
    struct kk_buffer names;
};

static void same_serial_clear(struct same_serial *same)
{
    kk_buffer_clear(&same->names);
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

/* What cannot be opened is no token that a slot could have: the engine says so when it lists. */
static CK_RV look_at(const char *name, void *context)
{
    struct same_serial *same = context;
    const struct kk_engine *engine = same->restore->engine;
    struct kk_store *store = NULL;
    bool has = false;
    if (engine->store_ops->open(engine->env, name, &store) != CKR_OK) {
        return CKR_OK;
    }
    CK_RV rv = has_serial(store, same->restore->info.serial, &has);
    store->ops->close(store);
    if (rv == CKR_OK && has) {
        kk_buffer_put(&same->names, name, KK_UUID_TEXT);
    }
    return rv == CKR_HOST_MEMORY ? rv : kk_buffer_check(&same->names);
}

static KK_RV find_same(struct same_serial *same)
{
    const struct kk_engine *engine = same->restore->engine;
    return engine->store_ops->env_list(engine->env, look_at, same);
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

static KK_RV remove_token(const struct kk_engine *engine, const char *name, const char *why)
{
    struct kk_store *store = NULL;
    CK_RV rv = engine->store_ops->open(engine->env, name, &store);
    if (rv == CKR_TOKEN_NOT_PRESENT) {
        return CKR_OK; /* somebody else was first */
    }
    KK_TRY(rv);
    rv = remove_store(engine, store);
    rv = rv == CKR_DEVICE_REMOVED ? CKR_OK : rv;
    if (rv == CKR_OK) {
        kk_log_info("token %s: %s, deleted", store->ops->path(store), why);
    } else {
        kk_log_error("token %s: it could not be deleted (0x%lx); its backup stands beside it",
                     store->ops->path(store), rv);
    }
    store->ops->close(store);
    return rv;
}

/* The first by name is the one that is in use; NULL when there is none. */
static const char *first_of(const struct kk_buffer *names)
{
    const char *first = NULL;
    for (size_t at = 0; at < names->len; at += KK_UUID_TEXT) {
        const char *name = (const char *)names->data + at;
        first = first == NULL || strcmp(name, first) < 0 ? name : first;
    }
    return first;
}

/* The one that is in use goes last: none of the others comes in its place. */
static KK_RV remove_all(const struct kk_engine *engine, const struct kk_buffer *names)
{
    static const char why[] = "replaced by its backup";
    const char *last = first_of(names);
    for (size_t at = 0; at < names->len; at += KK_UUID_TEXT) {
        const char *name = (const char *)names->data + at;
        KK_TRY(name == last ? CKR_OK : remove_token(engine, name, why));
    }
    return last == NULL ? CKR_OK : remove_token(engine, last, why);
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

static bool has_name(const struct kk_buffer *names, const char *name)
{
    for (size_t at = 0; at < names->len; at += KK_UUID_TEXT) {
        if (strcmp((const char *)names->data + at, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Somebody else may have restored the same token meanwhile. Who sees the other one's withdraws: of
 * two at once, one or none is left, and what was there before is still there. */
static KK_RV withdraw_from_others(struct kk_restore *restore, const char *own,
                                  const struct kk_buffer *before)
{
    KK_CLEANUP(same_serial_clear) struct same_serial now = {.restore = restore};
    KK_TRY(find_same(&now));
    for (size_t at = 0; at < now.names.len; at += KK_UUID_TEXT) {
        const char *name = (const char *)now.names.data + at;
        if (strcmp(name, own) != 0 && !has_name(before, name)) {
            KK_TRY(
                remove_token(restore->engine, own, "somebody else restored it at the same time"));
            return CKR_FUNCTION_REJECTED;
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
    if (same.names.len > 0 && !replace) {
        kk_log_error("a token of the serial number %.16s is there already", restore->info.serial);
        return CKR_FUNCTION_REJECTED;
    }
    KK_TRY(make_token(restore, first_of(&same.names), name));
    KK_TRY(withdraw_from_others(restore, name, &same.names));
    return remove_all(restore->engine, &same.names);
}
