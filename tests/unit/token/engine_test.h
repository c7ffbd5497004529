/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine on a directory of its own, for the tests of engine.c and token.c.
 */
#pragma once

#include <stdlib.h>

#include "sealed_test.h"
#include "token/engine.h"
#include "token/token.h"

#define SO_PIN text_span("so-secret")
#define USER_PIN text_span("user-secret")
#define NO_NAME KK_SPAN(NULL, 0)

static const char label_one[32] = "one                             ";

struct house {
    char dir[64];
    char log[96];
};

KK_UNUSED static void house_open(struct house *house)
{
    (void)snprintf(house->dir, sizeof house->dir, "/tmp/keykist-engine-XXXXXX");
    assert_non_null(mkdtemp(house->dir));
    (void)snprintf(house->log, sizeof house->log, "%s.log", house->dir);
    kk_log_configure(KK_LOG_DEBUG, KK_LOG_FILE, house->log);
}

KK_UNUSED static void house_close(struct house *house)
{
    char command[1024];
    kk_log_configure(KK_LOG_ERROR, KK_LOG_STDERR, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s %s", house->dir, house->log);
    assert_int_equal(system(command), 0);
}

KK_UNUSED static bool house_log_has(struct house *house, const char *text)
{
    struct rig rig;
    memcpy(rig.log, house->log, sizeof rig.log);
    return rig_log_has(&rig, text);
}

KK_UNUSED static struct kk_config *house_config(const struct house *house)
{
    struct kk_config *config = NULL;
    assert_ok(kk_config_new(&config));
    config->pin_kdf = KK_KDF_TEST;
    kk_free(config->tokendir);
    assert_ok(kk_strdup(house->dir, &config->tokendir));
    return config;
}

KK_UNUSED static struct kk_engine *house_engine(const struct house *house)
{
    struct kk_engine *engine = NULL;
    assert_ok(kk_engine_new(house_config(house), &engine));
    return engine;
}

/* A token with user PIN, a reference for the caller. */
KK_UNUSED static struct kk_token *token_with_user(struct kk_engine *engine)
{
    struct kk_token *token = NULL;
    struct kk_unlock *so = NULL;
    assert_ok(kk_engine_create_token(engine, SO_PIN, label_one, &token));
    assert_ok(kk_token_login(token, KK_ROLE_SO, NO_NAME, SO_PIN, &so));
    assert_ok(kk_token_init_pin(token, so, USER_PIN));
    kk_token_logout(token, so);
    return token;
}

/* The first of an engine's tokens, a reference for the caller. */
KK_UNUSED static struct kk_token *only_token(struct kk_engine *engine)
{
    struct kk_token **tokens = NULL;
    size_t count = 0;
    assert_ok(kk_engine_refresh(engine));
    assert_ok(kk_engine_tokens(engine, &tokens, &count));
    assert_int_equal(count, 1);
    struct kk_token *token = tokens[0];
    kk_free(tokens);
    return token;
}

KK_UNUSED static size_t token_count(struct kk_engine *engine)
{
    struct kk_token **tokens = NULL;
    size_t count = 0;
    assert_ok(kk_engine_refresh(engine));
    assert_ok(kk_engine_tokens(engine, &tokens, &count));
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(kk_token_name(tokens[i - 1]), kk_token_name(tokens[i])) < 0);
        kk_token_unref(tokens[i]);
    }
    kk_free(tokens);
    return count;
}
