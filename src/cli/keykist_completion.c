/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist completion: scripts for bash, zsh and fish, made from the tables of groups, commands and
 * options.
 */
#include <stdio.h>
#include <string.h>

#include "cli/keykist.h"
#include "cli/report.h"

#include "base/banned.h"

static CK_RV run_completion(struct kk_keykist *keykist);

static const struct kk_keykist_command commands[] = {
    {.name = "",
     .help = "Print a completion script for a shell",
     .more = "SHELL is bash, zsh or fish. For this session: source <(keykist completion bash),\n"
             "keykist completion fish | source.\n",
     .operand = "SHELL",
     .alone = true,
     .run = run_completion},
};

const struct kk_keykist_group kk_keykist_completion_group = {
    "completion", "Print a completion script for bash, zsh or fish", commands,
    KK_ARRAY_LEN(commands)};

static bool is_single(const struct kk_keykist_group *group)
{
    return group->commands[0].name[0] == '\0';
}

/* A description within single quotes of any of the three shells. */
static void put_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (*text != '\\' && *text != '[' && *text != ']' && *text != ':') {
            fputc(*text, stdout);
        }
    }
}

static void put_options(const struct kk_keykist_command *command)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    for (size_t n = 0; (option = kk_keykist_option(command, n, &is_own)) != NULL; n++) {
        printf("%s--%s", n > 0 ? " " : "", option->name);
    }
}

/* Options whose values are files. */
static void put_file_options(const struct kk_keykist_command *command)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    for (size_t n = 0; (option = kk_keykist_option(command, n, &is_own)) != NULL; n++) {
        if (option->value != NULL && strcmp(option->value, "FILE") == 0) {
            printf(" --%s", option->name);
        }
    }
}

/* Options whose values nobody can complete. */
static void put_value_options(const struct kk_keykist_command *command)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    for (size_t n = 0; (option = kk_keykist_option(command, n, &is_own)) != NULL; n++) {
        if (option->value != NULL && strcmp(option->value, "FILE") != 0) {
            printf(" --%s", option->name);
        }
    }
}

/* ---- bash ---- */

static void put_first_words(void)
{
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        printf("%s ", kk_keykist_groups[i]->name);
    }
    for (size_t i = 0; i < kk_keykist_shortcut_count; i++) {
        const char *name = kk_keykist_shortcuts[i].name;
        if (strcmp(name, kk_keykist_shortcuts[i].group->name) != 0) {
            printf("%s ", name);
        }
    }
    fputs("--help --version", stdout);
}

static void put_group_words(const struct kk_keykist_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        printf("%s ", group->commands[i].name);
    }
    fputs("--help", stdout);
}

static void bash_command(const char *words, const struct kk_keykist_command *command)
{
    printf("        '%s') options='", words);
    put_options(command);
    fputs("'; files='", stdout);
    put_file_options(command);
    fputs(" '; values='", stdout);
    put_value_options(command);
    printf(" '; operand='%s' ;;\n",
           command->operand != NULL && strncmp(command->operand, "FILE", 4) == 0 ? "file" : "");
}

static void bash_shortcuts(void)
{
    for (size_t i = 0; i < kk_keykist_shortcut_count; i++) {
        const struct kk_keykist_shortcut *word = &kk_keykist_shortcuts[i];
        for (size_t k = 0; k < word->group->count; k++) {
            if (strcmp(word->group->commands[k].name, word->command) == 0) {
                bash_command(word->name, &word->group->commands[k]);
            }
        }
    }
}

static void bash_commands(void)
{
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        const struct kk_keykist_group *group = kk_keykist_groups[i];
        for (size_t k = 0; k < group->count; k++) {
            bash_command(kk_keykist_words(group, &group->commands[k]).text, &group->commands[k]);
        }
    }
}

static void bash_groups(void)
{
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        if (!is_single(kk_keykist_groups[i])) {
            printf("            %s) words='", kk_keykist_groups[i]->name);
            put_group_words(kk_keykist_groups[i]);
            fputs("' ;;\n", stdout);
        }
    }
}

static void print_bash(void)
{
    fputs("# bash completion for keykist, made by \"keykist completion bash\"\n"
          "_keykist()\n"
          "{\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local words='' options='--help' files='' values='' operand=''\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W '",
          stdout);
    put_first_words();
    fputs("' -- \"$current\"))\n"
          "        return\n"
          "    fi\n"
          "    if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        case ${COMP_WORDS[1]} in\n",
          stdout);
    bash_groups();
    fputs("        esac\n"
          "        if [ -n \"$words\" ] && [ \"${current#-}\" = \"$current\" ]; then\n"
          "            COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
          "            return\n"
          "        fi\n"
          "    fi\n"
          "    local command=${COMP_WORDS[1]}\n"
          "    if [ \"${COMP_WORDS[2]#-}\" = \"${COMP_WORDS[2]}\" ] && [ \"$COMP_CWORD\" -gt 2 ]; "
          "then\n"
          "        command=\"$command ${COMP_WORDS[2]}\"\n"
          "    fi\n"
          "    case $command in\n",
          stdout);
    bash_commands();
    fputs("        *) case ${COMP_WORDS[1]} in\n", stdout);
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        const struct kk_keykist_group *group = kk_keykist_groups[i];
        if (is_single(group)) {
            fputs("    ", stdout);
            bash_command(group->name, &group->commands[0]);
        }
    }
    bash_shortcuts();
    fputs("        esac ;;\n"
          "    esac\n"
          "    case $values in *\" $previous \"*) return ;; esac\n"
          "    case $files in *\" $previous \"*) COMPREPLY=($(compgen -f -- \"$current\")); return "
          ";; esac\n"
          "    if [ \"${current#-}\" != \"$current\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
          "    elif [ \"$operand\" = file ]; then\n"
          "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
          "    fi\n"
          "}\n"
          "complete -o filenames -F _keykist keykist\n",
          stdout);
}

/* ---- zsh ---- */

static void zsh_arguments(const struct kk_keykist_command *command)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    fputs("_arguments -S", stdout);
    for (size_t n = 0; (option = kk_keykist_option(command, n, &is_own)) != NULL; n++) {
        bool is_file = option->value != NULL && strcmp(option->value, "FILE") == 0;
        printf(" \\\n                    '%s--%s%s[", option->kind == KK_OPTION_LIST ? "*" : "",
               option->name, option->value != NULL ? "=" : "");
        put_quoted(option->help);
        fputs("]", stdout);
        if (option->value != NULL) {
            printf(":%s:%s", option->value, is_file ? "_files" : "");
        }
        fputs("'", stdout);
    }
    fputs(command->operand != NULL && strncmp(command->operand, "FILE", 4) == 0
              ? " \\\n                    '*:file:_files' ;;\n"
              : " ;;\n",
          stdout);
}

static void zsh_group(const struct kk_keykist_group *group)
{
    printf("        %s)\n", group->name);
    if (is_single(group)) {
        fputs("            case x in x) shift words; (( CURRENT-- ));\n                ", stdout);
        zsh_arguments(&group->commands[0]);
        fputs("            esac ;;\n", stdout);
        return;
    }
    fputs("            if (( CURRENT == 3 )); then\n                local -a list=(", stdout);
    for (size_t i = 0; i < group->count; i++) {
        printf("\n                    '%s:", group->commands[i].name);
        put_quoted(group->commands[i].help);
        fputs("'", stdout);
    }
    fputs(")\n                _describe command list\n                return\n            fi\n"
          "            local name=$words[3]\n            shift 2 words; (( CURRENT -= 2 ))\n"
          "            case $name in\n",
          stdout);
    for (size_t i = 0; i < group->count; i++) {
        printf("                %s) ", group->commands[i].name);
        zsh_arguments(&group->commands[i]);
    }
    fputs("            esac ;;\n", stdout);
}

static void print_zsh(void)
{
    fputs("#compdef keykist\n"
          "# zsh completion for keykist, made by \"keykist completion zsh\"\n"
          "_keykist()\n"
          "{\n"
          "    if (( CURRENT == 2 )); then\n"
          "        local -a list=(",
          stdout);
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        printf("\n            '%s:", kk_keykist_groups[i]->name);
        put_quoted(kk_keykist_groups[i]->help);
        fputs("'", stdout);
    }
    fputs(")\n        _describe group list\n        return\n    fi\n    case $words[2] in\n",
          stdout);
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        zsh_group(kk_keykist_groups[i]);
    }
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = _keykist ]; then\n    _keykist \"$@\"\nelse\n"
          "    compdef _keykist keykist\nfi\n",
          stdout);
}

/* ---- fish ---- */

static void fish_options(const char *condition, const struct kk_keykist_command *command)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    for (size_t n = 0; (option = kk_keykist_option(command, n, &is_own)) != NULL; n++) {
        bool is_file = option->value != NULL && strcmp(option->value, "FILE") == 0;
        printf("complete -c keykist -n '%s' -l %s%s -d '", condition, option->name,
               is_file                 ? " -r -F"
               : option->value != NULL ? " -x"
                                       : "");
        put_quoted(option->help);
        fputs("'\n", stdout);
    }
    if (command->operand != NULL && strncmp(command->operand, "FILE", 4) == 0) {
        printf("complete -c keykist -n '%s' -F\n", condition);
    }
}

static void fish_group(const struct kk_keykist_group *group)
{
    char condition[160];
    printf("complete -c keykist -n __fish_use_subcommand -a %s -d '", group->name);
    put_quoted(group->help);
    fputs("'\n", stdout);
    for (size_t i = 0; i < group->count; i++) {
        const struct kk_keykist_command *command = &group->commands[i];
        if (is_single(group)) {
            (void)snprintf(condition, sizeof condition, "__keykist_is %s", group->name);
        } else {
            (void)snprintf(condition, sizeof condition, "__keykist_is %s %s", group->name,
                           command->name);
            printf("complete -c keykist -n '__keykist_group %s' -a %s -d '", group->name,
                   command->name);
            put_quoted(command->help);
            fputs("'\n", stdout);
        }
        fish_options(condition, command);
    }
}

static void print_fish(void)
{
    fputs("# fish completion for keykist, made by \"keykist completion fish\"\n"
          "function __keykist_is\n"
          "    set -l words (commandline -opc)\n"
          "    test (count $words) -gt (count $argv); or return 1\n"
          "    test \"$words[2..\"(math 1 + (count $argv))\"]\" = \"$argv\"\n"
          "end\n"
          "function __keykist_group\n"
          "    set -l words (commandline -opc)\n"
          "    test (count $words) -eq 2; and test \"$words[2]\" = \"$argv[1]\"\n"
          "end\n"
          "complete -c keykist -f\n",
          stdout);
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        fish_group(kk_keykist_groups[i]);
    }
}

/* ---- the command ---- */

static CK_RV run_completion(struct kk_keykist *keykist)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < KK_ARRAY_LEN(shells); i++) {
        if (strcmp(shells[i].shell, keykist->operand) == 0) {
            shells[i].print();
            return CKR_OK;
        }
    }
    return kk_cli_error("there is completion for bash, zsh and fish, not for \"%s\"",
                        keykist->operand);
}
