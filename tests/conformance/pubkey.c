/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Public keys from private ones: every kind of key, what is taken over, what the template may say.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

static void need_it(void)
{
    require_mechanism(CKM_PUB_KEY_FROM_PRIV_KEY, CKF_DERIVE);
}

#define PRIVATE(...) (need_it(), key_rsa_private(__VA_ARGS__))

static CK_RV publish_rv(CK_OBJECT_HANDLE private, struct template template,
                        CK_OBJECT_HANDLE *ret_key)
{
    need_it();
    return F->C_DeriveKey(S, MECHANISM(CKM_PUB_KEY_FROM_PRIV_KEY), private, template.attributes,
                          template.count, ret_key);
}

static CK_OBJECT_HANDLE publish_with(const char *where, CK_OBJECT_HANDLE private,
                                     struct template template)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = publish_rv(private, template, &key);
    if (rv != CKR_OK)
        check_fail(where, "C_DeriveKey gives %s", rv_name(rv));
    return key;
}

#define PUBLISH(private, ...) publish_with(HERE, private, TEMPLATE(__VA_ARGS__))
#define PUBLISH_PLAIN(private) publish_with(HERE, private, NO_ATTRIBUTES)
#define REFUSE(private, code, ...)                                                                 \
    EXPECT(publish_rv(private, TEMPLATE(__VA_ARGS__), &(CK_OBJECT_HANDLE){0}), code)

/* ---- every kind of key ---- */

static void of_rsa(void)
{
    CK_BYTE info[1024];
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(PRIVATE(ATTR_B(CKA_SENSITIVE, CK_TRUE)));
    EXPECT_TRUE(ossl_is_rsa_info(info, get_bytes(key, CKA_PUBLIC_KEY_INFO, info, sizeof info)));
    EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_PUBLIC_KEY);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_RSA);
    EXPECT_EQUAL(get_ulong(key, CKA_MODULUS_BITS), RSA_BYTES * 8);
}

static void of_curve(const void *argument)
{
    const struct curve *curve = argument;
    CK_BYTE info[1024];
    CK_OBJECT_HANDLE private = 0;
    need_it();
    CK_RV rv = key_curve_private_rv(curve, TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE)), &private);
    if (rv == CKR_CURVE_NOT_SUPPORTED || rv == CKR_DOMAIN_PARAMS_INVALID)
        check_skip("no such curve");
    EXPECT_OK(rv);
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), curve->type);
    EXPECT_TRUE(
        ossl_is_curve_info(curve, info, get_bytes(key, CKA_PUBLIC_KEY_INFO, info, sizeof info)));
}

struct generated {
    const char *name;
    CK_MECHANISM_TYPE pair, group;
    CK_ULONG bits, parameter_set;
    CK_ATTRIBUTE_TYPE value;
};

static const struct generated generated[] = {
    {"RSA", CKM_RSA_PKCS_KEY_PAIR_GEN, 0, 2048, 0, CKA_MODULUS},
    {"DSA", CKM_DSA_KEY_PAIR_GEN, CKM_DSA_PARAMETER_GEN, 1024, 0, CKA_VALUE},
    {"DH", CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_PARAMETER_GEN, 512, 0, CKA_VALUE},
    {"X9.42", CKM_X9_42_DH_KEY_PAIR_GEN, CKM_X9_42_DH_PARAMETER_GEN, 1024, 0, CKA_VALUE},
    {"ML-DSA-44", CKM_ML_DSA_KEY_PAIR_GEN, 0, 0, CKP_ML_DSA_44, CKA_VALUE},
    {"ML-KEM-768", CKM_ML_KEM_KEY_PAIR_GEN, 0, 0, CKP_ML_KEM_768, CKA_VALUE},
    {"SLH-DSA-SHA2-128f", CKM_SLH_DSA_KEY_PAIR_GEN, 0, 0, CKP_SLH_DSA_SHA2_128F, CKA_VALUE},
};

/* The template of a public key that a pair is made from. */
static struct template generation(const struct generated *row, CK_ATTRIBUTE attributes[3],
                                  CK_BYTE numbers[3][512])
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_PRIME, CKA_BASE, CKA_SUBPRIME};
    if (row->group == 0) {
        CK_ULONG value = row->bits != 0 ? row->bits : row->parameter_set;
        memcpy(numbers[0], &value, sizeof value);
        attributes[0] = (CK_ATTRIBUTE){row->bits != 0 ? CKA_MODULUS_BITS : CKA_PARAMETER_SET,
                                       numbers[0], sizeof value};
        return (struct template){attributes, 1};
    }
    CK_ULONG count = row->pair == CKM_DH_PKCS_KEY_PAIR_GEN ? 2 : 3;
    require_mechanism(row->group, CKF_GENERATE);
    struct template sizes =
        TEMPLATE(ATTR_U(CKA_PRIME_BITS, row->bits), ATTR_U(CKA_SUBPRIME_BITS, 160));
    sizes.count = row->pair == CKM_X9_42_DH_KEY_PAIR_GEN ? 2 : 1;
    CK_OBJECT_HANDLE group = generate_key(HERE, row->group, sizes);
    for (CK_ULONG i = 0; i < count; i++)
        attributes[i] =
            (CK_ATTRIBUTE){types[i], numbers[i], get_bytes(group, types[i], numbers[i], 512)};
    return (struct template){attributes, count};
}

static void of_generated(const void *argument)
{
    const struct generated *row = argument;
    static CK_BYTE numbers[3][512], one[4096], other[4096];
    CK_ATTRIBUTE attributes[3];
    CK_OBJECT_HANDLE public = 0, private = 0;
    need_it();
    require_mechanism(row->pair, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(generate_pair_rv(row->pair, generation(row, attributes, numbers),
                               TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE)), &public, &private));
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
    EXPECT_BYTES(one, get_bytes(key, row->value, one, sizeof one), other,
                 get_bytes(public, row->value, other, sizeof other));
    EXPECT_BYTES(one, get_bytes(key, CKA_PUBLIC_KEY_INFO, one, sizeof one), other,
                 get_bytes(public, CKA_PUBLIC_KEY_INFO, other, sizeof other));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), get_ulong(private, CKA_KEY_TYPE));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), row->pair);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
}

/* Also when the last of its signatures is made: the public key is the same. */
static void of_hss(void)
{
    CK_ULONG lms = 5, lmots = 4; /* LMS_SHA256_M32_H5, LMOTS_SHA256_N32_W8 */
    CK_BYTE one[64], other[64], info[128], other_info[128], data[] = "some data", signature[8192];
    CK_OBJECT_HANDLE public = 0, private = 0;
    need_it();
    require_mechanism(CKM_HSS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(generate_pair_rv(
        CKM_HSS_KEY_PAIR_GEN, TEMPLATE(ATTR_B(CKA_VERIFY, CK_TRUE)),
        TEMPLATE(ATTR_U(CKA_HSS_LEVELS, 1), ATTR_X(CKA_HSS_LMS_TYPES, &lms, sizeof lms),
                 ATTR_X(CKA_HSS_LMOTS_TYPES, &lmots, sizeof lmots), ATTR_B(CKA_SIGN, CK_TRUE)),
        &public, &private));
    for (int i = 0; i < 3; i++) {
        CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
        EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_HSS);
        EXPECT_BYTES(one, get_bytes(key, CKA_VALUE, one, sizeof one), other,
                     get_bytes(public, CKA_VALUE, other, sizeof other));
        EXPECT_BYTES(info, get_bytes(key, CKA_PUBLIC_KEY_INFO, info, sizeof info), other_info,
                     get_bytes(public, CKA_PUBLIC_KEY_INFO, other_info, sizeof other_info));
        CK_ULONG uses = i == 0 ? 1 : 31;
        while (i < 2 && uses-- > 0) {
            CK_ULONG length = sizeof signature;
            EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_HSS), private));
            EXPECT_OK(F->C_Sign(S, data, sizeof data, signature, &length));
        }
    }
    EXPECT_EQUAL(get_ulong(private, CKA_HSS_KEYS_REMAINING), 0);
}

static void verifies(void)
{
    const struct curve *curve = &curves[P256];
    CK_BYTE hash[32] = "the hash of some data", signature[128];
    CK_ULONG length = sizeof signature;
    CK_OBJECT_HANDLE private = key_curve_private(curve, ANY_LABEL);
    require_mechanism(CKM_ECDSA, CKF_SIGN | CKF_VERIFY);
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_ECDSA), private));
    EXPECT_OK(F->C_Sign(S, hash, sizeof hash, signature, &length));
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_ECDSA), key));
    EXPECT_OK(F->C_Verify(S, hash, sizeof hash, signature, length));
}

/* ---- attributes ---- */

static void defaults(void)
{
    CK_BYTE label[32];
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(PRIVATE(ATTR_S(CKA_LABEL, "private")));
    EXPECT_EQUAL(get_bool(key, CKA_TOKEN), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_PRIVATE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_MODIFIABLE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_COPYABLE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_DESTROYABLE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_TRUSTED), CK_FALSE);
    EXPECT_EQUAL(get_bytes(key, CKA_LABEL, label, sizeof label), 0);
}

static const struct {
    CK_ATTRIBUTE_TYPE public, private;
} flags[] = {
    {CKA_ENCRYPT, CKA_DECRYPT}, {CKA_VERIFY, CKA_SIGN},
    {CKA_WRAP, CKA_UNWRAP},     {CKA_VERIFY_RECOVER, CKA_SIGN_RECOVER},
    {CKA_DERIVE, CKA_DERIVE},   {CKA_ENCAPSULATE, CKA_DECAPSULATE},
};

static void flags_taken_over(void)
{
    need_it();
    for (size_t set = 0; set < COUNT(flags); set++) {
        CK_ATTRIBUTE attributes[COUNT(flags)];
        CK_BBOOL on = CK_TRUE, off = CK_FALSE;
        for (size_t i = 0; i < COUNT(flags); i++)
            attributes[i] = (CK_ATTRIBUTE){flags[i].private, i == set ? &on : &off, sizeof on};
        CK_OBJECT_HANDLE private =
            key_rsa_private_with(HERE, (struct template){attributes, COUNT(flags)});
        CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
        for (size_t i = 0; i < COUNT(flags); i++)
            EXPECT_EQUAL(get_bool(key, flags[i].public), i == set);
    }
}

static void values_taken_over(void)
{
    CK_DATE start = {"2026", "01", "02"}, end = {"2027", "03", "04"};
    CK_MECHANISM_TYPE allowed[] = {CKM_PUB_KEY_FROM_PRIV_KEY, CKM_RSA_PKCS};
    CK_BYTE value[64];
    CK_OBJECT_HANDLE private =
        PRIVATE(ATTR_S(CKA_ID, "an id"), ATTR_S(CKA_SUBJECT, "a subject"),
                ATTR_X(CKA_START_DATE, &start, sizeof start),
                ATTR_X(CKA_END_DATE, &end, sizeof end), ATTR_A(CKA_ALLOWED_MECHANISMS, allowed));
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
    EXPECT_BYTES(value, get_bytes(key, CKA_ID, value, sizeof value), "an id", 5);
    EXPECT_BYTES(value, get_bytes(key, CKA_SUBJECT, value, sizeof value), "a subject", 9);
    EXPECT_BYTES(value, get_bytes(key, CKA_START_DATE, value, sizeof value), &start, sizeof start);
    EXPECT_BYTES(value, get_bytes(key, CKA_END_DATE, value, sizeof value), &end, sizeof end);
    EXPECT_BYTES(value, get_bytes(key, CKA_ALLOWED_MECHANISMS, value, sizeof value), allowed,
                 sizeof allowed);
}

static void template_overrides(void)
{
    CK_BYTE value[64];
    CK_OBJECT_HANDLE private = PRIVATE(ATTR_S(CKA_ID, "an id"), ATTR_B(CKA_DECRYPT, CK_TRUE));
    CK_OBJECT_HANDLE key =
        PUBLISH(private, ATTR_S(CKA_ID, "another"), ATTR_S(CKA_LABEL, "public"),
                ATTR_B(CKA_ENCRYPT, CK_FALSE), ATTR_B(CKA_PRIVATE, CK_TRUE),
                ATTR_B(CKA_MODIFIABLE, CK_FALSE), ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY),
                ATTR_U(CKA_KEY_TYPE, CKK_RSA));
    EXPECT_BYTES(value, get_bytes(key, CKA_ID, value, sizeof value), "another", 7);
    EXPECT_BYTES(value, get_bytes(key, CKA_LABEL, value, sizeof value), "public", 6);
    EXPECT_EQUAL(get_bool(key, CKA_ENCRYPT), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_PRIVATE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_MODIFIABLE), CK_FALSE);
}

static void material_repeated(void)
{
    CK_BYTE modulus[RSA_BYTES];
    CK_OBJECT_HANDLE private = PRIVATE(ANY_LABEL);
    get_bytes(private, CKA_MODULUS, modulus, sizeof modulus);
    PUBLISH(private, ATTR_A(CKA_MODULUS, modulus));
    modulus[0] ^= 1;
    REFUSE(private, CKR_TEMPLATE_INCONSISTENT, ATTR_A(CKA_MODULUS, modulus));
}

static void templates_refused(void)
{
    CK_OBJECT_HANDLE private = PRIVATE(ANY_LABEL);
    REFUSE(private, CKR_TEMPLATE_INCONSISTENT, ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY));
    REFUSE(private, CKR_TEMPLATE_INCONSISTENT, ATTR_U(CKA_CLASS, CKO_SECRET_KEY));
    REFUSE(private, CKR_TEMPLATE_INCONSISTENT, ATTR_U(CKA_KEY_TYPE, CKK_EC));
    REFUSE(private, CKR_TEMPLATE_INCONSISTENT, ATTR_B(CKA_SENSITIVE, CK_FALSE));
    REFUSE(private, CKR_ATTRIBUTE_READ_ONLY, ATTR_B(CKA_LOCAL, CK_TRUE));
    REFUSE(private, CKR_ATTRIBUTE_READ_ONLY, ATTR_U(CKA_KEY_GEN_MECHANISM, CKM_RSA_PKCS));
    REFUSE(private, CKR_ATTRIBUTE_READ_ONLY, ATTR_B(CKA_TRUSTED, CK_TRUE));
    REFUSE(private, CKR_ATTRIBUTE_TYPE_INVALID, ATTR_U(0x7fff4711, 1));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY)), 0);
}

/* ---- keys ---- */

static void without_derive(void)
{
    PUBLISH_PLAIN(PRIVATE(ATTR_B(CKA_DERIVE, CK_FALSE)));
}

static void only_private_keys(void)
{
    need_it();
    REFUSE(key_rsa_public(ANY_LABEL), CKR_KEY_TYPE_INCONSISTENT, ANY_LABEL);
    REFUSE(key_aes(16, ANY_LABEL), CKR_KEY_TYPE_INCONSISTENT, ANY_LABEL);
    REFUSE(0x7fff4711, CKR_KEY_HANDLE_INVALID, ANY_LABEL);
}

static void allowed_mechanisms(void)
{
    const CK_MECHANISM_TYPE allowed[] = {CKM_RSA_PKCS};
    REFUSE(PRIVATE(ATTR_A(CKA_ALLOWED_MECHANISMS, allowed)), CKR_MECHANISM_INVALID, ANY_LABEL);
}

static void derive_template(void)
{
    CK_ATTRIBUTE imposed[] = {ATTR_B(CKA_ENCRYPT, CK_FALSE), ATTR_S(CKA_ID, "imposed")};
    const CK_ATTRIBUTE attribute = {CKA_DERIVE_TEMPLATE, imposed, sizeof imposed};
    CK_BYTE value[32];
    CK_OBJECT_HANDLE private =
        PRIVATE(attribute, ATTR_S(CKA_ID, "own"), ATTR_B(CKA_DECRYPT, CK_TRUE));
    CK_OBJECT_HANDLE key = PUBLISH_PLAIN(private);
    EXPECT_EQUAL(get_bool(key, CKA_ENCRYPT), CK_FALSE);
    EXPECT_BYTES(value, get_bytes(key, CKA_ID, value, sizeof value), "imposed", 7);
    REFUSE(private, CKR_TEMPLATE_INCONSISTENT, ATTR_B(CKA_ENCRYPT, CK_TRUE));
}

static void each_use_needs_a_login(void)
{
    CK_OBJECT_HANDLE private = PRIVATE(ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE));
    REFUSE(private, CKR_USER_NOT_LOGGED_IN, ANY_LABEL);
    EXPECT_OK(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN));
    PUBLISH_PLAIN(private);
    REFUSE(private, CKR_USER_NOT_LOGGED_IN, ANY_LABEL);
}

static void token_objects(void)
{
    CK_OBJECT_HANDLE private = PRIVATE(ANY_LABEL), key = 0;
    token_objects_made();
    key = PUBLISH(private, ATTR_B(CKA_TOKEN, CK_TRUE));
    EXPECT_EQUAL(get_bool(key, CKA_TOKEN), CK_TRUE);
    CK_SESSION_HANDLE reading = open_session(0);
    CK_ATTRIBUTE token = ATTR_B(CKA_TOKEN, CK_TRUE);
    EXPECT(F->C_DeriveKey(reading, MECHANISM(CKM_PUB_KEY_FROM_PRIV_KEY), private, &token, 1, &key),
           CKR_SESSION_READ_ONLY);
    EXPECT_OK(
        F->C_DeriveKey(reading, MECHANISM(CKM_PUB_KEY_FROM_PRIV_KEY), private, NULL, 0, &key));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, of_rsa, "Public key from private key", "of RSA, also when it is sensitive"),
    CHECK(FIX_USER, of_hss, "Public key from private key", "of HSS, also when the private key is used up"),
    CHECK(FIX_USER, verifies, "Public key from private key", "verifies what the private key signs"),
    CHECK(FIX_USER, defaults, "Public key from private key", "the defaults of the table"),
    CHECK(FIX_USER, flags_taken_over, "Public key from private key", "the usage flags are those of the private key"),
    CHECK(FIX_USER, values_taken_over, "Public key from private key", "identifier, subject, dates and allowed mechanisms are the private key's"),
    CHECK(FIX_USER, template_overrides, "Public key from private key", "the template comes first"),
    CHECK(FIX_USER, material_repeated, "CKR_TEMPLATE_INCONSISTENT", "for the modulus of another key; its own may be given"),
    CHECK(FIX_USER, templates_refused, "Public key from private key", "the checks are those of an object's creation"),
    CHECK(FIX_USER, without_derive, "Public key from private key", "regardless of CKA_DERIVE"),
    CHECK(FIX_USER, only_private_keys, "CKR_KEY_TYPE_INCONSISTENT", "for what is no private key"),
    CHECK(FIX_USER, allowed_mechanisms, "CKA_ALLOWED_MECHANISMS", "holds for this mechanism too"),
    CHECK(FIX_USER, derive_template, "CKA_DERIVE_TEMPLATE", "comes before what is taken over"),
    CHECK(FIX_USER, each_use_needs_a_login, "CKA_ALWAYS_AUTHENTICATE", "wants a login for each use"),
    CHECK(FIX_USER, token_objects, "CKR_SESSION_READ_ONLY", "a read-only session makes session objects only"),
};

static const struct check curve_checks[] = {
    CHECK_ROW(FIX_USER, of_curve, "Public key from private key", "of every kind of curve"),
};

static const struct check generated_checks[] = {
    CHECK_ROW(FIX_USER, of_generated, "Public key from private key", "is the public key that was generated with the private one"),
};
/* clang-format on */

void chapter_pubkey(void)
{
    check_add_table("pubkey", checks);
    check_add_rows("pubkey", curve_checks, curves);
    check_add_rows("pubkey", generated_checks, generated);
}
