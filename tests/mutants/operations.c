/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of cryptographic operations: wrong bits, wrong lengths, operations that end too early or
 * not at all.
 */
#include <string.h>
#include <unistd.h>

#include "mutant.h"

/* ---- signing ---- */

static CK_RV sign_flipped(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                          CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_RV rv = REAL->C_Sign(session, data, length, signature, signature_length);
    if (rv == CKR_OK && signature != NULL && *signature_length > 20)
        signature[20] ^= 0x10;
    return rv;
}

static void spoil_sign_bit(void)
{
    USED->C_Sign = sign_flipped;
}

static CK_RV sign_longer(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                         CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_RV rv = REAL->C_Sign(session, data, length, signature, signature_length);
    if (rv == CKR_OK && signature != NULL)
        ++*signature_length;
    return rv;
}

static void spoil_sign_length(void)
{
    USED->C_Sign = sign_longer;
}

/* A length query, or a buffer too small, finishes the operation. */
static CK_RV sign_query_ends(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                             CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_BYTE thrown_away[1024];
    CK_ULONG room = sizeof thrown_away;
    CK_RV rv = REAL->C_Sign(session, data, length, signature, signature_length);
    if (rv == CKR_OK && signature == NULL)
        REAL->C_Sign(session, data, length, thrown_away, &room);
    return rv;
}

static void spoil_sign_query(void)
{
    USED->C_Sign = sign_query_ends;
}

static CK_RV sign_small_ends(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                             CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_BYTE thrown_away[1024];
    CK_ULONG room = sizeof thrown_away;
    CK_RV rv = REAL->C_Sign(session, data, length, signature, signature_length);
    if (rv == CKR_BUFFER_TOO_SMALL)
        REAL->C_Sign(session, data, length, thrown_away, &room);
    return rv;
}

static void spoil_sign_small(void)
{
    USED->C_Sign = sign_small_ends;
}

static CK_MECHANISM last_mechanism;
static CK_OBJECT_HANDLE last_key;

static CK_RV sign_init_kept(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                            CK_OBJECT_HANDLE key)
{
    CK_RV rv = REAL->C_SignInit(session, mechanism, key);
    if (rv == CKR_OK && mechanism != NULL) {
        last_mechanism = *mechanism;
        last_key = key;
    }
    return rv;
}

static CK_RV sign_goes_on(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                          CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    CK_RV rv = REAL->C_Sign(session, data, length, signature, signature_length);
    if (rv == CKR_OK && signature != NULL && last_mechanism.pParameter == NULL)
        REAL->C_SignInit(session, &last_mechanism, last_key);
    return rv;
}

static void spoil_sign_end(void)
{
    USED->C_SignInit = sign_init_kept;
    USED->C_Sign = sign_goes_on;
}

static CK_RV sign_update_lost(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length)
{
    return REAL->C_SignUpdate(session, part, length > 64 ? 64 : length);
}

static void spoil_sign_update(void)
{
    USED->C_SignUpdate = sign_update_lost;
}

static CK_RV sign_init_salted(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE key)
{
    CK_RSA_PKCS_PSS_PARAMS pss;
    if (mechanism == NULL || mechanism->mechanism != CKM_RSA_PKCS_PSS ||
        mechanism->ulParameterLen != sizeof pss || mechanism->pParameter == NULL)
        return REAL->C_SignInit(session, mechanism, key);
    memcpy(&pss, mechanism->pParameter, sizeof pss);
    pss.sLen = 20;
    CK_MECHANISM other = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
    return REAL->C_SignInit(session, &other, key);
}

static void spoil_pss(void)
{
    USED->C_SignInit = sign_init_salted;
}

/* One buffer for all threads. */
static CK_RV sign_shared_buffer(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                                CK_BYTE_PTR signature, CK_ULONG_PTR signature_length)
{
    static CK_BYTE shared[1024];
    if (signature == NULL || signature_length == NULL || *signature_length > sizeof shared)
        return REAL->C_Sign(session, data, length, signature, signature_length);
    CK_RV rv = REAL->C_Sign(session, data, length, shared, signature_length);
    usleep(100);
    if (rv == CKR_OK)
        memcpy(signature, shared, *signature_length);
    return rv;
}

static void spoil_sign_threads(void)
{
    USED->C_Sign = sign_shared_buffer;
}

/* One operation for all sessions. */
static CK_SESSION_HANDLE last_session;

static CK_RV sign_init_shared(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE key)
{
    last_session = session;
    return REAL->C_SignInit(session, mechanism, key);
}

static CK_RV sign_update_shared(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length)
{
    return REAL->C_SignUpdate(last_session != 0 ? last_session : session, part, length);
}

static void spoil_sign_sessions(void)
{
    USED->C_SignInit = sign_init_shared;
    USED->C_SignUpdate = sign_update_shared;
}

/* ---- verifying ---- */

static CK_RV verify_short(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                          CK_BYTE_PTR signature, CK_ULONG signature_length)
{
    /* Only the first half of the data counts. */
    return REAL->C_Verify(session, data, length, signature,
                          signature_length == 33 ? 32 : signature_length);
}

static void spoil_verify_length(void)
{
    USED->C_Verify = verify_short;
}

static CK_RV verify_init_kept(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE key)
{
    CK_RV rv = REAL->C_VerifyInit(session, mechanism, key);
    if (rv == CKR_OK && mechanism != NULL) {
        last_mechanism = *mechanism;
        last_key = key;
    }
    return rv;
}

static CK_RV verify_goes_on(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                            CK_BYTE_PTR signature, CK_ULONG signature_length)
{
    CK_RV rv = REAL->C_Verify(session, data, length, signature, signature_length);
    if ((rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE) &&
        last_mechanism.pParameter == NULL)
        REAL->C_VerifyInit(session, &last_mechanism, last_key);
    return rv;
}

static void spoil_verify_end(void)
{
    USED->C_VerifyInit = verify_init_kept;
    USED->C_Verify = verify_goes_on;
}

static CK_RV verify_update_lost(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length)
{
    return REAL->C_VerifyUpdate(session, part, length > 4 ? length - 1 : length);
}

static void spoil_verify_update(void)
{
    USED->C_VerifyUpdate = verify_update_lost;
}

/* ---- digesting ---- */

static CK_RV digest_flipped(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                            CK_BYTE_PTR digest, CK_ULONG_PTR digest_length)
{
    CK_RV rv = REAL->C_Digest(session, data, length, digest, digest_length);
    if (rv == CKR_OK && digest != NULL && *digest_length > 0)
        digest[*digest_length - 1] ^= 1;
    return rv;
}

static void spoil_digest_bit(void)
{
    USED->C_Digest = digest_flipped;
}

static CK_RV digest_query_long(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                               CK_BYTE_PTR digest, CK_ULONG_PTR digest_length)
{
    CK_RV rv = REAL->C_Digest(session, data, length, digest, digest_length);
    if (rv == CKR_OK && digest == NULL)
        *digest_length -= 1;
    return rv;
}

static void spoil_digest_query(void)
{
    USED->C_Digest = digest_query_long;
}

static CK_RV digest_update_empty(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length)
{
    return REAL->C_DigestUpdate(session, part, length > 100 ? length - 1 : length);
}

static void spoil_digest_update(void)
{
    USED->C_DigestUpdate = digest_update_empty;
}

static CK_RV digest_key_ignored(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_ULONG size = 0;
    return REAL->C_GetObjectSize(session, key, &size);
}

static void spoil_digest_key(void)
{
    USED->C_DigestKey = digest_key_ignored;
}

static CK_RV digest_final_stays(CK_SESSION_HANDLE session, CK_BYTE_PTR digest,
                                CK_ULONG_PTR digest_length)
{
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    CK_RV rv = REAL->C_DigestFinal(session, digest, digest_length);
    if (rv == CKR_OK && digest != NULL)
        REAL->C_DigestInit(session, &mechanism);
    return rv;
}

static void spoil_digest_end(void)
{
    USED->C_DigestFinal = digest_final_stays;
}

/* ---- encrypting and decrypting ---- */

static CK_RV encrypt_init_zero_iv(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                  CK_OBJECT_HANDLE key)
{
    CK_BYTE zero[16] = {0};
    if (mechanism == NULL || mechanism->ulParameterLen != 16 || mechanism->pParameter == NULL)
        return REAL->C_EncryptInit(session, mechanism, key);
    CK_MECHANISM other = {mechanism->mechanism, zero, sizeof zero};
    return REAL->C_EncryptInit(session, &other, key);
}

static void spoil_iv(void)
{
    USED->C_EncryptInit = encrypt_init_zero_iv;
}

static CK_RV encrypt_flipped(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                             CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_Encrypt(session, data, length, out, out_length);
    if (rv == CKR_OK && out != NULL && *out_length > 0)
        out[*out_length - 1] ^= 0x80;
    return rv;
}

static void spoil_encrypt_bit(void)
{
    USED->C_Encrypt = encrypt_flipped;
}

static CK_RV encrypt_query_short(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                                 CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_Encrypt(session, data, length, out, out_length);
    if (rv == CKR_OK && out == NULL)
        *out_length = length - 1;
    return rv;
}

static void spoil_encrypt_query(void)
{
    USED->C_Encrypt = encrypt_query_short;
}

static CK_RV encrypt_update_keeps(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                                  CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    /* A buffer too small takes the data in all the same. */
    CK_BYTE thrown_away[4096];
    CK_ULONG room = sizeof thrown_away;
    CK_RV rv = REAL->C_EncryptUpdate(session, part, length, out, out_length);
    if (rv == CKR_BUFFER_TOO_SMALL)
        REAL->C_EncryptUpdate(session, part, length, thrown_away, &room);
    return rv;
}

static void spoil_encrypt_small(void)
{
    USED->C_EncryptUpdate = encrypt_update_keeps;
}

static CK_RV decrypt_shorter(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                             CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_Decrypt(session, data, length, out, out_length);
    if (rv == CKR_OK && out != NULL && *out_length > 0)
        --*out_length;
    return rv;
}

static void spoil_decrypt_length(void)
{
    USED->C_Decrypt = decrypt_shorter;
}

static CK_RV decrypt_unauthenticated(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                                     CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_Decrypt(session, data, length, out, out_length);
    bool damaged = rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_AEAD_DECRYPT_FAILED ||
                   rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_GENERAL_ERROR;
    if (damaged && out != NULL && data != NULL && length > 16 && *out_length >= length - 16) {
        memcpy(out, data, length - 16);
        *out_length = length - 16;
        return CKR_OK;
    }
    return rv;
}

static void spoil_tag(void)
{
    USED->C_Decrypt = decrypt_unauthenticated;
}

static CK_RV encrypt_final_flipped(CK_SESSION_HANDLE session, CK_BYTE_PTR out,
                                   CK_ULONG_PTR out_length)
{
    CK_RV rv = REAL->C_EncryptFinal(session, out, out_length);
    if (rv == CKR_OK && out != NULL && *out_length > 0)
        out[0] ^= 2;
    return rv;
}

static void spoil_encrypt_final(void)
{
    USED->C_EncryptFinal = encrypt_final_flipped;
}

static CK_RV decrypt_init_zero_iv(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                  CK_OBJECT_HANDLE key)
{
    CK_BYTE zero[16] = {0};
    if (mechanism == NULL || mechanism->ulParameterLen != 16 || mechanism->pParameter == NULL)
        return REAL->C_DecryptInit(session, mechanism, key);
    CK_MECHANISM other = {mechanism->mechanism, zero, sizeof zero};
    return REAL->C_DecryptInit(session, &other, key);
}

static void spoil_decrypt_iv(void)
{
    USED->C_DecryptInit = decrypt_init_zero_iv;
}

/* ---- random ---- */

static CK_RV random_zero(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG length)
{
    CK_RV rv = REAL->C_GenerateRandom(session, out, length);
    if (rv == CKR_OK)
        memset(out, 0x5a, length);
    return rv;
}

static void spoil_random(void)
{
    USED->C_GenerateRandom = random_zero;
}

static CK_RV random_short(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG length)
{
    return REAL->C_GenerateRandom(session, out, length > 1 ? length - 1 : length);
}

static void spoil_random_length(void)
{
    USED->C_GenerateRandom = random_short;
}

static CK_RV random_biased(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG length)
{
    CK_RV rv = REAL->C_GenerateRandom(session, out, length);
    for (CK_ULONG i = 0; rv == CKR_OK && i < length; i++)
        out[i] &= 0x7f;
    return rv;
}

static void spoil_random_bits(void)
{
    USED->C_GenerateRandom = random_biased;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("sign-bit-flipped", "signature/signs_rightly*", spoil_sign_bit),
    HOOK_FAULT("sign-length-off-by-one", "sign,signature/signs_rightly*", spoil_sign_length),
    HOOK_FAULT("sign-query-ends-operation", "sign", spoil_sign_query),
    HOOK_FAULT("sign-too-small-ends-operation", "sign", spoil_sign_small),
    HOOK_FAULT("sign-does-not-end", "sign", spoil_sign_end),
    HOOK_FAULT("sign-update-cut", "signature/signs_in_parts*", spoil_sign_update),
    HOOK_FAULT("pss-salt-length-ignored", "signature/signs_rightly*", spoil_pss),
    HOOK_FAULT("sign-buffer-shared-by-threads", "process", spoil_sign_threads),
    HOOK_FAULT("sign-operation-shared-by-sessions", "sign", spoil_sign_sessions),
    HOOK_FAULT("verify-length-ignored", "signature/other_length*", spoil_verify_length),
    HOOK_FAULT("verify-error-does-not-end", "sign", spoil_verify_end),
    HOOK_FAULT("verify-update-cut", "sign,signature/verifies_in_parts*", spoil_verify_update),
    HOOK_FAULT("digest-bit-flipped", "digest", spoil_digest_bit),
    HOOK_FAULT("digest-query-off-by-one", "digest", spoil_digest_query),
    HOOK_FAULT("digest-update-cut", "digest", spoil_digest_update),
    HOOK_FAULT("digest-key-ignored", "digest", spoil_digest_key),
    HOOK_FAULT("digest-final-does-not-end", "digest", spoil_digest_end),
    HOOK_FAULT("encrypt-iv-ignored", "encrypt", spoil_iv),
    HOOK_FAULT("encrypt-bit-flipped", "encrypt,rsacrypt", spoil_encrypt_bit),
    HOOK_FAULT("encrypt-query-too-short", "cipher,encrypt", spoil_encrypt_query),
    HOOK_FAULT("encrypt-too-small-takes-data", "cipher", spoil_encrypt_small),
    HOOK_FAULT("decrypt-length-off-by-one", "cipher,encrypt", spoil_decrypt_length),
    HOOK_FAULT("decrypt-tag-ignored", "encrypt,cipher,rsacrypt", spoil_tag),
    HOOK_FAULT("encrypt-final-bit-flipped", "encrypt", spoil_encrypt_final),
    HOOK_FAULT("decrypt-iv-ignored", "encrypt", spoil_decrypt_iv),
    HOOK_FAULT("random-constant", "random", spoil_random),
    HOOK_FAULT("random-last-byte-missing", "random", spoil_random_length),
    HOOK_FAULT("random-biased", "random", spoil_random_bits),
};
/* clang-format on */

const struct mutant_table mutant_operations = {faults, sizeof faults / sizeof faults[0]};
