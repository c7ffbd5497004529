/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every AES mode, against published answers and OpenSSL's.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_ULONG key_length;
    const char *openssl;
    CK_ULONG unit; /* the data's length is a multiple of this */
    CK_ULONG tag;  /* bytes */
    CK_ULONG aad;  /* bytes */
    bool single;   /* no multiple-part operation */
};

/* clang-format off */
static const struct row rows[] = {
    { "CKM_AES_ECB/128", CKM_AES_ECB, 16, "AES-128-ECB", 16, 0, 0, false },
    { "CKM_AES_ECB/256", CKM_AES_ECB, 32, "AES-256-ECB", 16, 0, 0, false },
    { "CKM_AES_CBC/128", CKM_AES_CBC, 16, "AES-128-CBC", 16, 0, 0, false },
    { "CKM_AES_CBC/192", CKM_AES_CBC, 24, "AES-192-CBC", 16, 0, 0, false },
    { "CKM_AES_CBC/256", CKM_AES_CBC, 32, "AES-256-CBC", 16, 0, 0, false },
    { "CKM_AES_CBC_PAD/128", CKM_AES_CBC_PAD, 16, "AES-128-CBC", 1, 0, 0, false },
    { "CKM_AES_CBC_PAD/256", CKM_AES_CBC_PAD, 32, "AES-256-CBC", 1, 0, 0, false },
    { "CKM_AES_CTR/128", CKM_AES_CTR, 16, "AES-128-CTR", 1, 0, 0, false },
    { "CKM_AES_CTR/256", CKM_AES_CTR, 32, "AES-256-CTR", 1, 0, 0, false },
    { "CKM_AES_GCM/128", CKM_AES_GCM, 16, "AES-128-GCM", 1, 16, 0, false },
    { "CKM_AES_GCM/192", CKM_AES_GCM, 24, "AES-192-GCM", 1, 16, 20, false },
    { "CKM_AES_GCM/256", CKM_AES_GCM, 32, "AES-256-GCM", 1, 16, 20, false },
    { "CKM_AES_GCM/short-tag", CKM_AES_GCM, 32, "AES-256-GCM", 1, 12, 7, false },
    { "CKM_AES_KEY_WRAP/256", CKM_AES_KEY_WRAP, 32, "AES-256-WRAP", 8, 0, 0, true },
    { "CKM_AES_KEY_WRAP_KWP/256", CKM_AES_KEY_WRAP_KWP, 32, "AES-256-WRAP-PAD", 1, 0, 0, true },
};
/* clang-format on */

static CK_BYTE iv[16] = "0123456789abcdef";
static CK_BYTE aad[32] = "additional authenticated data...";
static CK_BYTE data[256], right[512], out[512], back[512];
static CK_ULONG data_length, right_length;

static CK_MECHANISM *mechanism_of(const struct row *row)
{
    static CK_MECHANISM mechanism;
    static CK_AES_CTR_PARAMS ctr;
    static CK_GCM_PARAMS gcm;
    ctr = (CK_AES_CTR_PARAMS){.ulCounterBits = 128};
    memcpy(ctr.cb, iv, sizeof iv);
    gcm = (CK_GCM_PARAMS){iv, 12, 96, row->aad == 0 ? NULL : aad, row->aad, row->tag * 8};
    mechanism = (CK_MECHANISM){row->type, NULL, 0};
    if (row->type == CKM_AES_CBC || row->type == CKM_AES_CBC_PAD)
        mechanism = (CK_MECHANISM){row->type, iv, sizeof iv};
    else if (row->type == CKM_AES_CTR)
        mechanism = (CK_MECHANISM){row->type, &ctr, sizeof ctr};
    else if (row->type == CKM_AES_GCM)
        mechanism = (CK_MECHANISM){row->type, &gcm, sizeof gcm};
    return &mechanism;
}

/* Fills data, and right with what OpenSSL makes of it. */
static void prepare(const struct row *row, CK_ULONG length)
{
    require_mechanism(row->type, CKF_ENCRYPT | CKF_DECRYPT);
    bool wraps = row->type == CKM_AES_KEY_WRAP || row->type == CKM_AES_KEY_WRAP_KWP;
    struct ossl_cipher cipher = {.name = row->openssl,
                                 .key = key_value(),
                                 .iv = wraps ? NULL : iv,
                                 .iv_length = 12,
                                 .aad = aad,
                                 .aad_length = row->aad,
                                 .tag_length = row->tag,
                                 .padded = row->type == CKM_AES_CBC_PAD};
    fill_bytes(data, sizeof data, 31);
    data_length = length - length % row->unit;
    right_length = ossl_encrypt(&cipher, data, data_length, right);
}

static CK_OBJECT_HANDLE key_of(const struct row *row)
{
    return key_aes(row->key_length, ANY_LABEL);
}

static void encrypts(const void *argument)
{
    const struct row *row = argument;
    static const CK_ULONG lengths[] = {160, 16, 33, 100};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_ULONG length = sizeof out;
        prepare(row, lengths[i]);
        EXPECT_OK(F->C_EncryptInit(S, mechanism_of(row), key_of(row)));
        EXPECT_OK(F->C_Encrypt(S, data, data_length, out, &length));
        EXPECT_BYTES(out, length, right, right_length);
    }
}

static void decrypts(const void *argument)
{
    const struct row *row = argument;
    static const CK_ULONG lengths[] = {160, 16, 33, 100};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_ULONG length = sizeof back;
        prepare(row, lengths[i]);
        EXPECT_OK(F->C_DecryptInit(S, mechanism_of(row), key_of(row)));
        EXPECT_OK(F->C_Decrypt(S, right, right_length, back, &length));
        EXPECT_BYTES(back, length, data, data_length);
    }
}

static void encrypts_in_parts(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG total = 0, step = 0, length = 0;
    prepare(row, 160);
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(row), key_of(row)));
    for (CK_ULONG done = 0; done < data_length; done += step) {
        step = done % 23 + 1 > data_length - done ? data_length - done : done % 23 + 1;
        length = sizeof out - total;
        EXPECT_OK(F->C_EncryptUpdate(S, data + done, step, out + total, &length));
        total += length;
    }
    length = sizeof out - total;
    EXPECT_OK(F->C_EncryptFinal(S, out + total, &length));
    EXPECT_BYTES(out, total + length, right, right_length);
}

static void decrypts_in_parts(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG total = 0, step = 0, length = 0;
    prepare(row, 160);
    EXPECT_OK(F->C_DecryptInit(S, mechanism_of(row), key_of(row)));
    for (CK_ULONG done = 0; done < right_length; done += step) {
        step = done % 19 + 1 > right_length - done ? right_length - done : done % 19 + 1;
        length = sizeof back - total;
        EXPECT_OK(F->C_DecryptUpdate(S, right + done, step, back + total, &length));
        total += length;
    }
    length = sizeof back - total;
    EXPECT_OK(F->C_DecryptFinal(S, back + total, &length));
    EXPECT_BYTES(back, total + length, data, data_length);
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = 0;
    prepare(row, 48);
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(row), key_of(row)));
    EXPECT_OK(F->C_Encrypt(S, data, data_length, NULL, &length));
    EXPECT_TRUE(length >= right_length && length <= right_length + 32);
    length = right_length - 1;
    EXPECT(F->C_Encrypt(S, data, data_length, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= right_length);
    length = sizeof out;
    EXPECT_OK(F->C_Encrypt(S, data, data_length, out, &length));
    EXPECT_BYTES(out, length, right, right_length);
}

static void damaged(const void *argument)
{
    const struct row *row = argument;
    const CK_ULONG places[] = {0, 47, row->tag != 0 ? 48 + row->tag - 1 : 40};
    for (size_t i = 0; i < COUNT(places); i++) {
        CK_ULONG length = sizeof back;
        prepare(row, 48);
        right[places[i]] ^= 1;
        EXPECT_OK(F->C_DecryptInit(S, mechanism_of(row), key_of(row)));
        EXPECT_ANY(F->C_Decrypt(S, right, right_length, back, &length), CKR_ENCRYPTED_DATA_INVALID,
                   CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_AEAD_DECRYPT_FAILED);
    }
}

static void parameter_wrong(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE junk[5] = {1, 2, 3, 4, 5};
    prepare(row, 16);
    EXPECT(F->C_EncryptInit(S, MECHANISM_X(row->type, junk, sizeof junk), key_of(row)),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DecryptInit(S, MECHANISM_X(row->type, junk, sizeof junk), key_of(row)),
           CKR_MECHANISM_PARAM_INVALID);
    if (row->single)
        return;
    EXPECT(F->C_EncryptInit(S, MECHANISM(row->type), key_of(row)), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DecryptInit(S, MECHANISM(row->type), key_of(row)), CKR_MECHANISM_PARAM_INVALID);
}

static void not_whole_units(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = sizeof out;
    prepare(row, 48);
    EXPECT_OK(F->C_EncryptInit(S, mechanism_of(row), key_of(row)));
    EXPECT(F->C_Encrypt(S, data, 21, out, &length), CKR_DATA_LEN_RANGE);
}

/* ---- known answers ---- */

static void expect_encryption(CK_MECHANISM *mechanism, const char *key_hex, const char *plain,
                              const char *cipher)
{
    CK_BYTE key[32], in[128], wanted[128], got[128];
    CK_ULONG in_length = from_hex(plain, in), wanted_length = from_hex(cipher, wanted);
    CK_ULONG length = sizeof got;
    require_mechanism(mechanism->mechanism, CKF_ENCRYPT | CKF_DECRYPT);
    CK_OBJECT_HANDLE handle = key_secret(CKK_AES, key, from_hex(key_hex, key), ANY_LABEL);
    EXPECT_OK(F->C_EncryptInit(S, mechanism, handle));
    EXPECT_OK(F->C_Encrypt(S, in, in_length, got, &length));
    EXPECT_BYTES(got, length, wanted, wanted_length);
    length = sizeof got;
    EXPECT_OK(F->C_DecryptInit(S, mechanism, handle));
    EXPECT_OK(F->C_Decrypt(S, wanted, wanted_length, got, &length));
    EXPECT_BYTES(got, length, in, in_length);
}

#define SP800_38A_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define SP800_38A_PLAIN "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"

static void known_ecb(void)
{
    expect_encryption(MECHANISM(CKM_AES_ECB), SP800_38A_KEY, SP800_38A_PLAIN,
                      "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf");
    /* FIPS 197, appendix C.3 */
    expect_encryption(MECHANISM(CKM_AES_ECB),
                      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                      "00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089");
}

static void known_cbc(void)
{
    CK_BYTE vector[16];
    from_hex("000102030405060708090a0b0c0d0e0f", vector);
    expect_encryption(MECHANISM_X(CKM_AES_CBC, vector, 16), SP800_38A_KEY, SP800_38A_PLAIN,
                      "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
}

static void known_ctr(void)
{
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 128};
    from_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", ctr.cb);
    expect_encryption(MECHANISM_P(CKM_AES_CTR, ctr), SP800_38A_KEY, SP800_38A_PLAIN,
                      "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
}

static void known_gcm(void)
{
    CK_BYTE vector[12], extra[20];
    from_hex("cafebabefacedbaddecaf888", vector);
    from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", extra);
    CK_GCM_PARAMS gcm = {vector, 12, 96, extra, 20, 128};
    /* the test case 4 of the GCM specification */
    expect_encryption(MECHANISM_P(CKM_AES_GCM, gcm), "feffe9928665731c6d6a8f9467308308",
                      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                      "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                      "5bc94fbc3221a5db94fae95ae7121a47");
}

/* ---- GCM and CTR by themselves ---- */

static CK_RV gcm_init(const CK_GCM_PARAMS *gcm)
{
    CK_GCM_PARAMS copy = *gcm;
    require_mechanism(CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT);
    return F->C_EncryptInit(S, MECHANISM_P(CKM_AES_GCM, copy), key_aes(16, ANY_LABEL));
}

static void gcm_tag_bits(void)
{
    EXPECT(gcm_init(&(CK_GCM_PARAMS){iv, 12, 96, NULL, 0, 129}), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(gcm_init(&(CK_GCM_PARAMS){iv, 12, 96, NULL, 0, 136}), CKR_MECHANISM_PARAM_INVALID);
}

static void gcm_null_pointers(void)
{
    EXPECT(gcm_init(&(CK_GCM_PARAMS){NULL, 12, 96, NULL, 0, 128}), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(gcm_init(&(CK_GCM_PARAMS){iv, 12, 96, NULL, 10, 128}), CKR_MECHANISM_PARAM_INVALID);
}

static void gcm_empty_iv(void)
{
    EXPECT(gcm_init(&(CK_GCM_PARAMS){iv, 0, 0, NULL, 0, 128}), CKR_MECHANISM_PARAM_INVALID);
}

static void gcm_long_iv(void)
{
    CK_BYTE vector[300], plain[20] = "plaintext", wanted[64], got[64];
    CK_ULONG length = sizeof got;
    fill_bytes(vector, sizeof vector, 9);
    struct ossl_cipher cipher = {
        .name = "AES-128-GCM", .key = key_value(), .iv = vector, .iv_length = 16, .tag_length = 16};
    CK_RV rv = gcm_init(&(CK_GCM_PARAMS){vector, 16, 128, NULL, 0, 128});
    if (rv == CKR_MECHANISM_PARAM_INVALID)
        check_skip("no IV but of 12 bytes");
    EXPECT_OK(rv);
    EXPECT_OK(F->C_Encrypt(S, plain, sizeof plain, got, &length));
    EXPECT_BYTES(got, length, wanted, ossl_encrypt(&cipher, plain, sizeof plain, wanted));
}

static void gcm_only_aad(void)
{
    CK_BYTE wanted[64], got[64];
    CK_ULONG length = sizeof got;
    struct ossl_cipher cipher = {.name = "AES-128-GCM",
                                 .key = key_value(),
                                 .iv = iv,
                                 .iv_length = 12,
                                 .aad = aad,
                                 .aad_length = 20,
                                 .tag_length = 16};
    EXPECT_OK(gcm_init(&(CK_GCM_PARAMS){iv, 12, 96, aad, 20, 128}));
    EXPECT_OK(F->C_Encrypt(S, got, 0, got, &length));
    EXPECT_BYTES(got, length, wanted, ossl_encrypt(&cipher, wanted, 0, wanted));
}

static void gcm_no_early_plaintext(void)
{
    const struct row *row = &rows[9];
    CK_ULONG length = sizeof back, total = 0;
    prepare(row, 160);
    right[3] ^= 1;
    EXPECT_OK(F->C_DecryptInit(S, mechanism_of(row), key_of(row)));
    EXPECT_OK(F->C_DecryptUpdate(S, right, right_length, back, &length));
    EXPECT_EQUAL(length, 0);
    total = sizeof back;
    EXPECT_ANY(F->C_DecryptFinal(S, back, &total), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_AEAD_DECRYPT_FAILED);
    EXPECT(F->C_DecryptFinal(S, back, &total), CKR_OPERATION_NOT_INITIALIZED);
}

static void gcm_other_aad(void)
{
    CK_BYTE other[20] = "other";
    const struct row *row = &rows[11];
    CK_ULONG length = sizeof back;
    prepare(row, 32);
    CK_GCM_PARAMS gcm = {iv, 12, 96, other, sizeof other, 128};
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM_P(CKM_AES_GCM, gcm), key_of(row)));
    EXPECT_ANY(F->C_Decrypt(S, right, right_length, back, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_AEAD_DECRYPT_FAILED);
}

static void gcm_shorter_than_tag(void)
{
    const struct row *row = &rows[11];
    CK_ULONG length = sizeof back;
    prepare(row, 32);
    EXPECT_OK(F->C_DecryptInit(S, mechanism_of(row), key_of(row)));
    EXPECT_ANY(F->C_Decrypt(S, right, 15, back, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_AEAD_DECRYPT_FAILED);
}

static void ctr_counter_bits(void)
{
    static const CK_ULONG bits[] = {0, 129, 4096};
    require_mechanism(CKM_AES_CTR, CKF_ENCRYPT);
    for (size_t i = 0; i < COUNT(bits); i++) {
        CK_AES_CTR_PARAMS ctr = {.ulCounterBits = bits[i]};
        EXPECT(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CTR, ctr), key_aes(16, ANY_LABEL)),
               CKR_MECHANISM_PARAM_INVALID);
    }
}

static void ctr_overflow(void)
{
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 2};
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_AES_CTR, CKF_ENCRYPT);
    ctr.cb[15] = 1;
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CTR, ctr), key_aes(16, ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, data, 48, out, &length));
    length = sizeof out;
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CTR, ctr), key_aes(16, ANY_LABEL)));
    EXPECT(F->C_Encrypt(S, data, 49, out, &length), CKR_DATA_LEN_RANGE);
}

static void ctr_overflow_query(void)
{
    CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 2};
    CK_ULONG length = 0;
    require_mechanism(CKM_AES_CTR, CKF_ENCRYPT);
    ctr.cb[15] = 1;
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CTR, ctr), key_aes(16, ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, data, 48, NULL, &length));
    CK_RV rv = F->C_Encrypt(S, data, 49, NULL, &length);
    EXPECT_ANY(rv, CKR_OK, CKR_DATA_LEN_RANGE);
    length = sizeof out;
    EXPECT(F->C_Encrypt(S, data, 49, out, &length),
           rv == CKR_OK ? CKR_DATA_LEN_RANGE : CKR_OPERATION_NOT_INITIALIZED);
}

static void pad_of_nothing(void)
{
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_AES_CBC_PAD, CKF_ENCRYPT | CKF_DECRYPT);
    CK_MECHANISM *mechanism = MECHANISM_X(CKM_AES_CBC_PAD, iv, sizeof iv);
    EXPECT_OK(F->C_EncryptInit(S, mechanism, key_aes(16, ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, data, 0, out, &length));
    EXPECT_EQUAL(length, 16);
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key_aes(16, ANY_LABEL)));
    EXPECT_OK(F->C_Decrypt(S, out, 16, back, &length));
    EXPECT_EQUAL(length, 0);
}

static void large_data(void)
{
    static CK_BYTE big[100000], sealed[100016], opened[100016];
    CK_ULONG length = sizeof sealed;
    fill_bytes(big, sizeof big, 2);
    require_mechanism(CKM_AES_CBC_PAD, CKF_ENCRYPT | CKF_DECRYPT);
    CK_MECHANISM *mechanism = MECHANISM_X(CKM_AES_CBC_PAD, iv, sizeof iv);
    EXPECT_OK(F->C_EncryptInit(S, mechanism, key_aes(32, ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, big, sizeof big, sealed, &length));
    CK_ULONG opened_length = sizeof opened;
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key_aes(32, ANY_LABEL)));
    EXPECT_OK(F->C_Decrypt(S, sealed, length, opened, &opened_length));
    EXPECT_BYTES(opened, opened_length, big, sizeof big);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, known_ecb, "AES-ECB", "the answers of SP 800-38A and FIPS 197"),
    CHECK(FIX_USER, known_cbc, "AES-CBC", "the answers of SP 800-38A"),
    CHECK(FIX_USER, known_ctr, "AES-CTR", "the answers of SP 800-38A"),
    CHECK(FIX_USER, known_gcm, "AES-GCM", "the answers of the GCM specification"),
    CHECK(FIX_USER, gcm_tag_bits, "AES-GCM", "CKR_MECHANISM_PARAM_INVALID for a tag above 128 bits"),
    CHECK(FIX_USER, gcm_null_pointers, "AES-GCM", "CKR_MECHANISM_PARAM_INVALID for NULL IV or AAD with a length"),
    CHECK(FIX_USER, gcm_empty_iv, "AES-GCM", "CKR_MECHANISM_PARAM_INVALID for an empty IV"),
    CHECK(FIX_USER, gcm_long_iv, "AES-GCM", "an IV of 16 bytes"),
    CHECK(FIX_USER, gcm_only_aad, "AES-GCM", "a tag without plaintext"),
    CHECK(FIX_USER, gcm_no_early_plaintext, "AES-GCM", "no plaintext before the tag is known to be right"),
    CHECK(FIX_USER, gcm_other_aad, "AES-GCM", "other AAD does not decrypt"),
    CHECK(FIX_USER, gcm_shorter_than_tag, "AES-GCM", "less than a tag does not decrypt"),
    CHECK(FIX_USER, ctr_counter_bits, "AES with counter", "CKR_MECHANISM_PARAM_INVALID for 0 or more than 128 counter bits"),
    CHECK(FIX_USER, ctr_overflow_query, "AES with counter", "a length query for too many data gives CKR_DATA_LEN_RANGE, or leaves it to the call after it"),
    CHECK(FIX_USER, ctr_overflow, "AES with counter", "CKR_DATA_LEN_RANGE when the counter would overflow"),
    CHECK(FIX_USER, pad_of_nothing, "AES-CBC with PKCS padding", "nothing becomes one block and nothing again"),
    CHECK(FIX_USER, large_data, "C_Encrypt", "100,000 bytes there and back"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, encrypts, "C_Encrypt", "the ciphertext is OpenSSL's, for several lengths"),
    CHECK_ROW(FIX_USER, decrypts, "C_Decrypt", "OpenSSL's ciphertext is decrypted, for several lengths"),
    CHECK_ROW(FIX_USER, lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, then it works"),
};

static const struct check part_checks[] = {
    CHECK_ROW(FIX_USER, encrypts_in_parts, "C_EncryptUpdate", "parts of any length make the same ciphertext"),
    CHECK_ROW(FIX_USER, decrypts_in_parts, "C_DecryptUpdate", "parts of any length make the plaintext"),
};

static const struct check tag_checks[] = {
    CHECK_ROW(FIX_USER, damaged, "C_Decrypt", "damaged ciphertext of an authenticated mode does not decrypt"),
};

static const struct check parameter_checks[] = {
    CHECK_ROW(FIX_USER, parameter_wrong, "C_EncryptInit", "CKR_MECHANISM_PARAM_INVALID for a parameter that is none, or is missing"),
};

static const struct check unit_checks[] = {
    CHECK_ROW(FIX_USER, not_whole_units, "C_Encrypt", "CKR_DATA_LEN_RANGE for data that are no whole blocks"),
};
/* clang-format on */

void chapter_encrypt(void)
{
    check_add_table("encrypt", checks);
    check_add_rows("encrypt", row_checks, rows);
    check_add_rows_if("encrypt", part_checks, rows, !row->single);
    check_add_rows_if("encrypt", tag_checks, rows, row->tag != 0 || row->single);
    check_add_rows_if("encrypt", parameter_checks, rows, row->type != CKM_AES_ECB);
    check_add_rows_if("encrypt", unit_checks, rows, row->unit != 1);
}
