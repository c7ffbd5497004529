/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names beside a token's, and what is left under them.
 */
#include "token/beside.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/aside.h"

#include "base/banned.h"

#define NEAR 0xffffu /* how far a new directory's name may be from the old one's */

/* The name's first half plus a little. Its second half often is the serial number, and stays. */
KK_RV kk_beside_name(struct kk_crypto *crypto, const char *old, char ret_name[KK_UUID_TEXT])
{
    struct kk_uuid uuid;
    uint8_t random[2];
    KK_ENSURE(kk_uuid_parse(old, &uuid), CKR_FUNCTION_FAILED);
    uint64_t first = kk_load_u64(uuid.bytes);
    KK_ENSURE(first <= UINT64_MAX - NEAR, CKR_FUNCTION_FAILED);
    KK_TRY(kk_crypto_random(crypto, random, sizeof random));
    kk_store_u64(uuid.bytes, first + 1 + (random[0] * 256u + random[1]) % NEAR);
    kk_uuid_format(&uuid, ret_name);
    return CKR_OK;
}

bool kk_beside_is_near(const char *old, const char *name)
{
    struct kk_uuid a;
    struct kk_uuid b;
    return kk_uuid_parse(old, &a) && kk_uuid_parse(name, &b) &&
           kk_mem_equal(a.bytes + 8, 8, b.bytes + 8, 8) &&
           kk_load_u64(b.bytes) > kk_load_u64(a.bytes) &&
           kk_load_u64(b.bytes) - kk_load_u64(a.bytes) <= NEAR;
}

struct clearing {
    struct kk_engine *engine;
    const struct kk_repository_kind *kind;
    const char *old;
    const char *serial;
};

/* Not deleted: it may have been used since, and the old one come back out of a copy. */
static KK_RV put_aside(const struct clearing *clearing, struct kk_repository *repository,
                       const char *name)
{
    struct kk_engine *engine = clearing->engine;
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_ENSURE(engine->location != NULL && repository->ops->set_aside != NULL,
              CKR_FUNCTION_NOT_SUPPORTED);
    KK_TRY(kk_aside_path(engine->location, clearing->serial, name, &path));
    kk_log_warning("%s: was left by a try that did not end, or is another token of the same serial "
                   "number: moved to %s",
                   repository->ops->path(repository), path);
    return repository->ops->set_aside(repository, path);
}

static CK_RV take_leftover(const char *name, void *context)
{
    const struct clearing *clearing = context;
    struct kk_repository *repository = NULL;
    struct kk_token_state state;
    if (!kk_beside_is_near(clearing->old, name)) {
        return CKR_OK;
    }
    CK_RV rv = clearing->kind->open(clearing->engine, name, &repository);
    if (rv != CKR_OK) {
        return rv == CKR_TOKEN_NOT_PRESENT ? CKR_OK : rv;
    }
    rv = repository->ops->state(repository, &state);
    if (rv == CKR_OK &&
        kk_mem_equal(state.serial, sizeof state.serial, clearing->serial, sizeof state.serial)) {
        rv = put_aside(clearing, repository, name);
    }
    repository->ops->close(repository);
    return rv;
}

KK_RV kk_beside_clear(struct kk_engine *engine, const struct kk_repository_kind *kind,
                      const char *old, const char serial[16])
{
    struct clearing clearing = {engine, kind, old, serial};
    bool again = false;
    return kind->list(engine, take_leftover, &clearing, &again);
}
