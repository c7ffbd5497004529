/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backups in memory, and key pairs to seal them for.
 */
#pragma once

#include "crypto/key.h"
#include "engine_test.h"
#include "token/backup_file.h"

/* A file. */
struct tape {
    struct kk_buffer bytes;
    size_t at;
    size_t step;    /* read() gives no more at once; 0: all that is asked for */
    CK_RV fails_at; /* write() fails with this once so many bytes are there */
    size_t fails_after;
};

KK_UNUSED static CK_RV tape_read(void *context, uint8_t *data, size_t room, size_t *ret_len)
{
    struct tape *tape = context;
    size_t len = KK_MIN(room, tape->bytes.len - tape->at);
    len = tape->step > 0 ? KK_MIN(len, tape->step) : len;
    if (len > 0) {
        memcpy(data, tape->bytes.data + tape->at, len);
    }
    tape->at += len;
    *ret_len = len;
    return CKR_OK;
}

KK_UNUSED static CK_RV tape_write(void *context, struct kk_span data)
{
    struct tape *tape = context;
    if (tape->fails_at != CKR_OK && tape->bytes.len >= tape->fails_after) {
        return tape->fails_at;
    }
    kk_buffer_put_span(&tape->bytes, data);
    return kk_buffer_check(&tape->bytes);
}

KK_UNUSED static struct kk_backup_stream stream_of(struct tape *tape)
{
    tape->at = 0;
    return (struct kk_backup_stream){.context = tape, .read = tape_read, .write = tape_write};
}

KK_UNUSED static void tape_clear(struct tape *tape)
{
    kk_buffer_clear(&tape->bytes);
    *tape = (struct tape){0};
}

/* Somebody who can be a recipient. */
struct person {
    struct kk_buffer spki;
    struct kk_secret *pkcs8;
};

KK_UNUSED static void person_clear(struct person *person)
{
    kk_buffer_clear(&person->spki);
    kk_secret_free(person->pkcs8);
    *person = (struct person){0};
}

KK_UNUSED static struct person person_of(struct kk_key_parts *parts)
{
    struct person person = {0};
    assert_ok(kk_key_generate(crypto, parts));
    assert_ok(kk_key_spki(crypto, parts, &person.spki));
    assert_ok(kk_pkcs8_encode(parts, &person.pkcs8));
    kk_key_parts_clear(parts);
    return person;
}

KK_UNUSED static struct person rsa_person(CK_ULONG bits)
{
    struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = bits};
    return person_of(&parts);
}

KK_UNUSED static struct person curve_person(enum kk_key_kind kind, struct kk_span oid)
{
    struct kk_key_parts parts = {.kind = kind};
    assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, oid));
    return person_of(&parts);
}

KK_UNUSED static struct person x25519_person(void)
{
    return curve_person(KK_KEY_MONTGOMERY, KK_SPAN_TEXT("\x06\x03\x2b\x65\x6e"));
}

#define PASSPHRASE "correct horse battery"

KK_UNUSED static struct kk_backup_key by_passphrase(const char *passphrase)
{
    return (struct kk_backup_key){.passphrase = text_span(passphrase)};
}

/* `ret_span` lives as long as the key is used. */
KK_UNUSED static struct kk_backup_key for_person(const struct person *person,
                                                 struct kk_span *ret_span)
{
    *ret_span = kk_buffer_span(&person->spki);
    return (struct kk_backup_key){.recipients = ret_span, .recipient_count = 1};
}

KK_UNUSED static struct kk_backup_key as_person(const struct person *person)
{
    return (struct kk_backup_key){.identity = kk_secret_span(person->pkcs8)};
}
