/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log's three targets and its rate limit.
 *
 * One lock, the last in the order of ranks, covers everything, output included: fork() waits for
 * it, so that no child inherits syslog's own lock taken by us. A log file is opened for each line:
 * no descriptor of ours lies about in an application that closes or reuses them all, and a file
 * that was rotated away is not written to any more.
 */
#include "base/log.h"

#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <syslog.h>
#include <unistd.h>

#include "base/banned.h"

#define LINE_SIZE 512
#define SAME_LINES_A_MINUTE 5
#define REMEMBERED_LINES 32

/* A line seen within the last minute. `count` is 0 in an empty place. */
struct remembered {
    char text[LINE_SIZE];
    uint32_t hash;
    enum kk_log_level level;
    unsigned int count;
    time_t since;
};

static _Atomic int log_level = KK_LOG_WARNING;

static struct {
    struct kk_mutex lock;
    enum kk_log_target target;
    char path[PATH_MAX];
    struct remembered lines[REMEMBERED_LINES];
} state = {.lock = KK_MUTEX_INITIALIZER(KK_RANK_LOG), .target = KK_LOG_SYSLOG};

static const struct {
    const char *name;
    enum kk_log_level level;
} level_names[] = {
    {"ERROR", KK_LOG_ERROR},
    {"WARNING", KK_LOG_WARNING},
    {"INFO", KK_LOG_INFO},
    {"DEBUG", KK_LOG_DEBUG},
};

bool kk_log_level_parse(const char *name, enum kk_log_level *ret_level)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(level_names); i++) {
        if (strcmp(level_names[i].name, name) == 0) {
            *ret_level = level_names[i].level;
            return true;
        }
    }
    return false;
}

static const char *level_name(enum kk_log_level level)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(level_names); i++) {
        if (level_names[i].level == level) {
            return level_names[i].name;
        }
    }
    return "LOG";
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&state.lock.mutex);
}

static void after_fork_in_parent(void)
{
    (void)pthread_mutex_unlock(&state.lock.mutex);
}

/* In the child the thread that forked is the one that took the lock. */
static void after_fork_in_child(void)
{
    (void)pthread_mutex_unlock(&state.lock.mutex);
}

/* At load, before any other layer's handlers: prepare handlers run last registered first, so those
 * of the layers above may still log and free secrets. */
static void __attribute__((constructor)) register_fork_handlers(void)
{
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* O_NONBLOCK: a FIFO that nobody reads must not hang the application. */
static int open_log_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

static size_t format_line(char line[LINE_SIZE], enum kk_log_level level, const char *text)
{
    struct timespec now;
    struct tm local = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &local);
    size_t len = strftime(line, LINE_SIZE, "%Y-%m-%d %H:%M:%S", &local);
    int more = snprintf(line + len, LINE_SIZE - 1 - len, ".%03ld [%ld] %s: %s",
                        now.tv_nsec / 1000000, (long)getpid(), level_name(level), text);
    len += (size_t)KK_MAX(more, 0);
    len = KK_MIN(len, LINE_SIZE - 2);
    line[len] = '\n';
    return len + 1;
}

static bool write_line(int fd, enum kk_log_level level, const char *text)
{
    char line[LINE_SIZE];
    size_t len = format_line(line, level, text);
    ssize_t written = 0;
    do {
        written = write(fd, line, len);
    } while (written < 0 && errno == EINTR);
    return written == (ssize_t)len;
}

static bool write_to_file(enum kk_log_level level, const char *text)
{
    int fd = open_log_file(state.path);
    if (fd < 0) {
        return false;
    }
    bool is_written = write_line(fd, level, text);
    (void)close(fd);
    return is_written;
}

static void emit(enum kk_log_level level, const char *text)
{
    if (state.target == KK_LOG_STDERR) {
        (void)write_line(STDERR_FILENO, level, text);
    } else if (state.target == KK_LOG_SYSLOG || !write_to_file(level, text)) {
        syslog(LOG_USER | (int)level, "%s", text);
    }
}

static uint32_t hash_text(const char *text)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT32_C(16777619);
    }
    return hash;
}

/* Empties a place; what was held back there is counted in a line of its own. */
static void forget(struct remembered *line)
{
    if (line->count > SAME_LINES_A_MINUTE) {
        char text[LINE_SIZE];
        (void)snprintf(text, sizeof text, "%u more of this line within a minute: %.400s",
                       line->count - SAME_LINES_A_MINUTE, line->text);
        emit(line->level, text);
    }
    line->count = 0;
}

static time_t seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void forget_old_lines(time_t now, bool all)
{
    for (size_t i = 0; i < REMEMBERED_LINES; i++) {
        if (state.lines[i].count > 0 && (all || now - state.lines[i].since >= 60)) {
            forget(&state.lines[i]);
        }
    }
}

/* The place of this line, else an empty one, else the oldest, which is forgotten. */
static struct remembered *remember(enum kk_log_level level, const char *text, time_t now)
{
    uint32_t hash = hash_text(text);
    struct remembered *place = &state.lines[0];
    for (size_t i = 0; i < REMEMBERED_LINES; i++) {
        struct remembered *line = &state.lines[i];
        if (line->count > 0 && line->hash == hash && line->level == level &&
            strcmp(line->text, text) == 0) {
            return line;
        }
        if (place->count > 0 && (line->count == 0 || line->since < place->since)) {
            place = line;
        }
    }
    forget(place);
    (void)snprintf(place->text, sizeof place->text, "%s", text);
    place->hash = hash;
    place->level = level;
    place->since = now;
    return place;
}

static void say(enum kk_log_level level, const char *text)
{
    time_t now = seconds_now();
    forget_old_lines(now, false);
    struct remembered *line = remember(level, text, now);
    line->count += line->count < UINT_MAX;
    if (line->count <= SAME_LINES_A_MINUTE) {
        emit(level, text);
    }
}

/* One line stays one line, whatever a label or a path held. */
static void tidy(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = '?';
        }
    }
}

bool kk_log_enabled(enum kk_log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

void kk_log_write(enum kk_log_level level, const char *format, ...)
{
    if (!kk_log_enabled(level)) {
        return;
    }
    int kept_errno = errno;
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tidy(text);
    KK_WITH_LOCK(&state.lock)
    {
        say(level, text);
    }
    errno = kept_errno;
}

/* An absolute path, because the application may change its directory between two lines. */
static bool make_absolute(const char *path, char absolute[PATH_MAX])
{
    char directory[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(directory, sizeof directory) == NULL) {
        return false;
    }
    int len = snprintf(absolute, PATH_MAX, "%s%s%s", directory, path[0] != '/' ? "/" : "", path);
    errno = ENAMETOOLONG;
    return len > 0 && len < PATH_MAX;
}

/* Whether lines can go there; caller holds the lock. */
static bool set_path(const char *path)
{
    if (path == NULL || path[0] == '\0') {
        errno = ENOENT;
        return false;
    }
    if (!make_absolute(path, state.path)) {
        return false;
    }
    int fd = open_log_file(state.path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

void kk_log_configure(enum kk_log_level level, enum kk_log_target target, const char *path)
{
    KK_LOCK_SCOPE(&state.lock);
    forget_old_lines(0, true);
    state.target = target;
    atomic_store(&log_level, (int)level);
    if (target == KK_LOG_FILE && !set_path(path)) {
        char text[LINE_SIZE];
        (void)snprintf(text, sizeof text, "log.file %.300s cannot be opened: %s; using syslog",
                       path != NULL ? path : "(none)", strerror(errno));
        tidy(text);
        state.target = KK_LOG_SYSLOG;
        emit(KK_LOG_WARNING, text);
    }
}
