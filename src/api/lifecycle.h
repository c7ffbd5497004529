/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the module needs besides the C_ functions: an application on an engine of its own, and the
 * frame round every entry from outside.
 */
#pragma once

#include "base/macros.h"
#include "session/app.h"

struct kk_app;

/* Before kk_api_start() and with no lock held: OpenSSL reads its own configuration, and what that
 * activates may call this module's C_Initialize from within. */
void kk_api_prepare(void);

/* Reads the configuration, sets up the log, makes an engine and an application on it. Codes of
 * kk_config_load() and kk_engine_new(). */
KK_RV kk_api_start(struct kk_app **ret_app);

/* Ends every session and every wait for an event; calls under way in sessions end by themselves. */
void kk_api_close_sessions(struct kk_app *app);

/* Frees the application and its engine. No call may be under way in it. NULL is fine. */
void kk_api_stop(struct kk_app *app);

/* OpenSSL's own exit handler has run: only kk_api_stop() may still be called. */
static inline bool kk_api_is_over(void)
{
    return kk_crypto_is_over();
}

/* The caller's OpenSSL error queue stays its own between these (crypto/provider.h). */
static inline struct kk_crypto_call kk_api_enter(bool lightly)
{
    return kk_crypto_enter_call(lightly);
}

static inline void kk_api_leave(struct kk_crypto_call call)
{
    kk_crypto_leave_call(call);
}
