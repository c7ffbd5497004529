/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: set-up from the configuration, and the list of tokens.
 */
#include "token/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "store/aside.h"
#include "store/path.h"
#include "token/kinds.h"
#include "token/token.h"
#include "token/unattended.h"
#include "token/wait.h"

#include "base/banned.h"

static const struct kk_store_ops *const engines[] = {
    [KK_BACKEND_SQLITE] = &kk_store_sqlite,
    [KK_BACKEND_MEMORY] = &kk_store_memory,
    [KK_BACKEND_FILE] = &kk_store_sqlite,
};

/* A pepper that is not there does not stop tokens that need none. */
static void pepper_load(struct kk_engine *engine)
{
    engine->settings.pepper_missing = kk_engine_pepper(engine, &engine->pepper) != CKR_OK;
    engine->settings.pepper = engine->pepper;
}

static KK_RV engine_set_up(struct kk_engine *engine)
{
    const struct kk_config *config = engine->config;
    engine->settings.pin_kdf = config->pin_kdf;
    engine->settings.pin_max_tries = config->pin_max_tries;
    engine->settings.pin_min_length = config->pin_min_length;
    engine->settings.so_recovery = config->so_recovery;
    engine->settings.integrity = config->integrity;
    engine->settings.audit = (struct kk_audit_settings){
        .mode = config->audit_log,
        .on_error = config->audit_on_error,
        .max_size_kib = config->audit_max_size,
        .keep = config->audit_keep,
        .file_mode = 0666 & ~config->umask,
    };
    engine->settings.pin_guard = config->pin_guard;
    KK_TRY(engine->store_ops->env_new(config->tokendir, config->umask, &engine->env));
    KK_TRY(kk_crypto_new(&engine->crypto));
    KK_TRY(kk_registry_new(engine->crypto, config->slots_mechanisms, &engine->registry));
    KK_TRY(kk_secret_new(KK_AEAD_KEY, &engine->state_key));
    KK_TRY(kk_crypto_random_secret(engine->crypto, kk_secret_data(engine->state_key), KK_AEAD_KEY));
    KK_TRY(kk_tpm_new(config->tcti, &engine->tpm));
    engine->settings.tpm = engine->tpm;
    kk_tpm_prepare(engine->tpm, config);
    pepper_load(engine);
    return CKR_OK;
}

static KK_RV engine_make(struct kk_config *config, const struct kk_store_ops *store_ops,
                         bool has_directory, struct kk_engine **ret_engine)
{
    KK_CLEANUP(kk_config_freep) struct kk_config *owned = config;
    struct kk_engine *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    kk_mutex_init(&made->lock, KK_RANK_SLOTS);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = made;
    engine->config = KK_STEAL(owned);
    engine->store_ops = store_ops;
    KK_TRY(engine_set_up(engine));
    if (has_directory) {
        KK_TRY(kk_path_absolute(engine->config->tokendir, &engine->location));
    }
    *ret_engine = KK_STEAL(engine);
    return CKR_OK;
}

KK_RV kk_engine_new_on(struct kk_config *config, const struct kk_store_ops *store_ops,
                       struct kk_engine **ret_engine)
{
    return engine_make(config, store_ops, false, ret_engine);
}

KK_RV kk_engine_new(struct kk_config *config, struct kk_engine **ret_engine)
{
    bool has_directory = config->backend != KK_BACKEND_MEMORY;
    return engine_make(config, engines[config->backend], has_directory, ret_engine);
}

void kk_engine_free(struct kk_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (size_t i = 0; i < engine->token_count; i++) {
        kk_token_unref(engine->tokens[i]);
    }
    kk_free(engine->tokens);
    if (engine->env != NULL) {
        engine->store_ops->env_free(engine->env);
    }
    kk_free(engine->location);
    kk_registry_free(engine->registry);
    kk_crypto_free(engine->crypto);
    kk_secret_free(engine->pepper);
    kk_secret_free(engine->state_key);
    kk_tpm_free(engine->tpm);
    kk_config_free(engine->config);
    kk_mutex_destroy(&engine->lock);
    kk_free(engine);
}

/* A name that was found, and as what. */
struct found {
    const struct kk_repository_kind *kind;
    char name[KK_UUID_TEXT];
};

/* The list that a refresh puts together. */
struct listing {
    struct kk_engine *engine;
    const struct kk_repository_kind *kind; /* being listed */
    struct found *found;
    size_t found_count;
    struct kk_token **tokens;
    size_t count;
    bool again; /* something could not be opened yet: to be tried at the next look */
};

static void listing_clear(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        kk_token_unref(listing->tokens[i]);
    }
    kk_free(listing->tokens);
    kk_free(listing->found);
}

static KK_RV open_token(struct kk_engine *engine, const struct found *found,
                        struct kk_token **ret_token)
{
    struct kk_repository *repository = NULL;
    KK_TRY(found->kind->open(engine, found->name, &repository));
    CK_RV rv = kk_token_new(engine, found->name, repository, ret_token);
    if (rv != CKR_OK) {
        repository->ops->close(repository);
    }
    return rv;
}

static const struct kk_token *same_serial(const struct listing *listing,
                                          const struct kk_token *token)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (kk_mem_equal(kk_token_serial(listing->tokens[i]), 16, kk_token_serial(token), 16)) {
            return listing->tokens[i];
        }
    }
    return NULL;
}

/* Takes the token over. */
static KK_RV listing_add(struct listing *listing, struct kk_token *token)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *mine = token;
    const struct kk_token *first = same_serial(listing, token);
    if (first != NULL) {
        kk_log_warning("token %s has the serial number %.16s of token %s: it is left out",
                       kk_token_path(token), kk_token_serial(token), kk_token_path(first));
        return CKR_OK;
    }
    KK_TRY(kk_realloc_array(&listing->tokens, listing->count + 1, sizeof *listing->tokens));
    listing->tokens[listing->count++] = KK_STEAL(mine);
    return CKR_OK;
}

/* Borrowed. Caller holds the engine's lock. */
static struct kk_token *find_token(const struct kk_engine *engine, const char *name)
{
    KK_ASSERT_HELD(&engine->lock);
    for (size_t i = 0; i < engine->token_count; i++) {
        if (strcmp(kk_token_name(engine->tokens[i]), name) == 0) {
            return engine->tokens[i];
        }
    }
    return NULL;
}

static KK_RV list_one(struct listing *listing, const struct found *found)
{
    struct kk_token *token = find_token(listing->engine, found->name);
    if (token != NULL) {
        kk_token_look_plug(token);
        return listing_add(listing, kk_token_ref(token));
    }
    CK_RV rv = open_token(listing->engine, found, &token);
    if (rv != CKR_OK) {
        /* Deleted meanwhile, or not to be opened: whoever found out has logged why. */
        kk_log_warning("token %s is left out (0x%lx)", found->name, rv);
        listing->again = true;
        return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
    }
    return listing_add(listing, token);
}

/* A name that an earlier kind has taken is not this kind's. */
static CK_RV note_name(const char *name, void *context)
{
    struct listing *listing = context;
    for (size_t i = 0; i < listing->found_count; i++) {
        if (strcmp(listing->found[i].name, name) == 0) {
            return CKR_OK;
        }
    }
    KK_ENSURE(strlen(name) < sizeof listing->found->name, CKR_OK);
    KK_TRY(kk_realloc_array(&listing->found, listing->found_count + 1, sizeof *listing->found));
    struct found *found = &listing->found[listing->found_count++];
    found->kind = listing->kind;
    memcpy(found->name, name, strlen(name) + 1);
    return CKR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

static KK_RV list_all(struct listing *listing)
{
    for (size_t i = 0; i < kk_repository_kinds_count; i++) {
        listing->kind = &kk_repository_kinds[i];
        if (listing->kind->on_any_store || listing->engine->location != NULL) {
            KK_TRY(listing->kind->list(listing->engine, note_name, listing, &listing->again));
        }
    }
    if (listing->found_count > 0) {
        qsort(listing->found, listing->found_count, sizeof *listing->found, by_name);
    }
    for (size_t i = 0; i < listing->found_count; i++) {
        KK_TRY(list_one(listing, &listing->found[i]));
    }
    return CKR_OK;
}

KK_RV kk_engine_tokens(struct kk_engine *engine, struct kk_token ***ret_tokens, size_t *ret_count)
{
    KK_LOCK_SCOPE(&engine->lock);
    struct kk_token **copy = NULL;
    KK_TRY(kk_alloc_array(engine->token_count, sizeof(struct kk_token *), &copy));
    for (size_t i = 0; i < engine->token_count; i++) {
        copy[i] = kk_token_ref(engine->tokens[i]);
    }
    *ret_tokens = copy;
    *ret_count = engine->token_count;
    return CKR_OK;
}

static bool is_in(const struct listing *listing, const struct kk_token *token)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->tokens[i] == token) {
            return true;
        }
    }
    return false;
}

/* The new list takes the place of the old one. Caller holds the engine's lock. */
static void take_list(struct kk_engine *engine, struct listing *listing)
{
    KK_ASSERT_HELD(&engine->lock);
    struct kk_token **tokens = engine->tokens;
    size_t count = engine->token_count;
    for (size_t i = 0; i < count; i++) {
        if (!is_in(listing, tokens[i])) {
            kk_token_drop(tokens[i]);
        }
    }
    engine->tokens = listing->tokens;
    engine->token_count = listing->count;
    listing->tokens = tokens;
    listing->count = count;
}

/* Holds the engine's lock throughout: two threads must not open one token twice. It is below
 * KK_RANK_TOKEN, so that I/O under it is allowed; only slot functions wait for it. */
KK_RV kk_engine_refresh(struct kk_engine *engine)
{
    uint64_t stamp = 0;
    KK_CLEANUP(listing_clear) struct listing listing = {.engine = engine};
    KK_LOCK_SCOPE(&engine->lock);
    KK_TRY(engine->store_ops->env_stamp(engine->env, &stamp));
    if (engine->listed && engine->env_stamp == stamp) {
        return CKR_OK;
    }
    KK_TRY(list_all(&listing));
    take_list(engine, &listing);
    engine->env_stamp = stamp;
    engine->listed = !listing.again;
    return CKR_OK;
}

void kk_engine_look_plugs(struct kk_engine *engine)
{
    KK_LOCK_SCOPE(&engine->lock);
    for (size_t i = 0; i < engine->token_count; i++) {
        kk_token_look_plug(engine->tokens[i]);
    }
}

KK_RV kk_engine_set_plug(struct kk_engine *engine, struct kk_token *token, bool out)
{
    KK_TRY(kk_token_set_plug(token, out));
    kk_wait_wake(engine);
    return CKR_OK;
}

static bool slot_id_taken(struct kk_engine *engine, CK_SLOT_ID id)
{
    KK_LOCK_SCOPE(&engine->lock);
    for (size_t i = 0; i < engine->token_count; i++) {
        if (kk_token_slot_id(engine->tokens[i]) == id) {
            return true;
        }
    }
    return false;
}

KK_RV kk_engine_choose_name(struct kk_engine *engine, char name[KK_UUID_TEXT], char serial[16])
{
    struct kk_uuid uuid;
    CK_SLOT_ID id = 0;
    do {
        KK_TRY(kk_crypto_random(engine->crypto, uuid.bytes, sizeof uuid.bytes));
        id = kk_load_u32(uuid.bytes + 12) & 0x7fffffff;
    } while (slot_id_taken(engine, id));
    kk_uuid_format(&uuid, name);
    memcpy(serial, name + 19, 4);
    memcpy(serial + 4, name + 24, 12);
    return CKR_OK;
}

KK_RV kk_engine_create_token(struct kk_engine *engine, struct kk_span so_pin, const char label[32],
                             struct kk_token **ret_token)
{
    char name[KK_UUID_TEXT];
    char serial[16];
    struct kk_repository *repository = NULL;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_TRY(kk_engine_choose_name(engine, name, serial));
    KK_TRY(
        kk_repository_kind_new(engine)->create(engine, name, serial, so_pin, label, &repository));
    CK_RV rv = kk_token_new(engine, name, repository, &token);
    if (rv != CKR_OK) {
        KK_IGNORE(repository->ops->remove(repository)); /* nothing was promised yet */
        repository->ops->close(repository);
        return rv;
    }
    KK_LOCK_SCOPE(&engine->lock);
    struct kk_token *listed = find_token(engine, name); /* another thread refreshed meanwhile */
    if (listed != NULL) {
        *ret_token = kk_token_ref(listed);
        return CKR_OK;
    }
    KK_TRY(kk_realloc_array(&engine->tokens, engine->token_count + 1, sizeof *engine->tokens));
    engine->tokens[engine->token_count++] = kk_token_ref(token);
    kk_wait_wake_held(engine);
    *ret_token = KK_STEAL(token);
    return CKR_OK;
}

/* What was set aside of the token goes with it: it holds the same keys. It goes last: a token that
 * could not be deleted is left with what it had. */
KK_RV kk_engine_delete_token(struct kk_engine *engine, struct kk_token *token)
{
    size_t count = 0;
    KK_TRY(kk_token_remove(token));
    kk_engine_forget(engine, token);
    if (engine->location == NULL) {
        return CKR_OK;
    }
    CK_RV rv = kk_aside_remove(engine->location, kk_token_serial(token), &count);
    if (rv != CKR_OK) {
        kk_log_error("%s/.backup: the token %.16s was deleted, what was set aside of it was not",
                     engine->location, kk_token_serial(token));
    }
    return rv;
}

void kk_engine_forget(struct kk_engine *engine, struct kk_token *token)
{
    KK_LOCK_SCOPE(&engine->lock);
    engine->listed = false;
    kk_wait_wake_held(engine);
    for (size_t i = 0; i < engine->token_count; i++) {
        if (engine->tokens[i] == token) {
            kk_token_drop(token);
            engine->tokens[i] = engine->tokens[--engine->token_count];
            kk_token_unref(token);
            break;
        }
    }
}
