/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On and off, the line round a call, and the summary at the end.
 */
#include "trace/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "trace/calls.h"
#include "trace/file.h"
#include "trace/format.h"
#include "trace/summary.h"
#include "trace/tag.h"
#include "trace/text.h"

#include "base/banned.h"

_Atomic(struct kk_trace_file *) kk_trace_target;

/* The last file that there was: it is opened once, however often C_Initialize names it. */
static _Atomic(struct kk_trace_file *) last_file;
static _Atomic(struct kk_trace_file *) former[16]; /* named, so that no leak is suspected */

static _Atomic bool tells_beginnings; /* KEYKIST_TRACE_BEGINNINGS */

static _Atomic pid_t introduced; /* the process that the file has a head line of */

static bool is_in_environment(const char *name)
{
    const char *value = secure_getenv(name);
    return value != NULL && value[0] != '\0';
}

static const char *path_of_environment(void)
{
    const char *path = secure_getenv("KEYKIST_TRACE");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

static void forget_in_child(void)
{
    kk_trace_forget_counts();
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget_in_child);
}

static void say_off(const char *path, int error)
{
    kk_log_warning("log.trace: %s cannot be written, there is no trace: %s", path,
                   error == EPERM ? "it is not a plain file of this user's" : strerror(error));
}

/* A file is never freed: calls of other threads may be writing to it. */
static struct kk_trace_file *file_for(const char *path)
{
    struct kk_trace_file *file = atomic_load(&last_file);
    if (file != NULL && kk_trace_file_is(file, path)) {
        return file;
    }
    struct kk_trace_file *fresh = NULL;
    if (kk_trace_file_new(path, &fresh) != CKR_OK) {
        say_off(path, ENAMETOOLONG);
        return NULL;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(former); i++) {
        struct kk_trace_file *expected = NULL;
        if (atomic_compare_exchange_strong(&former[i], &expected, file)) {
            break;
        }
    }
    atomic_store(&last_file, fresh);
    return fresh;
}

void kk_trace_configure(const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *wanted = path_of_environment();
    wanted = wanted != NULL ? wanted : path;
    if (wanted == NULL || wanted[0] == '\0') {
        atomic_store(&kk_trace_target, NULL);
        return;
    }
    (void)pthread_once(&once, watch_forks);
    atomic_store(&tells_beginnings, is_in_environment("KEYKIST_TRACE_BEGINNINGS"));
    atomic_store(&kk_trace_target, file_for(wanted));
}

/* Calls before C_Initialize are traced too. */
static void __attribute__((constructor)) start_by_environment(void)
{
    if (path_of_environment() != NULL) {
        kk_trace_configure(NULL);
    }
}

/* ---- lines ---- */

static uint64_t now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* "2026-11-23 01:52:03.123456 [4711.4712] " */
static void put_when_and_who(struct kk_buffer *line)
{
    char text[96];
    struct timespec time = {0};
    struct tm local = {0};
    (void)clock_gettime(CLOCK_REALTIME, &time);
    (void)localtime_r(&time.tv_sec, &local);
    size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    (void)snprintf(text + len, sizeof text - len, ".%06ld [%ld.%ld] ", time.tv_nsec / 1000,
                   (long)getpid(), (long)syscall(SYS_gettid));
    kk_trace_put(line, text);
}

/* The first line of a process says whose the following ones are. Arguments of programs may hold
 * PINs; only the name is written. */
static void put_introduction(struct kk_buffer *out)
{
    pid_t pid = getpid();
    if (atomic_exchange(&introduced, pid) == pid) {
        return;
    }
    const char *name = program_invocation_short_name;
    kk_trace_put(out, "# keykist trace 1 of process ");
    kk_trace_put_number(out, (uint64_t)pid);
    kk_trace_put(out, ", program ");
    kk_trace_put_text(out, KK_SPAN(name, strlen(name)));
    kk_trace_put(out, ", library " KK_VERSION "\n");
}

/* Off for good when the file cannot be written. */
static void write_lines(struct kk_trace_file *file, const struct kk_buffer *lines)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {0};
    put_introduction(&out);
    kk_buffer_put_span(&out, kk_buffer_span(lines));
    if (kk_buffer_check(&out) != CKR_OK) {
        return; /* no memory for a line: the call is missing in the trace, nothing else */
    }
    if (!kk_trace_file_write(file, kk_buffer_span(&out))) {
        int error = errno;
        if (atomic_compare_exchange_strong(&kk_trace_target, &file, NULL)) {
            say_off(kk_trace_file_path(file), error);
        }
    }
}

static void write_summary(struct kk_trace_file *file)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {0};
    if (kk_trace_has_counts()) {
        kk_trace_put_summary(&out, (long)getpid());
        write_lines(file, &out);
    }
}

static void put_duration(struct kk_buffer *line, uint64_t nanoseconds)
{
    char text[48];
    (void)snprintf(text, sizeof text, " (%llu.%llu us)\n", (unsigned long long)nanoseconds / 1000,
                   (unsigned long long)nanoseconds / 100 % 10);
    kk_trace_put(line, text);
}

/* A call that never ends has no line of its own: this one is a remark. */
static void write_beginning(const struct kk_buffer *line)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {0};
    struct kk_trace_file *file = atomic_load(&kk_trace_target);
    if (file != NULL) {
        kk_trace_put(&out, "# begins: ");
        kk_buffer_put_span(&out, kk_buffer_span(line));
        kk_trace_put(&out, "\n");
        write_lines(file, &out);
    }
}

void kk_trace_begin(struct kk_trace_call *call, unsigned int number, const uintptr_t *words)
{
    int kept_errno = errno;
    *call = (struct kk_trace_call){.number = number, .words = words};
    put_when_and_who(&call->line);
    kk_trace_put_call(&call->line, &kk_trace_functions[number], words);
    if (atomic_load(&tells_beginnings)) {
        write_beginning(&call->line);
    }
    errno = kept_errno;
    call->started = now();
}

CK_RV kk_trace_end(struct kk_trace_call *call, CK_RV rv)
{
    uint64_t took = now() - call->started;
    int kept_errno = errno;
    struct kk_trace_file *file = atomic_load(&kk_trace_target);
    if (file != NULL) {
        kk_trace_put_result(&call->line, &kk_trace_functions[call->number], call->words, rv);
        put_duration(&call->line, took);
        kk_trace_count(call->number, rv, took);
        write_lines(file, &call->line);
        if (call->number == KK_TRACE_C_Finalize && rv == CKR_OK) {
            write_summary(file);
        }
    }
    kk_buffer_clear(&call->line);
    errno = kept_errno;
    return rv;
}

/* A program that ends without C_Finalize gets its summary too. */
static void __attribute__((destructor)) write_last_summary(void)
{
    struct kk_trace_file *file = atomic_load(&kk_trace_target);
    if (file != NULL) {
        write_summary(file);
    }
}
