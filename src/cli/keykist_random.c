/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist random and keykist digest: random bytes and hashes by the token.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/keykist_key_use.h"
#include "cli/report.h"

#include "base/banned.h"

static CK_RV run_random(struct kk_keykist *keykist);
static CK_RV run_digest(struct kk_keykist *keykist);

struct digest_options {
    const char *mechanism;
};

/* clang-format off */
static const struct kk_option random_options[] = {
    {"out", "FILE", KK_OPTION_TEXT, offsetof(struct kk_key_use_options, out),
     "Write to this file, not to standard output"},
    {"base64", NULL, KK_OPTION_FLAG, offsetof(struct kk_key_use_options, base64),
     "As text in base64"},
    {"hex", NULL, KK_OPTION_FLAG, offsetof(struct kk_key_use_options, hex),
     "As text in hexadecimal"},
    {"force", NULL, KK_OPTION_FLAG, offsetof(struct kk_key_use_options, force),
     "Replace a file that is there"},
};

static const struct kk_option digest_options[] = {
    {"mechanism", "NAME", KK_OPTION_TEXT, offsetof(struct digest_options, mechanism),
     "sha256 (default), sha384, sha512, sha3-256, ..."},
};

static const struct kk_keykist_command random_commands[] = {
    {.name = "", .help = "Draw random bytes from the token",
     .takes = KK_TAKES_TOKEN, .operand = "BYTES",
     .own_size = sizeof(struct kk_key_use_options),
     .options = random_options, .option_count = KK_ARRAY_LEN(random_options),
     .run = run_random},
};

static const struct kk_keykist_command digest_commands[] = {
    {.name = "", .help = "Compute the hashes of files in the token",
     .more = "A file \"-\" is standard input. Lines are as those of sha256sum.\n",
     .takes = KK_TAKES_TOKEN, .operand = "FILE...", .many_operands = true,
     .own_size = sizeof(struct digest_options),
     .options = digest_options, .option_count = KK_ARRAY_LEN(digest_options),
     .run = run_digest},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_random_group = {
    "random", "Draw random bytes", random_commands, KK_ARRAY_LEN(random_commands)};
const struct kk_keykist_group kk_keykist_digest_group = {
    "digest", "Compute hashes of files", digest_commands, KK_ARRAY_LEN(digest_commands)};

/* ---- random ---- */

#define RANDOM_MAX (1UL << 20)

static KK_RV parse_count(const char *text, CK_ULONG *ret_count)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long count = digits > 0 && digits < 9 ? strtoul(text, NULL, 10) : 0;
    if (text[digits] != '\0' || count == 0 || count > RANDOM_MAX) {
        return kk_cli_error("the number of bytes is 1 to %lu, not \"%s\"", RANDOM_MAX, text);
    }
    *ret_count = count;
    return CKR_OK;
}

static CK_RV run_random(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    struct kk_use_output output = {.path = options->out,
                                   .base64 = options->base64,
                                   .hex = options->hex,
                                   .force = options->force,
                                   .what = "random"};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    CK_ULONG count = 0;
    KK_TRY(parse_count(keykist->operand, &count));
    KK_TRY(kk_object_begin(keykist, false, false, &session, &slot, &info));
    KK_TRY(kk_secret_new(count, &bytes));
    CK_RV rv = session.p11->C_GenerateRandom(session.handle, kk_secret_data(bytes), count);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not draw random bytes");
    }
    return kk_use_write(keykist, slot, &output, kk_secret_span(bytes), "drawn");
}

/* ---- digest ---- */

static CK_RV take_piece(void *context, struct kk_span piece)
{
    const struct kk_keykist_session *session = context;
    return session->p11->C_DigestUpdate(session->handle, (CK_BYTE_PTR)(uintptr_t)piece.data,
                                        (CK_ULONG)piece.len);
}

static KK_RV digest_file(const struct kk_keykist_session *session, CK_MECHANISM_TYPE type,
                         const char *path, struct kk_buffer *hex)
{
    static const char digits[] = "0123456789abcdef";
    KK_CLEANUP(kk_use_close) struct kk_use_input input = {0};
    CK_MECHANISM mechanism = {.mechanism = type};
    CK_BYTE hash[256];
    CK_ULONG len = sizeof hash;
    KK_TRY(kk_use_open(path, &input));
    CK_RV rv = session->p11->C_DigestInit(session->handle, &mechanism);
    if (rv == CKR_OK) {
        rv = kk_use_pieces(&input, "Hashing", take_piece, (void *)(uintptr_t)session);
    }
    if (rv == CKR_OK) {
        rv = session->p11->C_DigestFinal(session->handle, hash, &len);
    }
    if (rv != CKR_OK) {
        return kk_cli_has_failed() ? rv : kk_keykist_failed(rv, "Could not compute the hash");
    }
    for (CK_ULONG i = 0; i < len; i++) {
        kk_buffer_put_u8(hex, (uint8_t)digits[hash[i] >> 4]);
        kk_buffer_put_u8(hex, (uint8_t)digits[hash[i] & 0xf]);
    }
    return kk_buffer_check(hex);
}

static KK_RV print_digests(const struct kk_keykist *keykist, const struct kk_table *table,
                           CK_MECHANISM_TYPE type)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    if (keykist->options.json) {
        kk_json_object(&json, NULL);
        kk_json_text(&json, "mechanism", kk_mechanism_name(type).text);
        kk_table_json(table, &json, "files");
        kk_json_end(&json);
        return kk_json_print(&json);
    }
    KK_ENSURE(!table->failed, CKR_HOST_MEMORY);
    for (size_t i = 0; i < table->count; i += 2) {
        printf("%s  %s\n", table->cells[i].text, table->cells[i + 1].text);
    }
    return CKR_OK;
}

static CK_RV run_digest(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {{"Hash", "hash"}, {"File", "file"}};
    const struct digest_options *options = keykist->own;
    const char *name = options->mechanism != NULL ? options->mechanism : "sha256";
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    CK_MECHANISM_TYPE type = 0;
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    const struct kk_hash *hash = kk_hash_find(name);
    if (hash == NULL && !kk_mechanism_parse(name, &type)) {
        return kk_cli_error("there is no hash \"%s\": use " KK_HASH_NAMES, name);
    }
    type = hash != NULL ? hash->mechanism : type;
    KK_TRY(kk_object_begin(keykist, false, false, &session, &slot, &info));
    for (size_t i = 0; i < keykist->operand_count; i++) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer hex = {0};
        KK_TRY(digest_file(&session, type, keykist->operands[i], &hex));
        kk_table_bytes(&table, kk_buffer_span(&hex));
        kk_table_text(&table, keykist->operands[i]);
    }
    return print_digests(keykist, &table, type);
}
