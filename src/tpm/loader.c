/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the plug-in, and calling it.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "paths.h"
#include "tpm/tpm.h"

#include "base/banned.h"

struct kk_tpm {
    char *tcti;
    _Atomic(const struct kk_tpm_plugin *) plugin; /* NULL: not loaded yet */
};

KK_RV kk_tpm_new(const char *tcti, struct kk_tpm **ret_tpm)
{
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = NULL;
    KK_TRY(kk_alloc(sizeof *tpm, &tpm));
    KK_TRY(kk_strdup(tcti, &tpm->tcti));
    *ret_tpm = KK_STEAL(tpm);
    return CKR_OK;
}

void kk_tpm_free(struct kk_tpm *tpm)
{
    if (tpm != NULL) {
        kk_free(tpm->tcti);
        kk_free(tpm);
    }
}

static enum kk_tpm_result absent(struct kk_tpm_why *why, const char *path, const char *what)
{
    (void)snprintf(why->text, sizeof why->text, "the TPM plug-in %s cannot be used: %s", path,
                   what);
    return KK_TPM_ABSENT;
}

/* Two threads may load it at once: that is one library, counted twice, and it stays in any case. */
enum kk_tpm_result kk_tpm_load(struct kk_tpm *tpm, struct kk_tpm_why *ret_why)
{
    if (atomic_load_explicit(&tpm->plugin, memory_order_acquire) != NULL) {
        return KK_TPM_OK;
    }
    const char *path = secure_getenv("KEYKIST_TPM2_PLUGIN");
    path = path != NULL ? path : KK_TPM_PLUGIN_PATH;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *what = dlerror();
        return absent(ret_why, path, what != NULL ? what : "it cannot be loaded");
    }
    const struct kk_tpm_plugin *plugin = dlsym(library, KK_TPM_PLUGIN_SYMBOL);
    if (plugin == NULL || plugin->version != KK_TPM_PLUGIN_VERSION) {
        return absent(ret_why, path, "it is no plug-in of this version");
    }
    atomic_store_explicit(&tpm->plugin, plugin, memory_order_release);
    return KK_TPM_OK;
}

enum kk_tpm_result kk_tpm_seal(struct kk_tpm *tpm, const struct kk_tpm_order *order,
                               struct kk_tpm_blob *ret_blob, struct kk_tpm_why *ret_why)
{
    enum kk_tpm_result result = kk_tpm_load(tpm, ret_why);
    if (result != KK_TPM_OK) {
        return result;
    }
    return atomic_load(&tpm->plugin)->seal(tpm->tcti, order, ret_blob, ret_why);
}

static enum kk_tpm_result no_memory(struct kk_tpm_why *why)
{
    (void)snprintf(why->text, sizeof why->text, "there is not enough memory");
    return KK_TPM_REFUSED;
}

enum kk_tpm_result kk_tpm_unseal(struct kk_tpm *tpm, struct kk_span blob, struct kk_span auth,
                                 struct kk_secret **ret_secret, struct kk_tpm_why *ret_why)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    size_t len = 0;
    enum kk_tpm_result result = kk_tpm_load(tpm, ret_why);
    if (result != KK_TPM_OK) {
        return result;
    }
    if (kk_secret_new(KK_TPM_SECRET_MAX, &secret) != CKR_OK) {
        return no_memory(ret_why);
    }
    KK_ASSERT(auth.len == 0 || auth.len == KK_TPM_AUTH_LEN);
    result = atomic_load(&tpm->plugin)
                 ->unseal(tpm->tcti, blob.data, blob.len, auth.len > 0 ? auth.data : NULL,
                          kk_secret_data(secret), &len, ret_why);
    if (result == KK_TPM_OK) {
        kk_secret_truncate(secret, len);
        *ret_secret = KK_STEAL(secret);
    }
    return result;
}
