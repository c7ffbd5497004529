/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fault and process tests share.
 */
#include "guest.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cryptoki/names.h"
#include "tests/sanitizers.h"

CK_FUNCTION_LIST *p11;
CK_KEYKIST_FUNCTIONS *vendor;

static int lines;
static int failures;

/* --- TAP -------------------------------------------------------------------------------------- */

void guest_ok(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%sok %d - ", good ? "" : "not ", ++lines);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    failures += !good;
    (void)fflush(stdout);
}

void guest_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("# ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    (void)fflush(stdout);
}

void guest_skip_all(const char *reason)
{
    printf("1..0 # SKIP %s\n", reason);
    exit(0);
}

void guest_bail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("Bail out! ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(1);
}

int guest_end(void)
{
    printf("1..%d\n", lines);
    return failures == 0 ? 0 : 1;
}

const char *guest_code(CK_RV rv)
{
    const char *name = kk_names_find(KK_NAMES_CKR, rv);
    return name != NULL ? name : "a code without a name";
}

bool guest_fine(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        guest_note("%s: %s", what, guest_code(rv));
    }
    return rv == CKR_OK;
}

/* --- the machine ------------------------------------------------------------------------------ */

double guest_seconds(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

void guest_sleep_ms(double ms)
{
    struct timespec span = {.tv_sec = (time_t)(ms / 1000)};
    span.tv_nsec = (long)((ms - (double)span.tv_sec * 1000) * 1e6);
    (void)nanosleep(&span, NULL);
}

/* One sequence per process (splitmix64); a child's follows from its parent's and from how many
 * children that had before. */
static _Atomic uint64_t random_state;
static uint64_t forks;

static uint64_t mixed(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

static void seed_random(void)
{
    const char *given = getenv("KEYKIST_FAULT_SEED");
    uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : 0;
    if (given == NULL && getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        guest_bail("no random numbers");
    }
    guest_note("seed %u (KEYKIST_FAULT_SEED=%u does the same again)", seed, seed);
    atomic_store(&random_state, mixed(seed));
}

uint32_t guest_random(uint32_t below)
{
    uint64_t next = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15U);
    return (uint32_t)(mixed(next) >> 32) % below;
}

void guest_count(const char *what, unsigned long count)
{
    guest_note("count %s %lu", what, count);
}

unsigned guest_amount(unsigned normal, unsigned many)
{
    return getenv("KEYKIST_LONG_TESTS") != NULL ? many : normal;
}

bool guest_is_slow(void)
{
#if KK_SANITIZED
    return true;
#else
    return false;
#endif
}

const char *guest_folder(void)
{
    static char folder[4096];
    const char *conf = getenv("SOFTHSM2_CONF");
    const char *end = conf != NULL ? strrchr(conf, '/') : NULL;
    if (end == NULL || strlen(conf) >= sizeof folder) {
        guest_bail("SOFTHSM2_CONF names no file: run this with with_conf.sh");
    }
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(end - conf), conf);
    return folder;
}

pid_t guest_fork(int (*body)(void *), void *argument)
{
    (void)fflush(stdout);
    uint64_t child_state = mixed(atomic_load(&random_state) + ++forks);
    pid_t pid = fork();
    if (pid < 0) {
        guest_bail("cannot fork");
    }
    if (pid == 0) {
        forks = 0;
        atomic_store(&random_state, child_state);
        int code = body(argument);
        (void)fflush(stdout);
        _exit(code);
    }
    return pid;
}

int guest_wait(pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) {
        guest_bail("cannot wait for a child");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- kinds of repositories -------------------------------------------------------------------- */

static const char *const sealed_volatile[] = {"change", "keykist.db-shm", "write.lock",
                                              "tries.lock", NULL};
static const char *const softhsm2_volatile[] = {"token.lock", "generation", NULL};

static const struct guest_kind kinds[] = {
    {.name = "sealed",
     .conf = "objectstore.backend = sqlite",
     .lists_damage = true,
     .pairs_whole = true,
     .stays_unsynced = true,
     .volatile_files = sealed_volatile},
    {.name = "softhsm2",
     .conf = "objectstore.backend = file",
     .lists_damage = false,
     .volatile_files = softhsm2_volatile},
};

const struct guest_kind *guest_kind(void)
{
    const char *name = getenv("KEYKIST_FAULT_KIND");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (name == NULL || strcmp(name, kinds[i].name) == 0) {
            return &kinds[i];
        }
    }
    guest_bail("KEYKIST_FAULT_KIND=%s: no such kind of repository", name);
}

void guest_use_tokens(const char *tokens, const char *settings)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/used.conf", guest_folder());
    if (mkdir(tokens, 0700) != 0 && access(tokens, W_OK) != 0) {
        guest_bail("cannot make %s", tokens);
    }
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        guest_bail("cannot write a configuration");
    }
    (void)fprintf(file,
                  "directories.tokendir = %s\nlog.target = file\nlog.file = %s/log\n"
                  "pin.kdf = test\n%s\n%s\n",
                  tokens, guest_folder(), guest_kind()->conf, settings);
    (void)fclose(file);
    (void)setenv("SOFTHSM2_CONF", path, 1);
}

/* --- tokens ----------------------------------------------------------------------------------- */

void guest_load(const char *path)
{
    seed_random();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    CK_RV (*get_interface)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = NULL;
    CK_UTF8CHAR name[] = KK_VENDOR_INTERFACE;
    CK_INTERFACE *interface = NULL;
    if (library != NULL) {
        *(void **)&get = dlsym(library, "C_GetFunctionList");
        *(void **)&get_interface = dlsym(library, "C_GetInterface");
    }
    if (get == NULL || get(&p11) != CKR_OK) {
        guest_bail("cannot load %s", path);
    }
    if (get_interface != NULL && get_interface(name, NULL, &interface, 0) == CKR_OK) {
        vendor = interface->pFunctionList;
    }
}

static void pad_label(const char *label, CK_UTF8CHAR out[32])
{
    memset(out, ' ', 32);
    memcpy(out, label, strlen(label));
}

/* A long run makes a token per call that it lets fail. */
#define SLOTS_MAX 16384

/* The slot of the first token whose information `fits`. */
static CK_SLOT_ID find_slot(bool (*fits)(const CK_TOKEN_INFO *, const void *), const void *context)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_TOKEN_INFO info;
    if (p11->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK || count > SLOTS_MAX ||
        p11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) {
        return GUEST_NO_SLOT;
    }
    for (CK_ULONG i = 0; i < count; i++) {
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && fits(&info, context)) {
            return slots[i];
        }
    }
    return GUEST_NO_SLOT;
}

static bool is_labelled(const CK_TOKEN_INFO *info, const void *label)
{
    return (info->flags & CKF_TOKEN_INITIALIZED) != 0 && memcmp(info->label, label, 32) == 0;
}

static bool is_blank(const CK_TOKEN_INFO *info, const void *context)
{
    (void)context;
    return (info->flags & CKF_TOKEN_INITIALIZED) == 0;
}

CK_SLOT_ID guest_token_find(const char *label)
{
    CK_UTF8CHAR padded[32];
    pad_label(label, padded);
    return find_slot(is_labelled, padded);
}

CK_SLOT_ID guest_slot_blank(void)
{
    return find_slot(is_blank, NULL);
}

CK_SESSION_HANDLE guest_session(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    return guest_fine(rv, "C_OpenSession") ? session : 0;
}

CK_RV guest_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
    return p11->C_Login(session, user, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

CK_SLOT_ID guest_token_make(const char *label)
{
    CK_UTF8CHAR padded[32];
    CK_UTF8CHAR so_pin[] = GUEST_SO_PIN;
    CK_UTF8CHAR pin[] = GUEST_PIN;
    pad_label(label, padded);
    CK_SLOT_ID slot = guest_slot_blank();
    if (!guest_fine(p11->C_InitToken(slot, so_pin, sizeof so_pin - 1, padded), "C_InitToken")) {
        return GUEST_NO_SLOT;
    }
    CK_SESSION_HANDLE session = guest_session(slot);
    bool good = guest_fine(guest_login(session, CKU_SO, GUEST_SO_PIN), "C_Login of the SO") &&
                guest_fine(p11->C_InitPIN(session, pin, sizeof pin - 1), "C_InitPIN") &&
                guest_fine(p11->C_CloseSession(session), "C_CloseSession");
    return good ? slot : GUEST_NO_SLOT;
}

CK_SESSION_HANDLE guest_enter(const char *label)
{
    CK_SESSION_HANDLE session = 0;
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        _exit(90);
    }
    session = guest_session(guest_token_find(label));
    if (session == 0 || !guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login")) {
        (void)fflush(stdout);
        _exit(91);
    }
    return session;
}

/* --- keys ------------------------------------------------------------------------------------- */

static const char digits[] = "0123456789abcdef";

static CK_RV first_block(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, char text[33])
{
    CK_BYTE block[16] = {0};
    CK_ULONG len = sizeof block;
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    CK_RV rv = p11->C_EncryptInit(session, &mechanism, key);
    if (rv == CKR_OK) {
        rv = p11->C_Encrypt(session, block, sizeof block, block, &len);
    }
    for (size_t i = 0; i < sizeof block; i++) {
        text[2 * i] = digits[block[i] >> 4];
        text[2 * i + 1] = digits[block[i] & 15];
    }
    text[32] = '\0';
    return rv;
}

CK_RV guest_key_make(CK_SESSION_HANDLE session, const uint8_t id[GUEST_ID_SIZE],
                     CK_OBJECT_HANDLE *ret_key)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG len = 32;
    CK_OBJECT_HANDLE draft = 0;
    char text[33];
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_ENCRYPT, &yes, sizeof yes},   {CKA_VALUE_LEN, &len, sizeof len},
        {CKA_SENSITIVE, &yes, sizeof yes},
    };
    CK_ATTRIBUTE named[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_ID, (void *)(uintptr_t)id, GUEST_ID_SIZE},
        {CKA_LABEL, text, 32},
    };
    CK_RV rv = p11->C_GenerateKey(session, &mechanism, template, 5, &draft);
    rv = rv == CKR_OK ? first_block(session, draft, text) : rv;
    rv = rv == CKR_OK ? p11->C_CopyObject(session, draft, named, 3, ret_key) : rv;
    if (draft != 0) {
        (void)p11->C_DestroyObject(session, draft);
    }
    return rv;
}

bool guest_key_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    char text[33];
    char label[64];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    return guest_fine(p11->C_GetAttributeValue(session, key, &attribute, 1), "reading a label") &&
           guest_fine(first_block(session, key, text), "encrypting") &&
           attribute.ulValueLen >= 32 && memcmp(text, label, 32) == 0;
}

CK_RV guest_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
                 CK_OBJECT_HANDLE *found, CK_ULONG room, CK_ULONG *ret_count)
{
    CK_RV rv = p11->C_FindObjectsInit(session, attributes, count);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = p11->C_FindObjects(session, found, room, ret_count);
    CK_RV end = p11->C_FindObjectsFinal(session);
    return rv != CKR_OK ? rv : end;
}

/* --- children --------------------------------------------------------------------------------- */

static int prepare(void *label)
{
    uint8_t id[GUEST_ID_SIZE] = {1};
    CK_OBJECT_HANDLE key = 0;
    if (p11->C_Initialize(NULL) != CKR_OK || guest_token_make(label) == GUEST_NO_SLOT ||
        p11->C_Finalize(NULL) != CKR_OK) {
        return 1;
    }
    CK_SESSION_HANDLE session = guest_enter(label);
    return guest_fine(guest_key_make(session, id, &key), "a first key") ? 0 : 1;
}

void guest_token_prepare(const char *label)
{
    if (guest_wait(guest_fork(prepare, (void *)(uintptr_t)label)) != 0) {
        guest_bail("cannot make a token");
    }
}

struct pin_try {
    const char *label;
    CK_USER_TYPE user;
    const char *pin;
};

static int try_pin(void *argument)
{
    const struct pin_try *pin_try = argument;
    CK_OBJECT_HANDLE found[4];
    CK_ULONG count = 0;
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(pin_try->label));
    CK_RV rv = guest_login(session, pin_try->user, pin_try->pin);
    if (rv == CKR_PIN_INCORRECT) {
        return 1;
    }
    if (!guest_fine(rv, "C_Login")) {
        return 2;
    }
    if (pin_try->user == CKU_SO) {
        return 0;
    }
    rv = guest_find(session, NULL, 0, found, 4, &count);
    for (CK_ULONG i = 0; i < count; i++) {
        if (!guest_key_whole(session, found[i])) {
            return 3;
        }
    }
    return guest_fine(rv, "finding") && count > 0 ? 0 : 4;
}

int guest_pin_opens(const char *label, CK_USER_TYPE user, const char *pin)
{
    struct pin_try pin_try = {label, user, pin};
    return guest_wait(guest_fork(try_pin, &pin_try));
}
