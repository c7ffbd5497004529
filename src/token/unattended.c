/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pepper, and the PIN of pin.auto: from files, from systemd as a credential, or sealed by the
 * TPM in a file.
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
#define PEPPER_TEXT_MAX (PEPPER_LEN * 2 + 2) /* in hex, with a line's end */
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

static bool pepper_is_tpm2(const char *pepper)
{
    return strcmp(pepper, TPM2) == 0 || begins_with(pepper, TPM2_FILE);
}

void kk_tpm_prepare(struct kk_tpm *tpm, const struct kk_config *config)
{
    struct kk_tpm_why why = {""};
    bool wanted = config->pin_guard == KK_GUARD_TPM2 || pepper_is_tpm2(config->pepper) ||
                  begins_with(config->pin_auto, TPM2_FILE);
    if (wanted && kk_tpm_load(tpm, &why) != KK_TPM_OK) {
        kk_log_error("%s", why.text);
    }
}

/* ---- credentials ---- */

/* A name, not a way out of the credentials' directory. */
static bool is_credential_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

/* What systemd's LoadCredential= and LoadCredentialEncrypted= give a service: each is a file. */
static KK_RV read_credential(const char *key, const char *name, size_t max,
                             struct kk_secret **ret_bytes)
{
    char path[4096];
    const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
    if (!is_credential_name(name)) {
        kk_log_error("%s: there is no credential \"%s\": it cannot be a credential's name", key,
                     name);
        return CKR_DEVICE_ERROR;
    }
    if (folder == NULL || folder[0] != '/') {
        kk_log_error("%s: there is no credential \"%s\": CREDENTIALS_DIRECTORY is not set, as it "
                     "is in a systemd service that has LoadCredentialEncrypted=%s",
                     key, name, name);
        return CKR_DEVICE_ERROR;
    }
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    KK_ENSURE(len > 0 && (size_t)len < sizeof path, CKR_DEVICE_ERROR);
    return read_file(key, path, max, ret_bytes);
}

/* ---- the pepper ---- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 bytes as they are, or as 64 hex digits. */
static bool parse_pepper(struct kk_span text, uint8_t ret_pepper[PEPPER_LEN])
{
    if (text.len == PEPPER_LEN) {
        memcpy(ret_pepper, text.data, PEPPER_LEN);
        return true;
    }
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r')) {
        text.len--;
    }
    for (size_t i = 0; text.len == PEPPER_LEN * 2 && i < PEPPER_LEN; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_pepper[i] = (uint8_t)(high << 4 | low);
    }
    return text.len == PEPPER_LEN * 2;
}

/* `where` is what the configuration says. */
static KK_RV take_pepper(const char *where, const struct kk_secret *text,
                         struct kk_secret **ret_pepper)
{
    KK_SECRET_ARRAY(pepper, PEPPER_LEN);
    if (!parse_pepper(kk_secret_span(text), pepper)) {
        kk_log_error("token.pepper: %s holds neither 32 bytes nor 64 hex digits", where);
        return CKR_DEVICE_ERROR;
    }
    return kk_secret_from(KK_SPAN_ARRAY(pepper), ret_pepper);
}

static KK_RV pepper_of_file(const struct kk_engine *engine, const char *path,
                            struct kk_secret **ret_pepper)
{
    (void)engine;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_TRY(read_file("token.pepper", path, PEPPER_TEXT_MAX, &text));
    return take_pepper(path, text, ret_pepper);
}

static KK_RV pepper_of_credential(const struct kk_engine *engine, const char *name,
                                  struct kk_secret **ret_pepper)
{
    (void)engine;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_TRY(read_credential("token.pepper", name, PEPPER_TEXT_MAX, &text));
    return take_pepper(name, text, ret_pepper);
}

static KK_RV pepper_of_tpm2_file(const struct kk_engine *engine, const char *path,
                                 struct kk_secret **ret_pepper)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pepper = NULL;
    KK_TRY(unseal_file(engine->tpm, "token.pepper", path, &pepper));
    if (kk_secret_len(pepper) != PEPPER_LEN) {
        kk_log_error("token.pepper: what is sealed in %s is no pepper", path);
        return CKR_DEVICE_ERROR;
    }
    *ret_pepper = KK_STEAL(pepper);
    return CKR_OK;
}

static KK_RV beside(const char *path, const char *name, char **ret_path)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    const char *slash = strrchr(path, '/');
    kk_buffer_put(&text, path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
    kk_buffer_put(&text, name, strlen(name) + 1);
    KK_TRY(kk_buffer_check(&text));
    return kk_strdup((const char *)text.data, ret_path);
}

KK_RV kk_engine_pepper(const struct kk_engine *engine, struct kk_secret **ret_pepper)
{
    static const struct {
        const char *prefix;
        KK_RV (*get)(const struct kk_engine *engine, const char *rest,
                     struct kk_secret **ret_pepper);
    } sources[] = {
        {"file:", pepper_of_file},
        {CREDENTIAL, pepper_of_credential},
        {TPM2_FILE, pepper_of_tpm2_file},
    };
    KK_CLEANUP(kk_freep) char *path = NULL;
    const char *pepper = engine->config->pepper;
    if (strcmp(pepper, "none") == 0) {
        return CKR_OK;
    }
    if (strcmp(pepper, TPM2) == 0) {
        KK_TRY(beside(engine->config->path, DEFAULT_PEPPER_FILE, &path));
        return pepper_of_tpm2_file(engine, path, ret_pepper);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(sources); i++) {
        if (begins_with(pepper, sources[i].prefix)) {
            return sources[i].get(engine, pepper + strlen(sources[i].prefix), ret_pepper);
        }
    }
    kk_log_error("token.pepper: this build does not know \"%s\"", pepper);
    return CKR_DEVICE_ERROR;
}

/* ---- the PIN ---- */

bool kk_engine_has_auto_pin(const struct kk_engine *engine)
{
    return strcmp(engine->config->pin_auto, "none") != 0;
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
        KK_TRY(read_credential("pin.auto", source + strlen(CREDENTIAL), KK_PIN_MAX + 2, &pin));
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
