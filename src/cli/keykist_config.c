/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist config: the configuration as it holds, where each value comes from, and what is wrong
 * with it. Needs no module.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/config_notes.h"
#include "cli/keykist.h"
#include "cli/report.h"

#include "base/banned.h"

static CK_RV run_show(struct kk_keykist *keykist);
static CK_RV run_check(struct kk_keykist *keykist);

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "show", .help = "Show every setting, and where its value comes from",
     .alone = true, .run = run_show},
    {.name = "check", .help = "Say what is wrong with the configuration",
     .more = "Exit status 0: nothing; 1: something.\n",
     .alone = true, .run = run_check},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_config_group = {
    "config", "Show and check the configuration", commands, KK_ARRAY_LEN(commands)};

/* Why it is this file. */
static const char *why_this_file(const struct kk_config *config)
{
    if (secure_getenv("SOFTHSM2_CONF") != NULL) {
        return "SOFTHSM2_CONF";
    }
    return strstr(config->path, "/.config/softhsm2/softhsm2.conf") != NULL ? "home directory"
                                                                           : "default";
}

static void put_source(struct kk_table *table, const struct kk_config *config,
                       const struct kk_config_setting *setting)
{
    char text[600];
    if (setting->line > 0) {
        (void)snprintf(text, sizeof text, "%s:%lu", config->path, setting->line);
        kk_table_text(table, text);
    } else if (strcmp((const char *)setting->value.data, setting->fallback) == 0) {
        kk_table_text(table, "default");
    } else {
        kk_table_text(table, "follows from another setting");
    }
}

static KK_RV fill(const struct kk_config *config, struct kk_table *table)
{
    for (size_t n = 0;; n++) {
        struct kk_config_setting setting = {0};
        CK_RV rv = kk_config_setting(config, n, &setting);
        if (rv == CKR_DATA_INVALID) {
            return CKR_OK;
        }
        KK_TRY(rv);
        kk_table_text(table, setting.name);
        kk_table_bytes(table, kk_buffer_span(&setting.value));
        put_source(table, config, &setting);
        kk_buffer_clear(&setting.value);
    }
}

static KK_RV print_json(const struct kk_config *config, const struct kk_table *table)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_json_text(&json, "file", config->path);
    kk_json_text(&json, "file_from", why_this_file(config));
    kk_table_json(table, &json, "settings");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV say_refused(const struct kk_config_notes *notes)
{
    return kk_cli_error("%s", notes->count > 0 ? notes->lines[notes->count - 1]
                                               : "the configuration cannot be read");
}

static CK_RV run_show(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {
        {"Setting", "setting"}, {"Value", "value"}, {"From", "from"}};
    static const size_t order[] = {0};
    KK_CLEANUP(kk_config_notes_clear) struct kk_config_notes notes = {0};
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    if (kk_config_read(&config, &notes) != CKR_OK) {
        return say_refused(&notes);
    }
    KK_TRY(fill(config, &table));
    kk_table_sort(&table, order, KK_ARRAY_LEN(order));
    if (keykist->options.json) {
        return print_json(config, &table);
    }
    printf("File: %s (%s)\n\n", config->path, why_this_file(config));
    return kk_table_print(&table);
}

static CK_RV run_check(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {{"Finding", "finding"}};
    KK_CLEANUP(kk_config_notes_clear) struct kk_config_notes notes = {0};
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    CK_RV rv = kk_config_read(&config, &notes);
    for (size_t i = 0; i < notes.count; i++) {
        kk_table_text(&table, notes.lines[i]);
    }
    bool is_good = rv == CKR_OK && notes.count == 0;
    if (keykist->options.json) {
        kk_json_object(&json, NULL);
        kk_json_bool(&json, "good", is_good);
        kk_json_bool(&json, "refused", rv != CKR_OK);
        kk_table_json(&table, &json, "findings");
        kk_json_end(&json);
        KK_TRY(kk_json_print(&json));
    } else if (is_good) {
        printf("%s is understood.\n", config->path);
    } else if (notes.count > 0) {
        KK_TRY(kk_table_print(&table));
    }
    return is_good ? CKR_OK
                   : kk_cli_error("the configuration %s",
                                  rv != CKR_OK ? "is refused: programs do not start with it"
                                               : "has lines that are passed over");
}
