/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Return values that one function or a few have, and the order among them.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

static CK_BYTE in[64] = "some data", out[512], mac[512], iv[16];
static CK_ULONG length;

/* ---- always authenticated keys: each function of an operation wants its login ---- */

static CK_OBJECT_HANDLE careful_rsa(CK_ATTRIBUTE_TYPE usage)
{
    return key_rsa_private(ATTR_B(usage, CK_TRUE), ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE));
}

static CK_RV sign(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_Sign(S, in, sizeof in, out, &length);
}

static CK_RV sign_update(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignUpdate(S, in, sizeof in);
}

static CK_RV sign_final(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignFinal(S, out, &length);
}

static CK_RV sign_recover(void)
{
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_PKCS), careful_rsa(CKA_SIGN_RECOVER)));
    return F->C_SignRecover(S, in, sizeof in, out, &length);
}

static CK_RV decrypt(void)
{
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_PKCS), careful_rsa(CKA_DECRYPT)));
    return F->C_Decrypt(S, mac, RSA_BYTES, out, &length);
}

static CK_RV sign_encrypt_update(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, 16), key_aes(16, ANY_LABEL)));
    return F->C_SignEncryptUpdate(S, in, sizeof in, out, &length);
}

static CK_RV sign_message(void)
{
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignMessage(S, NULL, 0, in, sizeof in, out, &length);
}

static CK_RV sign_message_begin(void)
{
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), careful_rsa(CKA_SIGN)));
    return F->C_SignMessageBegin(S, NULL, 0);
}

struct careful {
    const char *name;
    CK_RV (*call)(void);
};

static const struct careful carefuls[] = {
    {"C_Sign", sign},
    {"C_SignUpdate", sign_update},
    {"C_SignFinal", sign_final},
    {"C_SignRecover", sign_recover},
    {"C_Decrypt", decrypt},
    {"C_SignEncryptUpdate", sign_encrypt_update},
    {"C_SignMessage", sign_message},
    {"C_SignMessageBegin", sign_message_begin},
};

static void wants_login(const void *row)
{
    const struct careful *careful = row;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    length = sizeof out;
    EXPECT(careful->call(), CKR_USER_NOT_LOGGED_IN);
}

/* clang-format off */
static const struct check careful_checks[] = {
    CHECK_ROW(FIX_USER, wants_login, "CKA_ALWAYS_AUTHENTICATE", "CKR_USER_NOT_LOGGED_IN without a login for the operation"),
};
/* clang-format on */

void chapter_returns(void)
{
    check_add_rows("returns", careful_checks, carefuls);
}
