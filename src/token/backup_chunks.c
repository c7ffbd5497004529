/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backup's body: chunks of one size, each sealed under its number and under whether it is the
 * last one, so that none can be left out, moved or added. What a reader gets was authenticated.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "token/backup_file.h"

#include "base/banned.h"

#define SEALED_CHUNK (KK_BACKUP_CHUNK + KK_AEAD_TAG)

KK_RV kk_backup_chunks_begin(struct kk_crypto *crypto, const struct kk_secret *file_key,
                             const struct kk_backup_stream *stream, struct kk_backup_chunks *chunks)
{
    chunks->crypto = crypto;
    chunks->stream = stream;
    (void)kk_buffer_extend(&chunks->sealed, SEALED_CHUNK + 1);
    KK_TRY(kk_buffer_check(&chunks->sealed));
    KK_TRY(kk_secret_new(KK_BACKUP_CHUNK, &chunks->plain));
    return kk_backup_subkey(crypto, file_key, "keykist/backup/body", &chunks->key);
}

void kk_backup_chunks_clear(struct kk_backup_chunks *chunks)
{
    kk_secret_free(chunks->key);
    kk_secret_free(chunks->plain);
    kk_buffer_clear(&chunks->sealed);
    *chunks = (struct kk_backup_chunks){0};
}

/* A chunk's nonce. The key is this file's alone. */
struct nonce {
    uint8_t bytes[KK_AEAD_NONCE];
};

static struct nonce nonce_of(uint64_t number, bool is_last)
{
    struct nonce nonce = {{0}};
    kk_store_u64(nonce.bytes + 3, number);
    nonce.bytes[11] = is_last ? 1 : 0;
    return nonce;
}

/* ---- writing ---- */

static KK_RV write_chunk(struct kk_backup_chunks *chunks, bool is_last)
{
    struct nonce nonce = nonce_of(chunks->number++, is_last);
    uint8_t *to = chunks->sealed.data;
    KK_TRY(kk_aead_seal(chunks->crypto, kk_secret_span(chunks->key), KK_SPAN_ARRAY(nonce.bytes),
                        KK_SPAN(NULL, 0), KK_SPAN(kk_secret_data(chunks->plain), chunks->len), to,
                        to + chunks->len));
    size_t len = chunks->len + KK_AEAD_TAG;
    chunks->len = 0;
    return chunks->stream->write(chunks->stream->context, KK_SPAN(to, len));
}

/* A full chunk is written when more comes: the last one is known as such only at the end. */
KK_RV kk_backup_chunks_put(struct kk_backup_chunks *chunks, struct kk_span data)
{
    while (data.len > 0) {
        if (chunks->len == KK_BACKUP_CHUNK) {
            KK_TRY(write_chunk(chunks, false));
        }
        size_t len = KK_MIN(data.len, KK_BACKUP_CHUNK - chunks->len);
        memcpy(kk_secret_data(chunks->plain) + chunks->len, data.data, len);
        chunks->len += len;
        data = KK_SPAN(data.data + len, data.len - len);
    }
    return CKR_OK;
}

KK_RV kk_backup_chunks_finish(struct kk_backup_chunks *chunks)
{
    KK_ASSERT(chunks->len > 0);
    return write_chunk(chunks, true);
}

/* ---- reading ---- */

/* One byte more than a chunk is read: whether there is one tells whether this chunk is the last. */
static KK_RV read_chunk(struct kk_backup_chunks *chunks)
{
    size_t got = 0;
    uint8_t *sealed = chunks->sealed.data;
    KK_TRY(kk_backup_fill(chunks->stream, sealed + chunks->sealed_len,
                          SEALED_CHUNK + 1 - chunks->sealed_len, &got));
    got += chunks->sealed_len;
    bool is_last = got <= SEALED_CHUNK;
    size_t len = is_last ? got : SEALED_CHUNK;
    if (len <= KK_AEAD_TAG) {
        kk_log_error("backup: it ends too early");
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    len -= KK_AEAD_TAG;
    struct nonce nonce = nonce_of(chunks->number, is_last);
    CK_RV rv = kk_aead_open(chunks->crypto, kk_secret_span(chunks->key), KK_SPAN_ARRAY(nonce.bytes),
                            KK_SPAN(NULL, 0), KK_SPAN(sealed, len), sealed + len,
                            kk_secret_data(chunks->plain));
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        kk_log_error("backup: part %llu (64 KiB each) is damaged or cut off",
                     (unsigned long long)chunks->number + 1);
    }
    KK_TRY(rv);
    chunks->number++;
    chunks->ended = is_last;
    chunks->at = 0;
    chunks->len = len;
    chunks->sealed_len = is_last ? 0 : 1;
    sealed[0] = sealed[SEALED_CHUNK];
    return CKR_OK;
}

KK_RV kk_backup_chunks_take(struct kk_backup_chunks *chunks, uint8_t *out, size_t len)
{
    while (len > 0) {
        if (chunks->at == chunks->len) {
            KK_ENSURE(!chunks->ended, CKR_ENCRYPTED_DATA_INVALID);
            KK_TRY(read_chunk(chunks));
        }
        size_t piece = KK_MIN(len, chunks->len - chunks->at);
        memcpy(out, kk_secret_span(chunks->plain).data + chunks->at, piece);
        chunks->at += piece;
        out += piece;
        len -= piece;
    }
    return CKR_OK;
}

KK_RV kk_backup_chunks_done(struct kk_backup_chunks *chunks)
{
    KK_ENSURE(chunks->ended && chunks->at == chunks->len, CKR_ENCRYPTED_DATA_INVALID);
    return CKR_OK;
}
