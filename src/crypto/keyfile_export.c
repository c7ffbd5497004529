/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of keys and certificates, written; and keys that came out of a module wrapped.
 */
#include <limits.h>

#include "base/memory.h"
#include "crypto/cipher.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"
#include "crypto/keyfile_bag.h"
#include "crypto/keyfile_internal.h"
#include "crypto/kw.h"

#include "base/banned.h"

#define PKCS12_ROUNDS 600000
#define PKCS12_LABEL_MAX 1024

static KK_RV as_form(const char *name, struct kk_span der, enum kk_file_form form,
                     struct kk_secret **ret_content)
{
    return form == KK_FILE_PEM ? kk_pem_make(name, der, ret_content)
                               : kk_secret_from(der, ret_content);
}

static KK_RV write_private(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                           const struct kk_secret *pin, enum kk_file_form form,
                           struct kk_secret **ret_content)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *der = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer encrypted = {0};
    KK_TRY(kk_keyfile_private_parts(files->crypto, key, &parts));
    KK_TRY(kk_pkcs8_encode(&parts, &der));
    if (pin == NULL) {
        return as_form("PRIVATE KEY", kk_secret_span(der), form, ret_content);
    }
    KK_TRY(kk_keyfile_encrypt(files->crypto, kk_secret_span(der), pin, &encrypted));
    return as_form("ENCRYPTED PRIVATE KEY", kk_buffer_span(&encrypted), form, ret_content);
}

KK_RV kk_keyfiles_private(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                          const struct kk_secret *pin, enum kk_file_form form,
                          struct kk_secret **ret_content)
{
    kk_crypto_enter();
    CK_RV rv = write_private(files, key, pin, form, ret_content);
    kk_crypto_leave();
    return rv;
}

static KK_RV write_public(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                          enum kk_file_form form, struct kk_secret **ret_content)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    KK_TRY(kk_keyfile_public_parts(key, &parts));
    KK_TRY(kk_key_spki(files->crypto, &parts, &der));
    return as_form("PUBLIC KEY", kk_buffer_span(&der), form, ret_content);
}

KK_RV kk_keyfiles_public(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                         enum kk_file_form form, struct kk_secret **ret_content)
{
    kk_crypto_enter();
    CK_RV rv = write_public(files, key, form, ret_content);
    kk_crypto_leave();
    return rv;
}

static KK_RV parse_certificate(const struct kk_keyfiles *files, struct kk_span der,
                               X509 **ret_certificate)
{
    const unsigned char *at = der.data;
    X509 *made = X509_new_ex(files->decoder.lib, NULL);
    KK_ENSURE(made != NULL, CKR_HOST_MEMORY);
    bool whole = der.len <= KK_KEYFILE_MAX && d2i_X509(&made, &at, (long)der.len) != NULL &&
                 at == der.data + der.len;
    KK_CLEANUP(X509_freep) X509 *certificate = made;
    KK_ENSURE(whole, CKR_DATA_INVALID);
    *ret_certificate = KK_STEAL(certificate);
    return CKR_OK;
}

KK_RV kk_keyfiles_certificate(const struct kk_keyfiles *files, struct kk_span der,
                              enum kk_file_form form, struct kk_secret **ret_content)
{
    KK_CLEANUP(X509_freep) X509 *certificate = NULL;
    kk_crypto_enter();
    CK_RV rv = parse_certificate(files, der, &certificate);
    kk_crypto_leave();
    KK_TRY(rv);
    return as_form("CERTIFICATE", der, form, ret_content);
}

/* ---- PKCS#12 ---- */

/* What goes into the file, as OpenSSL has it. */
struct contents {
    EVP_PKEY *pkey;
    X509 *certificate;
    STACK_OF(X509) * others;
    PKCS12 *file;
};

static void contents_clear(struct contents *contents)
{
    EVP_PKEY_free(contents->pkey);
    X509_free(contents->certificate);
    sk_X509_pop_free(contents->others, X509_free);
    PKCS12_free(contents->file);
}

static KK_RV load_key(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                      struct contents *contents)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *der = NULL;
    KK_TRY(write_private(files, key, NULL, KK_FILE_DER, &der));
    struct kk_envelope envelope = {.form = KK_FORM_PKCS8, .der = der};
    return kk_envelope_decode(&files->decoder, &envelope, NULL, &contents->pkey);
}

static KK_RV load_certificates(const struct kk_keyfiles *files, const struct kk_span *certificates,
                               size_t count, struct contents *contents)
{
    contents->others = sk_X509_new_null();
    KK_ENSURE(contents->others != NULL, CKR_HOST_MEMORY);
    for (size_t i = 0; i < count; i++) {
        KK_CLEANUP(X509_freep) X509 *certificate = NULL;
        KK_TRY(parse_certificate(files, certificates[i], &certificate));
        if (i == 0) {
            contents->certificate = KK_STEAL(certificate);
        } else {
            KK_ENSURE(sk_X509_push(contents->others, certificate) > 0, CKR_HOST_MEMORY);
            certificate = NULL;
        }
    }
    KK_ENSURE(contents->certificate == NULL ||
                  X509_check_private_key(contents->certificate, contents->pkey) == 1,
              CKR_ATTRIBUTE_VALUE_INVALID);
    return CKR_OK;
}

/* With a zero behind it. */
static KK_RV passphrase_text(const struct kk_secret *pin, struct kk_secret **ret_text)
{
    struct kk_span given = kk_secret_span(pin);
    KK_ENSURE(given.len > 0 && given.len < INT_MAX && memchr(given.data, 0, given.len) == NULL,
              CKR_PIN_LEN_RANGE);
    KK_TRY(kk_secret_new(given.len + 1, ret_text));
    memcpy(kk_secret_data(*ret_text), given.data, given.len);
    return CKR_OK;
}

static KK_RV seal_pkcs12(const struct kk_keyfiles *files, struct contents *contents,
                         const char *label, const struct kk_secret *pin)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_TRY(passphrase_text(pin, &text));
    const char *passphrase = (const char *)kk_secret_data(text);
    /* The MAC is set apart from the making: OpenSSL 3.0 takes its default digest from the global
     * context. */
    contents->file = PKCS12_create_ex(passphrase, label, contents->pkey, contents->certificate,
                                      contents->others, NID_aes_256_cbc, NID_aes_256_cbc,
                                      PKCS12_ROUNDS, -1, 0, files->decoder.lib, NULL);
    KK_ENSURE(contents->file != NULL, kk_crypto_error("PKCS12_create_ex", CKR_FUNCTION_FAILED));
    KK_CLEANUP(EVP_MD_freep) EVP_MD *digest = EVP_MD_fetch(files->decoder.lib, "SHA2-256", NULL);
    KK_ENSURE(digest != NULL && PKCS12_set_mac(contents->file, passphrase, -1, NULL, 16,
                                               PKCS12_ROUNDS, digest) == 1,
              kk_crypto_error("PKCS12_set_mac", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

static KK_RV write_pkcs12(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                          const struct kk_span *certificates, size_t count, const char *label,
                          const struct kk_secret *pin, struct kk_secret **ret_content)
{
    KK_CLEANUP(contents_clear) struct contents contents = {0};
    KK_ENSURE(label == NULL || strlen(label) <= PKCS12_LABEL_MAX, CKR_DATA_LEN_RANGE);
    KK_TRY(load_key(files, key, &contents));
    KK_TRY(load_certificates(files, certificates, count, &contents));
    KK_TRY(seal_pkcs12(files, &contents, label, pin));
    unsigned char *der = NULL;
    int len = i2d_PKCS12(contents.file, &der);
    KK_ENSURE(len > 0, kk_crypto_error("i2d_PKCS12", CKR_FUNCTION_FAILED));
    CK_RV rv = kk_secret_from(KK_SPAN(der, (size_t)len), ret_content);
    OPENSSL_free(der);
    return rv;
}

KK_RV kk_keyfiles_pkcs12(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                         const struct kk_span *certificates, size_t count, const char *label,
                         const struct kk_secret *pin, struct kk_secret **ret_content)
{
    kk_crypto_enter();
    CK_RV rv = write_pkcs12(files, key, certificates, count, label, pin, ret_content);
    kk_crypto_leave();
    return rv;
}

/* ---- out of a wrapping ---- */

#define AES_BLOCK 16

static KK_RV unwrap_cbc(const struct kk_keyfiles *files, struct kk_span key, struct kk_span iv,
                        struct kk_span wrapped, struct kk_secret **ret_plain)
{
    KK_CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *cipher = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    KK_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    int last = 0;
    KK_ENSURE(ctx != NULL, CKR_HOST_MEMORY);
    KK_ENSURE(iv.len == AES_BLOCK && key.len == 32 && wrapped.len <= KK_KEYFILE_MAX,
              CKR_ENCRYPTED_DATA_INVALID);
    KK_TRY(kk_crypto_fetch_cipher(files->crypto, "AES-256-CBC", &cipher));
    KK_TRY(kk_secret_new(wrapped.len + AES_BLOCK, &plain));
    KK_ENSURE(EVP_DecryptInit_ex2(ctx, cipher, key.data, iv.data, NULL) == 1 &&
                  EVP_DecryptUpdate(ctx, kk_secret_data(plain), &len, wrapped.data,
                                    (int)wrapped.len) == 1 &&
                  EVP_DecryptFinal_ex(ctx, kk_secret_data(plain) + len, &last) == 1,
              CKR_ENCRYPTED_DATA_INVALID);
    kk_secret_truncate(plain, (size_t)len + (size_t)last);
    *ret_plain = KK_STEAL(plain);
    return CKR_OK;
}

KK_RV kk_keyfiles_unwrap(const struct kk_keyfiles *files, enum kk_file_wrapping wrapping,
                         const struct kk_secret *aes_key, struct kk_span iv, struct kk_span wrapped,
                         struct kk_secret **ret_plain)
{
    struct kk_span key = kk_secret_span(aes_key);
    kk_crypto_enter();
    CK_RV rv = wrapping == KK_WRAPPING_KWP ? kk_kw_unwrap(files->crypto, KK_KWP, key,
                                                          (struct kk_span){0}, wrapped, ret_plain)
                                           : unwrap_cbc(files, key, iv, wrapped, ret_plain);
    kk_crypto_leave();
    return rv == CKR_ENCRYPTED_DATA_LEN_RANGE ? CKR_ENCRYPTED_DATA_INVALID : rv;
}
