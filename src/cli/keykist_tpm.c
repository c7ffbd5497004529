/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist pepper create, keykist pin seal: what servers need, sealed by the TPM into a file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/config.h"
#include "base/memory.h"
#include "cli/file.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "tpm/tpm.h"

#include "base/banned.h"

#define PEPPER_LEN 32
#define PCR_MAX 23

static const struct kk_option options[] = {
    KK_KEYKIST_SEAL_OPTIONS,
};

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "create", .help = "Make a pepper that only this machine's TPM can open",
     .more = "Tokens made with it cannot be opened without the file and this TPM.\n",
     .own_size = sizeof(struct kk_keykist_seal_options),
     .options = options, .option_count = KK_ARRAY_LEN(options),
     .alone = true, .run = kk_keykist_pepper_create},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_pepper_group = {"pepper", "Make peppers", commands,
                                                         KK_ARRAY_LEN(commands)};

/* "7,11" as bits. */
static KK_RV parse_pcrs(const char *text, uint32_t *ret_pcrs)
{
    uint32_t pcrs = 0;
    for (const char *at = text; at != NULL; at = *at == ',' ? at + 1 : NULL) {
        char *end = NULL;
        unsigned long number = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : PCR_MAX + 1;
        if (number > PCR_MAX || (*end != ',' && *end != '\0')) {
            return kk_cli_error("--pcrs is a list of numbers from 0 to %u: \"7,11\"", PCR_MAX);
        }
        pcrs |= 1u << number;
        at = end;
    }
    *ret_pcrs = pcrs;
    return CKR_OK;
}

static KK_RV find_tpm(struct kk_tpm **ret_tpm)
{
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    if (kk_config_load(&config) != CKR_OK || kk_tpm_new(config->tcti, ret_tpm) != CKR_OK) {
        return kk_cli_error("the configuration cannot be read");
    }
    return CKR_OK;
}

/* Seals, and opens it again: a file that does not open is not written. */
static KK_RV seal(const struct kk_secret *secret, uint32_t pcrs, struct kk_tpm_blob *ret_blob)
{
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *opened = NULL;
    struct kk_tpm_why why = {""};
    const struct kk_tpm_order order = {
        .secret = kk_secret_span(secret).data, .secret_len = kk_secret_len(secret), .pcrs = pcrs};
    KK_TRY(find_tpm(&tpm));
    enum kk_tpm_result result = kk_tpm_seal(tpm, &order, ret_blob, &why);
    if (result == KK_TPM_OK) {
        result = kk_tpm_unseal(tpm, KK_SPAN(ret_blob->data, ret_blob->len), KK_SPAN(NULL, 0),
                               &opened, &why);
    }
    if (result == KK_TPM_OK && !kk_secret_equal(secret, opened)) {
        return kk_cli_error("the TPM did not give back what it had sealed");
    }
    return result == KK_TPM_OK ? CKR_OK : kk_cli_error("%s", why.text);
}

static KK_RV seal_into_file(const struct kk_keykist *keykist, const struct kk_secret *secret,
                            const char *what)
{
    const struct kk_keykist_seal_options *own = keykist->own;
    struct kk_tpm_blob blob = {0};
    uint32_t pcrs = 0;
    if (own->pcrs != NULL) {
        KK_TRY(parse_pcrs(own->pcrs, &pcrs));
    }
    KK_TRY(seal(secret, pcrs, &blob));
    if (kk_cli_file_write(own->file, KK_SPAN(blob.data, blob.len)) != CKR_OK) {
        return kk_cli_error("Could not write %s: %s", own->file, strerror(errno));
    }
    if (!keykist->options.json) {
        printf("%s sealed by the TPM into %s.\n", what, own->file);
        return CKR_OK;
    }
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_json_text(&json, "file", own->file);
    kk_json_text(&json, "result", "sealed");
    kk_json_end(&json);
    return kk_json_print(&json);
}

static KK_RV check_file_given(const struct kk_keykist *keykist)
{
    if (((const struct kk_keykist_seal_options *)keykist->own)->file == NULL) {
        return kk_cli_error("which file? Use --tpm2 FILE");
    }
    return CKR_OK;
}

CK_RV kk_keykist_pepper_create(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pepper = NULL;
    const char *file = ((const struct kk_keykist_seal_options *)keykist->own)->file;
    KK_TRY(check_file_given(keykist));
    if (access(file, F_OK) == 0) {
        return kk_cli_error("%s is there already: tokens may need the pepper in it", file);
    }
    KK_TRY(kk_secret_new(PEPPER_LEN, &pepper));
    if (getrandom(kk_secret_data(pepper), PEPPER_LEN, 0) != PEPPER_LEN) {
        return kk_cli_error("there are no random numbers: %s", strerror(errno));
    }
    return seal_into_file(keykist, pepper, "Pepper");
}

CK_RV kk_keykist_pin_seal(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_TRY(check_file_given(keykist));
    KK_TRY(kk_keykist_pin(&keykist->options.pin, "--pin", "user PIN", true, &pin));
    if (kk_secret_len(pin) > KK_TPM_SECRET_MAX) {
        return kk_cli_error("a TPM seals PINs of at most %u bytes", KK_TPM_SECRET_MAX);
    }
    return seal_into_file(keykist, pin, "PIN");
}
