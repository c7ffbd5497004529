/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A long key generation in one session delays no other. While one thread generates RSA keys,
 * another works in a session of its own; each kind of its calls must begin and end within each
 * generation, many times. How long calls take is not looked at: that says more of the machine. Were
 * one of them to wait for the generation, it would not be counted even once.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "guest.h"

#define LABEL "delay"
#define GENERATIONS 3u
#define LEAST 3u /* calls of each kind within one generation */
#define BITS 4096u

static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

/* Odd while a generation is under way, and never the same again: a call that finds the same odd
 * number before and after took place within it. */
static atomic_uint stage;
static atomic_uint generation; /* which of them */
static atomic_bool is_over;

/* --- who works meanwhile ---------------------------------------------------------------------- */

static CK_RV sign(CK_SESSION_HANDLE session)
{
    CK_BYTE hash[32] = {1};
    CK_BYTE signature[64];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_RV rv = p11->C_SignInit(session, &mechanism, key);
    return rv != CKR_OK ? rv : p11->C_Sign(session, hash, sizeof hash, signature, &len);
}

static CK_RV read_attribute(CK_SESSION_HANDLE session)
{
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE wanted = {CKA_KEY_TYPE, &type, sizeof type};
    return p11->C_GetAttributeValue(session, key, &wanted, 1);
}

static CK_RV find(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE found[4];
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted = {CKA_LABEL, (void *)"signer", 6};
    return guest_find(session, &wanted, 1, found, 4, &count);
}

static CK_RV open_session(CK_SESSION_HANDLE session)
{
    (void)session;
    CK_SESSION_HANDLE another = 0;
    CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &another);
    return rv != CKR_OK ? rv : p11->C_CloseSession(another);
}

static CK_RV make_object(CK_SESSION_HANDLE session, CK_BBOOL *on_token)
{
    CK_OBJECT_HANDLE object = 0;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, on_token, sizeof *on_token}};
    CK_RV rv = p11->C_CreateObject(session, template, 2, &object);
    return rv != CKR_OK ? rv : p11->C_DestroyObject(session, object);
}

static CK_RV make_session_object(CK_SESSION_HANDLE session)
{
    return make_object(session, &no);
}

static CK_RV make_token_object(CK_SESSION_HANDLE session)
{
    return make_object(session, &yes);
}

static CK_RV generate_key(CK_SESSION_HANDLE session)
{
    CK_ULONG len = 32;
    CK_OBJECT_HANDLE made = 0;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {{CKA_VALUE_LEN, &len, sizeof len}};
    CK_RV rv = p11->C_GenerateKey(session, &mechanism, template, 1, &made);
    return rv != CKR_OK ? rv : p11->C_DestroyObject(session, made);
}

static CK_RV read_token(CK_SESSION_HANDLE session)
{
    (void)session;
    CK_TOKEN_INFO info;
    return p11->C_GetTokenInfo(slot, &info);
}

struct kind {
    const char *title;
    CK_RV (*call)(CK_SESSION_HANDLE session);
    atomic_uint within[GENERATIONS]; /* calls that took place within a generation */
};

static struct kind kinds[] = {
    {"signatures", sign, {0}},
    {"reads of an attribute", read_attribute, {0}},
    {"searches", find, {0}},
    {"sessions", open_session, {0}},
    {"session objects", make_session_object, {0}},
    {"token objects", make_token_object, {0}},
    {"generations of AES keys", generate_key, {0}},
    {"looks at the token", read_token, {0}},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static void *work(void *context)
{
    CK_RV *rv = context;
    CK_SESSION_HANDLE session = guest_session(slot);
    for (size_t i = 0; *rv == CKR_OK && !atomic_load(&is_over); i = (i + 1) % KINDS) {
        unsigned before = atomic_load(&stage);
        *rv = kinds[i].call(session);
        if (before % 2 != 0 && atomic_load(&stage) == before) {
            atomic_fetch_add(&kinds[i].within[atomic_load(&generation)], 1);
        }
    }
    (void)p11->C_CloseSession(session);
    return NULL;
}

/* --- who generates ---------------------------------------------------------------------------- */

static CK_RV generate_pair(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE domain,
                           CK_BBOOL *on_token, CK_OBJECT_HANDLE pair[2])
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, on_token, sizeof *on_token}, {CKA_VERIFY, &yes, sizeof yes}, domain};
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, on_token, sizeof *on_token},
                               {CKA_SIGN, &yes, sizeof yes},
                               {CKA_LABEL, (void *)"signer", 6}};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, 3, template, 3, &pair[0],
                                  &pair[1]);
}

static void make_signer(CK_SESSION_HANDLE session)
{
    CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_OBJECT_HANDLE pair[2];
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, p256, sizeof p256};
    if (!guest_fine(generate_pair(session, CKM_EC_KEY_PAIR_GEN, curve, &yes, pair), "the signer")) {
        guest_bail("no key");
    }
    key = pair[1];
}

/* Ones that end too soon for three rounds of the other's calls say nothing: they are made again. */
static bool is_long_enough(unsigned number)
{
    unsigned calls = 0;
    for (size_t i = 0; i < KINDS; i++) {
        calls += atomic_load(&kinds[i].within[number]);
    }
    return calls > 2 * LEAST * KINDS;
}

static CK_RV generate(CK_SESSION_HANDLE session, unsigned number)
{
    CK_ULONG bits = BITS;
    CK_OBJECT_HANDLE pair[2] = {0, 0};
    CK_ATTRIBUTE modulus = {CKA_MODULUS_BITS, &bits, sizeof bits};
    CK_RV rv = CKR_OK;
    for (unsigned try = 0; rv == CKR_OK && try < 8 && !is_long_enough(number); try++) {
        atomic_store(&generation, number);
        atomic_fetch_add(&stage, 1);
        rv = generate_pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, modulus, number == 0 ? &yes : &no,
                           pair);
        atomic_fetch_add(&stage, 1);
    }
    return rv;
}

static void judge(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        bool good = true;
        for (unsigned n = 0; n < GENERATIONS; n++) {
            good = good && atomic_load(&kinds[i].within[n]) >= LEAST;
        }
        guest_ok(good, "%s go on", kinds[i].title);
        guest_note("%u, %u, %u", atomic_load(&kinds[i].within[0]), atomic_load(&kinds[i].within[1]),
                   atomic_load(&kinds[i].within[2]));
    }
}

int main(int argc, char **argv)
{
    pthread_t worker;
    CK_RV worked = CKR_OK;
    CK_RV rv = CKR_OK;
    if (argc != 2) {
        guest_bail("usage: %s MODULE", argv[0]);
    }
    guest_load(argv[1]);
    guest_token_prepare(LABEL);
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    slot = guest_token_find(LABEL);
    make_signer(session);
    if (pthread_create(&worker, NULL, work, &worked) != 0) {
        guest_bail("no thread");
    }
    for (unsigned n = 0; rv == CKR_OK && n < GENERATIONS; n++) {
        rv = generate(session, n);
    }
    atomic_store(&is_over, true);
    pthread_join(worker, NULL);
    guest_ok(guest_fine(rv, "C_GenerateKeyPair"), "RSA keys of %u bits are generated", BITS);
    guest_ok(guest_fine(worked, "the other's calls"), "while another session works");
    judge();
    (void)p11->C_Finalize(NULL);
    return guest_end();
}
