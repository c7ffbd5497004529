/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One file of a SoftHSM token: read under its lock, and overwritten in place under both of
 * SoftHSM's locks. SoftHSM opens a file, waits for its lock, truncates and writes, and never looks
 * whether the name still leads there: a rename would lose what it writes.
 *
 * SoftHSM reads an object, then takes <uuid>.lock, then locks and rewrites the whole file from what
 * it has in memory. Who writes in the gap between its reading and its lock is overwritten. So a
 * change locks the data file first: from then on no SoftHSM can read, and one that has read goes on
 * to <uuid>.lock and waits for the data file. If <uuid>.lock is taken, it is let through. If
 * SoftHSM wrote a short time ago, a while is given to those that may be in the gap.
 *
 * SoftHSM 2.6 gives the data file's lock back before it has written what its buffers hold: for a
 * moment the file is empty, or cut off, and free. While <uuid>.lock is held its content does not
 * count. Only token.object and half made objects are written without that lock; an empty one that
 * was just touched is looked at again.
 *
 * The next content goes to <name>.new first, and that name to the disk. Who dies while he
 * overwrites, or whose power goes, leaves that, and the next change or reader puts it in place:
 *
 *   u64 magic, u64 hash of the rest, u64 version before, u64 hash of the content before, content
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform.h"
#include "store/busy.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/path.h"
#include "store/softhsm_internal.h"

#include "base/banned.h"

#define JOURNAL_MAGIC UINT64_C(0x4b4b4a524e4c0002)
#define JOURNAL_HEAD 32
#define JOURNAL_HASHED 16 /* from here on */

#define PAUSE_FIRST_NS 100000

/* A pipe that somebody put in a file's place would wait for its writer. */
#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* A SoftHSM that wrote within this time may be about to write again; it gets so long to come out of
 * the gap. */
#define FOREIGN_RECENT_NS INT64_C(5000000000)
#define FOREIGN_GRACE_NS 20000000

/* An empty file of this age is one that its writer has not got to. */
#define BEING_WRITTEN_NS INT64_C(500000000)

/* ---- small things ---- */

static int64_t age_of(const struct stat *status)
{
    return kk_softhsm_now_ns(CLOCK_REALTIME) - kk_softhsm_ns_of(&status->st_mtim);
}

/* Empty a moment after it was touched: somebody's buffers hold the content. */
static bool is_being_written(const struct stat *status)
{
    int64_t age = age_of(status); /* negative when the clock was put back */
    return status->st_size == 0 && age < BEING_WRITTEN_NS && age > -BEING_WRITTEN_NS;
}

static void fd_close(int *fd)
{
    if (*fd >= 0) {
        kk_softhsm_unlock(*fd);
        (void)close(*fd);
        *fd = -1;
    }
}

static KK_RV read_all(const struct kk_softhsm_dir *dir, int fd, const char *name,
                      struct kk_buffer *ret_content, struct stat *ret_status)
{
    if (fstat(fd, ret_status) != 0) {
        return kk_softhsm_failure(dir, name, errno, "cannot look at");
    }
    if (!S_ISREG(ret_status->st_mode) || ret_status->st_size > (off_t)KK_SOFTHSM_FILE_MAX) {
        kk_log_error("%s/%s: is no file of a token", dir->path, name);
        return CKR_DEVICE_ERROR;
    }
    size_t size = (size_t)ret_status->st_size;
    kk_buffer_clear(ret_content);
    ret_content->wipe = true;
    uint8_t *to = kk_buffer_extend(ret_content, size);
    KK_TRY(kk_buffer_check(ret_content));
    for (size_t at = 0; at < size;) {
        ssize_t got = pread(fd, to + at, size - at, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return kk_softhsm_failure(dir, name, got == 0 ? EIO : errno, "cannot read");
        }
        at += (size_t)got;
    }
    return CKR_OK;
}

static uint64_t version_of(struct kk_span content)
{
    return content.len >= KK_SOFTHSM_VERSION_LEN ? kk_load_u64(content.data) : 0;
}

/* ---- the journal ---- */

static uint64_t hash_of(struct kk_span bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Without its name on the disk the journal would be gone with the power, and the file half
 * overwritten. */
static KK_RV journal_sync(const struct kk_softhsm_edit *edit, const char *name)
{
    CK_RV rv = kk_softhsm_sync(edit->dir, name);
    if (rv != CKR_OK) {
        (void)unlinkat(edit->dir->fd, name, 0);
    }
    return rv;
}

static KK_RV journal_write(const struct kk_softhsm_edit *edit, struct kk_span version,
                           struct kk_span body)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer rest = {.wipe = true};
    uint8_t head[JOURNAL_HASHED];
    char name[KK_SOFTHSM_NAME_MAX];
    kk_buffer_put_u64(&rest, edit->version);
    kk_buffer_put_u64(&rest, hash_of(kk_buffer_span(&edit->content)));
    kk_buffer_put_span(&rest, version);
    kk_buffer_put_span(&rest, body);
    KK_TRY(kk_buffer_check(&rest));
    kk_store_u64(head, JOURNAL_MAGIC);
    kk_store_u64(head + 8, hash_of(kk_buffer_span(&rest)));
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(head), kk_buffer_span(&rest)};
    kk_softhsm_name(edit->uuid, ".new", name);
    KK_TRY(kk_softhsm_write_new(edit->dir, name, pieces, KK_ARRAY_LEN(pieces)));
    return journal_sync(edit, name);
}

/* What a journal that is whole says. */
struct journal {
    uint64_t version_before;
    uint64_t hash_before;
    struct kk_span content; /* empty: the journal is not whole */
};

static struct journal journal_parse(struct kk_span bytes)
{
    struct journal journal = {0};
    if (bytes.len < JOURNAL_HEAD + KK_SOFTHSM_VERSION_LEN ||
        kk_load_u64(bytes.data) != JOURNAL_MAGIC ||
        kk_load_u64(bytes.data + 8) !=
            hash_of(KK_SPAN(bytes.data + JOURNAL_HASHED, bytes.len - JOURNAL_HASHED))) {
        return journal;
    }
    journal.version_before = kk_load_u64(bytes.data + 16);
    journal.hash_before = kk_load_u64(bytes.data + 24);
    journal.content = KK_SPAN(bytes.data + JOURNAL_HEAD, bytes.len - JOURNAL_HEAD);
    return journal;
}

/* Truncated and written anew. */
static int overwrite(int fd, struct kk_span version, struct kk_span body)
{
    const struct kk_span pieces[] = {version, body};
    return ftruncate(fd, 0) != 0 ? errno
                                 : kk_softhsm_write_pieces(fd, pieces, KK_ARRAY_LEN(pieces));
}

/* Whether the file is what a writer of this journal leaves who dies, or whose power goes: empty,
 * begun, or sectors of what was and of what was to be, and zeros. A file as it was before was never
 * touched, and what SoftHSM wrote since has a version of its own. */
static bool is_begun(struct kk_span present, const struct journal *journal)
{
    uint64_t version = version_of(present);
    bool ours = present.len < KK_SOFTHSM_VERSION_LEN || version == 0 ||
                version == journal->version_before || version == version_of(journal->content);
    return ours && hash_of(present) != journal->hash_before &&
           !kk_span_equal(present, journal->content);
}

/* Puts a change in place that was cut off. Both locks are held. */
static KK_RV recover(struct kk_softhsm_edit *edit)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer bytes = {.wipe = true};
    struct stat status;
    char name[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(edit->uuid, ".new", name);
    KK_CLEANUP(fd_close) int fd = openat(edit->dir->fd, name, READ_FLAGS);
    if (fd < 0) {
        return errno == ENOENT ? CKR_OK : kk_softhsm_failure(edit->dir, name, errno, "cannot open");
    }
    KK_TRY(read_all(edit->dir, fd, name, &bytes, &status));
    struct journal journal = journal_parse(kk_buffer_span(&bytes));
    struct kk_span content = journal.content;
    if (content.len > 0 && is_begun(kk_buffer_span(&edit->content), &journal)) {
        kk_log_warning("%s/%s: a change that was cut off is completed", edit->dir->path, name);
        int error = overwrite(edit->data, KK_SPAN(NULL, 0), content);
        if (error != 0) {
            return kk_softhsm_failure(edit->dir, name, error, "cannot complete the change");
        }
        kk_buffer_clear(&edit->content);
        edit->content.wipe = true;
        kk_buffer_put_span(&edit->content, content);
        KK_TRY(kk_buffer_check(&edit->content));
    }
    (void)unlinkat(edit->dir->fd, name, 0);
    return CKR_OK;
}

/* ---- a change ---- */

static KK_RV data_open(const struct kk_softhsm_dir *dir, const struct kk_uuid *uuid, int flags,
                       int *ret_fd)
{
    char name[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(uuid, ".object", name);
    int fd =
        kk_fd_above_standard(openat(dir->fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd < 0 && errno == ENOENT) {
        return uuid == NULL ? CKR_DEVICE_REMOVED : CKR_OBJECT_HANDLE_INVALID;
    }
    if (fd < 0) {
        return kk_softhsm_failure(dir, name, errno, "cannot open");
    }
    *ret_fd = fd;
    return CKR_OK;
}

/* Whether the name still leads to the file that was opened by it. */
static KK_RV is_still_named(const struct kk_softhsm_dir *dir, int fd, const char *name,
                            bool *ret_named)
{
    struct stat opened;
    struct stat named;
    bool looked = fstat(fd, &opened) == 0;
    if (looked && fstatat(dir->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0) {
        *ret_named = opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
        return CKR_OK;
    }
    if (!looked || errno != ENOENT) {
        return kk_softhsm_failure(dir, name, errno, "cannot look at");
    }
    *ret_named = false;
    return CKR_OK;
}

void kk_softhsm_edit_end(struct kk_softhsm_edit *edit)
{
    fd_close(&edit->lock);
    fd_close(&edit->data);
    kk_buffer_clear(&edit->content);
    if (edit->inside) {
        edit->inside = false;
        kk_gate_leave();
    }
}

/* SoftHSM was here a moment ago, before what Keykist wrote since. */
static bool was_foreign(const struct kk_softhsm_edit *edit)
{
    uint8_t version[KK_SOFTHSM_VERSION_LEN];
    struct stat status;
    return fstat(edit->data, &status) == 0 && age_of(&status) < FOREIGN_RECENT_NS &&
           (pread(edit->data, version, sizeof version, 0) != (ssize_t)sizeof version ||
            kk_load_u64(version) % KK_SOFTHSM_VERSION_STEP != 0);
}

/* The data file, locked. CKR_CANT_LOCK: its name went elsewhere meanwhile, once more. */
static KK_RV take_data(struct kk_softhsm_edit *edit)
{
    char name[KK_SOFTHSM_NAME_MAX];
    bool named = false;
    kk_softhsm_name(edit->uuid, ".object", name);
    KK_TRY(data_open(edit->dir, edit->uuid, O_RDWR, &edit->data));
    KK_TRY(kk_softhsm_lock(edit->dir, edit->data, F_WRLCK, name));
    KK_TRY(is_still_named(edit->dir, edit->data, name, &named));
    KK_ENSURE(named, CKR_CANT_LOCK);
    return CKR_OK;
}

/* The lock file, if nobody holds it. CKR_CANT_LOCK: somebody does. */
static KK_RV take_lock(struct kk_softhsm_edit *edit)
{
    char name[KK_SOFTHSM_NAME_MAX];
    bool named = false;
    kk_softhsm_name(edit->uuid, ".lock", name);
    edit->lock = kk_fd_above_standard(openat(
        edit->dir->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, edit->dir->file_mode));
    if (edit->lock < 0) {
        return kk_softhsm_failure(edit->dir, name, errno, "cannot open");
    }
    KK_ENSURE(kk_softhsm_trylock(edit->lock), CKR_CANT_LOCK);
    KK_TRY(is_still_named(edit->dir, edit->lock, name, &named));
    KK_ENSURE(named, CKR_CANT_LOCK);
    return CKR_OK;
}

/* Both locks, and then the content: what was there before them may not have been written out. */
static KK_RV take_both(struct kk_softhsm_edit *edit, bool *foreign)
{
    struct stat status;
    char name[KK_SOFTHSM_NAME_MAX];
    KK_TRY(take_data(edit));
    *foreign = *foreign || was_foreign(edit);
    if (*foreign && edit->uuid != NULL) {
        kk_softhsm_pause_ns(FOREIGN_GRACE_NS);
    }
    CK_RV rv = take_lock(edit);
    *foreign = *foreign || rv == CKR_CANT_LOCK;
    KK_TRY(rv);
    kk_softhsm_name(edit->uuid, ".object", name);
    KK_TRY(read_all(edit->dir, edit->data, name, &edit->content, &status));
    while (is_being_written(&status)) { /* it needs no lock for what is in its buffers */
        kk_softhsm_pause_ns(PAUSE_FIRST_NS / 2);
        KK_TRY(read_all(edit->dir, edit->data, name, &edit->content, &status));
    }
    return CKR_OK;
}

KK_RV kk_softhsm_edit_begin(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                            struct kk_softhsm_edit *ret_edit)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {
        .dir = dir, .uuid = uuid, .data = -1, .lock = -1};
    int64_t end =
        kk_softhsm_now_ns(CLOCK_MONOTONIC) + atomic_load(&kk_store_busy_ms) * INT64_C(1000000);
    bool foreign = false;
    kk_gate_enter();
    edit.inside = true;
    CK_RV rv = take_both(&edit, &foreign);
    while (rv == CKR_CANT_LOCK && kk_softhsm_now_ns(CLOCK_MONOTONIC) < end) {
        fd_close(&edit.lock);
        fd_close(&edit.data);
        kk_softhsm_pause_ns(PAUSE_FIRST_NS *
                            10); /* a SoftHSM in the middle of a change gets through */
        rv = take_both(&edit, &foreign);
    }
    if (rv == CKR_CANT_LOCK) {
        kk_log_error("%s: an object's lock was not free in time", dir->path);
        return CKR_FUNCTION_FAILED;
    }
    KK_TRY(rv);
    KK_TRY(recover(&edit));
    edit.version = version_of(kk_buffer_span(&edit.content));
    edit.foreign = foreign;
    *ret_edit = edit;
    edit = (struct kk_softhsm_edit){.data = -1, .lock = -1};
    return CKR_OK;
}

struct kk_span kk_softhsm_edit_body(const struct kk_softhsm_edit *edit)
{
    struct kk_span content = kk_buffer_span(&edit->content);
    if (content.len < KK_SOFTHSM_VERSION_LEN) {
        return KK_SPAN(NULL, 0);
    }
    return KK_SPAN(content.data + KK_SOFTHSM_VERSION_LEN, content.len - KK_SOFTHSM_VERSION_LEN);
}

/* The old content again. If even that cannot be written, the journal stays: nothing is lost. */
static KK_RV write_failed(const struct kk_softhsm_edit *edit, const char *name, int error)
{
    char journal[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(edit->uuid, ".new", journal);
    if (overwrite(edit->data, KK_SPAN(NULL, 0), kk_buffer_span(&edit->content)) == 0) {
        (void)unlinkat(edit->dir->fd, journal, 0);
    }
    return kk_softhsm_failure(edit->dir, name, error, "cannot write");
}

KK_RV kk_softhsm_edit_write(struct kk_softhsm_edit *edit, struct kk_span body,
                            struct kk_softhsm_seen *ret_seen)
{
    uint8_t version[KK_SOFTHSM_VERSION_LEN];
    char name[KK_SOFTHSM_NAME_MAX];
    struct stat status;
    KK_ENSURE(body.len <= KK_SOFTHSM_FILE_MAX - KK_SOFTHSM_VERSION_LEN, CKR_DEVICE_MEMORY);
    kk_store_u64(version, kk_softhsm_next_version(edit->version));
    KK_TRY(journal_write(edit, KK_SPAN_ARRAY(version), body));
    int error = overwrite(edit->data, KK_SPAN_ARRAY(version), body);
    kk_softhsm_name(edit->uuid, ".object", name);
    if (error != 0) {
        return write_failed(edit, name, error);
    }
    edit->version = kk_load_u64(version);
    *ret_seen = (struct kk_softhsm_seen){.version = edit->version}; /* the next look reads it */
    if (fstat(edit->data, &status) == 0) {
        kk_softhsm_seen_of(&status, edit->version, ret_seen);
    }
    bool named = true;
    CK_RV rv = is_still_named(edit->dir, edit->data, name, &named);
    kk_softhsm_name(edit->uuid, ".new", name);
    (void)unlinkat(edit->dir->fd, name, 0);
    KK_ENSURE(rv != CKR_OK || named, CKR_OBJECT_HANDLE_INVALID); /* SoftHSM deletes unlocked */
    return CKR_OK;
}

/* In one step, or not at all: it goes by losing its name. Then it is emptied: a SoftHSM that waits
 * for the lock reads nothing, looks for the name again, and does not bring the object back. */
KK_RV kk_softhsm_edit_delete(struct kk_softhsm_edit *edit)
{
    char name[KK_SOFTHSM_NAME_MAX];
    char gone[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(edit->uuid, ".object", name);
    kk_softhsm_name(edit->uuid, ".draft", gone);
    if (renameat(edit->dir->fd, name, edit->dir->fd, gone) != 0 && errno != ENOENT) {
        return kk_softhsm_failure(edit->dir, name, errno, "cannot delete");
    }
    if (ftruncate(edit->data, 0) != 0) {
        kk_log_warning("%s/%s: cannot empty: %s", edit->dir->path, gone, strerrordesc_np(errno));
    }
    (void)unlinkat(edit->dir->fd, gone, 0);
    kk_softhsm_name(edit->uuid, ".lock", gone);
    (void)unlinkat(edit->dir->fd, gone, 0);
    return kk_softhsm_sync(edit->dir, name);
}

/* ---- reading ---- */

/* Whether somebody holds the object's lock file: he may not have written out what he wrote. */
static bool is_in_change(const struct kk_softhsm_dir *dir, const struct kk_uuid *uuid)
{
    char name[KK_SOFTHSM_NAME_MAX];
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    kk_softhsm_name(uuid, ".lock", name);
    KK_CLEANUP(fd_close) int fd = openat(dir->fd, name, READ_FLAGS);
    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

/* CKR_CANT_LOCK: what is there does not count, once more. */
static KK_RV read_locked(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                         struct kk_buffer *ret_content, struct stat *ret_status)
{
    char name[KK_SOFTHSM_NAME_MAX];
    KK_CLEANUP(fd_close) int fd = -1;
    kk_softhsm_name(uuid, ".object", name);
    KK_TRY(data_open(dir, uuid, O_RDONLY, &fd));
    KK_TRY(kk_softhsm_lock(dir, fd, F_RDLCK, name));
    KK_ENSURE(!is_in_change(dir, uuid), CKR_CANT_LOCK);
    KK_TRY(read_all(dir, fd, name, ret_content, ret_status));
    KK_ENSURE(!is_being_written(ret_status), CKR_CANT_LOCK);
    return CKR_OK;
}

static KK_RV read_once(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                       struct kk_buffer *ret_content, struct stat *ret_status)
{
    int64_t end =
        kk_softhsm_now_ns(CLOCK_MONOTONIC) + atomic_load(&kk_store_busy_ms) * INT64_C(1000000);
    CK_RV rv = read_locked(dir, uuid, ret_content, ret_status);
    while (rv == CKR_CANT_LOCK && kk_softhsm_now_ns(CLOCK_MONOTONIC) < end) {
        kk_softhsm_pause_ns(PAUSE_FIRST_NS * 5);
        rv = read_locked(dir, uuid, ret_content, ret_status);
    }
    if (rv == CKR_CANT_LOCK) {
        kk_log_error("%s: an object's lock was not free in time", dir->path);
        return CKR_FUNCTION_FAILED;
    }
    return rv;
}

static KK_RV has_journal(const struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                         bool *ret_has)
{
    char name[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(uuid, ".new", name);
    *ret_has = faccessat(dir->fd, name, F_OK, 0) == 0;
    if (!*ret_has && errno != ENOENT) {
        return kk_softhsm_failure(dir, name, errno, "cannot look at");
    }
    return CKR_OK;
}

/* A journal beside a file that nobody holds was left by somebody who died. */
static KK_RV recover_cut_off(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_softhsm_edit_end) struct kk_softhsm_edit edit = {.data = -1, .lock = -1};
    return kk_softhsm_edit_begin(dir, uuid, &edit);
}

static KK_RV read_content(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                          struct kk_buffer *ret_content, struct stat *ret_status)
{
    bool cut_off = false;
    KK_TRY(read_once(dir, uuid, ret_content, ret_status));
    KK_TRY(has_journal(dir, uuid, &cut_off));
    if (!cut_off || atomic_load(&dir->read_only)) {
        return CKR_OK;
    }
    KK_TRY(recover_cut_off(dir, uuid));
    return read_once(dir, uuid, ret_content, ret_status);
}

KK_RV kk_softhsm_read(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                      struct kk_buffer *ret_body, struct kk_softhsm_seen *ret_seen)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer content = {.wipe = true};
    struct stat status;
    kk_gate_enter();
    CK_RV rv = read_content(dir, uuid, &content, &status);
    kk_gate_leave();
    KK_TRY(rv);
    struct kk_span bytes = kk_buffer_span(&content);
    kk_softhsm_seen_of(&status, version_of(bytes), ret_seen);
    kk_buffer_clear(ret_body);
    ret_body->wipe = true;
    if (bytes.len > KK_SOFTHSM_VERSION_LEN) {
        kk_buffer_put(ret_body, bytes.data + KK_SOFTHSM_VERSION_LEN,
                      bytes.len - KK_SOFTHSM_VERSION_LEN);
    }
    return kk_buffer_check(ret_body);
}

/* The version alone, without a lock: eight bytes come as a whole. 0 while the file is empty. */
static KK_RV peek(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid, uint64_t *ret_version)
{
    uint8_t version[KK_SOFTHSM_VERSION_LEN] = {0};
    KK_CLEANUP(fd_close) int fd = -1;
    KK_TRY(data_open(dir, uuid, O_RDONLY, &fd));
    ssize_t got = pread(fd, version, sizeof version, 0);
    *ret_version = got == (ssize_t)sizeof version ? kk_load_u64(version) : 0;
    return CKR_OK;
}

KK_RV kk_softhsm_is_same(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                         struct kk_softhsm_seen *seen, bool *ret_same)
{
    struct stat status;
    struct kk_softhsm_seen now;
    char name[KK_SOFTHSM_NAME_MAX];
    kk_softhsm_name(uuid, ".object", name);
    if (fstatat(dir->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? CKR_OBJECT_HANDLE_INVALID
                               : kk_softhsm_failure(dir, name, errno, "cannot look at");
    }
    kk_softhsm_seen_of(&status, seen->version, &now);
    bool same = now.inode == seen->inode && now.size == seen->size;
    bool untouched = now.modified_ns == seen->modified_ns && now.changed_ns == seen->changed_ns;
    if (same && !(untouched && seen->settled)) {
        KK_TRY(peek(dir, uuid, &now.version));
        same = now.version == seen->version && now.version != 0;
        if (same) {
            *seen = now;
        }
    }
    *ret_same = same;
    return CKR_OK;
}
