/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/audit*.c: what was written verifies, and what was changed does not.
 */
#include "sealed_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERIAL "0123456789abcdef"

static const uint8_t key_bytes[32] = {1, 2, 3};
static const uint8_t other_key[32] = {9, 9, 9};

struct fixture {
    char dir[64];
    char path[96];
    struct kk_audit_settings settings;
    struct kk_audit *audit;
};

static struct kk_audit *open_audit(struct fixture *fixture)
{
    struct kk_audit *audit = NULL;
    assert_ok(kk_audit_new(crypto, fixture->dir, SERIAL, &fixture->settings, &audit));
    return audit;
}

static int setup(void **state)
{
    struct fixture *fixture = NULL;
    assert_ok(kk_alloc(sizeof *fixture, &fixture));
    (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/keykist-audit-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/audit.log", fixture->dir);
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    fixture->settings =
        (struct kk_audit_settings){.mode = KK_AUDIT_LOG_ON, .max_size_kib = 64, .file_mode = 0600};
    fixture->audit = open_audit(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    kk_audit_free(fixture->audit);
    (void)snprintf(command, sizeof command, "rm -rf %s", fixture->dir);
    assert_int_equal(system(command), 0);
    kk_free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    kk_audit_free(fixture->audit);
    fixture->audit = open_audit(fixture);
}

/* ---- writing ---- */

static const struct kk_audit_writer user = {.who = KK_AUDIT_USER,
                                            .key = {key_bytes, sizeof key_bytes}};
static const struct kk_audit_writer nobody = {.who = KK_AUDIT_PUBLIC};

static void put(struct kk_audit *audit, const struct kk_audit_writer *writer,
                enum kk_audit_kind kind, struct kk_audit_mark *ret_mark)
{
    const struct kk_audit_event event = {.kind = kind};
    assert_ok(kk_audit_write(audit, writer, &event, ret_mark));
}

/* begin, login, pin-failed, sign, logout: 1 to 5, all sealed. */
static void put_some(struct fixture *fixture, struct kk_audit_mark *ret_mark)
{
    put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
    put(fixture->audit, &nobody, KK_AUDIT_PIN_FAILED, NULL);
    put(fixture->audit, &user, KK_AUDIT_SIGN, NULL);
    put(fixture->audit, &user, KK_AUDIT_LOGOUT, ret_mark);
}

static struct kk_audit_report verify_with(struct fixture *fixture, const uint8_t *key,
                                          const struct kk_audit_mark *anchor)
{
    struct kk_audit_report report;
    assert_ok(kk_audit_verify(fixture->audit, KK_SPAN(key, key == NULL ? 0 : 32), anchor, &report));
    return report;
}

static struct kk_audit_report verify(struct fixture *fixture, const struct kk_audit_mark *anchor)
{
    return verify_with(fixture, key_bytes, anchor);
}

#define assert_sound(report) assert_string_equal((report).what, "")
#define assert_broken(report, at)                                                                  \
    do {                                                                                           \
        struct kk_audit_report report_ = (report);                                                 \
        assert_int_equal(report_.verdict, KK_AUDIT_BROKEN);                                        \
        assert_int_equal(report_.break_at, (at));                                                  \
    } while (0)

/* ---- the file ---- */

static size_t load(const char *path, uint8_t *text, size_t room)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(text, 1, room, file);
    assert_true(len < room);
    assert_int_equal(fclose(file), 0);
    return len;
}

static void save(const char *path, const void *text, size_t len)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void add(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Where the n-th line begins, from 0 on. */
static size_t line_at(const uint8_t *text, size_t len, size_t n)
{
    size_t at = 0;
    while (n-- > 0) {
        const uint8_t *newline = memchr(text + at, '\n', len - at);
        assert_non_null(newline);
        at = (size_t)(newline - text) + 1;
    }
    return at;
}

static bool file_has(struct fixture *fixture, const char *text)
{
    static uint8_t bytes[1 << 20];
    size_t len = load(fixture->path, bytes, sizeof bytes);
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

/* ---- tests ---- */

static void test_what_was_written_verifies(void **state)
{
    struct fixture *fixture = *state;
    struct kk_audit_mark mark;
    assert_false(verify(fixture, NULL).has_log);
    put_some(fixture, &mark);
    struct kk_audit_report report = verify(fixture, &mark);
    assert_sound(report);
    assert_true(report.has_log);
    assert_int_equal(report.entries, 5);
    assert_int_equal(report.first, 1);
    assert_int_equal(report.last, 5);
    assert_int_equal(report.sealed, 5);
    assert_int_equal(mark.seq, 5);
    put(fixture->audit, &nobody, KK_AUDIT_PIN_FAILED, NULL);
    report = verify(fixture, &mark);
    assert_sound(report);
    assert_int_equal(report.last, 6);
    assert_int_equal(report.sealed, 5); /* the last one is not sealed yet */
    put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
    assert_int_equal(verify(fixture, &mark).sealed, 7);
    report = verify_with(fixture, NULL, NULL);
    assert_sound(report);
    assert_int_equal(report.sealed, 0); /* nothing was asked of MACs */
}

static void test_an_entry_is_a_line_that_a_person_reads(void **state)
{
    struct fixture *fixture = *state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs =
        data_attrs(false, "a\"\n\xc3\xbc", "secret");
    struct kk_uuid uuid;
    assert_true(kk_uuid_parse(RIG_NAME, &uuid));
    const struct kk_audit_note note = {
        .has_mechanism = true, .mechanism = CKM_ECDSA, .has_with = true, .with = uuid};
    const struct kk_audit_event event = {.kind = KK_AUDIT_CREATE,
                                         .object = &uuid,
                                         .attrs = attrs,
                                         .note = &note,
                                         .result = CKR_DEVICE_MEMORY};
    assert_ok(kk_audit_write(fixture->audit, &user, &event, NULL));
    assert_true(file_has(fixture, "\"event\":\"create\",\"user\":\"user\",\"object\":\"" RIG_NAME
                                  "\",\"class\":\"CKO_DATA\",\"label\":\"a\\\"\\u000a\\u00fc\","
                                  "\"with\":\"" RIG_NAME "\",\"mechanism\":\"CKM_ECDSA\","
                                  "\"result\":\"CKR_DEVICE_MEMORY\",\"uid\":"));
    assert_true(file_has(fixture, "test_token_audit\",\"hash\":\""));
    assert_false(file_has(fixture, "secret"));
}

static void test_the_longest_entry_fits(void **state)
{
    struct fixture *fixture = *state;
    char label[300];
    memset(label, 1, sizeof label - 1);
    label[sizeof label - 1] = '\0';
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, label, "x");
    struct kk_uuid uuid = {0};
    const struct kk_audit_note note = {.has_mechanism = true,
                                       .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN | (CK_ULONG)1 << 31,
                                       .has_with = true};
    const struct kk_audit_event event = {.kind = KK_AUDIT_CREATE,
                                         .object = &uuid,
                                         .attrs = attrs,
                                         .note = &note,
                                         .result = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT};
    char name[64]; /* no longer ones are given out, and none with control characters */
    for (size_t i = 0; i < sizeof name; i += 2) {
        memcpy(name + i, "\xc3\xbc", 2);
    }
    struct kk_audit_writer longest = user;
    longest.name = KK_SPAN(name, sizeof name);
    assert_ok(kk_audit_write(fixture->audit, &longest, &event, NULL));
    const struct kk_audit_event about = {.kind = KK_AUDIT_USER_REMOVE,
                                         .of = KK_SPAN(name, sizeof name),
                                         .result = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT};
    assert_ok(kk_audit_write(fixture->audit, &longest, &about, NULL));
    assert_sound(verify(fixture, NULL));
}

/* Every byte of a small log, changed: found, whatever it is. */
static void test_each_byte_that_is_changed_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct kk_audit_mark mark;
    uint8_t text[8192];
    put_some(fixture, &mark);
    size_t len = load(fixture->path, text, sizeof text);
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 1;
        save(fixture->path, text, len);
        struct kk_audit_report report = verify(fixture, NULL);
        /* The last newline makes the last line a torn one; the anchor misses it. */
        assert_true(report.verdict == KK_AUDIT_BROKEN || (i == len - 1 && report.torn_tail > 0));
        assert_int_equal(verify(fixture, &mark).verdict, KK_AUDIT_BROKEN);
        text[i] ^= 1;
    }
    save(fixture->path, text, len);
    assert_sound(verify(fixture, &mark));
}

/* Without a login only the last entry's own MAC cannot be judged. */
static void test_hashes_alone_find_edits(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    put_some(fixture, NULL);
    put(fixture->audit, &nobody, KK_AUDIT_PIN_FAILED, NULL);
    size_t len = load(fixture->path, text, sizeof text);
    for (size_t i = 0; i < len - 1; i++) {
        text[i] ^= 1;
        save(fixture->path, text, len);
        assert_int_equal(verify_with(fixture, NULL, NULL).verdict, KK_AUDIT_BROKEN);
        text[i] ^= 1;
    }
}

static void test_a_deleted_line_is_found(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    struct kk_audit_mark mark;
    put_some(fixture, &mark);
    size_t len = load(fixture->path, text, sizeof text);
    for (size_t n = 0; n < 5; n++) {
        uint8_t left[8192];
        size_t begin = line_at(text, len, n);
        size_t end = line_at(text, len, n + 1);
        memcpy(left, text, begin);
        memcpy(left + begin, text + end, len - end);
        save(fixture->path, left, len - (end - begin));
        /* The first one that does not fit is the one behind it; the last one's loss is the anchor's
         * to tell. */
        assert_broken(verify(fixture, &mark), n == 4 ? 4 : n + 2);
    }
}

static void test_swapped_and_doubled_lines_are_found(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    uint8_t other[8192];
    put_some(fixture, NULL);
    size_t len = load(fixture->path, text, sizeof text);
    size_t a = line_at(text, len, 2);
    size_t b = line_at(text, len, 3);
    size_t c = line_at(text, len, 4);
    memcpy(other, text, len);
    memcpy(other + a, text + b, c - b);
    memcpy(other + a + (c - b), text + a, b - a);
    save(fixture->path, other, len);
    assert_broken(verify(fixture, NULL), 4);
    memcpy(other, text, c);
    memcpy(other + c, text + b, len - b);
    save(fixture->path, other, len + (c - b));
    assert_broken(verify(fixture, NULL), 4);
}

/* Who edits a line and computes all hashes behind it anew cannot compute the MACs. */
static void test_a_chain_computed_anew_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct kk_audit *forger = NULL;
    const struct kk_audit_writer forged = {.who = KK_AUDIT_USER,
                                           .key = {other_key, sizeof other_key}};
    put_some(fixture, NULL);
    assert_int_equal(unlink(fixture->path), 0);
    forger = open_audit(fixture);
    put(forger, &forged, KK_AUDIT_LOGIN, NULL);
    put(forger, &forged, KK_AUDIT_LOGOUT, NULL);
    kk_audit_free(forger);
    assert_broken(verify(fixture, NULL), 1);
    assert_int_equal(verify_with(fixture, NULL, NULL).verdict, KK_AUDIT_SOUND); /* anyone can */
}

static void test_a_login_without_mac_is_found(void **state)
{
    struct fixture *fixture = *state;
    const struct kk_audit_writer keyless = {.who = KK_AUDIT_USER};
    put(fixture->audit, &keyless, KK_AUDIT_SIGN, NULL);
    assert_int_equal(verify_with(fixture, NULL, NULL).verdict, KK_AUDIT_BROKEN);
}

static void test_a_cut_tail_is_found_by_the_anchor(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    struct kk_audit_mark mark;
    put_some(fixture, &mark);
    size_t len = load(fixture->path, text, sizeof text);
    for (size_t n = 0; n < 5; n++) {
        save(fixture->path, text, line_at(text, len, n));
        assert_broken(verify(fixture, &mark), n);
    }
}

/* A process that comes back to a log that was cut says so in the log itself. */
static void test_a_gap_is_written_down(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    struct kk_audit_mark mark;
    put_some(fixture, NULL);
    size_t len = load(fixture->path, text, sizeof text);
    save(fixture->path, text, line_at(text, len, 3));
    put(fixture->audit, &user, KK_AUDIT_LOGIN, &mark);
    assert_true(mark.after_gap);
    assert_true(file_has(fixture, "\"event\":\"gap\",\"user\":\"user\",\"missing\":5,"));
    assert_broken(verify(fixture, NULL), 4);
}

static void test_an_anchor_that_is_not_there_is_a_gap(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    struct kk_audit_mark anchor;
    struct kk_audit_mark mark;
    struct kk_audit_writer login = user;
    const struct kk_audit_event event = {.kind = KK_AUDIT_LOGIN};
    login.anchor = &anchor;
    put_some(fixture, &anchor);
    reopen(fixture);
    assert_ok(kk_audit_write(fixture->audit, &login, &event, &mark));
    assert_false(mark.after_gap);
    size_t len = load(fixture->path, text, sizeof text);
    save(fixture->path, text, line_at(text, len, 4));
    reopen(fixture);
    assert_ok(kk_audit_write(fixture->audit, &login, &event, &mark));
    assert_true(mark.after_gap);
    assert_int_equal(unlink(fixture->path), 0);
    reopen(fixture);
    assert_ok(kk_audit_write(fixture->audit, &login, &event, &mark));
    assert_true(mark.after_gap);
}

/* ---- torn lines ---- */

static void test_a_torn_line_is_told_of(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    struct kk_audit_mark mark;
    put_some(fixture, &mark);
    size_t len = load(fixture->path, text, sizeof text);
    size_t last = line_at(text, len, 4);
    for (size_t torn = 1; torn < len - last - 1; torn += 7) {
        save(fixture->path, text, last + torn);
        reopen(fixture);
        struct kk_audit_report report = verify(fixture, NULL);
        assert_sound(report);
        assert_int_equal(report.torn_tail, torn);
        assert_int_equal(report.last, 4);
        put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
        report = verify(fixture, NULL);
        assert_sound(report);
        assert_int_equal(report.torn_tail, 0);
        assert_int_equal(report.torn, 1);
        assert_int_equal(report.sealed, 6);
        assert_int_equal(verify(fixture, &mark).verdict, KK_AUDIT_BROKEN); /* what tore was known */
    }
}

/* An entry that lacks its newline only is whole. */
static void test_a_missing_newline_is_added(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    struct kk_audit_mark mark;
    put_some(fixture, &mark);
    size_t len = load(fixture->path, text, sizeof text);
    save(fixture->path, text, len - 1);
    assert_true(verify(fixture, NULL).torn_tail > 0);
    reopen(fixture);
    put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
    struct kk_audit_report report = verify(fixture, &mark);
    assert_sound(report);
    assert_int_equal(report.last, 6);
    assert_int_equal(report.torn, 0);
}

static void test_torn_bytes_cannot_be_changed_later(void **state)
{
    struct fixture *fixture = *state;
    uint8_t text[8192];
    put_some(fixture, NULL);
    add(fixture->path, "{\"seq\":6", 8);
    reopen(fixture);
    put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
    assert_sound(verify(fixture, NULL));
    size_t len = load(fixture->path, text, sizeof text);
    text[line_at(text, len, 5) + 2] ^= 1;
    save(fixture->path, text, len);
    assert_broken(verify(fixture, NULL), 6);
}

/* A whole line that is no entry was not torn by a crash. */
static void test_a_damaged_line_is_no_torn_one(void **state)
{
    struct fixture *fixture = *state;
    static const char *const added[] = {"\n", "hello\n", "{\"seq\":6}\n", "a\nb"};
    for (size_t i = 0; i < KK_ARRAY_LEN(added); i++) {
        (void)unlink(fixture->path);
        reopen(fixture);
        put_some(fixture, NULL);
        add(fixture->path, added[i], strlen(added[i]));
        assert_broken(verify(fixture, NULL), 5);
        put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
        assert_broken(verify(fixture, NULL), 6);
    }
}

static void test_a_log_of_anything_takes_entries(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t junk[200000];
    memset(junk, 'x', sizeof junk);
    static const size_t lens[] = {1, 2048, 2049, 65535, 65536, 65537, sizeof junk};
    for (size_t i = 0; i < KK_ARRAY_LEN(lens); i++) {
        save(fixture->path, junk, lens[i]);
        reopen(fixture);
        put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
        put(fixture->audit, &user, KK_AUDIT_LOGOUT, NULL);
        assert_true(file_has(fixture, "\"event\":\"logout\""));
        (void)verify(fixture, NULL);
    }
}

/* ---- files ---- */

static size_t parts(struct fixture *fixture)
{
    size_t count = 0;
    DIR *dir = opendir(fixture->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += strncmp(entry->d_name, "audit.log.", 10) == 0;
    }
    assert_int_equal(closedir(dir), 0);
    return count;
}

static void fill(struct fixture *fixture, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(fixture->audit, &user, KK_AUDIT_SIGN, NULL);
    }
}

static void test_full_files_rotate_and_the_chain_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct kk_audit_mark mark;
    struct stat status;
    put_some(fixture, &mark);
    fill(fixture, 600);
    assert_true(parts(fixture) >= 2);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_true(status.st_size <= 64 * 1024);
    struct kk_audit_report report = verify(fixture, &mark);
    assert_sound(report);
    assert_int_equal(report.files, parts(fixture) + 1);
    assert_int_equal(report.first, 1);
    assert_int_equal(report.entries, 605 + 2 * parts(fixture));
    reopen(fixture); /* a new process finds the end */
    fill(fixture, 1);
    assert_sound(verify(fixture, &mark));
}

static void first_part(struct fixture *fixture, char path[160])
{
    (void)snprintf(path, 160, "%s.%020d", fixture->path, 1);
    assert_int_equal(access(path, F_OK), 0);
}

static void test_a_missing_file_is_found(void **state)
{
    struct fixture *fixture = *state;
    char path[160];
    fill(fixture, 600);
    assert_sound(verify(fixture, NULL));
    first_part(fixture, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(verify(fixture, NULL).verdict, KK_AUDIT_BROKEN);
}

static void test_a_cut_older_file_is_found(void **state)
{
    struct fixture *fixture = *state;
    char path[160];
    static uint8_t text[1 << 17];
    fill(fixture, 300);
    first_part(fixture, path);
    size_t len = load(path, text, sizeof text);
    save(path, text, line_at(text, len, 10));
    assert_broken(verify(fixture, NULL), 10);
    save(path, text, len - 1); /* even of its last newline only */
    assert_int_equal(verify(fixture, NULL).verdict, KK_AUDIT_BROKEN);
}

static void test_the_present_file_missing_is_found(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 300);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(verify(fixture, NULL).verdict, KK_AUDIT_BROKEN);
    fill(fixture, 1);
    assert_true(file_has(fixture, "\"event\":\"gap\""));
}

static void test_as_many_files_as_are_to_be_kept(void **state)
{
    struct fixture *fixture = *state;
    struct kk_audit_mark mark;
    fixture->settings.keep = 2;
    reopen(fixture);
    put_some(fixture, &mark);
    fill(fixture, 1200);
    assert_int_equal(parts(fixture), 2);
    struct kk_audit_report report = verify(fixture, &mark);
    assert_sound(report);
    assert_true(report.first > 1);
    put(fixture->audit, &user, KK_AUDIT_LOGIN, &mark);
    assert_false(mark.after_gap);
}

/* A process dies between any two steps of a rotation. */
static void test_a_rotation_is_finished_by_the_next(void **state)
{
    struct fixture *fixture = *state;
    char path[160];
    static uint8_t text[1 << 17];
    fill(fixture, 300);
    first_part(fixture, path);
    size_t len = load(path, text, sizeof text);
    assert_int_equal(unlink(fixture->path), 0);
    for (int step = 0; step < 3; step++) {
        (void)unlink(fixture->path);
        save(path, text, len);
        if (step == 0) { /* the last entry is there, the file has its old name */
            assert_int_equal(rename(path, fixture->path), 0);
        } else if (step == 2) { /* the new file is there, and empty */
            save(fixture->path, "", 0);
        }
        reopen(fixture);
        fill(fixture, 1);
        struct kk_audit_report report = verify(fixture, NULL);
        assert_sound(report);
        assert_int_equal(report.files, 2);
    }
}

/* ---- several at once ---- */

static void test_processes_and_threads_append_to_one_chain(void **state)
{
    struct fixture *fixture = *state;
    enum { CHILDREN = 3, EACH = 300 };
    pid_t children[CHILDREN];
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct kk_audit *mine = NULL;
            CK_RV rv = kk_audit_new(crypto, fixture->dir, SERIAL, &fixture->settings, &mine);
            const struct kk_audit_event event = {.kind = KK_AUDIT_SIGN};
            for (int k = 0; k < EACH && rv == CKR_OK; k++) {
                rv = kk_audit_write(mine, &user, &event, NULL);
            }
            _exit(rv == CKR_OK ? 0 : 1);
        }
    }
    fill(fixture, EACH);
    for (size_t i = 0; i < CHILDREN; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct kk_audit_report report = verify(fixture, NULL);
    assert_sound(report);
    assert_int_equal(report.entries, (CHILDREN + 1) * EACH + 1 + 2 * parts(fixture));
    assert_true(parts(fixture) > 0);
}

static void test_a_killed_writer_leaves_a_sound_log(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct kk_audit *mine = open_audit(fixture);
            for (;;) {
                put(mine, &user, KK_AUDIT_SIGN, NULL);
            }
        }
        (void)usleep(5000);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        fill(fixture, 1);
        assert_sound(verify(fixture, NULL));
    }
}

/* ---- failures ---- */

static CK_RV sign(struct kk_audit *audit)
{
    const struct kk_audit_event event = {.kind = KK_AUDIT_SIGN};
    return kk_audit_write(audit, &user, &event, NULL);
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_full_disk_refuses(void **state)
{
    struct fixture *fixture = *state;
    put_some(fixture, NULL);
    uint64_t last = verify(fixture, NULL).last;
    (void)signal(SIGXFSZ, SIG_IGN);
    for (rlim_t room = 0; room < 2000; room += 100) {
        struct stat status;
        assert_int_equal(stat(fixture->path, &status), 0);
        limit_files((rlim_t)status.st_size + room);
        while (sign(fixture->audit) == CKR_OK) {
            last++;
        }
        assert_rv(sign(fixture->audit), CKR_DEVICE_MEMORY);
        limit_files(RLIM_INFINITY);
        struct kk_audit_report report = verify(fixture, NULL);
        assert_sound(report);
        assert_int_equal(report.torn_tail, 0); /* half of an entry was taken back */
        assert_int_equal(report.last, last);
    }
    assert_ok(sign(fixture->audit));
    assert_sound(verify(fixture, NULL));
}

static void test_a_full_disk_is_counted_with_continue(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    fixture->settings.on_error = KK_AUDIT_GO_ON;
    reopen(fixture);
    put_some(fixture, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(stat(fixture->path, &status), 0);
    limit_files((rlim_t)status.st_size);
    for (int i = 0; i < 3; i++) {
        assert_ok(sign(fixture->audit));
    }
    limit_files(RLIM_INFINITY);
    assert_ok(sign(fixture->audit));
    struct kk_audit_report report = verify(fixture, NULL);
    assert_sound(report);
    assert_int_equal(report.missed, 3);
    assert_int_equal(report.last, 7);
}

static void test_files_that_are_none_refuse(void **state)
{
    struct fixture *fixture = *state;
    char other[96];
    (void)snprintf(other, sizeof other, "%s/other", fixture->dir);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_rv(sign(fixture->audit), CKR_DEVICE_ERROR);
    assert_int_equal(rmdir(fixture->path), 0);
    save(other, "", 0);
    assert_int_equal(symlink(other, fixture->path), 0);
    assert_rv(sign(fixture->audit), CKR_DEVICE_ERROR);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_rv(sign(fixture->audit), CKR_DEVICE_ERROR);
    assert_int_equal(unlink(fixture->path), 0);
    assert_ok(sign(fixture->audit));
}

static CK_RV write_and_read(struct fixture *fixture)
{
    struct kk_audit_report report;
    struct kk_audit_place place = {0};
    static uint8_t text[4096];
    size_t len = 0;
    KK_CLEANUP(kk_audit_freep) struct kk_audit *audit = NULL;
    KK_TRY(kk_audit_new(crypto, fixture->dir, SERIAL, &fixture->settings, &audit));
    KK_TRY(sign(audit));
    KK_TRY(kk_audit_verify(audit, KK_SPAN_ARRAY(key_bytes), NULL, &report));
    return kk_audit_read(audit, &place, text, sizeof text, &len);
}

static void test_memory_that_runs_out_leaves_a_sound_log(void **state)
{
    struct fixture *fixture = *state;
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long n = 1; rv != CKR_OK; n++) {
        assert_true(n < 200);
        kk_alloc_fail_at(n);
        rv = write_and_read(fixture);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_OK || rv == CKR_HOST_MEMORY);
        assert_sound(verify(fixture, NULL));
    }
}

/* ---- settings, epochs, reading ---- */

static void test_modes(void **state)
{
    struct fixture *fixture = *state;
    fixture->settings.mode = KK_AUDIT_LOG_NO_USE;
    reopen(fixture);
    assert_ok(sign(fixture->audit));
    assert_false(verify(fixture, NULL).has_log);
    put(fixture->audit, &user, KK_AUDIT_EXPORT, NULL);
    assert_int_equal(verify(fixture, NULL).entries, 2);
    fixture->settings.mode = KK_AUDIT_LOG_OFF;
    reopen(fixture);
    put(fixture->audit, &user, KK_AUDIT_LOGIN, NULL);
    assert_int_equal(verify(fixture, NULL).entries, 2);
}

static void test_a_new_epoch_has_a_key_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t epoch_bytes[16] = {7};
    const struct kk_audit_writer heir = {.who = KK_AUDIT_SO, .key = {other_key, sizeof other_key}};
    const struct kk_audit_event epoch = {.kind = KK_AUDIT_EPOCH,
                                         .bytes = KK_SPAN_ARRAY(epoch_bytes)};
    struct kk_audit *other = open_audit(fixture);
    struct kk_audit_writer old = user;
    const struct kk_audit_event event = {.kind = KK_AUDIT_SIGN};
    put_some(fixture, NULL);
    old.has_generation = true;
    old.generation = kk_audit_generation(fixture->audit);
    assert_ok(kk_audit_write(fixture->audit, &old, &event, NULL));
    assert_ok(kk_audit_write(other, &heir, &epoch, NULL));
    /* Who still has the old key does not write behind it. */
    assert_rv(kk_audit_write(fixture->audit, &old, &event, NULL), CKR_SESSION_HANDLE_INVALID);
    put(other, &heir, KK_AUDIT_SIGN, NULL);
    kk_audit_free(other);
    struct kk_audit_report report = verify_with(fixture, other_key, NULL);
    assert_sound(report);
    assert_int_equal(report.sealed, report.last);
    assert_broken(verify(fixture, NULL), report.last); /* the old one ends there */
}

static void test_lines_are_read_from_file_to_file(void **state)
{
    struct fixture *fixture = *state;
    static const size_t rooms[] = {2049, 5000, 1 << 18};
    static uint8_t text[1 << 18];
    fill(fixture, 300);
    uint64_t last = verify(fixture, NULL).last;
    for (size_t i = 0; i < KK_ARRAY_LEN(rooms); i++) {
        struct kk_audit_place place = {0};
        uint64_t lines = 0;
        size_t len = 0;
        do {
            assert_ok(kk_audit_read(fixture->audit, &place, text, rooms[i], &len));
            for (size_t at = 0; at < len; at++) {
                lines += text[at] == '\n';
            }
            assert_true(len == 0 || text[len - 1] == '\n');
        } while (len > 0);
        assert_int_equal(lines, last);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_written_verifies),
        TEST(test_an_entry_is_a_line_that_a_person_reads),
        TEST(test_the_longest_entry_fits),
        TEST(test_each_byte_that_is_changed_is_found),
        TEST(test_hashes_alone_find_edits),
        TEST(test_a_deleted_line_is_found),
        TEST(test_swapped_and_doubled_lines_are_found),
        TEST(test_a_chain_computed_anew_is_found),
        TEST(test_a_login_without_mac_is_found),
        TEST(test_a_cut_tail_is_found_by_the_anchor),
        TEST(test_a_gap_is_written_down),
        TEST(test_an_anchor_that_is_not_there_is_a_gap),
        TEST(test_a_torn_line_is_told_of),
        TEST(test_a_missing_newline_is_added),
        TEST(test_torn_bytes_cannot_be_changed_later),
        TEST(test_a_damaged_line_is_no_torn_one),
        TEST(test_a_log_of_anything_takes_entries),
        TEST(test_full_files_rotate_and_the_chain_goes_on),
        TEST(test_a_missing_file_is_found),
        TEST(test_a_cut_older_file_is_found),
        TEST(test_the_present_file_missing_is_found),
        TEST(test_as_many_files_as_are_to_be_kept),
        TEST(test_a_rotation_is_finished_by_the_next),
        TEST(test_processes_and_threads_append_to_one_chain),
        TEST(test_a_killed_writer_leaves_a_sound_log),
        TEST(test_a_full_disk_refuses),
        TEST(test_a_full_disk_is_counted_with_continue),
        TEST(test_files_that_are_none_refuse),
        TEST(test_memory_that_runs_out_leaves_a_sound_log),
        TEST(test_modes),
        TEST(test_a_new_epoch_has_a_key_of_its_own),
        TEST(test_lines_are_read_from_file_to_file),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
