/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist user: named users (C_LoginUser), each with a PIN of its own.
 */
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

static const struct kk_option name_options[] = {
    {"name", "NAME", KK_OPTION_TEXT, offsetof(struct kk_keykist_user_options, name),
     "The user's name"},
};

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "add", .help = "Add a named user, as SO",
     .more = "--new-pin is the new user's PIN. On a token that was made with token.so_recovery = off the\n"
             "user adds users: --pin in place of --so-pin.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_SO_PIN | KK_TAKES_PIN | KK_TAKES_NEW_PIN,
     .own_size = sizeof(struct kk_keykist_user_options),
     .options = name_options, .option_count = KK_ARRAY_LEN(name_options),
     .run = kk_keykist_user_add},
    {.name = "remove", .help = "Remove a named user, as SO",
     .more = "Logins of that user that other programs have open go on until they end. Who copied the token\n"
             "before can still open the copy with the old PIN: \"keykist token rekey\" is against that.\n",
     .takes = KK_TAKES_TOKEN | KK_TAKES_SO_PIN | KK_TAKES_PIN,
     .own_size = sizeof(struct kk_keykist_user_options),
     .options = name_options, .option_count = KK_ARRAY_LEN(name_options),
     .run = kk_keykist_user_remove},
    {.name = "list", .help = "List the named users of a token",
     .takes = KK_TAKES_TOKEN, .run = kk_keykist_user_list},
    {.name = "show", .help = "Show one named user of a token",
     .takes = KK_TAKES_TOKEN, .own_size = sizeof(struct kk_keykist_user_options),
     .options = name_options, .option_count = KK_ARRAY_LEN(name_options),
     .run = kk_keykist_user_show},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_user_group = {
    "user", "Add, remove, list and show named users", commands, KK_ARRAY_LEN(commands)};

static KK_RV get_vendor(const struct kk_keykist *keykist, const CK_KEYKIST_FUNCTIONS **ret_vendor)
{
    const CK_KEYKIST_FUNCTIONS *vendor = keykist->module.vendor;
    if (vendor == NULL || vendor->version.minor < 1) {
        return kk_cli_error("this module has no named users");
    }
    *ret_vendor = vendor;
    return CKR_OK;
}

static KK_RV get_name(const struct kk_keykist *keykist, const char **ret_name)
{
    const char *name = ((const struct kk_keykist_user_options *)keykist->own)->name;
    if (name == NULL || name[0] == '\0') {
        return kk_cli_error("--name is missing");
    }
    *ret_name = name;
    return CKR_OK;
}

/* Logs in as SO; with a user's PIN and none of the SO's, as user. */
static KK_RV log_in(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                    struct kk_keykist_session *ret_session)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool user =
        kk_keykist_pin_is_given(&options->pin) && !kk_keykist_pin_is_given(&options->so_pin);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_TRY(kk_keykist_pin(user ? &options->pin : &options->so_pin, user ? "--pin" : "--so-pin",
                          user ? "user PIN" : "SO PIN", false, &pin));
    KK_TRY(kk_keykist_open(keykist, slot, true, ret_session));
    return kk_keykist_login(ret_session, user ? CKU_USER : CKU_SO, pin);
}

static KK_RV say_failed(CK_RV rv, const char *what)
{
    if (rv == CKR_FUNCTION_REJECTED) {
        return kk_cli_error("there is a user of that name already");
    }
    if (rv == CKR_USER_PIN_NOT_INITIALIZED) {
        return kk_cli_error("there is no user of that name");
    }
    if (rv == CKR_FUNCTION_NOT_SUPPORTED) {
        return kk_cli_error(
            "tokens of this kind have no named users; \"keykist token upgrade\" makes "
            "a sealed one");
    }
    if (rv == CKR_USER_NOT_LOGGED_IN) {
        return kk_cli_error(
            "on this token users are added with the user's PIN or, where it was made "
            "with token.so_recovery = on, with the SO's");
    }
    return kk_keykist_failed(rv, what);
}

CK_RV kk_keykist_user_add(struct kk_keykist *keykist)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    const char *name = NULL;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(get_vendor(keykist, &vendor));
    KK_TRY(get_name(keykist, &name));
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(log_in(keykist, slot, &session));
    KK_TRY(kk_keykist_pin(&keykist->options.new_pin, "--new-pin", "new user's PIN", true, &pin));
    CK_RV rv = vendor->user_add(session.handle, (CK_UTF8CHAR_PTR)(uintptr_t)name, strlen(name),
                                kk_secret_data(pin), kk_secret_len(pin));
    if (rv != CKR_OK) {
        return say_failed(rv, "Could not add the user");
    }
    return kk_keykist_say(keykist, &info, slot, "user added");
}

CK_RV kk_keykist_user_remove(struct kk_keykist *keykist)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    const char *name = NULL;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(get_vendor(keykist, &vendor));
    KK_TRY(get_name(keykist, &name));
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(log_in(keykist, slot, &session));
    CK_RV rv = vendor->user_remove(session.handle, (CK_UTF8CHAR_PTR)(uintptr_t)name, strlen(name));
    if (rv != CKR_OK) {
        return say_failed(rv, "Could not remove the user");
    }
    return kk_keykist_say(keykist, &info, slot, "user removed");
}

/* ---- list ---- */

struct users {
    CK_KEYKIST_USER *rows;
    CK_ULONG count;
};

static void users_clear(struct users *users)
{
    kk_free(users->rows);
}

static KK_RV get_users(const CK_KEYKIST_FUNCTIONS *vendor, CK_SLOT_ID slot, struct users *users)
{
    CK_RV rv = CKR_BUFFER_TOO_SMALL;
    while (rv == CKR_BUFFER_TOO_SMALL) { /* others may add some in between */
        KK_TRY(kk_realloc_array(&users->rows, users->count + 1, sizeof *users->rows));
        users->count++;
        rv = vendor->users(slot, users->rows, &users->count);
    }
    return rv == CKR_OK ? CKR_OK : say_failed(rv, "Could not list the users");
}

static const struct kk_column user_columns[] = {
    {"Name", "name"}, {"Wrong PINs", "pin_failed"}, {"Locked", "locked"}};

/* All users, or the one of this name. */
static KK_RV put_users(const struct kk_keykist *keykist, const char *name, struct kk_table *table)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(users_clear) struct users users = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(get_vendor(keykist, &vendor));
    KK_TRY(kk_keykist_find_token(keykist, &slot, &info));
    KK_TRY(get_users(vendor, slot, &users));
    for (CK_ULONG i = 0; i < users.count; i++) {
        const CK_KEYKIST_USER *user = &users.rows[i];
        if (name == NULL || kk_mem_equal(user->name, user->name_len, name, strlen(name))) {
            kk_table_bytes(table, KK_SPAN(user->name, user->name_len));
            kk_table_number(table, user->failed);
            kk_table_bool(table, user->is_locked != CK_FALSE);
        }
    }
    return CKR_OK;
}

CK_RV kk_keykist_user_list(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = user_columns,
                                                        .column_count = KK_ARRAY_LEN(user_columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_TRY(put_users(keykist, NULL, &table));
    if (!keykist->options.json) {
        return kk_table_print(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json(&table, &json, "users");
    kk_json_end(&json);
    return kk_json_print(&json);
}

CK_RV kk_keykist_user_show(struct kk_keykist *keykist)
{
    const char *name = NULL;
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = user_columns,
                                                        .column_count = KK_ARRAY_LEN(user_columns)};
    KK_TRY(get_name(keykist, &name));
    KK_TRY(put_users(keykist, name, &table));
    if (table.count == 0) {
        return kk_cli_error(
            "there is no user of that name; \"keykist user list\" says who there is");
    }
    if (!keykist->options.json) {
        return kk_table_print_record(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json_record(&table, &json, "user");
    kk_json_end(&json);
    return kk_json_print(&json);
}
