/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PINs from their four sources.
 */
#include "cli/pin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/prompt.h"
#include "cli/report.h"

#include "base/banned.h"

struct role_text {
    const char *name;
    const char *enter;
    const char *reenter;
    const char *option; /* the prefix of its options */
};

static const struct role_text role_texts[] = {
    [KK_CLI_PIN_SO] = {"SO PIN", "Please enter SO PIN: ", "Please reenter SO PIN: ", "--so-pin"},
    [KK_CLI_PIN_USER] = {"user PIN",
                         "Please enter user PIN: ", "Please reenter user PIN: ", "--pin"},
};

static bool in_range(const struct kk_secret *pin)
{
    size_t len = kk_secret_len(pin);
    return len >= KK_CLI_PIN_MIN && len <= KK_CLI_PIN_MAX;
}

/* One round of questions. *ret_pin stays NULL when the answers were no good. */
static KK_RV ask_once(enum kk_cli_pin_role role, struct kk_secret **ret_pin)
{
    const struct role_text *text = &role_texts[role];
    KK_CLEANUP(kk_secret_freep) struct kk_secret *first = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *second = NULL;
    printf("=== %s (%i-%i characters) ===\n", role == KK_CLI_PIN_SO ? "SO PIN" : "User PIN",
           KK_CLI_PIN_MIN, KK_CLI_PIN_MAX);
    KK_TRY(kk_cli_prompt(stdout, text->enter, KK_CLI_PIN_MAX, &first));
    if (!in_range(first)) {
        (void)kk_cli_error("ERROR: The length of the PIN is out of range.");
        return CKR_OK;
    }
    KK_TRY(kk_cli_prompt(stdout, text->reenter, KK_CLI_PIN_MAX, &second));
    if (!kk_secret_equal(first, second)) {
        (void)kk_cli_error("ERROR: The entered PINs are not equal.");
        return CKR_OK;
    }
    *ret_pin = KK_STEAL(first);
    return CKR_OK;
}

static KK_RV ask(enum kk_cli_pin_role role, struct kk_secret **ret_pin)
{
    struct kk_secret *pin = NULL;
    while (pin == NULL) {
        KK_TRY(ask_once(role, &pin));
    }
    *ret_pin = pin;
    return CKR_OK;
}

static KK_RV read_file(const char *path, struct kk_secret **ret_pin)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    enum kk_cli_file_result result = kk_cli_file_read(path, &content);
    if (result == KK_CLI_FILE_NOT_OPENED) {
        return kk_cli_error("ERROR: Could not open the PIN file: %s (%s)", path, strerror(errno));
    }
    if (result != KK_CLI_FILE_OK) {
        return kk_cli_error("ERROR: Could not read the PIN file: %s", path);
    }
    const uint8_t *data = kk_secret_data(content);
    size_t len = 0;
    while (len < kk_secret_len(content) && data[len] != '\n' && data[len] != '\r') {
        len++;
    }
    kk_secret_truncate(content, len);
    *ret_pin = KK_STEAL(content);
    return CKR_OK;
}

static KK_RV read_env(const char *name, struct kk_secret **ret_pin)
{
    const char *value = getenv(name);
    if (value == NULL) {
        return kk_cli_error("ERROR: The environment variable %s is not set.", name);
    }
    return kk_secret_from(KK_SPAN(value, strlen(value)), ret_pin);
}

/* One line, byte by byte: what stands behind it stays for the next PIN or program. */
static KK_RV read_line(int fd, uint8_t *line, size_t max, size_t *ret_len)
{
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, line + len, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        KK_ENSURE(got >= 0 && len < max - 1, CKR_FUNCTION_FAILED);
        if (got == 0 || line[len] == '\n') {
            break;
        }
        len++;
    }
    *ret_len = len > 0 && line[len - 1] == '\r' ? len - 1 : len;
    return CKR_OK;
}

static KK_RV read_descriptor(const char *number, struct kk_secret **ret_pin)
{
    KK_SECRET_ARRAY(line, KK_CLI_PIN_MAX + 3);
    size_t len = 0;
    size_t digits = strspn(number, "0123456789");
    if (digits == 0 || digits > 6 || number[digits] != '\0') {
        return kk_cli_error("ERROR: \"%s\" is no file descriptor.", number);
    }
    if (read_line((int)strtol(number, NULL, 10), line, sizeof line, &len) != CKR_OK) {
        return kk_cli_error("ERROR: Could not read a PIN from the file descriptor %s.", number);
    }
    return kk_secret_from(KK_SPAN(line, len), ret_pin);
}

void kk_cli_pin_source_clear(struct kk_cli_pin_source *source)
{
    kk_secret_free(source->value);
    source->value = NULL;
}

KK_RV kk_cli_pin_take(char *value, struct kk_secret **member)
{
    struct kk_secret *pin = NULL;
    KK_TRY(kk_secret_from(KK_SPAN(value, strlen(value)), &pin));
    kk_wipe(value, strlen(value));
    kk_secret_free(*member);
    *member = pin;
    return CKR_OK;
}

KK_RV kk_cli_pin_given(const struct kk_cli_pin_source *source, const char *option,
                       struct kk_secret **ret_pin)
{
    *ret_pin = NULL;
    int given = (source->value != NULL) + (source->file != NULL) + (source->env != NULL) +
                (source->fd != NULL);
    if (given > 1) {
        return kk_cli_error("ERROR: Use only one of %s, %s-file%s %s-env%s%s.", option, option,
                            source->fd != NULL ? "," : " and", option,
                            source->fd != NULL ? " and -fd of " : "",
                            source->fd != NULL ? option : "");
    }
    if (source->value != NULL) {
        return kk_secret_dup(source->value, ret_pin);
    }
    if (source->file != NULL) {
        return read_file(source->file, ret_pin);
    }
    if (source->fd != NULL) {
        return read_descriptor(source->fd, ret_pin);
    }
    *ret_pin = NULL;
    return source->env != NULL ? read_env(source->env, ret_pin) : CKR_OK;
}

KK_RV kk_cli_pin_get(const struct kk_cli_pin_source *source, enum kk_cli_pin_role role,
                     struct kk_secret **ret_pin)
{
    const struct role_text *text = &role_texts[role];
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    CK_RV rv = kk_cli_pin_given(source, text->option, &pin);
    if (rv == CKR_OK && (pin == NULL || !in_range(pin))) {
        kk_secret_free(KK_STEAL(pin));
        rv = ask(role, &pin);
    }
    if (rv != CKR_OK) {
        return kk_cli_error("ERROR: Could not get %s", text->name);
    }
    *ret_pin = KK_STEAL(pin);
    return CKR_OK;
}
