/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plug-in of a version that there never was.
 */
#include "tpm/plugin.h"

__attribute__((visibility("default"))) extern const struct kk_tpm_plugin kk_tpm2_plugin;
const struct kk_tpm_plugin kk_tpm2_plugin = {.version = KK_TPM_PLUGIN_VERSION + 1};
