/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-migrate: the keys of a SoftHSM 1 database go into a token of any PKCS#11 module.
 */
#include <stddef.h>
#include <stdio.h>

#include "cli/choose.h"
#include "cli/migrate.h"
#include "cli/option_rows.h"
#include "cli/pin.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/start.h"

#include "base/banned.h"

struct options {
    const char *db;
    const char *module;
    struct kk_cli_choice choice;
    struct kk_cli_pin_source pin;
    bool no_public_key;
};

#define MEMBER(name) offsetof(struct options, name)

/* clang-format off */
static const struct kk_cli_row rows[] = {
    KK_CLI_HELP_ROW,
    {"db", "<path>", KK_CLI_ROW_TEXT, MEMBER(db), NULL,
     "The database of SoftHSM 1. It is only read."},
    KK_CLI_MODULE_ROW(MEMBER(module)),
    {"no-public-key", NULL, KK_CLI_ROW_FLAG, MEMBER(no_public_key), NULL,
     "Leave the public keys out."},
    KK_CLI_USER_PIN_ROWS(MEMBER(pin)),
    KK_CLI_SLOT_ROWS(MEMBER(choice)),
    KK_CLI_TOKEN_ROW(MEMBER(choice)),
    KK_CLI_VERSION_ROW,
};
/* clang-format on */

static const struct kk_cli_program program = {
    .title = "SoftHSM migration tool. From SoftHSM v1 database to PKCS#11.",
    .usage = "softhsm2-migrate [OPTIONS]",
    .rows = rows,
    .row_count = KK_ARRAY_LEN(rows),
    .bare_status = 0,
};

static void options_clear(struct options *options)
{
    kk_cli_pin_source_clear(&options->pin);
}

static KK_RV open_database(const char *path, struct kk_softhsm1 **ret_database)
{
    if (path == NULL) {
        return kk_cli_error("ERROR: A path to the database must be supplied. Use --db <path>");
    }
    switch (kk_softhsm1_open(path, ret_database)) {
    case KK_SOFTHSM1_OK:
        return CKR_OK;
    case KK_SOFTHSM1_NOT_OPENED:
        return kk_cli_error("ERROR: Could not open token database. Probably wrong path or "
                            "privileges: %s",
                            path);
    case KK_SOFTHSM1_NO_DATABASE:
        return kk_cli_error("ERROR: The token database has not been initialized by SoftHSM");
    case KK_SOFTHSM1_WRONG_VERSION:
        return kk_cli_error("ERROR: Wrong database schema version: %s", path);
    case KK_SOFTHSM1_NO_TOKEN_TABLE:
        return kk_cli_error("ERROR: The Token table is missing the in database");
    case KK_SOFTHSM1_NO_OBJECTS_TABLE:
        return kk_cli_error("ERROR: The Objects table is missing the in database");
    case KK_SOFTHSM1_NO_ATTRIBUTES_TABLE:
        return kk_cli_error("ERROR: The Attributes table is missing in the database");
    case KK_SOFTHSM1_NO_MEMORY:
        break;
    }
    return kk_cli_error("ERROR: Could not allocate memory.");
}

static KK_RV migrate(const struct options *options)
{
    CK_SLOT_ID slot = 0;
    KK_CLEANUP(kk_softhsm1_closep) struct kk_softhsm1 *database = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_CLEANUP(kk_module_unload) struct kk_module module = {0};
    KK_TRY(kk_cli_start_module(options->module, &module));
    KK_TRY(kk_cli_choose_slot(&module, &options->choice, false, &slot));
    KK_TRY(open_database(options->db, &database));
    struct kk_migration migration = {
        .database = database, .p11 = module.p11, .no_public_key = options->no_public_key};
    KK_TRY(kk_cli_open_session(module.p11, slot, &migration.session));
    KK_TRY(kk_cli_pin_get(&options->pin, KK_CLI_PIN_USER, &pin));
    KK_TRY(kk_cli_log_in(module.p11, migration.session, pin));
    KK_TRY(kk_migrate_objects(&migration));
    printf("The database has been migrated to the new HSM\n");
    return CKR_OK;
}

int main(int argc, char **argv)
{
    KK_CLEANUP(options_clear) struct options options = {0};
    const void *action = NULL;
    int status = 1;
    if (!kk_cli_options_parse(&program, argc, argv, &options, &action, &status)) {
        return status == 0 ? kk_cli_exit_status(CKR_OK) : status;
    }
    return kk_cli_exit_status(migrate(&options));
}
