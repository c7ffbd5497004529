/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plug-in without a TPM, for the tests of what lies above it. It "seals" in clear, and is as many
 * TPMs as there are names behind "fake:". One whose name begins with "gone" is not there; one whose
 * name begins with "locked" opens nothing that has an authorisation value.
 */
#include <stdio.h>
#include <string.h>

#include "tpm/plugin.h"

/* 16 bytes of name, 1 for "has a value", the value, the secret. */
#define NAME_LEN 16
#define SECRET_AT (NAME_LEN + 1 + KK_TPM_AUTH_LEN)

static enum kk_tpm_result say(struct kk_tpm_why *why, enum kk_tpm_result result, const char *text)
{
    (void)snprintf(why->text, sizeof why->text, "fake: %s", text);
    return result;
}

static void name_of(const char *tcti, char name[NAME_LEN])
{
    (void)snprintf(name, NAME_LEN, "%s", strncmp(tcti, "fake:", 5) == 0 ? tcti + 5 : tcti);
}

static enum kk_tpm_result seal(const char *tcti, const struct kk_tpm_order *order,
                               struct kk_tpm_blob *ret_blob, struct kk_tpm_why *ret_why)
{
    char name[NAME_LEN] = "";
    name_of(tcti, name);
    if (strncmp(name, "gone", 4) == 0) {
        return say(ret_why, KK_TPM_ABSENT, "there is no TPM");
    }
    memset(ret_blob, 0, sizeof *ret_blob);
    memcpy(ret_blob->data, name, NAME_LEN);
    ret_blob->data[NAME_LEN] = order->auth != NULL;
    if (order->auth != NULL) {
        memcpy(ret_blob->data + NAME_LEN + 1, order->auth, KK_TPM_AUTH_LEN);
    }
    memcpy(ret_blob->data + SECRET_AT, order->secret, order->secret_len);
    ret_blob->len = SECRET_AT + order->secret_len;
    return KK_TPM_OK;
}

static enum kk_tpm_result unseal(const char *tcti, const uint8_t *blob, size_t blob_len,
                                 const uint8_t *auth, uint8_t *secret, size_t *ret_secret_len,
                                 struct kk_tpm_why *ret_why)
{
    char name[NAME_LEN] = "";
    name_of(tcti, name);
    if (strncmp(name, "gone", 4) == 0) {
        return say(ret_why, KK_TPM_ABSENT, "there is no TPM");
    }
    if (blob_len <= SECRET_AT || memcmp(blob, name, NAME_LEN) != 0) {
        return say(ret_why, KK_TPM_FOREIGN, "it is another TPM's");
    }
    if (auth != NULL && strncmp(name, "locked", 6) == 0) {
        return say(ret_why, KK_TPM_LOCKED, "locked");
    }
    if (blob[NAME_LEN] != (auth != NULL) ||
        (auth != NULL && memcmp(blob + NAME_LEN + 1, auth, KK_TPM_AUTH_LEN) != 0)) {
        return say(ret_why, KK_TPM_WRONG, "wrong");
    }
    *ret_secret_len = blob_len - SECRET_AT;
    memcpy(secret, blob + SECRET_AT, *ret_secret_len);
    return KK_TPM_OK;
}

__attribute__((visibility("default"))) extern const struct kk_tpm_plugin kk_tpm2_plugin;
const struct kk_tpm_plugin kk_tpm2_plugin = {
    .version = KK_TPM_PLUGIN_VERSION, .seal = seal, .unseal = unseal};
