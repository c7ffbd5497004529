/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a key may be used for: its usage flags, its type, CKA_ALLOWED_MECHANISMS.
 */
#include "keys.h"

static CK_BYTE iv[16] = "0123456789abcdef";

/* ---- usage flags ---- */

struct use {
    const char *name;
    CK_ATTRIBUTE_TYPE flag;
    CK_MECHANISM_TYPE mechanism;
    CK_FLAGS needs;
    CK_KEY_TYPE type;
    CK_OBJECT_CLASS class;
};

/* clang-format off */
static const struct use uses[] = {
    { "CKA_ENCRYPT/AES", CKA_ENCRYPT, CKM_AES_CBC, CKF_ENCRYPT, CKK_AES, CKO_SECRET_KEY },
    { "CKA_DECRYPT/AES", CKA_DECRYPT, CKM_AES_CBC, CKF_DECRYPT, CKK_AES, CKO_SECRET_KEY },
    { "CKA_SIGN/AES", CKA_SIGN, CKM_AES_CMAC, CKF_SIGN, CKK_AES, CKO_SECRET_KEY },
    { "CKA_VERIFY/AES", CKA_VERIFY, CKM_AES_CMAC, CKF_VERIFY, CKK_AES, CKO_SECRET_KEY },
    { "CKA_WRAP/AES", CKA_WRAP, CKM_AES_KEY_WRAP, CKF_WRAP, CKK_AES, CKO_SECRET_KEY },
    { "CKA_UNWRAP/AES", CKA_UNWRAP, CKM_AES_KEY_WRAP, CKF_UNWRAP, CKK_AES, CKO_SECRET_KEY },
    { "CKA_SIGN/HMAC", CKA_SIGN, CKM_SHA256_HMAC, CKF_SIGN, CKK_GENERIC_SECRET, CKO_SECRET_KEY },
    { "CKA_VERIFY/HMAC", CKA_VERIFY, CKM_SHA256_HMAC, CKF_VERIFY, CKK_GENERIC_SECRET, CKO_SECRET_KEY },
    { "CKA_ENCRYPT/RSA", CKA_ENCRYPT, CKM_RSA_PKCS, CKF_ENCRYPT, CKK_RSA, CKO_PUBLIC_KEY },
    { "CKA_VERIFY/RSA", CKA_VERIFY, CKM_RSA_PKCS, CKF_VERIFY, CKK_RSA, CKO_PUBLIC_KEY },
    { "CKA_WRAP/RSA", CKA_WRAP, CKM_RSA_PKCS, CKF_WRAP, CKK_RSA, CKO_PUBLIC_KEY },
    { "CKA_DECRYPT/RSA", CKA_DECRYPT, CKM_RSA_PKCS, CKF_DECRYPT, CKK_RSA, CKO_PRIVATE_KEY },
    { "CKA_SIGN/RSA", CKA_SIGN, CKM_SHA256_RSA_PKCS, CKF_SIGN, CKK_RSA, CKO_PRIVATE_KEY },
    { "CKA_UNWRAP/RSA", CKA_UNWRAP, CKM_RSA_PKCS, CKF_UNWRAP, CKK_RSA, CKO_PRIVATE_KEY },
    { "CKA_SIGN/EC", CKA_SIGN, CKM_ECDSA, CKF_SIGN, CKK_EC, CKO_PRIVATE_KEY },
    { "CKA_VERIFY/EC", CKA_VERIFY, CKM_ECDSA, CKF_VERIFY, CKK_EC, CKO_PUBLIC_KEY },
    { "CKA_DERIVE/EC", CKA_DERIVE, CKM_ECDH1_DERIVE, CKF_DERIVE, CKK_EC, CKO_PRIVATE_KEY },
};
/* clang-format on */

static CK_OBJECT_HANDLE key_of(const struct use *use, CK_BBOOL permitted)
{
    struct template extra = TEMPLATE(ATTR_B(use->flag, permitted));
    if (use->class == CKO_SECRET_KEY)
        return key_secret_with(HERE, use->type, key_value(), 32, extra);
    if (use->type == CKK_RSA)
        return use->class == CKO_PUBLIC_KEY ? key_rsa_public_with(HERE, extra)
                                            : key_rsa_private_with(HERE, extra);
    return use->class == CKO_PUBLIC_KEY ? key_curve_public_with(HERE, &curves[P256], extra)
                                        : key_curve_private_with(HERE, &curves[P256], extra);
}

static CK_MECHANISM *mechanism_of(const struct use *use)
{
    static CK_MECHANISM mechanism;
    static CK_ECDH1_DERIVE_PARAMS ecdh;
    const struct curve *curve = &curves[P256];
    ecdh = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, curve->public_length,
                                    (CK_BYTE_PTR)curve->public};
    mechanism = (CK_MECHANISM){use->mechanism, NULL, 0};
    if (use->mechanism == CKM_AES_CBC)
        mechanism = (CK_MECHANISM){use->mechanism, iv, sizeof iv};
    else if (use->mechanism == CKM_ECDH1_DERIVE)
        mechanism = (CK_MECHANISM){use->mechanism, &ecdh, sizeof ecdh};
    return &mechanism;
}

static CK_RV unwrap_rv(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_BYTE wrapped[256] = {1, 2, 3};
    CK_OBJECT_HANDLE made = 0;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    CK_ULONG length = mechanism->mechanism == CKM_RSA_PKCS ? 256 : 24;
    return F->C_UnwrapKey(S, mechanism, key, wrapped, length, template, COUNT(template), &made);
}

static CK_RV derive_rv(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_HANDLE made = 0;
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                               ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_U(CKA_VALUE_LEN, 32)};
    return F->C_DeriveKey(S, mechanism, key, template, COUNT(template), &made);
}

static CK_RV wrap_rv(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_BYTE wrapped[256];
    CK_ULONG length = sizeof wrapped;
    return F->C_WrapKey(S, mechanism, key, key_aes(16, ANY_LABEL), wrapped, &length);
}

static CK_RV use_rv(CK_ATTRIBUTE_TYPE flag, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    switch (flag) {
    case CKA_ENCRYPT:
        return F->C_EncryptInit(S, mechanism, key);
    case CKA_DECRYPT:
        return F->C_DecryptInit(S, mechanism, key);
    case CKA_SIGN:
        return F->C_SignInit(S, mechanism, key);
    case CKA_VERIFY:
        return F->C_VerifyInit(S, mechanism, key);
    case CKA_WRAP:
        return wrap_rv(mechanism, key);
    case CKA_UNWRAP:
        return unwrap_rv(mechanism, key);
    default:
        return derive_rv(mechanism, key);
    }
}

static void not_permitted(const void *argument)
{
    const struct use *use = argument;
    require_mechanism(use->mechanism, use->needs);
    EXPECT(use_rv(use->flag, mechanism_of(use), key_of(use, CK_FALSE)),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void permitted(const void *argument)
{
    const struct use *use = argument;
    require_mechanism(use->mechanism, use->needs);
    EXPECT_OK(use_rv(use->flag, mechanism_of(use), key_of(use, CK_TRUE)));
}

static void no_key(const void *argument)
{
    const struct use *use = argument;
    require_mechanism(use->mechanism, use->needs);
    CK_RV code = CKR_KEY_HANDLE_INVALID;
    if (use->flag == CKA_WRAP)
        code = CKR_WRAPPING_KEY_HANDLE_INVALID;
    else if (use->flag == CKA_UNWRAP)
        code = CKR_UNWRAPPING_KEY_HANDLE_INVALID;
    EXPECT(use_rv(use->flag, mechanism_of(use), CK_INVALID_HANDLE), code);
    EXPECT(use_rv(use->flag, mechanism_of(use), 0x7fff4711), code);
    CK_OBJECT_HANDLE data = CREATE(ATTR_U(CKA_CLASS, CKO_DATA));
    EXPECT_ANY(use_rv(use->flag, mechanism_of(use), data), code, CKR_KEY_TYPE_INCONSISTENT,
               CKR_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
               CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
}

static void other_type(const void *argument)
{
    const struct use *use = argument;
    CK_OBJECT_HANDLE other = 0;
    CK_RV code = CKR_KEY_TYPE_INCONSISTENT;
    struct template extra = TEMPLATE(ATTR_B(use->flag, CK_TRUE));
    require_mechanism(use->mechanism, use->needs);
    if (use->flag == CKA_WRAP)
        code = CKR_WRAPPING_KEY_TYPE_INCONSISTENT;
    else if (use->flag == CKA_UNWRAP)
        code = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT;
    if (use->class == CKO_SECRET_KEY)
        other = key_secret_with(HERE, use->type == CKK_AES ? CKK_GENERIC_SECRET : CKK_AES,
                                key_value(), 32, extra);
    else if (use->type == CKK_RSA)
        other = key_secret_with(HERE, CKK_AES, key_value(), 32, extra);
    else if (use->class == CKO_PRIVATE_KEY)
        other = key_rsa_private_with(HERE, extra);
    else
        other = key_rsa_public_with(HERE, extra);
    EXPECT(use_rv(use->flag, mechanism_of(use), other), code);
}

/* ---- the wrong half of a pair ---- */

static void public_key_signs(void)
{
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    EXPECT_ANY(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key_rsa_public(ANY_LABEL)),
               CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_HANDLE_INVALID);
}

static void private_key_verifies(void)
{
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_VERIFY);
    EXPECT_ANY(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key_rsa_private(ANY_LABEL)),
               CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_HANDLE_INVALID);
}

static void private_key_encrypts(void)
{
    require_mechanism(CKM_RSA_PKCS, CKF_ENCRYPT);
    EXPECT_ANY(F->C_EncryptInit(S, MECHANISM(CKM_RSA_PKCS), key_rsa_private(ANY_LABEL)),
               CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_HANDLE_INVALID);
}

static void public_key_decrypts(void)
{
    require_mechanism(CKM_RSA_PKCS, CKF_DECRYPT);
    EXPECT_ANY(F->C_DecryptInit(S, MECHANISM(CKM_RSA_PKCS), key_rsa_public(ANY_LABEL)),
               CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_HANDLE_INVALID);
}

static void type_before_permission(void)
{
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT);
    CK_OBJECT_HANDLE key =
        key_secret(CKK_GENERIC_SECRET, key_value(), 16, ATTR_B(CKA_ENCRYPT, CK_FALSE));
    EXPECT(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, sizeof iv), key),
           CKR_KEY_TYPE_INCONSISTENT);
}

/* ---- CKA_ALLOWED_MECHANISMS ---- */

static CK_OBJECT_HANDLE only_ecb(void)
{
    static CK_MECHANISM_TYPE allowed[] = {CKM_AES_ECB};
    require_mechanism(CKM_AES_ECB, CKF_ENCRYPT);
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT);
    return key_aes(16, ATTR_X(CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed));
}

static void allowed_mechanism(void)
{
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_AES_ECB), only_ecb()));
}

static void forbidden_mechanism(void)
{
    CK_OBJECT_HANDLE key = only_ecb();
    EXPECT_FAILURE(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, sizeof iv), key));
    EXPECT_FAILURE(F->C_DecryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, sizeof iv), key));
}

static void forbidden_to_sign(void)
{
    static CK_MECHANISM_TYPE allowed[] = {CKM_SHA384_RSA_PKCS};
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    require_mechanism(CKM_SHA384_RSA_PKCS, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_rsa_private(ATTR_X(CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed));
    EXPECT_FAILURE(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA384_RSA_PKCS), key));
}

static void forbidden_to_wrap(void)
{
    CK_OBJECT_HANDLE key = only_ecb();
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP);
    EXPECT_FAILURE(wrap_rv(MECHANISM(CKM_AES_KEY_WRAP), key));
}

static void not_restricted(void)
{
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, sizeof iv), key_aes(16, ANY_LABEL)));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, public_key_signs, "C_SignInit", "a public key does not sign"),
    CHECK(FIX_USER, private_key_verifies, "C_VerifyInit", "a private key does not verify"),
    CHECK(FIX_USER, private_key_encrypts, "C_EncryptInit", "a private key does not encrypt"),
    CHECK(FIX_USER, public_key_decrypts, "C_DecryptInit", "a public key does not decrypt"),
    CHECK(FIX_USER, type_before_permission, "CKR_KEY_TYPE_INCONSISTENT", "has a higher priority than CKR_KEY_FUNCTION_NOT_PERMITTED"),
    CHECK(FIX_USER, allowed_mechanism, "CKA_ALLOWED_MECHANISMS", "a mechanism of the list may be used"),
    CHECK(FIX_USER, forbidden_mechanism, "CKA_ALLOWED_MECHANISMS", "no other mechanism may encrypt or decrypt"),
    CHECK(FIX_USER, forbidden_to_sign, "CKA_ALLOWED_MECHANISMS", "no other mechanism may sign"),
    CHECK(FIX_USER, forbidden_to_wrap, "CKA_ALLOWED_MECHANISMS", "no other mechanism may wrap"),
    CHECK(FIX_USER, not_restricted, "CKA_ALLOWED_MECHANISMS", "without it every mechanism may be used"),
};

static const struct check use_checks[] = {
    CHECK_ROW(FIX_USER, not_permitted, "CKR_KEY_FUNCTION_NOT_PERMITTED", "when the usage flag is CK_FALSE"),
};

/* Chapter wrap unwraps real keys. */
static const struct check permission_checks[] = {
    CHECK_ROW(FIX_USER, permitted, "Key objects", "works when the usage flag is CK_TRUE"),
};

static const struct check other_checks[] = {
    CHECK_ROW(FIX_USER, no_key, "CKR_KEY_HANDLE_INVALID", "for what is no key"),
    CHECK_ROW(FIX_USER, other_type, "CKR_KEY_TYPE_INCONSISTENT", "for a key of another type"),
};
/* clang-format on */

void chapter_usage(void)
{
    check_add_table("usage", checks);
    check_add_rows("usage", use_checks, uses);
    check_add_rows("usage", other_checks, uses);
    check_add_rows_if("usage", permission_checks, uses, row->flag != CKA_UNWRAP);
}
