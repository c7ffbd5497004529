/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of repository kinds.
 */
#include "token/kinds.h"

#include "base/config.h"
#include "base/log.h"
#include "store/softhsm.h"
#include "store/softhsm_db.h"
#include "token/softhsm.h"

#include "base/banned.h"

/* ---- sealed ---- */

static KK_RV sealed_list(struct kk_engine *engine, kk_store_name_visit *visit, void *context,
                         KK_UNUSED bool *ret_again)
{
    return engine->store_ops->env_list(engine->env, visit, context);
}

static KK_RV sealed_open(struct kk_engine *engine, const char *name,
                         struct kk_repository **ret_repository)
{
    struct kk_store *store = NULL;
    KK_TRY(engine->store_ops->open(engine->env, name, &store));
    CK_RV rv = kk_sealed_open(engine->crypto, store, &engine->settings, ret_repository);
    if (rv != CKR_OK) {
        store->ops->close(store);
    }
    return rv;
}

static KK_RV sealed_create(struct kk_engine *engine, const char *name, const char serial[16],
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

/* ---- softhsm2 ---- */

static KK_RV softhsm_list(struct kk_engine *engine, kk_store_name_visit *visit, void *context,
                          bool *ret_again)
{
    return kk_softhsm_list(engine->location, visit, context, ret_again);
}

/* What is a part of sealed tokens only. */
static void say_not_heeded(const struct kk_engine *engine, const char *name)
{
    if (engine->settings.audit.mode != KK_AUDIT_LOG_OFF) {
        kk_log_warning("token %s/%s: audit.log is not heeded: tokens in SoftHSM's format have no "
                       "audit log",
                       engine->location, name);
    }
    if (engine->settings.pin_guard != KK_GUARD_NONE) {
        kk_log_warning("token %s/%s is in SoftHSM's format: pin.guard does nothing for its PINs; "
                       "\"keykist token upgrade\" makes a sealed one of it",
                       engine->location, name);
    }
}

static KK_RV softhsm_open(struct kk_engine *engine, const char *name,
                          struct kk_repository **ret_repository)
{
    KK_TRY(kk_softhsm_repository_open(engine->crypto, engine->location, name, engine->config->umask,
                                      &engine->settings, ret_repository));
    say_not_heeded(engine, name);
    return CKR_OK;
}

static KK_RV softhsm_create(struct kk_engine *engine, const char *name, const char serial[16],
                            struct kk_span so_pin, const char label[32],
                            struct kk_repository **ret_repository)
{
    kk_log_warning("token %s/%s is made in SoftHSM's format: short PINs are guessed quickly from a "
                   "copy, edits of its files are not noticed; \"keykist token upgrade\" makes a "
                   "sealed one of it",
                   engine->location, name);
    say_not_heeded(engine, name);
    return kk_softhsm_repository_create(engine->crypto, engine->location, name,
                                        engine->config->umask, &engine->settings, so_pin, label,
                                        serial, ret_repository);
}

/* ---- softhsm2-db ---- */

static KK_RV softhsm_db_list(struct kk_engine *engine, kk_store_name_visit *visit, void *context,
                             KK_UNUSED bool *ret_again)
{
    return kk_softhsm_db_list(engine->location, visit, context);
}

static KK_RV softhsm_db_open(struct kk_engine *engine, const char *name,
                             struct kk_repository **ret_repository)
{
    KK_TRY(kk_softhsm_db_repository_open(engine->crypto, engine->location, name, &engine->settings,
                                         ret_repository));
    say_not_heeded(engine, name);
    return CKR_OK;
}

/* clang-format off */
const struct kk_repository_kind kk_repository_kinds[] = {
    { .name = "sealed", .on_any_store = true, .list = sealed_list, .open = sealed_open, .create = sealed_create },
    { .name = "softhsm2", .list = softhsm_list, .open = softhsm_open, .create = softhsm_create },
    { .name = "softhsm2-db", .list = softhsm_db_list, .open = softhsm_db_open },
};
/* clang-format on */

const size_t kk_repository_kinds_count = KK_ARRAY_LEN(kk_repository_kinds);

const struct kk_repository_kind *kk_repository_kind_of(const char *name)
{
    for (size_t i = 0; i < kk_repository_kinds_count; i++) {
        if (strcmp(kk_repository_kinds[i].name, name) == 0 &&
            kk_repository_kinds[i].create != NULL) {
            return &kk_repository_kinds[i];
        }
    }
    return NULL;
}

const struct kk_repository_kind *kk_repository_kind_new(const struct kk_engine *engine)
{
    enum { SEALED, SOFTHSM2 };
    bool softhsm2 = engine->location != NULL && engine->config->backend == KK_BACKEND_FILE;
    return &kk_repository_kinds[softhsm2 ? SOFTHSM2 : SEALED];
}
