/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows from the material: check values, lengths, SubjectPublicKeyInfo, history.
 */
#include "object_test.h"

#include "crypto/kdf.h"
#include "object/computed.h"
#include "object/object.h"

static struct kk_attrs *begin(enum kk_verb verb, CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type,
                              struct kk_attrs *tmpl)
{
    struct kk_begin begin = {verb, user, object_class, key_type, NULL, 0};
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_policy_begin(&begin, tmpl, &attrs));
    kk_attrs_free(tmpl);
    return attrs;
}

static struct kk_attrs *empty(void)
{
    struct kk_attrs *tmpl = NULL;
    assert_ok(kk_attrs_new(&tmpl));
    return tmpl;
}

static CK_RV finish(enum kk_verb verb, const struct kk_key_parts *parts, struct kk_attrs *attrs)
{
    struct kk_finish facts = {.verb = verb,
                              .mechanism = 0x1080,
                              .parts = parts,
                              .base_always_sensitive = true,
                              .base_never_extractable = true};
    return kk_policy_finish(crypto, &facts, attrs);
}

/* A pair as C_GenerateKeyPair makes it. */
struct pair {
    struct kk_attrs *public;
    struct kk_attrs *private;
};

static struct pair generate_pair(CK_KEY_TYPE key_type, struct kk_attrs *public_template)
{
    struct pair pair;
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    struct kk_attrs *open = TEMPLATE(KK_VERB_GENERATE, BOOL_ATTR(CKA_EXTRACTABLE, CK_TRUE));
    pair.public = begin(KK_VERB_GENERATE, CKO_PUBLIC_KEY, key_type, public_template);
    pair.private = begin(KK_VERB_GENERATE, CKO_PRIVATE_KEY, key_type, open);
    assert_ok(kk_policy_generation(crypto, key_type, pair.public, &parts));
    assert_ok(kk_key_generate(crypto, &parts));
    assert_ok(finish(KK_VERB_GENERATE, &parts, pair.public));
    assert_ok(finish(KK_VERB_GENERATE, &parts, pair.private));
    return pair;
}

static void free_pair(struct pair *pair)
{
    kk_attrs_free(pair->public);
    kk_attrs_free(pair->private);
}

static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static struct pair ec_pair(void)
{
    return generate_pair(CKK_EC, TEMPLATE(KK_VERB_GENERATE, ARRAY_ATTR(CKA_EC_PARAMS, p256)));
}

static struct pair rsa_pair(void)
{
    return generate_pair(CKK_RSA, TEMPLATE(KK_VERB_GENERATE, ULONG_ATTR(CKA_MODULUS_BITS, 2048)));
}

/* The attributes of a key that C_CreateObject takes. */
static struct kk_attrs *import_template(const struct kk_attrs *key, const CK_ATTRIBUTE_TYPE *types,
                                        size_t count)
{
    struct kk_attrs *tmpl = empty();
    assert_ok(kk_attrs_set_copy(tmpl, kk_attrs_find(key, CKA_CLASS)));
    assert_ok(kk_attrs_set_copy(tmpl, kk_attrs_find(key, CKA_KEY_TYPE)));
    for (size_t i = 0; i < count; i++) {
        assert_ok(kk_attrs_set_copy(tmpl, kk_attrs_find(key, types[i])));
    }
    return tmpl;
}

#define IMPORT(key, ...)                                                                           \
    import_template((key), (CK_ATTRIBUTE_TYPE[]){__VA_ARGS__},                                     \
                    sizeof((CK_ATTRIBUTE_TYPE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE_TYPE))

static bool same(const struct kk_attrs *a, const struct kk_attrs *b, CK_ATTRIBUTE_TYPE type)
{
    const struct kk_attr *left = kk_attrs_find(a, type);
    const struct kk_attr *right = kk_attrs_find(b, type);
    return left != NULL && right != NULL && kk_attr_equal(left, right);
}

static struct kk_attrs *secret_template(CK_KEY_TYPE key_type, struct kk_span value)
{
    return TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_SECRET_KEY),
                    ULONG_ATTR(CKA_KEY_TYPE, key_type), SPAN_ATTR(CKA_VALUE, value));
}

/* FIPS 197, appendix B has the key; the check value of sixteen zeros is AES-128(0, 0). */
static void test_check_values_of_secret_keys(void **state)
{
    (void)state;
    static const uint8_t zeros[16] = {0};
    static const uint8_t aes[] = {0x66, 0xe9, 0x4b};     /* AES-128 of zeros under zeros */
    static const uint8_t generic[] = {0xe1, 0x29, 0xf2}; /* SHA-1 of sixteen zeros */
    static const struct {
        CK_KEY_TYPE type;
        const uint8_t *check;
    } cases[] = {{CKK_AES, aes}, {CKK_GENERIC_SECRET, generic}, {CKK_SHA256_HMAC, generic}};
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_attrs *key = create(secret_template(cases[i].type, KK_SPAN_ARRAY(zeros)));
        struct kk_span check = kk_attrs_bytes(key, CKA_CHECK_VALUE);
        assert_true(kk_span_equal(check, KK_SPAN(cases[i].check, 3)));
        assert_int_equal(kk_attrs_number(key, CKA_VALUE_LEN, 0), 16);
        kk_attrs_free(key);
    }
}

/*= pkcs11-3.2 Secret key objects: a given CKA_CHECK_VALUE must match, an empty one prevents it */
static void test_a_given_check_value_must_match(void **state)
{
    (void)state;
    static const uint8_t zeros[16] = {0};
    static const uint8_t right[] = {0x66, 0xe9, 0x4b};
    struct kk_attrs *tmpl = secret_template(CKK_AES, KK_SPAN_ARRAY(zeros));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_CHECK_VALUE, KK_SPAN_ARRAY(right)));
    kk_attrs_free(create(tmpl));

    tmpl = secret_template(CKK_AES, KK_SPAN_ARRAY(zeros));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_CHECK_VALUE, KK_SPAN_TEXT("bad")));
    assert_int_equal(create_code(&user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);

    tmpl = secret_template(CKK_AES, KK_SPAN_ARRAY(zeros));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_CHECK_VALUE, KK_SPAN(NULL, 0)));
    struct kk_attrs *key = create(tmpl);
    assert_false(kk_attrs_has(key, CKA_CHECK_VALUE));
    kk_attrs_free(key);
}

static void test_lengths_that_a_type_cannot_have(void **state)
{
    (void)state;
    static const uint8_t bytes[64] = {1};
    static const struct {
        CK_KEY_TYPE type;
        size_t len;
        CK_RV rv;
    } cases[] = {
        {CKK_AES, 16, CKR_OK},
        {CKK_AES, 17, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKK_AES, 0, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKK_AES, 64, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKK_AES_XTS, 64, CKR_OK},
        {CKK_AES_XTS, 48, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKK_CHACHA20, 32, CKR_OK},
        {CKK_CHACHA20, 31, CKR_ATTRIBUTE_VALUE_INVALID},
        {CKK_GENERIC_SECRET, 5, CKR_OK},
        {CKK_GENERIC_SECRET, 0, CKR_OK},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_attrs *tmpl = secret_template(cases[i].type, KK_SPAN(bytes, cases[i].len));
        assert_int_equal(create_code(&user, tmpl), cases[i].rv);
    }
}

/*= pkcs11-3.2 DES2, DES3 secret key objects: incorrect parity is an error */
static void test_des_keys_need_parity(void **state)
{
    (void)state;
    uint8_t key[24];
    memset(key, 0x01, sizeof key);
    assert_int_equal(create_code(&user, secret_template(CKK_DES3, KK_SPAN_ARRAY(key))), CKR_OK);
    key[23] = 0x03;
    assert_int_equal(create_code(&user, secret_template(CKK_DES3, KK_SPAN_ARRAY(key))),
                     CKR_ATTRIBUTE_VALUE_INVALID);
}

/* The parity of a derived key is set for it. */
static void test_derived_des_keys_get_parity(void **state)
{
    static const uint8_t bytes[8] = {0x00, 0x01, 0x02, 0x03, 0xfe, 0xff, 0xf0, 0x7f};
    static const uint8_t right[8] = {0x01, 0x01, 0x02, 0x02, 0xfe, 0xfe, 0xf1, 0x7f};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    (void)state;
    struct kk_attrs *tmpl = TEMPLATE(KK_VERB_DERIVE, BOOL_ATTR(CKA_SENSITIVE, CK_TRUE));
    struct kk_attrs *attrs = begin(KK_VERB_DERIVE, CKO_SECRET_KEY, CKK_DES, tmpl);
    assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, KK_SPAN_ARRAY(bytes)));
    assert_ok(finish(KK_VERB_DERIVE, &parts, attrs));
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_VALUE), KK_SPAN_ARRAY(right)));
    kk_attrs_free(attrs);
}

/* A secret key that arrives as parts. */
static CK_RV arrive(enum kk_verb verb, CK_ULONG value_len, size_t len, struct kk_attrs **ret_attrs)
{
    static const uint8_t bytes[64] = {7};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {.kind = KK_KEY_SECRET};
    struct kk_attrs *tmpl =
        TEMPLATE(verb, BOOL_ATTR(CKA_SENSITIVE, CK_TRUE), BOOL_ATTR(CKA_EXTRACTABLE, CK_FALSE));
    if (value_len > 0) {
        assert_ok(kk_attrs_set_number(tmpl, CKA_VALUE_LEN, value_len));
    }
    struct kk_attrs *attrs = begin(verb, CKO_SECRET_KEY, CKK_AES, tmpl);
    assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, KK_SPAN(bytes, len)));
    CK_RV rv = finish(verb, &parts, attrs);
    if (rv != CKR_OK || ret_attrs == NULL) {
        kk_attrs_free(attrs);
    } else {
        *ret_attrs = attrs;
    }
    return rv;
}

/*= pkcs11-3.2 C_UnwrapKey: a length conflict is CKR_WRAPPED_KEY_LEN_RANGE */
static void test_length_conflicts_by_verb(void **state)
{
    (void)state;
    assert_int_equal(arrive(KK_VERB_UNWRAP, 0, 32, NULL), CKR_OK);
    assert_int_equal(arrive(KK_VERB_UNWRAP, 32, 32, NULL), CKR_OK);
    assert_int_equal(arrive(KK_VERB_UNWRAP, 16, 32, NULL), CKR_WRAPPED_KEY_LEN_RANGE);
    assert_int_equal(arrive(KK_VERB_UNWRAP, 0, 33, NULL), CKR_WRAPPED_KEY_LEN_RANGE);
    assert_int_equal(arrive(KK_VERB_DERIVE, 0, 33, NULL), CKR_KEY_SIZE_RANGE);
    assert_int_equal(arrive(KK_VERB_DERIVE, 16, 32, NULL), CKR_KEY_SIZE_RANGE);
}

/* CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE. */
static void test_history_by_verb(void **state)
{
    (void)state;
    static const struct {
        enum kk_verb verb;
        bool is_local, always, never;
    } cases[] = {
        {KK_VERB_GENERATE, true, true, true},
        {KK_VERB_DERIVE, false, true, true},
        {KK_VERB_UNWRAP, false, false, false},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_attrs *key = NULL;
        assert_ok(arrive(cases[i].verb, 32, 32, &key));
        uint64_t mechanism = cases[i].is_local ? 0x1080 : UINT64_MAX;
        assert_int_equal(kk_attrs_flag(key, CKA_LOCAL, !cases[i].is_local), cases[i].is_local);
        assert_true(kk_attrs_number(key, CKA_KEY_GEN_MECHANISM, 0) == mechanism);
        assert_int_equal(kk_attrs_flag(key, CKA_ALWAYS_SENSITIVE, !cases[i].always),
                         cases[i].always);
        assert_int_equal(kk_attrs_flag(key, CKA_NEVER_EXTRACTABLE, !cases[i].never),
                         cases[i].never);
        assert_int_equal(kk_attrs_bytes(key, CKA_UNIQUE_ID).len, 36);
        assert_int_equal(kk_attrs_bytes(key, CKA_CHECK_VALUE).len, 3);
        kk_attrs_free(key);
    }
    struct kk_attrs *created = create(secret_template(CKK_GENERIC_SECRET, KK_SPAN_TEXT("0")));
    assert_false(kk_attrs_flag(created, CKA_LOCAL, true));
    assert_false(kk_attrs_flag(created, CKA_ALWAYS_SENSITIVE, true));
    assert_false(kk_attrs_flag(created, CKA_NEVER_EXTRACTABLE, true));
    kk_attrs_free(created);
}

static void test_an_rsa_pair_has_all_its_attributes(void **state)
{
    (void)state;
    static const CK_ATTRIBUTE_TYPE private_types[] = {
        CKA_MODULUS,    CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,        CKA_PRIME_2,
        CKA_EXPONENT_1, CKA_EXPONENT_2,      CKA_COEFFICIENT,      CKA_PUBLIC_KEY_INFO};
    struct pair pair = rsa_pair();
    assert_int_equal(kk_attrs_number(pair.public, CKA_MODULUS_BITS, 0), 2048);
    assert_int_equal(kk_attrs_bytes(pair.public, CKA_MODULUS).len, 256);
    assert_true(
        kk_span_equal(kk_attrs_bytes(pair.public, CKA_PUBLIC_EXPONENT), KK_SPAN_TEXT("\1\0\1")));
    assert_false(kk_attrs_has(pair.public, CKA_PRIVATE_EXPONENT));
    for (size_t i = 0; i < KK_ARRAY_LEN(private_types); i++) {
        assert_true(kk_attrs_bytes(pair.private, private_types[i]).len > 0);
    }
    assert_true(kk_attrs_find(pair.private, CKA_PRIME_1)->is_secret);
    assert_true(same(pair.public, pair.private, CKA_PUBLIC_KEY_INFO));
    assert_true(same(pair.public, pair.private, CKA_PUBLIC_CRC64_VALUE));
    free_pair(&pair);
}

static void test_an_imported_rsa_key_is_completed_and_checked(void **state)
{
    (void)state;
    struct pair pair = rsa_pair();
    struct kk_attrs *tmpl =
        IMPORT(pair.private, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT);
    struct kk_attrs *key = create(tmpl);
    assert_true(same(key, pair.private, CKA_PUBLIC_KEY_INFO));
    assert_int_equal(kk_attrs_bytes(key, CKA_PRIME_1).len, 128);
    assert_int_equal(kk_attrs_bytes(key, CKA_COEFFICIENT).len > 100, true);
    kk_attrs_free(key);

    tmpl = IMPORT(pair.private, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT,
                  CKA_PUBLIC_KEY_INFO);
    kk_attrs_free(create(tmpl));
    tmpl = IMPORT(pair.private, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT);
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_PUBLIC_KEY_INFO, KK_SPAN_TEXT("another")));
    assert_int_equal(create_code(&user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    free_pair(&pair);
}

static void test_ec_keys_are_imported_in_any_form_and_given_out_in_one(void **state)
{
    (void)state;
    struct pair pair = ec_pair();
    struct kk_span point = kk_attrs_bytes(pair.public, CKA_EC_POINT);
    static const uint8_t name[] = {0x13, 0x0a, 'p', 'r', 'i', 'm', 'e', '2', '5', '6', 'v', '1'};
    assert_int_equal(point.len, 67);
    assert_true(point.data[0] == 0x04 && point.data[1] == 65 && point.data[2] == 0x04);

    struct kk_attrs *raw = IMPORT(pair.public, CKA_EC_PARAMS);
    assert_ok(kk_attrs_set_bytes(raw, CKA_EC_POINT, KK_SPAN(point.data + 2, 65)));
    struct kk_attrs *named = IMPORT(pair.public, CKA_EC_POINT);
    assert_ok(kk_attrs_set_bytes(named, CKA_EC_PARAMS, KK_SPAN_ARRAY(name)));
    struct kk_attrs *keys[] = {create(raw), create(named)};
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        assert_true(same(keys[i], pair.public, CKA_EC_POINT));
        assert_true(same(keys[i], pair.public, CKA_EC_PARAMS));
        assert_true(same(keys[i], pair.public, CKA_PUBLIC_KEY_INFO));
        kk_attrs_free(keys[i]);
    }
    free_pair(&pair);
}

static void test_an_imported_ec_private_key_knows_its_public_half(void **state)
{
    (void)state;
    struct pair pair = ec_pair();
    struct kk_attrs *key = create(IMPORT(pair.private, CKA_EC_PARAMS, CKA_VALUE));
    assert_true(same(key, pair.public, CKA_PUBLIC_KEY_INFO));
    assert_true(same(key, pair.public, CKA_EC_POINT));
    assert_int_equal(kk_attrs_bytes(key, CKA_VALUE).len, 32);
    kk_attrs_free(key);

    struct pair stranger = ec_pair();
    struct kk_attrs *tmpl = IMPORT(pair.private, CKA_EC_PARAMS, CKA_VALUE);
    assert_ok(kk_attrs_set_copy(tmpl, kk_attrs_find(stranger.public, CKA_EC_POINT)));
    assert_int_equal(create_code(&user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
    free_pair(&stranger);
    free_pair(&pair);
}

static void test_bad_curves_and_points(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {0x06, 0x03, 0x2a, 0x03, 0x04};
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static const struct {
        struct kk_span params;
        CK_RV rv;
    } cases[] = {{{unknown, sizeof unknown}, CKR_CURVE_NOT_SUPPORTED},
                 {{ed25519, sizeof ed25519}, CKR_CURVE_NOT_SUPPORTED},
                 {{(const uint8_t *)"rubbish", 7}, CKR_DOMAIN_PARAMS_INVALID}};
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_attrs *tmpl = TEMPLATE(
            KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_PUBLIC_KEY), ULONG_ATTR(CKA_KEY_TYPE, CKK_EC),
            SPAN_ATTR(CKA_EC_PARAMS, cases[i].params), TEXT_ATTR(CKA_EC_POINT, "\4point"));
        assert_int_equal(create_code(&user, tmpl), cases[i].rv);
    }
    uint8_t off_curve[65] = {0x04, 1, 2, 3};
    struct kk_attrs *tmpl = TEMPLATE(
        KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_PUBLIC_KEY), ULONG_ATTR(CKA_KEY_TYPE, CKK_EC),
        ARRAY_ATTR(CKA_EC_PARAMS, p256), ARRAY_ATTR(CKA_EC_POINT, off_curve));
    assert_int_equal(create_code(&user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
}

/* SoftHSM makes X25519 keys of key type CKK_EC_EDWARDS. */
static void test_x25519_is_taken_as_edwards_and_as_montgomery(void **state)
{
    (void)state;
    static const uint8_t x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};
    static const CK_KEY_TYPE types[] = {CKK_EC_EDWARDS, CKK_EC_MONTGOMERY};
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        struct pair pair =
            generate_pair(types[i], TEMPLATE(KK_VERB_GENERATE, ARRAY_ATTR(CKA_EC_PARAMS, x25519)));
        struct kk_attrs *key = create(IMPORT(pair.private, CKA_EC_PARAMS, CKA_VALUE));
        assert_true(same(key, pair.public, CKA_EC_POINT));
        assert_int_equal(kk_attrs_number(key, CKA_KEY_TYPE, 0), types[i]);
        kk_attrs_free(key);
        free_pair(&pair);
    }
}

static void test_an_edwards_value_may_come_in_an_octet_string(void **state)
{
    (void)state;
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    struct pair pair = generate_pair(
        CKK_EC_EDWARDS, TEMPLATE(KK_VERB_GENERATE, ARRAY_ATTR(CKA_EC_PARAMS, ed25519)));
    uint8_t wrapped[34] = {0x04, 32};
    memcpy(wrapped + 2, kk_attrs_bytes(pair.private, CKA_VALUE).data, 32);
    struct kk_attrs *tmpl = IMPORT(pair.private, CKA_EC_PARAMS);
    assert_ok(kk_attrs_set_secret(tmpl, CKA_VALUE, KK_SPAN_ARRAY(wrapped)));
    struct kk_attrs *key = create(tmpl);
    assert_true(same(key, pair.private, CKA_VALUE));
    assert_true(same(key, pair.public, CKA_PUBLIC_KEY_INFO));
    kk_attrs_free(key);
    free_pair(&pair);
}

/*= pkcs11-3.2 Wrapping private keys: a key of another type than the template's is an error */
static void test_what_was_unwrapped_must_be_a_key_of_the_type(void **state)
{
    (void)state;
    struct pair pair = ec_pair();
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    assert_ok(kk_key_parts_of(crypto, pair.private, &parts));
    struct kk_attrs *good = begin(KK_VERB_UNWRAP, CKO_PRIVATE_KEY, CKK_EC, empty());
    struct kk_attrs *other = begin(KK_VERB_UNWRAP, CKO_PRIVATE_KEY, CKK_RSA, empty());
    struct kk_attrs *broken = begin(KK_VERB_UNWRAP, CKO_PRIVATE_KEY, CKK_EC, empty());
    assert_ok(finish(KK_VERB_UNWRAP, &parts, good));
    assert_true(same(good, pair.public, CKA_PUBLIC_KEY_INFO));
    assert_true(kk_attrs_flag(good, CKA_EXTRACTABLE, false));
    assert_int_equal(finish(KK_VERB_UNWRAP, &parts, other), CKR_WRAPPED_KEY_INVALID);
    assert_ok(kk_key_parts_set(&parts, KK_PART_VALUE, KK_SPAN_TEXT("\0")));
    assert_int_equal(finish(KK_VERB_UNWRAP, &parts, broken), CKR_WRAPPED_KEY_INVALID);
    kk_attrs_free(good);
    kk_attrs_free(other);
    kk_attrs_free(broken);
    free_pair(&pair);
}

/*= pkcs11-3.2 Private key objects: CKA_PUBLIC_KEY_INFO must be verified when it is set */
static void test_a_set_public_key_info_must_match(void **state)
{
    (void)state;
    struct pair pair = ec_pair();
    struct kk_attrs *changed = NULL;
    struct kk_span info = kk_attrs_bytes(pair.public, CKA_PUBLIC_KEY_INFO);
    struct kk_attrs *right = TEMPLATE(KK_VERB_SET, SPAN_ATTR(CKA_PUBLIC_KEY_INFO, info));
    struct kk_attrs *wrong = TEMPLATE(KK_VERB_SET, TEXT_ATTR(CKA_PUBLIC_KEY_INFO, "x"));
    assert_ok(kk_policy_set(crypto, pair.private, right, &user, &changed));
    kk_attrs_free(changed);
    assert_int_equal(kk_policy_set(crypto, pair.private, wrong, &user, &changed),
                     CKR_ATTRIBUTE_VALUE_INVALID);
    kk_attrs_free(right);
    kk_attrs_free(wrong);
    free_pair(&pair);
}

static void test_a_certificate_gets_its_check_value(void **state)
{
    (void)state;
    uint8_t hash[KK_SHA1_SIZE];
    struct kk_span value = KK_SPAN_TEXT("no real certificate");
    struct kk_attrs *attrs =
        create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_CERTIFICATE),
                        ULONG_ATTR(CKA_CERTIFICATE_TYPE, CKC_X_509), TEXT_ATTR(CKA_SUBJECT, "s"),
                        SPAN_ATTR(CKA_VALUE, value)));
    assert_ok(kk_sha1(crypto, &value, 1, hash));
    assert_true(kk_span_equal(kk_attrs_bytes(attrs, CKA_CHECK_VALUE), KK_SPAN(hash, 3)));
    assert_true(kk_attrs_has(attrs, CKA_PUBLIC_KEY_INFO));
    assert_int_equal(kk_attrs_bytes(attrs, CKA_PUBLIC_KEY_INFO).len, 0);
    kk_attrs_free(attrs);
}

/* RFC 8554, appendix F: the public key of test case 1 begins so. */
static void test_an_hss_public_key_tells_its_parameters(void **state)
{
    (void)state;
    static const uint8_t value[60] = {0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 4, 0x61, 0xa5};
    struct kk_attrs *tmpl =
        TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_PUBLIC_KEY),
                 ULONG_ATTR(CKA_KEY_TYPE, CKK_HSS), ARRAY_ATTR(CKA_VALUE, value));
    struct kk_attrs *key = create(tmpl);
    assert_int_equal(kk_attrs_number(key, CKA_HSS_LEVELS, 0), 2);
    assert_int_equal(kk_attrs_number(key, CKA_HSS_LMS_TYPE, 0), 5);
    assert_int_equal(kk_attrs_number(key, CKA_HSS_LMOTS_TYPE, 0), 4);
    kk_attrs_free(key);
    tmpl = TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_PUBLIC_KEY),
                    ULONG_ATTR(CKA_KEY_TYPE, CKK_HSS), TEXT_ATTR(CKA_VALUE, "short"));
    assert_int_equal(create_code(&user, tmpl), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_domain_parameters_are_measured(void **state)
{
    (void)state;
    static const uint8_t prime[] = {0, 0x0f, 0xff, 0xff};
    static const uint8_t subprime[] = {0x80, 1};
    struct kk_attrs *attrs =
        create(TEMPLATE(KK_VERB_CREATE, ULONG_ATTR(CKA_CLASS, CKO_DOMAIN_PARAMETERS),
                        ULONG_ATTR(CKA_KEY_TYPE, CKK_DSA), ARRAY_ATTR(CKA_PRIME, prime),
                        ARRAY_ATTR(CKA_SUBPRIME, subprime), TEXT_ATTR(CKA_BASE, "\2")));
    assert_int_equal(kk_attrs_number(attrs, CKA_PRIME_BITS, 0), 20);
    assert_int_equal(kk_attrs_number(attrs, CKA_SUBPRIME_BITS, 0), 16);
    assert_false(kk_attrs_flag(attrs, CKA_LOCAL, true));
    kk_attrs_free(attrs);
}

static void test_bits_of_numbers(void **state)
{
    (void)state;
    assert_int_equal(kk_number_bits(KK_SPAN(NULL, 0)), 0);
    assert_int_equal(kk_number_bits(KK_SPAN_TEXT("\0\0")), 0);
    assert_int_equal(kk_number_bits(KK_SPAN_TEXT("\1")), 1);
    assert_int_equal(kk_number_bits(KK_SPAN_TEXT("\0\x80\0")), 16);
}

static CK_RV generation_code(CK_KEY_TYPE key_type, CK_ULONG value_len)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    struct kk_attrs *attrs = empty();
    if (value_len != CK_UNAVAILABLE_INFORMATION) {
        assert_ok(kk_attrs_set_number(attrs, CKA_VALUE_LEN, value_len));
    }
    CK_RV rv = kk_policy_generation(crypto, key_type, attrs, &parts);
    assert_true(rv != CKR_OK || parts.bits % 8 == 0);
    kk_attrs_free(attrs);
    return rv;
}

static void test_generation_wants_a_length_that_fits(void **state)
{
    (void)state;
    assert_int_equal(generation_code(CKK_AES, 16), CKR_OK);
    assert_int_equal(generation_code(CKK_AES, 15), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(generation_code(CKK_AES, CK_UNAVAILABLE_INFORMATION), CKR_TEMPLATE_INCOMPLETE);
    assert_int_equal(generation_code(CKK_DES3, CK_UNAVAILABLE_INFORMATION), CKR_OK);
    assert_int_equal(generation_code(CKK_GENERIC_SECRET, 0), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(generation_code(CKK_GENERIC_SECRET, 1ul << 30), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(generation_code(CKK_VENDOR_DEFINED, 16), CKR_KEY_TYPE_INCONSISTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_values_of_secret_keys),
        cmocka_unit_test(test_a_given_check_value_must_match),
        cmocka_unit_test(test_lengths_that_a_type_cannot_have),
        cmocka_unit_test(test_des_keys_need_parity),
        cmocka_unit_test(test_derived_des_keys_get_parity),
        cmocka_unit_test(test_length_conflicts_by_verb),
        cmocka_unit_test(test_history_by_verb),
        cmocka_unit_test(test_an_rsa_pair_has_all_its_attributes),
        cmocka_unit_test(test_an_imported_rsa_key_is_completed_and_checked),
        cmocka_unit_test(test_ec_keys_are_imported_in_any_form_and_given_out_in_one),
        cmocka_unit_test(test_an_imported_ec_private_key_knows_its_public_half),
        cmocka_unit_test(test_bad_curves_and_points),
        cmocka_unit_test(test_x25519_is_taken_as_edwards_and_as_montgomery),
        cmocka_unit_test(test_an_edwards_value_may_come_in_an_octet_string),
        cmocka_unit_test(test_what_was_unwrapped_must_be_a_key_of_the_type),
        cmocka_unit_test(test_a_set_public_key_info_must_match),
        cmocka_unit_test(test_a_certificate_gets_its_check_value),
        cmocka_unit_test(test_an_hss_public_key_tells_its_parameters),
        cmocka_unit_test(test_domain_parameters_are_measured),
        cmocka_unit_test(test_bits_of_numbers),
        cmocka_unit_test(test_generation_wants_a_length_that_fits),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
