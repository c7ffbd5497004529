/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ciphertexts, wrapped keys, public values and lengths that are almost right. What is right is
 * tried by the same way first.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define SECRET ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

/* ---- authenticated encryption ---- */

enum { DATA = 37, ROOM = 128 };

static CK_BYTE data[DATA], nonce[16], aad[20], sealed[ROOM], out[ROOM];
static CK_ULONG sealed_length;

static const struct aead {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type;
    CK_ULONG key_length, nonce_length, tag_length;
} aeads[] = {
    {"CKM_AES_GCM/16", CKM_AES_GCM, CKK_AES, 16, 12, 16},
    {"CKM_AES_GCM/4", CKM_AES_GCM, CKK_AES, 32, 12, 4},
    {"CKM_AES_GCM/long-iv", CKM_AES_GCM, CKK_AES, 32, 16, 12},
    {"CKM_AES_CCM/16", CKM_AES_CCM, CKK_AES, 16, 12, 16},
    {"CKM_AES_CCM/4", CKM_AES_CCM, CKK_AES, 32, 7, 4},
    {"CKM_CHACHA20_POLY1305", CKM_CHACHA20_POLY1305, CKK_CHACHA20, 32, 12, 16},
    {"CKM_SALSA20_POLY1305", CKM_SALSA20_POLY1305, CKK_SALSA20, 32, 8, 16},
};

static CK_MECHANISM_PTR aead_mechanism(const struct aead *aead, CK_ULONG data_length)
{
    static CK_MECHANISM mechanism;
    static CK_GCM_PARAMS gcm;
    static CK_CCM_PARAMS ccm;
    static CK_SALSA20_CHACHA20_POLY1305_PARAMS poly;
    gcm = (CK_GCM_PARAMS){nonce, aead->nonce_length, aead->nonce_length * 8,
                          aad,   sizeof aad,         aead->tag_length * 8};
    ccm =
        (CK_CCM_PARAMS){data_length, nonce, aead->nonce_length, aad, sizeof aad, aead->tag_length};
    poly = (CK_SALSA20_CHACHA20_POLY1305_PARAMS){nonce, aead->nonce_length * 8, aad, sizeof aad};
    if (aead->type == CKM_AES_GCM)
        mechanism = (CK_MECHANISM){aead->type, &gcm, sizeof gcm};
    else if (aead->type == CKM_AES_CCM)
        mechanism = (CK_MECHANISM){aead->type, &ccm, sizeof ccm};
    else
        mechanism = (CK_MECHANISM){aead->type, &poly, sizeof poly};
    return &mechanism;
}

static CK_OBJECT_HANDLE seal(const struct aead *aead)
{
    require_mechanism(aead->type, CKF_ENCRYPT | CKF_DECRYPT);
    CK_OBJECT_HANDLE key = key_secret(aead->key_type, key_value(), aead->key_length, ANY_LABEL);
    fill_bytes(data, sizeof data, 5);
    fill_bytes(nonce, sizeof nonce, 6);
    fill_bytes(aad, sizeof aad, 7);
    sealed_length = sizeof sealed;
    EXPECT_OK(F->C_EncryptInit(S, aead_mechanism(aead, DATA), key));
    EXPECT_OK(F->C_Encrypt(S, data, sizeof data, sealed, &sealed_length));
    EXPECT_EQUAL(sealed_length, DATA + aead->tag_length);
    return key;
}

static CK_RV open_rv(const struct aead *aead, CK_OBJECT_HANDLE key, CK_ULONG *length)
{
    CK_ULONG plain = sealed_length < aead->tag_length ? 0 : sealed_length - aead->tag_length;
    memset(out, 0xcc, sizeof out);
    EXPECT_OK(F->C_DecryptInit(S, aead_mechanism(aead, plain), key));
    return F->C_Decrypt(S, sealed, sealed_length, out, length);
}

/* Nothing of the plaintext is in the caller's memory. */
static void expect_closed(const struct aead *aead, CK_OBJECT_HANDLE key)
{
    CK_ULONG length = sizeof out;
    EXPECT_ANY(open_rv(aead, key, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_AEAD_DECRYPT_FAILED);
    for (size_t i = 0; i + 4 < sizeof data; i++)
        EXPECT_TRUE(memcmp(out + i, data + i, 4) != 0);
}

static void flip_each(const struct aead *aead, CK_OBJECT_HANDLE key, CK_BYTE *bytes,
                      CK_ULONG length)
{
    for (CK_ULONG i = 0; i < length; i++) {
        bytes[i] ^= (CK_BYTE)(1 << i % 8);
        expect_closed(aead, key);
        bytes[i] ^= (CK_BYTE)(1 << i % 8);
    }
}

static void changed_anywhere(const void *row)
{
    const struct aead *aead = row;
    CK_OBJECT_HANDLE key = seal(aead);
    CK_ULONG length = sizeof out;
    EXPECT_OK(open_rv(aead, key, &length));
    EXPECT_BYTES(out, length, data, sizeof data);
    flip_each(aead, key, sealed, sealed_length);
    flip_each(aead, key, nonce, aead->nonce_length);
    flip_each(aead, key, aad, sizeof aad);
}

static void cut_or_longer(const void *row)
{
    const struct aead *aead = row;
    CK_OBJECT_HANDLE key = seal(aead);
    CK_ULONG whole = sealed_length;
    for (sealed_length = 0; sealed_length < whole; sealed_length += 1 + sealed_length / 16)
        expect_closed(aead, key);
    sealed[whole] = 0;
    sealed_length = whole + 1;
    expect_closed(aead, key);
}

/* ---- AES key wrap ---- */

static CK_BYTE wrapped[ROOM];
static CK_ULONG wrapped_length;

/* What W() of SP 800-38F makes of the integrity block and data: KW with another initial value. */
static void wrap_with(const CK_BYTE *block, const CK_BYTE *bytes, CK_ULONG length)
{
    require_mechanism(CKM_AES_KEY_WRAP, CKF_ENCRYPT | CKF_UNWRAP);
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_KEY_WRAP, block, 8), key_aes(32, ANY_LABEL)));
    EXPECT_OK(F->C_Encrypt(S, (CK_BYTE_PTR)bytes, length, wrapped, &wrapped_length));
    EXPECT_EQUAL(wrapped_length, length + 8);
}

static CK_RV unwrap_rv(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE *ret_key)
{
    CK_ATTRIBUTE template[] = {SECRET, READABLE};
    require_mechanism(type, CKF_UNWRAP);
    return F->C_UnwrapKey(S, MECHANISM(type), key_aes(32, ANY_LABEL), wrapped, wrapped_length,
                          template, COUNT(template), ret_key);
}

static void expect_not_unwrapped(CK_MECHANISM_TYPE type)
{
    CK_OBJECT_HANDLE key = 0;
    EXPECT_ANY(unwrap_rv(type, &key), CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE);
}

struct padded {
    const char *name;
    bool right;
    const char *block; /* A65959A6 and the length */
    const char *bytes;
};

/* clang-format off */
static const struct padded padded[] = {
    {"20-bytes", true,  "a65959a600000014", "c37b7e6492584340bed12207808941155068f73800000000"},
    {"17-bytes", true,  "a65959a600000011", "c37b7e6492584340bed122078089411550" "00000000000000"},
    {"24-bytes", true,  "a65959a600000018", "c37b7e6492584340bed12207808941155068f738c37b7e64"},
    {"other-constant", false, "a65959a700000014", "c37b7e6492584340bed12207808941155068f73800000000"},
    {"constant-of-kw", false, "a6a6a6a6a6a6a6a6", "c37b7e6492584340bed12207808941155068f73800000000"},
    {"no-length", false, "a65959a600000000", "000000000000000000000000000000000000000000000000"},
    {"a-block-short", false, "a65959a600000010", "c37b7e6492584340bed12207808941150000000000000000"},
    {"a-byte-too-long", false, "a65959a600000019", "c37b7e6492584340bed12207808941155068f738c37b7e64"},
    {"huge-length", false, "a65959a6ffffffff", "c37b7e6492584340bed12207808941155068f738c37b7e64"},
    {"last-padding-byte", false, "a65959a600000014", "c37b7e6492584340bed12207808941155068f73800000001"},
    {"first-padding-byte", false, "a65959a600000014", "c37b7e6492584340bed12207808941155068f73880000000"},
    {"length-below-padding", false, "a65959a600000013", "c37b7e6492584340bed12207808941155068f73800000000"},
};
/* clang-format on */

static void kwp_block(const void *row)
{
    const struct padded *padded_row = row;
    CK_BYTE block[8], bytes[64], value[64];
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG length = from_hex(padded_row->bytes, bytes);
    (void)from_hex(padded_row->block, block);
    wrap_with(block, bytes, length);
    if (padded_row->right) {
        EXPECT_OK(unwrap_rv(CKM_AES_KEY_WRAP_KWP, &key));
        EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), bytes, block[7]);
    } else {
        expect_not_unwrapped(CKM_AES_KEY_WRAP_KWP);
    }
}

static const struct wrap {
    const char *name;
    CK_MECHANISM_TYPE type;
} wraps[] = {
    {"CKM_AES_KEY_WRAP", CKM_AES_KEY_WRAP},
    {"CKM_AES_KEY_WRAP_PAD", CKM_AES_KEY_WRAP_PAD},
    {"CKM_AES_KEY_WRAP_KWP", CKM_AES_KEY_WRAP_KWP},
    {"CKM_AES_KEY_WRAP_PKCS7", CKM_AES_KEY_WRAP_PKCS7},
};

static void wrapped_changed(const void *row)
{
    CK_MECHANISM_TYPE type = ((const struct wrap *)row)->type;
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(type, CKF_WRAP | CKF_UNWRAP);
    wrapped_length = sizeof wrapped;
    EXPECT_OK(F->C_WrapKey(S, MECHANISM(type), key_aes(32, ANY_LABEL),
                           key_secret(CKK_GENERIC_SECRET, key_value(), 24, ANY_LABEL), wrapped,
                           &wrapped_length));
    EXPECT_OK(unwrap_rv(type, &key));
    for (CK_ULONG i = 0; i < wrapped_length; i++) {
        wrapped[i] ^= (CK_BYTE)(1 << i % 8);
        expect_not_unwrapped(type);
        wrapped[i] ^= (CK_BYTE)(1 << i % 8);
    }
    for (CK_ULONG whole = wrapped_length; --wrapped_length > 0;) {
        if (wrapped_length < whole)
            expect_not_unwrapped(type);
    }
}

/* ---- public values ---- */

enum change {
    LONGER,
    SHORTER,
    FORM_5,
    FORM_1,
    HYBRID_OF_OTHER_PARITY,
    X_FLIPPED,
    Y_FLIPPED,
    X_ALL_ONES,
    Y_ALL_ONES,
    ALL_ZEROS,
    CHANGE_COUNT,
};

/* The points of small order of a Montgomery curve and its twist, and the numbers above the field's
 * that stand for them: they give zeros. */
struct peer {
    const char *name;
    const struct curve *curve;
    enum change changes; /* those below it are tried */
    const char *small[8];
};

/* clang-format off */
static const struct peer peers[] = {
    {"P-256", &curves[P256], CHANGE_COUNT, {NULL}},
    {"P-384", &curves[P384], CHANGE_COUNT, {NULL}},
    {"P-521", &curves[P521], CHANGE_COUNT, {NULL}},
    {"secp256k1", &curves[K256], CHANGE_COUNT, {NULL}},
    {"brainpoolP256r1", &curves[BP256], CHANGE_COUNT, {NULL}},
    {"X25519", &curves[X25519], FORM_5,
     {"0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "0100000000000000000000000000000000000000000000000000000000000080"}},
    {"X448", &curves[X448], FORM_5,
     {"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
      "fefffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "00000000000000000000000000000000000000000000000000000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}},
};
/* clang-format on */

/* Forms of X9.62; X and Y stand behind it. */
static CK_ULONG change_point(const struct curve *curve, enum change change, CK_BYTE *point)
{
    CK_ULONG length = curve->public_length, half = (length - 1) / 2;
    memcpy(point, curve->public, length);
    point[length] = 0;
    switch (change) {
    case LONGER:
        return length + 1;
    case SHORTER:
        return length - 1;
    case FORM_5:
        point[0] = 5;
        break;
    case FORM_1:
        point[0] = 1;
        break;
    case HYBRID_OF_OTHER_PARITY:
        point[0] = (CK_BYTE)(7 - (point[length - 1] & 1));
        break;
    case X_FLIPPED:
        point[half] ^= 1;
        break;
    case Y_FLIPPED:
        point[length - 1] ^= 1;
        break;
    case X_ALL_ONES:
        memset(point + 1, 0xff, half);
        break;
    case Y_ALL_ONES:
        memset(point + 1 + half, 0xff, half);
        break;
    case ALL_ZEROS:
        memset(point, 0, length);
        break;
    case CHANGE_COUNT:
        break;
    }
    return length;
}

static CK_RV agree_rv(CK_OBJECT_HANDLE private, const CK_BYTE *point, CK_ULONG length)
{
    CK_ATTRIBUTE template[] = {SECRET, READABLE};
    CK_OBJECT_HANDLE key = 0;
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, length, (CK_BYTE_PTR)point};
    return F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, params), private, template,
                          COUNT(template), &key);
}

static void expect_no_peer(CK_RV rv, const char *what, size_t number)
{
    if (rv != CKR_PUBLIC_KEY_INVALID && rv != CKR_MECHANISM_PARAM_INVALID)
        check_fail(HERE, "%s %zu gave 0x%lx", what, number, rv);
}

static void peers_refused(const void *row)
{
    const struct peer *peer = row;
    CK_BYTE point[256];
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    if (peer->curve->type == CKK_EC_MONTGOMERY)
        require_mechanism(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 0);
    CK_OBJECT_HANDLE private = key_curve_private(peer->curve, ANY_LABEL);
    EXPECT_OK(agree_rv(private, peer->curve->public, peer->curve->public_length));
    for (size_t i = 0; i < peer->changes; i++) {
        CK_ULONG length = change_point(peer->curve, (enum change)i, point);
        expect_no_peer(agree_rv(private, point, length), "change", i);
    }
    for (size_t i = 0; i < COUNT(peer->small) && peer->small[i] != NULL; i++) {
        CK_ULONG length = from_hex(peer->small[i], point);
        EXPECT_EQUAL(length, peer->curve->public_length);
        expect_no_peer(agree_rv(private, point, length), "point of small order", i);
    }
}

/* The group of RFC 3526 with 2048 bits. */
static const char prime_2048[] = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc740"
                                 "20bbea63b139b22514a08798e3404dd"
                                 "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f"
                                 "44c42e9a637ed6b0bff5cb6f406b7ed"
                                 "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf059"
                                 "8da48361c55d39a69163fa8fd24cf5f"
                                 "83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f"
                                 "1746c08ca18217c32905e462e36ce3b"
                                 "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183"
                                 "995497cea956ae515d2261898fa0510"
                                 "15728e5a8aacaa68ffffffffffffffff";

static const struct value {
    const char *name;
    bool right;
    bool of_prime; /* the prime, and `last` is added to its last byte */
    int last;
    CK_ULONG length; /* otherwise so many bytes, the last one of which is `last` */
} values[] = {
    {"2", true, false, 2, 1},
    {"p-2", true, true, -2, 0},
    {"nothing", false, false, 0, 0},
    {"0", false, false, 0, 1},
    {"1", false, false, 1, 1},
    {"1-in-256-bytes", false, false, 1, 256},
    {"p-1", false, true, -1, 0},
    {"p", false, true, 0, 0},
    {"longer-than-p", false, false, 2, 300},
};

/* Numbers at both ends: SP 800-56A, 5.6.2.3.1, wants 2 to p-2. */
static void dh_value(const void *row)
{
    const struct value *peer = row;
    static CK_BYTE prime[256], public[512];
    const CK_BYTE generator[] = {2};
    CK_BYTE private[32];
    CK_ATTRIBUTE template[] = {SECRET, READABLE, ATTR_U(CKA_VALUE_LEN, 16)};
    CK_ULONG length = peer->of_prime ? sizeof prime : peer->length;
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(CKM_DH_PKCS_DERIVE, CKF_DERIVE);
    fill_bytes(private, sizeof private, 44);
    EXPECT_EQUAL(from_hex(prime_2048, prime), sizeof prime);
    memset(public, peer->length == 300 ? 1 : 0, sizeof public);
    if (peer->of_prime)
        memcpy(public, prime, sizeof prime);
    if (length > 0)
    public[length - 1] = (CK_BYTE)((peer->of_prime ? prime[255] : 0) + peer->last);
    CK_OBJECT_HANDLE base = CREATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_DH),
                                   ATTR_B(CKA_DERIVE, CK_TRUE), ATTR_A(CKA_PRIME, prime),
                                   ATTR_A(CKA_BASE, generator), ATTR_A(CKA_VALUE, private));
    CK_RV rv = F->C_DeriveKey(S, MECHANISM_X(CKM_DH_PKCS_DERIVE, public, length), base, template,
                              COUNT(template), &key);
    if (peer->right)
        EXPECT_OK(rv);
    else
        EXPECT_ANY(rv, CKR_PUBLIC_KEY_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD);
}

/* ---- lengths ---- */

/* RFC 5869: at most 255 blocks of the hash. */
static void hkdf_too_long(void)
{
    static const struct {
        CK_MECHANISM_TYPE hash;
        CK_ULONG most;
    } hashes[] = {{CKM_SHA_1, 255 * 20}, {CKM_SHA256, 255 * 32}, {CKM_SHA512, 255 * 64}};
    CK_OBJECT_HANDLE key = 0, base = key_secret(CKK_GENERIC_SECRET, key_value(), 64, ANY_LABEL);
    require_mechanism(CKM_HKDF_DERIVE, CKF_DERIVE);
    for (size_t i = 0; i < COUNT(hashes); i++) {
        CK_HKDF_PARAMS params = {CK_FALSE, CK_TRUE, hashes[i].hash, CKF_HKDF_SALT_NULL, NULL, 0, 0,
                                 NULL,     0};
        for (CK_ULONG more = 0; more < 2; more++) {
            CK_ATTRIBUTE template[] = {SECRET, ATTR_U(CKA_VALUE_LEN, hashes[i].most + more)};
            EXPECT(F->C_DeriveKey(S, MECHANISM_P(CKM_HKDF_DERIVE, params), base, template,
                                  COUNT(template), &key),
                   more == 0 ? CKR_OK : CKR_KEY_SIZE_RANGE);
        }
    }
}

/* XTS: a whole block at least, halves that differ. */
static void xts_refuses(void)
{
    CK_BYTE equal[64], bytes[32] = {0};
    CK_ULONG length = sizeof out;
    require_mechanism(CKM_AES_XTS, CKF_ENCRYPT | CKF_DECRYPT);
    CK_MECHANISM_PTR mechanism = MECHANISM_X(CKM_AES_XTS, nonce, 16);
    memset(equal, 0x55, sizeof equal);
    CK_OBJECT_HANDLE key = key_secret(CKK_AES_XTS, key_value(), 64, ANY_LABEL);
    for (CK_ULONG less = 0; less < 16; less++) {
        EXPECT_OK(F->C_EncryptInit(S, mechanism, key));
        EXPECT(F->C_Encrypt(S, bytes, less, out, &length), CKR_DATA_LEN_RANGE);
        length = sizeof out;
        EXPECT_OK(F->C_DecryptInit(S, mechanism, key));
        EXPECT(F->C_Decrypt(S, bytes, less, out, &length), CKR_ENCRYPTED_DATA_LEN_RANGE);
        length = sizeof out;
    }
    EXPECT_FAILURE(
        F->C_EncryptInit(S, mechanism, key_secret(CKK_AES_XTS, equal, sizeof equal, ANY_LABEL)));
    for (CK_ULONG wrong = 0; wrong < 20; wrong++) {
        if (wrong != 16)
            EXPECT(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_XTS, equal, wrong), key),
                   CKR_MECHANISM_PARAM_INVALID);
    }
}

/* Padding of CBC that is none: each wrong last byte, and wrong bytes before a right one. */
static void cbc_padding(void)
{
    CK_BYTE iv[16] = {0}, block[16];
    CK_ULONG length = 0;
    require_mechanism(CKM_AES_CBC_PAD, CKF_DECRYPT);
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT);
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    for (unsigned last = 0; last < 256; last++) {
        memset(block, 0x77, sizeof block);
        block[15] = (CK_BYTE)last;
        sealed_length = sizeof sealed;
        EXPECT_OK(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, 16), key));
        EXPECT_OK(F->C_Encrypt(S, block, sizeof block, sealed, &sealed_length));
        length = sizeof out;
        EXPECT_OK(F->C_DecryptInit(S, MECHANISM_X(CKM_AES_CBC_PAD, iv, 16), key));
        EXPECT(F->C_Decrypt(S, sealed, sealed_length, out, &length),
               last == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
    }
}

/* clang-format off */
static const struct check aead_checks[] = {
    CHECK_ROW(FIX_USER, changed_anywhere, "CKR_ENCRYPTED_DATA_INVALID", "for any byte changed of ciphertext, tag, nonce or associated data, and nothing comes out"),
    CHECK_ROW(FIX_USER, cut_or_longer, "CKR_ENCRYPTED_DATA_LEN_RANGE", "or CKR_ENCRYPTED_DATA_INVALID for any other length"),
};

static const struct check padded_checks[] = {
    CHECK_ROW(FIX_USER, kwp_block, "CKR_WRAPPED_KEY_INVALID", "KWP: for a constant, length or padding that is not right"),
};

static const struct check wrap_checks[] = {
    CHECK_ROW(FIX_USER, wrapped_changed, "CKR_WRAPPED_KEY_INVALID", "for any byte changed, and any shorter length"),
};

static const struct check peer_checks[] = {
    CHECK_ROW(FIX_USER, peers_refused, "CKR_PUBLIC_KEY_INVALID", "or CKR_MECHANISM_PARAM_INVALID for points that are none, or of small order"),
};

static const struct check value_checks[] = {
    CHECK_ROW(FIX_USER, dh_value, "PKCS #3 Diffie-Hellman key derivation", "public values from 2 to p-2"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, hkdf_too_long, "HKDF derive", "255 blocks of the hash, and CKR_KEY_SIZE_RANGE for a byte more"),
    CHECK(FIX_USER, xts_refuses, "AES-XTS", "less than a block, equal halves, and tweaks of other lengths"),
    CHECK(FIX_USER, cbc_padding, "AES-CBC with PKCS padding", "CKR_ENCRYPTED_DATA_INVALID for every last block that is not padded"),
};
/* clang-format on */

void chapter_badinput(void)
{
    check_add_rows("badinput", aead_checks, aeads);
    check_add_rows("badinput", padded_checks, padded);
    check_add_rows("badinput", wrap_checks, wraps);
    check_add_rows("badinput", peer_checks, peers);
    check_add_rows("badinput", value_checks, values);
    check_add_table("badinput", checks);
}
