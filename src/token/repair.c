/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is done to a whole token.
 */
#include "token/repair.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/beside.h"

#include "base/banned.h"

KK_RV kk_token_check(struct kk_token *token, const struct kk_check *check,
                     struct kk_check_result *ret_result)
{
    struct kk_repository *repository = kk_token_repository(token);
    uint64_t epoch = 0;
    KK_ENSURE(repository->ops->check != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    KK_TRY(kk_token_fresh(token, &epoch));
    return repository->ops->check(repository, check, ret_result);
}

KK_RV kk_token_rekey(struct kk_token *token, const struct kk_rekey *rekey)
{
    struct kk_repository *repository = kk_token_repository(token);
    uint64_t epoch = 0;
    KK_ENSURE(repository->ops->rekey != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    KK_TRY(kk_token_fresh(token, &epoch));
    CK_RV rv = repository->ops->rekey(repository, rekey);
    KK_IGNORE(kk_token_fresh(token, &epoch)); /* it may have got its new epoch in either case */
    return rv;
}

/* The new token's store, and the repair into it. */
static KK_RV repair_into(struct kk_token *token, const struct kk_check *check, const char *name,
                         const char serial[16], struct kk_check_result *ret_result)
{
    struct kk_engine *engine = kk_token_engine(token);
    struct kk_repository *old = kk_token_repository(token);
    struct kk_repository *made = NULL;
    struct kk_store *store = NULL;
    KK_TRY(engine->store_ops->create(engine->env, name, &store));
    CK_RV rv = old->ops->repair(old, check, store, serial, ret_result, &made);
    if (rv != CKR_OK) {
        KK_IGNORE(store->ops->remove(store)); /* nothing was promised yet */
        store->ops->close(store);
        return rv;
    }
    kk_log_info("token %s: what is sound in it is now in %s", kk_token_path(token),
                made->ops->path(made));
    made->ops->close(made);
    return CKR_OK;
}

/* The name and serial number of a token that will take this one's place: until this one is deleted
 * everybody goes on using it. */
static KK_RV take_place_of(struct kk_token *token, char name[KK_UUID_TEXT], char serial[16])
{
    struct kk_engine *engine = kk_token_engine(token);
    const struct kk_repository_kind *kind = kk_repository_kind_of(kk_token_kind(token));
    KK_ENSURE(kind != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    memcpy(serial, kk_token_serial(token), 16);
    KK_TRY(kk_beside_clear(engine, kind, kk_token_name(token), serial));
    return kk_beside_name(engine->crypto, kk_token_name(token), name);
}

KK_RV kk_token_repair(struct kk_token *token, const struct kk_check *check, bool replace,
                      struct kk_check_result *ret_result, char ret_serial[16])
{
    struct kk_engine *engine = kk_token_engine(token);
    char name[KK_UUID_TEXT];
    char serial[16];
    uint64_t epoch = 0;
    KK_ENSURE(kk_token_repository(token)->ops->repair != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    KK_TRY(kk_token_fresh(token, &epoch));
    KK_TRY(kk_engine_choose_name(engine, name, serial));
    if (replace) {
        KK_TRY(take_place_of(token, name, serial));
    }
    KK_TRY(repair_into(token, check, name, serial, ret_result));
    if (replace) {
        KK_TRY(kk_token_remove(token));
        kk_engine_forget(engine, token);
    }
    memcpy(ret_serial, serial, sizeof serial);
    return kk_engine_refresh(engine);
}
