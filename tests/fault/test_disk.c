/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token on a disk that is full, and on one that is read-only. The disk is a small tmpfs in a
 * mount namespace of this process; where that is not allowed the test is skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "disk"
#define DISK_SIZE "size=3m"
#define FILLER_SIZE ((size_t)256 * 1024)
#define KEYS_MAX 5000

static char disk[4200];
static CK_SLOT_ID slot;

/* --- the disk --------------------------------------------------------------------------------- */

static bool write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool good = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0) {
        (void)close(file);
    }
    return good;
}

/* Root has a namespace for the asking; others are root in one of their own, where it is allowed. */
static bool enter_namespace(void)
{
    char map[64];
    if (geteuid() == 0) {
        return unshare(CLONE_NEWNS) == 0;
    }
    (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", map);
}

static bool mount_disk(void)
{
    (void)snprintf(disk, sizeof disk, "%s/disk", guest_folder());
    return enter_namespace() && mkdir(disk, 0700) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", disk, "tmpfs", 0, DISK_SIZE) == 0;
}

static void use_disk(void)
{
    char path[4300];
    (void)snprintf(path, sizeof path, "%s/disk.conf", guest_folder());
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        guest_bail("cannot write a configuration");
    }
    (void)fprintf(file,
                  "directories.tokendir = %s\nlog.target = file\nlog.file = %s/log\n"
                  "pin.kdf = test\n",
                  disk, guest_folder());
    (void)fclose(file);
    (void)setenv("SOFTHSM2_CONF", path, 1);
}

static void filler_path(char path[4300])
{
    (void)snprintf(path, 4300, "%s/filler", disk);
}

/* Fills what is left but `spare` bytes, or makes room again. */
static void make_filler(size_t size)
{
    char path[4300];
    char zeroes[4096] = {0};
    filler_path(path);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (size_t done = 0; file >= 0 && done < size; done += sizeof zeroes) {
        if (write(file, zeroes, sizeof zeroes) != sizeof zeroes) {
            break;
        }
    }
    if (file >= 0) {
        (void)close(file);
    }
}

static void remove_filler(void)
{
    char path[4300];
    filler_path(path);
    (void)unlink(path);
}

/* --- full ------------------------------------------------------------------------------------- */

static CK_RV make_numbered(CK_SESSION_HANDLE session, unsigned number)
{
    uint8_t id[GUEST_ID_SIZE] = {0};
    CK_OBJECT_HANDLE key = 0;
    memcpy(id, &number, sizeof number);
    return guest_key_make(session, id, &key);
}

/* Whether the keys 0 to count - 1 are all there, whole, and at most `more` others. */
static bool has_keys(CK_SESSION_HANDLE session, unsigned count, unsigned more)
{
    static CK_OBJECT_HANDLE found[KEYS_MAX];
    static bool seen[KEYS_MAX];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_ULONG there = 0;
    unsigned present = 0;
    memset(seen, 0, sizeof seen);
    if (!guest_fine(guest_find(session, &wanted, 1, found, KEYS_MAX, &there), "finding")) {
        return false;
    }
    for (CK_ULONG i = 0; i < there; i++) {
        uint8_t id[GUEST_ID_SIZE] = {0};
        unsigned number = 0;
        CK_ATTRIBUTE attribute = {CKA_ID, id, sizeof id};
        if (!guest_key_whole(session, found[i]) ||
            !guest_fine(p11->C_GetAttributeValue(session, found[i], &attribute, 1), "an id")) {
            return false;
        }
        memcpy(&number, id, sizeof number);
        if (number < count && !seen[number]) {
            seen[number] = true;
            present++;
        }
    }
    guest_note("%u of %u keys, %lu in all", present, count, (unsigned long)there);
    return present == count && there <= (CK_ULONG)count + more;
}

/* Makes keys until it fails; how many it made. */
static unsigned make_until(CK_SESSION_HANDLE session, unsigned from, CK_RV *ret_rv)
{
    unsigned number = from;
    *ret_rv = CKR_OK;
    while (number < KEYS_MAX && *ret_rv == CKR_OK) {
        *ret_rv = make_numbered(session, number);
        number += *ret_rv == CKR_OK;
    }
    return number;
}

static int look_again(void *argument)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    return has_keys(session, *(unsigned *)argument, 0) ? 0 : 1;
}

static void fill_disk(CK_SESSION_HANDLE session)
{
    CK_RV rv = CKR_OK;
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    make_filler(FILLER_SIZE);
    unsigned made = make_until(session, 0, &rv);
    guest_note("%u keys fit", made);
    guest_ok(made > 10 && rv == CKR_DEVICE_MEMORY, "a full disk is CKR_DEVICE_MEMORY (%s)",
             guest_code(rv));
    /* The failure may have emptied the log: that room is used up too. */
    for (unsigned more = 1; more > 0 && rv == CKR_DEVICE_MEMORY;) {
        more = made;
        made = make_until(session, made, &rv);
        more = made - more;
    }
    guest_ok(rv == CKR_DEVICE_MEMORY, "and once more, when no room is left (%s)", guest_code(rv));
    guest_ok(has_keys(session, made, 0), "every acknowledged key is there and whole");
    rv = p11->C_Logout(session);
    CK_RV again = guest_login(session, CKU_USER, GUEST_PIN);
    guest_note("C_Logout: %s, C_Login on a full disk: %s", guest_code(rv), guest_code(again));
    guest_ok(again == CKR_OK || again == CKR_DEVICE_MEMORY, "a login says what is wrong, or works");
    remove_filler();
    if (again != CKR_OK) {
        again = guest_login(session, CKU_USER, GUEST_PIN);
    }
    guest_ok(again == CKR_OK, "with room again a login works (%s)", guest_code(again));
    rv = make_numbered(session, made);
    guest_ok(rv == CKR_OK, "and so does C_CreateObject (%s)", guest_code(rv));
    made++;
    guest_ok(guest_find(session, NULL, 0, &key, 1, &count) == CKR_OK && count == 1 &&
                 has_keys(session, made, 0),
             "nothing is lost");
    guest_ok(guest_wait(guest_fork(look_again, &made)) == 0, "another process sees the same");
}

/* C_InitToken on a full disk leaves nothing behind. */
static void fail_to_make_token(void)
{
    CK_UTF8CHAR label[] = "too much                        ";
    CK_UTF8CHAR pin[] = GUEST_SO_PIN;
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    make_filler((size_t)16 * 1024 * 1024);
    CK_RV rv = p11->C_GetSlotList(CK_FALSE, slots, &count);
    rv = rv == CKR_OK && count > 0 ? p11->C_InitToken(slots[count - 1], pin, sizeof pin - 1, label)
                                   : rv;
    guest_ok(rv == CKR_DEVICE_MEMORY, "C_InitToken on a full disk (%s)", guest_code(rv));
    guest_ok(guest_token_find("too much") == GUEST_NO_SLOT, "and no token is there");
    remove_filler();
    rv = p11->C_InitToken(slots[count - 1], pin, sizeof pin - 1, label);
    guest_ok(rv == CKR_OK, "with room again it works (%s)", guest_code(rv));
}

static int be_full(void *unused)
{
    (void)unused;
    if (p11->C_Initialize(NULL) != CKR_OK || guest_token_make(LABEL) == GUEST_NO_SLOT) {
        guest_bail("cannot make a token");
    }
    (void)p11->C_Finalize(NULL);
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    fill_disk(session);
    fail_to_make_token();
    guest_ok(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
    return 0;
}

/* --- read-only -------------------------------------------------------------------------------- */

static bool make_read_only(void)
{
    return mount(disk, disk, NULL, MS_BIND, NULL) == 0 &&
           mount(NULL, disk, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0;
}

/* A call that writes: in a read-write session, if there is one. */
static CK_RV write_something(CK_SESSION_HANDLE session)
{
    return session != 0 ? make_numbered(session, KEYS_MAX) : CKR_TOKEN_WRITE_PROTECTED;
}

static void read_only_login(void)
{
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE reading = 0;
    CK_SESSION_HANDLE writing = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    CK_RV rv = p11->C_GetTokenInfo(slot, &info);
    guest_ok(rv == CKR_OK && (info.flags & CKF_WRITE_PROTECTED) != 0,
             "a read-only token says that it is");
    rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &reading);
    guest_ok(rv == CKR_OK, "C_OpenSession for reading (%s)", guest_code(rv));
    rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &writing);
    guest_ok(rv == CKR_OK || rv == CKR_TOKEN_WRITE_PROTECTED, "C_OpenSession for writing (%s)",
             guest_code(rv));
    rv = guest_login(reading, CKU_USER, "a wrong pin");
    guest_ok(rv == CKR_PIN_INCORRECT, "a wrong PIN (%s)", guest_code(rv));
    rv = guest_login(reading, CKU_USER, GUEST_PIN);
    guest_ok(rv == CKR_OK, "a right one (%s)", guest_code(rv));
    rv = guest_find(reading, NULL, 0, &key, 1, &count);
    guest_ok(rv == CKR_OK && count == 1 && guest_key_whole(reading, key),
             "keys are found and used (%s)", guest_code(rv));
    rv = write_something(writing);
    guest_ok(rv == CKR_TOKEN_WRITE_PROTECTED, "a new key is refused (%s)", guest_code(rv));
    if (writing != 0) {
        rv = p11->C_DestroyObject(writing, key);
        guest_ok(rv == CKR_TOKEN_WRITE_PROTECTED, "destroying one is (%s)", guest_code(rv));
    }
}

static int be_read_only(void *unused)
{
    (void)unused;
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 1;
    }
    slot = guest_token_find(LABEL);
    guest_ok(slot != GUEST_NO_SLOT, "a token on a read-only disk is there");
    read_only_login();
    guest_ok(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    if (!mount_disk()) {
        guest_skip_all("no mount namespace here");
    }
    use_disk();
    guest_load(argv[1]);
    (void)be_full(NULL);
    if (!make_read_only()) {
        guest_bail("cannot make the disk read-only: %s", strerror(errno));
    }
    (void)be_read_only(NULL);
    return guest_end();
}
