/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dual-function updates, with AES-CBC, SHA-256 and HMAC: both operations get what each would
 * get alone, and nothing when nothing is put out.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

static CK_BYTE iv[16] = "initial vector!!";
static CK_BYTE plain[64], sealed[64], out[128];

enum { KEY = 16, MAC_KEY = 32 };

static CK_MECHANISM *cbc(void)
{
    static CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof iv};
    return &mechanism;
}

static CK_MECHANISM *cbc_pad(void)
{
    static CK_MECHANISM mechanism = {CKM_AES_CBC_PAD, iv, sizeof iv};
    return &mechanism;
}

/* The mechanisms are there, and `sealed` is `plain` encrypted. */
static void prepare(void)
{
    struct ossl_cipher cipher = {
        .name = "AES-128-CBC", .key = key_value(), .iv = iv, .iv_length = sizeof iv};
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT | CKF_DECRYPT);
    require_mechanism(CKM_SHA256, CKF_DIGEST);
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY);
    fill_bytes(plain, sizeof plain, 31);
    EXPECT_FAILURE(F->C_DigestEncryptUpdate(S, plain, 1, out, &length)); /* skips where it is not */
    EXPECT_EQUAL(ossl_encrypt(&cipher, plain, sizeof plain, sealed), sizeof sealed);
}

static void start_encrypt(void)
{
    EXPECT_OK(F->C_EncryptInit(S, cbc(), key_aes(KEY, ANY_LABEL)));
}

static void start_decrypt(CK_MECHANISM *mechanism)
{
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key_aes(KEY, ANY_LABEL)));
}

static void start_digest(void)
{
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
}

static void start_sign(void)
{
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), key_hmac(MAC_KEY, CK_TRUE)));
}

static void start_verify(void)
{
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_HMAC), key_hmac(MAC_KEY, CK_TRUE)));
}

static void expect_digest(const CK_BYTE *bytes, CK_ULONG length)
{
    CK_BYTE digest[64], right[64];
    CK_ULONG digest_length = sizeof digest;
    EXPECT_OK(F->C_DigestFinal(S, digest, &digest_length));
    EXPECT_BYTES(digest, digest_length, right, ossl_digest("SHA2-256", bytes, length, right));
}

static CK_ULONG mac_of(const CK_BYTE *bytes, CK_ULONG length, CK_BYTE *mac)
{
    return ossl_hmac("SHA2-256", key_value(), MAC_KEY, bytes, length, mac);
}

static void expect_mac(const CK_BYTE *bytes, CK_ULONG length)
{
    CK_BYTE mac[64], right[64];
    CK_ULONG mac_length = sizeof mac;
    EXPECT_OK(F->C_SignFinal(S, mac, &mac_length));
    EXPECT_BYTES(mac, mac_length, right, mac_of(bytes, length, right));
}

/* ---- the four, part by part ---- */

static void digest_encrypt(void)
{
    CK_ULONG first = sizeof out, second = 0;
    prepare();
    start_encrypt();
    start_digest();
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain, 24, out, &first));
    EXPECT_EQUAL(first, 16);
    second = sizeof out - first;
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain + 24, 40, out + first, &second));
    EXPECT_BYTES(out, first + second, sealed, sizeof sealed);
    second = sizeof out;
    EXPECT_OK(F->C_EncryptFinal(S, out, &second));
    expect_digest(plain, sizeof plain);
}

static void decrypt_digest(void)
{
    CK_ULONG first = sizeof out, second = 0;
    prepare();
    start_decrypt(cbc());
    start_digest();
    EXPECT_OK(F->C_DecryptDigestUpdate(S, sealed, 20, out, &first));
    EXPECT_EQUAL(first, 16);
    second = sizeof out - first;
    EXPECT_OK(F->C_DecryptDigestUpdate(S, sealed + 20, 44, out + first, &second));
    EXPECT_BYTES(out, first + second, plain, sizeof plain);
    expect_digest(plain, sizeof plain);
}

static void sign_encrypt(void)
{
    CK_ULONG first = sizeof out, second = 0;
    prepare();
    start_encrypt();
    start_sign();
    EXPECT_OK(F->C_SignEncryptUpdate(S, plain, 32, out, &first));
    second = sizeof out - first;
    EXPECT_OK(F->C_SignEncryptUpdate(S, plain + 32, 32, out + first, &second));
    EXPECT_BYTES(out, first + second, sealed, sizeof sealed);
    expect_mac(plain, sizeof plain);
}

static void decrypt_verify(void)
{
    CK_BYTE mac[64];
    CK_ULONG first = sizeof out, second = 0;
    prepare();
    start_decrypt(cbc());
    start_verify();
    EXPECT_OK(F->C_DecryptVerifyUpdate(S, sealed, 48, out, &first));
    second = sizeof out - first;
    EXPECT_OK(F->C_DecryptVerifyUpdate(S, sealed + 48, 16, out + first, &second));
    EXPECT_BYTES(out, first + second, plain, sizeof plain);
    EXPECT_OK(F->C_VerifyFinal(S, mac, mac_of(plain, sizeof plain, mac)));
}

static void decrypt_verify_other_text(void)
{
    CK_BYTE mac[64];
    CK_ULONG length = sizeof out;
    prepare();
    sealed[63] ^= 1;
    start_decrypt(cbc());
    start_verify();
    EXPECT_OK(F->C_DecryptVerifyUpdate(S, sealed, sizeof sealed, out, &length));
    EXPECT(F->C_VerifyFinal(S, mac, mac_of(plain, sizeof plain, mac)), CKR_SIGNATURE_INVALID);
}

static void interspersed(void)
{
    CK_ULONG length = sizeof out;
    CK_BYTE digested[64 + 5];
    prepare();
    start_encrypt();
    start_digest();
    EXPECT_OK(F->C_DigestUpdate(S, plain, 5));
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 16, out, &length));
    length = sizeof out - 16;
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain + 16, 48, out + 16, &length));
    EXPECT_BYTES(out, 16 + length, sealed, sizeof sealed);
    memcpy(digested, plain, 5);
    memcpy(digested + 5, plain + 16, 48);
    expect_digest(digested, 53);
}

static void padding_is_held_back(void)
{
    struct ossl_cipher cipher = {.name = "AES-128-CBC",
                                 .key = key_value(),
                                 .iv = iv,
                                 .iv_length = sizeof iv,
                                 .padded = true};
    CK_BYTE padded[64];
    CK_ULONG length = sizeof out, last = sizeof out;
    prepare();
    EXPECT_EQUAL(ossl_encrypt(&cipher, plain, 40, padded), 48);
    start_decrypt(cbc_pad());
    start_digest();
    EXPECT_OK(F->C_DecryptDigestUpdate(S, padded, 48, out, &length));
    EXPECT_EQUAL(length, 32);
    EXPECT_OK(F->C_DecryptFinal(S, out + length, &last));
    EXPECT_EQUAL(last, 8);
    expect_digest(plain, 32);
}

/* ---- nothing out, nothing in ---- */

static void digest_encrypt_query(void)
{
    CK_ULONG length = 0;
    prepare();
    start_encrypt();
    start_digest();
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain, 64, NULL, &length));
    EXPECT_TRUE(length >= 64 && length <= 96);
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain, 64, out, &length));
    EXPECT_BYTES(out, length, sealed, sizeof sealed);
    expect_digest(plain, sizeof plain);
}

static void digest_encrypt_too_small(void)
{
    CK_ULONG length = 63;
    prepare();
    start_encrypt();
    start_digest();
    memset(out, 0xa5, sizeof out);
    EXPECT(F->C_DigestEncryptUpdate(S, plain, 64, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 64);
    EXPECT_EQUAL(out[63], 0xa5);
    length = sizeof out;
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain, 64, out, &length));
    EXPECT_BYTES(out, length, sealed, sizeof sealed);
    expect_digest(plain, sizeof plain);
}

static void decrypt_digest_too_small(void)
{
    CK_ULONG length = 63;
    prepare();
    start_decrypt(cbc());
    start_digest();
    EXPECT_OK(F->C_DecryptDigestUpdate(S, sealed, 64, NULL, &length));
    length = 63;
    EXPECT(F->C_DecryptDigestUpdate(S, sealed, 64, out, &length), CKR_BUFFER_TOO_SMALL);
    length = 64;
    EXPECT_OK(F->C_DecryptDigestUpdate(S, sealed, 64, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
    expect_digest(plain, sizeof plain);
}

static void sign_encrypt_too_small(void)
{
    CK_ULONG length = 0;
    prepare();
    start_encrypt();
    start_sign();
    EXPECT_OK(F->C_SignEncryptUpdate(S, plain, 64, NULL, &length));
    length = 10;
    EXPECT(F->C_SignEncryptUpdate(S, plain, 64, out, &length), CKR_BUFFER_TOO_SMALL);
    length = 64;
    EXPECT_OK(F->C_SignEncryptUpdate(S, plain, 64, out, &length));
    expect_mac(plain, sizeof plain);
}

static void decrypt_verify_too_small(void)
{
    CK_BYTE mac[64];
    CK_ULONG length = 0;
    prepare();
    start_decrypt(cbc());
    start_verify();
    EXPECT_OK(F->C_DecryptVerifyUpdate(S, sealed, 64, NULL, &length));
    length = 10;
    EXPECT(F->C_DecryptVerifyUpdate(S, sealed, 64, out, &length), CKR_BUFFER_TOO_SMALL);
    length = 64;
    EXPECT_OK(F->C_DecryptVerifyUpdate(S, sealed, 64, out, &length));
    EXPECT_OK(F->C_VerifyFinal(S, mac, mac_of(plain, sizeof plain, mac)));
}

static void error_digests_nothing(void)
{
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 2};
    CK_ULONG length = sizeof out;
    prepare();
    require_mechanism(CKM_AES_CTR, CKF_ENCRYPT);
    memset(ctr.cb, 0xfe, sizeof ctr.cb); /* two blocks are left */
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CTR, ctr), key_aes(KEY, ANY_LABEL)));
    start_digest();
    EXPECT(F->C_DigestEncryptUpdate(S, plain, 64, out, &length), CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_DigestUpdate(S, plain, 7));
    expect_digest(plain, 7);
}

/* ---- in place ---- */

static void encrypts_in_place(void)
{
    CK_BYTE buffer[64];
    CK_ULONG length = sizeof buffer;
    prepare();
    memcpy(buffer, plain, sizeof buffer);
    start_encrypt();
    start_digest();
    EXPECT_OK(F->C_DigestEncryptUpdate(S, buffer, sizeof buffer, buffer, &length));
    EXPECT_BYTES(buffer, length, sealed, sizeof sealed);
    expect_digest(plain, sizeof plain);
}

static void decrypts_in_place(void)
{
    CK_BYTE buffer[64];
    CK_ULONG length = sizeof buffer;
    prepare();
    memcpy(buffer, sealed, sizeof buffer);
    start_decrypt(cbc());
    start_digest();
    EXPECT_OK(F->C_DecryptDigestUpdate(S, buffer, sizeof buffer, buffer, &length));
    EXPECT_BYTES(buffer, length, plain, sizeof plain);
    expect_digest(plain, sizeof plain);
}

/* ---- both must be active ---- */

static CK_RV each(size_t which, CK_ULONG *length)
{
    const CK_C_DigestEncryptUpdate functions[] = {F->C_DigestEncryptUpdate,
                                                  F->C_DecryptDigestUpdate, F->C_SignEncryptUpdate,
                                                  F->C_DecryptVerifyUpdate};
    return functions[which](S, which % 2 == 0 ? plain : sealed, 16, out, length);
}

static void needs_both(void)
{
    CK_ULONG length = sizeof out;
    prepare();
    for (size_t i = 0; i < 4; i++)
        EXPECT(each(i, &length), CKR_OPERATION_NOT_INITIALIZED);
    start_encrypt();
    start_decrypt(cbc());
    for (size_t i = 0; i < 4; i++)
        EXPECT(each(i, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 64, out, &length));
    EXPECT_BYTES(out, length, sealed, sizeof sealed);
}

static void needs_the_cipher(void)
{
    CK_ULONG length = sizeof out;
    prepare();
    start_digest();
    start_sign();
    start_verify();
    for (size_t i = 0; i < 4; i++)
        EXPECT(each(i, &length), CKR_OPERATION_NOT_INITIALIZED);
    expect_digest(plain, 0);
    expect_mac(plain, 0);
}

static void all_at_once(void)
{
    CK_BYTE mac[64];
    CK_ULONG length = sizeof out, found = 0;
    CK_OBJECT_HANDLE object = 0;
    prepare();
    start_encrypt();
    start_decrypt(cbc());
    start_digest();
    start_sign();
    start_verify();
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain, 32, out, &length));
    length = sizeof out;
    EXPECT_OK(F->C_DecryptVerifyUpdate(S, sealed, 64, out, &length));
    length = sizeof out;
    EXPECT_OK(F->C_SignEncryptUpdate(S, plain + 32, 32, out, &length));
    EXPECT_BYTES(out, length, sealed + 32, 32);
    EXPECT_OK(F->C_FindObjects(S, &object, 1, &found));
    EXPECT_OK(F->C_FindObjectsFinal(S));
    expect_digest(plain, 32);
    expect_mac(plain + 32, 32);
    EXPECT_OK(F->C_VerifyFinal(S, mac, mac_of(plain, sizeof plain, mac)));
}

static void cancel_one_half(void)
{
    CK_ULONG length = sizeof out;
    prepare();
    REQUIRE_FUNCTION(C_SessionCancel);
    start_encrypt();
    start_digest();
    EXPECT_OK(F->C_DigestEncryptUpdate(S, plain, 16, out, &length));
    CK_RV rv = F->C_SessionCancel(S, CKF_ENCRYPT);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OPERATION_CANCEL_FAILED)
        return;
    EXPECT(F->C_DigestEncryptUpdate(S, plain, 16, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    expect_digest(plain, 16);
}

static void null_arguments(void)
{
    CK_ULONG length = sizeof out;
    prepare();
    start_encrypt();
    start_digest();
    EXPECT(F->C_DigestEncryptUpdate(S, NULL, 16, out, &length), CKR_ARGUMENTS_BAD);
    start_decrypt(cbc());
    EXPECT(F->C_DecryptDigestUpdate(S, sealed, 16, out, NULL), CKR_ARGUMENTS_BAD);
    expect_digest(plain, 0);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, digest_encrypt, "C_DigestEncryptUpdate", "the parts are encrypted, and digested as they are"),
    CHECK(FIX_USER, decrypt_digest, "C_DecryptDigestUpdate", "the parts are decrypted, and what comes out is digested"),
    CHECK(FIX_USER, sign_encrypt, "C_SignEncryptUpdate", "the parts are encrypted, and signed as they are"),
    CHECK(FIX_USER, decrypt_verify, "C_DecryptVerifyUpdate", "the parts are decrypted, and what comes out is verified"),
    CHECK(FIX_USER, decrypt_verify_other_text, "C_DecryptVerifyUpdate", "it is the plaintext of this ciphertext that is verified"),
    CHECK(FIX_USER, interspersed, "C_DigestEncryptUpdate", "may be interspersed with C_DigestUpdate and C_EncryptUpdate"),
    CHECK(FIX_USER, padding_is_held_back, "C_DecryptDigestUpdate", "what C_DecryptFinal gives is not digested"),
    CHECK(FIX_USER, digest_encrypt_query, "C_DigestEncryptUpdate", "a length query passes nothing to the digest"),
    CHECK(FIX_USER, digest_encrypt_too_small, "C_DigestEncryptUpdate", "a buffer too small passes nothing to the digest"),
    CHECK(FIX_USER, decrypt_digest_too_small, "C_DecryptDigestUpdate", "a query or a buffer too small passes nothing to the digest"),
    CHECK(FIX_USER, sign_encrypt_too_small, "C_SignEncryptUpdate", "a query or a buffer too small passes nothing to the signature"),
    CHECK(FIX_USER, decrypt_verify_too_small, "C_DecryptVerifyUpdate", "a query or a buffer too small passes nothing to the verification"),
    CHECK(FIX_USER, error_digests_nothing, "C_DigestEncryptUpdate", "an error passes nothing to the digest, which stays active"),
    CHECK(FIX_USER, encrypts_in_place, "C_DigestEncryptUpdate", "plaintext and ciphertext may be in the same place"),
    CHECK(FIX_USER, decrypts_in_place, "C_DecryptDigestUpdate", "ciphertext and plaintext may be in the same place"),
    CHECK(FIX_USER, needs_both, "C_DigestEncryptUpdate", "both operations must be active; the cipher alone goes on"),
    CHECK(FIX_USER, needs_the_cipher, "C_DecryptDigestUpdate", "both operations must be active; the other one alone goes on"),
    CHECK(FIX_USER, all_at_once, "C_SignEncryptUpdate", "a session has an operation of each kind, and they don't touch one another"),
    CHECK(FIX_USER, cancel_one_half, "C_SessionCancel", "the other half of a dual-function operation stays active"),
    CHECK(FIX_USER, null_arguments, "C_DigestEncryptUpdate", "CKR_ARGUMENTS_BAD, and nothing is passed to the digest"),
};
/* clang-format on */

void chapter_dual(void)
{
    check_add_table("dual", checks);
}
