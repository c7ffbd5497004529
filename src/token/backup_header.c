/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backup's header: the file key, sealed for a passphrase or for each recipient, and a MAC under
 * that key over all of it.
 */
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "crypto/ecdh.h"
#include "crypto/kdf.h"
#include "crypto/rsa.h"
#include "token/backup_file.h"

#include "base/banned.h"

enum stanza_type { STANZA_PASSPHRASE = 1, STANZA_X25519 = 2, STANZA_RSA = 3 };

#define MAGIC_LEN (sizeof KK_BACKUP_MAGIC - 1)
#define HEAD_LEN (MAGIC_LEN + 2 + 2)
#define SALT_LEN 16
#define POINT_LEN 32
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

/* What a file may ask for at most: beyond this it was made to hang or starve us. */
#define OPS_MAX 16
#define MEM_KIB_MAX (1024u * 1024u)

/* A file lies about for years and is opened seldom: more work than for a PIN. */
static const struct {
    uint32_t ops, mem_kib;
} kdfs[] = {
    [KK_KDF_DEFAULT] = {3, 262144},
    [KK_KDF_STRONG] = {4, 524288},
    [KK_KDF_TEST] = {1, 8192},
};

/* The key of a stanza is used once. */
static const uint8_t no_nonce[KK_AEAD_NONCE];

static const uint8_t x25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};

static const struct kk_rsa_scheme oaep = {
    .padding = KK_RSA_OAEP,
    .hash = "SHA256",
    .mgf_hash = "SHA256",
    .label = {(const uint8_t *)"keykist/backup", sizeof "keykist/backup" - 1},
};

void kk_backup_header_clear(struct kk_backup_header *header)
{
    kk_buffer_clear(&header->bytes);
    *header = (struct kk_backup_header){0};
}

/* ---- keys ---- */

static KK_RV hkdf(struct kk_crypto *crypto, const struct kk_secret *from, struct kk_span salt,
                  const char *info, struct kk_secret **ret_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_TRY(kk_secret_new(KK_AEAD_KEY, &key));
    KK_TRY(kk_hkdf_sha512(crypto, kk_secret_span(from), salt, KK_SPAN(info, strlen(info)), key));
    *ret_key = KK_STEAL(key);
    return CKR_OK;
}

KK_RV kk_backup_subkey(struct kk_crypto *crypto, const struct kk_secret *file_key, const char *info,
                       struct kk_secret **ret_key)
{
    return hkdf(crypto, file_key, KK_SPAN(NULL, 0), info, ret_key);
}

static KK_RV mac_of(struct kk_crypto *crypto, const struct kk_secret *file_key,
                    struct kk_span bytes, uint8_t ret_mac[KK_BACKUP_MAC])
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_TRY(kk_backup_subkey(crypto, file_key, "keykist/backup/header", &key));
    return kk_hmac_sha256(crypto, kk_secret_span(key), &bytes, 1, ret_mac);
}

static KK_RV passphrase_key(struct kk_crypto *crypto, struct kk_span passphrase,
                            const uint8_t salt[SALT_LEN], uint32_t ops, uint32_t mem_kib,
                            struct kk_secret **ret_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *stretched = NULL;
    KK_TRY(kk_secret_new(KK_AEAD_KEY, &stretched));
    KK_TRY(kk_argon2id(passphrase, salt, ops, (size_t)mem_kib * 1024, stretched));
    return hkdf(crypto, stretched, KK_SPAN(NULL, 0), "keykist/backup/passphrase", ret_key);
}

/* What both sides of the agreement know: their public keys are its salt. */
static KK_RV x25519_key(struct kk_crypto *crypto, struct kk_key *own, struct kk_span peer,
                        struct kk_span ephemeral, struct kk_span recipient,
                        struct kk_secret **ret_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *shared = NULL;
    uint8_t salt[2 * POINT_LEN];
    KK_ENSURE(ephemeral.len == POINT_LEN && recipient.len == POINT_LEN, CKR_KEY_TYPE_INCONSISTENT);
    memcpy(salt, ephemeral.data, POINT_LEN);
    memcpy(salt + POINT_LEN, recipient.data, POINT_LEN);
    KK_TRY(kk_ecdh_derive(crypto, own, peer, false, &shared));
    return hkdf(crypto, shared, KK_SPAN_ARRAY(salt), "keykist/backup/x25519", ret_key);
}

/* A key of somebody's, public or private, with what stanzas need of it. */
struct party {
    struct kk_key_parts parts;
    struct kk_key *key;
    enum stanza_type type;
    uint8_t id[KK_BACKUP_KEY_ID];
};

static void party_clear(struct party *party)
{
    kk_key_unref(party->key);
    kk_key_parts_clear(&party->parts);
    *party = (struct party){0};
}

static KK_RV key_id(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                    uint8_t ret_id[KK_BACKUP_KEY_ID])
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    uint8_t hash[KK_SHA256_SIZE];
    KK_TRY(kk_key_spki(crypto, parts, &der));
    struct kk_span piece = kk_buffer_span(&der);
    KK_TRY(kk_sha256(crypto, &piece, 1, hash));
    memcpy(ret_id, hash, KK_BACKUP_KEY_ID);
    return CKR_OK;
}

/* The parts are there and, for a private key, complete. */
static KK_RV party_settle(struct kk_crypto *crypto, struct party *party)
{
    struct kk_span curve = kk_key_parts_get(&party->parts, KK_PART_EC_PARAMS);
    bool is_rsa = party->parts.kind == KK_KEY_RSA;
    KK_ENSURE(is_rsa || (party->parts.kind == KK_KEY_MONTGOMERY &&
                         kk_span_equal(curve, KK_SPAN_ARRAY(x25519_oid))),
              CKR_KEY_TYPE_INCONSISTENT);
    party->type = is_rsa ? STANZA_RSA : STANZA_X25519;
    KK_TRY(kk_key_new(crypto, &party->parts, &party->key));
    size_t bits = kk_key_bits(party->key);
    KK_ENSURE(!is_rsa || (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX), CKR_KEY_SIZE_RANGE);
    return key_id(crypto, &party->parts, party->id);
}

/* ---- making ---- */

static void put_stanza_head(struct kk_buffer *bytes, enum stanza_type type, size_t len)
{
    kk_buffer_put_u8(bytes, (uint8_t)type);
    kk_buffer_put_u16(bytes, (uint16_t)len);
}

/* The file key under the stanza's key. */
static KK_RV put_sealed(struct kk_crypto *crypto, const struct kk_secret *key,
                        const struct kk_secret *file_key, struct kk_buffer *bytes)
{
    uint8_t *to = kk_buffer_extend(bytes, KK_BACKUP_FILE_KEY + KK_AEAD_TAG);
    KK_TRY(kk_buffer_check(bytes));
    return kk_aead_seal(crypto, kk_secret_span(key), KK_SPAN_ARRAY(no_nonce), KK_SPAN(NULL, 0),
                        kk_secret_span(file_key), to, to + KK_BACKUP_FILE_KEY);
}

#define SEALED_KEY_LEN (KK_BACKUP_FILE_KEY + KK_AEAD_TAG)
#define PASSPHRASE_LEN (SALT_LEN + 4 + 4 + SEALED_KEY_LEN)
#define X25519_LEN (KK_BACKUP_KEY_ID + POINT_LEN + SEALED_KEY_LEN)

static KK_RV put_passphrase(struct kk_crypto *crypto, int kdf, struct kk_span passphrase,
                            const struct kk_secret *file_key, struct kk_buffer *bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    uint8_t salt[SALT_LEN];
    KK_ENSURE(passphrase.len >= KK_BACKUP_PASSPHRASE_MIN, CKR_PIN_LEN_RANGE);
    KK_TRY(kk_crypto_random(crypto, salt, sizeof salt));
    KK_TRY(passphrase_key(crypto, passphrase, salt, kdfs[kdf].ops, kdfs[kdf].mem_kib, &key));
    put_stanza_head(bytes, STANZA_PASSPHRASE, PASSPHRASE_LEN);
    kk_buffer_put(bytes, salt, sizeof salt);
    kk_buffer_put_u32(bytes, kdfs[kdf].ops);
    kk_buffer_put_u32(bytes, kdfs[kdf].mem_kib);
    return put_sealed(crypto, key, file_key, bytes);
}

static KK_RV put_x25519(struct kk_crypto *crypto, const struct party *recipient,
                        const struct kk_secret *file_key, struct kk_buffer *bytes)
{
    KK_CLEANUP(party_clear) struct party ephemeral = {.parts = {.kind = KK_KEY_MONTGOMERY}};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    struct kk_span to = kk_key_parts_get(&recipient->parts, KK_PART_EC_POINT);
    KK_TRY(kk_key_parts_set(&ephemeral.parts, KK_PART_EC_PARAMS, KK_SPAN_ARRAY(x25519_oid)));
    KK_TRY(kk_key_generate(crypto, &ephemeral.parts));
    KK_TRY(kk_key_new(crypto, &ephemeral.parts, &ephemeral.key));
    struct kk_span own = kk_key_parts_get(&ephemeral.parts, KK_PART_EC_POINT);
    CK_RV rv = x25519_key(crypto, ephemeral.key, to, own, to, &key);
    KK_ENSURE(rv != CKR_MECHANISM_PARAM_INVALID, CKR_KEY_TYPE_INCONSISTENT); /* no point at all */
    KK_TRY(rv);
    put_stanza_head(bytes, STANZA_X25519, X25519_LEN);
    kk_buffer_put(bytes, recipient->id, sizeof recipient->id);
    kk_buffer_put_span(bytes, own);
    return put_sealed(crypto, key, file_key, bytes);
}

static KK_RV put_rsa(struct kk_crypto *crypto, const struct party *recipient,
                     const struct kk_secret *file_key, struct kk_buffer *bytes)
{
    size_t len = kk_rsa_length(recipient->key);
    put_stanza_head(bytes, STANZA_RSA, KK_BACKUP_KEY_ID + len);
    kk_buffer_put(bytes, recipient->id, sizeof recipient->id);
    uint8_t *to = kk_buffer_extend(bytes, len);
    KK_TRY(kk_buffer_check(bytes));
    return kk_rsa_crypt_once(crypto, recipient->key, KK_ASYM_ENCRYPT, &oaep,
                             kk_secret_span(file_key), to, &len);
}

static KK_RV put_recipient(struct kk_crypto *crypto, struct kk_span spki,
                           const struct kk_secret *file_key, struct kk_buffer *bytes)
{
    KK_CLEANUP(party_clear) struct party recipient = {0};
    CK_RV rv = kk_spki_decode(spki, &recipient.parts);
    KK_ENSURE(rv != CKR_DATA_INVALID, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(rv);
    rv = party_settle(crypto, &recipient);
    KK_ENSURE(rv != CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(rv);
    return recipient.type == STANZA_RSA ? put_rsa(crypto, &recipient, file_key, bytes)
                                        : put_x25519(crypto, &recipient, file_key, bytes);
}

static KK_RV put_stanzas(struct kk_crypto *crypto, int kdf, const struct kk_backup_key *key,
                         const struct kk_secret *file_key, struct kk_buffer *stanzas)
{
    bool by_passphrase = key->passphrase.data != NULL;
    KK_ENSURE(by_passphrase != (key->recipient_count > 0) &&
                  key->recipient_count <= KK_BACKUP_RECIPIENTS_MAX,
              CKR_ARGUMENTS_BAD);
    if (by_passphrase) {
        KK_TRY(put_passphrase(crypto, kdf, key->passphrase, file_key, stanzas));
    }
    for (size_t i = 0; i < key->recipient_count; i++) {
        KK_TRY(put_recipient(crypto, key->recipients[i], file_key, stanzas));
    }
    return kk_buffer_check(stanzas);
}

static KK_RV make_header(struct kk_crypto *crypto, int kdf, const struct kk_backup_key *key,
                         const struct kk_secret *file_key, struct kk_backup_header *header)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer stanzas = {0};
    KK_TRY(put_stanzas(crypto, kdf, key, file_key, &stanzas));
    kk_buffer_put(&header->bytes, KK_BACKUP_MAGIC, MAGIC_LEN);
    kk_buffer_put_u16(&header->bytes, KK_BACKUP_VERSION);
    kk_buffer_put_u16(&header->bytes, (uint16_t)stanzas.len);
    kk_buffer_put_span(&header->bytes, kk_buffer_span(&stanzas));
    KK_TRY(kk_buffer_check(&header->bytes));
    return mac_of(crypto, file_key, kk_buffer_span(&header->bytes), header->mac);
}
/* ---- reading ---- */

KK_RV kk_backup_fill(const struct kk_backup_stream *from, uint8_t *data, size_t len,
                     size_t *ret_len)
{
    size_t done = 0;
    size_t got = 1;
    while (done < len && got > 0) {
        KK_TRY(from->read(from->context, data + done, len - done, &got));
        KK_ENSURE(got <= len - done, CKR_ARGUMENTS_BAD);
        done += got;
    }
    *ret_len = done;
    return CKR_OK;
}

struct stanza {
    uint8_t type;
    struct kk_span body;
};

/* False at the end, or when the reader failed. */
static bool next_stanza(struct kk_reader *reader, struct stanza *ret_stanza)
{
    if (reader->failed || reader->rest.len == 0) {
        return false;
    }
    ret_stanza->type = kk_reader_u8(reader);
    ret_stanza->body = kk_reader_take(reader, kk_reader_u16(reader));
    return !reader->failed;
}

static struct kk_reader stanzas_of(const struct kk_backup_header *header)
{
    return kk_reader_new(KK_SPAN(header->bytes.data + HEAD_LEN, header->bytes.len - HEAD_LEN));
}

static bool parse_passphrase(struct kk_span body, struct kk_backup_sealing *sealing)
{
    struct kk_reader reader = kk_reader_new(body);
    (void)kk_reader_take(&reader, SALT_LEN);
    sealing->by_passphrase = true;
    sealing->ops = kk_reader_u32(&reader);
    sealing->mem_kib = kk_reader_u32(&reader);
    return body.len == PASSPHRASE_LEN;
}

static bool parse_recipient(const struct stanza *stanza, struct kk_backup_sealing *sealing)
{
    bool fits = stanza->type == STANZA_X25519
                    ? stanza->body.len == X25519_LEN
                    : stanza->body.len >= KK_BACKUP_KEY_ID + RSA_BITS_MIN / 8 &&
                          stanza->body.len <= KK_BACKUP_KEY_ID + RSA_BITS_MAX / 8;
    if (!fits || sealing->recipient_count == KK_BACKUP_RECIPIENTS_MAX) {
        return false;
    }
    memcpy(sealing->recipients[sealing->recipient_count++], stanza->body.data, KK_BACKUP_KEY_ID);
    return true;
}

static bool parse_stanzas(struct kk_backup_header *header)
{
    struct kk_backup_sealing *sealing = &header->sealing;
    struct kk_reader reader = stanzas_of(header);
    struct stanza stanza = {0};
    size_t count = 0;
    for (bool fine = true; next_stanza(&reader, &stanza); count++) {
        if (stanza.type == STANZA_PASSPHRASE) {
            fine = parse_passphrase(stanza.body, sealing);
        } else if (stanza.type == STANZA_X25519 || stanza.type == STANZA_RSA) {
            fine = parse_recipient(&stanza, sealing);
        }
        if (!fine) {
            return false;
        }
    }
    return kk_reader_done(&reader) && count > 0 && (!sealing->by_passphrase || count == 1);
}

static KK_RV read_head(const struct kk_backup_stream *from, struct kk_buffer *bytes,
                       size_t *ret_stanzas_len)
{
    uint8_t head[HEAD_LEN];
    size_t len = 0;
    KK_TRY(kk_backup_fill(from, head, sizeof head, &len));
    struct kk_reader reader = kk_reader_new(KK_SPAN(head, len));
    struct kk_span magic = kk_reader_take(&reader, MAGIC_LEN);
    uint16_t version = kk_reader_u16(&reader);
    *ret_stanzas_len = kk_reader_u16(&reader);
    if (!kk_mem_equal(magic.data, magic.len, KK_BACKUP_MAGIC, MAGIC_LEN)) {
        kk_log_error("backup: it is not a file of keykist backup");
        return CKR_DATA_INVALID;
    }
    if (!reader.failed && version != KK_BACKUP_VERSION) {
        kk_log_error("backup: of format %u, this program knows %d", version, KK_BACKUP_VERSION);
        return CKR_TOKEN_NOT_RECOGNIZED;
    }
    KK_ENSURE(!reader.failed, CKR_ENCRYPTED_DATA_INVALID);
    kk_buffer_put(bytes, head, sizeof head);
    return kk_buffer_check(bytes);
}

static KK_RV read_header(const struct kk_backup_stream *from, struct kk_backup_header *header)
{
    size_t len = 0;
    size_t got = 0;
    KK_TRY(read_head(from, &header->bytes, &len));
    uint8_t *to = kk_buffer_extend(&header->bytes, len);
    KK_TRY(kk_buffer_check(&header->bytes));
    KK_TRY(kk_backup_fill(from, to, len, &got));
    KK_ENSURE(got == len, CKR_ENCRYPTED_DATA_INVALID);
    KK_TRY(kk_backup_fill(from, header->mac, sizeof header->mac, &got));
    KK_ENSURE(got == sizeof header->mac && parse_stanzas(header), CKR_ENCRYPTED_DATA_INVALID);
    return CKR_OK;
}

KK_RV kk_backup_header_read(const struct kk_backup_stream *from,
                            struct kk_backup_header *ret_header)
{
    KK_CLEANUP(kk_backup_header_clear) struct kk_backup_header header = {0};
    CK_RV rv = read_header(from, &header);
    if (rv == CKR_ENCRYPTED_DATA_INVALID) {
        kk_log_error("backup: its header is damaged or cut off");
    }
    KK_TRY(rv);
    *ret_header = header;
    header = (struct kk_backup_header){0};
    return CKR_OK;
}

KK_RV kk_backup_header_make(struct kk_crypto *crypto, int kdf, const struct kk_backup_key *key,
                            struct kk_buffer *ret_bytes, struct kk_backup_sealing *ret_sealing,
                            struct kk_secret **ret_file_key)
{
    KK_CLEANUP(kk_backup_header_clear) struct kk_backup_header header = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file_key = NULL;
    KK_TRY(kk_secret_new(KK_BACKUP_FILE_KEY, &file_key));
    KK_TRY(kk_crypto_random_secret(crypto, kk_secret_data(file_key), KK_BACKUP_FILE_KEY));
    KK_TRY(make_header(crypto, kdf, key, file_key, &header));
    KK_ENSURE(parse_stanzas(&header), CKR_FUNCTION_FAILED); /* as it will be read */
    kk_buffer_put_span(ret_bytes, kk_buffer_span(&header.bytes));
    kk_buffer_put(ret_bytes, header.mac, sizeof header.mac);
    KK_TRY(kk_buffer_check(ret_bytes));
    *ret_sealing = header.sealing;
    *ret_file_key = KK_STEAL(file_key);
    return CKR_OK;
}

/* ---- opening ---- */

/* CKR_WRAPPED_KEY_INVALID: it is another key's. */
static KK_RV open_sealed(struct kk_crypto *crypto, const struct kk_secret *key,
                         struct kk_span sealed, struct kk_secret **ret_file_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file_key = NULL;
    KK_TRY(kk_secret_new(KK_BACKUP_FILE_KEY, &file_key));
    CK_RV rv = kk_aead_open(crypto, kk_secret_span(key), KK_SPAN_ARRAY(no_nonce), KK_SPAN(NULL, 0),
                            KK_SPAN(sealed.data, KK_BACKUP_FILE_KEY),
                            sealed.data + KK_BACKUP_FILE_KEY, kk_secret_data(file_key));
    KK_ENSURE(rv != CKR_ENCRYPTED_DATA_INVALID, CKR_WRAPPED_KEY_INVALID);
    KK_TRY(rv);
    *ret_file_key = KK_STEAL(file_key);
    return CKR_OK;
}

static KK_RV open_passphrase(struct kk_crypto *crypto, const struct kk_backup_header *header,
                             struct kk_span passphrase, struct kk_secret **ret_file_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    const struct kk_backup_sealing *sealing = &header->sealing;
    struct kk_reader reader = stanzas_of(header);
    struct stanza stanza = {0};
    KK_ENSURE(sealing->by_passphrase && next_stanza(&reader, &stanza), CKR_WRAPPED_KEY_INVALID);
    if (sealing->ops == 0 || sealing->ops > OPS_MAX || sealing->mem_kib < 8 ||
        sealing->mem_kib > MEM_KIB_MAX) {
        kk_log_error("backup: it asks for %u passes over %u KiB, more than anybody would use",
                     sealing->ops, sealing->mem_kib);
        return CKR_DEVICE_ERROR;
    }
    KK_TRY(
        passphrase_key(crypto, passphrase, stanza.body.data, sealing->ops, sealing->mem_kib, &key));
    return open_sealed(crypto, key,
                       KK_SPAN(stanza.body.data + PASSPHRASE_LEN - SEALED_KEY_LEN, SEALED_KEY_LEN),
                       ret_file_key);
}

static KK_RV open_x25519(struct kk_crypto *crypto, const struct party *own, struct kk_span body,
                         struct kk_secret **ret_file_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    struct kk_span ephemeral = KK_SPAN(body.data + KK_BACKUP_KEY_ID, POINT_LEN);
    CK_RV rv = x25519_key(crypto, own->key, ephemeral, ephemeral,
                          kk_key_parts_get(&own->parts, KK_PART_EC_POINT), &key);
    KK_ENSURE(rv != CKR_MECHANISM_PARAM_INVALID, CKR_WRAPPED_KEY_INVALID);
    KK_TRY(rv);
    return open_sealed(crypto, key, KK_SPAN(ephemeral.data + POINT_LEN, SEALED_KEY_LEN),
                       ret_file_key);
}

static KK_RV open_rsa(struct kk_crypto *crypto, const struct party *own, struct kk_span body,
                      struct kk_secret **ret_file_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    size_t modulus = kk_rsa_length(own->key);
    size_t len = 0;
    KK_ENSURE(body.len == KK_BACKUP_KEY_ID + modulus, CKR_WRAPPED_KEY_INVALID);
    KK_TRY(kk_secret_new(modulus, &plain));
    CK_RV rv = kk_rsa_crypt_once(crypto, own->key, KK_ASYM_DECRYPT, &oaep,
                                 KK_SPAN(body.data + KK_BACKUP_KEY_ID, modulus),
                                 kk_secret_data(plain), &len);
    KK_ENSURE(rv != CKR_ENCRYPTED_DATA_INVALID && rv != CKR_ENCRYPTED_DATA_LEN_RANGE,
              CKR_WRAPPED_KEY_INVALID);
    KK_TRY(rv);
    KK_ENSURE(len == KK_BACKUP_FILE_KEY, CKR_WRAPPED_KEY_INVALID);
    kk_secret_truncate(plain, len);
    *ret_file_key = KK_STEAL(plain);
    return CKR_OK;
}

static KK_RV identity_read(struct kk_crypto *crypto, struct kk_span der, struct party *own)
{
    CK_RV rv = kk_pkcs8_decode(der, &own->parts);
    KK_ENSURE(rv != CKR_WRAPPED_KEY_INVALID, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(rv);
    rv = kk_key_complete(crypto, &own->parts);
    KK_ENSURE(rv != CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(rv);
    return party_settle(crypto, own);
}

/* The stanza that names this key. */
static KK_RV open_identity(struct kk_crypto *crypto, const struct kk_backup_header *header,
                           struct kk_span der, struct kk_secret **ret_file_key)
{
    KK_CLEANUP(party_clear) struct party own = {0};
    struct kk_reader reader = stanzas_of(header);
    struct stanza stanza = {0};
    KK_TRY(identity_read(crypto, der, &own));
    while (next_stanza(&reader, &stanza)) {
        if (stanza.type == own.type &&
            kk_mem_equal(stanza.body.data, KK_BACKUP_KEY_ID, own.id, sizeof own.id)) {
            return own.type == STANZA_RSA ? open_rsa(crypto, &own, stanza.body, ret_file_key)
                                          : open_x25519(crypto, &own, stanza.body, ret_file_key);
        }
    }
    return CKR_WRAPPED_KEY_INVALID;
}

KK_RV kk_backup_header_open(struct kk_crypto *crypto, const struct kk_backup_header *header,
                            const struct kk_backup_key *key, struct kk_secret **ret_file_key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file_key = NULL;
    uint8_t mac[KK_BACKUP_MAC];
    bool by_passphrase = key->passphrase.data != NULL;
    KK_ENSURE(by_passphrase != (key->identity.data != NULL), CKR_ARGUMENTS_BAD);
    CK_RV rv = by_passphrase ? open_passphrase(crypto, header, key->passphrase, &file_key)
                             : open_identity(crypto, header, key->identity, &file_key);
    if (rv == CKR_WRAPPED_KEY_INVALID) {
        kk_log_error("backup: %s does not open it", by_passphrase ? "the passphrase" : "the key");
    }
    KK_TRY(rv);
    KK_TRY(mac_of(crypto, file_key, kk_buffer_span(&header->bytes), mac));
    if (!kk_ct_equal(mac, header->mac, sizeof mac)) {
        kk_log_error("backup: its header was changed");
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    *ret_file_key = KK_STEAL(file_key);
    return CKR_OK;
}
