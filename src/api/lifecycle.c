/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a configuration file to an application, and back.
 */
#include "api/lifecycle.h"

#include "base/config.h"
#include "base/log.h"
#include "session/app.h"
#include "session/async.h"
#include "session/session.h"
#include "trace/trace.h"

#include "base/banned.h"

void kk_api_prepare(void)
{
    kk_crypto_prepare();
}

KK_RV kk_api_start(struct kk_app **ret_app)
{
    struct kk_config *config = NULL;
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine = NULL;
    KK_TRY(kk_config_load(&config));
    kk_log_configure((enum kk_log_level)config->log_level, (enum kk_log_target)config->log_target,
                     config->log_file);
    kk_trace_configure(config->log_trace);
    KK_TRY(kk_engine_new(config, &engine));
    KK_TRY(kk_app_new(engine, ret_app));
    engine = NULL; /* the application's, by kk_api_stop() */
    return CKR_OK;
}

void kk_api_close_sessions(struct kk_app *app)
{
    kk_app_end_waits(app);
    kk_session_close_all(app);
    kk_async_end(app);
}

void kk_api_stop(struct kk_app *app)
{
    if (app != NULL) {
        struct kk_engine *engine = app->engine;
        kk_app_free(app);
        kk_engine_free(engine);
    }
}
