/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-util: administers tokens through PKCS#11, with SoftHSM's options, words and exit codes.
 */
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/util.h"
#include "paths.h"

#include "base/banned.h"

static void util_clear(struct kk_util *util)
{
    kk_module_unload(&util->module);
    kk_util_options_clear(&util->options);
}

/* The default module is ours: then the configuration is looked at first, because a module that does
 * not start cannot say why. Of a module that was named that is known only when it is loaded. */
static KK_RV start_module(struct kk_util *util)
{
    const char *path = util->options.module;
    if (path == NULL) {
        KK_TRY(kk_cli_setup_check());
    }
    KK_TRY(kk_module_load(path != NULL ? path : KK_DEFAULT_MODULE, &util->module));
    if (path != NULL && util->module.vendor != NULL) {
        KK_TRY(kk_cli_setup_check());
    }
    if (kk_module_initialize(&util->module) != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not initialize the PKCS#11 library/module: %s",
                           util->module.path);
        return kk_cli_error("ERROR: Please check log files for additional information.");
    }
    return CKR_OK;
}

static KK_RV run(struct kk_util *util, const struct kk_util_action *action)
{
    if (action->needs_module) {
        KK_TRY(start_module(util));
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
