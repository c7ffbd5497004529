/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist backup: passphrases, recipients, and the private key of one.
 */
#include "cli/keykist_backup.h"

#include <unistd.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/pem.h"
#include "cli/report.h"
#include "crypto/keyfile.h"

#include "base/banned.h"

#define PASSPHRASE_MIN 8

void kk_keykist_backup_key_clear(struct kk_keykist_backup_key *key)
{
    for (size_t i = 0; i < KK_OPTION_LIST_MAX; i++) {
        kk_secret_free(key->spkis[i]);
    }
    kk_secret_free(key->passphrase);
    kk_secret_free(key->identity);
    *key = (struct kk_keykist_backup_key){0};
}

static CK_KEYKIST_BYTES bytes_of(const struct kk_secret *secret)
{
    struct kk_span span = kk_secret_span(secret);
    return (CK_KEYKIST_BYTES){span.data, span.len};
}

static KK_RV read_file(const char *path, struct kk_secret **ret_content)
{
    return kk_cli_file_read(path, ret_content) == KK_CLI_FILE_OK
               ? CKR_OK
               : kk_cli_error("%s: it cannot be read", path);
}

/* ---- sealing ---- */

/* PEM, or DER as it is. */
static KK_RV read_recipient(const char *path, struct kk_secret **ret_spki)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    KK_TRY(read_file(path, &content));
    CK_RV rv = kk_pem_decode(kk_secret_span(content), "PUBLIC KEY", ret_spki);
    if (rv == CKR_DATA_INVALID && kk_secret_len(content) > 0 &&
        kk_secret_span(content).data[0] == 0x30) {
        *ret_spki = KK_STEAL(content);
        return CKR_OK;
    }
    return rv == CKR_OK
               ? rv
               : kk_cli_error("%s: it holds no public key (\"BEGIN PUBLIC KEY\" or DER)", path);
}

static KK_RV take_passphrase(const struct kk_keykist *keykist, bool is_new,
                             struct kk_keykist_backup_key *key)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    KK_TRY(
        kk_keykist_pin(&own->passphrase, "--passphrase", "passphrase", is_new, &key->passphrase));
    if (is_new && kk_secret_len(key->passphrase) < PASSPHRASE_MIN) {
        return kk_cli_error("the passphrase must have at least %d bytes", PASSPHRASE_MIN);
    }
    key->key.passphrase = bytes_of(key->passphrase);
    return CKR_OK;
}

KK_RV kk_keykist_backup_sealer(const struct kk_keykist *keykist, struct kk_keykist_backup_key *key)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    bool by_passphrase = kk_keykist_pin_is_given(&own->passphrase);
    if (own->recipients.count > 0 && by_passphrase) {
        return kk_cli_error("a backup is sealed for recipients or for a passphrase, not for both");
    }
    if (own->recipients.count == 0 && !by_passphrase && isatty(STDIN_FILENO) == 0) {
        return kk_cli_error("what is to seal the backup? Use --recipient or --passphrase-file");
    }
    if (own->recipients.count == 0) {
        return take_passphrase(keykist, true, key);
    }
    for (size_t i = 0; i < own->recipients.count; i++) {
        KK_TRY(read_recipient(own->recipients.items[i], &key->spkis[i]));
        key->recipients[i] = bytes_of(key->spkis[i]);
    }
    key->key.recipients = key->recipients;
    key->key.recipient_count = own->recipients.count;
    return CKR_OK;
}

/* ---- opening ---- */

/* Where an encrypted key file is the identity, the passphrase is that file's. */
static KK_RV parse_identity(const struct kk_keykist *keykist, const char *path,
                            struct kk_keyfile **ret_keyfile)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *passphrase = NULL;
    KK_TRY(read_file(path, &content));
    CK_RV rv = kk_keyfile_parse(kk_secret_span(content), NULL, ret_keyfile);
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        KK_TRY(kk_keykist_pin(&own->passphrase, "--passphrase", "passphrase of the key file", false,
                              &passphrase));
        rv = kk_keyfile_parse(kk_secret_span(content), passphrase, ret_keyfile);
    }
    if (rv == CKR_PIN_INCORRECT) {
        return kk_cli_error("%s: the passphrase does not open it", path);
    }
    return rv == CKR_OK ? rv : kk_cli_error("%s: it holds no private key that can be used", path);
}

static KK_RV take_identity(const struct kk_keykist *keykist, const char *path,
                           struct kk_keykist_backup_key *key)
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pem = NULL;
    KK_TRY(parse_identity(keykist, path, &keyfile));
    CK_RV rv = kk_keyfile_write(keyfile, NULL, &pem);
    if (rv == CKR_OK) {
        rv = kk_pem_decode(kk_secret_span(pem), "PRIVATE KEY", &key->identity);
    }
    if (rv != CKR_OK) {
        return kk_cli_error("%s: it holds no private key that can be used", path);
    }
    key->key.identity = bytes_of(key->identity);
    return CKR_OK;
}

KK_RV kk_keykist_backup_opener(const struct kk_keykist *keykist, bool must,
                               struct kk_keykist_backup_key *key, bool *ret_given)
{
    const struct kk_keykist_backup_options *own = keykist->own;
    bool has_passphrase = kk_keykist_pin_is_given(&own->passphrase);
    *ret_given = own->identity != NULL || has_passphrase || must;
    if (own->identity != NULL) {
        return take_identity(keykist, own->identity, key);
    }
    if (!*ret_given) {
        return CKR_OK;
    }
    if (!has_passphrase && isatty(STDIN_FILENO) == 0) {
        return kk_cli_error("what opens the backup? Use --passphrase-file or --identity");
    }
    return take_passphrase(keykist, false, key);
}
