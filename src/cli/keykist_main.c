/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist: the program for Keykist's tokens. Exit status 0: done; 1: it failed, and one line on
 * stderr says why; 2: wrong usage.
 */
#include "cli/keykist.h"

#include <stdlib.h>

#include "cli/report.h"
#include "cli/setup.h"

#include "base/banned.h"

#define WRONG_USAGE 2

const struct kk_keykist_group *const kk_keykist_groups[] = {
    &kk_keykist_token_group,      &kk_keykist_pin_group,    &kk_keykist_user_group,
    &kk_keykist_pepper_group,     &kk_keykist_object_group, &kk_keykist_key_group,
    &kk_keykist_cert_group,       &kk_keykist_random_group, &kk_keykist_digest_group,
    &kk_keykist_backup_group,     &kk_keykist_audit_group,  &kk_keykist_slot_group,
    &kk_keykist_mechanism_group,  &kk_keykist_config_group, &kk_keykist_doctor_group,
    &kk_keykist_completion_group, &kk_keykist_bench_group,  &kk_keykist_trace_group,
};
const size_t kk_keykist_group_count = KK_ARRAY_LEN(kk_keykist_groups);

const struct kk_keykist_shortcut kk_keykist_shortcuts[] = {
    {"backup", &kk_keykist_backup_group, "create"},
    {"restore", &kk_keykist_backup_group, "restore"},
};
const size_t kk_keykist_shortcut_count = KK_ARRAY_LEN(kk_keykist_shortcuts);

static void keykist_clear(struct kk_keykist *keykist)
{
    kk_module_unload(&keykist->module);
    kk_keykist_options_clear(keykist);
}

static KK_RV run(struct kk_keykist *keykist)
{
    if (!keykist->command->alone) {
        KK_TRY(kk_cli_start_module(keykist->options.module, &keykist->module));
    }
    CK_RV rv = keykist->command->run(keykist);
    if (rv != CKR_OK && !kk_cli_has_failed()) {
        return kk_keykist_failed(rv, "It could not be done");
    }
    return rv;
}

int main(int argc, char **argv)
{
    KK_CLEANUP(keykist_clear) struct kk_keykist keykist = {0};
    kk_cli_report_as("keykist");
    (void)setenv("TSS2_LOG", "all+none", 0); /* tpm2-tss says on stderr what we say in the log */
    switch (kk_keykist_parse(argc, argv, &keykist)) {
    case KK_PARSED_WRONG:
        return WRONG_USAGE;
    case KK_PARSED_DONE:
        return kk_cli_exit_status(CKR_OK);
    case KK_PARSED_RUN:
        break;
    }
    return kk_cli_exit_status(run(&keykist));
}
