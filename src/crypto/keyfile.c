/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files and certificate files. First the envelope is found (PEM or DER, which form, encrypted
 * or not) and opened, then the key in it is decoded, and last its parts are read by name: one table
 * row per algorithm, one per part.
 */
#include "crypto/keyfile.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/memory.h"
#include "crypto/keyfile_internal.h"

#include "base/banned.h"

enum part_form { PART_NUMBER, PART_BYTES };

struct part_rule {
    enum kk_keyfile_part part;
    enum part_form form;
    const char *param;
    bool optional;
};

struct algorithm_rule {
    const char *name;
    enum kk_keyfile_kind kind;
    const struct part_rule *parts;
    size_t part_count;
    uint8_t params[5]; /* CKA_EC_PARAMS of an RFC 8410 key */
};

/* clang-format off */
static const struct part_rule rsa_parts[] = {
    {KK_KEYPART_MODULUS,          PART_NUMBER, OSSL_PKEY_PARAM_RSA_N,            false},
    {KK_KEYPART_PUBLIC_EXPONENT,  PART_NUMBER, OSSL_PKEY_PARAM_RSA_E,            false},
    {KK_KEYPART_PRIVATE_EXPONENT, PART_NUMBER, OSSL_PKEY_PARAM_RSA_D,            false},
    {KK_KEYPART_PRIME_1,          PART_NUMBER, OSSL_PKEY_PARAM_RSA_FACTOR1,      true},
    {KK_KEYPART_PRIME_2,          PART_NUMBER, OSSL_PKEY_PARAM_RSA_FACTOR2,      true},
    {KK_KEYPART_EXPONENT_1,       PART_NUMBER, OSSL_PKEY_PARAM_RSA_EXPONENT1,    true},
    {KK_KEYPART_EXPONENT_2,       PART_NUMBER, OSSL_PKEY_PARAM_RSA_EXPONENT2,    true},
    {KK_KEYPART_COEFFICIENT,      PART_NUMBER, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true},
};

static const struct part_rule dsa_parts[] = {
    {KK_KEYPART_PRIME,    PART_NUMBER, OSSL_PKEY_PARAM_FFC_P,    false},
    {KK_KEYPART_SUBPRIME, PART_NUMBER, OSSL_PKEY_PARAM_FFC_Q,    false},
    {KK_KEYPART_BASE,     PART_NUMBER, OSSL_PKEY_PARAM_FFC_G,    false},
    {KK_KEYPART_PUBLIC,   PART_NUMBER, OSSL_PKEY_PARAM_PUB_KEY,  false},
    {KK_KEYPART_PRIVATE,  PART_NUMBER, OSSL_PKEY_PARAM_PRIV_KEY, false},
};

static const struct part_rule ec_parts[] = {
    {KK_KEYPART_PUBLIC,  PART_BYTES,  OSSL_PKEY_PARAM_PUB_KEY,  false},
    {KK_KEYPART_PRIVATE, PART_NUMBER, OSSL_PKEY_PARAM_PRIV_KEY, false},
};

static const struct part_rule raw_parts[] = {
    {KK_KEYPART_PUBLIC,  PART_BYTES, OSSL_PKEY_PARAM_PUB_KEY,  false},
    {KK_KEYPART_PRIVATE, PART_BYTES, OSSL_PKEY_PARAM_PRIV_KEY, false},
};

#define PARTS(table) table, KK_ARRAY_LEN(table)
#define OID_1_3_101(last) {0x06, 0x03, 0x2b, 0x65, (last)}

static const struct algorithm_rule algorithms[] = {
    {"RSA",       KK_KEYFILE_RSA,        PARTS(rsa_parts), {0}},
    {"RSA-PSS",   KK_KEYFILE_RSA,        PARTS(rsa_parts), {0}},
    {"DSA",       KK_KEYFILE_DSA,        PARTS(dsa_parts), {0}},
    {"EC",        KK_KEYFILE_EC,         PARTS(ec_parts),  {0}},
    {"X25519",    KK_KEYFILE_MONTGOMERY, PARTS(raw_parts), OID_1_3_101(110)},
    {"X448",      KK_KEYFILE_MONTGOMERY, PARTS(raw_parts), OID_1_3_101(111)},
    {"ED25519",   KK_KEYFILE_EDWARDS,    PARTS(raw_parts), OID_1_3_101(112)},
    {"ED448",     KK_KEYFILE_EDWARDS,    PARTS(raw_parts), OID_1_3_101(113)},
    {"ML-DSA-44", KK_KEYFILE_ML_DSA,     PARTS(raw_parts), {0}},
    {"ML-DSA-65", KK_KEYFILE_ML_DSA,     PARTS(raw_parts), {0}},
    {"ML-DSA-87", KK_KEYFILE_ML_DSA,     PARTS(raw_parts), {0}},
};
/* clang-format on */

void kk_decoder_end(struct kk_decoder *decoder)
{
    if (decoder->legacy != NULL) {
        OSSL_PROVIDER_unload(decoder->legacy);
    }
    if (decoder->base != NULL) {
        OSSL_PROVIDER_unload(decoder->base);
    }
    OSSL_LIB_CTX_free(decoder->lib);
    ERR_pop_to_mark();
}

KK_RV kk_decoder_begin(struct kk_decoder *decoder)
{
    ERR_set_mark();
    decoder->lib = OSSL_LIB_CTX_new();
    KK_ENSURE(decoder->lib != NULL, CKR_HOST_MEMORY);
    decoder->base = OSSL_PROVIDER_load(decoder->lib, "default");
    KK_ENSURE(decoder->base != NULL, CKR_GENERAL_ERROR);
    /* Old files are encrypted with DES or RC2. Not every system has the provider for those. */
    decoder->legacy = OSSL_PROVIDER_load(decoder->lib, "legacy");
    return CKR_OK;
}

/* ---- the envelope ---- */

void kk_pem_block_clear(struct kk_pem_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, (size_t)block->len);
    *block = (struct kk_pem_block){0};
}

/* clang-format off */
static const struct kk_pem_name pem_names[] = {
    {"PRIVATE KEY",           KK_FORM_PKCS8,           EVP_PKEY_NONE},
    {"ENCRYPTED PRIVATE KEY", KK_FORM_PKCS8_ENCRYPTED, EVP_PKEY_NONE},
    {"RSA PRIVATE KEY",       KK_FORM_TRADITIONAL,     EVP_PKEY_RSA},
    {"DSA PRIVATE KEY",       KK_FORM_TRADITIONAL,     EVP_PKEY_DSA},
    {"EC PRIVATE KEY",        KK_FORM_TRADITIONAL,     EVP_PKEY_EC},
};
/* clang-format on */

const struct kk_pem_name *kk_pem_find(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(pem_names); i++) {
        if (strcmp(pem_names[i].name, name) == 0) {
            return &pem_names[i];
        }
    }
    return NULL;
}

/* OpenSSL's passphrase callback. */
static int give_pin(char *buffer, int size, int writing, void *context)
{
    const struct kk_secret *pin = context;
    struct kk_span span = kk_secret_span(pin);
    (void)writing;
    if (size < 0 || span.len > (size_t)size) {
        return -1;
    }
    if (span.len > 0) {
        memcpy(buffer, span.data, span.len);
    }
    return (int)span.len;
}

/* The RFC 1421 encryption of traditional PEM files (Proc-Type: 4,ENCRYPTED). */
KK_RV kk_pem_decrypt(struct kk_pem_block *block, const struct kk_secret *pin)
{
    EVP_CIPHER_INFO cipher;
    KK_ENSURE(PEM_get_EVP_CIPHER_INFO(block->header, &cipher) == 1, CKR_MECHANISM_INVALID);
    if (cipher.cipher == NULL) {
        KK_ENSURE(pin == NULL, CKR_PIN_INVALID);
        return CKR_OK;
    }
    KK_ENSURE(pin != NULL, CKR_ENCRYPTED_DATA_INVALID);
    long len = block->len;
    int done = PEM_do_header(&cipher, block->data, &len, give_pin, (void *)(uintptr_t)pin);
    if (done == 1) {
        block->len = len;
    }
    return done == 1 ? CKR_OK : CKR_PIN_INCORRECT;
}

/* The first block of `bio` that holds a private key. CKR_DATA_INVALID: there is none; *ret_any
 * tells whether there was any PEM at all. */
static KK_RV find_pem_key(BIO *bio, struct kk_pem_block *ret_block,
                          const struct kk_pem_name **ret_name, bool *ret_any)
{
    *ret_any = false;
    for (;;) {
        KK_CLEANUP(kk_pem_block_clear) struct kk_pem_block block = {0};
        KK_ENSURE(PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.len) == 1,
                  CKR_DATA_INVALID);
        *ret_any = true;
        *ret_name = kk_pem_find(block.name);
        if (*ret_name != NULL) {
            *ret_block = block;
            block = (struct kk_pem_block){0};
            return CKR_OK;
        }
    }
}

static bool is_whole_pkcs8(struct kk_span der)
{
    const unsigned char *at = der.data;
    KK_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    return info != NULL && at == der.data + der.len;
}

static bool is_whole_encrypted_pkcs8(struct kk_span der)
{
    const unsigned char *at = der.data;
    KK_CLEANUP(X509_SIG_freep) X509_SIG *sig = d2i_X509_SIG(NULL, &at, (long)der.len);
    return sig != NULL && at == der.data + der.len;
}

KK_RV kk_envelope_open_der(struct kk_span content, struct kk_envelope *ret_envelope)
{
    struct kk_envelope envelope = {.form = KK_FORM_TRADITIONAL, .type = EVP_PKEY_NONE};
    if (is_whole_pkcs8(content)) {
        envelope.form = KK_FORM_PKCS8;
    } else if (is_whole_encrypted_pkcs8(content)) {
        envelope.form = KK_FORM_PKCS8_ENCRYPTED;
    }
    KK_TRY(kk_secret_from(content, &envelope.der));
    *ret_envelope = envelope;
    return CKR_OK;
}

static KK_RV open_envelope(struct kk_span content, const struct kk_secret *pin,
                           struct kk_envelope *ret_envelope)
{
    KK_CLEANUP(BIO_free_allp) BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);
    KK_ENSURE(bio != NULL, CKR_HOST_MEMORY);
    KK_CLEANUP(kk_pem_block_clear) struct kk_pem_block block = {0};
    const struct kk_pem_name *name = NULL;
    bool any_pem = false;
    CK_RV rv = find_pem_key(bio, &block, &name, &any_pem);
    if (rv != CKR_OK || name == NULL) {
        return any_pem ? rv : kk_envelope_open_der(content, ret_envelope);
    }
    struct kk_envelope envelope = {.form = name->form, .type = name->type};
    if (envelope.form == KK_FORM_TRADITIONAL) {
        KK_TRY(kk_pem_decrypt(&block, pin));
    }
    KK_TRY(kk_secret_from(KK_SPAN(block.data, (size_t)block.len), &envelope.der));
    *ret_envelope = envelope;
    return CKR_OK;
}

/* ---- the key in it ---- */

static KK_RV decode_pkcs8(const struct kk_decoder *decoder, PKCS8_PRIV_KEY_INFO *info,
                          EVP_PKEY **ret_pkey)
{
    EVP_PKEY *pkey = EVP_PKCS82PKEY_ex(info, decoder->lib, NULL);
    KK_ENSURE(pkey != NULL, CKR_MECHANISM_INVALID);
    *ret_pkey = pkey;
    return CKR_OK;
}

static KK_RV decode_plain(const struct kk_decoder *decoder, struct kk_span der,
                          const struct kk_secret *pin, EVP_PKEY **ret_pkey)
{
    const unsigned char *at = der.data;
    KK_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    KK_ENSURE(info != NULL, CKR_DATA_INVALID);
    KK_ENSURE(pin == NULL, CKR_PIN_INVALID);
    return decode_pkcs8(decoder, info, ret_pkey);
}

/* Why a PKCS#8 file did not open: of all errors OpenSSL queued, those about an algorithm count; all
 * others come from decrypting with the wrong key. */
CK_RV kk_decryption_error(void)
{
    for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
        int reason = ERR_GET_REASON(error);
        if (reason == ERR_R_UNSUPPORTED ||
            (ERR_GET_LIB(error) == ERR_LIB_EVP &&
             (reason == EVP_R_UNKNOWN_PBE_ALGORITHM || reason == EVP_R_UNKNOWN_CIPHER ||
              reason == EVP_R_UNSUPPORTED_ALGORITHM || reason == EVP_R_UNSUPPORTED_CIPHER ||
              reason == EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION ||
              reason == EVP_R_UNSUPPORTED_PRF))) {
            return CKR_MECHANISM_INVALID;
        }
    }
    return CKR_PIN_INCORRECT;
}

static KK_RV decode_encrypted(const struct kk_decoder *decoder, struct kk_span der,
                              const struct kk_secret *pin, EVP_PKEY **ret_pkey)
{
    const unsigned char *at = der.data;
    KK_CLEANUP(X509_SIG_freep) X509_SIG *sig = d2i_X509_SIG(NULL, &at, (long)der.len);
    KK_ENSURE(sig != NULL, CKR_DATA_INVALID);
    KK_ENSURE(pin != NULL, CKR_ENCRYPTED_DATA_INVALID);
    struct kk_span secret = kk_secret_span(pin);
    KK_ENSURE(secret.len <= INT_MAX, CKR_PIN_INCORRECT);
    KK_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info =
        PKCS8_decrypt_ex(sig, (const char *)secret.data, (int)secret.len, decoder->lib, NULL);
    KK_ENSURE(info != NULL, kk_decryption_error());
    return decode_pkcs8(decoder, info, ret_pkey);
}

static KK_RV decode_traditional(const struct kk_decoder *decoder,
                                const struct kk_envelope *envelope, const struct kk_secret *pin,
                                EVP_PKEY **ret_pkey)
{
    struct kk_span der = kk_secret_span(envelope->der);
    const unsigned char *at = der.data;
    if (envelope->type != EVP_PKEY_NONE) {
        EVP_PKEY *pkey =
            d2i_PrivateKey_ex(envelope->type, NULL, &at, (long)der.len, decoder->lib, NULL);
        /* Garbage behind a PIN's decryption that looked padded by chance. */
        KK_ENSURE(pkey != NULL, pin != NULL ? CKR_PIN_INCORRECT : CKR_DATA_INVALID);
        *ret_pkey = pkey;
        return CKR_OK;
    }
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey =
        d2i_AutoPrivateKey_ex(NULL, &at, (long)der.len, decoder->lib, NULL);
    KK_ENSURE(pkey != NULL, CKR_DATA_INVALID);
    KK_ENSURE(pin == NULL, CKR_PIN_INVALID);
    *ret_pkey = KK_STEAL(pkey);
    return CKR_OK;
}

KK_RV kk_envelope_decode(const struct kk_decoder *decoder, const struct kk_envelope *envelope,
                         const struct kk_secret *pin, EVP_PKEY **ret_pkey)
{
    struct kk_span der = kk_secret_span(envelope->der);
    switch (envelope->form) {
    case KK_FORM_PKCS8:
        return decode_plain(decoder, der, pin, ret_pkey);
    case KK_FORM_PKCS8_ENCRYPTED:
        return decode_encrypted(decoder, der, pin, ret_pkey);
    case KK_FORM_TRADITIONAL:
        return decode_traditional(decoder, envelope, pin, ret_pkey);
    }
    return CKR_DATA_INVALID;
}

/* ---- its parts ---- */

static KK_RV read_number(const EVP_PKEY *pkey, const char *param, struct kk_secret **ret_part)
{
    KK_CLEANUP(BN_clear_freep) BIGNUM *number = NULL;
    KK_ENSURE(EVP_PKEY_get_bn_param(pkey, param, &number) == 1, CKR_DATA_INVALID);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *part = NULL;
    KK_TRY(kk_secret_new((size_t)BN_num_bytes(number), &part));
    KK_ENSURE(BN_bn2bin(number, kk_secret_data(part)) >= 0, CKR_GENERAL_ERROR);
    *ret_part = KK_STEAL(part);
    return CKR_OK;
}

static KK_RV read_bytes(const EVP_PKEY *pkey, const char *param, struct kk_secret **ret_part)
{
    size_t len = 0;
    KK_ENSURE(EVP_PKEY_get_octet_string_param(pkey, param, NULL, 0, &len) == 1, CKR_DATA_INVALID);
    KK_CLEANUP(kk_secret_freep) struct kk_secret *part = NULL;
    KK_TRY(kk_secret_new(len, &part));
    KK_ENSURE(EVP_PKEY_get_octet_string_param(pkey, param, kk_secret_data(part), len, &len) == 1,
              CKR_DATA_INVALID);
    kk_secret_truncate(part, len);
    *ret_part = KK_STEAL(part);
    return CKR_OK;
}

/* What a public key has too. */
static bool is_public(enum kk_keyfile_part part)
{
    switch (part) {
    case KK_KEYPART_MODULUS:
    case KK_KEYPART_PUBLIC_EXPONENT:
    case KK_KEYPART_PRIME:
    case KK_KEYPART_SUBPRIME:
    case KK_KEYPART_BASE:
    case KK_KEYPART_EC_PARAMS:
    case KK_KEYPART_PUBLIC:
        return true;
    case KK_KEYPART_PRIVATE_EXPONENT:
    case KK_KEYPART_PRIME_1:
    case KK_KEYPART_PRIME_2:
    case KK_KEYPART_EXPONENT_1:
    case KK_KEYPART_EXPONENT_2:
    case KK_KEYPART_COEFFICIENT:
    case KK_KEYPART_PRIVATE:
    case KK_KEYPART_COUNT:
        break;
    }
    return false;
}

static KK_RV read_parts(const EVP_PKEY *pkey, const struct algorithm_rule *rule, bool with_private,
                        struct kk_keyfile *keyfile)
{
    for (size_t i = 0; i < rule->part_count; i++) {
        const struct part_rule *part = &rule->parts[i];
        if (!with_private && !is_public(part->part)) {
            continue;
        }
        struct kk_secret **slot = &keyfile->parts[part->part];
        CK_RV rv = part->form == PART_NUMBER ? read_number(pkey, part->param, slot)
                                             : read_bytes(pkey, part->param, slot);
        if (rv != CKR_OK && !(part->optional && rv == CKR_DATA_INVALID)) {
            return rv;
        }
    }
    return CKR_OK;
}

/* The OBJECT IDENTIFIER of a named curve. */
static KK_RV read_named_curve(const char *name, struct kk_secret **ret_params)
{
    KK_CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *object = OBJ_txt2obj(name, 0);
    KK_ENSURE(object != NULL, CKR_MECHANISM_INVALID);
    unsigned char der[64];
    unsigned char *at = der;
    int len = i2d_ASN1_OBJECT(object, NULL);
    KK_ENSURE(len > 0 && (size_t)len <= sizeof der, CKR_MECHANISM_INVALID);
    KK_ENSURE(i2d_ASN1_OBJECT(object, &at) == len, CKR_GENERAL_ERROR);
    return kk_secret_from(KK_SPAN(der, (size_t)len), ret_params);
}

static KK_RV read_ec_params(const EVP_PKEY *pkey, struct kk_secret **ret_params)
{
    char name[80];
    size_t len = 0;
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &len)) {
        return read_named_curve(name, ret_params);
    }
    unsigned char *der = NULL;
    int der_len = i2d_KeyParams(pkey, &der);
    KK_ENSURE(der_len > 0, CKR_MECHANISM_INVALID);
    CK_RV rv = kk_secret_from(KK_SPAN(der, (size_t)der_len), ret_params);
    OPENSSL_free(der);
    return rv;
}

static bool has_third_prime(const EVP_PKEY *pkey)
{
    KK_CLEANUP(BN_clear_freep) BIGNUM *factor = NULL;
    return EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &factor) == 1;
}

static const struct algorithm_rule *find_algorithm(const EVP_PKEY *pkey)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        if (EVP_PKEY_is_a(pkey, algorithms[i].name) == 1) {
            return &algorithms[i];
        }
    }
    return NULL;
}

KK_RV kk_keyfile_of_params(struct kk_span params, struct kk_keyfile *keyfile)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        const struct algorithm_rule *rule = &algorithms[i];
        if (rule->params[0] != 0 && kk_span_equal(params, KK_SPAN_ARRAY(rule->params))) {
            keyfile->kind = rule->kind;
            keyfile->algorithm = rule->name;
            return CKR_OK;
        }
    }
    return CKR_CURVE_NOT_SUPPORTED;
}

KK_RV kk_keyfile_read(EVP_PKEY *pkey, bool with_private, struct kk_keyfile *keyfile)
{
    const struct algorithm_rule *rule = find_algorithm(pkey);
    KK_ENSURE(rule != NULL, CKR_MECHANISM_INVALID);
    keyfile->kind = rule->kind;
    keyfile->algorithm = rule->name;
    if (rule->params[0] != 0) {
        KK_TRY(kk_secret_from(KK_SPAN_ARRAY(rule->params), &keyfile->parts[KK_KEYPART_EC_PARAMS]));
    }
    if (rule->kind == KK_KEYFILE_EC) {
        KK_TRY(read_ec_params(pkey, &keyfile->parts[KK_KEYPART_EC_PARAMS]));
        KK_ENSURE(
            EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1,
            CKR_MECHANISM_INVALID);
    }
    /* A key of three primes has no form in PKCS#11. */
    KK_ENSURE(rule->kind != KK_KEYFILE_RSA || !with_private || !has_third_prime(pkey),
              CKR_MECHANISM_INVALID);
    return read_parts(pkey, rule, with_private, keyfile);
}

void kk_envelope_clear(struct kk_envelope *envelope)
{
    kk_secret_free(envelope->der);
    envelope->der = NULL;
}

KK_RV kk_keyfile_parse(struct kk_span content, const struct kk_secret *pin,
                       struct kk_keyfile **ret_keyfile)
{
    KK_ENSURE(content.len > 0 && content.len <= KK_KEYFILE_MAX, CKR_DATA_INVALID);
    KK_CLEANUP(kk_decoder_end) struct kk_decoder decoder = {0};
    KK_TRY(kk_decoder_begin(&decoder));
    KK_CLEANUP(kk_envelope_clear) struct kk_envelope envelope = {0};
    KK_TRY(open_envelope(content, pin, &envelope));
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    KK_TRY(kk_envelope_decode(&decoder, &envelope, pin, &pkey));
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
    KK_TRY(kk_alloc(sizeof *keyfile, &keyfile));
    KK_TRY(kk_keyfile_read(pkey, true, keyfile));
    *ret_keyfile = KK_STEAL(keyfile);
    return CKR_OK;
}

void kk_keyfile_free(struct kk_keyfile *keyfile)
{
    if (keyfile == NULL) {
        return;
    }
    for (size_t i = 0; i < KK_KEYPART_COUNT; i++) {
        kk_secret_free(keyfile->parts[i]);
    }
    kk_free(keyfile);
}

/* ---- certificates ---- */

static KK_RV decode_certificate(const struct kk_decoder *decoder, struct kk_span content,
                                X509 **ret_certificate)
{
    KK_CLEANUP(BIO_free_allp) BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);
    KK_CLEANUP(X509_freep) X509 *certificate = X509_new_ex(decoder->lib, NULL);
    KK_ENSURE(bio != NULL && certificate != NULL, CKR_HOST_MEMORY);
    /* Either call frees and clears `certificate` when it fails. */
    if (PEM_read_bio_X509(bio, &certificate, NULL, NULL) == NULL) {
        const unsigned char *at = content.data;
        X509_free(certificate);
        certificate = X509_new_ex(decoder->lib, NULL);
        KK_ENSURE(certificate != NULL, CKR_HOST_MEMORY);
        KK_ENSURE(d2i_X509(&certificate, &at, (long)content.len) != NULL, CKR_DATA_INVALID);
    }
    *ret_certificate = KK_STEAL(certificate);
    return CKR_OK;
}

/* Takes what an i2d function allocated. */
static KK_RV take_der(unsigned char *der, int len, struct kk_buffer *ret_buffer)
{
    KK_ENSURE(len > 0, CKR_DATA_INVALID);
    kk_buffer_put(ret_buffer, der, (size_t)len);
    OPENSSL_free(der);
    return kk_buffer_check(ret_buffer);
}

KK_RV kk_certfile_read(const X509 *certificate, struct kk_certfile *certfile)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    KK_TRY(take_der(der, len, &certfile->certificate));
    der = NULL;
    len = i2d_X509_NAME(X509_get_subject_name(certificate), &der);
    KK_TRY(take_der(der, len, &certfile->subject));
    der = NULL;
    len = i2d_X509_NAME(X509_get_issuer_name(certificate), &der);
    KK_TRY(take_der(der, len, &certfile->issuer));
    der = NULL;
    len = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &der);
    return take_der(der, len, &certfile->serial);
}

KK_RV kk_certfile_parse(struct kk_span content, struct kk_certfile **ret_certfile)
{
    KK_ENSURE(content.len > 0 && content.len <= KK_KEYFILE_MAX, CKR_DATA_INVALID);
    KK_CLEANUP(kk_decoder_end) struct kk_decoder decoder = {0};
    KK_TRY(kk_decoder_begin(&decoder));
    KK_CLEANUP(X509_freep) X509 *certificate = NULL;
    KK_TRY(decode_certificate(&decoder, content, &certificate));
    KK_CLEANUP(kk_certfile_freep) struct kk_certfile *certfile = NULL;
    KK_TRY(kk_alloc(sizeof *certfile, &certfile));
    KK_TRY(kk_certfile_read(certificate, certfile));
    *ret_certfile = KK_STEAL(certfile);
    return CKR_OK;
}

void kk_certfile_free(struct kk_certfile *certfile)
{
    if (certfile == NULL) {
        return;
    }
    kk_buffer_clear(&certfile->certificate);
    kk_buffer_clear(&certfile->subject);
    kk_buffer_clear(&certfile->issuer);
    kk_buffer_clear(&certfile->serial);
    kk_free(certfile);
}

const char *kk_keyfile_library(unsigned int *ret_major, unsigned int *ret_minor)
{
    *ret_major = OPENSSL_version_major();
    *ret_minor = OPENSSL_version_minor();
    return OpenSSL_version(OPENSSL_VERSION);
}
