/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a file of keys and certificates holds, whatever its format: JWK, PEM, DER, PKCS#12, or a
 * symmetric key's bare bytes.
 */
#pragma once

#include "cli/jwk.h"
#include "crypto/keyfile_bag.h"

#define KK_SOURCE_FILE_MAX ((size_t)16 << 20)

enum kk_source_kind {
    KK_SOURCE_PRIVATE,
    KK_SOURCE_PUBLIC,
    KK_SOURCE_CERTIFICATE,
    KK_SOURCE_SECRET,
    KK_SOURCE_DATA
};

/* What --type makes of a file's bytes. */
struct kk_source_type {
    bool is_data; /* a data object's value; else a symmetric key's */
    CK_KEY_TYPE key_type;
};

struct kk_source_item {
    enum kk_source_kind kind;
    struct kk_keyfile *key;          /* PRIVATE, PUBLIC */
    struct kk_certfile *certificate; /* CERTIFICATE */
    struct kk_secret *secret;        /* SECRET, DATA */
    CK_KEY_TYPE secret_type;
    struct kk_buffer label; /* what the file calls it; empty: nothing */
    uint8_t id[KK_KEY_ID_LEN];
    unsigned int uses; /* enum kk_key_use; 0: the file does not say */
};

struct kk_source {
    struct kk_source_item *items;
    size_t count;
};

void kk_source_free(struct kk_source *source);
KK_DEFINE_CLEANUP(struct kk_source *, kk_source_free);

/* What --type names: "aes", "generic", "sha256-hmac" ... "data"; NULL: nothing. */
const struct kk_source_type *kk_source_type(const char *name);
/* The names, for a message: "aes, generic, ...". */
void kk_source_types(struct kk_buffer *names);

/* Reads a file. `type` (NULL: the format is to be found out) makes its bytes a symmetric key of
 * that type, or data; in a JWK it is the type of "oct" keys. What is wrong is said, with the file's
 * name. */
KK_RV kk_source_read(const struct kk_keyfiles *files, const char *path,
                     const struct kk_source_type *type, const struct kk_secret *passphrase,
                     struct kk_source **ret_source);
