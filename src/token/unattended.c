/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets of servers: sealed by the TPM in a file, or given by systemd as a credential.
 */
#include "token/unattended.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#include "base/banned.h"

#define PEPPER_LEN 32
#define TPM2 "tpm2"
#define TPM2_FILE "tpm2:"
#define CREDENTIAL "credential:"
#define DEFAULT_PEPPER_FILE "keykist-pepper.tpm2"

static void closep(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* What lies in a file of at most `max` bytes. `key` is the configuration's, for the log. */
static KK_RV read_file(const char *key, const char *path, size_t max, struct kk_secret **ret_bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    KK_CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t len = 0;
    ssize_t got = fd >= 0 ? 1 : -1;
    KK_TRY(kk_secret_new(max + 1, &bytes));
    while (got > 0 && len <= max) {
        got = read(fd, kk_secret_data(bytes) + len, max + 1 - len);
        len += got > 0 ? (size_t)got : 0;
        got = got < 0 && errno == EINTR ? 1 : got;
    }
    if (got < 0) {
        kk_log_error("%s: cannot read %s: %s", key, path, strerror(errno));
        return CKR_DEVICE_ERROR;
    }
    if (len > max) {
        kk_log_error("%s: %s is too long", key, path);
        return CKR_DEVICE_ERROR;
    }
    kk_secret_truncate(bytes, len);
    *ret_bytes = KK_STEAL(bytes);
    return CKR_OK;
}

static KK_RV unseal_file(struct kk_tpm *tpm, const char *key, const char *path,
                         struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *blob = NULL;
    struct kk_tpm_why why = {""};
    KK_TRY(read_file(key, path, KK_TPM_BLOB_MAX, &blob));
    enum kk_tpm_result result =
        kk_tpm_unseal(tpm, kk_secret_span(blob), KK_SPAN(NULL, 0), ret_secret, &why);
    if (result == KK_TPM_OK) {
        return CKR_OK;
    }
    kk_log_error("%s: %s cannot be unsealed: %s", key, path, why.text);
    return CKR_DEVICE_ERROR;
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- the TPM ---- */

bool kk_pepper_is_tpm2(const char *pepper)
{
    return strcmp(pepper, TPM2) == 0 || begins_with(pepper, TPM2_FILE);
}

void kk_tpm_prepare(struct kk_tpm *tpm, const struct kk_config *config)
{
    struct kk_tpm_why why = {""};
    bool wanted = config->pin_guard == KK_GUARD_TPM2 || kk_pepper_is_tpm2(config->pepper) ||
                  begins_with(config->pin_auto, TPM2_FILE);
    if (wanted && kk_tpm_load(tpm, &why) != KK_TPM_OK) {
        kk_log_error("%s", why.text);
    }
}

/* ---- the pepper ---- */

static KK_RV beside(const char *path, const char *name, char **ret_path)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    const char *slash = strrchr(path, '/');
    kk_buffer_put(&text, path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
    kk_buffer_put(&text, name, strlen(name) + 1);
    KK_TRY(kk_buffer_check(&text));
    return kk_strdup((const char *)text.data, ret_path);
}

KK_RV kk_pepper_from_tpm2(struct kk_tpm *tpm, const struct kk_config *config,
                          struct kk_secret **ret_pepper)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pepper = NULL;
    if (begins_with(config->pepper, TPM2_FILE)) {
        KK_TRY(kk_strdup(config->pepper + strlen(TPM2_FILE), &path));
    } else {
        KK_TRY(beside(config->path, DEFAULT_PEPPER_FILE, &path));
    }
    KK_TRY(unseal_file(tpm, "token.pepper", path, &pepper));
    if (kk_secret_len(pepper) != PEPPER_LEN) {
        kk_log_error("token.pepper: what is sealed in %s is no pepper", path);
        return CKR_DEVICE_ERROR;
    }
    *ret_pepper = KK_STEAL(pepper);
    return CKR_OK;
}

/* ---- the PIN ---- */

bool kk_engine_has_auto_pin(const struct kk_engine *engine)
{
    return strcmp(engine->config->pin_auto, "none") != 0;
}

/* systemd puts each credential in a file of its own; a name is no path. */
static KK_RV read_credential(const char *name, struct kk_secret **ret_pin)
{
    char path[4096];
    const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || strchr(name, '/') != NULL || *name == '\0' || *name == '.') {
        kk_log_error("pin.auto: there is no credential \"%s\": %s", name,
                     folder == NULL ? "CREDENTIALS_DIRECTORY is not set (LoadCredential= of the "
                                      "systemd unit sets it)"
                                    : "this is no name of one");
        return CKR_DEVICE_ERROR;
    }
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    KK_ENSURE(len > 0 && (size_t)len < sizeof path, CKR_DEVICE_ERROR);
    return read_file("pin.auto", path, KK_PIN_MAX + 2, ret_pin);
}

/* A line's end is no part of the PIN. */
static void cut_line_end(struct kk_secret *pin)
{
    size_t len = kk_secret_len(pin);
    const uint8_t *bytes = kk_secret_span(pin).data;
    len -= len > 0 && bytes[len - 1] == '\n' ? 1 : 0;
    len -= len > 0 && bytes[len - 1] == '\r' ? 1 : 0;
    kk_secret_truncate(pin, len);
}

KK_RV kk_engine_auto_pin(const struct kk_engine *engine, struct kk_secret **ret_pin)
{
    const char *source = engine->config->pin_auto;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    if (begins_with(source, TPM2_FILE)) {
        KK_TRY(unseal_file(engine->tpm, "pin.auto", source + strlen(TPM2_FILE), &pin));
    } else if (begins_with(source, CREDENTIAL)) {
        KK_TRY(read_credential(source + strlen(CREDENTIAL), &pin));
    } else {
        kk_log_error("pin.auto: this build does not know \"%s\"", source);
        return CKR_DEVICE_ERROR;
    }
    cut_line_end(pin);
    if (kk_secret_len(pin) == 0 || kk_secret_len(pin) > KK_PIN_MAX) {
        kk_log_error("pin.auto: %s holds no PIN of 1 to %u bytes", source, KK_PIN_MAX);
        return CKR_DEVICE_ERROR;
    }
    *ret_pin = KK_STEAL(pin);
    return CKR_OK;
}
