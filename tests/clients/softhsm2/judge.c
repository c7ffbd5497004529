/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests with SoftHSM as judge share.
 */
#include "judge.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

const char *const side_names[SIDES] = {"Keykist", "SoftHSM"};

static const char *paths[SIDES];

void judge_begin(int argc, char **argv)
{
    if (argc < 3) {
        guest_bail("usage: %s KEYKIST-MODULE SOFTHSM-MODULE", argv[0]);
    }
    paths[KEYKIST] = argv[1];
    paths[SOFTHSM] = argv[2];
}

struct job {
    enum side side;
    const struct judge_login *login;
    judge_work *work;
    void *argument;
};

static int run_job(void *context)
{
    const struct job *job = context;
    const struct judge_login *login = job->login;
    guest_load(paths[job->side]);
    if (!guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 1;
    }
    CK_SESSION_HANDLE session = guest_session(guest_token_find(login->label));
    bool good =
        session != 0 && (login->pin == NULL ||
                         guest_fine(guest_login(session, login->user, login->pin), "C_Login"));
    good = good && job->work(session, job->argument);
    good = guest_fine(p11->C_Finalize(NULL), "C_Finalize") && good;
    return good ? 0 : 1;
}

pid_t judge_start(enum side side, const struct judge_login *login, judge_work *work, void *argument)
{
    struct job job = {side, login, work, argument};
    return guest_fork(run_job, &job);
}

bool judge_run(enum side side, const struct judge_login *login, judge_work *work, void *argument)
{
    return guest_wait(judge_start(side, login, work, argument)) == 0;
}

void *judge_share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        guest_bail("no memory");
    }
    return memory;
}

CK_OBJECT_HANDLE judge_find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class,
                            const char *label)
{
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class},
                             {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ULONG count = 0;
    bool good = guest_fine(guest_find(session, wanted, 2, found, 2, &count), "finding");
    return good && count == 1 ? found[0] : 0;
}
