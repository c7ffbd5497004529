/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups that are made while others write, and restores that are killed before a step of theirs on
 * the disk (each of them with KEYKIST_LONG_TESTS). A backup is one moment of the token; a restore
 * makes a whole token or none, and one that replaces a token leaves one whole token at any moment.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "backup"
#define WRITERS 8u
#define KEYS_MAX 20000
#define PASSPHRASE "correct horse battery"
#define REPLACE CKF_KEYKIST_RESTORE_REPLACE
#define REKEY CKF_KEYKIST_RESTORE_REKEY

/* What the processes of this test tell each other. */
struct shared {
    atomic_uint acknowledged[WRITERS]; /* keys that are there */
    unsigned before[WRITERS];          /* as a backup began, and as it had ended */
    unsigned after[WRITERS];
};
static struct shared *shared;

static char file[4200];   /* the backup */
static char folder[4200]; /* another place for tokens */
static char conf[4200];   /* its configuration */

/* --- the interface ---------------------------------------------------------------------------- */

static void load_vendor(const char *path)
{
    guest_load(path);
    if (vendor == NULL) {
        guest_bail("no vendor interface in %s", path);
    }
}

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

static const CK_KEYKIST_BACKUP_KEY key = {
    .passphrase = {(const CK_BYTE *)PASSPHRASE, sizeof PASSPHRASE - 1}};

/* The module must be initialised. */
static CK_RV back_up(void)
{
    CK_KEYKIST_BACKUP_INFO info;
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CK_KEYKIST_STREAM to = {.context = &fd, .write = give};
    CK_RV rv = vendor->backup(guest_token_find(LABEL), &key, &to, &info);
    (void)close(fd);
    return rv;
}

static CK_RV restore(CK_FLAGS flags)
{
    CK_KEYKIST_BACKUP_INFO info;
    CK_KEYKIST_RESTORE how = {.flags = flags,
                              .user = CKU_SO,
                              .pin = {(const CK_BYTE *)GUEST_SO_PIN, sizeof GUEST_SO_PIN - 1},
                              .user_pin = {(const CK_BYTE *)GUEST_PIN, sizeof GUEST_PIN - 1}};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    CK_KEYKIST_STREAM from = {.context = &fd, .read = take};
    CK_RV rv = vendor->restore(&from, &key, &how, &info);
    (void)close(fd);
    return rv;
}

/* --- writers ---------------------------------------------------------------------------------- */

/* Makes keys that are numbered, until it is killed. */
static int write_keys(void *argument)
{
    unsigned who = *(const unsigned *)argument;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    for (unsigned n = 0;; n++) {
        uint8_t id[GUEST_ID_SIZE] = {(uint8_t)who, (uint8_t)(n >> 8), (uint8_t)n, 1};
        CK_OBJECT_HANDLE made = 0;
        if (!guest_fine(guest_key_make(session, id, &made), "a writer's key")) {
            return 93;
        }
        atomic_store(&shared->acknowledged[who], n + 1);
    }
}

static int back_up_now(void *unused)
{
    (void)unused;
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 90;
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        shared->before[i] = atomic_load(&shared->acknowledged[i]);
    }
    bool good = guest_fine(back_up(), "backup");
    for (unsigned i = 0; i < WRITERS; i++) {
        shared->after[i] = atomic_load(&shared->acknowledged[i]);
    }
    return good ? 0 : 94;
}

/* Of each writer the first so many keys, all that were there before, none from after. */
static bool is_one_moment(CK_SESSION_HANDLE session, const CK_OBJECT_HANDLE *found, CK_ULONG count)
{
    static bool seen[WRITERS][KEYS_MAX];
    unsigned counts[WRITERS] = {0};
    memset(seen, 0, sizeof seen);
    for (CK_ULONG i = 0; i < count; i++) {
        uint8_t id[GUEST_ID_SIZE] = {0};
        CK_ATTRIBUTE attribute = {CKA_ID, id, sizeof id};
        if (!guest_key_whole(session, found[i]) ||
            p11->C_GetAttributeValue(session, found[i], &attribute, 1) != CKR_OK) {
            return false;
        }
        if (id[3] == 1 && id[0] < WRITERS) { /* not the one that the token was made with */
            seen[id[0]][id[1] << 8 | id[2]] = true;
            counts[id[0]]++;
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        for (unsigned n = 0; n < counts[i]; n++) {
            if (!seen[i][n]) {
                guest_note("writer %u: key %u of %u is missing", i, n, counts[i]);
                return false;
            }
        }
        if (counts[i] < shared->before[i] || counts[i] > shared->after[i] + 1) {
            guest_note("writer %u: %u keys, %u before, %u after", i, counts[i], shared->before[i],
                       shared->after[i]);
            return false;
        }
    }
    return true;
}

/* Restores the backup in the other place, and looks at all of it. */
static int look_at_backup(void *unused)
{
    static CK_OBJECT_HANDLE found[KEYS_MAX];
    CK_ULONG count = 0;
    (void)unused;
    if (setenv("SOFTHSM2_CONF", conf, 1) != 0 || !guest_fine(p11->C_Initialize(NULL), "init") ||
        !guest_fine(restore(0), "restore")) {
        return 95;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    if (!guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "login") ||
        !guest_fine(guest_find(session, NULL, 0, found, KEYS_MAX, &count), "find")) {
        return 96;
    }
    return is_one_moment(session, found, count) ? 0 : 1;
}

static void empty_folder(void)
{
    char command[8600];
    (void)snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", folder, folder);
    if (system(command) != 0) {
        guest_bail("cannot empty %s", folder);
    }
}

static bool all_have_begun(void)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        if (atomic_load(&shared->acknowledged[i]) == 0) {
            return false;
        }
    }
    return true;
}

static void back_up_among_writers(unsigned backups)
{
    pid_t pids[WRITERS];
    unsigned numbers[WRITERS];
    unsigned good = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        pids[i] = guest_fork(write_keys, &numbers[i]);
    }
    for (double end = guest_seconds() + 60; !all_have_begun() && guest_seconds() < end;) {
        guest_sleep_ms(5);
    }
    for (unsigned i = 0; i < backups; i++) {
        empty_folder();
        good += guest_wait(guest_fork(back_up_now, NULL)) == 0 &&
                guest_wait(guest_fork(look_at_backup, NULL)) == 0;
        guest_sleep_ms(guest_random(100));
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        (void)kill(pids[i], SIGKILL);
        kept += guest_wait(pids[i]) == 128 + SIGKILL;
    }
    guest_ok(all_have_begun() && kept == WRITERS, "%u writers wrote all the time", WRITERS);
    guest_ok(good == backups, "%u of %u backups are one moment each", good, backups);
}

/* --- killing a restore ------------------------------------------------------------------------ */

struct victim {
    CK_FLAGS flags;
};

static int restore_as_victim(void *argument)
{
    const struct victim *victim = argument;
    if (setenv("SOFTHSM2_CONF", conf, 1) != 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        return 97;
    }
    (void)raise(SIGSTOP);
    if (p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    return restore(victim->flags) == CKR_OK ? 0 : 98;
}

/* What changes the disk, or makes it safe. */
static bool changes_disk(uint64_t number)
{
    static const long calls[] = {
        SYS_fsync,     SYS_fdatasync, SYS_renameat2, SYS_unlinkat,  SYS_mkdirat,
        SYS_ftruncate, SYS_pwrite64,  SYS_write,     SYS_utimensat,
#ifdef SYS_rename
        SYS_rename,    SYS_unlink,    SYS_mkdir,     SYS_rmdir,
#endif
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if ((uint64_t)calls[i] == number) {
            return true;
        }
    }
    return false;
}

/* Lets the child run to just before its `last`-th such call and kills it there. 1: it was killed;
 * 0: it came to its end before; -1: it cannot be traced. */
static int kill_before(pid_t pid, unsigned last)
{
    int status = 0;
    unsigned count = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
        return -1;
    }
    for (int signal = 0;; signal = 0) {
        struct __ptrace_syscall_info info = {0};
        (void)ptrace(PTRACE_SYSCALL, pid, NULL, signal);
        if (waitpid(pid, &status, 0) != pid || WIFSIGNALED(status)) {
            return -1;
        }
        if (WIFEXITED(status)) {
            return WEXITSTATUS(status) == 0 ? 0 : -1;
        }
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            signal = WSTOPSIG(status);
            continue;
        }
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_disk(info.entry.nr) &&
            ++count == last) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            return 1;
        }
    }
}

/* 0: no token; 1: one whole token; more: anything else. */
static int state_of_folder(void *unused)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    (void)unused;
    if (setenv("SOFTHSM2_CONF", conf, 1) != 0 || !guest_fine(p11->C_Initialize(NULL), "init") ||
        !guest_fine(p11->C_GetSlotList(CK_TRUE, slots, &count), "slots")) {
        return 90;
    }
    if (count != 2) { /* the empty slot is there always */
        return count == 1 ? 0 : 10 + (int)count;
    }
    CK_OBJECT_HANDLE found[16];
    CK_ULONG keys = 0;
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    if (!guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "login") ||
        !guest_fine(guest_find(session, NULL, 0, found, 16, &keys), "find") || keys != 1) {
        return 2;
    }
    return guest_key_whole(session, found[0]) ? 1 : 3;
}

static int restore_in_peace(void *unused)
{
    (void)unused;
    if (setenv("SOFTHSM2_CONF", conf, 1) != 0 || p11->C_Initialize(NULL) != CKR_OK) {
        return 90;
    }
    return guest_fine(restore(REPLACE), "restore") ? 0 : 1;
}

/* Databases in the other place. What a removal that was killed leaves of a directory is no token.
 */
static int databases(void)
{
    char command[4400];
    (void)snprintf(command, sizeof command, "exit $(ls '%s'/*-*/keykist.db | wc -l)", folder);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* `flags` REPLACE: a token is there before. A token is never there without the new keys that REKEY
 * gives it: they come before its first byte. */
static void kill_restores(CK_FLAGS flags, const char *what)
{
    unsigned steps = 0;
    unsigned wrong = 0;
    struct victim victim = {flags};
    int killed = 1;
    for (unsigned last = 1; killed == 1; last += guest_amount(4, 1)) {
        empty_folder();
        if ((flags & REPLACE) != 0 && guest_wait(guest_fork(restore_in_peace, NULL)) != 0) {
            guest_bail("no token to replace");
        }
        killed = kill_before(guest_fork(restore_as_victim, &victim), last);
        int state = guest_wait(guest_fork(state_of_folder, NULL));
        bool good = state == 1 || (state == 0 && (flags & REPLACE) == 0 && killed == 1);
        good = good && guest_wait(guest_fork(restore_in_peace, NULL)) == 0 && databases() == 1 &&
               guest_wait(guest_fork(state_of_folder, NULL)) == 1;
        if (!good) {
            guest_note("killed before step %u: state %d, %d databases", last, state, databases());
            wrong++;
        }
        steps += killed == 1;
    }
    if (killed < 0) {
        guest_note("processes cannot be traced here: nothing was killed");
    }
    guest_ok(killed < 0 || (wrong == 0 && steps > 9), "%s: killed before %u of its steps", what,
             steps);
}

/* --- main ------------------------------------------------------------------------------------- */

static void make_second_place(void)
{
    (void)snprintf(file, sizeof file, "%s/backup", guest_folder());
    (void)snprintf(folder, sizeof folder, "%s/others", guest_folder());
    (void)snprintf(conf, sizeof conf, "%s/others.conf", guest_folder());
    FILE *out = fopen(conf, "w");
    if (out == NULL ||
        fprintf(out, "directories.tokendir = %s\nlog.file = %s.log\npin.kdf = test\n", folder,
                conf) < 0 ||
        fclose(out) != 0) {
        guest_bail("cannot write %s", conf);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        guest_bail("usage: test_backup MODULE");
    }
    guest_load(argv[1]);
    load_vendor(argv[1]);
    make_second_place();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        guest_bail("no shared memory");
    }
    guest_token_prepare(LABEL);
    guest_ok(guest_wait(guest_fork(back_up_now, NULL)) == 0, "a backup");
    kill_restores(0, "a restore");
    kill_restores(REPLACE, "a restore that replaces a token");
    kill_restores(REPLACE | REKEY, "a restore with new keys that replaces a token");
    back_up_among_writers(guest_amount(5, 40));
    return guest_end();
}
