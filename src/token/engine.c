/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: set-up from the configuration, and the list of tokens.
 */
#include "token/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/token.h"
#include "token/unattended.h"

#include "base/banned.h"

#define PEPPER_LEN 32

static const struct kk_store_ops *const engines[] = {
    [KK_BACKEND_SQLITE] = &kk_store_sqlite,
    [KK_BACKEND_MEMORY] = &kk_store_memory,
    [KK_BACKEND_FILE] = &kk_store_sqlite,
};

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 bytes as they are, or as 64 hex digits. */
static bool pepper_parse(const uint8_t *text, size_t len, uint8_t ret_pepper[PEPPER_LEN])
{
    if (len == PEPPER_LEN) {
        memcpy(ret_pepper, text, PEPPER_LEN);
        return true;
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    for (size_t i = 0; len == PEPPER_LEN * 2 && i < PEPPER_LEN; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_pepper[i] = (uint8_t)(high << 4 | low);
    }
    return len == PEPPER_LEN * 2;
}

static void closep(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static KK_RV pepper_read(const char *path, struct kk_secret **ret_pepper)
{
    KK_SECRET_ARRAY(text, PEPPER_LEN * 2 + 4);
    KK_SECRET_ARRAY(pepper, PEPPER_LEN);
    KK_CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (len < 0) {
        kk_log_error("token.pepper: cannot read %s: %s", path, strerror(errno));
        return CKR_DEVICE_ERROR;
    }
    if (!pepper_parse(text, (size_t)len, pepper)) {
        kk_log_error("token.pepper: %s holds neither 32 bytes nor 64 hex digits", path);
        return CKR_DEVICE_ERROR;
    }
    return kk_secret_from(KK_SPAN_ARRAY(pepper), ret_pepper);
}

/* A pepper that is not there does not stop tokens that need none. */
static void pepper_load(struct kk_engine *engine)
{
    const char *pepper = engine->config->pepper;
    if (pepper == NULL || strcmp(pepper, "none") == 0) {
        return;
    }
    if (kk_pepper_is_tpm2(pepper)) {
        engine->settings.pepper_missing =
            kk_pepper_from_tpm2(engine->tpm, engine->config, &engine->pepper) != CKR_OK;
        engine->settings.pepper = engine->pepper;
        return;
    }
    if (strncmp(pepper, "file:", 5) != 0) {
        kk_log_error("token.pepper: this build does not know \"%s\"", pepper);
        engine->settings.pepper_missing = true;
        return;
    }
    engine->settings.pepper_missing = pepper_read(pepper + 5, &engine->pepper) != CKR_OK;
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
    engine->settings.pin_guard = config->pin_guard;
    if (config->backend == KK_BACKEND_FILE && config->backend_is_set) {
        kk_log_info("objectstore.backend = file: SoftHSM's own file format is not built yet; new "
                    "tokens are sealed ones");
    }
    KK_TRY(engine->store_ops->env_new(config->tokendir, config->umask, &engine->env));
    KK_TRY(kk_crypto_new(&engine->crypto));
    KK_TRY(kk_registry_new(engine->crypto, config->slots_mechanisms, &engine->registry));
    KK_TRY(kk_tpm_new(config->tcti, &engine->tpm));
    engine->settings.tpm = engine->tpm;
    kk_tpm_prepare(engine->tpm, config);
    pepper_load(engine);
    return CKR_OK;
}

KK_RV kk_engine_new_on(struct kk_config *config, const struct kk_store_ops *store_ops,
                       struct kk_engine **ret_engine)
{
    KK_CLEANUP(kk_config_freep) struct kk_config *owned = config;
    struct kk_engine *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    kk_mutex_init(&made->lock, KK_RANK_SLOTS);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = made;
    engine->config = KK_STEAL(owned);
    engine->store_ops = store_ops;
    KK_TRY(engine_set_up(engine));
    *ret_engine = KK_STEAL(engine);
    return CKR_OK;
}

KK_RV kk_engine_new(struct kk_config *config, struct kk_engine **ret_engine)
{
    return kk_engine_new_on(config, engines[config->backend], ret_engine);
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
    kk_registry_free(engine->registry);
    kk_crypto_free(engine->crypto);
    kk_secret_free(engine->pepper);
    kk_tpm_free(engine->tpm);
    kk_config_free(engine->config);
    kk_mutex_destroy(&engine->lock);
    kk_free(engine);
}

/* The list that a refresh puts together. */
struct listing {
    struct kk_engine *engine;
    struct kk_token **tokens;
    size_t count;
    bool failed; /* something could not be opened: to be tried again at the next look */
};

static void listing_clear(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        kk_token_unref(listing->tokens[i]);
    }
    kk_free(listing->tokens);
}

static KK_RV open_token(struct kk_engine *engine, const char *name, struct kk_token **ret_token)
{
    struct kk_store *store = NULL;
    struct kk_repository *repository = NULL;
    KK_TRY(engine->store_ops->open(engine->env, name, &store));
    CK_RV rv = kk_sealed_open(engine->crypto, store, &engine->settings, &repository);
    if (rv != CKR_OK) {
        store->ops->close(store);
        return rv;
    }
    rv = kk_token_new(engine, name, repository, ret_token);
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

static CK_RV list_name(const char *name, void *context)
{
    struct listing *listing = context;
    struct kk_token *token = find_token(listing->engine, name);
    if (token != NULL) {
        return listing_add(listing, kk_token_ref(token));
    }
    CK_RV rv = open_token(listing->engine, name, &token);
    if (rv != CKR_OK) {
        /* Deleted meanwhile, or not to be opened: whoever found out has logged why. */
        kk_log_warning("token %s is left out (0x%lx)", name, rv);
        listing->failed = true;
        return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
    }
    return listing_add(listing, token);
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
    KK_TRY(engine->store_ops->env_list(engine->env, list_name, &listing));
    take_list(engine, &listing);
    engine->env_stamp = stamp;
    engine->listed = !listing.failed;
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

/* The name of a new token, and its serial: the name's last 16 hex digits. */
static KK_RV choose_name(struct kk_engine *engine, char name[KK_UUID_TEXT], char serial[16])
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

static KK_RV create_repository(struct kk_engine *engine, const char *name, const char serial[16],
                               struct kk_span so_pin, const char label[32],
                               struct kk_repository **ret_repository)
{
    struct kk_store *store = NULL;
    KK_TRY(engine->store_ops->create(engine->env, name, &store));
    CK_RV rv = kk_sealed_create(engine->crypto, store, &engine->settings, so_pin, label, serial,
                                ret_repository);
    if (rv != CKR_OK) {
        KK_IGNORE(store->ops->remove(store)); /* nothing was promised yet */
        store->ops->close(store);
    }
    return rv;
}

KK_RV kk_engine_create_token(struct kk_engine *engine, struct kk_span so_pin, const char label[32],
                             struct kk_token **ret_token)
{
    char name[KK_UUID_TEXT];
    char serial[16];
    struct kk_repository *repository = NULL;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    KK_TRY(choose_name(engine, name, serial));
    KK_TRY(create_repository(engine, name, serial, so_pin, label, &repository));
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
    *ret_token = KK_STEAL(token);
    return CKR_OK;
}

KK_RV kk_engine_delete_token(struct kk_engine *engine, struct kk_token *token)
{
    KK_TRY(kk_token_remove(token));
    KK_LOCK_SCOPE(&engine->lock);
    for (size_t i = 0; i < engine->token_count; i++) {
        if (engine->tokens[i] == token) {
            kk_token_drop(token);
            engine->tokens[i] = engine->tokens[--engine->token_count];
            kk_token_unref(token);
            break;
        }
    }
    return CKR_OK;
}
