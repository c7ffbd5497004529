/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups as anybody may write them. The first byte says what the rest is: a header, opened by a
 * recipient; or records, { kind, u16 length, payload } each, which are sealed here with a right end
 * behind them, as somebody who has the key could: then the reader, and what opens as a token.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "crypto/kdf.h"
#include "input.h"
#include "token/backup_file.h"
#include "token/sealed_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kk_crypto *crypto;

/* ---- a file in memory ---- */

struct tape {
    struct kk_buffer bytes;
    size_t at;
};

static CK_RV tape_read(void *context, uint8_t *data, size_t room, size_t *ret_len)
{
    struct tape *tape = context;
    size_t len = KK_MIN(room, tape->bytes.len - tape->at);
    if (len > 0) {
        memcpy(data, tape->bytes.data + tape->at, len);
    }
    tape->at += len;
    *ret_len = len;
    return CKR_OK;
}

static CK_RV tape_write(void *context, struct kk_span data)
{
    struct tape *tape = context;
    kk_buffer_put_span(&tape->bytes, data);
    return kk_buffer_check(&tape->bytes);
}

/* ---- headers ---- */

/* The private key of RFC 7748's example, as PKCS#8. */
static const uint8_t identity[] = {
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
    0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
    0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};

static void take_header(struct kk_span bytes)
{
    KK_CLEANUP(kk_backup_header_clear) struct kk_backup_header header = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file_key = NULL;
    const struct kk_backup_key key = {.identity = KK_SPAN_ARRAY(identity)};
    struct tape tape = {0};
    kk_buffer_put_span(&tape.bytes, bytes);
    const struct kk_backup_stream stream = {.context = &tape, .read = tape_read};
    if (kk_backup_header_read(&stream, &header) == CKR_OK) {
        FUZZ_CHECK(header.sealing.recipient_count <= KK_BACKUP_RECIPIENTS_MAX);
        (void)!kk_backup_header_open(crypto, &header, &key, &file_key);
    }
    kk_buffer_clear(&tape.bytes);
}

/* ---- records ---- */

struct script {
    struct kk_buffer records;
    uint64_t counts[3];
};

static void put_record(struct script *script, uint8_t kind, struct kk_span payload)
{
    kk_buffer_put_u8(&script->records, kind);
    kk_buffer_put_u32(&script->records, (uint32_t)payload.len);
    kk_buffer_put_span(&script->records, payload);
    script->counts[0] += kind == 2 ? 1 : 0;
    if (kind == 3 && payload.len > 16) {
        script->counts[payload.data[16] == 1 ? 1 : 2]++;
    }
}

static void write_script(struct kk_span bytes, struct script *script)
{
    struct kk_reader reader = kk_reader_new(bytes);
    uint8_t end[24 + KK_SHA256_SIZE];
    while (reader.rest.len > 0 && !reader.failed) {
        uint8_t kind = kk_reader_u8(&reader);
        size_t len = KK_MIN((size_t)kk_reader_u16(&reader), reader.rest.len);
        put_record(script, kind, kk_reader_take(&reader, len));
    }
    for (size_t i = 0; i < 3; i++) {
        kk_store_u64(end + 8 * i, script->counts[i]);
    }
    struct kk_span all = kk_buffer_span(&script->records);
    FUZZ_CHECK(kk_sha256(crypto, &all, 1, end + 24) == CKR_OK);
    put_record(script, 4, KK_SPAN_ARRAY(end));
}

/* As a token: whatever is in its rows. */
static void open_token(struct kk_store *store, struct kk_repository **ret_repository)
{
    static const struct kk_repository_settings settings = {.pin_kdf = KK_KDF_TEST};
    const struct kk_backup_pin none = {0};
    struct kk_token_state state;
    if (kk_sealed_open(crypto, store, &settings, ret_repository) == CKR_OK) {
        (void)!(*ret_repository)->ops->state(*ret_repository, &state);
        (void)!kk_sealed_adopt(*ret_repository, &none, true);
    }
}

/* What was taken comes out again as it went in. */
static void put_again(struct kk_store *store, const struct kk_backup_stream *stream,
                      const struct kk_secret *key, const struct kk_backup_info *info)
{
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    struct kk_backup_info again = {0};
    struct kk_store_tx *tx = NULL;
    FUZZ_CHECK(kk_store_memory.begin(store, KK_STORE_READ, &tx) == CKR_OK);
    FUZZ_CHECK(kk_backup_chunks_begin(crypto, key, stream, &chunks) == CKR_OK);
    FUZZ_CHECK(kk_backup_records_put(tx, &chunks, &again) == CKR_OK);
    FUZZ_CHECK(again.private_objects == info->private_objects &&
               again.public_objects == info->public_objects && again.rows <= info->rows);
    kk_store_memory.rollback(tx);
}

static CK_RV take_all(struct kk_backup_chunks *chunks, struct kk_store *store,
                      struct kk_backup_info *info)
{
    struct kk_store_tx *tx = NULL;
    FUZZ_CHECK(kk_store_memory.begin(store, KK_STORE_WRITE, &tx) == CKR_OK);
    CK_RV rv = kk_backup_records_take(chunks, tx, info);
    if (rv != CKR_OK) {
        kk_store_memory.rollback(tx);
        return rv;
    }
    return kk_store_memory.commit(tx);
}

static void take_records(const struct kk_backup_stream *stream, const struct kk_secret *key)
{
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    struct kk_backup_info info = {0};
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_repository *repository = NULL;
    FUZZ_CHECK(kk_backup_chunks_begin(crypto, key, stream, &chunks) == CKR_OK);
    FUZZ_CHECK(kk_store_memory.env_new("", 0, &env) == CKR_OK);
    FUZZ_CHECK(kk_store_memory.create(env, "7d1b7a52-3c1e-4bd6-9d6a-0123456789ab", &store) ==
               CKR_OK);
    if (take_all(&chunks, store, &info) == CKR_OK) {
        put_again(store, stream, key, &info);
        open_token(store, &repository);
    }
    if (repository != NULL) {
        repository->ops->close(repository);
    } else {
        kk_store_memory.close(store);
    }
    kk_store_memory.env_free(env);
}

static void play(struct kk_span bytes)
{
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    struct script script = {0};
    struct tape tape = {0};
    const struct kk_backup_stream stream = {
        .context = &tape, .read = tape_read, .write = tape_write};
    write_script(bytes, &script);
    FUZZ_CHECK(kk_secret_new(KK_BACKUP_FILE_KEY, &key) == CKR_OK);
    FUZZ_CHECK(kk_backup_chunks_begin(crypto, key, &stream, &chunks) == CKR_OK);
    FUZZ_CHECK(kk_backup_chunks_put(&chunks, kk_buffer_span(&script.records)) == CKR_OK);
    FUZZ_CHECK(kk_backup_chunks_finish(&chunks) == CKR_OK);
    take_records(&stream, key);
    kk_buffer_clear(&script.records);
    kk_buffer_clear(&tape.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (crypto == NULL) {
        kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
        FUZZ_CHECK(kk_crypto_new(&crypto) == CKR_OK);
    }
    if (size > 0 && data[0] == 'H') {
        take_header(KK_SPAN(data + 1, size - 1));
    } else if (size > 0) {
        play(KK_SPAN(data + 1, size - 1));
    }
    return 0;
}
