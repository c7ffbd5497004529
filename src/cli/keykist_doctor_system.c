/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist doctor: what lies around the tokens: the paths by which programs find the module, the
 * version of OpenSSL, room on the disk.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/keykist_doctor.h"
#include "crypto/keyfile.h"
#include "paths.h"

#include "base/banned.h"

/* ---- the module's paths ---- */

/* Where programs that were written for SoftHSM look. */
static const char *const module_paths[] = {KK_DEFAULT_MODULE, "/usr/lib/softhsm/libsofthsm2.so"};

static void check_path(struct kk_doctor *doctor, const char *path, const char *module)
{
    struct stat status;
    char found[PATH_MAX];
    if (lstat(path, &status) != 0) {
        return;
    }
    if (realpath(path, found) == NULL) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "module",
                      "%s points to nothing: programs that load it do not start; install Keykist "
                      "anew, or remove the link",
                      path);
    } else if (module != NULL && strcmp(found, module) != 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "module",
                      "programs that load %s get %s, not %s: name this module there, or let the "
                      "link point to it",
                      path, found, module);
    } else if (strcmp(path, found) != 0) {
        kk_doctor_say(doctor, KK_FINDING_OK, "module", "%s leads to it", path);
    }
}

static void check_paths(struct kk_doctor *doctor)
{
    const char *loaded = doctor->keykist->module.path;
    char resolved[PATH_MAX];
    const char *module = loaded != NULL ? realpath(loaded, resolved) : NULL;
    for (size_t i = 0; i < KK_ARRAY_LEN(module_paths); i++) {
        bool is_double = i > 0 && strcmp(module_paths[i], module_paths[0]) == 0;
        if (!is_double) {
            check_path(doctor, module_paths[i], module);
        }
    }
}

/* ---- p11-kit ---- */

static const char *const p11_kit_folders[] = {"/usr/share/p11-kit/modules", "/etc/pkcs11/modules"};

/* The value of "module:" in a file of p11-kit's; false when it is not about us. */
static bool find_module_line(const char *path, char *module, size_t size)
{
    static const char key[] = "module:";
    char line[600];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *value = line + strspn(line, " \t");
        if (strncmp(value, key, strlen(key)) == 0) {
            value += strlen(key);
            value += strspn(value, " \t");
            line[strcspn(line, "\r\n")] = '\0';
            (void)snprintf(module, size, "%s", value);
            found = strstr(module, "softhsm") != NULL || strstr(module, "keykist") != NULL;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* A name without a folder is p11-kit's own to find. */
static void check_p11_kit_file(struct kk_doctor *doctor, const char *path)
{
    struct stat status;
    char module[512] = "";
    if (!find_module_line(path, module, sizeof module) || module[0] != '/') {
        return;
    }
    if (stat(module, &status) != 0) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "p11-kit",
                      "%s names %s, which is not there: correct the line or remove the file", path,
                      module);
    } else {
        kk_doctor_say(doctor, KK_FINDING_OK, "p11-kit", "%s names %s", path, module);
    }
}

static void check_p11_kit(struct kk_doctor *doctor)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(p11_kit_folders); i++) {
        DIR *directory = opendir(p11_kit_folders[i]);
        struct dirent *entry = NULL;
        while (directory != NULL && (entry = readdir(directory)) != NULL) {
            char path[600];
            size_t len = strlen(entry->d_name);
            if (len > 7 && strcmp(entry->d_name + len - 7, ".module") == 0) {
                (void)snprintf(path, sizeof path, "%s/%s", p11_kit_folders[i], entry->d_name);
                check_p11_kit_file(doctor, path);
            }
        }
        if (directory != NULL) {
            (void)closedir(directory);
        }
    }
}

/* ---- OpenSSL ---- */

static void check_openssl(struct kk_doctor *doctor)
{
    unsigned int major = 0;
    unsigned int minor = 0;
    const char *text = kk_keyfile_library(&major, &minor);
    kk_doctor_say(doctor, KK_FINDING_OK, "OpenSSL", "%s", text);
    if (major == 3 && minor < 5) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "OpenSSL",
                      "ML-KEM, ML-DSA and SLH-DSA keys need OpenSSL 3.5 or later; with this one "
                      "they are kept, and not used");
    }
}

/* ---- room ---- */

#define ROOM_WANTED (16ULL << 20)

static void check_room(struct kk_doctor *doctor)
{
    struct statvfs status;
    const char *folder = doctor->config->tokendir;
    if (statvfs(folder, &status) != 0) {
        return;
    }
    unsigned long long room = (unsigned long long)status.f_bavail * status.f_frsize;
    if (room < ROOM_WANTED) {
        kk_doctor_say(doctor, KK_FINDING_BAD, "disk",
                      "there are only %llu KiB left for %s: new keys and PIN changes will fail",
                      room >> 10, folder);
    }
    if ((status.f_flag & ST_RDONLY) != 0) {
        kk_doctor_say(doctor, KK_FINDING_NOTE, "disk",
                      "%s is on a file system that is mounted for reading only: keys can be used, "
                      "and nothing stored",
                      folder);
    }
}

void kk_doctor_system(struct kk_doctor *doctor)
{
    check_paths(doctor);
    check_p11_kit(doctor);
    check_openssl(doctor);
    check_room(doctor);
}
