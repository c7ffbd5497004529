/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths and directories, for the engines that keep their tokens in files.
 */
#pragma once

#include <dirent.h>

#include "base/macros.h"

/* dir/prefix+name, in memory of its own. */
KK_RV kk_path_join(const char *dir, const char *prefix, const char *name, char **ret_path);

/* An application may change its working directory between two calls: the path from the root,
 * without slashes at its end. CKR_GENERAL_ERROR when there is no working directory. */
KK_RV kk_path_absolute(const char *location, char **ret_path);

/* Opens the directory that the tokens lie in. CKR_GENERAL_ERROR when it is missing or unreadable,
 * CKR_HOST_MEMORY. */
KK_RV kk_path_open_tokens(const char *location, DIR **ret_dir);

/* For KK_CLEANUP. */
void kk_path_dir_close(DIR **dir);

/* What can't be synced (some file systems refuse it for directories) is not a failure. 0 or an
 * errno. */
int kk_path_sync(const char *path);

/* The same where nothing was promised: a failure is said in the log. */
void kk_path_sync_dir(const char *path);

/* The same for the directory that `path`, an absolute path, lies in. */
void kk_path_sync_parent(const char *path);

/* Renames a directory where there is none of that name yet. 0, or -1 with errno. */
int kk_path_rename_new(const char *from, const char *to);

/* Whether nothing but files of SQLite's own kind stands beside the database: it waits for ever for
 * the writer of a pipe that somebody put in a log's place. One log line when not. */
bool kk_path_beside_is_sound(const char *db);
