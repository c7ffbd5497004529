/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of signature and verification operations, with HMAC, RSA and ECDSA keys.
 */
#include <string.h>

#include "keys.h"

static CK_BYTE data[] = "some data to be signed";
#define DATA data, sizeof data - 1

static CK_OBJECT_HANDLE mac_key(void)
{
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY);
    return key_hmac(32, CK_TRUE);
}

static void start_sign(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key()));
}

static void start_verify(void)
{
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key()));
}

static void right_mac(CK_BYTE *mac)
{
    CK_ULONG length = 32;
    start_sign();
    EXPECT_OK(F->C_Sign(S, DATA, mac, &length));
    EXPECT_EQUAL(length, 32);
}

static CK_RV sign_rv(void)
{
    CK_BYTE mac[64];
    CK_ULONG length = sizeof mac;
    return F->C_Sign(S, DATA, mac, &length);
}

static CK_RV sign_final_rv(void)
{
    CK_BYTE mac[64];
    CK_ULONG length = sizeof mac;
    return F->C_SignFinal(S, mac, &length);
}

/* ---- signing ---- */

static void sign_ends(void)
{
    start_sign();
    EXPECT_OK(sign_rv());
    EXPECT(sign_rv(), CKR_OPERATION_NOT_INITIALIZED);
    start_sign();
}

static void sign_final_ends(void)
{
    start_sign();
    EXPECT_OK(F->C_SignUpdate(S, DATA));
    EXPECT_OK(sign_final_rv());
    EXPECT(sign_final_rv(), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_SignUpdate(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_query(void)
{
    CK_ULONG length = 0;
    start_sign();
    EXPECT_OK(F->C_Sign(S, DATA, NULL, &length));
    EXPECT_TRUE(length >= 32 && length <= 64);
    EXPECT_OK(sign_rv());
}

static void sign_too_small(void)
{
    CK_BYTE mac[64], right[32];
    CK_ULONG length = 31;
    right_mac(right);
    memset(mac, 0xa5, sizeof mac);
    start_sign();
    EXPECT(F->C_Sign(S, DATA, mac, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 32);
    EXPECT_EQUAL(mac[31], 0xa5);
    length = sizeof mac;
    EXPECT_OK(F->C_Sign(S, DATA, mac, &length));
    EXPECT_BYTES(mac, length, right, 32);
    EXPECT_EQUAL(mac[32], 0xa5);
}

static void sign_final_query(void)
{
    CK_BYTE mac[64], right[32];
    CK_ULONG length = 0;
    right_mac(right);
    start_sign();
    EXPECT_OK(F->C_SignUpdate(S, DATA));
    EXPECT_OK(F->C_SignFinal(S, NULL, &length));
    EXPECT_TRUE(length >= 32);
    length = 31;
    EXPECT(F->C_SignFinal(S, mac, &length), CKR_BUFFER_TOO_SMALL);
    length = sizeof mac;
    EXPECT_OK(F->C_SignFinal(S, mac, &length));
    EXPECT_BYTES(mac, length, right, 32);
}

static void sign_active(void)
{
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key), CKR_OPERATION_ACTIVE);
    EXPECT_OK(sign_rv());
}

static void sign_active_after_update(void)
{
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT_OK(F->C_SignUpdate(S, DATA));
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key), CKR_OPERATION_ACTIVE);
    EXPECT_OK(sign_final_rv());
}

static void sign_cancelled_by_null(void)
{
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    CK_RV rv = F->C_SignInit(S, NULL, key);
    if (rv == CKR_ARGUMENTS_BAD && env.list_3_0 == NULL)
        check_skip("a 2.40 library does not know this");
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        EXPECT(sign_rv(), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_null_mechanism_inactive(void)
{
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_ANY(F->C_SignInit(S, NULL, key), CKR_OK, CKR_ARGUMENTS_BAD,
               CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_after_update(void)
{
    start_sign();
    EXPECT_OK(F->C_SignUpdate(S, DATA));
    EXPECT_FAILURE(sign_rv());
}

static void sign_null_arguments(void)
{
    CK_BYTE mac[64];
    start_sign();
    EXPECT(F->C_Sign(S, DATA, mac, NULL), CKR_ARGUMENTS_BAD);
}

static void sign_null_data(void)
{
    CK_BYTE mac[64];
    CK_ULONG length = sizeof mac;
    start_sign();
    EXPECT(F->C_Sign(S, NULL, 5, mac, &length), CKR_ARGUMENTS_BAD);
    EXPECT(sign_rv(), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_null_part(void)
{
    start_sign();
    EXPECT(F->C_SignUpdate(S, NULL, 5), CKR_ARGUMENTS_BAD);
    EXPECT(sign_final_rv(), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_failed_init(void)
{
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_FAILURE(F->C_SignInit(S, MECHANISM(0x7fff4711), key));
    EXPECT(sign_rv(), CKR_OPERATION_NOT_INITIALIZED);
    start_sign();
}

static void sign_error_ends(void)
{
    static CK_BYTE big[300];
    CK_BYTE signature[RSA_BYTES];
    CK_ULONG length = sizeof signature;
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN);
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT(F->C_Sign(S, big, sizeof big, signature, &length), CKR_DATA_LEN_RANGE);
    length = sizeof signature;
    EXPECT(F->C_Sign(S, DATA, signature, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_single_part_only(void)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ANY_LABEL);
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_RSA_PKCS), key));
    EXPECT_FAILURE(F->C_SignUpdate(S, DATA));
}

static void sign_beside_find(void)
{
    start_sign();
    EXPECT_OK(F->C_SignUpdate(S, DATA));
    CK_RV rv = F->C_FindObjectsInit(S, NULL, 0);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_ACTIVE);
    EXPECT_OK(sign_final_rv());
}

static void sign_then_verify(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT_OK(F->C_Verify(S, DATA, mac, sizeof mac));
    right_mac(mac);
}

static void sign_two_sessions(void)
{
    CK_BYTE mac[32], other_mac[32], right[32];
    CK_ULONG length = sizeof mac, other_length = sizeof other_mac;
    CK_OBJECT_HANDLE key = mac_key();
    CK_SESSION_HANDLE other = open_session(0);
    right_mac(right);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT_OK(F->C_SignInit(other, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT_OK(F->C_SignUpdate(S, data, 5));
    EXPECT_OK(F->C_SignUpdate(other, data, 7));
    EXPECT_OK(F->C_SignUpdate(S, data + 5, sizeof data - 1 - 5));
    EXPECT_OK(F->C_SignUpdate(other, data + 7, sizeof data - 1 - 7));
    EXPECT_OK(F->C_SignFinal(S, mac, &length));
    EXPECT_OK(F->C_SignFinal(other, other_mac, &other_length));
    EXPECT_BYTES(mac, length, right, sizeof right);
    EXPECT_BYTES(other_mac, other_length, right, sizeof right);
}

static void sign_nothing(void)
{
    /* NULL for no data: where it is refused, the operation has ended all the same. */
    CK_BYTE mac[32], right[32];
    CK_ULONG length = sizeof mac, right_length = sizeof right;
    start_sign();
    EXPECT_OK(F->C_Sign(S, data, 0, right, &right_length));
    start_sign();
    CK_RV rv = F->C_Sign(S, NULL, 0, mac, &length);
    EXPECT_ANY(rv, CKR_OK, CKR_ARGUMENTS_BAD);
    if (rv == CKR_OK)
        EXPECT_BYTES(mac, length, right, right_length);
    start_sign();
}

/* ---- verifying ---- */

static void verify_ends(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT_OK(F->C_Verify(S, DATA, mac, sizeof mac));
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_failure_ends(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    mac[0] ^= 1;
    start_verify();
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_SIGNATURE_INVALID);
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_length_ends(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac - 1), CKR_SIGNATURE_LEN_RANGE);
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_in_parts(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT_OK(F->C_VerifyUpdate(S, data, 5));
    EXPECT_OK(F->C_VerifyUpdate(S, data + 5, sizeof data - 1 - 5));
    EXPECT_OK(F->C_VerifyFinal(S, mac, sizeof mac));
    EXPECT(F->C_VerifyFinal(S, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_parts_wrong(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT_OK(F->C_VerifyUpdate(S, data, 5));
    EXPECT(F->C_VerifyFinal(S, mac, sizeof mac), CKR_SIGNATURE_INVALID);
    EXPECT(F->C_VerifyUpdate(S, data, 5), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_parts_length(void)
{
    CK_BYTE mac[33];
    right_mac(mac);
    start_verify();
    EXPECT_OK(F->C_VerifyUpdate(S, DATA));
    EXPECT(F->C_VerifyFinal(S, mac, 33), CKR_SIGNATURE_LEN_RANGE);
}

static void verify_active(void)
{
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    EXPECT(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_HMAC), key), CKR_OPERATION_ACTIVE);
}

static void verify_cancelled_by_null(void)
{
    CK_BYTE mac[32] = {0};
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_HMAC), key));
    CK_RV rv = F->C_VerifyInit(S, NULL, key);
    if (rv == CKR_ARGUMENTS_BAD && env.list_3_0 == NULL)
        check_skip("a 2.40 library does not know this");
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_after_update(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT_OK(F->C_VerifyUpdate(S, data, 1));
    EXPECT_FAILURE(F->C_Verify(S, DATA, mac, sizeof mac));
}

static void verify_null_arguments(void)
{
    CK_BYTE mac[32];
    right_mac(mac);
    start_verify();
    EXPECT(F->C_Verify(S, DATA, NULL, 32), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
    start_verify();
    EXPECT(F->C_Verify(S, NULL, 5, mac, sizeof mac), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_failed_init(void)
{
    CK_BYTE mac[32] = {0};
    CK_OBJECT_HANDLE key = mac_key();
    EXPECT_FAILURE(F->C_VerifyInit(S, MECHANISM(0x7fff4711), key));
    EXPECT(F->C_Verify(S, DATA, mac, sizeof mac), CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- message recovery ---- */

static void recover(void)
{
    CK_BYTE signature[RSA_BYTES], back[RSA_BYTES];
    CK_ULONG length = sizeof signature, back_length = sizeof back;
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER);
    CK_OBJECT_HANDLE private = key_rsa_private(ATTR_B(CKA_SIGN_RECOVER, CK_TRUE));
    CK_OBJECT_HANDLE public = key_rsa_public(ATTR_B(CKA_VERIFY_RECOVER, CK_TRUE));
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_PKCS), private));
    EXPECT_OK(F->C_SignRecover(S, DATA, signature, &length));
    EXPECT_OK(F->C_VerifyRecoverInit(S, MECHANISM(CKM_RSA_PKCS), public));
    EXPECT_OK(F->C_VerifyRecover(S, signature, length, back, &back_length));
    EXPECT_BYTES(back, back_length, data, sizeof data - 1);
    signature[17] ^= 1;
    back_length = sizeof back;
    EXPECT_OK(F->C_VerifyRecoverInit(S, MECHANISM(CKM_RSA_PKCS), public));
    EXPECT(F->C_VerifyRecover(S, signature, length, back, &back_length), CKR_SIGNATURE_INVALID);
}

static void recover_nothing(void)
{
    CK_BYTE signature[RSA_BYTES], back[RSA_BYTES];
    CK_ULONG length = sizeof signature, back_length = sizeof back;
    require_mechanism(CKM_RSA_PKCS, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER);
    CK_OBJECT_HANDLE private = key_rsa_private(ATTR_B(CKA_SIGN_RECOVER, CK_TRUE));
    CK_OBJECT_HANDLE public = key_rsa_public(ATTR_B(CKA_VERIFY_RECOVER, CK_TRUE));
    EXPECT_OK(F->C_SignRecoverInit(S, MECHANISM(CKM_RSA_PKCS), private));
    EXPECT_OK(F->C_SignRecover(S, signature, 0, signature, &length));
    EXPECT_OK(F->C_VerifyRecoverInit(S, MECHANISM(CKM_RSA_PKCS), public));
    EXPECT_OK(F->C_VerifyRecover(S, signature, length, back, &back_length));
    EXPECT_EQUAL(back_length, 0);
}

/* ---- the signature given first ---- */

static void signature_first(void)
{
    CK_BYTE mac[32];
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    right_mac(mac);
    CK_OBJECT_HANDLE key = mac_key();
    CK_MECHANISM_PTR mechanism = MECHANISM(CKM_SHA256_HMAC);
    EXPECT_OK(F->C_VerifySignatureInit(S, mechanism, key, mac, sizeof mac));
    EXPECT_OK(F->C_VerifySignature(S, DATA));
    EXPECT(F->C_VerifySignature(S, DATA), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_VerifySignatureInit(S, mechanism, key, mac, sizeof mac));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, DATA));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
    mac[3] ^= 0x40;
    EXPECT_OK(F->C_VerifySignatureInit(S, mechanism, key, mac, sizeof mac));
    EXPECT(F->C_VerifySignature(S, DATA), CKR_SIGNATURE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, sign_ends, "C_Sign", "ends the operation"),
    CHECK(FIX_USER, sign_final_ends, "C_SignFinal", "ends the operation"),
    CHECK(FIX_USER, sign_query, "C_Sign", "a length query leaves the operation active"),
    CHECK(FIX_USER, sign_too_small, "C_Sign", "CKR_BUFFER_TOO_SMALL and the length; the operation stays active"),
    CHECK(FIX_USER, sign_final_query, "C_SignFinal", "a length query and CKR_BUFFER_TOO_SMALL leave the operation active"),
    CHECK(FIX_USER, sign_active, "C_SignInit", "CKR_OPERATION_ACTIVE while one is active, which goes on"),
    CHECK(FIX_USER, sign_active_after_update, "C_SignInit", "CKR_OPERATION_ACTIVE in the midst of parts, which go on"),
    CHECK(FIX_USER, sign_cancelled_by_null, "C_SignInit", "a NULL mechanism ends the operation"),
    CHECK(FIX_USER, sign_null_mechanism_inactive, "C_SignInit", "a NULL mechanism without an operation does no harm"),
    CHECK(FIX_USER, sign_after_update, "C_Sign", "can't end a multiple-part operation"),
    CHECK(FIX_USER, sign_null_arguments, "C_Sign", "CKR_ARGUMENTS_BAD for a NULL length"),
    CHECK(FIX_USER, sign_null_data, "C_Sign", "CKR_ARGUMENTS_BAD for NULL data with a length, which ends the operation"),
    CHECK(FIX_USER, sign_null_part, "C_SignUpdate", "CKR_ARGUMENTS_BAD for a NULL part with a length, which ends the operation"),
    CHECK(FIX_USER, sign_failed_init, "C_SignInit", "a failed call leaves no operation"),
    CHECK(FIX_USER, sign_error_ends, "C_Sign", "CKR_DATA_LEN_RANGE for too much data, which ends the operation"),
    CHECK(FIX_USER, sign_single_part_only, "PKCS #1 v1.5 RSA", "no multiple-part operation"),
    CHECK(FIX_USER, sign_beside_find, "CKR_OPERATION_ACTIVE", "a search does not disturb a signature"),
    CHECK(FIX_USER, sign_then_verify, "C_SignInit", "signing and verifying in turns"),
    CHECK(FIX_USER, sign_two_sessions, "C_SignUpdate", "each session has an operation of its own with the same key"),
    CHECK(FIX_USER, sign_nothing, "C_Sign", "of no data, at NULL or elsewhere, ends the operation"),
    CHECK(FIX_USER, verify_ends, "C_Verify", "ends the operation"),
    CHECK(FIX_USER, verify_failure_ends, "C_Verify", "CKR_SIGNATURE_INVALID ends the operation"),
    CHECK(FIX_USER, verify_length_ends, "C_Verify", "CKR_SIGNATURE_LEN_RANGE ends the operation"),
    CHECK(FIX_USER, verify_in_parts, "C_VerifyFinal", "verifies parts and ends the operation"),
    CHECK(FIX_USER, verify_parts_wrong, "C_VerifyFinal", "CKR_SIGNATURE_INVALID when a part is missing, which ends the operation"),
    CHECK(FIX_USER, verify_parts_length, "C_VerifyFinal", "CKR_SIGNATURE_LEN_RANGE for a byte more"),
    CHECK(FIX_USER, verify_active, "C_VerifyInit", "CKR_OPERATION_ACTIVE while one is active"),
    CHECK(FIX_USER, verify_cancelled_by_null, "C_VerifyInit", "a NULL mechanism ends the operation"),
    CHECK(FIX_USER, verify_after_update, "C_Verify", "can't end a multiple-part operation"),
    CHECK(FIX_USER, verify_null_arguments, "C_Verify", "CKR_ARGUMENTS_BAD for NULL data or signature, which ends the operation"),
    CHECK(FIX_USER, verify_failed_init, "C_VerifyInit", "a failed call leaves no operation"),
    CHECK(FIX_USER, recover_nothing, "C_VerifyRecover", "gives back no data where none were signed"),
    CHECK(FIX_USER, recover, "C_VerifyRecover", "gives back what C_SignRecover signed"),
    CHECK(FIX_USER, signature_first, "C_VerifySignatureInit", "verifies a signature given first, in one part and in several"),
};
/* clang-format on */

void chapter_sign(void)
{
    check_add_table("sign", checks);
}
