/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist token: its commands, and those that only look.
 */
#include "cli/keykist.h"

#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

static const struct kk_option init_options[] = {
    {"label", "LABEL", KK_OPTION_TEXT, offsetof(struct kk_keykist_init_options, label),
     "The label of the new token"},
};

static const struct kk_option check_options[] = {
    {"login", NULL, KK_OPTION_FLAG, offsetof(struct kk_keykist_check_options, login),
     "Ask for the user's PIN and check private objects too"},
};

static const struct kk_option repair_options[] = {
    {"replace", NULL, KK_OPTION_FLAG, offsetof(struct kk_keykist_repair_options, replace),
     "Keep the serial number, and delete the damaged token"},
};

static const struct kk_option rekey_options[] = {
    {"so-recovery", "on|off", KK_OPTION_TEXT,
     offsetof(struct kk_keykist_rekey_options, so_recovery),
     "Whether the SO can reset a PIN and keep the objects"},
};

#define PURGE_OPTION                                                                               \
    {"purge", NULL, KK_OPTION_FLAG, offsetof(struct kk_keykist_convert_options, purge),            \
     "Delete what the token was before it was converted"}

static const struct kk_option upgrade_options[] = {
    PURGE_OPTION,
    {"no-trust", NULL, KK_OPTION_FLAG, offsetof(struct kk_keykist_convert_options, no_trust),
     "Trust no object: CKA_TRUSTED is false in the new token"},
};

static const struct kk_option downgrade_options[] = {PURGE_OPTION};

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "list", .help = "List the tokens",
     .run = kk_keykist_token_list},
    {.name = "show", .help = "Show what a token says of itself without a PIN",
     .takes = KK_TAKES_TOKEN, .run = kk_keykist_token_show},
    {.name = "init", .help = "Make a token, or empty one that there is",
     .more = "Without --slot, a new token is made. With the slot of a token that there is, all its\n"
             "objects are lost and its PINs are new; --so-pin must then be its SO's PIN.\n",
     .takes = KK_TAKES_FREE_SLOT | KK_TAKES_SO_PIN | KK_TAKES_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_keykist_init_options),
     .options = init_options, .option_count = KK_ARRAY_LEN(init_options),
     .run = kk_keykist_token_init},
    {.name = "delete", .help = "Delete a token with everything in it",
     .takes = KK_TAKES_TOKEN | KK_TAKES_YES, .run = kk_keykist_token_delete},
    {.name = "check", .help = "Check a whole token for damage",
     .more = "Without a PIN, what can be seen without one; with a PIN, every object is opened. Exit\n"
             "status 0: sound; 1: damaged, and each finding is listed.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN,
     .own_size = sizeof(struct kk_keykist_check_options),
     .options = check_options, .option_count = KK_ARRAY_LEN(check_options),
     .run = kk_keykist_token_check},
    {.name = "repair", .help = "Make a new token of what is sound in a damaged one",
     .more = "The new token has the same label and the PINs given here, which are the old one's. The old\n"
             "token stays as it is, unless --replace is given.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_keykist_repair_options),
     .options = repair_options, .option_count = KK_ARRAY_LEN(repair_options),
     .run = kk_keykist_token_repair},
    {.name = "rekey", .help = "Give a token new keys, after a PIN or a copy got into wrong hands",
     .more = "Needs both PINs, which stay. Named users are removed, all logins end. Interrupted, it is\n"
             "finished by the same command with one PIN.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN,
     .own_size = sizeof(struct kk_keykist_rekey_options),
     .options = rekey_options, .option_count = KK_ARRAY_LEN(rekey_options),
     .run = kk_keykist_token_rekey},
    {.name = "upgrade", .help = "Make a sealed token of one in SoftHSM's format",
     .more = "Serial number, slot, label, PINs, objects and their ids stay. Every object is compared, then\n"
             "the old directory is set aside; --purge deletes it later. Other programs must not change the\n"
             "token meanwhile. Interrupted, nothing has changed, and it can be run again. Objects that say\n"
             "they are trusted are listed: in SoftHSM's format whoever may write the files can make them so.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_keykist_convert_options),
     .options = upgrade_options, .option_count = KK_ARRAY_LEN(upgrade_options),
     .run = kk_keykist_token_upgrade},
    {.name = "downgrade", .help = "Make a token in SoftHSM's format of a sealed one",
     .more = "The way back: SoftHSM itself opens the token then. Its format protects less: short PINs are\n"
             "guessed quickly from a copy, and edits of its files are not noticed.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_SO_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_keykist_convert_options),
     .options = downgrade_options, .option_count = KK_ARRAY_LEN(downgrade_options),
     .run = kk_keykist_token_downgrade},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_token_group = {
    "token", "Show, make, delete, check, repair, rekey and convert tokens", commands,
    KK_ARRAY_LEN(commands)};

/* ---- what there is to show ---- */

struct facts {
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    bool has_details; /* the module is ours */
    CK_KEYKIST_TOKEN_INFO details;
    char *path; /* NULL: none */
};

static void facts_clear(struct facts *facts)
{
    kk_free(facts->path);
    facts->path = NULL;
}

static KK_RV get_facts(const struct kk_keykist *keykist, CK_SLOT_ID slot, const CK_TOKEN_INFO *info,
                       struct facts *ret_facts)
{
    const CK_KEYKIST_FUNCTIONS *vendor = keykist->module.vendor;
    CK_ULONG len = 0;
    *ret_facts = (struct facts){.slot = slot, .info = *info};
    if (vendor == NULL) {
        return CKR_OK;
    }
    if (vendor->token_path(slot, NULL, &len) == CKR_OK) {
        KK_TRY(kk_cli_token_path(&keykist->module, slot, &ret_facts->path));
    }
    if (vendor->version.minor >= 1) {
        CK_RV rv = vendor->token_info(slot, &ret_facts->details);
        if (rv != CKR_OK) {
            facts_clear(ret_facts);
            return kk_keykist_failed(rv, "Could not look at a token");
        }
        ret_facts->has_details = true;
    }
    return CKR_OK;
}

/* The most urgent one of what may be said about it. */
static const char *state_of(const struct facts *facts)
{
    CK_FLAGS flags = facts->info.flags;
    if (facts->has_details && (facts->details.flags & CKF_KEYKIST_REKEY_PENDING) != 0) {
        return "rekey not finished";
    }
    if ((flags & CKF_USER_PIN_INITIALIZED) == 0) {
        return "no user PIN";
    }
    if ((flags & CKF_USER_PIN_LOCKED) != 0) {
        return "user PIN locked";
    }
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return "one PIN try left";
    }
    return (flags & CKF_WRITE_PROTECTED) != 0 ? "read-only" : "ready";
}

static void put_padded(struct kk_table *table, const CK_UTF8CHAR *field, size_t len)
{
    kk_table_bytes(table, kk_text_trim(KK_SPAN(field, len)));
}

/* The columns that list and show both begin with. */
static void put_common(struct kk_table *table, const struct facts *facts)
{
    put_padded(table, facts->info.label, sizeof facts->info.label);
    put_padded(table, facts->info.serialNumber, sizeof facts->info.serialNumber);
    kk_table_number(table, facts->slot);
    if (facts->has_details) {
        put_padded(table, facts->details.kind, sizeof facts->details.kind);
    } else {
        kk_table_text(table, "foreign");
    }
    kk_table_text(table, state_of(facts));
}

#define COMMON_COLUMNS                                                                             \
    {"Label", "label"}, {"Serial", "serial"}, {"Slot", "slot"}, {"Kind", "kind"}, {"State", "state"}

/* ---- list ---- */

static KK_RV list_tokens(const struct kk_keykist *keykist, struct kk_table *table)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(&keykist->module, CK_TRUE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO info = {0};
        KK_CLEANUP(facts_clear) struct facts facts = {0};
        KK_TRY(kk_token_info(&keykist->module, slots.ids[i], &info));
        if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) {
            KK_TRY(get_facts(keykist, slots.ids[i], &info, &facts));
            put_common(table, &facts);
        }
    }
    return CKR_OK;
}

CK_RV kk_keykist_token_list(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {COMMON_COLUMNS};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_TRY(list_tokens(keykist, &table));
    if (!keykist->options.json) {
        return kk_table_print(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json(&table, &json, "tokens");
    kk_json_end(&json);
    return kk_json_print(&json);
}

/* ---- show ---- */

static void put_details(struct kk_table *table, const struct facts *facts)
{
    CK_FLAGS flags = facts->info.flags;
    kk_table_bool(table, (flags & CKF_USER_PIN_INITIALIZED) != 0);
    kk_table_bool(table, (flags & CKF_USER_PIN_LOCKED) != 0);
    kk_table_bool(table, (flags & CKF_WRITE_PROTECTED) != 0);
    if (facts->has_details) {
        kk_table_number(table, facts->details.user_failed);
        kk_table_number(table, facts->details.so_failed);
        kk_table_bool(table, (facts->details.flags & CKF_KEYKIST_SO_RECOVERY) != 0);
    } else {
        kk_table_none(table);
        kk_table_none(table);
        kk_table_none(table);
    }
    if (facts->path != NULL) {
        kk_table_text(table, facts->path);
    } else {
        kk_table_none(table);
    }
}

static void put_uri(struct kk_table *table, const struct facts *facts)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer uri = {0};
    kk_uri_begin(&uri);
    kk_keykist_uri_put_token(&uri, &facts->info);
    table->failed = table->failed || uri.failed;
    kk_table_bytes(table, kk_buffer_span(&uri));
}

CK_RV kk_keykist_token_show(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {
        COMMON_COLUMNS,
        {"User PIN set", "user_pin_set"},
        {"User PIN locked", "user_pin_locked"},
        {"Read-only", "read_only"},
        {"Wrong user PINs", "user_pin_failed"},
        {"Wrong SO PINs", "so_pin_failed"},
        {"SO can recover", "so_recovery"},
        {"Directory", "path"},
        {"URI", "uri"},
    };
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_CLEANUP(facts_clear) struct facts facts = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(get_facts(keykist, slot, &info, &facts));
    put_common(&table, &facts);
    put_details(&table, &facts);
    put_uri(&table, &facts);
    if (!keykist->options.json) {
        return kk_table_print_record(&table);
    }
    kk_table_json_record(&table, &json, NULL);
    return kk_json_print(&json);
}
