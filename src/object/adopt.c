/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that another program made: completed to what ours are, as far as that goes.
 */
#include "base/memory.h"
#include "crypto/ec.h"
#include "object/computed.h"
#include "object/object.h"

#include "base/banned.h"

static KK_RV add_defaults(const struct kk_schema *schema, struct kk_attrs *attrs)
{
    for (size_t i = 0; i < KK_SCHEMA_TABLES && schema->tables[i] != NULL; i++) {
        const struct kk_rule_table *table = schema->tables[i];
        for (size_t j = 0; j < table->count; j++) {
            const struct kk_attr_rule *rule = &table->rows[j];
            bool replaced = kk_schema_rule(schema, rule->type) != rule;
            if (!replaced && !kk_attrs_has(attrs, rule->type)) {
                KK_TRY(kk_policy_set_default(rule, KK_VERB_CREATE, attrs));
            }
        }
    }
    return CKR_OK;
}

/* CKK_EC_EDWARDS on a Montgomery curve was the way before 3.0 had a key type for it. */
static KK_RV settle_key_type(struct kk_crypto *crypto, struct kk_attrs *attrs)
{
    struct kk_curve curve;
    bool fits = kk_attrs_number(attrs, CKA_KEY_TYPE, UINT64_MAX) == CKK_EC_EDWARDS &&
                kk_curve_parse(crypto, kk_attrs_bytes(attrs, CKA_EC_PARAMS), &curve) == CKR_OK &&
                curve.kind == KK_KEY_MONTGOMERY;
    return fits ? kk_attrs_set_number(attrs, CKA_KEY_TYPE, CKK_EC_MONTGOMERY) : CKR_OK;
}

/* Material in canonical form, and what follows from it. What does not fit together stays as it
 * came: using it will say what is wrong. But for what would be used and be another key: who wrote
 * the check value had computed it (SoftHSM takes no other one either). */
static KK_RV compute(struct kk_crypto *crypto, const struct kk_schema *schema,
                     struct kk_attrs **attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *filled = NULL;
    const struct kk_finish finish = {.verb = KK_VERB_COPY};
    KK_TRY(kk_attrs_dup(*attrs, &filled));
    CK_RV rv = kk_computed_fill(crypto, schema, &finish, filled);
    if (rv == CKR_OK) {
        struct kk_attrs *old = *attrs;
        *attrs = KK_STEAL(filled);
        filled = old;
    }
    KK_ENSURE(rv != CKR_HOST_MEMORY, rv);
    bool contradicts = false;
    if (rv != CKR_OK) {
        KK_TRY(kk_computed_contradicts(crypto, schema, *attrs, &contradicts));
    }
    return contradicts ? CKR_DEVICE_ERROR : CKR_OK;
}

KK_RV kk_policy_adopt(struct kk_crypto *crypto, const struct kk_uuid *uuid, struct kk_attrs **attrs)
{
    char text[KK_UUID_TEXT];
    KK_TRY(settle_key_type(crypto, *attrs));
    const struct kk_schema *schema = kk_schema_of(*attrs);
    if (schema != NULL) {
        KK_TRY(add_defaults(schema, *attrs));
        KK_TRY(compute(crypto, schema, attrs));
    }
    kk_uuid_format(uuid, text);
    return kk_attrs_set_bytes(*attrs, CKA_UNIQUE_ID, KK_SPAN(text, KK_UUID_TEXT - 1));
}

bool kk_policy_is_default(const struct kk_attrs *attrs, const struct kk_attr *attr)
{
    const struct kk_schema *schema = kk_schema_of(attrs);
    const struct kk_attr_rule *rule = schema != NULL ? kk_schema_rule(schema, attr->type) : NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *fresh = NULL;
    if (rule == NULL || kk_attrs_new(&fresh) != CKR_OK ||
        kk_policy_set_default(rule, KK_VERB_CREATE, fresh) != CKR_OK) {
        return false;
    }
    const struct kk_attr *usual = kk_attrs_find(fresh, attr->type);
    return usual != NULL && kk_attr_equal(usual, attr);
}
