/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the softhsm_*.c files of this layer share.
 */
#pragma once

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "store/softhsm.h"

#define KK_SOFTHSM_NEW_PREFIX ".new-softhsm-"
#define KK_SOFTHSM_VERSION_LEN 8

/* Versions that Keykist writes: the upper 48 bits count; the next 4 say how many of Keykist's
 * writes ago SoftHSM wrote (15: the last time, 0: long ago); the lowest 12 are zeros, which tells
 * who wrote last, since SoftHSM counts by one. */
#define KK_SOFTHSM_VERSION_STEP 0x10000u
#define KK_SOFTHSM_RECENT_STEP 0x1000u
#define KK_SOFTHSM_RECENT_MAX 15u

/* The same for generations. */
#define KK_SOFTHSM_GENERATION_STEP 16u

#define KK_SOFTHSM_NAME_MAX 64

struct kk_softhsm_dir {
    char *path, *location;
    int fd; /* of the directory */
    int token_fd, generation_fd;
    struct stat opened[3]; /* what the three were when they were opened */
    unsigned int file_mode;
    uint64_t inode;
    atomic_bool read_only;
};

/* ---- softhsm_bytes.c ---- */

/* "<uuid><suffix>", or "token<suffix>". */
void kk_softhsm_name(const struct kk_uuid *uuid, const char *suffix,
                     char ret_name[KK_SOFTHSM_NAME_MAX]);

uint64_t kk_softhsm_next_version(uint64_t version);

/* A lock on the whole file: F_RDLCK or F_WRLCK. CKR_FUNCTION_FAILED when it is not free in time. */
KK_RV kk_softhsm_lock(const struct kk_softhsm_dir *dir, int fd, short type, const char *name);
/* The same without waiting: false when it is not free. */
bool kk_softhsm_trylock(int fd);
void kk_softhsm_unlock(int fd);

/* An errno as a code, with a log line that names the file. */
KK_RV kk_softhsm_failure(const struct kk_softhsm_dir *dir, const char *name, int error,
                         const char *what);

int64_t kk_softhsm_ns_of(const struct timespec *time);
int64_t kk_softhsm_now_ns(clockid_t clock);
void kk_softhsm_pause_ns(long ns);

/* The pieces one after the other, synced. 0 or an errno. */
int kk_softhsm_write_pieces(int fd, const struct kk_span *pieces, size_t count);

/* All bytes at an offset. 0 or an errno. */
int kk_softhsm_write_at(int fd, struct kk_span bytes, size_t offset);

/* The names in the directory are on the disk. 0 or an errno; what some file systems refuse for
 * directories is no failure. */
int kk_softhsm_sync_names(const struct kk_softhsm_dir *dir);
/* The same; `name` is what a failure is told of. */
KK_RV kk_softhsm_sync(const struct kk_softhsm_dir *dir, const char *name);

/* A new file, or one in the place of another, synced; its name is not. */
KK_RV kk_softhsm_write_new(const struct kk_softhsm_dir *dir, const char *name,
                           const struct kk_span *pieces, size_t count);

void kk_softhsm_seen_of(const struct stat *status, uint64_t version,
                        struct kk_softhsm_seen *ret_seen);
