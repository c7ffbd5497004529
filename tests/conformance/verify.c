/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verification of a signature that is given at the beginning: C_VerifySignatureInit and its family.
 * Chapter signature has what each mechanism says to it.
 */
#include <string.h>

#include "keys.h"

static CK_BYTE data[] = "some data that was signed";
#define DATA data, sizeof data - 1

static CK_BYTE mac[33];
static CK_OBJECT_HANDLE key;

static CK_MECHANISM *hmac(void)
{
    static CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0};
    return &mechanism;
}

static void make_mac(void)
{
    CK_ULONG length = 32;
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY);
    key = key_hmac(32, CK_TRUE);
    EXPECT_OK(F->C_SignInit(S, hmac(), key));
    EXPECT_OK(F->C_Sign(S, DATA, mac, &length));
    mac[32] = 0;
}

static CK_RV init_rv(void)
{
    return F->C_VerifySignatureInit(S, hmac(), key, mac, 32);
}

static void start(void)
{
    make_mac();
    EXPECT_OK(init_rv());
}

/* Whether no operation is active, by starting one. */
static void expect_none(void)
{
    EXPECT(F->C_VerifySignature(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_VerifySignatureUpdate(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_VerifySignatureFinal(S), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(init_rv());
    EXPECT_OK(F->C_VerifySignature(S, DATA));
}

static void single_ends(void)
{
    start();
    EXPECT_OK(F->C_VerifySignature(S, DATA));
    expect_none();
}

static void single_invalid_ends(void)
{
    start();
    EXPECT(F->C_VerifySignature(S, data, 3), CKR_SIGNATURE_INVALID);
    expect_none();
}

static void final_ends(void)
{
    start();
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data + 5, 0));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data + 5, sizeof data - 1 - 5));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
    expect_none();
}

static void final_invalid_ends(void)
{
    start();
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT(F->C_VerifySignatureFinal(S), CKR_SIGNATURE_INVALID);
    expect_none();
}

static void signature_is_copied(void)
{
    start();
    memset(mac, 0, sizeof mac);
    EXPECT_OK(F->C_VerifySignatureUpdate(S, DATA));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
}

static void parameter_is_copied(void)
{
    CK_ULONG length = 16;
    CK_MECHANISM mechanism = {CKM_SHA256_HMAC_GENERAL, &length, sizeof length};
    make_mac();
    require_mechanism(CKM_SHA256_HMAC_GENERAL, CKF_VERIFY);
    EXPECT_OK(F->C_VerifySignatureInit(S, &mechanism, key, mac, 16));
    length = 4711;
    EXPECT_OK(F->C_VerifySignature(S, DATA));
}

static void changed_bit(void)
{
    for (size_t place = 0; place < 32; place += 31) {
        make_mac();
        mac[place] ^= 0x40;
        EXPECT_OK(init_rv());
        EXPECT(F->C_VerifySignature(S, DATA), CKR_SIGNATURE_INVALID);
    }
}

/* At the beginning, and then nothing is active, or with the data. */
static void wrong_length(void)
{
    static const CK_ULONG lengths[] = {33, 31};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        make_mac();
        CK_RV rv = F->C_VerifySignatureInit(S, hmac(), key, mac, lengths[i]);
        EXPECT_ANY(rv, CKR_OK, CKR_SIGNATURE_LEN_RANGE);
        if (rv == CKR_OK)
            EXPECT(F->C_VerifySignature(S, DATA), CKR_SIGNATURE_LEN_RANGE);
        expect_none();
    }
}

static void active_once(void)
{
    start();
    EXPECT(init_rv(), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT(init_rv(), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data + 5, sizeof data - 1 - 5));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
}

static void single_after_update(void)
{
    start();
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT_FAILURE(F->C_VerifySignature(S, DATA));
}

static void cancelled_by_null(void)
{
    start();
    CK_RV rv = F->C_VerifySignatureInit(S, NULL, key, mac, 32);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        expect_none();
}

static void cancelled_with_the_session(void)
{
    start();
    REQUIRE_FUNCTION(C_SessionCancel);
    CK_RV rv = F->C_SessionCancel(S, CKF_VERIFY);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        expect_none();
}

/* What one family began the other does not go on with. */
static void apart_from_verify(void)
{
    start();
    EXPECT(F->C_Verify(S, DATA, mac, 32), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_VerifyUpdate(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_VerifyFinal(S, mac, 32), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_VerifySignature(S, DATA));
    EXPECT_OK(F->C_VerifyInit(S, hmac(), key));
    EXPECT(F->C_VerifySignature(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_Verify(S, DATA, mac, 32));
}

static void null_arguments(void)
{
    make_mac();
    EXPECT(F->C_VerifySignatureInit(S, hmac(), key, NULL, 32), CKR_ARGUMENTS_BAD);
    expect_none();
    start();
    EXPECT(F->C_VerifySignature(S, NULL, 5), CKR_ARGUMENTS_BAD);
    expect_none();
    start();
    EXPECT(F->C_VerifySignatureUpdate(S, NULL, 5), CKR_ARGUMENTS_BAD);
    expect_none();
}

static void not_permitted(void)
{
    make_mac();
    key = key_secret(CKK_GENERIC_SECRET, key_value(), 32, ATTR_B(CKA_VERIFY, CK_FALSE));
    EXPECT(init_rv(), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void other_key(void)
{
    make_mac();
    key = key_secret(CKK_AES, key_value(), 32, ATTR_B(CKA_VERIFY, CK_TRUE));
    EXPECT(init_rv(), CKR_KEY_TYPE_INCONSISTENT);
    key = 0x7fff4711;
    EXPECT(init_rv(), CKR_KEY_HANDLE_INVALID);
}

static void other_mechanism(void)
{
    static CK_MECHANISM_TYPE allowed[] = {CKM_SHA512_HMAC};
    make_mac();
    EXPECT(F->C_VerifySignatureInit(S, MECHANISM(0x7fff4711), key, mac, 32), CKR_MECHANISM_INVALID);
    EXPECT(F->C_VerifySignatureInit(S, MECHANISM(CKM_SHA256), key, mac, 32), CKR_MECHANISM_INVALID);
    key = key_secret(CKK_GENERIC_SECRET, key_value(), 32, ATTR_B(CKA_VERIFY, CK_TRUE),
                     ATTR_X(CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed));
    EXPECT_FAILURE(init_rv());
}

static void destroyed_key(void)
{
    start();
    EXPECT_OK(F->C_DestroyObject(S, key));
    EXPECT(F->C_VerifySignature(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
}

static void invalid_session(void)
{
    make_mac();
    EXPECT(F->C_VerifySignatureInit(0x7fff4711, hmac(), key, mac, 32), CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_VerifySignature(0x7fff4711, DATA), CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_VerifySignatureUpdate(0x7fff4711, DATA), CKR_SESSION_HANDLE_INVALID);
    EXPECT(F->C_VerifySignatureFinal(0x7fff4711), CKR_SESSION_HANDLE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, single_ends, "C_VerifySignature", "ends the operation"),
    CHECK(FIX_USER, single_invalid_ends, "C_VerifySignature", "CKR_SIGNATURE_INVALID ends the operation"),
    CHECK(FIX_USER, final_ends, "C_VerifySignatureFinal", "verifies parts and ends the operation"),
    CHECK(FIX_USER, final_invalid_ends, "C_VerifySignatureFinal", "CKR_SIGNATURE_INVALID when a part is missing, which ends the operation"),
    CHECK(FIX_USER, signature_is_copied, "C_VerifySignatureInit", "the signature may be overwritten after the call"),
    CHECK(FIX_USER, parameter_is_copied, "C_VerifySignatureInit", "the parameter may be overwritten after the call"),
    CHECK(FIX_USER, changed_bit, "C_VerifySignature", "CKR_SIGNATURE_INVALID for one bit changed in the signature"),
    CHECK(FIX_USER, wrong_length, "C_VerifySignatureInit", "CKR_SIGNATURE_LEN_RANGE, and no operation is active"),
    CHECK(FIX_USER, active_once, "C_VerifySignatureInit", "CKR_OPERATION_ACTIVE while one is active, which goes on"),
    CHECK(FIX_USER, single_after_update, "C_VerifySignature", "can't end a multiple-part operation"),
    CHECK(FIX_USER, cancelled_by_null, "C_VerifySignatureInit", "a NULL mechanism ends the operation"),
    CHECK(FIX_USER, cancelled_with_the_session, "C_SessionCancel", "CKF_VERIFY ends the operation"),
    CHECK(FIX_USER, apart_from_verify, "C_VerifySignature", "the operation must have been initialized with C_VerifySignatureInit"),
    CHECK(FIX_USER, null_arguments, "C_VerifySignatureInit", "CKR_ARGUMENTS_BAD for NULL signature or data, and no operation is active"),
    CHECK(FIX_USER, not_permitted, "C_VerifySignatureInit", "CKA_VERIFY must be CK_TRUE"),
    CHECK(FIX_USER, other_key, "C_VerifySignatureInit", "CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_HANDLE_INVALID for what is not such a key"),
    CHECK(FIX_USER, other_mechanism, "C_VerifySignatureInit", "refuses a mechanism that does not verify or is not allowed"),
    CHECK(FIX_USER, destroyed_key, "C_DestroyObject", "ends a verification with that key"),
    CHECK(FIX_USER, invalid_session, "C_VerifySignature", "CKR_SESSION_HANDLE_INVALID, each of the family"),
};
/* clang-format on */

void chapter_verify(void)
{
    check_add_table("verify", checks);
}
