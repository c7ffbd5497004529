/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of one SoftHSM token directory: bytes, locks and versions, never what they mean.
 *
 *   token.object, <uuid>.object   u64 version, then a body; every rewrite moves the version
 *   token.lock, <uuid>.lock       empty; locked for a change
 *   generation                    u64; moves when an object came or went
 *   <name>.new                    ours: the next content of a file that is being overwritten
 *   <uuid>.draft                  ours: a new object that is not there yet
 *   keykist.tries                 ours: 64 bytes of the layer above
 *
 * SoftHSM locks with fcntl's record locks, which belong to a process and are lost when the process
 * closes any descriptor of the file. Ours are open file description locks: those two kinds exclude
 * each other, and ours also keep threads apart. (An application that has SoftHSM itself loaded too
 * and works on one token with both would lose SoftHSM's locks by our closing of files.)
 *
 * Codes are those of store.h; an object that is not there is CKR_OBJECT_HANDLE_INVALID.
 */
#pragma once

#include "base/bytes.h"
#include "base/uuid.h"
#include "store/watch.h"

struct kk_softhsm_dir;

/* A body may not be longer than this. */
#define KK_SOFTHSM_FILE_MAX (16u << 20)

#define KK_SOFTHSM_TRIES_LEN 64

/* What a file looked like when it was read. */
struct kk_softhsm_seen {
    uint64_t version;
    uint64_t inode, size;
    int64_t modified_ns, changed_ns;
    bool settled; /* its times were so old that a further change would have moved them */
    bool linked;  /* it has another name, under which it is changed without a watch's seeing it */
};

/* Values of two looks that are stable and equal: no object came or went, and the token's own file
 * was not rewritten. An object's file may have been. */
struct kk_softhsm_stamp {
    uint64_t generation;
    uint64_t token_version;
    bool stable;
};

/* ---- softhsm_env.c: token directories in the tokens' directory ---- */

typedef CK_RV kk_softhsm_name_visit(const char *name, void *context);

/* Names of what may be tokens, in no order. *ret_unfinished: there was a directory that may become
 * one. Deletes what a maker who died left behind. */
KK_RV kk_softhsm_list(const char *location, kk_softhsm_name_visit *visit, void *context,
                      bool *ret_unfinished);

/* A new token with this body of token.object, which nobody can list before it is whole.
 * CKR_DEVICE_ERROR when there is one of that name. */
KK_RV kk_softhsm_make(const char *location, const char *name, unsigned int umask,
                      struct kk_span token_body);

/* ---- softhsm_dir.c: one token's directory ---- */

/* CKR_TOKEN_NOT_PRESENT when it is gone. */
KK_RV kk_softhsm_open(const char *location, const char *name, unsigned int umask,
                      struct kk_softhsm_dir **ret_dir);
void kk_softhsm_close(struct kk_softhsm_dir *dir);
KK_DEFINE_CLEANUP(struct kk_softhsm_dir *, kk_softhsm_close);

const char *kk_softhsm_path(const struct kk_softhsm_dir *dir);
bool kk_softhsm_read_only(const struct kk_softhsm_dir *dir);
uint64_t kk_softhsm_inode(const struct kk_softhsm_dir *dir);

/* CKR_DEVICE_REMOVED when the token is gone. Two reads and a stat. */
KK_RV kk_softhsm_fresh(struct kk_softhsm_dir *dir, struct kk_softhsm_stamp *ret_stamp);

/* The object whose file has this name; false: it is another file. */
bool kk_softhsm_object_of(const char *name, struct kk_uuid *ret_uuid);

/* Watches the directory (watch.h). CKR_FUNCTION_NOT_SUPPORTED. */
KK_RV kk_softhsm_watch(const struct kk_softhsm_dir *dir, struct kk_watch **ret_watch);

typedef CK_RV kk_softhsm_uuid_visit(const struct kk_uuid *uuid, void *context);
KK_RV kk_softhsm_each(struct kk_softhsm_dir *dir, kk_softhsm_uuid_visit *visit, void *context);

/* Deletes the token. */
KK_RV kk_softhsm_remove(struct kk_softhsm_dir *dir);

/* Renames the token's directory to `path`, in the same file system: it is gone for everybody. */
KK_RV kk_softhsm_set_aside(struct kk_softhsm_dir *dir, const char *path);

/* Moves the generation; says from where to where. */
KK_RV kk_softhsm_bump(struct kk_softhsm_dir *dir, uint64_t *ret_before, uint64_t *ret_after);

/* New objects: drafts are written and synced, then all get their names, or none. */
struct kk_softhsm_new {
    struct kk_uuid uuid;
    struct kk_span body;
    struct kk_softhsm_seen seen; /* filled in */
};
KK_RV kk_softhsm_create(struct kk_softhsm_dir *dir, struct kk_softhsm_new *objects, size_t count);

/* Takes a new object back that nobody was told of, as far as the disk lets it. */
void kk_softhsm_discard(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid);

/* keykist.tries, which is there only while it says something. read: all zeros when it is not. */
KK_RV kk_softhsm_tries_read(struct kk_softhsm_dir *dir, uint8_t ret_bytes[KK_SOFTHSM_TRIES_LEN]);
KK_RV kk_softhsm_tries_write(struct kk_softhsm_dir *dir, const uint8_t bytes[KK_SOFTHSM_TRIES_LEN]);
/* Forgets what it says, for the one who holds the lock below. */
KK_RV kk_softhsm_tries_clear(struct kk_softhsm_dir *dir);

/* The lock round a PIN try, among all processes and threads of ours. Waits as long as it takes. */
KK_RV kk_softhsm_tries_lock(struct kk_softhsm_dir *dir, void **ret_lock);
void kk_softhsm_tries_unlock(struct kk_softhsm_dir *dir, void *lock);

/* ---- softhsm_file.c: reading and changing one file; uuid NULL is the token's own ---- */

/* Its body, read under the file's lock. */
KK_RV kk_softhsm_read(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                      struct kk_buffer *ret_body, struct kk_softhsm_seen *ret_seen);

/* Whether the file is still as it was seen; then `seen` may become settled. */
KK_RV kk_softhsm_is_same(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                         struct kk_softhsm_seen *seen, bool *ret_same);

/* Whether SoftHSM wrote this version. */
bool kk_softhsm_is_foreign(uint64_t version);

/* A change: begin() takes the locks and reads, end() gives them back. In between nobody changes the
 * file, and no SoftHSM is about to write what it read before. */
struct kk_softhsm_edit {
    struct kk_softhsm_dir *dir;
    const struct kk_uuid *uuid;
    int data, lock;
    bool inside;
    bool foreign; /* a SoftHSM is at work on it */
    uint64_t version;
    struct kk_buffer content; /* with the version in front */
};
KK_RV kk_softhsm_edit_begin(struct kk_softhsm_dir *dir, const struct kk_uuid *uuid,
                            struct kk_softhsm_edit *ret_edit);
struct kk_span kk_softhsm_edit_body(const struct kk_softhsm_edit *edit);
KK_RV kk_softhsm_edit_write(struct kk_softhsm_edit *edit, struct kk_span body,
                            struct kk_softhsm_seen *ret_seen);
KK_RV kk_softhsm_edit_delete(struct kk_softhsm_edit *edit);
void kk_softhsm_edit_end(struct kk_softhsm_edit *edit);
