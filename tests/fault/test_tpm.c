/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens and a TPM: a pepper that it sealed, PINs behind it, logins without a typed PIN. The TPM is
 * an swtpm; it is locked, pulled out, changed for another one, and an old copy of a token is put
 * back. Usage: test_tpm MODULE KEYKIST BETWEEN.PY
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "guest.h"
#include "machine.h"

#define LABEL "tpm"
#define NEW_PIN "a new pin of a guest"
#define TPM_TRIES 3 /* of a new swtpm */

static const char *module_path;
static const char *keykist;
static const char *relay;
static struct machine one;
static struct machine two;

/* ---- configurations ---- */

static const char *bus = ""; /* in front of the TPM's name: who listens */

/* Token directory <name>, that machine's TPM, and these lines. An empty log. */
static void configure(const char *name, const struct machine *machine, const char *lines)
{
    FILE *conf = fopen(getenv("SOFTHSM2_CONF"), "w");
    char folder[4300];
    (void)snprintf(folder, sizeof folder, "%s/%s", guest_folder(), name);
    (void)mkdir(folder, 0700);
    (void)fprintf(
        conf, "directories.tokendir = %s\nlog.file = %s/log\npin.kdf = test\ntpm2.tcti = %s%s\n%s",
        folder, guest_folder(), bus, machine->tcti, lines);
    (void)fclose(conf);
    (void)snprintf(folder, sizeof folder, "%s/log", guest_folder());
    (void)remove(folder);
}

static bool logged(const char *text)
{
    static char all[1 << 18];
    char path[4300];
    (void)snprintf(path, sizeof path, "%s/log", guest_folder());
    FILE *log = fopen(path, "r");
    if (log == NULL) {
        return false;
    }
    size_t len = fread(all, 1, sizeof all - 1, log);
    all[len] = '\0';
    (void)fclose(log);
    return strstr(all, text) != NULL;
}

/* A program's exit status; what it says goes nowhere. */
static int run(const char *format, const char *file)
{
    char arguments[4300];
    char command[9000];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(arguments, sizeof arguments, format, file);
#pragma GCC diagnostic pop
    (void)snprintf(command, sizeof command, "%s %s --module %s >/dev/null 2>&1", keykist, arguments,
                   module_path);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char path[4300];
    (void)snprintf(path, sizeof path, "%s/%s", guest_folder(), name);
    return path;
}

/* ---- logins, each in a C_Initialize of its own ---- */

/* What a C_Login ends with. A PIN of NULL is passed as such. */
static CK_RV login(CK_USER_TYPE user, const char *pin)
{
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return CKR_FUNCTION_FAILED;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    CK_RV rv = pin != NULL ? guest_login(session, user, pin) : p11->C_Login(session, user, NULL, 0);
    if (rv == CKR_OK && user == CKU_USER) { /* what was opened is the token's */
        CK_OBJECT_HANDLE key = 0;
        CK_ULONG count = 0;
        uint8_t id[GUEST_ID_SIZE] = "a key";
        CK_ATTRIBUTE wanted = {CKA_ID, id, sizeof id};
        rv = guest_find(session, &wanted, 1, &key, 1, &count);
        rv =
            rv == CKR_OK && (count != 1 || !guest_key_whole(session, key)) ? CKR_GENERAL_ERROR : rv;
    }
    (void)p11->C_Finalize(NULL);
    return rv;
}

static bool user_is(const char *pin, CK_RV rv)
{
    CK_RV got = login(CKU_USER, pin);
    if (got != rv) {
        guest_note("%s instead of %s", guest_code(got), guest_code(rv));
    }
    return got == rv;
}

static CK_FLAGS flags(void)
{
    CK_TOKEN_INFO info = {.flags = 0};
    (void)p11->C_Initialize(NULL);
    (void)p11->C_GetTokenInfo(guest_token_find(LABEL), &info);
    (void)p11->C_Finalize(NULL);
    return info.flags;
}

/* A token with one key, in the present configuration. */
static void make_token(void)
{
    CK_OBJECT_HANDLE key = 0;
    uint8_t id[GUEST_ID_SIZE] = "a key";
    bool good = guest_fine(p11->C_Initialize(NULL), "C_Initialize");
    good = good && guest_token_make(LABEL) != GUEST_NO_SLOT;
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    good = good && guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login") &&
           guest_fine(guest_key_make(session, id, &key), "a key");
    (void)p11->C_Finalize(NULL);
    if (!good) {
        guest_bail("no token");
    }
}

/* ---- without a TPM in the configuration ---- */

static void check_plain(void)
{
    char line[4400];
    bool loaded = false;
    configure("plain", &one, "");
    make_token();
    bool opened = user_is(GUEST_PIN, CKR_OK);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps) != NULL) {
        loaded = loaded || strstr(line, "libkeykist-tpm2") != NULL;
    }
    (void)fclose(maps);
    guest_ok(opened && !loaded, "who asks for no TPM does not load the plug-in");
}

/* ---- the guard ---- */

#define GUARD "pin.guard = tpm2\n"
#define COUNTED(flags) (((flags) & CKF_USER_PIN_COUNT_LOW) != 0)

static void check_tries(void)
{
    configure("guard", &one, GUARD);
    make_token();
    guest_ok(user_is(GUEST_PIN, CKR_OK), "a guarded PIN logs in");
    guest_ok(machine_failures(&one) == 0, "... and the TPM counts nothing");
    guest_ok(user_is("wrong", CKR_PIN_INCORRECT), "a wrong one does not");
    guest_ok(machine_failures(&one) == 1 && COUNTED(flags()), "... and both count it");
    guest_ok(user_is(GUEST_PIN, CKR_OK) && !COUNTED(flags()), "a right one ends our count");
    guest_ok(machine_left_behind(&one) == 0, "nothing is left behind in the TPM");
}

static void check_lockout(void)
{
    machine_unlock(&one);
    for (int i = 0; i < TPM_TRIES; i++) {
        guest_ok(user_is("wrong", CKR_PIN_INCORRECT), "wrong PIN %d", i + 1);
    }
    guest_ok(machine_locked(&one), "the TPM locks");
    guest_ok(user_is(GUEST_PIN, CKR_PIN_LOCKED), "the right PIN is refused then");
    guest_ok(login(CKU_SO, GUEST_SO_PIN) == CKR_PIN_LOCKED, "the SO's too");
    guest_ok(logged("the TPM's own and shared"), "... and the log says whose lockout it is");
    guest_ok((flags() & CKF_USER_PIN_LOCKED) == 0, "the token itself is not locked");
    machine_unlock(&one);
    guest_ok(user_is(GUEST_PIN, CKR_OK), "after the TPM's lockout the PIN logs in");
}

static void check_gone(void)
{
    uint8_t id[GUEST_ID_SIZE] = "another key";
    CK_OBJECT_HANDLE key = 0;
    configure("guard", &one, GUARD);
    (void)p11->C_Initialize(NULL);
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    guest_ok(guest_login(session, CKU_USER, GUEST_PIN) == CKR_OK, "logged in");
    machine_off(&one);
    guest_ok(guest_key_make(session, id, &key) == CKR_OK && guest_key_whole(session, key),
             "the TPM is pulled out: who is logged in goes on");
    (void)p11->C_Logout(session);
    guest_ok(guest_login(session, CKU_USER, GUEST_PIN) == CKR_DEVICE_ERROR,
             "... and after a logout gets CKR_DEVICE_ERROR");
    guest_ok(guest_login(session, CKU_USER, "wrong") == CKR_DEVICE_ERROR,
             "... for a wrong PIN too");
    guest_ok(logged("there is no TPM at"), "... and the log says why");
    machine_on(&one);
    machine_unlock(&one); /* a pulled plug counts as a failure */
    CK_TOKEN_INFO info = {.flags = 0};
    (void)p11->C_GetTokenInfo(guest_token_find(LABEL), &info);
    guest_ok(!COUNTED(info.flags), "no try was counted");
    guest_ok(guest_login(session, CKU_USER, GUEST_PIN) == CKR_OK, "with the TPM back it logs in");
    (void)p11->C_Finalize(NULL);
}

static void check_no_plugin(void)
{
    char *plugin = strdup(getenv("KEYKIST_TPM2_PLUGIN"));
    configure("guard", &one, GUARD);
    (void)setenv("KEYKIST_TPM2_PLUGIN", "/nowhere/plugin.so", 1);
    guest_ok(user_is(GUEST_PIN, CKR_DEVICE_ERROR) && logged("/nowhere/plugin.so cannot be used"),
             "without the plug-in it is CKR_DEVICE_ERROR, and said");
    (void)setenv("KEYKIST_TPM2_PLUGIN", plugin, 1);
    free(plugin);
    guest_ok(!COUNTED(flags()) && user_is(GUEST_PIN, CKR_OK), "... and no try is counted");
}

static void check_other_machine(void)
{
    configure("guard", &two, GUARD);
    guest_ok(user_is(GUEST_PIN, CKR_DEVICE_ERROR), "on another machine the token does not open");
    guest_ok(logged("sealed by another TPM"), "... and the log says so");
    guest_ok(machine_failures(&two) == 0 && !COUNTED(flags()), "... and nobody counts a try");
}

/* ---- an old copy put back ---- */

static char database[4600];

static void find_database(const char *name)
{
    char path[4300];
    (void)snprintf(path, sizeof path, "%s", in_folder(name));
    DIR *dir = opendir(path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(database, sizeof database, "%s/%.40s/keykist.db", path, entry->d_name);
        }
    }
    (void)closedir(dir);
}

static void execute(const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    if (sqlite3_open(database, &db) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        guest_bail("%s: %s", sql, message);
    }
    (void)sqlite3_close(db);
}

static void check_old_copy(void)
{
    char sql[5000];
    configure("guard", &one, GUARD);
    find_database("guard");
    machine_unlock(&one);
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", in_folder("old.db"));
    execute(sql);
    guest_ok(run("pin change --pin '" GUEST_PIN "' --new-pin '%s'", NEW_PIN) == 0,
             "the PIN is changed");
    guest_ok(user_is(NEW_PIN, CKR_OK), "... and logs in");
    (void)snprintf(sql, sizeof sql,
                   "ATTACH '%s' AS old; DELETE FROM rows WHERE tbl = 2 AND no = 1;"
                   "INSERT INTO rows SELECT * FROM old.rows WHERE tbl = 2 AND no = 1;"
                   "DELETE FROM rows WHERE tbl = 3",
                   in_folder("old.db"));
    execute(sql);
    guest_ok(user_is(GUEST_PIN, CKR_DEVICE_ERROR), "an old key row put back is refused");
    for (int i = 0; i < TPM_TRIES; i++) {
        guest_ok(user_is("wrong", CKR_PIN_INCORRECT), "a thief tries the old row, %d", i + 1);
        execute("DELETE FROM rows WHERE tbl = 3"); /* our count, put back to nothing */
    }
    guest_ok(user_is("wrong", CKR_PIN_LOCKED), "... until the TPM locks, whatever we count");
    machine_unlock(&one);
}

/* ---- the pepper ---- */

static void check_pepper(void)
{
    configure("pepper", &one, "token.pepper = tpm2\n");
    guest_ok(run("pepper create --tpm2 %s", in_folder("keykist-pepper.tpm2")) == 0,
             "a pepper is made");
    guest_ok(run("pepper create --tpm2 %s", in_folder("keykist-pepper.tpm2")) != 0,
             "... and not made again in its place");
    make_token();
    guest_ok(user_is(GUEST_PIN, CKR_OK), "a token with the TPM's pepper opens");
    guest_ok(user_is("wrong", CKR_PIN_INCORRECT) && machine_failures(&one) == 0,
             "wrong PINs are no business of the TPM's");
    configure("pepper", &two, "token.pepper = tpm2\n");
    guest_ok(user_is(GUEST_PIN, CKR_DEVICE_ERROR), "on another machine it does not open");
    guest_ok(logged("sealed by another TPM"), "... and the log says so");
    machine_off(&two);
    configure("pepper", &two, "token.pepper = tpm2\n");
    guest_ok(user_is(GUEST_PIN, CKR_DEVICE_ERROR) && logged("there is no TPM at"),
             "and not without a TPM");
    machine_on(&two);
    configure("guard", &one, GUARD);
    while (!machine_locked(&one)) {
        (void)login(CKU_USER, "wrong");
    }
    configure("pepper", &one, "token.pepper = tpm2\n");
    guest_ok(user_is(GUEST_PIN, CKR_OK), "on its own machine it does, be the TPM locked or not");
    machine_unlock(&one);
    guest_ok(machine_left_behind(&one) == 0, "nothing is left behind in the TPM");
}

/* ---- logins without a PIN ---- */

static void put_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    (void)fputs(text, file);
    (void)fclose(file);
}

/* A key that wants a login for each signature. */
static bool signs_always_authenticated(void)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BYTE curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE public[] = {{CKA_EC_PARAMS, curve, sizeof curve}};
    CK_ATTRIBUTE private[] = {{CKA_PRIVATE, &yes, sizeof yes},
                              {CKA_ALWAYS_AUTHENTICATE, &yes, sizeof yes}};
    CK_MECHANISM generate = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_MECHANISM sign = {CKM_ECDSA, NULL, 0};
    CK_OBJECT_HANDLE keys[2];
    CK_BYTE digest[32] = {1};
    CK_BYTE signature[64];
    CK_ULONG len = sizeof signature;
    (void)p11->C_Initialize(NULL);
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    bool good = guest_fine(p11->C_Login(session, CKU_USER, NULL, 0), "C_Login") &&
                guest_fine(p11->C_GenerateKeyPair(session, &generate, public, 1, private, 2,
                                                  &keys[0], &keys[1]),
                           "C_GenerateKeyPair") &&
                guest_fine(p11->C_SignInit(session, &sign, keys[1]), "C_SignInit") &&
                guest_fine(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, NULL, 0), "C_Login again") &&
                guest_fine(p11->C_Sign(session, digest, sizeof digest, signature, &len), "C_Sign");
    (void)p11->C_Finalize(NULL);
    return good;
}

static void check_auto(void)
{
    char lines[4400];
    configure("auto", &one, "");
    make_token();
    guest_ok(user_is(NULL, CKR_ARGUMENTS_BAD) && (flags() & CKF_PROTECTED_AUTHENTICATION_PATH) == 0,
             "without pin.auto there is no login without a PIN");
    put_text("token-pin", GUEST_PIN "\n");
    configure("auto", &one, "pin.auto = credential:token-pin\n");
    guest_ok(user_is(NULL, CKR_DEVICE_ERROR) && logged("CREDENTIALS_DIRECTORY is not set"),
             "without systemd there is no credential");
    (void)setenv("CREDENTIALS_DIRECTORY", guest_folder(), 1);
    guest_ok(user_is(NULL, CKR_OK), "a credential logs in");
    guest_ok((flags() & CKF_PROTECTED_AUTHENTICATION_PATH) != 0, "... and the token says so");
    guest_ok(signs_always_authenticated(), "a login for one signature may come without a PIN too");
    guest_ok(user_is(GUEST_PIN, CKR_OK) && user_is("wrong", CKR_PIN_INCORRECT),
             "a typed PIN is what it always was");
    guest_ok(login(CKU_SO, NULL) == CKR_ARGUMENTS_BAD, "the SO is never logged in so");
    put_text("token-pin", "not the PIN\n");
    guest_ok(user_is(NULL, CKR_PIN_INCORRECT), "a wrong credential is a wrong PIN");

    guest_ok(run("pin seal --pin '" GUEST_PIN "' --pcrs 16 --tpm2 %s", in_folder("pin.tpm2")) == 0,
             "a PIN is sealed");
    (void)snprintf(lines, sizeof lines, "pin.auto = tpm2:%s\n", in_folder("pin.tpm2"));
    configure("auto", &one, lines);
    guest_ok(user_is(NULL, CKR_OK), "the TPM logs in");
    configure("auto", &two, lines);
    guest_ok(user_is(NULL, CKR_DEVICE_ERROR) && logged("sealed by another TPM"),
             "another TPM does not");
    machine_extend(&one, 16);
    configure("auto", &one, lines);
    guest_ok(user_is(NULL, CKR_DEVICE_ERROR) && logged("pin.auto: "), "nor with another PCR");
    guest_ok(machine_left_behind(&one) == 0, "nothing is left behind in the TPM");
}

/* ---- who listens on the bus ---- */

static bool holds(const char *path, const char *needle, size_t *ret_len)
{
    static char all[1 << 20];
    FILE *file = fopen(path, "rb");
    *ret_len = file != NULL ? fread(all, 1, sizeof all, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    return memmem(all, *ret_len, needle, strlen(needle)) != NULL;
}

/* tpm2-tss writes down every byte between it and the TPM. */
static void check_bus(void)
{
    char lines[4400];
    char record[4300];
    size_t len = 0;
    (void)snprintf(record, sizeof record, "%s", in_folder("bus.pcap"));
    (void)setenv("TCTI_PCAP_FILE", record, 1);
    (void)snprintf(lines, sizeof lines, "pin.auto = tpm2:%s\n", in_folder("heard.tpm2"));
    bus = "pcap:";
    configure("auto", &one, lines);
    bool sealed = run("pin seal --pin '" GUEST_PIN "' --tpm2 %s", in_folder("heard.tpm2")) == 0;
    bool heard = holds(record, GUEST_PIN, &len);
    guest_ok(sealed && len > 500 && !heard, "who listens while a PIN is sealed does not see it");
    size_t before = len;
    bool opened = user_is(NULL, CKR_OK);
    heard = holds(record, GUEST_PIN, &len);
    guest_ok(opened && len != 0 && len != before && !heard, "nor while it is unsealed");
    bus = "";
}

/* ---- who stands between ---- */

/* One bit of an answer is changed: in the HMAC at its end, in front of that (attributes 1, HMAC 2 +
 * 32) in the nonce, and in the secret (nonce 2 + 32). */
static void check_between(void)
{
    static const int places[] = {1, 36, 75};
    struct machine between = one;
    char socket[4300];
    (void)snprintf(socket, sizeof socket, "%s/s", one.folder);
    configure("between", &one, GUARD);
    make_token();
    for (size_t i = 0; i <= sizeof places / sizeof places[0]; i++) {
        int place = i == 0 ? 0 : places[i - 1];
        (void)snprintf(between.tcti, sizeof between.tcti, "cmd:python3 %s %s %d", relay, socket,
                       place);
        configure("between", &between, GUARD);
        if (place == 0) {
            guest_ok(user_is(GUEST_PIN, CKR_OK), "somebody between who changes nothing");
        } else {
            guest_ok(user_is(GUEST_PIN, CKR_DEVICE_ERROR) && logged("something stands between"),
                     "a bit changed %d bytes before an answer's end is found", place);
        }
    }
    configure("between", &one, GUARD);
    guest_ok(!COUNTED(flags()), "... and no try is counted");
}

/* ---- inside OpenSSL ---- */

static bool line_of(const char *command, char *line, int size)
{
    FILE *out = popen(command, "r");
    bool good = out != NULL && fgets(line, size, out) != NULL;
    if (out != NULL) {
        (void)pclose(out);
    }
    return good;
}

/* OpenSSL's default ENGINE is one that uses the module, which uses the TPM. */
static void check_engine(void)
{
    char engines[512] = "";
    char path[600] = "";
    char command[9000];
    char module[4096];
    if (getenv("KK_SANITIZED") != NULL || realpath(module_path, module) == NULL) {
        guest_note("openssl cannot load a module with a sanitizer");
        return;
    }
    if (!line_of("openssl version -e | sed 's/.*\"\\(.*\\)\".*/\\1/' | tr -d '\\n'", engines,
                 sizeof engines)) {
        guest_bail("openssl has no folder of engines");
    }
    (void)snprintf(path, sizeof path, "%s/pkcs11.so", engines);
    if (access(path, R_OK) != 0) {
        guest_note("libp11's engine is not installed");
        return;
    }
    configure("auto", &one, "token.pepper = tpm2\npin.guard = tpm2\n");
    (void)p11->C_Initialize(NULL); /* the pepper comes with this login */
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_BYTE curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_EC_PARAMS, curve, sizeof curve}};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, "signer", 6}};
    CK_OBJECT_HANDLE keys[2];
    bool made = guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login") &&
                guest_fine(p11->C_GenerateKeyPair(session, &mechanism, public, 2, private, 2,
                                                  &keys[0], &keys[1]),
                           "C_GenerateKeyPair");
    (void)p11->C_Finalize(NULL);
    (void)snprintf(command, sizeof command,
                   "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = p11\n"
                   "[p11]\nengine_id = pkcs11\ndynamic_path = %s\nMODULE_PATH = %s\n"
                   "default_algorithms = ALL\ninit = 1\n",
                   path, module);
    put_text("openssl.cnf", command);
    put_text("message", "a message");
    (void)snprintf(
        command, sizeof command,
        "cd %s && OPENSSL_CONF=openssl.cnf timeout 60 openssl dgst -sha256 -engine pkcs11 "
        "-keyform engine -out signature "
        "-sign 'pkcs11:object=signer;type=private?pin-value=user%%20pin%%20of%%20a%%20guest' "
        "message >/dev/null 2>&1",
        guest_folder());
    guest_ok(made && system(command) == 0, "openssl -engine pkcs11 signs with the TPM behind it");
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    module_path = argv[1];
    keykist = argv[2];
    relay = argv[3];
    if (!machine_possible()) {
        guest_skip_all("swtpm is not installed");
    }
    (void)setenv("TSS2_LOG", "all+none", 1);
    machine_make(&one, "one");
    machine_make(&two, "two");
    guest_load(module_path);
    check_plain();
    check_tries();
    check_lockout();
    check_gone();
    check_no_plugin();
    check_other_machine();
    check_old_copy();
    check_pepper();
    check_auto();
    check_bus();
    check_between();
    check_engine();
    machine_off(&one);
    machine_off(&two);
    return guest_end();
}
