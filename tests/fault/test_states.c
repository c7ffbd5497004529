/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private HSS keys that are brought back, from a backup or by a repair, sign no more: nobody knows
 * how many of their leaves were used since. New master keys leave them as they are, and no token
 * that SoftHSM works on takes them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "states"
#define PASSPHRASE "correct horse battery"
#define BYTES(text) {(const CK_BYTE *)(text), sizeof(text) - 1}

static char file[4200];
static CK_OBJECT_HANDLE private_key, public_key;

/* ---- the key ---- */

static CK_RV make_key(CK_SESSION_HANDLE session, CK_BBOOL is_token)
{
    CK_ULONG levels = 1;
    CK_ULONG lms = 5;
    CK_ULONG lmots = 2;
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {CKM_HSS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {{CKA_TOKEN, &is_token, sizeof is_token},
                                      {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE private_template[] = {{CKA_TOKEN, &is_token, sizeof is_token},
                                       {CKA_PRIVATE, &yes, sizeof yes},
                                       {CKA_SIGN, &yes, sizeof yes},
                                       {CKA_HSS_LEVELS, &levels, sizeof levels},
                                       {CKA_HSS_LMS_TYPES, &lms, sizeof lms},
                                       {CKA_HSS_LMOTS_TYPES, &lmots, sizeof lmots}};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, 2, private_template, 6,
                                  &public_key, &private_key);
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class)
{
    CK_KEY_TYPE type = CKK_HSS;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class},
                             {CKA_KEY_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    return guest_fine(guest_find(session, wanted, 2, &found, 1, &count), "a search") && count == 1
               ? found
               : 0;
}

static CK_ULONG left(CK_SESSION_HANDLE session)
{
    CK_ULONG number = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE attribute = {CKA_HSS_KEYS_REMAINING, &number, sizeof number};
    (void)guest_fine(p11->C_GetAttributeValue(session, private_key, &attribute, 1),
                     "CKA_HSS_KEYS_REMAINING");
    return number;
}

/* A signature that the public key verifies. */
static CK_RV sign(CK_SESSION_HANDLE session)
{
    CK_MECHANISM mechanism = {CKM_HSS, NULL, 0};
    static uint8_t text[] = "text";
    static uint8_t signature[8192];
    CK_ULONG len = sizeof signature;
    CK_RV rv = p11->C_SignInit(session, &mechanism, private_key);
    rv = rv == CKR_OK ? p11->C_Sign(session, text, sizeof text, signature, &len) : rv;
    rv = rv == CKR_OK ? p11->C_VerifyInit(session, &mechanism, public_key) : rv;
    return rv == CKR_OK ? p11->C_Verify(session, text, sizeof text, signature, len) : rv;
}

/* In a process of its own: what is told of the key, and whether it signs. */
struct wanted {
    CK_ULONG before, after;
    CK_RV rv;
};

static int look(void *argument)
{
    const struct wanted *wanted = argument;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    private_key = find(session, CKO_PRIVATE_KEY);
    public_key = find(session, CKO_PUBLIC_KEY);
    CK_ULONG before = left(session);
    CK_RV rv = sign(session);
    CK_ULONG after = left(session);
    bool good = before == wanted->before && after == wanted->after && rv == wanted->rv;
    if (!good) {
        guest_note("%lu left, %s, %lu left", before, guest_code(rv), after);
    }
    return good ? 0 : 1;
}

static bool is_so(CK_ULONG before, CK_ULONG after, CK_RV rv)
{
    struct wanted wanted = {before, after, rv};
    return guest_wait(guest_fork(look, &wanted)) == 0;
}

/* A dead key's label may change; it stays dead. */
static int rename_key(void *unused)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    CK_ATTRIBUTE label = {CKA_LABEL, "dead", 4};
    (void)unused;
    private_key = find(session, CKO_PRIVATE_KEY);
    return guest_fine(p11->C_SetAttributeValue(session, private_key, &label, 1), "a label") ? 0 : 1;
}

static int destroy_key(void *unused)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    (void)unused;
    return guest_fine(p11->C_DestroyObject(session, find(session, CKO_PRIVATE_KEY)), "one key") &&
                   guest_fine(p11->C_DestroyObject(session, find(session, CKO_PUBLIC_KEY)), "other")
               ? 0
               : 1;
}

/* ---- what is done to the token ---- */

static CK_RV take(void *context, CK_BYTE *data, CK_ULONG *len)
{
    ssize_t got = read(*(int *)context, data, *len);
    *len = got < 0 ? 0 : (CK_ULONG)got;
    return got < 0 ? CKR_FUNCTION_FAILED : CKR_OK;
}

static CK_RV give(void *context, const CK_BYTE *data, CK_ULONG len)
{
    return write(*(int *)context, data, len) == (ssize_t)len ? CKR_OK : CKR_FUNCTION_FAILED;
}

static const CK_KEYKIST_BACKUP_KEY key = {.passphrase = BYTES(PASSPHRASE)};
static const CK_KEYKIST_REQUEST request = {.so_pin = (CK_UTF8CHAR_PTR)GUEST_SO_PIN,
                                           .so_pin_len = sizeof GUEST_SO_PIN - 1,
                                           .pin = (CK_UTF8CHAR_PTR)GUEST_PIN,
                                           .pin_len = sizeof GUEST_PIN - 1};
static const CK_KEYKIST_REQUEST replacing = {.so_pin = (CK_UTF8CHAR_PTR)GUEST_SO_PIN,
                                             .so_pin_len = sizeof GUEST_SO_PIN - 1,
                                             .pin = (CK_UTF8CHAR_PTR)GUEST_PIN,
                                             .pin_len = sizeof GUEST_PIN - 1,
                                             .flags = CKF_KEYKIST_REPLACE};

static CK_RV back_up(void)
{
    CK_KEYKIST_BACKUP_INFO info;
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CK_KEYKIST_STREAM to = {.context = &fd, .write = give};
    CK_RV rv = vendor->backup(guest_token_find(LABEL), &key, &to, &info);
    (void)close(fd);
    return rv;
}

static CK_RV restore(void)
{
    CK_KEYKIST_BACKUP_INFO info;
    CK_KEYKIST_RESTORE how = {
        .flags = CKF_KEYKIST_RESTORE_REPLACE, .user = CKU_SO, .pin = BYTES(GUEST_SO_PIN)};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    CK_KEYKIST_STREAM from = {.context = &fd, .read = take};
    CK_RV rv = vendor->restore(&from, &key, &how, &info);
    (void)close(fd);
    return rv;
}

static CK_RV rekey(void)
{
    return vendor->rekey_token(guest_token_find(LABEL), &request);
}

static CK_RV repair(void)
{
    CK_KEYKIST_RESULT result;
    return vendor->repair_token(guest_token_find(LABEL), &replacing, &result);
}

static CK_RV convert(void)
{
    static const CK_UTF8CHAR kind[] = "softhsm2        ";
    CK_KEYKIST_RESULT result;
    return vendor->convert_token(guest_token_find(LABEL), kind, &request, &result);
}

typedef CK_RV action(void);

static int act(void *argument)
{
    action *const *what = argument;
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 90;
    }
    CK_RV rv = (*what)();
    if (rv != CKR_OK) {
        guest_note("%s", guest_code(rv));
    }
    return rv == CKR_OK ? 0 : (rv == CKR_ATTRIBUTE_VALUE_INVALID ? 2 : 1);
}

static int after(action *what)
{
    return guest_wait(guest_fork(act, &what));
}

static int make_token(void *unused)
{
    (void)unused;
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 90;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_make(LABEL));
    CK_RV rv = guest_login(session, CKU_USER, GUEST_PIN);
    return session != 0 && (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) ? 0 : 1;
}

static int make_token_key(void *unused)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    (void)unused;
    return guest_fine(make_key(session, CK_TRUE), "a key") ? 0 : 1;
}

/* ---- an older database ---- */

static char place[4200]; /* the token's directory */

static CK_RV find_place(void)
{
    CK_ULONG len = sizeof place - 1;
    CK_RV rv = vendor->token_path(guest_token_find(LABEL), (CK_UTF8CHAR_PTR)place, &len);
    FILE *kept = rv == CKR_OK ? fopen(file, "w") : NULL;
    if (kept == NULL || fwrite(place, 1, len, kept) != len || fclose(kept) != 0) {
        return CKR_FUNCTION_FAILED;
    }
    return CKR_OK;
}

static bool know_place(void)
{
    bool good = after(find_place) == 0;
    FILE *kept = fopen(file, "r");
    size_t len = kept != NULL ? fread(place, 1, sizeof place - 1, kept) : 0;
    place[len] = '\0';
    return kept != NULL && fclose(kept) == 0 && good && len > 0;
}

/* Nobody has it open. */
static bool copy_database(bool back)
{
    char command[3 * sizeof place];
    (void)snprintf(command, sizeof command,
                   back ? "cd '%s' && rm -f keykist.db-shm && cp old.db keykist.db &&"
                          " cp old.db-wal keykist.db-wal"
                        : "cd '%s' && cp keykist.db old.db && cp keykist.db-wal old.db-wal",
                   place);
    return system(command) == 0;
}

/* ---- SoftHSM's tokens ---- */

static int try_on_files(void *unused)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    (void)unused;
    CK_RV rv = make_key(session, CK_TRUE);
    bool is_refused = rv == CKR_ATTRIBUTE_VALUE_INVALID;
    return is_refused && guest_fine(make_key(session, CK_FALSE), "a session key") &&
                   guest_fine(sign(session), "its signature") && left(session) == 31
               ? 0
               : 1;
}

int main(int argc, char **argv)
{
    char tokens[4200];
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/states", guest_folder());
    (void)snprintf(file, sizeof file, "%s/states.kkb", guest_folder());
    guest_use_tokens(tokens, "");
    guest_load(argv[1]);
    if (vendor == NULL) {
        guest_bail("no vendor interface in %s", argv[1]);
    }
    guest_ok(guest_wait(guest_fork(make_token, NULL)) == 0, "a token");
    guest_ok(guest_wait(guest_fork(make_token_key, NULL)) == 0, "a key");
    guest_ok(is_so(32, 31, CKR_OK), "it signs");
    guest_ok(after(rekey) == 0 && is_so(31, 30, CKR_OK), "... also when the token has new keys");
    guest_ok(after(convert) == 2 && is_so(30, 29, CKR_OK), "the token cannot become SoftHSM's");
    guest_ok(after(back_up) == 0 && is_so(29, 28, CKR_OK), "a backup leaves it as it is");
    guest_ok(after(restore) == 0 && is_so(0, 0, CKR_KEY_EXHAUSTED), "restored it is dead");
    guest_ok(guest_wait(guest_fork(rename_key, NULL)) == 0 && is_so(0, 0, CKR_KEY_EXHAUSTED),
             "... and stays so");
    guest_ok(after(rekey) == 0 && is_so(0, 0, CKR_KEY_EXHAUSTED), "... also with new keys");
    guest_ok(guest_wait(guest_fork(destroy_key, NULL)) == 0 &&
                 guest_wait(guest_fork(make_token_key, NULL)) == 0 && is_so(32, 31, CKR_OK),
             "a new one signs");
    guest_ok(after(repair) == 0 && is_so(0, 0, CKR_KEY_EXHAUSTED), "repaired it is dead");
    guest_ok(guest_wait(guest_fork(destroy_key, NULL)) == 0 &&
                 guest_wait(guest_fork(make_token_key, NULL)) == 0 && is_so(32, 31, CKR_OK),
             "a new one signs");
    guest_ok(know_place() && copy_database(false) && is_so(31, 30, CKR_OK) && is_so(30, 29, CKR_OK),
             "... also after the database was copied");
    guest_ok(copy_database(true) && is_so(0, 0, CKR_KEY_EXHAUSTED),
             "when an old database is put back it is dead");
    guest_ok(is_so(0, 0, CKR_KEY_EXHAUSTED) && is_so(0, 0, CKR_KEY_EXHAUSTED), "... and stays so");
    guest_ok(guest_wait(guest_fork(destroy_key, NULL)) == 0 &&
                 guest_wait(guest_fork(make_token_key, NULL)) == 0 && is_so(32, 31, CKR_OK) &&
                 is_so(31, 30, CKR_OK),
             "one that is made there signs");
    (void)snprintf(tokens, sizeof tokens, "%s/files", guest_folder());
    guest_use_tokens(tokens, "objectstore.backend = file");
    guest_ok(guest_wait(guest_fork(make_token, NULL)) == 0 &&
                 guest_wait(guest_fork(try_on_files, NULL)) == 0,
             "SoftHSM's tokens take none, but session keys sign there");
    return guest_end();
}
