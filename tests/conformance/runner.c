/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance runner: tests any PKCS#11 module over its public interface and prints TAP.
 *
 * The module is never loaded into this process. A chapter's checks run in a worker, a forked child
 * that loads it; when a check crashes or hangs, that check has failed and another worker goes on
 * with the next one.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codes.h"
#include "cryptoki/names.h"
#include "env.h"
#include "report.h"
#include "seen.h"

enum { MAX_CHECKS = 8192, CHECK_SECONDS = 60 };

static struct {
    const char *module;
    const char *only;
    const char *json;
    const char *skip_file;
    const char *require_file;
    const char *expected_file;
    const char *codes_file;
    const char *unreachable_file;
    const char *seen_file;
    bool list;
} options;

static struct registered_check checks[MAX_CHECKS];
static size_t check_count;

static struct {
    jmp_buf leave;
    enum result result;
    char detail[REPORT_DETAIL];
} current;

/* ---- registration ---- */

void check_add_row(const char *chapter, const struct check *check, const char *variant,
                   const void *row)
{
    if (check_count == MAX_CHECKS)
        abort();
    struct registered_check *entry = &checks[check_count++];
    entry->check = check;
    entry->chapter = chapter;
    entry->row = row;
    snprintf(entry->id, sizeof entry->id, "%s/%s%s%s", chapter, check->name,
             variant == NULL ? "" : ":", variant == NULL ? "" : variant);
}

void check_add(const char *chapter, const struct check *check)
{
    check_add_row(chapter, check, NULL, NULL);
}

static void register_chapters(void)
{
    chapter_general();
    chapter_handles();
    chapter_slots();
    chapter_mechanisms();
    chapter_tokens();
    chapter_sessions();
    chapter_login();
    chapter_objects();
    chapter_attributes();
    chapter_modify();
    chapter_find();
    chapter_keygen();
    chapter_keypair();
    chapter_digest();
    chapter_sign();
    chapter_signature();
    chapter_cipher();
    chapter_encrypt();
    chapter_rsacrypt();
    chapter_dual();
    chapter_messages();
    chapter_state();
    chapter_verify();
    chapter_usage();
    chapter_wrap();
    chapter_derive();
    chapter_kdf();
    chapter_ike();
    chapter_pbe();
    chapter_null();
    chapter_badsigs();
    chapter_badinput();
    chapter_pubkey();
    chapter_groups();
    chapter_tls();
    chapter_pairs();
    chapter_curves();
    chapter_kem();
    chapter_wrapauth();
    chapter_lattice();
    chapter_hss();
    chapter_otp();
    chapter_templates();
    chapter_interop();
    chapter_random();
    chapter_process();
    chapter_events();
    chapter_removal();
    chapter_loginuser();
    chapter_async();
    chapter_features();
    chapter_every();
    chapter_makers();
    chapter_inits();
    chapter_returns();
    chapter_clauses();
    chapter_oasis();
    chapter_profiles();
    chapter_chaos();
}

/* ---- --require: one check per mechanism of the file ---- */

static void required_mechanism(const void *row)
{
    CK_ULONG type = 0;
    CK_MECHANISM_INFO info = {0};
    if (!kk_names_lookup(KK_NAMES_CKM, row, &type))
        check_fail(HERE, "%s is no mechanism's name", (const char *)row);
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, type, &info));
}

static void register_required(void)
{
    static const struct check required = CHECK_ROW(
        FIX_INITIALIZED, required_mechanism, "C_GetMechanismInfo", "required mechanism is there");
    static struct lines lines = {0};
    if (options.require_file == NULL)
        return;
    report_read_lines(options.require_file, &lines);
    for (size_t i = 0; i < lines.count; i++) {
        if (strchr(lines.line[i], '/') == NULL)
            check_add_row("require", &required, lines.line[i], lines.line[i]);
        for (size_t k = 0; k < check_count; k++)
            checks[k].required |= fnmatch(lines.line[i], checks[k].id, 0) == 0;
    }
}

/* ---- expectations ---- */

void check_fail(const char *where, const char *format, ...)
{
    va_list args;
    const char *file = strrchr(where, '/');
    int used =
        snprintf(current.detail, sizeof current.detail, "%s: ", file == NULL ? where : file + 1);
    va_start(args, format);
    vsnprintf(current.detail + used, sizeof current.detail - (size_t)used, format, args);
    va_end(args);
    current.result = RESULT_FAIL;
    longjmp(current.leave, 1);
}

void check_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(current.detail, sizeof current.detail, format, args);
    va_end(args);
    current.result = RESULT_SKIP;
    longjmp(current.leave, 1);
}

const char *rv_name(CK_RV rv)
{
    static char numbers[4][32];
    static unsigned next;
    const char *name = kk_names_find(KK_NAMES_CKR, rv);
    if (name != NULL)
        return name;
    char *number = numbers[next++ % 4];
    snprintf(number, sizeof numbers[0], "0x%08lx", rv);
    return number;
}

void expect_rv(const char *where, const char *what, CK_RV rv, const CK_RV *allowed, size_t count)
{
    char wanted[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (rv == allowed[i]) {
            seen_expected(rv);
            return;
        }
        int length = snprintf(wanted + used, sizeof wanted - used, "%s%s", i == 0 ? "" : " or ",
                              rv_name(allowed[i]));
        used += (size_t)length < sizeof wanted - used ? (size_t)length : 0;
    }
    if (rv == CKR_FUNCTION_NOT_SUPPORTED)
        check_skip("%.80s: CKR_FUNCTION_NOT_SUPPORTED", what);
    check_fail(where, "%.120s gave %s, not %s", what, rv_name(rv), wanted);
}

void expect_failure(const char *where, const char *what, CK_RV rv)
{
    if (rv == CKR_FUNCTION_NOT_SUPPORTED)
        check_skip("%.80s: CKR_FUNCTION_NOT_SUPPORTED", what);
    if (rv == CKR_OK)
        check_fail(where, "%.160s gave CKR_OK", what);
}

void expect_true(const char *where, const char *what, bool holds)
{
    if (!holds)
        check_fail(where, "%.200s does not hold", what);
}

void expect_equal(const char *where, const char *what, CK_ULONG got, CK_ULONG wanted)
{
    if (got != wanted)
        check_fail(where, "%.120s is 0x%lx, not 0x%lx", what, got, wanted);
}

void expect_bytes(const char *where, const char *what, const void *got, CK_ULONG got_length,
                  const void *wanted, CK_ULONG wanted_length)
{
    if (got_length != wanted_length)
        check_fail(where, "%.120s has %ld bytes, not %ld", what, (long)got_length,
                   (long)wanted_length);
    for (CK_ULONG i = 0; i < got_length; i++) {
        if (((const CK_BYTE *)got)[i] != ((const CK_BYTE *)wanted)[i])
            check_fail(where, "%.120s differs from what is right at byte %lu", what, i);
    }
}

/* ---- the worker: its lines are "S number" (starting), "C function code" (of a check that passed),
 * "R number result detail" ---- */

static void run_guarded(void (*step)(const void *), const void *argument)
{
    current.result = RESULT_OK;
    current.detail[0] = '\0';
    if (setjmp(current.leave) == 0)
        step(argument);
}

static void step_choose_token(const void *chapter)
{
    env_choose_token(chapter);
}

static void step_check(const void *argument)
{
    const struct registered_check *entry = argument;
    env_begin(entry->check->fixture);
    seen_begin();
    if (entry->check->run != NULL)
        entry->check->run();
    else
        entry->check->run_row(entry->row);
}

static void step_clean(const void *failed)
{
    env_end(*(const bool *)failed);
}

__attribute__((format(printf, 2, 3))) static void say(int fd, const char *format, ...)
{
    char line[REPORT_DETAIL + 64];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (int i = 0; i + 1 < length; i++) {
        if (line[i] == '\n')
            line[i] = ' ';
    }
    if (write(fd, line, (size_t)length) != length)
        _exit(3);
}

static void say_pairs(int fd)
{
    const struct seen_pair *pairs = NULL;
    size_t count = seen_pairs(&pairs);
    for (size_t i = 0; i < count; i++)
        say(fd, "C %u %lu\n", pairs[i].function, pairs[i].rv);
}

static void work_one(int fd, size_t number)
{
    const struct registered_check *entry = &checks[number];
    say(fd, "S %zu\n", number);
    run_guarded(step_check, entry);
    enum result result = current.result;
    char detail[REPORT_DETAIL];
    memcpy(detail, current.detail, sizeof detail);
    bool failed = result == RESULT_FAIL;
    if (result == RESULT_OK)
        say_pairs(fd);
    run_guarded(step_clean, &failed);
    if (current.result == RESULT_FAIL && result == RESULT_OK) {
        result = RESULT_FAIL;
        snprintf(detail, sizeof detail, "cleaning up: %.*s", REPORT_DETAIL - 16, current.detail);
    }
    say(fd, "R %zu %d %s\n", number, (int)result, detail);
}

/* Loads the module in a child, so that a runner without one says so once. */
static bool module_loads(void)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char error[256];
        bool loads = env_load(options.module, error, sizeof error);
        if (!loads)
            printf("Bail out! %s\n", error);
        fflush(NULL);
        _exit(loads ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

_Noreturn static void work(int fd, size_t from)
{
    char error[256];
    const char *chapter = checks[from].chapter;
    if (!env_load(options.module, error, sizeof error)) {
        say(fd, "E %s\n", error);
        _exit(2);
    }
    run_guarded(step_choose_token, chapter);
    if (current.result != RESULT_OK) {
        say(fd, "E setting up a token: %s\n", current.detail);
        _exit(2);
    }
    for (size_t i = from; i < check_count && strcmp(checks[i].chapter, chapter) == 0; i++) {
        if (checks[i].state == STATE_WAITING)
            work_one(fd, i);
    }
    _exit(0);
}

/* ---- the parent ---- */

struct worker {
    pid_t pid;
    int fd;
    char buffer[REPORT_DETAIL + 128];
    size_t used;
    size_t running; /* the check it is at, MAX_CHECKS while there is none */
    char error[REPORT_DETAIL];
};

static void worker_start(struct worker *worker, size_t from)
{
    int ends[2];
    fflush(NULL);
    if (pipe(ends) != 0 || (worker->pid = fork()) < 0) {
        perror("conformance");
        exit(2);
    }
    if (worker->pid == 0) {
        close(ends[0]);
        setpgid(0, 0);
        work(ends[1], from);
    }
    close(ends[1]);
    worker->fd = ends[0];
    worker->used = 0;
    worker->running = MAX_CHECKS;
    worker->error[0] = '\0';
}

static void set_result(size_t number, enum result result, const char *detail)
{
    struct registered_check *entry = &checks[number];
    bool missing = entry->required && result == RESULT_SKIP;
    entry->state = STATE_DONE;
    entry->result = missing ? RESULT_FAIL : result;
    snprintf(entry->detail, sizeof entry->detail, "%s%s", missing ? "required: " : "", detail);
}

static void take_line(struct worker *worker, char *line)
{
    char *rest = NULL;
    if (line[0] == 'E') {
        snprintf(worker->error, sizeof worker->error, "%s", line + 2);
        return;
    }
    size_t number = strtoul(line + 2, &rest, 10);
    if (line[0] == 'C' && worker->running < check_count)
        codes_note((unsigned)number, strtoul(rest, NULL, 10), checks[worker->running].id);
    if (line[0] == 'C' || number >= check_count)
        return;
    worker->running = number;
    if (line[0] != 'R')
        return;
    int result = (int)strtol(rest, &rest, 10);
    set_result(number, (enum result)result, *rest == ' ' ? rest + 1 : rest);
    worker->running = MAX_CHECKS;
}

/* False at the end of the worker's output, and when it is stuck. */
static bool worker_read(struct worker *worker)
{
    struct pollfd poller = {.fd = worker->fd, .events = POLLIN};
    int ready = poll(&poller, 1, CHECK_SECONDS * 1000);
    if (ready < 0)
        return errno == EINTR;
    if (ready == 0) {
        snprintf(worker->error, sizeof worker->error, "no answer in %d seconds", CHECK_SECONDS);
        kill(-worker->pid, SIGKILL);
        return false;
    }
    ssize_t length =
        read(worker->fd, worker->buffer + worker->used, sizeof worker->buffer - 1 - worker->used);
    if (length <= 0)
        return length < 0 && errno == EINTR;
    worker->used += (size_t)length;
    worker->buffer[worker->used] = '\0';
    char *line = worker->buffer, *end = NULL;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        take_line(worker, line);
        line = end + 1;
    }
    worker->used -= (size_t)(line - worker->buffer);
    memmove(worker->buffer, line, worker->used + 1);
    return worker->used < sizeof worker->buffer - 1;
}

static void worker_end(struct worker *worker)
{
    int status = 0;
    close(worker->fd);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    /* What a check forked and left behind goes too. */
    kill(-worker->pid, SIGKILL);
    if (worker->error[0] == '\0' && WIFSIGNALED(status))
        snprintf(worker->error, sizeof worker->error, "crashed with signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (worker->error[0] == '\0')
        snprintf(worker->error, sizeof worker->error, "the module ended the process with %d",
                 WEXITSTATUS(status));
}

/* The first wanted check of the chapter at or after number, check_count when there is none. */
static size_t next_in_chapter(size_t number, const char *chapter)
{
    for (; number < check_count && strcmp(checks[number].chapter, chapter) == 0; number++) {
        if (checks[number].state == STATE_WAITING)
            return number;
    }
    return check_count;
}

static void run_chapter(size_t first)
{
    const char *chapter = checks[first].chapter;
    size_t from = first;
    while (from < check_count) {
        struct worker worker;
        worker_start(&worker, from);
        while (worker_read(&worker))
            continue;
        worker_end(&worker);
        if (worker.running < check_count) {
            set_result(worker.running, RESULT_FAIL, worker.error);
            from = next_in_chapter(first, chapter);
            continue;
        }
        /* Ended between checks: normally, or before the first one. */
        while ((from = next_in_chapter(first, chapter)) < check_count)
            set_result(from, RESULT_FAIL, worker.error);
    }
}

/* ---- selection ---- */

/* One of the comma-separated patterns fits: a chapter's name, or a glob for the id. */
static bool matches(const char *patterns, const struct registered_check *entry)
{
    char copy[4096];
    char *save = NULL;
    snprintf(copy, sizeof copy, "%s", patterns);
    for (char *one = strtok_r(copy, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
        if (strcmp(one, entry->chapter) == 0 || fnmatch(one, entry->id, 0) == 0)
            return true;
    }
    return false;
}

static bool is_listed(const struct lines *lines, const char *id, const char **ret_rest)
{
    for (size_t i = 0; i < lines->count; i++) {
        size_t length = strcspn(lines->line[i], " \t");
        if (strlen(id) == length && strncmp(id, lines->line[i], length) == 0) {
            *ret_rest = lines->line[i] + length + strspn(lines->line[i] + length, " \t");
            return true;
        }
    }
    return false;
}

static void select_checks(void)
{
    static struct lines skipped = {0}, expected = {0};
    const char *rest = NULL;
    report_read_lines(options.skip_file, &skipped);
    report_read_lines(options.expected_file, &expected);
    for (size_t i = 0; i < check_count; i++) {
        struct registered_check *entry = &checks[i];
        if (options.only != NULL && !matches(options.only, entry))
            entry->state = STATE_UNWANTED;
        else if (is_listed(&skipped, entry->id, &rest))
            set_result(i, RESULT_SKIP, "in the skip file");
        if (is_listed(&expected, entry->id, &rest))
            entry->expected = rest;
    }
}

/* ---- main ---- */

static int usage(FILE *out)
{
    fputs(
        "usage: conformance --module PATH [--only PATTERN,...] [--json FILE] [--list]\n"
        "                   [--skip-file FILE] [--require FILE] [--expected FILE]\n"
        "                   [--codes FILE [--unreachable FILE]] [--seen FILE]\n"
        "  --only      chapters, or globs for ids such as find/* or digest/*:CKM_SHA256\n"
        "  --json      writes a report of the module's capabilities and the results\n"
        "  --list      prints the checks and their clauses instead of running them\n"
        "  --skip-file one id per line: these are not run\n"
        "  --require   one mechanism (CKM_...) or glob for ids per line: a mechanism that must be\n"
        "              there, checks that may not be skipped\n"
        "  --expected  one id per line, then the reason: these are known to fail, no others\n"
        "  --codes     a function and codes (C_... CKR_...) per line: checks must provoke each, "
        "but\n"
        "              for those of the tables in --unreachable's file\n"
        "  --seen      writes which function gave which code, and the check that asked for it\n"
        "SOFTHSM2_CONF or what else the module reads must lead to a place where it may make\n"
        "tokens; run.sh gives it an empty one.\n",
        out);
    return out == stdout ? 0 : 2;
}

static bool take_options(int argc, char **argv)
{
    static const struct {
        const char *name;
        const char **value;
    } with_value[] = {
        {"--module", &options.module},
        {"--only", &options.only},
        {"--json", &options.json},
        {"--skip-file", &options.skip_file},
        {"--require", &options.require_file},
        {"--expected", &options.expected_file},
        {"--codes", &options.codes_file},
        {"--unreachable", &options.unreachable_file},
        {"--seen", &options.seen_file},
    };
    for (int i = 1; i < argc; i++) {
        bool taken = false;
        for (size_t k = 0; k < COUNT(with_value) && !taken; k++) {
            if (strcmp(argv[i], with_value[k].name) == 0 && i + 1 < argc) {
                *with_value[k].value = argv[++i];
                taken = true;
            }
        }
        if (!taken && strcmp(argv[i], "--list") == 0)
            options.list = taken = true;
        if (!taken)
            return false;
    }
    return options.list || options.module != NULL;
}

static void judge_codes(size_t number)
{
    char detail[REPORT_DETAIL] = "";
    enum result result = codes_judge(&checks[number], detail, sizeof detail);
    set_result(number, result, detail);
}

static int run_all(void)
{
    select_checks();
    struct report report = {.checks = checks, .count = check_count, .module = options.module};
    if (!module_loads())
        return 2;
    report_plan(&report);
    for (size_t i = 0; i < check_count; i++) {
        if (checks[i].state == STATE_WAITING && codes_is_one(&checks[i]))
            judge_codes(i);
        else if (checks[i].state == STATE_WAITING)
            run_chapter(i);
        if (checks[i].state == STATE_DONE)
            report_check(&report, &checks[i]);
    }
    codes_summary();
    report_summary(&report);
    if (options.seen_file != NULL && !codes_write(options.seen_file))
        return 2;
    if (options.json != NULL && !report_json(&report, options.json))
        return 2;
    return report.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (!take_options(argc, argv))
        return usage(stderr);
    register_chapters();
    register_required();
    codes_register(options.codes_file, options.unreachable_file);
    if (options.list) {
        report_list(checks, check_count);
        return 0;
    }
    return run_all();
}
