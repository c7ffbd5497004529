/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_DeriveKey: one key, or all that the mechanism's parameter asks for, in one transaction. How a
 * new key's flags follow from those of the keys it comes from, and what comes out at all, are
 * columns of the mechanism's row.
 */
#include "session/keys_internal.h"

#include <string.h>

#include "base/memory.h"
#include "session/audit.h"
#include "session/guarded.h"

#include "base/banned.h"

/* kk_call_store() makes no more at once. */
#define KEYS_MAX 16

/* One call: the keys that go in, the sets that come out. */
struct derivation {
    struct kk_call *call;
    const struct kk_mechanism *mechanism;
    struct kk_param *param;
    struct kk_used_key base;
    struct kk_key_facts facts; /* of all keys that go in */
    const CK_DERIVED_KEY *further;
    size_t count;
    struct kk_attrs *sets[KEYS_MAX];
    struct kk_uuid uuids[KEYS_MAX];
    size_t lengths[KEYS_MAX];
    struct kk_secret *values[KEYS_MAX];
};

static void derivation_clear(struct derivation *derivation)
{
    kk_used_key_clear(&derivation->base);
    for (size_t i = 0; i < derivation->count; i++) {
        kk_attrs_free(derivation->sets[i]);
        kk_secret_free(derivation->values[i]);
    }
}

static struct kk_key_facts facts_of(const struct kk_object *object)
{
    return (struct kk_key_facts){
        .sensitive = kk_attrs_flag(object->attrs, CKA_SENSITIVE, false),
        .extractable = kk_attrs_flag(object->attrs, CKA_EXTRACTABLE, false),
        .always_sensitive = kk_attrs_flag(object->attrs, CKA_ALWAYS_SENSITIVE, false),
        .never_extractable = kk_attrs_flag(object->attrs, CKA_NEVER_EXTRACTABLE, false),
        .with_trusted = kk_attrs_flag(object->attrs, CKA_WRAP_WITH_TRUSTED, false),
    };
}

/* The parameter may say more than the row about the types of the keys that go in. */
static KK_RV check_fit(const struct derivation *derivation, size_t i,
                       const struct kk_object *object)
{
    const struct kk_derive_ops *ops = derivation->mechanism->derive;
    bool fits = ops->key_fits == NULL || !derivation->param->present ||
                ops->key_fits(derivation->param, i, object->key_type);
    KK_ENSURE(fits, CKR_KEY_TYPE_INCONSISTENT);
    return CKR_OK;
}

/* A key that the parameter names is used like the base key: for deriving, and by this mechanism. A
 * public key has nothing to guard; CKA_DERIVE is not needed of one. */
static KK_RV resolve_key(struct derivation *derivation, size_t i)
{
    struct kk_param *param = derivation->param;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(
        kk_call_key_object(derivation->call, param->handles[i], CKR_KEY_HANDLE_INVALID, &object));
    bool may_derive = (object->usage & KK_USAGE_DERIVE) != 0;
    KK_ENSURE(may_derive || object->object_class == CKO_PUBLIC_KEY, CKR_KEY_FUNCTION_NOT_PERMITTED);
    KK_ENSURE(kk_object_allows(object, derivation->mechanism->type), CKR_MECHANISM_INVALID);
    KK_TRY(check_fit(derivation, i, object));
    KK_TRY(kk_call_guard(derivation->call, object));
    param->facts[i] = facts_of(object);
    return kk_call_parsed_key(derivation->call, object, &param->keys[i]);
}

static KK_RV resolve_keys(struct derivation *derivation)
{
    const struct kk_derive_ops *ops = derivation->mechanism->derive;
    struct kk_param *param = derivation->param;
    for (size_t i = 0; i < param->key_count; i++) {
        bool is_used = ops->uses_key == NULL || ops->uses_key(param, i);
        if (is_used && param->handles[i] != CK_INVALID_HANDLE && param->keys[i] == NULL) {
            KK_TRY(resolve_key(derivation, i));
        }
    }
    return CKR_OK;
}

/*= pkcs11-3.2 Concatenation of a base key and another key: either key that is sensitive makes the
 * derived one so, and both must have a history for it to have one */
static void join_flags(struct kk_key_facts *facts, const struct kk_key_facts *other)
{
    facts->sensitive |= other->sensitive;
    facts->extractable &= other->extractable;
    facts->always_sensitive &= other->always_sensitive;
    facts->never_extractable &= other->never_extractable;
    facts->with_trusted |= other->with_trusted;
}

/*= pkcs11-3.2 SP800-108 Key Derivation Attribute Rules: the base key or any of the additional input
 * keys */
static void join_history(struct kk_key_facts *facts, const struct kk_key_facts *other)
{
    facts->always_sensitive |= other->always_sensitive;
    facts->never_extractable |= other->never_extractable;
}

static enum kk_inherit inherit_of(const struct derivation *derivation)
{
    const struct kk_derive_ops *ops = derivation->mechanism->derive;
    bool gives_base =
        ops->gives_base != NULL && derivation->param->present && ops->gives_base(derivation->param);
    return gives_base ? KK_INHERIT_FLAGS : ops->inherit;
}

static void join_facts(struct derivation *derivation)
{
    enum kk_inherit inherit = inherit_of(derivation);
    derivation->facts = facts_of(derivation->base.object);
    for (size_t i = 0; i < derivation->param->key_count; i++) {
        if (derivation->param->keys[i] == NULL) {
            continue;
        }
        if (inherit == KK_INHERIT_FLAGS) {
            join_flags(&derivation->facts, &derivation->param->facts[i]);
        } else if (inherit == KK_INHERIT_DEFAULTS) {
            join_history(&derivation->facts, &derivation->param->facts[i]);
        }
    }
}

static KK_RV default_flag(struct kk_attrs *set, CK_ATTRIBUTE_TYPE type, bool value)
{
    return kk_attrs_has(set, type) ? CKR_OK : kk_attrs_set_flag(set, type, value);
}

static KK_RV force_flag(struct kk_attrs *set, CK_ATTRIBUTE_TYPE type, bool value)
{
    KK_TRY(default_flag(set, type, value));
    KK_ENSURE(kk_attrs_flag(set, type, !value) == value, CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* CKA_WRAP_WITH_TRUSTED goes on too, of which the standard says nothing: what comes out may be the
 * base key itself, and would leave the token under any key. */
static KK_RV hide(const struct kk_key_facts *facts, struct kk_attrs *tmpl)
{
    if (facts->with_trusted) {
        KK_TRY(force_flag(tmpl, CKA_WRAP_WITH_TRUSTED, true));
    }
    if (facts->sensitive) {
        KK_TRY(force_flag(tmpl, CKA_SENSITIVE, true));
    }
    if (!facts->extractable) {
        KK_TRY(force_flag(tmpl, CKA_EXTRACTABLE, false));
    }
    return CKR_OK;
}

static KK_RV default_flags(const struct kk_key_facts *facts, struct kk_attrs *tmpl)
{
    KK_TRY(default_flag(tmpl, CKA_SENSITIVE, facts->sensitive));
    return default_flag(tmpl, CKA_EXTRACTABLE, facts->extractable);
}

/*= pkcs11-3.2 Key and MAC derivation: the template may not specify values for any of these
 * attributes which differ from those held by the base key */
static KK_RV same_flags(const struct kk_key_facts *facts, struct kk_attrs *tmpl)
{
    KK_TRY(force_flag(tmpl, CKA_SENSITIVE, facts->sensitive));
    KK_TRY(force_flag(tmpl, CKA_EXTRACTABLE, facts->extractable));
    KK_TRY(force_flag(tmpl, CKA_ALWAYS_SENSITIVE, facts->always_sensitive));
    KK_TRY(force_flag(tmpl, CKA_NEVER_EXTRACTABLE, facts->never_extractable));
    /* No template gives these two anywhere else: the rules set them. */
    kk_attrs_remove(tmpl, CKA_ALWAYS_SENSITIVE);
    kk_attrs_remove(tmpl, CKA_NEVER_EXTRACTABLE);
    return CKR_OK;
}

/* What the keys that go in say to a template. */
static KK_RV inherit(const struct derivation *derivation, struct kk_attrs *tmpl)
{
    const struct kk_key_facts *facts = &derivation->facts;
    switch (inherit_of(derivation)) {
    case KK_INHERIT_HISTORY:
        break;
    case KK_INHERIT_FLAGS:
        return hide(facts, tmpl);
    case KK_INHERIT_DEFAULTS:
        return default_flags(facts, tmpl);
    case KK_INHERIT_BASE:
        KK_TRY(hide(facts, tmpl));
        return default_flags(facts, tmpl);
    case KK_INHERIT_SAME:
        return same_flags(facts, tmpl);
    }
    return CKR_OK;
}

/* The type that the mechanism gives a key whose templates leave it out. */
static KK_RV settle_type(const struct derivation *derivation, const struct kk_attrs *imposed,
                         struct kk_attrs *tmpl)
{
    const struct kk_derive_ops *ops = derivation->mechanism->derive;
    bool is_said = kk_attrs_has(tmpl, CKA_KEY_TYPE) ||
                   (imposed != NULL && kk_attrs_has(imposed, CKA_KEY_TYPE));
    if (ops->type == NULL || !derivation->param->present || is_said) {
        return CKR_OK;
    }
    CK_KEY_TYPE type = ops->type(derivation->param);
    KK_ENSURE(type != KK_NO_KEY_TYPE, CKR_TEMPLATE_INCOMPLETE);
    return kk_attrs_set_number(tmpl, CKA_KEY_TYPE, type);
}

/* What the mechanism says the new key may be used for; its template, or the base key's for it, may
 * allow less. */
static KK_RV limit_uses(const struct kk_derive_ops *ops, const struct kk_attrs *imposed,
                        struct kk_attrs *tmpl)
{
    const struct kk_attr *given = kk_attrs_find(tmpl, CKA_ALLOWED_MECHANISMS);
    if (ops->use_count == 0) {
        return CKR_OK;
    }
    if (given == NULL && imposed != NULL) {
        given = kk_attrs_find(imposed, CKA_ALLOWED_MECHANISMS);
    }
    if (given == NULL || given->kind != KK_ATTR_MECHANISMS || given->len == 0) {
        return kk_attrs_set_mechanisms(tmpl, CKA_ALLOWED_MECHANISMS, ops->uses, ops->use_count);
    }
    for (size_t i = 0; i < given->len; i++) {
        bool is_use = false;
        for (size_t j = 0; j < ops->use_count; j++) {
            is_use |= given->value.mechanisms[i] == ops->uses[j];
        }
        KK_ENSURE(is_use, CKR_TEMPLATE_INCONSISTENT);
    }
    return CKR_OK;
}

/* The length that the new key is to have; 0: nobody says it. */
static KK_RV settle_length(const struct derivation *derivation, const struct kk_attrs *set,
                           size_t *ret_length)
{
    const struct kk_derive_ops *ops = derivation->mechanism->derive;
    size_t wanted = kk_wanted_length(set);
    if (ops->length > 0) {
        /*= pkcs11-3.2 Master key derivation: the length is implicit in the mechanism */
        KK_ENSURE(wanted == 0 || wanted == ops->length, CKR_TEMPLATE_INCONSISTENT);
        wanted = ops->length;
    }
    /*= pkcs11-3.2 Miscellaneous simple key derivation mechanisms: a key type without a length in
     * the template must have a well-defined length */
    bool is_generic = kk_attrs_number(set, CKA_KEY_TYPE, 0) == CKK_GENERIC_SECRET;
    KK_ENSURE(wanted > 0 || is_generic || !ops->sized, CKR_TEMPLATE_INCOMPLETE);
    *ret_length = wanted;
    return CKR_OK;
}

/* One key's set and length from its template. */
static KK_RV begin_key(struct derivation *derivation, size_t i, const struct kk_attrs *given)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    bool is_fixed = derivation->mechanism->derive->length > 0;
    struct kk_begin begin = {.verb = KK_VERB_DERIVE,
                             .object_class = is_fixed ? CKO_SECRET_KEY : CK_UNAVAILABLE_INFORMATION,
                             .key_type = is_fixed ? CKK_GENERIC_SECRET : CK_UNAVAILABLE_INFORMATION,
                             .imposed =
                                 kk_template_of(derivation->base.object, CKA_DERIVE_TEMPLATE)};
    KK_TRY(kk_attrs_dup(given, &tmpl));
    KK_TRY(inherit(derivation, tmpl));
    KK_TRY(settle_type(derivation, begin.imposed, tmpl));
    KK_TRY(limit_uses(derivation->mechanism->derive, begin.imposed, tmpl));
    kk_session_actor(derivation->call->session, &begin.actor);
    KK_TRY(kk_policy_begin(&begin, tmpl, &derivation->sets[i]));
    KK_ENSURE(kk_attrs_number(derivation->sets[i], CKA_CLASS, 0) == CKO_SECRET_KEY,
              CKR_TEMPLATE_INCONSISTENT);
    return settle_length(derivation, derivation->sets[i], &derivation->lengths[i]);
}

static KK_RV begin_further(struct derivation *derivation, size_t i)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    const CK_DERIVED_KEY *key = &derivation->further[i];
    KK_TRY(kk_template_copy(key->pTemplate, key->ulAttributeCount, KK_VERB_DERIVE, &tmpl));
    return begin_key(derivation, i + 1, tmpl);
}

/*= pkcs11-3.2 Deriving Additional Keys: the handle of the key whose template made it fail is set to
 * CK_INVALID_HANDLE */
static KK_RV blame(const struct derivation *derivation, size_t i, CK_RV rv)
{
    if (rv != CKR_OK) {
        *derivation->further[i].phKey = CK_INVALID_HANDLE;
        kk_param_give_back_one(derivation->param, derivation->further[i].phKey);
    }
    return rv;
}

static KK_RV begin_keys(struct derivation *derivation, const struct kk_attrs *tmpl)
{
    const struct kk_derive_ops *ops = derivation->mechanism->derive;
    size_t further = 0;
    if (ops->further != NULL) {
        ops->further(derivation->param, &derivation->further, &further);
    }
    KK_ENSURE(further < KEYS_MAX, CKR_MECHANISM_PARAM_INVALID);
    for (size_t i = 0; i < further; i++) {
        KK_ENSURE(derivation->further[i].phKey != NULL, CKR_MECHANISM_PARAM_INVALID);
    }
    derivation->count = 1 + further;
    KK_TRY(begin_key(derivation, 0, tmpl));
    for (size_t i = 0; i < further; i++) {
        KK_TRY(blame(derivation, i, begin_further(derivation, i)));
    }
    return CKR_OK;
}

static KK_RV finish_key(struct derivation *derivation, size_t i)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    struct kk_finish finish = {.verb = KK_VERB_DERIVE,
                               .parts = &parts,
                               .base_always_sensitive = derivation->facts.always_sensitive,
                               .base_never_extractable = derivation->facts.never_extractable};
    parts.bits = kk_secret_len(derivation->values[i]) * 8;
    KK_TRY(kk_key_parts_set(&parts, KK_PART_VALUE, kk_secret_span(derivation->values[i])));
    KK_TRY(kk_call_uuid(derivation->call, &finish.uuid));
    KK_TRY(kk_policy_finish(derivation->call->app->engine->crypto, &finish, derivation->sets[i]));
    derivation->uuids[i] = finish.uuid;
    return CKR_OK;
}

/* Ciphers and hashes leave blocks of what they computed on the stack: here that is keys. */
static KK_RV compute(struct derivation *derivation)
{
    CK_RV rv = derivation->mechanism->derive->derive(
        derivation->call->app->engine->crypto, derivation->mechanism, derivation->base.key,
        derivation->param, derivation->lengths, derivation->count, derivation->values);
    kk_wipe_stack();
    return rv;
}

static KK_RV derive_keys(struct derivation *derivation, const struct kk_attrs *tmpl,
                         CK_OBJECT_HANDLE *ret_key)
{
    CK_OBJECT_HANDLE handles[KEYS_MAX] = {0};
    KK_TRY(begin_keys(derivation, tmpl));
    KK_TRY(compute(derivation));
    KK_TRY(finish_key(derivation, 0));
    for (size_t i = 1; i < derivation->count; i++) {
        KK_TRY(blame(derivation, i - 1, finish_key(derivation, i)));
    }
    kk_call_note(derivation->call, KK_AUDIT_DERIVE, derivation->mechanism->type,
                 derivation->base.object);
    KK_TRY(kk_call_store(derivation->call, derivation->sets, derivation->uuids, derivation->count,
                         handles));
    for (size_t i = 1; i < derivation->count; i++) {
        *derivation->further[i - 1].phKey = handles[i];
    }
    kk_param_give_back(derivation->param);
    *ret_key = handles[0];
    return CKR_OK;
}

/*= pkcs11-3.2 HKDF Data: identical to HKDF Derive except that the output is a CKO_DATA object */
/* The length, which data objects do not have, is taken out of the template; what the base key
 * demands of keys made from it, no data object can fulfil. */
static KK_RV derive_data(struct derivation *derivation, const struct kk_attrs *given,
                         CK_OBJECT_HANDLE *ret_object)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    uint64_t len = kk_attrs_number(given, CKA_VALUE_LEN, 0);
    KK_ENSURE(len <= UINT32_MAX, CKR_KEY_SIZE_RANGE);
    KK_ENSURE(kk_template_of(derivation->base.object, CKA_DERIVE_TEMPLATE) == NULL,
              CKR_TEMPLATE_INCONSISTENT);
    KK_TRY(kk_attrs_dup(given, &tmpl));
    kk_attrs_remove(tmpl, CKA_VALUE_LEN);
    KK_ENSURE(!kk_attrs_has(tmpl, CKA_VALUE), CKR_TEMPLATE_INCONSISTENT);
    KK_ENSURE(kk_attrs_number(tmpl, CKA_CLASS, CKO_DATA) == CKO_DATA, CKR_TEMPLATE_INCONSISTENT);
    KK_TRY(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_DATA));
    derivation->count = 1;
    derivation->lengths[0] = (size_t)len;
    KK_TRY(compute(derivation));
    KK_TRY(kk_attrs_set_bytes(tmpl, CKA_VALUE, kk_secret_span(derivation->values[0])));
    kk_call_note(derivation->call, KK_AUDIT_DERIVE, derivation->mechanism->type,
                 derivation->base.object);
    return kk_call_create_object(derivation->call, tmpl, ret_object);
}

/* The template of the keys for MACs: of the caller's what says where an object is and what it is
 * called. */
static KK_RV mac_template(const struct kk_material *material, const struct kk_attrs *given,
                          struct kk_attrs **ret_tmpl)
{
    static const CK_ATTRIBUTE_TYPE taken[] = {CKA_TOKEN,
                                              CKA_PRIVATE,
                                              CKA_MODIFIABLE,
                                              CKA_COPYABLE,
                                              CKA_DESTROYABLE,
                                              CKA_LABEL,
                                              CKA_ID,
                                              CKA_SENSITIVE,
                                              CKA_EXTRACTABLE,
                                              CKA_ALWAYS_SENSITIVE,
                                              CKA_NEVER_EXTRACTABLE};
    static const CK_ATTRIBUTE_TYPE refused[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_attrs_new(&tmpl));
    for (size_t i = 0; i < KK_ARRAY_LEN(taken); i++) {
        const struct kk_attr *attr = kk_attrs_find(given, taken[i]);
        if (attr != NULL) {
            KK_TRY(kk_attrs_set_copy(tmpl, attr));
        }
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(refused); i++) {
        KK_TRY(kk_attrs_set_flag(tmpl, refused[i], false));
    }
    KK_TRY(kk_attrs_set_flag(tmpl, CKA_SIGN, true));
    KK_TRY(kk_attrs_set_flag(tmpl, CKA_VERIFY, true));
    KK_TRY(kk_attrs_set_flag(tmpl, CKA_DERIVE, material->macs_derive));
    *ret_tmpl = KK_STEAL(tmpl);
    return CKR_OK;
}

/*= pkcs11-3.2 Key and MAC derivation: by default they are flagged as valid for encryption,
 * decryption, and derivation operations */
static KK_RV cipher_template(const struct kk_attrs *given, struct kk_attrs **ret_tmpl)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        bool value;
    } defaults[] = {{CKA_ENCRYPT, true}, {CKA_DECRYPT, true}, {CKA_DERIVE, true}, {CKA_SIGN, false},
                    {CKA_VERIFY, false}, {CKA_WRAP, false},   {CKA_UNWRAP, false}};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_attrs_dup(given, &tmpl));
    for (size_t i = 0; i < KK_ARRAY_LEN(defaults); i++) {
        KK_TRY(default_flag(tmpl, defaults[i].type, defaults[i].value));
    }
    *ret_tmpl = KK_STEAL(tmpl);
    return CKR_OK;
}

static KK_RV begin_material_key(struct derivation *derivation, const struct kk_material *material,
                                const struct kk_material_key *key, const struct kk_attrs *given)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    size_t i = derivation->count;
    KK_TRY(key->is_mac ? mac_template(material, given, &tmpl) : cipher_template(given, &tmpl));
    derivation->count++;
    KK_TRY(begin_key(derivation, i, tmpl));
    KK_ENSURE(derivation->lengths[i] == 0 || derivation->lengths[i] == key->len,
              CKR_TEMPLATE_INCONSISTENT);
    derivation->lengths[i] = key->len;
    return CKR_OK;
}

/* Keys and IVs, all of which the parameter gives back. */
static KK_RV derive_material(struct derivation *derivation, const struct kk_attrs *tmpl)
{
    struct kk_material material = {0};
    CK_OBJECT_HANDLE handles[KK_MATERIAL_KEYS] = {0};
    KK_TRY(derivation->mechanism->derive->material(derivation->mechanism, derivation->param,
                                                   &material));
    for (size_t i = 0; i < material.count; i++) {
        if (material.keys[i].len > 0) {
            KK_TRY(begin_material_key(derivation, &material, &material.keys[i], tmpl));
        }
    }
    KK_TRY(compute(derivation));
    for (size_t i = 0; i < derivation->count; i++) {
        KK_TRY(finish_key(derivation, i));
    }
    kk_call_note(derivation->call, KK_AUDIT_DERIVE, derivation->mechanism->type,
                 derivation->base.object);
    KK_TRY(kk_call_store(derivation->call, derivation->sets, derivation->uuids, derivation->count,
                         handles));
    const CK_OBJECT_HANDLE *next = handles;
    for (size_t i = 0; i < material.count; i++) {
        *material.keys[i].handle = material.keys[i].len > 0 ? *next++ : CK_INVALID_HANDLE;
    }
    kk_param_give_back(derivation->param);
    return CKR_OK;
}

/*= pkcs11-3.2 WTLS PRF: the template shall be a NULL_PTR */
/* What the base key demands of keys made from it, no bytes can fulfil. */
static KK_RV derive_output(struct derivation *derivation, const struct kk_attrs *tmpl)
{
    KK_ENSURE(tmpl->count == 0, CKR_TEMPLATE_INCONSISTENT);
    KK_ENSURE(kk_template_of(derivation->base.object, CKA_DERIVE_TEMPLATE) == NULL,
              CKR_TEMPLATE_INCONSISTENT);
    struct kk_call *call = derivation->call;
    KK_TRY(compute(derivation));
    kk_call_note(call, KK_AUDIT_DERIVE, derivation->mechanism->type, derivation->base.object);
    if (kk_app_audits(call->app)) {
        KK_TRY(kk_call_audit_write(call, KK_AUDIT_DERIVE, derivation->base.object, &call->note));
    }
    kk_param_give_back(derivation->param);
    return CKR_OK;
}

KK_RV kk_call_derive(struct kk_call *call, const struct kk_mechanism *mechanism,
                     struct kk_param *param, CK_OBJECT_HANDLE base_key, const struct kk_attrs *tmpl,
                     CK_OBJECT_HANDLE *ret_key)
{
    KK_ENSURE(mechanism->derive != NULL, CKR_MECHANISM_INVALID);
    if (mechanism->derive->makes == KK_DERIVED_PUBLIC) {
        return kk_call_derive_public(call, mechanism, base_key, tmpl, ret_key);
    }
    KK_CLEANUP(derivation_clear) struct derivation derivation = {
        .call = call, .mechanism = mechanism, .param = param};
    KK_TRY(
        kk_take_key(call, mechanism, base_key, KK_USAGE_DERIVE, &kk_base_codes, &derivation.base));
    KK_TRY(check_fit(&derivation, KK_BASE_KEY, derivation.base.object));
    KK_TRY(resolve_keys(&derivation));
    join_facts(&derivation);
    switch (mechanism->derive->makes) {
    case KK_DERIVED_KEY:
        return derive_keys(&derivation, tmpl, ret_key);
    case KK_DERIVED_DATA:
        return derive_data(&derivation, tmpl, ret_key);
    case KK_DERIVED_MATERIAL:
        return derive_material(&derivation, tmpl);
    case KK_DERIVED_PUBLIC: /* done above */
    case KK_DERIVED_OUTPUT:
        break;
    }
    return derive_output(&derivation, tmpl);
}
