/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/store/softhsm_file.c, softhsm_dir.c, softhsm_env.c: files of a SoftHSM token under its locks,
 * what a process that died leaves, and what another one does at the same time.
 */
#include "store_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/platform.h"
#include "store/busy.h"
#include "store/ofd_lock.h"
#include "store/softhsm_internal.h"

#define OBJECT "aaaaaaaa-0000-4000-8000-000000000001"

struct fixture {
    char *location;
    struct kk_softhsm_dir *dir;
    struct kk_uuid uuid;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.location = unit_new_dir();
    assert_true(kk_uuid_parse(OBJECT, &fixture.uuid));
    assert_ok(kk_softhsm_make(fixture.location, TOKEN_A, 0077, KK_SPAN_TEXT("token body")));
    assert_ok(kk_softhsm_open(fixture.location, TOKEN_A, 0077, &fixture.dir));
    atomic_store(&kk_store_busy_ms, 300);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    kk_softhsm_close(fixture->dir);
    unit_remove_dir(fixture->location);
    atomic_store(&kk_store_busy_ms, KK_STORE_BUSY_MS);
    return 0;
}

static const char *path_of(const struct fixture *fixture, const char *name)
{
    return unit_path(kk_softhsm_path(fixture->dir), name);
}

static bool is_there(const struct fixture *fixture, const char *name)
{
    return access(path_of(fixture, name), F_OK) == 0;
}

static void make_object(struct fixture *fixture, const char *body)
{
    struct kk_softhsm_new object = {.uuid = fixture->uuid, .body = KK_SPAN(body, strlen(body))};
    assert_ok(kk_softhsm_create(fixture->dir, &object, 1));
}

static bool holds(struct fixture *fixture, const char *body)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer got = {0};
    struct kk_softhsm_seen seen;
    return kk_softhsm_read(fixture->dir, &fixture->uuid, &got, &seen) == CKR_OK &&
           kk_span_equal(kk_buffer_span(&got), KK_SPAN(body, strlen(body)));
}

static CK_RV change(struct fixture *fixture, const char *body)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    struct kk_softhsm_seen seen;
    KK_TRY(kk_softhsm_edit_begin(fixture->dir, &fixture->uuid, &edit));
    return kk_softhsm_edit_write(&edit, KK_SPAN(body, strlen(body)), &seen);
}

static void write_raw(struct fixture *fixture, const char *name, struct kk_span bytes)
{
    int fd = open(path_of(fixture, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
    close(fd);
}

static void test_a_change_moves_the_version_and_leaves_no_journal(void **state)
{
    struct fixture *fixture = *state;
    make_object(fixture, "one");
    assert_true(holds(fixture, "one"));
    assert_ok(change(fixture, "another body"));
    assert_true(holds(fixture, "another body"));
    assert_ok(change(fixture, ""));
    assert_true(holds(fixture, ""));
    assert_false(is_there(fixture, OBJECT ".new"));
    assert_false(is_there(fixture, OBJECT ".draft"));
    assert_true(is_there(fixture, OBJECT ".lock"));
}

static void test_versions_tell_who_wrote(void **state)
{
    (void)state;
    assert_false(kk_softhsm_is_foreign(kk_softhsm_next_version(0)));
    assert_true(kk_softhsm_is_foreign(kk_softhsm_next_version(0) + 1));
    uint64_t version = 39; /* SoftHSM's */
    for (unsigned i = 0; i < 40; i++) {
        uint64_t next = kk_softhsm_next_version(version);
        assert_true(next > version);
        assert_false(kk_softhsm_is_foreign(next));
        assert_true(next % KK_SOFTHSM_VERSION_STEP == 0 ? i >= 15 : i < 15);
        version = next;
    }
    assert_true(kk_softhsm_next_version(UINT64_MAX) > 0);
}

static void test_a_rewrite_within_a_moment_is_seen(void **state)
{
    struct fixture *fixture = *state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_seen seen;
    bool same = false;
    make_object(fixture, "one");
    assert_ok(kk_softhsm_read(fixture->dir, &fixture->uuid, &body, &seen));
    assert_ok(kk_softhsm_is_same(fixture->dir, &fixture->uuid, &seen, &same));
    assert_true(same);
    struct kk_softhsm_seen before = seen;
    assert_ok(change(fixture, "two"));
    assert_ok(kk_softhsm_is_same(fixture->dir, &fixture->uuid, &before, &same));
    assert_false(same);
}

/* ---- what a dead writer leaves ---- */

static const uint8_t old_content[] = {0, 0, 0, 0, 0, 4, 0, 0, 'o', 'l', 'd'};

static uint64_t fnv(struct kk_span bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* The journal of a change from `old_content` to `body`, as it lies on the disk while the change is
 * made.
 */
static void leave_journal(struct fixture *fixture, const char *body, uint8_t content[256],
                          size_t *ret_len)
{
    uint8_t journal[256];
    make_object(fixture, body);
    /* u64 magic, u64 FNV-1a of the rest, u64 version and hash before, then u64 version and body */
    size_t len = 8 + strlen(body);
    kk_store_u64(content, 0x50000);
    memcpy(content + 8, body, strlen(body));
    kk_store_u64(journal, UINT64_C(0x4b4b4a524e4c0002));
    memcpy(journal + 16, old_content, 8);
    kk_store_u64(journal + 24, fnv(KK_SPAN_ARRAY(old_content)));
    memcpy(journal + 32, content, len);
    kk_store_u64(journal + 8, fnv(KK_SPAN(journal + 16, 16 + len)));
    write_raw(fixture, OBJECT ".new", KK_SPAN(journal, 32 + len));
    *ret_len = len;
}

static void age(struct fixture *fixture)
{
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path_of(fixture, OBJECT ".object"), old, 0), 0);
}

static void test_a_cut_off_overwrite_is_completed(void **state)
{
    struct fixture *fixture = *state;
    uint8_t content[256];
    size_t len = 0;
    leave_journal(fixture, "the new content", content, &len);
    for (size_t cut = 0; cut < len; cut++) {
        leave_journal(fixture, "the new content", content, &len);
        write_raw(fixture, OBJECT ".object", KK_SPAN(content, cut));
        age(fixture);
        assert_true(holds(fixture, "the new content"));
        assert_false(is_there(fixture, OBJECT ".new"));
    }
}

/* Sectors of both contents, in whatever order the disk had taken them when the power went. */
static void test_an_overwrite_in_pieces_is_completed(void **state)
{
    struct fixture *fixture = *state;
    uint8_t content[256];
    uint8_t torn[256] = {0};
    size_t len = 0;
    leave_journal(fixture, "the new content", content, &len);
    memcpy(torn + 8, content + 8, len - 8); /* but for the version */
    write_raw(fixture, OBJECT ".object", KK_SPAN(torn, len));
    age(fixture);
    assert_true(holds(fixture, "the new content"));
    leave_journal(fixture, "the new content", content, &len);
    memcpy(torn, old_content, 8);
    write_raw(fixture, OBJECT ".object", KK_SPAN(torn, len));
    age(fixture);
    assert_true(holds(fixture, "the new content"));
    leave_journal(fixture, "the new content", content, &len);
    memcpy(torn, content, 8);
    memset(torn + 10, 0, 4);
    write_raw(fixture, OBJECT ".object", KK_SPAN(torn, len));
    age(fixture);
    assert_true(holds(fixture, "the new content"));
    assert_false(is_there(fixture, OBJECT ".new"));
}

static void test_a_journal_whose_change_never_began_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t softhsm[] = {0, 0, 0, 0, 0, 5, 0, 1, 'n', 'e', 'w', 'e', 'r'};
    uint8_t content[256];
    size_t len = 0;
    leave_journal(fixture, "the new content", content, &len);
    write_raw(fixture, OBJECT ".object", KK_SPAN_ARRAY(old_content));
    assert_true(holds(fixture, "old"));
    assert_false(is_there(fixture, OBJECT ".new"));
    leave_journal(fixture, "the new content", content, &len); /* SoftHSM wrote since */
    write_raw(fixture, OBJECT ".object", KK_SPAN_ARRAY(softhsm));
    assert_true(holds(fixture, "newer"));
    assert_false(is_there(fixture, OBJECT ".new"));
}

static CK_RV no_visit(const struct kk_uuid *uuid, void *context)
{
    (void)uuid;
    (void)context;
    return CKR_OK;
}

static void test_a_draft_of_somebody_who_died_goes(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    write_raw(fixture, OBJECT ".draft", KK_SPAN_ARRAY(old_content));
    assert_ok(kk_softhsm_each(fixture->dir, no_visit, NULL));
    assert_true(is_there(fixture, OBJECT ".draft")); /* its maker may be at work */
    assert_int_equal(utimensat(AT_FDCWD, path_of(fixture, OBJECT ".draft"), old, 0), 0);
    assert_ok(kk_softhsm_each(fixture->dir, no_visit, NULL));
    assert_false(is_there(fixture, OBJECT ".draft"));
}

static void test_a_damaged_journal_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    make_object(fixture, "x");
    write_raw(fixture, OBJECT ".object", KK_SPAN_ARRAY(old_content));
    write_raw(fixture, OBJECT ".new", KK_SPAN_TEXT("no journal at all, but long enough for one"));
    assert_true(holds(fixture, "old"));
    assert_false(is_there(fixture, OBJECT ".new"));
}

/* ---- others at work ---- */

/* A process that holds SoftHSM's kind of lock on a file until it is killed. */
struct holding {
    const char *path;
    int ready[2];
};

static int hold(void *context)
{
    struct holding *holding = context;
    int fd = open(holding->path, O_RDWR | O_CREAT, 0600);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fcntl(fd, F_SETLKW, &whole) != 0 || write(holding->ready[1], "x", 1) != 1) {
        return 1;
    }
    for (;;) {
        pause();
    }
}

static pid_t start_holding(const char *path)
{
    struct holding holding = {.path = path};
    char byte = 0;
    assert_int_equal(pipe(holding.ready), 0);
    pid_t pid = unit_start_child(hold, &holding);
    assert_int_equal(read(holding.ready[0], &byte, 1), 1);
    close(holding.ready[0]);
    close(holding.ready[1]);
    return pid;
}

static void stop_holding(pid_t pid)
{
    int status = 0;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_both_of_softhsms_locks_are_waited_for(void **state)
{
    struct fixture *fixture = *state;
    static const char *const files[] = {OBJECT ".object", OBJECT ".lock"};
    make_object(fixture, "one");
    for (size_t i = 0; i < KK_ARRAY_LEN(files); i++) {
        pid_t pid = start_holding(path_of(fixture, files[i]));
        assert_int_equal(change(fixture, "two"), CKR_FUNCTION_FAILED);
        stop_holding(pid);
        assert_true(holds(fixture, "one"));
    }
    assert_ok(change(fixture, "two"));
}

/* SoftHSM 2.6 unlocks the data file before it has written: under <uuid>.lock nothing counts. */
static void test_what_is_in_the_middle_of_a_change_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_seen seen;
    make_object(fixture, "one");
    pid_t pid = start_holding(path_of(fixture, OBJECT ".lock"));
    assert_int_equal(kk_softhsm_read(fixture->dir, &fixture->uuid, &body, &seen),
                     CKR_FUNCTION_FAILED);
    stop_holding(pid);
    assert_true(holds(fixture, "one"));
}

static void test_an_empty_file_is_read_when_it_is_old(void **state)
{
    struct fixture *fixture = *state;
    make_object(fixture, "one");
    write_raw(fixture, OBJECT ".object", KK_SPAN(NULL, 0));
    age(fixture);
    assert_true(holds(fixture, ""));
}

/* A clock that was put back must not make anybody wait for ever. */
static void test_an_empty_file_of_tomorrow_holds_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    const time_t tomorrow = time(NULL) + 24 * 60 * 60;
    const struct timespec late[2] = {{.tv_sec = tomorrow}, {.tv_sec = tomorrow}};
    make_object(fixture, "one");
    write_raw(fixture, OBJECT ".object", KK_SPAN(NULL, 0));
    assert_int_equal(utimensat(AT_FDCWD, path_of(fixture, OBJECT ".object"), late, 0), 0);
    assert_true(holds(fixture, ""));
    assert_ok(change(fixture, "two"));
}

/* ---- coming and going ---- */

static void test_a_failed_create_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct kk_softhsm_new objects[2] = {{.uuid = unit_uuid(1), .body = KK_SPAN_TEXT("one")},
                                        {.uuid = fixture->uuid, .body = KK_SPAN_TEXT("two")}};
    char first[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(&objects[0].uuid, ".object", first);
    assert_int_equal(mkdir(path_of(fixture, OBJECT ".object"), 0700), 0); /* its name is taken */
    assert_int_not_equal(kk_softhsm_create(fixture->dir, objects, 2), CKR_OK);
    assert_false(is_there(fixture, first));
    assert_false(is_there(fixture, OBJECT ".draft"));
    assert_false(is_there(fixture, OBJECT ".lock"));
    assert_int_equal(rmdir(path_of(fixture, OBJECT ".object")), 0);
}

static void test_a_deleted_object_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_seen seen;
    make_object(fixture, "one");
    {
        KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
        assert_ok(kk_softhsm_edit_begin(fixture->dir, &fixture->uuid, &edit));
        assert_ok(kk_softhsm_edit_delete(&edit));
    }
    assert_false(is_there(fixture, OBJECT ".object"));
    assert_false(is_there(fixture, OBJECT ".lock"));
    assert_int_equal(kk_softhsm_read(fixture->dir, &fixture->uuid, &body, &seen),
                     CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(change(fixture, "two"), CKR_OBJECT_HANDLE_INVALID);
    assert_false(is_there(fixture, OBJECT ".object")); /* and is not brought back */
}

static void test_the_generation_is_seen_to_move(void **state)
{
    struct fixture *fixture = *state;
    struct kk_softhsm_stamp one;
    struct kk_softhsm_stamp two;
    uint64_t before = 0;
    uint64_t after = 0;
    assert_ok(kk_softhsm_fresh(fixture->dir, &one));
    assert_true(one.stable);
    assert_ok(kk_softhsm_bump(fixture->dir, &before, &after));
    assert_ok(kk_softhsm_fresh(fixture->dir, &two));
    assert_int_equal(one.generation, before);
    assert_int_equal(two.generation, after);
    assert_true(after > before);
}

static void test_a_removed_token_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct kk_softhsm_stamp stamp;
    struct kk_softhsm_dir *again = NULL;
    make_object(fixture, "one");
    assert_ok(kk_softhsm_remove(fixture->dir));
    assert_int_equal(kk_softhsm_fresh(fixture->dir, &stamp), CKR_DEVICE_REMOVED);
    assert_int_equal(kk_softhsm_open(fixture->location, TOKEN_A, 0077, &again),
                     CKR_TOKEN_NOT_PRESENT);
    assert_int_equal(rmdir(fixture->location), 0);
    assert_int_equal(mkdir(fixture->location, 0700), 0);
}

static CK_RV count_name(const char *name, void *context)
{
    (void)name;
    ++*(size_t *)context;
    return CKR_OK;
}

static void test_only_directories_with_a_token_are_listed(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    bool unfinished = false;
    assert_ok(kk_softhsm_list(fixture->location, count_name, &count, &unfinished));
    assert_int_equal(count, 1);
    assert_false(unfinished);
    assert_int_equal(mkdir(unit_path(fixture->location, "junk"), 0700), 0);
    assert_int_equal(mkdir(unit_path(fixture->location, TOKEN_B), 0700), 0); /* as SoftHSM begins */
    count = 0;
    assert_ok(kk_softhsm_list(fixture->location, count_name, &count, &unfinished));
    assert_int_equal(count, 1);
    assert_true(unfinished);
}

/* ---- what is on the disk when ---- */

/* Calls of this program, in order: f: a file is synced, d: a directory is, t: a file is emptied. */
static char calls[64];
static size_t call_count;

static void note(char call)
{
    if (call_count + 1 < sizeof calls) {
        calls[call_count++] = call;
        calls[call_count] = '\0';
    }
}

static void begin_to_note(void)
{
    call_count = 0;
    calls[0] = '\0';
}

/* In place of the system's. */
int fsync(int fd)
{
    struct stat status;
    note(fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? 'd' : 'f');
    return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t length)
{
    if (length == 0) {
        note('t');
    }
    return (int)syscall(SYS_ftruncate, fd, length);
}

/* The next content, with its name, is on the disk before the present one goes. */
static void test_a_journal_is_on_the_disk_before_the_content_goes(void **state)
{
    struct fixture *fixture = *state;
    make_object(fixture, "one");
    begin_to_note();
    assert_ok(change(fixture, "another body"));
    assert_string_equal(calls, "fdtf");
}

/* A wrong PIN is not forgotten when the power goes: nor is the file that says so, when it is new.
 */
static void test_a_new_count_is_on_the_disk_with_its_name(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t bytes[KK_SOFTHSM_TRIES_LEN] = {1};
    void *lock = NULL;
    assert_ok(kk_softhsm_tries_lock(fixture->dir, &lock));
    begin_to_note();
    assert_ok(kk_softhsm_tries_write(fixture->dir, bytes));
    assert_string_equal(calls, "fd");
    begin_to_note();
    assert_ok(kk_softhsm_tries_write(fixture->dir, bytes));
    assert_string_equal(calls, "f");
    kk_softhsm_tries_unlock(fixture->dir, lock);
}

/* The count goes with the last wrong PIN, and its lock is held on to until it is given back. */
static void test_the_lock_of_the_tries_outlasts_the_count(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[KK_SOFTHSM_TRIES_LEN] = {1};
    uint8_t read[KK_SOFTHSM_TRIES_LEN] = {0};
    void *mine = NULL;
    struct kk_ofd_lock *other = NULL;
    assert_ok(kk_softhsm_tries_lock(fixture->dir, &mine));
    assert_ok(kk_softhsm_tries_write(fixture->dir, bytes));
    assert_ok(kk_softhsm_tries_read(fixture->dir, read));
    assert_memory_equal(bytes, read, sizeof bytes);
    assert_ok(kk_softhsm_tries_clear(fixture->dir));
    assert_ok(kk_ofd_lock_try(path_of(fixture, "keykist.tries"), 0600, &other));
    assert_null(other);
    assert_ok(kk_softhsm_tries_read(fixture->dir, read));
    assert_int_equal(read[0], 0);
    assert_ok(kk_softhsm_tries_write(fixture->dir, bytes)); /* in one hold, too */
    assert_ok(kk_ofd_lock_try(path_of(fixture, "keykist.tries"), 0600, &other));
    assert_null(other);
    assert_ok(kk_softhsm_tries_clear(fixture->dir));
    kk_softhsm_tries_unlock(fixture->dir, mine);
    assert_false(is_there(fixture, "keykist.tries"));
}

/* ---- what others put there ---- */

/* Somebody who may only read the token, and who gives up after a while. */
static int read_as_a_stranger(void *context)
{
    const struct fixture *fixture = context;
    KK_CLEANUP(kk_softhsm_closep) struct kk_softhsm_dir *dir = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_seen seen;
    struct kk_softhsm_stamp stamp;
    (void)alarm(10);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) {
        return 1;
    }
    if (kk_softhsm_open(fixture->location, TOKEN_A, 0077, &dir) != CKR_OK ||
        kk_softhsm_fresh(dir, &stamp) != CKR_OK || stamp.stable) {
        return 2;
    }
    return kk_softhsm_read(dir, NULL, &body, &seen) == CKR_OK && body.len > 0 ? 0 : 3;
}

static void put_pipe(const struct fixture *fixture, const char *name)
{
    (void)unlink(path_of(fixture, name));
    assert_int_equal(mkfifo(path_of(fixture, name), 0444), 0);
    assert_int_equal(chmod(path_of(fixture, name), 0444), 0);
}

/* Whoever may make directories beside the tokens must not hold up those who look for tokens. */
static void test_pipes_in_place_of_files_hold_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    put_pipe(fixture, "generation");
    put_pipe(fixture, "token.lock");
    assert_int_equal(chmod(path_of(fixture, "token.object"), 0444), 0);
    assert_int_equal(chmod(kk_softhsm_path(fixture->dir), 0555), 0);
    assert_int_equal(chmod(fixture->location, 0755), 0);
    int result = unit_in_child(read_as_a_stranger, fixture);
    assert_int_equal(chmod(kk_softhsm_path(fixture->dir), 0755), 0);
    assert_int_equal(result, 0);
}

static int read_token_file(void *context)
{
    struct fixture *fixture = context;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    struct kk_softhsm_seen seen;
    (void)alarm(10);
    return kk_softhsm_read(fixture->dir, NULL, &body, &seen) == CKR_DEVICE_ERROR ? 0 : 1;
}

static void test_a_pipe_in_place_of_a_journal_is_damage(void **state)
{
    struct fixture *fixture = *state;
    put_pipe(fixture, "token.new");
    assert_int_equal(unit_in_child(read_token_file, fixture), 0);
}

struct swapping {
    char one[4096], two[4096];
    atomic_bool ends;
};

static void *swap(void *context)
{
    struct swapping *swapping = context;
    while (!atomic_load(&swapping->ends)) {
        (void)renameat2(AT_FDCWD, swapping->one, AT_FDCWD, swapping->two, RENAME_EXCHANGE);
    }
    return NULL;
}

/* A directory of somebody's that looks like what a dead maker left, and is a link to a token of
 * ours in the next moment. */
static void test_what_a_dead_maker_left_is_deleted_there_alone(void **state)
{
    struct fixture *fixture = *state;
    static struct swapping swapping;
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const struct timespec until = {.tv_nsec = 1};
    pthread_t thread;
    bool unfinished = false;
    size_t count = 0;
    atomic_store(&swapping.ends, false);
    (void)snprintf(swapping.one, sizeof swapping.one, "%s/.new-softhsm-" TOKEN_B,
                   fixture->location);
    (void)snprintf(swapping.two, sizeof swapping.two, "%s/link", fixture->location);
    assert_int_equal(mkdir(swapping.one, 0700), 0);
    unit_write_file(unit_path(swapping.one, "so that it stays"), "x", 1);
    assert_int_equal(utimensat(AT_FDCWD, swapping.one, times, 0), 0);
    assert_int_equal(symlink(kk_softhsm_path(fixture->dir), swapping.two), 0);
    assert_int_equal(pthread_create(&thread, NULL, swap, &swapping), 0);
    for (size_t i = 0; i < 5000 && is_there(fixture, "token.object"); i++) {
        assert_ok(kk_softhsm_list(fixture->location, count_name, &count, &unfinished));
        (void)nanosleep(&until, NULL);
    }
    atomic_store(&swapping.ends, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(is_there(fixture, "token.object"));
    assert_true(is_there(fixture, "token.lock"));
}

#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* An application closes whatever there is, and opens files of its own by the numbers. */
static void test_files_by_the_numbers_of_a_directory_stay_open(void **state)
{
    struct kk_softhsm_dir *dir = NULL;
    struct fixture *fixture = *state;
    int number = dup(STDERR_FILENO);
    (void)close(number);
    assert_ok(kk_softhsm_open(fixture->location, TOKEN_A, 0077, &dir));
    for (int fd = number; fd < number + 3; fd++) {
        assert_int_equal(close(fd), 0);
        assert_int_equal(open("/dev/null", O_RDONLY), fd);
    }
    kk_softhsm_close(dir);
    for (int fd = number; fd < number + 3; fd++) {
        assert_int_equal(close(fd), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_a_change_moves_the_version_and_leaves_no_journal),
        ON(test_files_by_the_numbers_of_a_directory_stay_open),
        ON(test_versions_tell_who_wrote),
        ON(test_a_rewrite_within_a_moment_is_seen),
        ON(test_a_cut_off_overwrite_is_completed),
        ON(test_an_overwrite_in_pieces_is_completed),
        ON(test_a_journal_whose_change_never_began_is_dropped),
        ON(test_a_damaged_journal_changes_nothing),
        ON(test_a_draft_of_somebody_who_died_goes),
        ON(test_both_of_softhsms_locks_are_waited_for),
        ON(test_what_is_in_the_middle_of_a_change_is_not_read),
        ON(test_an_empty_file_is_read_when_it_is_old),
        ON(test_an_empty_file_of_tomorrow_holds_nobody_up),
        ON(test_a_failed_create_leaves_nothing),
        ON(test_a_deleted_object_leaves_nothing),
        ON(test_the_generation_is_seen_to_move),
        ON(test_a_removed_token_is_gone),
        ON(test_only_directories_with_a_token_are_listed),
        ON(test_a_journal_is_on_the_disk_before_the_content_goes),
        ON(test_a_new_count_is_on_the_disk_with_its_name),
        ON(test_the_lock_of_the_tries_outlasts_the_count),
        ON(test_pipes_in_place_of_files_hold_nobody_up),
        ON(test_a_pipe_in_place_of_a_journal_is_damage),
        ON(test_what_a_dead_maker_left_is_deleted_there_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
