/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two modules on one token directory, SoftHSM itself being the judge. Each works in processes of
 * its own: the two must not meet in one.
 */
#pragma once

#include "guest.h"

enum side { KEYKIST, SOFTHSM };
#define SIDES 2

extern const char *const side_names[SIDES];

/* From the command line: the paths of the two modules. */
void judge_begin(int argc, char **argv);

/* Runs `work` in a new process of that side, logged in at the token of that label (pin NULL: not
 * logged in). True when everything, `work` included, went well. */
typedef bool judge_work(CK_SESSION_HANDLE session, void *argument);
struct judge_login {
    const char *label;
    CK_USER_TYPE user;
    const char *pin;
};
bool judge_run(enum side side, const struct judge_login *login, judge_work *work, void *argument);
pid_t judge_start(enum side side, const struct judge_login *login, judge_work *work,
                  void *argument);

/* Memory that children write and everybody reads. */
void *judge_share(size_t size);

/* The one object of that class and label; 0 when there is none, or more. */
CK_OBJECT_HANDLE judge_find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class,
                            const char *label);
