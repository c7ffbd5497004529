/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist trace: runs a program with a trace of its calls, or makes a C program of a trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "cli/trace_c.h"

#include "base/banned.h"

#define TRACE_MAX (256u * 1024 * 1024)
#define LOOK_MS 50
#define CHUNK 65536u

static CK_RV run_trace(struct kk_keykist *keykist);

struct trace_options {
    const char *output;
    bool beginnings;
    const char *to_c;
    const char *pid;
};

#define MEMBER(name) offsetof(struct trace_options, name)

static const struct kk_option trace_options[] = {
    {"output", "FILE", KK_OPTION_TEXT, MEMBER(output),
     "Append the trace to this file, not to standard error"},
    {"beginnings", NULL, KK_OPTION_FLAG, MEMBER(beginnings),
     "A line when a call begins, too: one may crash or never end"},
    {"to-c", "FILE", KK_OPTION_TEXT, MEMBER(to_c),
     "Print a C program that makes the calls of this trace again"},
    {"pid", "NUMBER", KK_OPTION_TEXT, MEMBER(pid),
     "With --to-c: the process whose calls they are; else the first"},
};

static const struct kk_keykist_command commands[] = {
    {.name = "",
     .help = "Run a program and print every PKCS#11 call that it makes of Keykist",
     .more = "keykist trace -- pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so -L\n"
             "No PIN, key or data gets into a trace. The exit status is the program's.\n",
     .operand = "PROGRAM",
     .many_operands = true,
     .operand_is_optional = true,
     .own_size = sizeof(struct trace_options),
     .options = trace_options,
     .option_count = KK_ARRAY_LEN(trace_options),
     .alone = true,
     .run = run_trace},
};

const struct kk_keykist_group kk_keykist_trace_group = {
    "trace", "Print every PKCS#11 call of a program, or make them again", commands,
    KK_ARRAY_LEN(commands)};

/* ---- a trace as a program ---- */

/* A trace is no secret. */
static CK_RV read_trace(const char *path, struct kk_buffer *trace)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && trace->len <= TRACE_MAX) {
        uint8_t *room = kk_buffer_extend(trace, CHUNK);
        KK_TRY(kk_buffer_check(trace));
        got = read(fd, room, CHUNK);
        trace->len -= CHUNK - (size_t)KK_MAX(got, 0);
    }
    int error = got < 0 ? errno : EFBIG;
    if (fd >= 0) {
        (void)close(fd);
    }
    return got == 0 ? CKR_OK : kk_cli_error("%s cannot be read: %s", path, strerror(error));
}

static CK_RV make_program(const struct trace_options *options)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer trace = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer program = {0};
    struct kk_trace_c counts = {0};
    char *end = NULL;
    counts.pid = options->pid != NULL ? strtoul(options->pid, &end, 10) : 0;
    if (options->pid != NULL && (*end != '\0' || counts.pid == 0)) {
        return kk_cli_error("--pid takes the number of a process");
    }
    KK_TRY(read_trace(options->to_c, &trace));
    KK_TRY(kk_trace_to_c(kk_buffer_span(&trace), &counts, &program));
    if (counts.calls == 0) {
        return kk_cli_error("%s holds no call%s that can be made again", options->to_c,
                            options->pid != NULL ? " of that process" : "");
    }
    if (fwrite(program.data, 1, program.len, stdout) != program.len) {
        return kk_cli_error("the program cannot be written: %s", strerror(errno));
    }
    fprintf(stderr,
            "keykist: %lu calls of process %lu; %lu left out, %lu of other processes, %lu lines "
            "not understood\n",
            counts.calls, counts.pid, counts.left, counts.others, counts.damaged);
    return CKR_OK;
}

/* ---- a program with a trace ---- */

/* The file that the program's module writes to. */
struct trace_file {
    char path[PATH_MAX];
    bool is_temporary;
    int fd; /* of a temporary one: what is in it is printed */
};

static void trace_file_close(struct trace_file *file)
{
    if (file->is_temporary) {
        (void)unlink(file->path);
        (void)close(file->fd);
    }
}

static CK_RV name_file(const char *output, struct trace_file *ret_file)
{
    char directory[PATH_MAX] = "";
    const char *between = output[0] == '/' ? "" : "/";
    if (output[0] != '/' && getcwd(directory, sizeof directory) == NULL) {
        return kk_cli_error("the working directory is not known: %s", strerror(errno));
    }
    int len = snprintf(ret_file->path, sizeof ret_file->path, "%s%s%s", directory, between, output);
    if (len < 0 || (size_t)len >= sizeof ret_file->path) {
        return kk_cli_error("%s is too long a name", output);
    }
    int fd = open(ret_file->path,
                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return kk_cli_error("%s cannot be opened: %s", output,
                            errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    }
    (void)close(fd);
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_nlink > 1) {
        return kk_cli_error("%s is not a plain file of yours", output);
    }
    return CKR_OK;
}

static CK_RV make_file(struct trace_file *ret_file)
{
    const char *folder = secure_getenv("TMPDIR");
    int len = snprintf(ret_file->path, sizeof ret_file->path, "%s/keykist-trace.XXXXXX",
                       folder != NULL && folder[0] == '/' ? folder : "/tmp");
    if (len < 0 || (size_t)len >= sizeof ret_file->path) {
        return kk_cli_error("TMPDIR is too long");
    }
    ret_file->fd = mkostemp(ret_file->path, O_CLOEXEC);
    if (ret_file->fd < 0) {
        return kk_cli_error("%s cannot be made: %s", ret_file->path, strerror(errno));
    }
    ret_file->is_temporary = true;
    return CKR_OK;
}

/* What has come since the last time, onto standard error. */
static void print_new(const struct trace_file *file)
{
    char text[65536];
    ssize_t got = 0;
    while (file->is_temporary && (got = read(file->fd, text, sizeof text)) > 0) {
        (void)fwrite(text, 1, (size_t)got, stderr);
    }
}

/* In the child. Interrupts of the terminal are the program's matter, as without us. */
static void run_program(const struct kk_keykist *keykist, char *const *arguments)
{
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGQUIT, SIG_DFL);
    (void)execvp(arguments[0], arguments);
    fprintf(stderr, "keykist: %s cannot be started: %s\n", keykist->operand, strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

static CK_RV wait_for(pid_t pid, const struct trace_file *file, int *ret_status)
{
    int status = 0;
    pid_t ended = 0;
    while (ended == 0) {
        ended = waitpid(pid, &status, file->is_temporary ? WNOHANG : 0);
        if (ended < 0 && errno == EINTR) {
            ended = 0;
        }
        print_new(file);
        if (ended == 0) {
            (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
        }
    }
    if (ended < 0) {
        return kk_cli_error("the program is lost: %s", strerror(errno));
    }
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return CKR_OK;
}

static CK_RV run_traced(const struct kk_keykist *keykist, const struct trace_file *file,
                        int *ret_status)
{
    KK_CLEANUP(kk_freep) char **arguments = NULL;
    KK_TRY(kk_alloc_array(keykist->operand_count + 1, sizeof *arguments, &arguments));
    memcpy(arguments, keykist->operands, keykist->operand_count * sizeof *arguments);
    if (setenv("KEYKIST_TRACE", file->path, 1) != 0) {
        return CKR_HOST_MEMORY;
    }
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    pid_t pid = fork();
    if (pid < 0) {
        return kk_cli_error("no process can be made: %s", strerror(errno));
    }
    if (pid == 0) {
        run_program(keykist, arguments);
    }
    return wait_for(pid, file, ret_status);
}

/* The program's own exit status is ours. */
static CK_RV run_one(const struct kk_keykist *keykist, const char *output, int *ret_status)
{
    KK_CLEANUP(trace_file_close) struct trace_file file = {.fd = -1};
    KK_TRY(output != NULL ? name_file(output, &file) : make_file(&file));
    return run_traced(keykist, &file, ret_status);
}

static CK_RV run_trace(struct kk_keykist *keykist)
{
    const struct trace_options *options = keykist->own;
    int status = 0;
    if (options->to_c != NULL && keykist->operand == NULL) {
        return make_program(options);
    }
    if (keykist->operand == NULL || options->to_c != NULL) {
        return kk_cli_error("say which program is to be run behind --, or --to-c and a trace");
    }
    if (keykist->options.module != NULL) {
        return kk_cli_error(
            "only calls of Keykist's own module can be traced; the program says which "
            "module it loads, not --module");
    }
    if (options->beginnings && setenv("KEYKIST_TRACE_BEGINNINGS", "yes", 1) != 0) {
        return CKR_HOST_MEMORY;
    }
    KK_TRY(run_one(keykist, options->output, &status));
    if (status != 0) {
        exit(status);
    }
    return CKR_OK;
}
