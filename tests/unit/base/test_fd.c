/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

static void test_others_stay(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd > STDERR_FILENO);
    assert_int_equal(kk_fd_above_standard(fd), fd);
    (void)close(fd);
    errno = ENOENT;
    assert_int_equal(kk_fd_above_standard(-1), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_standard_ones_are_moved(void **state)
{
    (void)state;
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    (void)close(STDIN_FILENO);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fd, STDIN_FILENO);
    int moved = kk_fd_above_standard(fd);
    assert_true(moved > STDERR_FILENO);
    assert_int_equal(fcntl(moved, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    (void)close(moved);
    if (kept >= 0) {
        (void)dup2(kept, STDIN_FILENO);
        (void)close(kept);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct rlimit limit;
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    (void)close(STDIN_FILENO);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit less = {.rlim_cur = STDERR_FILENO + 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    int moved = kk_fd_above_standard(fd);
    int error = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(moved, -1);
    assert_true(error == EMFILE || error == EINVAL);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    if (kept >= 0) {
        (void)dup2(kept, STDIN_FILENO);
        (void)close(kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_standard_ones_are_moved),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
