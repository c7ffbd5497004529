/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mechanism list and what C_GetMechanismInfo says, held against the text's table of functions
 * and against what the functions do.
 */
#include <string.h>

#include "cryptoki/names.h"
#include "env.h"

enum { ROOM = 1024 };

static CK_MECHANISM_TYPE types[ROOM];

static CK_ULONG all_types(void)
{
    CK_ULONG count = ROOM;
    EXPECT_OK(F->C_GetMechanismList(env.slot, types, &count));
    return count;
}

/* ---- the list ---- */

static void list_null_count(void)
{
    EXPECT(F->C_GetMechanismList(env.slot, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void list_unknown_slot(void)
{
    CK_ULONG count = 0;
    EXPECT(F->C_GetMechanismList(absent_slot(), NULL, &count), CKR_SLOT_ID_INVALID);
}

static void list_count(void)
{
    CK_ULONG count = 0, all = all_types();
    EXPECT_OK(F->C_GetMechanismList(env.slot, NULL, &count));
    EXPECT_EQUAL(count, all);
    EXPECT_TRUE(all > 0);
}

static void list_too_small(void)
{
    CK_ULONG all = all_types(), count = all - 1;
    EXPECT(F->C_GetMechanismList(env.slot, types, &count), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(count, all);
}

static void list_exact(void)
{
    CK_ULONG all = all_types(), count = all;
    types[all] = 0xdeadbeef;
    EXPECT_OK(F->C_GetMechanismList(env.slot, types, &count));
    EXPECT_EQUAL(count, all);
    EXPECT_EQUAL(types[all], 0xdeadbeef);
}

static void list_unique(void)
{
    CK_ULONG count = all_types();
    for (CK_ULONG i = 0; i < count; i++) {
        for (CK_ULONG k = i + 1; k < count; k++)
            EXPECT_TRUE(types[i] != types[k]);
    }
}

static void list_known_to_info(void)
{
    CK_ULONG count = all_types();
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_INFO info;
        EXPECT_OK(F->C_GetMechanismInfo(env.slot, types[i], &info));
        if (info.ulMinKeySize > info.ulMaxKeySize)
            check_fail(HERE, "mechanism 0x%lx: smallest key %lu, largest %lu", types[i],
                       info.ulMinKeySize, info.ulMaxKeySize);
    }
}

static void list_of_functions(void)
{
    const CK_FLAGS functions = CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN |
                               CKF_SIGN_RECOVER | CKF_VERIFY | CKF_VERIFY_RECOVER | CKF_GENERATE |
                               CKF_GENERATE_KEY_PAIR | CKF_WRAP | CKF_UNWRAP | CKF_DERIVE |
                               CKF_ENCAPSULATE | CKF_DECAPSULATE;
    CK_ULONG count = all_types();
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_INFO info;
        EXPECT_OK(F->C_GetMechanismInfo(env.slot, types[i], &info));
        if ((info.flags & functions) == 0)
            check_fail(HERE, "mechanism 0x%lx has no function", types[i]);
    }
}

static void info_null_argument(void)
{
    EXPECT_TRUE(all_types() > 0);
    EXPECT(F->C_GetMechanismInfo(env.slot, types[0], NULL), CKR_ARGUMENTS_BAD);
}

static void info_unknown_slot(void)
{
    CK_MECHANISM_INFO info;
    EXPECT_TRUE(all_types() > 0);
    EXPECT(F->C_GetMechanismInfo(absent_slot(), types[0], &info), CKR_SLOT_ID_INVALID);
}

static void info_unknown_mechanism(void)
{
    CK_MECHANISM_INFO info;
    EXPECT(F->C_GetMechanismInfo(env.slot, 0x7fff4711, &info), CKR_MECHANISM_INVALID);
}

static void info_for_unlisted(void)
{
    CK_ULONG count = all_types();
    size_t names = 0;
    const struct kk_name *table = kk_names_table(KK_NAMES_CKM, &names);
    for (size_t i = 0; i < names; i++) {
        CK_MECHANISM_INFO info;
        bool listed = false;
        for (CK_ULONG k = 0; k < count; k++)
            listed = listed || types[k] == table[i].value;
        if (!listed &&
            F->C_GetMechanismInfo(env.slot, table[i].value, &info) != CKR_MECHANISM_INVALID)
            check_fail(HERE, "%s is described but not listed", table[i].name);
    }
}

/* ---- flags against the text's table ---- */

#define ENC (CKF_ENCRYPT | CKF_DECRYPT)
#define SIG (CKF_SIGN | CKF_VERIFY)
#define REC (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)
#define WRP (CKF_WRAP | CKF_UNWRAP)
#define CAP (CKF_ENCAPSULATE | CKF_DECAPSULATE)
#define MSG (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE)
#define MSS (CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)
#define CURVE                                                                                      \
    (CKF_EC_F_P | CKF_EC_F_2M | CKF_EC_ECPARAMETERS | CKF_EC_OID | CKF_EC_UNCOMPRESS |             \
     CKF_EC_COMPRESS | CKF_EC_CURVENAME)

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_FLAGS must; /* the text gives these functions to the mechanism */
    CK_FLAGS may;
};

#define ROW(type, must, may) {#type, type, must, may}
static const struct row rows[] = {
    ROW(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_RSA_PKCS, 0, ENC | SIG | REC | WRP | CAP | MSS),
    ROW(CKM_ML_KEM_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_ML_KEM, CAP, 0),
    ROW(CKM_ML_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_ML_DSA, SIG, MSS),
    ROW(CKM_HASH_ML_DSA, SIG, MSS),
    ROW(CKM_HASH_ML_DSA_SHA256, SIG, MSS),
    ROW(CKM_SLH_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_SLH_DSA, SIG, MSS),
    ROW(CKM_HASH_SLH_DSA_SHAKE128, SIG, MSS),
    ROW(CKM_RSA_X_509, 0, ENC | SIG | REC | WRP | CAP | MSS),
    ROW(CKM_RSA_PKCS_OAEP, 0, ENC | WRP | CAP),
    ROW(CKM_RSA_PKCS_PSS, SIG, MSS),
    ROW(CKM_SHA1_RSA_PKCS, SIG, MSS),
    ROW(CKM_SHA256_RSA_PKCS, SIG, MSS),
    ROW(CKM_SHA512_RSA_PKCS, SIG, MSS),
    ROW(CKM_SHA256_RSA_PKCS_PSS, SIG, MSS),
    ROW(CKM_RSA_AES_KEY_WRAP, 0, WRP),
    ROW(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, CURVE),
    ROW(CKM_EC_EDWARDS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, CURVE),
    ROW(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, CURVE),
    ROW(CKM_ECDSA, SIG, CURVE | MSS),
    ROW(CKM_ECDSA_SHA256, SIG, CURVE | MSS),
    ROW(CKM_EDDSA, SIG, CURVE | MSS),
    ROW(CKM_ECDH1_DERIVE, CKF_DERIVE, CURVE | CAP),
    ROW(CKM_ECDH1_COFACTOR_DERIVE, CKF_DERIVE, CURVE | CAP),
    ROW(CKM_AES_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_AES_ECB, ENC, WRP),
    ROW(CKM_AES_CBC, ENC, WRP),
    ROW(CKM_AES_CBC_PAD, ENC, WRP),
    ROW(CKM_AES_CTR, ENC, WRP),
    ROW(CKM_AES_GCM, ENC, WRP | MSG),
    ROW(CKM_AES_CCM, ENC, WRP | MSG),
    ROW(CKM_AES_XTS, ENC, WRP),
    ROW(CKM_AES_CTS, ENC, WRP),
    ROW(CKM_AES_OFB, ENC, WRP),
    ROW(CKM_AES_CFB64, ENC, WRP),
    ROW(CKM_AES_CFB8, ENC, WRP),
    ROW(CKM_AES_CFB128, ENC, WRP),
    ROW(CKM_AES_CFB1, ENC, WRP),
    ROW(CKM_AES_XTS_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_AES_MAC, SIG, MSS),
    ROW(CKM_AES_MAC_GENERAL, SIG, MSS),
    ROW(CKM_AES_XCBC_MAC, SIG, MSS),
    ROW(CKM_AES_XCBC_MAC_96, SIG, MSS),
    ROW(CKM_AES_GMAC, SIG, MSS),
    ROW(CKM_AES_CMAC_GENERAL, SIG, MSS),
    ROW(CKM_CHACHA20_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_CHACHA20, ENC, WRP),
    ROW(CKM_POLY1305_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_POLY1305, SIG, MSS),
    ROW(CKM_CHACHA20_POLY1305, ENC, MSG),
    ROW(CKM_SALSA20_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_SALSA20, ENC, WRP),
    ROW(CKM_SALSA20_POLY1305, ENC, MSG),
    ROW(CKM_AES_CMAC, SIG, MSS),
    ROW(CKM_AES_KEY_WRAP, 0, ENC | WRP),
    ROW(CKM_AES_KEY_WRAP_PAD, 0, ENC | WRP),
    ROW(CKM_AES_KEY_WRAP_KWP, 0, ENC | WRP),
    ROW(CKM_MD5, CKF_DIGEST, 0),
    ROW(CKM_SHA_1, CKF_DIGEST, 0),
    ROW(CKM_SHA224, CKF_DIGEST, 0),
    ROW(CKM_SHA256, CKF_DIGEST, 0),
    ROW(CKM_SHA384, CKF_DIGEST, 0),
    ROW(CKM_SHA512, CKF_DIGEST, 0),
    ROW(CKM_SHA3_256, CKF_DIGEST, 0),
    ROW(CKM_SHA_1_HMAC, SIG, MSS),
    ROW(CKM_SHA256_HMAC, SIG, MSS),
    ROW(CKM_SHA512_HMAC, SIG, MSS),
    ROW(CKM_SHA3_256_HMAC, SIG, MSS),
    ROW(CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, CKF_GENERATE_KEY_PAIR, CURVE),
    ROW(CKM_ECDH_AES_KEY_WRAP, WRP, CURVE),
    ROW(CKM_ECDH_X_AES_KEY_WRAP, WRP, CURVE),
    ROW(CKM_ECDH_COF_AES_KEY_WRAP, WRP, CURVE),
    ROW(CKM_RSA_X9_31_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_RSA_X9_31, SIG, MSS),
    ROW(CKM_SHA1_RSA_X9_31, SIG, MSS),
    ROW(CKM_RSA_PKCS_TPM_1_1, 0, ENC | WRP),
    ROW(CKM_RSA_PKCS_OAEP_TPM_1_1, 0, ENC | WRP),
    ROW(CKM_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_DSA_PARAMETER_GEN, CKF_GENERATE, 0),
    ROW(CKM_DSA, SIG, MSS),
    ROW(CKM_DSA_SHA1, SIG, MSS),
    ROW(CKM_DSA_SHA224, SIG, MSS),
    ROW(CKM_DSA_SHA256, SIG, MSS),
    ROW(CKM_DSA_SHA384, SIG, MSS),
    ROW(CKM_DSA_SHA512, SIG, MSS),
    ROW(CKM_DSA_SHA3_224, SIG, MSS),
    ROW(CKM_DSA_SHA3_256, SIG, MSS),
    ROW(CKM_DSA_SHA3_384, SIG, MSS),
    ROW(CKM_DSA_SHA3_512, SIG, MSS),
    ROW(CKM_DH_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_DH_PKCS_PARAMETER_GEN, CKF_GENERATE, 0),
    ROW(CKM_DH_PKCS_DERIVE, CKF_DERIVE, CAP),
    ROW(CKM_X9_42_DH_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, 0),
    ROW(CKM_X9_42_DH_PARAMETER_GEN, CKF_GENERATE, 0),
    ROW(CKM_X9_42_DH_DERIVE, CKF_DERIVE, CAP),
    ROW(CKM_X9_42_DH_HYBRID_DERIVE, CKF_DERIVE, 0),
    ROW(CKM_X9_42_MQV_DERIVE, CKF_DERIVE, 0),
    ROW(CKM_ECMQV_DERIVE, CKF_DERIVE, CURVE),
    ROW(CKM_XEDDSA, SIG, CURVE | MSS),
    ROW(CKM_DSA_PROBABILISTIC_PARAMETER_GEN, CKF_GENERATE, 0),
    ROW(CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN, CKF_GENERATE, 0),
    ROW(CKM_DSA_FIPS_G_GEN, CKF_GENERATE, 0),
    ROW(CKM_DES2_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_DES3_KEY_GEN, CKF_GENERATE, 0),
    ROW(CKM_DES3_ECB, ENC, WRP),
    ROW(CKM_DES3_CBC, ENC, WRP),
    ROW(CKM_DES3_CBC_PAD, ENC, WRP),
    ROW(CKM_DES3_MAC, SIG, MSS),
    ROW(CKM_DES3_MAC_GENERAL, SIG, MSS),
    ROW(CKM_DES3_CMAC, SIG, MSS),
    ROW(CKM_DES3_CMAC_GENERAL, SIG, MSS),
    ROW(CKM_DES3_ECB_ENCRYPT_DATA, CKF_DERIVE, 0),
    ROW(CKM_DES3_CBC_ENCRYPT_DATA, CKF_DERIVE, 0),
};

static void flags_of_text(const void *argument)
{
    const struct row *row = argument;
    CK_MECHANISM_INFO info = {0};
    require_mechanism(row->type, 0);
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, row->type, &info));
    EXPECT_EQUAL(info.flags & row->must, row->must);
    EXPECT_EQUAL(info.flags & ~(row->must | row->may | CKF_HW), 0);
}

/* ---- key sizes and curve flags ---- */

static CK_MECHANISM_INFO info_of(CK_MECHANISM_TYPE type)
{
    CK_MECHANISM_INFO info = {0};
    require_mechanism(type, 0);
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, type, &info));
    return info;
}

static void sizes_aes(void)
{
    static const CK_MECHANISM_TYPE aes[] = {CKM_AES_KEY_GEN, CKM_AES_ECB, CKM_AES_CBC,
                                            CKM_AES_CBC_PAD};
    for (size_t i = 0; i < COUNT(aes); i++) {
        CK_MECHANISM_INFO info = info_of(aes[i]);
        EXPECT_TRUE(info.ulMinKeySize >= 16 && info.ulMaxKeySize <= 32);
    }
}

static void sizes_rsa(void)
{
    CK_MECHANISM_INFO info = info_of(CKM_RSA_PKCS_KEY_PAIR_GEN);
    EXPECT_TRUE(info.ulMinKeySize <= 2048 && info.ulMaxKeySize >= 2048);
}

static void sizes_eddsa(void)
{
    CK_MECHANISM_INFO info = info_of(CKM_EDDSA);
    EXPECT_TRUE(info.ulMinKeySize == 255 || info.ulMinKeySize == 448);
    EXPECT_TRUE(info.ulMaxKeySize == 255 || info.ulMaxKeySize == 448);
}

static void curve_flags(void)
{
    static const CK_MECHANISM_TYPE curves[] = {CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKM_ECDH1_DERIVE};
    for (size_t i = 0; i < COUNT(curves); i++) {
        CK_FLAGS flags = info_of(curves[i]).flags;
        EXPECT_TRUE((flags & (CKF_EC_F_P | CKF_EC_F_2M)) != 0);
        EXPECT_TRUE((flags & (CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)) != 0);
        EXPECT_TRUE((flags & (CKF_EC_ECPARAMETERS | CKF_EC_OID | CKF_EC_CURVENAME)) != 0);
    }
}

/* ---- what is not listed for a function is refused by it ---- */

static void unlisted_digest(void)
{
    EXPECT(F->C_DigestInit(S, MECHANISM(0x7fff4711)), CKR_MECHANISM_INVALID);
    EXPECT(F->C_DigestInit(S, MECHANISM(CKM_SHA256_HMAC)), CKR_MECHANISM_INVALID);
    EXPECT(F->C_DigestInit(S, MECHANISM(CKM_AES_ECB)), CKR_MECHANISM_INVALID);
}

static void unlisted_generate(void)
{
    CK_OBJECT_HANDLE key = 0, other = 0;
    EXPECT(generate_rv(0x7fff4711, NO_ATTRIBUTES, &key), CKR_MECHANISM_INVALID);
    EXPECT(generate_rv(CKM_SHA256, NO_ATTRIBUTES, &key), CKR_MECHANISM_INVALID);
    EXPECT(generate_rv(CKM_RSA_PKCS_KEY_PAIR_GEN, NO_ATTRIBUTES, &key), CKR_MECHANISM_INVALID);
    EXPECT(generate_pair_rv(CKM_AES_KEY_GEN, NO_ATTRIBUTES, NO_ATTRIBUTES, &key, &other),
           CKR_MECHANISM_INVALID);
}

static CK_OBJECT_HANDLE aes_key(void)
{
    static const CK_BYTE value[16] = {1, 2, 3};
    return CREATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES),
                  ATTR_B(CKA_ENCRYPT, CK_TRUE), ATTR_B(CKA_DECRYPT, CK_TRUE),
                  ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_B(CKA_WRAP, CK_TRUE),
                  ATTR_B(CKA_UNWRAP, CK_TRUE), ATTR_B(CKA_DERIVE, CK_TRUE),
                  ATTR_B(CKA_EXTRACTABLE, CK_TRUE), ATTR_B(CKA_SENSITIVE, CK_FALSE),
                  ATTR_X(CKA_VALUE, value, sizeof value));
}

static CK_ATTRIBUTE aes_template[] = {ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                                      ATTR_U(CKA_KEY_TYPE, CKK_AES)};

static void unlisted_encrypt(void)
{
    CK_OBJECT_HANDLE key = aes_key();
    EXPECT(F->C_EncryptInit(S, MECHANISM(0x7fff4711), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_EncryptInit(S, MECHANISM(CKM_AES_KEY_GEN), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_EncryptInit(S, MECHANISM(CKM_AES_CMAC), key), CKR_MECHANISM_INVALID);
}

static void unlisted_decrypt(void)
{
    CK_OBJECT_HANDLE key = aes_key();
    EXPECT(F->C_DecryptInit(S, MECHANISM(0x7fff4711), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_DecryptInit(S, MECHANISM(CKM_AES_KEY_GEN), key), CKR_MECHANISM_INVALID);
}

static void unlisted_sign(void)
{
    CK_OBJECT_HANDLE key = aes_key();
    EXPECT(F->C_SignInit(S, MECHANISM(0x7fff4711), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_AES_ECB), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_SHA256), key), CKR_MECHANISM_INVALID);
}

static void unlisted_verify(void)
{
    CK_OBJECT_HANDLE key = aes_key();
    EXPECT(F->C_VerifyInit(S, MECHANISM(0x7fff4711), key), CKR_MECHANISM_INVALID);
    EXPECT(F->C_VerifyInit(S, MECHANISM(CKM_AES_ECB), key), CKR_MECHANISM_INVALID);
}

static void unlisted_wrap(void)
{
    CK_BYTE out[64];
    CK_ULONG length = sizeof out;
    CK_OBJECT_HANDLE key = aes_key(), made = 0;
    EXPECT(F->C_WrapKey(S, MECHANISM(0x7fff4711), key, key, out, &length), CKR_MECHANISM_INVALID);
    EXPECT(F->C_WrapKey(S, MECHANISM(CKM_AES_CMAC), key, key, out, &length), CKR_MECHANISM_INVALID);
    EXPECT(F->C_UnwrapKey(S, MECHANISM(0x7fff4711), key, out, 24, aes_template, 2, &made),
           CKR_MECHANISM_INVALID);
}

static void unlisted_derive(void)
{
    CK_OBJECT_HANDLE made = 0;
    EXPECT(F->C_DeriveKey(S, MECHANISM(0x7fff4711), aes_key(), aes_template, 2, &made),
           CKR_MECHANISM_INVALID);
    EXPECT(F->C_DeriveKey(S, MECHANISM(CKM_AES_CMAC), aes_key(), aes_template, 2, &made),
           CKR_MECHANISM_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, list_null_count, "C_GetMechanismList", "CKR_ARGUMENTS_BAD without pulCount"),
    CHECK(FIX_INITIALIZED, list_unknown_slot, "C_GetMechanismList", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_INITIALIZED, list_count, "C_GetMechanismList", "gives the number for a NULL list"),
    CHECK(FIX_INITIALIZED, list_too_small, "C_GetMechanismList", "CKR_BUFFER_TOO_SMALL and the number needed"),
    CHECK(FIX_INITIALIZED, list_exact, "C_GetMechanismList", "fills a list of just the right size"),
    CHECK(FIX_INITIALIZED, list_unique, "C_GetMechanismList", "no mechanism twice"),
    CHECK(FIX_INITIALIZED, list_known_to_info, "C_GetMechanismInfo", "knows every listed mechanism, smallest key <= largest"),
    CHECK(FIX_INITIALIZED, list_of_functions, "CK_MECHANISM_INFO", "every listed mechanism is for some function"),
    CHECK(FIX_INITIALIZED, info_null_argument, "C_GetMechanismInfo", "CKR_ARGUMENTS_BAD for a NULL pointer"),
    CHECK(FIX_INITIALIZED, info_unknown_slot, "C_GetMechanismInfo", "CKR_SLOT_ID_INVALID for an id that is not listed"),
    CHECK(FIX_INITIALIZED, info_unknown_mechanism, "C_GetMechanismInfo", "CKR_MECHANISM_INVALID for an unknown mechanism"),
    CHECK(FIX_INITIALIZED, info_for_unlisted, "C_GetMechanismInfo", "CKR_MECHANISM_INVALID for every mechanism that is not listed"),
    CHECK(FIX_INITIALIZED, sizes_aes, "AES", "key sizes in bytes, 16 to 32"),
    CHECK(FIX_INITIALIZED, sizes_rsa, "PKCS #1 RSA key pair generation", "key sizes in bits, 2048 among them"),
    CHECK(FIX_INITIALIZED, sizes_eddsa, "EdDSA", "key sizes 255 or 448 and nothing else"),
    CHECK(FIX_INITIALIZED, curve_flags, "Elliptic curves", "EC mechanisms say field, form of point and of parameters"),
    CHECK(FIX_USER, unlisted_digest, "C_DigestInit", "CKR_MECHANISM_INVALID for what is no digest"),
    CHECK(FIX_USER, unlisted_generate, "C_GenerateKey", "CKR_MECHANISM_INVALID for what does not generate keys"),
    CHECK(FIX_USER, unlisted_encrypt, "C_EncryptInit", "CKR_MECHANISM_INVALID for what does not encrypt"),
    CHECK(FIX_USER, unlisted_decrypt, "C_DecryptInit", "CKR_MECHANISM_INVALID for what does not decrypt"),
    CHECK(FIX_USER, unlisted_sign, "C_SignInit", "CKR_MECHANISM_INVALID for what does not sign"),
    CHECK(FIX_USER, unlisted_verify, "C_VerifyInit", "CKR_MECHANISM_INVALID for what does not verify"),
    CHECK(FIX_USER, unlisted_wrap, "C_WrapKey", "CKR_MECHANISM_INVALID for what does not wrap or unwrap"),
    CHECK(FIX_USER, unlisted_derive, "C_DeriveKey", "CKR_MECHANISM_INVALID for what does not derive"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_INITIALIZED, flags_of_text, "Mechanisms vs. functions", "the flags are those of the text's table"),
};
/* clang-format on */

void chapter_mechanisms(void)
{
    check_add_table("mechanisms", checks);
    check_add_rows("mechanisms", row_checks, rows);
}
