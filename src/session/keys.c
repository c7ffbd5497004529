/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generating, wrapping, unwrapping and deriving keys.
 */
#include "session/keys_internal.h"

#include <string.h>

#include "base/memory.h"
#include "mechanism/wrap_auth.h"
#include "object/stateful.h"
#include "session/audit.h"
#include "session/guarded.h"

#include "base/banned.h"

void kk_used_key_clear(struct kk_used_key *used)
{
    kk_key_unref(used->key);
    kk_object_unref(used->object);
}

const struct kk_key_codes kk_wrapping_codes = {CKR_WRAPPING_KEY_HANDLE_INVALID,
                                               CKR_WRAPPING_KEY_TYPE_INCONSISTENT};
const struct kk_key_codes kk_unwrapping_codes = {CKR_UNWRAPPING_KEY_HANDLE_INVALID,
                                                 CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT};
const struct kk_key_codes kk_base_codes = {CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT};

KK_RV kk_take_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                  CK_OBJECT_HANDLE handle, enum kk_usage usage, const struct kk_key_codes *codes,
                  struct kk_used_key *ret_used)
{
    call->session->validated = false; /* of wrapping and deriving nothing is claimed */
    KK_TRY(kk_call_key_object(call, handle, codes->handle_invalid, &ret_used->object));
    const struct kk_object *object = ret_used->object;
    KK_ENSURE(kk_mechanism_takes(mechanism, object->key_type), codes->type_inconsistent);
    KK_ENSURE((object->usage & usage) != 0, CKR_KEY_FUNCTION_NOT_PERMITTED);
    KK_ENSURE(kk_object_allows(object, mechanism->type), CKR_MECHANISM_INVALID);
    KK_TRY(kk_call_guard(call, object));
    KK_TRY(kk_call_parsed_key(call, ret_used->object, &ret_used->key));
    return kk_mechanism_check_floor(mechanism, ret_used->key);
}

const struct kk_attrs *kk_template_of(const struct kk_object *object, CK_ATTRIBUTE_TYPE type)
{
    const struct kk_attr *attr = kk_attrs_find(object->attrs, type);
    return attr != NULL && attr->kind == KK_ATTR_TEMPLATE ? attr->value.nested : NULL;
}

void kk_new_sets_clear(struct kk_new_sets *made)
{
    kk_attrs_free(made->sets[0]);
    kk_attrs_free(made->sets[1]);
}

KK_RV kk_begin_set(struct kk_call *call, struct kk_begin *begin, const struct kk_attrs *tmpl,
                   struct kk_attrs **ret_set)
{
    kk_session_actor(call->session, &begin->actor);
    return kk_policy_begin(begin, tmpl, ret_set);
}

KK_RV kk_finish_set(struct kk_call *call, struct kk_finish *finish, struct kk_attrs *set,
                    struct kk_uuid *ret_uuid)
{
    KK_TRY(kk_call_uuid(call, &finish->uuid));
    KK_TRY(kk_policy_finish(call->app->engine->crypto, finish, set));
    *ret_uuid = finish->uuid;
    return CKR_OK;
}

/*= pkcs11-3.2 Pre-master key generation: the mechanism contributes CKA_VALUE_LEN if it is not
 * supplied in the template */
static KK_RV with_length(const struct kk_generate_ops *ops, const struct kk_attrs *tmpl,
                         struct kk_attrs **ret_tmpl)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *whole = NULL;
    KK_TRY(kk_attrs_dup(tmpl, &whole));
    if (!kk_attrs_has(whole, CKA_VALUE_LEN)) {
        KK_TRY(kk_attrs_set_number(whole, CKA_VALUE_LEN, ops->length));
    }
    uint64_t wanted = kk_attrs_number(whole, CKA_VALUE_LEN, 0);
    KK_ENSURE(wanted == ops->length || (ops->longer && wanted > ops->length),
              CKR_TEMPLATE_INCONSISTENT);
    *ret_tmpl = KK_STEAL(whole);
    return CKR_OK;
}

static CK_OBJECT_CLASS class_made(const struct kk_generate_ops *ops)
{
    CK_OBJECT_CLASS key = ops->otp ? CKO_OTP_KEY : CKO_SECRET_KEY;
    return ops->domain ? CKO_DOMAIN_PARAMETERS : key;
}

KK_RV kk_call_generate_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                           struct kk_param *param, const struct kk_attrs *tmpl,
                           CK_OBJECT_HANDLE *ret_key)
{
    struct kk_crypto *crypto = call->app->engine->crypto;
    KK_ENSURE(mechanism->generate != NULL && !mechanism->generate->pair, CKR_MECHANISM_INVALID);
    call->session->validated = false;
    KK_CLEANUP(kk_new_sets_clear) struct kk_new_sets made = {0};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *whole = NULL;
    struct kk_begin begin = {.verb = KK_VERB_GENERATE,
                             .object_class = class_made(mechanism->generate),
                             .key_type = mechanism->generate->any_type ? CK_UNAVAILABLE_INFORMATION
                                                                       : mechanism->key_type,
                             .completes = mechanism->generate->completes};
    struct kk_finish finish = {
        .verb = KK_VERB_GENERATE, .mechanism = mechanism->type, .parts = &parts};
    if (mechanism->generate->length > 0) {
        KK_TRY(with_length(mechanism->generate, tmpl, &whole));
        tmpl = whole;
    }
    KK_TRY(kk_begin_set(call, &begin, tmpl, &made.sets[0]));
    CK_KEY_TYPE type =
        (CK_KEY_TYPE)kk_attrs_number(made.sets[0], CKA_KEY_TYPE, mechanism->key_type);
    KK_TRY(kk_policy_generation(crypto, type, made.sets[0], &parts));
    KK_TRY(mechanism->generate->generate(crypto, mechanism, param, &parts));
    if (mechanism->generate->any_type) {
        kk_key_value_settle(type, parts.part[KK_PART_VALUE]);
    }
    KK_TRY(kk_finish_set(call, &finish, made.sets[0], &made.uuids[0]));
    KK_TRY(kk_stateful_begin(made.sets[0]));
    kk_call_note(call, KK_AUDIT_GENERATE, mechanism->type, NULL);
    KK_TRY(kk_call_store(call, made.sets, made.uuids, 1, ret_key));
    if (!mechanism->generate->gives_nothing_back) {
        kk_param_give_back(param);
    }
    call->session->validated = mechanism->policy == KK_POLICY_FIPS;
    return CKR_OK;
}

/*= pkcs11-3.2 CKM_HSS_KEY_PAIR_GEN: levels and types are the private key's */
static KK_RV take_levels(const struct kk_attrs *private_set, struct kk_key_parts *parts)
{
    const struct kk_attr *lms = kk_attrs_find(private_set, CKA_HSS_LMS_TYPES);
    const struct kk_attr *lmots = kk_attrs_find(private_set, CKA_HSS_LMOTS_TYPES);
    uint64_t levels = kk_attrs_number(private_set, CKA_HSS_LEVELS, 0);
    bool is_whole = lms != NULL && lmots != NULL && lms->len == levels && lmots->len == levels;
    KK_ENSURE(is_whole, CKR_TEMPLATE_INCONSISTENT);
    KK_ENSURE(levels >= 1 && levels <= KK_ARRAY_LEN(parts->hss_lms), CKR_ATTRIBUTE_VALUE_INVALID);
    for (size_t i = 0; i < levels; i++) {
        /* What does not fit is no type either. */
        parts->hss_lms[i] = (uint32_t)KK_MIN(lms->value.mechanisms[i], (uint64_t)UINT32_MAX);
        parts->hss_lmots[i] = (uint32_t)KK_MIN(lmots->value.mechanisms[i], (uint64_t)UINT32_MAX);
    }
    parts->hss_levels = (unsigned)levels;
    return CKR_OK;
}

/* What a private template says to a generation. */
static KK_RV take_private_template(const struct kk_attrs *private_set, struct kk_key_parts *parts)
{
    if (parts->kind == KK_KEY_HSS) {
        return take_levels(private_set, parts);
    }
    if (parts->kind == KK_KEY_DH) {
        uint64_t bits = kk_attrs_number(private_set, CKA_VALUE_BITS, 0);
        KK_ENSURE(bits <= UINT32_MAX, CKR_ATTRIBUTE_VALUE_INVALID);
        parts->order_bits = (CK_ULONG)bits;
    }
    return CKR_OK;
}

/* A token that cannot keep it is known before the trees are computed. */
static KK_RV check_keeper(struct kk_call *call, const struct kk_attrs *private_set)
{
    bool is_kept_there =
        kk_stateful_is_one_time(private_set) && kk_attrs_flag(private_set, CKA_TOKEN, false);
    KK_ENSURE(!is_kept_there || kk_token_keeps_states(call->session->token),
              CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/* A key with a state belongs to the token that it is made on. */
static KK_RV settle(struct kk_call *call, struct kk_attrs *private_set)
{
    struct kk_uuid home;
    if (!kk_stateful_is_one_time(private_set) || !kk_attrs_flag(private_set, CKA_TOKEN, false)) {
        return CKR_OK;
    }
    KK_TRY(kk_token_home(call->session->token, &home));
    return kk_stateful_settle(private_set, &home);
}

KK_RV kk_call_generate_pair(struct kk_call *call, const struct kk_mechanism *mechanism,
                            struct kk_param *param, const struct kk_attrs *public_tmpl,
                            const struct kk_attrs *private_tmpl, CK_OBJECT_HANDLE *ret_public,
                            CK_OBJECT_HANDLE *ret_private)
{
    struct kk_crypto *crypto = call->app->engine->crypto;
    KK_ENSURE(mechanism->generate != NULL && mechanism->generate->pair, CKR_MECHANISM_INVALID);
    call->session->validated = false;
    KK_CLEANUP(kk_new_sets_clear) struct kk_new_sets made = {0};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    CK_OBJECT_HANDLE handles[2] = {0};
    struct kk_begin begin = {
        .verb = KK_VERB_GENERATE, .object_class = CKO_PUBLIC_KEY, .key_type = mechanism->key_type};
    struct kk_finish finish = {
        .verb = KK_VERB_GENERATE, .mechanism = mechanism->type, .parts = &parts};
    KK_TRY(kk_begin_set(call, &begin, public_tmpl, &made.sets[0]));
    begin.object_class = CKO_PRIVATE_KEY;
    KK_TRY(kk_begin_set(call, &begin, private_tmpl, &made.sets[1]));
    KK_TRY(kk_policy_generation(crypto, mechanism->key_type, made.sets[0], &parts));
    KK_TRY(take_private_template(made.sets[1], &parts));
    KK_TRY(check_keeper(call, made.sets[1]));
    KK_TRY(mechanism->generate->generate(crypto, mechanism, param, &parts));
    KK_TRY(kk_finish_set(call, &finish, made.sets[0], &made.uuids[0]));
    KK_TRY(kk_finish_set(call, &finish, made.sets[1], &made.uuids[1]));
    KK_TRY(settle(call, made.sets[1]));
    kk_call_note(call, KK_AUDIT_GENERATE, mechanism->type, NULL);
    KK_TRY(kk_call_store(call, made.sets, made.uuids, 2, handles));
    *ret_public = handles[0];
    *ret_private = handles[1];
    call->session->validated = mechanism->policy == KK_POLICY_FIPS;
    return CKR_OK;
}

/* Whether a key may leave under this wrapping key. */
static KK_RV check_wrappable(const struct kk_object *wrapping, const struct kk_object *target,
                             const struct kk_mechanism *mechanism)
{
    KK_ENSURE(target->object_class == CKO_SECRET_KEY ||
                  (target->object_class == CKO_PRIVATE_KEY && mechanism->wrap->private_keys),
              CKR_KEY_NOT_WRAPPABLE);
    KK_ENSURE(kk_attrs_flag(target->attrs, CKA_EXTRACTABLE, false), CKR_KEY_UNEXTRACTABLE);
    /* What C_GetAttributeValue refuses, no mechanism gives out in clear. */
    KK_ENSURE(!mechanism->wrap->discloses || !kk_attrs_flag(target->attrs, CKA_SENSITIVE, true),
              CKR_KEY_NOT_WRAPPABLE);
    /*= pkcs11-3.2 C_WrapKey: a key with CKA_WRAP_WITH_TRUSTED needs a wrapping key with CKA_TRUSTED
     */
    KK_ENSURE(!kk_attrs_flag(target->attrs, CKA_WRAP_WITH_TRUSTED, false) || wrapping->trust_proven,
              CKR_KEY_NOT_WRAPPABLE);
    /*= pkcs11-3.2 C_WrapKey: CKR_KEY_HANDLE_INVALID when the key does not match CKA_WRAP_TEMPLATE
     */
    const struct kk_attrs *demanded = kk_template_of(wrapping, CKA_WRAP_TEMPLATE);
    KK_ENSURE(demanded == NULL || kk_object_matches(target, demanded), CKR_KEY_HANDLE_INVALID);
    return CKR_OK;
}

/* What is wrapped: the value of a secret key, the PrivateKeyInfo of a private one. */
static KK_RV material_of(struct kk_call *call, const struct kk_object *object,
                         struct kk_secret **ret_material)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_TRY(kk_key_parts_of(call->app->engine->crypto, object->attrs, &parts));
    if (object->object_class == CKO_SECRET_KEY) {
        return kk_secret_from(kk_key_parts_get(&parts, KK_PART_VALUE), ret_material);
    }
    KK_TRY(kk_key_complete(call->app->engine->crypto, &parts));
    return kk_pkcs8_encode(&parts, ret_material);
}

/* What wrapping and unwrapping do alike with associated data and without. */
struct wrapping {
    const struct kk_mechanism *mechanism;
    struct kk_param *param;
    const struct kk_span *aad; /* NULL: C_WrapKey, C_UnwrapKey */
};

static KK_RV wrapped_length(const struct wrapping *wrapping, struct kk_key *key, size_t plain_len,
                            size_t *ret_len)
{
    const struct kk_mechanism *mechanism = wrapping->mechanism;
    return wrapping->aad != NULL
               ? kk_wrap_auth_length(mechanism, key, wrapping->param, plain_len, ret_len)
               : mechanism->wrap->length(mechanism, key, wrapping->param, plain_len, ret_len);
}

static KK_RV wrap_material(struct kk_crypto *crypto, const struct wrapping *wrapping,
                           struct kk_key *key, struct kk_span plain, uint8_t *out, size_t *ret_len)
{
    const struct kk_mechanism *mechanism = wrapping->mechanism;
    return wrapping->aad != NULL ? kk_wrap_auth(crypto, mechanism, key, wrapping->param,
                                                *wrapping->aad, plain, out, ret_len)
                                 : mechanism->wrap->wrap(crypto, mechanism, key, wrapping->param,
                                                         plain, out, ret_len);
}

static KK_RV unwrap_material(struct kk_crypto *crypto, const struct wrapping *wrapping,
                             struct kk_key *key, struct kk_span wrapped,
                             struct kk_secret **ret_plain)
{
    const struct kk_mechanism *mechanism = wrapping->mechanism;
    return wrapping->aad != NULL ? kk_unwrap_auth(crypto, mechanism, key, wrapping->param,
                                                  *wrapping->aad, wrapped, ret_plain)
                                 : mechanism->wrap->unwrap(crypto, mechanism, key, wrapping->param,
                                                           wrapped, ret_plain);
}

static KK_RV wrap_key(struct kk_call *call, const struct wrapping *wrapping,
                      CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
                      const struct kk_output *out)
{
    const struct kk_mechanism *mechanism = wrapping->mechanism;
    KK_CLEANUP(kk_used_key_clear) struct kk_used_key by = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *target = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *material = NULL;
    size_t len = 0;
    KK_TRY(kk_take_key(call, mechanism, wrapping_key, KK_USAGE_WRAP, &kk_wrapping_codes, &by));
    KK_TRY(kk_call_key_object(call, key, CKR_KEY_HANDLE_INVALID, &target));
    KK_TRY(check_wrappable(by.object, target, mechanism));
    KK_TRY(kk_call_resolve_param(call, wrapping->param));
    KK_TRY(material_of(call, target, &material));
    KK_TRY(wrapped_length(wrapping, by.key, kk_secret_len(material), &len));
    bool query = out->data == NULL;
    bool fits = !query && *out->len >= len;
    *out->len = len;
    KK_ENSURE(query || fits, CKR_BUFFER_TOO_SMALL);
    if (query) {
        return CKR_OK;
    }
    KK_TRY(kk_call_audit_wrap(call, target, by.object, mechanism->type));
    KK_TRY(wrap_material(call->app->engine->crypto, wrapping, by.key, kk_secret_span(material),
                         out->data, &len));
    *out->len = len;
    return CKR_OK;
}

KK_RV kk_call_wrap(struct kk_call *call, const struct kk_mechanism *mechanism,
                   struct kk_param *param, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
                   const struct kk_output *out)
{
    const struct wrapping wrapping = {mechanism, param, NULL};
    KK_ENSURE(mechanism->wrap != NULL, CKR_MECHANISM_INVALID);
    return wrap_key(call, &wrapping, wrapping_key, key, out);
}

KK_RV kk_call_wrap_auth(struct kk_call *call, const struct kk_mechanism *mechanism,
                        struct kk_param *param, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
                        struct kk_span aad, const struct kk_output *out)
{
    const struct wrapping wrapping = {mechanism, param, &aad};
    KK_ENSURE(mechanism->wrap != NULL && mechanism->wrap->auth != NULL, CKR_MECHANISM_INVALID);
    return wrap_key(call, &wrapping, wrapping_key, key, out);
}

size_t kk_wanted_length(const struct kk_attrs *set)
{
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    uint64_t len = kk_attrs_number(set, CKA_VALUE_LEN, 0);
    CK_KEY_TYPE type = (CK_KEY_TYPE)kk_attrs_number(set, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    if (len == 0 && kk_key_type_lengths(type, &min, &max, &step) && min == max) {
        len = min;
    }
    return (size_t)len;
}

static bool is_zeros(struct kk_span bytes)
{
    uint8_t any = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        any |= bytes.data[i];
    }
    return any == 0;
}

/* The parts of an unwrapped secret key. Zero padding and raw RSA leave more than the key: zeros,
 * and nothing else may be cut off, or a key could be shortened until it can be guessed. */
static KK_RV secret_parts(const struct kk_mechanism *mechanism, const struct kk_attrs *set,
                          const struct kk_secret *plain, struct kk_key_parts *ret_parts)
{
    struct kk_span value = kk_secret_span(plain);
    size_t wanted = kk_wanted_length(set);
    if (wanted > 0 && wanted < value.len) {
        size_t extra = value.len - wanted;
        bool trailing = mechanism->wrap->trailing;
        KK_ENSURE(is_zeros(KK_SPAN(value.data + (trailing ? 0 : wanted), extra)),
                  CKR_WRAPPED_KEY_LEN_RANGE);
        value = KK_SPAN(value.data + (trailing ? extra : 0), wanted);
    }
    KK_ENSURE(wanted == 0 || value.len == wanted, CKR_WRAPPED_KEY_LEN_RANGE);
    ret_parts->kind = KK_KEY_SECRET;
    ret_parts->bits = value.len * 8;
    return kk_key_parts_set(ret_parts, KK_PART_VALUE, value);
}

static KK_RV unwrap_key(struct kk_call *call, const struct wrapping *wrapping,
                        CK_OBJECT_HANDLE unwrapping_key, struct kk_span wrapped,
                        const struct kk_attrs *tmpl, CK_OBJECT_HANDLE *ret_key)
{
    const struct kk_mechanism *mechanism = wrapping->mechanism;
    KK_CLEANUP(kk_used_key_clear) struct kk_used_key by = {0};
    KK_CLEANUP(kk_new_sets_clear) struct kk_new_sets made = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_TRY(
        kk_take_key(call, mechanism, unwrapping_key, KK_USAGE_UNWRAP, &kk_unwrapping_codes, &by));
    struct kk_begin begin = {.verb = KK_VERB_UNWRAP,
                             .object_class = CK_UNAVAILABLE_INFORMATION,
                             .key_type = CK_UNAVAILABLE_INFORMATION,
                             .imposed = kk_template_of(by.object, CKA_UNWRAP_TEMPLATE)};
    struct kk_finish finish = {.verb = KK_VERB_UNWRAP, .parts = &parts};
    KK_TRY(kk_begin_set(call, &begin, tmpl, &made.sets[0]));
    KK_TRY(kk_call_resolve_param(call, wrapping->param));
    KK_TRY(unwrap_material(call->app->engine->crypto, wrapping, by.key, wrapped, &plain));
    uint64_t object_class = kk_attrs_number(made.sets[0], CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    KK_ENSURE(object_class == CKO_SECRET_KEY ||
                  (object_class == CKO_PRIVATE_KEY && mechanism->wrap->private_keys),
              CKR_TEMPLATE_INCONSISTENT);
    if (object_class == CKO_SECRET_KEY) {
        KK_TRY(secret_parts(mechanism, made.sets[0], plain, &parts));
    } else {
        KK_TRY(kk_pkcs8_decode(kk_secret_span(plain), &parts));
    }
    KK_TRY(kk_finish_set(call, &finish, made.sets[0], &made.uuids[0]));
    kk_call_note(call, KK_AUDIT_UNWRAP, mechanism->type, by.object);
    return kk_call_store(call, made.sets, made.uuids, 1, ret_key);
}

KK_RV kk_call_unwrap(struct kk_call *call, const struct kk_mechanism *mechanism,
                     struct kk_param *param, CK_OBJECT_HANDLE unwrapping_key,
                     struct kk_span wrapped, const struct kk_attrs *tmpl, CK_OBJECT_HANDLE *ret_key)
{
    const struct wrapping wrapping = {mechanism, param, NULL};
    KK_ENSURE(mechanism->wrap != NULL, CKR_MECHANISM_INVALID);
    return unwrap_key(call, &wrapping, unwrapping_key, wrapped, tmpl, ret_key);
}

KK_RV kk_call_unwrap_auth(struct kk_call *call, const struct kk_mechanism *mechanism,
                          struct kk_param *param, CK_OBJECT_HANDLE unwrapping_key,
                          struct kk_span wrapped, struct kk_span aad, const struct kk_attrs *tmpl,
                          CK_OBJECT_HANDLE *ret_key)
{
    const struct wrapping wrapping = {mechanism, param, &aad};
    KK_ENSURE(mechanism->wrap != NULL && mechanism->wrap->auth != NULL, CKR_MECHANISM_INVALID);
    return unwrap_key(call, &wrapping, unwrapping_key, wrapped, tmpl, ret_key);
}
