/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forking, asking, waiting with a limit, and telling how a process ended.
 */
#include "subject.h"

#include "cryptoki/names.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long an answer may take before the process counts as hanging. */
enum { PATIENCE_MS = 120000, PATIENCE_PER_OBJECT_MS = 200, PATIENCE_QUIT_MS = 10000 };

volatile sig_atomic_t kk_bench_interrupted;

static void note_failure(struct kk_bench_subject *subject, const struct kk_bench_failure *failure)
{
    const char *name = kk_names_find(KK_NAMES_CKR, failure->rv);
    char number[32];
    snprintf(number, sizeof(number), "0x%08lx", failure->rv);
    snprintf(subject->note, sizeof(subject->note), "%s: %s", failure->call,
             name != NULL ? name : number);
}

/* Says how a process ended that no longer answers, and ends it if it has not. */
static void note_end(struct kk_bench_subject *subject, struct kk_bench_process *process)
{
    int status = 0;
    struct timespec moment = {0, 100000000};
    nanosleep(&moment, NULL); /* a pipe closes a little before its process can be waited for */
    bool hangs = waitpid(process->pid, &status, WNOHANG) == 0;
    if (hangs) {
        snprintf(subject->note, sizeof(subject->note), "hangs");
    } else if (WIFSIGNALED(status)) {
        snprintf(subject->note, sizeof(subject->note), "crashed (%s)", strsignal(WTERMSIG(status)));
    } else {
        snprintf(subject->note, sizeof(subject->note), "exited with %d", WEXITSTATUS(status));
    }
    if (!hangs) {
        process->pid = 0;
    }
}

static long long milliseconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static bool await(int fd, long long patience)
{
    const long long end = milliseconds_now() + patience;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    long long left;
    while ((left = end - milliseconds_now()) > 0 && !kk_bench_interrupted) {
        int ready = poll(&waiting, 1, left > 1000 ? 1000 : (int)left);
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
    }
    return false;
}

static long long patience_for(const struct kk_bench_subject *subject,
                              const struct kk_bench_command *command)
{
    if (command->order == KK_BENCH_QUIT) {
        return PATIENCE_QUIT_MS;
    }
    return PATIENCE_MS + 10LL * command->round.milliseconds +
           (long long)PATIENCE_PER_OBJECT_MS * ((long long)subject->objects + subject->sessions);
}

static bool listen_to(struct kk_bench_subject *subject, struct kk_bench_process *process,
                      long long patience, struct kk_bench_answer *answer)
{
    if (!await(process->answers, patience) ||
        !kk_bench_read(process->answers, answer, sizeof(*answer))) {
        note_end(subject, process);
        kk_bench_subject_close(subject);
        return false;
    }
    if (answer->failure.rv != CKR_OK) {
        note_failure(subject, &answer->failure);
        return false;
    }
    return true;
}

/* One after the other: the first process makes the token and the keys, the others find them. */
static bool ask_in_turn(struct kk_bench_subject *subject, struct kk_bench_command command)
{
    static struct kk_bench_answer answer;
    bool good = true;
    for (unsigned i = 0; good && i < subject->running; i++) {
        struct kk_bench_process *process = &subject->process[i];
        kk_bench_write(process->commands, &command, sizeof(command));
        good = listen_to(subject, process, patience_for(subject, &command), &answer);
    }
    return good;
}

bool kk_bench_subject_init(struct kk_bench_subject *subject, const struct kk_bench_options *options,
                           const char *module, const char *root)
{
    const char *slash = module != NULL ? strrchr(module, '/') : NULL;
    *subject = (struct kk_bench_subject){.options = options, .module = module, .usable = true};
    snprintf(subject->name, sizeof(subject->name), "%s",
             module == NULL  ? "raw"
             : slash != NULL ? slash + 1
                             : module);
    snprintf(subject->root, sizeof(subject->root), "%s", root);
    subject->process = calloc(kk_bench_list_max(&options->processes), sizeof(subject->process[0]));
    return subject->process != NULL && mkdir(root, 0700) == 0;
}

static bool fork_one(struct kk_bench_subject *subject, struct kk_bench_process *process)
{
    int commands[2];
    int answers[2];
    if (pipe2(commands, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(answers, O_CLOEXEC) != 0) {
        close(commands[0]);
        close(commands[1]);
        return false;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(commands[1]);
        close(answers[0]);
        struct kk_bench_worker worker = {
            .options = subject->options,
            .objects = subject->objects,
            .sessions = subject->sessions,
            .module = subject->module,
            .directory = subject->directory,
            .label = subject->label,
            .commands = commands[0],
            .answers = answers[1],
        };
        kk_bench_worker_main(&worker);
    }
    close(commands[0]);
    close(answers[1]);
    *process = (struct kk_bench_process){pid, commands[1], answers[0]};
    if (pid < 0) {
        close(commands[1]);
        close(answers[0]);
    }
    return pid > 0;
}

static bool fork_all(struct kk_bench_subject *subject)
{
    subject->incarnation++;
    snprintf(subject->directory, sizeof(subject->directory), "%s/%u", subject->root,
             subject->incarnation);
    snprintf(subject->label, sizeof(subject->label), "bench-%ld-%u", (long)getpid(),
             subject->incarnation);
    if (mkdir(subject->directory, 0700) != 0) {
        return false;
    }
    while (subject->running < kk_bench_list_max(&subject->options->processes)) {
        if (!fork_one(subject, &subject->process[subject->running])) {
            return false;
        }
        subject->running++;
    }
    return true;
}

bool kk_bench_subject_open(struct kk_bench_subject *subject)
{
    if (subject->running > 0 || !subject->usable) {
        return subject->usable;
    }
    subject->usable = fork_all(subject);
    if (!subject->usable) {
        snprintf(subject->note, sizeof(subject->note), "no process: %s", strerror(errno));
    } else {
        subject->usable = ask_in_turn(subject, (struct kk_bench_command){.order = KK_BENCH_OPEN});
    }
    if (!subject->usable) {
        kk_bench_subject_close(subject);
    }
    return subject->usable;
}

bool kk_bench_subject_start(struct kk_bench_subject *subject, unsigned row)
{
    bool good =
        ask_in_turn(subject, (struct kk_bench_command){.order = KK_BENCH_START, .row = row});
    if (!good) {
        kk_bench_subject_stop(subject);
    }
    return good;
}

/* All at once, then all answers, whatever they are: an unread one would be taken for the next. */
bool kk_bench_subject_run(struct kk_bench_subject *subject, unsigned processes, unsigned threads,
                          struct kk_bench_result *ret_result)
{
    static struct kk_bench_answer answer;
    struct kk_bench_command command = {
        .order = KK_BENCH_RUN,
        .round = {subject->options->round_ms, threads, subject->options->cpu_time},
    };
    unsigned active = processes < subject->running ? processes : subject->running;
    bool good = active > 0;
    for (unsigned i = 0; i < active; i++) {
        kk_bench_write(subject->process[i].commands, &command, sizeof(command));
    }
    *ret_result = (struct kk_bench_result){0};
    for (unsigned i = 0; i < active && subject->running > 0; i++) {
        if (!listen_to(subject, &subject->process[i], patience_for(subject, &command), &answer)) {
            good = false;
            continue;
        }
        ret_result->rate += answer.result.rate;
        ret_result->count += answer.result.count;
        kk_bench_histogram_merge(&ret_result->latency, &answer.result.latency);
    }
    if (!good) {
        kk_bench_subject_stop(subject);
    }
    return good;
}

void kk_bench_subject_stop(struct kk_bench_subject *subject)
{
    char note[KK_BENCH_NOTE_SIZE];
    snprintf(note, sizeof(note), "%s", subject->note);
    if (ask_in_turn(subject, (struct kk_bench_command){.order = KK_BENCH_STOP})) {
        snprintf(subject->note, sizeof(subject->note), "%s", note);
    }
}

static void end_process(struct kk_bench_process *process)
{
    close(process->commands);
    close(process->answers);
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    *process = (struct kk_bench_process){0};
}

void kk_bench_subject_close(struct kk_bench_subject *subject)
{
    while (subject->running > 0) {
        subject->running--;
        end_process(&subject->process[subject->running]);
    }
}

void kk_bench_subject_clear(struct kk_bench_subject *subject)
{
    ask_in_turn(subject, (struct kk_bench_command){.order = KK_BENCH_QUIT});
    kk_bench_subject_close(subject);
    free(subject->process);
    subject->process = NULL;
}
