/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Somebody who can write a token's file, with SQLite in hand and no PIN: bytes flipped, flags
 * edited, records swapped, copied, deleted, put back. After each edit the victim, a sensitive key
 * that may not leave, gives nothing away, the log says what was found, and what was not touched
 * still works.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <sqlite3.h>

#include "guest.h"

#define LABEL "tamper"
#define OTHER_PIN "the pin of before"
#define VALUE_SIZE 32

static uint8_t value[VALUE_SIZE]; /* the victim's; of no use to anybody after this test */
static const uint8_t victim_id[GUEST_ID_SIZE] = "the victim";
static const uint8_t friend_id[GUEST_ID_SIZE] = "a friend";
static char database[4300];
static char old_copy[4300];
static char sound_copy[4300];
static char victim_uuid[64]; /* as SQL has it: X'...' */
static char friend_uuid[64];

static void need(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        guest_bail("%s: %s", what, guest_code(rv));
    }
}

/* --- files and SQL ---------------------------------------------------------------------------- */

static void find_database(void)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/tokens", guest_folder());
    DIR *dir = opendir(path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(database, sizeof database, "%s/%.40s/keykist.db", path, entry->d_name);
        }
    }
    (void)closedir(dir);
    (void)snprintf(old_copy, sizeof old_copy, "%s/old.db", guest_folder());
    (void)snprintf(sound_copy, sizeof sound_copy, "%s/sound.db", guest_folder());
}

static sqlite3 *open_database(void)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(database, &db) != SQLITE_OK) {
        guest_bail("cannot open the token's file");
    }
    return db;
}

static void execute(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        guest_bail("%s: %s", sql, message);
    }
}

/* The token as it is now, as one file. */
static void save(const char *path)
{
    char sql[4400];
    (void)remove(path);
    sqlite3 *db = open_database();
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", path);
    execute(db, sql);
    (void)sqlite3_close(db);
}

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    size_t len = 0;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    if (in == NULL || out == NULL) {
        guest_bail("cannot copy %s", from);
    }
    while ((len = fread(buffer, 1, sizeof buffer, in)) > 0) {
        (void)fwrite(buffer, 1, len, out);
    }
    (void)fclose(in);
    (void)fclose(out);
}

static void restore(void)
{
    static const char *const ends[] = {"-wal", "-shm"};
    char path[4310];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s%s", database, ends[i]);
        (void)remove(path);
    }
    copy_file(sound_copy, database);
}

/* One cell as text. */
static void query(const char *sql, char *out, size_t size)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = open_database();
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        guest_bail("%s: %s", sql, sqlite3_errmsg(db));
    }
    (void)snprintf(out, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
}

/* flip(blob, at, bit) */
static void flip(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    static uint8_t bytes[65536];
    size_t len = (size_t)sqlite3_value_bytes(arguments[0]);
    size_t at = (size_t)sqlite3_value_int64(arguments[1]);
    (void)count;
    if (len > sizeof bytes || at >= len) {
        sqlite3_result_error(context, "nothing to flip", -1);
        return;
    }
    memcpy(bytes, sqlite3_value_blob(arguments[0]), len);
    bytes[at] ^= (uint8_t)(1u << sqlite3_value_int(arguments[2]));
    sqlite3_result_blob(context, bytes, (int)len, SQLITE_TRANSIENT);
}

/* What the attacker runs: with the earlier copy at hand, and both uuids. */
static void attack(const char *sql)
{
    char whole[10000];
    sqlite3 *db = open_database();
    (void)sqlite3_create_function(db, "flip", 3, SQLITE_UTF8, NULL, flip, NULL, NULL);
    (void)snprintf(whole, sizeof whole,
                   "ATTACH '%s' AS old; CREATE TEMP TABLE victim (uuid BLOB);"
                   "INSERT INTO victim VALUES (%s);"
                   "CREATE TEMP TABLE friend (uuid BLOB); INSERT INTO friend VALUES (%s);",
                   old_copy, victim_uuid, friend_uuid);
    execute(db, whole);
    execute(db, sql);
    (void)sqlite3_close(db);
}

/* --- the token -------------------------------------------------------------------------------- */

static void make_victim(CK_SESSION_HANDLE session)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE, value, sizeof value},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},
        {CKA_ID, (void *)(uintptr_t)victim_id, sizeof victim_id},
    };
    if (getrandom(value, sizeof value, 0) != sizeof value) {
        guest_bail("no random numbers");
    }
    need(p11->C_CreateObject(session, template, 9, &key), "C_CreateObject");
}

/* The earlier state: without the friend, with another PIN, the victim under another label. */
static void make_token(void)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_UTF8CHAR old_pin[] = OTHER_PIN;
    CK_UTF8CHAR pin[] = GUEST_PIN;
    CK_ATTRIBUTE label = {CKA_LABEL, (void *)(uintptr_t)"renamed", 7};
    need(p11->C_Initialize(NULL), "C_Initialize");
    (void)guest_token_make(LABEL);
    need(p11->C_Finalize(NULL), "C_Finalize");
    find_database();
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    make_victim(session);
    need(p11->C_SetPIN(session, pin, sizeof pin - 1, old_pin, sizeof old_pin - 1), "C_SetPIN");
    need(p11->C_Finalize(NULL), "C_Finalize");
    save(old_copy);
    query("SELECT quote(uuid) FROM objects", victim_uuid, sizeof victim_uuid);

    need(p11->C_Initialize(NULL), "C_Initialize");
    session = guest_session(guest_token_find(LABEL));
    need(guest_login(session, CKU_USER, OTHER_PIN), "C_Login");
    need(p11->C_SetPIN(session, old_pin, sizeof old_pin - 1, pin, sizeof pin - 1), "C_SetPIN");
    need(guest_key_make(session, friend_id, &key), "a friend");
    need(guest_find(session, NULL, 0, &key, 1, &count), "finding");
    CK_ATTRIBUTE id = {CKA_ID, (void *)(uintptr_t)victim_id, sizeof victim_id};
    need(guest_find(session, &id, 1, &key, 1, &count), "finding the victim");
    need(p11->C_SetAttributeValue(session, key, &label, 1), "C_SetAttributeValue");
    need(p11->C_Finalize(NULL), "C_Finalize");
    save(sound_copy);
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT quote(uuid) FROM objects WHERE uuid <> %s",
                   victim_uuid);
    query(sql, friend_uuid, sizeof friend_uuid);
}

/* --- what the module says --------------------------------------------------------------------- */

struct seen {
    CK_RV login;
    bool victim_found;
    bool victim_works; /* encrypts as it should */
    bool leaked;
    bool friend_works;
    bool logged;
};

/* Whether the victim's value comes out by any call that gives bytes. */
static bool leaks(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE out[256] = {0};
    CK_BBOOL flag = CK_FALSE;
    CK_OBJECT_HANDLE wrapping = 0;
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG len = VALUE_SIZE;
    CK_MECHANISM generation = {CKM_AES_KEY_GEN, NULL, 0};
    CK_MECHANISM by_kw = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_ATTRIBUTE template[] = {{CKA_VALUE_LEN, &len, sizeof len}, {CKA_WRAP, &yes, sizeof yes}};
    CK_ATTRIBUTE attribute = {CKA_VALUE, out, sizeof out};
    CK_ATTRIBUTE extractable = {CKA_EXTRACTABLE, &yes, sizeof yes};
    CK_ATTRIBUTE sensitive = {CKA_SENSITIVE, &flag, sizeof flag};
    CK_ULONG out_len = sizeof out;
    bool leaked = p11->C_SetAttributeValue(session, key, &extractable, 1) == CKR_OK ||
                  p11->C_SetAttributeValue(session, key, &sensitive, 1) == CKR_OK ||
                  p11->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK;
    need(p11->C_GenerateKey(session, &generation, template, 2, &wrapping), "C_GenerateKey");
    leaked |= p11->C_WrapKey(session, &by_kw, wrapping, key, out, &out_len) == CKR_OK;
    return leaked || memcmp(out, value, VALUE_SIZE) == 0;
}

static bool encrypts(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_BYTE data[16] = {0};
    CK_ULONG len = sizeof data;
    CK_MECHANISM mechanism = {CKM_AES_ECB, NULL, 0};
    return p11->C_EncryptInit(session, &mechanism, key) == CKR_OK &&
           p11->C_Encrypt(session, data, sizeof data, data, &len) == CKR_OK;
}

static CK_OBJECT_HANDLE find_by_id(CK_SESSION_HANDLE session, const uint8_t id[GUEST_ID_SIZE])
{
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_ATTRIBUTE attribute = {CKA_ID, (void *)(uintptr_t)id, GUEST_ID_SIZE};
    CK_RV rv = guest_find(session, &attribute, 1, &key, 1, &count);
    return rv == CKR_OK && count == 1 ? key : 0;
}

static void log_path(char path[4300])
{
    (void)snprintf(path, 4300, "%s/log", guest_folder());
}

static bool log_has_error(void)
{
    char path[4300];
    char line[2000];
    bool found = false;
    log_path(path);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        found |= strstr(line, "ERROR") != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static struct seen look(const char *pin)
{
    struct seen seen = {0};
    char path[4300];
    log_path(path);
    (void)remove(path);
    need(p11->C_Initialize(NULL), "C_Initialize");
    CK_SLOT_ID slot = guest_token_find(LABEL);
    if (slot == GUEST_NO_SLOT) {
        seen.login = CKR_TOKEN_NOT_PRESENT;
    } else {
        CK_SESSION_HANDLE session = guest_session(slot);
        seen.login = guest_login(session, CKU_USER, pin);
        CK_OBJECT_HANDLE victim = find_by_id(session, victim_id);
        CK_OBJECT_HANDLE friend = find_by_id(session, friend_id);
        seen.victim_found = victim != 0;
        seen.victim_works = victim != 0 && encrypts(session, victim);
        seen.leaked = victim != 0 && leaks(session, victim);
        seen.friend_works = friend != 0 && guest_key_whole(session, friend);
    }
    need(p11->C_Finalize(NULL), "C_Finalize");
    seen.logged = log_has_error();
    return seen;
}

/* --- edits ------------------------------------------------------------------------------------ */

enum after { KEPT, LOST };

/* When an edit is found: by every login, which a strict one refuses then; when something is opened,
 * or by what a login finds but lets pass; never: it looks like a wrong PIN, or like a token that
 * was not used yet. */
enum told { AT_LOGIN, LATER, NEVER };

struct edit {
    const char *name;
    const char *sql;
    CK_RV login;
    enum after victim;
    enum after friend;
    enum told told;
};

#define VICTIM " WHERE uuid = (SELECT uuid FROM victim)"
#define FRIEND " WHERE uuid = (SELECT uuid FROM friend)"

/* clang-format off */
static const struct edit edits[] = {
    {"a byte of the tag", "UPDATE objects SET tag = flip(tag, 0, 1)" VICTIM, CKR_OK, LOST, KEPT, AT_LOGIN},
    {"private to public", "UPDATE objects SET private = 0" VICTIM, CKR_OK, LOST, KEPT, AT_LOGIN},
    {"a later generation", "UPDATE objects SET generation = generation + 1" VICTIM, CKR_OK, LOST, KEPT, AT_LOGIN},
    {"an index column", "UPDATE objects SET c0 = coalesce(c0, 0) + 1" VICTIM, CKR_OK, LOST, KEPT, LATER},
    {"an emptied blob", "UPDATE objects SET blob = X''" VICTIM, CKR_OK, LOST, KEPT, LATER},
    {"a blob cut short", "UPDATE objects SET blob = substr(blob, 1, length(blob) - 1)" VICTIM, CKR_OK, LOST, KEPT, LATER},
    {"a longer blob", "UPDATE objects SET blob = CAST(blob || X'00' AS BLOB)" VICTIM, CKR_OK, LOST, KEPT, LATER},
    {"a huge blob", "UPDATE objects SET blob = zeroblob(40000000)" VICTIM, CKR_OK, LOST, KEPT, LATER},
    {"the friend's blob", "UPDATE objects SET blob = (SELECT blob FROM objects" FRIEND ")" VICTIM, CKR_OK, LOST, KEPT, LATER},
    {"blobs and tags swapped",
     "CREATE TEMP TABLE t AS SELECT uuid, blob, tag, generation FROM objects;"
     "UPDATE objects SET (blob, tag, generation) = (SELECT blob, tag, generation FROM t" FRIEND ")" VICTIM ";"
     "UPDATE objects SET (blob, tag, generation) = (SELECT blob, tag, generation FROM t" VICTIM ")" FRIEND,
     CKR_OK, LOST, LOST, AT_LOGIN},
    {"a deleted row", "DELETE FROM objects" VICTIM, CKR_OK, LOST, KEPT, AT_LOGIN},
    {"both rows deleted", "DELETE FROM objects", CKR_OK, LOST, LOST, AT_LOGIN},
    {"a second row with the same blob",
     "INSERT INTO objects SELECT randomblob(16), generation, private, tag, c0, c1, c2, c3, c4, c5, c6, c7, blob"
     " FROM objects" VICTIM, CKR_OK, KEPT, KEPT, AT_LOGIN},
    {"the old row put back",
     "DELETE FROM objects" VICTIM "; INSERT INTO objects SELECT * FROM old.objects" VICTIM, CKR_OK, LOST, KEPT, AT_LOGIN},
    {"a bit of the list", "UPDATE rows SET blob = flip(blob, 20, 3) WHERE tbl = 5", CKR_OK, LOST, LOST, AT_LOGIN},
    {"the lists deleted", "DELETE FROM rows WHERE tbl = 5", CKR_OK, LOST, LOST, AT_LOGIN},
    {"the old list put back",
     "DELETE FROM rows WHERE tbl = 5 AND no IN (SELECT no FROM old.rows WHERE tbl = 5);"
     "INSERT INTO rows SELECT * FROM old.rows WHERE tbl = 5;"
     "DELETE FROM objects" VICTIM "; INSERT INTO objects SELECT * FROM old.objects" VICTIM, CKR_OK, KEPT, KEPT, AT_LOGIN},
    {"the root deleted", "DELETE FROM rows WHERE tbl = 7 AND no = 0", CKR_DEVICE_ERROR, LOST, LOST, AT_LOGIN},
    {"the old root put back",
     "DELETE FROM rows WHERE tbl = 7 AND no = 0; INSERT INTO rows SELECT * FROM old.rows WHERE tbl = 7 AND no = 0",
     CKR_DEVICE_ERROR, LOST, LOST, AT_LOGIN},
    {"the user's old key row put back",
     "DELETE FROM rows WHERE tbl = 2 AND no = 1; INSERT INTO rows SELECT * FROM old.rows WHERE tbl = 2 AND no = 1",
     CKR_PIN_INCORRECT, LOST, LOST, NEVER},
    {"a bit of the user's key row", "UPDATE rows SET blob = flip(blob, 60, 1) WHERE tbl = 2 AND no = 1",
     CKR_PIN_INCORRECT, LOST, LOST, NEVER},
    {"a bit of the SO's key row", "UPDATE rows SET blob = flip(blob, 60, 1) WHERE tbl = 2 AND no = 0", CKR_OK, KEPT, KEPT, LATER},
    {"a bit of the token's row", "UPDATE rows SET blob = flip(blob, 8, 1) WHERE tbl = 1", CKR_DEVICE_ERROR, LOST, LOST, AT_LOGIN},
    {"the count of tries deleted", "DELETE FROM rows WHERE tbl = 3", CKR_OK, KEPT, KEPT, NEVER},
};
/* clang-format on */

static void check_edit(const struct edit *edit)
{
    restore();
    attack(edit->sql);
    struct seen seen = look(GUEST_PIN);
    guest_note("%s: login %s, victim %s, friend %s%s", edit->name, guest_code(seen.login),
               seen.victim_found ? seen.victim_works ? "works" : "found" : "gone",
               seen.friend_works ? "works" : "gone", seen.logged ? ", logged" : "");
    bool as_expected = seen.victim_works == (edit->victim == KEPT) &&
                       seen.victim_found == seen.victim_works &&
                       seen.friend_works == (edit->friend == KEPT);
    guest_ok(seen.login == edit->login && as_expected && seen.logged == (edit->told != NEVER) &&
                 !seen.leaked,
             "%s", edit->name);
}

static void set_strict(void)
{
    FILE *file = fopen(getenv("SOFTHSM2_CONF"), "a");
    if (file == NULL) {
        guest_bail("cannot change the configuration");
    }
    (void)fprintf(file, "token.integrity = strict\n");
    (void)fclose(file);
}

/* What a login lets pass with an ERROR line, and a strict one does not. */
static void check_strict(void)
{
    unsigned refused = 0;
    unsigned tried = 0;
    set_strict();
    restore();
    struct seen seen = look(GUEST_PIN);
    guest_ok(seen.login == CKR_OK && seen.victim_works && !seen.logged,
             "a strict login to a sound token (%s)", guest_code(seen.login));
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        if (edits[i].login == CKR_OK && edits[i].told == AT_LOGIN) {
            restore();
            attack(edits[i].sql);
            seen = look(GUEST_PIN);
            refused += seen.login == CKR_DEVICE_ERROR && !seen.victim_found && seen.logged;
            tried++;
        }
    }
    guest_ok(refused == tried, "a strict login refuses %u of %u edits", refused, tried);
}

/* The PIN of before with its own key row: the root knows better. */
static void check_old_pin(void)
{
    restore();
    attack("DELETE FROM rows WHERE tbl = 2 AND no = 1;"
           "INSERT INTO rows SELECT * FROM old.rows WHERE tbl = 2 AND no = 1");
    struct seen seen = look(OTHER_PIN);
    guest_ok(seen.login == CKR_DEVICE_ERROR && !seen.victim_found && seen.logged,
             "the old PIN with its old key row is refused (%s)", guest_code(seen.login));
}

/* One bit of every so many bytes of the victim's blob. */
static void check_flips(void)
{
    char sql[600];
    char text[40];
    unsigned flips = 0;
    unsigned found = 0;
    unsigned leaked = 0;
    unsigned quiet = 0;
    (void)snprintf(sql, sizeof sql, "SELECT length(blob) FROM objects WHERE uuid = %s",
                   victim_uuid);
    query(sql, text, sizeof text);
    unsigned len = (unsigned)strtoul(text, NULL, 10);
    unsigned step = guest_amount(len / 40 + 1, 1);
    for (unsigned at = guest_random(step); at < len; at += step, flips++) {
        restore();
        (void)snprintf(sql, sizeof sql, "UPDATE objects SET blob = flip(blob, %u, %u)" VICTIM, at,
                       guest_random(8));
        attack(sql);
        struct seen seen = look(GUEST_PIN);
        found += seen.victim_found;
        leaked += seen.leaked;
        quiet += !seen.logged || !seen.friend_works || seen.login != CKR_OK;
    }
    guest_note("%u of %u bytes flipped", flips, len);
    guest_ok(flips > 10 && found == 0 && leaked == 0, "a record with a flipped bit is not used");
    guest_ok(quiet == 0, "each is told, and the rest works");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    guest_load(argv[1]);
    make_token();
    restore();
    struct seen seen = look(GUEST_PIN);
    guest_ok(seen.login == CKR_OK && seen.victim_works && seen.friend_works && !seen.leaked &&
                 !seen.logged,
             "before the edits all is well");
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        check_edit(&edits[i]);
    }
    check_old_pin();
    check_flips();
    check_strict();
    return guest_end();
}
