/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's TPM, through the plug-in (tpm/plugin.h). The plug-in is loaded at the first call
 * that needs it, or by kk_tpm_load(), and stays: of $KEYKIST_TPM2_PLUGIN where that is heeded
 * (tests; never in a program with raised privileges), else of the path of the build.
 *
 * Nothing here logs: callers know what the secret was for. What went wrong is told in `ret_why`.
 */
#pragma once

#include "base/bytes.h"
#include "base/secret.h"
#include "tpm/plugin.h"

struct kk_tpm;

/* `tcti` is copied. CKR_HOST_MEMORY. Touches neither plug-in nor TPM. */
KK_RV kk_tpm_new(const char *tcti, struct kk_tpm **ret_tpm);
void kk_tpm_free(struct kk_tpm *tpm);
KK_DEFINE_CLEANUP(struct kk_tpm *, kk_tpm_free);

/* ABSENT: there is no plug-in, or one of another version. */
enum kk_tpm_result kk_tpm_load(struct kk_tpm *tpm, struct kk_tpm_why *ret_why);

enum kk_tpm_result kk_tpm_seal(struct kk_tpm *tpm, const struct kk_tpm_order *order,
                               struct kk_tpm_blob *ret_blob, struct kk_tpm_why *ret_why);

/* `auth` is empty or has KK_TPM_AUTH_LEN bytes. REFUSED stands for a lack of memory too. */
enum kk_tpm_result kk_tpm_unseal(struct kk_tpm *tpm, struct kk_span blob, struct kk_span auth,
                                 struct kk_secret **ret_secret, struct kk_tpm_why *ret_why);
