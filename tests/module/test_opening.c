/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a token's size costs who opens it: C_Initialize reads no objects, C_Login decrypts none, and
 * finding one of many and using it touches that one. Reading an object allocates, so allocations
 * are counted (counted.h) on a token with few objects and on one with many. And memory is bounded
 * by cache.objects, not by what was read.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counted.h"
#include "guest.h"

#define LABEL "opening"
#define FEW 20u
#define MANY 12000u
#define SLACK 400u /* allocations; MANY objects would take several each */
#define BUCKETS                                                                                    \
    4096u /* of the manifest: C_Login reads what it says of each, but not their rows               \
           */

static CK_BBOOL yes = CK_TRUE;

static void need(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        guest_bail("%s: %s", what, guest_code(rv));
    }
}

/* --- tokens ----------------------------------------------------------------------------------- */

struct secret {
    char label[16];
    CK_BYTE value[32];
    CK_ATTRIBUTE attributes[7];
};

static CK_KEYKIST_TEMPLATE fill(struct secret *secret, unsigned number)
{
    static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    static CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    int len = snprintf(secret->label, sizeof secret->label, "secret %u", number);
    memset(secret->value, 0x5a, sizeof secret->value);
    memcpy(secret->value, &number, sizeof number);
    const CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_LABEL, secret->label, (CK_ULONG)len},
        {CKA_VALUE, secret->value, sizeof secret->value},
    };
    memcpy(secret->attributes, attributes, sizeof attributes);
    return (CK_KEYKIST_TEMPLATE){secret->attributes, 7};
}

static void make_token(unsigned count)
{
    struct secret *secrets = calloc(count, sizeof *secrets);
    CK_KEYKIST_TEMPLATE *templates = calloc(count, sizeof *templates);
    CK_ULONG refused = 0;
    if (secrets == NULL || templates == NULL) {
        guest_bail("no memory");
    }
    for (unsigned i = 0; i < count; i++) {
        templates[i] = fill(&secrets[i], i);
    }
    guest_token_prepare(LABEL);
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    need(vendor->create_objects(session, templates, count, NULL, &refused), "create_objects");
    need(p11->C_Finalize(NULL), "C_Finalize");
    free(secrets);
    free(templates);
}

/* --- what opening takes ----------------------------------------------------------------------- */

struct cost {
    unsigned long initialize;
    unsigned long login;
    unsigned long use;
};

static CK_OBJECT_HANDLE find_label(CK_SESSION_HANDLE session, const char *label)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted = {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)};
    need(guest_find(session, &wanted, 1, &found, 1, &count), "C_FindObjects");
    if (count != 1) {
        guest_bail("%s is not found", label);
    }
    return found;
}

static void use(CK_SESSION_HANDLE session, const char *label)
{
    CK_BYTE mac[32];
    CK_ULONG len = sizeof mac;
    CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0};
    need(p11->C_SignInit(session, &mechanism, find_label(session, label)), "C_SignInit");
    need(p11->C_Sign(session, mac, 1, mac, &len), "C_Sign");
}

static struct cost open_once(void)
{
    struct cost cost;
    unsigned long start = counted_ours;
    need(p11->C_Initialize(NULL), "C_Initialize");
    cost.initialize = counted_ours - start;
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    start = counted_ours;
    need(guest_login(session, CKU_USER, GUEST_PIN), "C_Login");
    cost.login = counted_ours - start;
    start = counted_ours;
    use(session, "secret 7");
    cost.use = counted_ours - start;
    need(p11->C_Finalize(NULL), "C_Finalize");
    return cost;
}

/* The second time, when the process has what it needs once. */
static struct cost open_twice(const char *tokens)
{
    guest_use_tokens(tokens, "");
    (void)open_once();
    return open_once();
}

static void judge(const char *what, unsigned long few, unsigned long many, unsigned long slack)
{
    guest_ok(many <= few + slack, "%s costs the same with %u objects and with %u", what, FEW, MANY);
    guest_note("%lu and %lu allocations", few, many);
}

/* --- memory ----------------------------------------------------------------------------------- */

static size_t bytes_in_use(void)
{
#ifdef __GLIBC__
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* Bytes that are in use, more than before, when every object was looked at. */
static size_t look_at_all(const char *tokens, const char *settings)
{
    static CK_OBJECT_HANDLE found[MANY + 8];
    CK_ULONG count = 0;
    guest_use_tokens(tokens, settings);
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    size_t before = bytes_in_use();
    need(guest_find(session, NULL, 0, found, MANY + 8, &count), "C_FindObjects");
    guest_ok(count >= MANY, "all objects are found with %s", settings);
    for (CK_ULONG i = 0; i < count; i++) {
        char label[32];
        CK_ATTRIBUTE wanted = {CKA_LABEL, label, sizeof label};
        need(p11->C_GetAttributeValue(session, found[i], &wanted, 1), "C_GetAttributeValue");
    }
    size_t after = bytes_in_use();
    need(p11->C_Finalize(NULL), "C_Finalize");
    return after > before ? after - before : 0;
}

static void check_memory(const char *tokens)
{
    size_t small = look_at_all(tokens, "cache.objects = 64");
    size_t large = look_at_all(tokens, "cache.objects = 65536");
    guest_ok(2 * small < large, "cache.objects bounds what is kept of %u objects", MANY);
    guest_note("%zu KiB with 64, %zu KiB with 65536", small / 1024, large / 1024);
}

int main(int argc, char **argv)
{
    char few[4100];
    char many[4100];
    if (argc != 2) {
        guest_bail("usage: %s MODULE", argv[0]);
    }
    if (!counted_is_there()) {
        guest_skip_all("built with a sanitizer, or without glibc: nothing can be counted");
    }
    guest_load(argv[1]);
    counted_find_libcrypto();
    (void)snprintf(few, sizeof few, "%s/few", guest_folder());
    (void)snprintf(many, sizeof many, "%s/many", guest_folder());
    guest_use_tokens(few, "");
    make_token(FEW);
    guest_use_tokens(many, "");
    make_token(MANY);
    struct cost little = open_twice(few);
    struct cost much = open_twice(many);
    judge("C_Initialize", little.initialize, much.initialize, SLACK);
    judge("C_Login", little.login, much.login, SLACK + BUCKETS);
    judge("finding one and using it", little.use, much.use, SLACK);
    check_memory(many);
    return guest_end();
}
