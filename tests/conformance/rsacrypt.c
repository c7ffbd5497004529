/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA encryption and decryption: PKCS #1 v1.5, OAEP with every hash, raw.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *padding, *digest, *mgf;
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf_type;
    bool label;
    CK_ULONG most; /* bytes of plaintext */
};

/* clang-format off */
static const struct row rows[] = {
    { "CKM_RSA_PKCS", CKM_RSA_PKCS, "pkcs1", NULL, NULL, 0, 0, false, 245 },
    { "CKM_RSA_PKCS_OAEP/SHA1", CKM_RSA_PKCS_OAEP, "oaep", "SHA1", "SHA1", CKM_SHA_1, CKG_MGF1_SHA1, false, 214 },
    { "CKM_RSA_PKCS_OAEP/SHA1-label", CKM_RSA_PKCS_OAEP, "oaep", "SHA1", "SHA1", CKM_SHA_1, CKG_MGF1_SHA1, true, 214 },
    { "CKM_RSA_PKCS_OAEP/SHA224", CKM_RSA_PKCS_OAEP, "oaep", "SHA2-224", "SHA2-224", CKM_SHA224, CKG_MGF1_SHA224, false, 198 },
    { "CKM_RSA_PKCS_OAEP/SHA256", CKM_RSA_PKCS_OAEP, "oaep", "SHA2-256", "SHA2-256", CKM_SHA256, CKG_MGF1_SHA256, false, 190 },
    { "CKM_RSA_PKCS_OAEP/SHA256-label", CKM_RSA_PKCS_OAEP, "oaep", "SHA2-256", "SHA2-256", CKM_SHA256, CKG_MGF1_SHA256, true, 190 },
    { "CKM_RSA_PKCS_OAEP/SHA256-MGF1-SHA1", CKM_RSA_PKCS_OAEP, "oaep", "SHA2-256", "SHA1", CKM_SHA256, CKG_MGF1_SHA1, false, 190 },
    { "CKM_RSA_PKCS_OAEP/SHA384", CKM_RSA_PKCS_OAEP, "oaep", "SHA2-384", "SHA2-384", CKM_SHA384, CKG_MGF1_SHA384, false, 158 },
    { "CKM_RSA_PKCS_OAEP/SHA512", CKM_RSA_PKCS_OAEP, "oaep", "SHA2-512", "SHA2-512", CKM_SHA512, CKG_MGF1_SHA512, false, 126 },
    { "CKM_RSA_PKCS_OAEP/SHA3-256", CKM_RSA_PKCS_OAEP, "oaep", "SHA3-256", "SHA3-256", CKM_SHA3_256, CKG_MGF1_SHA3_256, false, 190 },
};
/* clang-format on */

static CK_BYTE label[] = "a label";
static CK_BYTE data[RSA_BYTES], sealed[RSA_BYTES], opened[RSA_BYTES];

static CK_MECHANISM *mechanism_of(const struct row *row)
{
    static CK_MECHANISM mechanism;
    static CK_RSA_PKCS_OAEP_PARAMS oaep;
    require_mechanism(row->type, CKF_ENCRYPT | CKF_DECRYPT);
    fill_bytes(data, sizeof data, 41);
    oaep = (CK_RSA_PKCS_OAEP_PARAMS){row->hash, row->mgf_type, CKZ_DATA_SPECIFIED,
                                     row->label ? label : NULL, row->label ? sizeof label - 1 : 0};
    mechanism = (CK_MECHANISM){row->type, NULL, 0};
    if (row->type == CKM_RSA_PKCS_OAEP)
        mechanism = (CK_MECHANISM){row->type, &oaep, sizeof oaep};
    return &mechanism;
}

static struct ossl_rsa ossl_of(const struct row *row)
{
    return (struct ossl_rsa){.padding = row->padding,
                             .digest = row->digest,
                             .mgf = row->mgf,
                             .label = label,
                             .label_length = row->label ? sizeof label - 1 : 0};
}

/* "Which parameter values are supported by a given mechanism can vary from token to token": only
 * the check encrypts minds another code than CKR_MECHANISM_PARAM_INVALID for those that are not. */
static void start_encrypt(const struct row *row)
{
    CK_RV rv = F->C_EncryptInit(S, mechanism_of(row), key_rsa_public(ANY_LABEL));
    if (rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD)
        check_skip("%s is not supported", row->name);
    EXPECT_OK(rv);
}

static void start_decrypt(const struct row *row)
{
    CK_RV rv = F->C_DecryptInit(S, mechanism_of(row), key_rsa_private(ANY_LABEL));
    if (rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD)
        check_skip("%s is not supported", row->name);
    EXPECT_OK(rv);
}

static void encrypts(const void *argument)
{
    const struct row *row = argument;
    const CK_ULONG lengths[] = {1, 32, row->most};
    struct ossl_rsa rsa = ossl_of(row);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_ULONG length = sizeof sealed;
        CK_RV rv = F->C_EncryptInit(S, mechanism_of(row), key_rsa_public(ANY_LABEL));
        if (rv == CKR_MECHANISM_PARAM_INVALID)
            check_skip("%s is not supported", row->name);
        EXPECT_OK(rv);
        EXPECT_OK(F->C_Encrypt(S, data, lengths[i], sealed, &length));
        EXPECT_EQUAL(length, RSA_BYTES);
        EXPECT_BYTES(opened, ossl_rsa_decrypt(&rsa, sealed, length, opened), data, lengths[i]);
    }
}

static void decrypts(const void *argument)
{
    const struct row *row = argument;
    struct ossl_rsa rsa = ossl_of(row);
    const CK_ULONG lengths[] = {1, 32, row->most};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_ULONG length = sizeof opened;
        fill_bytes(data, sizeof data, 41);
        ossl_rsa_encrypt(&rsa, data, lengths[i], sealed);
        start_decrypt(row);
        EXPECT_OK(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length));
        EXPECT_BYTES(opened, length, data, lengths[i]);
    }
}

static void too_long(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = sizeof sealed;
    start_encrypt(row);
    EXPECT(F->C_Encrypt(S, data, row->most + 1, sealed, &length), CKR_DATA_LEN_RANGE);
    length = sizeof sealed;
    EXPECT(F->C_Encrypt(S, data, 1, sealed, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = 0;
    struct ossl_rsa rsa = ossl_of(row);
    start_encrypt(row);
    EXPECT_OK(F->C_Encrypt(S, data, 16, NULL, &length));
    EXPECT_EQUAL(length, RSA_BYTES);
    length = RSA_BYTES - 1;
    EXPECT(F->C_Encrypt(S, data, 16, sealed, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, RSA_BYTES);
    EXPECT_OK(F->C_Encrypt(S, data, 16, sealed, &length));
    start_decrypt(row);
    EXPECT_OK(F->C_Decrypt(S, sealed, RSA_BYTES, NULL, &length));
    EXPECT_TRUE(length >= 16 && length <= RSA_BYTES);
    length = sizeof opened;
    EXPECT_OK(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length));
    EXPECT_BYTES(opened, length, data, 16);
    EXPECT_BYTES(opened, ossl_rsa_decrypt(&rsa, sealed, RSA_BYTES, opened), data, 16);
}

static void wrong_length(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = sizeof opened;
    start_decrypt(row);
    EXPECT_ANY(F->C_Decrypt(S, sealed, RSA_BYTES - 1, opened, &length),
               CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID);
    length = sizeof opened;
    EXPECT(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void randomized(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE first[RSA_BYTES];
    CK_ULONG length = sizeof first;
    start_encrypt(row);
    EXPECT_OK(F->C_Encrypt(S, data, 16, first, &length));
    start_encrypt(row);
    EXPECT_OK(F->C_Encrypt(S, data, 16, sealed, &length));
    EXPECT_TRUE(memcmp(first, sealed, sizeof first) != 0);
}

/* ---- by themselves ---- */

static void oaep_other_label(void)
{
    const struct row *row = &rows[1];
    struct ossl_rsa rsa = ossl_of(&rows[2]);
    CK_ULONG length = sizeof opened;
    CK_MECHANISM *mechanism = mechanism_of(row);
    ossl_rsa_encrypt(&rsa, data, 16, sealed);
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key_rsa_private(ANY_LABEL)));
    EXPECT_ANY(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void oaep_damaged(void)
{
    struct ossl_rsa rsa = ossl_of(&rows[1]);
    CK_ULONG length = sizeof opened;
    CK_MECHANISM *mechanism = mechanism_of(&rows[1]);
    ossl_rsa_encrypt(&rsa, data, 16, sealed);
    sealed[200] ^= 1;
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key_rsa_private(ANY_LABEL)));
    EXPECT_ANY(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE);
    EXPECT(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void oaep_parameters(void)
{
    static const CK_RSA_PKCS_OAEP_PARAMS wrong[] = {
        {CKM_AES_ECB, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0},
        {CKM_SHA_1, 0x4711, CKZ_DATA_SPECIFIED, NULL, 0},
        {CKM_SHA_1, CKG_MGF1_SHA1, 0x4711, label, sizeof label},
        {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 5},
    };
    require_mechanism(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT);
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    for (size_t i = 0; i < COUNT(wrong); i++)
        EXPECT(F->C_EncryptInit(S, MECHANISM_P(CKM_RSA_PKCS_OAEP, wrong[i]), key),
               CKR_MECHANISM_PARAM_INVALID);
}

static void oaep_parameter_missing(void)
{
    require_mechanism(CKM_RSA_PKCS_OAEP, CKF_ENCRYPT | CKF_DECRYPT);
    EXPECT(F->C_EncryptInit(S, MECHANISM(CKM_RSA_PKCS_OAEP), key_rsa_public(ANY_LABEL)),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_DecryptInit(S, MECHANISM(CKM_RSA_PKCS_OAEP), key_rsa_private(ANY_LABEL)),
           CKR_MECHANISM_PARAM_INVALID);
}

static void pkcs_parameter_given(void)
{
    require_mechanism(CKM_RSA_PKCS, CKF_ENCRYPT);
    EXPECT_ANY(
        F->C_EncryptInit(S, MECHANISM_X(CKM_RSA_PKCS, "unwanted", 8), key_rsa_public(ANY_LABEL)),
        CKR_MECHANISM_PARAM_INVALID, CKR_OK);
}

static void raw_both_ways(void)
{
    struct ossl_rsa rsa = {.padding = "none"};
    CK_ULONG length = sizeof sealed;
    require_mechanism(CKM_RSA_X_509, CKF_ENCRYPT | CKF_DECRYPT);
    fill_bytes(data, sizeof data, 41);
    data[0] = 0;
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_RSA_X_509), key_rsa_public(ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, data, RSA_BYTES, sealed, &length));
    EXPECT_BYTES(opened, ossl_rsa_decrypt(&rsa, sealed, length, opened), data, RSA_BYTES);
    length = sizeof opened;
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM(CKM_RSA_X_509), key_rsa_private(ANY_LABEL)));
    EXPECT_OK(F->C_Decrypt(S, sealed, RSA_BYTES, opened, &length));
    EXPECT_BYTES(opened, length, data, RSA_BYTES);
}

static void raw_short_data(void)
{
    struct ossl_rsa rsa = {.padding = "none"};
    CK_ULONG length = sizeof sealed;
    require_mechanism(CKM_RSA_X_509, CKF_ENCRYPT);
    fill_bytes(data, sizeof data, 41);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_RSA_X_509), key_rsa_public(ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, data, 100, sealed, &length));
    EXPECT_EQUAL(ossl_rsa_decrypt(&rsa, sealed, length, opened), RSA_BYTES);
    EXPECT_EQUAL(opened[0], 0);
    EXPECT_BYTES(opened + 156, 100, data, 100);
}

static void single_part_only(void)
{
    CK_BYTE out[RSA_BYTES];
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_RSA_PKCS, CKF_ENCRYPT);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_RSA_PKCS), key_rsa_public(ANY_LABEL)));
    EXPECT_FAILURE(F->C_EncryptUpdate(S, data, 16, out, &length));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, oaep_other_label, "PKCS #1 RSA OAEP", "another label does not decrypt"),
    CHECK(FIX_USER, oaep_damaged, "PKCS #1 RSA OAEP", "damaged ciphertext does not decrypt, which ends the operation"),
    CHECK(FIX_USER, oaep_parameters, "PKCS #1 RSA OAEP", "CKR_MECHANISM_PARAM_INVALID for hash, MGF, source or label that can't be"),
    CHECK(FIX_USER, oaep_parameter_missing, "PKCS #1 RSA OAEP", "CKR_MECHANISM_PARAM_INVALID without a parameter"),
    CHECK(FIX_USER, pkcs_parameter_given, "PKCS #1 v1.5 RSA", "a parameter is refused or ignored"),
    CHECK(FIX_USER, raw_both_ways, "X.509 (raw) RSA", "encrypts and decrypts numbers as OpenSSL does"),
    CHECK(FIX_USER, raw_short_data, "X.509 (raw) RSA", "shorter data are the same number"),
    CHECK(FIX_USER, single_part_only, "PKCS #1 v1.5 RSA", "no multiple-part operation"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, encrypts, "C_Encrypt", "OpenSSL decrypts it, up to the longest plaintext"),
    CHECK_ROW(FIX_USER, decrypts, "C_Decrypt", "what OpenSSL encrypted, up to the longest plaintext"),
    CHECK_ROW(FIX_USER, too_long, "C_Encrypt", "CKR_DATA_LEN_RANGE for a byte too much, which ends the operation"),
    CHECK_ROW(FIX_USER, lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, then it works"),
    CHECK_ROW(FIX_USER, wrong_length, "C_Decrypt", "CKR_ENCRYPTED_DATA_LEN_RANGE or _INVALID for other than k bytes, which ends the operation"),
    CHECK_ROW(FIX_USER, randomized, "C_Encrypt", "the same plaintext never makes the same ciphertext"),
};
/* clang-format on */

void chapter_rsacrypt(void)
{
    check_add_table("rsacrypt", checks);
    check_add_rows("rsacrypt", row_checks, rows);
}
