/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of this process to its C library that reach the disk or take memory, on their way
 * there. A program that links io.c defines them itself, in front of the C library's: the module,
 * SQLite and all others come through here. A hook sees each call before and after, and can make it
 * fail in the C library's place.
 *
 * Hooks are the business of the thread that sets them; calls of other threads pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum io_kind {
    IO_OPEN,   /* open for reading, opendir */
    IO_CHANGE, /* open for writing */
    IO_CREATE, /* open that makes the file */
    IO_READ,   /* read, pread */
    IO_WRITE,  /* write, pwrite */
    IO_SIZE,   /* ftruncate, fallocate */
    IO_SYNC,   /* fsync, fdatasync */
    IO_NAME,   /* rename, mkdir */
    IO_REMOVE, /* unlink, rmdir */
    IO_LOOK,   /* stat and its kind */
    IO_LOCK,   /* fcntl */
    IO_MAP,    /* mmap of a file */
    IO_PAGES,  /* mmap of memory */
    IO_MEMORY, /* malloc and its kind, of the module and of SQLite */
    IO_KINDS
};

struct io_call {
    enum io_kind kind;
    const char *name; /* of the C function */
    int fd;           /* -1: none; for unlinkat the directory */
    const char *path; /* NULL: none; from the root on where the caller named a directory */
    const char *to;   /* rename */
    off_t offset;     /* write: -1 at the file's own */
    const void *data; /* write */
    size_t len;       /* write, ftruncate */
    int flags;        /* open */
};

struct io_hooks {
    /* 0: go on; else the errno to fail with. NULL: go on. */
    int (*before)(const struct io_call *call);
    /* What it came to; NULL: of no interest. */
    void (*after)(const struct io_call *call, long result);
    /* fsync and fdatasync say that they did it, and do nothing: where no power is cut. */
    bool syncs_nothing;
};

/* NULL: none. */
void io_hook(const struct io_hooks *hooks);

/* Whether calls for memory come through here (not in sanitized programs). */
bool io_sees_memory(void);
