/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of several keys and certificates, read: PEM block by block; DER by trying the forms in
 * turn, each of which must take all of it.
 */
#include "crypto/keyfile_bag.h"

#include <limits.h>
#include <openssl/err.h>

#include "base/memory.h"
#include "crypto/der.h"
#include "crypto/digest.h"
#include "crypto/key_internal.h"
#include "crypto/keyfile_internal.h"

#include "base/banned.h"

#define BAG_MAX 100000

KK_RV kk_keyfiles_new(struct kk_keyfiles **ret_files)
{
    KK_CLEANUP(kk_keyfiles_freep) struct kk_keyfiles *files = NULL;
    KK_TRY(kk_alloc(sizeof *files, &files));
    files->begun = true;
    KK_TRY(kk_decoder_begin(&files->decoder));
    KK_TRY(kk_crypto_new(&files->crypto));
    *ret_files = KK_STEAL(files);
    return CKR_OK;
}

void kk_keyfiles_free(struct kk_keyfiles *files)
{
    if (files == NULL) {
        return;
    }
    kk_crypto_free(files->crypto);
    if (files->begun) {
        kk_decoder_end(&files->decoder);
    }
    kk_free(files);
}

static void item_clear(struct kk_bag_item *item)
{
    kk_keyfile_free(item->key);
    kk_certfile_free(item->certificate);
    kk_buffer_clear(&item->label);
}

void kk_bag_free(struct kk_bag *bag)
{
    if (bag == NULL) {
        return;
    }
    for (size_t i = 0; i < bag->count; i++) {
        item_clear(&bag->items[i]);
    }
    kk_free(bag->items);
    kk_free(bag);
}

/* Takes the item over when it succeeds. */
static KK_RV add(struct kk_bag *bag, struct kk_bag_item *item)
{
    KK_ENSURE(bag->count < BAG_MAX, CKR_DATA_INVALID);
    if (bag->count % 64 == 0) {
        KK_TRY(kk_realloc_array(&bag->items, bag->count + 64, sizeof *bag->items));
    }
    bag->items[bag->count++] = *item;
    *item = (struct kk_bag_item){0};
    return CKR_OK;
}

/* ---- what a key is called ---- */

KK_RV kk_keyfiles_id(const struct kk_keyfiles *files, const struct kk_keyfile *key,
                     uint8_t ret_id[KK_KEY_ID_LEN])
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer spki = {0};
    const struct kk_secret *bare = key->parts[KK_KEYPART_PUBLIC];
    struct kk_span bits;
    if (key->kind == KK_KEYFILE_ML_DSA) {
        KK_ENSURE(bare != NULL, CKR_ATTRIBUTE_VALUE_INVALID);
        bits = kk_secret_span(bare);
    } else {
        KK_TRY(kk_keyfile_public_parts(key, &parts));
        KK_TRY(kk_key_spki(files->crypto, &parts, &spki));
        struct kk_reader outer = kk_reader_new(kk_buffer_span(&spki));
        struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
        (void)kk_der_take(&inner, KK_DER_SEQUENCE);
        bits = kk_der_take_bits(&inner);
        KK_ENSURE(kk_reader_done(&inner), CKR_GENERAL_ERROR);
    }
    return kk_digest_pieces(files->crypto, "SHA1", &bits, 1, ret_id, KK_KEY_ID_LEN);
}

/* ---- keys and certificates that OpenSSL has decoded ---- */

static KK_RV add_item(const struct kk_keyfiles *files, struct kk_bag_item *item, struct kk_bag *bag)
{
    CK_RV rv = kk_keyfiles_id(files, item->key, item->id);
    /* A curve that is spelled out, or that we do not know. */
    KK_ENSURE(rv != CKR_CURVE_NOT_SUPPORTED, CKR_MECHANISM_INVALID);
    KK_TRY(rv == CKR_ATTRIBUTE_VALUE_INVALID ? CKR_DATA_INVALID : rv);
    return add(bag, item);
}

static KK_RV add_key(const struct kk_keyfiles *files, EVP_PKEY *pkey, enum kk_bag_kind kind,
                     struct kk_span label, struct kk_bag *bag)
{
    KK_CLEANUP(item_clear) struct kk_bag_item item = {.kind = kind};
    KK_TRY(kk_alloc(sizeof *item.key, &item.key));
    KK_TRY(kk_keyfile_read(pkey, kind == KK_BAG_PRIVATE, item.key));
    kk_buffer_put_span(&item.label, label);
    KK_TRY(kk_buffer_check(&item.label));
    return add_item(files, &item, bag);
}

/* Plain PKCS#8 by our own decoder: OpenSSL 3 sets up all of its decoders anew for each key, which
 * costs many times what the key itself does. Whatever it does not take is left to OpenSSL. */
static KK_RV add_plain_key(const struct kk_keyfiles *files, struct kk_span der, struct kk_bag *bag)
{
    KK_CLEANUP(item_clear) struct kk_bag_item item = {.kind = KK_BAG_PRIVATE};
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_TRY(kk_alloc(sizeof *item.key, &item.key));
    KK_TRY(kk_pkcs8_decode(der, &parts));
    KK_TRY(kk_keyfile_take_parts(files->crypto, &parts, item.key));
    return add_item(files, &item, bag);
}

/* A certificate of a key that we do not know is a certificate all the same. */
static KK_RV certificate_id(const struct kk_keyfiles *files, X509 *certificate,
                            uint8_t ret_id[KK_KEY_ID_LEN])
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
    KK_TRY(kk_alloc(sizeof *key, &key));
    EVP_PKEY *pkey = X509_get0_pubkey(certificate);
    if (pkey != NULL && kk_keyfile_read(pkey, false, key) == CKR_OK &&
        kk_keyfiles_id(files, key, ret_id) == CKR_OK) {
        return CKR_OK;
    }
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(certificate);
    KK_ENSURE(bits != NULL && bits->length >= 0, CKR_DATA_INVALID);
    struct kk_span span = KK_SPAN(bits->data, (size_t)bits->length);
    return kk_digest_pieces(files->crypto, "SHA1", &span, 1, ret_id, KK_KEY_ID_LEN);
}

static KK_RV add_certificate(const struct kk_keyfiles *files, X509 *certificate,
                             struct kk_span label, struct kk_bag *bag)
{
    KK_CLEANUP(item_clear) struct kk_bag_item item = {.kind = KK_BAG_CERTIFICATE};
    kk_buffer_put_span(&item.label, label);
    KK_TRY(kk_buffer_check(&item.label));
    KK_TRY(kk_alloc(sizeof *item.certificate, &item.certificate));
    KK_TRY(kk_certfile_read(certificate, item.certificate));
    KK_TRY(certificate_id(files, certificate, item.id));
    return add(bag, &item);
}

/* ---- DER ---- */

/* Each returns CKR_FUNCTION_REJECTED when the bytes are of another form. */

static KK_RV take_certificate(const struct kk_keyfiles *files, struct kk_span der,
                              KK_UNUSED const struct kk_secret *pin, struct kk_bag *bag)
{
    const unsigned char *at = der.data;
    X509 *made = X509_new_ex(files->decoder.lib, NULL);
    KK_ENSURE(made != NULL, CKR_HOST_MEMORY);
    /* It frees and clears `made` when it fails. */
    bool whole = d2i_X509(&made, &at, (long)der.len) != NULL && at == der.data + der.len;
    KK_CLEANUP(X509_freep) X509 *certificate = made;
    return whole ? add_certificate(files, certificate, (struct kk_span){0}, bag)
                 : CKR_FUNCTION_REJECTED;
}

static KK_RV take_public(const struct kk_keyfiles *files, struct kk_span der,
                         KK_UNUSED const struct kk_secret *pin, struct kk_bag *bag)
{
    const unsigned char *at = der.data;
    KK_CLEANUP(X509_PUBKEY_freep) X509_PUBKEY *envelope = d2i_X509_PUBKEY(NULL, &at, (long)der.len);
    if (envelope == NULL || at != der.data + der.len) {
        return CKR_FUNCTION_REJECTED;
    }
    at = der.data;
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey =
        d2i_PUBKEY_ex(NULL, &at, (long)der.len, files->decoder.lib, NULL);
    KK_ENSURE(pkey != NULL, CKR_MECHANISM_INVALID);
    return add_key(files, pkey, KK_BAG_PUBLIC, (struct kk_span){0}, bag);
}

static KK_RV take_private(const struct kk_keyfiles *files, const struct kk_envelope *envelope,
                          const struct kk_secret *pin, struct kk_bag *bag)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    if (envelope->form == KK_FORM_PKCS8 &&
        add_plain_key(files, kk_secret_span(envelope->der), bag) == CKR_OK) {
        return CKR_OK;
    }
    bool encrypted = envelope->form == KK_FORM_PKCS8_ENCRYPTED;
    KK_TRY(kk_envelope_decode(&files->decoder, envelope, encrypted ? pin : NULL, &pkey));
    return add_key(files, pkey, KK_BAG_PRIVATE, (struct kk_span){0}, bag);
}

static KK_RV take_pkcs8(const struct kk_keyfiles *files, struct kk_span der,
                        const struct kk_secret *pin, struct kk_bag *bag)
{
    KK_CLEANUP(kk_envelope_clear) struct kk_envelope envelope = {0};
    KK_TRY(kk_envelope_open_der(der, &envelope));
    return envelope.form == KK_FORM_TRADITIONAL ? CKR_FUNCTION_REJECTED
                                                : take_private(files, &envelope, pin, bag);
}

static KK_RV take_traditional(const struct kk_keyfiles *files, struct kk_span der,
                              const struct kk_secret *pin, struct kk_bag *bag)
{
    KK_CLEANUP(kk_envelope_clear) struct kk_envelope envelope = {0};
    KK_TRY(kk_envelope_open_der(der, &envelope));
    return take_private(files, &envelope, pin, bag);
}

/* ---- PKCS#12 ---- */

/* The passphrase that opens it, with a zero behind it: the one that was given; without one, none or
 * an empty one, which are two things in PKCS#12. */
static KK_RV find_passphrase(PKCS12 *file, const struct kk_secret *pin, struct kk_secret **ret_text)
{
    struct kk_span given = pin != NULL ? kk_secret_span(pin) : (struct kk_span){0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_ENSURE(given.len < INT_MAX && (given.len == 0 || memchr(given.data, 0, given.len) == NULL),
              CKR_PIN_INCORRECT);
    KK_TRY(kk_secret_new(given.len + 1, &text));
    if (given.len > 0) {
        memcpy(kk_secret_data(text), given.data, given.len);
    }
    const char *passphrase = (const char *)kk_secret_data(text);
    if (PKCS12_mac_present(file) == 1 && PKCS12_verify_mac(file, passphrase, -1) != 1) {
        KK_ENSURE(pin == NULL, CKR_PIN_INCORRECT);
        KK_ENSURE(PKCS12_verify_mac(file, NULL, 0) == 1, CKR_ENCRYPTED_DATA_INVALID);
        return CKR_OK; /* NULL: none */
    }
    *ret_text = KK_STEAL(text);
    return CKR_OK;
}

/* One PKCS#12 file, and the passphrase for all that is in it (NULL: none). */
struct pkcs12 {
    const struct kk_keyfiles *files;
    const char *passphrase;
    struct kk_bag *bag;
};

static void name_clear(char **name)
{
    OPENSSL_free(*name);
}

static KK_RV add_pkcs12_key(const struct pkcs12 *pkcs12, const PKCS8_PRIV_KEY_INFO *info,
                            struct kk_span label)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey =
        EVP_PKCS82PKEY_ex(info, pkcs12->files->decoder.lib, NULL);
    KK_ENSURE(pkey != NULL, CKR_MECHANISM_INVALID);
    return add_key(pkcs12->files, pkey, KK_BAG_PRIVATE, label, pkcs12->bag);
}

static KK_RV add_shrouded_key(const struct pkcs12 *pkcs12, const PKCS12_SAFEBAG *safe,
                              struct kk_span label)
{
    KK_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info =
        PKCS12_decrypt_skey_ex(safe, pkcs12->passphrase, -1, pkcs12->files->decoder.lib, NULL);
    KK_ENSURE(info != NULL, kk_decryption_error());
    return add_pkcs12_key(pkcs12, info, label);
}

static KK_RV add_pkcs12_certificate(const struct pkcs12 *pkcs12, const PKCS12_SAFEBAG *safe,
                                    struct kk_span label)
{
    if (PKCS12_SAFEBAG_get_bag_nid(safe) != NID_x509Certificate) {
        return CKR_OK;
    }
    KK_CLEANUP(X509_freep) X509 *certificate = PKCS12_SAFEBAG_get1_cert(safe);
    KK_ENSURE(certificate != NULL, CKR_DATA_INVALID);
    return add_certificate(pkcs12->files, certificate, label, pkcs12->bag);
}

static KK_RV add_safe_bag(const struct pkcs12 *pkcs12, const PKCS12_SAFEBAG *safe)
{
    KK_CLEANUP(name_clear) char *name = PKCS12_get_friendlyname((PKCS12_SAFEBAG *)(uintptr_t)safe);
    struct kk_span label = KK_SPAN(name, name != NULL ? strlen(name) : 0);
    switch (PKCS12_SAFEBAG_get_nid(safe)) {
    case NID_keyBag:
        return add_pkcs12_key(pkcs12, PKCS12_SAFEBAG_get0_p8inf(safe), label);
    case NID_pkcs8ShroudedKeyBag:
        return add_shrouded_key(pkcs12, safe, label);
    case NID_certBag:
        return add_pkcs12_certificate(pkcs12, safe, label);
    case NID_safeContentsBag: /* nobody writes such a thing */
        return CKR_MECHANISM_INVALID;
    default:
        return CKR_OK; /* revocation lists, secrets of other programs */
    }
}

static void bags_clear(STACK_OF(PKCS12_SAFEBAG) * *bags)
{
    sk_PKCS12_SAFEBAG_pop_free(*bags, PKCS12_SAFEBAG_free);
}

static KK_RV add_safe(const struct pkcs12 *pkcs12, PKCS7 *safe)
{
    KK_CLEANUP(bags_clear) STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    if (OBJ_obj2nid(safe->type) == NID_pkcs7_data) {
        bags = PKCS12_unpack_p7data(safe);
        KK_ENSURE(bags != NULL, CKR_DATA_INVALID);
    } else {
        bool encrypted = OBJ_obj2nid(safe->type) == NID_pkcs7_encrypted;
        bags = encrypted ? PKCS12_unpack_p7encdata(safe, pkcs12->passphrase, -1) : NULL;
        KK_ENSURE(bags != NULL, encrypted ? kk_decryption_error() : CKR_MECHANISM_INVALID);
    }
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        KK_TRY(add_safe_bag(pkcs12, sk_PKCS12_SAFEBAG_value(bags, i)));
    }
    return CKR_OK;
}

static void safes_clear(STACK_OF(PKCS7) * *safes)
{
    sk_PKCS7_pop_free(*safes, PKCS7_free);
}

static KK_RV add_safes(const struct pkcs12 *pkcs12, const PKCS12 *file)
{
    KK_CLEANUP(safes_clear) STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(file);
    KK_ENSURE(safes != NULL, CKR_DATA_INVALID);
    for (int i = 0; i < sk_PKCS7_num(safes); i++) {
        KK_TRY(add_safe(pkcs12, sk_PKCS7_value(safes, i)));
    }
    return CKR_OK;
}

static KK_RV take_pkcs12(const struct kk_keyfiles *files, struct kk_span der,
                         const struct kk_secret *pin, struct kk_bag *bag)
{
    const unsigned char *at = der.data;
    PKCS12 *made = PKCS12_init_ex(NID_pkcs7_data, files->decoder.lib, NULL);
    KK_ENSURE(made != NULL, CKR_HOST_MEMORY);
    bool whole = d2i_PKCS12(&made, &at, (long)der.len) != NULL && at == der.data + der.len;
    KK_CLEANUP(PKCS12_freep) PKCS12 *file = made;
    if (!whole) {
        return CKR_FUNCTION_REJECTED;
    }
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_TRY(find_passphrase(file, pin, &text));
    const struct pkcs12 pkcs12 = {.files = files,
                                  .passphrase =
                                      text != NULL ? (const char *)kk_secret_data(text) : NULL,
                                  .bag = bag};
    CK_RV rv = add_safes(&pkcs12, file);
    return rv == CKR_PIN_INCORRECT && pin == NULL ? CKR_ENCRYPTED_DATA_INVALID : rv;
}

typedef CK_RV take_fn(const struct kk_keyfiles *files, struct kk_span der,
                      const struct kk_secret *pin, struct kk_bag *bag);

static KK_RV read_der(const struct kk_keyfiles *files, struct kk_span der,
                      const struct kk_secret *pin, struct kk_bag *bag)
{
    static take_fn *const forms[] = {take_pkcs8, take_certificate, take_public, take_pkcs12,
                                     take_traditional};
    CK_RV rv = CKR_FUNCTION_REJECTED;
    for (size_t i = 0; rv == CKR_FUNCTION_REJECTED && i < KK_ARRAY_LEN(forms); i++) {
        rv = forms[i](files, der, pin, bag);
    }
    return rv;
}

/* ---- PEM ---- */

/* clang-format off */
static const struct {
    const char *name;
    take_fn *take;
} other_blocks[] = {
    {"CERTIFICATE",      take_certificate},
    {"X509 CERTIFICATE", take_certificate},
    {"PUBLIC KEY",       take_public},
};
/* clang-format on */

static KK_RV read_private_block(const struct kk_keyfiles *files, const struct kk_pem_name *name,
                                struct kk_pem_block *block, const struct kk_secret *pin,
                                struct kk_bag *bag)
{
    KK_CLEANUP(kk_envelope_clear) struct kk_envelope envelope = {.form = name->form,
                                                                 .type = name->type};
    if (name->form == KK_FORM_TRADITIONAL) {
        KK_TRY(kk_pem_decrypt(block, block->header[0] != '\0' ? pin : NULL));
    }
    KK_TRY(kk_secret_from(KK_SPAN(block->data, (size_t)block->len), &envelope.der));
    CK_RV rv = take_private(files, &envelope, pin, bag);
    /* Garbage behind a decryption that looked padded by chance. */
    return rv == CKR_DATA_INVALID && block->header[0] != '\0' ? CKR_PIN_INCORRECT : rv;
}

static KK_RV read_block(const struct kk_keyfiles *files, struct kk_pem_block *block,
                        const struct kk_secret *pin, struct kk_bag *bag)
{
    static const char private_key[] = "PRIVATE KEY";
    const struct kk_pem_name *name = kk_pem_find(block->name);
    if (name != NULL) {
        return read_private_block(files, name, block, pin, bag);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(other_blocks); i++) {
        if (strcmp(other_blocks[i].name, block->name) == 0) {
            CK_RV rv =
                other_blocks[i].take(files, KK_SPAN(block->data, (size_t)block->len), pin, bag);
            return rv == CKR_FUNCTION_REJECTED ? CKR_DATA_INVALID : rv;
        }
    }
    /* A private key in a form of its own ("OPENSSH PRIVATE KEY") is not to be lost silently. */
    KK_ENSURE(strstr(block->name, private_key) == NULL, CKR_MECHANISM_INVALID);
    return CKR_OK;
}

static KK_RV read_pem(const struct kk_keyfiles *files, struct kk_span content,
                      const struct kk_secret *pin, struct kk_bag *bag)
{
    KK_CLEANUP(BIO_free_allp) BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);
    KK_ENSURE(bio != NULL, CKR_HOST_MEMORY);
    for (;;) {
        KK_CLEANUP(kk_pem_block_clear) struct kk_pem_block block = {0};
        if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.len) != 1) {
            unsigned long error = ERR_peek_last_error();
            bool at_end =
                ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
            return at_end ? CKR_OK : CKR_DATA_INVALID;
        }
        KK_TRY(read_block(files, &block, pin, bag));
    }
}

static bool is_pem(struct kk_span content)
{
    static const char begin[] = "-----BEGIN ";
    return memmem(content.data, content.len, begin, sizeof begin - 1) != NULL;
}

static KK_RV read_all(const struct kk_keyfiles *files, struct kk_span content,
                      const struct kk_secret *pin, struct kk_bag **ret_bag)
{
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = NULL;
    KK_TRY(kk_alloc(sizeof *bag, &bag));
    KK_TRY(is_pem(content) ? read_pem(files, content, pin, bag)
                           : read_der(files, content, pin, bag));
    KK_ENSURE(bag->count > 0, CKR_DATA_INVALID);
    *ret_bag = KK_STEAL(bag);
    return CKR_OK;
}

KK_RV kk_keyfiles_read(const struct kk_keyfiles *files, struct kk_span content,
                       const struct kk_secret *pin, struct kk_bag **ret_bag)
{
    KK_ENSURE(content.len > 0 && content.len <= KK_KEYFILE_MAX, CKR_DATA_INVALID);
    kk_crypto_enter();
    CK_RV rv = read_all(files, content, pin, ret_bag);
    kk_crypto_leave();
    return rv;
}
