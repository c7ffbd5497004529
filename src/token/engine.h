/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: what one process or worker has once. It owns the OSSL_LIB_CTX, the configuration, the
 * mechanism registry, the store environment and the tokens. Many applications (session/app.h) may
 * stand on one engine.
 */
#pragma once

#include "base/config.h"
#include "base/lock.h"
#include "mechanism/mechanism.h"
#include "token/repository.h"

struct kk_token;
struct kk_wait;

struct kk_engine {
    struct kk_config *config;
    struct kk_crypto *crypto;
    struct kk_registry *registry;
    const struct kk_store_ops *store_ops;
    struct kk_store_env *env;
    char *location; /* the tokens' directory, for kinds that are no stores; NULL: there is none */
    struct kk_tpm *tpm;
    struct kk_secret *pepper;
    struct kk_secret *state_key; /* random: seals states of operations outside of logins */
    struct kk_repository_settings settings;
    struct kk_mutex lock; /* KK_RANK_SLOTS; covers what follows */
    struct kk_token **tokens;
    size_t token_count;
    bool listed;
    uint64_t env_stamp;
    struct kk_wait *waits; /* under way (wait.h) */
};

/* Takes over the configuration (also on failure). Opens no token yet. CKR_GENERAL_ERROR, with a log
 * line, when the token directory cannot be read or the pepper is not there to be read. */
KK_RV kk_engine_new(struct kk_config *config, struct kk_engine **ret_engine);

/* The same on a store engine of the caller's choice (tests: slow, failing), with sealed tokens
 * alone. */
KK_RV kk_engine_new_on(struct kk_config *config, const struct kk_store_ops *store_ops,
                       struct kk_engine **ret_engine);

void kk_engine_free(struct kk_engine *engine);
KK_DEFINE_CLEANUP(struct kk_engine *, kk_engine_free);

/* Looks at the store environment, opens tokens that came, drops those that went. What cannot be
 * opened is logged and skipped; a serial that is there twice is reported, the first name wins. */
KK_RV kk_engine_refresh(struct kk_engine *engine);

/* Asks the disk which tokens are out of their slots (token.h); takes one out, or puts it back, and
 * wakes those who wait for slot events. Codes of kk_token_set_plug(). */
void kk_engine_look_plugs(struct kk_engine *engine);
KK_RV kk_engine_set_plug(struct kk_engine *engine, struct kk_token *token, bool out);

/* References to all present tokens, in the order of their names; the caller unrefs each and frees.
 */
KK_RV kk_engine_tokens(struct kk_engine *engine, struct kk_token ***ret_tokens, size_t *ret_count);

/* The name of a new token, and its serial: the name's last 16 hex digits, whose slot id is not in
 * use. */
KK_RV kk_engine_choose_name(struct kk_engine *engine, char name[KK_UUID_TEXT], char serial[16]);

/* C_InitToken on an empty slot. Chooses a uuid whose serial gives a slot id that is not in use. */
KK_RV kk_engine_create_token(struct kk_engine *engine, struct kk_span so_pin, const char label[32],
                             struct kk_token **ret_token);

/* Takes a token off the list; the next refresh looks at the directory anew. */
void kk_engine_forget(struct kk_engine *engine, struct kk_token *token);

/* Deletes a token, and what was set aside of it, and forgets it. */
KK_RV kk_engine_delete_token(struct kk_engine *engine, struct kk_token *token);
