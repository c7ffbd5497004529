/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module inside applications that use OpenSSL themselves, in their own ways: before and after
 * the module, with engines and random generators of their own, at exit and after OPENSSL_cleanup;
 * and with an openssl.cnf that activates pkcs11-provider on this same module.
 *
 * Usage: test_application MODULE [PROVIDER]. Each part is a process of its own, because a process
 * starts and ends OpenSSL once. With PROVIDER (pkcs11.so) only the parts about it run.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines and RAND_METHOD are old, but applications have them \
                                     */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#ifndef OPENSSL_NO_ENGINE
#include <openssl/engine.h>
#endif

#include "base/macros.h"
#include "guest.h"

#define LABEL "application"
#define PRIVATE_URI "pkcs11:token=" LABEL ";object=rsa;type=private"
#define PUBLIC_URI "pkcs11:token=" LABEL ";object=rsa;type=public"
#define LIMIT_S 60 /* of one part, which takes far less: a deadlock ends here */
#define SIGNATURE_MAX 512
#define THREADS 3

static CK_SESSION_HANDLE session;
static const unsigned char message[] = "what is signed";

struct signature {
    CK_BYTE bytes[SIGNATURE_MAX];
    CK_ULONG len;
};

/* After OpenSSL's end the module frees nothing of OpenSSL's, on purpose: no leak checker here. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

/* --- the module's side ------------------------------------------------------------------------ */

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE in, CK_OBJECT_CLASS class, const char *label)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };
    return guest_find(in, attributes, 2, &key, 1, &count) == CKR_OK && count == 1 ? key : 0;
}

static CK_RV sign_in(CK_SESSION_HANDLE in, struct signature *ret_signature)
{
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    ret_signature->len = sizeof ret_signature->bytes;
    CK_RV rv = p11->C_SignInit(in, &mechanism, find_key(in, CKO_PRIVATE_KEY, "rsa"));
    if (rv != CKR_OK) {
        return rv;
    }
    return p11->C_Sign(in, (CK_BYTE *)(uintptr_t)message, sizeof message, ret_signature->bytes,
                       &ret_signature->len);
}

static CK_RV make_pair(const char *label, CK_BBOOL on_token)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG bits = 2048;
    CK_OBJECT_HANDLE public_key = 0;
    CK_OBJECT_HANDLE private_key = 0;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE for_public[] = {
        {CKA_TOKEN, &on_token, sizeof on_token},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_ID, (void *)(uintptr_t)label, strlen(label)},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_MODULUS_BITS, &bits, sizeof bits},
    };
    CK_ATTRIBUTE for_private[] = {
        {CKA_TOKEN, &on_token, sizeof on_token},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_ID, (void *)(uintptr_t)label, strlen(label)},
        {CKA_SIGN, &yes, sizeof yes},
    };
    return p11->C_GenerateKeyPair(session, &mechanism, for_public, 5, for_private, 4, &public_key,
                                  &private_key);
}

static int make_token(void)
{
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize") ||
        guest_token_make(LABEL) == GUEST_NO_SLOT) {
        return 1;
    }
    session = guest_session(guest_token_find(LABEL));
    return guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login") &&
                   guest_fine(make_pair("rsa", CK_TRUE), "C_GenerateKeyPair") &&
                   guest_fine(p11->C_Finalize(NULL), "C_Finalize")
               ? 0
               : 1;
}

/* The module is up, whoever brought it up, and the user is logged in. */
static void enter(void)
{
    CK_RV rv = p11->C_Initialize(NULL);
    if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED && !guest_fine(rv, "C_Initialize")) {
        _exit(90);
    }
    session = guest_session(guest_token_find(LABEL));
    rv = guest_login(session, CKU_USER, GUEST_PIN);
    if (rv != CKR_USER_ALREADY_LOGGED_IN && !guest_fine(rv, "C_Login")) {
        _exit(91);
    }
}

/* --- the application's side ------------------------------------------------------------------- */

/* The token's public key as the application's own. */
static EVP_PKEY *exported_key(void)
{
    CK_BYTE info[1024];
    CK_ATTRIBUTE attribute = {CKA_PUBLIC_KEY_INFO, info, sizeof info};
    CK_OBJECT_HANDLE key = find_key(session, CKO_PUBLIC_KEY, "rsa");
    CK_RV rv = p11->C_GetAttributeValue(session, key, &attribute, 1);
    const unsigned char *at = info;
    return guest_fine(rv, "CKA_PUBLIC_KEY_INFO") ? d2i_PUBKEY(NULL, &at, (long)attribute.ulValueLen)
                                                 : NULL;
}

static bool verifies_with(EVP_PKEY *key, const struct signature *signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        key != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(context, signature->bytes, signature->len, message, sizeof message) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static bool said(bool good, const char *what)
{
    if (!good) {
        guest_note("%s failed", what);
        ERR_print_errors_fp(stdout);
    }
    return good;
}

static bool digest_works(void)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    return EVP_Digest(message, sizeof message, out, &len, EVP_sha256(), NULL) == 1 && len == 32;
}

/* Signs with the module, verifies with the application's OpenSSL. */
static bool both_work(void)
{
    struct signature signature;
    EVP_PKEY *key = exported_key();
    bool good = guest_fine(sign_in(session, &signature), "signing") &&
                said(verifies_with(key, &signature), "the application's verification") &&
                said(digest_works(), "the application's digest");
    EVP_PKEY_free(key);
    return good;
}

static int leave_all_open(void)
{
    CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
    return guest_fine(p11->C_DigestInit(session, &mechanism), "C_DigestInit") ? 0 : 2;
}

/* --- parts: before, after, beside ------------------------------------------------------------- */

static int module_alone(void)
{
    struct signature signature;
    enter();
    return guest_fine(sign_in(session, &signature), "signing") ? leave_all_open() : 1;
}

static int openssl_after_the_module(void)
{
    enter();
    return both_work() ? leave_all_open() : 1;
}

static int openssl_before_the_module(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    bool good = key != NULL && digest_works();
    enter();
    good = good && both_work();
    EVP_PKEY_free(key);
    return good ? leave_all_open() : 1;
}

static int finalized_and_again(void)
{
    for (int i = 0; i < 5; i++) {
        enter();
        if (!both_work() || !guest_fine(p11->C_Finalize(NULL), "C_Finalize") || !digest_works()) {
            return 1;
        }
    }
    return 0;
}

static int error_queue(void)
{
    struct signature signature;
    CK_MECHANISM wrong = {CKM_AES_GCM, NULL, 0};
    EVP_PKEY *key = NULL;
    enter();
    key = exported_key();
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 17);
    ERR_raise(ERR_LIB_USER, 42);
    (void)p11->C_EncryptInit(session, &wrong, 4711);
    (void)sign_in(session, &signature);
    signature.bytes[3] ^= 1;
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    (void)p11->C_VerifyInit(session, &mechanism, find_key(session, CKO_PUBLIC_KEY, "rsa"));
    CK_RV rv = p11->C_Verify(session, (CK_BYTE *)(uintptr_t)message, sizeof message,
                             signature.bytes, signature.len);
    bool good = rv == CKR_SIGNATURE_INVALID && ERR_GET_REASON(ERR_get_error()) == 17 &&
                ERR_GET_REASON(ERR_get_error()) == 42 && ERR_get_error() == 0;
    EVP_PKEY_free(key);
    return good ? 0 : 1;
}

/* What the application asks of its own context is not asked of the module's, and stays. */
static int properties_of_its_own(void)
{
    if (EVP_set_default_properties(NULL, "provider=none-of-these") != 1) {
        return 1;
    }
    struct signature signature;
    enter();
    EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    bool good = digest == NULL && guest_fine(sign_in(session, &signature), "signing");
    (void)EVP_set_default_properties(NULL, "");
    EVP_PKEY *key = exported_key();
    good = good && verifies_with(key, &signature);
    EVP_PKEY_free(key);
    EVP_MD_free(digest);
    return good ? 0 : 2;
}

/* Only the null provider: the application's OpenSSL can do nothing. */
static int providers_of_its_own(void)
{
    struct signature signature;
    OSSL_PROVIDER *null = OSSL_PROVIDER_load(NULL, "null");
    enter();
    EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    bool good =
        null != NULL && digest == NULL && guest_fine(sign_in(session, &signature), "signing");
    EVP_MD_free(digest);
    (void)OSSL_PROVIDER_unload(null);
    return good ? leave_all_open() : 1;
}

#ifndef OPENSSL_NO_ENGINE
static _Atomic int engine_asked;

/* As an engine must: what is not its own it hands on. */
static int hand_on(int len, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    atomic_fetch_add(&engine_asked, 1);
    return RSA_meth_get_priv_enc(RSA_PKCS1_OpenSSL())(len, from, to, rsa, padding);
}

/* An engine that is the default for everything; OpenSSL asks it for the module's keys too. */
static int engine_of_its_own(void)
{
    ENGINE *engine = ENGINE_new();
    RSA_METHOD *method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    bool good = engine != NULL && method != NULL && RSA_meth_set_priv_enc(method, hand_on) == 1 &&
                ENGINE_set_id(engine, "own") == 1 && ENGINE_set_name(engine, "own") == 1 &&
                ENGINE_set_RSA(engine, method) == 1 && ENGINE_add(engine) == 1 &&
                ENGINE_set_default(engine, ENGINE_METHOD_ALL) == 1;
    enter();
    good = good && both_work() && engine_asked > 0;
    ENGINE_free(engine);
    return good ? leave_all_open() : 1; /* the method lives as long as the engine */
}
#endif

/* --- parts: the application's random numbers come from the module ----------------------------- */

static _Atomic int asked;

static int random_from_module(unsigned char *out, int len)
{
    static __thread CK_SESSION_HANDLE mine;
    atomic_fetch_add(&asked, 1);
    if (mine == 0) {
        mine = guest_session(guest_token_find(LABEL));
    }
    return p11->C_GenerateRandom(mine, out, (CK_ULONG)len) == CKR_OK ? 1 : 0;
}

static int random_is_fine(void)
{
    return 1;
}

static int random_numbers_from_the_module(void)
{
    static RAND_METHOD method = {
        .bytes = random_from_module, .pseudorand = random_from_module, .status = random_is_fine};
    unsigned char first[32] = {0};
    unsigned char second[32] = {0};
    enter();
    if (RAND_set_rand_method(&method) != 1 || RAND_bytes(first, sizeof first) != 1) {
        return 1;
    }
    bool good = guest_fine(p11->C_GenerateRandom(session, second, sizeof second), "random") &&
                guest_fine(make_pair("other", CK_FALSE), "C_GenerateKeyPair") && both_work();
    return good && asked > 0 && memcmp(first, second, sizeof first) != 0 ? 0 : 2;
}

/* --- parts: the end of the process ------------------------------------------------------------ */

/* After OPENSSL_cleanup a call may fail; it returns. */
static void call_much(void)
{
    struct signature signature;
    CK_BYTE out[64];
    CK_ULONG len = sizeof out;
    CK_MECHANISM digest = {CKM_SHA256, NULL, 0};
    CK_MECHANISM aes = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG size = 32;
    CK_ATTRIBUTE attribute = {CKA_VALUE_LEN, &size, sizeof size};
    CK_OBJECT_HANDLE key = 0;
    CK_SESSION_HANDLE other = 0;
    (void)p11->C_Digest(session, out, sizeof out, out, &len);
    (void)p11->C_DigestInit(session, &digest);
    (void)p11->C_DigestFinal(session, out, &len);
    (void)sign_in(session, &signature);
    (void)p11->C_GenerateRandom(session, out, sizeof out);
    (void)p11->C_SeedRandom(session, out, sizeof out);
    (void)p11->C_GenerateKey(session, &aes, &attribute, 1, &key);
    (void)make_pair("late", CK_FALSE);
    (void)make_pair("late", CK_TRUE);
    (void)p11->C_OpenSession(guest_token_find(LABEL), CKF_SERIAL_SESSION, NULL, NULL, &other);
    (void)p11->C_CloseSession(other);
    (void)p11->C_Logout(session);
    (void)guest_login(session, CKU_USER, GUEST_PIN);
    (void)p11->C_CloseAllSessions(guest_token_find(LABEL));
}

static int cleaned_up_by_hand(void)
{
    enter();
    if (!both_work() || leave_all_open() != 0) {
        return 1;
    }
    OPENSSL_cleanup();
    call_much();
    (void)p11->C_Finalize(NULL);
    (void)p11->C_Initialize(NULL);
    call_much();
    (void)p11->C_Finalize(NULL);
    return 0;
}

static void use_and_finalize(void)
{
    call_much();
    (void)p11->C_Finalize(NULL);
}

/* Registered before OpenSSL's own handler, hence called after it. */
static int used_by_an_exit_handler(void)
{
    if (atexit(use_and_finalize) != 0) {
        return 1;
    }
    enter();
    return both_work() ? leave_all_open() : 2;
}

/* Registered last, hence called first: everything still works. */
static void must_still_work(void)
{
    if (!both_work() || !guest_fine(p11->C_Finalize(NULL), "C_Finalize")) {
        (void)fflush(stdout);
        _exit(95);
    }
}

static int used_by_an_early_exit_handler(void)
{
    enter();
    return both_work() && atexit(must_still_work) == 0 ? 0 : 1;
}

static bool use_in_destructor;

__attribute__((destructor)) static void destructor(void)
{
    if (use_in_destructor) {
        use_and_finalize();
    }
}

static int used_by_a_destructor(void)
{
    use_in_destructor = true;
    enter();
    return both_work() ? leave_all_open() : 1;
}

static void *sign_for_ever(void *argument)
{
    _Atomic int *running = argument;
    struct signature signature;
    CK_SESSION_HANDLE mine = guest_session(guest_token_find(LABEL));
    if (sign_in(mine, &signature) == CKR_OK) {
        atomic_fetch_add(running, 1);
    }
    for (;;) { /* until the process is gone */
        (void)sign_in(mine, &signature);
    }
    return NULL;
}

/* Starts threads that sign without end; false when they do not sign. */
static bool start_threads(void)
{
    static _Atomic int running;
    pthread_t id;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&id, NULL, sign_for_ever, &running) != 0) {
            return false;
        }
        (void)pthread_detach(id);
    }
    while (atomic_load(&running) < THREADS) { /* LIMIT_S ends it */
        (void)usleep(1000);
    }
    return true;
}

static int exit_while_threads_sign(void)
{
    enter();
    return start_threads() ? 0 : 1;
}

static int finalize_and_exit_while_threads_sign(void)
{
    enter();
    if (!start_threads()) {
        return 1;
    }
    return guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 2;
}

/* --- parts: pkcs11-provider on the same module ------------------------------------------------ */

static EVP_PKEY *load_uri(const char *uri)
{
    EVP_PKEY *key = NULL;
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    while (store != NULL && key == NULL && OSSL_STORE_eof(store) == 0) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info == NULL) {
            break;
        }
        int type = OSSL_STORE_INFO_get_type(info);
        if (type == OSSL_STORE_INFO_PKEY) {
            key = OSSL_STORE_INFO_get1_PKEY(info);
        } else if (type == OSSL_STORE_INFO_PUBKEY) {
            key = OSSL_STORE_INFO_get1_PUBKEY(info);
        }
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return key;
}

/* Signs through the provider. */
static bool provider_signs(struct signature *ret_signature)
{
    size_t len = sizeof ret_signature->bytes;
    EVP_PKEY *key = load_uri(PRIVATE_URI);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = key != NULL && context != NULL &&
                EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(context, ret_signature->bytes, &len, message, sizeof message) == 1;
    ret_signature->len = len;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

static bool provider_works(void)
{
    struct signature signature;
    EVP_PKEY *key = load_uri(PUBLIC_URI);
    bool good = said(key != NULL, "loading the public key's URI") &&
                said(provider_signs(&signature), "signing through the provider") &&
                said(verifies_with(key, &signature), "verifying what the provider signed");
    EVP_PKEY_free(key);
    return good;
}

static int provider_alone(void)
{
    return provider_works() ? 0 : 1;
}

static int module_then_provider(void)
{
    enter();
    return both_work() && provider_works() && both_work() ? leave_all_open() : 1;
}

static int provider_then_module(void)
{
    if (!provider_works()) {
        return 1;
    }
    enter();
    return both_work() && provider_works() ? leave_all_open() : 2;
}

static int provider_and_exit_handlers(void)
{
    use_in_destructor = true;
    if (atexit(use_and_finalize) != 0) {
        return 1;
    }
    enter();
    return both_work() && provider_works() ? leave_all_open() : 2;
}

static int provider_and_threads(void)
{
    enter();
    return start_threads() && provider_works() ? 0 : 1;
}

/* Everything that can goes to the token: also what the module's own OpenSSL might ask for. */
static int provider_first_of_all(void)
{
    if (EVP_set_default_properties(NULL, "?provider=pkcs11") != 1) {
        return 1;
    }
    return module_then_provider();
}

/* Without a use of the provider in between: one that finds its sessions gone tries for ever. */
static int provider_and_finalize(void)
{
    enter();
    return provider_works() && guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 1;
}

/* --- running them ----------------------------------------------------------------------------- */

struct part {
    const char *name;
    int (*body)(void);
    int times;
};

/* clang-format off */
static const struct part parts[] = {
    {"the module alone, left open at exit", module_alone, 1},
    {"the application's OpenSSL begins after the module", openssl_after_the_module, 1},
    {"the application's OpenSSL begins before the module", openssl_before_the_module, 1},
    {"finalized and initialised again beside a living OpenSSL", finalized_and_again, 1},
    {"the application's error queue is its own", error_queue, 1},
    {"the application's default properties are its own", properties_of_its_own, 1},
    {"the application has the null provider only", providers_of_its_own, 1},
#ifndef OPENSSL_NO_ENGINE
    {"the application has an engine for everything", engine_of_its_own, 1},
#endif
    {"the application takes its random numbers from the module", random_numbers_from_the_module, 1},
    {"every call after OPENSSL_cleanup returns", cleaned_up_by_hand, 1},
    {"used and finalized by an exit handler after OpenSSL's", used_by_an_exit_handler, 1},
    {"used and finalized by an exit handler before OpenSSL's", used_by_an_early_exit_handler, 1},
    {"used and finalized by a destructor", used_by_a_destructor, 1},
    {"exit while threads sign", exit_while_threads_sign, 10},
    {"C_Finalize and exit while threads sign", finalize_and_exit_while_threads_sign, 10},
};

static const struct part provider_parts[] = {
    {"the provider alone", provider_alone, 1},
    {"the module, then the provider", module_then_provider, 1},
    {"the provider, then the module", provider_then_module, 1},
    {"the provider is preferred for everything", provider_first_of_all, 1},
    {"provider and module, used at exit", provider_and_exit_handlers, 1},
    {"the provider while threads sign, and exit", provider_and_threads, 5},
    {"the provider at the end, after C_Finalize of the application", provider_and_finalize, 1},
};
/* clang-format on */

/* In a child that ends as a program does, with every handler; 128 and the signal when it crashes.
 */
static int in_process(int (*body)(void))
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        (void)alarm(LIMIT_S);
        exit(body());
    }
    return pid > 0 ? guest_wait(pid) : 99;
}

static void run(const struct part *list, size_t count, const char *where)
{
    for (size_t i = 0; i < count; i++) {
        int code = 0;
        for (int times = 0; times < list[i].times && code == 0; times++) {
            code = in_process(list[i].body);
        }
        if (code != 0) {
            guest_note("ended with %d", code);
        }
        guest_ok(code == 0, "%s%s", list[i].name, where);
    }
}

/* OPENSSL_CONF of the parts to come: the provider, on the module. */
static void write_conf(const char *provider, const char *module, const char *more)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/openssl.cnf", guest_folder());
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        guest_bail("cannot write %s", path);
    }
    (void)fprintf(file,
                  "openssl_conf = first\nconfig_diagnostics = 1\n[first]\nproviders = all\n"
                  "[all]\ndefault = own\npkcs11 = token\n[own]\nactivate = 1\n"
                  "[token]\nmodule = %s\npkcs11-module-path = %s\n"
                  "pkcs11-module-token-pin = " GUEST_PIN "\n%sactivate = 1\n",
                  provider, module, more);
    (void)fclose(file);
    (void)setenv("OPENSSL_CONF", path, 1);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    guest_load(argv[1]);
    guest_ok(in_process(make_token) == 0, "a token is made");
    if (argc == 2) {
        run(parts, KK_ARRAY_LEN(parts), "");
        return guest_end();
    }
    write_conf(argv[2], argv[1], "");
    run(provider_parts, KK_ARRAY_LEN(provider_parts), "");
    write_conf(argv[2], argv[1], "pkcs11-module-load-behavior = early\n");
    run(provider_parts, KK_ARRAY_LEN(provider_parts), ", loaded early");
    return guest_end();
}
