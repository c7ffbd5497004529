/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates that keys carry for other keys, and what else binds the use of a key: dates that don't,
 * check values, a login for each use.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define NEW_AES ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)
#define NEW_SECRET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_BYTE wrapped[1024];
static CK_ULONG wrapped_length;

/* ---- deriving, wrapping and unwrapping ---- */

static CK_RV derive_rv(CK_OBJECT_HANDLE base, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    static CK_ECDH1_DERIVE_PARAMS ecdh;
    ecdh = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, curves[P256].public_length,
                                    (CK_BYTE_PTR)curves[P256].public};
    return F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, ecdh), base, template.attributes,
                          template.count, ret_key);
}

static CK_OBJECT_HANDLE base_with(struct template extra)
{
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    return key_curve_private_with(HERE, &curves[P256], extra);
}

static void make_wrapped(CK_OBJECT_HANDLE by)
{
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP);
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, key_aes(16, ANY_LABEL), wrapped,
                           &wrapped_length));
}

static CK_RV unwrap_rv(CK_OBJECT_HANDLE by, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    return F->C_UnwrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, wrapped, wrapped_length,
                          template.attributes, template.count, ret_key);
}

/* ---- CKA_DERIVE_TEMPLATE ---- */

static CK_OBJECT_HANDLE deriving_base(void)
{
    static CK_BBOOL yes = CK_TRUE;
    static CK_ATTRIBUTE inner[] = {{CKA_SENSITIVE, &yes, sizeof yes},
                                   ATTR_S(CKA_LABEL, "derived for this")};
    return base_with(TEMPLATE(ATTR_A(CKA_DERIVE_TEMPLATE, inner)));
}

static void derive_template_added(void)
{
    CK_BYTE text[32];
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(derive_rv(deriving_base(), TEMPLATE(NEW_SECRET), &key));
    EXPECT_BYTES(text, get_bytes(key, CKA_LABEL, text, sizeof text), "derived for this", 16);
    expect_secret(key, CKA_VALUE);
}

static void derive_template_agrees(void)
{
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(
        derive_rv(deriving_base(), TEMPLATE(NEW_SECRET, ATTR_B(CKA_SENSITIVE, CK_TRUE)), &key));
    expect_secret(key, CKA_VALUE);
}

static void derive_template_conflict(void)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG before = FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY));
    EXPECT(derive_rv(deriving_base(), TEMPLATE(NEW_SECRET, READABLE), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_SECRET_KEY)), before);
}

/* ---- CKA_WRAP_TEMPLATE ---- */

static void wrap_template_public_key(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_U(CKA_VALUE_LEN, 16)};
    require_mechanism(CKM_RSA_PKCS, CKF_WRAP);
    CK_OBJECT_HANDLE by = key_rsa_public(ATTR_A(CKA_WRAP_TEMPLATE, inner));
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, MECHANISM(CKM_RSA_PKCS), by, key_aes(16, ANY_LABEL), wrapped,
                           &wrapped_length));
    EXPECT(F->C_WrapKey(S, MECHANISM(CKM_RSA_PKCS), by, key_aes(24, ANY_LABEL), wrapped,
                        &wrapped_length),
           CKR_KEY_HANDLE_INVALID);
    EXPECT(F->C_WrapKey(S, MECHANISM(CKM_RSA_PKCS), by, key_hmac(16, CK_TRUE), wrapped,
                        &wrapped_length),
           CKR_KEY_HANDLE_INVALID);
}

static void wrap_template_absent_attribute(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_X(CKA_MODULUS, key_value(), 3)};
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP);
    CK_OBJECT_HANDLE by = key_aes(32, ATTR_A(CKA_WRAP_TEMPLATE, inner));
    wrapped_length = sizeof wrapped;
    EXPECT(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, key_aes(16, ANY_LABEL), wrapped,
                        &wrapped_length),
           CKR_KEY_HANDLE_INVALID);
}

static void wrap_template_no_oracle(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_X(CKA_VALUE, key_value(), 16)};
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP);
    CK_OBJECT_HANDLE by = key_aes(32, ATTR_A(CKA_WRAP_TEMPLATE, inner));
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_B(CKA_SENSITIVE, CK_TRUE));
    wrapped_length = sizeof wrapped;
    EXPECT(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP), by, key, wrapped, &wrapped_length),
           CKR_KEY_HANDLE_INVALID);
}

/* ---- CKA_UNWRAP_TEMPLATE ---- */

static void unwrap_template_private_key(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_B(CKA_EXTRACTABLE, CK_FALSE), ATTR_B(CKA_SENSITIVE, CK_TRUE)};
    struct ossl_rsa rsa = {.padding = "pkcs1"};
    CK_ATTRIBUTE template[] = {NEW_AES};
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_RSA_PKCS, CKF_UNWRAP);
    CK_OBJECT_HANDLE by = key_rsa_private(ATTR_A(CKA_UNWRAP_TEMPLATE, inner));
    wrapped_length = ossl_rsa_encrypt(&rsa, key_value(), 16, wrapped);
    EXPECT_OK(F->C_UnwrapKey(S, MECHANISM(CKM_RSA_PKCS), by, wrapped, wrapped_length, template,
                             COUNT(template), &key));
    EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), CK_FALSE);
    expect_secret(key, CKA_VALUE);
}

/* What the template gives alone, the caller may leave out. */
static void unwrap_template_type(void)
{
    CK_ATTRIBUTE inner[] = {NEW_AES};
    CK_OBJECT_HANDLE key = 0, by = key_aes(32, ATTR_A(CKA_UNWRAP_TEMPLATE, inner));
    make_wrapped(by);
    EXPECT_OK(unwrap_rv(by, NO_ATTRIBUTES, &key));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
    EXPECT(unwrap_rv(by, TEMPLATE(NEW_SECRET), &key), CKR_TEMPLATE_INCONSISTENT);
}

/* A template in a template: it comes to lie on the new key and binds what that unwraps. */
static void unwrap_template_nested(void)
{
    CK_ATTRIBUTE innermost[] = {ATTR_S(CKA_LABEL, "grandchild")};
    CK_ATTRIBUTE inner[] = {ATTR_S(CKA_LABEL, "child"), ATTR_A(CKA_UNWRAP_TEMPLATE, innermost)};
    CK_BYTE text[32];
    CK_OBJECT_HANDLE child = 0, grandchild = 0;
    CK_OBJECT_HANDLE by = key_aes(32, ATTR_A(CKA_UNWRAP_TEMPLATE, inner));
    make_wrapped(by);
    EXPECT_OK(unwrap_rv(by, TEMPLATE(NEW_AES), &child));
    make_wrapped(child);
    EXPECT_OK(unwrap_rv(child, TEMPLATE(NEW_AES), &grandchild));
    EXPECT_BYTES(text, get_bytes(child, CKA_LABEL, text, sizeof text), "child", 5);
    EXPECT_BYTES(text, get_bytes(grandchild, CKA_LABEL, text, sizeof text), "grandchild", 10);
    EXPECT(unwrap_rv(child, TEMPLATE(NEW_AES, ATTR_S(CKA_LABEL, "else")), &grandchild),
           CKR_TEMPLATE_INCONSISTENT);
}

static void unwrap_template_copied(void)
{
    CK_BYTE label[] = "first", text[32];
    CK_ATTRIBUTE inner[] = {{CKA_LABEL, label, 5}};
    CK_OBJECT_HANDLE key = 0, by = key_aes(32, ATTR_A(CKA_UNWRAP_TEMPLATE, inner));
    memcpy(label, "other", 5);
    inner[0].type = CKA_ID;
    make_wrapped(by);
    EXPECT_OK(unwrap_rv(by, TEMPLATE(NEW_AES), &key));
    EXPECT_BYTES(text, get_bytes(key, CKA_LABEL, text, sizeof text), "first", 5);
}

static void unwrap_template_of_other_class(void)
{
    CK_ATTRIBUTE inner[] = {ATTR_X(CKA_SUBJECT, "s", 1)};
    CK_OBJECT_HANDLE key = 0, by = key_aes(32, ATTR_A(CKA_UNWRAP_TEMPLATE, inner));
    make_wrapped(by);
    EXPECT_ANY(unwrap_rv(by, TEMPLATE(NEW_AES), &key), CKR_TEMPLATE_INCONSISTENT,
               CKR_ATTRIBUTE_TYPE_INVALID);
}

static void templates_are_fixed(void)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE,
                                              CKA_DERIVE_TEMPLATE};
    for (size_t i = 0; i < COUNT(types); i++) {
        CK_ATTRIBUTE inner[] = {ATTR_S(CKA_LABEL, "a")}, other[] = {ATTR_S(CKA_LABEL, "b")};
        CK_OBJECT_HANDLE key = key_aes(32, ATTR_A(types[i], inner));
        EXPECT_FAILURE(SET_RV(key, ATTR_A(types[i], other)));
        EXPECT_FAILURE(COPY_RV(key, ATTR_A(types[i], other)));
    }
}

static void bad_template(void)
{
    CK_ATTRIBUTE unknown[] = {ATTR_S(0x4711, "?")};
    CK_ATTRIBUTE short_flag[] = {ATTR_X(CKA_SENSITIVE, "", 0)};
    EXPECT_FAILURE(CREATE_RV(NEW_AES, ATTR_X(CKA_VALUE, key_value(), 16),
                             ATTR_A(CKA_UNWRAP_TEMPLATE, unknown)));
    EXPECT_FAILURE(CREATE_RV(NEW_AES, ATTR_X(CKA_VALUE, key_value(), 16),
                             ATTR_A(CKA_UNWRAP_TEMPLATE, short_flag)));
    EXPECT_FAILURE(CREATE_RV(NEW_AES, ATTR_X(CKA_VALUE, key_value(), 16),
                             ATTR_X(CKA_UNWRAP_TEMPLATE, unknown, sizeof unknown - 1)));
    EXPECT_FAILURE(CREATE_RV(NEW_AES, ATTR_X(CKA_VALUE, key_value(), 16),
                             ATTR_X(CKA_UNWRAP_TEMPLATE, NULL, sizeof unknown)));
}

/* ---- CKA_ALLOWED_MECHANISMS ---- */

static void allowed_for_derivation(void)
{
    static CK_MECHANISM_TYPE allowed[] = {CKM_ECDSA};
    CK_OBJECT_HANDLE key = 0;
    EXPECT_FAILURE(derive_rv(base_with(TEMPLATE(ATTR_A(CKA_ALLOWED_MECHANISMS, allowed))),
                             TEMPLATE(NEW_SECRET), &key));
}

static void allowed_for_unwrapping(void)
{
    static CK_MECHANISM_TYPE allowed[] = {CKM_AES_ECB};
    CK_OBJECT_HANDLE key = 0;
    make_wrapped(key_aes(32, ANY_LABEL));
    EXPECT_FAILURE(
        unwrap_rv(key_aes(32, ATTR_A(CKA_ALLOWED_MECHANISMS, allowed)), TEMPLATE(NEW_AES), &key));
}

/* ---- CKA_START_DATE, CKA_END_DATE ---- */

static void dates_do_not_bind(void)
{
    static CK_DATE past = {"1999", "12", "31"}, future = {"2999", "01", "01"};
    CK_BYTE mac[16];
    CK_ULONG length = sizeof mac;
    require_mechanism(CKM_AES_CMAC, CKF_SIGN);
    CK_OBJECT_HANDLE keys[] = {key_aes(16, ATTR_X(CKA_END_DATE, &past, sizeof past)),
                               key_aes(16, ATTR_X(CKA_START_DATE, &future, sizeof future))};
    for (size_t i = 0; i < COUNT(keys); i++) {
        EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_AES_CMAC), keys[i]));
        EXPECT_OK(F->C_Sign(S, (CK_BYTE_PTR) "data", 4, mac, &length));
    }
}

static void dates_are_kept(void)
{
    static CK_DATE start = {"2024", "02", "29"};
    CK_DATE read;
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_X(CKA_START_DATE, &start, sizeof start));
    EXPECT_BYTES(&read, get_bytes(key, CKA_START_DATE, &read, sizeof read), &start, sizeof start);
    EXPECT_EQUAL(get_bytes(key, CKA_END_DATE, &read, sizeof read), 0);
    EXPECT_OK(SET_RV(key, ATTR_X(CKA_END_DATE, &start, sizeof start)));
    EXPECT_BYTES(&read, get_bytes(key, CKA_END_DATE, &read, sizeof read), &start, sizeof start);
    EXPECT_FAILURE(SET_RV(key, ATTR_X(CKA_END_DATE, &start, 5)));
}

/* ---- CKA_CHECK_VALUE ---- */

static CK_ULONG check_value_of(CK_OBJECT_HANDLE key, CK_BYTE *value)
{
    CK_ULONG length = 8;
    if (get_rv(key, CKA_CHECK_VALUE, value, &length) != CKR_OK)
        check_skip("CKA_CHECK_VALUE is not supported");
    EXPECT_EQUAL(length, 3);
    return length;
}

/* AES: the first bytes of a block of zeros, encrypted. */
static void check_value_is_right(void)
{
    CK_BYTE value[8], zeros[16] = {0}, right[16];
    struct ossl_cipher cipher = {.name = "AES-128-ECB", .key = key_value()};
    CK_ULONG length = check_value_of(key_aes(16, ATTR_B(CKA_ENCRYPT, CK_FALSE)), value);
    ossl_encrypt(&cipher, zeros, sizeof zeros, right);
    EXPECT_BYTES(value, length, right, 3);
}

static void check_value_of_new_keys(void)
{
    CK_BYTE value[8], wrong[3];
    CK_OBJECT_HANDLE key = 0, by = key_aes(32, ANY_LABEL);
    check_value_of(key_aes(16, ANY_LABEL), value);
    for (size_t i = 0; i < 3; i++)
        wrong[i] = value[i] ^ 1;
    make_wrapped(by);
    EXPECT_OK(unwrap_rv(by, TEMPLATE(NEW_AES, ATTR_X(CKA_CHECK_VALUE, value, 3)), &key));
    EXPECT(unwrap_rv(by, TEMPLATE(NEW_AES, ATTR_X(CKA_CHECK_VALUE, wrong, 3)), &key),
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT(
        CREATE_RV(NEW_AES, ATTR_X(CKA_VALUE, key_value(), 16), ATTR_X(CKA_CHECK_VALUE, wrong, 3)),
        CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT(derive_rv(base_with(TEMPLATE(ANY_LABEL)),
                     TEMPLATE(NEW_SECRET, ATTR_X(CKA_CHECK_VALUE, wrong, 3)), &key),
           CKR_ATTRIBUTE_VALUE_INVALID);
}

static void check_value_refused(void)
{
    CK_BYTE value[8];
    CK_ULONG length = sizeof value;
    check_value_of(key_aes(16, ANY_LABEL), value);
    CK_OBJECT_HANDLE key = key_aes(16, ATTR_X(CKA_CHECK_VALUE, NULL, 0));
    CK_RV rv = get_rv(key, CKA_CHECK_VALUE, value, &length);
    EXPECT_TRUE(rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && length == 0));
    key = key_aes(16, ANY_LABEL);
    EXPECT_OK(SET_RV(key, ATTR_X(CKA_CHECK_VALUE, NULL, 0)));
    length = sizeof value;
    rv = get_rv(key, CKA_CHECK_VALUE, value, &length);
    EXPECT_TRUE(rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && length == 0));
}

/* ---- a login for each use, where there is no ...Init ---- */

#define GUARDED ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE)

static CK_RV unwrap_guarded_rv(CK_OBJECT_HANDLE by)
{
    struct ossl_rsa rsa = {.padding = "pkcs1"};
    CK_ATTRIBUTE template[] = {NEW_AES};
    CK_OBJECT_HANDLE key = 0;
    wrapped_length = ossl_rsa_encrypt(&rsa, key_value(), 16, wrapped);
    return F->C_UnwrapKey(S, MECHANISM(CKM_RSA_PKCS), by, wrapped, wrapped_length, template,
                          COUNT(template), &key);
}

static CK_RV derive_guarded_rv(CK_OBJECT_HANDLE base)
{
    CK_OBJECT_HANDLE key = 0;
    return derive_rv(base, TEMPLATE(NEW_SECRET), &key);
}

static CK_RV decapsulate_guarded_rv(CK_OBJECT_HANDLE private)
{
    static CK_ECDH1_DERIVE_PARAMS ecdh = {CKD_NULL, 0, NULL, 0, NULL};
    CK_ATTRIBUTE template[] = {NEW_SECRET};
    CK_OBJECT_HANDLE key = 0;
    return F->C_DecapsulateKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, ecdh), private, template,
                               COUNT(template), (CK_BYTE_PTR)curves[P256].public,
                               curves[P256].public_length, &key);
}

struct guarded {
    const char *name;
    CK_RV (*use)(CK_OBJECT_HANDLE key);
    bool rsa;
    CK_MECHANISM_TYPE mechanism;
    CK_FLAGS needs;
};

static const struct guarded guarded_uses[] = {
    {"C_UnwrapKey", unwrap_guarded_rv, true, CKM_RSA_PKCS, CKF_UNWRAP},
    {"C_DeriveKey", derive_guarded_rv, false, CKM_ECDH1_DERIVE, CKF_DERIVE},
    {"C_DecapsulateKey", decapsulate_guarded_rv, false, CKM_ECDH1_DERIVE, CKF_DECAPSULATE},
};

static CK_OBJECT_HANDLE guarded_key(const struct guarded *use)
{
    require_mechanism(use->mechanism, use->needs);
    if (use->rsa)
        return key_rsa_private(GUARDED);
    if (use->needs == CKF_DECAPSULATE)
        return key_curve_private(&curves[P256], GUARDED, ATTR_B(CKA_DECAPSULATE, CK_TRUE));
    return key_curve_private(&curves[P256], GUARDED);
}

static void guarded_without_login(const void *argument)
{
    const struct guarded *use = argument;
    CK_OBJECT_HANDLE key = guarded_key(use);
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
}

static void guarded_wrong_pin(const void *argument)
{
    const struct guarded *use = argument;
    CK_OBJECT_HANDLE key = guarded_key(use);
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
    EXPECT_ANY(login_rv(S, CKU_CONTEXT_SPECIFIC, "wrong-user-pin"), CKR_PIN_INCORRECT,
               CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
}

/* The text leaves open how such a call is logged in for; that a login is good for more than one
 * use, for another key or after a logout, it does not. */
static CK_OBJECT_HANDLE logged_in_for(const struct guarded *use)
{
    CK_OBJECT_HANDLE key = guarded_key(use);
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
    if (login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN) != CKR_OK)
        check_skip("no login for a call without ...Init");
    return key;
}

static void guarded_with_login(const void *argument)
{
    const struct guarded *use = argument;
    CK_OBJECT_HANDLE key = logged_in_for(use);
    EXPECT_OK(use->use(key));
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
}

static void guarded_other_key(const void *argument)
{
    const struct guarded *use = argument;
    CK_OBJECT_HANDLE key = logged_in_for(use);
    EXPECT(use->use(guarded_key(use)), CKR_USER_NOT_LOGGED_IN);
    EXPECT(use->use(key), CKR_USER_NOT_LOGGED_IN);
}

static void guarded_other_session(const void *argument)
{
    const struct guarded *use = argument;
    CK_OBJECT_HANDLE key = logged_in_for(use);
    CK_SESSION_HANDLE first = S;
    env.session = open_session(CKF_RW_SESSION);
    CK_RV rv = use->use(key);
    env.session = first;
    EXPECT(rv, CKR_USER_NOT_LOGGED_IN);
}

static void guarded_after_nothing(const void *argument)
{
    const struct guarded *use = argument;
    (void)guarded_key(use);
    EXPECT(login_rv(S, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_OPERATION_NOT_INITIALIZED);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, derive_template_added, "CKA_DERIVE_TEMPLATE", "its attributes are added to the key"),
    CHECK(FIX_USER, derive_template_agrees, "CKA_DERIVE_TEMPLATE", "the caller may say the same"),
    CHECK(FIX_USER, derive_template_conflict, "CKA_DERIVE_TEMPLATE", "CKR_TEMPLATE_INCONSISTENT and no key for a conflict"),
    CHECK(FIX_USER, wrap_template_public_key, "CKA_WRAP_TEMPLATE", "binds public keys as well"),
    CHECK(FIX_USER, wrap_template_absent_attribute, "CKA_WRAP_TEMPLATE", "CKR_KEY_HANDLE_INVALID for a key without the attribute"),
    CHECK(FIX_USER, wrap_template_no_oracle, "CKA_WRAP_TEMPLATE", "tells nothing of a sensitive value, as C_FindObjects tells nothing"),
    CHECK(FIX_USER, unwrap_template_private_key, "CKA_UNWRAP_TEMPLATE", "binds private keys as well"),
    CHECK(FIX_USER, unwrap_template_type, "CKA_UNWRAP_TEMPLATE", "may give what the caller must give otherwise"),
    CHECK(FIX_USER, unwrap_template_nested, "Template attributes", "a template in a template lies on the unwrapped key"),
    CHECK(FIX_USER, unwrap_template_copied, "Template attributes", "are processed when received, not kept as pointers"),
    CHECK(FIX_USER, unwrap_template_of_other_class, "CKA_UNWRAP_TEMPLATE", "an attribute that the new key can't have"),
    CHECK(FIX_USER, templates_are_fixed, "Template attributes", "cannot be changed, nor in a copy"),
    CHECK(FIX_USER, bad_template, "Template attributes", "what is no template is refused"),
    CHECK(FIX_USER, allowed_for_derivation, "CKA_ALLOWED_MECHANISMS", "no other mechanism may derive"),
    CHECK(FIX_USER, allowed_for_unwrapping, "CKA_ALLOWED_MECHANISMS", "no other mechanism may unwrap"),
    CHECK(FIX_USER, dates_do_not_bind, "CKA_START_DATE", "for reference only: keys are used before and after"),
    CHECK(FIX_USER, dates_are_kept, "CKA_END_DATE", "are kept, may be changed, and are CK_DATE or empty"),
    CHECK(FIX_USER, check_value_is_right, "CKA_CHECK_VALUE", "of AES, also when the key may not encrypt"),
    CHECK(FIX_USER, check_value_of_new_keys, "CKA_CHECK_VALUE", "CKR_ATTRIBUTE_VALUE_INVALID for a wrong one, however the key comes"),
    CHECK(FIX_USER, check_value_refused, "CKA_CHECK_VALUE", "an empty one prevents or destroys it"),
};

static const struct check guarded_checks[] = {
    CHECK_ROW(FIX_USER, guarded_without_login, "CKA_ALWAYS_AUTHENTICATE", "CKR_USER_NOT_LOGGED_IN without re-authentication"),
    CHECK_ROW(FIX_USER, guarded_wrong_pin, "CKA_ALWAYS_AUTHENTICATE", "a wrong PIN leaves it at that"),
    CHECK_ROW(FIX_USER, guarded_with_login, "CKA_ALWAYS_AUTHENTICATE", "a login is good for one use"),
    CHECK_ROW(FIX_USER, guarded_other_key, "CKA_ALWAYS_AUTHENTICATE", "a login is good for one key"),
    CHECK_ROW(FIX_USER, guarded_other_session, "CKA_ALWAYS_AUTHENTICATE", "a login is good in its session"),
    CHECK_ROW(FIX_USER, guarded_after_nothing, "C_Login", "CKR_OPERATION_NOT_INITIALIZED for CKU_CONTEXT_SPECIFIC before any use"),
};
/* clang-format on */

void chapter_templates(void)
{
    check_add_table("templates", checks);
    check_add_rows("templates", guarded_checks, guarded_uses);
}
