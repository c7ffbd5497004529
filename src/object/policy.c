/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interpreter of the attribute policy: what a template may say when an object is made, copied
 * or changed. What follows from an object's material is computed.c's; reading is policy_get.c's.
 */
#include "object/policy.h"

#include "base/memory.h"
#include "object/computed.h"
#include "object/policy_rules.h"

#include "base/banned.h"

/* The footnotes that say MUST and MUST NOT be specified, per verb. The standard has none for
 * C_DeriveKey: there the mechanism contributes what generation and unwrapping contribute. */
static const struct {
    uint16_t required;
    uint16_t forbidden;
} verb_footnotes[] = {
    [KK_VERB_CREATE] = {FN(1), FN(2)},
    [KK_VERB_GENERATE] = {FN(3), FN(4)},
    [KK_VERB_UNWRAP] = {FN(5), FN(6)},
    [KK_VERB_DERIVE] = {0, FN(4) | FN(6)},
};

/* The value fits the attribute's own rules, whoever gives it. */
static KK_RV check_value(const struct kk_attr_rule *rule, const struct kk_attr *attr,
                         const struct kk_actor *actor)
{
    const struct kk_attr_type *type = kk_attr_type_find(attr->type);
    bool is_typed = type != NULL && attr->kind == kk_attr_data_kind(type->data);
    KK_ENSURE(is_typed, CKR_ATTRIBUTE_VALUE_INVALID);
    /*= pkcs11-3.2 Common attributes, footnote 10: can only be set to CK_TRUE by the SO user */
    bool is_raised = (rule->footnotes & FN(10)) != 0 && attr->value.flag;
    KK_ENSURE(!is_raised || actor->so_logged_in, CKR_ATTRIBUTE_READ_ONLY);
    return rule->check == NULL ? CKR_OK : rule->check(attr);
}

/*= pkcs11-3.2 C_CreateObject: only session objects during a read-only session; only public objects
 * unless the normal user is logged in. Where both are against it, SoftHSM names the first. */
static KK_RV check_place(const struct kk_attrs *attrs, const struct kk_actor *actor)
{
    bool is_private = kk_attrs_flag(attrs, CKA_PRIVATE, false);
    bool is_token = kk_attrs_flag(attrs, CKA_TOKEN, false);
    KK_ENSURE(!is_token || actor->rw_session, CKR_SESSION_READ_ONLY);
    KK_ENSURE(!is_private || actor->user_logged_in, CKR_USER_NOT_LOGGED_IN);
    return CKR_OK;
}

/*= pkcs11-3.2 C_UnwrapKey: template attributes are added, a conflict is CKR_TEMPLATE_INCONSISTENT
 */
static KK_RV impose(struct kk_attrs *attrs, const struct kk_attrs *imposed)
{
    for (size_t i = 0; imposed != NULL && i < imposed->count; i++) {
        const struct kk_attr *wanted = &imposed->rows[i];
        const struct kk_attr *given = kk_attrs_find(attrs, wanted->type);
        KK_ENSURE(given == NULL || kk_attr_equal(given, wanted), CKR_TEMPLATE_INCONSISTENT);
        if (given == NULL) {
            KK_TRY(kk_attrs_set_copy(attrs, wanted));
        }
    }
    return CKR_OK;
}

/* A number that the mechanism knows, the template may repeat, or a default gives. */
static KK_RV settle_number(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, CK_ULONG known,
                           CK_ULONG otherwise)
{
    const struct kk_attr *given = kk_attrs_find(attrs, type);
    if (given != NULL) {
        KK_ENSURE(given->kind == KK_ATTR_ULONG, CKR_ATTRIBUTE_VALUE_INVALID);
        bool agrees = known == CK_UNAVAILABLE_INFORMATION || given->value.number == known;
        KK_ENSURE(agrees, CKR_TEMPLATE_INCONSISTENT);
        return CKR_OK;
    }
    CK_ULONG value = known == CK_UNAVAILABLE_INFORMATION ? otherwise : known;
    KK_ENSURE(value != CK_UNAVAILABLE_INFORMATION, CKR_TEMPLATE_INCOMPLETE);
    return kk_attrs_set_number(attrs, type, value);
}

/* Unwrapping and deriving make secret and private keys only. */
static KK_RV check_class_of_verb(const struct kk_attrs *attrs, enum kk_verb verb)
{
    uint64_t object_class = kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
    bool is_any = verb == KK_VERB_CREATE || verb == KK_VERB_GENERATE;
    bool is_key = object_class == CKO_SECRET_KEY || object_class == CKO_PRIVATE_KEY;
    KK_ENSURE(is_any || is_key, CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* A derived key is a generic secret where nobody says otherwise. */
static KK_RV settle_schema(const struct kk_begin *begin, struct kk_attrs *attrs,
                           const struct kk_schema **ret_schema)
{
    bool derives = begin->verb == KK_VERB_DERIVE;
    CK_ULONG default_class = derives ? CKO_SECRET_KEY : CK_UNAVAILABLE_INFORMATION;
    CK_ULONG default_type = derives ? CKK_GENERIC_SECRET : CK_UNAVAILABLE_INFORMATION;
    KK_TRY(settle_number(attrs, CKA_CLASS, begin->object_class, default_class));

    CK_ATTRIBUTE_TYPE subtype_at = CK_UNAVAILABLE_INFORMATION;
    uint64_t object_class = kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
    bool is_known = kk_schema_subtype((CK_OBJECT_CLASS)object_class, &subtype_at);
    KK_ENSURE(is_known, CKR_ATTRIBUTE_VALUE_INVALID);
    KK_TRY(check_class_of_verb(attrs, begin->verb));
    if (subtype_at == CKA_KEY_TYPE) {
        KK_TRY(settle_number(attrs, CKA_KEY_TYPE, begin->key_type, default_type));
    } else if (subtype_at != CK_UNAVAILABLE_INFORMATION) {
        KK_ENSURE(kk_attrs_has(attrs, subtype_at), CKR_TEMPLATE_INCOMPLETE);
    }
    const struct kk_schema *schema = kk_schema_of(attrs);
    KK_ENSURE(schema != NULL && !kk_schema_is_by_token(schema->object_class),
              CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_schema = schema;
    return CKR_OK;
}

/*= pkcs11-3.2 DSA base domain parameter generation: the primes are the template's, though the table
 * of the object says that they must not be specified */
static bool is_forbidden(const struct kk_begin *begin, const struct kk_attr_rule *rule)
{
    bool is_material = begin->completes != 0 && begin->completes != rule->type &&
                       (rule->footnotes & verb_footnotes[KK_VERB_CREATE].required) != 0;
    return !is_material && (rule->footnotes & verb_footnotes[begin->verb].forbidden) != 0;
}

static KK_RV check_given(const struct kk_begin *begin, const struct kk_schema *schema,
                         const struct kk_attrs *attrs)
{
    for (size_t i = 0; i < attrs->count; i++) {
        const struct kk_attr *attr = &attrs->rows[i];
        const struct kk_attr_rule *rule = kk_schema_rule(schema, attr->type);
        /*= pkcs11-3.2 Creating objects: an attribute of the standard that is not of this class
         * makes the template inconsistent; unknown ones were refused when the template was copied
         */
        KK_ENSURE(rule != NULL, CKR_TEMPLATE_INCONSISTENT);
        KK_ENSURE(!is_forbidden(begin, rule), CKR_ATTRIBUTE_READ_ONLY);
        KK_TRY(check_value(rule, attr, &begin->actor));
    }
    return CKR_OK;
}

KK_RV kk_policy_set_default(const struct kk_attr_rule *rule, enum kk_verb verb,
                            struct kk_attrs *attrs)
{
    switch (rule->def.kind) {
    case KK_DEFAULT_NONE:
        break;
    case KK_DEFAULT_FALSE:
        return kk_attrs_set_flag(attrs, rule->type, false);
    case KK_DEFAULT_TRUE:
        return kk_attrs_set_flag(attrs, rule->type, true);
    case KK_DEFAULT_EXTRACTABLE:
        /*= pkcs11-3.2 C_UnwrapKey: CKA_EXTRACTABLE is by default set to CK_TRUE */
        return kk_attrs_set_flag(attrs, rule->type, verb == KK_VERB_UNWRAP);
    case KK_DEFAULT_NUMBER:
        return kk_attrs_set_number(attrs, rule->type, rule->def.number);
    case KK_DEFAULT_EMPTY:
        return kk_attrs_set_bytes(attrs, rule->type, KK_SPAN(NULL, 0));
    }
    return CKR_OK;
}

static bool is_required(const struct kk_begin *begin, const struct kk_attr_rule *rule)
{
    if ((rule->rules & KK_RULE_OPTIONAL) != 0) {
        return false;
    }
    if (begin->completes != 0) {
        return rule->type != begin->completes &&
               (rule->footnotes & verb_footnotes[KK_VERB_CREATE].required) != 0;
    }
    return (rule->footnotes & verb_footnotes[begin->verb].required) != 0;
}

/* What nobody gave. */
static KK_RV complete_row(const struct kk_begin *begin, const struct kk_attr_rule *rule,
                          struct kk_attrs *attrs)
{
    KK_ENSURE(!is_required(begin, rule), CKR_TEMPLATE_INCOMPLETE);
    return kk_policy_set_default(rule, begin->verb, attrs);
}

/* Rows that a later table replaces do not count. */
static KK_RV complete(const struct kk_begin *begin, const struct kk_schema *schema,
                      struct kk_attrs *attrs)
{
    for (size_t i = 0; i < KK_SCHEMA_TABLES && schema->tables[i] != NULL; i++) {
        const struct kk_rule_table *table = schema->tables[i];
        for (size_t j = 0; j < table->count; j++) {
            const struct kk_attr_rule *rule = &table->rows[j];
            if (!kk_attrs_has(attrs, rule->type) && !kk_schema_replaces(schema, i, rule->type)) {
                KK_TRY(complete_row(begin, rule, attrs));
            }
        }
    }
    return CKR_OK;
}

KK_RV kk_policy_begin(const struct kk_begin *begin, const struct kk_attrs *tmpl,
                      struct kk_attrs **ret_attrs)
{
    KK_ASSERT(begin->verb <= KK_VERB_DERIVE);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    const struct kk_schema *schema = NULL;
    KK_TRY(kk_attrs_dup(tmpl, &attrs));
    KK_TRY(impose(attrs, begin->imposed));
    KK_TRY(settle_schema(begin, attrs, &schema));
    KK_TRY(check_given(begin, schema, attrs));
    KK_TRY(complete(begin, schema, attrs));
    KK_TRY(check_place(attrs, &begin->actor));
    if (begin->verb == KK_VERB_CREATE) {
        KK_TRY(kk_schema_check(schema, attrs));
    }
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}

static KK_RV set_unique_id(const struct kk_uuid *uuid, struct kk_attrs *attrs)
{
    char text[KK_UUID_TEXT];
    kk_uuid_format(uuid, text);
    return kk_attrs_set_bytes(attrs, CKA_UNIQUE_ID, KK_SPAN(text, KK_UUID_TEXT - 1));
}

/* What the standard says about where a key came from, for the attributes that the schema has. */
static KK_RV set_history(const struct kk_schema *schema, const struct kk_finish *finish,
                         struct kk_attrs *attrs)
{
    bool is_local = finish->verb == KK_VERB_GENERATE;
    bool is_derived = finish->verb == KK_VERB_DERIVE;
    bool was_sensitive = is_local || (is_derived && finish->base_always_sensitive);
    bool was_kept = is_local || (is_derived && finish->base_never_extractable);
    if (kk_schema_rule(schema, CKA_LOCAL) != NULL) {
        KK_TRY(kk_attrs_set_flag(attrs, CKA_LOCAL, is_local));
    }
    if (kk_schema_rule(schema, CKA_KEY_GEN_MECHANISM) != NULL) {
        uint64_t mechanism = is_local ? finish->mechanism : UINT64_MAX;
        KK_TRY(kk_attrs_set_number(attrs, CKA_KEY_GEN_MECHANISM, mechanism));
    }
    if (kk_schema_rule(schema, CKA_ALWAYS_SENSITIVE) == NULL) {
        return CKR_OK;
    }
    bool sensitive = kk_attrs_flag(attrs, CKA_SENSITIVE, false);
    bool extractable = kk_attrs_flag(attrs, CKA_EXTRACTABLE, true);
    KK_TRY(kk_attrs_set_flag(attrs, CKA_ALWAYS_SENSITIVE, was_sensitive && sensitive));
    return kk_attrs_set_flag(attrs, CKA_NEVER_EXTRACTABLE, was_kept && !extractable);
}

KK_RV kk_policy_finish(struct kk_crypto *crypto, const struct kk_finish *finish,
                       struct kk_attrs *attrs)
{
    const struct kk_schema *schema = kk_schema_of(attrs);
    KK_ENSURE(schema != NULL, CKR_ATTRIBUTE_VALUE_INVALID);
    KK_TRY(kk_computed_fill(crypto, schema, finish, attrs));
    KK_TRY(set_history(schema, finish, attrs));
    KK_TRY(kk_schema_check(schema, attrs));
    return set_unique_id(&finish->uuid, attrs);
}

/* C_CopyObject or C_SetAttributeValue at work. */
struct change {
    enum kk_verb verb;
    const struct kk_schema *schema;
    const struct kk_actor *actor;
    const struct kk_attrs *old;
    struct kk_attrs *attrs;
};

/* Footnotes 11 and 12, and CKA_COPYABLE: what is fixed stays as it is. */
static bool is_fixed(const struct kk_attr_rule *rule, const struct kk_attr *old)
{
    if (old == NULL || old->kind != KK_ATTR_BOOL) {
        return false;
    }
    bool fixed_false = (rule->footnotes & FN(12)) != 0 || (rule->rules & KK_RULE_STICKY_FALSE) != 0;
    return old->value.flag ? (rule->footnotes & FN(11)) != 0 : fixed_false;
}

static bool is_changeable(const struct change *change, const struct kk_attr_rule *rule)
{
    uint16_t by_rule = KK_RULE_SETTABLE | KK_RULE_STICKY_FALSE;
    if (change->verb == KK_VERB_COPY) {
        by_rule |= KK_RULE_COPY_ONLY;
    }
    uint16_t by_footnote = FN(8) | FN(10) | FN(11) | FN(12);
    return (rule->rules & by_rule) != 0 || (rule->footnotes & by_footnote) != 0;
}

/* A copy's template may repeat what the original says; nobody may give CKA_UNIQUE_ID. */
static bool is_repetition(const struct change *change, const struct kk_attr_rule *rule,
                          const struct kk_attr *attr)
{
    const struct kk_attr *present = kk_attrs_find(change->attrs, attr->type);
    bool is_same = present != NULL && kk_attr_equal(present, attr);
    bool may_repeat = change->verb == KK_VERB_COPY || is_changeable(change, rule);
    return is_same && may_repeat && attr->type != CKA_UNIQUE_ID;
}

static KK_RV change_one(const struct change *change, const struct kk_attr *attr)
{
    const struct kk_attr_rule *rule = kk_schema_rule(change->schema, attr->type);
    KK_ENSURE(rule != NULL, CKR_ATTRIBUTE_TYPE_INVALID);
    if (is_repetition(change, rule, attr)) {
        return CKR_OK;
    }
    KK_ENSURE(is_changeable(change, rule), CKR_ATTRIBUTE_READ_ONLY);
    bool fixed = is_fixed(rule, kk_attrs_find(change->old, attr->type));
    KK_ENSURE(!fixed, CKR_ATTRIBUTE_READ_ONLY);
    KK_TRY(check_value(rule, attr, change->actor));
    if ((rule->rules & KK_RULE_NO_STORE) != 0 && attr->len == 0) {
        kk_attrs_remove(change->attrs, attr->type);
        return CKR_OK;
    }
    return kk_attrs_set_copy(change->attrs, attr);
}

/* Objects from elsewhere may break a table's check already; then only the rest is looked at. */
static KK_RV check_together(const struct change *change)
{
    if (kk_schema_check(change->schema, change->old) != CKR_OK) {
        return CKR_OK;
    }
    return kk_schema_check(change->schema, change->attrs);
}

static KK_RV change_all(struct kk_crypto *crypto, const struct change *change,
                        const struct kk_attrs *tmpl)
{
    for (size_t i = 0; i < tmpl->count; i++) {
        KK_TRY(change_one(change, &tmpl->rows[i]));
    }
    KK_TRY(check_place(change->attrs, change->actor));
    KK_TRY(check_together(change));
    return kk_computed_verify(crypto, change->schema, tmpl, change->attrs);
}

/* Whether a trusted object is out of this actor's reach. A certificate is out of everybody's. */
static bool is_trusted_for_good(const struct kk_attrs *attrs, const struct kk_actor *actor)
{
    bool is_certificate = kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX) == CKO_CERTIFICATE;
    return kk_attrs_flag(attrs, CKA_TRUSTED, false) && (is_certificate || !actor->so_logged_in);
}

/* The SO's trust is in the object, not in what others make of it. */
static KK_RV drop_trust(struct kk_attrs *attrs, const struct kk_actor *actor)
{
    if (actor->so_logged_in || !kk_attrs_flag(attrs, CKA_TRUSTED, false)) {
        return CKR_OK;
    }
    return kk_attrs_set_flag(attrs, CKA_TRUSTED, false);
}

KK_RV kk_policy_copy(struct kk_crypto *crypto, const struct kk_attrs *old,
                     const struct kk_attrs *tmpl, const struct kk_actor *actor,
                     const struct kk_uuid *uuid, struct kk_attrs **ret_attrs)
{
    const struct kk_schema *schema = kk_schema_of(old);
    bool is_copyable = schema != NULL && kk_attrs_flag(old, CKA_COPYABLE, true);
    KK_ENSURE(is_copyable, CKR_ACTION_PROHIBITED);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_dup(old, &attrs));
    KK_TRY(drop_trust(attrs, actor));
    struct change change = {KK_VERB_COPY, schema, actor, old, attrs};
    KK_TRY(change_all(crypto, &change, tmpl));
    bool is_opened =
        kk_attrs_flag(old, CKA_PRIVATE, false) && !kk_attrs_flag(attrs, CKA_PRIVATE, false);
    KK_ENSURE(!is_opened, CKR_TEMPLATE_INCONSISTENT);
    KK_TRY(set_unique_id(uuid, attrs));
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}

KK_RV kk_policy_set(struct kk_crypto *crypto, const struct kk_attrs *old,
                    const struct kk_attrs *tmpl, const struct kk_actor *actor,
                    struct kk_attrs **ret_attrs)
{
    const struct kk_schema *schema = kk_schema_of(old);
    bool is_modifiable = schema != NULL && kk_attrs_flag(old, CKA_MODIFIABLE, true);
    KK_ENSURE(is_modifiable && !is_trusted_for_good(old, actor), CKR_ACTION_PROHIBITED);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_dup(old, &attrs));
    struct change change = {KK_VERB_SET, schema, actor, old, attrs};
    KK_TRY(change_all(crypto, &change, tmpl));
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}

KK_RV kk_policy_destroy(const struct kk_attrs *attrs)
{
    KK_ENSURE(kk_attrs_flag(attrs, CKA_DESTROYABLE, true), CKR_ACTION_PROHIBITED);
    return CKR_OK;
}

bool kk_policy_is_secret(CK_ATTRIBUTE_TYPE type)
{
    return kk_attr_type_is_secret_of(CK_UNAVAILABLE_INFORMATION, type);
}
