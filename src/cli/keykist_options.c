/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of keykist: GROUP COMMAND, then options in any order.
 */
#include "cli/keykist.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

#define MEMBER(name) offsetof(struct kk_keykist_options, name)

struct common_option {
    unsigned int takes; /* any of these; 0: every command */
    struct kk_option option;
};

/* clang-format off */
static const struct common_option common_options[] = {
    {KK_TAKES_TOKEN, {"token", "LABEL", KK_OPTION_TEXT, MEMBER(token),
     "The token with this label"}},
    {KK_TAKES_TOKEN, {"serial", "SERIAL", KK_OPTION_TEXT, MEMBER(serial),
     "The token with this serial number"}},
    {KK_TAKES_TOKEN | KK_TAKES_FREE_SLOT, {"slot", "NUMBER", KK_OPTION_TEXT, MEMBER(slot),
     "The token in this slot"}},
    {KK_TAKES_TOKEN, {"uri", "URI", KK_OPTION_TEXT, MEMBER(uri),
     "Token, object and PIN as a PKCS#11 URI; --uri may be left out"}},
    {KK_TAKES_PIN, {"pin", "PIN", KK_OPTION_PIN, MEMBER(pin.value),
     "The user's PIN (others may see it: better the next three)"}},
    {KK_TAKES_PIN, {"pin-file", "FILE", KK_OPTION_TEXT, MEMBER(pin.file),
     "The user's PIN is the file's first line"}},
    {KK_TAKES_PIN, {"pin-env", "NAME", KK_OPTION_TEXT, MEMBER(pin.env),
     "The user's PIN is in this environment variable"}},
    {KK_TAKES_PIN, {"pin-fd", "NUMBER", KK_OPTION_TEXT, MEMBER(pin.fd),
     "The user's PIN is the next line of this file descriptor"}},
    {KK_TAKES_SO_PIN, {"so-pin", "PIN", KK_OPTION_PIN, MEMBER(so_pin.value),
     "The security officer's (SO's) PIN"}},
    {KK_TAKES_SO_PIN, {"so-pin-file", "FILE", KK_OPTION_TEXT, MEMBER(so_pin.file),
     "The SO's PIN is the file's first line"}},
    {KK_TAKES_SO_PIN, {"so-pin-env", "NAME", KK_OPTION_TEXT, MEMBER(so_pin.env),
     "The SO's PIN is in this environment variable"}},
    {KK_TAKES_SO_PIN, {"so-pin-fd", "NUMBER", KK_OPTION_TEXT, MEMBER(so_pin.fd),
     "The SO's PIN is the next line of this file descriptor"}},
    {KK_TAKES_NEW_PIN, {"new-pin", "PIN", KK_OPTION_PIN, MEMBER(new_pin.value),
     "The new PIN"}},
    {KK_TAKES_NEW_PIN, {"new-pin-file", "FILE", KK_OPTION_TEXT, MEMBER(new_pin.file),
     "The new PIN is the file's first line"}},
    {KK_TAKES_NEW_PIN, {"new-pin-env", "NAME", KK_OPTION_TEXT, MEMBER(new_pin.env),
     "The new PIN is in this environment variable"}},
    {KK_TAKES_NEW_PIN, {"new-pin-fd", "NUMBER", KK_OPTION_TEXT, MEMBER(new_pin.fd),
     "The new PIN is the next line of this file descriptor"}},
    {KK_TAKES_YES, {"yes", NULL, KK_OPTION_FLAG, MEMBER(yes),
     "Do not ask whether to do it"}},
    {0, {"json", NULL, KK_OPTION_FLAG, MEMBER(json),
     "Print one JSON document"}},
    {0, {"module", "FILE", KK_OPTION_TEXT, MEMBER(module),
     "Use this PKCS#11 module instead of Keykist's own"}},
    {0, {"help", NULL, KK_OPTION_FLAG, MEMBER(help),
     "Print this help"}},
};
/* clang-format on */

const struct kk_option *kk_keykist_option(const struct kk_keykist_command *command, size_t n,
                                          bool *ret_is_own)
{
    *ret_is_own = n < command->option_count;
    if (*ret_is_own) {
        return &command->options[n];
    }
    n -= command->option_count;
    for (size_t i = 0; i < KK_ARRAY_LEN(common_options); i++) {
        unsigned int takes = common_options[i].takes;
        if ((takes == 0 || (takes & command->takes) != 0) && n-- == 0) {
            return &common_options[i].option;
        }
    }
    return NULL;
}

/* ---- the nearest known word ---- */

struct nearest {
    const char *given;
    const char *best;
    size_t distance;
};

static void consider(struct nearest *nearest, const char *word)
{
    size_t distance = kk_text_distance(nearest->given, word);
    if (distance < nearest->distance) {
        nearest->best = word;
        nearest->distance = distance;
    }
}

/* Words that differ by more have nothing to do with each other. */
static struct nearest nearest_to(const char *given)
{
    size_t len = strlen(given);
    return (struct nearest){.given = given, .distance = len < 4 ? 2 : 3};
}

/* "unknown WHAT "x"; nearest is "y"; see "keykist GROUP COMMAND --help"." */
static enum kk_keykist_parsed unknown(const struct kk_keykist *keykist, const char *what,
                                      const char *dashes, const struct nearest *nearest)
{
    bool known = nearest->best != NULL;
    struct kk_keykist_words words = {""};
    if (keykist->group != NULL) {
        words = kk_keykist_words(keykist->group, keykist->command);
    }
    (void)kk_cli_error("unknown %s \"%s%s\"%s%s%s%s; see \"keykist%s%s --help\"", what, dashes,
                       nearest->given, known ? "; nearest is \"" : "", known ? dashes : "",
                       known ? nearest->best : "", known ? "\"" : "",
                       keykist->group != NULL ? " " : "", words.text);
    return KK_PARSED_WRONG;
}

/* ---- options ---- */

struct arguments {
    char **at; /* the next one */
    char **end;
};

/* The option of that name, and the structure that it goes into. */
static const struct kk_option *find_option(struct kk_keykist *keykist, const char *name,
                                           size_t name_len, void **ret_base,
                                           struct nearest *nearest)
{
    const struct kk_option *option = NULL;
    bool is_own = false;
    for (size_t n = 0; (option = kk_keykist_option(keykist->command, n, &is_own)) != NULL; n++) {
        if (kk_mem_equal(option->name, strlen(option->name), name, name_len)) {
            *ret_base = is_own ? keykist->own : &keykist->options;
            return option;
        }
        consider(nearest, option->name);
    }
    return NULL;
}

static KK_RV list_add(struct kk_option_list *list, const char *value)
{
    KK_ENSURE(list->count < KK_OPTION_LIST_MAX, CKR_ARGUMENTS_BAD);
    list->items[list->count++] = value;
    return CKR_OK;
}

static KK_RV store(const struct kk_option *option, void *base, char *value)
{
    void *member = (char *)base + option->member;
    switch (option->kind) {
    case KK_OPTION_FLAG:
        *(bool *)member = true;
        break;
    case KK_OPTION_TEXT:
        *(const char **)member = value;
        break;
    case KK_OPTION_PIN:
        return kk_cli_pin_take(value, member);
    case KK_OPTION_LIST:
        return list_add(member, value);
    }
    return CKR_OK;
}

static enum kk_keykist_parsed wrong(const struct kk_keykist *keykist, const char *text,
                                    const char *dashes, const char *name)
{
    (void)kk_cli_error("%s%s %s; see \"keykist %s --help\"", dashes, name, text,
                       kk_keykist_words(keykist->group, keykist->command).text);
    return KK_PARSED_WRONG;
}

/* `text` is behind the dashes: "name", "name=value", or "name" with its value in the next word. */
static enum kk_keykist_parsed take_option(struct kk_keykist *keykist, char *text,
                                          struct arguments *arguments)
{
    char name[64] = "";
    void *base = NULL;
    char *value = strchr(text, '=');
    size_t len = value != NULL ? (size_t)(value - text) : strlen(text);
    memcpy(name, text, KK_MIN(len, sizeof name - 1));
    struct nearest nearest = nearest_to(name);
    const struct kk_option *option = find_option(keykist, text, len, &base, &nearest);
    if (option == NULL) {
        return unknown(keykist, "option", "--", &nearest);
    }
    if (option->kind == KK_OPTION_FLAG && value != NULL) {
        return wrong(keykist, "takes no value", "--", name);
    }
    if (value != NULL) {
        value++;
    } else if (option->kind != KK_OPTION_FLAG) {
        if (arguments->at == arguments->end) {
            return wrong(keykist, "needs a value", "--", name);
        }
        value = *arguments->at++;
    }
    CK_RV rv = store(option, base, value);
    if (rv == CKR_ARGUMENTS_BAD) {
        return wrong(keykist, "is given too often", "--", name);
    }
    if (rv != CKR_OK) {
        (void)kk_cli_error("there is not enough memory");
        return KK_PARSED_WRONG;
    }
    return KK_PARSED_RUN;
}

static enum kk_keykist_parsed add_operand(struct kk_keykist *keykist, const char *text)
{
    if (kk_realloc_array(&keykist->operands, keykist->operand_count + 1,
                         sizeof *keykist->operands) != CKR_OK) {
        (void)kk_cli_error("there is not enough memory");
        return KK_PARSED_WRONG;
    }
    keykist->operands[keykist->operand_count++] = text;
    keykist->operand = keykist->operands[0];
    return KK_PARSED_RUN;
}

static enum kk_keykist_parsed take_operand(struct kk_keykist *keykist, const char *text)
{
    const struct kk_keykist_command *command = keykist->command;
    if (kk_uri_is(text) && (command->takes & KK_TAKES_TOKEN) != 0) {
        if (keykist->options.uri != NULL) {
            return wrong(keykist, "is one URI too many", "", text);
        }
        keykist->options.uri = text;
        return KK_PARSED_RUN;
    }
    if (command->operand == NULL || (keykist->operand != NULL && !command->many_operands)) {
        return wrong(keykist, "is one word too many", "", text);
    }
    return add_operand(keykist, text);
}

static enum kk_keykist_parsed pass_on(struct kk_keykist *keykist, struct arguments *arguments)
{
    enum kk_keykist_parsed parsed = KK_PARSED_RUN;
    while (parsed == KK_PARSED_RUN && arguments->at < arguments->end) {
        parsed = add_operand(keykist, *arguments->at++);
    }
    return parsed;
}

static enum kk_keykist_parsed take_arguments(struct kk_keykist *keykist,
                                             struct arguments *arguments)
{
    bool options_ended = false;
    while (arguments->at < arguments->end) {
        char *text = *arguments->at++;
        enum kk_keykist_parsed parsed = KK_PARSED_RUN;
        if (!options_ended && strcmp(text, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && strcmp(text, "-h") == 0) {
            keykist->options.help = true;
        } else if (!options_ended && strncmp(text, "--", 2) == 0) {
            parsed = take_option(keykist, text + 2, arguments);
        } else if (!options_ended && text[0] == '-' && text[1] != '\0') {
            struct nearest nearest = {.given = text + 1};
            parsed = unknown(keykist, "option", "-", &nearest);
        } else {
            parsed = take_operand(keykist, text);
        }
        if (parsed != KK_PARSED_RUN) {
            return parsed;
        }
    }
    return KK_PARSED_RUN;
}

/* To a person at a terminal; scripts have made their choice. */
static void warn_of_pins(const struct kk_keykist *keykist)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool given = options->pin.value != NULL || options->so_pin.value != NULL ||
                 options->new_pin.value != NULL;
    if (given && isatty(STDERR_FILENO) != 0) {
        fprintf(stderr, "keykist: note: others on this machine, and your shell's history, may see "
                        "a PIN on the command line; better are -file, -env, -fd or the prompt\n");
    }
}

static enum kk_keykist_parsed parse_command(struct kk_keykist *keykist, struct arguments *arguments)
{
    if (keykist->command->passes_on) {
        return pass_on(keykist, arguments);
    }
    if (keykist->command->own_size > 0 &&
        kk_alloc(keykist->command->own_size, &keykist->own) != CKR_OK) {
        (void)kk_cli_error("there is not enough memory");
        return KK_PARSED_WRONG;
    }
    enum kk_keykist_parsed parsed = take_arguments(keykist, arguments);
    if (parsed != KK_PARSED_RUN) {
        return parsed;
    }
    if (keykist->options.help) {
        kk_keykist_print_command_help(keykist->group, keykist->command);
        return KK_PARSED_DONE;
    }
    if (keykist->command->operand != NULL && keykist->operand == NULL &&
        !keykist->command->operand_is_optional) {
        return wrong(keykist, "is missing", "", keykist->command->operand);
    }
    warn_of_pins(keykist);
    return kk_keykist_uri_apply(keykist) == CKR_OK ? KK_PARSED_RUN : KK_PARSED_WRONG;
}

/* ---- group and command ---- */

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* The group's command of that name; NULL: there is none. */
static const struct kk_keykist_command *find_command(const struct kk_keykist_group *group,
                                                     const char *name)
{
    for (size_t i = 0; i < group->count; i++) {
        if (strcmp(group->commands[i].name, name) == 0) {
            return &group->commands[i];
        }
    }
    return NULL;
}

/* Sets group and command when it is a word that stands for both. */
static bool find_word(const char *name, struct kk_keykist *keykist)
{
    for (size_t i = 0; i < kk_keykist_shortcut_count; i++) {
        const struct kk_keykist_shortcut *word = &kk_keykist_shortcuts[i];
        if (strcmp(word->name, name) == 0) {
            keykist->group = word->group;
            keykist->command = find_command(word->group, word->command);
            return true;
        }
    }
    return false;
}

static enum kk_keykist_parsed parse_group(struct kk_keykist *keykist, struct arguments *arguments)
{
    const struct kk_keykist_group *group = keykist->group;
    if (group->commands[0].name[0] == '\0') {
        keykist->command = &group->commands[0];
        return parse_command(keykist, arguments);
    }
    if (arguments->at < arguments->end && arguments->at[0][0] == '-' &&
        !is_help(arguments->at[0]) && find_word(group->name, keykist)) {
        return parse_command(keykist, arguments);
    }
    if (arguments->at == arguments->end) {
        (void)kk_cli_error("which command? See \"keykist %s --help\"", keykist->group->name);
        return KK_PARSED_WRONG;
    }
    const char *word = *arguments->at++;
    struct nearest nearest = nearest_to(word);
    if (is_help(word)) {
        kk_keykist_print_group_help(keykist->group);
        return KK_PARSED_DONE;
    }
    keykist->command = find_command(group, word);
    if (keykist->command != NULL) {
        return parse_command(keykist, arguments);
    }
    for (size_t i = 0; i < group->count; i++) {
        consider(&nearest, group->commands[i].name);
    }
    return unknown(keykist, "command", "", &nearest);
}

enum kk_keykist_parsed kk_keykist_parse(int argc, char **argv, struct kk_keykist *keykist)
{
    struct arguments arguments = {.at = argv + KK_MIN(argc, 1), .end = argv + argc};
    if (arguments.at == arguments.end) {
        (void)kk_cli_error("what is to be done? See \"keykist --help\"");
        return KK_PARSED_WRONG;
    }
    const char *word = *arguments.at++;
    struct nearest nearest = nearest_to(word);
    if (is_help(word)) {
        kk_keykist_print_help();
        return KK_PARSED_DONE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("keykist %s\n", KK_VERSION);
        return KK_PARSED_DONE;
    }
    for (size_t i = 0; i < kk_keykist_group_count; i++) {
        if (strcmp(kk_keykist_groups[i]->name, word) == 0) {
            keykist->group = kk_keykist_groups[i];
            return parse_group(keykist, &arguments);
        }
        consider(&nearest, kk_keykist_groups[i]->name);
    }
    if (find_word(word, keykist)) {
        return parse_command(keykist, &arguments);
    }
    for (size_t i = 0; i < kk_keykist_shortcut_count; i++) {
        consider(&nearest, kk_keykist_shortcuts[i].name);
    }
    return unknown(keykist, word[0] == '-' ? "option" : "command", "", &nearest);
}

void kk_keykist_options_clear(struct kk_keykist *keykist)
{
    const struct kk_keykist_command *command = keykist->command;
    for (size_t i = 0; keykist->own != NULL && i < command->option_count; i++) {
        const struct kk_option *option = &command->options[i];
        if (option->kind == KK_OPTION_PIN) {
            kk_secret_free(*(struct kk_secret **)((char *)keykist->own + option->member));
        }
    }
    kk_keykist_uri_clear(keykist);
    kk_free(keykist->own);
    kk_free(keykist->operands);
    keykist->operands = NULL;
    kk_secret_free(keykist->options.pin.value);
    kk_secret_free(keykist->options.so_pin.value);
    kk_secret_free(keykist->options.new_pin.value);
    keykist->own = NULL;
    keykist->options = (struct kk_keykist_options){0};
}
