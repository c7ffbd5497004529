/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-keyconv: a private key file of BIND becomes PKCS#8.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/bind_file.h"
#include "cli/file.h"
#include "cli/option_rows.h"
#include "cli/pin.h"
#include "cli/report.h"

#include "base/banned.h"

struct options {
    const char *in;
    const char *out;
    struct kk_cli_pin_source pin;
};

#define MEMBER(name) offsetof(struct options, name)

/* clang-format off */
static const struct kk_cli_row rows[] = {
    KK_CLI_HELP_ROW,
    {"in", "<path>", KK_CLI_ROW_TEXT, MEMBER(in), NULL,
     "The private key file of BIND."},
    {"out", "<path>", KK_CLI_ROW_TEXT, MEMBER(out), NULL,
     "The PKCS#8 file to write."},
    KK_CLI_PIN_ROWS("pin", MEMBER(pin), "Encrypt the PKCS#8 file with this PIN.", "the PIN"),
    KK_CLI_VERSION_ROW,
};
/* clang-format on */

static const struct kk_cli_program program = {
    .title = "Converting from BIND .private-key format to PKCS#8 key file format.",
    .usage = "softhsm2-keyconv [OPTIONS]",
    .rows = rows,
    .row_count = KK_ARRAY_LEN(rows),
    .bare_status = 0,
};

static void options_clear(struct options *options)
{
    kk_cli_pin_source_clear(&options->pin);
}

static KK_RV read_key(const char *path, struct kk_keyfile **ret_keyfile)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    if (kk_cli_file_read(path, &content) != KK_CLI_FILE_OK) {
        return kk_cli_error("ERROR: Could not open input file %.100s for reading.", path);
    }
    return kk_bind_file_parse(kk_secret_span(content), ret_keyfile);
}

static KK_RV explain_convert(CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
        return CKR_OK;
    case CKR_HOST_MEMORY:
        return kk_cli_error("ERROR: Could not allocate memory.");
    case CKR_ATTRIBUTE_VALUE_INVALID:
        return kk_cli_error("ERROR: The parts of the key do not belong together.");
    case CKR_CURVE_NOT_SUPPORTED:
        return kk_cli_error("ERROR: OpenSSL does not know the curve of the key.");
    default:
        return kk_cli_error("ERROR: Could not encrypt the PKCS#8 file");
    }
}

/* An empty PIN is one that somebody forgot. */
static KK_RV get_pin(const struct options *options, struct kk_secret **ret_pin)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    CK_RV rv = kk_cli_pin_given(&options->pin, "--pin", &pin);
    if (rv != CKR_OK) {
        return rv == CKR_HOST_MEMORY ? explain_convert(rv) : rv;
    }
    if (pin != NULL && kk_secret_len(pin) == 0) {
        return kk_cli_error("ERROR: The PIN is empty. Leave --pin out for a file in clear.");
    }
    *ret_pin = KK_STEAL(pin);
    return CKR_OK;
}

static KK_RV convert(const struct options *options)
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
    if (options->in == NULL) {
        return kk_cli_error("ERROR: A path to the input file must be supplied. Use --in <path>");
    }
    if (options->out == NULL) {
        return kk_cli_error("ERROR: A path to the output file must be supplied. Use --out <path>");
    }
    KK_TRY(get_pin(options, &pin));
    KK_TRY(read_key(options->in, &keyfile));
    KK_TRY(explain_convert(kk_keyfile_write(keyfile, pin, &pem)));
    if (kk_cli_file_write(options->out, kk_secret_span(pem)) != CKR_OK) {
        return kk_cli_error("ERROR: Could not open the output file: %s (errno %i)", options->out,
                            errno);
    }
    printf("The key has been written to %s\n", options->out);
    return CKR_OK;
}

int main(int argc, char **argv)
{
    KK_CLEANUP(options_clear) struct options options = {0};
    const void *action = NULL;
    int status = 1;
    if (!kk_cli_options_parse(&program, argc, argv, &options, &action, &status)) {
        return status == 0 ? kk_cli_exit_status(CKR_OK) : status;
    }
    return kk_cli_exit_status(convert(&options));
}
