/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For keyfile*.c alone: envelopes, PEM blocks, and OpenSSL's objects turned into parts.
 */
#pragma once

#include "crypto/key_internal.h"
#include "crypto/keyfile.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#define KK_KEYFILE_MAX (16u << 20)

KK_DEFINE_CLEANUP(BIO *, BIO_free_all);
KK_DEFINE_CLEANUP(BIGNUM *, BN_clear_free);
KK_DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free);
KK_DEFINE_CLEANUP(X509_SIG *, X509_SIG_free);
KK_DEFINE_CLEANUP(X509 *, X509_free);
KK_DEFINE_CLEANUP(X509_PUBKEY *, X509_PUBKEY_free);
KK_DEFINE_CLEANUP(PKCS12 *, PKCS12_free);
KK_DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free);

/* A library context with the algorithms of files, and the error queue as it was before. */
struct kk_decoder {
    OSSL_LIB_CTX *lib;
    OSSL_PROVIDER *base;
    OSSL_PROVIDER *legacy;
};
KK_RV kk_decoder_begin(struct kk_decoder *decoder);
void kk_decoder_end(struct kk_decoder *decoder);

/* What struct kk_keyfiles is (keyfile_bag.h). */
struct kk_keyfiles {
    struct kk_decoder decoder;
    bool begun;
    struct kk_crypto *crypto;
};

enum kk_envelope_form { KK_FORM_PKCS8, KK_FORM_PKCS8_ENCRYPTED, KK_FORM_TRADITIONAL };

struct kk_envelope {
    enum kk_envelope_form form;
    int type; /* of a traditional key; EVP_PKEY_NONE: to be guessed */
    struct kk_secret *der;
};
void kk_envelope_clear(struct kk_envelope *envelope);

/* A private key in DER, of whichever form. */
KK_RV kk_envelope_open_der(struct kk_span content, struct kk_envelope *ret_envelope);

/* The key in it. Codes as those of kk_keyfile_parse(). */
KK_RV kk_envelope_decode(const struct kk_decoder *decoder, const struct kk_envelope *envelope,
                         const struct kk_secret *pin, EVP_PKEY **ret_pkey);

/* Why something did not open: CKR_MECHANISM_INVALID or CKR_PIN_INCORRECT. */
CK_RV kk_decryption_error(void);

struct kk_pem_block {
    char *name;
    char *header;
    unsigned char *data;
    long len;
};
void kk_pem_block_clear(struct kk_pem_block *block);
/* The RFC 1421 encryption of traditional PEM files. */
KK_RV kk_pem_decrypt(struct kk_pem_block *block, const struct kk_secret *pin);

/* What a block of that name is, when it is a private key; else NULL. */
struct kk_pem_name {
    const char *name;
    enum kk_envelope_form form;
    int type;
};
const struct kk_pem_name *kk_pem_find(const char *name);

/* The parts of a key, those of a public one alone unless `with_private`. CKR_MECHANISM_INVALID. */
KK_RV kk_keyfile_read(EVP_PKEY *pkey, bool with_private, struct kk_keyfile *keyfile);
KK_RV kk_certfile_read(const X509 *certificate, struct kk_certfile *certfile);

/* The parts as the rest of crypto/ has them: completed and checked private ones, or the public ones
 * as they are. CKR_MECHANISM_INVALID: a kind that is not handled. */
KK_RV kk_keyfile_private_parts(struct kk_crypto *crypto, const struct kk_keyfile *keyfile,
                               struct kk_key_parts *parts);
KK_RV kk_keyfile_public_parts(const struct kk_keyfile *keyfile, struct kk_key_parts *parts);

/* The other way: takes the parts of a private key over, completed and checked. The keyfile is to be
 * freed whatever comes of it. */
KK_RV kk_keyfile_take_parts(struct kk_crypto *crypto, struct kk_key_parts *parts,
                            struct kk_keyfile *keyfile);

/* PKCS#8, encrypted with `pin`. */
KK_RV kk_keyfile_encrypt(struct kk_crypto *crypto, struct kk_span der, const struct kk_secret *pin,
                         struct kk_buffer *ret_der);
KK_RV kk_pem_make(const char *name, struct kk_span der, struct kk_secret **ret_pem);
