/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything up to the point where a row can begin. Keys are looked for by label before they are
 * made, so that a second process on the same token works with those of the first.
 */
#include "token.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static CK_UTF8CHAR so_pin[] = "bench-so-7306";
static CK_UTF8CHAR user_pin[] = "bench-user-2519";
static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS class_secret = CKO_SECRET_KEY;
static CK_OBJECT_CLASS class_private = CKO_PRIVATE_KEY;
static CK_KEY_TYPE type_generic = CKK_GENERIC_SECRET;

/* How a key is made; `value` is its curve (DER) or its length. */
struct key_recipe {
    const char *label;
    CK_MECHANISM_TYPE mechanism;
    CK_ATTRIBUTE_TYPE value_type;
    void *value;
    CK_ULONG value_len;
    bool pair;
};

static CK_ULONG bits_2048 = 2048;
static CK_ULONG bytes_32 = 32;
static CK_BYTE oid_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static CK_BYTE oid_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
/* The curve's name as a PrintableString, the form that older modules know too. */
static CK_BYTE name_ed25519[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                 'd',  's',  '2', '5', '5', '1', '9'};

/* clang-format off */
static const struct key_recipe recipes[KK_BENCH_KEY_COUNT] = {
    [KK_BENCH_KEY_RSA2048] = { "bench-rsa2048", CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, &bits_2048, sizeof(bits_2048), true },
    [KK_BENCH_KEY_P256] = { "bench-p256", CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, oid_p256, sizeof(oid_p256), true },
    [KK_BENCH_KEY_P384] = { "bench-p384", CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, oid_p384, sizeof(oid_p384), true },
    [KK_BENCH_KEY_ED25519] = { "bench-ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKA_EC_PARAMS, name_ed25519, sizeof(name_ed25519), true },
    [KK_BENCH_KEY_HMAC] = { "bench-hmac", CKM_GENERIC_SECRET_KEY_GEN, CKA_VALUE_LEN, &bytes_32, sizeof(bytes_32), false },
    [KK_BENCH_KEY_AES256] = { "bench-aes256", CKM_AES_KEY_GEN, CKA_VALUE_LEN, &bytes_32, sizeof(bytes_32), false },
};
/* clang-format on */

CK_RV kk_bench_fail(struct kk_bench_failure *failure, const char *call, CK_RV rv)
{
    snprintf(failure->call, sizeof(failure->call), "%s", call);
    failure->rv = rv;
    return rv;
}

static bool write_configuration(const char *directory)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/tokens", directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/softhsm2.conf", directory);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    const char *more = getenv("KEYKIST_BENCH_CONF");
    fprintf(file, "directories.tokendir = %s/tokens/\nlog.level = ERROR\n%s\n", directory,
            more != NULL ? more : "");
    return fclose(file) == 0 && setenv("SOFTHSM2_CONF", path, 1) == 0;
}

CK_RV kk_bench_token_load(const char *module, const char *directory, struct kk_bench_token *token,
                          struct kk_bench_failure *failure)
{
    if (!write_configuration(directory)) {
        return kk_bench_fail(failure, "writing softhsm2.conf", CKR_GENERAL_ERROR);
    }
    token->library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    if (token->library == NULL) {
        fprintf(stderr, "keykist-bench: %s\n", dlerror());
        return kk_bench_fail(failure, "loading the module", CKR_GENERAL_ERROR);
    }
    CK_C_GetFunctionList get_list;
    *(void **)&get_list = dlsym(token->library, "C_GetFunctionList");
    if (get_list == NULL || get_list(&token->functions) != CKR_OK || token->functions == NULL) {
        token->functions = NULL;
        return kk_bench_fail(failure, "C_GetFunctionList", CKR_GENERAL_ERROR);
    }
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    KK_BENCH_CALL(token, failure, C_Initialize, &args);
    return CKR_OK;
}

void kk_bench_token_close(struct kk_bench_token *token)
{
    if (token->functions != NULL) {
        token->functions->C_Finalize(NULL);
    }
    if (token->library != NULL) {
        dlclose(token->library);
    }
    *token = (struct kk_bench_token){0};
}

/* A label as C_InitToken and CK_TOKEN_INFO have it: 32 bytes, blank padded. */
static void pad_label(const char *label, CK_UTF8CHAR padded[32])
{
    size_t len = strnlen(label, 32);
    memset(padded, ' ', 32);
    memcpy(padded, label, len);
}

/* The first slot whose token has this label; with label NULL, whose token is uninitialised. */
static CK_RV find_slot(struct kk_bench_token *token, const CK_UTF8CHAR *label,
                       struct kk_bench_failure *failure, CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = KK_BENCH_ARRAY_LEN(slots);
    KK_BENCH_CALL(token, failure, C_GetSlotList, CK_TRUE, NULL, &count);
    count = KK_BENCH_ARRAY_LEN(slots);
    KK_BENCH_CALL(token, failure, C_GetSlotList, CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (token->functions->C_GetTokenInfo(slots[i], &info) != CKR_OK) {
            continue;
        }
        bool initialised = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
        if (label == NULL ? !initialised
                          : initialised && memcmp(info.label, label, sizeof(info.label)) == 0) {
            *ret_slot = slots[i];
            return CKR_OK;
        }
    }
    return kk_bench_fail(failure, label == NULL ? "finding a free slot" : "finding the token",
                         CKR_TOKEN_NOT_PRESENT);
}

static CK_RV make_token(struct kk_bench_token *token, CK_UTF8CHAR *label,
                        struct kk_bench_failure *failure)
{
    CK_SLOT_ID empty = 0;
    CK_RV rv = find_slot(token, NULL, failure, &empty);
    if (rv != CKR_OK) {
        return rv;
    }
    KK_BENCH_CALL(token, failure, C_InitToken, empty, so_pin, sizeof(so_pin) - 1, label);
    rv = find_slot(token, label, failure, &token->slot);
    if (rv != CKR_OK) {
        return rv;
    }
    CK_SESSION_HANDLE session;
    KK_BENCH_CALL(token, failure, C_OpenSession, token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                  NULL, NULL, &session);
    KK_BENCH_CALL(token, failure, C_Login, session, CKU_SO, so_pin, sizeof(so_pin) - 1);
    KK_BENCH_CALL(token, failure, C_InitPIN, session, user_pin, sizeof(user_pin) - 1);
    KK_BENCH_CALL(token, failure, C_CloseSession, session);
    return CKR_OK;
}

/* CK_INVALID_HANDLE when there is none. */
static CK_RV find_object(struct kk_bench_token *token, const char *label,
                         CK_OBJECT_CLASS object_class, struct kk_bench_failure *failure,
                         CK_OBJECT_HANDLE *ret_object)
{
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof(object_class)},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };
    CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    KK_BENCH_CALL(token, failure, C_FindObjectsInit, token->session, template, 2);
    KK_BENCH_CALL(token, failure, C_FindObjects, token->session, &found, 1, &count);
    KK_BENCH_CALL(token, failure, C_FindObjectsFinal, token->session);
    *ret_object = count == 1 ? found : CK_INVALID_HANDLE;
    return CKR_OK;
}

void kk_bench_extra_label(size_t number, char label[KK_BENCH_LABEL_SIZE])
{
    snprintf(label, KK_BENCH_LABEL_SIZE, "bench-extra-%08zu", number);
}

/* Generic secrets: what a rotation of session or application keys leaves on a token. */
static CK_RV make_extra(struct kk_bench_token *token, size_t number,
                        struct kk_bench_failure *failure)
{
    char label[KK_BENCH_LABEL_SIZE];
    CK_BYTE value[32] = {0x5a};
    kk_bench_extra_label(number, label);
    memcpy(value + 16, &number, sizeof(number));
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class_secret, sizeof(class_secret)},
        {CKA_KEY_TYPE, &type_generic, sizeof(type_generic)},
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_LABEL, label, strlen(label)},
        {CKA_VALUE, value, sizeof(value)},
    };
    CK_OBJECT_HANDLE object;
    KK_BENCH_CALL(token, failure, C_CreateObject, token->session, template,
                  KK_BENCH_ARRAY_LEN(template), &object);
    return CKR_OK;
}

/* They are made in order, so the last one tells whether all are there. */
static CK_RV see_to_extra(struct kk_bench_token *token, size_t extra,
                          struct kk_bench_failure *failure)
{
    if (extra == 0) {
        return CKR_OK;
    }
    char label[KK_BENCH_LABEL_SIZE];
    kk_bench_extra_label(extra - 1, label);
    CK_OBJECT_HANDLE last = CK_INVALID_HANDLE;
    CK_RV rv = find_object(token, label, CKO_SECRET_KEY, failure, &last);
    for (size_t i = 0; rv == CKR_OK && last == CK_INVALID_HANDLE && i < extra; i++) {
        rv = make_extra(token, i, failure);
    }
    token->extra = extra;
    return rv;
}

CK_RV kk_bench_token_open(struct kk_bench_token *token, const char *label, size_t extra,
                          size_t sessions, struct kk_bench_failure *failure)
{
    CK_UTF8CHAR padded[32];
    pad_label(label, padded);
    if (find_slot(token, padded, failure, &token->slot) != CKR_OK) {
        CK_RV rv = make_token(token, padded, failure);
        if (rv != CKR_OK) {
            return rv;
        }
    }
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    KK_BENCH_CALL(token, failure, C_OpenSession, token->slot, flags, NULL, NULL, &token->session);
    KK_BENCH_CALL(token, failure, C_Login, token->session, CKU_USER, user_pin,
                  sizeof(user_pin) - 1);
    for (size_t i = 0; i < sessions; i++) {
        CK_SESSION_HANDLE idle;
        KK_BENCH_CALL(token, failure, C_OpenSession, token->slot, flags, NULL, NULL, &idle);
    }
    return see_to_extra(token, extra, failure);
}

static CK_RV make_pair(struct kk_bench_token *token, const struct key_recipe *recipe,
                       struct kk_bench_failure *failure)
{
    bool derives = recipe->mechanism == CKM_EC_KEY_PAIR_GEN;
    CK_MECHANISM mechanism = {recipe->mechanism, NULL, 0};
    void *label = (void *)(uintptr_t)recipe->label;
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &no, sizeof(no)},
        {CKA_VERIFY, &yes, sizeof(yes)},
        {CKA_LABEL, label, strlen(recipe->label)},
        {recipe->value_type, recipe->value, recipe->value_len},
    };
    /* The last one only where there is a derivation with such a key. */
    CK_ATTRIBUTE private_template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},         {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},     {CKA_SIGN, &yes, sizeof(yes)},
        {CKA_ID, label, strlen(recipe->label)}, {CKA_LABEL, label, strlen(recipe->label)},
        {CKA_DERIVE, &yes, sizeof(yes)},
    };
    CK_OBJECT_HANDLE public_key;
    CK_OBJECT_HANDLE private_key;
    KK_BENCH_CALL(token, failure, C_GenerateKeyPair, token->session, &mechanism, public_template,
                  KK_BENCH_ARRAY_LEN(public_template), private_template,
                  KK_BENCH_ARRAY_LEN(private_template) - (derives ? 0 : 1), &public_key,
                  &private_key);
    return CKR_OK;
}

static CK_RV make_secret(struct kk_bench_token *token, const struct key_recipe *recipe,
                         struct kk_bench_failure *failure)
{
    CK_MECHANISM mechanism = {recipe->mechanism, NULL, 0};
    bool aes = recipe->mechanism == CKM_AES_KEY_GEN;
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},
        {aes ? CKA_ENCRYPT : CKA_SIGN, &yes, sizeof(yes)},
        {CKA_LABEL, (void *)(uintptr_t)recipe->label, strlen(recipe->label)},
        {recipe->value_type, recipe->value, recipe->value_len},
    };
    CK_OBJECT_HANDLE key;
    KK_BENCH_CALL(token, failure, C_GenerateKey, token->session, &mechanism, template,
                  KK_BENCH_ARRAY_LEN(template), &key);
    return CKR_OK;
}

CK_RV kk_bench_token_key(struct kk_bench_token *token, enum kk_bench_key key,
                         CK_OBJECT_CLASS object_class, struct kk_bench_failure *failure,
                         CK_OBJECT_HANDLE *ret_key)
{
    const struct key_recipe *recipe = &recipes[key];
    CK_OBJECT_CLASS own = recipe->pair ? class_private : class_secret;
    CK_OBJECT_CLASS wanted = object_class == CKO_PUBLIC_KEY ? CKO_PUBLIC_KEY : own;
    CK_RV rv = find_object(token, recipe->label, wanted, failure, ret_key);
    if (rv != CKR_OK || *ret_key != CK_INVALID_HANDLE) {
        return rv;
    }
    rv = recipe->pair ? make_pair(token, recipe, failure) : make_secret(token, recipe, failure);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = find_object(token, recipe->label, wanted, failure, ret_key);
    if (rv == CKR_OK && *ret_key == CK_INVALID_HANDLE) {
        return kk_bench_fail(failure, "finding the new key", CKR_GENERAL_ERROR);
    }
    return rv;
}
