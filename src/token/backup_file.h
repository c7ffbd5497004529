/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backup file's own structures: header, chunks, records. Shared by backup*.c and their tests.
 */
#pragma once

#include "base/secret.h"
#include "crypto/digest.h"
#include "token/backup.h"

#define KK_BACKUP_MAGIC "KEYKIST-BACKUP\r\n"
#define KK_BACKUP_VERSION 1
#define KK_BACKUP_CHUNK 65536u
#define KK_BACKUP_FILE_KEY 32
#define KK_BACKUP_MAC 32

/* Tables of a repository have numbers below this one. */
#define KK_BACKUP_TABLES 16

/* ---- backup_header.c ---- */

/* A header as it was read: the bytes that the MAC covers, the stanzas in them, the MAC. */
struct kk_backup_header {
    struct kk_buffer bytes;
    struct kk_backup_sealing sealing;
    uint8_t mac[KK_BACKUP_MAC];
};
void kk_backup_header_clear(struct kk_backup_header *header);

/* A new file key, and a header, MAC and all, that holds it for `key`. `kdf`: enum kk_config_kdf. */
KK_RV kk_backup_header_make(struct kk_crypto *crypto, int kdf, const struct kk_backup_key *key,
                            struct kk_buffer *ret_bytes, struct kk_backup_sealing *ret_sealing,
                            struct kk_secret **ret_file_key);

/* Codes of kk_backup_look(). Nothing behind the header is read. */
KK_RV kk_backup_header_read(const struct kk_backup_stream *from,
                            struct kk_backup_header *ret_header);

/* The file key, proved by the MAC. CKR_WRAPPED_KEY_INVALID, CKR_DEVICE_ERROR (the KDF asks for too
 * much), CKR_ARGUMENTS_BAD (no key), CKR_ENCRYPTED_DATA_INVALID (the header was changed). */
KK_RV kk_backup_header_open(struct kk_crypto *crypto, const struct kk_backup_header *header,
                            const struct kk_backup_key *key, struct kk_secret **ret_file_key);

/* Fills `len` bytes from the stream, fewer at its end. */
KK_RV kk_backup_fill(const struct kk_backup_stream *from, uint8_t *data, size_t len,
                     size_t *ret_len);

/* The key of a part of the file. `info` is a text that ends in zero. */
KK_RV kk_backup_subkey(struct kk_crypto *crypto, const struct kk_secret *file_key, const char *info,
                       struct kk_secret **ret_key);

/* ---- backup_chunks.c ---- */

/* One way through the chunks. Zero-initialise; clear wipes. */
struct kk_backup_chunks {
    struct kk_crypto *crypto;
    const struct kk_backup_stream *stream;
    struct kk_secret *key;
    struct kk_secret *plain; /* one chunk */
    struct kk_buffer sealed; /* one chunk, its tag, and one byte of the next one */
    size_t sealed_len;       /* reading: bytes of the next chunk that are there already */
    size_t at, len;          /* in the plain chunk */
    uint64_t number;
    bool ended;
};

KK_RV kk_backup_chunks_begin(struct kk_crypto *crypto, const struct kk_secret *file_key,
                             const struct kk_backup_stream *stream,
                             struct kk_backup_chunks *chunks);
void kk_backup_chunks_clear(struct kk_backup_chunks *chunks);

KK_RV kk_backup_chunks_put(struct kk_backup_chunks *chunks, struct kk_span data);
/* Writes the last chunk. Something must have been put. */
KK_RV kk_backup_chunks_finish(struct kk_backup_chunks *chunks);

/* CKR_ENCRYPTED_DATA_INVALID: a chunk is not the one that belongs there, or there are no more
 * bytes. */
KK_RV kk_backup_chunks_take(struct kk_backup_chunks *chunks, uint8_t *out, size_t len);
/* Whether everything was taken; CKR_ENCRYPTED_DATA_INVALID when it was not. */
KK_RV kk_backup_chunks_done(struct kk_backup_chunks *chunks);

/* ---- backup_records.c ---- */

/* Puts what the transaction sees as records, the first one and the last one included.
 * info->label, serial, made_at, needs_pepper and needs_tpm are given, the counts are set. */
KK_RV kk_backup_records_put(struct kk_store_tx *tx, struct kk_backup_chunks *chunks,
                            struct kk_backup_info *info);

/* Takes all records into an empty store; the chunks must end there. CKR_ENCRYPTED_DATA_INVALID: a
 * record is not one, or out of order, or a count or the digest does not agree. */
KK_RV kk_backup_records_take(struct kk_backup_chunks *chunks, struct kk_store_tx *tx,
                             struct kk_backup_info *info);

/* Every row and object of one transaction into another one. */
KK_RV kk_backup_copy(struct kk_store_tx *from, struct kk_store_tx *to);
