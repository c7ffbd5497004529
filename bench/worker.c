/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child's side. It has no life of its own: when the parent ends, so does it.
 */
#include "worker.h"

#include "token.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

struct place {
    const struct kk_bench_worker *worker;
    struct kk_bench_token token;
    struct kk_bench_crew *crew;
};

bool kk_bench_read(int fd, void *data, size_t len)
{
    char *at = data;
    while (len > 0) {
        ssize_t got = read(fd, at, len);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

bool kk_bench_write(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        at += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

static CK_RV open_module(struct place *place, struct kk_bench_failure *failure)
{
    const struct kk_bench_worker *worker = place->worker;
    if (worker->module == NULL) {
        return CKR_OK;
    }
    CK_RV rv = kk_bench_token_load(worker->module, worker->directory, &place->token, failure);
    return rv != CKR_OK ? rv
                        : kk_bench_token_open(&place->token, worker->label, worker->objects,
                                              worker->sessions, failure);
}

static CK_RV obey(struct place *place, const struct kk_bench_command *command,
                  struct kk_bench_answer *answer)
{
    const struct kk_bench_worker *worker = place->worker;
    struct kk_bench_token *token = worker->module != NULL ? &place->token : NULL;
    switch (command->order) {
    case KK_BENCH_OPEN:
        return open_module(place, &answer->failure);
    case KK_BENCH_START:
        return kk_bench_crew_start(&kk_bench_rows[command->row], token, worker->directory,
                                   kk_bench_list_max(&worker->options->threads), &answer->failure,
                                   &place->crew);
    case KK_BENCH_RUN:
        return kk_bench_crew_run(place->crew, &command->round, &answer->failure, &answer->result);
    case KK_BENCH_STOP:
        kk_bench_crew_stop(place->crew);
        place->crew = NULL;
        return CKR_OK;
    case KK_BENCH_QUIT:
        kk_bench_token_close(&place->token);
        return CKR_OK;
    }
    return CKR_ARGUMENTS_BAD;
}

_Noreturn void kk_bench_worker_main(const struct kk_bench_worker *worker)
{
    static struct kk_bench_answer answer;
    struct place place = {.worker = worker};
    struct kk_bench_command command;
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (kk_bench_read(worker->commands, &command, sizeof(command))) {
        answer = (struct kk_bench_answer){0};
        answer.failure.rv = obey(&place, &command, &answer);
        if (!kk_bench_write(worker->answers, &answer, sizeof(answer)) ||
            command.order == KK_BENCH_QUIT) {
            break;
        }
    }
    _exit(0);
}
