/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log as a program meets it: each use of a key leaves its entry, threads and processes
 * write one chain, and what cannot be logged is refused before anything is given out.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cryptoki/vendor.h"
#include "guest.h"

#define LABEL "audited"
#define THREADS 4
#define USES 200

static char log_path[4400];

/* ---- the log ---- */

static void configure(const char *line)
{
    FILE *file = fopen(getenv("SOFTHSM2_CONF"), "a");
    if (file == NULL || fprintf(file, "%s\n", line) < 0 || fclose(file) != 0) {
        guest_bail("cannot write the configuration");
    }
}

/* The log of the one token that there is. */
static void find_log(void)
{
    char tokens[4200];
    (void)snprintf(tokens, sizeof tokens, "%s/tokens", guest_folder());
    DIR *dir = opendir(tokens);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(log_path, sizeof log_path, "%s/%.100s/audit.log", tokens, entry->d_name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static long log_size(void)
{
    struct stat status;
    return stat(log_path, &status) == 0 ? (long)status.st_size : -1;
}

/* How often the log has this text from `from` on. */
static unsigned count(long from, const char *text)
{
    static char bytes[4 << 20];
    unsigned found = 0;
    FILE *file = fopen(log_path, "r");
    if (file == NULL || fseek(file, from, SEEK_SET) != 0) {
        guest_bail("cannot read %s", log_path);
    }
    bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
    (void)fclose(file);
    for (const char *at = bytes; (at = strstr(at, text)) != NULL; at++) {
        found++;
    }
    return found;
}

static void expect_one(long from, const char *event)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"event\":\"%s\",\"user\":\"user\"", event);
    unsigned found = count(from, text);
    guest_ok(found == 1, "%s leaves an entry", event);
    if (found != 1) {
        guest_note("%u were found", found);
    }
}

static bool is_sound(CK_SESSION_HANDLE session)
{
    CK_KEYKIST_AUDIT_REPORT report = {0};
    if (!guest_fine(vendor->audit_verify(session, &report), "audit_verify")) {
        return false;
    }
    if ((report.flags & CKF_KEYKIST_AUDIT_BROKEN) != 0) {
        guest_note("entry %lu: %.160s", report.break_at, (const char *)report.what);
    }
    return report.flags == (CKF_KEYKIST_AUDIT_PRESENT | CKF_KEYKIST_AUDIT_KEYED) &&
           report.sealed == report.last && report.tail == 0;
}

/* ---- keys ---- */

static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session, CK_BBOOL token)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG len = 32;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BYTE loud[] = "loud";
    CK_ATTRIBUTE tmpl[] = {
        {CKA_TOKEN, &token, sizeof token}, {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &no, sizeof no},   {CKA_EXTRACTABLE, &yes, sizeof yes},
        {CKA_ENCRYPT, &yes, sizeof yes},   {CKA_WRAP, &yes, sizeof yes},
        {CKA_UNWRAP, &yes, sizeof yes},    {CKA_LABEL, loud, 4},
        {CKA_VALUE_LEN, &len, sizeof len},
    };
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    (void)guest_fine(
        p11->C_GenerateKey(session, &mechanism, tmpl, sizeof tmpl / sizeof tmpl[0], &key),
        "C_GenerateKey");
    return key;
}

static CK_RV encrypt_by(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    CK_BYTE block[16] = {0};
    CK_ULONG len = sizeof block;
    CK_RV rv = p11->C_EncryptInit(session, &mechanism, key);
    return rv == CKR_OK ? p11->C_Encrypt(session, block, sizeof block, block, &len) : rv;
}

static CK_RV wrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *len)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    return p11->C_WrapKey(session, &mechanism, key, key, out, len);
}

static CK_RV unwrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG len)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE tmpl[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE unwrapped = CK_INVALID_HANDLE;
    return p11->C_UnwrapKey(session, &mechanism, key, wrapped, len, tmpl, 2, &unwrapped);
}

static CK_RV export(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE value[32])
{
    CK_ATTRIBUTE wanted = {CKA_VALUE, value, 32};
    return p11->C_GetAttributeValue(session, key, &wanted, 1);
}

/* ---- tests ---- */

static void test_each_use_leaves_an_entry(CK_SESSION_HANDLE session)
{
    CK_BYTE wrapped[64];
    CK_ULONG len = sizeof wrapped;
    CK_BYTE value[32];
    CK_BYTE label[] = "quiet";
    CK_ATTRIBUTE changed = {CKA_LABEL, label, sizeof label - 1};
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    long from = log_size();
    CK_OBJECT_HANDLE key = make_key(session, CK_TRUE);
    expect_one(from, "generate");
    (void)guest_fine(encrypt_by(session, key), "C_Encrypt");
    expect_one(from, "encrypt");
    (void)guest_fine(wrap(session, key, NULL, &len), "C_WrapKey, the length");
    guest_ok(count(from, "\"event\":\"wrap\"") == 0, "asking for a length leaves none");
    (void)guest_fine(wrap(session, key, wrapped, &len), "C_WrapKey");
    expect_one(from, "wrap");
    (void)guest_fine(unwrap(session, key, wrapped, len), "C_UnwrapKey");
    expect_one(from, "unwrap");
    (void)guest_fine(export(session, key, value), "C_GetAttributeValue");
    expect_one(from, "export");
    (void)guest_fine(p11->C_SetAttributeValue(session, key, &changed, 1), "C_SetAttributeValue");
    expect_one(from, "modify");
    (void)guest_fine(p11->C_CopyObject(session, key, NULL, 0, &copy), "C_CopyObject");
    expect_one(from, "copy");
    (void)guest_fine(p11->C_DestroyObject(session, copy), "C_DestroyObject");
    expect_one(from, "destroy");
    guest_ok(count(from, "\"label\":\"loud\"") >= 3 && count(from, "\"label\":\"quiet\"") >= 2,
             "entries name the key");
    guest_ok(count(from, "\"mechanism\":\"CKM_AES_KEY_WRAP\"") == 2, "... and the mechanism");
    guest_ok(is_sound(session), "the log is sound, and sealed");
}

struct worker {
    CK_SLOT_ID slot;
    CK_OBJECT_HANDLE key;
    bool good;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    CK_SESSION_HANDLE session = guest_session(worker->slot);
    worker->good = session != 0;
    for (int i = 0; i < USES && worker->good; i++) {
        worker->good = guest_fine(encrypt_by(session, worker->key), "C_Encrypt in a thread");
    }
    return NULL;
}

static int work_in_child(void *argument)
{
    (void)argument;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    CK_OBJECT_HANDLE key = make_key(session, CK_FALSE);
    for (int i = 0; i < USES; i++) {
        if (encrypt_by(session, key) != CKR_OK) {
            return 1;
        }
    }
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 2;
}

static void test_all_write_one_chain(CK_SESSION_HANDLE session)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    long from = log_size();
    CK_OBJECT_HANDLE key = make_key(session, CK_TRUE);
    pid_t child = guest_fork(work_in_child, NULL);
    bool good = true;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.slot = guest_token_find(LABEL), .key = key};
        good = pthread_create(&threads[i], NULL, work, &workers[i]) == 0 && good;
    }
    for (int i = 0; i < THREADS; i++) {
        good = pthread_join(threads[i], NULL) == 0 && workers[i].good && good;
    }
    good = guest_wait(child) == 0 && good;
    guest_ok(good, "threads and another process use keys at once");
    guest_ok(count(from, "\"event\":\"encrypt\"") == (THREADS + 1) * USES, "no entry is missing");
    guest_ok(is_sound(session), "the log is sound, and sealed");
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0) {
        limit.rlim_cur = size;
        (void)setrlimit(RLIMIT_FSIZE, &limit);
    }
}

static bool refused(CK_RV rv, const char *what)
{
    if (rv != CKR_DEVICE_MEMORY) {
        guest_note("%s: %s", what, guest_code(rv));
    }
    return rv == CKR_DEVICE_MEMORY;
}

static void test_what_cannot_be_logged_is_refused(CK_SESSION_HANDLE session)
{
    static const CK_BYTE untouched[64] = {0};
    CK_BYTE wrapped[64] = {0};
    CK_ULONG len = sizeof wrapped;
    CK_BYTE value[32] = {0};
    CK_BYTE block[16] = {0};
    CK_ULONG block_len = sizeof block;
    CK_OBJECT_HANDLE key = make_key(session, CK_TRUE);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files((rlim_t)log_size() + 50);
    guest_ok(refused(encrypt_by(session, key), "C_EncryptInit"), "full: a use is refused");
    guest_ok(p11->C_Encrypt(session, block, sizeof block, block, &block_len) ==
                 CKR_OPERATION_NOT_INITIALIZED,
             "... and nothing has begun");
    guest_ok(refused(wrap(session, key, wrapped, &len), "C_WrapKey"), "full: wrapping is refused");
    guest_ok(refused(export(session, key, value), "C_GetAttributeValue"),
             "full: export is refused");
    guest_ok(memcmp(wrapped, untouched, sizeof wrapped) == 0 &&
                 memcmp(value, untouched, sizeof value) == 0,
             "... and nothing was given out");
    limit_files(RLIM_INFINITY);
    guest_ok(guest_fine(encrypt_by(session, key), "C_Encrypt"), "with room again it works");
    guest_ok(is_sound(session), "the log is sound, and sealed");
}

int main(int argc, char **argv)
{
    (void)argc;
    configure("audit.log = on");
    guest_load(argv[1]);
    guest_token_prepare(LABEL);
    find_log();
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    guest_ok(vendor != NULL, "the vendor interface has what is needed");
    test_each_use_leaves_an_entry(session);
    test_all_write_one_chain(session);
    test_what_cannot_be_logged_is_refused(session);
    (void)guest_fine(p11->C_Finalize(NULL), "C_Finalize");
    return guest_end();
}
