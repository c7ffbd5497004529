/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist: the files that a command works on, and where its result goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/base64.h"
#include "cli/file.h"
#include "cli/keykist_key_use.h"
#include "cli/progress.h"
#include "cli/report.h"

#include "base/banned.h"

#define PIECE ((size_t)256 << 10)

/* ---- in ---- */

static bool is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

KK_RV kk_use_open(const char *path, struct kk_use_input *ret_input)
{
    struct stat status;
    struct kk_use_input input = {.path = path, .fd = STDIN_FILENO};
    if (!is_standard(path)) {
        input.fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (input.fd < 0) {
        return kk_cli_error("could not open %s: %s", path, strerror(errno));
    }
    if (fstat(input.fd, &status) == 0 && S_ISREG(status.st_mode)) {
        input.size = (CK_ULONG)status.st_size;
    }
    if (kk_alloc(PIECE, &input.piece) != CKR_OK) {
        kk_use_close(&input);
        return CKR_HOST_MEMORY;
    }
    *ret_input = input;
    return CKR_OK;
}

void kk_use_close(struct kk_use_input *input)
{
    if (input->path != NULL && !is_standard(input->path)) {
        (void)close(input->fd);
    }
    kk_wipe(input->piece, input->piece != NULL ? PIECE : 0);
    kk_free(input->piece);
    *input = (struct kk_use_input){0};
}

/* A whole piece unless the file ends before. */
static KK_RV read_piece(const struct kk_use_input *input, size_t *ret_len)
{
    size_t len = 0;
    while (len < PIECE) {
        ssize_t got = read(input->fd, input->piece + len, PIECE - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return kk_cli_error("could not read %s: %s", input->path, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    *ret_len = len;
    return CKR_OK;
}

KK_RV kk_use_pieces(struct kk_use_input *input, const char *what, kk_use_piece take_piece,
                    void *context)
{
    struct kk_progress_bar bar = {.what = what};
    CK_ULONG done = 0;
    size_t len = PIECE;
    CK_RV rv = CKR_OK;
    while (rv == CKR_OK && len == PIECE) {
        rv = read_piece(input, &len);
        if (rv == CKR_OK && len > 0) {
            rv = take_piece(context, KK_SPAN(input->piece, len));
            done += len;
            (void)kk_progress_draw(&bar, done >> 20, input->size >> 20);
        }
    }
    kk_progress_end(&bar);
    return rv;
}

static CK_RV collect(void *context, struct kk_span piece)
{
    struct kk_buffer *buffer = context;
    KK_ENSURE(buffer->len + piece.len <= KK_USE_FILE_MAX, CKR_DATA_LEN_RANGE);
    kk_buffer_put_span(buffer, piece);
    return kk_buffer_check(buffer);
}

KK_RV kk_use_read(const char *path, struct kk_secret **ret_content)
{
    KK_CLEANUP(kk_use_close) struct kk_use_input input = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {.wipe = true};
    KK_TRY(kk_use_open(path, &input));
    CK_RV rv = kk_use_pieces(&input, "Reading", collect, &buffer);
    if (rv == CKR_DATA_LEN_RANGE) {
        return kk_cli_error("%s is longer than %zu MiB: too long to be taken at once", path,
                            KK_USE_FILE_MAX >> 20);
    }
    KK_TRY(rv);
    return kk_secret_from(kk_buffer_span(&buffer), ret_content);
}

/* ---- out ---- */

static KK_RV put_hex(struct kk_span content, struct kk_buffer *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < content.len; i++) {
        kk_buffer_put_u8(text, (uint8_t)digits[content.data[i] >> 4]);
        kk_buffer_put_u8(text, (uint8_t)digits[content.data[i] & 0xf]);
    }
    kk_buffer_put_u8(text, '\n');
    return kk_buffer_check(text);
}

static KK_RV put_base64(struct kk_span content, struct kk_buffer *text)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *encoded = NULL;
    KK_TRY(kk_base64_encode(content, &encoded));
    kk_buffer_put_span(text, kk_secret_span(encoded));
    kk_buffer_put_u8(text, '\n');
    return kk_buffer_check(text);
}

static KK_RV write_file(const struct kk_use_output *output, struct kk_span content)
{
    CK_RV rv = output->force ? kk_cli_file_write(output->path, content)
                             : kk_cli_file_create(output->path, content);
    if (rv == CKR_OK) {
        return CKR_OK;
    }
    return errno == EEXIST
               ? kk_cli_error("there is a file %s already: --force replaces it", output->path)
               : kk_cli_error("could not write %s: %s", output->path, strerror(errno));
}

static KK_RV say_where(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                       const struct kk_use_output *output, const char *how)
{
    CK_TOKEN_INFO info = {0};
    char what[400];
    KK_TRY(kk_token_info(&keykist->module, slot, &info));
    (void)snprintf(what, sizeof what, "%s, %s in %s", how, output->what, output->path);
    return kk_keykist_say(keykist, &info, slot, what);
}

static KK_RV print_json(const struct kk_use_output *output, struct kk_span content, const char *how)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {.text = {.wipe = true}};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *encoded = NULL;
    KK_TRY(kk_base64_encode(content, &encoded));
    kk_json_object(&json, NULL);
    kk_json_text(&json, "result", how);
    kk_json_bytes(&json, output->what, output->is_text ? content : kk_secret_span(encoded));
    kk_json_end(&json);
    return kk_json_print(&json);
}

KK_RV kk_use_write(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                   const struct kk_use_output *output, struct kk_span content, const char *how)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {.wipe = true};
    bool to_file = output->path != NULL && !is_standard(output->path);
    if (keykist->options.json && !to_file) {
        return print_json(output, content, how);
    }
    if (output->hex || output->base64) {
        KK_TRY(output->hex ? put_hex(content, &text) : put_base64(content, &text));
        content = kk_buffer_span(&text);
    } else if (!to_file && !output->is_text && isatty(STDOUT_FILENO) != 0) {
        return kk_cli_error("the %s is not text: use --out FILE, --base64 or --hex", output->what);
    }
    if (to_file) {
        KK_TRY(write_file(output, content));
        return say_where(keykist, slot, output, how);
    }
    (void)fwrite(content.data, 1, content.len, stdout);
    return CKR_OK; /* whether it could be written is the exit status's matter */
}
