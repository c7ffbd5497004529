/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a token with very many keys costs: to open it, to log in, to find one key and sign with it,
 * to do so with keys all over the token, to list them all, and to make and destroy keys among them.
 * scale.sh makes the token; its keys are called key-0000000 and so on, and make HMACs.
 *
 *   keykist-scale MODULE TOKEN-LABEL PIN COUNT
 *
 * Prints a line per figure. The exit status is 1 when a call fails or an object is missing.
 */
#include "cryptoki/pkcs11.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS 10000   /* looked for all over the token */
#define CHANGES 200  /* keys made and destroyed */
#define HANDLES 1000 /* fetched at once when all are listed */

static CK_FUNCTION_LIST *p11;
static CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
static CK_BBOOL yes = CK_TRUE;

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void must(const char *what, CK_RV rv)
{
    if (rv != CKR_OK) {
        fprintf(stderr, "keykist-scale: %s: 0x%lx\n", what, (unsigned long)rv);
        exit(1);
    }
}

static void figure(const char *what, double value, const char *unit)
{
    printf("%-44s %12.1f %s\n", what, value, unit);
}

/* Resident memory: its peak and what it is now, in MiB. */
static double memory_mib(const char *field)
{
    char line[256];
    double value = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            value = strtod(line + strlen(field), NULL) / 1024;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return value;
}

static void load(const char *module)
{
    CK_C_GetFunctionList get_list = NULL;
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) {
        *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    }
    if (get_list == NULL || get_list(&p11) != CKR_OK) {
        fprintf(stderr, "keykist-scale: %s is not a PKCS#11 module\n", module);
        exit(1);
    }
}

static CK_SLOT_ID slot_of(const char *label)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = sizeof slots / sizeof slots[0];
    must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, strlen(label)) == 0) {
            return slots[i];
        }
    }
    fprintf(stderr, "keykist-scale: there is no token \"%s\"\n", label);
    exit(1);
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, unsigned long number)
{
    char label[32];
    int len = snprintf(label, sizeof label, "key-%07lu", number);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &secret, sizeof secret},
                               {CKA_LABEL, label, (CK_ULONG)len}};
    must("C_FindObjectsInit", p11->C_FindObjectsInit(session, template, 2));
    must("C_FindObjects", p11->C_FindObjects(session, &key, 1, &count));
    must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    must(count == 1 ? label : "a key is missing", count == 1 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID);
    return key;
}

static void sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE data[] = "data";
    CK_BYTE mac[32];
    CK_ULONG len = sizeof mac;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    must("C_SignInit", p11->C_SignInit(session, &hmac, key));
    must("C_Sign", p11->C_Sign(session, data, sizeof data, mac, &len));
}

static void list_all(CK_SESSION_HANDLE session, unsigned long expected)
{
    static CK_OBJECT_HANDLE handles[HANDLES];
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &secret, sizeof secret}};
    CK_ULONG count = 0;
    unsigned long all = 0;
    double begun = now_ms();
    must("C_FindObjectsInit", p11->C_FindObjectsInit(session, template, 1));
    do {
        must("C_FindObjects", p11->C_FindObjects(session, handles, HANDLES, &count));
        all += count;
    } while (count > 0);
    must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    figure("handles of all", now_ms() - begun, "ms");
    must("the number of keys", all == expected ? CKR_OK : CKR_OBJECT_HANDLE_INVALID);
}

static void change(CK_SESSION_HANDLE session)
{
    CK_ULONG len = 32;
    CK_OBJECT_HANDLE keys[CHANGES];
    CK_MECHANISM generate = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_VALUE_LEN, &len, sizeof len}};
    double begun = now_ms();
    for (size_t i = 0; i < CHANGES; i++) {
        must("C_GenerateKey", p11->C_GenerateKey(session, &generate, template, 2, &keys[i]));
    }
    double made = now_ms();
    for (size_t i = 0; i < CHANGES; i++) {
        must("C_DestroyObject", p11->C_DestroyObject(session, keys[i]));
    }
    figure("keys made durably", CHANGES * 1e3 / (made - begun), "/s");
    figure("keys destroyed durably", CHANGES * 1e3 / (now_ms() - made), "/s");
}

int main(int argc, char **argv)
{
    CK_SESSION_HANDLE session = 0;
    if (argc != 5) {
        fprintf(stderr, "Usage: keykist-scale MODULE TOKEN-LABEL PIN COUNT\n");
        return 2;
    }
    unsigned long count = strtoul(argv[4], NULL, 10);
    double begun = now_ms();
    load(argv[1]);
    must("C_Initialize", p11->C_Initialize(NULL));
    CK_SLOT_ID slot = slot_of(argv[2]);
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    must("C_OpenSession", p11->C_OpenSession(slot, flags, NULL, NULL, &session));
    double opened = now_ms();
    must("C_Login",
         p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)argv[3], (CK_ULONG)strlen(argv[3])));
    double logged_in = now_ms();
    sign(session, find(session, count / 2));
    double found = now_ms();
    figure("C_Initialize to C_OpenSession", opened - begun, "ms");
    figure("C_Login, with the PIN's KDF", logged_in - opened, "ms");
    figure("find one by label and sign", found - logged_in, "ms");
    figure("resident memory then", memory_mib("VmRSS:"), "MiB");
    for (unsigned long i = 0; i < KEYS; i++) {
        sign(session, find(session, i * 7919 % count));
    }
    figure("find another one by label and sign", KEYS * 1e3 / (now_ms() - found), "/s");
    figure("resident memory then", memory_mib("VmRSS:"), "MiB");
    change(session);
    list_all(session, count);
    figure("resident memory at its peak", memory_mib("VmHWM:"), "MiB");
    must("C_Finalize", p11->C_Finalize(NULL));
    return 0;
}
