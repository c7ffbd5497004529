/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files with any number of keys and certificates in them, read and written: PEM with several
 * blocks, PKCS#8 (plain or encrypted), traditional private keys, SubjectPublicKeyInfo, X.509,
 * PKCS#12. For programs, as crypto/keyfile.h.
 */
#pragma once

#include "crypto/keyfile.h"

#define KK_KEY_ID_LEN 20

enum kk_bag_kind { KK_BAG_PRIVATE, KK_BAG_PUBLIC, KK_BAG_CERTIFICATE };

struct kk_bag_item {
    enum kk_bag_kind kind;
    struct kk_keyfile *key;          /* KK_BAG_PRIVATE, KK_BAG_PUBLIC (without private parts) */
    struct kk_certfile *certificate; /* KK_BAG_CERTIFICATE */
    struct kk_buffer label;          /* PKCS#12's friendlyName, UTF-8; empty: none */
    uint8_t id[KK_KEY_ID_LEN];       /* as kk_keyfiles_id() makes it; of the certificate's key */
};

/* What a file holds, in its order. */
struct kk_bag {
    struct kk_bag_item *items;
    size_t count;
};

void kk_bag_free(struct kk_bag *bag);
KK_DEFINE_CLEANUP(struct kk_bag *, kk_bag_free);

/* What reading and writing needs; costs some milliseconds once. For one thread. */
struct kk_keyfiles;

KK_RV kk_keyfiles_new(struct kk_keyfiles **ret_files);
void kk_keyfiles_free(struct kk_keyfiles *files);
KK_DEFINE_CLEANUP(struct kk_keyfiles *, kk_keyfiles_free);

/*
 * All that is in `content`: all of it or nothing. `pin` (may be NULL) opens what is encrypted; what
 * is not needs none. PEM blocks of other things (parameters, requests, lists) are passed over.
 *
 * CKR_DATA_INVALID            nothing in a known form, or damaged
 * CKR_ENCRYPTED_DATA_INVALID  encrypted, and there is no PIN
 * CKR_PIN_INCORRECT           the PIN does not open it
 * CKR_MECHANISM_INVALID       a key's algorithm, form, or that of its encryption, is not handled
 */
KK_RV kk_keyfiles_read(const struct kk_keyfiles *files, struct kk_span content,
                       const struct kk_secret *pin, struct kk_bag **ret_bag);

/* SHA-1 over the public key as X.509 has it in its BIT STRING (the usual subject key identifier).
 * CKR_ATTRIBUTE_VALUE_INVALID: the key has no public parts. */
KK_RV kk_keyfiles_id(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                     uint8_t ret_id[KK_KEY_ID_LEN]);

/* ---- writing ---- */

enum kk_file_form { KK_FILE_PEM, KK_FILE_DER };

/* A private key, completed, as PKCS#8; with `pin` encrypted as kk_keyfile_write() does it. */
KK_RV kk_keyfiles_private(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                          const struct kk_secret *pin, enum kk_file_form form,
                          struct kk_secret **ret_content);

/* A public key as SubjectPublicKeyInfo. */
KK_RV kk_keyfiles_public(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                         enum kk_file_form form, struct kk_secret **ret_content);

/* A certificate that is there in DER. CKR_DATA_INVALID: it is none. */
KK_RV kk_keyfiles_certificate(const struct kk_keyfiles *files, struct kk_span der,
                              enum kk_file_form form, struct kk_secret **ret_content);

/* A private key with its certificate and those above it, as PKCS#12: AES-256-CBC, PBKDF2 and MAC
 * with HMAC-SHA256. `label` (may be NULL) is its friendlyName. CKR_ATTRIBUTE_VALUE_INVALID: key and
 * certificate do not belong together. */
KK_RV kk_keyfiles_pkcs12(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                         const struct kk_span *certificates, size_t count, const char *label,
                         const struct kk_secret *pin, struct kk_secret **ret_content);

/* ---- out of a wrapping ---- */

enum kk_file_wrapping {
    KK_WRAPPING_KWP,    /* RFC 5649 */
    KK_WRAPPING_CBC_PAD /* PKCS#7 padding; an IV of 16 bytes */
};

/* CKR_ENCRYPTED_DATA_INVALID. */
KK_RV kk_keyfiles_unwrap(const struct kk_keyfiles *files, enum kk_file_wrapping wrapping,
                         const struct kk_secret *aes_key, struct kk_span iv, struct kk_span wrapped,
                         struct kk_secret **ret_plain);
