/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command lines, by getopt_long(). Each long option's code is the number of its row; help and
 * version have their first letter too.
 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/pin.h"
#include "cli/report.h"

#include "base/banned.h"

/* The version of SoftHSM whose interface this is: what scripts compare. */
#define COMPATIBLE_VERSION "2.6.1"

#define LONG_OPTION 0x100 /* the code of row 0; below are short options */

static bool prints_only(const struct kk_cli_row *row)
{
    return row->kind == KK_CLI_ROW_HELP || row->kind == KK_CLI_ROW_VERSION;
}

static bool has_actions(const struct kk_cli_program *program)
{
    for (size_t i = 0; i < program->row_count; i++) {
        if (program->rows[i].kind == KK_CLI_ROW_ACTION) {
            return true;
        }
    }
    return false;
}

#define HELP_COLUMN 20

static void print_row(const char *dashes, const char *name, const char *value, const char *help)
{
    int width =
        printf("  %s%s%s%s", dashes, name, value != NULL ? " " : "", value != NULL ? value : "");
    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    while (help != NULL) {
        const char *end = strchr(help, '\n');
        int len = end != NULL ? (int)(end - help) : (int)strlen(help);
        printf("%*s%.*s\n", HELP_COLUMN - width, "", len, help);
        help = end != NULL ? end + 1 : NULL;
        width = 0;
    }
}

static void print_rows(const struct kk_cli_program *program, bool actions, bool others)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct kk_cli_row *row = &program->rows[i];
        bool is_action = row->kind == KK_CLI_ROW_ACTION || prints_only(row);
        if (is_action ? !actions : !others) {
            continue;
        }
        if (prints_only(row)) {
            const char letter[] = {row->name[0], '\0'};
            print_row("-", letter, NULL, row->help);
        }
        print_row("--", row->name, row->value, row->help);
    }
}

static void print_usage(const struct kk_cli_program *program)
{
    bool separate = has_actions(program);
    printf("%s\n", program->title);
    printf("Usage: %s\n", program->usage);
    if (separate) {
        printf("Action:\n");
        print_rows(program, true, false);
    }
    printf("Options:\n");
    print_rows(program, !separate, true);
}

static void make_long_options(const struct kk_cli_program *program, struct option *long_options)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct kk_cli_row *row = &program->rows[i];
        long_options[i].name = row->name;
        long_options[i].has_arg = row->value != NULL ? required_argument : no_argument;
        long_options[i].flag = NULL;
        long_options[i].val = LONG_OPTION + (int)i;
    }
    long_options[program->row_count] = (struct option){0};
}

/* NULL for what getopt_long() has complained about. */
static const struct kk_cli_row *find_row(const struct kk_cli_program *program, int code)
{
    for (size_t i = 0; i < program->row_count; i++) {
        const struct kk_cli_row *row = &program->rows[i];
        if (code == LONG_OPTION + (int)i || (prints_only(row) && code == row->name[0])) {
            return row;
        }
    }
    return NULL;
}

static KK_RV store(void *options, const struct kk_cli_row *row, char *value)
{
    if (row->member == KK_CLI_NO_MEMBER) {
        return CKR_OK;
    }
    void *member = (char *)options + row->member;
    if (row->kind == KK_CLI_ROW_FLAG) {
        *(bool *)member = true;
        return CKR_OK;
    }
    if (row->kind == KK_CLI_ROW_PIN) {
        return kk_cli_pin_take(value, member);
    }
    *(const char **)member = value;
    return CKR_OK;
}

/* What the arguments said about actions. */
struct actions {
    const void *last;
    int count;
};

/* One option. False: the program ends with *ret_status. */
static bool take_option(const struct kk_cli_program *program, int code, void *options,
                        struct actions *actions, int *ret_status)
{
    const struct kk_cli_row *row = find_row(program, code);
    *ret_status = 1;
    if (row == NULL) {
        print_usage(program);
        return false;
    }
    if (prints_only(row)) {
        if (row->kind == KK_CLI_ROW_HELP) {
            print_usage(program);
        } else {
            printf("%s\n", COMPATIBLE_VERSION);
        }
        *ret_status = 0;
        return false;
    }
    if (store(options, row, optarg) != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not allocate memory.");
        return false;
    }
    if (row->kind == KK_CLI_ROW_ACTION) {
        actions->last = row->action;
        actions->count++;
    }
    return true;
}

static bool take_options(const struct kk_cli_program *program, int argc, char **argv,
                         const struct option *long_options, void *options, struct actions *actions,
                         int *ret_status)
{
    int code = 0;
    while ((code = getopt_long(argc, argv, "hv", long_options, NULL)) != -1) {
        if (!take_option(program, code, options, actions, ret_status)) {
            return false;
        }
    }
    return true;
}

bool kk_cli_options_parse(const struct kk_cli_program *program, int argc, char **argv,
                          void *options, const void **ret_action, int *ret_status)
{
    KK_CLEANUP(kk_freep) struct option *long_options = NULL;
    struct actions actions = {0};
    *ret_status = 1;
    if (kk_alloc_array(program->row_count + 1, sizeof *long_options, &long_options) != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not allocate memory.");
        return false;
    }
    make_long_options(program, long_options);
    if (!take_options(program, argc, argv, long_options, options, &actions, ret_status)) {
        return false;
    }
    if (argc <= 1 || actions.count != (has_actions(program) ? 1 : 0)) {
        print_usage(program);
        *ret_status = argc <= 1 ? program->bare_status : 1;
        return false;
    }
    *ret_action = actions.last;
    return true;
}
