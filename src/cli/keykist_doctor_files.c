/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist doctor: the configuration as its reader finds it, and the permissions of what lies on the
 * disk.
 */
#include "cli/keykist_doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/uuid.h"
#include "cli/config_notes.h"
#include "cli/file.h"

#include "base/banned.h"

#define GROUP_WRITE 0020
#define OTHERS 0007
#define OTHERS_WRITE 0002

/* ---- the configuration ---- */

/* What its reader does not like. */
KK_RV kk_doctor_config(struct kk_doctor *doctor)
{
    KK_CLEANUP(kk_config_notes_clear) struct kk_config_notes notes = {0};
    CK_RV rv = kk_config_read(&doctor->config, &notes);
    KK_ENSURE(rv == CKR_OK || rv == CKR_GENERAL_ERROR, rv);
    for (size_t i = 0; i < notes.count; i++) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "configuration", "%s", notes.lines[i]);
    }
    if (rv != CKR_OK && notes.count == 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "configuration", "it cannot be read");
    }
    if (rv == CKR_OK && notes.count == 0) {
        kk_doctor_say(doctor, KK_FINDING_OK, "configuration", "%s is understood",
                      doctor->config->path);
    }
    return CKR_OK;
}

/* ---- permissions ---- */

/* A trace is for the time of debugging. */
static void check_trace(struct kk_doctor *doctor)
{
    if (doctor->config->log_trace[0] != '\0') {
        kk_doctor_say(
            doctor, KK_FINDING_NOTE, "configuration",
            "log.trace = %s: every call of every application is written there, with labels "
            "and public keys, and the file grows without end",
            doctor->config->log_trace);
    }
}

static void check_config_file(struct kk_doctor *doctor)
{
    struct stat info;
    const char *path = doctor->config->path;
    if (path != NULL && stat(path, &info) == 0 && (info.st_mode & OTHERS_WRITE) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "configuration", "everybody may write %s (mode %04o)",
                      path, (unsigned int)info.st_mode & 07777u);
    }
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    while (len > 0 && folder[len - 1] == '/') {
        len--;
    }
    return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* The file behind token.pepper = file:PATH. */
static void check_pepper_file(struct kk_doctor *doctor)
{
    static const char prefix[] = "file:";
    struct stat info;
    const char *pepper = doctor->config->pepper;
    if (pepper == NULL || strncmp(pepper, prefix, strlen(prefix)) != 0) {
        return;
    }
    const char *path = pepper + strlen(prefix);
    if (is_below(path, doctor->config->tokendir)) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "pepper",
                      "%s lies beside the tokens: who copies them copies it too", path);
    }
    if (stat(path, &info) == 0 && (info.st_mode & OTHERS) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "pepper",
                      "everybody may get at %s (mode %04o): take that away with chmod o-rwx", path,
                      (unsigned int)info.st_mode & 07777u);
    }
}

/* The first thing below the token directory that others may get at; whoever cannot come through its
 * directory cannot get at it either. */
static bool find_open(const char *folder, char *ret_path, size_t size, unsigned int *ret_mode)
{
    struct stat info;
    bool found = false;
    DIR *directory = opendir(folder);
    struct dirent *entry = NULL;
    while (directory != NULL && !found && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(ret_path, size, "%s/%s", folder, entry->d_name) >= (int)size ||
            lstat(ret_path, &info) != 0 || S_ISLNK(info.st_mode)) {
            continue;
        }
        *ret_mode = (unsigned int)info.st_mode & 07777u;
        found = (info.st_mode & OTHERS) != 0;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return found;
}

static void check_tokens(struct kk_doctor *doctor, bool others_enter)
{
    char path[4096];
    unsigned int mode = 0;
    if (others_enter && find_open(doctor->config->tokendir, path, sizeof path, &mode)) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "token directory",
                      "everybody may get at %s (mode %04o): take that away with chmod -R o-rwx",
                      path, mode);
    }
}

/* ---- the tokens' own directories ---- */

typedef void token_visit(const char *path, const struct stat *info, void *context);

static void each_token(const char *folder, token_visit *visit, void *context)
{
    DIR *directory = opendir(folder);
    struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[4096];
        struct stat info;
        struct kk_uuid uuid;
        if (kk_uuid_parse(entry->d_name, &uuid) &&
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path &&
            lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            visit(path, &info, context);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

/* What there is several times over is told once, with the first of them. */
struct tally {
    size_t count;
    char first[4096];
    struct stat info;
};

static void tally_add(struct tally *tally, const char *path, const struct stat *info)
{
    if (tally->count++ == 0) {
        (void)snprintf(tally->first, sizeof tally->first, "%s", path);
        tally->info = *info;
    }
}

struct survey {
    struct tally of_others; /* belong neither to who asks nor to root */
    struct tally of_group;
};

static void survey_token(const char *path, const struct stat *info, void *context)
{
    struct survey *survey = context;
    if (info->st_uid != geteuid() && info->st_uid != 0) {
        tally_add(&survey->of_others, path, info);
    }
    if ((info->st_mode & GROUP_WRITE) != 0) {
        tally_add(&survey->of_group, path, info);
    }
}

static void check_owners(struct kk_doctor *doctor)
{
    struct survey survey = {0};
    const struct tally *others = &survey.of_others;
    const struct tally *group = &survey.of_group;
    each_token(doctor->config->tokendir, survey_token, &survey);
    if (others->count > 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "token directory",
                      "%zu token%s to others than you and root, who may change or delete what is "
                      "in there: %s (uid %lu)%s",
                      others->count, others->count == 1 ? " belongs" : "s belong", others->first,
                      (unsigned long)others->info.st_uid, others->count > 1 ? ", ..." : "");
    }
    if (group->count > 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "token directory",
                      "a group may change or delete what is in %zu token%s: %s (gid %lu, mode "
                      "%04o)%s",
                      group->count, group->count == 1 ? "" : "s", group->first,
                      (unsigned long)group->info.st_gid, (unsigned int)group->info.st_mode & 07777u,
                      group->count > 1 ? ", ..." : "");
    }
}

/* Its group, where each of them may do away with the others' tokens. */
static void check_group(struct kk_doctor *doctor, const char *path, const struct stat *info)
{
    if ((info->st_mode & GROUP_WRITE) != 0 && (info->st_mode & S_ISVTX) == 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "token directory",
                      "a group (gid %lu) may write to %s (mode %04o): its members may delete each "
                      "other's tokens, or put others in their place; chmod +t takes that away",
                      (unsigned long)info->st_gid, path, (unsigned int)info->st_mode & 07777u);
    }
}

struct hidden {
    struct kk_doctor *doctor;
    const struct kk_doctor_paths *shown;
};

static bool is_shown(const struct kk_doctor_paths *shown, const char *name)
{
    for (size_t i = 0; i < shown->count; i++) {
        const char *last = strrchr(shown->paths[i], '/');
        if (last != NULL && strcmp(last + 1, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What is left of a deleted token, its audit log, is none. */
static bool holds_token(const char *path)
{
    static const char *const files[] = {"keykist.db", "token.object", "sqlite3.db"};
    for (size_t i = 0; i < KK_ARRAY_LEN(files); i++) {
        char file[4200];
        (void)snprintf(file, sizeof file, "%s/%s", path, files[i]);
        if (access(file, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static void look_at_hidden(const char *path, const struct stat *info, void *context)
{
    const struct hidden *hidden = context;
    if (access(path, X_OK) != 0) {
        kk_doctor_say(hidden->doctor, KK_FINDING_NOTE, "tokens",
                      "%s belongs to another user (uid %lu) and is not shown to you: tokens are "
                      "for a whole group when they are made with objectstore.umask = 0007, by a "
                      "user whose own umask is 0007 too",
                      path, (unsigned long)info->st_uid);
        return;
    }
    if (!is_shown(hidden->shown, strrchr(path, '/') + 1) && holds_token(path)) {
        kk_doctor_say(hidden->doctor, KK_FINDING_BAD, "tokens",
                      "%s is a token that is not shown: it has the serial number of another one, "
                      "or cannot be opened; the log says which",
                      path);
    }
}

void kk_doctor_hidden(struct kk_doctor *doctor, const struct kk_doctor_paths *shown)
{
    struct hidden hidden = {.doctor = doctor, .shown = shown};
    if (doctor->config->backend != KK_BACKEND_MEMORY) {
        each_token(doctor->config->tokendir, look_at_hidden, &hidden);
    }
}

static void check_tokendir(struct kk_doctor *doctor)
{
    struct stat info;
    const char *path = doctor->config->tokendir;
    if (stat(path, &info) != 0 || access(path, R_OK | X_OK) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "token directory", "%s: %s", path, strerror(errno));
        return;
    }
    size_t before = doctor->bad;
    unsigned int mode = (unsigned int)info.st_mode & 07777u;
    if ((mode & OTHERS_WRITE) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "token directory",
                      "everybody may write to %s (mode %04o): take that away with chmod o-w", path,
                      mode);
    }
    check_tokens(doctor, (mode & OTHERS) != 0);
    check_group(doctor, path, &info);
    check_owners(doctor);
    if (access(path, W_OK) != 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "token directory",
                      "you may not write to %s: tokens cannot be made by you", path);
    }
    if (doctor->bad == before) {
        kk_doctor_say(doctor, KK_FINDING_OK, "token directory", "%s (mode %04o)", path, mode);
    }
}

void kk_doctor_files(struct kk_doctor *doctor)
{
    check_config_file(doctor);
    check_trace(doctor);
    check_tokendir(doctor);
    check_pepper_file(doctor);
}
