/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files written: whole, private, in place of what was there; or nothing changed and nothing left
 * lying about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"

static char folder[] = "/tmp/kk-test-file.XXXXXX";
static char path[64];

static void make_path(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static unsigned entries(bool also_remove)
{
    unsigned count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] == '.' && entry->d_name[1 + (entry->d_name[1] == '.')] == '\0') {
            continue;
        }
        count++;
        if (also_remove) {
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, 0), 0);
        }
    }
    closedir(directory);
    return count;
}

static int empty_folder(void **state)
{
    (void)state;
    entries(true);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void assert_content(const char *expected)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    assert_int_equal(kk_cli_file_read(path, &content), KK_CLI_FILE_OK);
    assert_true(kk_span_equal(kk_secret_span(content), KK_SPAN(expected, strlen(expected))));
}

static mode_t mode_of(void)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode;
}

static void test_a_new_file_is_private(void **state)
{
    (void)state;
    make_path("new");
    mode_t before = umask(0);
    assert_int_equal(kk_cli_file_write(path, KK_SPAN_TEXT("one")), CKR_OK);
    umask(before);
    assert_content("one");
    assert_int_equal(mode_of(), S_IFREG | 0600);
    assert_int_equal(entries(false), 1);
}

static void test_a_file_is_replaced(void **state)
{
    (void)state;
    make_path("old");
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    assert_int_equal(write(fd, "a longer one", 12), 12);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(kk_cli_file_write(path, KK_SPAN_TEXT("two")), CKR_OK);
    assert_content("two");
    assert_int_equal(mode_of(), S_IFREG | 0600);
    assert_int_equal(entries(false), 1);
    /* Who had the old one open still has the old one. */
    assert_int_equal(lseek(fd, 0, SEEK_END), 12);
    close(fd);
}

static void test_behind_a_link_is_the_file(void **state)
{
    (void)state;
    make_path("target");
    assert_int_equal(kk_cli_file_write(path, KK_SPAN_TEXT("three")), CKR_OK);
    make_path("link");
    assert_int_equal(symlink("target", path), 0);
    assert_int_equal(kk_cli_file_write(path, KK_SPAN_TEXT("four")), CKR_OK);
    assert_true(S_ISLNK(mode_of()));
    assert_content("four");
    make_path("target");
    assert_content("four");
}

static void test_a_pipe_is_written_to(void **state)
{
    (void)state;
    char got[8] = "";
    make_path("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(kk_cli_file_write(path, KK_SPAN_TEXT("five")), CKR_OK);
    assert_int_equal(read(fd, got, sizeof got), 4);
    assert_string_equal(got, "five");
    assert_true(S_ISFIFO(mode_of()));
    close(fd);
}

static void test_a_failure_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(kk_cli_file_write(folder, KK_SPAN_TEXT("x")), CKR_FUNCTION_FAILED);
    assert_int_equal(errno, EISDIR);
    make_path("none/file");
    assert_int_equal(kk_cli_file_write(path, KK_SPAN_TEXT("x")), CKR_FUNCTION_FAILED);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(kk_cli_file_write("", KK_SPAN_TEXT("x")), CKR_FUNCTION_FAILED);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(kk_cli_file_write("/dev/full", KK_SPAN_TEXT("x")), CKR_FUNCTION_FAILED);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(entries(false), 0);
}

static void test_a_file_is_made_once(void **state)
{
    (void)state;
    make_path("once");
    assert_int_equal(kk_cli_file_create(path, KK_SPAN_TEXT("one")), CKR_OK);
    assert_content("one");
    assert_int_equal(mode_of(), S_IFREG | 0600);
    errno = 0;
    assert_int_equal(kk_cli_file_create(path, KK_SPAN_TEXT("two")), CKR_FUNCTION_FAILED);
    assert_int_equal(errno, EEXIST);
    assert_content("one");
    assert_int_equal(entries(false), 1);
    assert_int_equal(kk_cli_file_create(folder, KK_SPAN_TEXT("x")), CKR_FUNCTION_FAILED);
    assert_int_equal(errno, EEXIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_new_file_is_private, empty_folder),
        cmocka_unit_test_teardown(test_a_file_is_replaced, empty_folder),
        cmocka_unit_test_teardown(test_behind_a_link_is_the_file, empty_folder),
        cmocka_unit_test_teardown(test_a_pipe_is_written_to, empty_folder),
        cmocka_unit_test_teardown(test_a_failure_changes_nothing, empty_folder),
        cmocka_unit_test_teardown(test_a_file_is_made_once, empty_folder),
    };
    return cmocka_run_group_tests_name("file", tests, make_folder, remove_folder);
}
