/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key, a query or an algorithm that was used before costs no allocation of ours. What is
 * counted (counted.h) is what libcrypto allocates and what everything else does: the module, and
 * what it calls.
 *
 * OpenSSL 3.0 allocates of its own accord in every call; 3.5 does in no call that computes a
 * digest, a MAC or a cipher, unless we make it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "counted.h"
#include "guest.h"

#define LABEL "allocations"
#define WARM 8u
#define ROUNDS 64u
#define SMALL 64u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the keys --------------------------------------------------------------------------------- */

enum key { NO_KEY, P256, RSA2048, ED25519, HMAC, AES, CHACHA, KEYS };

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE private_key[KEYS]; /* or a secret key */
static CK_OBJECT_HANDLE public_key[KEYS];
static CK_BBOOL yes = CK_TRUE;

#define YES(type) {type, &yes, sizeof yes}

static void need(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        guest_bail("%s: %s", what, guest_code(rv));
    }
}

static void make_pair(enum key key, CK_MECHANISM_TYPE type, CK_ATTRIBUTE domain)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_template[] = {YES(CKA_TOKEN), YES(CKA_VERIFY), domain};
    CK_ATTRIBUTE template[] = {
        YES(CKA_TOKEN), YES(CKA_PRIVATE), YES(CKA_SIGN), {CKA_LABEL, (void *)"a pair", 6}};
    need(p11->C_GenerateKeyPair(session, &mechanism, public_template, COUNT(public_template),
                                template, COUNT(template), &public_key[key], &private_key[key]),
         "C_GenerateKeyPair");
}

static void make_secret(enum key key, CK_MECHANISM_TYPE type)
{
    CK_ULONG len = 32;
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE template[] = {YES(CKA_TOKEN),
                               YES(CKA_PRIVATE),
                               YES(CKA_ENCRYPT),
                               YES(CKA_DECRYPT),
                               YES(CKA_SIGN),
                               YES(CKA_VERIFY),
                               {CKA_VALUE_LEN, &len, sizeof len}};
    need(p11->C_GenerateKey(session, &mechanism, template, COUNT(template), &private_key[key]),
         "C_GenerateKey");
}

static void make_keys(void)
{
    static CK_ULONG bits = 2048;
    static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static CK_BYTE ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    make_pair(P256, CKM_EC_KEY_PAIR_GEN, (CK_ATTRIBUTE){CKA_EC_PARAMS, p256, sizeof p256});
    make_pair(RSA2048, CKM_RSA_PKCS_KEY_PAIR_GEN,
              (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits});
    make_pair(ED25519, CKM_EC_EDWARDS_KEY_PAIR_GEN,
              (CK_ATTRIBUTE){CKA_EC_PARAMS, ed25519, sizeof ed25519});
    make_secret(HMAC, CKM_GENERIC_SECRET_KEY_GEN);
    make_secret(AES, CKM_AES_KEY_GEN);
    make_secret(CHACHA, CKM_CHACHA20_KEY_GEN);
}

/* --- what is done ----------------------------------------------------------------------------- */

struct row {
    const char *title;
    CK_RV (*call)(const struct row *row);
    CK_MECHANISM_TYPE mechanism;
    enum key key;
    enum { NO_PARAMETER, GCM, CCM, CHACHA_POLY, IV, GMAC } parameter;
    bool may_allocate; /* libcrypto does, whatever its version */
    bool reads_disk;   /* with SoftHSM's directories, which are looked through each time */
};

static CK_BYTE in[SMALL];
static CK_BYTE out[4096];
static CK_ULONG out_len;
static CK_BYTE iv[16];

static CK_MECHANISM mechanism_of(const struct row *row)
{
    static CK_GCM_PARAMS gcm = {
        .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .pAAD = in, .ulAADLen = 16, .ulTagBits = 128};
    static CK_GCM_PARAMS gmac = {.pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128};
    static CK_CCM_PARAMS ccm = {.ulDataLen = SMALL,
                                .pNonce = iv,
                                .ulNonceLen = 12,
                                .pAAD = in,
                                .ulAADLen = 16,
                                .ulMACLen = 16};
    static CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha = {
        .pNonce = iv, .ulNonceLen = 12, .pAAD = in, .ulAADLen = 16};
    CK_MECHANISM mechanism = {row->mechanism, NULL, 0};
    switch (row->parameter) {
    case GCM:
        mechanism = (CK_MECHANISM){row->mechanism, &gcm, sizeof gcm};
        break;
    case CCM:
        mechanism = (CK_MECHANISM){row->mechanism, &ccm, sizeof ccm};
        break;
    case CHACHA_POLY:
        mechanism = (CK_MECHANISM){row->mechanism, &chacha, sizeof chacha};
        break;
    case IV:
        mechanism = (CK_MECHANISM){row->mechanism, iv, sizeof iv};
        break;
    case GMAC:
        mechanism = (CK_MECHANISM){row->mechanism, &gmac, sizeof gmac};
        break;
    case NO_PARAMETER:
        break;
    }
    return mechanism;
}

#define TRY(expression)                                                                            \
    do {                                                                                           \
        CK_RV rv_ = (expression);                                                                  \
        if (rv_ != CKR_OK) {                                                                       \
            return rv_;                                                                            \
        }                                                                                          \
    } while (0)

static CK_RV sign(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    iv[0]++;
    out_len = sizeof out;
    TRY(p11->C_SignInit(session, &mechanism, private_key[row->key]));
    return p11->C_Sign(session, in, sizeof in, out, &out_len);
}

static CK_RV sign_short(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    out_len = sizeof out;
    TRY(p11->C_SignInit(session, &mechanism, private_key[row->key]));
    return p11->C_Sign(session, in, 32, out, &out_len);
}

static CK_RV sign_in_parts(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    out_len = sizeof out;
    TRY(p11->C_SignInit(session, &mechanism, private_key[row->key]));
    TRY(p11->C_SignUpdate(session, in, 30));
    TRY(p11->C_SignUpdate(session, in + 30, sizeof in - 30));
    return p11->C_SignFinal(session, out, &out_len);
}

static CK_RV sign_and_verify(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    CK_OBJECT_HANDLE verifier = public_key[row->key];
    TRY(sign_short(row));
    TRY(p11->C_VerifyInit(session, &mechanism, verifier != 0 ? verifier : private_key[row->key]));
    return p11->C_Verify(session, in, 32, out, out_len);
}

static CK_RV encrypt(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    iv[0]++;
    out_len = sizeof out;
    TRY(p11->C_EncryptInit(session, &mechanism, private_key[row->key]));
    return p11->C_Encrypt(session, in, sizeof in, out, &out_len);
}

static CK_RV encrypt_and_decrypt(const struct row *row)
{
    CK_BYTE back[SMALL + 16];
    CK_ULONG back_len = sizeof back;
    TRY(encrypt(row));
    CK_MECHANISM mechanism = mechanism_of(row);
    TRY(p11->C_DecryptInit(session, &mechanism, private_key[row->key]));
    return p11->C_Decrypt(session, out, out_len, back, &back_len);
}

static CK_RV digest(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    out_len = sizeof out;
    TRY(p11->C_DigestInit(session, &mechanism));
    return p11->C_Digest(session, in, sizeof in, out, &out_len);
}

static CK_RV digest_in_parts(const struct row *row)
{
    CK_MECHANISM mechanism = mechanism_of(row);
    out_len = sizeof out;
    TRY(p11->C_DigestInit(session, &mechanism));
    TRY(p11->C_DigestUpdate(session, in, 30));
    TRY(p11->C_DigestUpdate(session, in + 30, sizeof in - 30));
    return p11->C_DigestFinal(session, out, &out_len);
}

static CK_RV attributes(const struct row *row)
{
    CK_KEY_TYPE type = 0;
    CK_BYTE id[64];
    CK_BYTE label[64];
    CK_ATTRIBUTE wanted[] = {{CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_ID, id, sizeof id},
                             {CKA_LABEL, label, sizeof label}};
    return p11->C_GetAttributeValue(session, private_key[row->key], wanted, COUNT(wanted));
}

static CK_RV find(const struct row *row)
{
    (void)row;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_OBJECT_HANDLE found[2];
    CK_ULONG got = 0;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_LABEL, (void *)"a pair", 6}};
    TRY(p11->C_FindObjectsInit(session, wanted, COUNT(wanted)));
    TRY(p11->C_FindObjects(session, found, COUNT(found), &got));
    TRY(p11->C_FindObjectsFinal(session));
    return got == 1 && found[0] == private_key[RSA2048] ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_RV generate_random(const struct row *row)
{
    (void)row;
    return p11->C_GenerateRandom(session, out, 32);
}

static CK_RV session_info(const struct row *row)
{
    (void)row;
    CK_SESSION_INFO info;
    return p11->C_GetSessionInfo(session, &info);
}

/* clang-format off */
static const struct row rows[] = {
    { "SHA-256", digest, CKM_SHA256, NO_KEY, NO_PARAMETER, false, false },
    { "SHA-256 in parts", digest_in_parts, CKM_SHA256, NO_KEY, NO_PARAMETER, false, false },
    { "SHA-512", digest, CKM_SHA512, NO_KEY, NO_PARAMETER, false, false },
    { "SHA3-256", digest, CKM_SHA3_256, NO_KEY, NO_PARAMETER, false, false },
    { "HMAC-SHA256", sign, CKM_SHA256_HMAC, HMAC, NO_PARAMETER, false, false },
    { "HMAC-SHA256 in parts", sign_in_parts, CKM_SHA256_HMAC, HMAC, NO_PARAMETER, false, false },
    { "HMAC-SHA256, made and verified", sign_and_verify, CKM_SHA256_HMAC, HMAC, NO_PARAMETER, false, false },
    { "HMAC-SHA512", sign, CKM_SHA512_HMAC, HMAC, NO_PARAMETER, false, false },
    { "AES-CMAC", sign, CKM_AES_CMAC, AES, NO_PARAMETER, false, false },
    { "AES-GMAC", sign, CKM_AES_GMAC, AES, GMAC, false, false },
    { "AES-GCM", encrypt, CKM_AES_GCM, AES, GCM, false, false },
    { "AES-GCM there and back", encrypt_and_decrypt, CKM_AES_GCM, AES, GCM, false, false },
    { "AES-CCM there and back", encrypt_and_decrypt, CKM_AES_CCM, AES, CCM, true, false },
    { "ChaCha20-Poly1305 there and back", encrypt_and_decrypt, CKM_CHACHA20_POLY1305, CHACHA, CHACHA_POLY, true, false },
    { "AES-CBC there and back", encrypt_and_decrypt, CKM_AES_CBC, AES, IV, false, false },
    { "AES-ECB", encrypt, CKM_AES_ECB, AES, NO_PARAMETER, false, false },
    { "ECDSA", sign_short, CKM_ECDSA, P256, NO_PARAMETER, true, false },
    { "ECDSA-SHA256", sign_short, CKM_ECDSA_SHA256, P256, NO_PARAMETER, true, false },
    { "ECDSA, made and verified", sign_and_verify, CKM_ECDSA, P256, NO_PARAMETER, true, false },
    { "EdDSA", sign_short, CKM_EDDSA, ED25519, NO_PARAMETER, true, false },
    { "RSA PKCS #1 with SHA-256", sign_short, CKM_SHA256_RSA_PKCS, RSA2048, NO_PARAMETER, true, false },
    { "RSA, made and verified", sign_and_verify, CKM_SHA256_RSA_PKCS, RSA2048, NO_PARAMETER, true, false },
    { "C_GetAttributeValue", attributes, 0, P256, NO_PARAMETER, false, false },
    { "C_FindObjects", find, 0, NO_KEY, NO_PARAMETER, false, true },
    { "C_GenerateRandom", generate_random, 0, NO_KEY, NO_PARAMETER, false, false },
    { "C_GetSessionInfo", session_info, 0, NO_KEY, NO_PARAMETER, false, false },
};
/* clang-format on */

/* --- the test --------------------------------------------------------------------------------- */

static bool is_quiet_openssl(void)
{
    return OpenSSL_version_num() >= 0x30500000L;
}

static void measure(const struct row *row)
{
    CK_RV rv = CKR_OK;
    for (unsigned i = 0; rv == CKR_OK && i < WARM; i++) {
        rv = row->call(row);
    }
    unsigned long ours_before = counted_ours;
    unsigned long theirs_before = counted_theirs;
    for (unsigned i = 0; rv == CKR_OK && i < ROUNDS; i++) {
        rv = row->call(row);
    }
    unsigned long our_count = counted_ours - ours_before;
    unsigned long their_count = counted_theirs - theirs_before;
    guest_ok(rv == CKR_OK && our_count == 0, "%s: no allocation of ours", row->title);
    guest_note("ours %lu, libcrypto's %lu in %u rounds; %s", our_count, their_count, ROUNDS,
               guest_code(rv));
    if (is_quiet_openssl() && !row->may_allocate) {
        guest_ok(rv == CKR_OK && their_count == 0, "%s: none in libcrypto either", row->title);
    }
}

/* Otherwise there would be nothing to see in any case. */
static void check_the_counters(void)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE object;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
    unsigned long ours_before = counted_ours;
    need(p11->C_CreateObject(session, template, 1, &object), "C_CreateObject");
    guest_ok(counted_ours > ours_before, "what an object takes is seen");
    unsigned long theirs_before = counted_theirs;
    ours_before = counted_ours;
    BIGNUM *number =
        BN_new(); /* who makes OpenSSL allocate and nothing else is the one who counts */
    unsigned long made = counted_ours - ours_before;
    bool grown = BN_set_bit(number, 4000) == 1;
    guest_ok(grown && counted_theirs > theirs_before && counted_ours - ours_before == made,
             "libcrypto's are told apart");
    BN_free(number);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        guest_bail("usage: %s MODULE", argv[0]);
    }
    if (!counted_is_there()) {
        guest_skip_all("built with a sanitizer, or without glibc: nothing can be counted");
    }
    guest_load(argv[1]);
    counted_find_libcrypto();
    guest_token_prepare(LABEL);
    session = guest_enter(LABEL);
    make_keys();
    check_the_counters();
    const char *backend = getenv("WITH_BACKEND");
    bool on_directory = backend != NULL && strcmp(backend, "file") == 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!(rows[i].reads_disk && on_directory)) {
            measure(&rows[i]);
        }
    }
    need(p11->C_Finalize(NULL), "C_Finalize");
    return guest_end();
}
