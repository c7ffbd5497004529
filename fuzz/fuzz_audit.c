/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as an audit log: it is verified, read line by line, and written on. What was written
 * must stand at its end, as an entry that the next process takes for the last one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "input.h"
#include "token/audit_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 65536u

static const uint8_t key[32] = {1};
static struct kk_crypto *crypto;
static char dir[64];
static char path[96];

static void empty_dir(void)
{
    DIR *stream = opendir(dir);
    FUZZ_CHECK(stream != NULL);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        (void)unlinkat(dirfd(stream), entry->d_name, 0); /* not . and .. */
    }
    FUZZ_CHECK(closedir(stream) == 0);
}

static void clean_up(void)
{
    empty_dir();
    FUZZ_CHECK(rmdir(dir) == 0);
}

static void set_up(void)
{
    if (crypto == NULL) {
        kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
        FUZZ_CHECK(kk_crypto_new(&crypto) == CKR_OK);
        const char *where =
            access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* syncs are slow */
        (void)snprintf(dir, sizeof dir, "%s/kk-fuzz-audit-XXXXXX", where);
        FUZZ_CHECK(mkdtemp(dir) != NULL);
        (void)snprintf(path, sizeof path, "%s/audit.log", dir);
        FUZZ_CHECK(atexit(clean_up) == 0);
    }
}

static void save(const uint8_t *data, size_t size)
{
    empty_dir();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

static struct kk_audit *open_audit(void)
{
    const struct kk_audit_settings settings = {
        .mode = KK_AUDIT_LOG_ON, .max_size_kib = 1024, .file_mode = 0600};
    struct kk_audit *audit = NULL;
    FUZZ_CHECK(kk_audit_new(crypto, dir, "0123456789abcdef", &settings, &audit) == CKR_OK);
    return audit;
}

/* All lines; the last one is to be found in `last`. */
static size_t read_all(struct kk_audit *audit, uint8_t *last)
{
    static uint8_t text[ROOM];
    struct kk_audit_place place = {0};
    size_t last_len = 0;
    size_t len = 0;
    do {
        FUZZ_CHECK(kk_audit_read(audit, &place, text, sizeof text, &len) == CKR_OK);
        if (len > 0) {
            FUZZ_CHECK(len <= sizeof text && text[len - 1] == '\n');
            const uint8_t *before = memrchr(text, '\n', len - 1);
            const uint8_t *begin = before != NULL ? before + 1 : text;
            last_len = (size_t)(text + len - 1 - begin);
            memcpy(last, begin, last_len);
        }
    } while (len > 0);
    return last_len;
}

static void append(uint64_t *ret_seq)
{
    static uint8_t last[ROOM];
    const struct kk_audit_writer writer = {.who = KK_AUDIT_USER, .key = {key, sizeof key}};
    const struct kk_audit_event event = {.kind = KK_AUDIT_SIGN};
    struct kk_audit_mark mark = {0};
    struct kk_audit_line line = {0};
    struct kk_audit *audit = open_audit();
    FUZZ_CHECK(kk_audit_write(audit, &writer, &event, &mark) == CKR_OK);
    size_t len = read_all(audit, last);
    FUZZ_CHECK(kk_audit_line_parse(KK_SPAN(last, len), &line));
    FUZZ_CHECK(line.seq == mark.seq && line.kind == KK_AUDIT_SIGN && line.has_mac);
    kk_audit_free(audit);
    *ret_seq = mark.seq;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kk_audit_report report;
    uint64_t first = 0;
    uint64_t second = 0;
    set_up();
    save(data, size);
    struct kk_audit *audit = open_audit();
    for (size_t keyed = 0; keyed < 2; keyed++) {
        FUZZ_CHECK(kk_audit_verify(audit, KK_SPAN(key, keyed * sizeof key), NULL, &report) ==
                   CKR_OK);
        FUZZ_CHECK(memchr(report.what, '\0', sizeof report.what) != NULL);
        FUZZ_CHECK((report.verdict == KK_AUDIT_BROKEN) == (report.what[0] != '\0'));
        FUZZ_CHECK(report.sealed <= report.last);
    }
    kk_audit_free(audit);
    append(&first);
    append(&second);
    FUZZ_CHECK(second == first + 1);
    return 0;
}
