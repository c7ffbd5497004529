/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-based functions: AES-GCM with every IV generator against OpenSSL's opinion, and the rules
 * of messages that are signed and verified. Every mechanism that signs does so in signature.c.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

static CK_BYTE plain[100], aad[20] = "twenty bytes of data", out[160], sealed[160];
static CK_BYTE iv[16], tag[16], right_tag[16];
static CK_OBJECT_HANDLE key;

static CK_GCM_MESSAGE_PARAMS params(CK_GENERATOR_FUNCTION generator, CK_ULONG fixed_bits)
{
    return (CK_GCM_MESSAGE_PARAMS){iv, 12, fixed_bits, generator, tag, 128};
}

#define PARAMS(structure) &(structure), sizeof(structure)

/* What OpenSSL makes of `plain` with the present IV: in sealed and right_tag. */
static void seal_with(const CK_BYTE *nonce)
{
    struct ossl_cipher cipher = {.name = "AES-128-GCM",
                                 .key = key_value(),
                                 .iv = nonce,
                                 .iv_length = 12,
                                 .aad = aad,
                                 .aad_length = sizeof aad,
                                 .tag_length = 16};
    CK_ULONG length = ossl_encrypt(&cipher, plain, sizeof plain, sealed);
    EXPECT_EQUAL(length, sizeof plain + 16);
    memcpy(right_tag, sealed + sizeof plain, 16);
}

static void prepare(void)
{
    static const CK_BYTE nonce[16] = "nonce, 12 bytes";
    REQUIRE_FUNCTION(C_MessageEncryptInit);
    REQUIRE_FUNCTION(C_MessageDecryptInit);
    require_mechanism(CKM_AES_GCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    fill_bytes(plain, sizeof plain, 41);
    memcpy(iv, nonce, sizeof iv);
    memset(tag, 0, sizeof tag);
    key = key_aes(16, ANY_LABEL);
}

static void start_encrypt(void)
{
    prepare();
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
}

/* `sealed` and `tag` are a message with the IV of prepare(). */
static void start_decrypt(void)
{
    prepare();
    seal_with(iv);
    memcpy(tag, right_tag, sizeof tag);
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
}

static CK_RV encrypt_rv(CK_GCM_MESSAGE_PARAMS *gcm, CK_BYTE *to, CK_ULONG *length)
{
    return F->C_EncryptMessage(S, gcm, sizeof *gcm, aad, sizeof aad, plain, sizeof plain, to,
                               length);
}

static CK_RV encrypt_next_rv(CK_GCM_MESSAGE_PARAMS *gcm, CK_ULONG from, CK_ULONG to,
                             CK_ULONG *length, CK_FLAGS flags)
{
    return F->C_EncryptMessageNext(S, gcm, sizeof *gcm, plain + from, to - from, out + from, length,
                                   flags);
}

static CK_RV decrypt_rv(CK_GCM_MESSAGE_PARAMS *gcm, CK_BYTE *to, CK_ULONG *length)
{
    return F->C_DecryptMessage(S, gcm, sizeof *gcm, aad, sizeof aad, sealed, sizeof plain, to,
                               length);
}

static CK_RV decrypt_next_rv(CK_GCM_MESSAGE_PARAMS *gcm, CK_ULONG from, CK_ULONG to,
                             CK_ULONG *length, CK_FLAGS flags)
{
    return F->C_DecryptMessageNext(S, gcm, sizeof *gcm, sealed + from, to - from, out + from,
                                   length, flags);
}

/* One message in a call: the ciphertext and the tag are those of the IV that came back. */
static void expect_message(CK_GCM_MESSAGE_PARAMS *gcm)
{
    CK_ULONG length = sizeof out;
    EXPECT_OK(encrypt_rv(gcm, out, &length));
    seal_with(iv);
    EXPECT_BYTES(out, length, sealed, sizeof plain);
    EXPECT_BYTES(tag, sizeof tag, right_tag, sizeof right_tag);
}

/* ---- encryption ---- */

static void encrypts(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_BYTE before[16];
    start_encrypt();
    memcpy(before, iv, sizeof before);
    expect_message(&gcm);
    EXPECT_BYTES(iv, sizeof iv, before, sizeof before);
    iv[3]++;
    expect_message(&gcm);
    EXPECT_OK(F->C_MessageEncryptFinal(S));
    EXPECT(F->C_MessageEncryptFinal(S), CKR_OPERATION_NOT_INITIALIZED);
}

static void init_with_parameter(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    prepare();
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM_P(CKM_AES_GCM, gcm), key));
    gcm.ivGenerator = CKG_GENERATE;
    expect_message(&gcm);
    EXPECT(F->C_MessageDecryptInit(S, MECHANISM_X(CKM_AES_GCM, iv, 12), key),
           CKR_MECHANISM_PARAM_INVALID);
}

static void encrypts_in_parts(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG first = 33, second = 67;
    start_encrypt();
    EXPECT_OK(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_OK(encrypt_next_rv(&gcm, 0, 33, &first, 0));
    EXPECT_EQUAL(first, 33);
    EXPECT_OK(encrypt_next_rv(&gcm, 33, 100, &second, CKF_END_OF_MESSAGE));
    seal_with(iv);
    EXPECT_BYTES(out, first + second, sealed, sizeof plain);
    EXPECT_BYTES(tag, sizeof tag, right_tag, sizeof right_tag);
    EXPECT(encrypt_next_rv(&gcm, 0, 33, &first, 0), CKR_OPERATION_NOT_INITIALIZED);
    iv[0]++;
    expect_message(&gcm);
}

static void parts_with_generator(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE, 32);
    CK_BYTE before[16], begun[16];
    CK_ULONG length = 50;
    start_encrypt();
    memcpy(before, iv, sizeof before);
    EXPECT_OK(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_BYTES(iv, 4, before, 4);
    EXPECT_TRUE(memcmp(iv, before, 12) != 0);
    memcpy(begun, iv, sizeof begun);
    EXPECT_OK(encrypt_next_rv(&gcm, 0, 50, &length, 0));
    EXPECT_OK(encrypt_next_rv(&gcm, 50, 100, &length, CKF_END_OF_MESSAGE));
    EXPECT_BYTES(iv, 12, begun, 12);
    seal_with(iv);
    EXPECT_BYTES(out, sizeof plain, sealed, sizeof plain);
    EXPECT_BYTES(tag, sizeof tag, right_tag, sizeof right_tag);
}

static void encrypt_lengths(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE_COUNTER, 0);
    CK_BYTE before[16];
    CK_ULONG length = 0;
    start_encrypt();
    memcpy(before, iv, sizeof before);
    EXPECT_OK(encrypt_rv(&gcm, NULL, &length));
    EXPECT_TRUE(length >= 100 && length <= 132);
    length = 99;
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 100);
    EXPECT_BYTES(iv, 12, before, 12);
    expect_message(&gcm);
    EXPECT_EQUAL(iv[11], 0);
}

static void next_lengths(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = 0;
    start_encrypt();
    EXPECT_OK(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_OK(F->C_EncryptMessageNext(S, PARAMS(gcm), plain, 40, NULL, &length, 0));
    EXPECT_TRUE(length >= 40);
    length = 39;
    EXPECT(encrypt_next_rv(&gcm, 0, 40, &length, 0), CKR_BUFFER_TOO_SMALL);
    length = 40;
    EXPECT_OK(encrypt_next_rv(&gcm, 0, 40, &length, 0));
    EXPECT_OK(
        F->C_EncryptMessageNext(S, PARAMS(gcm), plain + 40, 60, NULL, &length, CKF_END_OF_MESSAGE));
    length = 59;
    EXPECT(encrypt_next_rv(&gcm, 40, 100, &length, CKF_END_OF_MESSAGE), CKR_BUFFER_TOO_SMALL);
    length = 60;
    EXPECT_OK(encrypt_next_rv(&gcm, 40, 100, &length, CKF_END_OF_MESSAGE));
    seal_with(iv);
    EXPECT_BYTES(out, sizeof plain, sealed, sizeof plain);
    EXPECT_BYTES(tag, sizeof tag, right_tag, sizeof right_tag);
}

static void encrypts_in_place(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_BYTE buffer[100];
    CK_ULONG length = sizeof buffer;
    start_encrypt();
    memcpy(buffer, plain, sizeof buffer);
    EXPECT_OK(F->C_EncryptMessage(S, PARAMS(gcm), aad, sizeof aad, buffer, sizeof buffer, buffer,
                                  &length));
    seal_with(iv);
    EXPECT_BYTES(buffer, length, sealed, sizeof plain);
}

static void short_tag(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    gcm.ulTagBits = 96;
    memset(tag, 0xa5, sizeof tag);
    EXPECT_OK(encrypt_rv(&gcm, out, &length));
    seal_with(iv);
    EXPECT_BYTES(tag, 12, right_tag, 12);
    EXPECT_EQUAL(tag[12], 0xa5);
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
    length = sizeof out;
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
}

static void empty_message(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = 0;
    start_encrypt();
    EXPECT_OK(F->C_EncryptMessage(S, PARAMS(gcm), aad, sizeof aad, NULL, 0, out, &length));
    EXPECT_EQUAL(length, 0);
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
    length = sizeof out;
    EXPECT_OK(F->C_DecryptMessage(S, PARAMS(gcm), aad, sizeof aad, NULL, 0, out, &length));
    EXPECT_EQUAL(length, 0);
    tag[0] ^= 1;
    length = sizeof out;
    EXPECT(F->C_DecryptMessage(S, PARAMS(gcm), aad, sizeof aad, NULL, 0, out, &length),
           CKR_AEAD_DECRYPT_FAILED);
}

/* ---- IV generators ---- */

static void generate(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE, 0);
    CK_BYTE ivs[20][12];
    start_encrypt();
    for (size_t i = 0; i < COUNT(ivs); i++) {
        expect_message(&gcm);
        memcpy(ivs[i], iv, 12);
        for (size_t k = 0; k < i; k++)
            EXPECT_TRUE(memcmp(ivs[i], ivs[k], 12) != 0);
    }
}

static void generate_random(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE_RANDOM, 24);
    CK_BYTE first[16], fixed[16];
    start_encrypt();
    memcpy(fixed, iv, sizeof fixed);
    expect_message(&gcm);
    memcpy(first, iv, sizeof first);
    expect_message(&gcm);
    EXPECT_BYTES(iv, 3, fixed, 3);
    EXPECT_TRUE(memcmp(first, iv, 12) != 0);
}

static void generate_counter(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE_COUNTER, 36);
    CK_BYTE right[16];
    start_encrypt();
    memcpy(right, iv, sizeof right);
    memset(right + 5, 0, 7);
    right[4] &= 0xf0; /* 36 fixed bits: four bytes and a half */
    for (CK_BYTE i = 0; i < 3; i++) {
        iv[7] = 0x77; /* what is not fixed comes from the module */
        right[11] = i;
        expect_message(&gcm);
        EXPECT_BYTES(iv, 12, right, 12);
    }
}

static void generate_counter_xor(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE_COUNTER_XOR, 32);
    CK_BYTE given[16], right[16];
    start_encrypt();
    memcpy(given, iv, sizeof given);
    for (CK_BYTE i = 0; i < 5; i++) {
        memcpy(iv, given, sizeof iv);
        memcpy(right, given, sizeof right);
        right[11] ^= i;
        expect_message(&gcm);
        EXPECT_BYTES(iv, 12, right, 12);
    }
}

static void counter_starts_anew(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_GENERATE_COUNTER, 32);
    start_encrypt();
    expect_message(&gcm);
    expect_message(&gcm);
    EXPECT_EQUAL(iv[11], 1);
    EXPECT_OK(F->C_MessageEncryptFinal(S));
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
    expect_message(&gcm);
    EXPECT_EQUAL(iv[11], 0);
}

/* No generator uses an IV twice: with 8 bits it gives up after 256 at the latest. */
static void never_twice(CK_GENERATOR_FUNCTION generator)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(generator, 88);
    bool seen[256] = {false};
    CK_BYTE given[16];
    CK_RV rv = CKR_OK;
    start_encrypt();
    memcpy(given, iv, sizeof given);
    for (int i = 0; i < 257; i++) {
        CK_ULONG length = sizeof out;
        memcpy(iv, given, sizeof iv);
        rv = encrypt_rv(&gcm, out, &length);
        if (rv != CKR_OK)
            break;
        EXPECT_TRUE(!seen[iv[11]]);
        seen[iv[11]] = true;
    }
    EXPECT_TRUE(rv != CKR_OK);
}

static void generate_never_twice(void)
{
    never_twice(CKG_GENERATE);
}

static void random_never_twice(void)
{
    never_twice(CKG_GENERATE_RANDOM);
}

static void counter_never_twice(void)
{
    never_twice(CKG_GENERATE_COUNTER);
}

static void xor_never_twice(void)
{
    never_twice(CKG_GENERATE_COUNTER_XOR);
}

static void generator_wrong(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(0x4711, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_MECHANISM_PARAM_INVALID);
    gcm = params(CKG_GENERATE, 97); /* of 96 */
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_MECHANISM_PARAM_INVALID);
    gcm = params(CKG_NO_GENERATE, 0);
    expect_message(&gcm);
}

/* ---- decryption ---- */

static void decrypts(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(0x4711, 999); /* ignored */
    CK_BYTE before[16];
    CK_ULONG length = sizeof out;
    start_decrypt();
    memcpy(before, iv, sizeof before);
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
    EXPECT_BYTES(iv, sizeof iv, before, sizeof before);
    EXPECT_BYTES(tag, sizeof tag, right_tag, sizeof right_tag);
    length = sizeof out;
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
    EXPECT_OK(F->C_MessageDecryptFinal(S));
    EXPECT(F->C_MessageDecryptFinal(S), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypts_in_parts(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG first = 100, second = 100;
    start_decrypt();
    memset(tag, 0, sizeof tag); /* the tag is wanted at the end */
    EXPECT_OK(F->C_DecryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_OK(decrypt_next_rv(&gcm, 0, 61, &first, 0));
    EXPECT_TRUE(first <= 61);
    memcpy(tag, right_tag, sizeof tag);
    EXPECT_OK(F->C_DecryptMessageNext(S, PARAMS(gcm), sealed + 61, 39, out + first, &second,
                                      CKF_END_OF_MESSAGE));
    EXPECT_BYTES(out, first + second, plain, sizeof plain);
    first = sizeof out;
    EXPECT_OK(decrypt_rv(&gcm, out, &first));
}

static void wrong_tag(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_decrypt();
    memset(out, 0xa5, sizeof out);
    tag[15] ^= 1;
    EXPECT(decrypt_rv(&gcm, out, &length), CKR_AEAD_DECRYPT_FAILED);
    EXPECT_TRUE(memcmp(out, plain, 16) != 0);
    tag[15] ^= 1;
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
}

static void wrong_everything(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_BYTE *const places[] = {&sealed[50], &aad[3], &iv[5], &tag[0]};
    start_decrypt();
    for (size_t i = 0; i < COUNT(places); i++) {
        CK_ULONG length = sizeof out;
        *places[i] ^= 4;
        EXPECT(decrypt_rv(&gcm, out, &length), CKR_AEAD_DECRYPT_FAILED);
        *places[i] ^= 4;
    }
}

static void wrong_tag_in_parts(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = 100;
    start_decrypt();
    tag[7] ^= 0x20;
    EXPECT_OK(F->C_DecryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_OK(decrypt_next_rv(&gcm, 0, 50, &length, 0));
    length = sizeof out - 50; /* for what was kept, too */
    EXPECT(decrypt_next_rv(&gcm, 50, 100, &length, CKF_END_OF_MESSAGE), CKR_AEAD_DECRYPT_FAILED);
    EXPECT(decrypt_next_rv(&gcm, 50, 100, &length, CKF_END_OF_MESSAGE),
           CKR_OPERATION_NOT_INITIALIZED);
    tag[7] ^= 0x20;
    length = sizeof out;
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
}

static void decrypt_lengths(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = 0;
    start_decrypt();
    EXPECT_OK(decrypt_rv(&gcm, NULL, &length));
    EXPECT_TRUE(length >= 100 && length <= 132);
    length = 99;
    EXPECT(decrypt_rv(&gcm, out, &length), CKR_BUFFER_TOO_SMALL);
    length = 100;
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
}

/* ---- the other AEADs ---- */

/* Each message goes there and back, whole and in parts. */
static void expect_round(void *parameter, CK_ULONG parameter_length, CK_BYTE *nonce, CK_BYTE *mac)
{
    CK_BYTE parts[160], back[160];
    for (CK_BYTE i = 0; i < 3; i++) {
        CK_ULONG length = sizeof out, first = 60, last = 0;
        CK_BYTE given[16];
        nonce[0] = i;
        EXPECT_OK(F->C_EncryptMessage(S, parameter, parameter_length, aad, sizeof aad, plain,
                                      sizeof plain, out, &length));
        EXPECT_EQUAL(length, sizeof plain);
        memcpy(given, mac, sizeof given);
        EXPECT_OK(F->C_EncryptMessageBegin(S, parameter, parameter_length, aad, sizeof aad));
        EXPECT_OK(
            F->C_EncryptMessageNext(S, parameter, parameter_length, plain, 60, parts, &first, 0));
        last = sizeof parts - first;
        EXPECT_OK(F->C_EncryptMessageNext(S, parameter, parameter_length, plain + 60, 40,
                                          parts + first, &last, CKF_END_OF_MESSAGE));
        EXPECT_BYTES(parts, first + last, out, length);
        EXPECT_BYTES(mac, 16, given, 16);
        length = sizeof back;
        EXPECT_OK(F->C_DecryptMessage(S, parameter, parameter_length, aad, sizeof aad, out,
                                      sizeof plain, back, &length));
        EXPECT_BYTES(back, length, plain, sizeof plain);
        memset(back, 0xa5, sizeof back);
        mac[3] ^= 1;
        EXPECT(F->C_DecryptMessage(S, parameter, parameter_length, aad, sizeof aad, out,
                                   sizeof plain, back, &length),
               CKR_AEAD_DECRYPT_FAILED);
        EXPECT_TRUE(memcmp(back, plain, 16) != 0);
        mac[3] ^= 1;
        EXPECT_OK(F->C_DecryptMessageBegin(S, parameter, parameter_length, aad, sizeof aad));
        first = 60;
        EXPECT_OK(
            F->C_DecryptMessageNext(S, parameter, parameter_length, out, 60, back, &first, 0));
        last = sizeof back - first;
        EXPECT_OK(F->C_DecryptMessageNext(S, parameter, parameter_length, out + 60, 40,
                                          back + first, &last, CKF_END_OF_MESSAGE));
        EXPECT_BYTES(back, first + last, plain, sizeof plain);
    }
}

static CK_CCM_MESSAGE_PARAMS start_ccm(CK_GENERATOR_FUNCTION generator)
{
    prepare();
    require_mechanism(CKM_AES_CCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_CCM), key));
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_CCM), key));
    return (CK_CCM_MESSAGE_PARAMS){sizeof plain, iv, 13, 16, generator, tag, 16};
}

static void ccm(void)
{
    CK_CCM_MESSAGE_PARAMS params = start_ccm(CKG_NO_GENERATE);
    expect_round(PARAMS(params), iv, tag);
}

/* A message is what C_Encrypt makes, which encrypt.c holds against published answers. */
static void ccm_like_encrypt(void)
{
    CK_CCM_MESSAGE_PARAMS params = start_ccm(CKG_NO_GENERATE);
    CK_CCM_PARAMS whole = {sizeof plain, iv, 13, aad, sizeof aad, 16};
    CK_ULONG length = sizeof out, whole_length = sizeof sealed;
    EXPECT_OK(
        F->C_EncryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out, &length));
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_AES_CCM, whole), key));
    EXPECT_OK(F->C_Encrypt(S, plain, sizeof plain, sealed, &whole_length));
    EXPECT_BYTES(out, length, sealed, sizeof plain);
    EXPECT_BYTES(tag, 16, sealed + sizeof plain, 16);
}

static void ccm_generator(void)
{
    CK_CCM_MESSAGE_PARAMS params = start_ccm(CKG_GENERATE_COUNTER);
    CK_BYTE right[16];
    memcpy(right, iv, sizeof right);
    memset(right + 2, 0, 11);
    for (CK_BYTE i = 0; i < 3; i++) {
        CK_ULONG length = sizeof out;
        right[12] = i;
        EXPECT_OK(F->C_EncryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out,
                                      &length));
        EXPECT_BYTES(iv, 13, right, 13);
    }
}

static void ccm_data_length(void)
{
    CK_CCM_MESSAGE_PARAMS params = start_ccm(CKG_NO_GENERATE);
    CK_ULONG length = sizeof out;
    params.ulDataLen = sizeof plain - 1;
    EXPECT(
        F->C_EncryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out, &length),
        CKR_DATA_LEN_RANGE);
    length = sizeof out;
    EXPECT_ANY(
        F->C_DecryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out, &length),
        CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED);
    params.ulNonceLen = 6;
    EXPECT(
        F->C_EncryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out, &length),
        CKR_MECHANISM_PARAM_INVALID);
    params.ulNonceLen = 13;
    params.ulMACLen = 5;
    EXPECT(
        F->C_EncryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out, &length),
        CKR_MECHANISM_PARAM_INVALID);
}

static void chacha(void)
{
    CK_BYTE nonce[12] = "twelve bytes";
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS params = {nonce, 96, tag};
    CK_SALSA20_CHACHA20_POLY1305_PARAMS whole = {nonce, 96, aad, sizeof aad};
    CK_ULONG length = sizeof out, whole_length = sizeof sealed;
    prepare();
    require_mechanism(CKM_CHACHA20_POLY1305, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    key = key_secret(CKK_CHACHA20, key_value(), 32, ANY_LABEL);
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_CHACHA20_POLY1305), key));
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_CHACHA20_POLY1305), key));
    expect_round(PARAMS(params), nonce, tag);
    EXPECT_OK(
        F->C_EncryptMessage(S, PARAMS(params), aad, sizeof aad, plain, sizeof plain, out, &length));
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_P(CKM_CHACHA20_POLY1305, whole), key));
    EXPECT_OK(F->C_Encrypt(S, plain, sizeof plain, sealed, &whole_length));
    EXPECT_BYTES(out, length, sealed, sizeof plain);
    EXPECT_BYTES(tag, 16, sealed + sizeof plain, 16);
}

/* ---- what is active ---- */

static void needs_init(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    prepare();
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(encrypt_next_rv(&gcm, 0, 10, &length, 0), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_MessageEncryptFinal(S), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(decrypt_rv(&gcm, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_DecryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(decrypt_next_rv(&gcm, 0, 10, &length, 0), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_AES_ECB), key));
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void next_needs_begin(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    EXPECT(encrypt_next_rv(&gcm, 0, 10, &length, CKF_END_OF_MESSAGE),
           CKR_OPERATION_NOT_INITIALIZED);
    expect_message(&gcm);
}

static void in_the_middle(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    EXPECT_OK(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_FAILURE(encrypt_rv(&gcm, out, &length));
    EXPECT_FAILURE(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT_FAILURE(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
    length = 100;
    EXPECT_OK(encrypt_next_rv(&gcm, 0, 100, &length, CKF_END_OF_MESSAGE));
    seal_with(iv);
    EXPECT_BYTES(out, length, sealed, sizeof plain);
    EXPECT_BYTES(tag, sizeof tag, right_tag, sizeof right_tag);
}

static void init_twice(void)
{
    start_encrypt();
    EXPECT(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
    EXPECT(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_AES_ECB), key));
}

static void null_mechanism(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    EXPECT_OK(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    CK_RV rv = F->C_MessageEncryptInit(S, NULL, key);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv != CKR_OK)
        return;
    EXPECT(encrypt_next_rv(&gcm, 0, 10, &length, 0), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
    expect_message(&gcm);
}

static void session_cancel(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    REQUIRE_FUNCTION(C_SessionCancel);
    start_encrypt();
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_AES_ECB), key));
    EXPECT_OK(F->C_SessionCancel(S, 0));
    CK_RV rv = F->C_SessionCancel(S, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_SIGN);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv != CKR_OK)
        return;
    EXPECT(encrypt_rv(&gcm, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    seal_with(iv);
    memcpy(tag, right_tag, sizeof tag);
    EXPECT_OK(decrypt_rv(&gcm, out, &length));
    EXPECT_OK(F->C_SessionCancel(S, CKF_MESSAGE_DECRYPT));
    EXPECT(decrypt_rv(&gcm, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    length = sizeof out;
    EXPECT_OK(F->C_Encrypt(S, plain, 16, out, &length));
}

static void key_destroyed(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    expect_message(&gcm);
    EXPECT_OK(F->C_DestroyObject(S, key));
    iv[2]++;
    EXPECT_FAILURE(encrypt_rv(&gcm, out, &length));
}

static void logged_out(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    expect_message(&gcm);
    logout(S);
    EXPECT_FAILURE(encrypt_rv(&gcm, out, &length));
}

/* ---- arguments ---- */

static void wrong_parameters(void)
{
    CK_BYTE room[32] = {0};
    CK_GCM_MESSAGE_PARAMS right = params(CKG_NO_GENERATE, 0);
    const CK_GCM_MESSAGE_PARAMS wrong[] = {
        {NULL, 12, 0, CKG_NO_GENERATE, tag, 128}, {iv, 0, 0, CKG_NO_GENERATE, tag, 128},
        {iv, 12, 0, CKG_NO_GENERATE, NULL, 128},  {iv, 12, 0, CKG_NO_GENERATE, room, 136},
        {iv, 12, 0, CKG_NO_GENERATE, room, 129},
    };
    CK_ULONG length = sizeof out;
    start_encrypt();
    for (size_t i = 0; i < COUNT(wrong); i++) {
        CK_GCM_MESSAGE_PARAMS gcm = wrong[i];
        EXPECT(encrypt_rv(&gcm, out, &length), CKR_MECHANISM_PARAM_INVALID);
        EXPECT(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad),
               CKR_MECHANISM_PARAM_INVALID);
    }
    EXPECT(F->C_EncryptMessage(S, &right, sizeof right - 1, NULL, 0, plain, 16, out, &length),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT_ANY(F->C_EncryptMessage(S, NULL, 0, NULL, 0, plain, 16, out, &length),
               CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD);
    expect_message(&right);
}

static void null_arguments(void)
{
    CK_GCM_MESSAGE_PARAMS gcm = params(CKG_NO_GENERATE, 0);
    CK_ULONG length = sizeof out;
    start_encrypt();
    EXPECT(F->C_EncryptMessage(S, PARAMS(gcm), NULL, 0, NULL, 16, out, &length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_EncryptMessage(S, PARAMS(gcm), NULL, 16, plain, 16, out, &length),
           CKR_ARGUMENTS_BAD);
    EXPECT(F->C_EncryptMessage(S, PARAMS(gcm), NULL, 0, plain, 16, out, NULL), CKR_ARGUMENTS_BAD);
    EXPECT_OK(F->C_EncryptMessageBegin(S, PARAMS(gcm), aad, sizeof aad));
    EXPECT(F->C_EncryptMessageNext(S, PARAMS(gcm), NULL, 16, out, &length, 0), CKR_ARGUMENTS_BAD);
    EXPECT(encrypt_next_rv(&gcm, 0, 10, &length, 0), CKR_OPERATION_NOT_INITIALIZED);
    expect_message(&gcm);
}

static void usage(void)
{
    prepare();
    EXPECT(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM),
                                   key_aes(16, ATTR_B(CKA_ENCRYPT, CK_FALSE))),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM),
                                   key_aes(16, ATTR_B(CKA_DECRYPT, CK_FALSE))),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), CK_INVALID_HANDLE),
           CKR_KEY_HANDLE_INVALID);
    EXPECT(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key_hmac(32, CK_TRUE)),
           CKR_KEY_TYPE_INCONSISTENT);
    EXPECT(F->C_MessageEncryptInit(S, MECHANISM(CKM_SHA256), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_MessageDecryptInit(S, MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), key),
           CKR_MECHANISM_INVALID);
}

/* ---- signing and verifying ---- */

static CK_BYTE data[] = "some data to be signed";
#define DATA data, sizeof data - 1

static CK_BYTE mac[64], right_mac[64];
static CK_OBJECT_HANDLE mac_key;

static void prepare_mac(void)
{
    REQUIRE_FUNCTION(C_MessageSignInit);
    REQUIRE_FUNCTION(C_MessageVerifyInit);
    require_mechanism(CKM_SHA256_HMAC, CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY);
    mac_key = key_hmac(32, CK_TRUE);
    EXPECT_EQUAL(ossl_hmac("SHA2-256", key_value(), 32, DATA, right_mac), 32);
}

static void start_sign(void)
{
    prepare_mac();
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key));
}

static void start_verify(void)
{
    prepare_mac();
    EXPECT_OK(F->C_MessageVerifyInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key));
}

static CK_RV sign_rv(CK_BYTE *to, CK_ULONG *length)
{
    return F->C_SignMessage(S, NULL, 0, DATA, to, length);
}

static CK_RV verify_rv(CK_ULONG length)
{
    return F->C_VerifyMessage(S, NULL, 0, DATA, right_mac, length);
}

static void expect_mac(void)
{
    CK_ULONG length = sizeof mac;
    EXPECT_OK(sign_rv(mac, &length));
    EXPECT_BYTES(mac, length, right_mac, 32);
}

static void signs(void)
{
    start_sign();
    for (int i = 0; i < 3; i++)
        expect_mac();
    EXPECT_OK(F->C_MessageSignFinal(S));
    EXPECT(F->C_MessageSignFinal(S), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_lengths(void)
{
    CK_ULONG length = 0;
    start_sign();
    EXPECT_OK(sign_rv(NULL, &length));
    EXPECT_TRUE(length >= 32 && length <= 64);
    length = 31;
    EXPECT(sign_rv(mac, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 32);
    expect_mac();
}

static void sign_in_parts(void)
{
    CK_ULONG length = 0;
    start_sign();
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data, 5, NULL, NULL));
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data + 5, 7, NULL, NULL));
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data + 12, sizeof data - 13, NULL, &length));
    EXPECT_TRUE(length >= 32);
    length = 31;
    EXPECT(F->C_SignMessageNext(S, NULL, 0, data + 12, sizeof data - 13, mac, &length),
           CKR_BUFFER_TOO_SMALL);
    length = sizeof mac;
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, data + 12, sizeof data - 13, mac, &length));
    EXPECT_BYTES(mac, length, right_mac, 32);
    EXPECT(F->C_SignMessageNext(S, NULL, 0, data, 5, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
    expect_mac();
}

static void verifies(void)
{
    start_verify();
    EXPECT_OK(verify_rv(32));
    right_mac[9] ^= 1;
    EXPECT(verify_rv(32), CKR_SIGNATURE_INVALID);
    right_mac[9] ^= 1;
    EXPECT(verify_rv(31), CKR_SIGNATURE_LEN_RANGE);
    EXPECT_OK(verify_rv(32));
    EXPECT_OK(F->C_MessageVerifyFinal(S));
    EXPECT(F->C_MessageVerifyFinal(S), CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_in_parts(void)
{
    start_verify();
    for (CK_BYTE i = 0; i < 2; i++) {
        right_mac[0] ^= i;
        EXPECT_OK(F->C_VerifyMessageBegin(S, NULL, 0));
        EXPECT_OK(F->C_VerifyMessageNext(S, NULL, 0, data, 9, NULL, 0));
        EXPECT(F->C_VerifyMessageNext(S, NULL, 0, data + 9, sizeof data - 10, right_mac, 32),
               i == 0 ? CKR_OK : CKR_SIGNATURE_INVALID);
        EXPECT(F->C_VerifyMessageNext(S, NULL, 0, data, 9, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void sign_in_the_middle(void)
{
    CK_ULONG length = sizeof mac;
    start_sign();
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, DATA, NULL, NULL));
    EXPECT_FAILURE(sign_rv(mac, &length));
    EXPECT_FAILURE(F->C_SignMessageBegin(S, NULL, 0));
    length = sizeof mac;
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, NULL, 0, mac, &length));
    EXPECT_BYTES(mac, length, right_mac, 32);
}

static void sign_needs_init(void)
{
    CK_ULONG length = sizeof mac;
    prepare_mac();
    EXPECT(sign_rv(mac, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_SignMessageBegin(S, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_SignMessageNext(S, NULL, 0, DATA, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_MessageSignFinal(S), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(verify_rv(32), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_VerifyMessageBegin(S, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_VerifyMessageNext(S, NULL, 0, DATA, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key));
    EXPECT(sign_rv(mac, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_init_twice(void)
{
    start_sign();
    EXPECT(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_MessageVerifyInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key));
    EXPECT(F->C_MessageVerifyInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key), CKR_OPERATION_ACTIVE);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key));
    expect_mac();
    EXPECT_OK(verify_rv(32));
}

static void sign_cancelled(void)
{
    CK_ULONG length = sizeof mac;
    REQUIRE_FUNCTION(C_SessionCancel);
    start_sign();
    EXPECT_OK(F->C_MessageVerifyInit(S, MECHANISM(CKM_SHA256_HMAC), mac_key));
    CK_RV rv = F->C_SessionCancel(S, CKF_MESSAGE_SIGN);
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv != CKR_OK)
        return;
    EXPECT(sign_rv(mac, &length), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT_OK(verify_rv(32));
    EXPECT_OK(F->C_SessionCancel(S, CKF_MESSAGE_VERIFY));
    EXPECT(verify_rv(32), CKR_OPERATION_NOT_INITIALIZED);
}

static void sign_usage(void)
{
    prepare_mac();
    EXPECT(F->C_MessageSignInit(
               S, MECHANISM(CKM_SHA256_HMAC),
               key_secret(CKK_GENERIC_SECRET, key_value(), 32, ATTR_B(CKA_SIGN, CK_FALSE))),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT(F->C_MessageVerifyInit(
               S, MECHANISM(CKM_SHA256_HMAC),
               key_secret(CKK_GENERIC_SECRET, key_value(), 32, ATTR_B(CKA_VERIFY, CK_FALSE))),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256), mac_key), CKR_MECHANISM_INVALID);
}

/* A library that signs messages with these two makes one MAC after the other under one key. */
static void sign_one_time(void)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_POLY1305, CKM_AES_GMAC};
    CK_BYTE nonce[12] = {1};
    CK_GCM_PARAMS gcm = {nonce, sizeof nonce, 96, NULL, 0, 128};
    int refused = 0;
    for (size_t i = 0; i < COUNT(types); i++) {
        bool gmac = types[i] == CKM_AES_GMAC;
        if (!has_mechanism(types[i], CKF_SIGN) || has_mechanism(types[i], CKF_MESSAGE_SIGN))
            continue;
        CK_OBJECT_HANDLE once = GENERATE(gmac ? CKM_AES_KEY_GEN : CKM_POLY1305_KEY_GEN,
                                         ATTR_U(CKA_VALUE_LEN, gmac ? 16 : 32),
                                         ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_VERIFY, CK_TRUE));
        CK_MECHANISM mechanism = {types[i], gmac ? &gcm : NULL, gmac ? sizeof gcm : 0};
        EXPECT(F->C_MessageSignInit(S, &mechanism, once), CKR_MECHANISM_INVALID);
        EXPECT(F->C_MessageVerifyInit(S, &mechanism, once), CKR_MECHANISM_INVALID);
        CK_ULONG length = sizeof mac;
        EXPECT_OK(F->C_SignInit(S, &mechanism, once));
        EXPECT_OK(F->C_Sign(S, nonce, sizeof nonce, mac, &length));
        refused++;
    }
    if (refused == 0)
        check_skip("there is no one-time MAC that signs no messages");
}

static void sign_null_arguments(void)
{
    CK_ULONG length = sizeof mac;
    start_sign();
    EXPECT(F->C_SignMessage(S, NULL, 0, NULL, 5, mac, &length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_SignMessage(S, NULL, 0, DATA, mac, NULL), CKR_ARGUMENTS_BAD);
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT(F->C_SignMessageNext(S, NULL, 0, NULL, 5, NULL, NULL), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_SignMessageNext(S, NULL, 0, DATA, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
    expect_mac();
}

static void sign_wrong_length(void)
{
    CK_BYTE signature[RSA_BYTES], text[246] = "more than PKCS #1 takes";
    CK_ULONG length = sizeof signature;
    prepare_mac();
    require_mechanism(CKM_RSA_PKCS, CKF_MESSAGE_SIGN);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_RSA_PKCS), key_rsa_private(ANY_LABEL)));
    EXPECT(F->C_SignMessage(S, NULL, 0, text, 246, signature, &length), CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_SignMessage(S, NULL, 0, text, 245, signature, &length));
}

static void authenticates_each(void)
{
    CK_BYTE signature[RSA_BYTES];
    CK_ULONG length = sizeof signature;
    prepare_mac();
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_MESSAGE_SIGN);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS),
                                   key_rsa_private(ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE))));
    for (int i = 0; i < 2; i++) {
        EXPECT(F->C_SignMessage(S, NULL, 0, DATA, signature, &length), CKR_USER_NOT_LOGGED_IN);
        CK_RV rv = F->C_Login(S, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN));
        EXPECT_OK(rv);
        EXPECT_OK(F->C_SignMessage(S, NULL, 0, DATA, signature, &length));
    }
}

static void sign_logged_out(void)
{
    CK_ULONG length = sizeof mac;
    start_sign();
    expect_mac();
    logout(S);
    EXPECT_FAILURE(sign_rv(mac, &length));
}

static void sign_key_destroyed(void)
{
    CK_ULONG length = sizeof mac;
    start_sign();
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    EXPECT_OK(F->C_DestroyObject(S, mac_key));
    EXPECT_FAILURE(F->C_SignMessageNext(S, NULL, 0, DATA, mac, &length));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, encrypts, "C_EncryptMessage", "messages with IVs of the caller's under one key; the tag comes back in the parameter"),
    CHECK(FIX_USER, init_with_parameter, "C_MessageEncryptInit", "may have a parameter; each message brings its own"),
    CHECK(FIX_USER, encrypts_in_parts, "C_EncryptMessageNext", "parts make the same message; the last one gives the tag and ends it, not the process"),
    CHECK(FIX_USER, parts_with_generator, "C_EncryptMessageBegin", "the generated IV is output to the parameter"),
    CHECK(FIX_USER, encrypt_lengths, "C_EncryptMessage", "a query or a buffer too small uses up no IV"),
    CHECK(FIX_USER, next_lengths, "C_EncryptMessageNext", "a query or a buffer too small leaves the message as it was"),
    CHECK(FIX_USER, encrypts_in_place, "C_EncryptMessage", "plaintext and ciphertext may be in the same place"),
    CHECK(FIX_USER, short_tag, "CK_GCM_MESSAGE_PARAMS", "ulTagBits says how much of the tag there is"),
    CHECK(FIX_USER, empty_message, "C_EncryptMessage", "a message without text has a tag"),
    CHECK(FIX_USER, generate, "AES-GCM Authenticated Encryption / Decryption", "CKG_GENERATE: the module makes the IV, another one each time"),
    CHECK(FIX_USER, generate_random, "AES-GCM Authenticated Encryption / Decryption", "CKG_GENERATE_RANDOM: the non-fixed bits are random"),
    CHECK(FIX_USER, generate_counter, "AES-GCM Authenticated Encryption / Decryption", "CKG_GENERATE_COUNTER: the non-fixed bits count from zero"),
    CHECK(FIX_USER, generate_counter_xor, "AES-GCM Authenticated Encryption / Decryption", "CKG_GENERATE_COUNTER_XOR: the non-fixed bits are xored with a counter from zero"),
    CHECK(FIX_USER, counter_starts_anew, "C_MessageEncryptInit", "a new process counts from zero again"),
    CHECK(FIX_USER, generate_never_twice, "CK_GCM_MESSAGE_PARAMS", "each IV must be unique: CKG_GENERATE with 8 bits"),
    CHECK(FIX_USER, random_never_twice, "CK_GCM_MESSAGE_PARAMS", "each IV must be unique: CKG_GENERATE_RANDOM with 8 bits"),
    CHECK(FIX_USER, counter_never_twice, "CK_GCM_MESSAGE_PARAMS", "each IV must be unique: CKG_GENERATE_COUNTER with 8 bits"),
    CHECK(FIX_USER, xor_never_twice, "CK_GCM_MESSAGE_PARAMS", "each IV must be unique: CKG_GENERATE_COUNTER_XOR with 8 bits"),
    CHECK(FIX_USER, generator_wrong, "CK_GCM_MESSAGE_PARAMS", "no such generator, more fixed bits than bits: CKR_MECHANISM_PARAM_INVALID"),
    CHECK(FIX_USER, decrypts, "C_DecryptMessage", "gives the plaintext; generator and fixed bits are ignored, the parameter is input only"),
    CHECK(FIX_USER, decrypts_in_parts, "C_DecryptMessageNext", "parts make the same text; the tag is wanted with the last one"),
    CHECK(FIX_USER, wrong_tag, "C_DecryptMessage", "CKR_AEAD_DECRYPT_FAILED and no plaintext; the process goes on"),
    CHECK(FIX_USER, wrong_everything, "C_DecryptMessage", "CKR_AEAD_DECRYPT_FAILED for another text, associated data, IV or tag"),
    CHECK(FIX_USER, wrong_tag_in_parts, "C_DecryptMessageNext", "CKR_AEAD_DECRYPT_FAILED from the last part, which ends the message"),
    CHECK(FIX_USER, decrypt_lengths, "C_DecryptMessage", "a query or a buffer too small leaves everything as it was"),
    CHECK(FIX_USER, ccm, "AES-CCM Authenticated Encryption / Decryption", "messages go there and back, whole and in parts"),
    CHECK(FIX_USER, ccm_like_encrypt, "AES-CCM Authenticated Encryption / Decryption", "a message is what C_Encrypt makes, with the MAC in the parameter"),
    CHECK(FIX_USER, ccm_generator, "CK_CCM_MESSAGE_PARAMS", "CKG_GENERATE_COUNTER counts behind the fixed bits"),
    CHECK(FIX_USER, ccm_data_length, "CK_CCM_MESSAGE_PARAMS", "the data's length is ulDataLen; lengths of nonce and MAC are checked"),
    CHECK(FIX_USER, chacha, "CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS", "messages go there and back, and are what C_Encrypt makes"),
    CHECK(FIX_USER, needs_init, "C_EncryptMessage", "CKR_OPERATION_NOT_INITIALIZED without C_MessageEncryptInit"),
    CHECK(FIX_USER, next_needs_begin, "C_EncryptMessageNext", "CKR_OPERATION_NOT_INITIALIZED without C_EncryptMessageBegin"),
    CHECK(FIX_USER, in_the_middle, "C_EncryptMessage", "can't be called in the middle of a message, which goes on"),
    CHECK(FIX_USER, init_twice, "C_MessageEncryptInit", "CKR_OPERATION_ACTIVE while a process of the kind is active, and no other"),
    CHECK(FIX_USER, null_mechanism, "C_MessageEncryptInit", "a NULL mechanism ends the process, and a message that is under way"),
    CHECK(FIX_USER, session_cancel, "C_SessionCancel", "CKF_MESSAGE_ENCRYPT and CKF_MESSAGE_DECRYPT end these and no others"),
    CHECK(FIX_USER, key_destroyed, "C_DestroyObject", "a destroyed key encrypts no message"),
    CHECK(FIX_USER, logged_out, "C_Logout", "a private key encrypts no message afterwards"),
    CHECK(FIX_USER, wrong_parameters, "CK_GCM_MESSAGE_PARAMS", "CKR_MECHANISM_PARAM_INVALID for lengths and pointers that can't be; the process goes on"),
    CHECK(FIX_USER, null_arguments, "C_EncryptMessageNext", "CKR_ARGUMENTS_BAD, which ends the message and not the process"),
    CHECK(FIX_USER, usage, "C_MessageEncryptInit", "the key's type and usage are checked"),
    CHECK(FIX_USER, signs, "C_SignMessage", "signs messages until C_MessageSignFinal"),
    CHECK(FIX_USER, sign_lengths, "C_SignMessage", "a query or a buffer too small leaves everything as it was"),
    CHECK(FIX_USER, sign_in_parts, "C_SignMessageNext", "parts make the same signature; a query or a buffer too small takes no data in"),
    CHECK(FIX_USER, verifies, "C_VerifyMessage", "right and wrong signatures, each without an end of the process"),
    CHECK(FIX_USER, verify_in_parts, "C_VerifyMessageNext", "the part that brings the signature ends the message"),
    CHECK(FIX_USER, sign_in_the_middle, "C_SignMessage", "can't be called in the middle of a message, which goes on"),
    CHECK(FIX_USER, sign_needs_init, "C_SignMessage", "CKR_OPERATION_NOT_INITIALIZED without C_MessageSignInit"),
    CHECK(FIX_USER, sign_init_twice, "C_MessageSignInit", "CKR_OPERATION_ACTIVE while a process of the kind is active, and no other"),
    CHECK(FIX_USER, sign_cancelled, "C_SessionCancel", "CKF_MESSAGE_SIGN and CKF_MESSAGE_VERIFY end these and no others"),
    CHECK(FIX_USER, sign_one_time, "C_MessageSignInit", "CKR_MECHANISM_INVALID without CKF_MESSAGE_SIGN: one-time MACs"),
    CHECK(FIX_USER, sign_usage, "C_MessageSignInit", "CKA_SIGN and CKA_VERIFY must be true"),
    CHECK(FIX_USER, sign_null_arguments, "C_SignMessageNext", "CKR_ARGUMENTS_BAD, which ends the message and not the process"),
    CHECK(FIX_USER, sign_wrong_length, "C_SignMessage", "CKR_DATA_LEN_RANGE ends the message, not the process"),
    CHECK(FIX_USER, authenticates_each, "CKA_ALWAYS_AUTHENTICATE", "each message is a use that wants a PIN"),
    CHECK(FIX_USER, sign_logged_out, "C_Logout", "a private key signs no message afterwards"),
    CHECK(FIX_USER, sign_key_destroyed, "C_DestroyObject", "a destroyed key ends no message"),
};
/* clang-format on */

void chapter_messages(void)
{
    check_add_table("messages", checks);
}
