/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interpreter: the matrix of rows, verbs and logins, and the rules that the matrix cannot say.
 */
#include "object_test.h"

#include "cryptoki/names.h"
#include "object/policy_rules.h"

static const struct kk_uuid uuid = {{0x11, 0x22}};

/* A value that an attribute of this type may have on any object. */
static void set_sample(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        size_t len;
    } lengths[] = {{CKA_CHECK_VALUE, 3}, {CKA_PUBLIC_CRC64_VALUE, 8}, {CKA_OTP_COUNTER, 8}};
    static const uint8_t bytes[16] = {0x30, 1};
    struct kk_attrs *nested = NULL;
    size_t len = sizeof bytes;
    if (type == CKA_OTP_TIME) {
        assert_ok(kk_attrs_set_bytes(attrs, type, KK_SPAN_TEXT("20300131120000")));
        return;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        len = lengths[i].type == type ? lengths[i].len : len;
    }
    switch (kk_attr_type_find(type)->data) {
    case KK_DATA_BOOL:
        assert_ok(kk_attrs_set_flag(attrs, type, true));
        return;
    case KK_DATA_ULONG:
        assert_ok(kk_attrs_set_number(attrs, type, 0));
        return;
    case KK_DATA_TEMPLATE:
        assert_ok(kk_attrs_new(&nested));
        assert_ok(kk_attrs_set_template(attrs, type, nested));
        kk_attrs_free(nested);
        return;
    case KK_DATA_ULONG_LIST:
        assert_ok(kk_attrs_set_mechanisms(attrs, type, NULL, 0));
        return;
    case KK_DATA_DATE:
        assert_ok(kk_attrs_set_bytes(attrs, type, KK_SPAN(bytes, 8)));
        return;
    case KK_DATA_BYTES:
    case KK_DATA_NUMBER:
        break;
    }
    assert_ok(kk_attrs_set_bytes(attrs, type, KK_SPAN(bytes, len)));
}

/* The footnotes that a verb's templates must and must not have, told once more. */
static uint16_t required_by(enum kk_verb verb)
{
    return verb == KK_VERB_CREATE     ? FN(1)
           : verb == KK_VERB_GENERATE ? FN(3)
           : verb == KK_VERB_UNWRAP   ? FN(5)
                                      : 0;
}

static uint16_t forbidden_by(enum kk_verb verb)
{
    return verb == KK_VERB_CREATE     ? FN(2)
           : verb == KK_VERB_GENERATE ? FN(4)
           : verb == KK_VERB_UNWRAP   ? FN(6)
                                      : FN(4) | FN(6);
}

/* Called for every row that holds in every schema. */
typedef void each_row(const struct kk_schema *schema, const struct kk_attr_rule *rule);

static void for_each_row_of(const struct kk_schema *schema, each_row *call)
{
    for (size_t j = 0; j < KK_SCHEMA_TABLES && schema->tables[j] != NULL; j++) {
        for (size_t k = 0; k < schema->tables[j]->count; k++) {
            const struct kk_attr_rule *rule = &schema->tables[j]->rows[k];
            if (kk_schema_rule(schema, rule->type) == rule) {
                call(schema, rule);
            }
        }
    }
}

static void for_each_row(each_row *call)
{
    for (size_t i = 0; i < kk_schemas_count; i++) {
        if (!kk_schema_is_by_token(kk_schemas[i].object_class)) {
            for_each_row_of(&kk_schemas[i], call);
        }
    }
}

static bool verb_makes(enum kk_verb verb, const struct kk_schema *schema)
{
    CK_OBJECT_CLASS made = schema->object_class;
    bool is_secret = made == CKO_SECRET_KEY;
    bool is_pair = made == CKO_PUBLIC_KEY || made == CKO_PRIVATE_KEY;
    switch (verb) {
    case KK_VERB_CREATE:
        return schema->subtype != CKK_X2RATCHET || !is_secret;
    case KK_VERB_GENERATE:
        return is_secret || is_pair || made == CKO_DOMAIN_PARAMETERS;
    case KK_VERB_UNWRAP:
    case KK_VERB_DERIVE:
        return is_secret || made == CKO_PRIVATE_KEY;
    case KK_VERB_COPY:
    case KK_VERB_SET:
    case KK_VERB_FIND:
        break;
    }
    return false;
}

/* The smallest good template of a schema for a verb. */
static struct kk_attrs *minimal(const struct kk_schema *schema, enum kk_verb verb)
{
    CK_ATTRIBUTE_TYPE subtype = CK_UNAVAILABLE_INFORMATION;
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    for (size_t j = 0; j < KK_SCHEMA_TABLES && schema->tables[j] != NULL; j++) {
        for (size_t k = 0; k < schema->tables[j]->count; k++) {
            const struct kk_attr_rule *rule = &schema->tables[j]->rows[k];
            if ((rule->footnotes & required_by(verb)) != 0) {
                set_sample(attrs, rule->type);
            }
        }
    }
    kk_attrs_remove(attrs, CKA_PUBLIC_CRC64_VALUE);
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, schema->object_class));
    assert_true(kk_schema_subtype(schema->object_class, &subtype));
    if (subtype != CK_UNAVAILABLE_INFORMATION) {
        assert_ok(kk_attrs_set_number(attrs, subtype, schema->subtype));
    }
    return attrs;
}

static CK_RV begin_code(enum kk_verb verb, const struct kk_actor *actor,
                        const struct kk_attrs *tmpl)
{
    struct kk_attrs *attrs = NULL;
    CK_RV rv = begin_as(verb, actor, tmpl, &attrs);
    kk_attrs_free(attrs);
    return rv;
}

static void test_no_template_makes_what_the_token_makes(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_schemas_count; i++) {
        if (kk_schema_is_by_token(kk_schemas[i].object_class)) {
            struct kk_attrs *tmpl = minimal(&kk_schemas[i], KK_VERB_CREATE);
            assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
            kk_attrs_free(tmpl);
        }
    }
}

/*= pkcs11-3.2 Trust objects, footnote 2 */
static void test_trust_needs_the_certificates_hash(void **state)
{
    (void)state;
    const struct kk_schema *schema = kk_schema_find(CKO_TRUST, CK_UNAVAILABLE_INFORMATION);
    struct kk_attrs *tmpl = minimal(schema, KK_VERB_CREATE);
    assert_ok(kk_attrs_set_number(tmpl, CKA_TRUST_EMAIL_PROTECTION, CKT_NOT_TRUSTED));
    assert_ok(begin_code(KK_VERB_CREATE, &user, tmpl));
    assert_ok(kk_attrs_set_number(tmpl, CKA_TRUST_EMAIL_PROTECTION, CKT_TRUST_MUST_VERIFY_TRUST));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_HASH_OF_CERTIFICATE, KK_SPAN_TEXT("hash")));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(kk_attrs_set_number(tmpl, CKA_NAME_HASH_ALGORITHM, CKM_SHA256));
    assert_ok(begin_code(KK_VERB_CREATE, &user, tmpl));
    kk_attrs_free(tmpl);
}

/*= pkcs11-3.2 X.509 public key certificate objects, WTLS: SHA-1 where nobody says another */
static void test_certificates_are_named_by_sha_1(void **state)
{
    (void)state;
    static const CK_CERTIFICATE_TYPE types[] = {CKC_X_509, CKC_WTLS};
    assert_int_equal(KK_NAME_HASH_DEFAULT, CKM_SHA_1);
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        const struct kk_schema *schema = kk_schema_find(CKO_CERTIFICATE, types[i]);
        const struct kk_attr_rule *rule = kk_schema_rule(schema, CKA_NAME_HASH_ALGORITHM);
        assert_int_equal(rule->def.number, CKM_SHA_1);
    }
}

static const enum kk_verb making_verbs[] = {KK_VERB_CREATE, KK_VERB_GENERATE, KK_VERB_UNWRAP,
                                            KK_VERB_DERIVE};

static void assert_code(const struct kk_schema *schema, const struct kk_attr_rule *rule,
                        enum kk_verb verb, CK_RV got, CK_RV wanted)
{
    if (got != wanted) {
        fail_msg("class %lu type 0x%lx, %s, verb %d: %s, not %s", schema->object_class,
                 schema->subtype, rule == NULL ? "-" : kk_names_find(KK_NAMES_CKA, rule->type),
                 (int)verb, kk_names_find(KK_NAMES_CKR, got), kk_names_find(KK_NAMES_CKR, wanted));
    }
}

/* With the row's attribute in the template: what each of three actors is told. */
static void check_given(const struct kk_schema *schema, const struct kk_attr_rule *rule)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(making_verbs); i++) {
        enum kk_verb verb = making_verbs[i];
        if (!verb_makes(verb, schema)) {
            continue;
        }
        struct kk_attrs *tmpl = minimal(schema, verb);
        struct kk_actor both = {true, true, true};
        assert_ok(kk_attrs_set_flag(tmpl, CKA_PRIVATE, true));
        if (!kk_attrs_has(tmpl, rule->type)) {
            set_sample(tmpl, rule->type);
        }
        bool is_forbidden = (rule->footnotes & forbidden_by(verb)) != 0;
        bool is_raised = (rule->footnotes & FN(10)) != 0;
        bool is_together =
            rule->type == CKA_EXTRACTABLE || rule->type == CKA_COPYABLE || rule->type == CKA_URL;
        CK_RV wanted = is_forbidden ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK;
        CK_RV by_user = is_raised ? CKR_ATTRIBUTE_READ_ONLY : wanted;
        CK_RV by_nobody = by_user == CKR_OK ? CKR_USER_NOT_LOGGED_IN : by_user;
        CK_RV by_so = wanted == CKR_OK ? CKR_USER_NOT_LOGGED_IN : wanted;
        if (!is_together || verb != KK_VERB_CREATE) {
            assert_code(schema, rule, verb, begin_code(verb, &both, tmpl), wanted);
            assert_code(schema, rule, verb, begin_code(verb, &user, tmpl), by_user);
        }
        assert_code(schema, rule, verb, begin_code(verb, &nobody, tmpl), by_nobody);
        assert_code(schema, rule, verb, begin_code(verb, &so, tmpl), by_so);
        kk_attrs_free(tmpl);
    }
}

/* Every required attribute missing in turn. */
static void check_missing(const struct kk_schema *schema, const struct kk_attr_rule *rule)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(making_verbs); i++) {
        enum kk_verb verb = making_verbs[i];
        bool is_required = (rule->footnotes & required_by(verb)) != 0;
        bool is_enforced = (rule->rules & KK_RULE_OPTIONAL) == 0;
        if (!verb_makes(verb, schema) || !is_required || !is_enforced) {
            continue;
        }
        struct kk_attrs *tmpl = minimal(schema, verb);
        kk_attrs_remove(tmpl, rule->type);
        assert_code(schema, rule, verb, begin_code(verb, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
        kk_attrs_free(tmpl);
    }
}

/* Without the attribute: its default, where it has one. */
static void check_default(const struct kk_schema *schema, const struct kk_attr_rule *rule)
{
    if (rule->def.kind == KK_DEFAULT_NONE || !verb_makes(KK_VERB_CREATE, schema)) {
        return;
    }
    struct kk_attrs *tmpl = minimal(schema, KK_VERB_CREATE);
    struct kk_attrs *attrs = NULL;
    if (schema->subtype == CKK_HSS && schema->object_class == CKO_PRIVATE_KEY) {
        assert_ok(kk_attrs_set_number(tmpl, CKA_HSS_LEVELS, 0));
    }
    assert_ok(begin_as(KK_VERB_CREATE, &user, tmpl, &attrs));
    const struct kk_attr *attr = kk_attrs_find(attrs, rule->type);
    assert_non_null(attr);
    switch (rule->def.kind) {
    case KK_DEFAULT_TRUE:
        assert_true(attr->value.flag);
        break;
    case KK_DEFAULT_FALSE:
    case KK_DEFAULT_EXTRACTABLE:
        assert_false(attr->value.flag);
        break;
    case KK_DEFAULT_NUMBER:
        assert_true(attr->value.number == rule->def.number);
        break;
    case KK_DEFAULT_EMPTY:
        assert_int_equal(attr->len, 0);
        break;
    case KK_DEFAULT_NONE:
        break;
    }
    kk_attrs_free(attrs);
    kk_attrs_free(tmpl);
}

static void test_matrix_of_given_attributes(void **state)
{
    (void)state;
    for_each_row(check_given);
}

static void test_matrix_of_missing_attributes(void **state)
{
    (void)state;
    for_each_row(check_missing);
}

static void test_matrix_of_defaults(void **state)
{
    (void)state;
    for_each_row(check_default);
}

static void test_matrix_of_foreign_attributes(void **state)
{
    (void)state;
    size_t count = 0;
    const struct kk_attr_type *types = kk_attr_types(&count);
    for (size_t i = 0; i < kk_schemas_count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (kk_schema_is_by_token(kk_schemas[i].object_class) ||
                kk_schema_rule(&kk_schemas[i], types[j].type) != NULL) {
                continue;
            }
            struct kk_attrs *tmpl = minimal(&kk_schemas[i], KK_VERB_CREATE);
            set_sample(tmpl, types[j].type);
            assert_code(&kk_schemas[i], NULL, KK_VERB_CREATE,
                        begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCONSISTENT);
            kk_attrs_free(tmpl);
        }
    }
}

/* A finished object of a schema, without material worth the name. */
static struct kk_attrs *finished(const struct kk_schema *schema)
{
    struct kk_attrs *tmpl = minimal(schema, KK_VERB_CREATE);
    struct kk_attrs *attrs = NULL;
    assert_ok(begin_as(KK_VERB_CREATE, &user, tmpl, &attrs));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_UNIQUE_ID, KK_SPAN_TEXT("id")));
    kk_attrs_free(tmpl);
    return attrs;
}

/* The same attribute with another value. */
static struct kk_attrs *other_value(const struct kk_attrs *old, CK_ATTRIBUTE_TYPE type)
{
    struct kk_attrs *tmpl = NULL;
    const struct kk_attr *attr = kk_attrs_find(old, type);
    assert_ok(kk_attrs_new(&tmpl));
    set_sample(tmpl, type);
    if (attr == NULL || !kk_attr_equal(attr, &tmpl->rows[0])) {
        return tmpl;
    }
    enum kk_attr_data data = kk_attr_type_find(type)->data;
    if (data == KK_DATA_BOOL) {
        assert_ok(kk_attrs_set_flag(tmpl, type, !attr->value.flag));
    } else if (data == KK_DATA_ULONG) {
        assert_ok(kk_attrs_set_number(tmpl, type, attr->value.number + 1));
    } else {
        assert_ok(kk_attrs_set_bytes(tmpl, type, KK_SPAN_TEXT("another!")));
    }
    return tmpl;
}

/* What the standard lets change, told once more. */
static bool may_change(const struct kk_attr_rule *rule, bool is_copy)
{
    bool by_footnote = (rule->footnotes & (FN(8) | FN(11) | FN(12))) != 0;
    bool by_text = (rule->rules & (KK_RULE_SETTABLE | KK_RULE_STICKY_FALSE)) != 0;
    return by_footnote || by_text || (is_copy && (rule->rules & KK_RULE_COPY_ONLY) != 0);
}

static bool is_left_to_others(const struct kk_schema *schema, const struct kk_attr_rule *rule)
{
    bool is_stateful = schema->object_class == CKO_PRIVATE_KEY &&
                       (schema->subtype == CKK_HSS || schema->subtype == CKK_XMSS ||
                        schema->subtype == CKK_XMSSMT);
    bool is_together =
        rule->type == CKA_SENSITIVE || rule->type == CKA_EXTRACTABLE || rule->type == CKA_COPYABLE;
    bool needs_hash = schema->object_class == CKO_TRUST && (rule->rules & KK_RULE_SETTABLE) != 0 &&
                      rule->type != CKA_LABEL;
    return (rule->rules & KK_RULE_COMPUTED) != 0 || (is_stateful && is_together) || needs_hash;
}

static void check_change(const struct kk_schema *schema, const struct kk_attr_rule *rule)
{
    if (!verb_makes(KK_VERB_CREATE, schema) || is_left_to_others(schema, rule)) {
        return;
    }
    struct kk_attrs *old = finished(schema);
    assert_ok(kk_attrs_set_flag(old, CKA_COPYABLE, true));
    assert_ok(kk_attrs_set_flag(old, CKA_PRIVATE, false));
    if ((rule->footnotes & FN(12)) != 0) {
        assert_ok(kk_attrs_set_flag(old, rule->type, true));
    }
    struct kk_attrs *tmpl = other_value(old, rule->type);
    struct kk_attrs *changed = NULL;
    CK_RV set = kk_policy_set(crypto, old, tmpl, &user, &changed);
    assert_code(schema, rule, KK_VERB_SET, set,
                may_change(rule, false) ? CKR_OK : CKR_ATTRIBUTE_READ_ONLY);
    assert_true(set != CKR_OK || kk_attrs_match(changed, tmpl));
    kk_attrs_free(set == CKR_OK ? changed : NULL);

    bool is_stateful_copy = schema->subtype == CKK_HSS && schema->object_class == CKO_PRIVATE_KEY;
    if (!is_stateful_copy) {
        CK_RV copy = kk_policy_copy(crypto, old, tmpl, &user, &uuid, &changed);
        assert_code(schema, rule, KK_VERB_COPY, copy,
                    may_change(rule, true) ? CKR_OK : CKR_ATTRIBUTE_READ_ONLY);
        assert_true(copy != CKR_OK || kk_attrs_match(changed, tmpl));
        kk_attrs_free(copy == CKR_OK ? changed : NULL);
    }
    kk_attrs_free(tmpl);
    kk_attrs_free(old);
}

static void test_matrix_of_changes(void **state)
{
    (void)state;
    for_each_row(check_change);
}

static struct kk_attrs *secret_template(CK_BBOOL is_private)
{
    return TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                    ULONG_ATTR(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
                    TEXT_ATTR(CKA_VALUE, "0123456789"), BOOL_ATTR(CKA_PRIVATE, is_private));
}

static struct kk_attrs *secret_key(CK_BBOOL is_private)
{
    return create(secret_template(is_private));
}

static CK_RV set_code(const struct kk_attrs *old, const struct kk_actor *actor,
                      struct kk_attrs *tmpl)
{
    struct kk_attrs *changed = NULL;
    CK_RV rv = kk_policy_set(crypto, old, tmpl, actor, &changed);
    kk_attrs_free(changed);
    kk_attrs_free(tmpl);
    return rv;
}

static CK_RV copy_code(const struct kk_attrs *old, const struct kk_actor *actor,
                       struct kk_attrs *tmpl)
{
    struct kk_attrs *changed = NULL;
    CK_RV rv = kk_policy_copy(crypto, old, tmpl, actor, &uuid, &changed);
    kk_attrs_free(changed);
    kk_attrs_free(tmpl);
    return rv;
}

static void test_a_key_without_login_is_private_by_default(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = secret_template(CK_TRUE);
    kk_attrs_remove(tmpl, CKA_PRIVATE);
    assert_int_equal(begin_code(KK_VERB_CREATE, &nobody, tmpl), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_OK);
    assert_int_equal(create_code(&nobody, secret_template(CK_FALSE)), CKR_OK);
    assert_int_equal(create_code(&so, secret_template(CK_FALSE)), CKR_OK);
    kk_attrs_free(tmpl);
}

static void test_a_token_object_needs_a_session_that_writes(void **state)
{
    (void)state;
    struct kk_actor reader = {.user_logged_in = true};
    struct kk_attrs *tmpl = secret_template(CK_TRUE);
    assert_int_equal(begin_code(KK_VERB_CREATE, &reader, tmpl), CKR_OK);
    assert_ok(kk_attrs_set_flag(tmpl, CKA_TOKEN, true));
    assert_int_equal(begin_code(KK_VERB_CREATE, &reader, tmpl), CKR_SESSION_READ_ONLY);
    kk_attrs_free(tmpl);

    struct kk_attrs *key = secret_key(CK_TRUE);
    assert_int_equal(copy_code(key, &reader, TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_TOKEN, CK_TRUE))),
                     CKR_SESSION_READ_ONLY);
    assert_ok(kk_attrs_set_flag(key, CKA_TOKEN, true));
    assert_int_equal(set_code(key, &reader, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_SESSION_READ_ONLY);
    kk_attrs_free(key);
}

static void test_classes_and_types_that_are_not_known(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = secret_template(CK_TRUE);
    assert_ok(kk_attrs_set_number(tmpl, CKA_KEY_TYPE, CKK_VENDOR_DEFINED));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(kk_attrs_set_number(tmpl, CKA_KEY_TYPE, CKK_RSA));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_OTP_KEY));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_remove(tmpl, CKA_CLASS);
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
    kk_attrs_free(tmpl);
}

/*= pkcs11-3.2 DSA base domain parameter generation: the primes are the template's, the base is what
 * the mechanism contributes */
static void test_a_generation_may_complete_what_the_template_has(void **state)
{
    static const uint8_t number[] = {0x97};
    static const CK_ATTRIBUTE_TYPE primes[] = {CKA_PRIME, CKA_SUBPRIME};
    static const CK_ATTRIBUTE_TYPE forbidden[] = {CKA_BASE, CKA_UNIQUE_ID};
    struct kk_begin begin = {KK_VERB_GENERATE, user, CKO_DOMAIN_PARAMETERS,
                             CKK_DSA,          NULL, CKA_BASE};
    struct kk_attrs *tmpl =
        TEMPLATE(KK_VERB_GENERATE, ARRAY_ATTR(CKA_PRIME, number), ARRAY_ATTR(CKA_SUBPRIME, number));
    struct kk_attrs *attrs = NULL;
    (void)state;
    assert_ok(kk_policy_begin(&begin, tmpl, &attrs));
    assert_true(kk_attrs_has(attrs, CKA_PRIME) && !kk_attrs_has(attrs, CKA_BASE));
    kk_attrs_free(attrs);
    attrs = NULL;
    for (size_t i = 0; i < KK_ARRAY_LEN(forbidden); i++) {
        assert_ok(kk_attrs_set_bytes(tmpl, forbidden[i], KK_SPAN_ARRAY(number)));
        assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_ATTRIBUTE_READ_ONLY);
        kk_attrs_remove(tmpl, forbidden[i]);
    }
    assert_ok(kk_attrs_set_flag(tmpl, CKA_LOCAL, true));
    assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_ATTRIBUTE_READ_ONLY);
    kk_attrs_remove(tmpl, CKA_LOCAL);
    begin.completes = 0;
    assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_ATTRIBUTE_READ_ONLY);
    begin.completes = CKA_BASE;
    for (size_t i = 0; i < KK_ARRAY_LEN(primes); i++) {
        kk_attrs_remove(tmpl, primes[i]);
        assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_TEMPLATE_INCOMPLETE);
        assert_ok(kk_attrs_set_bytes(tmpl, primes[i], KK_SPAN_ARRAY(number)));
    }
    assert_null(attrs);
    kk_attrs_free(tmpl);
}

/*= pkcs11-3.2 C_GenerateKey: a class or key type that disagrees with the mechanism */
static void test_generation_knows_its_class_and_type(void **state)
{
    (void)state;
    struct kk_begin begin = {KK_VERB_GENERATE, user, CKO_SECRET_KEY, CKK_AES, NULL, 0};
    struct kk_attrs *tmpl = TEMPLATE(KK_VERB_GENERATE, ULONG_ATTR(CKA_VALUE_LEN, 16));
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_policy_begin(&begin, tmpl, &attrs));
    assert_int_equal(kk_attrs_number(attrs, CKA_CLASS, 0), CKO_SECRET_KEY);
    assert_int_equal(kk_attrs_number(attrs, CKA_KEY_TYPE, 0), CKK_AES);
    kk_attrs_free(attrs);
    attrs = NULL;

    assert_ok(kk_attrs_set_number(tmpl, CKA_KEY_TYPE, CKK_DES3));
    assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(kk_attrs_set_number(tmpl, CKA_KEY_TYPE, CKK_AES));
    assert_ok(kk_attrs_set_number(tmpl, CKA_CLASS, CKO_DATA));
    assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_TEMPLATE_INCONSISTENT);
    assert_null(attrs);
    kk_attrs_free(tmpl);
}

static void test_an_empty_derivation_template_makes_a_generic_secret(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = NULL;
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_template_copy(NULL, 0, KK_VERB_DERIVE, &tmpl));
    assert_ok(begin_as(KK_VERB_DERIVE, &user, tmpl, &attrs));
    assert_int_equal(kk_attrs_number(attrs, CKA_CLASS, 0), CKO_SECRET_KEY);
    assert_int_equal(kk_attrs_number(attrs, CKA_KEY_TYPE, 0), CKK_GENERIC_SECRET);
    assert_int_equal(begin_code(KK_VERB_UNWRAP, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
    kk_attrs_free(attrs);
    kk_attrs_free(tmpl);
}

static void test_only_keys_are_unwrapped(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = TEMPLATE(KK_VERB_UNWRAP, ULONG_ATTR(CKA_CLASS, CKO_DATA));
    assert_int_equal(begin_code(KK_VERB_UNWRAP, &user, tmpl), CKR_TEMPLATE_INCONSISTENT);
    kk_attrs_free(tmpl);
}

/*= pkcs11-3.2 C_UnwrapKey: CKA_UNWRAP_TEMPLATE is added; a conflict is inconsistent */
static void test_an_imposed_template_is_added_or_conflicts(void **state)
{
    (void)state;
    struct kk_attrs *imposed =
        TEMPLATE(KK_VERB_CREATE, BOOL_ATTR(CKA_SENSITIVE, CK_TRUE), BOOL_ATTR(CKA_SIGN, CK_FALSE));
    struct kk_attrs *tmpl =
        TEMPLATE(KK_VERB_UNWRAP, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                 ULONG_ATTR(CKA_KEY_TYPE, CKK_AES), BOOL_ATTR(CKA_SIGN, CK_FALSE));
    struct kk_begin begin = {
        KK_VERB_UNWRAP, user, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, imposed, 0};
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_policy_begin(&begin, tmpl, &attrs));
    assert_true(kk_attrs_flag(attrs, CKA_SENSITIVE, false));
    assert_false(kk_attrs_flag(attrs, CKA_SIGN, true));
    kk_attrs_free(attrs);
    attrs = NULL;
    assert_ok(kk_attrs_set_flag(tmpl, CKA_SENSITIVE, false));
    assert_int_equal(kk_policy_begin(&begin, tmpl, &attrs), CKR_TEMPLATE_INCONSISTENT);
    kk_attrs_free(tmpl);
    kk_attrs_free(imposed);
}

/*= pkcs11-3.2 C_UnwrapKey: CKA_EXTRACTABLE is by default set to CK_TRUE */
static void test_unwrapped_keys_are_extractable_by_default(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = TEMPLATE(KK_VERB_UNWRAP, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                                     ULONG_ATTR(CKA_KEY_TYPE, CKK_AES));
    struct kk_attrs *unwrapped = NULL;
    struct kk_attrs *derived = NULL;
    assert_ok(begin_as(KK_VERB_UNWRAP, &user, tmpl, &unwrapped));
    assert_ok(begin_as(KK_VERB_DERIVE, &user, tmpl, &derived));
    assert_true(kk_attrs_flag(unwrapped, CKA_EXTRACTABLE, false));
    assert_false(kk_attrs_flag(derived, CKA_EXTRACTABLE, true));
    kk_attrs_free(unwrapped);
    kk_attrs_free(derived);
    kk_attrs_free(tmpl);
}

/* Footnotes 11 and 12, and the text on CKA_COPYABLE. */
static void test_fixed_flags_stay_fixed(void **state)
{
    (void)state;
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        bool fixed_at;
    } cases[] = {{CKA_SENSITIVE, true},
                 {CKA_WRAP_WITH_TRUSTED, true},
                 {CKA_EXTRACTABLE, false},
                 {CKA_COPYABLE, false}};
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_attrs *key = secret_key(CK_TRUE);
        CK_BBOOL fixed = cases[i].fixed_at ? CK_TRUE : CK_FALSE;
        CK_BBOOL loose = cases[i].fixed_at ? CK_FALSE : CK_TRUE;
        assert_ok(kk_attrs_set_flag(key, cases[i].type, !cases[i].fixed_at));
        assert_ok(set_code(key, &user, TEMPLATE(KK_VERB_SET, BOOL_ATTR(cases[i].type, fixed))));
        assert_ok(kk_attrs_set_flag(key, cases[i].type, cases[i].fixed_at));
        assert_int_equal(
            set_code(key, &user, TEMPLATE(KK_VERB_SET, BOOL_ATTR(cases[i].type, loose))),
            CKR_ATTRIBUTE_READ_ONLY);
        assert_ok(set_code(key, &user, TEMPLATE(KK_VERB_SET, BOOL_ATTR(cases[i].type, fixed))));
        kk_attrs_free(key);
    }
}

static void test_an_unmodifiable_object_cannot_be_changed_but_copied(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_TRUE);
    assert_ok(kk_attrs_set_flag(key, CKA_MODIFIABLE, false));
    assert_int_equal(set_code(key, &user, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_ACTION_PROHIBITED);
    assert_ok(copy_code(key, &user, TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_MODIFIABLE, CK_TRUE))));
    assert_ok(kk_attrs_set_flag(key, CKA_COPYABLE, false));
    assert_int_equal(copy_code(key, &user, TEMPLATE(KK_VERB_COPY, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_ACTION_PROHIBITED);
    kk_attrs_free(key);
}

static void test_destroying_asks_destroyable(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_FALSE);
    assert_ok(kk_policy_destroy(key));
    assert_ok(kk_attrs_set_flag(key, CKA_DESTROYABLE, false));
    assert_int_equal(kk_policy_destroy(key), CKR_ACTION_PROHIBITED);
    kk_attrs_free(key);
}

static void test_a_private_object_is_never_copied_public(void **state)
{
    (void)state;
    struct kk_attrs *secret = secret_key(CK_TRUE);
    struct kk_attrs *open = secret_key(CK_FALSE);
    assert_int_equal(
        copy_code(secret, &user, TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_PRIVATE, CK_FALSE))),
        CKR_TEMPLATE_INCONSISTENT);
    assert_ok(copy_code(open, &user, TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_PRIVATE, CK_TRUE))));
    assert_int_equal(
        copy_code(open, &nobody, TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_PRIVATE, CK_TRUE))),
        CKR_USER_NOT_LOGGED_IN);
    kk_attrs_free(secret);
    kk_attrs_free(open);
}

static void test_a_copy_has_its_own_unique_id_and_the_old_history(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_TRUE);
    struct kk_attrs *copy = NULL;
    assert_ok(kk_attrs_set_flag(key, CKA_LOCAL, true));
    assert_ok(kk_attrs_set_flag(key, CKA_ALWAYS_SENSITIVE, true));
    assert_ok(kk_attrs_set_flag(key, CKA_EXTRACTABLE, true));
    struct kk_attrs *tmpl =
        TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_EXTRACTABLE, CK_FALSE),
                 ULONG_ATTR(CKA_KEY_TYPE, CKK_GENERIC_SECRET), TEXT_ATTR(CKA_LABEL, "copy"));
    assert_ok(kk_policy_copy(crypto, key, tmpl, &user, &uuid, &copy));
    assert_false(
        kk_span_equal(kk_attrs_bytes(copy, CKA_UNIQUE_ID), kk_attrs_bytes(key, CKA_UNIQUE_ID)));
    assert_int_equal(kk_attrs_bytes(copy, CKA_UNIQUE_ID).len, 36);
    assert_true(kk_attrs_flag(copy, CKA_LOCAL, false));
    assert_true(kk_attrs_flag(copy, CKA_ALWAYS_SENSITIVE, false));
    assert_false(kk_attrs_flag(copy, CKA_EXTRACTABLE, true));
    assert_false(kk_attrs_flag(copy, CKA_NEVER_EXTRACTABLE, true));
    assert_true(kk_span_equal(kk_attrs_bytes(copy, CKA_VALUE), KK_SPAN_TEXT("0123456789")));
    kk_attrs_free(tmpl);
    kk_attrs_free(copy);
    kk_attrs_free(key);
}

static void test_unique_id_is_nobodys_to_give(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_TRUE);
    struct kk_span id = kk_attrs_bytes(key, CKA_UNIQUE_ID);
    assert_int_equal(set_code(key, &user, TEMPLATE(KK_VERB_SET, SPAN_ATTR(CKA_UNIQUE_ID, id))),
                     CKR_ATTRIBUTE_READ_ONLY);
    assert_int_equal(copy_code(key, &user, TEMPLATE(KK_VERB_COPY, SPAN_ATTR(CKA_UNIQUE_ID, id))),
                     CKR_ATTRIBUTE_READ_ONLY);
    kk_attrs_free(key);
}

/* Footnote 10 and security.md. */
static void test_trust_is_the_so_s(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_FALSE);
    struct kk_attrs *copy = NULL;
    assert_int_equal(set_code(key, &user, TEMPLATE(KK_VERB_SET, BOOL_ATTR(CKA_TRUSTED, CK_TRUE))),
                     CKR_ATTRIBUTE_READ_ONLY);
    assert_ok(set_code(key, &so, TEMPLATE(KK_VERB_SET, BOOL_ATTR(CKA_TRUSTED, CK_TRUE))));
    assert_ok(kk_attrs_set_flag(key, CKA_TRUSTED, true));
    assert_int_equal(set_code(key, &user, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_ACTION_PROHIBITED);
    assert_ok(set_code(key, &so, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_LABEL, "x"))));

    struct kk_attrs *tmpl = TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_DECRYPT, CK_TRUE));
    assert_ok(kk_policy_copy(crypto, key, tmpl, &user, &uuid, &copy));
    assert_false(kk_attrs_flag(copy, CKA_TRUSTED, true));
    kk_attrs_free(copy);
    assert_int_equal(copy_code(key, &user, TEMPLATE(KK_VERB_COPY, BOOL_ATTR(CKA_TRUSTED, CK_TRUE))),
                     CKR_ATTRIBUTE_READ_ONLY);
    kk_attrs_free(tmpl);
    kk_attrs_free(key);
}

static struct kk_attrs *certificate(void)
{
    return TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_CERTIFICATE),
                    ULONG_ATTR(CKA_CERTIFICATE_TYPE, CKC_X_509), TEXT_ATTR(CKA_SUBJECT, "s"),
                    TEXT_ATTR(CKA_VALUE, "v"));
}

/*= pkcs11-3.2 Certificate objects: trusted certificates cannot be modified */
static void test_a_trusted_certificate_is_never_modified(void **state)
{
    (void)state;
    struct kk_attrs *trusted = certificate();
    assert_ok(kk_attrs_set_flag(trusted, CKA_TRUSTED, true));
    struct kk_attrs *attrs = NULL;
    assert_ok(create_as(&so, trusted, &attrs));
    assert_int_equal(set_code(attrs, &so, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_ACTION_PROHIBITED);
    assert_int_equal(set_code(attrs, &so, TEMPLATE(KK_VERB_SET, BOOL_ATTR(CKA_TRUSTED, CK_FALSE))),
                     CKR_ACTION_PROHIBITED);
    kk_attrs_free(attrs);
}

/*= pkcs11-3.2 X.509 certificates, footnotes 2 to 4 */
static void test_a_certificate_is_there_or_at_a_url(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = certificate();
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_VALUE, KK_SPAN(NULL, 0)));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_URL, KK_SPAN_TEXT("http://example.com/c")));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, KK_SPAN_TEXT("h")));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_HASH_OF_ISSUER_PUBLIC_KEY, KK_SPAN_TEXT("h")));
    assert_int_equal(begin_code(KK_VERB_CREATE, &nobody, tmpl), CKR_OK);
    kk_attrs_remove(tmpl, CKA_VALUE);
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCOMPLETE);
    kk_attrs_free(tmpl);
}

static void test_always_authenticate_needs_private(void **state)
{
    (void)state;
    const struct kk_schema *schema = kk_schema_find(CKO_PRIVATE_KEY, CKK_RSA);
    struct kk_attrs *tmpl = minimal(schema, KK_VERB_CREATE);
    assert_ok(kk_attrs_set_flag(tmpl, CKA_ALWAYS_AUTHENTICATE, true));
    assert_ok(kk_attrs_set_flag(tmpl, CKA_PRIVATE, false));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(kk_attrs_set_flag(tmpl, CKA_PRIVATE, true));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_OK);
    kk_attrs_free(tmpl);
}

static void test_a_stateful_key_stays_sensitive(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = minimal(kk_schema_find(CKO_PRIVATE_KEY, CKK_HSS), KK_VERB_CREATE);
    assert_ok(kk_attrs_set_number(tmpl, CKA_HSS_LEVELS, 0));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_OK);
    assert_ok(kk_attrs_set_number(tmpl, CKA_HSS_LEVELS, 2));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(kk_attrs_set_number(tmpl, CKA_HSS_LEVELS, 0));
    assert_ok(kk_attrs_set_flag(tmpl, CKA_EXTRACTABLE, true));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_TEMPLATE_INCONSISTENT);
    kk_attrs_free(tmpl);
}

static void test_values_out_of_their_range(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = certificate();
    assert_ok(kk_attrs_set_number(tmpl, CKA_CERTIFICATE_CATEGORY, 4));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(kk_attrs_set_number(tmpl, CKA_CERTIFICATE_CATEGORY, 3));
    assert_ok(kk_attrs_set_number(tmpl, CKA_JAVA_MIDP_SECURITY_DOMAIN, 4));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_remove(tmpl, CKA_JAVA_MIDP_SECURITY_DOMAIN);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_CHECK_VALUE, KK_SPAN_TEXT("four")));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_free(tmpl);
}

/* An imposed template comes from storage: its kinds are not believed. */
static void test_a_value_of_the_wrong_kind_is_refused(void **state)
{
    (void)state;
    struct kk_attrs *tmpl = secret_template(CK_TRUE);
    assert_ok(kk_attrs_set_number(tmpl, CKA_LABEL, 5));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_remove(tmpl, CKA_LABEL);
    assert_ok(kk_attrs_set_flag(tmpl, CKA_KEY_TYPE, true));
    assert_int_equal(begin_code(KK_VERB_CREATE, &user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_free(tmpl);
}

/*= pkcs11-3.2 Secret key objects: C_SetAttributeValue may destroy CKA_CHECK_VALUE by no-value */
static void test_the_check_value_may_be_destroyed_not_forged(void **state)
{
    (void)state;
    struct kk_attrs *key = secret_key(CK_TRUE);
    struct kk_attrs *changed = NULL;
    assert_int_equal(set_code(key, &user, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_CHECK_VALUE, "abc"))),
                     CKR_ATTRIBUTE_VALUE_INVALID);
    struct kk_attrs *none = TEMPLATE(KK_VERB_SET, NULL_ATTR(CKA_CHECK_VALUE));
    assert_ok(kk_policy_set(crypto, key, none, &user, &changed));
    assert_false(kk_attrs_has(changed, CKA_CHECK_VALUE));
    struct kk_span check = kk_attrs_bytes(key, CKA_CHECK_VALUE);
    assert_ok(set_code(changed, &user, TEMPLATE(KK_VERB_SET, SPAN_ATTR(CKA_CHECK_VALUE, check))));
    kk_attrs_free(none);
    kk_attrs_free(changed);
    kk_attrs_free(key);
}

static void test_an_object_of_no_schema_is_not_changed(void **state)
{
    (void)state;
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_VENDOR_DEFINED));
    assert_int_equal(set_code(attrs, &user, TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_ACTION_PROHIBITED);
    assert_int_equal(copy_code(attrs, &user, TEMPLATE(KK_VERB_COPY, TEXT_ATTR(CKA_LABEL, "x"))),
                     CKR_ACTION_PROHIBITED);
    kk_attrs_free(attrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_template_makes_what_the_token_makes),
        cmocka_unit_test(test_trust_needs_the_certificates_hash),
        cmocka_unit_test(test_certificates_are_named_by_sha_1),
        cmocka_unit_test(test_matrix_of_given_attributes),
        cmocka_unit_test(test_matrix_of_missing_attributes),
        cmocka_unit_test(test_matrix_of_defaults),
        cmocka_unit_test(test_matrix_of_foreign_attributes),
        cmocka_unit_test(test_matrix_of_changes),
        cmocka_unit_test(test_a_key_without_login_is_private_by_default),
        cmocka_unit_test(test_a_token_object_needs_a_session_that_writes),
        cmocka_unit_test(test_classes_and_types_that_are_not_known),
        cmocka_unit_test(test_generation_knows_its_class_and_type),
        cmocka_unit_test(test_a_generation_may_complete_what_the_template_has),
        cmocka_unit_test(test_an_empty_derivation_template_makes_a_generic_secret),
        cmocka_unit_test(test_only_keys_are_unwrapped),
        cmocka_unit_test(test_an_imposed_template_is_added_or_conflicts),
        cmocka_unit_test(test_unwrapped_keys_are_extractable_by_default),
        cmocka_unit_test(test_fixed_flags_stay_fixed),
        cmocka_unit_test(test_an_unmodifiable_object_cannot_be_changed_but_copied),
        cmocka_unit_test(test_destroying_asks_destroyable),
        cmocka_unit_test(test_a_private_object_is_never_copied_public),
        cmocka_unit_test(test_a_copy_has_its_own_unique_id_and_the_old_history),
        cmocka_unit_test(test_unique_id_is_nobodys_to_give),
        cmocka_unit_test(test_trust_is_the_so_s),
        cmocka_unit_test(test_a_trusted_certificate_is_never_modified),
        cmocka_unit_test(test_a_certificate_is_there_or_at_a_url),
        cmocka_unit_test(test_always_authenticate_needs_private),
        cmocka_unit_test(test_a_stateful_key_stays_sensitive),
        cmocka_unit_test(test_values_out_of_their_range),
        cmocka_unit_test(test_a_value_of_the_wrong_kind_is_refused),
        cmocka_unit_test(test_the_check_value_may_be_destroyed_not_forged),
        cmocka_unit_test(test_an_object_of_no_schema_is_not_changed),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
