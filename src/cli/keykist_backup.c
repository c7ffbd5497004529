/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist backup: a token into a sealed file, what such a file is, and a token out of one. The
 * module does the work; this program opens the files.
 */
#include "cli/keykist_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

#define OWN(member) offsetof(struct kk_keykist_backup_options, member)
#define PASSPHRASE_OPTIONS(what)                                                                   \
    {"passphrase", "TEXT", KK_OPTION_PIN, OWN(passphrase.value),                                   \
     "The passphrase of the " what " (others may see it: better the next two)"},                   \
        {"passphrase-file", "FILE", KK_OPTION_TEXT, OWN(passphrase.file),                          \
         "The passphrase is the file's first line"},                                               \
        {"passphrase-env", "NAME", KK_OPTION_TEXT, OWN(passphrase.env),                            \
         "The passphrase is in this environment variable"}

static const struct kk_option create_options[] = {
    {"out", "FILE", KK_OPTION_TEXT, OWN(out), "The file to write, - for standard output"},
    {"recipient", "FILE", KK_OPTION_LIST, OWN(recipients),
     "Seal it for this public key (X25519 or RSA, PEM); can be given 16 times"},
    PASSPHRASE_OPTIONS("backup"),
};

#define OPEN_OPTIONS                                                                               \
    {"identity", "FILE", KK_OPTION_TEXT, OWN(identity), "The private key of a recipient (PEM)"},   \
        PASSPHRASE_OPTIONS("backup, or of the --identity file")

static const struct kk_option open_options[] = {OPEN_OPTIONS};

static const struct kk_option restore_options[] = {
    OPEN_OPTIONS,
    {"replace", NULL, KK_OPTION_FLAG, OWN(replace),
     "Delete the token of this serial number when the restored one is there"},
    {"damaged", NULL, KK_OPTION_FLAG, OWN(damaged),
     "Take objects and lists that were damaged when the backup was made"},
    {"rekey", NULL, KK_OPTION_FLAG, OWN(rekey),
     "Give it new master keys before it is written; needs both PINs"},
};

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "create", .help = "Write a token, while it may be in use, to one sealed file",
     .more = "The file holds the token as it was at one moment. No PIN is needed. PINs, and the\n"
             "pepper if the token has one, are needed again after it was restored.\n",
     .takes = KK_TAKES_TOKEN,
     .own_size = sizeof(struct kk_keykist_backup_options),
     .options = create_options, .option_count = KK_ARRAY_LEN(create_options),
     .run = kk_keykist_backup_create},
    {.name = "show", .help = "Show what a backup is: without a key, how it is sealed",
     .operand = "FILE", .own_size = sizeof(struct kk_keykist_backup_options),
     .options = open_options, .option_count = KK_ARRAY_LEN(open_options),
     .run = kk_keykist_backup_show},
    {.name = "verify", .help = "Check a backup, with a PIN all that is in it; change nothing",
     .takes = KK_TAKES_PIN | KK_TAKES_SO_PIN,
     .operand = "FILE", .own_size = sizeof(struct kk_keykist_backup_options),
     .options = open_options, .option_count = KK_ARRAY_LEN(open_options),
     .run = kk_keykist_backup_verify},
    {.name = "restore", .help = "Make the token that is in a backup",
     .more = "The whole file is checked first. The SO's PIN (or, with --pin, the user's) opens the\n"
             "token in it. It keeps its serial number, slot and PINs, and its master keys unless --rekey\n"
             "gives it new ones. Killed in between, the same command can be run again.\n",
     .takes = KK_TAKES_PIN | KK_TAKES_SO_PIN | KK_TAKES_YES,
     .operand = "FILE", .own_size = sizeof(struct kk_keykist_backup_options),
     .options = restore_options, .option_count = KK_ARRAY_LEN(restore_options),
     .run = kk_keykist_backup_restore},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_backup_group = {
    "backup", "Back up tokens, and restore them", commands, KK_ARRAY_LEN(commands)};

/* ---- failures ---- */

/* clang-format off */
static const struct {
    CK_RV rv;
    const char *text;
} reasons[] = {
    {CKR_DATA_INVALID,           "it is not a file of keykist backup"},
    {CKR_TOKEN_NOT_RECOGNIZED,   "it was made by a newer version"},
    {CKR_WRAPPED_KEY_INVALID,    "it is sealed for another passphrase or key"},
    {CKR_ENCRYPTED_DATA_INVALID, "it is damaged or not whole"},
    {CKR_DEVICE_ERROR,           "the token in it is damaged, or needs another pepper or TPM; the log says more"},
    {CKR_KEY_TYPE_INCONSISTENT,  "only X25519 and RSA keys can be used"},
    {CKR_KEY_SIZE_RANGE,         "an RSA key must have 2048 to 16384 bits"},
    {CKR_FUNCTION_REJECTED,      "there is a token of its serial number; --replace puts it in that one's place"},
};
/* clang-format on */

static CK_RV failed(CK_RV rv, const char *path, const char *what)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(reasons); i++) {
        if (reasons[i].rv == rv) {
            return kk_cli_error("%s: %s: %s.", path, what, reasons[i].text);
        }
    }
    char text[320];
    (void)snprintf(text, sizeof text, "%s: %s", path, what);
    return kk_keykist_failed(rv, text);
}

/* ---- files ---- */

/* A file for the module's callbacks; errno of what failed. */
struct place {
    const char *path;
    int fd; /* reading */
    struct kk_cli_out out;
    int error;
};

static CK_RV place_write(void *context, const CK_BYTE *data, CK_ULONG len)
{
    struct place *place = context;
    CK_RV rv = kk_cli_out_write(&place->out, KK_SPAN(data, len));
    place->error = rv == CKR_OK ? 0 : errno;
    return rv;
}

static CK_RV place_read(void *context, CK_BYTE *data, CK_ULONG *len)
{
    struct place *place = context;
    ssize_t got = 0;
    do {
        got = read(place->fd, data, *len);
    } while (got < 0 && errno == EINTR);
    place->error = got < 0 ? errno : 0;
    *len = got < 0 ? 0 : (CK_ULONG)got;
    return got < 0 ? CKR_FUNCTION_FAILED : CKR_OK;
}

static void place_clear(struct place *place)
{
    if (place->fd > STDIN_FILENO) {
        (void)close(place->fd);
    }
    kk_cli_out_abandon(&place->out);
}

static CK_RV place_failed(const struct place *place, int error, const char *what)
{
    return kk_cli_error("%s: it cannot be %s: %s", place->path, what, strerror(error));
}

static KK_RV place_open(const char *path, struct place *place)
{
    place->path = path;
    if (strcmp(path, "-") == 0) {
        place->fd = STDIN_FILENO;
        return CKR_OK;
    }
    place->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return place->fd >= 0 ? CKR_OK : place_failed(place, errno, "read");
}

static KK_RV place_make(const char *path, struct place *place)
{
    bool is_standard = strcmp(path, "-") == 0;
    place->path = path;
    if (is_standard && isatty(STDOUT_FILENO) != 0) {
        return kk_cli_error("a backup is not for a terminal: use --out FILE, or a pipe");
    }
    CK_RV rv = is_standard ? kk_cli_out_standard(&place->out) : kk_cli_out_begin(path, &place->out);
    return rv == CKR_OK ? rv : place_failed(place, errno, "written");
}

/* ---- what is said ---- */

static void put_time(struct kk_table *table, CK_ULONG seconds)
{
    char text[40] = "";
    struct tm parts;
    time_t time = (time_t)seconds;
    if (gmtime_r(&time, &parts) != NULL && strftime(text, sizeof text, "%FT%TZ", &parts) > 0) {
        kk_table_text(table, text);
    } else {
        kk_table_none(table);
    }
}

/* "a passphrase (Argon2id, 3 passes over 256 MiB)", "2 recipients: 0123456789abcdef ..." */
static KK_RV put_sealing(struct kk_table *table, const CK_KEYKIST_BACKUP_INFO *info)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    char piece[96];
    if ((info->flags & CKF_KEYKIST_BACKUP_PASSPHRASE) != 0) {
        (void)snprintf(piece, sizeof piece, "a passphrase (Argon2id, %lu pass%s over %lu MiB)",
                       info->kdf_passes, info->kdf_passes == 1 ? "" : "es", info->kdf_kib / 1024);
        kk_table_text(table, piece);
        return CKR_OK;
    }
    (void)snprintf(piece, sizeof piece, "%lu recipient%s:", info->recipient_count,
                   info->recipient_count == 1 ? "" : "s");
    kk_buffer_put(&text, piece, strlen(piece));
    for (size_t i = 0; i < KK_MIN(info->recipient_count, (CK_ULONG)CK_KEYKIST_RECIPIENTS_MAX);
         i++) {
        kk_buffer_put_u8(&text, ' ');
        for (size_t j = 0; j < sizeof info->recipients[i]; j++) {
            (void)snprintf(piece, sizeof piece, "%02x", info->recipients[i][j]);
            kk_buffer_put(&text, piece, 2);
        }
    }
    KK_TRY(kk_buffer_check(&text));
    kk_table_bytes(table, kk_buffer_span(&text));
    return CKR_OK;
}

static const char *checked_as(const CK_KEYKIST_BACKUP_INFO *info)
{
    if ((info->flags & CKF_KEYKIST_BACKUP_CHECKED) != 0) {
        return "whole, and sound with the PIN";
    }
    return (info->flags & CKF_KEYKIST_BACKUP_OPENED) != 0 ? "whole" : "not opened";
}

static void put_content(struct kk_table *table, const CK_KEYKIST_BACKUP_INFO *info)
{
    kk_table_bytes(table, kk_text_trim(KK_SPAN_ARRAY(info->label)));
    kk_table_bytes(table, kk_text_trim(KK_SPAN_ARRAY(info->serial)));
    put_time(table, info->made_at);
    kk_table_number(table, info->private_objects);
    kk_table_number(table, info->public_objects);
    kk_table_bool(table, (info->flags & CKF_KEYKIST_BACKUP_NEEDS_PEPPER) != 0);
    kk_table_bool(table, (info->flags & CKF_KEYKIST_BACKUP_NEEDS_TPM) != 0);
}

#define CONTENT_COLUMNS 7

static KK_RV say_info(const struct kk_keykist *keykist, const CK_KEYKIST_BACKUP_INFO *info)
{
    static const struct kk_column columns[] = {
        {"Sealed for", "sealed_for"},
        {"State", "state"},
        {"Label", "label"},
        {"Serial", "serial"},
        {"Made at", "made_at"},
        {"Private objects", "private_objects"},
        {"Public objects", "public_objects"},
        {"Needs a pepper", "needs_pepper"},
        {"Needs a TPM", "needs_tpm"},
    };
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_TRY(put_sealing(&table, info));
    kk_table_text(&table, checked_as(info));
    if ((info->flags & CKF_KEYKIST_BACKUP_OPENED) != 0) {
        put_content(&table, info);
    } else {
        for (size_t i = 0; i < CONTENT_COLUMNS; i++) {
            kk_table_none(&table);
        }
    }
    if (!keykist->options.json) {
        return kk_table_print_record(&table);
    }
    kk_table_json_record(&table, &json, NULL);
    return kk_json_print(&json);
}

/* ---- create ---- */

static KK_RV write_backup(const CK_KEYKIST_FUNCTIONS *vendor, CK_SLOT_ID slot,
                          const CK_KEYKIST_BACKUP_KEY *key, const char *path,
                          CK_KEYKIST_BACKUP_INFO *info)
{
    KK_CLEANUP(place_clear) struct place place = {.fd = -1};
    KK_TRY(place_make(path, &place));
    CK_KEYKIST_STREAM to = {.context = &place, .write = place_write};
    CK_RV rv = vendor->backup(slot, key, &to, info);
    if (place.error != 0) {
        return place_failed(&place, place.error, "written");
    }
    if (rv != CKR_OK) {
        return failed(rv, path, "The token could not be backed up");
    }
    return kk_cli_out_end(&place.out) == CKR_OK ? CKR_OK : place_failed(&place, errno, "written");
}

static KK_RV say_created(const struct kk_keykist *keykist, const char *path, CK_SLOT_ID slot,
                         const CK_TOKEN_INFO *token, const CK_KEYKIST_BACKUP_INFO *info)
{
    static const char *const needs[] = {
        "", "; to be of use, it needs the token's pepper too",
        "; to be of use, it needs the TPM that guards the token's PINs",
        "; to be of use, it needs the token's pepper and the TPM that guards its PINs"};
    size_t what = ((info->flags & CKF_KEYKIST_BACKUP_NEEDS_PEPPER) != 0 ? 1u : 0u) +
                  ((info->flags & CKF_KEYKIST_BACKUP_NEEDS_TPM) != 0 ? 2u : 0u);
    char text[192];
    if (strcmp(path, "-") == 0) {
        return CKR_OK; /* standard output is the backup's */
    }
    if (keykist->options.json) {
        return say_info(keykist, info);
    }
    (void)snprintf(text, sizeof text, "backed up, %lu private and %lu public objects%s",
                   info->private_objects, info->public_objects, needs[what]);
    return kk_keykist_say(keykist, token, slot, text);
}

CK_RV kk_keykist_backup_create(struct kk_keykist *keykist)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_keykist_backup_key_clear) struct kk_keykist_backup_key key = {0};
    CK_KEYKIST_BACKUP_INFO info;
    CK_TOKEN_INFO token = {0};
    CK_SLOT_ID slot = 0;
    if (own->out == NULL) {
        return kk_cli_error("where is the backup to go? Use --out FILE");
    }
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    KK_TRY(kk_keykist_find_token(keykist, &slot, &token));
    KK_TRY(kk_keykist_backup_sealer(keykist, &key));
    KK_TRY(write_backup(vendor, slot, &key.key, own->out, &info));
    return say_created(keykist, own->out, slot, &token, &info);
}

/* ---- show, verify, restore ---- */

typedef CK_RV take_function(const CK_KEYKIST_STREAM *from, const CK_KEYKIST_BACKUP_KEY *key,
                            const CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info);

/* CKR_USER_NOT_LOGGED_IN (another PIN is needed) is the caller's to tell. */
static KK_RV take(const struct kk_keykist *keykist, take_function *function, const char *what,
                  const CK_KEYKIST_BACKUP_KEY *key, const CK_KEYKIST_RESTORE *how,
                  CK_KEYKIST_BACKUP_INFO *info)
{
    KK_CLEANUP(place_clear) struct place place = {.fd = -1};
    KK_TRY(place_open(keykist->operand, &place));
    CK_KEYKIST_STREAM from = {.context = &place, .read = place_read};
    CK_RV rv = function(&from, key, how, info);
    if (place.error != 0) {
        return place_failed(&place, place.error, "read");
    }
    return rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN ? rv : failed(rv, keykist->operand, what);
}

CK_RV kk_keykist_backup_show(struct kk_keykist *keykist)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_keykist_backup_key_clear) struct kk_keykist_backup_key key = {0};
    CK_KEYKIST_BACKUP_INFO info;
    bool given = false;
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    KK_TRY(kk_keykist_backup_opener(keykist, false, &key, &given));
    KK_TRY(take(keykist, vendor->backup_check, "It cannot be shown", given ? &key.key : NULL, NULL,
                &info));
    return say_info(keykist, &info);
}

/* The SO's PIN, or with --pin the user's. `must`: asked for when none was given. */
static KK_RV get_pin(const struct kk_keykist *keykist, bool must, struct kk_secret **ret_pin,
                     CK_KEYKIST_RESTORE *how)
{
    const struct kk_keykist_options *options = &keykist->options;
    bool by_user = kk_keykist_pin_is_given(&options->pin);
    bool by_so = kk_keykist_pin_is_given(&options->so_pin);
    if (by_user && by_so) {
        return kk_cli_error("one PIN is enough: --so-pin or --pin");
    }
    if (!by_user && !by_so && !must) {
        return CKR_OK;
    }
    KK_TRY(by_user ? kk_keykist_pin(&options->pin, "--pin", "user PIN", false, ret_pin)
                   : kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, ret_pin));
    how->user = by_user ? CKU_USER : CKU_SO;
    how->pin = (CK_KEYKIST_BYTES){kk_secret_span(*ret_pin).data, kk_secret_len(*ret_pin)};
    return CKR_OK;
}

CK_RV kk_keykist_backup_verify(struct kk_keykist *keykist)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_keykist_backup_key_clear) struct kk_keykist_backup_key key = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    CK_KEYKIST_RESTORE how = {0};
    CK_KEYKIST_BACKUP_INFO info;
    bool given = false;
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    KK_TRY(kk_keykist_backup_opener(keykist, true, &key, &given));
    KK_TRY(get_pin(keykist, false, &pin, &how));
    KK_TRY(take(keykist, vendor->backup_check, "The check failed", &key.key, &how, &info));
    return say_info(keykist, &info);
}

/* The slot of the token that is there now. */
static KK_RV say_restored(const struct kk_keykist *keykist, const CK_KEYKIST_BACKUP_INFO *info)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(&keykist->module, CK_TRUE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        CK_TOKEN_INFO token = {0};
        KK_TRY(kk_token_info(&keykist->module, slots.ids[i], &token));
        if ((token.flags & CKF_TOKEN_INITIALIZED) != 0 &&
            kk_mem_equal(token.serialNumber, sizeof token.serialNumber, info->serial,
                         sizeof info->serial)) {
            return kk_keykist_say(keykist, &token, slots.ids[i],
                                  own->rekey ? "restored, with new master keys"
                                             : "restored, with the master keys that it had");
        }
    }
    return kk_cli_error("the token was restored, but the module does not show it; see its log");
}

/* For new master keys: the SO's PIN, and the user's if it was given. */
static KK_RV get_pins(const struct kk_keykist *keykist, struct kk_secret **ret_pin,
                      struct kk_secret **ret_user_pin, CK_KEYKIST_RESTORE *how)
{
    const struct kk_keykist_options *options = &keykist->options;
    KK_TRY(kk_keykist_pin(&options->so_pin, "--so-pin", "SO PIN", false, ret_pin));
    how->flags |= CKF_KEYKIST_RESTORE_REKEY;
    how->user = CKU_SO;
    how->pin = (CK_KEYKIST_BYTES){kk_secret_span(*ret_pin).data, kk_secret_len(*ret_pin)};
    if (!kk_keykist_pin_is_given(&options->pin)) {
        return CKR_OK;
    }
    KK_TRY(kk_keykist_pin(&options->pin, "--pin", "user PIN", false, ret_user_pin));
    how->user_pin =
        (CK_KEYKIST_BYTES){kk_secret_span(*ret_user_pin).data, kk_secret_len(*ret_user_pin)};
    return CKR_OK;
}

/* Whether the token has a user only the module knows, once it read the file: then the user's PIN is
 * asked for, and the file is read again. */
static KK_RV restore(const struct kk_keykist *keykist, const CK_KEYKIST_BACKUP_KEY *key,
                     CK_KEYKIST_RESTORE *how, CK_KEYKIST_BACKUP_INFO *info)
{
    static const char what[] = "It cannot be restored";
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    CK_RV rv = take(keykist, vendor->restore, what, key, how, info);
    if (rv != CKR_USER_NOT_LOGGED_IN) {
        return rv;
    }
    KK_TRY(kk_keykist_pin(&keykist->options.pin, "--pin", "user PIN", false, &pin));
    how->user_pin = (CK_KEYKIST_BYTES){kk_secret_span(pin).data, kk_secret_len(pin)};
    return take(keykist, vendor->restore, what, key, how, info);
}

CK_RV kk_keykist_backup_restore(struct kk_keykist *keykist)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    KK_CLEANUP(kk_keykist_backup_key_clear) struct kk_keykist_backup_key key = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *user_pin = NULL;
    CK_KEYKIST_RESTORE how = {0};
    CK_KEYKIST_BACKUP_INFO info;
    bool given = false;
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    if (own->rekey && own->damaged) {
        return kk_cli_error("a damaged token gets no new keys: --rekey or --damaged");
    }
    if (own->replace) {
        KK_TRY(kk_keykist_confirm(
            keykist, "A token of the backup's serial number, with all that changed since, goes"));
    }
    KK_TRY(kk_keykist_backup_opener(keykist, true, &key, &given));
    KK_TRY(own->rekey ? get_pins(keykist, &pin, &user_pin, &how)
                      : get_pin(keykist, true, &pin, &how));
    how.flags |= own->replace ? CKF_KEYKIST_RESTORE_REPLACE : 0;
    how.flags |= own->damaged ? CKF_KEYKIST_RESTORE_DAMAGED : 0;
    KK_TRY(restore(keykist, &key.key, &how, &info));
    return say_restored(keykist, &info);
}
