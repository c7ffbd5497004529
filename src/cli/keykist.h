/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist: what its files share. A command is one row: group, name, help, what it takes, function.
 * Command line, help and dispatch follow from the rows.
 *
 * A command's function does the work, prints when all of it is done, and returns CKR_OK or a
 * failure that it has said (kk_cli_error(), kk_keykist_failed()).
 */
#pragma once

#include <stddef.h>

#include "cli/json.h"
#include "cli/module.h"
#include "cli/pin.h"
#include "cli/select.h"
#include "cli/table.h"
#include "cli/uri.h"

/* Options that many commands have; what was not given is NULL or false. */
struct kk_keykist_options {
    const char *module;
    const char *token;
    const char *serial;
    const char *slot;
    const char *uri;
    struct kk_cli_pin_source pin;
    struct kk_cli_pin_source so_pin;
    struct kk_cli_pin_source new_pin;
    bool json;
    bool yes;
    bool help;
};

/* Which of them a command takes, beside --module, --json and --help. */
enum kk_keykist_takes {
    KK_TAKES_TOKEN = 1, /* --token, --serial, --slot, --uri; a URI as a word of its own too */
    KK_TAKES_PIN = 2,
    KK_TAKES_SO_PIN = 4,
    KK_TAKES_NEW_PIN = 8,
    KK_TAKES_YES = 16,
    KK_TAKES_FREE_SLOT = 32, /* --slot alone: for what is made new */
};

enum kk_option_kind {
    KK_OPTION_TEXT, /* const char * */
    KK_OPTION_PIN,  /* struct kk_secret *, wiped from the command line; freed at the end */
    KK_OPTION_FLAG, /* bool */
    KK_OPTION_LIST  /* struct kk_option_list: it may be given several times */
};

#define KK_OPTION_LIST_MAX 16
struct kk_option_list {
    const char *items[KK_OPTION_LIST_MAX];
    size_t count;
};

struct kk_option {
    const char *name;
    const char *value; /* what the help calls its value; NULL for a flag */
    enum kk_option_kind kind;
    size_t member; /* where it goes in the structure that the table is for */
    const char *help;
};

struct kk_keykist;

struct kk_keykist_command {
    const char *name;                /* "": the group is this one command */
    const char *help;                /* one line, an order without a full stop */
    const char *more;                /* further lines of its own help; NULL: none */
    unsigned int takes;              /* enum kk_keykist_takes */
    const char *operand;             /* "FILE": the one word that it needs; NULL: none */
    bool many_operands;              /* one or more of them ("FILE...") */
    bool operand_is_optional;        /* or none */
    size_t own_size;                 /* of the structure of its own options; 0: none */
    const struct kk_option *options; /* its own */
    size_t option_count;
    bool passes_on; /* all words behind it are operands, those with dashes too */
    bool alone;     /* the module is not started before: run() needs none, or starts it itself */
    CK_RV (*run)(struct kk_keykist *keykist);
};

struct kk_keykist_group {
    const char *name;
    const char *help;
    const struct kk_keykist_command *commands;
    size_t count;
};

/* A word in the place of a group and one of its commands; a group's own name, when options follow
 * it at once. */
struct kk_keykist_shortcut {
    const char *name;
    const struct kk_keykist_group *group;
    const char *command;
};

/* One run of the program. */
struct kk_keykist {
    const struct kk_keykist_group *group;
    const struct kk_keykist_command *command;
    struct kk_keykist_options options;
    void *own;             /* the command's own options */
    const char *operand;   /* the first one; NULL: there is none */
    const char **operands; /* all of them */
    size_t operand_count;
    struct kk_module module; /* started before run() */
    struct kk_uri uri;       /* of --uri */
    char *uri_id;            /* its id in hexadecimal digits */
};

extern const struct kk_keykist_group *const kk_keykist_groups[];
extern const size_t kk_keykist_group_count;
extern const struct kk_keykist_shortcut kk_keykist_shortcuts[];
extern const size_t kk_keykist_shortcut_count;

/* A group's table is in a file of its own. */
extern const struct kk_keykist_group kk_keykist_audit_group;
extern const struct kk_keykist_group kk_keykist_bench_group;
extern const struct kk_keykist_group kk_keykist_token_group;
extern const struct kk_keykist_group kk_keykist_pin_group;
extern const struct kk_keykist_group kk_keykist_user_group;
extern const struct kk_keykist_group kk_keykist_doctor_group;
extern const struct kk_keykist_group kk_keykist_backup_group;
extern const struct kk_keykist_group kk_keykist_object_group;
extern const struct kk_keykist_group kk_keykist_key_group;
extern const struct kk_keykist_group kk_keykist_cert_group;
extern const struct kk_keykist_group kk_keykist_completion_group;
extern const struct kk_keykist_group kk_keykist_config_group;
extern const struct kk_keykist_group kk_keykist_mechanism_group;
extern const struct kk_keykist_group kk_keykist_digest_group;
extern const struct kk_keykist_group kk_keykist_random_group;
extern const struct kk_keykist_group kk_keykist_pepper_group;
extern const struct kk_keykist_group kk_keykist_slot_group;
extern const struct kk_keykist_group kk_keykist_trace_group;

/* ---- keykist_options.c ---- */

/* What a run ends with when there is nothing left to do. */
enum kk_keykist_parsed { KK_PARSED_RUN, KK_PARSED_DONE, KK_PARSED_WRONG };

/* Reads the command line. DONE: help or version was printed; WRONG: what is wrong was said. */
enum kk_keykist_parsed kk_keykist_parse(int argc, char **argv, struct kk_keykist *keykist);
void kk_keykist_options_clear(struct kk_keykist *keykist);

/* The n-th option that the command takes, and where it is to be stored; NULL: there is none. */
const struct kk_option *kk_keykist_option(const struct kk_keykist_command *command, size_t n,
                                          bool *ret_is_own);

/* ---- keykist_uri.c ---- */

/* Reads --uri into the options that were not given. What is wrong is said. */
KK_RV kk_keykist_uri_apply(struct kk_keykist *keykist);
void kk_keykist_uri_clear(struct kk_keykist *keykist);

/* Whether a token fits what the URI says beyond label, serial number and slot. */
bool kk_keykist_uri_fits(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                         const CK_TOKEN_INFO *info);

/* The attributes of a URI that name a token (kk_uri_begin() comes before). */
void kk_keykist_uri_put_token(struct kk_buffer *out, const CK_TOKEN_INFO *info);

/* ---- keykist_help.c ---- */

/* What is typed to get there: "token list", or "doctor". `command` may be NULL. */
struct kk_keykist_words {
    char text[64];
};
struct kk_keykist_words kk_keykist_words(const struct kk_keykist_group *group,
                                         const struct kk_keykist_command *command);

void kk_keykist_print_help(void);
void kk_keykist_print_group_help(const struct kk_keykist_group *group);
void kk_keykist_print_command_help(const struct kk_keykist_group *group,
                                   const struct kk_keykist_command *command);

/* ---- keykist_common.c: what commands do ---- */

/* "<what>: the PIN is wrong (CKR_PIN_INCORRECT)." `what` is a clause like "Could not log in".
 * Returns CKR_FUNCTION_FAILED. */
CK_RV kk_keykist_failed(CK_RV rv, const char *what);

/* The one token that --token, --serial, --slot choose; when none of them was given, the only token
 * that there is. */
KK_RV kk_keykist_find_token(const struct kk_keykist *keykist, CK_SLOT_ID *ret_slot,
                            CK_TOKEN_INFO *ret_info);

/* The vendor interface, where the module has one of at least this minor version and all that came
 * with it. CKR_FUNCTION_FAILED, said. */
KK_RV kk_keykist_vendor(const struct kk_keykist *keykist, CK_BYTE minor,
                        const CK_KEYKIST_FUNCTIONS **ret_vendor);

/* The PIN of an option, or of the terminal (asked on stderr). `what` is how it is called: "user
 * PIN". A new one is asked for twice. */
KK_RV kk_keykist_pin(const struct kk_cli_pin_source *source, const char *option, const char *what,
                     bool is_new, struct kk_secret **ret_pin);

/* Whether any of the source's three was given. */
bool kk_keykist_pin_is_given(const struct kk_cli_pin_source *source);

/* Asks on the terminal whether to do what cannot be undone, unless --yes was given. `what` is a
 * clause: "All objects of the token \"x\" will be lost". */
KK_RV kk_keykist_confirm(const struct kk_keykist *keykist, const char *what);

/* A session, closed with its login by kk_keykist_close(). Zero-initialise. */
struct kk_keykist_session {
    CK_FUNCTION_LIST_PTR p11;
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID slot;
    bool open;
};
KK_RV kk_keykist_open(const struct kk_keykist *keykist, CK_SLOT_ID slot, bool writable,
                      struct kk_keykist_session *ret_session);
KK_RV kk_keykist_login(const struct kk_keykist_session *session, CK_USER_TYPE user,
                       const struct kk_secret *pin);
void kk_keykist_close(struct kk_keykist_session *session);

/* A field of a token as text for a message: without padding, fit for a terminal. */
struct kk_keykist_name {
    char text[200];
};
struct kk_keykist_name kk_keykist_name(const CK_UTF8CHAR *field, size_t len);

/* What changed, in one line; with --json the same as a document of two members. */
KK_RV kk_keykist_say(const struct kk_keykist *keykist, const CK_TOKEN_INFO *token, CK_SLOT_ID slot,
                     const char *what);

/* ---- the commands ---- */

CK_RV kk_keykist_token_list(struct kk_keykist *keykist);
CK_RV kk_keykist_token_show(struct kk_keykist *keykist);
CK_RV kk_keykist_token_init(struct kk_keykist *keykist);
CK_RV kk_keykist_token_delete(struct kk_keykist *keykist);
CK_RV kk_keykist_pin_change(struct kk_keykist *keykist);
CK_RV kk_keykist_pin_init(struct kk_keykist *keykist);
CK_RV kk_keykist_user_add(struct kk_keykist *keykist);
CK_RV kk_keykist_user_remove(struct kk_keykist *keykist);
CK_RV kk_keykist_user_list(struct kk_keykist *keykist);
CK_RV kk_keykist_user_show(struct kk_keykist *keykist);
CK_RV kk_keykist_pin_reset(struct kk_keykist *keykist);
CK_RV kk_keykist_audit_show(struct kk_keykist *keykist);
CK_RV kk_keykist_audit_verify(struct kk_keykist *keykist);
CK_RV kk_keykist_pin_seal(struct kk_keykist *keykist);
CK_RV kk_keykist_pepper_create(struct kk_keykist *keykist);

CK_RV kk_keykist_slot_list(struct kk_keykist *keykist);
CK_RV kk_keykist_slot_show(struct kk_keykist *keykist);
CK_RV kk_keykist_slot_unplug(struct kk_keykist *keykist);
CK_RV kk_keykist_slot_plug(struct kk_keykist *keykist);

CK_RV kk_keykist_token_check(struct kk_keykist *keykist);
CK_RV kk_keykist_token_repair(struct kk_keykist *keykist);
CK_RV kk_keykist_token_rekey(struct kk_keykist *keykist);

struct kk_keykist_check_options {
    bool login;
};
struct kk_keykist_repair_options {
    bool replace;
};
struct kk_keykist_rekey_options {
    const char *so_recovery;
};
CK_RV kk_keykist_token_upgrade(struct kk_keykist *keykist);
CK_RV kk_keykist_token_downgrade(struct kk_keykist *keykist);

struct kk_keykist_convert_options {
    bool purge;
    bool no_trust; /* upgrade only */
};
CK_RV kk_keykist_backup_create(struct kk_keykist *keykist);
CK_RV kk_keykist_backup_show(struct kk_keykist *keykist);
CK_RV kk_keykist_backup_verify(struct kk_keykist *keykist);
CK_RV kk_keykist_backup_restore(struct kk_keykist *keykist);

struct kk_keykist_init_options {
    const char *label;
};
struct kk_keykist_show_options {
    const char *since;
    const char *event;
};
struct kk_keykist_user_options {
    const char *name;
};
struct kk_keykist_change_options {
    bool so;
};
struct kk_keykist_backup_options {
    const char *out;
    struct kk_option_list recipients;
    struct kk_cli_pin_source passphrase;
    const char *identity;
    bool replace;
    bool damaged;
    bool rekey;
};
/* Where the TPM is to seal into. */
struct kk_keykist_seal_options {
    const char *file;
    const char *pcrs;
};
#define KK_KEYKIST_SEAL_OPTIONS                                                                    \
    {"tpm2", "FILE", KK_OPTION_TEXT, offsetof(struct kk_keykist_seal_options, file),               \
     "Seal it by the TPM, and write that into this file"},                                         \
        {"pcrs", "LIST", KK_OPTION_TEXT, offsetof(struct kk_keykist_seal_options, pcrs),           \
         "Only while these PCRs (SHA-256) stay as they are: \"7,11\""}
