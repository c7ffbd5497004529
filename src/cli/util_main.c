/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-util: administers tokens through PKCS#11, with SoftHSM's options, words and exit codes.
 */
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/util.h"

#include "base/banned.h"

static void util_clear(struct kk_util *util)
{
    kk_module_unload(&util->module);
    kk_util_options_clear(&util->options);
}

static KK_RV run(struct kk_util *util, const struct kk_util_action *action)
{
    if (action->needs_module) {
        KK_TRY(kk_cli_start_module(util->options.module, &util->module));
    }
    return action->run(util);
}

int main(int argc, char **argv)
{
    KK_CLEANUP(util_clear) struct kk_util util = {0};
    const struct kk_util_action *action = NULL;
    int status = 1;
    kk_util_parse(argc, argv, &util.options, &action, &status);
    if (action == NULL) {
        return status == 0 ? kk_cli_exit_status(CKR_OK) : status;
    }
    return kk_cli_exit_status(run(&util, action));
}
