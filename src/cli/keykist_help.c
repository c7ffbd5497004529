/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The help, made from the tables.
 */
#include "cli/keykist.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static void print_row(const char *name, int width, const char *help)
{
    printf("  %-*s  %s\n", width, name, help);
}

void kk_keykist_print_help(void)
{
    printf("Administers Keykist's tokens and what is in them.\n\n"
           "Usage: keykist GROUP COMMAND [OPTIONS]\n\n"
           "Groups:\n");
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        print_row(kk_keykist_groups[i]->name, 10, kk_keykist_groups[i]->help);
    }
    printf("\n\"keykist GROUP --help\" lists a group's commands, \"keykist GROUP COMMAND --help\"\n"
           "a command's options. \"keykist --version\" prints the version.\n");
}

void kk_keykist_print_group_help(const struct kk_keykist_group *group)
{
    printf("%s.\n\nUsage: keykist %s COMMAND [OPTIONS]\n\nCommands:\n", group->help, group->name);
    for (size_t i = 0; i < group->count; i++) {
        print_row(group->commands[i].name, 10, group->commands[i].help);
    }
    printf("\n\"keykist %s COMMAND --help\" lists a command's options.\n", group->name);
}

#define OPTION_WIDTH 22

void kk_keykist_print_command_help(const struct kk_keykist_group *group,
                                   const struct kk_keykist_command *command)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    printf("%s.\n%s\nUsage: keykist %s %s [OPTIONS]%s%s\n\nOptions:\n", command->help,
           command->more != NULL ? command->more : "", group->name, command->name,
           command->operand != NULL ? " " : "", command->operand != NULL ? command->operand : "");
    for (size_t n = 0; (option = kk_keykist_option(command, n, &is_own)) != NULL; n++) {
        char name[64];
        (void)snprintf(name, sizeof name, "--%s%s%s", option->name,
                       option->value != NULL ? " " : "",
                       option->value != NULL ? option->value : "");
        print_row(name, OPTION_WIDTH, option->help);
    }
}
