/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that takes 2 ms for every fsync: what eight threads create at once shares commits, and is
 * all there for another process afterwards. Counted are syncs, which do not depend on how busy the
 * machine is; the rates are printed.
 *
 * This program defines fsync and fdatasync itself, in front of the C library's.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "together"
#define THREADS 8u
#define SYNC_MS 2

static _Atomic unsigned long syncs;
static CK_SLOT_ID slot;
static unsigned keys_each;

static int slow_sync(const char *name, int fd)
{
    int (*real)(int) = NULL;
    atomic_fetch_add(&syncs, 1);
    guest_sleep_ms(SYNC_MS);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fsync(int fd) __attribute__((visibility("default")));
int fsync(int fd)
{
    return slow_sync("fsync", fd);
}

int fdatasync(int fd) __attribute__((visibility("default")));
int fdatasync(int fd)
{
    return slow_sync("fdatasync", fd);
}

/* Makes keys whose labels tell which they are; gives how many failed. */
static void *make_keys(void *context)
{
    const unsigned *thread = context;
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG len = 32;
    CK_ULONG label[2] = {*thread, 0};
    CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes},
                               {CKA_LABEL, label, sizeof label},
                               {CKA_VALUE_LEN, &len, sizeof len}};
    CK_SESSION_HANDLE session = guest_session(slot);
    uintptr_t failed = 0;
    for (unsigned i = 0; i < keys_each; i++) {
        CK_OBJECT_HANDLE key = 0;
        label[1] = i;
        failed +=
            !guest_fine(p11->C_GenerateKey(session, &generate, template, 3, &key), "C_GenerateKey");
    }
    (void)p11->C_CloseSession(session);
    return (void *)failed;
}

struct figures {
    double rate;  /* keys per second */
    double syncs; /* per key */
    uintptr_t failed;
};

static struct figures measure(unsigned threads, unsigned each, unsigned first)
{
    pthread_t running[THREADS];
    unsigned numbers[THREADS];
    struct figures figures = {0};
    keys_each = each;
    unsigned long before = atomic_load(&syncs);
    double begun = guest_seconds();
    for (unsigned i = 0; i < threads; i++) {
        numbers[i] = first + i;
        if (pthread_create(&running[i], NULL, make_keys, &numbers[i]) != 0) {
            guest_bail("no thread");
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        void *failed = NULL;
        (void)pthread_join(running[i], &failed);
        figures.failed += (uintptr_t)failed;
    }
    figures.rate = threads * each / (guest_seconds() - begun);
    figures.syncs = (double)(atomic_load(&syncs) - before) / (threads * each);
    guest_note("%u threads: %.0f keys/s, %.2f syncs per key", threads, figures.rate, figures.syncs);
    return figures;
}

/* In a process of its own: each key is there once and has its value. */
static bool all_are_there(unsigned threads, unsigned each, unsigned first)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    for (unsigned i = 0; i < threads * each; i++) {
        CK_ULONG label[2] = {first + i / each, i % each};
        CK_ATTRIBUTE wanted = {CKA_LABEL, label, sizeof label};
        CK_ULONG len = 0;
        CK_ATTRIBUTE has = {CKA_VALUE_LEN, &len, sizeof len};
        CK_OBJECT_HANDLE found[2];
        CK_ULONG count = 0;
        if (!guest_fine(guest_find(session, &wanted, 1, found, 2, &count), "finding") ||
            count != 1 || p11->C_GetAttributeValue(session, found[0], &has, 1) != CKR_OK ||
            len != 32) {
            return false;
        }
    }
    return true;
}

static bool another_process_sees_all(unsigned threads, unsigned each, unsigned first)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(all_are_there(threads, each, first) ? 0 : 1);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        guest_bail("usage: test_together MODULE");
    }
    guest_load(argv[1]);
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 1;
    }
    slot = guest_token_make(LABEL);
    CK_SESSION_HANDLE session = guest_session(slot);
    guest_ok(guest_fine(guest_login(session, CKU_USER, GUEST_PIN), "C_Login"), "a login");
    unsigned each = guest_amount(40, 400);
    struct figures alone = measure(1, each, 100);
    struct figures together = measure(THREADS, each, 0);
    guest_ok(alone.failed == 0 && together.failed == 0, "every key is made");
    guest_ok(alone.syncs >= 1, "a key made alone is synced");
    guest_ok(together.syncs * 3 <= alone.syncs, "eight threads share their syncs");
    guest_ok(another_process_sees_all(THREADS, each, 0), "every key is there for another process");
    guest_count("keys_together", THREADS * each);
    (void)p11->C_Finalize(NULL);
    return guest_end();
}
