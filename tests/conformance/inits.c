/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that begin an operation with a mechanism and a key: what each of them answers when one
 * of these is wrong, and when an operation is active.
 */
#include <string.h>

#include "keys.h"

static CK_BYTE iv[16], mac[512];

static CK_RV verify_signature_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                   CK_OBJECT_HANDLE key)
{
    return F->C_VerifySignatureInit(session, mechanism, key, mac, 32);
}

struct init {
    const char *name;
    CK_C_EncryptInit *function; /* its place in the table of functions; NULL: the one with more */
    CK_MECHANISM good;          /* a key of its own type is made for it */
    CK_MECHANISM bad_parameter; /* where one can be bad */
    CK_ATTRIBUTE_TYPE usage;    /* that the key must have */
    CK_KEY_TYPE type;           /* AES, generic secret or RSA */
    bool private;               /* RSA: the private half */
};

#define CBC {CKM_AES_CBC, iv, 16}
#define SHORT_CBC {CKM_AES_CBC, iv, 3}
#define HMAC {CKM_SHA256_HMAC, NULL, 0}
#define SHORT_HMAC {CKM_SHA256_HMAC_GENERAL, iv, 3}
#define RSA {CKM_RSA_PKCS, NULL, 0}
#define NO_MECHANISM {0, NULL, 0}
#define GCM {CKM_AES_GCM, NULL, 0}
#define SHORT_GCM {CKM_AES_GCM, iv, 3}

/* clang-format off */
static const struct init inits[] = {
    {"C_EncryptInit", &F->C_EncryptInit, CBC, SHORT_CBC, CKA_ENCRYPT, CKK_AES, false},
    {"C_DecryptInit", &F->C_DecryptInit, CBC, SHORT_CBC, CKA_DECRYPT, CKK_AES, false},
    {"C_SignInit", &F->C_SignInit, HMAC, SHORT_HMAC, CKA_SIGN, CKK_GENERIC_SECRET, false},
    {"C_VerifyInit", &F->C_VerifyInit, HMAC, SHORT_HMAC, CKA_VERIFY, CKK_GENERIC_SECRET, false},
    {"C_SignRecoverInit", &F->C_SignRecoverInit, RSA, NO_MECHANISM, CKA_SIGN_RECOVER, CKK_RSA, true},
    {"C_VerifyRecoverInit", &F->C_VerifyRecoverInit, RSA, NO_MECHANISM, CKA_VERIFY_RECOVER, CKK_RSA, false},
    {"C_VerifySignatureInit", NULL, HMAC, SHORT_HMAC, CKA_VERIFY, CKK_GENERIC_SECRET, false},
    {"C_MessageEncryptInit", &F->C_MessageEncryptInit, GCM, SHORT_GCM, CKA_ENCRYPT, CKK_AES, false},
    {"C_MessageDecryptInit", &F->C_MessageDecryptInit, GCM, SHORT_GCM, CKA_DECRYPT, CKK_AES, false},
    {"C_MessageSignInit", &F->C_MessageSignInit, HMAC, SHORT_HMAC, CKA_SIGN, CKK_GENERIC_SECRET, false},
    {"C_MessageVerifyInit", &F->C_MessageVerifyInit, HMAC, SHORT_HMAC, CKA_VERIFY, CKK_GENERIC_SECRET, false},
};
/* clang-format on */

static CK_RV begin(const struct init *init, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key)
{
    CK_C_EncryptInit function = init->function == NULL ? verify_signature_init : *init->function;
    if (function == NULL || (init->function == NULL && F->C_VerifySignatureInit == NULL))
        check_skip("%s is not in any function list", init->name);
    return function(S, &mechanism, key);
}

/* A key that fits, with its usage or without. */
static CK_OBJECT_HANDLE key_for(const struct init *init, CK_BBOOL usable)
{
    if (init->type == CKK_RSA && init->private)
        return key_rsa_private(ATTR_B(init->usage, usable));
    if (init->type == CKK_RSA)
        return key_rsa_public(ATTR_B(init->usage, usable));
    return key_secret(init->type, key_value(), 32, ATTR_B(init->usage, usable));
}

/* One of another type, with its usage or without. */
static CK_OBJECT_HANDLE other_key(const struct init *init, CK_BBOOL usable)
{
    CK_ULONG length = init->type == CKK_AES ? 24 : 16;
    CK_KEY_TYPE type = init->type == CKK_AES ? CKK_DES3 : CKK_AES;
    CK_BYTE value[24];
    memset(value, 0x01, sizeof value); /* of odd parity */
    if (init->type == CKK_RSA && init->private)
        return key_curve_private(&curves[P256], ATTR_B(init->usage, usable));
    if (init->type == CKK_RSA)
        return key_curve_public(&curves[P256], ATTR_B(init->usage, usable));
    return key_secret(type, value, length, ATTR_B(init->usage, usable));
}

static void begins(const void *row)
{
    const struct init *init = row;
    CK_OBJECT_HANDLE key = key_for(init, CK_TRUE);
    EXPECT_OK(begin(init, init->good, key));
    EXPECT(begin(init, init->good, key), CKR_OPERATION_ACTIVE);
}

static void bad_handle(const void *row)
{
    const struct init *init = row;
    CK_OBJECT_HANDLE data = CREATE(ATTR_U(CKA_CLASS, CKO_DATA));
    EXPECT(begin(init, init->good, 0x7fff4711), CKR_KEY_HANDLE_INVALID);
    EXPECT(begin(init, init->good, CK_INVALID_HANDLE), CKR_KEY_HANDLE_INVALID);
    EXPECT(begin(init, init->good, data), CKR_KEY_HANDLE_INVALID);
}

static void bad_type(const void *row)
{
    const struct init *init = row;
    EXPECT(begin(init, init->good, other_key(init, CK_TRUE)), CKR_KEY_TYPE_INCONSISTENT);
}

/* "This return value has a higher priority than CKR_KEY_FUNCTION_NOT_PERMITTED." */
static void type_before_usage(const void *row)
{
    const struct init *init = row;
    EXPECT(begin(init, init->good, other_key(init, CK_FALSE)), CKR_KEY_TYPE_INCONSISTENT);
}

static void not_permitted(const void *row)
{
    const struct init *init = row;
    EXPECT(begin(init, init->good, key_for(init, CK_FALSE)), CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT_OK(begin(init, init->good, key_for(init, CK_TRUE)));
}

static void bad_mechanism(const void *row)
{
    const struct init *init = row;
    CK_OBJECT_HANDLE key = key_for(init, CK_TRUE);
    EXPECT(begin(init, (CK_MECHANISM){CKM_SHA256, NULL, 0}, key), CKR_MECHANISM_INVALID);
    EXPECT(begin(init, (CK_MECHANISM){0x7fff4711, NULL, 0}, key), CKR_MECHANISM_INVALID);
}

static void bad_parameter(const void *row)
{
    const struct init *init = row;
    EXPECT(begin(init, init->bad_parameter, key_for(init, CK_TRUE)), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- keys of sizes that a mechanism does not do ---- */

/* AES-XCBC-MAC is for keys of 16 bytes; OAEP with SHA-512 needs more than 1024 bits. */
static CK_MECHANISM picky_mechanism(const struct init *init)
{
    static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA512, CKG_MGF1_SHA512, CKZ_DATA_SPECIFIED, NULL,
                                           0};
    if (init->usage == CKA_SIGN || init->usage == CKA_VERIFY)
        return (CK_MECHANISM){CKM_AES_XCBC_MAC, NULL, 0};
    return (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
}

static CK_OBJECT_HANDLE small_rsa_key(bool private)
{
    CK_OBJECT_HANDLE keys[2] = {0};
    struct template public_half =
        TEMPLATE(ATTR_U(CKA_MODULUS_BITS, 1024), ATTR_B(CKA_ENCRYPT, CK_TRUE));
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    CK_RV rv = generate_pair_rv(CKM_RSA_PKCS_KEY_PAIR_GEN, public_half,
                                TEMPLATE(ATTR_B(CKA_DECRYPT, CK_TRUE)), &keys[0], &keys[1]);
    if (rv == CKR_KEY_SIZE_RANGE || rv == CKR_ATTRIBUTE_VALUE_INVALID)
        check_skip("no RSA keys of 1024 bits");
    EXPECT_OK(rv);
    return keys[private];
}

static void bad_size(const void *row)
{
    const struct init *init = row;
    bool is_mac = init->usage == CKA_SIGN || init->usage == CKA_VERIFY;
    CK_MECHANISM mechanism = picky_mechanism(init);
    require_mechanism(mechanism.mechanism, 0);
    CK_OBJECT_HANDLE key =
        is_mac ? key_aes(32, ANY_LABEL) : small_rsa_key(init->usage == CKA_DECRYPT);
    EXPECT(begin(init, mechanism, key), CKR_KEY_SIZE_RANGE);
}

/* clang-format off */
static const struct check init_checks[] = {
    CHECK_ROW(FIX_USER, begins, "CKR_OPERATION_ACTIVE", "an operation of the same kind is active"),
    CHECK_ROW(FIX_USER, bad_handle, "CKR_KEY_HANDLE_INVALID", "0, a handle of nothing, and one of an object that is no key"),
    CHECK_ROW(FIX_USER, bad_type, "CKR_KEY_TYPE_INCONSISTENT", "a key of another type than the mechanism's"),
    CHECK_ROW(FIX_USER, type_before_usage, "CKR_KEY_TYPE_INCONSISTENT", "of higher priority than CKR_KEY_FUNCTION_NOT_PERMITTED"),
    CHECK_ROW(FIX_USER, not_permitted, "CKR_KEY_FUNCTION_NOT_PERMITTED", "a key whose CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_SIGN_RECOVER or CKA_VERIFY_RECOVER is CK_FALSE"),
    CHECK_ROW(FIX_USER, bad_mechanism, "CKR_MECHANISM_INVALID", "an unknown mechanism, and one that is not for this function"),
};

static const struct check parameter_checks[] = {
    CHECK_ROW(FIX_USER, bad_parameter, "CKR_MECHANISM_PARAM_INVALID", "a parameter that is not the mechanism's"),
};
/* clang-format on */

/* clang-format off */
static const struct check size_checks[] = {
    CHECK_ROW(FIX_USER, bad_size, "CKR_KEY_SIZE_RANGE", "a key of the right type, but of no size that the mechanism does"),
};
/* clang-format on */

/* Messages are encrypted with AES keys, of which all sizes will do; so is recovery with RSA keys.
 */
static bool has_sizes(const struct init *init)
{
    return init->usage == CKA_SIGN || init->usage == CKA_VERIFY ||
           init->function == &F->C_EncryptInit || init->function == &F->C_DecryptInit;
}

void chapter_inits(void)
{
    check_add_rows("inits", init_checks, inits);
    check_add_rows_if("inits", parameter_checks, inits, row->bad_parameter.pParameter != NULL);
    check_add_rows_if("inits", size_checks, inits, has_sizes(row));
}
