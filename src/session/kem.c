/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key encapsulation: a new secret key from a public key and the ciphertext that brings it to the
 * owner of the private one, and back.
 */
#include "session/keys_internal.h"

#include <string.h>

#include "base/memory.h"
#include "session/audit.h"

#include "base/banned.h"

/* The set of the new secret key. Its class goes without saying. */
static KK_RV begin_secret(struct kk_call *call, const struct kk_attrs *tmpl,
                          const struct kk_attrs *imposed, struct kk_attrs **ret_set)
{
    struct kk_begin begin = {.verb = KK_VERB_UNWRAP,
                             .object_class = CKO_SECRET_KEY,
                             .key_type = CK_UNAVAILABLE_INFORMATION,
                             .imposed = imposed};
    return kk_begin_set(call, &begin, tmpl, ret_set);
}

static KK_RV finish_secret(struct kk_call *call, const struct kk_secret *value,
                           struct kk_new_sets *made)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    struct kk_finish finish = {.verb = KK_VERB_UNWRAP, .parts = &parts};
    parts.bits = kk_secret_len(value) * 8;
    KK_TRY(kk_key_parts_set(&parts, KK_PART_VALUE, kk_secret_span(value)));
    return kk_finish_set(call, &finish, made->sets[0], &made->uuids[0]);
}

/*= pkcs11-3.2 C_EncapsulateKey: CKR_KEY_HANDLE_INVALID when the new key does not match
 * CKA_ENCAPSULATE_TEMPLATE */
static KK_RV check_template(const struct kk_object *object, const struct kk_attrs *set)
{
    const struct kk_attrs *demanded = kk_template_of(object, CKA_ENCAPSULATE_TEMPLATE);
    KK_ENSURE(demanded == NULL || kk_policy_matches(set, demanded), CKR_KEY_HANDLE_INVALID);
    return CKR_OK;
}

/* Nothing is unwrapped here: a length that cannot be is that of the key asked for. */
static CK_RV encapsulate_code(CK_RV rv)
{
    return rv == CKR_WRAPPED_KEY_LEN_RANGE ? CKR_KEY_SIZE_RANGE : rv;
}

/* The ciphertext waits in memory of ours until the key is stored: a call that fails gives out
 * nothing. */
static KK_RV make_secret(struct kk_call *call, const struct kk_mechanism *mechanism,
                         const struct kk_param *param, const struct kk_used_key *used,
                         struct kk_new_sets *made, struct kk_buffer *ret_ciphertext)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    size_t len = mechanism->kem->length(mechanism, used->key);
    size_t wanted = kk_wanted_length(made->sets[0]);
    uint8_t *ciphertext = kk_buffer_extend(ret_ciphertext, len);
    KK_ENSURE(ciphertext != NULL, CKR_HOST_MEMORY);
    KK_TRY(mechanism->kem->encapsulate(call->app->engine->crypto, mechanism, used->key, param,
                                       wanted, ciphertext, &len, &value));
    ret_ciphertext->len = len;
    KK_TRY(encapsulate_code(finish_secret(call, value, made)));
    return check_template(used->object, made->sets[0]);
}

KK_RV kk_call_encapsulate(struct kk_call *call, const struct kk_mechanism *mechanism,
                          struct kk_param *param, CK_OBJECT_HANDLE public_key,
                          const struct kk_attrs *tmpl, const struct kk_output *out,
                          CK_OBJECT_HANDLE *ret_key)
{
    KK_ENSURE(mechanism->kem != NULL, CKR_MECHANISM_INVALID);
    KK_CLEANUP(kk_used_key_clear) struct kk_used_key used = {0};
    KK_CLEANUP(kk_new_sets_clear) struct kk_new_sets made = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer ciphertext = {0};
    KK_TRY(kk_take_key(call, mechanism, public_key, KK_USAGE_ENCAPSULATE, &kk_base_codes, &used));
    KK_TRY(begin_secret(call, tmpl, NULL, &made.sets[0]));
    KK_TRY(kk_call_resolve_param(call, param));
    size_t len = mechanism->kem->length(mechanism, used.key);
    bool query = out->data == NULL;
    bool fits = !query && *out->len >= len;
    *out->len = len;
    KK_ENSURE(query || fits, CKR_BUFFER_TOO_SMALL);
    if (query) {
        return CKR_OK;
    }
    KK_TRY(make_secret(call, mechanism, param, &used, &made, &ciphertext));
    kk_call_note(call, KK_AUDIT_ENCAPSULATE, mechanism->type, used.object);
    KK_TRY(kk_call_store(call, made.sets, made.uuids, 1, ret_key));
    memcpy(out->data, ciphertext.data, ciphertext.len);
    *out->len = ciphertext.len;
    return CKR_OK;
}

KK_RV kk_call_decapsulate(struct kk_call *call, const struct kk_mechanism *mechanism,
                          struct kk_param *param, CK_OBJECT_HANDLE private_key,
                          struct kk_span ciphertext, const struct kk_attrs *tmpl,
                          CK_OBJECT_HANDLE *ret_key)
{
    KK_ENSURE(mechanism->kem != NULL, CKR_MECHANISM_INVALID);
    KK_CLEANUP(kk_used_key_clear) struct kk_used_key used = {0};
    KK_CLEANUP(kk_new_sets_clear) struct kk_new_sets made = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_TRY(kk_take_key(call, mechanism, private_key, KK_USAGE_DECAPSULATE, &kk_unwrapping_codes,
                       &used));
    const struct kk_attrs *imposed = kk_template_of(used.object, CKA_DECAPSULATE_TEMPLATE);
    KK_TRY(begin_secret(call, tmpl, imposed, &made.sets[0]));
    KK_TRY(kk_call_resolve_param(call, param));
    KK_TRY(mechanism->kem->decapsulate(call->app->engine->crypto, mechanism, used.key, param,
                                       kk_wanted_length(made.sets[0]), ciphertext, &value));
    KK_TRY(finish_secret(call, value, &made));
    kk_call_note(call, KK_AUDIT_DECAPSULATE, mechanism->type, used.object);
    return kk_call_store(call, made.sets, made.uuids, 1, ret_key);
}
