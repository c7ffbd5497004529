/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The softhsm2 repository: its operations, making, opening and closing.
 */
#include "token/softhsm.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* What SoftHSM says of a token whose SO has a PIN. */
#define NEW_TOKEN_FLAGS                                                                            \
    (CKF_RNG | CKF_LOGIN_REQUIRED | CKF_RESTORE_KEY_NOT_NEEDED | CKF_TOKEN_INITIALIZED)

struct kk_softhsm_keys kk_softhsm_keys_of(const struct kk_softhsm *repo,
                                          const struct kk_unlock *unlock)
{
    const struct kk_softhsm_unlock *login = (const struct kk_softhsm_unlock *)unlock;
    return (struct kk_softhsm_keys){.crypto = repo->crypto,
                                    .master = login != NULL ? kk_secret_span(login->master)
                                                            : KK_SPAN(NULL, 0)};
}

KK_RV kk_softhsm_check_login(struct kk_softhsm *repo, const struct kk_unlock *unlock)
{
    uint8_t epoch[16];
    if (unlock == NULL) {
        return CKR_OK;
    }
    KK_TRY(kk_softhsm_epoch(repo, epoch));
    KK_ENSURE(kk_mem_equal(epoch, sizeof epoch, unlock->epoch, sizeof unlock->epoch),
              CKR_SESSION_HANDLE_INVALID);
    return CKR_OK;
}

static KK_RV softhsm_set_aside(struct kk_repository *repository, const char *path)
{
    return kk_softhsm_set_aside(((struct kk_softhsm *)repository)->dir, path);
}

/* SoftHSM, too, reads anew what it knows. */
static KK_RV softhsm_nudge(struct kk_repository *repository)
{
    uint64_t before = 0;
    uint64_t after = 0;
    return kk_softhsm_bump(((struct kk_softhsm *)repository)->dir, &before, &after);
}

static KK_RV softhsm_remove(struct kk_repository *repository)
{
    return kk_softhsm_remove(((struct kk_softhsm *)repository)->dir);
}

static const char *softhsm_path(const struct kk_repository *repository)
{
    return kk_softhsm_path(((const struct kk_softhsm *)repository)->dir);
}

static bool free_entry(KK_UNUSED const struct kk_uuid *uuid, void *value, KK_UNUSED void *context)
{
    kk_free(value);
    return false;
}

static void repo_free(struct kk_softhsm *repo)
{
    if (repo == NULL) {
        return;
    }
    if (repo->entries != NULL) {
        kk_uuid_map_each(repo->entries, free_entry, NULL);
    }
    kk_uuid_map_free(repo->entries);
    kk_index_free(repo->public_objects);
    kk_watch_free(repo->watch);
    kk_softhsm_close(repo->dir);
    kk_tries_book_destroy(&repo->book);
    kk_mutex_destroy(&repo->lock);
    kk_free(repo);
}
KK_DEFINE_CLEANUP(struct kk_softhsm *, repo_free);

static void softhsm_close(struct kk_repository *repository)
{
    repo_free((struct kk_softhsm *)repository);
}

static const struct kk_repository_ops softhsm_ops = {
    .name = "softhsm2",
    .close = softhsm_close,
    .state = kk_softhsm_state,
    .fresh = kk_softhsm_fresh_op,
    .look = kk_softhsm_look,
    .reinitialise = kk_softhsm_reinitialise,
    .unlock = kk_softhsm_unlock_op,
    .set_pin = kk_softhsm_set_pin,
    .init_pin = kk_softhsm_init_pin,
    .find = kk_softhsm_find,
    .hidden = kk_softhsm_hidden,
    .read = kk_softhsm_read_op,
    .change = kk_softhsm_change,
    .set_aside = softhsm_set_aside,
    .nudge = softhsm_nudge,
    .remove = softhsm_remove,
    .path = softhsm_path,
};

static KK_RV repo_new(struct kk_crypto *crypto, const struct kk_repository_settings *settings,
                      struct kk_softhsm **ret_repo)
{
    struct kk_softhsm *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    made->head.ops = &softhsm_ops;
    made->crypto = crypto;
    made->settings = *settings;
    made->private_round = 1;
    kk_mutex_init(&made->lock, KK_RANK_INDEX);
    kk_tries_book_init(&made->book, &kk_softhsm_tries_ops, made, settings->pin_max_tries,
                       &made->lock);
    KK_CLEANUP(repo_freep) struct kk_softhsm *repo = made;
    KK_TRY(kk_uuid_map_new(&repo->entries));
    KK_TRY(kk_index_new(&repo->public_objects));
    *ret_repo = KK_STEAL(repo);
    return CKR_OK;
}

KK_RV kk_softhsm_repository_open(struct kk_crypto *crypto, const char *location, const char *name,
                                 unsigned int umask, const struct kk_repository_settings *settings,
                                 struct kk_repository **ret_repository)
{
    KK_CLEANUP(repo_freep) struct kk_softhsm *repo = NULL;
    struct kk_softhsm_identity identity;
    KK_TRY(repo_new(crypto, settings, &repo));
    KK_TRY(kk_softhsm_open(location, name, umask, &repo->dir));
    KK_TRY(kk_softhsm_recognise(repo, &identity));
    *ret_repository = &KK_STEAL(repo)->head;
    return CKR_OK;
}

static KK_RV new_token_body(struct kk_crypto *crypto, struct kk_span so_pin, const char label[32],
                            const char serial[16], struct kk_buffer *ret_body)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_SECRET_ARRAY(master, KK_SOFTHSM_MASTER_LEN);
    uint8_t blob[KK_SOFTHSM_BLOB_LEN];
    KK_TRY(kk_crypto_random_secret(crypto, master, sizeof master));
    KK_TRY(kk_softhsm_blob_seal(crypto, KK_SPAN_ARRAY(master), so_pin, blob));
    KK_TRY(kk_attrs_new(&attrs));
    KK_TRY(kk_attrs_set_bytes(attrs, KK_SOFTHSM_TOKEN_LABEL, KK_SPAN(label, 32)));
    KK_TRY(kk_attrs_set_bytes(attrs, KK_SOFTHSM_TOKEN_SERIAL, KK_SPAN(serial, 16)));
    KK_TRY(kk_attrs_set_number(attrs, KK_SOFTHSM_TOKEN_FLAGS, NEW_TOKEN_FLAGS));
    KK_TRY(kk_attrs_set_bytes(attrs, KK_SOFTHSM_TOKEN_SO, KK_SPAN_ARRAY(blob)));
    return kk_softhsm_encode(attrs, NULL, ret_body);
}

KK_RV kk_softhsm_repository_create(struct kk_crypto *crypto, const char *location, const char *name,
                                   unsigned int umask,
                                   const struct kk_repository_settings *settings,
                                   struct kk_span so_pin, const char label[32],
                                   const char serial[16], struct kk_repository **ret_repository)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    KK_TRY(new_token_body(crypto, so_pin, label, serial, &body));
    KK_TRY(kk_softhsm_make(location, name, umask, kk_buffer_span(&body)));
    return kk_softhsm_repository_open(crypto, location, name, umask, settings, ret_repository);
}
