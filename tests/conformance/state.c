/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saved states of operations. Which can be saved is the library's business; what was saved goes on
 * where it was, and nothing else is taken for a state.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

enum { ROOM = 16384 };

static CK_BYTE data[400], state[ROOM], out[512];
static CK_ULONG state_length;
static CK_BYTE iv[16] = "initial vector!!";

/* Saves, or skips the check where that cannot be. */
static void save(void)
{
    state_length = sizeof state;
    CK_RV rv = F->C_GetOperationState(S, state, &state_length);
    if (rv == CKR_STATE_UNSAVEABLE)
        check_skip("the state of this operation cannot be saved");
    EXPECT_OK(rv);
}

static CK_RV restore_rv(CK_OBJECT_HANDLE key)
{
    return F->C_SetOperationState(S, state, state_length, key, CK_INVALID_HANDLE);
}

/* ---- digests ---- */

struct digest {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *openssl;
};

static const struct digest digests[] = {
    {"CKM_MD5", CKM_MD5, "MD5"},
    {"CKM_SHA_1", CKM_SHA_1, "SHA1"},
    {"CKM_SHA224", CKM_SHA224, "SHA2-224"},
    {"CKM_SHA256", CKM_SHA256, "SHA2-256"},
    {"CKM_SHA384", CKM_SHA384, "SHA2-384"},
    {"CKM_SHA512", CKM_SHA512, "SHA2-512"},
    {"CKM_SHA512_224", CKM_SHA512_224, "SHA2-512/224"},
    {"CKM_SHA512_256", CKM_SHA512_256, "SHA2-512/256"},
    {"CKM_SHA3_256", CKM_SHA3_256, "SHA3-256"},
};

static void start_digest(const struct digest *digest)
{
    require_mechanism(digest->type, CKF_DIGEST);
    fill_bytes(data, sizeof data, 51);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(digest->type)));
}

static void expect_digest(const struct digest *digest, const CK_BYTE *bytes, CK_ULONG length)
{
    CK_BYTE right[64];
    CK_ULONG got = sizeof out;
    EXPECT_OK(F->C_DigestFinal(S, out, &got));
    EXPECT_BYTES(out, got, right, ossl_digest(digest->openssl, bytes, length, right));
}

/* At lengths round the blocks' borders. */
static void digest_goes_on(const void *argument)
{
    static const CK_ULONG lengths[] = {0, 1, 55, 63, 64, 65, 111, 127, 128, 129, 300};
    const struct digest *digest = argument;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        start_digest(digest);
        EXPECT_OK(F->C_DigestUpdate(S, data, lengths[i]));
        save();
        EXPECT_OK(F->C_DigestUpdate(S, (CK_BYTE *)"something else", 14));
        EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
        EXPECT_OK(F->C_DigestUpdate(S, data + lengths[i], sizeof data - lengths[i]));
        expect_digest(digest, data, sizeof data);
    }
}

/* A state does not disturb what it is taken of, and can be used many times. */
static void digest_forks(const void *argument)
{
    const struct digest *digest = argument;
    CK_BYTE text[104];
    start_digest(digest);
    EXPECT_OK(F->C_DigestUpdate(S, data, 100));
    save();
    EXPECT_OK(F->C_DigestUpdate(S, data + 100, 300));
    expect_digest(digest, data, sizeof data);
    for (CK_BYTE i = 0; i < 3; i++) {
        memcpy(text, data, 100);
        memset(text + 100, i, 4);
        EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
        EXPECT_OK(F->C_DigestUpdate(S, text + 100, 4));
        expect_digest(digest, text, sizeof text);
    }
}

/* Saved early, a long digest can be saved later. */
static void digest_long(const void *argument)
{
    static CK_BYTE large[40000];
    const struct digest *digest = argument;
    start_digest(digest);
    fill_bytes(large, sizeof large, 52);
    save();
    EXPECT_OK(F->C_DigestUpdate(S, large, 33333));
    save();
    EXPECT_OK(F->C_DigestUpdate(S, data, 1));
    EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
    EXPECT_OK(F->C_DigestUpdate(S, large + 33333, sizeof large - 33333));
    expect_digest(digest, large, sizeof large);
}

/* ---- ciphers ---- */

struct cipher {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *openssl;
    CK_ULONG length; /* of the message */
    bool padded;
};

static const struct cipher ciphers[] = {
    {"CKM_AES_ECB", CKM_AES_ECB, "AES-128-ECB", 160, false},
    {"CKM_AES_CBC", CKM_AES_CBC, "AES-128-CBC", 160, false},
    {"CKM_AES_CBC_PAD", CKM_AES_CBC_PAD, "AES-128-CBC", 155, true},
    {"CKM_AES_CTR", CKM_AES_CTR, "AES-128-CTR", 155, false},
};

static CK_BYTE sealed[256];
static CK_ULONG sealed_length;

static CK_MECHANISM *mechanism_of(const struct cipher *cipher)
{
    static CK_MECHANISM mechanism;
    static CK_AES_CTR_PARAMS ctr;
    ctr = (CK_AES_CTR_PARAMS){.ulCounterBits = 64};
    memcpy(ctr.cb, iv, sizeof iv);
    mechanism = (CK_MECHANISM){cipher->type, iv, sizeof iv};
    if (cipher->type == CKM_AES_CTR)
        mechanism = (CK_MECHANISM){cipher->type, &ctr, sizeof ctr};
    if (cipher->type == CKM_AES_ECB)
        mechanism = (CK_MECHANISM){cipher->type, NULL, 0};
    return &mechanism;
}

static CK_OBJECT_HANDLE prepare(const struct cipher *cipher)
{
    struct ossl_cipher ossl = {.name = cipher->openssl,
                               .key = key_value(),
                               .iv = iv,
                               .iv_length = cipher->type == CKM_AES_ECB ? 0 : sizeof iv,
                               .padded = cipher->padded};
    require_mechanism(cipher->type, CKF_ENCRYPT | CKF_DECRYPT);
    fill_bytes(data, sizeof data, 53);
    sealed_length = ossl_encrypt(&ossl, data, cipher->length, sealed);
    return key_aes(16, ANY_LABEL);
}

/* Saved after `at` bytes, with and without the key handed in. */
static void cipher_goes_on_at(const struct cipher *cipher, bool encrypts, CK_ULONG at, bool given)
{
    CK_OBJECT_HANDLE key = prepare(cipher);
    const CK_BYTE *right = encrypts ? sealed : data;
    CK_BYTE *in = encrypts ? data : sealed;
    CK_ULONG in_length = encrypts ? cipher->length : sealed_length;
    CK_ULONG right_length = encrypts ? sealed_length : cipher->length;
    CK_C_EncryptUpdate update = encrypts ? F->C_EncryptUpdate : F->C_DecryptUpdate;
    CK_C_EncryptFinal final = encrypts ? F->C_EncryptFinal : F->C_DecryptFinal;
    CK_ULONG first = sizeof out, second = 0, last = 0;
    EXPECT_OK((encrypts ? F->C_EncryptInit : F->C_DecryptInit)(S, mechanism_of(cipher), key));
    EXPECT_OK(update(S, in, at, out, &first));
    save();
    last = sizeof out - first;
    EXPECT_OK(update(S, in, 16, out + first, &last));
    EXPECT_OK(restore_rv(given ? key : CK_INVALID_HANDLE));
    second = sizeof out - first;
    EXPECT_OK(update(S, in + at, in_length - at, out + first, &second));
    last = sizeof out - first - second;
    EXPECT_OK(final(S, out + first + second, &last));
    EXPECT_BYTES(out, first + second + last, right, right_length);
}

static void cipher_goes_on(const void *argument)
{
    static const CK_ULONG places[] = {0, 1, 15, 16, 17, 32, 47, 80, 100, 144};
    for (size_t i = 0; i < COUNT(places); i++) {
        cipher_goes_on_at(argument, true, places[i], true);
        cipher_goes_on_at(argument, false, places[i], true);
    }
}

static void key_needed(const void *argument)
{
    CK_TOKEN_INFO info = token_info();
    const struct cipher *cipher = argument;
    if ((info.flags & CKF_RESTORE_KEY_NOT_NEEDED) != 0) {
        cipher_goes_on_at(cipher, true, 40, false);
        return;
    }
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(cipher), prepare(cipher)));
    save();
    EXPECT_ANY(restore_rv(CK_INVALID_HANDLE), CKR_OK, CKR_KEY_NEEDED);
}

static void key_changed(const void *argument)
{
    const struct cipher *cipher = argument;
    CK_BYTE other[16] = "another AES key";
    CK_ULONG length = sizeof out;
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(cipher), prepare(cipher)));
    EXPECT_OK(F->C_EncryptUpdate(S, data, 20, out, &length));
    save();
    EXPECT(restore_rv(key_secret(CKK_AES, other, sizeof other, ANY_LABEL)), CKR_KEY_CHANGED);
    EXPECT(restore_rv(key_hmac(32, CK_TRUE)), CKR_KEY_CHANGED);
    EXPECT_OK(restore_rv(key_aes(16, ANY_LABEL))); /* the same value in another object */
}

/* ---- what is no state ---- */

#define SHA256_ROW (&digests[3])
#define CBC_ROW (&ciphers[1])

static void save_digest(void)
{
    start_digest(SHA256_ROW);
    EXPECT_OK(F->C_DigestUpdate(S, data, 70));
    save();
}

static void forged(void)
{
    save_digest();
    for (CK_ULONG i = 0; i < state_length; i++) {
        state[i] ^= 1;
        EXPECT(restore_rv(CK_INVALID_HANDLE), CKR_SAVED_STATE_INVALID);
        state[i] ^= 1;
    }
    EXPECT_OK(F->C_DigestUpdate(S, data + 70, 30)); /* still the old one */
    expect_digest(SHA256_ROW, data, 100);
    EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
}

static void other_lengths(void)
{
    save_digest();
    CK_ULONG right = state_length;
    for (state_length = 0; state_length < right; state_length++)
        EXPECT(restore_rv(CK_INVALID_HANDLE), CKR_SAVED_STATE_INVALID);
    state_length = right + 1;
    EXPECT(restore_rv(CK_INVALID_HANDLE), CKR_SAVED_STATE_INVALID);
    EXPECT(F->C_SetOperationState(S, NULL, 10, 0, 0), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GetOperationState(S, state, NULL), CKR_ARGUMENTS_BAD);
}

static void other_session_state(void)
{
    save_digest();
    logout(S);
    EXPECT(restore_rv(CK_INVALID_HANDLE), CKR_SAVED_STATE_INVALID);
}

static void other_session(void)
{
    CK_ULONG length = sizeof out;
    CK_BYTE right[64];
    save_digest();
    CK_SESSION_HANDLE other = open_session(CKF_RW_SESSION);
    EXPECT_OK(F->C_SetOperationState(other, state, state_length, 0, 0));
    EXPECT_OK(F->C_DigestFinal(other, out, &length));
    EXPECT_BYTES(out, length, right, ossl_digest("SHA2-256", data, 70, right));
}

static void without_login(void)
{
    save_digest();
    EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
    expect_digest(SHA256_ROW, data, 70);
}

/* ---- the other rules ---- */

static void lengths(void)
{
    CK_ULONG length = 0, small = 0;
    save_digest();
    EXPECT_OK(F->C_GetOperationState(S, NULL, &length));
    EXPECT_TRUE(length >= state_length && length <= ROOM);
    small = state_length - 1;
    EXPECT(F->C_GetOperationState(S, state, &small), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(small >= state_length);
    EXPECT_OK(F->C_GetOperationState(S, state, &length));
}

static void nothing_to_save(void)
{
    state_length = sizeof state;
    EXPECT(F->C_GetOperationState(S, state, &state_length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT(F->C_GetOperationState(S, state, &state_length), CKR_OPERATION_NOT_INITIALIZED);
}

static void unsaveable(void)
{
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key_rsa_private(ANY_LABEL)));
    EXPECT_OK(F->C_SignUpdate(S, data, 10));
    state_length = sizeof state;
    EXPECT_ANY(F->C_GetOperationState(S, state, &state_length), CKR_STATE_UNSAVEABLE, CKR_OK);
}

static void key_not_needed(void)
{
    save_digest();
    EXPECT(restore_rv(key_aes(16, ANY_LABEL)), CKR_KEY_NOT_NEEDED);
    EXPECT(F->C_SetOperationState(S, state, state_length, 0, key_hmac(32, CK_TRUE)),
           CKR_KEY_NOT_NEEDED);
    EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
}

static void both_at_once(void)
{
    CK_ULONG first = sizeof out, second = sizeof out;
    CK_OBJECT_HANDLE key = prepare(CBC_ROW);
    EXPECT_FAILURE(F->C_GetOperationState(S, state, &first)); /* skips where it is not */
    first = sizeof out;
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(CBC_ROW), key));
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_DigestEncryptUpdate(S, data, 50, out, &first));
    save();
    EXPECT_OK(F->C_SessionCancel(S, CKF_ENCRYPT | CKF_DIGEST));
    EXPECT_OK(restore_rv(key));
    second = sizeof out - first;
    EXPECT_OK(F->C_DigestEncryptUpdate(S, data + 50, 110, out + first, &second));
    EXPECT_BYTES(out, first + second, sealed, 160);
    expect_digest(SHA256_ROW, data, 160);
}

static void cancels_others(void)
{
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG count = 0, length = sizeof out;
    CK_OBJECT_HANDLE key = prepare(CBC_ROW);
    save_digest();
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(CBC_ROW), key));
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT_OK(restore_rv(CK_INVALID_HANDLE));
    EXPECT(F->C_FindObjects(S, &object, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_EncryptUpdate(S, data, 16, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    expect_digest(SHA256_ROW, data, 70);
}

/* A key that was digested is in no state in clear, if it is in one at all. */
static void digested_key(void)
{
    start_digest(SHA256_ROW);
    CK_RV rv = F->C_DigestKey(S, key_aes(32, ANY_LABEL));
    if (rv != CKR_OK)
        check_skip("C_DigestKey: 0x%lx", rv);
    state_length = sizeof state;
    rv = F->C_GetOperationState(S, state, &state_length);
    EXPECT_ANY(rv, CKR_OK, CKR_STATE_UNSAVEABLE);
    for (CK_ULONG i = 0; rv == CKR_OK && i + 16 <= state_length; i++)
        EXPECT_TRUE(memcmp(state + i, key_value(), 16) != 0);
}

static void text_is_not_in_it(void)
{
    start_digest(SHA256_ROW);
    EXPECT_OK(F->C_DigestUpdate(S, data, 40));
    save();
    for (CK_ULONG i = 0; i + 8 <= state_length; i++)
        EXPECT_TRUE(memcmp(state + i, data + 8, 8) != 0);
}

/* clang-format off */
static const struct check digest_checks[] = {
    CHECK_ROW(FIX_USER, digest_goes_on, "C_SetOperationState", "a digest goes on where its state was saved"),
    CHECK_ROW(FIX_USER, digest_forks, "C_GetOperationState", "saving changes nothing, and a state can be restored many times"),
    CHECK_ROW(FIX_USER, digest_long, "C_GetOperationState", "a long digest"),
};

static const struct check cipher_checks[] = {
    CHECK_ROW(FIX_USER, cipher_goes_on, "C_SetOperationState", "encryption and decryption go on where their state was saved"),
    CHECK_ROW(FIX_USER, key_needed, "C_SetOperationState", "no key is needed with CKF_RESTORE_KEY_NOT_NEEDED; CKR_KEY_NEEDED may be without"),
    CHECK_ROW(FIX_USER, key_changed, "C_SetOperationState", "CKR_KEY_CHANGED for another key"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, forged, "C_SetOperationState", "CKR_SAVED_STATE_INVALID for any bit changed; what is active goes on"),
    CHECK(FIX_USER, other_lengths, "C_SetOperationState", "CKR_SAVED_STATE_INVALID for a part of a state, or more than one"),
    CHECK(FIX_USER, other_session_state, "C_SetOperationState", "CKR_SAVED_STATE_INVALID in a session of another state"),
    CHECK(FIX_USER, other_session, "C_SetOperationState", "another session of the same state takes it"),
    CHECK(FIX_PUBLIC, without_login, "C_SetOperationState", "works without a login"),
    CHECK(FIX_USER, lengths, "C_GetOperationState", "a length query and CKR_BUFFER_TOO_SMALL"),
    CHECK(FIX_USER, nothing_to_save, "C_GetOperationState", "CKR_OPERATION_NOT_INITIALIZED without a cryptographic operation"),
    CHECK(FIX_USER, unsaveable, "C_GetOperationState", "CKR_STATE_UNSAVEABLE where the state cannot be had"),
    CHECK(FIX_USER, key_not_needed, "C_SetOperationState", "CKR_KEY_NOT_NEEDED for a key without an operation"),
    CHECK(FIX_USER, both_at_once, "C_GetOperationState", "two operations are saved and restored together"),
    CHECK(FIX_USER, cancels_others, "C_SetOperationState", "ongoing operations and searches are cancelled"),
    CHECK(FIX_USER, digested_key, "C_GetOperationState", "a digested key does not leave with the state"),
    CHECK(FIX_USER, text_is_not_in_it, "C_GetOperationState", "the data on its way is not to be read in the state"),
};
/* clang-format on */

void chapter_state(void)
{
    check_add_rows("state", digest_checks, digests);
    check_add_rows("state", cipher_checks, ciphers);
    check_add_table("state", checks);
}
