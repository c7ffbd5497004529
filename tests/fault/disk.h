/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that can lose power. What this thread does below a directory is recorded, call by call;
 * later the directory is built as a disk could hold it when the power went after any of the calls.
 *
 * What the model promises is what POSIX does: a file's content is there once the file was synced,
 * a name in a directory once the directory was. Everything else may be there or not, each write and
 * each name for itself, a write also in part, by sectors.
 */
#pragma once

#include "guest.h"

/* Begins with `root`, an empty directory. */
void disk_record(const char *root);
void disk_stop(void);

/* How many calls were recorded: the boundaries are 0 to this number. */
unsigned disk_calls(void);

/* Whether the call in front of this boundary made something durable. */
bool disk_is_sync(unsigned boundary);

enum disk_loss {
    DISK_LOSES_ALL,   /* everything that was not synced */
    DISK_LOSES_NAMES, /* names that were not synced; content by chance */
    DISK_LOSES_NOTHING,
    DISK_LOSES_SOME, /* by chance */
    DISK_LOSSES
};

/* Builds `to`, which must not be there. `loss` by guest_random(). */
void disk_build(unsigned boundary, enum disk_loss loss, const char *to);

/* Deletes a directory with everything in it. */
void disk_delete(const char *path);
