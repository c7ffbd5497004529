/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration looked at before the module does, and the module started.
 */
#include "cli/setup.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/config_notes.h"
#include "cli/file.h"
#include "cli/report.h"
#include "cryptoki/names.h"
#include "paths.h"

#include "base/banned.h"

static struct kk_span trim(struct kk_span text)
{
    while (text.len > 0 && strchr(" \t\r", text.data[0]) != NULL) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

/* Cuts what stands before `mark` off the front of *text; everything when there is no `mark`. */
static struct kk_span cut(struct kk_span *text, char mark)
{
    const uint8_t *end = text->len > 0 ? memchr(text->data, mark, text->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - text->data) : text->len;
    size_t skip = end != NULL ? len + 1 : len;
    struct kk_span head = KK_SPAN(text->data, len);
    *text = KK_SPAN(text->data + skip, text->len - skip);
    return head;
}

static bool is_bad_level_line(struct kk_span line)
{
    struct kk_span value = cut(&line, '#');
    struct kk_span key = trim(cut(&value, '='));
    enum kk_log_level level;
    char name[16] = "";
    value = trim(value);
    if (!kk_span_equal(key, KK_SPAN_TEXT("log.level")) || value.len == 0) {
        return false;
    }
    if (value.len < sizeof name) {
        memcpy(name, value.data, value.len);
    }
    return !kk_log_level_parse(name, &level);
}

/* A file that was refused: for its log level, or else for its store. */
static KK_RV explain_refusal(void)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    if (kk_config_find(&path) != CKR_OK || kk_cli_file_read(path, &content) != KK_CLI_FILE_OK) {
        return kk_cli_error("ERROR: Could not load the SoftHSM configuration.");
    }
    struct kk_span rest = kk_secret_span(content);
    while (rest.len > 0) {
        if (is_bad_level_line(cut(&rest, '\n'))) {
            return kk_cli_error("ERROR: Could not configure the log level.");
        }
    }
    return kk_cli_error("ERROR: Could not select token backend.");
}

/* The last thing that the reader said is why it refused; a word that is only passed over is for
 * the log, where the module says it too. */
static KK_RV say_refusal(const struct kk_config_notes *notes)
{
    const char *variable = getenv("SOFTHSM2_CONF");
    if (variable != NULL && variable[0] == '\0') {
        return kk_cli_error("there is no configuration: the variable SOFTHSM2_CONF is set, but "
                            "empty");
    }
    if (notes->count == 0) {
        return kk_cli_error("the configuration cannot be read");
    }
    return kk_cli_error("%s; see softhsm2.conf(5), or keykist config check",
                        notes->lines[notes->count - 1]);
}

static KK_RV load_config(struct kk_config **ret_config)
{
    KK_CLEANUP(kk_config_notes_clear) struct kk_config_notes notes = {0};
    if (!kk_cli_gives_reasons()) {
        return kk_config_load(ret_config) == CKR_OK ? CKR_OK : explain_refusal();
    }
    return kk_config_read(ret_config, &notes) == CKR_OK ? CKR_OK : say_refusal(&notes);
}

static KK_RV check_config(void)
{
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    KK_TRY(load_config(&config));
    DIR *directory = opendir(config->tokendir);
    if (directory == NULL && kk_cli_gives_reasons()) {
        return kk_cli_error("the directory of the tokens, %s, cannot be opened: %s "
                            "(directories.tokendir in %s)",
                            config->tokendir, strerror(errno), config->path);
    }
    if (directory == NULL) {
        return kk_cli_error("ERROR: Failed to enumerate object store in %s", config->tokendir);
    }
    closedir(directory);
    return CKR_OK;
}

static KK_RV check_setup(void)
{
    if (check_config() != CKR_OK) {
        return kk_cli_error("ERROR: Please verify that the SoftHSM configuration is correct.");
    }
    return CKR_OK;
}

/* The default module is ours: then the configuration is looked at first, because a module that does
 * not start cannot say why. Of a module that was named that is known only when it is loaded. */
KK_RV kk_cli_start_module(const char *path, struct kk_module *ret_module)
{
    if (path == NULL) {
        KK_TRY(check_setup());
    }
    KK_TRY(kk_module_load(path != NULL ? path : KK_OWN_MODULE, ret_module));
    if (path != NULL && ret_module->vendor != NULL) {
        KK_TRY(check_setup());
    }
    CK_RV rv = kk_module_initialize(ret_module);
    if (rv != CKR_OK && kk_cli_gives_reasons()) {
        const char *name = kk_names_find(KK_NAMES_CKR, rv);
        return kk_cli_error("the module %s does not start (%s); its log says why: log.file or the "
                            "system's",
                            ret_module->path, name != NULL ? name : "an unknown code");
    }
    if (rv != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not initialize the PKCS#11 library/module: %s",
                           ret_module->path);
        return kk_cli_error("ERROR: Please check log files for additional information.");
    }
    return CKR_OK;
}
