/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signatures and RSA ciphertexts that are almost right. Each table begins with the right one, made
 * by the same way as the others, which must be taken: what is refused is refused for its one fault.
 * RSA blocks are put together here and go through the raw RSA operation.
 */
#include <string.h>

#include "keys.h"
#include "keys_data.h"
#include "ossl.h"

enum { HASH = 32, DATA = 50, SIGNATURE_ROOM = 256 };

static CK_BYTE data[DATA], hash[HASH], block[RSA_BYTES], signature[SIGNATURE_ROOM];
static CK_ULONG signature_length;

static void new_data(void)
{
    fill_bytes(data, sizeof data, 91);
    (void)ossl_digest("SHA2-256", data, sizeof data, hash);
}

static CK_RV verify_rv(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key, const CK_BYTE *bytes,
                       CK_ULONG length)
{
    EXPECT_OK(F->C_VerifyInit(S, mechanism, key));
    return F->C_Verify(S, (CK_BYTE_PTR)bytes, length, signature, signature_length);
}

/* C_VerifySignature may find the fault when it is given the signature. */
static CK_RV given_rv(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key, const CK_BYTE *bytes,
                      CK_ULONG length)
{
    CK_RV rv = F->C_VerifySignatureInit(S, mechanism, key, signature, signature_length);
    return rv != CKR_OK ? rv : F->C_VerifySignature(S, (CK_BYTE_PTR)bytes, length);
}

/* Both functions say the same of the signature. */
static void expect_refused(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key, const CK_BYTE *bytes,
                           CK_ULONG length)
{
    EXPECT_ANY(verify_rv(mechanism, key, bytes, length), CKR_SIGNATURE_INVALID,
               CKR_SIGNATURE_LEN_RANGE);
    if (F->C_VerifySignatureInit != NULL)
        EXPECT_ANY(given_rv(mechanism, key, bytes, length), CKR_SIGNATURE_INVALID,
                   CKR_SIGNATURE_LEN_RANGE);
}

static void expect_verdict(bool right, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key,
                           const CK_BYTE *bytes, CK_ULONG length)
{
    if (right)
        EXPECT_OK(verify_rv(mechanism, key, bytes, length));
    else
        expect_refused(mechanism, key, bytes, length);
}

/* ---- RSA blocks ---- */

/* The signature whose block this is. */
static void sign_block(void)
{
    require_mechanism(CKM_RSA_X_509, CKF_SIGN);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_RSA_X_509), key_rsa_private(ANY_LABEL)));
    EXPECT_OK(F->C_Sign(S, block, sizeof block, signature, &signature_length));
}

#define DIGEST_INFO "3031300d060960864801650304020105000420"

/* PKCS #1 v1.5: first, type, FF..., separator, prefix, hash, and what fills the rest. */
struct encoding {
    const char *name;
    bool right;
    CK_BYTE first, type, separator;
    CK_ULONG padding; /* bytes of FF; 0: all there is room for */
    CK_ULONG spoilt;  /* the padding byte that is FE, from 1 on */
    const char *prefix;
};

/* clang-format off */
static const struct encoding encodings[] = {
    {"right", true, 0, 1, 0, 0, 0, DIGEST_INFO},
    {"first-byte-1", false, 1, 1, 0, 0, 0, DIGEST_INFO},
    {"block-type-0", false, 0, 0, 0, 0, 0, DIGEST_INFO},
    {"block-type-2", false, 0, 2, 0, 0, 0, DIGEST_INFO},
    {"separator-1", false, 0, 1, 1, 0, 0, DIGEST_INFO},
    {"separator-ff", false, 0, 1, 0xff, 0, 0, DIGEST_INFO},
    {"first-padding-byte", false, 0, 1, 0, 0, 1, DIGEST_INFO},
    {"ninth-padding-byte", false, 0, 1, 0, 0, 9, DIGEST_INFO},
    {"last-padding-byte", false, 0, 1, 0, 0, 202, DIGEST_INFO},
    {"garbage-behind", false, 0, 1, 0, 8, 0, DIGEST_INFO},
    {"garbage-behind-a-byte", false, 0, 1, 0, 201, 0, DIGEST_INFO},
    {"no-digest-info", false, 0, 1, 0, 0, 0, ""},
    {"null-with-content", false, 0, 1, 0, 0, 0, "3033300f0609608648016503040201050200000420"},
    {"long-form-length", false, 0, 1, 0, 0, 0, "308131300d060960864801650304020105000420"},
    {"long-form-inner-length", false, 0, 1, 0, 0, 0, "303230810d060960864801650304020105000420"},
    {"indefinite-length", false, 0, 1, 0, 0, 0, "3080300d060960864801650304020105000420"},
    {"other-hash", false, 0, 1, 0, 0, 0, "3031300d060960864801650304020605000420"},
    {"bit-string", false, 0, 1, 0, 0, 0, "3031300d060960864801650304020105000320"},
    {"set-for-sequence", false, 0, 1, 0, 0, 0, "3131300d060960864801650304020105000420"},
    {"length-a-byte-short", false, 0, 1, 0, 0, 0, "3030300d060960864801650304020105000420"},
    {"hash-length-a-byte-short", false, 0, 1, 0, 0, 0, "3031300d06096086480165030402010500041f"},
};
/* clang-format on */

static void encode(const struct encoding *encoding)
{
    CK_BYTE prefix[64];
    CK_ULONG prefix_length = from_hex(encoding->prefix, prefix);
    CK_ULONG padding =
        encoding->padding != 0 ? encoding->padding : RSA_BYTES - 3 - prefix_length - HASH;
    CK_BYTE *at = block + 2 + padding;
    new_data();
    fill_bytes(block, sizeof block, 17); /* the garbage */
    block[0] = encoding->first;
    block[1] = encoding->type;
    memset(block + 2, 0xff, padding);
    if (encoding->spoilt != 0)
        block[1 + encoding->spoilt] = 0xfe;
    *at++ = encoding->separator;
    memcpy(at, prefix, prefix_length);
    memcpy(at + prefix_length, hash, HASH);
    sign_block();
}

static void pkcs_hashes(const void *row)
{
    const struct encoding *encoding = row;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_VERIFY);
    encode(encoding);
    expect_verdict(encoding->right, MECHANISM(CKM_SHA256_RSA_PKCS), key_rsa_public(ANY_LABEL), data,
                   sizeof data);
}

static void pkcs_takes_digest_info(const void *row)
{
    const struct encoding *encoding = row;
    CK_BYTE info[64];
    CK_ULONG length = from_hex(DIGEST_INFO, info);
    require_mechanism(CKM_RSA_PKCS, CKF_VERIFY);
    encode(encoding);
    memcpy(info + length, hash, HASH);
    expect_verdict(encoding->right, MECHANISM(CKM_RSA_PKCS), key_rsa_public(ANY_LABEL), info,
                   length + HASH);
}

/* PSS: the data block's padding, the salt's length, the bit above the block, H and the trailer. */
struct pss {
    const char *name;
    bool right;
    CK_ULONG salt;   /* bytes */
    CK_BYTE before;  /* what stands before the salt, 1 when it is right */
    CK_ULONG spoilt; /* the byte of the zeros that is not zero, from 1 on */
    CK_BYTE flip;    /* a bit of H */
    CK_BYTE trailer;
    CK_BYTE top; /* a bit that the block may not have */
};

/* clang-format off */
static const struct pss pss_blocks[] = {
    {"right", true, 32, 1, 0, 0, 0xbc, 0},
    {"salt-of-20", false, 20, 1, 0, 0, 0xbc, 0},
    {"salt-of-31", false, 31, 1, 0, 0, 0xbc, 0},
    {"salt-of-33", false, 33, 1, 0, 0, 0xbc, 0},
    {"no-salt", false, 0, 1, 0, 0, 0xbc, 0},
    {"0-before-salt", false, 32, 0, 0, 0, 0xbc, 0},
    {"2-before-salt", false, 32, 2, 0, 0, 0xbc, 0},
    {"first-zero", false, 32, 1, 1, 0, 0xbc, 0},
    {"last-zero", false, 32, 1, 190, 0, 0xbc, 0},
    {"bit-of-h", false, 32, 1, 0, 1, 0xbc, 0},
    {"top-bit-of-h", false, 32, 1, 0, 0x80, 0xbc, 0},
    {"trailer-cc", false, 32, 1, 0, 0, 0xcc, 0},
    {"trailer-0", false, 32, 1, 0, 0, 0, 0},
    {"top-bit-of-block", false, 32, 1, 0, 0, 0xbc, 0x80},
};
/* clang-format on */

/* MGF1 with a digest of `size` bytes. */
static void xor_mask(const char *digest, CK_ULONG size, CK_BYTE *out, CK_ULONG length,
                     const CK_BYTE *seed, CK_ULONG seed_length)
{
    CK_BYTE input[256], mask[64] = {0};
    memcpy(input, seed, seed_length);
    for (CK_ULONG at = 0; at < length; at++) {
        if (at % size == 0) {
            memset(input + seed_length, 0, 4);
            input[seed_length + 3] = (CK_BYTE)(at / size);
            (void)ossl_digest(digest, input, seed_length + 4, mask);
        }
        out[at] ^= mask[at % size];
    }
}

static void encode_pss(const struct pss *pss)
{
    enum { DB = RSA_BYTES - HASH - 1 };
    CK_BYTE message[8 + HASH + 64] = {0}, salt[64];
    CK_BYTE *h = block + DB;
    new_data();
    fill_bytes(salt, sizeof salt, 19);
    memcpy(message + 8, hash, HASH);
    memcpy(message + 8 + HASH, salt, pss->salt);
    memset(block, 0, sizeof block);
    (void)ossl_digest("SHA2-256", message, 8 + HASH + pss->salt, h);
    h[0] ^= pss->flip;
    block[DB - pss->salt - 1] = pss->before;
    memcpy(block + DB - pss->salt, salt, pss->salt);
    if (pss->spoilt != 0)
        block[pss->spoilt - 1] ^= 1;
    xor_mask("SHA2-256", HASH, block, DB, h, HASH);
    block[0] = (block[0] & 0x7f) | pss->top;
    block[RSA_BYTES - 1] = pss->trailer;
}

static CK_MECHANISM_PTR pss_mechanism(CK_MECHANISM_TYPE type)
{
    static CK_RSA_PKCS_PSS_PARAMS params = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    static CK_MECHANISM mechanism;
    mechanism = (CK_MECHANISM){type, &params, sizeof params};
    return &mechanism;
}

static void pss_refuses(const void *row)
{
    const struct pss *pss = row;
    require_mechanism(CKM_SHA256_RSA_PKCS_PSS, CKF_VERIFY);
    require_mechanism(CKM_RSA_PKCS_PSS, CKF_VERIFY);
    encode_pss(pss);
    if (memcmp(block, rsa_modulus, sizeof block) >= 0)
        check_skip("the block is not below the modulus");
    sign_block();
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    expect_verdict(pss->right, pss_mechanism(CKM_SHA256_RSA_PKCS_PSS), key, data, sizeof data);
    expect_verdict(pss->right, pss_mechanism(CKM_RSA_PKCS_PSS), key, hash, sizeof hash);
}

/* Numbers that are no signature of anything. */
enum number { ZERO, ONE, MODULUS_LESS_ONE, MODULUS, ALL_ONES };
static const struct {
    const char *name;
    enum number number;
} numbers[] = {
    {"0", ZERO}, {"1", ONE}, {"n-1", MODULUS_LESS_ONE}, {"n", MODULUS}, {"all-ones", ALL_ONES},
};

static void fill_number(enum number number, CK_BYTE bytes[RSA_BYTES])
{
    memset(bytes, number == ALL_ONES ? 0xff : 0, RSA_BYTES);
    if (number == MODULUS || number == MODULUS_LESS_ONE)
        memcpy(bytes, rsa_modulus, RSA_BYTES);
    if (number == MODULUS_LESS_ONE)
        bytes[RSA_BYTES - 1] &= 0xfe; /* it is odd */
    if (number == ONE)
        bytes[RSA_BYTES - 1] = 1;
}

static void number_is_no_signature(const void *row)
{
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    new_data();
    fill_number(((const __typeof__(&numbers[0]))row)->number, signature);
    signature_length = RSA_BYTES;
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_VERIFY);
    require_mechanism(CKM_SHA256_RSA_PKCS_PSS, CKF_VERIFY);
    expect_refused(MECHANISM(CKM_SHA256_RSA_PKCS), key, data, sizeof data);
    expect_refused(pss_mechanism(CKM_SHA256_RSA_PKCS_PSS), key, data, sizeof data);
}

/* ---- OAEP ---- */

struct oaep {
    const char *name;
    bool right;
    CK_BYTE first;
    CK_BYTE flip;    /* a bit of the label's hash */
    CK_ULONG spoilt; /* the byte of the zeros that is not zero, from 1 on */
    CK_BYTE before;  /* what stands before the message, 1 when it is right */
};

/* clang-format off */
static const struct oaep oaep_blocks[] = {
    {"right", true, 0, 0, 0, 1},
    {"first-byte-1", false, 1, 0, 0, 1},
    {"first-byte-80", false, 0x80, 0, 0, 1},
    {"label-hash", false, 0, 1, 0, 1},
    {"label-hash-and-first-byte", false, 1, 1, 0, 1},
    {"first-zero", false, 0, 0, 1, 1},
    {"last-zero", false, 0, 0, 164, 1},
    {"2-before-message", false, 0, 0, 0, 2},
    {"nothing-before-message", false, 0, 0, 0, 0},
};
/* clang-format on */

static void encode_oaep(const struct oaep *oaep)
{
    enum { LABEL = 20, DB = RSA_BYTES - LABEL - 1, MESSAGE = DATA };
    CK_BYTE *seed = block + 1, *db = block + 1 + LABEL;
    new_data();
    memset(block, 0, sizeof block);
    fill_bytes(seed, LABEL, 23);
    (void)ossl_digest("SHA1", (const CK_BYTE *)"", 0, db);
    db[0] ^= oaep->flip;
    if (oaep->spoilt != 0)
        db[LABEL + oaep->spoilt - 1] = 3;
    db[DB - MESSAGE - 1] = oaep->before;
    /* Without the byte in front a message that begins with 1 would be right. */
    if (oaep->before != 0)
        memcpy(db + DB - MESSAGE, data, MESSAGE);
    xor_mask("SHA1", LABEL, db, DB, seed, LABEL);
    xor_mask("SHA1", LABEL, seed, LABEL, db, DB);
    block[0] = oaep->first;
}

static CK_RV decrypt_oaep(CK_BYTE *cipher, CK_BYTE *out, CK_ULONG *length)
{
    CK_RSA_PKCS_OAEP_PARAMS params = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    EXPECT_OK(
        F->C_DecryptInit(S, MECHANISM_P(CKM_RSA_PKCS_OAEP, params), key_rsa_private(ANY_LABEL)));
    return F->C_Decrypt(S, cipher, RSA_BYTES, out, length);
}

static void oaep_refuses(const void *row)
{
    const struct oaep *oaep = row;
    CK_BYTE cipher[RSA_BYTES], out[RSA_BYTES];
    CK_ULONG length = sizeof cipher, out_length = sizeof out;
    require_mechanism(CKM_RSA_PKCS_OAEP, CKF_DECRYPT);
    require_mechanism(CKM_RSA_X_509, CKF_ENCRYPT);
    encode_oaep(oaep);
    if (memcmp(block, rsa_modulus, sizeof block) >= 0)
        check_skip("the block is not below the modulus");
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM(CKM_RSA_X_509), key_rsa_public(ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, block, sizeof block, cipher, &length));
    CK_RV rv = decrypt_oaep(cipher, out, &out_length);
    if (oaep->right) {
        EXPECT_OK(rv);
        EXPECT_BYTES(out, out_length, data, sizeof data);
    } else {
        /* One code for all: which check failed must not be told (Manger). */
        EXPECT(rv, CKR_ENCRYPTED_DATA_INVALID);
    }
}

static void number_is_no_ciphertext(const void *row)
{
    CK_BYTE cipher[RSA_BYTES], out[RSA_BYTES];
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_RSA_PKCS_OAEP, CKF_DECRYPT);
    fill_number(((const __typeof__(&numbers[0]))row)->number, cipher);
    EXPECT_ANY(decrypt_oaep(cipher, out, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE);
}

/* ---- curves ---- */

/* The order of the base point, with as many bytes as half a signature has; EdDSA's little-endian.
 */
static const struct {
    const struct curve *curve;
    const char *order;
} orders[] = {
    {&curves[P256], "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"},
    {&curves[P384], "ffffffffffffffffffffffffffffffffffffffffffffffff"
                    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"},
    {&curves[P521], "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                    "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"},
    {&curves[K256], "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"},
    {&curves[BP256], "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7"},
    {&curves[ED25519], "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"},
    {&curves[ED448], "f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7c"
                     "ffffffffffffffffffffffffffffffffffffffffffffffffffffff3f00"},
};

enum edit {
    NOTHING,
    R_ZERO,
    S_ZERO,
    R_ORDER,
    S_ORDER,
    S_ORDER_MORE, /* the same number modulo the order */
    R_ORDER_MORE,
    SWAPPED,
    ALL_ONES_TOO,
    R_FLIPPED,
    S_FLIPPED,
};

struct edited {
    char name[40];
    const struct curve *curve;
    const char *order;
    enum edit edit;
};

static const struct {
    const char *name;
    enum edit edit;
} edits[] = {
    {"right", NOTHING},         {"r-is-0", R_ZERO},      {"s-is-0", S_ZERO},
    {"r-is-n", R_ORDER},        {"s-is-n", S_ORDER},     {"s-plus-n", S_ORDER_MORE},
    {"r-plus-n", R_ORDER_MORE}, {"swapped", SWAPPED},    {"all-ones", ALL_ONES_TOO},
    {"bit-of-r", R_FLIPPED},    {"bit-of-s", S_FLIPPED},
};

static bool is_edwards(const struct curve *curve)
{
    return curve->type == CKK_EC_EDWARDS;
}

/* number += order; false: it has no room. */
static bool add(CK_BYTE *number, const CK_BYTE *order, CK_ULONG length, bool little_endian)
{
    unsigned carry = 0;
    for (CK_ULONG i = 0; i < length; i++) {
        CK_ULONG at = little_endian ? i : length - 1 - i;
        carry += (unsigned)number[at] + order[at];
        number[at] = (CK_BYTE)carry;
        carry >>= 8;
    }
    return carry == 0;
}

static void swap(CK_BYTE *r, CK_BYTE *s, CK_ULONG half)
{
    CK_BYTE kept[SIGNATURE_ROOM];
    memcpy(kept, r, half);
    memcpy(r, s, half);
    memcpy(s, kept, half);
}

static void edit_signature(const struct edited *edited)
{
    CK_BYTE order[SIGNATURE_ROOM];
    CK_ULONG half = from_hex(edited->order, order);
    bool little = is_edwards(edited->curve);
    CK_BYTE *r = signature, *s = signature + half;
    EXPECT_EQUAL(signature_length, 2 * half);
    switch (edited->edit) {
    case NOTHING:
        break;
    case R_ZERO:
        memset(r, 0, half);
        break;
    case S_ZERO:
        memset(s, 0, half);
        break;
    case R_ORDER:
        memcpy(r, order, half);
        break;
    case S_ORDER:
        memcpy(s, order, half);
        break;
    case R_ORDER_MORE:
    case S_ORDER_MORE:
        if (!add(edited->edit == R_ORDER_MORE ? r : s, order, half, little))
            check_skip("the sum has no room in a signature");
        break;
    case SWAPPED:
        swap(r, s, half);
        break;
    case ALL_ONES_TOO:
        memset(r, 0xff, 2 * half);
        break;
    case R_FLIPPED:
        r[half / 2] ^= 0x10;
        break;
    case S_FLIPPED:
        s[half / 2] ^= 0x10;
        break;
    }
}

static void curve_refuses(const void *row)
{
    const struct edited *edited = row;
    CK_MECHANISM_TYPE type = is_edwards(edited->curve) ? CKM_EDDSA : CKM_ECDSA;
    require_mechanism(type, CKF_SIGN | CKF_VERIFY);
    new_data();
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(type), key_curve_private(edited->curve, ANY_LABEL)));
    EXPECT_OK(F->C_Sign(S, hash, sizeof hash, signature, &signature_length));
    edit_signature(edited);
    expect_verdict(edited->edit == NOTHING, MECHANISM(type),
                   key_curve_public(edited->curve, ANY_LABEL), hash, sizeof hash);
}

/* As DER, which is another length. */
static void ecdsa_as_der(void)
{
    CK_BYTE raw[64];
    require_mechanism(CKM_ECDSA, CKF_SIGN | CKF_VERIFY);
    new_data();
    signature_length = sizeof raw;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_ECDSA), key_curve_private(&curves[P256], ANY_LABEL)));
    EXPECT_OK(F->C_Sign(S, hash, sizeof hash, raw, &signature_length));
    const CK_BYTE head[] = {0x30, 0x46, 0x02, 0x21, 0x00}, middle[] = {0x02, 0x21, 0x00};
    memcpy(signature, head, sizeof head);
    memcpy(signature + 5, raw, 32);
    memcpy(signature + 37, middle, sizeof middle);
    memcpy(signature + 40, raw + 32, 32);
    signature_length = 72;
    expect_refused(MECHANISM(CKM_ECDSA), key_curve_public(&curves[P256], ANY_LABEL), hash,
                   sizeof hash);
}

/* ---- MACs ---- */

static const struct mac {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type;
    CK_ULONG key_length, length;
    CK_ULONG cut; /* the parameter of a _GENERAL mechanism */
} macs[] = {
    {"CKM_SHA_1_HMAC", CKM_SHA_1_HMAC, CKK_GENERIC_SECRET, 64, 20, 0},
    {"CKM_SHA256_HMAC", CKM_SHA256_HMAC, CKK_GENERIC_SECRET, 64, 32, 0},
    {"CKM_SHA512_HMAC", CKM_SHA512_HMAC, CKK_GENERIC_SECRET, 64, 64, 0},
    {"CKM_SHA3_256_HMAC", CKM_SHA3_256_HMAC, CKK_GENERIC_SECRET, 64, 32, 0},
    {"CKM_SHA256_HMAC_GENERAL", CKM_SHA256_HMAC_GENERAL, CKK_GENERIC_SECRET, 64, 32, 10},
    {"CKM_SHA512_HMAC_GENERAL", CKM_SHA512_HMAC_GENERAL, CKK_GENERIC_SECRET, 64, 64, 1},
    {"CKM_AES_CMAC", CKM_AES_CMAC, CKK_AES, 16, 16, 0},
    {"CKM_AES_CMAC_GENERAL", CKM_AES_CMAC_GENERAL, CKK_AES, 16, 16, 8},
    {"CKM_AES_MAC", CKM_AES_MAC, CKK_AES, 16, 8, 0},
    {"CKM_AES_MAC_GENERAL", CKM_AES_MAC_GENERAL, CKK_AES, 16, 16, 5},
    {"CKM_AES_XCBC_MAC", CKM_AES_XCBC_MAC, CKK_AES, 16, 16, 0},
    {"CKM_AES_XCBC_MAC_96", CKM_AES_XCBC_MAC_96, CKK_AES, 16, 12, 0},
    {"CKM_POLY1305", CKM_POLY1305, CKK_POLY1305, 32, 16, 0},
};

static CK_MECHANISM_PTR mac_mechanism(const struct mac *mac, CK_ULONG cut)
{
    static CK_MECHANISM mechanism;
    static CK_ULONG parameter;
    parameter = cut;
    mechanism = (CK_MECHANISM){mac->type, NULL, 0};
    if (mac->cut != 0)
        mechanism = (CK_MECHANISM){mac->type, &parameter, sizeof parameter};
    return &mechanism;
}

static CK_OBJECT_HANDLE mac_key(const struct mac *mac)
{
    require_mechanism(mac->type, CKF_SIGN | CKF_VERIFY);
    return key_secret(mac->key_type, key_value(), mac->key_length, ANY_LABEL);
}

static CK_OBJECT_HANDLE new_mac(const struct mac *mac)
{
    CK_OBJECT_HANDLE key = mac_key(mac);
    new_data();
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, mac_mechanism(mac, mac->cut), key));
    EXPECT_OK(F->C_Sign(S, data, sizeof data, signature, &signature_length));
    EXPECT_EQUAL(signature_length, mac->cut != 0 ? mac->cut : mac->length);
    return key;
}

static void mac_flipped(const void *row)
{
    const struct mac *mac = row;
    CK_OBJECT_HANDLE key = new_mac(mac);
    EXPECT_OK(verify_rv(mac_mechanism(mac, mac->cut), key, data, sizeof data));
    for (CK_ULONG i = 0; i < signature_length * 8; i += 3) {
        signature[i / 8] ^= (CK_BYTE)(1 << i % 8);
        EXPECT(verify_rv(mac_mechanism(mac, mac->cut), key, data, sizeof data),
               CKR_SIGNATURE_INVALID);
        signature[i / 8] ^= (CK_BYTE)(1 << i % 8);
    }
}

static void mac_cut(const void *row)
{
    const struct mac *mac = row;
    CK_OBJECT_HANDLE key = new_mac(mac);
    CK_ULONG whole = signature_length;
    for (signature_length = 0; signature_length <= whole + 1; signature_length++) {
        if (signature_length != whole)
            EXPECT(verify_rv(mac_mechanism(mac, mac->cut), key, data, sizeof data),
                   CKR_SIGNATURE_LEN_RANGE);
    }
}

static void mac_lengths(const void *row)
{
    const struct mac *mac = row;
    CK_OBJECT_HANDLE key = mac_key(mac);
    const CK_ULONG lengths[] = {0, mac->length + 1, CK_UNAVAILABLE_INFORMATION};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        EXPECT(F->C_SignInit(S, mac_mechanism(mac, lengths[i]), key), CKR_MECHANISM_PARAM_INVALID);
        EXPECT(F->C_VerifyInit(S, mac_mechanism(mac, lengths[i]), key),
               CKR_MECHANISM_PARAM_INVALID);
    }
}

/* clang-format off */
static const struct check encoding_checks[] = {
    CHECK_ROW(FIX_USER, pkcs_hashes, "PKCS #1 v1.5 RSA", "CKR_SIGNATURE_INVALID for a block that is not exactly the right one"),
    CHECK_ROW(FIX_USER, pkcs_takes_digest_info, "PKCS #1 v1.5 RSA", "the same where the DigestInfo is given"),
};

static const struct check pss_checks[] = {
    CHECK_ROW(FIX_USER, pss_refuses, "PKCS #1 RSA PSS", "CKR_SIGNATURE_INVALID for a block with one fault"),
};

static const struct check number_checks[] = {
    CHECK_ROW(FIX_USER, number_is_no_signature, "CKR_SIGNATURE_INVALID", "for numbers that are no RSA signature"),
    CHECK_ROW(FIX_USER, number_is_no_ciphertext, "CKR_ENCRYPTED_DATA_INVALID", "for numbers that are no OAEP ciphertext"),
};

static const struct check oaep_checks[] = {
    CHECK_ROW(FIX_USER, oaep_refuses, "PKCS #1 RSA OAEP", "CKR_ENCRYPTED_DATA_INVALID for a block with one fault, whichever it is"),
};

static const struct check curve_checks[] = {
    CHECK_ROW(FIX_USER, curve_refuses, "EC signatures", "CKR_SIGNATURE_INVALID for r and s out of range, and for S that is not reduced"),
};

static const struct check mac_checks[] = {
    CHECK_ROW(FIX_USER, mac_flipped, "CKR_SIGNATURE_INVALID", "for a MAC with any one bit changed"),
    CHECK_ROW(FIX_USER, mac_cut, "CKR_SIGNATURE_LEN_RANGE", "for a MAC of every other length"),
};

static const struct check general_checks[] = {
    CHECK_ROW(FIX_USER, mac_lengths, "CK_MAC_GENERAL_PARAMS", "CKR_MECHANISM_PARAM_INVALID for no bytes, and for more than there are"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, ecdsa_as_der, "EC signatures", "a signature as DER is none"),
};
/* clang-format on */

/* Every edit of every curve's signature. */
static void add_curves(void)
{
    static struct edited rows[COUNT(orders) * COUNT(edits)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(orders); i++) {
        for (size_t k = 0; k < COUNT(edits); k++) {
            struct edited *row = &rows[count++];
            *row = (struct edited){"", orders[i].curve, orders[i].order, edits[k].edit};
            (void)snprintf(row->name, sizeof row->name, "%s/%s", orders[i].curve->name,
                           edits[k].name);
        }
    }
    check_add_rows("badsigs", curve_checks, rows);
}

void chapter_badsigs(void)
{
    check_add_rows("badsigs", encoding_checks, encodings);
    check_add_rows("badsigs", pss_checks, pss_blocks);
    check_add_rows("badsigs", number_checks, numbers);
    check_add_rows("badsigs", oaep_checks, oaep_blocks);
    add_curves();
    check_add_rows("badsigs", mac_checks, macs);
    check_add_rows_if("badsigs", general_checks, macs, row->cut != 0);
    check_add_table("badsigs", checks);
}
