/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing of a private key or a PIN is left in the memory of this process after C_Logout, nor after
 * C_Finalize. The secrets of the test come out of the module (extractable keys) or from the kernel;
 * in clear they lie on the bench, pages that are wiped after each step, and nowhere else.
 *
 * A thread of its own uses the keys and then waits, while the main thread logs out, finalizes and
 * looks: so the looker doesn't write over what the user's calls left on their stack.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "guest.h"
#include "scan.h"
#include "tests/sanitizers.h"

#define BENCH_SIZE ((size_t)16384)
#define PIN_SIZE 24
#define LABEL "memory"

static uint8_t *bench;
static size_t bench_used;
static CK_SESSION_HANDLE session;
static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_BBOOL on_token; /* of the objects made now */
static CK_BYTE out[4096]; /* results that are no secrets */

#define YES(type) {type, &yes, sizeof yes}
#define NO(type) {type, &no, sizeof no}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- the bench -------------------------------------------------------------------------------- */

static uint8_t *bench_take(size_t len)
{
    if (len > BENCH_SIZE - bench_used) {
        guest_bail("the bench is full");
    }
    uint8_t *place = bench + bench_used;
    bench_used += len;
    return place;
}

static void bench_wipe(void)
{
    explicit_bzero(bench, BENCH_SIZE);
    bench_used = 0;
}

static void need(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        guest_bail("%s: %s", what, guest_code(rv));
    }
}

/* --- PINs ------------------------------------------------------------------------------------- */

/* A PIN of letters, kept masked. */
struct pin {
    uint8_t masked[PIN_SIZE];
};

static struct pin so_pin;
static struct pin user_pin;

static void pin_make(struct pin *pin, const char *name)
{
    uint8_t *text = bench_take(PIN_SIZE);
    if (getrandom(text, PIN_SIZE, 0) != PIN_SIZE) {
        guest_bail("no random numbers");
    }
    for (size_t i = 0; i < PIN_SIZE; i++) {
        text[i] = (uint8_t)('a' + text[i] % 26);
        pin->masked[i] = text[i] ^ (uint8_t)(0xa5 + i);
    }
    scan_remember(name, text, PIN_SIZE);
    bench_wipe();
}

static CK_UTF8CHAR *pin_text(const struct pin *pin)
{
    uint8_t *text = bench_take(PIN_SIZE);
    for (size_t i = 0; i < PIN_SIZE; i++) {
        text[i] = pin->masked[i] ^ (uint8_t)(0xa5 + i);
    }
    return text;
}

static void login_as(CK_USER_TYPE user, const struct pin *pin)
{
    need(p11->C_Login(session, user, pin_text(pin), PIN_SIZE), "C_Login");
    bench_wipe();
}

/* --- looking ---------------------------------------------------------------------------------- */

/* What the working thread asks the main one to do. */
struct request {
    CK_RV (*end)(void);
    const char *after; /* NULL: nothing more */
    bool is_left;      /* keys are to be found */
};

static struct request request;
static sem_t asked;
static sem_t answered;

static void ask(struct request wanted)
{
    bench_wipe();
    request = wanted;
    (void)sem_post(&asked);
    while (sem_wait(&answered) != 0) {
    }
}

static bool answer(void)
{
    while (sem_wait(&asked) != 0) {
    }
    if (request.after == NULL) {
        return false;
    }
    scan_remember_secret_memory();
    CK_RV rv = request.end();
    size_t found = scan_memory();
    guest_ok(rv == CKR_OK && (found > 0) == request.is_left, "%s is left after %s (%s)",
             request.is_left ? "what may be" : "nothing", request.after, guest_code(rv));
    (void)sem_post(&answered);
    return true;
}

static CK_RV end_nothing(void)
{
    return CKR_OK;
}

static CK_RV end_login(void)
{
    return p11->C_Logout(session);
}

static CK_RV end_all(void)
{
    return p11->C_Finalize(NULL);
}

static void logout_and_look(const char *after)
{
    ask((struct request){.end = end_login, .after = after});
}

/* A secret attribute onto the bench, and into what is looked for. */
static CK_ATTRIBUTE learn(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, const char *name)
{
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    need(p11->C_GetAttributeValue(session, key, &attribute, 1), name);
    attribute.pValue = bench_take(attribute.ulValueLen);
    need(p11->C_GetAttributeValue(session, key, &attribute, 1), name);
    scan_remember(name, attribute.pValue, attribute.ulValueLen);
    return attribute;
}

static CK_OBJECT_HANDLE import(CK_OBJECT_CLASS class, CK_KEY_TYPE type, const CK_ATTRIBUTE *more,
                               size_t count)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[24] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &on_token, sizeof on_token},
        YES(CKA_PRIVATE),
        YES(CKA_SIGN),
        YES(CKA_DERIVE),
        YES(CKA_EXTRACTABLE),
        NO(CKA_SENSITIVE),
    };
    memcpy(attributes + 8, more, count * sizeof *more);
    need(p11->C_CreateObject(session, attributes, 8 + count, &key), "C_CreateObject");
    return key;
}

/* --- use -------------------------------------------------------------------------------------- */

static void sign_with(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, void *parameter, CK_ULONG len)
{
    CK_MECHANISM mechanism = {type, parameter, len};
    CK_BYTE data[32] = "what is signed, thirty-two bytes";
    CK_ULONG out_len = sizeof out;
    need(p11->C_SignInit(session, &mechanism, key), "C_SignInit");
    need(p11->C_Sign(session, data, sizeof data, out, &out_len), "C_Sign");
}

static void sign_in_parts(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, void *parameter,
                          CK_ULONG len)
{
    CK_MECHANISM mechanism = {type, parameter, len};
    CK_BYTE data[200] = {7};
    CK_ULONG out_len = sizeof out;
    need(p11->C_SignInit(session, &mechanism, key), "C_SignInit");
    need(p11->C_SignUpdate(session, data, sizeof data), "C_SignUpdate");
    need(p11->C_SignUpdate(session, data, 100), "C_SignUpdate");
    need(p11->C_SignFinal(session, out, &out_len), "C_SignFinal");
}

/* There and back, at once and in parts. */
static void encrypt_with(CK_OBJECT_HANDLE public_key, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type,
                         void *parameter, CK_ULONG len)
{
    CK_MECHANISM mechanism = {type, parameter, len};
    CK_BYTE data[64] = "what is encrypted";
    CK_BYTE back[512];
    CK_ULONG out_len = sizeof out;
    CK_ULONG back_len = sizeof back;
    need(p11->C_EncryptInit(session, &mechanism, public_key), "C_EncryptInit");
    need(p11->C_Encrypt(session, data, sizeof data, out, &out_len), "C_Encrypt");
    need(p11->C_DecryptInit(session, &mechanism, key), "C_DecryptInit");
    need(p11->C_Decrypt(session, out, out_len, back, &back_len), "C_Decrypt");
}

static void encrypt_in_parts(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, void *parameter,
                             CK_ULONG len)
{
    CK_MECHANISM mechanism = {type, parameter, len};
    CK_BYTE data[64] = "what is encrypted in parts";
    CK_ULONG first = sizeof out;
    CK_ULONG last = 512;
    need(p11->C_EncryptInit(session, &mechanism, key), "C_EncryptInit");
    need(p11->C_EncryptUpdate(session, data, sizeof data, out, &first), "C_EncryptUpdate");
    need(p11->C_EncryptFinal(session, out + first, &last), "C_EncryptFinal");
}

/* Out under a wrapping key and in again. */
static CK_OBJECT_HANDLE wrap_with(CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE unwrapping,
                                  CK_OBJECT_HANDLE key, CK_OBJECT_CLASS class, CK_KEY_TYPE type,
                                  CK_MECHANISM *mechanism)
{
    CK_OBJECT_HANDLE back = 0;
    CK_ULONG len = sizeof out;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &on_token, sizeof on_token},
        YES(CKA_PRIVATE),
        YES(CKA_EXTRACTABLE),
        YES(CKA_SIGN),
    };
    need(p11->C_WrapKey(session, mechanism, wrapping, key, out, &len), "C_WrapKey");
    need(p11->C_UnwrapKey(session, mechanism, unwrapping, out, len, attributes, COUNT(attributes),
                          &back),
         "C_UnwrapKey");
    return back;
}

static CK_OBJECT_HANDLE make_aes(CK_ULONG len, const char *name)
{
    CK_OBJECT_HANDLE key = 0;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE attributes[] = {
        {CKA_TOKEN, &on_token, sizeof on_token},
        {CKA_VALUE_LEN, &len, sizeof len},
        YES(CKA_PRIVATE),
        YES(CKA_ENCRYPT),
        YES(CKA_DECRYPT),
        YES(CKA_SIGN),
        YES(CKA_WRAP),
        YES(CKA_UNWRAP),
        YES(CKA_DERIVE),
        YES(CKA_EXTRACTABLE),
        NO(CKA_SENSITIVE),
    };
    need(p11->C_GenerateKey(session, &mechanism, attributes, COUNT(attributes), &key),
         "C_GenerateKey");
    (void)learn(key, CKA_VALUE, name);
    bench_wipe();
    return key;
}

/* What every key is put through: a copy, a change, finding it by its secret, destroying it. */
static void handle_key(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE secret, const char *name)
{
    CK_OBJECT_HANDLE copy = 0;
    CK_OBJECT_HANDLE found[16];
    CK_ULONG count = 0;
    CK_ATTRIBUTE label = {CKA_LABEL, (void *)(uintptr_t)"changed", 7};
    CK_ATTRIBUTE sensitive = YES(CKA_SENSITIVE);
    CK_ATTRIBUTE value = learn(key, secret, name);
    need(p11->C_CopyObject(session, key, &label, 1, &copy), "C_CopyObject");
    need(p11->C_SetAttributeValue(session, copy, &label, 1), "C_SetAttributeValue");
    need(guest_find(session, &value, 1, found, 16, &count), "finding by a secret");
    need(p11->C_SetAttributeValue(session, copy, &sensitive, 1), "C_SetAttributeValue");
    need(p11->C_DestroyObject(session, copy), "C_DestroyObject");
    bench_wipe();
}

/* --- kinds of keys ---------------------------------------------------------------------------- */

static void pair(CK_MECHANISM_TYPE type, CK_ATTRIBUTE *more, CK_ULONG count,
                 CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *key, bool derives)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_template[8] = {{CKA_TOKEN, &on_token, sizeof on_token}};
    CK_ATTRIBUTE template[10] = {{CKA_TOKEN, &on_token, sizeof on_token},
                                 YES(CKA_PRIVATE),
                                 YES(CKA_EXTRACTABLE),
                                 NO(CKA_SENSITIVE)};
    CK_ULONG used = 4;
    memcpy(public_template + 1, more, count * sizeof *more);
    if (derives) {
        template[used++] = (CK_ATTRIBUTE)YES(CKA_DERIVE);
    } else {
        template[used++] = (CK_ATTRIBUTE)YES(CKA_SIGN);
    }
    if (type == CKM_RSA_PKCS_KEY_PAIR_GEN) {
        template[used++] = (CK_ATTRIBUTE)YES(CKA_DECRYPT);
        template[used++] = (CK_ATTRIBUTE)YES(CKA_UNWRAP);
    }
    need(p11->C_GenerateKeyPair(session, &mechanism, public_template, 1 + count, template, used,
                                public_key, key),
         "C_GenerateKeyPair");
}

static void use_rsa(CK_OBJECT_HANDLE public_key, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE aes)
{
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM by_oaep = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    CK_MECHANISM by_pkcs = {CKM_RSA_PKCS, NULL, 0};
    sign_with(key, CKM_RSA_PKCS, NULL, 0);
    sign_with(key, CKM_SHA256_RSA_PKCS, NULL, 0);
    sign_with(key, CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss);
    sign_in_parts(key, CKM_SHA256_RSA_PKCS, NULL, 0);
    encrypt_with(public_key, key, CKM_RSA_PKCS, NULL, 0);
    encrypt_with(public_key, key, CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep);
    (void)wrap_with(public_key, key, aes, CKO_SECRET_KEY, CKK_AES, &by_oaep);
    (void)wrap_with(public_key, key, aes, CKO_SECRET_KEY, CKK_AES, &by_pkcs);
}

static void try_rsa(void)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        const char *name;
    } parts[] = {
        {CKA_PRIVATE_EXPONENT, "RSA d"}, {CKA_PRIME_1, "RSA p"},     {CKA_PRIME_2, "RSA q"},
        {CKA_EXPONENT_1, "RSA dp"},      {CKA_EXPONENT_2, "RSA dq"}, {CKA_COEFFICIENT, "RSA qinv"},
    };
    CK_OBJECT_HANDLE public_key = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG bits = 2048;
    CK_BYTE modulus[256];
    CK_BYTE exponent[8];
    CK_ATTRIBUTE more[] = {
        {CKA_MODULUS_BITS, &bits, sizeof bits},
        YES(CKA_ENCRYPT),
        YES(CKA_WRAP),
        YES(CKA_VERIFY),
    };
    CK_ATTRIBUTE numbers[9] = {{CKA_MODULUS, modulus, sizeof modulus},
                               {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
                               YES(CKA_DECRYPT)};
    CK_MECHANISM by_kwp = {CKM_AES_KEY_WRAP_KWP, NULL, 0};
    CK_BYTE iv[16] = {1};
    CK_MECHANISM by_cbc = {CKM_AES_CBC_PAD, iv, sizeof iv};
    CK_OBJECT_HANDLE aes = make_aes(32, "AES key under RSA");
    pair(CKM_RSA_PKCS_KEY_PAIR_GEN, more, COUNT(more), &public_key, &key, false);
    need(p11->C_GetAttributeValue(session, key, numbers, 2), "reading the modulus");
    for (size_t i = 0; i < COUNT(parts); i++) {
        numbers[3 + i] = learn(key, parts[i].type, parts[i].name);
    }
    CK_OBJECT_HANDLE imported = import(CKO_PRIVATE_KEY, CKK_RSA, numbers, COUNT(numbers));
    bench_wipe();
    use_rsa(public_key, key, aes);
    sign_with(imported, CKM_SHA512_RSA_PKCS, NULL, 0);
    CK_OBJECT_HANDLE back = wrap_with(aes, aes, key, CKO_PRIVATE_KEY, CKK_RSA, &by_kwp);
    sign_with(back, CKM_SHA256_RSA_PKCS, NULL, 0);
    back = wrap_with(aes, aes, key, CKO_PRIVATE_KEY, CKK_RSA, &by_cbc);
    sign_with(back, CKM_SHA256_RSA_PKCS, NULL, 0);
    handle_key(key, CKA_PRIVATE_EXPONENT, "RSA d");
    ask((struct request){.end = end_nothing, .after = "use in a login", .is_left = true});
    need(p11->C_DestroyObject(session, imported), "C_DestroyObject");
}

static CK_OBJECT_HANDLE derive_from(CK_OBJECT_HANDLE key, CK_MECHANISM *mechanism, CK_ULONG len,
                                    const char *name)
{
    CK_OBJECT_HANDLE derived = 0;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE_LEN, &len, sizeof len},
        {CKA_TOKEN, &on_token, sizeof on_token},
        YES(CKA_PRIVATE),
        YES(CKA_EXTRACTABLE),
        NO(CKA_SENSITIVE),
    };
    need(p11->C_DeriveKey(session, mechanism, key, attributes, COUNT(attributes), &derived),
         "C_DeriveKey");
    (void)learn(derived, CKA_VALUE, name);
    bench_wipe();
    return derived;
}

/* Agreement of a key with the public point of another pair. */
static void agree(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public_key, const char *name)
{
    CK_BYTE point[200];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, point, sizeof point};
    need(p11->C_GetAttributeValue(session, public_key, &attribute, 1), "reading a point");
    CK_ECDH1_DERIVE_PARAMS plain = {CKD_NULL, 0, NULL, attribute.ulValueLen, point};
    CK_ECDH1_DERIVE_PARAMS hashed = {CKD_SHA256_KDF, 0, NULL, attribute.ulValueLen, point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &plain, sizeof plain};
    (void)derive_from(key, &mechanism, 32, name);
    mechanism.pParameter = &hashed;
    (void)derive_from(key, &mechanism, 32, name);
}

/* The same with two pairs on each side, which are one and the same here. */
static void agree_twice(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE other, CK_OBJECT_HANDLE public_key)
{
    CK_BYTE point[200];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, point, sizeof point};
    need(p11->C_GetAttributeValue(session, public_key, &attribute, 1), "reading a point");
    CK_ECMQV_DERIVE_PARAMS params = {
        .kdf = CKD_NULL,
        .ulPublicDataLen = attribute.ulValueLen,
        .pPublicData = point,
        .hPrivateData = other,
        .ulPublicDataLen2 = attribute.ulValueLen,
        .pPublicData2 = point,
    };
    CK_MECHANISM mechanism = {CKM_ECMQV_DERIVE, &params, sizeof params};
    (void)derive_from(key, &mechanism, 32, "MQV secret");
    params.kdf = CKD_SHA256_KDF;
    (void)derive_from(key, &mechanism, 32, "MQV secret");
}

static void allow(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE use)
{
    CK_ATTRIBUTE attribute = YES(use);
    need(p11->C_SetAttributeValue(session, key, &attribute, 1), "C_SetAttributeValue");
}

struct ec_kind {
    const char *name;
    CK_MECHANISM_TYPE generation;
    CK_KEY_TYPE key_type;
    CK_BYTE oid[10];
    CK_ULONG oid_len;
    CK_MECHANISM_TYPE signature; /* 0: it does not sign */
    bool derives;
};

static void try_ec(const struct ec_kind *kind)
{
    CK_OBJECT_HANDLE public_key = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_BYTE oid[10];
    memcpy(oid, kind->oid, sizeof oid);
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, oid, kind->oid_len};
    CK_MECHANISM by_kwp = {CKM_AES_KEY_WRAP_KWP, NULL, 0};
    CK_OBJECT_HANDLE aes = make_aes(16, "AES key over EC");
    pair(kind->generation, &curve, 1, &public_key, &key, kind->derives && kind->signature == 0);
    CK_ATTRIBUTE numbers[] = {curve, learn(key, CKA_VALUE, kind->name)};
    if (kind->key_type == CKK_EC) {
        allow(key, CKA_DERIVE);
    }
    CK_OBJECT_HANDLE imported = import(CKO_PRIVATE_KEY, kind->key_type, numbers, 2);
    bench_wipe();
    if (kind->signature != 0) {
        sign_with(key, kind->signature, NULL, 0);
        sign_with(imported, kind->signature, NULL, 0);
        CK_OBJECT_HANDLE back = wrap_with(aes, aes, key, CKO_PRIVATE_KEY, kind->key_type, &by_kwp);
        sign_with(back, kind->signature, NULL, 0);
    }
    if (kind->derives) {
        agree(key, public_key, "agreed secret");
        agree(imported, public_key, "agreed secret");
    }
    if (kind->key_type == CKK_EC) {
        agree_twice(key, imported, public_key);
    }
    if (kind->key_type == CKK_EC_MONTGOMERY) {
        CK_XEDDSA_PARAMS xeddsa = {CKM_SHA512};
        allow(key, CKA_SIGN);
        sign_with(key, CKM_XEDDSA, &xeddsa, sizeof xeddsa);
        xeddsa.hash = CKM_BLAKE2B_256;
        sign_with(key, CKM_XEDDSA, &xeddsa, sizeof xeddsa);
    }
    handle_key(key, CKA_VALUE, kind->name);
    need(p11->C_DestroyObject(session, imported), "C_DestroyObject");
}

static void try_aes(CK_ULONG len, const char *name)
{
    CK_BYTE iv[16] = {3};
    CK_GCM_PARAMS gcm = {iv, 12, 96, NULL, 0, 128};
    CK_AES_CTR_PARAMS ctr = {128, {0}};
    CK_MECHANISM by_kw = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_MECHANISM by_gcm = {CKM_AES_GCM, &gcm, sizeof gcm};
    CK_MECHANISM by_cbc = {CKM_AES_CBC_PAD, iv, sizeof iv};
    CK_BYTE data[32] = {9};
    CK_KEY_DERIVATION_STRING_DATA string = {data, sizeof data};
    CK_MECHANISM by_ecb = {CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof string};
    CK_OBJECT_HANDLE key = make_aes(len, name);
    CK_OBJECT_HANDLE other = make_aes(32, "AES key under AES");
    CK_ATTRIBUTE numbers[] = {learn(key, CKA_VALUE, name), YES(CKA_ENCRYPT), YES(CKA_DECRYPT)};
    CK_OBJECT_HANDLE imported = import(CKO_SECRET_KEY, CKK_AES, numbers, 3);
    bench_wipe();
    encrypt_with(key, imported, CKM_AES_ECB, NULL, 0);
    encrypt_with(key, imported, CKM_AES_CBC_PAD, iv, sizeof iv);
    encrypt_with(key, imported, CKM_AES_CTR, &ctr, sizeof ctr);
    encrypt_with(key, imported, CKM_AES_GCM, &gcm, sizeof gcm);
    encrypt_in_parts(key, CKM_AES_CBC_PAD, iv, sizeof iv);
    encrypt_in_parts(key, CKM_AES_GCM, &gcm, sizeof gcm);
    sign_with(key, CKM_AES_CMAC, NULL, 0);
    sign_in_parts(key, CKM_AES_CMAC, NULL, 0);
    (void)wrap_with(key, key, other, CKO_SECRET_KEY, CKK_AES, &by_kw);
    (void)wrap_with(key, key, other, CKO_SECRET_KEY, CKK_AES, &by_gcm);
    (void)wrap_with(key, key, other, CKO_SECRET_KEY, CKK_AES, &by_cbc);
    (void)derive_from(key, &by_ecb, 32, "derived by AES");
    handle_key(key, CKA_VALUE, name);
    need(p11->C_DestroyObject(session, imported), "C_DestroyObject");
}

static void try_hmac(void)
{
    static const CK_MECHANISM_TYPE types[] = {
        CKM_SHA_1_HMAC,  CKM_SHA224_HMAC, CKM_SHA256_HMAC,
        CKM_SHA384_HMAC, CKM_SHA512_HMAC, CKM_SHA3_256_HMAC,
    };
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG len = 40;
    CK_MECHANISM generation = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE attributes[] = {
        {CKA_TOKEN, &on_token, sizeof on_token},
        {CKA_VALUE_LEN, &len, sizeof len},
        YES(CKA_PRIVATE),
        YES(CKA_SIGN),
        YES(CKA_EXTRACTABLE),
        NO(CKA_SENSITIVE),
    };
    need(p11->C_GenerateKey(session, &generation, attributes, COUNT(attributes), &key),
         "C_GenerateKey");
    CK_ATTRIBUTE value = learn(key, CKA_VALUE, "HMAC key");
    CK_OBJECT_HANDLE imported = import(CKO_SECRET_KEY, CKK_GENERIC_SECRET, &value, 1);
    bench_wipe();
    for (size_t i = 0; i < COUNT(types); i++) {
        sign_with(key, types[i], NULL, 0);
        sign_in_parts(imported, types[i], NULL, 0);
    }
    CK_MECHANISM digest = {CKM_SHA256, NULL, 0};
    CK_ULONG out_len = sizeof out;
    need(p11->C_DigestInit(session, &digest), "C_DigestInit");
    CK_RV rv = p11->C_DigestKey(session, key);
    if (rv == CKR_OK) {
        need(p11->C_DigestFinal(session, out, &out_len), "C_DigestFinal");
    } else {
        guest_note("C_DigestKey: %s", guest_code(rv));
    }
    handle_key(key, CKA_VALUE, "HMAC key");
    need(p11->C_DestroyObject(session, imported), "C_DestroyObject");
}

/* The secrets of a connection, and its keys. */
static void try_tls(void)
{
    CK_BYTE random[32] = {7};
    CK_BYTE ivs[2][16];
    CK_VERSION version = {3, 3};
    CK_OBJECT_HANDLE pre_master = 0;
    CK_OBJECT_HANDLE master = 0;
    CK_KEY_TYPE type = CKK_AES;
    CK_SSL3_RANDOM_DATA randoms = {random, sizeof random, random, sizeof random};
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS how = {randoms, &version, CKM_SHA256};
    CK_SSL3_KEY_MAT_OUT keys = {0, 0, 0, 0, ivs[0], ivs[1]};
    CK_TLS12_KEY_MAT_PARAMS what = {256, 256, 128, CK_FALSE, randoms, &keys, CKM_SHA256};
    CK_TLS_MAC_PARAMS finished = {CKM_SHA256, 12, 1};
    CK_MECHANISM generation = {CKM_TLS_PRE_MASTER_KEY_GEN, &version, sizeof version};
    CK_MECHANISM derivation = {CKM_TLS12_MASTER_KEY_DERIVE, &how, sizeof how};
    CK_MECHANISM material = {CKM_TLS12_KEY_AND_MAC_DERIVE, &what, sizeof what};
    CK_ATTRIBUTE attributes[] = {{CKA_TOKEN, &on_token, sizeof on_token},
                                 YES(CKA_PRIVATE),
                                 NO(CKA_SENSITIVE),
                                 YES(CKA_EXTRACTABLE),
                                 YES(CKA_DERIVE),
                                 {CKA_KEY_TYPE, &type, sizeof type}};
    CK_ULONG no_type = COUNT(attributes) - 1;
    need(p11->C_GenerateKey(session, &generation, attributes, no_type, &pre_master),
         "C_GenerateKey");
    (void)learn(pre_master, CKA_VALUE, "pre-master secret");
    need(p11->C_DeriveKey(session, &derivation, pre_master, attributes, no_type, &master),
         "C_DeriveKey");
    (void)learn(master, CKA_VALUE, "master secret");
    need(p11->C_DeriveKey(session, &material, master, attributes, COUNT(attributes), NULL),
         "C_DeriveKey");
    (void)learn(keys.hClientMacSecret, CKA_VALUE, "client's MAC key");
    (void)learn(keys.hServerMacSecret, CKA_VALUE, "server's MAC key");
    (void)learn(keys.hClientKey, CKA_VALUE, "client's key");
    (void)learn(keys.hServerKey, CKA_VALUE, "server's key");
    bench_wipe();
    sign_with(master, CKM_TLS_MAC, &finished, sizeof finished);
    sign_in_parts(master, CKM_TLS_MAC, &finished, sizeof finished);
    encrypt_with(keys.hClientKey, keys.hClientKey, CKM_AES_CBC_PAD, ivs[0], sizeof ivs[0]);
    sign_with(keys.hServerMacSecret, CKM_SHA256_HMAC, NULL, 0);
}

/* Operations under way when the user logs out. */
static void leave_operations_open(void)
{
    CK_BYTE iv[16] = {3};
    CK_BYTE data[16] = {5};
    CK_ULONG out_len = sizeof out;
    CK_MECHANISM cbc = {CKM_AES_CBC_PAD, iv, sizeof iv};
    CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    CK_OBJECT_HANDLE key = make_aes(32, "AES key of an open operation");
    CK_ATTRIBUTE value = learn(key, CKA_VALUE, "AES key of an open search");
    need(p11->C_EncryptInit(session, &cbc, key), "C_EncryptInit");
    need(p11->C_EncryptUpdate(session, data, sizeof data, out, &out_len), "C_EncryptUpdate");
    need(p11->C_SignInit(session, &cmac, key), "C_SignInit");
    need(p11->C_SignUpdate(session, data, sizeof data), "C_SignUpdate");
    need(p11->C_DecryptInit(session, &ecb, key), "C_DecryptInit");
    need(p11->C_FindObjectsInit(session, &value, 1), "C_FindObjectsInit");
    bench_wipe();
}

/* Calls that fail half-way, and results that are waited for and never fetched. */
static void fail_calls(void)
{
    CK_BYTE iv[16] = {4};
    CK_BYTE small[16];
    CK_OBJECT_HANDLE key = make_aes(32, "AES key of failing calls");
    CK_OBJECT_HANDLE none = 0;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG wrong_len = 7;
    CK_ULONG len = sizeof out;
    CK_ULONG short_len = sizeof small;
    CK_MECHANISM by_cbc = {CKM_AES_CBC_PAD, iv, sizeof iv};
    CK_ATTRIBUTE value = learn(key, CKA_VALUE, "AES key of failing calls");
    CK_ATTRIBUTE odd[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          value,
                          {CKA_VALUE_LEN, &wrong_len, sizeof wrong_len}};
    CK_ATTRIBUTE narrow = {CKA_VALUE, small, sizeof small};
    guest_ok(p11->C_CreateObject(session, odd, COUNT(odd), &none) != CKR_OK &&
                 p11->C_GetAttributeValue(session, key, &narrow, 1) == CKR_BUFFER_TOO_SMALL,
             "calls with bad templates fail");
    need(p11->C_EncryptInit(session, &by_cbc, key), "C_EncryptInit");
    need(p11->C_Encrypt(session, value.pValue, value.ulValueLen, out, &len), "C_Encrypt");
    guest_ok(p11->C_UnwrapKey(session, &by_cbc, key, out, len, odd, 2, &none) != CKR_OK ||
                 p11->C_DestroyObject(session, none) == CKR_OK,
             "a key is unwrapped, or refused");
    guest_ok(p11->C_UnwrapKey(session, &by_cbc, key, out, len - 1, odd, 2, &none) != CKR_OK &&
                 p11->C_UnwrapKey(session, &by_cbc, key, out, len, odd, COUNT(odd), &none) !=
                     CKR_OK,
             "bad wrapped keys and templates fail");
    need(p11->C_DecryptInit(session, &by_cbc, key), "C_DecryptInit");
    guest_ok(p11->C_Decrypt(session, out, len, small, &short_len) == CKR_BUFFER_TOO_SMALL,
             "a result waits for more room");
    bench_wipe();
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct ec_kind ec_kinds[] = {
    {"P-256 scalar",
     CKM_EC_KEY_PAIR_GEN,
     CKK_EC,
     {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07},
     10,
     CKM_ECDSA,
     true},
    {"P-384 scalar",
     CKM_EC_KEY_PAIR_GEN,
     CKK_EC,
     {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22},
     7,
     CKM_ECDSA_SHA256,
     true},
    {"Ed25519 seed",
     CKM_EC_EDWARDS_KEY_PAIR_GEN,
     CKK_EC_EDWARDS,
     {0x06, 0x03, 0x2b, 0x65, 0x70},
     5,
     CKM_EDDSA,
     false},
    {"X25519 scalar",
     CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
     CKK_EC_MONTGOMERY,
     {0x06, 0x03, 0x2b, 0x65, 0x6e},
     5,
     0,
     true},
};

static void open_token(bool is_new)
{
    CK_UTF8CHAR label[] = LABEL "                          ";
    need(p11->C_Initialize(NULL), "C_Initialize");
    CK_SLOT_ID slot = guest_token_find(LABEL);
    if (is_new) {
        CK_ULONG count = 1;
        need(p11->C_GetSlotList(CK_FALSE, &slot, &count), "C_GetSlotList");
        need(p11->C_InitToken(slot, pin_text(&so_pin), PIN_SIZE, label), "C_InitToken");
        bench_wipe();
    }
    session = guest_session(slot);
}

static void try_pins(void)
{
    struct pin next;
    open_token(true);
    login_as(CKU_SO, &so_pin);
    need(p11->C_InitPIN(session, pin_text(&user_pin), PIN_SIZE), "C_InitPIN");
    logout_and_look("the SO's logout");
    login_as(CKU_USER, &user_pin);
    logout_and_look("the user's logout");
    pin_make(&next, "second user PIN");
    need(p11->C_SetPIN(session, pin_text(&user_pin), PIN_SIZE, pin_text(&next), PIN_SIZE),
         "C_SetPIN");
    bench_wipe();
    guest_ok(p11->C_Login(session, CKU_USER, pin_text(&user_pin), PIN_SIZE) == CKR_PIN_INCORRECT,
             "the old PIN is refused");
    user_pin = next;
    login_as(CKU_USER, &user_pin);
    logout_and_look("a change of the PIN and a wrong one");
}

static void try_keys(void)
{
    login_as(CKU_USER, &user_pin);
    try_rsa();
    logout_and_look("RSA");
    for (size_t i = 0; i < COUNT(ec_kinds); i++) {
        login_as(CKU_USER, &user_pin);
        try_ec(&ec_kinds[i]);
        logout_and_look(ec_kinds[i].name);
    }
    login_as(CKU_USER, &user_pin);
    try_aes(16, "AES-128 key");
    try_aes(32, "AES-256 key");
    logout_and_look("AES");
    login_as(CKU_USER, &user_pin);
    try_hmac();
    logout_and_look("HMAC");
    login_as(CKU_USER, &user_pin);
    try_tls();
    logout_and_look("TLS");
    login_as(CKU_USER, &user_pin);
    fail_calls();
    logout_and_look("calls that failed");
    login_as(CKU_USER, &user_pin);
    leave_operations_open();
    logout_and_look("a logout with operations under way");
    need(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal"); /* a search outlives a logout */
}

/* Token objects of before, read from the disk and used once more, then the end with everything
 * open. */
static void try_end(void)
{
    CK_OBJECT_HANDLE found[64];
    CK_ULONG count = 0;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, YES(CKA_SIGN)};
    login_as(CKU_USER, &user_pin);
    need(guest_find(session, wanted, COUNT(wanted), found, 64, &count), "finding keys");
    for (CK_ULONG i = 0; i < count; i++) {
        sign_with(found[i], CKM_SHA256_RSA_PKCS, NULL, 0);
    }
    on_token = CK_FALSE;
    leave_operations_open();
    ask((struct request){.end = end_all, .after = "C_Finalize without C_Logout"});
    guest_note("%lu stored keys used again", (unsigned long)count);
}

/* With a pepper the key of public objects is a secret too, which without one the file has in
 * clear. */
static void add_pepper(void)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/pepper", guest_folder());
    uint8_t *pepper = bench_take(32);
    FILE *file = fopen(path, "w");
    FILE *conf = fopen(getenv("SOFTHSM2_CONF"), "a");
    if (file == NULL || conf == NULL || getrandom(pepper, 32, 0) != 32) {
        guest_bail("cannot set a pepper");
    }
    (void)setvbuf(file, NULL, _IONBF, 0);
    (void)fwrite(pepper, 1, 32, file);
    (void)fprintf(conf, "token.pepper = file:%s\n", path);
    (void)fclose(file);
    (void)fclose(conf);
    bench_wipe();
}

static void *work(void *unused)
{
    add_pepper();
    pin_make(&so_pin, "SO PIN");
    pin_make(&user_pin, "user PIN");
    try_pins();
    on_token = CK_FALSE;
    try_keys();
    on_token = CK_TRUE;
    try_keys();
    ask((struct request){.end = end_all, .after = "C_Finalize"});
    open_token(false);
    try_end();
    request.after = NULL;
    (void)sem_post(&asked);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t worker;
    if (argc != 2) {
        return 2;
    }
#if KK_SANITIZED
    guest_skip_all("a sanitizer keeps copies of its own");
#endif
    bench = mmap(NULL, BENCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bench == MAP_FAILED || sem_init(&asked, 0, 0) != 0 || sem_init(&answered, 0, 0) != 0) {
        guest_bail("no memory");
    }
    guest_load(argv[1]);
    if (pthread_create(&worker, NULL, work, NULL) != 0) {
        guest_bail("no thread");
    }
    while (answer()) {
    }
    (void)pthread_join(worker, NULL);
    return guest_end();
}
