// SPDX-License-Identifier: BSD-2-Clause
// Generates, finds, signs, encrypts and wraps in C. The header is the installed one:
//
//     cc -o example example.c -I/usr/include/keykist -ldl
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pkcs11.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CALL(call) check((call), #call)

static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static CK_BBOOL yes = CK_TRUE;
static CK_BYTE message[] = "a message of 24 bytes...";
static const CK_ULONG message_len = sizeof(message) - 1;

static void check(CK_RV rv, const char *call)
{
    if (rv != CKR_OK) {
        fprintf(stderr, "%s: 0x%08lX\n", call, rv);
        exit(1);
    }
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? value : otherwise;
}

static void load(const char *path)
{
    void *module = dlopen(path, RTLD_NOW);
    if (module == NULL) {
        fail(dlerror());
    }
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
    if (get == NULL) {
        fail("That is no PKCS#11 module.");
    }
    CALL(get(&p11));
    CALL(p11->C_Initialize(NULL));
}

// Labels are 32 bytes, filled with blanks.
static int has_label(CK_SLOT_ID slot, const char *label)
{
    CK_TOKEN_INFO info;
    CALL(p11->C_GetTokenInfo(slot, &info));
    char padded[sizeof(info.label) + 1];
    snprintf(padded, sizeof(padded), "%-32s", label);
    return memcmp(info.label, padded, sizeof(info.label)) == 0;
}

static void open_token(const char *label)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = COUNT(slots);
    CALL(p11->C_GetSlotList(CK_TRUE, slots, &count));
    CK_ULONG i = 0;
    while (i < count && !has_label(slots[i], label)) {
        i++;
    }
    if (i == count) {
        fail("There is no token with that label.");
    }
    const char *pin = setting("USER_PIN", "");
    CALL(p11->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    CALL(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)));
    printf("token: %s\n", label);
}

static CK_ULONG find(CK_OBJECT_CLASS kind, char *label, CK_OBJECT_HANDLE *found, CK_ULONG room)
{
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &kind, sizeof(kind)},
        {CKA_LABEL, label, label != NULL ? strlen(label) : 0},
    };
    CK_ULONG count = 0;
    CALL(p11->C_FindObjectsInit(session, template, label != NULL ? 2 : 1));
    CALL(p11->C_FindObjects(session, found, room, &count));
    CALL(p11->C_FindObjectsFinal(session));
    return count;
}

static CK_OBJECT_HANDLE key(CK_OBJECT_CLASS kind, char *label)
{
    CK_OBJECT_HANDLE found;
    if (find(kind, label, &found, 1) != 1) {
        fail("There is no key with that label.");
    }
    return found;
}

static void generate_pair(void)
{
    CK_ULONG bits = 2048;
    CK_BYTE exponent[] = {1, 0, 1};
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_LABEL, "signer", 6},
        {CKA_VERIFY, &yes, sizeof(yes)},
        {CKA_MODULUS_BITS, &bits, sizeof(bits)},
        {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)},
    };
    CK_ATTRIBUTE private_template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_LABEL, "signer", 6},           {CKA_SIGN, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},
    };
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_OBJECT_HANDLE public_key, private_key;
    CALL(p11->C_GenerateKeyPair(session, &mechanism, public_template, COUNT(public_template),
                                private_template, COUNT(private_template), &public_key,
                                &private_key));
}

static void generate_aes(char *label, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE back,
                         CK_BBOOL extractable)
{
    CK_ULONG len = 32;
    CK_ATTRIBUTE template[] = {
        {CKA_LABEL, label, strlen(label)},  {CKA_VALUE_LEN, &len, sizeof(len)},
        {use, &yes, sizeof(yes)},           {back, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &extractable, sizeof(extractable)},
    };
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE made;
    CALL(p11->C_GenerateKey(session, &mechanism, template, COUNT(template), &made));
}

static void count_keys(void)
{
    CK_OBJECT_HANDLE found[100];
    printf("found: %lu public, ", find(CKO_PUBLIC_KEY, NULL, found, COUNT(found)));
    printf("%lu private, ", find(CKO_PRIVATE_KEY, NULL, found, COUNT(found)));
    printf("%lu secret keys\n", find(CKO_SECRET_KEY, NULL, found, COUNT(found)));
}

static void sign(void)
{
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_BYTE signature[256];
    CK_ULONG len = sizeof(signature);
    CALL(p11->C_SignInit(session, &mechanism, key(CKO_PRIVATE_KEY, "signer")));
    CALL(p11->C_Sign(session, message, message_len, signature, &len));
    CALL(p11->C_VerifyInit(session, &mechanism, key(CKO_PUBLIC_KEY, "signer")));
    CALL(p11->C_Verify(session, message, message_len, signature, len));
    FILE *file = fopen("signature.bin", "wb");
    if (file == NULL || fwrite(signature, 1, len, file) != len || fclose(file) != 0) {
        fail("signature.bin was not written.");
    }
    printf("signed: %lu bytes, verified\n", len);
}

static void must_decrypt(CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with, CK_BYTE *sealed,
                         CK_ULONG sealed_len)
{
    CK_BYTE text[64];
    CK_ULONG len = sizeof(text);
    CALL(p11->C_DecryptInit(session, mechanism, with));
    CALL(p11->C_Decrypt(session, sealed, sealed_len, text, &len));
    if (len != message_len || memcmp(text, message, len) != 0) {
        fail("The message came back changed.");
    }
}

static void wrap(CK_MECHANISM *gcm, CK_BYTE *sealed, CK_ULONG sealed_len)
{
    CK_OBJECT_CLASS kind = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &kind, sizeof(kind)},
        {CKA_KEY_TYPE, &type, sizeof(type)},
        {CKA_DECRYPT, &yes, sizeof(yes)},
    };
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_HANDLE wrapper = key(CKO_SECRET_KEY, "wrapper"), back;
    CK_BYTE wrapped[64];
    CK_ULONG len = sizeof(wrapped);
    CALL(p11->C_WrapKey(session, &mechanism, wrapper, key(CKO_SECRET_KEY, "data"), wrapped, &len));
    CALL(p11->C_UnwrapKey(session, &mechanism, wrapper, wrapped, len, template, COUNT(template),
                          &back));
    must_decrypt(gcm, back, sealed, sealed_len);
    printf("wrapped: %lu bytes, unwrapped key decrypts\n", len);
}

static void encrypt_and_wrap(void)
{
    CK_BYTE iv[12], sealed[64];
    CK_ULONG len = sizeof(sealed);
    CALL(p11->C_GenerateRandom(session, iv, sizeof(iv)));
    CK_GCM_PARAMS params = {iv, sizeof(iv), 8 * sizeof(iv), NULL, 0, 128};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof(params)};
    CALL(p11->C_EncryptInit(session, &mechanism, key(CKO_SECRET_KEY, "data")));
    CALL(p11->C_Encrypt(session, message, message_len, sealed, &len));
    must_decrypt(&mechanism, key(CKO_SECRET_KEY, "data"), sealed, len);
    printf("encrypted: %lu bytes, decrypted to the same\n", len);
    wrap(&mechanism, sealed, len);
}

int main(void)
{
    load(setting("PKCS11_MODULE", "/usr/lib/softhsm/libsofthsm2.so"));
    open_token(setting("TOKEN_LABEL", "demo"));
    generate_pair();
    generate_aes("data", CKA_ENCRYPT, CKA_DECRYPT, CK_TRUE);
    generate_aes("wrapper", CKA_WRAP, CKA_UNWRAP, CK_FALSE);
    puts("generated: RSA key pair \"signer\", AES keys \"data\" and \"wrapper\"");
    count_keys();
    sign();
    encrypt_and_wrap();
    CALL(p11->C_Logout(session));
    CALL(p11->C_Finalize(NULL));
    return 0;
}
