/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/log.h"
#include "base/macros.h"

#include "child.h"

#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

/* The process's syslog, in place of the C library's. */
static struct {
    int lines;
    int priority;
    char last[1024];
} said;

KK_PRINTF(2, 0)
static void say(int priority, const char *format, va_list arguments)
{
    said.lines++;
    said.priority = priority;
    (void)vsnprintf(said.last, sizeof said.last, format, arguments);
}

void syslog(int priority, const char *format, ...) KK_PRINTF(2, 3);
void syslog(int priority, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(priority, format, arguments);
    va_end(arguments);
}

/* What syslog() is with _FORTIFY_SOURCE. */
void __syslog_chk(int priority, int flag, const char *format, ...) KK_PRINTF(3, 4);
void __syslog_chk(int priority, int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    say(priority, format, arguments);
    va_end(arguments);
}

/* And with a clang that has it too (glibc 2.40). */
void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments) KK_PRINTF(3, 0);
void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
    (void)flag;
    say(priority, format, arguments);
}

/* The log's clock can be put forward. */
static time_t later_by;

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    long error = syscall(SYS_clock_gettime, clock, ret_time);
    ret_time->tv_sec += clock == CLOCK_MONOTONIC ? later_by : 0;
    return (int)error;
}

static char path[] = "/tmp/kk-log-XXXXXX";
static char text[65536];

/* Everything in the log file so far. */
static const char *file_text(void)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t got = fread(text, 1, sizeof text - 1, file);
    text[got] = '\0';
    (void)fclose(file);
    return text;
}

static size_t count_lines(const char *all)
{
    size_t lines = 0;
    for (; *all != '\0'; all++) {
        lines += *all == '\n';
    }
    return lines;
}

static int fresh_file(void **state)
{
    (void)state;
    memset(&said, 0, sizeof said);
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_WARNING, KK_LOG_SYSLOG, NULL);
    (void)unlink(path);
    return 0;
}

static void test_before_configuration_warnings_go_to_syslog(void **state)
{
    (void)state;
    kk_log_info("not this");
    kk_log_debug("nor this");
    assert_int_equal(said.lines, 0);
    kk_log_warning("but %s", "this");
    assert_int_equal(said.lines, 1);
    assert_int_equal(said.priority, 1 << 3 | 4); /* user, warning */
    assert_string_equal(said.last, "but this");
    kk_log_error("and this");
    assert_int_equal(said.priority, 1 << 3 | 3);
}

static void test_level_names(void **state)
{
    (void)state;
    enum kk_log_level level = KK_LOG_DEBUG;
    assert_true(kk_log_level_parse("ERROR", &level));
    assert_int_equal(level, KK_LOG_ERROR);
    assert_true(kk_log_level_parse("WARNING", &level));
    assert_int_equal(level, KK_LOG_WARNING);
    assert_true(kk_log_level_parse("INFO", &level));
    assert_int_equal(level, KK_LOG_INFO);
    assert_true(kk_log_level_parse("DEBUG", &level));
    assert_int_equal(level, KK_LOG_DEBUG);
    assert_false(kk_log_level_parse("error", &level));
    assert_false(kk_log_level_parse("", &level));
    assert_false(kk_log_level_parse("INFO ", &level));
    assert_int_equal(level, KK_LOG_DEBUG);
}

static void test_only_the_level_and_above(void **state)
{
    (void)state;
    static const enum kk_log_level levels[] = {KK_LOG_ERROR, KK_LOG_WARNING, KK_LOG_INFO,
                                               KK_LOG_DEBUG};
    for (size_t set = 0; set < KK_ARRAY_LEN(levels); set++) {
        kk_log_configure(levels[set], KK_LOG_FILE, path);
        size_t before = count_lines(file_text());
        for (size_t i = 0; i < KK_ARRAY_LEN(levels); i++) {
            assert_int_equal(kk_log_enabled(levels[i]), i <= set);
            kk_log_write(levels[i], "line");
        }
        assert_int_equal(count_lines(file_text()) - before, set + 1);
    }
    assert_int_equal(said.lines, 0);
}

static void test_a_line_in_a_file(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    kk_log_info("token %d of %s", 7, "nine");
    regex_t form;
    assert_int_equal(regcomp(&form,
                             "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} "
                             "\\[([0-9]+)\\] INFO: token 7 of nine\n$",
                             REG_EXTENDED),
                     0);
    regmatch_t matches[2];
    assert_int_equal(regexec(&form, file_text(), 2, matches, 0), 0);
    regfree(&form);
    assert_int_equal(strtol(text + matches[1].rm_so, NULL, 10), getpid());
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0077, 0);
}

static void test_a_file_is_appended_to_and_made(void **state)
{
    (void)state;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("kept\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    kk_log_info("one");
    assert_int_equal(strncmp(file_text(), "kept\n", 5), 0);
    assert_int_equal(count_lines(text), 2);

    assert_int_equal(unlink(path), 0); /* as log rotation does */
    kk_log_info("two");
    assert_int_equal(count_lines(file_text()), 1);
    assert_non_null(strstr(text, "INFO: two\n"));
}

static void test_a_file_that_cannot_be_opened_is_said_on_syslog(void **state)
{
    (void)state;
    static const char *const bad[] = {"/nonexistent/directory/log", "/", "", NULL};
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        said.lines = 0;
        kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, bad[i]);
        assert_int_equal(said.lines, 1);
        assert_non_null(strstr(said.last, "cannot be opened"));
        kk_log_info("onwards %zu", i);
        assert_int_equal(said.lines, 2);
        assert_non_null(strstr(said.last, "onwards"));
    }
    char too_long[8000];
    memset(too_long, 'a', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, too_long);
    assert_non_null(strstr(said.last, "cannot be opened"));
}

static void test_a_file_that_goes_away_makes_syslog_of_it(void **state)
{
    (void)state;
    char directory[] = "/tmp/kk-log-dir-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char inside[100];
    (void)snprintf(inside, sizeof inside, "%s/log", directory);
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, inside);
    assert_int_equal(unlink(inside), 0);
    assert_int_equal(rmdir(directory), 0);
    kk_log_info("where to");
    assert_int_equal(said.lines, 1);
    assert_string_equal(said.last, "where to");
}

static void test_a_relative_path_is_taken_when_configured(void **state)
{
    (void)state;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(here >= 0);
    assert_int_equal(chdir("/tmp"), 0);
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path + strlen("/tmp/"));
    assert_int_equal(chdir("/"), 0);
    kk_log_info("still here");
    assert_int_equal(fchdir(here), 0);
    (void)close(here);
    assert_non_null(strstr(file_text(), "INFO: still here\n"));
}

static void test_a_fifo_without_reader_does_not_hang(void **state)
{
    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    kk_log_info("into the fifo");
    assert_string_equal(said.last, "into the fifo");
}

static void test_stderr(void **state)
{
    (void)state;
    int kept = dup(STDERR_FILENO);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(kept >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    kk_log_configure(KK_LOG_INFO, KK_LOG_STDERR, NULL);
    kk_log_error("on stderr");
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    (void)close(kept);
    (void)close(fd);
    assert_non_null(strstr(file_text(), "ERROR: on stderr\n"));
    assert_int_equal(said.lines, 0);
}

static void test_identical_lines_are_limited_and_counted(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    for (int i = 0; i < 20; i++) {
        kk_log_info("again and again");
    }
    assert_int_equal(count_lines(file_text()), 5);
    kk_log_info("something else");
    kk_log_warning("again and again"); /* another level is another line */
    assert_int_equal(count_lines(file_text()), 7);
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    assert_int_equal(count_lines(file_text()), 8);
    assert_non_null(strstr(text, "INFO: 15 more of this line within a minute: again and again\n"));
    kk_log_info("again and again");
    assert_int_equal(count_lines(file_text()), 9);
}

static void test_many_different_lines_push_out_the_oldest(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    for (int i = 0; i < 7; i++) {
        kk_log_info("the first");
    }
    for (int i = 0; i < 200; i++) {
        kk_log_info("line %d", i);
    }
    assert_int_equal(count_lines(file_text()), 5 + 200 + 1);
    assert_non_null(strstr(text, "2 more of this line within a minute: the first\n"));
}

static void test_a_minute_later_lines_are_written_again(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    for (int i = 0; i < 8; i++) {
        kk_log_info("on the hour");
    }
    later_by = 59;
    kk_log_info("on the hour");
    assert_int_equal(count_lines(file_text()), 5);
    later_by = 60;
    kk_log_info("on the hour");
    later_by = 0;
    assert_int_equal(count_lines(file_text()), 7);
    assert_non_null(strstr(text, "4 more of this line within a minute: on the hour\n"));
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char filler[2000];
    memset(filler, 'x', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    kk_log_info("%s", filler);
    assert_int_equal(strlen(file_text()), 511);
    assert_int_equal(count_lines(text), 1);
    kk_log_configure(KK_LOG_INFO, KK_LOG_SYSLOG, NULL);
    kk_log_info("%s", filler);
    assert_int_equal(strlen(said.last), 511);
}

static void test_a_line_stays_one_line(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    kk_log_info("label \"%s\"", "x\n2026-01-01 00:00:00.000 [1] INFO: forged\r\x1b[31m\x7f");
    assert_int_equal(count_lines(file_text()), 1);
    assert_non_null(strstr(text, "x?2026"));
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\r'));
    kk_log_info("gr\xc3\xbc\xc3\x9f");
    assert_non_null(strstr(file_text(), "gr\xc3\xbc\xc3\x9f\n"));
}

static void test_errno_is_left_alone(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, "/nonexistent/log");
    errno = EXDEV;
    kk_log_info("a failed write is said on syslog");
    assert_int_equal(errno, EXDEV);
    assert_int_equal(said.lines, 2);
}

static void *log_on_and_on(void *context)
{
    for (int i = 0; i < 300; i++) {
        kk_log_info("thread %d line %d", *(const int *)context, i);
    }
    return NULL;
}

static int log_once(void *context)
{
    (void)context;
    kk_log_info("child %ld", (long)getpid());
    return 0;
}

static void test_threads_log_and_children_do_not_hang(void **state)
{
    (void)state;
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, path);
    pthread_t threads[3];
    int numbers[3] = {1, 2, 3};
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_on_and_on, &numbers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(child_exit(log_once, NULL), 0);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(count_lines(file_text()), 3 * 300 + 20);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, fresh_file, drop_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_before_configuration_warnings_go_to_syslog),
        FILE_TEST(test_level_names),
        FILE_TEST(test_only_the_level_and_above),
        FILE_TEST(test_a_line_in_a_file),
        FILE_TEST(test_a_file_is_appended_to_and_made),
        FILE_TEST(test_a_file_that_cannot_be_opened_is_said_on_syslog),
        FILE_TEST(test_a_file_that_goes_away_makes_syslog_of_it),
        FILE_TEST(test_a_relative_path_is_taken_when_configured),
        FILE_TEST(test_a_fifo_without_reader_does_not_hang),
        FILE_TEST(test_stderr),
        FILE_TEST(test_identical_lines_are_limited_and_counted),
        FILE_TEST(test_many_different_lines_push_out_the_oldest),
        FILE_TEST(test_a_minute_later_lines_are_written_again),
        FILE_TEST(test_long_lines_are_cut),
        FILE_TEST(test_a_line_stays_one_line),
        FILE_TEST(test_errno_is_left_alone),
        FILE_TEST(test_threads_log_and_children_do_not_hang),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
