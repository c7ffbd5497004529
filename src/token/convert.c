/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Converting a token: a new one beside it (beside.h), all objects copied, the new one opened anew
 * and held against the old one, the old one set aside.
 */
#include "token/convert.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/aside.h"
#include "token/beside.h"
#include "token/token.h"

#include "base/banned.h"

#define BATCH 64 /* objects of one transaction */
#define LOOKS_MAX 5

/* One of the two tokens, with a login that sees all there is. */
struct side {
    struct kk_token *token;
    struct kk_unlock *unlock;
    bool user;
};

static void side_clear(struct side *side)
{
    if (side->token != NULL) {
        kk_token_logout(side->token, side->unlock);
        kk_token_unref(side->token);
    }
    *side = (struct side){0};
}

struct conversion {
    struct kk_engine *engine;
    const struct kk_convert *convert;
    const struct kk_repository_kind *kind;
    struct kk_token_state state; /* of the old token */
    char name[KK_UUID_TEXT];     /* of the new one */
    struct side old, new;
    struct kk_uuid *uuids;
    size_t count;
    CK_ULONG done;
    struct kk_convert_result result;
};

static void conversion_clear(struct conversion *conversion)
{
    side_clear(&conversion->old);
    side_clear(&conversion->new);
    kk_free(conversion->uuids);
}

static KK_RV step(struct conversion *conversion)
{
    const struct kk_convert *convert = conversion->convert;
    conversion->done++;
    return convert->progress == NULL ? CKR_OK
                                     : convert->progress(convert->context, conversion->done,
                                                         2 * (CK_ULONG)conversion->count);
}

/* ---- the two sides ---- */

static KK_RV side_login(const struct conversion *conversion, struct side *side)
{
    const struct kk_convert *convert = conversion->convert;
    struct kk_unlock *so = NULL;
    KK_TRY(kk_token_login(side->token, KK_ROLE_SO, KK_SPAN(NULL, 0), convert->so_pin, &so));
    if (!conversion->state.user_pin_set) {
        side->unlock = so; /* there are no private objects */
        return CKR_OK;
    }
    kk_token_logout(side->token, so);
    side->user = true;
    return kk_token_login(side->token, KK_ROLE_USER, KK_SPAN(NULL, 0), convert->user_pin,
                          &side->unlock);
}

static KK_RV open_old(struct conversion *conversion, struct kk_token *token)
{
    const struct kk_convert *convert = conversion->convert;
    KK_ENSURE(conversion->engine->location != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    conversion->kind = kk_repository_kind_of(convert->kind);
    KK_ENSURE(conversion->kind != NULL && strcmp(kk_token_kind(token), convert->kind) != 0,
              CKR_ARGUMENTS_BAD);
    KK_TRY(kk_token_state(token, &conversion->state));
    KK_ENSURE(!conversion->state.read_only, CKR_TOKEN_WRITE_PROTECTED);
    KK_ENSURE(!conversion->state.user_pin_set || convert->user_pin.data != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_beside_name(conversion->engine->crypto, kk_token_name(token), conversion->name));
    conversion->old.token = kk_token_ref(token);
    return side_login(conversion, &conversion->old);
}

/* Takes the repository over. */
static KK_RV new_token(struct conversion *conversion, struct kk_repository *repository)
{
    CK_RV rv =
        kk_token_new(conversion->engine, conversion->name, repository, &conversion->new.token);
    if (rv != CKR_OK) {
        repository->ops->close(repository);
    }
    return rv;
}

static KK_RV set_user_pin(struct conversion *conversion)
{
    struct kk_unlock *so = NULL;
    struct kk_token *token = conversion->new.token;
    if (!conversion->state.user_pin_set) {
        return CKR_OK;
    }
    KK_TRY(kk_token_login(token, KK_ROLE_SO, KK_SPAN(NULL, 0), conversion->convert->so_pin, &so));
    CK_RV rv = kk_token_init_pin(token, so, conversion->convert->user_pin);
    kk_token_logout(token, so);
    return rv;
}

/* As another process would find it: nothing of what was written is remembered. */
static KK_RV reopen_new(struct conversion *conversion)
{
    struct kk_repository *repository = NULL;
    side_clear(&conversion->new);
    KK_TRY(conversion->kind->open(conversion->engine, conversion->name, &repository));
    KK_TRY(new_token(conversion, repository));
    return side_login(conversion, &conversion->new);
}

/* ---- objects ---- */

static KK_RV list(const struct side *side, struct kk_uuid **ret_uuids, size_t *ret_count)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *all = NULL;
    KK_TRY(kk_attrs_new(&all));
    return kk_token_find(side->token, side->unlock, side->user, all, ret_uuids, ret_count);
}

static KK_RV get(const struct side *side, const struct kk_uuid *uuid, struct kk_object **ret_object)
{
    return kk_token_get(side->token, side->unlock, side->user, uuid, ret_object);
}

static void say_object(const struct conversion *conversion, const struct kk_uuid *uuid,
                       const char *what)
{
    char text[KK_UUID_TEXT];
    kk_uuid_format(uuid, text);
    kk_log_error("token %s: object %s %s", kk_token_path(conversion->old.token), text, what);
}

/* ---- trust ---- */

/* Of a sealed token only what was proven reads as trusted. */
static bool is_unproven(const struct conversion *conversion, const struct kk_object *object)
{
    return strcmp(kk_token_kind(conversion->old.token), "sealed") != 0 &&
           kk_attrs_flag(object->attrs, CKA_TRUSTED, false);
}

static void tell_trust(const struct conversion *conversion, const struct kk_object *object)
{
    const struct kk_convert *convert = conversion->convert;
    const struct kk_attr *label = kk_attrs_find(object->attrs, CKA_LABEL);
    const struct kk_finding finding = {
        .what = convert->drops_trust ? "CKA_TRUSTED was not taken over: nothing proves it"
                                     : "CKA_TRUSTED was taken over, although nothing proves it",
        .uuid = &object->uuid,
        .label = label != NULL && label->kind == KK_ATTR_BYTES ? kk_attr_bytes(label)
                                                               : KK_SPAN(NULL, 0)};
    char text[KK_UUID_TEXT];
    kk_uuid_format(&object->uuid, text);
    kk_log_warning("token %s: object %s: %s", kk_token_path(conversion->old.token), text,
                   finding.what);
    if (convert->found != NULL) {
        convert->found(convert->context, &finding);
    }
}

/* The object as it is to be in the new token, with a reference for the caller. */
static KK_RV as_taken(const struct conversion *conversion, struct kk_object *object,
                      struct kk_object **ret_object)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    if (!conversion->convert->drops_trust || !is_unproven(conversion, object)) {
        *ret_object = kk_object_ref(object);
        return CKR_OK;
    }
    KK_TRY(kk_attrs_dup(object->attrs, &attrs));
    KK_TRY(kk_attrs_set_flag(attrs, CKA_TRUSTED, false));
    KK_TRY(kk_object_new(&object->uuid, object->generation, attrs, ret_object));
    attrs = NULL;
    return CKR_OK;
}

/* An object of the old token, as it is to be in the new one. */
static KK_RV get_old(const struct conversion *conversion, const struct kk_uuid *uuid,
                     struct kk_object **ret_object)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(get(&conversion->old, uuid, &object));
    return as_taken(conversion, object, ret_object);
}

/* ---- copying ---- */

struct batch {
    struct kk_object *objects[BATCH];
    size_t count;
};

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        kk_object_unref(batch->objects[i]);
    }
    batch->count = 0;
}

static KK_RV create(const struct conversion *conversion, struct kk_object *const *objects,
                    size_t count)
{
    struct kk_new_object rows[BATCH];
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct kk_new_object){.uuid = objects[i]->uuid, .attrs = objects[i]->attrs};
    }
    return kk_token_create(conversion->new.token, conversion->new.unlock, rows, count, NULL);
}

/* One by one, to find the one that cannot be stored. */
static void find_culprit(const struct conversion *conversion, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (create(conversion, &batch->objects[i], 1) != CKR_OK) {
            say_object(conversion, &batch->objects[i]->uuid,
                       "has an attribute that the new kind cannot hold");
            return;
        }
    }
}

static KK_RV flush(const struct conversion *conversion, struct batch *batch)
{
    CK_RV rv = batch->count > 0 ? create(conversion, batch->objects, batch->count) : CKR_OK;
    if (rv == CKR_ATTRIBUTE_VALUE_INVALID) {
        find_culprit(conversion, batch);
    }
    batch_clear(batch);
    return rv;
}

static KK_RV copy_one(const struct conversion *conversion, const struct kk_uuid *uuid,
                      struct kk_object **ret_object)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(get(&conversion->old, uuid, &object));
    if (is_unproven(conversion, object)) {
        tell_trust(conversion, object);
    }
    return as_taken(conversion, object, ret_object);
}

static KK_RV copy_all(struct conversion *conversion)
{
    KK_CLEANUP(batch_clear) struct batch batch = {.count = 0};
    KK_TRY(list(&conversion->old, &conversion->uuids, &conversion->count));
    for (size_t i = 0; i < conversion->count; i++) {
        KK_TRY(copy_one(conversion, &conversion->uuids[i], &batch.objects[batch.count]));
        *(batch.objects[batch.count]->is_private ? &conversion->result.private_objects
                                                 : &conversion->result.public_objects) += 1;
        batch.count++;
        if (batch.count == BATCH) {
            KK_TRY(flush(conversion, &batch));
        }
        KK_TRY(step(conversion));
    }
    return flush(conversion, &batch);
}

static KK_RV compare(const struct conversion *conversion, const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *old = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *new = NULL;
    CK_RV rv = get_old(conversion, uuid, &old);
    if (rv == CKR_OBJECT_HANDLE_INVALID) {
        say_object(conversion, uuid, "went away while the token was converted");
        return CKR_FUNCTION_REJECTED;
    }
    KK_TRY(rv);
    KK_TRY(get(&conversion->new, uuid, &new));
    if (!kk_attrs_match(new->attrs, old->attrs)) {
        say_object(conversion, uuid, "is another one in the converted token");
        return CKR_FUNCTION_REJECTED;
    }
    return CKR_OK;
}

/* The old token still has these objects and no other ones: as many is not enough. */
static KK_RV compare_lists(const struct conversion *conversion)
{
    KK_CLEANUP(kk_freep) struct kk_uuid *now = NULL;
    size_t count = 0;
    KK_TRY(list(&conversion->old, &now, &count));
    bool same = count == conversion->count;
    for (size_t i = 0; same && i < count; i++) {
        same = kk_uuid_equal(&now[i], &conversion->uuids[i]);
    }
    if (!same) {
        kk_log_error("token %s: objects came or went while it was converted",
                     kk_token_path(conversion->old.token));
        return CKR_FUNCTION_REJECTED;
    }
    return CKR_OK;
}

/* Every object, read anew on both sides. */
static KK_RV compare_all(struct conversion *conversion, bool is_first)
{
    for (size_t i = 0; i < conversion->count; i++) {
        KK_TRY(compare(conversion, &conversion->uuids[i]));
        KK_TRY(is_first ? step(conversion) : CKR_OK);
    }
    return compare_lists(conversion);
}

/* An object may be changed after it was looked at: once more, until nothing at all was written to
 * the old token meanwhile. Logins are written too: where there always are some, what the last look
 * found must do. */
static KK_RV compare_until_still(struct conversion *conversion)
{
    uint64_t before = 0;
    uint64_t after = 0;
    KK_TRY(kk_token_fresh(conversion->old.token, &before));
    KK_TRY(compare_all(conversion, true));
    KK_TRY(kk_token_fresh(conversion->old.token, &after));
    for (size_t i = 0; i < LOOKS_MAX && after != before; i++) {
        before = after;
        KK_TRY(compare_all(conversion, false));
        KK_TRY(kk_token_fresh(conversion->old.token, &after));
    }
    return CKR_OK;
}

/* ---- beginning ---- */

/* Whether all that is in the other token is in the old one too, as it is there. */
static KK_RV has_nothing_new(const struct conversion *conversion, const struct side *other,
                             bool *ret_nothing)
{
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    *ret_nothing = true;
    KK_TRY(list(other, &uuids, &count));
    for (size_t i = 0; i < count && *ret_nothing; i++) {
        KK_CLEANUP(kk_object_unrefp) struct kk_object *mine = NULL;
        KK_CLEANUP(kk_object_unrefp) struct kk_object *theirs = NULL;
        CK_RV rv = get_old(conversion, &uuids[i], &mine);
        KK_ENSURE(rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID, rv);
        KK_TRY(get(other, &uuids[i], &theirs));
        *ret_nothing = rv == CKR_OK && kk_attrs_match(theirs->attrs, mine->attrs);
    }
    return CKR_OK;
}

/* A token of the same serial number may be one that was converted and used since, and the old one
 * came back out of a copy. */
static KK_RV is_leftover(const struct conversion *conversion, struct side *side, bool *ret_is)
{
    CK_RV rv = side_login(conversion, side);
    *ret_is = rv == CKR_USER_PIN_NOT_INITIALIZED; /* nothing was copied before that */
    if (*ret_is || rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED) {
        return CKR_OK;
    }
    KK_TRY(rv);
    return has_nothing_new(conversion, side, ret_is);
}

static KK_RV open_side(const struct conversion *conversion, const char *name, struct side *side)
{
    struct kk_repository *repository = NULL;
    KK_TRY(conversion->kind->open(conversion->engine, name, &repository));
    CK_RV rv = kk_token_new(conversion->engine, name, repository, &side->token);
    if (rv != CKR_OK) {
        repository->ops->close(repository);
    }
    return rv;
}

/* Of a try that was interrupted: it has the serial number too, and was never used. */
static CK_RV remove_leftover(const char *name, void *context)
{
    const struct conversion *conversion = context;
    KK_CLEANUP(side_clear) struct side side = {0};
    bool is_one = false;
    if (!kk_beside_is_near(kk_token_name(conversion->old.token), name)) {
        return CKR_OK;
    }
    CK_RV rv = open_side(conversion, name, &side);
    if (rv != CKR_OK) {
        return rv == CKR_TOKEN_NOT_PRESENT ? CKR_OK : rv;
    }
    if (!kk_mem_equal(kk_token_serial(side.token), 16, conversion->state.serial, 16)) {
        return CKR_OK;
    }
    KK_TRY(is_leftover(conversion, &side, &is_one));
    if (!is_one) {
        kk_log_error("%s: has the serial number of %s and is none that a conversion left: it has "
                     "other objects or PINs; one of the two must go first",
                     kk_token_path(side.token), kk_token_path(conversion->old.token));
        return CKR_FUNCTION_REJECTED;
    }
    KK_TRY(kk_token_remove(side.token));
    kk_log_info("%s: was left by a conversion that did not end, deleted",
                kk_token_path(side.token));
    return CKR_OK;
}

static KK_RV make_new(struct conversion *conversion)
{
    struct kk_repository *repository = NULL;
    bool again = false;
    KK_TRY(conversion->kind->list(conversion->engine, remove_leftover, conversion, &again));
    KK_TRY(conversion->kind->create(conversion->engine, conversion->name, conversion->state.serial,
                                    conversion->convert->so_pin, conversion->state.label,
                                    &repository));
    KK_TRY(new_token(conversion, repository));
    KK_TRY(set_user_pin(conversion));
    return side_login(conversion, &conversion->new);
}

/* ---- the exchange ---- */

static KK_RV exchange(struct conversion *conversion)
{
    struct kk_engine *engine = conversion->engine;
    struct kk_token *old = conversion->old.token;
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(kk_aside_path(engine->location, conversion->state.serial, kk_token_name(old), &path));
    KK_TRY(kk_token_set_aside(old, path));
    kk_log_info("token %s: is of the kind %s now, in %s; what it was is kept in %s",
                kk_token_path(old), conversion->kind->name, kk_token_path(conversion->new.token),
                path);
    kk_engine_forget(engine, old);
    return CKR_OK;
}

static void remove_new(struct conversion *conversion)
{
    struct kk_token *token = conversion->new.token;
    if (token != NULL && kk_token_remove(token) != CKR_OK) {
        kk_log_warning("%s: is left of a conversion that failed", kk_token_path(token));
    }
}

KK_RV kk_engine_convert(struct kk_engine *engine, struct kk_token *token,
                        const struct kk_convert *convert, struct kk_convert_result *ret_result)
{
    KK_CLEANUP(conversion_clear) struct conversion conversion = {.engine = engine,
                                                                 .convert = convert};
    KK_TRY(open_old(&conversion, token));
    CK_RV rv = make_new(&conversion);
    rv = rv == CKR_OK ? copy_all(&conversion) : rv;
    rv = rv == CKR_OK ? reopen_new(&conversion) : rv;
    rv = rv == CKR_OK ? compare_until_still(&conversion) : rv;
    if (rv != CKR_OK) {
        remove_new(&conversion);
        return rv;
    }
    *ret_result = conversion.result;
    return exchange(&conversion);
}

KK_RV kk_engine_purge(struct kk_engine *engine, struct kk_token *token, size_t *ret_count)
{
    KK_ENSURE(engine->location != NULL, CKR_FUNCTION_NOT_SUPPORTED);
    return kk_aside_remove(engine->location, kk_token_serial(token), ret_count);
}
