/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No one-time key of an HSS key signs twice: many processes of several threads sign with one key,
 * and are killed at moments by chance, also between taking a leaf and giving the signature out.
 * What a signature's leaf is stands in it.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define LABEL "leaves"
#define THREADS 2u
#define SIGNERS 4u

/* Two levels: 2^10 trees of 2^5 leaves, with digits of two bits. */
#define TOP_TYPE 6
#define LOW_TYPE 5
#define DIGITS 2
#define LMOTS_LEN (4 + 32 * (1 + 133))
#define LOW_AT (4 + 4 + LMOTS_LEN + 4 + 32 * 10 + 56) /* of the lower tree's signature */
#define SIGNATURE_LEN (LOW_AT + 4 + LMOTS_LEN + 4 + 32 * 5)
#define LEAVES (32u * 1024u)

struct told {
    uint32_t leaf;
    uint8_t verified;
};

static int pipe_ends[2];
static uint8_t seen[LEAVES];
static unsigned long signatures, twice, wrong;

static void need(CK_RV rv, const char *what)
{
    if (!guest_fine(rv, what)) {
        (void)fflush(stdout);
        _exit(93);
    }
}

static int make_key(void *unused)
{
    CK_ULONG levels = 2;
    CK_ULONG lms[] = {TOP_TYPE, LOW_TYPE};
    CK_ULONG lmots[] = {DIGITS, DIGITS};
    CK_BBOOL yes = CK_TRUE;
    CK_MECHANISM mechanism = {CKM_HSS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {{CKA_TOKEN, &yes, sizeof yes},
                                      {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE private_template[] = {
        {CKA_TOKEN, &yes, sizeof yes},        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SIGN, &yes, sizeof yes},         {CKA_HSS_LEVELS, &levels, sizeof levels},
        {CKA_HSS_LMS_TYPES, lms, sizeof lms}, {CKA_HSS_LMOTS_TYPES, lmots, sizeof lmots}};
    CK_OBJECT_HANDLE public_key = 0;
    CK_OBJECT_HANDLE private_key = 0;
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    CK_SESSION_HANDLE session = guest_session(guest_token_make(LABEL));
    CK_RV rv = guest_login(session, CKU_USER, GUEST_PIN);
    need(rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv, "C_Login");
    need(p11->C_GenerateKeyPair(session, &mechanism, public_template, 2, private_template, 6,
                                &public_key, &private_key),
         "C_GenerateKeyPair");
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class)
{
    CK_KEY_TYPE type = CKK_HSS;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class},
                             {CKA_KEY_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    need(guest_find(session, wanted, 2, &found, 1, &count), "finding the key");
    return count == 1 ? found : 0;
}

static uint32_t u32_at(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void *sign_until_killed(void *unused)
{
    CK_MECHANISM mechanism = {CKM_HSS, NULL, 0};
    CK_SESSION_HANDLE session = guest_session(guest_token_find(LABEL));
    CK_OBJECT_HANDLE private_key = find(session, CKO_PRIVATE_KEY);
    CK_OBJECT_HANDLE public_key = find(session, CKO_PUBLIC_KEY);
    (void)unused;
    for (unsigned round = 0;; round++) {
        uint8_t text[8] = {0};
        uint8_t signature[SIGNATURE_LEN + 1];
        CK_ULONG len = sizeof signature;
        struct told told = {0};
        memcpy(text, &round, sizeof round);
        need(p11->C_SignInit(session, &mechanism, private_key), "C_SignInit");
        need(p11->C_Sign(session, text, sizeof text, signature, &len), "C_Sign");
        told.leaf = u32_at(signature + 4) * 32 + u32_at(signature + LOW_AT);
        if (round % 8 == 0) {
            need(p11->C_VerifyInit(session, &mechanism, public_key), "C_VerifyInit");
            told.verified = len == SIGNATURE_LEN &&
                            p11->C_Verify(session, text, sizeof text, signature, len) == CKR_OK;
        } else {
            told.verified = len == SIGNATURE_LEN;
        }
        if (write(pipe_ends[1], &told, sizeof told) != sizeof told) {
            _exit(92);
        }
    }
    return NULL;
}

static int signer(void *unused)
{
    pthread_t threads[THREADS];
    (void)unused;
    (void)guest_enter(LABEL);
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, sign_until_killed, NULL) != 0) {
            return 94;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return 0;
}

/* What the signers said until now. */
static void listen(void)
{
    struct pollfd readable = {.fd = pipe_ends[0], .events = POLLIN};
    struct told told;
    while (poll(&readable, 1, 0) > 0 && read(pipe_ends[0], &told, sizeof told) == sizeof told) {
        signatures++;
        if (told.leaf >= LEAVES || !told.verified) {
            wrong++;
        } else if (seen[told.leaf]++ > 0) {
            twice++;
            guest_note("leaf %u signed twice", told.leaf);
        }
    }
}

static bool kill_one(pid_t *pid, unsigned *ret_kills)
{
    (void)kill(*pid, SIGKILL);
    int how = guest_wait(*pid);
    *ret_kills += how == 128 + SIGKILL;
    *pid = guest_fork(signer, NULL);
    return how == 128 + SIGKILL;
}

static unsigned kill_signers(unsigned kills)
{
    pid_t pids[SIGNERS];
    unsigned done = 0;
    for (unsigned i = 0; i < SIGNERS; i++) {
        pids[i] = guest_fork(signer, NULL);
    }
    for (unsigned i = 0; i < kills; i++) {
        guest_sleep_ms(30 + (double)guest_random(60));
        listen();
        if (!kill_one(&pids[guest_random(SIGNERS)], &done)) {
            guest_note("a signer ended by itself");
            wrong++;
        }
    }
    for (unsigned i = 0; i < SIGNERS; i++) {
        (void)kill(pids[i], SIGKILL);
        (void)guest_wait(pids[i]);
    }
    listen();
    return done;
}

/* Leaves that were taken, by the key itself. */
static int count_left(void *result)
{
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    CK_ULONG left = 0;
    CK_ATTRIBUTE attribute = {CKA_HSS_KEYS_REMAINING, &left, sizeof left};
    need(p11->C_GetAttributeValue(session, find(session, CKO_PRIVATE_KEY), &attribute, 1),
         "CKA_HSS_KEYS_REMAINING");
    (void)result;
    struct told told = {.leaf = (uint32_t)left, .verified = 1};
    return write(pipe_ends[1], &told, sizeof told) == sizeof told ? 0 : 92;
}

int main(int argc, char **argv)
{
    char tokens[4200];
    struct told left = {0};
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/signed", guest_folder());
    guest_use_tokens(tokens, "");
    guest_load(argv[1]);
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    guest_ok(guest_wait(guest_fork(make_key, NULL)) == 0, "a key of two levels");
    unsigned wanted = guest_is_slow() ? 16 : guest_amount(60, 1500);
    unsigned kills = kill_signers(wanted);
    guest_ok(kills == wanted, "%u signers killed", kills);
    guest_ok(wrong == 0, "every signature is right");
    guest_ok(twice == 0, "of %lu signatures no two are of one leaf", signatures);
    guest_ok(signatures > kills, "they signed more often than they were killed");
    guest_ok(guest_wait(guest_fork(count_left, NULL)) == 0 &&
                 read(pipe_ends[0], &left, sizeof left) == sizeof left,
             "the key is there");
    unsigned long taken = LEAVES - left.leaf;
    uint32_t last = LEAVES - 1;
    while (last > 0 && seen[last] == 0) {
        last--;
    }
    guest_ok(taken > last && taken >= signatures, "what was seen was taken: %lu of %lu leaves",
             signatures, taken);
    guest_count("kills", kills);
    guest_count("signatures", signatures);
    return guest_end();
}
