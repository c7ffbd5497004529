/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Profiles: what each of them asks for beyond the functions, which are all there.
 *
 * Without a login private objects cannot be read. What may be among them then counts as being
 * there: a claim is left out rather than made wrongly.
 */
#include "session/profile.h"

#include <stdlib.h>

#include "base/memory.h"
#include "object/computed.h"

#include "base/banned.h"

/* ---- Public Certificates Token: what lies on the token ---- */

/* Objects of the token, with references. */
struct objects {
    struct kk_object **items;
    size_t count;
};

static void objects_clear(struct objects *objects)
{
    for (size_t i = 0; i < objects->count; i++) {
        kk_object_unref(objects->items[i]);
    }
    kk_free(objects->items);
}

/* Who looks. */
struct view {
    struct kk_token *token;
    struct kk_unlock *unlock;
    bool user;               /* sees private objects */
    struct kk_hidden hidden; /* what is there beside what it sees */
    struct objects private_keys;
};

static void view_clear(struct view *view)
{
    objects_clear(&view->private_keys);
    kk_unlock_unref(view->unlock);
}

static KK_RV collect(const struct view *view, const struct kk_attrs *tmpl, struct objects *objects)
{
    size_t count = 0;
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    KK_TRY(kk_token_find(view->token, view->unlock, view->user, tmpl, &uuids, &count));
    KK_TRY(kk_alloc_array(count, sizeof *objects->items, &objects->items));
    for (size_t i = 0; i < count; i++) {
        struct kk_object *object = NULL;
        CK_RV rv = kk_token_get(view->token, view->unlock, view->user, &uuids[i], &object);
        if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_DEVICE_ERROR) {
            continue; /* gone meanwhile, or damaged, which is in the log */
        }
        KK_TRY(rv);
        objects->items[objects->count++] = object;
    }
    return CKR_OK;
}

static KK_RV collect_class(const struct view *view, CK_OBJECT_CLASS object_class,
                           struct objects *objects)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_attrs_new(&tmpl));
    KK_TRY(kk_attrs_set_number(tmpl, CKA_CLASS, object_class));
    return collect(view, tmpl, objects);
}

/* The SubjectPublicKeyInfo; empty where there is none, which matches no key. */
static struct kk_span key_info(const struct kk_object *object)
{
    struct kk_span info = {0};
    if (object->object_class == CKO_CERTIFICATE) {
        info = kk_certificate_spki(kk_attrs_bytes(object->attrs, CKA_VALUE));
    }
    return info.len > 0 ? info : kk_attrs_bytes(object->attrs, CKA_PUBLIC_KEY_INFO);
}

/* By public key, then by CKA_ID. */
static int compare_key(const struct kk_object *key, struct kk_span info, struct kk_span id)
{
    int order = kk_span_compare(key_info(key), info);
    return order != 0 ? order : kk_span_compare(kk_attrs_bytes(key->attrs, CKA_ID), id);
}

/* Of equal ones those that need no login come first. */
static int by_info_and_id(const void *a, const void *b)
{
    struct kk_object *const *left = a;
    struct kk_object *const *right = b;
    struct kk_span id = kk_attrs_bytes((*right)->attrs, CKA_ID);
    int order = compare_key(*left, key_info(*right), id);
    return order != 0 ? order : (int)(*left)->is_private - (int)(*right)->is_private;
}

/* The first private key that is not below these; NULL when all are. */
static const struct kk_object *first_from(const struct objects *keys, struct kk_span info,
                                          struct kk_span id)
{
    size_t low = 0;
    size_t high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_key(keys->items[middle], info, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < keys->count ? keys->items[low] : NULL;
}

/* A certificate's private keys among those that are seen. */
struct matching {
    bool any;
    bool same_id; /* one has the certificate's CKA_ID */
    bool open;    /* and that one needs no login */
};

static struct matching match(const struct view *view, struct kk_span info, struct kk_span id)
{
    struct matching matching = {0};
    const struct kk_object *key = first_from(&view->private_keys, info, KK_SPAN(NULL, 0));
    matching.any = key != NULL && kk_span_equal(key_info(key), info);
    key = first_from(&view->private_keys, info, id);
    matching.same_id = id.len > 0 && key != NULL && compare_key(key, info, id) == 0;
    matching.open = matching.same_id && !key->is_private;
    return matching;
}

/* A public key that everybody sees. */
static KK_RV has_public_key(const struct view *view, struct kk_span info, struct kk_span id,
                            bool *ret_has)
{
    KK_CLEANUP(objects_clear) struct objects keys = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    *ret_has = false;
    KK_TRY(kk_attrs_new(&tmpl));
    KK_TRY(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_PUBLIC_KEY));
    KK_TRY(kk_attrs_set_flag(tmpl, CKA_PRIVATE, false));
    KK_TRY(kk_attrs_set_bytes(tmpl, CKA_ID, id));
    KK_TRY(collect(view, tmpl, &keys));
    for (size_t i = 0; i < keys.count; i++) {
        *ret_has = *ret_has || kk_span_equal(key_info(keys.items[i]), info);
    }
    return CKR_OK;
}

/* A certificate whose private key is on the token, or may be: the key has its CKA_ID, and by that
 * everybody finds the key or its public half. */
static KK_RV certificate_holds(const struct view *view, const struct kk_object *certificate,
                               bool *ret_holds)
{
    struct kk_span info = key_info(certificate);
    struct kk_span id = kk_attrs_bytes(certificate->attrs, CKA_ID);
    *ret_holds = !certificate->is_private;
    if (!*ret_holds || info.len == 0) {
        return CKR_OK;
    }
    struct matching matching = match(view, info, id);
    bool may_hide = view->hidden.private_keys;
    if (matching.open || (!matching.any && !may_hide)) {
        return CKR_OK;
    }
    *ret_holds = false;
    if (id.len == 0 || (!matching.same_id && !may_hide)) {
        return CKR_OK;
    }
    return has_public_key(view, info, id, ret_holds);
}

static KK_RV view_of(struct kk_call *call, struct view *view)
{
    view->token = call->session->token;
    view->unlock = kk_session_unlock(call->session, &view->user);
    return view->user ? CKR_OK : kk_token_hidden(view->token, &view->hidden);
}

/*= pkcs11-3.2 Profile objects, Public Certificates Token: all certificates are found without a
 * login; where the private key is on the token, too, both have one CKA_ID, and so has a key that is
 * found without a login */
static KK_RV certificates_are_public(struct kk_call *call, bool *ret_holds)
{
    KK_CLEANUP(view_clear) struct view view = {0};
    KK_CLEANUP(objects_clear) struct objects certificates = {0};
    KK_TRY(view_of(call, &view));
    *ret_holds = !view.hidden.certificates;
    if (!*ret_holds) {
        return CKR_OK;
    }
    KK_TRY(collect_class(&view, CKO_CERTIFICATE, &certificates));
    if (certificates.count == 0) {
        return CKR_OK;
    }
    KK_TRY(collect_class(&view, CKO_PRIVATE_KEY, &view.private_keys));
    if (view.private_keys.count > 1) {
        qsort(view.private_keys.items, view.private_keys.count, sizeof *view.private_keys.items,
              by_info_and_id);
    }
    for (size_t i = 0; i < certificates.count && *ret_holds; i++) {
        KK_TRY(certificate_holds(&view, certificates.items[i], ret_holds));
    }
    return CKR_OK;
}

/* ---- the table ---- */

/* CKP_COMPLETE_PROVIDER is not among them while a mechanism of the standard is missing. */
const CK_PROFILE_ID kk_profiles[] = {
    CKP_BASELINE_PROVIDER,         CKP_EXTENDED_PROVIDER, CKP_AUTHENTICATION_TOKEN,
    CKP_PUBLIC_CERTIFICATES_TOKEN, CKP_HKDF_TLS_TOKEN,
};
const size_t kk_profiles_count = KK_ARRAY_LEN(kk_profiles);

/* Those that ask for more than mechanisms. */
static const struct {
    CK_PROFILE_ID profile;
    CK_RV (*holds)(struct kk_call *call, bool *ret_holds);
} conditions[] = {
    {CKP_PUBLIC_CERTIFICATES_TOKEN, certificates_are_public},
};

KK_RV kk_profile_holds(struct kk_call *call, CK_PROFILE_ID profile, bool *ret_holds)
{
    *ret_holds = kk_registry_serves(call->app->engine->registry, profile);
    for (size_t i = 0; i < KK_ARRAY_LEN(conditions); i++) {
        if (conditions[i].profile == profile && *ret_holds) {
            return conditions[i].holds(call, ret_holds);
        }
    }
    return CKR_OK;
}
