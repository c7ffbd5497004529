/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kill_at N COMMAND...: runs a command and kills it in front of its N-th call to the system that
 * changes something on the disk. Exits as the command does, with 137 when it was killed, and with
 * 99 when it cannot be traced.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

/* In the order of <sys/syscall.h>'s names; not every machine has each. */
static bool changes(const struct ptrace_syscall_info *info)
{
    switch ((long)info->entry.nr) {
#ifdef SYS_rename
    case SYS_rename:
#endif
#ifdef SYS_unlink
    case SYS_unlink:
#endif
#ifdef SYS_mkdir
    case SYS_mkdir:
#endif
#ifdef SYS_rmdir
    case SYS_rmdir:
#endif
    case SYS_renameat2:
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_pwrite64:
    case SYS_ftruncate:
    case SYS_fsync:
    case SYS_fdatasync:
        return true;
    case SYS_openat:
        return (info->entry.args[2] & O_CREAT) != 0;
    default:
        return false;
    }
}

static bool is_change(pid_t pid)
{
    struct ptrace_syscall_info info = {0};
    return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
           info.op == PTRACE_SYSCALL_INFO_ENTRY && changes(&info);
}

static int follow(pid_t pid, long left)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL,
               (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC)) !=
            0) {
        return 99;
    }
    long deliver = 0;
    for (;;) {
        (void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)deliver);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
            break;
        }
        int stop = WSTOPSIG(status);
        deliver = stop == (SIGTRAP | 0x80) || stop == SIGTRAP ? 0 : stop;
        if (stop == (SIGTRAP | 0x80) && is_change(pid) && --left == 0) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            break;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: kill_at N COMMAND...\n");
        return 99;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(99);
        }
        (void)raise(SIGSTOP);
        (void)execvp(argv[2], argv + 2);
        _exit(99);
    }
    return pid < 0 ? 99 : follow(pid, strtol(argv[1], NULL, 10));
}
