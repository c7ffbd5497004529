/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object import: the files that are meant, one after the other.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/key_template.h"
#include "cli/keykist_object_store.h"
#include "cli/progress.h"
#include "cli/report.h"

#include "base/banned.h"

#define LIST_MAX ((size_t)256 << 20)
#define MANY_FILES 20 /* from here on a bar is drawn */

/* ---- the files ---- */

struct files {
    char **paths;
    size_t count;
};

static void files_clear(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        kk_free(files->paths[i]);
    }
    kk_free(files->paths);
}

/* Takes the path over. */
static KK_RV add_path(struct files *files, char *path)
{
    KK_CLEANUP(kk_freep) char *mine = path;
    if ((files->count & (files->count - 1)) == 0) { /* full at each power of two */
        KK_TRY(kk_realloc_array(&files->paths, KK_MAX(files->count * 2, (size_t)1),
                                sizeof *files->paths));
    }
    files->paths[files->count++] = KK_STEAL(mine);
    return CKR_OK;
}

static KK_RV add_copy(struct files *files, const char *text, size_t len)
{
    char *path = NULL;
    KK_TRY(kk_alloc(len + 1, &path));
    memcpy(path, text, len);
    return add_path(files, path);
}

static void close_directory(DIR **directory)
{
    if (*directory != NULL) {
        (void)closedir(*directory);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static KK_RV add_entry(struct files *files, const char *directory, const char *name)
{
    struct stat status;
    KK_CLEANUP(kk_freep) char *path = NULL;
    size_t len = strlen(directory) + 1 + strlen(name);
    if (name[0] == '.') {
        return CKR_OK; /* also what other programs hide */
    }
    KK_TRY(kk_alloc(len + 1, &path));
    (void)snprintf(path, len + 1, "%s/%s", directory, name);
    if (stat(path, &status) != 0) {
        return kk_cli_error("could not look at %s: %s", path, strerror(errno));
    }
    return S_ISREG(status.st_mode) ? add_path(files, KK_STEAL(path)) : CKR_OK;
}

/* All regular files of a directory, by name; not those below. */
static KK_RV add_directory(struct files *files, const char *path)
{
    size_t first = files->count;
    KK_CLEANUP(close_directory) DIR *directory = opendir(path);
    if (directory == NULL) {
        return kk_cli_error("could not open the directory %s: %s", path, strerror(errno));
    }
    errno = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        KK_TRY(add_entry(files, path, entry->d_name));
        errno = 0;
    }
    if (errno != 0) {
        return kk_cli_error("could not read the directory %s: %s", path, strerror(errno));
    }
    if (files->count == first) {
        return kk_cli_error("there is no file in the directory %s", path);
    }
    qsort(files->paths + first, files->count - first, sizeof *files->paths, by_name);
    return CKR_OK;
}

static KK_RV add_operand(struct files *files, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return add_directory(files, path);
    }
    return add_copy(files, path, strlen(path));
}

/* A file that names files, one per line. */
static KK_RV add_list(struct files *files, const char *path)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    errno = 0;
    if (kk_cli_file_read_long(path, LIST_MAX, &content) != KK_CLI_FILE_OK) {
        return kk_cli_error("could not read the list %s%s%s", path, errno != 0 ? ": " : "",
                            errno != 0 ? strerror(errno) : "");
    }
    struct kk_span rest = kk_secret_span(content);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;
        size_t step = end != NULL ? len + 1 : len;
        if (len > 0 && memchr(rest.data, 0, len) != NULL) {
            return kk_cli_error("the list %s is no text", path);
        }
        if (len > 0) {
            KK_TRY(add_copy(files, (const char *)rest.data, len));
        }
        rest = KK_SPAN(rest.data + step, rest.len - step);
    }
    return CKR_OK;
}

static KK_RV find_files(const struct kk_keykist *keykist,
                        const struct kk_object_import_options *options, struct files *files)
{
    for (size_t i = 0; i < keykist->operand_count; i++) {
        KK_TRY(add_operand(files, keykist->operands[i]));
    }
    if (options->list != NULL) {
        KK_TRY(add_list(files, options->list));
    }
    return files->count > 0 ? CKR_OK
                            : kk_cli_error("which files? Name some, or a directory, or use --list");
}

/* ---- options ---- */

/* clang-format off */
static const struct {
    const char *word;
    enum kk_key_use use;
} usage_words[] = {
    {"sign",    KK_KEY_USE_SIGN},    {"verify",  KK_KEY_USE_SIGN},
    {"encrypt", KK_KEY_USE_ENCRYPT}, {"decrypt", KK_KEY_USE_ENCRYPT},
    {"wrap",    KK_KEY_USE_WRAP},    {"unwrap",  KK_KEY_USE_WRAP},
    {"derive",  KK_KEY_USE_DERIVE},
    {"encapsulate", KK_KEY_USE_ENCAPSULATE}, {"decapsulate", KK_KEY_USE_ENCAPSULATE},
};
/* clang-format on */

static unsigned int usage_of(const char *word, size_t len)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(usage_words); i++) {
        if (kk_mem_equal(usage_words[i].word, strlen(usage_words[i].word), word, len)) {
            return (unsigned int)usage_words[i].use;
        }
    }
    return 0;
}

KK_RV kk_object_parse_usage(const char *text, unsigned int *ret_uses)
{
    unsigned int uses = 0;
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ",");
        unsigned int use = usage_of(at, len);
        if (use == 0) {
            return kk_cli_error("--usage takes sign, encrypt, wrap, derive and encapsulate, with "
                                "commas between them, not \"%s\"",
                                text);
        }
        uses |= use;
        at += len;
        if (*at == '\0') {
            *ret_uses = uses;
            return CKR_OK;
        }
    }
}

static KK_RV parse_type(const char *text, const struct kk_source_type **ret_type)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer names = {0};
    *ret_type = text != NULL ? kk_source_type(text) : NULL;
    if (text == NULL || *ret_type != NULL) {
        return CKR_OK;
    }
    kk_source_types(&names);
    kk_buffer_put_u8(&names, '\0');
    KK_TRY(kk_buffer_check(&names));
    return kk_cli_error("--type takes %s, not \"%s\"", (const char *)names.data, text);
}

static KK_RV check_options(const struct kk_object_import_options *options)
{
    if (options->force && options->skip_existing) {
        return kk_cli_error("use only one of --force and --skip-existing");
    }
    if (options->label != NULL && options->label[0] == '\0') {
        return kk_cli_error("--label is empty");
    }
    return CKR_OK;
}

/* ---- the command ---- */

struct import {
    const struct kk_object_import_options *options;
    struct files files;
    struct kk_buffer id;
    struct kk_secret *passphrase;
    const struct kk_source_type *type;
    struct kk_keyfiles *keyfiles;
    struct kk_keykist_session session;
    struct kk_object_store store;
};

static void import_clear(struct import *import)
{
    kk_object_store_clear(&import->store);
    kk_keykist_close(&import->session);
    kk_keyfiles_free(import->keyfiles);
    kk_secret_free(import->passphrase);
    kk_buffer_clear(&import->id);
    files_clear(&import->files);
}

static KK_RV prepare(const struct kk_keykist *keykist, struct import *import)
{
    const struct kk_object_import_options *options = import->options;
    struct kk_object_store *store = &import->store;
    KK_TRY(check_options(options));
    KK_TRY(find_files(keykist, options, &import->files));
    KK_TRY(parse_type(options->type, &import->type));
    if (options->id != NULL && import->type != NULL && import->type->is_data) {
        return kk_cli_error("data has no ID: leave --id out");
    }
    if (options->id != NULL) {
        KK_TRY(kk_object_parse_id(options->id, &import->id));
    }
    if (options->usage != NULL) {
        KK_TRY(kk_object_parse_usage(options->usage, &store->uses));
    }
    KK_TRY(kk_cli_pin_given(&options->passphrase, "--passphrase", &import->passphrase));
    KK_TRY(kk_keyfiles_new(&import->keyfiles));
    store->id = kk_buffer_span(&import->id);
    store->options = options;
    store->session = &import->session;
    const CK_KEYKIST_FUNCTIONS *vendor = keykist->module.vendor;
    store->vendor = vendor != NULL && vendor->version.minor >= 1 ? vendor : NULL;
    return CKR_OK;
}

static KK_RV import_all(struct import *import)
{
    KK_CLEANUP(kk_progress_end) struct kk_progress_bar bar = {.what = "Importing"};
    for (size_t i = 0; i < import->files.count; i++) {
        struct kk_source *source = NULL;
        const char *path = import->files.paths[i];
        if (import->files.count >= MANY_FILES) {
            (void)kk_progress_draw(&bar, (CK_ULONG)i, (CK_ULONG)import->files.count);
        }
        KK_TRY(kk_source_read(import->keyfiles, path, import->type, import->passphrase, &source));
        KK_TRY(kk_object_store_add(&import->store, path, source));
    }
    return kk_object_store_flush(&import->store);
}

CK_RV kk_keykist_object_import(struct kk_keykist *keykist)
{
    KK_CLEANUP(import_clear) struct import import = {.options = keykist->own};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    char what[128];
    KK_TRY(prepare(keykist, &import));
    KK_TRY(kk_object_begin(keykist, true, true, &import.session, &slot, &info));
    KK_TRY(import_all(&import));
    (void)snprintf(what, sizeof what, "%zu object%s imported", import.store.made,
                   import.store.made == 1 ? "" : "s");
    if (import.store.left_out > 0) {
        size_t len = strlen(what);
        (void)snprintf(what + len, sizeof what - len, ", %zu left out that %s there",
                       import.store.left_out, import.store.left_out == 1 ? "was" : "were");
    }
    return kk_keykist_say(keykist, &info, slot, what);
}
