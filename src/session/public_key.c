/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKM_PUB_KEY_FROM_PRIV_KEY: the public key object that belongs to a private one.
 */
#include "session/keys_internal.h"

#include "session/audit.h"
#include "session/guarded.h"

#include "base/banned.h"

/*= pkcs11-3.2 Public key from private key: any private key, regardless of its CKA_DERIVE */
static KK_RV check_private(struct kk_call *call, const struct kk_mechanism *mechanism,
                           const struct kk_object *object)
{
    KK_ENSURE(object->object_class == CKO_PRIVATE_KEY &&
                  kk_mechanism_takes(mechanism, object->key_type),
              CKR_KEY_TYPE_INCONSISTENT);
    KK_ENSURE(kk_object_allows(object, mechanism->type), CKR_MECHANISM_INVALID);
    return kk_call_guard(call, object);
}

KK_RV kk_call_derive_public(struct kk_call *call, const struct kk_mechanism *mechanism,
                            CK_OBJECT_HANDLE private_key, const struct kk_attrs *tmpl,
                            CK_OBJECT_HANDLE *ret_key)
{
    struct kk_crypto *crypto = call->app->engine->crypto;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_call_key_object(call, private_key, CKR_KEY_HANDLE_INVALID, &object));
    KK_TRY(check_private(call, mechanism, object));
    KK_TRY(kk_key_parts_of(crypto, object->attrs, &parts));
    KK_TRY(mechanism->derive->publish(crypto, mechanism, &parts));
    struct kk_public_half half = {
        .private_key = object->attrs,
        .parts = &parts,
        .imposed = kk_template_of(object, CKA_DERIVE_TEMPLATE),
    };
    kk_session_actor(call->session, &half.actor);
    KK_TRY(kk_call_uuid(call, &half.uuid));
    KK_TRY(kk_policy_public_half(crypto, &half, tmpl, &attrs));
    kk_call_note(call, KK_AUDIT_DERIVE, mechanism->type, object);
    return kk_call_store(call, &attrs, &half.uuid, 1, ret_key);
}
