/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a function in a child process and tells how it ended: for code that must end the process, or
 * that is about fork().
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What waitpid() says. The child's stderr goes nowhere, and sanitizers see none of its signals. */
static inline int child_run(int (*function)(void *context), void *context)
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        (void)signal(SIGABRT, SIG_DFL);
        int nowhere = open("/dev/null", O_WRONLY);
        (void)dup2(nowhere, STDERR_FILENO);
        (void)syscall(SYS_exit_group,
                      function(context)); /* not TSan's _exit(), which counts threads */
        abort();
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        abort();
    }
    return status;
}

static inline bool child_dies_by(int signal_number, int (*function)(void *context), void *context)
{
    int status = child_run(function, context);
    return WIFSIGNALED(status) && WTERMSIG(status) == signal_number;
}

/* The exit code, -1 when it ended otherwise. */
static inline int child_exit(int (*function)(void *context), void *context)
{
    int status = child_run(function, context);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
