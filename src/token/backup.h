/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups: a token as one sealed file, and back (docs/design/backup.md). Bytes go through
 * callbacks: nothing here opens a file.
 */
#pragma once

#include "token/engine.h"

#define KK_BACKUP_RECIPIENTS_MAX 16
#define KK_BACKUP_PASSPHRASE_MIN 8
#define KK_BACKUP_KEY_ID 8

/* Where a backup comes from or goes to. read() fills at most `room` bytes and says how many, 0 at
 * the end; what a callback fails with is passed on. */
struct kk_backup_stream {
    void *context;
    CK_RV (*read)(void *context, uint8_t *data, size_t room, size_t *ret_len);
    CK_RV (*write)(void *context, struct kk_span data);
};

/* What seals a backup (a passphrase, or recipients) or opens it (a passphrase, or an identity). All
 * borrowed. */
struct kk_backup_key {
    struct kk_span passphrase;
    const struct kk_span *recipients; /* SubjectPublicKeyInfo, DER: X25519 or RSA */
    size_t recipient_count;
    struct kk_span identity; /* PrivateKeyInfo, DER */
};

/* How a backup is sealed: all that can be said of it without a key. */
struct kk_backup_sealing {
    bool by_passphrase;
    uint32_t ops, mem_kib;
    size_t recipient_count;
    uint8_t recipients[KK_BACKUP_RECIPIENTS_MAX][KK_BACKUP_KEY_ID];
};

struct kk_backup_info {
    struct kk_backup_sealing sealing;
    /* what follows: once it was opened */
    char label[32];
    char serial[16];
    uint64_t made_at; /* seconds of the epoch */
    bool needs_pepper;
    bool needs_tpm; /* a TPM guards a PIN in it: that PIN opens with this TPM only */
    uint64_t rows, private_objects, public_objects;
};

/* A PIN that opens the token in a backup. */
struct kk_backup_pin {
    bool given;
    enum kk_role role;
    struct kk_span pin;
};

/* Writes the token as it is at one moment. No login. CKR_ARGUMENTS_BAD: neither a passphrase nor
 * recipients, or both; CKR_PIN_LEN_RANGE: the passphrase is shorter than 8 bytes;
 * CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE: a recipient's key is of no use. */
KK_RV kk_backup_write(struct kk_token *token, const struct kk_backup_key *key,
                      const struct kk_backup_stream *to, struct kk_backup_info *ret_info);

/* Reads how a backup is sealed, no more. CKR_DATA_INVALID: it is no backup;
 * CKR_TOKEN_NOT_RECOGNIZED: of a newer format; CKR_ENCRYPTED_DATA_INVALID: damaged. */
KK_RV kk_backup_look(const struct kk_backup_stream *from, struct kk_backup_sealing *ret_sealing);

/* A backup that was read and checked. */
struct kk_restore;

/* Reads a backup to its end and checks it, with the PIN as far as that goes. `take_damaged`:
 * objects and lists of them that are damaged are no failure, only logged. Codes of
 * kk_backup_look(), and: CKR_WRAPPED_KEY_INVALID: the key does not open it; codes of a login for
 * the PIN; CKR_DEVICE_ERROR: the token in it is damaged, or needs a pepper or TPM that is not
 * there, or its KDF asks for more than anybody would use. */
KK_RV kk_restore_read(struct kk_engine *engine, const struct kk_backup_stream *from,
                      const struct kk_backup_key *key, const struct kk_backup_pin *pin,
                      bool take_damaged, struct kk_restore **ret_restore);
void kk_restore_free(struct kk_restore *restore);
KK_DEFINE_CLEANUP(struct kk_restore *, kk_restore_free);

const struct kk_backup_info *kk_restore_info(const struct kk_restore *restore);

/* Gives what was read new master keys, in memory: what is written then was never on the disk under
 * the old ones. A rekey that the backup was made in the middle of is finished first. Needs the SO's
 * PIN, and the user's where there is a user (CKR_USER_NOT_LOGGED_IN, also when it was read without
 * a PIN); codes of a login; CKR_DEVICE_ERROR: it is damaged. */
KK_RV kk_restore_rekey(struct kk_restore *restore, const struct kk_rekey *rekey);

/* Makes the token, with a new epoch; it was read with a PIN (else CKR_USER_NOT_LOGGED_IN). With
 * `replace`, tokens of its serial number are deleted when it is on the disk; without it
 * CKR_FUNCTION_REJECTED when there is one. CKR_TOKEN_WRITE_PROTECTED: there is one that is only
 * read. */
KK_RV kk_restore_write(struct kk_restore *restore, bool replace);
