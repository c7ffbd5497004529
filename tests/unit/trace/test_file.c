/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of a trace: whose it is, who may read it, and that it is this one and no other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/file.h"

static char folder[] = "/tmp/kk-trace.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *directory = opendir(folder);
    struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
    return rmdir(folder);
}

struct path {
    char text[128];
};

static struct path in_folder(const char *name)
{
    struct path path;
    (void)snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    return path;
}

static struct kk_trace_file *file_new(const char *path)
{
    struct kk_trace_file *file = NULL;
    assert_int_equal(kk_trace_file_new(path, &file), CKR_OK);
    return file;
}

static struct path content(const char *path)
{
    struct path text = {""};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text.text[fread(text.text, 1, sizeof text.text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

/* The descriptor under which this process has the file open. */
static int descriptor_of(const char *path)
{
    struct stat wanted, found;
    assert_int_equal(stat(path, &wanted), 0);
    for (int fd = 3; fd < 256; fd++) {
        if (fstat(fd, &found) == 0 && found.st_ino == wanted.st_ino &&
            found.st_dev == wanted.st_dev) {
            return fd;
        }
    }
    return -1;
}

static void lines_are_appended_for_the_owner_alone(void **state)
{
    (void)state;
    struct path path = in_folder("plain");
    struct kk_trace_file *file = file_new(path.text);
    mode_t before = umask(0);
    assert_true(kk_trace_file_write(file, KK_SPAN_TEXT("one\n")));
    (void)umask(before);
    assert_true(kk_trace_file_write(file, KK_SPAN_TEXT("two\n")));
    assert_string_equal(content(path.text).text, "one\ntwo\n");
    struct stat status;
    assert_int_equal(stat(path.text, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(fcntl(descriptor_of(path.text), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    kk_trace_file_free(file);
}

static void what_is_no_plain_file_is_refused(void **state)
{
    (void)state;
    struct path target = in_folder("target");
    struct path link = in_folder("link");
    struct path fifo = in_folder("fifo");
    assert_int_equal(close(open(target.text, O_CREAT | O_WRONLY, 0600)), 0);
    assert_int_equal(symlink(target.text, link.text), 0);
    assert_int_equal(mkfifo(fifo.text, 0600), 0);
    const char *bad[] = {link.text, fifo.text, folder, "/dev/null", "/nonexistent/trace"};
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_trace_file *file = file_new(bad[i]);
        assert_false(kk_trace_file_write(file, KK_SPAN_TEXT("x\n")));
        kk_trace_file_free(file);
    }
    assert_string_equal(content(target.text).text, "");
}

/* An application that closes all descriptors, and opens a file of its own under the same number. */
/* Somebody may lay a second name of another file of this user's there. */
static void a_file_with_a_second_name_is_refused(void **state)
{
    (void)state;
    struct path path = in_folder("second"), other = in_folder("precious");
    int fd = open(other.text, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(link(other.text, path.text), 0);
    struct kk_trace_file *file = file_new(path.text);
    assert_false(kk_trace_file_write(file, KK_SPAN_TEXT("line\n")));
    assert_int_equal(errno, EPERM);
    assert_string_equal(content(other.text).text, "");
    kk_trace_file_free(file);
}

/* The kernel's answer to writing past the limit is a signal that ends the application. */
static void a_limit_of_file_sizes_kills_nobody(void **state)
{
    (void)state;
    struct path path = in_folder("limited");
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct kk_trace_file *file = file_new(path.text);
        bool first = kk_trace_file_write(file, KK_SPAN_TEXT("line\n"));
        bool limited = setrlimit(RLIMIT_FSIZE, &(struct rlimit){8, 8}) == 0;
        bool second = kk_trace_file_write(file, KK_SPAN_TEXT("line\n"));
        bool third = kk_trace_file_write(file, KK_SPAN_TEXT("line\n"));
        _exit(first && limited && !second && !third && errno == EFBIG ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(content(path.text).text, "line\n");
}

static void another_file_is_never_written_to(void **state)
{
    (void)state;
    struct path path = in_folder("closed");
    struct path other = in_folder("database");
    struct kk_trace_file *file = file_new(path.text);
    assert_true(kk_trace_file_write(file, KK_SPAN_TEXT("one\n")));
    int fd = descriptor_of(path.text);
    assert_true(fd > 2);
    int others = open(other.text, O_CREAT | O_RDWR, 0600);
    assert_int_equal(dup2(others, fd), fd);
    assert_true(kk_trace_file_write(file, KK_SPAN_TEXT("two\n")));
    assert_string_equal(content(other.text).text, "");
    assert_string_equal(content(path.text).text, "one\ntwo\n");
    (void)close(others);
    (void)close(fd);
    kk_trace_file_free(file);
}

static void paths_are_absolute(void **state)
{
    (void)state;
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    struct kk_trace_file *file = file_new("here");
    assert_true(kk_trace_file_is(file, "here"));
    assert_int_equal(chdir("/"), 0);
    assert_string_equal(kk_trace_file_path(file), in_folder("here").text);
    assert_false(kk_trace_file_is(file, "here"));
    assert_int_equal(chdir(before), 0);
    kk_trace_file_free(file);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char path[8192];
    struct kk_trace_file *file = NULL;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_int_equal(kk_trace_file_new(path, &file), CKR_GENERAL_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_appended_for_the_owner_alone),
        cmocka_unit_test(what_is_no_plain_file_is_refused),
        cmocka_unit_test(a_file_with_a_second_name_is_refused),
        cmocka_unit_test(a_limit_of_file_sizes_kills_nobody),
        cmocka_unit_test(another_file_is_never_written_to),
        cmocka_unit_test(paths_are_absolute),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
