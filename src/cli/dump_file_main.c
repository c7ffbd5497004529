/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-dump-file: shows what an object file of SoftHSM holds.
 */
#include <getopt.h>
#include <stdio.h>

#include "cli/file.h"
#include "cli/object_file.h"
#include "cli/options.h"
#include "cli/report.h"

#include "base/banned.h"

/* clang-format off */
static const struct kk_cli_row rows[] = {
    {"help", NULL, KK_CLI_ROW_HELP, KK_CLI_NO_MEMBER, NULL,
     "Print this text."},
    {"version", NULL, KK_CLI_ROW_VERSION, KK_CLI_NO_MEMBER, NULL,
     "Print the version of SoftHSM that this is like."},
};
/* clang-format on */

static const struct kk_cli_program program = {
    .title = "SoftHSM dump tool. From SoftHSM v2 object file.",
    .usage = "softhsm2-dump-file path",
    .rows = rows,
    .row_count = KK_ARRAY_LEN(rows),
    .bare_status = 1,
};

#define OBJECT_MAX (64 * 1024 * 1024)

static KK_RV dump(const char *path)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    struct kk_object_damage damage = {0};
    switch (kk_cli_file_read_long(path, OBJECT_MAX, &content)) {
    case KK_CLI_FILE_NOT_OPENED:
        return kk_cli_error("can't open object file %s", path);
    case KK_CLI_FILE_NOT_READ:
        return kk_cli_error("ERROR: Could not read the object file %s", path);
    case KK_CLI_FILE_OK:
        break;
    }
    printf("Dump of object file \"%s\"\n", path);
    CK_RV rv = kk_object_file_print(kk_secret_span(content), stdout, &damage);
    if (rv != CKR_OK) {
        return kk_cli_error("ERROR: The file is damaged at byte %zu: %s.", damage.offset,
                            damage.what);
    }
    return CKR_OK;
}

int main(int argc, char **argv)
{
    const void *action = NULL;
    int status = 1;
    if (!kk_cli_options_parse(&program, argc, argv, NULL, &action, &status)) {
        return status == 0 ? kk_cli_exit_status(CKR_OK) : status;
    }
    if (optind != argc - 1) {
        return kk_cli_exit_status(kk_cli_error("ERROR: Give the path of one object file."));
    }
    return kk_cli_exit_status(dump(argv[optind]));
}
