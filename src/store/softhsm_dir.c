/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One token's directory: opening, whether it changed, its objects coming and going, and the file of
 * PIN tries.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/failure.h"
#include "store/gate.h"
#include "store/ofd_lock.h"
#include "store/path.h"
#include "store/plug.h"
#include "store/softhsm_internal.h"

#include "base/banned.h"

#define GENERATION "generation"
#define TRIES "keykist.tries"
/* How long SoftHSM may take from giving the lock back to writing. */
#define BUMP_SETTLE_NS 500000
#define BUMPS_MAX 5

/* A draft whose maker died is deleted after this time. */
#define STALE_SECONDS 3600

#define UUID_CHARS (KK_UUID_TEXT - 1)

/* ---- opening ---- */

void kk_softhsm_close(struct kk_softhsm_dir *dir)
{
    if (dir == NULL) {
        return;
    }
    const int fds[] = {dir->fd, dir->token_fd, dir->generation_fd};
    for (size_t i = 0; i < KK_ARRAY_LEN(fds); i++) {
        struct stat now;
        if (fds[i] >= 0 && fstat(fds[i], &now) == 0 && now.st_dev == dir->opened[i].st_dev &&
            now.st_ino == dir->opened[i].st_ino) { /* or it is the application's by now */
            (void)close(fds[i]);
        }
    }
    kk_free(dir->path);
    kk_free(dir->location);
    kk_free(dir);
}

const char *kk_softhsm_path(const struct kk_softhsm_dir *dir)
{
    return dir->path;
}

bool kk_softhsm_read_only(const struct kk_softhsm_dir *dir)
{
    return atomic_load(&dir->read_only);
}

uint64_t kk_softhsm_inode(const struct kk_softhsm_dir *dir)
{
    return dir->inode;
}

/* That it cannot be found out now does not make the token read-only. */
static KK_RV may_write(const struct kk_softhsm_dir *dir, const char *name, bool *ret_may)
{
    *ret_may = faccessat(dir->fd, name, W_OK, AT_EACCESS) == 0;
    if (!*ret_may && errno != EACCES && errno != EROFS && errno != EPERM) {
        return kk_softhsm_failure(dir, name, errno, "cannot look at");
    }
    return CKR_OK;
}

static int open_generation(const struct kk_softhsm_dir *dir)
{
    bool writes = !atomic_load(&dir->read_only);
    int flags = writes ? O_RDWR | O_CREAT : O_RDONLY;
    return kk_fd_above_standard(
        openat(dir->fd, GENERATION, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, dir->file_mode));
}

static KK_RV open_files(struct kk_softhsm_dir *dir)
{
    struct stat status;
    bool may_come = false;
    bool may_change = false;
    dir->fd =
        kk_fd_above_standard(open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (dir->fd < 0) {
        return errno == ENOENT ? CKR_TOKEN_NOT_PRESENT
                               : kk_failure_errno(errno, dir->path, "cannot open");
    }
    dir->token_fd = kk_fd_above_standard(
        openat(dir->fd, "token.object", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (dir->token_fd < 0) {
        return errno == ENOENT ? CKR_TOKEN_NOT_PRESENT
                               : kk_failure_errno(errno, dir->path, "cannot open token.object");
    }
    if (fstat(dir->token_fd, &status) != 0) {
        return kk_softhsm_failure(dir, "token.object", errno, "cannot look at");
    }
    KK_ENSURE(S_ISREG(status.st_mode), CKR_TOKEN_NOT_RECOGNIZED);
    dir->inode = status.st_ino;
    KK_TRY(may_write(dir, ".", &may_come));
    KK_TRY(may_write(dir, "token.object", &may_change));
    atomic_store(&dir->read_only, !may_come || !may_change);
    dir->generation_fd = open_generation(dir);
    if (dir->generation_fd < 0 && !atomic_load(&dir->read_only)) {
        return kk_softhsm_failure(dir, GENERATION, errno, "cannot open");
    }
    return CKR_OK;
}

static void remember_files(struct kk_softhsm_dir *dir)
{
    const int fds[] = {dir->fd, dir->token_fd, dir->generation_fd};
    for (size_t i = 0; i < KK_ARRAY_LEN(fds); i++) {
        (void)fstat(fds[i], &dir->opened[i]);
    }
}

KK_RV kk_softhsm_open(const char *location, const char *name, unsigned int umask,
                      struct kk_softhsm_dir **ret_dir)
{
    KK_CLEANUP(kk_softhsm_closep) struct kk_softhsm_dir *dir = NULL;
    KK_TRY(kk_alloc(sizeof *dir, &dir));
    dir->fd = dir->token_fd = dir->generation_fd = -1;
    dir->file_mode = 0666 & ~umask;
    kk_gate_start();
    KK_TRY(kk_strdup(location, &dir->location));
    KK_TRY(kk_path_join(location, "", name, &dir->path));
    CK_RV rv = open_files(dir);
    remember_files(dir);
    KK_TRY(rv);
    *ret_dir = KK_STEAL(dir);
    return CKR_OK;
}

/* ---- whether it changed ---- */

static bool read_number(int fd, uint64_t *ret_number)
{
    uint8_t bytes[8];
    if (fd < 0 || pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return false;
    }
    *ret_number = kk_load_u64(bytes);
    return true;
}

KK_RV kk_softhsm_fresh(struct kk_softhsm_dir *dir, struct kk_softhsm_stamp *ret_stamp)
{
    struct stat status;
    struct kk_softhsm_stamp stamp = {0};
    KK_ENSURE(fstat(dir->token_fd, &status) == 0, CKR_DEVICE_ERROR);
    KK_ENSURE(status.st_nlink > 0, CKR_DEVICE_REMOVED);
    bool generation = read_number(dir->generation_fd, &stamp.generation);
    stamp.stable = read_number(dir->token_fd, &stamp.token_version) && generation;
    *ret_stamp = stamp;
    return CKR_OK;
}

static int write_number(int fd, uint64_t number)
{
    uint8_t bytes[8];
    kk_store_u64(bytes, number);
    return kk_softhsm_write_at(fd, KK_SPAN_ARRAY(bytes), 0);
}

/* The lock needs a description of its own: others of this process hold theirs. */
static KK_RV bump_locked(struct kk_softhsm_dir *dir, int fd, uint64_t *ret_before,
                         uint64_t *ret_after)
{
    uint64_t before = 0;
    uint8_t bytes[8];
    KK_TRY(kk_softhsm_lock(dir, fd, F_WRLCK, GENERATION));
    ssize_t got = pread(fd, bytes, sizeof bytes, 0);
    if (got < 0) { /* from an unknown one the next cannot be told */
        return kk_softhsm_failure(dir, GENERATION, errno, "cannot read");
    }
    before = got == (ssize_t)sizeof bytes ? kk_load_u64(bytes) : 0;
    uint64_t after = (before / KK_SOFTHSM_GENERATION_STEP + 1) * KK_SOFTHSM_GENERATION_STEP;
    after = after == 0 ? KK_SOFTHSM_GENERATION_STEP : after;
    int error = write_number(fd, after);
    kk_softhsm_unlock(fd);
    if (error != 0) {
        return kk_softhsm_failure(dir, GENERATION, error, "cannot write");
    }
    *ret_before = before;
    *ret_after = after;
    return CKR_OK;
}

/* SoftHSM 2.6 gives the lock back before it has written: what it writes then may be less than ours,
 * and would hide our step from it. */
static KK_RV bump_until_it_stays(struct kk_softhsm_dir *dir, int fd, uint64_t *ret_before,
                                 uint64_t *ret_after)
{
    uint64_t ignored = 0;
    uint64_t present = 0;
    KK_TRY(bump_locked(dir, fd, ret_before, ret_after));
    for (size_t i = 0; i < BUMPS_MAX; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = BUMP_SETTLE_NS}, NULL);
        if (!read_number(fd, &present) || present >= *ret_after) {
            break;
        }
        KK_TRY(bump_locked(dir, fd, &ignored, ret_after));
    }
    return CKR_OK;
}

KK_RV kk_softhsm_bump(struct kk_softhsm_dir *dir, uint64_t *ret_before, uint64_t *ret_after)
{
    kk_gate_enter();
    int fd = open_generation(dir);
    CK_RV rv = fd < 0 ? kk_softhsm_failure(dir, GENERATION, errno, "cannot open")
                      : bump_until_it_stays(dir, fd, ret_before, ret_after);
    if (fd >= 0) {
        (void)close(fd);
    }
    kk_gate_leave();
    return rv;
}

/* ---- objects ---- */

static KK_RV dir_stream(const struct kk_softhsm_dir *dir, DIR **ret_stream)
{
    DIR *stream = opendir(dir->path);
    if (stream == NULL) {
        return kk_failure_errno(errno, dir->path, "cannot list");
    }
    *ret_stream = stream;
    return CKR_OK;
}

/* "<uuid><suffix>" */
static bool parse_name(const char *name, const char *suffix, struct kk_uuid *ret_uuid)
{
    char text[KK_UUID_TEXT] = {0};
    if (strlen(name) != UUID_CHARS + strlen(suffix) || strcmp(name + UUID_CHARS, suffix) != 0) {
        return false;
    }
    memcpy(text, name, UUID_CHARS);
    return kk_uuid_parse(text, ret_uuid);
}

bool kk_softhsm_object_of(const char *name, struct kk_uuid *ret_uuid)
{
    return parse_name(name, ".object", ret_uuid);
}

KK_RV kk_softhsm_watch(const struct kk_softhsm_dir *dir, struct kk_watch **ret_watch)
{
    return kk_watch_new_files(dir->fd, ret_watch);
}

/* A draft that nobody works on any more: of an object that was never there, or is gone. */
static void remove_stale(const struct kk_softhsm_dir *dir, const char *name)
{
    struct kk_uuid uuid;
    struct stat status;
    if (parse_name(name, ".draft", &uuid) && !atomic_load(&dir->read_only) &&
        fstatat(dir->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_mtime < time(NULL) - STALE_SECONDS) {
        kk_log_info("%s/%s: of an object that was never finished, deleted", dir->path, name);
        (void)unlinkat(dir->fd, name, 0);
    }
}

KK_RV kk_softhsm_each(struct kk_softhsm_dir *dir, kk_softhsm_uuid_visit *visit, void *context)
{
    KK_CLEANUP(kk_path_dir_close) DIR *stream = NULL;
    KK_TRY(dir_stream(dir, &stream));
    const struct dirent *entry = NULL;
    while ((entry = readdir(stream)) != NULL) {
        struct kk_uuid uuid;
        if (parse_name(entry->d_name, ".object", &uuid)) {
            KK_TRY(visit(&uuid, context));
        } else {
            remove_stale(dir, entry->d_name);
        }
    }
    return CKR_OK;
}

/* ---- making objects ---- */

static void discard(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid)
{
    static const char *const suffixes[] = {".draft", ".object", ".lock"};
    char name[KK_SOFTHSM_NAME_MAX];
    for (size_t i = 0; i < KK_ARRAY_LEN(suffixes); i++) {
        kk_softhsm_name(uuid, suffixes[i], name);
        (void)unlinkat(dir->fd, name, 0);
    }
}

void kk_softhsm_discard(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid)
{
    kk_gate_enter();
    discard(dir, uuid);
    kk_path_sync_dir(dir->path);
    kk_gate_leave();
}

static KK_RV write_draft(struct kk_softhsm_dir *dir, const struct kk_softhsm_new *object)
{
    uint8_t version[KK_SOFTHSM_VERSION_LEN];
    char name[KK_SOFTHSM_NAME_MAX];
    KK_ENSURE(object->body.len <= KK_SOFTHSM_FILE_MAX - sizeof version, CKR_DEVICE_MEMORY);
    kk_store_u64(version, kk_softhsm_next_version(0));
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(version), object->body};
    kk_softhsm_name(&object->uuid, ".draft", name);
    KK_TRY(kk_softhsm_write_new(dir, name, pieces, KK_ARRAY_LEN(pieces)));
    kk_softhsm_name(&object->uuid, ".lock", name);
    return kk_softhsm_write_new(dir, name, NULL, 0);
}

static KK_RV give_name(struct kk_softhsm_dir *dir, struct kk_softhsm_new *object)
{
    char from[KK_SOFTHSM_NAME_MAX];
    char to[KK_SOFTHSM_NAME_MAX];
    struct stat status;
    kk_softhsm_name(&object->uuid, ".draft", from);
    kk_softhsm_name(&object->uuid, ".object", to);
    if (renameat(dir->fd, from, dir->fd, to) != 0) {
        return kk_softhsm_failure(dir, to, errno, "cannot give the new object its name");
    }
    if (fstatat(dir->fd, to, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        /* Somebody has found and destroyed it already: it was made all the same. */
        return errno == ENOENT
                   ? CKR_OK
                   : kk_softhsm_failure(dir, to, errno, "cannot look at the new object");
    }
    kk_softhsm_seen_of(&status, kk_softhsm_next_version(0), &object->seen);
    return CKR_OK;
}

static KK_RV create_all(struct kk_softhsm_dir *dir, struct kk_softhsm_new *objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        KK_TRY(write_draft(dir, &objects[i]));
    }
    for (size_t i = 0; i < count; i++) {
        KK_TRY(give_name(dir, &objects[i]));
    }
    return kk_softhsm_sync(dir, ".");
}

KK_RV kk_softhsm_create(struct kk_softhsm_dir *dir, struct kk_softhsm_new *objects, size_t count)
{
    kk_gate_enter();
    CK_RV rv = create_all(dir, objects, count);
    for (size_t i = 0; rv != CKR_OK && i < count; i++) {
        discard(dir, &objects[i].uuid);
    }
    kk_gate_leave();
    return rv;
}

/* ---- deleting the token ---- */

/* What a token has, and nothing else. */
static bool is_ours(const char *name)
{
    static const char *const plain[] = {"token.object", "token.lock", "token.new", "token.copy",
                                        GENERATION,     TRIES,        KK_PLUG_FILE};
    static const char *const suffixes[] = {".object", ".lock", ".new", ".draft"};
    struct kk_uuid uuid;
    bool ours = false;
    for (size_t i = 0; i < KK_ARRAY_LEN(plain); i++) {
        ours = ours || strcmp(name, plain[i]) == 0;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(suffixes); i++) {
        ours = ours || parse_name(name, suffixes[i], &uuid);
    }
    return ours;
}

static KK_RV remove_files(struct kk_softhsm_dir *dir)
{
    KK_CLEANUP(kk_path_dir_close) DIR *stream = NULL;
    KK_TRY(dir_stream(dir, &stream));
    const struct dirent *entry = NULL;
    while ((entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        if (!is_ours(name)) {
            kk_log_warning("%s/%s: not a file of the removed token's: left", dir->path, name);
        } else if (unlinkat(dir->fd, name, 0) != 0 && errno != ENOENT) {
            return kk_softhsm_failure(dir, name, errno, "cannot delete");
        }
    }
    return CKR_OK;
}

/* token.object goes first: without it the directory is no token any more. */
KK_RV kk_softhsm_remove(struct kk_softhsm_dir *dir)
{
    if (atomic_load(&dir->read_only)) {
        kk_log_warning("%s: is read-only, not removed", dir->path);
        return CKR_TOKEN_WRITE_PROTECTED;
    }
    if (unlinkat(dir->fd, "token.object", 0) != 0) {
        return kk_softhsm_failure(dir, "token.object", errno, "cannot delete");
    }
    kk_path_sync_dir(dir->path); /* no token with half of its objects after a power cut */
    KK_TRY(remove_files(dir));
    if (rmdir(dir->path) != 0 && errno != ENOENT) {
        (void)utimensat(AT_FDCWD, dir->location, NULL, 0); /* so that every process looks anew */
    }
    kk_path_sync_dir(dir->location);
    return CKR_OK;
}

static KK_RV read_token_file(const struct kk_softhsm_dir *dir, struct kk_buffer *ret_content)
{
    uint8_t piece[4096];
    ssize_t got = 0;
    do {
        got = pread(dir->token_fd, piece, sizeof piece, (off_t)ret_content->len);
        kk_buffer_put(ret_content, piece, got > 0 ? (size_t)got : 0);
    } while (got > 0 && ret_content->len < KK_SOFTHSM_FILE_MAX);
    if (got < 0) {
        return kk_softhsm_failure(dir, "token.object", errno, "cannot read");
    }
    return kk_buffer_check(ret_content);
}

/* A copy takes the place of token.object: whoever has the old one open finds it deleted, and so the
 * token gone (kk_softhsm_fresh()). */
static KK_RV renew_token_file(const struct kk_softhsm_dir *dir)
{
    static const char copy[] = "token.copy";
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer content = {.wipe = true};
    KK_TRY(read_token_file(dir, &content));
    struct kk_span span = kk_buffer_span(&content);
    KK_TRY(kk_softhsm_write_new(dir, copy, &span, 1));
    if (renameat(dir->fd, copy, dir->fd, "token.object") != 0) {
        return kk_softhsm_failure(dir, copy, errno, "cannot rename");
    }
    return CKR_OK;
}

KK_RV kk_softhsm_set_aside(struct kk_softhsm_dir *dir, const char *path)
{
    if (kk_path_rename_new(dir->path, path) != 0) {
        return errno == ENOENT ? CKR_DEVICE_REMOVED : kk_failure_errno(errno, path, "cannot move");
    }
    kk_path_sync_parent(path);
    kk_path_sync_dir(dir->location);
    return renew_token_file(dir);
}

/* ---- PIN tries ---- */

KK_RV kk_softhsm_tries_read(struct kk_softhsm_dir *dir, uint8_t ret_bytes[KK_SOFTHSM_TRIES_LEN])
{
    int fd = openat(dir->fd, TRIES, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    memset(ret_bytes, 0, KK_SOFTHSM_TRIES_LEN);
    if (fd < 0) {
        return errno == ENOENT ? CKR_OK : kk_softhsm_failure(dir, TRIES, errno, "cannot open");
    }
    ssize_t got = pread(fd, ret_bytes, KK_SOFTHSM_TRIES_LEN, 0);
    int error = errno;
    (void)close(fd);
    if (got < 0 || (got != 0 && got != KK_SOFTHSM_TRIES_LEN)) {
        return kk_softhsm_failure(dir, TRIES, got < 0 ? error : EIO, "cannot read");
    }
    return CKR_OK;
}

/* In place: a write of 64 bytes is there as a whole or not at all. 0 or an errno. */
static int put_tries(const struct kk_softhsm_dir *dir, int fd, const uint8_t *bytes)
{
    struct stat status = {0};
    bool is_new = fstat(fd, &status) == 0 && status.st_size == 0;
    int error = kk_softhsm_write_at(fd, KK_SPAN(bytes, KK_SOFTHSM_TRIES_LEN), 0);
    if (error == 0 && fsync(fd) != 0) {
        error = errno;
    }
    return error == 0 && is_new ? kk_softhsm_sync_names(dir) : error;
}

static int write_tries(const struct kk_softhsm_dir *dir, const uint8_t *bytes)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = openat(dir->fd, TRIES, flags, dir->file_mode);
    if (fd < 0) {
        return errno;
    }
    int error = put_tries(dir, fd, bytes);
    (void)close(fd);
    return error;
}

KK_RV kk_softhsm_tries_write(struct kk_softhsm_dir *dir, const uint8_t bytes[KK_SOFTHSM_TRIES_LEN])
{
    kk_gate_enter();
    int error = write_tries(dir, bytes);
    kk_gate_leave();
    return error == 0 ? CKR_OK : kk_softhsm_failure(dir, TRIES, error, "cannot write");
}

/* 0 or an errno. */
static int empty_tries(const struct kk_softhsm_dir *dir)
{
    int fd = openat(dir->fd, TRIES, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? 0 : errno;
    }
    int error = ftruncate(fd, 0) != 0 || fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return error;
}

/* Not deleted: its lock, which is held, would be nobody's any more. An empty one goes with the
 * lock. */
KK_RV kk_softhsm_tries_clear(struct kk_softhsm_dir *dir)
{
    kk_gate_enter();
    int error = empty_tries(dir);
    kk_gate_leave();
    return error == 0 ? CKR_OK : kk_softhsm_failure(dir, TRIES, error, "cannot empty");
}

KK_RV kk_softhsm_tries_lock(struct kk_softhsm_dir *dir, void **ret_lock)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    struct kk_ofd_lock *lock = NULL;
    KK_TRY(kk_path_join(dir->path, "", TRIES, &path));
    KK_TRY(kk_ofd_lock_take(path, dir->file_mode, -1, &lock));
    *ret_lock = lock;
    return CKR_OK;
}

/* The file that was made for its lock alone goes with it: who waits for it makes it anew. */
void kk_softhsm_tries_unlock(struct kk_softhsm_dir *dir, void *lock)
{
    struct stat status;
    if (fstatat(dir->fd, TRIES, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_size == 0) {
        (void)unlinkat(dir->fd, TRIES, 0);
    }
    kk_ofd_lock_release(lock);
}
